/* pare-quantize(1): give weights few levels, or 16 bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "cli.h"
#include "data_file.h"
#include "digest.h"
#include "kernel.h"
#include "model_file.h"
#include "number.h"
#include "parallel.h"
#include "provenance.h"
#include "quantize-search.h"
#include "quantize.h"
#include "status.h"
#include "telling.h"

struct options {
    const char *codebook, *uniform;
    bool int8, f16, bf16;
    const char *start, *data, *output, *report, *bytes, *split;
    struct cli_list layer, skip, only;
    double lambda, max_error, max_drop;
    bool lambda_given, error_given, drop_given, split_given, seed_given;
    bool bias, per_tensor, prune_zeros, quiet, verbose;
    uint64_t seed;
    int threads;
};

/* A run: the options as the library wants them, and what it works on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    struct pare_quantize_options q;
    struct goal goal;
    struct pare_layer_amount *layer;
    bool searching; /* for a file's size or an accuracy */
    struct pare_model model;
    struct pare_model_file in, out;
    struct pare_dataset data;
    struct pare_quantize_report report;
};

static const char *way_name(const struct job *job)
{
    return job->q.way->name;
}

/* "16", "4bit", "step=.01": an amount of the way's own kind. 0 or -1. */
static int parse_amount(enum pare_level_kind *kind, double *amount,
                        const struct pare_quantize_way *way, const char *text)
{
    char number[64];
    size_t n = strcspn(text, "b");
    bool bits = strcmp(text + n, "bit") == 0 || strcmp(text + n, "bits") == 0;

    *kind = way->codebook ? PARE_LEVELS_COUNT : PARE_LEVELS_BITS;
    if (way->steps && strncmp(text, "step=", 5) == 0) {
        *kind = PARE_LEVELS_STEP;
        return pare_number_parse(amount, text + 5) ||
                       pare_quantize_check(*kind, *amount)
                   ? -1
                   : 0;
    }
    if (n >= sizeof number)
        return -1;
    memcpy(number, text, n);
    number[n] = '\0';
    if ((text[n] && !bits) || pare_number_parse(amount, number))
        return -1;
    if (bits && way->codebook) {
        if (*amount < 1 || *amount > 16 || *amount != floor(*amount))
            return -1;
        *amount = exp2(*amount);
    }
    return pare_quantize_check(*kind, *amount) ? -1 : 0;
}

static const char *forms(const struct pare_quantize_way *way)
{
    return way->codebook ? "levels as 16, bits as 4bit"
                         : "bits as 4 or 4bit, a step as step=.01";
}

/* "GLOB=AMOUNT", cut at the first '=' behind which an amount stands. */
static void parse_layer(struct job *job, struct pare_layer_amount *to,
                        const char *text)
{
    const struct pare_quantize_way *way = job->q.way;
    const char *equals = strrchr(text, '=');
    enum pare_level_kind kind = PARE_LEVELS_FIXED;
    char *glob;

    if (equals && equals - text > 5 && strncmp(equals - 5, "=step", 5) == 0)
        equals -= 5;
    if (!equals || equals == text ||
        parse_amount(&kind, &to->amount, way, equals + 1))
        cli_usage(job->tool, "--layer: '%s' is not GLOB=AMOUNT: %s", text,
                  forms(way));
    if (kind != job->q.kind && job->q.kind != PARE_LEVELS_ERROR)
        cli_usage(job->tool, "--layer '%s': bits and a step do not go together",
                  text);
    if (kind == PARE_LEVELS_STEP && job->q.kind == PARE_LEVELS_ERROR)
        cli_usage(job->tool, "--layer '%s': with auto it takes bits", text);
    glob = calloc((size_t)(equals - text) + 1, 1);
    if (!glob) {
        pare_fail(PARE_ENOMEM, "out of memory");
        exit(cli_fail(job->tool));
    }
    memcpy(glob, text, (size_t)(equals - text));
    to->glob = glob;
}

static void parse_layers(struct job *job)
{
    const struct cli_list *list = &job->o->layer;

    job->layer = calloc(list->n + 1, sizeof *job->layer);
    if (!job->layer) {
        pare_fail(PARE_ENOMEM, "out of memory");
        exit(cli_fail(job->tool));
    }
    if (list->n && job->q.kind == PARE_LEVELS_FIXED)
        cli_usage(job->tool, "--layer goes with --codebook and --uniform");
    for (size_t i = 0; i < list->n; i++)
        parse_layer(job, &job->layer[i], list->item[i]);
    job->q.n_layer = list->n;
    job->q.layer = job->layer;
}

/* The one way that was asked for, and its amount as it was typed. */
static const char *choose_way(struct job *job)
{
    const struct options *o = job->o;
    const struct {
        const char *way;
        const char *amount;
        bool given;
    } row[] = {{"codebook", o->codebook, o->codebook != NULL},
               {"uniform", o->uniform, o->uniform != NULL},
               {"int8", NULL, o->int8},
               {"fp16", NULL, o->f16},
               {"bf16", NULL, o->bf16}};
    int found = -1;

    for (int i = 0; i < 5; i++) {
        if (!row[i].given)
            continue;
        if (found >= 0)
            cli_usage(job->tool, "--%s and --%s: one way, please",
                      row[found].way, row[i].way);
        found = i;
    }
    if (found < 0)
        cli_usage(job->tool, "no way to quantise: use --codebook, --uniform, "
                             "--int8, --fp16 or --bf16");
    job->q.way = pare_quantize_way_find(row[found].way);
    return row[found].amount;
}

/* The amount: a number, or auto and one of three targets. */
static void choose_amount(struct job *job, const char *text)
{
    const struct options *o = job->o;
    int targets = o->error_given + o->drop_given + (o->bytes != NULL);
    bool automatic = text && strcmp(text, "auto") == 0;

    if (targets && !automatic)
        cli_usage(job->tool,
                  "%s finds the levels: it goes with --codebook "
                  "auto and --uniform auto",
                  o->error_given  ? "--max-error"
                  : o->drop_given ? "--max-drop"
                                  : "--bytes");
    if (automatic && targets != 1)
        cli_usage(job->tool, "auto takes one of --max-error, --bytes and "
                             "--max-drop");
    job->q.kind = PARE_LEVELS_FIXED;
    job->searching = automatic && !o->error_given;
    if (job->searching) {
        job->q.kind =
            job->q.way->codebook ? PARE_LEVELS_COUNT : PARE_LEVELS_BITS;
        job->q.amount = 2;
    } else if (automatic) {
        job->q.kind = PARE_LEVELS_ERROR;
        job->q.amount = o->max_error;
        if (pare_quantize_check(job->q.kind, job->q.amount))
            cli_usage(job->tool, "--max-error: %s", pare_error());
    } else if (text &&
               parse_amount(&job->q.kind, &job->q.amount, job->q.way, text)) {
        cli_usage(job->tool, "--%s: '%s' is none of auto, %s", way_name(job),
                  text, forms(job->q.way));
    }
}

static void set_goal(struct job *job)
{
    const struct options *o = job->o;
    int split = pare_split_find(o->split);

    job->goal = (struct goal){.drop = (double)NAN,
                              .data = &job->data,
                              .threads = o->threads,
                              .verbose = o->verbose};
    if (o->bytes && goal_bytes(&job->goal.bytes, o->bytes))
        cli_usage(job->tool,
                  "--bytes takes a size as 100000, 100K or 1.5MB, not '%s'",
                  o->bytes);
    if (split < 0)
        cli_usage(job->tool, "--split is train, val or test, not '%s'",
                  o->split);
    if (o->drop_given && !o->data)
        cli_usage(job->tool, "--max-drop needs data: use -d");
    if (o->data && !o->drop_given)
        cli_usage(job->tool, "-d goes with --max-drop");
    if (o->split_given && !o->drop_given)
        cli_usage(job->tool, "--split goes with --max-drop");
    if (o->drop_given)
        job->goal.drop = o->max_drop;
    job->goal.split = (enum pare_split_id)split;
}

/* Options that only some ways have. */
static void check_fit(const struct job *job)
{
    const struct options *o = job->o;
    const struct pare_quantize_way *way = job->q.way;

    if (o->start && !way->codebook)
        cli_usage(job->tool, "--start goes with --codebook");
    if (o->start && !pare_start_find(o->start))
        cli_usage(job->tool, "--start: there is no way '%s'; see --start list",
                  o->start);
    if (o->seed_given && (!o->start || strcmp(o->start, "random") != 0))
        cli_usage(job->tool, "-S goes with --start random");
    if (o->lambda_given && !way->codebook && !way->steps)
        cli_usage(job->tool, "--lambda goes with --codebook and --uniform");
    if (o->per_tensor && !o->int8)
        cli_usage(job->tool, "--per-tensor goes with --int8");
    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "--report - and the model both go to standard "
                             "output: use -o");
    if (o->report && strcmp(o->report, o->output) == 0)
        cli_usage(job->tool, "--report and -o are both '%s'", o->output);
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;

    pare_quantize_defaults(&job->q);
    choose_amount(job, choose_way(job));
    check_fit(job);
    set_goal(job);
    parse_layers(job);
    job->q.skip = o->skip.item;
    job->q.n_skip = o->skip.n;
    job->q.only = o->only.item;
    job->q.n_only = o->only.n;
    job->q.bias = o->bias;
    job->q.lambda = o->lambda;
    if (o->start)
        job->q.start = pare_start_find(o->start);
    job->q.seed = o->seed;
    job->q.per_tensor = o->per_tensor;
    job->q.prune_zeros = o->prune_zeros;
}

/* What came of it, in a line. */
static void outcome(char *text, size_t size, const struct job *job)
{
    const struct pare_quantize_report *r = &job->report;
    const struct options *o = job->o;
    char count[32], pruned[64] = "";
    uint64_t total = 0;
    double bits = 0;
    size_t most = 0, n;

    for (size_t i = 0; i < r->n_rows; i++) {
        total += r->row[i].total;
        bits += r->row[i].bits * (double)r->row[i].total;
        if (r->row[i].levels > most)
            most = r->row[i].levels;
    }
    if (r->pruned)
        snprintf(pruned, sizeof pruned, ", %s pruned",
                 cli_count(count, r->pruned));
    n = (size_t)snprintf(text, size, "%s: %s values of %zu tensor%s%s, ",
                         way_name(job), cli_count(count, total), r->n_rows,
                         r->n_rows == 1 ? "" : "s", pruned);
    n += (size_t)snprintf(text + n, size - n,
                          "at most %zu levels, %.3f bits a value", most,
                          total ? bits / (double)total : 0);
    if (o->bytes)
        n += (size_t)snprintf(text + n, size - n, "; %s bytes when packed",
                              cli_count(count, (uint64_t)job->goal.found));
    if (o->drop_given)
        snprintf(text + n, size - n, "; accuracy %.4f before, %.4f after",
                 job->goal.base, job->goal.found);
}

/* The way, what it was asked for, and what changes the result. */
static void add_method(struct provenance *to, const struct job *job)
{
    const struct options *o = job->o;

    if (o->codebook)
        provenance_option(to, "--codebook", o->codebook);
    else if (o->uniform)
        provenance_option(to, "--uniform", o->uniform);
    else
        provenance_option(to,
                          o->int8  ? "--int8"
                          : o->f16 ? "--fp16"
                                   : "--bf16",
                          NULL);
    if (o->error_given)
        provenance_real(to, "--max-error", o->max_error);
    if (o->bytes)
        provenance_u64(to, "--bytes", job->goal.bytes);
    if (o->drop_given)
        provenance_real(to, "--max-drop", o->max_drop);
    if (o->split_given)
        provenance_option(to, "--split", o->split);
    if (o->start)
        provenance_option(to, "--start", o->start);
    if (o->start && strcmp(o->start, "random") == 0)
        provenance_u64(to, "-S", job->q.seed);
    if (o->lambda_given)
        provenance_real(to, "--lambda", o->lambda);
    if (o->per_tensor)
        provenance_option(to, "--per-tensor", NULL);
    if (o->prune_zeros)
        provenance_option(to, "--prune-zeros", NULL);
    if (o->bias)
        provenance_option(to, "--bias", NULL);
}

/* The line of this step. */
static int add_provenance(struct job *job)
{
    const struct options *o = job->o;
    struct provenance *to = provenance_new("quantize");
    char text[512];

    add_method(to, job);
    provenance_options(to, "--layer", o->layer.item, o->layer.n);
    provenance_options(to, "--skip", o->skip.item, o->skip.n);
    provenance_options(to, "--only", o->only.item, o->only.n);
    if (o->data)
        provenance_input(to, "-d", "data", job->data.digest);
    provenance_input(to, "", "model", job->in.state);
    if (o->drop_given)
        provenance_note(to, "kernel", pare_kernel_provenance());
    outcome(text, sizeof text, job);
    provenance_note(to, "outcome", text);
    return provenance_add(to, &job->model);
}

/* One line a tensor. */
static int write_report(const struct job *job)
{
    const struct pare_quantize_report *r = &job->report;
    struct telling t;

    telling_begin(&t, "\tmethod\tparams\tvalues\tlevels\tentropy\tbits"
                      "\terror\tworst\tzeroed");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_quantize_row *row = &r->row[i];
        FILE *to = telling_line(&t, &job->model, row->tensor);

        if (to)
            fprintf(to, "\t%s\t%llu\t%llu\t%zu\t%.6g\t%.6g\t%.6g\t%.6g\t%llu",
                    way_name(job), (unsigned long long)row->total,
                    (unsigned long long)row->kept, row->levels, row->entropy,
                    row->bits, row->error, row->worst,
                    (unsigned long long)row->zeroed);
    }
    return telling_end(&t, job->o->report);
}

/* A tensor in a line: fewer levels than were asked for are told too. */
static void say_row(const struct job *job, const struct pare_quantize_row *row)
{
    char asked[48] = "";

    if (row->kind == PARE_LEVELS_COUNT && (double)row->levels < row->asked)
        snprintf(asked, sizeof asked, " of %.0f", row->asked);
    cli_warn(job->tool,
             "%s: %zu%s level%s, %.3f bits a code, %.3f bits a value, error "
             "%.4g, worst %.4g",
             job->model.tensor[row->tensor].name, row->levels, asked,
             row->levels == 1 && !asked[0] ? "" : "s", row->entropy, row->bits,
             row->error, row->worst);
}

static void say(const struct job *job)
{
    char text[512];

    telling_unknown(job->tool, &job->in);
    for (size_t i = 0; i < job->report.n_rows; i++)
        say_row(job, &job->report.row[i]);
    outcome(text, sizeof text, job);
    cli_warn(job->tool, "%s", text);
    telling_bytes(job->tool, &job->in, &job->out);
}

/* Losses add up where levels are made of levels. */
static void warn_again(const struct job *job)
{
    for (size_t i = 0; i < job->report.n_rows; i++) {
        const struct pare_quantize_row *row = &job->report.row[i];

        if (row->again && row->error > 0)
            cli_warn(job->tool,
                     "%s was quantised before: this is of what that left",
                     job->model.tensor[row->tensor].name);
    }
}

static int run(struct job *job, const char *path)
{
    const struct options *o = job->o;
    int rc = job->searching && !job->goal.bytes
                 ? pare_model_read(&job->model, &job->in, path)
                 : pare_model_open(&job->model, &job->in, path);

    if (!rc && o->data)
        rc = pare_data_read(&job->data, o->data);
    if (!o->seed_given)
        job->q.seed = pare_digest_seed(job->in.state, "quantize");
    if (!rc && job->searching)
        rc = quantize_search(&job->q, &job->goal, &job->model, job->tool);
    if (!rc)
        rc = pare_quantize(&job->report, &job->model, &job->q);
    if (!rc && !o->quiet)
        warn_again(job);
    if (!rc)
        rc = add_provenance(job);
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
    for (size_t i = 0; i < job->q.n_layer; i++)
        free((void *)(uintptr_t)job->layer[i].glob);
    free(job->layer);
    pare_quantize_report_release(&job->report);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_dataset_release(&job->data);
    pare_model_release(&job->model);
}

static int list_starts(void)
{
    const struct pare_start *s;

    puts("name\tmeaning\tsource");
    for (size_t i = 0; (s = pare_start(i)); i++)
        printf("%s\t%s\t%s\n", s->name, s->help, s->source);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {
        .output = "-", .split = "val", .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "do not warn of what was quantised before", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say what became of each tensor, and the bytes", NULL},
        {0, "codebook", "LEVELS", CLI_TEXT, &o.codebook, 0, 0,
         "levels by clustering: a number as 16, bits as 4bit, or auto", NULL},
        {0, "uniform", "BITS", CLI_TEXT, &o.uniform, 0, 0,
         "multiples of a step: bits as 4, a step as step=.01, or auto", NULL},
        {0, "int8", NULL, CLI_FLAG, &o.int8, 0, 0,
         "whole numbers of 8 bits, a scale for each row", NULL},
        {0, "fp16", NULL, CLI_FLAG, &o.f16, 0, 0, "float16", NULL},
        {0, "bf16", NULL, CLI_FLAG, &o.bf16, 0, 0, "bfloat16", NULL},
        {0, "max-error", "E", CLI_REAL, &o.max_error, 0, 1,
         "auto: fewest levels whose relative error is at most E",
         &o.error_given},
        {0, "bytes", "SIZE", CLI_TEXT, &o.bytes, 0, 0,
         "auto: most levels whose packed file is this small", NULL},
        {0, "max-drop", "POINTS", CLI_REAL, &o.max_drop, 0, 100,
         "auto: fewest levels that cost so many points of accuracy",
         &o.drop_given},
        {'d', "data", "DATA", CLI_TEXT, &o.data, 0, 0,
         "data file, for --max-drop", NULL},
        {0, "split", "NAME", CLI_TEXT, &o.split, 0, 0,
         "split of the accuracy of --max-drop", &o.split_given},
        {0, "lambda", "X", CLI_REAL, &o.lambda, 0, 1e6,
         "price of a bit of code, over the mean square of the weights",
         &o.lambda_given},
        {0, "start", "NAME", CLI_TEXT, &o.start, 0, 0,
         "first levels of a codebook; 'list' prints the ways", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed of --start random; without it, one that follows from the model",
         &o.seed_given},
        {0, "per-tensor", NULL, CLI_FLAG, &o.per_tensor, 0, 0,
         "one scale a tensor", NULL},
        {0, "prune-zeros", NULL, CLI_FLAG, &o.prune_zeros, 0, 0,
         "prune the weights that became 0", NULL},
        {0, "bias", NULL, CLI_FLAG, &o.bias, 0, 0, "biases too", NULL},
        {0, "layer", "GLOB=AMOUNT", CLI_LIST, &o.layer, 0, 0,
         "levels or bits for layers by name; may be repeated", NULL},
        {0, "skip", "GLOB", CLI_LIST, &o.skip, 0, 0,
         "leave these layers alone; may be repeated", NULL},
        {0, "only", "GLOB", CLI_LIST, &o.only, 0, 0,
         "quantise these layers only; may be repeated", NULL},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "report", "FILE", CLI_TEXT, &o.report, 0, 0,
         "write a table of the tensors there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-quantize",
                                  "[MODEL]",
                                  "Give weights few levels, or 16 bits.",
                                  rows,
                                  0,
                                  1,
                                  1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv), rc;

    if (o.start && strcmp(o.start, "list") == 0)
        return cli_exit(&tool, list_starts());
    cli_kernel(&tool);
    set_up(&job);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
