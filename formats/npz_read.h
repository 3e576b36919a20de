#ifndef PARE_NPZ_READ_H
#define PARE_NPZ_READ_H

#include "foreign.h"

/* Arrays of NumPy as tensors: rows of the table in import.c. */

/** All arrays of an NPZ file, in its order; those that are sound but of a type
 *  that is not read, or without values, are noted. See pare_npz_open. */
int pare_npz_foreign(struct pare_foreign *f, const char *path);

/** The array of an NPY file, named as the file is, without ".npy". */
int pare_npy_foreign(struct pare_foreign *f, const char *path);

bool pare_npz_looks(const unsigned char *head, size_t n);
bool pare_npy_looks(const unsigned char *head, size_t n);

#endif
