/* pare-log(1): what made a model, and its history. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "model_file.h"
#include "number.h"
#include "replay.h"
#include "status.h"

struct options {
    bool history, make;
    struct cli_list search;
};

/** A column of the history; NaN means that there was nothing to measure. */
static void print_number(double d)
{
    char buf[PARE_NUMBER_MAX];

    printf("\t%s", pare_number_print(buf, d));
}

static int print_history(const char *path)
{
    struct pare_model m = {0};
    int err = pare_model_read(&m, NULL, path);

    for (size_t i = 0; !err && i < m.n_history; i++) {
        const struct pare_history_row *r = &m.history[i];

        printf("%s\t%" PRIu64 "\t%" PRIu64, path, r->epoch, r->step);
        print_number(r->lr);
        print_number(r->train_loss);
        print_number(r->train_acc);
        print_number(r->val_loss);
        print_number(r->val_acc);
        print_number(r->sparsity);
        putchar('\n');
    }
    pare_model_release(&m);
    return err;
}

static int print_histories(char **path, int n)
{
    int err = 0;

    puts("model\tepoch\tstep\tlr\ttrain_loss\ttrain_acc\tval_loss\tval_acc\t"
         "sparsity");
    for (int i = 0; i < n && !err; i++)
        err = print_history(path[i]);
    return err;
}

static int print_steps(const struct options *o, const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    struct replay r = {0};
    int err = pare_model_read(&m, &info, path);

    if (!err) {
        err = replay_read(&r, &m, info.state);
        if (err)
            pare_fail_prefix(err, "%s", path);
    }
    for (size_t i = 0; !err && i < o->search.n; i++)
        err = replay_search(&r, o->search.item[i]);
    if (!err && o->make)
        replay_print_make(&r, stdout);
    else if (!err)
        replay_print_script(&r, stdout);
    replay_release(&r);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    const struct cli_option rows[] = {
        {0, "history", NULL, CLI_FLAG, &o.history, 0, 0,
         "print the training history as TSV", NULL},
        {0, "make", NULL, CLI_FLAG, &o.make, 0, 0,
         "print a Makefile that makes the model again", NULL},
        {0, "search", "DIR", CLI_LIST, &o.search, 0, 0,
         "look for the inputs in *.h5 below DIR", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-log",
        "[MODEL ...]",
        "Print the commands that made a model, or its history.",
        rows,
        0,
        -1,
        1};
    int first = cli_parse(&tool, argc, argv);
    char standard[] = "-", *input = standard;
    char **path = first < argc ? argv + first : &input;
    int n = first < argc ? argc - first : 1, err;

    if (o.history && (o.make || o.search.n))
        cli_usage(&tool, "--history goes with neither --make nor --search");
    if (!o.history && n > 1)
        cli_usage(&tool, "one operand too many: '%s'", path[1]);
    err = o.history ? print_histories(path, n) : print_steps(&o, path[0]);
    return err ? cli_fail(&tool) : cli_exit(&tool, 0);
}
