/* Dropout, batch norm, srelu: layers with numbers or modes of their own. */
#include <math.h>
#include <string.h>

#include "batchnorm.h"
#include "clones.h"
#include "net_dialect.h"
#include "net_layers.h"
#include "parallel.h"
#include "rng.h"
#include "srelu.h"

#define CHUNK 8192 /* floats that a task should have */
#define DRAWS 1024 /* random numbers at once, whole blocks */

/* ---- dropout ---- */

/* Blocks of four floats that a tile has, and where a tile's begin. */
static uint64_t first_block(const struct pare_net *net,
                            const struct net_buffer *b, size_t tile)
{
    uint64_t blocks = (b->size * b->lanes + 3) / 4;

    return (net->step * b->tiles + tile) * blocks;
}

/* Keep numbers whose draw is not below p, times scale; note which. */
PARE_CLONES
static void drop(float *restrict x, uint8_t *restrict keep,
                 const uint32_t *restrict word, size_t n, float p, float scale)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t kept = (float)(int32_t)(word[i] >> 8) * 0x1p-24f >= p;

        keep[i] = kept;
        x[i] = kept ? x[i] * scale : 0.0f;
    }
}

void net_dropout_forward(struct pare_net *net, struct net_layer *l, size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes, at = tile * size;
    float scale = net_plain_dropout(net) ? 1.0f : 1.0f / (1.0f - l->opt);
    uint64_t first = first_block(net, b, tile);
    uint32_t word[DRAWS];

    for (size_t i = 0; i < size; i += DRAWS) {
        size_t n = size - i < DRAWS ? size - i : DRAWS;

        pare_rng_blocks(word, (n + 3) / 4, net->seed, PARE_STREAM_DROPOUT,
                        l->index, first + i / 4);
        drop(b->act + at + i, l->keep + at + i, word, n, l->opt, scale);
    }
}

PARE_CLONES
static void drop_back(float *restrict g, const uint8_t *restrict keep, size_t n,
                      float scale)
{
    for (size_t i = 0; i < n; i++)
        g[i] = keep[i] ? g[i] * scale : 0.0f;
}

void net_dropout_backward(struct pare_net *net, struct net_layer *l,
                          size_t tile)
{
    struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes, at = tile * size;
    float scale = 1.0f / (1.0f - l->opt);

    if (!net_plain_dropout(net))
        drop_back(b->grad + at, l->keep + at, size, scale);
}

/* ---- batch norm ---- */

/* A pass over parts: bands of pixels of tiles. */
struct norm_pass {
    struct pare_net *net;
    struct net_layer *l;
    size_t block, blocks, pixels;
    int relu;
};

/* Pixels of a part. */
static size_t part_pixels(const struct net_buffer *b)
{
    size_t n = CHUNK / (b->channels * b->lanes);

    return n < 1 ? 1 : n;
}

static size_t parts_of(const struct net_buffer *b)
{
    size_t n = part_pixels(b);

    return (b->size / b->channels + n - 1) / n;
}

size_t net_norm_parts(const struct pare_shape *s, const struct net_buffer *b)
{
    size_t chw[3], parts = parts_of(b);

    /* A convolution before it makes them of one row or more. */
    pare_shape_image(chw, s);
    return parts > chw[1] ? parts : chw[1];
}

static void run(struct norm_pass *p, void (*task)(void *arg, size_t i))
{
    const struct net_buffer *b = &p->net->buffer[p->l->in[0]];

    p->block = part_pixels(b);
    p->pixels = b->size / b->channels;
    p->blocks = parts_of(b);
    pare_parallel(p->net->threads, net_tiles(p->net, b) * p->blocks, task, p);
}

/* Where part i of a pass lies. */
struct part {
    size_t tile, first, n, at, channels, lanes, valid;
};

static struct part part_of(const struct norm_pass *p, size_t i)
{
    const struct net_buffer *b = &p->net->buffer[p->l->in[0]];
    struct part t = {.tile = i / p->blocks,
                     .first = i % p->blocks * p->block,
                     .channels = b->channels,
                     .lanes = b->lanes};

    t.n = p->pixels - t.first < p->block ? p->pixels - t.first : p->block;
    t.at = t.tile * b->size * b->lanes + t.first * b->channels * b->lanes;
    t.valid = net_valid(p->net, b, t.tile);
    return t;
}

/* The four tensors of a batch norm layer. */
static float *tensor(const struct pare_net *net, const struct net_layer *l,
                     size_t k)
{
    return net->model->tensor[l->tensor + k].value;
}

static void moments_task(void *arg, size_t i)
{
    const struct norm_pass *p = arg;
    struct net_norm *n = &p->l->norm;
    struct part t = part_of(p, i);

    pare_batchnorm_part(n->part_mean + i * t.channels,
                        n->part_m2 + i * t.channels,
                        p->net->buffer[p->l->in[0]].act + t.at, t.n, t.channels,
                        t.lanes, t.valid);
    n->part_count[i] = t.n * t.valid;
}

static double count_of(const struct pare_net *net, const struct net_layer *l)
{
    const struct net_buffer *b = &net->buffer[l->in[0]];

    return (double)net->n * (double)(b->size / b->channels);
}

/* Factors from moments; the running ones move as PyTorch moves them. */
static void use_moments(struct pare_net *net, struct net_layer *l,
                        size_t channels)
{
    struct net_norm *n = &l->norm;
    const double *mean = n->moment, *var = n->moment + channels;
    double momentum = pare_layer_opt(l->layer, "momentum");
    double count = count_of(net, l);
    double unbiased = count > 1 ? count / (count - 1) : 1;
    float *run_mean = tensor(net, l, 2), *run_var = tensor(net, l, 3);

    for (size_t c = 0; c < channels; c++) {
        n->mean[c] = (float)mean[c];
        n->inv_std[c] = (float)(1.0 / sqrt(var[c] + (double)l->opt));
        n->factor[c] = n->inv_std[c] * tensor(net, l, 0)[c];
        n->shift[c] = tensor(net, l, 1)[c];
        run_mean[c] =
            (float)((1 - momentum) * (double)run_mean[c] + momentum * mean[c]);
        run_var[c] = (float)((1 - momentum) * (double)run_var[c] +
                             momentum * unbiased * var[c]);
    }
}

void net_batchnorm_running(struct pare_net *net, struct net_layer *l)
{
    struct net_norm *n = &l->norm;

    for (size_t c = 0; c < net->buffer[l->in[0]].channels; c++) {
        n->mean[c] = tensor(net, l, 2)[c];
        n->inv_std[c] = 1.0f / sqrtf(tensor(net, l, 3)[c] + l->opt);
        n->factor[c] = n->inv_std[c] * tensor(net, l, 0)[c];
        n->shift[c] = tensor(net, l, 1)[c];
    }
}

static void apply_task(void *arg, size_t i)
{
    const struct norm_pass *p = arg;
    const struct net_norm *n = &p->l->norm;
    struct part t = part_of(p, i);

    pare_batchnorm_apply(p->net->buffer[p->l->out].act + t.at,
                         p->net->buffer[p->l->in[0]].act + t.at, t.n,
                         t.channels, t.lanes, n->mean, n->factor, n->shift,
                         p->relu);
    net_after(p->net, p->l, t.tile, t.first, t.n, (size_t)p->relu);
}

void net_batchnorm_tile(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *b = &net->buffer[l->out];
    float *x = b->act + tile * b->size * b->lanes;

    pare_batchnorm_apply(x, x, 1, b->size, b->lanes, l->norm.mean,
                         l->norm.factor, l->norm.shift, 0);
}

void net_batchnorm_forward(struct pare_net *net, struct net_layer *l)
{
    struct norm_pass p = {.net = net, .l = l};
    size_t channels = net->buffer[l->in[0]].channels;
    struct net_norm *n = &l->norm;

    if (!net->training) {
        net_batchnorm_running(net, l);
    } else {
        if (!l->fed) {
            run(&p, moments_task);
            n->parts = net_tiles(net, &net->buffer[l->in[0]]) * p.blocks;
        }
        l->fed = false;
        pare_batchnorm_combine(n->moment, n->moment + channels, channels,
                               n->parts, n->part_mean, n->part_m2,
                               n->part_count);
        use_moments(net, l, channels);
    }
    p.relu = l->after > 0 && l[1].op == PARE_OP_RELU;
    run(&p, apply_task);
}

static void sums_task(void *arg, size_t i)
{
    const struct norm_pass *p = arg;
    struct net_norm *n = &p->l->norm;
    struct part t = part_of(p, i);

    pare_batchnorm_backward_part(n->part_mean + i * t.channels,
                                 n->part_m2 + i * t.channels,
                                 p->net->buffer[p->l->out].grad + t.at,
                                 p->net->buffer[p->l->in[0]].act + t.at, t.n,
                                 t.channels, t.lanes, t.valid, n->mean);
}

/* dx = factor (dy - mean dy - (x - mean) inv_std^2 mean dy(x - mean)) */
static void combine_sums(struct pare_net *net, struct net_layer *l,
                         size_t parts, size_t channels)
{
    struct net_norm *n = &l->norm;
    double count = count_of(net, l);

    for (size_t c = 0; c < channels; c++) {
        double dy = 0, dyx = 0, factor = (double)n->factor[c];
        double inv = (double)n->inv_std[c];

        for (size_t i = 0; i < parts; i++) {
            dy += n->part_mean[i * channels + c];
            dyx += n->part_m2[i * channels + c];
        }
        n->dscale[c] = (float)(dyx * inv);
        n->dshift[c] = (float)dy;
        n->a[c] = n->factor[c];
        n->b[c] = n->c[c] = 0;
        if (net->training) {
            n->b[c] = (float)(-factor * inv * inv * dyx / count);
            n->c[c] = (float)(-factor * dy / count);
        }
    }
}

static void dx_task(void *arg, size_t i)
{
    const struct norm_pass *p = arg;
    const struct net_norm *n = &p->l->norm;
    const struct net_buffer *in = &p->net->buffer[p->l->in[0]];
    struct part t = part_of(p, i);

    pare_batchnorm_backward_apply(
        in->grad + t.at, p->net->buffer[p->l->out].grad + t.at, in->act + t.at,
        t.n, t.channels, t.lanes, t.valid, n->mean, n->a, n->b, n->c,
        p->l->add[0]);
    if (in->image)
        net_back(p->net, p->l, 0, t.tile, t.first, t.n);
}

void net_batchnorm_backward(struct net_pass *pass, struct net_layer *l)
{
    struct norm_pass p = {.net = pass->net, .l = l};
    const struct net_buffer *in = &pass->net->buffer[l->in[0]];

    run(&p, sums_task);
    combine_sums(pass->net, l, net_tiles(pass->net, in) * p.blocks,
                 in->channels);
    if (l->need[0])
        run(&p, dx_task);
    net_deliver(pass, l->tensor, 0, l->norm.dscale, in->channels);
    net_deliver(pass, l->tensor + 1, 0, l->norm.dshift, in->channels);
}

/* ---- srelu ---- */

static struct pare_srelu srelu_of(const struct pare_net *net,
                                  const struct net_layer *l)
{
    return (struct pare_srelu){tensor(net, l, 0), tensor(net, l, 1),
                               tensor(net, l, 2), tensor(net, l, 3)};
}

void net_srelu_forward(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    const struct pare_srelu s = srelu_of(net, l);
    size_t at = tile * in->size * in->lanes;

    pare_srelu_forward(out->act + at, in->act + at, in->size / in->channels,
                       in->channels, in->lanes, &s);
}

void net_srelu_backward(struct pare_net *net, struct net_layer *l, size_t tile)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    const struct pare_srelu s = srelu_of(net, l);
    size_t at = tile * in->size * in->lanes;
    float *dy = out->grad + at, *dx = l->need[0] ? in->grad + at : dy;

    pare_srelu_backward(dx, l->sum + tile * 4 * in->channels, dy, in->act + at,
                        in->size / in->channels, in->channels, in->lanes,
                        net_valid(net, in, tile), &s, l->need[0] && l->add[0]);
}

void net_srelu_combine(struct pare_net *net, struct net_layer *l)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    size_t n = 4 * in->channels;

    for (size_t i = 0; i < n; i++) {
        double sum = 0;

        for (size_t t = 0; t < net_tiles(net, in); t++)
            sum += l->sum[t * n + i];
        l->dsum[i] = (float)sum;
    }
}
