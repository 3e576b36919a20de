#include "unit.h"

#include "sample.h"

static void four_numbers_are_summed_up_by_hand(void **state)
{
    const double v[] = {2, 4, 4, 6};
    struct pare_sample s = pare_sample_of(v, 4);

    (void)state;
    assert_int_equal(s.n, 4);
    assert_close(s.mean, 4, 0);
    assert_close(s.sd, sqrt(8.0 / 3), 1e-15);
    assert_close(s.min, 2, 0);
    assert_close(s.max, 6, 0);
}

/* Two passes: the squares of these would cancel in one. */
static void a_large_offset_costs_no_digits(void **state)
{
    const double v[] = {1e9 + 1, 1e9 + 2, 1e9 + 3};

    (void)state;
    assert_close(pare_sample_of(v, 3).sd, 1, 1e-12);
}

static void what_is_missing_is_not_counted(void **state)
{
    const double v[] = {(double)NAN, 3, (double)NAN, 5};
    struct pare_sample s = pare_sample_of(v, 4);

    (void)state;
    assert_int_equal(s.n, 2);
    assert_close(s.mean, 4, 0);
    assert_close(s.sd, sqrt(2), 1e-15);
    s = pare_sample_of(v, 1);
    assert_int_equal(s.n, 0);
    assert_true(isnan(s.mean) && isnan(s.sd) && isnan(s.min) && isnan(s.max));
}

static void one_number_has_no_deviation(void **state)
{
    const double v[] = {7};
    struct pare_sample s = pare_sample_of(v, 1);

    (void)state;
    assert_int_equal(s.n, 1);
    assert_close(s.mean, 7, 0);
    assert_true(isnan(s.sd));
}

/* A third of the sum of three tenths is not a tenth. */
static void equal_numbers_have_no_deviation(void **state)
{
    const double v[] = {0.1, 0.1, 0.1};
    struct pare_sample s = pare_sample_of(v, 3);

    (void)state;
    assert_close(s.mean, 0.1, 0);
    assert_close(s.sd, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_numbers_are_summed_up_by_hand),
        cmocka_unit_test(a_large_offset_costs_no_digits),
        cmocka_unit_test(what_is_missing_is_not_counted),
        cmocka_unit_test(one_number_has_no_deviation),
        cmocka_unit_test(equal_numbers_have_no_deviation),
    };

    return run_group(tests);
}
