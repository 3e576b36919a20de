#ifndef PARE_ARCH_PARTS_H
#define PARE_ARCH_PARTS_H

#include "arch.h"

/* What the files that arch.c is cut into share. */

#define PARE_ARCH_SIZE_MAX ((size_t)1 << 24) /* features of one sample */

/**
 * Parse the general form into input and layers; layers without a name keep
 * an empty one.
 */
int pare_arch_parse_general(struct pare_arch *a, const char *text);

/** Make the canonical text of named layers; 0 or PARE_ENOMEM. */
int pare_arch_print(struct pare_arch *a);

/** Is there a layer of that name? */
bool pare_arch_has(const struct pare_arch *a, const char *name);

/** Append to a growing string; false without memory. */
bool pare_arch_append(char **s, size_t *len, const char *text);

#endif
