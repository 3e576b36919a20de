#ifndef PARE_MODEL_COPY_H
#define PARE_MODEL_COPY_H

#include "model.h"

/**
 * Copy a model whole: architecture, tensors, masks, optimiser state,
 * checkpoints, scores, curves, history, provenance and what users added.
 *
 * @param to  zeroed, out; untouched on failure
 * @return 0; PARE_ENOMEM
 */
int pare_model_copy(struct pare_model *to, const struct pare_model *from);

#endif
