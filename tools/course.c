#include "course.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accumulate.h"
#include "digest.h"
#include "gathered.h"
#include "model_copy.h"
#include "rewind.h"
#include "stage.h"
#include "status.h"

/* ---- the text -------------------------------------------------------- */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Keep a word: its value is referred to. */
static int keep_word(struct course *c, const char *key, const char *value)
{
    size_t n = strlen(key), all = n + strlen(value) + 2;
    char **word = realloc(c->word, (c->n_words + 1) * sizeof *word);

    if (!word)
        return no_memory();
    c->word = word;
    word[c->n_words] = malloc(all);
    if (!word[c->n_words])
        return no_memory();
    snprintf(word[c->n_words], all, "%s", key);
    memcpy(word[c->n_words] + n + 1, value, all - n - 1);
    c->n_words++;
    return 0;
}

/* May the option occur more than once? */
static bool is_list(const char *key)
{
    static const char *const list[] = {"layer", "min-sparsity", "max-sparsity",
                                       "skip", "only"};

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(key, list[i]) == 0)
            return true;
    return false;
}

/* A word of SPEC that is none of the schedule's. */
static int other_word(void *arg, const struct pare_spec_item *item)
{
    struct course *c = arg;
    const char *word;
    int err;

    for (size_t i = 0; i < c->n_words; i++)
        if (strcmp(c->word[i], item->key) == 0 && !is_list(item->key))
            return pare_fail(PARE_EINVAL, "%s is given twice", item->key);
    err = keep_word(c, item->key, item->value);

    if (err)
        return err;
    word = c->word[c->n_words - 1];
    if (strcmp(word, "keep-undo") == 0 && !item->has_value) {
        c->keep_undo = true;
        return 0;
    }
    return pruning_set(&c->given, word, word + strlen(word) + 1);
}

/* The words as they were given, behind those of the schedule. */
static int join_words(struct course *c)
{
    size_t n = strlen(c->schedule.canon) + 1, used;

    for (size_t i = 0; i < c->n_words; i++)
        n += 2 + strlen(c->word[i]) +
             strlen(c->word[i] + strlen(c->word[i]) + 1);
    c->words = malloc(n);
    if (!c->words)
        return no_memory();
    used = (size_t)snprintf(c->words, n, "%s", c->schedule.canon);
    for (size_t i = 0; i < c->n_words; i++) {
        const char *key = c->word[i], *value = key + strlen(key) + 1;

        used += (size_t)snprintf(c->words + used, n - used, " %s%s%s", key,
                                 value[0] ? "=" : "", value);
    }
    return 0;
}

/* Amounts that do not go with the schedule. */
static int check_amount(const struct course *c)
{
    const struct pare_prune_schedule *row =
        pare_prune_schedule((size_t)c->schedule.kind);
    const bool *given = c->given.given;

    if (!row->sets_sparsity) {
        if (c->schedule.kind == PARE_PRUNE_ITERATIVE &&
            c->schedule.rounds > 1 &&
            (given[PARE_AMOUNT_SPARSITY] || given[PARE_AMOUNT_COMPRESSION]))
            return pare_fail(PARE_EINVAL,
                             "the first round would do all of s= or c=: use "
                             "f= or n=");
        return 0;
    }
    for (int k = 0; k < PRUNING_AMOUNTS; k++)
        if (given[k])
            return pare_fail(PARE_EINVAL,
                             "%s says how sparse: no amount (s, f, c, n) goes "
                             "with it",
                             row->name);
    if (c->pruning.prune.grain.kind->group)
        return pare_fail(PARE_EINVAL,
                         "%s says how sparse, and so does the grain %s",
                         row->name, c->pruning.prune.grain.canon);
    return 0;
}

static int resolve(struct course *c)
{
    bool sets = pare_prune_schedule((size_t)c->schedule.kind)->sets_sparsity;
    int err = pruning_resolve(&c->pruning, &c->given, !sets);

    if (!err)
        err = check_amount(c);
    if (!err && c->pruning.scores_path)
        err = pare_fail(PARE_EINVAL, "scores of a file do not go with a "
                                     "schedule");
    return err ? err : join_words(c);
}

/* A run from epoch 0 must pass by what the rounds go back to. */
static int check_target(const struct course *c,
                        const struct pare_prune_run *run)
{
    const char *to = c->schedule.rewind;
    uint64_t end = to[0] == 'e' ? run->epochs : run->steps;

    if (to[0] && to[0] != 'i' && end &&
        strtoull(strchr(to, ':') + 1, NULL, 10) >= end)
        return pare_fail(PARE_EINVAL,
                         "rewind=%s is not before the end of "
                         "the run",
                         to);
    return 0;
}

void course_parse(struct course *c, const struct cli_tool *tool,
                  const char *spec, const struct pare_prune_run *run,
                  bool fresh)
{
    struct pare_prune_stage *stage = NULL;
    size_t n;
    int err;

    *c = (struct course){.given = PRUNING_DEFAULTS};
    err = pare_prune_schedule_parse(&c->schedule, spec, other_word, c);
    if (!err)
        err = resolve(c);
    if (!err && (run->epochs || run->steps))
        err = pare_prune_stages(&stage, &n, &c->schedule, run);
    if (!err && fresh)
        err = check_target(c, run);
    if (err)
        cli_usage(tool, "--prune: %s", pare_error());
    free(stage);
}

void course_provenance(const struct course *c, struct provenance *p)
{
    provenance_option(p, "--prune", c->words);
}

/* ---- the run --------------------------------------------------------- */

/* "epoch:3" or "step:500": is it passed by a run of so many steps? */
static bool comes_by(const char *name, const struct pare_training *pos,
                     uint64_t epoch0, const struct pare_prune_run *run)
{
    uint64_t n = strtoull(strchr(name, ':') + 1, NULL, 10);
    uint64_t steps = run->steps    ? run->steps
                     : run->epochs ? run->epochs * run->per_epoch - run->begun
                                   : 0;

    if (n == 0)
        return pos->step == 0;
    if (name[0] == 's')
        return n > pos->step && n < pos->step + steps;
    return n > epoch0 && (n - epoch0) * run->per_epoch - run->begun < steps;
}

/* Is the name one of the list's? */
static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (; list; list = strchr(list, ','), list += list != NULL)
        if (strncmp(list, name, n) == 0 && (!list[n] || list[n] == ','))
            return true;
    return false;
}

static int add_checkpoint(struct course *c, struct pare_train_options *t)
{
    const char *list = t->checkpoint;
    size_t size = (list ? strlen(list) : 0) + PARE_NAME_MAX + 2;

    if (listed(list, c->schedule.rewind))
        return 0;
    c->checkpoint = malloc(size);
    if (!c->checkpoint)
        return no_memory();
    snprintf(c->checkpoint, size, "%s%s%s", list ? list : "", list ? "," : "",
             c->schedule.rewind);
    return 0;
}

/* Will there be what the rounds go back to? */
static int check_rewind(struct course *c, struct pare_train_options *t,
                        const struct pare_model *m,
                        const struct pare_prune_run *run)
{
    const char *to = c->schedule.rewind;
    const struct pare_checkpoint *have = pare_model_checkpoint(m, to);

    if (!to[0])
        return 0;
    if (have && strcmp(to, "init") != 0 && !have->optim.spec[0])
        return pare_fail(PARE_EINVAL, "checkpoint '%s' kept no optimizer state",
                         to);
    if (have)
        return 0;
    if (strcmp(to, "init") == 0)
        return pare_fail(PARE_EINVAL, "the model has no checkpoint 'init' to "
                                      "rewind to");
    if (!comes_by(to, &m->training, c->epoch0, run))
        return pare_fail(PARE_EINVAL,
                         "the model has no checkpoint '%s' to rewind to, and "
                         "the run does not pass by it",
                         to);
    return add_checkpoint(c, t);
}

/* What a criterion needs of the run: samples, or scores that are gathered. */
static int check_needs(const struct course *c,
                       const struct pare_train_options *t,
                       const struct pare_dataset *d)
{
    const struct pare_criterion *row = c->pruning.prune.criterion.row;
    size_t samples = d->split[PARE_TRAIN].n;

    if (c->given.calibrate_given && c->given.calibrate > samples)
        return pare_fail(PARE_EINVAL,
                         "cannot calibrate on %llu samples: the training "
                         "split has %zu",
                         (unsigned long long)c->given.calibrate, samples);
    for (size_t i = 0; row->gathered && pare_accumulation(i); i++)
        if (strcmp(pare_accumulation(i)->name, row->name) == 0 &&
            !(t->accumulate & 1u << i))
            return pare_fail(PARE_EINVAL,
                             "criterion %s needs scores of this run: "
                             "--accumulate %s",
                             row->name, row->name);
    return 0;
}

/*
 * The last pruning, done to a copy of the model as it is: what cannot be is
 * not found out after hours. A criterion that looks at data is left out, as
 * are rounds, and layers may become empty; what training gathers is all 0.
 */
static int rehearse(struct course *c, const struct pare_train_options *t,
                    const struct pare_model *m)
{
    struct pare_prune_options o = c->pruning.prune;
    struct pare_prune_report report = {0};
    struct pare_model copy = {0};
    int err = 0;

    if (pare_prune_schedule((size_t)c->schedule.kind)->sets_sparsity)
        o.amount = c->schedule.to;
    o.no_collapse = false;
    if (o.criterion.row->needs_data)
        err = pare_criterion_parse(&o.criterion, "magnitude");
    else if (!o.grain.kind->group)
        o.criterion.rounds = 1;
    o.input.threads = 1;
    if (!err)
        err = pare_model_copy(&copy, m);
    if (!err)
        err = pare_accumulation_begin(&copy, t->accumulate);
    if (!err)
        err = pare_prune(&report, &copy, &o);
    pare_prune_report_release(&report);
    pare_model_release(&copy);
    return err;
}

int course_lay(struct course *c, struct pare_train_options *t,
               const struct pare_model *m, const struct pare_dataset *d,
               bool anew)
{
    uint64_t per_epoch = pare_steps_per_epoch(d, t->batch);
    struct pare_prune_run run = stage_whole_run(t, &m->training, per_epoch);
    int err;

    c->epoch0 = t->first_epoch;
    c->step0 = m->training.step;
    err = pare_prune_stages(&c->stage, &c->n, &c->schedule, &run);
    if (!err)
        err = check_rewind(c, t, m, &run);
    if (!err)
        err = check_needs(c, t, d);
    if (!err)
        err = rehearse(c, t, m);
    if (!err && anew && per_epoch)
        err = pare_schedule_set_length(
            &t->schedule,
            (double)pare_prune_steps(&c->schedule, &run) / (double)per_epoch);
    return err ? pare_fail_prefix(err, "--prune") : 0;
}

/* How far the stage goes, as separate runs would be told. */
static void set_end(const struct course *c, struct pare_train_options *t)
{
    const struct pare_prune_stage *s = &c->stage[c->at];

    t->end_step = s->in_steps && s->until ? c->step0 + s->until : 0;
    t->end_epoch = c->epoch0 + (s->in_steps ? 0 : s->until);
}

void course_begin(struct course *c, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew)
{
    uint64_t per_epoch = pare_steps_per_epoch(d, t->batch);

    if (c->checkpoint)
        t->checkpoint = c->checkpoint;
    set_end(c, t);
    stage_schedule(t, &m->training, per_epoch, anew);
}

/* ---- between two stages ---------------------------------------------- */

static int add_outcome(struct course *c, const char *text)
{
    char **all = realloc(c->outcome, (c->n_outcomes + 1) * sizeof *all);

    if (all)
        c->outcome = all;
    if (!all || !(all[c->n_outcomes] = strdup(text)))
        return no_memory();
    c->n_outcomes++;
    return 0;
}

/* "epoch 3: asked 0.2000, ..." or "step 500: ..." inside of an epoch. */
static int tell(struct course *c, const struct cli_tool *tool,
                const struct pare_model *m, const struct pare_prune_report *r)
{
    const struct pare_training *pos = &m->training;
    char text[512];
    int n = snprintf(
        text, sizeof text, "%s %llu: ", pos->epoch_step ? "step" : "epoch",
        (unsigned long long)(pos->epoch_step ? pos->step : pos->epoch));

    pruning_outcome(text + n, sizeof text - (size_t)n, &c->pruning, r);
    if (c->verbose)
        cli_warn(tool, "pruning %zu, %s", c->at + 1, text);
    return add_outcome(c, text);
}

static int prune(struct course *c, const struct cli_tool *tool,
                 struct pare_model *m, const struct pare_dataset *d,
                 int threads)
{
    struct pare_prune_options *o = &c->pruning.prune;
    struct pare_prune_report report = {0};
    const struct pare_prune_stage *s = &c->stage[c->at];
    char state[PARE_DIGEST_LEN];
    int err = 0;

    if (!isnan(s->sparsity)) {
        o->kind = PARE_AMOUNT_SPARSITY;
        o->amount = s->sparsity;
    }
    o->input.threads = threads;
    o->input.data = o->criterion.row->needs_data ? d : NULL;
    o->input.seed = c->given.seed;
    if (!c->given.seed_given && pruning_draws(&c->pruning)) {
        err = pare_digest_state(state, m);
        if (!err)
            o->input.seed = pare_digest_seed(state, "prune");
    }
    if (!err && c->keep_undo)
        err = pare_model_keep_undo(m);
    if (!err)
        err = pare_prune(&report, m, o);
    if (!err && !c->quiet)
        pruning_warn_empty(tool, m, &report);
    if (!err)
        err = tell(c, tool, m, &report);
    pare_prune_report_release(&report);
    return err;
}

/* All that a new run of pare-finetune would take from the file. */
static int enter(struct course *c, struct pare_train_options *t,
                 const struct pare_model *m)
{
    int err = pare_optimizer_parse(&t->optimizer, m->optim.spec);

    t->first_epoch = m->training.epoch;
    if (c->checkpoint)
        t->checkpoint = c->checkpoint;
    if (!err && c->at < c->n)
        set_end(c, t);
    return err;
}

int course_step(struct course *c, const struct cli_tool *tool,
                struct pare_train_options *t, struct pare_model *m,
                const struct pare_dataset *d)
{
    struct pare_rewind_options back = {
        .to = c->schedule.rewind, .optimizer = true, .schedule = true};
    int err = 0;

    if (c->stage[c->at].prune)
        err = prune(c, tool, m, d, t->threads);
    if (err)
        return pare_fail_prefix(err, "pruning %zu", c->at + 1);
    c->at++;
    if (c->at == c->n)
        return 0;
    if (back.to[0])
        err = pare_rewind(m, &back);
    if (!err)
        err = enter(c, t, m);
    if (!err)
        stage_schedule(t, &m->training, pare_steps_per_epoch(d, t->batch),
                       false);
    return err;
}

/* ---- kept state ------------------------------------------------------ */

char *course_save(const struct course *c, const struct pare_train_options *t)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    if (!f) {
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    fprintf(f, "stage=%zu\nfirst_epoch=%llu\nsched_total=%llu\n", c->at,
            (unsigned long long)t->first_epoch,
            (unsigned long long)t->sched_total);
    for (size_t i = 0; i < c->n_outcomes; i++)
        fprintf(f, "outcome=%s\n", c->outcome[i]);
    if (fclose(f) != 0) {
        free(text);
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    return text;
}

static int read_outcomes(struct course *c, const char *text)
{
    int err = 0;

    while (!err && (text = strstr(text, "\noutcome=")) != NULL) {
        size_t n;
        char *line;

        text += strlen("\noutcome=");
        n = strcspn(text, "\n");
        line = strndup(text, n);
        err = line ? add_outcome(c, line) : no_memory();
        free(line);
    }
    return err;
}

int course_resume(struct course *c, struct pare_train_options *t,
                  const struct pare_model *m, const char *text)
{
    uint64_t at = stage_number(text, "\nstage=");
    int err = read_outcomes(c, text);

    if (!err && (at > c->n || c->n_outcomes != at))
        err = pare_fail(PARE_EFORMAT, "the kept state is in no stage of "
                                      "--prune");
    c->at = at;
    if (err || at == 0)
        return err;
    err = enter(c, t, m);
    t->first_epoch = stage_number(text, "\nfirst_epoch=");
    t->sched_total = stage_number(text, "\nsched_total=");
    return err;
}

void course_outcomes(const struct course *c, struct provenance *p)
{
    char key[32];

    for (size_t i = 0; i < c->n_outcomes; i++) {
        snprintf(key, sizeof key, "pruning %zu", i + 1);
        provenance_note(p, key, c->outcome[i]);
    }
}

void course_release(struct course *c)
{
    for (size_t i = 0; i < c->n_outcomes; i++)
        free(c->outcome[i]);
    free(c->outcome);
    free(c->stage);
    free(c->checkpoint);
    pruning_release(&c->pruning);
    pruning_options_release(&c->given);
    for (size_t i = 0; i < c->n_words; i++)
        free(c->word[i]);
    free(c->word);
    free(c->words);
    memset(c, 0, sizeof *c);
}
