/* pare-plot(1): pictures of models and tables, by gnuplot. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "atomic.h"
#include "cli.h"
#include "gnuplot.h"
#include "model_file.h"
#include "plot.h"
#include "status.h"

struct options {
    const char *output, *format, *title, *size;
    const char *connections, *shape, *against, *metric, *by;
    bool table, script;
    struct figure_medium medium;
};

/* ---- kinds ------------------------------------------------------------- */

static int draw_history(struct figure *f, const struct plot_models *all,
                        const struct options *o)
{
    (void)o;
    return plot_history(f, all);
}

static struct connections_want want_of(const struct options *o)
{
    return (struct connections_want){o->connections, o->shape, true};
}

static int draw_heatmap(struct figure *f, const struct plot_models *all,
                        const struct options *o)
{
    struct connections_want want = want_of(o);

    return plot_heatmap(f, all, &want);
}

static int draw_trend(struct figure *f, const struct plot_models *all,
                      const struct options *o)
{
    struct connections_want want = want_of(o);

    return plot_trend(f, all, &want);
}

static int draw_hist(struct figure *f, const struct plot_models *all,
                     const struct options *o)
{
    (void)o;
    return plot_hist(f, all);
}

static int draw_layers(struct figure *f, const struct plot_models *all,
                       const struct options *o)
{
    (void)o;
    return plot_layers(f, all);
}

static int draw_rewiring(struct figure *f, const struct plot_models *all,
                         const struct options *o)
{
    (void)o;
    return plot_rewiring(f, all);
}

/** A kind of picture; draw NULL: of runs. */
struct kind {
    const char *name, *help;
    int (*draw)(struct figure *f, const struct plot_models *all,
                const struct options *o);
    bool map;         /* takes --connections and --shape */
    const char *what; /* a model may lack, NULL none */
    bool (*has)(const struct plot_model *m);
};

static const struct kind kinds[] = {
    {"history", "loss and accuracy by epoch", draw_history, false,
     "training history", plot_has_history},
    {"curve", "accuracy against sparsity, mean and deviation", NULL, false,
     NULL, NULL},
    {"heatmap", "connections of each input pixel", draw_heatmap, true, NULL,
     NULL},
    {"trend", "connections by centred squares", draw_trend, true, NULL, NULL},
    {"hist", "values of weights, and the pruned ones", draw_hist, false, NULL,
     NULL},
    {"layers", "sparsity of each layer", draw_layers, false, NULL, NULL},
    {"rewiring", "survival of grown connections, by epoch", draw_rewiring,
     false, "record of rewirings", plot_has_rewiring},
    {NULL, NULL, NULL, false, NULL, NULL}};

static int print_kinds(void)
{
    puts("kind\thelp");
    for (const struct kind *k = kinds; k->name; k++)
        printf("%s\t%s\n", k->name, k->help);
    return 0;
}

static const struct kind *find_kind(const struct cli_tool *tool,
                                    const char *name)
{
    for (const struct kind *k = kinds; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    cli_usage(tool,
              "no kind of picture is named '%s'; there is history, curve, "
              "heatmap, trend, hist, layers, rewiring",
              name);
}

/* ---- the medium -------------------------------------------------------- */

static const struct {
    const char *name;
    enum figure_format format;
} formats[] = {{"svg", FIGURE_SVG},
               {"png", FIGURE_PNG},
               {"pdf", FIGURE_PDF},
               {"txt", FIGURE_TEXT}};

static bool find_format(enum figure_format *format, const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(formats[i].name, name) == 0) {
            *format = formats[i].format;
            return true;
        }
    return false;
}

static void parse_size(const struct cli_tool *tool, struct figure_medium *m,
                       const char *text)
{
    char height[16];
    const char *x = strchr(text, 'x');
    uint64_t h = 0, w = 0;

    if (x && (size_t)(x - text) < sizeof height) {
        snprintf(height, sizeof height, "%.*s", (int)(x - text), text);
        if (cli_u64(&h, height, 10, 10000) || cli_u64(&w, x + 1, 10, 10000))
            h = 0;
    }
    if (!h)
        cli_usage(tool, "--size is HEIGHTxWIDTH, each 10 to 10000, not '%s'",
                  text);
    m->height = (size_t)h;
    m->width = (size_t)w;
}

static bool to_terminal(const struct options *o)
{
    return (!o->output || strcmp(o->output, "-") == 0) && isatty(1);
}

/* As many characters as the terminal has. */
static void fit_terminal(struct figure_medium *m)
{
    struct winsize w;

    if (m->height || ioctl(1, TIOCGWINSZ, &w) != 0 || w.ws_col < 40 ||
        w.ws_row < 12)
        return;
    m->width = w.ws_col;
    m->height = w.ws_row - 1u;
}

static void choose_medium(const struct cli_tool *tool, struct options *o)
{
    const char *suffix = o->output ? strrchr(o->output, '.') : NULL;
    bool text = o->table || o->script;

    if (o->size)
        parse_size(tool, &o->medium, o->size);
    if (o->format) {
        if (!find_format(&o->medium.format, o->format))
            cli_usage(tool, "--format is svg, png, pdf or txt, not '%s'",
                      o->format);
    } else if (o->output && strcmp(o->output, "-") != 0 && !text) {
        if (!suffix || !find_format(&o->medium.format, suffix + 1))
            cli_usage(tool,
                      "'%s' ends in none of .svg, .png, .pdf, .txt: give its "
                      "--format",
                      o->output);
    } else if (!text && to_terminal(o)) {
        o->medium.format = FIGURE_TEXT;
    }
    if (o->medium.format == FIGURE_TEXT && to_terminal(o))
        fit_terminal(&o->medium);
}

/* ---- output ------------------------------------------------------------ */

static int print_text(void **bytes, size_t *n, const struct figure *f,
                      const struct options *o)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    if (!out)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (o->table)
        figure_print_table(f, out);
    else
        figure_print_script(f, &o->medium, out);
    if (fclose(out) != 0) {
        free(text);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    *bytes = text;
    return 0;
}

static int put(struct figure *f, const struct options *o)
{
    void *bytes = NULL;
    size_t n = 0;
    bool text = o->table || o->script;
    int rc;

    if (o->title) {
        free(f->title);
        f->title = strdup(o->title);
        if (!f->title)
            return pare_fail(PARE_ENOMEM, "out of memory");
    }
    if (!figure_has_points(f))
        return pare_fail(PARE_EINVAL, "there is nothing to draw");
    if (!text && to_terminal(o) && o->medium.format != FIGURE_TEXT)
        return pare_fail(PARE_EIO, "standard output is a terminal: give "
                                   "-o FILE, or --format txt");
    rc = text ? print_text(&bytes, &n, f, o)
              : gnuplot_draw(&bytes, &n, f, &o->medium, NULL);
    if (!rc)
        rc = pare_atomic_write(o->output, bytes, n);
    free(bytes);
    return rc;
}

/* ---- runs -------------------------------------------------------------- */

static int read_runs(struct runs *r, char *const *path, size_t n)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++) {
        struct pare_model m = {0};
        struct pare_model_file info = {0};

        if (!runs_is_model(path[i])) {
            rc = runs_add_table(r, path[i]);
            continue;
        }
        rc = pare_model_read(&m, &info, path[i]);
        if (!rc)
            rc = runs_add_model(r, path[i], &m, info.bytes);
        pare_model_file_release(&info, m.n_tensors);
        pare_model_release(&m);
    }
    return rc;
}

/* Models that have nothing to show are named, where others have. */
static void tell_left_out(const struct cli_tool *tool, const struct kind *k,
                          const struct plot_models *all)
{
    for (size_t i = 0; k->has && i < all->n; i++)
        if (!k->has(&all->model[i]))
            cli_warn(tool, "warning: '%s' has no %s and is left out",
                     all->model[i].path, k->what);
}

static int run(const struct cli_tool *tool, const struct kind *k,
               char *const *path, size_t n, const struct options *o)
{
    struct figure f = {0};
    struct plot_models all = {0};
    struct runs runs = {0};
    struct plot_curve curve = {o->against, o->metric, o->by};
    int rc;

    if (k->draw) {
        rc = k->draw == draw_history ? plot_histories_read(&all, path, n)
                                     : plot_models_read(&all, path, n);
        if (!rc)
            rc = k->draw(&f, &all, o);
        if (!rc)
            tell_left_out(tool, k, &all);
    } else {
        rc = read_runs(&runs, path, n);
        if (!rc)
            rc = plot_curve(&f, &runs, &curve);
    }
    if (!rc)
        rc = put(&f, o);
    figure_release(&f);
    runs_release(&runs);
    plot_models_release(&all);
    return rc;
}

static void check(const struct cli_tool *tool, const struct kind *k,
                  const struct options *o, bool against)
{
    size_t chw[3];

    if (o->table && o->script)
        cli_usage(tool, "--table and --script exclude each other");
    if (k->draw && (against || o->metric || o->by))
        cli_usage(tool, "--against, --metric and --by go with curve");
    if (!k->map && (o->connections || o->shape))
        cli_usage(tool, "--connections and --shape go with heatmap and trend");
    if (o->shape && connections_shape(chw, o->shape))
        cli_usage(tool, "--shape: %s", pare_error());
}

int main(int argc, char **argv)
{
    struct options o = {.against = "sparsity"};
    bool against = false;
    const struct cli_option rows[] = {
        {0, "against", "KEY", CLI_TEXT, &o.against, 0, 0,
         "what a curve is drawn against", &against},
        {0, "by", "KEY", CLI_TEXT, &o.by, 0, 0,
         "a curve for each value of this", NULL},
        {0, "connections", "LAYER", CLI_TEXT, &o.connections, 0, 0,
         "layer of a map or a trend, else the first", NULL},
        {0, "format", "NAME", CLI_TEXT, &o.format, 0, 0,
         "svg, png, pdf or txt, else by the name of the output", NULL},
        {0, "metric", "KEY", CLI_TEXT, &o.metric, 0, 0,
         "what a curve shows, else the accuracy", NULL},
        {'o', "output", "FILE", CLI_TEXT, &o.output, 0, 0,
         "file to write, standard output otherwise", NULL},
        {0, "script", NULL, CLI_FLAG, &o.script, 0, 0,
         "print the script for gnuplot instead", NULL},
        {0, "shape", "HEIGHTxWIDTH", CLI_TEXT, &o.shape, 0, 0,
         "the layer's inputs are this image", NULL},
        {0, "size", "HEIGHTxWIDTH", CLI_TEXT, &o.size, 0, 0,
         "pixels of the picture, or characters of txt", NULL},
        {0, "table", NULL, CLI_FLAG, &o.table, 0, 0,
         "print the numbers instead", NULL},
        {0, "title", "TEXT", CLI_TEXT, &o.title, 0, 0, "title of the picture",
         NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {"pare-plot",
                                  "KIND [MODEL|TABLE ...]",
                                  "Draw models and tables; 'list' prints the "
                                  "kinds of pictures.",
                                  rows,
                                  1,
                                  -1,
                                  1};
    char dash[] = "-", *standard[] = {dash};
    int first = cli_parse(&tool, argc, argv), n = argc - first - 1;
    const struct kind *k;

    if (strcmp(argv[first], "list") == 0 && n == 0)
        return cli_exit(&tool, print_kinds());
    k = find_kind(&tool, argv[first]);
    check(&tool, k, &o, against);
    choose_medium(&tool, &o);
    if (run(&tool, k, n ? argv + first + 1 : standard, n ? (size_t)n : 1, &o))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
