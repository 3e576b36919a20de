#include "unit.h"

#include "image_resize.h"
#include "rng.h"

static void resized_is(size_t width, size_t n, const uint8_t *in, size_t to,
                       const uint8_t *want)
{
    struct pare_image im = {0};
    struct pare_image_part all = {0, 0, width, n / width};
    struct pare_resize s = {0};
    uint8_t out[64];

    im.width = width;
    im.height = n / width;
    im.channels = 1;
    im.pixel = malloc(n);
    memcpy(im.pixel, in, n);
    assert_int_equal(pare_resize(out, 1, to, &im, &all, &s), 0);
    assert_memory_equal(out, want, to);
    pare_resize_release(&s);
    pare_image_release(&im);
}

static void sizes_change_about_the_centres_of_pixels(void **state)
{
    (void)state;
    resized_is(2, 2, (const uint8_t[]){0, 100}, 4,
               (const uint8_t[]){0, 25, 75, 100});
    resized_is(4, 4, (const uint8_t[]){1, 2, 10, 20}, 2,
               (const uint8_t[]){2, 15});
    resized_is(3, 3, (const uint8_t[]){30, 60, 90}, 2,
               (const uint8_t[]){40, 80});
    resized_is(1, 1, (const uint8_t[]){7}, 3, (const uint8_t[]){7, 7, 7});
    resized_is(2, 4, (const uint8_t[]){0, 1, 2, 3}, 2, (const uint8_t[]){1, 2});
    resized_is(3, 3, (const uint8_t[]){5, 6, 7}, 3, (const uint8_t[]){5, 6, 7});
}

/* Weight of input j in output i, by the definition. */
static double weight(size_t n, size_t m, size_t i, size_t j)
{
    double scale = (double)n / (double)m;

    if (m <= n) {
        double lo = fmax((double)i * scale, (double)j);
        double hi = fmin((double)(i + 1) * scale, (double)(j + 1));

        return hi > lo ? (hi - lo) / scale : 0;
    }
    return fmax(0, 1 - fabs(fmin(fmax(((double)i + .5) * scale - .5, 0),
                                 (double)(n - 1)) -
                            (double)j));
}

static double exact(const struct pare_image *im,
                    const struct pare_image_part *w, size_t m[2], size_t y,
                    size_t x, size_t c)
{
    double sum = 0;

    for (size_t i = 0; i < w->height; i++)
        for (size_t j = 0; j < w->width; j++)
            sum += weight(w->height, m[0], y, i) *
                   weight(w->width, m[1], x, j) *
                   im->pixel[((w->y + i) * im->width + w->x + j) * 3 + c];
    return sum;
}

static void sizes_of_parts_are_exact_in_every_direction(void **state)
{
    static const size_t size[][2] = {{1, 1},   {3, 17}, {17, 3}, {9, 11},
                                     {20, 20}, {5, 23}, {7, 5}};
    uint8_t pixel[9 * 11 * 3], out[3 * 20 * 23];
    struct pare_image im = {11, 9, 3, pixel, 0};
    struct pare_image_part part[] = {
        {0, 0, 11, 9}, {2, 1, 7, 5}, {10, 8, 1, 1}};
    struct pare_resize s = {0};

    (void)state;
    for (size_t i = 0; i < sizeof pixel; i++) {
        uint32_t r[4];

        pare_rng_block(r, 5, PARE_STREAM_SPLIT, 0, i);
        pixel[i] = (uint8_t)r[0];
    }
    for (size_t k = 0; k < 3 * sizeof size / sizeof *size; k++) {
        size_t m[2] = {size[k / 3][0], size[k / 3][1]}, at = 0;
        const struct pare_image_part *w = &part[k % 3];

        assert_int_equal(pare_resize(out, m[0], m[1], &im, w, &s), 0);
        for (size_t c = 0; c < 3; c++)
            for (size_t y = 0; y < m[0]; y++)
                for (size_t x = 0; x < m[1]; x++)
                    assert_close(out[at++], exact(&im, w, m, y, x, c),
                                 .5 + 1e-9);
    }
    pare_resize_release(&s);
}

static void the_middle_has_the_shape_asked_for(void **state)
{
    struct pare_image im = {500, 333, 3, NULL, 0};
    struct pare_image_part w = pare_resize_middle(&im, 180, 180);

    (void)state;
    assert_int_equal(w.width, 333);
    assert_int_equal(w.height, 333);
    assert_int_equal(w.x, 83);
    assert_int_equal(w.y, 0);
    w = pare_resize_middle(&im, 10, 40);
    assert_int_equal(w.width, 500);
    assert_int_equal(w.height, 125);
    assert_int_equal(w.y, 104);
    w = pare_resize_middle(&im, 1, 16384);
    assert_int_equal(w.height, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_change_about_the_centres_of_pixels),
        cmocka_unit_test(sizes_of_parts_are_exact_in_every_direction),
        cmocka_unit_test(the_middle_has_the_shape_asked_for),
    };

    return run_group(tests);
}
