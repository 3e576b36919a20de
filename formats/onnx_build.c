#include "onnx_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

struct pare_onnx_block {
    struct pare_onnx_block *next;
    max_align_t bytes[];
};

void *pare_onnx_take(struct pare_onnx_build *b, size_t n)
{
    struct pare_onnx_block *block = NULL;

    if (b->status)
        return NULL;
    if (n < SIZE_MAX - sizeof *block)
        block = calloc(1, sizeof *block + n + 1);
    if (!block) {
        b->status = pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    block->next = b->blocks;
    b->blocks = block;
    return block->bytes;
}

void pare_onnx_build_release(struct pare_onnx_build *b)
{
    while (b->blocks) {
        struct pare_onnx_block *next = b->blocks->next;

        free(b->blocks);
        b->blocks = next;
    }
}

char *pare_onnx_print(struct pare_onnx_build *b, const char *format, ...)
{
    static char none[1];
    char text[256];
    char *copy;
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    copy = pare_onnx_take(b, strlen(text) + 1);
    return copy ? strcpy(copy, text) : none;
}

/* One place more in an array of pointers. */
static bool grow(struct pare_onnx_build *b, void ***array, size_t n,
                 size_t *room)
{
    void **wide;

    if (n < *room)
        return true;
    wide = pare_onnx_take(b, (2 * n + 16) * sizeof *wide);
    if (!wide)
        return false;
    if (n)
        memcpy(wide, *array, n * sizeof *wide);
    *array = wide;
    *room = 2 * n + 16;
    return true;
}

static bool append(struct pare_onnx_build *b, void ***array, size_t *n,
                   size_t *room, void *item)
{
    if (!item || !grow(b, array, *n, room))
        return false;
    (*array)[(*n)++] = item;
    return true;
}

Onnx__NodeProto *pare_onnx_node_add(struct pare_onnx_build *b, const char *op,
                                    const char *out, ...)
{
    Onnx__NodeProto *n = pare_onnx_take(b, sizeof *n);
    char **in = pare_onnx_take(b, 8 * sizeof *in);
    void **nodes = (void **)b->graph.node;
    const char *name;
    va_list ap;

    if (!n || !in)
        return NULL;
    onnx__node_proto__init(n);
    n->op_type = pare_onnx_print(b, "%s", op);
    n->name = pare_onnx_print(b, "%s:%s", out, op);
    n->output = pare_onnx_take(b, sizeof *n->output);
    n->input = in;
    va_start(ap, out);
    while ((name = va_arg(ap, const char *)) && n->n_input < 8)
        in[n->n_input++] = pare_onnx_print(b, "%s", name);
    va_end(ap);
    if (!n->output || !append(b, &nodes, &b->graph.n_node, &b->node_room, n))
        return NULL;
    b->graph.node = (Onnx__NodeProto **)nodes;
    n->output[n->n_output++] = pare_onnx_print(b, "%s", out);
    return n;
}

static Onnx__AttributeProto *attribute(struct pare_onnx_build *b,
                                       Onnx__NodeProto *n, const char *name)
{
    Onnx__AttributeProto *a = pare_onnx_take(b, sizeof *a);

    if (!a || !n)
        return NULL;
    if (!n->attribute)
        n->attribute = pare_onnx_take(b, 8 * sizeof *n->attribute);
    if (!n->attribute)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = pare_onnx_print(b, "%s", name);
    a->has_type = true;
    n->attribute[n->n_attribute++] = a;
    return a;
}

void pare_onnx_put_int(struct pare_onnx_build *b, Onnx__NodeProto *n,
                       const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attribute(b, n, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    a->has_i = true;
    a->i = v;
}

void pare_onnx_put_real(struct pare_onnx_build *b, Onnx__NodeProto *n,
                        const char *name, double v)
{
    Onnx__AttributeProto *a = attribute(b, n, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    a->has_f = true;
    a->f = (float)v;
}

void pare_onnx_put_ints(struct pare_onnx_build *b, Onnx__NodeProto *n,
                        const char *name, const int64_t *v, size_t count)
{
    Onnx__AttributeProto *a = attribute(b, n, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    a->ints = pare_onnx_take(b, count * sizeof *v);
    if (!a->ints)
        return;
    memcpy(a->ints, v, count * sizeof *v);
    a->n_ints = count;
}

unsigned char *pare_onnx_initializer(struct pare_onnx_build *b,
                                     const char *name, int32_t type, int rank,
                                     const int64_t *dim, size_t bytes)
{
    Onnx__TensorProto *t = pare_onnx_take(b, sizeof *t);
    void **all = (void **)b->graph.initializer;

    if (!append(b, &all, &b->graph.n_initializer, &b->init_room, t))
        return NULL;
    b->graph.initializer = (Onnx__TensorProto **)all;
    onnx__tensor_proto__init(t);
    t->name = pare_onnx_print(b, "%s", name);
    t->has_data_type = true;
    t->data_type = type;
    t->dims = pare_onnx_take(b, (size_t)rank * sizeof *t->dims);
    t->raw_data.data = pare_onnx_take(b, bytes);
    if (!t->dims || !t->raw_data.data)
        return NULL;
    if (rank)
        memcpy(t->dims, dim, (size_t)rank * sizeof *dim);
    t->n_dims = (size_t)rank;
    t->has_raw_data = true;
    t->raw_data.len = bytes;
    return t->raw_data.data;
}

const char *pare_onnx_floats(struct pare_onnx_build *b, const char *name,
                             const float *v, int rank, const int64_t *dim)
{
    unsigned char *bytes;
    size_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= (size_t)dim[i];
    bytes = pare_onnx_initializer(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                  rank, dim, n * sizeof *v);
    if (bytes)
        pare_dtype_put(bytes, v, n, PARE_F32);
    return name;
}

const char *pare_onnx_longs(struct pare_onnx_build *b, const char *name,
                            const int64_t *v, size_t n)
{
    const int64_t dim = (int64_t)n;
    unsigned char *bytes = pare_onnx_initializer(
        b, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &dim, n * sizeof *v);

    for (size_t i = 0; bytes && i < n; i++)
        for (unsigned k = 0; k < 8; k++)
            bytes[8 * i + k] = (unsigned char)((uint64_t)v[i] >> (8 * k));
    return name;
}
