#ifndef PARE_CSOURCE_H
#define PARE_CSOURCE_H

/* Shared by export_c.c and csource_*.c: a network as C source. */
#include "atomic.h"
#include "model.h"

/** Text on its way into a file; the first fault stays in err. */
struct c_out {
    struct pare_atomic file;
    int err;
    size_t n;
    char bytes[65536];
};

/** As printf. */
void c_print(struct c_out *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Write out what is gathered. o->err. */
int c_flush(struct c_out *o);

/** Where a value of the network is while it runs. */
struct c_place {
    enum c_room { C_INPUT, C_OUTPUT, C_WORK } room;
    size_t at, size; /* floats: offset in the work space, and how many */
    size_t last;     /* the step that reads it last */
};

/**
 * Steps and places. Step 0 normalises the input, step i + 1 is layer i.
 * Value 0 is the input, value i + 1 the output of layer i.
 */
struct c_plan {
    const struct pare_model *m;
    bool normalise;
    size_t n;              /* values, arch.n_layers + 1 */
    size_t *root;          /* [n] the value in whose place it lies */
    struct c_place *place; /* [n] of roots */
    size_t *tensor;        /* [n] the first of layer i - 1 */
    size_t work;           /* floats of work space */
};

/**
 * Lay out the values: outputs of layers that can work in place lie where
 * their inputs do, others where nothing lies that is still needed.
 *
 * @param p  zeroed, out; release with c_plan_release
 * @return 0; PARE_EINVAL (a layer that cannot be written); PARE_ENOMEM
 */
int c_plan_init(struct c_plan *p, const struct pare_model *m);

/** Free what it owns. */
void c_plan_release(struct c_plan *p);

/** The value that layer i reads as its k-th input. */
size_t c_input(const struct c_plan *p, size_t i, int k);

/** How weights are written. */
enum c_value {
    C_F32,
    C_F16,
    C_BF16,
    C_BOOK8, /* codes of 8 bits and levels */
    C_BOOK16,
    C_INT8, /* codes of 8 bits and scales */
    C_VALUES
};

/** How their places are: of all, or of those that are not 0. */
enum c_index {
    C_DENSE,
    C_GAP8, /* distance to the last one in the row; the first to 0 */
    C_COL8,
    C_COL16,
    C_COL32,
    C_INDICES
};

/** The weights of a layer as they are written, a matrix (out, the rest). */
struct c_matrix {
    enum c_value value;
    enum c_index index;
    bool wide; /* a row has more than 65,535 */
    bool zero; /* a level 0 comes behind those of the book */
    bool step; /* int8: a scale for each row */
    size_t rows, cols;
};

/** Written sparse is what has a smaller part that is not 0. */
#define C_SPARSE 0.5

/** Decide how a weight is written. It has to be loaded. */
void c_matrix_choose(struct c_matrix *x, const struct pare_tensor *t);

/** Write its arrays: w, q, c and n, each with the number behind it. */
void c_matrix_print(struct c_out *o, const struct c_matrix *x,
                    const struct pare_tensor *t, size_t number);

/** An array of floats, bit for bit; at least one. */
void c_floats(struct c_out *o, const char *name, size_t number, const float *v,
              size_t n);

/** The function of a layer kind, or NULL for products and copies. */
const char *c_function(enum pare_layer_op op);

/** What has to be copied: inputs of sums and joins, or the input itself. */
bool c_copies(const struct c_plan *p);

/**
 * What a linear layer's output is multiplied by: what dropout keeps, where
 * the dialect asks for that; else 1.
 */
float c_share(const struct c_plan *p, size_t i);

/** Is there a layer for which that is not 1? */
bool c_shares(const struct c_plan *p);

/** Write the type of windows, if layers need it. */
void c_types(struct c_out *o, const struct c_plan *p);

/** Write the functions that the layers need. */
void c_kernels(struct c_out *o, const struct c_plan *p,
               const struct c_matrix *x);

/** "linear_f32_gap8": the function that multiplies by such a matrix. */
void c_kernel_name(char name[64], const char *what, const struct c_matrix *x);

#endif
