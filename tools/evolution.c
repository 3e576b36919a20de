#include "evolution.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accumulate.h"
#include "compact.h"
#include "dialect.h"
#include "digest.h"
#include "rbm.h"
#include "sparse.h"
#include "stage.h"
#include "status.h"

#define SCORED_MAX ((uint64_t)1 << 32) /* positions, as pare_grow has it */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- the text -------------------------------------------------------- */

/* "fc1,conv*" into two globs. */
static int cut_globs(struct evolution *e)
{
    char *p = e->globs;

    memcpy(e->globs, e->spec.layers, sizeof e->globs);
    while (*p) {
        size_t n = strcspn(p, ",");

        if (n == 0)
            return pare_fail(PARE_EINVAL, "layers=%s: a glob is empty",
                             e->spec.layers);
        e->glob[e->n_globs++] = p;
        p += n;
        if (!*p)
            break;
        *p++ = '\0';
        if (!*p)
            return pare_fail(PARE_EINVAL, "layers=%s: a glob is empty",
                             e->spec.layers);
    }
    return 0;
}

void evolution_parse(struct evolution *e, const struct cli_tool *tool,
                     const char *spec, const struct pare_prune_run *run)
{
    struct pare_evolve_times times;
    int err;

    *e = (struct evolution){0};
    err = pare_evolve_parse(&e->spec, spec);
    if (!err)
        err = cut_globs(e);
    if (!err && (run->epochs || run->steps))
        err = pare_evolve_lay(&times, &e->spec, run);
    if (err)
        cli_usage(tool, "--evolve: %s", pare_error());
}

void evolution_provenance(const struct evolution *e, struct provenance *p)
{
    provenance_option(p, "--evolve", e->spec.canon);
}

/* ---- the run --------------------------------------------------------- */

static const char *layer_name(const struct pare_model *m, size_t tensor)
{
    return m->arch.layer[m->tensor[tensor].layer].name;
}

static bool in_scope(const struct evolution *e, const struct pare_model *m,
                     size_t tensor)
{
    const struct pare_tensor *t = &m->tensor[tensor];

    if (!pare_tensor_prunable(t) ||
        (!t->target && pare_tensor_kept(t) == pare_tensor_positions(t)))
        return false;
    for (size_t i = 0; i < e->n_globs; i++)
        if (fnmatch(e->glob[i], layer_name(m, tensor), 0) == 0)
            return true;
    return e->n_globs == 0;
}

/* The sparse layers that the text means. */
static int find_scope(struct evolution *e, const struct pare_model *m)
{
    e->scope = malloc((m->n_tensors + 1) * sizeof *e->scope);
    e->drawn = malloc((m->n_tensors + 1) * sizeof *e->drawn);
    if (!e->scope || !e->drawn)
        return no_memory();
    for (size_t t = 0; t < m->n_tensors; t++)
        if (in_scope(e, m, t))
            e->scope[e->n_scope++] = t;
    if (e->n_scope)
        return 0;
    if (e->n_globs)
        return pare_fail(PARE_EINVAL,
                         "layers=%s: no sparse layer is called "
                         "that",
                         e->spec.layers);
    return pare_fail(PARE_EINVAL,
                     "the model has no sparse layer: begin with one of "
                     "pare-init --density, or prune it");
}

/* Coactivations are of the inputs and outputs of linear layers. */
static int check_coactive(struct evolution *e, const struct pare_model *m)
{
    if (!e->spec.drop.rule->coactive && !e->spec.grow.rule->coactive)
        return 0;
    for (size_t i = 0; i < e->n_scope; i++) {
        const struct pare_tensor *t = &m->tensor[e->scope[i]];

        if (m->arch.layer[t->layer].kind->op != PARE_OP_LINEAR)
            return pare_fail(PARE_EINVAL,
                             "%s is no linear layer and has no "
                             "coactivations: name others with layers=",
                             layer_name(m, e->scope[i]));
    }
    while (strcmp(pare_accumulation(e->n_accumulate)->name, "hebbian") != 0)
        e->n_accumulate++;
    return 0;
}

/* Gradients are of outputs that a loss looks at. */
static int check_gradient(const struct evolution *e, const struct pare_model *m,
                          const char *dialect)
{
    const struct pare_grow_rule *rule = e->spec.grow.rule;
    const struct pare_dialect *row =
        dialect && dialect[0] ? pare_dialect_find(dialect) : NULL;

    if (!rule->needs_data || !pare_arch_is_rbm(&m->arch) ||
        (strcmp(rule->name, "momentum") == 0 && row && row->dense_state))
        return 0;
    return pare_fail(PARE_EINVAL,
                     "a Boltzmann machine has no gradient of outputs to grow "
                     "by: use grow=random");
}

/* Where what was removed is avoided, the rest must have room for as much; and
   scores of all positions must fit in memory. */
static int check_room(const struct evolution *e, const struct pare_model *m)
{
    const struct pare_grow_options *g = &e->spec.grow;

    for (size_t i = 0; g->rule->scored && i < e->n_scope; i++)
        if (pare_tensor_positions(&m->tensor[e->scope[i]]) > SCORED_MAX)
            return pare_fail(PARE_ELIMIT,
                             "%s has more than 2^32 positions, too many to "
                             "score for grow=%s: name others with layers=, or "
                             "grow=random",
                             layer_name(m, e->scope[i]), g->rule->name);
    for (size_t i = 0;
         g->avoid && g->counting != PARE_GROW_BERNOULLI && i < e->n_scope;
         i++) {
        const struct pare_tensor *t = &m->tensor[e->scope[i]];
        uint64_t kept = pare_tensor_kept(t);
        uint64_t room = pare_tensor_positions(t) - kept;

        if (floor(e->spec.drop.zeta * (double)kept) > (double)room)
            return pare_fail(PARE_EINVAL,
                             "%s has %llu connections and %llu free "
                             "positions, too few to move zeta=%g of them "
                             "with avoid=removed",
                             layer_name(m, e->scope[i]),
                             (unsigned long long)kept, (unsigned long long)room,
                             e->spec.drop.zeta);
    }
    return 0;
}

int evolution_lay(struct evolution *e, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew)
{
    uint64_t per_epoch = pare_steps_per_epoch(d, t->batch);
    struct pare_prune_run run = stage_whole_run(t, &m->training, per_epoch);
    int err = 0;

    e->step0 = m->training.step;
    if (d->split[PARE_TRAIN].n == 0)
        err = pare_fail(PARE_EMISMATCH, "the data have no train split");
    if (!err)
        err = pare_evolve_lay(&e->times, &e->spec, &run);
    if (!err)
        err = find_scope(e, m);
    if (!err)
        err = check_coactive(e, m);
    if (!err)
        err = check_gradient(e, m, t->dialect);
    if (!err)
        err = check_room(e, m);
    if (!err && e->spec.measure && d->split[t->val].n == 0)
        err = pare_fail(PARE_EINVAL, "measure needs a %s split",
                        pare_split_name(t->val));
    if (!err && e->spec.grow.calibrate > d->split[PARE_TRAIN].n)
        err = pare_fail(PARE_EINVAL,
                        "cannot calibrate on %zu samples: the "
                        "training split has %zu",
                        e->spec.grow.calibrate, d->split[PARE_TRAIN].n);
    if (!err && anew && per_epoch)
        err = pare_schedule_set_length(&t->schedule, (double)e->times.steps /
                                                         (double)per_epoch);
    return err ? pare_fail_prefix(err, "--evolve") : 0;
}

/* With p: layers that are rewired after so many steps of the run. */
static size_t draw(struct evolution *e, const struct pare_model *m,
                   uint64_t seed, uint64_t at)
{
    size_t n = 0;

    if (e->spec.has_seed)
        seed = e->spec.seed;
    for (size_t i = 0; i < e->n_scope; i++)
        if (pare_evolve_drawn(&e->spec, seed, e->scope[i], e->step0 + at))
            e->drawn[n++] = layer_name(m, e->scope[i]);
    return n;
}

/* Where the next stage ends, and the options that make it end there. */
static void find_stage(struct evolution *e, struct pare_train_options *t,
                       const struct pare_model *m)
{
    uint64_t at, from = e->from;

    e->rewires = false;
    e->at = e->times.steps;
    while (!e->rewires && pare_evolve_next(&at, &e->times, from)) {
        from = at + 1;
        e->rewires = isnan(e->spec.p) || draw(e, m, t->seed, at) > 0;
        if (e->rewires)
            e->at = at;
    }
    t->first_epoch = m->training.epoch;
    t->end_step = e->step0 + e->at;
    t->end_epoch = t->first_epoch; /* where there is no step to do */
}

void evolution_begin(struct evolution *e, struct pare_train_options *t,
                     const struct pare_model *m, const struct pare_dataset *d,
                     bool anew)
{
    if (pare_accumulation(e->n_accumulate) &&
        (e->spec.drop.rule->coactive || e->spec.grow.rule->coactive))
        t->accumulate |= 1u << e->n_accumulate;
    find_stage(e, t, m);
    stage_schedule(t, &m->training, pare_steps_per_epoch(d, t->batch), anew);
}

int evolution_hold(struct pare_model *m, const struct pare_train_options *t)
{
    bool *done = t->accumulate ? NULL : calloc(m->n_tensors + 1, sizeof *done);
    int err = 0;

    if (t->accumulate) /* scores are of all positions */
        return 0;
    err = done ? pare_model_compact(m, pare_sparse_density(true), done)
               : no_memory();
    free(done);
    return err;
}

/* ---- between two stages ---------------------------------------------- */

static int grow(struct pare_rewire_report *r, struct evolution *e,
                struct pare_model *m, const struct pare_dataset *d,
                const struct pare_drop_options *scope, int threads)
{
    struct pare_grow_options g = e->spec.grow;
    char state[PARE_DIGEST_LEN];
    int err = 0;

    g.only = scope->only;
    g.n_only = scope->n_only;
    g.threads = threads;
    g.data = g.rule->needs_data ? d : NULL;
    g.seed = e->spec.seed + m->training.step;
    if (!e->spec.has_seed) {
        err = pare_digest_state(state, m);
        if (!err)
            g.seed = pare_digest_seed(state, "grow");
    }
    return err ? err : pare_grow(r, m, &g);
}

static void tell(const struct evolution *e, const struct cli_tool *tool,
                 uint64_t step, const struct pare_rewire_report *gone,
                 uint64_t come)
{
    char removed[32], before[32], grown[32];

    cli_warn(tool, "rewiring %llu, step %llu: removed %s of %s, grew %s",
             (unsigned long long)e->rewirings, (unsigned long long)step,
             cli_count(removed, gone->removed), cli_count(before, gone->before),
             cli_count(grown, come));
}

static int rewire(struct evolution *e, const struct cli_tool *tool,
                  struct pare_train_options *t, struct pare_model *m,
                  const struct pare_dataset *d)
{
    struct pare_drop_options o = e->spec.drop;
    struct pare_rewire_report gone = {0}, come = {0};
    bool at_end = e->at == e->times.steps;
    int err;

    o.zeta = pare_evolve_share(&e->spec, &e->times, e->at);
    o.only = e->glob;
    o.n_only = e->n_globs;
    if (!isnan(e->spec.p)) {
        o.only = e->drawn;
        o.n_only = draw(e, m, t->seed, e->at);
    }
    err = pare_drop(&gone, m, &o);
    if (!err && e->spec.measure)
        err = pare_remeasure(m, d, t->threads);
    if (!err && !(at_end && e->spec.last == PARE_EVOLVE_DROP))
        err = grow(&come, e, m, d, &o, t->threads);
    e->rewirings++;
    e->removed += gone.removed;
    e->grown += come.grown;
    if (!err && e->verbose && isnan(e->spec.p))
        tell(e, tool, m->training.step, &gone, come.grown);
    pare_rewire_report_release(&gone);
    pare_rewire_report_release(&come);
    return err;
}

int evolution_step(bool *rewired, struct evolution *e,
                   const struct cli_tool *tool, struct pare_train_options *t,
                   struct pare_model *m, const struct pare_dataset *d)
{
    int err = 0;

    *rewired = e->rewires;
    if (e->rewires)
        err = rewire(e, tool, t, m, d);
    if (err)
        return pare_fail_prefix(err, "rewiring %llu",
                                (unsigned long long)e->rewirings);
    e->over = e->at == e->times.steps;
    if (e->over && !e->rewirings)
        cli_warn(tool, "warning: the run came to no time of --evolve: nothing "
                       "was rewired");
    if (e->over)
        return 0;
    e->from = e->at + 1;
    if (e->spec.reset)
        pare_optstate_release(&m->optim, m->n_tensors);
    find_stage(e, t, m);
    stage_schedule(t, &m->training, pare_steps_per_epoch(d, t->batch), false);
    return 0;
}

/* ---- kept state ------------------------------------------------------ */

char *evolution_save(const struct evolution *e,
                     const struct pare_train_options *t)
{
    char *text = malloc(192);

    if (!text) {
        no_memory();
        return NULL;
    }
    snprintf(text, 192,
             "from=%llu\nrewirings=%llu\nremoved=%llu\ngrown=%llu\n"
             "sched_total=%llu\n",
             (unsigned long long)e->from, (unsigned long long)e->rewirings,
             (unsigned long long)e->removed, (unsigned long long)e->grown,
             (unsigned long long)t->sched_total);
    return text;
}

int evolution_resume(struct evolution *e, struct pare_train_options *t,
                     const struct pare_model *m, const char *text)
{
    e->from = stage_number(text, "\nfrom=");
    e->rewirings = stage_number(text, "\nrewirings=");
    e->removed = stage_number(text, "\nremoved=");
    e->grown = stage_number(text, "\ngrown=");
    find_stage(e, t, m);
    t->sched_total = stage_number(text, "\nsched_total=");
    if (m->training.step > t->end_step)
        return pare_fail(PARE_EFORMAT, "the kept state is in no stage of "
                                       "--evolve");
    return 0;
}

void evolution_outcome(const struct evolution *e, struct provenance *p)
{
    char text[96];

    snprintf(text, sizeof text, "%llu: %llu removed, %llu grown",
             (unsigned long long)e->rewirings, (unsigned long long)e->removed,
             (unsigned long long)e->grown);
    provenance_note(p, "rewirings", text);
}

void evolution_release(struct evolution *e)
{
    free(e->scope);
    free(e->drawn);
    memset(e, 0, sizeof *e);
}
