/* Decoding: the mask first, then pieces of values in parallel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "codec_parts.h"
#include "compact.h"
#include "hugepage.h"
#include "lanes.h"
#include "parallel.h"
#include "squeeze.h"
#include "status.h"

#define PAST  ((uint64_t)1 << 22) /* values that no cache holds */
#define BLOCK PARE_CODEC_BLOCK
#define SLACK PARE_CODEC_SLACK

struct decoder {
    const struct pare_lanes *lanes;
    const struct pare_coded *c;
    int threads;
    size_t rows;
    bool direct;    /* entries follow each other in value */
    uint64_t *bits; /* [n / 64 + 1], or NULL */
    uint64_t *rank; /* [blocks + 1] entries before each block */
    uint8_t *raw;   /* of mask or book */
    const struct pare_coded_piece *piece; /* the first of a part */
    struct pare_tensor *t;
    struct pare_pattern *pattern;
    uint8_t *mask;
    float *value;
    int *status; /* of each task */
};

static int bad(const char *what)
{
    return pare_fail(PARE_EFORMAT, "coded tensor: %s", what);
}

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b > 0);
}

static int run(struct decoder *d, size_t n, void (*task)(void *, size_t))
{
    int err = 0;

    d->status = calloc(n ? n : 1, sizeof *d->status);
    if (!d->status)
        return no_memory();
    pare_parallel(d->threads, n, task, d);
    for (size_t i = 0; i < n && !err; i++)
        err = d->status[i];
    free(d->status);
    d->status = NULL;
    return err == PARE_ENOMEM ? no_memory() : err ? bad("damaged data") : 0;
}

/* The pieces of a part: the first, and how many. */
static size_t pieces_of(struct decoder *d, enum pare_part part)
{
    size_t first = 0, n = 0;

    while (first < d->c->n_pieces && d->c->piece[first].part != part)
        first++;
    while (first + n < d->c->n_pieces && d->c->piece[first + n].part == part)
        n++;
    d->piece = d->c->piece + first;
    return n;
}

static int unpack(uint8_t *raw, const struct pare_coded_piece *p)
{
    if (p->stored != p->raw)
        return pare_unsqueeze(raw, p->raw, p->data, p->stored);
    memcpy(raw, p->data, p->raw);
    return 0;
}

/* Pieces of mask or book to where they belong: all are full but the last of
   each plane. */
static void raw_task(void *arg, size_t i)
{
    struct decoder *d = arg;
    unsigned planes;
    uint64_t raw;

    pare_coded_shape(d->c, d->piece[i].part, &planes, &raw);
    d->status[i] = unpack(d->raw + d->piece[i].plane * raw +
                              i % (size_t)div_up(raw, PARE_PIECE) * PARE_PIECE,
                          &d->piece[i]);
}

static int read_raw(struct decoder *d, enum pare_part part)
{
    unsigned planes;
    uint64_t raw;

    pare_coded_shape(d->c, part, &planes, &raw);
    free(d->raw);
    d->raw = raw < SIZE_MAX / 8 ? malloc((size_t)raw * planes) : NULL;
    if (!d->raw)
        return no_memory();
    return run(d, pieces_of(d, part), raw_task);
}

static int read_levels(struct decoder *d)
{
    struct pare_quant *q = &d->t->quant;
    bool int8 = d->c->quant == PARE_QUANT_INT8;
    size_t n = (size_t)d->c->n_book;
    float *level;
    int err;

    if (!n)
        return 0;
    if (int8 && n != 1 && n != d->rows)
        return bad("scales of another number than rows");
    err = read_raw(d, PARE_PART_BOOK);
    level = err ? NULL : malloc(n * sizeof *level);
    if (err)
        return err;
    if (!level)
        return no_memory();
    pare_dtype_get(level, d->raw, n, PARE_F32);
    q->kind = d->c->quant;
    *(int8 ? &q->scale : &q->book) = level;
    *(int8 ? &q->n_scale : &q->n_book) = n;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(level[i]) || (int8 && !(level[i] > 0)) ||
            (!int8 && level[i] == 0 && signbit(level[i])) ||
            (!int8 && i && !(level[i] > level[i - 1])))
            return bad("levels that cannot be");
    return 0;
}

static void rank_task(void *arg, size_t i)
{
    struct decoder *d = arg;
    uint64_t at = (uint64_t)i * BLOCK;
    uint64_t n = d->c->n - at < BLOCK ? d->c->n - at : BLOCK;

    d->rank[i + 1] = pare_bits_total(d->bits + at / 64, (size_t)(n + 63) / 64);
}

static int read_bits(struct decoder *d)
{
    uint64_t blocks = div_up(d->c->n, BLOCK);
    int err;

    d->bits = calloc((size_t)(d->c->n / 64 + 1), sizeof *d->bits);
    d->rank = calloc((size_t)blocks + 1, sizeof *d->rank);
    if (!d->bits || !d->rank)
        return no_memory();
    err = pare_mask_bits(d->bits, d->c, d->raw, d->rows);
    if (!err)
        err = run(d, (size_t)blocks, rank_task);
    for (uint64_t b = 0; b < blocks; b++)
        d->rank[b + 1] += d->rank[b];
    return err;
}

static int pattern_of_bits(struct decoder *d, size_t cols)
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
static int read_mask(struct decoder *d, bool compact)
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
            return bad("a large mask that is transposed");
        return pare_mask_pattern(&d->pattern, d->c, d->raw, d->rows, cols);
    }
    err = read_bits(d);
    return err || !compact ? err : pattern_of_bits(d, cols);
}

PARE_CLONES
static void join(uint32_t *restrict x, const uint8_t *restrict from, size_t n,
                 unsigned shift)
{
    if (!shift)
        for (size_t i = 0; i < n; i++)
            x[i] = from[i];
    else
        for (size_t i = 0; i < n; i++)
            x[i] |= (uint32_t)from[i] << shift;
}

/* Four planes at once. */
PARE_CLONES
static void join4(uint32_t *restrict x, const uint8_t *restrict a,
                  const uint8_t *restrict b, const uint8_t *restrict c,
                  const uint8_t *restrict d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 |
               (uint32_t)d[i] << 24;
}

PARE_CLONES
static void rotate_back(uint32_t *x, size_t n, unsigned width)
{
    if (width == 4)
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] >> 1 | x[i] << 31;
    else
        for (size_t i = 0; i < n; i++)
            x[i] = (x[i] >> 1 | x[i] << 15) & 0xffff;
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
    const struct decoder *d;
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
        if (width == 4)
            join4(x, s->plane[0] + (at - s->first),
                  s->plane[1] + (at - s->first), s->plane[2] + (at - s->first),
                  s->plane[3] + (at - s->first), n);
        for (unsigned p = 0; width == 2 && p < width; p++)
            join(x, s->plane[p] + (at - s->first), n, 8 * p);
        if (c->rotated)
            rotate_back(x, n, width);
    }
    if (width == 2)
        widen(x, n, c->dtype);
}

/* Entries of a block to their positions, only those in from..to. */
static void place_some(struct source *s, uint32_t *x, uint64_t b, uint64_t from,
                       uint64_t to)
{
    const struct decoder *d = s->d;
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

static uint64_t block_of(const struct decoder *d, uint64_t entry)
{
    uint64_t lo = 0, hi = div_up(d->c->n, BLOCK) - 1;

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
    const struct decoder *d = s->d;
    uint32_t x[BLOCK + SLACK] = {0};

    for (uint64_t at = from; d->direct && at < to; at += BLOCK) {
        size_t n = to - at < BLOCK ? (size_t)(to - at) : BLOCK;

        take(s, x, at, n);
        memcpy(d->value + at, x, n * sizeof *x);
    }
    for (uint64_t b = d->direct ? 0 : block_of(d, from);
         !d->direct && b < div_up(d->c->n, BLOCK) && d->rank[b] < to; b++) {
        uint64_t at = b * BLOCK, n = d->rank[b + 1] - d->rank[b];

        if (d->rank[b] < from || d->rank[b + 1] > to) {
            place_some(s, x, b, from, to);
        } else if (n) {
            take(s, x, d->rank[b], (size_t)n);
            d->lanes->expand(d->value + at, x, d->bits + at / 64,
                             d->c->n - at < BLOCK ? (size_t)(d->c->n - at)
                                                  : BLOCK,
                             d->c->n >= PAST);
        }
    }
}

/* Entries of one piece. */
static uint64_t stride(const struct pare_coded *c)
{
    return (uint64_t)PARE_PIECE *
           (c->value_form == PARE_VALUE_CODES ? c->per : 1);
}

static void value_task(void *arg, size_t i)
{
    struct decoder *d = arg;
    struct source s = {.d = d, .first = (uint64_t)i * stride(d->c)};
    uint64_t to =
        d->c->nnz - s.first < stride(d->c) ? d->c->nnz : s.first + stride(d->c);
    unsigned planes;
    uint64_t raw;
    int err = 0;

    pare_coded_shape(d->c, PARE_PART_VALUE, &planes, &raw);
    for (unsigned p = 0; !err && p < planes; p++) {
        size_t cuts = (size_t)div_up(raw, PARE_PIECE);
        const struct pare_coded_piece *piece =
            &d->piece[p * cuts + (d->c->value_form == PARE_VALUE_SAME ? 0 : i)];

        s.plane[p] = piece->data;
        if (piece->stored == piece->raw)
            continue;
        s.owned[p] = malloc(piece->raw);
        err = s.owned[p] ? unpack(s.owned[p], piece) : PARE_ENOMEM;
        s.plane[p] = s.owned[p];
    }
    if (!err)
        place(&s, s.first, to);
    for (unsigned p = 0; p < 4; p++)
        free(s.owned[p]);
    d->status[i] = err ? err : s.fault ? PARE_EFORMAT : 0;
}

/* The last byte of codes must hold no more of them than there are. */
static int check_tail(struct decoder *d)
{
    const struct pare_coded *c = d->c;
    size_t n = pieces_of(d, PARE_PART_VALUE), radix = pare_coded_radix(c);
    const struct pare_coded_piece *last;
    uint8_t *raw;
    size_t rest;
    int err;

    if (c->value_form != PARE_VALUE_CODES || c->per < 2 || !n)
        return 0;
    last = &d->piece[n - 1];
    raw = malloc(last->raw);
    if (!raw)
        return no_memory();
    err = unpack(raw, last) ? bad("damaged data") : 0;
    rest = err ? 0 : raw[last->raw - 1];
    free(raw);
    for (uint64_t k = (c->nnz - 1) % c->per + 1; k; k--)
        rest /= radix;
    return err ? err : rest ? bad("a byte of too many codes") : 0;
}

/* int8: codes times the scale of all or of each row. */
static void scale_task(void *arg, size_t i)
{
    struct decoder *d = arg;
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
static void clear_rest(struct decoder *d)
{
    uint64_t piece = stride(d->c);

    for (uint64_t b = 0; b < div_up(d->c->n, BLOCK); b++) {
        uint64_t at = b * BLOCK, first = d->rank[b], last = d->rank[b + 1];
        uint64_t n = d->c->n - at < BLOCK ? d->c->n - at : BLOCK;

        if (first == last || first / piece != (last - 1) / piece)
            memset(d->value + at, 0, (size_t)n * sizeof *d->value);
    }
}

static int read_values(struct decoder *d)
{
    uint64_t n = d->pattern ? d->c->nnz : d->c->n;
    int err;

    if (n >= SIZE_MAX / sizeof *d->value)
        return pare_fail(PARE_ELIMIT, "a tensor of too many values");
    /* All is written below, but for what has no entries at all. */
    d->value = d->c->nnz ? aligned_alloc(64, ((size_t)n * 4 + 63) / 64 * 64)
                         : calloc(n ? (size_t)n : 1, sizeof *d->value);
    if (!d->value)
        return no_memory();
    pare_hugepage(d->value, (size_t)n * sizeof *d->value);
    d->direct = d->pattern || d->c->mask_form == PARE_MASK_ALL;
    if (!d->c->nnz)
        return 0;
    err = check_tail(d);
    pieces_of(d, PARE_PART_VALUE);
    if (!err && !d->direct)
        clear_rest(d);
    if (!err)
        err = run(d, (size_t)div_up(d->c->nnz, stride(d->c)), value_task);
    if (!err && d->c->quant == PARE_QUANT_INT8 &&
        d->c->value_form == PARE_VALUE_CODES)
        pare_parallel(d->threads, d->rows, scale_task, d);
    return err;
}

static void mask_task(void *arg, size_t i)
{
    struct decoder *d = arg;
    uint64_t at = (uint64_t)i * PARE_PIECE;
    uint64_t left = d->c->n - at;
    size_t n = left < PARE_PIECE ? (size_t)left : PARE_PIECE;

    if (d->bits)
        d->lanes->to_mask(d->mask + at, d->bits + at / 64, n, d->c->n >= PAST);
    else
        memset(d->mask + at, d->c->nnz > 0, n);
}

static int make_mask(struct decoder *d)
{
    if (!d->c->masked || d->pattern)
        return 0;
    d->mask = aligned_alloc(64, ((size_t)d->c->n + 64) / 64 * 64);
    if (!d->mask)
        return no_memory();
    pare_parallel(d->threads, (size_t)div_up(d->c->n, PARE_PIECE), mask_task,
                  d);
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
    struct decoder d = {.lanes = pare_lanes(),
                        .c = c,
                        .threads = threads,
                        .rows = t->rank && c->n ? t->dim[0] : 1,
                        .t = &new};
    int err = shape_fits(c, t) ? 0 : bad("of another shape");

    memset(&new.quant, 0, sizeof new.quant);
    compact = compact && c->masked && t->rank == 2 && c->n;
    if (!err)
        err = read_levels(&d);
    if (!err && c->n)
        err = read_mask(&d, compact);
    if (!err)
        err = read_values(&d);
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
        return bad("not an array under a mask");
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
