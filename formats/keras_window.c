#include <stdlib.h>
#include <string.h>

#include "keras_parts.h"
#include "status.h"

/* Layers whose windows slide over height and width. */

/* Windows along one axis. */
struct axis {
    size_t in, kernel, stride, dilation;
    size_t before, after, out; /* zeros, and windows */
};

/* Zeros that "same" asks for, more after than before when they are odd. */
static bool measure(struct axis *a, bool same)
{
    size_t reach = (a->kernel - 1) * a->dilation + 1, total = 0;

    if (same) {
        size_t need;

        a->out = (a->in + a->stride - 1) / a->stride;
        need = (a->out - 1) * a->stride + reach;
        total = need > a->in ? need - a->in : 0;
    }
    a->before = total / 2;
    a->after = total - a->before;
    if (a->in + total < reach)
        return false;
    a->out = (a->in + total - reach) / a->stride + 1;
    return true;
}

/* Windows over height and width. 1, 0 (noted) or a status. */
static int windows(struct axis a[2], struct keras_builder *b,
                   const struct keras_layer *l, const char *kernel)
{
    const struct pare_shape *s = &l->in[0]->shape;
    const char *padding = keras_text(l->config, "padding", "valid");
    size_t k[2], stride[2], dilation[2] = {1, 1};
    const char *name = l->class_name;
    int rank = s->rank - 1;

    if (rank < 1 || name[strlen(name) - 2] != '0' + rank ||
        strcmp(keras_text(l->config, "data_format", "channels_last"),
               "channels_last") != 0)
        return keras_cannot(b, l, "is not over channels that come last");
    if (!keras_pair(k, l->config, kernel, rank))
        return keras_cannot(b, l, "has a window of no known size");
    if (keras_is_null(l, "strides"))
        memcpy(stride, k, sizeof k);
    else if (!keras_pair(stride, l->config, "strides", rank))
        return keras_cannot(b, l, "has no known stride");
    if (!keras_is_null(l, "dilation_rate") &&
        !keras_pair(dilation, l->config, "dilation_rate", rank))
        return keras_cannot(b, l, "has no known dilation");
    if (strcmp(padding, "valid") != 0 && strcmp(padding, "same") != 0)
        return keras_cannot(b, l, "has a padding that is not known here");
    for (int i = 0; i < 2; i++) {
        size_t in = i == 1 ? s->dim[s->rank - 1] : rank == 2 ? s->dim[1] : 1;

        a[i] = (struct axis){.in = in,
                             .kernel = k[i],
                             .stride = stride[i],
                             .dilation = dilation[i]};
        if (!measure(&a[i], *padding == 's'))
            return keras_cannot(b, l, "has a window larger than its input");
    }
    return 1;
}

static bool symmetric(const struct axis a[2])
{
    return a[0].before == a[0].after && a[1].before == a[1].after;
}

static const char *pad_name(char want[KERAS_NAME], const struct keras_layer *l)
{
    snprintf(want, KERAS_NAME, "%.30s_pad", l->name);
    return want;
}

/* The value with a border, where the pads are not the same on both sides. */
static int border(struct keras_builder *b, struct keras_value *v,
                  const char *want, struct axis a[2], const char *value)
{
    struct keras_value before = *v;
    int rc;

    if (v->shape.rank == 2)
        rc = keras_emit(b, v, &before, want, "pad(left=%zu,right=%zu%s)",
                        a[1].before, a[1].after, value);
    else
        rc = keras_emit(
            b, v, &before, want, "pad(top=%zu,bottom=%zu,left=%zu,right=%zu%s)",
            a[0].before, a[0].after, a[1].before, a[1].after, value);
    for (int i = 0; i < 2; i++)
        a[i].before = a[i].after = 0;
    return rc;
}

/* "3", or "3x5" where the layer is over images. */
static const char *pair(char buf[48], const struct keras_value *in, size_t h,
                        size_t w)
{
    if (in->shape.rank == 2)
        snprintf(buf, 48, "%zu", w);
    else
        snprintf(buf, 48, "%zux%zu", h, w);
    return buf;
}

static void set_windows(struct keras_value *out, const struct keras_value *in,
                        size_t channels, const struct axis a[2])
{
    out->shape = in->shape;
    out->shape.dim[0] = channels;
    out->shape.dim[out->shape.rank - 1] = a[1].out;
    if (out->shape.rank == 3)
        out->shape.dim[1] = a[0].out;
}

/* Filters as (out, in, height, width) from (height, width, in, out), or as
 * (in * out, 1, height, width) of a layer that works channel by channel. */
static int add_filters(struct keras_builder *b, const struct keras_layer *l,
                       const char *name, const char *role, int rank,
                       const uint64_t *dim, bool depthwise)
{
    uint64_t ours[4];
    int order[4];
    float *v = NULL;
    int rc = keras_get(b, &v, l, role, 0, rank, dim);

    if (rc)
        return rc;
    order[0] = depthwise ? rank - 2 : rank - 1;
    order[1] = depthwise ? rank - 1 : rank - 2;
    for (int i = 2; i < rank; i++)
        order[i] = i - 2;
    if (!(v = keras_permute(v, rank, dim, order)))
        return PARE_ENOMEM;
    for (int i = 0; i < rank; i++)
        ours[i] = dim[order[i]];
    if (depthwise) {
        ours[0] *= ours[1];
        ours[1] = 1;
    }
    return keras_add(b, name, "weight", v, rank, ours);
}

/* A convolution of `filters`, or of `multiplier` a channel. */
static int say_filters(struct keras_builder *b, const struct keras_layer *l,
                       struct keras_value *out, int64_t filters, int64_t groups,
                       bool depthwise)
{
    struct keras_value in = *l->in[0];
    size_t channels = in.shape.dim[0];
    bool bias = keras_bool(l->config, "use_bias", true);
    char k[48], stride[48], pad[48], dilation[48];
    int rank = in.shape.rank, rc;
    char want[KERAS_NAME];
    struct axis a[2];
    uint64_t dim[4], *d = dim;

    if (filters < 1 || filters > 1 << 24 || groups < 1 ||
        channels % (size_t)groups != 0)
        return keras_cannot(b, l, "has no known number of filters");
    rc = windows(a, b, l, "kernel_size");
    if (rc > 0 && !symmetric(a))
        rc = border(b, &in, pad_name(want, l), a, "");
    if (rc <= 0)
        return rc;
    set_windows(out, &in, (size_t)filters, a);
    rc = keras_emit(b, out, &in, l->name,
                    "conv%dd(%lld,%s,stride=%s,pad=%s,dilation=%s,groups=%lld,"
                    "bias=%s)",
                    rank - 1, (long long)filters,
                    pair(k, &in, a[0].kernel, a[1].kernel),
                    pair(stride, &in, a[0].stride, a[1].stride),
                    pair(pad, &in, a[0].before, a[1].before),
                    pair(dilation, &in, a[0].dilation, a[1].dilation),
                    (long long)groups, bias ? "yes" : "no");
    if (rank == 3)
        *d++ = a[0].kernel;
    *d++ = a[1].kernel;
    *d++ = depthwise ? channels : channels / (size_t)groups;
    *d++ = depthwise ? (uint64_t)filters / channels : (uint64_t)filters;
    if (rc > 0)
        rc = add_filters(b, l, out->name,
                         depthwise && *l->class_name == 'D' ? "depthwise_kernel"
                                                            : "kernel",
                         rank + 1, dim, depthwise);
    if (rc == 0 && bias)
        rc = keras_add_bias(b, l, out->name, (size_t)filters);
    return rc < 0 ? rc : keras_activate(b, l, out);
}

int keras_say_conv(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out)
{
    return say_filters(b, l, out, keras_int(l->config, "filters", 0),
                       keras_int(l->config, "groups", 1), false);
}

int keras_say_depthwise(struct keras_builder *b, const struct keras_layer *l,
                        struct keras_value *out)
{
    int64_t times = keras_int(l->config, "depth_multiplier", 1);
    size_t channels = l->in[0]->shape.dim[0];

    if (times < 1 || times > 65535)
        return keras_cannot(b, l, "has no known number of filters");
    return say_filters(b, l, out, times * (int64_t)channels, (int64_t)channels,
                       true);
}

int keras_say_pool(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out)
{
    bool mean = *l->class_name == 'A';
    struct keras_value in = *l->in[0];
    char k[48], stride[48], pad[48];
    char want[KERAS_NAME];
    struct axis a[2];
    int rc = windows(a, b, l, "pool_size");

    if (rc > 0 && !symmetric(a)) {
        if (mean)
            return keras_cannot(b, l, "has a pad that differs by side");
        rc = border(b, &in, pad_name(want, l), a,
                    in.positive ? "" : ",value=-1e30");
    }
    if (rc <= 0)
        return rc;
    set_windows(out, &in, in.shape.dim[0], a);
    out->positive = in.positive;
    return keras_emit(
        b, out, &in, l->name, "%s(%s,stride=%s,pad=%s%s)",
        mean ? "avgpool" : "maxpool", pair(k, &in, a[0].kernel, a[1].kernel),
        pair(stride, &in, a[0].stride, a[1].stride),
        pair(pad, &in, a[0].before, a[1].before),
        mean && (a[0].before || a[1].before) ? ",count-pad=no" : "");
}

int keras_say_pad(struct keras_builder *b, const struct keras_layer *l,
                  struct keras_value *out)
{
    const json_t *p = json_object_get(l->config, "padding");
    struct keras_value *in = out;
    int rank = l->in[0]->shape.rank - 1;
    struct axis a[2] = {{0}, {0}};

    *out = *l->in[0];
    if (rank < 1)
        return keras_cannot(b, l, "is not over channels");
    for (int i = 0; i < rank; i++) {
        const json_t *one = rank == 1 ? p : json_array_get(p, (size_t)i);
        struct axis *x = &a[2 - rank + i];
        int64_t before, after;

        if (json_is_array(one) && json_array_size(one) == 1)
            one = json_array_get(one, 0);
        before = json_integer_value(json_is_array(one) ? json_array_get(one, 0)
                                                       : one);
        after = json_integer_value(json_is_array(one) ? json_array_get(one, 1)
                                                      : one);
        if (before < 0 || after < 0 || before > 65535 || after > 65535)
            return keras_cannot(b, l, "has a pad of no known size");
        x->before = (size_t)before;
        x->after = (size_t)after;
        out->shape.dim[1 + i] += x->before + x->after;
    }
    in->shape = out->shape;
    return border(b, out, l->name, a, "");
}
