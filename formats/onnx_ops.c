/* The table of operators that are layers, and those that are simple. */
#include "onnx_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* A layer without tensors that leaves the shape; args may be empty. */
static int add_plain(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                     const char *kind, const char *args)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    struct pare_onnx_layer *l;

    if (!v->flows)
        return pare_onnx_unsaid(n, "no input");
    l = pare_onnx_layer_add(g, kind, v);
    if (!l)
        return PARE_ENOMEM;
    snprintf(l->args, sizeof l->args, "%s", args);
    pare_onnx_flow(g, n, v);
    return 0;
}

/* The shortest decimal that is the same float. */
static char *print_float(char buf[32], float f)
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(buf, 32, "%.*g", digits, (double)f);
        if (strtof(buf, NULL) == f)
            break;
    }
    return buf;
}

static int make_activation(struct pare_onnx_graph *g,
                           const struct pare_onnx_node *n)
{
    static const char *const kinds[][2] = {
        {"Relu", "relu"},      {"Tanh", "tanh"},      {"Sigmoid", "sigmoid"},
        {"pare.Gelu", "gelu"}, {"pare.Silu", "silu"}, {"Gelu", "gelu"},
    };

    if (strcmp(n->name, "Gelu") == 0 &&
        !pare_onnx_text_is(n, "approximate", "none", true))
        return pare_onnx_unsaid(n, "an approximation of gelu");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(n->name, kinds[i][0]) == 0)
            return add_plain(g, n, kinds[i][1], "");
    return pare_onnx_unsaid(n, "not an activation");
}

static int make_leaky(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    float slope = (float)pare_onnx_real(n, "alpha", 0.01);
    char args[48], buf[32];

    if (!(slope >= 0 && slope <= 1))
        return pare_onnx_unsaid(n, "a slope that is not from 0 to 1");
    snprintf(args, sizeof args, "slope=%s", print_float(buf, slope));
    return add_plain(g, n, "leaky-relu", args);
}

/*
 * srelu of constants, one for each channel; PRelu is one whose knots are 0
 * and whose upper line is x.
 */
static int make_srelu(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    static const char *const suffix[] = {"tl", "al", "tr", "ar"};
    bool prelu = n->n_in == 2;
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    struct pare_onnx_layer *l;
    struct pare_onnx_tensor *t;
    int rc = pare_onnx_settle(g, n, v);

    if (rc || !v->flows)
        return rc ? rc : pare_onnx_unsaid(n, "no input");
    l = pare_onnx_layer_add(g, "srelu", v);
    if (!l)
        return PARE_ENOMEM;
    for (size_t k = 0; !rc && k < 4; k++) {
        const struct pare_onnx_array *c =
            pare_onnx_const(g, n, prelu ? 1 : k + 1);
        float *each = NULL;

        if (!c || !c->f || c->n == 0)
            return pare_onnx_unsaid(n, "slopes that are no constants");
        rc = pare_onnx_spread(&each, n, v, c);
        if (!rc)
            rc = pare_onnx_layer_tensor(&t, g, l, suffix[k], 1, l->out.dim);
        for (size_t i = 0; !rc && i < l->out.dim[0]; i++)
            t->value[i] = !prelu || k == 1 ? each[i] : k == 3;
        if (!rc && !prelu)
            t->dtype = c->dtype;
        free(each);
    }
    if (rc)
        return rc;
    if (!prelu)
        pare_onnx_layer_name(g, l, g->value[n->in[1]].name);
    pare_onnx_flow(g, n, v);
    return 0;
}

static int make_softmax(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n)
{
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    bool old = g->opset < 13;
    int64_t axis = pare_onnx_int(n, "axis", old ? 1 : -1);
    bool log = strcmp(n->name, "LogSoftmax") == 0;
    int rank = v->flat ? 2 : v->shape.rank + 1;
    int rc;

    if (axis < 0)
        axis += rank;
    if (!v->flows || v->swapped || axis != 1 || v->last ||
        (rank > 2 && (!old || n->out[0] != g->output)))
        return pare_onnx_unsaid(n, "over another dimension than features");
    /* Old ones are over all dimensions from the axis on. */
    if (rank > 2)
        v->flat = true;
    rc = pare_onnx_settle(g, n, v);
    return rc ? rc : add_plain(g, n, log ? "log-softmax" : "softmax", "");
}

static int make_dropout(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n)
{
    const struct pare_onnx_array *ratio = pare_onnx_const(g, n, 1);
    const struct pare_onnx_array *training = pare_onnx_const(g, n, 2);
    float p = (float)pare_onnx_real(n, "ratio", 0.5);
    char args[48], buf[32];

    if (ratio && ratio->f && ratio->n == 1)
        p = ratio->f[0];
    if (training && training->i && training->n == 1 && training->i[0] && p != 0)
        return pare_onnx_unsaid(n, "dropout that goes on after training");
    if (!(p >= 0))
        p = 0;
    if (p > 0.999f)
        p = 0.999f;
    snprintf(args, sizeof args, "p=%s", print_float(buf, p));
    return add_plain(g, n, "dropout", args);
}

static int make_same(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    int64_t to = pare_onnx_int(n, "to", 1);

    if (!v->flows)
        return pare_onnx_unsaid(n, "no input");
    if (strcmp(n->name, "Cast") == 0 && to != 1 && to != 11)
        return pare_onnx_unsaid(n, "a conversion to type %d", (int)to);
    pare_onnx_alias(g, n, v);
    return 0;
}

/* Is it a vector of floats, one for each channel? */
static bool one_each(const struct pare_onnx_array *c,
                     const struct pare_onnx_value *v)
{
    return c && c->f && c->rank == 1 && c->n == v->shape.dim[0];
}

static int check_batchnorm(struct pare_onnx_graph *g,
                           const struct pare_onnx_node *n,
                           const struct pare_onnx_value *v)
{
    if (!v->flows || (v->shape.rank > 1 && (v->last || v->flat)))
        return pare_onnx_unsaid(n, "channels that are not the second "
                                   "dimension");
    if (pare_onnx_int(n, "training_mode", 0) || !pare_onnx_int(n, "spatial", 1))
        return pare_onnx_unsaid(n, "one that goes on training, or over "
                                   "positions");
    for (size_t k = 1; k < 5; k++)
        if (!one_each(pare_onnx_const(g, n, k), v))
            return pare_onnx_unsaid(n, "statistics that are no constants, one "
                                       "for each channel");
    if (v->swapped)
        return pare_foreign_note(g->notes,
                                 "BatchNormalization '%s' of a transposed "
                                 "matrix is read as over the features",
                                 g->value[n->out[0]].name);
    return 0;
}

static int make_batchnorm(struct pare_onnx_graph *g,
                          const struct pare_onnx_node *n)
{
    static const char *const suffix[] = {"scale", "shift", "mean", "var"};
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    float eps = (float)pare_onnx_real(n, "epsilon", 1e-5);
    double momentum = 1 - pare_onnx_real(n, "momentum", 0.9);
    struct pare_onnx_layer *l;
    struct pare_onnx_tensor *t;
    char buf[32];
    int rc = pare_onnx_settle(g, n, v);

    if (!rc)
        rc = check_batchnorm(g, n, v);
    if (rc)
        return rc;
    l = pare_onnx_layer_add(g, v->shape.rank == 3 ? "batchnorm2d" : "batchnorm",
                            v);
    if (!l)
        return PARE_ENOMEM;
    pare_onnx_layer_name(g, l, g->value[n->in[1]].name);
    if (!(eps >= 1e-12f))
        eps = 1e-12f;
    if (!(momentum >= 0 && momentum <= 1))
        momentum = 0.1;
    snprintf(l->args, sizeof l->args, "eps=%s,momentum=%.6g",
             eps == 1e-12f ? "1e-12" : print_float(buf, eps), momentum);
    for (size_t k = 0; !rc && k < 4; k++) {
        const struct pare_onnx_array *c = pare_onnx_const(g, n, k + 1);

        rc = pare_onnx_layer_tensor(&t, g, l, suffix[k], 1, l->out.dim);
        if (!rc) {
            memcpy(t->value, c->f, c->n * sizeof *c->f);
            t->dtype = c->dtype;
        }
    }
    if (!rc)
        pare_onnx_flow(g, n, v);
    return rc;
}

static const struct pare_onnx_op rows[] = {
    {"Add", 2, pare_onnx_arithmetic},
    {"AveragePool", 1, pare_onnx_pool},
    {"BatchNormalization", 5, make_batchnorm},
    {"Cast", 1, make_same},
    {"Concat", 1, pare_onnx_arithmetic},
    {"Conv", 2, pare_onnx_conv},
    {"Div", 2, pare_onnx_arithmetic},
    {"Dropout", 1, make_dropout},
    {"Flatten", 1, pare_onnx_flatten},
    {"Gelu", 1, make_activation},
    {"Gemm", 2, pare_onnx_gemm},
    {"GlobalAveragePool", 1, pare_onnx_global},
    {"GlobalMaxPool", 1, pare_onnx_global},
    {"Identity", 1, make_same},
    {"LeakyRelu", 1, make_leaky},
    {"LogSoftmax", 1, make_softmax},
    {"MatMul", 2, pare_onnx_matmul},
    {"MaxPool", 1, pare_onnx_pool},
    {"Mul", 2, pare_onnx_arithmetic},
    {"PRelu", 2, make_srelu},
    {"Pad", 1, pare_onnx_pad},
    {"ReduceMean", 1, pare_onnx_global},
    {"Relu", 1, make_activation},
    {"Reshape", 2, pare_onnx_reshape},
    {"Sigmoid", 1, make_activation},
    {"Slice", 1, pare_onnx_slice},
    {"Softmax", 1, make_softmax},
    {"Squeeze", 1, pare_onnx_squeeze},
    {"Sub", 2, pare_onnx_arithmetic},
    {"Sum", 1, pare_onnx_arithmetic},
    {"Tanh", 1, make_activation},
    {"Transpose", 1, pare_onnx_transpose},
    {"Unsqueeze", 1, pare_onnx_squeeze},
    {"pare.Gelu", 1, make_activation},
    {"pare.Silu", 1, make_activation},
    {"pare.Srelu", 5, make_srelu},
};

/* What is computed of constants alone. */
static const char *const constant[] = {"Constant", "DequantizeLinear", "Gather",
                                       "Shape"};

const struct pare_onnx_op *pare_onnx_op_find(const struct pare_onnx_node *n)
{
    static const struct pare_onnx_op folded = {"", 0, NULL};
    const char *domain = n->p->domain ? n->p->domain : "";
    bool ours = n->name != n->p->op_type && n->name[0];

    if (domain[0] && strcmp(domain, "ai.onnx") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof constant / sizeof *constant; i++)
        if (strcmp(n->name, constant[i]) == 0)
            return &folded;
    if (!ours && strncmp(n->name, "pare.", 5) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, n->name) == 0)
            return &rows[i];
    return NULL;
}
