#ifndef PARE_SPARSE_DRAW_H
#define PARE_SPARSE_DRAW_H

#include "pattern.h"

/** How positions are drawn. */
enum pare_sparse_how {
    PARE_SPARSE_EXACT,     /* distinct ones, all sets equally likely */
    PARE_SPARSE_BERNOULLI, /* each by itself with the same probability */
    PARE_SPARSE_REPLACE    /* so many draws; those of the same place are one */
};

/**
 * What is drawn. Draws are numbers of stream SPARSE, so they are named by
 * seed, sub and the numbers below alone: threads, and whether the result is
 * a mask or a pattern, do not matter.
 */
struct pare_sparse_lot {
    enum pare_sparse_how how;
    uint64_t count; /* EXACT: positions; REPLACE: draws */
    double density; /* BERNOULLI: 0 < density <= 1 */
    uint64_t seed;
    uint32_t sub; /* tensor */
};

/**
 * Draw a mask.
 *
 * @param mask  [total] out, 1 where a position was drawn
 * @return 0; PARE_EINVAL (EXACT, and count > total)
 */
int pare_sparse_draw_mask(uint8_t *mask, uint64_t total,
                          const struct pare_sparse_lot *lot);

/**
 * Draw the same positions as a pattern, in time and memory that grow with
 * their number and with the rows.
 *
 * Departure: above half of the positions the absent ones are drawn, so that
 * few draws are in vain.
 *
 * @param p  out: free with pare_pattern_free
 * @return 0; PARE_EINVAL as above; PARE_ELIMIT above 2^32 positions drawn, or
 *         for the shape; PARE_ENOMEM
 */
int pare_sparse_draw_pattern(struct pare_pattern **p, size_t rows, size_t cols,
                             const struct pare_sparse_lot *lot);

#endif
