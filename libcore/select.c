#include "select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "status.h"

#define BUCKETS 65536
#define BLOCK   64   /* scores looked at together, for vector code */
#define HALVES  1024 /* of which the high halves are taken together */

/*
 * Bits of a float as an unsigned number of the same order; the addition
 * turns -0 into +0.
 */
static inline uint32_t order_key(float score)
{
    float s = score + 0.0f;
    uint32_t u;

    memcpy(&u, &s, sizeof u);
    return u ^ ((0u - (u >> 31)) | 0x80000000u);
}

static inline uint32_t is_nan(float score)
{
    uint32_t u;

    memcpy(&u, &score, sizeof u);
    return (u & 0x7fffffffu) > 0x7f800000u;
}

/* High halves of a block of scores; returns whether one is NaN. */
PARE_CLONES
static uint32_t high_halves(uint16_t *high, const float *score, size_t n)
{
    uint32_t nan = 0;

    for (size_t i = 0; i < n; i++) {
        nan |= is_nan(score[i]);
        high[i] = (uint16_t)(order_key(score[i]) >> 16);
    }
    return nan;
}

/* Histogram of the high halves; returns whether a candidate is NaN. */
static uint32_t count_high(size_t *count, const float *score,
                           const uint8_t *candidate, size_t n)
{
    uint16_t high[HALVES];
    uint32_t nan = 0;

    for (size_t first = 0; first < n; first += HALVES) {
        size_t size = n - first < HALVES ? n - first : HALVES;
        uint32_t some = high_halves(high, score + first, size);

        for (size_t i = 0; !candidate && i < size; i++)
            count[high[i]]++;
        for (size_t i = 0; candidate && i < size; i++)
            count[high[i]] += candidate[first + i] != 0;
        for (size_t i = 0; candidate && some && i < size; i++)
            nan |= is_nan(score[first + i]) & (candidate[first + i] != 0);
        nan |= candidate ? 0 : some;
    }
    return nan;
}

/* Histogram of the low halves of the scores whose high half is `high`. */
PARE_CLONES
static void count_low(size_t *count, const float *score,
                      const uint8_t *candidate, size_t n, uint32_t high)
{
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t end = n - first < BLOCK ? n : first + BLOCK;
        uint32_t any = 0;

        for (size_t i = first; i < end; i++)
            any |= order_key(score[i]) >> 16 == high;
        for (size_t i = first; any && i < end; i++) {
            uint32_t key = order_key(score[i]);

            if (key >> 16 == high && (!candidate || candidate[i]))
                count[key & 0xffff]++;
        }
    }
}

/*
 * The bucket in which the k-th lowest lies, 1 <= k <= sum of counts; k
 * becomes its rank within that bucket.
 */
static uint32_t find_bucket(const size_t *count, size_t *k)
{
    uint32_t b = 0;

    while (count[b] < *k)
        *k -= count[b++];
    return b;
}

/* Mark the candidates below the key; how many scores are equal to it? */
PARE_CLONES
static uint32_t mark_below(uint8_t *mark, const float *score,
                           const uint8_t *candidate, size_t n, uint32_t key)
{
    uint32_t equal = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t u = order_key(score[i]);

        equal += u == key;
        mark[i] = u < key;
    }
    for (size_t i = 0; candidate && i < n; i++)
        mark[i] &= candidate[i] != 0;
    return equal;
}

/* Mark what is below the key, and the first `ties` of those equal to it. */
static void mark_all(uint8_t *mark, const float *score,
                     const uint8_t *candidate, size_t n, uint32_t key,
                     size_t ties)
{
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t size = n - first < BLOCK ? n - first : BLOCK;
        const uint8_t *c = candidate ? candidate + first : NULL;
        const float *s = score + first;

        if (!mark_below(mark + first, s, c, size, key))
            continue;
        for (size_t i = 0; ties && i < size; i++) {
            if (order_key(s[i]) == key && (!c || c[i])) {
                mark[first + i] = 1;
                ties--;
            }
        }
    }
}

int pare_select_lowest(uint8_t *mark, const float *score,
                       const uint8_t *candidate, size_t n, size_t k)
{
    size_t *count = calloc(BUCKETS, sizeof *count);
    size_t total = 0, rank = k;
    uint32_t key;
    int rc = 0;

    if (!count)
        return pare_fail(PARE_ENOMEM, "no memory to select weights");
    if (count_high(count, score, candidate, n)) {
        rc = pare_fail(PARE_EINVAL, "a score is not a number");
        goto out;
    }
    for (size_t b = 0; b < BUCKETS; b++)
        total += count[b];
    if (k > total) {
        rc = pare_fail(PARE_EINVAL, "cannot select %zu of %zu", k, total);
        goto out;
    }
    if (k == 0) {
        if (n)
            memset(mark, 0, n);
        goto out;
    }
    key = find_bucket(count, &rank);
    memset(count, 0, BUCKETS * sizeof *count);
    count_low(count, score, candidate, n, key);
    key = key << 16 | find_bucket(count, &rank);
    mark_all(mark, score, candidate, n, key, rank);
out:
    free(count);
    return rc;
}

uint64_t pare_round_count(double x)
{
    return (uint64_t)nearbyint(x);
}
