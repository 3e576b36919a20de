#ifndef PARE_LINALG_H
#define PARE_LINALG_H

#include <stddef.h>

/*
 * Linear algebra in double precision by OpenBLAS and its LAPACK. Work is cut
 * into tiles, and calls run on one thread each with shapes fixed by the
 * problem, so that the bits depend on the library and the kind of CPU alone:
 * pare_linalg_provenance.
 */

/**
 * h += x^T x, the part on and above the diagonal.
 *
 * @param h  [n][n] in/out; what is below the diagonal is scratch
 * @param x  [k][n]
 */
void pare_linalg_gram(double *h, const double *x, size_t k, size_t n,
                      int threads);

/** c -= a b, with c [m][n] of stride ldc, a [m][k] of lda, b [k][n] of ldb. */
void pare_linalg_subtract(double *c, size_t ldc, const double *a, size_t lda,
                          const double *b, size_t ldb, size_t m, size_t n,
                          size_t k);

/**
 * The upper triangular factor U of a damped inverse,
 * (h + damp mean(diagonal of h) I)^-1 = U^T U, with a positive diagonal.
 *
 * Where that sum is not positive definite in double precision, damp is made
 * ten times as large (from 0: 1e-6) until it is, at most 1000.
 *
 * @param h     [n][n] on and above the diagonal in; out: U, 0 below the
 *              diagonal. On failure its contents are lost.
 * @param n     1 or more
 * @param damp  >= 0
 * @param used  out: the damping that it took
 * @return 0; PARE_EINVAL if an element on the diagonal is not finite or
 *         the mean is not above 0, or no damping helps; PARE_ENOMEM;
 *         PARE_ELIMIT for n that LAPACK has no number for
 *
 * Source: the factor that Frantar & Alistarh 2023, arXiv:2301.00774, and
 * GPTQ (arXiv:2210.17323) work with.
 * Departure: they invert H and factor the inverse. Factoring H from its last
 * row to its first gives V V^T = H with V upper triangular, and U = V^-1: the
 * same matrix, with half of the work and less rounding.
 */
int pare_linalg_inverse_factor(double *h, size_t n, double damp, double *used,
                               int threads);

#define PARE_LINALG_TEXT 64

/** What the bits depend on, "openblas SkylakeX"; returns text. */
char *pare_linalg_provenance(char text[PARE_LINALG_TEXT]);

#endif
