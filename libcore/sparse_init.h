#ifndef PARE_SPARSE_INIT_H
#define PARE_SPARSE_INIT_H

#include "model.h"
#include "sparse_draw.h"

struct pare_sparse_spec;

/** A layer that begins sparse. */
struct pare_sparse_row {
    size_t tensor;
    uint64_t total; /* positions */
    uint64_t count; /* connections; of bernoulli the mean, rounded; of
                       replace the number of draws */
    double density; /* that is expected, 0..1 */
    bool whole;     /* all connections: the layer stays dense */
};

/** A way to choose densities: a row of the table in sparse_init.c. */
struct pare_sparse_way {
    const char *name; /* "er", "erk", "uniform", "exact", "bernoulli" */
    const char *help;
    const char *source;
    enum pare_sparse_how how; /* how it draws when not told */
    bool fans;                /* densities by fans: takes epsilon */
    /** Fill total's share: count and density of n rows. */
    int (*counts)(struct pare_sparse_row *row, size_t n,
                  const struct pare_model *m, const struct pare_sparse_spec *s);
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_sparse_way *pare_sparse_way(size_t index);

/** "er,replace,epsilon=20,fan=sparse,layers=fc1+fc2" taken apart. */
struct pare_sparse_spec {
    const struct pare_sparse_way *way;
    enum pare_sparse_how how;
    double density, epsilon;    /* one is NaN */
    bool sparse_fan;            /* initialisers see the inputs that are there */
    char layers[PARE_SPEC_MAX]; /* globs with + between them; "": all */
    char canon[PARE_SPEC_MAX];
};

/**
 * Check and canonicalise a way with its settings.
 *
 * @param s  out; written only on success
 * @return 0; PARE_EINVAL: an unknown name or setting, a density outside of
 *         (0, 1], both or none of density and epsilon, epsilon for a way
 *         that does not go by fans
 */
int pare_sparse_parse(struct pare_sparse_spec *s, const char *text);

/**
 * How many connections each layer gets.
 *
 * With epsilon a layer of n_in inputs and n_out outputs gets
 * epsilon (n_in + n_out) of n_in n_out connections, the fraction dropped; for
 * convolutions `er` gives that density and erk adds the sides of the kernel
 * to the sum and to the product. With a density, epsilon is that at which
 * the chosen layers have so many connections together, and a layer that it
 * fills stays dense and is made up for by the others.
 *
 * @param row  out: malloc'd, the caller frees it; in order of tensors
 * @param n    out
 * @param m    laid; values are not looked at
 * @return 0; PARE_EINVAL: a glob that matches no layer with weights, epsilon
 *         that fills a layer (with replacement: 20 draws for each position),
 *         a layer without any connection; PARE_ENOMEM
 *
 * Source: Mocanu et al. 2018, arXiv:1707.04780; Evci et al. 2020,
 * arXiv:1911.11134.
 */
int pare_sparse_plan(struct pare_sparse_row **row, size_t *n,
                     const struct pare_model *m,
                     const struct pare_sparse_spec *s);

/**
 * Draw the first connections of a model that was laid and has no values:
 * tensors of up to PARE_DENSE_POSITIONS get masks, larger ones patterns, and
 * all of them the number of their connections as target. Layers that stay
 * dense get neither.
 *
 * @return 0; as pare_sparse_plan; PARE_ELIMIT above 2^32 connections
 */
int pare_sparse_connect(struct pare_model *m, const struct pare_sparse_spec *s,
                        uint64_t seed);

#endif
