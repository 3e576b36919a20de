/* What the criteria that look at data share. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "criterion_parts.h"
#include "hugepage.h"
#include "parallel.h"
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
        size_t n = scores_of(&m->tensor[t], units);

        if (!score[t])
            continue;
        sum[t] = pare_hugepage(calloc(n, sizeof **sum), n * sizeof **sum);
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

/* Scores that are looked at by one task. */
#define STRETCH 65536

/* Where stretches of a tensor's scores start among the tasks. */
struct stretches {
    float *const *score;
    double *const *sum;
    const struct pare_model *m;
    bool units;
    size_t *first;          /* [n_tensors + 1] task */
    uint64_t *most, *least; /* [tasks] bits of |x|, and those less 1 */
    double factor[2];       /* to multiply with, one after the other */
};

/* Bits of non-negative doubles order as the numbers do, with infinity and
   NaN above; less 1, 0 is above all. */
PARE_CLONES
static void extremes(uint64_t *most, uint64_t *least, const double *x, size_t n)
{
    uint64_t high = 0, low = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        uint64_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        bits &= UINT64_MAX >> 1;
        high = bits > high ? bits : high;
        low = bits - 1 < low ? bits - 1 : low;
    }
    *most = high;
    *least = low;
}

PARE_CLONES
static void convert(float *to, const double *from, size_t n, double factor,
                    double then)
{
    for (size_t i = 0; i < n; i++) {
        double x = from[i] * factor * then;
        float y = (float)x, tiny = from[i] < 0 ? -FLT_TRUE_MIN : FLT_TRUE_MIN;

        to[i] = y == 0 && from[i] != 0 ? tiny : y;
    }
}

/* The tensor of a task, where its stretch starts, and how long it is. */
static size_t stretch(size_t *at, size_t *n, const struct stretches *s,
                      size_t i)
{
    size_t t = 0, all;

    while (s->first[t + 1] <= i)
        t++;
    all = scores_of(&s->m->tensor[t], s->units);
    *at = (i - s->first[t]) * STRETCH;
    *n = all - *at < STRETCH ? all - *at : STRETCH;
    return t;
}

static void look(void *arg, size_t i)
{
    const struct stretches *s = arg;
    size_t at, n, t = stretch(&at, &n, s, i);

    extremes(&s->most[i], &s->least[i], s->sum[t] + at, n);
}

static void give(void *arg, size_t i)
{
    const struct stretches *s = arg;
    size_t at, n, t = stretch(&at, &n, s, i);

    convert(s->score[t] + at, s->sum[t] + at, n, s->factor[0], s->factor[1]);
}

static double number(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Choose the factors from what the tasks saw. */
static int choose_factors(struct stretches *s, size_t tasks)
{
    uint64_t most = 0, least = UINT64_MAX;
    int top, shift = 0;

    for (size_t i = 0; i < tasks; i++) {
        size_t at, n, t = stretch(&at, &n, s, i);

        if (!isfinite(number(s->most[i]))) {
            while (isfinite(s->sum[t][at]))
                at++;
            return pare_fail(PARE_EINVAL,
                             "'%s': score %zu is infinite or not a number",
                             s->m->tensor[t].name, at);
        }
        most = s->most[i] > most ? s->most[i] : most;
        least = s->least[i] < least ? s->least[i] : least;
    }
    frexp(number(most), &top);
    if (most > 0 && (top > TOP || number(least + 1) < (double)FLT_MIN))
        shift = TOP - top;
    s->factor[0] = ldexp(1, shift / 2);
    s->factor[1] = ldexp(1, shift - shift / 2);
    return 0;
}

int criterion_store(float *const *score, double *const *sum,
                    const struct pare_model *m, bool units, int threads)
{
    struct stretches s = {.score = score, .sum = sum, .m = m, .units = units};
    size_t tasks = 0;
    int rc = 0;

    s.first = calloc(m->n_tensors + 1, sizeof *s.first);
    for (size_t t = 0; s.first && t < m->n_tensors; t++) {
        size_t n = score[t] ? scores_of(&m->tensor[t], units) : 0;

        tasks += (n + STRETCH - 1) / STRETCH;
        s.first[t + 1] = tasks;
    }
    s.most = calloc(2 * tasks + 1, sizeof *s.most);
    if (s.first && s.most) {
        s.least = s.most + tasks;
        pare_parallel(threads, tasks, look, &s);
        rc = choose_factors(&s, tasks);
        if (!rc)
            pare_parallel(threads, tasks, give, &s);
    } else {
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    }
    free(s.first);
    free(s.most);
    return rc;
}
