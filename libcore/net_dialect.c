/* What the dialect of a model changes in the passes of its network. */
#include "net_dialect.h"

#include <string.h>

#include "status.h"

static bool doubles(const struct pare_net *net)
{
    return net->dialect && net->dialect->double_sigmoid;
}

bool net_plain_dropout(const struct pare_net *net)
{
    return net->dialect && net->dialect->plain_dropout;
}

float net_loss_scale(const struct pare_net *net, const struct pare_loss *f,
                     float scale)
{
    if (!doubles(net) || !net->training || strcmp(f->name, "mse") != 0)
        return scale;
    return (float)((double)scale * (double)net->classes / 2);
}

/* g times the slope of the sigmoid at s(y), where y itself is one. */
void net_double_sigmoid(struct pare_net *net, const struct net_layer *l,
                        size_t tile)
{
    const struct pare_activation *sigmoid = pare_activation(PARE_OP_SIGMOID);
    const struct net_buffer *b = &net->buffer[l->out];
    size_t lanes = b->lanes, at = tile * b->size * lanes;
    float s[PARE_TILE_MAX];

    for (size_t i = 0; i < b->size; i++) {
        memcpy(s, b->act + at + i * lanes, lanes * sizeof *s);
        sigmoid->forward(s, 1, lanes, 0);
        sigmoid->backward(b->grad + at + i * lanes, s, 1, lanes, 0);
    }
}

static void scale(float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

void net_share_forward(struct pare_net *net, const struct net_layer *l,
                       size_t tile)
{
    const struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes;

    if (l->share > 0 && !net->training)
        scale(b->act + tile * size, l->share, size);
}

void net_share_backward(struct pare_net *net, const struct net_layer *l,
                        size_t tile)
{
    const struct net_buffer *b = &net->buffer[l->out];
    size_t size = b->size * b->lanes;

    if (l->share > 0 && !net->training)
        scale(b->grad + tile * size, l->share, size);
}

/* The linear layers that read buffer b are to scale what they make of it. */
static int mark_readers(struct pare_net *net, size_t first, size_t b,
                        const struct net_layer *drop)
{
    int err = 0;

    for (size_t i = first; !err && i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        bool reads = false;

        for (int k = 0; k < l->n_in; k++)
            reads |= l->in[k] == b;
        if (!reads)
            continue;
        if (l->op == PARE_OP_FLATTEN)
            err = mark_readers(net, i + 1, l->out, drop);
        else if (l->op == PARE_OP_LINEAR)
            l->share = 1 - drop->opt;
        else
            err = pare_fail(PARE_EMISMATCH,
                            "dialect %s: dropout is followed by linear "
                            "layers alone, not by %s %s",
                            net->dialect->name, l->layer->kind->name,
                            l->layer->name);
        if (l->out == b)
            break; /* the next readers have what this one wrote over it */
    }
    return err;
}

/* The node whose output the loss is given, when that is a sigmoid. */
static int mark_sigmoid(struct pare_net *net)
{
    struct net_layer *last = NULL;

    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layer[i].op != PARE_OP_FLATTEN)
            last = &net->layer[i];
    if (!last || last->op != PARE_OP_SIGMOID)
        return 0;
    if (net->buffer[last->out].image)
        return pare_fail(PARE_EMISMATCH,
                         "dialect %s: the sigmoid at the output must be of "
                         "features, not of an image",
                         net->dialect->name);
    last->doubled = last->out == net->output;
    return 0;
}

int net_plan_dialect(struct pare_net *net)
{
    int err = doubles(net) ? mark_sigmoid(net) : 0;

    for (size_t i = 0; !err && net_plain_dropout(net) && i < net->n_layers;
         i++) {
        const struct net_layer *l = &net->layer[i];

        if (l->op == PARE_OP_DROPOUT)
            err = mark_readers(net, i + 1, l->out, l);
    }
    return err;
}
