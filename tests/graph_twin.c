#include "graph_twin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct pare_shape *shape_of(const struct twin *t, size_t i)
{
    const struct pare_arch *a = &t->m->arch;

    return i == a->n_layers ? &a->input : &a->layer[i].out;
}

void twin_init(struct twin *t, const struct pare_model *m, size_t n)
{
    const struct pare_arch *a = &m->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];

    *t = (struct twin){.m = m, .n = n};
    t->value = calloc(a->n_layers + 1, sizeof *t->value);
    t->grad = calloc(a->n_layers + 1, sizeof *t->grad);
    t->tensor = calloc(a->n_layers + 1, sizeof *t->tensor);
    t->weight = calloc(m->n_tensors + 1, sizeof *t->weight);
    for (size_t i = 0; i <= a->n_layers; i++) {
        size_t all = n * pare_shape_size(shape_of(t, i));

        t->value[i] = calloc(all, sizeof **t->value);
        t->grad[i] = calloc(all, sizeof **t->grad);
    }
    for (size_t i = 0; i < a->n_layers; i++)
        t->tensor[i + 1] = t->tensor[i] + (size_t)a->layer[i].kind->tensors(
                                              &a->layer[i], spec);
    for (size_t i = 0; i < m->n_tensors; i++)
        t->weight[i] = calloc(m->tensor[i].n, sizeof **t->weight);
}

void twin_release(struct twin *t)
{
    for (size_t i = 0; i <= t->m->arch.n_layers; i++) {
        free(t->value[i]);
        free(t->grad[i]);
    }
    for (size_t i = 0; i < t->m->n_tensors; i++)
        free(t->weight[i]);
    free(t->value);
    free(t->grad);
    free(t->weight);
    free(t->tensor);
}

/* A layer at work: where it reads and writes. */
struct work {
    struct twin *t;
    const struct pare_layer *l;
    bool back;
    size_t n, in, out; /* samples, values of one sample */
    double *x, *dx, *y, *dy;
    size_t chw[3], ochw[3];
    const float *w[PARE_LAYER_TENSORS];
    double *dw[PARE_LAYER_TENSORS];
};

static void near_kink(struct twin *t, double distance, double size)
{
    double d = fabs(distance) / (1 + size);

    if (d > 0 && d < t->kink)
        t->kink = d;
}

/* What conv, linear and avgpool do with each pair of values. */
static void tap(const struct work *k, size_t x, size_t y, double weight)
{
    if (k->back)
        k->dx[x] += weight * k->dy[y];
    else
        k->y[y] += weight * k->x[x];
}

/* Where tap i of a window at o looks; SIZE_MAX: into the pad. */
static size_t look(const struct pare_window *w, int axis, size_t o, size_t i,
                   size_t size)
{
    size_t at = o * w->stride[axis] + i * w->dilation[axis];

    at -= w->pad[axis];
    return at < size ? at : SIZE_MAX;
}

static void conv_at(const struct work *k, const struct pare_window *w, size_t s,
                    size_t o, size_t oy, size_t ox)
{
    size_t ci = k->chw[0] / w->groups, per = k->ochw[0] / w->groups;
    size_t y = s * k->out + (o * k->ochw[1] + oy) * k->ochw[2] + ox;

    for (size_t c = 0; c < ci; c++)
        for (size_t a = 0; a < w->kernel[0]; a++)
            for (size_t b = 0; b < w->kernel[1]; b++) {
                size_t iy = look(w, 0, oy, a, k->chw[1]);
                size_t ix = look(w, 1, ox, b, k->chw[2]);
                size_t f = ((o * ci + c) * w->kernel[0] + a) * w->kernel[1] + b;
                size_t x = s * k->in +
                           ((o / per * ci + c) * k->chw[1] + iy) * k->chw[2] +
                           ix;

                if (iy == SIZE_MAX || ix == SIZE_MAX)
                    continue;
                tap(k, x, y, (double)k->w[0][f]);
                if (k->back)
                    k->dw[0][f] += k->x[x] * k->dy[y];
            }
    if (pare_layer_opt(k->l, "bias") > 0 && k->back)
        k->dw[1][o] += k->dy[y];
    else if (pare_layer_opt(k->l, "bias") > 0)
        k->y[y] += (double)k->w[1][o];
}

static void conv(struct work *k)
{
    struct pare_window w = {{1, 1}, {1, 1}, {0, 0}, {1, 1}, 1};

    if (k->l->kind->op == PARE_OP_CONV) {
        pare_layer_window(&w, k->l);
    } else { /* linear */
        k->chw[0] = k->in;
        k->chw[1] = k->chw[2] = 1;
    }
    for (size_t s = 0; s < k->n; s++)
        for (size_t o = 0; o < k->ochw[0]; o++)
            for (size_t y = 0; y < k->ochw[1]; y++)
                for (size_t x = 0; x < k->ochw[2]; x++)
                    conv_at(k, &w, s, o, y, x);
}

/* The places under a window of a pool; returns how many are inside. */
static size_t under(const struct work *k, const struct pare_window *w,
                    size_t plane, size_t oy, size_t ox, size_t *at)
{
    size_t n = 0;

    for (size_t a = 0; a < w->kernel[0]; a++)
        for (size_t b = 0; b < w->kernel[1]; b++) {
            size_t y = look(w, 0, oy, a, k->chw[1]);
            size_t x = look(w, 1, ox, b, k->chw[2]);

            if (y != SIZE_MAX && x != SIZE_MAX)
                at[n++] = (plane * k->chw[1] + y) * k->chw[2] + x;
        }
    return n;
}

static void largest(struct work *k, const size_t *at, size_t n, size_t y)
{
    size_t best = at[0];

    for (size_t i = 1; i < n; i++) {
        near_kink(k->t, k->x[at[i]] - k->x[best], fabs(k->x[best]));
        best = k->x[at[i]] > k->x[best] ? at[i] : best;
    }
    tap(k, best, y, 1);
}

static void pool(struct work *k)
{
    bool all = strcmp(k->l->kind->name, "avgpool") == 0 &&
               pare_layer_opt(k->l, "count-pad") > 0;
    struct pare_window w;
    size_t at[256], y = 0;

    pare_layer_window(&w, k->l);
    for (size_t plane = 0; plane < k->n * k->chw[0]; plane++)
        for (size_t oy = 0; oy < k->ochw[1]; oy++)
            for (size_t ox = 0; ox < k->ochw[2]; ox++, y++) {
                size_t n = under(k, &w, plane, oy, ox, at);
                size_t taps = all ? w.kernel[0] * w.kernel[1] : n;

                if (k->l->kind->op == PARE_OP_MAXPOOL) {
                    largest(k, at, n, y);
                    continue;
                }
                for (size_t i = 0; i < n; i++)
                    tap(k, at[i], y, 1.0 / (double)taps);
            }
}

/* One channel of batch norm; the running statistics stay. */
static void norm_channel(struct work *k, size_t c)
{
    size_t pixels = k->chw[1] * k->chw[2];
    double count = (double)(k->n * pixels), mean = 0, var = 0;
    double dy = 0, dyx = 0, inv, g = (double)k->w[0][c];

#define EACH                                                                   \
    for (size_t s = 0; s < k->n; s++)                                          \
        for (size_t i = s * k->in + c * pixels, e = i + pixels; i < e; i++)
    EACH mean += k->x[i] / count;
    EACH var += (k->x[i] - mean) * (k->x[i] - mean) / count;
    if (!k->t->training) {
        mean = (double)k->w[2][c];
        var = (double)k->w[3][c];
    }
    inv = 1 / sqrt(var + pare_layer_opt(k->l, "eps"));
    if (!k->back) {
        EACH k->y[i] = (k->x[i] - mean) * inv * g + (double)k->w[1][c];
        return;
    }
    EACH dy += k->dy[i];
    EACH dyx += k->dy[i] * (k->x[i] - mean) * inv;
    k->dw[0][c] += dyx;
    k->dw[1][c] += dy;
    if (!k->t->training)
        dy = dyx = 0;
    EACH k->dx[i] +=
        g * inv *
        (k->dy[i] - dy / count - (k->x[i] - mean) * inv * dyx / count);
#undef EACH
}

static void srelu(struct work *k)
{
    size_t pixels = k->chw[1] * k->chw[2];

    for (size_t i = 0; i < k->n * k->in; i++) {
        size_t c = i / pixels % k->chw[0];
        double tl = (double)k->w[0][c], al = (double)k->w[1][c];
        double tr = (double)k->w[2][c], ar = (double)k->w[3][c], x = k->x[i];
        int side = x >= tr ? 2 : x <= tl ? 0 : 1;
        double t = side == 2 ? tr : tl, a = side == 2 ? ar : al;

        near_kink(k->t, x - tl, fabs(x));
        near_kink(k->t, x - tr, fabs(x));
        if (!k->back) {
            k->y[i] = side == 1 ? x : t + a * (x - t);
            continue;
        }
        k->dx[i] += k->dy[i] * (side == 1 ? 1 : a);
        if (side == 1)
            continue;
        k->dw[side][c] += k->dy[i] * (1 - a);
        k->dw[side + 1][c] += k->dy[i] * (x - t);
    }
}

/* A function of one value, and its slope. */
static double curve(struct twin *t, const struct pare_layer *l, double x,
                    double *slope)
{
    double a = l->kind->op == PARE_OP_LEAKY_RELU ? l->opt[0] : 0;
    double y = 1 / (1 + exp(-x)), below = (1 + erf(x / sqrt(2))) / 2;

    switch (l->kind->op) {
    case PARE_OP_RELU:
    case PARE_OP_LEAKY_RELU:
        near_kink(t, x, 0);
        *slope = x > 0 ? 1 : a;
        return x > 0 ? x : a * x;
    case PARE_OP_TANH:
        *slope = 1 - tanh(x) * tanh(x);
        return tanh(x);
    case PARE_OP_SIGMOID:
        *slope = y * (1 - y);
        return y;
    case PARE_OP_SILU:
        *slope = y * (1 + x * (1 - y));
        return x * y;
    case PARE_OP_GELU:
        *slope = below + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
        return x * below;
    default: /* dropout that is off, flatten, identity */
        *slope = 1;
        return x;
    }
}

static void elementwise(struct work *k)
{
    for (size_t i = 0; i < k->n * k->in; i++) {
        double slope, y = curve(k->t, k->l, k->x[i], &slope);

        if (k->back)
            k->dx[i] += slope * k->dy[i];
        else
            k->y[i] = y;
    }
}

static void softmax(struct work *k)
{
    bool log_of = k->l->kind->op == PARE_OP_LOG_SOFTMAX;

    for (size_t s = 0; s < k->n; s++) {
        const double *x = k->x + s * k->in, *dy = k->dy + s * k->in;
        double sum = 0, dot = 0;

        for (size_t i = 0; i < k->in; i++)
            sum += exp(x[i]);
        for (size_t i = 0; i < k->in; i++) {
            double p = exp(x[i]) / sum;

            if (!k->back)
                k->y[s * k->in + i] = log_of ? log(p) : p;
            dot += dy[i] * (log_of ? 1 : p);
        }
        for (size_t i = 0; k->back && i < k->in; i++) {
            double p = exp(x[i]) / sum;

            k->dx[s * k->in + i] +=
                log_of ? dy[i] - p * dot : p * (dy[i] - dot);
        }
    }
}

/* Input `from` lies in the output with its corner at channel, row, column. */
static void place(struct work *k, size_t channel, size_t row, size_t col)
{
    size_t per = k->chw[0] * k->chw[1] * k->chw[2], i = 0;

    for (size_t s = 0; s < k->n; s++)
        for (size_t c = 0; c < k->chw[0]; c++)
            for (size_t y = 0; y < k->chw[1]; y++)
                for (size_t x = 0; x < k->chw[2]; x++, i++)
                    tap(k, s * per + (c * k->chw[1] + y) * k->chw[2] + x,
                        s * k->out +
                            ((c + channel) * k->ochw[1] + y + row) *
                                k->ochw[2] +
                            x + col,
                        1);
}

/* Where a pad has its border, the values are those of the option. */
static void pad(struct work *k)
{
    size_t front = (size_t)pare_layer_opt(k->l, "front");
    size_t top = (size_t)pare_layer_opt(k->l, "top");
    size_t left = (size_t)pare_layer_opt(k->l, "left"), i = 0;

    for (size_t s = 0; !k->back && s < k->n; s++)
        for (size_t c = 0; c < k->ochw[0]; c++)
            for (size_t y = 0; y < k->ochw[1]; y++)
                for (size_t x = 0; x < k->ochw[2]; x++, i++)
                    if (c - front >= k->chw[0] || y - top >= k->chw[1] ||
                        x - left >= k->chw[2])
                        k->y[i] = pare_layer_opt(k->l, "value");
    place(k, front, top, left);
}

static void do_layer(struct work *k)
{
    switch (k->l->kind->op) {
    case PARE_OP_LINEAR:
    case PARE_OP_CONV:
        conv(k);
        return;
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        pool(k);
        return;
    case PARE_OP_BATCHNORM:
        for (size_t c = 0; c < k->chw[0]; c++)
            norm_channel(k, c);
        return;
    case PARE_OP_SRELU:
        srelu(k);
        return;
    case PARE_OP_SOFTMAX:
    case PARE_OP_LOG_SOFTMAX:
        softmax(k);
        return;
    case PARE_OP_PAD:
        pad(k);
        return;
    default:
        elementwise(k);
    }
}

static void run(struct twin *t, size_t i, bool back)
{
    const struct pare_arch *a = &t->m->arch;
    const struct pare_layer *l = &a->layer[i];
    size_t channel = 0;

    for (int j = 0; j < l->n_inputs; j++) {
        size_t from = l->input[j] == PARE_INPUT ? a->n_layers : l->input[j];
        struct work k = {.t = t,
                         .l = l,
                         .back = back,
                         .n = t->n,
                         .in = pare_shape_size(&l->in[j]),
                         .out = pare_shape_size(&l->out),
                         .x = t->value[from],
                         .dx = t->grad[from],
                         .y = t->value[i],
                         .dy = t->grad[i]};

        pare_shape_image(k.chw, &l->in[j]);
        pare_shape_image(k.ochw, &l->out);
        for (size_t w = t->tensor[i]; w < t->tensor[i + 1]; w++) {
            k.w[w - t->tensor[i]] = t->m->tensor[w].value;
            k.dw[w - t->tensor[i]] = t->weight[w];
        }
        if (!pare_layer_joins(l->kind)) {
            do_layer(&k);
            continue;
        }
        place(&k, channel, 0, 0);
        if (l->kind->op == PARE_OP_CONCAT)
            channel += k.chw[0];
    }
}

void twin_forward(struct twin *t, bool training)
{
    t->training = training;
    t->kink = 1;
    for (size_t i = 0; i < t->m->arch.n_layers; i++) {
        memset(t->value[i], 0,
               t->n * pare_shape_size(shape_of(t, i)) * sizeof **t->value);
        run(t, i, false);
    }
}

void twin_backward(struct twin *t)
{
    size_t last = t->m->arch.n_layers;

    for (size_t i = 0; i < t->m->n_tensors; i++)
        memset(t->weight[i], 0, t->m->tensor[i].n * sizeof **t->weight);
    for (size_t i = 0; i <= last; i++)
        if (i != last - 1)
            memset(t->grad[i], 0,
                   t->n * pare_shape_size(shape_of(t, i)) * sizeof **t->grad);
    for (size_t i = last; i-- > 0;)
        run(t, i, true);
}
