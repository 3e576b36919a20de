#include "prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "prune_parts.h"
#include "rewiring.h"
#include "status.h"

#define STRETCH 65536 /* scores of an n:m grain made at a time */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Values and masks as they were, of the tensors in question. */
struct backup {
    size_t n;
    float **value;
    uint8_t **mask; /* NULL where there was none */
};

static void backup_release(struct backup *b)
{
    for (size_t t = 0; t < b->n; t++) {
        if (b->value)
            free(b->value[t]);
        if (b->mask)
            free(b->mask[t]);
    }
    free(b->value);
    free(b->mask);
    memset(b, 0, sizeof *b);
}

static int back_up(struct backup *b, const struct pare_tensor *t, size_t index)
{
    b->value[index] = malloc(t->n * sizeof(float));
    b->mask[index] = t->mask ? malloc(t->n) : NULL;
    if (!b->value[index] || (t->mask && !b->mask[index]))
        return no_memory();
    memcpy(b->value[index], t->value, t->n * sizeof(float));
    if (t->mask)
        memcpy(b->mask[index], t->mask, t->n);
    return 0;
}

static int backup_make(struct backup *b, const struct prune_plan *p)
{
    const struct pare_model *m = p->m;
    int rc = 0;

    b->value = calloc(m->n_tensors + 1, sizeof *b->value);
    b->mask = calloc(m->n_tensors + 1, sizeof *b->mask);
    if (!b->value || !b->mask)
        return no_memory();
    b->n = m->n_tensors;
    for (size_t i = 0; !rc && i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];

        rc = back_up(b, &m->tensor[s->tensor], s->tensor);
        if (!rc && s->bias != PARE_SCOPE_NONE)
            rc = back_up(b, &m->tensor[s->bias], s->bias);
    }
    return rc;
}

static void restore_values(struct pare_model *m, const struct backup *b)
{
    for (size_t t = 0; t < b->n; t++)
        if (b->value[t])
            memcpy(m->tensor[t].value, b->value[t],
                   m->tensor[t].n * sizeof(float));
}

/* Masks as they were; one that was made since goes. */
static void restore_masks(struct pare_model *m, const struct backup *b)
{
    for (size_t t = 0; t < b->n; t++) {
        if (!b->value[t])
            continue;
        if (b->mask[t]) {
            memcpy(m->tensor[t].mask, b->mask[t], m->tensor[t].n);
        } else {
            free(m->tensor[t].mask);
            m->tensor[t].mask = NULL;
        }
    }
}

static int check_collapse(const struct prune_plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];

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

static void add_row(struct pare_prune_report *r, const struct prune_plan *p,
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

/* all and kept: parameters of the model before the pruning. */
static double achieved(const struct pare_prune_report *r,
                       const struct prune_plan *p, uint64_t all, uint64_t kept)
{
    switch (p->o->kind) {
    case PARE_AMOUNT_SPARSITY:
        return (double)(r->total - r->kept_after) / (double)r->total;
    case PARE_AMOUNT_FRACTION:
        return r->grains_before
                   ? (double)r->grains_removed / (double)r->grains_before
                   : 0;
    case PARE_AMOUNT_COMPRESSION:
        kept -= r->kept_before - r->kept_after;
        return kept ? (double)all / (double)kept : (double)INFINITY;
    default:
        return (double)r->grains_removed;
    }
}

static int make_report(struct pare_prune_report *r, const struct prune_plan *p,
                       uint64_t all, uint64_t kept)
{
    memset(r, 0, sizeof *r);
    r->row = malloc(2 * p->n_slots * sizeof *r->row);
    if (!r->row)
        return no_memory();
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];

        add_row(r, p, s->tensor, s->kept_before, s->removed);
        if (s->bias != PARE_SCOPE_NONE)
            add_row(r, p, s->bias, s->bias_before, s->bias_removed);
        r->grains_removed += s->gone;
    }
    qsort(r->row, r->n_rows, sizeof *r->row, by_tensor);
    for (size_t i = 0; i < p->n_pools; i++)
        r->grains_before += p->pool[i].count.grains;
    r->asked = p->o->amount;
    r->achieved = achieved(r, p, all, kept);
    return 0;
}

/* Masks for the tensors that lose something this round, or for all. */
static int make_masks(struct prune_plan *p, bool all)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];

        if (!s->taken && !all)
            continue;
        rc = pare_tensor_need_mask(&p->m->tensor[s->tensor]);
        if (!rc && prune_bias(p, s))
            rc = pare_tensor_need_mask(&p->m->tensor[s->bias]);
    }
    return rc;
}

/* Grains that there are before all rounds. */
static void count_grains(struct prune_plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];
        uint64_t *grains = &p->pool[s->pool].count.grains;

        if (!p->kind->map)
            *grains += s->kept_before;
        for (size_t g = 0; p->kind->map && g < s->n; g++)
            *grains += p->grains.candidate[s->first + g];
    }
}

/* What is pruned is 0 to the next round's scores. */
static void clear_values(const struct prune_plan *p)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const size_t tensor[2] = {p->slot[i].tensor, p->slot[i].bias};

        for (int k = 0; k < 2; k++) {
            struct pare_tensor *t;

            if (tensor[k] == PARE_SCOPE_NONE)
                continue;
            t = &p->m->tensor[tensor[k]];
            for (size_t j = 0; t->mask && j < t->n; j++)
                t->value[j] = t->mask[j] ? t->value[j] : 0;
        }
    }
}

/*
 * Score and choose, in as many rounds as asked for. The choice of the last
 * round is left to be applied.
 */
static int run_rounds(struct prune_plan *p)
{
    uint32_t rounds = p->o->criterion.rounds;
    int rc = 0;

    for (p->round = 1; !rc; p->round++) {
        rc = prune_score(p);
        if (!rc && p->round == 1)
            count_grains(p);
        if (!rc)
            rc = prune_pick(p);
        if (rc || p->round == rounds)
            return rc;
        rc = make_masks(p, false);
        if (!rc)
            rc = prune_clear(p);
        if (!rc)
            clear_values(p);
    }
    return rc;
}

/* Thin out the groups of a tensor, some rows at a time. */
static int prune_groups_of(struct prune_plan *p, size_t slot)
{
    struct prune_slot *s = &p->slot[slot];
    struct pare_tensor *t = &p->m->tensor[s->tensor];
    size_t cols = t->n / t->dim[0], rows = STRETCH / cols + 1;
    float *score = malloc(rows * cols * sizeof *score);
    int rc = score ? 0 : no_memory();

    for (size_t row = 0; !rc && row < t->dim[0]; row += rows) {
        size_t n = t->dim[0] - row < rows ? t->dim[0] - row : rows;

        prune_score_block(score, p, slot, row * cols, n * cols);
        rc = pare_grain_group(t->mask + row * cols, score, n, &p->o->grain, t,
                              p->o->partial, p->o->criterion.largest);
    }
    free(score);
    s->removed = s->gone = s->kept_before - pare_tensor_kept(t);
    return rc;
}

/* An n:m grain: masks are made at once, so there must be a backup. */
static int run_groups(struct prune_plan *p)
{
    int rc = prune_score(p);

    if (!rc)
        count_grains(p);
    if (!rc)
        rc = make_masks(p, true);
    for (size_t i = 0; !rc && i < p->n_slots; i++)
        rc = prune_groups_of(p, i);
    return rc;
}

/* Revision. */

/* What a criterion is given to revise: copies of values and masks. */
static int begin_revision(struct pare_revision *r, struct backup *after,
                          const struct prune_plan *p, const struct backup *b)
{
    int rc = backup_make(after, p);

    r->value = after->value;
    r->mask = after->mask;
    r->before = (const uint8_t *const *)b->mask;
    r->keep = p->o->grain.kind->group ? p->o->grain.a : 0;
    r->of = p->o->grain.kind->group ? p->o->grain.b : 0;
    r->partial = p->o->partial;
    r->fixed = p->kind->map != NULL;
    return rc;
}

/* Are as many weights kept in each tensor as were chosen? */
static int check_revision(const struct prune_plan *p,
                          const struct pare_revision *r)
{
    for (size_t i = 0; i < p->n_slots; i++) {
        const struct prune_slot *s = &p->slot[i];
        const struct pare_tensor *t = &p->m->tensor[s->tensor];
        uint64_t kept = 0;

        for (size_t k = 0; k < t->n; k++)
            kept += r->mask[s->tensor][k];
        if (kept != s->kept_before - s->removed)
            return pare_fail(PARE_EINVAL,
                             "%s keeps %llu weights of %s where %llu were "
                             "chosen",
                             p->o->criterion.row->name,
                             (unsigned long long)kept, t->name,
                             (unsigned long long)(s->kept_before - s->removed));
    }
    return 0;
}

/*
 * Let the criterion choose anew and change the survivors. It sees the model
 * as it was; the masks chosen so far are those of the model now.
 */
static int revise(struct prune_plan *p, const struct backup *b,
                  struct pare_prune_report *report)
{
    struct pare_revision r = {0};
    struct backup after = {0};
    int rc = make_masks(p, true);

    if (!rc)
        rc = begin_revision(&r, &after, p, b);
    if (rc)
        goto out;
    restore_masks(p->m, b);
    restore_values(p->m, b);
    rc = p->o->criterion.row->revise(&r, p->m, &p->input);
    if (!rc)
        rc = check_revision(p, &r);
    if (!rc)
        rc = make_masks(p, true);
    if (rc)
        goto out;
    for (size_t t = 0; t < after.n; t++) {
        if (!after.value[t])
            continue;
        memcpy(p->m->tensor[t].value, after.value[t],
               p->m->tensor[t].n * sizeof(float));
        memcpy(p->m->tensor[t].mask, after.mask[t], p->m->tensor[t].n);
    }
    memcpy(report->note, r.note, sizeof report->note);
out:
    backup_release(&after);
    return rc;
}

/* Options. */

void pare_prune_defaults(struct pare_prune_options *o)
{
    memset(o, 0, sizeof *o);
    pare_criterion_parse(&o->criterion, "magnitude");
    pare_grain_parse(&o->grain, "weight");
    o->allocation = pare_allocation_find("global");
    o->amount = (double)NAN;
    o->input.threads = 1;
}

static int check_group(const struct pare_prune_options *o)
{
    if (!isnan(o->amount) || o->n_layer || o->n_min || o->n_max || o->floor)
        return pare_fail(PARE_EINVAL,
                         "%s says itself how much goes: it takes no amount "
                         "and no bounds",
                         o->grain.canon);
    if (!o->allocation->together || o->allocation->lamp)
        return pare_fail(PARE_EINVAL,
                         "%s says itself how much goes of each layer: "
                         "allocation %s does not go with it",
                         o->grain.canon, o->allocation->name);
    if (o->bias)
        return pare_fail(PARE_EINVAL, "biases have no groups for %s",
                         o->grain.canon);
    if (o->criterion.rounds > 1)
        return pare_fail(PARE_EINVAL,
                         "%s is done in one round: use %s,rounds=1",
                         o->grain.canon, o->criterion.row->name);
    return 0;
}

static int check_criterion(const struct pare_prune_options *o,
                           const struct pare_model *m)
{
    const struct pare_criterion *row = o->criterion.row;
    bool units = o->grain.kind->attach_bias;
    bool found = false;

    if (row->needs_data && !o->input.data)
        return pare_fail(PARE_EINVAL, "criterion %s needs data", row->name);
    if (!row->score && !row->block && !units)
        return pare_fail(PARE_EINVAL,
                         "criterion %s scores whole units: use the grain unit",
                         row->name);
    if (row->units && units && o->allocation->lamp)
        return pare_fail(PARE_EINVAL,
                         "lamp compares weights, and %s scores whole units",
                         row->name);
    for (size_t i = 0; i < m->n_scores; i++)
        found |= strcmp(m->scores[i].name, row->name) == 0;
    if (row->gathered && !found)
        return pare_fail(PARE_EINVAL,
                         "the model holds no %s scores: train it with "
                         "--accumulate %s",
                         row->name, row->name);
    return 0;
}

static int check_options(const struct pare_prune_options *o,
                         const struct pare_model *m)
{
    int rc = o->grain.kind->graph ? pare_arch_need_graph(&m->arch) : 0;

    if (rc)
        return rc;
    if (o->grain.kind->group)
        rc = check_group(o);
    else if (isnan(o->amount) && o->n_layer == 0)
        rc = pare_fail(PARE_EINVAL, "no amount to prune");
    if (!rc && !isnan(o->amount))
        rc = pare_amount_check(o->kind, o->amount);
    for (size_t i = 0; !rc && i < o->n_layer; i++)
        rc = pare_amount_check(o->kind, o->layer[i].amount);
    for (size_t i = 0; !rc && i < o->n_min; i++)
        rc = pare_amount_check(PARE_AMOUNT_SPARSITY, o->min[i].amount);
    for (size_t i = 0; !rc && i < o->n_max; i++)
        rc = pare_amount_check(PARE_AMOUNT_SPARSITY, o->max[i].amount);
    return rc ? rc : check_criterion(o, m);
}

/* Choose, tell, and apply; b is filled where it is needed. */
static int prune(struct prune_plan *p, struct pare_prune_report *r,
                 struct backup *b)
{
    bool group = p->kind->group, revises = p->o->criterion.row->revise != NULL;
    bool rounds = p->o->criterion.rounds > 1;
    uint64_t all, kept;
    int rc = prune_plan_make(p);

    if (!rc && (group || revises || rounds))
        rc = backup_make(b, p);
    if (rc) {
        backup_release(b);
        return rc;
    }
    prune_count_params(p, PARE_SCOPE_NONE, &all, &kept);
    rc = group ? run_groups(p) : run_rounds(p);
    if (!rc && p->o->no_collapse)
        rc = check_collapse(p);
    if (!rc)
        rc = make_report(r, p, all, kept);
    if (pare_model_streams(p->m))
        return rc ? rc : prune_around(p);
    if (!rc && !group)
        rc = make_masks(p, false);
    if (!rc && !group)
        rc = prune_clear(p);
    if (!rc && revises)
        rc = revise(p, b, r);
    else if (!rc && rounds)
        restore_values(p->m, b);
    return rc;
}

int pare_prune(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_prune_options *o)
{
    struct prune_plan p = {.m = m, .o = o, .kind = o->grain.kind};
    struct pare_prune_report report = {0};
    struct backup b = {0};
    int rc = check_options(o, m);

    if (!rc && pare_model_streams(m) && !pare_prune_streams(o))
        rc = pare_fail(PARE_EINVAL, "this needs the whole model in memory");
    if (!rc)
        rc = pare_model_expand(m);
    p.input = o->input;
    p.input.opt = o->criterion.opt;
    if (!rc)
        rc = prune(&p, &report, &b);
    if (rc) {
        restore_values(m, &b);
        restore_masks(m, &b);
    } else {
        pare_model_drop_full_masks(m);
        pare_model_apply_masks(m);
        for (size_t i = 0; i < report.n_rows; i++)
            if (report.row[i].kept_after < report.row[i].kept_before)
                pare_model_retarget(m, report.row[i].tensor);
        *r = report;
        memset(&report, 0, sizeof report);
    }
    pare_prune_report_release(&report);
    prune_plan_release(&p);
    backup_release(&b);
    return rc;
}

void pare_prune_report_release(struct pare_prune_report *r)
{
    free(r->row);
    memset(r, 0, sizeof *r);
}
