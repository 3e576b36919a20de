/*
 * Operators that move dimensions: most leave a layer's output as it is, and
 * change only how ONNX sees it.
 */
#include "onnx_ops.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

/* Dimensions of a value without the batch, as ONNX has them. */
static int dims_of(size_t dim[3], const struct pare_onnx_value *v)
{
    int rank = v->shape.rank;

    if (v->flat) {
        dim[0] = pare_shape_size(&v->shape);
        return 1;
    }
    for (int i = 0; i < rank; i++)
        dim[i] = v->shape.dim[v->last ? (i + 1) % rank : i];
    return rank;
}

/* The order of memory is the same whether channels are first or last. */
static bool either_order(const struct pare_shape *s)
{
    return s->rank == 1 || s->dim[0] == 1 || pare_shape_size(s) == s->dim[0];
}

static bool same_dims(const size_t *a, int rank, const struct pare_shape *s)
{
    for (int i = 0; i < s->rank && rank == s->rank; i++)
        if (a[i] != s->dim[i])
            return false;
    return rank == s->rank;
}

/* May the input's shape still be chosen? */
static bool free_input(const struct pare_onnx_graph *g,
                       const struct pare_onnx_value *v)
{
    return v->layer == PARE_INPUT && v->uses == 1 && !v->shared &&
           !g->shape_used && g->norm.n <= 1;
}

/* See the value in other dimensions; its order in memory stays. */
static int regroup(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                   const struct pare_onnx_value *v, const size_t *dim, int rank)
{
    struct pare_onnx_value *out = &g->value[n->out[0]];
    bool last = v->last && !either_order(&v->shape);
    size_t old[3], count = 1;
    int old_rank = dims_of(old, v);

    for (int i = 0; i < rank; i++)
        count *= dim[i];
    if (v->swapped || count != pare_shape_size(&v->shape))
        return pare_onnx_unsaid(n, "another number of values");
    pare_onnx_alias(g, n, v);
    out->last = last;
    if (rank == 1) {
        out->flat = v->shape.rank > 1;
        /* A vector that was seen as channels of length 1. */
        if (free_input(g, v) && v->shape.rank == 2 && v->shape.dim[1] == 1) {
            g->shape = (struct pare_shape){1, {count}};
            out->shape = g->shape;
            out->flat = out->last = false;
        }
        return 0;
    }
    out->flat = false;
    if (!last && same_dims(dim, rank, &v->shape)) {
        out->last = false;
        return 0;
    }
    if (rank == old_rank && memcmp(dim, old, (size_t)rank * sizeof *dim) == 0) {
        out->last = v->last;
        return 0;
    }
    if (free_input(g, v) && !last && rank <= 3) {
        g->shape.rank = rank;
        memcpy(g->shape.dim, dim, (size_t)rank * sizeof *dim);
        out->shape = g->shape;
        return 0;
    }
    return pare_onnx_unsaid(n, "images made of other dimensions");
}

int pare_onnx_flatten(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    int64_t axis = pare_onnx_int(n, "axis", 1);
    size_t size = pare_shape_size(&v->shape), dim[3];

    if (!v->flows)
        return pare_onnx_unsaid(n, "no input");
    if (axis < 0)
        axis += dims_of(dim, v) + 1;
    if (axis != 1)
        return pare_onnx_unsaid(n, "a matrix whose rows are not samples");
    return regroup(g, n, v, &size, 1);
}

/* Is the number a size of the batch, before dimensions of all the rest? */
static bool is_batch(const struct pare_onnx_graph *g, int64_t t, bool all)
{
    return t == PARE_ONNX_BATCH || t == 0 || (t == -1 && all) ||
           (all && (t == 1 || t == g->batch));
}

int pare_onnx_reshape(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    size_t count, size = pare_shape_size(&v->shape), rest = 1, dim[3], old[3];
    size_t open = PARE_ONNX_NONE;
    int old_rank = dims_of(old, v);
    const int64_t *t;
    int rc = pare_onnx_ints(&t, &count, g, n, "shape", 1);

    if (rc || !v->flows || !t || count < 2 || count > 4)
        return rc ? rc : pare_onnx_unsaid(n, "a shape of another kind");
    for (size_t i = 1; i < count; i++) {
        int64_t d = t[i];

        if (d == 0 && !pare_onnx_int(n, "allowzero", 0) && (int)i <= old_rank)
            d = (int64_t)old[i - 1];
        if (d == -1)
            open = i;
        else if (d < 1 || (uint64_t)d > size)
            return pare_onnx_unsaid(n, "a shape of another kind");
        dim[i - 1] = d == -1 ? 1 : (size_t)d;
        rest *= dim[i - 1];
        if (rest > size)
            return pare_onnx_unsaid(n, "another number of values");
    }
    if (open != PARE_ONNX_NONE && (t[0] == -1 || size % rest != 0))
        return pare_onnx_unsaid(n, "a shape of another kind");
    if (open != PARE_ONNX_NONE)
        dim[open - 1] = size / rest;
    /* With a size left open, the first one must be the whole batch. */
    if (!is_batch(g, t[0],
                  open == PARE_ONNX_NONE || t[0] == g->batch ||
                      (t[0] == 1 && g->batch <= 1)))
        return pare_onnx_unsaid(n, "a shape that mixes samples");
    return regroup(g, n, v, dim, (int)count - 1);
}

/* Squeeze and Unsqueeze: dimensions of 1. */
int pare_onnx_squeeze(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    bool out = strcmp(n->name, "Squeeze") == 0;
    size_t old[3], dim[PARE_FOREIGN_RANK], count;
    int from = 1, to = 0, rank, old_rank = dims_of(old, v) + 1;
    const int64_t *axis;
    int rc = pare_onnx_ints(&axis, &count, g, n, "axes", 1);

    if (rc || !v->flows || count > 3 || count == 0)
        return rc ? rc : pare_onnx_unsaid(n, "axes of another kind");
    rank = out ? old_rank : old_rank + (int)count;
    for (int i = 0; i < rank; i++) {
        bool named = false;

        for (size_t k = 0; k < count; k++)
            named = named || axis[k] == i || axis[k] == i - rank;
        if (i == 0 && named)
            return pare_onnx_unsaid(n, "a dimension before the batch");
        if (i == 0)
            continue;
        if ((out || !named) && from >= old_rank)
            return pare_onnx_unsaid(n, "axes of another kind");
        if (!out && named)
            dim[to++] = 1;
        else if (!named)
            dim[to++] = old[from++ - 1];
        else if (old[from++ - 1] != 1)
            return pare_onnx_unsaid(n, "a dimension that is not 1");
    }
    if (to < 1 || to > 3)
        return pare_onnx_unsaid(n, "%d dimensions of a sample", to);
    return regroup(g, n, v, dim, to);
}

int pare_onnx_transpose(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    struct pare_onnx_value *out = &g->value[n->out[0]];
    size_t old[3], count;
    int rank = dims_of(old, v) + 1, first = 1, back = 1;
    const int64_t *perm;
    int rc = pare_onnx_ints(&perm, &count, g, n, "perm", 1);

    if (rc || !v->flows || (perm && count != (size_t)rank))
        return rc ? rc : pare_onnx_unsaid(n, "another permutation");
    if (rank == 2 && (!perm || perm[0] == 1)) {
        pare_onnx_alias(g, n, v);
        out->swapped = !v->swapped;
        return 0;
    }
    if (!perm || perm[0] != 0 || v->swapped)
        return pare_onnx_unsaid(n, "a permutation of samples");
    for (int i = 1; i < rank; i++) {
        if (perm[i] == i)
            first++;
        /* Channels to the end, or from there to the front. */
        if (perm[i] == (v->last ? (i == 1 ? rank - 1 : i - 1)
                                : (i == rank - 1 ? 1 : i + 1)))
            back++;
    }
    pare_onnx_alias(g, n, v);
    if (first == rank)
        return 0;
    out->last = !v->last;
    return back == rank
               ? 0
               : pare_onnx_unsaid(n, "another permutation than that of the "
                                     "channels");
}

/* Every k-th row and column, from the first on: a pool of single values. */
int pare_onnx_slice(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    const int64_t *from, *to, *axis, *step;
    size_t n_from, n_to, n_axis, n_step, stride[3] = {1, 1, 1};
    struct pare_onnx_layer *l;
    int rc = pare_onnx_ints(&from, &n_from, g, n, "starts", 1), rank;

    if (!rc)
        rc = pare_onnx_ints(&to, &n_to, g, n, "ends", 2);
    if (!rc)
        rc = pare_onnx_ints(&axis, &n_axis, g, n, "axes", 3);
    if (!rc)
        rc = pare_onnx_ints(&step, &n_step, g, n, "steps", 4);
    if (rc)
        return rc;
    rank = v->shape.rank;
    if (!v->flows || v->flat || v->last || v->swapped || n_from != n_to ||
        (axis && n_axis != n_from) || (step && n_step != n_from))
        return pare_onnx_unsaid(n, "a part of another kind");
    for (size_t i = 0; i < n_from; i++) {
        int64_t k = axis ? axis[i] : (int64_t)i;
        bool whole;

        k = k < 0 && k >= -rank - 1 ? k + rank + 1 : k;
        whole =
            k >= 0 && k <= rank && from[i] == 0 &&
            (k == 0 ? to[i] > 1 << 30 : to[i] >= (int64_t)v->shape.dim[k - 1]);
        if (!whole || (step && (step[i] < 1 || step[i] > 65535)) ||
            (k < 2 && step && step[i] != 1))
            return pare_onnx_unsaid(n, "a part of the dimensions");
        if (k > 0 && step)
            stride[k - 1] = (size_t)step[i];
    }
    if (stride[1] * stride[2] == 1) {
        pare_onnx_alias(g, n, v);
        return 0;
    }
    l = pare_onnx_layer_add(g, "maxpool", v);
    if (!l)
        return PARE_ENOMEM;
    for (int i = 1; i < rank; i++)
        l->out.dim[i] = (l->out.dim[i] - 1) / stride[i] + 1;
    if (rank == 3)
        snprintf(l->args, sizeof l->args, "1,stride=%zux%zu", stride[1],
                 stride[2]);
    else
        snprintf(l->args, sizeof l->args, "1,stride=%zu", stride[1]);
    pare_onnx_flow(g, n, v);
    return 0;
}
