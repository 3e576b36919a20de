#ifndef PARE_CRITERION_PARTS_H
#define PARE_CRITERION_PARTS_H

#include "criterion.h"

/*
 * Functions of the rows in criterion.c, by the file they are in, and what
 * they share. Contracts: struct pare_criterion.
 */

/**
 * The samples to calibrate on: the first of a random order of the training
 * split.
 *
 * @param index  malloc'd, out; the caller frees it
 * @param n      samples, out: in->calibrate, or else `usual` or all there are
 * @return 0; PARE_EINVAL (no training split, more asked for than it has);
 *         PARE_ENOMEM
 */
int criterion_samples(uint32_t **index, size_t *n, size_t usual,
                      const struct pare_criterion_input *in);

#endif
