/*
 * Write an image for a test to standard output.
 *
 * usage: image_probe grey|rgb|rgba|palette|jpeg|jpeg-grey|jpeg-cmyk
 *                    WIDTH HEIGHT VALUE
 *
 * Its values are VALUE, of colour c VALUE + 10 c; alpha is 0 in the upper
 * half, 255 below.
 */
#include "image_fixture.h"

static uint8_t *make_png(size_t *n, const char *kind, unsigned width,
                         unsigned height, const uint8_t *pixel)
{
    static const uint8_t colour[] = {0, 0, 0, 255, 0, 0, 0, 9, 0, 7, 7, 7};
    struct fixture_png f = {.width = width,
                            .height = height,
                            .type = PNG_COLOR_TYPE_GRAY,
                            .depth = 8,
                            .row = pixel};

    if (strcmp(kind, "rgb") == 0)
        f.type = PNG_COLOR_TYPE_RGB;
    if (strcmp(kind, "rgba") == 0)
        f.type = PNG_COLOR_TYPE_RGBA;
    if (strcmp(kind, "palette") == 0) {
        f.type = PNG_COLOR_TYPE_PALETTE;
        f.depth = 2;
        f.palette = colour;
    }
    return fixture_png(n, &f);
}

static uint8_t *make_jpeg(size_t *n, const char *kind, unsigned width,
                          unsigned height, const uint8_t *pixel)
{
    struct fixture_jpeg f = {.width = width,
                             .height = height,
                             .from = JCS_RGB,
                             .to = JCS_YCbCr,
                             .pixel = pixel};

    if (strcmp(kind, "jpeg-grey") == 0)
        f.from = f.to = JCS_GRAYSCALE;
    if (strcmp(kind, "jpeg-cmyk") == 0)
        f.from = f.to = JCS_CMYK;
    return fixture_jpeg(n, &f);
}

static size_t values_of(const char *kind)
{
    if (strstr(kind, "grey") || strcmp(kind, "palette") == 0)
        return 1;
    return strcmp(kind, "rgba") == 0 || strstr(kind, "cmyk") ? 4 : 3;
}

int main(int argc, char **argv)
{
    unsigned width, height;
    size_t values, n, pixels;
    uint8_t *pixel, *bytes;
    long value;

    if (argc != 5)
        return 2;
    width = (unsigned)strtoul(argv[2], NULL, 10);
    height = (unsigned)strtoul(argv[3], NULL, 10);
    value = strtol(argv[4], NULL, 10);
    values = values_of(argv[1]);
    pixels = (size_t)width * height;
    pixel = malloc(pixels * values);
    if (!pixel || pixels == 0)
        return 2;
    for (size_t i = 0; i < pixels * values; i++)
        pixel[i] = values == 4 && i % 4 == 3
                       ? (i / 4 < pixels / 2 ? 0 : 255)
                       : (uint8_t)(value + 10 * (long)(i % values));
    bytes = strncmp(argv[1], "jpeg", 4) == 0
                ? make_jpeg(&n, argv[1], width, height, pixel)
                : make_png(&n, argv[1], width, height, pixel);
    n = fwrite(bytes, 1, n, stdout) != n;
    free(bytes);
    free(pixel);
    return fclose(stdout) != 0 || n;
}
