/* Lower triangular matrices, a tile at a time on all threads. */
#include "linalg_lower.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "status.h"

/* LAPACK as OpenBLAS has it; matrices are column-major, and so their upper
   triangle is the lower one of ours. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a,
             const int *lda, int *info);

/* A matrix at column tile k. */
struct lower {
    double *a;
    size_t n, k;
    double *panel; /* [n][TILE] a copy of the column tile */
};

static int extent(const struct lower *l, size_t tile)
{
    size_t left = l->n - tile * LINALG_TILE;

    return (int)(left < LINALG_TILE ? left : LINALG_TILE);
}

static double *tile_at(const struct lower *l, size_t row, size_t col)
{
    return l->a + (row * l->n + col) * LINALG_TILE;
}

/* Of the column tile: what lies below the diagonal, times L^-T of it. */
static void solve_task(void *arg, size_t i)
{
    const struct lower *l = arg;
    size_t row = l->k + 1 + i;

    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                extent(l, row), extent(l, l->k), 1.0, tile_at(l, l->k, l->k),
                (int)l->n, tile_at(l, row, l->k), (int)l->n);
}

/* Take the column tile's part from a tile behind it. */
static void update_task(void *arg, size_t i)
{
    const struct lower *l = arg;
    size_t row = l->k + 1, n = (size_t)extent(l, l->k);
    size_t col = l->k + 1;
    int ld = (int)l->n;

    while (i > row - l->k - 1) { /* the i-th of a triangle of tiles */
        i -= row - l->k;
        row++;
    }
    col += i;
    if (row == col)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, extent(l, row),
                    (int)n, -1.0, tile_at(l, row, l->k), ld, 1.0,
                    tile_at(l, row, row), ld);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, extent(l, row),
                    extent(l, col), (int)n, -1.0, tile_at(l, row, l->k), ld,
                    tile_at(l, col, l->k), ld, 1.0, tile_at(l, row, col), ld);
}

bool linalg_cholesky(double *a, size_t n, int threads)
{
    struct lower l = {.a = a, .n = n};
    size_t tiles = (n + LINALG_TILE - 1) / LINALG_TILE;
    int ld = (int)n, info = 0;

    for (l.k = 0; l.k < tiles; l.k++) {
        size_t rest = tiles - l.k - 1;
        int size = extent(&l, l.k);

        dpotrf_("U", &size, tile_at(&l, l.k, l.k), &ld, &info);
        if (info != 0)
            return false;
        pare_parallel(threads, rest, solve_task, &l);
        pare_parallel(threads, rest * (rest + 1) / 2, update_task, &l);
    }
    return true;
}

/*
 * A tile of the inverse below the diagonal: - B P C^-1 with B the row tile of
 * the inverse that is there, P the panel and C the tile on the diagonal.
 */
static void inverse_task(void *arg, size_t i)
{
    const struct lower *l = arg;
    size_t row = l->k + 1 + i, first = (l->k + 1) * LINALG_TILE;
    size_t before = i * LINALG_TILE, width = (size_t)extent(l, l->k);
    double *to = tile_at(l, row, l->k), *own = l->panel + before * width;
    double tile[LINALG_TILE * LINALG_TILE];
    int rows = extent(l, row), ld = (int)l->n, cols = (int)width;

    memcpy(tile, own, (size_t)rows * width * sizeof *tile);
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans,
                CblasNonUnit, rows, cols, 1.0, tile_at(l, row, row), ld, tile,
                cols);
    if (before)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, cols,
                    (int)before, 1.0, l->a + row * LINALG_TILE * l->n + first,
                    ld, l->panel, cols, 1.0, tile, cols);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans,
                CblasNonUnit, rows, cols, -1.0, tile_at(l, l->k, l->k), ld,
                tile, cols);
    for (size_t r = 0; r < (size_t)rows; r++)
        memcpy(to + r * l->n, tile + r * width, width * sizeof *tile);
}

int linalg_invert_lower(double *a, size_t n, int threads)
{
    struct lower l = {.a = a, .n = n};
    size_t tiles = (n + LINALG_TILE - 1) / LINALG_TILE;
    int ld = (int)n, info = 0;

    l.panel = malloc(n * LINALG_TILE * sizeof *l.panel);
    if (!l.panel)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (l.k = tiles; l.k-- > 0 && info == 0;) {
        int size = extent(&l, l.k);
        size_t width = (size_t)size, first = l.k * LINALG_TILE + width;

        for (size_t r = first; r < n; r++)
            memcpy(l.panel + (r - first) * width, a + r * n + l.k * LINALG_TILE,
                   width * sizeof *a);
        pare_parallel(threads, tiles - l.k - 1, inverse_task, &l);
        dtrtri_("U", "N", &size, tile_at(&l, l.k, l.k), &ld, &info);
    }
    free(l.panel);
    return info == 0 ? 0 : pare_fail(PARE_EINVAL, "the matrix has no inverse");
}
