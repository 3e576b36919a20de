#ifndef PARE_EVAL_TIME_H
#define PARE_EVAL_TIME_H

#include "dataset.h"
#include "model.h"

/** Milliseconds that a network takes for one batch, forward alone. */
struct eval_time {
    size_t batch;  /* samples of it */
    double dense;  /* all weights multiplied; NaN where they have no room */
    double sparse; /* as evaluation runs the network */
};

/**
 * Time a model on the first samples of a split, dense and sparse in turn:
 * after some passes unseen, medians of several samples of many passes. The
 * model is left as its weights lie when evaluated. There is no dense time
 * where a layer has more than PARE_DENSE_POSITIONS positions.
 *
 * @param batch  samples of a batch, at most those of the split; 0: as many
 *               as evaluation takes
 * @return 0; PARE_ENOMEM
 */
int eval_time(struct eval_time *t, struct pare_model *m,
              const struct pare_dataset *d, enum pare_split_id split,
              size_t batch, int threads);

#endif
