#include "units.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "units_parts.h"

size_t pare_units_input(const struct pare_units *u, size_t layer, int k)
{
    size_t from = u->m->arch.layer[layer].input[k];

    return from == PARE_INPUT ? 0 : from + 1;
}

size_t pare_units_width(const struct pare_units *u, size_t value)
{
    return u->first[value + 1] - u->first[value];
}

size_t pare_units_owner(const struct pare_units *u, size_t node)
{
    size_t lo = 0, hi = u->m->arch.n_layers + 1;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (u->first[mid] <= node)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

bool pare_units_weighted(const struct pare_layer *l)
{
    return l->kind->op == PARE_OP_LINEAR || l->kind->op == PARE_OP_CONV;
}

void pare_units_weights(struct pare_weights *w, const struct pare_units *u,
                        size_t layer)
{
    const struct pare_layer *l = &u->m->arch.layer[layer];
    const struct pare_tensor *t = &u->m->tensor[u->tensor[layer]];
    size_t in = pare_units_input(u, layer, 0);
    struct pare_window window = {.groups = 1};

    if (l->kind->op == PARE_OP_CONV)
        pare_layer_window(&window, l);
    w->in = u->first[in];
    w->out = u->first[layer + 1];
    w->groups = window.groups;
    w->rows = pare_units_width(u, layer + 1) / w->groups;
    w->cols = pare_units_width(u, in) / w->groups;
    w->taps = t->n / t->dim[0] / w->cols;
    w->padded = window.pad[0] || window.pad[1];
    w->bias = pare_layer_opt(l, "bias") > 0;
    w->tensor = u->tensor[layer];
}

/* ---- classes --------------------------------------------------------- */

static size_t lowest(size_t *class, size_t node)
{
    while (class[node] != node) {
        class[node] = class[class[node]];
        node = class[node];
    }
    return node;
}

static void tie(struct pare_units *u, size_t a, size_t b)
{
    a = lowest(u->class, a);
    b = lowest(u->class, b);
    if (a < b)
        u->class[b] = a;
    else
        u->class[a] = b;
}

/* Each of the n nodes from a on with one, or `each`, of those from b on. */
static void tie_run(struct pare_units *u, size_t a, size_t b, size_t n,
                    size_t each)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < each; k++)
            tie(u, a + i, b + i * each + k);
}

static int tie_layer(struct pare_units *u, size_t i)
{
    const struct pare_layer *l = &u->m->arch.layer[i];
    size_t out = u->first[i + 1], at = 0;

    for (int k = 0; k < l->n_inputs; k++) {
        size_t value = pare_units_input(u, i, k);
        size_t in = u->first[value], n = pare_units_width(u, value);

        switch (l->kind->op) {
        case PARE_OP_RBM:
            return pare_fail(PARE_EINVAL,
                             "layer %s: the units of a Boltzmann machine are "
                             "not known to shrinking",
                             l->name);
        case PARE_OP_LINEAR:
        case PARE_OP_CONV:
            break;
        case PARE_OP_CONCAT:
            tie_run(u, in, out + at, n, 1);
            at += n;
            break;
        case PARE_OP_PAD:
            at = (size_t)pare_layer_opt(l, "front");
            tie_run(u, in, out + at, n, 1);
            break;
        case PARE_OP_FLATTEN:
            tie_run(u, in, out, n, l->out.dim[0] / n);
            break;
        default:
            if (pare_units_width(u, i + 1) != n)
                return pare_fail(PARE_EINVAL,
                                 "layer %s: %s is not known to shrinking",
                                 l->name, l->kind->name);
            tie_run(u, in, out, n, 1);
        }
    }
    return 0;
}

/* Lists of the members, once class names the lowest node of each. */
static void list_members(struct pare_units *u)
{
    size_t at = 0;

    for (size_t i = 0; i < u->n; i++) {
        u->class[i] = lowest(u->class, i);
        u->count[u->class[i]]++;
    }
    for (size_t i = 0; i < u->n; i++) {
        u->start[i] = at;
        at += u->count[i];
        u->count[i] = 0;
    }
    for (size_t i = 0; i < u->n; i++) {
        size_t c = u->class[i];

        u->member[u->start[c] + u->count[c]++] = i;
    }
}

/* ---- the whole ------------------------------------------------------- */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static int count_nodes(struct pare_units *u)
{
    const struct pare_arch *a = &u->m->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];

    u->first = calloc(a->n_layers + 2, sizeof *u->first);
    u->tensor = calloc(a->n_layers + 1, sizeof *u->tensor);
    if (!u->first || !u->tensor)
        return no_memory();
    u->first[1] = a->input.dim[0];
    for (size_t i = 0; i < a->n_layers; i++) {
        const struct pare_layer *l = &a->layer[i];

        u->first[i + 2] = u->first[i + 1] + l->out.dim[0];
        u->tensor[i + 1] = u->tensor[i] + (size_t)l->kind->tensors(l, spec);
    }
    u->n = u->first[a->n_layers + 1];
    if (u->n > PARE_NODES_MAX)
        return pare_fail(PARE_ELIMIT,
                         "the layers have %zu channels and features in all, "
                         "which is more than %zu",
                         u->n, PARE_NODES_MAX);
    return 0;
}

static bool alloc_nodes(struct pare_units *u)
{
    u->class = calloc(u->n, sizeof *u->class);
    u->constant = calloc(u->n, sizeof *u->constant);
    u->value = calloc(u->n, sizeof *u->value);
    u->needed = calloc(u->n, sizeof *u->needed);
    u->stand_in = calloc(u->n, sizeof *u->stand_in);
    u->member = calloc(u->n, sizeof *u->member);
    u->start = calloc(u->n, sizeof *u->start);
    u->count = calloc(u->n, sizeof *u->count);
    return u->class && u->constant && u->value && u->needed && u->stand_in &&
           u->member && u->start && u->count;
}

int pare_units_init(struct pare_units *out, const struct pare_model *m,
                    bool fold)
{
    struct pare_units u = {.m = m};
    int rc = pare_arch_need_graph(&m->arch);

    if (!rc)
        rc = count_nodes(&u);
    if (!rc && !alloc_nodes(&u))
        rc = no_memory();

    for (size_t i = 0; !rc && i < u.n; i++) {
        u.class[i] = i;
        u.stand_in[i] = PARE_NO_NODE;
    }
    for (size_t i = 0; !rc && i < m->arch.n_layers; i++)
        rc = tie_layer(&u, i);
    if (!rc) {
        list_members(&u);
        rc = pare_units_find_constants(&u);
    }
    if (!rc)
        rc = pare_units_find_needed(&u, fold);
    if (rc)
        pare_units_release(&u);
    else
        *out = u;
    return rc;
}

void pare_units_release(struct pare_units *u)
{
    free(u->first);
    free(u->tensor);
    free(u->class);
    free(u->constant);
    free(u->value);
    free(u->needed);
    free(u->stand_in);
    free(u->member);
    free(u->start);
    free(u->count);
    memset(u, 0, sizeof *u);
}
