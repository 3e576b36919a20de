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

/*
 * The sums of `n` entries, 16 lanes each; entry e is a[i + n / 4 * j] for
 * e = ... so that the halves come out in order.
 */
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

/* Sixteen entries: of a[e], four apart are neighbours in the end. */
INLINE void sixteen(float *g, const struct slope_group *s, int nv)
{
    V16 a[16], b[4];

    tiles16(a, s, 16, nv);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        b[j] = HALVES4_16(HALVES8_16(a[j], a[4 + j]),
                          HALVES8_16(a[8 + j], a[12 + j]));
    b[0] = HALVES2(16, b[0], b[1]);
    b[1] = HALVES2(16, b[2], b[3]);
    V16_STORE(g, HALVES1(16, b[0], b[1]));
}

/* Four entries. */
INLINE void four(float *g, const struct slope_group *s, int nv)
{
    V16 a[4];

    tiles16(a, s, 4, nv);
    a[0] = HALVES4_16(HALVES8_16(a[0], a[1]), HALVES8_16(a[2], a[3]));
    a[0] = HALVES2(16, a[0], a[0]);
    a[0] = HALVES1(16, a[0], a[0]);
    for (int e = 0; e < 4; e++) {
        g[e] = _mm512_cvtss_f32(a[0]);
        a[0] = QUARTERS(a[0], a[0], 0x39);
    }
}

#define GROUPS(lanes, nv)                                                      \
    APART void sixteen##lanes(float *g, const struct slope_group *s)           \
    {                                                                          \
        sixteen(g, s, nv);                                                     \
    }                                                                          \
    APART void four##lanes(float *g, const struct slope_group *s)              \
    {                                                                          \
        four(g, s, nv);                                                        \
    }

GROUPS(64, 4)
GROUPS(32, 2)
GROUPS(16, 1)

void pare_sparse_gradient_avx512(const struct sparse_slope *p)
{
    if (p->lanes == 64)
        slopes(p, sixteen64, 16, four64, 4);
    else if (p->lanes == 32)
        slopes(p, sixteen32, 16, four32, 4);
    else if (p->lanes == 16)
        slopes(p, sixteen16, 16, four16, 4);
    else if (p->lanes == 8)
        slopes(p, group8, 8, group8, 8);
    else
        slopes(p, group4, 4, group4, 4);
}
#endif
