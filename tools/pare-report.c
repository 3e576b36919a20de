/* pare-report(1): one page about a set of runs. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomic.h"
#include "cli.h"
#include "model_file.h"
#include "replay.h"
#include "report.h"
#include "status.h"

struct options {
    const char *output, *title, *by, *pivot;
    struct cli_list metric;
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- models ------------------------------------------------------------ */

/* The commands that made a model, or why they cannot be told. */
static int make_script(char **text, const struct pare_model *m,
                       const char *state)
{
    struct replay steps = {0};
    size_t n;
    FILE *out = open_memstream(text, &n);
    int rc;

    if (!out)
        return no_memory();
    rc = replay_read(&steps, m, state);
    if (rc)
        fprintf(out, "# %s\n", pare_error());
    else
        replay_print_script(&steps, out);
    replay_release(&steps);
    if (fclose(out) != 0) {
        free(*text);
        *text = NULL;
        return no_memory();
    }
    return rc == PARE_ENOMEM ? rc : 0;
}

static int keep_item(struct report *r, const char *path,
                     const struct pare_model *m, const char *state)
{
    struct report_item *item;
    size_t size = m->n_history * sizeof *item->history;

    if (r->n_items == r->item_room) {
        size_t room = 2 * r->item_room + 16;

        item = realloc(r->item, room * sizeof *item);
        if (!item)
            return no_memory();
        r->item = item;
        r->item_room = room;
    }
    item = &r->item[r->n_items];
    memset(item, 0, sizeof *item);
    r->n_items++;
    item->path = strdup(path);
    item->history = malloc(size + 1);
    if (!item->path || !item->history)
        return no_memory();
    if (size)
        memcpy(item->history, m->history, size);
    item->n_history = m->n_history;
    snprintf(item->state, sizeof item->state, "%s", state);
    return make_script(&item->script, m, state);
}

static int add_model(struct report *r, const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    int rc;

    if (report_item_of(r, path))
        return pare_fail(PARE_EINVAL, "'%s' is given twice", path);
    rc = pare_model_read(&m, &info, path);
    if (!rc)
        rc = runs_add_model(&r->runs, path, &m, info.bytes);
    if (!rc)
        rc = keep_item(r, path, &m, info.state);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return rc;
}

/* ---- directories ------------------------------------------------------- */

static int leave_out(struct report *r, const char *path)
{
    struct report_left *grown =
        realloc(r->left, (r->n_left + 1) * sizeof *grown);

    if (!grown)
        return no_memory();
    r->left = grown;
    grown += r->n_left++;
    *grown = (struct report_left){strdup(path), strdup(pare_error())};
    return grown->path && grown->why ? 0 : no_memory();
}

static int is_h5(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 3 && strcmp(d->d_name + n - 3, ".h5") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The models among a directory's *.h5; other files are told of. */
static int add_directory(struct report *r, const char *dir)
{
    struct dirent **entry;
    int n = scandir(dir, &entry, is_h5, by_bytes), rc = 0;
    char path[PATH_MAX];

    if (n < 0)
        return pare_fail(PARE_EIO, "cannot read '%s': %s", dir,
                         strerror(errno));
    for (int i = 0; i < n; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", dir, entry[i]->d_name);

        if (!rc && len >= (int)sizeof path)
            rc = pare_fail(PARE_ELIMIT, "a path in '%s' is too long", dir);
        if (!rc) {
            rc = add_model(r, path);
            if (rc == PARE_EFORMAT || rc == PARE_ELIMIT || rc == PARE_EIO)
                rc = leave_out(r, path);
        }
        free(entry[i]);
    }
    free(entry);
    return rc;
}

static int add_operand(struct report *r, const char *path)
{
    struct stat st;

    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_directory(r, path);
    return runs_is_model(path) ? add_model(r, path)
                               : runs_add_table(&r->runs, path);
}

/* ---- the page ---------------------------------------------------------- */

static bool has_metric(const struct report *r, const char *key)
{
    for (size_t i = 0; i < r->runs.n; i++)
        if (!isnan(run_number(&r->runs.run[i], key)))
            return true;
    return false;
}

/* Those asked for, which some run must have; else what there is to tell. */
static int choose_metrics(struct report *r, const char **room,
                          const struct options *o)
{
    static const char *const usual[] = {"accuracy", "loss", "val_acc",
                                        "best_val_acc", "val_loss"};

    r->metric = room;
    for (size_t i = 0; i < o->metric.n; i++) {
        if (!has_metric(r, o->metric.item[i]))
            return pare_fail(PARE_EINVAL, "no run has a number '%s'",
                             o->metric.item[i]);
        room[r->n_metrics++] = o->metric.item[i];
    }
    for (size_t i = 0; !o->metric.n && i < sizeof usual / sizeof *usual; i++)
        if (has_metric(r, usual[i]))
            room[r->n_metrics++] = usual[i];
    if (r->n_metrics == 0)
        room[r->n_metrics++] = "sparsity";
    return 0;
}

/* The option that tells curves apart: the only one that is no amount. */
static void choose_curves(struct report *r)
{
    static const char *const amounts[] = {" -s", " -f", " -c", " -n"};

    for (size_t k = 0; k < r->groups.n_keys; k++) {
        const char *key = r->groups.key[k];
        bool amount = false;

        for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
            amount |= strlen(key) > 3 &&
                      strcmp(key + strlen(key) - 3, amounts[i]) == 0;
        if (amount)
            continue;
        if (r->by) { /* a second one */
            r->by = NULL;
            return;
        }
        r->by = r->groups.key[k];
    }
}

static int write_page(const struct report *r, const char *path)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    int rc;

    if (!out)
        return no_memory();
    rc = report_print(r, out);
    if (fclose(out) != 0 && !rc)
        rc = no_memory();
    if (!rc)
        rc = pare_atomic_write(path, text, n);
    free(text);
    return rc;
}

static void release(struct report *r)
{
    runs_release(&r->runs);
    for (size_t i = 0; i < r->n_items; i++) {
        free(r->item[i].path);
        free(r->item[i].script);
        free(r->item[i].history);
    }
    free(r->item);
    for (size_t i = 0; i < r->n_left; i++) {
        free(r->left[i].path);
        free(r->left[i].why);
    }
    free(r->left);
    report_groups_release(&r->groups);
}

static int run(struct report *r, char *const *path, int n,
               const struct options *o)
{
    const char **metric = calloc(o->metric.n + 8, sizeof *metric);
    int rc = metric ? 0 : no_memory();

    for (int i = 0; !rc && i < n; i++)
        rc = add_operand(r, path[i]);
    if (!rc && r->runs.n == 0)
        rc = pare_fail(PARE_EINVAL, "there are no models");
    if (!rc)
        rc = choose_metrics(r, metric, o);
    if (!rc)
        rc = report_group_runs(&r->groups, &r->runs, o->by);
    if (!rc) {
        choose_curves(r);
        rc = write_page(r, o->output);
    }
    release(r);
    free(metric);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o = {.title = "Runs"};
    struct report r = {0};
    char *row = NULL, *comma;
    int first, rc;
    const struct cli_option rows[] = {
        {0, "by", "KEY", CLI_TEXT, &o.by, 0, 0,
         "group by these, with commas; else by the options that differ", NULL},
        {0, "metric", "KEY", CLI_LIST, &o.metric, 0, 0,
         "number to show; may be repeated", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "page to write, standard output otherwise", NULL},
        {0, "pivot", "ROW,COLUMN", CLI_TEXT, &o.pivot, 0, 0,
         "tables of one key by another", NULL},
        {0, "title", "TEXT", CLI_TEXT, &o.title, 0, 0, "title of the page",
         NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-report",
                                  "DIR|MODEL|TABLE ...",
                                  "Write a page of tables and pictures about "
                                  "runs.",
                                  rows,
                                  1,
                                  -1,
                                  1};

    first = cli_parse(&tool, argc, argv);
    r.title = o.title;
    if (o.pivot) {
        row = strdup(o.pivot);
        comma = row ? strchr(row, ',') : NULL;
        if (!comma || comma == row || !comma[1] || strchr(comma + 1, ','))
            cli_usage(&tool, "--pivot is two keys with a comma, not '%s'",
                      o.pivot);
        *comma = '\0';
        r.row = row;
        r.column = comma + 1;
    }
    rc = run(&r, argv + first, argc - first, &o);
    free(row);
    return rc ? cli_fail(&tool) : cli_exit(&tool, 0);
}
