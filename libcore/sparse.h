#ifndef PARE_SPARSE_H
#define PARE_SPARSE_H

#include "pattern.h"

/*
 * Products with sparse weights. Activations are tiles [feature][lanes], as
 * everywhere; lanes is 4, 8, 16, 32 or 64. Values lie in the order of the
 * pattern, so the caller's array is used in place.
 *
 * Each row of kernels computes the same bits in a family, as for the dense
 * ones. In family fma, y of pare_sparse_forward is one chain of fused
 * multiply-adds over ascending columns from what y held, and dx of
 * pare_sparse_back one over ascending rows; in the others a multiplication
 * and an addition stand for each. So families fma and c give what the dense
 * product gives of the same matrix with zeros, as long as all numbers are
 * finite, but for the sign of a zero.
 */

/** A pattern arranged for the kernels; the pattern must outlive it. */
struct pare_sparse;

/**
 * @param s     out: free with pare_sparse_free
 * @param back  pare_sparse_back will be called too
 * @return 0; PARE_ELIMIT (back, and 2^32 entries or more); PARE_ENOMEM
 */
int pare_sparse_new(struct pare_sparse **s, const struct pare_pattern *p,
                    bool back);

/** NULL is fine. */
void pare_sparse_free(struct pare_sparse *s);

/** Bytes that it takes beside the pattern. */
size_t pare_sparse_bytes(const struct pare_sparse *s);

/**
 * y += W x for rows [first, first + rows).
 *
 * @param value  [entries] of the pattern
 * @param y      [rows][lanes], in/out: from row `first` on
 * @param x      [cols][lanes]
 */
void pare_sparse_forward(const struct pare_sparse *s, const float *value,
                         size_t first, size_t rows, float *y, const float *x,
                         size_t lanes);

/**
 * dx = W' dy, or dx += W' dy, for inputs [first, first + n).
 *
 * @param dx   [cols of W][lanes], in/out
 * @param dy   [rows of W][lanes]
 * @param add  add to what dx holds, which begins the chain; else from 0
 */
void pare_sparse_back(const struct pare_sparse *s, const float *value,
                      size_t first, size_t n, float *dx, const float *dy,
                      size_t lanes, bool add);

/**
 * Gradients of entries [at, at + n): the sum over tiles and lanes of
 * dy[row][lane] * x[col][lane].
 *
 * The order of the sum is fixed: partial sums of lanes j, j + 16, j + 32 ...
 * of all tiles in order, one chain of multiply-adds each (of lanes j,
 * j + lanes where there are fewer than 16), then added by halves as row_sum
 * in net_update.c does: s[j] += s[j + half].
 *
 * @param g      [n] out
 * @param dy     tile t begins at dy + t * rows * lanes; lanes that hold no
 *               sample are 0
 * @param x      tile t begins at x + t * cols * lanes; all finite
 */
void pare_sparse_gradient(const struct pare_sparse *s, uint64_t at, size_t n,
                          float *g, const float *dy, const float *x,
                          size_t tiles, size_t lanes);

/**
 * Density up to which a matrix is better held sparse by the kernels in use:
 * constants of their row, found with bench_sparse.
 *
 * @param train  with gradients; else forward alone
 */
double pare_sparse_density(bool train);

#endif
