/* Windows of convolutions and pools, and layers that have no other tensor. */
#include "onnx_ops.h"
#include "onnx_window.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

#define WIDEST 65535 /* kernel, stride, pad or dilation of a layer */

/* An attribute of one number for each dimension. */
static int read_each(size_t *out, const struct pare_onnx_node *n,
                     const char *name, int count, int64_t lowest)
{
    const Onnx__AttributeProto *a = pare_onnx_attr(n, name);

    if (!a)
        return 0;
    if (a->n_ints != (size_t)count)
        return pare_onnx_unsaid(n, "%zu %s", a->n_ints, name);
    for (int i = 0; i < count; i++) {
        if (a->ints[i] < lowest || a->ints[i] > WIDEST)
            return pare_onnx_unsaid(n, "%s of %lld", name,
                                    (long long)a->ints[i]);
        out[i] = (size_t)a->ints[i];
    }
    return 0;
}

static int read_kernel(struct pare_onnx_window *win,
                       const struct pare_onnx_node *n,
                       const struct pare_onnx_array *w)
{
    for (int i = 0; w && i < win->n; i++) {
        if (w->rank != win->n + 2 || w->dim[i + 2] < 1 ||
            w->dim[i + 2] > WIDEST)
            return pare_onnx_unsaid(n, "weights of another shape");
        win->kernel[i] = (size_t)w->dim[i + 2];
    }
    if (!w && !pare_onnx_attr(n, "kernel_shape"))
        return pare_onnx_unsaid(n, "no kernel_shape");
    return w ? 0 : read_each(win->kernel, n, "kernel_shape", win->n, 1);
}

static size_t reach(const struct pare_onnx_window *win, int i)
{
    return (win->kernel[i] - 1) * win->dilation[i] + 1;
}

/* Pads that make the output as large as the input over the stride. */
static void pad_same(struct pare_onnx_window *win, const size_t *size,
                     bool lower)
{
    for (int i = 0; i < win->n; i++) {
        size_t out = (size[i] + win->stride[i] - 1) / win->stride[i];
        size_t need = (out - 1) * win->stride[i] + reach(win, i);
        size_t all = need > size[i] ? need - size[i] : 0;

        win->begin[i] = lower ? all - all / 2 : all / 2;
        win->end[i] = all - win->begin[i];
    }
}

/* What ceil_mode adds behind the end, so that a window begins there. */
static void pad_ceil(struct pare_onnx_window *win, const size_t *size)
{
    for (int i = 0; i < win->n; i++) {
        size_t have = size[i] + win->begin[i] + win->end[i];
        size_t over;

        if (have < reach(win, i))
            continue;
        over = (have - reach(win, i)) % win->stride[i];
        /* A window that would begin behind the image is left out. */
        if (over && have - reach(win, i) - over + win->stride[i] <
                        size[i] + win->begin[i])
            win->extra[i] = win->stride[i] - over;
        win->end[i] += win->extra[i];
    }
}

int pare_onnx_window_read(struct pare_onnx_window *win,
                          const struct pare_onnx_graph *g,
                          const struct pare_onnx_node *n,
                          const struct pare_onnx_value *v,
                          const struct pare_onnx_array *w)
{
    const size_t *size = &v->shape.dim[1];
    size_t pads[4] = {0};
    bool lower = pare_onnx_text_is(n, "auto_pad", "SAME_LOWER", false);
    int rc;

    (void)g;
    *win = (struct pare_onnx_window){
        .n = v->shape.rank - 1, .stride = {1, 1}, .dilation = {1, 1}};
    if (v->shape.rank < 2 || v->flat || v->swapped || v->last)
        return pare_onnx_unsaid(n, "an input that is not (batch, channels, "
                                   "height, width) or (batch, channels, "
                                   "length)");
    rc = read_kernel(win, n, w);
    if (!rc)
        rc = read_each(win->stride, n, "strides", win->n, 1);
    if (!rc)
        rc = read_each(win->dilation, n, "dilations", win->n, 1);
    if (!rc)
        rc = read_each(pads, n, "pads", 2 * win->n, 0);
    if (rc)
        return rc;
    for (int i = 0; i < win->n; i++) {
        win->begin[i] = pads[i];
        win->end[i] = pads[i + win->n];
    }
    if (lower || pare_onnx_text_is(n, "auto_pad", "SAME_UPPER", false))
        pad_same(win, size, lower);
    else if (pare_onnx_text_is(n, "auto_pad", "VALID", false))
        memset(win->begin, 0, sizeof win->begin),
            memset(win->end, 0, sizeof win->end);
    if (!w && pare_onnx_int(n, "ceil_mode", 0))
        pad_ceil(win, size);
    return 0;
}

static size_t steps(size_t have, const struct pare_onnx_window *win, int i)
{
    return have < reach(win, i) ? 0
                                : (have - reach(win, i)) / win->stride[i] + 1;
}

/* As much at the end as at the beginning, where that changes nothing. */
static bool make_even(struct pare_onnx_window *win, const size_t *size,
                      bool pool)
{
    bool even = true;

    for (int i = 0; i < win->n; i++) {
        size_t have = size[i] + win->begin[i];

        if (win->begin[i] != win->end[i] &&
            steps(have + win->end[i], win, i) ==
                steps(have + win->begin[i], win, i))
            win->end[i] = win->begin[i];
        even = even && win->begin[i] == win->end[i] &&
               (!pool || win->begin[i] <= win->kernel[i] / 2);
    }
    return even;
}

int pare_onnx_window_pad(struct pare_onnx_window *win,
                         struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n,
                         struct pare_onnx_value *v, double value)
{
    bool pool = strcmp(n->name, "Conv") != 0;
    bool two = win->n == 2;
    struct pare_onnx_layer *l;

    if (make_even(win, &v->shape.dim[1], pool))
        return 0;
    l = pare_onnx_layer_add(g, "pad", v);
    if (!l)
        return PARE_ENOMEM;
    snprintf(l->args, sizeof l->args,
             "top=%zu,bottom=%zu,left=%zu,right=%zu,value=%g",
             two ? win->begin[0] : 0, two ? win->end[0] : 0, win->begin[two],
             win->end[two], value);
    for (int i = 0; i < win->n; i++) {
        l->out.dim[i + 1] += win->begin[i] + win->end[i];
        win->begin[i] = win->end[i] = 0;
    }
    v->layer = g->n_layers - 1;
    v->shape = l->out;
    return 0;
}

static void print_pair(struct pare_onnx_layer *l, const char *name,
                       const size_t *v, int n)
{
    size_t at = strlen(l->args);

    if (n == 2 && v[0] != v[1])
        snprintf(l->args + at, sizeof l->args - at, "%s%zux%zu", name, v[0],
                 v[1]);
    else
        snprintf(l->args + at, sizeof l->args - at, "%s%zu", name, v[0]);
}

void pare_onnx_window_print(struct pare_onnx_layer *l,
                            const struct pare_onnx_window *win)
{
    print_pair(l, "", win->kernel, win->n);
    print_pair(l, ",stride=", win->stride, win->n);
    if (win->begin[0] || (win->n == 2 && win->begin[1]))
        print_pair(l, ",pad=", win->begin, win->n);
    if (win->dilation[0] > 1 || (win->n == 2 && win->dilation[1] > 1))
        print_pair(l, ",dilation=", win->dilation, win->n);
}

int pare_onnx_window_out(struct pare_shape *shape,
                         const struct pare_onnx_node *n,
                         const struct pare_onnx_window *win)
{
    for (int i = 0; i < win->n; i++) {
        size_t have = shape->dim[i + 1] + win->begin[i] + win->end[i];

        shape->dim[i + 1] = steps(have, win, i);
        if (shape->dim[i + 1] == 0)
            return pare_onnx_unsaid(n, "its kernel is larger than its input");
    }
    return 0;
}

static bool unit(const struct pare_onnx_window *win)
{
    return win->dilation[0] == 1 && win->dilation[1] == 1;
}

static int add_pool(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const struct pare_onnx_value *v,
                    const struct pare_onnx_window *win, bool average,
                    bool count_pad)
{
    struct pare_onnx_layer *l =
        pare_onnx_layer_add(g, average ? "avgpool" : "maxpool", v);
    int rc;

    if (!l)
        return PARE_ENOMEM;
    pare_onnx_window_print(l, win);
    if (average && !count_pad && (win->begin[0] || win->begin[1]))
        snprintf(l->args + strlen(l->args), 20, ",count-pad=no");
    rc = pare_onnx_window_out(&l->out, n, win);
    if (!rc)
        pare_onnx_flow(g, n, v);
    return rc;
}

int pare_onnx_pool(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    struct pare_onnx_value v = *pare_onnx_in(g, n, 0);
    bool average = strcmp(n->name, "AveragePool") == 0;
    bool count = average && pare_onnx_int(n, "count_include_pad", 0);
    struct pare_onnx_window win, even;
    int rc;

    if (!v.flows)
        return pare_onnx_unsaid(n, "no input");
    rc = pare_onnx_window_read(&win, g, n, &v, NULL);
    if (rc)
        return rc;
    if (!unit(&win))
        return pare_onnx_unsaid(n, "a pool of dilated windows");
    even = win;
    if (average && !(make_even(&even, &v.shape.dim[1], true)) &&
        (!count || win.extra[0] || win.extra[1]))
        return pare_onnx_unsaid(n, "a mean over another part of the pads");
    rc = pare_onnx_window_pad(&win, g, n, &v, average ? 0 : -1e30);
    return rc ? rc : add_pool(g, n, &v, &win, average, count);
}

/* Over whole images: their mean, or their largest value. */
static int add_global(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                      const struct pare_onnx_value *v, bool largest)
{
    struct pare_onnx_layer *l =
        pare_onnx_layer_add(g, largest ? "maxpool" : "globalavgpool", v);
    struct pare_onnx_window win = {.n = v->shape.rank - 1};

    if (!l)
        return PARE_ENOMEM;
    for (int i = 0; i < win.n; i++) {
        win.kernel[i] = win.stride[i] = v->shape.dim[i + 1];
        l->out.dim[i + 1] = 1;
    }
    if (largest)
        pare_onnx_window_print(l, &win);
    pare_onnx_flow(g, n, v);
    return 0;
}

/* GlobalAveragePool, GlobalMaxPool, and ReduceMean over the same. */
int pare_onnx_global(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    const struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    bool mean = strcmp(n->name, "ReduceMean") == 0, over[4] = {false};
    const int64_t *axis;
    size_t count;
    int rank, rc;

    if (!v->flows || v->shape.rank < 2 || v->flat || v->swapped ||
        (v->last && !mean))
        return pare_onnx_unsaid(n, "an input that has no images");
    if (!mean)
        return add_global(g, n, v, strcmp(n->name, "GlobalMaxPool") == 0);
    rc = pare_onnx_ints(&axis, &count, g, n, "axes", 1);
    rank = v->shape.rank + 1;
    for (size_t i = 0; !rc && i < count; i++) {
        int64_t k = axis[i] < 0 && axis[i] >= -rank ? axis[i] + rank : axis[i];

        if (k < 1 || k >= rank)
            return pare_onnx_unsaid(n, "a mean over other dimensions");
        over[k] = true;
    }
    for (int k = 1; !rc && k < rank; k++)
        if (over[k] != (k != (v->last ? rank - 1 : 1)))
            return pare_onnx_unsaid(n, "a mean over other dimensions");
    if (!rc)
        rc = add_global(g, n, v, false);
    if (!rc && !pare_onnx_int(n, "keepdims", 1))
        g->value[n->out[0]].flat = true;
    if (!rc && !pare_onnx_int(n, "keepdims", 1))
        g->value[n->out[0]].last = false;
    return rc;
}

/* Pads of the dimensions that ONNX has, as those of pare. */
static void place_pads(size_t side[6], const struct pare_onnx_value *v,
                       const int64_t *pads, int rank)
{
    for (int i = 1; i < rank; i++) {
        int axis = v->last ? i % (rank - 1) : i - 1; /* 0: channels */
        int at = axis == 0 ? 4 : axis == v->shape.rank - 1 ? 2 : 0;

        side[at] = (size_t)pads[i];
        side[at + 1] = (size_t)pads[i + rank];
    }
}

int pare_onnx_pad(struct pare_onnx_graph *g, const struct pare_onnx_node *n)
{
    struct pare_onnx_value *v = pare_onnx_in(g, n, 0);
    const struct pare_onnx_array *value = pare_onnx_const(g, n, 2);
    double fill = value && value->f && value->n == 1
                      ? (double)value->f[0]
                      : pare_onnx_real(n, "value", 0);
    size_t side[6] = {0};
    struct pare_onnx_layer *l;
    const int64_t *pads;
    size_t count;
    int rank, rc;

    if (!v->flows || v->swapped || pare_onnx_in(g, n, 3) ||
        !pare_onnx_text_is(n, "mode", "constant", true))
        return pare_onnx_unsaid(n, "a pad of another mode");
    rc = pare_onnx_settle(g, n, v);
    if (!rc)
        rc = pare_onnx_ints(&pads, &count, g, n, "pads", 1);
    if (rc)
        return rc;
    rank = v->shape.rank + 1;
    if (!pads || count != 2 * (size_t)rank || pads[0] || pads[rank])
        return pare_onnx_unsaid(n, "a pad of the batch");
    for (size_t i = 0; i < count; i++)
        if (pads[i] < 0 || pads[i] > WIDEST)
            return pare_onnx_unsaid(n, "a pad of %lld", (long long)pads[i]);
    place_pads(side, v, pads, rank);
    l = pare_onnx_layer_add(g, "pad", v);
    if (!l)
        return PARE_ENOMEM;
    snprintf(l->args, sizeof l->args,
             "top=%zu,bottom=%zu,left=%zu,right=%zu,front=%zu,back=%zu,"
             "value=%.9g",
             side[0], side[1], side[2], side[3], side[4], side[5], fill);
    l->out.dim[0] += side[4] + side[5];
    if (v->shape.rank > 1)
        l->out.dim[v->shape.rank - 1] += side[2] + side[3];
    if (v->shape.rank == 3)
        l->out.dim[1] += side[0] + side[1];
    pare_onnx_flow(g, n, v);
    return 0;
}
