#include "idx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "atomic.h"
#include "data_file.h"
#include "data_fit.h"
#include "status.h"

#define GZIP_RATIO 1100 /* more than deflate can reach */

/* A source of bytes, inflated on the way when it is gzip. */
struct source {
    const unsigned char *at;
    size_t left;
    bool packed, ended;
    z_stream z;
    const char *name;
};

static size_t type_size(int type)
{
    switch (type) {
    case PARE_IDX_U8:
    case PARE_IDX_I8:
        return 1;
    case PARE_IDX_I16:
        return 2;
    case PARE_IDX_I32:
    case PARE_IDX_F32:
        return 4;
    case PARE_IDX_F64:
        return 8;
    default:
        return 0;
    }
}

static int source_open(struct source *s, const void *bytes, size_t n,
                       const char *name)
{
    memset(s, 0, sizeof *s);
    s->at = bytes;
    s->left = n;
    s->name = name;
    s->packed = n >= 2 && s->at[0] == 0x1F && s->at[1] == 0x8B;
    if (s->packed && inflateInit2(&s->z, 15 + 16) != Z_OK)
        return pare_fail(PARE_ENOMEM, "out of memory");
    return 0;
}

static void source_close(struct source *s)
{
    if (s->packed)
        inflateEnd(&s->z);
}

static int source_fault(const struct source *s)
{
    return pare_fail(PARE_EFORMAT, "'%s': damaged gzip data (%s)", s->name,
                     s->z.msg ? s->z.msg : "cannot inflate");
}

/* Inflate until the room or the data end; members that follow go on. */
static int source_inflate(struct source *s, unsigned char *out, size_t room,
                          size_t *got)
{
    *got = 0;
    while (*got < room && !s->ended) {
        size_t in = s->left < 1u << 30 ? s->left : 1u << 30;
        size_t most = room - *got < 1u << 30 ? room - *got : 1u << 30;
        int rc;

        s->z.next_in = s->at;
        s->z.avail_in = (uInt)in;
        s->z.next_out = out + *got;
        s->z.avail_out = (uInt)most;
        rc = inflate(&s->z, Z_NO_FLUSH);
        s->at += in - s->z.avail_in;
        s->left -= in - s->z.avail_in;
        *got += most - s->z.avail_out;
        if (rc == Z_MEM_ERROR)
            return pare_fail(PARE_ENOMEM, "out of memory");
        if (rc == Z_STREAM_END && s->left == 0)
            s->ended = true;
        else if (rc == Z_STREAM_END)
            rc = inflateReset(&s->z);
        else if (rc == Z_BUF_ERROR && s->left == 0)
            break; /* cut off: the caller counts */
        if (rc != Z_OK && rc != Z_STREAM_END)
            return source_fault(s);
    }
    return 0;
}

/* Read up to n bytes; *got < n at the end of the data. */
static int source_read(struct source *s, void *out, size_t n, size_t *got)
{
    if (s->packed)
        return source_inflate(s, out, n, got);
    *got = n < s->left ? n : s->left;
    memcpy(out, s->at, *got);
    s->at += *got;
    s->left -= *got;
    return 0;
}

/* Type and dimensions; a->count. */
static int read_header(struct pare_idx *a, struct source *s)
{
    unsigned char head[4], dim[4];
    size_t got;
    int rc = source_read(s, head, sizeof head, &got);

    if (rc)
        return rc;
    if (got < sizeof head || head[0] || head[1])
        return pare_fail(PARE_EFORMAT, "'%s' is not an IDX file", s->name);
    if (!type_size(head[2]))
        return pare_fail(PARE_EFORMAT, "'%s': unknown IDX type 0x%02x", s->name,
                         head[2]);
    if (head[3] < 1 || head[3] > PARE_IDX_RANK)
        return pare_fail(PARE_EFORMAT, "'%s': rank %d, expected 1 to %d",
                         s->name, head[3], PARE_IDX_RANK);
    a->type = (enum pare_idx_type)head[2];
    a->rank = head[3];
    a->count = 1;
    for (int i = 0; i < a->rank; i++) {
        if ((rc = source_read(s, dim, sizeof dim, &got)) != 0)
            return rc;
        if (got < sizeof dim)
            return pare_fail(PARE_EFORMAT, "'%s': ends in its header", s->name);
        a->dim[i] = (size_t)dim[0] << 24 | (size_t)dim[1] << 16 |
                    (size_t)dim[2] << 8 | dim[3];
        if (a->dim[i] == 0)
            return pare_fail(PARE_EFORMAT, "'%s': dimension %d is 0", s->name,
                             i + 1);
        if (a->count > PARE_IDX_LIMIT / type_size(a->type) / a->dim[i])
            return pare_fail(PARE_ELIMIT,
                             "'%s': dimensions ask for more than %zu bytes",
                             s->name, (size_t)PARE_IDX_LIMIT);
        a->count *= a->dim[i];
    }
    return 0;
}

static int cut_off(const struct source *s, size_t got, size_t want)
{
    return pare_fail(PARE_EFORMAT,
                     "'%s' is cut off: %zu bytes of values, its header "
                     "declares %zu",
                     s->name, got, want);
}

/* All values and not a byte more. */
static int read_values(struct pare_idx *a, struct source *s)
{
    size_t want = a->count * type_size(a->type), got, more;
    unsigned char rest[4096];
    int rc;

    if (!s->packed && s->left < want)
        return cut_off(s, s->left, want);
    if (!s->ended && s->packed && s->left < want / GZIP_RATIO)
        return pare_fail(PARE_EFORMAT,
                         "'%s': %zu bytes of gzip cannot hold the %zu that "
                         "its header declares",
                         s->name, s->left, want);
    a->value = malloc(want);
    if (!a->value)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if ((rc = source_read(s, a->value, want, &got)) != 0)
        return rc;
    if (got < want)
        return cut_off(s, got, want);
    if ((rc = source_read(s, rest, sizeof rest, &more)) != 0)
        return rc;
    if (!s->packed)
        more += s->left;
    if (more)
        return pare_fail(PARE_EFORMAT,
                         "'%s' is too long: %s%zu bytes of values, its "
                         "header declares %zu",
                         s->name, more == sizeof rest ? "at least " : "",
                         want + more, want);
    if (s->packed && !s->ended)
        return pare_fail(PARE_EFORMAT,
                         "'%s': gzip data end before their checksum "
                         "(%zu bytes of values read, %zu declared)",
                         s->name, got, want);
    return 0;
}

int pare_idx_parse(struct pare_idx *a, const void *bytes, size_t n,
                   const char *name)
{
    struct pare_idx t = {0};
    struct source s;
    int rc = source_open(&s, bytes, n, name);

    if (rc)
        return rc;
    rc = read_header(&t, &s);
    if (rc == 0)
        rc = read_values(&t, &s);
    source_close(&s);
    if (rc)
        pare_idx_release(&t);
    else
        *a = t;
    return rc;
}

int pare_idx_read(struct pare_idx *a, const char *path)
{
    void *bytes = NULL;
    size_t n = 0;
    int rc = pare_read_file(&bytes, &n, path, PARE_IDX_LIMIT);

    if (rc)
        return rc;
    rc = pare_idx_parse(a, bytes, n, path);
    free(bytes);
    return rc;
}

void pare_idx_release(struct pare_idx *a)
{
    free(a->value);
    memset(a, 0, sizeof *a);
}

/* Value i as a number. */
static double value_at(const struct pare_idx *a, size_t i)
{
    size_t size = type_size(a->type);
    const unsigned char *p = (const unsigned char *)a->value + i * size;
    uint64_t u = 0;
    double f64;
    float f32;

    for (size_t k = 0; k < size; k++)
        u = u << 8 | p[k];
    switch (a->type) {
    case PARE_IDX_I8:
        return (double)(int64_t)u - (u & 0x80 ? 256 : 0);
    case PARE_IDX_I16:
        return (double)(int64_t)u - (u & 0x8000 ? 65536 : 0);
    case PARE_IDX_I32:
        return (double)(int64_t)u - (u & 0x80000000u ? 4294967296.0 : 0);
    case PARE_IDX_F32: {
        uint32_t word = (uint32_t)u;

        memcpy(&f32, &word, sizeof f32);
        return (double)f32;
    }
    case PARE_IDX_F64:
        memcpy(&f64, &u, sizeof f64);
        return f64;
    case PARE_IDX_U8:
        break;
    }
    return (double)u;
}

static int sample_shape(struct pare_shape *shape, const struct pare_idx *x,
                        const char *name)
{
    if (x->rank < 2 || x->rank > 4)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has rank %d; inputs have 2 (samples, "
                         "features), 3 or 4",
                         name, x->rank);
    memset(shape, 0, sizeof *shape);
    shape->rank = x->rank == 2 ? 1 : 3;
    if (x->rank == 3)
        shape->dim[0] = 1;
    for (int i = 1; i < x->rank; i++)
        shape->dim[shape->rank - x->rank + i] = x->dim[i];
    return 0;
}

/* Inputs of the split, bytes taken over or numbers converted. */
static int take_x(void **out, struct pare_idx *x, const char *name)
{
    float *v;

    if (x->type == PARE_IDX_U8) {
        *out = x->value;
        x->value = NULL;
        return 0;
    }
    if (x->count > SIZE_MAX / sizeof *v || !(v = malloc(x->count * sizeof *v)))
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < x->count; i++) {
        v[i] = (float)value_at(x, i);
        if (!isfinite(v[i])) {
            free(v);
            return pare_fail(PARE_EFORMAT,
                             "'%s': value %zu of sample %zu is not a finite "
                             "float32",
                             name, i % (x->count / x->dim[0]),
                             i / (x->count / x->dim[0]));
        }
    }
    *out = v;
    return 0;
}

static int take_y(int32_t **out, size_t *n_classes, const struct pare_idx *y,
                  const char *name)
{
    int32_t *v;
    double most = 0;

    if (y->rank != 1 || y->type == PARE_IDX_F32 || y->type == PARE_IDX_F64)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has rank %d and type 0x%02x; labels have rank "
                         "1 and an integer type",
                         name, y->rank, (unsigned)y->type);
    if (!(v = malloc(y->count * sizeof *v)))
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < y->count; i++) {
        double label = value_at(y, i);

        if (label < 0 || label >= PARE_DATA_CLASSES) {
            free(v);
            return pare_fail(label < 0 ? PARE_EFORMAT : PARE_ELIMIT,
                             "'%s': label %.0f of sample %zu is not within "
                             "0 to %d",
                             name, label, i, PARE_DATA_CLASSES - 1);
        }
        v[i] = (int32_t)label;
        most = label > most ? label : most;
    }
    *out = v;
    *n_classes = (size_t)most + 1;
    return 0;
}

int pare_idx_split(struct pare_dataset *d, enum pare_split_id id,
                   struct pare_idx *x, const struct pare_idx *y,
                   const char *x_name, const char *y_name)
{
    struct pare_shape shape;
    enum pare_xtype type = x->type == PARE_IDX_U8 ? PARE_X_U8 : PARE_X_F32;
    size_t n_classes = 0;
    int32_t *labels = NULL;
    void *values = NULL;
    int rc = sample_shape(&shape, x, x_name);

    if (rc == 0)
        rc = pare_data_fit(d, &shape, type, x_name);
    if (rc == 0 && x->dim[0] != y->dim[0])
        rc = pare_fail(PARE_EMISMATCH, "'%s' has %zu samples, '%s' %zu labels",
                       x_name, x->dim[0], y_name, y->dim[0]);
    if (rc == 0)
        rc = take_y(&labels, &n_classes, y, y_name);
    if (rc == 0)
        rc = take_x(&values, x, x_name);
    if (rc) {
        free(labels);
        return rc;
    }
    d->shape = shape;
    d->features = pare_shape_size(&shape);
    d->type = type;
    if (n_classes > d->n_classes)
        d->n_classes = n_classes;
    d->split[id] =
        (struct pare_split){.n = x->dim[0], .x = values, .y = labels};
    return 0;
}
