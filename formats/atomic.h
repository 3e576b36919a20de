#ifndef PARE_ATOMIC_H
#define PARE_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Write a file whole or not at all: temporary beside it, write, fsync,
 * rename, fsync of the directory. The temporary is NAME.pare-tmp; one left
 * by a killed run is replaced, one that another process is writing is an
 * error. "-" or NULL writes to standard output.
 *
 * A path that exists and is not a regular file (/dev/full, a FIFO) is
 * written in place; a symbolic link is followed to the file it names. The
 * mode of an existing file is kept.
 *
 * @return 0; PARE_EIO with the system's reason, the old file intact and no
 *         temporary left
 */
int pare_atomic_write(const char *path, const void *bytes, size_t n);

/** Bytes of a file that lie together in memory, or are made in order. */
struct pare_piece {
    const void *bytes; /* [n], or NULL: make gives them */
    size_t n;
    /** Bytes at..at+n-1 of the piece. */
    void (*make)(void *arg, void *out, size_t at, size_t n);
    void *arg;
};

/** The same for a file in pieces, [n] one after the other. */
int pare_atomic_write_pieces(const char *path, const struct pare_piece *piece,
                             size_t n);

/**
 * Unlink the temporary that is being written and what is spooled, if there
 * is such; for a handler of fatal signals. Async-signal-safe; does not touch
 * errno.
 */
void pare_atomic_abandon(void);

/**
 * Have pare_atomic_abandon unlink a file, too, and remove the folder that it
 * lies in. One at a time.
 *
 * @param path  the file, need not exist yet, at most 4,095 bytes; NULL: the
 *              one before is gone
 */
void pare_atomic_spooled(const char *path);

/**
 * A write in parts, for what does not fit one buffer: begin, then write
 * a.fd (or the file a.temp), then commit or cancel. One at a time.
 */
struct pare_atomic {
    int fd;       /* of the temporary, or of the file written in place */
    bool inplace; /* standard output, a device, a FIFO */
    char *name;   /* for messages */
    char *target; /* after links; NULL in place */
    char *temp;   /* NULL in place */
};

/** Open the temporary (or the path, in place). 0; PARE_EIO; PARE_ENOMEM. */
int pare_atomic_begin(struct pare_atomic *a, const char *path);

/** Write all n bytes to a->fd. 0 or PARE_EIO. */
int pare_atomic_put(struct pare_atomic *a, const void *bytes, size_t n);

/** The same; zeros become a hole where the file can have one. */
int pare_atomic_put_holes(struct pare_atomic *a, const void *bytes, size_t n);

/** fsync, close, rename, fsync the directory; cancels on failure. */
int pare_atomic_commit(struct pare_atomic *a);

/** Close and remove the temporary; fine after a commit or a failed begin. */
void pare_atomic_cancel(struct pare_atomic *a);

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
