/* Criteria made of first derivatives. */
#include <math.h>
#include <stdlib.h>

#include "criterion_parts.h"

static void see_absolute(struct criterion_walk *w, void *arg)
{
    (void)arg;
    if (w->units)
        pare_observer_units(w->o, w->sum, PARE_SUM_ABSOLUTE);
    else
        pare_observer_gradient(w->o, w->sum, PARE_SUM_ABSOLUTE);
}

static void see_square(struct criterion_walk *w, void *arg)
{
    (void)arg;
    if (w->units)
        pare_observer_units(w->o, w->sum, PARE_SUM_SQUARE);
    else
        pare_observer_gradient(w->o, w->sum, PARE_SUM_SQUARE);
}

static void see_plain(struct criterion_walk *w, void *arg)
{
    (void)arg;
    pare_observer_gradient(w->o, w->sum, PARE_SUM_PLAIN);
}

static size_t scores(const struct criterion_walk *w, size_t t)
{
    if (!w->sum[t])
        return 0;
    return w->units ? w->m->tensor[t].dim[0] : w->m->tensor[t].n;
}

/* Divide the scores of each layer by their L2 norm, where that is not 0. */
static void normalize(struct criterion_walk *w)
{
    const struct pare_model *m = w->m;

    for (size_t t = 0, end; t < m->n_tensors; t = end) {
        double square = 0, norm;

        for (end = t;
             end < m->n_tensors && m->tensor[end].layer == m->tensor[t].layer;
             end++)
            for (size_t i = 0; i < scores(w, end); i++)
                square += w->sum[end][i] * w->sum[end][i];
        norm = square > 0 ? sqrt(square) : 1;
        for (size_t k = t; k < end; k++)
            for (size_t i = 0; i < scores(w, k); i++)
                w->sum[k][i] /= norm;
    }
}

static int taylor(float *const *score, bool units, struct pare_model *m,
                  const struct pare_criterion_input *in)
{
    struct criterion_walk w;
    int rc = criterion_begin(&w, score, units, m, in, PARE_OBSERVE_GRADIENT);

    if (!rc)
        rc = criterion_run(&w, in, true, see_absolute, NULL);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; i < scores(&w, t); i++)
            w.sum[t][i] *= (units ? 1 : fabs((double)m->tensor[t].value[i])) /
                           (double)w.of;
    if (!rc && in->opt[0] > 0)
        normalize(&w);
    if (!rc)
        rc = criterion_store(score, w.sum, m, units, in->threads);
    criterion_end(&w);
    return rc;
}

int score_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in)
{
    return taylor(score, false, m, in);
}

int units_taylor(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in)
{
    return taylor(score, true, m, in);
}

static int fisher(float *const *score, bool units, struct pare_model *m,
                  const struct pare_criterion_input *in)
{
    struct criterion_walk w;
    int rc = criterion_begin(&w, score, units, m, in, PARE_OBSERVE_GRADIENT);

    if (!rc)
        rc = criterion_run(&w, in, true, see_square, NULL);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; i < scores(&w, t); i++) {
            double x = units ? 1 : (double)m->tensor[t].value[i];

            w.sum[t][i] *= x * x / (2 * (double)w.of);
        }
    if (!rc)
        rc = criterion_store(score, w.sum, m, units, in->threads);
    criterion_end(&w);
    return rc;
}

int score_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in)
{
    return fisher(score, false, m, in);
}

int units_fisher(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in)
{
    return fisher(score, true, m, in);
}

int score_snip(float *const *score, struct pare_model *m,
               const struct pare_criterion_input *in)
{
    struct criterion_walk w;
    double total = 0;
    int rc = criterion_begin(&w, score, false, m, in, PARE_OBSERVE_GRADIENT);

    if (!rc)
        rc = criterion_run(&w, in, true, see_plain, NULL);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; i < scores(&w, t); i++) {
            w.sum[t][i] = fabs(w.sum[t][i] * (double)m->tensor[t].value[i]);
            total += w.sum[t][i];
        }
    for (size_t t = 0; !rc && total > 0 && t < m->n_tensors; t++)
        for (size_t i = 0; i < scores(&w, t); i++)
            w.sum[t][i] /= total;
    if (!rc)
        rc = criterion_store(score, w.sum, m, false, in->threads);
    criterion_end(&w);
    return rc;
}
