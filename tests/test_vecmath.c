#include "unit.h"

#include "clones.h"
#include "digest.h"
#include "vecmath.h"

enum { N = 1 << 16 };

static float in[N], out[N], again[N];

PARE_CLONES
static void exp_all(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = pare_expf(x[i]);
}

PARE_CLONES
static void tanh_all(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = pare_tanhf(x[i]);
}

PARE_CLONES
static void sigmoid_all(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = pare_sigmoidf(x[i]);
}

PARE_CLONES
static void erf_all(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = pare_erff(x[i]);
}

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void fill(double lo, double hi)
{
    for (size_t i = 0; i < N; i++)
        in[i] = (float)(lo + (hi - lo) * (double)i / (N - 1));
}

/* Largest error of y = f(x), in units in the last place of the truth. */
static double worst(const float *y, double (*f)(double))
{
    double max = 0;

    for (size_t i = 0; i < N; i++) {
        double want = f((double)in[i]);
        double e = fabs((double)y[i] - want);
        int exponent;

        frexp(want, &exponent);
        e /= ldexp(1, exponent < -125 ? -149 : exponent - 24);
        if (!(e <= max))
            max = e;
    }
    return max;
}

/* One element at a time, so never with vectors. */
static void one_by_one(float (*f)(float))
{
    for (size_t i = 0; i < N; i++) {
        volatile float x = in[i];

        again[i] = f(x);
    }
}

static void exp_is_right_to_two_units(void **state)
{
    static const double range[][2] = {
        {-87.3, 88.7}, {-1, 1}, {-104, -87}, {-1e-6, 1e-6}, {88, 88.7228}};

    (void)state;
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        fill(range[i][0], range[i][1]);
        exp_all(out, in, N);
        assert_true(worst(out, exp) <= 2);
        one_by_one(pare_expf);
        assert_memory_equal(out, again, sizeof out);
    }
}

static void exp_ends_in_infinity_zero_and_nan(void **state)
{
    (void)state;
    assert_true(pare_expf(0.0f) == 1.0f);
    assert_true(pare_expf(-0.0f) == 1.0f);
    assert_true(isfinite(pare_expf(88.7228f)));
    assert_true(isinf(pare_expf(88.7229f)));
    assert_true(isinf(pare_expf(1e30f)));
    assert_true(isinf(pare_expf(INFINITY)));
    assert_true(pare_expf(-103.0f) > 0.0f);
    assert_true(pare_expf(-104.0f) == 0.0f);
    assert_true(pare_expf(-1e30f) == 0.0f);
    assert_true(pare_expf(-INFINITY) == 0.0f);
    assert_true(isnan(pare_expf(NAN)));
    assert_true(isnan(pare_expf(-NAN)));
}

static void tanh_is_right_to_four_units(void **state)
{
    static const double range[][2] = {
        {-10, 10}, {-1, 1}, {-1e-3, 1e-3}, {0.6, 0.65}, {-1e-30, 1e-30}};

    (void)state;
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        fill(range[i][0], range[i][1]);
        tanh_all(out, in, N);
        assert_true(worst(out, tanh) <= 4);
        one_by_one(pare_tanhf);
        assert_memory_equal(out, again, sizeof out);
    }
    assert_true(signbit(pare_tanhf(-0.0f)) && pare_tanhf(-0.0f) == 0.0f);
    assert_true(pare_tanhf(INFINITY) == 1.0f);
    assert_true(pare_tanhf(-INFINITY) == -1.0f);
    assert_true(pare_tanhf(-50.0f) == -1.0f);
    assert_true(isnan(pare_tanhf(NAN)));
}

static void sigmoid_is_right_to_four_units(void **state)
{
    (void)state;
    fill(-87, 40);
    sigmoid_all(out, in, N);
    assert_true(worst(out, exact_sigmoid) <= 4);
    one_by_one(pare_sigmoidf);
    assert_memory_equal(out, again, sizeof out);
    assert_true(pare_sigmoidf(0.0f) == 0.5f);
    assert_true(pare_sigmoidf(INFINITY) == 1.0f);
    assert_true(pare_sigmoidf(-INFINITY) == 0.0f);
    assert_true(isnan(pare_sigmoidf(NAN)));
}

static void erf_is_right_to_two_units(void **state)
{
    static const double range[][2] = {
        {-5, 5}, {-1, 1}, {-1e-3, 1e-3}, {0.9, 0.95}, {-1e-30, 1e-30}};

    (void)state;
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        fill(range[i][0], range[i][1]);
        erf_all(out, in, N);
        assert_true(worst(out, erf) <= 2);
        one_by_one(pare_erff);
        assert_memory_equal(out, again, sizeof out);
    }
    assert_true(signbit(pare_erff(-0.0f)) && pare_erff(-0.0f) == 0.0f);
    assert_true(pare_erff(INFINITY) == 1.0f);
    assert_true(pare_erff(-INFINITY) == -1.0f);
    assert_true(pare_erff(-50.0f) == -1.0f);
    assert_true(isnan(pare_erff(NAN)));
}

static void need_digest(const char *want)
{
    char hex[PARE_DIGEST_LEN];
    struct pare_digest *d = pare_digest_new();

    assert_non_null(d);
    pare_digest_bytes(d, out, sizeof out);
    pare_digest_finish(d, hex);
    assert_string_equal(hex, want);
}

/* The digests are those of plain and of vector code, of gcc and of clang. */
static void bits_are_the_same_on_every_processor(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++)
        in[i] = (float)(i - N / 2) * 0x1p-8f;
    exp_all(out, in, N);
    need_digest("efc94755fb2ce42c8ea51108901e21d9");
    tanh_all(out, in, N);
    need_digest("c433f2eaba741d207fd88afd3966b1a2");
    sigmoid_all(out, in, N);
    need_digest("93d1151526e425ad09d238f96b5ec72d");
    erf_all(out, in, N);
    need_digest("eb2bdda2717da4261174f6bcdb1b973b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_right_to_two_units),
        cmocka_unit_test(exp_ends_in_infinity_zero_and_nan),
        cmocka_unit_test(tanh_is_right_to_four_units),
        cmocka_unit_test(sigmoid_is_right_to_four_units),
        cmocka_unit_test(erf_is_right_to_two_units),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
    };

    return run_group(tests);
}
