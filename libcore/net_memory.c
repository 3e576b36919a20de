/* The memory of a network: what shares it, and the tasks of its layers. */
#include <stdlib.h>
#include <string.h>

#include "net_layers.h"
#include "room.h"

/* Linear layers of at least so many weights are cut by rows when tiles are
   few. */
#define ALONE_WEIGHTS 65536
#define ALONE_TILES   4

/* Columns of weights that a gradient task has at most. */
#define TASK_COLS (16 * NET_COLS)

void *net_alloc(struct pare_net *net, size_t n, size_t size)
{
    void *p = NULL;

    if (n == 0 || n > (net->room - net->bytes) / size)
        return NULL;
    if (posix_memalign(&p, 64, n * size) != 0)
        return NULL;
    memset(p, 0, n * size);
    net->bytes += n * size;
    return p;
}

/* A stretch of stages during which some memory is in use. */
struct stretch {
    float **at;
    size_t first, last, floats, offset;
};

/* Give each stretch a place that no other has at the same time. */
static size_t place_stretches(struct stretch *s, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++) {
        bool moved = true;

        s[i].offset = 0;
        while (moved) {
            moved = false;
            for (size_t j = 0; j < i; j++) {
                bool meet = s[j].first <= s[i].last &&
                            s[i].first <= s[j].last &&
                            s[j].offset < s[i].offset + s[i].floats &&
                            s[i].offset < s[j].offset + s[j].floats;

                if (meet) {
                    s[i].offset = s[j].offset + s[j].floats;
                    moved = true;
                }
            }
        }
        if (s[i].offset + s[i].floats > total)
            total = s[i].offset + s[i].floats;
    }
    return total;
}

static size_t buffer_floats(const struct net_buffer *b)
{
    return (b->tiles * b->size * b->lanes + 15) / 16 * 16;
}

/* Number the stages that run one after the other over the whole batch. */
static void number_stages(struct pare_net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        size_t weights =
            l->sparse ? net->model->tensor[l->tensor].n
                      : net->buffer[l->out].size * net->buffer[l->in[0]].size;

        l->alone = l->op == PARE_OP_LINEAR && weights >= ALONE_WEIGHTS &&
                   net->buffer[l->out].tiles < ALONE_TILES;
        l->stage = i;
        if (i > 0 && net_by_tile(net, l) && net_by_tile(net, l - 1))
            l->stage = l[-1].stage;
    }
}

/* First and last stage that touches a buffer; 0 and n_layers at the ends. */
static void touched(size_t *first, size_t *last, const struct pare_net *net,
                    size_t b)
{
    *first = b == 0 ? 0 : net->n_layers;
    *last = b == net->output ? net->n_layers : 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        const struct net_layer *l = &net->layer[i];
        bool here = l->out == b;

        for (int k = 0; k < l->n_in; k++)
            here |= l->in[k] == b;
        if (here && l->stage < *first)
            *first = l->stage;
        if (here && l->stage > *last)
            *last = l->stage;
    }
}

static bool wants_gradient(const struct pare_net *net, size_t b)
{
    if (b == net->output)
        return true;
    for (size_t i = 0; i < net->n_layers; i++)
        for (int k = 0; k < net->layer[i].n_in; k++)
            if (net->layer[i].in[k] == b && net->layer[i].need[k])
                return true;
    return false;
}

/* Is the gradient at a buffer read when the backward pass is over? */
static bool read_late(const struct pare_net *net, size_t b)
{
    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layer[i].op == PARE_OP_LINEAR && net->layer[i].out == b)
            return true;
    return false;
}

/* Spread one arena over values (evaluation) or gradients (training). */
static bool alloc_shared(struct pare_net *net)
{
    struct stretch *s = calloc(net->n_buffers, sizeof *s);
    size_t n = 0, total;

    if (!s)
        return false;
    for (size_t b = 0; b < net->n_buffers; b++) {
        struct net_buffer *buf = &net->buffer[b];

        if (net->train && !wants_gradient(net, b))
            continue;
        s[n].at = net->train ? &buf->grad : &buf->act;
        s[n].floats = buffer_floats(buf);
        touched(&s[n].first, &s[n].last, net, b);
        if (net->train && read_late(net, b))
            s[n].first = 0;
        n++;
    }
    total = place_stretches(s, n);
    net->arena = net_alloc(net, total, sizeof(float));
    for (size_t i = 0; net->arena && i < n; i++)
        *s[i].at = net->arena + s[i].offset;
    free(s);
    return net->arena != NULL;
}

static bool alloc_buffers(struct pare_net *net)
{
    size_t floats = 0;

    for (size_t b = 0; net->train && b < net->n_buffers; b++)
        floats += buffer_floats(&net->buffer[b]);
    if (floats > net->room / sizeof(float))
        return false;
    for (size_t b = 0; net->train && b < net->n_buffers; b++) {
        struct net_buffer *buf = &net->buffer[b];

        buf->act = net_alloc(net, buffer_floats(buf), sizeof(float));
        if (!buf->act)
            return false;
    }
    return alloc_shared(net);
}

static bool alloc_rows(struct pare_net *net, struct net_buffer *buf)
{
    if (!buf->rows)
        buf->rows =
            net_alloc(net, buf->tiles * buf->lanes * buf->size, sizeof(float));
    return buf->rows != NULL;
}

static bool alloc_norm(struct pare_net *net, struct net_layer *l)
{
    struct net_norm *n = &l->norm;
    const struct net_buffer *b = &net->buffer[l->in[0]];
    size_t c = b->channels;
    float **each[] = {&n->mean, &n->factor, &n->shift,  &n->inv_std, &n->a,
                      &n->b,    &n->c,      &n->dscale, &n->dshift};

    if (net->train) {
        n->room = b->tiles * net_norm_parts(&l->layer->in[0], b);
        n->part_mean = net_alloc(net, n->room * c, sizeof(double));
        n->part_m2 = net_alloc(net, n->room * c, sizeof(double));
        n->part_count = net_alloc(net, n->room, sizeof(size_t));
        n->moment = net_alloc(net, 2 * c, sizeof(double));
        if (!n->part_mean || !n->part_m2 || !n->part_count || !n->moment)
            return false;
    }
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        if (!(*each[i] = net_alloc(net, c, sizeof(float))))
            return false;
    return true;
}

static bool alloc_conv(struct pare_net *net, struct net_layer *l)
{
    size_t n = pare_conv_packed(&l->conv);

    for (int k = 0; k < 1 + net->train; k++) {
        if (k == 1 && !l->need[0])
            break;
        l->packed[k] = net_alloc(net, n, sizeof(float));
        if (!l->packed[k])
            return false;
    }
    return true;
}

static bool alloc_layer(struct pare_net *net, struct net_layer *l)
{
    const struct net_buffer *out = &net->buffer[l->out];
    size_t all = out->tiles * out->size * out->lanes;

    switch (l->op) {
    case PARE_OP_LINEAR:
        return !net->train || l->sparse ||
               alloc_rows(net, &net->buffer[l->in[0]]);
    case PARE_OP_DROPOUT:
        return !net->train || (l->keep = net_alloc(net, all, 1));
    case PARE_OP_BATCHNORM:
        return alloc_norm(net, l);
    case PARE_OP_CONV:
        return alloc_conv(net, l);
    case PARE_OP_MAXPOOL:
        return !net->train ||
               (l->which = net_alloc(net, all, sizeof *l->which));
    case PARE_OP_SRELU:
        if (!net->train)
            return true;
        l->sum = net_alloc(net, out->tiles * 4 * out->channels, sizeof(double));
        l->dsum = net_alloc(net, 4 * out->channels, sizeof(float));
        return l->sum && l->dsum;
    default:
        return true;
    }
}

/* Room for the convolution gradients that run at the same time. */
static bool alloc_scratch(struct pare_net *net)
{
    size_t most = 0;

    for (size_t i = 0; i < net->n_layers; i++) {
        const struct net_layer *l = &net->layer[i];
        size_t n;

        if (l->op != PARE_OP_CONV)
            continue;
        n = net_conv_scratch(l);
        most = n > most ? n : most;
    }
    net->scratch_floats = most;
    if (most == 0)
        return true;
    net->slot = calloc((size_t)net->threads, sizeof *net->slot);
    net->scratch = net_alloc(net, (size_t)net->threads * most, sizeof(float));
    return net->slot && net->scratch;
}

static size_t blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* Blocks of weights of a linear layer: rows and columns of each. */
static void task_size(size_t *rows, size_t *cols, const struct pare_net *net,
                      const struct net_layer *l)
{
    size_t out = net->buffer[l->out].size, in = net->buffer[l->in[0]].size;

    *rows = net_sparse_rows(net, l, NET_ROWS, out);
    *cols = l->sparse ? in : TASK_COLS;
}

static bool plan_tasks(struct pare_net *net)
{
    size_t n = 0, rows, cols;

    for (size_t i = 0; i < net->n_layers; i++) {
        const struct net_layer *l = &net->layer[i];

        if (l->op != PARE_OP_LINEAR)
            continue;
        task_size(&rows, &cols, net, l);
        n += blocks(net->buffer[l->out].size, rows) *
             blocks(net->buffer[l->in[0]].size, cols);
    }
    net->task = calloc(n + 1, sizeof *net->task);
    if (!net->task)
        return false;
    for (size_t i = 0; i < net->n_layers; i++) {
        const struct net_layer *l = &net->layer[i];
        size_t out = net->buffer[l->out].size, in = net->buffer[l->in[0]].size;

        if (l->op != PARE_OP_LINEAR)
            continue;
        task_size(&rows, &cols, net, l);
        for (size_t r = 0; r < out; r += rows)
            for (size_t c = 0; c < in; c += cols)
                net->task[net->n_tasks++] =
                    (struct net_task){i, r, out - r < rows ? out - r : rows, c,
                                      in - c < cols ? in - c : cols};
    }
    return true;
}

/* Arrange the weights that lie compact for their kernels. */
static bool arrange_sparse(struct pare_net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        const struct pare_pattern *p;

        if (l->op != PARE_OP_LINEAR)
            continue;
        p = net->model->tensor[l->tensor].pattern;
        if (p && pare_sparse_new(&l->sparse, p, net->train && l->need[0]))
            return false;
        net->bytes += l->sparse ? pare_sparse_bytes(l->sparse) : 0;
    }
    return net->bytes <= net->room;
}

bool net_memory(struct pare_net *net)
{
    net->room = pare_room();
    if (!arrange_sparse(net))
        return false;
    number_stages(net);
    if (!alloc_buffers(net) ||
        (net->buffer[0].lanes > 1 && !alloc_rows(net, &net->buffer[0])))
        return false;
    for (size_t i = 0; i < net->n_layers; i++)
        if (!alloc_layer(net, &net->layer[i]))
            return false;
    return !net->train || (plan_tasks(net) && alloc_scratch(net));
}
