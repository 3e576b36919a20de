/* pare-shrink(1): remove units that the outputs do not depend on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compact.h"
#include "data_file.h"
#include "digest.h"
#include "hold.h"
#include "model_file.h"
#include "number.h"
#include "outputs.h"
#include "parallel.h"
#include "provenance.h"
#include "shrink.h"
#include "stats.h"
#include "status.h"
#include "telling.h"
#include "train.h"

#define SAMPLES_RANDOM 256
#define SAMPLES_DATA   1000

/* Part of the largest output that rounding may change: sums of the same
   products in another order differ by less in networks of usual depth. */
#define ROUNDING 1e-5

struct options {
    const char *data, *split, *output;
    uint64_t round, calibrate, seed;
    double tolerance;
    bool calibrate_given, seed_given, split_given, tolerance_given;
    bool drop_init, quiet, verbose;
    int threads;
};

/* A run: the model before and after, and what they are compared on. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    struct pare_model model, small;
    struct pare_model_file in, out;
    struct pare_dataset data;
    struct pare_outputs_samples samples;
    struct pare_outputs_difference difference;
    struct pare_shrink_report report;
    double tolerance;
};

static void check(const struct cli_tool *tool, const struct options *o)
{
    if (o->split_given && !o->data)
        cli_usage(tool, "--split goes with -d");
    if (o->split_given && pare_split_find(o->split) < 0)
        cli_usage(tool, "--split is train, val or test, not '%s'", o->split);
}

static int read_inputs(struct job *job, const char *path)
{
    const struct options *o = job->o;
    int rc = pare_model_read(&job->model, &job->in, path);

    if (!rc)
        rc = pare_model_expand(&job->model);
    if (!rc && o->data)
        rc = pare_data_read(&job->data, o->data);
    job->samples = (struct pare_outputs_samples){
        .data = o->data ? &job->data : NULL,
        .split = o->data ? (enum pare_split_id)pare_split_find(o->split)
                         : PARE_TRAIN,
        .n = o->calibrate_given ? (size_t)o->calibrate
             : o->data          ? SAMPLES_DATA
                                : SAMPLES_RANDOM,
        .seed =
            o->seed_given ? o->seed : pare_digest_seed(job->in.state, "shrink"),
        .threads = o->threads ? o->threads : pare_processors(),
    };
    return rc;
}

/* Both models on the same samples; more than the tolerance is an error. */
static int compare(struct job *job)
{
    struct pare_outputs_difference *d = &job->difference;
    int rc = pare_outputs_compare(d, &job->model, &job->small, &job->samples);

    if (rc)
        return rc;
    job->tolerance =
        job->o->tolerance_given ? job->o->tolerance : ROUNDING * d->largest;
    if (d->difference > job->tolerance)
        return pare_fail(PARE_EMISMATCH,
                         "outputs differ by %.3g on %zu samples, which is "
                         "more than %.3g (the largest output is %.3g); "
                         "nothing is written",
                         d->difference, d->n, job->tolerance, d->largest);
    return 0;
}

static int add_provenance(struct job *job, struct pare_model *m)
{
    const struct pare_shrink_report *r = &job->report;
    struct provenance *p = provenance_new("shrink");
    char text[96], gone[32], all[32];

    if (job->o->round > 1)
        provenance_u64(p, "--round", job->o->round);
    if (job->o->drop_init)
        provenance_option(p, "--drop-init", NULL);
    if (job->o->tolerance_given)
        provenance_real(p, "--tolerance", job->o->tolerance);
    provenance_input(p, "", "model", job->in.state);
    snprintf(text, sizeof text, "removed %s of %s units",
             cli_count(gone, r->before - r->after), cli_count(all, r->before));
    provenance_note(p, "outcome", text);
    return provenance_add(p, m);
}

/* ---- what is told ---------------------------------------------------- */

static void say_difference(const struct job *job)
{
    const struct pare_outputs_difference *d = &job->difference;

    cli_warn(job->tool,
             "outputs differ by %.3g at most on %zu %s samples; the largest "
             "is %.3g",
             d->difference, d->n,
             job->o->data ? pare_split_name(job->samples.split) : "random",
             d->largest);
}

/* A layer of which nothing is needed is worth a word in any case. */
static void warn_of_idle(const struct job *job)
{
    for (size_t i = 0; i < job->report.n_rows; i++) {
        const struct pare_shrink_row *r = &job->report.row[i];

        if (r->idle)
            cli_warn(job->tool,
                     "warning: the outputs depend on no unit of layer %s; %zu "
                     "of %zu stay",
                     job->model.arch.layer[r->layer].name, r->after, r->before);
    }
}

static void say_rows(const struct job *job)
{
    for (size_t i = 0; i < job->report.n_rows; i++) {
        const struct pare_shrink_row *r = &job->report.row[i];
        char before[32], after[32], constant[64] = "";

        if (r->constant)
            snprintf(constant, sizeof constant, ", %zu of them constant",
                     r->constant);
        cli_warn(job->tool, "%s: %s units before, %s after%s%s",
                 job->model.arch.layer[r->layer].name,
                 cli_count(before, r->before), cli_count(after, r->after),
                 constant, r->new_bias ? "; it has a bias now" : "");
    }
}

/* Was init a seed, and is it values now? */
static bool seed_is_gone(const struct job *job)
{
    const struct pare_checkpoint *was =
        pare_model_checkpoint(&job->model, "init");

    return was && !was->value;
}

static void say_dropped(const struct job *job)
{
    const struct pare_shrink_report *r = &job->report;

    if (!r->removed)
        return;
    if (r->scores || r->curves || r->undos)
        cli_warn(job->tool,
                 "dropped scores (%zu), curves (%zu) and undo points (%zu), "
                 "which do not fit the new shapes",
                 r->scores, r->curves, r->undos);
    if (seed_is_gone(job))
        cli_warn(job->tool, "checkpoint init is stored now, instead of its "
                            "seed; --drop-init leaves it out");
    if (r->inexact)
        cli_warn(job->tool,
                 "%zu of %zu checkpoints were shrunk inexactly: units that "
                 "are constant now were not then",
                 r->inexact, job->model.n_checkpoints);
}

static int total(struct pare_stats_row *out, const struct pare_model *m)
{
    struct pare_stats_row *row;
    size_t n;
    int rc = pare_stats(&row, &n, m);

    if (rc)
        return rc;
    *out = row[n - 1];
    free(row);
    return 0;
}

static int say(const struct job *job, const struct pare_model *result)
{
    char a[32], b[32], c[32], d[32];
    struct pare_stats_row before, after;
    int rc = total(&before, &job->model);

    if (!rc)
        rc = total(&after, result);
    if (rc)
        return rc;
    telling_unknown(job->tool, &job->in);
    if (!job->report.removed)
        cli_warn(job->tool, "there is nothing to remove");
    say_rows(job);
    say_dropped(job);
    cli_warn(job->tool,
             "%s parameters before, %s after; %s multiply-adds before, %s "
             "after",
             cli_count(a, before.params), cli_count(b, after.params),
             cli_count(c, (uint64_t)before.macs),
             cli_count(d, (uint64_t)after.macs));
    telling_bytes(job->tool, &job->in, &job->out);
    return 0;
}

/* ---- the whole ------------------------------------------------------- */

static int run(struct job *job, const char *path)
{
    struct pare_shrink_options options = {.round = (size_t)job->o->round};
    struct pare_model *result = &job->model;
    int rc = read_inputs(job, path);

    if (!rc && job->o->drop_init)
        pare_model_drop_checkpoint(&job->model, "init");
    if (!rc)
        rc = pare_shrink(&job->small, &job->report, &job->model, &options);
    if (!rc && job->report.removed)
        result = &job->small;
    if (!rc && job->o->data)
        rc = pare_model_fits(&job->model, &job->data);
    if (!rc && job->report.removed)
        rc = compare(job);
    if (!rc) {
        hold_levels(job->o->quiet ? NULL : "pare-shrink", result);
        rc = add_provenance(job, result);
    }
    if (!rc)
        rc = pare_model_write(job->o->output, result, &job->out);
    if (!rc && !job->o->quiet) {
        warn_of_idle(job);
        if (job->report.removed)
            say_difference(job);
    }
    if (!rc && job->o->verbose)
        rc = say(job, result);
    return rc;
}

static void release(struct job *job)
{
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->report.removed
                                           ? job->small.n_tensors
                                           : job->model.n_tensors);
    pare_shrink_report_release(&job->report);
    pare_model_release(&job->model);
    pare_model_release(&job->small);
    pare_dataset_release(&job->data);
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-", .split = "train"};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "say neither the difference nor which layers are idle", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say widths, multiply-adds and bytes, and what was dropped", NULL},
        {'d', "data", "FILE", CLI_TEXT, &o.data, 0, 0,
         "data file to compare outputs on; random inputs otherwise", NULL},
        {0, "split", "NAME", CLI_TEXT, &o.split, 0, 0,
         "train, val or test samples of it", &o.split_given},
        {0, "calibrate", "N", CLI_U64, &o.calibrate, 1, 4294967295.0,
         "samples to compare on; 1000 of data, 256 at random",
         &o.calibrate_given},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed of the samples; without it, one that follows from the model",
         &o.seed_given},
        {0, "tolerance", "X", CLI_REAL, &o.tolerance, 0, 1e300,
         "difference that is allowed; 1e-5 of the largest output otherwise",
         &o.tolerance_given},
        {0, "round", "N", CLI_U64, &o.round, 1, 65536,
         "keep units so that widths are multiples of N", NULL},
        {0, "drop-init", NULL, CLI_FLAG, &o.drop_init, 0, 0,
         "leave the first weights out, which would have to be stored", NULL},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024,
         "threads; all processors otherwise", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-shrink",
        "[MODEL]",
        "Remove units that the outputs do not depend on.",
        rows,
        0,
        1,
        1};
    int first = cli_parse(&tool, argc, argv), rc;
    struct job job = {.tool = &tool, .o = &o};

    cli_kernel(&tool);
    check(&tool, &o);
    rc = run(&job, first < argc ? argv[first] : "-");
    release(&job);
    if (rc)
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
