#ifndef PARE_STATS_H
#define PARE_STATS_H

#include "model.h"

/** Numbers of one layer, or of the whole model (layer = SIZE_MAX). */
struct pare_stats_row {
    size_t layer;
    uint64_t params;  /* weights and biases; buffers are not counted */
    uint64_t kept;    /* not masked */
    uint64_t nonzero; /* values that are not 0 */
    uint64_t prunable, prunable_kept;
    uint64_t dead_inputs;      /* inputs or channels with no kept weight */
    uint64_t dead_outputs;     /* outputs or filters with no kept weight */
    double macs, nonzero_macs; /* of one sample */
};

/**
 * Per-layer rows for layers that own weights, then one total row.
 *
 * macs: in x out of linear layers; weights x height x width of the output
 * of convolutions, taps on the pad included. nonzero_macs: macs x (nonzero
 * weights / weights) of each layer, bias ignored. Dead inputs and outputs
 * are columns and rows of weight matrices, input channels and filters of
 * convolutions; an input channel is dead when no filter of its group keeps
 * a tap that reads it.
 *
 * @param row  malloc'd array, out; the caller frees it
 * @param n    rows, out (the last is the total)
 * @return 0, PARE_ENOMEM
 *
 * Source: the metrics of Blalock et al. 2020, arXiv:2003.03033.
 * Departure: true output sizes, not ceil(size/stride), and groups.
 */
int pare_stats(struct pare_stats_row **row, size_t *n,
               const struct pare_model *m);

/** All parameters / parameters that are not 0; inf when all are 0. */
double pare_stats_compression(const struct pare_stats_row *total);
/** macs / nonzero_macs; inf when all weights are 0. */
double pare_stats_speedup(const struct pare_stats_row *total);

#endif
