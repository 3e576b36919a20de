/* Names, nodes and what depends on what. */
#include "onnx_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static int broken(const char *what, const char *name)
{
    return pare_fail(PARE_EFORMAT, "the graph is broken: %s '%s'", what, name);
}

static const char *text(const char *s)
{
    return s ? s : "";
}

static int by_name(const void *x, const void *y)
{
    const struct pare_onnx_name *a = x, *b = y;
    int order = strcmp(a->name, b->name);

    return order ? order : (a->value > b->value) - (a->value < b->value);
}

static size_t find_value(const struct pare_onnx_graph *g, const char *name)
{
    size_t lo = 0, hi = g->n_values;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(g->by_name[mid].name, name);

        if (order == 0)
            return g->by_name[mid].value;
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return PARE_ONNX_NONE;
}

static bool is_initializer(size_t n_sorted, const struct pare_onnx_name *sorted,
                           const char *name)
{
    const struct pare_onnx_name key = {.name = name};
    size_t lo = 0, hi = n_sorted;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(sorted[mid].name, key.name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n_sorted && strcmp(sorted[lo].name, name) == 0;
}

static size_t add_value(struct pare_onnx_graph *g, const char *name,
                        size_t producer)
{
    size_t k = g->n_values++;

    g->value[k].name = name;
    g->value[k].producer = producer;
    g->by_name[k] = (struct pare_onnx_name){name, k};
    return k;
}

/* Most values that there can be. */
static int allocate(struct pare_onnx_graph *g)
{
    const Onnx__GraphProto *p = g->p;
    size_t values = p->n_initializer + p->n_sparse_initializer + p->n_input;
    size_t links = 0;

    for (size_t i = 0; i < p->n_node; i++) {
        values += p->node[i]->n_output;
        links += p->node[i]->n_input + p->node[i]->n_output;
        /* What an activation of several nodes takes, see onnx_pattern.c. */
        if (strcmp(text(p->node[i]->op_type), "Where") == 0)
            links += 5;
    }
    g->value = calloc(values + 1, sizeof *g->value);
    g->by_name = calloc(values + 1, sizeof *g->by_name);
    g->node = calloc(p->n_node + 1, sizeof *g->node);
    g->links = calloc(links + 1, sizeof *g->links);
    if (!g->value || !g->by_name || !g->node || !g->links)
        return pare_fail(PARE_ENOMEM, "out of memory");
    return 0;
}

static int add_initializers(struct pare_onnx_graph *g)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < g->p->n_initializer; i++) {
        Onnx__TensorProto *t = g->p->initializer[i];
        size_t v = add_value(g, text(t->name), PARE_ONNX_NONE);

        if (!g->value[v].name[0])
            return pare_fail(PARE_EFORMAT, "an initialiser has no name");
        rc = pare_onnx_array_read(&g->value[v].array, g, t);
    }
    for (size_t i = 0; !rc && i < g->p->n_sparse_initializer; i++) {
        const Onnx__SparseTensorProto *t = g->p->sparse_initializer[i];

        add_value(g, t->values ? text(t->values->name) : "", PARE_ONNX_NONE);
    }
    return rc;
}

/* The inputs that are no initialisers with defaults. */
static void add_inputs(struct pare_onnx_graph *g)
{
    size_t n = g->n_values;

    qsort(g->by_name, n, sizeof *g->by_name, by_name);
    for (size_t i = 0; i < g->p->n_input; i++) {
        const char *name = text(g->p->input[i]->name);

        if (is_initializer(n, g->by_name, name))
            continue;
        g->input = add_value(g, name, PARE_ONNX_NONE);
        g->n_inputs++;
    }
    if (g->n_inputs != 1)
        g->input = PARE_ONNX_NONE;
}

static void add_outputs(struct pare_onnx_graph *g)
{
    for (size_t i = 0; i < g->p->n_node; i++)
        for (size_t k = 0; k < g->p->node[i]->n_output; k++)
            if (text(g->p->node[i]->output[k])[0])
                add_value(g, g->p->node[i]->output[k], i);
}

static int link_node(struct pare_onnx_graph *g, size_t i, size_t **link)
{
    const Onnx__NodeProto *p = g->p->node[i];
    struct pare_onnx_node *n = &g->node[i];

    *n = (struct pare_onnx_node){.p = p, .name = text(p->op_type)};
    n->in = *link;
    n->n_in = p->n_input;
    n->out = *link + p->n_input;
    n->n_out = p->n_output;
    *link += p->n_input + p->n_output;
    for (size_t k = 0; k < n->n_in; k++) {
        const char *name = text(p->input[k]);
        size_t v = name[0] ? find_value(g, name) : PARE_ONNX_NONE;

        if (name[0] && v == PARE_ONNX_NONE)
            return broken("nothing makes", name);
        if (v != PARE_ONNX_NONE && g->value[v].producer != PARE_ONNX_NONE &&
            g->value[v].producer >= i)
            return broken("used before it is made is", name);
        n->in[k] = v;
    }
    for (size_t k = 0; k < n->n_out; k++)
        n->out[k] = text(p->output[k])[0] ? find_value(g, p->output[k])
                                          : PARE_ONNX_NONE;
    return 0;
}

int pare_onnx_graph_init(struct pare_onnx_graph *g)
{
    size_t *link;
    int rc = allocate(g);

    if (!rc)
        rc = add_initializers(g);
    if (rc)
        return rc;
    add_inputs(g);
    add_outputs(g);
    qsort(g->by_name, g->n_values, sizeof *g->by_name, by_name);
    for (size_t i = 1; i < g->n_values; i++)
        if (strcmp(g->by_name[i - 1].name, g->by_name[i].name) == 0)
            return broken("two things are named", g->by_name[i].name);
    g->n_nodes = g->p->n_node;
    link = g->links;
    for (size_t i = 0; !rc && i < g->n_nodes; i++)
        rc = link_node(g, i, &link);
    g->n_links = (size_t)(link - g->links);
    g->output = PARE_ONNX_NONE;
    for (size_t i = 0; !rc && i < g->p->n_output; i++) {
        const char *name = text(g->p->output[i]->name);
        size_t v = find_value(g, name);

        if (v == PARE_ONNX_NONE)
            return broken("nothing makes the output", name);
        if (i == 0)
            g->output = v;
    }
    return rc;
}

/* Nodes stand behind those that they take from. */
void pare_onnx_graph_live(struct pare_onnx_graph *g)
{
    for (size_t v = 0; v < g->n_values; v++)
        g->value[v].uses = 0;
    if (g->output != PARE_ONNX_NONE)
        g->value[g->output].uses = 1;
    for (size_t i = g->n_nodes; i-- > 0;) {
        struct pare_onnx_node *n = &g->node[i];

        n->live = false;
        for (size_t k = 0; k < n->n_out; k++)
            if (n->out[k] != PARE_ONNX_NONE && g->value[n->out[k]].uses)
                n->live = true;
        for (size_t k = 0; n->live && k < n->n_in; k++)
            if (n->in[k] != PARE_ONNX_NONE)
                g->value[n->in[k]].uses++;
    }
}

void pare_onnx_graph_release(struct pare_onnx_graph *g)
{
    while (g->arrays) {
        struct pare_onnx_array *next = g->arrays->next;

        free(g->arrays->f);
        free(g->arrays->i);
        free(g->arrays);
        g->arrays = next;
    }
    for (size_t i = 0; i < g->n_layers; i++)
        for (size_t k = 0; k < g->layer[i].n_tensors; k++)
            free(g->layer[i].tensor[k].value);
    free(g->layer);
    free(g->value);
    free(g->by_name);
    free(g->node);
    free(g->links);
    pare_norm_release(&g->norm);
}

const Onnx__AttributeProto *pare_onnx_attr(const struct pare_onnx_node *n,
                                           const char *name)
{
    for (size_t i = 0; i < n->p->n_attribute; i++)
        if (strcmp(text(n->p->attribute[i]->name), name) == 0)
            return n->p->attribute[i];
    return NULL;
}

int64_t pare_onnx_int(const struct pare_onnx_node *n, const char *name,
                      int64_t def)
{
    const Onnx__AttributeProto *a = pare_onnx_attr(n, name);

    return a && a->has_i ? a->i : def;
}

double pare_onnx_real(const struct pare_onnx_node *n, const char *name,
                      double def)
{
    const Onnx__AttributeProto *a = pare_onnx_attr(n, name);

    return a && a->has_f ? (double)a->f : def;
}

bool pare_onnx_text_is(const struct pare_onnx_node *n, const char *name,
                       const char *t, bool def)
{
    const Onnx__AttributeProto *a = pare_onnx_attr(n, name);

    if (!a || !a->has_s)
        return def;
    return a->s.len == strlen(t) && memcmp(a->s.data, t, a->s.len) == 0;
}

struct pare_onnx_value *pare_onnx_in(const struct pare_onnx_graph *g,
                                     const struct pare_onnx_node *n, size_t k)
{
    return k < n->n_in && n->in[k] != PARE_ONNX_NONE ? &g->value[n->in[k]]
                                                     : NULL;
}

struct pare_onnx_array *pare_onnx_const(const struct pare_onnx_graph *g,
                                        const struct pare_onnx_node *n,
                                        size_t k)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, k);

    return v ? v->array : NULL;
}

int pare_onnx_ints(const int64_t **v, size_t *count,
                   const struct pare_onnx_graph *g,
                   const struct pare_onnx_node *n, const char *attr, size_t k)
{
    const Onnx__AttributeProto *a = attr ? pare_onnx_attr(n, attr) : NULL;
    const struct pare_onnx_array *c = pare_onnx_const(g, n, k);

    *v = NULL;
    *count = 0;
    if (a) {
        *count = a->n_ints;
        *v = a->ints ? a->ints : &a->i;
    } else if (c && c->i) {
        *count = c->n;
        *v = c->i;
    } else if (pare_onnx_in(g, n, k)) {
        return pare_onnx_unsaid(n, "its %s are no constant", attr ? attr : "");
    }
    return 0;
}

int pare_onnx_unsaid(const struct pare_onnx_node *n, const char *format, ...)
{
    char why[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    return pare_fail(PARE_EINVAL, "%s '%s': %s", n->name,
                     n->p->n_output ? text(n->p->output[0]) : "", why);
}
