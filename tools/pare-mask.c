/* pare-mask(1): combine, shuffle or move the masks of models. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compact.h"
#include "digest.h"
#include "hold.h"
#include "mask.h"
#include "model_file.h"
#include "provenance.h"
#include "status.h"
#include "telling.h"

struct options {
    const char *fill, *values, *output;
    struct cli_list only, skip;
    double sparsity;
    uint64_t seed;
    bool sparsity_given, seed_given, quiet, verbose;
};

/* A run: the operands, of which one gets the new mask. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    const struct pare_mask_op *op;
    char **path; /* of the operands */
    int n;
    char (*state)[PARE_DIGEST_LEN]; /* [n] their digests */
    enum pare_mask_fill fill;
    uint64_t seed;
    struct pare_model model, from; /* from: of --values */
    struct pare_model_file in, out, from_info;
    struct pare_mask_job mask;
    struct pare_mask_report report;
};

static const char *const fill_name[] = {"zero", "init", "others"};

static bool list_operations(const char *name)
{
    const struct pare_mask_op *op;

    if (strcmp(name, "list") != 0)
        return false;
    puts("name\tmeaning\tsource");
    for (size_t i = 0; (op = pare_mask_op(i)); i++)
        printf("%s\t%s\t%s\n", op->name, op->help, op->source);
    return true;
}

static void check_operands(const struct job *job)
{
    bool values = job->o->values && strcmp(job->o->values, "-") == 0;
    int standard = values;

    if (job->n < job->op->least)
        cli_usage(job->tool, "%s needs %s%d model%s", job->op->name,
                  job->op->most < 0 ? "at least " : "", job->op->least,
                  job->op->least == 1 ? "" : "s");
    if (job->op->most > 0 && job->n > job->op->most)
        cli_usage(job->tool, "one operand too many: '%s'",
                  job->path[job->op->most]);
    for (int i = 0; i < job->n; i++)
        standard += strcmp(job->path[i], "-") == 0;
    if (standard > 1)
        cli_usage(job->tool, "only one of the models can be standard input");
}

static void set_up(struct job *job)
{
    const struct options *o = job->o;
    size_t k = 0;

    check_operands(job);
    job->fill = o->values ? PARE_FILL_MODEL : job->op->fill;
    if (o->fill && o->values)
        cli_usage(job->tool, "--fill and --values: one of them, please");
    if (o->fill) {
        while (k < 3 && strcmp(o->fill, fill_name[k]) != 0)
            k++;
        if (k == 3)
            cli_usage(job->tool, "--fill: '%s' is not zero, init or others",
                      o->fill);
        job->fill = (enum pare_mask_fill)k;
    }
    if (job->fill == PARE_FILL_OTHERS && !job->op->join)
        cli_usage(job->tool, "--fill others: %s has no other models",
                  job->op->name);
    if (o->sparsity_given && strcmp(job->op->name, "random") != 0)
        cli_usage(job->tool, "-s goes with random");
    if (o->seed_given && !job->op->draws)
        cli_usage(job->tool, "-S goes with shuffle and random");
}

/* Index of the operand that gets the mask. */
static int base(const struct job *job)
{
    return job->op->last ? job->n - 1 : 0;
}

static int read_base(struct job *job)
{
    const struct options *o = job->o;
    int rc = pare_model_read(&job->model, &job->in, job->path[base(job)]);

    if (!rc && o->values)
        rc = pare_model_read(&job->from, &job->from_info, o->values);
    if (!rc)
        rc = pare_model_expand(&job->model);
    if (!rc)
        rc = pare_model_expand(&job->from);
    if (!rc && o->values) {
        rc = pare_mask_fits(&job->model, &job->from);
        if (rc)
            pare_fail_prefix(rc, "'%s'", o->values);
    }
    if (rc)
        return rc;
    memcpy(job->state[base(job)], job->in.state, PARE_DIGEST_LEN);
    job->seed =
        o->seed_given ? o->seed : pare_digest_seed(job->in.state, "mask");
    return pare_mask_begin(&job->mask, &job->model, o->only.item, o->only.n,
                           o->skip.item, o->skip.n,
                           job->fill == PARE_FILL_OTHERS);
}

/* Take in another operand: its mask, and what made it. */
static int take_in(struct job *job, int i)
{
    struct pare_model other = {0};
    struct pare_model_file info = {0};
    int rc = pare_model_read(&other, &info, job->path[i]);

    if (!rc)
        rc = pare_model_expand(&other);
    if (!rc) {
        rc = pare_mask_join(&job->mask, &other, job->op);
        if (rc)
            pare_fail_prefix(rc, "'%s'", job->path[i]);
    }
    if (!rc && job->op->last && !pare_mask_pruned(&other))
        rc = pare_fail(PARE_EINVAL, "'%s': nothing of this model is pruned",
                       job->path[i]);
    if (!rc)
        rc = provenance_merge(&job->model, &other);
    if (!rc)
        memcpy(job->state[i], info.state, PARE_DIGEST_LEN);
    pare_model_file_release(&info, other.n_tensors);
    pare_model_release(&other);
    return rc;
}

static int make_mask(struct job *job)
{
    int rc = 0;

    for (int i = 0; !rc && i < job->n; i++)
        if (i != base(job))
            rc = take_in(job, i);
    if (!rc && !job->o->sparsity_given && !pare_mask_any(&job->mask))
        rc = pare_fail(PARE_EINVAL, "nothing is pruned in %s",
                       job->n > 1 ? "any of the models" : "the model");
    if (!rc && job->op->invert)
        rc = pare_mask_invert(&job->mask);
    if (!rc && job->op->draws)
        rc = pare_mask_draw(&job->mask, job->seed,
                            job->o->sparsity_given ? job->o->sparsity
                                                   : (double)NAN);
    if (!rc)
        rc = pare_mask_finish(&job->report, &job->model, &job->mask, job->fill,
                              job->o->values ? &job->from : NULL);
    if (!rc && job->o->values)
        rc = provenance_merge(&job->model, &job->from);
    return rc;
}

static int add_provenance(struct job *job)
{
    const struct options *o = job->o;
    char name[64], died[32], revived[32], text[128];
    struct provenance *p;

    hold_levels(o->quiet ? NULL : "pare-mask", &job->model);
    snprintf(name, sizeof name, "mask %s", job->op->name);
    p = provenance_new(name);
    if (o->sparsity_given)
        provenance_real(p, "-s", o->sparsity);
    provenance_options(p, "--only", o->only.item, o->only.n);
    provenance_options(p, "--skip", o->skip.item, o->skip.n);
    if (job->op->draws)
        provenance_u64(p, "-S", job->seed);
    if (o->values)
        provenance_input(p, "--values", "model", job->from_info.state);
    else
        provenance_option(p, "--fill", fill_name[job->fill]);
    for (int i = 0; i < job->n; i++)
        provenance_input(p, "", "model", job->state[i]);
    snprintf(text, sizeof text, "%s pruned, %s came back",
             cli_count(died, job->report.died),
             cli_count(revived, job->report.revived));
    provenance_note(p, "outcome", text);
    return provenance_add(p, &job->model);
}

static void warn_of_empty_layers(const struct job *job)
{
    for (size_t t = 0; t < job->model.n_tensors; t++) {
        const struct pare_tensor *w = &job->model.tensor[t];

        if (pare_tensor_prunable(w) && pare_tensor_kept(w) == 0)
            cli_warn(job->tool, "warning: layer %s has no weight left",
                     job->model.arch.layer[w->layer].name);
    }
}

static void say(const struct job *job)
{
    char died[32], revived[32], kept_text[32], total_text[32];
    uint64_t kept, total;

    telling_unknown(job->tool, &job->in);
    pare_model_count(&job->model, &kept, &total);
    cli_warn(job->tool, "%s pruned, %s came back; %s of %s weights kept",
             cli_count(died, job->report.died),
             cli_count(revived, job->report.revived),
             cli_count(kept_text, kept), cli_count(total_text, total));
    telling_bytes(job->tool, &job->in, &job->out);
}

static int run(struct job *job)
{
    int rc;

    job->state = calloc((size_t)job->n, sizeof *job->state);
    if (!job->state)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = read_base(job);
    if (!rc)
        rc = make_mask(job);
    if (!rc && !job->o->quiet)
        warn_of_empty_layers(job);
    if (!rc)
        rc = add_provenance(job);
    if (!rc)
        rc = pare_model_write(job->o->output, &job->model, &job->out);
    if (!rc && job->o->verbose)
        say(job);
    return rc;
}

static void release(struct job *job)
{
    pare_mask_release(&job->mask);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_model_file_release(&job->from_info, job->from.n_tensors);
    pare_model_release(&job->model);
    pare_model_release(&job->from);
    free(job->state);
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-"};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "do not warn of emptied layers", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say what went and what came back, and the bytes", NULL},
        {'s', "sparsity", "S", CLI_REAL, &o.sparsity, 0, 1,
         "of each layer, for random", &o.sparsity_given},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed; without it, one that follows from the model", &o.seed_given},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "fill", "HOW", CLI_TEXT, &o.fill, 0, 0,
         "what comes back is zero, init or others", NULL},
        {0, "values", "MODEL", CLI_TEXT, &o.values, 0, 0,
         "what comes back has the values it has in MODEL", NULL},
        {0, "skip", "GLOB", CLI_LIST, &o.skip, 0, 0,
         "leave these layers alone; may be repeated", NULL},
        {0, "only", "GLOB", CLI_LIST, &o.only, 0, 0,
         "change these layers only; may be repeated", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-mask",
        "OPERATION [MODEL ...]",
        "Combine, shuffle or move the masks of models.",
        rows,
        1,
        -1,
        1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv), rc;
    char standard[] = "-", *input = standard;

    if (list_operations(argv[first]))
        return cli_exit(&tool, 0);
    job.op = pare_mask_op_find(argv[first]);
    if (!job.op)
        cli_usage(&tool, "%s; see 'pare mask list'", pare_error());
    job.path = argc > first + 1 ? argv + first + 1 : &input;
    job.n = argc > first + 1 ? argc - first - 1 : 1;
    set_up(&job);
    rc = run(&job);
    release(&job);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
