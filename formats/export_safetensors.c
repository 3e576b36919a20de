#include "export_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json.h"
#include "status.h"

#define HEADER_MAX 100000000 /* bytes of JSON that readers accept */

/* Where a tensor lies behind the header. */
struct place {
    const struct pare_tensor *t;
    uint64_t begin, end;
};

static const char *const type_name[PARE_DTYPES] = {"F32", "F16", "BF16"};

/* Wide types first, so that all are aligned, then by name. */
static int compare(const void *a, const void *b)
{
    const struct pare_tensor *x = ((const struct place *)a)->t;
    const struct pare_tensor *y = ((const struct place *)b)->t;
    size_t wide = pare_dtype_size(x->dtype), wider = pare_dtype_size(y->dtype);

    if (wide != wider)
        return wide > wider ? -1 : 1;
    if (x->dtype != y->dtype)
        return x->dtype < y->dtype ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* All tensors, [n_tensors] malloc'd, in the order of the file. */
static int lay(struct place **place, const struct pare_model *m)
{
    struct place *p = calloc(m->n_tensors + 1, sizeof *p);
    uint64_t at = 0, bytes;
    int err = 0;

    if (!p)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < m->n_tensors; i++)
        p[i].t = &m->tensor[i];
    qsort(p, m->n_tensors, sizeof *p, compare);
    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        err = pare_export_bytes(&bytes, p[i].t, p[i].t->dtype);
        if (!err && bytes > INT64_MAX - at)
            err = pare_fail(PARE_ELIMIT, "more than 2^63 bytes of values");
        if (err)
            break;
        p[i].begin = at;
        p[i].end = at += bytes;
    }
    if (err)
        free(p);
    else
        *place = p;
    return err;
}

/* Numbers of the normalisation, separated by spaces. */
static int add_numbers(struct pare_json *j, const char *key, const float *v,
                       size_t n)
{
    char *text = malloc(n * 16 + 1);
    size_t at = 0;

    if (!text)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, 16 * n + 1 - at, "%s%.9g",
                               i ? " " : "", (double)v[i]);
    pare_json_text(j, key, text);
    free(text);
    return 0;
}

/* Names of classes as a JSON array in a string: names may hold anything. */
static int add_classes(struct pare_json *j, const struct pare_model *m)
{
    struct pare_json *list = pare_json_new();
    char *text;

    pare_json_array(list, NULL);
    for (size_t i = 0; i < m->n_classes; i++)
        pare_json_text(list, NULL, m->class_name[i]);
    text = pare_json_finish(list);
    if (!text)
        return PARE_ENOMEM;
    pare_json_text(j, "pare.classes", text);
    free(text);
    return 0;
}

static int add_metadata(struct pare_json *j, const struct pare_model *m,
                        const char *weights)
{
    int err = 0;

    pare_json_object(j, "__metadata__");
    pare_json_text(j, "format", "pt");
    if (!pare_arch_is_weights(&m->arch))
        pare_json_text(j, "pare.arch", m->arch.text);
    if (m->class_name)
        err = add_classes(j, m);
    if (!err && m->norm.n)
        err = add_numbers(j, "pare.mean", m->norm.mean, m->norm.n);
    if (!err && (m->norm.n || (m->norm.scale != 0 && m->norm.scale != 1)))
        err = add_numbers(j, "pare.scale", &m->norm.scale, 1);
    if (!err && m->norm.n)
        err = add_numbers(j, "pare.std", m->norm.std, m->norm.n);
    pare_json_text(j, "pare.weights", weights);
    pare_json_end(j);
    return err;
}

static void add_tensor(struct pare_json *j, const struct place *p)
{
    pare_json_object(j, p->t->name);
    pare_json_text(j, "dtype", type_name[p->t->dtype]);
    pare_json_array(j, "shape");
    for (int i = 0; i < p->t->rank; i++)
        pare_json_int(j, NULL, (int64_t)p->t->dim[i]);
    pare_json_end(j);
    pare_json_array(j, "data_offsets");
    pare_json_int(j, NULL, (int64_t)p->begin);
    pare_json_int(j, NULL, (int64_t)p->end);
    pare_json_end(j);
    pare_json_end(j);
}

static int make_header(char **text, const struct pare_model *m,
                       const char *weights, const struct place *place)
{
    struct pare_json *j = pare_json_new();
    char *made;
    int err;

    pare_json_object(j, NULL);
    err = add_metadata(j, m, weights);
    for (size_t i = 0; i < m->n_tensors && !err; i++)
        add_tensor(j, &place[i]);
    made = pare_json_finish(j);
    if (!err && !made)
        err = PARE_ENOMEM;
    if (!err && strlen(made) > HEADER_MAX - 8)
        err = pare_fail(PARE_ELIMIT, "the header has more than %d bytes",
                        HEADER_MAX);
    if (err)
        free(made);
    else
        *text = made;
    return err;
}

/* Its length in 8 bytes, and spaces up to a multiple of 8. */
static int put_header(struct pare_atomic *a, const char *text)
{
    size_t n = strlen(text), padded = (n + 7) / 8 * 8;
    unsigned char length[8];
    int err;

    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    err = pare_atomic_put(a, length, sizeof length);
    if (!err)
        err = pare_atomic_put(a, text, n);
    return err ? err : pare_atomic_put(a, "       ", padded - n);
}

/* The tensors are loaded one at a time, if they are not in memory. */
static int put_tensors(struct pare_atomic *a, const struct pare_model *m,
                       const struct place *place)
{
    int err = 0;

    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        size_t t = (size_t)(place[i].t - m->tensor);

        err = pare_tensor_load(m, t);
        if (!err)
            err = pare_export_values(place[i].t, place[i].t->dtype,
                                     pare_export_put_file, a);
        pare_tensor_drop(m, t);
    }
    return err;
}

int pare_safetensors_write(const char *path, const struct pare_model *m)
{
    struct pare_atomic a = {0};
    struct place *place = NULL;
    char weights[PARE_DIGEST_LEN], *header = NULL;
    int err = pare_export_no_terminal(path);

    if (!err) /* types of tensors that were loaded for it are known */
        err = pare_digest_weights(weights, m);
    if (!err)
        err = lay(&place, m);
    if (!err)
        err = make_header(&header, m, weights, place);
    if (err)
        goto out;
    err = pare_atomic_begin(&a, path);
    if (err)
        goto out;
    err = put_header(&a, header);
    if (!err)
        err = put_tensors(&a, m, place);
    if (err)
        pare_atomic_cancel(&a);
    else
        err = pare_atomic_commit(&a);
out:
    free(header);
    free(place);
    return err;
}
