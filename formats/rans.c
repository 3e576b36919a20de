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

/* The state that all symbols must bring a stream back to is the first. */
static void read_symbols(struct in *in, uint8_t *symbol, size_t n,
                         const struct where *w, const uint8_t *slots)
{
    size_t words = (size_t)get(in, 4), used = 0;
    uint32_t state[STATES];
    const uint8_t *word;

    for (size_t k = 0; k < STATES; k++) {
        state[k] = (uint32_t)get(in, 4);
        in->bad |= state[k] < LOW;
    }
    word = take(in, words < MOST ? 2 * words : MOST);
    for (size_t i = 0; i < n && !in->bad; i++) {
        const struct model *m = model_of(w, i);
        uint32_t x = state[i % STATES], part = x & (WHOLE - 1);
        uint8_t s = slots[(size_t)(m - w->model) * WHOLE + part];

        x = m->freq[s] * (x >> PRECISION) + part - m->start[s];
        if (x < LOW) {
            if (used >= words) {
                in->bad = 1;
                break;
            }
            x = x << 16 | word[2 * used] | (uint32_t)word[2 * used + 1] << 8;
            used++;
        }
        state[i % STATES] = x;
        symbol[i] = s;
    }
    in->bad |= used != words;
    for (size_t k = 0; k < STATES; k++)
        in->bad |= state[k] != LOW;
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
    struct where w = {.model = &m};

    read_model(in, &m);
    if (in->bad)
        return;
    fill_slots(slots, &m);
    read_symbols(in, symbol, n, &w, slots);
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
        if (!in->bad)
            read_symbols(in, a->bits, (a->n + 7) / 8, &w, slots);
    }
    check_bits(in, a);
    free(class);
    free(m);
    free(slots);
}

static uint32_t turn_back(uint32_t x, unsigned width)
{
    return width == 4 ? x >> 1 | x << 31 : (x >> 1 | x << 15) & 0xffff;
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

static void read_planes(struct in *in, const struct array *a, int turned,
                        uint8_t *symbol, uint8_t *slots)
{
    memset(a->value, 0, a->nnz * sizeof *a->value);
    for (unsigned p = 0; p < a->width && !in->bad; p++) {
        uint64_t coded = get(in, 1);
        const uint8_t *from = symbol;

        if (coded > 1) {
            in->bad = 1;
        } else if (coded) {
            read_stream(in, symbol, a->nnz, slots);
        } else {
            from = take(in, a->nnz);
        }
        for (size_t i = 0; i < a->nnz && !in->bad; i++)
            a->value[i] |= (uint32_t)from[i] << 8 * p;
    }
    for (size_t i = 0; turned && i < a->nnz; i++)
        a->value[i] = turn_back(a->value[i], a->width);
}

/* Values to their places; what is there must not be 0 under a mask. */
static void spread(struct in *in, const struct array *a, uint8_t *raw,
                   int sparse)
{
    size_t k = 0;

    for (size_t i = 0; i < a->n; i++) {
        uint32_t x = 0;

        if (!sparse || is_there(a, i)) {
            x = a->value[k++];
            in->bad |= sparse && !x;
        }
        for (unsigned p = 0; p < a->width; p++)
            raw[i * a->width + p] = (uint8_t)(x >> 8 * p);
    }
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
    a.value = malloc((a.nnz ? a.nnz : 1) * sizeof *a.value);
    a.bits = malloc(a.n / 8 + 1);
    symbol = malloc(a.nnz ? a.nnz : 1);
    slots = malloc(WHOLE);
    if (!a.value || !a.bits || !symbol || !slots)
        in.bad = 2;
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
        read_planes(&in, &a, flags & F_TURNED, symbol, slots);
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
