#include "versions.h"

#include <cblas.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/*
 * A weak reference: a program that multiplies no matrices is not linked with
 * OpenBLAS, whose threads would double the time it takes to start.
 */
#pragma weak openblas_get_config

/** Length of the first two words, "OpenBLAS 0.3.21 DYNAMIC_ARCH ...". */
static int two_words(const char *text)
{
    size_t n = strcspn(text, " ");

    if (text[n])
        n += 1 + strcspn(text + n + 1, " ");
    return (int)n;
}

char *pare_versions(char *buf, size_t size)
{
    unsigned major = 0, minor = 0, release = 0;
    const char *blas = openblas_get_config ? openblas_get_config() : "";

    H5get_libversion(&major, &minor, &release);
    snprintf(buf, size, "HDF5 %u.%u.%u, zlib %s%s%.*s", major, minor, release,
             zlibVersion(), *blas ? ", " : "", two_words(blas), blas);
    return buf;
}
