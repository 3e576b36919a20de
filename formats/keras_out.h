#ifndef PARE_KERAS_OUT_H
#define PARE_KERAS_OUT_H

/* Shared by keras_write.c and keras_out.c only. */
#include <jansson.h>

#include "h5write.h"
#include "keras.h"

#define PATH_BYTES 512
#define ARRAYS     4 /* at most, of one layer */

/* What a layer of ours puts out, there. */
struct keras_out {
    char name[PARE_LAYER_MAX]; /* of the layer of Keras */
    struct pare_shape shape;
    size_t image[3]; /* channels, height, width of features that were one */
    bool positive;   /* never below 0 */
};

struct keras_writer {
    const struct pare_model *m;
    struct pare_h5w *w;
    json_t *layers;          /* of the configuration */
    struct keras_out *value; /* [n_layers + 1], the last one is the input */
    size_t tensor;           /* the next layer's first */
    size_t n;                /* layers of Keras so far */
    char **name;             /* [n] of them */
    size_t room;
};

/**
 * Append a layer of Keras to the configuration, and make its group.
 *
 * @param out     its name is set
 * @param config  taken over; NULL means no memory
 * @param from    [n] what it takes
 * @param arrays  names of its arrays, NULL ends; or NULL
 * @return 0; PARE_ENOMEM; PARE_ELIMIT; PARE_EIO
 */
int keras_w_append(struct keras_writer *k, struct keras_out *out,
                   const char *class_name, const char *name, json_t *config,
                   const struct keras_out *const *from, size_t n,
                   const char *const *arrays);

/** One that takes one value and has no arrays. */
int keras_w_simple(struct keras_writer *k, struct keras_out *out,
                   const char *class_name, const char *name, json_t *config,
                   const struct keras_out *in);

/** Write an array of a layer: axis i of it is axis order[i] of `from`. */
int keras_w_array(struct keras_writer *k, const char *layer, const char *what,
                  const float *from, int rank, const size_t *dim,
                  const int *order);

/** Write [n] numbers of features, in Keras's order where they were an
 *  image. */
int keras_w_row(struct keras_writer *k, const char *layer, const char *what,
                const float *from, size_t n, const size_t image[3]);

/** Say layer i of the model. 0; PARE_EINVAL where Keras has none like it. */
int keras_w_say_layer(struct keras_writer *k, size_t i);

#endif
