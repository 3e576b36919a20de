#include "adler.h"
#include "rng.h"
#include "squeeze.h"
#include "status.h"
#include "unit.h"
#include "unsqueeze.h"

#include <zlib.h>

#define MOST 70000

/* Bytes of kind k: noise, skewed, one value, few, runs, counts of Fibonacci
   that make long codes, text that repeats. */
static void draw(uint8_t *raw, size_t n, int k)
{
    size_t run = 0, next = 1, last = 1;
    uint8_t symbol = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t word[4];

        pare_rng_block(word, 5, PARE_STREAM_MASK, (uint32_t)k, i);
        if (k == 5 && run-- == 0) {
            size_t sum = next + last;

            run = last;
            last = next;
            next = sum;
            symbol++;
        }
        raw[i] =
            (uint8_t)(k == 0   ? word[0]
                      : k == 1 ? word[0] & word[1] & word[2]
                      : k == 2 ? 9
                      : k == 3 ? word[0] % 3
                      : k == 4 ? (uint32_t)(i / 1000) ^ (word[0] % 5000 == 0)
                      : k == 5 ? symbol
                               : (unsigned char)"pruned, "[i % 8]);
    }
}

static int undo(uint8_t *raw, size_t n, const uint8_t *data, size_t stored)
{
    struct pare_squeezed s = {raw, n, data, stored, false};

    return pare_unsqueeze(&s, 1);
}

static void zlib_reads_what_is_written(void **state)
{
    static const size_t size[] = {0, 1, 2, 3, 4, 5, 100, 1000, MOST};
    uint8_t *raw = malloc(MOST), *back = malloc(MOST);

    (void)state;
    assert_true(raw && back);
    for (int k = 0; k < 7; k++)
        for (size_t s = 0; s < sizeof size / sizeof size[0]; s++)
            for (int level = 1; level <= 9; level++) {
                uint8_t *data = NULL;
                uint32_t stored;
                uLongf made = MOST;
                size_t n = size[s];

                draw(raw, n, k);
                assert_int_equal(pare_squeeze(&data, &stored, raw, n, level),
                                 0);
                assert_true(stored <= n);
                if (stored == n) {
                    assert_memory_equal(data, raw, n);
                } else {
                    assert_int_equal(uncompress(back, &made, data, stored),
                                     Z_OK);
                    assert_int_equal(made, n);
                    assert_memory_equal(back, raw, n);
                    memset(back, 0, n);
                    assert_int_equal(undo(back, n, data, stored), 0);
                    assert_memory_equal(back, raw, n);
                }
                free(data);
            }
    free(raw);
    free(back);
}

static void the_sum_is_that_of_zlib(void **state)
{
    uint8_t *raw = malloc(MOST);

    (void)state;
    assert_non_null(raw);
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < MOST; i++)
            raw[i] = (uint8_t)(k == 0 ? 0 : k == 1 ? 255 : i * i >> 3);
        for (size_t n = 0; n <= MOST; n += n < 300 ? 1 : n % 7 + 997)
            assert_int_equal(pare_adler32(raw, n),
                             adler32(adler32(0, NULL, 0), raw, (uInt)n));
        assert_int_equal(pare_adler32(raw + 1, MOST - 1),
                         adler32(1, raw + 1, MOST - 1));
    }
    free(raw);
}

static void the_size_is_known_beforehand(void **state)
{
    uint8_t *raw = malloc(MOST), *data;
    uint32_t stored;

    (void)state;
    assert_non_null(raw);
    for (int k = 1; k < 6; k++) {
        uint64_t hist[256] = {0};

        draw(raw, MOST, k);
        pare_byte_counts(hist, raw, MOST);
        assert_int_equal(pare_squeeze(&data, &stored, raw, MOST, 1), 0);
        assert_int_equal(stored, pare_squeezed_size(hist));
        free(data);
    }
    free(raw);
}

static void high_levels_find_what_repeats(void **state)
{
    uint8_t *raw = malloc(MOST), *data;
    uint32_t low, high;

    (void)state;
    assert_non_null(raw);
    for (int k = 4; k < 7; k += 2) {
        draw(raw, MOST, k);
        assert_int_equal(pare_squeeze(&data, &low, raw, MOST, 1), 0);
        free(data);
        assert_int_equal(pare_squeeze(&data, &high, raw, MOST, 9), 0);
        free(data);
        assert_true(high * 4 < low);
    }
    free(raw);
}

/* Mostly 0, and again after 20 bytes but for a fifth: zlib's longer searches
   find a little less in some of these than its shorter ones. */
static void draw_again(uint8_t *raw, size_t n, uint32_t key)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4], other[4];

        pare_rng_block(word, 5, PARE_STREAM_MASK, key, i % 20);
        pare_rng_block(other, 6, PARE_STREAM_MASK, key, i);
        if (other[1] % 5 == 0)
            memcpy(word, other, sizeof word);
        raw[i] = (uint8_t)(word[2] % 10 < 6 ? 0 : word[0]);
    }
}

static void a_high_level_is_never_larger_than_the_default(void **state)
{
    enum { N = 4374 };
    uint8_t *raw = malloc(N), *data;
    uint32_t usual, high;

    (void)state;
    assert_non_null(raw);
    for (uint32_t key = 0; key < 200; key++) {
        draw_again(raw, N, key);
        assert_int_equal(pare_squeeze(&data, &usual, raw, N, 6), 0);
        free(data);
        for (int level = 7; level <= 9; level++) {
            assert_int_equal(pare_squeeze(&data, &high, raw, N, level), 0);
            free(data);
            assert_true(high <= usual);
        }
    }
    free(raw);
}

static void noise_is_left_as_it_is(void **state)
{
    uint8_t *raw = malloc(MOST), *data;
    uint32_t stored;

    (void)state;
    assert_non_null(raw);
    draw(raw, MOST, 0);
    assert_int_equal(pare_squeeze(&data, &stored, raw, MOST, 6), 0);
    assert_int_equal(stored, MOST);
    free(data);
    free(raw);
}

static void another_length_or_a_damaged_sum_is_refused(void **state)
{
    uint8_t *raw = malloc(MOST), *back = malloc(MOST + 1), *data;
    uint32_t stored;

    (void)state;
    assert_true(raw && back);
    draw(raw, MOST, 1);
    assert_int_equal(pare_squeeze(&data, &stored, raw, MOST, 6), 0);
    assert_int_equal(undo(back, MOST - 1, data, stored), PARE_EFORMAT);
    assert_int_equal(undo(back, MOST + 1, data, stored), PARE_EFORMAT);
    assert_int_equal(undo(back, MOST, data, stored - 1), PARE_EFORMAT);
    data[stored - 1] ^= 1;
    assert_int_equal(undo(back, MOST, data, stored), PARE_EFORMAT);
    free(data);
    free(raw);
    free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zlib_reads_what_is_written),
        cmocka_unit_test(the_sum_is_that_of_zlib),
        cmocka_unit_test(the_size_is_known_beforehand),
        cmocka_unit_test(high_levels_find_what_repeats),
        cmocka_unit_test(a_high_level_is_never_larger_than_the_default),
        cmocka_unit_test(noise_is_left_as_it_is),
        cmocka_unit_test(another_length_or_a_damaged_sum_is_refused),
    };

    return run_group(tests);
}
