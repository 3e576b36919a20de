/*
 * Coding: find what is there, choose forms by the bytes they take, then make
 * the pieces in parallel. Pieces are cut by the problem alone, and so do not
 * depend on the number of threads.
 */
#include <string.h>

#include "clones.h"
#include "codec_encoder.h"
#include "compact.h"
#include "squeeze.h"

#define BLOCK PARE_CODEC_BLOCK
#define PROBE ((uint64_t)1 << 16) /* values that decide on rotation */

static float float_of(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

int pare_encoder_run(struct pare_encoder *e, size_t n,
                     void (*task)(void *, size_t))
{
    int err = 0;

    e->status = calloc(n ? n : 1, sizeof *e->status);
    if (!e->status)
        return pare_codec_no_memory();
    pare_parallel(e->effort.threads, n, task, e);
    for (size_t i = 0; i < n && !err; i++)
        err = e->status[i];
    free(e->status);
    e->status = NULL;
    return err == PARE_ENOMEM ? pare_codec_no_memory() : err;
}

/* Bytes of planes as pieces; *sum is increased. */
int pare_squeeze_planes(struct pare_coded_piece *piece, uint64_t *sum,
                        const uint8_t *raw, unsigned planes, uint64_t n,
                        int level)
{
    int err = 0;
    size_t k = 0;

    for (unsigned p = 0; p < planes; p++)
        for (uint64_t at = 0; !err && at < n; at += PARE_PIECE, k++) {
            size_t m = n - at < PARE_PIECE ? (size_t)(n - at) : PARE_PIECE;
            uint8_t *data = NULL;

            err = pare_squeeze(&data, &piece[k].stored, raw + p * n + at, m,
                               level);
            piece[k].data = piece[k].own = data;
            *sum += piece[k].stored;
        }
    return err ? pare_codec_no_memory() : 0;
}

/* Everything that is there has the same bits? */
static int find_same(struct pare_encoder *e, bool *same)
{
    struct pare_walk *w = malloc(sizeof *w);
    uint32_t first = 0;
    size_t m;

    if (!w)
        return pare_codec_no_memory();
    *same = true;
    pare_walk_begin(w, e, 0, e->nnz);
    for (bool begun = false; *same && (m = pare_walk_next(w, e)) > 0;) {
        if (!begun)
            first = w->entry[0];
        begun = true;
        for (size_t i = 0; i < m && *same; i++)
            *same = w->entry[i] == first;
    }
    if (w->lost)
        *same = false;
    free(w);
    return 0;
}

/* Values as they are stored: words of 4 or 2 bytes. */
static bool to_type(uint32_t *to, const uint32_t *from, size_t n,
                    enum pare_dtype type)
{
    bool fits = true;

    if (type == PARE_F32) {
        memcpy(to, from, n * sizeof *to);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        float v = float_of(from[i]), back;

        to[i] = type == PARE_F16 ? pare_to_f16(v) : pare_to_bf16(v);
        back = type == PARE_F16 ? pare_from_f16((uint16_t)to[i])
                                : pare_from_bf16((uint16_t)to[i]);
        fits = fits && memcmp(&back, &v, sizeof v) == 0;
    }
    return fits;
}

PARE_CLONES
static void rotate(uint32_t *x, size_t n, unsigned width)
{
    if (width == 4)
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] << 1 | x[i] >> 31;
    else
        for (size_t i = 0; i < n; i++)
            x[i] = (x[i] << 1 | x[i] >> 15) & 0xffff;
}

PARE_CLONES
static void split(uint8_t *restrict to, const uint32_t *restrict x, size_t n,
                  unsigned shift)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(x[i] >> shift);
}

/* Bytes that the planes of a probe take, rotated or not. */
static uint64_t probe_cost(const uint32_t *x, size_t n, unsigned width)
{
    uint64_t cost = 0;

    for (unsigned p = 0; p < width; p++) {
        uint64_t hist[256] = {0}, size;

        for (size_t i = 0; i < n; i++)
            hist[x[i] >> 8 * p & 255]++;
        size = pare_squeezed_size(hist);
        cost += size < n ? size : n;
    }
    return cost;
}

static int choose_rotation(struct pare_encoder *e)
{
    unsigned width = (unsigned)pare_dtype_size(e->c->dtype);
    uint64_t most = e->nnz < PROBE ? e->nnz : PROBE;
    uint32_t *x = malloc((size_t)most * sizeof *x);
    struct pare_walk *w = malloc(sizeof *w);
    uint64_t plain;
    size_t n = 0, m;

    if (!x || !w) {
        free(x);
        free(w);
        return pare_codec_no_memory();
    }
    pare_walk_begin(w, e, 0, most);
    while ((m = pare_walk_next(w, e)) > 0) {
        to_type(x + n, w->entry, m, e->c->dtype);
        n += m;
    }
    plain = probe_cost(x, n, width);
    rotate(x, n, width);
    e->c->rotated = probe_cost(x, n, width) < plain;
    free(x);
    free(w);
    return 0;
}

static struct pare_coded_piece *value_piece(const struct pare_encoder *e,
                                            unsigned plane, unsigned planes,
                                            size_t i)
{
    size_t cuts = (e->c->n_pieces - e->at_value) / planes;

    return &e->c->piece[e->at_value + plane * cuts + i];
}

static int squeeze_into(struct pare_coded_piece *p, const uint8_t *raw,
                        int level)
{
    uint8_t *data = NULL;
    int err = pare_squeeze(&data, &p->stored, raw, p->raw, level);

    p->data = p->own = data;
    return err;
}

/* Fill the planes of piece i: raw[p] [n]. */
static int fill_planes(uint8_t *const *raw, const struct pare_encoder *e,
                       size_t i, size_t n)
{
    unsigned width = (unsigned)pare_dtype_size(e->c->dtype);
    uint64_t from = (uint64_t)i * PARE_PIECE;
    struct pare_walk *w = malloc(sizeof *w);
    uint32_t x[BLOCK];
    size_t at = 0, m;
    int err = 0;

    if (!w)
        return PARE_ENOMEM;
    pare_walk_begin(w, e, from, from + n);
    while ((m = pare_walk_next(w, e)) > 0) {
        if (!to_type(x, w->entry, m, e->c->dtype))
            err = PARE_EINVAL;
        if (e->c->rotated)
            rotate(x, m, width);
        for (unsigned p = 0; p < width; p++)
            split(raw[p] + at, x, m, 8 * p);
        at += m;
    }
    if (w->lost)
        err = PARE_EINVAL;
    free(w);
    return err;
}

/* Piece i of all planes of values. */
static int plane_pieces(struct pare_encoder *e, size_t i)
{
    unsigned width = (unsigned)pare_dtype_size(e->c->dtype);
    size_t n = value_piece(e, 0, width, i)->raw;
    uint8_t *raw[4] = {NULL};
    int err = 0;

    for (unsigned p = 0; !err && p < width; p++) {
        raw[p] = malloc(n);
        err = raw[p] ? 0 : PARE_ENOMEM;
    }
    if (!err)
        err = fill_planes(raw, e, i, n);
    for (unsigned p = 0; !err && p < width; p++) {
        struct pare_coded_piece *piece = value_piece(e, p, width, i);
        uint8_t *data = NULL;

        err =
            pare_squeeze_own(&data, &piece->stored, raw[p], n, e->effort.level);
        piece->data = piece->own = data;
        raw[p] = NULL;
    }
    for (unsigned p = 0; p < width; p++)
        free(raw[p]);
    return err;
}

static int code_pieces(struct pare_encoder *e, size_t i)
{
    size_t radix = pare_coded_radix(e->c);
    unsigned planes = radix > 256 ? 2 : 1, per = e->c->per;
    size_t n = value_piece(e, 0, planes, i)->raw;
    uint64_t k = (uint64_t)i * PARE_PIECE * per;
    uint8_t *raw = malloc(n);
    int err = raw ? 0 : PARE_ENOMEM;

    for (unsigned p = 0; !err && p < planes; p++) {
        for (size_t j = 0; j < n; j++) {
            unsigned base = 1, byte = 0;

            for (uint64_t d = k + j * per; d < k + (j + 1) * per; d++) {
                byte += d < e->nnz
                            ? (unsigned)(e->code[d] >> 8 * p & 255) * base
                            : 0;
                base *= (unsigned)radix;
            }
            raw[j] = (uint8_t)byte;
        }
        err = squeeze_into(value_piece(e, p, planes, i), raw, e->effort.level);
    }
    free(raw);
    return err;
}

static int same_piece(struct pare_encoder *e)
{
    struct pare_walk *w = malloc(sizeof *w);
    uint8_t raw[4];
    uint32_t x;
    int err = PARE_ENOMEM;

    if (w) {
        pare_walk_begin(w, e, 0, 1);
        pare_walk_next(w, e);
        err = to_type(&x, w->entry, 1, e->c->dtype) ? 0 : PARE_EINVAL;
        for (unsigned p = 0; p < 4; p++)
            raw[p] = (uint8_t)(x >> 8 * p);
        if (!err)
            err = squeeze_into(&e->c->piece[e->at_value], raw, e->effort.level);
    }
    free(w);
    return err;
}

/* Piece i of mask and book, or all planes of a piece of values. */
static void piece_task(void *arg, size_t i)
{
    struct pare_encoder *e = arg;
    struct pare_coded_piece *p = &e->c->piece[i];

    if (i >= e->at_value) {
        i -= e->at_value;
        e->status[e->at_value + i] =
            e->c->value_form == PARE_VALUE_SAME     ? same_piece(e)
            : e->c->value_form == PARE_VALUE_PLANES ? plane_pieces(e, i)
                                                    : code_pieces(e, i);
    } else {
        const uint8_t *raw =
            p->part == PARE_PART_MASK ? e->mask_raw : e->book_raw;
        size_t first = i;

        /* Pieces of a plane are full but for the last. */
        while (first && e->c->piece[first - 1].part == p->part &&
               e->c->piece[first - 1].plane == p->plane)
            first--;
        if (p->part == PARE_PART_MASK)
            raw += p->plane * e->c->n_mask;
        e->status[i] =
            squeeze_into(p, raw + (i - first) * PARE_PIECE, e->effort.level);
    }
}

static int find_book(struct pare_encoder *e)
{
    const struct pare_quant *q = e->quant;
    bool int8 = q && q->kind == PARE_QUANT_INT8;

    if (!q)
        return 0;
    e->c->quant = q->kind;
    e->c->n_book = int8 ? q->n_scale : q->n_book;
    e->book_raw = malloc((size_t)e->c->n_book * 4 + 1);
    if (!e->book_raw)
        return pare_codec_no_memory();
    pare_dtype_put(e->book_raw, int8 ? q->scale : q->book, (size_t)e->c->n_book,
                   PARE_F32);
    return 0;
}

/* The form of the values that are there. */
static int choose_values(struct pare_encoder *e)
{
    bool same = false;
    int err = 0;

    if (!e->nnz)
        return 0;
    if (e->quant) {
        e->c->value_form = PARE_VALUE_CODES;
        if (!e->code)
            err = pare_find_codes(e);
        if (!err)
            pare_codes_cost(e, &e->c->per, UINT32_MAX);
        return err;
    }
    err = find_same(e, &same);
    e->c->value_form = same ? PARE_VALUE_SAME : PARE_VALUE_PLANES;
    return err || same ? err : choose_rotation(e);
}

static int make_pieces(struct pare_encoder *e)
{
    unsigned planes = 1;
    uint64_t raw = 0;
    int err = pare_coded_lay(e->c);

    if (err)
        return err;
    pare_coded_shape(e->c, PARE_PART_VALUE, &planes, &raw);
    e->at_value =
        e->c->n_pieces - (size_t)(planes * pare_div_up(raw, PARE_PIECE));
    err = pare_encoder_run(
        e, e->at_value + (size_t)pare_div_up(raw, PARE_PIECE), piece_task);
    return err == PARE_EINVAL
               ? pare_fail(err,
                           "a value is not 0 where it is pruned, or "
                           "none of %s",
                           pare_dtype_name(e->c->dtype))
               : err;
}

static int encode(struct pare_coded *c, struct pare_encoder *e)
{
    int err;

    e->lanes = pare_lanes();
    c->n = e->n;
    err = e->n ? find_book(e) : 0;
    if (!err && e->n)
        err = pare_choose_positions(e);
    c->nnz = e->nnz;
    if (!err && e->n)
        err = choose_values(e);
    if (!err)
        err = make_pieces(e);
    free(e->bits);
    free(e->rank);
    free(e->first);
    free(e->code);
    free(e->mask_raw);
    free(e->book_raw);
    if (err)
        pare_coded_release(c);
    return err;
}

int pare_encode(struct pare_coded *c, const struct pare_tensor *t,
                struct pare_effort effort)
{
    struct pare_coded new = {.masked = t->mask || t->pattern,
                             .dtype = t->dtype};
    struct pare_encoder e = {.value = t->value,
                             .mask = t->mask,
                             .pattern = t->pattern,
                             .quant = t->quant.kind ? &t->quant : NULL,
                             .effort = effort,
                             .n = pare_tensor_positions(t),
                             .rows = t->rank ? t->dim[0] : 1,
                             .c = &new};
    struct pare_quant found = {0};
    int err = e.quant ? 0 : pare_find_levels(&found, t);

    if (found.kind) {
        e.quant = &found;
        new.found = true;
    }
    if (!err)
        err = encode(&new, &e);
    pare_quant_release(&found);
    if (!err)
        *c = new;
    return err;
}

int pare_encode_under(struct pare_coded *c, const float *value,
                      const struct pare_tensor *t, struct pare_effort effort)
{
    struct pare_coded new = {.dtype = PARE_F32};
    size_t kept = pare_tensor_kept(t);
    struct pare_encoder e = {
        .value = value, .effort = effort, .n = kept, .rows = 1, .c = &new};
    float *gathered = NULL;
    int err = 0;

    if (t->mask) {
        size_t k = 0;

        gathered = malloc((kept ? kept : 1) * sizeof *gathered);
        if (!gathered)
            return pare_codec_no_memory();
        for (size_t i = 0; i < t->n && !err; i++) {
            const uint32_t zero = 0;

            if (t->mask[i])
                gathered[k++] = value[i];
            else if (memcmp(&value[i], &zero, sizeof zero) != 0)
                err = pare_fail(PARE_EINVAL,
                                "a value is not 0 where it is pruned");
        }
        e.value = gathered;
    }
    if (!err)
        err = encode(&new, &e);
    if (!err)
        *c = new;
    free(gathered);
    return err;
}
