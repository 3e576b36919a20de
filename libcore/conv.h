#ifndef PARE_CONV_H
#define PARE_CONV_H

#include "layer.h"

/**
 * The geometry of one convolution over a tile of images.
 *
 * A tile is [height][width][channels][lanes]: `lanes` samples side by side,
 * innermost. Lanes are 16, 32 or 64, or 1: then a tile is one sample, and
 * the channels are innermost.
 *
 *     y[oy][ox][o][s] = bias[o] + sum over c, ky, kx of
 *         weight[o][c][ky][kx]
 *         * x[oy sh - ph + ky dh][ox sw - pw + kx dw][c][s]
 *
 * where terms outside of the image are left out and, with groups, c runs
 * over the channels of o's group.
 */
struct pare_conv {
    size_t ci, h, w;   /* channels, height and width of the input */
    size_t co, oh, ow; /* of the output */
    struct pare_window win;
    size_t lanes;
};

/** Floats that packed weights take; the same forward and backward. */
size_t pare_conv_packed(const struct pare_conv *c);

/**
 * Bring weights into the order that the kernels read.
 *
 * @param packed    [pare_conv_packed(c)] out, 64-byte aligned
 * @param weight    [co][ci / groups][kh][kw]
 * @param backward  for pare_conv_backward instead of pare_conv_forward
 */
void pare_conv_pack(float *packed, const struct pare_conv *c,
                    const float *weight, bool backward);

/** Rows of the output (of the input, backward) that one task should do. */
size_t pare_conv_band(const struct pare_conv *c, bool backward);

/**
 * Rows [row, row + rows) of y for one tile. In family fma every element is
 * one chain of fused multiply-adds from the bias on, over ky, kx and the
 * channels, so neither the band nor the lanes change a bit.
 *
 * @param y       [oh][ow][co][lanes] out, those rows only
 * @param x       [h][w][ci][lanes]
 * @param packed  by pare_conv_pack, forward
 * @param bias    [co], or NULL
 */
void pare_conv_forward(const struct pare_conv *c, float *y, const float *x,
                       const float *packed, const float *bias, size_t row,
                       size_t rows);

/**
 * Rows [row, row + rows) of dx for one tile, from the gradient at y. In
 * family fma every element is one chain from 0, or from what was there, over
 * oy, ox and the channels.
 *
 * @param dx      [h][w][ci][lanes] out, those rows only
 * @param packed  by pare_conv_pack, backward
 * @param add     add to dx instead of setting it
 */
void pare_conv_backward(const struct pare_conv *c, float *dx, const float *dy,
                        const float *packed, size_t row, size_t rows,
                        bool add);

/** Tasks that the weight gradient is cut into: of up to 32 channels each. */
size_t pare_conv_gradient_tasks(const struct pare_conv *c);

/** Floats of scratch that one task of the gradient needs. */
size_t pare_conv_gradient_scratch(const struct pare_conv *c);

/**
 * Gradient of the weights and biases of some output channels, summed over
 * all lanes of all tiles in an order fixed by the shape. Lanes that hold no
 * sample must have dy = 0 and a finite x.
 *
 * @param task     0 .. pare_conv_gradient_tasks(c) - 1
 * @param first    first output channel of the task, out
 * @param count    output channels of the task, out
 * @param dw       [count][ci / groups][kh][kw] out; room for the largest
 *                 count, pare_conv_gradient_channels(c)
 * @param db       [count] out, or NULL
 * @param x        [tiles][h][w][ci][lanes]
 * @param dy       [tiles][oh][ow][co][lanes]
 * @param scratch  [pare_conv_gradient_scratch(c)], 64-byte aligned
 */
void pare_conv_gradient(const struct pare_conv *c, size_t task, size_t *first,
                        size_t *count, float *dw, float *db, const float *x,
                        const float *dy, size_t tiles, float *scratch);

/** Most output channels of one task of the gradient. */
size_t pare_conv_gradient_channels(const struct pare_conv *c);

#endif
