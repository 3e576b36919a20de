#ifndef PARE_NET_DIALECT_H
#define PARE_NET_DIALECT_H

#include "net_layers.h"

/* Where the passes of a network ask for the dialect of its model. */

/** Find the layers that the dialect changes. 0; PARE_EMISMATCH where it
    cannot, with the layer in the message. */
int net_plan_dialect(struct pare_net *net);

/** Is dropout neither scaled nor in the backward pass? */
bool net_plain_dropout(const struct pare_net *net);

/** The scale of a loss's gradient: a dialect's error is not 2/C times it. */
float net_loss_scale(const struct pare_net *net, const struct pare_loss *f,
                     float scale);

/** Back through the sigmoid at the output as the dialect has it. */
void net_double_sigmoid(struct pare_net *net, const struct net_layer *l,
                        size_t tile);

/** In evaluation, what a linear layer made after plain dropout and the
    gradient at it are multiplied by the share that training keeps. */
void net_share_forward(struct pare_net *net, const struct net_layer *l,
                       size_t tile);
void net_share_backward(struct pare_net *net, const struct net_layer *l,
                        size_t tile);

#endif
