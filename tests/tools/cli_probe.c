/* A tool with one option of every type, for tests/tools/cli.sh. */
#include <stdio.h>

#include "cli.h"

struct options {
    bool quiet, seed_given;
    const char *data, *also;
    uint64_t seed;
    int epochs, level;
    double lr;
    struct cli_list layer, loss;
};

static void print_list(const char *name, const struct cli_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        printf("%s=%s\n", name, list->item[i]);
}

int main(int argc, char **argv)
{
    struct options o = {.data = "x.h5", .epochs = 20, .level = 0, .lr = 0.1};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0, "a flag", NULL},
        {'d', "data", "FILE", CLI_TEXT, &o.data, 0, 0, "a text", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0, "a seed", &o.seed_given},
        {'e', "epochs", "N", CLI_INT, &o.epochs, -1, 1e6, "an int", NULL},
        {'l', "lr", "X", CLI_REAL, &o.lr, 0, 10, "a real", NULL},
        {0, "level", "N", CLI_LEVEL, &o.level, 1, 9, "a level", NULL},
        {0, "also", "[=WHAT]", CLI_TEXT, &o.also, 0, 0, "if you like", NULL},
        {0, "layer", "GLOB=X", CLI_LIST, &o.layer, 0, 0, "a list", NULL},
        {0, "loss", "NAME", CLI_LIST, &o.loss, 0, 0, "another", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-probe", "[A [B]]", "Print what was understood.", rows, 0, 2, 1};
    int first = cli_parse(&tool, argc, argv);
    char buf[32];

    printf("quiet=%d\ndata=%s\nseed=%s\nepochs=%d\nlr=%g\n", o.quiet, o.data,
           o.seed_given ? cli_count(buf, o.seed) : "none", o.epochs, o.lr);
    if (o.level)
        printf("level=%d\n", o.level);
    if (o.also)
        printf("also=%s\n", o.also);
    print_list("layer", &o.layer);
    print_list("loss", &o.loss);
    for (int i = first; i < argc; i++)
        printf("operand=%s\n", argv[i]);
    return cli_exit(&tool, 0);
}
