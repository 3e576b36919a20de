/* pare-eval --time: how long a batch takes, dense and sparse. */
#include "eval-time.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "compact.h"
#include "evaluate.h"
#include "model_copy.h"
#include "net.h"
#include "sparse.h"
#include "status.h"

enum { SAMPLES = 15, WARM = 3 };

#define SAMPLE 0.004 /* seconds that one takes at least */

/* A network with what it took: seconds of a pass. */
struct runner {
    struct pare_net *net;
    size_t steps; /* of a sample */
    double took[SAMPLES];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double pass(struct runner *r, size_t batch)
{
    double begun = now();

    for (size_t i = 0; i < r->steps; i++)
        pare_net_forward(r->net, batch, false, 0, 0);
    return (now() - begun) / (double)r->steps;
}

/* The least of a few: one may be interrupted. */
static double least_pass(struct runner *r, size_t batch)
{
    double least = pass(r, batch);

    for (int i = 1; i < WARM; i++)
        least = fmin(least, pass(r, batch));
    return least;
}

/* Fill the input, warm up, and find how many passes fill a sample. */
static void prepare(struct runner *r, const struct pare_dataset *d,
                    enum pare_split_id split, size_t batch)
{
    struct pare_gather from = {.data = d, .split = &d->split[split]};

    pare_net_refresh(r->net);
    pare_net_gather(r->net, &from, NULL, 0, batch);
    r->steps = 1;
    least_pass(r, batch);
    while (least_pass(r, batch) * (double)r->steps < SAMPLE)
        r->steps *= 2;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The median in milliseconds. */
static double median(struct runner *r)
{
    qsort(r->took, SAMPLES, sizeof *r->took, ascending);
    return 1e3 * r->took[SAMPLES / 2];
}

/* Time the networks in turn, so that what disturbs meets both. */
static void play(struct runner *r, int n, const struct pare_dataset *d,
                 enum pare_split_id split, size_t batch)
{
    for (int i = 0; i < n; i++)
        prepare(&r[i], d, split, batch);
    for (int s = 0; s < SAMPLES; s++)
        for (int i = 0; i < n; i++)
            r[i].took[s] = pass(&r[i], batch);
}

static bool has_room(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (pare_tensor_positions(&m->tensor[t]) > PARE_DENSE_POSITIONS)
            return false;
    return true;
}

/* Hold the weights as evaluation does. */
static int hold(struct pare_model *m)
{
    bool *done = calloc(m->n_tensors + 1, sizeof *done);
    int err = done ? pare_model_compact(m, pare_sparse_density(false), done)
                   : pare_fail(PARE_ENOMEM, "out of memory");

    free(done);
    return err;
}

int eval_time(struct eval_time *out, struct pare_model *m,
              const struct pare_dataset *d, enum pare_split_id split,
              size_t batch, int threads)
{
    struct runner r[2] = {{0}, {0}};
    struct pare_model dense = {0};
    size_t n = d->split[split].n;
    bool both = has_room(m);
    int err = both ? pare_model_copy(&dense, m) : 0;

    batch = batch ? batch : pare_evaluator_batch(&m->arch);
    batch = batch < n ? batch : n;
    if (!err && both)
        err = pare_model_expand(&dense);
    if (!err)
        err = hold(m);
    if (!err)
        err = pare_net_new(&r[0].net, m, batch, false, threads);
    if (!err && both)
        err = pare_net_new(&r[1].net, &dense, batch, false, threads);
    if (!err) {
        play(r, both ? 2 : 1, d, split, batch);
        *out = (struct eval_time){.batch = batch,
                                  .sparse = median(&r[0]),
                                  .dense = both ? median(&r[1]) : (double)NAN};
    }
    pare_net_free(r[0].net);
    pare_net_free(r[1].net);
    pare_model_release(&dense);
    return err;
}
