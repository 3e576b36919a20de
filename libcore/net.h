#ifndef PARE_NET_H
#define PARE_NET_H

#include "dataset.h"
#include "loss.h"
#include "model.h"
#include "optimizer.h"

/**
 * A network ready to run: the work space of one batch for a model.
 *
 * Activations are feature-major tiles [feature][width]; the width follows
 * from the batch size alone (pare_net_width). Work is cut into tiles and
 * row blocks fixed by the problem; threads only pick them up, so the bits
 * do not depend on their number.
 */
struct pare_net;

/** Tile width for a batch: 4, 8, 16, 32 or 64. Networks with compact layers
    and no images have 64 from a batch of 64 on: pare_net_lanes. */
size_t pare_net_width(size_t batch);

/**
 * @param net      out; free with pare_net_free
 * @param m        model; its tensors are used in place and must outlive net
 * @param batch    largest batch, >= 1
 * @param train    also allocate what backward needs
 * @param threads  >= 1
 * @return 0; PARE_ENOMEM; PARE_EMISMATCH if loss and network do not fit
 */
int pare_net_new(struct pare_net **net, struct pare_model *m, size_t batch,
                 bool train, int threads);

/** Free the work space, not the model; NULL is fine. */
void pare_net_free(struct pare_net *net);

/**
 * Take over weights that changed since pare_net_new. Training passes do so
 * on their own; a network that only evaluates keeps some of them in
 * another order.
 */
void pare_net_refresh(struct pare_net *net);

/**
 * Normalise the samples of the next batch into the input.
 *
 * @param from   data and split; a norm of NULL is the model's, planes of 0
 *               are as the network wants them
 * @param index  [n] sample numbers, or NULL for first, first+1, ...
 * @param n      <= batch
 */
void pare_net_gather(struct pare_net *net, const struct pare_gather *from,
                     const uint32_t *index, size_t first, size_t n);

/**
 * Run the network forward over the n samples in the input tiles.
 *
 * @param training  use batch statistics and dropout, keep what backward
 *                  needs
 * @param seed,step key and counter of dropout
 */
void pare_net_forward(struct pare_net *net, size_t n, bool training,
                      uint64_t seed, uint64_t step);

/** Lanes of a tile of features of this network. */
size_t pare_net_lanes(const struct pare_net *net);

/** Output of the last forward: tile t, [classes][pare_net_lanes]. */
const float *pare_net_output(const struct pare_net *net, size_t tile);

/**
 * Losses of the last forward's n samples.
 *
 * @param loss   [n] double, out
 * @param y      [n] labels
 * @param scale  also leave the gradient of scale times their sum at the
 *               output; 0: no gradient
 */
void pare_net_loss(struct pare_net *net, const struct pare_loss *f,
                   double *loss, const int32_t *y, float scale);

/**
 * Place of the true class among the outputs of the last forward: 0 is a
 * correct answer. Equal outputs rank by lower class; NaN outranks all.
 *
 * @param rank  [n] out
 * @param best  [n] predicted class, out, or NULL; with a NaN among the
 *              outputs one that is not the true class, as that counts as
 *              wrong
 */
void pare_net_rank(const struct pare_net *net, uint32_t *rank, uint32_t *best,
                   const int32_t *y);

/**
 * Backward pass of the last forward, with the optimiser's update fused into
 * the weight-gradient products; masked weights and their state stay exactly 0.
 * Weights that share levels (tied.h) are updated after the pass.
 *
 * @param state  slots of the optimiser, layout of struct pare_optstate
 */
void pare_net_backward_update(struct pare_net *net,
                              const struct pare_optimizer *row,
                              const struct pare_update *u,
                              struct pare_optstate *state);

/**
 * Backward pass that stores gradients instead: grad[t] [n] of each trained
 * tensor (NULL entries are skipped), gradient of the mean loss, unmasked.
 */
void pare_net_backward(struct pare_net *net, float *const *grad);

/**
 * Gather scores in the training passes from now on. Sums have a fixed order:
 * each weight has one addition a pass.
 *
 * @param movement  [n_tensors] arrays of tensor[t].n, or NULL entries: minus
 *                  weight x gradient is added in pare_net_backward_update,
 *                  the weight before its update. NULL: none
 * @param coactive  the same, of weights of linear layers alone: the samples
 *                  whose input and unit are both above 0 are added. A unit
 *                  is looked at after the batch norms and activations (other
 *                  than softmaxes) that take it one after the other, and
 *                  nothing else. NULL: none
 * @return false without memory
 *
 * Both must outlive the network, or the call that takes them back by NULL.
 */
bool pare_net_accumulate(struct pare_net *net, float *const *movement,
                         float *const *coactive);

/** Pick the widest tile and bytes of work space, for the bench. */
size_t pare_net_bytes(const struct pare_net *net);

#endif
