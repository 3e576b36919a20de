#include "image_codec.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "status.h"

#define CHUNK_MAX 8000000 /* bytes of a chunk that is no pixels */

/* A file in memory on its way through libpng. */
struct source {
    const uint8_t *at;
    size_t left;
    png_structp png;
    png_infop info;
    bool no_memory;
    int code;
};

static void on_read(png_structp png, png_bytep out, png_size_t n)
{
    struct source *s = png_get_io_ptr(png);

    if (n > s->left)
        png_error(png, "the file is cut off");
    memcpy(out, s->at, n);
    s->at += n;
    s->left -= n;
}

static void on_error(png_structp png, png_const_charp text)
{
    struct source *s = png_get_error_ptr(png);

    s->code = s->no_memory ? pare_fail(PARE_ENOMEM, "out of memory")
                           : pare_fail(PARE_EFORMAT, "damaged PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp take_memory(png_structp png, png_alloc_size_t n)
{
    struct source *s = png_get_mem_ptr(png);
    void *p = malloc(n);

    s->no_memory = s->no_memory || !p;
    return p;
}

static void give_memory(png_structp png, png_voidp p)
{
    (void)png;
    free(p);
}

/* Chunks that do not matter to the pixels are not even unpacked. */
static void skip_chunks(png_structp png)
{
    static const png_byte names[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0"
                                    "iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0"
                                    "sPLT\0sRGB\0tEXt\0tIME\0zTXt";

    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names,
                                sizeof names / 5);
    png_set_chunk_malloc_max(png, CHUNK_MAX);
    png_set_user_limits(png, PARE_IMAGE_SIDE, PARE_IMAGE_SIDE);
}

/* Eight bits of grey or colour, with or without alpha. */
static void expand(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* Lay pixels of n values and alpha over white, in place. */
static void lay_over_white(uint8_t *pixel, size_t n, int channels)
{
    const uint8_t *from = pixel;

    for (size_t i = 0; i < n; i++, from += channels + 1) {
        unsigned a = from[channels];

        for (int c = 0; c < channels; c++)
            *pixel++ = (uint8_t)((a * from[c] + (255 - a) * 255 + 127) / 255);
    }
}

static int decode(struct pare_image *im, struct source *s)
{
    size_t stride, width, height;
    int values, channels, passes, rc;

    skip_chunks(s->png);
    png_set_read_fn(s->png, s, on_read);
    png_read_info(s->png, s->info);
    expand(s->png, s->info);
    passes = png_get_interlace_type(s->png, s->info) ? 7 : 1;
    width = png_get_image_width(s->png, s->info);
    height = png_get_image_height(s->png, s->info);
    values = png_get_channels(s->png, s->info);
    stride = png_get_rowbytes(s->png, s->info);
    if (stride != width * (size_t)values)
        return pare_fail(PARE_EFORMAT, "damaged PNG: rows of %zu bytes",
                         stride);
    channels = values > 2 ? 3 : 1;
    rc = pare_image_set(im, width, height, channels, values);
    if (rc)
        return rc;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < height; y++)
            png_read_row(s->png, im->pixel + y * stride, NULL);
    png_read_end(s->png, NULL);
    if (values > channels)
        lay_over_white(im->pixel, width * height, channels);
    return 0;
}

/* The size that the header claims, before libpng sees it. */
static int check_header(const uint8_t *p, size_t n)
{
    uint64_t side[2] = {0, 0};

    if (n < 33 || memcmp(p + 12, "IHDR", 4) != 0)
        return pare_fail(PARE_EFORMAT, "damaged PNG: it has no header");
    for (int i = 0; i < 8; i++)
        side[i / 4] = side[i / 4] << 8 | p[16 + i];
    return pare_image_check_size(side[0], side[1]);
}

static int run(struct pare_image *im, struct source *s)
{
    if (setjmp(png_jmpbuf(s->png)))
        return s->code;
    s->info = png_create_info_struct(s->png);
    if (!s->info)
        return pare_fail(PARE_ENOMEM, "out of memory");
    return decode(im, s);
}

int pare_png_decode(struct pare_image *im, const void *bytes, size_t n)
{
    struct source s = {bytes, n, NULL, NULL, false, 0};
    int rc = check_header(bytes, n);

    if (rc)
        return rc;
    s.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &s, on_error,
                                     on_warning, &s, take_memory, give_memory);
    if (!s.png)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = run(im, &s);
    png_destroy_read_struct(&s.png, &s.info, NULL);
    return rc;
}
