/* pare-rewind(1): set weights back to an earlier state. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "digest.h"
#include "hold.h"
#include "model_file.h"
#include "provenance.h"
#include "rewind.h"
#include "status.h"
#include "telling.h"

struct options {
    const char *to, *also, *output;
    bool reinit, verbose, seed_given, undo_given;
    uint64_t seed, undo;
};

/* "optimizer,schedule", in any order. */
static void parse_also(const struct cli_tool *tool,
                       struct pare_rewind_options *r, const char *text)
{
    do {
        size_t n = strcspn(text, ",");

        if (n == 9 && strncmp(text, "optimizer", n) == 0)
            r->optimizer = true;
        else if (n == 8 && strncmp(text, "schedule", n) == 0)
            r->schedule = true;
        else
            cli_usage(tool, "--also: '%.*s' is neither optimizer nor schedule",
                      (int)n, text);
        text += n;
        if (*text == ',' && !*++text)
            cli_usage(tool, "--also: something is missing after the comma");
    } while (*text);
}

static void set_up(const struct cli_tool *tool, struct pare_rewind_options *r,
                   const struct options *o)
{
    r->to = o->to ? o->to : "init";
    r->reinit = o->reinit;
    r->seed = o->seed;
    if (!o->to && !o->reinit && !o->undo_given)
        cli_usage(tool, "no checkpoint: use -t or --undo");
    if (o->reinit && strcmp(r->to, "init") != 0)
        cli_usage(tool, "--reinit draws a new init: it does not go with -t %s",
                  o->to);
    if (o->seed_given && !o->reinit)
        cli_usage(tool, "-S goes with --reinit");
    if (o->also)
        parse_also(tool, r, o->also);
}

static int add_provenance(struct pare_model *m, const char *state,
                          const struct options *o,
                          const struct pare_rewind_options *r)
{
    struct provenance *p = provenance_new("rewind");

    if (o->undo_given)
        provenance_u64(p, "--undo", o->undo);
    else
        provenance_option(p, "-t", r->to);
    if (r->optimizer && r->schedule)
        provenance_option(p, "--also", "optimizer,schedule");
    else if (r->optimizer || r->schedule)
        provenance_option(p, "--also", r->optimizer ? "optimizer" : "schedule");
    if (r->reinit) {
        provenance_option(p, "--reinit", NULL);
        provenance_u64(p, "-S", r->seed);
    }
    provenance_input(p, "", "model", state);
    return provenance_add(p, m);
}

static void say(const struct cli_tool *tool, const struct pare_model *m,
                const struct pare_model_file *in,
                const struct pare_model_file *out, const struct options *o,
                const struct pare_rewind_options *r)
{
    char kept_text[32], total_text[32];
    char undone[64];
    uint64_t kept, total;

    telling_unknown(tool, in);
    pare_model_count(m, &kept, &total);
    snprintf(undone, sizeof undone, "%llu pruning%s",
             (unsigned long long)o->undo, o->undo == 1 ? "" : "s");
    cli_warn(tool, "%s %s, %s of %s weights kept; epoch %llu, step %llu",
             o->undo_given ? "took back"
             : r->reinit   ? "drew a new"
                           : "went back to",
             o->undo_given ? undone : r->to, cli_count(kept_text, kept),
             cli_count(total_text, total),
             (unsigned long long)m->training.epoch,
             (unsigned long long)m->training.step);
    telling_bytes(tool, in, out);
}

/* -t list: where the model can go back to. */
static int list_checkpoints(const struct cli_tool *tool, const char *path)
{
    struct pare_model m = {0};

    if (pare_model_read(&m, NULL, path))
        return cli_fail(tool);
    puts("name\tepoch\tstep\toptimizer");
    for (size_t i = 0; i < m.n_checkpoints; i++) {
        const struct pare_checkpoint *c = &m.checkpoint[i];
        bool begin = strcmp(c->name, "init") == 0;

        printf("%s\t%llu\t%llu\t%s\n", c->name, (unsigned long long)c->epoch,
               (unsigned long long)c->step,
               begin || c->optim.spec[0] ? "yes" : "no");
    }
    pare_model_release(&m);
    return 0;
}

static int run(const struct cli_tool *tool, const struct options *o,
               struct pare_rewind_options *r, const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file in = {0}, out = {0};
    int rc = pare_model_read(&m, &in, path);

    if (!rc && r->reinit && !o->seed_given)
        r->seed = pare_digest_seed(in.state, "rewind");
    if (!rc)
        rc =
            o->undo_given ? pare_undo(&m, (size_t)o->undo) : pare_rewind(&m, r);
    if (!rc) {
        hold_levels(tool->name, &m);
        rc = add_provenance(&m, in.state, o, r);
    }
    if (!rc)
        rc = pare_model_write(o->output, &m, &out);
    if (!rc && o->verbose)
        say(tool, &m, &in, &out, o, r);
    pare_model_file_release(&in, m.n_tensors);
    pare_model_file_release(&out, m.n_tensors);
    pare_model_release(&m);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-"};
    struct pare_rewind_options r = {0};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say where the model stands, and the bytes", NULL},
        {'t', "to", "CHECKPOINT", CLI_TEXT, &o.to, 0, 0,
         "init, epoch:N, step:N, best or undo:N; 'list' prints them", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed of --reinit; without it, one that follows from the model",
         &o.seed_given},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, "also", "WHAT", CLI_TEXT, &o.also, 0, 0,
         "what else goes back: optimizer, schedule or both", NULL},
        {0, "reinit", NULL, CLI_FLAG, &o.reinit, 0, 0,
         "draw new initial weights under the mask", NULL},
        {0, "undo", "N", CLI_U64, &o.undo, 1, 4096,
         "take back the last N prunings that kept an undo point",
         &o.undo_given},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-rewind",
                                  "[MODEL]",
                                  "Set weights back to an earlier state.",
                                  rows,
                                  0,
                                  1,
                                  1};
    int first = cli_parse(&tool, argc, argv);

    if (o.undo_given && (o.to || o.reinit || o.also))
        cli_usage(&tool, "--undo goes with neither -t, --also nor --reinit");
    if (o.to && strcmp(o.to, "list") == 0)
        return cli_exit(
            &tool, list_checkpoints(&tool, first < argc ? argv[first] : "-"));
    set_up(&tool, &r, &o);
    if (run(&tool, &o, &r, first < argc ? argv[first] : "-"))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
