#include "unit.h"

#include "ref/sparse_init_ref.h"

#include "arch.h"
#include "compact.h"
#include "sparse_init.h"
#include "status.h"

#define LENET "784-300-100-10"
#define CONV                                                                   \
    "in(1,28,28) conv2d(20,5) relu maxpool(2) conv2d(50,5) relu maxpool(2) "   \
    "flatten linear(500) relu linear(10)"

static void lay(struct pare_model *m, const char *text)
{
    struct pare_arch arch = {0};

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_lay(m, &arch), 0);
}

/* Both ways to draw give these positions of 10 x 12. */
static void check_drawn(const struct pare_sparse_lot *lot, const uint64_t *want,
                        uint64_t n)
{
    struct pare_pattern *p;
    uint8_t mask[120];
    uint64_t flat[120], k = 0;

    assert_int_equal(pare_sparse_draw_mask(mask, 120, lot), 0);
    for (uint64_t at = 0; at < 120; at++)
        if (mask[at])
            flat[k++] = at;
    assert_int_equal(k, n);
    assert_memory_equal(flat, want, n * sizeof *want);
    assert_int_equal(pare_sparse_draw_pattern(&p, 10, 12, lot), 0);
    assert_int_equal(pare_pattern_count(p), n);
    assert_int_equal(pare_pattern_check(p), 0);
    pare_pattern_flat(flat, p);
    assert_memory_equal(flat, want, n * sizeof *want);
    pare_pattern_free(p);
}

static void positions_are_those_of_the_reference(void **state)
{
    const struct pare_sparse_lot exact = {PARE_SPARSE_EXACT, 25, 0, 7, 3};
    const struct pare_sparse_lot absent = {PARE_SPARSE_EXACT, 100, 0,
                                           7 + (UINT64_C(5) << 32), 0};
    const struct pare_sparse_lot replace = {PARE_SPARSE_REPLACE, 60, 0, 11, 2};
    const struct pare_sparse_lot bernoulli = {PARE_SPARSE_BERNOULLI, 0, 0.2,
                                              UINT64_C(1) << 40, 1};

    (void)state;
    check_drawn(&exact, ref_exact, 25);
    check_drawn(&absent, ref_absent, 100);
    check_drawn(&replace, ref_replace,
                sizeof ref_replace / sizeof *ref_replace);
    check_drawn(&bernoulli, ref_bernoulli,
                sizeof ref_bernoulli / sizeof *ref_bernoulli);
}

static void all_none_and_one_can_be_drawn(void **state)
{
    struct pare_sparse_lot lot = {PARE_SPARSE_EXACT, 0, 1, 5, 0};
    uint64_t every[120];

    (void)state;
    for (uint64_t i = 0; i < 120; i++)
        every[i] = i;
    check_drawn(&lot, every, 0);
    lot.count = 120;
    check_drawn(&lot, every, 120);
    lot.how = PARE_SPARSE_BERNOULLI;
    check_drawn(&lot, every, 120);
}

/* 10 sets of 2 or of 3 among 5. */
static void all_sets_are_equally_likely(void **state)
{
    (void)state;
    for (uint64_t count = 2; count <= 3; count++) {
        int seen[32] = {0};
        uint8_t mask[5];

        for (uint64_t seed = 0; seed < 10000; seed++) {
            const struct pare_sparse_lot lot = {PARE_SPARSE_EXACT, count, 0,
                                                seed, 0};
            int set = 0;

            assert_int_equal(pare_sparse_draw_mask(mask, 5, &lot), 0);
            for (int i = 0; i < 5; i++)
                set |= mask[i] << i;
            seen[set]++;
        }
        for (int set = 0; set < 32; set++) {
            int bits = 0;

            for (int i = 0; i < 5; i++)
                bits += set >> i & 1;
            if (bits == (int)count)
                assert_in_range(seen[set], 880, 1120);
            else
                assert_int_equal(seen[set], 0);
        }
    }
}

/* Chi squared over the degree of freedom, of counts with one mean. */
static double chi_square(const uint64_t *count, size_t n, double mean)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += ((double)count[i] - mean) * ((double)count[i] - mean) / mean;
    return sum / (double)(n - 1);
}

/*
 * Rows and columns of 500 x 300 over 20 seeds: chi squared is near the share
 * of positions that are absent, with a deviation of sqrt(2 / n).
 */
static void connections_spread_evenly_over_inputs_and_outputs(void **state)
{
    enum { ROWS = 500, COLS = 300, SEEDS = 20 };
    static uint8_t mask[ROWS * COLS];

    (void)state;
    for (int how = 0; how < 3; how++) {
        uint64_t row[ROWS] = {0}, col[COLS] = {0}, n = 0;
        double absent;

        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            const struct pare_sparse_lot lot = {(enum pare_sparse_how)how,
                                                15000, 0.1, seed, 4};

            assert_int_equal(pare_sparse_draw_mask(mask, ROWS * COLS, &lot), 0);
            for (size_t i = 0; i < ROWS * COLS; i++) {
                row[i / COLS] += mask[i];
                col[i % COLS] += mask[i];
                n += mask[i];
            }
        }
        absent = 1 - (double)n / (ROWS * COLS * SEEDS);
        assert_close(chi_square(row, ROWS, (double)n / ROWS), absent, 0.25);
        assert_close(chi_square(col, COLS, (double)n / COLS), absent, 0.3);
    }
}

static void bernoulli_has_its_mean_and_deviation(void **state)
{
    static uint8_t mask[10000];
    double sum = 0, squares = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        const struct pare_sparse_lot lot = {PARE_SPARSE_BERNOULLI, 0, 0.03,
                                            seed, 0};
        double n = 0;

        assert_int_equal(pare_sparse_draw_mask(mask, sizeof mask, &lot), 0);
        for (size_t i = 0; i < sizeof mask; i++)
            n += mask[i];
        sum += n;
        squares += n * n;
    }
    assert_close(sum / 1000, 300, 2.5);
    assert_close(sqrt(squares / 1000 - sum / 1000 * (sum / 1000)), 17.06, 1.6);
}

/* 4e10 positions: what passed over them would not end. */
static void positions_above_2_to_32_cost_what_is_there(void **state)
{
    struct pare_sparse_lot lot = {PARE_SPARSE_EXACT, 300000, 7.5e-6, 3, 0};
    struct pare_pattern *p, *again;
    uint64_t low = 0;

    (void)state;
    assert_int_equal(pare_sparse_draw_pattern(&p, 200000, 200000, &lot), 0);
    assert_int_equal(pare_pattern_count(p), 300000);
    assert_int_equal(pare_pattern_check(p), 0);
    assert_close((double)p->row[100000], 150000, 1500);
    for (uint64_t k = 0; k < 300000; k++)
        low += p->col[k] < 100000;
    assert_close((double)low, 150000, 1500);
    assert_int_equal(pare_sparse_draw_pattern(&again, 200000, 200000, &lot), 0);
    assert_true(pare_pattern_same(p, again));
    pare_pattern_free(again);
    lot.how = PARE_SPARSE_BERNOULLI;
    assert_int_equal(pare_sparse_draw_pattern(&again, 200000, 200000, &lot), 0);
    assert_close((double)pare_pattern_count(again), 300000, 3000);
    pare_pattern_free(again);
    pare_pattern_free(p);
}

static void more_than_there_is_cannot_be_drawn(void **state)
{
    struct pare_sparse_lot lot = {PARE_SPARSE_EXACT, 121, 0, 3, 0};
    struct pare_pattern *p = NULL;
    uint8_t mask[120];

    (void)state;
    assert_int_equal(pare_sparse_draw_mask(mask, 120, &lot), PARE_EINVAL);
    assert_int_equal(pare_sparse_draw_pattern(&p, 10, 12, &lot), PARE_EINVAL);
    lot.count = (UINT64_C(1) << 32) + 1;
    assert_int_equal(pare_sparse_draw_pattern(&p, 200000, 200000, &lot),
                     PARE_ELIMIT);
    lot = (struct pare_sparse_lot){PARE_SPARSE_BERNOULLI, 0, 0.5, 3, 0};
    assert_int_equal(pare_sparse_draw_pattern(&p, 200000, 200000, &lot),
                     PARE_ELIMIT);
    assert_null(p);
}

static void texts_have_one_canonical_form(void **state)
{
    static const char *const good[][2] = {
        {"er,epsilon=20", "er,epsilon=20"},
        {"er,exact,epsilon=20", "er,epsilon=20"},
        {"er,layers=fc[12]+fc3,epsilon=1e1,replace",
         "er,replace,epsilon=10,layers=fc[12]+fc3"},
        {"erk,density=.10,fan=dense", "erk,density=0.1"},
        {"uniform,bernoulli,density=1,fan=sparse",
         "uniform,bernoulli,density=1,fan=sparse"},
        {"bernoulli,density=.2", "bernoulli,density=0.2"},
        {"exact,density=.2", "exact,density=0.2"},
    };
    static const char *const bad[][2] = {
        {"", "empty"},
        {"sparse,density=.1", "there are er, erk, uniform, exact, bernoulli"},
        {"er=3", "comes first"},
        {"er", "a density or epsilon"},
        {"uniform", "a density"},
        {"uniform,epsilon=3", "epsilon is for er and erk"},
        {"er,density=.1,epsilon=3", "exclude each other"},
        {"er,density=0", "above 0"},
        {"er,density=1.5", "from 0 to 1"},
        {"er,density=-.1", "from 0 to 1"},
        {"er,density=nan", "density"},
        {"er,epsilon=0", "above 0"},
        {"er,epsilon=-1", "at least 0"},
        {"er,epsilon", "needs a value"},
        {"er,epsilon=3,epsilon=4", "set twice"},
        {"er,exact,replace,epsilon=4", "how it draws is set twice"},
        {"bernoulli,exact,density=.1", "is in its name"},
        {"er,epsilon=3,fan=none", "dense or sparse"},
        {"er,epsilon=3,zeta=.3", "no setting 'zeta'"},
        {"er,epsilon=3,", "empty"},
    };
    struct pare_sparse_spec s, kept;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(pare_sparse_parse(&s, good[i][0]), 0);
        assert_string_equal(s.canon, good[i][1]);
        assert_int_equal(pare_sparse_parse(&s, good[i][1]), 0);
        assert_string_equal(s.canon, good[i][1]);
    }
    kept = s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pare_sparse_parse(&s, bad[i][0]), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i][1]))
            fail_msg("%s: '%s' lacks '%s'", bad[i][0], pare_error(), bad[i][1]);
        assert_memory_equal(&s, &kept, sizeof s);
    }
}

/* The plan for an architecture; n rows are expected. */
static struct pare_sparse_row *plan(const char *arch, const char *text,
                                    size_t n)
{
    struct pare_sparse_row *row = NULL;
    struct pare_sparse_spec s;
    struct pare_model m;
    size_t got = 0;

    lay(&m, arch);
    assert_int_equal(pare_sparse_parse(&s, text), 0);
    if (pare_sparse_plan(&row, &got, &m, &s))
        fail_msg("%s: %s", text, pare_error());
    assert_int_equal(got, n);
    pare_model_release(&m);
    return row;
}

static void check_counts(const char *arch, const char *text, size_t n,
                         const uint64_t *want)
{
    struct pare_sparse_row *row = plan(arch, text, n);

    for (size_t i = 0; i < n; i++)
        assert_int_equal(row[i].count, want[i]);
    free(row);
}

/* Whole numbers within 1 of real ones, the sum exact. */
static void check_shares(const char *arch, const char *text, size_t n,
                         const double *want)
{
    struct pare_sparse_row *row = plan(arch, text, n);
    double sum = 0, exact = 0;

    for (size_t i = 0; i < n; i++) {
        assert_close((double)row[i].count, want[i], 1);
        assert_int_equal(row[i].whole, row[i].count == row[i].total);
        sum += (double)row[i].count;
        exact += want[i];
    }
    assert_close(sum, exact, 0.5001);
    free(row);
}

static void counts_are_those_of_the_reference(void **state)
{
    (void)state;
    check_counts("784-1000-1000-1000-10", "er,epsilon=13,layers=fc[123]", 3,
                 ref_set_13);
    check_counts("784-512-128-10", "er,epsilon=11,layers=fc1+fc2", 2,
                 ref_synapses_11);
    check_counts(CONV, "erk,epsilon=2", 4, ref_erk_2);
    check_shares(LENET, "er,density=.02", 3, ref_lenet_2);
    check_shares(LENET, "er,density=.1", 3, ref_lenet_10);
    check_shares(LENET, "erk,density=.2", 3, ref_lenet_20);
    check_shares(CONV, "er,density=.02", 4, ref_conv_er_2);
    check_shares(CONV, "er,density=.1", 4, ref_conv_er_10);
    check_shares(CONV, "er,density=.2", 4, ref_conv_er_20);
    check_shares(CONV, "erk,density=.02", 4, ref_conv_erk_2);
    check_shares(CONV, "erk,density=.1", 4, ref_conv_erk_10);
    check_shares(CONV, "erk,density=.2", 4, ref_conv_erk_20);
}

/* The published network: what is left of its draws with replacement. */
static void draws_with_replacement_collide_as_published(void **state)
{
    static const double want[4] = {22852, 25665, 25665, 7310};
    struct pare_sparse_row *row =
        plan("784-1000-1000-1000-10", "er,replace,epsilon=13", 4);

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_close(row[i].density * (double)row[i].total, want[i], 1);
        assert_false(row[i].whole);
    }
    assert_int_equal(row[3].count, 13130);
    free(row);
}

static void even_densities_drop_or_share_the_fractions(void **state)
{
    static const uint64_t each[3] = {3, 4, 1};
    struct pare_sparse_row *row;

    (void)state;
    /* 12, 15 and 5 weights; .3 of them are 3.6, 4.5 and 1.5: 9.6 */
    check_counts("4-3-5-1", "exact,density=.3", 3, each);
    row = plan("4-3-5-1", "uniform,density=.3", 3);
    assert_int_equal(row[0].count + row[1].count + row[2].count, 10);
    for (int i = 0; i < 3; i++)
        assert_in_range(row[i].count, each[i], each[i] + 1);
    free(row);
    row = plan("4-3-5-1", "bernoulli,density=.3", 3);
    assert_close(row[1].density, 0.3, 0);
    free(row);
}

static void plans_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *arch, *text, *want;
    } bad[] = {
        {LENET, "er,epsilon=20",
         "epsilon 20 fills layer fc3: a density of 2.2"},
        {LENET, "er,bernoulli,epsilon=20", "fills layer fc3"},
        {LENET, "er,replace,epsilon=300", "fills layer fc3"},
        {LENET, "er,epsilon=2,layers=fc1+conv*", "'conv*' matches no layer"},
        {LENET, "er,epsilon=2,layers=relu1", "'relu1' matches no layer"},
        {LENET, "exact,density=.0005", "leaves layer fc3 without any"},
        {"in(3) relu", "er,epsilon=2", "no layer has weights"},
    };
    struct pare_sparse_row *row = NULL;
    struct pare_sparse_spec s;
    struct pare_model m;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lay(&m, bad[i].arch);
        assert_int_equal(pare_sparse_parse(&s, bad[i].text), 0);
        assert_int_equal(pare_sparse_plan(&row, &n, &m, &s), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i].want))
            fail_msg("%s: '%s'", bad[i].text, pare_error());
        pare_model_release(&m);
    }
    assert_null(row);
}

static void models_of_too_many_connections_are_refused_at_once(void **state)
{
    struct pare_sparse_spec s;
    struct pare_model m;

    (void)state;
    lay(&m, "in(200000) a=linear(200000) b=linear(200000)");
    assert_int_equal(pare_sparse_parse(&s, "exact,density=.06"), 0);
    assert_int_equal(pare_sparse_connect(&m, &s, 4), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "4.8e+09 connections"));
    assert_null(m.tensor[0].pattern);
    pare_model_release(&m);
}

static void layers_get_masks_or_patterns_and_targets(void **state)
{
    struct pare_sparse_spec s;
    struct pare_model m;

    (void)state;
    lay(&m, "in(20000) a=linear(20000) b=linear(30) c=linear(5)");
    assert_int_equal(pare_sparse_parse(&s, "er,epsilon=.5,layers=a+b"), 0);
    assert_int_equal(pare_sparse_connect(&m, &s, 4), 0);
    assert_null(m.tensor[0].mask);
    assert_int_equal(pare_pattern_count(m.tensor[0].pattern), 20000);
    assert_int_equal(m.tensor[0].target, 20000);
    assert_null(m.tensor[2].pattern);
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), 10015);
    assert_int_equal(m.tensor[2].target, 10015);
    assert_null(m.tensor[4].mask);
    assert_int_equal(m.tensor[4].target, 0);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_those_of_the_reference),
        cmocka_unit_test(all_none_and_one_can_be_drawn),
        cmocka_unit_test(all_sets_are_equally_likely),
        cmocka_unit_test(connections_spread_evenly_over_inputs_and_outputs),
        cmocka_unit_test(bernoulli_has_its_mean_and_deviation),
        cmocka_unit_test(positions_above_2_to_32_cost_what_is_there),
        cmocka_unit_test(more_than_there_is_cannot_be_drawn),
        cmocka_unit_test(texts_have_one_canonical_form),
        cmocka_unit_test(counts_are_those_of_the_reference),
        cmocka_unit_test(draws_with_replacement_collide_as_published),
        cmocka_unit_test(even_densities_drop_or_share_the_fractions),
        cmocka_unit_test(plans_that_cannot_be_are_refused),
        cmocka_unit_test(models_of_too_many_connections_are_refused_at_once),
        cmocka_unit_test(layers_get_masks_or_patterns_and_targets),
    };

    return run_group(tests);
}
