/* Histories of tables, for pare-plot(1). */
#include "plot-table.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "csv.h"
#include "number.h"
#include "status.h"

static size_t column_of(const struct pare_csv *t, const char *name)
{
    size_t c = 0;

    while (c < t->columns && strcmp(t->name[c], name) != 0)
        c++;
    return c;
}

/* A number, or NaN for a column or a number that is not there. */
static double number_at(const struct pare_csv *t, size_t row, const char *name)
{
    size_t c = column_of(t, name);
    double v;

    if (c == t->columns || pare_number_parse(&v, pare_csv_cell(t, row, c)))
        return (double)NAN;
    return v;
}

static int add_row(struct plot_models *all, const struct pare_csv *t,
                   size_t row, const char *path)
{
    size_t kind = column_of(t, "kind"), model = column_of(t, "model");
    struct pare_history_row h = {.train_loss = number_at(t, row, "train_loss"),
                                 .train_acc = number_at(t, row, "train_acc"),
                                 .val_loss = number_at(t, row, "val_loss"),
                                 .val_acc = number_at(t, row, "val_acc")};
    double epoch = number_at(t, row, "epoch");
    struct plot_model *m;
    int rc;

    if (kind < t->columns && strcmp(pare_csv_cell(t, row, kind), "epoch") != 0)
        return 0;
    if (!(epoch >= 0 && epoch < 1e15))
        return pare_fail(PARE_EFORMAT, "'%s', line %zu: no epoch", path,
                         t->line[row]);
    h.epoch = (uint64_t)epoch;
    rc = plot_models_named(
        &m, all, model < t->columns ? pare_csv_cell(t, row, model) : path);
    return rc ? rc : pare_model_add_history(&m->m, &h);
}

int plot_table_read(struct plot_models *all, const char *path)
{
    struct pare_csv t = {0};
    int rc = pare_csv_read(&t, path, '\t');

    if (rc)
        return rc;
    if (column_of(&t, "epoch") == t.columns)
        rc =
            pare_fail(PARE_EFORMAT,
                      "'%s' is neither a model nor a table of a history", path);
    for (size_t i = 0; !rc && i < t.rows; i++)
        rc = add_row(all, &t, i, path);
    pare_csv_release(&t);
    return rc;
}
