#ifndef PARE_H5IMAGE_H
#define PARE_H5IMAGE_H

/* Shared by h5read.c and h5image.c only. */
#include "h5lib.h"

/**
 * Where the bytes of a file are: in memory or behind a descriptor. HDF5
 * reads them through a driver of ours, which neither copies nor writes,
 * refuses whatever lies past the end, and has no metadata accumulator (that
 * of libhdf5 1.10 copies past its end when a damaged file asks for it).
 */
struct pare_h5_bytes {
    const unsigned char *image; /* or NULL: */
    int fd;
    uint64_t size;
};

/** Read n bytes at an offset: all of them, or -1. */
int pare_h5image_read(const struct pare_h5_bytes *b, uint64_t at, size_t n,
                      void *out);

/** An open file, and the driver that has to outlive it. */
struct pare_h5image {
    hid_t file, driver;
};

/** Open read-only, 0 or -1; bytes must live until the file is closed. */
int pare_h5image_open(struct pare_h5image *f,
                      const struct pare_h5_bytes *bytes);

/** Close the file, then let go of its driver; negative handles are fine. */
void pare_h5image_close(struct pare_h5image *f);

#endif
