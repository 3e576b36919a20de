#ifndef PARE_KERNEL_H
#define PARE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct pare_taps;
struct pare_corr;
struct sparse_product;
struct sparse_slope;

/**
 * A set of kernels: a row of the table in kernel.c, chosen once by
 * CPU. Every row computes the same products; rows of one `family` give the
 * same bits.
 */
struct pare_kernel {
    const char *name;   /* avx512, avx2, openblas, c */
    const char *family; /* fma, openblas, c: recorded in provenance */
    const char *help;
    int (*available)(void);
    /**
     * C = A B  (or C += A B), float32.
     *
     * @param m,n,k  C is [m][n], A is [m][k], B is [k][n]
     * @param a      A(i,p) = a[i * ars + p * acs]; one of ars, acs is 1
     * @param b      B(p,j) = b[p * ldb + j]
     * @param c      C(i,j) = c[i * ldc + j], in/out
     * @param add    0: C = A B; 1: C += A B
     *
     * In family fma each C(i,j) is one chain of fused multiply-adds over
     * p = 0..k-1 from 0 (or from C), whatever the blocking.
     */
    void (*gemm)(size_t m, size_t n, size_t k, const float *a, size_t ars,
                 size_t acs, const float *b, size_t ldb, float *c,
                 size_t ldc, int add);
    /** A piece of a convolution, see conv_taps.h; NULL: by gemm. */
    void (*taps)(const struct pare_taps *t);
    /** A piece of its weight gradient; NULL: plain loops. */
    void (*corr)(const struct pare_corr *r);
    /** Products with sparse weights, see sparse.h. */
    void (*sparse_product)(const struct sparse_product *p);
    void (*sparse_gradient)(const struct sparse_slope *p);
    /** Densities up to which they are faster than gemm: forward alone, and
        with the gradients. */
    double sparse_infer, sparse_train;
    /**
     * The words of as many of n random blocks as are made side by side, from
     * the first on, as pare_rng_block has them in every row; NULL: of none.
     *
     * @return how many blocks these are
     */
    size_t (*rng_blocks)(uint32_t *out, size_t n, uint64_t seed, uint32_t sub,
                         uint32_t stream, uint64_t first);
};

/** Rows of the table, best first; index n returns NULL. */
const struct pare_kernel *pare_kernel_row(size_t index);

/**
 * The row in use: the first available, or the one named by pare_kernel_use.
 */
const struct pare_kernel *pare_kernel(void);

/** Use a row by name (tests, bench, PARE_KERNEL). 0 or PARE_EINVAL. */
int pare_kernel_use(const char *name);

/** Recorded in provenance: the family, with OpenBLAS its core type too. */
const char *pare_kernel_provenance(void);

#endif
