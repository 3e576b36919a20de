#ifndef PARE_DTYPE_H
#define PARE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What a tensor's values are stored as. In memory they are float32 always;
 * a tensor of another type promises that each value is one of it, so that
 * nothing is lost when it is written and read.
 */
enum pare_dtype {
    PARE_F32,
    PARE_F16,  /* IEEE 754 binary16 */
    PARE_BF16, /* the upper half of a binary32 */
    PARE_DTYPES
};

/** "float32", "float16", "bfloat16". */
const char *pare_dtype_name(enum pare_dtype type);

/** The reverse. 0; PARE_EINVAL (message set). */
int pare_dtype_find(enum pare_dtype *type, const char *name);

/** Bytes of a value: 4, 2, 2. */
size_t pare_dtype_size(enum pare_dtype type);

/** The float32 of 16 bits; a NaN keeps its sign and payload. */
float pare_from_f16(uint16_t bits);
float pare_from_bf16(uint16_t bits);

/**
 * Round to nearest, ties to even; above the largest finite value to
 * infinity, subnormals are kept. A NaN stays one, with the upper bits of its
 * payload.
 */
uint16_t pare_to_f16(float v);
uint16_t pare_to_bf16(float v);

/** Round n values to the nearest of the type; the number that changed. */
size_t pare_dtype_round(float *value, size_t n, enum pare_dtype type);

/** Index of the first value that is none of the type; n when all are. */
size_t pare_dtype_misfit(const float *value, size_t n, enum pare_dtype type);

/**
 * Values as bytes of the type, little-endian, and back.
 * @param bytes  [n * pare_dtype_size(type)]
 */
void pare_dtype_put(void *bytes, const float *value, size_t n,
                    enum pare_dtype type);
void pare_dtype_get(float *value, const void *bytes, size_t n,
                    enum pare_dtype type);

#endif
