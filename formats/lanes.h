#ifndef PARE_LANES_H
#define PARE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Moving values between an array and the bits that say which are there: a
 * row of a table for each kind of CPU, all with the same results. Bits are
 * 64 a word, the first lowest; those past n are 0.
 */
struct pare_lanes {
    const char *name; /* avx512, avx2, c */
    int (*available)(void);
    /** Bits of n bytes of 0 or 1: bits [(n + 63) / 64] out. */
    void (*of_mask)(uint64_t *bits, const uint8_t *mask, size_t n);
    /** Bits of n values: which are not +0. */
    void (*of_values)(uint64_t *bits, const float *value, size_t n);
    /** Bytes of 0 or 1 from bits; past: see expand. */
    void (*to_mask)(uint8_t *mask, const uint64_t *bits, size_t n, bool past);
    /**
     * Values whose bit is set, as bits, one after the other.
     *
     * @param to    [number of bits + 16] out; what follows them is undefined
     * @param lost  in/out: or-ed with all values whose bit is not set
     * @return number of bits
     */
    size_t (*gather)(uint32_t *to, const float *value, const uint64_t *bits,
                     size_t n, uint32_t *lost);
    /**
     * The reverse; values whose bit is not set become 0.
     *
     * @param from  [number of bits + 16]; the last 16 are not used
     * @param past  write past the caches, as what is large should be
     * @return number of bits
     */
    size_t (*expand)(float *value, const uint32_t *from, const uint64_t *bits,
                     size_t n, bool past);
};

/** Rows of the table, best first; index n returns NULL. */
const struct pare_lanes *pare_lanes_row(size_t index);

/** The first that this CPU can run. */
const struct pare_lanes *pare_lanes(void);

/** Number of bits that are set. */
uint64_t pare_bits_total(const uint64_t *bits, size_t words);

/**
 * Transpose a matrix of bits.
 *
 * @param to    [(rows * cols + 63) / 64] out: [cols][rows], rest 0
 * @param from  [rows][cols], bits past the end 0
 */
void pare_bits_transpose(uint64_t *to, const uint64_t *from, size_t rows,
                         size_t cols);

/** n <= 64 bits from bit `at` on. */
static inline uint64_t pare_bits_at(const uint64_t *bits, uint64_t at,
                                    unsigned n)
{
    unsigned shift = at & 63;
    uint64_t x = bits[at >> 6] >> shift;

    if (shift + n > 64)
        x |= bits[(at >> 6) + 1] << (64 - shift);
    return n < 64 ? x & (((uint64_t)1 << n) - 1) : x;
}

#endif
