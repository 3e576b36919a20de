#ifndef PARE_READ_AT_H
#define PARE_READ_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Read n bytes of a file at an offset; its holes are not looked at where the
 * system can tell them, so that zeros take no memory of it. The position of
 * the descriptor may change.
 *
 * @return all bytes are there; else errno says why, or is 0 at its end
 */
bool pare_read_at(int fd, void *out, size_t n, uint64_t at);

#endif
