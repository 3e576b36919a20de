#ifndef PARE_SHRINK_PARTS_H
#define PARE_SHRINK_PARTS_H

#include "shrink.h"
#include "units.h"

/* What the files that shrink.c is cut into share. */

/** Which channels go. */
struct shrink_plan {
    const struct pare_model *m;
    struct pare_units u;
    uint8_t *gone; /* [u.n] is the node removed? */
    size_t *place; /* [u.n] of a kept node among the kept of its value */
    size_t *kept;  /* [n_layers + 1] channels that each value keeps */
    bool *idle;    /* [n_layers + 1] the value had to keep some */
};

/** Choose; plan is written only on success. 0, PARE_EINVAL, PARE_ENOMEM. */
int shrink_plan_init(struct shrink_plan *plan, const struct pare_model *m,
                     size_t round);
void shrink_plan_release(struct shrink_plan *plan);

/** Is a whole group of a convolution removed, inputs and units? */
bool shrink_group_gone(const struct shrink_plan *plan,
                       const struct pare_weights *w, size_t group);

/** One set of values: the model's own, or a checkpoint's. */
struct shrink_set {
    float **value; /* [n_tensors] of the large model */
    double *k;     /* [u.n] constants */
    bool owned;    /* value is ours: first weights drawn again */
    bool bent;     /* a constant could not be moved exactly */
};

/**
 * What the removed constants add to the bias of a unit.
 * @param set  its `bent` is set where that is not exact
 */
double shrink_bias(const struct shrink_plan *plan, struct shrink_set *set,
                   const struct pare_weights *w, size_t row);

/** The node that takes the weights on a removed one next to the pad of a
 *  convolution, in this set of values; or PARE_NO_NODE. */
size_t shrink_taker(const struct shrink_plan *plan,
                    const struct shrink_set *set, const struct pare_weights *w,
                    size_t node);

/**
 * Build the small model but for what it holds besides numbers.
 *
 * @param bias  [n_layers] does the layer get a bias that it had not?
 * @param set   [1 + n_checkpoints] values; NULL for checkpoints not kept
 */
int shrink_cut(struct pare_model *out, const struct shrink_plan *plan,
               const bool *bias, struct shrink_set *set);

#endif
