#ifndef PARE_PRUNE_SCHEDULE_H
#define PARE_PRUNE_SCHEDULE_H

#include "spec.h"

#define PARE_PRUNE_SCHEDULE_OPTS 6
#define PARE_PRUNE_TIMES         64 /* that "at" may name */

/** The rows, in order. */
enum pare_prune_kind {
    PARE_PRUNE_AT,
    PARE_PRUNE_AGP,
    PARE_PRUNE_EXP,
    PARE_PRUNE_ITERATIVE
};

/** When to prune in a run of training: a row of prune_schedule.c's table. */
struct pare_prune_schedule {
    const char *name; /* at, agp, exp, iterative */
    const char *help;
    const char *source;
    const char *option[PARE_PRUNE_SCHEDULE_OPTS]; /* it takes; NULL ends */
    bool sets_sparsity; /* amounts follow from it; else they are given */
};

/** A point or a length of a run. */
struct pare_prune_time {
    enum { PARE_TIME_EPOCH, PARE_TIME_STEP, PARE_TIME_PART } unit;
    uint64_t n; /* finished epochs, steps, or the part n / of */
    uint64_t of;
};

/** A parsed schedule, e.g. "agp from=0 to=0.9 start=1 end=10 every=1". */
struct pare_prune_schedule_spec {
    enum pare_prune_kind kind;
    double from, to; /* agp, exp: sparsities, from <= to */
    struct pare_prune_time start, end, every; /* agp, exp: of one unit */
    uint64_t rounds;                          /* iterative */
    char rewind[PARE_NAME_MAX]; /* iterative: checkpoint, "" for none */
    size_t n_at;
    struct pare_prune_time at[PARE_PRUNE_TIMES];
    char canon[PARE_SPEC_MAX];
};

/**
 * Parse a time: "10" or "epoch:10", "step:500", "1/3" of a run.
 *
 * @param value  in/out: moves to the comma or the end behind the time
 * @param key    named in messages
 * @return 0; PARE_EINVAL (*t untouched)
 */
int pare_prune_time_parse(struct pare_prune_time *t, const char **value,
                          const char *key);

/** Append a time in its canonical form; PARE_EINVAL if too long. */
int pare_prune_time_print(char canon[PARE_SPEC_MAX],
                          const struct pare_prune_time *t);

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_prune_schedule *pare_prune_schedule(size_t index);

/**
 * Parse words that spaces separate: the name of a schedule, then key=value.
 * "at=1/3,2/3" in the first place stands for the schedule "at".
 *
 * Times are whole epochs ("10", also "epoch:10"), steps ("step:500") or, for
 * "at", parts of the run ("1/3"). The canonical text names every option of
 * the schedule, none of the other words, and parses to itself.
 *
 * @param s      out; written only on success
 * @param text   the words
 * @param other  called for each word that is no option of the schedule, in
 *               order: 0, or a status to stop with
 * @param arg    of other
 * @return 0; PARE_EINVAL: no such schedule, an option missing, twice or out
 *         of range, times out of order, from above to; what other returned
 */
int pare_prune_schedule_parse(
    struct pare_prune_schedule_spec *s, const char *text,
    int (*other)(void *arg, const struct pare_spec_item *word), void *arg);

#endif
