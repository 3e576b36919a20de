#ifndef PARE_SPARSE_PARTS_H
#define PARE_SPARSE_PARTS_H

#include "sparse.h"

/* What sparse.c prepares for the sparse kernels of kernel.c's rows. */

/**
 * The entries of a matrix by outer number: rows for the forward product,
 * columns for the way back. The inner numbers of one outer number ascend.
 *
 * Where the inner dimension is cut into blocks, so that the activations of
 * one stay in the first cache, piece b of outer number i is the entries from
 * cut[b * n + i] to cut[(b + 1) * n + i].
 */
struct sparse_side {
    size_t n;
    const uint64_t *begin; /* [n + 1] */
    const uint32_t *index; /* [entries] inner numbers */
    const uint32_t *entry; /* [entries] where the value is; NULL: as here */
    size_t blocks;
    const uint64_t *cut; /* [blocks + 1][n]; NULL with one block */
};

struct pare_sparse {
    const struct pare_pattern *pattern;
    struct sparse_side forward, back;
    size_t bytes;
    uint64_t *forward_cut, *back_begin, *back_cut;
    uint32_t *back_index, *back_entry;
};

/** One product: outer numbers [first, first + n) of y, which begins at 0. */
struct sparse_product {
    const struct sparse_side *side;
    const float *value;
    size_t first, n;
    float *y;
    const float *x;
    size_t lanes;
    bool add; /* y begins the chains; else 0 does */
};

/** Gradients of entries [at, at + n); as pare_sparse_gradient. */
struct sparse_slope {
    const struct pare_pattern *pattern;
    uint64_t at;
    size_t n;
    float *g;
    const float *dy, *x;
    size_t tiles, lanes;
};

/** Blocks that a product goes through: 1 where tiles are narrow. */
static inline size_t sparse_blocks(const struct sparse_product *p)
{
    return p->lanes < 32 || !p->side->cut ? 1 : p->side->blocks;
}

/** Where pieces of block b begin, for outer numbers from p->first on. */
static inline const uint64_t *sparse_from(const struct sparse_product *p,
                                          size_t b)
{
    return sparse_blocks(p) == 1 ? p->side->begin + p->first
                                 : p->side->cut + b * p->side->n + p->first;
}

/** Where they end. */
static inline const uint64_t *sparse_to(const struct sparse_product *p,
                                        size_t b)
{
    return sparse_blocks(p) == 1
               ? p->side->begin + p->first + 1
               : p->side->cut + (b + 1) * p->side->n + p->first;
}

/** The row of an entry: the last one that begins at or before it. */
static inline size_t sparse_row(const struct pare_pattern *p, uint64_t entry)
{
    size_t lo = 0, hi = p->rows;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (p->row[mid] <= entry)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

#endif
