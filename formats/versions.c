#include "versions.h"

#include <cblas.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

char *pare_versions(char *buf, size_t size)
{
    unsigned major = 0, minor = 0, release = 0;
    const char *blas = openblas_get_config();
    size_t n;

    H5get_libversion(&major, &minor, &release);
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words. */
    n = strcspn(blas, " ");
    if (blas[n])
        n += 1 + strcspn(blas + n + 1, " ");
    snprintf(buf, size, "HDF5 %u.%u.%u, zlib %s, %.*s", major, minor, release,
             zlibVersion(), (int)n, blas);
    return buf;
}
