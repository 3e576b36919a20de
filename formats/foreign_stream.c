/* Tensors of foreign files that do not fit into memory together. */
#include <stdlib.h>

#include "foreign_parts.h"
#include "hugepage.h"
#include "model_io.h"
#include "status.h"

#define PART ((uint64_t)4 << 20) /* values converted together */

struct parts {
    const struct pare_foreign *f;
    struct foreign_item *item; /* [n_tensors] */
    bool transpose;
};

/* As it is in the file, of a type whose values are all float32. */
static bool is_plain(const struct pare_foreign_tensor *t)
{
    return t->type <= PARE_FOREIGN_F32 && !t->big && !t->fortran && !t->owned;
}

int pare_foreign_streams(bool *streams, struct foreign_item *const *p, size_t n)
{
    uint64_t limit, all = 0;
    bool can = true;
    int err = pare_stream_min(&limit);

    if (err)
        return err;
    for (size_t i = 0; can && i < n; i++) {
        uint64_t count = pare_foreign_count(p[i]->tensor);

        can = is_plain(p[i]->tensor) && count <= UINT32_MAX;
        all += count;
    }
    *streams = can && all > limit / sizeof(float);
    return 0;
}

/* Values from `at` on of one that is in memory. */
static struct pare_foreign_tensor part_of(const struct pare_foreign_tensor *t,
                                          uint64_t at, uint64_t n)
{
    struct pare_foreign_tensor part = *t;

    part.rank = 1;
    part.dim[0] = n;
    part.bytes = (const char *)t->bytes + at * pare_foreign_size(t->type);
    return part;
}

/* Its bytes need not be in memory for now. */
static void done(const struct pare_foreign *f,
                 const struct pare_foreign_tensor *t)
{
    if (t->bytes)
        pare_foreign_done(f, t->bytes,
                          (size_t)pare_foreign_count(t) *
                              pare_foreign_size(t->type));
}

/* A part after the other, so that little of the file is in memory. */
static int load_parts(float *out, const struct pare_foreign *f,
                      const struct pare_foreign_tensor *t)
{
    const uint64_t all = pare_foreign_count(t);
    const struct pare_foreign_tensor *mask = t->mask;
    int err = 0;

    if (t->zip || (mask && (mask->zip || mask->fortran)))
        return pare_foreign_floats(out, t, NULL);
    for (uint64_t at = 0; !err && at < all; at += PART) {
        uint64_t n = all - at < PART ? all - at : PART;
        struct pare_foreign_tensor part = part_of(t, at, n);
        struct pare_foreign_tensor hidden = part_of(mask ? mask : t, at, n);

        if (mask)
            part.mask = &hidden;
        err = pare_foreign_floats(out + at, &part, NULL);
        done(f, &part);
        done(f, &hidden);
    }
    /* Say which value it is of all. */
    return err ? pare_foreign_floats(out, t, NULL) : 0;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    const struct parts *p = arg;
    const struct foreign_item *item = &p->item[tensor];
    const struct pare_foreign_options o = {.transpose = p->transpose};
    struct pare_tensor *t = &m->tensor[tensor];
    int err;

    t->value = pare_hugepage(malloc((t->n + 1) * sizeof *t->value),
                             t->n * sizeof *t->value);
    if (!t->value)
        return pare_fail(PARE_ENOMEM, "no memory for '%s'", t->name);
    err = p->transpose ? pare_foreign_values(t->value, item, &o, NULL)
                       : load_parts(t->value, p->f, item->tensor);
    done(p->f, item->tensor);
    if (item->tensor->mask)
        done(p->f, item->tensor->mask);
    return err;
}

/* There are no masks. */
static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    (void)arg;
    (void)m;
    (void)tensor;
    return 0;
}

static void free_parts(void *arg)
{
    struct parts *p = arg;

    free(p->item);
    free(p);
}

int pare_foreign_stream(struct pare_model *m, const struct pare_foreign *f,
                        struct foreign_item *const *p, size_t n,
                        const struct pare_foreign_options *o)
{
    struct parts *parts = calloc(1, sizeof *parts);
    struct pare_loader loader = {
        .load = load, .mask = load_mask, .free = free_parts, .arg = parts};
    int err;

    if (parts)
        parts->item = malloc((n + 1) * sizeof *parts->item);
    if (!parts || !parts->item) {
        free(parts);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        parts->item[i] = *p[i];
        pare_foreign_set_type(&m->tensor[i], p[i]->tensor->type);
    }
    parts->f = f;
    parts->transpose = o->transpose;
    err = pare_model_set_loader(m, &loader);
    if (err)
        free_parts(parts);
    return err;
}
