#include "model_copy.h"

#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* A copy of `size` bytes; of none, or of NULL, NULL. */
static void *copy_bytes(const void *from, size_t size, int *rc)
{
    void *to = from && size ? malloc(size) : NULL;

    if (to)
        memcpy(to, from, size);
    else if (from && size)
        *rc = no_memory();
    return to;
}

static int copy_tensors(struct pare_model *to, const struct pare_model *from)
{
    int rc = 0;

    for (size_t t = 0; !rc && t < from->n_tensors; t++) {
        const struct pare_tensor *x = &from->tensor[t];

        memcpy(to->tensor[t].value, x->value, x->n * sizeof(float));
        to->tensor[t].mask = copy_bytes(x->mask, x->n, &rc);
        to->tensor[t].target = x->target;
        to->tensor[t].dtype = x->dtype;
        if (!rc)
            rc = pare_quant_copy(&to->tensor[t].quant, &x->quant);
        if (!rc)
            rc = pare_marks_copy(&to->tensor[t].removed, &x->removed);
        if (!rc)
            rc = pare_marks_copy(&to->tensor[t].added, &x->added);
    }
    return rc;
}

/* Arrays of the size of each tensor; NULL where there are none. */
static float **copy_values(float *const *from, const struct pare_model *m,
                           int *rc)
{
    float **to = from ? calloc(m->n_tensors + 1, sizeof *to) : NULL;

    if (from && !to)
        *rc = no_memory();
    for (size_t t = 0; to && t < m->n_tensors; t++)
        to[t] = copy_bytes(from[t], m->tensor[t].n * sizeof(float), rc);
    return to;
}

static uint8_t **copy_masks(uint8_t *const *from, const struct pare_model *m,
                            int *rc)
{
    uint8_t **to = from ? calloc(m->n_tensors + 1, sizeof *to) : NULL;

    if (from && !to)
        *rc = no_memory();
    for (size_t t = 0; to && t < m->n_tensors; t++)
        to[t] = copy_bytes(from[t], m->tensor[t].n, rc);
    return to;
}

static int copy_checkpoints(struct pare_model *to,
                            const struct pare_model *from)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < from->n_checkpoints; i++) {
        const struct pare_checkpoint *c = &from->checkpoint[i];
        struct pare_checkpoint *d = pare_model_add_checkpoint(to, c->name);

        if (!d)
            return PARE_ENOMEM;
        d->epoch = c->epoch;
        d->epoch_step = c->epoch_step;
        d->step = c->step;
        d->sched_step = c->sched_step;
        d->value = copy_values(c->value, from, &rc);
        d->mask = copy_masks(c->mask, from, &rc);
        if (!rc)
            rc = pare_optstate_copy(&d->optim, &c->optim, from);
    }
    return rc;
}

static int copy_scores(struct pare_model *to, const struct pare_model *from)
{
    for (size_t i = 0; i < from->n_scores; i++) {
        const struct pare_scores *s = &from->scores[i];
        struct pare_scores *d = pare_model_begin_scores(to, s->name);

        if (!d)
            return PARE_ENOMEM;
        d->count = s->count;
        for (size_t t = 0; t < from->n_tensors; t++) {
            if (d->value[t] && s->value[t])
                memcpy(d->value[t], s->value[t],
                       from->tensor[t].n * sizeof(float));
            if (d->value[t] && !s->value[t]) {
                free(d->value[t]);
                d->value[t] = NULL;
            }
        }
    }
    return 0;
}

static int copy_curves(struct pare_model *to, const struct pare_model *from)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < from->n_curves; i++) {
        struct pare_curve c = from->curve[i];
        size_t size = c.n * sizeof(double);

        c.sparsity = copy_bytes(from->curve[i].sparsity, size, &rc);
        c.loss = copy_bytes(from->curve[i].loss, size, &rc);
        c.accuracy = copy_bytes(from->curve[i].accuracy, size, &rc);
        if (!rc)
            rc = pare_model_set_curve(to, &c);
        if (rc) {
            free(c.sparsity);
            free(c.loss);
            free(c.accuracy);
        }
    }
    return rc;
}

/* History, provenance, and what users added. */
static int copy_records(struct pare_model *to, const struct pare_model *from)
{
    int rc = pare_model_copy_classes(to, from->n_classes, from->class_name);

    for (size_t i = 0; !rc && i < from->n_history; i++)
        rc = pare_model_add_history(to, &from->history[i]);
    if (!rc && from->n_rewirings) {
        to->rewiring = copy_bytes(
            from->rewiring, from->n_rewirings * sizeof *from->rewiring, &rc);
        to->n_rewirings = to->rewiring_room = rc ? 0 : from->n_rewirings;
    }
    for (size_t i = 0; !rc && i < from->n_steps; i++)
        rc = pare_model_add_step(to, from->step[i]);
    to->user = copy_bytes(from->user, from->user_size, &rc);
    to->user_size = rc ? 0 : from->user_size;
    return rc;
}

int pare_model_copy(struct pare_model *out, const struct pare_model *from)
{
    struct pare_arch arch = {0};
    struct pare_model to = {0};
    int rc = pare_arch_parse(&arch, from->arch.text);

    if (!rc)
        rc = pare_model_lay(&to, &arch);
    for (size_t t = 0; !rc && t < from->n_tensors; t++)
        if (from->tensor[t].pattern)
            rc = pare_pattern_copy(&to.tensor[t].pattern,
                                   from->tensor[t].pattern);
    if (!rc)
        rc = pare_model_allocate(&to);
    if (rc) {
        pare_model_release(&to);
        return rc;
    }
    to.init = from->init;
    to.training = from->training;
    rc = pare_norm_copy(&to.norm, &from->norm);
    if (!rc)
        rc = copy_tensors(&to, from);
    if (!rc)
        rc = pare_optstate_copy(&to.optim, &from->optim, from);
    if (!rc)
        rc = copy_checkpoints(&to, from);
    if (!rc)
        rc = copy_scores(&to, from);
    if (!rc)
        rc = copy_curves(&to, from);
    if (!rc)
        rc = copy_records(&to, from);
    if (rc)
        pare_model_release(&to);
    else
        *out = to;
    return rc;
}
