#ifndef PARE_TESTS_ORACLE_PARTS_H
#define PARE_TESTS_ORACLE_PARTS_H

/* What the two files of the slow twin share. */
#include "prune_oracle.h"
#include "small_model.h"

enum { NONE = -1 };

/* What is removed at once. */
struct grain {
    size_t slot, place; /* place: among the grains of the slot */
    size_t first;       /* weight of it, pruned or not */
    float score;
    double sum;
    size_t kept, size; /* kept weights; size: an attached bias too */
    bool gone;
};

/* A tensor that is pruned. */
struct slot {
    size_t tensor;
    int bias; /* tensor that goes with its grains, or NONE */
    size_t layer;
    double own; /* amount, or NaN */
    uint64_t total, kept, lo, hi;
    size_t first, n; /* grains */
};

/* All that is known of a case. */
struct world {
    struct oracle *out;
    const struct pare_model *m;
    const struct pare_prune_options *o;
    const struct pare_prune_report *r;
    size_t n_slots, n_grains;
    struct slot slot[256];
    struct grain *grain;
    size_t *of[256]; /* [n_tensors][n] grain of a weight */
};

static inline void refuse(struct world *w, const char *why)
{
    if (!w->out->error)
        w->out->error = why;
}

static inline bool is_kept(const struct pare_tensor *t, size_t i)
{
    return !t->mask || t->mask[i];
}

/** Slots, with their bounds. */
void oracle_layers(struct world *w);

/** Cut a slot into grains and score them. */
void oracle_grains(struct world *w, size_t slot);

#endif
