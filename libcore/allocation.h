#ifndef PARE_ALLOCATION_H
#define PARE_ALLOCATION_H

#include "model.h"

/** A layer as a division of the budget sees it. */
struct pare_allocation_layer {
    const struct pare_layer *layer;
    const struct pare_tensor *weight;
    const struct pare_curve *curve; /* of the layer, or NULL */
    double reference; /* loss of the unpruned model, where there are curves */
    bool first, last; /* of the prunable layers of the model */
    uint64_t total;   /* weights, pruned or not */
    uint64_t lo, hi;  /* bounds of what may be kept of them */
};

/** How the budget is divided: a row of the table in allocation.c. */
struct pare_allocation {
    const char *name;
    const char *help;
    const char *source;
    bool together; /* the scores of all layers are compared */
    bool lamp;     /* ... after those of each layer were made LAMP scores */
    bool curves;   /* the model must hold curves of sensitivity */
    /**
     * Density of a layer at the common number x: does not fall as x rises
     * from 0 to 1. NULL: not by densities.
     */
    double (*density)(const struct pare_allocation_layer *l, double x);
};

/** Rows of the table, in order of the manual; past the last NULL. */
const struct pare_allocation *pare_allocation(size_t index);

/** The row of that name, or NULL. */
const struct pare_allocation *pare_allocation_find(const char *name);

/**
 * Divide `keep` weights over layers by the densities of a row: the x at
 * which they sum up to it, within the bounds of each layer; fractions of a
 * weight go to the layers with the largest remainders, the first of equals.
 *
 * @param kept  [n] out, lo <= kept <= hi; sums up to `keep` exactly
 * @param l     [n]
 * @param keep  between the sums of lo and hi
 * @param near  where they do not allow `keep`: as near as they do, no error
 * @return 0; PARE_EINVAL where bounds or densities do not allow it; the
 *         message has the nearest; PARE_ENOMEM
 */
int pare_allocation_divide(uint64_t *kept, const struct pare_allocation *a,
                           const struct pare_allocation_layer *l, size_t n,
                           uint64_t keep, bool near);

#endif
