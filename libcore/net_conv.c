/* Convolutions in a network. */
#include "batchnorm.h"
#include "net_job.h"

static const float *bias_of(const struct pare_net *net,
                            const struct net_layer *l)
{
    return l->has_bias ? net->model->tensor[l->tensor + 1].value : NULL;
}

static void conv_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct pare_net *net = j->net;
    struct net_layer *l = j->l;
    struct net_buffer *in = &net->buffer[l->in[0]];
    struct net_buffer *out = &net->buffer[l->out];
    size_t tile = i / j->blocks, n, row = net_job_start(j, i, &n);
    size_t c = l->conv.co, pixel = row * l->conv.ow, some = n * l->conv.ow;
    float *y = net_tile_of(out->act, out, tile);

    pare_conv_forward(&l->conv, y, net_tile_of(in->act, in, tile), l->packed[0],
                      bias_of(net, l), row, n);
    if (l->feeds && net->training) {
        struct net_norm *norm = &l->feeds->norm;
        size_t valid = net_valid(net, out, tile);

        pare_batchnorm_part(norm->part_mean + i * c, norm->part_m2 + i * c,
                            y + pixel * c * out->lanes, some, c, out->lanes,
                            valid);
        norm->part_count[i] = some * valid;
    }
    net_after(net, l, tile, pixel, some, 0);
}

void net_conv_forward(struct pare_net *net, struct net_layer *l)
{
    struct net_job j = {.net = net, .l = l};
    const struct net_buffer *out = &net->buffer[l->out];

    net_job_run(&j, pare_conv_band(&l->conv, false), l->conv.oh, out,
                conv_task);
    if (l->feeds && net->training) {
        l->feeds->fed = true;
        l->feeds->norm.parts = net_tiles(net, out) * j.blocks;
    }
}

static size_t filter_size(const struct net_layer *l)
{
    const struct pare_window *w = &l->conv.win;

    return l->conv.ci / w->groups * w->kernel[0] * w->kernel[1];
}

static size_t round_up(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t net_conv_scratch(const struct net_layer *l)
{
    size_t channels = pare_conv_gradient_channels(&l->conv);

    return round_up(channels * filter_size(l)) + round_up(channels) +
           round_up(pare_conv_gradient_scratch(&l->conv));
}

/* A part of the scratch memory that no other task uses now. */
static size_t take_slot(struct pare_net *net)
{
    for (size_t s = 0;; s = (s + 1) % (size_t)net->threads)
        if (!atomic_flag_test_and_set(&net->slot[s]))
            return s;
}

static void conv_gradient(const struct net_job *j, size_t task)
{
    struct pare_net *net = j->net;
    struct net_layer *l = j->l;
    struct net_buffer *in = &net->buffer[l->in[0]];
    struct net_buffer *out = &net->buffer[l->out];
    size_t size = filter_size(l), first, count, slot = take_slot(net);
    size_t channels = pare_conv_gradient_channels(&l->conv);
    float *dw = net->scratch + slot * net->scratch_floats;
    float *db = dw + round_up(channels * size);
    float *scratch = db + round_up(channels);

    pare_conv_gradient(&l->conv, task, &first, &count, dw,
                       l->has_bias ? db : NULL, in->act, out->grad,
                       net_tiles(net, out), scratch);
    net_deliver(j->pass, l->tensor, first * size, dw, count * size);
    if (l->has_bias)
        net_deliver(j->pass, l->tensor + 1, first, db, count);
    atomic_flag_clear(&net->slot[slot]);
}

static void conv_backward_task(void *arg, size_t i)
{
    const struct net_job *j = arg;
    struct pare_net *net = j->net;
    struct net_layer *l = j->l;
    struct net_buffer *in = &net->buffer[l->in[0]];
    struct net_buffer *out = &net->buffer[l->out];
    size_t tile, row, n;

    if (i < j->before) {
        conv_gradient(j, i);
        return;
    }
    tile = (i - j->before) / j->blocks;
    row = net_job_start(j, i - j->before, &n);
    pare_conv_backward(&l->conv, net_tile_of(in->grad, in, tile),
                       net_tile_of(out->grad, out, tile), l->packed[1], row, n,
                       l->add[0]);
    net_back(net, l, 0, tile, row * l->conv.w, n * l->conv.w);
}

void net_conv_backward(struct net_pass *p, struct net_layer *l)
{
    struct pare_net *net = p->net;
    struct net_job j = {.pass = p, .net = net, .l = l};

    j.before = pare_conv_gradient_tasks(&l->conv);
    if (l->need[0])
        net_job_run(&j, pare_conv_band(&l->conv, true), l->conv.h,
                    &net->buffer[l->in[0]], conv_backward_task);
    else
        pare_parallel(net->threads, j.before, conv_backward_task, &j);
}

static void pack_task(void *arg, size_t i)
{
    struct pare_net *net = arg;
    struct net_layer *l = &net->layer[i / 2];

    if (l->op == PARE_OP_CONV && l->packed[i % 2])
        pare_conv_pack(l->packed[i % 2], &l->conv,
                       net->model->tensor[l->tensor].value, i % 2 == 1);
    if (l->op == PARE_OP_BATCHNORM && !net->train && i % 2 == 0)
        net_batchnorm_running(net, l);
}

void net_pack(struct pare_net *net)
{
    pare_parallel(net->threads, 2 * net->n_layers, pack_task, net);
}
