#include "linalg.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "linalg_lower.h"
#include "parallel.h"
#include "status.h"

#define TILE     192  /* rows and columns of a task of a product */
#define LINE     64   /* columns that are mirrored at once */
#define DAMP_MAX 1000 /* times the mean of the diagonal */

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
    for (size_t first = 0; first < n; first += LINE)
        for (size_t i = 0; i < n; i++)
            for (size_t j = i < first ? first : i + 1;
                 j < n && j < first + LINE; j++)
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
static bool factor(double *h, size_t n, const double *diagonal, double add,
                   int threads)
{
    for (size_t i = 0; i < n; i++)
        h[i * n + i] = diagonal[i] + add;
    if (!linalg_cholesky(h, n, threads))
        return false;
    for (size_t i = 0; i < n; i++) {
        double pivot = h[i * n + i];

        if (!(pivot * pivot > (double)n * 0x1p-52 * (diagonal[i] + add)))
            return false;
    }
    return true;
}

static int damped_factor(double *h, size_t n, const double *diagonal,
                         double damp, double mean, double *used, int threads)
{
    for (; damp <= DAMP_MAX; damp = damp > 0 ? damp * 10 : 1e-6) {
        if (factor(h, n, diagonal, damp * mean, threads)) {
            *used = damp;
            return 0;
        }
        mirror(h, n); /* what was above the diagonal is as it was */
    }
    return pare_fail(PARE_EINVAL, "the Hessian is not positive definite, "
                                  "however much it is damped");
}

int pare_linalg_inverse_factor(double *h, size_t n, double damp, double *used,
                               int threads)
{
    double mean = mean_diagonal(h, n), *diagonal;
    int rc;

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
    rc = damped_factor(h, n, diagonal, damp, mean, used, threads);
    if (!rc)
        rc = linalg_invert_lower(h, n, threads);
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
