#include <stdlib.h>

#include "cifar.h"
#include "data-common.h"
#include "status.h"

static int run(const struct cli_tool *tool, struct data_common *c,
               enum pare_cifar kind, char **file, int n)
{
    struct pare_dataset d = {0};
    int rc = pare_cifar_read(&d, kind, file, (size_t)n);

    if (rc == 0 && c->make_split && d.split[PARE_TEST].n)
        rc = pare_fail(PARE_EINVAL,
                       "--make-split is for training files alone; use --val");
    if (rc == 0)
        rc = data_common_finish(tool, c, &d, NULL);
    pare_dataset_release(&d);
    return rc;
}

static int finish(const struct cli_tool *tool, struct data_common *c,
                  enum pare_cifar kind, char **file, int n)
{
    data_common_check(tool, c);
    if (run(tool, c, kind, file, n))
        return cli_fail(tool);
    return cli_exit(tool, 0);
}

int data_cifar10_main(int argc, char **argv)
{
    struct data_common common = {0};
    const struct cli_option table[] = {
        DATA_COMMON_ROWS(common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data cifar10",
        "DIR|FILE ...",
        "Make a data file of CIFAR-10 in its binary version.",
        table,
        1,
        -1,
        1};
    int first = cli_parse(&tool, argc, argv);

    return finish(&tool, &common, PARE_CIFAR_10, argv + first, argc - first);
}

int data_cifar100_main(int argc, char **argv)
{
    struct data_common common = {0};
    bool coarse = false;
    const struct cli_option table[] = {
        {0, "coarse", NULL, CLI_FLAG, &coarse, 0, 0,
         "the 20 superclasses, not the 100 classes", NULL},
        DATA_COMMON_ROWS(common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data cifar100",
        "DIR|FILE ...",
        "Make a data file of CIFAR-100 in its binary version.",
        table,
        1,
        -1,
        1};
    int first = cli_parse(&tool, argc, argv);

    return finish(&tool, &common,
                  coarse ? PARE_CIFAR_100_COARSE : PARE_CIFAR_100_FINE,
                  argv + first, argc - first);
}
