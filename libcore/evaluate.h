#ifndef PARE_EVALUATE_H
#define PARE_EVALUATE_H

#include "dataset.h"
#include "model.h"

/** What evaluation measures; release with pare_evaluation_release. */
struct pare_evaluation {
    uint64_t n, correct, top5; /* top5 with fewer than 6 classes: n */
    double loss;               /* mean */
    size_t n_classes; /* 0 of a Boltzmann machine, which has no counts */
    uint64_t *confusion; /* [true][predicted], n_classes squared */
};

/**
 * Loss and accuracy of a model on a split, in blocks of 64 samples, so
 * that the result depends on neither batch size nor threads. A tie of
 * outputs counts for the lower class. The loss of a Boltzmann machine is of
 * hidden units that are drawn, by the model's seed and the place of the sample
 * in the split.
 *
 * @return 0; PARE_EMISMATCH; PARE_EINVAL for an empty split; PARE_ENOMEM;
 *         PARE_EIO where samples that stay in a file could not be read
 */
int pare_evaluate(struct pare_evaluation *e, struct pare_model *m,
                  const struct pare_dataset *d, enum pare_split_id split,
                  int threads);

/** Free the confusion matrix and zero the struct. */
void pare_evaluation_release(struct pare_evaluation *e);

/** Work space for evaluating one model many times. */
struct pare_evaluator;

/** New for the model and the loss it was trained with; 0, PARE_ENOMEM. */
int pare_evaluator_new(struct pare_evaluator **ev, struct pare_model *m,
                       int threads);

/** Samples that it runs at once: fewer where they are large. */
size_t pare_evaluator_batch(const struct pare_arch *arch);

/** Free the work space; NULL is fine. */
void pare_evaluator_free(struct pare_evaluator *ev);

/**
 * Mean loss and counts over a split, n >= 1; pare_split_fault tells
 * afterwards whether all of it could be read.
 * @param confusion  [classes][classes] true x predicted, added to, or NULL
 */
void pare_evaluator_run(struct pare_evaluator *ev, double *loss,
                        uint64_t *correct, uint64_t *top5, uint64_t *confusion,
                        const struct pare_dataset *d,
                        const struct pare_split *split);

/**
 * Gradient of the mean loss over chosen samples of the training split, in
 * evaluation mode (running statistics, no dropout).
 *
 * @param grad   [n_tensors] arrays of tensor[t].n, out; NULL: skip
 * @param index  [n] samples; summed in this order in blocks of 64
 * @return as pare_evaluate
 */
int pare_gradient(float *const *grad, struct pare_model *m,
                  const struct pare_dataset *d, const uint32_t *index, size_t n,
                  int threads);

#endif
