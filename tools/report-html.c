/* The page of pare-report(1). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "status.h"
#include "utf8.h"

/* ---- numbers ----------------------------------------------------------- */

static void put_number(double v, FILE *out)
{
    if (isnan(v))
        fputs("&ndash;", out);
    else if (fabs(v) < 1000)
        fprintf(out, "%.4f", v);
    else
        fprintf(out, "%.0f", v);
}

static void number_cell(double v, FILE *out)
{
    fputs("<td class=\"n\">", out);
    put_number(v, out);
    fputs("</td>", out);
}

static void text_cell(const char *tag, const char *text, FILE *out)
{
    fprintf(out, "<%s>", tag);
    if (*text)
        utf8_html(text, out);
    else
        fputs("&ndash;", out);
    fprintf(out, "</%s>", tag);
}

/* ---- head -------------------------------------------------------------- */

static void print_head(const struct report *r, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\">\n<title>",
          out);
    utf8_html(r->title, out);
    fputs("</title>\n<style>\n"
          "body { font: 15px/1.45 sans-serif; color: #111; margin: 2em auto; "
          "max-width: 76em; padding: 0 1em }\n"
          "table { border-collapse: collapse; margin: .8em 0 }\n"
          "th, td { padding: .2em .7em; border-bottom: 1px solid #ccc; "
          "text-align: left; vertical-align: top }\n"
          "thead th { border-bottom: 2px solid #111 }\n"
          "td.n { text-align: right; font-variant-numeric: tabular-nums; "
          "white-space: nowrap }\n"
          "pre { background: #f4f4f4; padding: .8em; overflow-x: auto }\n"
          "svg { max-width: 100%; height: auto }\n"
          "figure { margin: 1.5em 0 }\n"
          ".wide { overflow-x: auto }\n"
          "</style>\n</head>\n<body>\n<h1>",
          out);
    utf8_html(r->title, out);
    fprintf(out, "</h1>\n<p>%zu %s in %zu %s.</p>\n", r->runs.n,
            r->runs.n == 1 ? "run" : "runs", r->groups.n,
            r->groups.n == 1 ? "group" : "groups");
}

/* Is an option the same in all runs? */
static bool is_common(const struct report *r, const struct run_field *f)
{
    for (size_t i = 0; i < r->runs.n; i++) {
        const struct run *run = &r->runs.run[i];
        size_t k = 0;

        while (k < run->n && (strcmp(run->field[k].key, f->key) != 0 ||
                              strcmp(run->field[k].value, f->value) != 0))
            k++;
        if (k == run->n)
            return false;
    }
    return true;
}

static void print_common(const struct report *r, FILE *out)
{
    const struct run *first = &r->runs.run[0];
    bool any = false;

    for (size_t i = 0; i < first->n; i++) {
        const struct run_field *f = &first->field[i];

        if (!f->option || !is_common(r, f))
            continue;
        if (!any)
            fputs("<h2>What all runs share</h2>\n<table>\n<thead><tr><th>"
                  "option</th><th>value</th></tr></thead>\n<tbody>\n",
                  out);
        any = true;
        fputs("<tr>", out);
        text_cell("th", f->key, out);
        text_cell("td", f->value, out);
        fputs("</tr>\n", out);
    }
    if (any)
        fputs("</tbody>\n</table>\n", out);
}

/* ---- groups ------------------------------------------------------------ */

static int print_group(const struct report *r, size_t group, const char *metric,
                       FILE *out)
{
    const struct report_group *g = &r->groups.group[group];
    struct pare_sample s;
    int rc = report_sample(&s, &r->runs, g->run, g->n, metric);

    if (rc)
        return rc;
    fprintf(out, "<tr><td class=\"n\">%zu</td>", group + 1);
    for (size_t k = 0; k < r->groups.n_keys; k++)
        text_cell("td", g->value[k], out);
    fprintf(out, "<td class=\"n\">%zu</td>", s.n);
    number_cell(s.mean, out);
    number_cell(s.sd, out);
    number_cell(s.min, out);
    number_cell(s.max, out);
    fputs("</tr>\n", out);
    return 0;
}

static int print_metric(const struct report *r, const char *metric, FILE *out)
{
    int rc = 0;

    fputs("<h3>", out);
    utf8_html(metric, out);
    fputs("</h3>\n<div class=\"wide\"><table>\n<thead><tr><th>group</th>", out);
    for (size_t k = 0; k < r->groups.n_keys; k++)
        text_cell("th", r->groups.key[k], out);
    fputs("<th>n</th><th>mean</th><th>sd</th><th>min</th><th>max</th></tr>"
          "</thead>\n<tbody>\n",
          out);
    for (size_t i = 0; !rc && i < r->groups.n; i++)
        rc = print_group(r, i, metric, out);
    fputs("</tbody>\n</table></div>\n", out);
    return rc;
}

static int print_groups(const struct report *r, FILE *out)
{
    int rc = 0;

    fputs("<h2>Groups</h2>\n<p>Runs of a group have the same values in all "
          "columns between group and n; sd is the sample standard deviation, "
          "over "
          "n&nbsp;&minus;&nbsp;1.</p>\n",
          out);
    for (size_t i = 0; !rc && i < r->n_metrics; i++)
        rc = print_metric(r, r->metric[i], out);
    return rc;
}

/* ---- pivots ------------------------------------------------------------ */

/* A table of samples, with "all" at the end of rows and columns. */
struct pivot {
    size_t rows, columns; /* without "all" */
    char **row, **column;
    struct pare_sample *cell; /* [rows + 1][columns + 1] */
    double least, most;       /* of the means */
};

static bool is_value(const struct run *r, const char *key, const char *value)
{
    const size_t size = strlen(value) + 2;
    char *buf = malloc(size);
    const char *text = buf ? run_get(r, key, buf, size) : NULL;
    bool same = strcmp(text ? text : "", value) == 0;

    free(buf);
    return same;
}

/* Runs of a row and a column; NULL is all. */
static int fill_cell(struct pare_sample *s, const struct report *r,
                     const char *metric, const char *row, const char *column)
{
    size_t *run = calloc(r->runs.n + 1, sizeof *run), n = 0;
    int rc;

    if (!run)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < r->runs.n; i++)
        if ((!row || is_value(&r->runs.run[i], r->row, row)) &&
            (!column || is_value(&r->runs.run[i], r->column, column)))
            run[n++] = i;
    rc = report_sample(s, &r->runs, run, n, metric);
    free(run);
    return rc;
}

static int fill_pivot(struct pivot *p, const struct report *r,
                      const char *metric)
{
    int rc = report_values(&p->row, &p->rows, &r->runs, r->row);

    if (!rc)
        rc = report_values(&p->column, &p->columns, &r->runs, r->column);
    if (rc)
        return rc;
    p->cell = calloc((p->rows + 1) * (p->columns + 1), sizeof *p->cell);
    if (!p->cell)
        return pare_fail(PARE_ENOMEM, "out of memory");
    p->least = p->most = (double)NAN;
    for (size_t i = 0; !rc && i <= p->rows; i++)
        for (size_t k = 0; !rc && k <= p->columns; k++) {
            struct pare_sample *s = &p->cell[i * (p->columns + 1) + k];

            rc = fill_cell(s, r, metric, i < p->rows ? p->row[i] : NULL,
                           k < p->columns ? p->column[k] : NULL);
            if (rc || i == p->rows || k == p->columns)
                continue;
            p->least = fmin(p->least, s->mean);
            p->most = fmax(p->most, s->mean);
        }
    return rc;
}

static void release_pivot(struct pivot *p)
{
    report_free_values(p->row, p->rows);
    report_free_values(p->column, p->columns);
    free(p->cell);
}

/* A cell, the darker the larger: from white to a light blue. */
static void print_cell(const struct pivot *p, const struct pare_sample *s,
                       bool shaded, FILE *out)
{
    double span = p->most - p->least;
    double at = span > 0 ? (s->mean - p->least) / span : 0;

    if (shaded && s->n)
        fprintf(out, "<td class=\"n\" style=\"background:#%02x%02x%02x\">",
                (unsigned)(255 - 110 * at), (unsigned)(255 - 65 * at),
                (unsigned)(255 - 20 * at));
    else
        fputs("<td class=\"n\">", out);
    put_number(s->mean, out);
    if (s->n > 1) {
        fputs(" &plusmn; ", out);
        put_number(s->sd, out);
    }
    if (s->n)
        fprintf(out, " <small>(%zu)</small>", s->n);
    fputs("</td>", out);
}

static void print_pivot(const struct report *r, const struct pivot *p,
                        const char *metric, FILE *out)
{
    fputs("<h3>", out);
    utf8_html(metric, out);
    fputs("</h3>\n<div class=\"wide\"><table>\n<thead><tr><th>", out);
    utf8_html(r->row, out);
    fputs(" \\ ", out);
    utf8_html(r->column, out);
    fputs("</th>", out);
    for (size_t k = 0; k < p->columns; k++)
        text_cell("th", *p->column[k] ? p->column[k] : "none", out);
    fputs("<th>all</th></tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i <= p->rows; i++) {
        fputs("<tr>", out);
        text_cell("th",
                  i == p->rows ? "all"
                  : *p->row[i] ? p->row[i]
                               : "none",
                  out);
        for (size_t k = 0; k <= p->columns; k++)
            print_cell(p, &p->cell[i * (p->columns + 1) + k],
                       i < p->rows && k < p->columns, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table></div>\n", out);
}

static int print_pivots(const struct report *r, FILE *out)
{
    int rc = 0;

    if (!r->row)
        return 0;
    fputs("<h2>Pivots</h2>\n<p>Mean &plusmn; sd (n).</p>\n", out);
    for (size_t i = 0; !rc && i < r->n_metrics; i++) {
        struct pivot p = {0};

        rc = fill_pivot(&p, r, r->metric[i]);
        if (!rc)
            print_pivot(r, &p, r->metric[i], out);
        release_pivot(&p);
    }
    return rc;
}

/* ---- runs -------------------------------------------------------------- */

static void print_runs(const struct report *r, FILE *out)
{
    static const char *const sizes[] = {"epochs", "sparsity", "compression",
                                        "kept", "bytes"};
    const size_t n = sizeof sizes / sizeof *sizes;

    fputs("<h2>Runs</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>run</th>",
          out);
    for (size_t k = 0; k < n; k++)
        text_cell("th", sizes[k], out);
    for (size_t k = 0; k < r->n_metrics; k++)
        text_cell("th", r->metric[k], out);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < r->runs.n; i++) {
        fputs("<tr>", out);
        text_cell("td", r->runs.run[i].name, out);
        for (size_t k = 0; k < n; k++) {
            double v = run_number(&r->runs.run[i], sizes[k]);

            if (v >= 0 && v < 1e15 && v <= floor(v) && k != 1 && k != 2)
                fprintf(out, "<td class=\"n\">%.0f</td>", v);
            else
                number_cell(v, out);
        }
        for (size_t k = 0; k < r->n_metrics; k++)
            number_cell(run_number(&r->runs.run[i], r->metric[k]), out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table></div>\n", out);
}

static void print_provenance(const struct report *r, FILE *out)
{
    if (r->n_items)
        fputs("<h2>Provenance</h2>\n", out);
    for (size_t i = 0; i < r->n_items; i++) {
        fputs("<details><summary>", out);
        utf8_html(r->item[i].path, out);
        fprintf(out, " <small>state %s</small></summary>\n<pre>",
                r->item[i].state);
        utf8_html(r->item[i].script, out);
        fputs("</pre></details>\n", out);
    }
}

static void print_left(const struct report *r, FILE *out)
{
    if (r->n_left)
        fputs("<h2>Files that are no models</h2>\n<ul>\n", out);
    for (size_t i = 0; i < r->n_left; i++) {
        fputs("<li>", out);
        utf8_html(r->left[i].path, out);
        fputs(": ", out);
        utf8_html(r->left[i].why, out);
        fputs("</li>\n", out);
    }
    if (r->n_left)
        fputs("</ul>\n", out);
}

int report_print(const struct report *r, FILE *out)
{
    int rc;

    print_head(r, out);
    print_common(r, out);
    rc = print_groups(r, out);
    if (!rc)
        rc = print_pivots(r, out);
    if (!rc)
        rc = report_print_plots(r, out);
    if (rc)
        return rc;
    print_runs(r, out);
    print_provenance(r, out);
    print_left(r, out);
    fputs("</body>\n</html>\n", out);
    return ferror(out) ? pare_fail(PARE_EIO, "cannot write the page") : 0;
}
