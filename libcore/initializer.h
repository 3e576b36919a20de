#ifndef PARE_INITIALIZER_H
#define PARE_INITIALIZER_H

#include "model.h"

/** A way to draw first weights: a row of the table in initializer.c. */
struct pare_initializer {
    const char *name; /* "pytorch", "glorot-uniform", ..., "normal" */
    const char *help;
    const char *source;
    bool normal; /* a normal distribution, else a uniform one */
    bool bias;   /* biases are drawn too, else 0 */
    bool has_sd; /* takes sd=, else none */
    bool sparse; /* draws sparse layers; others are drawn as by "pytorch" */
    double num;  /* variance of a weight = num / (in fan_in + out fan_out) */
    int in, out;
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_initializer *pare_initializer(size_t index);

/**
 * Check and canonicalise an initialiser ("he-normal", "normal,sd=.05",
 * "glorot-uniform,srelu=random").
 * @param canon  [PARE_SPEC_MAX] out; written only on success
 * @return 0; PARE_EINVAL with a message that names those there are
 */
int pare_initializer_parse(char canon[PARE_SPEC_MAX], const char *spec);

/**
 * Draw the first values of every tensor. Tensor t of layer order uses
 * stream INIT, sub t. Linear and convolution weights as the initialiser
 * says; biases as PyTorch's default does for "pytorch", as the weights for
 * "synapses", and 0 otherwise; batch norm scale 1, shift 0, running mean 0,
 * running variance 1. An srelu starts as a leaky ReLU: tl 0, al 0.2, tr 1,
 * ar 1; with srelu=random al is uniform in [0, 1) and tr in [0, 5).
 *
 * The number at a position is the same whatever other positions there are:
 * a compact tensor gets those of its entries.
 *
 * @param value  [n_tensors] arrays of tensor[t].n floats, out
 * @param m      gives architecture and tensors; masks do not matter
 * @return 0; PARE_EINVAL for an unknown initialiser, or one for sparse
 *         layers (nothing written)
 *
 * Source: Jin et al. 2016, arXiv:1512.07030, section 3.2, for srelu; the
 * random numbers are those of Mocanu et al. 2018, arXiv:1707.04780.
 */
int pare_initializer_draw(float *const *value, const struct pare_model *m,
                          const char *spec, uint64_t seed);

/**
 * Draw into the model's own values, and set m->init and checkpoint init.
 *
 * Masks stay and hold: the digest kept is that of the values before them. A
 * model that was born sparse (init.sparse) gets numbers where it has
 * connections now, which need not be where it had them first; so checkpoint
 * init then holds them whole.
 *
 * @return 0; PARE_EINVAL; PARE_ENOMEM
 */
int pare_model_draw(struct pare_model *m, const char *spec, uint64_t seed);

/**
 * Give a model that was laid its first connections (pare_sparse_connect),
 * room for its values, and these; set m->init and checkpoint init. With
 * fan=sparse an initialiser takes for the inputs of a unit those that it has,
 * and for the outputs of an input their share by the layer's density.
 *
 * @param sparse  as pare_sparse_parse takes it
 * @return 0; PARE_EINVAL; PARE_ELIMIT; PARE_ENOMEM. The model is the caller's
 *         to release in any case
 *
 * Source: Evci et al. 2022, arXiv:2010.03533, for fan=sparse.
 * Departure: biases are drawn by the inputs that the layer could have.
 */
int pare_model_draw_sparse(struct pare_model *m, const char *spec,
                           const char *sparse, uint64_t seed);

/**
 * The values of checkpoint `init`, regenerated from the seed and checked
 * against the digest kept, or copied where they are stored whole. Masks are
 * not applied. A position that a model born sparse did not begin with has
 * value 0; a compact tensor gets the values at its entries.
 *
 * @param value  [n_tensors] arrays, out
 * @return 0; PARE_EFORMAT if the digest does not match or there is no init
 *         (value is then undefined); PARE_ENOMEM
 */
int pare_model_init_values(float *const *value, const struct pare_model *m);

/**
 * Is that so of a model that comes tensor by tensor (loader.h)? It keeps no
 * values of init, and was not born sparse. As pare_model_init_values.
 */
int pare_model_check_init(const struct pare_model *m);

/**
 * The same into arrays of their own.
 *
 * @param value  [n_tensors] malloc'd array of malloc'd arrays of tensor[t].n
 *               floats, out: the caller frees them
 * @return 0; PARE_ENOMEM; as pare_model_init_values
 */
int pare_model_draw_init(float ***value, const struct pare_model *m);

#endif
