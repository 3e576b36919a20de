#include "unit.h"

#include "evolve.h"
#include "rng.h"
#include "status.h"

static struct pare_evolve_spec parse(const char *text)
{
    struct pare_evolve_spec s;

    if (pare_evolve_parse(&s, text) != 0)
        fail_msg("%s: %s", text, pare_error());
    return s;
}

/* The text is refused with this in the message, and nothing is written. */
static void refuse(const char *text, const char *why)
{
    struct pare_evolve_spec s = {.seed = 77};

    if (pare_evolve_parse(&s, text) != PARE_EINVAL)
        fail_msg("'%s' was not refused", text);
    if (!strstr(pare_error(), why))
        fail_msg("'%s': \"%s\" lacks '%s'", text, pare_error(), why);
    assert_int_equal(s.seed, 77);
}

static void canonical_texts_name_every_key_of_the_row(void **state)
{
    static const char *const pair[][2] = {
        {"set", "set zeta=0.3 form=sorted decay=constant every=1 grow=random "
                "count=exact value=0 avoid=none"},
        {" set  value=normal:.10 zeta=.25\tform=sorted avoid=removed every=2",
         "set zeta=0.25 form=sorted decay=constant every=2 grow=random "
         "count=exact value=normal,sd=0.1 avoid=removed"},
        {"set p=.025 value=fan velocity=reset layers=fc1,fc2",
         "set zeta=0.3 form=sorted decay=constant p=0.025 grow=random "
         "count=exact value=fan avoid=none layers=fc1,fc2 velocity=reset"},
        {"rigl seed=18446744073709551615",
         "rigl zeta=0.3 decay=cosine every=step:100 until=3/4 grow=gradient "
         "count=exact value=0 avoid=none seed=18446744073709551615"},
        {"rigl start=step:0500 until=epoch:7 calibrate=50 every=step:250",
         "rigl zeta=0.3 decay=cosine every=step:250 start=step:500 until=7 "
         "grow=gradient count=exact value=0 avoid=none calibrate=50"},
        {"momentum decay=linear",
         "momentum zeta=0.5 decay=linear every=1 grow=momentum count=exact "
         "value=0 avoid=none redistribute=yes"},
        {"hebbian zeta=0 highest last",
         "hebbian zeta=0 tau=0.2 join=or highest=yes every=1 last=yes "
         "grow=random count=bernoulli value=0 avoid=removed"},
        {"hebbian grow=hebbian",
         "hebbian zeta=0.2 tau=0.2 join=or every=1 grow=hebbian count=strict "
         "value=0 avoid=removed"},
        {"weighted measure",
         "weighted zeta=0.3 form=kth decay=constant every=1 grow=random "
         "count=bernoulli value=0 avoid=removed measure=yes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct pare_evolve_spec s = parse(pair[i][0]), again;

        assert_string_equal(s.canon, pair[i][1]);
        again = parse(s.canon);
        assert_string_equal(again.canon, s.canon);
    }
}

static void words_become_what_drops_and_what_grows(void **state)
{
    struct pare_evolve_spec s = parse("set value=normal:.05 last=drop "
                                      "avoid=removed");

    (void)state;
    assert_string_equal(s.drop.rule->name, "set");
    assert_int_equal(s.drop.form, PARE_DROP_SORTED);
    assert_close(s.drop.zeta, .3, 0);
    assert_string_equal(s.grow.rule->name, "random");
    assert_int_equal(s.grow.counting, PARE_GROW_EXACT);
    assert_int_equal(s.grow.value, PARE_GROW_NORMAL);
    assert_close(s.grow.sd, .05, 0);
    assert_true(s.grow.avoid);
    assert_int_equal(s.grow.count, UINT64_MAX);
    assert_int_equal(s.last, PARE_EVOLVE_DROP);
    assert_false(s.reset || s.measure || s.has_seed);
    assert_true(isnan(s.p));
    s = parse("hebbian tau=.4 zeta=.1 join=and highest grow=hebbian lowest "
              "count=exact velocity=reset");
    assert_close(s.drop.tau, .4, 0);
    assert_true(s.drop.both == false && s.drop.highest);
    assert_true(s.grow.lowest && s.reset);
    assert_int_equal(s.grow.counting, PARE_GROW_EXACT);
    s = parse("hebbian join=or");
    assert_true(s.drop.both);
    s = parse("rigl");
    assert_string_equal(s.drop.rule->name, "magnitude");
    assert_int_equal(s.decay, PARE_EVOLVE_COSINE);
    assert_false(s.grow.avoid);
    assert_true(parse("momentum").grow.redistribute);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"", "no way to rewire"},
        {"zeta=.3", "a name comes first"},
        {"sets", "set, rigl, momentum, hebbian, weighted"},
        {"set zeta=1.5", "from 0 to 1"},
        {"set zeta", "from 0 to 1"},
        {"set zeta=nan", "from 0 to 1"},
        {"set zeta=.3 zeta=.3", "twice"},
        {"set every=1 every=1", "twice"},
        {"set zetta=.3", "no 'zetta': it takes zeta, form"},
        {"set tau=.3", "no 'tau'"},
        {"rigl form=kth", "no 'form'"},
        {"weighted highest", "no 'highest'"},
        {"set form=other", "slots|kth|sorted"},
        {"set form", "slots|kth|sorted"},
        {"set value=1", "normal,sd=S or fan"},
        {"set value=normal:-1", "standard deviation"},
        {"set every=0", "every is 0"},
        {"set every=1/2", "give one epoch"},
        {"set every=-1", "a time is"},
        {"set start=0", "start is 0"},
        {"set start=step:5", "both be"},
        {"set p=.1 every=2", "exclude each other"},
        {"set p=1.1", "from 0 to 1"},
        {"set p=.1 last=yes", "last does not go"},
        {"set p=.1 start=1", "start is a step"},
        {"set p=.1 measure", "measure goes with"},
        {"set every=step:9 measure=yes", "measure goes with"},
        {"set grow=file", "random|gradient"},
        {"set count=strict", "goes with growth by scores"},
        {"set lowest", "goes with growth by scores"},
        {"set calibrate=10", "calibrate goes with"},
        {"rigl calibrate=1.5", "whole number"},
        {"rigl count=bernoulli", "grow=random"},
        {"set seed=-1", "64 bits"},
        {"set seed=18446744073709551616", "64 bits"},
        {"set layers=", "needs a value"},
        {"set =3", "no key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i][0], bad[i][1]);
}

/* The times of a text over a run, "12 24 36". */
static void times_are(const char *text, struct pare_prune_run run,
                      const char *expected)
{
    struct pare_evolve_spec s = parse(text);
    struct pare_evolve_times x;
    char got[512] = "";
    uint64_t at, from = 0;

    if (pare_evolve_lay(&x, &s, &run) != 0)
        fail_msg("%s: %s", text, pare_error());
    while (pare_evolve_next(&at, &x, from) && strlen(got) < 400) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%llu",
                 got[0] ? " " : "", (unsigned long long)at);
        assert_true(at >= from);
        from = at + 1;
    }
    if (strcmp(got, expected) != 0)
        fail_msg("%s: times are %s, not %s", text, got, expected);
}

static void times_are_multiples_within_the_run(void **state)
{
    struct pare_prune_run epochs = {.epochs = 5, .per_epoch = 12};
    struct pare_prune_run steps = {.steps = 40, .per_epoch = 12};
    struct pare_prune_run begun = {.epochs = 3, .per_epoch = 12, .begun = 5};

    (void)state;
    times_are("set", epochs, "12 24 36 48");
    times_are("set last=yes", epochs, "12 24 36 48 60");
    times_are("set last=drop every=5", epochs, "60");
    times_are("set every=2", epochs, "24 48");
    times_are("set every=2 last=yes", epochs, "24 48");
    times_are("set start=2", epochs, "24 36 48");
    times_are("set every=2 start=1", epochs, "12 36");
    times_are("set until=3", epochs, "12 24 36");
    times_are("set until=1/2", epochs, "12 24");
    times_are("set until=step:35", epochs, "12 24");
    times_are("set until=5", epochs, "12 24 36 48");
    times_are("set every=6", epochs, "");
    times_are("set every=step:13", epochs, "13 26 39 52");
    times_are("set every=step:20 last=yes", epochs, "20 40 60");
    times_are("set", steps, "12 24 36");
    times_are("set last=yes", steps, "12 24 36");
    times_are("set every=step:20", steps, "20");
    times_are("set every=step:20 last=yes", steps, "20 40");
    times_are("set", begun, "7 19");
    times_are("set last=yes", begun, "7 19 31");
    times_are("set", (struct pare_prune_run){.per_epoch = 12}, "");
    times_are("rigl every=step:10", epochs, "10 20 30 40");
    times_are("rigl every=step:15", epochs, "15 30");
    times_are("momentum", epochs, "12 24 36 48");
    times_are("set p=1 until=step:3", epochs, "0 1 2 3");
    times_are("set p=1 start=step:58", epochs, "58 59");
}

static void a_run_too_short_for_its_times_is_refused(void **state)
{
    static const struct {
        const char *text;
        struct pare_prune_run run;
        const char *why;
    } bad[] = {
        {"set until=6", {.epochs = 5, .per_epoch = 12}, "beyond the run"},
        {"set until=6", {.epochs = 5}, "beyond the run"},
        {"set start=6", {.epochs = 5}, "beyond the run"},
        {"set until=step:61", {.epochs = 5, .per_epoch = 12}, "until=step:61"},
        {"rigl start=step:50", {.steps = 40}, "start=step:50"},
        {"set start=3 until=2", {.epochs = 5}, "until is before start"},
        {"set every=3 until=2", {.epochs = 5}, "until is before start"},
        {"set start=3 until=step:20",
         {.epochs = 5, .per_epoch = 12},
         "until is before start"},
        {"set last=yes until=3",
         {.epochs = 5, .per_epoch = 12},
         "ends before the run"},
        {"set last=yes decay=cosine",
         {.epochs = 5, .per_epoch = 12},
         "ends before the run"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pare_evolve_spec s = parse(bad[i].text);
        struct pare_evolve_times x = {.steps = 77};

        if (pare_evolve_lay(&x, &s, &bad[i].run) != PARE_EINVAL)
            fail_msg("'%s' was not refused", bad[i].text);
        if (!strstr(pare_error(), bad[i].why))
            fail_msg("'%s': \"%s\" lacks '%s'", bad[i].text, pare_error(),
                     bad[i].why);
        assert_int_equal(x.steps, 77);
    }
}

static void shares_decay_to_the_last_time(void **state)
{
    struct pare_prune_run run = {.steps = 1000, .per_epoch = 100};
    struct pare_evolve_spec s = parse("rigl zeta=.4");
    struct pare_evolve_times x;

    (void)state;
    assert_int_equal(pare_evolve_lay(&x, &s, &run), 0);
    assert_close(pare_evolve_share(&s, &x, 0), .4, 1e-15);
    assert_close(pare_evolve_share(&s, &x, 250), .3, 1e-15);
    assert_close(pare_evolve_share(&s, &x, 375), .2, 1e-15);
    assert_close(pare_evolve_share(&s, &x, 750), 0, 0);
    s = parse("momentum decay=linear zeta=.4");
    assert_int_equal(pare_evolve_lay(&x, &s, &run), 0);
    assert_close(pare_evolve_share(&s, &x, 250), .3, 1e-15);
    s = parse("set");
    assert_close(pare_evolve_share(&s, &x, 900), .3, 0);
}

static void draws_come_as_often_as_they_should(void **state)
{
    struct pare_evolve_spec s = parse("set p=.025");
    size_t n[2] = {0}, both = 0;
    uint32_t word[4];

    (void)state;
    for (uint64_t i = 0; i < 40000; i++) {
        bool a = pare_evolve_drawn(&s, 5, 0, i);
        bool b = pare_evolve_drawn(&s, 5, 2, i);

        n[0] += a;
        n[1] += b;
        both += a && b;
    }
    /* Means 1000 and 25, four deviations. */
    assert_true(n[0] > 875 && n[0] < 1125 && n[0] != n[1]);
    assert_true(n[1] > 875 && n[1] < 1125);
    assert_true(both > 5 && both < 45);
    pare_rng_block(word, 5, PARE_STREAM_EVOLVE, 2, 77);
    s.p = ((double)word[0] + 1) * 0x1p-32;
    assert_true(pare_evolve_drawn(&s, 5, 2, 77));
    s.p = (double)word[0] * 0x1p-32;
    assert_false(pare_evolve_drawn(&s, 5, 2, 77));
    s.p = 0;
    assert_false(pare_evolve_drawn(&s, 5, 2, 77));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts_name_every_key_of_the_row),
        cmocka_unit_test(words_become_what_drops_and_what_grows),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(times_are_multiples_within_the_run),
        cmocka_unit_test(a_run_too_short_for_its_times_is_refused),
        cmocka_unit_test(shares_decay_to_the_last_time),
        cmocka_unit_test(draws_come_as_often_as_they_should),
    };

    return run_group(tests);
}
