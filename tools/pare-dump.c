/* pare-dump(1): a model as text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "cli.h"
#include "model_file.h"
#include "status.h"
#include "text_twin.h"

struct options {
    const char *input, *output;
};

/** Print into memory, so that the file is written whole or not at all. */
static int print_file(const char *path, const struct pare_model *m)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    int err = f ? pare_text_print(f, m)
                : pare_fail(PARE_ENOMEM, "%s", strerror(errno));

    if (f && fclose(f) != 0 && !err)
        err = pare_fail(PARE_ENOMEM, "%s", strerror(errno));
    if (!err)
        err = pare_atomic_write(path, text, n);
    free(text);
    return err;
}

static int run(const struct options *o)
{
    struct pare_model m = {0};
    int err = pare_model_read(&m, NULL, o->input);

    if (!err && strcmp(o->output, "-") == 0)
        err = pare_text_print(stdout, &m);
    else if (!err)
        err = print_file(o->output, &m);
    pare_model_release(&m);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {.input = "-", .output = "-"};
    const struct cli_option rows[] = {
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the text there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-dump", "[MODEL]", "Print a model as text.", rows, 0, 1, 1};
    int first = cli_parse(&tool, argc, argv);

    if (first < argc)
        o.input = argv[first];
    return run(&o) ? cli_fail(&tool) : cli_exit(&tool, 0);
}
