#ifndef PARE_CRITERION_H
#define PARE_CRITERION_H

#include "dataset.h"
#include "model.h"

/** What a criterion may need beyond the model. */
struct pare_criterion_input {
    const struct pare_dataset *data; /* NULL without -d */
    size_t calibrate;                /* samples, 0: the criterion's default */
    uint64_t seed;                   /* of draws and of the choice of samples */
    int threads;
};

/** A saliency criterion: a row of the table in criterion.c. */
struct pare_criterion {
    const char *name;
    const char *help;
    const char *source;
    bool needs_data;
    bool random; /* scores are draws: only their order has a meaning */
    /**
     * Score every weight: larger is kept first. Arrays of tensors that are
     * not prunable are NULL and skipped.
     * @param score  [n_tensors] arrays of tensor[t].n floats, out
     */
    int (*score)(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_criterion *pare_criterion(size_t index);

/** The row of that name, or NULL. */
const struct pare_criterion *pare_criterion_find(const char *name);

#endif
