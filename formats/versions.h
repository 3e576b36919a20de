#ifndef PARE_VERSIONS_H
#define PARE_VERSIONS_H

#include <stddef.h>

/**
 * The libraries in use, as they name themselves while running:
 * "HDF5 1.10.8, zlib 1.2.13, OpenBLAS 0.3.21". OpenBLAS is named only by
 * programs that are linked with it.
 *
 * @param buf   [size] out
 * @param size  bytes; 160 are enough
 * @return buf
 */
char *pare_versions(char *buf, size_t size);

#endif
