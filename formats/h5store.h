#ifndef PARE_H5STORE_H
#define PARE_H5STORE_H

/* Shared by h5write.c and h5store.c only. */
#include "atomic.h"
#include "h5lib.h"

/**
 * The bytes of a file that HDF5 builds, taken by a driver of ours. What HDF5
 * writes is copied into pages of memory, but for large arrays that were lent:
 * of these only the address is kept. So a file of a gigabyte takes no more
 * memory than its metadata, and no array is copied.
 */
struct pare_h5store;

/** An empty store, or NULL without memory. */
struct pare_h5store *pare_h5store_new(void);

/** Free a store whose file is closed; NULL is fine. */
void pare_h5store_free(struct pare_h5store *s);

/**
 * Create the file in the store.
 *
 * @param fcpl  properties of the file
 * @param fapl  access properties, which get the driver
 * @return the file, or a negative number
 */
hid_t pare_h5store_create(struct pare_h5store *s, hid_t fcpl, hid_t fapl);

/** Close the file, if it is open, and let go of the driver. 0 or -1. */
int pare_h5store_close(struct pare_h5store *s, hid_t file);

/**
 * Say that values which HDF5 is about to write stay as they are until the
 * store is freed; NULL ends it. What HDF5 converts first is copied.
 *
 * @param values  [n] bytes
 */
void pare_h5store_lend(struct pare_h5store *s, const void *values, size_t n);

/**
 * The same for values that are made when the file is written: HDF5 is given
 * an address behind which there is nothing.
 *
 * @param values  [n] bytes of address space
 * @param make    as in struct pare_piece
 */
void pare_h5store_lend_made(
    struct pare_h5store *s, const void *values, size_t n,
    void (*make)(void *arg, void *out, size_t at, size_t n), void *arg);

/**
 * From now on put arrays into a file, each at the address that it has there,
 * as soon as HDF5 writes it, whoever it belongs to; what is made is made then.
 * Only metadata and small arrays stay in memory. Zeros are left out, so the
 * file has holes for them. Nothing that fails there fails in HDF5, which does
 * not get over it: see pare_h5store_settle.
 *
 * @param fd  open for reading and writing, empty; stays the caller's
 */
void pare_h5store_spill(struct pare_h5store *s, int fd);

/** The error number of the first write that failed, or 0. */
int pare_h5store_failed(const struct pare_h5store *s);

/**
 * Put into the file that was spilled to what is still missing, and give it
 * its size.
 *
 * @param size  bytes, out
 * @return 0; PARE_EIO, also for what failed before
 */
int pare_h5store_settle(struct pare_h5store *s, uint64_t *size);

/**
 * The file from its first byte to its last, in pieces. They hold until the
 * store is written to or freed. What was never written is zeros.
 *
 * @param piece  malloc'd, out; the caller frees the array
 * @param n      pieces, out
 * @param size   bytes of all, out
 * @return 0; PARE_ENOMEM
 */
int pare_h5store_pieces(struct pare_piece **piece, size_t *n, size_t *size,
                        struct pare_h5store *s);

#endif
