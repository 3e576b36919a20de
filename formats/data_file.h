#ifndef PARE_DATA_FILE_H
#define PARE_DATA_FILE_H

#include "dataset.h"

#define PARE_DATA_VERSION 1
#define PARE_DATA_CLASSES 1048576 /* most classes */

/**
 * Read a data file (pare-data(5)): shapes, labels in range and digest are
 * checked.
 *
 * The inputs of splits that are larger than pare_data_room says stay in the
 * file and are read as they are needed (data_feed.h); the digest is checked
 * all the same, in one pass.
 *
 * @param d     zeroed, out; release with pare_dataset_release
 * @param path  file; data do not come from standard input
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM; PARE_EINVAL
 *         (the environment's PARE_DATA_MEMORY)
 */
int pare_data_read(struct pare_dataset *d, const char *path);

/** Write a data file whole or not at all; fills d->digest. */
int pare_data_write(const char *path, struct pare_dataset *d);

/**
 * Bytes of inputs that a data set may take in memory: a quarter of the
 * machine's, at most 1 GiB; or what the environment's PARE_DATA_MEMORY says.
 * @return 0; PARE_EINVAL if that is no number
 */
int pare_data_room(size_t *room);

/** Digest of shape, type, samples, labels, names and normalisation. */
int pare_data_digest(char hex[33], const struct pare_dataset *d);

/** 0 if all n values are finite; else PARE_EFORMAT with the split's name. */
int pare_data_finite(const float *v, size_t n, enum pare_split_id id);

/** The stored digest of a file's attribute, without reading the samples. */
int pare_data_peek_digest(char hex[33], const char *path);

#endif
