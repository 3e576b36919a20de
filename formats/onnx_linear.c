/* Gemm, MatMul and Conv: the layers that have weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_ops.h"
#include "onnx_window.h"
#include "status.h"

/* Column k of a weight, in pare's order, as the file has it. */
static size_t column(const struct pare_onnx_value *v, size_t k)
{
    size_t c = v->shape.dim[0], inner = pare_shape_size(&v->shape) / c;

    return v->last && v->shape.rank > 1 ? k % inner * c + k / inner : k;
}

/* Rows of a matrix: as it is, or its columns. */
struct matrix {
    const float *f;
    size_t in, out;
    bool by_out; /* out rows of in columns */
    float factor;
};

static float matrix_at(const struct matrix *m, size_t o, size_t i)
{
    float w = m->f[m->by_out ? o * m->in + i : i * m->out + o];

    return m->factor == 1 ? w : w * m->factor;
}

static const char *name_of(const struct pare_onnx_graph *g,
                           const struct pare_onnx_node *n, size_t k)
{
    return g->value[n->in[k]].name;
}

/* A linear layer of all values, or a 1x1 convolution of channels. */
static int add_product(struct pare_onnx_graph *g,
                       const struct pare_onnx_node *n,
                       const struct pare_onnx_value *v, const struct matrix *m,
                       bool linear, enum pare_dtype dtype)
{
    const char *kind = linear               ? "linear"
                       : v->shape.rank == 3 ? "conv2d"
                                            : "conv1d";
    struct pare_onnx_layer *l = pare_onnx_layer_add(g, kind, v);
    size_t dim[4] = {m->out, m->in, 1, 1};
    struct pare_onnx_value like = *v;
    struct pare_onnx_tensor *t;
    int rc;

    if (!l)
        return PARE_ENOMEM;
    pare_onnx_layer_name(g, l, name_of(g, n, 1));
    snprintf(l->args, sizeof l->args, linear ? "%zu" : "%zu,1", m->out);
    l->can_bias = true;
    rc = pare_onnx_layer_tensor(&t, g, l, "weight",
                                linear ? 2 : v->shape.rank + 1, dim);
    if (rc)
        return rc;
    t->dtype = m->factor == 1 ? dtype : PARE_F32;
    for (size_t o = 0; o < m->out; o++)
        for (size_t i = 0; i < m->in; i++)
            t->value[o * m->in + i] =
                matrix_at(m, o, linear ? column(v, i) : i);
    l->out.dim[0] = m->out;
    if (linear) {
        l->out.rank = 1;
        like.last = like.flat = like.swapped = false;
    }
    pare_onnx_flow(g, n, &like);
    return 0;
}

/* A bias for the layer added last, c spread over its outputs. */
static int add_bias(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const struct pare_onnx_array *c, double factor)
{
    struct pare_onnx_value *v = &g->value[n->out[0]];
    struct pare_onnx_layer *l = &g->layer[v->layer];
    struct pare_onnx_tensor *t;
    float *spread;
    int rc = pare_onnx_spread(&spread, n, v, c);

    if (rc)
        return rc;
    rc = pare_onnx_layer_tensor(&t, g, l, "bias", 1, l->out.dim);
    for (size_t i = 0; !rc && i < l->out.dim[0]; i++)
        t->value[i] = factor == 1 ? spread[i] : spread[i] * (float)factor;
    if (!rc) {
        t->dtype = factor == 1 ? c->dtype : PARE_F32;
        l->has_bias = true;
    }
    free(spread);
    return rc;
}

int pare_onnx_gemm(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    const struct pare_onnx_array *b = pare_onnx_const(g, n, 1);
    const struct pare_onnx_array *c = pare_onnx_const(g, n, 2);
    bool by_out = pare_onnx_int(n, "transB", 0) != 0;
    double beta = pare_onnx_real(n, "beta", 1);
    struct matrix m = {.by_out = by_out};
    int rc;

    if (!v->flows || !b || !b->f || b->rank != 2)
        return pare_onnx_unsaid(n, "a product that is not of the input and a "
                                   "constant matrix");
    if ((pare_onnx_int(n, "transA", 0) != 0) != v->swapped ||
        (v->shape.rank > 1 && !v->flat))
        return pare_onnx_unsaid(n, "an input that is not (batch, features)");
    m.f = b->f;
    m.in = (size_t)b->dim[by_out];
    m.out = (size_t)b->dim[!by_out];
    m.factor = (float)pare_onnx_real(n, "alpha", 1);
    if (m.in != pare_shape_size(&v->shape) || m.out == 0)
        return pare_onnx_unsaid(n, "%zu columns for %zu features", m.in,
                                pare_shape_size(&v->shape));
    if (pare_onnx_in(g, n, 2) && (!c || !c->f))
        return pare_onnx_unsaid(n, "a bias that is no constant");
    rc = add_product(g, n, v, &m, true, b->dtype);
    return rc || !c || beta == 0 ? rc : add_bias(g, n, c, beta);
}

int pare_onnx_matmul(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    const struct pare_onnx_array *b = pare_onnx_const(g, n, 1);
    struct matrix m = {.factor = 1};
    bool linear = v && (v->flat || v->shape.rank == 1);

    if (!v || !v->flows || v->swapped || !b || !b->f || b->rank != 2)
        return pare_onnx_unsaid(n, "a product that is not of the input and a "
                                   "constant matrix");
    m.f = b->f;
    m.in = (size_t)b->dim[0];
    m.out = (size_t)b->dim[1];
    if (!linear && !v->last)
        return pare_onnx_unsaid(n, "a product over the last of several "
                                   "dimensions");
    if (m.in != (linear ? pare_shape_size(&v->shape) : v->shape.dim[0]) ||
        m.out == 0)
        return pare_onnx_unsaid(n, "%zu rows for other features", m.in);
    return add_product(g, n, v, &m, linear, b->dtype);
}

static int copy_weight(struct pare_onnx_graph *g, struct pare_onnx_layer *l,
                       const struct pare_onnx_array *w)
{
    size_t dim[4];
    struct pare_onnx_tensor *t;
    int rc;

    for (int i = 0; i < w->rank; i++)
        dim[i] = (size_t)w->dim[i];
    rc = pare_onnx_layer_tensor(&t, g, l, "weight", w->rank, dim);
    if (rc)
        return rc;
    memcpy(t->value, w->f, w->n * sizeof *w->f);
    t->dtype = w->dtype;
    return 0;
}

/* The conv layer itself, over v. */
static int add_conv(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const struct pare_onnx_value *v,
                    const struct pare_onnx_window *win, int64_t groups)
{
    const struct pare_onnx_array *w = pare_onnx_const(g, n, 1);
    struct pare_onnx_layer *l =
        pare_onnx_layer_add(g, v->shape.rank == 3 ? "conv2d" : "conv1d", v);
    int rc;

    if (!l)
        return PARE_ENOMEM;
    pare_onnx_layer_name(g, l, name_of(g, n, 1));
    snprintf(l->args, sizeof l->args, "%zu,", (size_t)w->dim[0]);
    pare_onnx_window_print(l, win);
    if (groups > 1)
        snprintf(l->args + strlen(l->args), 40, ",groups=%lld",
                 (long long)groups);
    l->can_bias = true;
    rc = copy_weight(g, l, w);
    if (!rc)
        rc = pare_onnx_window_out(&l->out, n, win);
    l->out.dim[0] = (size_t)w->dim[0];
    if (!rc)
        pare_onnx_flow(g, n, v);
    return rc;
}

int pare_onnx_conv(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    struct pare_onnx_value v = *pare_onnx_in(g, n, 0);
    const struct pare_onnx_array *w = pare_onnx_const(g, n, 1);
    const struct pare_onnx_array *b = pare_onnx_const(g, n, 2);
    int64_t groups = pare_onnx_int(n, "group", 1);
    struct pare_onnx_array of_channels;
    struct pare_onnx_window win;
    int rc;

    if (!v.flows || !w || !w->f || (pare_onnx_in(g, n, 2) && (!b || !b->f)))
        return pare_onnx_unsaid(n, "its weights are no constants");
    rc = pare_onnx_window_read(&win, g, n, &v, w);
    if (rc)
        return rc;
    if (groups < 1 || w->n == 0 || (uint64_t)groups > v.shape.dim[0] ||
        v.shape.dim[0] % (uint64_t)groups != 0 ||
        w->dim[1] != v.shape.dim[0] / (uint64_t)groups)
        return pare_onnx_unsaid(n, "weights for other channels");
    rc = pare_onnx_window_pad(&win, g, n, &v, 0);
    if (!rc)
        rc = add_conv(g, n, &v, &win, groups);
    if (rc || !b)
        return rc;
    of_channels = *b;
    if (b->rank == 1 && v.shape.rank == 3)
        of_channels.dim[1] = of_channels.dim[2] = 1;
    else if (b->rank == 1)
        of_channels.dim[1] = 1;
    of_channels.rank = b->rank == 1 ? v.shape.rank : b->rank;
    return add_bias(g, n, &of_channels, 1);
}
