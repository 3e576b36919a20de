#ifndef PARE_TIED_H
#define PARE_TIED_H

#include "model.h"

struct pare_net;

/*
 * Training of weights that share levels. A level is one parameter: its
 * gradient is the sum of those of the weights that have it, so that they stay
 * equal and so do their optimiser slots. The sum goes to each of them and the
 * optimiser's update is as ever, weight decay included. Sums are of doubles in
 * the order of positions, in parts of a fixed size. Where two levels meet they
 * are one from then on, with the slots of the one that comes first in the
 * tensor. Codes are a function of values, so that a file keeps none of this.
 *
 * Source: Han et al. 2016, arXiv:1510.00149, section 3 and figure 3.
 * Departure: any optimiser; a decay is of the level, not of each weight.
 */

/**
 * What a model promises while it is trained: books of weights and biases stay
 * and become codebooks of the levels in use, int8 and 16 bits are forgotten.
 *
 * @return 0; PARE_EMISMATCH for a Boltzmann machine with a book; PARE_ENOMEM
 */
int pare_tie_begin(struct pare_model *m);

/** Do tensors of a model have levels that training keeps? */
bool pare_model_tied(const struct pare_model *m);

/** Number of tensors whose int8 or 16 bits training forgets. */
size_t pare_model_untied(const struct pare_model *m);

/**
 * Tie the weights of a network that is trained; pare_net_backward_update then
 * keeps them so, and the books of its model. Slots that differ among weights
 * of a level are set to 0, all of the tensor.
 *
 * @param s  slots of the optimiser, which are updated with the weights
 * @return 0; PARE_EINVAL for a value that is no level of its tensor;
 *         PARE_ENOMEM
 */
int pare_net_tie(struct pare_net *net, struct pare_optstate *s);

/** Make books anew from values that were set otherwise, by a checkpoint.
 *  0; PARE_ENOMEM. */
int pare_tie_end(struct pare_model *m);

#endif
