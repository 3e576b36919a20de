/* Coding of arrays as blocks; rans.h says what these are. */
#include <stdlib.h>
#include <string.h>

#include "rans.h"
#include "rans_parts.h"

#define HASHED ((size_t)1 << 18)
#define SAMPLE ((size_t)1 << 16) /* values that decide on rotation */

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

static void append(struct out *o, const struct out *part)
{
    uint8_t *p = more(o, part->n);

    if (p && part->n)
        memcpy(p, part->data, part->n);
}

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
    uint8_t *to;

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
    to = more(o, 2 * words);
    for (size_t i = 0; to && i < words; i++) {
        to[2 * i] = (uint8_t)word[words - 1 - i];
        to[2 * i + 1] = (uint8_t)(word[words - 1 - i] >> 8);
    }
    free(word);
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

static void put_classes(struct out *o, const uint8_t *class, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        unsigned x = 0;

        for (size_t k = 0; k < 4 && i + k < n; k++)
            x |= (unsigned)class[i + k] << 2 * k;
        put(o, x, 1);
    }
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

/* Bytes of a mask by chances, about; with classes, or for all. */
static uint64_t chance_cost(const struct array *a, const uint8_t *class)
{
    const uint8_t *group = class ? class + a->rows : NULL;
    uint64_t set[PAIRS] = {0}, all[PAIRS] = {0}, bits = 0;

    for (size_t i = 0; i < (a->n + 7) / 8; i++) {
        size_t pair = class ? class[8 * i / a->cols] * (size_t)CLASSES +
                                  group[8 * i % a->cols / 8]
                            : 0;

        set[pair] += ones(a->bits[i]);
        all[pair] += 8;
    }
    for (size_t k = 0; k < PAIRS; k++)
        if (set[k] && set[k] < all[k])
            bits += all[k] * log2_256(all[k]) - set[k] * log2_256(set[k]) -
                    (all[k] - set[k]) * log2_256(all[k] - set[k]);
    return bits / 2048 + (class ? (a->rows + a->groups) / 4 : 0) + 38;
}

/* Do its bytes tell more of a mask than its chances? So it is where some of
   each few are there, or whole blocks. */
static int tells_bytes(const struct array *a, const uint8_t *class)
{
    uint64_t hist[256], by_chance = chance_cost(a, class);

    count_bytes(hist, a->bits, (a->n + 7) / 8);
    return cost(hist) + by_chance / 64 < by_chance;
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

static size_t rank_of(const uint32_t *book, size_t k, uint32_t x)
{
    size_t lo = 0, hi = k - 1;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (book[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
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
    for (size_t i = 0; i < a->nnz; i++)
        code[i] = (uint8_t)rank_of(book, k, a->value[i]);
    write_stream(o, code, a->nnz);
    free(code);
}

static uint32_t turn(uint32_t x, unsigned width)
{
    return width == 4 ? x << 1 | x >> 31 : (x << 1 | x >> 15) & 0xffff;
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

/* Different values, if they are at most LEVELS, and which each is. */
struct wide {
    uint32_t *book; /* [k] ascending */
    uint32_t *slot; /* [HASHED] values by hash */
    uint32_t *rank; /* [HASHED] number in the book, from 1 on; 0: no value */
    size_t k;
};

static size_t find_slot(const struct wide *w, uint32_t x)
{
    size_t at = x * 2654435761u >> 14;

    while (w->rank[at] && w->slot[at] != x)
        at = (at + 1) % HASHED;
    return at;
}

/* k stays 0 where there are more. */
static void find_wide(struct wide *w, const struct array *a)
{
    size_t k = 0;

    for (size_t i = 0; i < a->nnz; i++) {
        size_t at = find_slot(w, a->value[i]);

        if (w->rank[at])
            continue;
        if (k == LEVELS)
            return;
        w->slot[at] = w->book[k++] = a->value[i];
        w->rank[at] = 1;
    }
    qsort(w->book, k, sizeof *w->book, by_value);
    for (size_t at = 0; at < HASHED && k; at++)
        if (w->rank[at])
            w->rank[at] = (uint32_t)rank_of(w->book, k, w->slot[at]) + 1;
    w->k = k;
}

/* Bytes of all planes, by a sample of them. */
static uint64_t planes_cost(const struct array *a)
{
    uint64_t x = sample_cost(a, 0), y = sample_cost(a, 1);
    size_t n = a->nnz < SAMPLE ? a->nnz : SAMPLE;

    return n ? (x < y ? x : y) * a->nnz / n : 0;
}

/* The higher and lower bits of all numbers, [nnz] each; what they cost. */
static uint64_t split_ranks(uint8_t *high, uint8_t *low, const struct array *a,
                            const struct wide *w)
{
    const unsigned bits = low_bits(w->k);
    uint64_t hist[256], sum;

    for (size_t i = 0; i < a->nnz; i++) {
        uint32_t rank = w->rank[find_slot(w, a->value[i])] - 1;

        high[i] = (uint8_t)(rank >> bits);
        low[i] = (uint8_t)(rank & ((1u << bits) - 1));
    }
    count_bytes(hist, high, a->nnz);
    sum = cost(hist);
    count_bytes(hist, low, a->nnz);
    return sum + cost(hist) + 4 * w->k;
}

/* Values of a book of more than 256, if that pays: 1, 0, or -1 without
   memory. `part` is written then. */
static int try_wide(struct out *part, const struct array *a)
{
    struct wide w = {malloc(LEVELS * sizeof *w.book),
                     malloc(HASHED * sizeof *w.slot),
                     calloc(HASHED, sizeof *w.rank), 0};
    uint8_t *high = malloc(a->nnz), *low = malloc(a->nnz);
    int done = w.book && w.slot && w.rank && high && low ? 0 : -1;

    if (!done)
        find_wide(&w, a);
    if (!done && w.k > 256 && split_ranks(high, low, a, &w) < planes_cost(a)) {
        put(part, w.k - 1, 2);
        for (size_t i = 0; i < w.k; i++)
            put(part, w.book[i], a->width);
        write_stream(part, high, a->nnz);
        write_stream(part, low, a->nnz);
        done = 1;
    }
    free(w.book);
    free(w.slot);
    free(w.rank);
    free(high);
    free(low);
    return done;
}

/* The code that stands for a value, or 0. */
static uint8_t code_of(uint32_t x, float scale)
{
    float v, part;
    uint8_t code;

    memcpy(&v, &x, sizeof v);
    part = x ? v / scale : 0;
    if (!(part > -127.5f && part < 127.5f))
        return 0;
    code = (uint8_t)((int)(part < 0 ? part - .5f : part + .5f) + 128);
    return scaled(code, scale) == x ? code : 0;
}

/* The same for codes of the scales that were said. */
static int try_scaled(struct out *part, const struct array *a)
{
    uint8_t *code = malloc(a->nnz);
    uint64_t hist[256];
    int found = 1;
    size_t k = 0;

    if (!code)
        return -1;
    for (size_t i = 0; found && i < a->n; i++)
        if (is_there(a, i)) {
            code[k] = code_of(a->value[k], a->scale[i / a->cols]);
            found = code[k++] != 0;
        }
    if (found) {
        count_bytes(hist, code, a->nnz);
        found = cost(hist) + 4 * a->rows < planes_cost(a);
    }
    for (size_t i = 0; found && i < a->rows; i++) {
        uint32_t x;

        memcpy(&x, &a->scale[i], sizeof x);
        put(part, x, 4);
    }
    if (found)
        write_stream(part, code, a->nnz);
    free(code);
    return found;
}

/* Values that are codes but not of a short book: which flag, and `part`. */
static unsigned find_coded(struct out *part, const struct array *a)
{
    int done = 0;

    if (a->width != 4 || !a->nnz)
        return 0;
    if (a->scale) {
        done = try_scaled(part, a);
        if (done > 0)
            return F_SCALED;
    }
    if (!done)
        done = try_wide(part, a);
    part->bad |= done < 0;
    return done > 0 ? F_WIDE : 0;
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

/* How the parts of a block are coded. */
static unsigned choose(struct array *a, uint32_t cols, uint8_t *class,
                       struct out *o)
{
    unsigned flags = 0;
    int sparse, classes = 0;

    find_there(a, &sparse);
    if (sparse && cols)
        classes = find_classes(class, a);
    o->bad = classes < 0;
    if (sparse && tells_bytes(a, classes > 0 ? class : NULL))
        flags |= F_MASK | F_BYTES;
    else if (sparse)
        flags |= F_MASK | (classes > 0 ? F_CLASSES : 0);
    return flags;
}

static void write_block(struct out *o, struct array *a, uint32_t cols,
                        uint8_t *class)
{
    uint32_t book[256];
    struct out part = {0};
    unsigned flags = choose(a, cols, class, o);
    size_t levels = find_book(book, a);

    flags |= levels ? F_BOOK : find_coded(&part, a);
    if (!(flags & CODED) && sample_cost(a, 1) < sample_cost(a, 0))
        flags |= F_TURNED;
    put(o, 0x534e5250, 4); /* "PRNS" */
    put(o, flags > V1_FLAGS ? 2 : 1, 1);
    put(o, a->width, 1);
    put(o, flags, 1);
    put(o, 0, 1);
    put(o, a->n, 8);
    put(o, a->nnz, 8);
    put(o, cols, 4);
    if (flags & F_BYTES)
        write_stream(o, a->bits, (a->n + 7) / 8);
    else if (flags & F_MASK)
        write_mask(o, a, flags & F_CLASSES ? class : NULL);
    if (flags & F_BOOK)
        write_book(o, a, book, levels);
    else if (flags & CODED)
        append(o, &part);
    else
        write_planes(o, a, flags & F_TURNED);
    put(o, crc32_of(a->raw, a->n * a->width), 4);
    o->bad |= part.bad;
    free(part.data);
}

int pare_rans_encode(uint8_t **out, size_t *n, const uint8_t *raw, size_t bytes,
                     unsigned width, uint32_t cols)
{
    return pare_rans_encode_scaled(out, n, raw, bytes, width, cols, NULL);
}

int pare_rans_encode_scaled(uint8_t **out, size_t *n, const uint8_t *raw,
                            size_t bytes, unsigned width, uint32_t cols,
                            const float *scale)
{
    struct array a = {.raw = raw, .width = width, .scale = cols ? scale : NULL};
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
