#ifndef PARE_ASIDE_H
#define PARE_ASIDE_H

#include "model.h"

/**
 * Values and mask of a tensor, put aside in an unlinked temporary file while
 * another takes the memory.
 */
struct pare_aside;

/** NULL where no temporary can be made or without memory (message set). */
struct pare_aside *pare_aside_new(void);

/** NULL is fine. */
void pare_aside_free(struct pare_aside *a);

/** Keep a tensor with values at all positions, in the place of the one
 *  before. 0; PARE_EIO. */
int pare_aside_put(struct pare_aside *a, const struct pare_tensor *t);

/**
 * A part of it.
 *
 * @param value  [n] out
 * @param mask   [n] out: 1 everywhere if the tensor had none
 * @param first  and n lie within it
 * @return 0; PARE_EIO
 */
int pare_aside_get(float *value, uint8_t *mask, const struct pare_aside *a,
                   size_t first, size_t n);

#endif
