#ifndef PARE_REPORT_H
#define PARE_REPORT_H

#include <stdio.h>

#include "model.h"
#include "runs.h"
#include "sample.h"

/** What is kept of a model besides its run's fields. */
struct report_item {
    char *path;
    char *script; /* the commands that made it, or why there are none */
    char state[PARE_DIGEST_LEN];
    size_t n_history;
    struct pare_history_row *history;
};

/** A file that was left out, and why. */
struct report_left {
    char *path, *why;
};

/** Runs that agree in the keys. */
struct report_group {
    char **value; /* [n_keys], "" where the runs have none */
    size_t n;
    size_t *run; /* [n] numbers of runs */
};

/** Groups in order of their values. */
struct report_groups {
    size_t n_keys, n;
    char **key; /* what they may differ in */
    struct report_group *group;
};

/** Everything that is in a page. */
struct report {
    const char *title;
    struct runs runs;
    size_t n_items, item_room;
    struct report_item *item;
    size_t n_left;
    struct report_left *left;
    struct report_groups groups;
    size_t n_metrics;
    const char **metric;      /* [n_metrics] keys of numbers */
    const char *row, *column; /* keys of pivots, or NULL */
    char *by;                 /* of a curve, or NULL */
};

/**
 * Divide the runs by the options in which they differ, seeds (-S) left out,
 * or by the keys of a list.
 *
 * @param g   zeroed, out; release in any case
 * @param by  "KEY,KEY", or NULL
 * @return 0; PARE_ENOMEM
 */
int report_group_runs(struct report_groups *g, const struct runs *r,
                      const char *by);

/** Free what it owns and zero it. */
void report_groups_release(struct report_groups *g);

/** A metric of some of the runs. 0 or PARE_ENOMEM. */
int report_sample(struct pare_sample *s, const struct runs *r,
                  const size_t *run, size_t n, const char *metric);

/** Distinct values of a key over all runs in their order; "" for none. */
int report_values(char ***value, size_t *n, const struct runs *r,
                  const char *key);

/** Free such a list. */
void report_free_values(char **value, size_t n);

/** Print the page. 0; PARE_ENOMEM; PARE_EIO */
int report_print(const struct report *r, FILE *out);

/** Print the section of pictures, or why there are none. */
int report_print_plots(const struct report *r, FILE *out);

/** The item of that path, or NULL. */
const struct report_item *report_item_of(const struct report *r,
                                         const char *path);

#endif
