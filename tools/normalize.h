#ifndef PARE_TOOLS_NORMALIZE_H
#define PARE_TOOLS_NORMALIZE_H

#include "layer.h"
#include "norm.h"

/**
 * The argument of --normalize: none, unit, or MEAN,STD; of images with n
 * channels also n means and n deviations.
 *
 * @param norm   zeroed, out
 * @param shape  of a sample
 * @param bytes  samples are bytes, which a list divides by 255 first
 * @return 0; PARE_EINVAL; PARE_ENOMEM
 */
int normalize_parse(struct pare_norm *norm, const char *text,
                    const struct pare_shape *shape, bool bytes);

/**
 * The argument of --classes: names between commas.
 *
 * @param n     in: classes that there are at least; out: names
 * @param name  NULL, out; malloc'd, also where it fails
 * @return 0; PARE_EINVAL; PARE_ELIMIT; PARE_ENOMEM
 */
int classes_parse(size_t *n, char ***name, const char *list);

#endif
