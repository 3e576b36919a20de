#ifndef PARE_COMPACT_H
#define PARE_COMPACT_H

#include "model.h"

/* Sparse weights held as positions and values. */

/** Positions that the dimensions give, there or not: below 2^64. */
uint64_t pare_tensor_positions(const struct pare_tensor *t);

/** Above this many positions a sparse weight is never held with a mask. */
#define PARE_DENSE_POSITIONS ((uint64_t)1 << 28)

/** Is it a matrix of weights, which can lie compact? */
bool pare_tensor_can_compact(const struct pare_tensor *t);

/**
 * Hold a tensor of pare_tensor_can_compact compact: its values, optimiser
 * slots, checkpoints and scores. It stays as it is where it is compact, has
 * no mask, or something of it is not 0 under the mask: with undo points,
 * coactivations, or the dense state of a dialect.
 *
 * @return 0; PARE_ENOMEM (the tensor is as before)
 */
int pare_tensor_compact(struct pare_model *m, size_t tensor);

/**
 * The reverse: a mask and values at all positions.
 *
 * @return 0; PARE_ELIMIT above 2^32 positions, naming the layer; PARE_ENOMEM
 */
int pare_tensor_expand(struct pare_model *m, size_t tensor);

/**
 * Compact the weights of linear layers that keep at most `density` of their
 * positions, as far as pare_tensor_compact does.
 *
 * @param done  [n_tensors] out: whether each was compacted by this call
 * @return 0; PARE_ENOMEM (done is right)
 */
int pare_model_compact(struct pare_model *m, double density, bool *done);

/** Expand those that such a call compacted. 0, PARE_ENOMEM. */
int pare_model_uncompact(struct pare_model *m, const bool *done);

/** Expand all tensors, for what cannot work on compact ones. */
int pare_model_expand(struct pare_model *m);

/**
 * Give a compact tensor another pattern of the same shape, which is taken
 * over. Positions that stay keep value, slots, checkpoints' values and
 * scores; new ones get 0 everywhere.
 *
 * @return 0; PARE_ENOMEM (nothing changed, the pattern is the caller's)
 */
int pare_tensor_repattern(struct pare_model *m, size_t tensor,
                          struct pare_pattern *pattern);

#endif
