#include "unsqueeze.h"

#include <string.h>
#ifdef PARE_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include "adler.h"
#include "status.h"

#define BITS    11 /* that the table is asked for */
#define MASK    ((1u << BITS) - 1)
#define LONGEST 15  /* bits of a code */
#define SYMBOLS 257 /* bytes and the end of the block */
#define END     256
#define LENGTHS 19   /* symbols that code lengths are written with */
#define LONG    16   /* in place of a length: see `rest` */
#define RESTS   130  /* tables of them: two codes at least have one, or END */
#define LEAST   4096 /* bytes that are worth tables */
#define ROOM    16   /* bytes that a turn reads or writes, at most */

/*
 * What the next bits stand for, the first of them lowest. A number below 512
 * is a symbol.
 *
 * one   by BITS bits: symbol | length << 9; or number of a table of `rest` |
 *       LONG << 9, for the codes that are longer and for the end
 * rest  by the bits that follow up to LONGEST: symbol | length of all << 9
 * many  by BITS bits: length of all | how many << 6 | bytes << 8; or, where
 *       `one` tells of a table of `rest`, its number << 8
 */
struct codes {
    uint32_t many[1 << BITS];
    uint16_t one[1 << BITS];
    uint16_t rest[RESTS][1 << (LONGEST - BITS)];
};

/* A stream under way. `bits` may hold some above `have`: those of *at. */
struct stream {
    const uint8_t *at, *end; /* up to the sum */
    uint64_t bits;
    unsigned have;
    bool over; /* END was read */
    uint8_t *to, *stop;
    const struct codes *codes;
};

static inline void top_up(struct stream *s)
{
    for (; s->have <= 56 && s->at < s->end; s->have += 8)
        s->bits |= (uint64_t)*s->at++ << s->have;
}

/* The next n <= 16 bits; false: there are none. */
static bool next_bits(struct stream *s, unsigned *x, unsigned n)
{
    top_up(s);
    if (s->have < n)
        return false;
    *x = (unsigned)(s->bits & ((1u << n) - 1));
    s->bits >>= n;
    s->have -= n;
    return true;
}

/* n <= LONGEST bits in the other order. */
static unsigned turned(unsigned x, unsigned n)
{
    x = (x & 0x5555) << 1 | (x >> 1 & 0x5555);
    x = (x & 0x3333) << 2 | (x >> 2 & 0x3333);
    x = (x & 0x0f0f) << 4 | (x >> 4 & 0x0f0f);
    x = (x & 0x00ff) << 8 | (x >> 8 & 0x00ff);
    return x >> (16 - n);
}

/* The codes of lengths up to LONGEST, the first bit lowest. Do they use up
   all bits? */
static bool give_codes(uint16_t *code, const uint8_t *length, size_t n)
{
    unsigned count[LONGEST + 1] = {0}, next[LONGEST + 1], first = 0;

    for (size_t i = 0; i < n; i++)
        count[length[i]]++;
    count[0] = 0;
    for (unsigned k = 1; k <= LONGEST; k++) {
        first = (first + count[k - 1]) << 1;
        next[k] = first;
        if (first + count[k] > 1u << k)
            return false;
    }
    if (first + count[LONGEST] != 1u << LONGEST)
        return false;
    for (size_t i = 0; i < n; i++)
        code[i] =
            length[i] ? (uint16_t)turned(next[length[i]]++, length[i]) : 0;
    return true;
}

/* Lengths of the codes that the lengths are written in, as a table by 7
   bits: symbol | length << 8. */
static bool read_meta(struct stream *s, uint16_t *table)
{
    static const uint8_t order[LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                           11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t length[LENGTHS] = {0};
    uint16_t code[LENGTHS];
    unsigned n, x;

    if (!next_bits(s, &n, 4))
        return false;
    for (unsigned i = 0; i < n + 4; i++) {
        if (!next_bits(s, &x, 3))
            return false;
        length[order[i]] = (uint8_t)x;
    }
    if (!give_codes(code, length, LENGTHS))
        return false;
    for (unsigned i = 0; i < LENGTHS; i++)
        for (x = code[i]; length[i] && x < 128; x += 1u << length[i])
            table[x] = (uint16_t)(i | (unsigned)length[i] << 8);
    return true;
}

/* A symbol of the lengths' code: how often which length comes. */
static bool next_run(struct stream *s, const uint16_t *table, unsigned *length,
                     unsigned *times)
{
    unsigned e, extra = 0;

    top_up(s);
    e = table[s->bits & 127];
    if (!next_bits(s, &extra, e >> 8))
        return false;
    e &= 255;
    *times = 1;
    if (e < 16) {
        *length = e;
        return true;
    }
    if (!next_bits(s, &extra, e == 16 ? 2 : e == 17 ? 3 : 7))
        return false;
    *times = extra + (e == 18 ? 11 : 3);
    if (e > 16)
        *length = 0;
    return *length != SYMBOLS; /* none to repeat */
}

/*
 * The head of the stream and of its only block, of codes for bytes alone:
 * length [SYMBOLS + 1] out, the last that of the only distance, 0.
 */
static bool read_head(struct stream *s, uint8_t *length)
{
    uint16_t table[128];
    unsigned x, last = SYMBOLS, times;

    /* A window of 32 KiB, no dictionary. */
    if (!next_bits(s, &x, 16) || x != 0x0178)
        return false;
    /* The last block, of codes of its own; 257 of bytes, 1 of distances. */
    if (!next_bits(s, &x, 13) || x != (1 | 2 << 1) || !read_meta(s, table))
        return false;
    for (unsigned i = 0; i < SYMBOLS + 1; i += times) {
        if (!next_run(s, table, &last, &times) || times > SYMBOLS + 1 - i)
            return false;
        memset(length + i, (int)last, times);
    }
    return length[END] && !length[SYMBOLS];
}

/* A code's place in `one`, or in the table of `rest` that its first bits
   have; the end, if short, has one of its own. */
static void place_code(struct codes *c, unsigned *rests, unsigned symbol,
                       unsigned code, unsigned length)
{
    unsigned entry = symbol | length << 9, low = code & MASK;
    unsigned step = length > BITS ? 1u << (length - BITS) : 1;

    if (length <= BITS && symbol != END) {
        for (unsigned x = code; x <= MASK; x += 1u << length)
            c->one[x] = (uint16_t)entry;
        return;
    }
    if (!c->one[low]) {
        for (unsigned x = low; x <= MASK;
             x += 1u << (length < BITS ? length : BITS))
            c->one[x] = (uint16_t)(*rests | LONG << 9);
        ++*rests;
    }
    for (unsigned x = code >> BITS; x < 1u << (LONGEST - BITS); x += step)
        c->rest[c->one[low] & 511][x] = (uint16_t)entry;
}

static bool make_codes(struct codes *c, const uint8_t *length)
{
    uint16_t code[SYMBOLS];
    unsigned rests = 0;

    if (!give_codes(code, length, SYMBOLS))
        return false;
    memset(c->one, 0, sizeof c->one);
    for (unsigned i = 0; i < SYMBOLS; i++)
        if (length[i])
            place_code(c, &rests, i, code[i], length[i]);
    for (unsigned x = 0; x <= MASK; x++) {
        /* Where too few bits are left for a symbol, it does not count. */
        unsigned a = c->one[x], n1 = a >> 9;
        unsigned b = c->one[x >> n1], n2 = n1 + (b >> 9);
        unsigned d = c->one[x >> (n2 & 31)], n3 = n2 + (d >> 9);
        unsigned n = n3 <= BITS ? n3 : n2 <= BITS ? n2 : n1;
        unsigned how = 1 + (n2 <= BITS) + (n3 <= BITS);

        c->many[x] = n1 == LONG ? (a & 511) << 8
                                : (a & 255) << 8 | (b & 255) << 16 |
                                      (d & 255) << 24 | how << 6 | n;
    }
    return true;
}

/* Is there room for a turn without a look at the ends? */
static inline bool roomy(const struct stream *s)
{
    return s->end - s->at >= ROOM && s->stop - s->to >= ROOM;
}

/* At least 56 bits, of 8 bytes at most. */
static inline void refill(struct stream *s)
{
    uint64_t x = 0;

    for (int i = 0; i < 8; i++)
        x |= (uint64_t)s->at[i] << 8 * i;
    s->bits |= x << s->have;
    s->at += (63 - s->have) >> 3;
    s->have |= 56;
}

static inline uint32_t look(const struct stream *s)
{
    return s->codes->many[s->bits & MASK];
}

/* Do what was looked up, and look up what comes next. What is in `rest` does
   nothing, until `beyond` comes. */
static inline uint32_t step(struct stream *s, uint32_t e)
{
    s->bits >>= e & 63;
    s->have -= e & 63;
    for (int i = 0; i < 4; i++)
        s->to[i] = (uint8_t)(e >> 8 >> 8 * i);
    s->to += e >> 6 & 3;
    return look(s);
}

/* A code that `many` does not have; true: it was the end. */
static inline bool beyond(struct stream *s, uint32_t *e)
{
    unsigned x = s->codes->rest[*e >> 8][(s->bits & 0x7fff) >> BITS];

    s->bits >>= x >> 9;
    s->have -= x >> 9;
    if ((x & 511) == END) {
        s->over = true;
        return true;
    }
    *s->to++ = (uint8_t)x;
    refill(s);
    *e = look(s);
    return false;
}

/* Both streams until one is nearly at its end. */
static void run_both(struct stream *one, struct stream *two)
{
    struct stream s = *one, t = *two;
    uint32_t e, f;

    if (roomy(&s) && roomy(&t)) {
        refill(&s);
        refill(&t);
    }
    e = look(&s);
    f = look(&t);
    while (roomy(&s) && roomy(&t)) {
        for (int i = 0; i < 4; i++) {
            e = step(&s, e);
            f = step(&t, f);
        }
        refill(&s);
        refill(&t);
        if ((!(e & 63) && beyond(&s, &e)) || (!(f & 63) && beyond(&t, &f)))
            break;
    }
    *one = s;
    *two = t;
}

/* One stream until it is nearly at its end. */
static void run_one(struct stream *one)
{
    struct stream s = *one;
    uint32_t e;

    if (s.over || !roomy(&s))
        return;
    refill(&s);
    e = look(&s);
    while (roomy(&s)) {
        for (int i = 0; i < 4; i++)
            e = step(&s, e);
        refill(&s);
        if (!(e & 63) && beyond(&s, &e))
            break;
    }
    *one = s;
}

/* The rest, symbol by symbol. Is all as it should be? */
static bool finish(struct stream *s, const struct pare_squeezed *of)
{
    uint32_t sum = 0;

    while (!s->over) {
        unsigned x;

        top_up(s);
        x = s->codes->one[s->bits & MASK];
        if (x >> 9 == LONG)
            x = s->codes->rest[x & 511][(s->bits & 0x7fff) >> BITS];
        if (x >> 9 > s->have)
            return false;
        s->bits >>= x >> 9;
        s->have -= x >> 9;
        s->over = (x & 511) == END;
        if (!s->over && s->to == s->stop)
            return false;
        if (!s->over)
            *s->to++ = (uint8_t)x;
    }
    for (int i = 0; i < 4; i++)
        sum = sum << 8 | s->end[i];
    return s->to == s->stop && s->at - s->have / 8 == s->end &&
           pare_adler32(of->raw, of->n) == sum;
}

static bool begin(struct stream *s, struct codes *c, struct pare_squeezed *of)
{
    uint8_t length[SYMBOLS + 1];

    of->done = false;
    if (of->n < LEAST || of->stored < ROOM)
        return false;
    *s = (struct stream){.at = of->data,
                         .end = of->data + of->stored - 4,
                         .to = of->raw,
                         .stop = of->raw + of->n,
                         .codes = c};
    return read_head(s, length) && make_codes(c, length);
}

void pare_unsqueeze_codes(struct pare_squeezed *s, size_t n)
{
    struct codes codes[2];
    struct stream under_way[2];
    struct pare_squeezed *of[2];
    size_t have = 0;

    for (size_t i = 0; i < n; i++) {
        of[have] = &s[i];
        have += begin(&under_way[have], &codes[have], &s[i]);
        if (have < 2 && i + 1 < n)
            continue;
        if (have == 2)
            run_both(&under_way[0], &under_way[1]);
        for (; have; have--) {
            run_one(&under_way[have - 1]);
            of[have - 1]->done = finish(&under_way[have - 1], of[have - 1]);
        }
    }
}

#ifdef PARE_HAVE_LIBDEFLATE
static int by_library(const struct pare_squeezed *s)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t used = 0, made = 0;
    enum libdeflate_result r;

    if (!d)
        return PARE_ENOMEM;
    r = libdeflate_zlib_decompress_ex(d, s->data, s->stored, s->raw, s->n,
                                      &used, &made);
    libdeflate_free_decompressor(d);
    return r == LIBDEFLATE_SUCCESS && used == s->stored && made == s->n
               ? 0
               : PARE_EFORMAT;
}
#else
static int by_library(const struct pare_squeezed *s)
{
    z_stream z = {0};
    int end;

    if (inflateInit(&z) != Z_OK)
        return PARE_ENOMEM;
    /* zlib's pointer is not const; it does not write through it. */
    z.next_in = (Bytef *)(uintptr_t)s->data;
    z.avail_in = (uInt)s->stored;
    z.next_out = s->raw;
    z.avail_out = (uInt)s->n;
    end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (end == Z_MEM_ERROR)
        return PARE_ENOMEM;
    return end == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0
               ? 0
               : PARE_EFORMAT;
}
#endif

int pare_unsqueeze(struct pare_squeezed *s, size_t n)
{
    int err = 0;

    pare_unsqueeze_codes(s, n);
    for (size_t i = 0; i < n && !err; i++) {
        if (!s[i].done)
            err = by_library(&s[i]);
        s[i].done = !err;
    }
    return err;
}
