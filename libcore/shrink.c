#include "shrink.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "gathered.h"
#include "initializer.h"
#include "shrink_parts.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- sets of values -------------------------------------------------- */

static void release_sets(struct shrink_set *set, const struct pare_model *m)
{
    for (size_t i = 0; set && i <= m->n_checkpoints; i++) {
        for (size_t t = 0; set[i].owned && t < m->n_tensors; t++)
            free(set[i].value[t]);
        if (i == 0 || set[i].owned)
            free(set[i].value);
        free(set[i].k);
    }
    free(set);
}

/* The first weights again, under the masks of now. */
static int draw_init(struct shrink_set *set, const struct pare_model *m)
{
    int rc = 0;

    set->value = calloc(m->n_tensors + 1, sizeof *set->value);
    set->owned = set->value != NULL;
    if (!set->value)
        return no_memory();
    for (size_t t = 0; t < m->n_tensors; t++) {
        set->value[t] = malloc(m->tensor[t].n * sizeof(float));
        if (!set->value[t])
            return no_memory();
    }
    rc = pare_model_init_values(set->value, m);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        for (size_t i = 0; m->tensor[t].mask && i < m->tensor[t].n; i++)
            if (!m->tensor[t].mask[i])
                set->value[t][i] = 0;
    return rc;
}

static int find_values(struct shrink_set *set, const struct pare_model *m,
                       size_t i)
{
    const struct pare_checkpoint *c = i ? &m->checkpoint[i - 1] : NULL;

    if (c && c->mask)
        return 0; /* an undo point */
    if (c && !c->value)
        return draw_init(set, m);
    if (c) {
        set->value = c->value;
        return 0;
    }
    set->value = calloc(m->n_tensors + 1, sizeof *set->value);
    if (!set->value)
        return no_memory();
    for (size_t t = 0; t < m->n_tensors; t++)
        set->value[t] = m->tensor[t].value;
    return 0;
}

/* The model's own values and those of its checkpoints, with constants. */
static int make_sets(struct shrink_set **out, const struct shrink_plan *p)
{
    struct shrink_set *set = calloc(p->m->n_checkpoints + 1, sizeof *set);
    int rc = set ? 0 : no_memory();

    for (size_t i = 0; !rc && i <= p->m->n_checkpoints; i++) {
        rc = find_values(&set[i], p->m, i);
        if (rc || !set[i].value)
            continue;
        set[i].k = malloc(p->u.n * sizeof *set[i].k);
        if (!set[i].k)
            rc = no_memory();
        else
            set[i].bent = !pare_units_constants(set[i].k, &p->u, set[i].value);
    }
    if (rc)
        release_sets(set, p->m);
    else
        *out = set;
    return rc;
}

/* Does a constant of a set of values go into the bias of the layer? All
   units are looked at, as that also tells whether the set is bent. */
static bool takes_constants(const struct shrink_plan *p, struct shrink_set *set,
                            const struct pare_weights *w)
{
    bool some = false;

    for (size_t row = 0; row < w->groups * w->rows; row++)
        if (!p->gone[w->out + row])
            some |= shrink_bias(p, set, w, row) != 0;
    return some;
}

/* Mark the layers that need a bias for these values; bias NULL: none, it is
   only found out whether the set is bent. */
static void add_biases(bool *bias, const struct shrink_plan *p,
                       struct shrink_set *set)
{
    for (size_t i = 0; i < p->m->arch.n_layers; i++) {
        struct pare_weights w;
        bool takes;

        if (!pare_units_weighted(&p->m->arch.layer[i]))
            continue;
        pare_units_weights(&w, &p->u, i);
        takes = takes_constants(p, set, &w);
        if (bias)
            bias[i] |= takes && !w.bias;
    }
}

/* A checkpoint that cannot be exact is not worth a bias. */
static bool *find_new_biases(const struct shrink_plan *p,
                             struct shrink_set *set)
{
    bool *bias = calloc(p->m->arch.n_layers + 1, sizeof *bias);

    for (size_t i = 0; bias && i <= p->m->n_checkpoints; i++) {
        if (!set[i].value)
            continue;
        add_biases(NULL, p, &set[i]);
        if (!set[i].bent)
            add_biases(bias, p, &set[i]);
    }
    return bias;
}

/* ---- what is not numbers --------------------------------------------- */

static int copy_rest(struct pare_model *out, const struct pare_model *m)
{
    int rc;

    pare_norm_release(&out->norm);
    rc = pare_norm_copy(&out->norm, &m->norm);
    if (!rc)
        rc = pare_model_copy_classes(out, m->n_classes, m->class_name);
    for (size_t i = 0; !rc && i < m->n_history; i++)
        rc = pare_model_add_history(out, &m->history[i]);
    for (size_t i = 0; !rc && i < m->n_steps; i++)
        rc = pare_model_add_step(out, m->step[i]);
    if (!rc && m->user_size) {
        out->user = malloc(m->user_size);
        if (!out->user)
            return no_memory();
        memcpy(out->user, m->user, m->user_size);
        out->user_size = m->user_size;
    }
    out->training = m->training;
    out->init = m->init;
    return rc;
}

/* `init` has new shapes: the digest is of its values now. */
static int digest_init(struct pare_model *out)
{
    const struct pare_checkpoint *c = pare_model_checkpoint(out, "init");

    return c && c->value && out->init.digest[0]
               ? pare_digest_weights_of(out->init.digest, out, c->value)
               : 0;
}

/* ---- the report ------------------------------------------------------ */

static void count_row(struct pare_shrink_row *row, const struct shrink_plan *p,
                      const bool *bias)
{
    size_t value = row->layer + 1, from = p->u.first[value];

    row->before = pare_units_width(&p->u, value);
    row->after = p->kept[value];
    row->idle = p->idle[value];
    row->new_bias = bias[row->layer];
    for (size_t c = 0; c < row->before; c++)
        row->constant += !p->gone[from + c] && p->u.constant[from + c] &&
                         p->u.needed[p->u.class[from + c]];
}

/* Classes that go, and those that are constants other than 0 somewhere. */
static void count_classes(struct pare_shrink_report *r,
                          const struct shrink_plan *p)
{
    const struct pare_units *u = &p->u;

    for (size_t class = 0; class < u->n; class ++) {
        bool some = false;

        if (u->class[class] != class || !p->gone[class])
            continue;
        for (size_t i = 0; i < u->count[class]; i++)
            some |= u->value[u->member[u->start[class] + i]] != 0;
        r->removed++;
        r->folded += some;
        r->stood_in += u->stand_in[class] != PARE_NO_NODE;
    }
}

static int fill_report(struct pare_shrink_report *r,
                       const struct shrink_plan *p, const bool *bias,
                       const struct shrink_set *set)
{
    const struct pare_model *m = p->m;

    r->row = calloc(m->arch.n_layers + 1, sizeof *r->row);
    if (!r->row)
        return no_memory();
    for (size_t i = 0; i < m->arch.n_layers; i++) {
        struct pare_shrink_row *row = &r->row[r->n_rows];

        if (!pare_units_weighted(&m->arch.layer[i]))
            continue;
        row->layer = i;
        count_row(row, p, bias);
        r->before += row->before;
        r->after += row->after;
        r->n_rows++;
    }
    count_classes(r, p);
    r->scores = m->n_scores;
    r->curves = m->n_curves;
    r->undos = pare_model_undos(m);
    for (size_t i = 1; i <= m->n_checkpoints; i++)
        r->inexact += set[i].bent;
    return 0;
}

static int shrink_once(struct pare_model *out, struct pare_shrink_report *r,
                       const struct pare_model *m,
                       const struct pare_shrink_options *o)
{
    struct pare_shrink_report report = {0};
    struct pare_model small = {0};
    struct shrink_plan plan = {0};
    struct shrink_set *set = NULL;
    bool *bias = NULL;
    int rc = shrink_plan_init(&plan, m, o->round);

    if (rc)
        return rc;
    rc = make_sets(&set, &plan);
    if (!rc && !(bias = find_new_biases(&plan, set)))
        rc = no_memory();
    if (!rc)
        rc = fill_report(&report, &plan, bias, set);
    if (!rc && report.removed) {
        rc = shrink_cut(&small, &plan, bias, set);
        if (!rc)
            rc = copy_rest(&small, m);
        if (!rc)
            rc = digest_init(&small);
    }
    if (rc) {
        pare_model_release(&small);
        pare_shrink_report_release(&report);
    } else {
        *r = report;
        if (report.removed)
            *out = small;
    }
    release_sets(set, m);
    free(bias);
    shrink_plan_release(&plan);
    return rc;
}

/* What a further pass over the result did goes into the report. */
static void add_pass(struct pare_shrink_report *r,
                     const struct pare_shrink_report *more)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        r->row[i].after = more->row[i].after;
        r->row[i].constant = more->row[i].constant;
        r->row[i].idle |= more->row[i].idle;
        r->row[i].new_bias |= more->row[i].new_bias;
    }
    r->removed += more->removed;
    r->after = more->after;
    r->folded += more->folded;
    r->stood_in += more->stood_in;
    if (r->inexact < more->inexact)
        r->inexact = more->inexact;
}

/* Once is enough but for groups: where a convolution loses all but one, more
   constants than before can have a stand-in. */
int pare_shrink(struct pare_model *out, struct pare_shrink_report *r,
                const struct pare_model *m, const struct pare_shrink_options *o)
{
    struct pare_shrink_report report = {0}, more = {0};
    struct pare_model small = {0}, next = {0};
    int rc = shrink_once(&small, &report, m, o);

    while (!rc && report.removed) {
        rc = shrink_once(&next, &more, &small, o);
        if (rc || !more.removed)
            break;
        add_pass(&report, &more);
        pare_shrink_report_release(&more);
        pare_model_release(&small);
        small = next;
        memset(&next, 0, sizeof next);
    }
    pare_shrink_report_release(&more);
    if (rc) {
        pare_shrink_report_release(&report);
        pare_model_release(&small);
    } else {
        *r = report;
        if (report.removed)
            *out = small;
    }
    return rc;
}

void pare_shrink_report_release(struct pare_shrink_report *r)
{
    free(r->row);
    memset(r, 0, sizeof *r);
}
