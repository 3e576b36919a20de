/* Numbers in order, for clustering. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "status.h"

#define DIGIT 11 /* bits of a digit of the sort; three make 32 */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void pare_sorted_release(struct pare_sorted *s)
{
    free(s->x);
    free(s->sum);
    free(s->square);
    free(s->count);
    memset(s, 0, sizeof *s);
}

uint64_t pare_sorted_count(const struct pare_sorted *s, size_t i)
{
    return s->count ? s->count[i] : i;
}

double pare_sorted_sum(const struct pare_sorted *s, size_t i)
{
    double sum;

    if (s->count)
        return s->sum[i];
    sum = s->sum[i / PARE_SUM_STEP];
    for (size_t k = i / PARE_SUM_STEP * PARE_SUM_STEP; k < i; k++)
        sum += (double)s->x[k];
    return sum;
}

size_t pare_sorted_above(const struct pare_sorted *s, double v)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if ((double)s->x[mid] > v)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Bits of a float that compare as the float does, and back. */

static uint32_t key_of(float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof u);
    return u >> 31 ? ~u : u | 0x80000000u;
}

/* In the place of the keys; their room is the caller's to free then. */
static float *values_of(uint32_t *key, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u = key[i] >> 31 ? key[i] & 0x7fffffffu : ~key[i];
        float v;

        memcpy(&v, &u, sizeof v);
        memcpy((void *)&key[i], &v, sizeof v);
    }
    return (void *)key;
}

/* One pass of the sort, by a digit. */
static void pass(uint32_t *to, const uint32_t *from, size_t n, int shift)
{
    size_t place[1 << DIGIT] = {0}, sum = 0;
    const uint32_t last = (1u << DIGIT) - 1;

    for (size_t i = 0; i < n; i++)
        place[from[i] >> shift & last]++;
    for (size_t d = 0; d <= last; d++) {
        size_t count = place[d];

        place[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[place[from[i] >> shift & last]++] = from[i];
}

/* Keys of the numbers that are in and not 0; counts the others. */
static size_t gather(uint32_t *key, uint64_t *zeros, const float *value,
                     const uint8_t *mask, size_t n)
{
    size_t k = 0;

    *zeros = 0;
    for (size_t i = 0; i < n; i++) {
        if (mask && !mask[i])
            continue;
        if (value[i] == 0)
            ++*zeros;
        else
            key[k++] = key_of(value[i]);
    }
    return k;
}

/* Sums, power and the number of different ones, x being in order. */
static void add_up(struct pare_sorted *s)
{
    double sum = 0, square = 0;

    for (size_t i = 0; i < s->n; i++) {
        double x = (double)s->x[i];

        if (i % PARE_SUM_STEP == 0)
            s->sum[i / PARE_SUM_STEP] = sum;
        sum += x;
        square += x * x;
        s->distinct += i == 0 || s->x[i] != s->x[i - 1];
    }
    if (s->n % PARE_SUM_STEP == 0)
        s->sum[s->n / PARE_SUM_STEP] = sum;
    s->values = s->n;
    s->power = s->n ? square / (double)s->n : 0;
    if (s->n)
        s->peak = fmax(-(double)s->x[0], (double)s->x[s->n - 1]);
}

int pare_sorted_init(struct pare_sorted *s, const float *value,
                     const uint8_t *mask, size_t n)
{
    uint32_t *a = calloc(n + 1, sizeof *a);
    uint32_t *b = malloc((n + 1) * sizeof *b);
    struct pare_sorted found = {0};

    if (!a || !b)
        goto fail;
    found.n = gather(a, &found.zeros, value, mask, n);
    pass(b, a, found.n, 0);
    pass(a, b, found.n, DIGIT);
    pass(b, a, found.n, 2 * DIGIT);
    free(a);
    a = NULL;
    found.sum = malloc((found.n / PARE_SUM_STEP + 1) * sizeof *found.sum);
    if (!found.sum)
        goto fail;
    found.x = values_of(b, found.n);
    add_up(&found);
    *s = found;
    return 0;
fail:
    free(a);
    free(b);
    pare_sorted_release(&found);
    return no_memory();
}

/* A number's place among bins from -peak to peak. */
static size_t bin_of(float v, double peak, size_t bins)
{
    double at = ((double)v / peak + 1) * .5 * (double)bins;
    size_t i = (size_t)at;

    return i < bins ? i : bins - 1;
}

static double peak_of(const float *value, const uint8_t *mask, size_t n)
{
    float peak = 0;

    for (size_t i = 0; i < n; i++)
        if ((!mask || mask[i]) && fabsf(value[i]) > peak)
            peak = fabsf(value[i]);
    return (double)peak;
}

/* Close the gaps between bins and make running sums of what they hold. */
static void close_up(struct pare_sorted *s, size_t bins)
{
    uint64_t count = 0;
    double sum = 0, square = 0;

    for (size_t i = 0; i < bins; i++) {
        uint64_t c = s->count[i];
        double su = s->sum[i], sq = s->square[i];

        if (c == 0)
            continue;
        s->x[s->n] = (float)(su / (double)c);
        s->count[s->n] = count;
        s->sum[s->n] = sum;
        s->square[s->n] = square;
        count += c;
        sum += su;
        square += sq;
        s->n++;
    }
    s->count[s->n] = s->values = count;
    s->sum[s->n] = sum;
    s->square[s->n] = square;
    s->distinct = s->n;
    s->power = count ? square / (double)count : 0;
}

int pare_sorted_bin(struct pare_sorted *s, const float *value,
                    const uint8_t *mask, size_t n, size_t bins)
{
    double peak = peak_of(value, mask, n);
    struct pare_sorted found = {.peak = peak};

    found.x = malloc((bins + 1) * sizeof *found.x);
    found.count = calloc(bins + 1, sizeof *found.count);
    found.sum = calloc(bins + 1, sizeof *found.sum);
    found.square = calloc(bins + 1, sizeof *found.square);
    if (!found.x || !found.count || !found.sum || !found.square) {
        pare_sorted_release(&found);
        return no_memory();
    }
    for (size_t i = 0; i < n; i++) {
        double v = (double)value[i];
        size_t bin;

        if (mask && !mask[i])
            continue;
        if (value[i] == 0) {
            found.zeros++;
            continue;
        }
        bin = bin_of(value[i], peak, bins);
        found.count[bin]++;
        found.sum[bin] += v;
        found.square[bin] += v * v;
    }
    close_up(&found, bins);
    *s = found;
    return 0;
}
