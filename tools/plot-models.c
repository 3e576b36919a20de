/* What models have to show, for pare-plot(1) and pare-report(1). */
#include "plot.h"
#include "plot-table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "gathered.h"
#include "model_file.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- models ------------------------------------------------------------ */

static char *label_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *label = strdup(slash && slash[1] ? slash + 1 : path);
    size_t n = label ? strlen(label) : 0;

    if (n > 3 && strcmp(label + n - 3, ".h5") == 0)
        label[n - 3] = '\0';
    return label;
}

/* Where two files have one name, both have their paths. */
static int label_all(struct plot_models *all)
{
    for (size_t i = 0; i < all->n; i++) {
        bool unique = true;

        for (size_t k = 0; k < all->n && unique; k++) {
            char *other = k == i ? NULL : label_of(all->model[k].path);

            unique =
                k == i || (other && strcmp(other, all->model[i].label) != 0);
            free(other);
        }
        if (unique)
            continue;
        free(all->model[i].label);
        all->model[i].label = strdup(all->model[i].path);
        if (!all->model[i].label)
            return no_memory();
    }
    return 0;
}

static int read_model(struct plot_model *m, const char *path)
{
    struct pare_model_file info = {0};
    int rc;

    m->path = path;
    m->label = label_of(path);
    if (!m->label)
        return no_memory();
    rc = pare_model_read(&m->m, &info, path);
    m->bytes = info.bytes;
    pare_model_file_release(&info, m->m.n_tensors);
    return rc;
}

/* Room for one more, zeroed. NULL without memory. */
static struct plot_model *add_model(struct plot_models *all)
{
    struct plot_model *grown =
        realloc(all->model, (all->n + 1) * sizeof *grown);

    if (!grown) {
        no_memory();
        return NULL;
    }
    all->model = grown;
    grown += all->n++;
    memset(grown, 0, sizeof *grown);
    return grown;
}

static int read_models(struct plot_models *all, char *const *path, size_t n,
                       bool tables)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++) {
        struct plot_model *m;

        if (tables && strcmp(path[i], "-") != 0 && !runs_is_model(path[i])) {
            rc = plot_table_read(all, path[i]);
            continue;
        }
        m = add_model(all);
        rc = m ? read_model(m, path[i]) : PARE_ENOMEM;
    }
    return rc ? rc : label_all(all);
}

int plot_models_read(struct plot_models *all, char *const *path, size_t n)
{
    return read_models(all, path, n, false);
}

int plot_histories_read(struct plot_models *all, char *const *path, size_t n)
{
    return read_models(all, path, n, true);
}

int plot_models_named(struct plot_model **m, struct plot_models *all,
                      const char *name)
{
    char **names, *copy;

    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->model[i].path, name) == 0) {
            *m = &all->model[i];
            return 0;
        }
    names = realloc(all->table_name, (all->n_table_names + 1) * sizeof *names);
    if (!names)
        return no_memory();
    all->table_name = names;
    copy = strdup(name);
    if (!copy)
        return no_memory();
    names[all->n_table_names++] = copy;
    *m = add_model(all);
    if (!*m)
        return PARE_ENOMEM;
    (*m)->path = copy;
    (*m)->label = label_of(copy);
    return (*m)->label ? 0 : no_memory();
}

void plot_models_release(struct plot_models *all)
{
    for (size_t i = 0; i < all->n; i++) {
        pare_model_release(&all->model[i].m);
        free(all->model[i].label);
    }
    free(all->model);
    for (size_t i = 0; i < all->n_table_names; i++)
        free(all->table_name[i]);
    free(all->table_name);
    memset(all, 0, sizeof *all);
}

int plot_title(struct figure *f, const char *what,
               const struct plot_models *all)
{
    const char *label = all->n == 1 ? all->model[0].label : "-";
    bool named = strcmp(label, "-") != 0;
    size_t size = strlen(what) + strlen(label) + 3;

    f->title = malloc(size);
    if (!f->title)
        return no_memory();
    snprintf(f->title, size, "%s%s%s", what, named ? ": " : "",
             named ? label : "");
    return 0;
}

/* ---- history ----------------------------------------------------------- */

/* A column of the history: its place in a row, and whose it is. */
struct column {
    size_t offset;
    const char *name;
    bool dashed;
};

static double value_at(const struct pare_history_row *h, const struct column *c)
{
    double v;

    memcpy(&v, (const char *)h + c->offset, sizeof v);
    return v;
}

static bool has_column(const struct plot_model *m, const struct column *c)
{
    for (size_t k = 0; k < m->m.n_history; k++)
        if (isfinite(value_at(&m->m.history[k], c)))
            return true;
    return false;
}

bool plot_has_history(const struct plot_model *m)
{
    for (size_t k = 0; k < m->m.n_history; k++) {
        const struct pare_history_row *h = &m->m.history[k];

        if (isfinite(h->train_loss) || isfinite(h->val_loss) ||
            isfinite(h->train_acc) || isfinite(h->val_acc))
            return true;
    }
    return false;
}

/* quiet: another series stands in the legend for this model. */
static int add_column(struct figure_panel *p, const struct plot_models *all,
                      size_t i, const struct column *c, bool quiet)
{
    const struct plot_model *m = &all->model[i];
    struct figure_series *s;
    char name[300];
    int rc = 0;

    if (!has_column(m, c))
        return 0;
    if (all->n > 1)
        snprintf(name, sizeof name, "%.250s, %s", m->label, c->name);
    else
        snprintf(name, sizeof name, "%s", c->name);
    s = figure_series(p, name, FIGURE_POINTS, (int)i);
    if (!s)
        return PARE_ENOMEM;
    s->dashed = c->dashed;
    s->unnamed = quiet;
    for (size_t k = 0; !rc && k < m->m.n_history; k++)
        rc = figure_point(s, (double)m->m.history[k].epoch,
                          value_at(&m->m.history[k], c), (double)NAN);
    return rc;
}

static int add_columns(struct figure *f, const struct plot_models *all,
                       const char *title, const char *y, const struct column *c)
{
    struct figure_panel *p = figure_panel(f, title);
    int rc = p ? 0 : PARE_ENOMEM;

    if (rc)
        return rc;
    p->x_label = "epoch";
    p->x_whole = true;
    p->y_label = y;
    for (size_t i = 0; !rc && i < all->n; i++)
        for (size_t k = 0; !rc && k < 2; k++)
            rc = add_column(p, all, i, &c[k],
                            k == 0 && all->n > 1 &&
                                has_column(&all->model[i], &c[1]));
    if (!rc && p->n == 0) { /* regression has no accuracy */
        f->n--;
        free(p->title);
        free(p->series);
    }
    return rc;
}

/* Cross-entropies are natural logarithms; a table does not say its loss. */
static const char *loss_label(const struct plot_models *all)
{
    for (size_t i = 0; i < all->n; i++) {
        const char *loss = all->model[i].m.training.loss;

        if (strcmp(loss, "cross-entropy") != 0 && strcmp(loss, "nll") != 0)
            return "mean loss";
    }
    return "mean loss (nats)";
}

int plot_history(struct figure *f, const struct plot_models *all)
{
    static const struct column loss[] = {
        {offsetof(struct pare_history_row, train_loss), "training", true},
        {offsetof(struct pare_history_row, val_loss), "validation", false}};
    static const struct column acc[] = {
        {offsetof(struct pare_history_row, train_acc), "training", true},
        {offsetof(struct pare_history_row, val_acc), "validation", false}};
    int rc = plot_title(f, "Training", all);

    f->columns = 2;
    if (!rc)
        rc = add_columns(f, all, all->n > 1 ? "Loss (training dashed)" : "Loss",
                         loss_label(all), loss);
    if (!rc)
        rc = add_columns(f, all,
                         all->n > 1 ? "Accuracy (training dashed)" : "Accuracy",
                         "accuracy (%)", acc);
    if (!rc && f->n == 0)
        return pare_fail(PARE_EINVAL, "no model has a training history");
    if (!rc && f->n == 2)
        f->panel[1].y_percent = true;
    f->columns = f->n;
    return rc;
}

/* ---- connections ------------------------------------------------------- */

static int read_connections(struct connections *c, const struct plot_model *m,
                            const struct connections_want *want)
{
    int rc = connections_read(c, &m->m, want);

    return rc ? pare_fail_prefix(rc, "'%s'", m->path) : 0;
}

static int add_map(struct figure *f, const struct plot_models *all,
                   const struct plot_model *m, const struct connections *c)
{
    struct figure_panel *p = figure_panel(f, all->n > 1 ? m->label : "");
    struct figure_series *s = p ? figure_series(p, "", FIGURE_IMAGE, 0) : NULL;
    int rc = s ? 0 : PARE_ENOMEM;

    if (rc)
        return rc;
    p->x_label = "column (pixels)";
    p->y_label = "row (pixels)";
    p->z_label = "connections";
    for (size_t r = 0; r < c->chw[1]; r++)
        for (size_t k = 0; !rc && k < c->chw[2]; k++) {
            double v = (double)c->map[r * c->chw[2] + k];

            f->z_max = fmax(f->z_max, v);
            rc = figure_point(s, (double)k, (double)r, v);
        }
    return rc;
}

int plot_heatmap(struct figure *f, const struct plot_models *all,
                 const struct connections_want *want)
{
    int rc = plot_title(f, "Connections of each input pixel", all);

    f->columns = all->n < 4 ? all->n : all->n == 4 ? 2 : 3;
    for (size_t i = 0; !rc && i < all->n; i++) {
        struct connections c = {0};

        rc = read_connections(&c, &all->model[i], want);
        if (!rc)
            rc = add_map(f, all, &all->model[i], &c);
        connections_release(&c);
    }
    return rc;
}

static int add_trend(struct figure_panel *p, size_t i,
                     const struct plot_model *m, const struct connections *c)
{
    struct pare_trend t = {0};
    struct figure_series *s;
    char name[300];
    int rc = pare_trend(&t, c->map, c->chw[1], c->chw[2]);

    if (rc)
        return rc;
    snprintf(name, sizeof name, "%.250s (side %zu / all: %.3f)", m->label,
             t.half, t.half_ratio);
    s = figure_series(p, name, FIGURE_POINTS, (int)i);
    if (!s)
        rc = PARE_ENOMEM;
    for (size_t k = 0; !rc && k < t.n; k++)
        rc = figure_point(s, (double)t.side[k], t.mean[k], (double)NAN);
    pare_trend_release(&t);
    return rc;
}

int plot_trend(struct figure *f, const struct plot_models *all,
               const struct connections_want *want)
{
    int rc = plot_title(f, "Connections around the middle of the image", all);
    struct figure_panel *p = rc ? NULL : figure_panel(f, "");

    if (!p)
        return PARE_ENOMEM;
    p->x_label = "side of the centred square (pixels)";
    p->x_whole = true;
    p->y_label = "mean connections of a pixel";
    for (size_t i = 0; !rc && i < all->n; i++) {
        struct connections c = {0};

        rc = read_connections(&c, &all->model[i], want);
        if (!rc)
            rc = add_trend(p, i, &all->model[i], &c);
        connections_release(&c);
    }
    return rc;
}

/* ---- weights ----------------------------------------------------------- */

#define BINS 61

/* Counts of weights by value, the bins from -most to most. */
struct hist {
    double most;
    uint64_t kept[BINS], lost[BINS];
    uint64_t pruned;
    bool undo; /* lost: what the pruned ones were before */
};

static size_t bin_of(const struct hist *h, float v)
{
    double at = ((double)v / h->most + 1) / 2 * BINS;

    return at <= 0 ? 0 : at >= BINS ? BINS - 1 : (size_t)at;
}

static double largest(const struct pare_model *m)
{
    double most = 0;

    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        for (size_t i = 0; pare_tensor_prunable(x) && i < x->n; i++)
            most = fmax(most, fabs((double)x->value[i]));
    }
    return most;
}

static const struct pare_checkpoint *last_undo(const struct pare_model *m)
{
    char name[PARE_NAME_MAX];
    size_t n = pare_model_undos(m);

    if (n == 0)
        return NULL;
    pare_undo_name(name, n);
    return pare_model_checkpoint(m, name);
}

static void count_tensor(struct hist *h, const struct pare_tensor *t,
                         const float *was, const uint8_t *then)
{
    h->pruned += pare_tensor_positions(t) - pare_tensor_kept(t);
    for (size_t i = 0; i < t->n; i++) {
        if (!t->mask || t->mask[i])
            h->kept[bin_of(h, t->value[i])]++;
        else if (was && (!then || then[i]))
            h->lost[bin_of(h, was[i])]++;
    }
}

static void count_model(struct hist *h, const struct pare_model *m)
{
    const struct pare_checkpoint *undo = last_undo(m);

    h->undo = undo && undo->value;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]))
            count_tensor(h, &m->tensor[t], h->undo ? undo->value[t] : NULL,
                         h->undo && undo->mask ? undo->mask[t] : NULL);
}

static int add_counts(struct figure_panel *p, const char *name, int look,
                      const struct hist *h, const uint64_t *count)
{
    struct figure_series *s = figure_series(p, name, FIGURE_STEPS, look);
    int rc = s ? 0 : PARE_ENOMEM;

    if (rc)
        return rc;
    s->dashed = look > 0;
    for (size_t i = 0; !rc && i < BINS; i++)
        rc = figure_point(s, (2.0 * (double)i + 1 - BINS) / BINS * h->most,
                          (double)count[i], (double)NAN);
    return rc;
}

static int add_hist(struct figure_panel *p, const struct hist *h)
{
    struct figure_series *s;
    char name[100];
    int rc = add_counts(p, "kept", 0, h, h->kept);

    if (!rc && h->undo)
        rc = add_counts(p, "pruned last, as they were", 3, h, h->lost);
    if (rc || !h->pruned)
        return rc;
    snprintf(name, sizeof name, "pruned: %" PRIu64, h->pruned);
    s = figure_series(p, name, FIGURE_BOX, 1);
    return s ? figure_point(s, 0, (double)h->pruned, 2 * h->most / BINS)
             : PARE_ENOMEM;
}

int plot_hist(struct figure *f, const struct plot_models *all)
{
    int rc = plot_title(f, "Values of prunable weights", all);
    double most = 0;

    for (size_t i = 0; i < all->n; i++)
        most = fmax(most, largest(&all->model[i].m));
    f->columns = all->n < 3 ? all->n : 2;
    for (size_t i = 0; !rc && i < all->n; i++) {
        struct figure_panel *p =
            figure_panel(f, all->n > 1 ? all->model[i].label : "");
        struct hist h = {.most = most > 0 ? most : 1};

        if (!p)
            return PARE_ENOMEM;
        p->x_label = "weight";
        p->y_label = "number of weights (log scale)";
        p->y_log = true;
        count_model(&h, &all->model[i].m);
        rc = add_hist(p, &h);
    }
    return rc;
}

/* ---- layers ------------------------------------------------------------ */

static double tensor_sparsity(const struct pare_tensor *t)
{
    double all = (double)pare_tensor_positions(t);

    return (all - (double)pare_tensor_kept(t)) / all;
}

static int add_layers(struct figure_panel *p, size_t i,
                      const struct plot_model *m)
{
    struct figure_series *s = figure_series(p, m->label, FIGURE_BARS, (int)i);
    size_t at = 0;
    int rc = s ? 0 : PARE_ENOMEM;

    for (size_t t = 0; !rc && t < m->m.n_tensors; t++)
        if (pare_tensor_prunable(&m->m.tensor[t]))
            rc = figure_point(s, (double)at++, tensor_sparsity(&m->m.tensor[t]),
                              (double)NAN);
    return rc ? rc
              : figure_point(s, (double)at, pare_model_sparsity(&m->m),
                             (double)NAN);
}

/* Ticks of the first model; the others must have the same layers. */
static int name_layers(struct figure_panel *p, const struct plot_model *m,
                       bool first)
{
    size_t at = 0;
    int rc = 0;

    for (size_t t = 0; !rc && t < m->m.n_tensors; t++) {
        const char *name = m->m.arch.layer[m->m.tensor[t].layer].name;

        if (!pare_tensor_prunable(&m->m.tensor[t]))
            continue;
        if (first)
            rc = figure_tick(p, name);
        else if (at + 1 >= p->n_ticks || strcmp(p->tick[at], name) != 0)
            at = p->n_ticks; /* more layers, or others */
        at++;
    }
    if (!rc && first)
        return figure_tick(p, "all");
    if (!rc && at + 1 != p->n_ticks)
        return pare_fail(PARE_EINVAL,
                         "'%s' has other layers than the first model", m->path);
    return rc;
}

int plot_layers(struct figure *f, const struct plot_models *all)
{
    int rc = plot_title(f, "Sparsity by layer", all);
    struct figure_panel *p = rc ? NULL : figure_panel(f, "");

    if (!p)
        return PARE_ENOMEM;
    p->x_label = "layer";
    p->y_label = "pruned weights (%)";
    p->y_percent = p->y_zero = true;
    for (size_t i = 0; !rc && i < all->n; i++) {
        rc = name_layers(p, &all->model[i], i == 0);
        if (!rc)
            rc = add_layers(p, i, &all->model[i]);
    }
    return rc;
}
