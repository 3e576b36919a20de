#include "srelu.h"

#include <string.h>

#include "channels.h"
#include "clones.h"

/* The four numbers of a block of channels, spread over the lanes. */
static struct pare_srelu spread(float room[4][PARE_BLOCK],
                                const struct pare_srelu *s, size_t first,
                                size_t channels, size_t lanes)
{
    return (struct pare_srelu){
        pare_spread(room[0], s->tl + first, channels, lanes),
        pare_spread(room[1], s->al + first, channels, lanes),
        pare_spread(room[2], s->tr + first, channels, lanes),
        pare_spread(room[3], s->ar + first, channels, lanes)};
}

static inline float value(float x, float tl, float al, float tr, float ar)
{
    float right = tr + ar * (x - tr), left = tl + al * (x - tl);

    return x >= tr ? right : (x <= tl ? left : x);
}

PARE_CLONES
static void forward_apart(float *restrict y, const float *restrict x, size_t n,
                          size_t pixels, size_t stride,
                          const struct pare_srelu *s)
{
    const float *restrict tl = s->tl, *restrict al = s->al;
    const float *restrict tr = s->tr, *restrict ar = s->ar;

    for (size_t p = 0; p < pixels; p++, x += stride, y += stride)
        for (size_t i = 0; i < n; i++)
            y[i] = value(x[i], tl[i], al[i], tr[i], ar[i]);
}

PARE_CLONES
static void forward_in_place(float *restrict x, size_t n, size_t pixels,
                             size_t stride, const struct pare_srelu *s)
{
    const float *restrict tl = s->tl, *restrict al = s->al;
    const float *restrict tr = s->tr, *restrict ar = s->ar;

    for (size_t p = 0; p < pixels; p++, x += stride)
        for (size_t i = 0; i < n; i++)
            x[i] = value(x[i], tl[i], al[i], tr[i], ar[i]);
}

void pare_srelu_forward(float *y, const float *x, size_t pixels,
                        size_t channels, size_t lanes,
                        const struct pare_srelu *s)
{
    float room[4][PARE_BLOCK];
    size_t stride = channels * lanes, some;

    for (size_t c = 0; c < channels; c += some) {
        struct pare_srelu t;

        some = pare_block_channels(channels - c, lanes);
        t = spread(room, s, c, some, lanes);
        if (y == x)
            forward_in_place(y + c * lanes, some * lanes, pixels, stride, &t);
        else
            forward_apart(y + c * lanes, x + c * lanes, some * lanes, pixels,
                          stride, &t);
    }
}

/* Sums of one chunk: of dy and of dy (x - threshold), left and right. */
struct sums {
    float left[PARE_BLOCK], left_x[PARE_BLOCK];
    float right[PARE_BLOCK], right_x[PARE_BLOCK];
};

PARE_CLONES
static void add_sums(struct sums *restrict sum, const float *restrict dy,
                     const float *restrict x, size_t n, size_t pixels,
                     size_t stride, const struct pare_srelu *s)
{
    const float *restrict tl = s->tl, *restrict tr = s->tr;

    memset(sum->left, 0, n * sizeof *sum->left);
    memset(sum->left_x, 0, n * sizeof *sum->left_x);
    memset(sum->right, 0, n * sizeof *sum->right);
    memset(sum->right_x, 0, n * sizeof *sum->right_x);
    for (size_t p = 0; p < pixels; p++, x += stride, dy += stride)
        for (size_t i = 0; i < n; i++) {
            float right = x[i] >= tr[i] ? dy[i] : 0.0f;
            float both = x[i] <= tl[i] ? dy[i] : 0.0f;
            float left = x[i] >= tr[i] ? 0.0f : both;

            sum->left[i] += left;
            sum->left_x[i] += left * (x[i] - tl[i]);
            sum->right[i] += right;
            sum->right_x[i] += right * (x[i] - tr[i]);
        }
}

static inline float gain(float x, float tl, float al, float tr, float ar)
{
    return x >= tr ? ar : (x <= tl ? al : 1.0f);
}

PARE_CLONES
static void gradient_apart(float *restrict dx, const float *restrict dy,
                           const float *restrict x, size_t n,
                           const struct pare_srelu *s, int add)
{
    const float *restrict tl = s->tl, *restrict al = s->al;
    const float *restrict tr = s->tr, *restrict ar = s->ar;

    if (add)
        for (size_t i = 0; i < n; i++)
            dx[i] += dy[i] * gain(x[i], tl[i], al[i], tr[i], ar[i]);
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = dy[i] * gain(x[i], tl[i], al[i], tr[i], ar[i]);
}

PARE_CLONES
static void gradient_in_place(float *restrict dx, const float *restrict x,
                              size_t n, const struct pare_srelu *s, int add)
{
    const float *restrict tl = s->tl, *restrict al = s->al;
    const float *restrict tr = s->tr, *restrict ar = s->ar;

    for (size_t i = 0; i < n; i++) {
        float g = dx[i] * gain(x[i], tl[i], al[i], tr[i], ar[i]);

        dx[i] = add ? dx[i] + g : g;
    }
}

/* A block of channels: where it begins, how many, and the tile. */
struct block {
    size_t first, channels, all, lanes, valid;
};

static void backward_chunk(float *dx, double *sum, const float *dy,
                           const float *x, size_t pixels, const struct block *b,
                           const struct pare_srelu *t,
                           const struct pare_srelu *s, int add)
{
    struct sums f;
    double of[4][PARE_BLOCK];
    size_t stride = b->all * b->lanes, n = b->channels * b->lanes;

    add_sums(&f, dy, x, n, pixels, stride, t);
    pare_lane_sums(of[0], f.left, b->channels, b->lanes, b->valid);
    pare_lane_sums(of[1], f.left_x, b->channels, b->lanes, b->valid);
    pare_lane_sums(of[2], f.right, b->channels, b->lanes, b->valid);
    pare_lane_sums(of[3], f.right_x, b->channels, b->lanes, b->valid);
    for (size_t c = 0; c < b->channels; c++) {
        double *at = sum + b->first + c;

        at[0] += (1 - (double)s->al[b->first + c]) * of[0][c];
        at[b->all] += of[1][c];
        at[2 * b->all] += (1 - (double)s->ar[b->first + c]) * of[2][c];
        at[3 * b->all] += of[3][c];
    }
    for (size_t p = 0; p < pixels; p++)
        if (dx == dy)
            gradient_in_place(dx + p * stride, x + p * stride, n, t, add);
        else
            gradient_apart(dx + p * stride, dy + p * stride, x + p * stride, n,
                           t, add);
}

void pare_srelu_backward(float *dx, double *sum, const float *dy,
                         const float *x, size_t pixels, size_t channels,
                         size_t lanes, size_t valid, const struct pare_srelu *s,
                         int add)
{
    float room[4][PARE_BLOCK];
    struct block b = {0, 0, channels, lanes, valid};

    memset(sum, 0, 4 * channels * sizeof *sum);
    for (; b.first < channels; b.first += b.channels) {
        struct pare_srelu t;

        b.channels = pare_block_channels(channels - b.first, lanes);
        t = spread(room, s, b.first, b.channels, lanes);
        for (size_t p = 0; p < pixels; p += PARE_CHUNK_PIXELS) {
            size_t at = (p * channels + b.first) * lanes;

            backward_chunk(dx + at, sum, dy + at, x + at,
                           pare_chunk_pixels(pixels - p), &b, &t, s, add);
        }
    }
}
