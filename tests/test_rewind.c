#include "unit.h"

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
    };

    return run_group(tests);
}
