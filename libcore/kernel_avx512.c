/* Compiled with -mavx512f; called only where the CPU has it. */
#include "kernel_rows.h"

#ifdef __AVX512F__
#include <immintrin.h>

#define VL   16
#define MAXV 4
#define BIG2 12
#define BIG1 12
#define NAME pare_gemm_avx512
#define PARE_FEW
typedef __m512 V;
#define LANES(n)         ((__mmask16)((1u << (n)) - 1u))
#define V_LOAD(p)        _mm512_loadu_ps(p)
#define V_STORE(p, v)    _mm512_storeu_ps(p, v)
#define V_MLOAD(p, n)    _mm512_maskz_loadu_ps(LANES(n), p)
#define V_MSTORE(p, v, n) _mm512_mask_storeu_ps(p, LANES(n), v)
#define V_SET1(x)        _mm512_set1_ps(x)
#define V_FMA(a, b, c)   _mm512_fmadd_ps(a, b, c)
#define V_ZERO()         _mm512_setzero_ps()
#include "kernel_fma.h"

#define TAPS_MOST 12
#undef NAME
#define NAME pare_taps_avx512
#include "conv_taps_fma.h"
#undef NAME
#define NAME pare_corr_avx512
#include "conv_corr_fma.h"
#endif
