#include "unit.h"

#include <float.h>

#include "compact.h"
#include "gathered.h"
#include "quantize.h"
#include "status.h"

#include "ref/quantize_ref.h"
#include "small_model.h"

#define REF_N (sizeof ref_value / sizeof *ref_value)

/* A model of one layer, 15 by 20, whose weights are the reference's. */
static struct pare_model reference(void)
{
    struct pare_model m = small_model("20-15", 1);

    assert_int_equal(m.tensor[0].n, REF_N);
    memcpy(m.tensor[0].value, ref_value, sizeof ref_value);
    return m;
}

static struct pare_quantize_options
options(const char *way, enum pare_level_kind kind, double amount)
{
    struct pare_quantize_options o;

    pare_quantize_defaults(&o);
    o.way = pare_quantize_way_find(way);
    assert_non_null(o.way);
    o.kind = kind;
    o.amount = amount;
    return o;
}

/* Quantise; the row of the first tensor. */
static struct pare_quantize_row quantize(struct pare_model *m,
                                         const struct pare_quantize_options *o)
{
    struct pare_quantize_report r = {0};
    struct pare_quantize_row row;

    if (pare_quantize(&r, m, o))
        fail_msg("%s", pare_error());
    row = r.row[0];
    pare_quantize_report_release(&r);
    return row;
}

/* Each kept value is one of the levels, and each level some value's. */
static void assert_promise(const struct pare_tensor *t)
{
    const struct pare_quant *q = &t->quant;

    for (size_t i = 0; i < t->n; i++)
        if (q->n_book && mask_at(t, i))
            assert_true(pare_quant_code(q, t->value[i]) < q->n_book);
    for (size_t k = 0; k < q->n_book; k++) {
        size_t n = 0;

        assert_true(isfinite(q->book[k]));
        assert_true(q->book[k] != 0 || !signbit(q->book[k]));
        assert_true(k == 0 || q->book[k - 1] < q->book[k]);
        for (size_t i = 0; i < t->n; i++)
            n += mask_at(t, i) && t->value[i] == q->book[k];
        assert_true(n > 0);
    }
    for (size_t k = 0; k < q->n_scale; k++)
        assert_true(isfinite(q->scale[k]) && q->scale[k] > 0);
    assert_int_equal(pare_dtype_misfit(t->value, t->n, t->dtype), t->n);
}

static void assert_book(const struct pare_tensor *t, const float *book,
                        size_t n)
{
    assert_int_equal(t->quant.n_book, n);
    for (size_t i = 0; i < n; i++)
        assert_close(t->quant.book[i], book[i], 1e-7 * fabs((double)book[i]));
}

#define REFERENCE(name)                                                        \
    {                                                                          \
        ref_##name##_book, sizeof ref_##name##_book / sizeof(float),           \
            ref_##name##_entropy, ref_##name##_error                           \
    }

static void results_are_those_of_the_reference(void **state)
{
    const struct {
        const char *way, *start;
        enum pare_level_kind kind;
        double amount, lambda;
        struct {
            const float *book;
            size_t n;
            double entropy, error;
        } want;
    } row[] = {
        {"codebook", "linear", PARE_LEVELS_COUNT, 10, 0, REFERENCE(plain)},
        {"codebook", "linear", PARE_LEVELS_COUNT, 10, .02, REFERENCE(priced)},
        {"uniform", "linear", PARE_LEVELS_BITS, 3, 0, REFERENCE(three)},
        {"uniform", "linear", PARE_LEVELS_BITS, 4, .05, REFERENCE(four)},
        {"uniform", "linear", PARE_LEVELS_STEP, .01, 0, REFERENCE(step)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_quantize_options o =
            options(row[i].way, row[i].kind, row[i].amount);
        struct pare_model m = reference();
        struct pare_quantize_row r;

        o.start = pare_start_find(row[i].start);
        o.lambda = row[i].lambda;
        r = quantize(&m, &o);
        assert_book(&m.tensor[0], row[i].want.book, row[i].want.n);
        assert_int_equal(r.levels, row[i].want.n);
        assert_close(r.entropy, row[i].want.entropy, 1e-9);
        assert_close(r.error, row[i].want.error, 1e-7);
        assert_promise(&m.tensor[0]);
        for (size_t k = 0; k < REF_N; k++)
            if (ref_value[k] == 0)
                assert_true(m.tensor[0].value[k] == 0);
        pare_model_release(&m);
    }
}

static void bits_are_codes_mask_and_book(void **state)
{
    struct pare_quantize_options o = options("codebook", PARE_LEVELS_COUNT, 2);
    struct pare_model m = small_model("4-4", 1);
    struct pare_tensor *t = &m.tensor[0];
    struct pare_quantize_row r;

    (void)state;
    assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t i = 0; i < 16; i++) {
        t->mask[i] = i % 4 == 0;
        t->value[i] = i % 4 ? 0 : i < 8 ? 1 : 3;
    }
    r = quantize(&m, &o);
    assert_int_equal(r.total, 16);
    assert_int_equal(r.kept, 4);
    assert_int_equal(r.levels, 2);
    assert_close(r.entropy, 1, 1e-12);
    /* H(1/4) + 1/4 of a bit + two numbers for 16 weights. */
    assert_close(r.bits, .25 * 2 - .75 * log2(.75) + .25 + 4, 1e-12);
    assert_close(r.error, 0, 0);
    assert_close(r.worst, 0, 0);
    pare_model_release(&m);
}

static void pruned_weights_stay_pruned(void **state)
{
    const char *const way[] = {"codebook", "uniform", "int8", "fp16", "bf16"};
    const enum pare_level_kind kind[] = {PARE_LEVELS_COUNT, PARE_LEVELS_BITS,
                                         PARE_LEVELS_FIXED, PARE_LEVELS_FIXED,
                                         PARE_LEVELS_FIXED};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct pare_quantize_options o = options(way[i], kind[i], 6);
        struct pare_model m = small_model("30-20", 2);
        struct pare_quantize_row r;

        assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
        for (size_t k = 0; k < m.tensor[0].n; k++)
            m.tensor[0].mask[k] = k % 3 == 0;
        pare_model_apply_masks(&m);
        r = quantize(&m, &o);
        assert_int_equal(r.kept, 200);
        assert_int_equal(r.total, 600);
        assert_masked_is_zero(&m);
        assert_int_equal(pare_tensor_kept(&m.tensor[0]), 200);
        assert_promise(&m.tensor[0]);
        assert_true(r.error > 0 && r.error < .3);
        assert_true(r.worst > 0 && r.worst < .4);
        pare_model_release(&m);
    }
}

static void compact_tensors_are_as_masked_ones(void **state)
{
    const char *const way[] = {"codebook", "uniform", "int8", "bf16"};
    const enum pare_level_kind kind[] = {PARE_LEVELS_COUNT, PARE_LEVELS_BITS,
                                         PARE_LEVELS_FIXED, PARE_LEVELS_FIXED};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct pare_quantize_options o = options(way[i], kind[i], 4);
        struct pare_model a = small_model("30-20", 2);
        struct pare_model b = small_model("30-20", 2);
        struct pare_model *both[2] = {&a, &b};

        for (int k = 0; k < 2; k++) {
            struct pare_tensor *t = &both[k]->tensor[0];

            assert_int_equal(pare_tensor_need_mask(t), 0);
            for (size_t j = 0; j < t->n; j++)
                t->mask[j] = j % 7 == 0 && j / 30 != 4; /* an empty row */
            pare_model_apply_masks(both[k]);
        }
        assert_int_equal(pare_tensor_compact(&b, 0), 0);
        assert_non_null(b.tensor[0].pattern);
        quantize(&a, &o);
        quantize(&b, &o);
        assert_int_equal(pare_tensor_expand(&b, 0), 0);
        assert_memory_equal(a.tensor[0].value, b.tensor[0].value,
                            600 * sizeof(float));
        assert_int_equal(a.tensor[0].quant.n_book, b.tensor[0].quant.n_book);
        assert_int_equal(a.tensor[0].quant.n_scale, b.tensor[0].quant.n_scale);
        pare_model_release(&a);
        pare_model_release(&b);
    }
}

static void an_error_takes_the_fewest_levels(void **state)
{
    const struct {
        const char *way;
        enum pare_level_kind kind;
        double least;
    } row[] = {{"codebook", PARE_LEVELS_COUNT, 1},
               {"uniform", PARE_LEVELS_BITS, PARE_BITS_MIN}};
    const double error[] = {.4, .1, .02};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 3; k++) {
            struct pare_quantize_options o =
                options(row[i].way, PARE_LEVELS_ERROR, error[k]);
            struct pare_model m = small_model("50-40", 3);
            struct pare_quantize_row r = quantize(&m, &o);
            double found = row[i].kind == PARE_LEVELS_COUNT
                               ? (double)r.levels
                               : ceil(log2((double)r.levels));

            assert_true(r.error <= error[k]);
            assert_true(found > row[i].least);
            pare_model_release(&m);
            m = small_model("50-40", 3);
            o = options(row[i].way, row[i].kind, found - 1);
            r = quantize(&m, &o);
            assert_true(r.error > error[k]);
            pare_model_release(&m);
        }
}

static void rows_of_int8_have_scales(void **state)
{
    struct pare_quantize_options o = options("int8", PARE_LEVELS_FIXED, 0);
    struct pare_model m = small_model("3-3", 1);
    struct pare_tensor *t = &m.tensor[0];
    const float value[9] = {127, -63.4f, .5f, 0, 0, 0, 3e-45f, -FLT_MAX, 1};
    const float want[6] = {127, -63, 0, 0, 0, 0};

    (void)state;
    memcpy(t->value, value, sizeof value);
    quantize(&m, &o);
    assert_int_equal(t->quant.kind, PARE_QUANT_INT8);
    assert_int_equal(t->quant.n_scale, 3);
    assert_close(t->quant.scale[0], 1, 0);
    assert_close(t->quant.scale[1], 1, 0);
    assert_memory_equal(t->value, want, sizeof want);
    assert_true(isfinite(t->value[7]) && t->value[7] < -3.4e38f);
    assert_promise(t);
    memcpy(t->value, value, sizeof value);
    o.per_tensor = true;
    quantize(&m, &o);
    assert_int_equal(t->quant.n_scale, 1);
    assert_true(t->value[0] == 0);
    pare_model_release(&m);
}

static void subnormal_rows_have_scales(void **state)
{
    struct pare_quantize_options o = options("int8", PARE_LEVELS_FIXED, 0);
    struct pare_model m = small_model("2-1", 1);
    const float value[2] = {4e-45f, -1e-45f};

    (void)state;
    memcpy(m.tensor[0].value, value, sizeof value);
    quantize(&m, &o);
    assert_promise(&m.tensor[0]);
    assert_memory_equal(m.tensor[0].value, value, sizeof value);
    pare_model_release(&m);
}

static void what_16_bits_cannot_hold_is_an_error(void **state)
{
    struct pare_quantize_options o = options("fp16", PARE_LEVELS_FIXED, 0);
    struct pare_model m = small_model("4-3", 1);
    struct pare_tensor *t = &m.tensor[0];
    struct pare_quantize_report r = {0};
    float before[12];

    (void)state;
    t->value[7] = 65520; /* rounds to infinity */
    memcpy(before, t->value, sizeof before);
    assert_int_equal(pare_quantize(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "fc1.weight: value 7, 65520"));
    assert_memory_equal(before, t->value, sizeof before);
    t->value[7] = 65519;
    quantize(&m, &o);
    assert_int_equal(t->dtype, PARE_F16);
    assert_promise(t);
    t->value[7] = 65520;
    o.way = pare_quantize_way_find("bf16");
    quantize(&m, &o);
    assert_int_equal(t->dtype, PARE_BF16);
    assert_promise(t);
    pare_model_release(&m);
}

static void a_tensor_can_be_quantised_again(void **state)
{
    struct pare_quantize_options o = options("fp16", PARE_LEVELS_FIXED, 0);
    struct pare_model m = small_model("30-20", 4);
    struct pare_tensor *t = &m.tensor[0];
    float *kept = malloc(600 * sizeof *kept);
    struct pare_quantize_row r;

    (void)state;
    assert_non_null(kept);
    assert_false(quantize(&m, &o).again);
    o = options("codebook", PARE_LEVELS_COUNT, 16);
    r = quantize(&m, &o);
    assert_true(r.again && r.levels == 16);
    assert_int_equal(t->dtype, PARE_F32);
    memcpy(kept, t->value, 600 * sizeof *kept);
    o.start = pare_start_find("linear");
    r = quantize(&m, &o); /* they are of 16 levels: nothing is lost */
    assert_memory_equal(kept, t->value, 600 * sizeof *kept);
    assert_close(r.error, 0, 0);
    o = options("int8", PARE_LEVELS_FIXED, 0);
    r = quantize(&m, &o);
    assert_true(r.again);
    assert_int_equal(t->quant.n_book, 0);
    o = options("uniform", PARE_LEVELS_BITS, 2);
    r = quantize(&m, &o);
    assert_true(r.levels <= 3);
    assert_int_equal(t->quant.n_scale, 0);
    assert_promise(t);
    free(kept);
    pare_model_release(&m);
}

static void zeros_can_be_pruned(void **state)
{
    struct pare_quantize_options o = options("uniform", PARE_LEVELS_BITS, 2);
    struct pare_model m = small_model("30-20", 5);
    struct pare_tensor *t = &m.tensor[0];
    struct pare_quantize_report r = {0};

    (void)state;
    assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", false), 0);
    o.prune_zeros = true;
    assert_int_equal(pare_quantize(&r, &m, &o), 0);
    assert_true(r.pruned > 100 && r.pruned == r.row[0].zeroed);
    assert_int_equal(pare_tensor_kept(t), 600 - r.pruned);
    assert_int_equal(t->quant.n_book, 2);
    assert_promise(t);
    assert_masked_is_zero(&m);
    pare_quantize_report_release(&r);
    pare_model_release(&m);
}

static void layers_have_amounts_of_their_own(void **state)
{
    const struct pare_layer_amount layer[] = {{"fc*", 5}, {"fc3", 2}};
    const char *const skip[] = {"fc2"};
    struct pare_quantize_options o = options("codebook", PARE_LEVELS_COUNT, 9);
    struct pare_model m = small_model("10-10-10-10-10", 6);
    struct pare_quantize_report r = {0};

    (void)state;
    o.n_layer = 2;
    o.layer = layer;
    o.n_skip = 1;
    o.skip = skip;
    o.bias = true;
    o.start = pare_start_find("optimal");
    assert_int_equal(pare_quantize(&r, &m, &o), PARE_EINVAL);
    o.layer = layer + 1;
    o.n_layer = 1;
    assert_int_equal(pare_quantize(&r, &m, &o), 0);
    assert_int_equal(r.n_rows, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct pare_tensor *t = &m.tensor[r.row[i].tensor];

        assert_int_equal(r.row[i].levels, strncmp(t->name, "fc3", 3) ? 9 : 2);
        assert_int_equal(t->quant.n_book, r.row[i].levels);
    }
    assert_int_equal(m.tensor[2].quant.kind, PARE_QUANT_NONE);
    pare_quantize_report_release(&r);
    pare_model_release(&m);
}

static void state_of_other_weights_is_forgotten(void **state)
{
    struct pare_quantize_options o = options("codebook", PARE_LEVELS_COUNT, 4);
    struct pare_model m = small_model("10-10", 7);

    (void)state;
    strcpy(m.optim.spec, "sgd,momentum=0.9,nesterov=no");
    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 1), 0);
    m.optim.step = 8;
    assert_non_null(pare_model_begin_scores(&m, "movement"));
    quantize(&m, &o);
    assert_int_equal(m.optim.n_slots, 0);
    assert_int_equal(m.optim.step, 0);
    assert_string_equal(m.optim.spec, "sgd,momentum=0.9,nesterov=no");
    assert_int_equal(m.n_scores, 0);
    pare_model_release(&m);
}

static void what_cannot_be_is_an_error(void **state)
{
    const struct {
        const char *way;
        enum pare_level_kind kind;
        double amount;
        const char *message;
    } row[] = {
        {"codebook", PARE_LEVELS_COUNT, 1, "fc1.weight: 1 level is too few"},
        {"uniform", PARE_LEVELS_STEP, 1e-9, "fc1.weight: a step of"},
        {"uniform", PARE_LEVELS_ERROR, 1e-9, "fc1.weight: an error of"},
    };
    struct pare_quantize_options o;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_model m = reference();
        struct pare_quantize_report r = {0};

        o = options(row[i].way, row[i].kind, row[i].amount);
        assert_int_equal(pare_quantize(&r, &m, &o), PARE_EINVAL);
        if (!strstr(pare_error(), row[i].message))
            fail_msg("'%s'", pare_error());
        assert_memory_equal(m.tensor[0].value, ref_value, sizeof ref_value);
        m.tensor[0].value[4] = NAN;
        assert_int_equal(pare_quantize(&r, &m, &o), PARE_EINVAL);
        assert_non_null(strstr(pare_error(), "value 4 is not finite"));
        pare_model_release(&m);
    }
    assert_int_equal(pare_quantize_check(PARE_LEVELS_COUNT, 0), PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_COUNT, 65536), 0);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_COUNT, 65537),
                     PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_COUNT, 2.5), PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_BITS, 1), PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_BITS, 17), PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_STEP, 0), PARE_EINVAL);
    assert_int_equal(pare_quantize_check(PARE_LEVELS_ERROR, -1), PARE_EINVAL);
}

static void a_layer_of_zeros_is_of_one_level(void **state)
{
    const char *const way[] = {"codebook", "uniform", "int8"};
    const enum pare_level_kind kind[] = {PARE_LEVELS_COUNT, PARE_LEVELS_BITS,
                                         PARE_LEVELS_FIXED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct pare_quantize_options o = options(way[i], kind[i], 4);
        struct pare_model m = small_model("5-4", 8);
        struct pare_tensor *t = &m.tensor[0];
        struct pare_quantize_row r;

        memset(t->value, 0, 20 * sizeof(float));
        t->value[3] = -0.0f;
        r = quantize(&m, &o);
        assert_int_equal(r.levels, 1);
        assert_close(r.entropy, 0, 0);
        assert_close(r.error, 0, 0);
        assert_promise(t);
        assert_false(signbit(t->value[3]));
        /* And one that is pruned whole is of none. */
        assert_int_equal(pare_tensor_need_mask(t), 0);
        memset(t->mask, 0, 20);
        r = quantize(&m, &o);
        assert_int_equal(r.levels, 0);
        assert_int_equal(t->quant.kind, PARE_QUANT_NONE);
        pare_model_release(&m);
    }
}

static void large_tensors_are_binned_for_uniform_levels(void **state)
{
    struct pare_quantize_options o = options("uniform", PARE_LEVELS_BITS, 4);
    struct pare_model m = small_model("300-300", 9);
    struct pare_quantize_row r = quantize(&m, &o);
    float step = m.tensor[0].quant.book[9] - m.tensor[0].quant.book[8];

    (void)state;
    /* The best uniform quantiser of a normal source with 15 or 16 levels has
       a squared error of about 1/86 of the variance. */
    assert_int_equal(r.levels, 15);
    assert_close(r.error, 0.113, .004);
    assert_close(step, .35, .02);
    assert_promise(&m.tensor[0]);
    pare_model_release(&m);
}

static void ways_have_names_and_sources(void **state)
{
    (void)state;
    assert_null(pare_quantize_way_find("ternary"));
    for (size_t i = 0; pare_quantize_way(i); i++) {
        const struct pare_quantize_way *w = pare_quantize_way(i);

        assert_ptr_equal(pare_quantize_way_find(w->name), w);
        assert_true(strlen(w->source) > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_reference),
        cmocka_unit_test(bits_are_codes_mask_and_book),
        cmocka_unit_test(pruned_weights_stay_pruned),
        cmocka_unit_test(compact_tensors_are_as_masked_ones),
        cmocka_unit_test(an_error_takes_the_fewest_levels),
        cmocka_unit_test(rows_of_int8_have_scales),
        cmocka_unit_test(subnormal_rows_have_scales),
        cmocka_unit_test(what_16_bits_cannot_hold_is_an_error),
        cmocka_unit_test(a_tensor_can_be_quantised_again),
        cmocka_unit_test(zeros_can_be_pruned),
        cmocka_unit_test(layers_have_amounts_of_their_own),
        cmocka_unit_test(state_of_other_weights_is_forgotten),
        cmocka_unit_test(what_cannot_be_is_an_error),
        cmocka_unit_test(a_layer_of_zeros_is_of_one_level),
        cmocka_unit_test(large_tensors_are_binned_for_uniform_levels),
        cmocka_unit_test(ways_have_names_and_sources),
    };

    return run_group(tests);
}
