#include "rans.h"
#include "rng.h"
#include "unit.h"

#include <hdf5.h>

enum { ROWS = 256, COLS = 400, MOST = ROWS * COLS };

/* Normal values, pruned at random; levels > 0: multiples of .01. */
static void draw(float *v, size_t n, double sparsity, int levels)
{
    pare_rng_normal(v, n, 0.02, 1, PARE_STREAM_INIT, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4];

        pare_rng_block(word, 2, PARE_STREAM_MASK, 0, i);
        if ((double)word[0] < sparsity * 4294967296.0)
            v[i] = 0;
        else if (levels)
            v[i] = (float)(0.01 * (floor((double)v[i] / 0.01) + 0.5));
    }
}

/* Codes and decodes; returns the bytes. */
static size_t round_trip(const void *raw, size_t bytes, unsigned width,
                         uint32_t cols)
{
    uint8_t *block = NULL, *back = malloc(bytes + 1);
    size_t n = 0, said = 1;

    assert_non_null(back);
    assert_int_equal(pare_rans_encode(&block, &n, raw, bytes, width, cols), 0);
    assert_int_equal(pare_rans_bytes(&said, block, n), 0);
    assert_int_equal(said, bytes);
    assert_int_equal(pare_rans_decode(back, bytes, block, n), 0);
    assert_memory_equal(back, raw, bytes);
    free(block);
    free(back);
    return n;
}

static void every_length_and_density_comes_back(void **state)
{
    static const size_t size[] = {0, 1, 7, 8, 9, 63, 64, 65, 1000, 4097};
    static const double sparsity[] = {0, .1, .5, .9, .99, 1.1};
    static const uint32_t cols[] = {0, 1, 13, 64, 100000};
    float v[4097];

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
        for (size_t k = 0; k < sizeof sparsity / sizeof sparsity[0]; k++)
            for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++)
                for (int levels = 0; levels < 2; levels++) {
                    draw(v, size[i], sparsity[k], levels);
                    round_trip(v, size[i] * 4, 4, cols[c]);
                    round_trip(v, size[i] * 4, 2, cols[c]);
                }
}

static void odd_values_keep_their_bits(void **state)
{
    static const uint32_t odd[] = {0x80000000, 0x7fc00001, 0xffffffff, 1, 0};
    uint32_t v[3000];

    (void)state;
    for (size_t i = 0; i < 3000; i++)
        v[i] = odd[i * i % 5] + (i % 7 == 0 ? (uint32_t)i << 3 : 0);
    round_trip(v, sizeof v, 4, 100);
}

static void sizes_reach_their_targets(void **state)
{
    static const struct {
        double sparsity, bits;
        int levels;
    } row[] = {{0, 26.6, 0},   {.5, 14.31, 0}, {.9, 3.14, 0},
               {.95, 1.63, 0}, {.99, .351, 0}, {.9, .785, 1}};
    size_t n = (size_t)1 << 20;
    float *v = malloc(n * sizeof *v);

    (void)state;
    assert_non_null(v);
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        draw(v, n, row[k].sparsity, row[k].levels);
        assert_true(8.0 * (double)round_trip(v, n * 4, 4, 1024) <=
                    row[k].bits * (double)n);
    }
    free(v);
}

/* A third of the columns and half of the rows hold almost all. */
static void classes_of_rows_and_columns_tell_something(void **state)
{
    static float v[MOST];
    size_t with, without;

    (void)state;
    draw(v, MOST, .6, 1);
    for (size_t i = 0; i < MOST; i++) {
        uint32_t word[4];

        pare_rng_block(word, 3, PARE_STREAM_MASK, 0, i);
        if ((i % COLS / 130 != 1 || i / COLS % 2) && word[0] % 8)
            v[i] = 0;
    }
    with = round_trip(v, sizeof v, 4, COLS);
    without = round_trip(v, sizeof v, 4, 0);
    assert_true(with + with / 12 < without);
}

/* ---- blocks of version 2 ----------------------------------------------- */

/* Codes of 8 bits by the scale of their row, of which some rows have 0. */
static void draw_scaled(float *v, float *scale, double sparsity)
{
    draw(v, MOST, sparsity, 0);
    for (size_t i = 0; i < MOST; i++) {
        size_t r = i / COLS;

        scale[r] = r % 50 == 49 ? 0 : (float)(r + 1) * 1.7e-5f;
        v[i] =
            scale[r] == 0
                ? 0
                : (float)(int)fmaxf(-127, fminf(127, v[i] * 2000)) * scale[r];
    }
}

static void codes_of_rows_take_their_entropy(void **state)
{
    static float v[MOST], back[MOST], scale[ROWS];
    uint8_t *block = NULL;
    size_t n = 0, plain;

    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        draw_scaled(v, scale, sparse ? .9 : 0);
        plain = round_trip(v, sizeof v, 4, COLS);
        assert_int_equal(pare_rans_encode_scaled(&block, &n, (void *)v,
                                                 sizeof v, 4, COLS, scale),
                         0);
        assert_int_equal(block[4], 2);
        assert_true(8.0 * (double)n / MOST < (sparse ? 1.32 : 7.5));
        assert_true(n < plain);
        assert_int_equal(pare_rans_decode((void *)back, sizeof back, block, n),
                         0);
        assert_memory_equal(v, back, sizeof v);
        free(block);
        v[70] = sparse ? 1e30f : NAN; /* then it is none of them */
        assert_int_equal(pare_rans_encode_scaled(&block, &n, (void *)v,
                                                 sizeof v, 4, COLS, scale),
                         0);
        assert_int_equal(pare_rans_decode((void *)back, sizeof back, block, n),
                         0);
        assert_memory_equal(v, back, sizeof v);
        free(block);
    }
}

/* 0 times them is not 0. */
static void zeros_under_odd_scales_come_back(void **state)
{
    static const float odd[] = {-1e-5f, INFINITY, NAN};
    static float v[MOST], back[MOST], scale[ROWS];

    (void)state;
    for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++) {
        uint8_t *block = NULL;
        size_t n = 0;

        draw_scaled(v, scale, 0);
        for (size_t i = 0; i < COLS; i++)
            v[7 * COLS + i] = 0;
        scale[7] = odd[k];
        assert_int_equal(pare_rans_encode_scaled(&block, &n, (void *)v,
                                                 sizeof v, 4, COLS, scale),
                         0);
        assert_int_equal(pare_rans_decode((void *)back, sizeof back, block, n),
                         0);
        assert_memory_equal(v, back, sizeof v);
        free(block);
    }
}

/* 300 and 3,000 values that all occur as often take log2 of that. */
static void a_wide_book_takes_the_entropy_of_its_codes(void **state)
{
    static uint32_t v[MOST];

    (void)state;
    for (uint32_t k = 300; k <= 3000; k *= 10) {
        for (size_t i = 0; i < MOST; i++)
            v[i] = (uint32_t)(i * 2654435761u >> 9) % k * 2654435761u | 1;
        assert_true((double)round_trip(v, sizeof v, 4, COLS) <
                    MOST * log2(k) / 8 * 1.01 + 4 * k + 1000);
    }
}

/* Two of four weights: log2(6) / 4 bits of mask, where chances take 1. */
static void bytes_of_a_mask_tell_patterns(void **state)
{
    static const char *const kept[] = {"1100", "1010", "1001",
                                       "0110", "0101", "0011"};
    static float v[MOST];

    (void)state;
    for (size_t i = 0; i < MOST; i++) {
        uint32_t word[4];

        pare_rng_block(word, 4, PARE_STREAM_MASK, 0, i / 4);
        v[i] = kept[word[0] % 6][i % 4] == '1' ? 1 : 0;
    }
    assert_true((double)round_trip(v, sizeof v, 4, COLS) <
                MOST * log2(6) / 4 / 8 * 1.01 + 300);
}

static void damage_to_blocks_of_version_2_is_refused(void **state)
{
    static float v[MOST], back[MOST], scale[ROWS];

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        uint8_t *block = NULL;
        size_t n = 0;

        draw_scaled(v, scale, .9);
        for (size_t i = 0; kind && i < MOST; i++)
            v[i] = kind == 1 ? 1 + (float)(i * 7919 % 300) : i % 4 < 2;
        assert_int_equal(pare_rans_encode_scaled(&block, &n, (void *)v,
                                                 sizeof v, 4, COLS,
                                                 kind ? NULL : scale),
                         0);
        assert_int_equal(block[4], 2);
        assert_int_equal(block[6], kind == 0   ? 1 | 8 | 64
                                   : kind == 1 ? 32
                                               : 1 | 2 | 16);
        for (size_t i = 0; i < n; i += i < 60 ? 1 : n / 60 + 1)
            for (int bit = 0; bit < 8; bit += 3) {
                block[i] ^= (uint8_t)(1 << bit);
                if (pare_rans_decode((void *)back, sizeof back, block, n) == 0)
                    assert_true(kind && i >= 24 && i < 28);
                block[i] ^= (uint8_t)(1 << bit);
            }
        for (unsigned flags = 0; flags < 256; flags++) {
            uint8_t old = block[6];

            block[6] = (uint8_t)flags;
            assert_int_equal(
                pare_rans_decode((void *)back, sizeof back, block, n) == 0,
                flags == old);
            block[6] = old;
        }
        free(block);
    }
}

static void damage_is_refused(void **state)
{
    static float v[3000], back[3000];

    (void)state;
    for (int k = 0; k < 6; k++) {
        uint8_t *block = NULL;
        size_t n = 0, step;

        draw(v, 3000, k / 2 * .45, k % 2);
        assert_int_equal(
            pare_rans_encode(&block, &n, (void *)v, sizeof v, 4, 48), 0);
        step = n / 1500 + 1;
        for (size_t i = 0; i < n; i += step)
            for (int bit = 0; bit < 8; bit++) {
                block[i] ^= (uint8_t)(1 << bit);
                /* The number of columns does not matter without classes, and
                   a chance may round to the same table. */
                if (pare_rans_decode((void *)back, sizeof back, block, n) == 0)
                    assert_true(i >= 24 && i < 30);
                block[i] ^= (uint8_t)(1 << bit);
            }
        for (size_t i = 0; i < n; i += step)
            assert_int_equal(
                pare_rans_decode((void *)back, sizeof back, block, i),
                PARE_RANS_BAD);
        assert_int_equal(
            pare_rans_decode((void *)back, sizeof back - 4, block, n),
            PARE_RANS_BAD);
        free(block);
    }
}

static void a_head_that_promises_too_much_is_refused(void **state)
{
    uint8_t block[64] = "PRNS\1\4\1";
    size_t bytes;

    (void)state;
    block[13] = 1; /* 2^40 values */
    assert_int_equal(pare_rans_bytes(&bytes, block, 64), PARE_RANS_BAD);
    block[13] = 0;
    block[11] = 2; /* 2^25 */
    assert_int_equal(pare_rans_bytes(&bytes, block, 64), PARE_RANS_BAD);
}

/* A file in memory with one dataset of that filter. */
static hid_t make_dataset(hid_t *file)
{
    const unsigned value[] = {1, 4, COLS};
    hsize_t dim[2] = {ROWS, COLS}, chunk[2] = {ROWS / 2, COLS};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), list, space, d;

    H5Pset_fapl_core(access, 65536, 0);
    *file = H5Fcreate("rans", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    list = H5Pcreate(H5P_DATASET_CREATE);
    space = H5Screate_simple(2, dim, NULL);
    H5Pset_chunk(list, 2, chunk);
    assert_true(H5Pset_filter(list, PARE_RANS_FILTER, 0, 3, value) >= 0);
    d = H5Dcreate2(*file, "w", H5T_IEEE_F32LE, space, H5P_DEFAULT, list,
                   H5P_DEFAULT);
    assert_true(d >= 0);
    H5Pclose(access);
    H5Pclose(list);
    H5Sclose(space);
    return d;
}

static void with_the_plug_in_it_is_a_dense_dataset(void **state)
{
    static float v[MOST], back[MOST];
    hid_t file, d = make_dataset(&file);

    (void)state;
    draw(v, MOST, .9, 0);
    for (int half = 0; half < 2; half++) {
        hsize_t at[2] = {half ? ROWS / 2 : 0, 0};
        uint8_t *block;
        size_t n;

        assert_int_equal(pare_rans_encode(&block, &n,
                                          (void *)(v + half * MOST / 2),
                                          sizeof v / 2, 4, COLS),
                         0);
        assert_true(H5Dwrite_chunk(d, H5P_DEFAULT, 0, at, n, block) >= 0);
        free(block);
    }
    assert_true(
        H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >= 0);
    assert_memory_equal(v, back, sizeof v);
    H5Dclose(d);
    H5Fclose(file);
}

static void what_the_plug_in_writes_is_read(void **state)
{
    static float v[MOST], back[MOST / 2];
    hid_t file, d = make_dataset(&file);
    hsize_t at[2] = {ROWS / 2, 0}, n = 0;
    uint32_t filters;
    uint8_t *block;

    (void)state;
    draw(v, MOST, .5, 0);
    assert_true(
        H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    assert_true(H5Dflush(d) >= 0);
    assert_true(H5Dget_chunk_storage_size(d, at, &n) >= 0);
    block = malloc(n);
    assert_non_null(block);
    assert_true(H5Dread_chunk(d, H5P_DEFAULT, at, &filters, block) >= 0);
    assert_int_equal(
        pare_rans_decode((void *)back, sizeof back, block, (size_t)n), 0);
    assert_memory_equal(back, v + MOST / 2, sizeof back);
    free(block);
    H5Dclose(d);
    H5Fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_and_density_comes_back),
        cmocka_unit_test(odd_values_keep_their_bits),
        cmocka_unit_test(sizes_reach_their_targets),
        cmocka_unit_test(classes_of_rows_and_columns_tell_something),
        cmocka_unit_test(codes_of_rows_take_their_entropy),
        cmocka_unit_test(zeros_under_odd_scales_come_back),
        cmocka_unit_test(a_wide_book_takes_the_entropy_of_its_codes),
        cmocka_unit_test(bytes_of_a_mask_tell_patterns),
        cmocka_unit_test(damage_to_blocks_of_version_2_is_refused),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_head_that_promises_too_much_is_refused),
        cmocka_unit_test(with_the_plug_in_it_is_a_dense_dataset),
        cmocka_unit_test(what_the_plug_in_writes_is_read),
    };

    setenv("HDF5_PLUGIN_PATH", PARE_PLUGIN_DIR, 1);
    return run_group(tests);
}
