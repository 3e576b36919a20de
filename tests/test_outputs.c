#include "unit.h"

#include "outputs.h"
#include "small_model.h"
#include "status.h"

static void outputs_of_two_models_are_compared(void **state)
{
    struct pare_model a = small_model("in(1) linear(1)", 15);
    struct pare_model b = small_model("in(1) linear(1)", 15);
    struct pare_model wide = small_model("in(1) linear(2)", 15);
    float x[100];
    int32_t y[100] = {0};
    struct pare_dataset d = {
        .shape = {1, {1}}, .features = 1, .type = PARE_X_F32, .n_classes = 1};
    struct pare_outputs_samples s = {
        .data = &d, .split = PARE_VAL, .n = 1000, .threads = 1};
    struct pare_outputs_difference is;

    (void)state;
    for (int i = 0; i < 100; i++)
        x[i] = (float)i;
    d.split[PARE_VAL] = (struct pare_split){.n = 100, .x = x, .y = y};
    a.tensor[0].value[0] = 2;
    b.tensor[0].value[0] = 2.5f;
    a.tensor[1].value[0] = b.tensor[1].value[0] = -1;
    assert_int_equal(pare_outputs_compare(&is, &a, &b, &s), 0);
    assert_int_equal(is.n, 100);
    assert_close(is.largest, 2 * 99 - 1, 0);
    assert_close(is.difference, 0.5 * 99, 0);
    x[3] = INFINITY; /* the same in both; then not */
    assert_int_equal(pare_outputs_compare(&is, &a, &b, &s), 0);
    assert_close(is.difference, 0.5 * 99, 0);
    b.tensor[0].value[0] = -2;
    assert_int_equal(pare_outputs_compare(&is, &a, &b, &s), 0);
    assert_true(isinf(is.difference));
    assert_int_equal(pare_outputs_compare(&is, &a, &wide, &s), PARE_EMISMATCH);
    s.split = PARE_TEST;
    assert_int_equal(pare_outputs_compare(&is, &a, &b, &s), PARE_EINVAL);
    s.n = 0;
    assert_int_equal(pare_outputs_compare(&is, &a, &b, &s), PARE_EINVAL);
    pare_model_release(&a);
    pare_model_release(&b);
    pare_model_release(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_of_two_models_are_compared),
    };

    return run_group(tests);
}
