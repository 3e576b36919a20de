#include "text_gathered.h"

#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "status.h"
#include "text_compact.h"

#define bad(r, ...) pare_text_fail(r, PARE_EFORMAT, __VA_ARGS__)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

int pare_text_tensor(struct pare_text *r, const struct pare_model *m,
                     size_t *index, char **rest)
{
    const char *name = pare_text_word(rest);

    for (size_t i = 0; name && i < m->n_tensors; i++) {
        if (strcmp(m->tensor[i].name, name) == 0) {
            *index = i;
            return 0;
        }
    }
    return bad(r, "the architecture has no tensor '%s'", name ? name : "");
}

/* Scores begin with no values at all; their lines bring them. */
int pare_text_scores(struct pare_text *r, struct pare_model *m, char *rest)
{
    struct pare_scores *s;
    uint64_t count;
    int err = pare_text_whole(r, &count, pare_text_word(&rest), INT64_MAX);
    const char *name = err ? NULL : pare_text_word(&rest);

    if (!err)
        err = pare_text_end(r, rest);
    if (!err && name && pare_scores_under_mask(name))
        err = pare_text_expand(r, m);
    if (err)
        return err;
    if (!name || !pare_scores_named(name) || pare_model_scores(m, name))
        return bad(r, "scores '%s' a second time, or no name of scores",
                   name ? name : "");
    s = pare_model_begin_scores(m, name);
    if (!s)
        return pare_fail_prefix(PARE_ELIMIT, "%s:%zu", r->name, r->number);
    s->count = count;
    for (size_t t = 0; t < m->n_tensors; t++) {
        free(s->value[t]);
        s->value[t] = NULL;
    }
    return 0;
}

int pare_text_score(struct pare_text *r, struct pare_model *m, char *rest)
{
    const char *name = pare_text_word(&rest);
    struct pare_scores *s = name ? pare_model_scores(m, name) : NULL;
    size_t t = 0;
    int err;

    if (!s)
        return bad(r, "no line 'scores' for '%s'", name ? name : "");
    err = pare_text_tensor(r, m, &t, &rest);
    if (err)
        return err;
    if (s->value[t])
        return bad(r, "the scores of '%s' a second time", m->tensor[t].name);
    s->value[t] = calloc(m->tensor[t].n, sizeof(float));
    if (!s->value[t])
        return no_memory();
    return pare_text_beside(r, s->value[t], &m->tensor[t], rest);
}

/* A layer that has tensors, by its name. */
static int find_layer(struct pare_text *r, const struct pare_model *m,
                      size_t *layer, char **rest)
{
    const char *name = pare_text_word(rest);

    for (size_t t = 0; name && t < m->n_tensors; t++) {
        if (strcmp(m->arch.layer[m->tensor[t].layer].name, name) == 0) {
            *layer = m->tensor[t].layer;
            return 0;
        }
    }
    return bad(r, "the architecture has no layer '%s' with weights",
               name ? name : "");
}

static double *longer(const double *v, size_t n, double last)
{
    double *all = malloc((n + 1) * sizeof *all);

    if (!all)
        return NULL;
    for (size_t i = 0; i < n; i++)
        all[i] = v[i];
    all[n] = last;
    return all;
}

/* Put a point at the end of a layer's curve. */
static int add_point(struct pare_text *r, struct pare_model *m, size_t layer,
                     const double point[3])
{
    static const struct pare_curve none;
    const struct pare_curve *old = pare_model_curve(m, layer);
    struct pare_curve c = {.layer = layer};
    int err;

    old = old ? old : &none;
    c.n = old->n + 1;
    c.sparsity = longer(old->sparsity, old->n, point[0]);
    c.loss = longer(old->loss, old->n, point[1]);
    c.accuracy = longer(old->accuracy, old->n, point[2]);
    err = c.sparsity && c.loss && c.accuracy ? 0 : no_memory();
    if (!err && (err = pare_curve_check(&c)) != 0)
        err = pare_fail_prefix(err, "%s:%zu", r->name, r->number);
    if (!err)
        err = pare_model_set_curve(m, &c);
    if (err) {
        free(c.sparsity);
        free(c.loss);
        free(c.accuracy);
    }
    return err;
}

int pare_text_curve(struct pare_text *r, struct pare_model *m, char *rest)
{
    double point[3];
    size_t layer = 0;
    int err = find_layer(r, m, &layer, &rest);

    for (size_t i = 0; !err && i < sizeof point / sizeof *point; i++)
        err = pare_text_real64(r, &point[i], pare_text_word(&rest));
    if (!err)
        err = pare_text_end(r, rest);
    return err ? err : add_point(r, m, layer, point);
}
