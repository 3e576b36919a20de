#include <stdlib.h>
#include <string.h>

#include "keras_out.h"
#include "status.h"

/* How each layer of ours is said to Keras. */

static int cannot(const struct pare_layer *l, const char *why)
{
    return pare_fail(PARE_EINVAL, "layer %s (%s): Keras has no %s", l->name,
                     l->kind->name, why);
}

/* A name for a layer that ours needs besides its own; '.' has no place in a
 * name of ours, so it is nobody else's. */
static const char *beside(char buf[PARE_LAYER_MAX], const struct pare_layer *l,
                          const char *what)
{
    snprintf(buf, PARE_LAYER_MAX, "%.80s.%s", l->name, what);
    return buf;
}

static const float *values_of(const struct keras_writer *k, size_t i)
{
    return k->m->tensor[k->tensor + i].value;
}

static int say_flatten(struct keras_writer *k, struct keras_out *out,
                       const struct keras_out *in, const char *name)
{
    *out = *in;
    out->shape = (struct pare_shape){1, {pare_shape_size(&in->shape)}};
    if (in->shape.dim[0] > 1 && out->shape.dim[0] > in->shape.dim[0])
        pare_shape_image(out->image, &in->shape);
    return keras_w_simple(k, out, "Flatten", name,
                          json_pack("{s:s}", "data_format", "channels_last"),
                          in);
}

static int say_linear(struct keras_writer *k, struct keras_out *out,
                      const struct pare_layer *l, const struct keras_out *in)
{
    const char *const arrays[] = {"kernel", "bias", NULL},
                      *none[] = {"kernel", NULL};
    bool bias = pare_layer_opt(l, "bias") != 0;
    size_t units = l->out.dim[0];
    struct keras_out flat = *in;
    char name[PARE_LAYER_MAX];
    int err = 0;

    if (in->shape.rank > 1) {
        err = say_flatten(k, &flat, in, beside(name, l, "flatten"));
        in = &flat;
    }
    if (!err)
        err = keras_w_append(k, out, "Dense", l->name,
                             json_pack("{s:I,s:s,s:b}", "units",
                                       (json_int_t)units, "activation",
                                       "linear", "use_bias", bias),
                             &in, 1, bias ? arrays : none);
    if (!err && in->image[0]) {
        const size_t dim[] = {units, in->image[0], in->image[1], in->image[2]};
        const size_t two[] = {in->shape.dim[0], units};
        char path[PATH_BYTES];
        float *to = malloc(two[0] * units * sizeof *to);
        const float *from = values_of(k, 0);

        if (!to)
            return pare_fail(PARE_ENOMEM, "out of memory");
        for (size_t o = 0; o < units; o++)
            for (size_t c = 0; c < dim[1]; c++)
                for (size_t p = 0; p < dim[2] * dim[3]; p++)
                    to[(p * dim[1] + c) * units + o] =
                        from[o * two[0] + c * dim[2] * dim[3] + p];
        snprintf(path, sizeof path, "/model_weights/%s/%s/kernel:0", l->name,
                 l->name);
        err = pare_h5w_data(k->w, path, PARE_H5_F32, 2, two, to, false);
        free(to);
    } else if (!err) {
        const size_t dim[] = {units, in->shape.dim[0]};

        err = keras_w_array(k, l->name, "kernel", values_of(k, 0), 2, dim,
                            (const int[]){1, 0});
    }
    if (!err && bias)
        err = keras_w_array(k, l->name, "bias", values_of(k, 1), 1, &units,
                            (const int[]){0});
    return err;
}

/* "[3, 5]", or "[3]" over a length. */
static json_t *pair(const struct pare_layer *l, const size_t hw[2])
{
    if (l->in[0].rank == 2)
        return json_pack("[I]", (json_int_t)hw[1]);
    return json_pack("[I,I]", (json_int_t)hw[0], (json_int_t)hw[1]);
}

/* A border of zeros: before and after, of height and width. */
static int say_border(struct keras_writer *k, struct keras_out *out,
                      const struct keras_out *in, const char *name,
                      const size_t before[2], const size_t after[2])
{
    bool length = in->shape.rank == 2;
    json_t *p;

    *out = *in;
    if (!length)
        out->shape.dim[1] += before[0] + after[0];
    out->shape.dim[length ? 1 : 2] += before[1] + after[1];
    if (length)
        p = json_pack("[I,I]", (json_int_t)before[1], (json_int_t)after[1]);
    else
        p = json_pack("[[I,I],[I,I]]", (json_int_t)before[0],
                      (json_int_t)after[0], (json_int_t)before[1],
                      (json_int_t)after[1]);
    return keras_w_simple(k, out, length ? "ZeroPadding1D" : "ZeroPadding2D",
                          name,
                          length ? json_pack("{s:o}", "padding", p)
                                 : json_pack("{s:o,s:s}", "padding", p,
                                             "data_format", "channels_last"),
                          in);
}

static json_t *window_config(const struct pare_layer *l,
                             const struct pare_window *w, const char *size)
{
    return json_pack("{s:o,s:o,s:s,s:s}", size, pair(l, w->kernel), "strides",
                     pair(l, w->stride), "padding", "valid", "data_format",
                     "channels_last");
}

static int write_filters(struct keras_writer *k, const struct pare_layer *l,
                         bool depthwise)
{
    const struct pare_tensor *t = &k->m->tensor[k->tensor];
    size_t dim[4], groups;
    struct pare_window w;

    memcpy(dim, t->dim, (size_t)t->rank * sizeof *dim);
    if (!depthwise)
        return keras_w_array(k, l->name, "kernel", t->value, t->rank, dim,
                             t->rank == 4 ? (const int[]){2, 3, 1, 0}
                                          : (const int[]){2, 1, 0});
    pare_layer_window(&w, l);
    groups = w.groups;
    dim[1] = dim[0] / groups; /* of a channel */
    dim[0] = groups;
    return keras_w_array(k, l->name, "depthwise_kernel", t->value, t->rank, dim,
                         (const int[]){2, 3, 0, 1});
}

static int say_conv(struct keras_writer *k, struct keras_out *out,
                    const struct pare_layer *l, const struct keras_out *in)
{
    const char *const with[] = {"kernel", "bias", NULL};
    const char *const deep[] = {"depthwise_kernel", "bias", NULL};
    const char *arrays[3];
    bool bias = pare_layer_opt(l, "bias") != 0, depthwise, length;
    size_t filters = l->out.dim[0];
    char name[PARE_LAYER_MAX];
    struct pare_window w;
    struct keras_out padded;
    json_t *config;
    int err = 0;

    pare_layer_window(&w, l);
    length = in->shape.rank == 2;
    depthwise = !length && w.groups > 1 && w.groups == in->shape.dim[0];
    memcpy(arrays, depthwise ? deep : with, sizeof arrays);
    if (!bias)
        arrays[1] = NULL;
    if (w.pad[0] || w.pad[1]) {
        err = say_border(k, &padded, in, beside(name, l, "pad"), w.pad, w.pad);
        in = &padded;
    }
    config = window_config(l, &w, "kernel_size");
    json_object_set_new(config, "dilation_rate", pair(l, w.dilation));
    json_object_set_new(config, "activation", json_string("linear"));
    json_object_set_new(config, "use_bias", json_boolean(bias));
    if (depthwise) {
        json_object_set_new(config, "depth_multiplier",
                            json_integer((json_int_t)(filters / w.groups)));
    } else {
        json_object_set_new(config, "filters",
                            json_integer((json_int_t)filters));
        json_object_set_new(config, "groups",
                            json_integer((json_int_t)w.groups));
    }
    if (err)
        json_decref(config);
    else
        err = keras_w_append(k, out,
                             depthwise ? "DepthwiseConv2D"
                             : length  ? "Conv1D"
                                       : "Conv2D",
                             l->name, config, &in, 1, arrays);
    if (!err)
        err = write_filters(k, l, depthwise);
    if (!err && bias)
        err = keras_w_array(k, l->name, "bias", values_of(k, 1), 1, &filters,
                            (const int[]){0});
    return err;
}

/* Are the pads those that Keras calls "same"? */
static bool is_same(const struct pare_window *w, const struct pare_shape *in)
{
    size_t chw[3];

    pare_shape_image(chw, in);
    if (in->rank == 2) {
        chw[2] = in->dim[1];
        chw[1] = 1;
    }
    for (int i = 0; i < 2; i++) {
        size_t out = (chw[i + 1] + w->stride[i] - 1) / w->stride[i];
        size_t need = (out - 1) * w->stride[i] + w->kernel[i];

        if (chw[i + 1] + 2 * w->pad[i] != need &&
            (w->pad[i] || need > chw[i + 1]))
            return false;
    }
    return true;
}

static int say_pool(struct keras_writer *k, struct keras_out *out,
                    const struct pare_layer *l, const struct keras_out *in)
{
    bool mean = l->kind->op == PARE_OP_AVGPOOL, length = l->in[0].rank == 2;
    char name[PARE_LAYER_MAX];
    struct pare_window w;
    struct keras_out padded;
    json_t *config;
    int err = 0;

    out->positive = in->positive;
    if (strcmp(l->kind->name, "globalavgpool") == 0)
        return keras_w_simple(k, out,
                              length ? "GlobalAveragePooling1D"
                                     : "GlobalAveragePooling2D",
                              l->name,
                              json_pack("{s:s,s:b}", "data_format",
                                        "channels_last", "keepdims", 1),
                              in);
    pare_layer_window(&w, l);
    config = window_config(l, &w, "pool_size");
    if (w.pad[0] || w.pad[1]) {
        bool zeros = mean ? pare_layer_opt(l, "count-pad") != 0 : in->positive;

        if (!zeros && !is_same(&w, &in->shape)) {
            json_decref(config);
            return cannot(l, "such pad");
        }
        if (!zeros)
            json_object_set_new(config, "padding", json_string("same"));
        if (zeros)
            err = say_border(k, &padded, in, beside(name, l, "pad"), w.pad,
                             w.pad);
        in = zeros ? &padded : in;
    }
    if (err)
        json_decref(config);
    if (err)
        return err;
    return keras_w_simple(
        k, out,
        mean ? (length ? "AveragePooling1D" : "AveragePooling2D")
             : (length ? "MaxPooling1D" : "MaxPooling2D"),
        l->name, config, in);
}

static int say_norm(struct keras_writer *k, struct keras_out *out,
                    const struct pare_layer *l, const struct keras_out *in)
{
    static const char *const arrays[] = {"gamma", "beta", "moving_mean",
                                         "moving_variance"};
    const char *const list[] = {arrays[0], arrays[1], arrays[2], arrays[3]};
    const char *const *names = list;
    const char *ended[ARRAYS + 1] = {names[0], names[1], names[2], names[3],
                                     NULL};
    size_t n = in->shape.dim[0];
    int err;

    out->shape = in->shape;
    memcpy(out->image, in->image, sizeof out->image);
    err = keras_w_append(
        k, out, "BatchNormalization", l->name,
        json_pack("{s:i,s:f,s:f,s:b,s:b}", "axis", -1, "momentum",
                  1 - pare_layer_opt(l, "momentum"), "epsilon",
                  pare_layer_opt(l, "eps"), "center", 1, "scale", 1),
        &in, 1, ended);
    for (size_t i = 0; i < ARRAYS && !err; i++)
        err = keras_w_row(k, l->name, arrays[i], values_of(k, i), n, in->image);
    return err;
}

static int say_pad(struct keras_writer *k, struct keras_out *out,
                   const struct pare_layer *l, const struct keras_out *in)
{
    const size_t before[] = {(size_t)pare_layer_opt(l, "top"),
                             (size_t)pare_layer_opt(l, "left")};
    const size_t after[] = {(size_t)pare_layer_opt(l, "bottom"),
                            (size_t)pare_layer_opt(l, "right")};
    int err;

    if (pare_layer_opt(l, "front") != 0 || pare_layer_opt(l, "back") != 0 ||
        pare_layer_opt(l, "value") != 0 || in->shape.rank < 2)
        return cannot(l, "border of channels or of other values than 0");
    err = say_border(k, out, in, l->name, before, after);
    out->positive = in->positive;
    return err;
}

static int say_join(struct keras_writer *k, struct keras_out *out,
                    const struct pare_layer *l)
{
    const struct keras_out *from[PARE_LAYER_INPUTS], *first;
    size_t n = (size_t)l->n_inputs;
    bool add = l->kind->op == PARE_OP_ADD;

    out->positive = true;
    first = &k->value[l->input[0] == PARE_INPUT ? k->m->arch.n_layers
                                                : l->input[0]];
    for (size_t i = 0; i < n; i++) {
        from[i] = &k->value[l->input[i] == PARE_INPUT ? k->m->arch.n_layers
                                                      : l->input[i]];
        out->positive &= from[i]->positive;
        if (memcmp(from[i]->image, first->image, sizeof first->image) ||
            (!add && from[i]->image[0]))
            return cannot(l, "join of features in another order");
    }
    memcpy(out->image, first->image, sizeof out->image);
    return keras_w_append(k, out, add ? "Add" : "Concatenate", l->name,
                          add ? json_object() : json_pack("{s:i}", "axis", -1),
                          from, n, NULL);
}

/* Value by value: an Activation by name, or a layer. */
static int say_elementwise(struct keras_writer *k, struct keras_out *out,
                           const struct pare_layer *l,
                           const struct keras_out *in)
{
    const char *activation = NULL;

    memcpy(out->image, in->image, sizeof out->image);
    switch (l->kind->op) {
    case PARE_OP_RELU:
        out->positive = true;
        activation = "relu";
        break;
    case PARE_OP_TANH:
        activation = "tanh";
        break;
    case PARE_OP_SIGMOID:
        out->positive = true;
        activation = "sigmoid";
        break;
    case PARE_OP_SILU:
        activation = "swish";
        break;
    case PARE_OP_GELU:
        activation = "gelu";
        break;
    case PARE_OP_SOFTMAX:
        out->positive = true;
        activation = "softmax";
        break;
    case PARE_OP_LOG_SOFTMAX:
        activation = "log_softmax";
        break;
    case PARE_OP_IDENTITY:
        out->positive = in->positive;
        activation = "linear";
        break;
    case PARE_OP_LEAKY_RELU:
        return keras_w_simple(
            k, out, "LeakyReLU", l->name,
            json_pack("{s:f}", "alpha", pare_layer_opt(l, "slope")), in);
    case PARE_OP_DROPOUT:
        out->positive = in->positive;
        return keras_w_simple(
            k, out, "Dropout", l->name,
            json_pack("{s:f}", "rate", pare_layer_opt(l, "p")), in);
    default:
        return cannot(l, "such layer");
    }
    return keras_w_simple(k, out, "Activation", l->name,
                          json_pack("{s:s}", "activation", activation), in);
}

int keras_w_say_layer(struct keras_writer *k, size_t i)
{
    const struct pare_layer *l = &k->m->arch.layer[i];
    const struct keras_out *in =
        &k->value[l->input[0] == PARE_INPUT ? k->m->arch.n_layers
                                            : l->input[0]];
    struct keras_out *out = &k->value[i];

    out->shape = l->out;
    switch (l->kind->op) {
    case PARE_OP_LINEAR:
        return say_linear(k, out, l, in);
    case PARE_OP_CONV:
        return say_conv(k, out, l, in);
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        return say_pool(k, out, l, in);
    case PARE_OP_BATCHNORM:
        return say_norm(k, out, l, in);
    case PARE_OP_PAD:
        return say_pad(k, out, l, in);
    case PARE_OP_FLATTEN: {
        int err = in->shape.rank > 1 ? say_flatten(k, out, in, l->name)
                                     : say_elementwise(k, out, l, in);

        out->positive = in->positive;
        return err;
    }
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
        return say_join(k, out, l);
    default:
        return say_elementwise(k, out, l, in);
    }
}
