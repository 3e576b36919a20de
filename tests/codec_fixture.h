#ifndef PARE_TESTS_CODEC_FIXTURE_H
#define PARE_TESTS_CODEC_FIXTURE_H

/* Tensors for the tests of the codec; include after unit.h. */
#include "codec.h"
#include "rng.h"

/* A tensor of two dimensions without values. */
static inline struct pare_tensor shape(size_t rows, size_t cols)
{
    struct pare_tensor t = {.role = PARE_ROLE_WEIGHT,
                            .rank = 2,
                            .dim = {rows, cols},
                            .n = rows * cols};

    return t;
}

static inline void empty(struct pare_tensor *t)
{
    free(t->value);
    free(t->mask);
    pare_pattern_free(t->pattern);
    pare_quant_release(&t->quant);
    memset(t, 0, sizeof *t);
}

/* Normal values, and a mask of independent bits unless all is kept. */
static inline struct pare_tensor gaussian(size_t rows, size_t cols,
                                          double sparsity)
{
    struct pare_tensor t = shape(rows, cols);
    uint32_t word[4];

    t.value = malloc((t.n ? t.n : 1) * sizeof *t.value);
    assert_non_null(t.value);
    pare_rng_normal(t.value, t.n, 0.02, 1, PARE_STREAM_INIT, 0);
    if (sparsity <= 0)
        return t;
    t.mask = malloc(t.n ? t.n : 1);
    assert_non_null(t.mask);
    for (size_t i = 0; i < t.n; i++) {
        if (i % 4 == 0)
            pare_rng_block(word, 2, PARE_STREAM_MASK, 0, i / 4);
        t.mask[i] = (double)word[i % 4] >= sparsity * 4294967296.0;
        if (!t.mask[i])
            t.value[i] = 0;
    }
    return t;
}

/* Values to the nearest of k levels from -.075 to .075. */
static inline void levels(struct pare_tensor *t, enum pare_quant_kind kind,
                          size_t k)
{
    struct pare_quant *q = &t->quant;
    double step = 0.15 / (double)(k > 1 ? k - 1 : 1);

    q->kind = kind;
    q->n_book = k;
    q->book = malloc(k * sizeof *q->book);
    assert_non_null(q->book);
    for (size_t i = 0; i < k; i++)
        q->book[i] = (float)(((double)i - (double)(k - 1) / 2) * step);
    for (size_t i = 0; i < t->n; i++) {
        double c = rint(((double)t->value[i]) / step + (double)(k - 1) / 2);

        if (t->mask && !t->mask[i])
            continue;
        c = c < 0 ? 0 : c > (double)(k - 1) ? (double)(k - 1) : c;
        t->value[i] = q->book[(size_t)c];
    }
}

/* All bytes of a coded tensor: malloc'd. */
static inline uint8_t *bytes_of(const struct pare_coded *c, size_t *n)
{
    uint8_t *bytes = malloc(pare_coded_bytes(c) + 1);
    size_t at = 0;

    assert_non_null(bytes);
    for (size_t i = 0; i < c->n_pieces; i++) {
        memcpy(bytes + at, c->piece[i].data, c->piece[i].stored);
        at += c->piece[i].stored;
    }
    *n = at;
    return bytes;
}

#endif
