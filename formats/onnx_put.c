/* Layers as nodes of ONNX. */
#include "onnx_build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export_rows.h"
#include "status.h"

/* Bytes on their way into an initialiser. */
struct room {
    unsigned char *at;
};

static int put_bytes(void *arg, const void *bytes, size_t n)
{
    struct room *r = arg;

    memcpy(r->at, bytes, n);
    r->at += n;
    return 0;
}

/* A tensor of a layer that has the name, of one dimension for each channel or
 * as it is. */
static const char *put_values(struct pare_onnx_build *b,
                              const struct pare_tensor *t, int rank,
                              const int64_t *dim)
{
    static const int32_t type[] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                   ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
                                   ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16};
    struct room room;
    uint64_t bytes = 0;
    Onnx__NodeProto *n;
    char *wide;

    if (b->status)
        return t->name;
    b->status = pare_export_bytes(&bytes, t, t->dtype);
    if (!b->status && bytes > INT32_MAX)
        b->status = pare_fail(PARE_ELIMIT,
                              "'%s' has 2 GiB and more, which ONNX cannot "
                              "hold in one file",
                              t->name);
    room.at = pare_onnx_initializer(b, t->name, type[t->dtype], rank, dim,
                                    (size_t)bytes);
    if (room.at)
        b->status = pare_export_values(t, t->dtype, put_bytes, &room);
    if (t->dtype == PARE_F32)
        return t->name;
    wide = pare_onnx_print(b, "/%s", t->name);
    n = pare_onnx_node_add(b, "Cast", wide, t->name, NULL);
    pare_onnx_put_int(b, n, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    return wide;
}

static const struct pare_tensor *find(const struct pare_onnx_build *b,
                                      const struct pare_layer *l,
                                      const char *suffix)
{
    char name[PARE_NAME_MAX + PARE_SUFFIX_MAX];

    snprintf(name, sizeof name, "%s.%s", l->name, suffix);
    return pare_model_tensor(b->m, name);
}

const char *pare_onnx_put_tensor(struct pare_onnx_build *b,
                                 const struct pare_layer *l, const char *suffix)
{
    const struct pare_tensor *t = find(b, l, suffix);
    int64_t dim[PARE_RANK_MAX];

    if (!t)
        return NULL;
    for (int i = 0; i < t->rank; i++)
        dim[i] = (int64_t)t->dim[i];
    return put_values(b, t, t->rank, dim);
}

/* The same with dimensions of 1 behind it, to go with images. */
static const char *put_channels(struct pare_onnx_build *b,
                                const struct pare_layer *l, const char *suffix)
{
    const struct pare_tensor *t = find(b, l, suffix);
    int64_t dim[3] = {t ? (int64_t)t->dim[0] : 0, 1, 1};

    return t ? put_values(b, t, l->in[0].rank, dim) : NULL;
}

static int put_linear(struct pare_onnx_build *b, const struct pare_layer *l,
                      const char *in, const char *out)
{
    const char *weight = pare_onnx_put_tensor(b, l, "weight");
    const char *bias = pare_onnx_put_tensor(b, l, "bias");
    Onnx__NodeProto *n;

    if (l->in[0].rank > 1) {
        char *flat = pare_onnx_print(b, "/%s/flat", l->name);

        pare_onnx_node_add(b, "Flatten", flat, in, NULL);
        in = flat;
    }
    n = pare_onnx_node_add(b, "Gemm", out, in, weight, bias, NULL);
    pare_onnx_put_int(b, n, "transB", 1);
    return b->status;
}

/* Pairs of a window, of as many dimensions as the input has. */
static void put_pairs(struct pare_onnx_build *b, Onnx__NodeProto *n,
                      const struct pare_layer *l)
{
    size_t dims = (size_t)l->in[0].rank - 1, first = 2 - dims;
    int64_t kernel[2], stride[2], dilation[2], pad[4];
    struct pare_window w;

    pare_layer_window(&w, l);
    for (size_t i = 0; i < dims; i++) {
        kernel[i] = (int64_t)w.kernel[first + i];
        stride[i] = (int64_t)w.stride[first + i];
        dilation[i] = (int64_t)w.dilation[first + i];
        pad[i] = pad[i + dims] = (int64_t)w.pad[first + i];
    }
    pare_onnx_put_ints(b, n, "kernel_shape", kernel, dims);
    pare_onnx_put_ints(b, n, "strides", stride, dims);
    pare_onnx_put_ints(b, n, "pads", pad, 2 * dims);
    if (l->kind->op == PARE_OP_CONV) {
        pare_onnx_put_ints(b, n, "dilations", dilation, dims);
        pare_onnx_put_int(b, n, "group", (int64_t)w.groups);
    }
}

static int put_conv(struct pare_onnx_build *b, const struct pare_layer *l,
                    const char *in, const char *out)
{
    const char *weight = pare_onnx_put_tensor(b, l, "weight");
    const char *bias = pare_onnx_put_tensor(b, l, "bias");

    put_pairs(b, pare_onnx_node_add(b, "Conv", out, in, weight, bias, NULL), l);
    return b->status;
}

static int put_pool(struct pare_onnx_build *b, const struct pare_layer *l,
                    const char *in, const char *out)
{
    bool average = l->kind->op == PARE_OP_AVGPOOL;
    Onnx__NodeProto *n;

    if (!l->kind->option[0].name) {
        pare_onnx_node_add(b, "GlobalAveragePool", out, in, NULL);
        return b->status;
    }
    n = pare_onnx_node_add(b, average ? "AveragePool" : "MaxPool", out, in,
                           NULL);
    put_pairs(b, n, l);
    if (average)
        pare_onnx_put_int(b, n, "count_include_pad",
                          pare_layer_opt(l, "count-pad") != 0);
    return b->status;
}

static int put_batchnorm(struct pare_onnx_build *b, const struct pare_layer *l,
                         const char *in, const char *out)
{
    const char *scale = pare_onnx_put_tensor(b, l, "scale");
    const char *shift = pare_onnx_put_tensor(b, l, "shift");
    const char *mean = pare_onnx_put_tensor(b, l, "mean");
    const char *var = pare_onnx_put_tensor(b, l, "var");
    Onnx__NodeProto *n = pare_onnx_node_add(b, "BatchNormalization", out, in,
                                            scale, shift, mean, var, NULL);

    pare_onnx_put_real(b, n, "epsilon", pare_layer_opt(l, "eps"));
    pare_onnx_put_real(b, n, "momentum", 1 - pare_layer_opt(l, "momentum"));
    return b->status;
}

static const char *number(struct pare_onnx_build *b, const struct pare_layer *l,
                          const char *what, double v)
{
    float f = (float)v;

    return pare_onnx_floats(b, pare_onnx_print(b, "/%s/%s", l->name, what), &f,
                            0, NULL);
}

/* x / 2 times 1 + erf(x / sqrt 2), which older operator sets can say. */
static int put_gelu(struct pare_onnx_build *b, const struct pare_layer *l,
                    const char *in, const char *out)
{
    const char *root = number(b, l, "root", sqrt(2));
    const char *one = number(b, l, "one", 1), *half = number(b, l, "half", .5);
    char *over = pare_onnx_print(b, "/%s/over", l->name);
    char *erf = pare_onnx_print(b, "/%s/erf", l->name);
    char *more = pare_onnx_print(b, "/%s/more", l->name);
    char *product = pare_onnx_print(b, "/%s/product", l->name);

    pare_onnx_node_add(b, "Div", over, in, root, NULL);
    pare_onnx_node_add(b, "Erf", erf, over, NULL);
    pare_onnx_node_add(b, "Add", more, erf, one, NULL);
    pare_onnx_node_add(b, "Mul", product, in, more, NULL);
    pare_onnx_node_add(b, "Mul", out, product, half, NULL);
    return b->status;
}

static int put_silu(struct pare_onnx_build *b, const struct pare_layer *l,
                    const char *in, const char *out)
{
    char *sigmoid = pare_onnx_print(b, "/%s/sigmoid", l->name);

    pare_onnx_node_add(b, "Sigmoid", sigmoid, in, NULL);
    pare_onnx_node_add(b, "Mul", out, in, sigmoid, NULL);
    return b->status;
}

/* knot + slope (x - knot), named so. */
static char *put_line(struct pare_onnx_build *b, const struct pare_layer *l,
                      const char *in, const char *knot, const char *slope)
{
    char *off = pare_onnx_print(b, "/%s/off-%s", l->name, knot);
    char *rise = pare_onnx_print(b, "/%s/rise-%s", l->name, knot);
    char *line = pare_onnx_print(b, "/%s/line-%s", l->name, knot);

    pare_onnx_node_add(b, "Sub", off, in, knot, NULL);
    pare_onnx_node_add(b, "Mul", rise, off, slope, NULL);
    pare_onnx_node_add(b, "Add", line, rise, knot, NULL);
    return line;
}

static int put_srelu(struct pare_onnx_build *b, const struct pare_layer *l,
                     const char *in, const char *out)
{
    const char *tl = put_channels(b, l, "tl"), *al = put_channels(b, l, "al");
    const char *tr = put_channels(b, l, "tr"), *ar = put_channels(b, l, "ar");
    char *low = put_line(b, l, in, tl, al), *high = put_line(b, l, in, tr, ar);
    char *is_low = pare_onnx_print(b, "/%s/is-low", l->name);
    char *is_high = pare_onnx_print(b, "/%s/is-high", l->name);
    char *rest = pare_onnx_print(b, "/%s/rest", l->name);

    pare_onnx_node_add(b, "LessOrEqual", is_low, in, tl, NULL);
    pare_onnx_node_add(b, "GreaterOrEqual", is_high, in, tr, NULL);
    pare_onnx_node_add(b, "Where", rest, is_low, low, in, NULL);
    pare_onnx_node_add(b, "Where", out, is_high, high, rest, NULL);
    return b->status;
}

static int put_pad(struct pare_onnx_build *b, const struct pare_layer *l,
                   const char *in, const char *out)
{
    int rank = l->in[0].rank + 1;
    const double *o = l->opt; /* top, bottom, left, right, front, back */
    const char *value = number(b, l, "value", pare_layer_opt(l, "value"));
    int64_t pads[8] = {0};
    char *name = pare_onnx_print(b, "/%s/pads", l->name);

    pads[1] = (int64_t)o[4];
    pads[1 + rank] = (int64_t)o[5];
    if (rank > 2) {
        pads[rank - 1] = (int64_t)o[2];
        pads[2 * rank - 1] = (int64_t)o[3];
    }
    if (rank > 3) {
        pads[2] = (int64_t)o[0];
        pads[2 + rank] = (int64_t)o[1];
    }
    pare_onnx_longs(b, name, pads, 2 * (size_t)rank);
    pare_onnx_node_add(b, "Pad", out, in, name, value, NULL);
    return b->status;
}

static int put_dropout(struct pare_onnx_build *b, const struct pare_layer *l,
                       const char *in, const char *out)
{
    const char *ratio = number(b, l, "ratio", pare_layer_opt(l, "p"));

    pare_onnx_node_add(b, "Dropout", out, in, ratio, NULL);
    return b->status;
}

static int put_join(struct pare_onnx_build *b, const struct pare_layer *l,
                    const char *const *in, const char *out)
{
    bool add = l->kind->op == PARE_OP_ADD;
    Onnx__NodeProto *n = pare_onnx_node_add(b,
                                            !add               ? "Concat"
                                            : l->n_inputs == 2 ? "Add"
                                                               : "Sum",
                                            out, NULL);

    for (int k = 0; n && k < l->n_inputs; k++)
        n->input[n->n_input++] = pare_onnx_print(b, "%s", in[k]);
    if (!add)
        pare_onnx_put_int(b, n, "axis", 1);
    return b->status;
}

/* Layers that are one node without tensors. */
static int put_plain(struct pare_onnx_build *b, const struct pare_layer *l,
                     const char *in, const char *out)
{
    static const struct {
        enum pare_layer_op op;
        const char *name;
    } rows[] = {
        {PARE_OP_RELU, "Relu"},       {PARE_OP_LEAKY_RELU, "LeakyRelu"},
        {PARE_OP_TANH, "Tanh"},       {PARE_OP_SIGMOID, "Sigmoid"},
        {PARE_OP_SOFTMAX, "Softmax"}, {PARE_OP_LOG_SOFTMAX, "LogSoftmax"},
        {PARE_OP_FLATTEN, "Flatten"}, {PARE_OP_IDENTITY, "Identity"},
    };
    Onnx__NodeProto *n;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].op != l->kind->op)
            continue;
        n = pare_onnx_node_add(b, rows[i].name, out, in, NULL);
        if (l->kind->op == PARE_OP_LEAKY_RELU)
            pare_onnx_put_real(b, n, "alpha", pare_layer_opt(l, "slope"));
        if (l->kind->op == PARE_OP_SOFTMAX ||
            l->kind->op == PARE_OP_LOG_SOFTMAX)
            pare_onnx_put_int(b, n, "axis", 1);
        return b->status;
    }
    return pare_fail(PARE_EINVAL, "ONNX has nothing for %s '%s'", l->kind->name,
                     l->name);
}

int pare_onnx_put_layer(struct pare_onnx_build *b, const struct pare_layer *l,
                        const char *const *in, const char *out)
{
    switch (l->kind->op) {
    case PARE_OP_LINEAR:
        return put_linear(b, l, in[0], out);
    case PARE_OP_CONV:
        return put_conv(b, l, in[0], out);
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        return put_pool(b, l, in[0], out);
    case PARE_OP_BATCHNORM:
        return put_batchnorm(b, l, in[0], out);
    case PARE_OP_GELU:
        return put_gelu(b, l, in[0], out);
    case PARE_OP_SILU:
        return put_silu(b, l, in[0], out);
    case PARE_OP_SRELU:
        return put_srelu(b, l, in[0], out);
    case PARE_OP_PAD:
        return put_pad(b, l, in[0], out);
    case PARE_OP_DROPOUT:
        return put_dropout(b, l, in[0], out);
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
        return put_join(b, l, in, out);
    default:
        return put_plain(b, l, in[0], out);
    }
}
