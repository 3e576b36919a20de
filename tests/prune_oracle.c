#include "unit.h"

#include "oracle_parts.h"

/* ---- the order in which grains go ---- */

static const struct world *sorted;

static int by_score(const void *a, const void *b)
{
    const struct grain *x = &sorted->grain[*(const size_t *)a];
    const struct grain *y = &sorted->grain[*(const size_t *)b];
    int sign = sorted->o->criterion.largest ? -1 : 1;

    if (x->score < y->score || x->score > y->score)
        return x->score < y->score ? -sign : sign;
    return x < y ? -1 : x > y;
}

/* Grains with a kept weight of some slots, in that order. */
static size_t *in_order(size_t *n, const struct world *w, const bool *in)
{
    size_t *order = malloc((w->n_grains + 1) * sizeof *order);

    assert_non_null(order);
    *n = 0;
    for (size_t g = 0; g < w->n_grains; g++)
        if (in[w->grain[g].slot] && w->grain[g].size)
            order[(*n)++] = g;
    sorted = w;
    qsort(order, *n, sizeof *order, by_score);
    return order;
}

/* May a slot lose this grain, as its bounds are? */
static bool may_lose(const struct world *w, const uint64_t *left,
                     const size_t *grains, const struct grain *g)
{
    const struct slot *s = &w->slot[g->slot];
    bool weights = w->m->tensor[s->tensor].role == PARE_ROLE_WEIGHT;

    if (!weights)
        return true;
    return left[g->slot] - g->size >= s->lo && grains[g->slot] > w->o->floor;
}

/* What a pool is asked for, and how strictly. */
struct ask {
    bool in[256]; /* slots of the pool */
    bool weights; /* the target counts weights */
    bool strict;  /* no less than the target */
    bool free;    /* of bounds */
    uint64_t target;
};

/* Take what must go, then the lowest scores that may. */
static void take(struct world *w, const struct ask *a)
{
    uint64_t left[256], gone = 0;
    size_t n, grains[256] = {0}, *order = in_order(&n, w, a->in);
    bool shut[256] = {false};

    for (size_t s = 0; s < w->n_slots; s++)
        left[s] = w->slot[s].kept;
    for (size_t i = 0; i < n; i++)
        grains[w->grain[order[i]].slot]++;
    for (int must = 1; must >= 0; must--)
        for (size_t i = 0; i < n && (must || gone < a->target); i++) {
            struct grain *g = &w->grain[order[i]];

            if (g->gone || shut[g->slot] ||
                (must && (a->free || left[g->slot] <= w->slot[g->slot].hi)))
                continue;
            if (!a->free && !may_lose(w, left, grains, g)) {
                shut[g->slot] = true;
                if (must)
                    refuse(w, "the bounds of a layer exclude each other");
                continue;
            }
            g->gone = true;
            left[g->slot] -= g->size;
            grains[g->slot]--;
            gone += a->weights ? g->size : 1;
        }
    if (a->strict && gone < a->target)
        refuse(w, "the bounds leave too much");
    free(order);
}

/* Does a pool with an amount of its own stay within its bounds? */
static void check_own(struct world *w, const struct ask *a)
{
    for (size_t s = 0; s < w->n_slots; s++) {
        const struct slot *x = &w->slot[s];
        uint64_t left = x->kept;
        size_t grains = 0, gone = 0;

        if (!a->in[s] || w->m->tensor[x->tensor].role != PARE_ROLE_WEIGHT)
            continue;
        for (size_t g = x->first; g < x->first + x->n; g++) {
            grains += w->grain[g].size > 0;
            gone += w->grain[g].gone;
            left -= w->grain[g].gone ? w->grain[g].size : 0;
        }
        if (left > x->hi || (gone && left < x->lo) ||
            (gone && grains - gone < w->o->floor))
            refuse(w, "an amount of its own is out of bounds");
    }
}

/* ---- how much goes ---- */

static bool is_own(const struct slot *s)
{
    return !isnan(s->own);
}

/* Weights that grains of a slot have taken with them. */
static uint64_t lost(const struct world *w, const struct slot *s)
{
    uint64_t n = 0;

    for (size_t g = s->first; g < s->first + s->n; g++)
        n += w->grain[g].gone ? w->grain[g].size : 0;
    return n;
}

struct sums {
    uint64_t total, kept, grains;
};

static struct sums sums_of(const struct world *w, const bool *in)
{
    struct sums sum = {0};

    for (size_t i = 0; i < w->n_slots; i++) {
        const struct slot *s = &w->slot[i];

        if (!in[i])
            continue;
        sum.total += s->total;
        sum.kept += s->kept;
        for (size_t g = s->first; g < s->first + s->n; g++)
            sum.grains += w->grain[g].size > 0;
    }
    return sum;
}

/* Weights that slots may keep for a ratio of a layer, or of the model. */
static uint64_t kept_for_ratio(struct world *w, double ratio, size_t layer,
                               const bool *in)
{
    struct sums sum = sums_of(w, in);
    uint64_t all = 0, fixed = 0, target;

    for (size_t t = 0; t < w->m->n_tensors; t++)
        if (w->m->tensor[t].role != PARE_ROLE_BUFFER &&
            (layer == SIZE_MAX || w->m->tensor[t].layer == layer)) {
            all += w->m->tensor[t].n;
            fixed += pare_tensor_kept(&w->m->tensor[t]);
        }
    fixed -= sum.kept;
    for (size_t i = 0; layer == SIZE_MAX && i < w->n_slots; i++)
        if (!in[i])
            fixed -= lost(w, &w->slot[i]);
    target = (uint64_t)rint((double)all / ratio);
    if (target < fixed) {
        refuse(w, "the ratio cannot be reached");
        return 0;
    }
    return fmin(target - fixed, sum.total);
}

/* Weights or grains that a pool loses for an amount; keep and of: the share
   that -c leaves. */
static void set_target(struct world *w, struct ask *a, double amount,
                       uint64_t keep, uint64_t of)
{
    struct sums sum = sums_of(w, a->in);
    uint64_t gone = sum.total - sum.kept, want = 0;

    a->weights = w->o->kind == PARE_AMOUNT_SPARSITY ||
                 w->o->kind == PARE_AMOUNT_COMPRESSION;
    if (w->o->kind == PARE_AMOUNT_SPARSITY)
        want = (uint64_t)rint(amount * (double)sum.total);
    if (w->o->kind == PARE_AMOUNT_COMPRESSION)
        want = sum.total -
               (uint64_t)rint((double)keep / (double)of * (double)sum.total);
    a->target = want > gone ? want - gone : 0;
    if (w->o->kind == PARE_AMOUNT_FRACTION)
        a->target = (uint64_t)rint(amount * (double)sum.grains);
    if (w->o->kind == PARE_AMOUNT_COUNT) {
        a->target = (uint64_t)amount;
        if (a->target > sum.grains)
            refuse(w, "there are not so many grains");
    }
}

static void prune_own(struct world *w)
{
    for (size_t i = 0; !w->out->error && i < w->n_slots; i++) {
        size_t layer = w->slot[i].layer;
        struct ask a = {.free = true};
        uint64_t keep = 0;

        if (!is_own(&w->slot[i]) || (i && w->slot[i - 1].layer == layer))
            continue;
        for (size_t k = 0; k < w->n_slots; k++)
            a.in[k] = w->slot[k].layer == layer;
        if (w->o->kind == PARE_AMOUNT_COMPRESSION)
            keep = kept_for_ratio(w, w->slot[i].own, layer, a.in);
        set_target(w, &a, w->slot[i].own, keep, sums_of(w, a.in).total);
        take(w, &a);
        check_own(w, &a);
    }
}

/* Kept weights of some slots as the pruning has told. */
static uint64_t told(const struct world *w, const bool *in)
{
    uint64_t kept = 0;

    for (size_t s = 0; w->r && s < w->n_slots; s++)
        for (size_t i = 0; in[s] && i < w->r->n_rows; i++)
            if (w->r->row[i].tensor == w->slot[s].tensor)
                kept += w->r->row[i].kept_after;
    return kept;
}

/* The density of a layer at a factor that all have in common. */
static double density(const struct world *w, const struct slot *s, double x)
{
    const struct pare_tensor *t = &w->m->tensor[s->tensor];
    const char *name = w->o->allocation->name;
    double sum = (double)(t->dim[0] + t->dim[1]);
    double product = (double)(t->dim[0] * t->dim[1]);
    size_t first = SIZE_MAX, last = 0;

    for (size_t i = 0; i < w->m->n_tensors; i++)
        if (w->m->tensor[i].role == PARE_ROLE_WEIGHT) {
            first = first == SIZE_MAX ? i : first;
            last = i;
        }
    if (strcmp(name, "uniform+") == 0) {
        if (s->tensor == first && t->rank > 2)
            return 1;
        return fmin(1, s->tensor == last ? fmax(x, 0.2) : x);
    }
    for (int i = 2; strcmp(name, "erk") == 0 && i < t->rank; i++) {
        sum += (double)t->dim[i];
        product *= (double)t->dim[i];
    }
    return fmin(1, x * sum / product);
}

/* Weights of a layer at a factor; s[1] is its bias, where that is pruned. */
static double share(const struct world *w, size_t slot, double x)
{
    const struct slot *s = &w->slot[slot];
    bool bias = slot + 1 < w->n_slots && s[1].layer == s->layer;
    double total = (double)s->total, kept = (double)s->kept;
    double lo = (double)s->lo, hi = (double)s->hi;

    if (lo < (double)w->o->floor)
        lo = (double)w->o->floor;
    lo = fmin(lo, kept);
    hi = fmax(hi, lo);
    if (bias) {
        total += (double)s[1].total;
        hi += (double)s[1].total;
        kept += (double)s[1].kept;
    }
    hi = fmin(hi, kept);
    return fmin(fmax(total * density(w, s, x), lo), hi);
}

static bool is_bias(const struct world *w, size_t slot)
{
    return w->m->tensor[w->slot[slot].tensor].role == PARE_ROLE_BIAS;
}

static double sum_of_shares(const struct world *w, double x)
{
    double sum = 0;

    for (size_t i = 0; i < w->n_slots; i++)
        if (!is_own(&w->slot[i]) && !is_bias(w, i))
            sum += share(w, i, x);
    return sum;
}

/* What densities leave in all, and whether each layer has its share. */
static void check_shares(struct world *w, const bool *general, uint64_t keep)
{
    double lo = 0, hi = 1e9;

    if ((double)keep < sum_of_shares(w, lo) - 1 + 1e-9 ||
        (double)keep > sum_of_shares(w, hi) + 1 - 1e-9)
        refuse(w, "the densities do not come to that");
    if (!w->r || w->out->error)
        return;
    if (told(w, general) != keep)
        refuse(w, "densities do not add up to the amount");
    for (int i = 0; i < 400; i++) {
        double x = (lo + hi) / 2;

        *(sum_of_shares(w, x) < (double)keep ? &lo : &hi) = x;
    }
    for (size_t i = 0; i < w->n_slots; i++) {
        bool in[256] = {false};

        if (is_own(&w->slot[i]) || is_bias(w, i))
            continue;
        for (size_t k = i; k < w->n_slots && k < i + 2; k++)
            in[k] = w->slot[k].layer == w->slot[i].layer;
        if (fabs((double)told(w, in) - share(w, i, hi)) > 1 + 1e-6)
            refuse(w, "a layer has another density");
    }
}

static void keep_by_density(struct world *w, const bool *general,
                            uint64_t ratio_keep)
{
    struct sums sum = sums_of(w, general);
    struct ask all = {0};

    memcpy(all.in, general, sizeof all.in);
    if (w->o->kind == PARE_AMOUNT_FRACTION)
        sum.kept -= (uint64_t)rint(w->o->amount * (double)sum.kept);
    else {
        set_target(w, &all, w->o->amount, ratio_keep, sum.total);
        sum.kept -= all.target;
    }
    if (!w->out->error)
        check_shares(w, general, sum.kept);
}

static void prune_general(struct world *w)
{
    const struct pare_allocation *row = w->o->allocation;
    bool general[256] = {false}, done[256] = {false};
    uint64_t keep = 0, of;
    size_t n = 0;

    for (size_t i = 0; i < w->n_slots; i++)
        n += general[i] = !is_own(&w->slot[i]);
    if (w->n_slots && !n && !isnan(w->o->amount))
        refuse(w, "an amount for no layer");
    of = sums_of(w, general).total;
    if (n && w->o->kind == PARE_AMOUNT_COMPRESSION)
        keep = kept_for_ratio(w, w->o->amount, SIZE_MAX, general);
    if (n && row->density)
        keep_by_density(w, general, keep);
    for (size_t i = 0; !w->out->error && i < w->n_slots; i++) {
        struct ask a = {.strict = row->together};

        if (!general[i] || done[i])
            continue;
        for (size_t k = 0; k < w->n_slots; k++)
            done[k] |= a.in[k] =
                general[k] &&
                (row->together || w->slot[k].layer == w->slot[i].layer);
        if (row->density) {
            a.weights = true;
            a.target = w->r ? sums_of(w, a.in).kept - told(w, a.in) : 0;
        } else {
            set_target(w, &a, w->o->amount, keep, of);
        }
        take(w, &a);
    }
}

/* Of each m inputs at a tap, take the lowest until n are left. */
static void prune_group(struct world *w, const struct slot *s)
{
    const struct pare_tensor *t = &w->m->tensor[s->tensor];
    size_t m = w->o->grain.b, taps = t->n / t->dim[0] / t->dim[1];

    for (size_t i = 0; i < t->n; i++) {
        size_t input = i / taps % t->dim[1], above = 0;
        const struct grain *x = &w->grain[s->first + i];

        if (!x->size)
            continue;
        for (size_t k = input / m * m; k < input / m * m + m; k++) {
            size_t j = i + (k - input) * taps;
            const struct grain *y = &w->grain[s->first + j];
            bool up;

            if (k >= t->dim[1] || !y->size || k == input)
                continue;
            up = w->o->criterion.largest ? y->score < x->score
                                         : y->score > x->score;
            above += up || (y->score == x->score && k > input);
        }
        w->grain[s->first + i].gone = above >= w->o->grain.a;
    }
}

/* ---- all together ---- */

static void check_options(struct world *w)
{
    const struct pare_prune_options *o = w->o;

    if (!o->grain.kind->group && isnan(o->amount) && !o->n_layer)
        refuse(w, "no amount");
    if (o->grain.kind->group &&
        (!isnan(o->amount) || o->n_layer || o->n_min || o->n_max || o->floor ||
         o->bias || o->criterion.rounds > 1 ||
         strcmp(o->allocation->name, "global") != 0))
        refuse(w, "groups take none of these");
}

static void draw_masks(struct world *w)
{
    struct oracle *out = w->out;

    for (size_t t = 0; t < w->m->n_tensors; t++) {
        out->mask[t] = malloc(w->m->tensor[t].n);
        assert_non_null(out->mask[t]);
        for (size_t i = 0; i < w->m->tensor[t].n; i++)
            out->mask[t][i] =
                is_kept(&w->m->tensor[t], i) &&
                !(w->of[t] && w->n_grains && w->grain[w->of[t][i]].gone);
    }
    for (size_t g = 0; g < w->n_grains; g++) {
        const struct slot *s = &w->slot[w->grain[g].slot];

        out->grains_removed += w->grain[g].gone;
        if (w->grain[g].gone && s->bias != NONE)
            out->mask[s->bias][w->grain[g].place] = 0;
    }
}

static void check_collapse(struct world *w)
{
    for (size_t i = 0; w->o->no_collapse && i < w->n_slots; i++) {
        const struct pare_tensor *t = &w->m->tensor[w->slot[i].tensor];

        if (t->role == PARE_ROLE_WEIGHT && pare_tensor_kept(t) &&
            !memchr(w->out->mask[w->slot[i].tensor], 1, t->n))
            refuse(w, "a layer would be emptied");
    }
}

void oracle_prune(struct oracle *out, const struct pare_model *m,
                  const struct pare_prune_options *o,
                  const struct pare_prune_report *r)
{
    struct world w = {.out = out, .m = m, .o = o, .r = r};
    size_t room = 1;

    memset(out, 0, sizeof *out);
    out->n_tensors = m->n_tensors;
    out->mask = calloc(m->n_tensors, sizeof *out->mask);
    for (size_t t = 0; t < m->n_tensors; t++)
        room += m->tensor[t].n;
    w.grain = calloc(room, sizeof *w.grain);
    assert_true(out->mask && w.grain && m->n_tensors < 256);
    check_options(&w);
    oracle_layers(&w);
    for (size_t i = 0; i < w.n_slots; i++)
        oracle_grains(&w, i);
    if (!out->error)
        prune_own(&w);
    if (!out->error && !o->grain.kind->group)
        prune_general(&w);
    for (size_t i = 0; o->grain.kind->group && i < w.n_slots; i++)
        if (!out->error)
            prune_group(&w, &w.slot[i]);
    if (!out->error) {
        draw_masks(&w);
        check_collapse(&w);
    }
    for (size_t t = 0; t < m->n_tensors; t++)
        free(w.of[t]);
    free(w.grain);
}

void oracle_release(struct oracle *w)
{
    for (size_t t = 0; t < w->n_tensors; t++)
        free(w->mask[t]);
    free(w->mask);
    memset(w, 0, sizeof *w);
}
