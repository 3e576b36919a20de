#include "train.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accumulate.h"
#include "compact.h"
#include "dialect.h"
#include "evaluate.h"
#include "gathered.h"
#include "net.h"
#include "rbm.h"
#include "rng.h"
#include "sparse.h"
#include "status.h"
#include "tied.h"

#define STEPS_AHEAD 4 /* whose samples a feed is told of */

/* All that a run of training carries along. */
struct run {
    struct pare_model *m;
    const struct pare_dataset *d;
    const struct pare_train_options *o;
    const struct pare_train_hooks *hooks;
    struct pare_net *net;
    struct pare_rbm *rbm; /* in place of net */
    struct pare_evaluator *ev;
    uint64_t per_epoch;
    uint32_t *order; /* [train samples] of this epoch */
    size_t wanted;   /* samples of the order that the data know of */
    double *loss;    /* [batch] */
    int32_t *y;      /* [batch] */
    uint32_t *rank;  /* [batch] */
    double lr;       /* of the last step */
    bool plain;      /* the dialect's weight decay */
    struct pare_scores *moved, *counted; /* scores to gather, or NULL */
    bool *compact; /* [n_tensors] compacted for this run */
    /* The last state whose loss was finite, at an epoch's end. */
    struct pare_model good;
};

const char *pare_select_name(enum pare_select select)
{
    static const char *const name[] = {
        [PARE_SELECT_LAST] = "last",
        [PARE_SELECT_LOSS] = "best-val-loss",
        [PARE_SELECT_ACC] = "best-val-acc",
    };

    return name[select];
}

uint64_t pare_steps_per_epoch(const struct pare_dataset *d, uint64_t batch)
{
    return (d->split[PARE_TRAIN].n + batch - 1) / batch;
}

bool pare_train_cuts_epoch(const struct pare_training *t, uint64_t batch,
                           uint64_t seed, uint64_t per_epoch)
{
    return t->epoch_step &&
           (t->batch != batch || t->seed != seed ||
            t->steps_per_epoch != per_epoch || t->epoch_step >= per_epoch);
}

/* Next "kind:number" of a checkpoint list; 1, 0 at the end, or a status. */
static int next_checkpoint(const char **p, char kind[8], uint64_t *number)
{
    size_t n = 0;
    char *end;

    if (!**p)
        return 0;
    while (isalpha((unsigned char)(*p)[n]) && n < 7)
        n++;
    memcpy(kind, *p, n);
    kind[n] = '\0';
    if ((*p)[n] != ':' || !isdigit((unsigned char)(*p)[n + 1]) ||
        (strcmp(kind, "epoch") != 0 && strcmp(kind, "step") != 0 &&
         strcmp(kind, "every") != 0))
        return pare_fail(PARE_EINVAL,
                         "checkpoints are epoch:N, step:N or every:N, "
                         "separated by commas, not '%s'",
                         *p);
    *number = strtoull(*p + n + 1, &end, 10);
    if ((*end && *end != ',') || (*end == ',' && !end[1]) ||
        *number > 1000000000000 || (*number == 0 && kind[1] == 'v'))
        return pare_fail(PARE_EINVAL, "checkpoint '%s': bad number", *p);
    *p = *end ? end + 1 : end;
    return 1;
}

int pare_checkpoint_spec_check(const char *spec)
{
    uint64_t number;
    char kind[8];
    int r;

    if (!*spec)
        return pare_fail(PARE_EINVAL, "no checkpoint is named");
    do
        r = next_checkpoint(&spec, kind, &number);
    while (r > 0);
    return r;
}

/* Save what --checkpoint asks for here; epoch_end: an epoch just ended. */
static int save_checkpoints(struct run *r, bool epoch_end)
{
    const char *p = r->o->checkpoint;
    const struct pare_training *t = &r->m->training;
    char kind[8], name[PARE_NAME_MAX];
    uint64_t number;
    int err = 0;

    while (p && !err && next_checkpoint(&p, kind, &number) > 0) {
        bool at_step = kind[0] == 's' && t->step == number;
        bool at_epoch = epoch_end && kind[1] == 'p' && t->epoch == number;
        bool at_every = epoch_end && kind[1] == 'v' && t->epoch > 0 &&
                        t->epoch % number == 0;

        if (!at_step && !at_epoch && !at_every)
            continue;
        snprintf(name, sizeof name, "%s:%llu", at_step ? "step" : "epoch",
                 (unsigned long long)(at_step ? t->step : t->epoch));
        err = pare_model_save_checkpoint(r->m, name, true);
    }
    return err;
}

/* Copy values and optimiser state of `from` into `to`, same architecture. */
static int copy_state(struct pare_model *to, const struct pare_model *from)
{
    for (size_t t = 0; t < from->n_tensors; t++)
        memcpy(to->tensor[t].value, from->tensor[t].value,
               from->tensor[t].n * sizeof(float));
    to->training = from->training;
    return pare_optstate_copy(&to->optim, &from->optim, from);
}

static int remember_good(struct run *r)
{
    struct pare_arch arch = {0};
    int err = 0;

    if (!r->good.tensor) {
        err = pare_arch_parse(&arch, r->m->arch.text);
        if (!err)
            err = pare_model_lay(&r->good, &arch);
        for (size_t t = 0; !err && t < r->m->n_tensors; t++)
            if (r->m->tensor[t].pattern)
                err = pare_pattern_copy(&r->good.tensor[t].pattern,
                                        r->m->tensor[t].pattern);
        if (!err)
            err = pare_model_allocate(&r->good);
    }
    return err ? err : copy_state(&r->good, r->m);
}

/* The first of n values that is not finite, or 0; v may be NULL. */
static double odd_value(const float *v, size_t n)
{
    size_t odd = 0;

    for (size_t i = 0; v && i < n; i++)
        odd += !(fabsf(v[i]) <= FLT_MAX);
    for (size_t i = 0; odd && i < n; i++)
        if (!isfinite(v[i]))
            return (double)v[i];
    return 0;
}

/* Back to the last good state; what is not finite, at which step. */
static int diverged(struct run *r, const char *what, double value,
                    uint64_t step)
{
    struct pare_model *m = r->m;
    int err = copy_state(m, &r->good);

    pare_model_drop_scores(m);
    for (size_t i = m->n_checkpoints; i-- > 0;)
        if (m->checkpoint[i].step > m->training.step && !m->checkpoint[i].mask)
            pare_model_drop_checkpoint(m, m->checkpoint[i].name);
    return err ? err
               : pare_fail(PARE_EDIVERGED, "%s is %g at step %llu", what,
                           isnan(value) ? fabs(value) : value, /* no "-nan" */
                           (unsigned long long)step);
}

/* Are weights and optimiser state finite? A squared gradient may not be. */
static int check_finite(struct run *r)
{
    const struct pare_model *m = r->m;

    for (size_t t = 0; t < m->n_tensors; t++) {
        size_t n = m->tensor[t].n;
        double odd = odd_value(m->tensor[t].value, n);

        if (odd != 0)
            return diverged(r, "a weight", odd, m->training.step);
        odd = r->moved ? odd_value(r->moved->value[t], n) : 0;
        if (odd != 0)
            return diverged(r, "a movement score", odd, m->training.step);
        for (int k = 0; k < m->optim.n_slots; k++) {
            odd = odd_value(m->optim.slot[k][t], n);
            if (odd != 0)
                return diverged(r, "the optimizer's state", odd,
                                m->training.step);
        }
    }
    return 0;
}

/* Tell the data which samples this step and the next ones take. */
static void want_ahead(struct run *r, size_t first)
{
    const struct pare_split *split = &r->d->split[PARE_TRAIN];
    size_t batch = r->o->batch < split->n ? r->o->batch : split->n;
    size_t end = split->n;

    if (split->n - first > STEPS_AHEAD * batch)
        end = first + STEPS_AHEAD * batch;
    if (r->wanted < first)
        r->wanted = first;
    pare_split_want(split, r->order + r->wanted, end - r->wanted);
    r->wanted = end;
}

/*
 * Before the update of n samples. Whether they still count depends on what
 * lies in the file alone, so that a run that was stopped stays the same.
 */
static void count_scores(struct run *r, size_t n)
{
    if (r->moved)
        r->moved->count++;
    if (r->counted && (r->o->batch > PARE_COUNT_MAX ||
                       r->counted->count > PARE_COUNT_MAX - r->o->batch)) {
        r->counted = NULL;
        pare_net_accumulate(r->net, r->moved ? r->moved->value : NULL, NULL);
    }
    if (r->counted)
        r->counted->count += n;
}

/* Forward over n samples: their losses and ranks, what an update needs. */
static int forward(struct run *r, const struct pare_gather *from,
                   const uint32_t *index, size_t n)
{
    const struct pare_training *t = &r->m->training;
    const struct pare_rbm_draws draws = {
        .seed = t->seed,
        .place = t->step * ((r->o->batch + 3) / 4),
        .training = true,
    };
    int err;

    if (r->rbm) {
        err = pare_rbm_forward(r->rbm, from, index, 0, n, &draws, r->loss);
        return err ? err : pare_split_fault(from->split);
    }
    pare_net_gather(r->net, from, index, 0, n);
    if ((err = pare_split_fault(from->split)) != 0)
        return err;
    pare_net_forward(r->net, n, true, t->seed, t->step);
    pare_net_loss(r->net, r->o->loss, r->loss, r->y, 1.0f / (float)n);
    pare_net_rank(r->net, r->rank, NULL, r->y);
    return 0;
}

/* One optimiser step; *mean is the mean loss of its batch. */
static int train_step(struct run *r, double *mean)
{
    struct pare_training *t = &r->m->training;
    const struct pare_split *split = &r->d->split[PARE_TRAIN];
    size_t first = t->epoch_step * r->o->batch, left = split->n - first;
    size_t n = left < r->o->batch ? left : r->o->batch;
    struct pare_gather from = {
        .data = r->d,
        .split = split,
        .augment = r->o->augment.canon[0] ? &r->o->augment : NULL,
        .seed = t->seed,
        .epoch = (uint32_t)t->epoch,
    };
    struct pare_update u = {0};
    double sum = 0;
    int err;

    for (size_t i = 0; i < n; i++)
        r->y[i] = split->y[r->order[first + i]];
    want_ahead(r, first);
    if ((err = forward(r, &from, r->order + first, n)) != 0)
        return err;
    for (size_t i = 0; i < n; i++)
        sum += r->loss[i];
    *mean = sum / (double)n;
    if (!isfinite(sum))
        return diverged(r, "the loss", *mean, t->step + 1);
    r->lr = pare_schedule_lr(&r->o->schedule, r->o->lr, t->sched_step,
                             r->o->sched_total, r->per_epoch);
    u.lr = (float)r->lr;
    u.weight_decay = r->plain ? 0 : (float)r->o->weight_decay;
    u.plain_decay = r->plain ? (float)r->o->weight_decay : 0;
    count_scores(r, n);
    r->o->optimizer.row->prepare(&u, r->o->optimizer.opt, ++r->m->optim.step);
    if (r->rbm)
        pare_rbm_update(r->rbm, r->o->optimizer.row, &u, &r->m->optim);
    else
        pare_net_backward_update(r->net, r->o->optimizer.row, &u, &r->m->optim);
    for (size_t i = 0; r->net && i < n; i++)
        t->sum_correct += r->rank[i] == 0;
    t->sum_loss += sum;
    t->sum_samples += n;
    t->epoch_step++;
    t->step++;
    t->sched_step++;
    return 0;
}

/* Is this row better than every row of the run before it? */
static bool is_best(const struct run *r, const struct pare_history_row *row)
{
    bool by_loss = r->o->select == PARE_SELECT_LOSS;

    for (size_t i = 0; i < r->m->n_history; i++) {
        const struct pare_history_row *h = &r->m->history[i];

        if (h->epoch <= r->o->first_epoch || h->epoch >= row->epoch)
            continue;
        if (by_loss ? !(row->val_loss < h->val_loss)
                    : !(row->val_acc > h->val_acc))
            return false;
    }
    return true;
}

static int end_epoch(struct run *r)
{
    struct pare_training *t = &r->m->training;
    const struct pare_split *val = &r->d->split[r->o->val];
    struct pare_history_row row = {0};
    uint64_t correct, top5;
    int err;

    t->epoch++;
    t->epoch_step = 0;
    row = (struct pare_history_row){
        .epoch = t->epoch,
        .step = t->step,
        .lr = r->lr,
        .train_loss = t->sum_loss / (double)t->sum_samples,
        .train_acc = (double)t->sum_correct / (double)t->sum_samples,
        .val_loss = (double)NAN,
        .val_acc = (double)NAN,
        .sparsity = pare_model_sparsity(r->m),
    };
    t->sum_loss = 0;
    t->sum_correct = t->sum_samples = 0;
    if (r->rbm)
        row.train_acc = (double)NAN;
    if (val->n) {
        pare_evaluator_run(r->ev, &row.val_loss, &correct, &top5, NULL, r->d,
                           val);
        if ((err = pare_split_fault(val)) != 0)
            return err;
        if (r->net)
            row.val_acc = (double)correct / (double)val->n;
        if (!isfinite(row.val_loss))
            return diverged(r, "the validation loss", row.val_loss, t->step);
    }
    err = check_finite(r);
    if (!err)
        err = pare_model_add_history(r->m, &row);
    if (!err && r->o->select != PARE_SELECT_LAST && is_best(r, &row))
        err = pare_model_save_checkpoint(r->m, "best", true);
    if (!err)
        err = remember_good(r);
    if (!err && r->hooks && r->hooks->on_epoch)
        err = r->hooks->on_epoch(r->hooks->arg, r->m, &row);
    return err;
}

static bool finished(const struct run *r)
{
    const struct pare_training *t = &r->m->training;

    if (r->o->end_step)
        return t->step >= r->o->end_step;
    return t->epoch >= r->o->end_epoch;
}

static int train_epoch(struct run *r)
{
    struct pare_training *t = &r->m->training;
    bool ends = false;
    double loss;
    int err = 0;

    r->wanted = 0;
    pare_rng_permutation(r->order, r->d->split[PARE_TRAIN].n, t->seed,
                         PARE_STREAM_SHUFFLE, (uint32_t)t->epoch);
    while (!err && t->epoch_step < r->per_epoch) {
        if (r->o->end_step && t->step >= r->o->end_step)
            return 0;
        err = train_step(r, &loss);
        ends = !err && t->epoch_step == r->per_epoch;
        if (ends)
            err = end_epoch(r);
        if (!err)
            err = save_checkpoints(r, ends);
        if (!err && r->hooks && r->hooks->on_step)
            err = r->hooks->on_step(r->hooks->arg, r->m, r->lr, loss);
        if (err > 0)
            err = pare_fail(PARE_ESTOPPED, "stopped");
        if (ends)
            break;
    }
    return err;
}

/*
 * Make the best epoch's state the result. A "best" that lies ahead is from
 * before a rewind, and this run has finished no epoch.
 */
static int take_best(struct run *r)
{
    struct pare_checkpoint *c = pare_model_checkpoint(r->m, "best");

    if (!c || !c->value || c->epoch <= r->o->first_epoch ||
        c->epoch > r->m->training.epoch)
        return 0;
    for (size_t t = 0; t < r->m->n_tensors; t++)
        memcpy(r->m->tensor[t].value, c->value[t],
               r->m->tensor[t].n * sizeof(float));
    return pare_optstate_copy(&r->m->optim, &c->optim, r->m);
}

/* Optimiser state of another kind than asked for is begun anew. */
static int begin_optimizer(struct run *r)
{
    struct pare_optstate *s = &r->m->optim;
    int err;

    if (strcmp(s->spec, r->o->optimizer.canon) == 0 &&
        s->n_slots == r->o->optimizer.n_slots)
        return 0;
    pare_optstate_release(s, r->m->n_tensors);
    err = pare_optstate_alloc(s, r->m, r->o->optimizer.n_slots);
    if (!err)
        memcpy(s->spec, r->o->optimizer.canon, sizeof s->spec);
    return err;
}

/* What runs the batches: a network, or a Boltzmann machine. */
static int begin_passes(struct run *r)
{
    size_t n = r->d->split[PARE_TRAIN].n;
    size_t batch = r->o->batch < n ? r->o->batch : n;

    int err;

    if (!pare_arch_is_rbm(&r->m->arch)) {
        err = pare_net_new(&r->net, r->m, batch, true, r->o->threads);
        return err ? err : pare_net_tie(r->net, &r->m->optim);
    }
    if (r->o->accumulate)
        return pare_fail(PARE_EMISMATCH, "no scores are gathered of a "
                                         "Boltzmann machine");
    if (r->o->select == PARE_SELECT_ACC)
        return pare_fail(PARE_EMISMATCH, "a Boltzmann machine has no accuracy "
                                         "to select by");
    return pare_rbm_new(&r->rbm, r->m, batch, true, r->o->threads);
}

static int begin_scores(struct run *r)
{
    int err = pare_accumulation_need(r->m, r->o->accumulate);

    if (err || !r->o->accumulate)
        return err;
    r->moved = pare_model_scores(r->m, "movement");
    r->counted = pare_model_scores(r->m, "hebbian");
    return pare_net_accumulate(r->net, r->moved ? r->moved->value : NULL,
                               r->counted ? r->counted->value : NULL)
               ? 0
               : pare_fail(PARE_ENOMEM, "out of memory");
}

/*
 * Sparse layers are trained compact. Scores that are gathered of all
 * positions keep them as they are.
 */
static int compact(struct run *r)
{
    r->compact = calloc(r->m->n_tensors + 1, sizeof *r->compact);
    if (!r->compact)
        return pare_fail(PARE_ENOMEM, "out of memory");
    return pare_model_compact(
        r->m, r->o->accumulate ? -1 : pare_sparse_density(true), r->compact);
}

static int begin(struct run *r)
{
    const struct pare_split *split = &r->d->split[PARE_TRAIN];
    const struct pare_dialect *dialect;
    struct pare_training *t = &r->m->training;
    int err = pare_rbm_check_loss(&r->m->arch, r->o->loss);

    if (!err)
        err = pare_model_fits(r->m, r->d);
    if (!err && split->n == 0)
        err = pare_fail(PARE_EMISMATCH, "the data have no train split");
    if (!err && r->m->n_tensors == 0)
        err = pare_fail(PARE_EMISMATCH, "the network has no weights");
    if (!err)
        err = pare_augment_fits_model(&r->o->augment, r->m, r->d);
    if (!err && r->o->select != PARE_SELECT_LAST &&
        r->d->split[r->o->val].n == 0)
        err = pare_fail(PARE_EMISMATCH,
                        "selecting the best epoch needs a %s split",
                        pare_split_name(r->o->val));
    if (err)
        return err;
    r->per_epoch = pare_steps_per_epoch(r->d, r->o->batch);
    if (pare_train_cuts_epoch(t, r->o->batch, r->o->seed, r->per_epoch)) {
        t->epoch++;
        t->epoch_step = t->sum_correct = t->sum_samples = 0;
        t->sum_loss = 0;
    }
    t->seed = r->o->seed;
    t->batch = r->o->batch;
    t->lr = r->o->lr;
    t->weight_decay = r->o->weight_decay;
    t->steps_per_epoch = r->per_epoch;
    t->sched_total = r->o->sched_total;
    snprintf(t->loss, sizeof t->loss, "%s", r->o->loss->name);
    snprintf(t->schedule, sizeof t->schedule, "%s", r->o->schedule.canon);
    snprintf(t->select, sizeof t->select, "%s", pare_select_name(r->o->select));
    memcpy(t->augment, r->o->augment.canon, sizeof t->augment);
    r->order = malloc(split->n * sizeof *r->order);
    r->loss = malloc(r->o->batch * sizeof *r->loss);
    r->y = malloc(r->o->batch * sizeof *r->y);
    r->rank = malloc(r->o->batch * sizeof *r->rank);
    if (!r->order || !r->loss || !r->y || !r->rank)
        return pare_fail(PARE_ENOMEM, "out of memory");
    err = pare_model_set_dialect(r->m, r->o->dialect ? r->o->dialect : "");
    dialect = pare_dialect_find(t->dialect);
    r->plain = dialect && dialect->plain_decay;
    if (!err)
        err = pare_tie_begin(r->m);
    if (!err)
        err = begin_optimizer(r);
    if (!err)
        err = compact(r);
    if (!err)
        err = begin_passes(r);
    if (!err)
        err = begin_scores(r);
    if (!err && r->d->split[r->o->val].n > 0)
        err = pare_evaluator_new(&r->ev, r->m, r->o->threads);
    return err ? err : remember_good(r);
}

int pare_train(struct pare_model *m, const struct pare_dataset *d,
               const struct pare_train_options *o,
               const struct pare_train_hooks *hooks)
{
    struct run r = {.m = m, .d = d, .o = o, .hooks = hooks, .lr = o->lr};
    int err = begin(&r), again = 0;

    if (!err && m->training.step == 0)
        err = save_checkpoints(&r, true);
    while (!err && !finished(&r))
        err = train_epoch(&r);
    if (!err)
        err = check_finite(&r); /* of an unfinished epoch */
    if (!err && o->select != PARE_SELECT_LAST)
        err = take_best(&r);
    pare_evaluator_free(r.ev);
    pare_net_free(r.net);
    pare_rbm_free(r.rbm);
    if (r.compact)
        again = pare_model_uncompact(m, r.compact);
    if (!again)
        again = pare_tie_end(m);
    pare_model_release(&r.good);
    free(r.compact);
    free(r.order);
    free(r.loss);
    free(r.y);
    free(r.rank);
    return err ? err : again;
}
