/* pare-init(1): an untrained model from an architecture and a seed. */
#include <stdio.h>
#include <string.h>

#include "begin.h"
#include "compact.h"
#include "initializer.h"
#include "model_file.h"
#include "provenance.h"
#include "status.h"
#include "tables.h"

struct options {
    const char *arch, *init, *output;
    uint64_t seed;
    bool seed_given, verbose;
    struct begin_sparse sparse;
};

/** The canonical text stands for those that are made, not written. */
static int list_architectures(void)
{
    const struct pare_arch_name *row;

    puts("name\tarchitecture\tmeaning");
    for (size_t i = 0; (row = pare_arch_name(i)); i++) {
        struct pare_arch a = {0};
        int err = row->text ? 0 : pare_arch_parse(&a, row->name);

        if (err)
            return err;
        printf("%s\t%s\t%s\n", row->name, row->text ? row->text : a.text,
               row->help);
        pare_arch_release(&a);
    }
    return 0;
}

static int add_provenance(struct pare_model *m, const struct options *o)
{
    struct provenance *p = provenance_new("init");

    provenance_option(p, "-a", m->arch.text);
    provenance_option(p, "--init", m->init.spec);
    if (m->init.sparse[0])
        provenance_option(p, "--sparse", m->init.sparse);
    provenance_u64(p, "-S", o->seed);
    return provenance_add(p, m);
}

/** "266,610 parameters", or "53,300 of 266,610 parameters". */
static void say(const struct cli_tool *tool, const struct pare_model *m,
                uint64_t size)
{
    uint64_t all = 0, kept = 0;
    char a[32], b[32], bytes[32];

    for (size_t t = 0; t < m->n_tensors; t++) {
        if (m->tensor[t].role == PARE_ROLE_BUFFER)
            continue;
        all += pare_tensor_positions(&m->tensor[t]);
        kept += pare_tensor_kept(&m->tensor[t]);
    }
    cli_warn(tool, "%s%s%s parameters, %s bytes",
             m->init.sparse[0] ? cli_count(a, kept) : "",
             m->init.sparse[0] ? " of " : "", cli_count(b, all),
             cli_count(bytes, size));
}

static int run(const struct cli_tool *tool, struct options *o)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    int err = begin_model(tool, &m, o->arch, o->init, &o->sparse,
                          o->seed_given, &o->seed, "init");

    if (!err)
        err = add_provenance(&m, o);
    if (!err)
        err = pare_model_write(o->output, &m, &info);
    if (!err && o->verbose)
        say(tool, &m, info.bytes);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {.init = "pytorch", .output = "-"};
    const struct cli_option rows[] = {
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0, "say what was made",
         NULL},
        {'a', "arch", "ARCH", CLI_TEXT, &o.arch, 0, 0,
         "architecture; 'list' prints those with a name", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {'S', "seed", "N", CLI_U64, &o.seed, 0, 0,
         "seed; without it, one that follows from the architecture",
         &o.seed_given},
        {0, "init", "NAME", CLI_TEXT, &o.init, 0, 0,
         "initialiser; 'list' prints them", NULL},
        BEGIN_OPTIONS(o.sparse),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-init", "", "Make an untrained model.", rows, 0, 0, 1};
    struct pare_arch arch = {0};
    char canon[PARE_SPEC_MAX];

    cli_parse(&tool, argc, argv);
    if (o.arch && strcmp(o.arch, "list") == 0)
        return cli_exit(&tool, list_architectures());
    if (tables_list((const struct tables_given[]){{"init", o.init},
                                                  {"sparse", o.sparse.way}},
                    2))
        return cli_exit(&tool, 0);
    if (!o.arch)
        cli_usage(&tool, "no architecture: use -a");
    if (pare_arch_parse(&arch, o.arch) || pare_initializer_parse(canon, o.init))
        cli_usage(&tool, "%s", pare_error());
    pare_arch_release(&arch);
    begin_check(&tool, &o.sparse);
    return run(&tool, &o) ? cli_fail(&tool) : cli_exit(&tool, 0);
}
