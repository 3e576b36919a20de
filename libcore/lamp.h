#ifndef PARE_LAMP_H
#define PARE_LAMP_H

#include <stddef.h>
#include <stdint.h>

/**
 * Make LAMP scores of the scores of a layer: the square of each over the sum
 * of the squares of all that are no lower, itself included, so that the
 * highest becomes 1. Of equal ones that of the lower place counts as lower.
 * A square below the smallest float32 becomes that, unless it is 0.
 *
 * @param score  [n] in/out, not NaN; the sign does not matter
 * @param mask   [n] 1 kept, 0 not there (the score is left alone), or NULL
 * @return 0, PARE_ENOMEM
 *
 * Source: Lee et al. 2021, arXiv:2010.07611.
 */
int pare_lamp(float *score, const uint8_t *mask, size_t n);

#endif
