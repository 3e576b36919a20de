#ifndef PARE_SPARSE_PARTS_H
#define PARE_SPARSE_PARTS_H

#include "sparse.h"

/* What sparse.c prepares for the sparse kernels of kernel.c's rows. */

/** Some entries of one outer number: all, or those within a block. */
struct sparse_piece {
    uint64_t begin;
    uint32_t n, outer;
    uint64_t near; /* of a block: where its numbers begin in sparse_side.near */
};

#define SPARSE_WINDOW 32
#define SPARSE_BLOCK  160 /* at most 256 */

/**
 * The entries of a matrix by outer number: rows for the forward product,
 * columns for the way back. The inner numbers of one outer number ascend.
 *
 * Where the inner dimension is cut into blocks, so that the activations of
 * one stay in the first cache, the pieces of block b begin at piece + b * n.
 * Within every SPARSE_WINDOW outer numbers, from multiples of it on, long
 * pieces come first: neighbours in the list are then about as long, and the
 * kernels go through some of them at once.
 */
struct sparse_side {
    size_t n;
    const uint64_t *begin; /* [n + 1] */
    const uint32_t *index; /* [entries] inner numbers */
    const uint32_t *entry; /* [entries] where the value is; NULL: as here */
    size_t blocks;
    const struct sparse_piece *piece; /* [blocks][n]; NULL with one block */
    const uint8_t *near; /* inner numbers within blocks, piece by piece */
};

struct pare_sparse {
    const struct pare_pattern *pattern;
    struct sparse_side forward, back;
    size_t bytes;
    struct sparse_piece *forward_piece, *back_piece;
    uint8_t *forward_near, *back_near;
    uint64_t *back_begin;
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
    return p->lanes < 32 || !p->side->piece ? 1 : p->side->blocks;
}

/** Where the window of an outer number ends. */
static inline size_t sparse_next(const struct sparse_product *p, size_t at)
{
    size_t next = at / SPARSE_WINDOW * SPARSE_WINDOW + SPARSE_WINDOW;

    return next < p->first + p->n ? next : p->first + p->n;
}

/**
 * The pieces of block b with outer numbers from `at` to the end of its
 * window, as many as there are.
 *
 * @param list  [SPARSE_WINDOW] room that may be used
 */
static inline const struct sparse_piece *
sparse_window(struct sparse_piece *list, const struct sparse_product *p,
              size_t b, size_t at)
{
    const struct sparse_side *side = p->side;
    size_t end = sparse_next(p, at), from = at / SPARSE_WINDOW * SPARSE_WINDOW;
    size_t all =
        side->n - from < SPARSE_WINDOW ? side->n - from : SPARSE_WINDOW;
    size_t n = 0;

    if (sparse_blocks(p) > 1) {
        const struct sparse_piece *piece = side->piece + b * side->n + from;

        if (end - at == all)
            return piece;
        for (size_t i = 0; i < all; i++)
            if (piece[i].outer >= at && piece[i].outer < end)
                list[n++] = piece[i];
        return list;
    }
    for (size_t i = at; i < end; i++)
        list[n++] = (struct sparse_piece){
            side->begin[i], (uint32_t)(side->begin[i + 1] - side->begin[i]),
            (uint32_t)i, 0};
    return list;
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
