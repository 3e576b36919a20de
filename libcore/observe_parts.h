#ifndef PARE_OBSERVE_PARTS_H
#define PARE_OBSERVE_PARTS_H

#include <math.h>
#include <stdatomic.h>

#include "observe.h"

/*
 * Inside of an observer. observe.c lays it out and runs it, observe_linear.c
 * and observe_conv.c have the layers with weights, observe_layers.c the
 * others, observe_unfold.c the columns, observe_gradient.c the losses.
 */

/** What a layer gives out: [block][size] each; NULL where not wanted. */
struct observe_buffer {
    size_t size;
    double *x, *g;   /* values, and the gradient of the loss there */
    double *rx, *rg; /* their change along the direction */
};

struct pare_observer {
    const struct pare_model *m;
    enum pare_observe want;
    int threads;
    size_t block, n;
    size_t until; /* layers that a forward pass runs */
    double temperature;
    bool straight;
    double **value;                 /* [n_tensors][n] */
    const double *const *direction; /* [n_tensors], or NULL */
    size_t *tensor;                 /* [n_layers] the first of each layer */
    struct observe_buffer *buffer;  /* [n_layers + 1], the input last */
    int32_t *y;                     /* [block] labels */
    float *rows;                    /* [block][features] as gathered */
    double *scratch;                /* [threads][scratch_size] */
    size_t scratch_size;
    atomic_flag *slot; /* [threads] who uses which part of it */
};

/** A layer and where it reads and writes. */
struct observe_layer {
    struct pare_observer *o;
    const struct pare_layer *l;
    size_t tensor; /* its first */
    struct observe_buffer *in, *out;
    size_t chw[3], ochw[3];
    size_t channel; /* where the input lies in the output of a concat */
    bool first;     /* the first of a join's inputs */
};

struct cut; /* observe_conv.c */

/** What the tasks of a linear or convolution layer share. */
struct observe_job {
    struct observe_layer *k;
    const struct cut *cut;
    bool along;           /* the change along the direction, too */
    const double *w, *dw; /* weights; the direction's, or NULL */
    const double *b, *db; /* biases likewise, NULL without */
    enum pare_gradient_sum what;
    double *weight, *bias; /* sums of gradients, or NULL */
};

void observe_job_begin(struct observe_job *j, struct observe_layer *k);

static inline size_t observe_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t observe_blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/** c = op(a) op(b), op a transposition where asked; or += with add. */
void observe_product(size_t m, size_t n, size_t k, const double *a, size_t lda,
                     bool ta, const double *b, size_t ldb, bool tb, double *c,
                     size_t ldc, bool add);

/** What a sum adds of a sample's gradient. */
static inline double observe_part(double x, enum pare_gradient_sum what)
{
    return what == PARE_SUM_SQUARE     ? x * x
           : what == PARE_SUM_ABSOLUTE ? fabs(x)
                                       : x;
}

/** sum += x^2, or |x|, for n of them. */
void observe_add_parts(double *restrict sum, const double *restrict x, size_t n,
                       enum pare_gradient_sum what);

/** pare_unfold and pare_fold of some channels, rows of col ld apart. */
void observe_unfold(double *col, size_t ld, const struct pare_layer *l,
                    const double *x, size_t group, size_t channel,
                    size_t channels, size_t first, size_t lines);
void observe_fold(double *x, const struct pare_layer *l, const double *col,
                  size_t ld, size_t group, size_t channel, size_t channels,
                  size_t first, size_t lines);

/** Doubles that a task of a layer works with. */
size_t observe_linear_scratch(const struct pare_observer *o);
size_t observe_conv_scratch(const struct pare_layer *l);

/** Scratch memory for the task that asks. */
double *observe_take(struct pare_observer *o, size_t *slot);
void observe_give(struct pare_observer *o, size_t slot);

/** Losses: gradients at the last layer, and along. 0, PARE_EFORMAT. */
int observe_loss(struct pare_observer *o);

/* A pass over all samples: values of `out`, or gradients added to `in`. */
void observe_linear_forward(struct observe_layer *k);
void observe_linear_backward(struct observe_layer *k);
void observe_conv_forward(struct observe_layer *k);
void observe_conv_backward(struct observe_layer *k);

/* Add up gradients of weights and biases, where j has sums for them. */
void observe_linear_gradient(struct observe_job *j);
void observe_conv_gradient(const struct observe_job *job);

/* The same for one sample of any other layer. */
void observe_forward(const struct observe_layer *k, size_t sample);
void observe_backward(const struct observe_layer *k, size_t sample);

#endif
