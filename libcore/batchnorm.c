#include "batchnorm.h"

#include <string.h>

#include "channels.h"
#include "clones.h"

/* Sums over the pixels of x [pixels][stride], first n columns. */
PARE_CLONES
static void add_pixels(float *restrict sum, const float *restrict x, size_t n,
                       size_t pixels, size_t stride)
{
    memset(sum, 0, n * sizeof *sum);
    for (; pixels >= 4; pixels -= 4, x += 4 * stride) {
        const float *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;

        for (size_t i = 0; i < n; i++)
            sum[i] += (x[i] + x1[i]) + (x2[i] + x3[i]);
    }
    for (; pixels > 0; pixels--, x += stride)
        for (size_t i = 0; i < n; i++)
            sum[i] += x[i];
}

/* Sums of the differences from `mid` and of their squares. */
PARE_CLONES
static void add_deviations(float *restrict sum, float *restrict squares,
                           const float *restrict x, const float *restrict mid,
                           size_t n, size_t pixels, size_t stride)
{
    memset(sum, 0, n * sizeof *sum);
    memset(squares, 0, n * sizeof *squares);
    for (; pixels >= 4; pixels -= 4, x += 4 * stride) {
        const float *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;

        for (size_t i = 0; i < n; i++) {
            float d0 = x[i] - mid[i], d1 = x1[i] - mid[i];
            float d2 = x2[i] - mid[i], d3 = x3[i] - mid[i];

            sum[i] += (d0 + d1) + (d2 + d3);
            squares[i] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    }
    for (; pixels > 0; pixels--, x += stride)
        for (size_t i = 0; i < n; i++) {
            float d = x[i] - mid[i];

            sum[i] += d;
            squares[i] += d * d;
        }
}

/* Where a block of channels lies. */
struct block {
    size_t channels, lanes, valid, stride;
};

/*
 * Moments of one chunk into those of `before` values a channel. The first
 * sweep finds a number near the mean, the second sums differences from it,
 * which are small even where the mean is large.
 */
static void part_chunk(double *mean, double *m2, const float *x, size_t pixels,
                       const struct block *b, size_t before)
{
    float sum[PARE_BLOCK], squares[PARE_BLOCK], room[PARE_BLOCK];
    float near[PARE_BLOCK];
    double s[PARE_BLOCK], q[PARE_BLOCK];
    size_t n = b->channels * b->lanes;
    double now = (double)(pixels * b->valid), all = (double)before + now;
    const float *mid;

    add_pixels(sum, x, n, pixels, b->stride);
    pare_lane_sums(s, sum, b->channels, b->lanes, b->valid);
    for (size_t c = 0; c < b->channels; c++)
        near[c] = (float)(s[c] / now);
    mid = pare_spread(room, near, b->channels, b->lanes);
    add_deviations(sum, squares, x, mid, n, pixels, b->stride);
    pare_lane_sums(s, sum, b->channels, b->lanes, b->valid);
    pare_lane_sums(q, squares, b->channels, b->lanes, b->valid);
    for (size_t c = 0; c < b->channels; c++) {
        double shift = (double)near[c] + s[c] / now - mean[c];
        double about = q[c] - s[c] * s[c] / now;

        m2[c] += (about < 0 ? 0 : about) +
                 shift * shift * ((double)before * now / all);
        mean[c] += shift * (now / all);
    }
}

void pare_batchnorm_part(double *mean, double *m2, const float *x,
                         size_t pixels, size_t channels, size_t lanes,
                         size_t valid)
{
    struct block b = {0, lanes, valid, channels * lanes};

    memset(mean, 0, channels * sizeof *mean);
    memset(m2, 0, channels * sizeof *m2);
    for (size_t c = 0; c < channels; c += b.channels) {
        b.channels = pare_block_channels(channels - c, lanes);
        for (size_t p = 0; p < pixels; p += PARE_CHUNK_PIXELS)
            part_chunk(mean + c, m2 + c, x + p * b.stride + c * lanes,
                       pare_chunk_pixels(pixels - p), &b, p * valid);
    }
}

void pare_batchnorm_combine(double *mean, double *var, size_t channels,
                            size_t parts, const double *part_mean,
                            const double *part_m2, const size_t *part_count)
{
    double before = 0;

    memset(mean, 0, channels * sizeof *mean);
    memset(var, 0, channels * sizeof *var);
    for (size_t p = 0; p < parts; p++) {
        double now = (double)part_count[p], all = before + now;

        if (part_count[p] == 0)
            continue;
        for (size_t c = 0; c < channels; c++) {
            double shift = part_mean[p * channels + c] - mean[c];

            mean[c] += shift * (now / all);
            var[c] += part_m2[p * channels + c] +
                      shift * shift * (before * now / all);
        }
        before = all;
    }
    for (size_t c = 0; before > 0 && c < channels; c++)
        var[c] /= before;
}

/* As the activation does it: -0 gives 0, a NaN stays. */
static inline float rectify(float x)
{
    return x > 0.0f ? x : (x != x ? x : 0.0f);
}

/* The numbers of a block of channels, spread over the lanes. */
struct terms {
    const float *mean, *factor, *shift;
};

PARE_CLONES
static void apply_apart(float *restrict y, const float *restrict x, size_t n,
                        size_t pixels, size_t stride, const struct terms *t,
                        int relu)
{
    const float *restrict mean = t->mean, *restrict factor = t->factor;
    const float *restrict shift = t->shift;

    for (size_t p = 0; p < pixels; p++, x += stride, y += stride)
        if (relu)
            for (size_t i = 0; i < n; i++)
                y[i] = rectify((x[i] - mean[i]) * factor[i] + shift[i]);
        else
            for (size_t i = 0; i < n; i++)
                y[i] = (x[i] - mean[i]) * factor[i] + shift[i];
}

PARE_CLONES
static void apply_in_place(float *restrict x, size_t n, size_t pixels,
                           size_t stride, const struct terms *t, int relu)
{
    const float *restrict mean = t->mean, *restrict factor = t->factor;
    const float *restrict shift = t->shift;

    for (size_t p = 0; p < pixels; p++, x += stride)
        if (relu)
            for (size_t i = 0; i < n; i++)
                x[i] = rectify((x[i] - mean[i]) * factor[i] + shift[i]);
        else
            for (size_t i = 0; i < n; i++)
                x[i] = (x[i] - mean[i]) * factor[i] + shift[i];
}

void pare_batchnorm_apply(float *y, const float *x, size_t pixels,
                          size_t channels, size_t lanes, const float *mean,
                          const float *factor, const float *shift, int relu)
{
    float room[3][PARE_BLOCK];
    size_t stride = channels * lanes, some;

    for (size_t c = 0; c < channels; c += some) {
        struct terms t;

        some = pare_block_channels(channels - c, lanes);
        t.mean = pare_spread(room[0], mean + c, some, lanes);
        t.factor = pare_spread(room[1], factor + c, some, lanes);
        t.shift = pare_spread(room[2], shift + c, some, lanes);
        if (y == x)
            apply_in_place(y + c * lanes, some * lanes, pixels, stride, &t,
                           relu);
        else
            apply_apart(y + c * lanes, x + c * lanes, some * lanes, pixels,
                        stride, &t, relu);
    }
}

/* Sums of dy and of dy (x - mean) over the pixels. */
PARE_CLONES
static void add_gradients(float *restrict sum, float *restrict product,
                          const float *restrict dy, const float *restrict x,
                          const float *restrict mean, size_t n, size_t pixels,
                          size_t stride)
{
    memset(sum, 0, n * sizeof *sum);
    memset(product, 0, n * sizeof *product);
    for (; pixels >= 2; pixels -= 2, x += 2 * stride, dy += 2 * stride) {
        const float *x1 = x + stride, *dy1 = dy + stride;

        for (size_t i = 0; i < n; i++) {
            sum[i] += dy[i] + dy1[i];
            product[i] += dy[i] * (x[i] - mean[i]) + dy1[i] * (x1[i] - mean[i]);
        }
    }
    for (size_t i = 0; pixels > 0 && i < n; i++) {
        sum[i] += dy[i];
        product[i] += dy[i] * (x[i] - mean[i]);
    }
}

static void backward_block(double *sum_dy, double *sum_dyx, const float *dy,
                           const float *x, size_t pixels, const struct block *b,
                           const float *mean)
{
    float sum[PARE_BLOCK], product[PARE_BLOCK], room[PARE_BLOCK];
    double s[PARE_BLOCK], t[PARE_BLOCK];
    const float *mid = pare_spread(room, mean, b->channels, b->lanes);

    for (size_t p = 0; p < pixels; p += PARE_CHUNK_PIXELS) {
        size_t at = p * b->stride;

        add_gradients(sum, product, dy + at, x + at, mid,
                      b->channels * b->lanes, pare_chunk_pixels(pixels - p),
                      b->stride);
        pare_lane_sums(s, sum, b->channels, b->lanes, b->valid);
        pare_lane_sums(t, product, b->channels, b->lanes, b->valid);
        for (size_t c = 0; c < b->channels; c++) {
            sum_dy[c] += s[c];
            sum_dyx[c] += t[c];
        }
    }
}

void pare_batchnorm_backward_part(double *sum_dy, double *sum_dyx,
                                  const float *dy, const float *x,
                                  size_t pixels, size_t channels, size_t lanes,
                                  size_t valid, const float *mean)
{
    struct block b = {0, lanes, valid, channels * lanes};

    memset(sum_dy, 0, channels * sizeof *sum_dy);
    memset(sum_dyx, 0, channels * sizeof *sum_dyx);
    for (size_t c = 0; c < channels; c += b.channels) {
        b.channels = pare_block_channels(channels - c, lanes);
        backward_block(sum_dy + c, sum_dyx + c, dy + c * lanes, x + c * lanes,
                       pixels, &b, mean + c);
    }
}

/* The numbers of dx, spread over the lanes; keep is 0 in padding. */
struct slopes {
    const float *mean, *a, *b, *c;
    const float *keep; /* or NULL */
};

static inline float slope(const struct slopes *s, float dy, float x, size_t i)
{
    return (s->a[i] * dy + s->b[i] * (x - s->mean[i])) + s->c[i];
}

PARE_CLONES
static void gradient_apart(float *restrict dx, const float *restrict dy,
                           const float *restrict x, size_t n,
                           const struct slopes *slopes, int add)
{
    const struct slopes s = *slopes;

    if (add)
        for (size_t i = 0; i < n; i++)
            dx[i] += slope(&s, dy[i], x[i], i);
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = slope(&s, dy[i], x[i], i);
}

PARE_CLONES
static void gradient_in_place(float *restrict dx, const float *restrict x,
                              size_t n, const struct slopes *slopes, int add)
{
    const struct slopes s = *slopes;

    if (add)
        for (size_t i = 0; i < n; i++)
            dx[i] += slope(&s, dx[i], x[i], i);
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = slope(&s, dx[i], x[i], i);
}

/* Some lanes hold no sample. */
PARE_CLONES
static void gradient_partly(float *dx, const float *dy, const float *x,
                            size_t n, const struct slopes *slopes, int add)
{
    const struct slopes s = *slopes;

    for (size_t i = 0; i < n; i++) {
        float g = s.keep[i] > 0.0f ? slope(&s, dy[i], x[i], i) : 0.0f;

        dx[i] = add ? dx[i] + g : g;
    }
}

/* 1 in the lanes that hold a sample, 0 in the others. */
static const float *fill_keep(float *keep, size_t channels, size_t lanes,
                              size_t valid)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t j = 0; j < lanes; j++)
            keep[c * lanes + j] = j < valid ? 1.0f : 0.0f;
    return keep;
}

void pare_batchnorm_backward_apply(float *dx, const float *dy, const float *x,
                                   size_t pixels, size_t channels, size_t lanes,
                                   size_t valid, const float *mean,
                                   const float *a, const float *b,
                                   const float *c, int add)
{
    float room[5][PARE_BLOCK];
    size_t stride = channels * lanes, some;

    for (size_t k = 0; k < channels; k += some) {
        struct slopes s = {0};

        some = pare_block_channels(channels - k, lanes);
        s.mean = pare_spread(room[0], mean + k, some, lanes);
        s.a = pare_spread(room[1], a + k, some, lanes);
        s.b = pare_spread(room[2], b + k, some, lanes);
        s.c = pare_spread(room[3], c + k, some, lanes);
        if (valid < lanes)
            s.keep = fill_keep(room[4], some, lanes, valid);
        for (size_t p = 0; p < pixels; p++) {
            size_t at = p * stride + k * lanes, n = some * lanes;

            if (valid < lanes)
                gradient_partly(dx + at, dy + at, x + at, n, &s, add);
            else if (dx == dy)
                gradient_in_place(dx + at, x + at, n, &s, add);
            else
                gradient_apart(dx + at, dy + at, x + at, n, &s, add);
        }
    }
}
