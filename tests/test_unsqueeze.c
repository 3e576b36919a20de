#include "adler.h"
#include "rng.h"
#include "squeeze.h"
#include "status.h"
#include "unit.h"
#include "unsqueeze.h"

#include <zlib.h>

#define MOST  70000
#define GUARD 64
#define DATA  (4 * MOST) /* room for a stream */

static uint32_t draw(uint32_t key, uint64_t i)
{
    uint32_t word[4];

    pare_rng_block(word, 5, PARE_STREAM_MASK, key, i);
    return word[0];
}

/* Bytes of kind k: skewed, rare, three of them, one, with counts of Fibonacci
   that make codes longer than the table. */
static void fill(uint8_t *raw, size_t n, uint32_t k)
{
    size_t run = 0, next = 1, last = 1;
    uint8_t symbol = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t x = draw(k, i);

        if (k == 4 && run-- == 0) {
            size_t sum = next + last;

            run = last;
            last = next;
            next = sum;
            symbol++;
        }
        raw[i] = (uint8_t)(k == 0   ? x & x >> 8 & x >> 16
                           : k == 1 ? (x % 50 ? 7 : x >> 8)
                           : k == 2 ? x % 3
                           : k == 3 ? 9
                                    : symbol);
    }
}

/* Does zlib take all data, and all of it, for n bytes? */
static bool zlib_takes(uint8_t *raw, size_t n, const uint8_t *data,
                       size_t stored)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)stored,
                  .next_out = raw,
                  .avail_out = (uInt)n};
    int end;

    assert_int_equal(inflateInit(&z), Z_OK);
    end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return end == Z_STREAM_END && !z.avail_in && !z.avail_out;
}

static void put_sum(uint8_t *data, size_t stored, uint32_t sum)
{
    for (size_t i = 0; i < 4; i++)
        data[stored - 1 - i] = (uint8_t)(sum >> 8 * i);
}

/* Bytes and their guard. */
struct buffers {
    uint8_t *raw, *mine, *zlib, *data;
};

static struct buffers get(void)
{
    struct buffers b = {malloc(MOST + GUARD), malloc(MOST + GUARD),
                        malloc(MOST + GUARD), malloc(DATA)};

    assert_true(b.raw && b.mine && b.zlib && b.data);
    return b;
}

static void drop(struct buffers *b)
{
    free(b->raw);
    free(b->mine);
    free(b->zlib);
    free(b->data);
}

/*
 * What zlib says of a stream, mine says, too; whether codes alone take it is
 * returned. Nothing is written past the end.
 */
static bool agree(struct buffers *b, size_t n, size_t stored)
{
    struct pare_squeezed s = {b->mine, n, b->data, stored, true};
    bool takes = zlib_takes(b->zlib, n, b->data, stored), done;
    int err;

    memset(b->mine, 0x5a, n + GUARD);
    pare_unsqueeze_codes(&s, 1);
    done = s.done;
    assert_true(takes || !done);
    if (done)
        assert_memory_equal(b->mine, b->zlib, n);
    err = pare_unsqueeze(&s, 1);
    assert_int_equal(err, takes ? 0 : PARE_EFORMAT);
    if (takes)
        assert_memory_equal(b->mine, b->zlib, n);
    for (size_t i = n; i < n + GUARD; i++)
        assert_int_equal(b->mine[i], 0x5a);
    return done;
}

/* Streams of all kinds and many lengths, so many at once. */
static void check_batch(size_t batch)
{
    struct pare_squeezed s[5];
    uint8_t *raw[5], *data[5];

    for (size_t i = 0; i < batch; i++) {
        size_t n = i % 2 ? MOST - 1000 * i : 4096 + 777 * i;
        uint32_t stored;

        raw[i] = malloc(n);
        assert_non_null(raw[i]);
        fill(raw[i], n, (uint32_t)i);
        assert_int_equal(pare_squeeze(&data[i], &stored, raw[i], n, 1), 0);
        assert_true(stored < n);
        s[i] = (struct pare_squeezed){malloc(n), n, data[i], stored, false};
        assert_non_null(s[i].raw);
    }
    pare_unsqueeze_codes(s, batch);
    for (size_t i = 0; i < batch; i++) {
        assert_true(s[i].done);
        assert_memory_equal(s[i].raw, raw[i], s[i].n);
        free(s[i].raw);
        free(raw[i]);
        free(data[i]);
    }
}

static void what_squeeze_makes_needs_no_library(void **state)
{
    (void)state;
    for (size_t batch = 0; batch <= 5; batch++)
        check_batch(batch);
}

static void every_length_comes_back(void **state)
{
    struct buffers b = get();
    uint8_t *data;
    uint32_t stored;

    (void)state;
    fill(b.raw, MOST, 0);
    for (size_t n = 4096; n < 4096 + 100; n++) {
        assert_int_equal(pare_squeeze(&data, &stored, b.raw, n, 1), 0);
        memcpy(b.data, data, stored);
        free(data);
        assert_true(agree(&b, n, stored));
        assert_memory_equal(b.mine, b.raw, n);
    }
    drop(&b);
}

static void other_streams_are_left_to_the_library(void **state)
{
    static const int strategy[] = {Z_DEFAULT_STRATEGY, Z_RLE, Z_HUFFMAN_ONLY,
                                   Z_FIXED};
    struct buffers b = get();

    (void)state;
    for (size_t w = 0; w < 4; w++)
        for (int level = 0; level <= 9; level += 3) {
            z_stream z = {.next_in = b.raw,
                          .avail_in = MOST,
                          .next_out = b.data,
                          .avail_out = DATA};

            fill(b.raw, MOST, (uint32_t)w);
            assert_int_equal(
                deflateInit2(&z, level, Z_DEFLATED, 15, 9, strategy[w]), Z_OK);
            assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
            assert_false(agree(&b, MOST, z.total_out));
            assert_memory_equal(b.mine, b.raw, MOST);
            deflateEnd(&z);
        }
    drop(&b);
}

/* Damage, then make the sum that of what was decoded: only the form of the
   stream can tell it from a good one. */
static void damaged_streams_are_judged_as_by_zlib(void **state)
{
    enum { N = 5000, TIMES = 1500 };
    struct buffers b = get();
    size_t taken = 0;

    (void)state;
    for (uint32_t k = 0; k < 5; k++) {
        uint8_t *good;
        uint32_t stored;

        fill(b.raw, N, k);
        assert_int_equal(pare_squeeze(&good, &stored, b.raw, N, 1), 0);
        for (uint32_t i = 0; i < TIMES; i++) {
            size_t size = stored - (i % 10 ? 0 : draw(21, i) % 40);

            memcpy(b.data, good, stored);
            for (uint32_t j = 0; j < 1 + i % 3; j++) {
                uint32_t at = draw(22 + j, i), how = draw(30 + j, i);

                at %= how % 2 && size > 90 ? 90 : (uint32_t)size;
                b.data[at] ^=
                    (uint8_t)(how % 4 < 3 ? 1u << (how >> 8) % 8 : how >> 8);
            }
            agree(&b, N, size);
            memset(b.mine, 0x5a, N);
            pare_unsqueeze_codes(
                &(struct pare_squeezed){b.mine, N, b.data, size, false}, 1);
            put_sum(b.data, size, pare_adler32(b.mine, N));
            taken += agree(&b, N, size);
        }
        free(good);
    }
    /* The test is worth nothing if none, or all, are taken. */
    assert_true(taken > 100);
    assert_true(taken < 5 * TIMES / 2);
    drop(&b);
}

/* A writer of streams of lengths that are given. */
struct writer {
    uint8_t *to;
    size_t bit;
};

static void put(struct writer *w, unsigned x, unsigned n)
{
    for (unsigned i = 0; i < n; i++, w->bit++) {
        if (w->bit % 8 == 0)
            w->to[w->bit / 8] = 0;
        w->to[w->bit / 8] |= (uint8_t)((x >> i & 1) << w->bit % 8);
    }
}

/* With the first bit of the code first. */
static void put_code(struct writer *w, unsigned code, unsigned n)
{
    while (n--)
        put(w, code >> n & 1, 1);
}

/* A stream of lengths of 257 symbols and a distance: n symbols that are
   drawn, skewed, from those up to `kinds`, and the end. */
static size_t write_stream(struct buffers *b, const uint8_t *length,
                           unsigned kinds, size_t n)
{
    struct writer w = {b->data, 0};
    unsigned code[257], next = 0;

    for (unsigned k = 1; k <= 15; k++, next <<= 1)
        for (unsigned i = 0; i < 257; i++)
            if (length[i] == k)
                code[i] = next++;
    put(&w, 0x0178, 16);
    put(&w, 1 | 2 << 1, 3);
    put(&w, 0, 10);
    put(&w, 15, 4);
    for (unsigned i = 0; i < 19; i++)
        put(&w, i < 3 ? 0 : 4, 3); /* 16 lengths, 4 bits each */
    for (unsigned i = 0; i < 258; i++)
        put_code(&w, length[i], 4);
    for (size_t i = 0; i < n; i++) {
        uint32_t x = draw(40, i);
        unsigned s = 0;

        while (s + 1 < kinds && x & 1)
            x >>= 1, s++;
        if (i % 100 == 0)
            s = (unsigned)(i / 100 % kinds);
        b->raw[i] = (uint8_t)s;
        if (length[s])
            put_code(&w, code[s], length[s]);
    }
    if (length[256])
        put_code(&w, code[256], length[256]);
    put(&w, 0, (unsigned)(8 - w.bit % 8) % 8);
    put(&w, 0, 32);
    put_sum(b->data, w.bit / 8, pare_adler32(b->raw, n));
    return w.bit / 8;
}

static void the_longest_codes_are_read(void **state)
{
    struct buffers b = get();
    uint8_t length[258] = {0};
    size_t stored;

    (void)state;
    for (unsigned i = 0; i < 15; i++)
        length[i] = (uint8_t)(i + 1);
    length[256] = 15;
    stored = write_stream(&b, length, 15, MOST);
    assert_true(agree(&b, MOST, stored));
    assert_memory_equal(b.mine, b.raw, MOST);
    /* The same, the end short and bytes long. */
    length[256] = 1;
    length[0] = 15;
    stored = write_stream(&b, length, 15, MOST);
    assert_true(agree(&b, MOST, stored));
    assert_memory_equal(b.mine, b.raw, MOST);
    drop(&b);
}

static void codes_that_cannot_be_are_refused(void **state)
{
    static const struct {
        unsigned at, length;
    } change[] = {{256, 0}, {14, 0}, {13, 15}, {0, 2}, {200, 15}, {257, 1}};
    struct buffers b = get();
    size_t stored;

    (void)state;
    for (size_t k = 0; k < sizeof change / sizeof change[0]; k++) {
        uint8_t length[258] = {0};

        for (unsigned i = 0; i < 15; i++)
            length[i] = (uint8_t)(i + 1);
        length[256] = 15;
        length[change[k].at] = (uint8_t)change[k].length;
        stored = write_stream(&b, length, 14, 5000);
        assert_false(agree(&b, 5000, stored));
    }
    drop(&b);
}

static void bytes_too_many_or_too_few_before_the_sum_are_refused(void **state)
{
    enum { N = 5000 };
    struct buffers b = get();
    uint8_t *data;
    uint32_t stored;

    (void)state;
    fill(b.raw, N, 0);
    assert_int_equal(pare_squeeze(&data, &stored, b.raw, N, 1), 0);
    for (size_t more = 1; more < 12; more++) {
        memcpy(b.data, data, stored);
        memset(b.data + stored - 4, 0, more);
        put_sum(b.data, stored + more, pare_adler32(b.raw, N));
        assert_false(agree(&b, N, stored + more));
        put_sum(b.data, stored - more, pare_adler32(b.raw, N));
        assert_false(agree(&b, N, stored - more));
    }
    free(data);
    drop(&b);
}

static void short_streams_are_not_worth_a_table(void **state)
{
    struct buffers b = get();
    uint8_t *data;
    uint32_t stored;

    (void)state;
    fill(b.raw, MOST, 0);
    for (size_t n = 100; n < 4096; n += 999) {
        assert_int_equal(pare_squeeze(&data, &stored, b.raw, n, 1), 0);
        memcpy(b.data, data, stored);
        free(data);
        assert_false(agree(&b, n, stored));
        assert_memory_equal(b.mine, b.raw, n);
    }
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_squeeze_makes_needs_no_library),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(other_streams_are_left_to_the_library),
        cmocka_unit_test(damaged_streams_are_judged_as_by_zlib),
        cmocka_unit_test(the_longest_codes_are_read),
        cmocka_unit_test(codes_that_cannot_be_are_refused),
        cmocka_unit_test(bytes_too_many_or_too_few_before_the_sum_are_refused),
        cmocka_unit_test(short_streams_are_not_worth_a_table),
    };

    return run_group(tests);
}
