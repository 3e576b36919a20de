#ifndef PARE_LINALG_LOWER_H
#define PARE_LINALG_LOWER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Lower triangular matrices of linalg.c, row by row; what lies above the
 * diagonal is neither read nor written. Work is cut into tiles, so that the
 * bits do not depend on the number of threads. The caller has set OpenBLAS to
 * one thread.
 */

#define LINALG_TILE 128 /* rows and columns */

/**
 * Replace a by its Cholesky factor L, L L^T = a.
 *
 * @param a  [n][n] in/out; lost where it fails
 * @return false where a is not positive definite
 */
bool linalg_cholesky(double *a, size_t n, int threads);

/**
 * Replace a by its inverse.
 *
 * @param a  [n][n] in/out; lost where it fails
 * @return 0; PARE_EINVAL for a 0 on the diagonal; PARE_ENOMEM
 */
int linalg_invert_lower(double *a, size_t n, int threads);

#endif
