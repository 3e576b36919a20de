#include "prune_parts.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* The slots of one ranking, and what it needs of them. */
struct lineup {
    struct prune_plan *p;
    size_t n;
    size_t *slot;                /* [n] */
    struct pare_rank_part *part; /* [n] */
    uint64_t *taken;             /* [n] */
    struct pare_ranking ranking;
};

static void make_block(float *score, void *arg, size_t part, size_t first,
                       size_t n)
{
    const struct lineup *l = arg;

    prune_score_block(score, l->p, l->slot[part], first, n);
}

/* Of a model that comes tensor by tensor; draws need no values. */
static int open_part(void *arg, size_t part)
{
    struct lineup *l = arg;
    const struct pare_model *m = l->p->m;
    size_t tensor = l->p->slot[l->slot[part]].tensor;
    int rc = l->p->o->criterion.row->random ? pare_tensor_load_mask(m, tensor)
                                            : pare_tensor_load(m, tensor);

    l->part[part].candidate = m->tensor[tensor].mask;
    return rc;
}

static void close_part(void *arg, size_t part)
{
    struct lineup *l = arg;

    l->part[part].candidate = NULL;
    pare_tensor_drop(l->p->m, l->p->slot[l->slot[part]].tensor);
}

static int begin_lineup(struct lineup *l, struct prune_plan *p)
{
    size_t n = p->n_slots + 1;

    *l = (struct lineup){.p = p,
                         .slot = malloc(n * sizeof *l->slot),
                         .part = calloc(n, sizeof *l->part),
                         .taken = calloc(n, sizeof *l->taken)};
    l->ranking = (struct pare_ranking){
        .part = l->part,
        .largest = p->o->criterion.largest,
        .block = make_block,
        .arg = l,
        .threads = p->input.threads > 0 ? p->input.threads : 1};
    if (pare_model_streams(p->m)) {
        l->ranking.begin = open_part;
        l->ranking.close = close_part;
    }
    return l->slot && l->part && l->taken ? 0 : no_memory();
}

static void end_lineup(struct lineup *l)
{
    free(l->slot);
    free(l->part);
    free(l->taken);
}

static void add_slot(struct lineup *l, size_t slot)
{
    const struct prune_plan *p = l->p;
    const struct prune_slot *s = &p->slot[slot];
    struct pare_rank_part *part = &l->part[l->n];

    l->slot[l->n++] = slot;
    l->ranking.n_parts = l->n;
    part->n = s->n;
    if (p->kind->map) {
        part->score = p->grains.score + s->first;
        part->candidate = p->grains.candidate + s->first;
    } else {
        bool stored = p->score && !p->o->criterion.inverse;

        part->score = stored ? p->score[s->tensor] : NULL;
        part->candidate = p->m->tensor[s->tensor].mask;
    }
}

/* Weights of a slot that are still kept. */
static uint64_t kept_now(const struct prune_slot *s)
{
    return s->kept_before + s->bias_before - s->removed - s->bias_removed;
}

/* Grains of a line-up that can still go. */
static uint64_t available(const struct lineup *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct prune_slot *s = &l->p->slot[l->slot[i]];

        if (!l->p->kind->map)
            n += kept_now(s);
        for (size_t k = 0; l->p->kind->map && k < s->n; k++)
            n += l->part[i].candidate[k];
    }
    return n;
}

/* A grain as qsort orders it. */
struct ranked {
    float score;
    size_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The sizes of a line-up's candidates in the order in which they go. */
static int sizes_in_order(size_t **size, size_t *n, const struct lineup *l)
{
    const struct prune_grains *g = &l->p->grains;
    size_t room = available(l) + 1;
    struct ranked *order = malloc(room * sizeof *order);

    *n = 0;
    *size = malloc(room * sizeof **size);
    for (size_t i = 0; order && *size && i < l->n; i++) {
        size_t first = l->p->slot[l->slot[i]].first;

        for (size_t k = first; k < first + l->part[i].n; k++) {
            float s = g->score[k];

            if (g->candidate[k])
                order[(*n)++] = (struct ranked){l->ranking.largest ? -s : s, k};
        }
    }
    if (order)
        qsort(order, *n, sizeof *order, by_score);
    for (size_t i = 0; i < *n; i++)
        (*size)[i] = g->size[order[i].index];
    free(order);
    return *size ? 0 : no_memory();
}

/* Weights in the first k grains of a line-up. */
static int weights_in(uint64_t *sum, const struct lineup *l, uint64_t k)
{
    size_t *size = NULL, n;
    int rc;

    *sum = k;
    if (!l->p->kind->map)
        return 0;
    rc = sizes_in_order(&size, &n, l);
    *sum = 0;
    for (size_t i = 0; !rc && i < k && i < n; i++)
        *sum += size[i];
    free(size);
    return rc;
}

/* The fewest first grains that hold `weights`; all where they are too few. */
static int fewest_grains(uint64_t *k, const struct lineup *l, uint64_t weights)
{
    size_t *size = NULL, n;
    uint64_t sum = 0;
    int rc;

    *k = weights;
    if (!l->p->kind->map)
        return 0;
    rc = sizes_in_order(&size, &n, l);
    for (*k = 0; !rc && sum < weights && *k < n; (*k)++)
        sum += size[*k];
    if (!rc && sum < weights)
        (*k)++; /* more than there are */
    free(size);
    return rc;
}

/* What the bounds of a slot say about the grains that it loses first. */
struct limits {
    uint64_t least, most;         /* grains */
    uint64_t least_sum, most_sum; /* what the target counts in them ... */
    uint64_t sum;                 /* ... and in the first k */
};

static int exclude_each_other(const struct prune_plan *p,
                              const struct prune_slot *s)
{
    return pare_fail(PARE_EINVAL,
                     "layer %s: its bounds exclude each other, as %ss are "
                     "removed whole",
                     p->m->arch.layer[s->layer].name, p->kind->name);
}

/*
 * How few and how many of its first grains the bounds let a slot lose; k: of
 * which the sum is wanted, too.
 */
static int limits_of(struct limits *to, const struct lineup *l, uint64_t k,
                     bool by_weights)
{
    const struct prune_plan *p = l->p;
    const struct prune_slot *s = &p->slot[l->slot[0]];
    bool last = p->round == p->o->criterion.rounds, open = true;
    uint64_t left = kept_now(s), had = left;
    size_t *size = NULL, n = 0;
    int rc;

    *to = (struct limits){.sum = p->kind->map ? 0 : k};
    if (!p->kind->map) {
        to->most = to->most_sum = left > s->lo ? left - s->lo : 0;
        to->least = to->least_sum = last && left > s->hi ? left - s->hi : 0;
        return 0;
    }
    rc = sizes_in_order(&size, &n, l);
    for (size_t i = 0; !rc && i < n; i++) {
        bool need = last && left > s->hi;

        left -= size[i];
        if (i < k)
            to->sum += by_weights ? size[i] : 1;
        open = open && left >= s->lo && n - i > s->floor;
        if (need) {
            to->least = i + 1;
            to->least_sum = by_weights ? had - left : i + 1;
        }
        if (open) {
            to->most = i + 1;
            to->most_sum = by_weights ? had - left : i + 1;
        }
    }
    free(size);
    if (!rc && to->least > to->most)
        rc = exclude_each_other(p, s);
    return rc;
}

/* Make a cut one of this round's groups; it is the plan's then. */
static void adopt(struct lineup *l, const struct pare_cut *cut)
{
    struct prune_plan *p = l->p;

    for (size_t i = 0; i < l->n; i++) {
        p->slot[l->slot[i]].taken = l->taken[i];
        p->slot[l->slot[i]].group = p->n_groups;
    }
    p->cut[p->n_groups++] = *cut;
}

static int cut_at(struct lineup *l, uint64_t k)
{
    struct pare_cut cut = {0};
    int rc = pare_rank_cut(&cut, l->taken, &l->ranking, k);

    if (!rc)
        adopt(l, &cut);
    return rc;
}

/* Cut a slot at a bound: what it loses is no longer asked of the others. */
static int fix_slot(struct prune_plan *p, size_t slot, uint64_t k)
{
    struct lineup l;
    int rc = begin_lineup(&l, p);

    if (!rc) {
        add_slot(&l, slot);
        rc = cut_at(&l, k);
    }
    p->slot[slot].fixed = true;
    end_lineup(&l);
    return rc;
}

/* Are there bounds to look after? Finding out may cost a sort. */
static bool bounded(const struct prune_plan *p)
{
    return p->o->n_min || p->o->n_max || p->o->floor ||
           p->o->allocation->density;
}

/* What a pool still has to lose. */
struct need {
    const struct prune_pool *pool;
    uint64_t target;
    struct limits *limit; /* [slots] of those in the line-up */
    size_t n_fixed;       /* slots that met a bound this time */
};

/*
 * How far a common cut takes the slots of a line-up beyond their bounds:
 * over, what they would lose too much, under, too little; sum: what all of
 * them would lose.
 */
static int measure(uint64_t *over, uint64_t *under, uint64_t *sum,
                   struct need *need, const struct lineup *l)
{
    int rc = 0;

    *over = *under = *sum = 0;
    for (size_t i = 0; !rc && i < l->n; i++) {
        struct limits *to = &need->limit[i];
        struct lineup one;

        rc = begin_lineup(&one, l->p);
        if (!rc) {
            add_slot(&one, l->slot[i]);
            rc = limits_of(to, &one, l->taken[i], need->pool->by_weights);
        }
        end_lineup(&one);
        *sum += to->sum;
        *over += to->sum > to->most_sum ? to->sum - to->most_sum : 0;
        *under += to->sum < to->least_sum ? to->least_sum - to->sum : 0;
    }
    return rc;
}

/*
 * Fix the slots that a common cut takes beyond a bound. Where those at their
 * upper bounds lack more than those at their lower ones bring, the cut only
 * rises, and the former are there to stay; else the latter are.
 */
static int fix_slots(struct need *need, const struct lineup *l)
{
    uint64_t over, under, sum;
    int rc = measure(&over, &under, &sum, need, l);
    bool upper;

    if (rc || (!over && !under))
        return rc;
    upper = over && (!under || sum + under < need->target + over);
    for (size_t i = 0; !rc && i < l->n; i++) {
        const struct limits *to = &need->limit[i];
        uint64_t part = upper ? to->most_sum : to->least_sum;

        if (upper ? l->taken[i] <= to->most : l->taken[i] >= to->least)
            continue;
        rc = fix_slot(l->p, l->slot[i], upper ? to->most : to->least);
        need->target -= part > need->target ? need->target : part;
        need->n_fixed++;
    }
    return rc;
}

/* The weights that a slot keeps if it loses all that its bounds let it. */
static int least_kept(uint64_t *kept, struct prune_plan *p, size_t slot)
{
    struct limits to = {0};
    struct lineup l;
    uint64_t sum = 0;
    int rc = begin_lineup(&l, p);

    if (!rc) {
        add_slot(&l, slot);
        rc = limits_of(&to, &l, 0, true);
    }
    if (!rc)
        rc = weights_in(&sum, &l, to.most);
    if (!rc)
        *kept = kept_now(&p->slot[slot]) - sum;
    end_lineup(&l);
    return rc;
}

/* Tell the highest sparsity that the bounds of a pool let it come to. */
static int cannot_meet(struct prune_plan *p, const struct prune_pool *pool)
{
    uint64_t kept = 0, n = 0, total = pool->count.total;
    int digits = 4, rc = 0;

    for (size_t i = pool->first; !rc && i < pool->first + pool->n; i++) {
        rc = least_kept(&n, p, i);
        kept += n;
    }
    if (rc)
        return rc;
    /* No 1.0000 where something stays. */
    while (kept && digits < 9 && 2e4 * (double)kept < (double)total)
        digits++, total /= 10;
    return pare_fail(PARE_EINVAL,
                     "the amount and the bounds of the layers exclude each "
                     "other: the nearest sparsity is about %.*f",
                     digits, 1 - (double)kept / (double)pool->count.total);
}

/* Must the amount be met, other than by layers that stand for themselves? */
static bool strict(const struct prune_plan *p, const struct prune_pool *pool)
{
    return prune_plan_together(p) && pool >= p->pool + p->n_own && !p->o->near;
}

/* Choose among the slots of a pool that are not fixed yet. */
static int pick_some(struct need *need, struct lineup *l)
{
    struct pare_cut cut = {0};
    uint64_t k = need->target;
    int rc = 0;

    need->n_fixed = 0;
    if (need->pool->by_weights)
        rc = fewest_grains(&k, l, need->target);
    if (!rc && l->n < need->pool->n && k > available(l)) {
        if (strict(l->p, need->pool))
            rc = cannot_meet(l->p, need->pool);
        k = available(l);
    }
    if (!rc)
        rc = pare_rank_cut(&cut, l->taken, &l->ranking, k);
    if (!rc && bounded(l->p))
        rc = fix_slots(need, l);
    if (!rc && need->n_fixed == 0)
        adopt(l, &cut);
    else
        pare_cut_release(&cut);
    return rc;
}

/* A slot that would break a bound is cut at it, the others for the rest. */
static int pick_pool(struct prune_plan *p, size_t index)
{
    const struct prune_pool *pool = &p->pool[index];
    struct need need = {.pool = pool, .n_fixed = 1};
    bool own = index < p->n_own, left = false;
    int rc = 0;

    need.target = prune_due(p, pool);
    need.limit = calloc(pool->n + 1, sizeof *need.limit);
    if (!need.limit)
        return no_memory();
    while (!rc && need.n_fixed) {
        struct lineup l;

        need.n_fixed = 0;
        rc = begin_lineup(&l, p);
        for (size_t i = pool->first; !rc && i < pool->first + pool->n; i++)
            if (!p->slot[i].fixed)
                add_slot(&l, i);
        left = l.n == 0;
        if (!rc && l.n)
            rc = pick_some(&need, &l);
        end_lineup(&l);
        if (!rc && need.n_fixed && own)
            rc = pare_fail(PARE_EINVAL,
                           "%s: its amount and its bounds exclude each other",
                           p->m->arch.layer[pool->layer].name);
    }
    if (!rc && left && need.target && strict(p, pool))
        rc = cannot_meet(p, pool);
    free(need.limit);
    return rc;
}

/*
 * Clear the marks or masks of the slots of some groups; all memory is taken
 * before the first.
 */
static int clear_groups(struct prune_plan *p, size_t first)
{
    struct lineup l;
    uint8_t **mask = calloc(p->n_slots + 1, sizeof *mask);
    int rc = begin_lineup(&l, p);

    if (!mask)
        rc = no_memory();
    for (size_t group = first; !rc && group < p->n_groups; group++) {
        l.n = 0;
        for (size_t i = 0; i < p->n_slots; i++) {
            const struct prune_slot *s = &p->slot[i];

            if (s->group != group)
                continue;
            mask[l.n] = NULL;
            if (s->taken)
                mask[l.n] = p->kind->map ? p->grains.stays + s->first
                                         : p->m->tensor[s->tensor].mask;
            add_slot(&l, i);
        }
        pare_rank_clear(mask, &l.ranking, &p->cut[group]);
    }
    free(mask);
    end_lineup(&l);
    return rc;
}

/* What the slots of a pool lose by the grains that were chosen. */
static void tally(struct prune_plan *p, const struct prune_pool *pool)
{
    for (size_t i = pool->first; i < pool->first + pool->n; i++) {
        struct prune_slot *s = &p->slot[i];
        const struct pare_tensor *bias = prune_bias(p, s);
        uint64_t weights = 0, biases = 0;

        s->gone += s->taken;
        if (!p->kind->map) {
            s->removed += s->taken;
            continue;
        }
        for (size_t g = 0; g < s->n; g++) {
            if (p->grains.stays[s->first + g])
                continue;
            weights += p->grains.size[s->first + g];
            biases += bias && (!bias->mask || bias->mask[g]);
        }
        s->removed += weights - biases;
        s->bias_removed += biases;
    }
}

/* Choose in some pools, the targets of which are set first. */
static int pick_pools(struct prune_plan *p, bool own)
{
    size_t first = own ? 0 : p->n_own, end = own ? p->n_own : p->n_pools;
    size_t group = p->n_groups;
    int rc = prune_targets(p, own);

    for (size_t i = first; !rc && i < end; i++)
        rc = pick_pool(p, i);
    if (!rc && p->kind->map)
        rc = clear_groups(p, group);
    for (size_t i = first; !rc && i < end; i++)
        tally(p, &p->pool[i]);
    return rc;
}

int prune_pick(struct prune_plan *p)
{
    int rc;

    while (p->n_groups)
        pare_cut_release(&p->cut[--p->n_groups]);
    for (size_t i = 0; i < p->n_slots; i++) {
        p->slot[i].taken = 0;
        p->slot[i].fixed = false;
        p->slot[i].group = SIZE_MAX;
    }
    if (p->kind->map)
        memset(p->grains.stays, 1, p->grains.n);
    rc = pick_pools(p, true);
    return rc ? rc : pick_pools(p, false);
}

static void clear_grains(struct prune_plan *p, const struct prune_slot *s)
{
    struct pare_tensor *t = &p->m->tensor[s->tensor];
    struct pare_tensor *bias = prune_bias(p, s);
    const uint8_t *stays = p->grains.stays + s->first;
    struct pare_grain_walk w = {0};

    for (size_t i = 0; i < t->n; i++, pare_grain_next(&w, &s->map))
        t->mask[i] &= stays[w.grain];
    for (size_t g = 0; bias && g < s->n; g++)
        bias->mask[g] &= stays[g];
}

int prune_clear(struct prune_plan *p)
{
    if (!p->kind->map)
        return clear_groups(p, 0);
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slot[i].taken)
            clear_grains(p, &p->slot[i]);
    return 0;
}
