/* pare-stats(1): what is in models, by layer. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compact.h"
#include "json.h"
#include "model_file.h"
#include "stats-sparse.h"
#include "stats.h"
#include "status.h"
#include "units.h"

struct options {
    bool json, total, units, trend, rewiring;
    const char *connections, *shape;
    struct stats_sparse *sparse; /* NULL: another table */
};

/* One model with its numbers. */
struct item {
    const char *path;
    struct pare_model m;
    struct pare_model_file file;
    struct pare_stats_row *row;
    size_t n;
};

/* Of a large model the table needs one tensor at a time. */
static int read_item(struct item *it, const char *path, const struct options *o)
{
    bool whole = o->units || o->sparse;
    int rc = whole ? pare_model_read(&it->m, &it->file, path)
                   : pare_model_open(&it->m, &it->file, path);

    it->path = path;
    return rc ? rc : pare_stats(&it->row, &it->n, &it->m);
}

static void release_item(struct item *it)
{
    free(it->row);
    pare_model_file_release(&it->file, it->m.n_tensors);
    pare_model_release(&it->m);
}

static bool is_total(const struct pare_stats_row *r)
{
    return r->layer == SIZE_MAX;
}

static const char *row_name(const struct item *it,
                            const struct pare_stats_row *r)
{
    return is_total(r) ? "total" : it->m.arch.layer[r->layer].name;
}

/* Shape of the layer's first tensor, "300x784"; "-" for the total. */
static const char *shape_text(char *buf, size_t size, const struct item *it,
                              const struct pare_stats_row *r)
{
    const struct pare_tensor *t = it->m.tensor;
    size_t used = 0;

    if (is_total(r))
        return "-";
    while (t->layer != r->layer)
        t++;
    for (int i = 0; i < t->rank; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%zu", i ? "x" : "",
                                 t->dim[i]);
    return buf;
}

/* Bytes of the layer's arrays; of the whole file for the total. */
static uint64_t stored_bytes(const struct item *it,
                             const struct pare_stats_row *r)
{
    uint64_t sum = 0;

    if (is_total(r))
        return it->file.bytes;
    for (size_t t = 0; t < it->m.n_tensors; t++)
        if (it->m.tensor[t].layer == r->layer)
            sum +=
                it->file.stored[t].mask_bytes + it->file.stored[t].value_bytes;
    return sum;
}

/* Bits that a parameter of the layer takes, or one of the model: its values,
   codes, books and masks. */
static double stored_bits(const struct item *it, const struct pare_stats_row *r)
{
    uint64_t sum = 0;

    for (size_t t = 0; t < it->m.n_tensors; t++)
        if (is_total(r) || it->m.tensor[t].layer == r->layer)
            sum +=
                it->file.stored[t].mask_bytes + it->file.stored[t].value_bytes;
    return r->params ? 8 * (double)sum / (double)r->params : 0;
}

/* The layer's first tensor, its weights where it has some; NULL for the
   total. */
static const struct pare_tensor *first_tensor(const struct item *it,
                                              const struct pare_stats_row *r)
{
    const struct pare_tensor *t = it->m.tensor;

    while (!is_total(r) && t->layer != r->layer)
        t++;
    return is_total(r) ? NULL : t;
}

/* What its values are stored as: a type, or levels of a kind. */
static const char *type_name(const struct item *it,
                             const struct pare_stats_row *r)
{
    const struct pare_tensor *t = first_tensor(it, r);

    if (!t)
        return "-";
    return t->quant.kind != PARE_QUANT_NONE ? pare_quant_name(t->quant.kind)
                                            : pare_dtype_name(t->dtype);
}

/* How many levels there are, of int8 in a row; 0: there are none. */
static size_t level_count(const struct item *it, const struct pare_stats_row *r)
{
    const struct pare_tensor *t = first_tensor(it, r);

    if (!t || t->quant.kind == PARE_QUANT_NONE)
        return 0;
    return t->quant.kind == PARE_QUANT_INT8 ? 255 : t->quant.n_book;
}

static double sparsity(const struct pare_stats_row *r)
{
    return r->prunable ? 1 - (double)r->prunable_kept / (double)r->prunable : 0;
}

/* A name in a table: what would break a line becomes '?'. */
static void print_name(const char *name)
{
    for (; *name; name++)
        putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
}

static void print_row(const struct item *it, const struct pare_stats_row *r)
{
    char shape[128], levels[24] = "-";
    size_t n = level_count(it, r);

    if (n)
        snprintf(levels, sizeof levels, "%zu", n);
    print_name(it->path);
    printf("\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%.6g\t%" PRIu64
           "\t%" PRIu64 "\t%" PRIu64 "\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\t%s\t%s\n",
           row_name(it, r), shape_text(shape, sizeof shape, it, r), r->params,
           r->kept, r->nonzero, sparsity(r), r->dead_inputs, r->dead_outputs,
           stored_bytes(it, r), r->macs, r->nonzero_macs,
           pare_stats_compression(r), pare_stats_speedup(r), stored_bits(it, r),
           levels, type_name(it, r));
}

static void print_item(const struct item *it, const struct options *o)
{
    for (size_t i = 0; i < it->n; i++)
        if (!o->total || is_total(&it->row[i]))
            print_row(it, &it->row[i]);
}

static void json_numbers(struct pare_json *j, const struct item *it,
                         const struct pare_stats_row *r)
{
    pare_json_int(j, "params", (int64_t)r->params);
    pare_json_int(j, "kept", (int64_t)r->kept);
    pare_json_int(j, "nonzero", (int64_t)r->nonzero);
    pare_json_real(j, "sparsity", sparsity(r));
    pare_json_int(j, "dead_in", (int64_t)r->dead_inputs);
    pare_json_int(j, "dead_out", (int64_t)r->dead_outputs);
    pare_json_int(j, "bytes", (int64_t)stored_bytes(it, r));
    pare_json_real(j, "macs", r->macs);
    pare_json_real(j, "nonzero_macs", r->nonzero_macs);
    pare_json_real(j, "compression", pare_stats_compression(r));
    pare_json_real(j, "speedup", pare_stats_speedup(r));
    pare_json_real(j, "bits", stored_bits(it, r));
    if (level_count(it, r))
        pare_json_int(j, "levels", (int64_t)level_count(it, r));
    if (!is_total(r))
        pare_json_text(j, "type", type_name(it, r));
}

static void json_item(struct pare_json *j, const struct item *it,
                      const struct options *o)
{
    char shape[128];

    pare_json_object(j, NULL);
    pare_json_text(j, "model", it->path);
    if (!o->total) {
        pare_json_array(j, "layers");
        for (size_t i = 0; i + 1 < it->n; i++) {
            pare_json_object(j, NULL);
            pare_json_text(j, "layer", row_name(it, &it->row[i]));
            pare_json_text(j, "shape",
                           shape_text(shape, sizeof shape, it, &it->row[i]));
            json_numbers(j, it, &it->row[i]);
            pare_json_end(j);
        }
        pare_json_end(j);
    }
    pare_json_object(j, "total");
    json_numbers(j, it, &it->row[it->n - 1]);
    pare_json_end(j);
    pare_json_end(j);
}

/* ---- --units --------------------------------------------------------- */

static void print_unit(const struct item *it, const struct pare_unit *u)
{
    char of[24] = "-", value[32] = "-";

    if (u->of != PARE_NO_NODE)
        snprintf(of, sizeof of, "%zu", u->of);
    if (u->constant)
        snprintf(value, sizeof value, "%.9g", u->value);
    print_name(it->path);
    printf("\t%s\t%zu\t%s\t%s\t%" PRIu64 "\t%s\t%s\n",
           it->m.arch.layer[u->layer].name, u->unit,
           pare_unit_kind_name(u->kind), of, u->in, u->read ? "yes" : "no",
           value);
}

static void json_unit(struct pare_json *j, const struct item *it,
                      const struct pare_unit *u)
{
    pare_json_object(j, NULL);
    pare_json_text(j, "layer", it->m.arch.layer[u->layer].name);
    pare_json_int(j, "unit", (int64_t)u->unit);
    pare_json_text(j, "kind", pare_unit_kind_name(u->kind));
    if (u->of != PARE_NO_NODE)
        pare_json_int(j, "of", (int64_t)u->of);
    pare_json_int(j, "in", (int64_t)u->in);
    pare_json_text(j, "read", u->read ? "yes" : "no");
    if (u->constant)
        pare_json_real(j, "value", u->value);
    pare_json_end(j);
}

static int show_units(const struct item *it, struct pare_json *j)
{
    struct pare_unit *unit;
    size_t n;
    int rc = pare_units_list(&unit, &n, &it->m);

    if (rc)
        return rc;
    if (j) {
        pare_json_object(j, NULL);
        pare_json_text(j, "model", it->path);
        pare_json_array(j, "units");
    }
    for (size_t i = 0; i < n; i++) {
        if (j)
            json_unit(j, it, &unit[i]);
        else
            print_unit(it, &unit[i]);
    }
    if (j) {
        pare_json_end(j);
        pare_json_end(j);
    }
    free(unit);
    return 0;
}

static int show(const char *path, struct pare_json *j, const struct options *o)
{
    struct item it = {0};
    int rc = read_item(&it, path, o);

    if (!rc && o->units)
        rc = pare_model_expand(&it.m);
    if (!rc && o->sparse) {
        rc = stats_sparse_show(o->sparse, j, path, &it.m);
        if (rc && strcmp(path, "-") != 0)
            pare_fail_prefix(rc, "'%s'", path);
    } else if (!rc && o->units)
        rc = show_units(&it, j);
    else if (!rc && o->json)
        json_item(j, &it, o);
    else if (!rc)
        print_item(&it, o);
    release_item(&it);
    return rc;
}

/* All models that can be read; the status. */
static int run(const struct cli_tool *tool, char **path, int n,
               const struct options *o)
{
    struct pare_json *j = NULL;
    char *text;
    int status = 0, shown = 0;

    if (o->json) {
        j = pare_json_new();
        pare_json_array(j, NULL);
    } else if (o->sparse) {
        /* Its header may depend on the first model. */
    } else if (o->units) {
        puts("model\tlayer\tunit\tkind\tof\tin\tread\tvalue");
    } else {
        puts("model\tlayer\tshape\tparams\tkept\tnonzero\tsparsity\tdead_in\t"
             "dead_out\tbytes\tmacs\tnonzero_macs\tcompression\tspeedup\t"
             "bits\tlevels\ttype");
    }
    for (int i = 0; i < n; i++) {
        if (show(path[i], j, o) == 0) {
            shown++;
            continue;
        }
        fflush(stdout); /* the error comes behind what is before it */
        status = cli_fail(tool);
    }
    if (!o->json)
        return status;
    text = pare_json_finish(j);
    if (!text)
        status = cli_fail(tool);
    else if (shown)
        puts(text);
    free(text);
    return status;
}

/* Which table of sparse layers is asked for, if one is. */
static void choose(const struct cli_tool *tool, struct options *o,
                   struct stats_sparse *s)
{
    size_t chw[3];

    if ((o->connections || o->trend) + o->rewiring + o->units + o->total > 1)
        cli_usage(tool, "--connections or --trend, --rewiring, --total and "
                        "--units exclude each other");
    if (o->shape && !o->connections && !o->trend)
        cli_usage(tool, "--shape goes with --connections or --trend");
    if (o->shape && connections_shape(chw, o->shape))
        cli_usage(tool, "--shape: %s", pare_error());
    s->view = o->trend      ? STATS_TREND
              : o->rewiring ? STATS_REWIRING
                            : STATS_CONNECTIONS;
    s->layer = o->connections;
    s->shape = o->shape;
    if (o->connections || o->trend || o->rewiring)
        o->sparse = s;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct stats_sparse sparse = {.height = 0};
    const struct cli_option rows[] = {
        {0, "connections", "LAYER", CLI_TEXT, &o.connections, 0, 0,
         "list the connections of a linear layer's inputs and outputs", NULL},
        {0, "json", NULL, CLI_FLAG, &o.json, 0, 0,
         "print JSON instead of a table", NULL},
        {0, "rewiring", NULL, CLI_FLAG, &o.rewiring, 0, 0,
         "list what dynamic sparse training removed and grew", NULL},
        {0, "shape", "HEIGHTxWIDTH", CLI_TEXT, &o.shape, 0, 0,
         "the layer's inputs are this image: a map of its pixels", NULL},
        {0, "total", NULL, CLI_FLAG, &o.total, 0, 0,
         "print the numbers of the whole model only", NULL},
        {0, "trend", NULL, CLI_FLAG, &o.trend, 0, 0,
         "connections by centred squares of the image", NULL},
        {0, "units", NULL, CLI_FLAG, &o.units, 0, 0,
         "list dead, constant and duplicate units instead", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-stats",
        "[MODEL ...]",
        "Print sparsity, bytes and multiply-adds of models, by layer.",
        rows,
        0,
        -1,
        1};
    char dash[] = "-", *standard[] = {dash};
    int first = cli_parse(&tool, argc, argv), rc;

    choose(&tool, &o, &sparse);
    if (first < argc)
        rc = run(&tool, argv + first, argc - first, &o);
    else
        rc = run(&tool, standard, 1, &o);
    return cli_exit(&tool, rc);
}
