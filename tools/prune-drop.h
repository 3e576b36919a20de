#ifndef PARE_PRUNE_DROP_H
#define PARE_PRUNE_DROP_H

#include "cli.h"
#include "pruning.h"
#include "rewire.h"

/* Prunings of pare-prune that say themselves how much goes: -m set and the
   other rules of dynamic sparse training. */

/** Where -m asks for a list, print the rules that are no criteria. */
void prune_drop_list(const struct pruning_options *o);

/**
 * Parse the rule of -m, and see that no option was given that these rules do
 * not have; else a usage error, which does not return.
 *
 * @param other  an option of the tool itself that does not go with them, or
 *               NULL
 */
void prune_drop_set_up(struct pare_drop_options *drop,
                       const struct cli_tool *tool,
                       const struct pruning_options *o, const char *other);

/**
 * Drop, and report it as a pruning of weights.
 *
 * @param r  out: release with pare_prune_report_release
 * @return of pare_drop; PARE_EINVAL with no_collapse for an emptied layer
 */
int prune_drop(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_drop_options *drop, bool no_collapse);

/** Add the rule and its layers to a provenance line. */
void prune_drop_provenance(struct provenance *to,
                           const struct pare_drop_options *drop);

/** "set,zeta=0.3,form=slots: removed 239 of 800 (0.2988)" */
void prune_drop_outcome(char *text, size_t size,
                        const struct pare_drop_options *drop,
                        const struct pare_prune_report *r);

#endif
