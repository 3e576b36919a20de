#ifndef PARE_NORMFIT_H
#define PARE_NORMFIT_H

#include <stdint.h>

#include "dataset.h"

/**
 * Set the normalisation to mean and standard deviation of the training
 * samples, one pair a channel (one pair of all for {features}), of values
 * times norm.scale.
 *
 *     mean = sum(v) / n,  std = sqrt(sum((v - mean)^2) / n)
 *
 * in double, samples in order; bytes are counted, so their sums are exact.
 * A channel that is constant gets std 1.
 *
 * @param d  in/out; norm.scale is kept
 * @return channels that are constant; PARE_EINVAL without training samples;
 *         PARE_ENOMEM
 */
int pare_normfit_channels(struct pare_dataset *d);

/**
 * The same for chosen features of float32 samples: mean and std of feature
 * j replace norm.mean[j] and norm.std[j] where choose[j] is not 0.
 *
 * @param d       in/out; norm.n = features, norm.scale = 1
 * @param choose  [features]
 * @return chosen features that are constant; PARE_EINVAL without training
 *         samples
 */
int pare_normfit_features(struct pare_dataset *d, const uint8_t *choose);

#endif
