#include <stdio.h>
#include <string.h>

#include "data-common.h"

/** A subcommand: a row here and a file of its own. */
struct row {
    const char *name;
    int (*main)(int argc, char **argv);
};

static const struct row table[] = {
    {"idx", data_idx_main},
    {"csv", data_csv_main},
    {"images", data_images_main},
    {"cifar10", data_cifar10_main},
    {"cifar100", data_cifar100_main},
    {"npy", data_npy_main},
    {"npz", data_npz_main},
    {"info", data_info_main},
};

int main(int argc, char **argv)
{
    static const struct cli_tool tool = {
        "pare-data",
        "idx|csv|images|cifar10|cifar100|npy|npz|info [ARG ...]",
        "Make a data file of foreign data, or tell what one holds.\n"
        "Each has its own help: pare data idx --help.",
        NULL,
        1,
        -1,
        1};

    for (size_t i = 0; argc > 1 && i < sizeof table / sizeof *table; i++)
        if (strcmp(argv[1], table[i].name) == 0)
            return table[i].main(argc - 1, argv + 1);
    cli_parse(&tool, argc, argv); /* help, version, nothing */
    cli_usage(&tool, "no subcommand '%s'", argv[1]);
}
