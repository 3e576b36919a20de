#include "model_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "h5strings.h"
#include "hugepage.h"
#include "packed.h"
#include "status.h"

#define PATH_BYTES 512
#define PIECE      4096              /* values looked at together */
#define KEPT_PART  ((size_t)4 << 20) /* kept values read together */

int pare_reader_charge(struct pare_reader *r, uint64_t count, uint64_t size)
{
    if (count > r->budget / size)
        return pare_fail(PARE_ELIMIT, "the file asks for more memory than "
                                      "its size allows");
    r->budget -= count * size;
    return 0;
}

/* ---- reading ---------------------------------------------------------- */

int pare_read_shape(const struct pare_h5_info *info, const char *path,
                    const struct pare_tensor *t)
{
    bool same = info->rank == t->rank;

    for (int i = 0; same && i < t->rank; i++)
        same = info->dim[i] == t->dim[i];
    return same ? 0
                : pare_fail(PARE_EFORMAT,
                            "'%s' has not the shape that the "
                            "architecture gives '%s'",
                            path, t->name);
}

/* ---- attributes ------------------------------------------------------- */

#define SHAPE_BYTES (PARE_RANK_MAX * 24)

static void shape_text(char text[SHAPE_BYTES], const struct pare_tensor *t)
{
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < t->rank; i++)
        n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%s%zu", i ? " " : "",
                              t->dim[i]);
}

int pare_write_labels(struct pare_build *b, const char *path,
                      const struct pare_tensor *t)
{
    char shape[SHAPE_BYTES];
    int err = 0;

    shape_text(shape, t);
    if (t->mask || t->pattern)
        err = pare_h5w_attr_text(b->w, path, "shape", shape);
    if (t->role != PARE_ROLE_WEIGHT)
        return err;
    if (!err)
        err = pare_h5w_attr_text(b->w, path, "out_axis", "0");
    if (!err)
        err = pare_h5w_attr_text(b->w, path, "in_axis", "1");
    return err;
}

/* Does a text attribute of the file say this? */
static int expect_attr(struct pare_reader *r, const char *path,
                       const char *name, const char *want)
{
    char *text;
    int err = pare_h5_attr_text(&text, r->h, path, name, 4096);

    if (err)
        return err;
    if (strcmp(text, want) != 0)
        err = pare_fail(PARE_EFORMAT, "'%s' says %s=%s, expected %s", path,
                        name, text, want);
    free(text);
    return err;
}

int pare_read_labels(struct pare_reader *r, const char *path,
                     const struct pare_tensor *t)
{
    char shape[SHAPE_BYTES];
    int there = pare_h5_has_attr(r->h, path, "shape"), err = there;

    shape_text(shape, t);
    if (there > 0)
        err = expect_attr(r, path, "shape", shape);
    if (err || t->role != PARE_ROLE_WEIGHT)
        return err;
    err = expect_attr(r, path, "out_axis", "0");
    return err ? err : expect_attr(r, path, "in_axis", "1");
}

/* ---- values ----------------------------------------------------------- */

int pare_read_dense(struct pare_reader *r, float *out, const char *path,
                    const struct pare_tensor *t)
{
    struct pare_h5_info info;
    int err;

    if (r->packed)
        return pare_packed_read_whole(r, out, NULL, path, t);
    err = pare_h5_info(&info, r->h, path);
    if (!err)
        err = pare_read_shape(&info, path, t);
    if (!err && r->walk)
        return pare_h5_probe(r->h, path, PARE_H5_F32, t->n);
    return err ? err : pare_h5_read(out, r->h, path, PARE_H5_F32, t->n);
}

/* Values to the kept positions, a part of them at a time. */
static int scatter_kept(struct pare_reader *r, float *out, const char *path,
                        const struct pare_tensor *t, size_t kept)
{
    size_t room = kept < KEPT_PART ? kept : KEPT_PART, left = 0, first = 0;
    float *v = malloc((room + 1) * sizeof *v), *next = v;
    int err = v ? 0 : pare_fail(PARE_ENOMEM, "no memory");

    for (size_t i = 0; !err && i < t->n; i++) {
        if (t->mask[i] && left == 0) {
            left = kept - first < room ? kept - first : room;
            err = pare_h5_read_rows(v, r->h, path, PARE_H5_F32, first, left);
            if (err)
                break;
            first += left;
            next = v;
        }
        left -= t->mask[i] != 0;
        out[i] = t->mask[i] ? *next++ : 0.0f;
    }
    free(v);
    return err;
}

int pare_read_kept(struct pare_reader *r, float *out, const char *path,
                   const struct pare_tensor *t)
{
    struct pare_h5_info info;
    size_t kept = r->walk ? 0 : pare_tensor_kept(t);
    int err;

    if (r->packed)
        return pare_packed_read_kept(r, out, path, t);
    err = pare_h5_info(&info, r->h, path);
    if (!err && r->walk)
        return pare_h5_probe(r->h, path, PARE_H5_F32, info.count);
    if (!err && (info.rank != 1 || info.count != kept))
        err = pare_fail(PARE_EFORMAT,
                        "'%s' holds %zu values for %zu kept positions", path,
                        info.count, kept);
    if (err)
        return err;
    if (t->pattern)
        return pare_h5_read(out, r->h, path, PARE_H5_F32, kept);
    return scatter_kept(r, out, path, t, kept);
}

int pare_read_array(struct pare_reader *r, float *out, const char *path,
                    const struct pare_tensor *t)
{
    char kept[PATH_BYTES + 8];
    int there = 0;

    snprintf(kept, sizeof kept, "%s.kept", path);
    if (t->mask || t->pattern)
        there = pare_h5_exists(r->h, kept);
    if (there < 0)
        return there;
    return there ? pare_read_kept(r, out, kept, t)
                 : pare_read_dense(r, out, path, t);
}

int pare_read_finite(const float *v, const char *path, size_t n)
{
    size_t i = pare_first_nonfinite(v, n);

    if (i == n)
        return 0;
    return pare_fail(PARE_EFORMAT, "'%s' holds a value that is %s", path,
                     isnan(v[i]) ? "not a number" : "infinite");
}

static int read_bitmap(struct pare_reader *r, const char *path,
                       struct pare_tensor *t)
{
    size_t n = (t->n + 7) / 8;
    uint8_t *bits;
    int err;

    if (r->walk)
        return pare_h5_probe(r->h, path, PARE_H5_U8, n);
    bits = malloc(n + 1);
    if (!bits)
        return pare_fail(PARE_ENOMEM, "no memory");
    err = pare_h5_read(bits, r->h, path, PARE_H5_U8, n);
    if (!err && t->n % 8 && bits[n - 1] >> (t->n % 8))
        err = pare_fail(PARE_EFORMAT, "'%s' has bits past its end", path);
    for (size_t i = 0; !err && i < t->n; i++)
        t->mask[i] = bits[i / 8] >> (i % 8) & 1;
    free(bits);
    return err;
}

static int read_index(struct pare_reader *r, const char *path,
                      struct pare_tensor *t)
{
    struct pare_h5_info info;
    uint32_t *index;
    int err = pare_h5_info(&info, r->h, path);

    if (!err && (info.rank != 1 || info.count > t->n))
        err = pare_fail(PARE_EFORMAT, "'%s' has too many positions", path);
    if (!err && r->walk)
        return pare_h5_probe(r->h, path, PARE_H5_U32, info.count);
    if (err)
        return err;
    index = malloc((info.count + 1) * sizeof *index);
    if (!index)
        return pare_fail(PARE_ENOMEM, "no memory");
    err = pare_h5_read(index, r->h, path, PARE_H5_U32, info.count);
    memset(t->mask, 0, t->n);
    for (size_t i = 0; !err && i < info.count; i++) {
        if (index[i] >= t->n || (i && index[i] <= index[i - 1]))
            err = pare_fail(PARE_EFORMAT,
                            "'%s' is not ascending or out of range", path);
        else
            t->mask[index[i]] = 1;
    }
    free(index);
    return err;
}

/* On a walk a mask is never looked into: it takes no memory. */
static int need_mask(struct pare_reader *r, struct pare_tensor *t)
{
    if (!r->walk)
        return pare_tensor_need_mask(t);
    t->mask = calloc(1, t->n);
    return t->mask ? 0 : pare_fail(PARE_ENOMEM, "no memory");
}

int pare_read_mask(struct pare_reader *r, const char *path,
                   struct pare_tensor *t, struct pare_stored *stored)
{
    char bitmap[PATH_BYTES + 8], index[PATH_BYTES + 8];
    struct pare_h5_info info;
    int bits, positions, err;

    snprintf(bitmap, sizeof bitmap, "%s.mask", path);
    snprintf(index, sizeof index, "%s.index", path);
    bits = pare_h5_exists(r->h, bitmap);
    positions = bits < 0 ? bits : pare_h5_exists(r->h, index);
    if (positions < 0)
        return positions;
    if (!bits && !positions)
        return pare_read_filtered_mask(r, path, t, stored);
    if (bits && positions)
        return pare_fail(PARE_EFORMAT, "'%s' has two masks", path);
    err = pare_reader_charge(r, t->n, 1);
    if (!err)
        err = need_mask(r, t);
    if (!err)
        err = bits ? read_bitmap(r, bitmap, t) : read_index(r, index, t);
    if (!err)
        err = pare_h5_info(&info, r->h, bits ? bitmap : index);
    if (err)
        return err;
    stored->encoding = bits ? PARE_ENC_BITMAP : PARE_ENC_INDEX;
    stored->mask_bytes = info.stored;
    return 0;
}

/* ---- writing ---------------------------------------------------------- */

/* Is all of a piece 0 where the mask is? In vector code. */
PARE_CLONES
static uint32_t some_under_mask(const float *v, const uint8_t *mask, size_t n)
{
    uint32_t some = 0;

    for (size_t i = 0; i < n; i++)
        some |= (v[i] != 0.0f) & (mask[i] == 0);
    return some;
}

bool pare_zero_under_mask(const float *v, const struct pare_tensor *t)
{
    for (size_t i = 0; i < t->n; i += PIECE)
        if (some_under_mask(v + i, t->mask + i,
                            t->n - i < PIECE ? t->n - i : PIECE))
            return false;
    return true;
}

int pare_write_finite(const float *v, const struct pare_tensor *t)
{
    size_t i = pare_first_nonfinite(v, t->n);

    if (i == t->n)
        return 0;
    return pare_fail(PARE_EINVAL, "'%s' holds a value that is %s", t->name,
                     isnan(v[i]) ? "not a number" : "infinite");
}

/* Values that a mask keeps, taken in order. */
struct kept {
    const float *value;
    const uint8_t *mask;
    size_t n;    /* positions */
    size_t at;   /* the position to look at next ... */
    size_t done; /* ... and how many are kept before it */
};

/* One value to where it may lie oddly. */
static char *put_value(char *to, const float *v)
{
    memcpy(to, v, sizeof *v);
    return to + sizeof *v;
}

static void skip_one(struct kept *k, char **to, size_t *left)
{
    if (k->mask[k->at]) {
        *to = put_value(*to, &k->value[k->at]);
        --*left;
    }
    k->at++;
}

/* The next `left` values. */
static void pick(struct kept *k, char *to, size_t left)
{
    k->done += left;
    while (left) {
        uint64_t bits;

        if (left < 64 || k->at % 64 || k->n - k->at < 64) {
            skip_one(k, &to, &left);
            continue;
        }
        bits = pare_bits_pack(k->mask + k->at, 64);
        if (bits == UINT64_MAX) {
            memcpy(to, k->value + k->at, 64 * sizeof *k->value);
            to += 64 * sizeof *k->value;
            left -= 64;
        }
        for (; bits != UINT64_MAX && bits; bits &= bits - 1, left--)
            to = put_value(to, &k->value[k->at + pare_bits_lowest(bits)]);
        k->at += 64;
    }
}

/* Bytes at..at+n-1 of the values; from the first again where they are asked
   for out of order. */
static void make_kept(void *arg, void *out, size_t at, size_t n)
{
    struct kept *k = arg;
    size_t first = at / sizeof(float);

    if (first != k->done) {
        k->at = k->done = 0;
        for (; k->done < first; k->at++)
            k->done += k->mask[k->at];
    }
    pick(k, out, n / sizeof(float));
}

int pare_write_kept(struct pare_build *b, const char *path, const float *v,
                    const struct pare_tensor *t)
{
    char name[PATH_BYTES + 8];
    struct kept *k;

    snprintf(name, sizeof name, "%s.kept", path);
    if (b->level)
        return pare_packed_write_kept(b, name, v, t);
    if (t->pattern)
        return pare_h5w_lend(b->w, name, PARE_H5_F32, 1, &t->n, v);
    k = malloc(sizeof *k);
    if (!k)
        return pare_fail(PARE_ENOMEM, "no memory");
    *k = (struct kept){.value = v, .mask = t->mask, .n = t->n};
    return pare_h5w_make(b->w, name, PARE_H5_F32, pare_tensor_kept(t),
                         make_kept, k);
}

int pare_write_dense(struct pare_build *b, const char *path, const float *v,
                     const struct pare_tensor *t)
{
    struct pare_tensor as = *t;

    if (!b->level)
        return pare_h5w_lend(b->w, path, PARE_H5_F32, t->rank, t->dim, v);
    as.mask = NULL;
    return pare_packed_write_whole(b, path, v, &as);
}

int pare_write_array(struct pare_build *b, const char *path, const float *v,
                     const struct pare_tensor *t)
{
    return t->pattern || (t->mask && pare_zero_under_mask(v, t))
               ? pare_write_kept(b, path, v, t)
               : pare_write_dense(b, path, v, t);
}

static int write_bitmap(struct pare_build *b, const char *path,
                        const struct pare_tensor *t)
{
    size_t n = (t->n + 7) / 8;
    uint8_t *bits = calloc(1, n + 1);
    int err;

    if (!bits)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; i < n; i++)
        bits[i] = (uint8_t)pare_bits_pack(t->mask + 8 * i,
                                          t->n - 8 * i < 8 ? t->n - 8 * i : 8);
    err = pare_h5w_mask(b->w, path, PARE_H5_U8, n, bits);
    free(bits);
    return err;
}

static int write_index(struct pare_build *b, const char *path,
                       const struct pare_tensor *t, size_t kept)
{
    uint32_t *index = malloc((kept + 1) * sizeof *index);
    size_t n = 0;
    int err;

    if (!index)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; i < t->n; i++)
        if (t->mask[i])
            index[n++] = (uint32_t)i;
    err = pare_h5w_mask(b->w, path, PARE_H5_U32, n, index);
    free(index);
    return err;
}

int pare_write_mask(struct pare_build *b, const char *path,
                    const struct pare_tensor *t, struct pare_stored *stored)
{
    size_t kept = pare_tensor_kept(t);
    bool index = kept < t->n / 32 && t->n <= UINT32_MAX;
    char name[PATH_BYTES + 8];
    int err;

    if (t->pattern)
        return pare_write_pattern(b, path, t, stored);
    snprintf(name, sizeof name, "%s.%s", path, index ? "index" : "mask");
    stored->encoding = index ? PARE_ENC_INDEX : PARE_ENC_BITMAP;
    err = index ? write_index(b, name, t, kept) : write_bitmap(b, name, t);
    if (!err)
        err = pare_h5w_stored(&stored->mask_bytes, b->w, name);
    return err;
}
