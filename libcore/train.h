#ifndef PARE_TRAIN_H
#define PARE_TRAIN_H

#include "augment.h"
#include "dataset.h"
#include "model.h"
#include "optimizer.h"
#include "schedule.h"

enum pare_select { PARE_SELECT_LAST, PARE_SELECT_LOSS, PARE_SELECT_ACC };

/** "last", "best-val-loss" or "best-val-acc". */
const char *pare_select_name(enum pare_select select);

/** Everything a run of training is told. */
struct pare_train_options {
    uint64_t batch;
    uint64_t end_epoch; /* train until this many epochs are finished ... */
    uint64_t end_step;  /* ... or, if not 0, this many steps are done */
    uint64_t first_epoch; /* select the best among the epochs after this */
    uint64_t seed;
    double lr, weight_decay;
    struct pare_optimizer_spec optimizer;
    struct pare_schedule_spec schedule;
    uint64_t sched_total; /* length of the schedule in steps */
    const struct pare_loss *loss;
    const char *dialect; /* a row of dialect.h; NULL or "": standard */
    unsigned accumulate; /* scores to gather, as pare_accumulation_parse */
    struct pare_augment augment; /* of the training samples; all 0: none */
    enum pare_select select;
    const char *checkpoint; /* "epoch:5,step:1000,every:10" or NULL */
    enum pare_split_id val; /* split to validate on; n = 0: none */
    int threads;
};

/** Called as training goes; any may be NULL. */
struct pare_train_hooks {
    void *arg;
    /** After each step: 0 goes on, > 0 stops (PARE_ESTOPPED), < 0 fails. */
    int (*on_step)(void *arg, const struct pare_model *m, double lr,
                   double loss);
    /** After each epoch. */
    int (*on_epoch)(void *arg, const struct pare_model *m,
                    const struct pare_history_row *row);
};

/**
 * Train a model in place from where m->training stands.
 *
 * On return m->training, optimiser state, checkpoints and history are those
 * of the point reached; with PARE_ESTOPPED the same call goes on from
 * there and ends in the same bits as if it had not been stopped.
 * The order of samples in epoch e is the permutation (seed, SHUFFLE, e).
 * Loss and accuracy on the training samples are those of the augmented ones;
 * validation sees its samples as they are.
 * Scores to gather are added to those in the model, or begun where it has
 * none; a run that gathers none forgets them all. A diverged run forgets them
 * too. They are of the whole run, whichever epoch is selected.
 * A dialect is what the model is trained in from here on. Leaving one whose
 * state is dense clears the state under the masks.
 * Weights that share levels of a book go on sharing them, see tied.h; int8
 * and 16 bits are forgotten.
 * With select != LAST the best state is kept in checkpoint "best" and made
 * the result at the end (the checkpoint stays).
 *
 * @return 0; PARE_ESTOPPED; PARE_EDIVERGED when a loss or, at the end of an
 *         epoch or of the run, a weight or the optimiser's state is not
 *         finite (the model is then that of the last epoch's end where all
 *         was, or of the beginning);
 *         PARE_EMISMATCH, also of layers that the dialect has no rule for;
 *         PARE_EINVAL for an unknown dialect; PARE_ENOMEM; PARE_EIO where samples that stay in
 *         a file could not be read
 */
int pare_train(struct pare_model *m, const struct pare_dataset *d,
               const struct pare_train_options *o,
               const struct pare_train_hooks *hooks);

/** Check the text of options.checkpoint; 0 or PARE_EINVAL. */
int pare_checkpoint_spec_check(const char *spec);

/**
 * Is the unfinished epoch of a model over, because the data are cut in
 * another way now (batch, seed, steps an epoch), or because a file says
 * that it has done more steps than an epoch has?
 */
bool pare_train_cuts_epoch(const struct pare_training *t, uint64_t batch,
                           uint64_t seed, uint64_t per_epoch);

/** Steps of one epoch: ceil(n / batch). */
uint64_t pare_steps_per_epoch(const struct pare_dataset *d, uint64_t batch);

/**
 * Do inputs and classes of the data fit the model? Images must be of the
 * model's shape, and so must channels x length; where the ranks differ
 * (features, rows, images) equal sizes do.
 *
 * @return 0, PARE_EMISMATCH with both shapes in the message
 */
int pare_model_fits(const struct pare_model *m, const struct pare_dataset *d);

/** Images are changed as they are stored, and given as such or flat: do data
    and model go with it? 0, PARE_EMISMATCH. */
int pare_augment_fits_model(const struct pare_augment *a,
                            const struct pare_model *m,
                            const struct pare_dataset *d);

#endif
