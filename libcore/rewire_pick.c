/* Where connections grow: at random, or by scores of the free positions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rewire_parts.h"
#include "rng.h"
#include "select.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- at random --------------------------------------------------------- */

static uint64_t draw(uint64_t seed, uint32_t sub, uint64_t i)
{
    uint32_t word[4];

    pare_rng_block(word, seed, PARE_STREAM_GROW, sub, i / 2);
    return (uint64_t)word[i % 2 * 2] << 32 | word[i % 2 * 2 + 1];
}

/* A set of numbers: open addressing, UINT64_MAX for an empty place. */
struct set {
    uint64_t mask, *place;
};

static int new_set(struct set *s, uint64_t n)
{
    uint64_t room = 16;

    while (room < 2 * n)
        room *= 2;
    s->mask = room - 1;
    s->place = malloc((size_t)room * sizeof *s->place);
    if (!s->place)
        return no_memory();
    memset(s->place, 0xff, (size_t)room * sizeof *s->place);
    return 0;
}

/* Put x in; was it not there? */
static bool put(struct set *s, uint64_t x)
{
    uint64_t i = (x * 0x9E3779B97F4A7C15u) >> 20;

    for (;; i++) {
        uint64_t *p = &s->place[i & s->mask];

        if (*p == x)
            return false;
        if (*p == UINT64_MAX) {
            *p = x;
            return true;
        }
    }
}

static int ascending(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Floyd's choice of k distinct numbers below n: all sets equally likely. */
static int pick_exactly(uint64_t *rank, uint64_t n, uint64_t k, uint64_t seed,
                        uint32_t sub)
{
    struct set seen;
    int rc = new_set(&seen, k);

    if (rc)
        return rc;
    for (uint64_t i = 0, j = n - k; i < k; i++, j++) {
        uint64_t x = pare_rng_scale(draw(seed, sub, i), j + 1);

        if (!put(&seen, x)) {
            x = j;
            put(&seen, x);
        }
        rank[i] = x;
    }
    free(seen.place);
    qsort(rank, (size_t)k, sizeof *rank, ascending);
    return 0;
}

/*
 * Each of n numbers with probability p, 0 < p < 1, by the lengths of the gaps
 * between them. Room for `room`; how many there were even if that is more.
 */
static uint64_t pick_each(uint64_t *rank, uint64_t room, uint64_t n, double p,
                          uint64_t seed, uint32_t sub)
{
    double scale = 1 / log1p(-p), at = -1;

    for (uint64_t i = 0;; i++) {
        double u = ((double)draw(seed, sub, i) + 0.5) * 0x1p-64;

        at += 1 + floor(log(u) * scale);
        if (at >= (double)n)
            return i;
        if (i < room)
            rank[i] = (uint64_t)at;
    }
}

/* The rank-th free position, for ascending ranks, in place. */
static void settle(uint64_t *rank, uint64_t n, const struct rewire_room *l)
{
    uint64_t j = 0;

    for (uint64_t i = 0; i < n; i++) {
        while (j < l->n_blocked && l->blocked[j] <= rank[i] + j)
            j++;
        rank[i] += j;
    }
}

int rewire_pick_random(struct rewire_room *l, bool bernoulli, uint64_t seed,
                       uint32_t sub)
{
    uint64_t open = l->positions - l->n_blocked, n = l->want;
    bool each = bernoulli && n > 0 && n < open;
    double p = each ? (double)n / (double)open : 0;
    uint64_t *rank;
    int rc = 0;

    if (bernoulli && n > open)
        n = open;
    if (each)
        n = pick_each(NULL, 0, open, p, seed, sub);
    rank = malloc((size_t)(n + 1) * sizeof *rank);
    if (!rank)
        return no_memory();
    if (each)
        pick_each(rank, n, open, p, seed, sub);
    else
        rc = pick_exactly(rank, open, n, seed, sub);
    if (rc) {
        free(rank);
        return rc;
    }
    settle(rank, n, l);
    l->fresh = rank;
    l->n_new = n;
    return 0;
}

/* ---- by scores --------------------------------------------------------- */

/* The best score that is left: nothing equal to it may grow. */
static float best_left(const uint8_t *left, const float *score, uint64_t n,
                       bool lowest)
{
    float best = lowest ? INFINITY : -INFINITY;

    for (uint64_t i = 0; i < n; i++)
        if (left[i] && (lowest ? score[i] < best : score[i] > best))
            best = score[i];
    return best;
}

/* Take of what is left all that equals the worst score that grows. */
static uint64_t take_ties(uint8_t *left, const uint8_t *open,
                          const float *score, uint64_t n, bool lowest)
{
    float worst = lowest ? -INFINITY : INFINITY;
    uint64_t more = 0;

    for (uint64_t i = 0; i < n; i++)
        if (open[i] && !left[i] &&
            (lowest ? score[i] > worst : score[i] < worst))
            worst = score[i];
    for (uint64_t i = 0; i < n; i++)
        if (left[i] && score[i] == worst) {
            left[i] = 0;
            more++;
        }
    return more;
}

static int gather(struct rewire_room *l, const uint8_t *open, uint8_t *left,
                  const float *score, const struct pare_grow_options *o)
{
    bool strict = o->counting == PARE_GROW_STRICT;
    float bar = strict ? best_left(left, score, l->positions, o->lowest) : 0;
    uint64_t more = 0;

    if (o->counting == PARE_GROW_TIES && l->want)
        more = take_ties(left, open, score, l->positions, o->lowest);
    l->fresh = malloc((size_t)(l->want + more + 1) * sizeof *l->fresh);
    if (!l->fresh)
        return no_memory();
    for (uint64_t i = 0; i < l->positions; i++)
        if (open[i] && !left[i] && !(strict && score[i] == bar))
            l->fresh[l->n_new++] = i;
    return 0;
}

int rewire_pick_scored(struct rewire_room *l, const float *score,
                       const struct pare_grow_options *o)
{
    size_t n = (size_t)l->positions;
    uint8_t *open = malloc(n + 1), *left = malloc(n + 1);
    struct pare_rank_part part = {.n = n, .score = score, .candidate = open};
    struct pare_ranking ranking = {.n_parts = 1,
                                   .part = &part,
                                   .largest = !o->lowest,
                                   .threads = o->threads > 0 ? o->threads : 1};
    struct pare_cut cut = {0};
    uint64_t taken;
    int rc = open && left ? 0 : no_memory();

    if (rc)
        goto out;
    memset(open, 1, n);
    for (uint64_t i = 0; i < l->n_blocked; i++)
        open[l->blocked[i]] = 0;
    memcpy(left, open, n);
    rc = pare_rank_cut(&cut, &taken, &ranking, l->want);
    if (!rc && l->want)
        pare_rank_clear(&left, &ranking, &cut);
    if (!rc)
        rc = gather(l, open, left, score, o);
out:
    pare_cut_release(&cut);
    free(open);
    free(left);
    return rc;
}

/* ---- shared by layers --------------------------------------------------- */

/* Layers whose share is above their room get that, until there are none. */
static uint64_t fill_up(uint64_t *want, bool *full, double *sum,
                        const double *weight, const uint64_t *room, size_t n,
                        uint64_t left)
{
    bool again = true;

    while (again) {
        uint64_t now = left;

        again = false;
        *sum = 0;
        for (size_t i = 0; i < n; i++)
            *sum += full[i] ? 0 : weight[i];
        for (size_t i = 0; i < n; i++) {
            if (full[i] || (double)now * weight[i] < (double)room[i] * *sum)
                continue;
            if (weight[i] > 0 && room[i] <= left) {
                full[i] = again = true;
                want[i] = room[i];
                left -= room[i];
            }
        }
    }
    return left;
}

/* Whole parts first, then one each by largest remainder. */
static void round_off(uint64_t *want, bool *full, double sum,
                      const double *weight, const uint64_t *room, size_t n,
                      uint64_t left)
{
    uint64_t rest = left;

    for (size_t i = 0; i < n; i++) {
        if (full[i])
            continue;
        want[i] = (uint64_t)((double)left * (weight[i] / sum));
        if (want[i] > room[i])
            want[i] = room[i];
        if (want[i] > rest)
            want[i] = rest;
        rest -= want[i];
    }
    while (rest > 0) {
        size_t best = n;
        double most = -(double)INFINITY;

        for (size_t i = 0; i < n; i++) {
            double part = (double)left * (weight[i] / sum) - (double)want[i];

            if (!full[i] && want[i] < room[i] && part > most) {
                most = part;
                best = i;
            }
        }
        if (best == n)
            return;
        want[best]++;
        rest--;
    }
}

int rewire_share(uint64_t *want, const double *weight, const uint64_t *room,
                 size_t n, uint64_t total)
{
    bool *full = calloc(n + 1, sizeof *full);
    double *w = malloc((n + 1) * sizeof *w);
    double sum = 0, all = 0;
    uint64_t left = total;
    int rc = full && w ? 0 : no_memory();

    for (size_t i = 0; !rc && i < n; i++)
        all += weight[i];
    for (size_t i = 0; !rc && i < n; i++) {
        w[i] = all > 0 ? weight[i] : 1;
        want[i] = 0;
    }
    if (!rc)
        left = fill_up(want, full, &sum, w, room, n, left);
    /* Layers without weight take what the others have no room for. */
    if (!rc && left > 0 && !(sum > 0)) {
        for (size_t i = 0; i < n; i++)
            w[i] = 1;
        left = fill_up(want, full, &sum, w, room, n, left);
    }
    if (!rc && left > 0)
        round_off(want, full, sum, w, room, n, left);
    free(full);
    free(w);
    return rc;
}
