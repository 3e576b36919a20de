#ifndef PARE_OPTIMIZER_H
#define PARE_OPTIMIZER_H

#include "model.h"

#define PARE_OPTIMIZER_OPTS 6

/**
 * Numbers an update needs, prepared once a step. The caller sets lr and
 * weight_decay, the row's prepare() the rest, in either order.
 */
struct pare_update {
    float lr, weight_decay;
    float plain_decay; /* taken off each weight as it is, see below */
    float h[8]; /* per optimiser: momentum, bias corrections, ... */
    bool nesterov;
};

/**
 * The decay of dialect set: w -= plain_decay * w, before the row's update,
 * whatever the learning rate. 0 leaves all bits as they are.
 *
 * @param w  [n] in/out
 *
 * Source: Mocanu et al. 2018, in their program; see dialect.h.
 */
void pare_update_decay(float *w, size_t n, const struct pare_update *u);

/** A setting of an optimiser, "momentum", and what it may be. */
struct pare_optimizer_option {
    const char *name;   /* NULL ends the list */
    double def, lo, hi; /* default and inclusive range */
    bool flag;          /* yes (1) or no (0) */
};

/** An optimiser: a row of the table in optimizer.c; files store the name. */
struct pare_optimizer {
    const char *name;
    const char *help;
    const char *source;
    int n_slots; /* with this row's default settings */
    const char *slot_name[PARE_SLOTS_MAX];
    double default_lr;
    struct pare_optimizer_option option[PARE_OPTIMIZER_OPTS];
    /**
     * Prepare an update.
     *
     * @param opt   [PARE_OPTIMIZER_OPTS] as in struct pare_optimizer_spec
     * @param step  number of the update, from 1
     */
    void (*prepare)(struct pare_update *u, const double *opt, uint64_t step);
    /**
     * Update n consecutive weights in place. All slots start as 0, which
     * makes SGD's momentum after the first step the gradient, as PyTorch
     * has it. The bits of one weight depend on its own numbers alone, not
     * on n, the alignment or the processor. Slots below 2^-126 in magnitude
     * become 0 (Departure: PyTorch lets them be subnormal).
     *
     * @param w     [n] in/out
     * @param g     [n] gradient of the mean loss, without weight decay
     * @param s0    [n] first slot, in/out, or NULL when n_slots < 1
     * @param s1    [n] second slot, in/out, or NULL when n_slots < 2
     * @param mask  [n] 1 kept, 0 pruned (w, s0, s1 become +0 whatever g is),
     *              or NULL
     */
    void (*update)(float *w, const float *g, float *s0, float *s1,
                   const uint8_t *mask, size_t n, const struct pare_update *u);
};

/** A parsed "--optimizer" value. */
struct pare_optimizer_spec {
    const struct pare_optimizer *row;
    double opt[PARE_OPTIMIZER_OPTS]; /* in the order of row->option */
    int n_slots;                     /* sgd without momentum keeps none */
    char canon[PARE_SPEC_MAX];
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_optimizer *pare_optimizer(size_t index);

/**
 * Parse "sgd,momentum=.9,nesterov".
 *
 * The canonical text names every option, with the shortest decimals that
 * read back the same; it parses to itself.
 *
 * @param o  out; written only on success
 * @return 0; PARE_EINVAL with a message that names the optimisers or the
 *         options there are
 */
int pare_optimizer_parse(struct pare_optimizer_spec *o, const char *spec);

#endif
