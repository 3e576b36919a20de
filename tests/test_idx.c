#include "unit.h"

#include <zlib.h>

#include "idx.h"
#include "rng.h"
#include "status.h"

/* Three images of 2x2 bytes, and their labels. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0,  0,  3,  0, 0,
                                       0, 2, 0, 0, 0, 2,  1,  2,  3, 4,
                                       5, 6, 7, 8, 9, 10, 11, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};

/* bytes as a gzip member at out [1024]; returns its size. */
static size_t gzip(unsigned char *out, const void *bytes, size_t n)
{
    z_stream z = {0};
    unsigned char copy[512];

    assert_true(n <= sizeof copy);
    memcpy(copy, bytes, n);
    assert_int_equal(
        deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = copy;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = 1024;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void refused(const void *bytes, size_t n, const char *part)
{
    struct pare_idx a = {0};
    void *copy = malloc(n ? n : 1); /* a read past the end is seen */

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    if (pare_idx_parse(&a, copy, n, "f") == 0)
        fail_msg("accepted, though it should say '%s'", part);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
    assert_null(a.value);
    free(copy);
}

static void plain_and_gzip_files_are_the_same(void **state)
{
    unsigned char packed[1024];
    struct pare_idx a = {0}, b = {0};
    size_t n = gzip(packed, images, sizeof images);

    (void)state;
    assert_int_equal(pare_idx_parse(&a, images, sizeof images, "f"), 0);
    assert_int_equal(pare_idx_parse(&b, packed, n, "f"), 0);
    assert_int_equal(a.type, PARE_IDX_U8);
    assert_int_equal(a.rank, 3);
    assert_int_equal(a.dim[0], 3);
    assert_int_equal(a.count, 12);
    assert_memory_equal(a.value, images + 16, 12);
    assert_memory_equal(b.value, images + 16, 12);
    pare_idx_release(&a);
    pare_idx_release(&b);
}

static void gzip_members_in_a_row_are_one_file(void **state)
{
    unsigned char packed[2048];
    struct pare_idx a = {0};
    size_t n = gzip(packed, images, 20);

    (void)state;
    n += gzip(packed + n, images + 20, sizeof images - 20);
    assert_int_equal(pare_idx_parse(&a, packed, n, "f"), 0);
    assert_memory_equal(a.value, images + 16, 12);
    pare_idx_release(&a);
}

static void lengths_that_do_not_fit_give_both_numbers(void **state)
{
    unsigned char longer[sizeof images + 5] = {0}, packed[1024];
    size_t n;

    (void)state;
    memcpy(longer, images, sizeof images);
    refused(images, sizeof images - 1,
            "11 bytes of values, its header "
            "declares 12");
    refused(longer, sizeof longer,
            "17 bytes of values, its header declares "
            "12");
    n = gzip(packed, images, sizeof images - 1);
    refused(packed, n, "11 bytes of values, its header declares 12");
    n = gzip(packed, longer, sizeof longer);
    refused(packed, n, "17 bytes of values, its header declares 12");
    n = gzip(packed, images, sizeof images);
    for (size_t cut = 2; cut < n; cut++)
        refused(packed, cut, "'f'");
    packed[n - 5] ^= 1; /* the checksum */
    refused(packed, n, "damaged gzip data");
}

static void what_is_not_idx_is_refused(void **state)
{
    unsigned char bad[sizeof images];

    (void)state;
    refused("", 0, "not an IDX file");
    refused("\x1f\x8b", 2, "not an IDX file");
    refused("%PDF-1.4", 8, "not an IDX file");
    memcpy(bad, images, sizeof bad);
    bad[2] = 0x0A;
    refused(bad, sizeof bad, "unknown IDX type 0x0a");
    bad[2] = 8;
    bad[3] = 0;
    refused(bad, sizeof bad, "rank 0");
    bad[3] = 200;
    refused(bad, sizeof bad, "rank 200");
    bad[3] = 3;
    refused(bad, 9, "ends in its header");
    bad[7] = 0;
    refused(bad, sizeof bad, "dimension 1 is 0");
    memset(bad + 4, 0xFF, 12);
    refused(bad, sizeof bad, "more than 4294967296 bytes");
}

static void a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    unsigned char head[16] = {0,    0, 8, 3, 0, 0, 0, 1,
                              0x7F, 0, 0, 0, 0, 0, 0, 1};
    unsigned char packed[1024];
    size_t n = gzip(packed, head, sizeof head);

    (void)state;
    refused(packed, n, "2130706432");
}

static void every_integer_type_gives_its_labels(void **state)
{
    static const unsigned char i8[] = {0, 0, 9, 1, 0, 0, 0, 2, 1, 127};
    static const unsigned char i16[] = {0, 0, 0x0B, 1, 0, 0, 0, 2, 1, 2, 0, 0};
    static const unsigned char i32[] = {0, 0, 0x0C, 1, 0, 0, 0, 2,
                                        0, 1, 2,    3, 0, 0, 0, 1};
    const struct {
        const unsigned char *bytes;
        size_t n;
        int32_t first;
    } file[] = {
        {i8, sizeof i8, 1}, {i16, sizeof i16, 258}, {i32, sizeof i32, 66051}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static const unsigned char two[] = {0, 0, 8, 2, 0, 0, 0,
                                            2, 0, 0, 0, 1, 7, 8};
        struct pare_idx x = {0}, y = {0};
        struct pare_dataset d = {0};

        assert_int_equal(pare_idx_parse(&x, two, sizeof two, "x"), 0);
        assert_int_equal(pare_idx_parse(&y, file[i].bytes, file[i].n, "y"), 0);
        assert_int_equal(pare_idx_split(&d, PARE_TRAIN, &x, &y, "x", "y"), 0);
        assert_int_equal(d.split[PARE_TRAIN].y[0], file[i].first);
        assert_int_equal(d.shape.rank, 1);
        pare_idx_release(&x);
        pare_idx_release(&y);
        pare_dataset_release(&d);
    }
}

/* Try x and y as one split; 0 or the status. */
static int split(struct pare_dataset *d, const void *xb, size_t xn,
                 const void *yb, size_t yn)
{
    struct pare_idx x = {0}, y = {0};
    int rc;

    assert_int_equal(pare_idx_parse(&x, xb, xn, "x"), 0);
    assert_int_equal(pare_idx_parse(&y, yb, yn, "y"), 0);
    rc = pare_idx_split(d, d->shape.rank ? PARE_TEST : PARE_TRAIN, &x, &y, "x",
                        "y");
    pare_idx_release(&x);
    pare_idx_release(&y);
    return rc;
}

static void images_become_one_channel_of_bytes(void **state)
{
    struct pare_dataset d = {0};

    (void)state;
    assert_int_equal(split(&d, images, sizeof images, labels, sizeof labels),
                     0);
    assert_int_equal(d.shape.rank, 3);
    assert_int_equal(d.shape.dim[0], 1);
    assert_int_equal(d.shape.dim[2], 2);
    assert_int_equal(d.features, 4);
    assert_int_equal(d.type, PARE_X_U8);
    assert_int_equal(d.n_classes, 3);
    assert_int_equal(((uint8_t *)d.split[PARE_TRAIN].x)[11], 255);
    assert_int_equal(d.split[PARE_TRAIN].y[0], 2);
    pare_dataset_release(&d);
}

static void wider_types_become_float32(void **state)
{
    /* Two samples of two float64: 1.5, -2, 0, 1e-3. */
    static const unsigned char f64[] = {
        0, 0,    0x0E, 2,    0,    0,    0,    2,    0,    0,    0,
        2, 0x3F, 0xF8, 0,    0,    0,    0,    0,    0,    0xC0, 0,
        0, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
        0, 0,    0,    0x3F, 0x50, 0x62, 0x4D, 0xD2, 0xF1, 0xA9, 0xFC};
    static const unsigned char y[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    struct pare_dataset d = {0};
    const float *x;

    (void)state;
    assert_int_equal(split(&d, f64, sizeof f64, y, sizeof y), 0);
    assert_int_equal(d.type, PARE_X_F32);
    x = d.split[PARE_TRAIN].x;
    assert_close(x[0], 1.5, 0);
    assert_close(x[1], -2, 0);
    assert_close(x[2], 0, 0);
    assert_close(x[3], 1e-3f, 0);
    pare_dataset_release(&d);
}

static void pairs_that_do_not_fit_are_refused(void **state)
{
    static const unsigned char negative[] = {0, 0, 9, 1,    0, 0,
                                             0, 3, 1, 0xFF, 0};
    static const unsigned char two[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    static const unsigned char real[] = {0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    static const unsigned char nan[] = {0, 0, 0x0D, 2, 0,    0,    0, 1,
                                        0, 0, 0,    1, 0x7F, 0xC0, 0, 0};
    static const unsigned char one[] = {0, 0, 8, 1, 0, 0, 0, 1, 0};
    static const unsigned char big[] = {0, 0, 0x0C, 1, 0, 0,
                                        0, 1, 0x7F, 0, 0, 0};
    static const unsigned char tall[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0,
                                         0, 4, 0, 0, 0, 1, 1, 2, 3, 4};
    struct pare_dataset d = {0};

    (void)state;
    assert_int_equal(split(&d, images, sizeof images, two, sizeof two),
                     PARE_EMISMATCH);
    assert_non_null(strstr(pare_error(), "3 samples"));
    assert_int_equal(
        split(&d, images, sizeof images, negative, sizeof negative),
        PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "label -1 of sample 1"));
    assert_int_equal(split(&d, nan, sizeof nan, real, sizeof real),
                     PARE_EFORMAT);
    assert_int_equal(split(&d, nan, sizeof nan, one, sizeof one), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "not a finite"));
    assert_int_equal(split(&d, nan, sizeof nan, big, sizeof big), PARE_ELIMIT);
    assert_int_equal(split(&d, one, sizeof one, one, sizeof one), PARE_EFORMAT);
    assert_int_equal(d.shape.rank, 0);
    assert_int_equal(split(&d, images, sizeof images, labels, sizeof labels),
                     0);
    assert_int_equal(split(&d, tall, sizeof tall, one, sizeof one),
                     PARE_EMISMATCH);
    assert_non_null(strstr(pare_error(), "1x4x1"));
    pare_dataset_release(&d);
}

/* Flipped bits and cuts, plain and packed; ASan sees what is overrun. */
static void damaged_files_do_no_harm(void **state)
{
    unsigned char packed[1024];
    size_t n = gzip(packed, images, sizeof images);

    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        const unsigned char *from = i % 2 ? packed : images;
        size_t size = i % 2 ? n : sizeof images;
        struct pare_idx a = {0};
        unsigned char *copy;
        uint32_t r[4];

        pare_rng_block(r, 3, PARE_STREAM_SPLIT, 0, i);
        copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, from, size);
        copy[r[0] % size] ^= (unsigned char)(1u << (r[1] & 7));
        if (i % 3 == 0)
            copy[r[2] % size] = (unsigned char)r[3];
        if (pare_idx_parse(&a, copy, size, "f") == 0) {
            assert_non_null(a.value);
            assert_true(a.count <= 64);
        } else {
            assert_null(a.value);
        }
        pare_idx_release(&a);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_files_are_the_same),
        cmocka_unit_test(gzip_members_in_a_row_are_one_file),
        cmocka_unit_test(lengths_that_do_not_fit_give_both_numbers),
        cmocka_unit_test(what_is_not_idx_is_refused),
        cmocka_unit_test(a_bomb_is_refused_before_it_is_unpacked),
        cmocka_unit_test(every_integer_type_gives_its_labels),
        cmocka_unit_test(images_become_one_channel_of_bytes),
        cmocka_unit_test(wider_types_become_float32),
        cmocka_unit_test(pairs_that_do_not_fit_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };

    return run_group(tests);
}
