#ifndef PARE_BATCHNORM_H
#define PARE_BATCHNORM_H

#include <stddef.h>

/*
 * Batch normalisation of tiles [pixels][channels][lanes]; a tile of features
 * has one pixel, and its features are the channels. The caller cuts the
 * tiles into parts (bands of pixels of one tile), runs them in any order and
 * combines the parts in order, so the sums do not depend on threads.
 */

/**
 * Mean and sum of squared deviations of each channel over some pixels of
 * one tile. Every lane of a channel has float sums of its own over 32
 * pixels, which then are added in double: m2 is right to 1e-6 of itself and
 * the mean to 1e-6 of the deviation, also where the mean is a million times
 * the deviation. A NaN makes both NaN; values beyond 1e18 may
 * overflow.
 *
 * @param mean   [channels] double, out
 * @param m2     [channels] double, out
 * @param x      [pixels][channels][lanes]
 * @param valid  lanes that hold a sample, 1..lanes; the others do not count
 */
void pare_batchnorm_part(double *mean, double *m2, const float *x,
                         size_t pixels, size_t channels, size_t lanes,
                         size_t valid);

/**
 * Combine parts in order into the moments of all; empty parts do not count,
 * and of nothing both are 0.
 *
 * @param mean,var    [channels] out; var = sum of squares / all values
 * @param parts       number of parts, >= 1
 * @param part_mean   [parts][channels]
 * @param part_m2     [parts][channels]
 * @param part_count  [parts] values a channel of each part
 *
 * Source: Chan, Golub, LeVeque 1983, pairwise update of moments.
 */
void pare_batchnorm_combine(double *mean, double *var, size_t channels,
                            size_t parts, const double *part_mean,
                            const double *part_m2, const size_t *part_count);

/**
 * y = (x - mean) * factor + shift, for each channel, in all lanes, rounded
 * after each operation.
 *
 * @param y     [pixels][channels][lanes] out; may be x
 * @param mean,factor,shift  [channels]
 * @param relu  then max(y, 0), as the activation does it: a NaN stays
 */
void pare_batchnorm_apply(float *y, const float *x, size_t pixels,
                          size_t channels, size_t lanes, const float *mean,
                          const float *factor, const float *shift, int relu);

/**
 * Sums for the backward pass over some pixels of one tile:
 * sum_dy = sum of dy, sum_dyx = sum of dy (x - mean), summed as above.
 *
 * @param sum_dy,sum_dyx  [channels] double, out
 * @param dy,x   [pixels][channels][lanes]
 * @param valid  as above
 * @param mean   [channels]
 */
void pare_batchnorm_backward_part(double *sum_dy, double *sum_dyx,
                                  const float *dy, const float *x,
                                  size_t pixels, size_t channels, size_t lanes,
                                  size_t valid, const float *mean);

/**
 * dx = a dy + b (x - mean) + c for each channel in the lanes that hold a
 * sample, 0 in the others.
 *
 * @param dx      [pixels][channels][lanes] out; may be dy
 * @param mean,a,b,c  [channels]
 * @param add     add to dx instead of setting it
 */
void pare_batchnorm_backward_apply(float *dx, const float *dy, const float *x,
                                   size_t pixels, size_t channels, size_t lanes,
                                   size_t valid, const float *mean,
                                   const float *a, const float *b,
                                   const float *c, int add);

#endif
