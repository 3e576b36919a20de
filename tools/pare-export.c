/* pare-export(1): a model for other programs. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "export.h"
#include "model_file.h"
#include "status.h"

struct options {
    const char *format, *input, *output;
};

static int list_formats(void)
{
    const struct pare_export_format *row;

    puts("name\tsuffix\tmeaning\tsource");
    for (size_t i = 0; (row = pare_export_format(i)) != NULL; i++)
        printf("%s\t%s\t%s\t%s\n", row->name, row->suffix, row->help,
               row->source);
    return 0;
}

static int run(const struct options *o, const struct pare_export_format *f)
{
    struct pare_model m = {0};
    int err = pare_export_streams(f) ? pare_model_open(&m, NULL, o->input)
                                     : pare_model_read(&m, NULL, o->input);

    if (!err)
        err = f->write(o->output, &m);
    pare_model_release(&m);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {.input = "-", .output = "-"};
    const struct cli_option rows[] = {
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0, "write there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-export",
                                  "FORMAT [MODEL]",
                                  "Write a model for other programs; "
                                  "'list' prints the formats.",
                                  rows,
                                  1,
                                  2,
                                  1};
    const struct pare_export_format *format;
    int first = cli_parse(&tool, argc, argv);

    o.format = argv[first];
    if (strcmp(o.format, "list") == 0 && first + 1 == argc)
        return cli_exit(&tool, list_formats());
    format = pare_export_find(o.format);
    if (!format)
        cli_usage(&tool, "%s", pare_error());
    if (first + 1 < argc)
        o.input = argv[first + 1];
    return run(&o, format) ? cli_fail(&tool) : cli_exit(&tool, 0);
}
