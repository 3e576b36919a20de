#ifndef PARE_TESTS_GRAPH_DRAFT_H
#define PARE_TESTS_GRAPH_DRAFT_H

/* Random architectures in the language of pare-arch(5), for the tests. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

enum { DRAFT_VALUES = 80 };

/** A value that layers can take: the input and what came of it. */
struct draft_value {
    char name[8];
    int rank;
    size_t dim[3]; /* channels, height, width; 1 where the rank is less */
    bool used;
};

/** An architecture as it is written. */
struct draft {
    uint64_t seed;
    char text[8192];
    size_t n;
    struct draft_value value[DRAFT_VALUES];
};

/** A new architecture; what is rolled after it follows from the seed, too. */
void draft_graph(struct draft *d, uint64_t seed);

/** Values for a tensor, of a size that keeps activations near 1. */
void draft_values(struct pare_tensor *x);

/** 0..n-1 */
size_t roll(size_t n);

/** Uniform in [lo, hi). */
void roll_floats(float *x, size_t n, double lo, double hi);

#endif
