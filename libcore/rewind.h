#ifndef PARE_REWIND_H
#define PARE_REWIND_H

#include "model.h"

/** What goes back besides the weights. */
struct pare_rewind_options {
    const char *to; /* checkpoint: init, epoch:3, step:1000, best */
    bool optimizer; /* optimiser state too */
    bool schedule;  /* position in training and schedule too */
    bool reinit;    /* draw new initial weights instead; to is init */
    uint64_t seed;  /* of reinit */
};

/**
 * Set weights, biases and running statistics to a checkpoint's, bit for
 * bit, under the mask that the model has now. The mask stays.
 *
 * `optimizer` needs a checkpoint that kept it; for `init` the state is
 * emptied, which is what it was (the optimiser's settings stay). `schedule`
 * sets epoch, step and place in the schedule to the checkpoint's, and drops
 * the rows of the history that are later. With `reinit` new values are drawn
 * with the model's initialiser; they become the new `init`. All checkpoints
 * stay, and so do curves; scores gathered in training are dropped.
 *
 * @return 0; PARE_EINVAL (no such checkpoint: those there are named; it
 *         kept no optimiser state); PARE_ENOMEM
 */
int pare_rewind(struct pare_model *m, const struct pare_rewind_options *o);

/**
 * Take back the last n prunings that kept an undo point: weights, biases,
 * running statistics, masks and optimiser state become those of the n-th
 * last undo point, bit for bit, and so does the position in training where
 * it moved since; the rows of the history that are later are dropped. These
 * n undo points are gone afterwards. Settings of training stay. Other
 * checkpoints stay, with 0 for what the prunings took from them. Scores
 * are dropped, curves stay.
 *
 * @param n  from 1
 * @return 0; PARE_EINVAL (n is 0, or the model holds fewer: the message says
 *         how many)
 */
int pare_undo(struct pare_model *m, size_t n);

#endif
