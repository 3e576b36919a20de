#ifndef PARE_RBM_H
#define PARE_RBM_H

#include "dataset.h"
#include "loss.h"
#include "model.h"
#include "optimizer.h"

/*
 * Restricted Boltzmann machines: an architecture of one layer `rbm`, whose
 * weight W is {hidden, visible} and lies dense, masked or compact like any
 * other, with a bias of the hidden and one of the visible units. It is no
 * function from inputs to classes, so struct pare_net does not run it.
 */

/** Is the architecture one? */
bool pare_arch_is_rbm(const struct pare_arch *arch);

/**
 * Do loss and architecture go together? A machine is trained by
 * reconstruction, and nothing else is.
 *
 * @return 0; PARE_EMISMATCH
 */
int pare_rbm_check_loss(const struct pare_arch *arch,
                        const struct pare_loss *loss);

/** Work space of one batch for a machine. */
struct pare_rbm;

/**
 * @param rbm      out; free with pare_rbm_free
 * @param m        model; its tensors are used in place and must outlive it,
 *                 and stay as they lie
 * @param batch    largest batch, >= 1
 * @param train    pare_rbm_update will be called
 * @param threads  >= 1; the bits do not depend on it
 * @return 0; PARE_ENOMEM
 */
int pare_rbm_new(struct pare_rbm **rbm, struct pare_model *m, size_t batch,
                 bool train, int threads);

/** NULL is fine. */
void pare_rbm_free(struct pare_rbm *rbm);

/** Where the draws of a pass begin: see PARE_STREAM_GIBBS. */
struct pare_rbm_draws {
    uint64_t seed;
    uint64_t place; /* of the first sample, in fours */
    bool training;  /* else of evaluation, which has numbers of its own */
};

/**
 * One step of Gibbs sampling from the data: h ~ Bernoulli(s(W v + b)),
 * v' = s(W' h + c), and where the machine is trained h' ~ Bernoulli(s(W v' +
 * b)), s the sigmoid. A unit is on where its uniform number is below its
 * probability: word k % 4 of block (place + k / 4) * hidden + j of the stream
 * for sample k and unit j, sub 0 for h, 1 for h', 2 for h in evaluation.
 *
 * @param from   data and split; inputs are scaled, see pare_norm
 * @param index  [n] sample numbers, or NULL for first, first + 1, ...
 * @param n      <= batch
 * @param loss   [n] out: mean over the visible units of (v - v')^2
 * @return 0; PARE_EMISMATCH in training for an input outside of 0..1, or not
 *         a number
 *
 * Source: Hinton 2002, Neural Computation 14(8); Mocanu et al. 2018.
 */
int pare_rbm_forward(struct pare_rbm *rbm, const struct pare_gather *from,
                     const uint32_t *index, size_t first, size_t n,
                     const struct pare_rbm_draws *draws, double *loss);

/**
 * Contrastive divergence of the last forward's n samples: the gradient that
 * the optimiser is given is mean(h' v') - mean(h v) for W, mean(h') - mean(h)
 * and mean(v') - mean(v) for the biases. Masked weights and their state stay
 * exactly 0, or with a dialect's dense state the weights alone.
 */
void pare_rbm_update(struct pare_rbm *rbm, const struct pare_optimizer *row,
                     const struct pare_update *u, struct pare_optstate *state);

#endif
