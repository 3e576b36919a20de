#ifndef PARE_GRAIN_H
#define PARE_GRAIN_H

#include "prune.h"

/** Grains in flat order, with what selection asks of them. */
struct pare_grains {
    float *score;       /* [n] larger is kept first */
    uint8_t *candidate; /* [n] 1: has a kept weight */
    size_t *size;       /* [n] kept weights in it; NULL: 1 each */
};

/** What is removed at once: a row of the table in grain.c. */
struct pare_grain_kind {
    const char *name;
    const char *help;
    const char *source;
    bool single;       /* a grain is one weight: needs no array of its own */
    bool attach_bias;  /* a bias goes with its grain, not by itself */
    bool spare_output; /* leaves the last layer alone unless it is named */
    /** Grains of a tensor. */
    size_t (*count)(const struct pare_tensor *t);
    /**
     * Describe the grains of a tensor.
     *
     * @param g       arrays at the tensor's first grain, out; score is the
     *                tensor's own score array where size is NULL
     * @param t,bias  the tensor, and the bias attached to it or NULL
     * @param score   [t->n] of the criterion, >= 0
     * @param draw    scores are draws of equal worth, not amounts: a grain
     *                takes its first one
     */
    void (*gather)(struct pare_grains *g, const struct pare_tensor *t,
                   const struct pare_tensor *bias, const float *score,
                   enum pare_unit_norm norm, bool draw);
    /** Clear the masks of the grains marked; both masks exist. */
    void (*remove)(struct pare_tensor *t, struct pare_tensor *bias,
                   const uint8_t *mark);
};

/** Rows in the order of enum pare_grain; past the last NULL. */
const struct pare_grain_kind *pare_grain(size_t index);

/** Index of the row of that name, or -1. */
int pare_grain_find(const char *name);

#endif
