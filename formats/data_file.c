#include "data_file.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data_feed.h"
#include "h5read.h"
#include "h5write.h"
#include "hugepage.h"
#include "status.h"
#include "trial.h"

#define TRIAL_MEMORY ((uint64_t)1 << 30) /* for all but the samples */
#define TEXT_LIMIT   67108864 /* bytes of all class or feature names */

static const char format[] = "pare-data";

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static size_t value_size(enum pare_xtype type)
{
    return type == PARE_X_U8 ? 1 : sizeof(float);
}

/* ---- writing ---- */

/* Names as one text, each ended by a newline. */
static int write_names(struct pare_h5w *w, const char *path, char *const *name,
                       size_t n)
{
    size_t size = 1;
    char *text, *at;
    int rc;

    if (!name)
        return 0;
    for (size_t i = 0; i < n; i++)
        size += strlen(name[i]) + 1;
    at = text = malloc(size);
    if (!text)
        return no_memory();
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(name[i]);

        memcpy(at, name[i], len);
        at[len] = '\n';
        at += len + 1;
    }
    *at = '\0';
    rc = pare_h5w_text(w, path, text);
    free(text);
    return rc;
}

static int write_norm(struct pare_h5w *w, const struct pare_norm *norm)
{
    size_t n = norm->n;
    int rc;

    if ((rc = pare_h5w_group(w, "/norm")) != 0 ||
        (rc = pare_h5w_data(w, "/norm/scale", PARE_H5_F32, 0, NULL,
                            &norm->scale, false)) != 0 ||
        n == 0)
        return rc;
    rc = pare_h5w_data(w, "/norm/mean", PARE_H5_F32, 1, &n, norm->mean, false);
    if (rc == 0)
        rc =
            pare_h5w_data(w, "/norm/std", PARE_H5_F32, 1, &n, norm->std, false);
    return rc;
}

/* Dimensions of x: one channel is left out. Returns the rank. */
static int stored_dims(size_t dim[4], const struct pare_shape *shape, size_t n)
{
    int first = shape->rank == 3 && shape->dim[0] == 1 ? 1 : 0;
    int rank = 1;

    dim[0] = n;
    for (int i = first; i < shape->rank; i++)
        dim[rank++] = shape->dim[i];
    return rank;
}

static int write_split(struct pare_h5w *w, const struct pare_dataset *d,
                       enum pare_split_id id)
{
    const struct pare_split *s = &d->split[id];
    enum pare_h5_type type = d->type == PARE_X_U8 ? PARE_H5_U8 : PARE_H5_F32;
    char path[16];
    size_t dim[4];
    int rank, rc;

    if (s->n == 0)
        return 0;
    if (s->feed)
        return pare_fail(PARE_EINVAL, "samples that stay in a file cannot be "
                                      "written to another");
    rank = stored_dims(dim, &d->shape, s->n);
    snprintf(path, sizeof path, "/%s", pare_split_name(id));
    if ((rc = pare_h5w_group(w, path)) != 0)
        return rc;
    snprintf(path, sizeof path, "/%s/x", pare_split_name(id));
    if ((rc = pare_h5w_lend(w, path, type, rank, dim, s->x)) != 0)
        return rc;
    snprintf(path, sizeof path, "/%s/y", pare_split_name(id));
    return pare_h5w_lend(w, path, PARE_H5_I32, 1, dim, s->y);
}

static int write_all(struct pare_h5w *w, const struct pare_dataset *d,
                     const char *digest)
{
    int rc;

    if ((rc = pare_h5w_attr_text(w, "/", "format", format)) != 0 ||
        (rc = pare_h5w_attr_i64(w, "/", "format_version", PARE_DATA_VERSION)) !=
            0 ||
        (rc = pare_h5w_attr_text(w, "/", "creator", "pare " PARE_VERSION)) !=
            0 ||
        (rc = pare_h5w_attr_text(w, "/", "digest", digest)) != 0 ||
        (rc = pare_h5w_attr_i64(w, "/", "n_classes", (int64_t)d->n_classes)) !=
            0 ||
        (rc = write_names(w, "/classes", d->class_name, d->n_classes)) != 0 ||
        (rc = write_names(w, "/features", d->feature_name, d->features)) != 0 ||
        (rc = write_norm(w, &d->norm)) != 0)
        return rc;
    if (d->origin && (rc = pare_h5w_text(w, "/origin", d->origin)) != 0)
        return rc;
    for (int i = 0; rc == 0 && i < PARE_SPLITS; i++)
        rc = write_split(w, d, (enum pare_split_id)i);
    return rc;
}

int pare_data_write(const char *path, struct pare_dataset *d)
{
    struct pare_h5w *w = NULL;
    uint64_t bytes;
    char digest[33];
    int rc;

    if ((!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO))
        return pare_fail(PARE_EIO, "will not write a data file to a terminal");
    if ((rc = pare_data_digest(digest, d)) == 0 &&
        (rc = pare_h5w_new(&w, NULL)) == 0 &&
        (rc = write_all(w, d, digest)) == 0 &&
        (rc = pare_h5w_put(w, path, &bytes)) == 0)
        memcpy(d->digest, digest, sizeof digest);
    pare_h5w_free(w);
    return rc;
}

/* ---- reading ---- */

static int open_data(struct pare_h5 **h, const char *path)
{
    char *text = NULL;
    int64_t version;
    int rc = pare_h5_open(h, NULL, 0, path);

    if (rc)
        return rc;
    rc = pare_h5_attr_text(&text, *h, "/", "format", 64);
    if (rc != PARE_ENOMEM && (rc || strcmp(text, format) != 0))
        rc = pare_fail(PARE_EFORMAT, "not a pare data file");
    free(text);
    if (rc == 0)
        rc = pare_h5_attr_i64(&version, *h, "/", "format_version");
    if (rc == 0 && version > PARE_DATA_VERSION)
        rc = pare_fail(PARE_EFORMAT,
                       "data file of version %lld; this pare reads up to %d",
                       (long long)version, PARE_DATA_VERSION);
    if (rc == 0 && version < 1)
        rc = pare_fail(PARE_EFORMAT, "there is no version %lld",
                       (long long)version);
    if (rc == 0)
        return 0;
    pare_h5_close(*h);
    *h = NULL;
    return pare_fail_prefix(rc, "'%s'", path);
}

static int read_digest(char hex[33], struct pare_h5 *h)
{
    char *text = NULL;
    int rc = pare_h5_attr_text(&text, h, "/", "digest", 64);

    if (rc)
        return rc;
    if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
        rc = pare_fail(PARE_EFORMAT, "attribute 'digest' is not a digest");
    else
        memcpy(hex, text, 33);
    free(text);
    return rc;
}

/* Names of a text of n lines; *name stays NULL when there is none. */
static int read_names(char ***name, struct pare_h5 *h, const char *path,
                      size_t n)
{
    char *text = NULL, *at, *end, **list = NULL;
    size_t lines = 0;
    int rc = pare_h5_exists(h, path);

    if (rc <= 0)
        return rc;
    if ((rc = pare_h5_read_text(&text, h, path, TEXT_LIMIT)) != 0)
        return rc;
    for (at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    if (lines != n || (*text && text[strlen(text) - 1] != '\n')) {
        rc = pare_fail(PARE_EFORMAT, "'%s' has %zu names, expected %zu", path,
                       lines, n);
        goto out;
    }
    list = calloc(n, sizeof *list);
    rc = list ? 0 : no_memory();
    at = text;
    for (size_t i = 0; rc == 0 && i < n; i++, at = end + 1) {
        end = strchr(at, '\n');
        *end = '\0';
        if (!(list[i] = strdup(at)))
            rc = no_memory();
    }
    *name = list; /* with the data set to release, in either case */
out:
    free(text);
    return rc;
}

static int read_norm(struct pare_norm *norm, struct pare_h5 *h,
                     const struct pare_dataset *d)
{
    struct pare_h5_info info;
    int rc = pare_h5_read(&norm->scale, h, "/norm/scale", PARE_H5_F32, 1);

    if (rc)
        return rc;
    if (!(norm->scale > 0) || !isfinite(norm->scale))
        return pare_fail(PARE_EFORMAT, "'/norm/scale' is not above 0");
    if ((rc = pare_h5_exists(h, "/norm/mean")) <= 0)
        return rc;
    if ((rc = pare_h5_info(&info, h, "/norm/mean")) != 0)
        return rc;
    if (info.rank != 1 ||
        (info.count != 1 && info.count != d->features &&
         (d->shape.rank != 3 || info.count != d->shape.dim[0])))
        return pare_fail(PARE_EFORMAT,
                         "'/norm/mean' has %zu values: neither one, nor one "
                         "a channel, nor one a feature",
                         info.count);
    norm->mean = malloc(info.count * sizeof(float));
    norm->std = malloc(info.count * sizeof(float));
    if (!norm->mean || !norm->std)
        return no_memory();
    norm->n = info.count;
    if ((rc = pare_h5_read(norm->mean, h, "/norm/mean", PARE_H5_F32,
                           norm->n)) != 0 ||
        (rc = pare_h5_read(norm->std, h, "/norm/std", PARE_H5_F32, norm->n)) !=
            0)
        return rc;
    for (size_t i = 0; i < norm->n; i++)
        if (!isfinite(norm->mean[i]) || !isfinite(norm->std[i]) ||
            !(norm->std[i] > 0))
            return pare_fail(PARE_EFORMAT,
                             "normalisation %zu: mean %g, deviation %g", i,
                             (double)norm->mean[i], (double)norm->std[i]);
    return 0;
}

/* Shape, type and number of samples of a split from its x. */
static int read_layout(struct pare_shape *shape, enum pare_xtype *type,
                       size_t *n, struct pare_h5 *h, const char *path)
{
    struct pare_h5_info info;
    int rc = pare_h5_info(&info, h, path);

    if (rc)
        return rc;
    if (info.type != PARE_H5_U8 && info.type != PARE_H5_F32)
        return pare_fail(PARE_EFORMAT, "'%s' is neither uint8 nor float32",
                         path);
    if (info.rank < 2 || info.rank > 4)
        return pare_fail(PARE_EFORMAT, "'%s' has rank %d, expected 2, 3 or 4",
                         path, info.rank);
    if (info.count == 0 || info.dim[0] > UINT32_MAX)
        return pare_fail(PARE_EFORMAT, "'%s' has %zu samples", path,
                         info.count ? info.dim[0] : 0);
    memset(shape, 0, sizeof *shape);
    shape->rank = info.rank == 2 ? 1 : 3;
    shape->dim[0] = 1;
    for (int i = 1; i < info.rank; i++)
        shape->dim[shape->rank - info.rank + i] = info.dim[i];
    *type = info.type == PARE_H5_U8 ? PARE_X_U8 : PARE_X_F32;
    *n = info.dim[0];
    return 0;
}

static int check_split(const struct pare_dataset *d, enum pare_split_id id)
{
    const struct pare_split *s = &d->split[id];

    for (size_t i = 0; i < s->n; i++)
        if (s->y[i] < 0 || (size_t)s->y[i] >= d->n_classes)
            return pare_fail(PARE_EFORMAT,
                             "'/%s/y': label %d of sample %zu, there are %zu "
                             "classes",
                             pare_split_name(id), (int)s->y[i], i,
                             d->n_classes);
    if (s->feed || d->type != PARE_X_F32)
        return 0;
    return pare_data_finite(s->x, s->n * d->features, id);
}

/* A reading of a file. */
struct reading {
    struct pare_dataset d;
    const char *path;
    bool samples; /* them too, not all but them */
    size_t room;  /* bytes of inputs that may still go into memory */
};

/* The inputs: into memory while there is room, or as a feed where they lie
 * in one piece. */
static int read_x(struct pare_split *s, struct reading *r, struct pare_h5 *h,
                  enum pare_split_id id, size_t n)
{
    enum pare_h5_type type = r->d.type == PARE_X_U8 ? PARE_H5_U8 : PARE_H5_F32;
    size_t size = r->d.features * value_size(r->d.type);
    char path[16];
    uint64_t at = 0;
    int fd = -1, rc = 0;

    snprintf(path, sizeof path, "/%s/x", pare_split_name(id));
    if (n * size > r->room)
        rc = pare_h5_extent(&fd, &at, h, path, type, n * r->d.features);
    if (rc > 0)
        return pare_data_feed(&s->feed, fd, at, size, r->path);
    if (rc < 0)
        return rc;
    s->x = pare_hugepage(malloc(n * size), n * size);
    if (!s->x)
        return no_memory();
    r->room -= n * size < r->room ? n * size : r->room;
    return pare_h5_read(s->x, h, path, type, n * r->d.features);
}

/* The samples of a split whose layout is known. */
static int read_samples(struct reading *r, struct pare_h5 *h,
                        enum pare_split_id id, size_t n)
{
    struct pare_split *s = &r->d.split[id];
    char path[16];
    int rc = read_x(s, r, h, id, n);

    if (rc)
        return rc;
    s->y = malloc(n * sizeof *s->y);
    if (!s->y)
        return no_memory();
    snprintf(path, sizeof path, "/%s/y", pare_split_name(id));
    if ((rc = pare_h5_read(s->y, h, path, PARE_H5_I32, n)) != 0)
        return rc;
    s->n = n;
    return check_split(&r->d, id);
}

static int read_split(struct reading *r, struct pare_h5 *h,
                      enum pare_split_id id)
{
    struct pare_dataset *d = &r->d;
    struct pare_shape shape;
    struct pare_h5_info info;
    enum pare_xtype type = PARE_X_U8;
    char path[16];
    size_t n = 0;
    int rc;

    snprintf(path, sizeof path, "/%s", pare_split_name(id));
    if ((rc = pare_h5_exists(h, path)) <= 0)
        return rc;
    snprintf(path, sizeof path, "/%s/y", pare_split_name(id));
    if ((rc = pare_h5_info(&info, h, path)) != 0)
        return rc;
    snprintf(path, sizeof path, "/%s/x", pare_split_name(id));
    if ((rc = read_layout(&shape, &type, &n, h, path)) != 0)
        return rc;
    if (d->shape.rank == 0) {
        d->shape = shape;
        d->type = type;
        d->features = pare_shape_size(&shape);
    }
    if (type != d->type || shape.rank != d->shape.rank ||
        memcmp(shape.dim, d->shape.dim, sizeof shape.dim) != 0)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has another type or shape than the splits "
                         "before it",
                         path);
    return r->samples ? read_samples(r, h, id, n) : 0;
}

/* All, or all but the samples. */
static int read_all(struct reading *r, struct pare_h5 *h)
{
    struct pare_dataset *d = &r->d;
    char digest[33];
    int64_t classes;
    int rc;

    if ((rc = read_digest(d->digest, h)) != 0 ||
        (rc = pare_h5_attr_i64(&classes, h, "/", "n_classes")) != 0)
        return rc;
    if (classes < 1 || classes > PARE_DATA_CLASSES)
        return pare_fail(PARE_EFORMAT, "attribute 'n_classes' is %lld",
                         (long long)classes);
    d->n_classes = (size_t)classes;
    for (int i = 0; i < PARE_SPLITS; i++)
        if ((rc = read_split(r, h, (enum pare_split_id)i)) != 0)
            return rc;
    if (d->shape.rank == 0)
        return pare_fail(PARE_EFORMAT, "has none of train, val and test");
    if ((rc = read_norm(&d->norm, h, d)) != 0 ||
        (rc = read_names(&d->class_name, h, "/classes", d->n_classes)) != 0 ||
        (rc = read_names(&d->feature_name, h, "/features", d->features)) != 0 ||
        (rc = pare_h5_exists(h, "/origin")) < 0)
        return rc;
    if (rc > 0 &&
        (rc = pare_h5_read_text(&d->origin, h, "/origin", TEXT_LIMIT)) != 0)
        return rc;
    if (!r->samples)
        return 0;
    if ((rc = pare_data_digest(digest, d)) != 0)
        return rc;
    if (memcmp(digest, d->digest, sizeof digest) != 0)
        return pare_fail(PARE_EFORMAT,
                         "damaged: its digest is %s, its content's %s",
                         d->digest, digest);
    return 0;
}

static int read_file(void *arg)
{
    struct reading *r = arg;
    struct pare_h5 *h = NULL;
    int rc = open_data(&h, r->path);

    if (rc == 0 && (rc = read_all(r, h)) != 0)
        rc = pare_fail_prefix(rc, "'%s'", r->path);
    pare_h5_close(h);
    return rc;
}

int pare_data_read(struct pare_dataset *d, const char *path)
{
    struct reading r = {.path = path};
    int rc;

    if ((rc = pare_data_room(&r.room)) != 0)
        return rc;
    pare_h5_start();
    rc = pare_trial(read_file, &r, path, TRIAL_MEMORY);
    if (rc)
        return rc;
    r.samples = true;
    rc = read_file(&r);
    if (rc)
        pare_dataset_release(&r.d);
    else
        *d = r.d;
    return rc;
}

struct peeking {
    char digest[33];
    const char *path;
};

static int peek(void *arg)
{
    struct peeking *p = arg;
    struct pare_h5 *h = NULL;
    int rc = open_data(&h, p->path);

    if (rc == 0 && (rc = read_digest(p->digest, h)) != 0)
        rc = pare_fail_prefix(rc, "'%s'", p->path);
    pare_h5_close(h);
    return rc;
}

int pare_data_peek_digest(char hex[33], const char *path)
{
    struct peeking p = {.path = path};
    int rc;

    pare_h5_start();
    rc = pare_trial(peek, &p, path, TRIAL_MEMORY);
    if (rc == 0)
        rc = peek(&p);
    if (rc == 0)
        memcpy(hex, p.digest, sizeof p.digest);
    return rc;
}
