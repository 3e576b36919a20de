#ifndef PARE_NORM_H
#define PARE_NORM_H

#include <stddef.h>

/**
 * How stored inputs become network inputs:
 *
 *     x = (stored * scale - mean[j]) / std[j]
 *
 * computed as float32 in that order; j is 0 (n = 1), the channel
 * (n = channels) or the feature (n = features). n = 0 means x = stored *
 * scale. A model keeps the normalisation that it was trained with.
 */
struct pare_norm {
    float scale;      /* 1/255 for bytes as 0..1; 1: none; 0: not set yet */
    size_t n;         /* 0, 1, channels, or features */
    float *mean, *std; /* [n]; std > 0 */
};

/** Copy; 0 or PARE_ENOMEM. */
int pare_norm_copy(struct pare_norm *to, const struct pare_norm *from);

/** Free the arrays and zero the struct; zeroed is fine. */
void pare_norm_release(struct pare_norm *n);

#endif
