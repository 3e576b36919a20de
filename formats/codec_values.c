/* Decoding values: planes or codes of a piece to positions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "codec_decoder.h"
#include "hugepage.h"
#include "parallel.h"

#define BLOCK PARE_CODEC_BLOCK
#define SLACK PARE_CODEC_SLACK

/* Two planes, rotated back if so. */
PARE_CLONES
static void join2(uint32_t *restrict x, const uint8_t *restrict a,
                  const uint8_t *restrict b, size_t n, bool rotated)
{
    if (!rotated)
        for (size_t i = 0; i < n; i++)
            x[i] = a[i] | (uint32_t)b[i] << 8;
    else
        for (size_t i = 0; i < n; i++)
            x[i] = a[i] >> 1 | (uint32_t)b[i] << 7 | (a[i] & 1u) << 15;
}

/* Four planes. */
PARE_CLONES
static void join4(uint32_t *restrict x, const uint8_t *restrict a,
                  const uint8_t *restrict b, const uint8_t *restrict c,
                  const uint8_t *restrict d, size_t n, bool rotated)
{
    if (!rotated)
        for (size_t i = 0; i < n; i++)
            x[i] = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 |
                   (uint32_t)d[i] << 24;
    else
        for (size_t i = 0; i < n; i++) {
            uint32_t y = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 |
                         (uint32_t)d[i] << 24;

            x[i] = y >> 1 | y << 31;
        }
}

static uint32_t bits_of(float v)
{
    uint32_t x;

    memcpy(&x, &v, sizeof x);
    return x;
}

static void widen(uint32_t *x, size_t n, enum pare_dtype type)
{
    for (size_t i = 0; i < n; i++)
        x[i] = bits_of(type == PARE_F16 ? pare_from_f16((uint16_t)x[i])
                                        : pare_from_bf16((uint16_t)x[i]));
}

/* A piece of all planes of values, from which entries are taken. */
struct source {
    const struct pare_decoder *d;
    const uint8_t *plane[4];
    uint8_t *owned[4];
    uint64_t first; /* its first entry */
    int fault;
};

static void codes(struct source *s, uint32_t *x, uint64_t at, size_t n)
{
    const struct pare_coded *c = s->d->c;
    const struct pare_quant *q = &s->d->t->quant;
    size_t radix = pare_coded_radix(c);

    for (size_t i = 0; i < n; i++) {
        uint64_t k = at + i - s->first;
        size_t code = s->plane[0][k / c->per];

        if (s->plane[1])
            code |= (size_t)s->plane[1][k] << 8;
        for (uint64_t j = k % c->per; j; j--)
            code /= radix;
        if (c->per > 1)
            code %= radix;
        if (c->quant == PARE_QUANT_INT8) {
            s->fault |= code < 1;
            x[i] = bits_of((float)code - 128.0f);
        } else if (code < q->n_book) {
            x[i] = bits_of(q->book[code]);
        } else {
            s->fault = 1;
            x[i] = 0;
        }
    }
}

/* Entries at..at + n - 1 as float32 bits; n <= BLOCK. */
static void take(struct source *s, uint32_t *x, uint64_t at, size_t n)
{
    const struct pare_coded *c = s->d->c;
    unsigned width = (unsigned)pare_dtype_size(c->dtype);
    const uint8_t *plane[4] = {0};

    if (c->value_form == PARE_VALUE_CODES) {
        codes(s, x, at, n);
        return;
    }
    if (c->value_form == PARE_VALUE_SAME) {
        uint32_t v = 0;

        for (unsigned p = 0; p < width; p++)
            v |= (uint32_t)s->plane[0][p] << 8 * p;
        for (size_t i = 0; i < n; i++)
            x[i] = v;
    } else {
        for (unsigned p = 0; p < width; p++)
            plane[p] = s->plane[p] + (at - s->first);
        if (width == 4)
            join4(x, plane[0], plane[1], plane[2], plane[3], n, c->rotated);
        else
            join2(x, plane[0], plane[1], n, c->rotated);
    }
    if (width == 2)
        widen(x, n, c->dtype);
}

/* Entries of a block to their positions, only those in from..to. */
static void place_some(struct source *s, uint32_t *x, uint64_t b, uint64_t from,
                       uint64_t to)
{
    const struct pare_decoder *d = s->d;
    uint64_t k = d->rank[b];
    uint64_t lo = k < from ? from : k;
    uint64_t hi = d->rank[b + 1] < to ? d->rank[b + 1] : to;

    take(s, x, lo, (size_t)(hi - lo));
    for (uint64_t w = b * BLOCK / 64; k < hi; w++)
        for (uint64_t y = d->bits[w]; y && k < hi; y &= y - 1, k++)
            if (k >= lo)
                memcpy(&d->value[w * 64 + pare_bits_lowest(y)], &x[k - lo],
                       sizeof *x);
}

static uint64_t block_of(const struct pare_decoder *d, uint64_t entry)
{
    uint64_t lo = 0, hi = pare_div_up(d->c->n, BLOCK) - 1;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo + 1) / 2;

        if (d->rank[mid] <= entry)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static void place(struct source *s, uint64_t from, uint64_t to)
{
    const struct pare_decoder *d = s->d;
    uint32_t x[BLOCK + SLACK] = {0};

    for (uint64_t at = from; d->direct && at < to; at += BLOCK) {
        size_t n = to - at < BLOCK ? (size_t)(to - at) : BLOCK;

        take(s, x, at, n);
        memcpy(d->value + at, x, n * sizeof *x);
    }
    for (uint64_t b = d->direct ? 0 : block_of(d, from);
         !d->direct && b < pare_div_up(d->c->n, BLOCK) && d->rank[b] < to;
         b++) {
        uint64_t at = b * BLOCK, n = d->rank[b + 1] - d->rank[b];

        if (d->rank[b] < from || d->rank[b + 1] > to) {
            place_some(s, x, b, from, to);
        } else if (n) {
            take(s, x, d->rank[b], (size_t)n);
            d->lanes->expand(d->value + at, x, d->bits + at / 64,
                             d->c->n - at < BLOCK ? (size_t)(d->c->n - at)
                                                  : BLOCK,
                             d->c->n >= PARE_CODEC_PAST);
        }
    }
}

/* Entries of one piece. */
static uint64_t stride(const struct pare_coded *c)
{
    return (uint64_t)PARE_PIECE *
           (c->value_form == PARE_VALUE_CODES ? c->per : 1);
}

/* Piece i of all planes; those that are streams are put on a list. */
static int open_source(struct source *s, struct pare_squeezed *list, size_t *n,
                       const struct pare_decoder *d, size_t i)
{
    unsigned planes;
    uint64_t raw;

    *s = (struct source){.d = d, .first = (uint64_t)i * stride(d->c)};
    pare_coded_shape(d->c, PARE_PART_VALUE, &planes, &raw);
    for (unsigned p = 0; p < planes; p++) {
        const struct pare_coded_piece *piece =
            &d->piece[p * d->cuts +
                      (d->c->value_form == PARE_VALUE_SAME ? 0 : i)];

        s->plane[p] = piece->data;
        if (piece->stored == piece->raw)
            continue;
        s->plane[p] = s->owned[p] = malloc(piece->raw);
        if (!s->owned[p])
            return PARE_ENOMEM;
        list[(*n)++] = (struct pare_squeezed){s->owned[p], piece->raw,
                                              piece->data, piece->stored, 0};
    }
    return 0;
}

static void value_task(void *arg, size_t i)
{
    struct pare_decoder *d = arg;
    struct pare_squeezed list[8];
    struct source s[2];
    size_t opened = 0, n = 0, first = i * d->at_once;
    uint64_t step = stride(d->c);
    int err = 0;

    for (size_t k = first;
         !err && k < first + d->at_once && k * step < d->c->nnz; k++)
        err = open_source(&s[opened++], list, &n, d, k);
    if (!err)
        err = pare_unsqueeze(list, n);
    for (size_t k = 0; k < opened; k++) {
        uint64_t from = s[k].first, left = d->c->nnz - from;

        if (!err) {
            place(&s[k], from, from + (left < step ? left : step));
            err = s[k].fault ? PARE_EFORMAT : 0;
        }
        for (unsigned p = 0; p < 4; p++)
            free(s[k].owned[p]);
    }
    d->status[i] = err;
}

/* The last byte of codes must hold no more of them than there are. */
static int check_tail(struct pare_decoder *d)
{
    const struct pare_coded *c = d->c;
    size_t n = pare_decoder_part(d, PARE_PART_VALUE),
           radix = pare_coded_radix(c);
    const struct pare_coded_piece *last;
    uint8_t *raw;
    size_t rest;
    int err = 0;

    if (c->value_form != PARE_VALUE_CODES || c->per < 2 || !n)
        return 0;
    last = &d->piece[n - 1];
    raw = malloc(last->raw);
    if (!raw)
        return pare_codec_no_memory();
    if (last->stored == last->raw)
        memcpy(raw, last->data, last->raw);
    else
        err = pare_unsqueeze(&(struct pare_squeezed){raw, last->raw, last->data,
                                                     last->stored, 0},
                             1);
    if (err)
        err = err == PARE_ENOMEM ? pare_codec_no_memory()
                                 : pare_coded_bad("damaged data");
    rest = err ? 0 : raw[last->raw - 1];
    free(raw);
    for (uint64_t k = (c->nnz - 1) % c->per + 1; k; k--)
        rest /= radix;
    return err ? err : rest ? pare_coded_bad("a byte of too many codes") : 0;
}

/* int8: codes times the scale of all or of each row. */
static void scale_task(void *arg, size_t i)
{
    struct pare_decoder *d = arg;
    const struct pare_quant *q = &d->t->quant;
    uint64_t cols = d->c->n / d->rows;
    uint64_t from = d->pattern ? d->pattern->row[i] : (uint64_t)i * cols;
    uint64_t to = d->pattern ? d->pattern->row[i + 1] : from + cols;
    float scale = q->scale[q->n_scale > 1 ? i : 0];

    for (uint64_t k = from; k < to; k++)
        d->value[k] *= scale;
}

/* Zero the blocks that no piece of values writes whole: those without entries,
 * and those that two pieces share. */
static void clear_rest(struct pare_decoder *d)
{
    uint64_t piece = stride(d->c);

    for (uint64_t b = 0; b < pare_div_up(d->c->n, BLOCK); b++) {
        uint64_t at = b * BLOCK, first = d->rank[b], last = d->rank[b + 1];
        uint64_t n = d->c->n - at < BLOCK ? d->c->n - at : BLOCK;

        if (first == last || first / piece != (last - 1) / piece)
            memset(d->value + at, 0, (size_t)n * sizeof *d->value);
    }
}

int pare_decode_values(struct pare_decoder *d)
{
    uint64_t n = d->pattern ? d->c->nnz : d->c->n;
    int err;

    if (n >= SIZE_MAX / sizeof *d->value)
        return pare_fail(PARE_ELIMIT, "a tensor of too many values");
    /* All is written below, but for what has no entries at all. */
    d->value = d->c->nnz ? aligned_alloc(64, ((size_t)n * 4 + 63) / 64 * 64)
                         : calloc(n ? (size_t)n : 1, sizeof *d->value);
    if (!d->value)
        return pare_codec_no_memory();
    pare_hugepage(d->value, (size_t)n * sizeof *d->value);
    d->direct = d->pattern || d->c->mask_form == PARE_MASK_ALL;
    if (!d->c->nnz)
        return 0;
    err = check_tail(d);
    pare_decoder_part(d, PARE_PART_VALUE);
    if (!err && !d->direct)
        clear_rest(d);
    if (!err)
        err = pare_decoder_run(
            d,
            (size_t)pare_div_up(pare_div_up(d->c->nnz, stride(d->c)),
                                d->at_once),
            value_task);
    if (!err && d->c->quant == PARE_QUANT_INT8 &&
        d->c->value_form == PARE_VALUE_CODES)
        pare_parallel(d->threads, d->rows, scale_task, d);
    return err;
}
