#include "unit.h"

#include "conv.h"
#include "kernel.h"
#include "rng.h"

enum { TILES = 2 };

struct shape {
    size_t ci, h, w, co, kernel[2], stride[2], pad[2], dilation[2], groups;
};

static const struct shape shapes[] = {
    {1, 9, 9, 10, {3, 3}, {1, 1}, {0, 0}, {1, 1}, 1},
    {3, 8, 8, 20, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
    {20, 6, 7, 50, {5, 5}, {1, 1}, {0, 0}, {1, 1}, 1},
    {20, 8, 8, 16, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1},
    {20, 7, 7, 33, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1},
    {5, 9, 7, 7, {3, 3}, {3, 3}, {2, 2}, {1, 1}, 1},
    {5, 10, 11, 6, {5, 3}, {2, 1}, {3, 1}, {1, 2}, 1},
    {4, 11, 12, 9, {3, 3}, {2, 3}, {3, 2}, {2, 2}, 1},
    {4, 24, 9, 3, {4, 2}, {4, 3}, {1, 0}, {6, 2}, 1},
    {6, 8, 9, 12, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 3},
    {12, 6, 6, 40, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 2},
    {20, 7, 7, 20, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 20},
    {3, 7, 8, 6, {3, 3}, {2, 2}, {1, 1}, {2, 1}, 3},
    {9, 1, 15, 17, {1, 5}, {1, 2}, {0, 2}, {1, 1}, 1},
    {9, 15, 1, 17, {5, 1}, {1, 1}, {2, 0}, {1, 1}, 1},
    {2, 3, 3, 4, {5, 5}, {1, 1}, {3, 3}, {1, 1}, 1},
    {2, 2, 2, 4, {1, 1}, {2, 2}, {3, 3}, {1, 1}, 1},
    {1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
    {3, 5, 40, 70, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
    {70, 3, 4, 3, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
};

#define SHAPES (sizeof shapes / sizeof *shapes)

static const size_t lanes_of[] = {1, 16, 32, 64};

/* One convolution with all that goes in. */
struct problem {
    struct pare_conv c;
    size_t in, out, weights; /* floats of a tile, and of the weights */
    float *x, *dy, *dx, *weight, *bias;
};

static float *room(size_t n)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64 + 64);

    assert_non_null(p);
    return p;
}

/*
 * Sample s is the same at any number of lanes: what the network holds, with
 * lanes innermost.
 */
static float *images(size_t tiles, size_t size, size_t lanes, uint32_t what)
{
    float *p = room(tiles * size * lanes), *one = room(size);

    for (size_t s = 0; s < tiles * lanes; s++) {
        pare_rng_uniform(one, size, -1, 1, what, PARE_STREAM_INIT, (uint32_t)s);
        for (size_t i = 0; i < size; i++)
            p[(s / lanes * size + i) * lanes + s % lanes] = one[i];
    }
    free(one);
    return p;
}

static void begin(struct problem *p, const struct shape *s, size_t lanes)
{
    struct pare_conv *c = &p->c;
    size_t out[2], in[2] = {s->h, s->w};

    for (int i = 0; i < 2; i++) {
        c->win.kernel[i] = s->kernel[i];
        c->win.stride[i] = s->stride[i];
        c->win.pad[i] = s->pad[i];
        c->win.dilation[i] = s->dilation[i];
        out[i] =
            (in[i] + 2 * s->pad[i] - s->dilation[i] * (s->kernel[i] - 1) - 1) /
                s->stride[i] +
            1;
    }
    c->win.groups = s->groups;
    c->ci = s->ci;
    c->h = s->h;
    c->w = s->w;
    c->co = s->co;
    c->oh = out[0];
    c->ow = out[1];
    c->lanes = lanes;
    p->in = s->ci * s->h * s->w;
    p->out = s->co * out[0] * out[1];
    p->weights = s->co * s->ci / s->groups * s->kernel[0] * s->kernel[1];
    p->x = images(TILES, p->in, lanes, 1);
    p->dy = images(TILES, p->out, lanes, 2);
    p->dx = images(TILES, p->in, lanes, 3);
    p->weight = images(1, p->weights, 1, 4);
    p->bias = images(1, s->co, 1, 5);
}

static void end(struct problem *p)
{
    free(p->x);
    free(p->dy);
    free(p->dx);
    free(p->weight);
    free(p->bias);
}

/* A sum in double, with the sum of the sizes of its terms. */
struct sum {
    double value, size;
};

static void term(struct sum *s, float a, float b)
{
    double v = (double)a * (double)b;

    s->value += v;
    s->size += fabs(v);
}

/*
 * Call `each` for all pairs of output and input elements that a weight
 * joins; indices are within one sample, [pixel][channel].
 */
static void join(const struct problem *p,
                 void (*each)(void *arg, size_t y, size_t x, size_t weight),
                 void *arg)
{
    const struct pare_conv *c = &p->c;
    const struct pare_window *win = &c->win;
    size_t kh = win->kernel[0], kw = win->kernel[1];
    size_t n = c->ci / win->groups, all = c->co * c->oh * c->ow * n * kh * kw;

    for (size_t i = 0; i < all; i++) {
        size_t kx = i % kw, ky = i / kw % kh, k = i / kw / kh % n;
        size_t at = i / kw / kh / n, o = at % c->co, ox = at / c->co % c->ow;
        size_t oy = at / c->co / c->ow;
        size_t iy = oy * win->stride[0] + ky * win->dilation[0];
        size_t ix = ox * win->stride[1] + kx * win->dilation[1];

        if (iy < win->pad[0] || iy - win->pad[0] >= c->h || ix < win->pad[1] ||
            ix - win->pad[1] >= c->w)
            continue;
        iy -= win->pad[0];
        ix -= win->pad[1];
        each(arg, (oy * c->ow + ox) * c->co + o,
             (iy * c->w + ix) * c->ci + o / (c->co / win->groups) * n + k,
             ((o * n + k) * kh + ky) * kw + kx);
    }
}

/* What a walk over the pairs adds up, for sample s of all. */
struct naive {
    struct problem p;
    size_t s;
    bool add; /* a bias forward, what is there backward */
    struct sum *y, *dx, *dw, *db;
};

static size_t element(const struct naive *n, size_t size, size_t at)
{
    size_t lanes = n->p.c.lanes;

    return (n->s / lanes * size + at) * lanes + n->s % lanes;
}

static void add_terms(void *arg, size_t y, size_t x, size_t weight)
{
    struct naive *n = arg;
    const struct problem *p = &n->p;
    size_t at_y = element(n, p->out, y), at_x = element(n, p->in, x);

    term(&n->y[at_y], p->x[at_x], p->weight[weight]);
    term(&n->dx[at_x], p->dy[at_y], p->weight[weight]);
    term(&n->dw[weight], p->dy[at_y], p->x[at_x]);
}

static void compute_naive(struct naive *n, const struct shape *s, size_t lanes)
{
    struct problem *p = &n->p;
    size_t outs, ins;

    begin(p, s, lanes);
    outs = p->out * lanes * TILES;
    ins = p->in * lanes * TILES;
    n->y = calloc(outs, sizeof *n->y);
    n->dx = calloc(ins, sizeof *n->dx);
    n->dw = calloc(p->weights, sizeof *n->dw);
    n->db = calloc(s->co, sizeof *n->db);
    for (n->s = 0; n->s < TILES * lanes; n->s++)
        join(p, add_terms, n);
    for (size_t i = 0; i < outs; i++) {
        size_t o = i / lanes % s->co;

        if (n->add)
            term(&n->y[i], p->bias[o], 1);
        term(&n->db[o], p->dy[i], 1);
    }
    for (size_t i = 0; n->add && i < ins; i++)
        term(&n->dx[i], p->dx[i], 1);
}

/* In bands of `band` rows, last first; 0: what pare_conv_band says. */
static void forward(const struct problem *p, float *y, bool bias, size_t band)
{
    const struct pare_conv *c = &p->c;
    float *packed = room(pare_conv_packed(c));
    size_t size = p->out * c->lanes;

    pare_conv_pack(packed, c, p->weight, false);
    band = band ? band : pare_conv_band(c, false);
    assert_in_range(band, 1, c->oh);
    for (size_t i = 0; i < size * TILES; i++)
        y[i] = NAN;
    for (size_t t = 0; t < TILES; t++)
        for (size_t r = (c->oh - 1) / band * band;; r -= band) {
            size_t some = c->oh - r < band ? c->oh - r : band;

            pare_conv_forward(c, y + t * size, p->x + t * p->in * c->lanes,
                              packed, bias ? p->bias : NULL, r, some);
            if (r == 0)
                break;
        }
    free(packed);
}

static void backward(const struct problem *p, float *dx, bool add, size_t band)
{
    const struct pare_conv *c = &p->c;
    float *packed = room(pare_conv_packed(c));
    size_t size = p->in * c->lanes;

    pare_conv_pack(packed, c, p->weight, true);
    band = band ? band : pare_conv_band(c, true);
    assert_in_range(band, 1, c->h);
    for (size_t i = 0; i < size * TILES; i++)
        dx[i] = add ? p->dx[i] : NAN;
    for (size_t t = 0; t < TILES; t++)
        for (size_t r = (c->h - 1) / band * band;; r -= band) {
            size_t some = c->h - r < band ? c->h - r : band;

            pare_conv_backward(c, dx + t * size, p->dy + t * p->out * c->lanes,
                               packed, r, some, add);
            if (r == 0)
                break;
        }
    free(packed);
}

static void gradient(const struct problem *p, float *dw, float *db)
{
    const struct pare_conv *c = &p->c;
    size_t most = pare_conv_gradient_channels(c), k = p->weights / c->co;
    float *scratch = room(pare_conv_gradient_scratch(c));
    float *some = room(most * k), *sums = room(most);
    size_t next = 0;

    for (size_t i = 0; i < pare_conv_gradient_tasks(c); i++) {
        size_t first, count;

        pare_conv_gradient(c, i, &first, &count, some, db ? sums : NULL, p->x,
                           p->dy, TILES, scratch);
        assert_int_equal(first, next);
        assert_in_range(count, 1, most);
        next += count;
        memcpy(dw + first * k, some, count * k * sizeof *dw);
        if (db)
            memcpy(db + first, sums, count * sizeof *db);
    }
    assert_int_equal(next, c->co);
    free(scratch);
    free(some);
    free(sums);
}

/* Results of everything, for comparison. */
struct results {
    struct problem p;
    float *y, *dx, *dw, *db;
};

static void compute(struct results *r, const struct shape *s, size_t lanes,
                    size_t band, bool add)
{
    begin(&r->p, s, lanes);
    r->y = room(r->p.out * lanes * TILES);
    r->dx = room(r->p.in * lanes * TILES);
    r->dw = room(r->p.weights);
    r->db = room(s->co);
    forward(&r->p, r->y, add, band);
    backward(&r->p, r->dx, add, band);
    gradient(&r->p, r->dw, r->db);
}

static void release(struct results *r)
{
    free(r->y);
    free(r->dx);
    free(r->dw);
    free(r->db);
    end(&r->p);
}

static void check(const char *what, const struct problem *p, size_t n,
                  const float *got, const struct sum *want)
{
    for (size_t at = 0; at < n; at++) {
        double value = (double)got[at];

        if (fabs(value - want[at].value) <= 2e-6 * want[at].size + 1e-30)
            continue;
        fail_msg("%s, %s, shape %zux%zux%zu to %zu, %zu lanes: element %zu is "
                 "%.9g, not %.9g",
                 pare_kernel()->name, what, p->c.ci, p->c.h, p->c.w, p->c.co,
                 p->c.lanes, at, value, want[at].value);
    }
}

static void check_all(const struct shape *s, size_t lanes, bool add)
{
    struct naive n = {.add = add};
    struct problem *p = &n.p;

    compute_naive(&n, s, lanes);
    for (size_t k = 0; pare_kernel_row(k); k++) {
        struct results r;

        if (!pare_kernel_row(k)->available())
            continue;
        assert_int_equal(pare_kernel_use(pare_kernel_row(k)->name), 0);
        compute(&r, s, lanes, 0, add);
        check("forward", p, p->out * lanes * TILES, r.y, n.y);
        check("backward", p, p->in * lanes * TILES, r.dx, n.dx);
        check("weight gradient", p, p->weights, r.dw, n.dw);
        check("bias gradient", p, s->co, r.db, n.db);
        release(&r);
    }
    free(n.y);
    free(n.dx);
    free(n.dw);
    free(n.db);
    end(p);
}

static void every_shape_is_the_sum_that_it_should_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t l = 0; l < 4; l++)
            check_all(&shapes[i], lanes_of[l], (i + l) % 2);
}

static const char *const fma_rows[] = {"avx512", "avx2"};

static void rows_of_family_fma_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t l = 0; l < 4; l++) {
            struct results a, b;
            size_t lanes = lanes_of[l];

            if (pare_kernel_use("avx512") != 0)
                skip();
            compute(&a, &shapes[i], lanes, 0, true);
            assert_int_equal(pare_kernel_use("avx2"), 0);
            compute(&b, &shapes[i], lanes, 0, true);
            assert_memory_equal(a.y, b.y, a.p.out * lanes * sizeof *a.y);
            assert_memory_equal(a.dx, b.dx, a.p.in * lanes * sizeof *a.dx);
            assert_memory_equal(a.dw, b.dw, a.p.weights * sizeof *a.dw);
            assert_memory_equal(a.db, b.db, a.p.c.co * sizeof *a.db);
            release(&a);
            release(&b);
        }
}

/* Samples of tiles of `lanes` samples, those of `a`, one by one. */
static void same_samples(const float *a, const float *b, size_t size,
                         size_t lanes)
{
    for (size_t s = 0; s < TILES; s++)
        for (size_t i = 0; i < size; i++)
            assert_memory_equal(&a[s * size + i],
                                &b[(s / lanes * size + i) * lanes + s % lanes],
                                sizeof *a);
}

static void lanes_and_bands_do_not_change_a_bit(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        if (pare_kernel_use(fma_rows[k]) != 0)
            continue;
        for (size_t i = 0; i < SHAPES; i++) {
            struct results one;

            compute(&one, &shapes[i], 1, 0, true);
            for (size_t l = 1; l < 4; l++) {
                struct results r;

                compute(&r, &shapes[i], lanes_of[l], 1, true);
                same_samples(one.y, r.y, r.p.out, lanes_of[l]);
                same_samples(one.dx, r.dx, r.p.in, lanes_of[l]);
                release(&r);
            }
            release(&one);
        }
    }
}

/* Family fma: a chain over ky, kx, channel, from the bias on. */
static void forward_is_one_chain_of_multiply_adds(void **state)
{
    const struct shape *s = &shapes[1];
    struct results r;
    const struct pare_conv *c = &r.p.c;

    (void)state;
    if (pare_kernel_use("avx512") != 0 && pare_kernel_use("avx2") != 0)
        skip();
    compute(&r, s, 16, 0, true);
    for (size_t at = 0; at < r.p.out; at++) {
        size_t o = at % c->co, ox = at / c->co % c->ow, oy = at / c->co / c->ow;
        float sum = r.p.bias[o];

        for (size_t t = 0; t < 9 * c->ci; t++) {
            size_t i = t % c->ci, ky = t / c->ci / 3, kx = t / c->ci % 3;

            if (oy + ky < 1 || oy + ky > c->h || ox + kx < 1 || ox + kx > c->w)
                continue;
            sum = fmaf(
                r.p.weight[((o * c->ci + i) * 3 + ky) * 3 + kx],
                r.p.x[(((oy + ky - 1) * c->w + ox + kx - 1) * c->ci + i) * 16 +
                      5],
                sum);
        }
        assert_memory_equal(&sum, &r.y[at * 16 + 5], sizeof sum);
    }
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_the_sum_that_it_should_be),
        cmocka_unit_test(rows_of_family_fma_give_the_same_bits),
        cmocka_unit_test(lanes_and_bands_do_not_change_a_bit),
        cmocka_unit_test(forward_is_one_chain_of_multiply_adds),
    };

    return run_group(tests);
}
