/* Criteria that look at nothing but the model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "criterion_parts.h"
#include "lamp.h"
#include "parallel.h"
#include "status.h"

int score_lamp(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in)
{
    int rc = 0;

    (void)in;
    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        if (!score[t])
            continue;
        if (pare_first_nonfinite(x->value, x->n) < x->n)
            return pare_fail(PARE_EINVAL, "a weight of %s is not finite",
                             x->name);
        memcpy(score[t], x->value, x->n * sizeof(float));
        rc = pare_lamp(score[t], x->mask, x->n);
    }
    return rc;
}

int score_file(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        if (!score[t])
            continue;
        if (!in->given || !in->given[t])
            return pare_fail(PARE_EINVAL, "no scores are given for '%s'",
                             x->name);
        for (size_t i = 0; i < x->n; i++)
            if (isnan(in->given[t][i]))
                return pare_fail(PARE_EINVAL,
                                 "the score given for '%s' is not a number at "
                                 "%zu",
                                 x->name, i);
        memcpy(score[t], in->given[t], x->n * sizeof(float));
    }
    return 0;
}

/* The scale of the batch norm that alone takes a layer's output; or NULL. */
static const struct pare_tensor *scale_of(const struct pare_model *m,
                                          size_t layer)
{
    size_t next = layer;

    do
        next = criterion_consumer(&m->arch, next);
    while (next != PARE_INPUT &&
           m->arch.layer[next].kind->op == PARE_OP_IDENTITY);
    if (next == PARE_INPUT || m->arch.layer[next].kind->op != PARE_OP_BATCHNORM)
        return NULL;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].layer == next)
            return &m->tensor[t];
    return NULL;
}

int units_bn_scale(float *const *score, struct pare_model *m,
                   const struct pare_criterion_input *in)
{
    (void)in;
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t], *scale;

        if (!score[t])
            continue;
        scale = scale_of(m, x->layer);
        if (!scale)
            return pare_fail(PARE_EINVAL,
                             "bn-scale: no batch norm follows '%s' alone",
                             m->arch.layer[x->layer].name);
        for (size_t u = 0; u < x->dim[0]; u++)
            score[t][u] = fabsf(scale->value[u]);
    }
    return 0;
}

/* Distances of one unit to the others. */
struct distances {
    const struct pare_tensor *t;
    const bool *gone; /* [units] has no weight left */
    double *sum;
};

#define LANES 8 /* partial sums, so that the loop can be vectorised */

PARE_CLONES
static double distance(const float *a, const float *b, size_t n)
{
    double part[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double d = (double)a[i + k] - (double)b[i + k];

            part[k] += d * d;
        }
    for (; i < n; i++) {
        double d = (double)a[i] - (double)b[i];

        sum += d * d;
    }
    for (size_t k = 0; k < LANES; k++)
        sum += part[k];
    return sqrt(sum);
}

static void unit_distances(void *arg, size_t u)
{
    const struct distances *d = arg;
    size_t units = d->t->dim[0], row = d->t->n / units;

    for (size_t v = 0; !d->gone[u] && v < units; v++)
        if (v != u && !d->gone[v])
            d->sum[u] +=
                distance(d->t->value + u * row, d->t->value + v * row, row);
}

static int geometric_median(double *sum, const struct pare_tensor *t,
                            int threads)
{
    size_t units = t->dim[0], row = t->n / units;
    bool *gone = calloc(units, sizeof *gone);
    struct distances d = {t, gone, sum};

    if (!gone)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t u = 0; t->mask && u < units; u++)
        gone[u] = memchr(t->mask + u * row, 1, row) == NULL;
    pare_parallel(threads, units, unit_distances, &d);
    free(gone);
    return 0;
}

int units_geometric_median(float *const *score, struct pare_model *m,
                           const struct pare_criterion_input *in)
{
    double **sum = criterion_sums(score, m, true);
    int rc = sum ? 0 : PARE_ENOMEM;

    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        if (score[t])
            rc = geometric_median(sum[t], &m->tensor[t], in->threads);
    if (!rc)
        rc = criterion_store(score, sum, m, true, in->threads);
    criterion_drop(sum, m);
    return rc;
}
