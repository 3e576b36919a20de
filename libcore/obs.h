#ifndef PARE_OBS_H
#define PARE_OBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Weights of one layer, or of one group of a convolution, that are pruned
 * column by column; all in the order of the tensor.
 */
struct pare_obs {
    size_t rows, cols;
    double *w;             /* [rows][cols] in/out */
    uint8_t *mask;         /* [rows][cols] 1 kept, in/out */
    const uint8_t *before; /* the same, of what there was before, or NULL */
    const double *factor;  /* [cols][cols] pare_linalg_inverse_factor */
    size_t block;          /* columns that are chosen from at once, >= 1 */
    size_t of;             /* n:m: columns of a group; else 0 */
    size_t step;           /* between the columns of a group; 0 is 1 */
    bool fixed;            /* take the mask as it is */
    int threads;
};

/**
 * Prune by the columns' order: what goes is made up for by the columns that
 * follow, so that the outputs change little on the samples that the factor
 * is of.
 *
 * With U the factor, an error e = w_rj / U_jj of a weight that goes changes
 * the weights k > j of its row by - e U_jk. Weights are chosen when their
 * block of columns is reached, by the values they have then: those of
 * lowest w^2 / U_jj^2, equal ones by lower place. As many are kept as the
 * mask keeps: in all, spread over the blocks in proportion to the weights
 * there were (each block's end rounded to the nearest), or for n:m in each
 * group of a row, chosen when its first column is reached: columns c, c +
 * step, ... of which there are `of`, or fewer at the end. Weights
 * that were pruned before stay pruned; they pass the updates on that they
 * would have got.
 *
 * @return 0; PARE_ENOMEM; PARE_EINVAL if a value is not finite in the end
 *
 * Source: Frantar & Alistarh 2023, arXiv:2301.00774 (SparseGPT), after
 * Hassibi & Stork 1993 (OBS).
 * Departure: counts are exact, where theirs are those of a threshold in each
 * block.
 */
int pare_obs_prune(struct pare_obs *o);

/**
 * w^2 / U_jj^2 of all weights, with the values they have.
 *
 * @param score  [rows][cols] out; FLT_MAX where it is more
 */
void pare_obs_scores(float *score, const struct pare_obs *o);

#endif
