/* What dynamic sparse training did, epoch by epoch, for pare-plot(1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "plot.h"
#include "status.h"

/* A number of a row of the record. */
struct measure {
    const char *title, *label;
    double (*of)(const struct pare_rewiring *r, double positions);
};

static double survival(const struct pare_rewiring *r, double positions)
{
    (void)positions;
    return r->fresh ? (double)r->survived / (double)r->fresh : (double)NAN;
}

static double moved(const struct pare_rewiring *r, double positions)
{
    (void)positions;
    return r->before ? (double)r->removed / (double)r->before : (double)NAN;
}

static double density(const struct pare_rewiring *r, double positions)
{
    double after = (double)r->before - (double)r->removed + (double)r->grown;

    return r->times ? after / (double)r->times / positions : (double)NAN;
}

static const struct measure measures[] = {
    {"Survival of grown connections", "outlived the next pruning (%)",
     survival},
    {"Removed connections", "of those there were (%)", moved},
    {"Density after growing", "connections of all positions (%)", density}};

static int add_layer(struct figure_panel *p, const struct plot_models *all,
                     const struct plot_model *m, size_t tensor,
                     const struct measure *what)
{
    const struct pare_tensor *t = &m->m.tensor[tensor];
    const char *layer = m->m.arch.layer[t->layer].name;
    struct figure_series *s = NULL;
    char name[300];
    int rc = 0;

    if (all->n > 1)
        snprintf(name, sizeof name, "%.200s, %.80s", m->label, layer);
    else
        snprintf(name, sizeof name, "%.80s", layer);
    for (size_t i = 0; !rc && i < m->m.n_rewirings; i++) {
        const struct pare_rewiring *r = &m->m.rewiring[i];

        if (r->tensor != tensor)
            continue;
        if (!s)
            s = figure_series(p, name, FIGURE_POINTS, (int)p->n);
        if (!s)
            return PARE_ENOMEM;
        rc = figure_point(s, (double)r->epoch,
                          what->of(r, (double)pare_tensor_positions(t)),
                          (double)NAN);
    }
    return rc;
}

static int add_measure(struct figure *f, const struct plot_models *all,
                       const struct measure *what)
{
    struct figure_panel *p = figure_panel(f, what->title);
    int rc = p ? 0 : PARE_ENOMEM;

    if (rc)
        return rc;
    p->x_label = "finished epochs";
    p->y_label = what->label;
    p->x_whole = p->y_percent = p->y_low = true;
    for (size_t i = 0; !rc && i < all->n; i++)
        for (size_t t = 0; !rc && t < all->model[i].m.n_tensors; t++)
            rc = add_layer(p, all, &all->model[i], t, what);
    return rc;
}

/* Whether there is anything to draw: of a single rewiring no connection had
 * been grown before. */
static bool has_numbers(const struct plot_models *all,
                        const struct measure *what)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->model[i].m.n_rewirings; k++)
            if (isfinite(what->of(&all->model[i].m.rewiring[k], 1)))
                return true;
    return false;
}

bool plot_has_rewiring(const struct plot_model *m)
{
    return m->m.n_rewirings > 0;
}

int plot_rewiring(struct figure *f, const struct plot_models *all)
{
    size_t rows = 0;
    int rc = plot_title(f, "Rewiring", all);

    for (size_t i = 0; i < all->n; i++)
        rows += all->model[i].m.n_rewirings;
    if (!rc && rows == 0)
        return pare_fail(PARE_EINVAL, "no model was ever rewired");
    for (size_t i = 0; !rc && i < sizeof measures / sizeof *measures; i++)
        if (has_numbers(all, &measures[i])) {
            rc = add_measure(f, all, &measures[i]);
            f->columns++;
        }
    return rc;
}
