#ifndef PARE_OBSERVE_PARTS_H
#define PARE_OBSERVE_PARTS_H

#include <stdatomic.h>

#include "observe.h"

/*
 * Inside of an observer. observe.c lays it out and runs it, observe_linear.c
 * has linear and convolution layers, observe_layers.c the others,
 * observe_unfold.c the columns.
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

/** Doubles that the tasks of a linear or convolution layer work with. */
size_t observe_scratch(const struct pare_observer *o,
                       const struct pare_layer *l);

/** Scratch memory for the task that asks. */
double *observe_take(struct pare_observer *o, size_t *slot);
void observe_give(struct pare_observer *o, size_t slot);

/** Losses: gradients at the last layer, and along. 0, PARE_EFORMAT. */
int observe_loss(struct pare_observer *o);

/* A pass over all samples: values of `out`, or gradients added to `in`. */
void observe_linear_forward(struct observe_layer *k);
void observe_linear_backward(struct observe_layer *k);

/* The same for one sample of any other layer. */
void observe_forward(const struct observe_layer *k, size_t sample);
void observe_backward(const struct observe_layer *k, size_t sample);

#endif
