#include "npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "data_fit.h"
#include "status.h"

/* An array with its axes in the order that we want. */
struct view {
    const struct pare_npy *a;
    size_t dim[4], stride[4]; /* in values; axes that it lacks are 1 long */
};

static uint64_t bits_at(const struct pare_npy *a, size_t i)
{
    const unsigned char *p = a->value + i * a->size;
    uint64_t u = 0;

    for (size_t k = 0; k < a->size; k++)
        u = u << 8 | p[a->big ? k : a->size - 1 - k];
    return u;
}

static int64_t extend(uint64_t u, size_t size)
{
    uint64_t sign = (uint64_t)1 << (8 * size - 1);

    return u & sign ? -(int64_t)(~u & (sign - 1)) - 1 : (int64_t)u;
}

static float from_half(uint64_t u)
{
    int exponent = u >> 10 & 31;
    float v = (float)(u & 1023);

    if (exponent == 31)
        v = v != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        v = ldexpf(v, -24);
    else
        v = ldexpf(v + 1024, exponent - 25);
    return u & 0x8000 ? -v : v;
}

static double from_bits(uint64_t u, size_t size)
{
    uint32_t word = (uint32_t)u;
    double f64;
    float f32;

    if (size == 2)
        return (double)from_half(u);
    memcpy(&f32, &word, sizeof f32);
    memcpy(&f64, &u, sizeof f64);
    return size == 4 ? (double)f32 : f64;
}

/* Value i, rounded once. */
static float float_at(const struct pare_npy *a, size_t i)
{
    uint64_t u = bits_at(a, i);

    switch (a->kind) {
    case 'f':
        return (float)from_bits(u, a->size);
    case 'i':
        return (float)extend(u, a->size);
    case 'b':
        return u != 0;
    default:
        return (float)u;
    }
}

/* Value i; integers above 2^53 are not exact. */
static double double_at(const struct pare_npy *a, size_t i)
{
    uint64_t u = bits_at(a, i);

    switch (a->kind) {
    case 'f':
        return from_bits(u, a->size);
    case 'i':
        return (double)extend(u, a->size);
    case 'b':
        return u != 0;
    default:
        return (double)u;
    }
}

static void move_axis(struct view *v, int to, int from)
{
    size_t dim = v->dim[from], stride = v->stride[from];

    for (int i = from; i > to; i--) {
        v->dim[i] = v->dim[i - 1];
        v->stride[i] = v->stride[i - 1];
    }
    v->dim[to] = dim;
    v->stride[to] = stride;
}

/* Samples first, then what is in them, as our files have it. */
static struct view view_of(const struct pare_npy *a, bool channels_last)
{
    struct view v = {.a = a, .dim = {1, 1, 1, 1}};
    size_t step = 1;

    for (int k = 0; k < a->rank; k++) {
        int i = a->fortran ? k : a->rank - 1 - k;

        v.dim[i] = a->dim[i];
        v.stride[i] = step;
        step *= a->dim[i];
    }
    if (a->rank == 4 && channels_last)
        move_axis(&v, 1, 3);
    return v;
}

/* Are the values in the order of the view already? */
static bool in_order(const struct view *v)
{
    size_t step = 1;

    for (int i = 3; i >= 0; i--) {
        if (v->dim[i] > 1 && v->stride[i] != step)
            return false;
        step *= v->dim[i];
    }
    return true;
}

static size_t sample_at(const struct view *v, size_t j)
{
    size_t at = 0;

    for (int i = 3; i > 0; i--) {
        at += j % v->dim[i] * v->stride[i];
        j /= v->dim[i];
    }
    return at;
}

/* Offsets of the values of a sample; every sample's are the same. */
static size_t *offsets(const struct view *v, size_t features)
{
    size_t *at = malloc(features * sizeof *at);

    for (size_t j = 0; at && j < features; j++)
        at[j] = sample_at(v, j);
    return at;
}

static int copy_bytes(void **out, const struct view *v, const size_t *at,
                      size_t features)
{
    unsigned char *x = malloc(v->a->count);

    if (!x)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t s = 0; s < v->dim[0]; s++)
        for (size_t j = 0; j < features; j++)
            x[s * features + j] = v->a->value[s * v->stride[0] + at[j]];
    *out = x;
    return 0;
}

static int copy_floats(void **out, const struct view *v, const size_t *at,
                       size_t features, const char *name)
{
    float *x = NULL;

    if (v->a->count <= SIZE_MAX / sizeof *x)
        x = malloc(v->a->count * sizeof *x);
    if (!x)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t s = 0; s < v->dim[0]; s++)
        for (size_t j = 0; j < features; j++) {
            float f = float_at(v->a, s * v->stride[0] + at[j]);

            if (!isfinite(f)) {
                free(x);
                return pare_fail(PARE_EFORMAT,
                                 "'%s': value %zu of sample %zu is not a "
                                 "finite float32",
                                 name, j, s);
            }
            x[s * features + j] = f;
        }
    *out = x;
    return 0;
}

/* The inputs in our order; bytes that are in it are taken over. */
static int take_x(void **out, struct pare_npy *x, const struct view *v,
                  enum pare_xtype type, const char *name)
{
    size_t features = x->count / x->dim[0], *at;
    int rc;

    if (type == PARE_X_U8 && in_order(v)) {
        memmove(x->bytes, x->value, x->count);
        *out = x->bytes;
        x->bytes = NULL;
        return 0;
    }
    at = offsets(v, features);
    if (!at)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = type == PARE_X_U8 ? copy_bytes(out, v, at, features)
                           : copy_floats(out, v, at, features, name);
    free(at);
    return rc;
}

static int sample_shape(struct pare_shape *shape, const struct view *v,
                        const char *name)
{
    int rank = v->a->rank;

    if (rank < 2 || rank > 4)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has rank %d; inputs have 2 (samples, "
                         "features), 3 or 4",
                         name, rank);
    memset(shape, 0, sizeof *shape);
    shape->rank = rank == 2 ? 1 : 3;
    if (rank == 3)
        shape->dim[0] = 1;
    for (int i = 1; i < rank; i++)
        shape->dim[shape->rank - rank + i] = v->dim[i];
    return 0;
}

/* The class of a row of columns, or -1. */
static int32_t hot_column(const struct view *v, size_t row)
{
    int32_t hot = -1;

    for (size_t j = 0; j < v->dim[1]; j++) {
        double one = double_at(v->a, row * v->stride[0] + j * v->stride[1]);

        if (one != 0 && (one != 1 || hot >= 0))
            return -1;
        if (one != 0)
            hot = (int32_t)j;
    }
    return hot;
}

static int take_label(int32_t *label, const struct view *v, size_t i,
                      const char *name)
{
    double one;

    if (v->dim[1] > 1) {
        *label = hot_column(v, i);
        return *label >= 0 ? 0
                           : pare_fail(PARE_EFORMAT,
                                       "'%s': row %zu is not 1 in one column "
                                       "and 0 in the others",
                                       name, i);
    }
    one = double_at(v->a, i * v->stride[0]);
    if (!(one >= 0) || one >= PARE_DATA_CLASSES)
        return pare_fail(
            one > 0 ? PARE_ELIMIT : PARE_EFORMAT,
            "'%s': label %.15g of sample %zu is not within 0 to %d", name, one,
            i, PARE_DATA_CLASSES - 1);
    *label = (int32_t)one;
    if ((double)*label != one)
        return pare_fail(
            PARE_EFORMAT,
            "'%s': label %.15g of sample %zu is not a whole number", name, one,
            i);
    return 0;
}

static int take_y(int32_t **out, size_t *n_classes, const struct pare_npy *y,
                  const char *name)
{
    struct view v;
    int32_t *label;
    size_t most;
    int rc = 0;

    if (y->rank != 1 && y->rank != 2)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has rank %d; labels have 1, or 2 with a "
                         "column for each class",
                         name, y->rank);
    v = view_of(y, false);
    most = v.dim[1];
    if (most > PARE_DATA_CLASSES)
        return pare_fail(PARE_ELIMIT, "'%s' has %zu classes", name, most);
    label = malloc(v.dim[0] * sizeof *label);
    if (!label)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < v.dim[0]; i++) {
        rc = take_label(&label[i], &v, i, name);
        if (rc == 0 && (size_t)label[i] >= most)
            most = (size_t)label[i] + 1;
    }
    if (rc) {
        free(label);
        return rc;
    }
    *out = label;
    *n_classes = most;
    return 0;
}

int pare_npy_split(struct pare_dataset *d, enum pare_split_id id,
                   struct pare_npy *x, const struct pare_npy *y,
                   bool channels_last, const char *x_name, const char *y_name)
{
    bool bytes = x->kind == 'u' && x->size == 1;
    enum pare_xtype type = bytes ? PARE_X_U8 : PARE_X_F32;
    struct view v = {0};
    struct pare_shape shape;
    size_t n_classes = 0;
    int32_t *labels = NULL;
    void *values = NULL;
    int rc = 0;

    if (x->rank <= 4)
        v = view_of(x, channels_last);
    v.a = x;
    rc = sample_shape(&shape, &v, x_name);
    if (rc == 0)
        rc = pare_data_fit(d, &shape, type, x_name);
    if (rc == 0 && (y->rank == 0 || x->dim[0] != y->dim[0]))
        rc = pare_fail(PARE_EMISMATCH, "'%s' has %zu samples, '%s' %zu labels",
                       x_name, x->dim[0], y_name, y->rank ? y->dim[0] : 0);
    if (rc == 0)
        rc = take_y(&labels, &n_classes, y, y_name);
    if (rc == 0)
        rc = take_x(&values, x, &v, type, x_name);
    if (rc) {
        free(labels);
        return rc;
    }
    d->shape = shape;
    d->features = pare_shape_size(&shape);
    d->type = type;
    if (n_classes > d->n_classes)
        d->n_classes = n_classes;
    d->split[id] = (struct pare_split){.n = v.dim[0], .x = values, .y = labels};
    return 0;
}
