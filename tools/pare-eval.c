/* pare-eval: loss and accuracy of models on data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "data_file.h"
#include "eval-time.h"
#include "evaluate.h"
#include "json.h"
#include "model_file.h"
#include "number.h"
#include "parallel.h"
#include "status.h"

struct options {
    const char *data, *split;
    bool json, per_class, confusion, time;
    int threads, batch;
};

static struct options opt = {.split = "test"};

static const struct cli_option options[] = {
    {'d', "data", "FILE", CLI_TEXT, &opt.data, 0, 0,
     "data file to measure on, see pare-data(5)", NULL},
    {0, "split", "NAME", CLI_TEXT, &opt.split, 0, 0, "train, val or test",
     NULL},
    {0, "per-class", NULL, CLI_FLAG, &opt.per_class, 0, 0,
     "a line a class: precision, recall, F1", NULL},
    {0, "confusion", NULL, CLI_FLAG, &opt.confusion, 0, 0,
     "the confusion matrix, true by predicted", NULL},
    {0, "json", NULL, CLI_FLAG, &opt.json, 0, 0,
     "JSON with everything, an array of models", NULL},
    {0, "time", NULL, CLI_FLAG, &opt.time, 0, 0,
     "milliseconds of a batch, dense and sparse", NULL},
    {'b', "batch", "N", CLI_INT, &opt.batch, 1, 1 << 20,
     "samples of this batch; as many as evaluation takes otherwise", NULL},
    {'j', "threads", "N", CLI_INT, &opt.threads, 1, 1024,
     "threads; all processors otherwise", NULL},
    {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "pare-eval",
    .synopsis = "[MODEL ...]",
    .summary = "Measure loss and accuracy.",
    .option = options,
    .min_operands = 0,
    .max_operands = -1,
    .trouble = 1,
};

/* A model with what was measured. */
struct result {
    const char *name;
    struct pare_model model;
    struct pare_evaluation e;
    struct eval_time time;
    const struct pare_dataset *data;
};

/* Counts of one class, from the confusion matrix. */
struct class_counts {
    uint64_t n, predicted, correct;
};

static struct class_counts count_class(const struct pare_evaluation *e,
                                       size_t c)
{
    struct class_counts k = {0};

    for (size_t i = 0; i < e->n_classes; i++) {
        k.n += e->confusion[c * e->n_classes + i];
        k.predicted += e->confusion[i * e->n_classes + c];
    }
    k.correct = e->confusion[c * e->n_classes + c];
    return k;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

static double f1(const struct class_counts *k)
{
    return ratio(2 * k->correct, k->n + k->predicted);
}

/* Name of class c, of the data or else of the model, or its number. */
static const char *class_name(const struct result *r, size_t c, char buf[32])
{
    if (r->data->class_name && c < r->data->n_classes)
        return r->data->class_name[c];
    if (r->model.class_name && c < r->model.n_classes)
        return r->model.class_name[c];
    snprintf(buf, 32, "%zu", c);
    return buf;
}

/* Tabs and newlines of a name would break the table. */
static void put_name(const char *name)
{
    for (; *name; name++)
        putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
}

static const char *number(double v)
{
    static char buf[4][PARE_NUMBER_MAX];
    static int next;

    next = (next + 1) % 4;
    return pare_number_print(buf[next], v);
}

/* A count over the samples, "-" of what has no classes. */
static const char *share(const struct pare_evaluation *e, uint64_t count)
{
    return e->n_classes ? number(ratio(count, e->n)) : "-";
}

/* Four digits are more than a clock knows. */
static void print_time(const struct eval_time *t)
{
    printf("\t%zu\t", t->batch);
    if (isnan(t->dense))
        printf("-\t%.4g\t-", t->sparse);
    else
        printf("%.4g\t%.4g\t%.4g", t->dense, t->sparse, t->dense / t->sparse);
}

static void print_summary(const struct result *r)
{
    const struct pare_evaluation *e = &r->e;

    put_name(r->name);
    printf("\t%s\t%llu\t%s\t%s\t%s", opt.split, (unsigned long long)e->n,
           number(e->loss), share(e, e->correct), share(e, e->top5));
    if (opt.time)
        print_time(&r->time);
    putchar('\n');
}

static void print_classes(const struct result *r)
{
    char buf[32];

    for (size_t c = 0; c < r->e.n_classes; c++) {
        struct class_counts k = count_class(&r->e, c);

        put_name(r->name);
        printf("\t%s\t", opt.split);
        put_name(class_name(r, c, buf));
        printf("\t%llu\t%llu\t%s\t%s\t%s\n", (unsigned long long)k.n,
               (unsigned long long)k.correct,
               number(ratio(k.correct, k.predicted)),
               number(ratio(k.correct, k.n)), number(f1(&k)));
    }
}

static void print_confusion(const struct result *r)
{
    char buf[32];

    printf("model\tsplit\ttrue");
    for (size_t c = 0; c < r->e.n_classes; c++) {
        putchar('\t');
        put_name(class_name(r, c, buf));
    }
    putchar('\n');
    for (size_t t = 0; t < r->e.n_classes; t++) {
        put_name(r->name);
        printf("\t%s\t", opt.split);
        put_name(class_name(r, t, buf));
        for (size_t p = 0; p < r->e.n_classes; p++)
            printf("\t%llu",
                   (unsigned long long)r->e.confusion[t * r->e.n_classes + p]);
        putchar('\n');
    }
}

static void json_classes(struct pare_json *j, const struct result *r)
{
    char buf[32];

    pare_json_array(j, "classes");
    for (size_t c = 0; c < r->e.n_classes; c++) {
        struct class_counts k = count_class(&r->e, c);

        pare_json_object(j, NULL);
        pare_json_text(j, "name", class_name(r, c, buf));
        pare_json_int(j, "n", (int64_t)k.n);
        pare_json_int(j, "correct", (int64_t)k.correct);
        pare_json_real(j, "precision", ratio(k.correct, k.predicted));
        pare_json_real(j, "recall", ratio(k.correct, k.n));
        pare_json_real(j, "f1", f1(&k));
        pare_json_end(j);
    }
    pare_json_end(j);
    pare_json_array(j, "confusion");
    for (size_t t = 0; t < r->e.n_classes; t++) {
        pare_json_array(j, NULL);
        for (size_t p = 0; p < r->e.n_classes; p++)
            pare_json_int(j, NULL,
                          (int64_t)r->e.confusion[t * r->e.n_classes + p]);
        pare_json_end(j);
    }
    pare_json_end(j);
}

static void json_time(struct pare_json *j, const struct eval_time *t)
{
    pare_json_object(j, "time");
    pare_json_int(j, "batch", (int64_t)t->batch);
    pare_json_real(j, "dense_ms", t->dense);
    pare_json_real(j, "sparse_ms", t->sparse);
    pare_json_real(j, "speedup", t->dense / t->sparse);
    pare_json_end(j);
}

static void json_model(struct pare_json *j, const struct result *r)
{
    const struct pare_evaluation *e = &r->e;

    pare_json_object(j, NULL);
    pare_json_text(j, "model", r->name);
    pare_json_text(j, "split", opt.split);
    pare_json_int(j, "n", (int64_t)e->n);
    pare_json_real(j, "loss", e->loss);
    pare_json_real(j, "accuracy",
                   e->n_classes ? ratio(e->correct, e->n) : (double)NAN);
    pare_json_real(j, "top5",
                   e->n_classes ? ratio(e->top5, e->n) : (double)NAN);
    if (opt.time)
        json_time(j, &r->time);
    json_classes(j, r);
    pare_json_end(j);
}

static int measure(struct result *r, enum pare_split_id split, int threads)
{
    int err = pare_model_read(&r->model, NULL, r->name);

    if (err)
        return err;
    err = pare_evaluate(&r->e, &r->model, r->data, split, threads);
    if (!err && r->e.n_classes == 0 && (opt.per_class || opt.confusion))
        err = pare_fail(PARE_EMISMATCH, "a Boltzmann machine has no classes");
    if (!err && r->e.n_classes == 0 && opt.time)
        err = pare_fail(PARE_EMISMATCH, "--time is of networks, not of "
                                        "Boltzmann machines");
    if (!err && opt.time)
        err = eval_time(&r->time, &r->model, r->data, split, (size_t)opt.batch,
                        threads);
    return err && strcmp(r->name, "-") != 0
               ? pare_fail_prefix(err, "'%s'", r->name)
               : err;
}

static void print_header(void)
{
    if (opt.per_class)
        puts("model\tsplit\tclass\tn\tcorrect\tprecision\trecall\tf1");
    else
        printf("model\tsplit\tn\tloss\taccuracy\ttop5%s\n",
               opt.time ? "\tbatch\tdense_ms\tsparse_ms\tspeedup" : "");
}

static void print_result(const struct result *r, struct pare_json *j,
                         bool first)
{
    if (first && !j && !opt.confusion)
        print_header();
    if (j)
        json_model(j, r);
    else if (opt.confusion)
        print_confusion(r);
    else if (opt.per_class)
        print_classes(r);
    else
        print_summary(r);
}

static int run(char *const *name, int n, enum pare_split_id split)
{
    int threads = opt.threads ? opt.threads : pare_processors();
    struct pare_json *j = opt.json ? pare_json_new() : NULL;
    struct pare_dataset d = {0};
    int err = pare_data_read(&d, opt.data), status = err ? cli_fail(&tool) : 0;

    bool first = true;

    pare_json_array(j, NULL);
    for (int i = 0; !err && i < n; i++) {
        struct result r = {.name = name[i], .data = &d};

        if (measure(&r, split, threads)) {
            status = cli_fail(&tool);
        } else {
            print_result(&r, j, first);
            first = false;
        }
        pare_evaluation_release(&r.e);
        pare_model_release(&r.model);
    }
    if (j) {
        char *text = pare_json_finish(j);

        if (!text)
            status = cli_fail(&tool);
        else if (!first)
            puts(text);
        free(text);
    }
    pare_dataset_release(&d);
    return status;
}

int main(int argc, char **argv)
{
    static char dash[] = "-";
    char *standard[] = {dash};
    int first = cli_parse(&tool, argc, argv);
    int split = pare_split_find(opt.split);

    cli_kernel(&tool);
    if (!opt.data)
        cli_usage(&tool, "-d FILE is needed");
    if (split < 0)
        cli_usage(&tool, "--split is train, val or test, not '%s'", opt.split);
    if (opt.json + opt.per_class + opt.confusion > 1)
        cli_usage(&tool, "--json, --per-class and --confusion exclude each "
                         "other");
    if (opt.time && (opt.per_class || opt.confusion))
        cli_usage(&tool, "--time is of a whole model: not with --per-class "
                         "or --confusion");
    if (opt.batch && !opt.time)
        cli_usage(&tool, "--batch is that of --time");
    return cli_exit(
        &tool, first < argc
                   ? run(argv + first, argc - first, (enum pare_split_id)split)
                   : run(standard, 1, (enum pare_split_id)split));
}
