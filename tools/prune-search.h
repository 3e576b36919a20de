#ifndef PARE_PRUNE_SEARCH_H
#define PARE_PRUNE_SEARCH_H

#include "cli.h"
#include "goal.h"
#include "prune.h"

/** Make of a pruned model what will be written. */
typedef int prune_finish(void *arg, struct pare_model *m,
                         const struct pare_prune_report *r);

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
int prune_search(struct pare_prune_options *o, struct goal *goal,
                 const struct pare_model *m, const struct cli_tool *tool,
                 prune_finish *finish, void *arg);

#endif
