#include "model_file.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augment.h"
#include "dialect.h"
#include "gathered.h"
#include "initializer.h"
#include "levels.h"
#include "loss.h"
#include "optimizer.h"
#include "schedule.h"
#include "status.h"

/* Findings so far, and where they are told. */
struct check {
    const struct pare_model *m;
    void (*report)(void *arg, const char *line);
    void *arg;
    int findings;
    bool dense_state; /* the dialect has state under the masks */
};

static void find(struct check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void find(struct check *c, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->findings++;
    if (c->report)
        c->report(c->arg, line);
}

/* One array of a tensor's shape: finite, and 0 where the mask, which may be
 * none, is 0. */
static void check_array(struct check *c, const char *where, const float *v,
                        const struct pare_tensor *t, const uint8_t *mask)
{
    size_t alive = 0, odd = 0;

    for (size_t i = 0; i < t->n; i++) {
        odd += !isfinite(v[i]);
        alive += mask && !mask[i] && v[i] != 0.0f;
    }
    if (alive)
        find(c, "%s%s: %zu pruned values are not 0", where, t->name, alive);
    if (odd)
        find(c, "%s%s: %zu values are not finite", where, t->name, odd);
}

/* The mask that an array of a checkpoint obeys: that of an undo point is its
 * own. */
static const uint8_t *mask_of(const struct check *c,
                              const struct pare_checkpoint *point, size_t t)
{
    return point && point->mask ? point->mask[t] : c->m->tensor[t].mask;
}

static void check_optim(struct check *c, const char *where,
                        const struct pare_optstate *s,
                        const struct pare_checkpoint *point)
{
    char name[PARE_NAME_MAX + 64];
    struct pare_optimizer_spec spec;

    if (s->n_slots && !s->spec[0])
        find(c, "%soptimizer: state without an optimiser", where);
    if (s->spec[0] && pare_optimizer_parse(&spec, s->spec))
        find(c, "%soptimizer: %s", where, pare_error());
    else if (s->spec[0] && s->n_slots && s->n_slots != spec.n_slots)
        find(c, "%soptimizer: %d arrays a tensor, %s has %d", where, s->n_slots,
             spec.row->name, spec.n_slots);
    for (int k = 0; k < s->n_slots; k++)
        for (size_t t = 0; t < c->m->n_tensors; t++) {
            if (!s->slot[k][t])
                continue;
            snprintf(name, sizeof name, "%soptimizer slot %d, ", where, k);
            check_array(c, name, s->slot[k][t], &c->m->tensor[t],
                        c->dense_state ? NULL : mask_of(c, point, t));
        }
}

static void check_checkpoint(struct check *c,
                             const struct pare_checkpoint *point)
{
    char where[PARE_NAME_MAX + 16];

    snprintf(where, sizeof where, "checkpoint %s, ", point->name);
    if (!point->value && strcmp(point->name, "init") != 0)
        find(c, "checkpoint %s: no values", point->name);
    for (size_t t = 0; point->value && t < c->m->n_tensors; t++)
        check_array(c, where, point->value[t], &c->m->tensor[t],
                    mask_of(c, point, t));
    check_optim(c, where, &point->optim, point);
}

/* What scores and curves must be for a pruning to use them. */
static void check_gathered(struct check *c)
{
    const struct pare_model *m = c->m;
    char where[PARE_NAME_MAX + 16];

    for (size_t i = 0; i < m->n_scores; i++) {
        const struct pare_scores *s = &m->scores[i];
        bool loose = pare_scores_under_mask(s->name);

        if (!pare_scores_named(s->name))
            find(c, "scores '%s': not a name of scores", s->name);
        snprintf(where, sizeof where, "scores %s, ", s->name);
        for (size_t t = 0; t < m->n_tensors; t++)
            if (s->value[t])
                check_array(c, where, s->value[t], &m->tensor[t],
                            loose ? NULL : m->tensor[t].mask);
    }
    for (size_t i = 0; i < m->n_curves; i++)
        if (pare_curve_check(&m->curve[i]))
            find(c, "the curve of %s: %s",
                 m->arch.layer[m->curve[i].layer].name, pare_error());
}

/* Which dialect of training the file declares; one with state under the masks
 * is told, which is not a finding. */
static void check_dialect(struct check *c)
{
    const char *name = c->m->training.dialect;
    const struct pare_dialect *d = pare_dialect_find(name);
    char line[256];

    if (name[0] && !d)
        find(c, "training: unknown dialect '%s'", name);
    c->dense_state = d && d->dense_state;
    if (!c->dense_state || !c->report)
        return;
    snprintf(line, sizeof line,
             "dialect %s: the optimiser state of pruned weights goes on; only "
             "weights must be 0",
             name);
    c->report(c->arg, line);
}

static void check_marks(struct check *c, const char *what,
                        const struct pare_tensor *t, const struct pare_marks *k)
{
    for (int s = c->m->optim.n_slots; s < PARE_SLOTS_MAX; s++)
        if (k->n && k->slot[s])
            find(c,
                 "%s: state of slot %d goes with positions that were %s, "
                 "the optimiser has %d",
                 t->name, s, what, c->m->optim.n_slots);
}

/* What rewiring carries, against what the model is now. */
static void check_rewiring(struct check *c)
{
    const struct pare_model *m = c->m;

    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        check_marks(c, "removed", x, &x->removed);
        check_marks(c, "added", x, &x->added);
    }
    if (m->n_rewirings &&
        m->rewiring[m->n_rewirings - 1].epoch > m->training.epoch)
        find(c, "rewiring: a record of epoch %llu, training is at epoch %llu",
             (unsigned long long)m->rewiring[m->n_rewirings - 1].epoch,
             (unsigned long long)m->training.epoch);
}

/* Do the first weights come back from their seed? */
static int check_init(struct check *c)
{
    const struct pare_model *m = c->m;
    bool streams = pare_model_streams(m);
    float **value;
    int err = 0;

    if (!pare_model_checkpoint(m, "init"))
        return 0;
    value = calloc(m->n_tensors + 1, sizeof *value);
    if (!value)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t t = 0; !streams && t < m->n_tensors && !err; t++) {
        value[t] = malloc((m->tensor[t].n + 1) * sizeof(float));
        if (!value[t])
            err = pare_fail(PARE_ENOMEM, "no memory");
    }
    if (!err)
        err = streams ? pare_model_check_init(m)
                      : pare_model_init_values(value, m);
    if (err && err != PARE_ENOMEM) {
        find(c, "checkpoint init: %s", pare_error());
        err = 0;
    }
    for (size_t t = 0; t < m->n_tensors; t++)
        free(value[t]);
    free(value);
    return err;
}

/* Could a run go on with these settings? */
static void check_training(struct check *c)
{
    const struct pare_training *t = &c->m->training;
    struct pare_schedule_spec schedule;
    struct pare_augment augment;

    if (!t->batch)
        return; /* never trained */
    if (!pare_loss_find(t->loss))
        find(c, "training: unknown loss '%s'", t->loss);
    if (pare_schedule_parse(&schedule, t->schedule))
        find(c, "training: %s", pare_error());
    if (t->augment[0] && pare_augment_parse(&augment, t->augment))
        find(c, "training: %s", pare_error());
    if (!isfinite(t->lr))
        find(c, "training: the learning rate is %g", t->lr);
    if (!isfinite(t->weight_decay))
        find(c, "training: the weight decay is %g", t->weight_decay);
    if (t->steps_per_epoch && t->epoch_step >= t->steps_per_epoch)
        find(c, "training: the epoch has %llu steps, %llu are done",
             (unsigned long long)t->steps_per_epoch,
             (unsigned long long)t->epoch_step);
}

static void check_steps(struct check *c)
{
    for (size_t i = 0; i < c->m->n_steps; i++) {
        json_t *step = json_loads(c->m->step[i], JSON_REJECT_DUPLICATES, NULL);

        if (!json_is_object(step))
            find(c, "provenance, line %zu: not a JSON object", i + 1);
        json_decref(step);
    }
}

static void check_history(struct check *c)
{
    for (size_t i = 1; i < c->m->n_history; i++)
        if (c->m->history[i].step < c->m->history[i - 1].step &&
            c->m->history[i].epoch > c->m->history[i - 1].epoch)
            find(c, "history, row %zu: fewer steps than the row before", i + 1);
}

/* Finite, 0 where pruned, and of the levels or the type that it promises. */
static void check_tensor(struct check *c, const struct pare_tensor *t)
{
    check_array(c, "", t->value, t, t->mask);
    if (pare_levels_check(t))
        find(c, "%s", pare_error());
}

int pare_model_check(const struct pare_model *m,
                     void (*report)(void *arg, const char *line), void *arg)
{
    struct check c = {m, report, arg, 0, false};
    int err = 0;

    for (size_t t = 0; t < m->n_tensors && !err; t++) {
        err = pare_tensor_load(m, t);
        if (!err)
            check_tensor(&c, &m->tensor[t]);
        pare_tensor_drop(m, t);
    }
    if (err)
        return err;
    check_training(&c);
    check_dialect(&c);
    check_optim(&c, "", &m->optim, NULL);
    for (size_t i = 0; i < m->n_checkpoints; i++)
        check_checkpoint(&c, &m->checkpoint[i]);
    check_gathered(&c);
    check_rewiring(&c);
    err = check_init(&c);
    check_steps(&c);
    check_history(&c);
    return err ? err : c.findings;
}
