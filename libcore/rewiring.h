#ifndef PARE_REWIRING_H
#define PARE_REWIRING_H

#include "model.h"

/*
 * What dynamic sparse training carries in a model from step to step: how many
 * connections each layer grows back to, which ones the last pruning took and
 * the last growth brought, and a record of both by epochs.
 */

/**
 * The row of the record for a tensor at the model's number of finished
 * epochs; made, all counts 0, where there is none. Rows are in order of
 * (epoch, tensor). NULL without memory (message set).
 */
struct pare_rewiring *pare_model_rewiring(struct pare_model *m, size_t tensor);

/**
 * Append a row to the record.
 *
 * @return 0; PARE_EFORMAT: it does not come after the last one, or more was
 *         removed than was there, or more survived than was fresh; PARE_ENOMEM
 */
int pare_model_add_rewiring(struct pare_model *m,
                            const struct pare_rewiring *r);

/** Forget targets, marks and the record: the model is no longer rewired. */
void pare_model_drop_rewiring(struct pare_model *m);

/**
 * The mask of tensor t was changed otherwise than by rewiring: a target becomes
 * the number of connections that it has now, so that the next growth does not
 * undo the change; without any left it has none. A tensor without a target
 * gets none.
 */
void pare_model_retarget(struct pare_model *m, size_t t);

/** Does the model carry any of it? */
bool pare_model_rewired(const struct pare_model *m);

#endif
