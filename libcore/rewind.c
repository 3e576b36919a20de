#include "rewind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "initializer.h"
#include "status.h"

/* The state that a model goes back to. */
struct target {
    const struct pare_checkpoint *checkpoint; /* NULL: before any training */
    float **drawn; /* values of init; NULL: those of the checkpoint */
};

static void free_values(float **value, size_t n)
{
    for (size_t t = 0; value && t < n; t++)
        free(value[t]);
    free(value);
}

static int unknown(const struct pare_model *m, const char *name)
{
    char names[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < m->n_checkpoints && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i ? ", " : "", m->checkpoint[i].name);
    if (used >= sizeof names)
        snprintf(names + sizeof names - 5, 5, " ...");
    return pare_fail(PARE_EINVAL, "no checkpoint '%s'; there %s: %s", name,
                     m->n_checkpoints == 1 ? "is" : "are",
                     used ? names : "none");
}

static int find_target(struct target *to, const struct pare_model *m,
                       const struct pare_rewind_options *o)
{
    bool init = strcmp(o->to, "init") == 0;
    const struct pare_checkpoint *c = pare_model_checkpoint(m, o->to);

    if (!c)
        return unknown(m, o->to);
    if (o->optimizer && !init && !c->optim.spec[0])
        return pare_fail(PARE_EINVAL, "checkpoint '%s' kept no optimizer state",
                         o->to);
    to->checkpoint = init ? NULL : c;
    if (init)
        return pare_model_draw_init(&to->drawn, m);
    return c->value ? 0
                    : pare_fail(PARE_EFORMAT, "checkpoint '%s' has no values",
                                o->to);
}

/* As before the first step: the settings stay, the state is gone. */
static void empty_optimizer(struct pare_model *m)
{
    char spec[PARE_SPEC_MAX];

    memcpy(spec, m->optim.spec, sizeof spec);
    pare_optstate_release(&m->optim, m->n_tensors);
    memcpy(m->optim.spec, spec, sizeof spec);
}

static void set_position(struct pare_model *m, const struct pare_checkpoint *c)
{
    size_t rows = 0;

    m->training.epoch = c ? c->epoch : 0;
    m->training.epoch_step = c ? c->epoch_step : 0;
    m->training.step = c ? c->step : 0;
    m->training.sched_step = c ? c->sched_step : 0;
    /* The history of an epoch begun covers what is trained of it now. */
    m->training.sum_loss = 0;
    m->training.sum_correct = m->training.sum_samples = 0;
    while (rows < m->n_history && m->history[rows].step <= m->training.step)
        rows++;
    m->n_history = rows;
    while (m->n_rewirings &&
           m->rewiring[m->n_rewirings - 1].epoch > m->training.epoch)
        m->n_rewirings--;
}

/* Optimiser and schedule; the weights are set after this. */
static int set_rest(struct pare_model *m, const struct pare_checkpoint *c,
                    const struct pare_rewind_options *o)
{
    int rc = 0;

    if (o->optimizer && c)
        rc = pare_optstate_copy(&m->optim, &c->optim, m);
    else if (o->optimizer)
        empty_optimizer(m);
    if (!rc && o->schedule)
        set_position(m, c);
    return rc;
}

static int reinit(struct pare_model *m, const struct pare_rewind_options *o)
{
    char spec[PARE_SPEC_MAX];
    int rc;

    if (!m->init.spec[0])
        return pare_fail(PARE_EINVAL, "the model keeps no initializer to "
                                      "draw new weights with");
    memcpy(spec, m->init.spec, sizeof spec);
    rc = pare_model_draw(m, spec, o->seed);
    if (!rc)
        pare_model_drop_scores(m);
    return rc ? rc : set_rest(m, NULL, o);
}

int pare_rewind(struct pare_model *m, const struct pare_rewind_options *o)
{
    struct target to = {0};
    int rc;

    if (o->reinit)
        return reinit(m, o);
    rc = find_target(&to, m, o);
    if (!rc)
        rc = set_rest(m, to.checkpoint, o);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        memcpy(m->tensor[t].value,
               to.drawn ? to.drawn[t] : to.checkpoint->value[t],
               m->tensor[t].n * sizeof(float));
    if (!rc) {
        pare_model_drop_scores(m);
        pare_model_apply_masks(m);
    }
    free_values(to.drawn, m->n_tensors);
    return rc;
}

static void swap_arrays(struct pare_tensor *t, float **value, uint8_t **mask)
{
    float *v = t->value;
    uint8_t *bits = t->mask;

    t->value = *value;
    t->mask = *mask;
    *value = v;
    *mask = bits;
}

/* Does training stand where it stood? Then the sums of the epoch begun, which
 * no checkpoint keeps, are still those. */
static bool same_position(const struct pare_training *t,
                          const struct pare_checkpoint *c)
{
    return t->epoch == c->epoch && t->epoch_step == c->epoch_step &&
           t->step == c->step && t->sched_step == c->sched_step;
}

int pare_undo(struct pare_model *m, size_t n)
{
    size_t held = pare_model_undos(m);
    struct pare_optstate optim = m->optim;
    struct pare_checkpoint *c;
    char name[PARE_NAME_MAX];

    if (n < 1 || n > held)
        return pare_fail(PARE_EINVAL,
                         "cannot take back %zu pruning%s: the model holds %zu "
                         "undo point%s",
                         n, n == 1 ? "" : "s", held, held == 1 ? "" : "s");
    pare_undo_name(name, held - n + 1);
    c = pare_model_checkpoint(m, name);
    for (size_t t = 0; t < m->n_tensors; t++)
        swap_arrays(&m->tensor[t], &c->value[t], &c->mask[t]);
    m->optim = c->optim;
    c->optim = optim;
    if (!same_position(&m->training, c))
        set_position(m, c);
    for (size_t k = held; k > held - n; k--) {
        pare_undo_name(name, k);
        pare_model_drop_checkpoint(m, name);
    }
    pare_model_drop_scores(m);
    pare_model_apply_masks(m); /* of the other checkpoints */
    return 0;
}
