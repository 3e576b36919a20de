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

/* All values, or the mask over those that are there: a part after the other,
 * so that little of the file is in memory. */
static int go_through(float *out, const struct pare_foreign *f,
                      const struct pare_foreign_tensor *t, bool mask)
{
    const uint64_t all = pare_foreign_count(t);
    const uint64_t some = t->zip || t->fortran ? all : PART;
    int err = 0;

    for (uint64_t at = 0; !err && at < all; at += some) {
        uint64_t n = all - at < some ? all - at : some;
        struct pare_foreign_tensor part = n < all ? part_of(t, at, n) : *t;

        err = mask ? pare_foreign_hide(out + at, &part)
                   : pare_foreign_unmasked(out + at, &part, NULL);
        done(f, &part);
    }
    return err;
}

static int load_values(float *out, const struct pare_foreign *f,
                       const struct pare_foreign_tensor *t)
{
    int err = go_through(out, f, t, false);

    if (!err && t->mask)
        err = go_through(out, f, t->mask, true);
    return err ? err : pare_foreign_finite(out, t);
}

/* The same in the order that is asked for. */
static int load_turned(float *out, const struct pare_foreign *f,
                       const struct foreign_item *item)
{
    size_t n = (size_t)pare_foreign_count(item->tensor);
    float *turned = malloc((n + 1) * sizeof *turned);
    int err = turned ? load_values(turned, f, item->tensor)
                     : pare_fail(PARE_ENOMEM, "out of memory");

    if (!err)
        pare_foreign_turn(out, turned, item);
    free(turned);
    return err;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    const struct parts *p = arg;
    const struct foreign_item *item = &p->item[tensor];
    struct pare_tensor *t = &m->tensor[tensor];

    t->value = pare_hugepage(malloc((t->n + 1) * sizeof *t->value),
                             t->n * sizeof *t->value);
    if (!t->value)
        return pare_fail(PARE_ENOMEM, "no memory for '%s'", t->name);
    return p->transpose && item->rank > 1
               ? load_turned(t->value, p->f, item)
               : load_values(t->value, p->f, item->tensor);
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
