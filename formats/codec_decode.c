/* Decoding: the mask first, then pieces of values in parallel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "codec_decoder.h"
#include "compact.h"
#include "parallel.h"

#define BLOCK PARE_CODEC_BLOCK

int pare_coded_bad(const char *what)
{
    return pare_fail(PARE_EFORMAT, "coded tensor: %s", what);
}

int pare_decoder_run(struct pare_decoder *d, size_t n,
                     void (*task)(void *, size_t))
{
    int err = 0;

    d->status = calloc(n ? n : 1, sizeof *d->status);
    if (!d->status)
        return pare_codec_no_memory();
    pare_parallel(d->threads, n, task, d);
    for (size_t i = 0; i < n && !err; i++)
        err = d->status[i];
    free(d->status);
    d->status = NULL;
    return err == PARE_ENOMEM ? pare_codec_no_memory()
           : err              ? pare_coded_bad("damaged data")
                              : 0;
}

size_t pare_decoder_part(struct pare_decoder *d, enum pare_part part)
{
    const struct pare_coded *c = d->c;
    size_t first = 0, n = 0;
    unsigned planes;
    uint64_t raw;

    while (first < c->n_pieces && c->piece[first].part != part)
        first++;
    while (first + n < c->n_pieces && c->piece[first + n].part == part)
        n++;
    pare_coded_shape(c, part, &planes, &raw);
    d->piece = c->piece + first;
    d->cuts = (size_t)pare_div_up(raw, PARE_PIECE);
    d->at_once = d->cuts / 2 >= (size_t)d->threads ? 2 : 1;
    return n;
}

/* Pieces of mask or book to where they belong: all are full but the last of
   each plane. */
static void raw_task(void *arg, size_t i)
{
    struct pare_decoder *d = arg;
    struct pare_squeezed s[2];
    size_t n = 0;
    unsigned planes;
    uint64_t raw;

    pare_coded_shape(d->c, d->piece->part, &planes, &raw);
    i *= d->at_once;
    for (size_t k = i; k < i + d->at_once && k < planes * d->cuts; k++) {
        const struct pare_coded_piece *p = &d->piece[k];
        uint8_t *to = d->raw + p->plane * raw + k % d->cuts * PARE_PIECE;

        if (p->stored == p->raw)
            memcpy(to, p->data, p->raw);
        else
            s[n++] = (struct pare_squeezed){to, p->raw, p->data, p->stored, 0};
    }
    d->status[i / d->at_once] = pare_unsqueeze(s, n);
}

static int read_raw(struct pare_decoder *d, enum pare_part part)
{
    unsigned planes;
    uint64_t raw;
    size_t n;

    pare_coded_shape(d->c, part, &planes, &raw);
    free(d->raw);
    d->raw = raw < SIZE_MAX / 8 ? malloc((size_t)raw * planes) : NULL;
    if (!d->raw)
        return pare_codec_no_memory();
    n = pare_decoder_part(d, part);
    return pare_decoder_run(d, (size_t)pare_div_up(n, d->at_once), raw_task);
}

/* Are they levels that a tensor may have: of its type, and with what is absent
   but not pruned, which is 0, among them? */
static bool levels_fit(const struct pare_coded *c, const float *level, size_t n)
{
    bool zero = c->found || c->masked || c->nnz == c->n;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(level[i]) || (level[i] == 0 && signbit(level[i])) ||
            (i && !(level[i] > level[i - 1])))
            return false;
        zero |= level[i] == 0;
    }
    return zero && pare_dtype_misfit(level, n, c->dtype) == n;
}

static bool scales_fit(const float *scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scale[i]) || !(scale[i] > 0))
            return false;
    return true;
}

static int read_levels(struct pare_decoder *d)
{
    struct pare_quant *q = &d->t->quant;
    bool int8 = d->c->quant == PARE_QUANT_INT8;
    size_t n = (size_t)d->c->n_book;
    float *level;
    int err;

    if (!n)
        return 0;
    if (int8 && n != 1 && n != d->rows)
        return pare_coded_bad("scales of another number than rows");
    err = read_raw(d, PARE_PART_BOOK);
    level = err ? NULL : malloc(n * sizeof *level);
    if (err)
        return err;
    if (!level)
        return pare_codec_no_memory();
    pare_dtype_get(level, d->raw, n, PARE_F32);
    q->kind = d->c->quant;
    *(int8 ? &q->scale : &q->book) = level;
    *(int8 ? &q->n_scale : &q->n_book) = n;
    return (int8 ? scales_fit(level, n) : levels_fit(d->c, level, n))
               ? 0
               : pare_coded_bad("levels that cannot be");
}

static void rank_task(void *arg, size_t i)
{
    struct pare_decoder *d = arg;
    uint64_t at = (uint64_t)i * BLOCK;
    uint64_t n = d->c->n - at < BLOCK ? d->c->n - at : BLOCK;

    d->rank[i + 1] = pare_bits_total(d->bits + at / 64, (size_t)(n + 63) / 64);
}

static int read_bits(struct pare_decoder *d)
{
    uint64_t blocks = pare_div_up(d->c->n, BLOCK);
    int err;

    d->bits = calloc((size_t)(d->c->n / 64 + 1), sizeof *d->bits);
    d->rank = calloc((size_t)blocks + 1, sizeof *d->rank);
    if (!d->bits || !d->rank)
        return pare_codec_no_memory();
    err = pare_mask_bits(d->bits, d->c, d->raw, d->rows);
    if (!err)
        err = pare_decoder_run(d, (size_t)blocks, rank_task);
    for (uint64_t b = 0; b < blocks; b++)
        d->rank[b + 1] += d->rank[b];
    return err;
}

static int pattern_of_bits(struct pare_decoder *d, size_t cols)
{
    struct pare_pattern *p;
    uint64_t k = 0;
    size_t row = 0;
    int err = pare_pattern_new(&p, d->rows, cols, d->c->nnz);

    if (err)
        return err;
    p->row[0] = 0;
    for (uint64_t i = 0; d->bits && i < d->c->n / 64 + 1; i++)
        for (uint64_t x = d->bits[i]; x; x &= x - 1) {
            uint64_t at = i * 64 + pare_bits_lowest(x);

            while (row < at / cols)
                p->row[++row] = k;
            p->col[k++] = (uint32_t)(at % cols);
        }
    while (row < d->rows)
        p->row[++row] = k;
    d->pattern = p;
    return 0;
}

/* What is there: bits, and with `compact` a pattern instead. */
static int read_mask(struct pare_decoder *d, bool compact)
{
    bool large = d->c->n > PARE_DENSE_POSITIONS;
    size_t cols = d->t->rank == 2 ? d->t->dim[1] : 0;
    int err;

    if (d->c->mask_form == PARE_MASK_ALL) {
        if (!compact)
            return 0;
        return d->c->nnz
                   ? pare_pattern_of_mask(&d->pattern, NULL, d->rows, cols)
                   : pattern_of_bits(d, cols);
    }
    err = read_raw(d, PARE_PART_MASK);
    if (err)
        return err;
    if (compact && large && d->c->mask_form == PARE_MASK_GAPS) {
        if (d->c->transposed)
            return pare_coded_bad("a large mask that is transposed");
        return pare_mask_pattern(&d->pattern, d->c, d->raw, d->rows, cols);
    }
    err = read_bits(d);
    return err || !compact ? err : pattern_of_bits(d, cols);
}

static void mask_task(void *arg, size_t i)
{
    struct pare_decoder *d = arg;
    uint64_t at = (uint64_t)i * PARE_PIECE;
    uint64_t left = d->c->n - at;
    size_t n = left < PARE_PIECE ? (size_t)left : PARE_PIECE;

    if (d->bits)
        d->lanes->to_mask(d->mask + at, d->bits + at / 64, n,
                          d->c->n >= PARE_CODEC_PAST);
    else
        memset(d->mask + at, d->c->nnz > 0, n);
}

static int make_mask(struct pare_decoder *d)
{
    if (!d->c->masked || d->pattern)
        return 0;
    d->mask = aligned_alloc(64, ((size_t)d->c->n + 64) / 64 * 64);
    if (!d->mask)
        return pare_codec_no_memory();
    pare_parallel(d->threads, (size_t)pare_div_up(d->c->n, PARE_PIECE),
                  mask_task, d);
    return 0;
}

/* Are there as many positions as the dimensions give? */
static bool shape_fits(const struct pare_coded *c, const struct pare_tensor *t)
{
    uint64_t n = 1;

    for (int i = 0; i < t->rank; i++) {
        if (t->dim[i] && n > UINT64_MAX / t->dim[i])
            return false;
        n *= t->dim[i];
    }
    return n == c->n;
}

int pare_decode(struct pare_tensor *t, const struct pare_coded *c, bool compact,
                int threads)
{
    struct pare_tensor new = *t;
    struct pare_decoder d = {.lanes = pare_lanes(),
                             .c = c,
                             .threads = threads,
                             .rows = t->rank && c->n ? t->dim[0] : 1,
                             .t = &new};
    int err = shape_fits(c, t) ? 0 : pare_coded_bad("of another shape");

    memset(&new.quant, 0, sizeof new.quant);
    compact = compact && c->masked && t->rank == 2 && c->n;
    if (!err)
        err = read_levels(&d);
    if (!err && c->n)
        err = read_mask(&d, compact);
    if (!err)
        err = pare_decode_values(&d);
    if (!err)
        err = make_mask(&d);
    free(d.bits);
    free(d.rank);
    free(d.raw);
    if (err) {
        pare_quant_release(&new.quant);
        pare_pattern_free(d.pattern);
        free(d.mask);
        free(d.value);
        return err;
    }
    if (c->found)
        pare_quant_release(&new.quant);
    new.value = d.value;
    new.mask = d.mask;
    new.pattern = d.pattern;
    new.n = (size_t)(d.pattern ? c->nnz : c->n);
    new.dtype = c->dtype;
    *t = new;
    return 0;
}

int pare_decode_under(float *value, const struct pare_coded *c,
                      const struct pare_tensor *t, int threads)
{
    struct pare_tensor x = {.rank = 1, .dim = {pare_tensor_kept(t)}};
    size_t k = 0;
    int err;

    if (c->masked || c->dtype != PARE_F32 || c->quant != PARE_QUANT_NONE)
        return pare_coded_bad("not an array under a mask");
    err = pare_decode(&x, c, false, threads);
    if (err)
        return err;
    if (!t->mask)
        memcpy(value, x.value, t->n * sizeof *value);
    for (size_t i = 0; t->mask && i < t->n; i++)
        value[i] = t->mask[i] ? x.value[k++] : 0.0f;
    free(x.value);
    return 0;
}
