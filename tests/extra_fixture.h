#ifndef PARE_TESTS_EXTRA_FIXTURE_H
#define PARE_TESTS_EXTRA_FIXTURE_H

/* Models with scores, curves and undo points. */
#include "model_fixture.h"

#include "gathered.h"

/* Two undo points from two prunings, two sets of scores, two curves. */
static inline void fixture_extra(struct pare_model *m, const char *text)
{
    static const char *const name[] = {"movement", "hebbian"};
    uint32_t s = 17;

    fixture_rich(m, text, 0);
    assert_int_equal(pare_model_keep_undo(m), 0);
    fixture_prune(m, 2);
    assert_int_equal(pare_model_keep_undo(m), 0);
    for (int i = 0; i < 2; i++) {
        struct pare_scores *scores = pare_model_begin_scores(m, name[i]);

        assert_non_null(scores);
        scores->count = 1000 + (uint64_t)i;
        for (size_t t = 0; t < m->n_tensors; t++)
            for (size_t k = 0; scores->value[t] && k < m->tensor[t].n; k++)
                scores->value[t][k] = fixture_value(&s);
    }
    fixture_prune(m, 6);
    for (size_t i = 0; i < 2; i++) {
        const size_t n = 3 - i;
        struct pare_curve c = {
            .layer = m->tensor[i ? 0 : m->n_tensors - 1].layer, .n = n};

        c.sparsity = calloc(n, sizeof(double));
        c.loss = calloc(n, sizeof(double));
        c.accuracy = calloc(n, sizeof(double));
        for (size_t k = 0; k < n; k++) {
            c.sparsity[k] = 1 - 1.0 / (double)(k + 1);
            c.loss[k] = 0.1 * (double)(k + 1 + i);
            c.accuracy[k] = k ? 1 / (double)(k + 2) : (double)NAN;
        }
        assert_int_equal(pare_model_set_curve(m, &c), 0);
    }
}

static inline void assert_same_reals(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

/* Scores, curves and the masks of undo points. */
static inline void assert_same_extra(const struct pare_model *a,
                                     const struct pare_model *b)
{
    for (size_t i = 0; i < a->n_checkpoints; i++) {
        uint8_t **x = a->checkpoint[i].mask, **y = b->checkpoint[i].mask;

        assert_true((x == NULL) == (y == NULL));
        for (size_t t = 0; x && t < a->n_tensors; t++) {
            assert_true((x[t] == NULL) == (y[t] == NULL));
            if (x[t])
                assert_memory_equal(x[t], y[t], a->tensor[t].n);
        }
    }
    assert_int_equal(a->n_scores, b->n_scores);
    for (size_t i = 0; i < a->n_scores; i++) {
        assert_string_equal(a->scores[i].name, b->scores[i].name);
        assert_int_equal(a->scores[i].count, b->scores[i].count);
        for (size_t t = 0; t < a->n_tensors; t++)
            assert_same_values(a->scores[i].value[t], b->scores[i].value[t],
                               a->tensor[t].n);
    }
    assert_int_equal(a->n_curves, b->n_curves);
    for (size_t i = 0; i < a->n_curves; i++) {
        const struct pare_curve *x = &a->curve[i], *y = &b->curve[i];

        assert_int_equal(x->layer, y->layer);
        assert_int_equal(x->n, y->n);
        assert_same_reals(x->sparsity, y->sparsity, x->n);
        assert_same_reals(x->loss, y->loss, x->n);
        assert_same_reals(x->accuracy, y->accuracy, x->n);
    }
}

/* Those, and every other field. */
static inline void assert_same_whole(const struct pare_model *a,
                                     const struct pare_model *b)
{
    assert_same_model(a, b);
    assert_same_extra(a, b);
}

#endif
