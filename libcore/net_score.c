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

/* Words of 32 lanes that a tile has for each feature. */
static size_t words_of(const struct net_buffer *b)
{
    return (b->lanes + 31) / 32;
}

/* A word for each feature: which of `valid` lanes are above 0. */
PARE_CLONES
static void pack(uint32_t *restrict on, const float *restrict x,
                 size_t features, size_t width, size_t valid)
{
    for (size_t f = 0; f < features; f++) {
        uint32_t word = 0;

        for (size_t j = 0; j < valid; j++)
            word |= (uint32_t)(x[f * width + j] > 0) << j;
        on[f] = word;
    }
}

static void pack_tile(uint32_t *on, const struct net_buffer *b, size_t tile,
                      size_t valid)
{
    const float *x = b->act + tile * b->size * b->lanes;
    size_t words = words_of(b);

    for (size_t w = 0; w < words; w++) {
        size_t left = valid > 32 * w ? valid - 32 * w : 0;

        pack(on + (tile * words + w) * b->size, x + 32 * w, b->size, b->lanes,
             left < 32 ? left : 32);
    }
}

void net_note_tile(struct pare_net *net, const struct net_layer *l, size_t tile)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];

    if (l->on_in)
        pack_tile(l->on_in, in, tile, net_valid(net, in, tile));
    if (l->on_out)
        pack_tile(l->on_out, out, tile, net_valid(net, out, tile));
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

#define CHUNK 256 /* weights at once */
#define FULL  31  /* words whose ones a byte can hold: 8 each */

/* The ones of each byte, in that byte: vectors of any kind can do it. */
static inline uint32_t ones_of_bytes(uint32_t v)
{
    v -= v >> 1 & 0x55555555u;
    v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
    return (v + (v >> 4)) & 0x0f0f0f0fu;
}

/*
 * Add to n scores the ones that words `in` [words][stride] have in common
 * with those of one unit, out [words][units]; words <= FULL.
 */
PARE_CLONES
static void count(float *restrict score, const uint32_t *restrict in,
                  size_t stride, const uint32_t *restrict out, size_t units,
                  size_t words, size_t n)
{
    for (size_t first = 0; first < n; first += CHUNK) {
        size_t some = n - first < CHUNK ? n - first : CHUNK;
        uint32_t sum[CHUNK] = {0};

        for (size_t w = 0; w < words; w++) {
            const uint32_t *x = in + w * stride + first, y = out[w * units];

            for (size_t j = 0; j < some; j++)
                sum[j] += ones_of_bytes(x[j] & y);
        }
        for (size_t j = 0; j < some; j++) {
            uint32_t two = (sum[j] & 0x00ff00ffu) + (sum[j] >> 8 & 0x00ff00ffu);

            score[first + j] += (float)(int32_t)((two & 0xffff) + (two >> 16));
        }
    }
}

void net_count(struct pare_net *net, const struct net_layer *l,
               const struct net_task *task)
{
    const struct net_buffer *in = &net->buffer[l->in[0]];
    const struct net_buffer *out = &net->buffer[l->out];
    const uint32_t *on = net->layer[l->end].on_out;
    float *score = net->coactive[l->tensor];
    size_t words = net_tiles(net, out) * words_of(out);

    if (!score)
        return;
    for (size_t w = 0; w < words; w += FULL)
        for (size_t r = task->first; r < task->first + task->rows; r++)
            count(score + r * in->size + task->col,
                  l->on_in + w * in->size + task->col, in->size,
                  on + w * out->size + r, out->size,
                  words - w < FULL ? words - w : FULL, task->cols);
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
        l->on_in = net_alloc(net, in->tiles * words_of(in) * in->size,
                             sizeof *l->on_in);
        end->on_out = net_alloc(net, out->tiles * words_of(out) * out->size,
                                sizeof *l->on_in);
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
