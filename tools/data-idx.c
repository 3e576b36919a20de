#include "data-common.h"
#include "idx.h"

struct options {
    struct data_common common;
    const char *classes;
};

/* Read a pair of files as one split. */
static int take(struct pare_dataset *d, enum pare_split_id id,
                const char *x_path, const char *y_path)
{
    struct pare_idx x = {0}, y = {0};
    int rc = pare_idx_read(&x, x_path);

    if (rc == 0)
        rc = pare_idx_read(&y, y_path);
    if (rc == 0)
        rc = pare_idx_split(d, id, &x, &y, x_path, y_path);
    pare_idx_release(&x);
    pare_idx_release(&y);
    return rc;
}

static int run(const struct cli_tool *tool, struct options *opt, char **file,
               int n)
{
    struct pare_dataset d = {0};
    int rc = take(&d, PARE_TRAIN, file[0], file[1]);

    if (rc == 0 && n == 4)
        rc = take(&d, PARE_TEST, file[2], file[3]);
    if (rc == 0 && opt->classes)
        rc = data_common_classes(&d, opt->classes);
    if (rc == 0)
        rc = data_common_finish(tool, &opt->common, &d, NULL);
    pare_dataset_release(&d);
    return rc;
}

int data_idx_main(int argc, char **argv)
{
    struct options opt = {0};
    const struct cli_option table[] = {
        {0, "classes", "NAME,...", CLI_TEXT, &opt.classes, 0, 0,
         "names of classes 0, 1, ...", NULL},
        DATA_COMMON_ROWS(opt.common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data idx",
        "TRAIN_X TRAIN_Y [TEST_X TEST_Y]",
        "Make a data file of IDX files, plain or gzip.",
        table,
        2,
        4,
        1};
    int first = cli_parse(&tool, argc, argv);

    if (argc - first == 3)
        cli_usage(&tool, "test inputs without test labels");
    if (argc - first == 4 && opt.common.make_split)
        cli_usage(&tool, "--make-split is for one pair of files");
    data_common_check(&tool, &opt.common);
    if (run(&tool, &opt, argv + first, argc - first))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
