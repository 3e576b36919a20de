#include "unit.h"

#include <fnmatch.h>

#include "oracle_parts.h"

/* ---- which layers ---- */

static bool matches(const char *const *glob, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (fnmatch(glob[i], name, 0) == 0)
            return true;
    return false;
}

/* The amount of the last glob that matches. */
static double amount_for(const struct pare_layer_amount *a, size_t n,
                         const char *name, double none)
{
    for (size_t i = 0; i < n; i++)
        if (fnmatch(a[i].glob, name, 0) == 0)
            none = a[i].amount;
    return none;
}

static struct slot *add_slot(struct world *w, size_t tensor, double own)
{
    struct slot *s = &w->slot[w->n_slots++];
    const struct pare_tensor *t = &w->m->tensor[tensor];

    assert_true(w->n_slots < 256);
    *s = (struct slot){.tensor = tensor,
                       .bias = NONE,
                       .layer = t->layer,
                       .own = own,
                       .total = t->n,
                       .kept = pare_tensor_kept(t)};
    s->hi = s->total;
    return s;
}

static void set_bounds(struct world *w, struct slot *s)
{
    const struct pare_prune_options *o = w->o;
    const char *name = w->m->arch.layer[s->layer].name;
    double least = amount_for(o->min, o->n_min, name, 0);
    double most = amount_for(o->max, o->n_max, name, 1);

    if (least > most)
        refuse(w, "the highest sparsity is below the least");
    s->hi = s->total - (uint64_t)rint(least * (double)s->total);
    s->lo = s->total - (uint64_t)rint(most * (double)s->total);
}

static void add_layer(struct world *w, size_t tensor)
{
    const struct pare_prune_options *o = w->o;
    const struct pare_tensor *t = &w->m->tensor[tensor];
    const char *name = w->m->arch.layer[t->layer].name;
    double own = amount_for(o->layer, o->n_layer, name, (double)NAN);
    bool bias = o->bias && tensor + 1 < w->m->n_tensors &&
                w->m->tensor[tensor + 1].layer == t->layer &&
                w->m->tensor[tensor + 1].role == PARE_ROLE_BIAS;
    struct slot *s;

    if (isnan(own) && isnan(o->amount) && !o->grain.kind->group)
        return;
    s = add_slot(w, tensor, own);
    if (bias && strcmp(o->grain.kind->name, "unit") == 0) {
        s->bias = (int)tensor + 1;
        s->total += w->m->tensor[tensor + 1].n;
        s->kept += pare_tensor_kept(&w->m->tensor[tensor + 1]);
    }
    set_bounds(w, s);
    if (bias && s->bias == NONE)
        add_slot(w, tensor + 1, own);
}

void oracle_layers(struct world *w)
{
    const struct pare_prune_options *o = w->o;
    const char *name[256], *left[256];
    size_t n = 0, tensor[256], n_left = 0;
    bool unit = strcmp(o->grain.kind->name, "unit") == 0;

    for (size_t t = 0; t < w->m->n_tensors; t++)
        if (w->m->tensor[t].role == PARE_ROLE_WEIGHT) {
            name[n] = w->m->arch.layer[w->m->tensor[t].layer].name;
            tensor[n++] = t;
        }
    for (size_t i = 0; i < n; i++) {
        bool only = matches(o->only, o->n_only, name[i]);

        if (matches(o->skip, o->n_skip, name[i]) || (o->n_only && !only) ||
            (unit && i + 1 == n && !only))
            continue;
        left[n_left++] = name[i];
        add_layer(w, tensor[i]);
    }
    for (size_t k = 0; k < o->n_layer; k++) {
        bool used = false;

        for (size_t i = 0; i < n_left; i++)
            used |= fnmatch(o->layer[k].glob, left[i], 0) == 0;
        if (!used)
            refuse(w, "an amount has no layer");
    }
    if (w->n_slots == 0)
        refuse(w, "no layer is left");
}

/* ---- grains and their scores ---- */

/* The grain of a weight, by its row and column. */
static size_t place_of(const struct world *w, const struct pare_tensor *t,
                       size_t i)
{
    const struct pare_grain *g = &w->o->grain;
    size_t cols = t->n / t->dim[0], row = i / cols, col = i % cols, groups = 1;
    const struct pare_layer *l = &w->m->arch.layer[t->layer];

    if (strcmp(g->kind->name, "unit") == 0)
        return row;
    if (strcmp(g->kind->name, "block") == 0)
        return row / g->a * ((cols + g->b - 1) / g->b) + col / g->b;
    if (strcmp(g->kind->name, "channel") != 0)
        return i;
    if (strncmp(l->kind->name, "conv", 4) == 0)
        groups = (size_t)pare_layer_opt(l, "groups");
    return row / (t->dim[0] / groups) * t->dim[1] + col / (cols / t->dim[1]);
}

static void check_shape(struct world *w, const struct pare_tensor *t)
{
    const struct pare_grain *g = &w->o->grain;
    bool block = strcmp(g->kind->name, "block") == 0;

    if (strcmp(g->kind->name, "channel") == 0 && t->rank < 2)
        refuse(w, "biases have no channels");
    if (block && !w->o->partial &&
        (t->dim[0] % g->a || t->n / t->dim[0] % g->b))
        refuse(w, "blocks do not divide a layer");
    if (g->kind->group && !w->o->partial && t->dim[1] % g->b)
        refuse(w, "groups do not divide a layer");
}

static void raw_scores(float *score, const struct world *w, size_t tensor)
{
    const struct pare_tensor *t = &w->m->tensor[tensor];
    const struct pare_criterion *row = w->o->criterion.row;

    for (size_t i = 0; i < t->n; i++)
        score[i] = fabsf(t->value[i]);
    if (strcmp(row->name, "file") == 0)
        memcpy(score, w->o->input.given[tensor], t->n * sizeof *score);
    if (row->random)
        row->block(score, w->m, tensor, 0, t->n, &w->o->input);
}

/* s^2 over the sum of the squares of those no lower, ties by place. */
static void lamp_scores(float *score, const struct pare_tensor *t)
{
    float *s = malloc(t->n * sizeof *s);
    bool *done = calloc(t->n, sizeof *done);
    double sum = 0;

    assert_true(s && done);
    memcpy(s, score, t->n * sizeof *s);
    for (size_t round = 0; round < t->n; round++) {
        size_t top = t->n;

        for (size_t i = 0; i < t->n; i++)
            if (!done[i] && is_kept(t, i) &&
                (top == t->n || fabsf(s[i]) >= fabsf(s[top])))
                top = i;
        if (top == t->n)
            break;
        done[top] = true;
        sum += (double)s[top] * (double)s[top];
        score[top] =
            sum > 0 ? (float)((double)s[top] * (double)s[top] / sum) : 0;
        if (s[top] != 0 && score[top] <= 0)
            score[top] = 0x1p-149f;
    }
    free(s);
    free(done);
}

/* Take a weight into its grain. */
static void add_weight(struct world *w, size_t grain, float score, bool kept)
{
    struct grain *g = &w->grain[grain];
    bool plain = w->o->criterion.row->is_signed || w->o->norm == PARE_NORM_L1 ||
                 w->o->norm == PARE_NORM_MEAN;

    g->kept += kept;
    if (w->o->criterion.row->random || w->o->grain.kind->single) {
        if (g->first == SIZE_MAX)
            g->sum = (double)score;
        g->first = 0;
    } else if (kept) {
        g->sum += plain ? (double)score : (double)score * (double)score;
    }
}

static void finish_grain(struct world *w, struct grain *g)
{
    const struct slot *s = &w->slot[g->slot];
    enum pare_unit_norm norm = w->o->norm;
    double n = g->kept ? (double)g->kept : 1;

    g->size = g->kept;
    if (s->bias != NONE)
        g->size += is_kept(&w->m->tensor[s->bias], g->place);
    if (!w->o->criterion.row->random && !w->o->grain.kind->single) {
        if (norm == PARE_NORM_RMS || norm == PARE_NORM_MEAN)
            g->sum /= n;
        if (!w->o->criterion.row->is_signed &&
            (norm == PARE_NORM_L2 || norm == PARE_NORM_RMS))
            g->sum = sqrt(g->sum);
    }
    g->score = (float)g->sum;
    w->out->grains_before += g->size > 0;
}

void oracle_grains(struct world *w, size_t slot)
{
    struct slot *s = &w->slot[slot];
    const struct pare_tensor *t = &w->m->tensor[s->tensor];
    float *score = malloc(t->n * sizeof *score);
    size_t *of = malloc(t->n * sizeof *of);

    assert_true(score && of);
    check_shape(w, t);
    raw_scores(score, w, s->tensor);
    if (w->o->allocation->lamp)
        lamp_scores(score, t);
    s->first = w->n_grains;
    w->of[s->tensor] = of;
    for (size_t i = 0; !w->out->error && i < t->n; i++) {
        size_t place = place_of(w, t, i);

        if (w->o->criterion.inverse)
            score[i] = 1 / score[i];
        for (; s->n <= place; s->n++)
            w->grain[w->n_grains++] =
                (struct grain){.slot = slot, .place = s->n, .first = SIZE_MAX};
        of[i] = s->first + place;
        add_weight(w, of[i], score[i], is_kept(t, i));
    }
    for (size_t g = s->first; g < s->first + s->n; g++)
        finish_grain(w, &w->grain[g]);
    free(score);
}
