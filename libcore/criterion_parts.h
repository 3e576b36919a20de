#ifndef PARE_CRITERION_PARTS_H
#define PARE_CRITERION_PARTS_H

#include "criterion.h"
#include "observe.h"

/*
 * Functions of the rows in criterion.c, by the file they are in, and what
 * they share. Contracts: struct pare_criterion.
 */

#define CRITERION_CALIBRATE 1000 /* samples, where not told */

/**
 * The samples to calibrate on: the first of a random order of the training
 * split.
 *
 * @param index  malloc'd, out; the caller frees it
 * @param n      samples, out: in->calibrate, or else `usual` or all there are
 * @return 0; PARE_EINVAL (no training split, more asked for than it has);
 *         PARE_ENOMEM
 */
int criterion_samples(uint32_t **index, size_t *n, size_t usual,
                      const struct pare_criterion_input *in);

/** A pass over the samples, block by block. */
struct criterion_walk {
    struct pare_observer *o;
    const struct pare_model *m;
    uint32_t *index; /* [n] */
    size_t n, of;    /* samples of this block; of all */
    double **sum;    /* [n_tensors], zeroed; NULL where no score is wanted */
    bool units;      /* arrays are of units, else of weights */
};

/**
 * Set up a walk: samples chosen, an observer, and sums for every score that
 * is asked for. Release it whatever is returned.
 *
 * @return 0; PARE_EMISMATCH for data that do not fit; of criterion_samples
 */
int criterion_begin(struct criterion_walk *w, float *const *score, bool units,
                    struct pare_model *m, const struct pare_criterion_input *in,
                    enum pare_observe want);

/** Run all samples forward, and backward with `back`, and call `see`. */
int criterion_run(struct criterion_walk *w,
                  const struct pare_criterion_input *in, bool back,
                  void (*see)(struct criterion_walk *w, void *arg), void *arg);

void criterion_end(struct criterion_walk *w);

/** Zeroed doubles beside every score; NULL without memory (message set). */
double **criterion_sums(float *const *score, const struct pare_model *m,
                        bool units);

void criterion_drop(double **sum, const struct pare_model *m);

/**
 * Give the scores out in float32. Where some of them do not fit there, all
 * are multiplied by one power of two, so that the largest is near 2^100, and
 * what still is below the smallest float32 becomes that; their order stays,
 * but for what is equal in 24 bits.
 *
 * @return 0; PARE_EINVAL where one is infinite or NaN (the tensor is named)
 */
int criterion_store(float *const *score, double *const *sum,
                    const struct pare_model *m, bool units, int threads);

/**
 * The one layer that takes a layer's output; PARE_INPUT where there are none
 * or several.
 */
size_t criterion_consumer(const struct pare_arch *a, size_t layer);

/*
 * The rows. w is a weight, or bias, g the gradient of the mean loss and g_n
 * that of the loss of sample n, both in evaluation mode; masked weights are
 * 0 and score 0.
 */

/* criterion_gradient.c */

/**
 * mean_n |w g_n|; with normalize over the L2 norm of its layer's scores.
 *
 * Source: Molchanov et al. 2017, arXiv:1611.06440.
 * Departure: theirs is of units, see below.
 */
int score_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);

/**
 * mean_n |sum over the unit's outputs z of z dL_n/dz|, which is the sum over
 * its weights and bias of w g_n.
 *
 * Departure: z is the output before the nonlinearity and the sum is not
 * divided by the number of places; where a ReLU follows, z dL/dz is the same
 * before and behind it.
 */
int units_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);

/**
 * w^2 mean_n g_n^2 / 2.
 *
 * Source: LeCun et al. 1990, with the diagonal of the empirical Fisher
 * information in the place of the Hessian's: Theis et al. 2018,
 * arXiv:1801.05787.
 */
int score_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);

/** mean_n (sum over weights and bias of w g_n)^2 / 2; Theis et al. */
int units_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);

/**
 * |w g| over the sum of all that are asked for.
 *
 * Source: Lee et al. 2019, arXiv:1810.02340.
 * Departure: the weights are those of the model, not a draw of their own.
 */
int score_snip(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);

/* criterion_flow.c */

/**
 * w (H g), of the loss with outputs over `temperature`: largest kept. H g is
 * exact, by a second pass along g, which is of all weights, masked ones 0,
 * and of such biases as are asked for.
 *
 * Source: Wang et al. 2020, arXiv:2002.07376; Pearlmutter 1994, for H g.
 */
int score_grasp(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in);

/**
 * |w dR/dw|, R the sum of the outputs for an input of ones, of the network
 * with the absolute values of all tensors; with bias=no those that are added
 * (biases, shifts and means of batch norm) are 0.
 *
 * Source: Tanaka et al. 2020, arXiv:2006.05467.
 * Departure: activations that saturate, and softmax, are the identity, as in
 * the product that the paper defines.
 */
int score_synflow(float *const *score, struct pare_model *m,
                  const struct pare_criterion_input *in);

/* criterion_activation.c */

/**
 * |w| times the L2 norm of its row of columns (pare_unfold) over samples and
 * positions; a bias has a row of ones. With rows, the place of that, from 1,
 * in the ascending order of the unit's weights that are left (of all biases),
 * equal ones by index, over their number.
 *
 * Source: Sun et al. 2024, arXiv:2306.11695.
 */
int score_wanda(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in);

/**
 * |w| times the mean over the pixels of its input channel of |mean over
 * samples of the input|; a bias, times the mean of that over channels.
 *
 * Source: Blalock et al. 2020, arXiv:2003.03033, LayerMagAct.
 */
int score_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in);

/**
 * Mean over samples and places of [y > 0], or with `mean` of |y|, y the
 * unit's output behind the nonlinearity that follows (through batch norm,
 * pools, dropout), or else behind its batch norm.
 *
 * Source: Hu et al. 2016, arXiv:1607.03250: 1 - APoZ.
 */
int units_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in);

/* criterion_weights.c */

/**
 * w^2 over the sum of v^2 over the tensor's weights v that are left and come
 * after w, or are w, by ascending magnitude and then index; 0 / 0 is 0.
 *
 * Source: Lee et al. 2021, arXiv:2010.07611.
 */
int score_lamp(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);

/**
 * |scale| of the batch norm that alone takes the layer's output.
 *
 * @return 0; PARE_EINVAL with the layer's name where there is none
 *
 * Source: Liu et al. 2017, arXiv:1708.06519.
 */
int units_bn_scale(float *const *score, struct pare_model *m,
                   const struct pare_criterion_input *in);

/**
 * Sum over the layer's other units with a weight left of the Euclidean
 * distance of the weights; 0 for a unit without.
 *
 * Source: He et al. 2019, arXiv:1811.00250.
 */
int units_geometric_median(float *const *score, struct pare_model *m,
                           const struct pare_criterion_input *in);

/** Scores that somebody else made, as they are (in->given). */
int score_file(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);

/* criterion_obs.c: options damp, block */
int score_obs(float *const *score, struct pare_model *m,
              const struct pare_criterion_input *in);
int revise_obs(struct pare_revision *r, struct pare_model *m,
               const struct pare_criterion_input *in);

/* criterion_gathered.c */
int criterion_movement(float *const *score, struct pare_model *m,
                       const struct pare_criterion_input *in);
int criterion_hebbian(float *const *score, struct pare_model *m,
                      const struct pare_criterion_input *in);

#endif
