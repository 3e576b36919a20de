/* pare-pack(1): write a model as few bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "cli.h"
#include "compact.h"
#include "model_file.h"
#include "parallel.h"
#include "provenance.h"
#include "status.h"
#include "strip.h"
#include "telling.h"

#define LEVEL 6

struct options {
    const char *output, *report, *strip, *tier;
    int level, threads;
    bool plain, verbose, level_given, strip_given, filter;
};

/* A packing under way, for those who tell of it. */
struct job {
    const struct cli_tool *tool;
    const struct options *o;
    uint64_t strip; /* bits of what goes */
    struct pare_model model;
    struct pare_model_file in, out;
};

static void list_parts(void)
{
    puts("part\twhat");
    for (const struct pare_strip_row *r = pare_strip_rows(); r->name; r++)
        printf("%s\t%s\n", r->name, r->help);
}

/* Is it among what is stripped? */
static bool strips(const struct job *job, const char *name)
{
    uint64_t bit = 1;

    for (const struct pare_strip_row *r = pare_strip_rows(); r->name; r++) {
        if (strcmp(r->name, name) == 0)
            return job->strip & bit;
        bit <<= 1;
    }
    return false;
}

static int add_provenance(struct job *job)
{
    struct provenance *p;
    char text[256];

    if (strips(job, "provenance"))
        return 0;
    p = provenance_new("pack");
    if (job->o->plain) {
        provenance_option(p, "--plain", NULL);
    } else if (job->o->filter) {
        provenance_option(p, "--tier", "F");
    } else {
        snprintf(text, sizeof text, "-%d", job->o->level);
        provenance_option(p, text, NULL);
    }
    if (job->strip) {
        snprintf(text, sizeof text, "--strip=%s", job->o->strip);
        provenance_option(p, text, NULL);
    }
    provenance_input(p, "", "model", job->in.state);
    return provenance_add(p, &job->model);
}

static uint64_t all_bytes(const struct pare_stored *s)
{
    return s->mask_bytes + s->value_bytes;
}

/* One line a tensor. */
static int write_report(const struct job *job)
{
    const struct pare_model *m = &job->model;
    struct telling t;

    telling_begin(&t, "\tparams\tkept\tbytes_before\tbytes_after\tmask"
                      "\tvalues\tencoding");
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct pare_tensor *x = &m->tensor[i];
        const struct pare_stored *s = &job->out.stored[i];
        FILE *to = telling_line(&t, m, i);

        if (to)
            fprintf(to, "\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%s",
                    (unsigned long long)pare_tensor_positions(x),
                    (unsigned long long)pare_tensor_kept(x),
                    (unsigned long long)all_bytes(&job->in.stored[i]),
                    (unsigned long long)all_bytes(s),
                    (unsigned long long)s->mask_bytes,
                    (unsigned long long)s->value_bytes,
                    pare_encoding_name(s->encoding));
    }
    return telling_end(&t, job->o->report);
}

static void say(const struct job *job)
{
    const struct pare_model *m = &job->model;
    char before[32], after[32], mask[32], values[32];

    telling_unknown(job->tool, &job->in);
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct pare_stored *s = &job->out.stored[i];

        cli_warn(
            job->tool,
            "%s: %s bytes before, %s after (%s%s: %s mask, %s "
            "values)",
            m->tensor[i].name, cli_count(before, all_bytes(&job->in.stored[i])),
            cli_count(after, all_bytes(s)), pare_encoding_name(s->encoding),
            job->o->filter && s->encoding != PARE_ENC_RANS ? ", plain" : "",
            cli_count(mask, s->mask_bytes), cli_count(values, s->value_bytes));
    }
    telling_bytes(job->tool, &job->in, &job->out);
}

static int write_model(struct job *job)
{
    const struct options *o = job->o;

    if (o->filter)
        return pare_model_write_filtered(o->output, &job->model, o->threads,
                                         &job->out);
    return o->plain ? pare_model_write(o->output, &job->model, &job->out)
                    : pare_model_write_packed(o->output, &job->model, o->level,
                                              o->threads, &job->out);
}

static int run(struct job *job, const char *path)
{
    int rc = pare_model_open(&job->model, &job->in, path);

    if (!rc)
        pare_strip(&job->model, job->strip);
    if (!rc)
        rc = add_provenance(job);
    if (!rc)
        rc = write_model(job);
    if (!rc && job->o->report)
        rc = write_report(job);
    if (!rc && job->o->verbose)
        say(job);
    pare_model_file_release(&job->in, job->model.n_tensors);
    pare_model_file_release(&job->out, job->model.n_tensors);
    pare_model_release(&job->model);
    return rc;
}

static void check(struct job *job)
{
    const struct options *o = job->o;

    if (strcmp(o->tier, "P") != 0 && strcmp(o->tier, "F") != 0)
        cli_usage(job->tool, "--tier is P or F");
    if (o->plain && o->filter)
        cli_usage(job->tool, "--plain and --tier F are two layouts");
    if (o->filter && o->level_given)
        cli_usage(job->tool, "--level is about tier P");

    if (o->strip_given && pare_strip_parse(&job->strip, o->strip))
        cli_usage(job->tool, "--strip: %s", pare_error());
    if (o->plain && o->level_given)
        cli_usage(job->tool, "--level is about packing, not --plain");
    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->output, "-") == 0)
        cli_usage(job->tool, "--report - and the model both go to standard "
                             "output");
    if (o->report && strcmp(o->report, o->output) == 0)
        cli_usage(job->tool, "--report and -o are both '%s'", o->output);
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-",
                        .tier = "P",
                        .level = LEVEL,
                        .threads = pare_processors()};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say how each tensor is coded, and the bytes", NULL},
        {'j', "threads", "N", CLI_INT, &o.threads, 1, 1024, "threads", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "level", "N", CLI_LEVEL, &o.level, 1, 9,
         "1 is fast, 9 is small; -1 to -9 are short for it [6]",
         &o.level_given},
        {0, "plain", NULL, CLI_FLAG, &o.plain, 0, 0,
         "write named datasets instead", NULL},
        {0, "report", "FILE", CLI_TEXT, &o.report, 0, 0,
         "write a table of the bytes there", NULL},
        {0, "strip", "[=LIST]", CLI_TEXT, &o.strip, 0, 0,
         "drop what is not needed to use the model; '=list' prints the parts",
         &o.strip_given},
        {0, "tier", "P|F", CLI_TEXT, &o.tier, 0, 0,
         "F: dense datasets for all who have the filter [P]", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-pack", "[MODEL]", "Write a model as few bytes.", rows, 0, 1, 1};
    struct job job = {.tool = &tool, .o = &o};
    int first = cli_parse(&tool, argc, argv);

    if (o.strip_given && !*o.strip)
        o.strip = "all";
    if (o.strip_given && strcmp(o.strip, "list") == 0) {
        list_parts();
        return cli_exit(&tool, 0);
    }
    o.filter = strcmp(o.tier, "F") == 0;
    check(&job);
    if (run(&job, first < argc ? argv[first] : "-"))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
