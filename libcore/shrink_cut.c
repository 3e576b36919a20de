#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_parts.h"
#include "shrink_parts.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- the architecture ------------------------------------------------ */

static void set_option(struct pare_layer *l, const char *name, double v)
{
    for (int i = 0; i < PARE_LAYER_OPTS && l->kind->option[i].name; i++)
        if (strcmp(l->kind->option[i].name, name) == 0)
            l->opt[i] = v;
}

/* The channels of a pad that stay, before and after those it takes. */
static void cut_pad(struct pare_layer *l, const struct shrink_plan *p, size_t i)
{
    size_t front = (size_t)pare_layer_opt(l, "front"), before = 0;
    const uint8_t *gone = p->gone + p->u.first[i + 1];

    for (size_t c = 0; c < front; c++)
        before += !gone[c];
    set_option(l, "front", (double)before);
    set_option(l, "back",
               (double)(p->kept[i + 1] - before -
                        p->kept[pare_units_input(&p->u, i, 0)]));
}

static size_t groups_left(const struct shrink_plan *p,
                          const struct pare_weights *w)
{
    size_t n = 0;

    for (size_t g = 0; g < w->groups; g++)
        n += !shrink_group_gone(p, w, g);
    return n;
}

static int cut_arch(struct pare_arch *out, const struct shrink_plan *p,
                    const bool *bias)
{
    struct pare_arch a = p->m->arch;
    int rc;

    a.text = NULL;
    a.layer = malloc(a.n_layers * sizeof *a.layer);
    if (!a.layer)
        return no_memory();
    memcpy(a.layer, p->m->arch.layer, a.n_layers * sizeof *a.layer);
    for (size_t i = 0; i < a.n_layers; i++) {
        struct pare_layer *l = &a.layer[i];
        struct pare_weights w;

        if (l->kind->op == PARE_OP_PAD)
            cut_pad(l, p, i);
        if (!pare_units_weighted(l))
            continue;
        pare_units_weights(&w, &p->u, i);
        l->opt[0] = (double)p->kept[i + 1];
        set_option(l, "groups", (double)groups_left(p, &w));
        if (bias[i])
            set_option(l, "bias", 1);
    }
    rc = pare_arch_print(&a);
    if (!rc)
        rc = pare_arch_parse(out, a.text);
    free(a.text);
    free(a.layer);
    return rc;
}

/* ---- arrays ---------------------------------------------------------- */

/* Weights of the units and channels that stay, of any element type. */
static void cut_weights(char *to, const char *from, size_t size,
                        const struct shrink_plan *p,
                        const struct pare_weights *w)
{
    size_t piece = w->taps * size;

    for (size_t row = 0; row < w->groups * w->rows; row++) {
        const uint8_t *gone = p->gone + w->in + row / w->rows * w->cols;

        if (p->gone[w->out + row]) {
            from += w->cols * piece;
            continue;
        }
        for (size_t c = 0; c < w->cols; c++, from += piece)
            if (!gone[c]) {
                memcpy(to, from, piece);
                to += piece;
            }
    }
}

/* One tensor of the large model; what goes by channels of the output. */
static void cut_tensor(void *to, const void *from, size_t size,
                       const struct shrink_plan *p, size_t t)
{
    const struct pare_tensor *tensor = &p->m->tensor[t];
    size_t first = p->u.first[tensor->layer + 1];
    struct pare_weights w;
    const char *in = from;
    char *out = to;

    if (tensor->role == PARE_ROLE_WEIGHT) {
        pare_units_weights(&w, &p->u, tensor->layer);
        cut_weights(to, from, size, p, &w);
        return;
    }
    for (size_t c = 0; c < tensor->n; c++)
        if (!p->gone[first + c]) {
            memcpy(out, in + c * size, size);
            out += size;
        }
}

/* The tensor of the large model that one of the small one is cut from;
   PARE_NO_NODE for a new bias. */
static size_t source_of(const struct shrink_plan *p, const bool *bias, size_t t)
{
    size_t added = 0;

    for (size_t i = 0; i < p->m->arch.n_layers; i++) {
        size_t next = p->u.tensor[i + 1] + added + bias[i];

        if (t + 1 == next && bias[i])
            return PARE_NO_NODE;
        if (t < next)
            break;
        added += bias[i];
    }
    return t - added;
}

/* ---- one set of values ----------------------------------------------- */

/* The small model with where its tensors come from. */
struct job {
    struct pare_model *out;
    const struct shrink_plan *p;
    const bool *bias; /* [n_layers] new ones */
    size_t *source;   /* [out->n_tensors] */
    size_t *target;   /* [n_layers] the small model's weights of each layer */
};

/* A unit's weights on constants next to the pad, to the one that stays. */
static void move_weights(const struct job *job, struct shrink_set *set,
                         float *const *value, bool masks,
                         const struct pare_weights *w, size_t layer, size_t row)
{
    const struct pare_tensor *old = &job->p->m->tensor[w->tensor];
    struct pare_tensor *small = &job->out->tensor[job->target[layer]];
    size_t unit = job->p->place[w->out + row];

    for (size_t c = 0; c < w->cols; c++) {
        size_t taker = job->p->gone[w->in + c]
                           ? shrink_taker(job->p, set, w, w->in + c)
                           : PARE_NO_NODE;
        size_t from = (row * w->cols + c) * w->taps, to;

        if (taker == PARE_NO_NODE)
            continue;
        to = (unit * small->dim[1] + job->p->place[taker]) * w->taps;
        for (size_t t = 0; t < w->taps; t++) {
            value[job->target[layer]][to + t] +=
                (float)((double)set->value[w->tensor][from + t] *
                        (set->k[w->in + c] / set->k[taker]));
            if (masks && small->mask && old->mask[from + t])
                small->mask[to + t] = 1;
        }
    }
}

/* What the removed constants gave goes into biases and stand-ins. */
static void fold(const struct job *job, struct shrink_set *set,
                 float *const *value, bool masks)
{
    const struct shrink_plan *p = job->p;

    for (size_t i = 0; i < p->m->arch.n_layers; i++) {
        struct pare_weights w;

        if (!pare_units_weighted(&p->m->arch.layer[i]))
            continue;
        pare_units_weights(&w, &p->u, i);
        for (size_t row = 0; row < w.groups * w.rows; row++) {
            size_t unit = p->place[w.out + row], t = job->target[i] + 1;
            double add;

            if (p->gone[w.out + row])
                continue;
            if (w.padded && w.groups == 1)
                move_weights(job, set, value, masks, &w, i, row);
            add = shrink_bias(p, set, &w, row);
            if (add == 0 || (!w.bias && !job->bias[i]))
                continue;
            value[t][unit] = (float)((double)value[t][unit] + add);
            if (job->out->tensor[t].mask)
                job->out->tensor[t].mask[unit] = 1;
        }
    }
}

static void cut_set(const struct job *job, struct shrink_set *set,
                    float *const *value, bool masks)
{
    for (size_t t = 0; t < job->out->n_tensors; t++)
        if (job->source[t] != PARE_NO_NODE)
            cut_tensor(value[t], set->value[job->source[t]], sizeof(float),
                       job->p, job->source[t]);
    fold(job, set, value, masks);
}

static int cut_masks(const struct job *job)
{
    int rc = 0;

    for (size_t t = 0; !rc && t < job->out->n_tensors; t++) {
        size_t from = job->source[t];
        struct pare_tensor *tensor = &job->out->tensor[t];

        if (from == PARE_NO_NODE || !job->p->m->tensor[from].mask)
            continue;
        rc = pare_tensor_need_mask(tensor);
        if (!rc)
            cut_tensor(tensor->mask, job->p->m->tensor[from].mask, 1, job->p,
                       from);
    }
    return rc;
}

/* A scale for each output stays with it. Whether all values keep to the levels
   is seen later: what was folded into them does not. */
static int cut_levels(const struct job *job)
{
    int rc = 0;

    for (size_t t = 0; !rc && t < job->out->n_tensors; t++) {
        const struct pare_tensor *from;
        struct pare_tensor *to = &job->out->tensor[t];
        size_t first, n = 0;

        if (job->source[t] == PARE_NO_NODE)
            continue;
        from = &job->p->m->tensor[job->source[t]];
        first = job->p->u.first[from->layer + 1];
        to->dtype = from->dtype;
        rc = pare_quant_copy(&to->quant, &from->quant);
        if (rc || from->quant.n_scale <= 1)
            continue;
        for (size_t r = 0; r < from->quant.n_scale; r++)
            if (!job->p->gone[first + r])
                to->quant.scale[n++] = from->quant.scale[r];
        to->quant.n_scale = n;
    }
    return rc;
}

static int cut_optim(struct pare_optstate *to, const struct pare_optstate *from,
                     const struct job *job)
{
    int rc =
        from->n_slots ? pare_optstate_alloc(to, job->out, from->n_slots) : 0;

    if (rc)
        return rc;
    memcpy(to->spec, from->spec, sizeof to->spec);
    to->step = from->step;
    for (int k = 0; k < from->n_slots; k++)
        for (size_t t = 0; t < job->out->n_tensors; t++)
            if (job->source[t] != PARE_NO_NODE && from->slot[k][job->source[t]])
                cut_tensor(to->slot[k][t], from->slot[k][job->source[t]],
                           sizeof(float), job->p, job->source[t]);
    return 0;
}

/* Empty arrays of a checkpoint. */
static float **new_values(const struct pare_model *m)
{
    float **value = calloc(m->n_tensors + 1, sizeof *value);

    for (size_t t = 0; value && t < m->n_tensors; t++) {
        value[t] = calloc(m->tensor[t].n, sizeof(float));
        if (value[t])
            continue;
        while (t-- > 0)
            free(value[t]);
        free(value);
        return NULL;
    }
    return value;
}

static int cut_checkpoint(const struct job *job,
                          const struct pare_checkpoint *from,
                          struct shrink_set *set)
{
    struct pare_checkpoint *to =
        pare_model_add_checkpoint(job->out, from->name);

    if (!to)
        return PARE_ENOMEM;
    to->epoch = from->epoch;
    to->epoch_step = from->epoch_step;
    to->step = from->step;
    to->sched_step = from->sched_step;
    to->value = new_values(job->out);
    if (!to->value)
        return no_memory();
    cut_set(job, set, to->value, false);
    return cut_optim(&to->optim, &from->optim, job);
}

/* ---- the whole ------------------------------------------------------- */

static int cut_all(const struct job *job, struct shrink_set *set)
{
    const struct pare_model *m = job->p->m;
    float **value = calloc(job->out->n_tensors + 1, sizeof *value);
    int rc = value ? cut_masks(job) : no_memory();

    if (!rc)
        rc = cut_levels(job);
    for (size_t t = 0; !rc && t < job->out->n_tensors; t++)
        value[t] = job->out->tensor[t].value;
    if (!rc) {
        cut_set(job, &set[0], value, true);
        rc = cut_optim(&job->out->optim, &m->optim, job);
    }
    for (size_t i = 0; !rc && i < m->n_checkpoints; i++)
        if (set[i + 1].value)
            rc = cut_checkpoint(job, &m->checkpoint[i], &set[i + 1]);
    free(value);
    if (!rc) {
        pare_model_drop_full_masks(job->out);
        pare_model_apply_masks(job->out);
    }
    return rc;
}

int shrink_cut(struct pare_model *out, const struct shrink_plan *p,
               const bool *bias, struct shrink_set *set)
{
    struct job job = {.out = out, .p = p, .bias = bias};
    struct pare_arch arch = {0};
    int rc = cut_arch(&arch, p, bias);

    if (!rc)
        rc = pare_model_init(out, &arch);
    if (rc)
        return rc;
    job.source = calloc(out->n_tensors + 1, sizeof *job.source);
    job.target = calloc(out->arch.n_layers + 1, sizeof *job.target);
    if (job.source && job.target) {
        for (size_t t = 0; t < out->n_tensors; t++) {
            job.source[t] = source_of(p, bias, t);
            if (out->tensor[t].role == PARE_ROLE_WEIGHT)
                job.target[out->tensor[t].layer] = t;
        }
        rc = cut_all(&job, set);
    } else {
        rc = no_memory();
    }
    free(job.source);
    free(job.target);
    if (rc)
        pare_model_release(out);
    return rc;
}
