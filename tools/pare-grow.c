/* pare-grow(1): grow connections in sparse layers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "cli.h"
#include "compact.h"
#include "data_file.h"
#include "digest.h"
#include "hold.h"
#include "kernel.h"
#include "model_file.h"
#include "parallel.h"
#include "provenance.h"
#include "rewire.h"
#include "scores_file.h"
#include "status.h"
#include "telling.h"

struct options {
    const char *rule, *data, *output, *report, *scores;
    const char *counting, *value, *avoid;
    struct cli_list only, skip;
    double density;
    uint64_t count, seed, calibrate;
    bool density_given, count_given, seed_given, calibrate_given;
    bool lowest, redistribute, verbose;
    int threads;
};

/* A run: what the library is told, and what it works on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    const char *scores; /* path of a file, or NULL */
    struct pare_grow_options grow;
    struct pare_model model;
    struct pare_model_file in, out;
    struct pare_dataset data;
    float **given; /* [n_tensors] scores from a file, or NULL */
    char scores_digest[PARE_DIGEST_LEN];
    struct pare_rewire_report report;
};

static bool list_rules(const struct options *o)
{
    const struct pare_grow_rule *row;

    if (strcmp(o->rule, "list") != 0)
        return false;
    puts("name\tmeaning\tsource");
    for (size_t i = 0; (row = pare_grow_rule(i)) != NULL; i++)
        printf("%s\t%s\t%s\n", row->name, row->help, row->source);
    return true;
}

/* The rule by name; a path of scores may stand behind "file:". */
static const struct pare_grow_rule *find_rule(struct job *job)
{
    const char *name = job->o->rule;
    const struct pare_grow_rule *rule;

    job->scores = job->o->scores;
    if (strncmp(name, "file:", 5) == 0) {
        if (!name[5])
            cli_usage(job->tool, "file: needs a path behind it");
        if (job->scores)
            cli_usage(job->tool, "--scores and file: both name a file");
        job->scores = name + 5;
        name = "file";
    }
    rule = pare_grow_find(name);
    if (!rule)
        cli_usage(job->tool, "-m: %s", pare_error());
    return rule;
}

/* The rule, and options that go with some of them only. */
static void set_rule(struct job *job)
{
    const struct options *o = job->o;
    struct pare_grow_options *g = &job->grow;
    bool file;

    g->rule = find_rule(job);
    file = strcmp(g->rule->name, "file") == 0;
    if (file && !job->scores)
        cli_usage(job->tool, "-m file needs a path: file:SCORES.h5");
    if (!file && job->scores)
        cli_usage(job->tool, "--scores goes with -m file");
    if (!g->rule->needs_data && o->data)
        cli_usage(job->tool, "-m %s takes no data", g->rule->name);
    if (o->calibrate_given && !o->data)
        cli_usage(job->tool, "--calibrate goes with -d");
    if (strcmp(g->rule->name, "gradient") == 0 && !o->data)
        cli_usage(job->tool, "-m gradient needs data: use -d");
    if (o->lowest && !g->rule->scored)
        cli_usage(job->tool, "--lowest: -m %s has no scores", g->rule->name);
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;
    struct pare_grow_options *g = &job->grow;

    pare_grow_defaults(g);
    set_rule(job);
    if (pare_grow_count_parse(&g->counting, o->counting))
        cli_usage(job->tool, "--counting is %s", pare_error());
    if (g->counting == PARE_GROW_BERNOULLI && g->rule->scored)
        cli_usage(job->tool, "--counting bernoulli goes with -m random");
    if ((g->counting == PARE_GROW_STRICT || g->counting == PARE_GROW_TIES) &&
        !g->rule->scored)
        cli_usage(job->tool, "--counting %s: -m random has no scores",
                  o->counting);
    if (pare_grow_value_parse(g, o->value))
        cli_usage(job->tool, "--value: %s", pare_error());
    g->avoid = strcmp(o->avoid, "removed") == 0;
    if (!g->avoid && strcmp(o->avoid, "none") != 0)
        cli_usage(job->tool, "--avoid is removed or none, not '%s'", o->avoid);
    if (o->density_given && o->count_given)
        cli_usage(job->tool, "--density and -n: one amount, please");
    if (o->density_given && !(o->density > 0))
        cli_usage(job->tool, "--density is above 0 and up to 1");
    if (o->redistribute && (o->density_given || o->count_given))
        cli_usage(job->tool, "--redistribute shares what layers lack: no "
                             "other amount goes with it");
    if (o->density_given)
        g->density = o->density;
    if (o->count_given)
        g->count = o->count;
    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "--report - and the model both go to standard "
                             "output: use -o");
    if (o->report && strcmp(o->report, o->output) == 0)
        cli_usage(job->tool, "--report and -o are both '%s'", o->output);
    g->lowest = o->lowest;
    g->redistribute = o->redistribute;
    g->calibrate = (size_t)o->calibrate;
    g->only = o->only.item;
    g->n_only = o->only.n;
    g->skip = o->skip.item;
    g->n_skip = o->skip.n;
    g->threads = o->threads;
}

/* Scores are of all positions: compact layers are expanded for them. */
static int read_scores(struct job *job)
{
    int rc = pare_model_expand(&job->model);

    if (rc)
        return rc;
    job->given = calloc(job->model.n_tensors + 1, sizeof *job->given);
    if (!job->given)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = pare_score_file_read(job->given, job->scores_digest, &job->model,
                              job->scores);
    job->grow.given = (const float *const *)job->given;
    return rc;
}

static int read_inputs(struct job *job, const char *path)
{
    const struct options *o = job->o;
    int rc = pare_model_read(&job->model, &job->in, path);

    if (!rc && o->data) {
        rc = pare_data_read(&job->data, o->data);
        job->grow.data = &job->data;
    }
    if (!rc && job->scores)
        rc = read_scores(job);
    job->grow.seed =
        o->seed_given ? o->seed : pare_digest_seed(job->in.state, "grow");
    return rc;
}

static void outcome(char *text, size_t size, const struct job *job)
{
    const struct pare_rewire_report *r = &job->report;
    char grown[32], before[32], after[32];

    snprintf(text, size, "grew %s connections, %s before, %s after",
             cli_count(grown, r->grown), cli_count(before, r->before),
             cli_count(after, r->after));
}

/* Does the result depend on the seed? */
static bool draws(const struct pare_grow_options *g)
{
    return !g->rule->scored || g->data || g->value != PARE_GROW_ZERO;
}

static void add_options(struct provenance *to, const struct job *job)
{
    const struct options *o = job->o;
    const struct pare_grow_options *g = &job->grow;
    char value[PARE_SPEC_MAX];

    pare_grow_value_print(value, g);
    if (o->density_given)
        provenance_real(to, "--density", g->density);
    if (o->count_given)
        provenance_u64(to, "-n", g->count);
    if (job->scores)
        provenance_input(to, "--scores", "data", job->scores_digest);
    provenance_option(to, "-m", g->rule->name);
    provenance_option(to, "--counting", pare_grow_count_name(g->counting));
    provenance_option(to, "--value", value);
    provenance_option(to, "--avoid", g->avoid ? "removed" : "none");
    if (g->lowest)
        provenance_option(to, "--lowest", NULL);
    if (g->redistribute)
        provenance_option(to, "--redistribute", NULL);
    provenance_options(to, "--skip", g->skip, g->n_skip);
    provenance_options(to, "--only", g->only, g->n_only);
    if (o->calibrate_given)
        provenance_u64(to, "--calibrate", o->calibrate);
    if (draws(g))
        provenance_u64(to, "-S", g->seed);
}

static int add_provenance(struct job *job)
{
    struct provenance *to = provenance_new("grow");
    char text[128];

    hold_levels("pare-grow", &job->model);
    add_options(to, job);
    if (job->o->data)
        provenance_input(to, "-d", "data", job->data.digest);
    provenance_input(to, "", "model", job->in.state);
    if (job->o->data)
        provenance_note(to, "kernel", pare_kernel_provenance());
    outcome(text, sizeof text, job);
    provenance_note(to, "outcome", text);
    return provenance_add(to, &job->model);
}

/* One line a layer. */
static int write_report(const struct job *job)
{
    const struct pare_rewire_report *r = &job->report;
    struct telling t;

    telling_begin(&t, "\tparams\tkept_before\tgrown\tkept_after\tsparsity");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_rewire_row *row = &r->row[i];
        uint64_t all = pare_tensor_positions(&job->model.tensor[row->tensor]);
        FILE *to = telling_line(&t, &job->model, row->tensor);

        if (to)
            fprintf(to, "\t%llu\t%llu\t%llu\t%llu\t%.6g",
                    (unsigned long long)all, (unsigned long long)row->before,
                    (unsigned long long)row->grown,
                    (unsigned long long)row->after,
                    1 - (double)row->after / (double)all);
    }
    return telling_end(&t, job->o->report);
}

static void say(const struct job *job)
{
    char text[128];

    telling_unknown(job->tool, &job->in);
    outcome(text, sizeof text, job);
    cli_warn(job->tool, "%s", text);
    telling_bytes(job->tool, &job->in, &job->out);
}

static int run(struct job *job, const char *path)
{
    int rc = read_inputs(job, path);

    if (!rc)
        rc = pare_grow(&job->report, &job->model, &job->grow);
    if (!rc)
        rc = add_provenance(job);
    if (!rc && job->o->report)
        rc = write_report(job);
    if (!rc)
        rc = pare_model_write(job->o->output, &job->model, &job->out);
    if (!rc && job->o->verbose)
        say(job);
    return rc;
}

static void release(struct job *job)
{
    for (size_t t = 0; job->given && t < job->model.n_tensors; t++)
        free(job->given[t]);
    free(job->given);
    pare_rewire_report_release(&job->report);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_dataset_release(&job->data);
    pare_model_release(&job->model);
}

int main(int argc, char **argv)
{
    struct options o = {.rule = "random",
                        .output = "-",
                        .counting = "exact",
                        .value = "0",
                        .avoid = "none",
                        .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say how many grew, and the bytes", NULL},
        {'n', "count", "N", CLI_U64, &o.count, 0, 9007199254740992.0,
         "so many in each layer, not as many as it lacks", &o.count_given},
        {'m', "criterion", "NAME", CLI_TEXT, &o.rule, 0, 0,
         "where they grow; 'list' prints the rules", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed; without it, one that follows from the model", &o.seed_given},
        {'d', "data", "DATA", CLI_TEXT, &o.data, 0, 0,
         "data file, for gradients", NULL},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "density", "D", CLI_REAL, &o.density, 0, 1,
         "to this density of each layer", &o.density_given},
        {0, "counting", "HOW", CLI_TEXT, &o.counting, 0, 0,
         "exact, bernoulli (random), strict or ties (by scores)", NULL},
        {0, "value", "SPEC", CLI_TEXT, &o.value, 0, 0,
         "of new weights: 0, normal,sd=S or fan", NULL},
        {0, "avoid", "WHAT", CLI_TEXT, &o.avoid, 0, 0,
         "removed: not where the last pruning removed; or none", NULL},
        {0, "lowest", NULL, CLI_FLAG, &o.lowest, 0, 0,
         "a control: where scores are lowest", NULL},
        {0, "redistribute", NULL, CLI_FLAG, &o.redistribute, 0, 0,
         "layers share what they lack by their momentum", NULL},
        {0, "scores", "FILE", CLI_TEXT, &o.scores, 0, 0,
         "HDF5 file of scores, for -m file", NULL},
        {0, "calibrate", "N", CLI_U64, &o.calibrate, 1, 1e9,
         "training samples of a gradient; without it, a batch",
         &o.calibrate_given},
        {0, "skip", "GLOB", CLI_LIST, &o.skip, 0, 0,
         "leave these layers alone; may be repeated", NULL},
        {0, "only", "GLOB", CLI_LIST, &o.only, 0, 0,
         "grow in these layers only; may be repeated", NULL},
        {0, "report", "FILE", CLI_TEXT, &o.report, 0, 0,
         "write a table of what grew there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-grow", "[MODEL]", "Grow connections in sparse layers.", rows, 0,
        1,           1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv), rc;

    if (list_rules(&o))
        return cli_exit(&tool, 0);
    cli_kernel(&tool);
    set_up(&job);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
