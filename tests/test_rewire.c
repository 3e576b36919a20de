#include "compact.h"
#include "evaluate.h"
#include "gathered.h"
#include "rewire.h"
#include "rng.h"
#include "status.h"
#include "unit.h"

#include "ref/rewire_ref.h"
#include "small_model.h"

#define CELLS (REF_OUT * REF_IN)

/* 12-10-3 whose first layer is one of the reference, with coactivations. */
static struct pare_model reference(const float *weight,
                                   const unsigned char *mask)
{
    struct pare_model m = small_model("12-10-3", 3);
    struct pare_tensor *t = &m.tensor[0];

    assert_int_equal(t->n, CELLS);
    assert_int_equal(pare_tensor_need_mask(t), 0);
    memcpy(t->mask, mask, CELLS);
    memcpy(t->value, weight, CELLS * sizeof *weight);
    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 1), 0);
    for (size_t i = 0; i < CELLS; i++)
        m.optim.slot[0][0][i] = (float)(i + 1);
    assert_int_equal(pare_model_save_checkpoint(&m, "epoch:1", true), 0);
    pare_model_apply_masks(&m);
    return m;
}

static void count(struct pare_model *m)
{
    struct pare_scores *s = pare_model_begin_scores(m, "hebbian");

    assert_non_null(s);
    memcpy(s->value[0], ref_count, sizeof ref_count);
}

static struct pare_rewire_report drop(struct pare_model *m, const char *spec)
{
    struct pare_rewire_report r;
    struct pare_drop_options o = {0};

    assert_int_equal(pare_drop_parse(&o, spec), 0);
    assert_int_equal(pare_drop(&r, m, &o), 0);
    return r;
}

static struct pare_rewire_report grow(struct pare_model *m,
                                      const struct pare_grow_options *o)
{
    struct pare_rewire_report r;
    int rc = pare_grow(&r, m, o);

    if (rc)
        fail_msg("%s", pare_error());
    return r;
}

static struct pare_grow_options by(const char *rule)
{
    struct pare_grow_options o;

    pare_grow_defaults(&o);
    o.rule = pare_grow_find(rule);
    assert_non_null(o.rule);
    return o;
}

/* ---- dropping ---------------------------------------------------------- */

static void check_drop(const char *spec, const float *weight,
                       const unsigned char *mask, const char *gone,
                       bool compact)
{
    struct pare_model m = reference(weight, mask);
    struct pare_tensor *t = &m.tensor[0];
    struct pare_rewire_report r;
    uint64_t n = 0, before = pare_tensor_kept(t);

    if (compact)
        assert_int_equal(pare_tensor_compact(&m, 0), 0);
    else
        count(&m);
    assert_int_equal(t->pattern != NULL, compact);
    r = drop(&m, spec);
    assert_int_equal(pare_tensor_expand(&m, 0), 0);
    for (size_t i = 0; i < CELLS; i++) {
        bool stays = mask[i] && gone[i] == '0';

        if (t->mask[i] != stays)
            fail_msg("%s: %zu (%g, %g) is %d", spec, i, (double)weight[i],
                     (double)ref_count[i], t->mask[i]);
        assert_true(t->value[i] == (stays ? weight[i] : 0));
        assert_true(pare_marks_have(&t->removed, i) == (mask[i] && !stays));
        n += mask[i] && !stays;
    }
    assert_masked_is_zero(&m);
    assert_int_equal(r.n_rows, 1);
    assert_int_equal(r.row[0].tensor, 0);
    assert_int_equal(r.before, before);
    assert_int_equal(r.removed, n);
    assert_int_equal(r.after, before - n);
    assert_int_equal(t->removed.n, n);
    assert_int_equal(t->target, before);
    assert_int_equal(pare_tensor_kept(&m.tensor[2]), m.tensor[2].n);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void each_rule_removes_what_its_publication_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ref_drop / sizeof *ref_drop; i++) {
        const char *spec = ref_drop[i].spec;
        bool plain =
            strncmp(spec, "set", 3) == 0 || strncmp(spec, "magnitude", 9) == 0;

        for (int compact = 0; compact <= plain; compact++) {
            check_drop(spec, ref_many_weight, ref_many_mask, ref_drop[i].many,
                       compact);
            check_drop(spec, ref_few_weight, ref_few_mask, ref_drop[i].few,
                       compact);
        }
    }
}

static void slots_take_the_same_share_of_each_sign(void **state)
{
    /* 5 above 0, 4 below, a 0 that stays: 2 and 1 go at .4, ties by place. */
    static const float w[10] = {0.5f, -1,    2, 0.1f, -0.2f,
                                0,    -0.2f, 3, -2,   0.5f};
    float weight[CELLS] = {0};
    unsigned char mask[CELLS] = {0};
    struct pare_model m;
    struct pare_rewire_report r;

    (void)state;
    memcpy(weight, w, sizeof w);
    memset(mask, 1, 10);
    m = reference(weight, mask);
    r = drop(&m, "set,zeta=.4,form=slots");
    /* Of .5, 2, .1, 3, .5 go .1 and the first .5; of -1, -.2, -.2, -2 goes
       the first -.2. */
    assert_int_equal(r.removed, 3);
    assert_int_equal(m.tensor[0].removed.at[0], 0);
    assert_int_equal(m.tensor[0].removed.at[1], 3);
    assert_int_equal(m.tensor[0].removed.at[2], 4);
    assert_int_equal(m.tensor[0].mask[5], 1);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void layers_that_are_dense_are_left_alone_unless_named(void **state)
{
    const char *const only[] = {"fc2"};
    struct pare_drop_options o = {0};
    struct pare_rewire_report r;
    struct pare_model m = small_model("12-10-3", 3);

    (void)state;
    assert_int_equal(pare_drop_parse(&o, "set,form=slots"), 0);
    assert_int_equal(pare_drop(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "no layer is sparse"));
    assert_null(m.tensor[0].mask);
    o.only = only;
    o.n_only = 1;
    assert_int_equal(pare_drop(&r, &m, &o), 0);
    assert_int_equal(r.n_rows, 1);
    assert_int_equal(r.row[0].tensor, 2);
    assert_int_equal(m.tensor[2].target, 30);
    assert_int_equal(m.n_rewirings, 1);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void rules_by_coactivations_need_them(void **state)
{
    struct pare_model m = reference(ref_many_weight, ref_many_mask);
    struct pare_drop_options o = {0};
    struct pare_rewire_report r;

    (void)state;
    assert_int_equal(pare_drop_parse(&o, "weighted"), 0);
    assert_int_equal(pare_drop(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "--accumulate hebbian"));
    assert_int_equal(m.tensor[0].target, 0);
    pare_model_release(&m);
}

static void texts_have_one_canonical_form(void **state)
{
    static const struct {
        const char *spec, *canon;
    } row[] = {
        {"set", "set,zeta=0.3,form=sorted"},
        {"set,form=sorted,zeta=.5", "set,zeta=0.5,form=sorted"},
        {"w*c,zeta=.2", "weighted,zeta=0.2,form=kth"},
        {"magnitude,zeta=.3", "magnitude,zeta=0.3"},
        {"hebbian,tau=.2", "hebbian,tau=0.2,zeta=0,form=kth,join=or"},
        {"hebbian,tau=.2,highest,join=and,zeta=1",
         "hebbian,tau=0.2,zeta=1,form=kth,join=and,highest=yes"},
    };
    static const char *const bad[] = {"set,zeta=1.1",
                                      "set,zeta=-1",
                                      "set,zeta",
                                      "set,tau=.1",
                                      "set,form=none",
                                      "set,form=all",
                                      "magnitude,form=slots",
                                      "hebbian,join=xor",
                                      "hebbian,highest",
                                      "hebbian,tau=nan",
                                      "set,,",
                                      "nothing",
                                      "set=3",
                                      "",
                                      "weighted,join=or"};
    struct pare_drop_options o = {0}, again = {0};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_true(pare_drop_named(row[i].spec));
        assert_int_equal(pare_drop_parse(&o, row[i].spec), 0);
        assert_string_equal(o.canon, row[i].canon);
        assert_int_equal(pare_drop_parse(&again, o.canon), 0);
        assert_string_equal(again.canon, o.canon);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pare_drop_parse(&o, bad[i]) != PARE_EINVAL)
            fail_msg("'%s' is taken", bad[i]);
    assert_string_equal(o.canon, row[5].canon);
    assert_false(pare_drop_named("magnitude"));
    assert_false(pare_drop_named("hebbian,largest"));
    assert_false(pare_drop_named("random"));
    assert_false(pare_drop_named(""));
}

/* ---- growing ----------------------------------------------------------- */

/* A layer of 120 with the given share kept, and some of it just removed. */
static struct pare_model after_a_drop(bool compact)
{
    struct pare_model m = reference(ref_many_weight, ref_many_mask);
    struct pare_rewire_report r;

    if (compact)
        assert_int_equal(pare_tensor_compact(&m, 0), 0);
    r = drop(&m, "set,zeta=.3,form=slots");
    pare_rewire_report_release(&r);
    return m;
}

static void random_growth_is_exact_and_goes_where_it_may(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct pare_model m = after_a_drop(seed & 1);
        struct pare_tensor *t = &m.tensor[0];
        struct pare_grow_options o = by("random");
        struct pare_rewire_report r;
        struct pare_marks removed = {0};
        uint8_t was[CELLS];

        o.seed = seed;
        o.avoid = seed & 2;
        assert_int_equal(pare_marks_copy(&removed, &t->removed), 0);
        assert_int_equal(pare_tensor_expand(&m, 0), 0);
        memcpy(was, t->mask, CELLS);
        if (seed & 1)
            assert_int_equal(pare_tensor_compact(&m, 0), 0);
        r = grow(&m, &o);
        assert_int_equal(pare_tensor_kept(t), t->target);
        assert_int_equal(r.grown, removed.n);
        assert_int_equal(t->added.n, removed.n);
        assert_int_equal(t->removed.n, 0);
        assert_int_equal(t->pattern != NULL, seed & 1);
        assert_int_equal(pare_tensor_expand(&m, 0), 0);
        for (size_t i = 0; i < CELLS; i++) {
            bool is_new = pare_marks_have(&t->added, i);

            assert_int_equal(t->mask[i], was[i] || is_new);
            assert_false(was[i] && is_new);
            if (o.avoid)
                assert_false(is_new && pare_marks_have(&removed, i));
            if (is_new)
                assert_true(t->value[i] == 0 && m.optim.slot[0][0][i] == 0);
            else if (was[i])
                assert_true(t->value[i] == ref_many_weight[i] &&
                            m.optim.slot[0][0][i] == (float)(i + 1));
        }
        assert_masked_is_zero(&m);
        pare_marks_release(&removed);
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
}

static void random_growth_is_uniform(void **state)
{
    struct pare_grow_options o = by("random");
    unsigned seen[CELLS] = {0};
    double chi = 0, mean;
    size_t open = 0;
    uint64_t n = 0;

    (void)state;
    o.avoid = true;
    for (o.seed = 0; o.seed < 3000; o.seed++) {
        struct pare_model m = after_a_drop(true);
        struct pare_rewire_report r = grow(&m, &o);

        n = m.tensor[0].added.n;
        for (uint64_t i = 0; i < n; i++)
            seen[m.tensor[0].added.at[i]]++;
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
    for (size_t i = 0; i < CELLS; i++)
        open += !ref_many_mask[i];
    mean = 3000 * (double)n / (double)open;
    for (size_t i = 0; i < CELLS; i++)
        if (!ref_many_mask[i])
            chi += ((double)seen[i] - mean) * ((double)seen[i] - mean) / mean;
    /* Without replacement the variance is smaller by 1 - n / open. */
    chi /= 1 - (double)n / (double)open;
    assert_close(chi, open - 1, 4 * sqrt(2 * (double)(open - 1)));
}

static void bernoulli_growth_has_the_count_in_the_mean(void **state)
{
    struct pare_grow_options o = by("random");
    double sum = 0, square = 0, mean, sd, p;
    uint64_t want = 0, open = 0;

    (void)state;
    o.counting = PARE_GROW_BERNOULLI;
    for (o.seed = 0; o.seed < 3000; o.seed++) {
        struct pare_model m = after_a_drop(o.seed & 1);
        struct pare_rewire_report r;

        want = m.tensor[0].removed.n;
        open = CELLS - pare_tensor_kept(&m.tensor[0]);
        r = grow(&m, &o);
        sum += (double)r.grown;
        square += (double)r.grown * (double)r.grown;
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
    mean = sum / 3000;
    sd = sqrt(square / 3000 - mean * mean);
    p = (double)want / (double)open;
    assert_close(mean, (double)want, 4 * sd / sqrt(3000));
    assert_close(sd, sqrt((double)open * p * (1 - p)), 0.2);
}

static void bernoulli_growth_takes_all_there_is(void **state)
{
    struct pare_grow_options o = by("random");
    struct pare_model m = after_a_drop(true);
    struct pare_rewire_report r;

    (void)state;
    o.counting = PARE_GROW_BERNOULLI;
    o.count = 1000;
    r = grow(&m, &o);
    assert_int_equal(r.after, CELLS);
    assert_null(m.tensor[0].mask);
    assert_null(m.tensor[0].pattern);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void a_layer_without_room_is_named(void **state)
{
    struct pare_grow_options o = by("random");
    struct pare_model m = after_a_drop(false);
    struct pare_rewire_report r = {0};
    size_t kept = pare_tensor_kept(&m.tensor[0]);

    (void)state;
    o.count = CELLS - kept + 1;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "layer fc1 has no room for"));
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), kept);
    o.count = CELLS - kept;
    o.avoid = true;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "the last pruning removed"));
    assert_null(r.row);
    pare_model_release(&m);
}

static void growth_reaches_a_count_or_a_density(void **state)
{
    struct pare_grow_options o = by("random");
    struct pare_model m = after_a_drop(false);
    size_t kept = pare_tensor_kept(&m.tensor[0]);
    uint64_t target = m.tensor[0].target;
    struct pare_rewire_report r;

    (void)state;
    o.count = 5;
    r = grow(&m, &o);
    pare_rewire_report_release(&r);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), kept + 5);
    assert_int_equal(m.tensor[0].target, target);
    o.count = UINT64_MAX;
    o.density = 0.9;
    r = grow(&m, &o);
    pare_rewire_report_release(&r);
    assert_int_equal(pare_tensor_kept(&m.tensor[0]), 108);
    assert_int_equal(m.tensor[0].target, 108);
    o.density = 0.2;
    r = grow(&m, &o);
    assert_int_equal(r.grown, 0);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void new_values_are_drawn_in_order(void **state)
{
    (void)state;
    for (int fan = 0; fan < 2; fan++) {
        struct pare_grow_options o = by("random");
        struct pare_model a = after_a_drop(false), b = after_a_drop(true);
        struct pare_rewire_report r, s;
        const struct pare_marks *added = &a.tensor[0].added;
        float want[CELLS];

        o.seed = 77;
        assert_int_equal(
            pare_grow_value_parse(&o, fan ? "fan" : "normal,sd=.1"), 0);
        r = grow(&a, &o);
        s = grow(&b, &o);
        pare_rng_normal(want, added->n, fan ? sqrt(2.0 / REF_IN) : 0.1, 77,
                        PARE_STREAM_NEW, 0);
        for (size_t i = 0; i < added->n; i++)
            assert_true(a.tensor[0].value[added->at[i]] == want[i]);
        assert_int_equal(pare_model_expand(&b), 0);
        assert_memory_equal(a.tensor[0].mask, b.tensor[0].mask, CELLS);
        assert_memory_equal(a.tensor[0].value, b.tensor[0].value,
                            CELLS * sizeof(float));
        pare_rewire_report_release(&r);
        pare_rewire_report_release(&s);
        pare_model_release(&a);
        pare_model_release(&b);
    }
}

/* Does the layer have, of the free positions, the n best by score? */
static void assert_best(const struct pare_tensor *t, const uint8_t *was,
                        const float *score, bool lowest)
{
    for (size_t i = 0; i < CELLS; i++)
        for (size_t k = 0; k < CELLS; k++) {
            bool better = lowest ? score[k] < score[i] : score[k] > score[i];

            if (was[i] || was[k] || !pare_marks_have(&t->added, i))
                continue;
            if (better || (score[k] == score[i] && k < i))
                assert_true(pare_marks_have(&t->added, k));
        }
}

static void scores_grow_the_best_exactly_strictly_or_with_ties(void **state)
{
    const float *given[6] = {ref_count};

    (void)state;
    for (int way = 0; way < 4; way++) {
        struct pare_grow_options o = by("file");
        struct pare_model m = after_a_drop(way & 1);
        struct pare_tensor *t = &m.tensor[0];
        uint8_t was[CELLS];
        struct pare_rewire_report r;
        size_t more = 0, equals = 0;
        float bar;

        o.given = given;
        o.lowest = way & 2;
        /* One fewer than all that are equal to the worst of them. */
        o.count = way & 2 ? 15 : 20;
        assert_int_equal(pare_tensor_expand(&m, 0), 0);
        memcpy(was, t->mask, CELLS);
        r = grow(&m, &o);
        assert_int_equal(r.grown, o.count);
        assert_best(t, was, ref_count, o.lowest);
        bar = o.lowest ? -1 : 100;
        for (size_t i = 0; i < CELLS; i++)
            if (!was[i] && pare_marks_have(&t->added, i) &&
                (o.lowest ? ref_count[i] > bar : ref_count[i] < bar))
                bar = ref_count[i];
        for (size_t i = 0; i < CELLS; i++)
            more +=
                !was[i] && (o.lowest ? ref_count[i] < bar : ref_count[i] > bar);
        for (size_t i = 0; i < CELLS; i++)
            equals += ref_count[i] == bar && !t->mask[i];
        assert_true(equals > 0 && more < r.grown);
        pare_rewire_report_release(&r);
        pare_model_release(&m);
        /* The worst that grew has equals that did not: strictly, none. */
        m = after_a_drop(false);
        o.counting = PARE_GROW_STRICT;
        r = grow(&m, &o);
        assert_int_equal(r.grown, more);
        pare_rewire_report_release(&r);
        pare_model_release(&m);
        /* With ties they all grow. */
        m = after_a_drop(way & 1);
        o.counting = PARE_GROW_TIES;
        r = grow(&m, &o);
        assert_int_equal(r.grown, o.count + equals);
        assert_int_equal(pare_tensor_expand(&m, 0), 0);
        assert_best(&m.tensor[0], was, ref_count, o.lowest);
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
}

/* By the gradient of positions that a mask covers, or a dense state. */
static void gradients_grow_connections(void **state)
{
    float x[20 * REF_IN], whole[CELLS];
    int32_t y[20];
    float *grad[6] = {whole};
    uint32_t index[20];
    struct pare_dataset d = {.shape = {1, {REF_IN}},
                             .features = REF_IN,
                             .type = PARE_X_F32,
                             .n_classes = 3,
                             .norm.scale = 1};

    (void)state;
    pare_rng_normal(x, 20 * REF_IN, 1, 4, PARE_STREAM_INIT, 0);
    for (uint32_t i = 0; i < 20; i++) {
        y[i] = (int32_t)(i % 3);
        index[i] = i;
    }
    d.split[PARE_TRAIN] = (struct pare_split){.n = 20, .x = x, .y = y};
    for (int way = 0; way < 3; way++) {
        struct pare_grow_options o = by(way == 2 ? "momentum" : "gradient");
        struct pare_model m = after_a_drop(way == 1);
        struct pare_rewire_report r;
        uint8_t was[CELLS];
        size_t live = 0;

        strcpy(m.training.loss, "cross-entropy");
        o.data = &d;
        o.calibrate = 20;
        assert_int_equal(pare_tensor_expand(&m, 0), 0);
        memcpy(was, m.tensor[0].mask, CELLS);
        if (way == 2) { /* the dense state in the place of the gradient */
            strcpy(m.training.dialect, "numenta");
            o.data = NULL;
            for (size_t i = 0; i < CELLS; i++)
                m.optim.slot[0][0][i] = whole[i] = ref_count[i] - 7;
        } else {
            assert_int_equal(pare_gradient(grad, &m, &d, index, 20, 1), 0);
        }
        for (size_t i = 0; i < CELLS; i++) {
            whole[i] = fabsf(whole[i]);
            live += !was[i] && whole[i] > 0;
        }
        assert_true(live > 30);
        if (way == 1)
            assert_int_equal(pare_tensor_compact(&m, 0), 0);
        r = grow(&m, &o);
        assert_int_equal(r.after, m.tensor[0].target);
        assert_int_equal(m.tensor[0].pattern != NULL, way == 1);
        if (way == 2)
            assert_best(&m.tensor[0], was, whole, false);
        else /* sums over another order of the samples */
            for (size_t i = 0; i < CELLS; i++)
                for (size_t k = 0; k < CELLS; k++)
                    if (!was[i] && !was[k] &&
                        pare_marks_have(&m.tensor[0].added, i) &&
                        whole[k] > whole[i] * 1.0001f)
                        assert_true(pare_marks_have(&m.tensor[0].added, k));
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
}

static void coactivations_grow_connections(void **state)
{
    struct pare_grow_options o = by("hebbian");
    struct pare_model m = after_a_drop(false);
    struct pare_rewire_report r = {0};
    uint8_t was[CELLS];

    (void)state;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "--accumulate hebbian"));
    count(&m);
    memcpy(was, m.tensor[0].mask, CELLS);
    r = grow(&m, &o);
    assert_best(&m.tensor[0], was, ref_count, false);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

static void a_dialect_keeps_state_dense_or_moves_it(void **state)
{
    struct pare_grow_options o = by("random");
    struct pare_rewire_report r;
    struct pare_model m = reference(ref_many_weight, ref_many_mask);
    float *slot = m.optim.slot[0][0];
    const struct pare_tensor *t = &m.tensor[0];
    uint64_t moved[CELLS];

    (void)state;
    strcpy(m.training.dialect, "numenta");
    for (size_t i = 0; i < CELLS; i++)
        slot[i] = (float)(i + 1);
    r = drop(&m, "set,form=slots");
    pare_rewire_report_release(&r);
    r = grow(&m, &o);
    pare_rewire_report_release(&r);
    for (size_t i = 0; i < CELLS; i++)
        assert_true(slot[i] == (float)(i + 1));
    pare_model_release(&m);
    for (int compact = 0; compact < 2; compact++) {
        m = reference(ref_many_weight, ref_many_mask);
        t = &m.tensor[0];
        strcpy(m.training.dialect, "synapses");
        if (compact)
            assert_int_equal(pare_tensor_compact(&m, 0), 0);
        r = drop(&m, "set,form=slots");
        pare_rewire_report_release(&r);
        assert_masked_is_zero(&m);
        memcpy(moved, t->removed.at, t->removed.n * sizeof *moved);
        r = grow(&m, &o);
        assert_int_equal(pare_model_expand(&m), 0);
        for (size_t i = 0; i < t->added.n; i++)
            assert_true(m.optim.slot[0][0][t->added.at[i]] ==
                        (float)(moved[i] + 1));
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
}

static void the_record_counts_what_survives(void **state)
{
    struct pare_grow_options o = by("random");
    struct pare_model m = after_a_drop(false);
    struct pare_tensor *t = &m.tensor[0];
    struct pare_rewire_report r = grow(&m, &o);
    const struct pare_rewiring *row = m.rewiring;
    uint64_t removed = r.grown, stay = 0;

    (void)state;
    pare_rewire_report_release(&r);
    assert_int_equal(m.n_rewirings, 1);
    assert_int_equal(row->times, 1);
    assert_int_equal(row->before, t->target);
    assert_int_equal(row->removed, removed);
    assert_int_equal(row->grown, removed);
    assert_int_equal(row->fresh, 0);
    /* New ones are 0: `all` takes the least magnitudes, so zeros first. */
    r = drop(&m, "magnitude,zeta=.1");
    for (uint64_t i = 0; i < t->added.n; i++)
        stay += t->mask[t->added.at[i]];
    assert_int_equal(stay, t->added.n);
    assert_true(t->added.n < removed && t->added.n > 0);
    assert_int_equal(m.n_rewirings, 1);
    assert_int_equal(row->times, 2);
    assert_int_equal(row->before, 2 * t->target);
    assert_int_equal(row->fresh, removed);
    assert_int_equal(row->survived, stay);
    pare_rewire_report_release(&r);
    m.training.epoch = 4;
    r = grow(&m, &o);
    assert_int_equal(m.n_rewirings, 2);
    assert_int_equal(m.rewiring[1].epoch, 4);
    assert_int_equal(m.rewiring[1].times, 0);
    assert_int_equal(m.rewiring[1].grown, r.grown);
    pare_rewire_report_release(&r);
    pare_model_release(&m);
}

/* Two sparse layers, of 80 and 40 positions, 10 kept of each; each lacks 5. */
static struct pare_model two_layers(float first, float second)
{
    struct pare_model m = small_model("8-10-4", 1);
    const float momentum[2] = {first, second};

    assert_int_equal(pare_optstate_alloc(&m.optim, &m, 1), 0);
    for (int l = 0; l < 2; l++) {
        struct pare_tensor *t = &m.tensor[2 * l];

        assert_int_equal(pare_tensor_need_mask(t), 0);
        memset(t->mask, 0, t->n);
        for (size_t i = 0; i < 10; i++) {
            t->mask[i] = 1;
            m.optim.slot[0][2 * l][i] = i & 1 ? momentum[l] : -momentum[l];
        }
        t->target = 15;
    }
    pare_model_apply_masks(&m);
    return m;
}

static void layers_share_what_they_lack_by_momentum(void **state)
{
    static const struct {
        float first, second;
        uint64_t grown[2];
        size_t target;
    } row[] = {
        {3, 1, {8, 2}, 15},   /* 7.5 and 2.5: the earlier layer rounds up */
        {1, 3, {3, 7}, 15},   /* the same the other way */
        {1, 0, {10, 0}, 15},  /* all of it */
        {0, 0, {5, 5}, 15},   /* nothing to go by */
        {0, 9, {10, 30}, 30}, /* 30 are free in the second layer */
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_grow_options o = by("random");
        struct pare_model m = two_layers(row[i].first, row[i].second);
        struct pare_rewire_report r;

        m.tensor[0].target = m.tensor[2].target = row[i].target;
        o.redistribute = true;
        r = grow(&m, &o);
        for (size_t l = 0; l < 2; l++) {
            assert_int_equal(r.row[l].grown, row[i].grown[l]);
            assert_int_equal(m.tensor[2 * l].target, 10 + r.row[l].grown);
        }
        pare_rewire_report_release(&r);
        pare_model_release(&m);
    }
}

static void options_that_do_nothing_are_refused(void **state)
{
    struct pare_model m = after_a_drop(false);
    struct pare_rewire_report r;
    struct pare_grow_options o = by("random"), ok = o;

    (void)state;
    o.counting = PARE_GROW_STRICT;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    o = ok;
    o.lowest = true;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    o = by("file");
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "no scores for fc1.weight"));
    o.counting = PARE_GROW_BERNOULLI;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    o = by("gradient");
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "needs data"));
    o = ok;
    o.redistribute = true;
    o.count = 3;
    assert_int_equal(pare_grow(&r, &m, &o), PARE_EINVAL);
    m.tensor[0].target = 0;
    assert_int_equal(pare_grow(&r, &m, &ok), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "give a count or a density"));
    assert_null(pare_grow_find("nothing"));
    assert_int_equal(pare_grow_value_parse(&o, "normal"), PARE_EINVAL);
    assert_int_equal(pare_grow_value_parse(&o, "normal,sd=0"), PARE_EINVAL);
    assert_int_equal(pare_grow_value_parse(&o, "1"), PARE_EINVAL);
    assert_int_equal(pare_grow_count_parse(&o.counting, "all"), PARE_EINVAL);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_removes_what_its_publication_does),
        cmocka_unit_test(slots_take_the_same_share_of_each_sign),
        cmocka_unit_test(layers_that_are_dense_are_left_alone_unless_named),
        cmocka_unit_test(rules_by_coactivations_need_them),
        cmocka_unit_test(texts_have_one_canonical_form),
        cmocka_unit_test(random_growth_is_exact_and_goes_where_it_may),
        cmocka_unit_test(random_growth_is_uniform),
        cmocka_unit_test(bernoulli_growth_has_the_count_in_the_mean),
        cmocka_unit_test(bernoulli_growth_takes_all_there_is),
        cmocka_unit_test(a_layer_without_room_is_named),
        cmocka_unit_test(growth_reaches_a_count_or_a_density),
        cmocka_unit_test(new_values_are_drawn_in_order),
        cmocka_unit_test(scores_grow_the_best_exactly_strictly_or_with_ties),
        cmocka_unit_test(gradients_grow_connections),
        cmocka_unit_test(coactivations_grow_connections),
        cmocka_unit_test(a_dialect_keeps_state_dense_or_moves_it),
        cmocka_unit_test(the_record_counts_what_survives),
        cmocka_unit_test(layers_share_what_they_lack_by_momentum),
        cmocka_unit_test(options_that_do_nothing_are_refused),
    };

    return run_group(tests);
}
