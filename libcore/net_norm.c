/* Dropout and batch norm: the layers that act differently in training. */
#include <math.h>
#include <string.h>

#include "clones.h"
#include "net_layers.h"
#include "parallel.h"
#include "rng.h"

#define BLOCK 16 /* features of a batch norm task */

/*
 * Word (feature, sample) of a step: blocks of four samples, numbered so
 * that no two steps share one. Widths are multiples of four.
 */
void net_dropout_forward(struct pare_net *net, struct net_layer *l,
                         size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t width = net->width, columns = net->tiles * width;
    size_t at = tile * b->features * width;
    float *x = b->act + at, scale = 1.0f / (1.0f - l->opt);
    uint64_t first = net->step * (b->features * columns / 4);

    for (size_t f = 0; f < b->features; f++)
        for (size_t j = 0; j < width; j += 4) {
            size_t i = f * width + j;
            uint32_t word[4];

            pare_rng_block(word, net->seed, PARE_STREAM_DROPOUT, l->index,
                           first + (f * columns + tile * width + j) / 4);
            for (size_t k = 0; k < 4; k++) {
                uint8_t keep = pare_rng_unit(word[k]) >= l->opt;

                l->keep[at + i + k] = keep;
                x[i + k] = keep ? x[i + k] * scale : 0.0f;
            }
        }
}

void net_dropout_backward(struct pare_net *net, struct net_layer *l,
                          size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->features * net->width, at = tile * size;
    float *g = b->grad + at, scale = 1.0f / (1.0f - l->opt);

    for (size_t i = 0; i < size; i++)
        g[i] = l->keep[at + i] ? g[i] * scale : 0.0f;
}

/* The four tensors of a batch norm layer. */
static const float *part(const struct pare_net *net,
                         const struct net_layer *l, size_t k)
{
    return net->model->tensor[l->tensor + k].value;
}

void net_batchnorm_eval(struct pare_net *net, struct net_layer *l,
                        size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t width = net->width;
    float *x = b->act + tile * b->features * width;

    for (size_t f = 0; f < b->features; f++) {
        float inv = 1.0f / sqrtf(part(net, l, 3)[f] + l->opt);
        float mean = part(net, l, 2)[f];
        float scale = part(net, l, 0)[f], shift = part(net, l, 1)[f];

        for (size_t j = 0; j < width; j++) {
            float hat = (x[f * width + j] - mean) * inv;

            if (l->xhat)
                l->xhat[(tile * b->features + f) * width + j] = hat;
            x[f * width + j] = hat * scale + shift;
        }
        if (l->inv_std && tile == 0) /* the same in every tile */
            l->inv_std[f] = inv;
    }
}

void net_batchnorm_eval_backward(struct pare_net *net, struct net_layer *l,
                                 size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t width = net->width;
    const float *scale = part(net, l, 0);
    float *g = b->grad + tile * b->features * width;

    /* dscale and dshift are not asked for in evaluation mode. */
    for (size_t f = 0; f < b->features; f++)
        for (size_t j = 0; j < width; j++)
            g[f * width + j] *= scale[f] * l->inv_std[f];
}

struct norm_pass {
    struct pare_net *net;
    struct net_layer *layer;
};

/* Row f of tile t in an array [tiles][features][width]. */
static size_t place(const struct pare_net *net, const struct net_layer *l,
                    size_t t, size_t f)
{
    return (t * net->buffer[l->out].features + f) * net->width;
}

static size_t valid(const struct pare_net *net, size_t t)
{
    size_t left = net->n - t * net->width;

    return left < net->width ? left : net->width;
}

/* Mean and variance of one feature over the batch, in double. */
static void moments(double *mean, double *var, const struct pare_net *net,
                    const struct net_layer *l, size_t f)
{
    const float *x = net->buffer[l->in].act;
    double sum = 0, squares = 0;

    for (size_t t = 0; t < net_tiles(net, net->n); t++)
        for (size_t j = 0; j < valid(net, t); j++)
            sum += (double)x[place(net, l, t, f) + j];
    *mean = sum / (double)net->n;
    for (size_t t = 0; t < net_tiles(net, net->n); t++)
        for (size_t j = 0; j < valid(net, t); j++) {
            double d = (double)x[place(net, l, t, f) + j] - *mean;

            squares += d * d;
        }
    *var = squares / (double)net->n;
}

static void running(struct pare_net *net, const struct net_layer *l,
                    size_t f, double mean, double var)
{
    float *run_mean = net->model->tensor[l->tensor + 2].value + f;
    float *run_var = net->model->tensor[l->tensor + 3].value + f;
    double momentum = pare_layer_opt(l->layer, "momentum");
    double n = (double)net->n;

    if (net->n > 1)
        var *= n / (n - 1);
    *run_mean = (float)((1 - momentum) * (double)*run_mean + momentum * mean);
    *run_var = (float)((1 - momentum) * (double)*run_var + momentum * var);
}

static void forward_feature(struct pare_net *net, struct net_layer *l,
                            size_t f)
{
    float scale = part(net, l, 0)[f], shift = part(net, l, 1)[f];
    double mean, var;

    moments(&mean, &var, net, l, f);
    running(net, l, f, mean, var);
    l->inv_std[f] = (float)(1.0 / sqrt(var + (double)l->opt));
    for (size_t t = 0; t < net_tiles(net, net->n); t++) {
        size_t at = place(net, l, t, f), n = valid(net, t);
        const float *x = net->buffer[l->in].act + at;
        float *y = net->buffer[l->out].act + at, *hat = l->xhat + at;

        for (size_t j = 0; j < net->width; j++) {
            hat[j] = j < n ? (x[j] - (float)mean) * l->inv_std[f] : 0.0f;
            y[j] = hat[j] * scale + shift;
        }
    }
}

static void forward_block(void *arg, size_t block)
{
    struct norm_pass *p = arg;
    size_t end = (block + 1) * BLOCK;
    size_t features = p->net->buffer[p->layer->out].features;

    for (size_t f = block * BLOCK; f < end && f < features; f++)
        forward_feature(p->net, p->layer, f);
}

void net_batchnorm_forward(struct pare_net *net, struct net_layer *l)
{
    struct norm_pass p = {net, l};

    pare_parallel(net->threads,
                  (net->buffer[l->out].features + BLOCK - 1) / BLOCK,
                  forward_block, &p);
}

/* dx = scale inv_std / n (n dy - sum dy - xhat sum dy xhat) */
static void backward_feature(struct pare_net *net, struct net_layer *l,
                             size_t f)
{
    double shift = 0, scale = 0, n = (double)net->n;
    float factor = part(net, l, 0)[f] * l->inv_std[f];

    for (size_t t = 0; t < net_tiles(net, net->n); t++) {
        const float *g = net->buffer[l->out].grad + place(net, l, t, f);
        const float *hat = l->xhat + place(net, l, t, f);

        for (size_t j = 0; j < valid(net, t); j++) {
            shift += (double)g[j];
            scale += (double)g[j] * (double)hat[j];
        }
    }
    l->dshift[f] = (float)shift;
    l->dscale[f] = (float)scale;
    for (size_t t = 0; l->need_dx && t < net_tiles(net, net->n); t++) {
        size_t at = place(net, l, t, f), some = valid(net, t);
        const float *g = net->buffer[l->out].grad + at;
        float *dx = net->buffer[l->in].grad + at;

        for (size_t j = 0; j < net->width; j++)
            dx[j] = j < some ? factor * (g[j] - (float)(shift / n) -
                                         l->xhat[at + j] * (float)(scale / n))
                             : 0.0f;
    }
}

static void backward_block(void *arg, size_t block)
{
    struct norm_pass *p = arg;
    size_t end = (block + 1) * BLOCK;
    size_t features = p->net->buffer[p->layer->out].features;

    for (size_t f = block * BLOCK; f < end && f < features; f++)
        backward_feature(p->net, p->layer, f);
}

void net_batchnorm_backward(struct pare_net *net, struct net_layer *l)
{
    struct norm_pass p = {net, l};

    pare_parallel(net->threads,
                  (net->buffer[l->out].features + BLOCK - 1) / BLOCK,
                  backward_block, &p);
}
