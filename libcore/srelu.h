#ifndef PARE_SRELU_H
#define PARE_SRELU_H

#include <stddef.h>

/** The four trained numbers of each channel of an SReLU. */
struct pare_srelu {
    const float *tl, *al, *tr, *ar; /* [channels] each */
};

/**
 * y = tr + ar (x - tr) where x >= tr, else tl + al (x - tl) where x <= tl,
 * else x, as is a NaN.
 *
 * @param y  [pixels][channels][lanes] out, see batchnorm.h; may be x
 *
 * Source: Jin et al. 2016, arXiv:1512.07030.
 */
void pare_srelu_forward(float *y, const float *x, size_t pixels,
                        size_t channels, size_t lanes,
                        const struct pare_srelu *s);

/**
 * Gradient at the input, and sums of the gradients of the four numbers over
 * these pixels and the lanes that hold a sample: float sums of a lane over
 * 32 pixels, then double.
 *
 * @param dx     [pixels][channels][lanes] out; may be dy; in lanes without
 *               a sample 0 where dy is 0
 * @param sum    [4][channels] double, out: of tl, al, tr, ar
 * @param dy     [pixels][channels][lanes]
 * @param x      the input of the forward pass
 * @param valid  lanes that hold a sample, 1..lanes
 * @param add    add to dx instead of setting it
 */
void pare_srelu_backward(float *dx, double *sum, const float *dy,
                         const float *x, size_t pixels, size_t channels,
                         size_t lanes, size_t valid, const struct pare_srelu *s,
                         int add);

#endif
