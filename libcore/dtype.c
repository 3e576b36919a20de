#include "dtype.h"

#include <string.h>

#include "status.h"

static const struct {
    const char *name;
    size_t size;
} table[PARE_DTYPES] = {
    [PARE_F32] = {"float32", 4},
    [PARE_F16] = {"float16", 2},
    [PARE_BF16] = {"bfloat16", 2},
};

const char *pare_dtype_name(enum pare_dtype type)
{
    return table[type].name;
}

size_t pare_dtype_size(enum pare_dtype type)
{
    return table[type].size;
}

int pare_dtype_find(enum pare_dtype *type, const char *name)
{
    for (int t = 0; t < PARE_DTYPES; t++)
        if (strcmp(name, table[t].name) == 0) {
            *type = (enum pare_dtype)t;
            return 0;
        }
    return pare_fail(PARE_EINVAL,
                     "'%s' is no type of values: float32, float16 or bfloat16",
                     name);
}

static uint32_t bits_of(float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float v;

    memcpy(&v, &u, sizeof v);
    return v;
}

float pare_from_bf16(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t pare_to_bf16(float v)
{
    uint32_t u = bits_of(v);

    if ((u & 0x7fffffff) > 0x7f800000) /* NaN: keep it one */
        return (uint16_t)(u >> 16 | ((u >> 16 & 0x7f) == 0));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

float pare_from_f16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exp = bits >> 10 & 31, man = bits & 0x3ff;

    if (exp == 31)
        return float_of(sign | 0x7f800000 | man << 13);
    if (exp)
        return float_of(sign | (exp + 112) << 23 | man << 13);
    /* 0 and subnormals: man * 2^-24, exact. */
    return float_of(sign | bits_of((float)man * 0x1p-24F));
}

uint16_t pare_to_f16(float v)
{
    uint32_t u = bits_of(v), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;

    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7c00 | (a >> 13 & 0x3ff) |
                          ((a >> 13 & 0x3ff) == 0));
    if (a >= 0x477ff000) /* 65520 and above */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) {
        /* Below 2^-14: the sum rounds to a multiple of 2^-24. */
        float r = float_of(a) + 0.5F;

        return (uint16_t)(sign | (bits_of(r) - 0x3f000000));
    }
    a -= 112U << 23;
    return (uint16_t)(sign | (a + 0xfff + (a >> 13 & 1)) >> 13);
}

static float rounded(float v, enum pare_dtype type)
{
    switch (type) {
    case PARE_F16:
        return pare_from_f16(pare_to_f16(v));
    case PARE_BF16:
        return pare_from_bf16(pare_to_bf16(v));
    default:
        return v;
    }
}

size_t pare_dtype_round(float *value, size_t n, enum pare_dtype type)
{
    size_t changed = 0;

    for (size_t i = 0; i < n; i++) {
        float r = rounded(value[i], type);

        changed += bits_of(r) != bits_of(value[i]);
        value[i] = r;
    }
    return changed;
}

size_t pare_dtype_misfit(const float *value, size_t n, enum pare_dtype type)
{
    for (size_t i = 0; i < n && type != PARE_F32; i++)
        if (bits_of(rounded(value[i], type)) != bits_of(value[i]))
            return i;
    return n;
}

void pare_dtype_put(void *bytes, const float *value, size_t n,
                    enum pare_dtype type)
{
    unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        uint32_t u = type == PARE_F16    ? pare_to_f16(value[i])
                     : type == PARE_BF16 ? pare_to_bf16(value[i])
                                         : bits_of(value[i]);

        for (size_t k = 0; k < table[type].size; k++)
            *p++ = (unsigned char)(u >> 8 * k);
    }
}

void pare_dtype_get(float *value, const void *bytes, size_t n,
                    enum pare_dtype type)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++, p += table[type].size) {
        uint32_t u = p[0] | (uint32_t)p[1] << 8;

        if (type == PARE_F16)
            value[i] = pare_from_f16((uint16_t)u);
        else if (type == PARE_BF16)
            value[i] = pare_from_bf16((uint16_t)u);
        else
            value[i] =
                float_of(u | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    }
}
