/*
 * bench_gemm: a worker that multiplies square matrices with OpenBLAS.
 *
 *     bench_gemm SIZE THREADS
 */
#include <cblas.h>

#include "worker.h"

int main(int argc, char **argv)
{
    int n = argc == 3 ? atoi(argv[1]) : 0;
    size_t size = (size_t)n * (size_t)n;
    float *a = malloc((size + 1) * sizeof *a);
    float *b = malloc((size + 1) * sizeof *b);
    float *c = malloc((size + 1) * sizeof *c);
    struct worker w;
    unsigned long long steps;

    if (n < 1 || !a || !b || !c)
        return 2;
    openblas_set_num_threads(atoi(argv[2]));
    for (size_t i = 0; i < size; i++) {
        a[i] = (float)(i % 7) - 3;
        b[i] = (float)(i % 5) - 2;
    }
    printf("ready 1 %.0f\n", 2.0 * n * n * n);
    fflush(stdout);
    while ((steps = worker_next(&w)) > 0) {
        for (; steps > 0; steps--)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n,
                        1.0f, a, n, b, n, 0.0f, c, n);
        worker_answer(&w);
    }
    free(a);
    free(b);
    free(c);
    return 0;
}
