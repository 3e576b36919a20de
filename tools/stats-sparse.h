#ifndef PARE_STATS_SPARSE_H
#define PARE_STATS_SPARSE_H

#include "connections.h"
#include "json.h"

/** The tables of pare-stats(1) on sparse layers. */
enum stats_view {
    STATS_CONNECTIONS, /* by input and output, or a map with a shape */
    STATS_TREND,
    STATS_REWIRING
};

/** What is shown of all models, and what the first of them had. */
struct stats_sparse {
    enum stats_view view;
    const char *layer, *shape; /* or NULL */
    size_t height, width;      /* of the table that was begun; 0: none */
};

/**
 * Print the table of one model, or add an object to j; nothing where it
 * fails.
 *
 * @param s     in/out
 * @param j     NULL: a table to standard output
 * @param path  the operand
 * @return 0; PARE_EINVAL; PARE_EMISMATCH for a map or trend of another shape
 *         than the model before had; PARE_ENOMEM
 */
int stats_sparse_show(struct stats_sparse *s, struct pare_json *j,
                      const char *path, const struct pare_model *m);

#endif
