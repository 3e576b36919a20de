#ifndef PARE_RANS_PARTS_H
#define PARE_RANS_PARTS_H

/* Shared by rans.c and rans_encode.c only: what a block is made of. Functions
 * are here so that the plug-in has no more names than it needs. */
#include <string.h>

#include "rans.h"

#define STATES    8
#define PRECISION 16
#define WHOLE     ((uint32_t)1 << PRECISION)
#define LOW       ((uint32_t)1 << 16) /* states lie at or above it */
#define CLASSES   4
#define PAIRS     (CLASSES * CLASSES)
#define F_MASK    1
#define F_BOOK    2
#define F_TURNED  4
#define F_CLASSES 8
#define F_BYTES   16 /* from here on in blocks of version 2 */
#define F_WIDE    32
#define F_SCALED  64
#define V1_FLAGS  15
#define CODED     (F_BOOK | F_WIDE | F_SCALED)
#define LEVELS    65536               /* of a wide book, at most */
#define SPREAD    ((uint64_t)1 << 20) /* values of a byte, at most */
#define LIMIT     ((uint64_t)1 << 34) /* bytes of an array; if a size_t can: */
#define MOST      (SIZE_MAX / 8 < LIMIT ? SIZE_MAX / 8 : (size_t)LIMIT)

/* Polynomials over two elements, modulo that of CRC-32, the highest power in
   the lowest bit: their product. */
static inline uint32_t crc_product(uint32_t x, uint32_t y)
{
    uint32_t sum = 0;

    for (unsigned k = 0; k < 32; k++) {
        sum ^= x & 0x80000000u >> k ? y : 0;
        y = y >> 1 ^ (y & 1 ? 0xedb88320u : 0);
    }
    return sum;
}

/* A register after n bytes of 0: its product with the power of 8 n. */
static inline uint32_t crc_over(uint32_t crc, size_t n)
{
    uint32_t power = 0x80000000u >> 8;

    for (; n; n >>= 1) {
        if (n & 1)
            crc = crc_product(power, crc);
        power = crc_product(power, power);
    }
    return crc;
}

/* Registers of four parts of n bytes that follow each other, n a multiple of
   8: each lookup has three others to wait with. */
static inline void crc_lanes(uint32_t *crc, const uint8_t *p, size_t n,
                             uint32_t table[8][256])
{
    for (size_t i = 0; i < n; i += 8)
        for (size_t k = 0; k < 4; k++) {
            const uint8_t *b = p + k * n + i;
            uint32_t c = crc[k];

            crc[k] = table[7][(c ^ b[0]) & 255] ^
                     table[6][(c >> 8 ^ b[1]) & 255] ^
                     table[5][(c >> 16 ^ b[2]) & 255] ^
                     table[4][(c >> 24 ^ b[3]) & 255] ^ table[3][b[4]] ^
                     table[2][b[5]] ^ table[1][b[6]] ^ table[0][b[7]];
        }
}

static inline uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t table[8][256], crc[4] = {0xffffffffu}, last;
    const size_t part = n / 32 * 8;

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            table[k][i] =
                table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    crc_lanes(crc, p, part, table);
    last = crc[0];
    for (size_t k = 1; k < 4; k++)
        last = crc_over(last, part) ^ crc[k];
    for (p += 4 * part, n -= 4 * part; n; n--, p++)
        last = last >> 8 ^ table[0][(last ^ *p) & 255];
    return ~last;
}

/* How frequent each byte is, out of WHOLE. */
struct model {
    uint32_t freq[256], start[256];
};

static inline void set_starts(struct model *m)
{
    uint32_t sum = 0;

    for (size_t s = 0; s < 256; s++) {
        m->start[s] = sum;
        sum += m->freq[s];
    }
}

/* Scale counts to a sum of WHOLE; what occurs keeps at least 1. */
static inline void scale(struct model *m, const uint64_t *hist)
{
    uint64_t sum = 0, have = 0;
    size_t top = 0;

    for (size_t s = 0; s < 256; s++)
        sum += hist[s];
    for (size_t s = 0; s < 256; s++) {
        uint64_t f = sum ? (hist[s] * WHOLE + sum / 2) / sum : 0;

        m->freq[s] = (uint32_t)(hist[s] && !f ? 1 : f);
        have += m->freq[s];
        if (m->freq[s] > m->freq[top])
            top = s;
    }
    if (!sum)
        have = m->freq[0] = WHOLE;
    /* The most frequent takes what rounding left over. */
    m->freq[top] = (uint32_t)(m->freq[top] + WHOLE - have);
    set_starts(m);
}

/*
 * Bytes of eight bits that are each 1 with a chance of p / 65536, whole
 * numbers only, so that all machines have the same table.
 */
static inline void bits_model(struct model *m, uint32_t p)
{
    uint64_t hist[256], power[9], one = p, zero = WHOLE - p;

    for (unsigned k = 0; k <= 8; k++) {
        uint64_t x = (uint64_t)1 << 32;

        for (unsigned i = 0; i < 8; i++)
            x = x * (i < k ? one : zero) >> 16;
        power[k] = x;
    }
    for (size_t s = 0; s < 256; s++) {
        unsigned k = 0;

        for (size_t x = s; x; x &= x - 1)
            k++;
        hist[s] = power[k] ? power[k] : 1;
    }
    scale(m, hist);
}

/* Which table a symbol has: one for all, or by row and column. */
struct where {
    const struct model *model;
    const uint8_t *row_class, *group_class; /* NULL: one for all */
    uint64_t cols;
};

/* An array to be coded. */
struct array {
    const uint8_t *raw;
    unsigned width;
    size_t n, nnz; /* values, those that are there */
    uint64_t cols, rows, groups;
    uint32_t *value;    /* [nnz] */
    uint8_t *bits;      /* [(n + 7) / 8] */
    const float *scale; /* [rows] of codes of 8 bits, or NULL: not said */
};

static inline int is_there(const struct array *a, size_t i)
{
    return a->bits[i / 8] >> i % 8 & 1;
}

static inline uint32_t value_at(const uint8_t *raw, unsigned width, size_t i)
{
    const uint8_t *p = raw + i * width;
    uint32_t x = p[0] | (uint32_t)p[1] << 8;

    return width == 2 ? x : x | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bits of a byte that are set. */
static inline unsigned ones(unsigned x)
{
    x = x - (x >> 1 & 0x55);
    x = (x & 0x33) + (x >> 2 & 0x33);
    return (x + (x >> 4)) & 0xf;
}

/* Which pairs of classes there are: only their chances are sent. */
static inline unsigned pairs_of(const struct where *w, const struct array *a)
{
    unsigned row = 0, group = 0, pairs = 0;

    if (!w->row_class)
        return 1;
    for (uint64_t i = 0; i < a->rows; i++)
        row |= 1u << w->row_class[i];
    for (uint64_t i = 0; i < a->groups; i++)
        group |= 1u << w->group_class[i];
    for (unsigned k = 0; k < PAIRS; k++)
        pairs |= (row >> k / CLASSES & group >> k % CLASSES & 1) << k;
    return pairs;
}

/* Bits of a number in a book of k that its first stream does not tell. */
static inline unsigned low_bits(size_t k)
{
    unsigned bits = 0;

    while ((k - 1) >> bits > 255)
        bits++;
    return bits;
}

/* What a code, 1 to 255, stands for; the product is exact but for its last
   rounding. */
static inline uint32_t scaled(uint8_t code, float scale)
{
    float v = (float)((int)code - 128) * scale;
    uint32_t x;

    memcpy(&x, &v, sizeof x);
    return x;
}

static inline void lay_rows(struct array *a, uint32_t cols)
{
    a->cols = cols && cols < a->n ? cols : a->n ? a->n : 1;
    a->rows = (a->n + a->cols - 1) / a->cols;
    a->groups = (a->cols + 7) / 8;
}

#endif
