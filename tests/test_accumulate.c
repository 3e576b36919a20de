#include "unit.h"

#include "accumulate.h"
#include "gathered.h"
#include "ref/accumulate_ref.h"
#include "same_bits.h"
#include "small_model.h"
#include "stop_at.h"
#include "train_case.h"

enum { MOVEMENT = 1, HEBBIAN = 2, BOTH = 3, LAST = 5 * ACC_EPOCHS };

static const char *const linear[ACC_LINEAR] = {"fc1.weight", "fc2.weight",
                                               "fc3.weight"};

/* The run of accumulate_ref.py. */
static void set_up_scores(struct setup *s, unsigned set)
{
    set_up(s);
    s->o.end_epoch = ACC_EPOCHS;
    s->o.accumulate = set;
    assert_int_equal(pare_tensor_need_mask(&s->m.tensor[0]), 0);
    for (size_t i = 0; i < s->m.tensor[0].n; i += 3)
        s->m.tensor[0].mask[i] = 0;
    pare_model_apply_masks(&s->m);
}

static size_t index_of(const struct pare_model *m, const char *name)
{
    const struct pare_tensor *t = pare_model_tensor(m, name);

    assert_non_null(t);
    return (size_t)(t - m->tensor);
}

static const float *scores_of(const struct pare_model *m, const char *which,
                              const char *tensor)
{
    const struct pare_scores *s = pare_model_scores(m, which);

    assert_non_null(s);
    assert_non_null(s->value[index_of(m, tensor)]);
    return s->value[index_of(m, tensor)];
}

static void movement_is_that_of_pytorch(void **state)
{
    static const double tolerance[] = {1e-5, 5e-5};
    struct setup s;

    (void)state;
    for (size_t part = 0; part < 2; part++) {
        set_up_scores(&s, MOVEMENT);
        s.o.end_step = part ? 0 : ACC_EARLY;
        train(&s, NULL, 0);
        assert_int_equal(pare_model_scores(&s.m, "movement")->count,
                         part ? LAST : ACC_EARLY);
        for (size_t k = 0; k < ACC_LINEAR; k++) {
            const float *got = scores_of(&s.m, "movement", linear[k]);

            for (size_t i = 0; i < pare_model_tensor(&s.m, linear[k])->n; i++)
                assert_close(got[i], accumulate_ref_move[part][k][i],
                             tolerance[part]);
            for (size_t i = 0; k == 0 && i < s.m.tensor[0].n; i += 3)
                assert_true(got[i] == 0);
        }
        assert_null(pare_model_scores(&s.m, "hebbian"));
        pare_model_release(&s.m);
    }
}

static void coactivations_are_those_of_pytorch(void **state)
{
    struct setup s;

    (void)state;
    set_up_scores(&s, HEBBIAN);
    train(&s, NULL, 0);
    assert_int_equal(pare_model_scores(&s.m, "hebbian")->count,
                     ACC_EPOCHS * REF_TRAIN);
    for (size_t k = 0; k < ACC_LINEAR; k++) {
        const float *got = scores_of(&s.m, "hebbian", linear[k]);

        for (size_t i = 0; i < pare_model_tensor(&s.m, linear[k])->n; i++)
            assert_int_equal(got[i], accumulate_ref_both[k][i]);
    }
    assert_null(pare_model_scores(&s.m, "movement"));
    pare_model_release(&s.m);
}

/* Scores of both kinds are the same bits. */
static void same_scores(const struct pare_model *a, const struct pare_model *b)
{
    assert_int_equal(a->n_scores, 2);
    assert_int_equal(b->n_scores, 2);
    for (size_t k = 0; k < 2; k++) {
        const struct pare_scores *x = &a->scores[k], *y = &b->scores[k];

        assert_string_equal(x->name, y->name);
        assert_int_equal(x->count, y->count);
        for (size_t t = 0; t < a->n_tensors; t++) {
            assert_int_equal(!x->value[t], !y->value[t]);
            if (x->value[t])
                assert_memory_equal(x->value[t], y->value[t],
                                    a->tensor[t].n * sizeof(float));
        }
    }
}

static void same_values(const struct pare_model *a, const struct pare_model *b)
{
    for (size_t t = 0; t < a->n_tensors; t++)
        assert_memory_equal(a->tensor[t].value, b->tensor[t].value,
                            a->tensor[t].n * sizeof(float));
}

static void a_stopped_run_gathers_on_where_it_stood(void **state)
{
    struct setup whole, parts;
    uint64_t stop;
    const struct pare_train_hooks hooks = {.arg = &stop, .on_step = stop_at};

    (void)state;
    set_up_scores(&whole, BOTH);
    train(&whole, NULL, 0);
    for (stop = 1; stop < LAST; stop += 2) {
        set_up_scores(&parts, BOTH);
        train(&parts, &hooks, PARE_ESTOPPED);
        train(&parts, NULL, 0);
        same_scores(&parts.m, &whole.m);
        pare_model_release(&parts.m);
    }
    pare_model_release(&whole.m);
}

static void gathering_changes_no_weight(void **state)
{
    struct setup with, without;

    (void)state;
    set_up_scores(&with, BOTH);
    set_up_scores(&without, 0);
    train(&with, NULL, 0);
    train(&without, NULL, 0);
    same_values(&with.m, &without.m);
    assert_int_equal(without.m.n_scores, 0);
    pare_model_release(&with.m);
    pare_model_release(&without.m);
}

static void a_run_that_gathers_none_forgets_them(void **state)
{
    struct setup s;

    (void)state;
    set_up_scores(&s, BOTH);
    s.o.end_epoch = 1;
    train(&s, NULL, 0);
    assert_int_equal(s.m.n_scores, 2);
    s.o.end_epoch = 2;
    s.o.accumulate = MOVEMENT; /* others than before: begun anew */
    train(&s, NULL, 0);
    assert_int_equal(s.m.n_scores, 1);
    assert_int_equal(s.m.scores[0].count, 5);
    assert_int_equal(pare_accumulation_begin(&s.m, MOVEMENT), 0);
    assert_int_equal(s.m.scores[0].count, 0);
    assert_true(scores_of(&s.m, "movement", "fc1.weight")[1] == 0);
    s.o.end_epoch = 3;
    s.o.accumulate = 0;
    train(&s, NULL, 0);
    assert_int_equal(s.m.n_scores, 0);
    pare_model_release(&s.m);
}

static void a_diverged_run_forgets_them_too(void **state)
{
    struct setup s;

    (void)state;
    set_up_scores(&s, BOTH);
    s.o.lr = 1e30;
    train(&s, NULL, PARE_EDIVERGED);
    assert_int_equal(s.m.n_scores, 0);
    pare_model_release(&s.m);
}

static void counting_stops_where_float32_would_not_be_exact(void **state)
{
    struct setup s;

    (void)state;
    set_up_scores(&s, HEBBIAN);
    assert_int_equal(pare_accumulation_begin(&s.m, HEBBIAN), 0);
    s.m.scores[0].count = PARE_COUNT_MAX - REF_BATCH - 1;
    s.m.scores[0].value[0][0] = PARE_COUNT_MAX - REF_BATCH - 1;
    s.o.end_step = 2;
    train(&s, NULL, 0);
    assert_int_equal(s.m.scores[0].count, PARE_COUNT_MAX - 1);
    s.o.end_step = 5; /* the last is a batch of 3 */
    train(&s, NULL, 0);
    assert_int_equal(s.m.scores[0].count, PARE_COUNT_MAX - 1);
    pare_model_release(&s.m);
}

/* ---- networks where values are written over, or run apart ---- */

enum { N = 70, MOST = 1100, INPUTS = 12 };

static void image_data(struct setup *s, float *x, int32_t *y, size_t n,
                       const char *arch)
{
    memset(s, 0, sizeof *s);
    s->m = small_model(arch, 3);
    fill_exactly(x, n * INPUTS, 5);
    for (size_t i = 0; i < n; i++)
        y[i] = (int32_t)(i % 3);
    s->d.shape = s->m.arch.input;
    s->d.features = INPUTS;
    s->d.type = PARE_X_F32;
    s->d.n_classes = 3;
    s->d.norm.scale = 1;
    s->d.split[PARE_TRAIN] = (struct pare_split){.n = n, .x = x, .y = y};
    s->o = (struct pare_train_options){.batch = n,
                                       .end_step = 1,
                                       .accumulate = BOTH,
                                       .loss = pare_loss_find("cross-entropy"),
                                       .threads = 1};
    assert_int_equal(pare_optimizer_parse(&s->o.optimizer, "sgd"), 0);
    assert_int_equal(pare_schedule_parse(&s->o.schedule, "constant"), 0);
    s->o.sched_total = 1;
}

/* Outputs of a network on n samples: [n][*classes]. */
static float *outputs(const struct setup *like, const char *arch,
                      size_t *classes)
{
    struct pare_model m = small_model(arch, 3);
    struct pare_gather from = {.data = &like->d,
                               .split = &like->d.split[PARE_TRAIN]};
    size_t n = like->d.split[PARE_TRAIN].n, width = pare_net_width(n);
    struct pare_net *net;
    float *out;

    *classes = pare_shape_size(pare_arch_output(&m.arch));
    out = malloc(n * *classes * sizeof *out);
    assert_non_null(out);
    assert_int_equal(pare_net_new(&net, &m, n, false, 1), 0);
    pare_net_gather(net, &from, NULL, 0, n);
    pare_net_forward(net, n, false, 0, 0);
    for (size_t s = 0; s < n; s++)
        for (size_t c = 0; c < *classes; c++)
            out[s * *classes + c] =
                pare_net_output(net, s / width)[c * width + s % width];
    pare_net_free(net);
    pare_model_release(&m);
    return out;
}

/*
 * Counts of one linear layer against those of its input and of its units,
 * each taken from a network that ends there.
 */
static void counts_are(size_t n, const char *arch, const char *tensor,
                       const char *input, const char *units)
{
    float x[MOST * INPUTS], *in = x, *out;
    int32_t y[MOST];
    size_t n_in = INPUTS, n_out;
    struct setup s;
    const float *got;

    image_data(&s, x, y, n, arch);
    train(&s, NULL, 0);
    got = scores_of(&s.m, "hebbian", tensor);
    if (input)
        in = outputs(&s, input, &n_in);
    out = outputs(&s, units, &n_out);
    assert_int_equal(pare_model_tensor(&s.m, tensor)->n, n_in * n_out);
    for (size_t i = 0; i < n_out; i++)
        for (size_t j = 0; j < n_in; j++) {
            int both = 0;

            for (size_t k = 0; k < n; k++)
                both += in[k * n_in + j] > 0 && out[k * n_out + i] > 0;
            assert_int_equal(got[i * n_in + j], both);
        }
    free(out);
    if (in != x)
        free(in);
    pare_model_release(&s.m);
}

static void units_are_seen_before_they_are_written_over(void **state)
{
    (void)state;
    counts_are(N, "in(12) linear(9) silu dropout(0.5) linear(3)", "fc1.weight",
               NULL, "in(12) linear(9) silu");
    counts_are(N, "in(12) linear(9) relu dropout(0.5) linear(3)", "fc1.weight",
               NULL, "in(12) linear(9) relu");
    counts_are(N, "in(12) linear(12) gelu add(gelu1,in) linear(3)",
               "fc1.weight", NULL, "in(12) linear(12) gelu");
    counts_are(N, "in(12) linear(12) gelu add(gelu1,in) linear(3)",
               "fc2.weight", "in(12) linear(12) gelu add(gelu1,in)",
               "in(12) linear(12) gelu add(gelu1,in) linear(3)");
    counts_are(N, "in(12) linear(9) tanh linear(3) softmax", "fc2.weight",
               "in(12) linear(9) tanh", "in(12) linear(9) tanh linear(3)");
}

static void large_layers_that_run_apart_count_as_well(void **state)
{
    (void)state;
    counts_are(N, "in(12) linear(300) srelu linear(300) relu linear(3)",
               "fc2.weight", "in(12) linear(300) srelu",
               "in(12) linear(300) srelu linear(300) relu");
}

static void batches_of_any_size_count(void **state)
{
    static const size_t size[] = {1, 4, 9, 31, 32, 33, 257, MOST};

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        counts_are(size[i], "in(12) linear(9) relu linear(5) relu linear(3)",
                   "fc2.weight", "in(12) linear(9) relu",
                   "in(12) linear(9) relu linear(5) relu");
}

static void the_input_after_a_flatten_is_in_the_order_of_files(void **state)
{
    (void)state;
    counts_are(N, "in(3,2,2) conv2d(5,1) relu flatten linear(4) relu linear(3)",
               "fc1.weight", "in(3,2,2) conv2d(5,1) relu flatten",
               "in(3,2,2) conv2d(5,1) relu flatten linear(4) relu");
}

static void convolutions_move_but_have_no_coactivations(void **state)
{
    float x[N * INPUTS], *score[4] = {0}, weight[15];
    int32_t y[N];
    struct setup s;
    double sum = 0;

    (void)state;
    image_data(&s, x, y, N, "in(3,2,2) conv2d(5,1) relu flatten linear(3)");
    train(&s, NULL, 0);
    for (size_t i = 0; i < 15; i++)
        sum += fabs((double)scores_of(&s.m, "movement", "conv1.weight")[i]);
    assert_true(sum > 0);
    score[0] = weight;
    assert_int_equal(pare_accumulation_scores(score, &s.m, "movement"), 0);
    assert_memory_equal(weight, scores_of(&s.m, "movement", "conv1.weight"),
                        sizeof weight);
    assert_int_equal(pare_accumulation_scores(score, &s.m, "hebbian"),
                     PARE_EINVAL);
    assert_string_equal(pare_error(), "conv1.weight has no hebbian scores");
    pare_model_release(&s.m);
}

static void threads_change_no_score(void **state)
{
    float x[N * INPUTS];
    int32_t y[N];
    struct setup one, two;

    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        struct setup *s = threads == 1 ? &one : &two;

        image_data(s, x, y, N,
                   "in(3,2,2) conv2d(40,1) relu flatten linear(400) batchnorm "
                   "relu linear(200) relu linear(3)");
        s->o.end_step = 3;
        s->o.lr = 0.01;
        s->o.threads = threads;
        train(s, NULL, 0);
    }
    same_scores(&one.m, &two.m);
    pare_model_release(&one.m);
    pare_model_release(&two.m);
}

/* ---- names ---- */

static void names_are_parsed_in_any_order(void **state)
{
    char names[PARE_SPEC_MAX];
    unsigned set = 9;

    (void)state;
    assert_int_equal(pare_accumulation_parse(&set, "hebbian,movement"), 0);
    assert_int_equal(set, BOTH);
    pare_accumulation_names(names, set);
    assert_string_equal(names, "movement,hebbian");
    assert_int_equal(pare_accumulation_parse(&set, "hebbian,hebbian"), 0);
    assert_int_equal(set, HEBBIAN);
    pare_accumulation_names(names, set);
    assert_string_equal(names, "hebbian");
}

static void unknown_names_are_refused(void **state)
{
    static const char *const bad[] = {"",           "foo",     "movement,", ",",
                                      "movement x", "Hebbian", "moveme"};
    unsigned set = 9;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pare_accumulation_parse(&set, bad[i]), PARE_EINVAL);
        assert_non_null(strstr(pare_error(), "movement, hebbian"));
    }
    assert_int_equal(set, 9);
}

static void missing_scores_tell_how_to_gather_them(void **state)
{
    struct pare_model m = small_model("4-3", 1);
    float *score[2] = {0};

    (void)state;
    assert_int_equal(pare_accumulation_scores(score, &m, "movement"),
                     PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "--accumulate movement"));
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(movement_is_that_of_pytorch),
        cmocka_unit_test(coactivations_are_those_of_pytorch),
        cmocka_unit_test(a_stopped_run_gathers_on_where_it_stood),
        cmocka_unit_test(gathering_changes_no_weight),
        cmocka_unit_test(a_run_that_gathers_none_forgets_them),
        cmocka_unit_test(a_diverged_run_forgets_them_too),
        cmocka_unit_test(counting_stops_where_float32_would_not_be_exact),
        cmocka_unit_test(units_are_seen_before_they_are_written_over),
        cmocka_unit_test(large_layers_that_run_apart_count_as_well),
        cmocka_unit_test(batches_of_any_size_count),
        cmocka_unit_test(the_input_after_a_flatten_is_in_the_order_of_files),
        cmocka_unit_test(convolutions_move_but_have_no_coactivations),
        cmocka_unit_test(threads_change_no_score),
        cmocka_unit_test(names_are_parsed_in_any_order),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(missing_scores_tell_how_to_gather_them),
    };

    return run_group(tests);
}
