#include "unit.h"

#include "image.h"
#include "image_fixture.h"
#include "rng.h"
#include "status.h"

/* Decode bytes and free them; 0 or a status. */
static int decode(struct pare_image *im, uint8_t *bytes, size_t n)
{
    struct pare_image_decoder *d = pare_image_decoder_new();
    uint8_t *copy = malloc(n ? n : 1); /* a read past the end is seen */
    int rc;

    assert_non_null(d);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    rc = pare_image_decode(im, d, copy, n);
    free(copy);
    free(bytes);
    pare_image_decoder_free(d);
    return rc;
}

/* A PNG file has these pixels. */
static void png_is(const struct fixture_png *f, int channels,
                   const uint8_t *want)
{
    struct pare_image im = {0};
    size_t n;
    uint8_t *bytes = fixture_png(&n, f);

    if (decode(&im, bytes, n) != 0)
        fail_msg("type %d of %d bits: %s", f->type, f->depth, pare_error());
    assert_int_equal(im.width, f->width);
    assert_int_equal(im.height, f->height);
    assert_int_equal(im.channels, channels);
    assert_memory_equal(im.pixel, want,
                        im.width * im.height * (size_t)channels);
    pare_image_release(&im);
}

static void grey_of_fewer_bits_spans_all_bytes(void **state)
{
    static const uint8_t bits[] = {0x1B}, one[] = {0xA0}, four[] = {0x0F, 0x80};

    (void)state;
    png_is(&(struct fixture_png){.width = 4,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_GRAY,
                                 .depth = 2,
                                 .row = bits},
           1, (const uint8_t[]){0, 85, 170, 255});
    png_is(&(struct fixture_png){.width = 3,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_GRAY,
                                 .depth = 1,
                                 .row = one},
           1, (const uint8_t[]){255, 0, 255});
    png_is(&(struct fixture_png){.width = 3,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_GRAY,
                                 .depth = 4,
                                 .row = four},
           1, (const uint8_t[]){0, 255, 136});
}

static void sixteen_bits_are_rounded_to_eight(void **state)
{
    static const uint8_t grey[] = {0x7F, 0xFF, 0x81, 0x80, 0xFF, 0x00,
                                   0xFF, 0xFF, 0x00, 0x80, 0x00, 0x81};
    static const uint8_t rgb[] = {1, 1, 2, 2, 0xFE, 0xFF};

    (void)state;
    png_is(&(struct fixture_png){.width = 6,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_GRAY,
                                 .depth = 16,
                                 .row = grey},
           1, (const uint8_t[]){127, 129, 254, 255, 0, 1});
    png_is(&(struct fixture_png){.width = 1,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_RGB,
                                 .depth = 16,
                                 .row = rgb},
           3, (const uint8_t[]){1, 2, 254});
}

static void alpha_is_laid_over_white(void **state)
{
    static const uint8_t rgba[] = {10, 20, 30, 255, 10,  20,  30, 0,
                                   0,  0,  0,  128, 255, 100, 0,  51};
    static const uint8_t ga[] = {40, 255, 40, 0, 0, 128};

    (void)state;
    png_is(&(struct fixture_png){.width = 4,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_RGBA,
                                 .depth = 8,
                                 .row = rgba},
           3,
           (const uint8_t[]){10, 20, 30, 255, 255, 255, 127, 127, 127, 255, 224,
                             204});
    png_is(&(struct fixture_png){.width = 3,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_GRAY_ALPHA,
                                 .depth = 8,
                                 .row = ga},
           1, (const uint8_t[]){40, 255, 127});
}

static void a_palette_is_colours_and_their_alpha(void **state)
{
    static const uint8_t index[] = {0x1B};
    static const uint8_t colour[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0};
    static const uint8_t alpha[] = {255, 255, 0, 128};

    (void)state;
    png_is(&(struct fixture_png){.width = 4,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_PALETTE,
                                 .depth = 2,
                                 .row = index,
                                 .palette = colour},
           3, colour);
    png_is(&(struct fixture_png){.width = 4,
                                 .height = 1,
                                 .type = PNG_COLOR_TYPE_PALETTE,
                                 .depth = 2,
                                 .row = index,
                                 .palette = colour,
                                 .alpha = alpha},
           3,
           (const uint8_t[]){1, 2, 3, 4, 5, 6, 255, 255, 255, 127, 127, 127});
}

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t r[4];

        pare_rng_block(r, seed, PARE_STREAM_SPLIT, 0, i);
        for (size_t k = i; k < n && k < i + 4; k++)
            p[k] = (uint8_t)r[k - i];
    }
}

static void interlaced_is_the_same(void **state)
{
    uint8_t pixel[13 * 11 * 3];

    (void)state;
    fill(pixel, sizeof pixel, 1);
    for (int interlaced = 0; interlaced < 2; interlaced++)
        png_is(&(struct fixture_png){.width = 13,
                                     .height = 11,
                                     .type = PNG_COLOR_TYPE_RGB,
                                     .depth = 8,
                                     .interlaced = interlaced,
                                     .row = pixel},
               3, pixel);
}

/* A JPEG file of one colour has it, to the nearest or one off. */
static void jpeg_is(J_COLOR_SPACE from, J_COLOR_SPACE to, bool progressive,
                    bool no_adobe, const uint8_t *pixel, size_t values,
                    const uint8_t *want, int channels)
{
    uint8_t all[9 * 10 * 4];
    struct fixture_jpeg f = {.width = 9,
                             .height = 10,
                             .from = from,
                             .to = to,
                             .progressive = progressive,
                             .no_adobe = no_adobe,
                             .pixel = all};
    struct pare_image im = {0};
    uint8_t *bytes;
    size_t n;

    for (size_t i = 0; i < (size_t)9 * 10 * values; i++)
        all[i] = pixel[i % values];
    bytes = fixture_jpeg(&n, &f);
    assert_int_equal(decode(&im, bytes, n), 0);
    assert_int_equal(im.width, 9);
    assert_int_equal(im.height, 10);
    assert_int_equal(im.channels, channels);
    for (size_t i = 0; i < (size_t)(9 * 10 * channels); i++)
        assert_close(im.pixel[i], want[i % (size_t)channels], 2);
    pare_image_release(&im);
}

static void jpeg_of_every_colour_space_is_decoded(void **state)
{
    static const uint8_t rgb[] = {200, 100, 40}, grey[] = {77};
    /* Ink 50, 150, 205 and black 51: (255 - 50) * (255 - 51) / 255 = 164. */
    static const uint8_t plain[] = {50, 150, 205, 51};
    static const uint8_t inverted[] = {205, 105, 50, 204};
    static const uint8_t paint[] = {164, 84, 40};

    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        jpeg_is(JCS_GRAYSCALE, JCS_GRAYSCALE, progressive, false, grey, 1, grey,
                1);
        jpeg_is(JCS_RGB, JCS_YCbCr, progressive, false, rgb, 3, rgb, 3);
        jpeg_is(JCS_RGB, JCS_RGB, progressive, false, rgb, 3, rgb, 3);
        jpeg_is(JCS_CMYK, JCS_CMYK, progressive, false, inverted, 4, paint, 3);
        jpeg_is(JCS_CMYK, JCS_YCCK, progressive, false, inverted, 4, paint, 3);
        jpeg_is(JCS_CMYK, JCS_CMYK, progressive, true, plain, 4, paint, 3);
    }
}

/* Four squares of 8x8, which a JPEG of best quality keeps. */
static uint8_t *squares(size_t *n, int orientation, bool little)
{
    uint8_t pixel[16 * 16];
    struct fixture_jpeg f = {.width = 16,
                             .height = 16,
                             .from = JCS_GRAYSCALE,
                             .to = JCS_GRAYSCALE,
                             .orientation = orientation,
                             .little = little,
                             .pixel = pixel};

    for (int i = 0; i < 256; i++)
        pixel[i] = (uint8_t)(10 + 70 * (i % 16 / 8) + 140 * (i / 128));
    return fixture_jpeg(n, &f);
}

static void images_are_turned_upright(void **state)
{
    static const uint8_t want[9][4] = {
        {10, 80, 150, 220}, {10, 80, 150, 220}, {80, 10, 220, 150},
        {220, 150, 80, 10}, {150, 220, 10, 80}, {10, 150, 80, 220},
        {150, 10, 220, 80}, {220, 80, 150, 10}, {80, 220, 10, 150}};
    struct pare_image im = {0};
    size_t n;

    (void)state;
    for (int o = 0; o < 18; o++) {
        uint8_t *bytes = squares(&n, o / 2, o % 2);

        assert_int_equal(decode(&im, bytes, n), 0);
        for (int i = 0; i < 4; i++)
            assert_close(im.pixel[(i / 2 * 8 + 4) * 16 + i % 2 * 8 + 4],
                         want[o / 2][i], 2);
    }
    pare_image_release(&im);
}

static void a_quarter_turn_swaps_the_sides(void **state)
{
    uint8_t pixel[8 * 24] = {0};
    struct fixture_jpeg f = {.width = 24,
                             .height = 8,
                             .from = JCS_GRAYSCALE,
                             .to = JCS_GRAYSCALE,
                             .orientation = 6,
                             .pixel = pixel};
    struct pare_image im = {0};
    uint8_t *bytes;
    size_t n;

    (void)state;
    bytes = fixture_jpeg(&n, &f);
    assert_int_equal(decode(&im, bytes, n), 0);
    assert_int_equal(im.width, 8);
    assert_int_equal(im.height, 24);
    pare_image_release(&im);
}

static void refused(const uint8_t *bytes, size_t n, int code, const char *part)
{
    struct pare_image im = {0};
    uint8_t *copy = malloc(n ? n : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    if (decode(&im, copy, n) != code || !strstr(pare_error(), part))
        fail_msg("'%s' is not status %d with '%s'", pare_error(), code, part);
    pare_image_release(&im);
}

static void every_cut_is_refused(void **state)
{
    uint8_t pixel[9 * 7 * 3], *bytes;
    struct fixture_jpeg j = {.width = 9,
                             .height = 7,
                             .from = JCS_RGB,
                             .to = JCS_YCbCr,
                             .pixel = pixel};
    struct fixture_png p = {.width = 9,
                            .height = 7,
                            .type = PNG_COLOR_TYPE_RGB,
                            .depth = 8,
                            .row = pixel};
    size_t n;

    (void)state;
    fill(pixel, sizeof pixel, 2);
    bytes = fixture_png(&n, &p);
    for (size_t cut = 6; cut < n; cut++)
        refused(bytes, cut, PARE_EFORMAT, "damaged PNG");
    free(bytes);
    for (int progressive = 0; progressive < 2; progressive++) {
        j.progressive = progressive;
        bytes = fixture_jpeg(&n, &j);
        for (size_t cut = 3; cut < n; cut++)
            refused(bytes, cut, PARE_EFORMAT, "damaged JPEG");
        free(bytes);
    }
}

static void what_is_no_image_is_refused(void **state)
{
    (void)state;
    refused((const uint8_t *)"", 0, PARE_EINVAL, "an empty file");
    refused((const uint8_t *)"hello", 5, PARE_EINVAL, "not a JPEG or PNG");
    refused((const uint8_t *)"\xFF\xD8", 2, PARE_EINVAL, "not a JPEG or PNG");
    refused((const uint8_t *)"GIF89a", 6, PARE_EINVAL, "not a JPEG or PNG");
}

/* Position of the frame header of a JPEG file. */
static size_t frame(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0)
            return i;
    fail_msg("no frame");
    return 0;
}

static void sizes_are_checked_before_anything_is_allocated(void **state)
{
    static const struct {
        unsigned width, height;
        int code;
        const char *part;
    } png[] = {{30000, 30000, PARE_ELIMIT, "30000 pixels wide and 30000"},
               {65536, 1, PARE_ELIMIT, "65536 pixels wide"},
               {0x7FFFFFFF, 0x7FFFFFFF, PARE_ELIMIT, "2147483647 pixels"},
               {0, 5, PARE_EFORMAT, "0 pixels wide"},
               {5, 0, PARE_EFORMAT, "and 0 high"}};
    uint8_t pixel[64] = {0}, *bytes;
    struct fixture_png p = {.width = 8,
                            .height = 8,
                            .type = PNG_COLOR_TYPE_GRAY,
                            .depth = 8,
                            .row = pixel};
    struct fixture_jpeg j = {.width = 8,
                             .height = 8,
                             .from = JCS_GRAYSCALE,
                             .to = JCS_GRAYSCALE,
                             .pixel = pixel};
    size_t n, at;

    (void)state;
    bytes = fixture_png(&n, &p);
    for (size_t i = 0; i < sizeof png / sizeof *png; i++) {
        for (int k = 0; k < 4; k++) {
            bytes[16 + k] = (uint8_t)(png[i].width >> (24 - 8 * k));
            bytes[20 + k] = (uint8_t)(png[i].height >> (24 - 8 * k));
        }
        refused(bytes, n, png[i].code, png[i].part);
    }
    free(bytes);
    bytes = fixture_jpeg(&n, &j);
    at = frame(bytes, n) + 5;
    memset(bytes + at, 0xFF, 4);
    refused(bytes, n, PARE_ELIMIT, "more than 65500 pixels a side");
    memcpy(bytes + at, (const uint8_t[]){0x75, 0x30, 0x75, 0x30}, 4);
    refused(bytes, n, PARE_ELIMIT, "30000 pixels wide and 30000 high");
    memset(bytes + at, 0, 4);
    refused(bytes, n, PARE_EFORMAT, "damaged JPEG");
    free(bytes);
}

/* One bit of one coefficient at a time. */
static void more_scans_than_any_camera_writes_are_refused(void **state)
{
    jpeg_scan_info scan[1 + 63 * 5] = {{1, {0}, 0, 0, 0, 0}};
    uint8_t pixel[64], *bytes;
    struct fixture_jpeg f = {.width = 8,
                             .height = 8,
                             .from = JCS_GRAYSCALE,
                             .to = JCS_GRAYSCALE,
                             .pixel = pixel,
                             .scan = scan};
    struct pare_image im = {0};
    size_t n;

    (void)state;
    fill(pixel, sizeof pixel, 6);
    for (int i = 0; i < 63 * 5; i++)
        scan[i + 1] = (jpeg_scan_info){
            1,         {0}, i % 63 + 1, i % 63 + 1, i < 63 ? 0 : 5 - i / 63,
            4 - i / 63};
    f.n_scans = 1 + 63 * 5;
    bytes = fixture_jpeg(&n, &f);
    refused(bytes, n, PARE_ELIMIT, "too many scans");
    free(bytes);
    for (int i = 0; i < 63; i++)
        scan[i + 1].Ah = scan[i + 1].Al = 0;
    f.n_scans = 1 + 63;
    bytes = fixture_jpeg(&n, &f);
    assert_int_equal(decode(&im, bytes, n), 0);
    pare_image_release(&im);
}

static void tables_of_the_file_before_are_not_used(void **state)
{
    struct pare_image_decoder *d = pare_image_decoder_new();
    struct pare_image im = {0};
    size_t n, at = 2, size;
    uint8_t *bytes = squares(&n, 0, false);

    (void)state;
    assert_int_equal(pare_image_decode(&im, d, bytes, n), 0);
    while (bytes[at + 1] != 0xDB)
        at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    size = 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    memmove(bytes + at, bytes + at + size, n - at - size);
    assert_int_equal(pare_image_decode(&im, d, bytes, n - size), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "uantization table"));
    free(bytes);
    bytes = squares(&n, 0, false);
    assert_int_equal(pare_image_decode(&im, d, bytes, n), 0);
    free(bytes);
    pare_image_release(&im);
    pare_image_decoder_free(d);
}

/* Flipped bits and cuts; ASan sees what is overrun. */
static void damaged_files_do_no_harm(void **state)
{
    struct pare_image_decoder *d = pare_image_decoder_new();
    uint8_t pixel[16 * 16 * 4], *file[4];
    struct pare_image im = {0};
    size_t size[4];

    (void)state;
    fill(pixel, sizeof pixel, 3);
    file[0] =
        fixture_png(&size[0], &(struct fixture_png){.width = 16,
                                                    .height = 16,
                                                    .type = PNG_COLOR_TYPE_RGBA,
                                                    .depth = 8,
                                                    .interlaced = true,
                                                    .row = pixel});
    file[1] = fixture_jpeg(&size[1], &(struct fixture_jpeg){.width = 16,
                                                            .height = 16,
                                                            .from = JCS_CMYK,
                                                            .to = JCS_YCCK,
                                                            .orientation = 6,
                                                            .little = true,
                                                            .pixel = pixel});
    file[2] = fixture_jpeg(&size[2], &(struct fixture_jpeg){.width = 16,
                                                            .height = 16,
                                                            .from = JCS_RGB,
                                                            .to = JCS_YCbCr,
                                                            .progressive = true,
                                                            .orientation = 3,
                                                            .pixel = pixel});
    file[3] =
        fixture_png(&size[3], &(struct fixture_png){.width = 16,
                                                    .height = 16,
                                                    .type = PNG_COLOR_TYPE_GRAY,
                                                    .depth = 16,
                                                    .row = pixel});
    for (uint64_t i = 0; i < 4000; i++) {
        size_t k = i % 4;
        uint8_t *copy = malloc(size[k]);
        uint32_t r[4];

        assert_non_null(copy);
        memcpy(copy, file[k], size[k]);
        pare_rng_block(r, 4, PARE_STREAM_SPLIT, 0, i);
        copy[r[0] % size[k]] ^= (uint8_t)(1u << (r[1] & 7));
        if (i % 3 == 0)
            copy[r[2] % size[k]] = (uint8_t)r[3];
        if (pare_image_decode(&im, d, copy, size[k]) == 0)
            assert_in_range(im.width * im.height, 1, PARE_IMAGE_PIXELS);
        else
            assert_true(pare_error()[0]);
        free(copy);
    }
    for (int k = 0; k < 4; k++)
        free(file[k]);
    pare_image_release(&im);
    pare_image_decoder_free(d);
}

static void grey_is_luma(void **state)
{
    struct pare_image im = {2, 2, 3, malloc(12), 12};

    (void)state;
    memcpy(im.pixel,
           (const uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9}, 12);
    pare_image_grey(&im);
    assert_int_equal(im.channels, 1);
    assert_memory_equal(im.pixel, ((const uint8_t[]){76, 150, 29, 9}), 4);
    pare_image_release(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_of_fewer_bits_spans_all_bytes),
        cmocka_unit_test(sixteen_bits_are_rounded_to_eight),
        cmocka_unit_test(alpha_is_laid_over_white),
        cmocka_unit_test(a_palette_is_colours_and_their_alpha),
        cmocka_unit_test(interlaced_is_the_same),
        cmocka_unit_test(jpeg_of_every_colour_space_is_decoded),
        cmocka_unit_test(images_are_turned_upright),
        cmocka_unit_test(a_quarter_turn_swaps_the_sides),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(sizes_are_checked_before_anything_is_allocated),
        cmocka_unit_test(more_scans_than_any_camera_writes_are_refused),
        cmocka_unit_test(tables_of_the_file_before_are_not_used),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(grey_is_luma),
    };

    return run_group(tests);
}
