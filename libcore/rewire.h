#ifndef PARE_REWIRE_H
#define PARE_REWIRE_H

#include "dataset.h"
#include "model.h"
#include "rewiring.h"

/*
 * The two halves of dynamic sparse training, each layer for itself: dropping
 * connections to make room, and growing as many again elsewhere. Both work on
 * compact tensors and on tensors with masks, with the same result.
 *
 * Without `only` the layers in scope are those that are sparse: with pruned
 * positions, or with a target. `only` may name dense ones too.
 */

/** Which of the connections a rule drops by their weight. */
enum pare_drop_form {
    PARE_DROP_SLOTS,  /* floor(zeta n) of each sign, nearest to 0; zeros stay */
    PARE_DROP_KTH,    /* up to and with the k-th smallest of each sign */
    PARE_DROP_SORTED, /* within two values of the sorted weights */
    PARE_DROP_ALL     /* round(zeta n) smallest magnitudes of both signs */
};

/** A rule to drop by: a row of a table in rewire_rules.c. */
struct pare_drop_rule {
    const char *name; /* set, hebbian, weighted (w*c), magnitude */
    const char *help, *source;
    double zeta;              /* default */
    enum pare_drop_form form; /* default */
    bool forms;               /* form= may choose another */
    bool coactive;            /* the model must hold coactivations */
    bool by_count;            /* takes tau, join and highest */
    bool weighted;            /* weights times coactivations */
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
    char canon[PARE_SPEC_MAX];             /* "set,zeta=0.3,form=slots" */
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_drop_rule *pare_drop_rule(size_t index);

/**
 * Is that text one of these rules? A name that criteria have too, hebbian or
 * magnitude, is a rule where a share is set: "magnitude,zeta=.3".
 */
bool pare_drop_named(const char *spec);

/**
 * Parse "set,zeta=.3,form=kth", "hebbian,tau=.2,zeta=.2,join=or,highest".
 *
 * join says which connections stay where both shares are above 0: `or`, the
 * default, those that either share keeps, so that one goes only if both name
 * it; `and` those that both keep.
 *
 * @param o  out: rule, settings and canon are written, only on success; the
 *           globs are left alone
 * @return 0; PARE_EINVAL with a message that names what there is
 */
int pare_drop_parse(struct pare_drop_options *o, const char *spec);

/** One row per layer in scope. */
struct pare_rewire_row {
    size_t tensor;
    uint64_t before, removed, grown, after;
};

struct pare_rewire_report {
    uint64_t before, removed, grown, after; /* of all rows */
    size_t n_rows;
    struct pare_rewire_row *row; /* malloc'd, in order of tensors */
};

/**
 * Drop connections. What goes is noted in tensor.removed, with the dialect's
 * stale state its optimiser state too; tensor.added keeps what of it stays; a
 * tensor without a target gets the number of connections that it has now; the
 * record gets the counts. Promise 4 holds on return. Coactivations stay.
 *
 * A connection is a kept position, also where its weight is 0. With n of
 * them, P > 0 and Q < 0, each sorted, NaN nowhere:
 * - slots: the floor(zeta |P|) lowest of P and the floor(zeta |Q|) highest of
 *   Q; equal ones by lower position.
 * - kth: all up to and with the floor(zeta |P|)-th of P, and of Q all above
 *   the floor((1 - zeta) |Q|)-th, zeros with them; what is equal to a
 *   threshold falls as it does. Where floor(zeta |P|) is 0 the threshold is
 *   -1, so that every weight above -1 stays; where floor((1 - zeta) |Q|) is 0
 *   no negative weight stays by its own threshold.
 * - sorted: v[0..n-1] all weights sorted, p the first and q - 1 the last index
 *   of a value of the least magnitude: what lies from v[floor((1 - zeta) p)]
 *   to v[floor(min(n - 1, q + zeta (n - q)))], with both.
 * - all: round-half-even(zeta n) of the least magnitude, by lower position.
 * - by tau, with k = floor(tau n): all coactivations up to and with the k-th
 *   lowest, all ties included; none for k = 0. With `highest` all above the
 *   floor((1 - tau) n)-th lowest; every one if that is 0.
 * - weighted: weight times coactivation in the place of the weight.
 *
 * @param r  out: release with pare_rewire_report_release
 * @param m  changed only on success, but for PARE_ENOMEM: then it can only be
 *           released
 * @return 0; PARE_EINVAL: globs, no sparse layer, no coactivations; PARE_ENOMEM
 *
 * Source: slots: github.com/anhinga/synapses, commit 05bf191. kth, tau,
 * highest, weighted: github.com/numenta/nupic.research, commit f08d1f5d8.
 * sorted: Mocanu et al. 2018, arXiv:1707.04780, and its code, commit 62ac974.
 * all: Evci et al. 2020, arXiv:1911.11134.
 * Departure: equal weights in `slots` go by position, theirs in the order of
 * a sort. A weight that is 0 counts as a connection, for numenta's code it is
 * none. `sorted` looks at connections alone, as the truly sparse code does;
 * that for masks sorts zeros of the free positions too.
 */
int pare_drop(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_drop_options *o);

/** How to choose where connections grow: a row of a table in rewire_rules.c */
struct pare_grow_rule {
    const char *name; /* random, gradient, hebbian, momentum, file */
    const char *help, *source;
    bool scored;     /* free positions have scores: the largest grow */
    bool needs_data; /* momentum: unless the dialect's state is dense */
    bool coactive;
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_grow_rule *pare_grow_rule(size_t index);

/** The row of that name, or NULL (message set, which names what there is). */
const struct pare_grow_rule *pare_grow_find(const char *name);

/** How many grow, of the number that is asked for. */
enum pare_grow_count {
    PARE_GROW_EXACT,     /* so many; equal scores by lower position */
    PARE_GROW_BERNOULLI, /* random: each free position by itself, in the mean
                            so many */
    PARE_GROW_STRICT,    /* by scores: only what is beyond the best score that
                            is left, so fewer where scores are equal */
    PARE_GROW_TIES       /* by scores: also all that equal the worst score that
                            grows, so more where scores are equal */
};

/** What new connections weigh. */
enum pare_grow_value {
    PARE_GROW_ZERO,
    PARE_GROW_NORMAL, /* N(0, sd^2) */
    PARE_GROW_FAN     /* N(0, 2 / inputs of the layer) */
};

struct pare_grow_options {
    const struct pare_grow_rule *rule;
    enum pare_grow_count counting;
    bool lowest;       /* a control: the lowest scores grow */
    bool avoid;        /* not where the last pruning removed */
    bool redistribute; /* layers share what all of them lack */
    enum pare_grow_value value;
    double sd;      /* of PARE_GROW_NORMAL */
    double density; /* grow to this density; NaN: to the target */
    uint64_t count; /* so many in each layer; UINT64_MAX: to the target */
    uint64_t seed;
    size_t n_only, n_skip;
    const char *const *only, *const *skip;
    const struct pare_dataset *data; /* for gradients */
    size_t calibrate;                /* samples; 0: a batch of the training */
    const float *const *given;       /* [n_tensors] scores of `file` */
    int threads;
};

/** Random, exact, zero, to the target, all free positions, one thread. */
void pare_grow_defaults(struct pare_grow_options *o);

/** Parse "exact", "bernoulli", "strict" or "ties". 0, PARE_EINVAL. */
int pare_grow_count_parse(enum pare_grow_count *c, const char *text);

/** Parse "0", "normal,sd=.1" (normal:.1 means the same) or "fan" into value
    and sd. 0, PARE_EINVAL. */
int pare_grow_value_parse(struct pare_grow_options *o, const char *text);

/** The names that these parse: canonical text of count and value. */
const char *pare_grow_count_name(enum pare_grow_count c);
void pare_grow_value_print(char canon[PARE_SPEC_MAX],
                           const struct pare_grow_options *o);

/**
 * Grow connections. They are noted in tensor.added; tensor.removed, of which
 * nothing is left to grow back, is forgotten. Checkpoints' values of what is
 * new are 0, and so is optimiser state: but with the dialect's stale state
 * that of what was removed, in order, and with its dense state what it is.
 *
 * A free position is one that is not kept, and with `avoid` was not removed by
 * the last pruning. To the target are missing max(target - kept, 0). Position
 * draws use stream GROW, sub = tensor, values stream NEW, sub = tensor, number
 * i of the ascending new positions; samples stream CALIBRATE.
 * - random: distinct positions, all sets of that size equally likely; or,
 *   Bernoulli, each with probability n / max(free, n).
 * - gradient: |gradient of the mean loss over the samples|, in evaluation mode.
 * - momentum: |momentum| with a dialect's dense state, else as gradient.
 * - hebbian: coactivations. file: `given`, as they are.
 * With `redistribute` the number that all layers lack is shared by the mean
 * |momentum| of the connections that each has (by largest remainder, ties to
 * the earlier layer; what a layer has no room for goes to the others), and
 * becomes the layers' new targets.
 *
 * @param r  out: release with pare_rewire_report_release
 * @param m  changed only on success, but for PARE_ENOMEM: then it can only be
 *           released
 * @return 0; PARE_EINVAL: a layer without room for what it shall grow (but
 *         with Bernoulli counts, which take all there is), no target, no data,
 *         no coactivations, no momentum, a score that is NaN; PARE_EMISMATCH
 *         (data); PARE_ELIMIT (scores of a layer above 2^32 positions);
 *         PARE_ENOMEM
 *
 * Source: random: Mocanu et al. 2018, arXiv:1707.04780. gradient: Evci et al.
 * 2020, arXiv:1911.11134. momentum, redistribute: Dettmers & Zettlemoyer 2019,
 * arXiv:1907.04840. hebbian, bernoulli, strict, ties (of the lowest):
 * github.com/numenta/nupic.research, commit f08d1f5d8.
 * Departure: gradients are of evaluation mode, without dropout and with
 * running statistics; RigL's are of the training step.
 */
int pare_grow(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_grow_options *o);

/**
 * Evaluate a model on the split `val`, and put loss and accuracy into the last
 * line of its history in the place of those that are there: the numbers of
 * the network between a dropping and a growth.
 *
 * @return of pare_evaluate; PARE_EINVAL for a model without a history
 */
int pare_remeasure(struct pare_model *m, const struct pare_dataset *d,
                   int threads);

/** Free the rows and zero the struct; zeroed is fine. */
void pare_rewire_report_release(struct pare_rewire_report *r);

#endif
