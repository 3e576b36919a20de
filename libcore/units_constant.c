#include <math.h>
#include <stdlib.h>

#include "activation.h"
#include "srelu.h"
#include "status.h"
#include "units_parts.h"

/* Constants of one set of values, layer by layer. */
struct search {
    const struct pare_units *u;
    float *const *value; /* [n_tensors] */
    uint8_t *constant;   /* [n] */
    double *k;           /* [n] */
    bool find;           /* set constant, else take it as it is */
    bool exact;          /* all of them are constants of these values, too */
};

static void set(struct search *s, size_t node, bool constant, double k)
{
    if (s->find)
        s->constant[node] = constant && isfinite(k);
    s->exact &= !s->constant[node] || (constant && isfinite(k));
    s->k[node] = s->constant[node] && isfinite(k) ? k : 0;
}

/* Unit `row` of a linear layer or a convolution. */
static void do_unit(struct search *s, const struct pare_weights *w, size_t row)
{
    const float *x = s->value[w->tensor] + row * w->cols * w->taps;
    size_t in = w->in + row / w->rows * w->cols;
    double k = w->bias ? (double)s->value[w->tensor + 1][row] : 0;
    bool constant = true;

    if (!s->find && !s->constant[w->out + row])
        return;
    for (size_t c = 0; c < w->cols; c++, x += w->taps) {
        bool plain = s->constant[in + c] && (!w->padded || s->k[in + c] == 0);

        for (size_t t = 0; t < w->taps; t++) {
            if (x[t] == 0)
                continue;
            constant &= plain;
            k += s->k[in + c] * (double)x[t];
        }
        if (s->find && !constant)
            break;
    }
    set(s, w->out + row, constant, k);
}

/* A layer that works on each channel for itself and has tensors. */
static double transform(const struct search *s, size_t i, size_t c, double k)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    float *const *v = s->value + s->u->tensor[i];
    const struct pare_activation *a = pare_activation(l->kind->op);
    float x = (float)k;

    if (l->kind->op == PARE_OP_SRELU) {
        struct pare_srelu part = {v[0] + c, v[1] + c, v[2] + c, v[3] + c};

        pare_srelu_forward(&x, &x, 1, 1, 1, &part);
        return (double)x;
    }
    if (l->kind->op == PARE_OP_BATCHNORM)
        return (k - (double)v[2][c]) * (double)v[0][c] /
                   sqrt((double)v[3][c] + pare_layer_opt(l, "eps")) +
               (double)v[1][c];
    if (!a)
        return k; /* dropout, identity, flatten */
    a->forward(&x, 1, 1, (float)l->opt[0]);
    return (double)x;
}

/* Scale 0 makes a constant of anything. */
static void do_norm(struct search *s, size_t i, size_t in, size_t n)
{
    float *const *v = s->value + s->u->tensor[i];
    size_t out = s->u->first[i + 1];

    for (size_t c = 0; c < n; c++) {
        bool flat = v[0][c] == 0 || !s->constant[in + c];
        double k = flat ? (double)v[1][c] : transform(s, i, c, s->k[in + c]);

        set(s, out + c, s->constant[in + c] || v[0][c] == 0, k);
    }
}

static void do_each(struct search *s, size_t i, size_t in, size_t n)
{
    size_t out = s->u->first[i + 1];

    for (size_t c = 0; c < n; c++)
        set(s, out + c, s->constant[in + c],
            s->constant[in + c] ? transform(s, i, c, s->k[in + c]) : 0);
}

/* A mean that counts the zeroes of a pad is not the same everywhere. */
static void do_pool(struct search *s, size_t i, size_t in, size_t n)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    size_t out = s->u->first[i + 1];
    struct pare_window w;
    bool pad;

    pare_layer_window(&w, l);
    pad = l->kind->op == PARE_OP_AVGPOOL && (w.pad[0] || w.pad[1]) &&
          pare_layer_opt(l, "count-pad") > 0;
    for (size_t c = 0; c < n; c++)
        set(s, out + c, s->constant[in + c] && (!pad || s->k[in + c] == 0),
            s->k[in + c]);
}

static void do_pad(struct search *s, size_t i, size_t in, size_t n)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    size_t out = s->u->first[i + 1], front = (size_t)l->opt[4];
    size_t all = pare_units_width(s->u, i + 1);
    double k = (double)(float)pare_layer_opt(l, "value");
    bool border = l->opt[0] + l->opt[1] + l->opt[2] + l->opt[3] > 0;

    for (size_t c = 0; c < all; c++) {
        size_t from = in + c - front;

        if (c < front || c >= front + n)
            set(s, out + c, true, k);
        else
            set(s, out + c, s->constant[from] && (!border || s->k[from] == k),
                s->k[from]);
    }
}

static void do_add(struct search *s, size_t i)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    size_t out = s->u->first[i + 1], n = pare_units_width(s->u, i + 1);

    for (size_t c = 0; c < n; c++) {
        bool constant = true;
        double k = 0;

        for (int j = 0; j < l->n_inputs; j++) {
            size_t in = s->u->first[pare_units_input(s->u, i, j)] + c;

            constant &= s->constant[in];
            k += s->k[in];
        }
        set(s, out + c, constant, k);
    }
}

/* The runs of all inputs one after another, each channel `each` times. */
static void do_copy(struct search *s, size_t i)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    size_t out = s->u->first[i + 1], each = 1;

    if (l->kind->op == PARE_OP_FLATTEN)
        each = l->out.dim[0] / l->in[0].dim[0];
    for (int j = 0; j < l->n_inputs; j++) {
        size_t value = pare_units_input(s->u, i, j);
        size_t in = s->u->first[value], n = pare_units_width(s->u, value);

        for (size_t c = 0; c < n; c++)
            for (size_t e = 0; e < each; e++)
                set(s, out++, s->constant[in + c], s->k[in + c]);
    }
}

static void do_layer(struct search *s, size_t i)
{
    const struct pare_layer *l = &s->u->m->arch.layer[i];
    size_t value = pare_units_input(s->u, i, 0);
    size_t in = s->u->first[value], n = pare_units_width(s->u, value);
    struct pare_weights w;

    switch (l->kind->op) {
    case PARE_OP_LINEAR:
    case PARE_OP_CONV:
        pare_units_weights(&w, s->u, i);
        for (size_t row = 0; row < w.groups * w.rows; row++)
            do_unit(s, &w, row);
        return;
    case PARE_OP_SOFTMAX:
    case PARE_OP_LOG_SOFTMAX:
        return; /* each output is of all inputs */
    case PARE_OP_BATCHNORM:
        do_norm(s, i, in, n);
        return;
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        do_pool(s, i, in, n);
        return;
    case PARE_OP_PAD:
        do_pad(s, i, in, n);
        return;
    case PARE_OP_ADD:
        do_add(s, i);
        return;
    case PARE_OP_CONCAT:
    case PARE_OP_FLATTEN:
        do_copy(s, i);
        return;
    default:
        do_each(s, i, in, n);
    }
}

int pare_units_find_constants(struct pare_units *u)
{
    struct search s = {
        .u = u, .constant = u->constant, .k = u->value, .find = true};
    float **value = calloc(u->m->n_tensors + 1, sizeof *value);

    if (!value)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; t < u->m->n_tensors; t++)
        value[t] = u->m->tensor[t].value;
    s.value = value;
    for (size_t i = 0; i < u->m->arch.n_layers; i++)
        do_layer(&s, i);
    free(value);
    return 0;
}

bool pare_units_constants(double *k, const struct pare_units *u,
                          float *const *value)
{
    struct search s = {
        .u = u, .value = value, .constant = u->constant, .k = k, .exact = true};

    for (size_t i = 0; i < u->n; i++)
        k[i] = 0;
    for (size_t i = 0; i < u->m->arch.n_layers; i++)
        do_layer(&s, i);
    return s.exact;
}
