#include "unit.h"

#include "number.h"
#include "status.h"

static void numbers_print_as_the_shortest_text(void **state)
{
    char buf[PARE_NUMBER_MAX];

    (void)state;
    assert_string_equal(pare_number_print(buf, 0.9), "0.9");
    assert_string_equal(pare_number_print(buf, 1e-8), "1e-08");
    assert_string_equal(pare_number_print(buf, 60), "60");
    assert_string_equal(pare_number_print(buf, 0), "0");
    assert_string_equal(pare_number_print(buf, -0.0), "-0");
    assert_string_equal(pare_number_print(buf, 1.0 / 3), "0.3333333333333333");
    assert_string_equal(pare_number_print(buf, (double)NAN), "nan");
    assert_string_equal(pare_number_print(buf, (double)INFINITY), "inf");
}

static void printed_numbers_read_back_the_same(void **state)
{
    static const double x[] = {1e-308,         1.7976931348623157e308,
                               0.1 + 0.2,      -2.5e-3,
                               4.9406565e-324, 123456789012345678.0};
    char buf[PARE_NUMBER_MAX];
    double back;

    (void)state;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        assert_int_equal(pare_number_parse(&back, pare_number_print(buf, x[i])),
                         0);
        assert_memory_equal(&back, &x[i], sizeof back);
    }
}

static void only_decimal_numbers_are_taken(void **state)
{
    static const char *const good[] = {"1", ".5", "-3.", "+2e3", "1E-2"};
    static const char *const bad[] = {"",      " 1",  "1 ", "0x10",
                                      "nan",   "inf", "1e", "1.5x",
                                      "1e999", "--1", "e5", "."};
    double x = 42;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(pare_number_parse(&x, good[i]), 0);
    x = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pare_number_parse(&x, bad[i]), PARE_EINVAL);
        assert_non_null(strstr(pare_error(), bad[i]));
        assert_true(x == 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_as_the_shortest_text),
        cmocka_unit_test(printed_numbers_read_back_the_same),
        cmocka_unit_test(only_decimal_numbers_are_taken),
    };

    return run_group(tests);
}
