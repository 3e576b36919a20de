#ifndef PARE_VECMATH_H
#define PARE_VECMATH_H

#include <stdint.h>
#include <string.h>

/*
 * Elementary functions of float32 made of additions, products, one division
 * and bit moves only, without a branch: loops over them vectorise, and the
 * bits depend on neither the C library nor the vector width (as long as
 * products and sums are not contracted, see -ffp-contract=off).
 *
 * The polynomials are least-maximum fits of our own; tests/test_vecmath.c
 * states and checks the errors.
 */

static inline float pare_float_from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t pare_float_bits(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/**
 * e^x within 2 units in the last place; +inf above 88.72, gradual underflow
 * to 0 below -87.34, exactly 1 at 0, NaN of NaN.
 */
static inline float pare_expf(float x)
{
    const float shift = 0x1.8p23f; /* adding it rounds to an integer */
    /* Beyond these ends the result is inf or 0 anyway; NaN passes. */
    float c = x > 89.0f ? 89.0f : x;
    c = c < -104.0f ? -104.0f : c;
    float t = c * 0x1.715476p0f + shift;
    float n = t - shift;
    /* ln 2 in two parts; n times the first is exact. */
    float r = (c - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f;
    float p = 0.0013814560f;

    p = p * r + 0.0083687352f;
    p = p * r + 0.0416683890f;
    p = p * r + 0.1666652113f;
    p = p * r + 0.4999999404f;
    p = p * r * r + r + 1.0f;
    /* 2^n in two factors, as n reaches 128 and -150. */
    uint32_t k = pare_float_bits(t) - 0x4b400000u;
    uint32_t half = (uint32_t)((int32_t)k >> 1);
    return p * pare_float_from_bits((half + 127u) << 23) *
           pare_float_from_bits((k - half + 127u) << 23);
}

/** tanh x within 4 units in the last place; odd; -0 gives -0, NaN NaN. */
static inline float pare_tanhf(float x)
{
    uint32_t sign = pare_float_bits(x) & 0x80000000u;
    float a = pare_float_from_bits(pare_float_bits(x) ^ sign);
    float z = a * a;
    float p = -0.0057170452f;

    p = p * z + 0.0206505880f;
    p = p * z + -0.0537434965f;
    p = p * z + 0.1333149076f;
    p = p * z + -0.3333328366f;
    float near = p * z * a + a;
    float far = 1.0f - 2.0f / (pare_expf(a + a) + 1.0f);
    float y = a < 0.625f ? near : far;
    return pare_float_from_bits(pare_float_bits(y) | sign);
}

/** 1 / (1 + e^-x) within 4 units in the last place; 0 below -88.72. */
static inline float pare_sigmoidf(float x)
{
    return 1.0f / (1.0f + pare_expf(-x));
}

/** erf x within 2 units in the last place; odd; -0 gives -0, NaN NaN. */
static inline float pare_erff(float x)
{
    uint32_t sign = pare_float_bits(x) & 0x80000000u;
    float a = pare_float_from_bits(pare_float_bits(x) ^ sign);
    float z = a * a;
    float p = 8.3709259e-05f;

    p = p * z + -0.0008143311f;
    p = p * z + 0.0052011381f;
    p = p * z + -0.0268594716f;
    p = p * z + 0.1128369793f;
    p = p * z + -0.3761263490f;
    p = p * z + 0.1283791661f;
    float near = p * a + a;
    /* log erfc; from 4 on erf is 1. */
    float c = a > 4.0f ? 4.0f : a;
    float q = 0.00019556182f;

    q = q * c + -0.0030396192f;
    q = q * c + 0.0222129188f;
    q = q * c + -0.1039032713f;
    q = q * c + -0.6372137070f;
    q = q * c + -1.1276574135f;
    q = q * c + -0.0001999664f;
    float far = 1.0f - pare_expf(q);
    float y = a < 0.921875f ? near : far;
    return pare_float_from_bits(pare_float_bits(y) | sign);
}

#endif
