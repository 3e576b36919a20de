#include "h5strings.h"

#include <stdlib.h>
#include <string.h>

#include "h5open.h"
#include "status.h"

/* An open attribute of strings. */
struct strings {
    hid_t id, type;
    size_t n;      /* strings */
    size_t size;   /* bytes of one, or of a pointer */
    bool variable; /* length */
};

static void close_strings(struct strings *s)
{
    if (s->type >= 0)
        H5Tclose(s->type);
    if (s->id >= 0)
        H5Aclose(s->id);
}

void pare_h5_free_strings(char **text, size_t n)
{
    for (size_t i = 0; text && i < n; i++)
        free(text[i]);
    free(text);
}

int pare_h5_has_attr(struct pare_h5 *h, const char *path, const char *attr)
{
    int err = pare_h5lib_object(h, path, H5O_TYPE_UNKNOWN);
    htri_t there;

    if (err)
        return err;
    there = H5Aexists_by_name(h->file, path, attr, H5P_DEFAULT);
    if (there < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "cannot look at '%s'", path);
    return there > 0;
}

/* How many strings are there, and of what size? */
static int measure(struct strings *s, size_t limit)
{
    hid_t space = H5Aget_space(s->id);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);

    if (space >= 0)
        H5Sclose(space);
    s->type = H5Aget_type(s->id);
    if (n < 0 || rank < 0 || rank > 1 || s->type < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "unreadable");
    s->n = (size_t)n;
    if (n == 0) /* of any type: h5py writes empty lists as numbers */
        return 0;
    if (H5Tget_class(s->type) != H5T_STRING)
        return pare_fail(PARE_EFORMAT, "not a string");
    s->variable = H5Tis_variable_str(s->type) > 0;
    s->size = H5Tget_size(s->type);
    if (s->size == 0 || s->n > limit / s->size)
        return pare_fail(PARE_ELIMIT, "longer than %zu bytes", limit);
    return 0;
}

static int copy_fixed(char **text, const struct strings *s)
{
    char *all = calloc(s->n, s->size);
    int err = 0;

    if (!all)
        return pare_fail(PARE_ENOMEM, "no memory");
    if (H5Aread(s->id, s->type, all) < 0)
        err = pare_h5lib_fail(PARE_EFORMAT, "unreadable");
    for (size_t i = 0; !err && i < s->n; i++) {
        text[i] = calloc(1, s->size + 1);
        if (text[i])
            memcpy(text[i], all + i * s->size, s->size);
        else
            err = pare_fail(PARE_ENOMEM, "no memory");
    }
    free(all);
    return err;
}

static int copy_variable(char **text, const struct strings *s, size_t limit)
{
    hid_t space = H5Aget_space(s->id);
    char **all = calloc(s->n, sizeof *all);
    int err = 0;

    if (space < 0 || !all) {
        err = pare_fail(PARE_ENOMEM, "no memory");
    } else if (H5Aread(s->id, s->type, all) < 0) {
        err = pare_h5lib_fail(PARE_EFORMAT, "unreadable");
    } else {
        for (size_t i = 0; !err && i < s->n; i++) {
            size_t size = all[i] ? strlen(all[i]) : 0;

            if (size > limit)
                err = pare_fail(PARE_ELIMIT, "too long");
            else if (!(text[i] = calloc(1, size + 1)))
                err = pare_fail(PARE_ENOMEM, "no memory");
            else if (size)
                memcpy(text[i], all[i], size);
            limit -= err ? 0 : size;
        }
        H5Dvlen_reclaim(s->type, space, H5P_DEFAULT, all);
    }
    if (space >= 0)
        H5Sclose(space);
    free(all);
    return err;
}

int pare_h5_attr_strings(char ***text, size_t *n, struct pare_h5 *h,
                         const char *path, const char *attr, size_t limit)
{
    struct strings s = {.id = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    char **list = NULL;
    int err = pare_h5lib_object(h, path, H5O_TYPE_UNKNOWN);

    if (err)
        return err;
    s.id = H5Aopen_by_name(h->file, path, attr, H5P_DEFAULT, H5P_DEFAULT);
    err = s.id < 0 ? pare_h5lib_fail(PARE_EFORMAT, "not there")
                   : measure(&s, limit);
    if (!err && !(list = calloc(s.n + 1, sizeof *list)))
        err = pare_fail(PARE_ENOMEM, "no memory");
    if (!err && s.n)
        err =
            s.variable ? copy_variable(list, &s, limit) : copy_fixed(list, &s);
    close_strings(&s);
    if (err) {
        pare_h5_free_strings(list, s.n);
        return pare_fail_prefix(err, "attribute '%s' of '%s'", attr, path);
    }
    *text = list;
    *n = s.n;
    return 0;
}

int pare_h5_attr_ints(uint64_t **v, size_t *n, struct pare_h5 *h,
                      const char *path, const char *attr, size_t most)
{
    hid_t id = H5I_INVALID_HID, type = H5I_INVALID_HID, space;
    int err = pare_h5lib_object(h, path, H5O_TYPE_UNKNOWN), rank = -1;
    hssize_t count = -1;
    uint64_t *list = NULL;

    if (err)
        return err;
    id = H5Aopen_by_name(h->file, path, attr, H5P_DEFAULT, H5P_DEFAULT);
    space = id < 0 ? id : H5Aget_space(id);
    if (space >= 0) {
        count = H5Sget_simple_extent_npoints(space);
        rank = H5Sget_simple_extent_ndims(space);
        type = H5Aget_type(id);
        H5Sclose(space);
    }
    if (count < 0 || rank > 1 || type < 0 ||
        H5Tget_class(type) != H5T_INTEGER || H5Tget_size(type) > sizeof *list)
        err = pare_h5lib_fail(PARE_EFORMAT, "not integers");
    else if ((uint64_t)count > most)
        err = pare_fail(PARE_ELIMIT, "more than %zu integers", most);
    else if (!(list = calloc((size_t)count + 1, sizeof *list)))
        err = pare_fail(PARE_ENOMEM, "no memory");
    else if (count && H5Aread(id, H5T_NATIVE_UINT64, list) < 0)
        err = pare_h5lib_fail(PARE_EFORMAT, "unreadable");
    if (type >= 0)
        H5Tclose(type);
    if (id >= 0)
        H5Aclose(id);
    if (err) {
        free(list);
        return pare_fail_prefix(err, "attribute '%s' of '%s'", attr, path);
    }
    *v = list;
    *n = (size_t)count;
    return 0;
}
