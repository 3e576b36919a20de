#include "unit.h"

#include "stop_at.h"
#include "train_case.h"

static void same_bits(const struct setup *a, const struct setup *b)
{
    assert_int_equal(a->m.training.step, b->m.training.step);
    assert_int_equal(a->m.optim.step, b->m.optim.step);
    assert_int_equal(a->m.n_history, b->m.n_history);
    assert_memory_equal(a->m.history, b->m.history,
                        a->m.n_history * sizeof *a->m.history);
    for (size_t t = 0; t < a->m.n_tensors; t++) {
        size_t size = a->m.tensor[t].n * sizeof(float);

        assert_memory_equal(a->m.tensor[t].value, b->m.tensor[t].value, size);
        if (a->m.optim.slot[0][t])
            assert_memory_equal(a->m.optim.slot[0][t], b->m.optim.slot[0][t],
                                size);
    }
}

static void a_run_is_that_of_pytorch(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    train(&s, NULL, 0);
    assert_int_equal(s.m.n_history, REF_EPOCHS);
    assert_int_equal(s.m.training.step, STEPS);
    for (int e = 0; e < REF_EPOCHS; e++) {
        const struct pare_history_row *h = &s.m.history[e];

        assert_int_equal(h->epoch, e + 1);
        assert_int_equal(h->step, 5 * (e + 1));
        assert_close(h->lr, train_ref_epoch[e].lr, 1e-9);
        assert_close(h->train_loss, train_ref_epoch[e].train_loss, 2e-5);
        assert_close(h->train_acc, train_ref_epoch[e].train_acc, 1e-8);
        assert_close(h->val_loss, train_ref_epoch[e].val_loss, 2e-5);
        assert_close(h->val_acc, train_ref_epoch[e].val_acc, 1e-8);
    }
    assert_int_equal(s.m.n_tensors, REF_TENSORS);
    for (size_t t = 0; t < s.m.n_tensors; t++) {
        double sum = 0, square = 0;

        for (size_t i = 0; i < s.m.tensor[t].n; i++) {
            double v = (double)s.m.tensor[t].value[i];

            sum += v;
            square += v * v;
        }
        assert_close(sum, train_ref_sum[t][0],
                     5e-5 * (1 + sqrt(train_ref_sum[t][1])));
        assert_close(square, train_ref_sum[t][1],
                     5e-5 * (1 + train_ref_sum[t][1]));
    }
    pare_model_release(&s.m);
}

static void stopped_and_resumed_is_uninterrupted(void **state)
{
    struct setup whole, parts;
    uint64_t stop;
    const struct pare_train_hooks hooks = {.arg = &stop, .on_step = stop_at};

    (void)state;
    set_up(&whole);
    train(&whole, NULL, 0);
    for (stop = 1; stop < STEPS; stop++) {
        set_up(&parts);
        train(&parts, &hooks, PARE_ESTOPPED);
        assert_int_equal(parts.m.training.step, stop);
        train(&parts, NULL, 0);
        same_bits(&parts, &whole);
        pare_model_release(&parts.m);
    }
    pare_model_release(&whole.m);
}

static void runs_of_steps_add_up_to_one_run(void **state)
{
    struct setup whole, parts;

    (void)state;
    set_up(&whole);
    set_up(&parts);
    train(&whole, NULL, 0);
    for (parts.o.end_step = 3; parts.o.end_step <= STEPS;
         parts.o.end_step += 17) {
        train(&parts, NULL, 0);
        assert_int_equal(parts.m.training.step, parts.o.end_step);
    }
    same_bits(&parts, &whole);
    pare_model_release(&parts.m);
    pare_model_release(&whole.m);
}

/* As a file may say that was made by hand. */
static void a_place_past_the_end_of_an_epoch_ends_it(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    s.o.end_step = 3;
    train(&s, NULL, 0);
    s.m.training.epoch_step = 9;
    s.o.end_step = 0;
    train(&s, NULL, 0);
    assert_int_equal(s.m.training.epoch, REF_EPOCHS);
    assert_int_equal(s.m.training.step, 3 + 5 * (REF_EPOCHS - 1));
    pare_model_release(&s.m);
}

static void threads_do_not_change_the_bits(void **state)
{
    struct setup one, two;

    (void)state;
    set_up(&one);
    set_up(&two);
    two.o.threads = 2;
    train(&one, NULL, 0);
    train(&two, NULL, 0);
    same_bits(&one, &two);
    pare_model_release(&one.m);
    pare_model_release(&two.m);
}

static void pruned_weights_stay_pruned(void **state)
{
    struct setup s;
    const float zero = 0;
    size_t moved = 0;

    (void)state;
    set_up(&s);
    assert_int_equal(pare_tensor_need_mask(&s.m.tensor[0]), 0);
    for (size_t i = 0; i < s.m.tensor[0].n; i += 2)
        s.m.tensor[0].mask[i] = 0;
    pare_model_apply_masks(&s.m);
    train(&s, NULL, 0);
    for (size_t i = 0; i < s.m.tensor[0].n; i++) {
        moved += s.m.optim.slot[0][0][i] != 0;
        if (s.m.tensor[0].mask[i])
            continue;
        assert_memory_equal(&s.m.tensor[0].value[i], &zero, sizeof zero);
        assert_memory_equal(&s.m.optim.slot[0][0][i], &zero, sizeof zero);
    }
    assert_true(moved > s.m.tensor[0].n / 3);
    pare_model_release(&s.m);
}

static void a_diverging_run_keeps_the_last_good_state(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    s.o.lr = 1e30;
    train(&s, NULL, PARE_EDIVERGED);
    for (size_t t = 0; t < s.m.n_tensors; t++)
        for (size_t i = 0; i < s.m.tensor[t].n; i++)
            assert_true(isfinite(s.m.tensor[t].value[i]));
    pare_model_release(&s.m);
}

/* Weights that blow up in the very last update. */
static void a_run_that_ends_in_ruin_has_diverged(void **state)
{
    struct setup s;

    (void)state;
    for (int part = 0; part < 3; part++) {
        set_up(&s);
        s.o.lr = 3e38;
        s.o.batch = part == 2 ? 2 : REF_TRAIN;
        s.o.end_epoch = 1;
        s.o.end_step = part == 2; /* inside an epoch */
        s.o.checkpoint = "step:1";
        s.d.split[PARE_VAL].n = part == 1 ? REF_VAL : 0;
        assert_int_equal(
            pare_optimizer_parse(&s.o.optimizer, "sgd,momentum=.9"), 0);
        assert_int_equal(pare_schedule_parse(&s.o.schedule, "constant"), 0);
        s.o.weight_decay = 1e3;
        train(&s, NULL, PARE_EDIVERGED);
        assert_int_equal(s.m.training.step, 0);
        assert_int_equal(s.m.n_history, 0);
        assert_null(pare_model_checkpoint(&s.m, "step:1"));
        for (size_t t = 0; t < s.m.n_tensors; t++)
            for (size_t i = 0; i < s.m.tensor[t].n; i++)
                assert_true(isfinite(s.m.tensor[t].value[i]));
        pare_model_release(&s.m);
    }
}

static void the_best_epoch_is_taken(void **state)
{
    struct setup best, first;

    (void)state;
    set_up(&best);
    set_up(&first);
    best.o.select = PARE_SELECT_LOSS; /* the reference's best is the first */
    train(&best, NULL, 0);
    first.o.end_epoch = 1;
    train(&first, NULL, 0);
    for (size_t t = 0; t < best.m.n_tensors; t++)
        assert_memory_equal(best.m.tensor[t].value, first.m.tensor[t].value,
                            best.m.tensor[t].n * sizeof(float));
    assert_int_equal(pare_model_checkpoint(&best.m, "best")->epoch, 1);
    assert_string_equal(best.m.training.select, "best-val-loss");
    assert_string_equal(first.m.training.select, "last");
    pare_model_release(&best.m);
    pare_model_release(&first.m);
}

/* As after a rewind to the beginning that leaves the checkpoints. */
static void a_best_epoch_that_lies_ahead_is_not_taken(void **state)
{
    struct setup s[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        set_up(&s[i]);
        s[i].o.select = PARE_SELECT_LOSS;
        train(&s[i], NULL, 0);
        memset(&s[i].m.training, 0, sizeof s[i].m.training);
        s[i].m.n_history = 0;
        s[i].o.select = i ? PARE_SELECT_LOSS : PARE_SELECT_LAST;
        s[i].o.end_step = 2;
        train(&s[i], NULL, 0);
    }
    same_bits(&s[0], &s[1]);
    pare_model_release(&s[0].m);
    pare_model_release(&s[1].m);
}

/* The gradients fit in a float, but not the squares that Adam keeps. */
static void infinite_optimizer_state_is_diverging(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    s.o.loss = pare_loss_find("mse");
    assert_int_equal(pare_optimizer_parse(&s.o.optimizer, "adam"), 0);
    s.o.weight_decay = 1e30;
    s.o.lr = 0;
    train(&s, NULL, PARE_EDIVERGED);
    assert_non_null(strstr(pare_error(), "the optimizer's state is inf"));
    pare_model_release(&s.m);
}

static void checkpoints_are_the_states_asked_for(void **state)
{
    struct setup s, part;
    struct pare_checkpoint *c;

    (void)state;
    set_up(&s);
    set_up(&part);
    s.o.checkpoint = "epoch:2,step:7,every:3";
    train(&s, NULL, 0);
    assert_int_equal(s.m.n_checkpoints, 3);
    assert_non_null(pare_model_checkpoint(&s.m, "epoch:2"));
    assert_non_null(pare_model_checkpoint(&s.m, "epoch:3"));
    c = pare_model_checkpoint(&s.m, "step:7");
    assert_non_null(c);
    assert_int_equal(c->step, 7);
    part.o.end_step = 7;
    train(&part, NULL, 0);
    for (size_t t = 0; t < s.m.n_tensors; t++)
        assert_memory_equal(c->value[t], part.m.tensor[t].value,
                            s.m.tensor[t].n * sizeof(float));
    pare_model_release(&s.m);
    pare_model_release(&part.m);
}

static void data_that_do_not_fit_are_refused(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    s.d.n_classes = 4;
    train(&s, NULL, PARE_EMISMATCH);
    s.d.n_classes = 3;
    s.d.features = 5;
    train(&s, NULL, PARE_EMISMATCH);
    s.d.features = REF_INPUTS;
    s.d.split[PARE_TRAIN].n = 0;
    train(&s, NULL, PARE_EMISMATCH);
    pare_model_release(&s.m);
}

/* Shapes are compared where both have them; else sizes are. */
static void images_of_another_layout_are_refused(void **state)
{
    static const struct {
        struct pare_shape data;
        const char *arch, *error;
    } pair[] = {
        {{3, {1, 4, 6}}, "in(1,4,6) linear(3)", NULL},
        {{1, {24}}, "in(1,4,6) linear(3)", NULL},
        {{3, {1, 4, 6}}, "in(24) linear(3)", NULL},
        {{2, {4, 6}}, "in(4,6) linear(3)", NULL},
        {{3, {1, 4, 6}}, "in(1,6,4) linear(3)",
         "the data are 1x4x6, the model takes 1x6x4"},
        {{3, {3, 32, 32}}, "in(1,28,28) linear(3)",
         "the data are 3x32x32, the model takes 1x28x28"},
        {{2, {4, 6}}, "in(1,4,6) linear(3)", NULL},
        {{3, {1, 4, 6}}, "in(25) linear(3)",
         "the data have 24 inputs a sample, the model takes 25"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        struct pare_dataset d = {.shape = pair[i].data, .n_classes = 3};
        struct pare_arch arch;
        struct pare_model m = {0};

        d.features = pare_shape_size(&d.shape);
        assert_int_equal(pare_arch_parse(&arch, pair[i].arch), 0);
        assert_int_equal(pare_model_init(&m, &arch), 0);
        assert_int_equal(pare_model_fits(&m, &d),
                         pair[i].error ? PARE_EMISMATCH : 0);
        if (pair[i].error)
            assert_non_null(strstr(pare_error(), pair[i].error));
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_that_of_pytorch),
        cmocka_unit_test(stopped_and_resumed_is_uninterrupted),
        cmocka_unit_test(runs_of_steps_add_up_to_one_run),
        cmocka_unit_test(a_place_past_the_end_of_an_epoch_ends_it),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(pruned_weights_stay_pruned),
        cmocka_unit_test(a_diverging_run_keeps_the_last_good_state),
        cmocka_unit_test(a_run_that_ends_in_ruin_has_diverged),
        cmocka_unit_test(the_best_epoch_is_taken),
        cmocka_unit_test(a_best_epoch_that_lies_ahead_is_not_taken),
        cmocka_unit_test(infinite_optimizer_state_is_diverging),
        cmocka_unit_test(checkpoints_are_the_states_asked_for),
        cmocka_unit_test(data_that_do_not_fit_are_refused),
        cmocka_unit_test(images_of_another_layout_are_refused),
    };

    return run_group(tests);
}
