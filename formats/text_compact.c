#include "text_compact.h"

#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "status.h"

#define bad(r, ...) pare_text_fail(r, PARE_EFORMAT, __VA_ARGS__)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Give the message of a status of elsewhere its line. */
static int here(const struct pare_text *r, int err)
{
    return err ? pare_fail_prefix(err, "%s:%zu", r->name, r->number) : 0;
}

int pare_text_lay(struct pare_text *r, struct pare_model *m)
{
    int err = 0;

    for (size_t i = 0; !err && i < m->n_tensors; i++) {
        struct pare_tensor *t = &m->tensor[i];

        if (pare_tensor_can_compact(t) &&
            pare_tensor_positions(t) > PARE_DENSE_POSITIONS)
            err = pare_pattern_new(&t->pattern, t->dim[0], t->dim[1], 0);
    }
    return here(r, err);
}

/* index:value pairs, as many as there are. */
struct pairs {
    uint64_t *at;
    float *value;
    size_t n, room;
};

static int add_pair(struct pairs *p, uint64_t at, float value)
{
    if (p->n == p->room) {
        size_t room = 2 * p->room + 1024;
        uint64_t *a = realloc(p->at, room * sizeof *a);
        float *v = a ? realloc(p->value, room * sizeof *v) : NULL;

        if (a)
            p->at = a;
        if (!v)
            return no_memory();
        p->value = v;
        p->room = room;
    }
    p->at[p->n] = at;
    p->value[p->n++] = value;
    return 0;
}

static int read_pair(struct pare_text *r, uint64_t *at, float *value, char *w,
                     uint64_t positions)
{
    char *colon = strchr(w, ':');
    int err;

    if (!colon)
        return bad(r, "'%s' is not index:value", w);
    *colon = '\0';
    err = pare_text_whole(r, at, w, positions - 1);
    return err ? err : pare_text_real32(r, value, colon + 1);
}

static int read_pairs(struct pare_text *r, struct pairs *p, uint64_t positions)
{
    int got, err = 0;

    while (!err && (got = pare_text_values(r)) != 0) {
        char *rest = r->line, *w;
        uint64_t at = 0;
        float value = 0;

        if (got < 0)
            return got;
        while (!err && (w = pare_text_word(&rest))) {
            err = read_pair(r, &at, &value, w, positions);
            if (!err && p->n && at <= p->at[p->n - 1])
                err = bad(r, "index %s does not ascend", w);
            if (!err)
                err = add_pair(p, at, value);
        }
    }
    return err;
}

int pare_text_pruned(struct pare_text *r, struct pare_model *m, size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    struct pare_pattern *pattern = NULL;
    struct pairs p = {0};
    int err;

    if (!t->pattern) {
        err = pare_tensor_need_mask(t);
        return err ? err : pare_text_sparse(r, t->value, t->mask, t->n);
    }
    err = read_pairs(r, &p, pare_tensor_positions(t));
    if (!err)
        err = here(
            r, pare_pattern_of_flat(&pattern, p.at, p.n, t->dim[0], t->dim[1]));
    if (!err) {
        err = pare_tensor_repattern(m, tensor, pattern);
        if (err)
            pare_pattern_free(pattern);
    }
    if (!err && p.n)
        memcpy(t->value, p.value, p.n * sizeof *p.value);
    free(p.at);
    free(p.value);
    return err;
}

int pare_text_whole_tensor(struct pare_text *r, struct pare_model *m,
                           size_t tensor, char *rest)
{
    struct pare_tensor *t = &m->tensor[tensor];
    int err = here(r, pare_tensor_expand(m, tensor));

    if (err)
        return err;
    free(t->mask);
    t->mask = NULL;
    return pare_text_array(r, t->value, t->n, rest);
}

int pare_text_beside(struct pare_text *r, float *v, const struct pare_tensor *t,
                     char *rest)
{
    const char *kind;
    int got, err;

    if (!t->pattern)
        return pare_text_array(r, v, t->n, rest);
    kind = pare_text_word(&rest);
    err = pare_text_end(r, rest);
    if (!err && (!kind || strcmp(kind, "sparse") != 0))
        err = bad(r, "expected 'sparse' for '%s'", t->name);
    memset(v, 0, t->n * sizeof *v);
    while (!err && (got = pare_text_values(r)) != 0) {
        char *w;

        if (got < 0)
            return got;
        rest = r->line;
        while (!err && (w = pare_text_word(&rest))) {
            uint64_t at = 0, k;
            float value = 0;

            err = read_pair(r, &at, &value, w, pare_tensor_positions(t));
            if (err)
                break;
            k = pare_pattern_find(t->pattern, (size_t)(at / t->dim[1]),
                                  (uint32_t)(at % t->dim[1]));
            if (k == UINT64_MAX)
                err = bad(r, "index %s of '%s' is not kept by a line before", w,
                          t->name);
            else
                v[k] = value;
        }
    }
    return err;
}

int pare_text_expand(struct pare_text *r, struct pare_model *m)
{
    return here(r, pare_model_expand(m));
}
