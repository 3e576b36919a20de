#include "unit.h"

#include "normfit.h"
#include "split.h"
#include "status.h"

static void sizes(const char *text, size_t n, size_t a, size_t b, size_t c)
{
    struct pare_split_plan plan;
    size_t count[PARE_SPLITS];

    if (pare_split_parse(&plan, text) || pare_split_sizes(count, &plan, n))
        fail_msg("'%s' of %zu: %s", text, n, pare_error());
    if (count[0] != a || count[1] != b || count[2] != c)
        fail_msg("'%s' of %zu gives %zu %zu %zu", text, n, count[0], count[1],
                 count[2]);
}

static void counts_are_taken_as_they_are(void **state)
{
    (void)state;
    sizes("200,100,33", 333, 200, 100, 33);
    sizes("200", 333, 200, 0, 0);
    sizes("1,0,2", 333, 1, 0, 2);
}

static void fractions_that_sum_to_one_lose_no_sample(void **state)
{
    (void)state;
    sizes(".6,.3,.1", 333, 200, 100, 33);
    sizes(".6,.3,.1", 10, 6, 3, 1);
    sizes(".1,.2,.7", 10, 1, 2, 7);
    sizes("0.333333333,0.333333333,0.333333334", 100, 33, 33, 34);
    sizes("1.0", 7, 7, 0, 0);
    for (size_t n = 10; n < 400; n++) {
        struct pare_split_plan plan;
        size_t count[PARE_SPLITS];

        assert_int_equal(pare_split_parse(&plan, ".7,.15,.15"), 0);
        assert_int_equal(pare_split_sizes(count, &plan, n), 0);
        assert_int_equal(count[0] + count[1] + count[2], n);
        assert_true(count[1] - count[2] <= 1);
    }
}

static void fractions_below_one_leave_samples_out(void **state)
{
    (void)state;
    sizes(".5,.25", 100, 50, 25, 0);
    sizes(".5,.25", 10, 5, 3, 0); /* 7.5 rounds to 8, half to even */
    sizes(".25,0,.5", 100, 25, 0, 50);
}

static void plans_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[] = {
        "",      "1,2,3,4", "a",    "1,,2", "-1,2", "0",      "1,.5",
        ".9,.2", "1,2,",    "1e-1", "nan",  "5e9",  ".5 ,.5", "0x10,1"};
    struct pare_split_plan plan;
    size_t count[PARE_SPLITS];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (pare_split_parse(&plan, bad[i]) != PARE_EINVAL)
            fail_msg("'%s' was accepted", bad[i]);
        assert_non_null(strstr(pare_error(), bad[i]));
    }
    assert_int_equal(pare_split_parse(&plan, "200,100,34"), 0);
    assert_int_equal(pare_split_sizes(count, &plan, 333), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "334"));
    assert_int_equal(pare_split_parse(&plan, ".9,.1"), 0);
    assert_int_equal(pare_split_sizes(count, &plan, 2), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "'val'"));
}

/* n samples of two features: sample i is (i, 10 i), its label i % 3. */
static struct pare_dataset make(size_t n)
{
    struct pare_dataset d = {.type = PARE_X_F32, .features = 2, .n_classes = 3};
    float *x = malloc(n * 2 * sizeof *x);
    int32_t *y = malloc(n * sizeof *y);

    assert_non_null(x);
    assert_non_null(y);
    for (size_t i = 0; i < n; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = 10 * (float)i;
        y[i] = (int32_t)(i % 3);
    }
    d.shape.rank = 1;
    d.shape.dim[0] = 2;
    d.norm.scale = 1;
    d.split[PARE_TRAIN] = (struct pare_split){.n = n, .x = x, .y = y};
    return d;
}

/* Count where each sample went; whole samples, in their old order. */
static void tally(int *seen, const struct pare_dataset *d)
{
    for (int s = 0; s < PARE_SPLITS; s++) {
        const float *x = d->split[s].x;

        for (size_t i = 0; i < d->split[s].n; i++) {
            int id = (int)x[2 * i];

            seen[id]++;
            assert_true(x[2 * i + 1] == 10 * x[2 * i]);
            assert_int_equal(d->split[s].y[i], id % 3);
            assert_true(i == 0 || x[2 * i] > x[2 * i - 2]);
        }
    }
}

static void dealing_puts_every_sample_in_one_split(void **state)
{
    enum { N = 101 };
    const size_t count[PARE_SPLITS] = {60, 30, 11};
    struct pare_dataset d = make(N), again = make(N), other = make(N);
    int seen[N] = {0};

    (void)state;
    assert_int_equal(pare_split_deal(&d, count, 5, true), 0);
    assert_int_equal(pare_split_deal(&again, count, 5, true), 0);
    assert_int_equal(pare_split_deal(&other, count, 6, true), 0);
    for (int s = 0; s < PARE_SPLITS; s++) {
        assert_int_equal(d.split[s].n, count[s]);
        assert_memory_equal(d.split[s].x, again.split[s].x,
                            count[s] * 2 * sizeof(float));
        assert_memory_not_equal(d.split[s].x, other.split[s].x,
                                count[s] * 2 * sizeof(float));
    }
    tally(seen, &d);
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    pare_dataset_release(&d);
    pare_dataset_release(&again);
    pare_dataset_release(&other);
}

static void without_shuffling_the_first_are_train(void **state)
{
    const size_t count[PARE_SPLITS] = {3, 0, 4};
    struct pare_dataset d = make(9);

    (void)state;
    assert_int_equal(pare_split_deal(&d, count, 0, false), 0);
    assert_true(((float *)d.split[PARE_TRAIN].x)[4] == 2);
    assert_int_equal(d.split[PARE_VAL].n, 0);
    assert_null(d.split[PARE_VAL].x);
    assert_true(((float *)d.split[PARE_TEST].x)[0] == 3);
    pare_dataset_release(&d);
}

static void validation_samples_are_moved_out_of_train(void **state)
{
    enum { N = 50 };
    struct pare_dataset d = make(N);
    int seen[N] = {0};

    (void)state;
    d.split[PARE_TEST] = make(4).split[PARE_TRAIN];
    assert_int_equal(pare_split_take_val(&d, N, 1), PARE_EINVAL);
    assert_int_equal(d.split[PARE_TRAIN].n, N);
    assert_int_equal(pare_split_take_val(&d, 20, 1), 0);
    assert_int_equal(d.split[PARE_TRAIN].n, 30);
    assert_int_equal(d.split[PARE_VAL].n, 20);
    assert_int_equal(d.split[PARE_TEST].n, 4);
    tally(seen, &d);
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], 1 + (i < 4));
    assert_int_equal(pare_split_take_val(&d, 2, 1), PARE_EINVAL);
    pare_dataset_release(&d);
}

static void features_are_standardised_over_train_only(void **state)
{
    const size_t count[PARE_SPLITS] = {4, 2, 0};
    const uint8_t choose[2] = {0, 1};
    struct pare_dataset d = make(6);
    float mean[2] = {0, 0}, std[2] = {7, 1};

    (void)state;
    assert_int_equal(pare_split_deal(&d, count, 0, false), 0);
    d.norm = (struct pare_norm){1, 2, mean, std};
    assert_int_equal(pare_normfit_features(&d, choose), 0);
    assert_close(mean[0], 0, 0);
    assert_close(std[0], 7, 0);
    assert_close(mean[1], 15, 1e-6); /* of 0 10 20 30 */
    assert_close(std[1], sqrt(125), 1e-6);
    d.norm = (struct pare_norm){1, 0, NULL, NULL};
    pare_dataset_release(&d);
}

static void a_constant_feature_gets_deviation_one(void **state)
{
    const uint8_t choose[2] = {1, 1};
    struct pare_dataset d = make(7);
    float mean[2], std[2], *x = d.split[PARE_TRAIN].x;

    (void)state;
    for (int i = 0; i < 7; i++)
        x[2 * i] = 0.1f;
    d.norm = (struct pare_norm){1, 2, mean, std};
    assert_int_equal(pare_normfit_features(&d, choose), 1);
    assert_close(mean[0], 0.1, 1e-8);
    assert_close(std[0], 1, 0);
    d.norm = (struct pare_norm){1, 0, NULL, NULL};
    pare_dataset_release(&d);
}

static void channels_of_bytes_have_their_moments(void **state)
{
    uint8_t x[2][2][2] = {{{0, 255}, {10, 10}}, {{0, 255}, {10, 10}}};
    int32_t y[2] = {0, 1};
    struct pare_dataset d = {.type = PARE_X_U8, .features = 4};

    (void)state;
    d.shape = (struct pare_shape){3, {2, 1, 2}};
    d.norm.scale = 1.0f / 255;
    assert_int_equal(pare_normfit_channels(&d), PARE_EINVAL);
    d.split[PARE_TRAIN] = (struct pare_split){.n = 2, .x = x, .y = y};
    assert_int_equal(pare_normfit_channels(&d), 1);
    assert_int_equal(d.norm.n, 2);
    assert_close(d.norm.mean[0], 0.5, 1e-7);
    assert_close(d.norm.std[0], 0.5, 1e-7);
    assert_close(d.norm.mean[1], 10.0 / 255, 1e-8);
    assert_close(d.norm.std[1], 1, 0);
    pare_norm_release(&d.norm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_taken_as_they_are),
        cmocka_unit_test(fractions_that_sum_to_one_lose_no_sample),
        cmocka_unit_test(fractions_below_one_leave_samples_out),
        cmocka_unit_test(plans_that_make_no_sense_are_refused),
        cmocka_unit_test(dealing_puts_every_sample_in_one_split),
        cmocka_unit_test(without_shuffling_the_first_are_train),
        cmocka_unit_test(validation_samples_are_moved_out_of_train),
        cmocka_unit_test(features_are_standardised_over_train_only),
        cmocka_unit_test(a_constant_feature_gets_deviation_one),
        cmocka_unit_test(channels_of_bytes_have_their_moments),
    };

    return run_group(tests);
}
