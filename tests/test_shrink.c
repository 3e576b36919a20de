#include "unit.h"

#include "gathered.h"
#include "initializer.h"
#include "rewind.h"
#include "shrink.h"
#include "shrink_fixture.h"
#include "status.h"

static const float *values(const struct pare_model *m, const char *name)
{
    return pare_model_tensor(m, name)->value;
}

/* Shrink, and compare the outputs; the report is the caller's. */
static struct pare_model shrink(struct pare_model *m, size_t round,
                                struct pare_shrink_report *r)
{
    struct pare_shrink_options o = {round};
    struct pare_model small = {0};

    if (pare_shrink(&small, r, m, &o))
        fail_msg("%s: %s", m->arch.text, pare_error());
    assert_true(r->removed > 0);
    assert_same_outputs(m, &small, "shrunk");
    return small;
}

/* The same where only the architecture is of interest. */
static void shrinks_to(struct pare_model *m, size_t round, const char *text)
{
    struct pare_shrink_report r;
    struct pare_model small = shrink(m, round, &r);

    assert_string_equal(small.arch.text, text);
    pare_shrink_report_release(&r);
    pare_model_release(&small);
    pare_model_release(m);
}

static void a_unit_that_nothing_reads_goes(void **state)
{
    struct pare_model m = small_model("3-3-2", 1), small;
    struct pare_shrink_report r;
    const float *w, *was;

    (void)state;
    prune_column(&m, "fc2.weight", 1);
    prune_run(&m, "fc1.weight", 2, 1);
    small = shrink(&m, 0, &r);
    assert_string_equal(small.arch.text,
                        "in(3) fc1=linear(2) relu1=relu fc2=linear(2)");
    was = values(&m, "fc1.weight");
    w = values(&small, "fc1.weight");
    assert_memory_equal(w, was, 3 * sizeof *w);
    assert_memory_equal(w + 3, was + 6, 3 * sizeof *w);
    assert_memory_equal(small.tensor[0].mask, ((uint8_t[]){1, 1, 0, 1, 1, 1}),
                        6);
    was = values(&m, "fc2.weight");
    w = values(&small, "fc2.weight");
    assert_true(w[0] == was[0] && w[1] == was[2] && w[3] == was[5]);
    assert_true(values(&small, "fc1.bias")[1] == values(&m, "fc1.bias")[2]);
    assert_true(r.before == 5 && r.after == 4 && r.folded == 0);
    assert_true(r.row[0].after == 2 && !r.row[0].idle && r.row[1].after == 2);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

static void a_constant_goes_into_the_next_bias(void **state)
{
    struct pare_model m = small_model("in(2) linear(2) sigmoid linear(1)", 2);
    struct pare_shrink_report r;
    struct pare_model small;
    double k, want;

    (void)state;
    prune_run(&m, "fc1.weight", 0, 2);
    prune_run(&m, "fc2.bias", 0, 1); /* a pruned bias comes back for it */
    k = 1 / (1 + exp(-(double)values(&m, "fc1.bias")[0]));
    want = k * (double)values(&m, "fc2.weight")[0];
    small = shrink(&m, 0, &r);
    assert_close(values(&small, "fc2.bias")[0], want, 1e-6);
    assert_null(pare_model_tensor(&small, "fc2.bias")->mask);
    assert_true(r.folded == 1 && r.removed == 1 && r.stood_in == 0);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

static void a_layer_without_bias_gets_one_where_it_must(void **state)
{
    struct pare_model m =
        small_model("in(2) linear(3,bias=no) tanh linear(2,bias=no)", 3);

    (void)state;
    prune_run(&m, "fc1.weight", 0, 2); /* tanh(0) is 0 */
    shrinks_to(&m, 0,
               "in(2) fc1=linear(2,bias=no) tanh1=tanh fc2=linear(2,bias=no)");
    m = small_model("in(2) linear(3,bias=no) sigmoid linear(2,bias=no)", 3);
    prune_run(&m, "fc1.weight", 0, 2); /* sigmoid(0) is not */
    shrinks_to(&m, 0,
               "in(2) fc1=linear(2,bias=no) sigmoid1=sigmoid fc2=linear(2)");
}

static void one_constant_stands_in_for_the_others_next_to_a_pad(void **state)
{
    static const char text[] = "in(1,4,4) conv2d(4,3,pad=1) sigmoid "
                               "conv2d(2,3,pad=%d)";
    char arch[100];
    struct pare_shrink_report r;
    struct pare_model m, small;
    const float *b, *was, *w;
    double k[3], sum = 0;

    (void)state;
    snprintf(arch, sizeof arch, text, 0);
    m = small_model(arch, 4);
    prune_run(&m, "conv1.weight", 9, 27);
    shrinks_to(&m, 0,
               "in(1,4,4) conv1=conv2d(1,3,pad=1) sigmoid1=sigmoid "
               "conv2=conv2d(2,3)");
    snprintf(arch, sizeof arch, text, 1);
    m = small_model(arch, 4);
    prune_run(&m, "conv1.weight", 9, 27);
    memcpy(pare_model_tensor(&m, "conv1.bias")->value,
           (float[]){1, -1, 2, 0.5f}, 4 * sizeof(float));
    small = shrink(&m, 0, &r);
    assert_string_equal(small.arch.text,
                        "in(1,4,4) conv1=conv2d(2,3,pad=1) sigmoid1=sigmoid "
                        "conv2=conv2d(2,3,pad=1)");
    assert_true(r.stood_in == 2 && r.folded == 2 && r.row[0].constant == 1);
    b = values(&m, "conv1.bias");
    was = values(&m, "conv2.weight");
    w = values(&small, "conv2.weight");
    for (int i = 0; i < 3; i++) {
        k[i] = 1 / (1 + exp(-(double)b[i + 1]));
        sum += k[i] * (double)was[9 * (i + 1)];
    }
    assert_true(values(&small, "conv1.bias")[1] == 2); /* the largest stays */
    assert_close(w[9], sum / k[1], 1e-6);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

static void sums_keep_channels_that_one_branch_needs(void **state)
{
    struct pare_model m = small_model(
        "in(4) a=linear(3) in -> b=linear(3) add(a,b) linear(2)", 5);

    (void)state;
    prune_run(&m, "a.weight", 4, 4); /* b's is not */
    prune_column(&m, "fc3.weight", 0);
    shrinks_to(&m, 0,
               "in(4) a=linear(2) in -> b=linear(2) add1=add(a,b) "
               "fc3=linear(2)");
}

static void offsets_of_concat_flatten_and_pad_are_kept(void **state)
{
    struct pare_model m =
        small_model("in(2,3,3) a=conv2d(2,2) in -> b=conv2d(3,2) concat(a,b) "
                    "pad(front=1,back=2) batchnorm2d flatten linear(2)",
                    6);

    (void)state;
    for (size_t i = 0; i < 8; i++)
        m.tensor[7].value[i] = 1;    /* variances */
    for (size_t o = 0; o < 2; o++) { /* channel 0 of b and the last pad */
        prune_run(&m, "fc1.weight", o * 32 + 3 * 4, 4);
        prune_run(&m, "fc1.weight", o * 32 + 7 * 4, 4);
    }
    memset(m.tensor[4].value, 0, sizeof(float)); /* the pad in front */
    shrinks_to(&m, 0,
               "in(2,3,3) a=conv2d(2,2) in -> b=conv2d(2,2) cat1=concat(a,b) "
               "pad1=pad bn1=batchnorm2d flat1=flatten fc1=linear(2)");
}

static void groups_stay_equal(void **state)
{
    struct pare_model m =
        small_model("in(2,3,3) conv2d(4,1) relu conv2d(8,1,groups=2) relu "
                    "conv2d(8,1,groups=8) relu flatten linear(2)",
                    7);

    (void)state;
    /* Of the eight depthwise ones 0, 1 and 2 of the first group and 4 of the
       second: one of each can go. */
    for (size_t o = 0; o < 2; o++) {
        prune_run(&m, "fc1.weight", o * 72, 27);
        prune_run(&m, "fc1.weight", o * 72 + 36, 9);
    }
    shrinks_to(&m, 0,
               "in(2,3,3) conv1=conv2d(4,1) relu1=relu "
               "conv2=conv2d(6,1,groups=2) relu2=relu "
               "conv3=conv2d(6,1,groups=6) relu3=relu flat1=flatten "
               "fc1=linear(2)");
    m = small_model("in(2,3,3) conv2d(4,1) relu conv2d(8,1,groups=2) relu "
                    "flatten linear(2)",
                    8);
    for (size_t o = 0; o < 2; o++) /* the whole second group, and then some */
        prune_run(&m, "fc1.weight", o * 72 + 27, 45);
    shrinks_to(&m, 0,
               "in(2,3,3) conv1=conv2d(2,1) relu1=relu conv2=conv2d(3,1) "
               "relu2=relu flat1=flatten fc1=linear(2)");
}

static void a_norm_of_scale_zero_makes_a_constant(void **state)
{
    struct pare_model m =
        small_model("in(3) linear(4,bias=no) batchnorm relu linear(2)", 9);

    (void)state;
    for (size_t i = 0; i < 4; i++)
        pare_model_tensor(&m, "bn1.var")->value[i] = 1;
    pare_model_tensor(&m, "bn1.scale")->value[2] = 0;
    pare_model_tensor(&m, "bn1.shift")->value[2] = 3;
    shrinks_to(&m, 0,
               "in(3) fc1=linear(3,bias=no) bn1=batchnorm relu1=relu "
               "fc2=linear(2)");
}

static void widths_are_rounded_up(void **state)
{
    struct pare_model m = small_model("4-20-11-2", 10);

    (void)state;
    prune_run(&m, "fc1.weight", 0, 44); /* 9 units live */
    prune_run(&m, "fc2.weight", 0, 40); /* 9 of 11 */
    shrinks_to(&m, 8,
               "in(4) fc1=linear(16) relu1=relu fc2=linear(11) relu2=relu "
               "fc3=linear(2)");
}

static void an_idle_layer_keeps_a_unit(void **state)
{
    struct pare_model m = small_model("4-5-5-2", 11), small;
    struct pare_shrink_report r;

    (void)state;
    prune_run(&m, "fc2.weight", 0, 25);
    small = shrink(&m, 0, &r);
    assert_string_equal(small.arch.text,
                        "in(4) fc1=linear(1) relu1=relu fc2=linear(1) "
                        "relu2=relu fc3=linear(2)");
    assert_true(r.row[0].idle && r.row[1].idle && !r.row[2].idle);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

static void nothing_to_remove_makes_no_model(void **state)
{
    struct pare_model m = small_model("in(3) linear(4) softmax linear(2)", 12);
    struct pare_shrink_options o = {0};
    struct pare_shrink_report r;
    struct pare_model small = {0};

    (void)state;
    /* The network's inputs stay, and so does what a softmax divides by. */
    prune_column(&m, "fc1.weight", 0);
    prune_column(&m, "fc2.weight", 0);
    assert_int_equal(pare_shrink(&small, &r, &m, &o), 0);
    assert_true(r.removed == 0 && r.before == 6 && r.after == 6);
    assert_null(small.tensor);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
}

/* ---- what else the model holds ---------------------------------------- */

/* The small model's init is that of the large one, cut. */
static void assert_init_is_cut(struct pare_model *m, struct pare_model *small)
{
    struct pare_rewind_options o = {.to = "init"};
    char digest[PARE_DIGEST_LEN];

    assert_non_null(pare_model_checkpoint(small, "init")->value);
    assert_int_equal(pare_rewind(m, &o), 0);
    assert_int_equal(pare_rewind(small, &o), 0);
    assert_same_outputs(m, small, "init");
    assert_int_equal(pare_digest_weights(digest, small), 0);
    assert_string_equal(digest, small->init.digest);
    assert_string_equal(m->init.spec, small->init.spec);
    o.reinit = true;
    assert_int_equal(pare_rewind(small, &o), 0);
}

static void state_and_checkpoints_are_cut_along(void **state)
{
    struct pare_model m = small_model("3-4-2", 13), small;
    struct pare_history_row row = {.epoch = 1, .train_loss = 0.5};
    struct pare_shrink_report r;
    const float *slot;

    (void)state;
    assert_int_equal(pare_model_draw(&m, "pytorch", 1), 0);
    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 2), 0);
    strcpy(m.optim.spec, "adam");
    m.optim.step = 7;
    m.training.batch = 64;
    for (size_t i = 0; i < 12; i++)
        m.optim.slot[1][0][i] = (float)(i + 1);
    assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", true), 0);
    assert_int_equal(pare_model_keep_undo(&m), 0);
    assert_non_null(pare_model_begin_scores(&m, "movement"));
    assert_int_equal(pare_model_add_history(&m, &row), 0);
    assert_int_equal(pare_model_add_step(&m, "{}"), 0);
    assert_int_equal(pare_model_copy_classes(&m, 2, (char *[]){"a", "b"}), 0);
    prune_run(&m, "fc1.weight", 3, 3);
    prune_run(&m, "fc1.weight", 8, 1);
    pare_model_apply_masks(&m);
    small = shrink(&m, 0, &r);
    assert_true(r.scores == 1 && r.undos == 1 && r.curves == 0 && !r.inexact);
    assert_int_equal(small.n_checkpoints, 2);
    assert_int_equal(small.n_scores, 0);
    assert_int_equal(small.optim.step, 7);
    assert_string_equal(small.optim.spec, "adam");
    for (int c = 0; c < 2; c++) {
        slot =
            c ? small.checkpoint[1].optim.slot[1][0] : small.optim.slot[1][0];
        assert_memory_equal(slot, ((float[]){1, 2, 3, 7, 8, 0, 10, 11, 12}),
                            9 * sizeof *slot);
    }
    assert_int_equal(small.n_history, 1);
    assert_close(small.history[0].train_loss, 0.5, 0);
    assert_int_equal(small.n_steps, 1);
    assert_string_equal(small.class_name[1], "b");
    assert_int_equal(small.training.batch, 64);
    assert_init_is_cut(&m, &small);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

static void a_checkpoint_that_does_not_fit_is_told(void **state)
{
    struct pare_model m = small_model(
        "in(1,3,3) conv2d(3,3,pad=1) relu conv2d(1,3,pad=1,bias=no)", 14);
    struct pare_shrink_report r;
    struct pare_model small;
    float *bias = pare_model_tensor(&m, "conv1.bias")->value;

    (void)state;
    prune_run(&m, "conv1.weight", 0, 18);
    memcpy(bias, (float[]){1, 2, 3}, 3 * sizeof *bias);
    assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", false), 0);
    bias[0] = bias[1] = -1; /* behind the relu 0 now, but not then */
    small = shrink(&m, 0, &r);
    assert_int_equal(r.inexact, 1);
    assert_string_equal(small.arch.text, /* no bias for the checkpoint */
                        "in(1,3,3) conv1=conv2d(1,3,pad=1) relu1=relu "
                        "conv2=conv2d(1,3,pad=1,bias=no)");
    assert_int_equal(r.after, 2);
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_that_nothing_reads_goes),
        cmocka_unit_test(a_constant_goes_into_the_next_bias),
        cmocka_unit_test(a_layer_without_bias_gets_one_where_it_must),
        cmocka_unit_test(one_constant_stands_in_for_the_others_next_to_a_pad),
        cmocka_unit_test(sums_keep_channels_that_one_branch_needs),
        cmocka_unit_test(offsets_of_concat_flatten_and_pad_are_kept),
        cmocka_unit_test(groups_stay_equal),
        cmocka_unit_test(a_norm_of_scale_zero_makes_a_constant),
        cmocka_unit_test(widths_are_rounded_up),
        cmocka_unit_test(an_idle_layer_keeps_a_unit),
        cmocka_unit_test(nothing_to_remove_makes_no_model),
        cmocka_unit_test(state_and_checkpoints_are_cut_along),
        cmocka_unit_test(a_checkpoint_that_does_not_fit_is_told),
    };

    return run_group(tests);
}
