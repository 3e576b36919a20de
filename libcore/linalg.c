#include "linalg.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "parallel.h"
#include "status.h"

#define TILE     192  /* rows and columns of a task of a product */
#define DAMP_MAX 1000 /* times the mean of the diagonal */

/* LAPACK as OpenBLAS has it; matrices are column-major. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a,
             const int *lda, int *info);

struct gram {
    double *h;
    const double *x;
    size_t k, n, tiles;
};

static size_t extent(size_t n, size_t tile)
{
    size_t left = n - tile * TILE;

    return left < TILE ? left : TILE;
}

static void gram_task(void *arg, size_t i)
{
    const struct gram *g = arg;
    size_t r = i / g->tiles, c = i % g->tiles, n = g->n;

    if (c < r)
        return;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)extent(n, r),
                (int)extent(n, c), (int)g->k, 1.0, g->x + r * TILE, (int)n,
                g->x + c * TILE, (int)n, 1.0, g->h + r * TILE * n + c * TILE,
                (int)n);
}

void pare_linalg_gram(double *h, const double *x, size_t k, size_t n,
                      int threads)
{
    struct gram g = {h, x, k, n, (n + TILE - 1) / TILE};

    if (k == 0)
        return;
    openblas_set_num_threads(1);
    pare_parallel(threads, g.tiles * g.tiles, gram_task, &g);
}

void pare_linalg_subtract(double *c, size_t ldc, const double *a, size_t lda,
                          const double *b, size_t ldb, size_t m, size_t n,
                          size_t k)
{
    if (m && n && k)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n,
                    (int)k, -1.0, a, (int)lda, b, (int)ldb, 1.0, c, (int)ldc);
}

/* Rows and columns from the last to the first. */
static void turn_around(double *h, size_t n)
{
    for (size_t i = 0, j = n * n - 1; i < j; i++, j--) {
        double x = h[i];

        h[i] = h[j];
        h[j] = x;
    }
}

/* What lies above the diagonal, below it too. */
static void mirror(double *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            h[j * n + i] = h[i * n + j];
}

/* Mean of the diagonal, or 0 where there is none to work with. */
static double mean_diagonal(const double *h, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += h[i * n + i];
    return isfinite(sum) && sum > 0 ? sum / (double)n : 0;
}

/* Factor h with this diagonal; false where it is as good as singular. */
static bool factor(double *h, size_t n, const double *diagonal, double add)
{
    int size = (int)n, info;

    for (size_t i = 0; i < n; i++)
        h[i * n + i] = diagonal[i] + add;
    dpotrf_("U", &size, h, &size, &info);
    for (size_t i = 0; info == 0 && i < n; i++) {
        double pivot = h[i * n + i];

        if (!(pivot * pivot > (double)n * 0x1p-52 * (diagonal[i] + add)))
            return false;
    }
    return info == 0;
}

static int damped_factor(double *h, size_t n, const double *diagonal,
                         double damp, double mean, double *used)
{
    for (; damp <= DAMP_MAX; damp = damp > 0 ? damp * 10 : 1e-6) {
        if (factor(h, n, diagonal, damp * mean)) {
            *used = damp;
            return 0;
        }
        mirror(h, n); /* LAPACK wrote below the diagonal alone */
    }
    return pare_fail(PARE_EINVAL, "the Hessian is not positive definite, "
                                  "however much it is damped");
}

int pare_linalg_inverse_factor(double *h, size_t n, double damp, double *used)
{
    double mean = mean_diagonal(h, n), *diagonal;
    int size = (int)n, info = 0, rc;

    if (n > INT_MAX)
        return pare_fail(PARE_ELIMIT, "a matrix of %zu rows is too large", n);
    if (mean == 0)
        return pare_fail(PARE_EINVAL,
                         "the Hessian is zero or not finite on its diagonal");
    diagonal = malloc(n * sizeof *diagonal);
    if (!diagonal)
        return pare_fail(PARE_ENOMEM, "out of memory");
    openblas_set_num_threads(1);
    mirror(h, n);
    turn_around(h, n);
    for (size_t i = 0; i < n; i++)
        diagonal[i] = h[i * n + i];
    rc = damped_factor(h, n, diagonal, damp, mean, used);
    if (!rc)
        dtrtri_("U", "N", &size, h, &size, &info);
    if (!rc && info)
        rc = pare_fail(PARE_EINVAL, "the Hessian has no inverse");
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            h[i * n + j] = 0;
    turn_around(h, n);
    free(diagonal);
    return rc;
}

char *pare_linalg_provenance(char text[PARE_LINALG_TEXT])
{
    snprintf(text, PARE_LINALG_TEXT, "openblas %s", openblas_get_corename());
    return text;
}
