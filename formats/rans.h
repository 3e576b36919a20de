#ifndef PARE_RANS_H
#define PARE_RANS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Arrays of weights by range asymmetric numeral systems, for a filter of
 * HDF5: what is not 0 is told by bits whose chance depends on row and column,
 * the exponents or the codes of few different values are written with tables
 * of how frequent they are, the rest as it is. The code needs nothing but the
 * C library, and so does the plug-in made of it.
 *
 * A block, numbers with their lowest byte first:
 *
 *     "PRNS" version 1  width 1  flags 1  0 1  values 8  there 8  columns 4
 *     mask, if flagged: with classes, if flagged, those of rows and of groups
 *         of eight columns, 2 bits each, and the chance of each of the
 *         pairs that there are, 2; else one chance; a stream of bits, eight a
 *         symbol. Or, if flagged, the same stream with a table of its bytes
 *     book, if flagged: levels less one 1, each `width` bytes; a stream of
 *         codes
 *     or a wide book, if flagged: levels less one 2, each 4 bytes, a stream of
 *         the highest bits of codes, as many as make at most 255, and a
 *         stream of the others
 *     or scales, if flagged: a float32 for each row; a stream of codes + 128,
 *         which are multiplied by them
 *     else `width` planes: 0 and the bytes, or 1 and a stream
 *     sum of the array: CRC-32, 4
 *
 * A stream: but for the mask's, its table: symbols less one 1, for each its
 * byte 1 and its count less one 2, the counts' sum 65536; then words of 2
 * bytes 4, eight states 4, the words. Symbol i is told by state i mod 8.
 *
 * Flags, from the lowest bit: mask, book, rotated values, classes; and in
 * blocks of version 2, which have one of these: bytes of a mask, wide book,
 * scales.
 *
 * Source: Duda 2013, arXiv:1311.2540; interleaved as in Giesen 2014,
 * arXiv:1402.3392.
 */

#define PARE_RANS_FILTER 33891 /* of those free for private use */
#define PARE_RANS_NAME   "pare-rans: sparse and dense weights"
#define PARE_RANS_HEAD   28

enum { PARE_RANS_OK, PARE_RANS_BAD, PARE_RANS_MEMORY };

/**
 * Code an array.
 *
 * @param out   malloc'd, out
 * @param raw   [bytes] values of `width` bytes, the lowest first
 * @param width 4 or 2
 * @param cols  values of a row: for the classes; 0: one row of all
 * @return PARE_RANS_OK; PARE_RANS_BAD (bytes no multiple of width, or 2^34
 *         and more, or an eighth of what a size_t counts; or so few different
 *         ones that a block may not be as short: see pare_rans_bytes);
 *         PARE_RANS_MEMORY
 */
int pare_rans_encode(uint8_t **out, size_t *n, const uint8_t *raw, size_t bytes,
                     unsigned width, uint32_t cols);

/**
 * The same of values of which it is known that they may be whole numbers from
 * -127 to 127 times a float32 for each row.
 *
 * @param scale  [rows] NULL: not known; unused where cols is 0, or where a
 *               value is no such product
 */
int pare_rans_encode_scaled(uint8_t **out, size_t *n, const uint8_t *raw,
                            size_t bytes, unsigned width, uint32_t cols,
                            const float *scale);

/**
 * Bytes of the array that a block holds, as its head says. Not to be believed
 * before it is decoded, but limited by the block's length: an array is at
 * most 2^20 values a byte.
 */
int pare_rans_bytes(size_t *bytes, const uint8_t *block, size_t n);

/**
 * Decode.
 *
 * @param raw  [bytes] out; undefined after failure
 * @return PARE_RANS_OK; PARE_RANS_BAD: damaged, or not of that length;
 *         PARE_RANS_MEMORY
 */
int pare_rans_decode(uint8_t *raw, size_t bytes, const uint8_t *block,
                     size_t n);

#endif
