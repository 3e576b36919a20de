/* Compiled with -mavx2; called only where the CPU has it. */
#include "kernel_rows.h"

#ifdef __AVX2__
#include <immintrin.h>

typedef __m256i V;
#define LANES          4
#define GROUPS         2
#define SET1(x)        _mm256_set1_epi64x((long long)(x))
#define ADD(a, b)      _mm256_add_epi64(a, b)
#define RIGHT(a)       _mm256_srli_epi64(a, 32)
#define MULTIPLY(a, b) _mm256_mul_epu32(a, b)
#define XOR3(a, b, c)  _mm256_xor_si256(_mm256_xor_si256(a, b), c)
#define PAIR(a, b)     _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa)
#define LOW(a, b)      _mm256_unpacklo_epi64(a, b)
#define HIGH(a, b)     _mm256_unpackhi_epi64(a, b)
#define STORE(p, v)    _mm256_storeu_si256((__m256i *)(p), v)
/* Of the blocks in lanes: LOW has even lanes, which are the first ones. */
#define ORDER() _mm256_setr_epi64x(0, 2, 1, 3)
#include "rng_wide.h"

size_t pare_rng_blocks_avx2(uint32_t *out, size_t n, uint64_t seed,
                            uint32_t sub, uint32_t stream, uint64_t first)
{
    return all_blocks(out, n, seed, sub, stream, first);
}
#endif
