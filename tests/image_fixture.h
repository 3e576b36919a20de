#ifndef PARE_TESTS_IMAGE_FIXTURE_H
#define PARE_TESTS_IMAGE_FIXTURE_H

/* Images made for tests, by the libraries that read them. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

/** What a PNG file is made of. */
struct fixture_png {
    unsigned width, height;
    int type, depth; /* PNG_COLOR_TYPE_...; bits of a value */
    bool interlaced;
    const uint8_t *row; /* [height][bytes of a row], as PNG stores them */
    const uint8_t *palette, *alpha; /* 4 colours and their alpha, or NULL */
};

/** Bytes of a row of a type and depth. */
static inline size_t fixture_stride(const struct fixture_png *f)
{
    static const int values[] = {1, 0, 3, 1, 2, 0, 4};

    return (f->width * (size_t)(values[f->type] * f->depth) + 7) / 8;
}

static inline void fixture_png_info(png_structp png, png_infop info,
                                    const struct fixture_png *f)
{
    png_color colour[4];

    png_set_IHDR(png, info, f->width, f->height, f->depth, f->type,
                 f->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (f->palette) {
        memcpy(colour, f->palette, sizeof colour);
        png_set_PLTE(png, info, colour, 4);
    }
    if (f->alpha)
        png_set_tRNS(png, info, f->alpha, 4, NULL);
    png_write_info(png, info);
}

/** Bytes of the file, malloc'd; *n of them. */
static inline uint8_t *fixture_png(size_t *n, const struct fixture_png *f)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, n);
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    int passes;

    png_init_io(png, out);
    fixture_png_info(png, info, f);
    passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (unsigned y = 0; y < f->height; y++)
            png_write_row(png, f->row + y * fixture_stride(f));
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(out);
    return (uint8_t *)bytes;
}

/** What a JPEG file is made of. */
struct fixture_jpeg {
    unsigned width, height;
    J_COLOR_SPACE from, to; /* of the pixels, of the file */
    bool progressive, no_adobe;
    int orientation;            /* in an EXIF marker, 0: none */
    bool little;                /* byte order of that */
    const uint8_t *pixel;       /* [height][width][values of from] */
    const jpeg_scan_info *scan; /* a script of scans, or NULL */
    int n_scans;
};

static inline void fixture_exif(j_compress_ptr info, int orientation,
                                bool little)
{
    uint8_t big[] = "Exif\0\0MM\0\x2A\0\0\0\x08\0\x01"
                    "\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0";
    uint8_t small[] = "Exif\0\0II\x2A\0\x08\0\0\0\x01\0"
                      "\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0";
    uint8_t *exif = little ? small : big;

    exif[little ? 24 : 25] = (uint8_t)orientation;
    jpeg_write_marker(info, JPEG_APP0 + 1, exif, sizeof big - 1);
}

/** Bytes of the file of the best quality, malloc'd; *n of them. */
static inline uint8_t *fixture_jpeg(size_t *n, const struct fixture_jpeg *f)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr error;
    size_t values = f->from == JCS_CMYK ? 4 : f->from == JCS_GRAYSCALE ? 1 : 3;
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    info.err = jpeg_std_error(&error);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = f->width;
    info.image_height = f->height;
    info.input_components = (int)values;
    info.in_color_space = f->from;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, f->to);
    jpeg_set_quality(&info, 100, TRUE);
    if (f->no_adobe)
        info.write_Adobe_marker = FALSE;
    if (f->progressive)
        jpeg_simple_progression(&info);
    if (f->scan) {
        info.scan_info = f->scan;
        info.num_scans = f->n_scans;
    }
    jpeg_start_compress(&info, TRUE);
    if (f->orientation)
        fixture_exif(&info, f->orientation, f->little);
    for (unsigned y = 0; y < f->height; y++) {
        uint8_t *copy = malloc(f->width * values);

        memcpy(copy, f->pixel + y * f->width * values, f->width * values);
        jpeg_write_scanlines(&info, &copy, 1);
        free(copy);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    *n = size;
    return bytes;
}

#endif
