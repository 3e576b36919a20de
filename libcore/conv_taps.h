#ifndef PARE_CONV_TAPS_H
#define PARE_CONV_TAPS_H

#include <stdbool.h>
#include <stddef.h>

#define CONV_ROWS 12 /* most channels of a panel of weights */
#define CONV_WIDE 64 /* the same with one lane, where panels are padded */
#define CONV_STEP 16 /* to a multiple of this */
#define CORR_ROWS 8  /* most output channels of a block of the gradient */
#define CORR_TAPS 6  /* most taps of it */

/**
 * What will be needed next, to bring near meanwhile: `lines` times 16 floats
 * from at + i step on, with segment i. Only a hint: it may lie outside of
 * any array, and kernels may leave it.
 */
struct pare_soon {
    const float *at;
    size_t step, lines;
};

/** Part i of n of `floats` at `at`, and again each step. */
static inline struct pare_soon conv_soon(const float *at, size_t step,
                                         size_t floats, size_t i, size_t n)
{
    size_t lines = (floats / 16 + n - 1) / n;

    return (struct pare_soon){at + i * lines * 16, step, lines};
}

/**
 * Some pixels of a row, whose taps all lie inside of the source, times a
 * panel of weights:
 *
 *     y[p][o][s] = start + sum over i < rows, j < segs, k < len of
 *         w[i w_row + j w_seg + k ld + o]
 *         * x[p x_pixel + i x_row + j x_seg + k lanes + s]
 *
 * Every element is one chain of multiply-adds in that order. All strides
 * are counted in floats. With one lane there is room for weights up to a
 * multiple of CONV_STEP channels.
 */
struct pare_taps {
    size_t lanes;
    size_t rows, segs, len; /* of the sum */
    size_t channels, ld;    /* of the panel, and from k to k + 1 */
    size_t pixels;
    const float *x;
    size_t x_pixel, x_row, x_seg;
    const float *w;
    size_t w_row, w_seg;
    float *y;
    size_t y_pixel;
    const float *bias; /* [channels], the start, or NULL: 0 */
    bool add;          /* start from y instead */
    struct pare_soon soon[2];
};

/** n up to a multiple of CONV_STEP. */
static inline size_t conv_padded(size_t n)
{
    return (n + CONV_STEP - 1) / CONV_STEP * CONV_STEP;
}

typedef void pare_taps_fn(const struct pare_taps *t);

/** The function of the kernels in use; by products of matrices if none. */
pare_taps_fn *conv_taps(void);

/**
 * A block of the weight gradient over rows x pixels pixels, in partial sums
 * of 16 lanes:
 *
 *     acc[o][t][l] += sum over i < rows, p < pixels, s = l, l + 16 .. lanes
 *         dy[i dy_row + p dy_pixel + o lanes + s]
 *         * x[t x_tap + i x_row + p x_pixel + s]
 *
 * each one chain of multiply-adds in that order.
 */
struct pare_corr {
    size_t lanes;
    size_t channels, taps; /* at most conv_corr_rows(taps), CORR_TAPS */
    size_t rows, pixels;
    const float *dy;
    size_t dy_row, dy_pixel;
    const float *x;
    size_t x_tap, x_row, x_pixel;
    float *acc; /* [channels][ld][16] */
    size_t ld;
};

/** Output channels of a block of the gradient, for the sums to stay put. */
static inline size_t conv_corr_rows(size_t taps)
{
    static const size_t rows[CORR_TAPS + 1] = {8, 8, 8, 8, 6, 5, 4};

    return rows[taps];
}

/** Parts of at most `most` in `total`. */
static inline size_t conv_parts(size_t total, size_t most)
{
    return (total + most - 1) / most;
}

/** Part i of `total` cut evenly into parts of at most `most`: its size. */
static inline size_t conv_part(size_t total, size_t most, size_t i,
                               size_t *first)
{
    size_t n = conv_parts(total, most);

    *first = i * total / n;
    return (i + 1) * total / n - *first;
}

#endif
