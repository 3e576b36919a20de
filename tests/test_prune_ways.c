#include "unit.h"

#include "prune.h"
#include "select.h"
#include "ref/prune_ways_ref.h"
#include "small_model.h"
#include "status.h"

#define MNISTNET                                                               \
    "in(1,28,28) conv2d(20,5) maxpool(2) conv2d(50,5) maxpool(2) "             \
    "flatten linear(500) linear(10)"

/* The weights of the reference: a Weyl sequence around 0. */
static void weyl(float *w, size_t n, uint64_t seed, double factor)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)(i * 2654435761u + seed);

        w[i] =
            (float)((double)(float)((double)x / 4294967296.0 - 0.5) * factor);
    }
}

static struct pare_prune_options options(const char *grain,
                                         const char *allocation, double s)
{
    struct pare_prune_options o;

    pare_prune_defaults(&o);
    assert_int_equal(pare_grain_parse(&o.grain, grain), 0);
    o.allocation = pare_allocation_find(allocation);
    assert_non_null(o.allocation);
    o.amount = s;
    return o;
}

static void prune(struct pare_model *m, const struct pare_prune_options *o)
{
    struct pare_prune_report r;

    if (pare_prune(&r, m, o))
        fail_msg("pare_prune: %s", pare_error());
    assert_masked_is_zero(m);
    pare_prune_report_release(&r);
}

static void fails(struct pare_model *m, const struct pare_prune_options *o,
                  const char *part)
{
    struct pare_prune_report r;
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

    assert_int_equal(pare_digest_state(before, m), 0);
    assert_int_equal(pare_prune(&r, m, o), PARE_EINVAL);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
    assert_int_equal(pare_digest_state(after, m), 0);
    assert_string_equal(before, after);
}

/* Kept weights of the i-th prunable tensor. */
static size_t kept_of(const struct pare_model *m, size_t i)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]) && i-- == 0)
            return pare_tensor_kept(&m->tensor[t]);
    fail_msg("no such tensor");
    return 0;
}

/* ---- grains ---- */

static void of_each_four_two_are_kept(void **state)
{
    struct pare_model m = small_model("8-3-2", 1);
    struct pare_prune_options o = options("2:4", "global", (double)NAN);
    const float w[8] = {4, -3, 1, 2, 1, 1, 1, 1};
    const uint8_t want[8] = {1, 1, 0, 0, 0, 0, 1, 1};

    (void)state;
    memcpy(m.tensor[0].value, w, sizeof w);
    o.n_only = 1;
    o.only = (const char *[]){"fc1"};
    prune(&m, &o);
    assert_memory_equal(m.tensor[0].mask, want, sizeof want);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), 12);
    assert_null(m.tensor[2].mask);
    pare_model_release(&m);
}

static void groups_of_a_filter_run_over_its_input_channels(void **state)
{
    struct pare_model m = small_model("in(8,4,4) conv2d(3,2) flatten", 1);
    struct pare_prune_options o = options("2:4", "global", (double)NAN);

    (void)state;
    weyl(m.tensor[0].value, m.tensor[0].n, 7, 1);
    prune(&m, &o);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        assert_int_equal(m.tensor[0].mask[i], ref_2_of_4[i] - '0');
    pare_model_release(&m);
}

static void groups_that_are_thin_already_are_left(void **state)
{
    struct pare_model m = small_model("8-1", 1);
    struct pare_prune_options o = options("2:4", "global", (double)NAN);
    const uint8_t had[8] = {1, 0, 0, 0, 1, 1, 1, 0};

    (void)state;
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    memcpy(m.tensor[0].mask, had, sizeof had);
    pare_model_apply_masks(&m);
    prune(&m, &o);
    assert_int_equal(m.tensor[0].mask[0], 1);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), 3);
    pare_model_release(&m);
}

static void a_short_group_needs_partial(void **state)
{
    struct pare_model m = small_model("10-4-2", 1);
    struct pare_prune_options o = options("2:4", "global", (double)NAN);

    (void)state;
    fails(&m, &o, "2:4 does not divide the 10 inputs of fc1.weight");
    o.partial = true;
    prune(&m, &o);
    /* 2 + 2 + 2 of 10 in each of 4 rows, and 2 of 4 in each of 2. */
    assert_int_equal(kept_of(&m, 0), 24);
    assert_int_equal(kept_of(&m, 1), 4);
    pare_model_release(&m);
}

static void groups_take_no_amount_no_bounds_and_no_biases(void **state)
{
    struct pare_model m = small_model("8-4-2", 1);
    struct pare_prune_options o = options("2:4", "global", 0.5);
    const struct pare_layer_amount bound = {"fc1", 0.5};

    (void)state;
    fails(&m, &o, "2:4 says itself how much goes");
    o.amount = (double)NAN;
    o.n_max = 1;
    o.max = &bound;
    fails(&m, &o, "no bounds");
    o.n_max = 0;
    o.bias = true;
    fails(&m, &o, "biases have no groups");
    o.bias = false;
    assert_int_equal(pare_criterion_parse(&o.criterion, "synflow"), 0);
    fails(&m, &o, "use synflow,rounds=1");
    pare_model_release(&m);
}

static void blocks_go_by_the_norm_of_their_weights(void **state)
{
    struct pare_model m = small_model("10-6", 1);
    struct pare_prune_options o = options("block:2x3", "global", (double)NAN);
    size_t per_row = 4, gone = sizeof ref_blocks / sizeof ref_blocks[0];

    (void)state;
    weyl(m.tensor[0].value, m.tensor[0].n, 77, 1);
    o.kind = PARE_AMOUNT_COUNT;
    o.amount = (double)gone;
    fails(&m, &o, "blocks of 2 x 3 do not divide fc1.weight, 6 x 10");
    o.partial = true;
    prune(&m, &o);
    for (size_t i = 0; i < m.tensor[0].n; i++) {
        size_t block = i / 10 / 2 * per_row + i % 10 / 3;
        bool want = true;

        for (size_t k = 0; k < gone; k++)
            want = want && block != (size_t)ref_blocks[k];
        assert_int_equal(m.tensor[0].mask[i], want);
    }
    pare_model_release(&m);
}

static void a_channel_is_what_reads_an_input(void **state)
{
    struct pare_model m = small_model("3-2", 1);
    struct pare_prune_options o = options("channel", "global", 1);
    const float w[6] = {3, 1, 2, 3, 1.5f, -2};
    const uint8_t want[6] = {1, 0, 1, 1, 0, 1};

    (void)state;
    memcpy(m.tensor[0].value, w, sizeof w);
    o.kind = PARE_AMOUNT_COUNT;
    prune(&m, &o);
    assert_memory_equal(m.tensor[0].mask, want, sizeof want);
    pare_model_release(&m);
}

static void groups_of_a_convolution_have_channels_of_their_own(void **state)
{
    struct pare_model m =
        small_model("in(4,3,3) conv2d(4,2,groups=2) flatten", 1);
    struct pare_prune_options o = options("channel", "global", 1);
    struct pare_tensor *t = &m.tensor[0];

    (void)state;
    /* Weights of group 1, its second channel: rows 2, 3, columns 4 to 7. */
    for (size_t i = 0; i < t->n; i++)
        t->value[i] = i / 8 >= 2 && i % 8 >= 4 ? 0.1f : 1;
    o.kind = PARE_AMOUNT_COUNT;
    prune(&m, &o);
    for (size_t i = 0; i < t->n; i++)
        assert_int_equal(t->mask[i], !(i / 8 >= 2 && i % 8 >= 4));
    pare_model_release(&m);
}

static void norms_per_weight_compare_units_of_all_sizes(void **state)
{
    /* fc1 has 2 inputs, fc2 has 8: by their L2 norm the units of fc1 go. */
    struct pare_model m = small_model("2-8-4-2", 1);
    struct pare_prune_options o = options("unit", "global", 4);

    (void)state;
    for (size_t i = 0; i < 16; i++)
        m.tensor[0].value[i] = 1;
    for (size_t i = 0; i < 32; i++)
        m.tensor[2].value[i] = 0.9f;
    o.kind = PARE_AMOUNT_COUNT;
    o.norm = PARE_NORM_RMS;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 16);
    assert_int_equal(kept_of(&m, 1), 0);
    o.norm = PARE_NORM_L2;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 8);
    pare_model_release(&m);
}

static void grains_are_parsed_strictly(void **state)
{
    static const char *const bad[] = {
        "2:2",        "0:4",     "2:",       ":4",        "2:4:8", "-1:4",
        "2 :4",       "block",   "block:4",  "block:0x1", "units", "",
        "block:4x1x", "weights", "block:x4", "02:4",      "2:+4"};
    struct pare_grain g;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pare_grain_parse(&g, bad[i]) != PARE_EINVAL)
            fail_msg("'%s' is taken for %s", bad[i], g.canon);
    assert_int_equal(pare_grain_parse(&g, "block:16x4"), 0);
    assert_string_equal(g.canon, "block:16x4");
    assert_true(g.a == 16 && g.b == 4);
    assert_int_equal(pare_grain_parse(&g, "neuron"), 0);
    assert_string_equal(g.canon, "unit");
}

/* ---- allocations ---- */

/* Kept counts are those of the reference's densities, and sum up exactly. */
static void check_densities(const char *allocation, double sparsity,
                            const double *density)
{
    struct pare_model m = small_model(MNISTNET, 3);
    struct pare_prune_options o = options("weight", allocation, sparsity);
    const double size[4] = {500, 25000, 400000, 5000};
    uint64_t kept = 0;

    prune(&m, &o);
    for (size_t i = 0; i < 4; i++) {
        assert_close((double)kept_of(&m, i), density[i] * size[i], 1.0);
        kept += kept_of(&m, i);
    }
    assert_int_equal(kept, 430500 - pare_round_count(sparsity * 430500));
    pare_model_release(&m);
}

static void random_sparse_densities_are_those_of_the_reference(void **state)
{
    (void)state;
    check_densities("er", 0.5, ref_er_50);
    check_densities("er", 0.9, ref_er_90);
    check_densities("er", 0.98, ref_er_98);
    check_densities("erk", 0.5, ref_erk_50);
    check_densities("erk", 0.9, ref_erk_90);
    check_densities("erk", 0.98, ref_erk_98);
}

static void uniform_plus_spares_the_ends(void **state)
{
    struct pare_model m = small_model(MNISTNET, 3);
    struct pare_prune_options o = options("weight", "uniform+", 0.9);

    (void)state;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 500);
    assert_int_equal(kept_of(&m, 3), 1000);
    /* 43,050 are kept: 41,550 over 425,000. */
    assert_close((double)kept_of(&m, 1), 25000 * 41550.0 / 425000, 1.0);
    assert_int_equal(kept_weights(&m), 43050);
    pare_model_release(&m);
}

static void lamp_scores_are_those_of_the_reference(void **state)
{
    const double sparsity[3] = {0.5, 0.9, 0.98};
    const double *const want[3] = {ref_lamp_50, ref_lamp_90, ref_lamp_98};

    (void)state;
    for (int k = 0; k < 6; k++) {
        struct pare_model m = small_model("20-30-12-5", 1);
        struct pare_prune_options o =
            options("weight", k < 3 ? "lamp" : "global", sparsity[k % 3]);

        if (k >= 3) /* the same by the criterion of that name */
            assert_int_equal(pare_criterion_parse(&o.criterion, "lamp"), 0);
        for (size_t i = 0; i < 3; i++)
            weyl(m.tensor[2 * i].value, m.tensor[2 * i].n, 1000 * (i + 1),
                 (double)i + 1);
        prune(&m, &o);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(kept_of(&m, i), want[k % 3][i]);
        pare_model_release(&m);
    }
}

static void give_curve(struct pare_model *m, size_t layer,
                       const double *sparsity, const double *loss, size_t n)
{
    struct pare_curve c = {.layer = layer, .n = n};

    c.sparsity = malloc(n * sizeof(double));
    c.loss = malloc(n * sizeof(double));
    c.accuracy = calloc(n, sizeof(double));
    memcpy(c.sparsity, sparsity, n * sizeof(double));
    memcpy(c.loss, loss, n * sizeof(double));
    m->curve = realloc(m->curve, (m->n_curves + 1) * sizeof *m->curve);
    m->curve[m->n_curves++] = c;
}

static void a_curve_tells_how_far_a_layer_goes(void **state)
{
    struct pare_model m = small_model("10-10-10", 1);
    struct pare_prune_options o = options("weight", "sensitivity", 0.5);
    const double loss[2][4] = {{1, 1, 2, 4}, {1, 2, 4, 6}};
    const double point[4] = {0, 0.3, 0.6, 3 * 0.3};

    (void)state;
    fails(&m, &o, "no curve of layer fc1");
    for (size_t k = 0; k < 2; k++)
        give_curve(&m, m.tensor[2 * k].layer, point, loss[k], 4);
    /* A rise of 1: fc1 to .6, fc2 to .3, together .45; of 2: .75 and .45. */
    o.amount = 0.45;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 40);
    assert_int_equal(kept_of(&m, 1), 70);
    o.amount = 0.6;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 25);
    assert_int_equal(kept_of(&m, 1), 55);
    o.amount = 0.95;
    fails(&m, &o, "the nearest is 20");
    pare_model_release(&m);
}

static void less_than_what_costs_nothing_is_divided_in_proportion(void **state)
{
    struct pare_model m = small_model("10-10-10", 1);
    struct pare_prune_options o = options("weight", "sensitivity", 0);
    const double loss[2][3] = {{1, 0.9, 2}, {1, 1, 3}};
    const double point[2][3] = {{0, 0.6, 0.9}, {0, 0.2, 0.9}};

    (void)state;
    for (size_t k = 0; k < 2; k++)
        give_curve(&m, m.tensor[2 * k].layer, point[k], loss[k], 3);
    /* No rise up to .6 and .2, together .4. */
    prune(&m, &o);
    assert_int_equal(kept_weights(&m), 200);
    o.amount = 0.1;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 85);
    assert_int_equal(kept_of(&m, 1), 95);
    o.amount = 0.4;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 40);
    assert_int_equal(kept_of(&m, 1), 80);
    pare_model_release(&m);
}

/* ---- bounds ---- */

static void bounds_are_kept_and_others_make_up(void **state)
{
    struct pare_model m = small_model("20-30-12-5", 5);
    struct pare_prune_options o = options("weight", "global", 0.9);
    const struct pare_layer_amount most[2] = {{"*", 0.95}, {"fc3", 0.5}};
    const struct pare_layer_amount least = {"fc1", 0.94};

    (void)state;
    for (size_t i = 0; i < 60; i++)
        m.tensor[4].value[i] *= 0.01f; /* fc3 would lose everything */
    o.n_max = 2;
    o.max = most;
    o.n_min = 1;
    o.min = &least;
    prune(&m, &o);
    assert_int_equal(kept_weights(&m), 102); /* of 1,020 */
    assert_int_equal(kept_of(&m, 2), 30);
    assert_in_range(kept_of(&m, 0), 30, 36);
    pare_model_release(&m);
}

static void a_floor_keeps_layers_alive(void **state)
{
    struct pare_model m = small_model("20-30-12-5", 5);
    struct pare_prune_options o = options("weight", "global", 0.99);

    (void)state;
    for (size_t i = 0; i < 60; i++)
        m.tensor[4].value[i] *= 0.01f;
    o.floor = 3;
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 2), 3);
    assert_int_equal(kept_weights(&m), 10);
    pare_model_release(&m);

    m = small_model("20-30-12-5", 5);
    assert_int_equal(pare_grain_parse(&o.grain, "unit"), 0);
    o.floor = 2;
    o.amount = 0.999;
    o.kind = PARE_AMOUNT_SPARSITY;
    fails(&m, &o, "the nearest sparsity is about 0.8958"); /* 1 - 100 / 960 */
    o.kind = PARE_AMOUNT_COUNT;
    o.amount = 38; /* of 30 + 12 units */
    prune(&m, &o);
    assert_int_equal(kept_of(&m, 0), 2 * 20);
    assert_int_equal(kept_of(&m, 1), 2 * 30);
    pare_model_release(&m);
}

static void bounds_that_exclude_each_other_are_told(void **state)
{
    struct pare_model m = small_model("20-30-12-5", 5);
    struct pare_prune_options o = options("weight", "global", 0.9);
    const struct pare_layer_amount most = {"fc*", 0.5}, least = {"fc2", 0.8};
    const struct pare_layer_amount own = {"fc2", 0.9};

    (void)state;
    o.n_max = 1;
    o.max = &most;
    fails(&m, &o, "the nearest sparsity is about 0.5000");
    o.n_max = 0;
    o.floor = 20;
    o.amount = 0.95; /* 20 of 600, of 360 and of 60 stay at least */
    fails(&m, &o, "the nearest sparsity is about 0.9412");
    o.floor = 0;
    o.amount = 0.9;
    o.n_max = 1;
    o.n_min = 1;
    o.min = &least;
    fails(&m, &o, "fc2 is to have a sparsity of at least 0.8 and of at most");
    o.n_min = 0;
    o.amount = 0.4;
    o.n_layer = 1;
    o.layer = &own;
    fails(&m, &o, "fc2: its amount and its bounds exclude each other");
    pare_model_release(&m);
}

/* ---- amounts ---- */

/* Parameters of all the layers that lose some, masked or not. */
static uint64_t kept_params(const struct pare_model *m)
{
    uint64_t kept = 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        kept += pare_tensor_kept(&m->tensor[t]);
    return kept;
}

static void fractions_of_a_compression_are_shrinkbenchs(void **state)
{
    /* c, and the fraction that stays of all but the last layer, biases too;
       Source: Blalock et al. 2020, arXiv:2003.03033, worked out by hand. */
    static const double want[6][2] = {{2, .494121},  {4, .241181},
                                      {8, .114711},  {16, .051476},
                                      {32, .019859}, {64, .004050}};
    const char *last = "fc2";

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct pare_model m = small_model(MNISTNET, i);
        struct pare_prune_options o = options("weight", "global", want[i][0]);
        struct pare_prune_report r;

        o.kind = PARE_AMOUNT_COMPRESSION;
        o.bias = true;
        o.n_skip = 1;
        o.skip = &last;
        assert_int_equal(kept_params(&m), 431080);
        assert_int_equal(pare_prune(&r, &m, &o), 0);
        assert_int_equal(r.total, 426070);
        assert_close((double)r.kept_after / (double)r.total, want[i][1], 1e-6);
        assert_int_equal(kept_params(&m), r.kept_after + 5010);
        assert_int_equal(kept_params(&m), pare_round_count(431080 / o.amount));
        o.amount = 87;
        pare_prune_report_release(&r);
        fails(&m, &o, "the largest is 86.0439");
        pare_model_release(&m);
    }
}

/* ---- controls and rounds ---- */

static void the_largest_can_go_first(void **state)
{
    struct pare_model m = small_model("3-2", 1);
    struct pare_prune_options o = options("weight", "global", 2);
    const float w[6] = {1, -5, 2, 3, 5, 4};
    const uint8_t want[6] = {1, 0, 1, 1, 0, 1};

    (void)state;
    memcpy(m.tensor[0].value, w, sizeof w);
    o.kind = PARE_AMOUNT_COUNT;
    assert_int_equal(pare_criterion_parse(&o.criterion, "magnitude,largest"),
                     0);
    prune(&m, &o);
    assert_memory_equal(m.tensor[0].mask, want, sizeof want);
    pare_model_release(&m);
}

static void inverse_scores_turn_weights_but_not_norms_round(void **state)
{
    struct pare_model m = small_model("2-2-1", 1);
    struct pare_prune_options o = options("unit", "global", 1);
    /* L1 norms 4 and 3.5; of inverses 10.1 and 1.067: the second goes. */
    const float w[4] = {0.1f, 3.9f, 2, 1.5f};

    (void)state;
    memcpy(m.tensor[0].value, w, sizeof w);
    o.kind = PARE_AMOUNT_COUNT;
    o.norm = PARE_NORM_L1;
    assert_int_equal(pare_criterion_parse(&o.criterion, "magnitude,inverse"),
                     0);
    prune(&m, &o);
    assert_int_equal(m.tensor[0].mask[0], 1);
    assert_int_equal(m.tensor[0].mask[2], 0);
    pare_model_release(&m);
}

static void rounds_score_anew_and_meet_the_amount(void **state)
{
    struct pare_model one = small_model("12-20-20-5", 9);
    struct pare_model many = small_model("12-20-20-5", 9);
    struct pare_prune_options o = options("weight", "global", 0.9);
    size_t differ = 0;

    (void)state;
    assert_int_equal(pare_criterion_parse(&o.criterion, "synflow,rounds=1"), 0);
    prune(&one, &o);
    assert_int_equal(pare_criterion_parse(&o.criterion, "synflow,rounds=50"),
                     0);
    prune(&many, &o);
    assert_int_equal(kept_weights(&one), 74); /* of 740 */
    assert_int_equal(kept_weights(&many), 74);
    for (size_t t = 0; t < one.n_tensors; t++)
        for (size_t i = 0; i < one.tensor[t].n; i++) {
            differ += mask_at(&one.tensor[t], i) != mask_at(&many.tensor[t], i);
            /* The survivors have the values that they had. */
            if (mask_at(&one.tensor[t], i) && mask_at(&many.tensor[t], i))
                assert_true(one.tensor[t].value[i] == many.tensor[t].value[i]);
        }
    assert_true(differ > 0);
    pare_model_release(&one);
    pare_model_release(&many);
}

/* ---- all together ---- */

/* Any grain with any division removes what was asked, and only removes. */
static void every_grain_goes_with_every_division(void **state)
{
    static const char *const grain[] = {"weight", "block:3x2", "unit",
                                        "channel"};
    static const char *const allocation[] = {"global", "layer", "uniform+",
                                             "er", "erk"};
    const struct pare_layer_amount most = {"*", 0.97};

    (void)state;
    for (size_t i = 0; i < 4 * 5 * 3; i++) {
        struct pare_model m =
            small_model("in(3,8,8) conv2d(6,3) relu conv2d(7,3,stride=2) "
                        "flatten linear(11) linear(4)",
                        i);
        struct pare_prune_options o =
            options(grain[i % 4], allocation[i / 4 % 5], 0.3);
        struct pare_prune_report r;
        uint64_t before = kept_weights(&m);

        o.partial = true;
        o.n_max = i / 20 > 0;
        o.floor = i / 20 > 1;
        o.max = &most;
        o.input.threads = 1 + (int)(i % 2);
        for (int step = 0; step < 3; step++) {
            o.amount = 0.3 + 0.2 * step;
            if (pare_prune(&r, &m, &o))
                fail_msg("%s %s: %s", grain[i % 4], allocation[i / 4 % 5],
                         pare_error());
            assert_masked_is_zero(&m);
            assert_int_equal(r.kept_before - r.kept_after,
                             before - kept_weights(&m));
            before = kept_weights(&m);
            /* Grains of many weights go a little further, not less far. */
            if (i / 20 == 0)
                assert_true(r.achieved >= o.amount - 1.0 / (double)r.total);
            if (i % 4 == 0 && i / 4 % 5 != 1)
                assert_int_equal(r.total - r.kept_after,
                                 pare_round_count(o.amount * (double)r.total));
            pare_prune_report_release(&r);
        }
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_four_two_are_kept),
        cmocka_unit_test(groups_of_a_filter_run_over_its_input_channels),
        cmocka_unit_test(groups_that_are_thin_already_are_left),
        cmocka_unit_test(a_short_group_needs_partial),
        cmocka_unit_test(groups_take_no_amount_no_bounds_and_no_biases),
        cmocka_unit_test(blocks_go_by_the_norm_of_their_weights),
        cmocka_unit_test(a_channel_is_what_reads_an_input),
        cmocka_unit_test(groups_of_a_convolution_have_channels_of_their_own),
        cmocka_unit_test(norms_per_weight_compare_units_of_all_sizes),
        cmocka_unit_test(grains_are_parsed_strictly),
        cmocka_unit_test(random_sparse_densities_are_those_of_the_reference),
        cmocka_unit_test(uniform_plus_spares_the_ends),
        cmocka_unit_test(lamp_scores_are_those_of_the_reference),
        cmocka_unit_test(a_curve_tells_how_far_a_layer_goes),
        cmocka_unit_test(less_than_what_costs_nothing_is_divided_in_proportion),
        cmocka_unit_test(bounds_are_kept_and_others_make_up),
        cmocka_unit_test(a_floor_keeps_layers_alive),
        cmocka_unit_test(bounds_that_exclude_each_other_are_told),
        cmocka_unit_test(fractions_of_a_compression_are_shrinkbenchs),
        cmocka_unit_test(the_largest_can_go_first),
        cmocka_unit_test(inverse_scores_turn_weights_but_not_norms_round),
        cmocka_unit_test(rounds_score_anew_and_meet_the_amount),
        cmocka_unit_test(every_grain_goes_with_every_division),
    };

    return run_group(tests);
}
