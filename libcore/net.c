#include "net.h"

#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "dialect.h"
#include "kernel.h"
#include "net_dialect.h"
#include "net_layers.h"
#include "net_tied.h"
#include "parallel.h"
#include "rbm.h"
#include "status.h"

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

size_t net_tiles(const struct pare_net *net, const struct net_buffer *b)
{
    return (net->n + b->lanes - 1) / b->lanes;
}

size_t net_valid(const struct pare_net *net, const struct net_buffer *b,
                 size_t tile)
{
    size_t left = net->n - tile * b->lanes;

    return left < b->lanes ? left : b->lanes;
}

static int worth_threads(const struct pare_net *net, int threads)
{
    const struct pare_arch *arch = &net->model->arch;
    double macs = 0;

    for (size_t i = 0; i < arch->n_layers; i++)
        macs += arch->layer[i].kind->macs(&arch->layer[i]);
    for (size_t i = 0; i < net->model->n_tensors; i++) {
        const struct pare_tensor *t = &net->model->tensor[i];

        if (t->pattern)
            macs -= (double)pare_tensor_positions(t) - (double)t->n;
    }
    return macs * (double)net->batch < THREAD_MACS ? 1 : threads;
}

/*
 * Lanes of features. Sparse products want wide tiles: each weight is then
 * looked up for more samples. Images keep theirs, so that they meet.
 */
static size_t width_of(const struct pare_model *m, size_t batch)
{
    bool sparse = false;

    for (size_t i = 0; i < m->n_tensors; i++)
        sparse |= m->tensor[i].pattern != NULL;
    for (size_t i = 0; i < m->arch.n_layers; i++) {
        enum pare_layer_op op = m->arch.layer[i].kind->op;

        if (op == PARE_OP_CONV || op == PARE_OP_MAXPOOL ||
            op == PARE_OP_AVGPOOL)
            sparse = false;
    }
    return sparse && batch >= 64 ? 64 : pare_net_width(batch);
}

int pare_net_new(struct pare_net **out, struct pare_model *m, size_t batch,
                 bool train, int threads)
{
    struct pare_net *net;
    int err = pare_arch_need_graph(&m->arch);

    if (err)
        return err;
    if (pare_arch_is_rbm(&m->arch))
        return pare_fail(PARE_EMISMATCH,
                         "a Boltzmann machine has no outputs to look at");
    net = calloc(1, sizeof *net);
    if (!net)
        return pare_fail(PARE_ENOMEM, "out of memory");
    net->model = m;
    net->kernel = pare_kernel();
    net->batch = batch;
    net->width = width_of(m, batch);
    net->lanes = batch > 8 ? net->width : 1;
    net->dialect = pare_dialect_find(m->training.dialect);
    net->train = train;
    net->classes = pare_shape_size(pare_arch_output(&m->arch));
    net->threads = worth_threads(net, threads);
    err = net_plan(net);
    if (err) {
        pare_net_free(net);
        return err;
    }
    net_pack(net);
    *out = net;
    return 0;
}

static void free_layer(struct net_layer *l)
{
    struct net_norm *n = &l->norm;

    free(l->keep);
    free(l->sum);
    free(l->dsum);
    free(l->packed[0]);
    free(l->packed[1]);
    free(l->which);
    free(l->on_in);
    free(l->on_out);
    pare_sparse_free(l->sparse);
    free(n->part_mean);
    free(n->part_m2);
    free(n->part_count);
    free(n->moment);
    free(n->mean);
    free(n->factor);
    free(n->shift);
    free(n->inv_std);
    free(n->a);
    free(n->b);
    free(n->c);
    free(n->dscale);
    free(n->dshift);
}

void pare_net_free(struct pare_net *net)
{
    if (!net)
        return;
    for (size_t b = 0; b < net->n_buffers; b++) {
        free(net->buffer[b].rows);
        if (net->train)
            free(net->buffer[b].act);
    }
    for (size_t i = 0; i < net->n_layers; i++)
        free_layer(&net->layer[i]);
    net_tied_free(net->tied, net->model->n_tensors);
    free(net->buffer);
    free(net->layer);
    free(net->task);
    free(net->arena);
    free(net->slot);
    free(net->scratch);
    free(net);
}

size_t pare_net_lanes(const struct pare_net *net)
{
    return net->width;
}

const float *pare_net_output(const struct pare_net *net, size_t tile)
{
    const struct net_buffer *b = &net->buffer[net->output];

    return b->act + tile * b->size * b->lanes;
}

size_t pare_net_bytes(const struct pare_net *net)
{
    return net->bytes;
}

void pare_net_refresh(struct pare_net *net)
{
    net_pack(net);
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
    const struct net_buffer *b = &g->net->buffer[0];
    size_t at = tile * b->lanes;
    float *act = b->act + at * b->size;
    float *rows = b->lanes == 1 ? act : b->rows + at * b->size;

    pare_dataset_gather(b->lanes == 1 ? NULL : act, rows, b->lanes, &g->from,
                        g->index ? g->index + at : NULL, g->first + at,
                        net_valid(g->net, b, tile));
}

void pare_net_gather(struct pare_net *net, const struct pare_gather *from,
                     const uint32_t *index, size_t first, size_t n)
{
    struct gather g = {net, *from, index, first};

    if (!g.from.norm)
        g.from.norm = &net->model->norm;
    if (g.from.planes == 0)
        g.from.planes = net->planes;
    net->n = n;
    pare_parallel(net->threads, net_tiles(net, &net->buffer[0]), gather_tile,
                  &g);
}

bool net_by_tile(const struct pare_net *net, const struct net_layer *l)
{
    if (net->buffer[l->out].image || net->buffer[l->in[0]].image || l->alone)
        return false;
    return l->op != PARE_OP_BATCHNORM || !net->train;
}

static void add_tile(struct pare_net *net, struct net_layer *l, size_t tile)
{
    size_t size = net->buffer[l->out].size * net->width, at = tile * size;

    for (int k = 0; k < l->n_in; k++)
        if (k > 0 || l->in[0] != l->out)
            net_sum(net->buffer[l->out].act + at,
                    net->buffer[l->in[k]].act + at, size, k > 0);
}

static void concat_tile(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *out = &net->buffer[l->out];
    float *y = out->act + tile * out->size * net->width;

    for (int k = 0; k < l->n_in; k++) {
        size_t size = net->buffer[l->in[k]].size * net->width;

        memcpy(y, net->buffer[l->in[k]].act + tile * size, size * sizeof *y);
        y += size;
    }
}

static size_t features_before(const struct net_layer *l)
{
    return (size_t)pare_layer_opt(l->layer, "front");
}

static void pad_tile(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    float *y = out->act + tile * out->size * net->width;
    float value = (float)pare_layer_opt(l->layer, "value");
    size_t n = in->size * net->width;

    for (size_t i = 0; i < out->size * net->width; i++)
        y[i] = value;
    memcpy(y + features_before(l) * net->width, in->act + tile * n,
           n * sizeof *y);
}

/* The last input first: an input that is taken twice has its gradient set
   there, and added to after that. */
static void join_back(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *out = &net->buffer[l->out];
    size_t at = l->op == PARE_OP_CONCAT ? out->size : 0;

    if (l->op == PARE_OP_PAD)
        at = features_before(l);
    for (int k = l->n_in - 1; k >= 0; k--) {
        struct net_buffer *in = &net->buffer[l->in[k]];

        at -= l->op == PARE_OP_CONCAT ? in->size : 0;
        if (l->need[k] && l->in[k] != l->out)
            net_sum(in->grad + tile * in->size * net->width,
                    out->grad + (tile * out->size + at) * net->width,
                    in->size * net->width, l->add[k]);
    }
}

void net_tile_forward(struct pare_net *net, struct net_layer *l, size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes;
    float *x = b->act + tile * size;

    if (l->op == PARE_OP_LINEAR) {
        net_linear_forward(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_ADD || l->op == PARE_OP_CONCAT) {
        (l->op == PARE_OP_ADD ? add_tile : concat_tile)(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_PAD) {
        pad_tile(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_SRELU) {
        net_srelu_forward(net, l, tile);
        return;
    }
    if (l->in[0] != l->out)
        memcpy(x, net->buffer[l->in[0]].act + tile * size, size * sizeof *x);
    if (l->activation)
        l->activation->forward(x, b->size, b->lanes, l->opt);
    else if (l->op == PARE_OP_DROPOUT && net->training)
        net_dropout_forward(net, l, tile);
    else if (l->op == PARE_OP_BATCHNORM)
        net_batchnorm_tile(net, l, tile);
}

static void activation_backward(struct pare_net *net, struct net_layer *l,
                                size_t tile)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *b = &net->buffer[l->out];
    size_t at = tile * b->size * b->lanes;
    const float *y = l->activation->from_input ? in->act : b->act;

    if (l->doubled && net->training) {
        net_double_sigmoid(net, l, tile);
        return;
    }
    l->activation->backward(b->grad + at, y + at, b->size, b->lanes, l->opt);
}

void net_tile_backward(struct pare_net *net, struct net_layer *l, size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes, at = tile * size;

    if (l->op == PARE_OP_LINEAR) {
        net_linear_backward(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_ADD || l->op == PARE_OP_CONCAT ||
        l->op == PARE_OP_PAD) {
        join_back(net, l, tile);
        return;
    }
    if (l->op == PARE_OP_SRELU) {
        net_srelu_backward(net, l, tile);
        return;
    }
    if (!l->need[0])
        return; /* only the input lies before it */
    if (l->activation)
        activation_backward(net, l, tile);
    else if (l->op == PARE_OP_DROPOUT && net->training)
        net_dropout_backward(net, l, tile);
    if (l->in[0] != l->out)
        net_sum(net->buffer[l->in[0]].grad + at, b->grad + at, size, l->add[0]);
}

/* Nodes [first, last) of one pass, tile by tile. */
struct span {
    struct pare_net *net;
    size_t first, last;
};

static void span_forward(void *arg, size_t tile)
{
    const struct span *s = arg;

    for (size_t i = s->first; i < s->last; i++) {
        const struct net_layer *l = &s->net->layer[i];

        net_tile_forward(s->net, &s->net->layer[i], tile);
        net_share_forward(s->net, l, tile);
        if (l->on_in || l->on_out)
            net_note_tile(s->net, l, tile);
    }
}

static void span_backward(void *arg, size_t tile)
{
    const struct span *s = arg;

    for (size_t i = s->last; i-- > s->first;) {
        net_share_backward(s->net, &s->net->layer[i], tile);
        net_tile_backward(s->net, &s->net->layer[i], tile);
    }
}

static size_t span_tiles(const struct pare_net *net)
{
    return (net->n + net->width - 1) / net->width;
}

/* A node that does not run by tiles. */
static void node_forward(struct pare_net *net, struct net_layer *l)
{
    if (l->fused)
        return;
    if (l->op == PARE_OP_BATCHNORM)
        net_batchnorm_forward(net, l);
    else if (l->op == PARE_OP_LINEAR)
        net_linear_alone(net, l, false);
    else
        net_image_forward(net, l);
    for (size_t t = 0; l->share > 0 && t < span_tiles(net); t++)
        net_share_forward(net, l, t);
    if (l->on_in || l->on_out)
        net_note(net, l);
}

static void node_backward(struct net_pass *p, struct net_layer *l)
{
    if (l->fused)
        return;
    for (size_t t = 0; l->share > 0 && t < span_tiles(p->net); t++)
        net_share_backward(p->net, l, t);
    if (l->op == PARE_OP_BATCHNORM)
        net_batchnorm_backward(p, l);
    else if (l->op == PARE_OP_LINEAR)
        net_linear_alone(p->net, l, true);
    else
        net_image_backward(p, l);
}

void pare_net_forward(struct pare_net *net, size_t n, bool training,
                      uint64_t seed, uint64_t step)
{
    size_t first = 0;

    net->n = n; /* as gathered */
    net->training = training;
    net->seed = seed;
    net->step = step;
    if (training)
        net_pack(net);
    while (first < net->n_layers) {
        struct span s = {net, first, first};

        while (s.last < net->n_layers && net_by_tile(net, &net->layer[s.last]))
            s.last++;
        if (s.last > first)
            pare_parallel(net->threads, span_tiles(net), span_forward, &s);
        if (s.last < net->n_layers)
            node_forward(net, &net->layer[s.last++]);
        first = s.last;
    }
}

void pare_net_loss(struct pare_net *net, const struct pare_loss *f,
                   double *loss, const int32_t *y, float scale)
{
    struct net_buffer *b = &net->buffer[net->output];
    size_t size = b->size * b->lanes;

    scale = net_loss_scale(net, f, scale);
    for (size_t t = 0; t < net_tiles(net, b); t++)
        f->tile(loss + t * b->lanes, scale != 0.0f ? b->grad + t * size : NULL,
                b->act + t * size, y + t * b->lanes, net->classes, b->lanes,
                net_valid(net, b, t), scale);
}

void net_backward(struct net_pass *p)
{
    struct pare_net *net = p->net;
    size_t last = net->n_layers;

    while (last > 0) {
        struct span s = {net, last, last};

        while (s.first > 0 && net_by_tile(net, &net->layer[s.first - 1]))
            s.first--;
        if (s.first < last)
            pare_parallel(net->threads, span_tiles(net), span_backward, &s);
        if (s.first > 0)
            node_backward(p, &net->layer[--s.first]);
        last = s.first;
    }
}
