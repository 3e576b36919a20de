#ifndef PARE_TESTS_GRAPH_TWIN_H
#define PARE_TESTS_GRAPH_TWIN_H

/*
 * A network as plain loops in double, one array [sample][c][h][w] a layer,
 * for test_net_graph.c. Dropout is taken to be off.
 */
#include <stdbool.h>
#include <stddef.h>

#include "model.h"

struct twin {
    const struct pare_model *m;
    size_t n;
    bool training;   /* batch statistics */
    double **value;  /* [n_layers + 1], the last is the input */
    double **grad;   /* of the loss, likewise */
    double **weight; /* gradients, [n_tensors][n] */
    size_t *tensor;  /* [n_layers] the first of each layer */
    double kink;     /* how near a value came to where a slope jumps,
                        relative to the values around it */
};

/** Room for n samples of a model; release it with twin_release. */
void twin_init(struct twin *t, const struct pare_model *m, size_t n);
void twin_release(struct twin *t);

/** All values from the input, t->value[n_layers]. */
void twin_forward(struct twin *t, bool training);

/** All gradients from that at the last layer, t->grad[n_layers - 1]. */
void twin_backward(struct twin *t);

#endif
