/* Linear layers of an observer: products by OpenBLAS, each on one thread and
   of a block that the layer's shape and the number of samples cut. */
#include <cblas.h>
#include <math.h>

#include "clones.h"
#include "observe_parts.h"
#include "parallel.h"

#define UNITS    64   /* of a block */
#define FEATURES 2048 /* of a block of the input */

void observe_product(size_t m, size_t n, size_t k, const double *a, size_t lda,
                     bool ta, const double *b, size_t ldb, bool tb, double *c,
                     size_t ldc, bool add)
{
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
                tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a,
                (int)lda, b, (int)ldb, add ? 1 : 0, c, (int)ldc);
}

void observe_job_begin(struct observe_job *j, struct observe_layer *k)
{
    struct pare_observer *o = k->o;
    size_t t = k->tensor;

    *j = (struct observe_job){.k = k, .w = o->value[t]};
    j->along = o->direction != NULL;
    if (j->along)
        j->dw = o->direction[t];
    if (pare_layer_opt(k->l, "bias") > 0) {
        j->b = o->value[t + 1];
        j->db = j->along ? o->direction[t + 1] : NULL;
    }
}

PARE_CLONES
void observe_add_parts(double *restrict sum, const double *restrict x, size_t n,
                       enum pare_gradient_sum what)
{
    if (what == PARE_SUM_SQUARE)
        for (size_t i = 0; i < n; i++)
            sum[i] += x[i] * x[i];
    else
        for (size_t i = 0; i < n; i++)
            sum[i] += fabs(x[i]);
}

size_t observe_linear_scratch(const struct pare_observer *o)
{
    return o->block * (UNITS + FEATURES);
}

/* y[i][u] = b[u], or 0. */
static void fill_rows(double *y, size_t n, size_t ld, size_t units,
                      const double *b)
{
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < units; u++)
            y[i * ld + u] = b ? b[u] : 0;
}

/* A block of units of a linear layer, all samples. */
static void forward_task(void *arg, size_t i)
{
    const struct observe_job *j = arg;
    const struct observe_buffer *x = j->k->in, *y = j->k->out;
    size_t in = x->size, out = y->size, n = j->k->o->n, u = i * UNITS;
    size_t units = observe_least(out - u, UNITS);

    fill_rows(y->x + u, n, out, units, j->b ? j->b + u : NULL);
    observe_product(n, units, in, x->x, in, false, j->w + u * in, in, true,
                    y->x + u, out, true);
    if (!j->along)
        return;
    fill_rows(y->rx + u, n, out, units, j->db ? j->db + u : NULL);
    observe_product(n, units, in, x->rx, in, false, j->w + u * in, in, true,
                    y->rx + u, out, true);
    if (j->dw)
        observe_product(n, units, in, x->x, in, false, j->dw + u * in, in, true,
                        y->rx + u, out, true);
}

/* Gradients at a block of the inputs of a linear layer. */
static void backward_task(void *arg, size_t i)
{
    const struct observe_job *j = arg;
    const struct observe_buffer *x = j->k->in, *y = j->k->out;
    size_t in = x->size, out = y->size, n = j->k->o->n, c = i * FEATURES;
    size_t cols = observe_least(in - c, FEATURES);

    observe_product(n, cols, out, y->g, out, false, j->w + c, in, false,
                    x->g + c, in, true);
    if (!j->along)
        return;
    observe_product(n, cols, out, y->rg, out, false, j->w + c, in, false,
                    x->rg + c, in, true);
    if (j->dw)
        observe_product(n, cols, out, y->g, out, false, j->dw + c, in, false,
                        x->rg + c, in, true);
}

void observe_linear_forward(struct observe_layer *k)
{
    struct observe_job j;

    observe_job_begin(&j, k);
    pare_parallel(k->o->threads, observe_blocks(k->out->size, UNITS),
                  forward_task, &j);
}

void observe_linear_backward(struct observe_layer *k)
{
    struct observe_job j;

    observe_job_begin(&j, k);
    pare_parallel(k->o->threads, observe_blocks(k->in->size, FEATURES),
                  backward_task, &j);
}

/* Rows of width n, ld apart, one after the other. */
static void take_parts(double *to, const double *from, size_t ld, size_t rows,
                       size_t n, enum pare_gradient_sum what)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < n; k++)
            to[i * n + k] = observe_part(from[i * ld + k], what);
}

static void bias_gradient(const struct observe_job *t, size_t u, size_t units)
{
    const struct observe_buffer *y = t->k->out;
    const double *g = t->what == PARE_SUM_ALONG ? y->rg : y->g;

    for (size_t i = u; t->bias && i < u + units; i++)
        for (size_t s = 0; s < t->k->o->n; s++)
            t->bias[i] += observe_part(g[s * y->size + i], t->what);
}

/* A block of units and inputs; a sample's gradient is g x. */
static void gradient_task(void *arg, size_t i)
{
    const struct observe_job *t = arg;
    const struct observe_buffer *x = t->k->in, *y = t->k->out;
    size_t in = x->size, out = y->size, across = observe_blocks(in, FEATURES);
    size_t u = i / across * UNITS, c = i % across * FEATURES;
    size_t n = t->k->o->n, slot;
    size_t units = observe_least(out - u, UNITS),
           cols = observe_least(in - c, FEATURES);
    double *sum = t->weight ? t->weight + u * in + c : NULL, *g, *v;

    if (c == 0)
        bias_gradient(t, u, units);
    if (!sum)
        return;
    if (t->what == PARE_SUM_PLAIN) {
        observe_product(units, cols, n, y->g + u, out, true, x->x + c, in,
                        false, sum, in, true);
    } else if (t->what == PARE_SUM_ALONG) {
        observe_product(units, cols, n, y->rg + u, out, true, x->x + c, in,
                        false, sum, in, true);
        observe_product(units, cols, n, y->g + u, out, true, x->rx + c, in,
                        false, sum, in, true);
    } else {
        g = observe_take(t->k->o, &slot);
        v = g + n * units;
        take_parts(g, y->g + u, out, n, units, t->what);
        take_parts(v, x->x + c, in, n, cols, t->what);
        observe_product(units, cols, n, g, units, true, v, cols, false, sum, in,
                        true);
        observe_give(t->k->o, slot);
    }
}

void observe_linear_gradient(struct observe_job *j)
{
    pare_parallel(j->k->o->threads,
                  observe_blocks(j->k->out->size, UNITS) *
                      observe_blocks(j->k->in->size, FEATURES),
                  gradient_task, j);
}
