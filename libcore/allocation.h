#ifndef PARE_ALLOCATION_H
#define PARE_ALLOCATION_H

#include "prune.h"

/** How the budget is divided: a row of the table in allocation.c. */
struct pare_allocation_kind {
    const char *name;
    const char *help;
    const char *source;
    /** Pool of the i-th layer that has no amount of its own. */
    size_t (*pool)(size_t i);
};

/** Rows in the order of enum pare_allocation; past the last NULL. */
const struct pare_allocation_kind *pare_allocation(size_t index);

/** Index of the row of that name, or -1. */
int pare_allocation_find(const char *name);

#endif
