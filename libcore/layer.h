#ifndef PARE_LAYER_H
#define PARE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARE_NAME_MAX     128 /* bytes of a tensor's name, NUL included */
#define PARE_LAYER_MAX    96  /* of a layer's */
#define PARE_SUFFIX_MAX   32  /* of what follows the dot in a tensor's */
#define PARE_RANK_MAX     8
#define PARE_LAYER_OPTS   8
#define PARE_LAYER_INPUTS 8        /* most outputs that one layer takes in */
#define PARE_INPUT        SIZE_MAX /* the network's input, as a layer */

/**
 * The shape of one sample between two layers: {features},
 * {channels, length} or {channels, height, width}.
 */
struct pare_shape {
    int rank;
    size_t dim[3];
};

/** Product of the dimensions; 1 for rank 0. */
size_t pare_shape_size(const struct pare_shape *s);

#define PARE_SHAPE_TEXT 80 /* bytes of a printed shape, NUL included */

/** "784", "8x100" or "3x32x32"; returns buf. */
char *pare_shape_print(char buf[PARE_SHAPE_TEXT], const struct pare_shape *s);

/** Channels, height and width; 1 where the rank is less. */
void pare_shape_image(size_t chw[3], const struct pare_shape *s);

/** What a tensor of a layer is; decides whether it is prunable by default. */
enum pare_role {
    PARE_ROLE_WEIGHT, /* linear and convolution weights: prunable */
    PARE_ROLE_BIAS,   /* prunable when asked */
    PARE_ROLE_SCALE,  /* batch norm gamma: prunable when asked, never here */
    PARE_ROLE_SHIFT,  /* batch norm beta */
    PARE_ROLE_BUFFER  /* running statistics: not trained, not counted */
};

enum pare_layer_option_type {
    PARE_LAYER_SIZE, /* whole number, lo..hi */
    PARE_LAYER_REAL,
    PARE_LAYER_BOOL, /* yes or no */
    PARE_LAYER_PAIR  /* "3" or "3x5": height and width, whole, lo..hi */
};

/**
 * One setting of a layer kind; positional arguments fill them in order. A
 * PAIR whose default is 0, below lo, is then as the first option: the stride
 * of a pool as its kernel.
 */
struct pare_layer_option {
    const char *name;
    enum pare_layer_option_type type;
    bool required;
    double def, lo, hi; /* default and inclusive range */
};

struct pare_layer;

/** A tensor that a layer owns, e.g. {"weight", WEIGHT, 2, {out, in}}. */
struct pare_tensor_spec {
    const char *suffix;
    enum pare_role role;
    int rank;
    size_t dim[PARE_RANK_MAX];
    size_t fan_in, fan_out; /* of the layer, for initialisers */
};

/** Which arithmetic runs the layer. */
enum pare_layer_op {
    PARE_OP_LINEAR,
    PARE_OP_RELU,
    PARE_OP_LEAKY_RELU,
    PARE_OP_TANH,
    PARE_OP_SIGMOID,
    PARE_OP_DROPOUT,
    PARE_OP_BATCHNORM,
    PARE_OP_SOFTMAX,
    PARE_OP_LOG_SOFTMAX,
    PARE_OP_SILU,
    PARE_OP_GELU,
    PARE_OP_SRELU,
    PARE_OP_CONV, /* conv1d and conv2d */
    PARE_OP_MAXPOOL,
    PARE_OP_AVGPOOL, /* over everything, too */
    PARE_OP_PAD,
    PARE_OP_FLATTEN,
    PARE_OP_IDENTITY,
    PARE_OP_ADD,
    PARE_OP_CONCAT,
    PARE_OP_RBM,    /* see rbm.h: no part of a network */
    PARE_OP_WEIGHTS /* unknown, see pare_arch_is_weights */
};

/**
 * A kind of layer: a row of the table in layer.c. Files store the name.
 */
struct pare_layer_kind {
    const char *name;
    enum pare_layer_op op;
    const char *prefix; /* of automatic names: fc -> fc1, fc2 */
    const char *help;   /* one line */
    const char *source; /* citation, or "" */
    struct pare_layer_option option[PARE_LAYER_OPTS]; /* name NULL ends */
    /** Shape of the output; 0 or a status with a message. */
    int (*infer)(const struct pare_layer *l, struct pare_shape *out);
    /** Fill spec[0..3], return how many tensors the layer owns. */
    int (*tensors)(const struct pare_layer *l, struct pare_tensor_spec *spec);
    /** Multiply-adds of one sample. */
    double (*macs)(const struct pare_layer *l);
};

/** A layer of a parsed architecture. */
struct pare_layer {
    const struct pare_layer_kind *kind;
    char name[PARE_NAME_MAX];
    double opt[PARE_LAYER_OPTS];     /* in the order of kind->option */
    int n_inputs;                    /* >= 1 */
    size_t input[PARE_LAYER_INPUTS]; /* earlier layers, or PARE_INPUT */
    struct pare_shape in[PARE_LAYER_INPUTS], out;
    int column; /* in the text it was parsed from, from 1 */
};

/** How a layer slides over images; [0] is of the height, [1] of the width. */
struct pare_window {
    size_t kernel[2], stride[2], pad[2], dilation[2];
    size_t groups;
};

/**
 * The window of a convolution or a pooling layer. Layers over {channels,
 * length} slide over images of height 1.
 */
void pare_layer_window(struct pare_window *w, const struct pare_layer *l);

/** A PAIR as opt holds it, taken apart: height, width. */
void pare_layer_pair(size_t hw[2], double opt);

/** The number that opt holds for a PAIR; both are below 2^24. */
double pare_layer_pack(size_t h, size_t w);

/** Does the kind take two or more inputs, all by name? */
bool pare_layer_joins(const struct pare_layer_kind *kind);

#define PARE_LAYER_TENSORS 4 /* at most, of one layer */

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_layer_kind *pare_layer_kind(size_t index);

/** The row of that name, or NULL. */
const struct pare_layer_kind *pare_layer_find(const char *name);

/** Value of a named option of a layer; the option must exist. */
double pare_layer_opt(const struct pare_layer *l, const char *name);

#endif
