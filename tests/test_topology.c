#include "unit.h"

#include "compact.h"
#include "small_model.h"
#include "stats.h"
#include "status.h"
#include "topology.h"

#include "ref/topology_ref.h"

/* The layer of topology_ref.py. */
static void mask_as_reference(struct pare_tensor *t)
{
    assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t r = 0; r < t->dim[0]; r++)
        for (size_t c = 0; c < t->dim[1]; c++) {
            int off = abs((int)(c % 28) - 14) / 7;

            t->mask[r * t->dim[1] + c] =
                (int)((7 * r * r + 13 * c + r * c * c) % 11) < 4 - off;
        }
}

static void check_reference(const struct pare_tensor *t)
{
    struct pare_connections c = {0};
    struct pare_trend trend = {0};

    assert_int_equal(pare_connections_count(&c, t), 0);
    assert_int_equal(c.n_in, 784);
    assert_int_equal(c.n_out, 12);
    for (size_t r = 0; r < 12; r++)
        assert_int_equal(c.out[r], ref_out[r]);
    assert_int_equal(pare_trend(&trend, c.in, 28, 28), 0);
    assert_int_equal(trend.n, 14);
    for (size_t i = 0; i < 14; i++) {
        assert_int_equal(trend.side[i], 2 * i + 2);
        assert_close(trend.mean[i], ref_squares[i], 1e-12);
    }
    assert_close(trend.all, ref_squares[13], 1e-12);
    assert_int_equal(trend.half, 14);
    assert_close(trend.half_ratio, ref_half, 1e-12);
    assert_int_equal(trend.middle, 12);
    assert_int_equal(trend.ring, 4);
    assert_close(trend.centre_ratio, ref_centre, 1e-12);
    pare_trend_release(&trend);
    pare_connections_release(&c);
}

static void counts_and_trend_are_those_of_numpy(void **state)
{
    struct pare_model m = small_model("784-12-2", 1);

    (void)state;
    mask_as_reference(&m.tensor[0]);
    pare_model_apply_masks(&m);
    check_reference(&m.tensor[0]);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_non_null(m.tensor[0].pattern);
    check_reference(&m.tensor[0]);
    pare_model_release(&m);
}

static void a_layer_without_a_mask_is_full(void **state)
{
    struct pare_model m = small_model("3-5-2", 1);
    struct pare_connections c = {0};

    (void)state;
    assert_int_equal(pare_connections_count(&c, &m.tensor[0]), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c.in[i], 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(c.out[i], 3);
    pare_connections_release(&c);
    pare_model_release(&m);
}

static void a_bias_has_no_connections(void **state)
{
    struct pare_model m = small_model("3-5-2", 1);
    struct pare_connections c = {0};

    (void)state;
    assert_int_equal(pare_connections_count(&c, &m.tensor[1]), PARE_EINVAL);
    assert_null(c.in);
    pare_model_release(&m);
}

static void a_map_adds_channels(void **state)
{
    const uint64_t count[12] = {1, 2, 3, 4, 10, 20, 30, 40, 0, 0, 0, 5};
    uint64_t map[4];

    (void)state;
    pare_connections_map(map, count, (size_t[]){3, 2, 2});
    assert_int_equal(map[0], 11);
    assert_int_equal(map[1], 22);
    assert_int_equal(map[2], 33);
    assert_int_equal(map[3], 49);
}

/* 3 high, 5 wide: squares of 1 and 3, and all is more than the last. */
static void an_odd_oblong_has_a_trend(void **state)
{
    const uint64_t map[15] = {0, 1, 2, 1, 0, 3, 5, 7, 5, 3, 0, 1, 2, 1, 0};
    struct pare_trend t = {0};

    (void)state;
    assert_int_equal(pare_trend(&t, map, 3, 5), 0);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.side[0], 1);
    assert_int_equal(t.side[1], 3);
    assert_close(t.mean[0], 7, 0);
    assert_close(t.mean[1], 25.0 / 9, 1e-12);
    assert_close(t.all, 31.0 / 15, 1e-12);
    assert_int_equal(t.half, 3);
    assert_close(t.half_ratio, 25.0 / 9 / (31.0 / 15), 1e-12);
    assert_int_equal(t.middle, 1);
    assert_int_equal(t.ring, 1);
    assert_close(t.centre_ratio, 7 / (14.0 / 12), 1e-12);
    pare_trend_release(&t);
}

static void nothing_over_nothing_is_no_number(void **state)
{
    const uint64_t zero[9] = {0}, dot[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    struct pare_trend t = {0};

    (void)state;
    assert_int_equal(pare_trend(&t, zero, 3, 3), 0);
    assert_true(isnan(t.half_ratio));
    assert_true(isnan(t.centre_ratio));
    pare_trend_release(&t);
    assert_int_equal(pare_trend(&t, dot, 3, 3), 0);
    assert_true(isinf(t.centre_ratio));
    pare_trend_release(&t);
    assert_int_equal(pare_trend(&t, zero, 0, 3), PARE_EINVAL);
    assert_int_equal(pare_trend(&t, dot, 1, 1), 0); /* all of it is border */
    assert_true(isnan(t.centre_ratio));
    pare_trend_release(&t);
}

static void other_sizes_are_in_proportion(void **state)
{
    static const size_t want[][4] = {/* side, half, middle, ring */
                                     {28, 14, 12, 4}, {32, 16, 14, 5},
                                     {64, 32, 28, 9}, {27, 15, 11, 4},
                                     {8, 4, 4, 1},    {2, 2, 2, 1}};
    static const uint64_t map[64 * 64] = {0};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct pare_trend t = {0};

        assert_int_equal(pare_trend(&t, map, want[i][0], want[i][0]), 0);
        assert_int_equal(t.half, want[i][1]);
        assert_int_equal(t.middle, want[i][2]);
        assert_int_equal(t.ring, want[i][3]);
        pare_trend_release(&t);
    }
}

/* What pare stats counts does not depend on how the weight lies. */
static void statistics_of_a_compact_layer_are_the_same(void **state)
{
    struct pare_model m = small_model("784-12-2", 1);
    struct pare_stats_row *mask, *compact;
    size_t n, k;

    (void)state;
    mask_as_reference(&m.tensor[0]);
    memset(m.tensor[0].mask + 784, 0, 784);
    for (size_t r = 0; r < 12; r++)
        m.tensor[0].mask[r * 784 + 5] = 0;
    pare_model_apply_masks(&m);
    assert_int_equal(pare_stats(&mask, &n, &m), 0);
    assert_int_equal(mask[0].dead_outputs, 1);
    assert_true(mask[0].dead_inputs >= 1);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_int_equal(pare_stats(&compact, &k, &m), 0);
    assert_int_equal(k, n);
    assert_memory_equal(compact, mask, n * sizeof *mask);
    free(mask);
    free(compact);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_trend_are_those_of_numpy),
        cmocka_unit_test(a_layer_without_a_mask_is_full),
        cmocka_unit_test(a_bias_has_no_connections),
        cmocka_unit_test(a_map_adds_channels),
        cmocka_unit_test(an_odd_oblong_has_a_trend),
        cmocka_unit_test(nothing_over_nothing_is_no_number),
        cmocka_unit_test(other_sizes_are_in_proportion),
        cmocka_unit_test(statistics_of_a_compact_layer_are_the_same),
    };

    return run_group(tests);
}
