#ifndef PARE_H5LIB_H
#define PARE_H5LIB_H

/* Shared by h5read.c and h5write.c only. */
#include <hdf5.h>

#include "h5read.h"

#define PARE_H5_RANK_MAX 8

/** Plug-ins off, error printing off; before any other call of HDF5. */
void pare_h5lib_init(void);

/** pare_fail with HDF5's innermost error text added, if there is one. */
int pare_h5lib_fail(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** The type in the file (little-endian) and in memory: new handles, to be
 *  closed by H5Tclose; negative on failure. */
hid_t pare_h5lib_file_type(enum pare_h5_type type);
hid_t pare_h5lib_memory_type(enum pare_h5_type type);

/** Is a type this one of ours, whose handle is closed here? */
bool pare_h5lib_is(hid_t found, hid_t ours);

/** Which of our types, in our byte order, is it? 0; PARE_EFORMAT naming the
 *  path. */
int pare_h5lib_find_type(enum pare_h5_type *type, hid_t found,
                         const char *path);

/** Bytes of one element of a type. */
size_t pare_h5lib_size(enum pare_h5_type type);
/** "float32" ... */
const char *pare_h5lib_type_name(enum pare_h5_type type);

/** File and memory type of an item of /user; new handles, or negative. */
int pare_h5lib_item_types(hid_t *file, hid_t *memory,
                          const struct pare_h5_item *item);

/** a * b * ... of dims and an element size; false on overflow. */
bool pare_h5lib_bytes(size_t *bytes, size_t *count, int rank, const size_t *dim,
                      size_t element);

#endif
