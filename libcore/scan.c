#include "scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "gathered.h"
#include "scope.h"
#include "status.h"

/* A scan on its way. */
struct scan {
    const struct pare_model *m;
    const struct pare_scan_options *o;
    int (*told)(void *arg, const struct pare_scan_point *p);
    void *arg;
    struct pare_model trial; /* a copy that is pruned; owns only its tensors,
                                their names and its scores */
    struct pare_evaluator *ev;
    struct pare_scope scope;
    struct pare_scan_point start; /* the model as it is */
    struct pare_curve *curve;     /* [scope.n] */
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void pare_scan_release(struct pare_curve *curve, size_t n)
{
    for (size_t i = 0; curve && i < n; i++) {
        free(curve[i].sparsity);
        free(curve[i].loss);
        free(curve[i].accuracy);
    }
    free(curve);
}

/* ---- the copy that is pruned ----------------------------------------- */

static int copy_tensor(struct pare_tensor *to, const struct pare_tensor *from)
{
    *to = *from;
    to->mask = NULL;
    to->value = malloc(from->n * sizeof(float));
    return to->value ? 0 : no_memory();
}

static int copy_scores(struct pare_model *to, const struct pare_model *from)
{
    int err = 0;

    for (size_t i = 0; i < from->n_scores && !err; i++)
        if (!pare_model_begin_scores(to, from->scores[i].name))
            err = PARE_ENOMEM;
    return err;
}

/* Values, masks and scores of the model as it is. */
static int restore(struct pare_model *to, const struct pare_model *from)
{
    int err = 0;

    for (size_t t = 0; !err && t < from->n_tensors; t++) {
        const struct pare_tensor *f = &from->tensor[t];

        memcpy(to->tensor[t].value, f->value, f->n * sizeof(float));
        free(to->tensor[t].mask);
        to->tensor[t].mask = NULL;
        if (f->mask)
            err = pare_tensor_need_mask(&to->tensor[t]);
        if (f->mask && !err)
            memcpy(to->tensor[t].mask, f->mask, f->n);
        for (size_t i = 0; i < from->n_scores; i++)
            if (from->scores[i].value[t] && to->scores[i].value[t])
                memcpy(to->scores[i].value[t], from->scores[i].value[t],
                       f->n * sizeof(float));
    }
    return err;
}

/* No checkpoints and no optimiser state, which are of no account here. */
static int make_trial(struct scan *s)
{
    struct pare_model *to = &s->trial;
    int err = 0;

    *to = *s->m;
    to->n_checkpoints = to->n_scores = to->n_tensors = 0;
    to->checkpoint = NULL;
    to->scores = NULL;
    memset(&to->optim, 0, sizeof to->optim);
    to->tensor = calloc(s->m->n_tensors + 1, sizeof *to->tensor);
    if (!to->tensor)
        return no_memory();
    while (!err && to->n_tensors < s->m->n_tensors) {
        err = copy_tensor(&to->tensor[to->n_tensors],
                          &s->m->tensor[to->n_tensors]);
        to->n_tensors++;
    }
    if (!err)
        err = copy_scores(to, s->m);
    for (size_t i = 0; i < to->n_scores; i++)
        to->scores[i].count = s->m->scores[i].count;
    return err;
}

static void free_trial(struct pare_model *m)
{
    pare_model_drop_scores(m);
    for (size_t t = 0; t < m->n_tensors; t++) {
        free(m->tensor[t].value);
        free(m->tensor[t].mask);
    }
    free(m->tensor);
}

/* ---- measuring ------------------------------------------------------- */

static int measure_start(struct scan *s)
{
    const struct pare_split *split = &s->o->data->split[s->o->split];
    struct pare_evaluation e = {0};
    int err =
        pare_evaluate(&e, &s->trial, s->o->data, s->o->split, s->o->threads);

    if (err)
        return err;
    if (e.n_classes == 0) {
        pare_evaluation_release(&e);
        return pare_fail(PARE_EMISMATCH, "a Boltzmann machine has no accuracy "
                                         "to scan by");
    }
    s->start.layer = SIZE_MAX;
    s->start.loss = e.loss;
    s->start.accuracy = (double)e.correct / (double)split->n;
    pare_model_count(s->m, &s->start.kept, &s->start.total);
    pare_evaluation_release(&e);
    err = pare_evaluator_new(&s->ev, &s->trial, s->o->threads);
    return err;
}

static int measure(struct scan *s, struct pare_scan_point *p)
{
    const struct pare_split *split = &s->o->data->split[s->o->split];
    uint64_t correct, top5;

    pare_evaluator_run(s->ev, &p->loss, &correct, &top5, NULL, s->o->data,
                       split);
    p->accuracy = (double)correct / (double)split->n;
    return pare_split_fault(split);
}

/* Prune the layer alone; what is left of it. */
static int prune_layer(struct scan *s, size_t layer, double level,
                       uint64_t *kept)
{
    struct pare_prune_options o = s->o->prune;
    struct pare_prune_report report = {0};
    const char *only = s->m->arch.layer[layer].name;
    int err;

    o.kind = PARE_AMOUNT_SPARSITY;
    o.amount = level;
    o.allocation = pare_allocation_find("global");
    o.n_layer = o.n_min = o.n_max = o.n_skip = 0;
    o.n_only = 1;
    o.only = &only;
    err = restore(&s->trial, s->m);
    if (!err)
        err = pare_prune(&report, &s->trial, &o);
    if (!err)
        *kept = report.kept_after;
    pare_prune_report_release(&report);
    return err;
}

/* To tell, and to keep where the loss is a number. */
static int add_point(struct scan *s, struct pare_curve *c,
                     const struct pare_scan_point *p)
{
    int err = s->told ? s->told(s->arg, p) : 0;

    if (err || !isfinite(p->loss))
        return err;
    c->sparsity[c->n] = (double)(p->total - p->kept) / (double)p->total;
    c->loss[c->n] = p->loss;
    c->accuracy[c->n] = p->accuracy;
    c->n++;
    return 0;
}

static int scan_layer(struct scan *s, struct pare_curve *c,
                      const struct pare_scope_layer *l)
{
    const struct pare_tensor *w = &s->m->tensor[l->weight], *b = NULL;
    struct pare_scan_point p = s->start;
    size_t room = s->o->n_levels + 1;
    uint64_t kept;
    int err = 0;

    if (l->bias != PARE_SCOPE_NONE)
        b = &s->m->tensor[l->bias];
    c->layer = p.layer = l->layer;
    c->sparsity = malloc(room * sizeof(double));
    c->loss = malloc(room * sizeof(double));
    c->accuracy = malloc(room * sizeof(double));
    if (!c->sparsity || !c->loss || !c->accuracy)
        return no_memory();
    p.total = w->n + (b ? b->n : 0);
    p.kept = pare_tensor_kept(w) + (b ? pare_tensor_kept(b) : 0);
    err = add_point(s, c, &p);
    for (size_t i = 0; i < s->o->n_levels && !err; i++) {
        err = prune_layer(s, l->layer, s->o->level[i], &kept);
        if (err || kept >= p.kept)
            continue;
        p.kept = kept;
        err = measure(s, &p);
        if (!err)
            err = add_point(s, c, &p);
    }
    return err;
}

static int choose_layers(struct scan *s)
{
    struct pare_prune_options o = s->o->prune;

    o.amount = 0; /* any: none has an amount of its own */
    o.n_layer = 0;
    return pare_scope_choose(&s->scope, s->m, &o, o.grain.kind->spare_output);
}

int pare_scan(struct pare_curve **curve, size_t *n, struct pare_model *m,
              const struct pare_scan_options *o,
              int (*told)(void *arg, const struct pare_scan_point *p),
              void *arg)
{
    struct scan s = {.m = m, .o = o, .told = told, .arg = arg};
    int err = choose_layers(&s);

    if (!err)
        err = make_trial(&s);
    if (!err)
        err = restore(&s.trial, m);
    if (!err)
        err = measure_start(&s);
    if (!err) {
        s.curve = calloc(s.scope.n, sizeof *s.curve);
        err = s.curve ? 0 : no_memory();
    }
    for (size_t i = 0; i < s.scope.n && !err; i++)
        err = scan_layer(&s, &s.curve[i], &s.scope.layer[i]);
    if (!err && curve) {
        *curve = s.curve;
        *n = s.scope.n;
        s.curve = NULL;
    }
    pare_scan_release(s.curve, s.scope.n);
    pare_evaluator_free(s.ev);
    free_trial(&s.trial);
    free(s.scope.layer);
    return err;
}
