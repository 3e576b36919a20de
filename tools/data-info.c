#include <stdio.h>
#include <stdlib.h>

#include "data-common.h"
#include "data_file.h"
#include "json.h"
#include "status.h"

#define VALUES_SHOWN 16 /* of a mean or deviation, in TSV */

/* What is said of a file, beside what its data set holds. */
struct about {
    const char *path;
    char shape[80];
    size_t *count[PARE_SPLITS]; /* [n_classes] samples of each class */
};

static int about(struct about *a, const struct pare_dataset *d,
                 const char *path)
{
    const size_t *dim = d->shape.dim;

    a->path = path;
    if (d->shape.rank == 1)
        snprintf(a->shape, sizeof a->shape, "%zu", dim[0]);
    else
        snprintf(a->shape, sizeof a->shape, "%zux%zux%zu", dim[0], dim[1],
                 dim[2]);
    for (int s = 0; s < PARE_SPLITS; s++) {
        a->count[s] = calloc(d->n_classes, sizeof *a->count[s]);
        if (!a->count[s])
            return pare_fail(PARE_ENOMEM, "out of memory");
        for (size_t i = 0; i < d->split[s].n; i++)
            a->count[s][d->split[s].y[i]]++;
    }
    return 0;
}

static const char *type_name(const struct pare_dataset *d)
{
    return d->type == PARE_X_U8 ? "uint8" : "float32";
}

static const char *class_name(char buf[24], const struct pare_dataset *d,
                              size_t i)
{
    snprintf(buf, 24, "%zu", i);
    return d->class_name ? d->class_name[i] : buf;
}

/* A text without the bytes that would break a table. */
static void put_text(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text);
}

/* The columns before a value; no class is "-". */
static void put_key(const struct about *a, const char *item, const char *class)
{
    put_text(a->path);
    printf("\t%s\t", item);
    put_text(class ? class : "-");
    putchar('\t');
}

static void put_line(const struct about *a, const char *item, const char *text)
{
    put_key(a, item, NULL);
    put_text(text);
    putchar('\n');
}

static void put_count(const struct about *a, const char *item,
                      const char *class, size_t n)
{
    put_key(a, item, class);
    printf("%zu\n", n);
}

static void put_values(const struct about *a, const char *item, const float *v,
                       size_t n)
{
    if (n == 0)
        return;
    put_key(a, item, NULL);
    for (size_t i = 0; i < n && n <= VALUES_SHOWN; i++)
        printf("%s%.9g", i ? "," : "", (double)v[i]);
    if (n > VALUES_SHOWN)
        printf("(%zu values)", n);
    putchar('\n');
}

static void print_tsv(const struct about *a, const struct pare_dataset *d)
{
    char buf[24];

    put_line(a, "digest", d->digest);
    put_line(a, "shape", a->shape);
    put_count(a, "inputs", NULL, d->features);
    put_line(a, "type", type_name(d));
    put_count(a, "classes", NULL, d->n_classes);
    put_values(a, "scale", &d->norm.scale, 1);
    put_values(a, "mean", d->norm.mean, d->norm.n);
    put_values(a, "std", d->norm.std, d->norm.n);
    for (int s = 0; s < PARE_SPLITS; s++) {
        const char *name = pare_split_name((enum pare_split_id)s);

        put_count(a, name, NULL, d->split[s].n);
        for (size_t i = 0; d->split[s].n && i < d->n_classes; i++)
            put_count(a, name, class_name(buf, d, i), a->count[s][i]);
    }
    if (d->origin)
        put_line(a, "origin", d->origin);
}

static void add_values(struct pare_json *j, const char *key, const float *v,
                       size_t n)
{
    pare_json_array(j, key);
    for (size_t i = 0; i < n; i++)
        pare_json_real(j, NULL, (double)v[i]);
    pare_json_end(j);
}

static void add_names(struct pare_json *j, const char *key, char *const *name,
                      size_t n)
{
    if (!name)
        return;
    pare_json_array(j, key);
    for (size_t i = 0; i < n; i++)
        pare_json_text(j, NULL, name[i]);
    pare_json_end(j);
}

static void add_split(struct pare_json *j, const struct about *a,
                      const struct pare_dataset *d, enum pare_split_id id)
{
    pare_json_object(j, pare_split_name(id));
    pare_json_int(j, "n", (int64_t)d->split[id].n);
    pare_json_array(j, "per_class");
    for (size_t i = 0; d->split[id].n && i < d->n_classes; i++)
        pare_json_int(j, NULL, (int64_t)a->count[id][i]);
    pare_json_end(j);
    pare_json_end(j);
}

static void add_file(struct pare_json *j, const struct about *a,
                     const struct pare_dataset *d)
{
    pare_json_object(j, NULL);
    pare_json_text(j, "file", a->path);
    pare_json_text(j, "digest", d->digest);
    pare_json_array(j, "shape");
    for (int i = 0; i < d->shape.rank; i++)
        pare_json_int(j, NULL, (int64_t)d->shape.dim[i]);
    pare_json_end(j);
    pare_json_int(j, "inputs", (int64_t)d->features);
    pare_json_text(j, "type", type_name(d));
    pare_json_int(j, "n_classes", (int64_t)d->n_classes);
    add_names(j, "classes", d->class_name, d->n_classes);
    add_names(j, "features", d->feature_name, d->features);
    pare_json_real(j, "scale", (double)d->norm.scale);
    add_values(j, "mean", d->norm.mean, d->norm.n);
    add_values(j, "std", d->norm.std, d->norm.n);
    for (int i = 0; i < PARE_SPLITS; i++)
        add_split(j, a, d, (enum pare_split_id)i);
    if (d->origin)
        pare_json_text(j, "origin", d->origin);
    pare_json_end(j);
}

/* Tell of one file, as TSV unless there is a j. */
static int show(struct pare_json *j, const char *path)
{
    struct pare_dataset d = {0};
    struct about a = {0};
    int rc = pare_data_read(&d, path);

    if (rc)
        return rc;
    rc = about(&a, &d, path);
    if (rc == 0 && j)
        add_file(j, &a, &d);
    else if (rc == 0)
        print_tsv(&a, &d);
    for (int s = 0; s < PARE_SPLITS; s++)
        free(a.count[s]);
    pare_dataset_release(&d);
    return rc;
}

int data_info_main(int argc, char **argv)
{
    bool json = false;
    const struct cli_option table[] = {
        {0, "json", NULL, CLI_FLAG, &json, 0, 0, "JSON instead of TSV", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-data info",
                                  "FILE ...",
                                  "Tell what data files hold.",
                                  table,
                                  1,
                                  -1,
                                  1};
    int first = cli_parse(&tool, argc, argv), status = 0;
    struct pare_json *j = NULL;
    char *text;

    if (json) {
        if (!(j = pare_json_new()))
            return cli_fail(&tool);
        pare_json_array(j, NULL);
    } else {
        puts("file\titem\tclass\tvalue");
    }
    for (int i = first; i < argc; i++)
        if (show(j, argv[i]))
            status = cli_fail(&tool);
    if (json) {
        if (!(text = pare_json_finish(j)))
            return cli_fail(&tool);
        puts(text);
        free(text);
    }
    return cli_exit(&tool, status);
}
