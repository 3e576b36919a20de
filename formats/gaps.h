#ifndef PARE_GAPS_H
#define PARE_GAPS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Ascending positions as gaps: of each position the number of positions that
 * are passed over since the one before, in LEB128: seven bits a byte, the
 * lowest first, the top bit set in all bytes but the last. A gap has one
 * encoding, the shortest, of 1 to 10 bytes.
 */

#define PARE_GAP_MAX 10 /* bytes */

/** Write a gap at `to`, which has room; returns its bytes. */
size_t pare_gap_put(uint8_t *to, uint64_t gap);

/** Bytes of a gap. */
size_t pare_gap_size(uint64_t gap);

/**
 * Read a gap and step *at over it.
 *
 * @param gap  out
 * @param at   in/out
 * @param end  nothing is read from there on
 * @return 0; PARE_EFORMAT: it is cut off, above 2^64 - 1, or not the shortest
 */
int pare_gap_get(uint64_t *gap, const uint8_t **at, const uint8_t *end);

/**
 * Flat positions as gaps, the first counted from 0.
 *
 * @param at    [n] ascending
 * @param size  out: bytes
 * @return malloc'd; NULL without memory (message set)
 */
uint8_t *pare_gaps_of(size_t *size, const uint64_t *at, uint64_t n);

/**
 * The reverse; all bytes must be used.
 *
 * @param at    [n] out
 * @param most  positions are below it
 * @return 0; PARE_EFORMAT
 */
int pare_gaps_read(uint64_t *at, uint64_t n, const uint8_t *bytes, size_t size,
                   uint64_t most);

#endif
