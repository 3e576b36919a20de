#ifndef PARE_TESTS_LEVELS_FIXTURE_H
#define PARE_TESTS_LEVELS_FIXTURE_H

/* Models whose tensors promise levels or 16 bits. */
#include "model_fixture.h"

#include "levels.h"

/** How fixture_levels does a tensor, in turn. */
enum fixture_kind {
    FIXTURE_BOOK,    /* 5 levels */
    FIXTURE_UNIFORM, /* up to 600 levels */
    FIXTURE_ROWS,    /* int8, a scale for each row */
    FIXTURE_INT8,
    FIXTURE_F16,
    FIXTURE_BF16,
    FIXTURE_BOTH, /* bfloat16 levels */
    FIXTURE_F32,
    FIXTURE_KINDS
};

static inline size_t fixture_row(const struct pare_tensor *t, size_t i)
{
    size_t r = 0;

    if (!t->pattern)
        return i / (t->n / t->dim[0]);
    while (t->pattern->row[r + 1] <= i)
        r++;
    return r;
}

/* Values of the kind; where the mask is 0 they stay 0. */
static inline void fixture_level(struct pare_tensor *t, enum fixture_kind kind)
{
    const int levels = kind == FIXTURE_UNIFORM ? 600 : 5;
    const bool rows = kind == FIXTURE_ROWS, int8 = rows || kind == FIXTURE_INT8;
    uint32_t s = 77;

    if (int8) {
        t->quant.kind = PARE_QUANT_INT8;
        t->quant.n_scale = rows ? t->dim[0] : 1;
        t->quant.scale = malloc(t->quant.n_scale * sizeof(float));
        assert_non_null(t->quant.scale);
        for (size_t i = 0; i < t->quant.n_scale; i++)
            t->quant.scale[i] = 0.001F * (float)(i + 1);
    }
    for (size_t i = 0; i < t->n; i++) {
        float v = fixture_value(&s), *to = &t->value[i];

        if (t->mask && !t->mask[i])
            continue;
        if (kind == FIXTURE_F32 || kind == FIXTURE_F16 || kind == FIXTURE_BF16)
            *to = v;
        else if (int8)
            *to = (float)(int)(v * 127) *
                  t->quant.scale[rows ? fixture_row(t, i) : 0];
        else
            *to = (float)(int)(v * (float)levels) / 64;
    }
    t->dtype = kind == FIXTURE_F16                            ? PARE_F16
               : kind == FIXTURE_BF16 || kind == FIXTURE_BOTH ? PARE_BF16
                                                              : PARE_F32;
    pare_dtype_round(t->value, t->n, t->dtype);
    if (kind == FIXTURE_BOOK || kind == FIXTURE_UNIFORM || kind == FIXTURE_BOTH)
        assert_int_equal(pare_levels_rebuild(t), 0);
    if (kind == FIXTURE_UNIFORM && t->quant.n_book)
        t->quant.kind = PARE_QUANT_UNIFORM;
}

/* All tensors, the first one of this kind, the others of those after it. */
static inline void fixture_levels(struct pare_model *m, enum fixture_kind first)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        fixture_level(&m->tensor[t],
                      (enum fixture_kind)((first + t) % FIXTURE_KINDS));
}

static inline void assert_same_levels(const struct pare_model *a,
                                      const struct pare_model *b)
{
    for (size_t t = 0; t < a->n_tensors; t++) {
        const struct pare_tensor *x = &a->tensor[t], *y = &b->tensor[t];

        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->quant.kind, y->quant.kind);
        assert_int_equal(x->quant.n_book, y->quant.n_book);
        assert_int_equal(x->quant.n_scale, y->quant.n_scale);
        if (x->quant.n_book)
            assert_memory_equal(x->quant.book, y->quant.book,
                                x->quant.n_book * sizeof(float));
        if (x->quant.n_scale)
            assert_memory_equal(x->quant.scale, y->quant.scale,
                                x->quant.n_scale * sizeof(float));
    }
}

#endif
