#ifndef PARE_BITS_H
#define PARE_BITS_H

/* Bytes of 0 or 1 (masks, marks) counted and packed, eight at a time. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Eight bytes of 0 or 1 as bits, the first lowest. */
static inline uint64_t pare_bits_pack8(const uint8_t *b)
{
    uint8_t le[8];
    uint64_t x;

    memcpy(le, b, 8);
    x = (uint64_t)le[0] | (uint64_t)le[1] << 8 | (uint64_t)le[2] << 16 |
        (uint64_t)le[3] << 24 | (uint64_t)le[4] << 32 | (uint64_t)le[5] << 40 |
        (uint64_t)le[6] << 48 | (uint64_t)le[7] << 56;
    return (x * 0x0102040810204080u) >> 56;
}

/** Place of the lowest bit that is set; bits is not 0. */
static inline size_t pare_bits_lowest(uint64_t bits)
{
#ifdef __GNUC__
    return (size_t)__builtin_ctzll(bits);
#else
    size_t i = 0;

    while (!(bits >> i & 1))
        i++;
    return i;
#endif
}

/** n <= 64 bytes of 0 or 1 as a word, the first lowest. */
static inline uint64_t pare_bits_pack(const uint8_t *b, size_t n)
{
    uint64_t bits = 0;
    size_t j = 0;

    for (; j + 8 <= n; j += 8)
        bits |= pare_bits_pack8(b + j) << j;
    for (; j < n; j++)
        bits |= (uint64_t)b[j] << j;
    return bits;
}

/** How many of n bytes of 0 or 1 are 1? */
static inline size_t pare_bits_count(const uint8_t *b, size_t n)
{
    size_t sum = 0, i = 0;

    while (i + 8 <= n) {
        /* Eight sums of bytes in one word; none passes 255. */
        size_t most = (n - i) / 8, words = most < 255 ? most : 255;
        uint64_t eight = 0;

        for (size_t k = 0; k < words; k++, i += 8) {
            uint64_t x;

            memcpy(&x, b + i, 8);
            eight += x;
        }
        eight =
            (eight & 0x00ff00ff00ff00ffu) + (eight >> 8 & 0x00ff00ff00ff00ffu);
        sum += (eight * 0x0001000100010001u) >> 48;
    }
    for (; i < n; i++)
        sum += b[i];
    return sum;
}

#endif
