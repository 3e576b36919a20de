#include "onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "onnx_ops.h"
#include "status.h"

#define FILE_MAX ((size_t)INT32_MAX) /* as protocol buffers have it */

/* Floats that layers may have beyond four times those of the file. */
#define FLOATS_FREE ((uint64_t)1 << 22)

bool pare_onnx_looks(const unsigned char *head, size_t n)
{
    /* ir_version, field 1, and then another field of a model. */
    return n > 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 32 &&
           (head[2] == 0x10 || head[2] == 0x12 || head[2] == 0x1a ||
            head[2] == 0x22 || head[2] == 0x28 || head[2] == 0x32 ||
            head[2] == 0x3a || head[2] == 0x42);
}

static int load(Onnx__ModelProto **model, const char *path)
{
    ProtobufCMessage *m = NULL;
    void *bytes = NULL;
    size_t n;
    int rc = pare_read_file(&bytes, &n, path, FILE_MAX);

    if (!rc)
        rc = pare_onnx_unpack(&m, &onnx__model_proto__descriptor, bytes, n);
    free(bytes);
    *model = (Onnx__ModelProto *)m;
    if (!rc && !(*model)->graph) {
        rc = pare_fail(PARE_EFORMAT, "not an ONNX file: it has no graph");
        onnx__model_proto__free_unpacked(*model, NULL);
        *model = NULL;
    }
    return rc;
}

/* Operators that were others before set 7. */
static bool changed(const struct pare_onnx_node *n)
{
    static const char *const names[] = {"Add",     "BatchNormalization",
                                        "Div",     "Dropout",
                                        "Gemm",    "Mul",
                                        "PRelu",   "Pad",
                                        "Reshape", "Sub",
                                        "Cast",    "Concat"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n->live && strcmp(n->name, names[i]) == 0)
            return true;
    return false;
}

static int check_opset(struct pare_onnx_graph *g)
{
    g->opset = 0;
    for (size_t i = 0; i < g->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = g->model->opset_import[i];

        if (!o->domain || !o->domain[0] || strcmp(o->domain, "ai.onnx") == 0)
            g->opset = o->version;
    }
    for (size_t i = 0; g->opset < PARE_ONNX_OLDEST && i < g->n_nodes; i++)
        if (changed(&g->node[i]))
            return pare_fail(PARE_EINVAL, "operator set %lld is older than %d",
                             (long long)g->opset, PARE_ONNX_OLDEST);
    return g->opset <= PARE_ONNX_NEWEST
               ? 0
               : pare_foreign_note(g->notes, "operator set %lld is read as %d",
                                   (long long)g->opset, PARE_ONNX_NEWEST);
}

/* All operators that count and are no layers, in one message. */
static int check_operators(const struct pare_onnx_graph *g)
{
    const char *named[12];
    char list[256] = "";
    size_t n = 0, more = 0;

    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct pare_onnx_node *o = &g->node[i];
        bool known = !o->live || pare_onnx_op_find(o);

        for (size_t k = 0; !known && k < n; k++)
            known = strcmp(named[k], o->name) == 0;
        if (known)
            continue;
        if (n == sizeof named / sizeof named[0]) {
            more++;
            continue;
        }
        named[n++] = o->name;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.40s",
                 list[0] ? ", " : "", o->name);
    }
    return n ? pare_fail(PARE_EINVAL, "no layers are %s%s", list,
                         more ? " and others" : "")
             : 0;
}

/* The node that takes a value, the first one that counts. */
static const struct pare_onnx_node *taker(const struct pare_onnx_graph *g,
                                          size_t v)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t k = 0; g->node[i].live && k < g->node[i].n_in; k++)
            if (g->node[i].in[k] == v)
                return &g->node[i];
    return NULL;
}

/*
 * Does the input have its channels last? It does if it is transposed so, or
 * if it has few of them there and is seen otherwise before any layer of
 * images takes it.
 */
static bool channels_last(const struct pare_onnx_graph *g, const size_t *dim,
                          int rank)
{
    size_t v = g->input;

    for (int steps = 0; steps < 16; steps++) {
        const struct pare_onnx_node *n = taker(g, v);
        const Onnx__AttributeProto *perm = n ? pare_onnx_attr(n, "perm") : NULL;

        if (!n || n->n_out < 1 || n->out[0] == PARE_ONNX_NONE)
            return false;
        if (strcmp(n->name, "Transpose") == 0)
            return perm && perm->n_ints == (size_t)rank + 1 &&
                   perm->ints[1] == rank;
        if (strcmp(n->name, "Conv") == 0 || strcmp(n->name, "MaxPool") == 0 ||
            strcmp(n->name, "AveragePool") == 0 ||
            strcmp(n->name, "BatchNormalization") == 0)
            return false;
        if (strcmp(n->name, "Reshape") == 0 || strcmp(n->name, "Flatten") == 0)
            return rank == 3 && dim[2] <= 4 && dim[0] > 4 && dim[1] > 4;
        v = n->out[0];
    }
    return false;
}

/* Numbers of another kind than floats must become floats first. */
static bool fine_type(const struct pare_onnx_graph *g, int32_t type)
{
    const struct pare_onnx_node *n = taker(g, g->input);

    return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
           (n && strcmp(n->name, "Cast") == 0);
}

/* The input's shape is that of a sample; its first dimension the batch. */
static int open_input(struct pare_onnx_graph *g)
{
    struct pare_onnx_value *v;
    const Onnx__TensorShapeProto *s = NULL;
    int32_t elements = 0;
    size_t dim[3];
    int rank;

    if (g->input == PARE_ONNX_NONE)
        return pare_fail(PARE_EINVAL, "it has %zu inputs, and one is read",
                         g->n_inputs);
    v = &g->value[g->input];
    for (size_t i = 0; i < g->p->n_input; i++) {
        const Onnx__TypeProto *type = g->p->input[i]->type;

        if (g->p->input[i]->name && type &&
            strcmp(g->p->input[i]->name, v->name) == 0 &&
            type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
            s = type->tensor_type->shape;
            elements = type->tensor_type->elem_type;
        }
    }
    if (!s || s->n_dim < 2 || s->n_dim > 4)
        return pare_fail(PARE_EINVAL, "its input has %zu dimensions",
                         s ? s->n_dim : 0);
    if (!fine_type(g, elements))
        return pare_fail(PARE_EINVAL, "its input is not of floats");
    rank = (int)s->n_dim - 1;
    g->batch = s->dim[0]->value_case ==
                       ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                   ? s->dim[0]->dim_value
                   : 0;
    for (int i = 0; i < rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = s->dim[i + 1];

        if (d->value_case !=
                ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ||
            d->dim_value < 1 || d->dim_value > 1 << 24)
            return pare_fail(PARE_EINVAL,
                             "dimension %d of its input is not fixed", i + 1);
        dim[i] = (size_t)d->dim_value;
    }
    v->flows = true;
    v->layer = PARE_INPUT;
    v->last = rank > 1 && channels_last(g, dim, rank);
    v->shape.rank = rank;
    for (int i = 0; i < rank; i++)
        v->shape.dim[v->last ? (i + 1) % rank : i] = dim[i];
    g->shape = v->shape;
    return v->last ? pare_foreign_note(g->notes, "the input's channels are the "
                                                 "last dimension there, the "
                                                 "first here")
                   : 0;
}

static int make_node(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_op *op = pare_onnx_op_find(n);
    bool done;
    int rc = pare_onnx_fold(&done, g, n);

    if (rc || done)
        return rc;
    if (!op || !op->make)
        return pare_onnx_unsaid(n, "its inputs are no constants");
    for (size_t k = 0; k < op->inputs; k++) {
        const struct pare_onnx_value *v = pare_onnx_in(g, n, k);

        if (!v || (!v->flows && !v->array))
            return pare_onnx_unsaid(n, "input %zu is nothing that is known",
                                    k + 1);
    }
    if (n->out[0] == PARE_ONNX_NONE)
        return pare_onnx_unsaid(n, "its first output has no name");
    for (size_t k = 1; k < n->n_out; k++)
        if (n->out[k] != PARE_ONNX_NONE && g->value[n->out[k]].uses)
            return pare_onnx_unsaid(n, "its output %zu is used", k + 1);
    return op->make(g, n);
}

static int close_output(struct pare_onnx_graph *g)
{
    struct pare_onnx_value *v = &g->value[g->output];

    if (!v->flows || v->swapped)
        return pare_fail(PARE_EINVAL, "its output is not of its input");
    if (v->flat && v->shape.rank > 1 && !v->last) {
        struct pare_onnx_layer *l = pare_onnx_layer_add(g, "flatten", v);

        if (!l)
            return PARE_ENOMEM;
        l->out = (struct pare_shape){1, {pare_shape_size(&v->shape)}};
        return 0;
    }
    if (v->last && v->shape.rank > 1 && v->shape.dim[0] > 1 &&
        pare_shape_size(&v->shape) > v->shape.dim[0])
        return pare_fail(PARE_EINVAL, "its output has the channels last");
    if (g->n_layers == 0 && !pare_onnx_layer_add(g, "identity", v))
        return PARE_ENOMEM;
    return 0;
}

static int translate(struct pare_onnx_graph *g)
{
    int rc = 0;

    if (g->output == PARE_ONNX_NONE)
        return pare_fail(PARE_EINVAL, "it has no output");
    if (g->p->n_output > 1)
        rc = pare_foreign_note(g->notes, "of %zu outputs the first is taken",
                               g->p->n_output);
    if (rc)
        return rc;
    pare_onnx_patterns(g);
    pare_onnx_graph_live(g);
    rc = check_opset(g);
    if (!rc)
        rc = check_operators(g);
    if (!rc)
        rc = open_input(g);
    for (size_t i = 0; !rc && i < g->n_nodes; i++)
        if (g->node[i].live)
            rc = make_node(g, &g->node[i]);
    return rc ? rc : close_output(g);
}

/* Values as bytes of the type that they came in. */
static int put_values(struct pare_foreign_tensor *t, float *value,
                      enum pare_dtype dtype)
{
    static const enum pare_foreign_type type[] = {
        PARE_FOREIGN_F32, PARE_FOREIGN_F16, PARE_FOREIGN_BF16};
    size_t n = (size_t)pare_foreign_count(t);

    if (pare_dtype_misfit(value, n, dtype) < n)
        dtype = PARE_F32;
    t->type = type[dtype];
    t->owned = malloc(n * pare_dtype_size(dtype) + 1);
    if (!t->owned)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (dtype == PARE_F32)
        memcpy(t->owned, value, n * sizeof *value);
    else
        pare_dtype_put(t->owned, value, n, dtype);
    t->bytes = t->owned;
    return 0;
}

static int give_tensor(struct pare_foreign *f, const struct pare_onnx_layer *l,
                       struct pare_onnx_tensor *from)
{
    struct pare_foreign_tensor *t;
    char name[PARE_NAME_MAX];
    int rc;

    snprintf(name, sizeof name, "%s.%s", l->name, from->suffix);
    t = pare_foreign_add(f, name);
    if (!t)
        return PARE_ENOMEM;
    t->rank = from->rank;
    for (int i = 0; i < from->rank; i++)
        t->dim[i] = from->dim[i];
    rc = put_values(t, from->value, from->dtype);
    free(from->value);
    from->value = NULL;
    return rc;
}

/* The text must be an architecture, or else it cannot be said. */
static int give_layers(struct pare_foreign *f, struct pare_onnx_graph *g)
{
    struct pare_arch arch = {0};
    char *text = NULL;
    int rc = pare_onnx_arch_text(&text, g);

    if (!rc)
        rc = pare_arch_parse(&arch, text);
    if (rc == PARE_ELIMIT)
        rc = PARE_EINVAL;
    for (size_t i = 0; !rc && i < g->n_layers; i++)
        for (size_t k = 0; !rc && k < g->layer[i].n_tensors; k++)
            rc = give_tensor(f, &g->layer[i], &g->layer[i].tensor[k]);
    if (!rc) {
        f->arch = text;
        text = NULL;
        f->norm = g->norm;
        g->norm = (struct pare_norm){0};
    }
    pare_arch_release(&arch);
    free(text);
    return rc;
}

/* Without a graph: the initialisers, but no shapes and axes. */
static int give_weights(struct pare_foreign *f, struct pare_onnx_graph *g)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < g->p->n_initializer; i++) {
        const struct pare_onnx_value *v = &g->value[i];
        const struct pare_onnx_array *a = v->array;
        struct pare_foreign_tensor *t;

        if (!a || (a->i && a->rank < 2))
            continue;
        t = pare_foreign_add(f, v->name);
        if (!t)
            return PARE_ENOMEM;
        t->rank = a->rank;
        memcpy(t->dim, a->dim, sizeof t->dim);
        if (a->f) {
            rc = put_values(t, a->f, a->dtype);
            continue;
        }
        t->type = PARE_FOREIGN_I64;
        t->owned = malloc(a->n * sizeof *a->i + 1);
        if (!t->owned)
            return pare_fail(PARE_ENOMEM, "out of memory");
        memcpy(t->owned, a->i, a->n * sizeof *a->i);
        t->bytes = t->owned;
    }
    return rc;
}

static int read_graph(struct pare_foreign *f, struct pare_onnx_graph *g)
{
    int rc = pare_onnx_graph_init(g);

    if (rc)
        return rc;
    g->most = FLOATS_FREE + 4 * g->read;
    rc = translate(g);
    if (!rc)
        rc = give_layers(f, g);
    if (rc != PARE_EINVAL)
        return rc;
    rc = pare_foreign_note(f, "the graph is left out: %s", pare_error());
    return rc ? rc : give_weights(f, g);
}

int pare_onnx_read(struct pare_foreign *f, const char *path)
{
    struct pare_foreign out = {0};
    struct pare_onnx_graph g = {.path = path ? path : "-", .notes = &out};
    int rc = load(&g.model, path);

    if (!rc) {
        g.p = g.model->graph;
        rc = read_graph(&out, &g);
        pare_onnx_graph_release(&g);
        onnx__model_proto__free_unpacked(g.model, NULL);
    }
    if (rc) {
        pare_foreign_release(&out);
        return pare_fail_prefix(rc, "'%s'", g.path);
    }
    *f = out;
    return 0;
}
