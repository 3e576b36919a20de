#ifndef PARE_DIALECT_H
#define PARE_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * A published code whose departures from standard practice can be repeated: a
 * row of the table in dialect.c. A model says which one it is trained in
 * (training.dialect); the empty name is standard practice.
 */
struct pare_dialect {
    const char *name;
    const char *help;
    const char *source;
    /** Optimiser state goes on under the mask: the gradient is of all
        weights, and weights alone are masked after each step. */
    bool dense_state;
    /** The gradient at a sigmoid output is (a - y) s(a) (1 - s(a)) of the
        output a itself, s the sigmoid. */
    bool double_sigmoid;
    /** Weight decay is taken off each weight as it is, not times the learning
        rate and not through the momentum. */
    bool plain_decay;
    /** Dropout multiplies by 0 or 1 in training and is not in the backward
        pass; in evaluation what a linear layer makes of it, bias included, is
        multiplied by the share that is kept. */
    bool plain_dropout;
    /** A connection that moves takes its optimiser state along. */
    bool stale_state;
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_dialect *pare_dialect(size_t index);

/** The row of that name; NULL for "" and for an unknown one. */
const struct pare_dialect *pare_dialect_find(const char *name);

struct pare_model;

/**
 * Make a dialect the one that a model is trained in from here on. Leaving one
 * whose state is dense clears the state under the masks.
 *
 * @param name  of a row, or "" for standard practice
 * @return 0; PARE_EINVAL for an unknown one (the model is as before)
 */
int pare_model_set_dialect(struct pare_model *m, const char *name);

#endif
