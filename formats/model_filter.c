/* Weights by the filter of rans.h: dense datasets for all who have it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "h5strings.h"
#include "model_arrays.h"
#include "status.h"

#define PATH_BYTES 520
#define PRUNED     "pruned" /* the attribute of values with a mask */

static bool is_zero(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits == 0;
}

/* Is 0 what is pruned, and nothing else? */
static bool zeros_are_pruned(const struct pare_tensor *t)
{
    for (size_t i = 0; t->mask && i < t->n; i++)
        if (is_zero(t->value[i]) == (t->mask[i] != 0))
            return false;
    return true;
}

int pare_write_filtered(bool *done, struct pare_build *b, const char *path,
                        const struct pare_tensor *t, struct pare_stored *stored)
{
    int err;

    *done = false;
    if (!b->filter || t->pattern || t->role != PARE_ROLE_WEIGHT ||
        t->dtype != PARE_F32 || t->quant.kind != PARE_QUANT_NONE ||
        t->n > PARE_DENSE_POSITIONS || !zeros_are_pruned(t))
        return 0;
    err = pare_h5w_filter(done, b->w, path, t->rank, t->dim, t->value,
                          b->threads);
    if (err || !*done)
        return err;
    stored->encoding = PARE_ENC_RANS;
    if (t->mask)
        err = pare_h5w_attr_text(b->w, path, PRUNED, "0");
    return err ? err : pare_h5w_stored(&stored->value_bytes, b->w, path);
}

int pare_read_is_filtered(struct pare_reader *r, const char *path,
                          const struct pare_tensor *t)
{
    static const char *const other[] = {".mask", ".index", ".rows", ".kept"};
    char name[PATH_BYTES + 8];
    int there = pare_h5_exists(r->h, path);

    if (there > 0 && t->role == PARE_ROLE_WEIGHT)
        there = pare_h5_has_attr(r->h, path, PRUNED);
    else if (there > 0)
        there = 0;
    for (size_t i = 0; i < sizeof other / sizeof *other && there > 0; i++) {
        int also;

        snprintf(name, sizeof name, "%s%s", path, other[i]);
        also = pare_h5_exists(r->h, name);
        if (also)
            there = also < 0 ? also
                             : pare_fail(PARE_EFORMAT,
                                         "'%s' has its mask twice", path);
    }
    return there;
}

int pare_find_values(char *name, size_t size, struct pare_reader *r,
                     const char *path, const struct pare_tensor *t)
{
    int dense = 0;

    pare_values_path(name, size, path, t);
    if (t->mask && t->quant.kind == PARE_QUANT_NONE)
        dense = pare_read_is_filtered(r, path, t);
    if (dense > 0)
        snprintf(name, size, "%s", path);
    return dense;
}

/* A mask from values; on a walk it is never looked into. */
static int mask_of_values(struct pare_reader *r, const char *path,
                          struct pare_tensor *t)
{
    float *v;
    int err;

    t->mask = calloc(t->n ? t->n : 1, 1);
    if (!t->mask)
        return pare_fail(PARE_ENOMEM, "no memory");
    if (r->walk)
        return 0;
    v = malloc((t->n + 1) * sizeof *v);
    err = v ? pare_read_dense(r, v, path, t)
            : pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; !err && i < t->n; i++)
        t->mask[i] = !is_zero(v[i]);
    free(v);
    return err;
}

int pare_read_filtered_mask(struct pare_reader *r, const char *path,
                            struct pare_tensor *t, struct pare_stored *stored)
{
    int there = pare_read_is_filtered(r, path, t);
    int err = there < 0 ? there : 0;

    if (there <= 0)
        return err;
    err = pare_reader_charge(r, t->n, 1);
    if (!err)
        err = mask_of_values(r, path, t);
    stored->encoding = PARE_ENC_RANS;
    return err;
}
