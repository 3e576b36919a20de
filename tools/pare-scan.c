/* pare-scan(1): how sensitive single layers are to pruning. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compact.h"
#include "data_file.h"
#include "digest.h"
#include "gathered.h"
#include "kernel.h"
#include "model_file.h"
#include "number.h"
#include "parallel.h"
#include "provenance.h"
#include "pruning.h"
#include "scan.h"
#include "status.h"

#define LEVELS_MAX 1000

struct options {
    struct pruning_options p;
    const char *data, *split, *levels, *output;
    bool verbose;
    int threads;
};

/* A run: the options as the library wants them, and what it works on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    struct pruning pruning;
    enum pare_split_id split;
    size_t n_levels;
    double level[LEVELS_MAX];
    struct pare_model model;
    struct pare_model_file in;
    struct pare_dataset data;
    struct pare_scan_point start; /* of the layer that is measured */
    size_t n_points;
    size_t n_curves;
    struct pare_curve *curve;
};

/* "0.1,0.5,0.9" */
static void parse_levels(struct job *job)
{
    const char *p = job->o->levels;
    char number[PARE_NUMBER_MAX];

    for (;;) {
        size_t n = strcspn(p, ",");
        double v = -1;

        if (n > 0 && n < sizeof number) {
            memcpy(number, p, n);
            number[n] = '\0';
            if (cli_real(&v, number, 0, 1))
                v = -1;
        }
        if (v < 0)
            cli_usage(job->tool,
                      "--levels: '%.*s' is not a sparsity from 0 to 1", (int)n,
                      p);
        if (job->n_levels && v <= job->level[job->n_levels - 1])
            cli_usage(job->tool, "--levels: the sparsities must increase");
        if (job->n_levels == LEVELS_MAX)
            cli_usage(job->tool, "--levels: more than %d sparsities",
                      LEVELS_MAX);
        job->level[job->n_levels++] = v;
        if (!p[n])
            return;
        p += n + 1;
    }
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;
    int split = pare_split_find(o->split);

    if (!o->data)
        cli_usage(job->tool, "-d FILE is needed");
    if (split < 0)
        cli_usage(job->tool, "--split is train, val or test, not '%s'",
                  o->split);
    job->split = (enum pare_split_id)split;
    if (o->output && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "the table goes to standard output: -o takes a "
                             "file");
    parse_levels(job);
    if (pruning_resolve(&job->pruning, &o->p, false))
        cli_usage(job->tool, "%s", pare_error());
    if (job->pruning.prune.grain.kind->group)
        cli_usage(job->tool,
                  "-g %s says itself how much goes: there are no "
                  "levels of it",
                  job->pruning.prune.grain.canon);
}

static int read_inputs(struct job *job, const char *path)
{
    struct pare_criterion_input *input = &job->pruning.prune.input;
    int rc = pare_data_read(&job->data, job->o->data);

    if (!rc)
        rc = pare_model_read(&job->model, &job->in, path);
    if (!rc)
        rc = pare_model_expand(&job->model);
    if (!rc)
        rc = pruning_read(&job->pruning, &job->model);
    if (job->pruning.prune.criterion.row->needs_data)
        input->data = &job->data;
    if (!rc && !job->o->p.seed_given)
        input->seed = pare_digest_seed(job->in.state, "prune");
    input->threads = job->o->threads;
    return rc;
}

/* A line of the table, at once. */
static int tell(void *arg, const struct pare_scan_point *p)
{
    struct job *job = arg;
    char sparsity[PARE_NUMBER_MAX], loss[PARE_NUMBER_MAX];
    char accuracy[PARE_NUMBER_MAX];

    if (job->n_points++ == 0)
        puts("layer\tsparsity\tkept\tloss\taccuracy\tdrop");
    if (job->n_points == 1 || p->layer != job->start.layer)
        job->start = *p;
    if (job->n_points == 1 && job->o->verbose)
        cli_warn(job->tool, "as it is: loss %.4f, accuracy %.4f", p->loss,
                 p->accuracy);
    printf("%s\t%s\t%llu\t%s\t%s\t%.2f\n", job->model.arch.layer[p->layer].name,
           pare_number_print(sparsity,
                             (double)(p->total - p->kept) / (double)p->total),
           (unsigned long long)p->kept, pare_number_print(loss, p->loss),
           pare_number_print(accuracy, p->accuracy),
           100 * (job->start.accuracy - p->accuracy));
    return 0;
}

static int scan(struct job *job)
{
    struct pare_scan_options o = {.prune = job->pruning.prune,
                                  .n_levels = job->n_levels,
                                  .level = job->level,
                                  .data = &job->data,
                                  .split = job->split,
                                  .threads = job->o->threads};

    return pare_scan(&job->curve, &job->n_curves, &job->model, &o, tell, job);
}

static int add_provenance(struct job *job)
{
    struct provenance *to = provenance_new("scan");
    char text[64];

    provenance_option(to, "--levels", job->o->levels);
    provenance_option(to, "--split", job->o->split);
    pruning_provenance_method(to, &job->pruning, &job->o->p);
    provenance_input(to, "-d", "data", job->data.digest);
    provenance_input(to, "", "model", job->in.state);
    provenance_note(to, "kernel", pare_kernel_provenance());
    snprintf(text, sizeof text, "%zu layers, %zu points", job->n_curves,
             job->n_points);
    provenance_note(to, "outcome", text);
    return provenance_add(to, &job->model);
}

/* The model with the curves in it. */
static int write_model(struct job *job)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < job->n_curves; i++) {
        if (job->curve[i].n == 0)
            continue;
        rc = pare_model_set_curve(&job->model, &job->curve[i]);
        if (!rc) /* they are the model's now */
            memset(&job->curve[i], 0, sizeof job->curve[i]);
    }
    if (!rc)
        rc = add_provenance(job);
    return rc ? rc : pare_model_write(job->o->output, &job->model, NULL);
}

static int run(struct job *job, const char *path)
{
    int rc = read_inputs(job, path);

    if (!rc)
        rc = scan(job);
    if (!rc && job->o->output)
        rc = write_model(job);
    return rc;
}

static void release(struct job *job)
{
    pare_scan_release(job->curve, job->n_curves);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_dataset_release(&job->data);
    pare_model_release(&job->model);
    pruning_release(&job->pruning);
}

int main(int argc, char **argv)
{
    struct options o = {.p = PRUNING_DEFAULTS,
                        .split = "val",
                        .levels = ".1,.2,.3,.4,.5,.6,.7,.8,.9,.95,.99",
                        .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say what the model does as it is", NULL},
        {'d', "data", "FILE", CLI_TEXT, &o.data, 0, 0,
         "data file to measure on, see pare-data(5)", NULL},
        {0, "split", "NAME", CLI_TEXT, &o.split, 0, 0,
         "split to measure on: train, val or test", NULL},
        {0, "levels", "LIST", CLI_TEXT, &o.levels, 0, 0,
         "sparsities to prune each layer to, with commas", NULL},
        PRUNING_METHOD_ROWS(o.p),
        {0, "bias", NULL, CLI_FLAG, &o.p.bias, 0, 0, "prune biases too", NULL},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model with the measurements there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-scan",
        "[MODEL]",
        "Prune each layer alone and measure what it does.",
        rows,
        0,
        1,
        1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv), rc;

    if (pruning_list(&o.p))
        return cli_exit(&tool, 0);
    cli_kernel(&tool);
    set_up(&job);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
