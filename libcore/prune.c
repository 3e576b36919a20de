#include "prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "allocation.h"
#include "amount.h"
#include "bits.h"
#include "grain.h"
#include "hugepage.h"
#include "scope.h"
#include "select.h"
#include "status.h"

/* A tensor that is cut into grains. */
struct slot {
    size_t tensor, bias; /* bias: attached to its grains, or none */
    size_t layer;
    size_t first_weight; /* place in the array of scores */
    size_t first, n;     /* grains */
    size_t pool;
    uint64_t kept_before, bias_before;
    uint64_t removed, bias_removed;
};

/* Grains that are compared with each other: a range of the flat order. */
struct pool {
    double amount; /* of its own, or NaN */
    size_t layer;  /* where it has an amount of its own */
    size_t first, n;
    struct pare_amount_pool count;
    uint64_t removed; /* grains */
};

/*
 * The work space of one pruning. Slots are ordered by pool, then by tensor,
 * so that a pool is one range of every array; layers with an amount of
 * their own come first.
 */
struct plan {
    struct pare_model *m;
    const struct pare_prune_options *o;
    const struct pare_grain_kind *kind;
    struct pare_scope scope;
    size_t n_slots, n_pools, n_own;
    struct slot *slot;
    struct pool *pool;
    size_t n_weights, n_grains;
    float *weight_score; /* [n_weights] */
    float **score;       /* [n_tensors] into weight_score, or NULL */
    struct pare_grains grains;
    uint8_t *mark;
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static void release_plan(struct plan *p)
{
    free(p->scope.layer);
    free(p->slot);
    free(p->pool);
    if (p->grains.score != p->weight_score)
        free(p->grains.score);
    free(p->weight_score);
    free(p->score);
    free(p->grains.candidate);
    free(p->grains.size);
    free(p->mark);
}

static const struct pare_tensor *bias_of(const struct plan *p,
                                         const struct slot *s)
{
    return s->bias == PARE_SCOPE_NONE ? NULL : &p->m->tensor[s->bias];
}

static void add_slot(struct plan *p, size_t pool, size_t tensor, size_t bias)
{
    const struct pare_tensor *t = &p->m->tensor[tensor];
    struct slot *s = &p->slot[p->n_slots++];
    struct pool *to = &p->pool[pool];

    memset(s, 0, sizeof *s);
    s->tensor = tensor;
    s->bias = bias;
    s->layer = t->layer;
    s->pool = pool;
    s->first_weight = p->n_weights;
    s->first = p->n_grains;
    s->n = p->kind->count(t);
    s->kept_before = pare_tensor_kept(t);
    p->n_weights += t->n;
    p->n_grains += s->n;
    to->n += s->n;
    to->count.total += t->n;
    to->count.kept += s->kept_before;
    if (bias != PARE_SCOPE_NONE) {
        s->bias_before = pare_tensor_kept(&p->m->tensor[bias]);
        to->count.total += p->m->tensor[bias].n;
        to->count.kept += s->bias_before;
    }
}

/* Weight and bias of a layer: one slot where the bias goes with its unit. */
static void add_layer(struct plan *p, size_t pool,
                      const struct pare_scope_layer *l)
{
    if (p->kind->attach_bias) {
        add_slot(p, pool, l->weight, l->bias);
        return;
    }
    add_slot(p, pool, l->weight, PARE_SCOPE_NONE);
    if (l->bias != PARE_SCOPE_NONE)
        add_slot(p, pool, l->bias, PARE_SCOPE_NONE);
}

static struct pool *open_pool(struct plan *p, double amount, size_t layer)
{
    struct pool *pool = &p->pool[p->n_pools++];

    memset(pool, 0, sizeof *pool);
    pool->amount = amount;
    pool->layer = layer;
    pool->first = p->n_grains;
    return pool;
}

/* Put the layers of the scope into pools. */
static int lay_out(struct plan *p)
{
    const struct pare_allocation_kind *a = pare_allocation(p->o->allocation);
    size_t general = 0, n = p->scope.n;

    p->slot = malloc(2 * n * sizeof *p->slot);
    p->pool = malloc(n * sizeof *p->pool);
    if (!p->slot || !p->pool)
        return no_memory();
    for (size_t i = 0; i < n; i++) {
        const struct pare_scope_layer *l = &p->scope.layer[i];

        if (isnan(l->amount))
            continue;
        open_pool(p, l->amount, l->layer);
        add_layer(p, p->n_pools - 1, l);
    }
    p->n_own = p->n_pools;
    for (size_t i = 0; i < n; i++) {
        const struct pare_scope_layer *l = &p->scope.layer[i];

        if (!isnan(l->amount))
            continue;
        if (p->n_own + a->pool(general++) == p->n_pools)
            open_pool(p, (double)NAN, l->layer);
        add_layer(p, p->n_pools - 1, l);
    }
    return 0;
}

/* Is every weight a grain that is still there? */
static bool whole(const struct plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->m->tensor[p->slot[i].tensor].mask)
            return false;
    return p->kind->single;
}

static int allocate(struct plan *p)
{
    bool single = p->kind->single;
    size_t n = p->n_grains;

    p->weight_score = pare_hugepage(malloc(p->n_weights * sizeof(float)),
                                    p->n_weights * sizeof(float));
    p->score = calloc(p->m->n_tensors, sizeof *p->score);
    p->grains.score = single ? p->weight_score : malloc(n * sizeof(float));
    p->grains.size = single ? NULL : malloc(n * sizeof *p->grains.size);
    if (!whole(p))
        p->grains.candidate = malloc(n);
    p->mark = pare_hugepage(malloc(n), n);
    if (!p->weight_score || !p->score || !p->grains.score || !p->mark ||
        (!p->grains.candidate && !whole(p)) || (!single && !p->grains.size))
        return no_memory();
    for (size_t i = 0; i < p->n_slots; i++)
        p->score[p->slot[i].tensor] = p->weight_score + p->slot[i].first_weight;
    return 0;
}

static int score_weights(struct plan *p)
{
    const struct pare_criterion *row = p->o->criterion.row;
    struct pare_criterion_input in = p->o->input;

    in.opt = p->o->criterion.opt;
    if (!row->block)
        return row->score(p->score, p->m, &in);
    for (size_t t = 0; t < p->m->n_tensors; t++)
        if (p->score[t])
            row->block(p->score[t], p->m, t, 0, p->m->tensor[t].n, &in);
    return 0;
}

static void gather(struct plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *s = &p->slot[i];
        struct pare_grains g = p->grains;
        struct pool *pool = &p->pool[s->pool];

        if (!g.candidate) {
            pool->count.grains += s->n;
            continue;
        }
        g.score += s->first;
        g.candidate += s->first;
        g.size = g.size ? g.size + s->first : NULL;
        p->kind->gather(&g, &p->m->tensor[s->tensor], bias_of(p, s),
                        p->score[s->tensor], p->o->norm,
                        p->o->criterion.row->random);
        pool->count.grains += pare_bits_count(g.candidate, s->n);
    }
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
    return x->index < y->index ? -1 : 1;
}

/* The fewest lowest grains of a pool that hold `weights` kept weights. */
static int fewest_grains(size_t *k, const struct plan *p,
                         const struct pool *pool, uint64_t weights)
{
    const size_t *size = p->grains.size;
    struct ranked *order;
    uint64_t sum = 0;
    size_t n = 0;

    *k = (size_t)weights;
    if (!size)
        return 0;
    order = malloc((pool->n + 1) * sizeof *order);
    if (!order)
        return no_memory();
    for (size_t i = pool->first; i < pool->first + pool->n; i++)
        if (p->grains.candidate[i])
            order[n++] = (struct ranked){p->grains.score[i], i};
    qsort(order, n, sizeof *order, by_score);
    for (*k = 0; sum < weights; (*k)++)
        sum += size[order[*k].index];
    free(order);
    return 0;
}

/* Parameters of a layer, or of the model (layer = PARE_SCOPE_NONE). */
static void count_params(const struct plan *p, size_t layer, uint64_t *all,
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

/*
 * Share of their weights that some pools may keep for a compression ratio
 * of their layer or of the model.
 */
static int share_to_keep(double *share, const struct plan *p, double ratio,
                         size_t layer, const struct pool *pool, size_t n)
{
    uint64_t all, kept, keep, total = 0;
    int rc;

    count_params(p, layer, &all, &kept);
    for (size_t i = 0; i < n; i++) {
        total += pool[i].count.total;
        kept -= pool[i].count.kept;
    }
    /* What the pools before these have lost is no longer kept. */
    for (size_t i = 0; layer == PARE_SCOPE_NONE && i < p->n_slots; i++)
        if (p->slot[i].pool < p->n_own)
            kept -= p->slot[i].removed + p->slot[i].bias_removed;
    rc = pare_amount_compression(&keep, ratio, all, kept, total);
    if (!rc)
        *share = (double)keep / (double)total;
    return rc;
}

/* How many grains of a pool go? share: for compression. */
static int decide(size_t *k, const struct plan *p, const struct pool *pool,
                  double amount, double share)
{
    uint64_t grains, keep;
    int rc;

    switch (p->o->kind) {
    case PARE_AMOUNT_SPARSITY:
        return fewest_grains(k, p, pool,
                             pare_amount_sparsity(amount, &pool->count));
    case PARE_AMOUNT_COMPRESSION:
        keep = pare_round_count(share * (double)pool->count.total);
        return fewest_grains(
            k, p, pool, pool->count.kept > keep ? pool->count.kept - keep : 0);
    default:
        rc = pare_amount_grains(&grains, p->o->kind, amount, &pool->count);
        *k = rc ? 0 : (size_t)grains;
        return rc;
    }
}

/* Count what the marks take from the tensors of a pool. */
static void tally(struct plan *p, size_t pool)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        struct slot *s = &p->slot[i];
        const struct pare_tensor *bias = bias_of(p, s);
        const uint8_t *mark = p->mark + s->first;

        if (s->pool != pool)
            continue;
        if (p->kind->single) {
            s->removed = pare_bits_count(mark, s->n);
            continue;
        }
        for (size_t k = 0; k < s->n; k++) {
            s->removed += mark[k] ? p->grains.size[s->first + k] : 0;
            if (bias)
                s->bias_removed += mark[k] && (!bias->mask || bias->mask[k]);
        }
        s->removed -= s->bias_removed;
    }
}

static int select_pool(struct plan *p, size_t i, double share)
{
    struct pool *pool = &p->pool[i];
    double amount = isnan(pool->amount) ? p->o->amount : pool->amount;
    const uint8_t *candidate = p->grains.candidate;
    size_t k;
    int rc = decide(&k, p, pool, amount, share);

    if (!rc)
        rc = pare_select_lowest(
            p->mark + pool->first, p->grains.score + pool->first,
            candidate ? candidate + pool->first : NULL, pool->n, k);
    if (rc)
        return rc;
    pool->removed = k;
    tally(p, i);
    return 0;
}

static int select_grains(struct plan *p)
{
    bool ratio = p->o->kind == PARE_AMOUNT_COMPRESSION;
    double share = 0;
    int rc = 0;

    for (size_t i = 0; !rc && i < p->n_own; i++) {
        struct pool *pool = &p->pool[i];

        if (ratio)
            rc = share_to_keep(&share, p, pool->amount, pool->layer, pool, 1);
        if (!rc)
            rc = select_pool(p, i, share);
        if (rc)
            return pare_fail_prefix(rc, "%s",
                                    p->m->arch.layer[pool->layer].name);
    }
    if (ratio && p->n_pools > p->n_own)
        rc = share_to_keep(&share, p, p->o->amount, PARE_SCOPE_NONE,
                           p->pool + p->n_own, p->n_pools - p->n_own);
    for (size_t i = p->n_own; !rc && i < p->n_pools; i++)
        rc = select_pool(p, i, share);
    return rc;
}

static int check_collapse(const struct plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *s = &p->slot[i];

        if (p->m->tensor[s->tensor].role == PARE_ROLE_WEIGHT && s->removed &&
            s->removed == s->kept_before)
            return pare_fail(PARE_EINVAL, "layer %s would lose its last weight",
                             p->m->arch.layer[s->layer].name);
    }
    return 0;
}

static int by_tensor(const void *a, const void *b)
{
    const struct pare_prune_row *x = a, *y = b;

    return x->tensor < y->tensor ? -1 : x->tensor > y->tensor;
}

static void add_row(struct pare_prune_report *r, const struct plan *p,
                    size_t tensor, uint64_t before, uint64_t removed)
{
    struct pare_prune_row *row = &r->row[r->n_rows++];

    row->tensor = tensor;
    row->total = p->m->tensor[tensor].n;
    row->kept_before = before;
    row->kept_after = before - removed;
    r->total += row->total;
    r->kept_before += before;
    r->kept_after += before - removed;
}

static double achieved(const struct pare_prune_report *r, const struct plan *p)
{
    uint64_t all, kept;

    switch (p->o->kind) {
    case PARE_AMOUNT_SPARSITY:
        return (double)(r->total - r->kept_after) / (double)r->total;
    case PARE_AMOUNT_FRACTION:
        return r->grains_before
                   ? (double)r->grains_removed / (double)r->grains_before
                   : 0;
    case PARE_AMOUNT_COMPRESSION:
        count_params(p, PARE_SCOPE_NONE, &all, &kept);
        kept -= r->kept_before - r->kept_after;
        return kept ? (double)all / (double)kept : (double)INFINITY;
    default:
        return (double)r->grains_removed;
    }
}

static int make_report(struct pare_prune_report *r, const struct plan *p)
{
    memset(r, 0, sizeof *r);
    r->row = malloc(2 * p->n_slots * sizeof *r->row);
    if (!r->row)
        return no_memory();
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *s = &p->slot[i];

        add_row(r, p, s->tensor, s->kept_before, s->removed);
        if (s->bias != PARE_SCOPE_NONE)
            add_row(r, p, s->bias, s->bias_before, s->bias_removed);
    }
    qsort(r->row, r->n_rows, sizeof *r->row, by_tensor);
    for (size_t i = 0; i < p->n_pools; i++) {
        r->grains_before += p->pool[i].count.grains;
        r->grains_removed += p->pool[i].removed;
    }
    r->asked = p->o->amount;
    r->achieved = achieved(r, p);
    return 0;
}

/* Masks for the tensors that lose something; all or none are made. */
static int make_masks(struct plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *s = &p->slot[i];
        int rc = 0;

        if (s->removed)
            rc = pare_tensor_need_mask(&p->m->tensor[s->tensor]);
        if (!rc && s->removed + s->bias_removed && bias_of(p, s))
            rc = pare_tensor_need_mask(&p->m->tensor[s->bias]);
        if (rc)
            return rc;
    }
    return 0;
}

static void apply(struct plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct slot *s = &p->slot[i];
        struct pare_tensor *t = &p->m->tensor[s->tensor];

        if (s->removed + s->bias_removed)
            p->kind->remove(
                t, s->bias == PARE_SCOPE_NONE ? NULL : &p->m->tensor[s->bias],
                p->mark + s->first);
    }
    pare_model_apply_masks(p->m);
}

static int check_options(const struct pare_prune_options *o)
{
    int rc = 0;

    if (isnan(o->amount) && o->n_layer == 0)
        return pare_fail(PARE_EINVAL, "no amount to prune");
    if (o->criterion.row->needs_data && !o->input.data)
        return pare_fail(PARE_EINVAL, "criterion %s needs data",
                         o->criterion.row->name);
    if (!isnan(o->amount))
        rc = pare_amount_check(o->kind, o->amount);
    for (size_t i = 0; !rc && i < o->n_layer; i++)
        rc = pare_amount_check(o->kind, o->layer[i].amount);
    return rc;
}

int pare_prune(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_prune_options *o)
{
    struct plan p = {.m = m, .o = o, .kind = pare_grain(o->grain)};
    struct pare_prune_report report = {0};
    int rc = check_options(o);

    if (!rc)
        rc = pare_scope_choose(&p.scope, m, o, p.kind->spare_output);
    if (!rc)
        rc = lay_out(&p);
    if (!rc)
        rc = allocate(&p);
    if (!rc)
        rc = score_weights(&p);
    if (rc)
        goto out;
    gather(&p);
    rc = select_grains(&p);
    if (!rc && o->no_collapse)
        rc = check_collapse(&p);
    if (!rc)
        rc = make_report(&report, &p);
    if (!rc)
        rc = make_masks(&p);
    if (rc)
        goto out;
    apply(&p);
    *r = report;
    memset(&report, 0, sizeof report);
out:
    pare_prune_report_release(&report);
    release_plan(&p);
    return rc;
}

void pare_prune_report_release(struct pare_prune_report *r)
{
    free(r->row);
    memset(r, 0, sizeof *r);
}
