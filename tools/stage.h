#ifndef PARE_STAGE_H
#define PARE_STAGE_H

#include "prune_stages.h"
#include "train.h"

/*
 * What a run of training that is cut into stages tells each of them, so that
 * it does what separate runs of pare-train and pare-finetune would do.
 */

/** The whole run that t describes, before it is cut. */
struct pare_prune_run stage_whole_run(const struct pare_train_options *t,
                                      const struct pare_training *pos,
                                      uint64_t per_epoch);

/** Steps from where the model stands to the end of the stage. */
uint64_t stage_steps(const struct pare_train_options *t,
                     const struct pare_training *pos, uint64_t per_epoch);

/**
 * Give the stage the length of the learning-rate schedule: of one that begins
 * with it, or of the one that goes on from where it is, whose end may have to
 * move.
 */
void stage_schedule(struct pare_train_options *t,
                    const struct pare_training *pos, uint64_t per_epoch,
                    bool anew);

/** The number behind "key=" at the beginning of a line; 0 without one. The
 *  key begins with a newline and ends with '='. */
uint64_t stage_number(const char *text, const char *key);

#endif
