#ifndef PARE_PRUNE_H
#define PARE_PRUNE_H

#include "criterion.h"

enum pare_amount_kind {
    PARE_AMOUNT_SPARSITY,    /* -s: final sparsity of prunable weights */
    PARE_AMOUNT_FRACTION,    /* -f: of the grains remaining */
    PARE_AMOUNT_COMPRESSION, /* -c: all parameters / kept parameters */
    PARE_AMOUNT_COUNT        /* -n: grains */
};

enum pare_allocation { PARE_ALLOCATE_GLOBAL, PARE_ALLOCATE_LAYER };
enum pare_grain { PARE_GRAIN_WEIGHT, PARE_GRAIN_UNIT };
enum pare_unit_norm { PARE_NORM_L2, PARE_NORM_L1 };

/** "fc1=0.4": an amount, of the command's kind, for layers by glob. */
struct pare_layer_amount {
    const char *glob;
    double amount;
};

/**
 * All a pruning is told.
 *
 * Layers are pruned in pools: one pool of all layers (GLOBAL) or a pool a
 * layer (LAYER); a layer with an amount of its own is always its own pool.
 * -s is of the weights of the layers in scope, -c of all parameters of the
 * model (of the layer, for an amount of its own); with LAYER every layer
 * keeps the same share of its weights under -c.
 */
struct pare_prune_options {
    struct pare_criterion_spec criterion;
    enum pare_grain grain;
    enum pare_unit_norm norm;
    enum pare_allocation allocation;
    enum pare_amount_kind kind;
    double amount; /* NaN: only the per-layer amounts apply */
    size_t n_layer;
    const struct pare_layer_amount *layer; /* the last that matches wins */
    size_t n_skip, n_only;
    const char *const *skip, *const *only; /* globs of layer names */
    bool bias;        /* biases of the layers chosen are prunable too */
    bool no_collapse; /* an emptied layer is an error */
    struct pare_criterion_input input;
};

/** One row per prunable tensor. */
struct pare_prune_row {
    size_t tensor;
    uint64_t total, kept_before, kept_after;
};

/** What was done; release with pare_prune_report_release. */
struct pare_prune_report {
    uint64_t total; /* prunable weights in scope */
    uint64_t kept_before, kept_after;
    uint64_t grains_before, grains_removed; /* with a kept weight */
    double asked, achieved; /* in the amount's own kind; asked may be NaN */
    size_t n_rows;
    struct pare_prune_row *row;
};

/**
 * Remove weights from a model: score, allocate, select exactly, mask.
 *
 * Only ever removes: pruned weights are no candidates and stay pruned. Where
 * a grain has some pruned weights its score is over those that remain. An
 * amount already reached removes nothing (-s, -c). Which layers count and
 * the definition of each amount: pare-prune(1). Promise 4 holds on return.
 *
 * @param m  model, changed only on success
 * @return 0; PARE_EINVAL (amount out of range, unknown glob, emptied layer
 *         with no_collapse, amount that cannot be reached: the nearest is
 *         named); PARE_EMISMATCH (data); PARE_ENOMEM
 */
int pare_prune(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_prune_options *o);

/** Free the rows and zero the struct; zeroed is fine. */
void pare_prune_report_release(struct pare_prune_report *r);

/** "sparsity", "fraction", "compression", "count". */
const char *pare_amount_name(enum pare_amount_kind k);

#endif
