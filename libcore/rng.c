#include "rng.h"

#include "clones.h"
#include "kernel.h"

#include <math.h>

void pare_philox(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2])
{
    uint32_t x0 = ctr[0], x1 = ctr[1], x2 = ctr[2], x3 = ctr[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * x0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * x2;

        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

void pare_rng_block(uint32_t out[4], uint64_t seed, enum pare_stream stream,
                    uint32_t sub, uint64_t index)
{
    uint32_t ctr[4] = {(uint32_t)index, (uint32_t)(index >> 32), sub,
                       (uint32_t)stream};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    pare_philox(out, ctr, key);
}

uint64_t pare_rng_scale(uint64_t r, uint64_t n)
{
    uint64_t low = (r & UINT32_MAX) * (n & UINT32_MAX);
    uint64_t a = (r >> 32) * (n & UINT32_MAX) + (low >> 32);
    uint64_t b = (r & UINT32_MAX) * (n >> 32) + (a & UINT32_MAX);

    return (r >> 32) * (n >> 32) + (a >> 32) + (b >> 32);
}

#define TOGETHER 16 /* blocks that are made side by side */

/* One round for x0 .. x3 of several blocks. */
static inline void philox_round(uint32_t *restrict x0, uint32_t *restrict x1,
                                uint32_t *restrict x2, uint32_t *restrict x3,
                                uint32_t k0, uint32_t k1)
{
    for (size_t i = 0; i < TOGETHER; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * x0[i];
        uint64_t p1 = (uint64_t)0xCD9E8D57u * x2[i];
        uint32_t y0 = (uint32_t)(p1 >> 32) ^ x1[i] ^ k0;
        uint32_t y2 = (uint32_t)(p0 >> 32) ^ x3[i] ^ k1;

        x0[i] = y0;
        x1[i] = (uint32_t)p1;
        x2[i] = y2;
        x3[i] = (uint32_t)p0;
    }
}

PARE_CLONES
static void philox_together(uint32_t *restrict out, uint64_t first,
                            uint32_t sub, uint32_t stream, uint32_t k0,
                            uint32_t k1)
{
    uint32_t x0[TOGETHER], x1[TOGETHER], x2[TOGETHER], x3[TOGETHER];

    for (size_t i = 0; i < TOGETHER; i++) {
        x0[i] = (uint32_t)(first + i);
        x1[i] = (uint32_t)((first + i) >> 32);
        x2[i] = sub;
        x3[i] = stream;
    }
    for (int round = 0; round < 10; round++) {
        philox_round(x0, x1, x2, x3, k0, k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (size_t i = 0; i < TOGETHER; i++) {
        out[4 * i] = x0[i];
        out[4 * i + 1] = x1[i];
        out[4 * i + 2] = x2[i];
        out[4 * i + 3] = x3[i];
    }
}

void pare_rng_blocks(uint32_t *out, size_t n, uint64_t seed,
                     enum pare_stream stream, uint32_t sub, uint64_t first)
{
    size_t (*wide)(uint32_t *, size_t, uint64_t, uint32_t, uint32_t, uint64_t) =
        pare_kernel()->rng_blocks;
    size_t i = wide ? wide(out, n, seed, sub, (uint32_t)stream, first) : 0;

    for (; i + TOGETHER <= n; i += TOGETHER)
        philox_together(out + 4 * i, first + i, sub, (uint32_t)stream,
                        (uint32_t)seed, (uint32_t)(seed >> 32));
    for (; i < n; i++)
        pare_rng_block(out + 4 * i, seed, stream, sub, first + i);
}

float pare_rng_unit(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

static float uniform(uint32_t word, double lo, double hi)
{
    return (float)(lo + (hi - lo) * (double)pare_rng_unit(word));
}

void pare_rng_uniform(float *out, size_t n, double lo, double hi, uint64_t seed,
                      enum pare_stream stream, uint32_t sub)
{
    uint32_t word[4];

    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            pare_rng_block(word, seed, stream, sub, i / 4);
        out[i] = uniform(word[i % 4], lo, hi);
    }
}

float pare_rng_uniform_at(uint64_t i, double lo, double hi, uint64_t seed,
                          enum pare_stream stream, uint32_t sub)
{
    uint32_t word[4];

    pare_rng_block(word, seed, stream, sub, i / 4);
    return uniform(word[i % 4], lo, hi);
}

/* The two normal numbers of a Box-Muller pair. */
static void normal_pair(float pair[2], const uint32_t word[2], double sd)
{
    const double two_pi = 6.283185307179586;
    double u = ((double)word[0] + 0.5) * 0x1p-32;
    double v = ((double)word[1] + 0.5) * 0x1p-32;
    double r = sd * sqrt(-2.0 * log(u));

    pair[0] = (float)(r * cos(two_pi * v));
    pair[1] = (float)(r * sin(two_pi * v));
}

void pare_rng_normal(float *out, size_t n, double sd, uint64_t seed,
                     enum pare_stream stream, uint32_t sub)
{
    uint32_t word[4];
    float pair[2];

    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            pare_rng_block(word, seed, stream, sub, i / 4);
        if (i % 2 == 0)
            normal_pair(pair, word + i % 4, sd);
        out[i] = pair[i % 2];
    }
}

float pare_rng_normal_at(uint64_t i, double sd, uint64_t seed,
                         enum pare_stream stream, uint32_t sub)
{
    uint32_t word[4];
    float pair[2];

    pare_rng_block(word, seed, stream, sub, i / 4);
    normal_pair(pair, word + (i % 4 & 2), sd);
    return pair[i % 2];
}

uint64_t pare_rng_u64(uint64_t i, uint64_t seed, enum pare_stream stream,
                      uint32_t sub)
{
    uint32_t word[4];

    pare_rng_block(word, seed, stream, sub, i / 2);
    return (uint64_t)word[i % 2 * 2] << 32 | word[i % 2 * 2 + 1];
}

uint64_t pare_rng_below(uint64_t range, uint64_t i, uint64_t seed,
                        enum pare_stream stream, uint32_t sub)
{
    return pare_rng_scale(pare_rng_u64(i, seed, stream, sub), range);
}

void pare_rng_permutation(uint32_t *perm, size_t n, uint64_t seed,
                          enum pare_stream stream, uint32_t sub)
{
    uint32_t word[4] = {0};

    for (size_t i = 0; i < n; i++)
        perm[i] = (uint32_t)i;
    for (size_t i = 0; i + 1 < n; i++) {
        if (i % 2 == 0)
            pare_rng_block(word, seed, stream, sub, i / 2);
        uint32_t high = word[i % 2 * 2], low = word[i % 2 * 2 + 1];
        uint64_t range = n - i;
        uint64_t draw = (high * range + ((low * range) >> 32)) >> 32;
        uint32_t t = perm[i];

        perm[i] = perm[i + draw];
        perm[i + draw] = t;
    }
}
