/* Values by the filter of rans.h: dense datasets for all who have it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "h5strings.h"
#include "levels.h"
#include "model_arrays.h"
#include "status.h"

#define PATH_BYTES 520
#define PRUNED     "pruned" /* the attribute of values with a mask */
#define QUANT      "quant"  /* that of values of levels */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

static bool is_zero(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits == 0;
}

/* ---- writing ---------------------------------------------------------- */

/* Rows of a compact tensor: zeros but for its entries. */
static void make_rows(const struct pare_tensor *t, uint8_t *out, size_t row,
                      size_t rows)
{
    const struct pare_pattern *p = t->pattern;
    const size_t width = pare_dtype_size(t->dtype);

    memset(out, 0, rows * p->cols * width);
    for (size_t r = row; r < row + rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            pare_dtype_put(out + ((r - row) * p->cols + p->col[k]) * width,
                           &t->value[k], 1, t->dtype);
}

/* Bytes of the dense array that a tensor stands for. */
static void make_values(const void *arg, void *out, size_t at, size_t n)
{
    const struct pare_tensor *t = arg;
    const size_t width = pare_dtype_size(t->dtype);

    at /= width;
    n /= width;
    if (t->pattern)
        make_rows(t, out, at / t->pattern->cols, n / t->pattern->cols);
    else if (t->dtype == PARE_F32)
        memcpy(out, t->value + at, n * width);
    else
        pare_dtype_put(out, t->value + at, n, t->dtype);
}

/* Positions that are kept and 0, as pruned ones before each since the last. */
struct zeros {
    uint32_t *gap; /* [n]; NULL: they are only counted */
    size_t n;
    uint32_t passed;
};

static void add_zero(struct zeros *z)
{
    if (z->gap)
        z->gap[z->n] = z->passed;
    z->n++;
    z->passed = 0;
}

static void add_zeros_of_rows(struct zeros *z, const struct pare_tensor *t)
{
    const struct pare_pattern *p = t->pattern;
    uint64_t next = 0;

    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            uint64_t at = (uint64_t)r * p->cols + p->col[k];

            z->passed += (uint32_t)(at - next);
            next = at + 1;
            if (is_zero(t->value[k]))
                add_zero(z);
        }
}

static void add_zeros(struct zeros *z, const struct pare_tensor *t)
{
    if (t->pattern)
        add_zeros_of_rows(z, t);
    for (size_t i = 0; t->mask && i < t->n; i++) {
        if (t->mask[i] && is_zero(t->value[i]))
            add_zero(z);
        z->passed += !t->mask[i];
    }
}

/* All kept positions where the value is 0, if there are any. */
static int find_zeros(struct zeros *z, const struct pare_tensor *t)
{
    struct zeros count = {0};

    *z = count;
    add_zeros(&count, t);
    if (!count.n)
        return 0;
    z->gap = malloc(count.n * sizeof *z->gap);
    if (!z->gap)
        return no_memory();
    add_zeros(z, t);
    return 0;
}

static void make_gaps(const void *arg, void *out, size_t at, size_t n)
{
    const struct zeros *z = arg;

    memcpy(out, (const char *)z->gap + at, n);
}

static int write_zeros(struct pare_build *b, const char *path,
                       const struct zeros *z, struct pare_stored *stored)
{
    const struct pare_h5w_made made = {make_gaps, z, NULL};
    const uint64_t most = z->n * sizeof *z->gap;
    char name[PATH_BYTES + 8];
    uint64_t bytes = 0;
    bool done;
    int err;

    snprintf(name, sizeof name, "%s.zeros", path);
    err = pare_h5w_filter(&done, b->w, name, PARE_H5_U32, 1, &z->n, &made, most,
                          b->threads);
    if (!err && !done)
        err = pare_h5w_data(b->w, name, PARE_H5_U32, 1, &z->n, z->gap, false);
    if (!err)
        err = pare_h5w_stored(&bytes, b->w, name);
    stored->mask_bytes += bytes;
    return err;
}

/* What lies beside the values: of a mask, of levels. */
static int write_beside(struct pare_build *b, const char *path,
                        const struct pare_tensor *t, const struct zeros *z,
                        struct pare_stored *stored)
{
    int err = 0;

    if (t->mask || t->pattern)
        err = pare_h5w_attr_text(b->w, path, PRUNED, "0");
    if (!err && t->quant.kind != PARE_QUANT_NONE)
        err = pare_h5w_attr_text(b->w, path, QUANT,
                                 pare_quant_name(t->quant.kind));
    if (!err && t->dtype == PARE_BF16)
        err = pare_h5w_attr_text(b->w, path, "dtype", "bfloat16");
    if (!err && t->quant.kind != PARE_QUANT_NONE)
        err = pare_write_book(b, path, t, stored);
    return err || !z->n ? err : write_zeros(b, path, z, stored);
}

/* Is everything 0 that is pruned, to the bit? */
static bool pruned_is_zero(const struct pare_tensor *t)
{
    for (size_t i = 0; t->mask && i < t->n; i++)
        if (!t->mask[i] && !is_zero(t->value[i]))
            return false;
    return true;
}

/* Readers hold a mask for what has positions enough to be dense. */
static bool suits(const struct pare_tensor *t)
{
    if (t->n == 0 || t->rank == 0 || !pruned_is_zero(t))
        return false;
    return !(t->mask || t->pattern) ||
           pare_tensor_positions(t) <= PARE_DENSE_POSITIONS;
}

/* The most bytes that the values may take, so that the file gets smaller than
   by the plain layout; 0: none. */
static int find_most(uint64_t *most, struct pare_build *b, const char *path,
                     const struct pare_tensor *t, const struct zeros *z)
{
    struct pare_stored none = {PARE_ENC_DENSE, 0, 0};
    uint64_t plain, beside;
    int err = 0;

    pare_h5w_weigh(b->w);
    if (t->mask || t->pattern)
        err = pare_write_mask(b, path, t, &none);
    if (!err)
        err = pare_write_values(b, path, t, &none);
    plain = pare_h5w_weighed(b->w);
    pare_h5w_weigh(b->w);
    if (!err)
        err = write_beside(b, path, t, z, &none);
    beside = pare_h5w_weighed(b->w);
    *most = plain > beside ? plain - beside : 0;
    return err;
}

static int write_values(bool *done, struct pare_build *b, const char *path,
                        const struct pare_tensor *t, const struct zeros *z,
                        struct pare_stored *stored)
{
    static const enum pare_h5_type type[] = {[PARE_F32] = PARE_H5_F32,
                                             [PARE_F16] = PARE_H5_F16,
                                             [PARE_BF16] = PARE_H5_U16};
    const struct pare_h5w_made made = {
        make_values, t, t->quant.n_scale == t->dim[0] ? t->quant.scale : NULL};
    uint64_t most = 0;
    int err = find_most(&most, b, path, t, z);

    if (!err && most)
        err = pare_h5w_filter(done, b->w, path, type[t->dtype], t->rank, t->dim,
                              &made, most, b->threads);
    if (err || !*done)
        return err;
    stored->encoding = PARE_ENC_RANS;
    err = pare_h5w_stored(&stored->value_bytes, b->w, path);
    return err ? err : write_beside(b, path, t, z, stored);
}

int pare_write_filtered(bool *done, struct pare_build *b, const char *path,
                        const struct pare_tensor *t, struct pare_stored *stored)
{
    struct zeros z = {0};
    int err;

    *done = false;
    if (!b->filter || !suits(t))
        return 0;
    err = find_zeros(&z, t);
    if (!err)
        err = write_values(done, b, path, t, &z, stored);
    free(z.gap);
    return err;
}

/* ---- reading ---------------------------------------------------------- */

/* Do values lie dense at PATH with this attribute? 1, 0, or a status. */
static int lies_dense(struct pare_reader *r, const char *path,
                      const char *attribute)
{
    static const char *const other[] = {".mask", ".index", ".rows", ".kept",
                                        ".codes"};
    char name[PATH_BYTES + 8];
    int there = pare_h5_exists(r->h, path);

    if (there > 0)
        there = pare_h5_has_attr(r->h, path, attribute);
    for (size_t i = 0; i < sizeof other / sizeof *other && there > 0; i++) {
        int also;

        snprintf(name, sizeof name, "%s%s", path, other[i]);
        also = pare_h5_exists(r->h, name);
        if (also)
            there = also < 0 ? also
                             : pare_fail(PARE_EFORMAT,
                                         "'%s' lies there whole and in parts: "
                                         "'%s'",
                                         path, name);
    }
    return there;
}

int pare_find_values(char *name, size_t size, struct pare_reader *r,
                     const char *path, const struct pare_tensor *t)
{
    int dense = 0;

    pare_values_path(name, size, path, t);
    if (t->mask || t->quant.kind != PARE_QUANT_NONE)
        dense = lies_dense(r, path, t->mask ? PRUNED : QUANT);
    if (dense > 0)
        snprintf(name, size, "%s", path);
    return dense;
}

/* Keep zeros, between which so many others are passed over. */
static int keep_zeros(struct pare_tensor *t, const float *v, const char *name,
                      const uint32_t *gap, size_t n)
{
    uint32_t passed = 0;
    size_t k = 0;

    for (size_t i = 0; k < n && i < t->n; i++) {
        if (!is_zero(v[i]))
            continue;
        if (passed++ == gap[k]) {
            t->mask[i] = 1;
            passed = 0;
            k++;
        }
    }
    return k == n
               ? 0
               : pare_fail(PARE_EFORMAT,
                           "'%s' passes over more zeros than there are", name);
}

/* Zeros at PATH.zeros, if there are any, into a mask of what is not 0. */
static int read_zeros(struct pare_reader *r, const float *v, const char *path,
                      struct pare_tensor *t, struct pare_stored *stored)
{
    char name[PATH_BYTES + 8];
    struct pare_h5_info info;
    uint32_t *gap;
    int there, err;

    snprintf(name, sizeof name, "%s.zeros", path);
    there = pare_h5_exists(r->h, name);
    if (there <= 0)
        return there;
    err = pare_h5_info(&info, r->h, name);
    if (!err && (info.rank != 1 || info.count > t->n))
        err = pare_fail(PARE_EFORMAT, "'%s' has too many zeros", name);
    if (!err)
        err = pare_reader_charge(r, info.count, sizeof *gap);
    if (err)
        return err;
    stored->mask_bytes += info.stored;
    if (r->walk)
        return pare_h5_probe(r->h, name, PARE_H5_U32, info.count);
    gap = malloc((info.count + 1) * sizeof *gap);
    if (!gap)
        return no_memory();
    err = pare_h5_read(gap, r->h, name, PARE_H5_U32, info.count);
    if (!err)
        err = keep_zeros(t, v, name, gap, info.count);
    free(gap);
    return err;
}

/* A mask from values; on a walk it is never looked into. */
static int mask_of_values(struct pare_reader *r, const char *path,
                          struct pare_tensor *t, struct pare_stored *stored)
{
    float *v = NULL;
    int err = 0;

    t->mask = calloc(t->n ? t->n : 1, 1);
    if (!t->mask)
        return no_memory();
    if (!r->walk) {
        v = malloc((t->n + 1) * sizeof *v);
        err = v ? pare_read_whole(r, v, path, t) : no_memory();
    }
    for (size_t i = 0; v && !err && i < t->n; i++)
        t->mask[i] = !is_zero(v[i]);
    if (!err)
        err = read_zeros(r, v, path, t, stored);
    free(v);
    return err;
}

int pare_read_filtered_mask(struct pare_reader *r, const char *path,
                            struct pare_tensor *t, struct pare_stored *stored)
{
    int there = lies_dense(r, path, PRUNED);
    int err = there < 0 ? there : 0;

    if (there <= 0)
        return err;
    err = pare_reader_charge(r, t->n, 1);
    if (!err)
        err = mask_of_values(r, path, t, stored);
    stored->encoding = PARE_ENC_RANS;
    return err;
}
