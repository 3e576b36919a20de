/* pare-init(1): an untrained model from an architecture and a seed. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "digest.h"
#include "initializer.h"
#include "model_file.h"
#include "provenance.h"
#include "status.h"

struct options {
    const char *arch, *init, *output;
    uint64_t seed;
    bool seed_given, verbose;
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

static int list_initializers(void)
{
    const struct pare_initializer *row;

    puts("name\tmeaning\tsource");
    for (size_t i = 0; (row = pare_initializer(i)); i++)
        printf("%s\t%s\t%s\n", row->name, row->help, row->source);
    return 0;
}

/** The architecture's tensors, and the seed that follows from them. */
static int make(struct pare_model *m, struct options *o)
{
    struct pare_arch arch = {0};
    char digest[PARE_DIGEST_LEN];
    int err = pare_arch_parse(&arch, o->arch);

    if (!err)
        err = pare_model_init(m, &arch);
    if (!err && !o->seed_given) {
        err = pare_digest_state(digest, m);
        if (!err)
            o->seed = pare_digest_seed(digest, "init");
    }
    return err ? err : pare_model_draw(m, o->init, o->seed);
}

static int add_provenance(struct pare_model *m, const struct options *o)
{
    struct provenance *p = provenance_new("init");

    provenance_option(p, "-a", m->arch.text);
    provenance_option(p, "--init", m->init.spec);
    provenance_u64(p, "-S", o->seed);
    return provenance_add(p, m);
}

static int run(const struct cli_tool *tool, struct options *o)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    uint64_t parameters = 0;
    char count[32], bytes[32];
    int err = make(&m, o);

    if (!err)
        err = add_provenance(&m, o);
    if (!err)
        err = pare_model_write(o->output, &m, &info);
    if (!err && o->verbose) {
        for (size_t t = 0; t < m.n_tensors; t++)
            if (m.tensor[t].role != PARE_ROLE_BUFFER)
                parameters += m.tensor[t].n;
        cli_warn(tool, "%s parameters, %s bytes", cli_count(count, parameters),
                 cli_count(bytes, info.bytes));
    }
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
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-init", "", "Make an untrained model.", rows, 0, 0, 1};
    struct pare_arch arch = {0};
    char canon[PARE_SPEC_MAX];

    cli_parse(&tool, argc, argv);
    if (o.arch && strcmp(o.arch, "list") == 0)
        return cli_exit(&tool, list_architectures());
    if (strcmp(o.init, "list") == 0)
        return cli_exit(&tool, list_initializers());
    if (!o.arch)
        cli_usage(&tool, "no architecture: use -a");
    if (pare_arch_parse(&arch, o.arch) || pare_initializer_parse(canon, o.init))
        cli_usage(&tool, "%s", pare_error());
    pare_arch_release(&arch);
    return run(&tool, &o) ? cli_fail(&tool) : cli_exit(&tool, 0);
}
