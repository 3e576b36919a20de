#ifndef PARE_TESTS_MODEL_FIXTURE_H
#define PARE_TESTS_MODEL_FIXTURE_H

/* Models for the tests of the file: made of text and a small generator. */
#include "unit.h"

#include "arch.h"
#include "digest.h"
#include "initializer.h"
#include "model.h"
#include "status.h"

static float fixture_value(uint32_t *s)
{
    *s = *s * 1664525u + 1013904223u;
    return (float)(int32_t)*s / 2147483648.0f;
}

/* A model with random weights and nothing else. */
static inline void fixture_plain(struct pare_model *m, const char *text)
{
    struct pare_arch arch = {0};
    uint32_t s = 1;

    memset(m, 0, sizeof *m);
    if (pare_arch_parse(&arch, text) != 0 || pare_model_init(m, &arch) != 0)
        fail_msg("%s", pare_error());
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; i < m->tensor[t].n; i++)
            m->tensor[t].value[i] = fixture_value(&s);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].role == PARE_ROLE_BUFFER)
            for (size_t i = 0; i < m->tensor[t].n; i++)
                m->tensor[t].value[i] += 2;
}

/* Keep one weight in `one_in` of every prunable tensor. */
static inline void fixture_prune(struct pare_model *m, unsigned one_in)
{
    uint32_t s = 99;

    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *w = &m->tensor[t];

        if (!pare_tensor_prunable(w))
            continue;
        assert_int_equal(pare_tensor_need_mask(w), 0);
        for (size_t i = 0; i < w->n; i++) {
            fixture_value(&s);
            w->mask[i] = (s >> 16) % one_in == 0;
        }
    }
    pare_model_apply_masks(m);
}

static inline void fixture_optim(struct pare_model *m, struct pare_optstate *o,
                                 const char *spec, int n_slots)
{
    uint32_t s = 5;

    assert_int_equal(pare_optstate_alloc(o, m, n_slots), 0);
    snprintf(o->spec, sizeof o->spec, "%s", spec);
    o->step = 12345;
    for (int k = 0; k < n_slots; k++)
        for (size_t t = 0; t < m->n_tensors; t++)
            for (size_t i = 0; o->slot[k][t] && i < m->tensor[t].n; i++)
                o->slot[k][t][i] = fixture_value(&s);
}

/* Two slots, three checkpoints, history, classes, provenance, masks. */
static inline void fixture_rich(struct pare_model *m, const char *text,
                                unsigned one_in)
{
    struct pare_history_row row = {1,    750,       0.1,         0.3,
                                   0.91, 0.1 + 0.2, (double)NAN, 1.0 / 3};

    fixture_plain(m, text);
    assert_int_equal(pare_model_draw(m, "pytorch", 7), 0);
    fixture_optim(m, &m->optim, "adam", 2);
    m->training.epoch = 3;
    m->training.epoch_step = 2;
    m->training.step = 2252;
    m->training.seed = UINT64_MAX;
    m->training.batch = 64;
    m->training.lr = 0.1;
    m->training.weight_decay = 1e-4;
    m->training.sum_loss = 1.25;
    strcpy(m->training.loss, "cross-entropy");
    strcpy(m->training.schedule, "constant");
    strcpy(m->training.select, "last");
    assert_int_equal(pare_model_save_checkpoint(m, "epoch:3", true), 0);
    m->tensor[0].value[0] = -0.0f;
    m->tensor[0].value[1] = 1e-42f;
    assert_int_equal(pare_model_save_checkpoint(m, "best", false), 0);
    assert_int_equal(pare_model_add_history(m, &row), 0);
    row.val_loss = (double)INFINITY;
    assert_int_equal(pare_model_add_history(m, &row), 0);
    assert_int_equal(pare_model_add_step(m, "{\"tool\":\"train\"}"), 0);
    assert_int_equal(pare_model_add_step(m, "{\"tool\":\"pr\xc3\xbcne\"}"), 0);
    m->n_classes = 2;
    m->class_name = calloc(2, sizeof *m->class_name);
    assert_non_null(m->class_name);
    m->class_name[0] = strdup("Adelie penguin");
    m->class_name[1] = strdup("Gentoo");
    m->norm.scale = 1.0f / 255;
    m->norm.n = 1;
    m->norm.mean = calloc(1, sizeof(float));
    m->norm.std = calloc(1, sizeof(float));
    m->norm.mean[0] = 0.1307f;
    m->norm.std[0] = 0.3081f;
    if (one_in)
        fixture_prune(m, one_in);
}

static inline void assert_same_values(const float *a, const float *b, size_t n)
{
    assert_true((a == NULL) == (b == NULL));
    if (a)
        assert_memory_equal(a, b, n * sizeof *a);
}

static inline void assert_same_optim(const struct pare_optstate *a,
                                     const struct pare_optstate *b,
                                     const struct pare_model *m)
{
    assert_string_equal(a->spec, b->spec);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->n_slots, b->n_slots);
    for (int k = 0; k < a->n_slots; k++)
        for (size_t t = 0; t < m->n_tensors; t++)
            assert_same_values(a->slot[k][t], b->slot[k][t], m->tensor[t].n);
}

/* Every field, bit for bit; but see extra_fixture.h. */
static inline void assert_same_model(const struct pare_model *a,
                                     const struct pare_model *b)
{
    assert_string_equal(a->arch.text, b->arch.text);
    assert_int_equal(a->n_tensors, b->n_tensors);
    for (size_t t = 0; t < a->n_tensors; t++) {
        const struct pare_tensor *x = &a->tensor[t], *y = &b->tensor[t];

        assert_string_equal(x->name, y->name);
        assert_same_values(x->value, y->value, x->n);
        assert_true((x->mask == NULL) == (y->mask == NULL));
        if (x->mask)
            assert_memory_equal(x->mask, y->mask, x->n);
    }
    assert_same_optim(&a->optim, &b->optim, a);
    assert_memory_equal(&a->training, &b->training, sizeof a->training);
    assert_memory_equal(&a->init, &b->init, sizeof a->init);
    assert_int_equal(a->n_checkpoints, b->n_checkpoints);
    for (size_t i = 0; i < a->n_checkpoints; i++) {
        const struct pare_checkpoint *x = &a->checkpoint[i];
        const struct pare_checkpoint *y = &b->checkpoint[i];

        assert_string_equal(x->name, y->name);
        assert_int_equal(x->epoch, y->epoch);
        assert_int_equal(x->epoch_step, y->epoch_step);
        assert_int_equal(x->step, y->step);
        assert_int_equal(x->sched_step, y->sched_step);
        assert_true((x->value == NULL) == (y->value == NULL));
        for (size_t t = 0; x->value && t < a->n_tensors; t++)
            assert_same_values(x->value[t], y->value[t], a->tensor[t].n);
        assert_same_optim(&x->optim, &y->optim, a);
    }
    assert_int_equal(a->n_history, b->n_history);
    for (size_t i = 0; i < a->n_history; i++) {
        const struct pare_history_row *x = &a->history[i];
        const struct pare_history_row *y = &b->history[i];

        assert_int_equal(x->epoch, y->epoch);
        assert_int_equal(x->step, y->step);
        assert_true(x->lr == y->lr && x->train_loss == y->train_loss);
        assert_true(x->train_acc == y->train_acc);
        assert_true(x->val_loss == y->val_loss);
        assert_int_equal(isnan(x->val_acc), isnan(y->val_acc));
        assert_true(x->sparsity == y->sparsity);
    }
    assert_int_equal(a->n_steps, b->n_steps);
    for (size_t i = 0; i < a->n_steps; i++)
        assert_string_equal(a->step[i], b->step[i]);
    assert_int_equal(a->n_classes, b->n_classes);
    for (size_t i = 0; a->class_name && i < a->n_classes; i++)
        assert_string_equal(a->class_name[i], b->class_name[i]);
    assert_true(a->norm.scale == b->norm.scale);
    assert_int_equal(a->norm.n, b->norm.n);
    assert_same_values(a->norm.mean, b->norm.mean, a->norm.n);
    assert_same_values(a->norm.std, b->norm.std, a->norm.n);
    assert_int_equal(a->user_size, b->user_size);
    assert_memory_equal(a->user, b->user, a->user_size);
}

#endif
