#include "gathered.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "status.h"

static void release_scores(struct pare_scores *s, size_t n_tensors)
{
    for (size_t t = 0; s->value && t < n_tensors; t++)
        free(s->value[t]);
    free(s->value);
    memset(s, 0, sizeof *s);
}

bool pare_scores_named(const char *name)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = strlen(name);

    return n > 0 && n < 32 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, all) == n;
}

bool pare_scores_under_mask(const char *name)
{
    return strcmp(name, "hebbian") == 0;
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

/* Room for one set more, at its place by name; NULL without memory. */
static struct pare_scores *insert_scores(struct pare_model *m, const char *name)
{
    struct pare_scores *all =
        realloc(m->scores, (m->n_scores + 1) * sizeof *all);
    size_t at = 0;

    if (!all)
        return NULL;
    m->scores = all;
    while (at < m->n_scores && strcmp(all[at].name, name) < 0)
        at++;
    memmove(all + at + 1, all + at, (m->n_scores++ - at) * sizeof *all);
    memset(all + at, 0, sizeof *all);
    return all + at;
}

struct pare_scores *pare_model_begin_scores(struct pare_model *m,
                                            const char *name)
{
    struct pare_scores fresh = {0}, *old = pare_model_scores(m, name);

    if (!pare_scores_named(name)) {
        pare_fail(PARE_EINVAL, "scores cannot be called '%s'", name);
        return NULL;
    }
    if (!old && m->n_scores >= PARE_SCORES_MAX) {
        pare_fail(PARE_ELIMIT, "more than %d sets of scores", PARE_SCORES_MAX);
        return NULL;
    }
    snprintf(fresh.name, sizeof fresh.name, "%s", name);
    if (!zero_scores(&fresh, m))
        goto no_memory;
    if (!old)
        old = insert_scores(m, name);
    if (!old)
        goto no_memory;
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

int pare_curve_check(const struct pare_curve *c)
{
    if (c->n < 1)
        return pare_fail(PARE_EINVAL, "a curve without points");
    if (c->n > PARE_POINTS_MAX)
        return pare_fail(PARE_ELIMIT, "more than %d points", PARE_POINTS_MAX);
    for (size_t i = 0; i < c->n; i++) {
        double s = c->sparsity[i], a = c->accuracy[i];

        if (!(s >= 0 && s <= 1) || (i && s < c->sparsity[i - 1]))
            return pare_fail(PARE_EINVAL,
                             "sparsities that do not rise from 0 to 1");
        if (!isfinite(c->loss[i]))
            return pare_fail(PARE_EINVAL, "a loss that is not finite");
        if (!isnan(a) && !(a >= 0 && a <= 1))
            return pare_fail(PARE_EINVAL, "an accuracy outside 0 to 1");
    }
    return 0;
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

bool pare_undo_named(const char *name)
{
    return strncmp(name, "undo:", 5) == 0;
}

void pare_undo_name(char name[PARE_NAME_MAX], size_t k)
{
    snprintf(name, PARE_NAME_MAX, "undo:%zu", k);
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
    int rc = pare_model_expand(m);
    uint8_t **mask = rc ? NULL : copy_masks(m);

    if (rc)
        return rc;
    if (!mask)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_undo_name(name, pare_model_undos(m) + 1);
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
