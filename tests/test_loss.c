#include "unit.h"

#include "loss.h"
#include "ref/loss_ref.h"

enum { C = REF_CLASSES, S = REF_SAMPLES, W = 64 };

static const int32_t labels[S] = {0, 2, 0};

static const struct pare_loss *need(const char *name)
{
    const struct pare_loss *f = pare_loss_find(name);

    if (!f)
        fail_msg("no loss '%s'", name);
    return f;
}

/* Samples first.. of row r in one tile; those that do not exist are 0. */
static void check_tile(size_t r, size_t first, size_t w)
{
    size_t n = S - first < w ? S - first : w;
    float z[C * W] = {0}, grad[C * W];
    double loss[S];

    for (size_t c = 0; c < C; c++)
        memcpy(z + c * w, loss_ref[r].z[c] + first, n * sizeof *z);
    need(loss_ref[r].name)
        ->tile(loss, grad, z, labels + first, C, w, n, 1.0f / S);
    for (size_t s = 0; s < n; s++)
        assert_close(loss[s], loss_ref[r].loss[first + s], 1e-6);
    for (size_t c = 0; c < C; c++)
        for (size_t s = 0; s < w; s++)
            assert_close(grad[c * w + s],
                         s < n ? loss_ref[r].grad[c][first + s] : 0.0f, 1e-7);
}

static void losses_and_gradients_are_those_of_pytorch(void **state)
{
    static const size_t width[] = {1, 2, 3, 4, 16, 64};

    (void)state;
    for (size_t r = 0; r < sizeof loss_ref / sizeof *loss_ref; r++)
        for (size_t k = 0; k < sizeof width / sizeof *width; k++)
            for (size_t first = 0; first < S; first += width[k])
                check_tile(r, first, width[k]);
}

/* Mean loss of a 5-class tile of width 8 with 6 samples. */
static double mean_loss(const struct pare_loss *f, const float *z,
                        const int32_t *y)
{
    double loss[6], sum = 0;

    f->tile(loss, NULL, z, y, 5, 8, 6, 1.0f / 6);
    for (int s = 0; s < 6; s++)
        sum += loss[s];
    return sum / 6;
}

static void gradients_are_central_differences(void **state)
{
    static const int32_t y[6] = {0, 4, 2, 2, 1, 3};
    const float h = 0x1p-7f;
    float z[40], grad[40];
    double loss[6];

    (void)state;
    for (size_t r = 0; pare_loss(r)->tile; r++) {
        const struct pare_loss *f = pare_loss(r);

        for (int i = 0; i < 40; i++) /* multiples of h: differences exact */
            z[i] = (float)((i * 37 % 83) - 41) * h;
        f->tile(loss, grad, z, y, 5, 8, 6, 1.0f / 6);
        for (int i = 0; i < 40; i++) {
            float keep = z[i];
            double up, down;

            z[i] = keep + h;
            up = mean_loss(f, z, y);
            z[i] = keep - h;
            down = mean_loss(f, z, y);
            z[i] = keep;
            assert_close(grad[i], (up - down) / (2 * (double)h), 1e-5);
        }
    }
}

static void large_outputs_do_not_overflow(void **state)
{
    const float z[2 * 4] = {1000, -1000, 3e38f, 0, 990, 1000, -3e38f, 0};
    const int32_t y[4] = {0, 0, 0, 1};
    float grad[8];
    double loss[4];

    (void)state;
    need("cross-entropy")->tile(loss, grad, z, y, 2, 4, 4, 1);
    assert_close(loss[0], log1p(exp(-10)), 1e-9);
    assert_close(loss[1], 2000, 1e-9);
    assert_close(loss[2], 0, 0);
    assert_close(loss[3], log(2), 1e-9);
    for (int i = 0; i < 8; i++)
        assert_true(isfinite(grad[i]));
}

static void a_nan_output_is_seen_in_the_loss(void **state)
{
    const int32_t y[4] = {1, 1, 1, 1};
    double loss[4];
    float z[12];

    (void)state;
    for (size_t r = 0; pare_loss(r)->tile; r++) {
        memset(z, 0, sizeof z);
        z[4 + 2] = NAN;
        pare_loss(r)->tile(loss, NULL, z, y, 3, 4, 4, 1);
        for (int s = 0; s < 4; s++)
            assert_int_equal(isnan(loss[s]) != 0, s == 2);
    }
}

static void bits_do_not_depend_on_the_width(void **state)
{
    static float wide[10 * W], gw[10 * W];
    float one[10], g1[10];
    int32_t y[W];
    double loss[W], l1;

    (void)state;
    for (int i = 0; i < 10 * W; i++)
        wide[i] = (float)(4 * sin(0.9 * i));
    for (int s = 0; s < W; s++)
        y[s] = s % 10;
    for (size_t r = 0; pare_loss(r)->tile; r++) {
        pare_loss(r)->tile(loss, gw, wide, y, 10, W, W, 0.25f);
        for (int s = 0; s < W; s++) {
            for (int c = 0; c < 10; c++)
                one[c] = wide[c * W + s];
            pare_loss(r)->tile(&l1, g1, one, y + s, 10, 1, 1, 0.25f);
            assert_memory_equal(&l1, &loss[s], sizeof l1);
            for (int c = 0; c < 10; c++)
                assert_memory_equal(&g1[c], &gw[c * W + s], sizeof *g1);
        }
    }
}

static void losses_are_found_by_name(void **state)
{
    size_t n = 0;

    (void)state;
    for (; pare_loss(n); n++) {
        assert_ptr_equal(pare_loss_find(pare_loss(n)->name), pare_loss(n));
        assert_true(pare_loss(n)->help[0] && pare_loss(n)->source[0]);
    }
    assert_int_equal(n, 4); /* the last has no tile */
    assert_null(need("reconstruction")->tile);
    assert_null(pare_loss_find("hinge"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_those_of_pytorch),
        cmocka_unit_test(gradients_are_central_differences),
        cmocka_unit_test(large_outputs_do_not_overflow),
        cmocka_unit_test(a_nan_output_is_seen_in_the_loss),
        cmocka_unit_test(bits_do_not_depend_on_the_width),
        cmocka_unit_test(losses_are_found_by_name),
    };

    return run_group(tests);
}
