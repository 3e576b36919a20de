#ifndef PARE_JSON_SCAN_H
#define PARE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A JSON text that is read from the left, by what is expected of it. Nothing
 * of it is kept, so that a hostile one costs no memory; nothing recurses.
 */
struct pare_json_scan {
    const char *at, *end; /* what is not read yet */
    const char *name;     /* of the file, for messages */
};

/** Take a character such as '{' behind space, if it is the next. */
bool pare_json_scan_is(struct pare_json_scan *s, char c);

/** The same; PARE_EFORMAT if it is not the next. */
int pare_json_scan_char(struct pare_json_scan *s, char c);

/**
 * A string.
 * @param text  malloc'd, out: UTF-8 (as it came), never with a null byte
 * @return 0; PARE_EFORMAT; PARE_ENOMEM
 */
int pare_json_scan_text(char **text, struct pare_json_scan *s);

/** A whole number of at most 2^63 - 1, without sign, point or exponent. */
int pare_json_scan_u64(uint64_t *value, struct pare_json_scan *s);

/** Step over a value of any kind, at most 64 deep. */
int pare_json_scan_skip(struct pare_json_scan *s);

/** Is there nothing left but space? */
bool pare_json_scan_done(struct pare_json_scan *s);

#endif
