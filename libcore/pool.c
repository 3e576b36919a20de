#include "pool.h"

#include <math.h>

#include "clones.h"

#define BLOCK 1024 /* floats of a pixel at a time */

/* The largest of one more tap; a NaN is larger than all but a NaN. */
static inline int larger(float x, float best)
{
    return !(x <= best) & (best == best);
}

/* y and which from the first tap of a window. */
PARE_CLONES
static void max_first(float *restrict y, uint16_t *restrict which,
                      const float *restrict x, uint16_t tap, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i];
    for (size_t i = 0; which && i < n; i++)
        which[i] = tap;
}

PARE_CLONES
static void max_next(float *restrict y, uint16_t *restrict which,
                     const float *restrict x, uint16_t tap, size_t n)
{
    if (which)
        for (size_t i = 0; i < n; i++) {
            int take = larger(x[i], y[i]);

            y[i] = take ? x[i] : y[i];
            which[i] = take ? tap : which[i];
        }
    else
        for (size_t i = 0; i < n; i++)
            y[i] = larger(x[i], y[i]) ? x[i] : y[i];
}

/* a / b upwards; most often b is 1, and pixels may be small. */
static size_t divide_up(size_t a, size_t b)
{
    return b == 1 ? a : (a + b - 1) / b;
}

/* Taps of one direction that lie inside of the image: [first, end). */
struct taps {
    size_t first, end;
    size_t at; /* place of tap `first` in the image */
};

static struct taps taps_inside(const struct pare_pool *p, int dir, size_t out)
{
    size_t size = dir ? p->w : p->h, pad = p->win.pad[dir];
    size_t step = p->win.dilation[dir], start = out * p->win.stride[dir];
    struct taps t = {0, 0, start};

    if (start < pad)
        t.first = divide_up(pad - start, step);
    if (size + pad > start)
        t.end = divide_up(size + pad - start, step);
    if (t.end > p->win.kernel[dir])
        t.end = p->win.kernel[dir];
    if (t.end < t.first)
        t.end = t.first;
    t.at = start + t.first * step - pad;
    return t;
}

/* The largest of n floats at one output pixel, from place `at` on. */
static void max_window(const struct pare_pool *p, float *y, uint16_t *which,
                       const float *x, const struct taps *ty,
                       const struct taps *tx, size_t n)
{
    size_t size = p->c * p->lanes;
    bool first = true;

    for (size_t ky = ty->first; ky < ty->end; ky++)
        for (size_t kx = tx->first; kx < tx->end; kx++) {
            size_t iy = ty->at + (ky - ty->first) * p->win.dilation[0];
            size_t ix = tx->at + (kx - tx->first) * p->win.dilation[1];
            const float *from = x + (iy * p->w + ix) * size;
            uint16_t tap = (uint16_t)(ky * p->win.kernel[1] + kx);

            if (first)
                max_first(y, which, from, tap, n);
            else
                max_next(y, which, from, tap, n);
            first = false;
        }
    for (size_t i = 0; first && i < n; i++) {
        y[i] = -INFINITY;
        if (which)
            which[i] = 0;
    }
}

void pare_maxpool_forward(const struct pare_pool *p, float *y, uint16_t *which,
                          const float *x, size_t row, size_t rows)
{
    size_t size = p->c * p->lanes;

    for (size_t oy = row; oy < row + rows; oy++) {
        struct taps ty = taps_inside(p, 0, oy);

        for (size_t ox = 0; ox < p->ow; ox++) {
            struct taps tx = taps_inside(p, 1, ox);
            size_t at = (oy * p->ow + ox) * size;

            for (size_t i = 0; i < size; i += BLOCK)
                max_window(p, y + at + i, which ? which + at + i : NULL, x + i,
                           &ty, &tx, size - i < BLOCK ? size - i : BLOCK);
        }
    }
}

/* Outputs of one direction whose windows may hold a place of the image. */
struct span {
    size_t first, end;
};

static struct span windows_over(const struct pare_pool *p, int dir, size_t in)
{
    size_t stride = p->win.stride[dir], n = dir ? p->ow : p->oh;
    size_t reach = (p->win.kernel[dir] - 1) * p->win.dilation[dir];
    size_t place = in + p->win.pad[dir];
    struct span s = {0, place / stride + 1};

    if (place > reach)
        s.first = divide_up(place - reach, stride);
    if (s.end > n)
        s.end = n;
    return s;
}

/* The tap by which window `out` holds the place, or SIZE_MAX. */
static size_t tap_of(const struct pare_pool *p, int dir, size_t in, size_t out)
{
    size_t step = p->win.dilation[dir];
    size_t off = in + p->win.pad[dir] - out * p->win.stride[dir];

    if (step == 1)
        return off;
    return off % step ? SIZE_MAX : off / step;
}

PARE_CLONES
static void max_scatter(float *restrict dx, const float *restrict dy,
                        const uint16_t *restrict which, uint16_t tap, size_t n,
                        bool add)
{
    if (add)
        for (size_t i = 0; i < n; i++)
            dx[i] += which[i] == tap ? dy[i] : 0.0f;
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = which[i] == tap ? dy[i] : 0.0f;
}

PARE_CLONES
static void mean_scatter(float *restrict dx, const float *restrict dy,
                         float factor, size_t n, bool add)
{
    if (add)
        for (size_t i = 0; i < n; i++)
            dx[i] += factor * dy[i];
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = factor * dy[i];
}

/* What the mean is multiplied with at one output. */
static float mean_factor(const struct pare_pool *p, const struct taps *ty,
                         const struct taps *tx)
{
    size_t n = p->count_pad ? p->win.kernel[0] * p->win.kernel[1]
                            : (ty->end - ty->first) * (tx->end - tx->first);

    return n ? (float)(1.0 / (double)n) : 0.0f;
}

/* What of the gradient reaches one input pixel. */
struct pixel {
    size_t y, x;
    struct span oy, ox;
};

/* which is NULL for the mean. */
static void gather(const struct pare_pool *p, float *dx, const float *dy,
                   const uint16_t *which, const struct pixel *at, size_t n,
                   bool add)
{
    for (size_t oy = at->oy.first; oy < at->oy.end; oy++)
        for (size_t ox = at->ox.first; ox < at->ox.end; ox++) {
            size_t ky = tap_of(p, 0, at->y, oy), kx = tap_of(p, 1, at->x, ox);
            size_t from = (oy * p->ow + ox) * p->c * p->lanes;

            if (ky == SIZE_MAX || kx == SIZE_MAX)
                continue;
            if (which) {
                max_scatter(dx, dy + from, which + from,
                            (uint16_t)(ky * p->win.kernel[1] + kx), n, add);
            } else {
                struct taps ty = taps_inside(p, 0, oy);
                struct taps tx = taps_inside(p, 1, ox);

                mean_scatter(dx, dy + from, mean_factor(p, &ty, &tx), n, add);
            }
            add = true;
        }
    for (size_t i = 0; !add && i < n; i++)
        dx[i] = 0.0f;
}

static void backward(const struct pare_pool *p, float *dx, const float *dy,
                     const uint16_t *which, size_t row, size_t rows, bool add)
{
    size_t size = p->c * p->lanes;

    for (size_t y = row; y < row + rows; y++) {
        struct pixel at = {y, 0, windows_over(p, 0, y), {0, 0}};

        for (at.x = 0; at.x < p->w; at.x++) {
            float *to = dx + (y * p->w + at.x) * size;

            at.ox = windows_over(p, 1, at.x);
            for (size_t i = 0; i < size; i += BLOCK)
                gather(p, to + i, dy + i, which ? which + i : NULL, &at,
                       size - i < BLOCK ? size - i : BLOCK, add);
        }
    }
}

void pare_maxpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, const uint16_t *which, size_t row,
                           size_t rows, bool add)
{
    backward(p, dx, dy, which, row, rows, add);
}

PARE_CLONES
static void set_sum(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i];
}

PARE_CLONES
static void add_sum(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

PARE_CLONES
static void scale_sum(float *restrict y, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= factor;
}

/* Sums of the rows of a window, then of their sums, n floats of a pixel. */
static void mean_window(const struct pare_pool *p, float *y, const float *x,
                        const struct taps *ty, const struct taps *tx, size_t n)
{
    size_t size = p->c * p->lanes, step = p->win.dilation[1] * size;
    float line[BLOCK];

    for (size_t i = 0; i < n; i++)
        y[i] = 0.0f;
    for (size_t ky = ty->first; ky < ty->end && tx->first < tx->end; ky++) {
        size_t iy = ty->at + (ky - ty->first) * p->win.dilation[0];
        const float *from = x + (iy * p->w + tx->at) * size;

        set_sum(line, from, n);
        for (size_t kx = tx->first + 1; kx < tx->end; kx++) {
            from += step;
            add_sum(line, from, n);
        }
        add_sum(y, line, n);
    }
    scale_sum(y, mean_factor(p, ty, tx), n);
}

void pare_avgpool_forward(const struct pare_pool *p, float *y, const float *x,
                          size_t row, size_t rows)
{
    size_t size = p->c * p->lanes;

    for (size_t oy = row; oy < row + rows; oy++) {
        struct taps ty = taps_inside(p, 0, oy);

        for (size_t ox = 0; ox < p->ow; ox++) {
            struct taps tx = taps_inside(p, 1, ox);

            for (size_t i = 0; i < size; i += BLOCK)
                mean_window(p, y + (oy * p->ow + ox) * size + i, x + i, &ty,
                            &tx, size - i < BLOCK ? size - i : BLOCK);
        }
    }
}

void pare_avgpool_backward(const struct pare_pool *p, float *dx,
                           const float *dy, size_t row, size_t rows, bool add)
{
    backward(p, dx, dy, NULL, row, rows, add);
}
