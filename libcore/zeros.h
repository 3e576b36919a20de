#ifndef PARE_ZEROS_H
#define PARE_ZEROS_H

#include "model.h"

/** Is a kept value of a tensor 0? It is in memory, dense or compact. */
bool pare_tensor_has_zeros(const struct pare_tensor *t);

/**
 * Prune the kept zeros of a tensor that is in memory and not compact. -0 is a
 * zero, and becomes 0. One without kept zeros stays as it is, without a mask
 * if it had none.
 *
 * @param pruned  raised by how many these were
 * @return 0; PARE_ENOMEM
 */
int pare_tensor_prune_zeros(uint64_t *pruned, struct pare_tensor *t);

/**
 * Prune the zeros of the prunable tensors: each such tensor that has values
 * which are 0 gets a mask that is 0 there, and where it was 0 before. -0 is a
 * zero, and becomes 0. A tensor without zeros, or none that is prunable: it
 * stays as it is.
 *
 * A model that comes tensor by tensor gets a loader around its own that does
 * so; all its prunable tensors are loaded once, one after the other, so that
 * it is known how many values they keep.
 *
 * @return 0; PARE_ENOMEM; what its loader returns
 */
int pare_prune_zeros(struct pare_model *m);

#endif
