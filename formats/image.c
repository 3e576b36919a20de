#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "image_codec.h"
#include "status.h"

struct pare_image_decoder {
    struct pare_jpeg *jpeg;
    struct pare_image turned;
};

void pare_image_release(struct pare_image *im)
{
    free(im->pixel);
    memset(im, 0, sizeof *im);
}

struct pare_image_decoder *pare_image_decoder_new(void)
{
    return calloc(1, sizeof(struct pare_image_decoder));
}

void pare_image_decoder_free(struct pare_image_decoder *d)
{
    if (!d)
        return;
    pare_jpeg_free(d->jpeg);
    pare_image_release(&d->turned);
    free(d);
}

int pare_image_check_size(uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0)
        return pare_fail(PARE_EFORMAT, "%llu pixels wide and %llu high",
                         (unsigned long long)width, (unsigned long long)height);
    if (width > PARE_IMAGE_SIDE || height > PARE_IMAGE_SIDE ||
        width * height > PARE_IMAGE_PIXELS)
        return pare_fail(PARE_ELIMIT,
                         "%llu pixels wide and %llu high, more than %d pixels "
                         "in all or %d a side",
                         (unsigned long long)width, (unsigned long long)height,
                         PARE_IMAGE_PIXELS, PARE_IMAGE_SIDE);
    return 0;
}

int pare_image_set(struct pare_image *im, size_t width, size_t height,
                   int channels, int bytes)
{
    int rc = pare_image_check_size(width, height);
    size_t want;

    if (rc)
        return rc;
    want = width * height * (size_t)bytes;
    if (want > im->room) {
        free(im->pixel);
        im->room = 0;
        im->pixel = malloc(want);
        if (!im->pixel)
            return pare_fail(PARE_ENOMEM, "out of memory");
        im->room = want;
    }
    im->width = width;
    im->height = height;
    im->channels = channels;
    return 0;
}

/*
 * Where the pixel (x, y) of an upright image lies in one of an orientation:
 * those from 5 on are turned by a quarter, and each is mirrored or not.
 */
static size_t turned_from(const struct pare_image *im, int orientation,
                          size_t x, size_t y)
{
    size_t w = im->width, h = im->height;

    switch (orientation) {
    case 2:
        return y * w + (w - 1 - x);
    case 3:
        return (h - 1 - y) * w + (w - 1 - x);
    case 4:
        return (h - 1 - y) * w + x;
    case 5:
        return x * w + y;
    case 6:
        return (h - 1 - x) * w + y;
    case 7:
        return (h - 1 - x) * w + (w - 1 - y);
    case 8:
        return x * w + (w - 1 - y);
    default:
        return y * w + x;
    }
}

/* Bring an image upright, by way of the other. */
static int turn(struct pare_image *im, struct pare_image *other,
                int orientation)
{
    size_t c = (size_t)im->channels;
    size_t w = orientation < 5 ? im->width : im->height;
    size_t h = orientation < 5 ? im->height : im->width;
    struct pare_image swap;
    int rc = pare_image_set(other, w, h, im->channels, im->channels);

    if (rc)
        return rc;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            memcpy(other->pixel + (y * w + x) * c,
                   im->pixel + turned_from(im, orientation, x, y) * c, c);
    swap = *im;
    *im = *other;
    *other = swap;
    return 0;
}

static int decode_jpeg(struct pare_image *im, struct pare_image_decoder *d,
                       const void *bytes, size_t n)
{
    int orientation = 1, rc;

    if (!d->jpeg && !(d->jpeg = pare_jpeg_new()))
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = pare_jpeg_decode(im, &orientation, d->jpeg, bytes, n);
    if (rc == 0 && orientation > 1)
        rc = turn(im, &d->turned, orientation);
    return rc;
}

int pare_image_decode(struct pare_image *im, struct pare_image_decoder *d,
                      const void *bytes, size_t n)
{
    static const unsigned char jpeg[] = {0xFF, 0xD8, 0xFF};
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n'};

    if (n >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return decode_jpeg(im, d, bytes, n);
    if (n >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return pare_png_decode(im, bytes, n);
    return pare_fail(PARE_EINVAL,
                     n ? "not a JPEG or PNG image" : "an empty file");
}

void pare_image_grey(struct pare_image *im)
{
    size_t n = im->width * im->height;
    uint8_t *p = im->pixel;

    if (im->channels == 1)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t luma = 19595u * p[3 * i] + 38470u * p[3 * i + 1] +
                        7471u * p[3 * i + 2] + 32768u;

        p[i] = (uint8_t)(luma >> 16);
    }
    im->channels = 1;
}
