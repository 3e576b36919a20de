#ifndef PARE_AMOUNT_H
#define PARE_AMOUNT_H

#include "prune.h"

/** What an amount is taken of. */
struct pare_amount_pool {
    uint64_t total, kept; /* weights */
    uint64_t grains;      /* that have a kept weight */
};

/**
 * Is the amount in its range? Sparsity and fraction 0..1, compression >= 1,
 * counts whole numbers from 0 to 2^53.
 * @return 0, PARE_EINVAL
 */
int pare_amount_check(enum pare_amount_kind kind, double amount);

/**
 * Grains to remove from a pool for a fraction or a count.
 *
 * fraction: round-half-even(amount * grains), as PyTorch counts.
 *
 * @param grains  out, <= pool->grains
 * @return 0; PARE_EINVAL for a count above what remains
 */
int pare_amount_grains(uint64_t *grains, enum pare_amount_kind kind,
                       double amount, const struct pare_amount_pool *pool);

/** Weights to remove for a sparsity: 0 when it is reached already. */
uint64_t pare_amount_sparsity(double amount,
                              const struct pare_amount_pool *pool);

/**
 * Weights that may stay for a compression ratio:
 * round-half-even(all / ratio) - fixed, at most total.
 *
 * @param keep   out
 * @param all    parameters, masked or not
 * @param fixed  kept parameters that are not to be pruned
 * @param total  weights to be pruned, masked or not
 * @return 0; PARE_EINVAL where more than `fixed` would have to go; the
 *         message names the largest ratio
 *
 * Source: Blalock et al. 2020, arXiv:2003.03033 (all / kept).
 */
int pare_amount_compression(uint64_t *keep, double ratio, uint64_t all,
                            uint64_t fixed, uint64_t total);

#endif
