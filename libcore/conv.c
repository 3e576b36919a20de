/*
 * Convolutions forward and backward: packing, and the loops around the
 * kernels. Both directions are one walk over runs of taps, see conv_axis.h.
 */
#include "conv.h"

#include <string.h>

#include "conv_axis.h"
#include "conv_taps.h"
#include "kernel.h"

/* One direction of a convolution. */
struct way {
    struct conv_axis y, x;
    size_t src_c, dst_c; /* channels */
    size_t sum_c, out_c; /* channels of one group */
    size_t groups, lanes, depth;
    void (*taps)(const struct pare_taps *t);
};

static struct way make_way(const struct pare_conv *c, bool backward)
{
    size_t groups = c->win.groups;
    struct way w = {
        .y = conv_axis(c, 0, backward),
        .x = conv_axis(c, 1, backward),
        .src_c = backward ? c->co : c->ci,
        .dst_c = backward ? c->ci : c->co,
        .groups = groups,
        .lanes = c->lanes,
    };

    w.sum_c = w.src_c / groups;
    w.out_c = w.dst_c / groups;
    w.depth = c->win.kernel[0] * c->win.kernel[1] * w.sum_c;
    return w;
}

/* Most channels of a panel, and what its rows of weights are padded to. */
static size_t panel_most(const struct way *w)
{
    return w->lanes == 1 ? CONV_WIDE : CONV_ROWS;
}

static size_t padded(const struct way *w, size_t channels)
{
    return w->lanes == 1 ? conv_padded(channels) : channels;
}

static size_t panels(const struct way *w)
{
    return conv_parts(w->out_c, panel_most(w));
}

/* Panel i of a group: its channels, cut on multiples of CONV_STEP. */
static size_t panel(const struct way *w, size_t i, size_t *first)
{
    size_t size;

    if (w->lanes > 1)
        return conv_part(w->out_c, CONV_ROWS, i, first);
    size = conv_part(padded(w, w->out_c) / CONV_STEP, CONV_WIDE / CONV_STEP, i,
                     first) *
           CONV_STEP;
    *first *= CONV_STEP;
    return w->out_c - *first < size ? w->out_c - *first : size;
}

static size_t way_packed(const struct way *w)
{
    return w->groups * padded(w, w->out_c) * w->depth;
}

size_t pare_conv_packed(const struct pare_conv *c)
{
    struct way there = make_way(c, false), back = make_way(c, true);
    size_t a = way_packed(&there), b = way_packed(&back);

    return a > b ? a : b;
}

/* One channel of one group: depth weights, `ld` apart. */
static void pack_channel(float *to, size_t ld, const struct way *w,
                         const float *from, size_t from_c)
{
    size_t kh = w->y.kernel, kw = w->x.kernel;

    for (size_t y = 0; y < kh; y++)
        for (size_t x = 0; x < kw; x++) {
            size_t tap = conv_axis_tap(&w->y, y) * kw + conv_axis_tap(&w->x, x);
            const float *at = from + y * kw + x;

            for (size_t i = 0; i < w->sum_c; i++)
                to[(tap * w->sum_c + i) * ld] = at[i * from_c];
        }
}

void pare_conv_pack(float *packed, const struct pare_conv *c,
                    const float *weight, bool backward)
{
    struct way w = make_way(c, backward);
    size_t area = w.y.kernel * w.x.kernel;
    /* From one channel to the next in [co][ci / groups][kh][kw]. */
    size_t out_step = area * (backward ? 1 : w.sum_c);
    size_t sum_step = area * (backward ? w.out_c : 1);

    if (w.lanes == 1)
        memset(packed, 0, way_packed(&w) * sizeof *packed);
    for (size_t g = 0; g < w.groups; g++) {
        float *to = packed + g * padded(&w, w.out_c) * w.depth;
        const float *from = weight + g * w.out_c * w.depth;

        for (size_t i = 0; i < panels(&w); i++) {
            size_t first, n = panel(&w, i, &first), ld = padded(&w, n);

            for (size_t o = 0; o < n; o++)
                pack_channel(to + first * w.depth + o, ld, &w,
                             from + (first + o) * out_step, sum_step);
        }
    }
}

/* All pixels of a row: t holds what they share. */
static void walk_row(const struct way *w, struct pare_taps *t, size_t taps,
                     float *y, const float *x, const float *packed)
{
    size_t dst = w->dst_c * w->lanes, src = w->src_c * w->lanes;
    size_t part = w->sum_c * t->ld;
    /* Taps side by side are one long one; OpenBLAS refuses overlaps. */
    bool merge = w->groups == 1 && w->x.spacing == 1 &&
                 (w->lanes > 1 || pare_kernel()->taps);

    t->x_pixel = w->x.advance * src;
    t->y_pixel = w->x.step * dst;
    t->x_seg = w->x.spacing * src;
    t->w_seg = part;
    for (size_t c = 0; c < w->x.step; c++)
        for (size_t pos = c; pos < w->x.dst; pos += t->pixels * w->x.step) {
            struct conv_run r = conv_axis_run(&w->x, pos);

            t->pixels = conv_axis_alike(&w->x, pos, &r);
            t->rows = r.n ? taps : 0;
            t->segs = merge ? 1 : r.n;
            t->len = merge ? r.n * w->sum_c : w->sum_c;
            t->x = x + r.src * src;
            t->w = packed + r.tap * part;
            t->y = y + pos * dst;
            w->taps(t);
        }
}

static void walk_rows(const struct way *w, float *dst, const float *src,
                      const float *packed, const float *bias, size_t row,
                      size_t rows, bool add, size_t g, size_t i)
{
    size_t first, n = panel(w, i, &first), from;
    size_t src_row = w->x.src * w->src_c * w->lanes;
    size_t dst_row = w->x.dst * w->dst_c * w->lanes;
    struct pare_taps t = {.lanes = w->lanes,
                          .channels = n,
                          .ld = padded(w, n),
                          .x_row = w->y.spacing * src_row,
                          .add = add};

    t.w_row = w->x.kernel * w->sum_c * t.ld;
    from = g * w->out_c + first;
    t.bias = bias ? bias + from : NULL;
    packed += (g * padded(w, w->out_c) + first) * w->depth;
    src += g * w->sum_c * w->lanes;
    dst += from * w->lanes;
    for (size_t y = row; y < row + rows; y++) {
        struct conv_run r = conv_axis_run(&w->y, y);

        walk_row(w, &t, r.n, dst + y * dst_row, src + r.src * src_row,
                 packed + r.tap * t.w_row);
    }
}

static void walk(struct way *w, float *dst, const float *src,
                 const float *packed, const float *bias, size_t row,
                 size_t rows, bool add)
{
    w->taps = conv_taps();
    for (size_t g = 0; g < w->groups; g++)
        for (size_t i = 0; i < panels(w); i++)
            walk_rows(w, dst, src, packed, bias, row, rows, add, g, i);
}

/* About as many multiply-adds as are worth a task of their own. */
#define BAND_WORK 1e6

size_t pare_conv_band(const struct pare_conv *c, bool backward)
{
    size_t rows = backward ? c->h : c->oh;
    double all = (double)c->oh * (double)c->ow * (double)c->co *
                 (double)(c->ci / c->win.groups) *
                 (double)(c->win.kernel[0] * c->win.kernel[1] * c->lanes);
    double parts = all / BAND_WORK;

    if (parts <= 1)
        return rows;
    return parts >= (double)rows ? 1 : (size_t)((double)rows / parts) + 1;
}

void pare_conv_forward(const struct pare_conv *c, float *y, const float *x,
                       const float *packed, const float *bias, size_t row,
                       size_t rows)
{
    struct way w = make_way(c, false);

    walk(&w, y, x, packed, bias, row, rows, false);
}

void pare_conv_backward(const struct pare_conv *c, float *dx, const float *dy,
                        const float *packed, size_t row, size_t rows, bool add)
{
    struct way w = make_way(c, true);

    walk(&w, dx, dy, packed, NULL, row, rows, add);
}
