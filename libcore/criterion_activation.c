/* Criteria that look at what layers take in and give out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "criterion_parts.h"
#include "parallel.h"
#include "status.h"

/* A scored layer. */
struct scored {
    const struct pare_layer *l;
    size_t layer, tensor; /* its weights */
    bool weight, bias;    /* scores are wanted */
    size_t from;          /* layer whose output counts, for units */
    struct pare_columns c;
    double *sum, *col; /* statistics, and room for a line of columns */
};

struct scored_list {
    struct criterion_walk *w;
    size_t n, threads;
    struct scored *at;
};

static void drop(struct scored_list *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->at[i].sum);
        free(s->at[i].col);
    }
    free(s->at);
}

/* The layers of the scores that are wanted, each with `size` doubles. */
static int choose(struct scored_list *s, float *const *score,
                  const struct pare_model *m,
                  size_t (*size)(const struct scored *x))
{
    s->at = calloc(m->n_tensors, sizeof *s->at);
    if (!s->at)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];
        struct scored *k = &s->at[s->n];

        if (x->role != PARE_ROLE_WEIGHT)
            continue;
        *k = (struct scored){.l = &m->arch.layer[x->layer],
                             .layer = x->layer,
                             .tensor = t,
                             .weight = score[t] != NULL};
        k->bias = pare_layer_opt(k->l, "bias") > 0 && score[t + 1];
        if (!k->weight && !k->bias)
            continue;
        pare_columns(&k->c, k->l);
        s->n++;
        k->sum = calloc(size(k), sizeof(double));
        k->col = malloc(k->c.rows * k->c.positions * sizeof(double));
        if (!k->sum || !k->col)
            return pare_fail(PARE_ENOMEM, "out of memory");
    }
    return 0;
}

/* --- wanda: norms of the columns' rows --- */

static size_t wanda_size(const struct scored *x)
{
    return x->c.groups * x->c.rows;
}

static void see_squares(void *arg, size_t i)
{
    const struct scored_list *s = arg;
    const struct scored *k = &s->at[i];
    size_t n = k->c.positions, size = pare_shape_size(&k->l->in[0]);
    const double *x = pare_observer_input(s->w->o, k->layer);
    size_t lines = k->c.lines * s->w->n;

    for (size_t group = 0; group < k->c.groups; group++)
        for (size_t line = 0; line < lines; line++) {
            double *sum = k->sum + group * k->c.rows;

            pare_unfold(k->col, k->l, x + line / k->c.lines * size, group,
                        line % k->c.lines, 1);
            for (size_t r = 0; r < k->c.rows; r++) {
                const double *row = k->col + r * n;
                double square = 0;

                for (size_t p = 0; p < n; p++)
                    square += row[p] * row[p];
                sum[r] += square;
            }
        }
}

static void see_layers(struct criterion_walk *w, void *arg,
                       void (*task)(void *arg, size_t i))
{
    struct scored_list *s = arg;

    s->w = w;
    pare_parallel((int)s->threads, s->n, task, s);
}

static void see_wanda(struct criterion_walk *w, void *arg)
{
    see_layers(w, arg, see_squares);
}

static void wanda_scores(double *const *sum, const struct scored *k,
                         const struct pare_model *m, size_t samples)
{
    const struct pare_tensor *x = &m->tensor[k->tensor];
    double ones = (double)(samples * k->c.lines * k->c.positions);
    size_t units = x->dim[0] / k->c.groups;

    for (size_t i = 0; k->weight && i < x->n; i++) {
        size_t unit = i / k->c.rows, row = i % k->c.rows;

        sum[k->tensor][i] = fabs((double)x->value[i]) *
                            sqrt(k->sum[unit / units * k->c.rows + row]);
    }
    for (size_t i = 0; k->bias && i < x[1].n; i++)
        sum[k->tensor + 1][i] = fabs((double)x[1].value[i]) * sqrt(ones);
}

/* --- activation of single weights: mean inputs of each channel --- */

static size_t input_size(const struct scored *x)
{
    return pare_shape_size(&x->l->in[0]);
}

static void see_inputs(void *arg, size_t i)
{
    const struct scored_list *s = arg;
    const struct scored *k = &s->at[i];
    const double *x = pare_observer_input(s->w->o, k->layer);
    size_t size = input_size(k);

    for (size_t n = 0; n < s->w->n; n++)
        for (size_t j = 0; j < size; j++)
            k->sum[j] += x[n * size + j];
}

static void see_activation(struct criterion_walk *w, void *arg)
{
    see_layers(w, arg, see_inputs);
}

static void activation_scores(double *const *sum, const struct scored *k,
                              const struct pare_model *m, size_t samples)
{
    const struct pare_tensor *x = &m->tensor[k->tensor];
    bool conv = k->l->kind->op == PARE_OP_CONV;
    size_t channels = conv ? k->l->in[0].dim[0] : k->c.rows;
    size_t pixels = input_size(k) / channels, own = channels / k->c.groups;
    size_t taps = k->c.rows / own, units = x->dim[0] / k->c.groups;
    double mean = 0;

    for (size_t c = 0; c < channels; c++) {
        double norm = 0;

        for (size_t i = 0; i < pixels; i++)
            norm += fabs(k->sum[c * pixels + i]);
        k->sum[c] = norm / (double)(samples * pixels);
        mean += k->sum[c] / (double)channels;
    }
    for (size_t i = 0; k->weight && i < x->n; i++)
        sum[k->tensor][i] =
            fabs((double)x->value[i]) *
            k->sum[i / k->c.rows / units * own + i % k->c.rows / taps];
    for (size_t i = 0; k->bias && i < x[1].n; i++)
        sum[k->tensor + 1][i] = fabs((double)x[1].value[i]) * mean;
}

/* --- wanda's rows: places in order in the place of scores --- */

struct placed {
    double score;
    size_t index;
};

/* The rows of a tensor. */
struct rows {
    const struct pare_tensor *t;
    double *score;
    struct placed *order; /* [t->n] */
    size_t cols;
};

static int by_score(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->score < y->score || x->score > y->score)
        return x->score < y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* What is infinite or NaN stays it, for criterion_store to tell. */
static void rank_row(void *arg, size_t i)
{
    const struct rows *r = arg;
    struct placed *order = r->order + i * r->cols;
    size_t n = 0;

    for (size_t k = i * r->cols; k < (i + 1) * r->cols; k++)
        if (isfinite(r->score[k]) && (!r->t->mask || r->t->mask[k]))
            order[n++] = (struct placed){r->score[k], k};
    qsort(order, n, sizeof *order, by_score);
    for (size_t k = 0; k < n; k++)
        r->score[order[k].index] = (double)(k + 1) / (double)n;
}

static int rank_rows(double *const *sum, const struct pare_model *m,
                     int threads)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];
        struct rows r = {.t = x, .score = sum[t], .cols = x->n};

        if (!sum[t])
            continue;
        if (x->role == PARE_ROLE_WEIGHT)
            r.cols = x->n / x->dim[0];
        r.order = malloc(x->n * sizeof *r.order);
        if (!r.order)
            return pare_fail(PARE_ENOMEM, "out of memory");
        pare_parallel(threads, x->n / r.cols, rank_row, &r);
        free(r.order);
    }
    return 0;
}

static int score_inputs(float *const *score, struct pare_model *m,
                        const struct pare_criterion_input *in,
                        size_t (*size)(const struct scored *x),
                        void (*see)(struct criterion_walk *w, void *arg),
                        void (*give)(double *const *sum, const struct scored *k,
                                     const struct pare_model *m,
                                     size_t samples),
                        bool rows)
{
    struct scored_list s = {.threads = (size_t)in->threads};
    struct criterion_walk w;
    int rc = criterion_begin(&w, score, false, m, in, PARE_OBSERVE_VALUES);

    if (!rc)
        rc = choose(&s, score, m, size);
    if (!rc)
        rc = criterion_run(&w, in, false, see, &s);
    for (size_t i = 0; !rc && i < s.n; i++)
        give(w.sum, &s.at[i], m, w.of);
    if (!rc && rows)
        rc = rank_rows(w.sum, m, in->threads);
    if (!rc)
        rc = criterion_store(score, w.sum, m, false, in->threads);
    drop(&s);
    criterion_end(&w);
    return rc;
}

int score_wanda(float *const *score, struct pare_model *m,
                const struct pare_criterion_input *in)
{
    return score_inputs(score, m, in, wanda_size, see_wanda, wanda_scores,
                        in->opt[0] > 0);
}

int score_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in)
{
    return score_inputs(score, m, in, input_size, see_activation,
                        activation_scores, false);
}

/* --- activation of units --- */

static bool is_nonlinear(enum pare_layer_op op)
{
    return op == PARE_OP_RELU || op == PARE_OP_LEAKY_RELU ||
           op == PARE_OP_TANH || op == PARE_OP_SIGMOID || op == PARE_OP_SILU ||
           op == PARE_OP_GELU || op == PARE_OP_SRELU;
}

static bool keeps_channels(enum pare_layer_op op)
{
    return op == PARE_OP_BATCHNORM || op == PARE_OP_IDENTITY ||
           op == PARE_OP_DROPOUT || op == PARE_OP_MAXPOOL ||
           op == PARE_OP_AVGPOOL || op == PARE_OP_FLATTEN;
}

size_t criterion_consumer(const struct pare_arch *a, size_t layer)
{
    size_t found = PARE_INPUT;

    for (size_t i = layer + 1; i < a->n_layers; i++)
        for (int k = 0; k < a->layer[i].n_inputs; k++) {
            if (a->layer[i].input[k] != layer)
                continue;
            if (found != PARE_INPUT)
                return PARE_INPUT;
            found = i;
        }
    return found;
}

/* The layer whose output is that of `layer` behind its nonlinearity; where
   none follows, behind its batch norm or, without one, the layer itself. */
static size_t nonlinearity(const struct pare_arch *a, size_t layer)
{
    size_t at = layer, next, norm = layer;

    while ((next = criterion_consumer(a, at)) != PARE_INPUT) {
        enum pare_layer_op op = a->layer[next].kind->op;

        if (is_nonlinear(op))
            return next;
        if (!keeps_channels(op))
            break;
        if (op == PARE_OP_BATCHNORM && norm == layer)
            norm = next;
        at = next;
    }
    return norm;
}

struct units_list {
    struct scored_list s;
    bool mean;
};

static size_t units_size(const struct scored *x)
{
    return x->l->out.dim[0];
}

static void see_outputs(void *arg, size_t i)
{
    const struct units_list *u = arg;
    const struct scored *k = &u->s.at[i];
    const double *x = pare_observer_output(u->s.w->o, k->from);
    size_t units = units_size(k), n = u->s.w->n;
    size_t size = pare_shape_size(&u->s.w->m->arch.layer[k->from].out);
    size_t places = size / units;

    for (size_t j = 0; j < n * units; j++) {
        const double *y = x + j * places;
        double sum = 0;

        for (size_t p = 0; p < places; p++)
            sum += u->mean || isnan(y[p]) ? fabs(y[p]) : y[p] > 0 ? 1 : 0;
        k->sum[j % units] += sum / (double)places;
    }
}

static void see_units(struct criterion_walk *w, void *arg)
{
    see_layers(w, arg, see_outputs);
}

int units_activation(float *const *score, struct pare_model *m,
                     const struct pare_criterion_input *in)
{
    struct units_list u = {.s.threads = (size_t)in->threads,
                           .mean = in->opt[0] > 0};
    struct criterion_walk w;
    int rc = criterion_begin(&w, score, true, m, in, PARE_OBSERVE_VALUES);

    if (!rc)
        rc = choose(&u.s, score, m, units_size);
    for (size_t i = 0; !rc && i < u.s.n; i++)
        u.s.at[i].from = nonlinearity(&m->arch, u.s.at[i].layer);
    if (!rc)
        rc = criterion_run(&w, in, false, see_units, &u);
    for (size_t i = 0; !rc && i < u.s.n; i++)
        for (size_t k = 0; k < units_size(&u.s.at[i]); k++)
            w.sum[u.s.at[i].tensor][k] = u.s.at[i].sum[k] / (double)w.of;
    if (!rc)
        rc = criterion_store(score, w.sum, m, true, in->threads);
    drop(&u.s);
    criterion_end(&w);
    return rc;
}
