#include <stdlib.h>
#include <string.h>

#include "csv_data.h"
#include "data-common.h"

struct options {
    struct data_common common;
    const char *label, *separator;
    struct cli_list one_hot, scale, inputs, ignore;
    bool standardize, drop_na;
};

static struct pare_csv_list list(const struct cli_list *l)
{
    struct pare_csv_list out = {l->n, l->item};

    return out;
}

static int run(const struct cli_tool *tool, struct options *opt,
               const char *file)
{
    const struct pare_csv_recipe recipe = {
        .label = opt->label,
        .one_hot = list(&opt->one_hot),
        .scale = list(&opt->scale),
        .inputs = list(&opt->inputs),
        .ignore = list(&opt->ignore),
        .standardize = opt->standardize,
        .drop_na = opt->drop_na,
    };
    struct pare_csv table = {0};
    struct pare_dataset d = {0};
    uint8_t *plain = NULL;
    size_t dropped = 0;
    int rc =
        pare_csv_read(&table, file, opt->separator ? opt->separator[0] : ',');

    if (rc == 0)
        rc = pare_csv_dataset(&d, &plain, &dropped, &table, &recipe, file);
    pare_csv_release(&table);
    if (rc == 0 && dropped && opt->common.verbose)
        cli_warn(tool, "%zu row%s dropped", dropped,
                 dropped == 1 ? "" : "s");
    if (rc == 0)
        rc = data_common_finish(tool, &opt->common, &d,
                                opt->standardize ? plain : NULL);
    pare_dataset_release(&d);
    free(plain);
    return rc;
}

static void check(const struct cli_tool *tool, const struct options *opt)
{
    if (!opt->label)
        cli_usage(tool, "no label: --label COL");
    if (opt->separator &&
        (strlen(opt->separator) != 1 || strchr("\"\r\n", *opt->separator)))
        cli_usage(tool,
                  "--separator: '%s' is not one character that can "
                  "separate",
                  opt->separator);
    if (opt->common.normalize && (opt->standardize || opt->scale.n))
        cli_usage(tool, "--normalize excludes --standardize and --scale");
    data_common_check(tool, &opt->common);
}

int data_csv_main(int argc, char **argv)
{
    struct options opt = {0};
    const struct cli_option table[] = {
        {0, "label", "COL[=V,...]", CLI_TEXT, &opt.label, 0, 0,
         "column of the classes; their order", NULL},
        {0, "one-hot", "COL[=V,...]", CLI_LIST, &opt.one_hot, 0, 0,
         "column of names: an input of 0 or 1 for each", NULL},
        {0, "scale", "COL=K", CLI_LIST, &opt.scale, 0, 0,
         "divide a column by K", NULL},
        {0, "standardize", NULL, CLI_FLAG, &opt.standardize, 0, 0,
         "bring the other columns of numbers to mean 0, deviation 1", NULL},
        {0, "drop-na", NULL, CLI_FLAG, &opt.drop_na, 0, 0,
         "leave out rows with NA, NaN or empty cells", NULL},
        {0, "inputs", "COL,...", CLI_LIST, &opt.inputs, 0, 0,
         "only these columns are inputs", NULL},
        {0, "ignore", "COL,...", CLI_LIST, &opt.ignore, 0, 0,
         "these columns are no inputs", NULL},
        {0, "separator", "C", CLI_TEXT, &opt.separator, 0, 0,
         "what stands between cells [,]", NULL},
        DATA_COMMON_ROWS(opt.common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-data csv",
                                  "FILE",
                                  "Make a data file of a table.",
                                  table,
                                  1,
                                  1,
                                  1};
    int first = cli_parse(&tool, argc, argv);

    check(&tool, &opt);
    if (run(&tool, &opt, argv[first]))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
