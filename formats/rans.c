#include "rans.h"

#include <stdlib.h>
#include <string.h>

#define STATES    8
#define PRECISION 16
#define WHOLE     ((uint32_t)1 << PRECISION)
#define LOW       ((uint32_t)1 << 16) /* states lie at or above it */
#define CLASSES   4
#define PAIRS     (CLASSES * CLASSES)
#define F_MASK    1
#define F_BOOK    2
#define F_TURNED  4
#define F_CLASSES 8
#define SPREAD    ((uint64_t)1 << 20) /* values of a byte, at most */
#define MOST      ((size_t)1 << 34)   /* bytes of an array */
#define SAMPLE    ((size_t)1 << 16)   /* values that decide on rotation */

/* Bytes that grow; `bad` once there was no memory. */
struct out {
    uint8_t *data;
    size_t n, room;
    int bad;
};

static uint8_t *more(struct out *o, size_t n)
{
    if (!o->bad && o->room - o->n < n) {
        size_t room = o->room + o->room / 2 + n + 256;
        uint8_t *p = realloc(o->data, room);

        o->bad = !p;
        if (p) {
            o->data = p;
            o->room = room;
        }
    }
    if (o->bad)
        return NULL;
    o->n += n;
    return o->data + o->n - n;
}

static void put(struct out *o, uint64_t value, unsigned bytes)
{
    uint8_t *p = more(o, bytes);

    for (unsigned i = 0; p && i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

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

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t table[8][256], crc = 0xffffffffu;

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            table[k][i] =
                table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    for (; n >= 8; n -= 8, p += 8)
        crc = table[7][(crc ^ p[0]) & 255] ^ table[6][(crc >> 8 ^ p[1]) & 255] ^
              table[5][(crc >> 16 ^ p[2]) & 255] ^
              table[4][(crc >> 24 ^ p[3]) & 255] ^ table[3][p[4]] ^
              table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    for (; n; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return ~crc;
}

/* How frequent each byte is, out of WHOLE. */
struct model {
    uint32_t freq[256], start[256];
};

static void set_starts(struct model *m)
{
    uint32_t sum = 0;

    for (size_t s = 0; s < 256; s++) {
        m->start[s] = sum;
        sum += m->freq[s];
    }
}

/* Scale counts to a sum of WHOLE; what occurs keeps at least 1. */
static void scale(struct model *m, const uint64_t *hist)
{
    uint64_t sum = 0, have = 0;
    size_t top = 0;

    for (size_t s = 0; s < 256; s++)
        sum += hist[s];
    for (size_t s = 0; s < 256; s++) {
        uint64_t f = sum ? (hist[s] * WHOLE + sum / 2) / sum : 0;

        m->freq[s] = (uint32_t)(hist[s] && !f ? 1 : f);
        have += m->freq[s];
        if (m->freq[s] > m->freq[top])
            top = s;
    }
    if (!sum)
        have = m->freq[0] = WHOLE;
    /* The most frequent takes what rounding left over. */
    m->freq[top] = (uint32_t)(m->freq[top] + WHOLE - have);
    set_starts(m);
}

/*
 * Bytes of eight bits that are each 1 with a chance of p / 65536, whole
 * numbers only, so that all machines have the same table.
 */
static void bits_model(struct model *m, uint32_t p)
{
    uint64_t hist[256], power[9], one = p, zero = WHOLE - p;

    for (unsigned k = 0; k <= 8; k++) {
        uint64_t x = (uint64_t)1 << 32;

        for (unsigned i = 0; i < 8; i++)
            x = x * (i < k ? one : zero) >> 16;
        power[k] = x;
    }
    for (size_t s = 0; s < 256; s++) {
        unsigned k = 0;

        for (size_t x = s; x; x &= x - 1)
            k++;
        hist[s] = power[k] ? power[k] : 1;
    }
    scale(m, hist);
}

/* Which table a symbol has: one for all, or by row and column. */
struct where {
    const struct model *model;
    const uint8_t *row_class, *group_class; /* NULL: one for all */
    uint64_t cols;
};

static const struct model *model_of(const struct where *w, uint64_t i)
{
    uint64_t at = i * 8;

    if (!w->row_class)
        return w->model;
    return &w->model[w->row_class[at / w->cols] * CLASSES +
                     w->group_class[at % w->cols / 8]];
}

/* A stream of symbols: from the last to the first, so that they are read
   from the first on. */
static void write_symbols(struct out *o, const uint8_t *symbol, size_t n,
                          const struct where *w)
{
    uint32_t state[STATES];
    uint16_t *word = malloc((n ? n : 1) * sizeof *word);
    size_t words = 0;

    if (!word) {
        o->bad = 1;
        return;
    }
    for (size_t k = 0; k < STATES; k++)
        state[k] = LOW;
    for (size_t i = n; i-- > 0;) {
        const struct model *m = model_of(w, i);
        uint32_t f = m->freq[symbol[i]], x = state[i % STATES];

        if (x >= (uint64_t)f << 16) {
            word[words++] = (uint16_t)x;
            x >>= 16;
        }
        state[i % STATES] = (x / f << PRECISION) + x % f + m->start[symbol[i]];
    }
    put(o, words, 4);
    for (size_t k = 0; k < STATES; k++)
        put(o, state[k], 4);
    while (words--)
        put(o, word[words], 2);
    free(word);
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

/* A table as it is sent. */
static void write_model(struct out *o, const struct model *m)
{
    unsigned kinds = 0;

    for (size_t s = 0; s < 256; s++)
        kinds += m->freq[s] > 0;
    put(o, kinds - 1, 1);
    for (size_t s = 0; s < 256; s++)
        if (m->freq[s]) {
            put(o, s, 1);
            put(o, m->freq[s] - 1, 2);
        }
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

static void count_bytes(uint64_t *hist, const uint8_t *p, size_t n)
{
    memset(hist, 0, 256 * sizeof *hist);
    for (size_t i = 0; i < n; i++)
        hist[p[i]]++;
}

/* Symbols with a table of their own. */
static void write_stream(struct out *o, const uint8_t *symbol, size_t n)
{
    uint64_t hist[256];
    struct model m;
    struct where w = {.model = &m};

    count_bytes(hist, symbol, n);
    scale(&m, hist);
    write_model(o, &m);
    write_symbols(o, symbol, n, &w);
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

/* An array to be coded. */
struct array {
    const uint8_t *raw;
    unsigned width;
    size_t n, nnz; /* values, those that are there */
    uint64_t cols, rows, groups;
    uint32_t *value; /* [nnz] */
    uint8_t *bits;   /* [(n + 7) / 8] */
};

static uint32_t value_at(const uint8_t *raw, unsigned width, size_t i)
{
    const uint8_t *p = raw + i * width;
    uint32_t x = p[0] | (uint32_t)p[1] << 8;

    return width == 2 ? x : x | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Densities of lines into classes: each a quarter of the lines, by rank of
   its density among those there are. */
static void classes_of(uint8_t *class, const uint64_t *there, size_t n)
{
    uint64_t least = UINT64_MAX, most = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        least = there[i] < least ? there[i] : least;
        most = there[i] > most ? there[i] : most;
        sum += there[i];
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t mean = n ? sum / n : 0;

        class[i] = there[i] < mean / 2          ? 0
                   : there[i] < mean            ? 1
                   : there[i] < mean + mean / 2 ? 2
                                                : 3;
    }
    /* Lines that differ by chance only are one class. */
    for (size_t i = 0; i < n && n; i++)
        if ((most - least) * (most - least) < 64 * (sum / n + 1))
            class[i] = 0;
}

static unsigned ones(unsigned x)
{
    unsigned n = 0;

    for (; x; x &= x - 1)
        n++;
    return n;
}

static void put_classes(struct out *o, const uint8_t *class, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        unsigned x = 0;

        for (size_t k = 0; k < 4 && i + k < n; k++)
            x |= (unsigned)class[i + k] << 2 * k;
        put(o, x, 1);
    }
}

static void get_classes(struct in *in, uint8_t *class, size_t n)
{
    const uint8_t *p = take(in, (n + 3) / 4);

    for (size_t i = 0; p && i < n; i++)
        class[i] = p[i / 4] >> 2 * (i % 4) & 3;
    if (p && n % 4 && p[n / 4] >> 2 * (n % 4))
        in->bad = 1;
}

/* Classes of all lines; whether any differ. */
static int find_classes(uint8_t *class, const struct array *a)
{
    size_t bytes = (a->n + 7) / 8, rows = (size_t)a->rows;
    size_t lines = rows + (size_t)a->groups;
    uint64_t *line = calloc(lines, sizeof *line);
    int differ = 0;

    if (!line)
        return -1;
    for (size_t i = 0; i < bytes; i++) {
        unsigned k = ones(a->bits[i]);

        line[8 * i / a->cols] += k;
        line[rows + 8 * i % a->cols / 8] += k;
    }
    classes_of(class, line, rows);
    classes_of(class + rows, line + rows, (size_t)a->groups);
    free(line);
    for (size_t i = 0; i < lines && a->rows > 1; i++)
        differ |= class[i];
    return differ != 0;
}

/* Which pairs of classes there are: only their chances are sent. */
static unsigned pairs_of(const struct where *w, const struct array *a)
{
    unsigned row = 0, group = 0, pairs = 0;

    if (!w->row_class)
        return 1;
    for (uint64_t i = 0; i < a->rows; i++)
        row |= 1u << w->row_class[i];
    for (uint64_t i = 0; i < a->groups; i++)
        group |= 1u << w->group_class[i];
    for (unsigned k = 0; k < PAIRS; k++)
        pairs |= (row >> k / CLASSES & group >> k % CLASSES & 1) << k;
    return pairs;
}

/* Chances of the pairs of classes, as they are sent. */
static void write_chances(struct out *o, struct model *m, const struct array *a,
                          const struct where *w)
{
    uint64_t set[PAIRS] = {0}, all[PAIRS] = {0};

    for (size_t i = 0; i < (a->n + 7) / 8; i++) {
        size_t pair = (size_t)(model_of(w, i) - m);

        set[pair] += ones(a->bits[i]);
        all[pair] += 8;
    }
    for (size_t k = 0; k < PAIRS; k++) {
        uint64_t p = all[k] ? set[k] * WHOLE / all[k] : 1;

        if (!(pairs_of(w, a) >> k & 1))
            continue;
        p = p < 1 ? 1 : p > WHOLE - 1 ? WHOLE - 1 : p;
        put(o, p, 2);
        bits_model(&m[k], (uint32_t)p);
    }
}

/* `class` [rows + groups], or NULL: without classes. */
static void write_mask(struct out *o, const struct array *a,
                       const uint8_t *class)
{
    size_t rows = (size_t)a->rows;
    struct model *m = malloc(PAIRS * sizeof *m);
    struct where w = {m, class, class ? class + rows : NULL, a->cols};

    if (!m) {
        o->bad = 1;
        return;
    }
    if (class) {
        put_classes(o, class, rows);
        put_classes(o, class + rows, (size_t)a->groups);
    }
    write_chances(o, m, a, &w);
    write_symbols(o, a->bits, (a->n + 7) / 8, &w);
    free(m);
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

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The different values if there are at most 256: their number, else 0. */
static size_t find_book(uint32_t *book, const struct array *a)
{
    uint32_t slot[1024];
    uint8_t used[1024] = {0};
    size_t k = 0;

    for (size_t i = 0; i < a->nnz; i++) {
        uint32_t x = a->value[i];
        size_t at = x * 2654435761u >> 22;

        while (used[at] && slot[at] != x)
            at = (at + 1) % 1024;
        if (used[at])
            continue;
        if (k == 256)
            return 0;
        used[at] = 1;
        slot[at] = x;
        book[k++] = x;
    }
    qsort(book, k, sizeof *book, by_value);
    return k;
}

static void write_book(struct out *o, const struct array *a,
                       const uint32_t *book, size_t k)
{
    uint8_t *code = malloc(a->nnz);

    if (!code) {
        o->bad = 1;
        return;
    }
    put(o, k - 1, 1);
    for (size_t i = 0; i < k; i++)
        put(o, book[i], a->width);
    for (size_t i = 0; i < a->nnz; i++) {
        size_t lo = 0, hi = k - 1;

        while (lo < hi) {
            size_t mid = (lo + hi) / 2;

            if (book[mid] < a->value[i])
                lo = mid + 1;
            else
                hi = mid;
        }
        code[i] = (uint8_t)lo;
    }
    write_stream(o, code, a->nnz);
    free(code);
}

static uint32_t turn(uint32_t x, unsigned width)
{
    return width == 4 ? x << 1 | x >> 31 : (x << 1 | x >> 15) & 0xffff;
}

static uint32_t turn_back(uint32_t x, unsigned width)
{
    return width == 4 ? x >> 1 | x << 31 : (x >> 1 | x << 15) & 0xffff;
}

/* Whole bits that counts have: the logarithm to a 256th by squaring. */
static uint64_t log2_256(uint64_t x)
{
    uint64_t whole = 63, log;

    while (!(x >> whole & 1))
        whole--;
    x = whole > 31 ? x >> (whole - 31) : x << (31 - whole);
    log = whole << 8;
    for (unsigned bit = 128; bit; bit >>= 1) {
        x = x * x >> 31;
        if (x >> 32) {
            log += bit;
            x >>= 1;
        }
    }
    return log;
}

/* Bytes that a stream of these counts takes, about. */
static uint64_t cost(const uint64_t *hist)
{
    uint64_t sum = 0, bits = 0, kinds = 0;

    for (size_t s = 0; s < 256; s++) {
        sum += hist[s];
        kinds += hist[s] > 0;
    }
    for (size_t s = 0; s < 256; s++)
        if (hist[s])
            bits += hist[s] * (log2_256(sum) - log2_256(hist[s]));
    return bits / 2048 + 3 * kinds + 37;
}

static uint64_t sample_cost(const struct array *a, int turned)
{
    size_t n = a->nnz < SAMPLE ? a->nnz : SAMPLE;
    uint64_t sum = 0;

    for (unsigned p = 0; p < a->width; p++) {
        uint64_t hist[256] = {0}, c;

        for (size_t i = 0; i < n; i++) {
            uint32_t x = a->value[i];

            if (turned)
                x = turn(x, a->width);
            hist[x >> 8 * p & 255]++;
        }
        c = cost(hist);
        sum += c < n ? c : n;
    }
    return sum;
}

static void write_planes(struct out *o, const struct array *a, int turned)
{
    uint8_t *plane = malloc(a->nnz ? a->nnz : 1);

    if (!plane) {
        o->bad = 1;
        return;
    }
    for (unsigned p = 0; p < a->width; p++) {
        uint64_t hist[256];
        uint8_t *to;

        for (size_t i = 0; i < a->nnz; i++) {
            uint32_t x = a->value[i];

            plane[i] = (uint8_t)((turned ? turn(x, a->width) : x) >> 8 * p);
        }
        count_bytes(hist, plane, a->nnz);
        if (a->nnz && cost(hist) < a->nnz - a->nnz / 200) {
            put(o, 1, 1);
            write_stream(o, plane, a->nnz);
        } else {
            put(o, 0, 1);
            to = more(o, a->nnz);
            if (to && a->nnz)
                memcpy(to, plane, a->nnz);
        }
    }
    free(plane);
}

static void lay_rows(struct array *a, uint32_t cols)
{
    a->cols = cols && cols < a->n ? cols : a->n ? a->n : 1;
    a->rows = (a->n + a->cols - 1) / a->cols;
    a->groups = (a->cols + 7) / 8;
}

/* What is there, of all values or of those that are not 0. */
static void find_there(struct array *a, int *sparse)
{
    size_t zeros = 0, k = 0;

    for (size_t i = 0; i < a->n; i++)
        zeros += value_at(a->raw, a->width, i) == 0;
    *sparse = zeros > a->n / 8;
    for (size_t i = 0; i < a->n; i++) {
        uint32_t x = value_at(a->raw, a->width, i);

        if (*sparse && !x)
            continue;
        a->bits[i / 8] |= (uint8_t)(1 << i % 8);
        a->value[k++] = x;
    }
    a->nnz = k;
}

static void write_block(struct out *o, struct array *a, uint32_t cols,
                        uint8_t *class)
{
    uint32_t book[256];
    int sparse, turned, classes;
    size_t levels;

    find_there(a, &sparse);
    classes = sparse && cols ? find_classes(class, a) : 0;
    levels = find_book(book, a);
    turned = !levels && sample_cost(a, 1) < sample_cost(a, 0);
    o->bad = classes < 0;
    put(o, 0x534e5250, 4); /* "PRNS" */
    put(o, 1, 1);
    put(o, a->width, 1);
    put(o,
        (unsigned)(sparse ? F_MASK : 0) | (levels ? F_BOOK : 0) |
            (unsigned)(turned ? F_TURNED : 0) |
            (unsigned)(classes > 0 ? F_CLASSES : 0),
        1);
    put(o, 0, 1);
    put(o, a->n, 8);
    put(o, a->nnz, 8);
    put(o, cols, 4);
    if (sparse)
        write_mask(o, a, classes > 0 ? class : NULL);
    if (levels)
        write_book(o, a, book, levels);
    else
        write_planes(o, a, turned);
    put(o, crc32_of(a->raw, a->n * a->width), 4);
}

int pare_rans_encode(uint8_t **out, size_t *n, const uint8_t *raw, size_t bytes,
                     unsigned width, uint32_t cols)
{
    struct array a = {.raw = raw, .width = width};
    struct out o = {0};
    uint8_t *class;

    if ((width != 2 && width != 4) || bytes % width || bytes >= MOST)
        return PARE_RANS_BAD;
    a.n = bytes / width;
    lay_rows(&a, cols);
    a.value = malloc((a.n ? a.n : 1) * sizeof *a.value);
    a.bits = calloc(a.n / 8 + 1, 1);
    class = malloc((size_t)(a.rows + a.groups));
    if (a.value && a.bits && class)
        write_block(&o, &a, cols, class);
    else
        o.bad = 1;
    free(a.value);
    free(a.bits);
    free(class);
    if (o.bad || a.n / SPREAD * width > o.n - PARE_RANS_HEAD) {
        free(o.data);
        return o.bad ? PARE_RANS_MEMORY : PARE_RANS_BAD;
    }
    *out = o.data;
    *n = o.n;
    return PARE_RANS_OK;
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
    if (in->bad || memcmp(name, "PRNS", 4) != 0 || version != 1 ||
        (a->width != 2 && a->width != 4) || flags > 15 || nnz > n ||
        n >= MOST / a->width || (!(flags & F_MASK) && nnz != n) ||
        ((flags & F_BOOK) && (!nnz || (flags & F_TURNED))) ||
        ((flags & F_CLASSES) && !(flags & F_MASK)) ||
        n / SPREAD * a->width > in->left) {
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

        if (!sparse || (a->bits[i / 8] >> i % 8 & 1)) {
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
    if (!in.bad && sparse)
        read_mask(&in, &a, flags & F_CLASSES);
    if (!in.bad && (flags & F_BOOK))
        read_book(&in, &a, symbol, slots);
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
