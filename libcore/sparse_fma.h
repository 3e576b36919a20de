/*
 * What the sparse products of family fma share: vectors of 8 and 4 lanes,
 * and the loops. Included by sparse_avx512.c and sparse_avx2.c, which add
 * what is their own.
 */
#include <immintrin.h>
#include <string.h>

#include "kernel_rows.h"
#include "sparse_parts.h"

#define INLINE static inline __attribute__((always_inline))
#define APART  static __attribute__((noinline))

typedef __m256 V8;
typedef __m128 V4;
#define V8_LOAD(p)          _mm256_loadu_ps(p)
#define V8_STORE(p, v)      _mm256_storeu_ps(p, v)
#define V8_SET1(x)          _mm256_set1_ps(x)
#define V8_FMA(a, b, c)     _mm256_fmadd_ps(a, b, c)
#define V8_ADD(a, b)        _mm256_add_ps(a, b)
#define V8_ZERO()           _mm256_setzero_ps()
#define V8_SHUFFLE(a, b, i) _mm256_shuffle_ps(a, b, i)
#define V4_LOAD(p)          _mm_loadu_ps(p)
#define V4_STORE(p, v)      _mm_storeu_ps(p, v)
#define V4_SET1(x)          _mm_set1_ps(x)
#define V4_FMA(a, b, c)     _mm_fmadd_ps(a, b, c)
#define V4_ADD(a, b)        _mm_add_ps(a, b)
#define V4_ZERO()           _mm_setzero_ps()
#define V4_SHUFFLE(a, b, i) _mm_shuffle_ps(a, b, i)

/*
 * chainsW: y of rows (or columns) i, whose entries are from[i] to to[i] and
 * whose lanes are nv vectors of W, all held in registers. Every lane is one
 * chain in the order of the entries. nv, zero and through are constants.
 */
#define CHAINS(W)                                                              \
    INLINE void chains##W(const struct sparse_product *p,                      \
                          const uint64_t *from, const uint64_t *to, int nv,    \
                          bool zero, bool through)                             \
    {                                                                          \
        const uint32_t *index = p->side->index, *entry = p->side->entry;       \
        const size_t lanes = (size_t)nv * W;                                   \
        const float *value = p->value, *x = p->x;                              \
                                                                               \
        for (size_t i = 0; i < p->n; i++) {                                    \
            const uint64_t end = to[i];                                        \
            float *y = p->y + i * lanes;                                       \
            V##W acc[8];                                                       \
                                                                               \
            _Pragma("GCC unroll 8") for (int v = 0; v < nv; v++) acc[v] =      \
                zero ? V##W##_ZERO() : V##W##_LOAD(y + v * W);                 \
            for (uint64_t k = from[i]; k < end; k++) {                         \
                V##W w = V##W##_SET1(value[through ? entry[k] : k]);           \
                const float *in = x + index[k] * lanes;                        \
                                                                               \
                _Pragma("GCC unroll 8") for (int v = 0; v < nv; v++) acc[v] =  \
                    V##W##_FMA(w, V##W##_LOAD(in + v * W), acc[v]);            \
            }                                                                  \
            _Pragma("GCC unroll 8") for (int v = 0; v < nv; v++)               \
                V##W##_STORE(y + v * W, acc[v]);                               \
        }                                                                      \
    }

/* A function of its own for tiles of nv vectors of W. */
#define WALK(name, W, nv)                                                      \
    APART void name(const struct sparse_product *p, const uint64_t *from,      \
                    const uint64_t *to, bool zero)                             \
    {                                                                          \
        if (p->side->entry && zero)                                            \
            chains##W(p, from, to, nv, true, true);                            \
        else if (p->side->entry)                                               \
            chains##W(p, from, to, nv, false, true);                           \
        else if (zero)                                                         \
            chains##W(p, from, to, nv, true, false);                           \
        else                                                                   \
            chains##W(p, from, to, nv, false, false);                          \
    }

CHAINS(8)
CHAINS(4)
WALK(walk8, 8, 1)
WALK(walk4, 4, 1)

typedef void walk_function(const struct sparse_product *p, const uint64_t *from,
                           const uint64_t *to, bool zero);

/* Block by block, so that the inputs of one stay in the first cache. */
INLINE void blocks(const struct sparse_product *p, walk_function *walk)
{
    for (size_t b = 0; b < sparse_blocks(p); b++)
        walk(p, sparse_from(p, b), sparse_to(p, b), b == 0 && !p->add);
}

/*
 * Pairs of vectors added by halves: from a and b, each with some sums of 2h
 * lanes, one vector with those of both, of h lanes each. Beside lanes of 4
 * that is a matter of four at a time.
 */
#define HALVES2(W, a, b)                                                       \
    V##W##_ADD(V##W##_SHUFFLE(a, b, 0x44), V##W##_SHUFFLE(a, b, 0xee))
#define HALVES1(W, a, b)                                                       \
    V##W##_ADD(V##W##_SHUFFLE(a, b, 0x88), V##W##_SHUFFLE(a, b, 0xdd))
#define HALVES4_8(a, b)                                                        \
    _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20),                          \
                  _mm256_permute2f128_ps(a, b, 0x31))

/* The gradients of some entries of one row: their columns, and tiles. */
struct slope_group {
    const uint32_t *col;
    const float *dy, *x;
    size_t ldy, ldx, tiles;
};

/* Eight entries, tiles of 8 lanes: sum of entry 4 i + j is at i + 2 j. */
INLINE void group8(float *g, const struct slope_group *s)
{
    V8 a[8];

    _Pragma("GCC unroll 8") for (int e = 0; e < 8; e++) a[e] = V8_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const V8 dy = V8_LOAD(s->dy + t * s->ldy);
        const float *x = s->x + t * s->ldx;

        _Pragma("GCC unroll 8") for (int e = 0; e < 8; e++) a[e] = V8_FMA(
            dy, V8_LOAD(x + s->col[e % 2 * 4 + e / 2] * (size_t)8), a[e]);
    }
    for (int e = 0; e < 8; e += 2)
        a[e / 2] = HALVES4_8(a[e], a[e + 1]);
    a[0] = HALVES2(8, a[0], a[1]);
    a[1] = HALVES2(8, a[2], a[3]);
    V8_STORE(g, HALVES1(8, a[0], a[1]));
}

/* Four entries, tiles of 4 lanes. */
INLINE void group4(float *g, const struct slope_group *s)
{
    V4 a[4];

    _Pragma("GCC unroll 4") for (int e = 0; e < 4; e++) a[e] = V4_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const V4 dy = V4_LOAD(s->dy + t * s->ldy);
        const float *x = s->x + t * s->ldx;

        _Pragma("GCC unroll 4") for (int e = 0; e < 4; e++) a[e] =
            V4_FMA(dy, V4_LOAD(x + s->col[e] * (size_t)4), a[e]);
    }
    a[0] = HALVES2(4, a[0], a[1]);
    a[1] = HALVES2(4, a[2], a[3]);
    V4_STORE(g, HALVES1(4, a[0], a[1]));
}

typedef void group_function(float *g, const struct slope_group *s);

/* A group with fewer entries: the last column stands in for the others. */
INLINE void part(float *g, struct slope_group *s, const uint32_t *from,
                 size_t n, group_function *group, size_t size)
{
    uint32_t col[16];
    float all[16];

    for (size_t i = 0; i < size; i++)
        col[i] = from[i < n ? i : n - 1];
    s->col = col;
    group(all, s);
    memcpy(g, all, n * sizeof *g);
}

/*
 * All entries of p, row by row: groups of `size`, and of what is left those
 * of `small`, or one more where these would be as many as it holds.
 */
INLINE void slopes(const struct sparse_slope *p, group_function *group,
                   size_t size, group_function *less, size_t small)
{
    const struct pare_pattern *of = p->pattern;
    uint64_t k = p->at, end = p->at + p->n;
    struct slope_group s = {.x = p->x,
                            .ldy = of->rows * p->lanes,
                            .ldx = of->cols * p->lanes,
                            .tiles = p->tiles};

    for (size_t r = p->n ? sparse_row(of, k) : 0; k < end; r++) {
        uint64_t stop = of->row[r + 1] < end ? of->row[r + 1] : end;
        float *g = p->g + (k - p->at);

        s.dy = p->dy + r * p->lanes;
        for (; stop - k >= size; k += size, g += size) {
            s.col = of->col + k;
            group(g, &s);
        }
        if (stop - k > size - small && size > small) {
            part(g, &s, of->col + k, (size_t)(stop - k), group, size);
            k = stop;
        }
        for (; stop - k >= small; k += small, g += small) {
            s.col = of->col + k;
            less(g, &s);
        }
        if (stop > k)
            part(g, &s, of->col + k, (size_t)(stop - k), less, small);
        k = stop;
    }
}
