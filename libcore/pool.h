#ifndef PARE_POOL_H
#define PARE_POOL_H

#include "layer.h"

/**
 * The geometry of pooling over a tile [height][width][channels][lanes]; see
 * conv.h for tiles. Windows may overlap and may leave gaps. Any rows of a
 * tile may be done at any time: the bits are those of the whole.
 */
struct pare_pool {
    size_t c, h, w; /* of the input */
    size_t oh, ow;
    struct pare_window win; /* at most 65,536 taps; groups do not matter */
    size_t lanes;
    bool count_pad; /* average: divide by the whole window at the border */
};

/**
 * Rows [row, row + rows) of the output: the largest value under the window.
 * The first of equal values is taken; a NaN is larger than all. A window
 * without a tap inside of the image gives -inf, which no input takes the
 * gradient of.
 *
 * @param y      [oh][ow][c][lanes] out; here and below the whole tile, of
 *               which those rows are written
 * @param which  [oh][ow][c][lanes] tap ky * kw + kx of the largest, out, or
 *               NULL
 * @param x      [h][w][c][lanes]
 */
void pare_maxpool_forward(const struct pare_pool *p, float *y, uint16_t *which,
                          const float *x, size_t row, size_t rows);

/**
 * Rows [row, row + rows) of dx, the gradient at the input: the sum over the
 * windows that hold a pixel, by rows of the output.
 *
 * @param dx     [h][w][c][lanes] out
 * @param dy     [oh][ow][c][lanes]
 * @param which  [oh][ow][c][lanes] by pare_maxpool_forward
 * @param add    add to dx instead of setting it
 */
void pare_maxpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, const uint16_t *which, size_t row,
                           size_t rows, bool add);

/**
 * The same for the mean under the window: the sum of the sums of its rows,
 * times the float next to 1 / taps. The taps are those inside of the image,
 * with count_pad all; a window without one gives 0.
 */
void pare_avgpool_forward(const struct pare_pool *p, float *y, const float *x,
                          size_t row, size_t rows);
void pare_avgpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, size_t row, size_t rows, bool add);

#endif
