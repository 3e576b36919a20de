/* Tensors of ONNX as arrays of floats or of whole numbers. */
#include "onnx_parts.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

#define VALUES_MAX ((uint64_t)1 << 32)

enum store { FLOATS, DOUBLES, INT32S, INT64S, UINT64S };

/* Element types of numbers, by their number in the format. */
static const struct type {
    size_t size;
    bool floats, is_signed;
    enum store store; /* field of values that are not raw */
    enum pare_dtype dtype;
} types[] = {
    [1] = {4, true, true, FLOATS, PARE_F32},
    [2] = {1, false, false, INT32S, PARE_F32},
    [3] = {1, false, true, INT32S, PARE_F32},
    [4] = {2, false, false, INT32S, PARE_F32},
    [5] = {2, false, true, INT32S, PARE_F32},
    [6] = {4, false, true, INT32S, PARE_F32},
    [7] = {8, false, true, INT64S, PARE_F32},
    [9] = {1, false, false, INT32S, PARE_F32},
    [10] = {2, true, true, INT32S, PARE_F16},
    [11] = {8, true, true, DOUBLES, PARE_F32},
    [12] = {4, false, false, UINT64S, PARE_F32},
    [13] = {8, false, false, UINT64S, PARE_F32},
    [16] = {2, true, true, INT32S, PARE_BF16},
};

struct pare_onnx_array *pare_onnx_array_new(struct pare_onnx_graph *g, int rank,
                                            const uint64_t *dim, bool floats)
{
    struct pare_onnx_array *a = calloc(1, sizeof *a);
    size_t n = 1;

    for (int i = 0; a && i < rank; i++)
        n *= (size_t)(a->dim[i] = dim[i]);
    if (a && floats)
        a->f = malloc(n * sizeof *a->f + 1);
    else if (a)
        a->i = malloc(n * sizeof *a->i + 1);
    if (!a || (!a->f && !a->i)) {
        free(a);
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    a->rank = rank;
    a->n = n;
    a->next = g->arrays;
    g->arrays = a;
    return a;
}

static int wrong(const Onnx__TensorProto *t, const char *what)
{
    return pare_fail(PARE_EFORMAT, "tensor '%s': %s", t->name ? t->name : "",
                     what);
}

static int check_dims(uint64_t dim[PARE_FOREIGN_RANK], uint64_t *n,
                      const Onnx__TensorProto *t)
{
    bool empty = false;

    if (t->n_dims > PARE_FOREIGN_RANK)
        return wrong(t, "it has more than eight dimensions");
    *n = 1;
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0)
            return wrong(t, "a dimension is negative");
        dim[i] = (uint64_t)t->dims[i];
        empty = empty || dim[i] == 0;
        if (dim[i] && *n > VALUES_MAX / dim[i])
            return pare_fail(PARE_ELIMIT, "tensor '%s': more than 2^32 values",
                             t->name ? t->name : "");
        *n *= dim[i] ? dim[i] : 1;
    }
    if (empty)
        *n = 0;
    return 0;
}

static uint64_t raw_bits(const uint8_t *b, size_t size)
{
    uint64_t v = 0;

    for (size_t i = size; i-- > 0;)
        v = v << 8 | b[i];
    return v;
}

/* The bits of value k, from the field that has it. */
static uint64_t value_bits(const Onnx__TensorProto *t, const struct type *type,
                           const uint8_t *raw, size_t k)
{
    uint32_t half;
    uint64_t v;

    if (raw)
        return raw_bits(raw + k * type->size, type->size);
    switch (type->store) {
    case FLOATS:
        memcpy(&half, &t->float_data[k], sizeof half);
        return half;
    case DOUBLES:
        memcpy(&v, &t->double_data[k], sizeof v);
        return v;
    case INT32S:
        return (uint32_t)t->int32_data[k];
    case INT64S:
        return (uint64_t)t->int64_data[k];
    default:
        return t->uint64_data[k];
    }
}

static float float_of(uint64_t bits, const struct type *type)
{
    uint32_t half = (uint32_t)bits;
    double d;
    float f;

    if (type->dtype == PARE_F16)
        return pare_from_f16((uint16_t)bits);
    if (type->dtype == PARE_BF16)
        return pare_from_bf16((uint16_t)bits);
    if (type->size == 8) {
        memcpy(&d, &bits, sizeof d);
        return (float)d;
    }
    memcpy(&f, &half, sizeof f);
    return f;
}

static int64_t int_of(uint64_t bits, const struct type *type)
{
    unsigned spare = 64 - 8 * (unsigned)type->size;
    uint64_t top = bits << spare;

    if (!type->is_signed || spare == 0)
        return (int64_t)(top >> spare);
    return top >> 63 ? (int64_t) ~(~top >> spare) : (int64_t)(top >> spare);
}

static size_t stored(const Onnx__TensorProto *t, const struct type *type)
{
    switch (type->store) {
    case FLOATS:
        return t->n_float_data;
    case DOUBLES:
        return t->n_double_data;
    case INT32S:
        return t->n_int32_data;
    case INT64S:
        return t->n_int64_data;
    default:
        return t->n_uint64_data;
    }
}

/* Where the raw bytes are; *owned where they were read from a file. */
static int find_raw(const uint8_t **raw, void **owned,
                    struct pare_onnx_graph *g, const Onnx__TensorProto *t,
                    const struct type *type, uint64_t n)
{
    size_t have;
    int rc;

    if (t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        rc = pare_onnx_external(owned, &have, g->path, t);
        if (rc)
            return rc;
        *raw = *owned;
    } else if (t->has_raw_data) {
        *raw = t->raw_data.data;
        have = t->raw_data.len;
        if (!*raw)
            *raw = (const uint8_t *)"";
    } else {
        return stored(t, type) == n
                   ? 0
                   : wrong(t, "it has more or less values than its shape");
    }
    if (have / type->size != n || have % type->size)
        return wrong(t, "it has more or less bytes than its shape");
    return 0;
}

int pare_onnx_array_read(struct pare_onnx_array **a, struct pare_onnx_graph *g,
                         Onnx__TensorProto *t)
{
    uint64_t dim[PARE_FOREIGN_RANK] = {0}, n = 0;
    const struct type *type = NULL;
    struct pare_onnx_array *out = NULL;
    const uint8_t *raw = NULL;
    void *owned = NULL;
    int rc = check_dims(dim, &n, t);

    if (!rc && t->segment)
        rc = wrong(t, "segments are not read");
    if (!rc && t->data_type > 0 &&
        (size_t)t->data_type < sizeof types / sizeof types[0])
        type = &types[t->data_type];
    if (rc || !type || !type->size) {
        if (!rc)
            *a = NULL;
        return rc;
    }
    if (n > VALUES_MAX - g->read)
        return pare_fail(PARE_ELIMIT, "the tensors have more than 2^32 values");
    g->read += n;
    rc = find_raw(&raw, &owned, g, t, type, n);
    if (!rc &&
        !(out = pare_onnx_array_new(g, (int)t->n_dims, dim, type->floats)))
        rc = PARE_ENOMEM;
    for (size_t k = 0; !rc && k < n; k++)
        if (type->floats)
            out->f[k] = float_of(value_bits(t, type, raw, k), type);
        else
            out->i[k] = int_of(value_bits(t, type, raw, k), type);
    free(owned);
    if (rc)
        return rc;
    free(t->raw_data.data);
    t->raw_data = (ProtobufCBinaryData){0, NULL};
    t->has_raw_data = false;
    out->dtype = type->dtype;
    *a = out;
    return 0;
}
