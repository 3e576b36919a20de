#ifndef PARE_TOPOLOGY_H
#define PARE_TOPOLOGY_H

#include "model.h"

/* Where the connections of a layer are: by unit, and over an image. */

/** Connections of a matrix of weights: positions that are not pruned. */
struct pare_connections {
    size_t n_in, n_out;
    uint64_t *in;  /* [n_in] that read each input */
    uint64_t *out; /* [n_out] of each output */
};

/**
 * Count the connections of a tensor of rank 2, {out, in}. A kept weight that
 * happens to be 0 is one. Of a compact tensor the entries are walked, never
 * its positions.
 *
 * @param c  out, written only on success; release after use
 * @return 0; PARE_EINVAL for another rank; PARE_ENOMEM
 */
int pare_connections_count(struct pare_connections *c,
                           const struct pare_tensor *t);

/** Free the counts and zero the struct; zeroed is fine. */
void pare_connections_release(struct pare_connections *c);

/**
 * Counts by pixel: the sum over channels.
 *
 * @param map    [height * width] out
 * @param count  [channels * height * width] by input
 * @param chw    channels, height, width
 */
void pare_connections_map(uint64_t *map, const uint64_t *count,
                          const size_t chw[3]);

/** How dense the middle of an image is beside its margin. */
struct pare_trend {
    size_t n;            /* squares */
    size_t *side;        /* [n] 2, 4, ..., or 1, 3, ...: of the shorter side */
    double *mean;        /* [n] connections a pixel of the centred square */
    double all;          /* of the whole image */
    size_t half;         /* the first square at least half as wide */
    double half_ratio;   /* its mean / all */
    size_t middle, ring; /* side of the centre, width of the border */
    double centre_ratio; /* mean of the centre / mean of the border */
};

/**
 * Means of connections over centred squares, and two ratios.
 *
 * The squares have the parity of the image's shorter side, the last is as
 * wide as that. A square of side s begins at row (height - s) / 2 and column
 * (width - s) / 2, rounded down. The centre is 3/7 of the shorter side (12 of
 * 28, of its parity, at least 1 or 2), the border a ring of 1/7 (4 of 28, at
 * least 1); both are rounded to the nearest. A ratio over 0 is infinite, 0 /
 * 0 is NaN.
 *
 * @param t    out, written only on success; release after use
 * @param map  [height * width]
 * @return 0; PARE_EINVAL for an image without pixels; PARE_ENOMEM
 *
 * Source: the squares are of the notebooks of AlliedToasters/synapses
 * (SET layer in PyTorch), centre and border of the maps of Mocanu et al.
 * 2018, doi:10.1038/s41467-018-04316-3, both of images of 28 x 28.
 * Departure: other shapes, by proportion.
 */
int pare_trend(struct pare_trend *t, const uint64_t *map, size_t height,
               size_t width);

/** Free the arrays and zero the struct; zeroed is fine. */
void pare_trend_release(struct pare_trend *t);

#endif
