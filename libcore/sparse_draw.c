#include "sparse_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "status.h"

#define DRAWN_MAX ((uint64_t)1 << 32)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static uint64_t draw(uint64_t total, uint64_t i,
                     const struct pare_sparse_lot *lot)
{
    return pare_rng_below(total, i, lot->seed, PARE_STREAM_SPARSE, lot->sub);
}

/*
 * The next position of a walk that takes each with probability `density`:
 * how many it passes over is geometric. total at the end.
 */
static uint64_t walk(uint64_t at, uint64_t total, uint64_t i,
                     const struct pare_sparse_lot *lot)
{
    uint64_t word = pare_rng_u64(i, lot->seed, PARE_STREAM_SPARSE, lot->sub);
    double u = ((double)(word >> 11) + 0.5) * 0x1p-53, gap;

    if (lot->density >= 1)
        return at;
    gap = floor(log(u) / log1p(-lot->density));
    return gap >= (double)(total - at) ? total : at + (uint64_t)gap;
}

/* Are the absent positions drawn? */
static bool inverse(const struct pare_sparse_lot *lot, uint64_t total)
{
    return lot->how == PARE_SPARSE_EXACT && lot->count > total / 2;
}

static int check_count(const struct pare_sparse_lot *lot, uint64_t total)
{
    if (lot->how == PARE_SPARSE_EXACT && lot->count > total)
        return pare_fail(PARE_EINVAL, "cannot draw %llu of %llu positions",
                         (unsigned long long)lot->count,
                         (unsigned long long)total);
    return 0;
}

int pare_sparse_draw_mask(uint8_t *mask, uint64_t total,
                          const struct pare_sparse_lot *lot)
{
    bool absent = inverse(lot, total);
    uint64_t left = absent ? total - lot->count : lot->count;
    int err = check_count(lot, total);

    if (err)
        return err;
    memset(mask, absent, (size_t)total);
    if (lot->how == PARE_SPARSE_BERNOULLI) {
        for (uint64_t i = 0, at = 0; at < total; i++, at++) {
            at = walk(at, total, i, lot);
            if (at < total)
                mask[at] = 1;
        }
        return 0;
    }
    for (uint64_t i = 0; left; i++) {
        uint64_t at = draw(total, i, lot);

        left -= lot->how == PARE_SPARSE_REPLACE || mask[at] == absent;
        mask[at] = !absent;
    }
    return 0;
}

/* Ascending order, by 11 bits at a time from the lowest; other [n] is room. */
static void sort(uint64_t *v, uint64_t *other, uint64_t n, uint64_t total)
{
    for (int shift = 0; shift < 64 && total >> shift; shift += 11) {
        uint64_t place[2048] = {0}, sum = 0;

        for (uint64_t i = 0; i < n; i++)
            place[v[i] >> shift & 2047]++;
        for (int d = 0; d < 2048; d++) {
            uint64_t here = place[d];

            place[d] = sum;
            sum += here;
        }
        for (uint64_t i = 0; i < n; i++)
            other[place[v[i] >> shift & 2047]++] = v[i];
        memcpy(v, other, (size_t)n * sizeof *v);
    }
}

/* Drop all but one of equal neighbours; the number that is left. */
static uint64_t unique(uint64_t *v, uint64_t n)
{
    uint64_t k = 0;

    for (uint64_t i = 0; i < n; i++)
        if (!k || v[k - 1] != v[i])
            v[k++] = v[i];
    return k;
}

/*
 * The first `want` different ones of the sequence of draws, in rounds that
 * never draw more than are missing; or one round of draws.
 */
static int draw_flat(uint64_t **flat, uint64_t *n, uint64_t want,
                     uint64_t total, const struct pare_sparse_lot *lot)
{
    uint64_t *v = NULL, *other = NULL, have = 0, i = 0;

    if (want > DRAWN_MAX)
        return pare_fail(PARE_ELIMIT, "%llu connections are more than 2^32",
                         (unsigned long long)want);
    v = malloc((size_t)(want + 1) * sizeof *v);
    other = malloc((size_t)(want + 1) * sizeof *other);
    if (!v || !other) {
        free(v);
        free(other);
        return no_memory();
    }
    while (have < want) {
        uint64_t k = have;

        while (k < want)
            v[k++] = draw(total, i++, lot);
        sort(v, other, k, total);
        have = unique(v, k);
        if (lot->how == PARE_SPARSE_REPLACE)
            break;
    }
    free(other);
    *flat = v;
    *n = have;
    return 0;
}

static int walk_flat(uint64_t **flat, uint64_t *n, uint64_t total,
                     const struct pare_sparse_lot *lot)
{
    double mean = lot->density * (double)total;
    uint64_t room = 0, k = 0, *v;

    if (mean > (double)DRAWN_MAX)
        return pare_fail(PARE_ELIMIT, "%.0f connections are more than 2^32",
                         mean);
    room = (uint64_t)(mean + 10 * sqrt(mean) + 100);
    v = malloc((size_t)room * sizeof *v);
    if (!v)
        return no_memory();
    for (uint64_t i = 0, at = 0; at < total; i++, at++) {
        at = walk(at, total, i, lot);
        if (at >= total)
            break;
        if (k == room) {
            uint64_t *grown = realloc(v, (size_t)(2 * room) * sizeof *v);

            if (!grown) {
                free(v);
                return no_memory();
            }
            v = grown;
            room *= 2;
        }
        v[k++] = at;
    }
    *flat = v;
    *n = k;
    return 0;
}

/* All positions but n that ascend. */
static int others(uint64_t **flat, const uint64_t *v, uint64_t n,
                  uint64_t total)
{
    uint64_t *rest = malloc((size_t)(total - n + 1) * sizeof *rest), k = 0;

    if (!rest)
        return no_memory();
    for (uint64_t at = 0, i = 0; at < total; at++) {
        if (i < n && v[i] == at)
            i++;
        else
            rest[k++] = at;
    }
    *flat = rest;
    return 0;
}

int pare_sparse_draw_pattern(struct pare_pattern **p, size_t rows, size_t cols,
                             const struct pare_sparse_lot *lot)
{
    uint64_t total = (uint64_t)rows * cols, *flat = NULL, *rest = NULL, n = 0;
    bool absent = inverse(lot, total);
    int err = check_count(lot, total);

    if (!err && absent && lot->count > DRAWN_MAX)
        err = pare_fail(PARE_ELIMIT, "%llu connections are more than 2^32",
                        (unsigned long long)lot->count);
    if (!err && lot->how == PARE_SPARSE_BERNOULLI)
        err = walk_flat(&flat, &n, total, lot);
    else if (!err)
        err = draw_flat(&flat, &n, absent ? total - lot->count : lot->count,
                        total, lot);
    if (!err && absent) {
        err = others(&rest, flat, n, total);
        free(flat);
        flat = rest;
        n = total - n;
    }
    if (!err)
        err = pare_pattern_of_flat(p, flat, n, rows, cols);
    free(flat);
    return err;
}
