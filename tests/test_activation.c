#include "unit.h"

#include "activation.h"
#include "same_bits.h"

/* Sizes with tails of every kind of vector, and flat images. */
static const size_t sizes[][2] = {{1, 1},  {3, 1},  {7, 1},   {10, 2}, {5, 3},
                                  {67, 1}, {9, 16}, {10, 31}, {2, 64}};

enum { MOST = 400 };

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Column j of y from column j of x, in double. */
static void exact(enum pare_layer_op op, double *y, const double *x, size_t n,
                  double a)
{
    double max = x[0], sum = 0;

    for (size_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - max);
    for (size_t i = 0; i < n; i++)
        switch (op) {
        case PARE_OP_RELU:
            y[i] = x[i] > 0 ? x[i] : 0;
            break;
        case PARE_OP_LEAKY_RELU:
            y[i] = x[i] > 0 ? x[i] : a * x[i];
            break;
        case PARE_OP_TANH:
            y[i] = tanh(x[i]);
            break;
        case PARE_OP_SIGMOID:
            y[i] = sigmoid(x[i]);
            break;
        case PARE_OP_SILU:
            y[i] = x[i] * sigmoid(x[i]);
            break;
        case PARE_OP_GELU:
            y[i] = x[i] * 0.5 * erfc(-x[i] * sqrt(0.5));
            break;
        case PARE_OP_SOFTMAX:
            y[i] = exp(x[i] - max) / sum;
            break;
        default:
            y[i] = x[i] - max - log(sum);
        }
}

static const enum pare_layer_op ops[] = {
    PARE_OP_RELU, PARE_OP_LEAKY_RELU, PARE_OP_TANH,    PARE_OP_SIGMOID,
    PARE_OP_SILU, PARE_OP_GELU,       PARE_OP_SOFTMAX, PARE_OP_LOG_SOFTMAX};

enum { OPS = sizeof ops / sizeof *ops };

static float input(size_t i)
{
    return (float)(3 * sin(1.7 * (double)i + 0.4));
}

static void outputs_are_those_of_double_for_any_size(void **state)
{
    float x[MOST + 1];
    double column[MOST], want[MOST];

    (void)state;
    for (size_t k = 0; k < OPS; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t n = sizes[s][0], width = sizes[s][1];

            for (size_t i = 0; i <= n * width; i++)
                x[i] = input(i);
            pare_activation(ops[k])->forward(x, n, width, 0.1f);
            assert_true(x[n * width] == input(n * width));
            for (size_t j = 0; j < width; j++) {
                for (size_t f = 0; f < n; f++)
                    column[f] = (double)input(f * width + j);
                exact(ops[k], want, column, n, (double)0.1f);
                for (size_t f = 0; f < n; f++)
                    assert_close(x[f * width + j], want[f],
                                 4e-7 * (1 + fabs(want[f])));
            }
        }
}

/* Sum of weight[f] y[f] over one column, in double. */
static double objective(enum pare_layer_op op, const double *x, size_t n)
{
    double y[MOST], sum = 0;

    exact(op, y, x, n, (double)0.1f);
    for (size_t f = 0; f < n; f++)
        sum += (double)input(100 + f) * y[f];
    return sum;
}

static void gradients_are_central_differences_for_any_size(void **state)
{
    const double h = 1e-5;
    float x[MOST], y[MOST], g[MOST + 1];
    double column[MOST];

    (void)state;
    for (size_t k = 0; k < OPS; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const struct pare_activation *act = pare_activation(ops[k]);
            size_t n = sizes[s][0], width = sizes[s][1];

            for (size_t i = 0; i < n * width; i++) {
                x[i] = y[i] = input(i);
                g[i] = input(100 + i / width);
            }
            g[n * width] = 77;
            act->forward(y, n, width, 0.1f);
            act->backward(g, act->from_input ? x : y, n, width, 0.1f);
            assert_true(g[n * width] == 77);
            for (size_t i = 0; i < n * width; i++) {
                double keep, up, down;

                for (size_t f = 0; f < n; f++)
                    column[f] = (double)x[f * width + i % width];
                keep = column[i / width];
                column[i / width] = keep + h;
                up = objective(ops[k], column, n);
                column[i / width] = keep - h;
                down = objective(ops[k], column, n);
                assert_close(g[i], (up - down) / (2 * h), 3e-6);
            }
        }
}

static void bits_do_not_depend_on_the_shape(void **state)
{
    float flat[144], wide[144], g1[144], g2[144];

    (void)state;
    for (size_t k = 0; k < OPS - 2; k++) {
        const struct pare_activation *act = pare_activation(ops[k]);

        for (size_t i = 0; i < 144; i++) {
            flat[i] = wide[i] = input(i);
            g1[i] = g2[i] = input(200 + i);
        }
        for (size_t i = 0; i < 144; i++) {
            act->backward(g1 + i, flat + i, 1, 1, 0.1f);
            act->forward(flat + i, 1, 1, 0.1f);
        }
        act->backward(g2, wide, 9, 16, 0.1f);
        act->forward(wide, 9, 16, 0.1f);
        assert_memory_equal(flat, wide, sizeof flat);
        assert_memory_equal(g1, g2, sizeof g1);
    }
}

static void a_nan_stays_one_and_large_inputs_do_not_make_one(void **state)
{
    (void)state;
    for (size_t k = 0; k < OPS; k++) {
        const struct pare_activation *act = pare_activation(ops[k]);
        float x[3] = {NAN, 3e4f, -3e4f}, y[3], g[3] = {0, 1, 1};

        memcpy(y, x, sizeof y);
        act->forward(y, 1, 3, 0.1f);
        assert_true(isnan(y[0]));
        assert_true(isfinite(y[1]) && isfinite(y[2]));
        act->backward(g, act->from_input ? x : y, 1, 3, 0.1f);
        assert_true(isfinite(g[1]) && isfinite(g[2]));
    }
    assert_null(pare_activation(PARE_OP_CONV));
}

/* The digests are those of plain and of vector code, of gcc and of clang. */
static void bits_are_the_same_on_every_processor(void **state)
{
    static const struct {
        enum pare_layer_op op;
        const char *y, *g;
    } want[] = {
        {PARE_OP_SILU, "a6d78ce23d37628e5673fe6a660b2d64",
         "6710a9f0d3ded02852207990f0c94145"},
        {PARE_OP_GELU, "74730b78ea10d45fb19acb4e4849a580",
         "171d921b1be8745a1654b351fdef6f58"},
    };
    static float x[1024], y[1024], g[1024];

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        fill_exactly(x, 1024, 1);
        for (size_t i = 0; i < 1024; i++)
            y[i] = x[i] *= 4;
        fill_exactly(g, 1024, 2);
        pare_activation(want[k].op)->forward(y, 64, 16, 0);
        need_digest(y, sizeof y, want[k].y);
        pare_activation(want[k].op)->backward(g, x, 64, 16, 0);
        need_digest(g, sizeof g, want[k].g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_double_for_any_size),
        cmocka_unit_test(gradients_are_central_differences_for_any_size),
        cmocka_unit_test(bits_do_not_depend_on_the_shape),
        cmocka_unit_test(a_nan_stays_one_and_large_inputs_do_not_make_one),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
    };

    return run_group(tests);
}
