/* What the criteria that look at data share. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "criterion_parts.h"
#include "rng.h"
#include "status.h"
#include "train.h"

#define TOP 100 /* exponent of the largest score, where they are scaled */

int criterion_samples(uint32_t **index, size_t *n, size_t usual,
                      const struct pare_criterion_input *in)
{
    const struct pare_split *train = &in->data->split[PARE_TRAIN];
    size_t want = in->calibrate ? in->calibrate : usual;

    if (train->n == 0)
        return pare_fail(PARE_EINVAL, "the data have no training split");
    if (in->calibrate > train->n)
        return pare_fail(PARE_EINVAL,
                         "cannot calibrate on %zu samples: the training "
                         "split has %zu",
                         in->calibrate, train->n);
    *index = malloc(train->n * sizeof **index);
    if (!*index)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_rng_permutation(*index, train->n, in->seed, PARE_STREAM_CALIBRATE, 0);
    *n = want < train->n ? want : train->n;
    return 0;
}

static size_t scores_of(const struct pare_tensor *t, bool units)
{
    return units ? t->dim[0] : t->n;
}

void criterion_drop(double **sum, const struct pare_model *m)
{
    for (size_t t = 0; sum && t < m->n_tensors; t++)
        free(sum[t]);
    free(sum);
}

double **criterion_sums(float *const *score, const struct pare_model *m,
                        bool units)
{
    double **sum = calloc(m->n_tensors, sizeof *sum);

    for (size_t t = 0; sum && t < m->n_tensors; t++) {
        if (!score[t])
            continue;
        sum[t] = calloc(scores_of(&m->tensor[t], units), sizeof **sum);
        if (!sum[t]) {
            criterion_drop(sum, m);
            sum = NULL;
        }
    }
    if (!sum)
        pare_fail(PARE_ENOMEM, "out of memory");
    return sum;
}

int criterion_begin(struct criterion_walk *w, float *const *score, bool units,
                    struct pare_model *m, const struct pare_criterion_input *in,
                    enum pare_observe want)
{
    int rc;

    *w = (struct criterion_walk){.m = m, .units = units};
    rc = pare_model_fits(m, in->data);
    if (!rc)
        rc = criterion_samples(&w->index, &w->of, CRITERION_CALIBRATE, in);
    if (!rc)
        rc = pare_observer_new(&w->o, m, want, in->threads);
    if (!rc && !(w->sum = criterion_sums(score, m, units)))
        rc = PARE_ENOMEM;
    return rc;
}

int criterion_run(struct criterion_walk *w,
                  const struct pare_criterion_input *in, bool back,
                  void (*see)(struct criterion_walk *w, void *arg), void *arg)
{
    size_t block = pare_observer_block(w->o);
    int rc = 0;

    for (size_t first = 0; !rc && first < w->of; first += block) {
        size_t after = first + block < w->of ? first + block : w->of;

        w->n = after - first;
        pare_split_want(&in->data->split[PARE_TRAIN], w->index + after,
                        w->of - after < block ? w->of - after : block);
        rc = pare_observer_run(w->o, in->data, w->index + first, w->n);
        if (!rc && back)
            rc = pare_observer_backward(w->o);
        if (!rc)
            see(w, arg);
    }
    return rc;
}

void criterion_end(struct criterion_walk *w)
{
    criterion_drop(w->sum, w->m);
    pare_observer_free(w->o);
    free(w->index);
}

/* Power of two for all scores. */
static int exponent(int *shift, double *const *sum, const struct pare_model *m,
                    bool units)
{
    double most = 0, least = DBL_MAX;
    int top;

    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; sum[t] && i < scores_of(&m->tensor[t], units); i++) {
            double x = fabs(sum[t][i]);

            if (!isfinite(x))
                return pare_fail(PARE_EINVAL,
                                 "'%s': score %zu is infinite or not a number",
                                 m->tensor[t].name, i);
            most = x > most ? x : most;
            least = x > 0 && x < least ? x : least;
        }
    *shift = 0;
    frexp(most, &top);
    if (most > 0 && (top > TOP || least < (double)FLT_MIN))
        *shift = TOP - top;
    return 0;
}

int criterion_store(float *const *score, double *const *sum,
                    const struct pare_model *m, bool units)
{
    int shift = 0, rc = exponent(&shift, sum, m, units);

    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; score[t] && i < scores_of(&m->tensor[t], units);
             i++) {
            double x = sum[t][i];
            float y = (float)ldexp(x, shift);

            if (x != 0 && y == 0)
                y = copysignf(FLT_TRUE_MIN, (float)x);
            score[t][i] = y;
        }
    return rc;
}
