/* Compiled with -mavx512f; called only where the CPU has it. */
#include "kernel_rows.h"

#ifdef __AVX512F__
#include <immintrin.h>

typedef __m512i V;
#define LANES          8
#define GROUPS         4
#define SET1(x)        _mm512_set1_epi64((long long)(x))
#define ADD(a, b)      _mm512_add_epi64(a, b)
#define RIGHT(a)       _mm512_srli_epi64(a, 32)
#define MULTIPLY(a, b) _mm512_mul_epu32(a, b)
#define XOR3(a, b, c)  _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define PAIR(a, b)     _mm512_mask_mov_epi32(a, 0xaaaa, _mm512_slli_epi64(b, 32))
#define LOW(a, b)      _mm512_unpacklo_epi64(a, b)
#define HIGH(a, b)     _mm512_unpackhi_epi64(a, b)
#define STORE(p, v)    _mm512_storeu_si512(p, v)
/* Of the blocks in lanes: LOW has even lanes, which are the first ones. */
#define ORDER() _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7)
#include "rng_wide.h"

size_t pare_rng_blocks_avx512(uint32_t *out, size_t n, uint64_t seed,
                              uint32_t sub, uint32_t stream, uint64_t first)
{
    return all_blocks(out, n, seed, sub, stream, first);
}
#endif
