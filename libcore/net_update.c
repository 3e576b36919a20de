/* Weight gradients, and the optimiser's update fused into them. */
#include <assert.h>
#include <string.h>

#include "clones.h"
#include "kernel.h"
#include "net_layers.h"
#include "net_tied.h"
#include "parallel.h"

#define SOME 4096 /* gradients of entries at once */

/*
 * Output gradients of rows [first, first + rows) for n samples from `from`,
 * side by side: [rows][n]. `from` begins a tile.
 */
static void gather_rows(float *a, const struct pare_net *net,
                        const struct net_buffer *out, size_t first, size_t rows,
                        size_t from, size_t n)
{
    size_t width = net->width;

    for (size_t s = 0; s < n; s += width) {
        size_t tile = (from + s) / width;
        size_t some = n - s < width ? n - s : width;
        const float *g = out->grad + (tile * out->size + first) * width;

        for (size_t r = 0; r < rows; r++)
            memcpy(a + r * n + s, g + r * width, some * sizeof *a);
    }
}

/*
 * Gradient of weights [rows][cols] from (first, col): the sum over samples
 * in order.
 */
static void weight_gradient(float *g, size_t ldg, struct pare_net *net,
                            const struct net_layer *l, size_t first,
                            size_t rows, size_t col, size_t cols)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    float a[NET_ROWS * NET_SAMPLES];

    for (size_t s = 0; s < net->n; s += NET_SAMPLES) {
        size_t left = net->n - s, n = left < NET_SAMPLES ? left : NET_SAMPLES;

        gather_rows(a, net, out, first, rows, s, n);
        net->kernel->gemm(rows, cols, n, a, n, 1, in->rows + s * in->size + col,
                          in->size, g, ldg, s > 0);
    }
}

/* Sum of row f of the output gradient: tiles in order, then by halves. */
PARE_CLONES
static float row_sum(const float *g, size_t stride, size_t tiles, size_t width)
{
    float sum[64] = {0};

    for (size_t t = 0; t < tiles; t++)
        for (size_t j = 0; j < width; j++)
            sum[j] += g[t * stride + j];
    for (size_t half = width / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

/* The optimiser's update of n weights. */
static void update_weights(struct net_pass *p, size_t tensor, size_t at,
                           const float *g, size_t n)
{
    struct pare_tensor *t = &p->net->model->tensor[tensor];
    bool dense_state = p->net->dialect && p->net->dialect->dense_state;

    pare_update_decay(t->value + at, n, p->update);
    p->row->update(
        t->value + at, g,
        p->state->n_slots > 0 ? p->state->slot[0][tensor] + at : NULL,
        p->state->n_slots > 1 ? p->state->slot[1][tensor] + at : NULL,
        t->mask && !dense_state ? t->mask + at : NULL, n, p->update);
    for (size_t i = 0; t->mask && dense_state && i < n; i++)
        if (!t->mask[at + i])
            t->value[at + i] = 0;
}

void net_deliver(struct net_pass *p, size_t tensor, size_t at, const float *g,
                 size_t n)
{
    struct pare_net *net = p->net;

    if (!p->row) {
        if (p->grad[tensor])
            memcpy(p->grad[tensor] + at, g, n * sizeof *g);
        return;
    }
    if (net->movement && net->movement[tensor])
        net_move(net->movement[tensor] + at,
                 net->model->tensor[tensor].value + at, g, n);
    if (net->tied && net->tied[tensor])
        net_tied_take(net->tied[tensor], at, g, n);
    else
        update_weights(p, tensor, at, g, n);
}

static void deliver_bias(struct net_pass *p, const struct net_layer *l,
                         const struct net_task *task)
{
    const struct net_buffer *out = &p->net->buffer[l->out];
    size_t width = out->lanes;
    size_t end = task->first + task->rows;
    float bias[NET_ROWS];

    for (size_t first = task->first; first < end; first += NET_ROWS) {
        size_t rows = end - first < NET_ROWS ? end - first : NET_ROWS;

        for (size_t r = 0; r < rows; r++)
            bias[r] = row_sum(out->grad + (first + r) * width,
                              out->size * width, net_tiles(p->net, out), width);
        net_deliver(p, l->tensor + 1, first, bias, rows);
    }
}

/* Gradients of the entries that the rows of a task have. */
static void sparse_task(struct net_pass *p, const struct net_layer *l,
                        const struct net_task *task)
{
    const struct pare_net *net = p->net;
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    const uint64_t *row = net->model->tensor[l->tensor].pattern->row;
    uint64_t end = row[task->first + task->rows];
    float g[SOME];

    for (uint64_t at = row[task->first]; at < end; at += SOME) {
        size_t n = end - at < SOME ? (size_t)(end - at) : SOME;

        pare_sparse_gradient(l->sparse, at, n, g, out->grad, in->act,
                             net_tiles(net, out), net->width);
        net_deliver(p, l->tensor, (size_t)at, g, n);
    }
}

static void linear_task(void *arg, size_t i)
{
    struct net_pass *p = arg;
    struct pare_net *net = p->net;
    const struct net_task *task = &net->task[i];
    const struct net_layer *l = &net->layer[task->layer];
    size_t k = net->buffer[l->in[0]].size, end = task->col + task->cols;
    float g[NET_ROWS * NET_COLS];

    if (l->sparse)
        sparse_task(p, l, task);
    for (size_t c = task->col; !l->sparse && c < end; c += NET_COLS) {
        size_t cols = end - c < NET_COLS ? end - c : NET_COLS;
        /* Narrow layers are contiguous: one update for all rows. */
        size_t ld = cols == k ? k : NET_COLS;

        weight_gradient(g, ld, net, l, task->first, task->rows, c, cols);
        if (cols == k) {
            net_deliver(p, l->tensor, task->first * k, g, task->rows * k);
            continue;
        }
        for (size_t r = 0; r < task->rows; r++)
            net_deliver(p, l->tensor, (task->first + r) * k + c, g + r * ld,
                        cols);
    }
    if (l->has_bias && task->col == 0)
        deliver_bias(p, l, task);
    if (p->row && net->coactive)
        net_count(net, l, task);
}

static void all_tasks(struct net_pass *p)
{
    struct pare_net *net = p->net;

    net_backward(p);
    pare_parallel(net->threads, net->n_tasks, linear_task, p);
    for (size_t i = 0; i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        size_t n = net->buffer[l->out].channels;

        if (l->op != PARE_OP_SRELU)
            continue;
        net_srelu_combine(net, l);
        for (size_t k = 0; k < 4; k++)
            net_deliver(p, l->tensor + k, 0, l->dsum + k * n, n);
    }
    if (p->row)
        net_tied_update(p, update_weights);
}

void pare_net_backward_update(struct pare_net *net,
                              const struct pare_optimizer *row,
                              const struct pare_update *u,
                              struct pare_optstate *state)
{
    struct net_pass p = {net, row, u, state, NULL};

    assert(net->train);
    all_tasks(&p);
}

void pare_net_backward(struct pare_net *net, float *const *grad)
{
    struct net_pass p = {net, NULL, NULL, NULL, grad};

    assert(net->train);
    all_tasks(&p);
}
