/* Nodes whose inputs are constants are computed while the graph is read. */
#include "onnx_parts.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

/* Values that constants made of others may have in all. */
#define FOLDED_MAX(g) (((uint64_t)1 << 22) + 4 * (g)->read)

typedef struct pare_onnx_array array;

/* A new array for the output of the node. */
static int make(array **out, struct pare_onnx_graph *g,
                const struct pare_onnx_node *n, int rank, const uint64_t *dim,
                const array *like)
{
    uint64_t count = 1;

    for (int i = 0; i < rank; i++) {
        if (dim[i] && count > FOLDED_MAX(g) / dim[i])
            return pare_onnx_unsaid(n, "its constants are too large");
        count *= dim[i];
    }
    if (count > FOLDED_MAX(g) - g->folded)
        return pare_onnx_unsaid(n, "its constants are too large");
    g->folded += count;
    *out = pare_onnx_array_new(g, rank, dim, like->f != NULL);
    if (!*out)
        return PARE_ENOMEM;
    (*out)->dtype = like->dtype;
    g->value[n->out[0]].array = *out;
    return 0;
}

static void copy_value(array *to, size_t k, const array *from, size_t i)
{
    if (to->f)
        to->f[k] = from->f[i];
    else
        to->i[k] = from->i[i];
}

static int reshaped(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const array *a, int rank, const uint64_t *dim)
{
    uint64_t count = 1;
    array *out;
    int rc;

    for (int i = 0; i < rank; i++)
        count =
            dim[i] && count > UINT64_MAX / dim[i] ? UINT64_MAX : count * dim[i];
    if (count != a->n)
        return pare_onnx_unsaid(n, "the shape does not fit its constant");
    rc = make(&out, g, n, rank, dim, a);
    for (size_t k = 0; !rc && k < a->n; k++)
        copy_value(out, k, a, k);
    return rc;
}

static int fold_constant(struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n)
{
    const Onnx__AttributeProto *p = pare_onnx_attr(n, "value");
    const uint64_t none = 0;
    uint64_t count;
    array *out = NULL, like = {.dtype = PARE_F32};
    bool floats;
    int rc;

    if (p && p->t) {
        rc = pare_onnx_array_read(&out, g, p->t);
        g->value[n->out[0]].array = out;
        return rc;
    }
    p = pare_onnx_attr(n, "value_float");
    if (!p)
        p = pare_onnx_attr(n, "value_int");
    if (!p)
        p = pare_onnx_attr(n, "value_floats");
    if (!p)
        p = pare_onnx_attr(n, "value_ints");
    if (!p)
        return pare_onnx_unsaid(n, "its value is not of numbers");
    floats = p->has_f || p->n_floats;
    like.f = floats ? (float[1]){0} : NULL;
    count = floats ? p->n_floats : p->n_ints;
    rc = make(&out, g, n, p->has_f || p->has_i ? 0 : 1, count ? &count : &none,
              &like);
    for (size_t k = 0; !rc && k < out->n; k++)
        if (floats)
            out->f[k] = p->has_f ? p->f : p->floats[k];
        else
            out->i[k] = p->has_i ? p->i : p->ints[k];
    return rc;
}

static int fold_same(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    g->value[n->out[0]].array = pare_onnx_const(g, n, 0);
    return 0;
}

static int fold_cast(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0);
    int64_t to = pare_onnx_int(n, "to", 0);
    bool floats = to == 1 || to == 10 || to == 11 || to == 16;
    array like = {.f = floats ? (float[1]){0} : NULL}, *out;
    int rc;

    if (floats && a->f && (to == 1 || to == 11))
        return fold_same(g, n);
    if ((floats && to != 1 && to != 11) || (!floats && to != 6 && to != 7) ||
        (a->f && !floats))
        return pare_onnx_unsaid(n, "a conversion of constants to type %d",
                                (int)to);
    if (!floats)
        return fold_same(g, n);
    rc = make(&out, g, n, a->rank, a->dim, &like);
    for (size_t k = 0; !rc && k < a->n; k++) {
        if (a->i[k] == PARE_ONNX_BATCH)
            return pare_onnx_unsaid(n, "it depends on the batch");
        out->f[k] = (float)a->i[k];
    }
    return rc;
}

static int fold_shape(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    int64_t d[PARE_FOREIGN_RANK] = {PARE_ONNX_BATCH};
    uint64_t count = 1;
    int rank = v->shape.rank;
    array *out, like = {.f = NULL};
    int rc;

    if (pare_onnx_attr(n, "start") || pare_onnx_attr(n, "end"))
        return pare_onnx_unsaid(n, "a part of a shape");
    if (v->array) {
        count = (uint64_t)v->array->rank;
        for (size_t i = 0; i < count; i++)
            d[i] = (int64_t)v->array->dim[i];
    } else if (v->swapped) {
        return pare_onnx_unsaid(n, "the shape of a transposed matrix");
    } else if (v->flat) {
        d[count++] = (int64_t)pare_shape_size(&v->shape);
    } else {
        for (int i = 0; i < rank; i++)
            d[count++] = (int64_t)v->shape.dim[v->last ? (i + 1) % rank : i];
    }
    rc = make(&out, g, n, 1, &count, &like);
    if (!rc)
        memcpy(out->i, d, out->n * sizeof *d);
    return rc;
}

static int fold_reshape(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0);
    uint64_t dim[PARE_FOREIGN_RANK], rest = 1;
    const int64_t *t;
    size_t count, open = PARE_ONNX_NONE;
    int rc = pare_onnx_ints(&t, &count, g, n, NULL, 1);

    if (rc || !t || count > PARE_FOREIGN_RANK ||
        pare_onnx_int(n, "allowzero", 0))
        return rc ? rc : pare_onnx_unsaid(n, "a shape of another kind");
    for (size_t i = 0; i < count; i++) {
        if (t[i] < -1 || t[i] > (int64_t)1 << 40 ||
            (t[i] == 0 && i >= (size_t)a->rank))
            return pare_onnx_unsaid(n, "a shape of another kind");
        dim[i] = t[i] == 0 ? a->dim[i] : (uint64_t)t[i];
        if (t[i] == -1)
            open = i;
        else if (dim[i] && rest > UINT64_MAX / dim[i])
            return pare_onnx_unsaid(n, "a shape of another kind");
        else
            rest *= dim[i];
    }
    if (open != PARE_ONNX_NONE)
        dim[open] = rest ? a->n / rest : 0;
    return reshaped(g, n, a, (int)count, dim);
}

/* Dimensions of 1 put in or left out. */
static int fold_squeeze(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0);
    bool out = strcmp(n->name, "Unsqueeze") != 0;
    uint64_t dim[PARE_FOREIGN_RANK];
    const int64_t *axis;
    size_t count;
    int rc = pare_onnx_ints(&axis, &count, g, n, "axes", 1);
    int rank = out ? a->rank : a->rank + (int)count, from = 0, to = 0;

    if (rc)
        return rc;
    if (count > PARE_FOREIGN_RANK || rank > PARE_FOREIGN_RANK)
        return pare_onnx_unsaid(n, "axes of another kind");
    for (int i = 0; i < rank; i++) {
        bool named = out && count == 0 && a->dim[i] == 1;

        for (size_t k = 0; k < count; k++)
            named = named || axis[k] == i || axis[k] == i - rank;
        if (!named && from >= a->rank)
            return pare_onnx_unsaid(n, "axes of another kind");
        if (!out && named)
            dim[to++] = 1;
        else if (!named)
            dim[to++] = a->dim[from++];
        else
            from++;
    }
    return reshaped(g, n, a, to, dim);
}

static int fold_transpose(struct pare_onnx_graph *g,
                          const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0);
    uint64_t dim[PARE_FOREIGN_RANK], stride[PARE_FOREIGN_RANK], s = 1;
    const int64_t *perm;
    size_t count;
    array *out;
    bool seen[PARE_FOREIGN_RANK] = {false};
    int rc = pare_onnx_ints(&perm, &count, g, n, "perm", 1);

    if (rc || (perm && count != (size_t)a->rank))
        return rc ? rc : pare_onnx_unsaid(n, "another permutation");
    for (int i = a->rank; i-- > 0; s *= a->dim[i])
        stride[i] = s;
    for (int i = 0; i < a->rank; i++) {
        int64_t from = perm ? perm[i] : a->rank - 1 - i;

        if (from < 0 || from >= a->rank || seen[from])
            return pare_onnx_unsaid(n, "another permutation");
        seen[from] = true;
        dim[i] = a->dim[from];
    }
    rc = make(&out, g, n, a->rank, dim, a);
    for (size_t k = 0; !rc && k < a->n; k++) {
        size_t rest = k, from = 0;

        for (int i = a->rank; i-- > 0; rest /= dim[i])
            from += rest % dim[i] * stride[perm ? perm[i] : a->rank - 1 - i];
        copy_value(out, k, a, from);
    }
    return rc;
}

/* Of lists alone, and of single numbers as lists. */
static int fold_concat(struct pare_onnx_graph *g,
                       const struct pare_onnx_node *n)
{
    uint64_t count = 0;
    size_t at = 0;
    array *out;
    int rc;

    for (size_t k = 0; k < n->n_in; k++) {
        const array *a = pare_onnx_const(g, n, k);

        if (!a || a->rank != 1 || !a->f != !pare_onnx_const(g, n, 0)->f)
            return pare_onnx_unsaid(n, "constants that are no lists");
        count += a->n;
    }
    rc = make(&out, g, n, 1, &count, pare_onnx_const(g, n, 0));
    for (size_t k = 0; !rc && k < n->n_in; k++)
        for (size_t i = 0; i < pare_onnx_const(g, n, k)->n; i++)
            copy_value(out, at++, pare_onnx_const(g, n, k), i);
    return rc;
}

static int fold_gather(struct pare_onnx_graph *g,
                       const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0), *at = pare_onnx_const(g, n, 1);
    array *out;
    int rc;

    if (a->rank != 1 || !at || !at->i)
        return pare_onnx_unsaid(n, "constants that are no lists");
    rc = make(&out, g, n, at->rank, at->dim, a);
    for (size_t k = 0; !rc && k < at->n; k++) {
        int64_t i = at->i[k] < 0 && at->i[k] != PARE_ONNX_BATCH
                        ? at->i[k] + (int64_t)a->n
                        : at->i[k];

        if (i < 0 || (uint64_t)i >= a->n)
            return pare_onnx_unsaid(n, "an index outside its list");
        copy_value(out, k, a, (size_t)i);
    }
    return rc;
}

static int64_t clamp_index(int64_t i, int64_t n)
{
    if (i < 0)
        i = i < -n ? 0 : i + n;
    return i > n ? n : i;
}

static int fold_slice(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0);
    const int64_t *from, *to, *step;
    size_t n_from, n_to, n_step;
    int64_t first, end;
    uint64_t count;
    array *out;
    int rc = pare_onnx_ints(&from, &n_from, g, n, "starts", 1);

    if (!rc)
        rc = pare_onnx_ints(&to, &n_to, g, n, "ends", 2);
    if (!rc)
        rc = pare_onnx_ints(&step, &n_step, g, n, "steps", 4);
    if (rc)
        return rc;
    if (a->rank != 1 || n_from != 1 || n_to != 1 || (step && step[0] != 1))
        return pare_onnx_unsaid(n, "constants that are no lists");
    first = clamp_index(from[0], (int64_t)a->n);
    end = clamp_index(to[0], (int64_t)a->n);
    count = end > first ? (uint64_t)(end - first) : 0;
    rc = make(&out, g, n, 1, &count, a);
    for (size_t k = 0; !rc && k < count; k++)
        copy_value(out, k, a, (size_t)first + k);
    return rc;
}

static bool same_dims(const array *a, const array *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* Of numbers of one shape, or one shape and one number. */
static int fold_arithmetic(struct pare_onnx_graph *g,
                           const struct pare_onnx_node *n)
{
    const array *a = pare_onnx_const(g, n, 0), *b = pare_onnx_const(g, n, 1);
    const array *wide = b && b->n > a->n ? b : a;
    array *out;
    int rc;

    if (!b || !a->f || !b->f || (!same_dims(a, b) && a->n != 1 && b->n != 1))
        return pare_onnx_unsaid(n, "arithmetic of constants of this kind");
    rc = make(&out, g, n, wide->rank, wide->dim, wide);
    if (rc)
        return rc;
    out->dtype = PARE_F32;
    for (size_t k = 0; k < out->n; k++) {
        float x = a->f[a->n == 1 ? 0 : k], y = b->f[b->n == 1 ? 0 : k];

        out->f[k] = n->name[0] == 'A'   ? x + y
                    : n->name[0] == 'S' ? x - y
                    : n->name[0] == 'M' ? x * y
                                        : x / y;
    }
    return 0;
}

/* Whole numbers as floats, one scale for all or for each of an axis. */
static int fold_dequantize(struct pare_onnx_graph *g,
                           const struct pare_onnx_node *n)
{
    const array *q = pare_onnx_const(g, n, 0), *s = pare_onnx_const(g, n, 1);
    const array *zero = pare_onnx_const(g, n, 2);
    int64_t axis = pare_onnx_int(n, "axis", 1);
    size_t inner = 1, along = 1;
    array *out;
    int rc;

    if (axis < 0)
        axis += q->rank;
    if (!q->i || !s || !s->f || s->n == 0 || (zero && zero->n != s->n) ||
        (zero && !zero->i) || pare_onnx_int(n, "block_size", 0))
        return pare_onnx_unsaid(n, "quantisation of another kind");
    if (s->n != 1) {
        if (axis < 0 || axis >= q->rank || q->dim[axis] != s->n)
            return pare_onnx_unsaid(n, "quantisation of another kind");
        along = s->n;
        for (int i = (int)axis + 1; i < q->rank; i++)
            inner *= q->dim[i];
    }
    rc = make(&out, g, n, q->rank, q->dim, s);
    if (rc)
        return rc;
    out->dtype = PARE_F32;
    for (size_t k = 0; k < q->n; k++) {
        size_t c = k / inner % along;

        out->f[k] = (float)((double)q->i[k] - (zero ? (double)zero->i[c] : 0)) *
                    s->f[c];
    }
    return 0;
}

static const struct row {
    const char *name;
    int (*fold)(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
} rows[] = {
    {"Add", fold_arithmetic},
    {"Cast", fold_cast},
    {"Concat", fold_concat},
    {"Constant", fold_constant},
    {"DequantizeLinear", fold_dequantize},
    {"Div", fold_arithmetic},
    {"Dropout", fold_same},
    {"Gather", fold_gather},
    {"Identity", fold_same},
    {"Mul", fold_arithmetic},
    {"Reshape", fold_reshape},
    {"Shape", fold_shape},
    {"Slice", fold_slice},
    {"Squeeze", fold_squeeze},
    {"Sub", fold_arithmetic},
    {"Transpose", fold_transpose},
    {"Unsqueeze", fold_squeeze},
};

int pare_onnx_fold(bool *done, struct pare_onnx_graph *g,
                   const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    bool constant = strcmp(n->name, "Constant") == 0;

    *done = false;
    if (n->n_out < 1 || n->out[0] == PARE_ONNX_NONE)
        return 0;
    if (!constant &&
        (!v || !(v->array || (v->flows && strcmp(n->name, "Shape") == 0))))
        return 0;
    for (size_t k = 1; k < n->n_in; k++)
        if (n->in[k] != PARE_ONNX_NONE && !g->value[n->in[k]].array)
            return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, n->name) == 0) {
            *done = true;
            return rows[i].fold(g, n);
        }
    return 0;
}
