/* Layers over images but convolutions: pools, pads, pixel by pixel. */
#include <string.h>

#include "batchnorm.h"
#include "clones.h"
#include "net_job.h"

#define CHUNK 8192 /* floats that a task of plain arithmetic should have */

PARE_CLONES
void net_sum(float *restrict to, const float *restrict from, size_t n, bool add)
{
    if (!add) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

void net_after(struct pare_net *net, struct net_layer *l, size_t tile,
               size_t pixel, size_t pixels, size_t skip)
{
    const struct net_buffer *b = &net->buffer[l->out];
    float *x = net_tile_of(b->act, b, tile) + pixel * b->channels * b->lanes;

    for (size_t f = 1 + skip; f <= l->after; f++) {
        const struct net_layer *next = l + f;

        if (next->activation)
            next->activation->forward(x, pixels * b->channels, b->lanes,
                                      next->opt);
        else
            pare_batchnorm_apply(x, x, pixels, b->channels, b->lanes,
                                 next->norm.mean, next->norm.factor,
                                 next->norm.shift, 0);
    }
}

void net_back(struct pare_net *net, struct net_layer *l, int k, size_t tile,
              size_t pixel, size_t pixels)
{
    const struct net_buffer *b = &net->buffer[l->in[k]];
    size_t at = pixel * b->channels * b->lanes;
    const struct net_layer *by;

    if (l->back[k] == NET_NONE)
        return;
    by = &net->layer[l->back[k]];
    for (size_t f = by->after; f > 0; f--)
        by[f].activation->backward(net_tile_of(b->grad, b, tile) + at,
                                   net_tile_of(b->act, b, tile) + at,
                                   pixels * b->channels, b->lanes, by[f].opt);
}

/* ---- pooling ---- */

static void pool_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *in = &j->net->buffer[l->in[0]];
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, row = net_job_start(j, i, &n);
    float *y = net_tile_of(out->act, out, tile),
          *x = net_tile_of(in->act, in, tile);

    if (l->op == PARE_OP_MAXPOOL)
        pare_maxpool_forward(&l->pool, y,
                             l->which ? l->which + tile * out->size * out->lanes
                                      : NULL,
                             x, row, n);
    else
        pare_avgpool_forward(&l->pool, y, x, row, n);
    net_after(j->net, l, tile, row * l->pool.ow, n * l->pool.ow, 0);
}

static void pool_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *in = &j->net->buffer[l->in[0]];
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, row = net_job_start(j, i, &n);
    float *dy = net_tile_of(out->grad, out, tile);
    float *dx = net_tile_of(in->grad, in, tile);

    if (l->op == PARE_OP_MAXPOOL)
        pare_maxpool_backward(&l->pool, dx, dy,
                              l->which + tile * out->size * out->lanes, row, n,
                              l->add[0]);
    else
        pare_avgpool_backward(&l->pool, dx, dy, row, n, l->add[0]);
    net_back(j->net, l, 0, tile, row * l->pool.w, n * l->pool.w);
}

/* Rows of an image that hold about CHUNK floats. */
static size_t chunk_rows(size_t w, const struct net_buffer *b)
{
    return CHUNK / (w * b->channels * b->lanes);
}

/* ---- pad ---- */

struct frame {
    size_t h, w, c, oh, ow, oc; /* inside, outside */
    size_t top, left, front;
    float value;
};

static struct frame frame_of(const struct net_layer *l)
{
    size_t in[3], out[3];
    struct frame f = {0};

    pare_shape_image(in, &l->layer->in[0]);
    pare_shape_image(out, &l->layer->out);
    f.c = in[0];
    f.h = in[1];
    f.w = in[2];
    f.oc = out[0];
    f.oh = out[1];
    f.ow = out[2];
    f.top = (size_t)pare_layer_opt(l->layer, "top");
    f.left = (size_t)pare_layer_opt(l->layer, "left");
    f.front = (size_t)pare_layer_opt(l->layer, "front");
    f.value = (float)pare_layer_opt(l->layer, "value");
    return f;
}

static void pad_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    const struct frame f = frame_of(j->l);
    struct net_buffer *in = &j->net->buffer[j->l->in[0]];
    struct net_buffer *out = &j->net->buffer[j->l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t lanes = out->lanes, row = f.ow * f.oc * lanes;
    float *y = net_tile_of(out->act, out, tile) + first * row;
    const float *x = net_tile_of(in->act, in, tile);

    for (size_t k = 0; k < n * row; k++)
        y[k] = f.value;
    for (size_t r = first; r < first + n; r++) {
        if (r < f.top || r >= f.top + f.h)
            continue;
        for (size_t c = 0; c < f.w; c++)
            memcpy(y + (r - first) * row +
                       ((f.left + c) * f.oc + f.front) * lanes,
                   x + ((r - f.top) * f.w + c) * f.c * lanes,
                   f.c * lanes * sizeof *y);
    }
    net_after(j->net, j->l, tile, first * f.ow, n * f.ow, 0);
}

static void pad_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    const struct frame f = frame_of(j->l);
    struct net_buffer *in = &j->net->buffer[j->l->in[0]];
    struct net_buffer *out = &j->net->buffer[j->l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t lanes = out->lanes;
    const float *dy = net_tile_of(out->grad, out, tile);
    float *dx = net_tile_of(in->grad, in, tile);

    for (size_t r = first; r < first + n; r++)
        for (size_t c = 0; c < f.w; c++)
            net_sum(dx + (r * f.w + c) * f.c * lanes,
                    dy + (((r + f.top) * f.ow + f.left + c) * f.oc + f.front) *
                             lanes,
                    f.c * lanes, j->l->add[0]);
    net_back(j->net, j->l, 0, tile, first * f.w, n * f.w);
}

/* ---- pixel by pixel ---- */

static void add_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t pixel = out->channels * out->lanes;

    for (int k = 0; k < l->n_in; k++) {
        struct net_buffer *in = &j->net->buffer[l->in[k]];

        if (k > 0 || l->in[0] != l->out)
            net_sum(net_tile_of(out->act, out, tile) + first * pixel,
                    net_tile_of(in->act, in, tile) + first * pixel, n * pixel,
                    k > 0);
    }
    net_after(j->net, l, tile, first, n, 0);
}

/* The first input last: its gradient may be the output's memory. */
static void add_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t pixel = out->channels * out->lanes;

    for (int k = l->n_in - 1; k >= 0; k--) {
        struct net_buffer *in = &j->net->buffer[l->in[k]];

        if (!l->need[k])
            continue;
        if (k > 0 || l->in[0] != l->out)
            net_sum(net_tile_of(in->grad, in, tile) + first * pixel,
                    net_tile_of(out->grad, out, tile) + first * pixel,
                    n * pixel, l->add[k]);
        net_back(j->net, l, k, tile, first, n);
    }
}

static void concat_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t at = 0, lanes = out->lanes;

    for (int k = 0; k < l->n_in; k++) {
        struct net_buffer *in = &j->net->buffer[l->in[k]];

        for (size_t p = first; p < first + n; p++)
            memcpy(net_tile_of(out->act, out, tile) +
                       (p * out->channels + at) * lanes,
                   net_tile_of(in->act, in, tile) + p * in->channels * lanes,
                   in->channels * lanes * sizeof(float));
        at += in->channels;
    }
    net_after(j->net, l, tile, first, n, 0);
}

static void concat_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t at = out->channels, lanes = out->lanes;

    for (int k = l->n_in - 1; k >= 0; k--) {
        struct net_buffer *in = &j->net->buffer[l->in[k]];

        at -= in->channels;
        if (!l->need[k])
            continue;
        for (size_t p = first; p < first + n; p++)
            net_sum(net_tile_of(in->grad, in, tile) + p * in->channels * lanes,
                    net_tile_of(out->grad, out, tile) +
                        (p * out->channels + at) * lanes,
                    in->channels * lanes, l->add[k]);
        net_back(j->net, l, k, tile, first, n);
    }
}

static void activation_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *in = &j->net->buffer[l->in[0]];
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t at = first * out->channels * out->lanes;
    float *y = net_tile_of(out->act, out, tile) + at;

    if (in != out)
        memcpy(y, net_tile_of(in->act, in, tile) + at,
               n * out->channels * out->lanes * sizeof *y);
    l->activation->forward(y, n * out->channels, out->lanes, l->opt);
    net_after(j->net, l, tile, first, n, 0);
}

static void activation_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_layer *l = j->l;
    struct net_buffer *in = &j->net->buffer[l->in[0]];
    struct net_buffer *out = &j->net->buffer[l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t at = first * out->channels * out->lanes;
    float *g = net_tile_of(out->grad, out, tile) + at;
    const struct net_buffer *y = l->activation->from_input ? in : out;

    l->activation->backward(g, net_tile_of(y->act, y, tile) + at,
                            n * out->channels, out->lanes, l->opt);
    if (in != out)
        net_sum(net_tile_of(in->grad, in, tile) + at, g,
                n * out->channels * out->lanes, l->add[0]);
    net_back(j->net, l, 0, tile, first, n);
}

/* ---- a tile at a time ---- */

static void whole_task(void *arg, size_t tile)
{
    const struct net_job *j = arg;

    net_tile_forward(j->net, j->l, tile);
    net_after(j->net, j->l, tile, 0, net_pixels_of(&j->net->buffer[j->l->out]),
              0);
}

static void whole_backward_task(void *arg, size_t tile)
{
    const struct net_job *j = arg;

    net_tile_backward(j->net, j->l, tile);
    if (j->l->need[0])
        net_back(j->net, j->l, 0, tile, 0,
                 net_pixels_of(&j->net->buffer[j->l->in[0]]));
}

/* ---- flatten ---- */

/* Some pixels of an image, and the features that they are. */
struct flat {
    float *image, *features; /* of one tile, or of one sample of it */
    size_t channels, pixels; /* of the image */
    size_t first, n;         /* pixels */
    bool back, add;          /* from the features, added to the image */
};

/* Tiles of as many lanes: rows of lanes change places. */
static void flatten_tile(const struct flat *f, size_t lanes)
{
    for (size_t p = f->first; p < f->first + f->n; p++)
        for (size_t c = 0; c < f->channels; c++) {
            float *x = f->image + (p * f->channels + c) * lanes;
            float *y = f->features + (c * f->pixels + p) * lanes;

            net_sum(f->back ? x : y, f->back ? y : x, lanes, f->add);
        }
}

/* One sample on its own, whose features lie `lanes` apart. */
static void flatten_sample(const struct flat *f, size_t lanes)
{
    for (size_t c0 = 0; c0 < f->channels; c0 += 16)
        for (size_t p = f->first; p < f->first + f->n; p++)
            for (size_t c = c0; c < f->channels && c < c0 + 16; c++) {
                float *x = f->image + p * f->channels + c;
                float *y = f->features + (c * f->pixels + p) * lanes;

                if (!f->back)
                    *y = *x;
                else
                    *x = f->add ? *x + *y : *y;
            }
}

/* A tile of features, and the images of its samples. */
static void flatten_some(const struct net_buffer *image, float *images,
                         const struct net_buffer *flat, float *features,
                         size_t tile, struct flat f, size_t valid)
{
    size_t w = flat->lanes;

    f.channels = image->channels;
    f.pixels = net_pixels_of(image);
    f.features = features + tile * flat->size * w;
    f.image = images + tile * w * image->size;
    if (image->lanes == w) {
        flatten_tile(&f, w);
        return;
    }
    for (size_t s = 0; s < valid; s++, f.image += image->size, f.features++)
        flatten_sample(&f, w);
    for (size_t s = valid; !f.back && s < w; s++, f.features++)
        for (size_t c = 0; c < f.channels; c++)
            for (size_t p = f.first; p < f.first + f.n; p++)
                f.features[(c * f.pixels + p) * w] = 0;
}

static void flatten_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_buffer *in = &j->net->buffer[j->l->in[0]];
    struct net_buffer *out = &j->net->buffer[j->l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);

    flatten_some(in, in->act, out, out->act, tile,
                 (struct flat){.first = first, .n = n},
                 net_valid(j->net, out, tile));
}

static void flatten_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct net_buffer *in = &j->net->buffer[j->l->in[0]];
    struct net_buffer *out = &j->net->buffer[j->l->out];
    size_t tile = i / j->blocks, n, first = net_job_start(j, i, &n);
    size_t valid = net_valid(j->net, out, tile);

    flatten_some(in, in->grad, out, out->grad, tile,
                 (struct flat){
                     .first = first, .n = n, .back = true, .add = j->l->add[0]},
                 valid);
    if (in->lanes == out->lanes)
        net_back(j->net, j->l, 0, tile, first, n);
    else
        for (size_t s = 0; s < valid; s++)
            net_back(j->net, j->l, 0, tile * out->lanes + s, first, n);
}

/* ---- all of them ---- */

void net_image_forward(struct pare_net *net, struct net_layer *l)
{
    struct net_job j = {.net = net, .l = l};
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    size_t chunk = CHUNK / (in->channels * in->lanes);

    if (l->op == PARE_OP_CONV)
        net_conv_forward(net, l);
    else if (l->op == PARE_OP_MAXPOOL || l->op == PARE_OP_AVGPOOL)
        net_job_run(&j, chunk_rows(l->pool.ow, out), l->pool.oh, out,
                    pool_task);
    else if (l->op == PARE_OP_PAD)
        net_job_run(&j, chunk_rows(frame_of(l).ow, out), frame_of(l).oh, out,
                    pad_task);
    else if (l->op == PARE_OP_FLATTEN)
        net_job_run(&j, chunk, net_pixels_of(in), out, flatten_task);
    else if (l->op == PARE_OP_ADD)
        net_job_run(&j, chunk, net_pixels_of(out), out, add_task);
    else if (l->op == PARE_OP_CONCAT)
        net_job_run(&j, chunk, net_pixels_of(out), out, concat_task);
    else if (l->activation)
        net_job_run(&j, chunk, net_pixels_of(out), out, activation_task);
    else
        pare_parallel(net->threads, net_tiles(net, out), whole_task, &j);
}

void net_image_backward(struct net_pass *p, struct net_layer *l)
{
    struct pare_net *net = p->net;
    struct net_job j = {.pass = p, .net = net, .l = l};
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    size_t chunk = CHUNK / (in->channels * in->lanes);
    bool needed = false;

    for (int k = 0; k < l->n_in; k++)
        needed |= l->need[k];
    if (l->op == PARE_OP_CONV)
        net_conv_backward(p, l);
    else if (l->op == PARE_OP_SRELU)
        pare_parallel(net->threads, net_tiles(net, out), whole_backward_task,
                      &j);
    else if (!needed)
        return;
    else if (l->op == PARE_OP_MAXPOOL || l->op == PARE_OP_AVGPOOL)
        net_job_run(&j, chunk_rows(l->pool.w, in), l->pool.h, in,
                    pool_backward_task);
    else if (l->op == PARE_OP_PAD)
        net_job_run(&j, chunk_rows(frame_of(l).w, in), frame_of(l).h, in,
                    pad_backward_task);
    else if (l->op == PARE_OP_FLATTEN)
        net_job_run(&j, chunk, net_pixels_of(in), out, flatten_backward_task);
    else if (l->op == PARE_OP_ADD)
        net_job_run(&j, chunk, net_pixels_of(out), out, add_backward_task);
    else if (l->op == PARE_OP_CONCAT)
        net_job_run(&j, chunk, net_pixels_of(out), out, concat_backward_task);
    else if (l->activation)
        net_job_run(&j, chunk, net_pixels_of(out), out,
                    activation_backward_task);
    else
        pare_parallel(net->threads, net_tiles(net, out), whole_backward_task,
                      &j);
}
