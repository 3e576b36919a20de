#include "unit.h"

#include "small_model.h"
#include "stats.h"

/* 3-2-2 with biases: fc1 2x3, fc2 2x2. */
static void a_small_network_is_counted_by_hand(void **state)
{
    struct pare_model m = small_model("3-2-2", 1);
    struct pare_stats_row *row;
    size_t n;

    (void)state;
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    memcpy(m.tensor[0].mask, (uint8_t[]){0, 1, 0, 0, 0, 0}, 6);
    pare_model_apply_masks(&m);
    m.tensor[3].value[0] = 0; /* a kept bias that happens to be 0 */
    m.tensor[2].value[1] = 0; /* a kept weight that happens to be 0 */
    assert_int_equal(pare_stats(&row, &n, &m), 0);
    assert_int_equal(n, 3);

    assert_int_equal(row[0].layer, 0);
    assert_int_equal(row[0].params, 8);
    assert_int_equal(row[0].kept, 3);
    assert_int_equal(row[0].nonzero, 3);
    assert_int_equal(row[0].prunable, 6);
    assert_int_equal(row[0].prunable_kept, 1);
    assert_int_equal(row[0].dead_inputs, 2);
    assert_int_equal(row[0].dead_outputs, 1);
    assert_close(row[0].macs, 6, 0);
    assert_close(row[0].nonzero_macs, 1, 1e-12);

    assert_int_equal(row[1].kept, 6);
    assert_int_equal(row[1].nonzero, 4);
    assert_int_equal(row[1].dead_inputs + row[1].dead_outputs, 0);
    assert_close(row[1].nonzero_macs, 3, 1e-12);

    assert_true(row[2].layer == SIZE_MAX);
    assert_int_equal(row[2].params, 14);
    assert_int_equal(row[2].kept, 9);
    assert_int_equal(row[2].nonzero, 7);
    assert_int_equal(row[2].prunable, 10);
    assert_int_equal(row[2].prunable_kept, 5);
    assert_close(row[2].macs, 10, 0);
    assert_close(pare_stats_compression(&row[2]), 14.0 / 7, 1e-12);
    assert_close(pare_stats_speedup(&row[2]), 10.0 / 4, 1e-12);
    free(row);
    pare_model_release(&m);
}

static void running_statistics_are_no_parameters(void **state)
{
    struct pare_model m = small_model("in(4) linear(3) batchnorm relu "
                                      "linear(2)",
                                      2);
    struct pare_stats_row *row;
    size_t n;

    (void)state;
    assert_int_equal(pare_stats(&row, &n, &m), 0);
    assert_int_equal(n, 4);
    assert_int_equal(row[0].params, 15);
    assert_int_equal(row[1].params, 6);
    assert_int_equal(row[1].prunable, 0);
    assert_close(row[1].macs, 0, 0);
    assert_int_equal(row[3].params, 29);
    assert_close(row[3].macs, 18, 0);
    free(row);
    pare_model_release(&m);
}

static void an_all_zero_network_compresses_without_end(void **state)
{
    struct pare_model m = small_model("in(2) linear(2, bias=no)", 3);
    struct pare_stats_row *row;
    size_t n;

    (void)state;
    memset(m.tensor[0].value, 0, 4 * sizeof(float));
    assert_int_equal(pare_stats(&row, &n, &m), 0);
    assert_true(isinf(pare_stats_compression(&row[n - 1])));
    assert_true(isinf(pare_stats_speedup(&row[n - 1])));
    free(row);
    pare_model_release(&m);
}

/* Two groups of two channels each; 4 filters of 2 channels x 1x2 taps. */
static void dead_channels_of_a_convolution_are_those_of_its_group(void **state)
{
    struct pare_model m = small_model("in(4,3,3) conv2d(4,1x2,groups=2) "
                                      "linear(2)",
                                      4);
    struct pare_stats_row *row;
    size_t n;

    (void)state;
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    memcpy(m.tensor[0].mask,
           (uint8_t[]){0, 0, 0, 1,  /* reads channel 1 */
                       0, 0, 0, 0,  /* dead */
                       1, 0, 0, 0,  /* reads channel 2 */
                       0, 1, 0, 0}, /* and again */
           16);
    pare_model_apply_masks(&m);
    assert_int_equal(pare_stats(&row, &n, &m), 0);
    assert_int_equal(row[0].prunable, 16);
    assert_int_equal(row[0].prunable_kept, 3);
    assert_int_equal(row[0].dead_outputs, 1);
    assert_int_equal(row[0].dead_inputs, 2);
    assert_close(row[0].macs, 16 * 3 * 2, 0);
    assert_close(row[0].nonzero_macs, 3 * 3 * 2, 1e-12);
    assert_int_equal(row[1].dead_inputs, 0);
    assert_close(row[1].macs, 4 * 3 * 2 * 2, 0);
    free(row);
    pare_model_release(&m);
}

/* The figures of ShrinkBench's paper assume pad and are 4,397,000. */
static void mnistnet_takes_2293000_multiply_adds(void **state)
{
    static const struct {
        const char *text;
        double macs;
    } net[] = {
        {"mnistnet", 2293000},
        {"in(8,9,9) conv2d(8,3,pad=1,groups=4)", 8 * 2 * 9 * 81},
        {"in(8,9,9) conv2d(8,3,stride=2,pad=1)", 8 * 8 * 9 * 25},
        {"in(8,9) conv1d(6,3)", 8 * 6 * 3 * 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof net[0]; i++) {
        struct pare_model m = small_model(net[i].text, 5);
        struct pare_stats_row *row;
        size_t n;

        assert_int_equal(pare_stats(&row, &n, &m), 0);
        assert_close(row[n - 1].macs, net[i].macs, 0);
        free(row);
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_network_is_counted_by_hand),
        cmocka_unit_test(running_statistics_are_no_parameters),
        cmocka_unit_test(dead_channels_of_a_convolution_are_those_of_its_group),
        cmocka_unit_test(mnistnet_takes_2293000_multiply_adds),
        cmocka_unit_test(an_all_zero_network_compresses_without_end),
    };

    return run_group(tests);
}
