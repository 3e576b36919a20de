#ifndef PARE_PRUNE_PARTS_H
#define PARE_PRUNE_PARTS_H

#include "amount.h"
#include "prune.h"
#include "scope.h"
#include "select.h"

/*
 * Inside of pare_prune. prune_plan.c lays out what is pruned, prune_score.c
 * scores it, prune_pick.c decides how much and which, prune.c runs the
 * rounds and applies what was chosen.
 */

/** A tensor that is cut into grains. */
struct prune_slot {
    size_t tensor, bias; /* bias: attached to its grains, or none */
    size_t layer;
    size_t pool, group;
    struct pare_grain_map map;         /* where a grain is not one weight */
    size_t first, n;                   /* grains; first: in the plan's arrays */
    uint64_t total;                    /* weights, an attached bias too */
    uint64_t kept_before, bias_before; /* before all rounds */
    uint64_t removed, bias_removed;    /* by all rounds so far */
    uint64_t gone;                     /* grains, by all rounds so far */
    uint64_t taken;                    /* grains, in this round */
    uint64_t lo, hi; /* bounds of the weights kept at the end */
    uint64_t floor;  /* grains that must stay, or lo says it */
    bool fixed;      /* by a bound, in this round */
};

/** Slots that are compared with each other. */
struct prune_pool {
    double amount;                 /* of its own, or NaN */
    size_t layer;                  /* where it has one layer */
    size_t first, n;               /* slots */
    struct pare_amount_pool count; /* before all rounds */
    bool by_weights;               /* the target counts weights, not grains */
    uint64_t target;               /* to remove in all rounds */
};

/** Grains that are not single weights, in flat order. */
struct prune_grains {
    size_t n;
    float *score;       /* [n] larger is kept first */
    uint8_t *candidate; /* [n] 1: has a kept weight */
    size_t *size;       /* [n] kept weights in it */
    uint8_t *stays;     /* [n] 0: removed in this round */
};

/**
 * The work space of one pruning. Slots are ordered by pool, then by tensor;
 * layers with an amount of their own come first.
 */
struct prune_plan {
    struct pare_model *m;
    const struct pare_prune_options *o;
    const struct pare_grain_kind *kind;
    struct pare_criterion_input input;
    struct pare_scope scope;
    size_t n_slots, n_pools, n_own, n_groups;
    struct prune_slot *slot;
    struct prune_pool *pool;
    struct pare_cut *cut; /* [n_slots] of the groups of this round */
    float **score;        /* [n_tensors] of weights, or NULL */
    float **unit_score;   /* [n_tensors] of units, or NULL */
    struct prune_grains grains;
    uint32_t round; /* from 1 */
};

/** Slots, pools, and bounds. 0 or a status; release in any case. */
int prune_plan_make(struct prune_plan *p);
void prune_plan_release(struct prune_plan *p);

/** Does a row of the general allocation compare all layers? */
bool prune_plan_together(const struct prune_plan *p);

/** Score all slots as the model is now. */
int prune_score(struct prune_plan *p);

/**
 * Scores of n weights of a slot, from the one at `first`: of the criterion,
 * inverted where that was asked for.
 */
void prune_score_block(float *score, const struct prune_plan *p, size_t slot,
                       size_t first, size_t n);

/**
 * Choose the grains of this round: groups with their cuts, and what each
 * slot loses. 0 or a status.
 */
int prune_pick(struct prune_plan *p);

/**
 * Clear what was chosen in the masks, which exist where a slot loses.
 * @return 0; PARE_ENOMEM (no mask is touched)
 */
int prune_clear(struct prune_plan *p);

/**
 * For a model that comes tensor by tensor: put a loader around its own, which
 * prunes each tensor, when it is loaded, by the cuts of this round.
 * @return 0; PARE_ENOMEM (the model is as it was)
 */
int prune_around(struct prune_plan *p);

/** Set the targets of the pools with an amount of their own, or of the
    others, which reckon with what the former have lost. */
int prune_targets(struct prune_plan *p, bool own);

/**
 * What a pool is to lose in this round, grains or weights, so that after the
 * last one it has lost its target.
 */
uint64_t prune_due(const struct prune_plan *p, const struct prune_pool *pool);

/** Parameters of a layer, or of the model (PARE_SCOPE_NONE). */
void prune_count_params(const struct prune_plan *p, size_t layer, uint64_t *all,
                        uint64_t *kept);

/** The attached bias of a slot, or NULL. */
struct pare_tensor *prune_bias(const struct prune_plan *p,
                               const struct prune_slot *s);

#endif
