#include "csource.h"

#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "status.h"

/* What a layer does to the place of its input. */
enum way {
    SAME,    /* nothing: its output is its input */
    INPLACE, /* its output can lie there */
    APART
};

static enum way way_of(const struct pare_layer *l)
{
    switch (l->kind->op) {
    case PARE_OP_IDENTITY:
    case PARE_OP_DROPOUT:
    case PARE_OP_FLATTEN:
        return SAME;
    case PARE_OP_RELU:
    case PARE_OP_LEAKY_RELU:
    case PARE_OP_TANH:
    case PARE_OP_SIGMOID:
    case PARE_OP_SILU:
    case PARE_OP_GELU:
    case PARE_OP_SRELU:
    case PARE_OP_BATCHNORM:
    case PARE_OP_SOFTMAX:
    case PARE_OP_LOG_SOFTMAX:
        return INPLACE;
    case PARE_OP_LINEAR:
    case PARE_OP_CONV:
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
    case PARE_OP_PAD:
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
    case PARE_OP_RBM:
    case PARE_OP_WEIGHTS:
        break;
    }
    return APART;
}

size_t c_input(const struct c_plan *p, size_t i, int k)
{
    size_t from = p->m->arch.layer[i].input[k];

    return from == PARE_INPUT ? 0 : from + 1;
}

/* The step that reads each value last; the output is read at the end. */
static void find_readers(size_t *last, const struct c_plan *p)
{
    for (size_t i = 0; i + 1 < p->n; i++)
        for (int k = 0; k < p->m->arch.layer[i].n_inputs; k++)
            last[c_input(p, i, k)] = i + 1;
    last[p->n - 1] = p->n;
}

/* Is nothing in the place of the step's input needed after it? */
static bool is_free(const struct c_plan *p, const size_t *last, size_t step,
                    size_t root)
{
    if (root == 0 && !p->normalise)
        return false; /* the caller's */
    for (size_t v = 0; v < step; v++)
        if (p->root[v] == root && last[v] > step)
            return false;
    return true;
}

static void find_roots(struct c_plan *p, const size_t *last)
{
    p->root[0] = 0;
    for (size_t step = 1; step < p->n; step++) {
        const struct pare_layer *l = &p->m->arch.layer[step - 1];
        size_t root = p->root[c_input(p, step - 1, 0)];
        enum way way = way_of(l);

        if (way == SAME || (way == INPLACE && is_free(p, last, step, root)))
            p->root[step] = root;
        else
            p->root[step] = step;
    }
    for (size_t v = 0; v < p->n; v++) {
        struct c_place *place = &p->place[p->root[v]];

        if (last[v] > place->last)
            place->last = last[v];
        if (p->root[v] == v)
            place->size = pare_shape_size(v ? &p->m->arch.layer[v - 1].out
                                            : &p->m->arch.input);
    }
}

/* The lowest offset where a root meets none that is there with it. */
static size_t find_room(const struct c_plan *p, size_t root)
{
    size_t at = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t r = 0; r < root; r++) {
            const struct c_place *q = &p->place[r];

            if (p->root[r] != r || q->room != C_WORK || q->last < root ||
                q->at >= at + p->place[root].size || at >= q->at + q->size)
                continue;
            at = q->at + q->size;
            moved = true;
        }
    }
    return at;
}

static void find_places(struct c_plan *p)
{
    for (size_t r = 0; r < p->n; r++) {
        struct c_place *place = &p->place[r];

        if (p->root[r] != r)
            continue;
        place->room = r == p->root[p->n - 1] ? C_OUTPUT : C_WORK;
        if (r == 0 && !p->normalise)
            place->room = C_INPUT;
        if (place->room != C_WORK)
            continue;
        place->at = find_room(p, r);
        if (place->at + place->size > p->work)
            p->work = place->at + place->size;
    }
}

static int check_layers(const struct pare_model *m)
{
    int err = pare_arch_need_graph(&m->arch);

    for (size_t i = 0; !err && i < m->arch.n_layers; i++)
        if (m->arch.layer[i].kind->op == PARE_OP_RBM)
            err = pare_fail(PARE_EINVAL,
                            "c: layer '%s' is a Boltzmann machine, which has "
                            "no function of inputs",
                            m->arch.layer[i].name);
    return err;
}

int c_plan_init(struct c_plan *p, const struct pare_model *m)
{
    size_t n = m->arch.n_layers + 1, *last;
    int err = check_layers(m);

    if (err)
        return err;
    p->m = m;
    p->n = n;
    p->normalise = m->norm.n || (m->norm.scale != 0 && m->norm.scale != 1);
    p->root = calloc(n, sizeof *p->root);
    p->place = calloc(n, sizeof *p->place);
    p->tensor = calloc(n, sizeof *p->tensor);
    last = calloc(n, sizeof *last);
    if (!p->root || !p->place || !p->tensor || !last) {
        c_plan_release(p);
        free(last);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    for (size_t t = m->n_tensors; t-- > 0;)
        p->tensor[m->tensor[t].layer + 1] = t;
    find_readers(last, p);
    find_roots(p, last);
    find_places(p);
    free(last);
    return 0;
}

void c_plan_release(struct c_plan *p)
{
    free(p->root);
    free(p->place);
    free(p->tensor);
    memset(p, 0, sizeof *p);
}

bool c_copies(const struct c_plan *p)
{
    for (size_t i = 0; i + 1 < p->n; i++)
        if (pare_layer_joins(p->m->arch.layer[i].kind))
            return true;
    return p->place[p->root[p->n - 1]].room == C_INPUT;
}

/* The dropout that a linear layer reads from, flattened or not. */
static const struct pare_layer *dropout_before(const struct pare_arch *a,
                                               size_t i)
{
    size_t from = a->layer[i].input[0];

    while (from != PARE_INPUT && (a->layer[from].kind->op == PARE_OP_FLATTEN ||
                                  a->layer[from].kind->op == PARE_OP_IDENTITY))
        from = a->layer[from].input[0];
    if (from == PARE_INPUT || a->layer[from].kind->op != PARE_OP_DROPOUT)
        return NULL;
    return &a->layer[from];
}

float c_share(const struct c_plan *p, size_t i)
{
    const struct pare_dialect *d = pare_dialect_find(p->m->training.dialect);
    const struct pare_layer *l;

    if (!d || !d->plain_dropout ||
        p->m->arch.layer[i].kind->op != PARE_OP_LINEAR)
        return 1;
    l = dropout_before(&p->m->arch, i);
    return l ? 1 - (float)pare_layer_opt(l, "p") : 1;
}

bool c_shares(const struct c_plan *p)
{
    for (size_t i = 0; i + 1 < p->n; i++)
        if (c_share(p, i) != 1)
            return true;
    return false;
}
