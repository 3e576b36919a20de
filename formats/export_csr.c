#include "export_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "h5write.h"
#include "json.h"
#include "status.h"

/* Matrices by rows, as two conventions for HDF5 name their arrays. */

#define PATH_ROOM (PARE_NAME_MAX + 32) /* of a path */

/* A tensor as a matrix: (first dimension, all others). */
struct csr {
    size_t rows, cols, n;
    float *value;  /* [n] */
    int32_t *col;  /* [n] */
    int32_t *from; /* [rows + 1] */
};

/* What a convention writes. */
struct convention {
    int (*begin)(struct pare_h5w *w);
    int (*matrix)(struct pare_h5w *w, const struct pare_tensor *t,
                  struct csr *c);
    int (*array)(struct pare_h5w *w, const struct pare_tensor *t);
};

static void release(struct csr *c)
{
    free(c->value);
    free(c->col);
    free(c->from);
}

/* Is a position one of the matrix: kept, or without a mask not 0? */
static bool is_entry(const struct pare_tensor *t, size_t i)
{
    return t->mask ? t->mask[i] != 0 : t->value[i] != 0.0f;
}

static uint64_t count_entries(const struct pare_tensor *t)
{
    uint64_t n = 0;

    if (t->pattern)
        return pare_pattern_count(t->pattern);
    for (size_t i = 0; i < t->n; i++)
        n += is_entry(t, i);
    return n;
}

static void fill(struct csr *c, const struct pare_tensor *t)
{
    const struct pare_pattern *p = t->pattern;
    size_t k = 0;

    for (size_t r = 0; r < c->rows; r++) {
        c->from[r] = (int32_t)k;
        if (p)
            for (uint64_t e = p->row[r]; e < p->row[r + 1]; e++, k++) {
                c->col[k] = (int32_t)p->col[e];
                c->value[k] = t->value[e];
            }
        for (size_t i = 0; !p && i < c->cols; i++) {
            size_t at = r * c->cols + i;

            if (!is_entry(t, at))
                continue;
            c->col[k] = (int32_t)i;
            c->value[k++] = t->value[at];
        }
    }
    c->from[c->rows] = (int32_t)k;
}

static int make_csr(struct csr *c, const struct pare_tensor *t)
{
    uint64_t n = count_entries(t), positions = pare_tensor_positions(t);
    uint64_t rows = t->dim[0], cols = positions / rows;

    if (n > INT32_MAX || cols > INT32_MAX || rows >= INT32_MAX)
        return pare_fail(PARE_ELIMIT,
                         "'%s': more than 2^31 - 1 rows, columns or weights",
                         t->name);
    *c = (struct csr){.rows = rows, .cols = cols, .n = n};
    c->value = malloc((n + 1) * sizeof *c->value);
    c->col = malloc((n + 1) * sizeof *c->col);
    c->from = malloc((rows + 1) * sizeof *c->from);
    if (!c->value || !c->col || !c->from) {
        release(c);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    fill(c, t);
    return 0;
}

/* The three arrays, which the writer takes over, under these names. */
static int give(struct pare_h5w *w, const char *group, struct csr *c,
                const char *values, const char *indices, const char *pointers)
{
    char path[PATH_ROOM];
    int err;

    snprintf(path, sizeof path, "%s/%s", group, values);
    err = pare_h5w_give(w, path, PARE_H5_F32, c->n, c->value);
    c->value = NULL;
    snprintf(path, sizeof path, "%s/%s", group, indices);
    if (!err) {
        err = pare_h5w_give(w, path, PARE_H5_I32, c->n, c->col);
        c->col = NULL;
    }
    snprintf(path, sizeof path, "%s/%s", group, pointers);
    if (!err) {
        err = pare_h5w_give(w, path, PARE_H5_I32, c->rows + 1, c->from);
        c->from = NULL;
    }
    return err;
}

/* The dimensions before they were two, where they were more. */
static int add_shape(struct pare_h5w *w, const char *path,
                     const struct pare_tensor *t)
{
    uint64_t dim[PARE_RANK_MAX];

    for (int i = 0; i < t->rank; i++)
        dim[i] = t->dim[i];
    if (t->rank <= 2)
        return 0;
    return pare_h5w_attr_ints(w, path, "pare-shape", PARE_H5_U64,
                              (size_t)t->rank, dim);
}

/* ---- anndata */

static int anndata_type(struct pare_h5w *w, const char *path, const char *type,
                        const char *version)
{
    int err = pare_h5w_attr_long(w, path, "encoding-type", type);

    return err ? err : pare_h5w_attr_long(w, path, "encoding-version", version);
}

static int anndata_begin(struct pare_h5w *w)
{
    return anndata_type(w, "/", "dict", "0.1.0");
}

static int anndata_matrix(struct pare_h5w *w, const struct pare_tensor *t,
                          struct csr *c)
{
    const uint64_t shape[2] = {c->rows, c->cols};
    char path[PATH_ROOM];
    int err;

    snprintf(path, sizeof path, "/%s", t->name);
    err = pare_h5w_group(w, path);
    if (!err)
        err = anndata_type(w, path, "csr_matrix", "0.1.0");
    if (!err)
        err = pare_h5w_attr_ints(w, path, "shape", PARE_H5_U64, 2, shape);
    if (!err)
        err = add_shape(w, path, t);
    return err ? err : give(w, path, c, "data", "indices", "indptr");
}

static int anndata_array(struct pare_h5w *w, const struct pare_tensor *t)
{
    char path[PATH_ROOM];
    int err;

    snprintf(path, sizeof path, "/%s", t->name);
    err = pare_h5w_data(w, path, PARE_H5_F32, t->rank, t->dim, t->value, false);
    return err ? err : anndata_type(w, path, "array", "0.2.0");
}

static const struct convention anndata = {anndata_begin, anndata_matrix,
                                          anndata_array};

/* ---- binsparse */

static int binsparse_begin(struct pare_h5w *w)
{
    (void)w;
    return 0;
}

/* Group and descriptor; cols 0 is of a vector. */
static int binsparse_group(struct pare_h5w *w, const char *path, size_t rows,
                           size_t cols, size_t stored)
{
    struct pare_json *j = pare_json_new();
    char *text;
    int err = pare_h5w_group(w, path);

    pare_json_object(j, NULL);
    pare_json_object(j, "binsparse");
    pare_json_text(j, "version", "0.1");
    pare_json_text(j, "format", cols ? "CSR" : "DVEC");
    pare_json_array(j, "shape");
    pare_json_int(j, NULL, (int64_t)rows);
    if (cols)
        pare_json_int(j, NULL, (int64_t)cols);
    pare_json_end(j);
    pare_json_int(j, "number_of_stored_values", (int64_t)stored);
    pare_json_object(j, "data_types");
    if (cols) {
        pare_json_text(j, "pointers_to_1", "int32");
        pare_json_text(j, "indices_1", "int32");
    }
    pare_json_text(j, "values", "float32");
    text = pare_json_finish(j);
    if (!err)
        err =
            text ? pare_h5w_attr_text(w, path, "binsparse", text) : PARE_ENOMEM;
    free(text);
    return err;
}

static int binsparse_matrix(struct pare_h5w *w, const struct pare_tensor *t,
                            struct csr *c)
{
    char path[PATH_ROOM];
    int err;

    snprintf(path, sizeof path, "/%s", t->name);
    err = binsparse_group(w, path, c->rows, c->cols, c->n);
    if (!err)
        err = add_shape(w, path, t);
    return err ? err : give(w, path, c, "values", "indices_1", "pointers_to_1");
}

static int binsparse_array(struct pare_h5w *w, const struct pare_tensor *t)
{
    char path[PATH_ROOM];
    int err;

    snprintf(path, sizeof path, "/%s", t->name);
    err = binsparse_group(w, path, t->n, 0, t->n);
    snprintf(path, sizeof path, "/%s/values", t->name);
    return err ? err
               : pare_h5w_data(w, path, PARE_H5_F32, 1, &t->n, t->value, false);
}

static const struct convention binsparse = {binsparse_begin, binsparse_matrix,
                                            binsparse_array};

static int add_tensor(struct pare_h5w *w, const struct pare_tensor *t,
                      const struct convention *to)
{
    struct csr c = {0};
    int err;

    if (t->rank < 2)
        return to->array(w, t);
    err = make_csr(&c, t);
    if (!err)
        err = to->matrix(w, t, &c);
    release(&c);
    return err;
}

static int write_as(const char *path, const struct pare_model *m,
                    const struct convention *to)
{
    struct pare_h5w *w = NULL;
    uint64_t bytes;
    int err = pare_export_no_terminal(path);

    if (!err)
        err = pare_h5w_new(&w, NULL);
    if (!err)
        err = to->begin(w);
    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        err = pare_tensor_load(m, i);
        if (!err)
            err = add_tensor(w, &m->tensor[i], to);
        pare_tensor_drop(m, i);
    }
    if (!err)
        err = pare_h5w_put(w, path, &bytes);
    pare_h5w_free(w);
    return err;
}

int pare_anndata_write(const char *path, const struct pare_model *m)
{
    return write_as(path, m, &anndata);
}

int pare_binsparse_write(const char *path, const struct pare_model *m)
{
    return write_as(path, m, &binsparse);
}
