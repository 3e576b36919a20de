#include "compact.h"

#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "gathered.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

uint64_t pare_tensor_positions(const struct pare_tensor *t)
{
    uint64_t n = 1;

    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

bool pare_tensor_can_compact(const struct pare_tensor *t)
{
    return t->role == PARE_ROLE_WEIGHT && t->rank == 2 &&
           t->dim[0] <= UINT32_MAX && t->dim[1] <= UINT32_MAX;
}

/*
 * The arrays of a tensor that go along when its form changes: each is
 * replaced by one of another length. `fresh` runs beside the places.
 */
struct arrays {
    size_t n, room;
    float ***place; /* [n] where the pointer to the array stands */
    float **fresh;  /* [n] */
};

static int add_array(struct arrays *a, float **place)
{
    if (!*place)
        return 0;
    if (a->n >= a->room) {
        size_t room = 2 * a->room + 8;
        float ***p = realloc(a->place, room * sizeof *p);
        float **f = p ? realloc(a->fresh, room * sizeof *f) : NULL;

        if (p)
            a->place = p;
        if (!f)
            return no_memory();
        a->fresh = f;
        a->room = room;
    }
    a->place[a->n] = place;
    a->fresh[a->n++] = NULL;
    return 0;
}

static int add_optim(struct arrays *a, struct pare_optstate *s, size_t t)
{
    int err = 0;

    for (int k = 0; !err && k < s->n_slots; k++)
        err = add_array(a, &s->slot[k][t]);
    return err;
}

/* All arrays of a tensor, and room for each at its new length. */
static int collect(struct arrays *a, struct pare_model *m, size_t t,
                   uint64_t length)
{
    int err = add_array(a, &m->tensor[t].value);

    if (!err)
        err = add_optim(a, &m->optim, t);
    for (size_t i = 0; !err && i < m->n_checkpoints; i++) {
        struct pare_checkpoint *c = &m->checkpoint[i];

        if (c->value)
            err = add_array(a, &c->value[t]);
        if (!err)
            err = add_optim(a, &c->optim, t);
    }
    for (size_t i = 0; !err && i < m->n_scores; i++)
        err = add_array(a, &m->scores[i].value[t]);
    for (size_t i = 0; !err && i < a->n; i++) {
        a->fresh[i] = calloc((size_t)length + 1, sizeof **a->fresh);
        if (!a->fresh[i])
            err = no_memory();
    }
    return err;
}

static void release_arrays(struct arrays *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->fresh[i]);
    free(a->fresh);
    free(a->place);
}

/* Put the new arrays in the places of the old, which are freed. */
static void exchange(struct arrays *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(*a->place[i]);
        *a->place[i] = a->fresh[i];
        a->fresh[i] = NULL;
    }
}

/* Is something of it not 0 under its mask? */
static bool whole(const struct pare_model *m, size_t t)
{
    bool any =
        pare_model_undos(m) > 0 || strcmp(m->training.dialect, "numenta") == 0;

    for (size_t i = 0; i < m->n_scores; i++)
        any |=
            m->scores[i].value[t] && pare_scores_under_mask(m->scores[i].name);
    return any;
}

int pare_tensor_compact(struct pare_model *m, size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    struct pare_pattern *p;
    struct arrays a = {0};
    int err;

    if (t->pattern || !t->mask || !pare_tensor_can_compact(t) ||
        whole(m, tensor))
        return 0;
    err = pare_pattern_of_mask(&p, t->mask, t->dim[0], t->dim[1]);
    if (err)
        return err;
    err = collect(&a, m, tensor, pare_pattern_count(p));
    if (!err) {
        for (size_t i = 0; i < a.n; i++)
            for (size_t k = 0, n = 0; k < t->n; k++)
                if (t->mask[k])
                    a.fresh[i][n++] = (*a.place[i])[k];
        exchange(&a);
        free(t->mask);
        t->mask = NULL;
        t->pattern = p;
        t->n = (size_t)pare_pattern_count(p);
    } else {
        pare_pattern_free(p);
    }
    release_arrays(&a);
    return err;
}

int pare_tensor_expand(struct pare_model *m, size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    struct pare_pattern *p = t->pattern;
    uint64_t all = pare_tensor_positions(t);
    struct arrays a = {0};
    uint8_t *mask;
    int err;

    if (!p)
        return 0;
    if (all > UINT32_MAX)
        return pare_fail(PARE_ELIMIT,
                         "layer %s has %llu positions: more than 2^32 cannot "
                         "be held densely",
                         m->arch.layer[t->layer].name, (unsigned long long)all);
    mask = malloc((size_t)all);
    err = mask ? collect(&a, m, tensor, all) : no_memory();
    if (!err) {
        for (size_t i = 0; i < a.n; i++)
            for (size_t r = 0; r < p->rows; r++)
                for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
                    a.fresh[i][r * p->cols + p->col[k]] = (*a.place[i])[k];
        exchange(&a);
        pare_pattern_to_mask(mask, p);
        pare_pattern_free(p);
        t->pattern = NULL;
        t->mask = mask;
        t->n = (size_t)all;
    } else {
        free(mask);
    }
    release_arrays(&a);
    return err;
}

int pare_model_compact(struct pare_model *m, double density, bool *done)
{
    int err = 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        done[t] = false;
    for (size_t t = 0; !err && t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];

        if (!x->mask || m->arch.layer[x->layer].kind->op != PARE_OP_LINEAR ||
            (double)pare_tensor_kept(x) > density * (double)x->n)
            continue;
        err = pare_tensor_compact(m, t);
        done[t] = !err && x->pattern;
    }
    return err;
}

int pare_model_uncompact(struct pare_model *m, const bool *done)
{
    int err = 0;

    for (size_t t = 0; !err && t < m->n_tensors; t++)
        if (done[t])
            err = pare_tensor_expand(m, t);
    return err;
}

int pare_model_expand(struct pare_model *m)
{
    int err = 0;

    for (size_t t = 0; !err && t < m->n_tensors; t++)
        err = pare_tensor_expand(m, t);
    return err;
}

/* to[new entry] = from[old entry] where both patterns have the position. */
static void carry(float *to, const struct pare_pattern *q, const float *from,
                  const struct pare_pattern *p)
{
    for (size_t r = 0; r < p->rows; r++) {
        uint64_t k = p->row[r];

        for (uint64_t i = q->row[r]; i < q->row[r + 1]; i++) {
            while (k < p->row[r + 1] && p->col[k] < q->col[i])
                k++;
            if (k < p->row[r + 1] && p->col[k] == q->col[i])
                to[i] = from[k];
        }
    }
}

int pare_tensor_repattern(struct pare_model *m, size_t tensor,
                          struct pare_pattern *pattern)
{
    struct pare_tensor *t = &m->tensor[tensor];
    struct arrays a = {0};
    int err = collect(&a, m, tensor, pare_pattern_count(pattern));

    if (!err) {
        for (size_t i = 0; i < a.n; i++)
            carry(a.fresh[i], pattern, *a.place[i], t->pattern);
        exchange(&a);
        pare_pattern_free(t->pattern);
        t->pattern = pattern;
        t->n = (size_t)pare_pattern_count(pattern);
    }
    release_arrays(&a);
    return err;
}
