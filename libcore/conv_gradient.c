/* The gradient of a convolution's weights. */
#include <string.h>

#include "conv.h"
#include "conv_taps.h"
#include "kernel.h"

#define TASK_ROWS 16 /* most output channels of a task */

/*
 * Tasks do not cross groups unless these have a single output channel each,
 * or few.
 */
size_t pare_conv_gradient_channels(const struct pare_conv *c)
{
    size_t n = (c->co + TASK_ROWS - 1) / TASK_ROWS;

    return (c->co + n - 1) / n;
}

size_t pare_conv_gradient_tasks(const struct pare_conv *c)
{
    return (c->co + TASK_ROWS - 1) / TASK_ROWS;
}

static size_t taps_of(const struct pare_conv *c)
{
    return c->win.kernel[0] * c->win.kernel[1] * (c->ci / c->win.groups);
}

size_t pare_conv_gradient_scratch(const struct pare_conv *c)
{
    size_t acc = pare_conv_gradient_channels(c) * taps_of(c);

    return c->lanes == 1 ? acc : 16 * acc + c->lanes;
}

/* Output channels [first, first + count), all of one group. */
struct part {
    const struct pare_conv *c;
    size_t group, first, count;
    float *acc; /* [count][taps], times 16 if there are lanes */
};

/* Output positions [from, to) whose source for tap k is inside. */
static size_t inside(const struct pare_conv *c, int i, size_t k, size_t *from)
{
    size_t in = i == 0 ? c->h : c->w, out = i == 0 ? c->oh : c->ow;
    size_t s = c->win.stride[i], p = c->win.pad[i];
    size_t at = k * c->win.dilation[i], end;

    *from = at < p ? (p - at + s - 1) / s : 0;
    end = at >= in + p ? 0 : (in + p - 1 - at) / s + 1;
    return end < out ? end : out;
}

static void corr(const struct pare_corr *r)
{
    for (size_t i = 0; i < r->rows; i++)
        for (size_t p = 0; p < r->pixels; p++)
            for (size_t o = 0; o < r->channels; o++)
                for (size_t t = 0; t < r->taps; t++) {
                    const float *dy =
                        r->dy + i * r->dy_row + p * r->dy_pixel + o * r->lanes;
                    const float *x = r->x[t] + i * r->x_row + p * r->x_pixel;
                    float *acc = r->acc + (o * r->ld + t) * 16;

                    for (size_t s = 0; s < r->lanes; s += 16)
                        for (size_t l = 0; l < 16; l++)
                            acc[l] += dy[s + l] * x[s + l];
                }
}

/* One tile, one position (ky, kx) of the kernel. */
static void lanes_tap(const struct part *p, const float *x, const float *dy,
                      size_t ky, size_t kx)
{
    const struct pare_conv *c = p->c;
    const struct pare_window *win = &c->win;
    size_t y0, y1 = inside(c, 0, ky, &y0), x0, x1 = inside(c, 1, kx, &x0);
    size_t n = c->ci / win->groups, most_o = CORR_ROWS, most_t = CORR_TAPS;
    size_t xp = c->ci * c->lanes, yp = c->co * c->lanes;
    struct pare_corr r = {.lanes = c->lanes,
                          .rows = 1,
                          .dy_row = c->ow * yp,
                          .dy_pixel = yp,
                          .x_row = win->stride[0] * c->w * xp,
                          .x_pixel = win->stride[1] * xp,
                          .ld = taps_of(c)};

    if (x0 >= x1)
        return;
    r.pixels = x1 - x0;
    for (size_t y = y0; y < y1; y++) {
        const float *row =
            x +
            (y * win->stride[0] + ky * win->dilation[0] - win->pad[0]) * c->w *
                xp +
            (x0 * win->stride[1] + kx * win->dilation[1] - win->pad[1]) * xp +
            p->group * n * c->lanes;

        for (size_t i = 0; i < n; i += r.taps) {
            r.taps = n - i < most_t ? n - i : most_t;
            for (size_t t = 0; t < r.taps; t++)
                r.x[t] = row + (i + t) * c->lanes;
            for (size_t o = 0; o < p->count; o += r.channels) {
                r.channels = p->count - o < most_o ? p->count - o : most_o;
                r.dy = dy + (y * c->ow + x0) * yp + (p->first + o) * c->lanes;
                r.acc = p->acc +
                        (o * r.ld + (ky * win->kernel[1] + kx) * n + i) * 16;
                corr(&r);
            }
        }
    }
}

/* The same with one lane: a product a row of pixels. */
static void single_tap(const struct part *p, const float *x, const float *dy,
                       size_t ky, size_t kx)
{
    const struct pare_conv *c = p->c;
    const struct pare_window *win = &c->win;
    size_t y0, y1 = inside(c, 0, ky, &y0), x0, x1 = inside(c, 1, kx, &x0);
    size_t n = c->ci / win->groups, ld = taps_of(c);

    if (x0 >= x1)
        return;
    for (size_t y = y0; y < y1; y++) {
        size_t iy = y * win->stride[0] + ky * win->dilation[0] - win->pad[0];
        size_t ix = x0 * win->stride[1] + kx * win->dilation[1] - win->pad[1];

        pare_kernel()->gemm(
            p->count, n, x1 - x0, dy + (y * c->ow + x0) * c->co + p->first,
            c->co == 1 ? x1 - x0 : 1, c->co,
            x + (iy * c->w + ix) * c->ci + p->group * n, win->stride[1] * c->ci,
            p->acc + (ky * win->kernel[1] + kx) * n, ld, 1);
    }
}

/* Sums of 16 lanes by halves, from [ky][kx][ci] to [ci][ky][kx]. */
static void finish(const struct part *p, float *dw)
{
    size_t area = p->c->win.kernel[0] * p->c->win.kernel[1];
    size_t n = p->c->ci / p->c->win.groups;
    size_t width = p->c->lanes == 1 ? 1 : 16;

    for (size_t o = 0; o < p->count; o++)
        for (size_t k = 0; k < area; k++)
            for (size_t i = 0; i < n; i++) {
                float *sum = p->acc + ((o * area + k) * n + i) * width;

                for (size_t half = width / 2; half > 0; half /= 2)
                    for (size_t l = 0; l < half; l++)
                        sum[l] += sum[l + half];
                dw[(o * n + i) * area + k] = sum[0];
            }
}

static void gradient_part(const struct part *p, float *dw, const float *x,
                          const float *dy, size_t tiles)
{
    const struct pare_conv *c = p->c;
    size_t in = c->h * c->w * c->ci * c->lanes;
    size_t out = c->oh * c->ow * c->co * c->lanes;

    memset(p->acc, 0,
           p->count * taps_of(c) * (c->lanes == 1 ? 1 : 16) * sizeof *p->acc);
    for (size_t t = 0; t < tiles; t++)
        for (size_t ky = 0; ky < c->win.kernel[0]; ky++)
            for (size_t kx = 0; kx < c->win.kernel[1]; kx++)
                if (c->lanes == 1)
                    single_tap(p, x + t * in, dy + t * out, ky, kx);
                else
                    lanes_tap(p, x + t * in, dy + t * out, ky, kx);
    finish(p, dw);
}

/* The sum over pixels in order, then over lanes by halves. */
static void bias_gradient(const struct pare_conv *c, size_t first, size_t count,
                          float *db, const float *dy, size_t tiles)
{
    size_t pixels = tiles * c->oh * c->ow;

    for (size_t o = 0; o < count; o++) {
        float sum[64] = {0};
        const float *at = dy + (first + o) * c->lanes;

        for (size_t p = 0; p < pixels; p++)
            for (size_t s = 0; s < c->lanes; s++)
                sum[s] += at[p * c->co * c->lanes + s];
        for (size_t half = c->lanes / 2; half > 0; half /= 2)
            for (size_t s = 0; s < half; s++)
                sum[s] += sum[s + half];
        db[o] = sum[0];
    }
}

void pare_conv_gradient(const struct pare_conv *c, size_t task, size_t *first,
                        size_t *count, float *dw, float *db, const float *x,
                        const float *dy, size_t tiles, float *scratch)
{
    size_t group = c->co / c->win.groups, o;

    *count = conv_part(c->co, TASK_ROWS, task, first);
    for (o = *first; o < *first + *count;) {
        size_t g = o / group, end = (g + 1) * group;
        struct part p = {c, g, o, 0, scratch};

        end = end < *first + *count ? end : *first + *count;
        p.count = end - o;
        gradient_part(&p, dw + (o - *first) * taps_of(c), x, dy, tiles);
        o = end;
    }
    if (db)
        bias_gradient(c, *first, *count, db, dy, tiles);
}
