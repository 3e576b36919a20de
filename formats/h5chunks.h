#ifndef PARE_H5CHUNKS_H
#define PARE_H5CHUNKS_H

/* Of h5values.c and h5chunks.c only. */

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

#include "h5lib.h"

/* An open dataset whose shape and storage have been checked. */
struct h5dataset {
    hid_t id, type;
    const char *path;
    size_t element;
    int rank;
    size_t dim[PARE_H5_RANK_MAX];
    size_t count, bytes, stored;
    bool chunked, deflated, rans;
    size_t chunk[PARE_H5_RANK_MAX], chunk_bytes;
};

/**
 * Read rows [first, last), first < last, of a chunked dataset.
 *
 * @param out      in the file's order of bytes; NULL: the chunks are only
 *                 looked for
 * @param threads  chunks of our filter may be decoded on; at most 1: none
 * @return 0; PARE_EFORMAT (a chunk is missing or damaged); PARE_ENOMEM
 */
int h5chunks_read(char *out, struct h5dataset *d, size_t first, size_t last,
                  int threads);

#endif
