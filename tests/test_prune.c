#include "unit.h"

#include "allocation.h"
#include "amount.h"
#include "grain.h"
#include "ref/prune_ref.h"
#include "small_model.h"
#include "stats.h"
#include "status.h"

/* Options of a plain magnitude pruning. */
static struct pare_prune_options options(enum pare_amount_kind kind,
                                         double amount)
{
    struct pare_prune_options o;

    pare_prune_defaults(&o);
    o.kind = kind;
    o.amount = amount;
    return o;
}

/* Prune, and return how many prunable weights were removed. */
static uint64_t prune(struct pare_model *m, const struct pare_prune_options *o)
{
    struct pare_prune_report r;
    uint64_t removed, before = kept_weights(m);

    if (pare_prune(&r, m, o))
        fail_msg("pare_prune: %s", pare_error());
    assert_masked_is_zero(m);
    removed = r.kept_before - r.kept_after;
    if (!o->bias)
        assert_int_equal(before - kept_weights(m), removed);
    pare_prune_report_release(&r);
    return removed;
}

/* It fails, says `part`, and leaves the model as it was. */
static void refuses(struct pare_model *m, const struct pare_prune_options *o,
                    const char *part)
{
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    struct pare_prune_report r;

    pare_digest_state(before, m);
    assert_int_equal(pare_prune(&r, m, o), PARE_EINVAL);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
    pare_digest_state(after, m);
    assert_string_equal(before, after);
}

/* The network of prune_ref.py. */
static struct pare_model ref_model(void)
{
    struct pare_model m = small_model("6-5-4-3", 1);

    for (uint32_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < m.tensor[2 * k].n; i++)
            m.tensor[2 * k].value[i] =
                (float)((i + 100 * k + 1) * 2654435761u >> 8) * 0x1p-24f - 0.5f;
    return m;
}

static void assert_masks(const struct pare_model *m, const char *want)
{
    char got[64] = "";
    size_t used = 0;

    for (size_t t = 0; t < m->n_tensors; t += 2)
        for (size_t i = 0; i < m->tensor[t].n; i++)
            got[used++] = mask_at(&m->tensor[t], i) ? '1' : '0';
    assert_string_equal(got, want);
}

static void global_masks_are_those_of_pytorch(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.3);
    struct pare_model m = ref_model();

    (void)state;
    prune(&m, &o);
    assert_masks(&m, ref_global[0]);
    prune(&m, &o);
    assert_masks(&m, ref_global[1]);
    o = options(PARE_AMOUNT_COUNT, 7);
    prune(&m, &o);
    assert_masks(&m, ref_global[2]);
    pare_model_release(&m);
}

static void layer_masks_are_those_of_pytorch(void **state)
{
    const struct pare_layer_amount own = {"fc3", 0.1};
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.2);
    struct pare_model m = ref_model();

    (void)state;
    o.allocation = pare_allocation_find("layer");
    o.n_layer = 1;
    o.layer = &own;
    prune(&m, &o);
    assert_masks(&m, ref_layer[0]);
    prune(&m, &o);
    assert_masks(&m, ref_layer[1]);
    pare_model_release(&m);
}

static void unit_masks_are_those_of_pytorch(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.4);
    struct pare_model m = ref_model();

    (void)state;
    o.allocation = pare_allocation_find("layer");
    pare_grain_parse(&o.grain, "unit");
    prune(&m, &o);
    assert_masks(&m, ref_unit_l2[0]);
    prune(&m, &o);
    assert_masks(&m, ref_unit_l2[1]);
    pare_model_release(&m);

    m = ref_model();
    o.kind = PARE_AMOUNT_COUNT;
    o.amount = 1;
    o.norm = PARE_NORM_L1;
    prune(&m, &o);
    assert_masks(&m, ref_unit_l1[0]);
    pare_model_release(&m);
}

static void units_with_pruned_weights_are_scored_by_the_rest(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.5);
    struct pare_model m = ref_model();

    (void)state;
    prune(&m, &o);
    assert_masks(&m, ref_mixed[0]);
    o.amount = 0.4;
    o.allocation = pare_allocation_find("layer");
    pare_grain_parse(&o.grain, "unit");
    prune(&m, &o);
    assert_masks(&m, ref_mixed[1]);
    pare_model_release(&m);
}

/* Frankle and Carbin 2019: 20 % a round, the output layer 10 %. */
static void a_lottery_leaves_the_published_percentages(void **state)
{
    static const double p[] = {100,   80.04, 64.06, 51.28, 41.05, 32.87,
                               26.32, 21.07, 16.88, 13.52, 10.83, 8.68,
                               6.95,  5.57,  4.47,  3.58,  2.87,  2.31,
                               1.85,  1.49,  1.19,  .96};
    const struct pare_layer_amount own = {"fc3", 0.1};
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.2);
    struct pare_model m = small_model("lenet-300-100", 1);

    (void)state;
    o.allocation = pare_allocation_find("layer");
    o.n_layer = 1;
    o.layer = &own;
    for (size_t round = 0; round < sizeof p / sizeof *p; round++) {
        char got[16], want[16];

        snprintf(got, sizeof got, "%.2f",
                 100 * (double)kept_weights(&m) / 266200);
        snprintf(want, sizeof want, "%.2f", p[round]);
        assert_string_equal(got, want);
        prune(&m, &o);
    }
    pare_model_release(&m);
}

static void penguin_counts_are_the_published_ones(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.3);
    struct pare_model m = small_model("12-12-3", 1);

    (void)state;
    assert_int_equal(prune(&m, &o), 54);
    pare_model_release(&m);
    m = small_model("12-12-3", 1);
    o.amount = 0.17;
    assert_int_equal(prune(&m, &o), 31);
    assert_int_equal(prune(&m, &o), 25);
    pare_model_release(&m);
}

static void ties_go_to_the_lower_flat_index(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 5);
    struct pare_model m = small_model("2-2-2", 1);

    (void)state;
    for (size_t t = 0; t < m.n_tensors; t++)
        for (size_t i = 0; i < m.tensor[t].n; i++)
            m.tensor[t].value[i] = i % 2 ? -1.0f : 1.0f;
    prune(&m, &o);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), 0);
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), 3);
    assert_int_equal(m.tensor[2].mask[0], 0);
    assert_null(m.tensor[1].mask);
    pare_model_release(&m);
}

static void a_sparsity_is_final_and_only_removes(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_SPARSITY, 0.5);
    struct pare_model m = small_model("lenet-300-100", 3);
    uint8_t *before;

    (void)state;
    assert_int_equal(prune(&m, &o), 133100);
    before = malloc(m.tensor[0].n);
    memcpy(before, m.tensor[0].mask, m.tensor[0].n);
    assert_int_equal(prune(&m, &o), 0);
    o.amount = 0.9;
    assert_int_equal(prune(&m, &o), 239580 - 133100);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        assert_true(m.tensor[0].mask[i] <= before[i]);
    o.amount = 0.7;
    assert_int_equal(prune(&m, &o), 0);
    o.amount = 1;
    prune(&m, &o);
    assert_int_equal(kept_weights(&m), 0);
    o = options(PARE_AMOUNT_FRACTION, 1);
    assert_int_equal(prune(&m, &o), 0);
    free(before);
    pare_model_release(&m);
}

static void slots_and_checkpoints_are_pruned_too(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_SPARSITY, 0.5);
    struct pare_model m = small_model("4-3-2", 3);

    (void)state;
    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 2), 0);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        m.optim.slot[1][0][i] = 7;
    assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", false), 0);
    prune(&m, &o); /* checks that what is masked is 0 */
    assert_true(pare_tensor_kept(&m.tensor[0]) < m.tensor[0].n);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        assert_close(m.optim.slot[1][0][i], m.tensor[0].mask[i] ? 7 : 0, 0);
    pare_model_release(&m);
}

/* lenet-300-100 has 266,610 parameters, 410 of them biases. */
static void compression_counts_all_parameters(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COMPRESSION, 10);
    struct pare_model m = small_model("lenet-300-100", 4);
    struct pare_prune_report r;

    (void)state;
    o.no_collapse = true;
    assert_int_equal(pare_prune(&r, &m, &o), 0);
    assert_int_equal(kept_weights(&m), 26661 - 410);
    assert_close(r.achieved, 10, 1e-12);
    pare_prune_report_release(&r);
    assert_int_equal(prune(&m, &o), 0);
    o.amount = 700;
    refuses(&m, &o, "the largest is 650.2682");
    o.no_collapse = false;
    o.amount = 650.2682;
    prune(&m, &o);
    assert_int_equal(kept_weights(&m), 0);
    pare_model_release(&m);
}

static void compression_by_layer_keeps_the_same_share(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COMPRESSION, 4);
    struct pare_model m = small_model("lenet-300-100", 4);
    double share = (266610 / 4.0 - 410) / 266200;

    (void)state;
    o.allocation = pare_allocation_find("layer");
    prune(&m, &o);
    for (size_t t = 0; t < m.n_tensors; t += 2)
        assert_close(pare_tensor_kept(&m.tensor[t]),
                     share * (double)m.tensor[t].n, 0.51);
    pare_model_release(&m);
}

static void layers_left_alone_count_as_kept_for_compression(void **state)
{
    const char *const skip[] = {"fc1"};
    const struct pare_layer_amount own[] = {{"fc2", 5}};
    struct pare_prune_options o = options(PARE_AMOUNT_COMPRESSION, 1.1);
    struct pare_model m = small_model("lenet-300-100", 4);

    (void)state;
    o.n_skip = 1;
    o.skip = skip;
    o.n_layer = 1;
    o.layer = own;
    prune(&m, &o);
    /* fc2: 30,100 parameters, 6,020 stay; all: 266,610 / 1.1. */
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), 6020 - 100);
    assert_int_equal(kept_weights(&m), 242373 - 410);
    o.amount = 2;
    refuses(&m, &o, "the largest is 1.1");
    pare_model_release(&m);
}

/* ShrinkBench's MnistNet: what may stay of its prunable weights. */
static void compression_shares_are_those_of_shrinkbench(void **state)
{
    static const struct {
        double ratio, share;
    } want[] = {{2, .494121},  {4, .241181},  {8, .114711},
                {16, .051476}, {32, .019859}, {64, .004050}};
    uint64_t keep;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(
            pare_amount_compression(&keep, want[i].ratio, 431080, 5010, 426070),
            0);
        assert_close((double)keep / 426070, want[i].share, 2e-6);
    }
    assert_int_equal(pare_amount_compression(&keep, 87, 431080, 5010, 426070),
                     PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "the largest is 86.04"));
}

/* Parameters left when dead units are taken out: in x out of the living. */
static double live_parameters(const struct pare_model *m)
{
    struct pare_stats_row *row;
    double sum = 0, in = 784;
    size_t n;

    assert_int_equal(pare_stats(&row, &n, m), 0);
    for (size_t i = 0; i + 1 < n; i++) {
        const struct pare_layer *l = &m->arch.layer[row[i].layer];
        double out = (double)(l->out.dim[0] - row[i].dead_outputs);

        sum += in * out;
        in = out;
    }
    free(row);
    return sum;
}

static void unit_pruning_leaves_the_published_live_parameters(void **state)
{
    static const struct {
        double k, live, zero;
    } want[] = {{.25, 1489500, 24.98}, {.5, 793000, 49.96}, {.6, 570400, 59.95},
                {.7, 379800, 69.94},   {.8, 221200, 79.93}, {.9, 94600, 89.92},
                {.95, 43300, 94.92},   {.97, 25020, 96.92}, {.99, 8020, 98.92}};
    struct pare_prune_options o = options(PARE_AMOUNT_SPARSITY, 0);
    struct pare_model m = small_model("challenge-mlp", 1);

    (void)state;
    o.allocation = pare_allocation_find("layer");
    pare_grain_parse(&o.grain, "unit");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double zero;

        o.amount = want[i].k;
        prune(&m, &o);
        zero = 100 * (1 - (double)kept_weights(&m) / 2386000);
        assert_close(live_parameters(&m), want[i].live, 0);
        assert_close(zero, want[i].zero, 0.0051);
    }
    pare_model_release(&m);
}

static void units_take_their_bias_only_when_asked(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 2);
    struct pare_model m = small_model("4-5-3", 8);

    (void)state;
    pare_grain_parse(&o.grain, "unit");
    assert_int_equal(prune(&m, &o), 8);
    assert_null(m.tensor[1].mask);
    o.bias = true;
    o.amount = 5;
    /* Units with nothing but a bias are left: 5 biases, 12 weights. */
    assert_int_equal(prune(&m, &o), 17);
    assert_int_equal(pare_tensor_kept(&m.tensor[1]), 0);
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), 15);
    pare_model_release(&m);
}

static void biases_are_pruned_when_asked(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.5);
    struct pare_model m = small_model("4-5-3", 8);

    (void)state;
    m.tensor[1].value[2] = 1e-6f;
    m.tensor[3].value[0] = 100;
    o.bias = true;
    assert_int_equal(prune(&m, &o), 22); /* of 43 */
    assert_int_equal(m.tensor[1].mask[2], 0);
    assert_int_equal(mask_at(&m.tensor[3], 0), 1);
    pare_model_release(&m);
}

static void sparsity_takes_the_fewest_units_that_reach_it(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_SPARSITY, 0.42);
    struct pare_model m = small_model("10-5-4-2", 8);

    (void)state;
    pare_grain_parse(&o.grain, "unit");
    o.allocation = pare_allocation_find("layer");
    /* fc1: 21 of 50 asked, 3 units of 10; fc2: 8 of 20, 2 units of 5. */
    assert_int_equal(prune(&m, &o), 40);
    assert_int_equal(pare_tensor_kept(&m.tensor[4]), 8);
    pare_model_release(&m);
}

static void the_output_layer_keeps_its_units_unless_named(void **state)
{
    const char *const only[] = {"fc2"};
    const struct pare_layer_amount own = {"fc2", 1};
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 1);
    struct pare_model m = small_model("4-5-3", 8);

    (void)state;
    pare_grain_parse(&o.grain, "unit");
    o.n_layer = 1;
    o.layer = &own;
    refuses(&m, &o, "'fc2'");
    o.n_layer = 0;
    o.n_only = 1;
    o.only = only;
    assert_int_equal(prune(&m, &o), 5);
    assert_null(m.tensor[0].mask);
    pare_model_release(&m);
}

static void draws_follow_the_seed_and_are_fair(void **state)
{
    enum { ROUNDS = 4000 };
    int count[20] = {0};
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 5);

    (void)state;
    assert_int_equal(pare_criterion_parse(&o.criterion, "random"), 0);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct pare_model m = small_model("4-5", 1);

        o.input.seed = seed;
        prune(&m, &o);
        for (size_t i = 0; i < 20; i++)
            count[i] += !m.tensor[0].mask[i];
        pare_model_release(&m);
    }
    for (size_t i = 0; i < 20; i++) /* mean 1000, deviation 27 */
        assert_in_range(count[i], 880, 1120);
}

static void the_same_seed_draws_the_same(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.5);
    char digest[3][PARE_DIGEST_LEN];

    (void)state;
    assert_int_equal(pare_criterion_parse(&o.criterion, "random"), 0);
    for (int i = 0; i < 3; i++) {
        struct pare_model m = small_model("30-20-10", 1);

        o.input.seed = i == 2 ? 99 : 5;
        prune(&m, &o);
        pare_digest_state(digest[i], &m);
        pare_model_release(&m);
    }
    assert_string_equal(digest[0], digest[1]);
    assert_string_not_equal(digest[0], digest[2]);
}

static void random_units_do_not_go_by_their_size(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 1);
    int first = 0;

    (void)state;
    assert_int_equal(pare_criterion_parse(&o.criterion, "random"), 0);
    pare_grain_parse(&o.grain, "unit");
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct pare_model m = small_model("40-4-4-2", 1);

        o.input.seed = seed;
        first += prune(&m, &o) == 40;
        pare_model_release(&m);
    }
    assert_in_range(first, 430, 570);
}

/* Scores of a linear layer by hand: |w (softmax - target) x|. */
static void gradient_scores_are_weight_times_gradient(void **state)
{
    float x[6] = {1, -2, 0.5f, 0.25f, 3, -1}; /* 2 samples of 3 */
    int32_t y[2] = {1, 0};
    struct pare_dataset d = {.shape = {1, {3}},
                             .features = 3,
                             .type = PARE_X_F32,
                             .n_classes = 2,
                             .norm = {.scale = 1},
                             .split[PARE_TRAIN] = {.n = 2, .x = x, .y = y}};
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 3);
    struct pare_model m = small_model("3-2", 5);
    double score[6] = {0};
    float w[6];

    (void)state;
    assert_int_equal(pare_criterion_parse(&o.criterion, "gradient"), 0);
    refuses(&m, &o, "needs data");
    o.input.data = &d;
    o.input.calibrate = 3;
    refuses(&m, &o, "the training split has 2");
    o.input.calibrate = 2;
    memcpy(w, m.tensor[0].value, sizeof w);
    for (int s = 0; s < 2; s++) {
        double z[2], sum = 0;

        for (int c = 0; c < 2; c++) {
            z[c] = (double)m.tensor[1].value[c];
            for (int j = 0; j < 3; j++)
                z[c] += (double)w[3 * c + j] * (double)x[3 * s + j];
            z[c] = exp(z[c]);
            sum += z[c];
        }
        for (int i = 0; i < 6; i++)
            score[i] += (z[i / 3] / sum - (i / 3 == y[s])) *
                        (double)x[3 * s + i % 3] * (double)w[i] / 2;
    }
    prune(&m, &o);
    for (int i = 0; i < 6; i++) {
        int lower = 0;

        for (int j = 0; j < 6; j++)
            lower += fabs(score[j]) < fabs(score[i]);
        assert_int_equal(m.tensor[0].mask[i], lower >= 3);
    }
    pare_model_release(&m);
}

static void globs_choose_layers(void **state)
{
    const char *const skip[] = {"fc[23]"}, *const bad[] = {"conv*"};
    const struct pare_layer_amount own[] = {{"fc*", 0.5}, {"fc3", 0.25}};
    struct pare_prune_options o = options(PARE_AMOUNT_FRACTION, 0.4);
    struct pare_model m = small_model("10-10-8-6", 1);

    (void)state;
    o.n_skip = 1;
    o.skip = skip;
    assert_int_equal(prune(&m, &o), 40);
    assert_null(m.tensor[2].mask);
    o.skip = bad;
    refuses(&m, &o, "'conv*' matches no prunable layer; there are: fc1, fc2");
    o.n_skip = 0;
    o.n_layer = 2;
    o.layer = own;
    o.amount = (double)NAN;
    prune(&m, &o);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), 30);
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), 40);
    assert_int_equal(pare_tensor_kept(&m.tensor[4]), 36);
    o.layer = own + 1;
    o.n_layer = 1;
    assert_int_equal(prune(&m, &o), 9);
    pare_model_release(&m);
}

static void amounts_outside_their_range_are_refused(void **state)
{
    static const struct {
        enum pare_amount_kind kind;
        double amount;
        const char *part;
    } bad[] = {
        {PARE_AMOUNT_SPARSITY, 1.01, "sparsity 1.01"},
        {PARE_AMOUNT_SPARSITY, -0.1, "sparsity -0.1"},
        {PARE_AMOUNT_FRACTION, 1.5, "fraction 1.5"},
        {PARE_AMOUNT_COMPRESSION, 0.99, "at least 1"},
        {PARE_AMOUNT_COMPRESSION, (double)INFINITY, "compression inf"},
        {PARE_AMOUNT_COUNT, 2.5, "whole number"},
        {PARE_AMOUNT_COUNT, 36, "35 remain"},
    };
    struct pare_model m = small_model("4-5-3", 8);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pare_prune_options o = options(bad[i].kind, bad[i].amount);

        refuses(&m, &o, bad[i].part);
    }
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, (double)NAN);
    refuses(&m, &o, "no amount");
    pare_model_release(&m);
}

static void a_layer_does_not_collapse_where_that_is_forbidden(void **state)
{
    struct pare_prune_options o = options(PARE_AMOUNT_COUNT, 20);
    struct pare_model m = small_model("4-5-3", 8);
    struct pare_prune_report r;

    (void)state;
    for (size_t i = 0; i < 20; i++)
        m.tensor[0].value[i] *= 1e-3f;
    o.no_collapse = true;
    refuses(&m, &o, "fc1");
    o.no_collapse = false;
    assert_int_equal(pare_prune(&r, &m, &o), 0);
    assert_int_equal(r.n_rows, 2);
    assert_int_equal(r.row[0].kept_after, 0);
    assert_int_equal(r.row[1].kept_after, 15);
    pare_prune_report_release(&r);
    /* What is empty already is no reason to refuse. */
    o.no_collapse = true;
    o.amount = 3;
    assert_int_equal(prune(&m, &o), 3);
    pare_model_release(&m);
}

static void tables_know_their_rows(void **state)
{
    struct pare_grain g;

    (void)state;
    assert_int_equal(pare_grain_parse(&g, "filter"), 0);
    assert_string_equal(g.canon, "unit");
    assert_int_equal(pare_grain_parse(&g, "units"), PARE_EINVAL);
    assert_string_equal(pare_grain_kind(0)->name, "weight");
    assert_null(pare_grain_kind(5));
    assert_null(pare_allocation(7));
    assert_null(pare_allocation_find("fair"));
    assert_null(pare_criterion_find("luck"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_masks_are_those_of_pytorch),
        cmocka_unit_test(layer_masks_are_those_of_pytorch),
        cmocka_unit_test(unit_masks_are_those_of_pytorch),
        cmocka_unit_test(units_with_pruned_weights_are_scored_by_the_rest),
        cmocka_unit_test(a_lottery_leaves_the_published_percentages),
        cmocka_unit_test(penguin_counts_are_the_published_ones),
        cmocka_unit_test(ties_go_to_the_lower_flat_index),
        cmocka_unit_test(a_sparsity_is_final_and_only_removes),
        cmocka_unit_test(slots_and_checkpoints_are_pruned_too),
        cmocka_unit_test(compression_counts_all_parameters),
        cmocka_unit_test(compression_by_layer_keeps_the_same_share),
        cmocka_unit_test(layers_left_alone_count_as_kept_for_compression),
        cmocka_unit_test(compression_shares_are_those_of_shrinkbench),
        cmocka_unit_test(unit_pruning_leaves_the_published_live_parameters),
        cmocka_unit_test(units_take_their_bias_only_when_asked),
        cmocka_unit_test(biases_are_pruned_when_asked),
        cmocka_unit_test(sparsity_takes_the_fewest_units_that_reach_it),
        cmocka_unit_test(the_output_layer_keeps_its_units_unless_named),
        cmocka_unit_test(draws_follow_the_seed_and_are_fair),
        cmocka_unit_test(the_same_seed_draws_the_same),
        cmocka_unit_test(random_units_do_not_go_by_their_size),
        cmocka_unit_test(gradient_scores_are_weight_times_gradient),
        cmocka_unit_test(globs_choose_layers),
        cmocka_unit_test(amounts_outside_their_range_are_refused),
        cmocka_unit_test(a_layer_does_not_collapse_where_that_is_forbidden),
        cmocka_unit_test(tables_know_their_rows),
    };

    return run_group(tests);
}
