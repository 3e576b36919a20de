#include "unit.h"

#include "digest.h"
#include "optimizer.h"
#include "ref/optimizer_ref.h"
#include "status.h"

enum { N = 397 }; /* no multiple of any vector width */

static const char *const specs[] = {"sgd",
                                    "sgd,momentum=.9",
                                    "sgd,momentum=.9,nesterov",
                                    "adam",
                                    "adam,beta1=0,beta2=.9,eps=0",
                                    "adadelta"};
enum { N_SPECS = sizeof specs / sizeof *specs };

struct weights {
    float w[N], g[N], s0[N], s1[N];
    uint8_t mask[N];
};

static struct pare_optimizer_spec parse(const char *spec)
{
    struct pare_optimizer_spec o;

    if (pare_optimizer_parse(&o, spec) != 0)
        fail_msg("%s: %s", spec, pare_error());
    return o;
}

static void step(const struct pare_optimizer_spec *o, struct weights *x,
                 size_t first, size_t n, bool masked, uint64_t t, double lr,
                 double decay)
{
    struct pare_update u = {.lr = (float)lr, .weight_decay = (float)decay};

    o->row->prepare(&u, o->opt, t);
    o->row->update(x->w + first, x->g + first,
                   o->n_slots > 0 ? x->s0 + first : NULL,
                   o->n_slots > 1 ? x->s1 + first : NULL,
                   masked ? x->mask + first : NULL, n, &u);
}

static void fill(struct weights *x)
{
    memset(x, 0, sizeof *x);
    for (int i = 0; i < N; i++) {
        x->w[i] = (float)(sin(0.37 * i + 0.11) / 2);
        x->g[i] = (float)cos(0.53 * i);
        x->mask[i] = i % 3 != 1;
    }
}

static void five_steps_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof optimizer_ref / sizeof *optimizer_ref; c++) {
        struct pare_optimizer_spec o = parse(optimizer_ref[c].spec);
        struct weights x;

        fill(&x);
        for (int t = 0; t < REF_STEPS; t++) {
            for (int i = 0; i < REF_N; i++)
                x.g[i] = (float)cos(0.53 * i + 0.71 * t);
            step(&o, &x, 0, REF_N, false, (uint64_t)t + 1, optimizer_ref[c].lr,
                 optimizer_ref[c].weight_decay);
            for (int i = 0; i < REF_N; i++)
                assert_close(x.w[i], optimizer_ref[c].w[t][i], 3e-7);
        }
    }
}

static void bits_do_not_depend_on_how_weights_are_cut(void **state)
{
    struct weights whole, parts;

    (void)state;
    for (int c = 0; c < 2 * N_SPECS; c++) {
        struct pare_optimizer_spec o = parse(specs[c / 2]);

        fill(&whole);
        fill(&parts);
        for (uint64_t t = 1; t <= 4; t++) {
            step(&o, &whole, 0, N, c % 2, t, 0.01, 0.1);
            for (size_t i = 0; i < N; i++) /* scalar code */
                step(&o, &parts, i, 1, c % 2, t, 0.01, 0.1);
        }
        assert_memory_equal(&whole, &parts, sizeof whole);
    }
}

/*
 * The digests are those of plain and of vector code, of gcc and of clang:
 * whatever the processor, training gives these bits.
 */
static void bits_are_the_same_on_every_processor(void **state)
{
    static const char *const want[] = {
        "3ea92031a984f1441918b99921cfd4ca", "fef84fe976470aab2c73dce896a2f669",
        "35215e3c6527fcc8f11a4bd75288521e", "abc1ce0992749e3b34d89865490e5b78",
        "3bcc8f639c79658e7241cc986ab28c22", "c6b94ddc20049d3edbf81ea566e30848",
    };
    char hex[PARE_DIGEST_LEN];
    struct weights x;

    (void)state;
    for (int c = 0; c < N_SPECS; c++) {
        struct pare_optimizer_spec o = parse(specs[c]);
        struct pare_digest *d = pare_digest_new();

        assert_non_null(d);
        memset(&x, 0, sizeof x);
        for (uint64_t t = 1; t <= 20; t++) {
            for (int i = 0; i < N; i++)
                x.g[i] = (float)((i + 1) * (int)t * 7919 % 1009 - 504) / 977;
            step(&o, &x, 0, N, false, t, 0.01, 0.1);
        }
        pare_digest_bytes(d, x.w, sizeof x.w);
        pare_digest_finish(d, hex);
        assert_string_equal(hex, want[c]);
    }
}

static void kept_weights_do_not_feel_the_mask(void **state)
{
    struct weights masked, free_;

    (void)state;
    for (int c = 0; c < N_SPECS; c++) {
        struct pare_optimizer_spec o = parse(specs[c]);

        fill(&masked);
        fill(&free_);
        for (uint64_t t = 1; t <= 3; t++) {
            step(&o, &masked, 0, N, true, t, 0.01, 0.1);
            step(&o, &free_, 0, N, false, t, 0.01, 0.1);
        }
        for (int i = 0; i < N; i++) {
            if (!masked.mask[i])
                continue;
            assert_true(masked.w[i] == free_.w[i]);
            assert_true(masked.s0[i] == free_.s0[i]);
            assert_true(masked.s1[i] == free_.s1[i]);
        }
    }
}

static void pruned_weights_become_plus_zero_whatever_the_gradient(void **state)
{
    static const float evil[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e38f, -1.0f};
    static const float zero = 0.0f;
    struct weights x;

    (void)state;
    for (int c = 0; c < N_SPECS; c++) {
        struct pare_optimizer_spec o = parse(specs[c]);

        fill(&x);
        for (int i = 0; i < N; i++)
            if (!x.mask[i]) {
                x.g[i] = evil[i % 6];
                x.w[i] = evil[i / 6 % 6];
                x.s0[i] = o.n_slots > 0 ? evil[i % 5] : 0;
                x.s1[i] = o.n_slots > 1 ? evil[i % 4] : 0;
            }
        step(&o, &x, 0, N, true, 1, 0.01, 0.1);
        for (int i = 0; i < N; i++) {
            if (x.mask[i])
                continue;
            assert_memory_equal(&x.w[i], &zero, sizeof zero);
            assert_memory_equal(&x.s0[i], &zero, sizeof zero);
            assert_memory_equal(&x.s1[i], &zero, sizeof zero);
        }
    }
}

static void state_without_gradient_ends_in_zero(void **state)
{
    struct weights x;

    (void)state;
    for (int c = 0; c < N_SPECS; c++) {
        struct pare_optimizer_spec o = parse(specs[c]);

        fill(&x);
        memset(x.g, 0, sizeof x.g);
        for (int i = 0; i < N; i++) {
            x.s0[i] = o.n_slots > 0 ? 0x1p-126f : 0;
            x.s1[i] = o.n_slots > 1 ? 0x1p-126f : 0;
        }
        step(&o, &x, 0, N, c % 2, 5, 0.01, 0);
        for (int i = 0; i < N; i++)
            assert_true(x.s0[i] == 0 && x.s1[i] == 0 && isfinite(x.w[i]));
    }
}

static void canonical_texts_name_every_option(void **state)
{
    static const char *const pair[][2] = {
        {"sgd", "sgd,momentum=0,nesterov=no"},
        {"sgd,nesterov,momentum=.90", "sgd,momentum=0.9,nesterov=yes"},
        {"sgd,momentum=0.5,nesterov=no", "sgd,momentum=0.5,nesterov=no"},
        {"adam", "adam,beta1=0.9,beta2=0.999,eps=1e-08"},
        {"adam,eps=0", "adam,beta1=0.9,beta2=0.999,eps=0"},
        {"adadelta,rho=.95", "adadelta,rho=0.95,eps=1e-06"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct pare_optimizer_spec o = parse(pair[i][0]);

        assert_string_equal(o.canon, pair[i][1]);
        o = parse(o.canon);
        assert_string_equal(o.canon, pair[i][1]);
    }
    assert_int_equal(parse("sgd").n_slots, 0);
    assert_int_equal(parse("sgd,momentum=.1").n_slots, 1);
    assert_int_equal(parse("adam").n_slots, 2);
}

static void wrong_texts_are_refused_with_what_there_is(void **state)
{
    static const char *const bad[][2] = {
        {"", "empty"},
        {"sdg", "there are sgd, adam, adadelta"},
        {"sgd,beta1=.9", "there are momentum, nesterov"},
        {"sgd,momentum", "needs a value"},
        {"sgd,momentum=", "not a number"},
        {"sgd,momentum=x", "not a number"},
        {"sgd,momentum=1", "from 0 to below 1"},
        {"sgd,momentum=-.1", "from 0 to below 1"},
        {"sgd,momentum=.9,momentum=.8", "set twice"},
        {"sgd,nesterov", "needs a momentum"},
        {"sgd,momentum=.9,nesterov=1", "yes or no"},
        {"sgd,,momentum=.9", "empty"},
        {"sgd,", "empty"},
        {"sgd=1", "the name comes first"},
        {"adam,eps=2", "from 0 to 1"},
        {"adam,beta2=nan", "not a number"},
    };
    struct pare_optimizer_spec o = {.n_slots = 99};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pare_optimizer_parse(&o, bad[i][0]), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i][1]))
            fail_msg("%s: '%s' lacks '%s'", bad[i][0], pare_error(), bad[i][1]);
        assert_int_equal(o.n_slots, 99);
    }
}

static void every_row_parses_and_says_what_it_is(void **state)
{
    const struct pare_optimizer *row;
    size_t n = 0;

    (void)state;
    for (; (row = pare_optimizer(n)); n++) {
        assert_int_equal(parse(row->name).n_slots, row->n_slots);
        assert_true(row->help[0] && row->source[0] && row->default_lr > 0);
    }
    assert_int_equal(n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_steps_are_those_of_pytorch),
        cmocka_unit_test(bits_do_not_depend_on_how_weights_are_cut),
        cmocka_unit_test(bits_are_the_same_on_every_processor),
        cmocka_unit_test(kept_weights_do_not_feel_the_mask),
        cmocka_unit_test(pruned_weights_become_plus_zero_whatever_the_gradient),
        cmocka_unit_test(state_without_gradient_ends_in_zero),
        cmocka_unit_test(canonical_texts_name_every_option),
        cmocka_unit_test(wrong_texts_are_refused_with_what_there_is),
        cmocka_unit_test(every_row_parses_and_says_what_it_is),
    };

    return run_group(tests);
}
