/* Decoding of blocks; rans.h says what they are. */
#include "rans.h"

#include <stdlib.h>
#include <string.h>

#include "rans_parts.h"

/* Bytes that are read; `bad` once one was missing. */
struct in {
    const uint8_t *at;
    size_t left;
    int bad;
};

static const uint8_t *take(struct in *in, size_t n)
{
    const uint8_t *p = in->at;

    if (in->bad || in->left < n) {
        in->bad = 1;
        return NULL;
    }
    in->at += n;
    in->left -= n;
    return p;
}

static uint64_t get(struct in *in, unsigned bytes)
{
    const uint8_t *p = take(in, bytes);
    uint64_t x = 0;

    for (unsigned i = 0; p && i < bytes; i++)
        x |= (uint64_t)p[i] << 8 * i;
    return x;
}

/* Slots of a table: which symbol each of WHOLE parts belongs to. */
static void fill_slots(uint8_t *slot, const struct model *m)
{
    for (size_t s = 0; s < 256; s++)
        memset(slot + m->start[s], (int)s, m->freq[s]);
}

/* A stream that is being read. */
struct stream {
    uint32_t state[STATES];
    const uint8_t *word, *end; /* the next word, and behind the last */
};

static void begin_stream(struct in *in, struct stream *s)
{
    size_t words = (size_t)get(in, 4);

    for (size_t k = 0; k < STATES; k++) {
        s->state[k] = (uint32_t)get(in, 4);
        in->bad |= s->state[k] < LOW;
    }
    words = words < MOST ? 2 * words : MOST;
    s->word = take(in, words);
    s->end = s->word ? s->word + words : NULL;
}

/* The state that all symbols must bring a stream back to is the first. */
static void end_stream(struct in *in, const struct stream *s)
{
    in->bad |= s->word != s->end;
    for (size_t k = 0; k < STATES; k++)
        in->bad |= s->state[k] != LOW;
}

/* The next symbol by state k; there is a word. */
static inline uint8_t next_symbol(struct stream *s, size_t k,
                                  const struct model *m, const uint8_t *slot)
{
    uint32_t x = s->state[k], part = x & (WHOLE - 1);
    uint32_t word = s->word[0] | (uint32_t)s->word[1] << 8, few;
    uint8_t symbol = slot[part];

    x = m->freq[symbol] * (x >> PRECISION) + part - m->start[symbol];
    few = x < LOW;
    s->state[k] = few ? x << 16 | word : x;
    s->word += 2 * few;
    return symbol;
}

/* The same where there may be none; false if one was missing. */
static int last_symbol(uint8_t *symbol, struct stream *s, size_t k,
                       const struct model *m, const uint8_t *slot)
{
    const uint8_t none[2] = {0}, *at = s->word;
    const int at_end = s->end - at < 2;

    if (at_end)
        s->word = none;
    *symbol = next_symbol(s, k, m, slot);
    if (!at_end)
        return 1;
    if (s->word != none)
        return 0;
    s->word = at;
    return 1;
}

/* Eight symbols at a time, as long as there are words enough; their number.
   The copy of the stream stays in registers. */
static size_t read_eights(struct stream *of, uint8_t *symbol, size_t n,
                          const struct model *m, const uint8_t *slot)
{
    struct stream s = *of;
    size_t i = 0;

    for (; i + 8 <= n && s.end - s.word >= 16; i += 8) {
        symbol[i] = next_symbol(&s, 0, m, slot);
        symbol[i + 1] = next_symbol(&s, 1, m, slot);
        symbol[i + 2] = next_symbol(&s, 2, m, slot);
        symbol[i + 3] = next_symbol(&s, 3, m, slot);
        symbol[i + 4] = next_symbol(&s, 4, m, slot);
        symbol[i + 5] = next_symbol(&s, 5, m, slot);
        symbol[i + 6] = next_symbol(&s, 6, m, slot);
        symbol[i + 7] = next_symbol(&s, 7, m, slot);
    }
    *of = s;
    return i;
}

/* Symbols of one table. */
static void read_symbols(struct in *in, uint8_t *symbol, size_t n,
                         const struct model *m, const uint8_t *slot)
{
    struct stream s;

    begin_stream(in, &s);
    if (in->bad)
        return;
    for (size_t i = read_eights(&s, symbol, n, m, slot); i < n && !in->bad; i++)
        in->bad |= !last_symbol(&symbol[i], &s, i % STATES, m, slot);
    if (!in->bad)
        end_stream(in, &s);
}

/* Symbols of the tables that rows and columns have. */
static void read_classed(struct in *in, uint8_t *symbol, size_t n,
                         const struct where *w, const uint8_t *slots)
{
    const uint8_t *row = w->row_class;
    uint64_t col = 0;
    struct stream s;

    begin_stream(in, &s);
    for (size_t i = 0; i < n && !in->bad; i++) {
        size_t pair = *row * (size_t)CLASSES + w->group_class[col / 8];
        const struct model *m = &w->model[pair];
        const uint8_t *slot = slots + pair * WHOLE;

        if (s.end - s.word >= 2)
            symbol[i] = next_symbol(&s, i % STATES, m, slot);
        else
            in->bad |= !last_symbol(&symbol[i], &s, i % STATES, m, slot);
        for (col += 8; col >= w->cols && i + 1 < n; col -= w->cols)
            row++;
    }
    if (!in->bad)
        end_stream(in, &s);
}

static void read_model(struct in *in, struct model *m)
{
    unsigned kinds = (unsigned)get(in, 1) + 1;
    uint64_t sum = 0;
    int last = -1;

    memset(m, 0, sizeof *m);
    for (unsigned k = 0; k < kinds && !in->bad; k++) {
        int s = (int)get(in, 1);

        m->freq[s] = (uint32_t)get(in, 2) + 1;
        sum += m->freq[s];
        in->bad |= s <= last;
        last = s;
    }
    in->bad |= sum != WHOLE;
    if (!in->bad)
        set_starts(m);
}

/* The reverse; `slots` has room for one table. */
static void read_stream(struct in *in, uint8_t *symbol, size_t n,
                        uint8_t *slots)
{
    struct model m;

    read_model(in, &m);
    if (in->bad)
        return;
    fill_slots(slots, &m);
    read_symbols(in, symbol, n, &m, slots);
}

static void get_classes(struct in *in, uint8_t *class, size_t n)
{
    const uint8_t *p = take(in, (n + 3) / 4);

    for (size_t i = 0; p && i < n; i++)
        class[i] = p[i / 4] >> 2 * (i % 4) & 3;
    if (p && n % 4 && p[n / 4] >> 2 * (n % 4))
        in->bad = 1;
}

static void check_bits(struct in *in, const struct array *a)
{
    size_t bytes = (a->n + 7) / 8, count = 0;

    for (size_t i = 0; i < bytes && !in->bad; i++)
        count += ones(a->bits[i]);
    if (!in->bad &&
        (count != a->nnz || (a->n % 8 && a->bits[bytes - 1] >> a->n % 8)))
        in->bad = 1;
}

static void read_mask(struct in *in, const struct array *a, int classes)
{
    size_t rows = (size_t)a->rows, pairs = classes ? PAIRS : 1;
    uint8_t *class = classes ? malloc(rows + (size_t)a->groups) : NULL;
    struct model *m = malloc(PAIRS * sizeof *m);
    uint8_t *slots = malloc(pairs * WHOLE);
    struct where w = {m, class, class ? class + rows : NULL, a->cols};

    if ((classes && !class) || !m || !slots) {
        in->bad = 2;
    } else {
        if (classes) {
            get_classes(in, class, rows);
            get_classes(in, class + rows, (size_t)a->groups);
        }
        for (size_t k = 0; k < pairs && !in->bad; k++) {
            uint32_t p;

            if (!(pairs_of(&w, a) >> k & 1))
                continue;
            p = (uint32_t)get(in, 2);
            in->bad |= p < 1;
            bits_model(&m[k], p);
            fill_slots(slots + k * WHOLE, &m[k]);
        }
        if (!in->bad && classes)
            read_classed(in, a->bits, (a->n + 7) / 8, &w, slots);
        else if (!in->bad)
            read_symbols(in, a->bits, (a->n + 7) / 8, m, slots);
    }
    check_bits(in, a);
    free(class);
    free(m);
    free(slots);
}

/* Do the flags of a head agree with each other and with its numbers? */
static int flags_fit(unsigned flags, const struct array *a, uint64_t n,
                     uint64_t nnz, uint32_t cols)
{
    const unsigned coded = flags & CODED;

    if (flags > 127 || (!(flags & F_MASK) && nnz != n))
        return 0;
    if ((flags & (F_CLASSES | F_BYTES)) &&
        (!(flags & F_MASK) || (flags & F_CLASSES && flags & F_BYTES)))
        return 0;
    if (coded && (!nnz || (flags & F_TURNED) || (coded & (coded - 1))))
        return 0;
    if (coded > F_BOOK && a->width != 4)
        return 0;
    return coded != F_SCALED || cols > 0;
}

/* The head of a block. */
static unsigned read_head(struct in *in, struct array *a)
{
    const uint8_t *name = take(in, 4);
    unsigned version = (unsigned)get(in, 1), flags;
    uint64_t n, nnz;
    uint32_t cols;

    a->width = (unsigned)get(in, 1);
    flags = (unsigned)get(in, 1);
    in->bad |= get(in, 1) != 0;
    n = get(in, 8);
    nnz = get(in, 8);
    cols = (uint32_t)get(in, 4);
    if (in->bad || memcmp(name, "PRNS", 4) != 0 ||
        version != (flags > V1_FLAGS ? 2 : 1) ||
        (a->width != 2 && a->width != 4) || nnz > n || n >= MOST / a->width ||
        n / SPREAD * a->width > in->left ||
        !flags_fit(flags, a, n, nnz, cols)) {
        in->bad = 1;
        return 0;
    }
    a->n = (size_t)n;
    a->nnz = (size_t)nnz;
    lay_rows(a, cols);
    return flags;
}

int pare_rans_bytes(size_t *bytes, const uint8_t *block, size_t n)
{
    struct in in = {block, n, 0};
    struct array a = {0};

    read_head(&in, &a);
    if (in.bad)
        return PARE_RANS_BAD;
    *bytes = a.n * a.width;
    return PARE_RANS_OK;
}

static void read_book(struct in *in, const struct array *a, uint8_t *symbol,
                      uint8_t *slots)
{
    size_t k = (size_t)get(in, 1) + 1;
    uint32_t book[256];

    for (size_t i = 0; i < k; i++) {
        book[i] = (uint32_t)get(in, a->width);
        in->bad |= i && book[i] <= book[i - 1];
    }
    if (!in->bad)
        read_stream(in, symbol, a->nnz, slots);
    for (size_t i = 0; i < a->nnz && !in->bad; i++) {
        in->bad |= symbol[i] >= k;
        a->value[i] = book[symbol[i] % k];
    }
}

static void read_wide(struct in *in, const struct array *a, uint8_t *symbol,
                      uint8_t *slots)
{
    const size_t k = (size_t)get(in, 2) + 1;
    const unsigned bits = low_bits(k);
    const uint8_t *level = take(in, 4 * k);
    uint32_t last = 0;

    in->bad |= k <= 256;
    for (size_t i = 0; i < k && !in->bad; i++) {
        uint32_t x = value_at(level, 4, i);

        in->bad |= i && x <= last;
        last = x;
    }
    if (!in->bad)
        read_stream(in, symbol, a->nnz, slots);
    for (size_t i = 0; i < a->nnz && !in->bad; i++)
        a->value[i] = (uint32_t)symbol[i] << bits;
    if (!in->bad)
        read_stream(in, symbol, a->nnz, slots);
    for (size_t i = 0; i < a->nnz && !in->bad; i++) {
        size_t at = a->value[i] | symbol[i];

        in->bad |= at >= k || symbol[i] >> bits;
        a->value[i] = value_at(level, 4, at % k);
    }
}

static void read_scaled(struct in *in, const struct array *a, uint8_t *symbol,
                        uint8_t *slots, int sparse)
{
    const uint64_t rows = a->rows;
    const uint8_t *scale = take(in, (size_t)(rows < MOST ? 4 * rows : MOST));
    size_t k = 0;

    if (!in->bad)
        read_stream(in, symbol, a->nnz, slots);
    for (size_t i = 0; i < a->n && !in->bad; i++) {
        uint32_t x;
        float v;

        if (sparse && !is_there(a, i))
            continue;
        x = value_at(scale, 4, i / a->cols);
        memcpy(&v, &x, sizeof v);
        in->bad |= !symbol[k];
        a->value[k] = scaled(symbol[k], v);
        k++;
    }
}

/* Planes of bytes, the lowest first; turned ones lie one bit higher, and the
   lowest bit is the highest. */
static void read_planes(struct in *in, const struct array *a, unsigned turned,
                        uint8_t *symbol, uint8_t *slots)
{
    for (unsigned p = 0; p < a->width && !in->bad; p++) {
        uint64_t coded = get(in, 1);
        const uint8_t *from = symbol;

        in->bad |= coded > 1;
        if (!in->bad && coded)
            read_stream(in, symbol, a->nnz, slots);
        else if (!in->bad)
            from = take(in, a->nnz);
        if (in->bad)
            return;
        for (size_t i = 0; p == 0 && i < a->nnz; i++)
            a->value[i] = (uint32_t)from[i] >> turned |
                          (from[i] & turned) << (8 * a->width - 1);
        for (size_t i = 0; p > 0 && i < a->nnz; i++)
            a->value[i] |= (uint32_t)from[i] << (8 * p - turned);
    }
}

static inline void put_value(uint8_t *to, uint32_t x, unsigned width)
{
    to[0] = (uint8_t)x;
    to[1] = (uint8_t)(x >> 8);
    if (width == 4) {
        to[2] = (uint8_t)(x >> 16);
        to[3] = (uint8_t)(x >> 24);
    }
}

/* Values to the places that bits say, of which many are clear. */
static inline void spread_few(const struct array *a, uint8_t *raw,
                              unsigned width)
{
    const uint32_t *v = a->value;

    memset(raw, 0, a->n * width);
    for (size_t i = 0; i < (a->n + 7) / 8; i++)
        for (unsigned x = a->bits[i]; x; x &= x - 1)
            put_value(raw + (8 * i + ones((x & -x) - 1)) * width, *v++, width);
}

/* The same where about half is set: no branch can be foretold. value[nnz]
   must be there. */
static inline void spread_many(const struct array *a, uint8_t *raw,
                               unsigned width)
{
    const uint32_t *v = a->value;

    for (size_t i = 0; i < a->n; i++) {
        uint32_t bit = a->bits[i / 8] >> i % 8 & 1;

        put_value(raw + i * width, *v & (0 - bit), width);
        v += bit;
    }
}

static inline void spread_all(const struct array *a, uint8_t *raw,
                              unsigned width)
{
    for (size_t i = 0; i < a->n; i++)
        put_value(raw + i * width, a->value[i], width);
}

/* Values to their places; what is there must not be 0 under a mask. */
static void spread(struct in *in, const struct array *a, uint8_t *raw,
                   int sparse)
{
    int zero = 0;

    for (size_t i = 0; sparse && i < a->nnz; i++)
        zero |= !a->value[i];
    in->bad |= zero;
    if (!sparse && a->width == 4)
        spread_all(a, raw, 4);
    else if (!sparse)
        spread_all(a, raw, 2);
    else if (a->nnz < a->n / 4 && a->width == 4)
        spread_few(a, raw, 4);
    else if (a->nnz < a->n / 4)
        spread_few(a, raw, 2);
    else if (a->width == 4)
        spread_many(a, raw, 4);
    else
        spread_many(a, raw, 2);
}

int pare_rans_decode(uint8_t *raw, size_t bytes, const uint8_t *block, size_t n)
{
    struct in in = {block, n, 0};
    struct array a = {0};
    unsigned flags = read_head(&in, &a);
    uint8_t *symbol = NULL, *slots = NULL;
    int sparse = flags & F_MASK;

    if (in.bad || a.n * a.width != bytes)
        return PARE_RANS_BAD;
    a.value = malloc((a.nnz + 1) * sizeof *a.value);
    a.bits = malloc(a.n / 8 + 1);
    symbol = malloc(a.nnz ? a.nnz : 1);
    slots = malloc(WHOLE);
    if (!a.value || !a.bits || !symbol || !slots)
        in.bad = 2;
    if (a.value)
        a.value[a.nnz] = 0;
    if (!in.bad && (flags & F_BYTES)) {
        read_stream(&in, a.bits, (a.n + 7) / 8, slots);
        check_bits(&in, &a);
    } else if (!in.bad && sparse) {
        read_mask(&in, &a, flags & F_CLASSES);
    }
    if (!in.bad && (flags & F_BOOK))
        read_book(&in, &a, symbol, slots);
    else if (!in.bad && (flags & F_WIDE))
        read_wide(&in, &a, symbol, slots);
    else if (!in.bad && (flags & F_SCALED))
        read_scaled(&in, &a, symbol, slots, sparse);
    else if (!in.bad)
        read_planes(&in, &a, flags & F_TURNED ? 1 : 0, symbol, slots);
    if (!in.bad)
        spread(&in, &a, raw, sparse);
    if (!in.bad && (get(&in, 4) != crc32_of(raw, bytes) || in.left))
        in.bad = 1;
    free(a.value);
    free(a.bits);
    free(symbol);
    free(slots);
    return in.bad == 2 ? PARE_RANS_MEMORY
           : in.bad    ? PARE_RANS_BAD
                       : PARE_RANS_OK;
}
