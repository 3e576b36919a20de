/* Rules to drop connections by, as pare-prune has them. */
#include "prune-drop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "status.h"

void prune_drop_list(const struct pruning_options *o)
{
    const struct pare_drop_rule *row;

    for (size_t i = 0; (row = pare_drop_rule(i)) != NULL; i++)
        if (strcmp(o->criterion, "list") == 0 && pare_drop_named(row->name))
            printf("%s\t%s\t%s\n", row->name, row->help, row->source);
}

/* An option that was given and does not go with these rules, or NULL. */
static const char *unfit(const struct pruning_options *o)
{
    static const char *const amount[] = {"-s", "-f", "-c", "-n"};

    for (int k = 0; k < PRUNING_AMOUNTS; k++)
        if (o->given[k])
            return amount[k];
    if (strcmp(o->grain, "weight") != 0)
        return "-g";
    if (strcmp(o->allocation, "global") != 0 &&
        strcmp(o->allocation, "layer") != 0)
        return "-A";
    return o->norm_given        ? "--norm"
           : o->scores          ? "--scores"
           : o->partial         ? "--partial"
           : o->calibrate_given ? "--calibrate"
           : o->seed_given      ? "-S"
           : o->layer.n         ? "--layer"
           : o->min.n           ? "--min-sparsity"
           : o->max.n           ? "--max-sparsity"
           : o->floor           ? "--floor"
           : o->bias            ? "--bias"
                                : NULL;
}

void prune_drop_set_up(struct pare_drop_options *drop,
                       const struct cli_tool *tool,
                       const struct pruning_options *o, const char *other)
{
    const char *bad = unfit(o);

    if (pare_drop_parse(drop, o->criterion))
        cli_usage(tool, "-m: %s", pare_error());
    if (!bad)
        bad = other;
    if (bad)
        cli_usage(tool,
                  "-m %s says itself how much goes: %s does not go "
                  "with it",
                  drop->rule->name, bad);
    drop->only = o->only.item;
    drop->n_only = o->only.n;
    drop->skip = o->skip.item;
    drop->n_skip = o->skip.n;
}

static int check_collapse(const struct pare_rewire_report *r,
                          const struct pare_model *m)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        size_t layer = m->tensor[r->row[i].tensor].layer;

        if (r->row[i].before && !r->row[i].after)
            return pare_fail(PARE_EINVAL, "layer %s would lose its last weight",
                             m->arch.layer[layer].name);
    }
    return 0;
}

int prune_drop(struct pare_prune_report *r, struct pare_model *m,
               const struct pare_drop_options *drop, bool no_collapse)
{
    struct pare_rewire_report done = {0};
    struct pare_prune_report report = {0};
    int rc = pare_drop(&done, m, drop);

    if (!rc && no_collapse)
        rc = check_collapse(&done, m);
    if (!rc && !(report.row = calloc(done.n_rows + 1, sizeof *report.row)))
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < done.n_rows; i++) {
        struct pare_prune_row *row = &report.row[report.n_rows++];

        row->tensor = done.row[i].tensor;
        row->total = pare_tensor_positions(&m->tensor[row->tensor]);
        row->kept_before = done.row[i].before;
        row->kept_after = done.row[i].after;
        report.total += row->total;
    }
    report.kept_before = report.grains_before = done.before;
    report.kept_after = done.after;
    report.grains_removed = done.removed;
    pare_rewire_report_release(&done);
    if (rc)
        pare_prune_report_release(&report);
    else
        *r = report;
    return rc;
}

void prune_drop_provenance(struct provenance *to,
                           const struct pare_drop_options *drop)
{
    provenance_option(to, "-m", drop->canon);
    provenance_options(to, "--skip", drop->skip, drop->n_skip);
    provenance_options(to, "--only", drop->only, drop->n_only);
}

void prune_drop_outcome(char *text, size_t size,
                        const struct pare_drop_options *drop,
                        const struct pare_prune_report *r)
{
    char removed[32], before[32];
    uint64_t n = r->kept_before - r->kept_after;

    snprintf(text, size, "%s: removed %s of %s (%.4f)", drop->canon,
             cli_count(removed, n), cli_count(before, r->kept_before),
             r->kept_before ? (double)n / (double)r->kept_before : 0);
}
