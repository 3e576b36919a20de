#include "unit.h"

#include "shrink_fixture.h"
#include "status.h"
#include "units.h"

static void dead_constant_and_duplicate_units_are_listed(void **state)
{
    struct pare_model m = small_model("3-5-4-2", 16);
    float *w = pare_model_tensor(&m, "fc1.weight")->value;
    float *b = pare_model_tensor(&m, "fc1.bias")->value;
    struct pare_unit *u;
    size_t n;

    (void)state;
    memcpy(w + 12, w + 3, 3 * sizeof *w); /* 4 is a duplicate of 1, */
    b[4] = b[1];
    memcpy(w + 9, w, 3 * sizeof *w);   /* 3 is not one of 0 */
    prune_run(&m, "fc1.weight", 6, 3); /* 2 has no weights */
    b[2] = 0.25f;
    prune_column(&m, "fc2.weight", 0); /* nothing reads 0 */
    for (size_t i = 0; i < 5; i++)     /* and of fc2's 3 only the constant is */
        if (i != 2)
            prune_run(&m, "fc2.weight", 15 + i, 1);
    assert_int_equal(pare_units_list(&u, &n, &m), 0);
    assert_int_equal(n, 4);
    assert_true(u[0].layer == 0 && u[0].unit == 0 && !u[0].read);
    assert_true(u[0].kind == PARE_UNIT_DEAD && u[0].in == 3 && !u[0].constant);
    assert_true(u[1].unit == 2 && u[1].kind == PARE_UNIT_DEAD && u[1].read);
    assert_true(u[1].in == 0 && u[1].constant && u[1].value == 0.25);
    assert_true(u[2].unit == 4 && u[2].kind == PARE_UNIT_DUPLICATE);
    assert_true(u[2].of == 1 && u[2].in == 3 && u[2].read && !u[2].constant);
    assert_true(u[3].layer == 2 && u[3].unit == 3 && u[3].in == 1);
    assert_true(u[3].kind == PARE_UNIT_CONSTANT);
    assert_close(u[3].value,
                 pare_model_tensor(&m, "fc2.bias")->value[3] +
                     0.25f * pare_model_tensor(&m, "fc2.weight")->value[17],
                 1e-6);
    free(u);
    pare_model_release(&m);
}

static void more_channels_than_fit_are_refused(void **state)
{
    struct pare_model m = {0};
    struct pare_arch arch;
    struct pare_unit *u;
    size_t n;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "in(1,1,1) pad(bottom=8191,"
                                            "right=8191) flatten"),
                     0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_units_list(&u, &n, &m), PARE_ELIMIT);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_constant_and_duplicate_units_are_listed),
        cmocka_unit_test(more_channels_than_fit_are_refused),
    };

    return run_group(tests);
}
