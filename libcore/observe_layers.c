/* The layers of an observer that are neither linear nor a convolution: one
   sample at a time, values and their change along the direction. */
#include <math.h>
#include <string.h>

#include "observe_parts.h"

/* One sample of a layer. */
struct work {
    const struct pare_layer *l;
    const struct pare_observer *o;
    const struct observe_layer *k;
    bool back, along;
    size_t in, out; /* values */
    double *x, *g, *rx, *rg;
    double *y, *h, *ry, *rh; /* of the output; h is the gradient there */
};

/* y += weight x, and back. */
static void tap(const struct work *k, size_t x, size_t y, double weight)
{
    if (k->back) {
        k->g[x] += weight * k->h[y];
        if (k->along)
            k->rg[x] += weight * k->rh[y];
    } else {
        k->y[y] += weight * k->x[x];
        if (k->along)
            k->ry[y] += weight * k->rx[x];
    }
}

/* y = value; slope and curve are the first two derivatives. */
static void point(const struct work *k, size_t i, double value, double slope,
                  double curve)
{
    if (!k->back) {
        k->y[i] = value;
        if (k->along)
            k->ry[i] = slope * k->rx[i];
        return;
    }
    k->g[i] += slope * k->h[i];
    if (k->along)
        k->rg[i] += slope * k->rh[i] + curve * k->rx[i] * k->h[i];
}

static void smooth(const struct work *k, size_t i, enum pare_layer_op op)
{
    double x = k->x[i], s = 1 / (1 + exp(-x)), t = tanh(x);
    double below = 0.5 * erfc(-x / sqrt(2.0));
    double density = exp(-x * x / 2) / sqrt(2 * 3.14159265358979323846);

    switch (op) {
    case PARE_OP_TANH:
        point(k, i, t, 1 - t * t, -2 * t * (1 - t * t));
        return;
    case PARE_OP_SIGMOID:
        point(k, i, s, s * (1 - s), s * (1 - s) * (1 - 2 * s));
        return;
    case PARE_OP_SILU:
        point(k, i, x * s, s * (1 + x * (1 - s)),
              s * (1 - s) * (2 + x * (1 - 2 * s)));
        return;
    default: /* gelu */
        point(k, i, x * below, below + x * density, density * (2 - x * x));
    }
}

static void elementwise(const struct work *k, enum pare_layer_op op)
{
    double below = op == PARE_OP_LEAKY_RELU ? k->l->opt[0] : 0;

    for (size_t i = 0; i < k->in; i++) {
        double x = k->x[i];

        if (op == PARE_OP_IDENTITY)
            point(k, i, x, 1, 0);
        else if (op != PARE_OP_RELU && op != PARE_OP_LEAKY_RELU)
            smooth(k, i, op);
        else if (x <= 0)
            point(k, i, below > 0 ? below * x : 0, below, 0);
        else
            point(k, i, x, 1, 0); /* a NaN stays one */
    }
}

static void softmax(const struct work *k)
{
    bool log_of = k->l->kind->op == PARE_OP_LOG_SOFTMAX;
    bool last = k->l == &k->o->m->arch.layer[k->o->m->arch.n_layers - 1];
    double a = last ? 1 / k->o->temperature : 1, max = k->x[0], sum = 0;
    double s = 0, r = 0, rs = 0; /* sums over p h, p rx, their change */

    for (size_t i = 1; i < k->in; i++)
        max = k->x[i] > max ? k->x[i] : max;
    for (size_t i = 0; i < k->in; i++)
        sum += exp(a * (k->x[i] - max));
#define P(i) (exp(a * (k->x[i] - max)) / sum)
    for (size_t i = 0; k->along && i < k->in; i++)
        r += P(i) * a * k->rx[i];
#define Q(i) (P(i) * (a * k->rx[i] - r))
    for (size_t i = 0; k->back && i < k->in; i++) {
        s += log_of ? k->h[i] : P(i) * k->h[i];
        if (k->along)
            rs += log_of ? k->rh[i] : Q(i) * k->h[i] + P(i) * k->rh[i];
    }
    for (size_t i = 0; i < k->in; i++) {
        double p = P(i), q = k->along ? Q(i) : 0;

        if (!k->back) {
            k->y[i] = log_of ? a * (k->x[i] - max) - log(sum) : p;
            if (k->along)
                k->ry[i] = log_of ? a * k->rx[i] - r : q;
            continue;
        }
        k->g[i] += a * (log_of ? k->h[i] - p * s : p * (k->h[i] - s));
        if (k->along)
            k->rg[i] += a * (log_of ? k->rh[i] - q * s - p * rs
                                    : q * (k->h[i] - s) + p * (k->rh[i] - rs));
    }
#undef P
#undef Q
}

static void norm(const struct work *k)
{
    double *const *v = k->o->value + k->k->tensor;
    size_t pixels = k->k->chw[1] * k->k->chw[2];
    double eps = pare_layer_opt(k->l, "eps");

    for (size_t c = 0; c < k->k->chw[0]; c++) {
        double slope = v[0][c] / sqrt(v[3][c] + eps);

        for (size_t i = c * pixels; i < (c + 1) * pixels; i++)
            point(k, i, (k->x[i] - v[2][c]) * slope + v[1][c], slope, 0);
    }
}

static void srelu(const struct work *k)
{
    double *const *v = k->o->value + k->k->tensor;
    size_t pixels = k->k->chw[1] * k->k->chw[2];

    for (size_t i = 0; i < k->in; i++) {
        size_t c = i / pixels;
        double x = k->x[i], tl = v[0][c], tr = v[2][c];

        if (x >= tr)
            point(k, i, tr + v[3][c] * (x - tr), v[3][c], 0);
        else if (x <= tl)
            point(k, i, tl + v[1][c] * (x - tl), v[1][c], 0);
        else
            point(k, i, x, 1, 0);
    }
}

/* Taps of a window that are inside, along one axis: [from, to). */
static void inside(size_t *from, size_t *to, const struct pare_window *w,
                   int axis, size_t o, size_t size)
{
    size_t at = o * w->stride[axis];

    *from = at < w->pad[axis] ? w->pad[axis] - at : 0;
    *to = size + w->pad[axis] - at;
    if (*to > w->kernel[axis])
        *to = w->kernel[axis];
}

static void pool_at(const struct work *k, const struct pare_window *w,
                    size_t plane, size_t oy, size_t ox, size_t y)
{
    const size_t *chw = k->k->chw;
    size_t a0, a1, b0, b1, best, first, n;
    bool all = strcmp(k->l->kind->name, "avgpool") == 0 &&
               pare_layer_opt(k->l, "count-pad") > 0;

    inside(&a0, &a1, w, 0, oy, chw[1]);
    inside(&b0, &b1, w, 1, ox, chw[2]);
    first = (plane * chw[1] + oy * w->stride[0] + a0 - w->pad[0]) * chw[2] +
            ox * w->stride[1] + b0 - w->pad[1];
    n = all ? w->kernel[0] * w->kernel[1] : (a1 - a0) * (b1 - b0);
    best = first;
    for (size_t a = 0; a < a1 - a0; a++)
        for (size_t b = 0; b < b1 - b0; b++) {
            size_t x = first + a * chw[2] + b;

            if (k->l->kind->op == PARE_OP_AVGPOOL)
                tap(k, x, y, 1 / (double)n);
            else if (k->x[x] > k->x[best])
                best = x;
        }
    if (k->l->kind->op == PARE_OP_MAXPOOL)
        tap(k, best, y, 1);
}

static void pool(const struct work *k)
{
    const size_t *out = k->k->ochw;
    struct pare_window w;
    size_t y = 0;

    pare_layer_window(&w, k->l);
    for (size_t plane = 0; plane < out[0]; plane++)
        for (size_t oy = 0; oy < out[1]; oy++)
            for (size_t ox = 0; ox < out[2]; ox++, y++)
                pool_at(k, &w, plane, oy, ox, y);
}

/* The input lies in the output with its corner there. */
static void place(const struct work *k, size_t channel, size_t row, size_t col)
{
    const size_t *in = k->k->chw, *out = k->k->ochw;
    size_t i = 0;

    for (size_t c = 0; c < in[0]; c++)
        for (size_t y = 0; y < in[1]; y++)
            for (size_t x = 0; x < in[2]; x++, i++)
                tap(k, i, ((c + channel) * out[1] + y + row) * out[2] + x + col,
                    1);
}

/* Outside of the input the values of a pad are those of its option. */
static void pad(const struct work *k)
{
    const size_t *in = k->k->chw, *out = k->k->ochw;
    size_t front = (size_t)pare_layer_opt(k->l, "front");
    size_t top = (size_t)pare_layer_opt(k->l, "top");
    size_t left = (size_t)pare_layer_opt(k->l, "left"), i = 0;

    for (size_t c = 0; !k->back && c < out[0]; c++)
        for (size_t y = 0; y < out[1]; y++)
            for (size_t x = 0; x < out[2]; x++, i++)
                if (c - front >= in[0] || y - top >= in[1] || x - left >= in[2])
                    k->y[i] = pare_layer_opt(k->l, "value");
    place(k, front, top, left);
}

static bool is_straight(enum pare_layer_op op)
{
    return op == PARE_OP_TANH || op == PARE_OP_SIGMOID || op == PARE_OP_SILU ||
           op == PARE_OP_GELU || op == PARE_OP_SRELU || op == PARE_OP_SOFTMAX ||
           op == PARE_OP_LOG_SOFTMAX;
}

static void run(const struct work *k)
{
    enum pare_layer_op op = k->l->kind->op;

    if (op == PARE_OP_FLATTEN || op == PARE_OP_DROPOUT ||
        (k->o->straight && is_straight(op)))
        op = PARE_OP_IDENTITY;
    switch (op) {
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        pool(k);
        return;
    case PARE_OP_BATCHNORM:
        norm(k);
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
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
        place(k, k->k->channel, 0, 0);
        return;
    default:
        elementwise(k, op);
    }
}

static double *at(double *array, size_t sample, size_t size)
{
    return array ? array + sample * size : NULL;
}

static struct work begin(const struct observe_layer *k, size_t s, bool back)
{
    return (struct work){.l = k->l,
                         .o = k->o,
                         .k = k,
                         .back = back,
                         .along = k->o->direction != NULL,
                         .in = k->in->size,
                         .out = k->out->size,
                         .x = at(k->in->x, s, k->in->size),
                         .g = at(k->in->g, s, k->in->size),
                         .rx = at(k->in->rx, s, k->in->size),
                         .rg = at(k->in->rg, s, k->in->size),
                         .y = at(k->out->x, s, k->out->size),
                         .h = at(k->out->g, s, k->out->size),
                         .ry = at(k->out->rx, s, k->out->size),
                         .rh = at(k->out->rg, s, k->out->size)};
}

void observe_forward(const struct observe_layer *k, size_t sample)
{
    struct work w = begin(k, sample, false);

    if (k->first) {
        memset(w.y, 0, w.out * sizeof *w.y);
        if (w.along)
            memset(w.ry, 0, w.out * sizeof *w.ry);
    }
    run(&w);
}

void observe_backward(const struct observe_layer *k, size_t sample)
{
    struct work w = begin(k, sample, true);

    run(&w);
}
