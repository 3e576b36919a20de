#ifndef PARE_IMAGE_CODEC_H
#define PARE_IMAGE_CODEC_H

/* Between image.c and the two decoders. */

#include <stdbool.h>

#include "image.h"

/**
 * Set the size of an image and see that it has room.
 *
 * @param bytes  of a pixel while it is decoded, >= channels
 * @return 0; PARE_EFORMAT (a side of 0); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_image_set(struct pare_image *im, size_t width, size_t height,
                   int channels, int bytes);

/** Check a size that a header claims. 0; PARE_EFORMAT; PARE_ELIMIT. */
int pare_image_check_size(uint64_t width, uint64_t height);

/** A libjpeg object, used for one file after the other. */
struct pare_jpeg;

struct pare_jpeg *pare_jpeg_new(void);
void pare_jpeg_free(struct pare_jpeg *j);

/**
 * Decode a JPEG file as pare_image_decode says, but for the orientation.
 *
 * @param orientation  1..8 as EXIF counts, out
 */
int pare_jpeg_decode(struct pare_image *im, int *orientation,
                     struct pare_jpeg *j, const void *bytes, size_t n);

/** Decode a PNG file as pare_image_decode says. */
int pare_png_decode(struct pare_image *im, const void *bytes, size_t n);

#endif
