#ifndef PARE_OPTIMIZER_H
#define PARE_OPTIMIZER_H

#include "model.h"

/** Numbers an update needs, prepared once a step. */
struct pare_update {
    float lr, weight_decay;
    float h[8]; /* per optimiser: momentum, bias corrections, ... */
    bool first; /* the first step of this state (SGD momentum starts = g) */
    bool nesterov;
};

/** An optimiser: a row of the table in optimizer.c; files store the name. */
struct pare_optimizer {
    const char *name;
    const char *help;
    const char *source;
    int n_slots;               /* with this row's default settings */
    const char *slot_name[PARE_SLOTS_MAX];
    double default_lr;
    /** Options and their defaults, "momentum", "beta1" ...; NULL ends. */
    struct {
        const char *name;
        double def, lo, hi;
    } option[6];
    /** Prepare h[] for update number step (from 1). */
    void (*prepare)(struct pare_update *u, const double *opt, uint64_t step);
    /**
     * Update n consecutive weights in place.
     *
     * @param w     [n] in/out
     * @param g     [n] gradient of the mean loss, without weight decay
     * @param s0    [n] first slot, in/out, or NULL when n_slots < 1
     * @param s1    [n] second slot, in/out, or NULL when n_slots < 2
     * @param mask  [n] 1 kept, 0 pruned (w, s0, s1 become 0), or NULL
     */
    void (*update)(float *w, const float *g, float *s0, float *s1,
                   const uint8_t *mask, size_t n,
                   const struct pare_update *u);
};

/** A parsed "--optimizer" value. */
struct pare_optimizer_spec {
    const struct pare_optimizer *row;
    double opt[6];
    int n_slots; /* sgd without momentum keeps none */
    char canon[PARE_SPEC_MAX];
};

const struct pare_optimizer *pare_optimizer(size_t index);

/** Parse "sgd,momentum=.9,nesterov"; 0 or PARE_EINVAL with a message. */
int pare_optimizer_parse(struct pare_optimizer_spec *o, const char *spec);

#endif
