/* Values of tensors in a file: of 32 or 16 bits, or codes of levels. */
#include "model_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "h5strings.h"
#include "levels.h"
#include "status.h"

#define PATH_BYTES 512
#define NAME_BYTES (PATH_BYTES + 8)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

static bool is_sparse(const struct pare_tensor *t)
{
    return t->mask || t->pattern;
}

static bool is_int8(const struct pare_tensor *t)
{
    return t->quant.kind == PARE_QUANT_INT8;
}

void pare_values_path(char *name, size_t size, const char *path,
                      const struct pare_tensor *t)
{
    snprintf(name, size, "%s%s", path,
             t->quant.kind != PARE_QUANT_NONE ? ".codes"
             : is_sparse(t)                   ? ".kept"
                                              : "");
}

/* ---- writing ----------------------------------------------------------- */

static int add_stored(struct pare_build *b, const char *name,
                      struct pare_stored *stored)
{
    uint64_t bytes;
    int err = pare_h5w_stored(&bytes, b->w, name);

    if (!err)
        stored->value_bytes += bytes;
    return err;
}

/* n numbers as 16 bits each, of those that the mask keeps. */
static uint16_t *narrow(const float *v, const uint8_t *mask, size_t n,
                        enum pare_dtype type, size_t kept)
{
    uint16_t *to = malloc((kept + 1) * sizeof *to);
    size_t k = 0;

    for (size_t i = 0; to && i < n; i++)
        if (!mask || mask[i])
            to[k++] = type == PARE_F16 ? pare_to_f16(v[i]) : pare_to_bf16(v[i]);
    return to;
}

/* Other readers have no bfloat16: it is uint16, and says what that is. */
static int write_narrow(struct pare_build *b, const char *name, int rank,
                        const size_t *dim, uint16_t *bits, enum pare_dtype type)
{
    int err =
        bits ? pare_h5w_give_array(b->w, name,
                                   type == PARE_F16 ? PARE_H5_F16 : PARE_H5_U16,
                                   rank, dim, bits)
             : no_memory();

    if (!err && type == PARE_BF16)
        err = pare_h5w_attr_text(b->w, name, "dtype", "bfloat16");
    return err;
}

static int write_16(struct pare_build *b, const char *name,
                    const struct pare_tensor *t)
{
    size_t kept = pare_tensor_kept(t);
    bool flat = is_sparse(t);

    return write_narrow(b, name, flat ? 1 : t->rank, flat ? &kept : t->dim,
                        narrow(t->value, t->mask, t->n, t->dtype, kept),
                        t->dtype);
}

int pare_write_book(struct pare_build *b, const char *path,
                    const struct pare_tensor *t, struct pare_stored *stored)
{
    const struct pare_quant *q = &t->quant;
    const bool scale = is_int8(t);
    const size_t n = scale ? q->n_scale : q->n_book;
    const float *v = scale ? q->scale : q->book;
    char name[NAME_BYTES];
    int err;

    snprintf(name, sizeof name, "%s%s", path, scale ? ".scale" : ".book");
    if (t->dtype == PARE_F32)
        err = pare_h5w_data(b->w, name, PARE_H5_F32, 1, &n, v, false);
    else
        err = write_narrow(b, name, 1, &n, narrow(v, NULL, n, t->dtype, n),
                           t->dtype);
    return err ? err : add_stored(b, name, stored);
}

static int write_codes(struct pare_build *b, const char *name,
                       const struct pare_tensor *t)
{
    const size_t kept = pare_tensor_kept(t), width = pare_levels_width(t);
    const bool flat = is_sparse(t);
    void *codes = malloc(kept * width + 1);
    int err = codes ? pare_levels_put(codes, t) : no_memory();

    if (!err)
        err = pare_h5w_codes(b->w, name,
                             is_int8(t)   ? PARE_H5_I8
                             : width == 2 ? PARE_H5_U16
                                          : PARE_H5_U8,
                             flat ? 1 : t->rank, flat ? &kept : t->dim, codes);
    free(codes);
    if (!err)
        err = pare_h5w_attr_text(b->w, name, "quant",
                                 pare_quant_name(t->quant.kind));
    return err;
}

int pare_write_values(struct pare_build *b, const char *path,
                      const struct pare_tensor *t, struct pare_stored *stored)
{
    char name[NAME_BYTES];
    const bool coded = t->quant.kind != PARE_QUANT_NONE;
    int err = coded ? 0 : pare_levels_check(t); /* codes are checked as made */

    pare_values_path(name, sizeof name, path, t);
    if (!err && coded)
        err = write_codes(b, name, t);
    else if (!err && t->dtype != PARE_F32)
        err = write_16(b, name, t);
    else if (!err)
        err = is_sparse(t) ? pare_write_kept(b, path, t->value, t)
                           : pare_write_dense(b, path, t->value, t);
    if (!err)
        err = add_stored(b, name, stored);
    return err || !coded ? err : pare_write_book(b, path, t, stored);
}

/* ---- reading ----------------------------------------------------------- */

/* What numbers a dataset holds, by its type in the file. */
static int find_dtype(enum pare_dtype *type, struct pare_reader *r,
                      const char *name, const struct pare_h5_info *info)
{
    char *text = NULL;
    int err = 0;

    switch (info->type) {
    case PARE_H5_F32:
        *type = PARE_F32;
        return 0;
    case PARE_H5_F16:
        *type = PARE_F16;
        return 0;
    case PARE_H5_U16:
        err = pare_h5_attr_text(&text, r->h, name, "dtype", 64);
        if (!err && strcmp(text, "bfloat16") != 0)
            err = pare_fail(PARE_EFORMAT, "'%s' says dtype=%s", name, text);
        free(text);
        *type = PARE_BF16;
        return err;
    default: /* says what it holds instead */
        return pare_h5_probe(r->h, name, PARE_H5_F32, info->count);
    }
}

/* count numbers of a type to float32. */
static int read_numbers(struct pare_reader *r, float *out, const char *name,
                        enum pare_dtype type, size_t count)
{
    uint16_t *bits;
    int err;

    if (type == PARE_F32)
        return pare_h5_read(out, r->h, name, PARE_H5_F32, count);
    bits = malloc((count + 1) * sizeof *bits);
    if (!bits)
        return no_memory();
    err = pare_h5_read(bits, r->h, name,
                       type == PARE_F16 ? PARE_H5_F16 : PARE_H5_U16, count);
    for (size_t i = 0; !err && i < count; i++)
        out[i] =
            type == PARE_F16 ? pare_from_f16(bits[i]) : pare_from_bf16(bits[i]);
    free(bits);
    return err;
}

int pare_read_whole(struct pare_reader *r, float *out, const char *name,
                    const struct pare_tensor *t)
{
    struct pare_h5_info info;
    enum pare_dtype type;
    int err = pare_h5_info(&info, r->h, name);

    if (!err)
        err = pare_read_shape(&info, name, t);
    if (!err)
        err = find_dtype(&type, r, name, &info);
    if (!err && r->walk)
        return pare_h5_probe(r->h, name, info.type, info.count);
    return err ? err : read_numbers(r, out, name, type, info.count);
}

/* Values that must be levels of the tensor. */
static int read_levelled(struct pare_reader *r, const char *name,
                         struct pare_tensor *t)
{
    int err = pare_read_whole(r, t->value, name, t);

    if (!err && !r->walk)
        err = pare_read_finite(t->value, name, t->n);
    return !err && !r->walk && pare_levels_check(t)
               ? pare_fail_prefix(PARE_EFORMAT, "'%s'", name)
               : err;
}

/* Is it of the tensor's shape, or a list of what is kept? */
static int check_count(struct pare_reader *r, const struct pare_h5_info *info,
                       const char *name, const struct pare_tensor *t)
{
    size_t kept;

    if (!is_sparse(t))
        return pare_read_shape(info, name, t);
    kept = r->walk ? info->count : pare_tensor_kept(t);
    if (info->rank == 1 && info->count == kept)
        return 0;
    return pare_fail(PARE_EFORMAT,
                     "'%s' holds %zu values for %zu kept positions", name,
                     info->count, kept);
}

static int read_16(struct pare_reader *r, const char *name,
                   const struct pare_h5_info *info, struct pare_tensor *t)
{
    float *v = t->value;
    int err = check_count(r, info, name, t);

    if (err || r->walk)
        return err ? err : pare_h5_probe(r->h, name, info->type, info->count);
    if (t->mask)
        v = malloc((info->count + 1) * sizeof *v);
    err = v ? read_numbers(r, v, name, t->dtype, info->count) : no_memory();
    if (!t->mask)
        return err;
    for (size_t i = 0, k = 0; !err && i < t->n; i++)
        t->value[i] = t->mask[i] ? v[k++] : 0.0F;
    free(v);
    return err;
}

/* The levels or scales of codes. */
static int read_book(struct pare_reader *r, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored)
{
    const bool scale = is_int8(t);
    const size_t most = scale ? t->dim[0] : PARE_BOOK_MAX;
    struct pare_h5_info info;
    char name[NAME_BYTES];
    float *v;
    int err;

    snprintf(name, sizeof name, "%s%s", path, scale ? ".scale" : ".book");
    err = pare_h5_info(&info, r->h, name);
    if (!err)
        err = find_dtype(&t->dtype, r, name, &info);
    if (!err && (info.rank != 1 || info.count == 0 || info.count > most))
        err = pare_fail(PARE_EFORMAT, "'%s' has %zu %s", name, info.count,
                        scale ? "scales" : "levels");
    if (!err)
        err = pare_reader_charge(r, info.count, sizeof(float));
    if (err)
        return err;
    v = calloc(info.count, sizeof *v);
    if (!v)
        return no_memory();
    *(scale ? &t->quant.scale : &t->quant.book) = v;
    *(scale ? &t->quant.n_scale : &t->quant.n_book) = info.count;
    stored->value_bytes += info.stored;
    if (r->walk)
        return pare_h5_probe(r->h, name, info.type, info.count);
    err = read_numbers(r, v, name, t->dtype, info.count);
    return !err && pare_levels_valid(t)
               ? pare_fail_prefix(PARE_EFORMAT, "'%s'", name)
               : err;
}

static int read_codes(struct pare_reader *r, const char *name,
                      const struct pare_h5_info *info, struct pare_tensor *t)
{
    const enum pare_h5_type type = is_int8(t)              ? PARE_H5_I8
                                   : t->quant.n_book > 256 ? PARE_H5_U16
                                                           : PARE_H5_U8;
    void *codes;
    int err = check_count(r, info, name, t);

    if (err || r->walk)
        return err ? err : pare_h5_probe(r->h, name, type, info->count);
    codes = malloc(info->count * pare_levels_width(t) + 1);
    err = codes ? pare_h5_read(codes, r->h, name, type, info->count)
                : no_memory();
    if (!err)
        err = pare_levels_get(t, codes);
    free(codes);
    return err;
}

static int read_kind(struct pare_reader *r, const char *name,
                     struct pare_tensor *t)
{
    char *text;
    int err = pare_h5_attr_text(&text, r->h, name, "quant", 64);

    if (err)
        return err;
    if (pare_quant_find(&t->quant.kind, text) ||
        t->quant.kind == PARE_QUANT_NONE) {
        t->quant.kind = PARE_QUANT_NONE;
        err = pare_fail(PARE_EFORMAT, "'%s' says quant=%s", name, text);
    }
    free(text);
    return err;
}

/* The type of values that are no codes, and their levels, if they have any. */
static int read_type(struct pare_reader *r, const char *name, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored)
{
    struct pare_h5_info info;
    enum pare_dtype type = PARE_F32;
    int err = pare_h5_info(&info, r->h, name), there;

    if (!err)
        err = find_dtype(&type, r, name, &info);
    if (err)
        return err;
    t->dtype = type;
    there = strcmp(name, path) == 0 ? pare_h5_has_attr(r->h, path, "quant") : 0;
    if (there <= 0)
        return there;
    err = read_kind(r, name, t);
    if (!err)
        err = read_book(r, path, t, stored);
    if (!err && t->dtype != type)
        err = pare_fail(PARE_EFORMAT, "'%s' holds %s, its levels are %s", name,
                        pare_dtype_name(type), pare_dtype_name(t->dtype));
    return err;
}

int pare_read_levels(struct pare_reader *r, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored)
{
    char plain[NAME_BYTES], name[NAME_BYTES];
    int coded, there, err;

    snprintf(name, sizeof name, "%s.codes", path);
    there = pare_find_values(plain, sizeof plain, r, path, t);
    coded = there < 0 ? there : pare_h5_exists(r->h, name);
    if (coded <= 0)
        return coded ? coded : read_type(r, plain, path, t, stored);
    there = pare_h5_exists(r->h, plain);
    if (there)
        return there < 0 ? there
                         : pare_fail(PARE_EFORMAT,
                                     "'%s' has both values and codes", path);
    err = read_kind(r, name, t);
    return err ? err : read_book(r, path, t, stored);
}

int pare_read_values(struct pare_reader *r, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored)
{
    const bool coded = t->quant.kind != PARE_QUANT_NONE;
    char name[NAME_BYTES];
    struct pare_h5_info info;
    int dense = pare_find_values(name, sizeof name, r, path, t);
    int err = dense < 0 ? dense : pare_h5_info(&info, r->h, name);

    if (err)
        return err;
    stored->value_bytes += info.stored;
    if (info.filtered)
        stored->encoding = PARE_ENC_RANS;
    if (coded)
        return dense ? read_levelled(r, name, t)
                     : read_codes(r, name, &info, t);
    if (dense)
        return pare_read_whole(r, t->value, name, t);
    if (t->dtype != PARE_F32)
        return read_16(r, name, &info, t);
    return is_sparse(t) ? pare_read_kept(r, t->value, name, t)
                        : pare_read_dense(r, t->value, name, t);
}
