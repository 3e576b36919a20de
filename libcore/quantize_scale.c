/* Whole numbers of 8 bits times a scale, and numbers of 16 bits. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize_parts.h"
#include "status.h"

#define CODES 255 /* -127 to 127 */

/* Values of a row of a tensor: from here to there. */
static void row_of(size_t *from, size_t *to, const struct pare_tensor *t,
                   size_t rows, size_t row)
{
    if (rows > 1 && t->pattern) {
        *from = (size_t)t->pattern->row[row];
        *to = (size_t)t->pattern->row[row + 1];
    } else {
        *from = t->n / rows * row;
        *to = t->n / rows * (row + 1);
    }
}

/* 127 steps reach the largest value, and do not overflow. */
static float scale_of(const struct pare_tensor *t, size_t from, size_t to)
{
    float peak = 0, scale;

    for (size_t i = from; i < to; i++)
        if ((!t->mask || t->mask[i]) && fabsf(t->value[i]) > peak)
            peak = fabsf(t->value[i]);
    scale = (float)((double)peak / 127);
    if (peak == 0)
        return 1;
    if (scale == 0)
        return FLT_TRUE_MIN;
    while (127 * (double)scale > (double)FLT_MAX)
        scale = nextafterf(scale, 0);
    return scale;
}

static void to_codes(struct pare_change *c, uint64_t count[CODES],
                     struct pare_tensor *t, size_t from, size_t to, float scale)
{
    for (size_t i = from; i < to; i++) {
        float was = t->value[i];
        double code = rint((double)was / (double)scale);

        if (t->mask && !t->mask[i])
            continue;
        code = code > 127 ? 127 : code < -127 ? -127 : code;
        count[(int)code + 127]++;
        /* + 0: no -0 */
        t->value[i] = (float)(code * (double)scale) + 0.0f;
        pare_change_add(c, was, t->value[i]);
    }
}

int pare_quantize_int8(struct pare_quantize_row *r, struct pare_tensor *t,
                       const struct pare_quantize_options *o, double amount)
{
    size_t rows = o->per_tensor || t->rank < 2 ? 1 : t->dim[0], from, to;
    struct pare_change c = {0};
    uint64_t count[CODES] = {0};
    float *scale = malloc(rows * sizeof *scale);

    (void)amount;
    if (!scale)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        row_of(&from, &to, t, rows, i);
        scale[i] = scale_of(t, from, to);
        to_codes(&c, count, t, from, to, scale[i]);
    }
    pare_quant_release(&t->quant);
    t->quant = (struct pare_quant){
        .kind = PARE_QUANT_INT8, .n_scale = rows, .scale = scale};
    t->dtype = PARE_F32;
    pare_change_report(r, &c);
    pare_code_report(r, count, CODES);
    return 0;
}

/* First kept value that the type has no finite number for; n if none. */
static size_t too_large(const struct pare_tensor *t, enum pare_dtype type)
{
    for (size_t i = 0; i < t->n; i++) {
        float v = t->value[i];

        if (t->mask && !t->mask[i])
            continue;
        pare_dtype_round(&v, 1, type);
        if (isinf(v))
            return i;
    }
    return t->n;
}

static int round_to(struct pare_quantize_row *r, struct pare_tensor *t,
                    enum pare_dtype type)
{
    size_t bad = too_large(t, type);
    struct pare_change c = {0};
    uint64_t *count;

    if (bad < t->n)
        return pare_fail(PARE_EINVAL, "value %zu, %g, is too large for %s", bad,
                         (double)t->value[bad], pare_dtype_name(type));
    count = calloc(65536, sizeof *count);
    if (!count)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < t->n; i++) {
        float was = t->value[i];

        if (t->mask && !t->mask[i])
            continue;
        pare_dtype_round(&t->value[i], 1, type);
        count[type == PARE_F16 ? pare_to_f16(was) : pare_to_bf16(was)]++;
        pare_change_add(&c, was, t->value[i]);
    }
    pare_quant_release(&t->quant);
    t->dtype = type;
    pare_change_report(r, &c);
    pare_code_report(r, count, 65536);
    free(count);
    return 0;
}

int pare_quantize_f16(struct pare_quantize_row *r, struct pare_tensor *t,
                      const struct pare_quantize_options *o, double amount)
{
    (void)o;
    (void)amount;
    return round_to(r, t, PARE_F16);
}

int pare_quantize_bf16(struct pare_quantize_row *r, struct pare_tensor *t,
                       const struct pare_quantize_options *o, double amount)
{
    (void)o;
    (void)amount;
    return round_to(r, t, PARE_BF16);
}
