/*
 * bench_sparse: a worker that multiplies with a sparse matrix, or with the
 * dense one that it would be.
 *
 *     bench_sparse WHAT HOW ROWS COLS BATCH SPARSITY
 *
 * WHAT is "forward", "back", "gradient" or "step": a step is all three and
 * an update of the weights with momentum. HOW is a row of the table of
 * kernels ("avx512"), or "dense-" before one: its dense products, of which
 * those of OpenBLAS take the whole batch at once. SPARSITY is in per cent.
 */
#include <cblas.h>
#include <string.h>

#include "kernel.h"
#include "optimizer.h"
#include "rng.h"
#include "sparse.h"
#include "status.h"
#include "worker.h"

enum { CHUNK = 4096 };

static struct {
    bool dense, blas;
    size_t rows, cols, batch, lanes, tiles;
    uint64_t n;
    struct pare_pattern *pattern;
    struct pare_sparse *sparse;
    struct pare_optimizer_spec optimizer;
    struct pare_update update;
    float *w, *momentum, *g; /* [n], or [rows][cols] */
    float *x, *y, *dx, *dy;  /* [tiles][cols or rows][lanes] */
    float *rowx;             /* [batch][cols], of x */
} b;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_sparse: %s\n", what);
    exit(1);
}

static float *normal(size_t n, double sd, uint32_t id)
{
    float *v = aligned_alloc(64, (n + 16) / 16 * 64);

    if (!v)
        die("out of memory");
    pare_rng_normal(v, n, sd, 1, PARE_STREAM_INIT, id);
    return v;
}

/* Lanes of a tile for a batch: as networks have them. */
static size_t width(size_t batch)
{
    size_t lanes = 4;

    while (lanes < batch && lanes < 64)
        lanes *= 2;
    return lanes;
}

static void forward(void)
{
    const struct pare_kernel *k = pare_kernel();
    size_t m = b.rows, n = b.batch, c = b.cols;

    if (b.blas)
        k->gemm(m, n, c, b.w, c, 1, b.x, n, b.y, n, 0);
    for (size_t t = 0; !b.blas && t < b.tiles; t++) {
        const float *x = b.x + t * c * b.lanes;
        float *y = b.y + t * m * b.lanes;

        if (b.dense) {
            k->gemm(m, b.lanes, c, b.w, c, 1, x, b.lanes, y, b.lanes, 0);
            continue;
        }
        memset(y, 0, m * b.lanes * sizeof *y);
        pare_sparse_forward(b.sparse, b.w, 0, m, y, x, b.lanes);
    }
}

static void back(void)
{
    const struct pare_kernel *k = pare_kernel();
    size_t m = b.rows, n = b.batch, c = b.cols;

    if (b.blas)
        k->gemm(c, n, m, b.w, 1, c, b.dy, n, b.dx, n, 0);
    for (size_t t = 0; !b.blas && t < b.tiles; t++) {
        const float *dy = b.dy + t * m * b.lanes;
        float *dx = b.dx + t * c * b.lanes;

        if (b.dense)
            k->gemm(c, b.lanes, m, b.w, 1, c, dy, b.lanes, dx, b.lanes, 0);
        else
            pare_sparse_back(b.sparse, b.w, 0, c, dx, dy, b.lanes, false);
    }
}

/* Gradients of n weights from `at` on; dense ones are made at once. */
static void gradient(uint64_t at, size_t n)
{
    if (!b.dense)
        pare_sparse_gradient(b.sparse, at, n, b.g, b.dy, b.x, b.tiles, b.lanes);
    else if (b.blas) /* no row of the table transposes its second operand */
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)b.rows,
                    (int)b.cols, (int)b.batch, 1, b.dy, (int)b.batch, b.x,
                    (int)b.batch, 0, b.g, (int)b.cols);
    else
        pare_kernel()->gemm(b.rows, b.cols, b.batch, b.dy, b.batch, 1, b.rowx,
                            b.cols, b.g, b.cols, 0);
}

/* Gradients and, in a step, the update, while they are in the cache. */
static void weights(bool update)
{
    size_t some = b.dense ? (size_t)b.n : CHUNK;

    for (uint64_t at = 0; at < b.n; at += some) {
        size_t n = b.n - at < some ? (size_t)(b.n - at) : some;

        gradient(at, n);
        if (update)
            b.optimizer.row->update(b.w + at, b.g, b.momentum + at, NULL, NULL,
                                    n, &b.update);
    }
}

static void run(const char *what)
{
    bool step = strcmp(what, "step") == 0;

    if (step || strcmp(what, "forward") == 0)
        forward();
    if (step || strcmp(what, "back") == 0)
        back();
    if (step || strcmp(what, "gradient") == 0)
        weights(step);
}

static void choose(const char *how)
{
    b.dense = strncmp(how, "dense-", 6) == 0;
    if (pare_kernel_use(how + (b.dense ? 6 : 0)))
        die(pare_error());
    b.blas = b.dense && strcmp(pare_kernel()->name, "openblas") == 0;
    openblas_set_num_threads(1);
    if (pare_optimizer_parse(&b.optimizer, "sgd,momentum=.9"))
        die(pare_error());
    b.update.lr = 1e-6f;
    b.optimizer.row->prepare(&b.update, b.optimizer.opt, 1);
}

static void make(double sparsity)
{
    size_t all = b.rows * b.cols;
    uint8_t *mask = malloc(all);
    float *u = malloc(all * sizeof *u);

    if (!mask || !u)
        die("out of memory");
    pare_rng_uniform(u, all, 0, 100, 1, PARE_STREAM_PRUNE, 0);
    for (size_t i = 0; i < all; i++)
        mask[i] = b.dense || (double)u[i] >= sparsity;
    if (pare_pattern_of_mask(&b.pattern, mask, b.rows, b.cols) ||
        pare_sparse_new(&b.sparse, b.pattern, true))
        die(pare_error());
    b.n = pare_pattern_count(b.pattern);
    b.w = normal((size_t)b.n, 0.05, 0);
    b.g = normal((size_t)b.n, 1, 1);
    b.momentum = normal((size_t)b.n, 0, 2);
    b.x = normal(b.tiles * b.cols * b.lanes, 1, 3);
    b.rowx = normal(b.tiles * b.cols * b.lanes, 1, 3);
    b.dx = normal(b.tiles * b.cols * b.lanes, 1, 4);
    b.y = normal(b.tiles * b.rows * b.lanes, 1, 5);
    b.dy = normal(b.tiles * b.rows * b.lanes, 1, 6);
    free(mask);
    free(u);
}

int main(int argc, char **argv)
{
    unsigned long long steps;
    struct worker w;
    double parts;

    if (argc != 7)
        die("usage: WHAT HOW ROWS COLS BATCH SPARSITY");
    choose(argv[2]);
    b.rows = strtoul(argv[3], NULL, 10);
    b.cols = strtoul(argv[4], NULL, 10);
    b.batch = strtoul(argv[5], NULL, 10);
    if (b.rows < 1 || b.cols < 1 || b.batch < 1 || b.batch > 1 << 20)
        die("no such shape");
    b.lanes = width(b.batch);
    b.tiles = (b.batch + b.lanes - 1) / b.lanes;
    make(atof(argv[6]));
    parts = strcmp(argv[1], "step") == 0 ? 3 : 1;
    printf("ready 1 %.0f\n", 2 * parts * (double)b.n * (double)b.batch);
    fflush(stdout);
    while ((steps = worker_next(&w)) > 0) {
        for (; steps > 0; steps--)
            run(argv[1]);
        worker_answer(&w);
    }
    pare_sparse_free(b.sparse);
    pare_pattern_free(b.pattern);
    return 0;
}
