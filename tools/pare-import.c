/* pare-import(1): a model of a file of another program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "data_file.h"
#include "import.h"
#include "model_file.h"
#include "normalize.h"
#include "provenance.h"
#include "status.h"
#include "zeros.h"

struct options {
    const char *arch, *data, *format, *graph, *normalize, *classes, *output;
    bool logits, transpose, verbose, zeros;
    struct cli_list only, map;
};

static void list_formats(void)
{
    const struct pare_import_format *row;

    puts("name\tfiles\tmeaning\tsource");
    for (size_t i = 0; (row = pare_import_format(i)); i++)
        printf("%s\t%s\t%s\t%s\n", row->name, row->suffix, row->help,
               row->source);
}

static bool is_format(const char *name)
{
    const struct pare_import_format *row;
    size_t i = 0;

    while ((row = pare_import_format(i)) && strcmp(row->name, name) != 0)
        i++;
    return row;
}

/* A list as the library takes them: NULL ends it. */
static const char **end_list(const struct cli_list *list)
{
    const char **item = calloc(list->n + 1, sizeof *item);

    if (item && list->n)
        memcpy(item, list->item, list->n * sizeof *item);
    if (!item)
        pare_fail(PARE_ENOMEM, "out of memory");
    return item;
}

static int make(struct pare_model *m, struct pare_foreign *f,
                const struct options *o)
{
    const char **only = end_list(&o->only), **map = end_list(&o->map);
    struct pare_foreign_options how = {o->arch, o->transpose, o->logits, only,
                                       map};
    int err = only && map ? pare_foreign_model(m, f, &how) : (int)PARE_ENOMEM;

    free(only);
    free(map);
    return err;
}

/* ---- what its inputs are ----------------------------------------------- */

/* As the data says, for what the options do not say. */
static int describe_by_data(struct pare_model *m, const struct pare_dataset *d,
                            const struct options *o)
{
    struct pare_norm norm = {0};

    if (pare_shape_size(&d->shape) != pare_shape_size(&m->arch.input))
        return pare_fail(
            PARE_EMISMATCH, "'%s' has %zu inputs, the model takes %zu", o->data,
            pare_shape_size(&d->shape), pare_shape_size(&m->arch.input));
    if (!o->normalize) {
        if (pare_norm_copy(&norm, &d->norm))
            return PARE_ENOMEM;
        pare_norm_release(&m->norm);
        m->norm = norm;
    }
    return o->classes || !d->n_classes
               ? 0
               : pare_model_copy_classes(m, d->n_classes, d->class_name);
}

static int describe_by_options(struct pare_model *m, bool bytes,
                               const struct options *o)
{
    struct pare_norm norm = {0};
    char **name = NULL;
    size_t n = 0;
    int err = 0;

    if (o->normalize) {
        err = strcmp(o->normalize, "auto") == 0
                  ? pare_fail(PARE_EINVAL, "--normalize auto: the data says "
                                           "that itself, with -d")
                  : normalize_parse(&norm, o->normalize, &m->arch.input, bytes);
        if (err) {
            pare_norm_release(&norm);
            return err;
        }
        pare_norm_release(&m->norm);
        m->norm = norm;
    }
    if (!o->classes)
        return 0;
    err = classes_parse(&n, &name, o->classes);
    if (!err && n != pare_shape_size(pare_arch_output(&m->arch)))
        err = pare_fail(PARE_EMISMATCH,
                        "--classes names %zu classes, the model has %zu "
                        "outputs",
                        n, pare_shape_size(pare_arch_output(&m->arch)));
    if (!err)
        err = pare_model_copy_classes(m, n, name);
    for (size_t i = 0; name && i < n; i++)
        free(name[i]);
    free(name);
    return err;
}

static int describe(struct pare_model *m, char digest[PARE_DIGEST_LEN],
                    const struct options *o)
{
    struct pare_dataset d = {0};
    int err = 0;

    if (o->data || o->normalize || o->classes)
        err = pare_arch_need_graph(&m->arch);
    if (!err && o->data)
        err = pare_data_read(&d, o->data);
    if (!err && o->data) {
        strcpy(digest, d.digest);
        err = describe_by_data(m, &d, o);
    }
    if (!err)
        err = describe_by_options(m, !o->data || d.type == PARE_X_U8, o);
    pare_dataset_release(&d);
    return err;
}

/* ---- the tool ---------------------------------------------------------- */

static int add_provenance(struct pare_model *m, const char *file,
                          const char *data, const char *graph,
                          const struct options *o)
{
    struct provenance *p = provenance_new("import");

    if (o->arch)
        provenance_option(p, "-a", m->arch.text);
    if (o->format)
        provenance_option(p, "--format", o->format);
    if (o->logits)
        provenance_option(p, "--logits", NULL);
    if (o->transpose)
        provenance_option(p, "--transpose", NULL);
    provenance_options(p, "--map", o->map.item, o->map.n);
    provenance_options(p, "--only", o->only.item, o->only.n);
    if (o->normalize)
        provenance_option(p, "--normalize", o->normalize);
    if (o->classes)
        provenance_option(p, "--classes", o->classes);
    if (o->zeros)
        provenance_option(p, "--zeros-pruned", NULL);
    if (data[0])
        provenance_input(p, "-d", "data", data);
    if (graph[0])
        provenance_input(p, "--graph", "graph", graph);
    provenance_input(p, "", "file", file);
    return provenance_add(p, m);
}

static void say(const struct cli_tool *tool, const struct pare_model *m,
                const struct pare_foreign *f, uint64_t size)
{
    uint64_t all = 0;
    char n[32], bytes[32];

    for (size_t i = 0; i < f->n_matches; i++)
        cli_warn(tool, "%s", f->match[i]);
    for (size_t t = 0; t < m->n_tensors; t++)
        all += m->tensor[t].n;
    cli_warn(tool, "%s; %zu tensors, %s values, %s bytes",
             pare_arch_is_weights(&m->arch) ? "weights without a graph"
                                            : m->arch.text,
             m->n_tensors, cli_count(n, all), cli_count(bytes, size));
}

static int run(const struct cli_tool *tool, const struct options *o,
               const char *path)
{
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    char data[PARE_DIGEST_LEN] = "", graph[PARE_DIGEST_LEN] = "";
    int err = o->graph ? pare_import_with_graph(&f, path, o->graph, graph)
                       : pare_import_read(&f, path, o->format);

    if (!err)
        err = make(&m, &f, o);
    for (size_t i = 0; i < f.n_notes; i++)
        cli_warn(tool, "warning: %s", f.note[i]);
    if (!err)
        err = describe(&m, data, o);
    if (!err && o->zeros)
        err = pare_prune_zeros(&m);
    if (!err)
        err = add_provenance(&m, f.digest, data, graph, o);
    if (!err)
        err = pare_model_write(o->output, &m, &info);
    if (!err && o->verbose)
        say(tool, &m, &f, info.bytes);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    pare_foreign_release(&f);
    return err;
}

/* Usage faults that no option alone shows. */
static void check(const struct cli_tool *tool, const struct options *o,
                  const char *path)
{
    struct pare_arch arch = {0};

    if (o->format && !is_format(o->format))
        cli_usage(tool, "no format '%s'; 'list' prints them", o->format);
    if (o->arch && pare_arch_parse(&arch, o->arch))
        cli_usage(tool, "%s", pare_error());
    if (o->arch && pare_arch_need_graph(&arch))
        cli_usage(tool, "-a: a list of tensors is what comes without -a");
    pare_arch_release(&arch);
    if (o->graph && (o->arch || (o->format && strcmp(o->format, "keras") != 0)))
        cli_usage(tool, "--graph is for weights of Keras, and not with -a");
    if (o->graph && strcmp(path, "-") == 0)
        cli_usage(tool, "--graph needs a file of weights");
    if (o->logits && o->arch)
        cli_usage(tool, "--logits is for a file's own graph, and not with -a");
    if (o->map.n && !o->arch)
        cli_usage(tool, "--map is for an architecture: use -a");
}

int main(int argc, char **argv)
{
    struct options o = {.output = "-"};
    const struct cli_option rows[] = {
        {'a', "arch", "ARCH", CLI_TEXT, &o.arch, 0, 0,
         "architecture that the tensors are of, see pare-arch(5)", NULL},
        {'d', "data", "FILE", CLI_TEXT, &o.data, 0, 0,
         "data file that says how inputs are normalised", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "write the model there", NULL},
        {'v', "verbose", NULL, CLI_FLAG, &o.verbose, 0, 0,
         "say which tensor became which", NULL},
        {0, "classes", "NAMES", CLI_TEXT, &o.classes, 0, 0,
         "names of the classes, between commas", NULL},
        {0, "format", "NAME", CLI_TEXT, &o.format, 0, 0,
         "format of the file, told by its bytes otherwise; 'list' prints them",
         NULL},
        {0, "graph", "FILE", CLI_TEXT, &o.graph, 0, 0,
         "JSON of the graph, for weights of Keras that lie alone", NULL},
        {0, "logits", NULL, CLI_FLAG, &o.logits, 0, 0,
         "leave out a softmax that the file's network ends in", NULL},
        {0, "map", "NAME=THEIRS", CLI_LIST, &o.map, 0, 0,
         "a tensor, or those of a layer, by its name in the file", NULL},
        {0, "normalize", "HOW", CLI_TEXT, &o.normalize, 0, 0,
         "none, unit, or MEAN,STD of inputs", NULL},
        {0, "only", "GLOB", CLI_LIST, &o.only, 0, 0,
         "take these layers or tensors alone", NULL},
        {0, "transpose", NULL, CLI_FLAG, &o.transpose, 0, 0,
         "weights are (in, out), filters (height, width, in, out)", NULL},
        {0, "zeros-pruned", NULL, CLI_FLAG, &o.zeros, 0, 0,
         "take weights that are 0 for pruned ones", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-import",
                                  "[FILE]",
                                  "Make a model of another program's file.",
                                  rows,
                                  0,
                                  1,
                                  1};
    int first = cli_parse(&tool, argc, argv);

    if (o.format && strcmp(o.format, "list") == 0) {
        list_formats();
        return cli_exit(&tool, 0);
    }
    check(&tool, &o, first < argc ? argv[first] : "-");
    return run(&tool, &o, first < argc ? argv[first] : "-")
               ? cli_fail(&tool)
               : cli_exit(&tool, 0);
}
