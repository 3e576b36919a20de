/* Compiled with -mavx2 -mfma; called only where the CPU has both. */
#include "kernel_rows.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#include <stdint.h>

#define VL   8
#define MAXV 2
#define BIG2 6
#define BIG1 8
#define NAME pare_gemm_avx2
typedef __m256 V;

static inline __m256i lanes_mask(size_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - n));
}

#define V_LOAD(p)         _mm256_loadu_ps(p)
#define V_STORE(p, v)     _mm256_storeu_ps(p, v)
#define V_MLOAD(p, n)     _mm256_maskload_ps(p, lanes_mask(n))
#define V_MSTORE(p, v, n) _mm256_maskstore_ps(p, lanes_mask(n), v)
#define V_SET1(x)         _mm256_set1_ps(x)
#define V_FMA(a, b, c)    _mm256_fmadd_ps(a, b, c)
#define V_ZERO()          _mm256_setzero_ps()
#include "kernel_fma.h"

#define TAPS_MOST 6
#undef NAME
#define NAME pare_taps_avx2
#include "conv_taps_fma.h"
#undef NAME
#define NAME pare_corr_avx2
#include "conv_corr_fma.h"
#endif
