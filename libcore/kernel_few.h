/*
 * Products with few columns, as small batches have: C(i, j) for sixteen rows
 * i at once, so that the lanes are rows and none is idle. Included by
 * kernel_avx512.c; every element is the same chain as in kernel_fma.h.
 */

#define FEW_ROWS 16 /* fewest rows */

/* Sixteen rows of sixteen floats from a, ars apart, as columns t. */
static __attribute__((noinline)) void columns16(float *t, const float *a,
                                                size_t ars)
{
    __m512 r[16], s[16];

#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_ps(a + (size_t)i * ars);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_shuffle_ps(s[i], s[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(s[i], s[i + 2], 0xee);
        r[i + 2] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        s[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
        s[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        s[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
        s[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        float *to = t + 16 * i;

        _mm512_storeu_ps(to, _mm512_shuffle_f32x4(s[i], s[i + 8], 0x88));
        _mm512_storeu_ps(to + 64,
                         _mm512_shuffle_f32x4(s[i + 4], s[i + 12], 0x88));
        _mm512_storeu_ps(to + 128,
                         _mm512_shuffle_f32x4(s[i], s[i + 8], 0xdd));
        _mm512_storeu_ps(to + 192,
                         _mm512_shuffle_f32x4(s[i + 4], s[i + 12], 0xdd));
    }
}

/* Column p of sixteen rows times row p of B, into n accumulators. */
#define FEW_STEP(v, p)                                                       \
    do {                                                                     \
        _Pragma("GCC unroll 8") for (int j = 0; j < n; j++) acc[j] =         \
            _mm512_fmadd_ps(v, _mm512_set1_ps(b[(p) * ldb + (size_t)j]),     \
                            acc[j]);                                         \
    } while (0)

INLINE void few_rows(int n, int unit, size_t k, const float *a, size_t ars,
                     size_t acs, const float *b, size_t ldb, float *c,
                     size_t ldc, int add)
{
    __m512 acc[8];
    float row[16], t[256];
    size_t p = 0;

#pragma GCC unroll 8
    for (int j = 0; j < n; j++) {
        for (size_t i = 0; add && i < 16; i++)
            row[i] = c[i * ldc + (size_t)j];
        acc[j] = add ? _mm512_loadu_ps(row) : _mm512_setzero_ps();
    }
    for (; unit && p < k; p++)
        FEW_STEP(_mm512_loadu_ps(a + p * acs), p);
    for (; p + 16 <= k; p += 16) {
        for (size_t i = 0; i < 16; i++)
            __builtin_prefetch(a + i * ars + p + 64);
        columns16(t, a + p, ars);
        for (size_t q = 0; q < 16; q++)
            FEW_STEP(_mm512_loadu_ps(t + 16 * q), p + q);
    }
    for (; p < k; p++) {
        for (size_t i = 0; i < 16; i++)
            row[i] = a[i * ars + p];
        FEW_STEP(_mm512_loadu_ps(row), p);
    }
#pragma GCC unroll 8
    for (int j = 0; j < n; j++) {
        _mm512_storeu_ps(row, acc[j]);
        for (size_t i = 0; i < 16; i++)
            c[i * ldc + (size_t)j] = row[i];
    }
}

#define FEW_FUNCTION(fn, n)                                                  \
    static __attribute__((noinline)) void fn(                                \
        size_t k, const float *a, size_t ars, size_t acs, const float *b,    \
        size_t ldb, float *c, size_t ldc, int add)                           \
    {                                                                        \
        if (ars == 1)                                                        \
            few_rows(n, 1, k, a, ars, acs, b, ldb, c, ldc, add);             \
        else                                                                 \
            few_rows(n, 0, k, a, ars, acs, b, ldb, c, ldc, add);             \
    }

FEW_FUNCTION(few4, 4)
FEW_FUNCTION(few8, 8)

/* Rows in blocks of sixteen, of 4 or 8 columns; returns how many rows. */
static size_t few(size_t m, size_t n, size_t k, const float *a, size_t ars,
                  size_t acs, const float *b, size_t ldb, float *c,
                  size_t ldc, int add)
{
    size_t i = 0;

    for (; i + 16 <= m; i += 16, a += 16 * ars, c += 16 * ldc)
        (n == 4 ? few4 : few8)(k, a, ars, acs, b, ldb, c, ldc, add);
    return i;
}
