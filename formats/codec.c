#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include "codec_parts.h"
#include "status.h"

/* Pieces of a stream. */
static uint64_t cuts(uint64_t raw)
{
    return raw / PARE_PIECE + (raw % PARE_PIECE > 0);
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b > 0);
}

size_t pare_coded_radix(const struct pare_coded *c)
{
    return c->quant == PARE_QUANT_INT8 ? 256 : (size_t)c->n_book;
}

size_t pare_choose(unsigned n, unsigned m)
{
    uint64_t ways = 1;

    for (unsigned i = 1; i <= n; i++) {
        ways = ways * (m - n + i) / i;
        if (ways > PARE_CODEC_GROUPS)
            return 0;
    }
    return (size_t)ways;
}

unsigned pare_digits_of_byte(size_t radix)
{
    unsigned digits = 0;

    if (radix < 2)
        radix = 2;
    for (size_t most = 256; most >= radix; most /= radix)
        digits++;
    return digits ? digits : 1;
}

void pare_choices(uint32_t *list, unsigned n, unsigned m)
{
    size_t ways = pare_choose(n, m);
    uint64_t x = ((uint64_t)1 << n) - 1;

    for (size_t i = 0; i < ways; i++) {
        uint64_t low = x & (0 - x), sum = x + low;

        list[i] = (uint32_t)x;
        x = sum | (x ^ sum) / low >> 2;
    }
}

void pare_coded_shape(const struct pare_coded *c, enum pare_part part,
                      unsigned *planes, uint64_t *raw)
{
    *planes = 1;
    *raw = 0;
    switch (part) {
    case PARE_PART_MASK:
        if (c->mask_form != PARE_MASK_ALL) {
            *planes = c->planes;
            *raw = c->n_mask;
        }
        break;
    case PARE_PART_BOOK:
        *raw = c->n_book * 4;
        break;
    case PARE_PART_VALUE:
        if (!c->nnz)
            break;
        if (c->value_form == PARE_VALUE_SAME) {
            *raw = pare_dtype_size(c->dtype);
        } else if (c->value_form == PARE_VALUE_PLANES) {
            *planes = (unsigned)pare_dtype_size(c->dtype);
            *raw = c->nnz;
        } else {
            *planes = pare_coded_radix(c) > 256 ? 2 : 1;
            *raw = div_up(c->nnz, c->per);
        }
        break;
    }
}

uint64_t pare_coded_count(const struct pare_coded *c)
{
    uint64_t count = 0;

    for (int part = PARE_PART_MASK; part <= PARE_PART_VALUE; part++) {
        unsigned planes;
        uint64_t raw;

        pare_coded_shape(c, (enum pare_part)part, &planes, &raw);
        count += planes * cuts(raw);
    }
    return count;
}

void pare_coded_release(struct pare_coded *c)
{
    for (size_t i = 0; i < c->n_pieces; i++)
        free(c->piece[i].own);
    free(c->piece);
    memset(c, 0, sizeof *c);
}

uint64_t pare_coded_bytes(const struct pare_coded *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->n_pieces; i++)
        sum += c->piece[i].stored;
    return sum;
}

uint64_t pare_coded_part(const struct pare_coded *c, enum pare_part part)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->n_pieces; i++)
        if (c->piece[i].part == part)
            sum += c->piece[i].stored;
    return sum;
}

size_t pare_coded_words(const struct pare_coded *c)
{
    return PARE_CODEC_WORDS + c->n_pieces;
}

void pare_coded_put(uint64_t *word, const struct pare_coded *c)
{
    word[0] = (uint64_t)c->mask_form | (uint64_t)c->masked << 2 |
              (uint64_t)c->transposed << 3 | (uint64_t)c->value_form << 4 |
              (uint64_t)c->rotated << 6 | (uint64_t)c->found << 7 |
              (uint64_t)c->dtype << 8 | (uint64_t)c->quant << 12 |
              (uint64_t)c->planes << 16 | (uint64_t)c->per << 24;
    word[1] = c->nnz;
    word[2] = c->n_mask;
    word[3] = c->n_book;
    word[4] =
        c->choose_n | (uint64_t)c->choose_m << 8 | (uint64_t)c->mask_per << 16;
    for (size_t i = 0; i < c->n_pieces; i++)
        word[PARE_CODEC_WORDS + i] = c->piece[i].stored;
}

static int bad(const char *what)
{
    return pare_fail(PARE_EFORMAT, "directory of a coded tensor: %s", what);
}

/* The head's fields apart, as they stand. */
static int split_head(struct pare_coded *c, const uint64_t *word, uint64_t n)
{
    uint64_t f = word[0];

    if (f >> 32 || (f >> 20 & 15) || (f >> 4 & 3) == 3)
        return bad("unknown flags");
    if ((f >> 8 & 15) >= PARE_DTYPES || (f >> 12 & 15) > PARE_QUANT_INT8)
        return bad("unknown type of values");
    if (word[4] >> 24)
        return bad("an unknown choice");
    c->mask_form = (enum pare_mask_form)(f & 3);
    c->masked = f >> 2 & 1;
    c->transposed = f >> 3 & 1;
    c->value_form = (enum pare_value_form)(f >> 4 & 3);
    c->rotated = f >> 6 & 1;
    c->found = f >> 7 & 1;
    c->dtype = (enum pare_dtype)(f >> 8 & 15);
    c->quant = (enum pare_quant_kind)(f >> 12 & 15);
    c->planes = (uint8_t)(f >> 16 & 15);
    c->per = (uint8_t)(f >> 24);
    c->n = n;
    c->nnz = word[1];
    c->n_mask = word[2];
    c->n_book = word[3];
    c->choose_n = (uint8_t)word[4];
    c->choose_m = (uint8_t)(word[4] >> 8);
    c->mask_per = (uint8_t)(word[4] >> 16);
    return 0;
}

static int check_choice(const struct pare_coded *c)
{
    unsigned n = c->choose_n, m = c->choose_m;
    size_t ways;

    if (m < 2 || m > PARE_CODEC_GROUP || n < 1 || n >= m || c->n % m ||
        c->n / m * n != c->nnz)
        return bad("an impossible choice of n out of m");
    ways = pare_choose(n, m);
    if (!ways || c->planes != (ways > 256 ? 2 : 1) ||
        c->mask_per != pare_digits_of_byte(ways) ||
        c->n_mask != div_up(c->n / m, c->mask_per))
        return bad("a choice whose lengths disagree");
    return 0;
}

static int check_mask(const struct pare_coded *c)
{
    if (c->nnz > c->n)
        return bad("more entries than positions");
    if (c->mask_form != PARE_MASK_CHOICE &&
        (c->choose_n || c->choose_m || c->mask_per))
        return bad("a choice without one");
    if (c->mask_form == PARE_MASK_ALL) {
        if (c->nnz && c->nnz != c->n)
            return bad("entries of which no mask tells");
        return c->planes || c->n_mask || c->transposed
                   ? bad("a mask without a form")
                   : 0;
    }
    if (!c->nnz || c->nnz == c->n)
        return bad("a mask that tells nothing");
    if (c->mask_form == PARE_MASK_CHOICE)
        return check_choice(c);
    if (c->mask_form == PARE_MASK_BITMAP)
        return c->planes == 1 && c->n_mask == div_up(c->n, 8)
                   ? 0
                   : bad("a bitmap of another length");
    if (c->planes < 1 || c->planes > 8)
        return bad("gaps of an impossible size");
    if (c->planes > 1 ? c->n_mask != c->nnz
                      : c->n_mask < c->nnz || c->n_mask - c->nnz > c->n / 255)
        return bad("gaps of an impossible number");
    return 0;
}

static int check_values(const struct pare_coded *c)
{
    size_t radix;

    if (c->quant == PARE_QUANT_NONE && c->n_book)
        return bad("levels of values that have none");
    if (c->quant != PARE_QUANT_NONE &&
        (!c->n_book ||
         c->n_book >
             (c->quant == PARE_QUANT_INT8 ? UINT32_MAX : PARE_BOOK_MAX)))
        return bad("an impossible number of levels");
    if (c->found && c->quant != PARE_QUANT_CODEBOOK)
        return bad("levels found that are none");
    if (c->quant == PARE_QUANT_INT8 && c->dtype != PARE_F32)
        return bad("8 bits and 16 at once");
    if (c->quant != PARE_QUANT_NONE && c->nnz &&
        c->value_form != PARE_VALUE_CODES)
        return bad("levels of values that are no codes");
    if (c->rotated && c->value_form != PARE_VALUE_PLANES)
        return bad("values rotated that cannot be");
    if (c->value_form != PARE_VALUE_CODES)
        return c->per ? bad("codes without levels") : 0;
    if (c->quant == PARE_QUANT_NONE)
        return bad("codes without levels");
    radix = pare_coded_radix(c);
    if (c->per < 1 || c->per > pare_digits_of_byte(radix))
        return bad("too many codes in a byte");
    return 0;
}

/* The pieces that the head promises; stored sizes are not yet known. */
static int lay_pieces(struct pare_coded *c, uint64_t count)
{
    size_t k = 0;

    if (count > SIZE_MAX / sizeof *c->piece)
        return pare_fail(PARE_ELIMIT, "a coded tensor of too many pieces");
    c->piece = calloc(count ? (size_t)count : 1, sizeof *c->piece);
    if (!c->piece)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (int part = PARE_PART_MASK; part <= PARE_PART_VALUE; part++) {
        unsigned planes;
        uint64_t raw;

        pare_coded_shape(c, (enum pare_part)part, &planes, &raw);
        for (unsigned p = 0; p < planes; p++)
            for (uint64_t at = 0; at < raw; at += PARE_PIECE) {
                uint64_t left = raw - at;

                c->piece[k].part = (enum pare_part)part;
                c->piece[k].plane = (uint8_t)p;
                c->piece[k++].raw =
                    (uint32_t)(left < PARE_PIECE ? left : PARE_PIECE);
            }
    }
    c->n_pieces = k;
    return 0;
}

int pare_coded_lay(struct pare_coded *c)
{
    return lay_pieces(c, pare_coded_count(c));
}

static int fill_stored(struct pare_coded *c, const uint64_t *word)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        uint64_t stored = word[i], raw = c->piece[i].raw;

        if (!stored || stored > raw || raw > stored * PARE_CODEC_RATIO)
            return bad("a piece of an impossible size");
        c->piece[i].stored = (uint32_t)stored;
    }
    return 0;
}

int pare_coded_get(struct pare_coded *c, const uint64_t *word, size_t n_words,
                   uint64_t n, size_t *used)
{
    struct pare_coded new = {0};
    uint64_t count;
    int err;

    if (n_words < PARE_CODEC_WORDS)
        return bad("it is cut off");
    err = split_head(&new, word, n);
    if (!err)
        err = check_mask(&new);
    if (!err)
        err = check_values(&new);
    if (err)
        return err;
    count = pare_coded_count(&new);
    if (count > n_words - PARE_CODEC_WORDS)
        return bad("it is cut off");
    if (!used && count < n_words - PARE_CODEC_WORDS)
        return bad("it is too long");
    err = lay_pieces(&new, count);
    if (!err)
        err = fill_stored(&new, word + PARE_CODEC_WORDS);
    if (err) {
        pare_coded_release(&new);
        return err;
    }
    if (used)
        *used = PARE_CODEC_WORDS + (size_t)count;
    *c = new;
    return 0;
}

int pare_coded_place(struct pare_coded *c, const uint8_t *bytes, size_t size)
{
    if (pare_coded_bytes(c) != size)
        return pare_fail(PARE_EFORMAT,
                         "a coded tensor has %zu bytes and not "
                         "the %llu of its directory",
                         size, (unsigned long long)pare_coded_bytes(c));
    for (size_t i = 0; i < c->n_pieces; i++) {
        c->piece[i].data = bytes;
        bytes += c->piece[i].stored;
    }
    return 0;
}

uint64_t pare_coded_room(const struct pare_coded *c, bool compact)
{
    uint64_t most = UINT64_MAX / 16;

    if (c->n > most)
        return compact && c->masked && c->nnz <= most ? c->nnz * 8 : UINT64_MAX;
    if (compact && c->masked)
        return c->nnz * 8 + c->n_book * 4;
    return c->n * (c->masked ? 5 : 4) + c->n_book * 4;
}
