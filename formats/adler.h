#ifndef PARE_ADLER_H
#define PARE_ADLER_H

#include <stddef.h>
#include <stdint.h>

/**
 * The sum that ends a zlib stream. zlib's own takes a byte at a time, which
 * is a good part of the time that a decoder of many bytes a cycle takes.
 *
 * @param raw  [n]; n = 0 gives 1
 *
 * Source: RFC 1950, section 8.2 (Adler-32).
 */
uint32_t pare_adler32(const uint8_t *raw, size_t n);

#endif
