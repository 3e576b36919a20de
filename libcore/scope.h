#ifndef PARE_SCOPE_H
#define PARE_SCOPE_H

#include "prune.h"

#define PARE_SCOPE_NONE SIZE_MAX

/** A layer that is to be pruned. */
struct pare_scope_layer {
    size_t layer;
    size_t weight; /* tensor */
    size_t bias;   /* tensor; PARE_SCOPE_NONE unless biases are asked for */
    double amount; /* its own, or NaN: the general one */
};

struct pare_scope {
    size_t n;
    struct pare_scope_layer *layer; /* [n] in layer order */
};

/**
 * Choose layers by the globs of the options.
 *
 * A layer is in scope if it owns weights, matches one of `only` (if there
 * are any) and none of `skip`, and has an amount, general or its own.
 *
 * @param s             out; the caller frees s->layer
 * @param spare_output  leave out the last layer unless `only` matches it
 * @return 0; PARE_EINVAL for a glob that matches no layer with weights (the
 *         message names those there are), or when no layer is left;
 *         PARE_ENOMEM
 */
int pare_scope_choose(struct pare_scope *s, const struct pare_model *m,
                      const struct pare_prune_options *o, bool spare_output);

#endif
