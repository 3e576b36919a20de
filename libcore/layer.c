#include "layer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "layer_parts.h"

size_t pare_shape_size(const struct pare_shape *s)
{
    size_t n = 1;

    for (int i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

char *pare_shape_print(char buf[PARE_SHAPE_TEXT], const struct pare_shape *s)
{
    int n = 0;

    buf[0] = '\0';
    for (int i = 0; i < s->rank; i++)
        n += snprintf(buf + n, PARE_SHAPE_TEXT - (size_t)n, "%s%zu",
                      i ? "x" : "", s->dim[i]);
    return buf;
}

void pare_shape_image(size_t chw[3], const struct pare_shape *s)
{
    chw[0] = s->dim[0];
    chw[1] = s->rank == 3 ? s->dim[1] : 1;
    chw[2] = s->rank > 1 ? s->dim[s->rank - 1] : 1;
}

#define CHANNELS 16777216 /* most channels or features of a layer */
#define WINDOW   65535    /* widest kernel, stride, pad or dilation */

/* clang-format off */
#define NO_OPTIONS {{NULL, PARE_LAYER_SIZE, false, 0, 0, 0}}
#define NORM_OPTIONS                                                           \
    {{"eps", PARE_LAYER_REAL, false, 1e-5, 1e-12, 1},                          \
     {"momentum", PARE_LAYER_REAL, false, 0.1, 0, 1}}

/* What conv1d and conv2d have in common; type is SIZE or PAIR. */
#define CONV_OPTIONS(type, one)                                                \
    {{"channels", PARE_LAYER_SIZE, true, 0, 1, CHANNELS},                      \
     {"kernel", type, true, 0, 1, WINDOW},                                     \
     {"stride", type, false, one, 1, WINDOW},                                  \
     {"pad", type, false, 0, 0, WINDOW},                                       \
     {"dilation", type, false, one, 1, WINDOW},                                \
     {"groups", PARE_LAYER_SIZE, false, 1, 1, CHANNELS},                       \
     {"bias", PARE_LAYER_BOOL, false, 1, 0, 1}}
#define POOL_OPTIONS                                                           \
    {"kernel", PARE_LAYER_PAIR, true, 0, 1, WINDOW},                           \
    {"stride", PARE_LAYER_PAIR, false, 0, 1, WINDOW},                          \
    {"pad", PARE_LAYER_PAIR, false, 0, 0, WINDOW}
#define MARGIN(name) {name, PARE_LAYER_SIZE, false, 0, 0, WINDOW}
/* clang-format on */

#define PAIR_OF_ONE 16777217. /* 2^24 + 1, see pare_layer_pack */
#define NORM_SOURCE "Ioffe and Szegedy 2015, arXiv:1502.03167"

#define SAME    pare_layer_infer_same
#define NONE    pare_layer_tensors_none
#define NO_MACS pare_layer_macs_none

/* The table of layers. A row here and a case in the engine make a layer. */
static const struct pare_layer_kind kinds[] = {
    {"linear",
     PARE_OP_LINEAR,
     "fc",
     "y = W x + b",
     "",
     {{"units", PARE_LAYER_SIZE, true, 0, 1, CHANNELS},
      {"bias", PARE_LAYER_BOOL, false, 1, 0, 1}},
     pare_layer_infer_linear,
     pare_layer_tensors_linear,
     pare_layer_macs_linear},
    {"conv2d", PARE_OP_CONV, "conv", "convolution over height and width",
     "LeCun et al. 1998", CONV_OPTIONS(PARE_LAYER_PAIR, PAIR_OF_ONE),
     pare_layer_infer_conv, pare_layer_tensors_conv, pare_layer_macs_conv},
    {"conv1d", PARE_OP_CONV, "conv", "convolution over a length", "",
     CONV_OPTIONS(PARE_LAYER_SIZE, 1), pare_layer_infer_conv,
     pare_layer_tensors_conv, pare_layer_macs_conv},
    {"maxpool",
     PARE_OP_MAXPOOL,
     "pool",
     "largest value under the window",
     "",
     {POOL_OPTIONS},
     pare_layer_infer_pool,
     NONE,
     NO_MACS},
    {"avgpool",
     PARE_OP_AVGPOOL,
     "pool",
     "mean under the window",
     "",
     {POOL_OPTIONS, {"count-pad", PARE_LAYER_BOOL, false, 1, 0, 1}},
     pare_layer_infer_pool,
     NONE,
     NO_MACS},
    {"globalavgpool", PARE_OP_AVGPOOL, "pool", "mean of each channel",
     "Lin et al. 2014, arXiv:1312.4400", NO_OPTIONS, pare_layer_infer_global,
     NONE, NO_MACS},
    {"batchnorm", PARE_OP_BATCHNORM, "bn",
     "normalise each feature or channel over the batch, then scale and shift",
     NORM_SOURCE, NORM_OPTIONS, pare_layer_infer_batchnorm,
     pare_layer_tensors_batchnorm, NO_MACS},
    {"batchnorm2d", PARE_OP_BATCHNORM, "bn",
     "the same for each channel of images", NORM_SOURCE, NORM_OPTIONS,
     pare_layer_infer_batchnorm2d, pare_layer_tensors_batchnorm, NO_MACS},
    {"relu", PARE_OP_RELU, "relu", "max(x, 0)", "", NO_OPTIONS, SAME, NONE,
     NO_MACS},
    {"leaky-relu",
     PARE_OP_LEAKY_RELU,
     "lrelu",
     "x, or slope x where x < 0",
     "Maas et al. 2013",
     {{"slope", PARE_LAYER_REAL, false, 0.01, 0, 1}},
     SAME,
     NONE,
     NO_MACS},
    {"silu", PARE_OP_SILU, "silu", "x sigmoid(x)",
     "Elfwing et al. 2018, arXiv:1702.03118", NO_OPTIONS, SAME, NONE, NO_MACS},
    {"gelu", PARE_OP_GELU, "gelu", "x times the normal distribution at x",
     "Hendrycks and Gimpel 2016, arXiv:1606.08415", NO_OPTIONS, SAME, NONE,
     NO_MACS},
    {"srelu", PARE_OP_SRELU, "srelu",
     "three lines with trained knots and slopes",
     "Jin et al. 2016, arXiv:1512.07030", NO_OPTIONS, SAME,
     pare_layer_tensors_srelu, NO_MACS},
    {"tanh", PARE_OP_TANH, "tanh", "hyperbolic tangent", "", NO_OPTIONS, SAME,
     NONE, NO_MACS},
    {"sigmoid", PARE_OP_SIGMOID, "sigmoid", "1 / (1 + exp(-x))", "", NO_OPTIONS,
     SAME, NONE, NO_MACS},
    {"dropout",
     PARE_OP_DROPOUT,
     "drop",
     "in training, 0 with probability p, else x / (1 - p)",
     "Srivastava et al. 2014",
     {{"p", PARE_LAYER_REAL, false, 0.5, 0, 0.999}},
     SAME,
     NONE,
     NO_MACS},
    {"pad",
     PARE_OP_PAD,
     "pad",
     "a border, and channels, of one value",
     "",
     {MARGIN("top"),
      MARGIN("bottom"),
      MARGIN("left"),
      MARGIN("right"),
      MARGIN("front"),
      MARGIN("back"),
      {"value", PARE_LAYER_REAL, false, 0, -1e30, 1e30}},
     pare_layer_infer_pad,
     NONE,
     NO_MACS},
    {"flatten", PARE_OP_FLATTEN, "flat", "features in order c, h, w", "",
     NO_OPTIONS, pare_layer_infer_flatten, NONE, NO_MACS},
    {"identity", PARE_OP_IDENTITY, "id", "x", "", NO_OPTIONS, SAME, NONE,
     NO_MACS},
    {"add", PARE_OP_ADD, "add", "sum of the layers named",
     "He et al. 2016, arXiv:1512.03385", NO_OPTIONS, pare_layer_infer_add, NONE,
     NO_MACS},
    {"concat", PARE_OP_CONCAT, "cat",
     "channels of the layers named, one after another", "", NO_OPTIONS,
     pare_layer_infer_concat, NONE, NO_MACS},
    {"softmax", PARE_OP_SOFTMAX, "softmax", "exp(x) / sum exp(x)", "",
     NO_OPTIONS, pare_layer_infer_softmax, NONE, NO_MACS},
    {"log-softmax", PARE_OP_LOG_SOFTMAX, "logsoftmax", "log of softmax", "",
     NO_OPTIONS, pare_layer_infer_softmax, NONE, NO_MACS},
    {"rbm",
     PARE_OP_RBM,
     "rbm",
     "restricted Boltzmann machine, alone",
     "Hinton 2002, Neural Computation 14(8)",
     {{"units", PARE_LAYER_SIZE, true, 0, 1, CHANNELS}},
     pare_layer_infer_rbm,
     pare_layer_tensors_rbm,
     pare_layer_macs_linear},
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

bool pare_layer_joins(const struct pare_layer_kind *kind)
{
    return kind->op == PARE_OP_ADD || kind->op == PARE_OP_CONCAT;
}
