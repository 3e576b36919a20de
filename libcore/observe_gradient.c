/* An observer's losses, and the gradients of weights and units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "observe_parts.h"
#include "parallel.h"
#include "status.h"

/* Where the softmax is a layer, that divides by the temperature. */
static double heat(const struct pare_observer *o)
{
    const struct pare_arch *a = &o->m->arch;
    enum pare_layer_op op = a->layer[a->n_layers - 1].kind->op;

    return op == PARE_OP_SOFTMAX || op == PARE_OP_LOG_SOFTMAX
               ? 1
               : 1 / o->temperature;
}

/* One sample: z outputs, y label; g gradient, rz and rg along or NULL. */
struct sample {
    const double *z, *rz;
    double *g, *rg;
    size_t classes, y;
};

static void cross_entropy(const struct sample *s, double a)
{
    double max = s->z[0], sum = 0, r = 0;

    for (size_t c = 1; c < s->classes; c++)
        max = s->z[c] > max ? s->z[c] : max;
    for (size_t c = 0; c < s->classes; c++) {
        s->g[c] = exp(a * (s->z[c] - max));
        sum += s->g[c];
    }
    for (size_t c = 0; c < s->classes; c++)
        s->g[c] /= sum;
    for (size_t c = 0; s->rz && c < s->classes; c++)
        r += s->g[c] * a * s->rz[c];
    for (size_t c = 0; c < s->classes; c++) {
        if (s->rz)
            s->rg[c] = a * s->g[c] * (a * s->rz[c] - r);
        s->g[c] = a * (s->g[c] - (c == s->y ? 1 : 0));
    }
}

static void mse(const struct sample *s, double a)
{
    double f = 2 * a / (double)s->classes;

    for (size_t c = 0; c < s->classes; c++) {
        s->g[c] = f * (a * s->z[c] - (c == s->y ? 1 : 0));
        if (s->rz)
            s->rg[c] = f * a * s->rz[c];
    }
}

int observe_loss(struct pare_observer *o)
{
    const struct observe_buffer *b = &o->buffer[o->m->arch.n_layers - 1];
    const char *name = o->m->training.loss;
    double a = heat(o);

    for (size_t i = 0; i < o->n; i++) {
        size_t at = i * b->size;
        struct sample s = {b->x + at, NULL,    b->g + at,
                           NULL,      b->size, (size_t)o->y[i]};

        if (o->direction) {
            s.rz = b->rx + at;
            s.rg = b->rg + at;
        }
        if (name[0] == '\0' || strcmp(name, "cross-entropy") == 0)
            cross_entropy(&s, a);
        else if (strcmp(name, "mse") == 0)
            mse(&s, a);
        else if (strcmp(name, "nll") == 0)
            s.g[s.y] = -a;
        else
            return pare_fail(PARE_EFORMAT, "unknown loss '%s'", name);
    }
    return 0;
}

/* What the tasks of pare_observer_units share. */
struct units_job {
    struct pare_observer *o;
    double *const *sum;
    enum pare_gradient_sum what;
    size_t layer;
};

static void units_task(void *arg, size_t unit)
{
    const struct units_job *j = arg;
    const struct observe_buffer *b = &j->o->buffer[j->layer];
    size_t units = j->o->m->arch.layer[j->layer].out.dim[0];
    size_t places = b->size / units;
    double sum = 0;

    for (size_t s = 0; s < j->o->n; s++) {
        size_t at = s * b->size + unit * places;
        double d = 0;

        for (size_t i = at; i < at + places; i++)
            d += b->x[i] * b->g[i];
        sum += j->what == PARE_SUM_SQUARE ? d * d : fabs(d);
    }
    j->sum[j->o->tensor[j->layer]][unit] += sum;
}

void pare_observer_units(struct pare_observer *o, double *const *sum,
                         enum pare_gradient_sum what)
{
    const struct pare_arch *a = &o->m->arch;
    struct units_job j = {o, sum, what, 0};

    for (j.layer = 0; j.layer < a->n_layers; j.layer++) {
        const struct pare_layer *l = &a->layer[j.layer];

        if ((l->kind->op == PARE_OP_LINEAR || l->kind->op == PARE_OP_CONV) &&
            sum[o->tensor[j.layer]])
            pare_parallel(o->threads, l->out.dim[0], units_task, &j);
    }
}

void pare_observer_gradient(struct pare_observer *o, double *const *sum,
                            enum pare_gradient_sum what)
{
    const struct pare_arch *a = &o->m->arch;

    for (size_t i = 0; i < a->n_layers; i++) {
        const struct pare_layer *l = &a->layer[i];
        struct observe_layer k = {.o = o, .l = l, .tensor = o->tensor[i]};
        size_t from = l->input[0];
        struct observe_job j;

        if (l->kind->op != PARE_OP_LINEAR && l->kind->op != PARE_OP_CONV)
            continue;
        k.in = &o->buffer[from == PARE_INPUT ? a->n_layers : from];
        k.out = &o->buffer[i];
        observe_job_begin(&j, &k);
        j.what = what;
        j.weight = sum[k.tensor];
        j.bias = j.b ? sum[k.tensor + 1] : NULL;
        if (l->kind->op == PARE_OP_LINEAR && (j.weight || j.bias))
            observe_linear_gradient(&j);
        else if (j.weight || j.bias)
            observe_conv_gradient(&j);
    }
}
