#ifndef PARE_PRUNE_STAGES_H
#define PARE_PRUNE_STAGES_H

#include "prune_schedule.h"

#define PARE_PRUNINGS_MAX 1000 /* of a run: each is in its provenance */

/** The run that a schedule is laid over. */
struct pare_prune_run {
    uint64_t epochs;    /* to finish, or ... */
    uint64_t steps;     /* ... if not 0, steps to do */
    uint64_t per_epoch; /* steps; 0: not known yet */
    uint64_t begun;     /* steps done of the first epoch */
};

/** Train until, then prune. */
struct pare_prune_stage {
    bool in_steps;   /* until is in steps, not in finished epochs */
    uint64_t until;  /* from the beginning of the run; if weights and place
                        go back after each stage, of its first pass */
    bool prune;      /* only the last stage may end without */
    double sparsity; /* to reach; NaN: the amount is given otherwise */
};

/** The part n / of, n <= of, of a run, rounded, halves to even. */
uint64_t pare_prune_part(uint64_t n, uint64_t of, uint64_t whole_run);

/**
 * Cut a run into stages.
 *
 *     at         prune at each of the times; a part n/of of a run of E epochs
 *                is epoch round(n E / of), halves to even, and of a run of
 *                steps likewise a step
 *     agp        at t = start, start + every, ... and at end:
 *                to + (from - to) (1 - (t - start) / (end - start))^3
 *     exp        at the same times: 1 - (1 - from) r^((t - start) /
 *                (end - start)) with r = (1 - to) / (1 - from)
 *     iterative  rounds + 1 times the whole run, with a pruning between two
 *
 * With end = start there is one pruning, to `to`. A pruning at the end of the
 * run is the last thing that is done; at 0, the first.
 *
 * @param stage  out: [*n] malloc'd
 * @param n      out: 1 to PARE_PRUNINGS_MAX + 1
 * @return 0; PARE_EINVAL: a time beyond the run, two prunings at one point
 *         (with per_epoch 0 epochs and steps are not compared), too many
 *         prunings; PARE_ENOMEM
 *
 * Source: agp: Zhu and Gupta 2017, arXiv:1710.01878, equation 1; exp: Tanaka
 * et al. 2020, arXiv:2006.05467; iterative: Frankle and Carbin 2019,
 * arXiv:1803.03635.
 * Departure: the end is always a time, also where `every` does not divide
 * end - start.
 */
int pare_prune_stages(struct pare_prune_stage **stage, size_t *n,
                      const struct pare_prune_schedule_spec *s,
                      const struct pare_prune_run *run);

/**
 * Steps of all the training that the schedule does: those of the run, and of
 * rounds that go on from where the one before ended. Needs per_epoch.
 */
uint64_t pare_prune_steps(const struct pare_prune_schedule_spec *s,
                          const struct pare_prune_run *run);

#endif
