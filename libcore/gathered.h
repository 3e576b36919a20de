#ifndef PARE_GATHERED_H
#define PARE_GATHERED_H

#include "model.h"

/*
 * What a model carries about itself for later prunings: scores gathered in
 * training, curves of sensitivity, and the points that an undo goes back to.
 */

/** The scores of that name, or NULL. */
struct pare_scores *pare_model_scores(const struct pare_model *m,
                                      const char *name);

/**
 * Begin scores anew: count 0, values 0 for every tensor that is prunable
 * without being asked for, NULL for the others.
 *
 * @return the scores; NULL without memory (message set)
 */
struct pare_scores *pare_model_begin_scores(struct pare_model *m,
                                            const char *name);

/** Forget all scores: the weights they are of are gone. */
void pare_model_drop_scores(struct pare_model *m);

/**
 * Put in the curve of a layer, taking over its arrays; one that is there is
 * replaced. Curves are kept by ascending layer.
 *
 * @return 0; PARE_ENOMEM (the arrays are still the caller's)
 */
int pare_model_set_curve(struct pare_model *m, const struct pare_curve *c);

/** The curve of a layer, or NULL. */
const struct pare_curve *pare_model_curve(const struct pare_model *m,
                                          size_t layer);

/** Forget all curves. */
void pare_model_drop_curves(struct pare_model *m);

/**
 * Keep weights, masks and optimiser state as they are now as the newest
 * undo point: a checkpoint "undo:K", K = 1 for the oldest, that later
 * prunings leave whole.
 *
 * @return 0, PARE_ENOMEM (the model is as before)
 */
int pare_model_keep_undo(struct pare_model *m);

/** Number of undo points. */
size_t pare_model_undos(const struct pare_model *m);

#endif
