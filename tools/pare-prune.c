/* pare-prune(1): remove weights or units from a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "cli.h"
#include "compact.h"
#include "data_file.h"
#include "digest.h"
#include "gathered.h"
#include "hold.h"
#include "kernel.h"
#include "model_file.h"
#include "parallel.h"
#include "provenance.h"
#include "prune-drop.h"
#include "prune-search.h"
#include "pruning.h"
#include "status.h"
#include "telling.h"

struct options {
    struct pruning_options p;
    bool keep_undo, measure, quiet, verbose;
    const char *data, *output, *report, *bytes, *split;
    double max_drop;
    bool drop_given, split_given;
    int threads;
};

/* A run: the options as the library wants them, and what it works on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    struct pruning pruning;
    struct goal goal;
    struct pare_drop_options drop; /* rule NULL: a pruning by an amount */
    struct pare_model model;
    struct pare_model_file in, out;
    struct pare_dataset data;
    struct pare_prune_report report;
};

/* A budget in the place of an amount. */
static void set_goal(struct job *job)
{
    const struct options *o = job->o;
    int split = pare_split_find(o->split);
    char bytes[32];

    job->goal = (struct goal){.drop = (double)NAN,
                              .data = &job->data,
                              .threads = o->threads,
                              .verbose = o->verbose};
    if (o->split_given && !o->drop_given)
        cli_usage(job->tool, "--split goes with --max-drop");
    if (o->bytes && o->drop_given)
        cli_usage(job->tool, "--bytes and --max-drop: one budget, please");
    if (o->bytes && goal_bytes(&job->goal.bytes, o->bytes))
        cli_usage(job->tool,
                  "--bytes takes a size as 100000, 100K or 1.5MB, "
                  "not '%s'",
                  o->bytes);
    if (split < 0)
        cli_usage(job->tool, "--split is train, val or test, not '%s'",
                  o->split);
    if (o->drop_given && !o->data)
        cli_usage(job->tool, "--max-drop needs data: use -d");
    if (o->drop_given)
        job->goal.drop = o->max_drop;
    if (o->drop_given)
        snprintf(job->pruning.asked, sizeof job->pruning.asked,
                 "at most %g points less", o->max_drop);
    else if (o->bytes)
        snprintf(job->pruning.asked, sizeof job->pruning.asked, "%s bytes",
                 cli_count(bytes, job->goal.bytes));
    job->goal.split = (enum pare_split_id)split;
}

static bool searching(const struct job *job)
{
    return job->goal.bytes || !isnan(job->goal.drop);
}

/* An option that a rule with a share of its own does not have. */
static const char *unfit(const struct options *o)
{
    return o->bytes                 ? "--bytes"
           : o->drop_given          ? "--max-drop"
           : o->split_given         ? "--split"
           : o->keep_undo           ? "--keep-undo"
           : o->data && !o->measure ? "-d without --measure"
                                    : NULL;
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;
    const struct pare_criterion *c;

    if (o->measure && !o->data)
        cli_usage(job->tool, "--measure needs data: use -d");
    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "--report - and the model both go to standard "
                             "output: use -o");
    if (o->report && strcmp(o->report, o->output) == 0)
        cli_usage(job->tool, "--report and -o are both '%s'", o->output);
    if (pare_drop_named(o->p.criterion)) {
        prune_drop_set_up(&job->drop, job->tool, &o->p, unfit(o));
        return;
    }
    set_goal(job);
    if (pruning_resolve(&job->pruning, &o->p, !searching(job)))
        cli_usage(job->tool, "%s", pare_error());
    if (searching(job) && (!isnan(job->pruning.prune.amount) ||
                           job->pruning.prune.grain.kind->group))
        cli_usage(job->tool, "%s is the amount: no other goes with it",
                  o->bytes ? "--bytes" : "--max-drop");
    c = job->pruning.prune.criterion.row;
    if (c->needs_data && !o->data)
        cli_usage(job->tool, "criterion %s needs data: use -d", c->name);
    if (!c->needs_data && o->data && !o->drop_given && !o->measure)
        cli_usage(job->tool, "criterion %s takes no data", c->name);
    job->pruning.prune.input.threads = o->threads;
}

/* Can a large model be pruned tensor by tensor? */
static bool one_by_one(const struct job *job)
{
    return !job->drop.rule && !searching(job) && !job->o->keep_undo &&
           !job->o->measure && pare_prune_streams(&job->pruning.prune);
}

static int read_inputs(struct job *job, const char *path)
{
    struct pare_criterion_input *input = &job->pruning.prune.input;
    int rc = one_by_one(job) ? pare_model_open(&job->model, &job->in, path)
                             : pare_model_read(&job->model, &job->in, path);

    if (!rc && !job->drop.rule) /* these work on compact layers */
        rc = pare_model_expand(&job->model);
    if (!rc && job->o->data) {
        rc = pare_data_read(&job->data, job->o->data);
        input->data = &job->data;
    }
    if (!rc)
        rc = pruning_read(&job->pruning, &job->model);
    if (!job->o->p.seed_given)
        input->seed = pare_digest_seed(job->in.state, "prune");
    return rc;
}

/* What was asked and achieved, accuracy too where that was asked for. */
static void outcome(char *text, size_t size, const struct job *job,
                    const struct pare_prune_report *r)
{
    const struct goal *g = &job->goal;
    size_t n;

    if (job->drop.rule) {
        prune_drop_outcome(text, size, &job->drop, r);
        return;
    }
    pruning_outcome(text, size, &job->pruning, r);
    n = strlen(text);
    if (!isnan(g->drop))
        snprintf(text + n, size - n, "; accuracy %.4f before, %.4f after",
                 g->base, g->found);
}

/* What goes how, or by how much. */
static void add_method(struct provenance *to, const struct job *job)
{
    if (job->drop.rule) {
        prune_drop_provenance(to, &job->drop);
        return;
    }
    if (job->goal.bytes)
        provenance_u64(to, "--bytes", job->goal.bytes);
    else if (searching(job))
        provenance_real(to, "--max-drop", job->goal.drop);
    else
        pruning_provenance_amount(to, &job->pruning);
    if (job->o->split_given)
        provenance_option(to, "--split", job->o->split);
    pruning_provenance(to, &job->pruning, &job->o->p);
}

/* Does the result depend on how the network is computed? */
static bool computes(const struct job *job)
{
    if (job->o->measure)
        return true;
    return !job->drop.rule && (job->pruning.prune.criterion.row->needs_data ||
                               !isnan(job->goal.drop));
}

/* The line of this pruning, for the model or for a trial's copy of it. */
static int add_provenance(void *arg, struct pare_model *m,
                          const struct pare_prune_report *r)
{
    struct job *job = arg;
    struct provenance *to = provenance_new("prune");
    char text[512];

    hold_levels(NULL, m); /* what surgery has moved */
    add_method(to, job);
    if (job->o->keep_undo)
        provenance_option(to, "--keep-undo", NULL);
    if (job->o->measure)
        provenance_option(to, "--measure", NULL);
    if (job->o->data)
        provenance_input(to, "-d", "data", job->data.digest);
    provenance_input(to, "", "model", job->in.state);
    if (computes(job))
        provenance_note(to, "kernel", pare_kernel_provenance());
    outcome(text, sizeof text, job, r);
    provenance_note(to, "outcome", text);
    return provenance_add(to, m);
}

/* One line a tensor. */
static int write_report(const struct job *job)
{
    const struct pare_prune_report *r = &job->report;
    struct telling t;

    telling_begin(&t, "\tparams\tkept_before\tkept_after\tsparsity");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_prune_row *row = &r->row[i];
        FILE *to = telling_line(&t, &job->model, row->tensor);

        if (to)
            fprintf(to, "\t%llu\t%llu\t%llu\t%.6g",
                    (unsigned long long)row->total,
                    (unsigned long long)row->kept_before,
                    (unsigned long long)row->kept_after,
                    1 - (double)row->kept_after / (double)row->total);
    }
    return telling_end(&t, job->o->report);
}

static void say(const struct job *job)
{
    char text[512];

    telling_unknown(job->tool, &job->in);
    outcome(text, sizeof text, job, &job->report);
    cli_warn(job->tool, "%s%s", text,
             job->report.grains_removed ? "" : ": nothing to do");
    telling_bytes(job->tool, &job->in, &job->out);
}

static int run(struct job *job, const char *path)
{
    const struct options *o = job->o;
    int rc = read_inputs(job, path);

    if (!rc && o->keep_undo)
        rc = pare_model_keep_undo(&job->model);
    if (!rc && !job->drop.rule && searching(job))
        rc = prune_search(&job->pruning.prune, &job->goal, &job->model,
                          job->tool, add_provenance, job);
    if (!rc && job->drop.rule)
        rc =
            prune_drop(&job->report, &job->model, &job->drop, o->p.no_collapse);
    else if (!rc)
        rc = pare_prune(&job->report, &job->model, &job->pruning.prune);
    if (!rc && o->measure)
        rc = pare_remeasure(&job->model, &job->data, o->threads);
    if (!rc && !o->quiet)
        pruning_warn_empty(job->tool, &job->model, &job->report);
    if (!rc)
        rc = add_provenance(job, &job->model, &job->report);
    /* The table first: if it fails the model is to be what it was. */
    if (!rc && o->report)
        rc = write_report(job);
    if (!rc)
        rc = pare_model_write(o->output, &job->model, &job->out);
    if (!rc && o->verbose)
        say(job);
    return rc;
}

static void release(struct job *job)
{
    pare_prune_report_release(&job->report);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_dataset_release(&job->data);
    pare_model_release(&job->model);
    pruning_release(&job->pruning);
}

int main(int argc, char **argv)
{
    struct options o = {.p = PRUNING_DEFAULTS,
                        .output = "-",
                        .split = "val",
                        .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "do not warn of emptied layers", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say what was asked and achieved, and the bytes", NULL},
        PRUNING_AMOUNT_ROWS(o.p),
        PRUNING_METHOD_ROWS(o.p),
        PRUNING_LAYER_ROWS(o.p),
        {0, "bytes", "SIZE", CLI_TEXT, &o.bytes, 0, 0,
         "prune until the file is this small", NULL},
        {0, "max-drop", "POINTS", CLI_REAL, &o.max_drop, 0, 100,
         "prune as far as accuracy falls by so many points", &o.drop_given},
        {'d', "data", "DATA", CLI_TEXT, &o.data, 0, 0,
         "data file, for criteria that need one and --max-drop", NULL},
        {0, "split", "NAME", CLI_TEXT, &o.split, 0, 0,
         "split of the accuracy of --max-drop", &o.split_given},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "keep-undo", NULL, CLI_FLAG, &o.keep_undo, 0, 0,
         "keep the model as it is, for rewind --undo", NULL},
        {0, "measure", NULL, CLI_FLAG, &o.measure, 0, 0,
         "evaluate again, for the last line of the history", NULL},
        {0, "report", "FILE", CLI_TEXT, &o.report, 0, 0,
         "write a table of what was removed there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-prune",
                                  "[MODEL]",
                                  "Remove weights or units from a model.",
                                  rows,
                                  0,
                                  1,
                                  1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv), rc;

    if (pruning_list(&o.p)) {
        prune_drop_list(&o.p);
        return cli_exit(&tool, 0);
    }
    cli_kernel(&tool);
    set_up(&job);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
