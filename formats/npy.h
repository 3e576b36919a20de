#ifndef PARE_NPY_H
#define PARE_NPY_H

#include "dataset.h"

#define PARE_NPY_RANK  8
#define PARE_NPY_LIMIT 4294967296u /* bytes of values, and of a file */
#define PARE_NPY_HEAD  65548       /* of the longest header that is read */

/** An array as NumPy stores it. */
struct pare_npy {
    char kind;    /* 'b' truth values, 'i', 'u' integers, 'f' */
    size_t size;  /* bytes of a value: 1, 2, 4 or 8 */
    bool big;     /* most significant byte first */
    bool fortran; /* the first index varies fastest */
    int rank;     /* 0 to PARE_NPY_RANK */
    size_t dim[PARE_NPY_RANK];
    size_t count;         /* product of dim, at least 1 */
    size_t head;          /* bytes of the file before the values */
    unsigned char *value; /* [count * size], within bytes */
    void *bytes;          /* the file, malloc'd */
};

/**
 * Parse the bytes of an NPY file, versions 1.0, 2.0 and 3.0.
 *
 * The header is read by a parser of the three entries that it may have;
 * nothing is evaluated. Objects (pickles), structures, texts, dates and
 * complex numbers are refused by the name of their type.
 *
 * @param a      zeroed, out; release with pare_npy_release
 * @param bytes  [n] the file, malloc'd; taken over, freed on failure
 * @param name   of the file, for messages
 * @return 0; PARE_EFORMAT (not NPY, header, a length other than the shape
 *         says); PARE_EUNREAD (type, a dimension of 0); PARE_ELIMIT
 *
 * Source: NumPy, NEP 1, "A Simple File Format for NumPy Arrays", and
 * numpy.lib.format for versions 2.0 and 3.0.
 */
int pare_npy_parse(struct pare_npy *a, void *bytes, size_t n, const char *name);

/**
 * Parse the header alone.
 *
 * @param a      zeroed, out: value and bytes stay NULL
 * @param bytes  [n] how the file begins: at least PARE_NPY_HEAD bytes, or all
 * @param size   bytes of the file
 * @param most   bytes that its values may take
 * @return as pare_npy_parse
 */
int pare_npy_header(struct pare_npy *a, const void *bytes, size_t n,
                    uint64_t size, uint64_t most, const char *name);

/** The same from a file. Also PARE_EIO. */
int pare_npy_read(struct pare_npy *a, const char *path);

/** Free what the array owns and zero it. */
void pare_npy_release(struct pare_npy *a);

/**
 * Take inputs and labels over as one split of a data set.
 *
 * Unsigned bytes stay bytes, every other type becomes float32. Samples of
 * rank 1 are {features}, of rank 2 {1, height, width}, of rank 3 {channels,
 * height, width} or, with channels_last, {height, width, channels} and
 * brought into the other order. Labels of rank 1, or 2 with one column, are
 * whole numbers of any type; with more columns they are 1 in the column of
 * the class and 0 in the others, and there are as many classes as columns.
 *
 * @param d  in/out; the first split taken sets its type and shape, the next
 *           must agree; n_classes grows to the largest label + 1
 * @param id      an absent split
 * @param x       in; its values are taken over when they are bytes
 * @param x_name  of x, for messages
 * @return 0; PARE_EFORMAT (ranks, labels, values that are not finite as
 *         float32, with the sample); PARE_EMISMATCH (counts or shapes that
 *         do not fit each other); PARE_ELIMIT (more than 2^20 classes);
 *         PARE_ENOMEM
 */
int pare_npy_split(struct pare_dataset *d, enum pare_split_id id,
                   struct pare_npy *x, const struct pare_npy *y,
                   bool channels_last, const char *x_name, const char *y_name);

#endif
