#include "pickle_parts.h"

#include <stdbool.h>
#include <string.h>

#include "status.h"

/* What may be called, and storages; nothing else is ever named. */
enum { DICTIONARY, TENSOR, PARAMETER, STORAGES };

static const char *const globals[] = {
    [DICTIONARY] = "collections OrderedDict",
    [TENSOR] = "torch._utils _rebuild_tensor_v2",
    [PARAMETER] = "torch._utils _rebuild_parameter",
    [STORAGES] = "torch FloatStorage",
    "torch DoubleStorage",
    "torch HalfStorage",
    "torch BFloat16Storage",
    "torch LongStorage",
    "torch IntStorage",
    "torch ShortStorage",
    "torch CharStorage",
    "torch ByteStorage",
    "torch BoolStorage",
};

#define N_GLOBALS ((int)(sizeof globals / sizeof *globals))

static const struct pare_pickle_value *top(const struct pickle_machine *m)
{
    return m->depth ? &m->p->value[m->stack[m->depth - 1]] : NULL;
}

/* ---- what the pickle wants to call ------------------------------------- */

static int refuse(const struct pickle_machine *m, const char *module, size_t n,
                  const char *name, size_t k)
{
    return pare_fail(PARE_EFORMAT,
                     "'%s' wants to call %.*s.%.*s: it is a program, not "
                     "tensors in dictionaries",
                     m->p->name, n < 100 ? (int)n : 100, module,
                     k < 100 ? (int)k : 100, name);
}

static int make_global(struct pickle_machine *m, const char *module, size_t n,
                       const char *name, size_t k)
{
    struct pare_pickle_value *v;
    int err;

    for (int i = 0; i < N_GLOBALS; i++) {
        const char *space = strchr(globals[i], ' ');

        if ((size_t)(space - globals[i]) != n || strlen(space + 1) != k ||
            memcmp(globals[i], module, n) != 0 ||
            memcmp(space + 1, name, k) != 0)
            continue;
        if ((err = pare_pickle_make(m, &v, PARE_PICKLE_GLOBAL)) == 0)
            v->global = i;
        return err;
    }
    return refuse(m, module, n, name, k);
}

/* "module\nname\n" */
int pare_pickle_take_global(struct pickle_machine *m)
{
    const unsigned char *first = m->at, *line, *second;

    line = memchr(first, '\n', (size_t)(m->end - first));
    second = line ? memchr(line + 1, '\n', (size_t)(m->end - line - 1)) : NULL;
    if (!second)
        return pare_pickle_damaged(m, "it is cut off");
    m->at = second + 1;
    return make_global(m, (const char *)first, (size_t)(line - first),
                       (const char *)line + 1, (size_t)(second - line - 1));
}

/* The same from two texts on the stack. */
int pare_pickle_stack_global(struct pickle_machine *m)
{
    uint32_t module = 0, name = 0;
    const struct pare_pickle_value *a, *b;
    int err = pare_pickle_pop(m, &name);

    if (!err)
        err = pare_pickle_pop(m, &module);
    if (err)
        return err;
    a = &m->p->value[module];
    b = &m->p->value[name];
    if (a->kind != PARE_PICKLE_TEXT || b->kind != PARE_PICKLE_TEXT)
        return pare_pickle_damaged(m, "a name that is no text");
    return make_global(m, a->text.at, a->text.n, b->text.at, b->text.n);
}

static enum pare_pickle_kind kind_at(const struct pickle_machine *m,
                                     uint32_t tuple, uint32_t k)
{
    return m->p->value[pare_pickle_item(m->p, tuple, k)].kind;
}

/* OrderedDict(), or of a list of pairs. */
static int call_dictionary(struct pickle_machine *m, uint32_t args)
{
    struct pare_pickle_value *v;
    uint32_t made, list, n = m->p->value[args].part.n;
    int err;

    if (n > 1 || (n == 1 && kind_at(m, args, 0) != PARE_PICKLE_LIST))
        return pare_pickle_damaged(m, "a dictionary of something else");
    if ((err = pare_pickle_make(m, &v, PARE_PICKLE_DICT)) != 0 || n == 0)
        return err;
    made = m->stack[m->depth - 1];
    list = pare_pickle_item(m->p, args, 0);
    for (uint32_t c = m->p->value[list].part.first; !err && c;
         c = m->p->cell[c].next) {
        uint32_t pair = m->p->cell[c].value;
        enum pare_pickle_kind kind = m->p->value[pair].kind;

        if ((kind != PARE_PICKLE_TUPLE && kind != PARE_PICKLE_LIST) ||
            m->p->value[pair].part.n != 2)
            return pare_pickle_damaged(m, "a dictionary of something else");
        err = pare_pickle_append(m, made, pare_pickle_item(m->p, pair, 0));
        if (!err)
            err = pare_pickle_append(m, made, pare_pickle_item(m->p, pair, 1));
    }
    return err;
}

/* Does the seventh argument of a tensor say more of its values, as that they
 * are to be negated? */
static bool has_more(const struct pickle_machine *m, uint32_t args)
{
    const struct pare_pickle_value *v;

    if (m->p->value[args].part.n < 7)
        return false;
    v = &m->p->value[pare_pickle_item(m->p, args, 6)];
    return v->kind != PARE_PICKLE_NONE &&
           (v->kind != PARE_PICKLE_DICT || v->part.n > 0);
}

/* _rebuild_tensor_v2(storage, offset, sizes, strides, ...) */
static int call_tensor(struct pickle_machine *m, uint32_t args)
{
    struct pare_pickle_value *v;
    uint32_t made, n = m->p->value[args].part.n;
    int err;

    if (n < 6 || n > 7 || kind_at(m, args, 0) != PARE_PICKLE_STORAGE ||
        kind_at(m, args, 1) != PARE_PICKLE_INT ||
        kind_at(m, args, 2) != PARE_PICKLE_TUPLE ||
        kind_at(m, args, 3) != PARE_PICKLE_TUPLE)
        return pare_pickle_damaged(m, "a tensor of something else");
    if (has_more(m, args))
        return pare_fail(PARE_EFORMAT,
                         "'%s' has a tensor whose values are to be negated or "
                         "the like, which is not read",
                         m->p->name);
    err = pare_pickle_make(m, &v, PARE_PICKLE_TENSOR);
    made = err ? 0 : m->stack[m->depth - 1];
    for (uint32_t k = 0; !err && k < 4; k++)
        err = pare_pickle_append(m, made, pare_pickle_item(m->p, args, k));
    return err;
}

int pare_pickle_call(struct pickle_machine *m)
{
    uint32_t args = 0, what = 0;
    const char *name, *space;
    int err = pare_pickle_pop(m, &args);

    if (!err)
        err = pare_pickle_pop(m, &what);
    if (err)
        return err;
    if (m->p->value[what].kind != PARE_PICKLE_GLOBAL ||
        m->p->value[args].kind != PARE_PICKLE_TUPLE)
        return pare_pickle_damaged(m, "it calls what is no function");
    switch (m->p->value[what].global) {
    case DICTIONARY:
        return call_dictionary(m, args);
    case TENSOR:
        return call_tensor(m, args);
    case PARAMETER:
        if (m->p->value[args].part.n != 3 ||
            kind_at(m, args, 0) != PARE_PICKLE_TENSOR)
            return pare_pickle_damaged(m, "a parameter of something else");
        return pare_pickle_push(m, pare_pickle_item(m->p, args, 0));
    default:
        name = globals[m->p->value[what].global];
        space = strchr(name, ' ');
        return refuse(m, name, (size_t)(space - name), space + 1,
                      strlen(space + 1));
    }
}

/* ("storage", type, key, location, elements[, None]) */
int pare_pickle_persistent(struct pickle_machine *m)
{
    const struct pare_pickle_value *v, *word;
    struct pare_pickle_value *s;
    uint32_t id = 0, made;
    int err = pare_pickle_pop(m, &id);

    if (err)
        return err;
    v = &m->p->value[id];
    if (v->kind != PARE_PICKLE_TUPLE || v->part.n < 5 || v->part.n > 6 ||
        kind_at(m, id, 0) != PARE_PICKLE_TEXT ||
        kind_at(m, id, 1) != PARE_PICKLE_GLOBAL ||
        kind_at(m, id, 2) != PARE_PICKLE_TEXT ||
        kind_at(m, id, 4) != PARE_PICKLE_INT ||
        (v->part.n == 6 && kind_at(m, id, 5) != PARE_PICKLE_NONE))
        return pare_pickle_damaged(
            m, "a reference to something else than a storage");
    word = &m->p->value[pare_pickle_item(m->p, id, 0)];
    if (word->text.n != 7 || memcmp(word->text.at, "storage", 7) != 0 ||
        m->p->value[pare_pickle_item(m->p, id, 1)].global < STORAGES)
        return pare_pickle_damaged(
            m, "a reference to something else than a storage");
    err = pare_pickle_make(m, &s, PARE_PICKLE_STORAGE);
    made = err ? 0 : m->stack[m->depth - 1];
    for (uint32_t k = 1; !err && k < 5; k++)
        if (k != 3)
            err = pare_pickle_append(m, made, pare_pickle_item(m->p, id, k));
    return err;
}

/* The state of a dictionary is what torch notes beside it: not needed. */
int pare_pickle_build(struct pickle_machine *m)
{
    uint32_t state = 0;
    int err = pare_pickle_pop(m, &state);

    if (!err && (!top(m) || top(m)->kind != PARE_PICKLE_DICT))
        err = pare_pickle_damaged(
            m, "a state of something else than a dictionary");
    return err;
}

const char *pare_pickle_global(const struct pare_pickle *p, uint32_t value)
{
    return globals[p->value[value].global];
}
