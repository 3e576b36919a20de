#include "npz_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npz.h"
#include "status.h"
#include "zip.h"

static enum pare_foreign_type type_of(const struct pare_npy *a)
{
    static const enum pare_foreign_type whole[] = {
        PARE_FOREIGN_I8, PARE_FOREIGN_I16, PARE_FOREIGN_I32, PARE_FOREIGN_I64};
    static const enum pare_foreign_type natural[] = {
        PARE_FOREIGN_U8, PARE_FOREIGN_U16, PARE_FOREIGN_U32, PARE_FOREIGN_U64};
    int width = a->size == 1 ? 0 : a->size == 2 ? 1 : a->size == 4 ? 2 : 3;

    if (a->kind == 'b')
        return PARE_FOREIGN_BOOL;
    if (a->kind == 'f')
        return width == 1   ? PARE_FOREIGN_F16
               : width == 2 ? PARE_FOREIGN_F32
                            : PARE_FOREIGN_F64;
    return a->kind == 'i' ? whole[width] : natural[width];
}

/* The array's memory becomes the tensor's. */
static int add_array(struct pare_foreign *f, struct pare_npy *a,
                     const char *name)
{
    struct pare_foreign_tensor *t = pare_foreign_add(f, name);

    if (!t)
        return PARE_ENOMEM;
    t->type = type_of(a);
    t->big = a->big;
    t->fortran = a->fortran;
    t->rank = a->rank;
    for (int i = 0; i < a->rank; i++)
        t->dim[i] = a->dim[i];
    t->bytes = a->value;
    t->owned = a->bytes;
    memset(a, 0, sizeof *a);
    return 0;
}

int pare_npz_foreign(struct pare_foreign *f, const char *path)
{
    struct pare_foreign new = {0};
    struct pare_npz *z = NULL;
    const char *name;
    int err = pare_npz_open(&z, path);

    for (size_t i = 0; !err && (name = pare_npz_name(z, i)); i++) {
        struct pare_npy a = {0};

        err = pare_npz_read(&a, z, name, name);
        if (!err)
            err = add_array(&new, &a, name);
        else if (err == PARE_EUNREAD)
            err = pare_foreign_note(&new, "%s: left out", pare_error());
        pare_npy_release(&a);
    }
    pare_npz_free(z);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

int pare_npy_foreign(struct pare_foreign *f, const char *path)
{
    struct pare_foreign new = {0};
    struct pare_npy a = {0};
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    size_t n = name ? strlen(name) : 0;
    int err = name ? pare_npy_read(&a, path)
                   : pare_fail(PARE_ENOMEM, "out of memory");

    if (n > 4 && strcmp(name + n - 4, ".npy") == 0)
        name[n - 4] = '\0';
    if (!err)
        err = add_array(&new, &a, name);
    pare_npy_release(&a);
    free(name);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

bool pare_npz_looks(const unsigned char *head, size_t n)
{
    return pare_zip_begins(head, n, "*.npy");
}

bool pare_npy_looks(const unsigned char *head, size_t n)
{
    return n >= 6 && memcmp(head, "\x93NUMPY", 6) == 0;
}
