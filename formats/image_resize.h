#ifndef PARE_IMAGE_RESIZE_H
#define PARE_IMAGE_RESIZE_H

#include "image.h"

#define PARE_RESIZE_SIDE 16384 /* most pixels of a side of the result */

/** How the samples of one axis become others; zeroed is none. */
struct pare_resize_axis {
    size_t n_in, n_out;
    uint32_t total;   /* sum of the weights of one output */
    uint32_t *first;  /* [n_out] first input of each output */
    uint32_t *begin;  /* [n_out + 1] its weights are begin[i] .. begin[i+1] */
    uint32_t *weight; /* those of all outputs, one after the other */
};

/** What resizing keeps from one image to the next; zeroed is empty. */
struct pare_resize {
    struct pare_resize_axis x, y;
    uint32_t *row; /* [width][channels] of the image */
    size_t room;   /* values at row */
};

/** A part of an image, in pixels. */
struct pare_image_part {
    size_t x, y, width, height;
};

/**
 * The largest part in the middle of an image that has the shape of
 * [height][width], to the nearest pixel; odd remainders go to the right and
 * to the bottom.
 */
struct pare_image_part pare_resize_middle(const struct pare_image *im,
                                          size_t height, size_t width);

/**
 * Resize a part of an image and store its channels one after the other.
 *
 * Pixels are squares and their values hold at their centres, so that output
 * i of an axis from n to m lies at (i + 1/2) n/m - 1/2. Along an axis that
 * shrinks, an output is the mean of the inputs under it, each weighed by the
 * length of its overlap with [i n/m, (i + 1) n/m); along one that grows it is
 * interpolated linearly between the two nearest inputs, and the border is
 * repeated. Both axes are done in whole numbers without a rounding in
 * between; the result is the exact value rounded to the nearest, halves up.
 *
 * @param out     [channels][height][width], out
 * @param height  of the result, 1..PARE_RESIZE_SIDE; width the same
 * @param w       within im, not empty
 * @param s       for one thread; pare_resize_release frees it
 * @return 0; PARE_ENOMEM
 */
int pare_resize(uint8_t *out, size_t height, size_t width,
                const struct pare_image *im, const struct pare_image_part *w,
                struct pare_resize *s);

/** Free what the struct owns and zero it. */
void pare_resize_release(struct pare_resize *s);

#endif
