#include "layer_parts.h"

#include "status.h"

int pare_layer_infer_same(const struct pare_layer *l, struct pare_shape *out)
{
    *out = l->in[0];
    return 0;
}

int pare_layer_infer_linear(const struct pare_layer *l, struct pare_shape *out)
{
    out->rank = 1;
    out->dim[0] = (size_t)l->opt[0];
    return 0;
}

int pare_layer_infer_flatten(const struct pare_layer *l, struct pare_shape *out)
{
    out->rank = 1;
    out->dim[0] = pare_shape_size(&l->in[0]);
    return 0;
}

/* The layer takes another rank; what names those that it takes. */
static int wrong_rank(const struct pare_layer *l, const char *what)
{
    char in[PARE_SHAPE_TEXT];

    return pare_fail(PARE_EINVAL, "%s '%s' takes %s, not %s", l->kind->name,
                     l->name, what, pare_shape_print(in, &l->in[0]));
}

int pare_layer_infer_softmax(const struct pare_layer *l, struct pare_shape *out)
{
    if (l->in[0].rank != 1)
        return wrong_rank(l, "features (flatten makes them)");
    *out = l->in[0];
    return 0;
}

int pare_layer_infer_rbm(const struct pare_layer *l, struct pare_shape *out)
{
    if (l->in[0].rank != 1)
        return wrong_rank(l, "features");
    return pare_layer_infer_linear(l, out);
}

int pare_layer_infer_batchnorm(const struct pare_layer *l,
                               struct pare_shape *out)
{
    if (l->in[0].rank == 3)
        return wrong_rank(l, "features or channels x length (batchnorm2d "
                             "takes images)");
    *out = l->in[0];
    return 0;
}

int pare_layer_infer_batchnorm2d(const struct pare_layer *l,
                                 struct pare_shape *out)
{
    if (l->in[0].rank != 3)
        return wrong_rank(l, "channels x height x width (batchnorm takes the "
                             "rest)");
    *out = l->in[0];
    return 0;
}

int pare_layer_infer_global(const struct pare_layer *l, struct pare_shape *out)
{
    if (l->in[0].rank < 2)
        return wrong_rank(l, "images or channels x length");
    *out = l->in[0];
    for (int i = 1; i < out->rank; i++)
        out->dim[i] = 1;
    return 0;
}

int pare_layer_infer_pad(const struct pare_layer *l, struct pare_shape *out)
{
    const double *o = l->opt; /* top, bottom, left, right, front, back */
    int rank = l->in[0].rank;

    if (rank < 3 && o[0] + o[1] > 0)
        return wrong_rank(l, "a top and a bottom for images only");
    if (rank < 2 && o[2] + o[3] > 0)
        return wrong_rank(l, "a left and a right for images or channels x "
                             "length only");
    *out = l->in[0];
    out->dim[0] += (size_t)(o[4] + o[5]);
    if (rank > 1)
        out->dim[rank - 1] += (size_t)(o[2] + o[3]);
    if (rank == 3)
        out->dim[1] += (size_t)(o[0] + o[1]);
    return 0;
}

/* Do the dimensions from first on agree in all inputs? */
static int check_equal(const struct pare_layer *l, int first)
{
    char x[PARE_SHAPE_TEXT], y[PARE_SHAPE_TEXT];

    for (int k = 1; k < l->n_inputs; k++) {
        bool same = l->in[k].rank == l->in[0].rank;

        for (int d = first; same && d < l->in[0].rank; d++)
            same = l->in[k].dim[d] == l->in[0].dim[d];
        if (!same)
            return pare_fail(PARE_EINVAL, "%s '%s': shapes %s and %s differ%s",
                             l->kind->name, l->name,
                             pare_shape_print(x, &l->in[0]),
                             pare_shape_print(y, &l->in[k]),
                             first ? " in more than the channels" : "");
    }
    return 0;
}

int pare_layer_infer_add(const struct pare_layer *l, struct pare_shape *out)
{
    *out = l->in[0];
    return check_equal(l, 0);
}

int pare_layer_infer_concat(const struct pare_layer *l, struct pare_shape *out)
{
    *out = l->in[0];
    for (int k = 1; k < l->n_inputs; k++)
        out->dim[0] += l->in[k].dim[0];
    return check_equal(l, 1);
}

int pare_layer_tensors_none(const struct pare_layer *l,
                            struct pare_tensor_spec *spec)
{
    (void)l;
    (void)spec;
    return 0;
}

int pare_layer_tensors_linear(const struct pare_layer *l,
                              struct pare_tensor_spec *spec)
{
    size_t in = pare_shape_size(&l->in[0]), out = l->out.dim[0];

    spec[0] = (struct pare_tensor_spec){
        "weight", PARE_ROLE_WEIGHT, 2, {out, in}, in, out};
    spec[1] =
        (struct pare_tensor_spec){"bias", PARE_ROLE_BIAS, 1, {out}, in, out};
    return pare_layer_opt(l, "bias") > 0 ? 2 : 1;
}

int pare_layer_tensors_rbm(const struct pare_layer *l,
                           struct pare_tensor_spec *spec)
{
    size_t in = l->in[0].dim[0], out = l->out.dim[0];

    spec[0] = (struct pare_tensor_spec){
        "weight", PARE_ROLE_WEIGHT, 2, {out, in}, in, out};
    spec[1] =
        (struct pare_tensor_spec){"hidden", PARE_ROLE_BIAS, 1, {out}, in, out};
    spec[2] =
        (struct pare_tensor_spec){"visible", PARE_ROLE_BIAS, 1, {in}, in, out};
    return 3;
}

/* Four tensors as long as there are channels. */
struct part {
    const char *suffix;
    enum pare_role role;
};

static int tensors_of_channels(const struct pare_layer *l,
                               struct pare_tensor_spec *spec,
                               const struct part part[4])
{
    size_t n = l->in[0].dim[0];

    for (int i = 0; i < 4; i++)
        spec[i] = (struct pare_tensor_spec){
            part[i].suffix, part[i].role, 1, {n}, n, n};
    return 4;
}

int pare_layer_tensors_batchnorm(const struct pare_layer *l,
                                 struct pare_tensor_spec *spec)
{
    static const struct part part[4] = {
        {"scale", PARE_ROLE_SCALE},
        {"shift", PARE_ROLE_SHIFT},
        {"mean", PARE_ROLE_BUFFER},
        {"var", PARE_ROLE_BUFFER},
    };

    return tensors_of_channels(l, spec, part);
}

int pare_layer_tensors_srelu(const struct pare_layer *l,
                             struct pare_tensor_spec *spec)
{
    static const struct part part[4] = {
        {"tl", PARE_ROLE_SHIFT},
        {"al", PARE_ROLE_SCALE},
        {"tr", PARE_ROLE_SHIFT},
        {"ar", PARE_ROLE_SCALE},
    };

    return tensors_of_channels(l, spec, part);
}

double pare_layer_macs_none(const struct pare_layer *l)
{
    (void)l;
    return 0;
}

double pare_layer_macs_linear(const struct pare_layer *l)
{
    return (double)pare_shape_size(&l->in[0]) * (double)l->out.dim[0];
}
