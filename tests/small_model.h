#ifndef PARE_TESTS_SMALL_MODEL_H
#define PARE_TESTS_SMALL_MODEL_H

/* Models in memory for the tests of pruning; include "unit.h" first. */
#include "digest.h"
#include "model.h"
#include "rng.h"

/** A model of an architecture with normal weights and biases. */
static inline struct pare_model small_model(const char *text, uint64_t seed)
{
    struct pare_model m = {0};
    struct pare_arch arch;

    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        pare_rng_normal(m.tensor[t].value, m.tensor[t].n, 1, seed,
                        PARE_STREAM_INIT, (uint32_t)t);
    return m;
}

/** Kept positions of the prunable tensors. */
static inline uint64_t kept_weights(const struct pare_model *m)
{
    uint64_t kept, total;

    pare_model_count(m, &kept, &total);
    return kept;
}

static inline int mask_at(const struct pare_tensor *t, size_t i)
{
    return t->mask ? t->mask[i] : 1;
}

/** Is everything but undo points 0 where the mask is 0 (promise 4)? */
static inline void assert_masked_is_zero(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        for (size_t i = 0; x->mask && i < x->n; i++) {
            if (x->mask[i])
                continue;
            assert_true(x->value[i] == 0 && !signbit(x->value[i]));
            for (int k = 0; k < m->optim.n_slots; k++)
                assert_true(m->optim.slot[k][t][i] == 0);
            for (size_t c = 0; c < m->n_checkpoints; c++)
                if (m->checkpoint[c].value && !m->checkpoint[c].mask)
                    assert_true(m->checkpoint[c].value[t][i] == 0);
        }
    }
}

#endif
