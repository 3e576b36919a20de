#include "unit.h"

#include "gathered.h"
#include "initializer.h"
#include "mask.h"
#include "ref/mask_ref.h"
#include "small_model.h"
#include "status.h"

/* Give tensor t the mask of a string of '1' and '0'. */
static void set_mask(struct pare_model *m, size_t t, const char *bits)
{
    assert_int_equal(strlen(bits), m->tensor[t].n);
    assert_int_equal(pare_tensor_need_mask(&m->tensor[t]), 0);
    for (size_t i = 0; bits[i]; i++)
        m->tensor[t].mask[i] = bits[i] == '1';
    pare_model_apply_masks(m);
}

static void assert_mask(const struct pare_tensor *t, const char *bits)
{
    for (size_t i = 0; bits[i]; i++)
        if (mask_at(t, i) != (bits[i] == '1'))
            fail_msg("%s: position %zu", t->name, i);
}

/* Models of 4 weights, 2 biases, then 4 weights and 2 biases. */
static struct pare_model two_layers(uint64_t seed)
{
    return small_model("2-2-2", seed);
}

/* A whole operation on a, and on other models if they are not NULL. */
static int run(struct pare_mask_report *r, const char *name,
               struct pare_model *a, const struct pare_model *b,
               const struct pare_model *c, enum pare_mask_fill fill)
{
    const struct pare_mask_op *op = pare_mask_op_find(name);
    struct pare_mask_job job = {0};
    int rc;

    assert_non_null(op);
    rc = pare_mask_begin(&job, a, NULL, 0, NULL, 0, fill == PARE_FILL_OTHERS);
    if (!rc && b && op->join)
        rc = pare_mask_join(&job, b, op);
    if (!rc && c && op->join)
        rc = pare_mask_join(&job, c, op);
    if (!rc && op->invert)
        rc = pare_mask_invert(&job);
    if (!rc && op->draws)
        rc = pare_mask_draw(&job, 7, (double)NAN);
    if (!rc)
        rc = pare_mask_finish(r, a, &job, fill,
                              fill == PARE_FILL_MODEL ? b : NULL);
    pare_mask_release(&job);
    return rc;
}

static void operations_follow_their_truth_tables(void **state)
{
    static const struct {
        const char *name, *weight, *bias, *second;
    } row[] = {
        {"and", "1000", "10", "1111"},        {"or", "1110", "11", "1111"},
        {"xor", "0110", "01", "0000"},        {"not", "0011", "11", "0000"},
        {"transplant", "1010", "10", "1111"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_model a = two_layers(1), b = two_layers(2);
        struct pare_mask_report r;

        set_mask(&a, 0, "1100");
        set_mask(&b, 0, "1010");
        set_mask(&b, 1, "10");
        assert_int_equal(run(&r, row[i].name, &a, &b, NULL, PARE_FILL_ZERO), 0);
        assert_mask(&a.tensor[0], row[i].weight);
        assert_mask(&a.tensor[1], row[i].bias);
        assert_mask(&a.tensor[2], row[i].second);
        assert_mask(&a.tensor[3], "11");
        assert_masked_is_zero(&a);
        pare_model_release(&a);
        pare_model_release(&b);
    }
}

static void three_operands_are_taken_in_turn(void **state)
{
    static const struct {
        const char *name, *weight;
    } row[] = {{"and", "1000"}, {"or", "1111"}, {"xor", "1011"}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct pare_model a = two_layers(1), b = two_layers(2);
        struct pare_model c = two_layers(3);
        struct pare_mask_report r;

        set_mask(&a, 0, "1100");
        set_mask(&b, 0, "1110");
        set_mask(&c, 0, "1001");
        assert_int_equal(run(&r, row[i].name, &a, &b, &c, PARE_FILL_ZERO), 0);
        assert_mask(&a.tensor[0], row[i].weight);
        pare_model_release(&a);
        pare_model_release(&b);
        pare_model_release(&c);
    }
}

/* A mask of ones says the same as none. */
static void a_tensor_without_a_mask_keeps_everything(void **state)
{
    struct pare_model a = two_layers(1), b = two_layers(2);
    struct pare_mask_report r;

    (void)state;
    set_mask(&a, 0, "1100");
    set_mask(&b, 1, "11");
    assert_int_equal(run(&r, "xor", &a, &b, NULL, PARE_FILL_ZERO), 0);
    assert_mask(&a.tensor[0], "0011");
    assert_null(a.tensor[1].mask); /* biases that nobody prunes */
    assert_int_equal(run(&r, "or", &a, &b, NULL, PARE_FILL_ZERO), 0);
    assert_mask(&a.tensor[0], "1111");
    pare_model_release(&a);
    pare_model_release(&b);
}

static void what_comes_back_has_the_value_asked_for(void **state)
{
    (void)state;
    for (int fill = PARE_FILL_ZERO; fill <= PARE_FILL_MODEL; fill++) {
        struct pare_model a = two_layers(1), b = two_layers(2), first;
        struct pare_mask_report r;
        float kept = 9, want[4] = {0}, *v = a.tensor[0].value;

        first = two_layers(0);
        assert_int_equal(pare_model_draw(&a, "pytorch", 3), 0);
        assert_int_equal(pare_model_draw(&first, "pytorch", 3), 0);
        v[0] = kept; /* trained since */
        set_mask(&a, 0, "1100");
        set_mask(&b, 0, "1010");
        if (fill == PARE_FILL_INIT)
            memcpy(want, first.tensor[0].value, sizeof want);
        else if (fill != PARE_FILL_ZERO)
            memcpy(want, b.tensor[0].value, sizeof want);
        assert_int_equal(run(&r, "or", &a, &b, NULL, (enum pare_mask_fill)fill),
                         0);
        assert_mask(&a.tensor[0], "1110");
        assert_true(v[0] == kept && v[2] == want[2] && v[3] == 0);
        assert_true(fill == PARE_FILL_ZERO || v[2] != 0);
        assert_int_equal(r.died, 0);
        assert_int_equal(r.revived, 1);
        pare_model_release(&a);
        pare_model_release(&b);
        pare_model_release(&first);
    }
}

/* Of others the first that keeps it counts, though its value is 0. */
static void the_first_other_that_keeps_a_weight_gives_it(void **state)
{
    struct pare_model a = two_layers(1), b = two_layers(2), c = two_layers(3);
    struct pare_mask_report r;

    (void)state;
    set_mask(&a, 0, "1000");
    set_mask(&b, 0, "1110");
    set_mask(&c, 0, "1111");
    b.tensor[0].value[1] = 0;
    assert_int_equal(run(&r, "or", &a, &b, &c, PARE_FILL_OTHERS), 0);
    assert_true(a.tensor[0].value[1] == 0);
    assert_true(a.tensor[0].value[2] == b.tensor[0].value[2]);
    assert_true(a.tensor[0].value[3] == c.tensor[0].value[3]);
    pare_model_release(&a);
    pare_model_release(&b);
    pare_model_release(&c);
}

static void checkpoints_are_filled_from_those_of_the_same_name(void **state)
{
    struct pare_model a = two_layers(1), b = two_layers(2);
    struct pare_mask_report r;
    float *best, *other;

    (void)state;
    assert_int_equal(pare_model_save_checkpoint(&a, "best", false), 0);
    assert_int_equal(pare_model_save_checkpoint(&a, "epoch:1", false), 0);
    assert_int_equal(pare_model_save_checkpoint(&b, "best", false), 0);
    set_mask(&a, 0, "1100");
    assert_int_equal(run(&r, "not", &a, &b, NULL, PARE_FILL_MODEL), 0);
    best = pare_model_checkpoint(&a, "best")->value[0];
    other = pare_model_checkpoint(&b, "best")->value[0];
    assert_true(best[0] == 0 && best[2] == other[2] && best[2] != 0);
    assert_true(pare_model_checkpoint(&a, "epoch:1")->value[0][2] == 0);
    assert_masked_is_zero(&a);
    pare_model_release(&a);
    pare_model_release(&b);
}

static void first_weights_that_are_not_there_are_an_error(void **state)
{
    struct pare_model a = two_layers(1);
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    struct pare_mask_report r;

    (void)state;
    set_mask(&a, 0, "1100");
    assert_int_equal(pare_digest_state(before, &a), 0);
    assert_int_equal(run(&r, "not", &a, NULL, NULL, PARE_FILL_INIT),
                     PARE_EINVAL);
    assert_int_equal(pare_digest_state(after, &a), 0);
    assert_string_equal(before, after);
    assert_int_equal(pare_model_save_checkpoint(&a, "init", false), 0);
    assert_int_equal(run(&r, "not", &a, NULL, NULL, PARE_FILL_INIT),
                     PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "stored without what was pruned"));
    /* Nothing comes back, so nothing is missing. */
    assert_int_equal(run(&r, "and", &a, NULL, NULL, PARE_FILL_INIT), 0);
    pare_model_release(&a);
}

static void a_shuffle_keeps_the_count_of_each_tensor(void **state)
{
    struct pare_model a = small_model("40-30-20", 1);
    struct pare_mask_report r;
    size_t before[4], moved = 0;
    uint8_t old[1200];

    (void)state;
    for (size_t t = 0; t < 4; t++) {
        struct pare_tensor *w = &a.tensor[t];

        if (t != 3)
            assert_int_equal(pare_tensor_need_mask(w), 0);
        for (size_t i = 0; t != 3 && i < w->n; i++)
            w->mask[i] = i % (t + 3) == 0;
        before[t] = pare_tensor_kept(w);
    }
    pare_model_apply_masks(&a);
    memcpy(old, a.tensor[0].mask, sizeof old);
    assert_int_equal(run(&r, "shuffle", &a, NULL, NULL, PARE_FILL_ZERO), 0);
    for (size_t t = 0; t < 4; t++)
        assert_int_equal(pare_tensor_kept(&a.tensor[t]), before[t]);
    for (size_t i = 0; i < sizeof old; i++)
        moved += old[i] != a.tensor[0].mask[i];
    /* 400 of 1,200 kept: 533 positions change on average. */
    assert_true(moved > 450 && moved < 620);
    assert_null(a.tensor[3].mask);
    assert_int_equal(r.died, r.revived);
    assert_masked_is_zero(&a);
    pare_model_release(&a);
}

/* Each of the 10 ways to keep 2 of 5, 200 times of 2,000 on average. */
static void every_choice_is_equally_likely(void **state)
{
    struct pare_model a = small_model("in(5) linear(1,bias=no)", 1);
    unsigned seen[32] = {0}, ways = 0;

    (void)state;
    set_mask(&a, 0, "11000");
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct pare_mask_job job = {0};
        unsigned code = 0;

        assert_int_equal(pare_mask_begin(&job, &a, NULL, 0, NULL, 0, false), 0);
        assert_int_equal(pare_mask_draw(&job, seed, (double)NAN), 0);
        for (size_t i = 0; i < 5; i++)
            code = 2 * code + job.mask[0][i];
        seen[code]++;
        pare_mask_release(&job);
    }
    for (unsigned code = 0; code < 32; code++) {
        ways += seen[code] > 0;
        /* Five standard deviations of 13.4. */
        assert_true(seen[code] == 0 || (seen[code] > 133 && seen[code] < 267));
    }
    assert_int_equal(ways, 10);
    pare_model_release(&a);
}

/* Each case is a layer of its own; its tensor is the last of a network. */
static void draws_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof mask_ref / sizeof *mask_ref; c++) {
        const size_t n = mask_ref[c].n, t = mask_ref[c].tensor;
        struct pare_mask_job job = {0};
        struct pare_model a;
        char text[64];

        snprintf(text, sizeof text, "%s%zu-1",
                 t == 0   ? ""
                 : t == 2 ? "3-"
                          : "3-3-",
                 n);
        a = small_model(text, 1);
        assert_int_equal(a.tensor[t].n, n);
        assert_int_equal(pare_tensor_need_mask(&a.tensor[t]), 0);
        memset(a.tensor[t].mask, 0, n - mask_ref[c].k);
        assert_int_equal(pare_mask_begin(&job, &a, NULL, 0, NULL, 0, false), 0);
        assert_int_equal(pare_mask_draw(&job, mask_ref[c].seed, (double)NAN),
                         0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(job.mask[t][i], mask_ref[c].mask[i] == '1');
        pare_mask_release(&job);
        pare_model_release(&a);
    }
}

static void a_drawn_mask_has_the_sparsity_asked_for(void **state)
{
    static const struct {
        double sparsity;
        size_t kept;
    } row[] = {{0, 35}, {0.5, 17}, {0.9, 3}, {1, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_model a = small_model("7-5", 1);
        struct pare_mask_job job = {0};
        struct pare_mask_report r;

        assert_int_equal(pare_mask_begin(&job, &a, NULL, 0, NULL, 0, false), 0);
        assert_int_equal(pare_mask_draw(&job, 3, row[i].sparsity), 0);
        assert_int_equal(pare_mask_finish(&r, &a, &job, PARE_FILL_ZERO, NULL),
                         0);
        /* 17.5 of 35 go: half to even is 18. */
        assert_int_equal(pare_tensor_kept(&a.tensor[0]), row[i].kept);
        assert_null(a.tensor[1].mask);
        assert_int_equal(a.tensor[0].mask != NULL, i > 0);
        pare_mask_release(&job);
        pare_model_release(&a);
    }
}

static void layers_out_of_scope_keep_their_masks(void **state)
{
    static const char *const fc2[] = {"fc2"}, *const fc9[] = {"fc9"};
    struct pare_model a = two_layers(1), b = two_layers(2);
    struct pare_mask_job job = {0};
    struct pare_mask_report r;

    (void)state;
    set_mask(&a, 0, "1100");
    set_mask(&b, 0, "0000");
    set_mask(&b, 2, "0110");
    assert_int_equal(pare_mask_begin(&job, &a, fc2, 1, NULL, 0, false), 0);
    assert_int_equal(pare_mask_join(&job, &b, pare_mask_op_find("and")), 0);
    assert_int_equal(pare_mask_finish(&r, &a, &job, PARE_FILL_ZERO, NULL), 0);
    assert_mask(&a.tensor[0], "1100");
    assert_mask(&a.tensor[2], "0110");
    assert_int_equal(r.died, 2);
    pare_mask_release(&job);
    assert_int_equal(pare_mask_begin(&job, &a, NULL, 0, fc9, 1, false),
                     PARE_EINVAL);
    pare_mask_release(&job);
    pare_model_release(&a);
    pare_model_release(&b);
}

static void the_first_tensor_that_does_not_fit_is_named(void **state)
{
    static const struct {
        const char *arch, *says;
    } row[] = {
        {"2-3-2", "'fc1.weight' is 2x2 in one model, 3x2 in the other"},
        {"2-2-3", "'fc2.weight' is 2x2 in one model, 3x2 in the other"},
        {"2-2", "only one of the models has 'fc2.weight'"},
        {"2-2-2-2", "only one of the models has 'fc3.weight'"},
        {"in(2) x=linear(2) relu fc2=linear(2)", "'fc1.weight' of one model"},
    };
    struct pare_model a = two_layers(1);
    struct pare_mask_report r;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_model b = small_model(row[i].arch, 1);

        assert_int_equal(run(&r, "and", &a, &b, NULL, PARE_FILL_ZERO),
                         PARE_EMISMATCH);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].arch, pare_error());
        assert_int_equal(run(&r, "not", &a, &b, NULL, PARE_FILL_MODEL),
                         PARE_EMISMATCH);
        pare_model_release(&b);
    }
    pare_model_release(&a);
}

static void scores_are_dropped_when_weights_come_back(void **state)
{
    struct pare_model a = two_layers(1), b = two_layers(2);
    struct pare_mask_report r;

    (void)state;
    set_mask(&a, 0, "1100");
    set_mask(&b, 0, "0110");
    assert_non_null(pare_model_begin_scores(&a, "movement"));
    assert_int_equal(run(&r, "and", &a, &b, NULL, PARE_FILL_ZERO), 0);
    assert_int_equal(a.n_scores, 1);
    assert_int_equal(run(&r, "or", &a, &b, NULL, PARE_FILL_ZERO), 0);
    assert_int_equal(a.n_scores, 0);
    pare_model_release(&a);
    pare_model_release(&b);
}

static void operations_are_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(pare_mask_op(0)->name, "and");
    assert_null(pare_mask_op(7));
    assert_null(pare_mask_op_find("nand"));
    assert_non_null(strstr(pare_error(), "'nand'; there are: and, or, xor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_follow_their_truth_tables),
        cmocka_unit_test(three_operands_are_taken_in_turn),
        cmocka_unit_test(a_tensor_without_a_mask_keeps_everything),
        cmocka_unit_test(what_comes_back_has_the_value_asked_for),
        cmocka_unit_test(the_first_other_that_keeps_a_weight_gives_it),
        cmocka_unit_test(checkpoints_are_filled_from_those_of_the_same_name),
        cmocka_unit_test(first_weights_that_are_not_there_are_an_error),
        cmocka_unit_test(a_shuffle_keeps_the_count_of_each_tensor),
        cmocka_unit_test(every_choice_is_equally_likely),
        cmocka_unit_test(draws_are_those_of_the_reference),
        cmocka_unit_test(a_drawn_mask_has_the_sparsity_asked_for),
        cmocka_unit_test(layers_out_of_scope_keep_their_masks),
        cmocka_unit_test(the_first_tensor_that_does_not_fit_is_named),
        cmocka_unit_test(scores_are_dropped_when_weights_come_back),
        cmocka_unit_test(operations_are_found_by_name),
    };

    return run_group(tests);
}
