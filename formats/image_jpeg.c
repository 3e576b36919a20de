#include "image_codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "status.h"

#define SCANS_MAX  200                         /* of a progressive file */
#define WORK_MAX   (16ull * PARE_IMAGE_PIXELS) /* pixels of all scans */
#define MEMORY_MAX (256L * 1048576)            /* of coefficients */
#define EXIF       (JPEG_APP0 + 1)             /* the marker that holds it */
#define ROWS       16                          /* asked for at a time */

struct pare_jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr error;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    int code;
    void *(*alloc_small)(j_common_ptr info, int pool, size_t n);
    int n_quant, n_huff; /* tables that the file at hand has */
    JQUANT_TBL quant[NUM_QUANT_TBLS];
    JHUFF_TBL huff[2 * NUM_HUFF_TBLS];
};

/* Errors leave libjpeg through here. */
static void on_error(j_common_ptr info)
{
    struct pare_jpeg *j = info->client_data;
    char text[JMSG_LENGTH_MAX];

    info->err->format_message(info, text);
    switch (info->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        j->code = pare_fail(PARE_ENOMEM, "out of memory");
        break;
    case JERR_NO_BACKING_STORE:
        j->code = pare_fail(PARE_ELIMIT,
                            "a progressive JPEG that takes more than %ld MiB",
                            MEMORY_MAX / 1048576);
        break;
    case JERR_IMAGE_TOO_BIG:
        j->code = pare_fail(PARE_ELIMIT, "a JPEG of more than %u pixels a side",
                            (unsigned)JPEG_MAX_DIMENSION);
        break;
    default:
        j->code = pare_fail(PARE_EFORMAT, "damaged JPEG: %s", text);
    }
    longjmp(j->jump, 1);
}

/* Warnings are errors, but for those that say nothing of the pixels. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        on_error(info);
    }
}

/* A file can ask for a pass over the whole image with every few bytes. */
static void on_progress(j_common_ptr info)
{
    struct pare_jpeg *j = info->client_data;
    uint64_t scans = (uint64_t)j->info.input_scan_number;
    uint64_t pixels = (uint64_t)j->info.image_width * j->info.image_height;

    if (scans <= SCANS_MAX && scans * pixels <= WORK_MAX)
        return;
    j->code = pare_fail(PARE_ELIMIT, "a progressive JPEG of too many scans");
    longjmp(j->jump, 1);
}

/* Tables last as long as the object: those of the next file take the place
 * of the last one's, as libjpeg would keep them all. */
static void *alloc_small(j_common_ptr info, int pool, size_t n)
{
    struct pare_jpeg *j = info->client_data;

    if (pool == JPOOL_PERMANENT && n == sizeof *j->quant &&
        j->n_quant < NUM_QUANT_TBLS)
        return &j->quant[j->n_quant++];
    if (pool == JPOOL_PERMANENT && n == sizeof *j->huff &&
        j->n_huff < 2 * NUM_HUFF_TBLS)
        return &j->huff[j->n_huff++];
    return j->alloc_small(info, pool, n);
}

/* The object of libjpeg; false without memory. */
static bool create(struct pare_jpeg *j)
{
    j->info.err = jpeg_std_error(&j->error);
    j->error.error_exit = on_error;
    j->error.emit_message = on_message;
    j->info.client_data = j;
    if (setjmp(j->jump))
        return false;
    jpeg_create_decompress(&j->info);
    j->progress.progress_monitor = on_progress;
    j->info.progress = &j->progress;
    j->info.mem->max_memory_to_use = MEMORY_MAX;
    jpeg_save_markers(&j->info, EXIF, 0xFFFF);
    j->alloc_small = j->info.mem->alloc_small;
    j->info.mem->alloc_small = alloc_small;
    return true;
}

struct pare_jpeg *pare_jpeg_new(void)
{
    struct pare_jpeg *j = calloc(1, sizeof *j);

    if (j && !create(j)) {
        pare_jpeg_free(j);
        j = NULL;
    }
    return j;
}

void pare_jpeg_free(struct pare_jpeg *j)
{
    if (!j)
        return;
    jpeg_destroy_decompress(&j->info);
    free(j);
}

static unsigned get(const uint8_t *p, int n, bool little)
{
    unsigned v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[little ? n - 1 - i : i];
    return v;
}

/* The orientation in the first directory of a TIFF structure, or 1. */
static int tiff_orientation(const uint8_t *p, size_t n)
{
    bool little = n > 1 && p[0] == 'I';
    size_t at, entries;

    if (n < 8 || p[0] != p[1] || (p[0] != 'I' && p[0] != 'M'))
        return 1;
    at = get(p + 4, 4, little);
    if (at > n - 2)
        return 1;
    entries = get(p + at, 2, little);
    at += 2;
    for (size_t i = 0; i < entries && n - at >= 12; i++, at += 12) {
        unsigned value = get(p + at + 8, 2, little);

        if (get(p + at, 2, little) == 0x0112)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static int find_orientation(const struct jpeg_decompress_struct *info)
{
    const jpeg_saved_marker_ptr first = info->marker_list;

    for (jpeg_saved_marker_ptr m = first; m; m = m->next)
        if (m->marker == EXIF && m->data_length > 6 &&
            memcmp(m->data, "Exif\0", 6) == 0)
            return tiff_orientation(m->data + 6, m->data_length - 6);
    return 1;
}

/* Cyan, magenta, yellow and black to red, green and blue. */
static void paint(uint8_t *rgb, const uint8_t *cmyk, size_t n, bool inverted)
{
    unsigned flip = inverted ? 0 : 255;

    for (size_t i = 0; i < n; i++, rgb += 3, cmyk += 4)
        for (int c = 0; c < 3; c++)
            rgb[c] =
                (uint8_t)(((cmyk[c] ^ flip) * (cmyk[3] ^ flip) + 127) / 255);
}

static int choose_colours(struct jpeg_decompress_struct *info)
{
    switch (info->jpeg_color_space) {
    case JCS_GRAYSCALE:
        info->out_color_space = JCS_GRAYSCALE;
        return 1;
    case JCS_RGB:
    case JCS_YCbCr:
        info->out_color_space = JCS_RGB;
        return 3;
    case JCS_CMYK:
    case JCS_YCCK:
        info->out_color_space = JCS_CMYK;
        return 3;
    default:
        return pare_fail(PARE_EFORMAT, "a JPEG of %d components",
                         info->num_components);
    }
}

/*
 * Rows go by way of a few of our own. libjpeg-turbo stores to rows at
 * multiples of 16 bytes past the caches, and small images then wait for
 * memory at every row: these lie beside such an address.
 */
static void read_rows(struct jpeg_decompress_struct *info,
                      struct pare_image *im)
{
    size_t stride = im->width * (size_t)im->channels;
    bool ink = info->out_color_space == JCS_CMYK;
    JSAMPARRAY row = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE,
                                             info->output_width * 4 + 1, ROWS);

    for (int i = 0; i < ROWS; i++)
        row[i]++;
    while (info->output_scanline < info->output_height) {
        uint8_t *to = im->pixel + info->output_scanline * stride;
        size_t n = jpeg_read_scanlines(info, row, ROWS);

        for (size_t i = 0; i < n; i++, to += stride)
            if (ink)
                paint(to, row[i], im->width, info->saw_Adobe_marker);
            else
                memcpy(to, row[i], stride);
    }
}

static int decode(struct pare_image *im, int *orientation, struct pare_jpeg *j,
                  const void *bytes, size_t n)
{
    struct jpeg_decompress_struct *info = &j->info;
    int channels, rc;

    /* Tables are the file's own, not those of the file before. */
    for (int i = 0; i < NUM_QUANT_TBLS; i++)
        info->quant_tbl_ptrs[i] = NULL;
    for (int i = 0; i < NUM_HUFF_TBLS; i++)
        info->dc_huff_tbl_ptrs[i] = info->ac_huff_tbl_ptrs[i] = NULL;
    j->n_quant = j->n_huff = 0;
    jpeg_mem_src(info, bytes, (unsigned long)n);
    jpeg_read_header(info, TRUE);
    rc = pare_image_check_size(info->image_width, info->image_height);
    if (rc)
        return rc;
    if ((channels = choose_colours(info)) < 0)
        return channels;
    rc = pare_image_set(im, info->image_width, info->image_height, channels,
                        channels);
    if (rc)
        return rc;
    *orientation = find_orientation(info);
    info->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(info);
    read_rows(info, im);
    jpeg_finish_decompress(info);
    return 0;
}

int pare_jpeg_decode(struct pare_image *im, int *orientation,
                     struct pare_jpeg *j, const void *bytes, size_t n)
{
    int rc;

    if (setjmp(j->jump)) {
        jpeg_abort_decompress(&j->info);
        return j->code;
    }
    rc = decode(im, orientation, j, bytes, n);
    if (rc)
        jpeg_abort_decompress(&j->info);
    return rc;
}
