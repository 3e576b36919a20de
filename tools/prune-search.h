#ifndef PARE_PRUNE_SEARCH_H
#define PARE_PRUNE_SEARCH_H

#include "cli.h"
#include "dataset.h"
#include "prune.h"

/** A sparsity to be found: that of a file's size, or of an accuracy. */
struct prune_goal {
    uint64_t bytes; /* largest file; 0: not asked for */
    double drop;    /* points of accuracy that may be lost; NaN: not asked */
    const struct pare_dataset *data;
    enum pare_split_id split; /* that accuracy is of */
    bool verbose;             /* tell of each trial */
    /** Make of a pruned model what will be written. */
    int (*finish)(void *arg, struct pare_model *m,
                  const struct pare_prune_report *r);
    void *arg;
    double base, found; /* out: accuracy before and after, bytes after */
};

/** "100K", "2.5MB", "123456": K, M, G are powers of 1024, kB, MB, GB of
    1000. 0 or -1. */
int prune_goal_bytes(uint64_t *bytes, const char *text);

/**
 * Find by bisection the sparsity for a goal, on copies of the model: the
 * lowest whose file fits, or the highest whose accuracy stays, to one weight
 * of a million for files and one of 10,000 for accuracies. Sets the options'
 * kind and amount. Accuracy is compared with that of the model as it is, also
 * where bounds or layers with amounts of their own prune some in any case.
 *
 * @return 0; PARE_EINVAL where nothing that can be pruned reaches the goal
 *         (the nearest is named); what pare_prune and evaluation return
 */
int prune_search(struct pare_prune_options *o, struct prune_goal *goal,
                 const struct pare_model *m, const struct cli_tool *tool);

#endif
