#include "unit.h"

#include "prune_schedule.h"
#include "prune_stages.h"
#include "status.h"

/* Words that were no options of the schedule. */
struct rest {
    char text[256];
    int fail_at; /* words until the callback fails; 0: never */
};

static int collect(void *arg, const struct pare_spec_item *w)
{
    struct rest *r = arg;
    size_t n = strlen(r->text);

    snprintf(r->text + n, sizeof r->text - n, "[%s%s%s]", w->key,
             w->has_value ? "=" : "", w->value);
    if (r->fail_at && --r->fail_at == 0)
        return pare_fail(PARE_EMISMATCH, "a word too many");
    return 0;
}

static struct pare_prune_schedule_spec parse(const char *text)
{
    struct pare_prune_schedule_spec s;
    struct rest rest = {{0}, 0};

    if (pare_prune_schedule_parse(&s, text, collect, &rest) != 0)
        fail_msg("%s: %s", text, pare_error());
    return s;
}

/* The text is refused with this in the message, and nothing is written. */
static void refuse(const char *text, const char *why)
{
    struct pare_prune_schedule_spec s = {.rounds = 77};
    struct rest rest = {{0}, 0};

    if (pare_prune_schedule_parse(&s, text, collect, &rest) != PARE_EINVAL)
        fail_msg("'%s' was not refused", text);
    if (!strstr(pare_error(), why))
        fail_msg("'%s': \"%s\" lacks '%s'", text, pare_error(), why);
    assert_int_equal(s.rounds, 77);
}

static void canonical_texts_name_every_option(void **state)
{
    static const char *const pair[][2] = {
        {"at=1/3,02/3", "at=1/3,2/3"},
        {"at at=epoch:10,20 f=.17", "at=10,20"},
        {" at=step:500,step:0900\tg=unit ", "at=step:500,step:900"},
        {"agp to=.9 end=10", "agp from=0 to=0.9 start=1 end=10 every=1"},
        {"exp from=.5 to=.90 start=0 end=6 every=2",
         "exp from=0.5 to=0.9 start=0 end=6 every=2"},
        {"agp to=1 end=step:90 every=step:7",
         "agp from=0 to=1 start=step:1 end=step:90 every=step:7"},
        {"iterative rounds=20", "iterative rounds=20 rewind=none"},
        {"iterative f=.2 rewind=epoch:03 rounds=1",
         "iterative rounds=1 rewind=epoch:3"},
        {"iterative rounds=2 rewind=init", "iterative rounds=2 rewind=init"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct pare_prune_schedule_spec s = parse(pair[i][0]), again;

        assert_string_equal(s.canon, pair[i][1]);
        again = parse(s.canon);
        assert_string_equal(again.canon, s.canon);
    }
}

static void other_words_are_handed_on_in_order(void **state)
{
    struct pare_prune_schedule_spec s;
    struct rest rest = {{0}, 0};

    (void)state;
    assert_int_equal(pare_prune_schedule_parse(
                         &s, "agp m=obs,damp=.1  to=.9 bias layer=fc*=.5 end=4",
                         collect, &rest),
                     0);
    assert_string_equal(rest.text, "[m=obs,damp=.1][bias][layer=fc*=.5]");
    rest = (struct rest){{0}, 2};
    assert_int_equal(
        pare_prune_schedule_parse(&s, "at=1 a=1 b=2 c=3", collect, &rest),
        PARE_EMISMATCH);
    assert_string_equal(rest.text, "[a=1][b=2]");
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    refuse("", "no pruning schedule");
    refuse("  ", "no pruning schedule");
    refuse("gradual to=.9", "there are at, agp, exp, iterative");
    refuse("f=.2 at=3", "comes first");
    refuse("at", "at needs at=");
    refuse("at=", "a time is");
    refuse("at=1,", "a time is");
    refuse("at=.5", "a time is");
    refuse("at=-1", "a time is");
    refuse("at=1e3", "a time is");
    refuse("at=step:", "a time is");
    refuse("at=step:1/3", "a time is");
    refuse("at=epoch:1/3", "a time is");
    refuse("at=0/0", "a time is");
    refuse("at=1/0", "a time is");
    refuse("at=4/3", "beyond the run");
    refuse("at=1000000001", "a time is");
    refuse("at=2,1", "increase");
    refuse("at=1/2,2/4", "increase");
    refuse("at=3,3", "increase");
    refuse("at=1 at=2", "twice");
    refuse("at=1 =2", "no key");
    refuse("at=1 to=.9", "to is of the schedule agp");
    refuse("agp end=9", "agp needs to=");
    refuse("agp to=.9", "agp needs end=");
    refuse("agp to=1.5 end=9", "from 0 to 1");
    refuse("agp to=nan end=9", "to");
    refuse("agp from=.9 to=.5 end=9", "from=0.9 is above to=0.5");
    refuse("agp to=.5 start=9 end=8", "start=9 is after end=8");
    refuse("agp to=.5 end=8 every=0", "every is 0");
    refuse("agp to=.5 end=1/2", "one epoch");
    refuse("agp to=.5 end=3,4", "one epoch");
    refuse("agp to=.5 start=1 end=step:9", "all be epochs");
    refuse("exp to=1 end=9", "leaves nothing");
    refuse("iterative", "iterative needs rounds=");
    refuse("iterative rounds=0", "from 1 to 1000");
    refuse("iterative rounds=1001", "from 1 to 1000");
    refuse("iterative rounds=2 rewind=best", "not 'best'");
    refuse("iterative rounds=2 rewind=epoch:", "not 'epoch:'");
    refuse("iterative rounds=2 rewind=epoch:x", "not 'epoch:x'");
    refuse("iterative rounds=2 rewind=", "not ''");
}

static void more_times_than_there_is_room_for_are_refused(void **state)
{
    char text[2 * PARE_SPEC_MAX] = "at=1";

    (void)state;
    for (int i = 2; i <= PARE_PRUNE_TIMES; i++)
        snprintf(text + strlen(text), 16, ",%d", i);
    assert_int_equal(parse(text).n_at, PARE_PRUNE_TIMES);
    strcat(text, ",65");
    refuse(text, "more than 64");
    for (int i = 0; i < 40; i++)
        strcat(text, ",0000");
    refuse(text, "too long");
}

struct want {
    bool in_steps;
    uint64_t until;
    double sparsity; /* below 0: none */
};

/* The prunings of a run, and whether training goes on after the last. */
static void expect(const char *text, struct pare_prune_run run,
                   const struct want *want, size_t n, bool goes_on)
{
    struct pare_prune_schedule_spec s = parse(text);
    struct pare_prune_stage *stage;
    size_t got;

    if (pare_prune_stages(&stage, &got, &s, &run) != 0)
        fail_msg("%s: %s", text, pare_error());
    assert_int_equal(got, n + goes_on);
    for (size_t i = 0; i < n; i++) {
        assert_true(stage[i].prune);
        assert_int_equal(stage[i].in_steps, want[i].in_steps);
        assert_int_equal(stage[i].until, want[i].until);
        assert_int_equal(isnan(stage[i].sparsity), want[i].sparsity < 0);
        if (want[i].sparsity >= 0)
            assert_close(stage[i].sparsity, want[i].sparsity, 1e-9);
    }
    if (goes_on)
        assert_false(stage[n].prune);
    free(stage);
}

#define EXPECT(text, run, goes_on, ...)                                        \
    do {                                                                       \
        const struct want w_[] = {__VA_ARGS__};                                \
        expect(text, run, w_, sizeof w_ / sizeof *w_, goes_on);                \
    } while (0)

static const struct pare_prune_run epochs10 = {10, 0, 7, 0};
static const struct pare_prune_run steps100 = {0, 100, 7, 0};

static void times_are_those_named(void **state)
{
    (void)state;
    EXPECT("at=10", epochs10, false, {false, 10, -1});
    EXPECT("at=0,4", epochs10, true, {false, 0, -1}, {false, 4, -1});
    EXPECT("at=step:5,2,step:15", epochs10, true, {true, 5, -1}, {false, 2, -1},
           {true, 15, -1});
    EXPECT("at=step:70", epochs10, false, {true, 70, -1});
    EXPECT("at=step:69", epochs10, true, {true, 69, -1});
}

static void parts_are_of_epochs_or_of_steps(void **state)
{
    const struct pare_prune_run long_run = {0, 999999999999999, 0, 0};

    (void)state;
    EXPECT("at=0/3,1/3,2/3,3/3", epochs10, false, {false, 0, -1},
           {false, 3, -1}, {false, 7, -1}, {false, 10, -1});
    EXPECT("at=1/3,2/3", steps100, true, {true, 33, -1}, {true, 67, -1});
    /* halves to even: 2.5 is 2, 7.5 is 8 */
    EXPECT("at=1/4,3/4", epochs10, true, {false, 2, -1}, {false, 8, -1});
    EXPECT("at=9999/10000", long_run, true, {true, 999899999999999, -1});
}

static void agp_is_the_cubic_of_zhu_and_gupta(void **state)
{
    (void)state;
    EXPECT("agp to=.9 start=0 end=3", epochs10, true, {false, 0, 0},
           {false, 1, .9 * 19 / 27}, {false, 2, .9 * 26 / 27}, {false, 3, .9});
    EXPECT("agp from=.5 to=.7 start=2 end=10 every=4", epochs10, false,
           {false, 2, .5}, {false, 6, .675}, {false, 10, .7});
    EXPECT("agp to=.8 start=step:10 end=step:20 every=step:5", epochs10, true,
           {true, 10, 0}, {true, 15, .7}, {true, 20, .8});
}

static void exp_is_geometric_in_density(void **state)
{
    (void)state;
    EXPECT("exp to=.9 start=0 end=3", epochs10, true, {false, 0, 0},
           {false, 1, 1 - .46415888336127786},
           {false, 2, 1 - .21544346900318834}, {false, 3, .9});
    EXPECT("exp from=.5 to=.875 start=1 end=3", epochs10, true, {false, 1, .5},
           {false, 2, .75}, {false, 3, .875});
}

static void the_end_is_always_a_time(void **state)
{
    (void)state;
    EXPECT("agp to=.8 start=1 end=6 every=2", epochs10, true, {false, 1, 0},
           {false, 3, .8 * (1 - .216)}, {false, 5, .8 * (1 - .008)},
           {false, 6, .8});
    EXPECT("exp to=.5 start=4 end=4", epochs10, true, {false, 4, .5});
    EXPECT("agp to=.5 start=4 end=7 every=99", epochs10, true, {false, 4, 0},
           {false, 7, .5});
    EXPECT("exp from=.5 to=.5 start=4 end=5", epochs10, true, {false, 4, .5},
           {false, 5, .5});
}

static void rounds_are_whole_runs(void **state)
{
    (void)state;
    EXPECT("iterative rounds=2 rewind=init", epochs10, true, {false, 10, -1},
           {false, 10, -1});
    EXPECT("iterative rounds=2 rewind=none", epochs10, true, {false, 10, -1},
           {false, 20, -1});
    EXPECT("iterative rounds=2", steps100, true, {true, 100, -1},
           {true, 200, -1});
}

static void the_last_stage_ends_where_the_run_does(void **state)
{
    struct pare_prune_schedule_spec s = parse("iterative rounds=2");
    struct pare_prune_stage *stage;
    size_t n;

    (void)state;
    assert_int_equal(pare_prune_stages(&stage, &n, &s, &epochs10), 0);
    assert_int_equal(stage[2].until, 30);
    free(stage);
    assert_int_equal(pare_prune_steps(&s, &epochs10), 210);
    s = parse("iterative rounds=2 rewind=init");
    assert_int_equal(pare_prune_steps(&s, &epochs10), 70);
    s = parse("at=3");
    assert_int_equal(pare_prune_stages(&stage, &n, &s, &steps100), 0);
    assert_int_equal(stage[1].until, 100);
    assert_true(stage[1].in_steps);
    free(stage);
    assert_int_equal(pare_prune_steps(&s, &steps100), 100);
    /* an epoch that was begun is one of those to finish */
    assert_int_equal(
        pare_prune_steps(&s, &(struct pare_prune_run){10, 0, 7, 3}), 67);
}

static void overrun(const char *text, struct pare_prune_run run,
                    const char *why)
{
    struct pare_prune_schedule_spec s = parse(text);
    struct pare_prune_stage *stage = NULL;
    size_t n = 5;

    if (pare_prune_stages(&stage, &n, &s, &run) != PARE_EINVAL)
        fail_msg("'%s' fits", text);
    if (!strstr(pare_error(), why))
        fail_msg("'%s': \"%s\" lacks '%s'", text, pare_error(), why);
    assert_null(stage);
    assert_int_equal(n, 5);
}

static void times_beyond_the_run_are_refused(void **state)
{
    const struct pare_prune_run unknown = {10, 0, 0, 0};
    const struct pare_prune_run begun = {10, 0, 7, 3};

    (void)state;
    overrun("at=11", epochs10, "beyond the run, which ends at epoch 10");
    overrun("at=11", unknown, "beyond the run");
    overrun("agp to=.9 end=11", unknown, "beyond the run");
    overrun("at=step:101", steps100, "beyond the run, which ends at step 100");
    overrun("at=15", steps100, "beyond the run");
    overrun("at=step:71", epochs10, "beyond the run");
    overrun("at=step:68", begun, "beyond the run");
    EXPECT("at=step:67", begun, false, {true, 67, -1});
    EXPECT("at=step:71", unknown, true, {true, 71, -1}); /* not known yet */
}

static void two_prunings_at_one_point_are_refused(void **state)
{
    const struct pare_prune_run epochs1 = {1, 0, 0, 0};

    (void)state;
    overrun("at=step:14,2", epochs10, "pruning 2, at epoch 2");
    overrun("at=2,step:13", epochs10, "pruning 2, at step 13");
    overrun("at=3/10,3", epochs10, "pruning 2, at epoch 3");
    overrun("at=2/3,3/3", epochs1, "pruning 2, at epoch 1");
}

static void too_many_prunings_are_refused(void **state)
{
    const struct pare_prune_run run = {0, 1000000, 7, 0};
    struct pare_prune_schedule_spec s = parse("agp to=.9 end=step:1000");
    struct pare_prune_stage *stage;
    size_t n;

    (void)state;
    assert_int_equal(pare_prune_stages(&stage, &n, &s, &run), 0);
    assert_int_equal(n, 1001);
    free(stage);
    overrun("agp to=.9 end=step:1001", run, "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts_name_every_option),
        cmocka_unit_test(other_words_are_handed_on_in_order),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(more_times_than_there_is_room_for_are_refused),
        cmocka_unit_test(times_are_those_named),
        cmocka_unit_test(parts_are_of_epochs_or_of_steps),
        cmocka_unit_test(agp_is_the_cubic_of_zhu_and_gupta),
        cmocka_unit_test(exp_is_geometric_in_density),
        cmocka_unit_test(the_end_is_always_a_time),
        cmocka_unit_test(rounds_are_whole_runs),
        cmocka_unit_test(the_last_stage_ends_where_the_run_does),
        cmocka_unit_test(times_beyond_the_run_are_refused),
        cmocka_unit_test(two_prunings_at_one_point_are_refused),
        cmocka_unit_test(too_many_prunings_are_refused),
    };

    return run_group(tests);
}
