#ifndef PARE_KERNEL_ROWS_H
#define PARE_KERNEL_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* The products behind the rows of kernel.c; contracts as kernel.h says. */
#define PARE_GEMM(name)                                                      \
    void name(size_t m, size_t n, size_t k, const float *a, size_t ars,      \
              size_t acs, const float *b, size_t ldb, float *c, size_t ldc,  \
              int add)

PARE_GEMM(pare_gemm_avx512);
PARE_GEMM(pare_gemm_avx2);
PARE_GEMM(pare_gemm_openblas);
PARE_GEMM(pare_gemm_c);

struct pare_taps;
struct pare_corr;

void pare_taps_avx512(const struct pare_taps *t);
void pare_taps_avx2(const struct pare_taps *t);
void pare_corr_avx512(const struct pare_corr *r);
void pare_corr_avx2(const struct pare_corr *r);

struct sparse_product;
struct sparse_slope;

void pare_sparse_product_avx512(const struct sparse_product *p);
void pare_sparse_product_avx2(const struct sparse_product *p);
void pare_sparse_gradient_avx512(const struct sparse_slope *p);
void pare_sparse_gradient_avx2(const struct sparse_slope *p);
void pare_sparse_product_c(const struct sparse_product *p);
void pare_sparse_gradient_c(const struct sparse_slope *p);

size_t pare_rng_blocks_avx512(uint32_t *out, size_t n, uint64_t seed,
                              uint32_t sub, uint32_t stream, uint64_t first);
size_t pare_rng_blocks_avx2(uint32_t *out, size_t n, uint64_t seed,
                            uint32_t sub, uint32_t stream, uint64_t first);

#endif
