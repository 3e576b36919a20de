/* pare-unpack(1): write a packed model with named datasets. */
#include "cli.h"
#include "model_file.h"
#include "provenance.h"
#include "telling.h"

struct options {
    const char *output;
    bool verbose;
};

static int add_provenance(struct pare_model *m, const char *state)
{
    struct provenance *p = provenance_new("unpack");

    provenance_input(p, "", "model", state);
    return provenance_add(p, m);
}

static void say(const struct cli_tool *tool, const struct pare_model_file *in,
                const struct pare_model_file *out)
{
    char before[32], after[32];

    telling_unknown(tool, in);
    cli_warn(tool, "%s bytes before, %s after%s", cli_count(before, in->bytes),
             cli_count(after, out->bytes),
             in->packed ? "" : "; it was not packed");
}

static int run(const struct cli_tool *tool, const struct options *o,
               const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file in = {0}, out = {0};
    int rc = pare_model_open(&m, &in, path);

    if (!rc)
        rc = add_provenance(&m, in.state);
    if (!rc)
        rc = pare_model_write(o->output, &m, &out);
    if (!rc && o->verbose)
        say(tool, &in, &out);
    pare_model_file_release(&in, m.n_tensors);
    pare_model_file_release(&out, m.n_tensors);
    pare_model_release(&m);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-"};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0, "say the bytes",
         NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-unpack",
                                  "[MODEL]",
                                  "Write a packed model with named datasets.",
                                  rows,
                                  0,
                                  1,
                                  1};
    int first = cli_parse(&tool, argc, argv);

    if (run(&tool, &o, first < argc ? argv[first] : "-"))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
