#ifndef PARE_FOREIGN_H
#define PARE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/*
 * What files of other programs hold: named arrays, and for some formats a
 * graph. Reading one gives a struct pare_foreign; pare_foreign_model makes a
 * model of it. A row of the table in import.c is a format.
 */

/** Element types that are met elsewhere. */
enum pare_foreign_type {
    PARE_FOREIGN_F16,
    PARE_FOREIGN_BF16,
    PARE_FOREIGN_F32,
    PARE_FOREIGN_F64,
    PARE_FOREIGN_I8,
    PARE_FOREIGN_I16,
    PARE_FOREIGN_I32,
    PARE_FOREIGN_I64,
    PARE_FOREIGN_U8,
    PARE_FOREIGN_U16,
    PARE_FOREIGN_U32,
    PARE_FOREIGN_U64,
    PARE_FOREIGN_BOOL /* a byte, 0 or 1 */
};

#define PARE_FOREIGN_RANK 8

struct pare_zip;

/** A named array, as it lies in memory or in a mapped file. */
struct pare_foreign_tensor {
    char *name; /* malloc'd, as the file has it */
    enum pare_foreign_type type;
    bool big;                        /* most significant byte first */
    bool fortran;                    /* the first index varies fastest */
    int rank;                        /* 0 for one number */
    uint64_t dim[PARE_FOREIGN_RANK]; /* 0: there are no values */
    const void *bytes;               /* count * size, any alignment */
    void *owned;                     /* malloc'd, holds bytes; or NULL */
    /* Or bytes is NULL: they are unpacked each time that they are looked at,
       from a member of an archive, where they begin at an offset. */
    const struct pare_zip *zip;
    const char *member; /* in zip */
    size_t offset;
    struct pare_foreign_tensor *mask; /* of its shape, malloc'd: the values are
                                         0 where this is; or NULL */
};

/** A file mapped into memory. */
struct pare_foreign_map {
    void *bytes;
    size_t size;
};

/**
 * The content of a foreign file.
 *
 * With `arch` (of a format that knows its graph) the tensors are those of
 * that architecture: named as pare names them ("fc1.weight"), each exactly
 * once, of its shape, in pare's layout (weights (out, in), columns in order
 * channels, height, width), type F32, or F16/BF16 as they came. Without it they
 * are the file's own.
 */
struct pare_foreign {
    size_t n;
    struct pare_foreign_tensor *tensor;
    char *arch; /* text of an architecture, malloc'd; NULL: no graph */
    struct pare_norm norm; /* of the inputs, if the file says; scale 0: no */
    size_t n_classes;
    char **class_name; /* [n_classes], or NULL */
    /* Why there is no graph though the format has one, or what was left out:
       one line each, for a warning. */
    size_t n_notes;
    char **note;
    /* What became of tensors that have other names here, "fc1.weight=a/w:0";
       by pare_foreign_model. */
    size_t n_matches;
    char **match;
    size_t n_maps; /* of files in memory, munmap'd by release */
    struct pare_foreign_map *map;
    struct pare_zip *zip; /* that tensors come of, or NULL */
    size_t n_blocks;      /* of memory that tensors show, several of them the */
    void **block;         /* same; freed by release */
    /* Bytes of values as float32 that a model of its tensors may hold in
       memory together, as the file packs more into itself; 0: any. */
    uint64_t budget;
    char digest[PARE_DIGEST_LEN]; /* of the file's bytes, "" if not made */
};

/** Bytes of an element. */
size_t pare_foreign_size(enum pare_foreign_type type);

/** Product of the dimensions; UINT64_MAX where it is more. */
uint64_t pare_foreign_count(const struct pare_foreign_tensor *t);

/** Have f unmap what part has mapped, from now on. 0; PARE_ENOMEM. */
int pare_foreign_move_maps(struct pare_foreign *f, struct pare_foreign *part);

/** Have f free malloc'd memory that tensors show. 0; PARE_ENOMEM, and freed. */
int pare_foreign_keep(struct pare_foreign *f, void *bytes);

/**
 * Is a tensor 0 and 1 and nothing else, as a mask is? Of what cannot be
 * unpacked, as of what has no values: no.
 */
bool pare_foreign_is_mask(const struct pare_foreign_tensor *t);

/** Order the tensors by name, numbers in them by value: a.2 before a.10. */
void pare_foreign_sort(struct pare_foreign *f);

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_foreign_release(struct pare_foreign *f);

/**
 * Make one tensor "t" of each pair "t_orig" and "t_mask" of one shape, where
 * there is no "t" and the mask is all 0 and 1: the values, 0 where the mask
 * is. How many is noted. Nothing is done to a graph, nor to a pair that the
 * file's budget does not allow.
 *
 * @return 0; PARE_ENOMEM
 *
 * Source: PyTorch, torch.nn.utils.prune, what BasePruningMethod.apply keeps.
 */
int pare_foreign_join_masks(struct pare_foreign *f);

/** Append a zeroed tensor of that name (copied). NULL without memory. */
struct pare_foreign_tensor *pare_foreign_add(struct pare_foreign *f,
                                             const char *name);

/**
 * Map a file that is not empty; release unmaps it.
 * @param bytes  [n] out, until then
 * @return 0; PARE_EIO (missing, not a regular file); PARE_EFORMAT (empty);
 *         PARE_ENOMEM
 */
int pare_foreign_open(struct pare_foreign *f, const unsigned char **bytes,
                      size_t *n, const char *path);

/**
 * Done for now with bytes of a file: if they are of a mapping of f their
 * memory is given back, and they are read again when they are looked at.
 */
void pare_foreign_done(const struct pare_foreign *f, const void *bytes,
                       size_t n);

/** The same of bytes that are known to be of a mapping. */
void pare_foreign_unneeded(const void *bytes, size_t n);

/** The same as pare_foreign_done, for those who do not know what f is. */
void pare_foreign_looked(const void *f, const void *bytes, size_t n);

/** Add a note, as printf. 0; PARE_ENOMEM. */
int pare_foreign_note(struct pare_foreign *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Values as float32 in C order.
 *
 * @param out    [pare_foreign_count(t)]
 * @param exact  out, or NULL: false if a value is not the same as a float32
 * @return 0; PARE_EFORMAT for a value that is not finite as float32, with
 *         the tensor's name and the index, or a damaged member
 */
int pare_foreign_floats(float *out, const struct pare_foreign_tensor *t,
                        bool *exact);

/** Add a match, as printf. 0; PARE_ENOMEM. */
int pare_foreign_match(struct pare_foreign *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Is each value the same as a float32? Does not look at what is finite. Of
 *  what cannot be unpacked it says so, pare_foreign_floats fails then. */
bool pare_foreign_exact(const struct pare_foreign_tensor *t);

/** How pare_foreign_model goes about it. */
struct pare_foreign_options {
    const char *arch; /* architecture to fill; NULL: the file's, or none */
    /* Matrices are (in, out), filters (height, width, in, out), and where an
       image becomes features its channels come last: as TensorFlow has it. */
    bool transpose;
    bool logits;             /* leave out a softmax that the graph ends in */
    const char *const *only; /* globs of layers, or names; NULL ends; or NULL */
    const char *const *map;  /* "fc1.weight=a/b", "fc1=a"; NULL ends; or NULL */
};

/**
 * Make a model: of the file's own graph; of options->arch; or weights
 * without a graph.
 *
 * An architecture is filled with the tensors that are mapped, then with those
 * of the right name, then with the others in order: the first left of the
 * shape, and of a name that may mean it (weight, kernel, scale and gamma are
 * the same; bias, shift and beta; mean, running_mean and moving_mean; var,
 * running_var and moving_variance; a matrix is a weight). Dimensions of 1
 * are overlooked. All must be used, but for num_batches_tracked.
 *
 * Of a graph that the file has a last softmax or log-softmax is left out if
 * options->logits says so; if it does not, a last softmax is noted, and else
 * that there was neither.
 *
 * Names of tensors without a graph become names of pare: '/' becomes '.',
 * any other character that is not allowed '_', ":0" at the end is left out;
 * one without a dot, or with more than 31 bytes after the last, gets
 * ".weight" (rank 2 and more) or ".bias". Two that become the same are an
 * error. Tensors of a layer are brought together, layers are in order of
 * their first tensor. Tensors without values, and integers that a float32
 * does not hold, are left out with a note; of float64 it is noted that they
 * were rounded.
 *
 * Weights without a graph that take more than pare_model_open's limit as
 * float32, and are float32 or 16 bits in the file, come tensor by tensor
 * (loader.h), if each has less than 2^32 values: f must outlive the model. Others
 * may not take more than the file's budget.
 *
 * @param m  zeroed, out; written only on success
 * @param f  notes and matches are added
 * @return 0; PARE_EINVAL (architecture, mapping, nothing to map to, a file
 *         that knows its layout to be transposed, logits without a graph of
 *         the file); PARE_EFORMAT (values that
 *         are not finite, names); PARE_EMISMATCH (does not fit the
 *         architecture, with the first tensor that does not); PARE_ELIMIT;
 *         PARE_ENOMEM
 */
int pare_foreign_model(struct pare_model *m, struct pare_foreign *f,
                       const struct pare_foreign_options *options);

#endif
