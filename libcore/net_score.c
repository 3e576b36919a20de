/* Scores gathered as a network trains: movement and coactivation. */
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "net_layers.h"
#include "parallel.h"

/* ---- movement ---- */

PARE_CLONES
void net_move(float *restrict score, const float *restrict w,
              const float *restrict g, size_t n)
{
    for (size_t i = 0; i < n; i++)
        score[i] -= w[i] * g[i];
}

/* ---- coactivation ---- */

/* Can a unit be said to be on by what this node makes of it? */
static bool shapes_unit(const struct net_layer *l)
{
    if (l->op == PARE_OP_BATCHNORM || l->op == PARE_OP_SRELU)
        return true;
    return l->activation && l->op != PARE_OP_SOFTMAX &&
           l->op != PARE_OP_LOG_SOFTMAX;
}

/* The only node that takes the output of node i, or NET_NONE. */
static size_t only_reader(const struct pare_net *net, size_t i)
{
    size_t b = net->layer[i].out, reader = NET_NONE;

    for (size_t j = i + 1; j < net->n_layers; j++) {
        const struct net_layer *l = &net->layer[j];

        for (int k = 0; k < l->n_in; k++) {
            if (l->in[k] != b)
                continue;
            if (reader != NET_NONE)
                return NET_NONE;
            reader = j;
        }
        if (reader == j && l->out == b)
            return j; /* writes over it: nobody else may read it */
    }
    return net->output == b ? NET_NONE : reader;
}

/* The node after which a linear layer's units are looked at. */
static size_t last_of_units(const struct pare_net *net, size_t i)
{
    size_t next;

    while ((next = only_reader(net, i)) != NET_NONE &&
           shapes_unit(&net->layer[next]))
        i = next;
    return i;
}

/* A word for each feature of a tile: its lanes above 0. */
PARE_CLONES
static void pack(uint64_t *restrict on, const float *restrict x,
                 size_t features, size_t width, size_t valid)
{
    for (size_t f = 0; f < features; f++) {
        uint64_t word = 0;

        for (size_t j = 0; j < valid; j++)
            word |= (uint64_t)(x[f * width + j] > 0) << j;
        on[f] = word;
    }
}

static void pack_tile(uint64_t *on, const struct pare_net *net,
                      const struct net_buffer *b, size_t tile)
{
    pack(on + tile * b->size, b->act + tile * b->size * b->lanes, b->size,
         b->lanes, net_valid(net, b, tile));
}

void net_note_tile(struct pare_net *net, const struct net_layer *l, size_t tile)
{
    if (l->on_in)
        pack_tile(l->on_in, net, &net->buffer[l->in[0]], tile);
    if (l->on_out)
        pack_tile(l->on_out, net, &net->buffer[l->out], tile);
}

/* What the tiles of one node share. */
struct note {
    struct pare_net *net;
    const struct net_layer *l;
};

static void note_task(void *arg, size_t tile)
{
    const struct note *n = arg;

    net_note_tile(n->net, n->l, tile);
}

void net_note(struct pare_net *net, const struct net_layer *l)
{
    struct note n = {net, l};

    pare_parallel(net->threads, net_tiles(net, &net->buffer[l->out]), note_task,
                  &n);
}

PARE_CLONES
static void count(float *restrict score, const uint64_t *restrict in,
                  size_t stride, const uint64_t *restrict out, size_t units,
                  size_t tiles, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        int both = 0;

        for (size_t t = 0; t < tiles; t++)
            both += __builtin_popcountll(in[t * stride + j] & out[t * units]);
        score[j] += (float)both;
    }
}

void net_count(struct pare_net *net, const struct net_layer *l,
               const struct net_task *task)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    const uint64_t *on = net->layer[l->end].on_out;
    float *score = net->coactive[l->tensor];

    for (size_t r = task->first; score && r < task->first + task->rows; r++)
        count(score + r * in->size + task->col, l->on_in + task->col, in->size,
              on + r, out->size, net_tiles(net, out), task->cols);
}

/* Room for the words of the linear layers that have scores. */
static bool alloc_words(struct pare_net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i], *end;
        const struct net_buffer *in = &net->buffer[l->in[0]];
        const struct net_buffer *out = &net->buffer[l->out];

        if (l->op != PARE_OP_LINEAR || l->on_in || !net->coactive[l->tensor])
            continue;
        l->end = last_of_units(net, i);
        end = &net->layer[l->end];
        l->on_in = net_alloc(net, in->tiles * in->size, sizeof *l->on_in);
        end->on_out = net_alloc(net, out->tiles * out->size, sizeof *l->on_in);
        if (!l->on_in || !end->on_out)
            return false;
    }
    return true;
}

bool pare_net_accumulate(struct pare_net *net, float *const *movement,
                         float *const *coactive)
{
    net->movement = movement;
    net->coactive = coactive;
    return !coactive || alloc_words(net);
}
