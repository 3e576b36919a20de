/*
 * bench_conv: the speed of convolutions, next to that of a product of square
 * matrices by OpenBLAS on one thread, measured in turn.
 *
 *     bench_conv CI SIZE CO KERNEL STRIDE PAD LANES TILES THREADS [ROUNDS
 *                [KERNELS]]
 *
 * prints, in 1e9 operations a second, the best of all rounds: the product,
 * forward, backward, and the weight gradient.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conv.h"
#include "hugepage.h"
#include "kernel.h"
#include "parallel.h"

#define PEAK 512 /* size of the product */
#define HUGE ((size_t)2 << 20)

struct bench {
    struct pare_conv c;
    size_t tiles, band, bands;
    int threads;
    float *x, *y, *weight, *packed, *dw, *scratch;
    size_t dw_step, scratch_step;
};

static float *room(size_t n)
{
    float *p = aligned_alloc(HUGE, (n * sizeof *p / HUGE + 1) * HUGE);

    if (!p)
        exit(2);
    pare_hugepage(p, n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(i % 13) * 0.125f - 0.75f;
    return p;
}

static void forward_task(void *arg, size_t i)
{
    struct bench *b = arg;
    const struct pare_conv *c = &b->c;
    size_t t = i / b->bands, row = i % b->bands * b->band;
    size_t some = c->oh - row < b->band ? c->oh - row : b->band;

    pare_conv_forward(c, b->y + t * c->oh * c->ow * c->co * c->lanes,
                      b->x + t * c->h * c->w * c->ci * c->lanes, b->packed,
                      NULL, row, some);
}

static void backward_task(void *arg, size_t i)
{
    struct bench *b = arg;
    const struct pare_conv *c = &b->c;
    size_t t = i / b->bands, row = i % b->bands * b->band;
    size_t some = c->h - row < b->band ? c->h - row : b->band;

    pare_conv_backward(c, b->x + t * c->h * c->w * c->ci * c->lanes,
                       b->y + t * c->oh * c->ow * c->co * c->lanes, b->packed,
                       row, some, false);
}

static void gradient_task(void *arg, size_t i)
{
    struct bench *b = arg;
    size_t first, count;

    pare_conv_gradient(&b->c, i, &first, &count, b->dw + i * b->dw_step, NULL,
                       b->x, b->y, b->tiles, b->scratch + i * b->scratch_step);
}

/* One thread is timed by its own clock: others may use the machine. */
static double now(const struct bench *b)
{
    struct timespec t;

    clock_gettime(b->threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID,
                  &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one pass: 0 forward, 1 backward, 2 the gradient. */
static double pass(struct bench *b, int which)
{
    const struct pare_conv *c = &b->c;
    size_t rows = which == 1 ? c->h : c->oh;
    double begun = now(b);

    if (which == 2) {
        pare_parallel(b->threads, pare_conv_gradient_tasks(c), gradient_task,
                      b);
        return now(b) - begun;
    }
    pare_conv_pack(b->packed, c, b->weight, which == 1);
    b->band = pare_conv_band(c, which == 1);
    b->bands = (rows + b->band - 1) / b->band;
    pare_parallel(b->threads, b->bands * b->tiles,
                  which == 1 ? backward_task : forward_task, b);
    return now(b) - begun;
}

static double product(const struct bench *b, const float *a, float *to)
{
    double begun = now(b);

    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, PEAK, PEAK, PEAK,
                1.0f, a, PEAK, a, PEAK, 0.0f, to, PEAK);
    return now(b) - begun;
}

static void prepare(struct bench *b, char **arg)
{
    struct pare_conv *c = &b->c;
    size_t n[9], k, most;

    for (int i = 0; i < 9; i++)
        n[i] = strtoul(arg[i], NULL, 10);
    k = n[3];
    c->ci = n[0];
    c->h = c->w = n[1];
    c->co = n[2];
    c->oh = c->ow = (n[1] + 2 * n[5] - k) / n[4] + 1;
    c->win =
        (struct pare_window){{k, k}, {n[4], n[4]}, {n[5], n[5]}, {1, 1}, 1};
    c->lanes = n[6];
    b->tiles = n[7];
    b->threads = (int)n[8];
    b->x = room(b->tiles * c->h * c->w * c->ci * c->lanes);
    b->y = room(b->tiles * c->oh * c->ow * c->co * c->lanes);
    b->weight = room(c->co * c->ci * k * k);
    b->packed = room(pare_conv_packed(c));
    most = pare_conv_gradient_tasks(c);
    b->dw_step =
        (pare_conv_gradient_channels(c) * c->ci * k * k + 31) / 16 * 16;
    b->scratch_step = (pare_conv_gradient_scratch(c) + 31) / 16 * 16;
    b->dw = room(most * b->dw_step);
    b->scratch = room(most * b->scratch_step);
}

int main(int argc, char **argv)
{
    struct bench b;
    float *a = room(PEAK * PEAK), *to = room(PEAK * PEAK);
    double best[4] = {1e9, 1e9, 1e9, 1e9}, work;
    int rounds = argc > 10 ? (int)strtol(argv[10], NULL, 10) : 20;

    if (argc < 10 || (argc > 11 && pare_kernel_use(argv[11]) != 0))
        return 2;
    prepare(&b, argv + 1);
    openblas_set_num_threads(1);
    work = 2.0 * (double)(b.c.oh * b.c.ow * b.c.co * b.c.ci) *
           (double)(b.c.win.kernel[0] * b.c.win.kernel[1]) *
           (double)(b.c.lanes * b.tiles);
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < 4; i++) {
            double t = i == 0 ? product(&b, a, to) : pass(&b, i - 1);

            best[i] = t < best[i] ? t : best[i];
        }
    printf("%.0f", 2.0 * PEAK * PEAK * PEAK / best[0] * 1e-9);
    for (int i = 1; i < 4; i++)
        printf(" %.0f", work / best[i] * 1e-9);
    printf("\n");
    return 0;
}
