#ifndef PARE_LEVELS_H
#define PARE_LEVELS_H

#include "model.h"

/*
 * What a tensor promises of its values (dtype.h, quant.h): is it so, which
 * codes are they, and what becomes of it when values change. All of it is
 * about kept values: a pruned weight is 0 and has no code.
 */

/** A code of no level. */
#define PARE_NO_CODE UINT32_MAX

/** Is the promise itself well formed? The book ascends, has no two equal
 *  levels, is finite, of the tensor's type and without -0; an int8 tensor is
 *  float32 and has one scale or one for each row, finite and above 0.
 *  0; PARE_EINVAL naming the tensor. */
int pare_levels_valid(const struct pare_tensor *t);

/** Is it well formed and kept by all values? 0; PARE_EINVAL naming the
 *  tensor and the first value that is not of its type or levels. */
int pare_levels_check(const struct pare_tensor *t);

/** Bytes of a code: 2 with more than 256 levels, else 1. t is quantised. */
size_t pare_levels_width(const struct pare_tensor *t);

/**
 * Codes of the kept values in order: uint8 or, above 256 levels, uint16 in
 * native order; int8 for int8.
 *
 * @param codes  [kept * width] out
 * @return 0; PARE_EINVAL as pare_levels_check
 */
int pare_levels_put(void *codes, const struct pare_tensor *t);

/**
 * The reverse: kept values, and 0 elsewhere. The book or the scales and the
 * mask or pattern are there already, and valid.
 *
 * @return 0; PARE_EFORMAT for a code past the book, and for int8's -128
 */
int pare_levels_get(struct pare_tensor *t, const void *codes);

/**
 * The code of each value of a tensor with a book.
 *
 * @param code  [t->n] out; PARE_NO_CODE where pruned
 * @return 0; PARE_EINVAL as pare_levels_check
 */
int pare_levels_codes(uint32_t *code, const struct pare_tensor *t);

/** The distinct values among v [n], ascending, -0 as 0, to the front of v.
 *  How many there are. NaN is not among them. */
size_t pare_levels_distinct(float *v, size_t n);

/**
 * Make the book of a tensor anew from its kept values, as a codebook: after
 * training has moved them. Nothing is promised any more where no value is
 * kept or there are more than PARE_BOOK_MAX different ones.
 *
 * @return 0; PARE_ENOMEM (the tensor is as before)
 */
int pare_levels_rebuild(struct pare_tensor *t);

/** Promise nothing: float32 and no levels. The values stay. */
void pare_levels_forget(struct pare_tensor *t);

/** Forget what values do not keep, in all tensors: after weights were set to
 *  something else. How many tensors promised more before; 0 of a model that
 *  comes tensor by tensor, whose loader sees to it. */
size_t pare_model_hold_levels(struct pare_model *m);

/** Does any tensor promise levels or a type other than float32? */
bool pare_model_encoded(const struct pare_model *m);

#endif
