#include "layer.h"

#include <assert.h>
#include <string.h>

#include "status.h"

size_t pare_shape_size(const struct pare_shape *s)
{
    size_t n = 1;

    for (int i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

void pare_shape_image(size_t chw[3], const struct pare_shape *s)
{
    chw[0] = s->dim[0];
    chw[1] = s->rank == 3 ? s->dim[1] : 1;
    chw[2] = s->rank > 1 ? s->dim[s->rank - 1] : 1;
}

void pare_layer_pair(size_t hw[2], double opt)
{
    uint64_t both = (uint64_t)opt;

    hw[0] = (size_t)(both >> 24);
    hw[1] = (size_t)(both & 0xffffff);
}

static int infer_same(const struct pare_layer *l, struct pare_shape *out)
{
    *out = l->in[0];
    return 0;
}

static int infer_linear(const struct pare_layer *l, struct pare_shape *out)
{
    out->rank = 1;
    out->dim[0] = (size_t)l->opt[0];
    return 0;
}

static int tensors_none(const struct pare_layer *l,
                        struct pare_tensor_spec *spec)
{
    (void)l;
    (void)spec;
    return 0;
}

static int tensors_linear(const struct pare_layer *l,
                          struct pare_tensor_spec *spec)
{
    size_t in = pare_shape_size(&l->in[0]), out = l->out.dim[0];

    spec[0] = (struct pare_tensor_spec){
        "weight", PARE_ROLE_WEIGHT, 2, {out, in}, in, out};
    spec[1] = (struct pare_tensor_spec){
        "bias", PARE_ROLE_BIAS, 1, {out}, in, out};
    return pare_layer_opt(l, "bias") > 0 ? 2 : 1;
}

static int tensors_batchnorm(const struct pare_layer *l,
                             struct pare_tensor_spec *spec)
{
    static const struct {
        const char *suffix;
        enum pare_role role;
    } part[4] = {
        {"scale", PARE_ROLE_SCALE},
        {"shift", PARE_ROLE_SHIFT},
        {"mean", PARE_ROLE_BUFFER},
        {"var", PARE_ROLE_BUFFER},
    };
    size_t n = l->in[0].dim[0];

    for (int i = 0; i < 4; i++)
        spec[i] = (struct pare_tensor_spec){
            part[i].suffix, part[i].role, 1, {n}, n, n};
    return 4;
}

static double macs_none(const struct pare_layer *l)
{
    (void)l;
    return 0;
}

static double macs_linear(const struct pare_layer *l)
{
    return (double)pare_shape_size(&l->in[0]) * (double)l->out.dim[0];
}

#define NO_OPTIONS {{NULL, PARE_LAYER_SIZE, false, 0, 0, 0}}

/* The table of layers. A row here and a case in net.c make a layer. */
static const struct pare_layer_kind kinds[] = {
    {"linear", PARE_OP_LINEAR, "fc", "y = W x + b", "",
     {{"units", PARE_LAYER_SIZE, true, 0, 1, 16777216},
      {"bias", PARE_LAYER_BOOL, false, 1, 0, 1}},
     infer_linear, tensors_linear, macs_linear},
    {"relu", PARE_OP_RELU, "relu", "max(x, 0)", "", NO_OPTIONS,
     infer_same, tensors_none, macs_none},
    {"leaky-relu", PARE_OP_LEAKY_RELU, "lrelu", "x, or slope x where x < 0",
     "Maas et al. 2013",
     {{"slope", PARE_LAYER_REAL, false, 0.01, 0, 1}},
     infer_same, tensors_none, macs_none},
    {"tanh", PARE_OP_TANH, "tanh", "hyperbolic tangent", "", NO_OPTIONS,
     infer_same, tensors_none, macs_none},
    {"sigmoid", PARE_OP_SIGMOID, "sigmoid", "1 / (1 + exp(-x))", "",
     NO_OPTIONS, infer_same, tensors_none, macs_none},
    {"dropout", PARE_OP_DROPOUT, "drop",
     "in training, 0 with probability p, else x / (1 - p)",
     "Srivastava et al. 2014",
     {{"p", PARE_LAYER_REAL, false, 0.5, 0, 0.999}},
     infer_same, tensors_none, macs_none},
    {"batchnorm", PARE_OP_BATCHNORM, "bn",
     "normalise each feature over the batch, then scale and shift",
     "Ioffe and Szegedy 2015, arXiv:1502.03167",
     {{"eps", PARE_LAYER_REAL, false, 1e-5, 1e-12, 1},
      {"momentum", PARE_LAYER_REAL, false, 0.1, 0, 1}},
     infer_same, tensors_batchnorm, macs_none},
    {"softmax", PARE_OP_SOFTMAX, "softmax", "exp(x) / sum exp(x)", "",
     NO_OPTIONS, infer_same, tensors_none, macs_none},
    {"log-softmax", PARE_OP_LOG_SOFTMAX, "logsoftmax", "log of softmax", "",
     NO_OPTIONS, infer_same, tensors_none, macs_none},
};

const struct pare_layer_kind *pare_layer_kind(size_t index)
{
    return index < sizeof kinds / sizeof kinds[0] ? &kinds[index] : NULL;
}

const struct pare_layer_kind *pare_layer_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

double pare_layer_opt(const struct pare_layer *l, const char *name)
{
    for (int i = 0; i < PARE_LAYER_OPTS && l->kind->option[i].name; i++)
        if (strcmp(l->kind->option[i].name, name) == 0)
            return l->opt[i];
    assert(!"layer option that is not in the table");
    return 0;
}
