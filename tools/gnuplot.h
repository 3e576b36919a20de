#ifndef PARE_GNUPLOT_H
#define PARE_GNUPLOT_H

#include <stddef.h>

#include "figure.h"

/**
 * Draw a figure with the program gnuplot, which is looked for in PATH and
 * run without a shell or its user's settings.
 *
 * @param bytes  malloc'd, out: the picture, the same each time
 * @param n      out
 * @return 0; PARE_EINVAL for a figure without points; PARE_EIO with what
 *         gnuplot said; PARE_EIO when it is not installed (GNUPLOT_MISSING
 *         is in *missing then, which may be NULL); PARE_ENOMEM
 */
int gnuplot_draw(void **bytes, size_t *n, const struct figure *f,
                 const struct figure_medium *m, bool *missing);

#endif
