#ifndef PARE_QUANTIZE_H
#define PARE_QUANTIZE_H

#include "cluster.h"
#include "model.h"
#include "prune.h"

#define PARE_BITS_MIN 2  /* of uniform levels: -1, 0 and 1 steps */
#define PARE_BITS_MAX 16 /* 65,535 levels */

/** What says how many levels there are. */
enum pare_level_kind {
    PARE_LEVELS_COUNT, /* so many */
    PARE_LEVELS_BITS,  /* 2^bits - 1, as many above 0 as below */
    PARE_LEVELS_STEP,  /* whole multiples of a step */
    PARE_LEVELS_ERROR, /* the fewest that keep to an error */
    PARE_LEVELS_FIXED  /* nothing: the way has its own */
};

struct pare_quantize_options;
struct pare_quantize_row;

/** A way to quantise a tensor. */
struct pare_quantize_way {
    const char *name, *help, *source;
    bool codebook, steps; /* takes a count; takes bits and steps */
    int (*run)(struct pare_quantize_row *r, struct pare_tensor *t,
               const struct pare_quantize_options *o, double amount);
};

/** Row i of the table of ways, NULL behind the last. */
const struct pare_quantize_way *pare_quantize_way(size_t i);

/** The way of that name, or NULL. */
const struct pare_quantize_way *pare_quantize_way_find(const char *name);

/** All a quantisation is told. */
struct pare_quantize_options {
    const struct pare_quantize_way *way;
    enum pare_level_kind kind;
    double amount; /* count, bits, step > 0, or error > 0, by kind */
    size_t n_layer;
    const struct pare_layer_amount *layer; /* of the same kind, except that
                       with an error they are counts or bits; last wins */
    size_t n_skip, n_only;
    const char *const *skip, *const *only; /* globs of layer names */
    bool bias;                             /* biases too */
    double lambda;                         /* see pare_levels_settle */
    const struct pare_start *start;        /* of codebooks */
    uint64_t seed;                         /* of a random start */
    bool per_tensor;  /* int8: one scale a tensor, not one a row */
    bool prune_zeros; /* weights that became 0 are pruned */
};

/** Codebook of 16 levels, start linear, lambda 0, weights alone. */
void pare_quantize_defaults(struct pare_quantize_options *o);

/** What became of one tensor. */
struct pare_quantize_row {
    size_t tensor;
    uint64_t total;  /* positions */
    uint64_t kept;   /* values that were quantised */
    uint64_t zeroed; /* of them, those that became 0 and were not */
    size_t levels;   /* different ones that are used; 0 without values */
    double asked;    /* amount it was given, of kind; NaN of a fixed way */
    enum pare_level_kind kind;
    double entropy; /* bits a code, by the shares of the levels */
    double bits;    /* bits a position: codes by their entropy, the mask by
                       that of its density, book or scales, 32 a number */
    double error;   /* root of the mean square of the changes over that of
                       the values; 0 where all were 0 */
    double worst;   /* largest change over the largest absolute value */
    bool again;     /* it had levels or 16 bits before */
};

/**
 * Quantise the kept values of one tensor, dense, masked or compact. Values
 * that are 0 stay 0. dtype and quant tell what was done; nothing is pruned.
 *
 * - codebook: pare_cluster over the values that are not 0. A value goes to
 *   the interval it lies in; the book has the levels in use, rounded to
 *   float32, those that became equal once.
 * - uniform: levels are whole multiples of a float32 step. With bits the step
 *   is the one of 130 tried, from the largest value's share down to 1/64 of
 *   it, whose squared error over the mean square + lambda * bits a code is
 *   least; with 13 bits and more it is the largest value's share. More than
 *   65,536 values are looked at in 65,536 bins for that.
 * - int8: value / scale to the nearest whole number, halves to even, scale
 *   the largest absolute value of the row (of the tensor) over 127.
 * - fp16, bf16: pare_dtype_round.
 *
 * With an error as amount these are the fewest bits, of 2 to 16, or the fewest
 * levels, sought by doubling and halving, which takes errors to fall.
 * A tensor without kept values is of no levels.
 *
 * @param r       out
 * @param amount  of o->kind, in place of o->amount
 * @return 0; PARE_EINVAL (a value that is not finite; a codebook of one level
 *         where some values are 0 and some not; more than 65,535 multiples of
 *         the step; an error that cannot be kept to; a value too large for 16
 *         bits), naming the tensor; PARE_ENOMEM. The tensor is then as before
 *
 * Source: Han et al. 2016, arXiv:1510.00149 (codebook).
 * Departure: empty levels are dropped, and the length of codes may decide.
 */
int pare_quantize_tensor(struct pare_quantize_row *r, struct pare_tensor *t,
                         const struct pare_quantize_options *o,
                         enum pare_level_kind kind, double amount);

/** What was done; release with pare_quantize_report_release. */
struct pare_quantize_report {
    size_t n_rows;
    struct pare_quantize_row *row; /* [n_rows] by tensor */
    uint64_t pruned;               /* weights that became 0 and were pruned */
};

/**
 * Quantise the weights of a model, and its biases if asked to, tensor by
 * tensor. The optimiser's state is emptied, since it is of other weights, and
 * scores are dropped; checkpoints, masks and buffers stay as they are. A model
 * that comes tensor by tensor (loader.h) gets another loader, which quantises
 * again whenever it loads.
 *
 * @param m  model; on failure some tensors may be quantised, and it is only
 *           good for being released
 * @return 0; PARE_EINVAL (as pare_quantize_tensor; a glob that matches no
 *         layer); PARE_ENOMEM; what a loader returns
 */
int pare_quantize(struct pare_quantize_report *r, struct pare_model *m,
                  const struct pare_quantize_options *o);

/**
 * Take the last pare_quantize back from a model that comes tensor by tensor:
 * its loader is what it was, so values are. Optimiser state and scores that
 * it emptied or dropped stay so. Any other model is left alone.
 *
 * @param m  whose loader is that of pare_quantize, or another's
 */
void pare_quantize_undo(struct pare_model *m);

void pare_quantize_report_release(struct pare_quantize_report *r);

/** Is that an amount of this kind? 0, or PARE_EINVAL. */
int pare_quantize_check(enum pare_level_kind kind, double amount);

#endif
