#ifndef PARE_EXPORT_ROWS_H
#define PARE_EXPORT_ROWS_H

/* Shared by export.c and the writers of formats: see export.h. */
#include "atomic.h"
#include "model.h"

/**
 * Where a writer puts bytes.
 * @return 0 or a status, which ends the writing
 */
typedef int pare_export_put(void *arg, const void *bytes, size_t n);

/** As pare_export_put, into a file; arg is a struct pare_atomic. */
int pare_export_put_file(void *arg, const void *bytes, size_t n);

/** Refuse standard output that is a terminal. 0; PARE_EINVAL. */
int pare_export_no_terminal(const char *path);

/**
 * Bytes that the values of a tensor take at all of its positions.
 * @return 0; PARE_ELIMIT (2^63 and more), naming the tensor
 */
int pare_export_bytes(uint64_t *bytes, const struct pare_tensor *t,
                      enum pare_dtype type);

/**
 * Put the values of a tensor, which is in memory, at all of its positions:
 * in C order, little-endian, 0 where it is pruned. A compact tensor is not
 * expanded for it.
 *
 * @param type  its own, or PARE_F32
 */
int pare_export_values(const struct pare_tensor *t, enum pare_dtype type,
                       pare_export_put *put, void *arg);

/** The file format of Hugging Face: a JSON header, then the values. */
int pare_safetensors_write(const char *path, const struct pare_model *m);

/** C source: path.c and path.h. */
int pare_c_write(const char *path, const struct pare_model *m);

/**
 * Sparse matrices by rows in HDF5, a group each, as anndata and as binsparse
 * have them. Tensors of rank 2 and more are (first dimension, the others);
 * entries are the positions that a mask keeps, or without one those that are
 * not 0.
 */
int pare_anndata_write(const char *path, const struct pare_model *m);
int pare_binsparse_write(const char *path, const struct pare_model *m);

/** NumPy's: a ZIP archive of arrays. */
int pare_npz_write(const char *path, const struct pare_model *m);

#endif
