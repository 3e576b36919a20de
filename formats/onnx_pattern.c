/*
 * Activations that exporters write as several operators:
 *
 *     silu  Mul(x, Sigmoid(x))
 *     gelu  x, Erf(x / sqrt(2)) + 1 and a half, multiplied in any order
 *     srelu a choice between lines by Where, as pare writes it
 *
 * The last node of one becomes the activation; the others are then left with
 * nothing that depends on them, unless something else does.
 */
#include "onnx_parts.h"

#include <math.h>
#include <string.h>

static const struct pare_onnx_node *maker(const struct pare_onnx_graph *g,
                                          size_t v, const char *op)
{
    const struct pare_onnx_node *n;

    if (v == PARE_ONNX_NONE || g->value[v].producer == PARE_ONNX_NONE)
        return NULL;
    n = &g->node[g->value[v].producer];
    return strcmp(n->name, op) == 0 && n->n_in >= 1 && n->n_out >= 1 &&
                   n->out[0] == v
               ? n
               : NULL;
}

/* Is it one number, an initialiser or a Constant, near x? */
static bool is_number(const struct pare_onnx_graph *g, size_t v, double x)
{
    const struct pare_onnx_node *n = NULL;
    const struct pare_onnx_array *a;
    const Onnx__AttributeProto *p;
    const Onnx__TensorProto *t;
    float f;

    if (v == PARE_ONNX_NONE)
        return false;
    a = g->value[v].array;
    if (a)
        return a->f && a->n == 1 && fabs((double)a->f[0] - x) < 1e-4;
    if (g->value[v].producer != PARE_ONNX_NONE &&
        strcmp(g->node[g->value[v].producer].name, "Constant") == 0)
        n = &g->node[g->value[v].producer];
    p = n ? pare_onnx_attr(n, "value") : NULL;
    t = p ? p->t : NULL;
    if (!t || t->data_type != 1)
        return false;
    if (t->n_float_data == 1)
        f = t->float_data[0];
    else if (t->raw_data.len == sizeof f)
        memcpy(&f, t->raw_data.data, sizeof f);
    else
        return false;
    return fabs((double)f - x) < 1e-4;
}

/* The other one of two inputs, one of which is the number. */
static size_t beside(const struct pare_onnx_graph *g,
                     const struct pare_onnx_node *n, double number)
{
    if (!n || n->n_in != 2)
        return PARE_ONNX_NONE;
    if (is_number(g, n->in[1], number))
        return n->in[0];
    if (is_number(g, n->in[0], number))
        return n->in[1];
    return PARE_ONNX_NONE;
}

/* x, where v is Erf(x / sqrt(2)) + 1. */
static size_t erf_of(const struct pare_onnx_graph *g, size_t v)
{
    size_t e = beside(g, maker(g, v, "Add"), 1);
    const struct pare_onnx_node *erf = maker(g, e, "Erf"), *n;

    if (!erf)
        return PARE_ONNX_NONE;
    n = maker(g, erf->in[0], "Div");
    if (n && n->n_in == 2 && is_number(g, n->in[1], sqrt(2)))
        return n->in[0];
    return beside(g, maker(g, erf->in[0], "Mul"), sqrt(0.5));
}

/* Do the two, multiplied, give gelu of what is returned? */
static size_t gelu_of(const struct pare_onnx_graph *g, size_t a, size_t b)
{
    const struct pare_onnx_node *n;
    size_t x;

    /* (x * e) * .5 */
    n = is_number(g, b, 0.5) ? maker(g, a, "Mul") : NULL;
    if (n && n->n_in == 2 && (x = erf_of(g, n->in[1])) != PARE_ONNX_NONE &&
        x == n->in[0])
        return x;
    if (n && n->n_in == 2 && (x = erf_of(g, n->in[0])) != PARE_ONNX_NONE &&
        x == n->in[1])
        return x;
    /* (x * .5) * e, and x * (e * .5) */
    x = erf_of(g, b);
    if (x != PARE_ONNX_NONE && beside(g, maker(g, a, "Mul"), 0.5) == x)
        return x;
    x = beside(g, maker(g, b, "Mul"), 0.5);
    return x != PARE_ONNX_NONE && erf_of(g, x) == a ? a : PARE_ONNX_NONE;
}

static size_t silu_of(const struct pare_onnx_graph *g, size_t a, size_t b)
{
    const struct pare_onnx_node *n = maker(g, b, "Sigmoid");

    return n && n->in[0] == a ? a : PARE_ONNX_NONE;
}

static bool become(struct pare_onnx_node *n, const char *name, size_t x)
{
    if (x == PARE_ONNX_NONE)
        return false;
    n->name = name;
    n->in[0] = x;
    n->n_in = 1;
    return true;
}

/* Knot and slope of Add(Mul(Sub(x, knot), slope), knot); false for others. */
static bool line_of(size_t out[2], const struct pare_onnx_graph *g, size_t v,
                    size_t x)
{
    const struct pare_onnx_node *sum = maker(g, v, "Add"), *product, *sub;

    product = sum && sum->n_in == 2 ? maker(g, sum->in[0], "Mul") : NULL;
    sub =
        product && product->n_in == 2 ? maker(g, product->in[0], "Sub") : NULL;
    if (!sub || sub->n_in != 2 || sub->in[0] != x || sub->in[1] != sum->in[1])
        return false;
    out[0] = sum->in[1];
    out[1] = product->in[1];
    return true;
}

/* Where(x >= tr, line, Where(x <= tl, line, x)) becomes x, tl, al, tr, ar. */
static void become_srelu(struct pare_onnx_graph *g, struct pare_onnx_node *n)
{
    const struct pare_onnx_node *more = maker(g, n->in[0], "GreaterOrEqual");
    const struct pare_onnx_node *rest = maker(g, n->in[2], "Where"), *less;
    size_t high[2], low[2], *in = &g->links[g->n_links];

    less =
        rest && rest->n_in == 3 ? maker(g, rest->in[0], "LessOrEqual") : NULL;
    if (!more || more->n_in != 2 || !less || less->n_in != 2 ||
        less->in[0] != more->in[0] || rest->in[2] != more->in[0] ||
        !line_of(high, g, n->in[1], more->in[0]) ||
        !line_of(low, g, rest->in[1], more->in[0]) || high[0] != more->in[1] ||
        low[0] != less->in[1])
        return;
    in[0] = more->in[0];
    memcpy(&in[1], low, sizeof low);
    memcpy(&in[3], high, sizeof high);
    g->n_links += 5;
    n->name = "pare.Srelu";
    n->in = in;
    n->n_in = 5;
}

void pare_onnx_patterns(struct pare_onnx_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        struct pare_onnx_node *n = &g->node[i];

        if (strcmp(n->name, "Where") == 0 && n->n_in == 3)
            become_srelu(g, n);
        if (strcmp(n->name, "Mul") != 0 || n->n_in != 2)
            continue;
        if (!become(n, "pare.Silu", silu_of(g, n->in[0], n->in[1])) &&
            !become(n, "pare.Silu", silu_of(g, n->in[1], n->in[0])) &&
            !become(n, "pare.Gelu", gelu_of(g, n->in[0], n->in[1])))
            become(n, "pare.Gelu", gelu_of(g, n->in[1], n->in[0]));
    }
}
