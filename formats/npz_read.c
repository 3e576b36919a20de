#include "npz_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_io.h"
#include "npz.h"
#include "status.h"
#include "zip.h"

#define FILE_MOST ((uint64_t)1 << 36) /* bytes of an array */

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

/* A tensor as a header says, without bytes yet. */
static int add_array(struct pare_foreign_tensor **added, struct pare_foreign *f,
                     const struct pare_npy *a, const char *name)
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
    *added = t;
    return 0;
}

/* An array that lies in the file as it is, or is unpacked when it is asked
 * for: then only its header is looked at. */
static int add_member(struct pare_foreign *f, struct pare_npz *z,
                      const struct pare_zip *zip, size_t index)
{
    const char *name = pare_npz_name(z, index);
    const char *member = pare_zip_name(zip, index);
    struct pare_foreign_tensor *t = NULL;
    unsigned char head[PARE_NPY_HEAD];
    struct pare_npy a = {0};
    const void *bytes = NULL;
    size_t n = sizeof head;
    uint64_t size = 0;
    int err = pare_zip_head(head, &n, &size, zip, member, FILE_MOST, name), got;

    if (!err)
        err = pare_npy_header(&a, head, n, size, FILE_MOST, name);
    if (!err)
        err = add_array(&t, f, &a, name);
    if (err)
        return err;
    got = pare_zip_stored(&bytes, &n, zip, member, FILE_MOST, name,
                          pare_foreign_looked, f);
    if (got > 0)
        t->bytes = (const char *)bytes + a.head;
    if (got == 0) {
        t->zip = zip;
        t->member = member;
        t->offset = a.head;
    }
    return got < 0 ? got : 0;
}

int pare_npz_foreign(struct pare_foreign *f, const char *path)
{
    struct pare_foreign new = {0};
    struct pare_npz *z = NULL;
    const unsigned char *bytes;
    size_t n = 0;
    int err = pare_foreign_open(&new, &bytes, &n, path);

    if (!err)
        err = pare_npz_view(&z, bytes, n, path);
    if (!err) {
        new.zip = pare_npz_take(z);
        pare_zip_on_unpacked(new.zip, pare_foreign_unneeded);
        new.budget = pare_model_budget(n);
    }
    for (size_t i = 0; !err && pare_npz_name(z, i); i++) {
        err = add_member(&new, z, new.zip, i);
        if (err == PARE_EUNREAD)
            err = pare_foreign_note(&new, "%s: left out", pare_error());
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
    struct pare_foreign_tensor *t = NULL;
    struct pare_npy a = {0};
    const unsigned char *bytes = NULL;
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    size_t n = name ? strlen(name) : 0;
    int err = name ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    if (n > 4 && strcmp(name + n - 4, ".npy") == 0)
        name[n - 4] = '\0';
    if (!err)
        err = pare_foreign_open(&new, &bytes, &n, path);
    if (!err)
        err = pare_npy_header(&a, bytes, n, n, FILE_MOST, path);
    if (!err)
        err = add_array(&t, &new, &a, name);
    if (!err)
        t->bytes = bytes + a.head;
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
