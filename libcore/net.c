#include "net.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "kernel.h"
#include "net_layers.h"
#include "parallel.h"
#include "status.h"
#include "transpose.h"

/* Below this many multiply-adds a step, waking a thread costs more. */
#define THREAD_MACS 1000000.0

size_t pare_net_width(size_t batch)
{
    if (batch > 256)
        return 64;
    if (batch > 16)
        return 32;
    return batch > 8 ? 16 : batch > 4 ? 8 : 4;
}

size_t net_tiles(const struct pare_net *net, size_t n)
{
    return (n + net->width - 1) / net->width;
}

static void *net_alloc(struct pare_net *net, size_t n, size_t size)
{
    void *p = NULL;

    if (n == 0 || n > SIZE_MAX / 2 / size)
        return NULL;
    if (posix_memalign(&p, 64, n * size) != 0)
        return NULL;
    memset(p, 0, n * size);
    net->bytes += n * size;
    return p;
}

static bool alloc_rows(struct pare_net *net, struct net_buffer *buf)
{
    if (!buf->rows)
        buf->rows = net_alloc(net,
                              net->tiles * net->width * buf->features,
                              sizeof(float));
    return buf->rows != NULL;
}

static bool alloc_buffer(struct pare_net *net, size_t b, size_t features)
{
    struct net_buffer *buf = &net->buffer[b];
    size_t n = net->tiles * features * net->width;

    buf->features = features;
    buf->act = net_alloc(net, n, sizeof(float));
    if (net->train)
        buf->grad = net_alloc(net, n, sizeof(float));
    return buf->act && (!net->train || buf->grad);
}

static bool alloc_layer(struct pare_net *net, struct net_layer *l)
{
    size_t features = pare_shape_size(&l->layer->in[0]);
    size_t n = net->tiles * features * net->width;

    if (l->op == PARE_OP_DROPOUT && net->train) {
        l->keep = net_alloc(net, n, 1);
        return l->keep != NULL;
    }
    if (l->op == PARE_OP_BATCHNORM && net->train) {
        l->xhat = net_alloc(net, n, sizeof(float));
        l->inv_std = net_alloc(net, features, sizeof(float));
        l->dscale = net_alloc(net, features, sizeof(float));
        l->dshift = net_alloc(net, features, sizeof(float));
        return l->xhat && l->inv_std && l->dscale && l->dshift;
    }
    return true;
}

/*
 * Lay out one layer. A linear layer begins a new buffer; others work in
 * place, but in training not on an output that an activation needs for its
 * own backward pass.
 */
static bool plan_layer(struct pare_net *net, size_t i, size_t b, bool touched)
{
    struct net_layer *l = &net->layer[i];
    bool needed = net->train && i > 0 && net->layer[i - 1].activation;

    l->layer = &net->model->arch.layer[i];
    l->op = l->layer->kind->op;
    l->activation = pare_activation(l->op);
    l->opt = (float)l->layer->opt[0];
    l->index = (uint32_t)i;
    l->in = l->out = b;
    if (l->op == PARE_OP_LINEAR || needed) {
        l->out = b + 1;
        if (!alloc_buffer(net, b + 1, pare_shape_size(&l->layer->out)))
            return false;
    }
    if (l->op == PARE_OP_LINEAR && net->train) {
        l->fill_rows = b > 0 || touched;
        return alloc_rows(net, &net->buffer[b]);
    }
    return alloc_layer(net, l);
}

static bool plan(struct pare_net *net)
{
    const struct pare_arch *arch = &net->model->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    size_t tensor = 0, b = 0;

    for (size_t i = 0; i < arch->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        size_t owned;

        if (!plan_layer(net, i, b, i > 0))
            return false;
        owned = (size_t)l->layer->kind->tensors(l->layer, spec);
        l->tensor = tensor;
        l->need_dx = tensor > 0;
        l->has_bias = l->op == PARE_OP_LINEAR && owned > 1;
        tensor += owned;
        b = l->out;
    }
    net->n_buffers = b + 1;
    net->n_layers = arch->n_layers;
    return true;
}

static bool plan_tasks(struct pare_net *net)
{
    size_t n = 0;

    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layer[i].op == PARE_OP_LINEAR)
            n += (net->layer[i].layer->out.dim[0] + NET_ROWS - 1) / NET_ROWS;
    net->task = calloc(n + 1, sizeof *net->task);
    if (!net->task)
        return false;
    for (size_t i = 0; i < net->n_layers; i++) {
        size_t out = net->layer[i].layer->out.dim[0];

        if (net->layer[i].op != PARE_OP_LINEAR)
            continue;
        for (size_t r = 0; r < out; r += NET_ROWS)
            net->task[net->n_tasks++] = (struct net_task){
                i, r, out - r < NET_ROWS ? out - r : NET_ROWS};
    }
    return true;
}

static int worth_threads(const struct pare_net *net, int threads)
{
    double macs = 0;

    for (size_t i = 0; i < net->n_layers; i++)
        macs += net->layer[i].layer->kind->macs(net->layer[i].layer);
    return macs * (double)net->batch < THREAD_MACS ? 1 : threads;
}

int pare_net_new(struct pare_net **out, struct pare_model *m, size_t batch,
                 bool train, int threads)
{
    struct pare_net *net = calloc(1, sizeof *net);

    if (!net)
        return pare_fail(PARE_ENOMEM, "out of memory");
    net->model = m;
    net->kernel = pare_kernel();
    net->batch = batch;
    net->width = pare_net_width(batch);
    net->tiles = net_tiles(net, batch);
    net->train = train;
    net->classes = pare_shape_size(pare_arch_output(&m->arch));
    net->buffer = calloc(m->arch.n_layers + 1, sizeof *net->buffer);
    net->layer = calloc(m->arch.n_layers, sizeof *net->layer);
    if (!net->buffer || !net->layer ||
        !alloc_buffer(net, 0, pare_shape_size(&m->arch.input)) ||
        !alloc_rows(net, &net->buffer[0]) || !plan(net) || (train && !plan_tasks(net))) {
        pare_net_free(net);
        return pare_fail(PARE_ENOMEM,
                         "out of memory for a batch of %zu samples", batch);
    }
    net->threads = worth_threads(net, threads);
    *out = net;
    return 0;
}

void pare_net_free(struct pare_net *net)
{
    if (!net)
        return;
    for (size_t b = 0; net->buffer && b <= net->model->arch.n_layers; b++) {
        free(net->buffer[b].act);
        free(net->buffer[b].grad);
        free(net->buffer[b].rows);
    }
    for (size_t i = 0; net->layer && i < net->model->arch.n_layers; i++) {
        free(net->layer[i].keep);
        free(net->layer[i].xhat);
        free(net->layer[i].inv_std);
        free(net->layer[i].dscale);
        free(net->layer[i].dshift);
    }
    free(net->buffer);
    free(net->layer);
    free(net->task);
    free(net);
}

const float *pare_net_output(const struct pare_net *net, size_t tile)
{
    const struct net_buffer *b = &net->buffer[net->n_buffers - 1];

    return b->act + tile * b->features * net->width;
}

size_t pare_net_bytes(const struct pare_net *net)
{
    return net->bytes;
}

static size_t tile_samples(const struct pare_net *net, size_t tile)
{
    size_t left = net->n - tile * net->width;

    return left < net->width ? left : net->width;
}

/* What the tiles of one gather share. */
struct gather {
    struct pare_net *net;
    struct pare_gather from;
    const uint32_t *index;
    size_t first;
};

static void gather_tile(void *arg, size_t tile)
{
    const struct gather *g = arg;
    struct net_buffer *b = &g->net->buffer[0];
    size_t at = tile * g->net->width;

    pare_dataset_gather(b->act + at * b->features, b->rows + at * b->features,
                        g->net->width, &g->from,
                        g->index ? g->index + at : NULL, g->first + at,
                        tile_samples(g->net, tile));
}

void pare_net_gather(struct pare_net *net, const struct pare_gather *from,
                     const uint32_t *index, size_t first, size_t n)
{
    struct gather g = {net, *from, index, first};

    if (!g.from.norm)
        g.from.norm = &net->model->norm;
    if (g.from.planes == 0)
        g.from.planes = 1;
    net->n = n;
    pare_parallel(net->threads, net_tiles(net, n), gather_tile, &g);
}

static void linear_forward(struct pare_net *net, const struct net_layer *l,
                           size_t tile)
{
    const struct pare_tensor *w = &net->model->tensor[l->tensor];
    struct net_buffer *in = &net->buffer[l->in], *out = &net->buffer[l->out];
    size_t width = net->width, m = out->features, k = in->features;
    float *y = out->act + tile * m * width;
    const float *x = in->act + tile * k * width;

    if (l->fill_rows)
        pare_transpose(in->rows + tile * width * k, k, x, width, k,
                       tile_samples(net, tile));
    for (size_t i = 0; l->has_bias && i < m; i++) {
        float b = net->model->tensor[l->tensor + 1].value[i];

        for (size_t j = 0; j < width; j++)
            y[i * width + j] = b;
    }
    net->kernel->gemm(m, width, k, w->value, k, 1, x, width, y, width,
                      l->has_bias);
}

static void layer_forward(struct pare_net *net, struct net_layer *l,
                          size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->features * net->width;
    float *x = b->act + tile * size;

    if (l->op == PARE_OP_LINEAR) {
        linear_forward(net, l, tile);
        return;
    }
    if (l->in != l->out)
        memcpy(x, net->buffer[l->in].act + tile * size, size * sizeof *x);
    if (l->activation)
        l->activation->forward(x, b->features, net->width, l->opt);
    else if (l->op == PARE_OP_DROPOUT && net->training)
        net_dropout_forward(net, l, tile);
    else if (l->op == PARE_OP_BATCHNORM)
        net_batchnorm_eval(net, l, tile);
}

/* Layers [first, last) of one pass, tile by tile. */
struct span {
    struct pare_net *net;
    size_t first, last;
};

static void span_forward(void *arg, size_t tile)
{
    const struct span *s = arg;

    for (size_t i = s->first; i < s->last; i++)
        layer_forward(s->net, &s->net->layer[i], tile);
}

/* Does the layer look at the whole batch at once? */
static bool couples_batch(const struct pare_net *net, size_t i)
{
    return net->layer[i].op == PARE_OP_BATCHNORM && net->training;
}

void pare_net_forward(struct pare_net *net, size_t n, bool training,
                      uint64_t seed, uint64_t step)
{
    size_t first = 0;

    net->n = n; /* as gathered */
    net->training = training;
    net->seed = seed;
    net->step = step;
    while (first < net->n_layers) {
        struct span s = {net, first, first};

        while (s.last < net->n_layers && !couples_batch(net, s.last))
            s.last++;
        if (s.last > first)
            pare_parallel(net->threads, net_tiles(net, n), span_forward, &s);
        if (s.last < net->n_layers)
            net_batchnorm_forward(net, &net->layer[s.last++]);
        first = s.last;
    }
}

void pare_net_loss(struct pare_net *net, const struct pare_loss *f,
                   double *loss, const int32_t *y, float scale)
{
    struct net_buffer *b = &net->buffer[net->n_buffers - 1];
    size_t size = b->features * net->width;

    for (size_t t = 0; t < net_tiles(net, net->n); t++)
        f->tile(loss + t * net->width,
                scale != 0.0f ? b->grad + t * size : NULL, b->act + t * size,
                y + t * net->width, net->classes, net->width,
                tile_samples(net, t), scale);
}

/* Places of the true classes of one tile; columns past n are not read. */
PARE_CLONES
static void rank_tile(uint32_t *restrict above, const float *restrict z,
                      const float *restrict own, const int32_t *restrict y,
                      size_t classes, size_t width)
{
    for (size_t j = 0; j < width; j++)
        above[j] = own[j] != own[j] ? (uint32_t)classes : 0;
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < width; j++) {
            float other = z[c * width + j];
            int32_t k = (int32_t)c;
            uint32_t before = (uint32_t)(k < y[j]) & !(other < own[j]);
            uint32_t after = (uint32_t)(k > y[j]) & !(other <= own[j]);

            above[j] += before | after;
        }
}

/*
 * The predicted class. With a NaN among the outputs it is not the true
 * class, as that counts as wrong: the first other NaN, or where only the
 * true class's output is one, the largest other.
 */
static uint32_t best_class(const float *z, size_t classes, size_t width,
                           size_t truth)
{
    size_t top = 0, other = truth == 0 && classes > 1;
    bool odd = z[0] != z[0];

    for (size_t c = 1; c < classes; c++) {
        odd |= z[c * width] != z[c * width];
        top = z[c * width] > z[top * width] ? c : top;
    }
    if (!odd)
        return (uint32_t)top;
    for (size_t c = 0; c < classes; c++) {
        if (c != truth && z[c * width] != z[c * width])
            return (uint32_t)c;
        if (c != truth && z[c * width] > z[other * width])
            other = c;
    }
    return (uint32_t)other;
}

void pare_net_rank(const struct pare_net *net, uint32_t *rank, uint32_t *best,
                   const int32_t *y)
{
    size_t width = net->width;

    for (size_t t = 0; t < net_tiles(net, net->n); t++) {
        const float *z = pare_net_output(net, t);
        size_t first = t * width, n = tile_samples(net, t);
        uint32_t above[PARE_TILE_MAX];
        float own[PARE_TILE_MAX] = {0};
        int32_t truth[PARE_TILE_MAX] = {0};

        for (size_t j = 0; j < n; j++) {
            truth[j] = y[first + j];
            own[j] = z[(size_t)truth[j] * width + j];
        }
        rank_tile(above, z, own, truth, net->classes, width);
        memcpy(rank + first, above, n * sizeof *rank);
        for (size_t j = 0; best && j < n; j++)
            best[first + j] = best_class(z + j, net->classes, width,
                                         (size_t)truth[j]);
    }
}

static void linear_backward(struct pare_net *net, const struct net_layer *l,
                            size_t tile)
{
    const struct pare_tensor *w = &net->model->tensor[l->tensor];
    struct net_buffer *in = &net->buffer[l->in], *out = &net->buffer[l->out];
    size_t width = net->width, m = out->features, k = in->features;

    if (!l->need_dx)
        return;
    net->kernel->gemm(k, width, m, w->value, 1, k,
                      out->grad + tile * m * width, width,
                      in->grad + tile * k * width, width, 0);
}

static void layer_backward(struct pare_net *net, struct net_layer *l,
                           size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->features * net->width, at = tile * size;

    if (l->op == PARE_OP_LINEAR) {
        linear_backward(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_BATCHNORM)
        net_batchnorm_eval_backward(net, l, tile);
    if (!l->need_dx)
        return; /* only the input lies before it */
    if (l->activation)
        l->activation->backward(b->grad + at, b->act + at, b->features,
                                net->width, l->opt);
    else if (l->op == PARE_OP_DROPOUT && net->training)
        net_dropout_backward(net, l, tile);
    if (l->in != l->out)
        memcpy(net->buffer[l->in].grad + at, b->grad + at,
               size * sizeof(float));
}

static void span_backward(void *arg, size_t tile)
{
    const struct span *s = arg;

    for (size_t i = s->last; i-- > s->first;)
        layer_backward(s->net, &s->net->layer[i], tile);
}

void net_backward(struct pare_net *net)
{
    size_t last = net->n_layers;

    while (last > 0) {
        struct span s = {net, last, last};

        while (s.first > 0 && !couples_batch(net, s.first - 1))
            s.first--;
        if (s.first < last)
            pare_parallel(net->threads, net_tiles(net, net->n),
                          span_backward, &s);
        if (s.first > 0)
            net_batchnorm_backward(net, &net->layer[--s.first]);
        last = s.first;
    }
}
