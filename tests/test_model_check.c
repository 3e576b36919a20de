#include "unit.h"

#include "levels_fixture.h"
#include "model_file.h"

struct lines {
    int n;
    char last[1024];
};

static void keep(void *arg, const char *line)
{
    struct lines *lines = arg;

    lines->n++;
    snprintf(lines->last, sizeof lines->last, "%s", line);
}

static void assert_finds(const struct pare_model *m, int n, const char *what)
{
    struct lines lines = {0};
    int found = pare_model_check(m, keep, &lines);

    if (found != n || lines.n != n || !strstr(lines.last, what))
        fail_msg("%d findings, the last '%s'", found, lines.last);
}

static void a_sound_model_has_no_findings(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_rich(&m, "6-4-2", 3);
    assert_finds(&m, 0, "");
    assert_int_equal(pare_model_check(&m, NULL, NULL), 0);
    pare_model_release(&m);
}

static void values_off_their_levels_are_found(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_plain(&m, "6-4-2");
    fixture_levels(&m, FIXTURE_BOOK);
    assert_finds(&m, 0, "");
    m.tensor[0].value[1] = 0.3F;
    assert_finds(&m, 1, "'fc1.weight' holds 0.3");
    pare_model_release(&m);
}

static void what_lives_under_a_mask_is_found(void **state)
{
    struct pare_model m;
    size_t pruned = 0;

    (void)state;
    fixture_rich(&m, "6-4-2", 3);
    while (m.tensor[0].mask[pruned])
        pruned++;
    m.tensor[0].value[pruned] = 1;
    assert_finds(&m, 1, "fc1.weight: 1 pruned values are not 0");
    m.optim.slot[1][0][pruned] = 1;
    assert_finds(&m, 2, "optimizer slot 1, fc1.weight: 1 pruned");
    pare_model_checkpoint(&m, "best")->value[0][pruned] = 1;
    assert_finds(&m, 3, "checkpoint best, fc1.weight: 1 pruned");
    pare_model_checkpoint(&m, "epoch:3")->optim.slot[0][0][pruned] = 1;
    assert_finds(&m, 4, "");
    pare_model_release(&m);
}

static void other_faults_are_found(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_rich(&m, "6-4-2", 0);
    m.optim.slot[0][1][0] = NAN;
    assert_finds(&m, 1, "not finite");
    m.optim.slot[0][1][0] = 0;
    m.init.seed++;
    assert_finds(&m, 1, "checkpoint init");
    m.init.seed--;
    m.step[0][0] = 'x';
    assert_finds(&m, 1, "provenance, line 1");
    pare_model_release(&m);
}

/* Settings that the next run would stumble over. */
static void settings_that_no_run_can_have_are_found(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_rich(&m, "6-4-2", 0);
    strcpy(m.training.loss, "foo");
    assert_finds(&m, 1, "training: unknown loss 'foo'");
    strcpy(m.training.loss, "mse");
    strcpy(m.training.schedule, "onecycle");
    assert_finds(&m, 1, "training: unknown schedule");
    strcpy(m.training.schedule, "cosine");
    m.training.lr = (double)NAN;
    assert_finds(&m, 1, "training: the learning rate is nan");
    m.training.lr = 1;
    m.training.epoch_step = m.training.steps_per_epoch = 5;
    assert_finds(&m, 1, "training: the epoch has 5 steps, 5 are done");
    m.training.epoch_step = 0;
    strcpy(m.optim.spec, "sgd");
    assert_finds(&m, 1, "optimizer: 2 arrays a tensor, sgd has 0");
    strcpy(m.optim.spec, "sgd,momentum");
    assert_finds(&m, 1, "optimizer: sgd");
    m.training.batch = 0;
    m.training.lr = (double)NAN;
    strcpy(m.optim.spec, "adam");
    assert_finds(&m, 0, ""); /* never trained */
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_model_has_no_findings),
        cmocka_unit_test(values_off_their_levels_are_found),
        cmocka_unit_test(what_lives_under_a_mask_is_found),
        cmocka_unit_test(other_faults_are_found),
        cmocka_unit_test(settings_that_no_run_can_have_are_found),
    };

    return run_group(tests);
}
