#ifndef PARE_REWIRE_H
#define PARE_REWIRE_H

#include "dataset.h"
#include "model.h"
#include "rewiring.h"

/*
 * The two halves of dynamic sparse training, each layer for itself: dropping
 * connections to make room, and growing as many again elsewhere. Both work on
 * compact tensors and on tensors with masks, with the same result.
 */

/** Which of the connections a rule drops by their weight. */
enum pare_drop_form {
    PARE_DROP_SLOTS,  /* floor(zeta n) of each sign, nearest to 0; zeros stay */
    PARE_DROP_KTH,    /* up to and with the k-th smallest of each sign */
    PARE_DROP_SORTED, /* within two values of the sorted weights, strictly */
    PARE_DROP_ALL     /* round(zeta n) smallest magnitudes of both signs */
};

/** A rule to drop by: a row of the table in rewire_drop.c. */
struct pare_drop_rule {
    const char *name; /* set, hebbian, weighted (w*c), magnitude */
    const char *help, *source;
    bool coactive; /* the model must hold coactivations */
};

struct pare_drop_options {
    const struct pare_drop_rule *rule;
    double zeta;              /* share by weight, 0..1 */
    double tau;               /* share by coactivation, 0..1 */
    enum pare_drop_form form; /* of the share by weight */
    bool both;                /* drop what both shares name; else either */
    bool highest;             /* a control: the highest coactivations go */
    size_t n_only, n_skip;
    const char *const *only, *const *skip; /* globs of layers */
};

/** One row per layer in scope. */
struct pare_rewire_row {
    size_t tensor;
    uint64_t before, removed, grown, after;
};

struct pare_rewire_report {
    uint64_t before, removed, grown, after; /* of all rows */
    size_t n_rows;
    struct pare_rewire_row *row; /* malloc'd */
};

/**
 * Drop connections. What goes is noted in tensor.removed; a tensor without a
 * target gets the number of connections that it has now; the record gets the
 * counts. Promise 4 holds on return.
 *
 * @param r  out: release with pare_rewire_report_release
 * @param m  changed only on success
 * @return 0; PARE_EINVAL; PARE_ENOMEM
 */
int pare_drop(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_drop_options *o);

/** How to choose where connections grow: a row of the table in rewire_grow.c */
struct pare_grow_rule {
    const char *name; /* random, gradient, hebbian, momentum, file */
    const char *help, *source;
    bool needs_data, coactive;
};

/** What new connections weigh. */
enum pare_grow_value {
    PARE_GROW_ZERO,
    PARE_GROW_NORMAL, /* N(0, sd^2) */
    PARE_GROW_FAN     /* N(0, 2 / inputs of the layer) */
};

struct pare_grow_options {
    const struct pare_grow_rule *rule;
    bool bernoulli;    /* each free position by itself, the count in the mean */
    bool lowest;       /* a control: the lowest scores grow */
    bool avoid;        /* not where the last pruning removed */
    bool redistribute; /* momentum: layers share what all of them dropped */
    enum pare_grow_value value;
    double sd;      /* of PARE_GROW_NORMAL */
    double density; /* grow to this density; NaN: to the target */
    uint64_t count; /* so many in each layer; UINT64_MAX: to the target */
    uint64_t seed;
    size_t n_only, n_skip;
    const char *const *only, *const *skip;
    const struct pare_dataset *data; /* for gradients */
    size_t calibrate;                /* samples; 0: all of the train split */
    const float *const *given;       /* [n_tensors] scores of `file` */
    int threads;
};

/**
 * Grow connections. They are noted in tensor.added, tensor.removed is
 * forgotten. Values of checkpoints and optimiser state of what is new are 0
 * (with the dialect's stale state those of what was removed, in order).
 *
 * @param r  out
 * @param m  changed only on success
 * @return 0; PARE_EINVAL: a layer without room for what it shall grow, no
 *         data, no coactivations; PARE_ELIMIT (scores of all positions of a
 *         layer above 2^32); PARE_ENOMEM
 */
int pare_grow(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_grow_options *o);

/** Free the rows and zero the struct; zeroed is fine. */
void pare_rewire_report_release(struct pare_rewire_report *r);

#endif
