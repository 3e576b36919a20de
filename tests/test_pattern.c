#include "compact.h"
#include "gathered.h"
#include "marks.h"
#include "pattern.h"
#include "rewiring.h"
#include "rng.h"
#include "status.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* 8-6-3 trained in appearance: masks, slots, a checkpoint and scores. */
static void make(struct pare_model *m)
{
    struct pare_arch arch;

    assert_int_equal(pare_arch_parse(&arch, "8-6-3"), 0);
    memset(m, 0, sizeof *m);
    assert_int_equal(pare_model_init(m, &arch), 0);
    assert_int_equal(pare_optstate_alloc(&m->optim, m, 1), 0);
    assert_non_null(pare_model_begin_scores(m, "movement"));
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];

        pare_rng_normal(x->value, x->n, 1, 7, PARE_STREAM_INIT, (uint32_t)t);
        pare_rng_normal(m->optim.slot[0][t], x->n, 1, 8, PARE_STREAM_INIT,
                        (uint32_t)t);
        if (!pare_tensor_prunable(x))
            continue;
        pare_rng_normal(m->scores[0].value[t], x->n, 1, 9, PARE_STREAM_INIT,
                        (uint32_t)t);
        assert_int_equal(pare_tensor_need_mask(x), 0);
        for (size_t i = 0; i < x->n; i++)
            x->mask[i] = x->value[i] > 0.3f;
    }
    assert_int_equal(pare_model_save_checkpoint(m, "epoch:1", true), 0);
    pare_model_apply_masks(m);
}

static bool same_values(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void a_pattern_holds_the_positions_of_its_mask(void **state)
{
    const uint8_t mask[12] = {0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0};
    const uint64_t flat[4] = {1, 3, 8, 9};
    uint8_t back[12];
    uint64_t out[4];
    struct pare_pattern *p, *q;

    (void)state;
    assert_int_equal(pare_pattern_of_mask(&p, mask, 3, 4), 0);
    assert_int_equal(pare_pattern_count(p), 4);
    assert_int_equal(pare_pattern_check(p), 0);
    pare_pattern_to_mask(back, p);
    assert_memory_equal(back, mask, sizeof back);
    pare_pattern_flat(out, p);
    assert_memory_equal(out, flat, sizeof out);
    assert_int_equal(pare_pattern_of_flat(&q, flat, 4, 3, 4), 0);
    assert_true(pare_pattern_same(p, q));
    assert_int_equal(pare_pattern_find(p, 2, 1), 3);
    assert_true(pare_pattern_find(p, 1, 1) == UINT64_MAX);
    assert_true(pare_pattern_find(p, 0, 2) == UINT64_MAX);
    q->col[3] = 2;
    assert_false(pare_pattern_same(p, q));
    q->col[3] = 0;
    assert_int_equal(pare_pattern_check(q), PARE_EFORMAT);
    pare_pattern_free(p);
    pare_pattern_free(q);
}

static void positions_out_of_order_or_range_are_refused(void **state)
{
    const uint64_t twice[2] = {3, 3}, beyond[2] = {3, 12};
    struct pare_pattern *p;

    (void)state;
    assert_int_equal(pare_pattern_of_flat(&p, twice, 2, 3, 4), PARE_EFORMAT);
    assert_int_equal(pare_pattern_of_flat(&p, beyond, 2, 3, 4), PARE_EFORMAT);
    assert_int_equal(pare_pattern_new(&p, 0, 4, 1), PARE_ELIMIT);
    assert_int_equal(pare_pattern_new(&p, (size_t)1 << 32, 4, 1), PARE_ELIMIT);
}

static void compact_and_back_is_the_same_model(void **state)
{
    struct pare_model m, ref;
    const struct pare_checkpoint *c, *d;

    (void)state;
    make(&m);
    make(&ref);
    for (size_t t = 0; t < m.n_tensors; t++)
        assert_int_equal(pare_tensor_compact(&m, t), 0);
    assert_non_null(m.tensor[0].pattern);
    assert_null(m.tensor[0].mask);
    assert_null(m.tensor[1].pattern); /* a bias */
    assert_int_equal(m.tensor[0].n, pare_tensor_kept(&ref.tensor[0]));
    assert_int_equal(pare_tensor_positions(&m.tensor[0]), 48);
    assert_true(pare_model_sparsity(&m) == pare_model_sparsity(&ref));
    assert_int_equal(pare_model_expand(&m), 0);
    c = pare_model_checkpoint(&m, "epoch:1");
    d = pare_model_checkpoint(&ref, "epoch:1");
    for (size_t t = 0; t < m.n_tensors; t++) {
        size_t n = ref.tensor[t].n;

        assert_int_equal(m.tensor[t].n, n);
        assert_null(m.tensor[t].pattern);
        assert_true(same_values(m.tensor[t].value, ref.tensor[t].value, n));
        assert_true(same_values(m.optim.slot[0][t], ref.optim.slot[0][t], n));
        assert_true(same_values(c->value[t], d->value[t], n));
        assert_true(same_values(c->optim.slot[0][t], d->optim.slot[0][t], n));
        if (ref.tensor[t].mask)
            assert_memory_equal(m.tensor[t].mask, ref.tensor[t].mask, n);
        if (ref.scores[0].value[t])
            assert_true(
                same_values(m.scores[0].value[t], ref.scores[0].value[t], n));
    }
    pare_model_release(&m);
    pare_model_release(&ref);
}

static void a_tensor_that_is_not_0_under_its_mask_stays(void **state)
{
    struct pare_model m;

    (void)state;
    make(&m);
    assert_non_null(pare_model_begin_scores(&m, "hebbian"));
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_null(m.tensor[0].pattern);
    pare_model_drop_scores(&m);
    strcpy(m.training.dialect, "numenta");
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_null(m.tensor[0].pattern);
    m.training.dialect[0] = '\0';
    assert_int_equal(pare_model_keep_undo(&m), 0);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_null(m.tensor[0].pattern);
    pare_model_release(&m);
}

static void
a_new_pattern_keeps_what_stays_and_begins_the_rest_at_0(void **state)
{
    struct pare_model m, ref;
    struct pare_pattern *p;
    uint8_t mask[48];

    (void)state;
    make(&m);
    make(&ref);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    for (size_t i = 0; i < 48; i++)
        mask[i] = i % 3 == 0;
    assert_int_equal(pare_pattern_of_mask(&p, mask, 6, 8), 0);
    assert_int_equal(pare_tensor_repattern(&m, 0, p), 0);
    assert_int_equal(m.tensor[0].n, 16);
    assert_int_equal(pare_tensor_expand(&m, 0), 0);
    assert_memory_equal(m.tensor[0].mask, mask, 48);
    for (size_t i = 0; i < 48; i++) {
        bool stays = mask[i] && ref.tensor[0].mask[i];

        assert_true(m.tensor[0].value[i] ==
                    (stays ? ref.tensor[0].value[i] : 0));
        assert_true(m.optim.slot[0][0][i] ==
                    (stays ? ref.optim.slot[0][0][i] : 0));
    }
    pare_model_release(&m);
    pare_model_release(&ref);
}

static void more_values_than_can_be_held_are_refused(void **state)
{
    struct pare_arch arch;
    struct pare_model m = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "in(16777216) linear(16777216)"),
                     0);
    assert_int_equal(pare_model_init(&m, &arch), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "fc1"));
    assert_int_equal(pare_arch_parse(&arch, "in(16777216) linear(16777216)"),
                     0);
    assert_int_equal(pare_model_lay(&m, &arch), 0);
    assert_int_equal(
        pare_pattern_new(&m.tensor[0].pattern, 16777216, 16777216, 5), 0);
    assert_int_equal(pare_model_allocate(&m), 0);
    assert_true(pare_tensor_positions(&m.tensor[0]) == (uint64_t)1 << 48);
    assert_int_equal(pare_tensor_expand(&m, 0), PARE_ELIMIT);
    pare_model_release(&m);
}

static void marks_are_found_and_copied(void **state)
{
    const uint64_t at[3] = {2, 5, (uint64_t)1 << 40};
    float v[3] = {1, 2, 3};
    float *slot[PARE_SLOTS_MAX] = {v};
    struct pare_marks k = {0}, c = {0};

    (void)state;
    assert_int_equal(pare_marks_set(&k, at, 3, slot), 0);
    assert_int_equal(pare_marks_copy(&c, &k), 0);
    assert_true(pare_marks_have(&c, 5));
    assert_true(pare_marks_have(&c, (uint64_t)1 << 40));
    assert_false(pare_marks_have(&c, 3));
    assert_true(c.slot[0][2] == 3);
    assert_null(c.slot[1]);
    assert_int_equal(pare_marks_set(&c, NULL, 0, NULL), 0);
    assert_false(pare_marks_have(&c, 5));
    pare_marks_release(&k);
    pare_marks_release(&c);
}

static void the_record_has_one_row_an_epoch_and_tensor(void **state)
{
    struct pare_model m;
    struct pare_rewiring *r;

    (void)state;
    make(&m);
    assert_false(pare_model_rewired(&m));
    m.training.epoch = 3;
    r = pare_model_rewiring(&m, 2);
    r->times = 1;
    r = pare_model_rewiring(&m, 0);
    r->times = 5;
    assert_int_equal(pare_model_rewiring(&m, 2)->times, 1);
    assert_int_equal(m.n_rewirings, 2);
    assert_int_equal(m.rewiring[0].tensor, 0);
    m.training.epoch = 4;
    assert_int_equal(pare_model_rewiring(&m, 0)->times, 0);
    assert_int_equal(m.rewiring[2].epoch, 4);
    assert_true(pare_model_rewired(&m));
    pare_model_drop_rewiring(&m);
    assert_false(pare_model_rewired(&m));
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_holds_the_positions_of_its_mask),
        cmocka_unit_test(positions_out_of_order_or_range_are_refused),
        cmocka_unit_test(compact_and_back_is_the_same_model),
        cmocka_unit_test(a_tensor_that_is_not_0_under_its_mask_stays),
        cmocka_unit_test(
            a_new_pattern_keeps_what_stays_and_begins_the_rest_at_0),
        cmocka_unit_test(more_values_than_can_be_held_are_refused),
        cmocka_unit_test(marks_are_found_and_copied),
        cmocka_unit_test(the_record_has_one_row_an_epoch_and_tensor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
