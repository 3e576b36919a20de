#include "squeeze.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "adler.h"
#include "status.h"

#define SYMBOLS  257 /* bytes and the end of the block */
#define LONGEST  14  /* bits of a code: four of them fit a flush */
#define LENGTHS  19  /* symbols that code lengths are written with */
#define SAMPLE   ((size_t)1 << 14)
#define HEADROOM 8 /* bytes that a flush may write too far */

void pare_byte_counts(uint64_t *hist, const uint8_t *raw, size_t n)
{
    uint32_t part[4][256];
    size_t i = 0;

    while (i < n) {
        size_t most = n - i < (size_t)1 << 30 ? n - i : (size_t)1 << 30;
        size_t end = i + most;

        memset(part, 0, sizeof part);
        for (; i + 4 <= end; i += 4) {
            part[0][raw[i]]++;
            part[1][raw[i + 1]]++;
            part[2][raw[i + 2]]++;
            part[3][raw[i + 3]]++;
        }
        for (; i < end; i++)
            part[0][raw[i]]++;
        for (size_t b = 0; b < 256; b++)
            hist[b] +=
                (uint64_t)part[0][b] + part[1][b] + part[2][b] + part[3][b];
    }
}

struct leaf {
    uint64_t weight;
    unsigned symbol;
};

static int by_weight(const void *a, const void *b)
{
    const struct leaf *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return x->symbol < y->symbol ? -1 : 1;
}

/* One list of package-merge: leaves and pairs of the list before by weight.
   is_leaf says which are which. */
static size_t merge_level(uint64_t *to, uint8_t *is_leaf,
                          const struct leaf *leaf, size_t k,
                          const uint64_t *from, size_t n_from)
{
    size_t i = 0, p = 0, n = 0;

    while (i < k || p + 2 <= n_from) {
        uint64_t pair = p + 2 <= n_from ? from[p] + from[p + 1] : UINT64_MAX;

        is_leaf[n] = i < k && leaf[i].weight <= pair;
        if (is_leaf[n]) {
            to[n++] = leaf[i++].weight;
        } else {
            to[n++] = pair;
            p += 2;
        }
    }
    return n;
}

/*
 * Lengths of the best prefix code of at most `longest` bits (Larmore and
 * Hirschberg 1990). length [n] out, 0 where the count is 0; at least two
 * counts are not 0, and n <= SYMBOLS.
 */
static void code_lengths(uint8_t *length, const uint64_t *count, size_t n,
                         unsigned longest)
{
    uint8_t is_leaf[LONGEST][2 * SYMBOLS];
    uint64_t list[2][2 * SYMBOLS];
    struct leaf leaf[SYMBOLS];
    size_t k = 0, have = 0, take;

    for (size_t s = 0; s < n; s++) {
        length[s] = 0;
        if (count[s])
            leaf[k++] = (struct leaf){count[s], (unsigned)s};
    }
    qsort(leaf, k, sizeof *leaf, by_weight);
    for (unsigned level = 0; level < longest; level++)
        have = merge_level(list[level % 2], is_leaf[level], leaf, k,
                           list[(level + 1) % 2], have);
    take = 2 * k - 2;
    for (unsigned level = longest; level-- > 0;) {
        size_t leaves = 0;

        for (size_t i = 0; i < take; i++)
            leaves += is_leaf[level][i];
        for (size_t i = 0; i < leaves; i++)
            length[leaf[i].symbol]++;
        take = 2 * (take - leaves);
    }
}

/* The codes of lengths, as deflate gives them out, with the first bit lowest:
   code | length << 16. */
static void assign_codes(uint32_t *code, const uint8_t *length, size_t n)
{
    unsigned next = 0;

    memset(code, 0, n * sizeof *code);
    for (unsigned len = 1; len <= LONGEST; len++, next <<= 1)
        for (size_t s = 0; s < n; s++) {
            unsigned turned = 0;

            if (length[s] != len)
                continue;
            for (unsigned b = 0; b < len; b++)
                turned |= (next >> b & 1) << (len - 1 - b);
            code[s] = turned | len << 16;
            next++;
        }
}

struct bits {
    uint8_t *at;
    uint64_t held;
    unsigned n; /* bits held, below 8 after a flush */
};

static inline void add(struct bits *b, uint64_t value, unsigned n)
{
    b->held |= value << b->n;
    b->n += n;
}

static inline void add_code(struct bits *b, uint32_t code)
{
    add(b, code & 0xffff, code >> 16);
}

static inline void flush(struct bits *b)
{
    uint64_t x = b->held;
    unsigned whole = b->n / 8;

    for (int i = 0; i < 8; i++)
        b->at[i] = (uint8_t)(x >> 8 * i);
    b->at += whole;
    b->held = whole < 8 ? x >> 8 * whole : 0;
    b->n -= 8 * whole;
}

/* Lengths with their repetitions: symbol | extra bits << 8. Returns how
   many. */
static size_t run_lengths(uint16_t *out, const uint8_t *length, size_t n)
{
    size_t k = 0;

    for (size_t i = 0; i < n;) {
        size_t run = 1, same;

        while (i + run < n && length[i + run] == length[i])
            run++;
        i += run;
        same = length[i - 1];
        if (same) {
            out[k++] = (uint16_t)same;
            run--;
        }
        while (run >= 3) {
            size_t most = same ? 6 : run > 10 ? 138 : 10;
            size_t part = run < most ? run : most;
            size_t base = same ? 16 : part > 10 ? 18 : 17;

            out[k++] = (uint16_t)(base | (part - (base == 18 ? 11 : 3)) << 8);
            run -= part;
        }
        while (run--)
            out[k++] = (uint16_t)same;
    }
    return k;
}

/* What stands before the codes of a block. */
struct head {
    uint8_t length[SYMBOLS + 1]; /* of bytes, of the end, of distances: none */
    uint8_t meta[LENGTHS];       /* lengths of the codes of lengths */
    uint16_t run[SYMBOLS + 1];
    size_t n_run, n_meta;
    uint64_t bits; /* of header and codes */
};

static const uint8_t meta_order[LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                            11, 4,  12, 3, 13, 2, 14, 1, 15};

static unsigned extra_bits(unsigned symbol)
{
    return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

static void make_head(struct head *h, const uint64_t *hist)
{
    uint64_t count[SYMBOLS], meta[LENGTHS] = {0};
    size_t kinds = 0;

    memcpy(count, hist, 256 * sizeof *count);
    count[256] = 1;
    code_lengths(h->length, count, SYMBOLS, LONGEST);
    h->length[SYMBOLS] = 0;
    h->n_run = run_lengths(h->run, h->length, SYMBOLS + 1);
    for (size_t i = 0; i < h->n_run; i++)
        meta[h->run[i] & 255]++;
    for (size_t s = 0; s < LENGTHS; s++)
        kinds += meta[s] > 0;
    if (kinds < 2)
        meta[meta[0] ? 1 : 0] = 1;
    code_lengths(h->meta, meta, LENGTHS, 7);
    h->n_meta = LENGTHS;
    while (h->n_meta > 4 && !h->meta[meta_order[h->n_meta - 1]])
        h->n_meta--;
    h->bits = 3 + 5 + 5 + 4 + 3 * h->n_meta;
    for (size_t i = 0; i < h->n_run; i++) {
        unsigned s = h->run[i] & 255;

        h->bits += h->meta[s] + extra_bits(s);
    }
    for (size_t s = 0; s < SYMBOLS; s++)
        h->bits += count[s] * h->length[s];
}

/* The stream's header of 2 bytes and sum of 4 are around the bits. */
static uint64_t stream_size(const struct head *h)
{
    return (h->bits + 7) / 8 + 6;
}

uint64_t pare_squeezed_size(const uint64_t *hist)
{
    struct head h;
    uint64_t n = 0;

    for (size_t b = 0; b < 256; b++)
        n += hist[b];
    if (!n)
        return 0;
    make_head(&h, hist);
    return stream_size(&h);
}

static void write_head(struct bits *b, const struct head *h)
{
    uint32_t code[LENGTHS];

    add(b, 1 | 2 << 1, 3); /* the last block, of codes of its own */
    add(b, 0, 5);          /* 257 lengths of literals */
    add(b, 0, 5);          /* 1 of distances */
    add(b, h->n_meta - 4, 4);
    for (size_t i = 0; i < h->n_meta; i++) {
        flush(b);
        add(b, h->meta[meta_order[i]], 3);
    }
    assign_codes(code, h->meta, LENGTHS);
    for (size_t i = 0; i < h->n_run; i++) {
        unsigned s = h->run[i] & 255;

        flush(b);
        add_code(b, code[s]);
        add(b, h->run[i] >> 8, extra_bits(s));
    }
    flush(b);
}

/* A whole stream; data has room for stream_size and HEADROOM. */
static void write_stream(uint8_t *data, const struct head *h,
                         const uint8_t *raw, size_t n)
{
    struct bits b = {.at = data + 2};
    uint32_t code[SYMBOLS];
    uint32_t sum = pare_adler32(raw, n);
    size_t i = 0;

    data[0] = 0x78;
    data[1] = 0x01;
    write_head(&b, h);
    assign_codes(code, h->length, SYMBOLS);
    for (; i + 4 <= n; i += 4) {
        add_code(&b, code[raw[i]]);
        add_code(&b, code[raw[i + 1]]);
        add_code(&b, code[raw[i + 2]]);
        add_code(&b, code[raw[i + 3]]);
        flush(&b);
    }
    for (; i < n; i++) {
        add_code(&b, code[raw[i]]);
        flush(&b);
    }
    add_code(&b, code[256]);
    flush(&b);
    if (b.n)
        *b.at++ = (uint8_t)b.held;
    for (int k = 3; k >= 0; k--)
        *b.at++ = (uint8_t)(sum >> 8 * k);
}

/* What zlib makes of it in fewer than `below` bytes; 0 if it does not. */
static size_t by_zlib(uint8_t *to, size_t below, const uint8_t *raw, size_t n,
                      int level, int strategy)
{
    z_stream z = {0};
    size_t made = 0;

    if (below <= 1 ||
        deflateInit2(&z, level, Z_DEFLATED, 15, 9, strategy) != Z_OK)
        return 0;
    /* zlib's pointer is not const; it does not write through it. */
    z.next_in = (Bytef *)(uintptr_t)raw;
    z.avail_in = (uInt)n;
    z.next_out = to;
    z.avail_out = (uInt)(below - 1);
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
        made = z.total_out;
    deflateEnd(&z);
    return made;
}

/* A longer search is not always smaller: high levels try the low way, too. */
static const struct {
    int strategy, level;
    int from; /* our level that it begins at */
} ways[] = {
    {Z_RLE, 6, 1}, {Z_DEFAULT_STRATEGY, 6, 1}, {Z_DEFAULT_STRATEGY, 9, 7}};

/* Is a sample from the middle smaller that way than by frequencies? */
static int sample_gains(const uint8_t *raw, size_t n, int level, int strategy)
{
    uint8_t to[SAMPLE];
    size_t size = n < SAMPLE ? n : SAMPLE;
    const uint8_t *from = raw + (n - size) / 2;
    uint64_t hist[256] = {0}, plain;

    pare_byte_counts(hist, from, size);
    plain = pare_squeezed_size(hist);
    plain -= plain / 50;
    return by_zlib(to, plain < size ? plain : size, from, size, level,
                   strategy) > 0;
}

/* Replace *data where zlib does better. */
static void try_zlib(uint8_t *data, size_t *size, uint8_t *other,
                     const uint8_t *raw, size_t n, int level)
{
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        int how = ways[w].level;
        size_t made;

        if (level < ways[w].from ||
            (level < 7 && !sample_gains(raw, n, how, ways[w].strategy)))
            continue;
        made = by_zlib(other, *size, raw, n, how, ways[w].strategy);
        if (made) {
            memcpy(data, other, made);
            *size = made;
        }
    }
}

/* Are there bytes so frequent that runs and matches may beat codes? */
static int worth_trying(const uint64_t *hist, size_t n, int level)
{
    uint64_t most = 0;

    for (size_t b = 0; b < 256; b++)
        most = hist[b] > most ? hist[b] : most;
    return level >= 7 ? most > n / 128 : level >= 4 && most > n / 2;
}

/*
 * Do four samples say that codes gain nothing? A quick no for what cannot be
 * coded, such as the low bits of weights.
 */
static int is_noise(const uint8_t *raw, size_t n)
{
    uint64_t hist[256] = {0};
    size_t part = SAMPLE / 4, sum = 4 * part;

    if (n < 4 * sum)
        return 0;
    for (size_t k = 0; k < 4; k++)
        pare_byte_counts(hist, raw + k * ((n - part) / 3), part);
    /* The table is paid once, the sample gains some by chance. */
    return pare_squeezed_size(hist) >= sum - sum / 200;
}

/* As a stream in *data, or *data NULL where the bytes are better kept. */
static int squeeze(uint8_t **data, size_t *stored, const uint8_t *raw, size_t n,
                   int level)
{
    uint64_t hist[256] = {0};
    struct head h;
    uint8_t *to, *other;
    size_t limit = level < 7 ? n - n / 100 : n;
    int more;

    *data = NULL;
    if (!n || (level < 7 && is_noise(raw, n)))
        return 0;
    pare_byte_counts(hist, raw, n);
    make_head(&h, hist);
    *stored = (size_t)stream_size(&h);
    more = worth_trying(hist, n, level);
    if (*stored >= limit && !more)
        return 0;
    to = malloc(*stored + HEADROOM);
    other = more ? malloc(*stored) : NULL;
    if (!to || (more && !other)) {
        free(to);
        free(other);
        return PARE_ENOMEM;
    }
    write_stream(to, &h, raw, n);
    if (more)
        try_zlib(to, stored, other, raw, n, level);
    free(other);
    if (*stored < limit)
        *data = to;
    else
        free(to);
    return 0;
}

int pare_squeeze_own(uint8_t **data, uint32_t *stored, uint8_t *raw, size_t n,
                     int level)
{
    size_t size = 0;
    uint8_t *to, *fit;
    int err = squeeze(&to, &size, raw, n, level);

    if (err || to)
        free(raw);
    if (err)
        return err;
    *stored = (uint32_t)(to ? size : n);
    fit = to ? realloc(to, size) : NULL;
    *data = fit ? fit : to ? to : raw;
    return 0;
}

int pare_squeeze(uint8_t **data, uint32_t *stored, const uint8_t *raw, size_t n,
                 int level)
{
    uint8_t *own = malloc(n ? n : 1);

    if (!own)
        return PARE_ENOMEM;
    memcpy(own, raw, n);
    return pare_squeeze_own(data, stored, own, n, level);
}
