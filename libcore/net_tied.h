#ifndef PARE_NET_TIED_H
#define PARE_NET_TIED_H

#include "net_layers.h"

/** Weights of a tensor that share levels; inside of a network. */
struct net_tied;

/** Free them all; NULL is fine. */
void net_tied_free(struct net_tied **tied, size_t n);

/** Take n gradients at `at` of a tied tensor. */
void net_tied_take(struct net_tied *t, size_t at, const float *g, size_t n);

/** Sum the gradients of each level, update all tied tensors by `update`, and
 *  let levels that met be one. */
void net_tied_update(struct net_pass *p,
                     void (*update)(struct net_pass *p, size_t tensor,
                                    size_t at, const float *g, size_t n));

#endif
