#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "status.h"

static struct pare_foreign_tensor *add(struct pare_foreign *f, const char *name,
                                       enum pare_foreign_type type, int rank,
                                       const uint64_t *dim, const void *bytes)
{
    struct pare_foreign_tensor *t = pare_foreign_add(f, name);

    assert_non_null(t);
    t->type = type;
    t->rank = rank;
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    t->bytes = bytes;
    return t;
}

static void values_come_in_c_order(void **state)
{
    static const unsigned char big[] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0,
                                        0x3f, 0,    0, 0, 0x40, 0, 0, 0};
    static const float want[] = {1, .5f, -2, 2};
    struct pare_foreign f = {0};
    struct pare_foreign_tensor *t =
        add(&f, "a", PARE_FOREIGN_F32, 2, (uint64_t[]){2, 2}, big);
    float v[4];
    bool exact = false;

    (void)state;
    t->big = t->fortran = true;
    assert_int_equal(pare_foreign_floats(v, t, &exact), 0);
    assert_memory_equal(v, want, sizeof v);
    assert_true(exact);
    pare_foreign_release(&f);
}

static void what_float32_does_not_hold_is_seen(void **state)
{
    static const int64_t whole[] = {16777216, 16777217, INT64_MAX, INT64_MIN};
    static const double real[] = {.5, .1};
    static const double large[] = {1e300};
    static const uint64_t most[] = {UINT64_MAX};
    struct pare_foreign f = {0};
    const uint64_t one = 1;
    float v[4];
    bool exact;

    (void)state;
    for (int i = 0; i < 4; i++) {
        add(&f, "i", PARE_FOREIGN_I64, 1, &one, &whole[i]);
        assert_int_equal(pare_foreign_exact(&f.tensor[i]), i == 0 || i == 3);
    }
    add(&f, "u", PARE_FOREIGN_U64, 1, &one, most);
    assert_false(pare_foreign_exact(&f.tensor[4]));
    for (int i = 0; i < 2; i++) {
        add(&f, "d", PARE_FOREIGN_F64, 1, &one, &real[i]);
        assert_int_equal(pare_foreign_floats(v, &f.tensor[5 + i], &exact), 0);
        assert_int_equal(exact, i == 0);
    }
    add(&f, "l", PARE_FOREIGN_F64, 1, &one, large);
    assert_int_equal(pare_foreign_floats(v, &f.tensor[7], &exact),
                     PARE_EFORMAT);
    pare_foreign_release(&f);
}

static void counts_do_not_overflow(void **state)
{
    struct pare_foreign_tensor t = {.rank = 3,
                                    .dim = {UINT64_MAX, UINT64_MAX, 2}};

    (void)state;
    assert_true(pare_foreign_count(&t) == UINT64_MAX);
    t.dim[2] = 0;
    assert_true(pare_foreign_count(&t) == 0);
    t.rank = 0;
    assert_true(pare_foreign_count(&t) == 1);
}

static void numbers_in_names_are_numbers(void **state)
{
    static const char *const name[] = {"l.10.b", "l.2.b", "l.2.a", "k", "l"};
    static const char *const want[] = {"k", "l", "l.2.a", "l.2.b", "l.10.b"};
    struct pare_foreign f = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_non_null(pare_foreign_add(&f, name[i]));
    pare_foreign_sort(&f);
    for (int i = 0; i < 5; i++)
        assert_string_equal(f.tensor[i].name, want[i]);
    pare_foreign_release(&f);
}

/* 0, 1, 2 ... as float32. */
static float *counting(size_t n)
{
    float *v = malloc(n * sizeof *v);

    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)i;
    return v;
}

/* A filter (height, width, in, out), and behind it columns in the order
 * height, width, channels: as TensorFlow has them. */
static void transposed_networks_come_into_our_order(void **state)
{
    enum { H = 2, W = 3, IN = 2, OUT = 3, UNITS = 2, SIDE = 2 };
    float *filter = counting(H * W * IN * OUT);
    float *matrix = counting(SIDE * SIDE * OUT * UNITS);
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    struct pare_foreign_options o = {
        .arch = "in(2,3,4) conv2d(3,2x3,bias=no) relu flatten "
                "linear(2,bias=no)",
        .transpose = true};
    const float *v;

    (void)state;
    add(&f, "c/kernel:0", PARE_FOREIGN_F32, 4, (uint64_t[]){H, W, IN, OUT},
        filter);
    add(&f, "d/kernel:0", PARE_FOREIGN_F32, 2,
        (uint64_t[]){SIDE * SIDE * OUT, UNITS}, matrix);
    assert_int_equal(pare_foreign_model(&m, &f, &o), 0);
    v = m.tensor[0].value;
    for (size_t u = 0; u < OUT; u++)
        for (size_t c = 0; c < IN; c++)
            for (size_t h = 0; h < H; h++)
                for (size_t w = 0; w < W; w++)
                    assert_true(*v++ ==
                                filter[((h * W + w) * IN + c) * OUT + u]);
    v = m.tensor[1].value;
    for (size_t u = 0; u < UNITS; u++)
        for (size_t c = 0; c < OUT; c++)
            for (size_t p = 0; p < SIDE * SIDE; p++)
                assert_true(*v++ == matrix[(p * OUT + c) * UNITS + u]);
    assert_int_equal(f.n_matches, 2);
    assert_string_equal(f.match[0], "conv1.weight=c/kernel:0");
    pare_model_release(&m);
    pare_foreign_release(&f);
    free(filter);
    free(matrix);
}

static void names_decide_before_order(void **state)
{
    static const float v[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    struct pare_foreign_options o = {.arch = "in(2) batchnorm linear(2)"};
    const uint64_t two = 2;
    const char *const want[] = {"bn1.scale=x.gamma", "bn1.shift=x.beta",
                                "bn1.mean=x.moving_mean",
                                "bn1.var=x.moving_variance", "fc1.bias=fc1.b"};

    (void)state;
    add(&f, "fc1.b", PARE_FOREIGN_F32, 1, &two, v);
    add(&f, "fc1.weight", PARE_FOREIGN_F32, 2, (uint64_t[]){2, 2}, v);
    add(&f, "x.moving_variance", PARE_FOREIGN_F32, 1, &two, v + 1);
    add(&f, "x.moving_mean", PARE_FOREIGN_F32, 1, &two, v + 2);
    add(&f, "x.beta", PARE_FOREIGN_F32, 1, &two, v + 3);
    add(&f, "x.gamma", PARE_FOREIGN_F32, 1, &two, v + 4);
    add(&f, "x.num_batches_tracked", PARE_FOREIGN_F32, 0, &two, v);
    o.map = (const char *const[]){"fc1.bias=fc1.b", NULL};
    assert_int_equal(pare_foreign_model(&m, &f, &o), 0);
    assert_int_equal(f.n_matches, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(f.match[i], want[i]);
    assert_true(m.tensor[0].value[0] == 5 && m.tensor[3].value[1] == 3);
    pare_model_release(&m);
    pare_foreign_release(&f);
}

static void a_layer_may_be_mapped_whole(void **state)
{
    static const float v[] = {1, 2, 3, 4, 5, 6};
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    const uint64_t two = 2;
    struct pare_foreign_options o = {
        .arch = "in(2) linear(2) linear(2)",
        .map = (const char *const[]){"fc1=b", "fc2=a", NULL}};

    (void)state;
    add(&f, "a.weight", PARE_FOREIGN_F32, 2, (uint64_t[]){2, 2}, v);
    add(&f, "a.bias", PARE_FOREIGN_F32, 1, &two, v);
    add(&f, "b.weight", PARE_FOREIGN_F32, 2, (uint64_t[]){2, 2}, v + 1);
    add(&f, "b.bias", PARE_FOREIGN_F32, 1, &two, v + 1);
    assert_int_equal(pare_foreign_model(&m, &f, &o), 0);
    assert_true(m.tensor[0].value[0] == 2 && m.tensor[1].value[0] == 2);
    assert_true(m.tensor[2].value[0] == 1 && m.tensor[3].value[0] == 1);
    pare_model_release(&m);
    pare_foreign_release(&f);
}

static void sixteen_bits_stay_their_type(void **state)
{
    static const uint16_t half[] = {0x3c00, 0xc000};
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    const uint64_t two = 2;
    struct pare_foreign_options o = {0};

    (void)state;
    add(&f, "a/h", PARE_FOREIGN_F16, 1, &two, half);
    add(&f, "a/b", PARE_FOREIGN_BF16, 1, &two, half);
    add(&f, "a/w", PARE_FOREIGN_F16, 2, (uint64_t[]){1, 2}, half);
    assert_int_equal(pare_foreign_model(&m, &f, &o), 0);
    assert_string_equal(m.arch.text, "weights a.w(1x2) a.h(2) a.b(2)");
    assert_int_equal(m.tensor[0].dtype, PARE_F16);
    assert_int_equal(m.tensor[2].dtype, PARE_BF16);
    assert_true(m.tensor[1].value[1] == -2);
    assert_true(m.tensor[2].value[0] == pare_from_bf16(0x3c00));
    pare_model_release(&m);
    pare_foreign_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_in_c_order),
        cmocka_unit_test(what_float32_does_not_hold_is_seen),
        cmocka_unit_test(counts_do_not_overflow),
        cmocka_unit_test(numbers_in_names_are_numbers),
        cmocka_unit_test(transposed_networks_come_into_our_order),
        cmocka_unit_test(names_decide_before_order),
        cmocka_unit_test(a_layer_may_be_mapped_whole),
        cmocka_unit_test(sixteen_bits_stay_their_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
