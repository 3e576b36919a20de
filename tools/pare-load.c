/* pare-load(1): a model from its text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "model_file.h"
#include "status.h"
#include "text_twin.h"

struct options {
    const char *input, *output;
};

static int run(const struct options *o)
{
    struct pare_model m = {0};
    bool standard = strcmp(o->input, "-") == 0;
    FILE *f = standard ? stdin : fopen(o->input, "r");
    int err;

    if (!f)
        return pare_fail(PARE_EIO, "cannot open '%s': %s", o->input,
                         strerror(errno));
    err = pare_text_parse(&m, f, standard ? "standard input" : o->input);
    if (!standard)
        fclose(f);
    if (!err)
        err = pare_model_write(o->output, &m, NULL);
    pare_model_release(&m);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {.input = "-", .output = "-"};
    const struct cli_option rows[] = {
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-load",
        "[TEXT]",
        "Make a model from the text that pare-dump prints.",
        rows,
        0,
        1,
        1};
    int first = cli_parse(&tool, argc, argv);

    if (first < argc)
        o.input = argv[first];
    return run(&o) ? cli_fail(&tool) : cli_exit(&tool, 0);
}
