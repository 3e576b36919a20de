#ifndef PARE_EVOLVE_H
#define PARE_EVOLVE_H

#include "prune_stages.h"
#include "rewire.h"

/*
 * Dynamic sparse training as one text: which connections go and where others
 * grow (rewire.h), and at which times of a run of training.
 */

#define PARE_EVOLVE_KEYS  21
#define PARE_EVOLVE_VALUE 96

/** A way to rewire on the way: a row of evolve.c's table. */
struct pare_evolve_rule {
    const char *name; /* set, rigl, momentum, hebbian, weighted */
    const char *help, *source;
    const char *drop;     /* the rule that drops, by its name */
    const char *defaults; /* words; a key that is neither here nor common to
                             all rows is none of this one's */
};

/** What follows the last step of a run, where a time falls on it. */
enum pare_evolve_last {
    PARE_EVOLVE_NOTHING, /* it is trained what it grew */
    PARE_EVOLVE_ALL,     /* it is rewired once more */
    PARE_EVOLVE_DROP     /* connections go and none grow */
};

enum pare_evolve_decay {
    PARE_EVOLVE_CONSTANT,
    PARE_EVOLVE_COSINE, /* zeta (1 + cos(pi t / T)) / 2 */
    PARE_EVOLVE_LINEAR  /* zeta (1 - t / T) */
};

/** A parsed text, e.g. "set zeta=0.3 form=slots ...". */
struct pare_evolve_spec {
    const struct pare_evolve_rule *rule;
    struct pare_drop_options drop; /* no globs */
    struct pare_grow_options grow; /* no globs, data, seed, threads */
    enum pare_evolve_decay decay;
    struct pare_prune_time every, start, until;
    bool has_start, has_until;
    double p; /* chance of a layer at each step; NaN: fixed times */
    enum pare_evolve_last last;
    bool measure; /* between dropping and growing */
    bool reset;   /* the optimiser's state is begun anew */
    bool has_seed;
    uint64_t seed;
    char layers[PARE_EVOLVE_VALUE]; /* globs between commas; "": all */
    char value[PARE_EVOLVE_KEYS][PARE_EVOLVE_VALUE]; /* as in canon, or "" */
    char canon[2 * PARE_SPEC_MAX];
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_evolve_rule *pare_evolve_rule(size_t index);

/**
 * Parse the name of a row and key=value words that spaces separate. The
 * canonical text names every key of the row and the common ones that were
 * given, and parses to itself.
 *
 * @param s  out; written only on success
 * @return 0; PARE_EINVAL: no such row, a key that is unknown, of other rows,
 *         twice or out of range, keys that contradict each other
 */
int pare_evolve_parse(struct pare_evolve_spec *s, const char *text);

/** The times of a run, in steps since it began. */
struct pare_evolve_times {
    uint64_t first, every; /* epochs or steps */
    bool in_epochs;
    uint64_t per_epoch, begun; /* steps */
    uint64_t end;              /* no time after this */
    uint64_t full;             /* length that a share decays over */
    uint64_t steps;            /* of the whole run */
};

/**
 * Lay the times over a run: start, start + every, ... up to and with until,
 * but none at the run's end unless last= says so, and none at until where the
 * share has decayed to 0 there. start is every unless it is given, and until
 * the end of the run. Epochs are those that are finished since the run began,
 * with the one that it began in. A part n/of is of the run's steps, rounded,
 * halves to even. With p the times are all points before a step, the first
 * of the run too.
 *
 * @param x    out
 * @param run  as pare_prune_stages; with per_epoch 0 only times of the same
 *             unit are compared, and *x is of no use
 * @return 0; PARE_EINVAL: start or until beyond the run, until before start
 */
int pare_evolve_lay(struct pare_evolve_times *x,
                    const struct pare_evolve_spec *s,
                    const struct pare_prune_run *run);

/** The first time that is not before step `from`; false: there is none. */
bool pare_evolve_next(uint64_t *at, const struct pare_evolve_times *x,
                      uint64_t from);

/** The share by weight to drop at a time. */
double pare_evolve_share(const struct pare_evolve_spec *s,
                         const struct pare_evolve_times *x, uint64_t at);

/**
 * With p: is a tensor rewired when so many steps have been trained? Its draw
 * is the first word of the block (seed, EVOLVE, sub = tensor, step) / 2^32,
 * compared with p.
 *
 * @param step  training.step
 *
 * Source: github.com/anhinga/synapses, commit 05bf191.
 */
bool pare_evolve_drawn(const struct pare_evolve_spec *s, uint64_t seed,
                       size_t tensor, uint64_t step);

#endif
