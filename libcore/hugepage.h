#ifndef PARE_HUGEPAGE_H
#define PARE_HUGEPAGE_H

#include <stddef.h>

/**
 * Tell the system that a large array, just allocated and not yet written,
 * may lie on large pages: filling 40 MB then takes 20 page faults and not
 * 10,000. Does nothing where there are none, or for less than 2 MiB, or for
 * NULL.
 *
 * @return array
 */
void *pare_hugepage(void *array, size_t bytes);

#endif
