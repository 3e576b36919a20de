/* Levels for numbers, by rounds of assignment and of means. */
#include "cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define ROUNDS_MAX 20000
#define MOVES_MAX  ((size_t)1 << 26) /* rounds times levels */

int pare_levels_init(struct pare_levels *l, size_t room)
{
    struct pare_levels new = {.room = room, .zero = SIZE_MAX};

    new.at = malloc((room + 1) * sizeof *new.at);
    new.upto = malloc((room + 1) * sizeof *new.upto);
    new.bits = calloc(room + 1, sizeof *new.bits);
    new.count = calloc(room + 1, sizeof *new.count);
    new.first = calloc(room + 2, sizeof *new.first);
    if (!new.at || !new.upto || !new.bits || !new.count || !new.first) {
        pare_levels_release(&new);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    *l = new;
    return 0;
}

void pare_levels_release(struct pare_levels *l)
{
    free(l->at);
    free(l->upto);
    free(l->bits);
    free(l->count);
    free(l->first);
    memset(l, 0, sizeof *l);
}

/* Level i moves down to place j <= i. */
static void shift(struct pare_levels *l, size_t j, size_t i)
{
    l->at[j] = l->at[i];
    l->bits[j] = l->bits[i];
    l->count[j] = l->count[i];
    if (l->zero == i)
        l->zero = j;
    else if (l->zero == j)
        l->zero = SIZE_MAX; /* what was there is gone */
}

/* Where level i, the higher one, becomes cheaper than level j. */
static double meet(const struct pare_levels *l, size_t j, size_t i,
                   double weight)
{
    return (l->at[j] + l->at[i]) / 2 +
           weight * (l->bits[i] - l->bits[j]) / (2 * (l->at[i] - l->at[j]));
}

/*
 * Ends of the intervals: the lower envelope of parabolas of one curvature,
 * built from the left. Levels that are cheapest nowhere are dropped.
 */
static void envelope(struct pare_levels *l, double weight)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        double begin = -(double)INFINITY;

        while (n > 0) {
            begin = meet(l, n - 1, i, weight);
            if (n == 1 || begin > l->upto[n - 2])
                break;
            n--;
        }
        if (n > 0)
            l->upto[n - 1] = begin;
        shift(l, n, i);
        l->upto[n++] = (double)INFINITY;
    }
    if (l->zero != SIZE_MAX && l->zero >= n)
        l->zero = SIZE_MAX;
    l->n = n;
}

/* Give the numbers to their intervals; did any change? */
static bool assign(struct pare_levels *l, const struct pare_sorted *s)
{
    size_t begin = 0;
    bool changed = l->first[0] != 0;

    l->first[0] = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t end = i + 1 < l->n ? pare_sorted_above(s, l->upto[i]) : s->n;

        if (end < begin) /* ends may be equal, and are rounded */
            end = begin;
        changed |= l->first[i + 1] != end;
        l->first[i + 1] = end;
        l->count[i] = pare_sorted_count(s, end) - pare_sorted_count(s, begin);
        if (i == l->zero)
            l->count[i] += s->zeros;
        begin = end;
    }
    return changed;
}

/* Levels without numbers go; upto is then to be made anew. */
static void drop_empty(struct pare_levels *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (l->count[i] == 0)
            continue;
        shift(l, n, i);
        l->first[n + 1] = l->first[i + 1];
        n++;
    }
    if (l->zero != SIZE_MAX && l->zero >= n)
        l->zero = SIZE_MAX;
    l->n = n;
}

/* Each level to the mean of its numbers; those without stay. Rounding may
   bring two together: the upper one goes. */
static void move(struct pare_levels *l, const struct pare_sorted *s)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        size_t a = l->first[i], b = l->first[i + 1];
        uint64_t count = pare_sorted_count(s, b) - pare_sorted_count(s, a);

        if (count && i != l->zero)
            l->at[i] =
                (pare_sorted_sum(s, b) - pare_sorted_sum(s, a)) / (double)count;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (n && l->at[i] <= l->at[n - 1])
            continue;
        shift(l, n, i);
        n++;
    }
    l->n = n;
}

static void cost_codes(struct pare_levels *l)
{
    uint64_t total = 0;

    for (size_t i = 0; i < l->n; i++)
        total += l->count[i];
    for (size_t i = 0; i < l->n; i++)
        l->bits[i] = l->count[i] == total
                         ? 0
                         : log2((double)total / (double)l->count[i]);
}

size_t pare_levels_settle(struct pare_levels *l, const struct pare_sorted *s,
                          double lambda, bool moving)
{
    double weight = lambda * s->power;
    size_t round = 0, most = MOVES_MAX / (l->n + 1), before;
    bool changed = true;

    if (most > ROUNDS_MAX)
        most = ROUNDS_MAX;
    if (lambda == 0)
        memset(l->bits, 0, l->n * sizeof *l->bits);
    while (changed && round < most) {
        before = l->n;
        envelope(l, weight);
        changed = assign(l, s) || round == 0;
        if (lambda > 0) {
            drop_empty(l);
            cost_codes(l);
        }
        if (moving)
            move(l, s);
        changed |= l->n != before;
        round++;
    }
    if (lambda == 0)
        drop_empty(l);
    envelope(l, weight);
    assign(l, s);
    cost_codes(l);
    return round;
}

/* Put the level of the zeros in its place, unless it is there. */
static void insert_zero(struct pare_levels *l)
{
    size_t i = 0;

    while (i < l->n && l->at[i] < 0)
        i++;
    if (i == l->n || l->at[i] > 0) {
        memmove(l->at + i + 1, l->at + i, (l->n - i) * sizeof *l->at);
        l->n++;
    }
    l->at[i] = 0;
    l->zero = i;
}

/* The numbers themselves, which are not more than the levels. */
static void all_of(struct pare_levels *l, const struct pare_sorted *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || s->x[i] != s->x[i - 1])
            l->at[l->n++] = (double)s->x[i];
}

int pare_cluster(struct pare_levels *l, const struct pare_sorted *s, size_t k,
                 const struct pare_start *start, double lambda, uint64_t seed)
{
    size_t some = s->zeros && s->n ? 1 : 0; /* levels of the zeros */
    int rc;

    if (k <= some)
        return pare_fail(PARE_EINVAL,
                         "%zu level is too few: some weights "
                         "that are kept are 0, some are not",
                         k);
    if (k > s->distinct + some)
        k = s->distinct + some + (s->n == 0);
    rc = pare_levels_init(l, k + 1);
    if (!rc && k == s->distinct + some)
        all_of(l, s);
    else if (!rc && s->n)
        rc = start->place(l->at, &l->n, k - some, s, seed);
    if (rc) {
        pare_levels_release(l);
        return rc;
    }
    if (s->zeros)
        insert_zero(l);
    if (l->n == 0)
        return 0;
    pare_levels_settle(l, s, 0, true);
    if (lambda > 0)
        pare_levels_settle(l, s, lambda, true);
    return 0;
}

/* Of one level's numbers: one by one, or by the sums of bins. */
static double spread(const struct pare_sorted *s, size_t a, size_t b, double at)
{
    double sum = 0;

    if (s->square) {
        sum = s->square[b] - s->square[a] - 2 * at * (s->sum[b] - s->sum[a]) +
              at * at * (double)(s->count[b] - s->count[a]);
        return sum > 0 ? sum : 0;
    }
    for (size_t i = a; i < b; i++) {
        double d = (double)s->x[i] - at;

        sum += d * d;
    }
    return sum;
}

double pare_levels_distortion(const struct pare_levels *l,
                              const struct pare_sorted *s)
{
    double sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += spread(s, l->first[i], l->first[i + 1], l->at[i]);
    return sum;
}

size_t pare_levels_of(const struct pare_levels *l, float value)
{
    size_t lo = 0, hi = l->n - 1;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if ((double)value <= l->upto[mid])
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}
