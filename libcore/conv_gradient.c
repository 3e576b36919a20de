/* The gradient of a convolution's weights. */
#include <string.h>

#include "clones.h"
#include "conv.h"
#include "conv_axis.h"
#include "conv_taps.h"
#include "kernel.h"

#define TASK_ROWS 16 /* most output channels of a task */
#define PIECE     64 /* pixels times lanes / 16 of a block of the gradient */

size_t pare_conv_gradient_tasks(const struct pare_conv *c)
{
    return conv_parts(c->co, TASK_ROWS);
}

size_t pare_conv_gradient_channels(const struct pare_conv *c)
{
    return conv_parts(c->co, conv_parts(c->co, TASK_ROWS));
}

static size_t taps_of(const struct pare_conv *c)
{
    return c->win.kernel[0] * c->win.kernel[1] * (c->ci / c->win.groups);
}

/* Partial sums of one weight. */
static size_t sums_of(const struct pare_conv *c)
{
    return c->lanes == 1 ? 1 : 16;
}

size_t pare_conv_gradient_scratch(const struct pare_conv *c)
{
    return pare_conv_gradient_channels(c) * (taps_of(c) + 1) * sums_of(c);
}

/* Output channels [first, first + count), all of one group. */
struct part {
    const struct pare_conv *c;
    struct conv_axis y, x;
    size_t group, first, count;
    size_t inputs, taps; /* of one output channel */
    float *acc;          /* [count][taps][sums] */
    float *bias;         /* [count][sums], or NULL */
    void (*corr)(const struct pare_corr *r);
};

/* Output positions [from, to) whose source for tap k is inside. */
static size_t inside(const struct conv_axis *a, size_t k, size_t *from)
{
    size_t at = k * a->dilation, s = a->stride, end;

    *from = at < a->pad ? (a->pad - at + s - 1) / s : 0;
    end = at >= a->src + a->pad ? 0 : (a->src + a->pad - 1 - at) / s + 1;
    return end < a->dst ? end : a->dst;
}

/* For any kernels: plain loops. */
PARE_CLONES
static void corr(const struct pare_corr *r)
{
    for (size_t b = 0; b < r->channels * r->taps; b++) {
        size_t o = b / r->taps, t = b % r->taps;
        float *sums = r->acc + (o * r->ld + t) * 16, acc[16];

        memcpy(acc, sums, sizeof acc);
        for (size_t i = 0; i < r->rows * r->pixels; i++) {
            size_t row = i / r->pixels, p = i % r->pixels;
            const float *dy = r->dy + row * r->dy_row + p * r->dy_pixel;
            const float *x = r->x + row * r->x_row + p * r->x_pixel;

            dy += o * r->lanes;
            x += t * r->x_tap;
            for (size_t s = 0; s < r->lanes; s += 16)
                for (size_t l = 0; l < 16; l++)
                    acc[l] += dy[s + l] * x[s + l];
        }
        memcpy(sums, acc, sizeof acc);
    }
}

/* Add dy of some pixels in a row. */
PARE_CLONES
static void add_bias(const struct part *p, const float *dy, size_t pixels)
{
    size_t lanes = p->c->lanes, sums = lanes == 1 ? 1 : 16;

    for (size_t i = 0; i < pixels; i++)
        for (size_t o = 0; o < p->count; o++) {
            const float *from = dy + (i * p->c->co + p->first + o) * lanes;
            float *to = p->bias + o * sums;

            for (size_t s = 0; s < lanes; s += sums)
                for (size_t l = 0; l < sums; l++)
                    to[l] += from[s + l];
        }
}

/* A block of sums: r says which pixels, x and dy where they begin. */
static void block(const struct part *p, struct pare_corr *r, const float *x,
                  const float *dy, size_t tap, size_t first)
{
    r->x = x;
    r->dy = dy + first * r->lanes;
    r->acc = p->acc + (first * r->ld + tap) * 16;
    p->corr(r);
}

/*
 * Few input channels: the taps of a row of the kernel are evenly spaced in
 * the image, and are cut into blocks together.
 */
static void merged(const struct part *p, struct pare_corr *r, const float *x,
                   const float *dy, size_t tap, size_t from, size_t to)
{
    size_t n = p->inputs, some;

    r->x_tap = n == 1 ? p->x.spacing * p->c->ci * r->lanes : r->lanes;
    for (size_t pos = from; pos < to; pos += some) {
        struct conv_run run = conv_axis_run(&p->x, pos);
        size_t taps = run.n * n, t, o;

        some = conv_axis_alike(&p->x, pos, &run);
        some = some < to - pos ? some : to - pos;
        r->pixels = some;
        for (size_t i = 0; i < conv_parts(taps, CORR_TAPS); i++) {
            size_t rows;

            r->taps = conv_part(taps, CORR_TAPS, i, &t);
            rows = conv_corr_rows(r->taps);
            for (size_t j = 0; j < conv_parts(p->count, rows); j++) {
                r->channels = conv_part(p->count, rows, j, &o);
                block(p, r, x + run.src * p->c->ci * r->lanes + t * r->x_tap,
                      dy + pos * r->dy_pixel, tap + run.tap * n + t, o);
            }
        }
    }
}

/* Many: for a few of them all kx in turn, while x and dy are at hand. */
static void separate(const struct part *p, struct pare_corr *r, const float *x,
                     const float *dy, size_t tap, size_t from, size_t to,
                     size_t i)
{
    size_t t, o, taps = conv_part(p->inputs, CORR_TAPS, i, &t);
    size_t rows = conv_corr_rows(taps), parts = conv_parts(p->count, rows);

    r->taps = taps;
    r->x_tap = r->lanes;
    for (size_t j = 0; j < parts * p->x.kernel; j++) {
        size_t kx = j % p->x.kernel, x0, x1 = inside(&p->x, kx, &x0), ix;

        r->channels = conv_part(p->count, rows, j / p->x.kernel, &o);
        x0 = x0 > from ? x0 : from;
        x1 = x1 < to ? x1 : to;
        if (x0 >= x1)
            continue;
        r->pixels = x1 - x0;
        ix = x0 * p->x.stride + kx * p->x.dilation - p->x.pad;
        block(p, r, x + (ix * p->c->ci + t) * r->lanes, dy + x0 * r->dy_pixel,
              tap + kx * p->inputs + t, o);
    }
}

/* Output rows [y, y + rows) and columns [from, to) of one tile. */
static void piece(const struct part *p, const float *x, const float *dy,
                  size_t y, size_t rows, size_t from, size_t to)
{
    const struct pare_conv *c = p->c;
    size_t pixel = c->ci * c->lanes, n = p->inputs;
    bool merge = n == 1 || (n < 4 && c->win.groups == 1 && p->x.spacing == 1);
    struct pare_corr r = {.lanes = c->lanes,
                          .dy_row = c->ow * c->co * c->lanes,
                          .dy_pixel = c->co * c->lanes,
                          .x_row = p->y.stride * c->w * pixel,
                          .x_pixel = p->x.stride * pixel,
                          .ld = p->taps};

    x += p->group * n * c->lanes;
    dy += p->first * c->lanes;
    for (size_t ky = 0; ky < p->y.kernel; ky++) {
        size_t y0, y1 = inside(&p->y, ky, &y0), iy, tap;

        y0 = y0 > y ? y0 : y;
        y1 = y1 < y + rows ? y1 : y + rows;
        if (y0 >= y1)
            continue;
        r.rows = y1 - y0;
        iy = y0 * p->y.stride + ky * p->y.dilation - p->y.pad;
        tap = ky * p->x.kernel * n;
        if (merge)
            merged(p, &r, x + iy * c->w * pixel, dy + y0 * r.dy_row, tap, from,
                   to);
        for (size_t i = 0; !merge && i < conv_parts(n, CORR_TAPS); i++)
            separate(p, &r, x + iy * c->w * pixel, dy + y0 * r.dy_row, tap,
                     from, to, i);
    }
}

/* One tile in pieces that the first-level cache holds and that are worth it. */
static void tile_gradient(const struct part *p, const float *x, const float *dy)
{
    const struct pare_conv *c = p->c;
    size_t chunks = c->lanes / 16, cols = PIECE / chunks;
    size_t rows = c->ow < cols ? (cols + c->ow - 1) / c->ow : 1;

    for (size_t i = 0; i < conv_parts(c->oh, rows); i++) {
        size_t y, n = conv_part(c->oh, rows, i, &y);

        if (p->bias)
            add_bias(p, dy + y * c->ow * c->co * c->lanes, n * c->ow);
        for (size_t j = 0; j < conv_parts(c->ow, cols); j++) {
            size_t from, some = conv_part(c->ow, cols, j, &from);

            piece(p, x, dy, y, n, from, from + some);
        }
    }
}

/* One lane, one position of the kernel: a product a row of pixels. */
static void single_tap(const struct part *p, const float *x, const float *dy,
                       size_t ky, size_t kx)
{
    const struct pare_conv *c = p->c;
    size_t y0, y1 = inside(&p->y, ky, &y0), x0, x1 = inside(&p->x, kx, &x0);
    size_t ix = x0 * p->x.stride + kx * p->x.dilation - p->x.pad;

    if (x0 >= x1)
        return;
    x += ix * c->ci + p->group * p->inputs;
    dy += x0 * c->co + p->first;
    for (size_t y = y0; y < y1; y++) {
        size_t iy = y * p->y.stride + ky * p->y.dilation - p->y.pad;

        pare_kernel()->gemm(p->count, p->inputs, x1 - x0,
                            dy + y * c->ow * c->co, c->co == 1 ? x1 - x0 : 1,
                            c->co, x + iy * c->w * c->ci, p->x.stride * c->ci,
                            p->acc + (ky * p->x.kernel + kx) * p->inputs,
                            p->taps, 1);
    }
}

static void single_gradient(const struct part *p, const float *x,
                            const float *dy)
{
    for (size_t ky = 0; ky < p->y.kernel; ky++)
        for (size_t kx = 0; kx < p->x.kernel; kx++)
            single_tap(p, x, dy, ky, kx);
    if (p->bias)
        add_bias(p, dy, p->c->oh * p->c->ow);
}

/* Partial sums added by halves. */
static float total(float *sum, size_t sums)
{
    for (size_t half = sums / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            sum[l] += sum[l + half];
    return sum[0];
}

/* From [ky][kx][ci] to [ci][ky][kx]. */
static void finish(const struct part *p, float *dw, float *db)
{
    size_t area = p->y.kernel * p->x.kernel, sums = sums_of(p->c);

    for (size_t o = 0; o < p->count; o++)
        for (size_t t = 0; t < p->taps; t++)
            dw[(o * p->inputs + t % p->inputs) * area + t / p->inputs] =
                total(p->acc + (o * p->taps + t) * sums, sums);
    for (size_t o = 0; db && o < p->count; o++)
        db[o] = total(p->bias + o * sums, sums);
}

static void part_gradient(const struct part *p, float *dw, float *db,
                          const float *x, const float *dy, size_t tiles)
{
    const struct pare_conv *c = p->c;
    size_t sums = sums_of(c);

    memset(p->acc, 0, p->count * p->taps * sums * sizeof *p->acc);
    if (db)
        memset(p->bias, 0, p->count * sums * sizeof *p->bias);
    for (size_t t = 0; t < tiles; t++) {
        if (c->lanes == 1)
            single_gradient(p, x, dy);
        else
            tile_gradient(p, x, dy);
        x += c->h * c->w * c->ci * c->lanes;
        dy += c->oh * c->ow * c->co * c->lanes;
    }
    finish(p, dw, db);
}

void pare_conv_gradient(const struct pare_conv *c, size_t task, size_t *first,
                        size_t *count, float *dw, float *db, const float *x,
                        const float *dy, size_t tiles, float *scratch)
{
    size_t group = c->co / c->win.groups, end, some;
    struct part p = {.c = c,
                     .y = conv_axis(c, 0, false),
                     .x = conv_axis(c, 1, false),
                     .inputs = c->ci / c->win.groups,
                     .taps = taps_of(c),
                     .acc = scratch,
                     .corr = pare_kernel()->corr};

    p.corr = p.corr ? p.corr : corr;
    *count = conv_part(c->co, TASK_ROWS, task, first);
    end = *first + *count;
    if (db)
        p.bias = scratch + *count * p.taps * sums_of(c);
    for (size_t o = *first; o < end; o += some) {
        p.group = o / group;
        p.first = o;
        some = (p.group + 1) * group - o;
        some = some < end - o ? some : end - o;
        p.count = some;
        part_gradient(&p, dw + (o - *first) * p.taps,
                      db ? db + (o - *first) : NULL, x, dy, tiles);
    }
}
