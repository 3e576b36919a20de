/* Linear layers, forward and back: dense, or sparse and compact. */
#include <string.h>

#include "kernel.h"
#include "net_layers.h"
#include "parallel.h"
#include "transpose.h"

/* Rows of a linear layer that runs alone: of outputs, of inputs. */
#define ALONE_ROWS   16
#define ALONE_INPUTS 512

/* Rows [first, first + rows) of a linear layer's output. */
static void linear_rows(struct pare_net *net, const struct net_layer *l,
                        size_t tile, size_t first, size_t rows)
{
    const struct pare_tensor *w = &net->model->tensor[l->tensor];
    struct net_buffer *in = &net->buffer[l->in[0]];
    struct net_buffer *out = &net->buffer[l->out];
    size_t width = net->width, k = in->size;
    float *y = out->act + (tile * out->size + first) * width;

    for (size_t i = 0; l->has_bias && i < rows; i++) {
        float b = net->model->tensor[l->tensor + 1].value[first + i];

        for (size_t j = 0; j < width; j++)
            y[i * width + j] = b;
    }
    if (l->sparse) {
        if (!l->has_bias)
            memset(y, 0, rows * width * sizeof *y);
        pare_sparse_forward(l->sparse, w->value, first, rows, y,
                            in->act + tile * k * width, width);
        return;
    }
    net->kernel->gemm(rows, width, k, w->value + first * k, k, 1,
                      in->act + tile * k * width, width, y, width, l->has_bias);
}

/* Features [first, first + n) of a linear layer's input, sample-major. */
static void linear_transpose(struct pare_net *net, const struct net_layer *l,
                             size_t tile, size_t first, size_t n)
{
    struct net_buffer *in = &net->buffer[l->in[0]];
    size_t width = net->width, k = in->size;

    pare_transpose(in->rows + tile * width * k + first, k,
                   in->act + (tile * k + first) * width, width, n,
                   net_valid(net, in, tile));
}

static bool fill_rows(const struct pare_net *net, const struct net_layer *l)
{
    return net->train && !l->sparse && !net->buffer[l->in[0]].has_rows;
}

void net_linear_forward(struct pare_net *net, const struct net_layer *l,
                        size_t tile)
{
    if (fill_rows(net, l))
        linear_transpose(net, l, tile, 0, net->buffer[l->in[0]].size);
    linear_rows(net, l, tile, 0, net->buffer[l->out].size);
}

/* Gradient at inputs [first, first + n) of a linear layer. */
static void linear_back(struct pare_net *net, const struct net_layer *l,
                        size_t tile, size_t first, size_t n)
{
    const struct pare_tensor *w = &net->model->tensor[l->tensor];
    struct net_buffer *in = &net->buffer[l->in[0]];
    struct net_buffer *out = &net->buffer[l->out];
    size_t width = net->width, m = out->size, k = in->size;

    if (l->sparse) {
        pare_sparse_back(l->sparse, w->value, first, n,
                         in->grad + tile * k * width,
                         out->grad + tile * m * width, width, l->add[0]);
        return;
    }
    net->kernel->gemm(n, width, m, w->value + first, 1, k,
                      out->grad + tile * m * width, width,
                      in->grad + (tile * k + first) * width, width, l->add[0]);
}

void net_linear_backward(struct pare_net *net, const struct net_layer *l,
                         size_t tile)
{
    if (l->need[0])
        linear_back(net, l, tile, 0, net->buffer[l->in[0]].size);
}

/* A linear layer on its own, cut by rows instead of by tiles. */
struct alone {
    struct pare_net *net;
    struct net_layer *layer;
    size_t blocks, size, total;
};

static struct alone alone(struct pare_net *net, struct net_layer *l,
                          size_t size, size_t total)
{
    return (struct alone){net, l, (total + size - 1) / size, size, total};
}

size_t net_sparse_rows(const struct pare_net *net, const struct net_layer *l,
                       size_t least, size_t n)
{
    size_t entries = net->model->tensor[l->tensor].n, rows;

    if (!l->sparse)
        return least;
    rows = entries ? (size_t)((double)NET_ENTRIES * (double)n / (double)entries)
                   : n;
    return rows < least ? least : rows > n ? n : rows;
}

static size_t alone_count(const struct alone *a, size_t first)
{
    return a->total - first < a->size ? a->total - first : a->size;
}

static void alone_forward(void *arg, size_t i)
{
    const struct alone *a = arg;
    size_t first = i % a->blocks * a->size;

    linear_rows(a->net, a->layer, i / a->blocks, first, alone_count(a, first));
}

static void alone_transpose(void *arg, size_t i)
{
    const struct alone *a = arg;
    size_t first = i % a->blocks * a->size;

    linear_transpose(a->net, a->layer, i / a->blocks, first,
                     alone_count(a, first));
}

static void alone_backward(void *arg, size_t i)
{
    const struct alone *a = arg;
    size_t first = i % a->blocks * a->size;

    linear_back(a->net, a->layer, i / a->blocks, first, alone_count(a, first));
}

void net_linear_alone(struct pare_net *net, struct net_layer *l, bool backward)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    size_t tiles = net_tiles(net, out);
    struct alone rows = alone(
        net, l, net_sparse_rows(net, l, ALONE_ROWS, out->size), out->size);
    struct alone inputs = alone(
        net, l, net_sparse_rows(net, l, ALONE_INPUTS, in->size), in->size);

    if (backward && l->need[0]) {
        pare_parallel(net->threads, tiles * inputs.blocks, alone_backward,
                      &inputs);
    } else if (!backward) {
        if (fill_rows(net, l))
            pare_parallel(net->threads, tiles * inputs.blocks, alone_transpose,
                          &inputs);
        pare_parallel(net->threads, tiles * rows.blocks, alone_forward, &rows);
    }
}
