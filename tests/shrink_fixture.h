#ifndef PARE_TESTS_SHRINK_FIXTURE_H
#define PARE_TESTS_SHRINK_FIXTURE_H

/* What the tests of shrinking share; include "unit.h" first. */
#include "outputs.h"
#include "small_model.h"

/** Prune a run of a tensor. */
static inline void prune_run(struct pare_model *m, const char *name,
                             size_t first, size_t n)
{
    struct pare_tensor *t = pare_model_tensor(m, name);

    assert_non_null(t);
    assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t i = first; i < first + n; i++)
        t->value[i] = t->mask[i] = 0;
}

/** Prune all weights of a layer on one input channel. */
static inline void prune_column(struct pare_model *m, const char *name,
                                size_t col)
{
    struct pare_tensor *t = pare_model_tensor(m, name);
    size_t taps = t->n / t->dim[0] / t->dim[1];

    for (size_t o = 0; o < t->dim[0]; o++)
        prune_run(m, name, (o * t->dim[1] + col) * taps, taps);
}

/** Largest difference of outputs on random inputs, relative to the outputs;
    fails where it is more than rounding makes. */
static inline double assert_same_outputs(struct pare_model *m,
                                         struct pare_model *small,
                                         const char *what)
{
    struct pare_outputs_samples s = {.n = 48, .seed = 3, .threads = 1};
    struct pare_outputs_difference d;

    assert_int_equal(pare_outputs_compare(&d, m, small, &s), 0);
    assert_int_equal(d.n, 48);
    if (!(d.difference <= 1e-5 * d.largest + 1e-6))
        fail_msg("%s became %s, %s: outputs up to %g differ by %g",
                 m->arch.text, small->arch.text, what, d.largest, d.difference);
    assert_masked_is_zero(small);
    return d.difference / (d.largest + 0.1);
}

#endif
