#ifndef PARE_H5OPEN_H
#define PARE_H5OPEN_H

/* Shared by h5read.c and h5values.c only. */
#include "h5image.h"

struct pare_h5 {
    hid_t file;
    struct pare_h5image image;
    struct pare_h5_bytes bytes;
    bool own;          /* the descriptor is ours to close */
    uint64_t size;     /* bytes of the file */
    uint64_t declared; /* bytes read so far, against aliased datasets */
    int threads;       /* that decode chunks; 0: this one */
};

/** Is the path one of plain hard links to an object of that type?
 *  H5O_TYPE_UNKNOWN: of any. */
int pare_h5lib_object(struct pare_h5 *h, const char *path, H5O_type_t want);

#endif
