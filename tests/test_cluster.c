#include "unit.h"

#include "cluster.h"
#include "rng.h"
#include "status.h"

#include "ref/quantize_ref.h"

#define REF_N (sizeof ref_value / sizeof *ref_value)

static struct pare_sorted sorted(const float *v, const uint8_t *mask, size_t n)
{
    struct pare_sorted s = {0};

    assert_int_equal(pare_sorted_init(&s, v, mask, n), 0);
    return s;
}

/* Levels of numbers by a way to begin. */
static struct pare_levels cluster(const float *v, size_t n, size_t k,
                                  const char *start, double lambda)
{
    struct pare_sorted s = sorted(v, NULL, n);
    struct pare_levels l = {0};

    assert_int_equal(pare_cluster(&l, &s, k, pare_start_find(start), lambda, 3),
                     0);
    pare_sorted_release(&s);
    return l;
}

static void assert_at(const struct pare_levels *l, const float *want, size_t n)
{
    assert_int_equal(l->n, n);
    for (size_t i = 0; i < n; i++)
        assert_close(l->at[i], want[i], 1e-7 * fabs((double)want[i]));
}

static double squares(const float *v, size_t n, const struct pare_levels *l)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)v[i] - l->at[pare_levels_of(l, v[i])];

        sum += v[i] != 0 ? d * d : 0;
    }
    return sum;
}

static void numbers_are_sorted_without_zeros_and_pruned_ones(void **state)
{
    const float v[9] = {3, -1, 0, 1e-40f, -2e30f, -0.0f, -1, 7, 5};
    const uint8_t mask[9] = {1, 1, 1, 1, 1, 1, 1, 0, 1};
    const float want[6] = {-2e30f, -1, -1, 1e-40f, 3, 5};
    struct pare_sorted s = sorted(v, mask, 9);

    (void)state;
    assert_int_equal(s.n, 6);
    assert_int_equal(s.zeros, 2);
    assert_int_equal(s.distinct, 5);
    assert_memory_equal(s.x, want, sizeof want);
    assert_close(s.peak, 2e30f, 0);
    assert_int_equal(pare_sorted_above(&s, -1), 3);
    assert_int_equal(pare_sorted_above(&s, -1.5), 1);
    pare_sorted_release(&s);
}

static void many_numbers_are_sorted(void **state)
{
    static float v[20000];
    struct pare_sorted s;
    double sum = 0;

    (void)state;
    pare_rng_normal(v, 20000, 1, 5, PARE_STREAM_INIT, 0);
    s = sorted(v, NULL, 20000);
    assert_int_equal(s.n, 20000);
    for (size_t i = 0; i < s.n; i++) {
        assert_true(i == 0 || s.x[i - 1] <= s.x[i]);
        if (i % 613 == 0 || i % PARE_SUM_STEP == 0)
            assert_close(pare_sorted_sum(&s, i), sum, 1e-9);
        sum += (double)s.x[i];
    }
    assert_close(pare_sorted_sum(&s, s.n), sum, 1e-9);
    pare_sorted_release(&s);
}

static void bins_hold_the_sums_of_the_numbers(void **state)
{
    static float v[3000];
    struct pare_sorted s, b = {0};

    (void)state;
    pare_rng_normal(v, 3000, .02, 7, PARE_STREAM_INIT, 0);
    v[5] = v[2000] = 0;
    s = sorted(v, NULL, 3000);
    assert_int_equal(pare_sorted_bin(&b, v, NULL, 3000, 100), 0);
    assert_true(b.n <= 100 && b.n > 50);
    assert_int_equal(b.values, 2998);
    assert_int_equal(b.zeros, 2);
    assert_close(pare_sorted_sum(&b, b.n), pare_sorted_sum(&s, s.n), 1e-12);
    assert_close(b.power, s.power, 1e-15);
    assert_close(b.peak, s.peak, 0);
    for (size_t i = 1; i < b.n; i++)
        assert_true(b.x[i - 1] < b.x[i]);
    pare_sorted_release(&s);
    pare_sorted_release(&b);
}

static void levels_are_those_of_the_reference(void **state)
{
    struct pare_levels l = cluster(ref_value, REF_N, 10, "linear", 0);

    (void)state;
    assert_at(&l, ref_plain_book, sizeof ref_plain_book / sizeof(float));
    assert_close(l.at[l.zero], 0, 0);
    pare_levels_release(&l);
    l = cluster(ref_value, REF_N, 10, "linear", .02);
    assert_at(&l, ref_priced_book, sizeof ref_priced_book / sizeof(float));
    pare_levels_release(&l);
}

static void the_optimum_is_that_of_all_ways_to_cut(void **state)
{
    struct pare_levels l = cluster(ref_few, 24, 4, "optimal", 0);

    (void)state;
    assert_at(&l, ref_best, 4);
    pare_levels_release(&l);
}

static void no_start_is_better_than_the_optimal_one(void **state)
{
    static float v[4000];

    (void)state;
    pare_rng_normal(v, 4000, .3, 11, PARE_STREAM_INIT, 0);
    for (size_t k = 1; k <= 64; k *= 4) {
        struct pare_levels l = cluster(v, 4000, k, "optimal", 0);
        double best = squares(v, 4000, &l);

        assert_int_equal(l.n, k);
        pare_levels_release(&l);
        for (size_t i = 0; pare_start(i); i++) {
            l = cluster(v, 4000, k, pare_start(i)->name, 0);
            assert_true(l.n >= 1 && l.n <= k);
            assert_true(squares(v, 4000, &l) >= best * (1 - 1e-9));
            pare_levels_release(&l);
        }
    }
}

static void many_levels_of_many_numbers_begin_near_the_optimum(void **state)
{
    static float v[100000];
    struct pare_levels l, d;

    (void)state;
    pare_rng_normal(v, 100000, 1, 12, PARE_STREAM_INIT, 0);
    l = cluster(v, 100000, 200, "optimal", 0);
    d = cluster(v, 100000, 200, "density", 0);
    assert_int_equal(l.n, 200);
    assert_true(squares(v, 100000, &l) <= squares(v, 100000, &d));
    pare_levels_release(&l);
    pare_levels_release(&d);
}

static void few_numbers_are_the_levels(void **state)
{
    const float v[8] = {2, 2, -3, 5, 2, 5.5f, -3, 2};
    const float want[4] = {-3, 2, 5, 5.5f};
    struct pare_levels l;

    (void)state;
    for (size_t k = 4; k < 20; k += 5) {
        l = cluster(v, 8, k, "linear", 0);
        assert_at(&l, want, 4);
        assert_int_equal(l.count[1], 4);
        pare_levels_release(&l);
    }
}

static void one_level_is_the_mean(void **state)
{
    const float v[4] = {1, 2, 4, 9}, mean = 4;

    (void)state;
    for (size_t i = 0; pare_start(i); i++) {
        struct pare_levels l = cluster(v, 4, 1, pare_start(i)->name, 0);

        assert_at(&l, &mean, 1);
        pare_levels_release(&l);
    }
}

static void zeros_stay_zero_and_take_a_level(void **state)
{
    const float v[5] = {0, 0, .1f, 4, -0.0f};
    struct pare_levels l = cluster(v, 5, 2, "linear", 0);
    struct pare_sorted s = sorted(v, NULL, 5);

    (void)state;
    assert_int_equal(l.n, 2);
    assert_close(l.at[0], 0, 0);
    assert_int_equal(l.zero, 0);
    assert_int_equal(l.count[0], 4); /* .1 is nearer to 0 than to 4 */
    assert_close(l.at[1], 4, 0);
    pare_levels_release(&l);
    assert_int_equal(pare_cluster(&l, &s, 1, pare_start(0), 0, 0), PARE_EINVAL);
    pare_sorted_release(&s);
    l = cluster(v, 2, 1, "linear", 0); /* zeros alone */
    assert_int_equal(l.n, 1);
    assert_close(l.at[0], 0, 0);
    assert_int_equal(l.count[0], 2);
    pare_levels_release(&l);
    l = cluster(v, 0, 3, "linear", 0);
    assert_int_equal(l.n, 0);
    pare_levels_release(&l);
}

static void ties_go_to_the_lower_level(void **state)
{
    const float v[4] = {1, 3, 1, 3};
    struct pare_levels l = cluster(v, 4, 2, "linear", 0);

    (void)state;
    assert_int_equal(pare_levels_of(&l, 2), 0);
    assert_int_equal(pare_levels_of(&l, 2.0001f), 1);
    assert_int_equal(pare_levels_of(&l, -9), 0);
    assert_int_equal(pare_levels_of(&l, 9), 1);
    pare_levels_release(&l);
}

/* Bits a code. */
static double entropy(const struct pare_levels *l)
{
    double sum = 0, total = 0;

    for (size_t i = 0; i < l->n; i++) {
        sum += (double)l->count[i] * l->bits[i];
        total += (double)l->count[i];
    }
    return sum / total;
}

static void a_price_on_bits_buys_shorter_codes(void **state)
{
    static float v[5000];
    double bits = 99, worse = -1;

    (void)state;
    pare_rng_normal(v, 5000, 2, 13, PARE_STREAM_INIT, 0);
    for (double lambda = 0; lambda < 2; lambda = lambda * 4 + .001) {
        struct pare_levels l = cluster(v, 5000, 32, "optimal", lambda);

        assert_true(entropy(&l) < bits);
        assert_true(squares(v, 5000, &l) > worse);
        bits = entropy(&l);
        worse = squares(v, 5000, &l);
        for (size_t i = 1; i < l.n; i++)
            assert_true(l.at[i - 1] < l.at[i] && l.count[i] > 0);
        pare_levels_release(&l);
    }
    assert_true(bits < 1);
}

static void the_price_decides_between_neighbours(void **state)
{
    static float v[5000];
    struct pare_levels l;
    double weight, power = 0;

    (void)state;
    pare_rng_normal(v, 5000, 1, 14, PARE_STREAM_INIT, 0);
    for (size_t i = 0; i < 5000; i++)
        power += (double)v[i] * (double)v[i] / 5000;
    l = cluster(v, 5000, 16, "linear", .03);
    weight = .03 * power;
    for (size_t i = 0; i < 5000; i++) {
        size_t mine = pare_levels_of(&l, v[i]);
        double x = (double)v[i], d = x - l.at[mine];
        double cost = d * d + weight * l.bits[mine];

        for (size_t j = 0; j < l.n; j++) {
            double e = x - l.at[j];

            assert_true(cost <= e * e + weight * l.bits[j] + 1e-9);
        }
    }
    pare_levels_release(&l);
}

static void numbers_of_any_size_are_clustered(void **state)
{
    const float v[6] = {3e38f, -3e38f, 1e-45f, -1e-45f, 1, -1};

    (void)state;
    for (size_t i = 0; pare_start(i); i++) {
        struct pare_levels l = cluster(v, 6, 3, pare_start(i)->name, 0);

        assert_true(l.n >= 1 && l.n <= 3);
        for (size_t k = 0; k < l.n; k++)
            assert_true(isfinite(l.at[k]));
        pare_levels_release(&l);
        l = cluster(v, 6, 3, pare_start(i)->name, .1);
        assert_true(l.n >= 1 && l.n <= 3);
        pare_levels_release(&l);
    }
}

static void starts_have_names_and_sources(void **state)
{
    (void)state;
    assert_null(pare_start_find("quadratic"));
    for (size_t i = 0; pare_start(i); i++) {
        assert_ptr_equal(pare_start_find(pare_start(i)->name), pare_start(i));
        assert_true(strlen(pare_start(i)->source) > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_sorted_without_zeros_and_pruned_ones),
        cmocka_unit_test(many_numbers_are_sorted),
        cmocka_unit_test(bins_hold_the_sums_of_the_numbers),
        cmocka_unit_test(levels_are_those_of_the_reference),
        cmocka_unit_test(the_optimum_is_that_of_all_ways_to_cut),
        cmocka_unit_test(no_start_is_better_than_the_optimal_one),
        cmocka_unit_test(many_levels_of_many_numbers_begin_near_the_optimum),
        cmocka_unit_test(few_numbers_are_the_levels),
        cmocka_unit_test(one_level_is_the_mean),
        cmocka_unit_test(zeros_stay_zero_and_take_a_level),
        cmocka_unit_test(ties_go_to_the_lower_level),
        cmocka_unit_test(a_price_on_bits_buys_shorter_codes),
        cmocka_unit_test(the_price_decides_between_neighbours),
        cmocka_unit_test(numbers_of_any_size_are_clustered),
        cmocka_unit_test(starts_have_names_and_sources),
    };

    return run_group(tests);
}
