/* Growing connections, each layer for itself. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "criterion_parts.h"
#include "dialect.h"
#include "evaluate.h"
#include "gathered.h"
#include "marks.h"
#include "rewire_parts.h"
#include "rng.h"
#include "select.h"
#include "status.h"

#define BATCH 128 /* samples of a gradient, where no batch was trained with */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void pare_grow_defaults(struct pare_grow_options *o)
{
    *o = (struct pare_grow_options){.rule = pare_grow_rule(0),
                                    .density = (double)NAN,
                                    .count = UINT64_MAX,
                                    .threads = 1};
}

/* ---- how many where ---------------------------------------------------- */

/* A layer in question. */
struct place {
    size_t tensor;
    uint64_t n, *at;  /* connections it has */
    uint64_t avoided; /* of the blocked: removed by the last pruning */
    struct rewire_room room;
    bool compact; /* before it was expanded for its scores */
    float *score; /* of its own, or NULL */
};

struct growth {
    struct pare_model *m;
    const struct pare_grow_options *o;
    const struct pare_dialect *dialect; /* or NULL */
    size_t n;
    struct place *place;
};

static void release_growth(struct growth *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free(g->place[i].at);
        free(g->place[i].room.blocked);
        free(g->place[i].room.fresh);
        free(g->place[i].score);
    }
    free(g->place);
}

static bool to_target(const struct pare_grow_options *o)
{
    return isnan(o->density) && o->count == UINT64_MAX;
}

/* Connections, and with what is avoided all positions that are not free. */
static int list_blocked(struct place *p, const struct pare_tensor *t,
                        bool avoid)
{
    const struct pare_marks *gone = &t->removed;
    uint64_t room, i = 0, k = 0, n = 0;
    int rc = rewire_list(&p->at, &p->n, t);

    if (rc)
        return rc;
    p->room.positions = pare_tensor_positions(t);
    room = p->n + (avoid ? gone->n : 0) + 1;
    p->room.blocked = malloc((size_t)room * sizeof *p->room.blocked);
    if (!p->room.blocked)
        return no_memory();
    while (i < p->n || (avoid && k < gone->n)) {
        uint64_t a = i < p->n ? p->at[i] : UINT64_MAX;
        uint64_t b = avoid && k < gone->n ? gone->at[k] : UINT64_MAX;

        i += a <= b;
        k += b <= a;
        p->avoided += b < a;
        p->room.blocked[n++] = a < b ? a : b;
    }
    p->room.n_blocked = n;
    return 0;
}

static void set_want(struct place *p, const struct pare_tensor *t,
                     const struct pare_grow_options *o)
{
    uint64_t goal = t->target;

    if (o->count != UINT64_MAX) {
        p->room.want = o->count;
        return;
    }
    if (!isnan(o->density))
        goal = pare_round_count(o->density * (double)p->room.positions);
    p->room.want = goal > p->n ? goal - p->n : 0;
}

/* Mean |momentum| of a layer's connections. */
static double mean_momentum(const struct growth *g, const struct place *p)
{
    const struct pare_tensor *t = &g->m->tensor[p->tensor];
    const float *slot = g->m->optim.slot[0][p->tensor];
    double sum = 0;

    for (uint64_t i = 0; i < p->n; i++)
        sum += fabs((double)slot[t->pattern ? i : p->at[i]]);
    return p->n ? sum / (double)p->n : 0;
}

static int redistribute(struct growth *g)
{
    double *weight = calloc(g->n + 1, sizeof *weight);
    uint64_t *room = calloc(g->n + 1, sizeof *room);
    uint64_t *want = calloc(g->n + 1, sizeof *want);
    uint64_t total = 0, all = 0;
    int rc = weight && room && want ? 0 : no_memory();

    if (!rc && g->m->optim.n_slots < 1)
        rc = pare_fail(PARE_EINVAL,
                       "to redistribute needs momentum: train with an "
                       "optimiser that has one, as sgd,momentum=.9");
    for (size_t i = 0; !rc && i < g->n; i++) {
        struct rewire_room *r = &g->place[i].room;

        weight[i] = mean_momentum(g, &g->place[i]);
        room[i] = r->positions - r->n_blocked;
        total += r->want;
        all += room[i];
    }
    if (!rc && total > all)
        rc = pare_fail(PARE_EINVAL,
                       "the layers have no room for %llu connections more: "
                       "%llu positions are free",
                       (unsigned long long)total, (unsigned long long)all);
    if (!rc)
        rc = rewire_share(want, weight, room, g->n, total);
    for (size_t i = 0; !rc && i < g->n; i++)
        g->place[i].room.want = want[i];
    free(weight);
    free(room);
    free(want);
    return rc;
}

static int check_room(const struct growth *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct place *p = &g->place[i];
        const struct rewire_room *r = &p->room;
        size_t layer = g->m->tensor[p->tensor].layer;
        uint64_t open = r->positions - r->n_blocked;
        char but[96] = "";

        if (r->want <= open || g->o->counting == PARE_GROW_BERNOULLI)
            continue;
        if (p->avoided)
            snprintf(but, sizeof but,
                     ", without the %llu that the last pruning removed",
                     (unsigned long long)p->avoided);
        return pare_fail(PARE_EINVAL,
                         "layer %s has no room for %llu connections more: "
                         "%llu of its %llu positions are free%s",
                         g->m->arch.layer[layer].name,
                         (unsigned long long)r->want, (unsigned long long)open,
                         (unsigned long long)r->positions, but);
    }
    return 0;
}

/* Layers in scope; to grow to a target they must have one. */
static int plan(struct growth *g)
{
    const struct pare_grow_options *o = g->o;
    struct pare_scope scope = {0};
    int rc = rewire_scope(&scope, g->m, o->only, o->n_only, o->skip, o->n_skip);

    if (!rc && !(g->place = calloc(scope.n + 1, sizeof *g->place)))
        rc = no_memory();
    for (size_t i = 0; !rc && i < scope.n; i++) {
        struct place *p = &g->place[g->n];
        const struct pare_tensor *t = &g->m->tensor[scope.layer[i].weight];

        if (to_target(o) && !t->target)
            continue;
        g->n++;
        p->tensor = scope.layer[i].weight;
        rc = list_blocked(p, t, o->avoid);
        if (!rc)
            set_want(p, t, o);
    }
    free(scope.layer);
    if (!rc && g->n == 0)
        rc = pare_fail(PARE_EINVAL,
                       "no layer knows how many connections to grow back: "
                       "give a count or a density");
    if (!rc && o->redistribute)
        rc = redistribute(g);
    return rc ? rc : check_room(g);
}

/* ---- where ------------------------------------------------------------- */

/* The momentum of all positions, where the dialect has it. */
static bool by_state(const struct growth *g)
{
    return strcmp(g->o->rule->name, "momentum") == 0 && g->dialect &&
           g->dialect->dense_state && g->m->optim.n_slots > 0;
}

static bool by_gradient(const struct growth *g)
{
    return g->o->rule->needs_data && !by_state(g);
}

/* What can be wrong with the scores, before anything is done. */
static int check_scores(const struct growth *g)
{
    const struct pare_grow_options *o = g->o;
    const struct pare_scores *s = pare_model_scores(g->m, "hebbian");

    if (by_gradient(g) && !o->data)
        return pare_fail(PARE_EINVAL, "growth by %s needs data%s: use -d",
                         o->rule->name,
                         strcmp(o->rule->name, "momentum") == 0
                             ? ", for free positions have no momentum here"
                             : "");
    if (o->rule->coactive && !s)
        return pare_fail(PARE_EINVAL,
                         "the model holds no coactivations: gather them by "
                         "training with --accumulate hebbian");
    for (size_t i = 0; i < g->n; i++) {
        const struct pare_tensor *t = &g->m->tensor[g->place[i].tensor];

        if (o->rule->coactive && (!s->value[g->place[i].tensor] || t->pattern))
            return pare_fail(PARE_EINVAL, "%s has no coactivations", t->name);
        if (strcmp(o->rule->name, "file") == 0 &&
            (!o->given || !o->given[g->place[i].tensor]))
            return pare_fail(PARE_EINVAL, "there are no scores for %s",
                             t->name);
    }
    return 0;
}

static int gradients(struct growth *g)
{
    struct pare_model *m = g->m;
    uint64_t batch = m->training.batch ? m->training.batch : BATCH;
    const struct pare_criterion_input in = {
        .data = g->o->data, .calibrate = g->o->calibrate, .seed = g->o->seed};
    float **grad = calloc(m->n_tensors + 1, sizeof *grad);
    uint32_t *index = NULL;
    size_t n = 0;
    int rc = grad ? 0 : no_memory();

    if (!rc)
        rc = criterion_samples(&index, &n, (size_t)batch, &in);
    for (size_t i = 0; !rc && i < g->n; i++) {
        struct place *p = &g->place[i];

        p->score = malloc((m->tensor[p->tensor].n + 1) * sizeof *p->score);
        if (!p->score)
            rc = no_memory();
        grad[p->tensor] = p->score;
    }
    if (!rc)
        rc = pare_gradient(grad, m, g->o->data, index, n,
                           g->o->threads > 0 ? g->o->threads : 1);
    for (size_t i = 0; !rc && i < g->n; i++)
        for (uint64_t k = 0; k < g->place[i].room.positions; k++)
            g->place[i].score[k] = fabsf(g->place[i].score[k]);
    free(grad);
    free(index);
    return rc;
}

static int momenta(struct growth *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct place *p = &g->place[i];
        const float *slot = g->m->optim.slot[0][p->tensor];
        uint64_t n = p->room.positions;

        p->score = malloc((size_t)(n + 1) * sizeof *p->score);
        if (!p->score)
            return no_memory();
        for (uint64_t k = 0; k < n; k++)
            p->score[k] = fabsf(slot[k]);
    }
    return 0;
}

static const float *scores_of(const struct growth *g, const struct place *p)
{
    if (p->score)
        return p->score;
    if (g->o->rule->coactive)
        return pare_model_scores(g->m, "hebbian")->value[p->tensor];
    return g->o->given[p->tensor];
}

/* Scores are of all positions: what is compact is expanded for them. */
static int choose_scored(struct growth *g)
{
    int rc = check_scores(g);

    for (size_t i = 0; !rc && i < g->n; i++) {
        struct place *p = &g->place[i];

        p->compact = g->m->tensor[p->tensor].pattern != NULL;
        rc = pare_tensor_expand(g->m, p->tensor);
    }
    if (!rc && by_state(g))
        rc = momenta(g);
    else if (!rc && by_gradient(g))
        rc = gradients(g);
    for (size_t i = 0; !rc && i < g->n; i++) {
        struct place *p = &g->place[i];

        rc = rewire_pick_scored(&p->room, scores_of(g, p), g->o);
        if (rc)
            rc = pare_fail_prefix(rc, "%s", g->m->tensor[p->tensor].name);
    }
    return rc;
}

static int choose(struct growth *g)
{
    int rc = 0;

    if (g->o->rule->scored)
        return choose_scored(g);
    for (size_t i = 0; !rc && i < g->n; i++)
        rc = rewire_pick_random(&g->place[i].room,
                                g->o->counting == PARE_GROW_BERNOULLI,
                                g->o->seed, (uint32_t)g->place[i].tensor);
    return rc;
}

/* ---- doing it ---------------------------------------------------------- */

/* Make the positions connections: of value 0, as they were till now. */
static int open_up(struct pare_model *m, const struct place *p)
{
    struct pare_tensor *t = &m->tensor[p->tensor];
    const struct rewire_room *r = &p->room;
    struct pare_pattern *pattern = NULL;
    uint64_t *all, i = 0, k = 0;
    int rc;

    if (r->n_new == 0)
        return 0;
    if (!t->pattern) {
        for (uint64_t j = 0; j < r->n_new; j++)
            t->mask[r->fresh[j]] = 1;
        return 0;
    }
    all = malloc((size_t)(p->n + r->n_new) * sizeof *all);
    if (!all)
        return no_memory();
    while (i < p->n || k < r->n_new)
        if (k >= r->n_new || (i < p->n && p->at[i] < r->fresh[k])) {
            all[i + k] = p->at[i];
            i++;
        } else {
            all[i + k] = r->fresh[k];
            k++;
        }
    rc = pare_pattern_of_flat(&pattern, all, p->n + r->n_new, t->dim[0],
                              t->dim[1]);
    if (!rc)
        rc = pare_tensor_repattern(m, p->tensor, pattern);
    if (rc)
        pare_pattern_free(pattern);
    free(all);
    return rc;
}

static size_t inputs_of(const struct pare_tensor *t)
{
    size_t n = 1;

    for (int i = 1; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

static int draw_values(float **value, const struct growth *g,
                       const struct place *p)
{
    const struct pare_tensor *t = &g->m->tensor[p->tensor];
    size_t n = (size_t)p->room.n_new;
    double sd = g->o->sd;

    *value = calloc(n + 1, sizeof **value);
    if (!*value)
        return no_memory();
    if (g->o->value == PARE_GROW_FAN)
        sd = sqrt(2.0 / (double)inputs_of(t));
    if (g->o->value != PARE_GROW_ZERO)
        pare_rng_normal(*value, n, sd, g->o->seed, PARE_STREAM_NEW,
                        (uint32_t)p->tensor);
    return 0;
}

/* Values, and with a stale state what the removed ones left behind. */
static void set_values(struct growth *g, const struct place *p,
                       const float *value)
{
    struct pare_tensor *t = &g->m->tensor[p->tensor];
    const struct rewire_room *r = &p->room;
    bool stale = g->dialect && g->dialect->stale_state;
    uint64_t before = 0;

    for (uint64_t i = 0; i < r->n_new; i++) {
        size_t at = (size_t)r->fresh[i];

        if (t->pattern) {
            while (before < p->n && p->at[before] < r->fresh[i])
                before++;
            at = (size_t)(before + i);
        }
        t->value[at] = value[i];
        for (int s = 0; stale && s < g->m->optim.n_slots; s++)
            if (i < t->removed.n && t->removed.slot[s])
                g->m->optim.slot[s][p->tensor][at] = t->removed.slot[s][i];
    }
}

/* The layer's goal, where it is another now. */
static void set_target(struct pare_tensor *t, const struct growth *g,
                       const struct place *p)
{
    uint64_t after = p->n + p->room.n_new;

    if (g->o->redistribute ||
        (t->target && t->target < after && !to_target(g->o)))
        t->target = after;
}

static int grow_layer(struct pare_rewire_report *r, struct growth *g,
                      const struct place *p)
{
    struct pare_tensor *t = &g->m->tensor[p->tensor];
    struct pare_rewire_row row = {.tensor = p->tensor,
                                  .before = p->n,
                                  .grown = p->room.n_new,
                                  .after = p->n + p->room.n_new};
    struct pare_rewiring *record;
    float *value = NULL;
    int rc = draw_values(&value, g, p);

    if (!rc)
        rc = open_up(g->m, p);
    if (!rc) {
        set_values(g, p, value);
        rc = pare_marks_set(&t->added, p->room.fresh, p->room.n_new, NULL);
    }
    if (!rc) {
        pare_marks_release(&t->removed);
        set_target(t, g, p);
        record = pare_model_rewiring(g->m, p->tensor);
        if (record)
            record->grown += row.grown;
        else
            rc = PARE_ENOMEM;
        rewire_report_add(r, &row);
    }
    free(value);
    return rc;
}

/* As compact as it was; a layer that is full has no pattern, nor a mask. */
static int settle(struct growth *g)
{
    int rc = 0;

    pare_model_drop_full_masks(g->m);
    for (size_t i = 0; !rc && i < g->n; i++)
        if (g->place[i].compact)
            rc = pare_tensor_compact(g->m, g->place[i].tensor);
    return rc;
}

static int check_options(const struct pare_grow_options *o)
{
    if (o->rule->scored && o->counting == PARE_GROW_BERNOULLI)
        return pare_fail(PARE_EINVAL,
                         "only random growth has bernoulli counts");
    if (!o->rule->scored && (o->counting == PARE_GROW_STRICT ||
                             o->counting == PARE_GROW_TIES || o->lowest))
        return pare_fail(PARE_EINVAL,
                         "random growth has no scores: it has no strict "
                         "counts, no ties and no lowest");
    if (!to_target(o) && o->redistribute)
        return pare_fail(PARE_EINVAL,
                         "what layers lack of their targets is redistributed: "
                         "that goes with no count and no density");
    return 0;
}

int pare_grow(struct pare_rewire_report *r, struct pare_model *m,
              const struct pare_grow_options *o)
{
    struct pare_rewire_report report = {0};
    struct growth g = {
        .m = m, .o = o, .dialect = pare_dialect_find(m->training.dialect)};
    int rc = check_options(o);

    if (!rc)
        rc = plan(&g);
    if (!rc)
        rc = choose(&g);
    if (!rc)
        rc = rewire_report_begin(&report, g.n);
    for (size_t i = 0; !rc && i < g.n; i++)
        rc = grow_layer(&report, &g, &g.place[i]);
    if (!rc)
        rc = settle(&g);
    release_growth(&g);
    if (rc) {
        pare_rewire_report_release(&report);
        return rc;
    }
    *r = report;
    return 0;
}
