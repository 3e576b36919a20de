#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "digest.h"
#include "status.h"

#define FEED_BLOCK 1048576 /* bytes of samples looked at at a time */

static size_t value_size(enum pare_xtype type)
{
    return type == PARE_X_U8 ? 1 : sizeof(float);
}

static void digest_names(struct pare_digest *g, char *const *name, size_t n)
{
    pare_digest_u64(g, name ? n : 0);
    for (size_t i = 0; name && i < n; i++)
        pare_digest_text(g, name[i]);
}

static bool all_finite(const float *v, size_t n)
{
    uint32_t bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= !(v[i] - v[i] == 0);
    return !bad;
}

int pare_data_finite(const float *v, size_t n, enum pare_split_id id)
{
    if (all_finite(v, n))
        return 0;
    return pare_fail(PARE_EFORMAT, "'/%s/x' has values that are not finite",
                     pare_split_name(id));
}

/* Samples that stay in the file, in one pass; that they are finite is seen
 * on the way. */
static int digest_feed(struct pare_digest *g, const struct pare_dataset *d,
                       enum pare_split_id id)
{
    const struct pare_split *s = &d->split[id];
    size_t size = d->features * value_size(d->type);
    size_t most = size < FEED_BLOCK ? FEED_BLOCK / size : 1;
    void *block = malloc(most * size);
    int rc = block ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t first = 0; rc == 0 && first < s->n; first += most) {
        size_t n = s->n - first < most ? s->n - first : most;

        s->feed->read(s->feed, block, first, n);
        if (d->type == PARE_X_F32)
            rc = pare_data_finite(block, n * d->features, id);
        if (rc == 0)
            rc = pare_split_fault(s);
        pare_digest_bytes(g, block, n * size);
    }
    free(block);
    return rc;
}

static int digest_split(struct pare_digest *g, const struct pare_dataset *d,
                        enum pare_split_id id)
{
    const struct pare_split *s = &d->split[id];
    int rc = 0;

    pare_digest_u64(g, s->n);
    if (s->n == 0)
        return 0;
    if (s->feed)
        rc = digest_feed(g, d, id);
    else
        pare_digest_bytes(g, s->x, s->n * d->features * value_size(d->type));
    pare_digest_bytes(g, s->y, s->n * sizeof *s->y);
    return rc;
}

int pare_data_digest(char hex[33], const struct pare_dataset *d)
{
    struct pare_digest *g = pare_digest_new();
    char found[33];
    int rc = 0;

    if (!g)
        return PARE_ENOMEM;
    pare_digest_text(g, "pare-data");
    pare_digest_u64(g, d->type);
    pare_digest_u64(g, (uint64_t)d->shape.rank);
    for (int i = 0; i < d->shape.rank; i++)
        pare_digest_u64(g, d->shape.dim[i]);
    pare_digest_u64(g, d->n_classes);
    digest_names(g, d->class_name, d->n_classes);
    digest_names(g, d->feature_name, d->features);
    pare_digest_f64(g, (double)d->norm.scale);
    pare_digest_u64(g, d->norm.n);
    for (size_t i = 0; i < d->norm.n; i++) {
        pare_digest_f64(g, (double)d->norm.mean[i]);
        pare_digest_f64(g, (double)d->norm.std[i]);
    }
    for (int i = 0; rc == 0 && i < PARE_SPLITS; i++)
        rc = digest_split(g, d, (enum pare_split_id)i);
    pare_digest_finish(g, found);
    if (rc == 0)
        memcpy(hex, found, sizeof found);
    return rc;
}
