#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "compact.h"
#include "dialect.h"
#include "gathered.h"
#include "hugepage.h"
#include "rewiring.h"
#include "status.h"

#define BLOCK       4096                /* values looked at together */
#define WEIGHTS_MAX ((uint64_t)1 << 32) /* values held of one model */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static void lay_tensor(struct pare_tensor *t, size_t layer,
                       const struct pare_layer *l,
                       const struct pare_tensor_spec *spec)
{
    snprintf(t->name, sizeof t->name, "%.*s.%.*s", PARE_LAYER_MAX - 1, l->name,
             PARE_SUFFIX_MAX - 1, spec->suffix);
    t->layer = layer;
    t->role = spec->role;
    t->rank = spec->rank;
    t->n = 1;
    for (int i = 0; i < spec->rank; i++) {
        t->dim[i] = spec->dim[i];
        t->n *= spec->dim[i];
    }
}

/* Tensors of a list that has no graph. */
static void lay_own(struct pare_model *m)
{
    for (size_t i = 0; i < m->arch.n_own; i++) {
        const struct pare_arch_tensor *own = &m->arch.own[i];
        struct pare_tensor_spec spec = {
            .suffix = own->suffix, .role = own->role, .rank = own->rank};

        memcpy(spec.dim, own->dim, sizeof spec.dim);
        lay_tensor(&m->tensor[m->n_tensors++], own->layer,
                   &m->arch.layer[own->layer], &spec);
    }
}

int pare_model_lay(struct pare_model *m, struct pare_arch *arch)
{
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];

    m->arch = *arch;
    memset(arch, 0, sizeof *arch);
    m->norm.scale = 1;
    m->tensor = calloc(m->arch.n_layers * PARE_LAYER_TENSORS + m->arch.n_own,
                       sizeof *m->tensor);
    if (!m->tensor) {
        pare_model_release(m);
        return no_memory();
    }
    lay_own(m);
    for (size_t i = 0; i < m->arch.n_layers; i++) {
        const struct pare_layer *l = &m->arch.layer[i];
        int n = l->kind->tensors(l, spec);

        for (int k = 0; k < n; k++)
            lay_tensor(&m->tensor[m->n_tensors++], i, l, &spec[k]);
    }
    return 0;
}

int pare_model_allocate(struct pare_model *m)
{
    uint64_t total = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        struct pare_tensor *t = &m->tensor[i];
        const char *suffix = strrchr(t->name, '.');

        if (t->pattern)
            t->n = (size_t)pare_pattern_count(t->pattern);
        total += t->n;
        if (t->n > WEIGHTS_MAX || total > WEIGHTS_MAX)
            return pare_fail(PARE_ELIMIT,
                             "layer %s makes more than 2^32 weights: it can "
                             "only be sparse",
                             m->arch.layer[t->layer].name);
        t->value = calloc(t->n + 1, sizeof(float));
        pare_hugepage(t->value, t->n * sizeof(float));
        if (!t->value)
            return no_memory();
        for (size_t k = 0; t->role == PARE_ROLE_BUFFER && suffix &&
                           strcmp(suffix, ".var") == 0 && k < t->n;
             k++)
            t->value[k] = 1;
    }
    return 0;
}

int pare_model_init(struct pare_model *m, struct pare_arch *arch)
{
    int err = pare_model_lay(m, arch);

    if (!err)
        err = pare_model_allocate(m);
    if (err)
        pare_model_release(m);
    return err;
}

static void free_values(float **value, size_t n)
{
    if (!value)
        return;
    for (size_t t = 0; t < n; t++)
        free(value[t]);
    free(value);
}

void pare_optstate_release(struct pare_optstate *s, size_t n_tensors)
{
    for (int k = 0; k < PARE_SLOTS_MAX; k++)
        free_values(s->slot[k], n_tensors);
    memset(s, 0, sizeof *s);
}

static void release_checkpoint(struct pare_checkpoint *c, size_t n_tensors)
{
    free_values(c->value, n_tensors);
    c->value = NULL;
    for (size_t t = 0; c->mask && t < n_tensors; t++)
        free(c->mask[t]);
    free(c->mask);
    c->mask = NULL;
    pare_optstate_release(&c->optim, n_tensors);
}

void pare_model_release(struct pare_model *m)
{
    pare_loader_release(&m->loader);
    for (size_t i = 0; i < m->n_checkpoints; i++)
        release_checkpoint(&m->checkpoint[i], m->n_tensors);
    free(m->checkpoint);
    pare_optstate_release(&m->optim, m->n_tensors);
    for (size_t t = 0; t < m->n_tensors; t++) {
        free(m->tensor[t].value);
        free(m->tensor[t].mask);
        pare_quant_release(&m->tensor[t].quant);
        pare_pattern_free(m->tensor[t].pattern);
    }
    pare_model_drop_rewiring(m);
    free(m->tensor);
    for (size_t i = 0; m->class_name && i < m->n_classes; i++)
        free(m->class_name[i]);
    free(m->class_name);
    for (size_t i = 0; i < m->n_steps; i++)
        free(m->step[i]);
    free(m->step);
    free(m->history);
    pare_model_drop_scores(m);
    pare_model_drop_curves(m);
    free(m->user);
    pare_norm_release(&m->norm);
    pare_arch_release(&m->arch);
    memset(m, 0, sizeof *m);
}

struct pare_tensor *pare_model_tensor(const struct pare_model *m,
                                      const char *name)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (strcmp(m->tensor[t].name, name) == 0)
            return &m->tensor[t];
    return NULL;
}

struct pare_checkpoint *pare_model_checkpoint(const struct pare_model *m,
                                              const char *name)
{
    for (size_t i = 0; i < m->n_checkpoints; i++)
        if (strcmp(m->checkpoint[i].name, name) == 0)
            return &m->checkpoint[i];
    return NULL;
}

struct pare_checkpoint *pare_model_add_checkpoint(struct pare_model *m,
                                                  const char *name)
{
    struct pare_checkpoint *c = pare_model_checkpoint(m, name);

    if (c) {
        release_checkpoint(c, m->n_tensors);
        return c;
    }
    c = realloc(m->checkpoint, (m->n_checkpoints + 1) * sizeof *c);
    if (!c) {
        no_memory();
        return NULL;
    }
    m->checkpoint = c;
    c += m->n_checkpoints++;
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s", name);
    return c;
}

/* Arrays of the tensors' sizes, zeroed; NULL for buffers unless asked. */
static float **alloc_values(const struct pare_model *m, bool buffers)
{
    float **value = calloc(m->n_tensors ? m->n_tensors : 1, sizeof *value);

    for (size_t t = 0; value && t < m->n_tensors; t++) {
        if (m->tensor[t].role == PARE_ROLE_BUFFER && !buffers)
            continue;
        value[t] = calloc(m->tensor[t].n, sizeof(float));
        pare_hugepage(value[t], m->tensor[t].n * sizeof(float));
        if (!value[t]) {
            free_values(value, m->n_tensors);
            value = NULL;
        }
    }
    if (!value)
        no_memory();
    return value;
}

int pare_optstate_alloc(struct pare_optstate *s, const struct pare_model *m,
                        int n_slots)
{
    for (int k = 0; k < n_slots; k++) {
        s->slot[k] = alloc_values(m, false);
        if (!s->slot[k]) {
            pare_optstate_release(s, m->n_tensors);
            return PARE_ENOMEM;
        }
    }
    s->n_slots = n_slots;
    return 0;
}

/* Same number of slots, whose arrays are there for the same tensors? */
static bool same_layout(const struct pare_optstate *a,
                        const struct pare_optstate *b, size_t n_tensors)
{
    if (a->n_slots != b->n_slots)
        return false;
    for (int k = 0; k < a->n_slots; k++)
        for (size_t t = 0; t < n_tensors; t++)
            if (!a->slot[k][t] != !b->slot[k][t])
                return false;
    return true;
}

int pare_optstate_copy(struct pare_optstate *to,
                       const struct pare_optstate *from,
                       const struct pare_model *m)
{
    if (!same_layout(to, from, m->n_tensors)) {
        struct pare_optstate fresh = {0};
        int err = pare_optstate_alloc(&fresh, m, from->n_slots);

        if (err)
            return err;
        pare_optstate_release(to, m->n_tensors);
        *to = fresh;
    }
    memcpy(to->spec, from->spec, sizeof to->spec);
    to->step = from->step;
    for (int k = 0; k < from->n_slots; k++)
        for (size_t t = 0; t < m->n_tensors; t++)
            if (to->slot[k][t])
                memcpy(to->slot[k][t], from->slot[k][t],
                       m->tensor[t].n * sizeof(float));
    return 0;
}

int pare_model_save_checkpoint(struct pare_model *m, const char *name,
                               bool with_optim)
{
    struct pare_checkpoint *c = pare_model_add_checkpoint(m, name);

    if (!c)
        return PARE_ENOMEM;
    c->value = alloc_values(m, true);
    if (!c->value)
        return PARE_ENOMEM;
    for (size_t t = 0; t < m->n_tensors; t++)
        memcpy(c->value[t], m->tensor[t].value, m->tensor[t].n * sizeof(float));
    c->epoch = m->training.epoch;
    c->epoch_step = m->training.epoch_step;
    c->step = m->training.step;
    c->sched_step = m->training.sched_step;
    return with_optim ? pare_optstate_copy(&c->optim, &m->optim, m) : 0;
}

void pare_model_drop_checkpoint(struct pare_model *m, const char *name)
{
    struct pare_checkpoint *c = pare_model_checkpoint(m, name);
    size_t i;

    if (!c)
        return;
    i = (size_t)(c - m->checkpoint);
    release_checkpoint(c, m->n_tensors);
    memmove(c, c + 1, (--m->n_checkpoints - i) * sizeof *c);
}

int pare_model_copy_classes(struct pare_model *m, size_t n, char *const *name)
{
    char **copy = name ? calloc(n ? n : 1, sizeof *copy) : NULL;
    bool ok = !name || copy;

    for (size_t i = 0; ok && copy && i < n; i++) {
        size_t size = strlen(name[i]) + 1;

        copy[i] = malloc(size);
        ok = copy[i] != NULL;
        if (ok)
            memcpy(copy[i], name[i], size);
    }
    if (!ok) {
        for (size_t i = 0; copy && i < n; i++)
            free(copy[i]);
        free(copy);
        return no_memory();
    }
    for (size_t i = 0; m->class_name && i < m->n_classes; i++)
        free(m->class_name[i]);
    free(m->class_name);
    m->class_name = copy;
    m->n_classes = n;
    return 0;
}

int pare_model_add_history(struct pare_model *m,
                           const struct pare_history_row *row)
{
    if (m->n_history >= m->history_room) {
        size_t room = 2 * m->n_history + 8;
        struct pare_history_row *grown =
            realloc(m->history, room * sizeof *row);

        if (!grown)
            return no_memory();
        m->history = grown;
        m->history_room = room;
    }
    m->history[m->n_history++] = *row;
    return 0;
}

int pare_model_add_step(struct pare_model *m, const char *json)
{
    char **grown = realloc(m->step, (m->n_steps + 1) * sizeof *grown);
    size_t size = strlen(json) + 1;

    if (!grown)
        return no_memory();
    m->step = grown;
    grown[m->n_steps] = malloc(size);
    if (!grown[m->n_steps])
        return no_memory();
    memcpy(grown[m->n_steps++], json, size);
    return 0;
}

int pare_tensor_need_mask(struct pare_tensor *t)
{
    if (t->mask)
        return 0;
    t->mask = pare_hugepage(malloc(t->n), t->n);
    if (!t->mask)
        return no_memory();
    memset(t->mask, 1, t->n);
    return 0;
}

size_t pare_tensor_kept(const struct pare_tensor *t)
{
    if (t->away)
        return t->kept;
    return t->mask ? pare_bits_count(t->mask, t->n) : t->n;
}

/* Is a value of a block infinite or NaN? In vector code. */
PARE_CLONES
static uint32_t any_nonfinite(const float *v, size_t n)
{
    uint32_t any = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, &v[i], sizeof u);
        any |= (u & 0x7f800000u) == 0x7f800000u;
    }
    return any;
}

size_t pare_first_nonfinite(const float *v, size_t n)
{
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t end = n - first < BLOCK ? n : first + BLOCK;

        if (!any_nonfinite(v + first, end - first))
            continue;
        while (isfinite(v[first]))
            first++;
        return first;
    }
    return n;
}

bool pare_tensor_prunable(const struct pare_tensor *t)
{
    return t->role == PARE_ROLE_WEIGHT;
}

void pare_model_count(const struct pare_model *m, uint64_t *kept,
                      uint64_t *total)
{
    *kept = *total = 0;
    for (size_t t = 0; t < m->n_tensors; t++) {
        if (!pare_tensor_prunable(&m->tensor[t]))
            continue;
        *kept += pare_tensor_kept(&m->tensor[t]);
        *total += pare_tensor_positions(&m->tensor[t]);
    }
}

double pare_model_sparsity(const struct pare_model *m)
{
    uint64_t kept, total;

    pare_model_count(m, &kept, &total);
    return total ? (double)(total - kept) / (double)total : 0;
}

PARE_CLONES
static void apply_mask(float *v, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; v && i < n; i++)
        v[i] = mask[i] ? v[i] : 0.0f;
}

static void apply_to_state(struct pare_optstate *s, size_t t,
                           const struct pare_tensor *tensor)
{
    for (int k = 0; k < s->n_slots; k++)
        apply_mask(s->slot[k][t], tensor->mask, tensor->n);
}

void pare_model_apply_masks(struct pare_model *m)
{
    const struct pare_dialect *d = pare_dialect_find(m->training.dialect);
    bool dense = d && d->dense_state;

    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *tensor = &m->tensor[t];

        if (!tensor->mask)
            continue;
        apply_mask(tensor->value, tensor->mask, tensor->n);
        if (!dense)
            apply_to_state(&m->optim, t, tensor);
        for (size_t i = 0; i < m->n_checkpoints; i++) {
            struct pare_checkpoint *c = &m->checkpoint[i];

            if (c->mask)
                continue;
            if (c->value)
                apply_mask(c->value[t], tensor->mask, tensor->n);
            if (!dense)
                apply_to_state(&c->optim, t, tensor);
        }
        for (size_t i = 0; i < m->n_scores; i++)
            if (!pare_scores_under_mask(m->scores[i].name))
                apply_mask(m->scores[i].value[t], tensor->mask, tensor->n);
    }
}

void pare_model_drop_full_masks(struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *tensor = &m->tensor[t];

        if (tensor->pattern && tensor->n == pare_tensor_positions(tensor)) {
            pare_pattern_free(tensor->pattern); /* values are in order */
            tensor->pattern = NULL;
        }
        if (!tensor->mask || memchr(tensor->mask, 0, tensor->n))
            continue;
        free(tensor->mask);
        tensor->mask = NULL;
    }
}
