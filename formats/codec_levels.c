/* Values as codes of their levels. */
#include <math.h>
#include <string.h>

#include "codec_encoder.h"
#include "squeeze.h"

static float float_of(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* int8: code + 128, or 256 if it is none. */
static unsigned int8_code(float value, float scale)
{
    float q = rintf(value / scale), back;

    if (!(q >= -127 && q <= 127))
        return 256;
    back = (q + 0.0f) * scale;
    return memcmp(&back, &value, sizeof back) == 0 ? (unsigned)((int)q + 128)
                                                   : 256;
}

#define LEVELS 256
#define SLOTS  1024

/* A set of bit patterns. */
struct set {
    size_t n;
    uint32_t bits[LEVELS + 1], slot[SLOTS]; /* slot: 1 + index; 0: free */
};

static void insert(struct set *s, uint32_t bits)
{
    size_t at = bits * 2654435761u >> 22;

    while (s->slot[at] && s->bits[s->slot[at] - 1] != bits)
        at = (at + 1) % SLOTS;
    if (s->slot[at])
        return;
    s->bits[s->n++] = bits;
    s->slot[at] = (uint32_t)s->n;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

int pare_find_levels(struct pare_quant *q, const struct pare_tensor *t)
{
    struct set s = {0};
    size_t kept = 0;

    for (size_t i = 0; i < t->n && s.n <= LEVELS; i++) {
        uint32_t bits;

        if (t->mask && !t->mask[i])
            continue;
        memcpy(&bits, &t->value[i], sizeof bits);
        insert(&s, bits);
        kept++;
        if (bits == 0x80000000u || !isfinite(t->value[i]))
            return 0;
    }
    if (s.n < 2 || s.n > LEVELS || kept / 16 < s.n)
        return 0;
    q->book = malloc(s.n * sizeof *q->book);
    if (!q->book)
        return pare_codec_no_memory();
    memcpy(q->book, s.bits, s.n * sizeof *q->book);
    qsort(q->book, s.n, sizeof *q->book, by_value);
    q->n_book = s.n;
    q->kind = PARE_QUANT_CODEBOOK;
    return 0;
}

static void code_task(void *arg, size_t i)
{
    struct pare_encoder *e = arg;
    uint64_t from = (uint64_t)i * PARE_PIECE, at = from;
    uint64_t to = e->nnz - from < PARE_PIECE ? e->nnz : from + PARE_PIECE;
    struct pare_walk *w = malloc(sizeof *w);
    size_t m, row = 0;

    if (!w) {
        e->status[i] = PARE_ENOMEM;
        return;
    }
    pare_walk_begin(w, e, from, to);
    while ((m = pare_walk_next(w, e)) > 0)
        for (size_t k = 0; k < m; k++, at++) {
            float v = float_of(w->entry[k]);
            size_t code, most = e->quant->n_book;

            if (e->quant->kind == PARE_QUANT_INT8) {
                while (e->first && e->first[row + 1] <= at)
                    row++;
                code = int8_code(v, e->quant->scale[row]);
                most = 256;
            } else {
                code = pare_quant_code(e->quant, v);
            }
            if (code >= most)
                e->status[i] = PARE_EINVAL;
            e->code[at] = (uint16_t)code;
        }
    if (w->lost)
        e->status[i] = PARE_EINVAL;
    free(w);
}

/* First entry of each row, for scales of rows. */
static int find_rows(struct pare_encoder *e)
{
    uint64_t cols = e->n / e->rows, at = 0, words = 0;

    if (e->quant->kind != PARE_QUANT_INT8 || e->quant->n_scale < 2)
        return 0;
    free(e->first);
    e->first = malloc((e->rows + 1) * sizeof *e->first);
    if (!e->first)
        return pare_codec_no_memory();
    if (e->pattern) {
        memcpy(e->first, e->pattern->row, (e->rows + 1) * sizeof *e->first);
        return 0;
    }
    for (size_t r = 0; r <= e->rows; r++) {
        uint64_t start = (uint64_t)r * cols;

        e->first[r] = start;
        if (!e->sparse)
            continue;
        for (; words < start / 64; words++)
            at += pare_bits_total(&e->bits[words], 1);
        if (start % 64) {
            uint64_t x = e->bits[words] & (((uint64_t)1 << start % 64) - 1);

            e->first[r] = at + pare_bits_total(&x, 1);
        } else {
            e->first[r] = at;
        }
    }
    return 0;
}

int pare_find_codes(struct pare_encoder *e)
{
    int err;

    e->code = malloc((e->nnz ? (size_t)e->nnz : 1) * sizeof *e->code);
    if (!e->code)
        return pare_codec_no_memory();
    err = find_rows(e);
    if (!err)
        err = pare_encoder_run(e, (size_t)pare_div_up(e->nnz, PARE_PIECE),
                               code_task);
    return err == PARE_EINVAL
               ? pare_fail(err, "a value is none of the tensor's levels")
               : err;
}

/* Counts of the bytes that `per` codes make. */
static void code_counts(uint64_t *hist, const struct pare_encoder *e,
                        unsigned per, size_t radix, unsigned shift,
                        uint32_t drop)
{
    unsigned digit = 0, base = 1, byte = 0;

    for (uint64_t i = 0; i < e->nnz; i++) {
        if (e->code[i] == drop)
            continue;
        byte += (unsigned)(e->code[i] >> shift & 255) * base;
        base *= (unsigned)radix;
        if (++digit < per)
            continue;
        hist[byte & 255]++;
        digit = 0;
        base = 1;
        byte = 0;
    }
    if (digit)
        hist[byte & 255]++;
}

/* Bytes of codes without one of them (or with all), and the best number of
   them in a byte. */
uint64_t pare_codes_cost(const struct pare_encoder *e, uint8_t *per,
                         uint32_t drop)
{
    size_t radix = pare_coded_radix(e->c);
    uint64_t best = UINT64_MAX, sum;

    *per = 1;
    for (unsigned k = 1; k <= pare_digits_of_byte(radix); k++) {
        unsigned planes = radix > 256 ? 2 : 1;
        uint64_t cost = 0;

        if (k > 2 && k != 4 && k != pare_digits_of_byte(radix))
            continue;
        for (unsigned p = 0; p < planes; p++) {
            uint64_t hist[256] = {0}, size;

            code_counts(hist, e, k, radix, 8 * p, drop);
            sum = 0;
            for (size_t b = 0; b < 256; b++)
                sum += hist[b];
            size = pare_squeezed_size(hist);
            cost += size < sum ? size : sum;
        }
        if (cost < best) {
            best = cost;
            *per = (uint8_t)k;
        }
    }
    return best;
}

uint32_t pare_zero_code(const struct pare_encoder *e)
{
    return e->quant->kind == PARE_QUANT_INT8
               ? 128
               : (uint32_t)pare_quant_code(e->quant, 0.0f);
}
