#ifndef PARE_TESTS_COMPACT_FIXTURE_H
#define PARE_TESTS_COMPACT_FIXTURE_H

/* Models that lie compact, and models that are being rewired. */
#include "model_fixture.h"

#include "compact.h"
#include "gathered.h"
#include "rewiring.h"

/* About n entries at random in the first tensor, which is a matrix, and in
 * the other weights where they can have some; random values, two slots, a
 * checkpoint with state, and scores. */
static inline void fixture_compact(struct pare_model *m, const char *text,
                                   uint64_t n)
{
    struct pare_arch arch = {0};
    uint32_t s = 3;

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_lay(m, &arch), 0);
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];
        const uint64_t all = pare_tensor_positions(x), step = all / n + 1;
        uint64_t *flat = malloc(((size_t)n + 1) * sizeof *flat), k = 0, at = 0;

        assert_non_null(flat);
        for (; k < n && at < all; k++, at += 1 + s % (2 * step - 1)) {
            flat[k] = at;
            fixture_value(&s);
            s ^= s >> 13;
        }
        flat[k - 1] = all - 1; /* the last one, too */
        if (pare_tensor_can_compact(x))
            assert_int_equal(pare_pattern_of_flat(&x->pattern, flat, k,
                                                  x->dim[0], x->dim[1]),
                             0);
        free(flat);
    }
    assert_int_equal(pare_model_allocate(m), 0);
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; i < m->tensor[t].n; i++)
            m->tensor[t].value[i] = i % 7 == 3 ? 0 : fixture_value(&s);
    fixture_optim(m, &m->optim, "adam", 2);
    m->training.epoch = 5;
    assert_int_equal(pare_model_save_checkpoint(m, "epoch:5", true), 0);
    assert_non_null(pare_model_begin_scores(m, "movement"));
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; m->scores[0].value[t] && i < m->tensor[t].n; i++)
            m->scores[0].value[t][i] = fixture_value(&s);
}

/* All that rewiring carries, for the first and the last weight. */
static inline void fixture_rewiring(struct pare_model *m)
{
    const uint64_t all = pare_tensor_positions(&m->tensor[0]);
    const uint64_t removed[3] = {0, all / 2, all - 1}, added[2] = {1, all / 3};
    float v[3] = {1, -2, 0.5f}, w[3] = {4, 0, -0.0f};
    float *slot[PARE_SLOTS_MAX] = {v, w}, *second[PARE_SLOTS_MAX] = {NULL, w};
    size_t last = m->n_tensors - 1;

    while (!pare_tensor_prunable(&m->tensor[last]))
        last--;
    m->tensor[0].target = all;
    m->tensor[last].target = 2;
    assert_int_equal(pare_marks_set(&m->tensor[0].removed, removed, 3, slot),
                     0);
    assert_int_equal(pare_marks_set(&m->tensor[0].added, added, 2, second), 0);
    assert_int_equal(pare_marks_set(&m->tensor[last].added, added, 1, NULL), 0);
    for (uint64_t e = 3; e < 6; e++) {
        struct pare_rewiring r = {e, 0, 2, 100 * e, 30, UINT64_MAX, 9, 7};

        assert_int_equal(pare_model_add_rewiring(m, &r), 0);
        r.tensor = last;
        if (e > 3 && last)
            assert_int_equal(pare_model_add_rewiring(m, &r), 0);
    }
    strcpy(m->training.dialect, "set");
    strcpy(m->init.sparse, "er,epsilon=20");
}

static inline void assert_same_marks(const struct pare_marks *a,
                                     const struct pare_marks *b)
{
    assert_int_equal(a->n, b->n);
    if (!a->n)
        return;
    assert_memory_equal(a->at, b->at, a->n * sizeof *a->at);
    for (int s = 0; s < PARE_SLOTS_MAX; s++)
        assert_same_values(a->slot[s], b->slot[s], (size_t)a->n);
}

/* Everything: patterns and what rewiring carries, too. */
static inline void assert_same_compact(const struct pare_model *a,
                                       const struct pare_model *b)
{
    assert_same_model(a, b);
    for (size_t t = 0; t < a->n_tensors; t++) {
        const struct pare_tensor *x = &a->tensor[t], *y = &b->tensor[t];

        assert_int_equal(x->n, y->n);
        assert_true((x->pattern == NULL) == (y->pattern == NULL));
        if (x->pattern)
            assert_true(pare_pattern_same(x->pattern, y->pattern));
        assert_true(x->target == y->target);
        assert_same_marks(&x->removed, &y->removed);
        assert_same_marks(&x->added, &y->added);
    }
    assert_int_equal(a->n_scores, b->n_scores);
    for (size_t i = 0; i < a->n_scores; i++)
        for (size_t t = 0; t < a->n_tensors; t++)
            assert_same_values(a->scores[i].value[t], b->scores[i].value[t],
                               a->tensor[t].n);
    assert_int_equal(a->n_rewirings, b->n_rewirings);
    for (size_t i = 0; i < a->n_rewirings; i++)
        assert_memory_equal(&a->rewiring[i], &b->rewiring[i],
                            sizeof *a->rewiring);
}

#endif
