#include "allocation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* Evenly. */
static double density_layer(const struct pare_allocation_layer *l, double x)
{
    (void)l;
    return x;
}

/* x is the tangent of an angle, so that 1 is a factor without bound. */
static double scaled(double share, double x)
{
    return x < 1 ? fmin(1, share * x / (1 - x)) : 1;
}

static double fan_share(const struct pare_tensor *t, bool kernel)
{
    double sum = (double)t->dim[0] + (double)t->dim[1];
    double product = (double)t->dim[0] * (double)t->dim[1];

    for (int i = 2; kernel && i < t->rank; i++) {
        sum += (double)t->dim[i];
        product *= (double)t->dim[i];
    }
    return sum / product;
}

static double density_er(const struct pare_allocation_layer *l, double x)
{
    return scaled(fan_share(l->weight, false), x);
}

static double density_erk(const struct pare_allocation_layer *l, double x)
{
    return scaled(fan_share(l->weight, true), x);
}

static double density_uniform_plus(const struct pare_allocation_layer *l,
                                   double x)
{
    if (l->first && l->layer->kind->op == PARE_OP_CONV)
        return 1;
    return l->last ? fmax(x, 0.2) : x;
}

/* Loss that pruning to a point of the curve adds; no less than before it. */
static double rise(const struct pare_allocation_layer *l, size_t point)
{
    double most = 0;

    for (size_t i = 0; i <= point; i++)
        most = fmax(most, l->curve->loss[i] - l->reference);
    return most;
}

/* The highest sparsity at which the loss rises by `allowed` at most. */
static double sparsity_for(const struct pare_allocation_layer *l,
                           double allowed)
{
    double s0 = 0, r0 = 0;

    for (size_t i = 0; i < l->curve->n; i++) {
        double s1 = l->curve->sparsity[i], r1 = rise(l, i);

        if (r1 > allowed)
            return s0 + (s1 - s0) * (allowed - r0) / (r1 - r0);
        s0 = s1;
        r0 = r1;
    }
    return s0;
}

/* Up to x = 1/2 by the rise of the loss, then a part of what costs none. */
static double density_sensitivity(const struct pare_allocation_layer *l,
                                  double x)
{
    if (x > 0.5)
        return 1 - sparsity_for(l, 0) * (2 - 2 * x);
    return 1 - sparsity_for(l, x > 0 ? 0.5 / x - 1 : (double)INFINITY);
}

static const struct pare_allocation table[] = {
    {.name = "global",
     .help = "compare the scores of all layers",
     .source = "Han et al. 2015, arXiv:1506.02626",
     .together = true},
    {.name = "layer",
     .help = "the same amount in every layer",
     .source = "Frankle and Carbin 2019, arXiv:1803.03635"},
    {.name = "uniform+",
     .help = "evenly, but a first convolution whole and a fifth of the last "
             "layer",
     .source = "Gale et al. 2019, arXiv:1902.09574",
     .density = density_uniform_plus},
    {.name = "er",
     .help = "densities as (inputs + outputs) / (inputs x outputs)",
     .source = "Mocanu et al. 2018, arXiv:1707.04780",
     .density = density_er},
    {.name = "erk",
     .help = "the same with the sides of kernels in sum and product",
     .source = "Evci et al. 2020, arXiv:1911.11134",
     .density = density_erk},
    {.name = "lamp",
     .help = "compare scores squared over the sum of those no lower",
     .source = "Lee et al. 2021, arXiv:2010.07611",
     .together = true,
     .lamp = true},
    {.name = "sensitivity",
     .help = "the same rise of the loss in every layer, by stored curves",
     .source = "Han et al. 2015, arXiv:1506.02626",
     .curves = true,
     .density = density_sensitivity},
};

#define ROWS (sizeof table / sizeof *table)

const struct pare_allocation *pare_allocation(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

const struct pare_allocation *pare_allocation_find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* Weights of a layer at x, a real number within its bounds. */
static double share(const struct pare_allocation *a,
                    const struct pare_allocation_layer *l, double x)
{
    double d = (a->density ? a->density : density_layer)(l, x);

    return fmin(fmax(d * (double)l->total, (double)l->lo), (double)l->hi);
}

static double sum_at(const struct pare_allocation *a,
                     const struct pare_allocation_layer *l, size_t n, double x)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += share(a, &l[i], x);
    return sum;
}

/* A layer's claim to one more weight. */
struct claim {
    double rest;
    size_t index;
};

static int by_rest(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;

    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/*
 * Round down, then up where most is missing, until the sum is right. real
 * sums up to `keep` but for rounding.
 */
static int round_shares(uint64_t *kept, const double *real,
                        const struct pare_allocation_layer *l, size_t n,
                        uint64_t keep)
{
    struct claim *claim = malloc((n + 1) * sizeof *claim);
    uint64_t sum = 0;

    if (!claim)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        kept[i] = (uint64_t)floor(real[i]);
        claim[i] = (struct claim){real[i] - floor(real[i]), i};
        sum += kept[i];
    }
    qsort(claim, n, sizeof *claim, by_rest);
    for (size_t i = 0; sum < keep; i = (i + 1) % n)
        if (kept[claim[i].index] < l[claim[i].index].hi) {
            kept[claim[i].index]++;
            sum++;
        }
    for (size_t i = n; sum > keep; i = i ? i : n) {
        i--;
        if (kept[claim[i].index] > l[claim[i].index].lo) {
            kept[claim[i].index]--;
            sum--;
        }
    }
    free(claim);
    return 0;
}

/* The smallest x at which the shares reach `keep`, and one just below it. */
static void find_x(double *lo, double *hi, const struct pare_allocation *a,
                   const struct pare_allocation_layer *l, size_t n, double keep)
{
    *lo = 0;
    *hi = 1;
    for (int i = 0; i < 200; i++) {
        double x = (*lo + *hi) / 2;

        if (sum_at(a, l, n, x) < keep)
            *lo = x;
        else
            *hi = x;
    }
}

int pare_allocation_divide(uint64_t *kept, const struct pare_allocation *a,
                           const struct pare_allocation_layer *l, size_t n,
                           uint64_t keep, bool near)
{
    double least = sum_at(a, l, n, 0), most = sum_at(a, l, n, 1);
    double lo, hi, low, high, part;
    double *real;
    int rc;

    if (near)
        keep = (uint64_t)fmin(fmax((double)keep, ceil(least - 1e-6)),
                              floor(most + 1e-6));
    if ((double)keep < floor(least) || (double)keep > ceil(most))
        return pare_fail(PARE_EINVAL,
                         "%s cannot keep %llu weights of these layers: the "
                         "nearest is %.0f",
                         a->name, (unsigned long long)keep,
                         (double)keep < least ? ceil(least - 1e-6)
                                              : floor(most + 1e-6));
    real = malloc((n + 1) * sizeof *real);
    if (!real)
        return pare_fail(PARE_ENOMEM, "out of memory");
    find_x(&lo, &hi, a, l, n, (double)keep);
    /* Densities may jump there: what is between is shared out evenly. */
    low = sum_at(a, l, n, lo);
    high = sum_at(a, l, n, hi);
    part = high > low ? ((double)keep - low) / (high - low) : 1;
    part = fmin(fmax(part, 0), 1);
    for (size_t i = 0; i < n; i++) {
        double s = share(a, &l[i], lo);

        real[i] = s + part * (share(a, &l[i], hi) - s);
    }
    rc = round_shares(kept, real, l, n, keep);
    free(real);
    return rc;
}
