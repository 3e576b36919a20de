/*
 * The dense product of family fma, written once for vectors of VL lanes.
 *
 * The file that includes this defines VL, MAXV (vectors a block is wide),
 * the type V and the operations V_LOAD V_STORE V_MLOAD V_MSTORE V_SET1 V_FMA
 * V_ZERO, and NAME for the function. Every element of C is one chain of
 * fused multiply-adds in the order of p, so all widths give the same bits.
 */
#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))

/* Rows and vectors of one call are constants after inlining. */
#define ROWS_MAX 12

/*
 * C block of `rows` x `nv` vectors += A B over k; `lanes` are valid in the
 * last vector. With `unit`, A is read along its rows (ars == 1).
 */
INLINE void micro(int rows, int nv, int unit, int masked, size_t lanes,
                  size_t k, const float *a, size_t ars, size_t acs,
                  const float *b, size_t ldb, float *c, size_t ldc, int add)
{
    V acc[ROWS_MAX][MAXV];
    const float *base[ROWS_MAX / 3];

#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            const float *from = c + (size_t)r * ldc + v * VL;

            acc[r][v] = !add                      ? V_ZERO()
                        : masked && v == nv - 1 ? V_MLOAD(from, lanes)
                                                  : V_LOAD(from);
        }
#pragma GCC unroll 4
    for (int g = 0; g < (rows + 2) / 3; g++)
        base[g] = a + 3 * (size_t)g * ars;
    for (size_t p = 0; p < k; p++) {
        V bv[MAXV];

#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            bv[v] = masked && v == nv - 1 ? V_MLOAD(b + v * VL, lanes)
                                          : V_LOAD(b + v * VL);
        b += ldb;
        if (unit) /* the next block of rows lies in other pages */
            __builtin_prefetch(a + 24);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            V av = V_SET1(unit ? a[r] : base[r / 3][(size_t)(r % 3) * ars]);

#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                acc[r][v] = V_FMA(av, bv[v], acc[r][v]);
        }
        if (unit)
            a += acs;
        else
            for (int g = 0; g < (rows + 2) / 3; g++)
                base[g] += acs;
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            float *to = c + (size_t)r * ldc + v * VL;

            if (masked && v == nv - 1)
                V_MSTORE(to, acc[r][v], lanes);
            else
                V_STORE(to, acc[r][v]);
        }
}

/* A column block nv vectors wide: row blocks of `big`, then 4, 2, 1. */
INLINE void column(int big, int nv, int unit, int masked, size_t lanes,
                   size_t m, size_t k, const float *a, size_t ars, size_t acs,
                   const float *b, size_t ldb, float *c, size_t ldc, int add)
{
    size_t i = 0;

    for (; i + (size_t)big <= m; i += (size_t)big)
        micro(big, nv, unit, masked, lanes, k, a + i * ars, ars, acs, b, ldb,
              c + i * ldc, ldc, add);
    for (; i + 4 <= m; i += 4)
        micro(4, nv, unit, masked, lanes, k, a + i * ars, ars, acs, b, ldb,
              c + i * ldc, ldc, add);
    for (; i + 2 <= m; i += 2)
        micro(2, nv, unit, masked, lanes, k, a + i * ars, ars, acs, b, ldb,
              c + i * ldc, ldc, add);
    if (i < m)
        micro(1, nv, unit, masked, lanes, k, a + i * ars, ars, acs, b, ldb,
              c + i * ldc, ldc, add);
}

/* One noinline function a width keeps the code small. */
#define COLUMN(fn, big, nv, masked)                                          \
    static __attribute__((noinline)) void fn(                                \
        size_t lanes, size_t m, size_t k, const float *a, size_t ars,        \
        size_t acs, const float *b, size_t ldb, float *c, size_t ldc,        \
        int add)                                                             \
    {                                                                        \
        if (ars == 1)                                                        \
            column(big, nv, 1, masked, lanes, m, k, a, ars, acs, b, ldb, c,  \
                   ldc, add);                                                \
        else                                                                 \
            column(big, nv, 0, masked, lanes, m, k, a, ars, acs, b, ldb, c,  \
                   ldc, add);                                                \
    }

#if MAXV >= 4
COLUMN(column4, 6, 4, 0)
COLUMN(column3, 8, 3, 0)
#endif
COLUMN(column2, BIG2, 2, 0)
COLUMN(column1, BIG1, 1, 0)
COLUMN(column1m, BIG1, 1, 1)

/* Columns 0..n-1 for one block of p: the widest blocks that fit. */
static void panel(size_t m, size_t n, size_t k, const float *a, size_t ars,
                  size_t acs, const float *b, size_t ldb, float *c,
                  size_t ldc, int add)
{
    while (n) {
        size_t w;

#if MAXV >= 4
        if (n >= 4 * VL) {
            w = 4 * VL;
            column4(VL, m, k, a, ars, acs, b, ldb, c, ldc, add);
        } else if (n >= 3 * VL) {
            w = 3 * VL;
            column3(VL, m, k, a, ars, acs, b, ldb, c, ldc, add);
        } else
#endif
        if (n >= 2 * VL) {
            w = 2 * VL;
            column2(VL, m, k, a, ars, acs, b, ldb, c, ldc, add);
        } else if (n >= VL) {
            w = VL;
            column1(VL, m, k, a, ars, acs, b, ldb, c, ldc, add);
        } else {
            w = n;
            column1m(n, m, k, a, ars, acs, b, ldb, c, ldc, add);
        }
        n -= w;
        b += w;
        c += w;
    }
}

#ifdef PARE_FEW
#include "kernel_few.h"
#endif

/* Blocks of p that leave a column block of B in the first-level cache. */
void NAME(size_t m, size_t n, size_t k, const float *a, size_t ars,
          size_t acs, const float *b, size_t ldb, float *c, size_t ldc,
          int add)
{
    size_t block = n >= 48 ? 128 : n >= 24 ? 256 : 512;

    /* Down the columns of A each step is another page: stay in the TLB. */
    if (ars == 1 && acs > 512)
        block = 64;

#ifdef PARE_FEW
    if ((n == 4 || n == 8) && m >= FEW_ROWS) {
        size_t done = few(m, n, k, a, ars, acs, b, ldb, c, ldc, add);

        m -= done;
        a += done * ars;
        c += done * ldc;
    }
#endif
    if (k == 0 && !add)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                c[i * ldc + j] = 0;
    for (size_t p = 0; p < k; p += block) {
        size_t some = k - p < block ? k - p : block;

        panel(m, n, some, a + p * acs, ars, acs, b + p * ldb, ldb, c, ldc,
              add || p > 0);
    }
}
