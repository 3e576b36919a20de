/* The layout of a network: nodes, their buffers, who adds gradients. */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "net_dialect.h"
#include "net_layers.h"
#include "status.h"

/* What a layer of the architecture, or the input, became. */
struct value {
    size_t buffer, uses;
    size_t node;  /* that wrote it last; NET_NONE: the input */
    bool weights; /* something before it is trained */
};

struct plan {
    struct pare_net *net;
    struct value *value; /* [n_layers + 1], the last for the input */
    size_t *root;        /* past identities: [n_layers + 1] */
};

/* Place of a layer, or of the input, in the table of values. */
static size_t place(const struct pare_net *net, size_t input)
{
    return input == PARE_INPUT ? net->model->arch.n_layers : input;
}

/* Count who uses which output, looking through identities. */
static void count_uses(struct plan *p)
{
    const struct pare_arch *arch = &p->net->model->arch;
    size_t last = arch->n_layers - 1;

    p->root[arch->n_layers] = arch->n_layers;
    for (size_t i = 0; i < arch->n_layers; i++) {
        const struct pare_layer *l = &arch->layer[i];

        p->root[i] = i;
        if (l->kind->op == PARE_OP_IDENTITY) {
            p->root[i] = p->root[place(p->net, l->input[0])];
            continue;
        }
        for (int k = 0; k < l->n_inputs; k++)
            p->value[p->root[place(p->net, l->input[k])]].uses++;
    }
    p->value[p->root[last]].uses++;
}

/* Only layers that read features look at the input: it need not be an
   image. */
static bool input_is_image(const struct plan *p)
{
    const struct pare_arch *arch = &p->net->model->arch;

    if (arch->input.rank == 1)
        return false;
    for (size_t i = 0; i < arch->n_layers; i++) {
        const struct pare_layer *l = &arch->layer[i];

        if (l->kind->op == PARE_OP_IDENTITY || l->kind->op == PARE_OP_LINEAR ||
            l->kind->op == PARE_OP_FLATTEN)
            continue;
        for (int k = 0; k < l->n_inputs; k++)
            if (p->root[place(p->net, l->input[k])] == arch->n_layers)
                return true;
    }
    return false;
}

static size_t new_buffer(struct pare_net *net, const struct pare_shape *shape,
                         bool image)
{
    struct net_buffer *b = &net->buffer[net->n_buffers];
    size_t chw[3];

    pare_shape_image(chw, shape);
    b->image = image;
    b->size = pare_shape_size(shape);
    b->channels = image ? chw[0] : b->size;
    b->lanes = image ? net->lanes : net->width;
    b->tiles = (net->batch + b->lanes - 1) / b->lanes;
    return net->n_buffers++;
}

static bool is_image(const struct plan *p, const struct value *v)
{
    return p->net->buffer[v->buffer].image;
}

/*
 * May a node of this kind write over the value? What an activation goes back
 * by must stay; but of relu only who is above 0 counts, and dropout keeps
 * that of all whose gradients it lets through.
 */
static bool may_overwrite(const struct plan *p, const struct value *v,
                          enum pare_layer_op op)
{
    const struct pare_net *net = p->net;
    const struct net_layer *by;

    if (v->uses > 1)
        return false;
    if (v->node == NET_NONE || !net->train)
        return true;
    by = &net->layer[v->node];
    return !by->activation || by->activation->from_input ||
           (by->op == PARE_OP_RELU && op == PARE_OP_DROPOUT);
}

/* Can this kind work in place? */
static bool in_place(const struct pare_net *net, const struct net_layer *l)
{
    if (l->activation)
        return !(net->train && l->activation->from_input);
    if (l->op == PARE_OP_DROPOUT) /* plain: the gate before it must see */
        return !(net->train && net_plain_dropout(net));
    return l->op == PARE_OP_ADD ||
           (l->op == PARE_OP_BATCHNORM && !net->train) ||
           (l->op == PARE_OP_SRELU && !net->train);
}

/* A node that reads value v; its output is not set yet. */
static struct net_layer *new_node(struct plan *p, enum pare_layer_op op,
                                  const struct pare_layer *layer)
{
    struct net_layer *l = &p->net->layer[p->net->n_layers++];

    l->op = op;
    l->layer = layer;
    l->activation = pare_activation(op);
    l->opt = layer ? (float)layer->opt[0] : 0;
    for (int k = 0; k < PARE_LAYER_INPUTS; k++)
        l->back[k] = NET_NONE;
    return l;
}

static void read_value(struct net_layer *l, const struct value *v)
{
    l->in[l->n_in] = v->buffer;
    l->need[l->n_in++] = v->weights;
}

/* An image as features, in the order of files; leaves v the features. */
static void flatten(struct plan *p, struct value *v,
                    const struct pare_shape *shape)
{
    struct pare_shape flat = {1, {pare_shape_size(shape)}};
    struct net_layer *l = new_node(p, PARE_OP_FLATTEN, NULL);
    struct pare_net *net = p->net;

    read_value(l, v);
    v->buffer = l->out = new_buffer(net, &flat, false);
    v->node = net->n_layers - 1;
    v->uses = 1;
}

static bool wants_features(enum pare_layer_op op)
{
    return op == PARE_OP_LINEAR || op == PARE_OP_SOFTMAX ||
           op == PARE_OP_LOG_SOFTMAX || op == PARE_OP_FLATTEN;
}

static void set_window(struct net_layer *l, size_t lanes)
{
    size_t in[3], out[3];

    pare_shape_image(in, &l->layer->in[0]);
    pare_shape_image(out, &l->layer->out);
    if (l->op == PARE_OP_CONV) {
        l->conv = (struct pare_conv){.ci = in[0],
                                     .h = in[1],
                                     .w = in[2],
                                     .co = out[0],
                                     .oh = out[1],
                                     .ow = out[2],
                                     .lanes = lanes};
        pare_layer_window(&l->conv.win, l->layer);
    } else if (l->op == PARE_OP_MAXPOOL || l->op == PARE_OP_AVGPOOL) {
        l->pool = (struct pare_pool){.c = in[0],
                                     .h = in[1],
                                     .w = in[2],
                                     .oh = out[1],
                                     .ow = out[2],
                                     .lanes = lanes};
        pare_layer_window(&l->pool.win, l->layer);
        if (strcmp(l->layer->kind->name, "avgpool") == 0)
            l->pool.count_pad = pare_layer_opt(l->layer, "count-pad") > 0;
    }
}

/* The node of layer i, and one before it where features are wanted. */
static void add_layer(struct plan *p, size_t i, size_t tensor, size_t owned)
{
    struct pare_net *net = p->net;
    const struct pare_layer *layer = &net->model->arch.layer[i];
    struct value *out = &p->value[i];
    struct value in[PARE_LAYER_INPUTS];
    struct net_layer *l;
    size_t uses = out->uses;

    for (int k = 0; k < layer->n_inputs; k++)
        in[k] = p->value[p->root[place(net, layer->input[k])]];
    if (wants_features(layer->kind->op) && is_image(p, &in[0]))
        flatten(p, &in[0], &layer->in[0]);
    if (layer->kind->op == PARE_OP_FLATTEN) {
        *out = in[0];
        out->uses = uses + in[0].uses - 1;
        return;
    }
    l = new_node(p, layer->kind->op, layer);
    l->index = (uint32_t)i;
    l->tensor = tensor;
    set_window(l, net->lanes);
    l->has_bias =
        (l->op == PARE_OP_LINEAR || l->op == PARE_OP_CONV) && owned > 1;
    out->weights = owned > 0;
    for (int k = 0; k < layer->n_inputs; k++) {
        read_value(l, &in[k]);
        out->weights |= in[k].weights;
    }
    if (in_place(net, l) && may_overwrite(p, &in[0], l->op)) {
        l->out = in[0].buffer;
        net->buffer[l->out].has_rows = false;
    } else {
        l->out = new_buffer(net, &layer->out,
                            is_image(p, &in[0]) && !wants_features(l->op));
    }
    out->buffer = l->out;
    out->node = net->n_layers - 1;
}

static bool fusable(const struct pare_net *net, const struct net_layer *l)
{
    return (l->activation && !l->activation->from_input) ||
           (l->op == PARE_OP_BATCHNORM && !net->train);
}

/* Nodes that work in place on an image are done with the one before. */
static void fuse(struct pare_net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        struct net_layer *l = &net->layer[i];
        size_t j = i + 1;

        if (l->fused || !net->buffer[l->out].image || l->op == PARE_OP_DROPOUT)
            continue;
        for (; j < net->n_layers; j++) {
            struct net_layer *next = &net->layer[j];

            if (!fusable(net, next) || next->in[0] != l->out ||
                next->out != l->out)
                break;
            next->fused = true;
        }
        l->after = j - i - 1;
        if (net->train && l->op == PARE_OP_CONV && l->after == 0 &&
            j < net->n_layers && net->layer[j].op == PARE_OP_BATCHNORM &&
            net->layer[j].in[0] == l->out)
            l->feeds = &net->layer[j];
    }
}

/* Who sets the gradient at a buffer, who adds to it, who completes it. */
static void plan_gradient(struct pare_net *net, size_t b)
{
    bool begun = net->output == b;
    struct net_layer *last = NULL;
    int input = 0;

    for (size_t i = net->n_layers; i-- > 0;) {
        struct net_layer *l = &net->layer[i];

        if (l->fused)
            continue;
        if (l->out == b && last) {
            last->back[input] = l->after ? i : NET_NONE;
            last = NULL;
        }
        for (int k = l->n_in - 1; k >= 0; k--) {
            if (l->in[k] != b || !l->need[k])
                continue;
            l->add[k] = begun && !(k == 0 && l->out == b);
            begun = true;
            last = l;
            input = k;
        }
    }
}

/* Nodes and buffers of all layers. */
static void add_layers(struct plan *p)
{
    struct pare_net *net = p->net;
    const struct pare_arch *arch = &net->model->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    struct value *input = &p->value[arch->n_layers], *last;
    size_t tensor = 0, chw[3];
    bool image = input_is_image(p);

    input->node = NET_NONE;
    input->buffer = new_buffer(net, &arch->input, image);
    net->buffer[0].has_rows = !image;
    pare_shape_image(chw, &arch->input);
    net->planes = image ? chw[0] : 1;
    for (size_t i = 0; i < arch->n_layers; i++) {
        const struct pare_layer *l = &arch->layer[i];
        size_t owned = (size_t)l->kind->tensors(l, spec);

        if (l->kind->op != PARE_OP_IDENTITY)
            add_layer(p, i, tensor, owned);
        tensor += owned;
    }
    last = &p->value[p->root[arch->n_layers - 1]];
    if (is_image(p, last))
        flatten(p, last, pare_arch_output(arch));
    net->output = last->buffer;
}

int net_plan(struct pare_net *net)
{
    size_t n = net->model->arch.n_layers;
    struct plan p = {net, calloc(n + 1, sizeof *p.value),
                     calloc(n + 1, sizeof *p.root)};
    int err = 0;
    bool ok;

    net->buffer = calloc(2 * n + 2, sizeof *net->buffer);
    net->layer = calloc(2 * n + 1, sizeof *net->layer);
    ok = p.value && p.root && net->buffer && net->layer;
    if (ok) {
        count_uses(&p);
        add_layers(&p);
        fuse(net);
        for (size_t b = 0; b < net->n_buffers; b++)
            plan_gradient(net, b);
        err = net_plan_dialect(net);
        ok = err || net_memory(net);
    }
    free(p.value);
    free(p.root);
    return ok ? err
              : pare_fail(PARE_ENOMEM,
                          "out of memory for a batch of %zu samples",
                          net->batch);
}
