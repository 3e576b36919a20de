#ifndef PARE_H5WOPEN_H
#define PARE_H5WOPEN_H

/* Shared by h5write.c and h5attr.c only. */
#include "h5lib.h"
#include "h5write.h"

/* Addresses of values that are made later. */
struct space {
    void *at;
    size_t n;
};

struct pare_h5w {
    hid_t file;
    struct pare_h5store *store; /* NULL: HDF5 writes a file */
    size_t n_given, given_room;
    void **given; /* [n_given] values that are freed with it */
    size_t n_space, space_room;
    struct space *space; /* addresses behind which there is nothing */
    bool spill;          /* values go to a file at once */
    bool weigh;          /* nothing is written, it is added up here: */
    uint64_t weight;
    struct {
        const char *name; /* of the next dataset's attribute, or NULL */
        enum pare_h5_type type;
        size_t n;
        const void *values;
    } next;
};

#endif
