/* pare-prune(1): remove weights or units from a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocation.h"
#include "amount.h"
#include "atomic.h"
#include "cli.h"
#include "data_file.h"
#include "digest.h"
#include "grain.h"
#include "kernel.h"
#include "model_file.h"
#include "number.h"
#include "parallel.h"
#include "provenance.h"
#include "status.h"

#define AMOUNTS 4

struct options {
    double amount[AMOUNTS]; /* by enum pare_amount_kind */
    bool given[AMOUNTS];
    uint64_t count;
    const char *criterion, *grain, *allocation, *norm;
    struct cli_list layer, skip, only;
    bool bias, no_collapse, quiet, verbose;
    const char *data, *output, *report;
    uint64_t calibrate, seed;
    bool norm_given, calibrate_given, seed_given;
    int threads;
};

/* A run: the options as the library wants them, and what it works on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    struct pare_prune_options prune;
    struct pare_layer_amount *layer;
    struct pare_model model;
    struct pare_model_file in, out;
    struct pare_dataset data;
    struct pare_prune_report report;
};

static const char *const amount_option[AMOUNTS] = {"-s", "-f", "-c", "-n"};

static void list_row(const char *name, const char *help, const char *source)
{
    printf("%s\t%s\t%s\n", name, help, source);
}

/* "list" in the place of a name prints the names there are. */
static bool list_tables(const struct options *o)
{
    const struct pare_criterion *c;
    const struct pare_grain_kind *g;
    const struct pare_allocation_kind *a;
    bool m = strcmp(o->criterion, "list") == 0;
    bool grain = strcmp(o->grain, "list") == 0;
    bool allocation = strcmp(o->allocation, "list") == 0;

    if (!m && !grain && !allocation)
        return false;
    puts("name\tmeaning\tsource");
    for (size_t i = 0; m && (c = pare_criterion(i)); i++)
        list_row(c->name, c->help, c->source);
    for (size_t i = 0; grain && (g = pare_grain(i)); i++)
        list_row(g->name, g->help, g->source);
    for (size_t i = 0; allocation && (a = pare_allocation(i)); i++)
        list_row(a->name, a->help, a->source);
    return true;
}

/* The one kind of amount given; sparsity when only layers have amounts. */
static void choose_amount(struct job *job)
{
    const struct options *o = job->o;
    int kind = -1;

    for (int k = 0; k < AMOUNTS; k++) {
        if (!o->given[k])
            continue;
        if (kind >= 0)
            cli_usage(job->tool, "%s and %s: one amount, please",
                      amount_option[kind], amount_option[k]);
        kind = k;
    }
    if (kind < 0 && o->layer.n == 0)
        cli_usage(job->tool, "no amount: use -s, -f, -c, -n or --layer");
    job->prune.kind = kind < 0 ? PARE_AMOUNT_SPARSITY : (unsigned)kind;
    job->prune.amount = kind < 0 ? (double)NAN : o->amount[kind];
    if (kind == PARE_AMOUNT_COUNT)
        job->prune.amount = (double)o->count;
}

/* "GLOB=AMOUNT", cut at the last '='. */
static void parse_layer(struct job *job, struct pare_layer_amount *to,
                        const char *text)
{
    const char *equals = strrchr(text, '=');
    char *glob;

    if (!equals || equals == text || pare_number_parse(&to->amount, equals + 1))
        cli_usage(job->tool, "--layer: '%s' is not GLOB=AMOUNT", text);
    if (pare_amount_check(job->prune.kind, to->amount))
        cli_usage(job->tool, "--layer '%s': %s", text, pare_error());
    glob = malloc((size_t)(equals - text) + 1);
    if (!glob)
        exit(job->tool->trouble);
    memcpy(glob, text, (size_t)(equals - text));
    glob[equals - text] = '\0';
    to->glob = glob;
}

static void parse_layers(struct job *job)
{
    const struct cli_list *list = &job->o->layer;

    job->layer = calloc(list->n + 1, sizeof *job->layer);
    if (!job->layer)
        exit(job->tool->trouble);
    for (size_t i = 0; i < list->n; i++)
        parse_layer(job, &job->layer[i], list->item[i]);
    job->prune.layer = job->layer;
    job->prune.n_layer = list->n;
}

/* Names of tables, and options that only go with some of them. */
static void choose_rows(struct job *job)
{
    const struct options *o = job->o;
    int grain = pare_grain_find(o->grain);
    int allocation = pare_allocation_find(o->allocation);
    const struct pare_criterion *c;

    if (pare_criterion_parse(&job->prune.criterion, o->criterion))
        cli_usage(job->tool, "-m: %s", pare_error());
    c = job->prune.criterion.row;
    if (grain < 0)
        cli_usage(job->tool, "-g: no grain '%s'; see -g list", o->grain);
    if (allocation < 0)
        cli_usage(job->tool, "-A: no allocation '%s'; see -A list",
                  o->allocation);
    if (strcmp(o->norm, "l1") != 0 && strcmp(o->norm, "l2") != 0)
        cli_usage(job->tool, "--norm: '%s' is neither l1 nor l2", o->norm);
    if (o->norm_given && grain != PARE_GRAIN_UNIT)
        cli_usage(job->tool, "--norm goes with -g unit");
    if (c->needs_data && !o->data)
        cli_usage(job->tool, "criterion %s needs data: use -d", c->name);
    if (!c->needs_data && (o->data || o->calibrate_given))
        cli_usage(job->tool, "criterion %s takes no data", c->name);
    job->prune.grain = (enum pare_grain)grain;
    job->prune.allocation = (enum pare_allocation)allocation;
    job->prune.norm = strcmp(o->norm, "l1") == 0 ? PARE_NORM_L1 : PARE_NORM_L2;
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;

    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "--report - and the model both go to standard "
                             "output: use -o");
    if (o->report && strcmp(o->report, o->output) == 0)
        cli_usage(job->tool, "--report and -o are both '%s'", o->output);
    choose_amount(job);
    choose_rows(job);
    parse_layers(job);
    job->prune.n_skip = o->skip.n;
    job->prune.skip = o->skip.item;
    job->prune.n_only = o->only.n;
    job->prune.only = o->only.item;
    job->prune.bias = o->bias;
    job->prune.no_collapse = o->no_collapse;
    job->prune.input.calibrate = (size_t)o->calibrate;
    job->prune.input.seed = o->seed;
    job->prune.input.threads = o->threads;
}

/* Does the result depend on the seed? */
static bool draws(const struct job *job)
{
    return job->prune.criterion.row->random ||
           job->prune.criterion.row->needs_data;
}

static int read_inputs(struct job *job, const char *path)
{
    int rc = pare_model_read(&job->model, &job->in, path);

    if (!rc && job->o->data) {
        rc = pare_data_read(&job->data, job->o->data);
        job->prune.input.data = &job->data;
    }
    if (!job->o->seed_given)
        job->prune.input.seed = pare_digest_seed(job->in.state, "prune");
    return rc;
}

/* A number of the amount's kind: a count, or with four decimals. */
static const char *amount_text(char buf[64], const struct job *job, double v)
{
    if (job->prune.kind == PARE_AMOUNT_COUNT)
        return cli_count(buf, (uint64_t)v);
    if (isinf(v))
        return "inf";
    snprintf(buf, 64, "%.4f", v);
    return buf;
}

/* "asked 0.9000, removed 239,580 of 266,200 (0.9000)" */
static void outcome(char *text, size_t size, const struct job *job)
{
    const struct pare_prune_report *r = &job->report;
    char asked[64], removed[32], before[32], grains[32], all[32], got[64];
    uint64_t gone = r->kept_before - r->kept_after;

    cli_count(removed, gone);
    cli_count(before, r->kept_before);
    cli_count(grains, r->grains_removed);
    cli_count(all, r->grains_before);
    snprintf(text, size, "asked %s%s, removed ",
             isnan(r->asked) ? "by layer" : amount_text(asked, job, r->asked),
             job->prune.n_layer && !isnan(r->asked) ? " and by layer" : "");
    size -= strlen(text);
    text += strlen(text);
    if (job->prune.grain == PARE_GRAIN_UNIT)
        snprintf(text, size, "%s of %s units, %s of %s weights (%s)", grains,
                 all, removed, before, amount_text(got, job, r->achieved));
    else
        snprintf(text, size, "%s of %s (%s)", removed, before,
                 amount_text(got, job, r->achieved));
}

static int add_provenance(struct job *job)
{
    const struct options *o = job->o;
    const struct pare_prune_options *a = &job->prune;
    struct provenance *p = provenance_new("prune");
    char text[256];

    if (!isnan(a->amount))
        provenance_real(p, amount_option[a->kind], a->amount);
    for (size_t i = 0; i < o->layer.n; i++)
        provenance_option(p, "--layer", o->layer.item[i]);
    provenance_option(p, "-m", a->criterion.canon);
    provenance_option(p, "-g", o->grain);
    if (a->grain == PARE_GRAIN_UNIT)
        provenance_option(p, "--norm", o->norm);
    provenance_option(p, "-A", o->allocation);
    for (size_t i = 0; i < o->skip.n; i++)
        provenance_option(p, "--skip", o->skip.item[i]);
    for (size_t i = 0; i < o->only.n; i++)
        provenance_option(p, "--only", o->only.item[i]);
    if (o->bias)
        provenance_option(p, "--bias", NULL);
    if (o->calibrate_given)
        provenance_u64(p, "--calibrate", o->calibrate);
    if (draws(job))
        provenance_u64(p, "-S", a->input.seed);
    if (o->data)
        provenance_input(p, "-d", "data", job->data.digest);
    provenance_input(p, "", "model", job->in.state);
    if (a->criterion.row->needs_data)
        provenance_note(p, "kernel", pare_kernel_provenance());
    outcome(text, sizeof text, job);
    if (job->prune.criterion.row->needs_data)
        provenance_note(p, "kernel", pare_kernel_provenance());
    provenance_note(p, "outcome", text);
    return provenance_add(p, &job->model);
}

static const char *layer_name(const struct job *job,
                              const struct pare_prune_row *row)
{
    size_t layer = job->model.tensor[row->tensor].layer;

    return job->model.arch.layer[layer].name;
}

static void warn_of_empty_layers(const struct job *job)
{
    for (size_t i = 0; i < job->report.n_rows; i++) {
        const struct pare_prune_row *row = &job->report.row[i];

        if (row->kept_before && !row->kept_after &&
            job->model.tensor[row->tensor].role == PARE_ROLE_WEIGHT)
            cli_warn(job->tool, "warning: layer %s has no weight left",
                     layer_name(job, row));
    }
}

/* One line a tensor; a name has at most PARE_NAME_MAX bytes. */
static int write_report(const struct job *job)
{
    static const char header[] =
        "layer\ttensor\tparams\tkept_before\tkept_after\tsparsity\n";
    const struct pare_prune_report *r = &job->report;
    size_t size = sizeof header + r->n_rows * (2 * PARE_NAME_MAX + 128);
    char *text = malloc(size);
    size_t used;
    int rc;

    if (!text)
        return pare_fail(PARE_ENOMEM, "out of memory");
    used = (size_t)snprintf(text, size, "%s", header);
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_prune_row *row = &r->row[i];

        used += (size_t)snprintf(
            text + used, size - used, "%s\t%s\t%llu\t%llu\t%llu\t%.6g\n",
            layer_name(job, row), job->model.tensor[row->tensor].name,
            (unsigned long long)row->total,
            (unsigned long long)row->kept_before,
            (unsigned long long)row->kept_after,
            1 - (double)row->kept_after / (double)row->total);
    }
    rc = pare_atomic_write(job->o->report, text, used);
    free(text);
    return rc;
}

static void say(const struct job *job)
{
    char text[256], before[32], after[32];

    for (size_t i = 0; i < job->in.n_unknown; i++)
        cli_warn(job->tool, "dropped %s, which this version does not know",
                 job->in.unknown[i]);
    outcome(text, sizeof text, job);
    cli_warn(job->tool, "%s%s", text,
             job->report.grains_removed ? "" : ": nothing to do");
    cli_warn(job->tool, "%s bytes before, %s after",
             cli_count(before, job->in.bytes),
             cli_count(after, job->out.bytes));
}

static int run(struct job *job, const char *path)
{
    const struct options *o = job->o;
    int rc = read_inputs(job, path);

    if (!rc)
        rc = pare_prune(&job->report, &job->model, &job->prune);
    if (!rc && !o->quiet)
        warn_of_empty_layers(job);
    if (!rc)
        rc = add_provenance(job);
    if (!rc)
        rc = pare_model_write(o->output, &job->model, &job->out);
    if (!rc && o->report)
        rc = write_report(job);
    if (!rc && o->verbose)
        say(job);
    return rc;
}

static void release(struct job *job)
{
    for (size_t i = 0; i < job->prune.n_layer; i++) {
        char *glob;

        memcpy(&glob, &job->layer[i].glob, sizeof glob);
        free(glob);
    }
    free(job->layer);
    pare_prune_report_release(&job->report);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_dataset_release(&job->data);
    pare_model_release(&job->model);
}

int main(int argc, char **argv)
{
    struct options o = {.criterion = "magnitude",
                        .grain = "weight",
                        .allocation = "global",
                        .norm = "l2",
                        .output = "-",
                        .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "do not warn of emptied layers", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say what was asked and achieved, and the bytes", NULL},
        {'s', "sparsity", "S", CLI_REAL, &o.amount[0], 0, 1,
         "final sparsity of the layers' weights, 0 to 1", &o.given[0]},
        {'f', "fraction", "F", CLI_REAL, &o.amount[1], 0, 1,
         "fraction of the weights or units that remain", &o.given[1]},
        {'c', "compression", "C", CLI_REAL, &o.amount[2], 1, 1e18,
         "all parameters / kept parameters, at least 1", &o.given[2]},
        {'n', "count", "N", CLI_U64, &o.count, 0, 9007199254740992.0,
         "number of weights or units", &o.given[3]},
        {'m', "criterion", "NAME", CLI_TEXT, &o.criterion, 0, 0,
         "what is removed first; 'list' prints them", NULL},
        {'g', "grain", "NAME", CLI_TEXT, &o.grain, 0, 0,
         "what is removed at once; 'list' prints them", NULL},
        {'A', "allocation", "NAME", CLI_TEXT, &o.allocation, 0, 0,
         "how layers share the amount; 'list' prints them", NULL},
        {'d', "data", "DATA", CLI_TEXT, &o.data, 0, 0,
         "data file, for criteria that need one", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed; without it, one that follows from the model", &o.seed_given},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "layer", "GLOB=AMOUNT", CLI_LIST, &o.layer, 0, 0,
         "amount for layers by name; may be repeated", NULL},
        {0, "skip", "GLOB", CLI_LIST, &o.skip, 0, 0,
         "leave these layers alone; may be repeated", NULL},
        {0, "only", "GLOB", CLI_LIST, &o.only, 0, 0,
         "prune these layers only; may be repeated", NULL},
        {0, "bias", NULL, CLI_FLAG, &o.bias, 0, 0, "prune biases too", NULL},
        {0, "norm", "NAME", CLI_TEXT, &o.norm, 0, 0,
         "norm that scores a unit, l1 or l2", &o.norm_given},
        {0, "calibrate", "N", CLI_U64, &o.calibrate, 1, 1e9,
         "training samples for criteria that need data", &o.calibrate_given},
        {0, "no-collapse", NULL, CLI_FLAG, &o.no_collapse, 0, 0,
         "fail rather than empty a layer", NULL},
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

    if (list_tables(&o))
        return cli_exit(&tool, 0);
    cli_kernel(&tool);
    set_up(&job);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
