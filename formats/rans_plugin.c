/*
 * The filter as a plug-in of libhdf5, for h5dump, h5py and all others that
 * read HDF5: with this library in a folder of HDF5_PLUGIN_PATH, weights that
 * `pare pack --tier F` wrote are plain dense datasets. It calls nothing of
 * libhdf5, and so goes with any version of it from 1.8.11 on.
 *
 *     cc -O2 -shared -fPIC -I/usr/include/hdf5/serial pare_rans.c
 *
 * builds it from the one file that is installed with pare, which holds this
 * one, rans.c and rans_encode.c.
 *
 * Values of the filter: 0: version, 1; 1: bytes of a value, 4 or 2 (4 when
 * left out); 2: values of a row (0 or left out: not known).
 */
#include <H5PLextern.h>
#include <stdlib.h>

#include "rans.h"

static size_t filter(unsigned flags, size_t n_values, const unsigned *value,
                     size_t bytes, size_t *room, void **buffer)
{
    uint8_t *to = NULL;
    size_t n = 0;

    if (flags & H5Z_FLAG_REVERSE) {
        if (pare_rans_bytes(&n, *buffer, bytes) != PARE_RANS_OK)
            return 0;
        to = malloc(n ? n : 1);
        if (!to || pare_rans_decode(to, n, *buffer, bytes) != PARE_RANS_OK) {
            free(to);
            return 0;
        }
    } else if (pare_rans_encode(&to, &n, *buffer, bytes,
                                n_values > 1 ? value[1] : 4,
                                n_values > 2 ? value[2] : 0) != PARE_RANS_OK) {
        return 0;
    }
    free(*buffer);
    *buffer = to;
    *room = n;
    return n;
}

static const H5Z_class2_t class[] = {{
    H5Z_CLASS_T_VERS,
    (H5Z_filter_t)PARE_RANS_FILTER,
    1,
    1,
    PARE_RANS_NAME,
    NULL,
    NULL,
    (H5Z_func_t)filter,
}};

H5PL_type_t H5PLget_plugin_type(void)
{
    return H5PL_TYPE_FILTER;
}

const void *H5PLget_plugin_info(void)
{
    return class;
}
