#include "unit.h"

#include "levels.h"
#include "pattern.h"
#include "status.h"

/* A tensor [2][4]; what it points to is the test's. */
static struct pare_tensor tensor_of(float *value, uint8_t *mask)
{
    struct pare_tensor t = {.name = "fc1.weight",
                            .rank = 2,
                            .dim = {2, 4},
                            .n = 8,
                            .value = value,
                            .mask = mask};

    return t;
}

static float book[] = {-1, 0, 0.5F};

static struct pare_quant codebook(float *levels, size_t n)
{
    return (struct pare_quant){
        .kind = PARE_QUANT_CODEBOOK, .n_book = n, .book = levels};
}

static void assert_invalid(const struct pare_tensor *t, const char *says)
{
    assert_int_equal(pare_levels_check(t), PARE_EINVAL);
    if (!strstr(pare_error(), says) || !strstr(pare_error(), "fc1.weight"))
        fail_msg("%s", pare_error());
}

static void codes_of_kept_values_come_back_as_they_were(void **state)
{
    float v[8] = {-1, 0, 0, 0.5F, 0, 0, -1, -1};
    uint8_t mask[8] = {1, 1, 0, 1, 0, 0, 1, 1}, codes[5];
    const uint8_t want[5] = {0, 1, 2, 0, 0};
    struct pare_tensor t = tensor_of(v, mask);
    float back[8] = {9, 9, 9, 9, 9, 9, 9, 9};

    (void)state;
    t.quant = codebook(book, 3);
    assert_int_equal(pare_levels_width(&t), 1);
    assert_int_equal(pare_levels_put(codes, &t), 0);
    assert_memory_equal(codes, want, sizeof want);
    t.value = back;
    assert_int_equal(pare_levels_get(&t, codes), 0);
    assert_memory_equal(back, v, sizeof v);
    codes[4] = 3;
    assert_int_equal(pare_levels_get(&t, codes), PARE_EFORMAT);
}

static void int8_has_a_scale_for_each_row(void **state)
{
    float scale[2] = {0.1F, 3}, v[8], back[8];
    struct pare_tensor t = tensor_of(v, NULL);
    int8_t codes[8], want[8] = {-127, 0, 1, 127, -3, 2, 0, 100};

    (void)state;
    t.quant = (struct pare_quant){
        .kind = PARE_QUANT_INT8, .n_scale = 2, .scale = scale};
    for (size_t i = 0; i < 8; i++)
        v[i] = (float)want[i] * scale[i / 4];
    assert_int_equal(pare_levels_put(codes, &t), 0);
    assert_memory_equal(codes, want, sizeof want);
    t.value = back;
    assert_int_equal(pare_levels_get(&t, codes), 0);
    assert_memory_equal(back, v, sizeof v);
    codes[0] = -128;
    assert_int_equal(pare_levels_get(&t, codes), PARE_EFORMAT);
    t.value = v;
    v[7] = 384; /* 128 scales */
    assert_invalid(&t, "384");
    v[7] = nextafterf(300, 0);
    assert_invalid(&t, "no level");
    v[7] = -0.0F;
    assert_invalid(&t, "no level");
}

static void a_compact_tensor_knows_its_rows(void **state)
{
    const uint64_t flat[3] = {1, 6, 7};
    float scale[2] = {1, 0.25F}, v[3] = {2, 0.5F, -0.25F};
    struct pare_tensor t = tensor_of(v, NULL);
    int8_t codes[3];
    const int8_t want[3] = {2, 2, -1};

    (void)state;
    assert_int_equal(pare_pattern_of_flat(&t.pattern, flat, 3, 2, 4), 0);
    t.n = 3;
    t.quant = (struct pare_quant){
        .kind = PARE_QUANT_INT8, .n_scale = 2, .scale = scale};
    assert_int_equal(pare_levels_put(codes, &t), 0);
    assert_memory_equal(codes, want, sizeof want);
    pare_pattern_free(t.pattern);
}

static void more_than_256_levels_take_two_bytes(void **state)
{
    float levels[257], v[8] = {0, 256, 255, 1, 0, 0, 0, 100};
    struct pare_tensor t = tensor_of(v, NULL);
    uint16_t codes[8];
    uint32_t code[8];

    (void)state;
    for (size_t i = 0; i < 257; i++)
        levels[i] = (float)i;
    t.quant = codebook(levels, 257);
    assert_int_equal(pare_levels_width(&t), 2);
    assert_int_equal(pare_levels_put(codes, &t), 0);
    assert_int_equal(pare_levels_codes(code, &t), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(codes[i], (int)v[i]);
        assert_int_equal(code[i], (int)v[i]);
    }
}

static void promises_that_are_not_kept_are_named(void **state)
{
    float v[8] = {-1, 0, 0, 0, 0, 0, 0, 0}, scale = 0;
    float odd[4] = {0, 0, 1, 2};
    struct pare_tensor t = tensor_of(v, NULL);

    (void)state;
    t.quant = codebook(book, 3);
    assert_int_equal(pare_levels_check(&t), 0);
    t.quant.n_book = 0;
    assert_invalid(&t, "1 to 65,536");
    t.quant = codebook(odd, 4);
    assert_invalid(&t, "not ascend");
    odd[0] = -0.0F;
    assert_invalid(&t, "-0");
    odd[0] = NAN;
    assert_invalid(&t, "not finite");
    t.quant = codebook(book + 1, 2);
    assert_invalid(&t, "-1, which is no level");
    t.quant = (struct pare_quant){
        .kind = PARE_QUANT_INT8, .n_scale = 1, .scale = &scale};
    assert_invalid(&t, "not above 0");
    t.quant.n_scale = 3;
    assert_invalid(&t, "neither one scale");
    t.quant = (struct pare_quant){0};
    t.dtype = PARE_F16;
    assert_int_equal(pare_levels_check(&t), 0);
    v[2] = 1.0001F;
    assert_invalid(&t, "no float16");
}

static void the_book_is_made_anew_of_what_is_kept(void **state)
{
    float v[8] = {3, -0.0F, 0, 1, 3, 1, 1, -7};
    uint8_t mask[8] = {1, 1, 0, 1, 1, 1, 1, 0};
    const float want[3] = {0, 1, 3};
    struct pare_tensor t = tensor_of(v, mask);

    (void)state;
    assert_int_equal(pare_levels_rebuild(&t), 0);
    assert_int_equal(t.quant.kind, PARE_QUANT_CODEBOOK);
    assert_int_equal(t.quant.n_book, 3);
    assert_memory_equal(t.quant.book, want, sizeof want);
    assert_int_equal(pare_levels_check(&t), 0);
    memset(mask, 0, sizeof mask);
    assert_int_equal(pare_levels_rebuild(&t), 0);
    assert_int_equal(t.quant.kind, PARE_QUANT_NONE);
    assert_null(t.quant.book);
}

static void only_promises_that_hold_are_held(void **state)
{
    float v[8] = {-1, 0, 0.5F, 0, 0, 0, 0, 0};
    struct pare_tensor t = tensor_of(v, NULL);
    const struct pare_quant q = codebook(book, 3);
    struct pare_model m = {.n_tensors = 1, .tensor = &t};

    (void)state;
    t.dtype = PARE_BF16;
    assert_int_equal(pare_quant_copy(&t.quant, &q), 0);
    assert_true(pare_model_encoded(&m));
    assert_int_equal(pare_model_hold_levels(&m), 0);
    v[3] = 0.25F; /* no level, but a bfloat16 */
    assert_int_equal(pare_model_hold_levels(&m), 1);
    assert_int_equal(t.quant.kind, PARE_QUANT_NONE);
    assert_int_equal(t.dtype, PARE_BF16);
    v[3] = 0.1F;
    assert_int_equal(pare_model_hold_levels(&m), 1);
    assert_int_equal(t.dtype, PARE_F32);
    assert_false(pare_model_encoded(&m));
}

static void distinct_values_are_sorted(void **state)
{
    float v[6] = {2, -0.0F, NAN, 0, -1, 2};
    const float want[3] = {-1, 0, 2};

    (void)state;
    assert_int_equal(pare_levels_distinct(v, 6), 3);
    assert_memory_equal(v, want, sizeof want);
    assert_int_equal(pare_levels_distinct(v, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_kept_values_come_back_as_they_were),
        cmocka_unit_test(int8_has_a_scale_for_each_row),
        cmocka_unit_test(a_compact_tensor_knows_its_rows),
        cmocka_unit_test(more_than_256_levels_take_two_bytes),
        cmocka_unit_test(promises_that_are_not_kept_are_named),
        cmocka_unit_test(the_book_is_made_anew_of_what_is_kept),
        cmocka_unit_test(only_promises_that_hold_are_held),
        cmocka_unit_test(distinct_values_are_sorted),
    };

    return run_group(tests);
}
