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
    void *map; /* of the file, or NULL; munmap'd by release */
    size_t map_size;
};

/** Bytes of an element. */
size_t pare_foreign_size(enum pare_foreign_type type);

/** Product of the dimensions; UINT64_MAX where it is more. */
uint64_t pare_foreign_count(const struct pare_foreign_tensor *t);

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_foreign_release(struct pare_foreign *f);

/** Append a zeroed tensor of that name (copied). NULL without memory. */
struct pare_foreign_tensor *pare_foreign_add(struct pare_foreign *f,
                                             const char *name);

/** Add a note, as printf. 0; PARE_ENOMEM. */
int pare_foreign_note(struct pare_foreign *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Values as float32 in C order.
 *
 * @param out    [pare_foreign_count(t)]
 * @param exact  out, or NULL: false if a value is not the same as a float32
 * @return 0; PARE_EFORMAT for a value that is not finite as float32, with
 *         the tensor's name and the index
 */
int pare_foreign_floats(float *out, const struct pare_foreign_tensor *t,
                        bool *exact);

/** How pare_foreign_model goes about it. */
struct pare_foreign_options {
    const char *arch; /* architecture to fill; NULL: the file's, or none */
    bool transpose;   /* matrices are (in, out), filters (h, w, in, out) */
    const char *const *only; /* globs of names to take, NULL ends; or NULL */
    const char *const *map;  /* "fc1.weight=dense/kernel", NULL ends; NULL */
};

/**
 * Make a model: of the file's own graph; of options->arch, filled with the
 * tensors that are mapped or have the right name, the others in order by
 * shape; or weights without a graph.
 *
 * Names of tensors without a graph become names of pare: '/' and ':' become
 * '.' and '_', any other character that is not allowed '_'; one without a
 * dot gets ".weight" (rank 2 and more) or ".bias". Two that become the same
 * are an error. Tensors without values, and integers that a float32 does not
 * hold, are left out with a note.
 *
 * @param m  zeroed, out; written only on success
 * @param f  notes are added
 * @return 0; PARE_EFORMAT; PARE_EMISMATCH (does not fit the architecture,
 *         with both lists' first difference); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_foreign_model(struct pare_model *m, struct pare_foreign *f,
                       const struct pare_foreign_options *options);

#endif
