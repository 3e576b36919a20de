/* Compiled with -mavx2 -mfma; called only where the CPU has both. */
#include "kernel_rows.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "sparse_fma.h"
#include "sparse_slopes_fma.h"

ALONE(alone64, 8, 8)
SEVERAL(several64, 8, 1, 8, true)
ALONE(alone32, 8, 4)
SEVERAL(several32, 8, 2, 4, true)
ALONE(alone16, 8, 2)
SEVERAL(several16, 8, 4, 2, false)

void pare_sparse_product_avx2(const struct sparse_product *p)
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

/* Four entries, tiles of nv vectors: sixteen chains each, in two vectors. */
INLINE void four(float *g, const struct slope_group *s, int nv)
{
    const size_t lanes = (size_t)nv * 8;
    V8 a[4][2];

#pragma GCC unroll 4
    for (int e = 0; e < 4; e++)
        a[e][0] = a[e][1] = V8_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const float *x = s->x + t * s->ldx, *dy = s->dy + t * s->ldy;

#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) {
            const V8 d = V8_LOAD(dy + v * 8);

#pragma GCC unroll 4
            for (int e = 0; e < 4; e++)
                a[e][v % 2] = V8_FMA(d, V8_LOAD(x + s->col[e] * lanes + v * 8),
                                     a[e][v % 2]);
        }
    }
#pragma GCC unroll 4
    for (int e = 0; e < 4; e++)
        a[e][0] = V8_ADD(a[e][0], a[e][1]);
    a[0][0] =
        HALVES2(8, HALVES4_8(a[0][0], a[2][0]), HALVES4_8(a[1][0], a[3][0]));
    a[0][0] = HALVES1(8, a[0][0], a[0][0]);
    V4_STORE(g, _mm_movelh_ps(_mm256_castps256_ps128(a[0][0]),
                              _mm256_extractf128_ps(a[0][0], 1)));
}

APART void four64(float *g, const struct slope_group *s)
{
    four(g, s, 8);
}

APART void four32(float *g, const struct slope_group *s)
{
    four(g, s, 4);
}

APART void four16(float *g, const struct slope_group *s)
{
    four(g, s, 2);
}

void pare_sparse_gradient_avx2(const struct sparse_slope *p)
{
    if (p->lanes == 64)
        slopes(p, four64, 4, four64, 4);
    else if (p->lanes == 32)
        slopes(p, four32, 4, four32, 4);
    else if (p->lanes == 16)
        slopes(p, four16, 4, four16, 4);
    else if (p->lanes == 8)
        slopes(p, group8, 8, group8, 8);
    else
        slopes(p, group4, 4, group4, 4);
}
#endif
