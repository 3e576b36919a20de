/* Dropping connections, each layer for itself. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "dialect.h"
#include "gathered.h"
#include "marks.h"
#include "rewire_parts.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- what goes --------------------------------------------------------- */

/* The connections of a layer. */
struct links {
    uint64_t n;
    uint64_t *at;   /* [n] flat */
    float *score;   /* [n] weight, or weight times coactivation */
    float *count;   /* [n] coactivation, or NULL */
    float *scratch; /* [n] */
    uint8_t *gone;  /* [n] out */
    uint8_t *other; /* [n] */
};

static void release_links(struct links *l)
{
    free(l->at);
    free(l->score);
    free(l->count);
    free(l->scratch);
    free(l->gone);
    free(l->other);
    memset(l, 0, sizeof *l);
}

static bool of_sign(float x, int sign)
{
    return sign == 0 || (sign > 0 ? x > 0 : x < 0);
}

/* The k of a sign (0: of both) of the least magnitude, by place. */
static void least(const struct links *l, int sign, uint64_t k)
{
    uint64_t n = 0, ties = k;
    float limit;

    if (k == 0)
        return;
    for (uint64_t i = 0; i < l->n; i++)
        if (of_sign(l->score[i], sign))
            l->scratch[n++] = fabsf(l->score[i]);
    limit = rewire_kth(l->scratch, n, k);
    for (uint64_t i = 0; i < n; i++)
        ties -= l->scratch[i] < limit;
    for (uint64_t i = 0; i < l->n; i++) {
        float x = fabsf(l->score[i]);

        if (!of_sign(l->score[i], sign) || x > limit)
            continue;
        if (x < limit)
            l->gone[i] = 1;
        else if (ties > 0 && ties--)
            l->gone[i] = 1;
    }
}

static uint64_t signs(const struct links *l, int sign)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < l->n; i++)
        n += of_sign(l->score[i], sign);
    return n;
}

static void by_slots(const struct links *l, double zeta)
{
    least(l, 1, (uint64_t)(zeta * (double)signs(l, 1)));
    least(l, -1, (uint64_t)(zeta * (double)signs(l, -1)));
}

/* The k-th lowest of a sign, or `none` for k = 0. */
static float threshold(const struct links *l, int sign, uint64_t k, float none)
{
    uint64_t n = 0;

    if (k == 0)
        return none;
    for (uint64_t i = 0; i < l->n; i++)
        if (of_sign(l->score[i], sign))
            l->scratch[n++] = l->score[i];
    return rewire_kth(l->scratch, n, k);
}

static void by_kth(const struct links *l, double zeta)
{
    uint64_t up = (uint64_t)(zeta * (double)signs(l, 1));
    uint64_t down = (uint64_t)((1 - zeta) * (double)signs(l, -1));
    float high = threshold(l, 1, up, -1);
    float low = threshold(l, -1, down, -INFINITY);

    for (uint64_t i = 0; i < l->n; i++)
        l->gone[i] = !(l->score[i] > high || l->score[i] <= low);
}

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void by_sorted(const struct links *l, double zeta)
{
    float *v = l->scratch, low, high;
    uint64_t n = l->n, p = 0, q = 0;
    double top;

    if (n == 0)
        return;
    memcpy(v, l->score, (size_t)n * sizeof *v);
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (uint64_t i = 1; i < n; i++) {
        if (fabsf(v[i]) < fabsf(v[p]))
            p = i;
        if (fabsf(v[i]) <= fabsf(v[q]))
            q = i;
    }
    q++;
    top = (double)q + zeta * (double)(n - q);
    if (top > (double)(n - 1))
        top = (double)(n - 1);
    low = v[(uint64_t)((1 - zeta) * (double)p)];
    high = v[(uint64_t)top];
    for (uint64_t i = 0; i < n; i++)
        l->gone[i] = !(l->score[i] < low || l->score[i] > high);
}

static void by_weight(const struct links *l, const struct pare_drop_options *o)
{
    memset(l->gone, 0, (size_t)l->n);
    if (!(o->zeta > 0))
        return;
    switch (o->form) {
    case PARE_DROP_SLOTS:
        by_slots(l, o->zeta);
        break;
    case PARE_DROP_KTH:
        by_kth(l, o->zeta);
        break;
    case PARE_DROP_SORTED:
        by_sorted(l, o->zeta);
        break;
    default:
        least(l, 0, (uint64_t)nearbyint(o->zeta * (double)l->n));
        break;
    }
}

/* Into `other`. */
static void by_count(const struct links *l, const struct pare_drop_options *o)
{
    double share = o->highest ? 1 - o->tau : o->tau;
    uint64_t k = (uint64_t)(share * (double)l->n);
    float limit = k ? rewire_kth(l->count, l->n, k) : -INFINITY;

    for (uint64_t i = 0; i < l->n; i++)
        l->other[i] = o->highest ? l->count[i] > limit : l->count[i] <= limit;
}

static void choose(const struct links *l, const struct pare_drop_options *o)
{
    bool weight = o->zeta > 0, count = o->rule->by_count && o->tau > 0;

    by_weight(l, o);
    if (!count)
        return;
    by_count(l, o);
    for (uint64_t i = 0; i < l->n; i++)
        l->gone[i] = !weight   ? l->other[i]
                     : o->both ? l->gone[i] & l->other[i]
                               : l->gone[i] | l->other[i];
}

/* ---- doing it ---------------------------------------------------------- */

static int check_counts(const struct pare_model *m,
                        const struct pare_scope *scope)
{
    const struct pare_scores *s = pare_model_scores(m, "hebbian");

    if (!s)
        return pare_fail(PARE_EINVAL,
                         "the model holds no coactivations: gather them by "
                         "training with --accumulate hebbian");
    for (size_t i = 0; i < scope->n; i++) {
        const struct pare_tensor *t = &m->tensor[scope->layer[i].weight];

        if (!s->value[scope->layer[i].weight])
            return pare_fail(PARE_EINVAL, "%s has no coactivations", t->name);
    }
    return 0;
}

static int list_links(struct links *l, const struct pare_model *m, size_t t,
                      const struct pare_drop_options *o)
{
    const struct pare_tensor *tensor = &m->tensor[t];
    int rc = rewire_list(&l->at, &l->n, tensor);
    size_t n = (size_t)l->n + 1;

    if (rc)
        return rc;
    l->score = malloc(n * sizeof *l->score);
    l->count = o->rule->coactive ? malloc(n * sizeof *l->count) : NULL;
    l->scratch = malloc(n * sizeof *l->scratch);
    l->gone = calloc(n, 1);
    l->other = calloc(n, 1);
    if (!l->score || (o->rule->coactive && !l->count) || !l->scratch ||
        !l->gone || !l->other)
        return no_memory();
    rewire_gather(l->score, tensor, tensor->value, l->at, l->n);
    if (o->rule->coactive)
        rewire_gather(l->count, tensor,
                      pare_model_scores(m, "hebbian")->value[t], l->at, l->n);
    for (uint64_t i = 0; o->rule->weighted && i < l->n; i++)
        l->score[i] *= l->count[i];
    return 0;
}

/* Note what goes, with its optimiser state where the dialect keeps that. */
static int note_removed(struct pare_model *m, size_t t, const struct links *l,
                        uint64_t n)
{
    const struct pare_dialect *d = pare_dialect_find(m->training.dialect);
    struct pare_tensor *tensor = &m->tensor[t];
    uint64_t *at = malloc((size_t)(n + 1) * sizeof *at);
    float *slot[PARE_SLOTS_MAX] = {NULL};
    int slots = d && d->stale_state ? m->optim.n_slots : 0;
    int rc = at ? 0 : no_memory();
    uint64_t k = 0;

    for (int s = 0; !rc && s < slots; s++) {
        slot[s] = malloc((size_t)(n + 1) * sizeof **slot);
        rc = slot[s] ? 0 : no_memory();
    }
    for (uint64_t i = 0; !rc && i < l->n; i++) {
        if (!l->gone[i])
            continue;
        for (int s = 0; s < slots; s++)
            slot[s][k] = m->optim.slot[s][t][tensor->pattern ? i : l->at[i]];
        at[k++] = l->at[i];
    }
    if (!rc)
        rc = pare_marks_set(&tensor->removed, at, n, slot);
    for (int s = 0; s < slots; s++)
        free(slot[s]);
    free(at);
    return rc;
}

/* Of what the last growth brought, keep what stays. */
static int outlive(struct pare_tensor *t, const struct links *l)
{
    struct pare_marks *added = &t->added;
    uint64_t n = 0, i = 0;

    for (uint64_t k = 0; k < added->n; k++) {
        while (i < l->n && l->at[i] < added->at[k])
            i++;
        if (i < l->n && l->at[i] == added->at[k] && !l->gone[i])
            added->at[n++] = added->at[k];
    }
    added->n = n;
    if (n == 0)
        pare_marks_release(added);
    return 0;
}

static int record(struct pare_model *m, size_t t, const struct links *l,
                  uint64_t removed)
{
    struct pare_rewiring *row = pare_model_rewiring(m, t);

    if (!row)
        return PARE_ENOMEM;
    row->times++;
    row->before += l->n;
    row->removed += removed;
    row->fresh += m->tensor[t].added.n;
    outlive(&m->tensor[t], l);
    row->survived += m->tensor[t].added.n;
    return 0;
}

/* Take them out of the mask or the pattern. */
static int take_out(struct pare_model *m, size_t t, const struct links *l,
                    uint64_t removed)
{
    struct pare_tensor *tensor = &m->tensor[t];
    struct pare_pattern *p;
    uint64_t n = 0;
    int rc;

    if (removed == 0)
        return 0;
    if (!tensor->pattern) {
        rc = pare_tensor_need_mask(tensor);
        for (uint64_t i = 0; !rc && i < l->n; i++)
            if (l->gone[i])
                tensor->mask[l->at[i]] = 0;
        return rc;
    }
    for (uint64_t i = 0; i < l->n; i++)
        if (!l->gone[i])
            l->at[n++] = l->at[i];
    rc = pare_pattern_of_flat(&p, l->at, n, tensor->dim[0], tensor->dim[1]);
    if (rc)
        return rc;
    rc = pare_tensor_repattern(m, t, p);
    if (rc)
        pare_pattern_free(p);
    return rc;
}

static int drop_layer(struct pare_rewire_report *r, struct pare_model *m,
                      size_t t, const struct pare_drop_options *o)
{
    struct pare_rewire_row row = {.tensor = t};
    struct links l = {0};
    int rc = list_links(&l, m, t, o);

    if (rc)
        goto out;
    choose(&l, o);
    for (uint64_t i = 0; i < l.n; i++)
        row.removed += l.gone[i];
    row.before = l.n;
    row.after = l.n - row.removed;
    if (!m->tensor[t].target)
        m->tensor[t].target = l.n;
    rc = note_removed(m, t, &l, row.removed);
    if (!rc)
        rc = record(m, t, &l, row.removed);
    if (!rc)
        rc = take_out(m, t, &l, row.removed);
    if (!rc)
        rewire_report_add(r, &row);
out:
    release_links(&l);
    return rc;
}

int pare_drop(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_drop_options *o)
{
    struct pare_rewire_report report = {0};
    struct pare_scope scope = {0};
    int rc = rewire_scope(&scope, m, o->only, o->n_only, o->skip, o->n_skip);

    if (!rc && o->rule->coactive)
        rc = check_counts(m, &scope);
    if (!rc)
        rc = rewire_report_begin(&report, scope.n);
    for (size_t i = 0; !rc && i < scope.n; i++)
        rc = drop_layer(&report, m, scope.layer[i].weight, o);
    free(scope.layer);
    if (rc) {
        pare_rewire_report_release(&report);
        return rc;
    }
    pare_model_apply_masks(m);
    *r = report;
    return 0;
}
