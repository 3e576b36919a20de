#ifndef PARE_OBSERVE_H
#define PARE_OBSERVE_H

#include "dataset.h"
#include "model.h"

/**
 * A network in double precision and in evaluation mode (running statistics,
 * no dropout), all of whose values can be seen after a pass; what criteria
 * that look at data are made of. It is slower than struct pare_net: every
 * layer has memory of its own, nothing is fused or in place.
 *
 * Samples come in blocks. Values lie sample by sample, features in the order
 * of files: [sample][c][h][w]. Work is cut by the problem and sums have a
 * fixed order, so the bits do not depend on the number of threads.
 */
struct pare_observer;

/** What passes are wanted. */
enum pare_observe {
    PARE_OBSERVE_VALUES,   /* forward */
    PARE_OBSERVE_GRADIENT, /* and backward */
    PARE_OBSERVE_SECOND    /* and both again along a direction */
};

/** What pare_observer_gradient sums over samples. */
enum pare_gradient_sum {
    PARE_SUM_PLAIN,    /* g_n */
    PARE_SUM_ABSOLUTE, /* |g_n| */
    PARE_SUM_SQUARE,   /* g_n^2 */
    PARE_SUM_ALONG     /* the change of g_n along the direction */
};

/**
 * @param o        out; free with pare_observer_free
 * @param m        model; its values are copied, it must outlive o
 * @param threads  >= 1
 * @return 0; PARE_ENOMEM; PARE_EMISMATCH for dropout of a dialect that scales
 *         in evaluation
 */
int pare_observer_new(struct pare_observer **o, const struct pare_model *m,
                      enum pare_observe want, int threads);

/** Free the work space; NULL is fine. */
void pare_observer_free(struct pare_observer *o);

/** Samples that a block may have; follows from the architecture alone. */
size_t pare_observer_block(const struct pare_observer *o);

/**
 * The copy of a tensor's values that passes run with, to be changed at will:
 * [tensor[t].n].
 */
double *pare_observer_values(struct pare_observer *o, size_t tensor);

/**
 * Divide the outputs by a temperature before the loss (where the last layer
 * is a softmax, the inputs of that layer). 1 is the default.
 */
void pare_observer_temperature(struct pare_observer *o, double temperature);

/**
 * Take layers that saturate for the identity: tanh, sigmoid, silu, gelu,
 * srelu and both softmaxes.
 */
void pare_observer_straighten(struct pare_observer *o);

/**
 * Let forward passes end before a layer: its input is seen, its output and
 * those of later layers are not, and there is nothing to go backward from.
 *
 * @param layer  0 .. arch.n_layers; the latter, all layers, is the default
 */
void pare_observer_until(struct pare_observer *o, size_t layer);

/**
 * The direction of the second pass, or NULL for none.
 *
 * @param direction  [n_tensors] arrays of tensor[t].n, NULL: 0; used in
 *                   place. Only weights and biases of linear and convolution
 *                   layers may have one.
 */
void pare_observer_direction(struct pare_observer *o,
                             const double *const *direction);

/**
 * Forward pass over samples of the training split.
 *
 * @param index  [n] sample numbers
 * @param n      1 .. pare_observer_block
 * @return 0; PARE_EINVAL for a sample that is not there; PARE_EIO where
 *         samples that stay in a file could not be read; PARE_ENOMEM
 */
int pare_observer_run(struct pare_observer *o, const struct pare_dataset *d,
                      const uint32_t *index, size_t n);

/** Forward pass over one sample of which every feature is x. */
void pare_observer_run_constant(struct pare_observer *o, double x);

/**
 * Backward pass of the last forward: gradients of each sample's own loss.
 *
 * @return 0; PARE_EFORMAT for a loss that is not known
 */
int pare_observer_backward(struct pare_observer *o);

/** The same for the sum of all outputs in the place of the loss. */
void pare_observer_backward_sum(struct pare_observer *o);

/**
 * What a layer takes in (of a join: its first input) and gives out, of the
 * last pass: [n][pare_shape_size(..)]. PARE_INPUT as a layer gives out the
 * network's input.
 */
const double *pare_observer_input(const struct pare_observer *o, size_t layer);
const double *pare_observer_output(const struct pare_observer *o, size_t layer);

/**
 * Add to sum[t], for each tensor with an entry, what the samples of the last
 * backward pass have: the gradients of their losses, see the enum.
 *
 * @param sum  [n_tensors] arrays of tensor[t].n, in/out; NULL: skip. Only of
 *             weights and biases of linear and convolution layers.
 */
void pare_observer_gradient(struct pare_observer *o, double *const *sum,
                            enum pare_gradient_sum what);

/**
 * Add, for each weight tensor with an entry and each unit u of its layer,
 * the sum over samples of |d| or d^2, d the sum over u's weights and bias
 * of value times gradient. That is the sum over u's outputs z, before any
 * nonlinearity, of z dL/dz, and so it is computed.
 *
 * @param sum   [n_tensors] arrays of tensor[t].dim[0], in/out; NULL: skip
 * @param what  PARE_SUM_ABSOLUTE or PARE_SUM_SQUARE
 */
void pare_observer_units(struct pare_observer *o, double *const *sum,
                         enum pare_gradient_sum what);

/** How a linear or convolution layer reads its input. */
struct pare_columns {
    size_t groups;    /* of a convolution; else 1 */
    size_t rows;      /* inputs of a weight row: a group's channels x taps */
    size_t lines;     /* rows of the output image; linear: 1 */
    size_t positions; /* of one line; linear: 1 */
};

/** Of a layer that is linear or a convolution. */
void pare_columns(struct pare_columns *c, const struct pare_layer *l);

/**
 * Unfold a sample: column p holds the inputs that the weights of one unit
 * meet at position p of the output, in the order of the weights; taps on the
 * padding are 0. The output of a group's units is W col + bias.
 *
 * @param col    [rows][lines * positions] out, lines as asked for here
 * @param x      one sample of pare_observer_input
 * @param group  0 .. groups - 1
 * @param first  first line of the output
 * @param lines  number of lines
 */
void pare_unfold(double *col, const struct pare_layer *l, const double *x,
                 size_t group, size_t first, size_t lines);

#endif
