#include "gathered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static void release_scores(struct pare_scores *s, size_t n_tensors)
{
    for (size_t t = 0; s->value && t < n_tensors; t++)
        free(s->value[t]);
    free(s->value);
    memset(s, 0, sizeof *s);
}

struct pare_scores *pare_model_scores(const struct pare_model *m,
                                      const char *name)
{
    for (size_t i = 0; i < m->n_scores; i++)
        if (strcmp(m->scores[i].name, name) == 0)
            return &m->scores[i];
    return NULL;
}

/* Zeroes for the weights; false without memory. */
static bool zero_scores(struct pare_scores *s, const struct pare_model *m)
{
    s->value = calloc(m->n_tensors + 1, sizeof *s->value);
    for (size_t t = 0; s->value && t < m->n_tensors; t++) {
        if (!pare_tensor_prunable(&m->tensor[t]))
            continue;
        s->value[t] = calloc(m->tensor[t].n, sizeof(float));
        if (!s->value[t])
            return false;
    }
    return s->value != NULL;
}

struct pare_scores *pare_model_begin_scores(struct pare_model *m,
                                            const char *name)
{
    struct pare_scores fresh = {0}, *old = pare_model_scores(m, name), *all;

    snprintf(fresh.name, sizeof fresh.name, "%s", name);
    if (!zero_scores(&fresh, m))
        goto no_memory;
    if (!old) {
        all = realloc(m->scores, (m->n_scores + 1) * sizeof *all);
        if (!all)
            goto no_memory;
        m->scores = all;
        old = &all[m->n_scores++];
        memset(old, 0, sizeof *old);
    }
    release_scores(old, m->n_tensors);
    *old = fresh;
    return old;
no_memory:
    release_scores(&fresh, m->n_tensors);
    pare_fail(PARE_ENOMEM, "out of memory");
    return NULL;
}

void pare_model_drop_scores(struct pare_model *m)
{
    for (size_t i = 0; i < m->n_scores; i++)
        release_scores(&m->scores[i], m->n_tensors);
    free(m->scores);
    m->scores = NULL;
    m->n_scores = 0;
}

static void release_curve(struct pare_curve *c)
{
    free(c->sparsity);
    free(c->loss);
    free(c->accuracy);
}

const struct pare_curve *pare_model_curve(const struct pare_model *m,
                                          size_t layer)
{
    for (size_t i = 0; i < m->n_curves; i++)
        if (m->curve[i].layer == layer)
            return &m->curve[i];
    return NULL;
}

int pare_model_set_curve(struct pare_model *m, const struct pare_curve *c)
{
    struct pare_curve *all;
    size_t at = 0;

    while (at < m->n_curves && m->curve[at].layer < c->layer)
        at++;
    if (at < m->n_curves && m->curve[at].layer == c->layer) {
        release_curve(&m->curve[at]);
        m->curve[at] = *c;
        return 0;
    }
    all = realloc(m->curve, (m->n_curves + 1) * sizeof *all);
    if (!all)
        return pare_fail(PARE_ENOMEM, "out of memory");
    m->curve = all;
    memmove(all + at + 1, all + at, (m->n_curves - at) * sizeof *all);
    all[at] = *c;
    m->n_curves++;
    return 0;
}

void pare_model_drop_curves(struct pare_model *m)
{
    for (size_t i = 0; i < m->n_curves; i++)
        release_curve(&m->curve[i]);
    free(m->curve);
    m->curve = NULL;
    m->n_curves = 0;
}

size_t pare_model_undos(const struct pare_model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_checkpoints; i++)
        n += m->checkpoint[i].mask != NULL;
    return n;
}

/* Copies of the masks there are; NULL without memory. */
static uint8_t **copy_masks(const struct pare_model *m)
{
    uint8_t **mask = calloc(m->n_tensors + 1, sizeof *mask);

    for (size_t t = 0; mask && t < m->n_tensors; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];

        if (!tensor->mask)
            continue;
        mask[t] = malloc(tensor->n);
        if (!mask[t]) {
            while (t-- > 0)
                free(mask[t]);
            free(mask);
            return NULL;
        }
        memcpy(mask[t], tensor->mask, tensor->n);
    }
    return mask;
}

int pare_model_keep_undo(struct pare_model *m)
{
    char name[PARE_NAME_MAX];
    struct pare_checkpoint *c;
    uint8_t **mask = copy_masks(m);
    int rc;

    if (!mask)
        return pare_fail(PARE_ENOMEM, "out of memory");
    snprintf(name, sizeof name, "undo:%zu", pare_model_undos(m) + 1);
    rc = pare_model_save_checkpoint(m, name, true);
    c = pare_model_checkpoint(m, name);
    if (rc) {
        for (size_t t = 0; t < m->n_tensors; t++)
            free(mask[t]);
        free(mask);
        pare_model_drop_checkpoint(m, name);
        return rc;
    }
    c->mask = mask;
    return 0;
}
