#include "prune_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hugepage.h"
#include "lamp.h"
#include "status.h"

#define STRETCH 4096 /* scores made at a time */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Does a grain take scores that are of whole units? */
static bool by_units(const struct prune_plan *p)
{
    const struct pare_criterion *row = p->o->criterion.row;

    return row->units && p->kind->attach_bias;
}

/* Arrays of scores; units: one a unit, else one a weight. */
static int make_arrays(float ***array, const struct prune_plan *p, bool units)
{
    if (!*array)
        *array = calloc(p->m->n_tensors + 1, sizeof **array);
    if (!*array)
        return no_memory();
    for (size_t i = 0; i < p->n_slots; i++) {
        size_t tensor = p->slot[i].tensor;
        const struct pare_tensor *t = &p->m->tensor[tensor];
        size_t bytes = (units ? t->dim[0] : t->n) * sizeof(float);

        if (!(*array)[tensor])
            (*array)[tensor] = pare_hugepage(malloc(bytes), bytes);
        if (!(*array)[tensor])
            return no_memory();
    }
    return 0;
}

static void invert(float *score, size_t n)
{
    for (size_t i = 0; i < n; i++)
        score[i] = 1 / score[i];
}

void prune_score_block(float *score, const struct prune_plan *p, size_t slot,
                       size_t first, size_t n)
{
    const struct pare_criterion_spec *c = &p->o->criterion;
    size_t tensor = p->slot[slot].tensor;

    if (p->score && p->score[tensor])
        memcpy(score, p->score[tensor] + first, n * sizeof *score);
    else
        c->row->block(score, p->m, tensor, first, n, &p->input);
    if (c->inverse)
        invert(score, n);
}

/* Sums of the scores of each grain, as its norm has it. */
static void add_scores(double *sum, const struct prune_plan *p, size_t slot)
{
    const struct prune_slot *s = &p->slot[slot];
    const struct pare_tensor *t = &p->m->tensor[s->tensor];
    bool draw = p->o->criterion.row->random;
    bool plain = p->o->criterion.row->is_signed;
    bool squares = p->o->norm == PARE_NORM_L2 || p->o->norm == PARE_NORM_RMS;
    struct pare_grain_walk w = {0};
    float made[STRETCH];

    for (size_t i = 0; i < t->n; i++, pare_grain_next(&w, &s->map)) {
        size_t g = w.grain;
        double x;

        if (i % STRETCH == 0)
            prune_score_block(made, p, slot, i,
                              t->n - i < STRETCH ? t->n - i : STRETCH);
        x = (double)made[i % STRETCH];
        if (draw) { /* draws are of equal worth: a grain takes its first */
            if (isnan(sum[g]))
                sum[g] = x;
        } else if (!t->mask || t->mask[i]) {
            sum[g] += plain || !squares ? x : x * x;
        }
    }
}

static float norm_of(const struct prune_plan *p, double sum, size_t kept)
{
    enum pare_unit_norm norm = p->o->norm;
    double n = norm == PARE_NORM_RMS || norm == PARE_NORM_MEAN
                   ? (double)(kept ? kept : 1)
                   : 1;

    if (p->o->criterion.row->random)
        return (float)sum;
    if (!p->o->criterion.row->is_signed &&
        (norm == PARE_NORM_L2 || norm == PARE_NORM_RMS))
        return (float)sqrt(sum / n);
    return (float)(sum / n);
}

/* Kept weights of each grain, those of an attached bias not yet. */
static void count_sizes(size_t *size, const struct prune_plan *p,
                        const struct prune_slot *s)
{
    const struct pare_tensor *t = &p->m->tensor[s->tensor];
    struct pare_grain_walk w = {0};

    memset(size, 0, s->n * sizeof *size);
    for (size_t i = 0; i < t->n; i++, pare_grain_next(&w, &s->map))
        size[w.grain] += !t->mask || t->mask[i];
}

static void score_units(struct prune_plan *p, const struct prune_slot *s)
{
    float *score = p->grains.score + s->first;

    memcpy(score, p->unit_score[s->tensor], s->n * sizeof *score);
    if (p->o->criterion.inverse)
        invert(score, s->n);
}

static int gather_slot(struct prune_plan *p, size_t slot)
{
    const struct prune_slot *s = &p->slot[slot];
    const struct pare_tensor *bias = prune_bias(p, s);
    float *score = p->grains.score + s->first;
    size_t *size = p->grains.size + s->first;
    double *sum = NULL;

    count_sizes(size, p, s);
    if (by_units(p)) {
        score_units(p, s);
    } else {
        sum = malloc((s->n + 1) * sizeof *sum);
        if (!sum)
            return no_memory();
        for (size_t g = 0; g < s->n; g++)
            sum[g] = p->o->criterion.row->random ? (double)NAN : 0;
        add_scores(sum, p, slot);
        for (size_t g = 0; g < s->n; g++)
            score[g] = norm_of(p, sum[g], size[g]);
    }
    for (size_t g = 0; g < s->n; g++) {
        if (bias)
            size[g] += bias->mask ? bias->mask[g] : 1;
        p->grains.candidate[s->first + g] = size[g] > 0;
    }
    free(sum);
    return 0;
}

static int lamp_scores(struct prune_plan *p)
{
    const struct pare_criterion *row = p->o->criterion.row;
    int rc = 0;

    for (size_t i = 0; !rc && i < p->n_slots; i++) {
        size_t tensor = p->slot[i].tensor;
        const struct pare_tensor *t = &p->m->tensor[tensor];

        if (row->block)
            row->block(p->score[tensor], p->m, tensor, 0, t->n, &p->input);
        rc = pare_lamp(p->score[tensor], t->mask, t->n);
    }
    return rc;
}

int prune_score(struct prune_plan *p)
{
    const struct pare_criterion *row = p->o->criterion.row;
    bool flat = p->o->allocation->lamp;
    int rc = 0;

    if (by_units(p)) {
        rc = make_arrays(&p->unit_score, p, true);
        if (!rc)
            rc = row->units(p->unit_score, p->m, &p->input);
    } else if (!row->block || flat) {
        rc = make_arrays(&p->score, p, false);
        if (!rc && row->score)
            rc = row->score(p->score, p->m, &p->input);
        if (!rc && flat)
            rc = lamp_scores(p);
    }
    for (size_t i = 0; !rc && p->kind->map && i < p->n_slots; i++)
        rc = gather_slot(p, i);
    return rc;
}
