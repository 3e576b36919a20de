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
                    const struct pare_model *m, bool units);

/**
 * The one layer that takes a layer's output; PARE_INPUT where there are none
 * or several.
 */
size_t criterion_consumer(const struct pare_arch *a, size_t layer);

/* criterion_gradient.c */
int score_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
int units_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
int score_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
int units_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
int score_snip(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);

/* criterion_flow.c */
int score_grasp(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in);
int score_synflow(float *const *score, struct pare_model *m,
                  const struct pare_criterion_input *in);

/* criterion_activation.c */
int score_wanda(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in);
int score_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in);
int units_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in);

/* criterion_weights.c */
int score_lamp(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);
int score_file(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in);
int units_bn_scale(float *const *score, struct pare_model *m,
                   const struct pare_criterion_input *in);
int units_geometric_median(float *const *score, struct pare_model *m,
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
