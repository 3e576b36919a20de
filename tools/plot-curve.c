/* Curves through runs: means over those that differ in the seed. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"
#include "sample.h"
#include "status.h"

#define TEXT 256

/* A run as a point. */
struct point {
    char by[TEXT];
    char x_text[32]; /* points of one x are means */
    double x, y;
};

static int compare(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    int by = run_order(p->by, q->by);

    if (by)
        return by;
    if (p->x < q->x || p->x > q->x)
        return p->x < q->x ? -1 : 1;
    return p->y < q->y ? -1 : p->y > q->y;
}

static size_t collect(struct point *p, const struct runs *r,
                      const struct plot_curve *want, const char *metric)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct point q = {.x = run_number(&r->run[i], want->against),
                          .y = run_number(&r->run[i], metric)};

        if (!isfinite(q.x) || !isfinite(q.y))
            continue;
        if (want->by && !run_get(&r->run[i], want->by, q.by, sizeof q.by))
            snprintf(q.by, sizeof q.by, "none");
        snprintf(q.x_text, sizeof q.x_text, "%.4g", q.x);
        p[n++] = q;
    }
    qsort(p, n, sizeof *p, compare);
    return n;
}

/* One curve: the points first..n-1 that have its name. */
static int add_curve(struct figure_panel *panel, const struct point *p,
                     size_t n, double *y)
{
    struct figure_series *s =
        figure_series(panel, p->by, FIGURE_ERROR, (int)panel->n);
    int rc = s ? 0 : PARE_ENOMEM;

    for (size_t i = 0, k; !rc && i < n; i = k) {
        struct pare_sample sample;

        for (k = i; k < n && strcmp(p[k].x_text, p[i].x_text) == 0; k++)
            y[k - i] = p[k].y;
        sample = pare_sample_of(y, k - i);
        rc = figure_point(s, p[i].x, sample.mean, sample.sd);
    }
    return rc;
}

static int add_curves(struct figure_panel *panel, const struct point *p,
                      size_t n)
{
    double *y = calloc(n + 1, sizeof *y);
    int rc = y ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t i = 0, k; !rc && i < n; i = k) {
        for (k = i; k < n && strcmp(p[k].by, p[i].by) == 0; k++)
            ;
        rc = add_curve(panel, p + i, k - i, y);
    }
    free(y);
    return rc;
}

/* A key as the label of an axis, and whether it is a fraction. */
struct axis {
    const char *key, *label;
    bool percent, log;
};

static const struct axis axes[] = {
    {"sparsity", "pruned weights (%)", true, false},
    {"compression", "compression (all / nonzero parameters)", false, true},
    {"speedup", "theoretical speed-up", false, true},
    {"accuracy", "accuracy (%)", true, false},
    {"top5", "top-5 accuracy (%)", true, false},
    {"val_acc", "validation accuracy (%)", true, false},
    {"best_val_acc", "best validation accuracy (%)", true, false},
    {"train_acc", "training accuracy (%)", true, false},
    {"loss", "mean loss", false, false},
    {"val_loss", "validation loss", false, false},
    {"best_val_loss", "least validation loss", false, false},
    {"bytes", "bytes of the file", false, true},
    {"kept", "kept parameters", false, true},
    {"nonzero", "nonzero parameters", false, true}};

static struct axis axis_of(const char *key)
{
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        if (strcmp(axes[i].key, key) == 0)
            return axes[i];
    return (struct axis){key, key, false, false};
}

/* The accuracy on data, where a table says it. */
static const char *default_metric(const struct runs *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (isfinite(run_number(&r->run[i], "accuracy")))
            return "accuracy";
    return "val_acc";
}

/* A label without its unit. */
static int bare(const char *label)
{
    const char *unit = strstr(label, " (");

    return (int)(unit ? (size_t)(unit - label) : strlen(label));
}

static int set_title(struct figure *f, const struct axis *x,
                     const struct axis *y, const struct plot_curve *want)
{
    size_t size = strlen(x->label) + strlen(y->label) + 64 +
                  (want->by ? strlen(want->by) : 0);

    f->title = malloc(size);
    if (!f->title)
        return pare_fail(PARE_ENOMEM, "out of memory");
    snprintf(f->title, size, "%.*s against %.*s%s%s (mean, bars: 1 sd)",
             bare(y->label), y->label, bare(x->label), x->label,
             want->by ? " by " : "", want->by ? want->by : "");
    f->title[0] = (char)toupper((unsigned char)f->title[0]);
    return 0;
}

int plot_curve(struct figure *f, const struct runs *r,
               const struct plot_curve *want)
{
    const char *metric = want->metric ? want->metric : default_metric(r);
    struct axis x = axis_of(want->against), y = axis_of(metric);
    struct point *p = calloc(r->n + 1, sizeof *p);
    struct figure_panel *panel;
    size_t n;
    int rc;

    if (!p)
        return pare_fail(PARE_ENOMEM, "out of memory");
    n = collect(p, r, want, metric);
    rc = n ? set_title(f, &x, &y, want)
           : pare_fail(PARE_EINVAL,
                       "no run has both '%s' and '%s': give models, or the "
                       "tables of pare-eval(1) and pare-stats(1)",
                       want->against, metric);
    if (rc)
        goto out;
    panel = figure_panel(f, "");
    rc = panel ? 0 : PARE_ENOMEM;
    if (rc)
        goto out;
    panel->x_label = x.label;
    panel->y_label = y.label;
    panel->x_percent = x.percent;
    panel->y_percent = y.percent;
    panel->x_log = x.log && p[0].x > 0;
    rc = add_curves(panel, p, n);
out:
    free(p);
    return rc;
}
