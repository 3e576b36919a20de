#ifndef PARE_IMAGE_H
#define PARE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define PARE_IMAGE_SIDE   65535     /* most pixels of a side */
#define PARE_IMAGE_PIXELS 67108864  /* most pixels */
#define PARE_IMAGE_FILE   268435456 /* most bytes of a file */

/** Decoded pixels. Zeroed is an empty image; its memory is used again. */
struct pare_image {
    size_t width, height;
    int channels;   /* 1 grey, 3 red, green, blue */
    uint8_t *pixel; /* [height][width][channels] */
    size_t room;    /* bytes at pixel */
};

/** Free what the image owns and zero it. */
void pare_image_release(struct pare_image *im);

/** What decoding needs and keeps from one file to the next. */
struct pare_image_decoder;

/** A decoder, or NULL without memory; pare_image_decoder_free frees it. */
struct pare_image_decoder *pare_image_decoder_new(void);

/** Free a decoder; NULL is fine. */
void pare_image_decoder_free(struct pare_image_decoder *d);

/**
 * Decode the bytes of a JPEG or PNG file, told by its first bytes.
 *
 * The result is grey when the file is (a PNG of type grey with or without
 * alpha, a JPEG of one component), else red, green and blue. Palettes and
 * grey of fewer bits are expanded, 16 bits are scaled to 8 (nearest), and
 * alpha and transparent colours are laid over white:
 * round((a * v + (255 - a) * 255) / 255). JPEG is decoded with the accurate
 * integer transform and smooth upsampling; the EXIF orientation is applied.
 * CMYK becomes (255 - C)(255 - K) / 255 and so on, with inverted values
 * taken as such when the file has an Adobe marker. Colour profiles and gamma
 * are ignored. Bytes after the image are ignored.
 *
 * A file that ends early or whose data are damaged is refused as a whole:
 * no image is ever half grey. Nothing of more than PARE_IMAGE_PIXELS is
 * allocated, and never more than 6 bytes a pixel and 270 MiB.
 *
 * @param im     in/out; its contents are lost also on failure
 * @param d      one decoder is for one thread
 * @param bytes  [n]
 * @return 0; PARE_EINVAL (neither JPEG nor PNG); PARE_EFORMAT (damaged);
 *         PARE_ELIMIT (too large); PARE_ENOMEM. The message names no file.
 *
 * Source: ITU-T T.81; W3C, Portable Network Graphics, second edition.
 */
int pare_image_decode(struct pare_image *im, struct pare_image_decoder *d,
                      const void *bytes, size_t n);

/**
 * Make an image grey, in place: (19595 R + 38470 G + 7471 B + 32768) >> 16,
 * the luma of ITU-R BT.601 to the nearest.
 */
void pare_image_grey(struct pare_image *im);

#endif
