/* The pictures in the page of pare-report(1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gnuplot.h"
#include "plot.h"
#include "report.h"
#include "status.h"
#include "utf8.h"

#define LINES_MAX 8 /* of a picture that can be read */

/* State of the section: whether gnuplot is there, and how many there are. */
struct gallery {
    const struct report *r;
    FILE *out;
    size_t n;
    bool missing;
};

/* ---- an SVG among others ----------------------------------------------- */

/*
 * An SVG without its prolog, with names of its own: each that it gives or
 * uses begins with a prefix, so that pictures of one page do not mix.
 */
static void print_svg(const char *svg, const char *prefix, FILE *out)
{
    static const char *const uses[] = {" id='", " id=\"", "href='#", "url(#"};
    const char *p = strstr(svg, "<svg");

    while (p && *p) {
        bool found = false;

        for (size_t i = 0; !found && i < sizeof uses / sizeof *uses; i++) {
            size_t n = strlen(uses[i]);

            if (strncmp(p, uses[i], n) != 0)
                continue;
            fwrite(p, 1, n, out);
            fputs(prefix, out);
            p += n;
            found = true;
        }
        if (!found)
            fputc(*p++, out);
    }
}

static int draw(struct gallery *g, const struct figure *f, const char *caption)
{
    struct figure_medium medium = {.format = FIGURE_SVG};
    char prefix[32];
    void *bytes;
    size_t n;
    int rc;

    if (g->missing || !figure_has_points(f))
        return 0;
    rc = gnuplot_draw(&bytes, &n, f, &medium, &g->missing);
    if (g->missing) {
        fputs("<p>gnuplot is not installed, so there are no pictures: apt-get "
              "install gnuplot-nox.</p>\n",
              g->out);
        return 0;
    }
    if (rc)
        return rc;
    snprintf(prefix, sizeof prefix, "f%zu-", ++g->n);
    fputs("<figure>\n", g->out);
    print_svg(bytes, prefix, g->out);
    fputs("<figcaption>", g->out);
    utf8_html(caption, g->out);
    fputs("</figcaption>\n</figure>\n", g->out);
    free(bytes);
    return 0;
}

/* ---- which models ------------------------------------------------------ */

const struct report_item *report_item_of(const struct report *r,
                                         const char *path)
{
    for (size_t i = 0; i < r->n_items; i++)
        if (strcmp(r->item[i].path, path) == 0)
            return &r->item[i];
    return NULL;
}

/* Paths of all models, or else of the first of each group. */
static size_t choose(char *path[LINES_MAX], const struct report *r)
{
    size_t n = 0;

    if (r->n_items <= LINES_MAX) {
        for (; n < r->n_items; n++)
            path[n] = r->item[n].path;
        return n;
    }
    for (size_t i = 0; i < r->groups.n; i++) {
        const struct report_group *g = &r->groups.group[i];
        const struct report_item *item = NULL;

        for (size_t k = 0; k < g->n && !item; k++)
            item = report_item_of(r, r->runs.run[g->run[k]].name);
        if (item && n == LINES_MAX)
            return 0;
        if (item)
            path[n++] = item->path;
    }
    return n;
}

/* ---- history of groups ------------------------------------------------- */

/* "2: prune -m magnitude, prune -s 0.9", 2 its number in the tables. */
static void group_name(char *buf, size_t size, const struct report *r,
                       size_t group)
{
    const struct report_group *g = &r->groups.group[group];
    size_t used = (size_t)snprintf(buf, size, "%zu: ", group + 1);

    for (size_t k = 0; k < r->groups.n_keys && used + 1 < size; k++) {
        int n = snprintf(buf + used, size - used, "%s%s %.60s", k ? ", " : "",
                         r->groups.key[k], *g->value[k] ? g->value[k] : "none");

        used += n > 0 ? (size_t)n : 0;
    }
    if (r->groups.n_keys == 0)
        snprintf(buf, size, "all runs");
}

/* Mean validation accuracy of the group's runs at one epoch; NaN of none. */
static double mean_at(const struct report *r, const struct report_group *g,
                      uint64_t epoch)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        const struct report_item *item =
            report_item_of(r, r->runs.run[g->run[i]].name);

        for (size_t k = 0; item && k < item->n_history; k++)
            if (item->history[k].epoch == epoch &&
                isfinite(item->history[k].val_acc)) {
                sum += item->history[k].val_acc;
                n++;
            }
    }
    return n ? sum / (double)n : (double)NAN;
}

static uint64_t last_epoch(const struct report *r)
{
    uint64_t last = 0;

    for (size_t i = 0; i < r->n_items; i++)
        for (size_t k = 0; k < r->item[i].n_history; k++)
            if (r->item[i].history[k].epoch > last)
                last = r->item[i].history[k].epoch;
    return last;
}

static int add_group(struct figure_panel *p, const struct report *r, size_t i,
                     uint64_t last)
{
    const struct report_group *g = &r->groups.group[i];
    struct figure_series *s;
    char name[400];
    int rc = 0;

    group_name(name, sizeof name, r, i);
    s = figure_series(p, name, FIGURE_POINTS, (int)i);
    for (uint64_t e = 0; s && !rc && e <= last; e++) {
        double mean = mean_at(r, g, e);

        if (isfinite(mean))
            rc = figure_point(s, (double)e, mean, (double)NAN);
    }
    return s ? rc : PARE_ENOMEM;
}

static int draw_groups(struct gallery *g)
{
    const struct report *r = g->r;
    struct figure f = {0};
    struct figure_panel *p = figure_panel(&f, "");
    uint64_t last = last_epoch(r);
    int rc = p ? 0 : PARE_ENOMEM;

    f.title = strdup("Training of groups");
    if (!f.title)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    if (!rc) {
        p->x_label = "epoch";
        p->y_label = "mean validation accuracy (%)";
        p->x_whole = p->y_percent = true;
    }
    for (size_t i = 0; !rc && i < r->groups.n; i++)
        rc = add_group(p, r, i, last);
    if (!rc)
        rc = draw(g, &f,
                  "Validation accuracy by epoch, mean of each group; their "
                  "numbers are those of the tables.");
    figure_release(&f);
    return rc;
}

/* Does some model have a number in its history to draw? */
static bool has_numbers(const struct plot_models *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (plot_has_history(&all->model[i]))
            return true;
    return false;
}

static int draw_history(struct gallery *g)
{
    struct plot_models all = {0};
    struct figure f = {0};
    char *path[LINES_MAX];
    int rc;

    if (g->r->n_items > 4) {
        if (g->r->groups.n <= LINES_MAX)
            return draw_groups(g);
        fputs("<p>There are too many groups to draw the training of each; "
              "pare plot history draws chosen ones.</p>\n",
              g->out);
        return 0;
    }
    rc = plot_models_read(&all, path, choose(path, g->r));
    if (!rc && has_numbers(&all)) {
        rc = plot_history(&f, &all);
        if (!rc)
            rc = draw(
                g, &f,
                "Training: dashed, small points. Validation: large points.");
    }
    figure_release(&f);
    plot_models_release(&all);
    return rc;
}

/* ---- the others -------------------------------------------------------- */

static int draw_layers(struct gallery *g)
{
    struct plot_models all = {0};
    struct figure f = {0};
    char *path[LINES_MAX];
    size_t n = choose(path, g->r);
    int rc = n ? plot_models_read(&all, path, n) : 0;

    if (!rc && n) {
        rc = plot_layers(&f, &all);
        if (rc == PARE_EINVAL) /* other layers: nothing to compare */
            rc = 0;
        else if (!rc)
            rc = draw(g, &f,
                      g->r->n_items > LINES_MAX
                          ? "Pruned weights by layer: a run of each group."
                          : "Pruned weights by layer.");
    }
    figure_release(&f);
    plot_models_release(&all);
    return rc;
}

/* Do the runs differ in sparsity? */
static bool has_curve(const struct report *r)
{
    double least = (double)NAN, most = (double)NAN;

    for (size_t i = 0; i < r->runs.n; i++) {
        double v = run_number(&r->runs.run[i], "sparsity");

        least = fmin(least, v);
        most = fmax(most, v);
    }
    return most - least > 1e-4;
}

static int draw_curve(struct gallery *g)
{
    struct plot_curve want = {
        "sparsity", g->r->n_metrics ? g->r->metric[0] : NULL, g->r->by};
    struct figure f = {0};
    int rc = 0;

    if (has_curve(g->r)) {
        rc = plot_curve(&f, &g->r->runs, &want);
        if (rc == PARE_EINVAL)
            rc = 0;
        else if (!rc)
            rc = draw(g, &f,
                      "Means of runs of one sparsity; the bars are one "
                      "standard deviation.");
    }
    figure_release(&f);
    return rc;
}

int report_print_plots(const struct report *r, FILE *out)
{
    struct gallery g = {.r = r, .out = out};
    int rc = 0;

    fputs("<h2>Pictures</h2>\n", out);
    if (r->n_items)
        rc = draw_history(&g);
    if (!rc && r->n_items)
        rc = draw_layers(&g);
    if (!rc)
        rc = draw_curve(&g);
    if (!rc && g.n == 0 && !g.missing)
        fputs("<p>There is nothing to draw.</p>\n", out);
    return rc;
}
