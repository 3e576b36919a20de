#ifndef PARE_ATOMIC_H
#define PARE_ATOMIC_H

#include <stddef.h>

/**
 * Write a file whole or not at all: temporary beside it, write, fsync,
 * rename, fsync of the directory. The temporary is NAME.pare-tmp; one left
 * by a killed run is replaced. "-" or NULL writes to standard output.
 *
 * A path that exists and is not a regular file (/dev/full, a FIFO) is
 * written in place; a symbolic link is followed to the file it names. The
 * mode of an existing file is kept.
 *
 * @return 0; PARE_EIO with the system's reason, the old file intact and no
 *         temporary left
 */
int pare_atomic_write(const char *path, const void *bytes, size_t n);

/**
 * Read a whole file, or standard input for "-" or NULL.
 *
 * @param bytes  malloc'd, out; the caller frees it
 * @param n      out
 * @param limit  most bytes accepted
 * @return 0; PARE_EIO (missing, a directory, unreadable); PARE_ELIMIT
 */
int pare_read_file(void **bytes, size_t *n, const char *path, size_t limit);

#endif
