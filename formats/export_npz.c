#include "export_rows.h"

#include <stdio.h>
#include <string.h>

#include "status.h"
#include "zip_write.h"

#define HEADER_MAX 512 /* bytes: eight dimensions of 20 digits */

/* An array of the archive. */
struct array {
    const struct pare_tensor *t;
    enum pare_dtype type; /* NumPy has no bfloat16 */
    unsigned char head[HEADER_MAX];
    size_t n_head;
};

/* Header of version 1.0, padded so that the values begin at 64 bytes. */
static void make_head(struct array *a)
{
    char text[HEADER_MAX];
    size_t n = 10, all;

    n += (size_t)snprintf(text, sizeof text,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          a->type == PARE_F16 ? "<f2" : "<f4");
    for (int i = 0; i < a->t->rank; i++)
        n += (size_t)snprintf(text + n - 10, sizeof text - n + 10, "%zu%s",
                              a->t->dim[i],
                              a->t->rank == 1       ? ","
                              : i + 1 == a->t->rank ? ""
                                                    : ", ");
    n += (size_t)snprintf(text + n - 10, sizeof text - n + 10, "), }");
    all = (n + 1 + 63) / 64 * 64;
    memcpy(a->head, "\x93NUMPY\1\0", 8);
    a->head[8] = (unsigned char)((all - 10) & 0xFF);
    a->head[9] = (unsigned char)((all - 10) >> 8);
    memcpy(a->head + 10, text, n - 10);
    memset(a->head + n, ' ', all - n);
    a->head[all - 1] = '\n';
    a->n_head = all;
}

static int make_array(void *arg,
                      int (*put)(void *to, const void *bytes, size_t n),
                      void *to)
{
    const struct array *a = arg;
    int err = put(to, a->head, a->n_head);

    return err ? err : pare_export_values(a->t, a->type, put, to);
}

static int add_tensor(struct pare_zip_out *z, const struct pare_tensor *t)
{
    struct array a = {.t = t, .type = t->dtype};
    char name[PARE_NAME_MAX + 8];
    uint64_t bytes;
    int err;

    if (a.type == PARE_BF16)
        a.type = PARE_F32;
    make_head(&a);
    err = pare_export_bytes(&bytes, t, a.type);
    if (err)
        return err;
    snprintf(name, sizeof name, "%s.npy", t->name);
    return pare_zip_out_add(z, name, a.n_head + bytes, make_array, &a);
}

int pare_npz_write(const char *path, const struct pare_model *m)
{
    struct pare_zip_out *z = NULL;
    int err = pare_export_no_terminal(path);

    if (!err)
        err = pare_zip_out_new(&z, path);
    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        err = pare_tensor_load(m, i);
        if (!err)
            err = add_tensor(z, &m->tensor[i]);
        pare_tensor_drop(m, i);
    }
    if (!err)
        err = pare_zip_out_finish(z);
    pare_zip_out_free(z);
    return err;
}
