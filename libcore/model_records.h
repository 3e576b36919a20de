#ifndef PARE_MODEL_RECORDS_H
#define PARE_MODEL_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "layer.h"

/* What a model remembers of its training: part of struct pare_model. */

/** Scores that a run of training gathered: "movement", "hebbian". */
struct pare_scores {
    char name[PARE_NAME_MAX];
    uint64_t count; /* steps or samples that were gathered over */
    float **value;  /* [n_tensors][n]; NULL where none were */
};

/** One layer pruned alone to several sparsities: what pare-scan measured. */
struct pare_curve {
    size_t layer;
    size_t n;         /* points, by ascending sparsity */
    double *sparsity; /* [n] of the layer's weights, achieved */
    double *loss;     /* [n] mean */
    double *accuracy; /* [n] 0..1 */
};

/** One line of the training history. Accuracies are in 0..1, NaN: none. */
struct pare_history_row {
    uint64_t epoch, step; /* after this epoch */
    double lr;            /* at its last step */
    double train_loss, train_acc, val_loss, val_acc;
    double sparsity; /* of the prunable weights */
};

/** What rewiring did to a tensor between two ends of epochs. */
struct pare_rewiring {
    uint64_t epoch; /* finished epochs at the time */
    size_t tensor;
    uint64_t times; /* prunings */
    /* Sums over them: connections before each, removed, grown. */
    uint64_t before, removed, grown;
    /* Of those that the growth before had brought: how many there were, and
       how many outlived the pruning. */
    uint64_t fresh, survived;
};

#endif
