#ifndef PARE_H5READ_H
#define PARE_H5READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The one strict reader of HDF5 images. No HDF5 handle or type leaves it.
 *
 * Plug-ins are off; soft and external links, external storage, virtual
 * datasets, references, variable-length and compound types are refused; at
 * most one filter, deflate; class, rank, dimensions and storage are checked
 * before anything is allocated; a dataset may declare at most 1,100 times
 * the bytes it stores.
 */
struct pare_h5;

enum pare_h5_type {
    PARE_H5_U8,
    PARE_H5_I32,
    PARE_H5_U32,
    PARE_H5_F32,
    PARE_H5_F64,
    PARE_H5_U64,
    PARE_H5_I8,
    PARE_H5_U16,
    PARE_H5_F16, /* IEEE binary16; in memory its bits, uint16_t */
    PARE_H5_TYPES
};

/** What a dataset is, before its values are read. */
struct pare_h5_info {
    enum pare_h5_type type;
    int rank;
    size_t dim[8];
    size_t count;  /* product of dim */
    size_t stored; /* bytes in the file */
    bool filtered; /* by that of rans.h */
};

/** Something a user keeps under /user: a scalar or a 1-D array. */
struct pare_h5_item {
    char kind;        /* 'i' int, 'u' unsigned, 'f' float, 's' string */
    int strpad, cset; /* of strings, in HDF5's numbers */
    size_t size;      /* bytes of one element */
    int rank;         /* 0 or 1 */
    size_t count;     /* elements; 1 for a scalar */
};

/** Start libhdf5, so that a trial (trial.h) and what follows it need not do
 *  so both. */
void pare_h5_start(void);

/**
 * Open an image, or a file without reading it all.
 *
 * @param bytes  image; must live until pare_h5_close
 * @param path   for messages; with bytes == NULL the file itself is opened
 *               read-only (models above 256 MiB)
 * @return 0; PARE_EFORMAT "not an HDF5 file", "truncated" ...
 */
int pare_h5_open(struct pare_h5 **h, const void *bytes, size_t n,
                 const char *path);

/** The same for a descriptor of a regular file; it stays the caller's, and
 *  its position is not used. */
int pare_h5_open_fd(struct pare_h5 **h, int fd, const char *path);

/** Close and free; NULL is fine. */
void pare_h5_close(struct pare_h5 *h);

/** Threads that decode chunks of the filter of rans.h from now on: at first
 *  only the calling one. */
void pare_h5_threads(struct pare_h5 *h, int threads);

/** Begin to count anew what is read: for reading the same arrays again. */
void pare_h5_again(struct pare_h5 *h);

/** 1 there, 0 not there, negative status when it is not what it may be. */
int pare_h5_exists(struct pare_h5 *h, const char *path);

/** Describe the dataset at a path of plain hard links. */
int pare_h5_info(struct pare_h5_info *info, struct pare_h5 *h,
                 const char *path);

/**
 * Read a dataset of exactly this type and count.
 * @param out  [count] of type, out
 */
int pare_h5_read(void *out, struct pare_h5 *h, const char *path,
                 enum pare_h5_type type, size_t count);

/** Check all that pare_h5_read checks, the index of chunks too, but read no
 *  values: the part of reading in which libhdf5 trusts the file. */
int pare_h5_probe(struct pare_h5 *h, const char *path, enum pare_h5_type type,
                  size_t count);

/**
 * Where the values of a dataset lie in the file, for those who want to read
 * them without libhdf5.
 *
 * @param fd  the file, out; the caller closes it
 * @param at  of the first byte, out; count values follow it
 * @return 1; 0 if they do not lie there as they are in memory (chunks,
 *         another byte order, no descriptor); a negative status
 */
int pare_h5_extent(int *fd, uint64_t *at, struct pare_h5 *h, const char *path,
                   enum pare_h5_type type, size_t count);

/** Read part of a dataset: rows [first, first+rows) of its first axis. */
int pare_h5_read_rows(void *out, struct pare_h5 *h, const char *path,
                      enum pare_h5_type type, size_t first, size_t rows);

/** Read a uint8 rank-1 dataset as a NUL-terminated string, malloc'd. */
int pare_h5_read_text(char **text, struct pare_h5 *h, const char *path,
                      size_t limit);

/** Fixed-length string attribute of an object ("/" is the root), malloc'd. */
int pare_h5_attr_text(char **text, struct pare_h5 *h, const char *path,
                      const char *attr, size_t limit);

/** Integer attribute of an object, of any integer type. 0; PARE_EFORMAT. */
int pare_h5_attr_i64(int64_t *v, struct pare_h5 *h, const char *path,
                     const char *attr);

/**
 * Names directly below a group, at most `most`, sorted; for /user and for
 * telling what is unknown. Each name malloc'd, the array too.
 */
int pare_h5_list(char ***name, size_t *n, struct pare_h5 *h, const char *path,
                 size_t most);

/** Describe / read ([count * size] bytes, native order) an item of /user. */
int pare_h5_item_info(struct pare_h5_item *item, struct pare_h5 *h,
                      const char *path);
int pare_h5_item_read(void *out, struct pare_h5 *h, const char *path,
                      const struct pare_h5_item *item);

#endif
