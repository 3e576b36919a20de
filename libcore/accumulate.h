#ifndef PARE_ACCUMULATE_H
#define PARE_ACCUMULATE_H

#include "model.h"

/**
 * Samples that coactivations are counted over at most: what float32 counts
 * exactly. Later ones are not counted.
 */
#define PARE_COUNT_MAX 16777216

/** Scores that training gathers: a row of the table in accumulate.c. */
struct pare_accumulation {
    const char *name; /* of the scores, and of the criterion that uses them */
    const char *help;
    const char *source;
    bool linear; /* linear layers alone have such scores */
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_accumulation *pare_accumulation(size_t index);

/**
 * Parse "movement,hebbian".
 *
 * @param set    out: bit i for row i; written only on success
 * @return 0; PARE_EINVAL with a message that names what there is
 */
int pare_accumulation_parse(unsigned *set, const char *text);

/** The names of a set in the order of the table, "movement,hebbian". */
void pare_accumulation_names(char names[PARE_SPEC_MAX], unsigned set);

/**
 * What a run of training begins with: the scores of the set anew, all 0, and
 * none else, since those there are belong to other weights. With 0 there are
 * none. A run that was stopped and goes on does not begin.
 *
 * @return 0, PARE_ENOMEM
 */
int pare_accumulation_begin(struct pare_model *m, unsigned set);

/**
 * Make the model's scores those of the set: begin what it does not have. One
 * that has others too does not go on with any: all are begun.
 *
 * @return 0, PARE_ENOMEM
 */
int pare_accumulation_need(struct pare_model *m, unsigned set);

/**
 * The scores of row `name` as a criterion gives them.
 *
 * @param score  [n_tensors] arrays of tensor[t].n, out; NULL: not asked for
 * @return 0; PARE_EINVAL where the model has none, naming --accumulate, or
 *         none for a tensor, naming it
 */
int pare_accumulation_scores(float *const *score, const struct pare_model *m,
                             const char *name);

#endif
