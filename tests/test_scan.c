#include "unit.h"

#include "digest.h"
#include "gathered.h"
#include "scan.h"
#include "status.h"
#include "train_case.h"

/* Points as they were told. */
struct seen {
    size_t n, stop_at; /* stop_at 0: never */
    struct pare_scan_point point[32];
};

static int see(void *arg, const struct pare_scan_point *p)
{
    struct seen *s = arg;

    assert_true(s->n < 32);
    s->point[s->n++] = *p;
    return s->n == s->stop_at ? 77 : 0;
}

static const double levels[] = {0.25, 0.5, 0.50001, 1};

static struct pare_scan_options scan_options(const struct pare_dataset *d,
                                             const char *criterion)
{
    struct pare_scan_options o = {.n_levels = 4,
                                  .level = levels,
                                  .data = d,
                                  .split = PARE_VAL,
                                  .threads = 1};

    o.prune.allocation = pare_allocation_find("global");
    o.prune.input.data = d;
    o.prune.input.threads = 1;
    assert_int_equal(pare_grain_parse(&o.prune.grain, "weight"), 0);
    assert_int_equal(pare_criterion_parse(&o.prune.criterion, criterion), 0);
    return o;
}

/* A trained model with a checkpoint, scores and weights pruned before. */
static void trained(struct setup *s)
{
    set_up(s);
    s->o.checkpoint = "epoch:1";
    train(s, NULL, 0);
    assert_non_null(pare_model_begin_scores(&s->m, "movement"));
    assert_int_equal(pare_tensor_need_mask(&s->m.tensor[0]), 0);
    s->m.tensor[0].mask[3] = 0;
    pare_model_apply_masks(&s->m);
}

static void the_model_stays_as_it_is(void **state)
{
    static const char *const by[] = {"magnitude", "gradient", "random"};
    static struct setup s;
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

    (void)state;
    trained(&s);
    assert_int_equal(pare_digest_state(before, &s.m), 0);
    for (size_t i = 0; i < 3; i++) {
        struct pare_scan_options o = scan_options(&s.d, by[i]);

        assert_int_equal(pare_scan(NULL, NULL, &s.m, &o, NULL, NULL), 0);
        assert_int_equal(pare_digest_state(after, &s.m), 0);
        assert_string_equal(before, after);
    }
    pare_model_release(&s.m);
}

static void points_are_curves(void **state)
{
    static struct setup s;
    struct seen seen = {0, 0, {{0}}};
    struct pare_scan_options o;
    struct pare_curve *curve;
    size_t n, at = 0;

    (void)state;
    trained(&s);
    o = scan_options(&s.d, "magnitude");
    assert_int_equal(pare_scan(&curve, &n, &s.m, &o, see, &seen), 0);
    assert_true(n > 1);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || curve[i].layer > curve[i - 1].layer);
        for (size_t k = 0; k < curve[i].n; k++, at++) {
            const struct pare_scan_point *p = &seen.point[at];

            assert_int_equal(p->layer, curve[i].layer);
            assert_close(p->loss, curve[i].loss[k], 0);
            assert_close(p->accuracy, curve[i].accuracy[k], 0);
            assert_close(curve[i].sparsity[k],
                         (double)(p->total - p->kept) / (double)p->total, 0);
            assert_true(k == 0 ||
                        curve[i].sparsity[k] > curve[i].sparsity[k - 1]);
        }
        assert_int_equal(curve[i].sparsity[curve[i].n - 1], 1);
        assert_close(curve[i].loss[0], curve[0].loss[0], 0);
    }
    assert_int_equal(at, seen.n);
    /* one weight of the first layer was gone */
    assert_int_equal(seen.point[0].kept, seen.point[0].total - 1);
    pare_scan_release(curve, n);
    pare_model_release(&s.m);
}

static void who_is_told_may_stop_it(void **state)
{
    static struct setup s;
    struct seen seen = {0, 3, {{0}}};
    struct pare_scan_options o;
    struct pare_curve *curve = NULL;
    size_t n = 5;

    (void)state;
    trained(&s);
    o = scan_options(&s.d, "magnitude");
    assert_int_equal(pare_scan(&curve, &n, &s.m, &o, see, &seen), 77);
    assert_int_equal(seen.n, 3);
    assert_null(curve);
    assert_int_equal(n, 5);
    pare_model_release(&s.m);
}

static void nothing_to_measure_is_refused(void **state)
{
    static struct setup s;
    struct pare_scan_options o;
    const char *skip = "*";

    (void)state;
    trained(&s);
    o = scan_options(&s.d, "magnitude");
    o.split = PARE_TEST;
    assert_int_equal(pare_scan(NULL, NULL, &s.m, &o, NULL, NULL), PARE_EINVAL);
    o.split = PARE_VAL;
    o.prune.skip = &skip;
    o.prune.n_skip = 1;
    assert_int_equal(pare_scan(NULL, NULL, &s.m, &o, NULL, NULL), PARE_EINVAL);
    pare_model_release(&s.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_stays_as_it_is),
        cmocka_unit_test(points_are_curves),
        cmocka_unit_test(who_is_told_may_stop_it),
        cmocka_unit_test(nothing_to_measure_is_refused),
    };

    return run_group(tests);
}
