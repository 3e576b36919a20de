/* The gradient of a convolution's weights. */
#include <string.h>

#include "clones.h"
#include "conv.h"
#include "conv_axis.h"
#include "conv_taps.h"
#include "kernel.h"
#include "transpose.h"

#define PIECE 64 /* pixels times lanes / 16 of a block of partial sums */

struct part;

/* A way to add things up. The first row that suits is taken. */
struct method {
    const char *name;
    bool (*suits)(const struct pare_conv *c);
    size_t most; /* output channels of a task; cut on multiples of step */
    size_t step;
    bool partial; /* sums of 16 lanes, [channel][tap][16]; else [tap][channel] */
    void (*tile)(const struct part *p, const float *x, const float *dy);
};

/* Output channels [first, first + count), all of one group. */
struct part {
    const struct pare_conv *c;
    const struct method *method;
    struct conv_axis y, x;
    size_t group, first, count, padded;
    size_t inputs, taps; /* of one output channel */
    float *acc;          /* sums, as the method says */
    float *bias;         /* [count][16], or NULL */
    float *turned;       /* a row of dy, [ow][lanes][padded] */
    void (*corr)(const struct pare_corr *r);
    pare_taps_fn *products;
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

/* Add dy of some pixels in a row, sixteen lanes at a time. */
PARE_CLONES
static void add_bias_wide(const struct part *p, const float *dy, size_t pixels)
{
    size_t lanes = p->c->lanes, pixel = p->c->co * lanes;

    for (size_t o = 0; o < p->count; o++) {
        const float *from = dy + (p->first + o) * lanes;
        float *to = p->bias + o * 16, sum[16];

        memcpy(sum, to, sizeof sum);
        for (size_t i = 0; i < pixels; i++)
            for (size_t s = 0; s < lanes; s += 16)
                for (size_t l = 0; l < 16; l++)
                    sum[l] += from[i * pixel + s + l];
        memcpy(to, sum, sizeof sum);
    }
}

/* The same; a single lane is the first of sixteen. */
static void add_bias(const struct part *p, const float *dy, size_t pixels)
{
    if (p->c->lanes > 1) {
        add_bias_wide(p, dy, pixels);
        return;
    }
    for (size_t i = 0; i < pixels; i++)
        for (size_t o = 0; o < p->count; o++)
            p->bias[o * 16] += dy[i * p->c->co + p->first + o];
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
static void partial_tile(const struct part *p, const float *x, const float *dy)
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

/* One row of the kernel over one row of dy, that stands turned. */
struct turn {
    const struct part *p;
    const float *x, *dy;           /* rows */
    const float *x_next, *dy_next; /* of the next row of dy; or any */
    size_t tap;                    /* the first of this row of the kernel */
};

/* Some pixels times taps in a row: one position of the kernel, or several. */
static void turned_taps(const struct turn *n, const struct conv_run *r,
                        size_t pos, size_t pixels)
{
    const struct part *p = n->p;
    const struct pare_conv *c = p->c;
    size_t x_pixel = c->ci * c->lanes, dy_pixel = c->co * c->lanes;
    size_t tap = n->tap + r->tap, area = p->y.kernel * p->x.kernel;
    struct pare_taps t = {.lanes = 1,
                          .rows = 1,
                          .segs = pixels,
                          .len = c->lanes,
                          .channels = p->count,
                          .ld = p->padded,
                          .pixels = r->n * p->inputs,
                          .x = n->x + r->src * x_pixel,
                          .x_pixel = c->lanes,
                          .x_seg = p->x.stride * x_pixel,
                          .w = p->turned + pos * c->lanes * p->padded,
                          .w_seg = c->lanes * p->padded,
                          .y = p->acc + tap * p->inputs * p->padded,
                          .y_pixel = p->padded,
                          .add = true};

    t.soon[0] = conv_soon(n->dy_next + pos * dy_pixel + p->first * c->lanes,
                          dy_pixel, p->count * c->lanes, tap, area);
    t.soon[1] = conv_soon(n->x_next + r->src * x_pixel, t.x_seg,
                          p->x.stride * x_pixel, tap, area);
    p->products(&t);
}

static void turned_row(const struct turn *n)
{
    const struct conv_axis *a = &n->p->x;
    bool merge = n->p->inputs < CONV_ROWS / 2 && n->p->c->win.groups == 1 &&
                 a->spacing == 1;

    for (size_t pos = 0, some; merge && pos < a->dst; pos += some) {
        struct conv_run r = conv_axis_run(a, pos);

        some = conv_axis_alike(a, pos, &r);
        turned_taps(n, &r, pos, some);
    }
    for (size_t kx = 0; !merge && kx < a->kernel; kx++) {
        size_t from, to = inside(a, kx, &from);
        struct conv_run r = {1, from * a->stride + kx * a->dilation - a->pad,
                             kx};

        if (from < to)
            turned_taps(n, &r, from, to - from);
    }
}

static void turned_tile(const struct part *p, const float *x, const float *dy)
{
    const struct pare_conv *c = p->c;
    size_t pixel = c->co * c->lanes, x_row = c->w * c->ci * c->lanes;
    struct turn n = {.p = p, .dy = dy};

    x += p->group * p->inputs * c->lanes;
    for (size_t y = 0; y < c->oh; y++, n.dy = n.dy_next) {
        struct conv_run r = conv_axis_run(&p->y, y);
        size_t last = r.n ? r.n - 1 : 0;

        n.dy_next = n.dy + c->ow * pixel;
        n.x_next = x + (r.src + last * p->y.spacing + p->y.stride) * x_row;
        for (size_t i = 0; i < c->ow; i++)
            pare_transpose(p->turned + i * c->lanes * p->padded, p->padded,
                           n.dy + i * pixel + p->first * c->lanes, c->lanes,
                           p->count, c->lanes);
        for (size_t i = 0; i < r.n; i++) {
            n.x = x + (r.src + i * p->y.spacing) * x_row;
            n.tap = (r.tap + i) * p->x.kernel;
            turned_row(&n);
        }
        if (p->bias)
            add_bias(p, n.dy, c->ow);
    }
}

/* One lane, one position of the kernel: a product a row of pixels. */
static void single_tap(const struct part *p, const float *x, const float *dy,
                       size_t ky, size_t kx)
{
    const struct pare_conv *c = p->c;
    size_t y0, y1 = inside(&p->y, ky, &y0), x0, x1 = inside(&p->x, kx, &x0);
    size_t ix = x0 * p->x.stride + kx * p->x.dilation - p->x.pad;
    size_t step = p->x.stride * c->ci;

    if (x0 >= x1)
        return;
    x += ix * c->ci + p->group * p->inputs;
    dy += x0 * c->co + p->first;
    for (size_t y = y0; y < y1; y++) {
        size_t iy = y * p->y.stride + ky * p->y.dilation - p->y.pad;

        pare_kernel()->gemm(
            p->inputs, p->count, x1 - x0, x + iy * c->w * c->ci,
            step == 1 ? x1 - x0 : 1, step, dy + y * c->ow * c->co, c->co,
            p->acc + (ky * p->x.kernel + kx) * p->inputs * p->padded, p->padded,
            1);
    }
}

static void single_tile(const struct part *p, const float *x, const float *dy)
{
    for (size_t ky = 0; ky < p->y.kernel; ky++)
        for (size_t kx = 0; kx < p->x.kernel; kx++)
            single_tap(p, x, dy, ky, kx);
    if (p->bias)
        add_bias(p, dy, p->c->oh * p->c->ow);
}

static bool single_suits(const struct pare_conv *c)
{
    return c->lanes == 1;
}

/* Output channels fill vectors, and there are enough sums for registers. */
static bool turned_suits(const struct pare_conv *c)
{
    size_t n = c->co / c->win.groups, inputs = c->ci / c->win.groups;

    return 4 * n >= 3 * conv_padded(n) && inputs >= 4 &&
           (c->win.groups == 1 || n % CONV_STEP == 0);
}

static bool always(const struct pare_conv *c)
{
    (void)c;
    return true;
}

static const struct method methods[] = {
    {"single", single_suits, 32, CONV_STEP, false, single_tile},
    {"turned", turned_suits, 48, CONV_STEP, false, turned_tile},
    {"partial", always, 8, 4, true, partial_tile},
};

#define PARTIAL (&methods[sizeof methods / sizeof *methods - 1])

static const struct method *method(const struct pare_conv *c)
{
    const struct method *m = methods;

    while (!m->suits(c))
        m++;
    return m;
}

/* Channels that would leave most of a last vector empty; a task of their
   own, with partial sums. */
static size_t rest_of(const struct pare_conv *c)
{
    size_t rest = c->co % CONV_STEP;

    return strcmp(method(c)->name, "turned") == 0 && c->win.groups == 1 &&
                   c->co > CONV_STEP && rest <= 4
               ? rest
               : 0;
}

static size_t up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

size_t pare_conv_gradient_tasks(const struct pare_conv *c)
{
    const struct method *m = method(c);
    size_t rest = rest_of(c);

    return conv_parts(up(c->co - rest, m->step), m->most) + (rest > 0);
}

/* Channels of a task, and the first. */
static size_t task_part(const struct pare_conv *c, size_t task, size_t *first)
{
    const struct method *m = method(c);
    size_t rest = rest_of(c), all = c->co - rest, n;

    if (rest && task + 1 == pare_conv_gradient_tasks(c)) {
        *first = all;
        return rest;
    }
    n = conv_part(up(all, m->step) / m->step, m->most / m->step, task, first);
    *first *= m->step;
    n *= m->step;
    return n < all - *first ? n : all - *first;
}

size_t pare_conv_gradient_channels(const struct pare_conv *c)
{
    size_t n = up(c->co, method(c)->step), most = method(c)->most;

    n = n < most ? n : most;
    return n < c->co ? n : c->co;
}

static size_t taps_of(const struct pare_conv *c)
{
    return c->win.kernel[0] * c->win.kernel[1] * (c->ci / c->win.groups);
}

static size_t sums_size(const struct pare_conv *c, const struct method *m,
                        size_t channels)
{
    return m->partial ? channels * taps_of(c) * 16
                      : conv_padded(channels) * taps_of(c);
}

size_t pare_conv_gradient_scratch(const struct pare_conv *c)
{
    const struct method *m = method(c);
    size_t n = pare_conv_gradient_channels(c);
    size_t turned = m->partial ? 0 : c->ow * c->lanes * conv_padded(n);
    size_t most = sums_size(c, m, n) + turned;
    size_t rest = sums_size(c, PARTIAL, rest_of(c));

    return (most > rest ? most : rest) + 16 * n;
}

/* Partial sums added by halves. */
static float total(float *sum)
{
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            sum[l] += sum[l + half];
    return sum[0];
}

/* From [ky][kx][ci] to [ci][ky][kx]. */
static void finish(const struct part *p, float *dw, float *db)
{
    size_t area = p->y.kernel * p->x.kernel;

    for (size_t o = 0; o < p->count; o++)
        for (size_t t = 0; t < p->taps; t++)
            dw[(o * p->inputs + t % p->inputs) * area + t / p->inputs] =
                p->method->partial ? total(p->acc + (o * p->taps + t) * 16)
                                   : p->acc[t * p->padded + o];
    for (size_t o = 0; db && o < p->count; o++)
        db[o] = total(p->bias + o * 16);
}

static void part_gradient(const struct part *p, float *dw, float *db,
                          const float *x, const float *dy, size_t tiles)
{
    const struct pare_conv *c = p->c;

    memset(p->acc, 0, sums_size(c, p->method, p->count) * sizeof *p->acc);
    if (db)
        memset(p->bias, 0, p->count * 16 * sizeof *p->bias);
    if (p->turned)
        memset(p->turned, 0, c->ow * c->lanes * p->padded * sizeof *p->turned);
    for (size_t t = 0; t < tiles; t++) {
        p->method->tile(p, x, dy);
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
                     .corr = pare_kernel()->corr,
                     .products = conv_taps()};

    p.corr = p.corr ? p.corr : corr;
    *count = task_part(c, task, first);
    end = *first + *count;
    p.method = end == c->co && *count == rest_of(c) ? PARTIAL : method(c);
    scratch += sums_size(c, p.method, *count);
    p.bias = db ? scratch : NULL;
    p.turned = p.method->partial ? NULL : scratch + 16 * *count;
    for (size_t o = *first; o < end; o += some) {
        p.group = o / group;
        p.first = o;
        some = (p.group + 1) * group - o;
        some = some < end - o ? some : end - o;
        p.count = some;
        p.padded = conv_padded(some);
        part_gradient(&p, dw + (o - *first) * p.taps,
                      db ? db + (o - *first) : NULL, x, dy, tiles);
    }
}
