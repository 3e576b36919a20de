/* Add, Sub, Mul and Div: joins of layers, biases, normalisation of inputs. */
#include "onnx_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* Channels that constants are one for each of, or features. */
static size_t channels(const struct pare_onnx_value *v)
{
    return v->flat ? pare_shape_size(&v->shape) : v->shape.dim[0];
}

/* Are there constants for each value of the input's samples, in order? */
static bool for_each_input(const struct pare_onnx_value *v,
                           const struct pare_onnx_array *c)
{
    int rank = v->shape.rank, skip = c->rank - rank;

    if (v->layer != PARE_INPUT || v->flat || v->last || v->swapped ||
        skip < 0 || c->n != pare_shape_size(&v->shape))
        return false;
    for (int i = 0; i < rank; i++)
        if (c->dim[i + skip] != v->shape.dim[i])
            return false;
    return true;
}

int pare_onnx_spread(float **out, const struct pare_onnx_node *n,
                     const struct pare_onnx_value *v,
                     const struct pare_onnx_array *c)
{
    int rank = v->flat ? 2 : v->shape.rank + 1, skip = rank - c->rank;
    int at = v->swapped ? 0 : v->last && !v->flat ? rank - 1 : 1;
    size_t count = channels(v);

    for (int i = 0; i < c->rank; i++)
        if (c->dim[i] != 1 && (i + skip != at || c->dim[i] != count))
            return pare_onnx_unsaid(n, "constants that are not one for each "
                                       "channel");
    *out = malloc(count * sizeof **out);
    if (!*out)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        (*out)[i] = c->f[c->n == 1 ? 0 : i];
    return 0;
}

/* Grow the arrays of a normalisation to n values each. */
static int norm_room(struct pare_norm *norm, size_t n)
{
    size_t all = norm->n > n ? norm->n : n;
    float *mean = calloc(all, sizeof *mean), *std = malloc(all * sizeof *std);

    if (!mean || !std || (norm->n > 1 && norm->n != all)) {
        free(mean);
        free(std);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < all; i++) {
        mean[i] = norm->n ? norm->mean[norm->n == 1 ? 0 : i] : 0;
        std[i] = norm->n ? norm->std[norm->n == 1 ? 0 : i] : 1;
    }
    free(norm->mean);
    free(norm->std);
    norm->mean = mean;
    norm->std = std;
    norm->n = all;
    return 0;
}

static bool all_positive(const float *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(f[i] > 0 && f[i] < 1e30f && f[i] > 1e-30f))
            return false;
    return true;
}

/* One operation more of the input's normalisation, if it can be one. */
static int normalise(bool *done, struct pare_onnx_graph *g,
                     const struct pare_onnx_node *n,
                     const struct pare_onnx_value *v, const float *f, size_t k)
{
    bool product = n->name[0] == 'M' || n->name[0] == 'D';
    bool over = n->name[0] == 'D';
    int rc;

    *done = false;
    if (v->layer != PARE_INPUT || v->uses > 1 || v->shared || g->shape_used ||
        g->stage == PARE_ONNX_DONE || (v->flat && v->last))
        return 0;
    if ((product && !all_positive(f, k)) ||
        (!product && g->stage == PARE_ONNX_CENTRED))
        return 0;
    if (product && k == 1 && g->stage == PARE_ONNX_RAW) {
        g->norm.scale = over ? 1 / f[0] : f[0];
        g->stage = PARE_ONNX_SCALED;
    } else {
        if (g->norm.scale == 0)
            g->norm.scale = 1;
        rc = norm_room(&g->norm, k);
        if (rc)
            return rc;
        for (size_t i = 0; i < g->norm.n; i++) {
            float c = f[k == 1 ? 0 : i];

            if (product)
                g->norm.std[i] = over ? c : 1 / c;
            else
                g->norm.mean[i] = n->name[0] == 'S' ? c : -c;
        }
        g->stage = product ? PARE_ONNX_DONE : PARE_ONNX_CENTRED;
    }
    *done = true;
    pare_onnx_alias(g, n, v);
    return 0;
}

/* The sum can be a bias of the layer before. */
static int as_bias(bool *done, struct pare_onnx_graph *g,
                   const struct pare_onnx_node *n,
                   const struct pare_onnx_value *v, const float *f,
                   enum pare_dtype dtype)
{
    struct pare_onnx_layer *l;
    struct pare_onnx_tensor *t;
    int rc;

    *done = false;
    if ((n->name[0] != 'A' && n->name[0] != 'S') || v->layer == PARE_INPUT ||
        v->uses > 1 || v->shared)
        return 0;
    l = &g->layer[v->layer];
    if (!l->can_bias || l->has_bias)
        return 0;
    rc = pare_onnx_layer_tensor(&t, g, l, "bias", 1, l->out.dim);
    if (rc)
        return rc;
    for (size_t i = 0; i < l->out.dim[0]; i++)
        t->value[i] = n->name[0] == 'S' ? -f[i] : f[i];
    t->dtype = dtype;
    l->has_bias = true;
    pare_onnx_alias(g, n, v);
    *done = true;
    return 0;
}

/* factor x + term for each channel, as a batch norm that does nothing else. */
static int as_batchnorm(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n,
                        const struct pare_onnx_value *v, const float *f,
                        bool reversed)
{
    static const char *const suffix[] = {"scale", "shift", "mean", "var"};
    struct pare_onnx_layer *l = pare_onnx_layer_add(
        g, v->shape.rank == 3 ? "batchnorm2d" : "batchnorm", v);
    struct pare_onnx_tensor *t[4];
    char op = n->name[0];
    int rc = 0;

    if (!l)
        return PARE_ENOMEM;
    strcpy(l->args, "eps=1e-12");
    for (int k = 0; !rc && k < 4; k++)
        rc = pare_onnx_layer_tensor(&t[k], g, l, suffix[k], 1, l->out.dim);
    for (size_t i = 0; !rc && i < l->out.dim[0]; i++) {
        t[3]->value[i] = 1;
        t[0]->value[i] = op == 'M' ? f[i] : op == 'D' ? 1 / f[i] : 1;
        if (op == 'A' || (op == 'S' && reversed))
            t[1]->value[i] = f[i];
        else if (op == 'S')
            t[1]->value[i] = -f[i];
        if (op == 'S' && reversed)
            t[0]->value[i] = -1;
    }
    if (!rc)
        pare_onnx_flow(g, n, v);
    return rc;
}

static int with_constant(struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n,
                         struct pare_onnx_value *v,
                         const struct pare_onnx_array *c, bool reversed)
{
    bool done = false, all = for_each_input(v, c);
    float *f = NULL;
    int rc;

    if (!c->f || c->n == 0 || (reversed && n->name[0] == 'D'))
        return pare_onnx_unsaid(n, "a constant divided by the input");
    if (all && !reversed)
        rc = normalise(&done, g, n, v, c->f, c->n);
    else
        rc = 0;
    if (!rc && !done)
        rc = pare_onnx_spread(&f, n, v, c);
    if (!rc && !done && !reversed)
        rc = normalise(&done, g, n, v, f, c->n == 1 ? 1 : channels(v));
    if (!rc && !done)
        rc = pare_onnx_settle(g, n, v);
    if (!rc && !done && !reversed)
        rc = as_bias(&done, g, n, v, f, c->dtype);
    if (!rc && !done)
        rc = as_batchnorm(g, n, v, f, reversed);
    free(f);
    return rc;
}

/* The inputs of a join, all layers' outputs of one order. */
static int join(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                const char *kind)
{
    struct pare_onnx_value *first = pare_onnx_in(g, n, 0);
    struct pare_onnx_layer *l = NULL;
    int rc = 0;

    for (size_t k = 0; k < n->n_in; k++) {
        struct pare_onnx_value *v = pare_onnx_in(g, n, k);

        if (!v || !v->flows || v->swapped ||
            (rc = pare_onnx_settle(g, n, v)) != 0)
            return rc ? rc
                      : pare_onnx_unsaid(n, "a join of other things than "
                                            "layers");
        if (v->last != first->last || v->shape.rank != first->shape.rank)
            return pare_onnx_unsaid(n, "inputs in another order");
    }
    if (n->n_in == 1) {
        pare_onnx_alias(g, n, first);
        return 0;
    }
    for (size_t k = 0; k < n->n_in; k++) {
        struct pare_onnx_value *v = pare_onnx_in(g, n, k);
        size_t before = g->n_layers - 1;

        if (!l || l->n_in == PARE_LAYER_INPUTS) {
            struct pare_shape sum = l ? l->out : first->shape;

            l = pare_onnx_layer_add(g, kind, l ? NULL : v);
            if (!l)
                return PARE_ENOMEM;
            if (k == 0)
                continue;
            l->in[l->n_in++] = before;
            l->out = sum;
        }
        l->in[l->n_in++] = v->layer;
        g->shape_used = g->shape_used || v->layer == PARE_INPUT;
        if (strcmp(kind, "concat") == 0)
            l->out.dim[0] += v->shape.dim[0];
    }
    pare_onnx_flow(g, n, first);
    return 0;
}

static int concat(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    int64_t axis = pare_onnx_int(n, "axis", 1);
    int rank;

    if (!v || !v->flows)
        return pare_onnx_unsaid(n, "a join of other things than layers");
    rank = v->flat ? 2 : v->shape.rank + 1;
    if (axis < 0)
        axis += rank;
    if (axis != (v->last && !v->flat ? rank - 1 : 1))
        return pare_onnx_unsaid(n, "a join along another dimension");
    return join(g, n, "concat");
}

int pare_onnx_arithmetic(struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n)
{
    struct pare_onnx_value *a = pare_onnx_in(g, n, 0);
    struct pare_onnx_value *b = pare_onnx_in(g, n, 1);

    if (strcmp(n->name, "Concat") == 0)
        return concat(g, n);
    if (n->n_in == 2 && a->flows && b && b->array)
        return with_constant(g, n, a, b->array, false);
    if (n->n_in == 2 && a->array && b && b->flows)
        return with_constant(g, n, b, a->array,
                             n->name[0] == 'S' ? n->name[2] == 'b'
                                               : n->name[0] == 'D');
    if (strcmp(n->name, "Add") != 0 && strcmp(n->name, "Sum") != 0)
        return pare_onnx_unsaid(n, "two layers' outputs, which only Add and "
                                   "Concat join");
    return join(g, n, "add");
}
