#include <stdlib.h>
#include <string.h>

#include "h5wopen.h"
#include "status.h"

/* Attributes of the writer. */

#define ATTR_MAX      4096
#define ATTR_LIST_MAX 60000 /* of 65,535 that an object header can hold */

/* Bytes of an attribute of one of our types in an object's header. */
static uint64_t weight_of(const char *name, hid_t type, hid_t s)
{
    const hssize_t n = H5Sget_simple_extent_npoints(s);

    return 26 + strlen(name) +
           (uint64_t)(n > 0 ? n : 0) * (uint64_t)H5Tget_size(type);
}

/* The one place where an attribute is made; s is closed. */
static int make_attribute(struct pare_h5w *w, const char *path,
                          const char *name, hid_t type, hid_t memory, hid_t s,
                          const void *value)
{
    hid_t a = H5I_INVALID_HID;
    bool ok = false;

    if (w->weigh && s >= 0) {
        w->weight += weight_of(name, type, s);
        H5Sclose(s);
        return 0;
    }
    if (s >= 0)
        a = H5Acreate_by_name(w->file, path, name, type, s, H5P_DEFAULT,
                              H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0)
        ok = H5Awrite(a, memory, value) >= 0;
    if (a >= 0 && H5Aclose(a) < 0)
        ok = false;
    if (s >= 0)
        H5Sclose(s);
    return ok ? 0
              : pare_h5lib_fail(PARE_EIO,
                                "cannot write attribute '%s' of "
                                "'%s'",
                                name, path);
}

int pare_h5w_attr_text(struct pare_h5w *w, const char *path, const char *attr,
                       const char *text)
{
    struct pare_h5_item item = {.kind = 's', .strpad = H5T_STR_NULLPAD};
    hid_t file, memory;
    int err;

    item.size = strlen(text);
    if (item.size > ATTR_MAX)
        return pare_fail(PARE_ELIMIT, "attribute '%s' is too long", attr);
    for (size_t i = 0; i < item.size; i++)
        if ((unsigned char)text[i] >= 0x80)
            item.cset = H5T_CSET_UTF8;
    if (item.size == 0)
        item.size = 1;
    err = pare_h5lib_item_types(&file, &memory, &item);
    if (err)
        return err;
    err = make_attribute(w, path, attr, file, memory, H5Screate(H5S_SCALAR),
                         text);
    H5Tclose(file);
    H5Tclose(memory);
    return err;
}

int pare_h5w_attr_i64(struct pare_h5w *w, const char *path, const char *attr,
                      int64_t v)
{
    return make_attribute(w, path, attr, H5T_STD_I64LE, H5T_NATIVE_INT64,
                          H5Screate(H5S_SCALAR), &v);
}

int pare_h5w_attr_ints(struct pare_h5w *w, const char *path, const char *attr,
                       enum pare_h5_type type, size_t n, const void *values)
{
    hsize_t dim = n;

    return make_attribute(w, path, attr, pare_h5lib_file_type(type),
                          pare_h5lib_memory_type(type),
                          H5Screate_simple(1, &dim, NULL), values);
}

int pare_h5w_attr_long(struct pare_h5w *w, const char *path, const char *attr,
                       const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    int err;

    if (type < 0 || H5Tset_size(type, H5T_VARIABLE) < 0 ||
        H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        err = pare_h5lib_fail(PARE_EIO, "cannot make a type");
    else
        err = make_attribute(w, path, attr, type, type, H5Screate(H5S_SCALAR),
                             &text);
    if (type >= 0)
        H5Tclose(type);
    return err;
}

int pare_h5w_attr_texts(struct pare_h5w *w, const char *path, const char *attr,
                        size_t n, const char *const *text)
{
    struct pare_h5_item item = {
        .kind = 's', .strpad = H5T_STR_NULLPAD, .size = 1};
    hid_t file = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    hsize_t dim = n;
    char *all;
    int err;

    for (size_t i = 0; i < n; i++)
        item.size = strlen(text[i]) > item.size ? strlen(text[i]) : item.size;
    if (n > ATTR_LIST_MAX / item.size)
        return pare_fail(PARE_ELIMIT, "attribute '%s' is too long", attr);
    all = calloc(n + 1, item.size);
    if (!all)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; i < n; i++)
        memcpy(all + i * item.size, text[i], strlen(text[i]));
    err = pare_h5lib_item_types(&file, &memory, &item);
    if (!err) {
        err = make_attribute(w, path, attr, file, memory,
                             H5Screate_simple(1, &dim, NULL), all);
        H5Tclose(file);
        H5Tclose(memory);
    }
    free(all);
    return err;
}
