#include "prune_parts.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static void free_arrays(float **array, size_t n)
{
    for (size_t i = 0; array && i < n; i++)
        free(array[i]);
    free(array);
}

void prune_plan_release(struct prune_plan *p)
{
    for (size_t i = 0; p->cut && i < p->n_slots; i++)
        pare_cut_release(&p->cut[i]);
    free(p->cut);
    free(p->scope.layer);
    free(p->slot);
    free(p->pool);
    free_arrays(p->score, p->m->n_tensors);
    free_arrays(p->unit_score, p->m->n_tensors);
    free(p->grains.score);
    free(p->grains.candidate);
    free(p->grains.size);
    free(p->grains.stays);
}

struct pare_tensor *prune_bias(const struct prune_plan *p,
                               const struct prune_slot *s)
{
    return s->bias == PARE_SCOPE_NONE ? NULL : &p->m->tensor[s->bias];
}

bool prune_plan_together(const struct prune_plan *p)
{
    return p->o->allocation->together;
}

/* The bound that the last matching glob sets for a layer, or `none`. */
static double bound_of(const struct pare_layer_amount *bound, size_t n,
                       const char *name, double none)
{
    for (size_t i = 0; i < n; i++)
        if (fnmatch(bound[i].glob, name, 0) == 0)
            none = bound[i].amount;
    return none;
}

/* Weights that a slot may keep at the end. */
static int set_bounds(struct prune_slot *s, const struct prune_plan *p)
{
    const struct pare_prune_options *o = p->o;
    const char *name = p->m->arch.layer[s->layer].name;
    double least = bound_of(o->min, o->n_min, name, 0);
    double most = bound_of(o->max, o->n_max, name, 1);
    uint64_t kept = s->kept_before + s->bias_before;

    s->hi = s->total;
    if (p->m->tensor[s->tensor].role != PARE_ROLE_WEIGHT)
        return 0;
    if (least > most)
        return pare_fail(PARE_EINVAL,
                         "%s is to have a sparsity of at least %g and of at "
                         "most %g",
                         name, least, most);
    s->hi -= pare_round_count(least * (double)s->total);
    s->lo = s->total - pare_round_count(most * (double)s->total);
    s->floor = o->floor;
    if (p->kind->single && s->lo < o->floor)
        s->lo = o->floor;
    if (s->lo > kept)
        s->lo = kept;
    if (s->hi < s->lo)
        return pare_fail(PARE_EINVAL,
                         "%s is to keep %llu weights and to have a sparsity of "
                         "at least %g",
                         name, (unsigned long long)s->lo, least);
    return 0;
}

static int add_slot(struct prune_plan *p, size_t pool, size_t tensor,
                    size_t bias)
{
    const struct pare_tensor *t = &p->m->tensor[tensor];
    struct prune_slot *s = &p->slot[p->n_slots++];
    struct prune_pool *to = &p->pool[pool];

    memset(s, 0, sizeof *s);
    s->tensor = tensor;
    s->bias = bias;
    s->layer = t->layer;
    s->pool = pool;
    s->n = s->total = t->n;
    s->kept_before = pare_tensor_kept(t);
    if (bias != PARE_SCOPE_NONE) {
        s->bias_before = pare_tensor_kept(&p->m->tensor[bias]);
        s->total += p->m->tensor[bias].n;
    }
    if (p->kind->map) {
        int rc = p->kind->map(&s->map, &p->o->grain,
                              &p->m->arch.layer[t->layer], t, p->o->partial);

        if (rc)
            return rc;
        s->n = s->map.n;
        s->first = p->grains.n;
        p->grains.n += s->n;
    }
    to->n++;
    to->count.total += s->total;
    to->count.kept += s->kept_before + s->bias_before;
    return set_bounds(s, p);
}

/* Weight and bias of a layer: one slot where the bias goes with its unit. */
static int add_layer(struct prune_plan *p, size_t pool,
                     const struct pare_scope_layer *l)
{
    int rc;

    if (p->kind->attach_bias)
        return add_slot(p, pool, l->weight, l->bias);
    rc = add_slot(p, pool, l->weight, PARE_SCOPE_NONE);
    if (!rc && l->bias != PARE_SCOPE_NONE)
        rc = add_slot(p, pool, l->bias, PARE_SCOPE_NONE);
    return rc;
}

static void open_pool(struct prune_plan *p, double amount, size_t layer)
{
    struct prune_pool *pool = &p->pool[p->n_pools++];

    memset(pool, 0, sizeof *pool);
    pool->amount = amount;
    pool->layer = layer;
    pool->first = p->n_slots;
}

/* Put the layers of the scope into pools: first those with an amount. */
static int lay_out(struct prune_plan *p)
{
    size_t n = p->scope.n;
    bool together = prune_plan_together(p);
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++) {
        const struct pare_scope_layer *l = &p->scope.layer[i];

        if (isnan(l->amount))
            continue;
        open_pool(p, l->amount, l->layer);
        rc = add_layer(p, p->n_pools - 1, l);
    }
    p->n_own = p->n_pools;
    for (size_t i = 0; !rc && i < n; i++) {
        const struct pare_scope_layer *l = &p->scope.layer[i];

        if (!isnan(l->amount))
            continue;
        if (!together || p->n_pools == p->n_own)
            open_pool(p, (double)NAN, l->layer);
        rc = add_layer(p, p->n_pools - 1, l);
    }
    return rc;
}

/* Arrays for grains that are more than one weight. */
static int make_grains(struct prune_plan *p)
{
    struct prune_grains *g = &p->grains;
    size_t n = g->n + 1;

    if (!p->kind->map)
        return 0;
    g->score = malloc(n * sizeof *g->score);
    g->candidate = malloc(n);
    g->size = malloc(n * sizeof *g->size);
    g->stays = malloc(n);
    return g->score && g->candidate && g->size && g->stays ? 0 : no_memory();
}

int prune_plan_make(struct prune_plan *p)
{
    bool spare = p->kind->spare_output;
    int rc = pare_scope_choose(&p->scope, p->m, p->o, spare);

    if (rc)
        return rc;
    p->slot = malloc(2 * p->scope.n * sizeof *p->slot);
    p->pool = malloc(p->scope.n * sizeof *p->pool);
    p->cut = calloc(2 * p->scope.n + 1, sizeof *p->cut);
    if (!p->slot || !p->pool || !p->cut)
        return no_memory();
    rc = lay_out(p);
    return rc ? rc : make_grains(p);
}
