#include "onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "export_rows.h"
#include "onnx_build.h"
#include "status.h"

#define IR_VERSION 7

/* The name of what a layer makes; layers' names have no slash. */
static const char *output_of(struct pare_onnx_build *b, size_t layer,
                             const char *input)
{
    const struct pare_arch *a = &b->m->arch;

    if (layer == PARE_INPUT)
        return input;
    return layer + 1 == a->n_layers
               ? "output"
               : pare_onnx_print(b, "/%s", a->layer[layer].name);
}

/* Constants of the normalisation: one, or one for each channel or feature. */
static const char *put_norm(struct pare_onnx_build *b, const char *name,
                            const float *v, size_t n)
{
    const struct pare_shape *s = &b->m->arch.input;
    int64_t dim[3] = {(int64_t)n, 1, 1};

    if (n == 1)
        return pare_onnx_floats(b, name, v, 0, NULL);
    for (int i = 0; n != s->dim[0] && i < s->rank; i++)
        dim[i] = (int64_t)s->dim[i];
    return pare_onnx_floats(b, name, v, s->rank, dim);
}

/* (input * scale - mean) / std; the name of the result. */
static const char *normalise(struct pare_onnx_build *b)
{
    const struct pare_norm *norm = &b->m->norm;
    const struct pare_shape *s = &b->m->arch.input;
    const char *at = "input";

    if (norm->n > 1 && norm->n != s->dim[0] && norm->n != pare_shape_size(s)) {
        b->status = pare_fail(PARE_EINVAL,
                              "a normalisation of %zu values for %zu inputs",
                              norm->n, pare_shape_size(s));
        return at;
    }
    if (norm->scale > 0 && norm->scale != 1) {
        pare_onnx_floats(b, "/norm/scale", &norm->scale, 0, NULL);
        pare_onnx_node_add(b, "Mul", "/norm/scaled", at, "/norm/scale", NULL);
        at = "/norm/scaled";
    }
    if (norm->scale > 0 && norm->n) {
        put_norm(b, "/norm/mean", norm->mean, norm->n);
        put_norm(b, "/norm/std", norm->std, norm->n);
        pare_onnx_node_add(b, "Sub", "/norm/centred", at, "/norm/mean", NULL);
        pare_onnx_node_add(b, "Div", "/norm/done", "/norm/centred", "/norm/std",
                           NULL);
        at = "/norm/done";
    }
    return at;
}

static Onnx__TensorShapeProto__Dimension *dimension(struct pare_onnx_build *b,
                                                    size_t n)
{
    Onnx__TensorShapeProto__Dimension *d = pare_onnx_take(b, sizeof *d);

    if (!d)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(d);
    if (n) {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = (int64_t)n;
    } else {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        d->dim_param = pare_onnx_print(b, "batch");
    }
    return d;
}

/* An input or output: floats of (batch, shape). */
static Onnx__ValueInfoProto **value(struct pare_onnx_build *b, const char *name,
                                    const struct pare_shape *s)
{
    Onnx__ValueInfoProto **list = pare_onnx_take(b, sizeof *list);
    Onnx__ValueInfoProto *v = pare_onnx_take(b, sizeof *v);
    Onnx__TypeProto *type = pare_onnx_take(b, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = pare_onnx_take(b, sizeof *tensor);
    Onnx__TensorShapeProto *shape = pare_onnx_take(b, sizeof *shape);
    Onnx__TensorShapeProto__Dimension **dim =
        pare_onnx_take(b, 4 * sizeof *dim);

    if (!dim)
        return NULL;
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    list[0] = v;
    v->name = pare_onnx_print(b, "%s", name);
    v->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    shape->dim = dim;
    dim[0] = dimension(b, 0);
    for (int i = 0; i < s->rank; i++)
        dim[i + 1] = dimension(b, s->dim[i]);
    shape->n_dim = (size_t)s->rank + 1;
    return list;
}

static int build(struct pare_onnx_build *b)
{
    const struct pare_arch *a = &b->m->arch;
    const char *in[PARE_LAYER_INPUTS], *input;
    int rc = 0;

    onnx__graph_proto__init(&b->graph);
    b->graph.name = pare_onnx_print(b, "model");
    b->graph.n_input = b->graph.n_output = 1;
    b->graph.input = value(b, "input", &a->input);
    b->graph.output = value(b, "output", pare_arch_output(a));
    input = normalise(b);
    for (size_t i = 0; !rc && i < a->n_layers; i++) {
        const struct pare_layer *l = &a->layer[i];

        for (int k = 0; k < l->n_inputs; k++)
            in[k] = output_of(b, l->input[k], input);
        rc = pare_onnx_put_layer(b, l, in, output_of(b, i, input));
    }
    if (!a->n_layers)
        pare_onnx_node_add(b, "Identity", "output", input, NULL);
    return rc ? rc : b->status;
}

static int pack(const char *path, struct pare_onnx_build *b)
{
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *sets[] = {&set};
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    uint8_t *bytes;
    size_t n;
    int rc;

    set.domain = pare_onnx_print(b, "%s", "");
    set.has_version = true;
    set.version = PARE_ONNX_OPSET;
    m.has_ir_version = true;
    m.ir_version = IR_VERSION;
    m.producer_name = pare_onnx_print(b, "pare");
    m.producer_version = pare_onnx_print(b, "%s", PARE_VERSION);
    m.graph = &b->graph;
    m.n_opset_import = 1;
    m.opset_import = sets;
    if (b->status)
        return b->status;
    n = onnx__model_proto__get_packed_size(&m);
    if (n > INT32_MAX)
        return pare_fail(PARE_ELIMIT, "the model has 2 GiB and more, which "
                                      "ONNX cannot hold in one file");
    bytes = malloc(n);
    if (!bytes)
        return pare_fail(PARE_ENOMEM, "out of memory");
    onnx__model_proto__pack(&m, bytes);
    rc = pare_atomic_write(path, bytes, n);
    free(bytes);
    return rc;
}

int pare_onnx_write(const char *path, const struct pare_model *m)
{
    struct pare_onnx_build b = {.m = m};
    int rc = pare_arch_need_graph(&m->arch);

    if (!rc)
        rc = pare_export_no_terminal(path);
    if (!rc)
        rc = build(&b);
    if (!rc)
        rc = pack(path, &b);
    pare_onnx_build_release(&b);
    return rc;
}
