#ifndef PARE_GATHERED_H
#define PARE_GATHERED_H

#include "model.h"

/*
 * What a model carries about itself for later prunings: scores gathered in
 * training, curves of sensitivity, and the points that an undo goes back to.
 */

#define PARE_SCORES_MAX 16   /* sets of scores in a model */
#define PARE_POINTS_MAX 4096 /* points of a curve */

/** May scores be called that? 1 to 31 lower-case letters, digits, '-' and
 *  '_', a letter first. */
bool pare_scores_named(const char *name);

/** May scores of that name be other than 0 where a weight is pruned? Only
 *  "hebbian", which is about units; the rest obey promise 4. */
bool pare_scores_under_mask(const char *name);

/** The scores of that name, or NULL. */
struct pare_scores *pare_model_scores(const struct pare_model *m,
                                      const char *name);

/**
 * Begin scores anew: count 0, values 0 for every tensor that is prunable
 * without being asked for, NULL for the others. Scores are kept in the order
 * of their names; pointers to other scores are void after this.
 *
 * @return the scores; NULL without memory, for a name that scores cannot
 *         have, or above PARE_SCORES_MAX (message set)
 */
struct pare_scores *pare_model_begin_scores(struct pare_model *m,
                                            const char *name);

/** Forget all scores: the weights they are of are gone. Rewinding does so,
 *  and a run of training that gathers none; pruning keeps them. */
void pare_model_drop_scores(struct pare_model *m);

/**
 * Can this be a curve: 1 to PARE_POINTS_MAX points, sparsities from 0 to 1
 * that do not fall, finite losses, accuracies from 0 to 1 or NaN for none?
 *
 * @return 0; PARE_EINVAL; PARE_ELIMIT (messages without the layer)
 */
int pare_curve_check(const struct pare_curve *c);

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

/** Forget all curves. They are of the weights that were measured, and stay
 *  through pruning, training and rewinding until a new scan. */
void pare_model_drop_curves(struct pare_model *m);

/**
 * Keep weights, masks and optimiser state as they are now as the newest
 * undo point: a checkpoint "undo:K", K = 1 for the oldest, that later
 * prunings leave whole. Compact tensors get masks.
 *
 * @return 0; PARE_ENOMEM; PARE_ELIMIT (a layer of more than 2^32 positions);
 *         the model is then as before, or expanded
 */
int pare_model_keep_undo(struct pare_model *m);

/** Number of undo points. */
size_t pare_model_undos(const struct pare_model *m);

/** Is that the name of an undo point, "undo:...", which no other checkpoint
 *  may have? */
bool pare_undo_named(const char *name);

/** Name the k-th undo point, k from 1. */
void pare_undo_name(char name[PARE_NAME_MAX], size_t k);

#endif
