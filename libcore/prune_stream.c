/* Pruning of models that come tensor by tensor. */
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "prune_parts.h"
#include "status.h"

#define FEW  ((size_t)1024)       /* weights that are soon loaded again */
#define ROOM ((uint64_t)16 << 20) /* bytes; see room_for_masks */

/* Where the ranking of a tensor is cut; n_chunks 0: nothing goes. */
struct tensor_cut {
    uint32_t key;
    size_t n_chunks;
    uint64_t *ties; /* [n_chunks] */
};

/* A loader around another one. */
struct pruned {
    struct pare_loader base;
    const struct pare_criterion *row;
    struct pare_criterion_input input;
    double opt[PARE_CRITERION_OPTS];
    bool largest;
    size_t n_tensors;
    struct tensor_cut *cut; /* [n_tensors] */
    /* [n_tensors] the masks that were made, 64 weights a word, or NULL: the
       digests ask for them when the values are gone again */
    uint64_t **bits;
    uint64_t room; /* bytes that more of them may take */
};

bool pare_prune_streams(const struct pare_prune_options *o)
{
    const struct pare_criterion_spec *c = &o->criterion;

    return c->row->block && !c->row->score && !c->row->revise && !c->inverse &&
           c->rounds <= 1 && !o->grain.kind->map && !o->grain.kind->group &&
           !o->allocation->lamp;
}

static void free_pruned(void *arg)
{
    struct pruned *p = arg;

    for (size_t t = 0; p->cut && t < p->n_tensors; t++)
        free(p->cut[t].ties);
    for (size_t t = 0; p->bits && t < p->n_tensors; t++)
        free(p->bits[t]);
    free(p->cut);
    free(p->bits);
    pare_loader_release(&p->base);
    free(p);
}

/* A tensor whose ranking is to be cut. */
struct cutting {
    const struct pruned *p;
    const struct pare_model *m;
    size_t tensor;
};

static void score(float *out, void *arg, size_t part, size_t first, size_t n)
{
    const struct cutting *c = arg;

    (void)part;
    c->p->row->block(out, c->m, c->tensor, first, n, &c->p->input);
}

static int clear_mask(const struct pruned *p, const struct pare_model *m,
                      size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    const struct tensor_cut *of = &p->cut[tensor];
    struct cutting c = {p, m, tensor};
    struct pare_rank_part part = {.n = t->n};
    struct pare_ranking r = {.n_parts = 1,
                             .part = &part,
                             .largest = p->largest,
                             .block = score,
                             .arg = &c,
                             .threads = p->input.threads};
    size_t first[2] = {0, of->n_chunks};
    uint64_t *ties = malloc(of->n_chunks * sizeof *ties);
    struct pare_cut cut = {of->key, of->n_chunks, first, ties};
    int rc = ties ? pare_tensor_need_mask(t)
                  : pare_fail(PARE_ENOMEM, "out of memory");

    part.candidate = t->mask;
    if (!rc) {
        memcpy(ties, of->ties, of->n_chunks * sizeof *ties);
        rc = pare_rank_clear(&t->mask, &r, &cut);
    }
    free(ties);
    return rc;
}

PARE_CLONES
static void apply_mask(float *v, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = mask[i] ? v[i] : 0.0f;
}

/* Keep the mask of a tensor, if there is room: it is not needed to. */
static void keep_bits(struct pruned *p, const struct pare_tensor *t,
                      size_t tensor)
{
    size_t words = t->n / 64 + (t->n % 64 > 0);
    uint64_t *bits;

    if (p->bits[tensor] || t->n < FEW || words * sizeof *bits > p->room)
        return;
    bits = malloc(words * sizeof *bits);
    if (!bits)
        return;
    for (size_t i = 0; i < words; i++)
        bits[i] = pare_bits_pack(t->mask + 64 * i,
                                 i + 1 < words ? 64 : t->n - 64 * i);
    p->bits[tensor] = bits;
    p->room -= words * sizeof *bits;
}

PARE_CLONES
static void spread(uint8_t *mask, const uint64_t *bits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mask[i] = bits[i / 64] >> i % 64 & 1;
}

/* The mask that was kept. */
static int take_bits(const struct pruned *p, struct pare_tensor *t,
                     size_t tensor)
{
    int rc = pare_tensor_need_mask(t);

    if (!rc)
        spread(t->mask, p->bits[tensor], t->n);
    return rc;
}

/* How the tensor is without this pruning, then without what it takes. */
static int load_part(struct pruned *p, const struct pare_model *m,
                     size_t tensor, bool values)
{
    struct pare_tensor *t = &m->tensor[tensor];
    bool cuts = p->cut[tensor].n_chunks > 0, kept = p->bits[tensor] != NULL;
    bool mask_only =
        p->base.mask && !values && (!cuts || kept || p->row->random);
    int rc = mask_only ? p->base.mask(p->base.arg, m, tensor)
                       : p->base.load(p->base.arg, m, tensor);

    if (!rc && kept)
        rc = take_bits(p, t, tensor);
    else if (!rc && cuts)
        rc = clear_mask(p, m, tensor);
    if (rc)
        return rc;
    if (t->mask && !memchr(t->mask, 0, t->n)) {
        free(t->mask);
        t->mask = NULL;
    }
    if (t->mask && cuts)
        keep_bits(p, t, tensor);
    if (t->mask && values)
        apply_mask(t->value, t->mask, t->n);
    return 0;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    return load_part(arg, m, tensor, true);
}

static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    return load_part(arg, m, tensor, false);
}

/* The part of a group's cut that is of one of its slots. */
static int take_cut(struct tensor_cut *to, const struct pare_cut *from,
                    size_t part)
{
    size_t first = from->first[part], n = from->first[part + 1] - first;

    to->ties = malloc((n + 1) * sizeof *to->ties);
    if (!to->ties)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(to->ties, from->ties + first, n * sizeof *to->ties);
    to->key = from->key;
    to->n_chunks = n;
    return 0;
}

/* The parts of a group are its slots in their order. */
static int take_cuts(struct pruned *to, const struct prune_plan *p)
{
    int rc = 0;

    for (size_t group = 0; !rc && group < p->n_groups; group++) {
        size_t part = 0;

        for (size_t i = 0; !rc && i < p->n_slots; i++) {
            const struct prune_slot *s = &p->slot[i];

            if (s->group != group)
                continue;
            if (s->taken)
                rc = take_cut(&to->cut[s->tensor], &p->cut[group], part);
            part++;
        }
    }
    return rc;
}

/* Bytes for masks: what a tensor and its mask leave of twice the largest, and
   a little for models of small ones. */
static uint64_t room_for_masks(const struct pare_model *m)
{
    uint64_t most = 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        most = m->tensor[t].n > most ? m->tensor[t].n : most;
    return ROOM + most * sizeof(float) / 2;
}

/* Zeroed cuts and masks for all tensors. */
static struct pruned *new_pruned(size_t n_tensors)
{
    struct pruned *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->n_tensors = n_tensors;
    p->cut = calloc(n_tensors + 1, sizeof *p->cut);
    p->bits = calloc(n_tensors + 1, sizeof *p->bits);
    if (p->cut && p->bits)
        return p;
    free_pruned(p);
    return NULL;
}

int prune_around(struct prune_plan *p)
{
    struct pare_loader loader = {.load = load, .mask = load_mask}, base;
    struct pare_model *m = p->m;
    struct pruned *to = new_pruned(m->n_tensors);
    size_t *kept = malloc((m->n_tensors + 1) * sizeof *kept);
    int rc = PARE_ENOMEM;

    if (!to || !kept)
        goto out;
    to->room = room_for_masks(m);
    to->row = p->o->criterion.row;
    to->input = p->input;
    memcpy(to->opt, p->o->criterion.opt, sizeof to->opt);
    to->input.opt = to->opt;
    to->input.threads = p->input.threads > 0 ? p->input.threads : 1;
    to->largest = p->o->criterion.largest;
    for (size_t t = 0; t < m->n_tensors; t++)
        kept[t] = m->tensor[t].kept;
    for (size_t i = 0; i < p->n_slots; i++)
        kept[p->slot[i].tensor] -= p->slot[i].removed;
    rc = take_cuts(to, p);
    if (rc)
        goto out;
    loader.free = free_pruned;
    loader.arg = to;
    base = pare_model_take_loader(m);
    rc = pare_model_set_loader(m, &loader);
    if (rc) {
        m->loader = base;
        goto out;
    }
    to->base = base;
    to = NULL;
    for (size_t t = 0; t < m->n_tensors; t++)
        m->tensor[t].kept = kept[t];
out:
    if (rc == PARE_ENOMEM)
        pare_fail(rc, "out of memory");
    if (to)
        free_pruned(to);
    free(kept);
    return rc;
}
