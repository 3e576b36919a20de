#ifndef PARE_GRAIN_H
#define PARE_GRAIN_H

#include "model.h"

/** How the scores of its weights become the score of a grain. */
enum pare_unit_norm {
    PARE_NORM_L2,
    PARE_NORM_L1,
    PARE_NORM_RMS, /* l2 / sqrt(weights that are kept) */
    PARE_NORM_MEAN /* l1 / weights that are kept */
};

/** "l2", "l1", "rms", "mean"; NULL past the last. */
const char *pare_norm_name(size_t norm);

/** A parsed "-g" value. */
struct pare_grain {
    const struct pare_grain_kind *kind;
    size_t a, b; /* a:b, or block:axb; else 0 */
    char canon[48];
};

/**
 * Parse "weight", "2:4", "block:4x1", "unit" (or "filter", "neuron") or
 * "channel".
 *
 * @param g  out; written only on success
 * @return 0; PARE_EINVAL with a message that names what there is
 */
int pare_grain_parse(struct pare_grain *g, const char *text);

/**
 * A weight tensor as grains cut it: `rows` outputs of `cols` weights each,
 * in which runs of `width` weights belong to one grain.
 */
struct pare_grain_map {
    size_t rows, cols, width;
    size_t n;       /* grains */
    size_t per_row; /* grains that a row begins with are a row's number ... */
    size_t tall;    /* ... / tall * per_row */
};

/** What is removed at once: a row of the table in grain.c. */
struct pare_grain_kind {
    const char *name;
    const char *help;
    const char *source;
    bool single;       /* a grain is one weight: needs no array of its own */
    bool group;        /* n of m: the grain itself says how many go */
    bool attach_bias;  /* a bias goes with its grain, not by itself */
    bool graph;        /* units of a network, not of weights without one */
    bool spare_output; /* leaves the last layer alone unless it is named */
    /**
     * Cut a tensor of a layer; not of single weights and groups.
     * @return 0; PARE_EINVAL where it does not divide and is not `partial`
     */
    int (*map)(struct pare_grain_map *map, const struct pare_grain *g,
               const struct pare_layer *l, const struct pare_tensor *t,
               bool partial);
};

/** Rows of the table, in order of the manual; past the last NULL. */
const struct pare_grain_kind *pare_grain_kind(size_t index);

/** A walk over the weights of a tensor in flat order; begin with all 0. */
struct pare_grain_walk {
    size_t grain; /* of the weight that the walk stands at */
    size_t row, col, run;
};

/** On to the next weight. */
static inline void pare_grain_next(struct pare_grain_walk *w,
                                   const struct pare_grain_map *map)
{
    if (++w->col == map->cols) {
        w->col = w->run = 0;
        w->grain = ++w->row / map->tall * map->per_row;
    } else if (++w->run == map->width) {
        w->run = 0;
        w->grain++;
    }
}

/**
 * Keep the n highest scores of each m in the mask of a tensor.
 *
 * The m weights lie behind each other over the inputs of an output: over the
 * columns of a matrix, over the input channels at one tap of a filter. Where
 * m does not divide them the last, shorter group keeps n too, or all of its
 * weights. Weights pruned before stay pruned; a group that has n or fewer is
 * left as it is. Of equal scores the later ones are kept.
 *
 * @param mask   [rows][t->n / t->dim[0]] in/out: some outputs of the tensor
 * @param score  as mask, float32, read where mask is 1
 * @param g      of a `group` kind
 * @param largest  keep the lowest instead
 * @return 0; PARE_EINVAL where m does not divide and is not `partial` (the
 *         message names the tensor), or a score is NaN (mask half done);
 *         PARE_ENOMEM
 *
 * Source: Mishra et al. 2021, arXiv:2104.08378.
 */
int pare_grain_group(uint8_t *mask, const float *score, size_t rows,
                     const struct pare_grain *g, const struct pare_tensor *t,
                     bool partial, bool largest);

#endif
