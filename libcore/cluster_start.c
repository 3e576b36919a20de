/* Where the levels of a clustering begin. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "rng.h"
#include "status.h"

#define CELLS_MAX 8192 /* that the optimum is sought among */

/* Sort ascending and leave one of equal ones; their number. */
static int by_value(const void *a, const void *b)
{
    double x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static size_t order(double *at, size_t n)
{
    size_t k = 0;

    qsort(at, n, sizeof *at, by_value);
    for (size_t i = 0; i < n; i++)
        if (k == 0 || at[i] > at[k - 1])
            at[k++] = at[i];
    return k;
}

static int linear(double *at, size_t *n, size_t k, const struct pare_sorted *s,
                  uint64_t seed)
{
    double lo = (double)s->x[0], hi = (double)s->x[s->n - 1];

    (void)seed;
    for (size_t i = 0; i < k; i++)
        at[i] = k == 1 ? (lo + hi) / 2
                       : lo + (hi - lo) * ((double)i / (double)(k - 1));
    *n = order(at, k);
    return 0;
}

static int density(double *at, size_t *n, size_t k, const struct pare_sorted *s,
                   uint64_t seed)
{
    (void)seed;
    for (size_t i = 0; i < k; i++)
        at[i] =
            (double)s->x[(size_t)(((double)i + .5) / (double)k * (double)s->n)];
    *n = order(at, k);
    return 0;
}

static int random_values(double *at, size_t *n, size_t k,
                         const struct pare_sorted *s, uint64_t seed)
{
    for (size_t i = 0; i < k; i++) {
        uint32_t word[4];

        pare_rng_block(word, seed, PARE_STREAM_CLUSTER, 0, i);
        at[i] =
            (double)
                s->x[pare_rng_scale((uint64_t)word[0] << 32 | word[1], s->n)];
    }
    *n = order(at, k);
    return 0;
}

/* The optimum, by dynamic programming over cells that are not cut. */

struct optimum {
    size_t n;                  /* cells */
    size_t at[CELLS_MAX + 1];  /* place of each in the order */
    double sum[CELLS_MAX + 1]; /* of the numbers before it, less the mean */
    double square[CELLS_MAX + 1];
    double now[CELLS_MAX + 1], next[CELLS_MAX + 1]; /* cost of the first i */
    uint16_t *from; /* [k][n + 1] where the last level begins */
    double mean;
};

/* Squared distances of cells a to b - 1 from their mean. */
static double cost(const struct optimum *o, size_t a, size_t b)
{
    double n = (double)(o->at[b] - o->at[a]), sum = o->sum[b] - o->sum[a];
    double c = o->square[b] - o->square[a] - sum * sum / n;

    return c > 0 ? c : 0;
}

/* A cell begins here: at numbers that differ, and of many at those that are
   the first of an equal share or of an equal width. */
static bool begins(const struct pare_sorted *s, size_t i, bool all)
{
    const size_t half = CELLS_MAX / 2 - 1;
    double lo, width;

    if (s->x[i] == s->x[i - 1])
        return false;
    if (all)
        return true;
    if (i * half / s->n != (i - 1) * half / s->n)
        return true;
    lo = (double)s->x[0];
    width = ((double)s->x[s->n - 1] - lo) / (double)half;
    return floor(((double)s->x[i] - lo) / width) !=
           floor(((double)s->x[i - 1] - lo) / width);
}

static void lay_cells(struct optimum *o, const struct pare_sorted *s)
{
    double sum = 0, square = 0;

    o->mean = pare_sorted_sum(s, s->n) / (double)s->n;
    o->n = 0;
    for (size_t i = 0; i < s->n; i++) {
        double d = (double)s->x[i] - o->mean;

        if (i == 0 || begins(s, i, s->distinct <= CELLS_MAX)) {
            o->at[o->n] = i;
            o->sum[o->n] = sum;
            o->square[o->n++] = square;
        }
        sum += d;
        square += d * d;
    }
    o->at[o->n] = s->n;
    o->sum[o->n] = sum;
    o->square[o->n] = square;
}

/*
 * Cheapest beginning of the last of `level` + 1 levels for the first lo..hi
 * cells; it does not fall with the number of cells, so the middle one bounds
 * the others. Depth log2 CELLS_MAX.
 */
static void solve(struct optimum *o, uint16_t *from, size_t level, size_t lo,
                  size_t hi, size_t least, size_t most)
{
    size_t mid = lo + (hi - lo) / 2, best = least;
    double low = (double)INFINITY;

    for (size_t a = least > level ? least : level; a <= most && a < mid; a++) {
        double c = o->now[a] + cost(o, a, mid);

        if (c < low) {
            low = c;
            best = a;
        }
    }
    o->next[mid] = low;
    from[mid] = (uint16_t)best;
    if (mid > lo)
        solve(o, from, level, lo, mid - 1, least, best);
    if (mid < hi)
        solve(o, from, level, mid + 1, hi, best, most);
}

static void trace(double *at, const struct optimum *o, size_t k)
{
    size_t end = o->n;

    for (size_t level = k; level-- > 0;) {
        size_t begin = level ? o->from[level * (o->n + 1) + end] : 0;

        at[level] = o->mean + (o->sum[end] - o->sum[begin]) /
                                  (double)(o->at[end] - o->at[begin]);
        end = begin;
    }
}

static int optimal(double *at, size_t *n, size_t k, const struct pare_sorted *s,
                   uint64_t seed)
{
    struct optimum *o;
    int rc = 0;

    if (k > PARE_OPTIMAL_MAX)
        return density(at, n, k, s, seed);
    o = malloc(sizeof *o);
    if (!o)
        return pare_fail(PARE_ENOMEM, "out of memory");
    lay_cells(o, s);
    if (k > o->n)
        k = o->n;
    o->from = malloc(k * (o->n + 1) * sizeof *o->from);
    if (!o->from)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 1; !rc && i <= o->n; i++)
        o->now[i] = cost(o, 0, i);
    for (size_t level = 1; !rc && level < k; level++) {
        solve(o, o->from + level * (o->n + 1), level, level + 1, o->n, level,
              o->n - 1);
        memcpy(o->now, o->next, sizeof o->now);
    }
    if (!rc) {
        trace(at, o, k);
        *n = order(at, k);
    }
    free(o->from);
    free(o);
    return rc;
}

static const struct pare_start table[] = {
    {"linear", "equal steps from the least weight to the largest",
     "Han et al. 2016, arXiv:1510.00149", linear},
    {"optimal", "least squared error of all choices",
     "Bellman 1973; Wang and Song 2011", optimal},
    {"density", "equal shares of the weights",
     "Han et al. 2016, arXiv:1510.00149", density},
    {"random", "weights that are drawn", "Forgy 1965", random_values},
};

const struct pare_start *pare_start(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const struct pare_start *pare_start_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
