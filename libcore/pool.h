#ifndef PARE_POOL_H
#define PARE_POOL_H

#include "layer.h"

/**
 * The geometry of pooling over a tile [height][width][channels][lanes]; see
 * conv.h for tiles. Windows may overlap and may leave gaps.
 */
struct pare_pool {
    size_t c, h, w; /* of the input */
    size_t oh, ow;
    struct pare_window win;
    size_t lanes;
    bool count_pad; /* average: divide by the whole window at the border */
};

/**
 * Rows [row, row + rows) of the output: the largest value under the window.
 * The first of equal values is taken; a NaN is larger than all.
 *
 * @param y      [oh][ow][c][lanes] out
 * @param which  [oh][ow][c][lanes] tap ky * kw + kx of the largest, out, or
 *               NULL
 * @param x      [h][w][c][lanes]
 */
void pare_maxpool_forward(const struct pare_pool *p, float *y, uint16_t *which,
                          const float *x, size_t row, size_t rows);

/**
 * Rows [row, row + rows) of dx, the gradient at the input.
 * @param add  add to dx instead of setting it
 */
void pare_maxpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, const uint16_t *which, size_t row,
                           size_t rows, bool add);

/** The same for the mean under the window. */
void pare_avgpool_forward(const struct pare_pool *p, float *y, const float *x,
                          size_t row, size_t rows);
void pare_avgpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, size_t row, size_t rows, bool add);

#endif
