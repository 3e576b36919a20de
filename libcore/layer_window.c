#include "layer_parts.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

void pare_layer_pair(size_t hw[2], double opt)
{
    uint64_t both = (uint64_t)opt;

    hw[0] = (size_t)(both >> 24);
    hw[1] = (size_t)(both & 0xffffff);
}

double pare_layer_pack(size_t h, size_t w)
{
    return (double)((uint64_t)h << 24 | w);
}

/* Option of that name as {height, width}, or {flat, width} over a length. */
static void get_pair(size_t hw[2], const struct pare_layer *l, const char *name,
                     size_t flat)
{
    const struct pare_layer_option *o = l->kind->option;

    hw[0] = hw[1] = flat;
    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (strcmp(o[i].name, name) != 0)
            continue;
        if (o[i].type == PARE_LAYER_PAIR)
            pare_layer_pair(hw, l->opt[i] > 0 || o[i].lo < 1 ? l->opt[i]
                                                             : l->opt[0]);
        else
            hw[1] = (size_t)l->opt[i];
        if (l->in[0].rank < 3)
            hw[0] = flat;
    }
}

void pare_layer_window(struct pare_window *w, const struct pare_layer *l)
{
    size_t chw[3];

    get_pair(w->kernel, l, "kernel", 1);
    get_pair(w->stride, l, "stride", 1);
    get_pair(w->pad, l, "pad", 0);
    get_pair(w->dilation, l, "dilation", 1);
    w->groups = 1;
    if (l->kind->op == PARE_OP_CONV)
        w->groups = (size_t)pare_layer_opt(l, "groups");
    if (!l->kind->option[0].name) { /* the whole image */
        pare_shape_image(chw, &l->in[0]);
        memcpy(w->kernel, &chw[1], sizeof w->kernel);
        memcpy(w->stride, &chw[1], sizeof w->stride);
    }
}

/* "5x3" for images, "3" over a length. */
static char *print_size(char buf[PARE_SHAPE_TEXT], const struct pare_layer *l,
                        const size_t hw[2])
{
    struct pare_shape s = {2, {hw[0], hw[1]}};

    if (l->in[0].rank == 2)
        s = (struct pare_shape){1, {hw[1]}};
    return pare_shape_print(buf, &s);
}

/* Height and width behind the window. */
static int slide(const struct pare_layer *l, const struct pare_window *w,
                 struct pare_shape *out)
{
    char kernel[PARE_SHAPE_TEXT], padded[PARE_SHAPE_TEXT];
    size_t chw[3], have[2], need[2];

    pare_shape_image(chw, &l->in[0]);
    for (int i = 0; i < 2; i++) {
        have[i] = chw[i + 1] + 2 * w->pad[i];
        need[i] = (w->kernel[i] - 1) * w->dilation[i] + 1;
    }
    if (need[0] > have[0] || need[1] > have[1])
        return pare_fail(PARE_EINVAL,
                         "%s '%s': kernel %s%s is larger than the padded "
                         "input %s",
                         l->kind->name, l->name, print_size(kernel, l, need),
                         w->dilation[0] * w->dilation[1] > 1 ? " (dilated)"
                                                             : "",
                         print_size(padded, l, have));
    out->rank = l->in[0].rank;
    for (int i = 3 - out->rank; i < 2; i++)
        out->dim[i + out->rank - 2] = (have[i] - need[i]) / w->stride[i] + 1;
    return 0;
}

int pare_layer_infer_conv(const struct pare_layer *l, struct pare_shape *out)
{
    bool images = l->kind->option[1].type == PARE_LAYER_PAIR;
    size_t channels = (size_t)l->opt[0], in = l->in[0].dim[0];
    char text[PARE_SHAPE_TEXT];
    struct pare_window w;

    if (l->in[0].rank != (images ? 3 : 2))
        return pare_fail(PARE_EINVAL, "%s '%s' takes channels x %s, not %s",
                         l->kind->name, l->name,
                         images ? "height x width" : "length",
                         pare_shape_print(text, &l->in[0]));
    pare_layer_window(&w, l);
    if (in % w.groups || channels % w.groups)
        return pare_fail(PARE_EINVAL,
                         "%s '%s': groups %zu do not divide the %zu channels "
                         "of its %s",
                         l->kind->name, l->name, w.groups,
                         in % w.groups ? in : channels,
                         in % w.groups ? "input" : "output");
    out->dim[0] = channels;
    return slide(l, &w, out);
}

/* Over a length a pool takes single numbers. */
static int check_square(const struct pare_layer *l)
{
    const struct pare_layer_option *o = l->kind->option;
    char text[PARE_SHAPE_TEXT];
    size_t hw[2];

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (o[i].type != PARE_LAYER_PAIR)
            continue;
        pare_layer_pair(hw, l->opt[i]);
        if (hw[0] != hw[1])
            return pare_fail(PARE_EINVAL,
                             "%s '%s': %s %zux%zu is for images, the input is "
                             "%s",
                             l->kind->name, l->name, o[i].name, hw[0], hw[1],
                             pare_shape_print(text, &l->in[0]));
    }
    return 0;
}

int pare_layer_infer_pool(const struct pare_layer *l, struct pare_shape *out)
{
    char text[PARE_SHAPE_TEXT], kernel[PARE_SHAPE_TEXT];
    struct pare_window w;
    int err;

    if (l->in[0].rank < 2)
        return pare_fail(
            PARE_EINVAL, "%s '%s' takes images or channels x length, not %s",
            l->kind->name, l->name, pare_shape_print(text, &l->in[0]));
    err = l->in[0].rank == 2 ? check_square(l) : 0;
    if (err)
        return err;
    pare_layer_window(&w, l);
    if (2 * w.pad[0] > w.kernel[0] || 2 * w.pad[1] > w.kernel[1])
        return pare_fail(PARE_EINVAL,
                         "%s '%s': pad %s is more than half of the kernel %s",
                         l->kind->name, l->name, print_size(text, l, w.pad),
                         print_size(kernel, l, w.kernel));
    if (l->kind->op == PARE_OP_MAXPOOL && w.kernel[0] * w.kernel[1] > 65536)
        return pare_fail(
            PARE_ELIMIT, "%s '%s': kernel %s has more than 65536 taps",
            l->kind->name, l->name, print_size(kernel, l, w.kernel));
    out->dim[0] = l->in[0].dim[0];
    return slide(l, &w, out);
}

int pare_layer_tensors_conv(const struct pare_layer *l,
                            struct pare_tensor_spec *spec)
{
    size_t in, out = l->out.dim[0], taps, fan_out;
    struct pare_window w;

    pare_layer_window(&w, l);
    in = l->in[0].dim[0] / w.groups;
    taps = w.kernel[0] * w.kernel[1];
    fan_out = out / w.groups * taps;
    spec[0] = (struct pare_tensor_spec){
        "weight",  PARE_ROLE_WEIGHT, 4, {out, in, w.kernel[0], w.kernel[1]},
        in * taps, fan_out};
    if (l->in[0].rank == 2) {
        spec[0].rank = 3;
        spec[0].dim[2] = w.kernel[1];
        spec[0].dim[3] = 0;
    }
    spec[1] = (struct pare_tensor_spec){"bias", PARE_ROLE_BIAS, 1,
                                        {out},  in * taps,      fan_out};
    return pare_layer_opt(l, "bias") > 0 ? 2 : 1;
}

double pare_layer_macs_conv(const struct pare_layer *l)
{
    struct pare_tensor_spec spec[2];

    pare_layer_tensors_conv(l, spec);
    return (double)spec[0].fan_in * (double)pare_shape_size(&l->out);
}
