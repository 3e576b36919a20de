/* Layers of an architecture to be, and their text. */
#include "onnx_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define NAME_BYTES 40 /* of a layer's name, see pare-arch(5) */

struct pare_onnx_layer *pare_onnx_layer_add(struct pare_onnx_graph *g,
                                            const char *kind,
                                            const struct pare_onnx_value *v)
{
    const struct pare_layer_kind *row = pare_layer_find(kind);
    struct pare_onnx_layer *l;

    if (g->n_layers == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        struct pare_onnx_layer *grown = realloc(g->layer, room * sizeof *grown);

        if (!grown) {
            pare_fail(PARE_ENOMEM, "out of memory");
            return NULL;
        }
        g->layer = grown;
        g->room = room;
    }
    l = &g->layer[g->n_layers++];
    *l = (struct pare_onnx_layer){.kind = row->name, .prefix = row->prefix};
    if (v) {
        l->in[l->n_in++] = v->layer;
        l->out = v->shape;
        if (v->layer == PARE_INPUT)
            g->shape_used = true;
    }
    return l;
}

int pare_onnx_layer_tensor(struct pare_onnx_tensor **t,
                           struct pare_onnx_graph *g, struct pare_onnx_layer *l,
                           const char *suffix, int rank, const size_t *dim)
{
    struct pare_onnx_tensor *out = &l->tensor[l->n_tensors];
    uint64_t n = 1;

    *out = (struct pare_onnx_tensor){.suffix = suffix, .rank = rank};
    for (int i = 0; i < rank; i++) {
        out->dim[i] = dim[i];
        if (dim[i] && n > g->most / dim[i])
            n = UINT64_MAX;
        else
            n *= dim[i];
    }
    if (n > g->most - g->floats)
        return pare_fail(PARE_ELIMIT,
                         "its layers use the same weights too often");
    out->value = calloc((size_t)n + 1, sizeof *out->value);
    if (!out->value)
        return pare_fail(PARE_ENOMEM, "out of memory");
    g->floats += n;
    l->n_tensors++;
    *t = out;
    return 0;
}

void pare_onnx_flow(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const struct pare_onnx_value *like)
{
    struct pare_onnx_value *v = &g->value[n->out[0]];
    struct pare_onnx_value seen = *like;

    v->flows = true;
    v->layer = g->n_layers - 1;
    v->shape = g->layer[v->layer].out;
    v->last = seen.last;
    v->flat = seen.flat;
    v->swapped = seen.swapped;
    v->shared = false;
}

void pare_onnx_alias(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                     const struct pare_onnx_value *v)
{
    struct pare_onnx_value *out = &g->value[n->out[0]];

    out->flows = true;
    out->layer = v->layer;
    out->shape = v->shape;
    out->last = v->last;
    out->flat = v->flat;
    out->swapped = v->swapped;
    out->shared = v->shared || v->uses > 1;
}

int pare_onnx_settle(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                     struct pare_onnx_value *v)
{
    struct pare_onnx_layer *l;

    if (!v->flat || v->shape.rank == 1)
        return 0;
    if (v->last)
        return pare_onnx_unsaid(n, "features in order height, width, "
                                   "channels");
    l = pare_onnx_layer_add(g, "flatten", v);
    if (!l)
        return PARE_ENOMEM;
    l->out = (struct pare_shape){1, {pare_shape_size(&v->shape)}};
    v->layer = g->n_layers - 1;
    v->shape = l->out;
    v->shared = false;
    return 0;
}

static bool taken(const struct pare_onnx_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_layers; i++)
        if (strcmp(g->layer[i].name, name) == 0)
            return true;
    return strcmp(name, "in") == 0;
}

/* "layer1.0.conv1.weight" names layer1_0_conv1. */
void pare_onnx_layer_name(struct pare_onnx_graph *g, struct pare_onnx_layer *l,
                          const char *tensor)
{
    static const char *const ends[] = {".weight", "/kernel", ".kernel",
                                       ".scale", ".tl"};
    char name[NAME_BYTES + 1];
    size_t n, keep = 0;

    tensor += tensor[0] == '/';
    n = strlen(tensor);

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t k = strlen(ends[i]);

        if (n > k && strcmp(tensor + n - k, ends[i]) == 0)
            keep = n - k;
    }
    if (keep == 0 || keep > NAME_BYTES || !isalpha((unsigned char)tensor[0]))
        return;
    for (size_t i = 0; i < keep; i++)
        name[i] = isalnum((unsigned char)tensor[i]) || tensor[i] == '-'
                      ? tensor[i]
                      : '_';
    name[keep] = '\0';
    if (!taken(g, name))
        strcpy(l->name, name);
}

/* Names for the layers that have none: fc1, fc2, ... */
static void name_layers(struct pare_onnx_graph *g)
{
    for (size_t i = 0; i < g->n_layers; i++) {
        struct pare_onnx_layer *l = &g->layer[i];
        char name[NAME_BYTES + 1];
        unsigned number = 1;

        if (l->name[0])
            continue;
        for (size_t k = 0; k < i; k++)
            number += strcmp(g->layer[k].prefix, l->prefix) == 0;
        do
            snprintf(name, sizeof name, "%s%u", l->prefix, number++);
        while (taken(g, name));
        strcpy(l->name, name);
    }
}

/* Text that grows up to what an architecture may have. */
struct text {
    char *at;
    size_t n;
};

static void put(struct text *t, const char *s)
{
    size_t n = strlen(s);

    if (t->n + n < PARE_ARCH_TEXT_MAX) {
        memcpy(t->at + t->n, s, n + 1);
        t->n += n;
    } else {
        t->n = PARE_ARCH_TEXT_MAX;
    }
}

static const char *source_name(const struct pare_onnx_graph *g, size_t layer)
{
    return layer == PARE_INPUT ? "in" : g->layer[layer].name;
}

static void put_layer(struct text *t, const struct pare_onnx_graph *g, size_t i)
{
    const struct pare_onnx_layer *l = &g->layer[i];

    put(t, " ");
    if (l->n_in == 1 && l->in[0] != (i ? i - 1 : PARE_INPUT)) {
        put(t, source_name(g, l->in[0]));
        put(t, " -> ");
    }
    put(t, l->name);
    put(t, "=");
    put(t, l->kind);
    if (l->args[0] || l->n_in > 1) {
        put(t, "(");
        put(t, l->args);
        for (size_t k = 0; l->n_in > 1 && k < l->n_in; k++) {
            put(t, k ? "," : "");
            put(t, source_name(g, l->in[k]));
        }
        if (l->can_bias && !l->has_bias)
            put(t, ",bias=no");
        put(t, ")");
    }
}

int pare_onnx_arch_text(char **text, struct pare_onnx_graph *g)
{
    struct text t = {.at = malloc(PARE_ARCH_TEXT_MAX + 1)};
    char size[32];

    if (!t.at)
        return pare_fail(PARE_ENOMEM, "out of memory");
    t.at[0] = '\0';
    if (g->n_layers <= PARE_LAYERS_MAX)
        name_layers(g);
    else
        t.n = PARE_ARCH_TEXT_MAX;
    put(&t, "in(");
    for (int i = 0; i < g->shape.rank; i++) {
        snprintf(size, sizeof size, "%s%zu", i ? "," : "", g->shape.dim[i]);
        put(&t, size);
    }
    put(&t, ")");
    for (size_t i = 0; t.n < PARE_ARCH_TEXT_MAX && i < g->n_layers; i++)
        put_layer(&t, g, i);
    if (t.n >= PARE_ARCH_TEXT_MAX) {
        free(t.at);
        return pare_fail(PARE_EINVAL, "the graph has more layers than an "
                                      "architecture may have");
    }
    *text = t.at;
    return 0;
}
