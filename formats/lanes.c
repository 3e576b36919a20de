#include "lanes.h"

#include <string.h>

#include "bits.h"
#include "clones.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86
#include <immintrin.h>
#endif

static unsigned popcount(uint64_t x)
{
#ifdef __GNUC__
    return (unsigned)__builtin_popcountll(x);
#else
    unsigned n = 0;

    for (; x; x &= x - 1)
        n++;
    return n;
#endif
}

static inline uint32_t bits_of(float value)
{
    uint32_t x;

    memcpy(&x, &value, sizeof x);
    return x;
}

static inline float of_bits(uint32_t x)
{
    float value;

    memcpy(&value, &x, sizeof value);
    return value;
}

static int have_always(void)
{
    return 1;
}

static void of_mask_c(uint64_t *bits, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        bits[i / 64] = pare_bits_pack(mask + i, n - i < 64 ? n - i : 64);
}

static void of_values_c(uint64_t *bits, const float *value, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        size_t most = n - i < 64 ? n - i : 64;
        uint64_t b = 0;

        for (size_t j = 0; j < most; j++)
            b |= (uint64_t)(bits_of(value[i + j]) != 0) << j;
        bits[i / 64] = b;
    }
}

static void to_mask_c(uint8_t *mask, const uint64_t *bits, size_t n, bool past)
{
    (void)past;
    for (size_t i = 0; i < n; i++)
        mask[i] = bits[i / 64] >> i % 64 & 1;
}

static size_t gather_c(uint32_t *to, const float *value, const uint64_t *bits,
                       size_t n, uint32_t *lost)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t there = bits[i / 64] >> i % 64 & 1;

        to[k] = bits_of(value[i]);
        k += there;
        *lost |= bits_of(value[i]) & (there - 1);
    }
    return k;
}

static size_t expand_c(float *value, const uint32_t *from, const uint64_t *bits,
                       size_t n, bool past)
{
    size_t k = 0;

    (void)past;
    for (size_t i = 0; i < n; i++) {
        uint32_t there = bits[i / 64] >> i % 64 & 1;

        value[i] = of_bits(from[k] & (0 - there));
        k += there;
    }
    return k;
}

#ifdef HAVE_X86
#define AVX2   __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,popcnt")))

static int have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

static int have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw");
}

AVX2 static void of_mask_avx2(uint64_t *bits, const uint8_t *mask, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        __m256i a = _mm256_loadu_si256((const void *)(mask + i));
        __m256i b = _mm256_loadu_si256((const void *)(mask + i + 32));
        unsigned x = (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi8(a, zero));
        unsigned y = (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi8(b, zero));

        bits[i / 64] = x | (uint64_t)y << 32;
    }
    of_mask_c(bits + i / 64, mask + i, n - i);
}

AVX2 static void of_values_avx2(uint64_t *bits, const float *value, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        uint64_t b = 0;

        for (size_t j = 0; j < 64; j += 8) {
            __m256i x = _mm256_loadu_si256((const void *)(value + i + j));
            __m256 is0 = _mm256_castsi256_ps(_mm256_cmpeq_epi32(x, zero));

            b |= (uint64_t)(_mm256_movemask_ps(is0) ^ 255) << j;
        }
        bits[i / 64] = b;
    }
    of_values_c(bits + i / 64, value + i, n - i);
}

/* Eight bits as eight bytes of 0 or 255. */
AVX2 static inline uint64_t spread8(uint64_t eight)
{
    return _pdep_u64(eight, 0x0101010101010101u) * 255;
}

AVX2 static void to_mask_avx2(uint8_t *mask, const uint64_t *bits, size_t n,
                              bool past)
{
    size_t i = 0;

    (void)past;
    for (; i + 8 <= n; i += 8) {
        uint64_t x = _pdep_u64(bits[i / 64] >> i % 64, 0x0101010101010101u);

        memcpy(mask + i, &x, 8);
    }
    for (; i < n; i++)
        mask[i] = bits[i / 64] >> i % 64 & 1;
}

AVX2 static size_t gather_avx2(uint32_t *to, const float *value,
                               const uint64_t *bits, size_t n, uint32_t *lost)
{
    __m256i gone = _mm256_setzero_si256();
    uint32_t lane[8];
    size_t i = 0, k = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t eight = bits[i / 64] >> i % 64 & 255, wide = spread8(eight);
        uint64_t order = _pext_u64(0x0706050403020100u, wide);
        __m256i x = _mm256_loadu_si256((const void *)(value + i));
        __m256i there =
            _mm256_cvtepi8_epi32(_mm_cvtsi64_si128((long long)wide));
        __m256i index =
            _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)order));

        gone = _mm256_or_si256(gone, _mm256_andnot_si256(there, x));
        _mm256_storeu_si256((void *)(to + k),
                            _mm256_permutevar8x32_epi32(x, index));
        k += (size_t)__builtin_popcountll(eight);
    }
    _mm256_storeu_si256((void *)lane, gone);
    for (size_t j = 0; j < 8; j++)
        *lost |= lane[j];
    for (; i < n; i++) {
        if (bits[i / 64] >> i % 64 & 1)
            to[k++] = bits_of(value[i]);
        else
            *lost |= bits_of(value[i]);
    }
    return k;
}

AVX2 static size_t expand_avx2(float *value, const uint32_t *from,
                               const uint64_t *bits, size_t n, bool past)
{
    size_t i = 0, k = 0;

    past = past && (uintptr_t)value % 32 == 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t eight = bits[i / 64] >> i % 64 & 255, wide = spread8(eight);
        uint64_t order = _pdep_u64(0x0706050403020100u, wide);
        __m256i x = _mm256_loadu_si256((const void *)(from + k));
        __m256i there =
            _mm256_cvtepi8_epi32(_mm_cvtsi64_si128((long long)wide));
        __m256i index =
            _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)order));

        x = _mm256_and_si256(_mm256_permutevar8x32_epi32(x, index), there);
        if (past)
            _mm256_stream_si256((void *)(value + i), x);
        else
            _mm256_storeu_si256((void *)(value + i), x);
        k += (size_t)__builtin_popcountll(eight);
    }
    for (; i < n; i++)
        value[i] = of_bits(bits[i / 64] >> i % 64 & 1 ? from[k++] : 0);
    if (past)
        _mm_sfence();
    return k;
}

AVX512 static void of_mask_avx512(uint64_t *bits, const uint8_t *mask, size_t n)
{
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        __m512i x = _mm512_loadu_si512((const void *)(mask + i));

        bits[i / 64] = _mm512_test_epi8_mask(x, x);
    }
    of_mask_c(bits + i / 64, mask + i, n - i);
}

AVX512 static void of_values_avx512(uint64_t *bits, const float *value,
                                    size_t n)
{
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        uint64_t b = 0;

        for (size_t j = 0; j < 64; j += 16) {
            __m512i x = _mm512_loadu_si512((const void *)(value + i + j));

            b |= (uint64_t)_mm512_test_epi32_mask(x, x) << j;
        }
        bits[i / 64] = b;
    }
    of_values_c(bits + i / 64, value + i, n - i);
}

AVX512 static void to_mask_avx512(uint8_t *mask, const uint64_t *bits, size_t n,
                                  bool past)
{
    size_t i = 0;

    past = past && (uintptr_t)mask % 64 == 0;
    for (; i + 64 <= n; i += 64) {
        __m512i x = _mm512_maskz_set1_epi8(bits[i / 64], 1);

        if (past)
            _mm512_stream_si512((void *)(mask + i), x);
        else
            _mm512_storeu_si512((void *)(mask + i), x);
    }
    to_mask_c(mask + i, bits + i / 64, n - i, false);
    if (past)
        _mm_sfence();
}

AVX512 static size_t gather_avx512(uint32_t *to, const float *value,
                                   const uint64_t *bits, size_t n,
                                   uint32_t *lost)
{
    __m512i gone = _mm512_setzero_si512();
    size_t i = 0, k = 0;

    for (; i + 16 <= n; i += 16) {
        __mmask16 there = (__mmask16)(bits[i / 64] >> i % 64);
        __m512i x = _mm512_loadu_si512((const void *)(value + i));

        gone = _mm512_mask_or_epi32(gone, (__mmask16)~there, gone, x);
        _mm512_storeu_si512((void *)(to + k),
                            _mm512_maskz_compress_epi32(there, x));
        k += (size_t)__builtin_popcountll(there);
    }
    *lost |= (uint32_t)_mm512_reduce_or_epi32(gone);
    for (; i < n; i++) {
        if (bits[i / 64] >> i % 64 & 1)
            to[k++] = bits_of(value[i]);
        else
            *lost |= bits_of(value[i]);
    }
    return k;
}

AVX512 static size_t expand_avx512(float *value, const uint32_t *from,
                                   const uint64_t *bits, size_t n, bool past)
{
    size_t i = 0, k = 0;

    past = past && (uintptr_t)value % 64 == 0;
    for (; i + 16 <= n; i += 16) {
        __mmask16 there = (__mmask16)(bits[i / 64] >> i % 64);
        __m512i x = _mm512_maskz_expand_epi32(
            there, _mm512_loadu_si512((const void *)(from + k)));

        if (past)
            _mm512_stream_si512((void *)(value + i), x);
        else
            _mm512_storeu_si512((void *)(value + i), x);
        k += (size_t)__builtin_popcountll(there);
    }
    for (; i < n; i++)
        value[i] = of_bits(bits[i / 64] >> i % 64 & 1 ? from[k++] : 0);
    if (past)
        _mm_sfence();
    return k;
}
#endif

/* Best first. */
static const struct pare_lanes table[] = {
#ifdef HAVE_X86
    {"avx512", have_avx512, of_mask_avx512, of_values_avx512, to_mask_avx512,
     gather_avx512, expand_avx512},
    {"avx2", have_avx2, of_mask_avx2, of_values_avx2, to_mask_avx2, gather_avx2,
     expand_avx2},
#endif
    {"c", have_always, of_mask_c, of_values_c, to_mask_c, gather_c, expand_c},
};

const struct pare_lanes *pare_lanes_row(size_t index)
{
    return index < sizeof table / sizeof table[0] ? &table[index] : NULL;
}

const struct pare_lanes *pare_lanes(void)
{
    size_t i = 0;

    while (!table[i].available())
        i++;
    return &table[i];
}

PARE_CLONES
uint64_t pare_bits_total(const uint64_t *bits, size_t words)
{
    uint64_t n = 0;

    for (size_t i = 0; i < words; i++)
        n += popcount(bits[i]);
    return n;
}

/* Transpose 64 words of 64 bits, halving the blocks that change places. */
static void transpose64(uint64_t x[64])
{
    uint64_t m = 0x00000000ffffffffu;

    for (unsigned j = 32; j; j >>= 1, m ^= m << j)
        for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            uint64_t t = (x[k] >> j ^ x[k | j]) & m;

            x[k] ^= t << j;
            x[k | j] ^= t;
        }
}

/* Or n bits into place `at`. */
static void put_bits(uint64_t *to, uint64_t at, uint64_t x, unsigned n)
{
    unsigned shift = at & 63;

    to[at >> 6] |= x << shift;
    if (shift + n > 64)
        to[(at >> 6) + 1] |= x >> (64 - shift);
}

void pare_bits_transpose(uint64_t *to, const uint64_t *from, size_t rows,
                         size_t cols)
{
    uint64_t x[64];

    memset(to, 0, (rows * cols + 63) / 64 * sizeof *to);
    for (size_t r = 0; r < rows; r += 64) {
        unsigned high = rows - r < 64 ? (unsigned)(rows - r) : 64;

        for (size_t c = 0; c < cols; c += 64) {
            unsigned wide = cols - c < 64 ? (unsigned)(cols - c) : 64;

            memset(x, 0, sizeof x);
            for (unsigned i = 0; i < high; i++)
                x[i] = pare_bits_at(from, (uint64_t)(r + i) * cols + c, wide);
            transpose64(x);
            for (unsigned i = 0; i < wide; i++)
                put_bits(to, (uint64_t)(c + i) * rows + r, x[i], high);
        }
    }
}
