#ifndef PARE_UNSQUEEZE_H
#define PARE_UNSQUEEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The reverse of squeeze.h. */

/** A zlib stream (RFC 1950), and the bytes that it stands for. */
struct pare_squeezed {
    uint8_t *raw;        /* [n] out; undefined unless decoded */
    size_t n;            /* how many it must be */
    const uint8_t *data; /* [stored] */
    size_t stored;
    bool done; /* out */
};

/**
 * Decode those streams that are one block of codes for bytes, as
 * pare_squeeze makes them, two at a time: a table gives up to three bytes for
 * the next bits of a stream, and one stream's search in it is waited for
 * while the other's is under way.
 *
 * @param s  [n]; `done` is set where the stream was decoded, was undamaged
 *           and took all its data, and cleared where it is damaged, of
 *           another kind, or too short to be worth a table
 *
 * Source: RFC 1951, section 3.2.7; of its streams only those without matches
 * are read.
 * Departure: of what the RFC leaves to the reader zlib's rules are kept, and
 * codes that do not use up all bits are not taken, though zlib takes a few.
 */
void pare_unsqueeze_codes(struct pare_squeezed *s, size_t n);

/**
 * Decode all streams: what pare_unsqueeze_codes leaves, by a library.
 *
 * @return 0; PARE_EFORMAT: one is damaged, or not of its n bytes, or data is
 *         left over; PARE_ENOMEM (no message)
 */
int pare_unsqueeze(struct pare_squeezed *s, size_t n);

#endif
