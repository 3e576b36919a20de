#ifndef PARE_H5WRITE_H
#define PARE_H5WRITE_H

#include <stdbool.h>

#include "h5read.h"

/**
 * The one writer of HDF5: builds a file in memory, in the portable profile
 * of pare-model(5): bounds EARLIEST..V18, no times, datasets contiguous or
 * chunked + deflate, fixed-length string attributes. The same calls give
 * the same bytes. No HDF5 handle or type leaves it.
 *
 * Values are copied, but for those that pare_h5w_lend and pare_h5w_give take:
 * so a large array goes from where it is to where it is written.
 */
struct pare_h5w;

/**
 * Begin a file.
 *
 * @param path  NULL: in memory (all callers but one); or the name of a
 *              file that HDF5 itself writes. Only a child process may do
 *              that, because libhdf5 dies on a full disk.
 * @return 0; PARE_ENOMEM; PARE_EIO
 */
int pare_h5w_new(struct pare_h5w **w, const char *path);

/** The same, all metadata in the form that HDF5 1.8 brought: bounds V18..V18.
 *  That takes fewer bytes; readers of the portable profile may lack it. */
int pare_h5w_new_small(struct pare_h5w **w, const char *path);

/** That with small indices of chunks, for many short chunked datasets. */
int pare_h5w_new_filtered(struct pare_h5w **w, const char *path);

/**
 * From now on arrays go into a file as soon as they are written, which takes
 * no memory for them; the bytes are the same. Values that are lent are needed
 * no longer than the call. pare_h5w_settle ends it.
 *
 * @param fd  an empty file, open for reading and writing; the caller's
 */
void pare_h5w_spill(struct pare_h5w *w, int fd);

/** Did a write to that file fail? Then nothing more is written. */
bool pare_h5w_failed(const struct pare_h5w *w);

/**
 * Finish what was spilled; only pare_h5w_free may follow.
 *
 * @param bytes  size of the file, out
 * @return 0; PARE_EIO with the system's reason
 */
int pare_h5w_settle(struct pare_h5w *w, uint64_t *bytes);

/** Free, whether finished or not; NULL is fine. */
void pare_h5w_free(struct pare_h5w *w);

/** Make a group; its parent must be there. Paths begin with '/'. */
int pare_h5w_group(struct pare_h5w *w, const char *path);

/** The same, of which it is known how many objects it will have, and the mean
 *  length of their names: a file of pare_h5w_new_small is smaller so. */
int pare_h5w_group_for(struct pare_h5w *w, const char *path, size_t n,
                       size_t length);

/**
 * Write a whole dataset.
 *
 * @param dim      [rank] rank 0 (a scalar) to 8; a dimension may be 0
 * @param values   [product of dim] of type, C order
 * @param deflate  chunk and deflate (level 6), if there are more than
 *                 65,536 bytes and if it makes them fewer; else contiguous
 */
int pare_h5w_data(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  int rank, const size_t *dim, const void *values,
                  bool deflate);

/** Values that are made when they are needed: bytes at..at+n-1 of them, whole
 *  rows of the first axis, on any thread. */
struct pare_h5w_made {
    void (*make)(const void *arg, void *out, size_t at, size_t n);
    const void *arg;
    const float *scale; /* [rows] of which they are multiples, or NULL */
};

/**
 * Write values by the filter of rans.h, which other readers need a plug-in
 * for. Those that readers would take for a bomb are left to the caller.
 *
 * @param done     out: whether a dataset was written
 * @param type     of 4 or 2 bytes
 * @param most     nothing is written unless the file gets fewer bytes longer
 *                 by it, its metadata included
 * @param threads  the bytes do not depend on them
 */
int pare_h5w_filter(bool *done, struct pare_h5w *w, const char *path,
                    enum pare_h5_type type, int rank, const size_t *dim,
                    const struct pare_h5w_made *made, uint64_t most,
                    int threads);

/** From now on write nothing, and add up the bytes that datasets and
 *  attributes would take in a file of pare_h5w_new_filtered, metadata
 *  included: those values are exact, these are about. The end of it, and the
 *  bytes. */
void pare_h5w_weigh(struct pare_h5w *w);
uint64_t pare_h5w_weighed(struct pare_h5w *w);

/**
 * As pare_h5w_data without deflate, of values that the caller leaves where
 * they are, unchanged, until pare_h5w_put or pare_h5w_finish has returned,
 * or until pare_h5w_free.
 */
int pare_h5w_lend(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  int rank, const size_t *dim, const void *values);

/** The same, of malloc'd values that are freed here: also on failure. */
int pare_h5w_give_array(struct pare_h5w *w, const char *path,
                        enum pare_h5_type type, int rank, const size_t *dim,
                        void *values);

/** That with rank 1. */
int pare_h5w_give(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, void *values);

/**
 * The same, of values that are made when the file is written, in order and a
 * part at a time, so that they take no memory.
 *
 * @param make  values of `type`: bytes at..at+n-1 of them; called on this
 *              thread until the writer is freed
 * @param arg   malloc'd, freed here: also on failure
 */
int pare_h5w_make(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n,
                  void (*make)(void *arg, void *out, size_t at, size_t n),
                  void *arg);

/** Write a text as a uint8 dataset of rank 1, without its NUL; deflated
 *  by the rule above. */
int pare_h5w_text(struct pare_h5w *w, const char *path, const char *text);

/** Write a mask's bits or positions, rank 1, deflated by the rule above, with
 *  runs only (Z_RLE): on a random mask that is 10 % smaller and 13 times
 *  faster than matching. */
int pare_h5w_mask(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, const void *values);

/** The same for codes of few kinds, of any shape. */
int pare_h5w_codes(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                   int rank, const size_t *dim, const void *values);

/** Write an item of /user as it was read. */
int pare_h5w_item(struct pare_h5w *w, const char *path,
                  const struct pare_h5_item *item, const void *values);

/** Attribute of an object ("/" is the root): fixed-length string (at
 *  most 4,096 bytes) or int64. */
int pare_h5w_attr_text(struct pare_h5w *w, const char *path, const char *attr,
                       const char *text);

/** A 64-bit integer attribute. 0; PARE_ENOMEM; PARE_EIO. */
int pare_h5w_attr_i64(struct pare_h5w *w, const char *path, const char *attr,
                      int64_t v);

/** A list of [n] integers of `type`, rank 1.
 *  0; PARE_ENOMEM; PARE_EIO. */
int pare_h5w_attr_ints(struct pare_h5w *w, const char *path, const char *attr,
                       enum pare_h5_type type, size_t n, const void *values);

/** The same for the dataset that is written next, before its bytes: in a file
 *  of pare_h5w_new_small the attribute takes less room so. The arguments must
 *  outlive that call. */
void pare_h5w_next_ints(struct pare_h5w *w, const char *attr,
                        enum pare_h5_type type, size_t n, const void *values);

/**
 * What other programs want, and no file of pare has: a string of variable
 * length and any size, and a list of strings of one fixed length, the
 * longest's, of 60,000 bytes at most together. 0; PARE_ELIMIT; PARE_ENOMEM;
 * PARE_EIO.
 */
int pare_h5w_attr_long(struct pare_h5w *w, const char *path, const char *attr,
                       const char *text);
int pare_h5w_attr_texts(struct pare_h5w *w, const char *path, const char *attr,
                        size_t n, const char *const *text);

/** Bytes that a dataset written before occupies in the file. */
int pare_h5w_stored(uint64_t *bytes, struct pare_h5w *w, const char *path);

/**
 * Finish a file in memory and write it by pare_atomic_write_pieces; only
 * pare_h5w_free may follow.
 *
 * @param path   file, or "-"/NULL for standard output
 * @param bytes  size of the file, out
 * @return 0; PARE_ENOMEM; PARE_EIO
 */
int pare_h5w_put(struct pare_h5w *w, const char *path, uint64_t *bytes);

/**
 * Finish a file in memory and hand out its image, malloc'd.
 * With a path: flush and close it; bytes and n are NULL.
 */
int pare_h5w_finish(void **bytes, size_t *n, struct pare_h5w *w);

#endif
