#ifndef PARE_PRUNE_H
#define PARE_PRUNE_H

#include "allocation.h"
#include "criterion.h"
#include "grain.h"

enum pare_amount_kind {
    PARE_AMOUNT_SPARSITY,    /* -s: final sparsity of prunable weights */
    PARE_AMOUNT_FRACTION,    /* -f: of the grains remaining */
    PARE_AMOUNT_COMPRESSION, /* -c: all parameters / kept parameters */
    PARE_AMOUNT_COUNT        /* -n: grains */
};

/** "fc1=0.4": an amount, of the command's kind, for layers by glob. */
struct pare_layer_amount {
    const char *glob;
    double amount;
};

/**
 * All a pruning is told.
 *
 * Layers are pruned in pools: one pool of all layers where the allocation
 * compares them, or a pool a layer; a layer with an amount of its own is
 * always its own pool. -s is of the weights of the layers in scope, -c of
 * all parameters of the model (of the layer, for an amount of its own); with
 * `layer` every layer keeps the same share of its weights under -c. An n:m
 * grain says itself how much goes and takes no amount.
 */
struct pare_prune_options {
    struct pare_criterion_spec criterion;
    struct pare_grain grain;
    enum pare_unit_norm norm;
    const struct pare_allocation *allocation;
    enum pare_amount_kind kind;
    double amount; /* NaN: only the per-layer amounts apply */
    size_t n_layer;
    const struct pare_layer_amount *layer; /* the last that matches wins */
    /* Final sparsity of single layers at least and at most; the last that
       matches wins. The amount is met by the other layers. */
    size_t n_min, n_max;
    const struct pare_layer_amount *min, *max;
    uint64_t floor; /* grains that every layer keeps, if it has so many */
    /* Where bounds exclude the general amount: as near as they allow; else
       that is an error. */
    bool near;
    size_t n_skip, n_only;
    const char *const *skip, *const *only; /* globs of layer names */
    bool partial;     /* n:m and blocks need not divide a layer */
    bool bias;        /* biases of the layers chosen are prunable too */
    bool no_collapse; /* an emptied layer is an error */
    struct pare_criterion_input input;
};

/** Magnitude, single weights, global, no amount (NaN), one thread. */
void pare_prune_defaults(struct pare_prune_options *o);

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
    char note[192];         /* of the criterion, or "" */
    size_t n_rows;
    struct pare_prune_row *row;
};

/**
 * Remove weights from a model: score, allocate, select exactly, mask.
 *
 * Only ever removes: pruned weights are no candidates and stay pruned. Where
 * a grain has some pruned weights its score is over those that remain. An
 * amount already reached removes nothing (-s, -c). Which layers count and
 * the definition of each amount: pare-prune(1). Promise 4 holds on return. A
 * tensor.target of what lost weights becomes what is left, so that growth does
 * not bring them back.
 *
 * @param m  model, changed only on success; but a compact one gets masks
 * @return 0; PARE_EINVAL (amount out of range, unknown glob, emptied layer
 *         with no_collapse, amount that cannot be reached: the nearest is
 *         named; a model that comes tensor by tensor for what needs it whole);
 *         PARE_EMISMATCH (data); PARE_ELIMIT (a layer of more than 2^32
 *         positions); PARE_ENOMEM
 */
int pare_prune(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_prune_options *o);

/**
 * Can a pruning work on a model that comes tensor by tensor (loader.h)? It
 * can with single weights, in one round, where a score depends on the weight
 * alone. The model then has another loader, and the bytes of its file are
 * those of the pruning in memory.
 */
bool pare_prune_streams(const struct pare_prune_options *o);

/** Free the rows and zero the struct; zeroed is fine. */
void pare_prune_report_release(struct pare_prune_report *r);

/** "sparsity", "fraction", "compression", "count". */
const char *pare_amount_name(enum pare_amount_kind k);

#endif
