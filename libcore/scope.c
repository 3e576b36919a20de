#include "scope.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static const char *name_of(const struct pare_model *m,
                           const struct pare_scope_layer *l)
{
    return m->arch.layer[l->layer].name;
}

static bool matches(const char *glob, const char *name)
{
    return fnmatch(glob, name, 0) == 0;
}

static bool matches_any(const char *const *glob, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (matches(glob[i], name))
            return true;
    return false;
}

/* All layers with weights. */
static int list_layers(struct pare_scope *s, const struct pare_model *m,
                       bool bias)
{
    s->n = 0;
    s->layer = malloc((m->n_tensors + 1) * sizeof *s->layer);
    if (!s->layer)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];
        struct pare_scope_layer *last = s->layer + s->n - 1;

        if (pare_tensor_prunable(tensor))
            s->layer[s->n++] = (struct pare_scope_layer){
                tensor->layer, t, PARE_SCOPE_NONE, (double)NAN};
        else if (bias && tensor->role == PARE_ROLE_BIAS && s->n &&
                 last->layer == tensor->layer)
            last->bias = t;
    }
    return 0;
}

static int check_glob(const struct pare_scope *s, const struct pare_model *m,
                      const char *glob)
{
    char names[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < s->n; i++) {
        const char *name = name_of(m, &s->layer[i]);

        if (matches(glob, name))
            return 0;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used ? ", " : "", name);
    }
    if (used >= sizeof names)
        snprintf(names + sizeof names - 5, 5, " ...");
    return pare_fail(PARE_EINVAL,
                     "'%s' matches no prunable layer; there %s: %s", glob,
                     s->n == 1 ? "is" : "are", s->n ? names : "none");
}

static int check_globs(const struct pare_scope *s, const struct pare_model *m,
                       const struct pare_prune_options *o)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < o->n_skip; i++)
        rc = check_glob(s, m, o->skip[i]);
    for (size_t i = 0; !rc && i < o->n_only; i++)
        rc = check_glob(s, m, o->only[i]);
    for (size_t i = 0; !rc && i < o->n_layer; i++)
        rc = check_glob(s, m, o->layer[i].glob);
    for (size_t i = 0; !rc && i < o->n_min; i++)
        rc = check_glob(s, m, o->min[i].glob);
    for (size_t i = 0; !rc && i < o->n_max; i++)
        rc = check_glob(s, m, o->max[i].glob);
    return rc;
}

/* Is an amount in vain, because none of its layers is left? */
static int check_amounts(const struct pare_scope *s, const struct pare_model *m,
                         const struct pare_prune_options *o)
{
    size_t others = 0;

    for (size_t k = 0; k < s->n; k++)
        others += isnan(s->layer[k].amount);
    if (s->n && !others && !isnan(o->amount))
        return pare_fail(PARE_EINVAL, "the general amount has no layer: all "
                                      "have amounts of their own");
    for (size_t i = 0; i < o->n_layer; i++) {
        size_t k = 0;

        while (k < s->n && !matches(o->layer[i].glob, name_of(m, &s->layer[k])))
            k++;
        if (k == s->n)
            return pare_fail(PARE_EINVAL,
                             "the amount for '%s' has no layer: what it "
                             "matches is left alone",
                             o->layer[i].glob);
    }
    return 0;
}

static double own_amount(const struct pare_prune_options *o, const char *name)
{
    double amount = (double)NAN;

    for (size_t i = 0; i < o->n_layer; i++)
        if (matches(o->layer[i].glob, name))
            amount = o->layer[i].amount;
    return amount;
}

/* Keep the layers in scope. */
static void filter(struct pare_scope *s, const struct pare_model *m,
                   const struct pare_prune_options *o, bool spare_output)
{
    size_t n = s->n;

    s->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pare_scope_layer l = s->layer[i];
        const char *name = name_of(m, &l);
        bool only = matches_any(o->only, o->n_only, name);

        if (matches_any(o->skip, o->n_skip, name) || (o->n_only && !only) ||
            (spare_output && i + 1 == n && !only))
            continue;
        l.amount = own_amount(o, name);
        if (isnan(l.amount) && isnan(o->amount) && !o->grain.kind->group)
            continue;
        s->layer[s->n++] = l;
    }
}

int pare_scope_choose(struct pare_scope *s, const struct pare_model *m,
                      const struct pare_prune_options *o, bool spare_output)
{
    struct pare_scope found;
    int rc = list_layers(&found, m, o->bias);

    if (rc)
        return rc;
    rc = check_globs(&found, m, o);
    if (!rc) {
        filter(&found, m, o, spare_output);
        rc = check_amounts(&found, m, o);
    }
    if (!rc && found.n == 0)
        rc = pare_fail(PARE_EINVAL, "the options leave no layer");
    if (rc)
        free(found.layer);
    else
        *s = found;
    return rc;
}
