#include "unit.h"

#include "batchnorm.h"
#include "same_bits.h"

enum { MOST = 40000, CHANNELS = 70 };

static const size_t all_lanes[] = {1, 4, 8, 16, 32, 64};

enum { LANES = sizeof all_lanes / sizeof *all_lanes };

static float x[MOST], y[MOST], dy[MOST], dx[MOST];

/* Roughly normal, each place its own. */
static float draw(size_t i)
{
    double u = sin(12.9898 * (double)(i + 1)) * 43758.5453;
    double v = sin(78.233 * (double)(i + 1)) * 24634.6345;

    return (float)(u - floor(u) + v - floor(v) - 1);
}

/* Naive moments of channel c over the first valid lanes. */
static void naive(double *mean, double *m2, const float *from, size_t pixels,
                  size_t channels, size_t lanes, size_t valid, size_t c)
{
    *mean = *m2 = 0;
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < valid; j++)
            *mean += (double)from[(p * channels + c) * lanes + j];
    *mean /= (double)(pixels * valid);
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < valid; j++) {
            double d = (double)from[(p * channels + c) * lanes + j] - *mean;

            *m2 += d * d;
        }
}

/* Every lane count, several pixel counts, whole and partly filled tiles. */
static void each_shape(void (*f)(size_t pixels, size_t channels, size_t lanes,
                                 size_t valid))
{
    static const size_t pixels[] = {1, 2, 7, 35, 100};
    static const size_t channels[] = {1, 3, CHANNELS};

    for (size_t l = 0; l < LANES; l++)
        for (size_t p = 0; p < 5; p++)
            for (size_t c = 0; c < 3; c++) {
                size_t lanes = all_lanes[l];

                if (pixels[p] * channels[c] * lanes > MOST)
                    continue;
                f(pixels[p], channels[c], lanes, lanes);
                if (lanes > 1)
                    f(pixels[p], channels[c], lanes, lanes - 3);
                if (lanes > 16)
                    f(pixels[p], channels[c], lanes, 5);
            }
}

static void check_moments(size_t pixels, size_t channels, size_t lanes,
                          size_t valid)
{
    double mean[CHANNELS], m2[CHANNELS], want, squares;

    for (size_t i = 0; i < pixels * channels * lanes; i++)
        x[i] = i % lanes < valid ? 0.5f + draw(i) : NAN;
    pare_batchnorm_part(mean, m2, x, pixels, channels, lanes, valid);
    for (size_t c = 0; c < channels; c++) {
        naive(&want, &squares, x, pixels, channels, lanes, valid, c);
        assert_close(mean[c], want, 1e-7);
        assert_close(m2[c], squares, 1e-6 * squares + 1e-14);
    }
}

static void moments_are_those_of_double(void **state)
{
    (void)state;
    each_shape(check_moments);
}

static void a_large_mean_does_not_hide_the_variance(void **state)
{
    static const float offset[] = {1e3f, -1e4f, 1e6f};
    double mean[3], m2[3], want, squares;

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 100 * 3 * 32; i++)
            x[i] = offset[k] + draw(i);
        pare_batchnorm_part(mean, m2, x, 100, 3, 32, 32);
        for (size_t c = 0; c < 3; c++) {
            naive(&want, &squares, x, 100, 3, 32, 32, c);
            assert_close(mean[c], want, 1e-6 * sqrt(squares / 3200));
            assert_close(m2[c], squares, 1e-6 * squares);
        }
    }
    for (size_t i = 0; i < 100 * 3 * 32; i++)
        x[i] = 0.1f;
    pare_batchnorm_part(mean, m2, x, 100, 3, 32, 32);
    assert_close(mean[0], (double)0.1f, 1e-15);
    assert_close(m2[0], 0, 1e-25);
    assert_true(m2[0] >= 0);
}

static void a_nan_stays_in_its_channel(void **state)
{
    double mean[3], m2[3];

    (void)state;
    for (size_t i = 0; i < 50 * 3 * 16; i++)
        x[i] = draw(i);
    x[(40 * 3 + 1) * 16 + 5] = NAN;
    pare_batchnorm_part(mean, m2, x, 50, 3, 16, 16);
    assert_true(isfinite(mean[0]) && isfinite(m2[0]));
    assert_true(isnan(mean[1]) && isnan(m2[1]));
    assert_true(isfinite(mean[2]) && isfinite(m2[2]));
    pare_batchnorm_part(mean, m2, x, 50, 3, 16, 5);
    assert_true(isfinite(mean[1]) && isfinite(m2[1]));
}

static void parts_combine_to_the_whole(void **state)
{
    enum { PARTS = 4, C = 5, L = 16 };
    static const size_t pixels[PARTS] = {3, 40, 1, 20};
    double part_mean[PARTS * C], part_m2[PARTS * C], mean[C], var[C];
    size_t count[PARTS], at = 0;

    (void)state;
    for (size_t i = 0; i < 64 * C * L; i++)
        x[i] = 3.0f + draw(i) * (float)(1 + i / 2000);
    for (size_t p = 0; p < PARTS; p++) {
        pare_batchnorm_part(part_mean + p * C, part_m2 + p * C, x + at,
                            pixels[p], C, L, L);
        count[p] = pixels[p] * L;
        at += pixels[p] * C * L;
    }
    pare_batchnorm_combine(mean, var, C, PARTS, part_mean, part_m2, count);
    for (size_t c = 0; c < C; c++) {
        double want, squares;

        naive(&want, &squares, x, 64, C, L, L, c);
        assert_close(mean[c], want, 1e-7);
        assert_close(var[c], squares / (64 * L), 1e-6 * squares / (64 * L));
    }
}

static void check_apply(size_t pixels, size_t channels, size_t lanes,
                        size_t valid)
{
    size_t n = pixels * channels * lanes;
    float mean[CHANNELS] = {0}, factor[CHANNELS], shift[CHANNELS];

    (void)valid;
    for (size_t c = 0; c < channels; c++) {
        mean[c] = draw(c);
        factor[c] = draw(c + 100);
        shift[c] = draw(c + 200);
    }
    for (int relu = 0; relu < 2; relu++) {
        for (size_t i = 0; i < n; i++)
            x[i] = dx[i] = draw(i);
        pare_batchnorm_apply(y, x, pixels, channels, lanes, mean, factor, shift,
                             relu);
        pare_batchnorm_apply(dx, dx, pixels, channels, lanes, mean, factor,
                             shift, relu);
        for (size_t i = 0; i < n; i++) {
            size_t c = i / lanes % channels;
            double want = ((double)x[i] - (double)mean[c]) * (double)factor[c] +
                          (double)shift[c];

            assert_close(y[i], relu && want < 0 ? 0 : want, 5e-7);
        }
        assert_memory_equal(y, dx, n * sizeof *y);
    }
}

static void outputs_are_those_of_double(void **state)
{
    const float one = 1, zero = 0, minus = -0.0f;

    (void)state;
    each_shape(check_apply);
    x[0] = NAN;
    x[1] = -0.0f;
    pare_batchnorm_apply(y, x, 2, 1, 1, &zero, &one, &minus, 1);
    assert_true(isnan(y[0]));
    assert_true(!signbit(y[1]));
}

static void check_sums(size_t pixels, size_t channels, size_t lanes,
                       size_t valid)
{
    double sum[CHANNELS], product[CHANNELS];
    float mean[CHANNELS] = {0};

    for (size_t c = 0; c < channels; c++)
        mean[c] = draw(c + 300);
    for (size_t i = 0; i < pixels * channels * lanes; i++) {
        x[i] = i % lanes < valid ? draw(i) : NAN;
        dy[i] = i % lanes < valid ? draw(i + 7) : NAN;
    }
    pare_batchnorm_backward_part(sum, product, dy, x, pixels, channels, lanes,
                                 valid, mean);
    for (size_t c = 0; c < channels; c++) {
        double s = 0, t = 0, size = 0;

        for (size_t p = 0; p < pixels; p++)
            for (size_t j = 0; j < valid; j++) {
                size_t i = (p * channels + c) * lanes + j;

                s += (double)dy[i];
                t += (double)dy[i] * ((double)x[i] - (double)mean[c]);
                size += fabs((double)dy[i]);
            }
        assert_close(sum[c], s, 1e-6 * size);
        assert_close(product[c], t, 1e-6 * size);
    }
}

static void backward_sums_are_those_of_double(void **state)
{
    (void)state;
    each_shape(check_sums);
}

static void check_backward(size_t pixels, size_t channels, size_t lanes,
                           size_t valid)
{
    size_t n = pixels * channels * lanes;
    float k[4][CHANNELS];

    for (size_t c = 0; c < channels; c++)
        for (size_t r = 0; r < 4; r++)
            k[r][c] = draw(c + 100 * r);
    for (int add = 0; add < 2; add++) {
        for (size_t i = 0; i < n; i++) {
            x[i] = i % lanes < valid ? draw(i) : NAN;
            dy[i] = y[i] = draw(i + 7);
            dx[i] = draw(i + 9);
        }
        pare_batchnorm_backward_apply(dx, dy, x, pixels, channels, lanes, valid,
                                      k[0], k[1], k[2], k[3], add);
        pare_batchnorm_backward_apply(y, y, x, pixels, channels, lanes, valid,
                                      k[0], k[1], k[2], k[3], add);
        for (size_t i = 0; i < n; i++) {
            size_t c = i / lanes % channels;
            double want = 0;

            if (i % lanes < valid)
                want = (double)k[1][c] * (double)dy[i] +
                       (double)k[2][c] * ((double)x[i] - (double)k[0][c]) +
                       (double)k[3][c];
            assert_close(dx[i], want + (add ? (double)draw(i + 9) : 0), 1e-6);
            assert_close(y[i], want + (add ? (double)dy[i] : 0), 1e-6);
        }
    }
}

static void input_gradients_are_those_of_double(void **state)
{
    (void)state;
    each_shape(check_backward);
}

/* Sum of w y over a tile of one channel after normalisation, in double. */
static double objective(const double *v, size_t n, double scale, double shift)
{
    double mean = 0, var = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var += (v[i] - mean) * (v[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        sum +=
            (double)dy[i] * ((v[i] - mean) / sqrt(var + 1e-5) * scale + shift);
    return sum;
}

/* The pieces put together as a network does it. */
static void the_pieces_make_the_gradient_of_batch_norm(void **state)
{
    enum { N = 5 * 16 };
    const double h = 1e-5, scale = 1.7, shift = 0.3;
    double mean, m2, sum, product, inv, v[N];
    float fmean, a, b, c;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        x[i] = 2 + draw(i);
        dy[i] = draw(i + 900);
        v[i] = (double)x[i];
    }
    pare_batchnorm_part(&mean, &m2, x, 5, 1, 16, 16);
    fmean = (float)mean;
    inv = 1 / sqrt(m2 / N + 1e-5);
    pare_batchnorm_backward_part(&sum, &product, dy, x, 5, 1, 16, 16, &fmean);
    a = (float)(scale * inv);
    b = (float)(-scale * inv * inv * inv * product / N);
    c = (float)(-scale * inv * sum / N);
    pare_batchnorm_backward_apply(dx, dy, x, 5, 1, 16, 16, &fmean, &a, &b, &c,
                                  0);
    for (size_t i = 0; i < N; i++) {
        double up, down;

        v[i] = (double)x[i] + h;
        up = objective(v, N, scale, shift);
        v[i] = (double)x[i] - h;
        down = objective(v, N, scale, shift);
        v[i] = (double)x[i];
        assert_close(dx[i], (up - down) / (2 * h), 2e-6);
    }
}

/* The digests are those of plain and of vector code, of gcc and of clang. */
static void bits_are_the_same_on_every_processor(void **state)
{
    enum { P = 35, C = 7, L = 32, N = P * C * L };
    double sum[4][C];
    float k[4][C];

    (void)state;
    fill_exactly(x, N, 1);
    fill_exactly(dy, N, 2);
    fill_exactly(k[0], 4 * C, 3);
    pare_batchnorm_part(sum[0], sum[1], x, P, C, L, L);
    pare_batchnorm_backward_part(sum[2], sum[3], dy, x, P, C, L, L - 5, k[0]);
    need_digest(sum, sizeof sum, "48d9179555f24679bbaa6efef587afba");
    pare_batchnorm_apply(y, x, P, C, L, k[0], k[1], k[2], 0);
    need_digest(y, N * sizeof *y, "59fd8b4f059ffcd6ab186c54507974b7");
    pare_batchnorm_backward_apply(y, dy, x, P, C, L, L - 5, k[0], k[1], k[2],
                                  k[3], 1);
    need_digest(y, N * sizeof *y, "b325349969263072ef560ffbf4f0130d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_those_of_double),
        cmocka_unit_test(a_large_mean_does_not_hide_the_variance),
        cmocka_unit_test(a_nan_stays_in_its_channel),
        cmocka_unit_test(parts_combine_to_the_whole),
        cmocka_unit_test(outputs_are_those_of_double),
        cmocka_unit_test(backward_sums_are_those_of_double),
        cmocka_unit_test(input_gradients_are_those_of_double),
        cmocka_unit_test(the_pieces_make_the_gradient_of_batch_norm),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
    };

    return run_group(tests);
}
