#ifndef PARE_GOAL_H
#define PARE_GOAL_H

#include <stdbool.h>

#include "dataset.h"
#include "model.h"

/** What a search is to reach: the size of a file, or an accuracy. */
struct goal {
    uint64_t bytes; /* largest file; 0: not asked for */
    double drop;    /* points of accuracy that may be lost; NaN: not asked */
    const struct pare_dataset *data;
    enum pare_split_id split; /* that accuracy is of */
    int threads;
    bool verbose;       /* tell of each trial */
    double base, found; /* out: accuracy before and after, bytes after */
};

/** "100K", "2.5MB", "123456": K, M, G are powers of 1024, kB, MB, GB of
    1000. 0 or -1. */
int goal_bytes(uint64_t *bytes, const char *text);

/** Accuracy of a model on the goal's data, 0 to 1. 0; PARE_EMISMATCH for a
    machine, which has none; what evaluation returns. */
int goal_accuracy(double *v, struct pare_model *m, const struct goal *goal);

/** Accuracy of a copy of the model, to goal->base: what drops are counted
    from. As goal_accuracy(); PARE_ENOMEM. */
int goal_begin(struct goal *goal, const struct pare_model *m);

/** Whether so many bytes, or this accuracy, are what was asked for. */
bool goal_reached(const struct goal *goal, double v);

#endif
