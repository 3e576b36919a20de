#ifndef PARE_TESTS_PRUNE_ORACLE_H
#define PARE_TESTS_PRUNE_ORACLE_H

/* Pruning by its definitions, slowly; include "unit.h" first. */
#include "prune.h"

/** What a pruning is to leave. */
struct oracle {
    const char *error; /* a reason to refuse, or NULL */
    uint8_t **mask;    /* [n_tensors][n] */
    size_t n_tensors;
    uint64_t grains_before, grains_removed;
};

/**
 * Find out without changing the model. Criteria are magnitude, random and
 * file.
 *
 * @param m  before the pruning
 * @param r  what pare_prune has told, or NULL where it refused: of its
 *           numbers only those that densities came to are taken, which are
 *           checked to be less than one weight off
 */
void oracle_prune(struct oracle *w, const struct pare_model *m,
                  const struct pare_prune_options *o,
                  const struct pare_prune_report *r);

void oracle_release(struct oracle *w);

#endif
