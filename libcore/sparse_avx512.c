/* Compiled with -mavx512f; called only where the CPU has it. */
#include "kernel_rows.h"

#ifdef __AVX512F__
#include "sparse_fma.h"
#include "sparse_slopes_fma.h"

typedef __m512 V16;
#define V16_LOAD(p)          _mm512_loadu_ps(p)
#define V16_STORE(p, v)      _mm512_storeu_ps(p, v)
#define V16_SET1(x)          _mm512_set1_ps(x)
#define V16_FMA(a, b, c)     _mm512_fmadd_ps(a, b, c)
#define V16_ADD(a, b)        _mm512_add_ps(a, b)
#define V16_ZERO()           _mm512_setzero_ps()
#define V16_SHUFFLE(a, b, i) _mm512_shuffle_ps(a, b, i)
#define QUARTERS(a, b, i)    _mm512_shuffle_f32x4(a, b, i)
#define HALVES8_16(a, b)                                                       \
    _mm512_add_ps(QUARTERS(a, b, 0x44), QUARTERS(a, b, 0xee))
#define HALVES4_16(a, b)                                                       \
    _mm512_add_ps(QUARTERS(a, b, 0x88), QUARTERS(a, b, 0xdd))

CHAINS(16)
ALONE(alone64, 16, 4)
SEVERAL(several64, 16, 2, 4, true)
ALONE(alone32, 16, 2)
SEVERAL(several32, 16, 2, 2, true)
ALONE(alone16, 16, 1)
SEVERAL(several16, 16, 4, 1, false)

void pare_sparse_product_avx512(const struct sparse_product *p)
{
    if (p->lanes == 64)
        blocks(p, alone64, several64);
    else if (p->lanes == 32)
        blocks(p, alone32, several32);
    else if (p->lanes == 16)
        blocks(p, alone16, several16);
    else if (p->lanes == 8)
        blocks(p, alone8, several8);
    else
        blocks(p, alone4, several4);
}

/* The sums of n entries, 16 lanes each. */
INLINE void tiles16(V16 *a, const struct slope_group *s, int n, int nv)
{
    const size_t lanes = (size_t)nv * 16;

#pragma GCC unroll 16
    for (int e = 0; e < n; e++)
        a[e] = V16_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const float *x = s->x + t * s->ldx;
        V16 dy[4];

#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            dy[v] = V16_LOAD(s->dy + t * s->ldy + v * 16);
#pragma GCC unroll 16
        for (int e = 0; e < n; e++) {
            const float *in = x + s->col[e] * lanes;

            HELD(in);
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                a[e] = V16_FMA(dy[v], V16_LOAD(in + v * 16), a[e]);
        }
    }
}

/*
 * The sums of the first n of sixteen vectors, in order; what stands in the
 * others does not matter. Where there are few, fewer vectors are added.
 */
INLINE void halves(float *g, const V16 *a, int n)
{
    V16 b[4];

    if (n <= 4) {
        b[0] = HALVES4_16(HALVES8_16(a[0], a[1]), HALVES8_16(a[2], a[3]));
        b[0] = HALVES2(16, b[0], b[0]);
        b[0] = _mm512_maskz_compress_ps(0x1111, HALVES1(16, b[0], b[0]));
    } else if (n <= 8) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            b[j] = HALVES4_16(HALVES8_16(a[j], a[2 + j]),
                              HALVES8_16(a[4 + j], a[6 + j]));
        b[0] = HALVES2(16, b[0], b[1]);
        b[0] = _mm512_maskz_compress_ps(0x3333, HALVES1(16, b[0], b[0]));
    } else {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            b[j] = HALVES4_16(HALVES8_16(a[j], a[4 + j]),
                              HALVES8_16(a[8 + j], a[12 + j]));
        b[0] = HALVES2(16, b[0], b[1]);
        b[1] = HALVES2(16, b[2], b[3]);
        b[0] = HALVES1(16, b[0], b[1]);
    }
    if (n == 16)
        V16_STORE(g, b[0]);
    else
        _mm512_mask_storeu_ps(g, (__mmask16)((1 << n) - 1), b[0]);
}

/* n entries; `one`: of one tile, for which no loop over tiles is made. */
INLINE void group(float *g, const struct slope_group *s, int n, int nv,
                  bool one)
{
    struct slope_group of = *s;
    V16 a[16];

    if (one)
        of.tiles = 1;
    tiles16(a, &of, n, nv);
#pragma GCC unroll 16
    for (int e = n; e < 16; e++)
        a[e] = a[0];
    halves(g, a, n);
}

#define GROUP(lanes, nv, n)                                                    \
    APART void group##lanes##_##n(float *g, const struct slope_group *s)       \
    {                                                                          \
        if (s->tiles == 1)                                                     \
            group(g, s, n, nv, true);                                          \
        else                                                                   \
            group(g, s, n, nv, false);                                         \
    }
#define GROUPS(lanes, nv)                                                      \
    GROUP(lanes, nv, 1)                                                        \
    GROUP(lanes, nv, 2)                                                        \
    GROUP(lanes, nv, 3)                                                        \
    GROUP(lanes, nv, 4)                                                        \
    GROUP(lanes, nv, 5)                                                        \
    GROUP(lanes, nv, 6)                                                        \
    GROUP(lanes, nv, 7)                                                        \
    GROUP(lanes, nv, 8)                                                        \
    GROUP(lanes, nv, 9)                                                        \
    GROUP(lanes, nv, 10)                                                       \
    GROUP(lanes, nv, 11)                                                       \
    GROUP(lanes, nv, 12)                                                       \
    GROUP(lanes, nv, 13)                                                       \
    GROUP(lanes, nv, 14)                                                       \
    GROUP(lanes, nv, 15)                                                       \
    GROUP(lanes, nv, 16)                                                       \
    static group_function *const groups##lanes[] = {NULL,                      \
                                                    group##lanes##_1,          \
                                                    group##lanes##_2,          \
                                                    group##lanes##_3,          \
                                                    group##lanes##_4,          \
                                                    group##lanes##_5,          \
                                                    group##lanes##_6,          \
                                                    group##lanes##_7,          \
                                                    group##lanes##_8,          \
                                                    group##lanes##_9,          \
                                                    group##lanes##_10,         \
                                                    group##lanes##_11,         \
                                                    group##lanes##_12,         \
                                                    group##lanes##_13,         \
                                                    group##lanes##_14,         \
                                                    group##lanes##_15,         \
                                                    group##lanes##_16};

GROUPS(64, 4)
GROUPS(32, 2)
GROUPS(16, 1)

/* Row by row: sixteen entries at once, and the last 17 to 31 in halves. */
INLINE void all_groups(const struct sparse_slope *p,
                       group_function *const *groups)
{
    const struct pare_pattern *of = p->pattern;
    uint64_t k = p->at, end = p->at + p->n;
    struct slope_group s = {.x = p->x,
                            .ldy = of->rows * p->lanes,
                            .ldx = of->cols * p->lanes,
                            .tiles = p->tiles};

    for (size_t r = p->n ? sparse_row(of, k) : 0; k < end; r++) {
        uint64_t stop = of->row[r + 1] < end ? of->row[r + 1] : end;

        s.dy = p->dy + r * p->lanes;
        for (uint64_t n; k < stop; k += n) {
            n = stop - k;
            n = n <= 16 ? n : n < 32 ? (n + 1) / 2 : 16;
            s.col = of->col + k;
            groups[n](p->g + (k - p->at), &s);
        }
    }
}

void pare_sparse_gradient_avx512(const struct sparse_slope *p)
{
    if (p->lanes == 64)
        all_groups(p, groups64);
    else if (p->lanes == 32)
        all_groups(p, groups32);
    else if (p->lanes == 16)
        all_groups(p, groups16);
    else if (p->lanes == 8)
        slopes(p, group8, 8, group8, 8);
    else
        slopes(p, group4, 4, group4, 4);
}
#endif
