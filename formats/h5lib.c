#include "h5lib.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

void pare_h5lib_init(void)
{
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

/* Called from the innermost record outwards; the first one is kept. */
static herr_t take_first(unsigned n, const H5E_error2_t *e, void *arg)
{
    char *text = arg;

    (void)n;
    if (text[0] == '\0' && e->desc)
        snprintf(text, 200, "%s", e->desc);
    return 0;
}

int pare_h5lib_fail(int code, const char *fmt, ...)
{
    char inner[200] = "", ours[800];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ours, sizeof ours, fmt, ap);
    va_end(ap);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, inner);
    H5Eclear2(H5E_DEFAULT);
    if (inner[0])
        return pare_fail(code, "%s (HDF5: %s)", ours, inner);
    return pare_fail(code, "%s", ours);
}

hid_t pare_h5lib_file_type(enum pare_h5_type type)
{
    switch (type) {
    case PARE_H5_U8:
        return H5T_STD_U8LE;
    case PARE_H5_I32:
        return H5T_STD_I32LE;
    case PARE_H5_U32:
        return H5T_STD_U32LE;
    case PARE_H5_F32:
        return H5T_IEEE_F32LE;
    case PARE_H5_F64:
        return H5T_IEEE_F64LE;
    case PARE_H5_U64:
        return H5T_STD_U64LE;
    }
    return H5I_INVALID_HID;
}

hid_t pare_h5lib_memory_type(enum pare_h5_type type)
{
    switch (type) {
    case PARE_H5_U8:
        return H5T_NATIVE_UINT8;
    case PARE_H5_I32:
        return H5T_NATIVE_INT32;
    case PARE_H5_U32:
        return H5T_NATIVE_UINT32;
    case PARE_H5_F32:
        return H5T_NATIVE_FLOAT;
    case PARE_H5_F64:
        return H5T_NATIVE_DOUBLE;
    case PARE_H5_U64:
        return H5T_NATIVE_UINT64;
    }
    return H5I_INVALID_HID;
}

size_t pare_h5lib_size(enum pare_h5_type type)
{
    static const size_t size[] = {1, 4, 4, 4, 8, 8};

    return size[type];
}

const char *pare_h5lib_type_name(enum pare_h5_type type)
{
    static const char *const name[] = {"uint8",   "int32",   "uint32",
                                       "float32", "float64", "uint64"};

    return name[type];
}

static hid_t string_type(const struct pare_h5_item *item)
{
    hid_t t = H5Tcopy(H5T_C_S1);

    if (t < 0)
        return t;
    if (H5Tset_size(t, item->size) < 0 ||
        H5Tset_strpad(t, (H5T_str_t)item->strpad) < 0 ||
        H5Tset_cset(t, (H5T_cset_t)item->cset) < 0) {
        H5Tclose(t);
        return H5I_INVALID_HID;
    }
    return t;
}

int pare_h5lib_item_types(hid_t *file, hid_t *memory,
                          const struct pare_h5_item *item)
{
    const struct {
        char kind;
        size_t size;
        hid_t file, memory;
    } row[] = {
        {'i', 1, H5T_STD_I8LE, H5T_NATIVE_INT8},
        {'i', 2, H5T_STD_I16LE, H5T_NATIVE_INT16},
        {'i', 4, H5T_STD_I32LE, H5T_NATIVE_INT32},
        {'i', 8, H5T_STD_I64LE, H5T_NATIVE_INT64},
        {'u', 1, H5T_STD_U8LE, H5T_NATIVE_UINT8},
        {'u', 2, H5T_STD_U16LE, H5T_NATIVE_UINT16},
        {'u', 4, H5T_STD_U32LE, H5T_NATIVE_UINT32},
        {'u', 8, H5T_STD_U64LE, H5T_NATIVE_UINT64},
        {'f', 4, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT},
        {'f', 8, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE},
    };

    *file = *memory = H5I_INVALID_HID;
    if (item->kind == 's') {
        *file = string_type(item);
        *memory = string_type(item);
    }
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (row[i].kind == item->kind && row[i].size == item->size) {
            *file = H5Tcopy(row[i].file);
            *memory = H5Tcopy(row[i].memory);
        }
    if (*file >= 0 && *memory >= 0)
        return 0;
    if (*file >= 0)
        H5Tclose(*file);
    if (*memory >= 0)
        H5Tclose(*memory);
    return pare_h5lib_fail(PARE_EFORMAT, "a type that /user does not hold");
}

bool pare_h5lib_bytes(size_t *bytes, size_t *count, int rank, const size_t *dim,
                      size_t element)
{
    size_t n = 1;

    for (int i = 0; i < rank; i++) {
        if (dim[i] != 0 && n > SIZE_MAX / dim[i])
            return false;
        n *= dim[i];
    }
    if (n > SIZE_MAX / element)
        return false;
    *count = n;
    *bytes = n * element;
    return true;
}
