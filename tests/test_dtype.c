#include "unit.h"

#include "dtype.h"
#include "ref/dtype_ref.h"
#include "status.h"

static uint32_t bits_of(float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float v;

    memcpy(&v, &u, sizeof v);
    return v;
}

static uint64_t fnv(uint64_t h, uint32_t v)
{
    for (int k = 0; k < 4; k++)
        h = (h ^ (v >> 8 * k & 255)) * UINT64_C(0x100000001b3);
    return h;
}

#define FNV UINT64_C(0xcbf29ce484222325)

static void types_are_found_by_their_names(void **state)
{
    enum pare_dtype type = PARE_F32;

    (void)state;
    for (int t = 0; t < PARE_DTYPES; t++) {
        const char *name = pare_dtype_name((enum pare_dtype)t);

        assert_int_equal(pare_dtype_find(&type, name), 0);
        assert_int_equal(type, t);
    }
    assert_int_equal(pare_dtype_find(&type, "float8"), PARE_EINVAL);
    assert_int_equal(pare_dtype_size(PARE_F32), 4);
    assert_int_equal(pare_dtype_size(PARE_F16), 2);
    assert_int_equal(pare_dtype_size(PARE_BF16), 2);
}

/* sign * 1.m * 2^(e - 15), or sign * 0.m * 2^-14 where e is 0. */
static void every_half_float_is_what_the_standard_says(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint32_t exp = h >> 10 & 31, man = h & 1023;
        float got = pare_from_f16((uint16_t)h);
        double want = ldexp(exp ? 1024 + man : man, (exp ? (int)exp : 1) - 25);

        assert_int_equal(signbit(got) != 0, h >> 15);
        if (exp == 31 && man)
            assert_true(isnan(got));
        else if (exp == 31)
            assert_true(isinf(got));
        else
            assert_true((double)fabsf(got) == want);
    }
}

static void every_half_float_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float wide = pare_from_f16((uint16_t)h);

        assert_int_equal(pare_to_f16(wide), h);
        assert_int_equal(pare_dtype_misfit(&wide, 1, PARE_F16), 1);
        wide = pare_from_bf16((uint16_t)h);
        assert_int_equal(pare_to_bf16(wide), h);
        assert_int_equal(pare_dtype_misfit(&wide, 1, PARE_BF16), 1);
    }
}

static void bits_are_those_of_numpy_and_pytorch(void **state)
{
    uint64_t f16 = FNV, bf16 = FNV, from = FNV;

    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        float v = float_of(i * 0x10001), w = pare_from_f16((uint16_t)i);

        f16 = fnv(f16, isnan(v) ? UINT32_MAX : pare_to_f16(v));
        bf16 = fnv(bf16, isnan(v) ? UINT32_MAX : pare_to_bf16(v));
        from = fnv(from, isnan(w) ? UINT32_MAX : bits_of(w));
    }
    assert_true(f16 == DTYPE_TO_F16);
    assert_true(bf16 == DTYPE_TO_BF16);
    assert_true(from == DTYPE_FROM_F16);
}

/* Between two neighbours: the half-way value goes to the even one. */
static void ties_go_to_even(uint32_t last, float (*from)(uint16_t),
                            uint16_t (*to)(float))
{
    for (uint32_t h = 0; h < last; h++) {
        float a = from((uint16_t)h), b = from((uint16_t)(h + 1));
        float half = (float)(((double)a + (double)b) / 2);
        uint32_t even = h + (h & 1);

        assert_int_equal(to(half), even);
        assert_int_equal(to(-half), even | 0x8000);
        assert_int_equal(to(nextafterf(half, a)), h);
        assert_int_equal(to(nextafterf(half, b)), h + 1);
    }
}

static void half_way_values_go_to_the_even_neighbour(void **state)
{
    (void)state;
    ties_go_to_even(0x7bff, pare_from_f16, pare_to_f16);
    /* Below, the half-way value of two bfloat16 is subnormal too. */
    ties_go_to_even(0x7f7f, pare_from_bf16, pare_to_bf16);
}

static void what_is_too_large_becomes_infinite(void **state)
{
    (void)state;
    assert_int_equal(pare_to_f16(65504), 0x7bff);
    assert_int_equal(pare_to_f16(nextafterf(65520, 0)), 0x7bff);
    assert_int_equal(pare_to_f16(65520), 0x7c00);
    assert_int_equal(pare_to_f16(-65520), 0xfc00);
    assert_int_equal(pare_to_f16(3e38F), 0x7c00);
    assert_int_equal(pare_to_bf16(float_of(0x7f7f7fff)), 0x7f7f);
    assert_int_equal(pare_to_bf16(float_of(0x7f7f8000)), 0x7f80);
    assert_int_equal(pare_to_bf16((float)-INFINITY), 0xff80);
}

static void a_nan_stays_one_with_its_upper_bits(void **state)
{
    (void)state;
    assert_int_equal(pare_to_f16(float_of(0x7fc02000)), 0x7e01);
    assert_int_equal(pare_to_f16(float_of(0xff800001)), 0xfc01);
    assert_int_equal(pare_to_bf16(float_of(0x7fc50001)), 0x7fc5);
    assert_int_equal(pare_to_bf16(float_of(0xff800001)), 0xff81);
    assert_int_equal(bits_of(pare_from_f16(0xfe01)), 0xffc02000);
}

static void rounding_counts_what_changed(void **state)
{
    float v[4] = {1, 1.0009765625F, 1.0001F, -0.0F};
    const float w[4] = {1, 1.0009765625F, 1, -0.0F};

    (void)state;
    assert_int_equal(pare_dtype_misfit(v, 4, PARE_F16), 2);
    assert_int_equal(pare_dtype_misfit(v, 4, PARE_F32), 4);
    assert_int_equal(pare_dtype_round(v, 4, PARE_F16), 1);
    assert_memory_equal(v, w, sizeof v);
    assert_int_equal(pare_dtype_misfit(v, 4, PARE_F16), 4);
    assert_int_equal(pare_dtype_round(v, 4, PARE_BF16), 1);
    assert_int_equal(pare_dtype_round(v, 0, PARE_BF16), 0);
}

static void values_travel_as_little_endian_bytes(void **state)
{
    const float v[2] = {1.5F, -2};
    const unsigned char f32[] = {0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0};
    const unsigned char f16[] = {0, 0x3e, 0, 0xc0};
    const unsigned char bf16[] = {0xc0, 0x3f, 0, 0xc0};
    unsigned char b[8];
    float back[2];

    (void)state;
    pare_dtype_put(b, v, 2, PARE_F32);
    assert_memory_equal(b, f32, sizeof f32);
    pare_dtype_put(b, v, 2, PARE_F16);
    assert_memory_equal(b, f16, sizeof f16);
    pare_dtype_get(back, b, 2, PARE_F16);
    assert_memory_equal(back, v, sizeof v);
    pare_dtype_put(b, v, 2, PARE_BF16);
    assert_memory_equal(b, bf16, sizeof bf16);
    pare_dtype_get(back, b, 2, PARE_BF16);
    assert_memory_equal(back, v, sizeof v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_found_by_their_names),
        cmocka_unit_test(every_half_float_is_what_the_standard_says),
        cmocka_unit_test(every_half_float_comes_back),
        cmocka_unit_test(bits_are_those_of_numpy_and_pytorch),
        cmocka_unit_test(half_way_values_go_to_the_even_neighbour),
        cmocka_unit_test(what_is_too_large_becomes_infinite),
        cmocka_unit_test(a_nan_stays_one_with_its_upper_bits),
        cmocka_unit_test(rounding_counts_what_changed),
        cmocka_unit_test(values_travel_as_little_endian_bytes),
    };

    return run_group(tests);
}
