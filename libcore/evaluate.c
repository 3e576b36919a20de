#include "evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "net.h"
#include "rbm.h"
#include "sparse.h"
#include "status.h"
#include "train.h"

/* Fixed, so that results depend on no option: tiles are 64 wide. */
#define BATCH 512

/* Floats between layers that one batch may have; less of large images. */
#define BATCH_FLOATS ((size_t)1 << 25)

struct pare_evaluator {
    struct pare_net *net;
    struct pare_rbm *rbm; /* in place of net */
    const struct pare_loss *loss;
    uint64_t seed; /* of a machine's draws */
    size_t classes, batch;
    double sample_loss[BATCH];
    uint32_t rank[BATCH], best[BATCH];
};

static const struct pare_loss *loss_of(const struct pare_model *m)
{
    const char *name = m->training.loss;

    if (!name[0])
        name = pare_arch_is_rbm(&m->arch) ? "reconstruction" : "cross-entropy";
    return pare_loss_find(name);
}

size_t pare_evaluator_batch(const struct pare_arch *arch)
{
    size_t floats = pare_shape_size(&arch->input), batch = BATCH;

    for (size_t i = 0; i < arch->n_layers; i++)
        if (pare_shape_size(&arch->layer[i].out) > floats)
            floats = pare_shape_size(&arch->layer[i].out);
    while (batch > 8 && batch * floats > BATCH_FLOATS)
        batch /= 2;
    return batch;
}

int pare_evaluator_new(struct pare_evaluator **out, struct pare_model *m,
                       int threads)
{
    struct pare_evaluator *ev = calloc(1, sizeof *ev);
    int err;

    if (!ev)
        return pare_fail(PARE_ENOMEM, "out of memory");
    ev->loss = loss_of(m);
    ev->batch = pare_evaluator_batch(&m->arch);
    ev->seed = m->training.seed;
    err = ev->loss
              ? pare_rbm_check_loss(&m->arch, ev->loss)
              : pare_fail(PARE_EFORMAT, "unknown loss '%s'", m->training.loss);
    if (!err && pare_arch_is_rbm(&m->arch)) {
        err = pare_rbm_new(&ev->rbm, m, ev->batch, false, threads);
    } else if (!err) {
        ev->classes = pare_shape_size(pare_arch_output(&m->arch));
        err = pare_net_new(&ev->net, m, ev->batch, false, threads);
    }
    if (err)
        free(ev);
    else
        *out = ev;
    return err;
}

void pare_evaluator_free(struct pare_evaluator *ev)
{
    if (ev) {
        pare_net_free(ev->net);
        pare_rbm_free(ev->rbm);
    }
    free(ev);
}

/* Reconstruction errors of a machine, summed. */
static double run_machine(struct pare_evaluator *ev,
                          const struct pare_gather *from)
{
    double sum = 0;

    for (size_t first = 0; first < from->split->n; first += ev->batch) {
        size_t left = from->split->n - first;
        size_t n = left < ev->batch ? left : ev->batch;
        const struct pare_rbm_draws draws = {.seed = ev->seed,
                                             .place = first / 4};

        pare_rbm_forward(ev->rbm, from, NULL, first, n, &draws,
                         ev->sample_loss);
        for (size_t i = 0; i < n; i++)
            sum += ev->sample_loss[i];
    }
    return sum;
}

void pare_evaluator_run(struct pare_evaluator *ev, double *loss,
                        uint64_t *correct, uint64_t *top5, uint64_t *confusion,
                        const struct pare_dataset *d,
                        const struct pare_split *split)
{
    struct pare_gather from = {.data = d, .split = split};
    double sum = 0;

    *correct = *top5 = 0;
    if (ev->rbm)
        sum = run_machine(ev, &from);
    else
        pare_net_refresh(ev->net);
    for (size_t first = 0; ev->net && first < split->n; first += ev->batch) {
        size_t left = split->n - first, n = left < ev->batch ? left : ev->batch;
        const int32_t *y = split->y + first;

        pare_net_gather(ev->net, &from, NULL, first, n);
        pare_net_forward(ev->net, n, false, 0, 0);
        pare_net_loss(ev->net, ev->loss, ev->sample_loss, y, 0);
        pare_net_rank(ev->net, ev->rank, ev->best, y);
        for (size_t i = 0; i < n; i++) {
            sum += ev->sample_loss[i];
            *correct += ev->rank[i] == 0;
            *top5 += ev->rank[i] < 5;
            if (confusion)
                confusion[(size_t)y[i] * ev->classes + ev->best[i]]++;
        }
    }
    *loss = sum / (double)split->n;
}

/* No samples in that split: which have some? */
static int no_split(const struct pare_dataset *d, enum pare_split_id split)
{
    char names[32] = "";

    for (int s = 0; s < PARE_SPLITS; s++)
        if (d->split[s].n) {
            strcat(names, names[0] ? ", " : "");
            strcat(names, pare_split_name((enum pare_split_id)s));
        }
    return pare_fail(PARE_EINVAL, "the data have no %s split; there is %s",
                     pare_split_name(split), names[0] ? names : "none");
}

int pare_evaluate(struct pare_evaluation *e, struct pare_model *m,
                  const struct pare_dataset *d, enum pare_split_id split,
                  int threads)
{
    struct pare_evaluation r = {0};
    struct pare_evaluator *ev = NULL;
    bool *compact = NULL;
    int err = pare_model_fits(m, d), again;

    if (!err && d->split[split].n == 0)
        err = no_split(d, split);
    if (!err && !(compact = calloc(m->n_tensors + 1, sizeof *compact)))
        err = pare_fail(PARE_ENOMEM, "out of memory");
    if (!err)
        err = pare_model_compact(m, pare_sparse_density(false), compact);
    if (!err)
        err = pare_evaluator_new(&ev, m, threads);
    if (err) {
        if (compact)
            pare_model_uncompact(m, compact);
        free(compact);
        return err;
    }
    r.n = d->split[split].n;
    r.n_classes = ev->classes;
    r.confusion = calloc(r.n_classes * r.n_classes + 1, sizeof *r.confusion);
    if (r.confusion) {
        pare_evaluator_run(ev, &r.loss, &r.correct, &r.top5, r.confusion, d,
                           &d->split[split]);
        err = pare_split_fault(&d->split[split]);
    } else {
        err = pare_fail(PARE_ENOMEM, "out of memory");
    }
    pare_evaluator_free(ev);
    again = pare_model_uncompact(m, compact);
    err = err ? err : again;
    if (err)
        free(r.confusion);
    else
        *e = r;
    free(compact);
    return err;
}

void pare_evaluation_release(struct pare_evaluation *e)
{
    free(e->confusion);
    memset(e, 0, sizeof *e);
}

/* Arrays for one block's gradients, where the caller wants them. */
static float **block_gradients(float *const *grad, const struct pare_model *m)
{
    float **g = calloc(m->n_tensors, sizeof *g);

    for (size_t t = 0; g && t < m->n_tensors; t++) {
        if (!grad[t])
            continue;
        g[t] = malloc(m->tensor[t].n * sizeof(float));
        if (!g[t]) {
            while (t-- > 0)
                free(g[t]);
            free(g);
            g = NULL;
        }
    }
    return g;
}

static int gradient_blocks(float *const *grad, float *const *block,
                           struct pare_evaluator *ev, struct pare_model *m,
                           const struct pare_dataset *d, const uint32_t *index,
                           size_t n)
{
    const struct pare_split *split = &d->split[PARE_TRAIN];
    struct pare_gather from = {.data = d, .split = split};
    int32_t y[BATCH];
    int err;

    for (size_t first = 0; first < n; first += ev->batch) {
        size_t some = n - first < ev->batch ? n - first : ev->batch;

        for (size_t i = 0; i < some; i++) {
            if (index[first + i] >= split->n)
                return pare_fail(PARE_EINVAL, "sample %u of %zu",
                                 index[first + i], split->n);
            y[i] = split->y[index[first + i]];
        }
        pare_net_gather(ev->net, &from, index + first, 0, some);
        if ((err = pare_split_fault(split)) != 0)
            return err;
        pare_net_forward(ev->net, some, false, 0, 0);
        pare_net_loss(ev->net, ev->loss, ev->sample_loss, y, 1.0f / (float)n);
        pare_net_backward(ev->net, block);
        for (size_t t = 0; t < m->n_tensors; t++)
            for (size_t i = 0; block[t] && i < m->tensor[t].n; i++)
                grad[t][i] += block[t][i];
    }
    return 0;
}

int pare_gradient(float *const *grad, struct pare_model *m,
                  const struct pare_dataset *d, const uint32_t *index, size_t n,
                  int threads)
{
    struct pare_evaluator ev = {0};
    float **block = NULL;
    int err = pare_model_fits(m, d);

    if (!err && n == 0)
        err = pare_fail(PARE_EINVAL, "a gradient needs a sample");
    ev.loss = loss_of(m);
    ev.batch = pare_evaluator_batch(&m->arch);
    if (!err && !ev.loss)
        err = pare_fail(PARE_EFORMAT, "unknown loss '%s'", m->training.loss);
    if (!err)
        err = pare_net_new(&ev.net, m, ev.batch, true, threads);
    if (err)
        return err;
    block = block_gradients(grad, m);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (grad[t])
            memset(grad[t], 0, m->tensor[t].n * sizeof(float));
    err = block ? gradient_blocks(grad, block, &ev, m, d, index, n)
                : pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; block && t < m->n_tensors; t++)
        free(block[t]);
    free(block);
    pare_net_free(ev.net);
    return err;
}
