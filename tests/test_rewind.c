#include "unit.h"

#include "gathered.h"
#include "initializer.h"
#include "prune.h"
#include "rewind.h"
#include "small_model.h"
#include "status.h"

/*
 * A model that was drawn, "trained" to epoch 1 (a checkpoint with optimiser
 * state) and epoch 2, and then half pruned.
 */
static struct pare_model trained(void)
{
    struct pare_model m = small_model("6-5-3", 1);
    struct pare_history_row row = {0};

    assert_int_equal(pare_model_draw(&m, "pytorch", 42), 0);
    strcpy(m.optim.spec, "adam");
    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 2), 0);
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        for (size_t t = 0; t < m.n_tensors; t++)
            for (size_t i = 0; i < m.tensor[t].n; i++) {
                m.tensor[t].value[i] += 0.25f * (float)(i + epoch);
                m.optim.slot[0][t][i] = (float)(10 * epoch + i);
            }
        m.optim.step = m.training.step = m.training.sched_step = 4 * epoch;
        m.training.epoch = epoch;
        row.epoch = epoch;
        row.step = 4 * epoch;
        assert_int_equal(pare_model_add_history(&m, &row), 0);
        if (epoch == 1) {
            assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", true),
                             0);
            assert_int_equal(pare_model_save_checkpoint(&m, "step:4", false),
                             0);
        }
    }
    return m;
}

static void half(struct pare_model *m)
{
    struct pare_prune_options o;
    struct pare_prune_report r;

    pare_prune_defaults(&o);
    assert_int_equal(pare_criterion_parse(&o.criterion, "random"), 0);
    o.kind = PARE_AMOUNT_FRACTION;
    o.amount = 0.5;
    assert_int_equal(pare_prune(&r, m, &o), 0);
    pare_prune_report_release(&r);
}

/* Is every value want's, or 0 where it is masked, to the bit? */
static void assert_values(const struct pare_model *m, float *const *want)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; i < m->tensor[t].n; i++) {
            float w = mask_at(&m->tensor[t], i) ? want[t][i] : 0.0f;

            assert_memory_equal(&m->tensor[t].value[i], &w, sizeof w);
        }
}

/* Values of the same drawing in a model of its own. */
static struct pare_model drawn(uint64_t seed, float *value[8])
{
    struct pare_model m = small_model("6-5-3", 9);

    assert_int_equal(pare_model_draw(&m, "pytorch", seed), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        value[t] = m.tensor[t].value;
    return m;
}

static void init_comes_back_bit_for_bit_under_the_mask(void **state)
{
    struct pare_rewind_options o = {.to = "init"};
    struct pare_model m = trained();
    float *want[8];
    struct pare_model fresh = drawn(42, want);

    (void)state;
    half(&m);
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_values(&m, want);
    assert_masked_is_zero(&m);
    assert_int_equal(kept_weights(&m), 23); /* 22 of 45 went */
    assert_int_equal(m.training.step, 8);
    assert_int_equal(m.optim.step, 8);
    assert_int_equal(m.n_history, 2);
    pare_model_release(&fresh);
    pare_model_release(&m);
}

static void a_stored_checkpoint_comes_back_with_biases(void **state)
{
    struct pare_rewind_options o = {.to = "epoch:1"};
    struct pare_model m = trained();
    float bias = m.checkpoint[1].value[1][2];

    (void)state;
    assert_true(m.tensor[1].value[2] != bias);
    half(&m);
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_values(&m, pare_model_checkpoint(&m, "epoch:1")->value);
    assert_memory_equal(&m.tensor[1].value[2], &bias, sizeof bias);
    assert_int_equal(m.training.epoch, 2);
    assert_close(m.optim.slot[0][1][0], 20, 0);
    pare_model_release(&m);
}

static void optimizer_and_schedule_go_back_when_asked(void **state)
{
    struct pare_rewind_options o = {
        .to = "epoch:1", .optimizer = true, .schedule = true};
    struct pare_model m = trained();

    (void)state;
    half(&m);
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_int_equal(m.optim.step, 4);
    assert_close(m.optim.slot[0][1][0], 10, 0);
    assert_masked_is_zero(&m);
    assert_int_equal(m.training.epoch, 1);
    assert_int_equal(m.training.step, 4);
    assert_int_equal(m.training.sched_step, 4);
    assert_int_equal(m.n_history, 1);
    assert_int_equal(m.n_checkpoints, 3);
    pare_model_release(&m);
}

static void back_to_init_empties_the_optimizer(void **state)
{
    struct pare_rewind_options o = {
        .to = "init", .optimizer = true, .schedule = true};
    struct pare_model m = trained();

    (void)state;
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_string_equal(m.optim.spec, "adam");
    assert_int_equal(m.optim.step, 0);
    assert_int_equal(m.optim.n_slots, 0);
    assert_int_equal(m.training.step + m.training.epoch, 0);
    assert_int_equal(m.n_history, 0);
    pare_model_release(&m);
}

static void an_unfinished_epoch_goes_back_with_the_schedule(void **state)
{
    struct pare_rewind_options o = {.to = "step:8", .schedule = true};
    struct pare_model m = trained();

    (void)state;
    m.training.epoch_step = 2;
    assert_int_equal(pare_model_save_checkpoint(&m, "step:8", false), 0);
    m.training.epoch_step = 3;
    m.training.sum_samples = 90;
    m.training.sum_correct = 80;
    m.training.sum_loss = 7;
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_int_equal(m.training.epoch_step, 2);
    assert_int_equal(m.training.sum_samples + m.training.sum_correct, 0);
    assert_close(m.training.sum_loss, 0, 0);
    o.to = "init";
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_int_equal(m.training.epoch_step, 0);
    pare_model_release(&m);
}

static void reinit_draws_new_weights_that_become_init(void **state)
{
    struct pare_rewind_options o = {.to = "init", .reinit = true, .seed = 7};
    struct pare_model m = trained();
    float *want[8], *old[8];
    struct pare_model fresh = drawn(7, want), before = drawn(42, old);

    (void)state;
    half(&m);
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_values(&m, want);
    assert_true(want[0][0] != old[0][0]);
    assert_masked_is_zero(&m);
    o.reinit = false;
    m.tensor[1].value[0] += 1;
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_values(&m, want);
    pare_model_release(&fresh);
    pare_model_release(&before);
    pare_model_release(&m);
}

static void what_is_not_there_is_named(void **state)
{
    struct pare_rewind_options o = {.to = "epoch:7"};
    struct pare_model m = trained();
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

    (void)state;
    pare_digest_state(before, &m);
    assert_int_equal(pare_rewind(&m, &o), PARE_EINVAL);
    assert_string_equal(pare_error(), "no checkpoint 'epoch:7'; there are: "
                                      "init, epoch:1, step:4");
    o.to = "step:4";
    o.optimizer = true;
    assert_int_equal(pare_rewind(&m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "kept no optimizer state"));
    m.init.digest[0] ^= 1;
    o.to = "init";
    assert_int_equal(pare_rewind(&m, &o), PARE_EFORMAT);
    m.init.digest[0] ^= 1;
    pare_digest_state(after, &m);
    assert_string_equal(before, after);
    m.init.spec[0] = '\0';
    o.reinit = true;
    assert_int_equal(pare_rewind(&m, &o), PARE_EINVAL);
    pare_model_release(&m);
}

/* A digest of everything but the undo points and scores that it holds. */
static void state_without(char hex[PARE_DIGEST_LEN], struct pare_model *m)
{
    size_t points = m->n_checkpoints;

    while (m->n_checkpoints && m->checkpoint[m->n_checkpoints - 1].mask)
        m->n_checkpoints--;
    assert_int_equal(pare_digest_state(hex, m), 0);
    m->n_checkpoints = points;
}

static void an_undo_brings_back_all_that_was(void **state)
{
    char before[3][PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        struct pare_model m = trained();

        pare_model_drop_checkpoint(&m, "epoch:1"); /* prunings empty these */
        pare_model_drop_checkpoint(&m, "step:4");
        m.training.epoch_step = 1;
        m.training.sum_loss = 7;
        m.training.sum_samples = 10;
        for (int k = 0; k < 3; k++) {
            state_without(before[k], &m);
            assert_int_equal(pare_model_keep_undo(&m), 0);
            half(&m);
        }
        assert_int_equal(pare_undo(&m, n), 0);
        assert_int_equal(pare_model_undos(&m), 3 - n);
        state_without(after, &m);
        assert_string_equal(after, before[3 - n]);
        assert_int_equal(m.tensor[0].mask != NULL, n < 3);
        pare_model_release(&m);
    }
}

static void an_undo_goes_back_over_training_too(void **state)
{
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    struct pare_model m = trained();
    struct pare_history_row row = {.epoch = 3, .step = 12};

    (void)state;
    pare_model_drop_checkpoint(&m, "epoch:1");
    pare_model_drop_checkpoint(&m, "step:4");
    assert_int_equal(pare_digest_state(before, &m), 0);
    assert_int_equal(pare_model_keep_undo(&m), 0);
    half(&m);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        if (m.tensor[0].mask[i])
            m.tensor[0].value[i] = m.optim.slot[1][0][i] = 5;
    m.optim.step = m.training.step = m.training.sched_step = 12;
    m.training.epoch = 3;
    m.training.sum_samples = 3;
    assert_int_equal(pare_model_add_history(&m, &row), 0);
    assert_int_equal(pare_undo(&m, 1), 0);
    assert_int_equal(pare_digest_state(after, &m), 0);
    assert_string_equal(before, after);
    assert_int_equal(m.n_history, 2);
    pare_model_release(&m);
}

/* Promise 4 where a mask was let grow after the undo point. */
static void other_checkpoints_obey_the_mask_that_comes_back(void **state)
{
    struct pare_model m = trained();
    size_t i = 0;

    (void)state;
    half(&m);
    assert_int_equal(pare_model_keep_undo(&m), 0);
    while (m.tensor[0].mask[i])
        i++;
    m.tensor[0].mask[i] = 1;
    pare_model_checkpoint(&m, "epoch:1")->value[0][i] = 4;
    assert_int_equal(pare_undo(&m, 1), 0);
    assert_int_equal(m.tensor[0].mask[i], 0);
    assert_masked_is_zero(&m);
    pare_model_release(&m);
}

static void no_more_is_undone_than_the_model_holds(void **state)
{
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    struct pare_model m = trained();

    (void)state;
    assert_int_equal(pare_undo(&m, 1), PARE_EINVAL);
    assert_int_equal(pare_model_keep_undo(&m), 0);
    half(&m);
    assert_int_equal(pare_digest_state(before, &m), 0);
    assert_int_equal(pare_undo(&m, 0), PARE_EINVAL);
    assert_int_equal(pare_undo(&m, 2), PARE_EINVAL);
    assert_string_equal(pare_error(), "cannot take back 2 prunings: the model "
                                      "holds 1 undo point");
    assert_int_equal(pare_digest_state(after, &m), 0);
    assert_string_equal(before, after);
    pare_model_release(&m);
}

/* As a checkpoint like others its weights come under the mask of now. */
static void going_back_to_an_undo_point_keeps_the_mask(void **state)
{
    struct pare_rewind_options o = {.to = "undo:1"};
    struct pare_model m = trained();

    (void)state;
    assert_int_equal(pare_model_keep_undo(&m), 0);
    half(&m);
    m.tensor[0].value[0] = 3;
    assert_int_equal(pare_rewind(&m, &o), 0);
    assert_values(&m, pare_model_checkpoint(&m, "undo:1")->value);
    assert_int_equal(kept_weights(&m), 23);
    assert_int_equal(pare_model_undos(&m), 1);
    pare_model_release(&m);
}

static void scores_go_with_the_weights_and_curves_stay(void **state)
{
    struct pare_rewind_options o = {.to = "init"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pare_model m = trained();
        struct pare_curve c = {0, 1, calloc(1, 8), calloc(1, 8), calloc(1, 8)};

        assert_int_equal(pare_model_set_curve(&m, &c), 0);
        assert_non_null(pare_model_begin_scores(&m, "movement"));
        assert_int_equal(pare_model_keep_undo(&m), 0);
        half(&m);
        assert_int_equal(m.n_scores, 1);
        o.reinit = i == 1;
        assert_int_equal(i == 2 ? pare_undo(&m, 1) : pare_rewind(&m, &o), 0);
        assert_int_equal(m.n_scores, 0);
        assert_int_equal(m.n_curves, 1);
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_comes_back_bit_for_bit_under_the_mask),
        cmocka_unit_test(a_stored_checkpoint_comes_back_with_biases),
        cmocka_unit_test(optimizer_and_schedule_go_back_when_asked),
        cmocka_unit_test(back_to_init_empties_the_optimizer),
        cmocka_unit_test(an_unfinished_epoch_goes_back_with_the_schedule),
        cmocka_unit_test(reinit_draws_new_weights_that_become_init),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(an_undo_brings_back_all_that_was),
        cmocka_unit_test(an_undo_goes_back_over_training_too),
        cmocka_unit_test(other_checkpoints_obey_the_mask_that_comes_back),
        cmocka_unit_test(no_more_is_undone_than_the_model_holds),
        cmocka_unit_test(going_back_to_an_undo_point_keeps_the_mask),
        cmocka_unit_test(scores_go_with_the_weights_and_curves_stay),
    };

    return run_group(tests);
}
