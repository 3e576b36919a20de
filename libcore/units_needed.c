#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "units_parts.h"

/* Which classes the output needs, spread from the readers to what is read. */
struct spread {
    struct pare_units *u;
    bool fold;
    bool changed;
    uint8_t *done;   /* [n] the weights of this unit were followed */
    uint8_t *border; /* [n] a constant that is read next to a pad */
};

static void need(struct spread *s, size_t node)
{
    uint8_t *needed = &s->u->needed[s->u->class[node]];

    s->changed |= !*needed;
    *needed = 1;
}

/* A needed unit has a weight on this input channel. */
static void need_input(struct spread *s, const struct pare_weights *w,
                       size_t node)
{
    const struct pare_units *u = s->u;

    if (!s->fold || !u->constant[node])
        need(s, node);
    else if (!w->padded || u->value[node] == 0)
        return;
    else if (w->groups > 1)
        need(s, node);
    else
        s->border[node] = 1;
}

static void follow_unit(struct spread *s, const struct pare_weights *w,
                        size_t row)
{
    const float *x = s->u->m->tensor[w->tensor].value + row * w->cols * w->taps;
    size_t in = w->in + row / w->rows * w->cols;

    for (size_t c = 0; c < w->cols; c++, x += w->taps) {
        size_t t = 0;

        while (t < w->taps && x[t] == 0)
            t++;
        if (t < w->taps)
            need_input(s, w, in + c);
    }
}

/* All layers, last first, as long as that makes more classes needed. */
static void follow(struct spread *s)
{
    const struct pare_units *u = s->u;
    struct pare_weights w;

    do {
        s->changed = false;
        for (size_t i = u->m->arch.n_layers; i-- > 0;) {
            if (!pare_units_weighted(&u->m->arch.layer[i]))
                continue;
            pare_units_weights(&w, u, i);
            for (size_t row = 0; row < w.groups * w.rows; row++) {
                size_t out = w.out + row;

                if (s->done[out] || !u->needed[u->class[out]])
                    continue;
                s->done[out] = 1;
                follow_unit(s, &w, row);
            }
        }
    } while (s->changed);
}

/* What is never removed: inputs, outputs, and what a softmax divides by. */
static void need_ends(struct spread *s)
{
    const struct pare_units *u = s->u;
    const struct pare_arch *a = &u->m->arch;

    for (size_t i = u->first[0]; i < u->first[1]; i++)
        need(s, i);
    for (size_t i = u->first[a->n_layers]; i < u->n; i++)
        need(s, i);
    for (size_t i = 0; i < a->n_layers; i++) {
        enum pare_layer_op op = a->layer[i].kind->op;

        if (op != PARE_OP_SOFTMAX && op != PARE_OP_LOG_SOFTMAX)
            continue;
        for (size_t k = u->first[i + 1]; k < u->first[i + 2]; k++)
            need(s, k);
    }
}

/* ---- constants next to a pad ----------------------------------------- */

/* A class of constants that a convolution reads next to its pad. */
struct candidate {
    const struct spread *s;
    size_t class;
    double least; /* of the absolute values that are read there */
};

/* Classes of channels of the same values are next to each other. */
static int compare_values(const struct candidate *a, const struct candidate *b)
{
    const struct pare_units *u = a->s->u;
    size_t n = u->count[a->class];

    if (n != u->count[b->class])
        return n < u->count[b->class] ? -1 : 1;
    for (size_t i = 0; i < n; i++) {
        size_t x = pare_units_owner(u, u->member[u->start[a->class] + i]);
        size_t y = pare_units_owner(u, u->member[u->start[b->class] + i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

/* Then the largest come first, and the lowest of them. */
static int compare(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    int values = compare_values(a, b);

    if (values)
        return values;
    if (a->least != b->least)
        return a->least > b->least ? -1 : 1;
    return a->class < b->class ? -1 : a->class > b->class;
}

/* Is there a constant of `by` wherever one of `class` is read at a pad? */
static bool stands_in(const struct spread *s, size_t by, size_t class)
{
    const struct pare_units *u = s->u;

    for (size_t i = 0; i < u->count[class]; i++)
        if (s->border[u->member[u->start[class] + i]] &&
            u->value[u->member[u->start[by] + i]] == 0)
            return false;
    return true;
}

static size_t list_candidates(struct candidate *list, const struct spread *s)
{
    const struct pare_units *u = s->u;
    size_t n = 0;

    for (size_t class = 0; class < u->n; class ++) {
        struct candidate c = {s, class, HUGE_VAL};

        if (u->class[class] != class || u->needed[class] ||
            u->stand_in[class] != PARE_NO_NODE)
            continue;
        for (size_t i = 0; i < u->count[class]; i++) {
            size_t node = u->member[u->start[class] + i];

            if (s->border[node])
                c.least = fmin(c.least, fabs(u->value[node]));
        }
        if (c.least < HUGE_VAL)
            list[n++] = c;
    }
    return n;
}

/* Readers found since may be ones that a stand-in does not serve. */
static void check_stand_ins(struct spread *s)
{
    const struct pare_units *u = s->u;

    for (size_t class = 0; class < u->n; class ++)
        if (u->stand_in[class] != PARE_NO_NODE &&
            !stands_in(s, u->stand_in[class], class))
            need(s, class);
}

/* Keep one class of each run of candidates for all others. */
static int choose_stand_ins(struct spread *s)
{
    struct pare_units *u = s->u;
    struct candidate *list = malloc(u->n * sizeof *list);
    size_t n, first = 0;

    if (!list)
        return pare_fail(PARE_ENOMEM, "out of memory");
    check_stand_ins(s);
    n = list_candidates(list, s);
    qsort(list, n, sizeof *list, compare);
    for (size_t i = 0; i < n; i++) {
        size_t class = list[i].class;

        if (compare_values(&list[first], &list[i]) != 0)
            first = i;
        if (i > first && stands_in(s, list[first].class, class))
            u->stand_in[class] = list[first].class;
        else
            need(s, class);
    }
    free(list);
    return 0;
}

int pare_units_find_needed(struct pare_units *u, bool fold)
{
    struct spread s = {.u = u, .fold = fold};
    int rc = 0;

    s.done = calloc(u->n, 1);
    s.border = calloc(u->n, 1);
    if (!s.done || !s.border)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    else
        need_ends(&s);
    do {
        s.changed = false;
        if (!rc)
            follow(&s);
        if (!rc)
            rc = choose_stand_ins(&s);
    } while (!rc && s.changed);
    free(s.done);
    free(s.border);
    return rc;
}
