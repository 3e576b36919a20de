#include "lanes.h"
#include "rng.h"
#include "unit.h"

#define MOST 1200

static void draw(float *value, uint8_t *mask, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4];

        pare_rng_block(word, seed, PARE_STREAM_MASK, 0, i);
        mask[i] = word[0] % 3 == 0;
        word[1] |= 1;
        if (!mask[i])
            word[1] = 0;
        memcpy(&value[i], &word[1], sizeof value[i]);
    }
}

static void every_row_does_the_same(void **state)
{
    static const size_t size[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 1000, MOST};
    float value[MOST], back[MOST];
    uint8_t mask[MOST], bytes[MOST];
    uint64_t bits[MOST / 64 + 1], other[MOST / 64 + 1];
    uint32_t packed[MOST + 16];

    (void)state;
    for (size_t r = 0; pare_lanes_row(r); r++) {
        const struct pare_lanes *l = pare_lanes_row(r);

        for (size_t k = 0; k < sizeof size / sizeof size[0]; k++) {
            size_t n = size[k], words = (n + 63) / 64, count = 0;
            uint32_t lost = 0;

            if (!l->available())
                continue;
            draw(value, mask, n, k);
            l->of_mask(bits, mask, n);
            l->of_values(other, value, n);
            assert_memory_equal(bits, other, words * sizeof *bits);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(bits[i / 64] >> i % 64 & 1, mask[i]);
                count += mask[i];
            }
            assert_int_equal(pare_bits_total(bits, words), count);
            assert_int_equal(l->gather(packed, value, bits, n, &lost), count);
            assert_int_equal(lost, 0);
            for (size_t i = 0, j = 0; i < n; i++)
                if (mask[i])
                    assert_memory_equal(&packed[j++], &value[i], 4);
            memset(back, 255, sizeof back);
            assert_int_equal(l->expand(back, packed, bits, n, n % 2 == 0),
                             count);
            assert_memory_equal(back, value, n * sizeof *value);
            memset(bytes, 255, sizeof bytes);
            l->to_mask(bytes, bits, n, n % 2 == 0);
            assert_memory_equal(bytes, mask, n);
        }
    }
}

static void what_is_left_out_is_told(void **state)
{
    float value[200];
    uint64_t bits[4] = {0};
    uint32_t packed[216];

    (void)state;
    for (size_t r = 0; pare_lanes_row(r); r++)
        for (size_t i = 0; i < 200; i += 33) {
            const struct pare_lanes *l = pare_lanes_row(r);
            uint32_t lost = 0;

            if (!l->available())
                continue;
            memset(value, 0, sizeof value);
            value[i] = -0.0f;
            l->gather(packed, value, bits, 200, &lost);
            assert_int_equal(lost, 0x80000000u);
        }
}

static void a_matrix_of_bits_is_transposed(void **state)
{
    static const size_t size[][2] = {{1, 1},   {1, 130}, {130, 1}, {64, 64},
                                     {65, 63}, {7, 150}, {200, 3}};
    uint64_t bits[100] = {0}, turned[100];

    (void)state;
    for (size_t k = 0; k < sizeof size / sizeof size[0]; k++) {
        size_t rows = size[k][0], cols = size[k][1], n = rows * cols;

        memset(bits, 0, sizeof bits);
        memset(turned, 255, sizeof turned);
        for (size_t i = 0; i < n; i++)
            bits[i / 64] |= (uint64_t)(i * i % 7 < 3) << i % 64;
        pare_bits_transpose(turned, bits, rows, cols);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(
                pare_bits_at(turned, i % cols * rows + i / cols, 1),
                pare_bits_at(bits, i, 1));
        if (n % 64)
            assert_int_equal(turned[n / 64] >> n % 64, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_does_the_same),
        cmocka_unit_test(what_is_left_out_is_told),
        cmocka_unit_test(a_matrix_of_bits_is_transposed),
    };

    return run_group(tests);
}
