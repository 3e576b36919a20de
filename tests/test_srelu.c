#include "unit.h"

#include "srelu.h"
#include "same_bits.h"

enum { MOST = 40000, CHANNELS = 70 };

static float x[MOST], y[MOST], dy[MOST], dx[MOST];
static float number[4][CHANNELS]; /* tl, al, tr, ar */

static const struct pare_srelu s = {number[0], number[1], number[2], number[3]};

static float draw(size_t i)
{
    double u = sin(12.9898 * (double)(i + 1)) * 43758.5453;

    return (float)(2 * (u - floor(u)) - 1);
}

static void fill(size_t n, size_t lanes, size_t valid)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        number[0][c] = -0.4f + 0.1f * draw(c);
        number[1][c] = 0.2f * draw(c + 100);
        number[2][c] = 0.5f + 0.1f * draw(c + 200);
        number[3][c] = 1 + 0.5f * draw(c + 300);
    }
    number[0][1] = 0.6f; /* both sides hold in between */
    number[2][1] = -0.3f;
    for (size_t i = 0; i < n; i++) {
        x[i] = i % lanes < valid ? draw(i + 400) : (i % 2 ? 5.0f : -5.0f);
        dy[i] = i % lanes < valid ? draw(i + 500) : NAN;
    }
}

static double exact(double v, const double k[4])
{
    if (v >= k[2])
        return k[2] + k[3] * (v - k[2]);
    return v <= k[0] ? k[0] + k[1] * (v - k[0]) : v;
}

static void numbers(double k[4], size_t c)
{
    for (int r = 0; r < 4; r++)
        k[r] = (double)number[r][c];
}

static const size_t shapes[][4] = {
    /* pixels, channels, lanes, valid */
    {1, 1, 1, 1},    {9, 3, 1, 1},    {37, 70, 1, 1},
    {1, 70, 8, 8},   {35, 3, 16, 16}, {35, 70, 16, 3},
    {7, 40, 32, 32}, {65, 5, 64, 64}, {3, 5, 64, 17},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static void outputs_are_those_of_double(void **state)
{
    (void)state;
    for (size_t r = 0; r < SHAPES; r++) {
        const size_t *d = shapes[r], n = d[0] * d[1] * d[2];
        double k[4];

        fill(n, d[2], d[2]);
        memcpy(dx, x, n * sizeof *x);
        pare_srelu_forward(y, x, d[0], d[1], d[2], &s);
        pare_srelu_forward(dx, dx, d[0], d[1], d[2], &s);
        assert_memory_equal(y, dx, n * sizeof *y);
        for (size_t i = 0; i < n; i++) {
            numbers(k, i / d[2] % d[1]);
            assert_close(y[i], exact((double)x[i], k), 3e-7);
        }
    }
}

static void ends_and_nan_are_as_stated(void **state)
{
    float in[4] = {number[2][0], number[0][0], NAN, -0.0f}, out[4];

    (void)state;
    fill(0, 1, 1);
    in[0] = number[2][0];
    in[1] = number[0][0];
    pare_srelu_forward(out, in, 4, 1, 1, &s);
    assert_true(out[0] == in[0] && out[1] == in[1]);
    assert_true(isnan(out[2]));
    assert_true(out[3] == 0.0f && signbit(out[3]));
    number[0][0] = 1;
    number[2][0] = -1; /* both hold between: the right side is taken */
    in[0] = 0;
    pare_srelu_forward(out, in, 1, 1, 1, &s);
    assert_close(out[0], -1 + (double)number[3][0], 1e-6);
}

/* Central difference of the output at v by number r, or by v with r = 4. */
static double slope(double v, const double k[4], int r)
{
    const double h = 1e-6;
    double up[4], down[4];

    memcpy(up, k, sizeof up);
    memcpy(down, k, sizeof down);
    if (r == 4)
        return (exact(v + h, k) - exact(v - h, k)) / (2 * h);
    up[r] += h;
    down[r] -= h;
    return (exact(v, up) - exact(v, down)) / (2 * h);
}

static void gradients_are_central_differences(void **state)
{
    static double sum[4 * CHANNELS], want[4 * CHANNELS];

    (void)state;
    for (size_t t = 0; t < SHAPES; t++) {
        const size_t *d = shapes[t], n = d[0] * d[1] * d[2];
        double k[4];

        fill(n, d[2], d[3]);
        memset(want, 0, sizeof want);
        pare_srelu_backward(dx, sum, dy, x, d[0], d[1], d[2], d[3], &s, 0);
        for (size_t i = 0; i < n; i++) {
            size_t c = i / d[2] % d[1];

            if (i % d[2] >= d[3])
                continue;
            numbers(k, c);
            assert_close(dx[i], (double)dy[i] * slope((double)x[i], k, 4),
                         1e-6);
            for (int r = 0; r < 4; r++)
                want[(size_t)r * d[1] + c] +=
                    (double)dy[i] * slope((double)x[i], k, r);
        }
        for (size_t i = 0; i < 4 * d[1]; i++)
            assert_close(sum[i], want[i], 2e-5);
    }
}

static void gradients_are_added_and_made_in_place(void **state)
{
    double sum[4 * 3], again[4 * 3];
    const size_t n = 35 * 3 * 16;

    (void)state;
    fill(n, 16, 16);
    pare_srelu_backward(dx, sum, dy, x, 35, 3, 16, 16, &s, 0);
    memcpy(y, dx, n * sizeof *y);
    pare_srelu_backward(y, again, dy, x, 35, 3, 16, 16, &s, 1);
    assert_memory_equal(sum, again, sizeof sum);
    for (size_t i = 0; i < n; i++)
        assert_true(y[i] == 2 * dx[i]);
    memcpy(y, dy, n * sizeof *y);
    pare_srelu_backward(y, again, y, x, 35, 3, 16, 16, &s, 0);
    assert_memory_equal(sum, again, sizeof sum);
    assert_memory_equal(y, dx, n * sizeof *y);
    memcpy(y, dy, n * sizeof *y);
    pare_srelu_backward(y, again, y, x, 35, 3, 16, 16, &s, 1);
    for (size_t i = 0; i < n; i++)
        assert_true(y[i] == dy[i] + dx[i]);
}

/* The digests are those of plain and of vector code, of gcc and of clang. */
static void bits_are_the_same_on_every_processor(void **state)
{
    enum { P = 35, C = 7, L = 32, N = P * C * L };
    double sum[4 * C];

    (void)state;
    fill_exactly(x, N, 1);
    fill_exactly(dy, N, 2);
    for (int r = 0; r < 4; r++)
        fill_exactly(number[r], C, 3 + (uint32_t)r);
    pare_srelu_forward(y, x, P, C, L, &s);
    need_digest(y, N * sizeof *y, "ad084735dd437577ae1fa2dfd87ef6d8");
    pare_srelu_backward(dx, sum, dy, x, P, C, L, L - 5, &s, 0);
    need_digest(dx, N * sizeof *dx, "1ef0e3c67855669549b9d2a5e318ccf3");
    need_digest(sum, sizeof sum, "74d1b9357950dede7441c3e94bc3f423");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_double),
        cmocka_unit_test(ends_and_nan_are_as_stated),
        cmocka_unit_test(gradients_are_central_differences),
        cmocka_unit_test(gradients_are_added_and_made_in_place),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
    };

    return run_group(tests);
}
