#ifndef PARE_KERAS_PARTS_H
#define PARE_KERAS_PARTS_H

/* Shared by keras_graph.c and keras_layers.c only. */
#include <jansson.h>
#include <stdio.h>

#include "keras.h"

#define KERAS_NAME 41 /* of a layer of the architecture, NUL included */

/** What a layer of Keras puts out, and the layer of ours that makes it. */
struct keras_value {
    const char *keras;     /* its layer's name in the configuration */
    char name[KERAS_NAME]; /* ours, or "in" */
    struct pare_shape shape;
    /* Features that were an image, in order height, width, channel: how many
       of channel, height and width there were; else 0. */
    size_t image[3];
    bool positive; /* behind a relu: never below 0 */
};

/** An architecture being made. */
struct keras_builder {
    struct pare_foreign *f;
    const struct keras_weights *w;
    FILE *text;
    struct keras_value *value; /* [n] layers of Keras that are done */
    size_t n;
    size_t emitted; /* layers of ours */
    char (*name)[KERAS_NAME];
};

/** A layer of Keras about to be said. */
struct keras_layer {
    const char *name, *class_name;
    json_t *config;
    size_t n_in;
    const struct keras_value *in[PARE_LAYER_INPUTS];
};

/** A kind of layer: a row of the table in keras_layers.c. */
struct keras_kind {
    const char *name;
    /** 1 done, *out set; 0 it cannot be said (noted); a negative status. */
    int (*say)(struct keras_builder *b, const struct keras_layer *l,
               struct keras_value *out);
};

/** The row of a class name, or NULL. */
const struct keras_kind *keras_kind(const char *class_name);

/** Note why the graph cannot be said. 0, or PARE_ENOMEM. */
int keras_cannot(struct keras_builder *b, const struct keras_layer *l,
                 const char *why);

/**
 * Append a layer of ours that takes value `from` (NULL: the arguments name
 * what it takes).
 *
 * @param out   its name is set
 * @param want  the name it would like
 * @param kind  "linear(300)", as printf
 * @return 1, or a negative status
 */
int keras_emit(struct keras_builder *b, struct keras_value *out,
               const struct keras_value *from, const char *want,
               const char *kind, ...) __attribute__((format(printf, 5, 6)));

/** Add a tensor of a layer of ours; values are taken over. 0; PARE_ENOMEM. */
int keras_add(struct keras_builder *b, const char *layer, const char *suffix,
              float *values, int rank, const uint64_t *dim);

/** An integer, a number, a text or a truth value of a configuration. */
int64_t keras_int(const json_t *config, const char *key, int64_t def);
double keras_real(const json_t *config, const char *key, double def);
const char *keras_text(const json_t *config, const char *key, const char *def);
bool keras_bool(const json_t *config, const char *key, bool def);

/** One or two sizes ("kernel_size"): 3, [3] or [3, 5]; false if it is not so,
 *  or one is not in 1..65535. */
bool keras_pair(size_t hw[2], const json_t *config, const char *key, int rank);

/* In keras_arrays.c. */

/** Read an array of the layer, see keras_weights. */
int keras_get(struct keras_builder *b, float **out, const struct keras_layer *l,
              const char *role, int index, int rank, const uint64_t *dim);

/**
 * The same array with its axes in another order: axis i of the result is axis
 * order[i]. The old one is freed.
 * @return malloc'd; NULL without memory (message set)
 */
float *keras_permute(float *from, int rank, const uint64_t *dim,
                     const int *order);

/** Add the bias of a layer, its array 1, as tensor NAME.bias. */
int keras_add_bias(struct keras_builder *b, const struct keras_layer *l,
                   const char *name, size_t units);

/** Is there nothing under that key? */
bool keras_is_null(const struct keras_layer *l, const char *key);

/** Append the activation that a layer has built in. 1, 0 or a status. */
int keras_activate(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out);

/* In keras_window.c: rows of the table. */
int keras_say_conv(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out);
int keras_say_depthwise(struct keras_builder *b, const struct keras_layer *l,
                        struct keras_value *out);
int keras_say_pool(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out);
int keras_say_pad(struct keras_builder *b, const struct keras_layer *l,
                  struct keras_value *out);

#endif
