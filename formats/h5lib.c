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

/* binary16: one sign bit, five of the exponent, ten of the fraction. */
static hid_t half_type(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);

    if (t >= 0 && H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0 &&
        H5Tset_size(t, 2) >= 0 && H5Tset_ebias(t, 15) >= 0)
        return t;
    if (t >= 0)
        H5Tclose(t);
    return H5I_INVALID_HID;
}

hid_t pare_h5lib_file_type(enum pare_h5_type type)
{
    const hid_t ours[PARE_H5_TYPES] = {
        [PARE_H5_U8] = H5T_STD_U8LE,    [PARE_H5_I32] = H5T_STD_I32LE,
        [PARE_H5_U32] = H5T_STD_U32LE,  [PARE_H5_F32] = H5T_IEEE_F32LE,
        [PARE_H5_F64] = H5T_IEEE_F64LE, [PARE_H5_U64] = H5T_STD_U64LE,
        [PARE_H5_I8] = H5T_STD_I8LE,    [PARE_H5_U16] = H5T_STD_U16LE,
    };

    return type == PARE_H5_F16 ? half_type() : H5Tcopy(ours[type]);
}

hid_t pare_h5lib_memory_type(enum pare_h5_type type)
{
    hid_t t = pare_h5lib_file_type(type);

    if (t >= 0 && H5Tset_order(t, H5Tget_order(H5T_NATIVE_INT)) < 0) {
        H5Tclose(t);
        return H5I_INVALID_HID;
    }
    return t;
}

static const struct {
    const char *name;
    size_t size;
} types[PARE_H5_TYPES] = {
    [PARE_H5_U8] = {"uint8", 1},    [PARE_H5_I32] = {"int32", 4},
    [PARE_H5_U32] = {"uint32", 4},  [PARE_H5_F32] = {"float32", 4},
    [PARE_H5_F64] = {"float64", 8}, [PARE_H5_U64] = {"uint64", 8},
    [PARE_H5_I8] = {"int8", 1},     [PARE_H5_U16] = {"uint16", 2},
    [PARE_H5_F16] = {"float16", 2},
};

size_t pare_h5lib_size(enum pare_h5_type type)
{
    return types[type].size;
}

const char *pare_h5lib_type_name(enum pare_h5_type type)
{
    return types[type].name;
}

bool pare_h5lib_is(hid_t found, hid_t ours)
{
    bool same = ours >= 0 && H5Tequal(found, ours) > 0;

    if (ours >= 0)
        H5Tclose(ours);
    return same;
}

int pare_h5lib_find_type(enum pare_h5_type *type, hid_t found, const char *path)
{
    for (int t = 0; t < PARE_H5_TYPES; t++)
        if (pare_h5lib_is(found, pare_h5lib_file_type((enum pare_h5_type)t))) {
            *type = (enum pare_h5_type)t;
            return 0;
        }
    return pare_h5lib_fail(PARE_EFORMAT,
                           "'%s' has a type that is none of little-endian "
                           "int8, uint8, uint16, int32, uint32, uint64, "
                           "float16, float32, float64",
                           path);
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
