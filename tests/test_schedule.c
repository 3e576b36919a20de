#include "unit.h"

#include "ref/schedule_ref.h"
#include "schedule.h"
#include "status.h"

static struct pare_schedule_spec parse(const char *spec)
{
    struct pare_schedule_spec s;

    if (pare_schedule_parse(&s, spec) != 0)
        fail_msg("%s: %s", spec, pare_error());
    return s;
}

static void learning_rates_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof schedule_ref / sizeof *schedule_ref; c++) {
        struct pare_schedule_spec s = parse(schedule_ref[c].spec);

        for (uint64_t t = 0; t < REF_STEPS; t++)
            assert_close(pare_schedule_lr(&s, 0.4, t, REF_STEPS, REF_PER_EPOCH),
                         schedule_ref[c].lr[t], 1e-9);
    }
}

static void the_last_value_stays(void **state)
{
    struct pare_schedule_spec s = parse("cosine,min=.01");

    (void)state;
    assert_close(pare_schedule_lr(&s, 1, 10, 10, 5), 0.01, 1e-15);
    assert_close(pare_schedule_lr(&s, 1, 99, 10, 5), 0.01, 1e-15);
    s = parse("one-cycle");
    assert_close(pare_schedule_lr(&s, 1, 9, 10, 5), 1 / 25e4, 1e-15);
    assert_close(pare_schedule_lr(&s, 1, 99, 10, 5), 1 / 25e4, 1e-15);
}

static void short_cycles_have_finite_rates(void **state)
{
    static const char *const specs[] = {"one-cycle", "one-cycle,pct=0",
                                        "one-cycle,pct=1", "cosine"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct pare_schedule_spec s = parse(specs[i]);

        for (uint64_t total = 1; total < 8; total++)
            for (uint64_t t = 0; t <= total; t++) {
                double lr = pare_schedule_lr(&s, 0.5, t, total, 1);

                assert_true(lr >= 0 && lr <= 0.5);
            }
    }
}

static void epochs_round_to_steps(void **state)
{
    struct pare_schedule_spec s = parse("step,at=.5:1e300,gamma=.5");

    (void)state;
    assert_close(pare_schedule_lr(&s, 1, 1, 9, 4), 1, 0);
    assert_close(pare_schedule_lr(&s, 1, 2, 9, 4), 0.5, 0);
    assert_close(pare_schedule_lr(&s, 1, 1u << 30, 9, 4), 0.5, 0);
    s = parse("step,every=.001,gamma=.5"); /* at least one step */
    assert_close(pare_schedule_lr(&s, 1, 3, 9, 4), 0.125, 0);
}

static void a_schedule_may_have_a_length_of_its_own(void **state)
{
    struct pare_schedule_spec own = parse("cosine,epochs=2.5");
    struct pare_schedule_spec run = parse("cosine");

    (void)state;
    assert_int_equal(pare_schedule_total(&own, 70, 4), 10);
    assert_int_equal(pare_schedule_total(&run, 70, 4), 70);
    assert_int_equal(pare_schedule_total(&run, 0, 4), 1);
}

static void a_run_can_give_a_schedule_its_length(void **state)
{
    struct pare_schedule_spec own = parse("one-cycle,epochs=2.5");
    struct pare_schedule_spec run = parse("cosine,warmup=1"), again;
    struct pare_schedule_spec open = parse("constant");

    (void)state;
    assert_int_equal(pare_schedule_set_length(&run, 100.0 / 7), 0);
    assert_string_equal(run.canon,
                        "cosine,min=0,epochs=14.285714285714286,warmup=1");
    again = parse(run.canon);
    assert_string_equal(again.canon, run.canon);
    assert_int_equal(pare_schedule_total(&again, 3, 7), 100);
    assert_int_equal(pare_schedule_set_length(&own, 9), 0);
    assert_close(own.epochs, 2.5, 0);
    assert_int_equal(pare_schedule_set_length(&open, 9), 0);
    assert_close(open.epochs, 0, 0);
    assert_string_equal(open.canon, "constant,warmup=0");
}

static void canonical_texts_name_every_option(void **state)
{
    static const char *const pair[][2] = {
        {"constant", "constant,warmup=0"},
        {"step,every=30", "step,every=30,gamma=0.1,warmup=0"},
        {"step,at=30:60,gamma=.5,warmup=5",
         "milestones,at=30:60,gamma=0.5,warmup=5"},
        {"step,gamma=.5,at=30,at=60", "milestones,at=30:60,gamma=0.5,warmup=0"},
        {"milestones,at=.5", "milestones,at=0.5,gamma=0.1,warmup=0"},
        {"cosine", "cosine,min=0,epochs=0,warmup=0"},
        {"one-cycle", "one-cycle,pct=0.3,div=25,final_div=10000,epochs=0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct pare_schedule_spec s = parse(pair[i][0]);

        assert_string_equal(s.canon, pair[i][1]);
        s = parse(s.canon);
        assert_string_equal(s.canon, pair[i][1]);
    }
}

static void wrong_texts_are_refused_with_what_there_is(void **state)
{
    static const char *const bad[][2] = {
        {"", "empty"},
        {"cosin", "there are constant, step, milestones, cosine, one-cycle"},
        {"step", "needs every=EPOCHS or at="},
        {"milestones", "needs at="},
        {"milestones,every=3", "there are at, gamma, warmup"},
        {"step,every=3,at=5", "milestones has no option 'every'"},
        {"step,at=5:5", "must increase"},
        {"step,at=5,at=4", "must increase"},
        {"step,at=5:", "not a number"},
        {"step,at=-1", "at least 0"},
        {"step,every=0", "at least 1e-06"},
        {"step,every=3,every=4", "set twice"},
        {"cosine,min=x", "not a number"},
        {"one-cycle,warmup=3", "there are pct, div, final_div, epochs"},
        {"one-cycle,pct=1.5", "from 0 to 1"},
        {"step=3", "the name comes first"},
    };
    struct pare_schedule_spec s = {.kind = 99};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pare_schedule_parse(&s, bad[i][0]), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i][1]))
            fail_msg("%s: '%s' lacks '%s'", bad[i][0], pare_error(), bad[i][1]);
        assert_int_equal(s.kind, 99);
    }
}

static void too_many_milestones_are_refused(void **state)
{
    char spec[PARE_SPEC_MAX] = "step,at=0";
    struct pare_schedule_spec s;

    (void)state;
    for (int i = 1; i < 64; i++)
        snprintf(spec + strlen(spec), sizeof spec - strlen(spec), ":%d", i);
    assert_int_equal(parse(spec).n_at, 64);
    snprintf(spec + strlen(spec), sizeof spec - strlen(spec), ":64");
    assert_int_equal(pare_schedule_parse(&s, spec), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "more than 64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_rates_are_those_of_pytorch),
        cmocka_unit_test(the_last_value_stays),
        cmocka_unit_test(short_cycles_have_finite_rates),
        cmocka_unit_test(epochs_round_to_steps),
        cmocka_unit_test(a_schedule_may_have_a_length_of_its_own),
        cmocka_unit_test(a_run_can_give_a_schedule_its_length),
        cmocka_unit_test(canonical_texts_name_every_option),
        cmocka_unit_test(wrong_texts_are_refused_with_what_there_is),
        cmocka_unit_test(too_many_milestones_are_refused),
    };

    return run_group(tests);
}
