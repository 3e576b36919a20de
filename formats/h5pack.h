#ifndef PARE_H5PACK_H
#define PARE_H5PACK_H

/* Shared by h5write.c and h5pack.c only. */
#include "h5lib.h"
#include "h5read.h"

#define DEFLATE_LEVEL 6
#define CHUNK_BYTES   ((size_t)1 << 20)

/* A dataset about to be written: its bytes as the file will hold them. */
struct h5block {
    int rank;
    hsize_t dim[PARE_H5_RANK_MAX];
    size_t bytes, row; /* of all, and of one step of the first axis */
    const char *values;
    /* In their place, with the filter: see struct pare_h5w_made. */
    void (*make)(const void *arg, void *out, size_t at, size_t n);
    const void *arg;
    const float *scale; /* [dim[0]] of pare_rans_encode_scaled, or NULL */
    hsize_t chunk_rows; /* 0: contiguous */
    int strategy;       /* of zlib */
    unsigned width;     /* with the filter of rans.h: bytes of a value */
    char **packed;      /* [n_chunks] deflated, or by that filter */
    size_t *packed_size;
    size_t n_chunks;
};

/** Deflate the values into chunks, unless that does not make them fewer: then
 *  chunk_rows stays 0. 0 or PARE_ENOMEM. */
int h5block_pack(struct h5block *b);

/**
 * Make and code the values by the filter of rans.h, in chunks of equal rows,
 * unless there are none or readers would take the file for a bomb: then
 * chunk_rows stays 0. width is set. Bytes do not depend on threads.
 * 0 or PARE_ENOMEM.
 */
int h5block_filter(struct h5block *b, int threads);

/** Free the chunks. */
void h5block_release(struct h5block *b);

#endif
