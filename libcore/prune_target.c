#include "prune_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void prune_count_params(const struct prune_plan *p, size_t layer, uint64_t *all,
                        uint64_t *kept)
{
    *all = *kept = 0;
    for (size_t t = 0; t < p->m->n_tensors; t++) {
        const struct pare_tensor *tensor = &p->m->tensor[t];

        if (tensor->role == PARE_ROLE_BUFFER ||
            (layer != PARE_SCOPE_NONE && tensor->layer != layer))
            continue;
        *all += tensor->n;
        *kept += pare_tensor_kept(tensor);
    }
}

/* What a pool has lost in the rounds so far: weights and grains. */
static void pool_lost(const struct prune_plan *p, const struct prune_pool *pool,
                      uint64_t *weights, uint64_t *grains)
{
    *weights = *grains = 0;
    for (size_t i = pool->first; i < pool->first + pool->n; i++) {
        *weights += p->slot[i].removed + p->slot[i].bias_removed;
        *grains += p->slot[i].gone;
    }
}

/* Amounts. */

/* Parameters kept before all rounds, of a layer or of the model. */
static void count_before(const struct prune_plan *p, size_t layer,
                         uint64_t *all, uint64_t *kept)
{
    prune_count_params(p, layer, all, kept);
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];
        const struct pare_tensor *bias = prune_bias(p, s);

        if (layer != PARE_SCOPE_NONE && s->layer != layer)
            continue;
        *kept += s->kept_before - pare_tensor_kept(&p->m->tensor[s->tensor]);
        if (bias)
            *kept += s->bias_before - pare_tensor_kept(bias);
    }
}

/*
 * Weights that some pools may keep for a compression ratio of their layer
 * or of the model, when the other pools come to their targets and all else
 * keeps what it has.
 */
static int kept_for_ratio(uint64_t *keep, uint64_t *total,
                          const struct prune_plan *p, double ratio,
                          size_t layer, const struct prune_pool *pool, size_t n)
{
    uint64_t all, kept;

    count_before(p, layer, &all, &kept);
    *total = 0;
    for (size_t i = 0; i < n; i++) {
        *total += pool[i].count.total;
        kept -= pool[i].count.kept;
    }
    /* They may lose more than their targets, where grains are large. */
    for (size_t i = 0; i < p->n_pools && layer == PARE_SCOPE_NONE; i++) {
        uint64_t weights, grains;

        if (p->pool + i >= pool && p->pool + i < pool + n)
            continue;
        pool_lost(p, &p->pool[i], &weights, &grains);
        kept -= weights > p->pool[i].target ? weights : p->pool[i].target;
    }
    return pare_amount_compression(keep, ratio, all, kept, *total);
}

static void set_by_weights(struct prune_pool *pool, uint64_t keep)
{
    pool->by_weights = true;
    pool->target = pool->count.kept > keep ? pool->count.kept - keep : 0;
}

/* A pool's target for an amount; share: for compression. */
static int set_target(struct prune_pool *pool, const struct prune_plan *p,
                      double amount, double share)
{
    switch (p->o->kind) {
    case PARE_AMOUNT_SPARSITY:
        pool->by_weights = true;
        pool->target = pare_amount_sparsity(amount, &pool->count);
        return 0;
    case PARE_AMOUNT_COMPRESSION:
        set_by_weights(pool,
                       pare_round_count(share * (double)pool->count.total));
        return 0;
    default:
        pool->by_weights = false;
        return pare_amount_grains(&pool->target, p->o->kind, amount,
                                  &pool->count);
    }
}

static int set_own_targets(struct prune_plan *p)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < p->n_own; i++) {
        struct prune_pool *pool = &p->pool[i];
        uint64_t keep = 0, total = 1;

        if (p->o->kind == PARE_AMOUNT_COMPRESSION)
            rc = kept_for_ratio(&keep, &total, p, pool->amount, pool->layer,
                                pool, 1);
        if (!rc)
            rc =
                set_target(pool, p, pool->amount, (double)keep / (double)total);
        if (rc)
            rc = pare_fail_prefix(rc, "%s", p->m->arch.layer[pool->layer].name);
    }
    return rc;
}

/* Weights that the layers without an amount of their own keep together. */
static int kept_in_all(uint64_t *keep, const struct prune_plan *p,
                       const struct pare_amount_pool *all)
{
    uint64_t total, lost;
    int rc;

    switch (p->o->kind) {
    case PARE_AMOUNT_SPARSITY:
        *keep = all->kept - pare_amount_sparsity(p->o->amount, all);
        return 0;
    case PARE_AMOUNT_COMPRESSION:
        rc = kept_for_ratio(keep, &total, p, p->o->amount, PARE_SCOPE_NONE,
                            p->pool + p->n_own, p->n_pools - p->n_own);
        if (!rc && *keep > all->kept)
            *keep = all->kept;
        return rc;
    case PARE_AMOUNT_FRACTION:
        *keep = all->kept - pare_round_count(p->o->amount * (double)all->kept);
        return 0;
    default:
        if (p->kind->map)
            return pare_fail(PARE_EINVAL,
                             "a count of %ss cannot be divided by %s: use a "
                             "sparsity, a fraction or a compression",
                             p->kind->name, p->o->allocation->name);
        rc = pare_amount_grains(&lost, p->o->kind, p->o->amount, all);
        *keep = rc ? 0 : all->kept - lost;
        return rc;
    }
}

/* The lowest loss that a curve of the model begins with: of the unpruned. */
static double reference_loss(const struct pare_model *m)
{
    double least = (double)INFINITY;

    for (size_t i = 0; i < m->n_curves; i++)
        if (m->curve[i].n)
            least = fmin(least, m->curve[i].loss[0]);
    return least;
}

/* Describe the layers of the general pools to the allocation. */
static int describe_layers(struct pare_allocation_layer *l,
                           const struct prune_plan *p)
{
    size_t first = SIZE_MAX, last = 0;

    for (size_t t = 0; t < p->m->n_tensors; t++)
        if (pare_tensor_prunable(&p->m->tensor[t])) {
            first = first == SIZE_MAX ? t : first;
            last = t;
        }
    for (size_t i = p->n_own; i < p->n_pools; i++, l++) {
        const struct prune_pool *pool = &p->pool[i];
        const struct prune_slot *s = &p->slot[pool->first];
        uint64_t extra = pool->count.total - s->total; /* a bias of its own */

        l->layer = &p->m->arch.layer[s->layer];
        l->weight = &p->m->tensor[s->tensor];
        l->first = s->tensor == first;
        l->last = s->tensor == last;
        l->total = pool->count.total;
        l->lo = s->lo;
        l->hi =
            s->hi + extra < pool->count.kept ? s->hi + extra : pool->count.kept;
        l->reference = reference_loss(p->m);
        l->curve = NULL;
        for (size_t k = 0; k < p->m->n_curves; k++)
            if (p->m->curve[k].layer == s->layer && p->m->curve[k].n)
                l->curve = &p->m->curve[k];
        if (p->o->allocation->curves && !l->curve)
            return pare_fail(PARE_EINVAL,
                             "the model holds no curve of layer %s: "
                             "pare-scan measures them",
                             l->layer->name);
    }
    return 0;
}

/* Targets by the densities of the allocation. */
static int divide(struct prune_plan *p)
{
    size_t n = p->n_pools - p->n_own;
    struct pare_allocation_layer *l = calloc(n + 1, sizeof *l);
    uint64_t *kept = calloc(n + 1, sizeof *kept), keep;
    struct pare_amount_pool all = {0};
    int rc = l && kept ? 0 : no_memory();

    for (size_t i = p->n_own; i < p->n_pools; i++) {
        all.total += p->pool[i].count.total;
        all.kept += p->pool[i].count.kept;
        all.grains += p->pool[i].count.grains;
    }
    if (!rc)
        rc = kept_in_all(&keep, p, &all);
    if (!rc)
        rc = describe_layers(l, p);
    if (!rc)
        rc = pare_allocation_divide(kept, p->o->allocation, l, n, keep,
                                    p->o->near);
    for (size_t i = 0; !rc && i < n; i++)
        set_by_weights(&p->pool[p->n_own + i], kept[i]);
    free(l);
    free(kept);
    return rc;
}

static int set_general_targets(struct prune_plan *p)
{
    uint64_t keep = 0, total = 1;
    int rc = 0;

    if (p->n_pools == p->n_own)
        return 0;
    if (p->o->allocation->density)
        return divide(p);
    if (p->o->kind == PARE_AMOUNT_COMPRESSION)
        rc = kept_for_ratio(&keep, &total, p, p->o->amount, PARE_SCOPE_NONE,
                            p->pool + p->n_own, p->n_pools - p->n_own);
    for (size_t i = p->n_own; !rc && i < p->n_pools; i++)
        rc = set_target(&p->pool[i], p, p->o->amount,
                        (double)keep / (double)total);
    return rc;
}

uint64_t prune_due(const struct prune_plan *p, const struct prune_pool *pool)
{
    double rounds = p->o->criterion.rounds, part = p->round / rounds;
    double had, end, now;
    uint64_t weights, grains, lost, aim;

    pool_lost(p, pool, &weights, &grains);
    lost = pool->by_weights ? weights : grains;
    aim = pool->target;
    if ((double)p->round < rounds) {
        had =
            (double)(pool->by_weights ? pool->count.kept : pool->count.grains);
        end = had - (double)pool->target;
        if (p->o->criterion.linear)
            now = had + (end - had) * part;
        else
            now = had > 0 ? had * pow(fmax(end, 0.5) / had, part) : 0;
        aim = (uint64_t)(had - fmin(had, nearbyint(now)));
        if (aim > pool->target)
            aim = pool->target;
    }
    return aim > lost ? aim - lost : 0;
}

int prune_targets(struct prune_plan *p, bool own)
{
    return own ? set_own_targets(p) : set_general_targets(p);
}
