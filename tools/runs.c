/* What is known of runs, for pare-plot(1) and pare-report(1). */
#include "runs.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "number.h"
#include "provenance.h"
#include "stats.h"
#include "status.h"

#define DATA_DIGITS 12

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void runs_release(struct runs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->run[i].n; k++) {
            free(r->run[i].field[k].key);
            free(r->run[i].field[k].value);
        }
        free(r->run[i].field);
        free(r->run[i].name);
    }
    free(r->run);
    memset(r, 0, sizeof *r);
}

bool runs_is_model(const char *path)
{
    static const char sign[] = "\211HDF";
    char head[4] = {0};
    FILE *f = strcmp(path, "-") == 0 ? NULL : fopen(path, "rb");
    size_t n;

    if (!f)
        return false;
    n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n == sizeof head && memcmp(head, sign, sizeof head) == 0;
}

static int find_run(struct run **found, struct runs *r, const char *name)
{
    struct run *made;

    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->run[i].name, name) == 0) {
            *found = &r->run[i];
            return 0;
        }
    if (r->n == r->room) {
        size_t room = 2 * r->room + 8;

        made = realloc(r->run, room * sizeof *made);
        if (!made)
            return no_memory();
        r->run = made;
        r->room = room;
    }
    made = &r->run[r->n];
    memset(made, 0, sizeof *made);
    made->name = strdup(name);
    if (!made->name)
        return no_memory();
    r->n++;
    *found = made;
    return 0;
}

static struct run_field *find_field(const struct run *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->field[i].key, key) == 0)
            return &r->field[i];
    return NULL;
}

static int new_field(struct run_field **f, struct run *r, const char *key)
{
    if (r->n == r->room) {
        size_t room = 2 * r->room + 16;
        struct run_field *grown = realloc(r->field, room * sizeof *grown);

        if (!grown)
            return no_memory();
        r->field = grown;
        r->room = room;
    }
    r->field[r->n] = (struct run_field){strdup(key), NULL, false};
    if (!r->field[r->n].key)
        return no_memory();
    *f = &r->field[r->n++];
    return 0;
}

static int set_field(struct run *r, const char *key, const char *value)
{
    struct run_field *f = find_field(r, key);
    char *copy = strdup(value);
    int rc = copy ? 0 : no_memory();

    if (!rc && !f)
        rc = new_field(&f, r, key);
    if (rc) {
        free(copy);
        return rc;
    }
    free(f->value);
    f->value = copy;
    return 0;
}

static int set_number(struct run *r, const char *key, double value)
{
    char buf[PARE_NUMBER_MAX];

    return set_field(r, key, pare_number_print(buf, value));
}

/* ---- models ------------------------------------------------------------ */

/* Is a value one of those that stand between commas? */
static bool is_among(const char *list, const char *value)
{
    size_t n = strlen(value);

    for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
        if (strncmp(p, value, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
    return false;
}

static int add_option(struct run *r, const char *tool, const char *option,
                      const char *value)
{
    char key[128], *text;
    struct run_field *f;
    size_t size;
    int rc;

    snprintf(key, sizeof key, "%s %s", tool, option);
    if (!value)
        value = "yes";
    f = find_field(r, key);
    if (f && is_among(f->value, value))
        return 0;
    size = (f ? strlen(f->value) : 0) + strlen(value) + 2;
    text = malloc(size);
    if (!text)
        return no_memory();
    snprintf(text, size, "%s%s%s", f ? f->value : "", f ? "," : "", value);
    rc = set_field(r, key, text);
    free(text);
    if (!rc)
        find_field(r, key)->option = true;
    return rc;
}

static int add_step(struct run *r, const char *line)
{
    struct provenance_step s = {0};
    int rc = provenance_parse(&s, line);

    for (size_t i = 0; !rc && i < s.n_args; i++)
        rc = add_option(r, s.tool, s.arg[i].name, s.arg[i].value);
    for (size_t i = 0; !rc && i < s.n_inputs; i++) {
        if (strcmp(s.input[i].kind, "data") != 0)
            continue;
        s.input[i].digest[DATA_DIGITS] = '\0';
        rc = add_option(r, s.tool, s.input[i].option, s.input[i].digest);
    }
    provenance_release(&s);
    return rc;
}

static int add_history(struct run *r, const struct pare_model *m)
{
    const struct pare_history_row *last = &m->history[m->n_history - 1];
    double loss = (double)NAN, acc = (double)NAN, epoch = (double)NAN;
    int rc = 0;

    for (size_t i = 0; i < m->n_history; i++) {
        const struct pare_history_row *h = &m->history[i];

        loss = fmin(loss, h->val_loss);
        if (h->val_acc > acc || (isnan(acc) && !isnan(h->val_acc))) {
            acc = h->val_acc;
            epoch = (double)h->epoch;
        }
    }
    const struct {
        const char *key;
        double value;
    } row[] = {{"train_loss", last->train_loss},
               {"train_acc", last->train_acc},
               {"val_loss", last->val_loss},
               {"val_acc", last->val_acc},
               {"best_val_loss", loss},
               {"best_val_acc", acc},
               {"best_epoch", epoch}};
    for (size_t i = 0; !rc && i < sizeof row / sizeof *row; i++)
        rc = set_number(r, row[i].key, row[i].value);
    return rc;
}

static int add_sizes(struct run *r, const struct pare_model *m, uint64_t bytes)
{
    struct pare_stats_row *row = NULL, *all;
    size_t n;
    int rc = pare_stats(&row, &n, m);

    if (rc)
        return rc;
    all = &row[n - 1];
    const struct {
        const char *key;
        double value;
    } number[] = {{"sparsity", pare_model_sparsity(m)},
                  {"compression", pare_stats_compression(all)},
                  {"params", (double)all->params},
                  {"kept", (double)all->kept},
                  {"nonzero", (double)all->nonzero},
                  {"bytes", (double)bytes},
                  {"epochs", (double)m->training.epoch}};
    for (size_t i = 0; !rc && i < sizeof number / sizeof *number; i++)
        rc = set_number(r, number[i].key, number[i].value);
    free(row);
    return rc;
}

int runs_add_model(struct runs *r, const char *path, const struct pare_model *m,
                   uint64_t bytes)
{
    struct run *run;
    int rc = find_run(&run, r, path);

    for (size_t i = 0; !rc && i < m->n_steps; i++)
        rc = add_step(run, m->step[i]);
    if (!rc)
        rc = add_sizes(run, m, bytes);
    if (!rc && m->n_history)
        rc = add_history(run, m);
    return rc;
}

/* ---- tables ------------------------------------------------------------ */

static size_t column_of(const struct pare_csv *t, const char *name)
{
    size_t c = 0;

    while (c < t->columns && strcmp(t->name[c], name) != 0)
        c++;
    return c;
}

static int add_row(struct runs *r, const struct pare_csv *t, size_t row,
                   size_t model)
{
    struct run *run;
    int rc = find_run(&run, r, pare_csv_cell(t, row, model));

    for (size_t c = 0; !rc && c < t->columns; c++) {
        const char *name = t->name[c];

        if (c != model && *name && strcmp(name, "layer") != 0 &&
            strcmp(name, "shape") != 0 && strcmp(name, "split") != 0)
            rc = set_field(run, name, pare_csv_cell(t, row, c));
    }
    return rc;
}

int runs_add_table(struct runs *r, const char *path)
{
    struct pare_csv t = {0};
    int rc = pare_csv_read(&t, path, '\t');
    size_t model, layer;

    if (rc)
        return rc;
    model = column_of(&t, "model");
    layer = column_of(&t, "layer");
    if (model == t.columns)
        rc = pare_fail(PARE_EFORMAT, "'%s': a table without a column 'model'",
                       path);
    for (size_t i = 0; !rc && i < t.rows; i++)
        if (layer == t.columns ||
            strcmp(pare_csv_cell(&t, i, layer), "total") == 0)
            rc = add_row(r, &t, i, model);
    pare_csv_release(&t);
    return rc;
}

/* ---- questions --------------------------------------------------------- */

/* The field of a key, or of that option of the last command that has it. */
static const struct run_field *field_of(const struct run *r, const char *key,
                                        size_t len)
{
    for (size_t i = r->n; i-- > 0;) {
        const char *name = r->field[i].key;
        size_t n = strlen(name);

        if (n == len && strncmp(name, key, len) == 0)
            return &r->field[i];
        if (key[0] == '-' && n > len + 1 && name[n - len - 1] == ' ' &&
            strncmp(name + n - len, key, len) == 0)
            return &r->field[i];
    }
    return NULL;
}

/* What stands behind NAME= in a value; NULL when it does not. */
static const char *setting(const char *value, const char *name, char *buf,
                           size_t size)
{
    size_t n = strlen(name);

    for (const char *p = value; *p; p += strspn(p, ", ")) {
        size_t len = strcspn(p, ", ");

        if (len > n && strncmp(p, name, n) == 0 && p[n] == '=') {
            snprintf(buf, size, "%.*s", (int)(len - n - 1), p + n + 1);
            return buf;
        }
        p += len;
    }
    return NULL;
}

const char *run_get(const struct run *r, const char *key, char *buf,
                    size_t size)
{
    size_t len = strcspn(key, ":");
    const struct run_field *f = field_of(r, key, strlen(key));

    if (!f && key[len]) {
        f = field_of(r, key, len);
        return f ? setting(f->value, key + len + 1, buf, size) : NULL;
    }
    if (!f)
        return NULL;
    snprintf(buf, size, "%s", f->value);
    return buf;
}

double run_number(const struct run *r, const char *key)
{
    char buf[64], *end;
    const char *text = run_get(r, key, buf, sizeof buf);
    double v;

    if (!text || !*text)
        return (double)NAN;
    errno = 0;
    v = strtod(text, &end);
    return *end ? (double)NAN : v;
}

static bool is_number(double *v, const char *text)
{
    char *end;

    *v = strtod(text, &end);
    return *text && !*end && !isnan(*v);
}

int run_order(const char *a, const char *b)
{
    double u, v;
    bool first = is_number(&u, a), second = is_number(&v, b);

    if (first != second)
        return first ? -1 : 1;
    if (first && (u < v || u > v))
        return u < v ? -1 : 1;
    return strcmp(a, b);
}
