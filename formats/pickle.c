#include "pickle_parts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

int pare_pickle_damaged(const struct pickle_machine *m, const char *what)
{
    return pare_fail(PARE_EFORMAT, "'%s': damaged pickle (%s)", m->p->name,
                     what);
}

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- values and the stack ---------------------------------------------- */

/* Room for one more of size bytes in a list of n. */
static int make_room(void *list, size_t *room, size_t n, size_t size)
{
    size_t more = *room ? 2 * *room : 64;
    void *old, *new;

    if (n < *room)
        return 0;
    memcpy(&old, list, sizeof old);
    new = realloc(old, more * size);
    if (!new)
        return no_memory();
    memcpy(list, &new, sizeof new);
    *room = more;
    return 0;
}

int pare_pickle_push(struct pickle_machine *m, uint32_t value)
{
    int err = make_room(&m->stack, &m->stack_room, m->depth, sizeof *m->stack);

    if (!err)
        m->stack[m->depth++] = value;
    return err;
}

/* A new value on top; *v is valid until the next one. */
int pare_pickle_make(struct pickle_machine *m, struct pare_pickle_value **v,
                     enum pare_pickle_kind kind)
{
    struct pare_pickle *p = m->p;
    int err;

    if (p->n_values == PARE_PICKLE_VALUES)
        return pare_fail(PARE_ELIMIT, "'%s': its pickle has too many objects",
                         p->name);
    err = make_room(&p->value, &m->room, p->n_values, sizeof *p->value);
    if (!err)
        err = pare_pickle_push(m, (uint32_t)p->n_values);
    if (err)
        return err;
    *v = &p->value[p->n_values++];
    memset(*v, 0, sizeof **v);
    (*v)->kind = kind;
    return 0;
}

static int make_number(struct pickle_machine *m, int64_t number)
{
    struct pare_pickle_value *v;
    int err = pare_pickle_make(m, &v, PARE_PICKLE_INT);

    if (!err)
        v->number = number;
    return err;
}

int pare_pickle_append(struct pickle_machine *m, uint32_t container,
                       uint32_t value)
{
    struct pare_pickle *p = m->p;
    struct pare_pickle_value *v;
    uint32_t c;
    int err;

    if (p->value[value].kind == PARE_PICKLE_MARK)
        return pare_pickle_damaged(m, "a mark in a container");
    if (p->n_cells == 0)
        p->n_cells = 1; /* 0 ends a list */
    if (p->n_cells >= 2 * (size_t)PARE_PICKLE_VALUES)
        return pare_fail(PARE_ELIMIT, "'%s': its pickle has too many objects",
                         p->name);
    err = make_room(&p->cell, &m->cell_room, p->n_cells, sizeof *p->cell);
    if (err)
        return err;
    c = (uint32_t)p->n_cells++;
    p->cell[c] = (struct pare_pickle_cell){value, 0};
    v = &p->value[container];
    if (v->part.n++)
        p->cell[v->part.last].next = c;
    else
        v->part.first = c;
    v->part.last = c;
    return 0;
}

/* The top value goes; PARE_EFORMAT if there is none, or a mark. */
int pare_pickle_pop(struct pickle_machine *m, uint32_t *value)
{
    if (m->depth == 0 ||
        m->p->value[m->stack[m->depth - 1]].kind == PARE_PICKLE_MARK)
        return pare_pickle_damaged(m, "an empty stack");
    *value = m->stack[--m->depth];
    return 0;
}

static struct pare_pickle_value *top(const struct pickle_machine *m)
{
    return m->depth ? &m->p->value[m->stack[m->depth - 1]] : NULL;
}

/* Where the values after the last mark begin; the mark is below. */
static int find_mark(const struct pickle_machine *m, size_t *first)
{
    for (size_t i = m->depth; i-- > 0;)
        if (m->p->value[m->stack[i]].kind == PARE_PICKLE_MARK) {
            *first = i + 1;
            return 0;
        }
    return pare_pickle_damaged(m, "no mark");
}

/* A container of the last n values, or of those after a mark. */
static int gather(struct pickle_machine *m, enum pare_pickle_kind kind,
                  size_t first, bool marked)
{
    struct pare_pickle_value *v;
    size_t end = m->depth;
    uint32_t made;
    int err = pare_pickle_make(m, &v, kind);

    if (err)
        return err;
    made = m->stack[--m->depth];
    for (size_t i = first; !err && i < end; i++)
        err = pare_pickle_append(m, made, m->stack[i]);
    m->depth = first - marked;
    return err ? err : pare_pickle_push(m, made);
}

static int gather_last(struct pickle_machine *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (m->depth < n ||
            m->p->value[m->stack[m->depth - 1 - i]].kind == PARE_PICKLE_MARK)
            return pare_pickle_damaged(m, "an empty stack");
    return gather(m, PARE_PICKLE_TUPLE, m->depth - n, false);
}

static int gather_marked(struct pickle_machine *m, enum pare_pickle_kind kind)
{
    size_t first = 0;
    int err = find_mark(m, &first);

    if (!err && kind == PARE_PICKLE_DICT && (m->depth - first) % 2)
        err = pare_pickle_damaged(m, "a key without a value");
    return err ? err : gather(m, kind, first, true);
}

/* Add the values from first on to the container below them. */
static int extend(struct pickle_machine *m, size_t first, size_t below,
                  enum pare_pickle_kind kind)
{
    size_t end = m->depth;
    int err = 0;

    if (below >= first || m->p->value[m->stack[below]].kind != kind ||
        (kind == PARE_PICKLE_DICT && (end - first) % 2))
        return pare_pickle_damaged(m, "nothing to add to");
    for (size_t i = first; !err && i < end; i++)
        err = pare_pickle_append(m, m->stack[below], m->stack[i]);
    m->depth = below + 1;
    return err;
}

static int extend_marked(struct pickle_machine *m, enum pare_pickle_kind kind)
{
    size_t first = 0;
    int err = find_mark(m, &first);

    if (!err && first < 2)
        err = pare_pickle_damaged(m, "nothing to add to");
    return err ? err : extend(m, first, first - 2, kind);
}

static int extend_last(struct pickle_machine *m, size_t n,
                       enum pare_pickle_kind kind)
{
    if (m->depth < n + 1)
        return pare_pickle_damaged(m, "an empty stack");
    return extend(m, m->depth - n, m->depth - n - 1, kind);
}

/* ---- reading ----------------------------------------------------------- */

static int take_bytes(struct pickle_machine *m, const unsigned char **p,
                      size_t n)
{
    if ((size_t)(m->end - m->at) < n)
        return pare_pickle_damaged(m, "it is cut off");
    *p = m->at;
    m->at += n;
    return 0;
}

static int take_word(struct pickle_machine *m, uint64_t *v, size_t n)
{
    const unsigned char *p = NULL;
    int err = take_bytes(m, &p, n);

    *v = 0;
    for (size_t i = 0; !err && i < n; i++)
        *v |= (uint64_t)p[i] << (8 * i);
    return err;
}

/* A number of `width` bytes, two's complement. */
static int take_number(struct pickle_machine *m, size_t width, bool has_sign)
{
    uint64_t v;
    int err = take_word(m, &v, width);

    if (!err && has_sign && width && width < 8 && v >> (8 * width - 1))
        v |= UINT64_MAX << (8 * width);
    return err ? err : make_number(m, (int64_t)v);
}

/* A long of a byte's length. */
static int take_long(struct pickle_machine *m)
{
    uint64_t n;
    int err = take_word(m, &n, 1);

    if (!err && n > 8)
        err = pare_fail(PARE_ELIMIT,
                        "'%s': its pickle has a number of more "
                        "than 8 bytes",
                        m->p->name);
    return err ? err : take_number(m, (size_t)n, true);
}

/* A text whose length is a number of `width` bytes. */
static int take_text(struct pickle_machine *m, size_t width)
{
    struct pare_pickle_value *v;
    const unsigned char *p = NULL;
    uint64_t n;
    int err = take_word(m, &n, width);

    if (!err && n > (uint64_t)(m->end - m->at))
        err = pare_pickle_damaged(m, "it is cut off");
    if (!err)
        err = take_bytes(m, &p, (size_t)n);
    if (!err)
        err = pare_pickle_make(m, &v, PARE_PICKLE_TEXT);
    if (err)
        return err;
    v->text.at = (const char *)p;
    v->text.n = (size_t)n;
    return 0;
}

/* ---- the memo ---------------------------------------------------------- */

static int remember(struct pickle_machine *m, uint64_t place)
{
    if (!top(m))
        return pare_pickle_damaged(m, "an empty stack");
    if (place >= PARE_PICKLE_VALUES)
        return pare_fail(PARE_ELIMIT, "'%s': its pickle has too many objects",
                         m->p->name);
    if (place >= m->n_memo) {
        size_t n = 2 * (size_t)place + 64;
        uint32_t *more = realloc(m->memo, n * sizeof *more);

        if (!more)
            return no_memory();
        memset(more + m->n_memo, 0, (n - m->n_memo) * sizeof *more);
        m->memo = more;
        m->n_memo = n;
    }
    m->memo[place] = m->stack[m->depth - 1] + 1;
    return 0;
}

static int take_put(struct pickle_machine *m, size_t width)
{
    uint64_t place;
    int err = take_word(m, &place, width);

    return err ? err : remember(m, place);
}

static int take_get(struct pickle_machine *m, size_t width)
{
    uint64_t place;
    int err = take_word(m, &place, width);

    if (!err && (place >= m->n_memo || !m->memo[place]))
        err = pare_pickle_damaged(m, "nothing was remembered there");
    if (!err && m->p->value[m->memo[place] - 1].kind == PARE_PICKLE_MARK)
        err = pare_pickle_damaged(m, "a mark was remembered");
    return err ? err : pare_pickle_push(m, m->memo[place] - 1);
}

/* ---- the machine ------------------------------------------------------- */

static int step_container(struct pickle_machine *m, unsigned char op,
                          bool *known)
{
    switch (op) {
    case ')':
        return gather_last(m, 0);
    case 't':
        return gather_marked(m, PARE_PICKLE_TUPLE);
    case 0x85:
    case 0x86:
    case 0x87:
        return gather_last(m, op - 0x84u);
    case ']':
        return gather(m, PARE_PICKLE_LIST, m->depth, false);
    case 'l':
        return gather_marked(m, PARE_PICKLE_LIST);
    case 'a':
        return extend_last(m, 1, PARE_PICKLE_LIST);
    case 'e':
        return extend_marked(m, PARE_PICKLE_LIST);
    case '}':
        return gather(m, PARE_PICKLE_DICT, m->depth, false);
    case 'd':
        return gather_marked(m, PARE_PICKLE_DICT);
    case 's':
        return extend_last(m, 2, PARE_PICKLE_DICT);
    case 'u':
        return extend_marked(m, PARE_PICKLE_DICT);
    default:
        *known = false;
        return 0;
    }
}

static int step_text(struct pickle_machine *m, unsigned char op, bool *known)
{
    switch (op) {
    case 'U':  /* SHORT_BINSTRING */
    case 'C':  /* SHORT_BINBYTES */
    case 0x8c: /* SHORT_BINUNICODE */
        return take_text(m, 1);
    case 'T': /* BINSTRING */
    case 'X': /* BINUNICODE */
    case 'B': /* BINBYTES */
        return take_text(m, 4);
    case 0x8d: /* BINUNICODE8 */
    case 0x8e: /* BINBYTES8 */
        return take_text(m, 8);
    case 'q':
        return take_put(m, 1);
    case 'r':
        return take_put(m, 4);
    case 0x94: /* MEMOIZE */
        return remember(m, m->memoized++);
    case 'h':
        return take_get(m, 1);
    case 'j':
        return take_get(m, 4);
    default:
        *known = false;
        return 0;
    }
}

static int step(struct pickle_machine *m, unsigned char op)
{
    struct pare_pickle_value *v;
    const unsigned char *skip;
    bool known = true;
    uint32_t gone;
    int err = step_container(m, op, &known);

    if (!known) {
        known = true;
        err = step_text(m, op, &known);
    }
    if (known)
        return err;
    switch (op) {
    case 0x80: /* PROTO */
        return take_bytes(m, &skip, 1);
    case 0x95: /* FRAME */
        return take_bytes(m, &skip, 8);
    case '(':
        return pare_pickle_make(m, &v, PARE_PICKLE_MARK);
    case '0': /* POP */
        return pare_pickle_pop(m, &gone);
    case 'N':
        return pare_pickle_make(m, &v, PARE_PICKLE_NONE);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return make_number(m, op == 0x88);
    case 'J':
        return take_number(m, 4, true);
    case 'K':
        return take_number(m, 1, false);
    case 'M':
        return take_number(m, 2, false);
    case 0x8a: /* LONG1 */
        return take_long(m);
    case 'G': /* BINFLOAT: not needed for tensors */
        err = take_bytes(m, &skip, 8);
        return err ? err : pare_pickle_make(m, &v, PARE_PICKLE_FLOAT);
    case 'c':
        return pare_pickle_take_global(m);
    case 0x93: /* STACK_GLOBAL */
        return pare_pickle_stack_global(m);
    case 'R':
        return pare_pickle_call(m);
    case 'b':
        return pare_pickle_build(m);
    case 'Q':
        return pare_pickle_persistent(m);
    default:
        return pare_fail(PARE_EFORMAT,
                         "'%s': its pickle has the opcode 0x%02x, which "
                         "tensors in dictionaries do not need",
                         m->p->name, op);
    }
}

static int run(struct pickle_machine *m)
{
    const unsigned char *first = m->at;
    int err = 0;

    while (!err) {
        unsigned char op;

        if (m->at == m->end)
            return pare_pickle_damaged(m, "it is cut off");
        op = *m->at++;
        if (op == '.')
            break;
        err = step(m, op);
    }
    if (!err && (m->depth != 1 || top(m)->kind == PARE_PICKLE_MARK))
        err = pare_pickle_damaged(m, "not one object at its end");
    if (!err) {
        m->p->root = m->stack[0];
        m->p->used = (size_t)(m->at - first);
    }
    return err;
}

int pare_pickle_parse(struct pare_pickle *out, const unsigned char *bytes,
                      size_t n, const char *name)
{
    struct pare_pickle p = {.name = name};
    size_t most = n < PARE_PICKLE_MAX ? n : PARE_PICKLE_MAX;
    struct pickle_machine m = {.p = &p, .at = bytes, .end = bytes + most};
    int err = run(&m);

    free(m.stack);
    free(m.memo);
    if (err)
        pare_pickle_release(&p);
    else
        *out = p;
    return err;
}

void pare_pickle_release(struct pare_pickle *p)
{
    free(p->value);
    free(p->cell);
    memset(p, 0, sizeof *p);
}

uint32_t pare_pickle_item(const struct pare_pickle *p, uint32_t container,
                          uint32_t k)
{
    uint32_t c = p->value[container].part.first;

    while (k--)
        c = p->cell[c].next;
    return p->cell[c].value;
}
