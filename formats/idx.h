#ifndef PARE_IDX_H
#define PARE_IDX_H

#include "dataset.h"

#define PARE_IDX_RANK  8
#define PARE_IDX_LIMIT 4294967296u /* bytes of values, and of the file */

/** Type codes of IDX, the third byte of a file. */
enum pare_idx_type {
    PARE_IDX_U8 = 0x08,
    PARE_IDX_I8 = 0x09,
    PARE_IDX_I16 = 0x0B,
    PARE_IDX_I32 = 0x0C,
    PARE_IDX_F32 = 0x0D,
    PARE_IDX_F64 = 0x0E
};

/** An array as an IDX file holds it. */
struct pare_idx {
    enum pare_idx_type type;
    int rank;
    size_t dim[PARE_IDX_RANK];
    size_t count; /* product of dim */
    void *value;  /* [count] of type, most significant byte first */
};

/**
 * Parse the bytes of an IDX file, plain or gzip (told by its magic number).
 *
 * The values that the header declares are the most that is ever inflated
 * or allocated, and a header that declares more than gzip could have
 * packed into the bytes given is refused before that.
 *
 * @param a      zeroed, out; release with pare_idx_release
 * @param bytes  [n] the file
 * @param name   of the file, for messages
 * @return 0; PARE_EFORMAT (not IDX, unknown type, shorter or longer than
 *         its dimensions say); PARE_ELIMIT; PARE_ENOMEM
 *
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten
 * digits", section "file formats".
 */
int pare_idx_parse(struct pare_idx *a, const void *bytes, size_t n,
                   const char *name);

/** The same from a file. Also PARE_EIO. */
int pare_idx_read(struct pare_idx *a, const char *path);

/** Free what the array owns and zero it. */
void pare_idx_release(struct pare_idx *a);

/**
 * Take images and labels over as one split of a data set.
 *
 * Unsigned bytes stay bytes, every other type becomes float32. Samples of
 * rank 1 are {features}, of rank 2 {1, height, width}, of rank 3 {channels,
 * height, width}. The first split taken sets the data set's type and shape;
 * the next must agree. n_classes grows to the largest label + 1.
 *
 * @param d       in/out
 * @param id      an absent split
 * @param x       in; its values are taken over when they are bytes
 * @param y       in; integers, rank 1, as many as x has samples
 * @param x_name  file of x, for messages
 * @param y_name  file of y, for messages
 * @return 0; PARE_EFORMAT (ranks, label types, negative labels, values that
 *         are not finite); PARE_EMISMATCH (counts or shapes that do not fit
 *         each other); PARE_ELIMIT (more than 2^20 classes); PARE_ENOMEM
 */
int pare_idx_split(struct pare_dataset *d, enum pare_split_id id,
                   struct pare_idx *x, const struct pare_idx *y,
                   const char *x_name, const char *y_name);

#endif
