#include "model_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "status.h"

#define PATH_BYTES 512
#define MOST_NAMES 65536
#define COLUMNS    3 /* of a curve: sparsity, loss, accuracy */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

static void free_names(char **name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(name[i]);
    free(name);
}

/* The scores of one tensor at PATH or PATH.kept; none is fine. */
static int read_scores_of(struct pare_reader *r, struct pare_scores *s,
                          size_t t, const char *path)
{
    const struct pare_tensor *tensor = &r->m->tensor[t];
    char kept[PATH_BYTES + 8];
    int there = pare_h5_exists(r->h, path), err;

    snprintf(kept, sizeof kept, "%s.kept", path);
    if (there == 0 && (tensor->mask || tensor->pattern))
        there = pare_h5_exists(r->h, kept);
    if (there <= 0) {
        free(s->value[t]);
        s->value[t] = NULL;
        return there;
    }
    if (!s->value[t]) {
        err = pare_reader_charge(r, tensor->n, sizeof(float));
        s->value[t] = err ? NULL : calloc(tensor->n, sizeof(float));
        if (!s->value[t])
            return err ? err : no_memory();
    }
    err = pare_read_array(r, s->value[t], path, tensor);
    return err || r->walk ? err
                          : pare_read_finite(s->value[t], path, tensor->n);
}

static int read_scores(struct pare_reader *r, const char *name)
{
    struct pare_scores *s;
    char path[PATH_BYTES];
    int64_t count = 0;
    int err = 0;

    if (!pare_scores_named(name))
        return pare_fail(PARE_EFORMAT, "'/scores' holds '%s'", name);
    for (size_t t = 0; !err && t < r->m->n_tensors; t++)
        if (pare_tensor_prunable(&r->m->tensor[t]))
            err = pare_reader_charge(r, r->m->tensor[t].n, sizeof(float));
    snprintf(path, sizeof path, "/scores/%s", name);
    if (!err)
        err = pare_h5_attr_i64(&count, r->h, path, "count");
    if (!err && count < 0)
        err = pare_fail(PARE_EFORMAT, "'%s' says count=%lld", path,
                        (long long)count);
    if (err)
        return err;
    s = pare_model_begin_scores(r->m, name);
    if (!s)
        return PARE_ENOMEM;
    s->count = (uint64_t)count;
    for (size_t t = 0; !err && t < r->m->n_tensors; t++) {
        snprintf(path, sizeof path, "/scores/%s/%s", name,
                 r->m->tensor[t].name);
        err = read_scores_of(r, s, t, path);
    }
    return err;
}

int pare_scores_read(struct pare_reader *r)
{
    char **name = NULL;
    size_t n = 0;
    int there = pare_h5_exists(r->h, "/scores"), err;

    if (there <= 0)
        return there;
    err = pare_h5_list(&name, &n, r->h, "/scores", MOST_NAMES);
    if (err)
        return err;
    if (n > PARE_SCORES_MAX)
        err = pare_fail(PARE_ELIMIT, "more than %d sets of scores",
                        PARE_SCORES_MAX);
    for (size_t i = 0; !err && i < n; i++)
        err = read_scores(r, name[i]);
    free_names(name, n);
    return err;
}

static int write_scores(struct pare_build *b, const struct pare_scores *s)
{
    const struct pare_model *m = b->m;
    char path[PATH_BYTES];
    int err;

    if (!pare_scores_named(s->name) || s->count > INT64_MAX)
        return pare_fail(PARE_EINVAL, "scores '%s' of %llu", s->name,
                         (unsigned long long)s->count);
    snprintf(path, sizeof path, "/scores/%s", s->name);
    err = pare_h5w_group(b->w, path);
    if (!err)
        err = pare_h5w_attr_i64(b->w, path, "count", (int64_t)s->count);
    for (size_t t = 0; !err && t < m->n_tensors; t++) {
        if (!s->value[t])
            continue;
        err = pare_write_finite(s->value[t], &m->tensor[t]);
        if (err)
            return pare_fail_prefix(err, "scores %s", s->name);
        snprintf(path, sizeof path, "/scores/%s/%s", s->name,
                 m->tensor[t].name);
        err = pare_write_array(b, path, s->value[t], &m->tensor[t]);
    }
    return err;
}

int pare_scores_write(struct pare_build *b)
{
    int err = b->m->n_scores ? pare_h5w_group(b->w, "/scores") : 0;

    for (size_t i = 0; !err && i < b->m->n_scores; i++)
        err = write_scores(b, &b->m->scores[i]);
    return err;
}

/* Columns of their own, and put into the model. */
static int keep_curve(struct pare_model *m, size_t layer, size_t n,
                      const double *row)
{
    struct pare_curve c = {.layer = layer, .n = n};
    int err;

    c.sparsity = malloc(n * sizeof *c.sparsity);
    c.loss = malloc(n * sizeof *c.loss);
    c.accuracy = malloc(n * sizeof *c.accuracy);
    err = c.sparsity && c.loss && c.accuracy ? 0 : no_memory();
    for (size_t i = 0; !err && i < n; i++) {
        c.sparsity[i] = row[COLUMNS * i];
        c.loss[i] = row[COLUMNS * i + 1];
        c.accuracy[i] = row[COLUMNS * i + 2];
    }
    if (!err && pare_curve_check(&c))
        err = pare_fail_prefix(PARE_EFORMAT, "'/curves/%s'",
                               m->arch.layer[layer].name);
    if (!err)
        err = pare_model_set_curve(m, &c);
    if (err) {
        free(c.sparsity);
        free(c.loss);
        free(c.accuracy);
    }
    return err;
}

static int read_curve(struct pare_reader *r, size_t layer, const char *path)
{
    struct pare_h5_info info;
    double *row;
    int err = pare_h5_info(&info, r->h, path);

    if (!err && (info.rank != 2 || info.dim[1] != COLUMNS || !info.dim[0] ||
                 info.dim[0] > PARE_POINTS_MAX))
        err = pare_fail(PARE_EFORMAT,
                        "'%s' is no table of 1 to %d rows and %d columns", path,
                        PARE_POINTS_MAX, COLUMNS);
    if (!err && r->walk)
        return pare_h5_probe(r->h, path, PARE_H5_F64, info.count);
    if (!err)
        err = pare_reader_charge(r, 2 * info.count, sizeof *row);
    if (err)
        return err;
    row = malloc(info.count * sizeof *row);
    if (!row)
        return no_memory();
    err = pare_h5_read(row, r->h, path, PARE_H5_F64, info.count);
    if (!err)
        err = keep_curve(r->m, layer, info.dim[0], row);
    free(row);
    return err;
}

/* Of each layer's tensors the first, so that each is asked for once. */
static bool begins_layer(const struct pare_model *m, size_t t)
{
    return t == 0 || m->tensor[t - 1].layer != m->tensor[t].layer;
}

/* Layers without tensors have no curve. */
int pare_curves_read(struct pare_reader *r)
{
    const struct pare_model *m = r->m;
    int there = pare_h5_exists(r->h, "/curves"), err = 0;

    if (there <= 0)
        return there;
    for (size_t t = 0; !err && t < m->n_tensors; t++) {
        char path[PATH_BYTES];
        size_t layer = m->tensor[t].layer;

        if (!begins_layer(m, t))
            continue;
        snprintf(path, sizeof path, "/curves/%s", m->arch.layer[layer].name);
        there = pare_h5_exists(r->h, path);
        err = there > 0 ? read_curve(r, layer, path) : there;
    }
    return err;
}

static int write_curve(struct pare_build *b, const struct pare_curve *c)
{
    const char *layer = b->m->arch.layer[c->layer].name;
    size_t dim[2] = {c->n, COLUMNS};
    char path[PATH_BYTES];
    double *row;
    size_t t = 0;
    int err = pare_curve_check(c);

    while (t < b->m->n_tensors && b->m->tensor[t].layer != c->layer)
        t++;
    if (!err && t == b->m->n_tensors)
        err = pare_fail(PARE_EINVAL, "a layer without weights");
    if (err)
        return pare_fail_prefix(err, "the curve of '%s'", layer);
    row = malloc(c->n * COLUMNS * sizeof *row);
    if (!row)
        return no_memory();
    for (size_t i = 0; i < c->n; i++) {
        row[COLUMNS * i] = c->sparsity[i];
        row[COLUMNS * i + 1] = c->loss[i];
        row[COLUMNS * i + 2] = c->accuracy[i];
    }
    snprintf(path, sizeof path, "/curves/%s", layer);
    err = pare_h5w_data(b->w, path, PARE_H5_F64, 2, dim, row, false);
    free(row);
    return err;
}

int pare_curves_write(struct pare_build *b)
{
    int err = b->m->n_curves ? pare_h5w_group(b->w, "/curves") : 0;

    for (size_t i = 0; !err && i < b->m->n_curves; i++)
        err = write_curve(b, &b->m->curve[i]);
    if (!err && b->m->n_curves)
        err = pare_h5w_attr_text(b->w, "/curves", "columns",
                                 "sparsity loss accuracy");
    return err;
}
