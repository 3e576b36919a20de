#include "unit.h"

#include "quant.h"
#include "status.h"

static float book[] = {-1.5F, 0, 0.25F, 3};
static float scale[] = {0.5F, 2};

static void kinds_are_found_by_their_names(void **state)
{
    enum pare_quant_kind kind = PARE_QUANT_NONE;

    (void)state;
    for (int k = PARE_QUANT_NONE; k <= PARE_QUANT_INT8; k++) {
        const char *name = pare_quant_name((enum pare_quant_kind)k);

        assert_int_equal(pare_quant_find(&kind, name), 0);
        assert_int_equal(kind, k);
    }
    assert_int_equal(pare_quant_find(&kind, "int4"), PARE_EINVAL);
    assert_int_equal(kind, PARE_QUANT_INT8);
}

static void each_level_has_its_place_in_the_book(void **state)
{
    const struct pare_quant q = {
        .kind = PARE_QUANT_CODEBOOK, .n_book = 4, .book = book};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pare_quant_code(&q, book[i]), i);
    assert_int_equal(pare_quant_code(&q, 0.26F), 4);
    assert_int_equal(pare_quant_code(&q, -2), 4);
    assert_int_equal(pare_quant_code(&q, 4), 4);
    assert_int_equal(pare_quant_code(&q, -0.0F), 4); /* by its bits */
    assert_int_equal(pare_quant_code(&q, NAN), 4);
}

static void a_copy_owns_its_levels(void **state)
{
    struct pare_quant from = {
        .kind = PARE_QUANT_INT8, .n_scale = 2, .scale = scale};
    struct pare_quant to = {0};

    (void)state;
    assert_int_equal(pare_quant_copy(&to, &from), 0);
    assert_int_equal(to.kind, PARE_QUANT_INT8);
    assert_ptr_not_equal(to.scale, scale);
    assert_memory_equal(to.scale, scale, sizeof scale);
    from = (struct pare_quant){PARE_QUANT_CODEBOOK, 4, book, 0, NULL};
    assert_int_equal(pare_quant_copy(&to, &from), 0);
    assert_null(to.scale);
    assert_memory_equal(to.book, book, sizeof book);
    pare_quant_release(&to);
    assert_int_equal(to.kind, PARE_QUANT_NONE);
    assert_null(to.book);
    pare_quant_release(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_found_by_their_names),
        cmocka_unit_test(each_level_has_its_place_in_the_book),
        cmocka_unit_test(a_copy_owns_its_levels),
    };

    return run_group(tests);
}
