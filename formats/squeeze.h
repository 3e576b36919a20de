#ifndef PARE_SQUEEZE_H
#define PARE_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes as zlib streams (RFC 1950), for data in which only the frequencies
 * of bytes tell something. */

/** Add the bytes to the counts: hist [256] in/out. */
void pare_byte_counts(uint64_t *hist, const uint8_t *raw, size_t n);

/**
 * Bytes of a stream of one block of Huffman codes for bytes of these counts.
 *
 * @param hist  [256]; all 0: 0 bytes
 */
uint64_t pare_squeezed_size(const uint64_t *hist);

/**
 * The smallest of what the level tries: the bytes themselves, a zlib stream
 * of one block of Huffman codes, and from level 4 on what zlib makes by runs
 * and by matches: up to 6 only where a sample says that it is worth it.
 *
 * @param data    malloc'd, out
 * @param stored  out: bytes of data; n where they are the bytes themselves,
 *                which below level 7 happens also where codes would gain
 *                less than one in a hundred
 * @param n       up to 2^30
 * @return 0; PARE_ENOMEM (no message)
 */
int pare_squeeze(uint8_t **data, uint32_t *stored, const uint8_t *raw, size_t n,
                 int level);

/** The same of bytes that were malloc'd, which are taken over or freed. */
int pare_squeeze_own(uint8_t **data, uint32_t *stored, uint8_t *raw, size_t n,
                     int level);

#endif
