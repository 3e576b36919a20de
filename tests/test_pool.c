#include "unit.h"

#include "pool.h"
#include "same_bits.h"

enum { MOST = 160000 };

static float x[MOST], y[MOST], dy[MOST], dx[MOST], again[MOST];
static uint16_t which[MOST];

static float draw(size_t i)
{
    double u = sin(12.9898 * (double)(i + 1)) * 43758.5453;

    return (float)(2 * (u - floor(u)) - 1);
}

/* h, w, then kernel, stride, pad, dilation; height and width. */
static const struct {
    size_t h, w;
    struct pare_window win;
} shapes[] = {
    {4, 6, {{2, 2}, {2, 2}, {0, 0}, {1, 1}, 1}},
    {5, 7, {{2, 2}, {2, 2}, {0, 0}, {1, 1}, 1}}, /* the edge is left out */
    {5, 5, {{3, 3}, {2, 2}, {1, 1}, {1, 1}, 1}}, /* overlaps */
    {7, 5, {{3, 2}, {1, 2}, {1, 0}, {1, 1}, 1}},
    {8, 8, {{2, 2}, {3, 3}, {0, 0}, {1, 1}, 1}}, /* gaps */
    {9, 8, {{3, 2}, {2, 1}, {1, 1}, {2, 3}, 1}},
    {1, 9, {{1, 3}, {1, 3}, {0, 1}, {1, 1}, 1}},
    {6, 5, {{6, 5}, {1, 1}, {0, 0}, {1, 1}, 1}}, /* the whole image */
    {4, 4, {{1, 1}, {1, 1}, {0, 0}, {1, 1}, 1}},
    {4, 4, {{2, 2}, {1, 1}, {0, 0}, {1, 1}, 1}},
    {6, 5, {{3, 3}, {1, 1}, {2, 3}, {2, 2}, 1}},
    {1, 1, {{2, 2}, {1, 1}, {1, 1}, {2, 2}, 1}}, /* no tap is inside */
    {2, 2, {{1, 1}, {1, 1}, {2, 2}, {1, 1}, 1}},
};

static const size_t channels_lanes[][2] = {{1, 1},  {3, 1},  {37, 1},
                                           {3, 16}, {2, 32}, {20, 64}};

static struct pare_pool geometry(size_t shape, size_t k)
{
    struct pare_pool p = {channels_lanes[k][0],
                          shapes[shape].h,
                          shapes[shape].w,
                          0,
                          0,
                          shapes[shape].win,
                          channels_lanes[k][1],
                          false};
    size_t out[2], in[2] = {p.h, p.w};

    for (int d = 0; d < 2; d++)
        out[d] = (in[d] + 2 * p.win.pad[d] -
                  p.win.dilation[d] * (p.win.kernel[d] - 1) - 1) /
                     p.win.stride[d] +
                 1;
    p.oh = out[0];
    p.ow = out[1];
    return p;
}

static void each_geometry(void (*f)(const struct pare_pool *p))
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t k = 0; k < 6; k++) {
            struct pare_pool p = geometry(s, k);

            assert_true(p.h * p.w * p.c * p.lanes <= MOST &&
                        p.oh * p.ow * p.c * p.lanes <= MOST);
            f(&p);
            p.count_pad = true;
            f(&p);
        }
}

/* Place of a tap in the input, or -1 outside; z is channel and lane. */
static long place(const struct pare_pool *p, size_t o, size_t tap, size_t z)
{
    long ky = (long)(tap / p->win.kernel[1]);
    long kx = (long)(tap % p->win.kernel[1]);
    long iy = (long)(o / p->ow * p->win.stride[0]) - (long)p->win.pad[0] +
              ky * (long)p->win.dilation[0];
    long ix = (long)(o % p->ow * p->win.stride[1]) - (long)p->win.pad[1] +
              kx * (long)p->win.dilation[1];

    if (iy < 0 || ix < 0 || iy >= (long)p->h || ix >= (long)p->w)
        return -1;
    return (iy * (long)p->w + ix) * (long)(p->c * p->lanes) + (long)z;
}

static size_t taps(const struct pare_pool *p)
{
    return p->win.kernel[0] * p->win.kernel[1];
}

static size_t in_size(const struct pare_pool *p)
{
    return p->h * p->w * p->c * p->lanes;
}

static size_t out_size(const struct pare_pool *p)
{
    return p->oh * p->ow * p->c * p->lanes;
}

/* Coarse values, so that many are equal. */
static void fill(size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = floorf(4 * draw(i));
    for (size_t i = 0; i < MOST; i++)
        dy[i] = draw(i + 70);
}

static void check_max(const struct pare_pool *p)
{
    size_t size = p->c * p->lanes;

    fill(in_size(p));
    pare_maxpool_forward(p, y, which, x, 0, p->oh);
    for (size_t i = 0; i < out_size(p); i++) {
        float best = -INFINITY;
        size_t first = 0;

        for (size_t t = 0; t < taps(p); t++) {
            long at = place(p, i / size, t, i % size);

            if (at >= 0 && x[at] > best) {
                best = x[at];
                first = t;
            }
        }
        assert_true(y[i] == best);
        assert_int_equal(which[i], first);
    }
    pare_maxpool_forward(p, again, NULL, x, 0, p->oh);
    assert_memory_equal(y, again, out_size(p) * sizeof *y);
}

static void the_first_of_the_largest_is_found(void **state)
{
    (void)state;
    each_geometry(check_max);
}

static void check_nan(const struct pare_pool *p)
{
    size_t size = p->c * p->lanes, n = in_size(p);

    fill(n);
    for (size_t i = 0; i < n; i++)
        x[i] = i % 5 == 0 ? NAN : x[i];
    pare_maxpool_forward(p, y, which, x, 0, p->oh);
    for (size_t i = 0; i < out_size(p); i++) {
        bool nan = false;

        for (size_t t = 0; t < taps(p) && !nan; t++) {
            long at = place(p, i / size, t, i % size);

            nan = at >= 0 && isnan(x[at]);
            if (nan)
                assert_int_equal(which[i], t);
        }
        assert_int_equal(isnan(y[i]) != 0, nan);
    }
}

static void a_nan_is_larger_than_all(void **state)
{
    (void)state;
    each_geometry(check_nan);
}

static double count(const struct pare_pool *p, size_t o)
{
    size_t n = 0;

    for (size_t t = 0; t < taps(p); t++)
        n += p->count_pad || place(p, o, t, 0) >= 0;
    return n ? (double)n : 1;
}

static void check_mean(const struct pare_pool *p)
{
    size_t size = p->c * p->lanes;

    for (size_t i = 0; i < in_size(p); i++)
        x[i] = draw(i);
    pare_avgpool_forward(p, y, x, 0, p->oh);
    for (size_t i = 0; i < out_size(p); i++) {
        double sum = 0;

        for (size_t t = 0; t < taps(p); t++) {
            long at = place(p, i / size, t, i % size);

            sum += at < 0 ? 0 : (double)x[at];
        }
        assert_close(y[i], sum / count(p, i / size), 3e-7);
    }
}

static void means_are_those_of_double(void **state)
{
    (void)state;
    each_geometry(check_mean);
}

/* The gradient as the sum over outputs, in double. */
static void scatter(double *want, const struct pare_pool *p, bool max)
{
    size_t size = p->c * p->lanes;

    memset(want, 0, in_size(p) * sizeof *want);
    for (size_t i = 0; i < out_size(p); i++)
        for (size_t t = 0; t < taps(p); t++) {
            long at = place(p, i / size, t, i % size);

            if (at >= 0 && (!max || which[i] == t))
                want[at] += (double)dy[i] / (max ? 1 : count(p, i / size));
        }
}

static void check_gradient(const struct pare_pool *p)
{
    static double want[MOST];

    fill(in_size(p));
    pare_maxpool_forward(p, y, which, x, 0, p->oh);
    for (int max = 0; max < 2; max++) {
        scatter(want, p, max);
        for (size_t i = 0; i < in_size(p); i++)
            again[i] = draw(i + 33);
        if (max) {
            pare_maxpool_backward(p, dx, dy, which, 0, p->h, false);
            pare_maxpool_backward(p, again, dy, which, 0, p->h, true);
        } else {
            pare_avgpool_backward(p, dx, dy, 0, p->h, false);
            pare_avgpool_backward(p, again, dy, 0, p->h, true);
        }
        for (size_t i = 0; i < in_size(p); i++) {
            assert_close(dx[i], want[i], 2e-6);
            assert_close(again[i], want[i] + (double)draw(i + 33), 2e-6);
        }
    }
}

static void gradients_come_from_all_windows(void **state)
{
    (void)state;
    each_geometry(check_gradient);
}

static void check_bands(const struct pare_pool *p)
{
    static uint16_t tap[MOST];

    fill(in_size(p));
    pare_maxpool_forward(p, y, which, x, 0, p->oh);
    for (size_t r = p->oh; r-- > 0;)
        pare_maxpool_forward(p, again, tap, x, r, 1);
    assert_memory_equal(y, again, out_size(p) * sizeof *y);
    assert_memory_equal(which, tap, out_size(p) * sizeof *tap);
    pare_maxpool_backward(p, dx, dy, which, 0, p->h, false);
    for (size_t r = p->h; r-- > 0;)
        pare_maxpool_backward(p, again, dy, which, r, 1, false);
    assert_memory_equal(dx, again, in_size(p) * sizeof *dx);

    pare_avgpool_forward(p, y, x, 0, p->oh);
    for (size_t r = p->oh; r-- > 0;)
        pare_avgpool_forward(p, again, x, r, 1);
    assert_memory_equal(y, again, out_size(p) * sizeof *y);
    pare_avgpool_backward(p, dx, dy, 0, p->h, false);
    for (size_t r = p->h; r-- > 0;)
        pare_avgpool_backward(p, again, dy, r, 1, false);
    assert_memory_equal(dx, again, in_size(p) * sizeof *dx);
}

static void bands_do_not_change_a_bit(void **state)
{
    (void)state;
    each_geometry(check_bands);
}

/* The digests are those of plain and of vector code, of gcc and of clang. */
static void bits_are_the_same_on_every_processor(void **state)
{
    struct pare_pool p = geometry(2, 4);

    (void)state;
    fill_exactly(x, in_size(&p), 1);
    fill_exactly(dy, out_size(&p), 2);
    pare_avgpool_forward(&p, y, x, 0, p.oh);
    need_digest(y, out_size(&p) * sizeof *y,
                "331a879fe923d8ebddbb57dfc60468d4");
    pare_avgpool_backward(&p, dx, dy, 0, p.h, false);
    need_digest(dx, in_size(&p) * sizeof *dx,
                "22143e10196133335f965d1b128e5df9");
    pare_maxpool_forward(&p, y, which, x, 0, p.oh);
    pare_maxpool_backward(&p, dx, dy, which, 0, p.h, false);
    need_digest(dx, in_size(&p) * sizeof *dx,
                "40f198b8f55a1cc90c3cf1a24060a0c6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_the_largest_is_found),
        cmocka_unit_test(a_nan_is_larger_than_all),
        cmocka_unit_test(means_are_those_of_double),
        cmocka_unit_test(gradients_come_from_all_windows),
        cmocka_unit_test(bands_do_not_change_a_bit),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
    };

    return run_group(tests);
}
