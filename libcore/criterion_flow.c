/* Criteria that ask what a pruning does to the flow through the network. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "criterion_parts.h"
#include "status.h"

static bool is_masked(const struct pare_tensor *t, size_t i)
{
    return t->mask && !t->mask[i];
}

static void see_plain(struct criterion_walk *w, void *arg)
{
    pare_observer_gradient(w->o, arg, PARE_SUM_PLAIN);
}

static void see_along(struct criterion_walk *w, void *arg)
{
    (void)arg;
    pare_observer_gradient(w->o, w->sum, PARE_SUM_ALONG);
}

/*
 * Room for the gradient that is to be preserved: of all weights, whether
 * they are scored or not, and of other tensors that are scored.
 */
static double **gradient_room(float *const *score, struct pare_model *m)
{
    float **want = calloc(m->n_tensors, sizeof *want);
    double **room = NULL;

    if (!want) {
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    for (size_t t = 0; t < m->n_tensors; t++)
        want[t] = m->tensor[t].role == PARE_ROLE_WEIGHT ? m->tensor[t].value
                                                        : score[t];
    room = criterion_sums(want, m, false);
    free(want);
    return room;
}

/* The gradient of the mean loss, 0 where masked, and along it that of each
   sample's again. */
static int two_passes(struct criterion_walk *w, double **g,
                      const struct pare_criterion_input *in)
{
    const struct pare_model *m = w->m;
    int rc;

    pare_observer_temperature(w->o, in->opt[0]);
    rc = criterion_run(w, in, true, see_plain, g);
    if (rc)
        return rc;
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; g[t] && i < m->tensor[t].n; i++)
            g[t][i] = is_masked(&m->tensor[t], i) ? 0 : g[t][i] / (double)w->of;
    pare_observer_direction(w->o, (const double *const *)g);
    return criterion_run(w, in, true, see_along, NULL);
}

int score_grasp(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in)
{
    struct criterion_walk w;
    double **g = NULL;
    int rc = criterion_begin(&w, score, false, m, in, PARE_OBSERVE_SECOND);

    if (!rc && !(g = gradient_room(score, m)))
        rc = PARE_ENOMEM;
    if (!rc)
        rc = two_passes(&w, g, in);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; score[t] && i < m->tensor[t].n; i++)
            w.sum[t][i] *= (double)m->tensor[t].value[i] / (double)w.of;
    if (!rc)
        rc = criterion_store(score, w.sum, m, false, in->threads);
    criterion_drop(g, m);
    criterion_end(&w);
    return rc;
}

/* Absolute values; without biases, what is not a factor of a path is 0. */
static void flow_values(double *v, const struct pare_tensor *t, bool bias)
{
    bool add = t->role == PARE_ROLE_BIAS || t->role == PARE_ROLE_SHIFT;

    /* Of the buffers of a batch norm the mean is added, too. */
    if (t->role == PARE_ROLE_BUFFER)
        add = strcmp(strrchr(t->name, '.'), ".mean") == 0;
    for (size_t i = 0; i < t->n; i++)
        v[i] = add && !bias ? 0 : fabs(v[i]);
}

int score_synflow(float *const *score, struct pare_model *m,
                  const struct pare_criterion_input *in)
{
    struct pare_observer *o = NULL;
    double **sum = NULL;
    int rc = pare_observer_new(&o, m, PARE_OBSERVE_GRADIENT, in->threads);

    if (rc)
        return rc;
    for (size_t t = 0; t < m->n_tensors; t++)
        flow_values(pare_observer_values(o, t), &m->tensor[t], in->opt[0] > 0);
    pare_observer_straighten(o);
    pare_observer_run_constant(o, 1);
    pare_observer_backward_sum(o);
    sum = criterion_sums(score, m, false);
    if (!sum)
        rc = PARE_ENOMEM;
    if (!rc)
        pare_observer_gradient(o, sum, PARE_SUM_PLAIN);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; score[t] && i < m->tensor[t].n; i++)
            sum[t][i] = fabs(sum[t][i] * (double)m->tensor[t].value[i]);
    if (!rc)
        rc = criterion_store(score, sum, m, false, in->threads);
    criterion_drop(sum, m);
    pare_observer_free(o);
    return rc;
}
