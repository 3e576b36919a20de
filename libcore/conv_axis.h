#ifndef PARE_CONV_AXIS_H
#define PARE_CONV_AXIS_H

#include "conv.h"

/**
 * One axis of one direction of a convolution.
 *
 * A pixel of the destination has a run of taps whose sources are evenly
 * spaced. Going backward the positions of the kernel are renumbered so that
 * this holds for any stride and dilation.
 */
struct conv_axis {
    bool backward;
    size_t dst, src, kernel, stride, pad, dilation;
    size_t classes; /* kinds of kernel positions that meet one pixel */
    size_t step;    /* destination pixels until the same taps come again */
    size_t advance; /* of the source in one such step */
    size_t spacing; /* of the sources of one pixel */
};

/** Taps of one destination pixel: n, the first one's source and number. */
struct conv_run {
    size_t n, src, tap;
};

/** Axis 0 or 1: height or width. */
struct conv_axis conv_axis(const struct pare_conv *c, int i, bool backward);

/** Where position k of the kernel stands among the taps. */
size_t conv_axis_tap(const struct conv_axis *a, size_t k);

/** The taps of the destination pixel `pos`. */
struct conv_run conv_axis_run(const struct conv_axis *a, size_t pos);

/** How many pixels from `pos` on, a step apart, have the taps of run r. */
size_t conv_axis_alike(const struct conv_axis *a, size_t pos,
                       const struct conv_run *r);

#endif
