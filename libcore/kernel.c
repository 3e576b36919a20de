#include "kernel.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "kernel_rows.h"
#include "status.h"

/*
 * OpenBLAS's results depend on the shape, so a task always calls it with
 * the whole block it was given, on one thread.
 */
void pare_gemm_openblas(size_t m, size_t n, size_t k, const float *a,
                        size_t ars, size_t acs, const float *b, size_t ldb,
                        float *c, size_t ldc, int add)
{
    if (m == 0 || n == 0)
        return;
    cblas_sgemm(CblasRowMajor, acs == 1 ? CblasNoTrans : CblasTrans,
                CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a,
                (int)(acs == 1 ? ars : acs), b, (int)ldb, add ? 1.0f : 0.0f, c,
                (int)ldc);
}

void pare_gemm_c(size_t m, size_t n, size_t k, const float *a, size_t ars,
                 size_t acs, const float *b, size_t ldb, float *c, size_t ldc,
                 int add)
{
    for (size_t i = 0; i < m; i++) {
        float *row = c + i * ldc;

        for (size_t j = 0; !add && j < n; j++)
            row[j] = 0;
        for (size_t p = 0; p < k; p++) {
            const float x = a[i * ars + p * acs];
            const float *from = b + p * ldb;

            for (size_t j = 0; j < n; j++)
                row[j] += x * from[j];
        }
    }
}

static int have_always(void)
{
    return 1;
}

static int have_openblas(void)
{
    openblas_set_num_threads(1);
    return 1;
}

#ifdef PARE_HAVE_AVX512
static int have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}
#endif

#ifdef PARE_HAVE_AVX2
static int have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

/*
 * The table of kernels, best first. The densities are those at which sparse
 * and dense products of the row are as fast, in tiles of 16 lanes, as the
 * worst of usual ones: with 64 lanes avx512 and avx2 have them at .4 and .5.
 */
static const struct pare_kernel rows[] = {
#ifdef PARE_HAVE_AVX512
    {"avx512", "fma", "our own, 16 lanes, fused multiply-add", have_avx512,
     pare_gemm_avx512, pare_taps_avx512, pare_corr_avx512,
     pare_sparse_product_avx512, pare_sparse_gradient_avx512, 0.3, 0.3,
     pare_rng_blocks_avx512},
#endif
#ifdef PARE_HAVE_AVX2
    {"avx2", "fma", "our own, 8 lanes, fused multiply-add", have_avx2,
     pare_gemm_avx2, pare_taps_avx2, pare_corr_avx2, pare_sparse_product_avx2,
     pare_sparse_gradient_avx2, 0.33, 0.33, pare_rng_blocks_avx2},
#endif
    {"openblas", "openblas", "cblas_sgemm, one thread a task", have_openblas,
     pare_gemm_openblas, NULL, NULL, pare_sparse_product_c,
     pare_sparse_gradient_c, 0.2, 0.18, NULL},
    {"c", "c", "plain loops, for reference", have_always, pare_gemm_c, NULL,
     NULL, pare_sparse_product_c, pare_sparse_gradient_c, 0.9, 0.9, NULL},
};

static const struct pare_kernel *chosen;

const struct pare_kernel *pare_kernel_row(size_t index)
{
    return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

int pare_kernel_use(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (!rows[i].available())
            return pare_fail(PARE_EINVAL,
                             "this CPU cannot run the kernels '%s'", name);
        chosen = &rows[i];
        return 0;
    }
    return pare_fail(PARE_EINVAL, "no kernels are named '%s'", name);
}

const struct pare_kernel *pare_kernel(void)
{
    for (size_t i = 0; !chosen && i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].available())
            chosen = &rows[i];
    return chosen;
}

const char *pare_kernel_provenance(void)
{
    static char text[64];
    const struct pare_kernel *k = pare_kernel();

    if (strcmp(k->family, "openblas") != 0)
        return k->family;
    snprintf(text, sizeof text, "openblas %s", openblas_get_corename());
    return text;
}
