#ifndef PARE_AUGMENT_H
#define PARE_AUGMENT_H

#include "model.h"

/**
 * Random changes of training images: mirrored, moved, turned. All are drawn
 * anew for every image and epoch; what moves in from outside is 0 as
 * stored, which is black before normalisation, or the edge of the image again.
 *
 * Source: He et al. 2016, arXiv:1512.03385, section 4.2 (flip and crop);
 * Keras, ImageDataGenerator, fill_mode "nearest" (edge).
 */
struct pare_augment {
    double flip;    /* chance of mirroring left and right, 0..1 */
    uint32_t crop;  /* pixels padded before a window is cut out ... */
    uint32_t shift; /* ... and pixels of moving: the same, they add up */
    double rotate;  /* most degrees of turning either way, 0..180 */
    bool edge;      /* the edge is repeated outwards; else 0 is there */
    char canon[PARE_SPEC_MAX]; /* "flip=0.5,crop=4"; "" for none */
};

/**
 * Parse "flip,crop=4,rotate=10,edge", or "none". A value of 0 is as good as
 * not naming the change.
 *
 * @param a  out; written only on success, all 0 for none
 * @return 0; PARE_EINVAL, also for an edge where nothing moves or turns
 */
int pare_augment_parse(struct pare_augment *a, const char *spec);

/**
 * Can samples of this shape be changed so: are they images of channels,
 * height and width, and does a part of each stay in view? None fits all.
 *
 * @return 0; PARE_EMISMATCH
 */
int pare_augment_fits(const struct pare_augment *a,
                      const struct pare_shape *shape);

/** What is drawn for one image. */
struct pare_pose {
    bool flip, edge;
    int32_t dy, dx; /* pixels down and to the right, before the flip */
    float cos, sin; /* of the turn about the middle; 1, 0: none */
};

/**
 * Draw for a sample: of (seed, AUGMENT, epoch, sample) alone, so neither
 * batch nor order nor threads count. Each change has random words of its
 * own: naming one more leaves the others as they were.
 */
void pare_augment_draw(struct pare_pose *pose, const struct pare_augment *a,
                       uint64_t seed, uint32_t epoch, size_t sample);

/** Images as they are stored: [channels][h][w] of bytes or float32. */
struct pare_picture {
    const uint8_t *bytes; /* or NULL, then ... */
    const float *floats;
    size_t h, w;
};

#define PARE_POSE_PIXELS 1024 /* most pixels of one call */

/**
 * Some pixels of an image in its pose, in stored units. Turned first, then
 * moved, then mirrored; the plane around the image is 0, or with an edge what
 * the image has nearest to a place, and a turned pixel is the bilinear mean of
 * the four around its place, not rounded.
 *
 * @param out       [channels] pointers to [n] float32, out
 * @param channel   the first channel wanted
 * @param channels  how many
 * @param first     pixel, row * w + column
 * @param n         pixels, 1..PARE_POSE_PIXELS
 */
void pare_picture_pose(float *const *out, const struct pare_picture *picture,
                       const struct pare_pose *pose, size_t channel,
                       size_t channels, size_t first, size_t n);

#endif
