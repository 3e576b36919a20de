#include "csv_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "number.h"
#include "status.h"

enum use { UNUSED, LABEL, NUMBER, ONE_HOT };

/* A value of a column of names, and its place among them. */
struct value {
    const char *text;
    int32_t code;
};

struct column {
    enum use use;
    double scale;        /* 0: not scaled */
    size_t n;            /* values of a label or one-hot column */
    struct value *value; /* [n] sorted by text */
    char *given;         /* values of the command line, cut into texts */
    size_t first;        /* its first feature */
};

/* What the work below shares. */
struct work {
    const struct pare_csv *t;
    const char *name;
    struct column *column; /* [t->columns] */
    size_t label, features;
    uint8_t *keep; /* [t->rows] */
    size_t n;      /* rows kept */
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Name those there are: with a wrong separator that is one long name. */
static int no_column(const struct work *w, const char *text, size_t n)
{
    char names[400] = "";
    size_t used = 0;

    for (size_t c = 0; c < w->t->columns && used < sizeof names; c++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s'%s'",
                                 c ? ", " : "", w->t->name[c]);
    if (used >= sizeof names)
        memcpy(names + sizeof names - 5, " ...", 5);
    return pare_fail(PARE_EINVAL, "'%s' has no column '%.*s'; there %s %s",
                     w->name, (int)(n < 200 ? n : 200), text,
                     w->t->columns == 1 ? "is" : "are", names);
}

/*
 * The column that a text begins with, the longest name that is followed by
 * one of `ends` or the end; *rest is behind it. Columns count if none fits.
 */
static int find(size_t *column, const char **rest, const struct work *w,
                const char *text, const char *ends)
{
    size_t best = 0, end;
    char *stop;
    unsigned long number;

    for (size_t c = 0; c < w->t->columns; c++) {
        size_t len = strlen(w->t->name[c]);

        if (len > best && strncmp(text, w->t->name[c], len) == 0 &&
            (!text[len] || strchr(ends, text[len]))) {
            best = len;
            *column = c;
        }
    }
    if (best) {
        *rest = text + best;
        return 0;
    }
    end = strcspn(text, ends);
    if (text[0] == '#' && text[1] >= '1' && text[1] <= '9') {
        number = strtoul(text + 1, &stop, 10);
        if (stop == text + end && number <= w->t->columns) {
            *column = number - 1;
            *rest = stop;
            return 0;
        }
    }
    return no_column(w, text, end);
}

static int by_text(const void *a, const void *b)
{
    const struct value *x = a, *y = b;

    return strcmp(x->text, y->text);
}

static double whole(const char *text)
{
    double v;

    return pare_number_parse(&v, text) == 0 && v == floor(v) ? v : (double)NAN;
}

/* As whole numbers; equal ones ("1", "01") by their texts. */
static int by_number(const void *a, const void *b)
{
    const struct value *x = a, *y = b;
    double p = whole(x->text), q = whole(y->text);

    return p < q ? -1 : p > q ? 1 : strcmp(x->text, y->text);
}

/* The values that stand behind "COL=", in that order. */
static int given_values(struct column *col, const char *list)
{
    size_t n = 1, i = 0;
    char *at;

    for (const char *p = list; *p; p++)
        n += *p == ',';
    col->given = strdup(list);
    col->value = calloc(n, sizeof *col->value);
    if (!col->given || !col->value)
        return no_memory();
    for (at = col->given; i < n; i++) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma = '\0';
        if (pare_csv_missing(at))
            return pare_fail(PARE_EINVAL, "'%s': '%s' is not a value", list,
                             at);
        col->value[i] = (struct value){at, (int32_t)i};
        at = comma ? comma + 1 : at;
    }
    col->n = n;
    qsort(col->value, n, sizeof *col->value, by_text);
    for (i = 1; i < n; i++)
        if (by_text(&col->value[i - 1], &col->value[i]) == 0)
            return pare_fail(PARE_EINVAL, "'%s': '%s' is named twice", list,
                             col->value[i].text);
    return 0;
}

/* The different values that occur in a column, sorted. */
static int found_values(struct work *w, size_t c)
{
    struct column *col = &w->column[c];
    struct value *v = malloc((w->n + 1) * sizeof *v);
    size_t n = 0, m = 0;
    bool numbers = true;

    if (!v)
        return no_memory();
    col->value = v;
    for (size_t r = 0; r < w->t->rows; r++)
        if (w->keep[r])
            v[n++].text = pare_csv_cell(w->t, r, c);
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || strcmp(v[m - 1].text, v[i].text) != 0)
            v[m++] = v[i];
    for (size_t i = 0; i < m; i++) {
        numbers = numbers && !isnan(whole(v[i].text));
        if (strchr(v[i].text, '\n'))
            return pare_fail(PARE_EFORMAT,
                             "'%s' column '%s': a newline in a value", w->name,
                             w->t->name[c]);
    }
    if (numbers)
        qsort(v, m, sizeof *v, by_number);
    for (size_t i = 0; i < m; i++)
        v[i].code = (int32_t)(i < INT32_MAX ? i : INT32_MAX);
    qsort(v, m, sizeof *v, by_text);
    col->n = m;
    return 0;
}

/* "COL[=v1,v2]" as a label or one-hot column. */
static int name_column(struct work *w, const char *spec, enum use use)
{
    const char *rest;
    size_t c;
    int rc = find(&c, &rest, w, spec, "=");

    if (rc)
        return rc;
    if (use == LABEL)
        w->label = c;
    else if (w->column[c].use != NUMBER)
        return pare_fail(PARE_EINVAL, "column '%s' cannot be one-hot: it is %s",
                         w->t->name[c],
                         w->column[c].use == LABEL     ? "the label"
                         : w->column[c].use == ONE_HOT ? "one-hot already"
                                                       : "no input");
    w->column[c].use = use;
    return *rest ? given_values(&w->column[c], rest + 1) : 0;
}

static int scale_column(struct work *w, const char *spec)
{
    const char *rest;
    double k;
    size_t c;
    int rc = find(&c, &rest, w, spec, "=");

    if (rc)
        return rc;
    if (!*rest || pare_number_parse(&k, rest + 1) || !(k > 0) ||
        !((float)k > 0) || !isfinite((float)k))
        return pare_fail(PARE_EINVAL,
                         "scale '%s': the form is COL=K with K above 0", spec);
    if (w->column[c].use != NUMBER || w->column[c].scale > 0)
        return pare_fail(PARE_EINVAL, "column '%s' cannot be scaled: it is %s",
                         w->t->name[c],
                         w->column[c].use == LABEL     ? "the label"
                         : w->column[c].use == ONE_HOT ? "one-hot"
                         : w->column[c].use == NUMBER  ? "scaled already"
                                                       : "no input");
    w->column[c].scale = k;
    return 0;
}

/* Give the columns of "COL,COL" a use; the label keeps its own. */
static int use_columns(struct work *w, const struct pare_csv_list *list,
                       enum use use)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *at = list->item[i];

        for (;;) {
            size_t c;
            int rc = find(&c, &at, w, at, ",");

            if (rc)
                return rc;
            if (w->column[c].use == LABEL)
                return pare_fail(PARE_EINVAL, "column '%s' is the label",
                                 w->t->name[c]);
            w->column[c].use = use;
            if (!*at)
                break;
            at++;
        }
    }
    return 0;
}

/* What each column is for. */
static int plan(struct work *w, const struct pare_csv_recipe *r)
{
    enum use rest = r->inputs.n ? UNUSED : NUMBER;
    int rc;

    for (size_t c = 0; c < w->t->columns; c++)
        w->column[c].use = rest;
    if ((rc = name_column(w, r->label, LABEL)) != 0 ||
        (rc = use_columns(w, &r->inputs, NUMBER)) != 0 ||
        (rc = use_columns(w, &r->ignore, UNUSED)) != 0)
        return rc;
    for (size_t i = 0; i < r->one_hot.n; i++)
        if ((rc = name_column(w, r->one_hot.item[i], ONE_HOT)) != 0)
            return rc;
    for (size_t i = 0; i < r->scale.n; i++)
        if ((rc = scale_column(w, r->scale.item[i])) != 0)
            return rc;
    for (size_t c = 0; c < w->t->columns; c++)
        if (w->column[c].use != UNUSED && !*w->t->name[c])
            return pare_fail(PARE_EINVAL,
                             "'%s': column %zu has no name; leave it out as "
                             "'#%zu'",
                             w->name, c + 1, c + 1);
    return 0;
}

/* Which rows are complete in the columns that are used. */
static int choose_rows(struct work *w, bool drop_na)
{
    for (size_t r = 0; r < w->t->rows; r++) {
        w->keep[r] = 1;
        for (size_t c = 0; c < w->t->columns; c++) {
            if (w->column[c].use == UNUSED ||
                !pare_csv_missing(pare_csv_cell(w->t, r, c)))
                continue;
            if (!drop_na)
                return pare_fail(PARE_EFORMAT,
                                 "'%s' line %zu: column '%s' has a missing "
                                 "value",
                                 w->name, w->t->line[r], w->t->name[c]);
            w->keep[r] = 0;
        }
        w->n += w->keep[r];
    }
    if (w->n == 0)
        return pare_fail(PARE_EFORMAT, "'%s' has no rows%s", w->name,
                         w->t->rows ? " without missing values" : "");
    return 0;
}

/* Values of the named columns, places of the features. */
static int place_features(struct work *w)
{
    for (size_t c = 0; c < w->t->columns; c++) {
        struct column *col = &w->column[c];
        size_t most = col->use == LABEL ? PARE_DATA_CLASSES : PARE_CSV_VALUES;
        int rc;

        if (col->use == UNUSED)
            continue;
        if (col->use != NUMBER && !col->value && (rc = found_values(w, c)) != 0)
            return rc;
        if (col->n > most)
            return pare_fail(PARE_ELIMIT,
                             "column '%s' has %zu values, at most %zu are "
                             "accepted",
                             w->t->name[c], col->n, most);
        col->first = w->features;
        if (col->use != LABEL)
            w->features += col->use == ONE_HOT ? col->n : 1;
    }
    if (w->features == 0)
        return pare_fail(PARE_EFORMAT, "'%s' has no column of inputs", w->name);
    return 0;
}

/* The code of a cell among the values of its column. */
static int code_of(int32_t *code, const struct work *w, size_t r, size_t c)
{
    const struct column *col = &w->column[c];
    struct value key = {pare_csv_cell(w->t, r, c), 0}, *v;

    v = bsearch(&key, col->value, col->n, sizeof key, by_text);
    if (!v)
        return pare_fail(PARE_EFORMAT,
                         "'%s' line %zu: column '%s': '%s' is not among the "
                         "values given",
                         w->name, w->t->line[r], w->t->name[c], key.text);
    *code = v->code;
    return 0;
}

/* A number with blanks around it or not, finite as float32. */
static int number_of(float *x, const struct work *w, size_t r, size_t c)
{
    const char *cell = pare_csv_cell(w->t, r, c);
    size_t skip = strspn(cell, " \t"), len = strlen(cell);
    char text[64];
    double v;

    while (len > skip && strchr(" \t", cell[len - 1]))
        len--;
    len -= skip;
    if (len < sizeof text) {
        memcpy(text, cell + skip, len);
        text[len] = '\0';
        if (pare_number_parse(&v, text) == 0 && isfinite((float)v)) {
            *x = (float)v;
            return 0;
        }
    }
    return pare_fail(PARE_EFORMAT,
                     "'%s' line %zu: column '%s': '%.100s' is not a number",
                     w->name, w->t->line[r], w->t->name[c], cell);
}

/* Fill x [features], zeroed, and y from row r. */
static int fill_sample(float *x, int32_t *y, const struct work *w, size_t r)
{
    for (size_t c = 0; c < w->t->columns; c++) {
        const struct column *col = &w->column[c];
        int32_t code = 0;
        int rc = 0;

        if (col->use == NUMBER)
            rc = number_of(&x[col->first], w, r, c);
        else if (col->use != UNUSED)
            rc = code_of(&code, w, r, c);
        if (rc)
            return rc;
        if (col->use == LABEL)
            *y = code;
        else if (col->use == ONE_HOT)
            x[col->first + (size_t)code] = 1;
    }
    return 0;
}

static int fill_samples(struct pare_dataset *d, const struct work *w)
{
    struct pare_split *s = &d->split[PARE_TRAIN];
    float *x;

    if (w->n > UINT32_MAX || w->features > SIZE_MAX / sizeof *x / w->n)
        return pare_fail(PARE_ELIMIT, "'%s' has too many samples", w->name);
    s->x = x = calloc(w->n * w->features, sizeof *x);
    s->y = malloc(w->n * sizeof *s->y);
    if (!s->x || !s->y)
        return no_memory();
    for (size_t r = 0; r < w->t->rows; r++) {
        int rc;

        if (!w->keep[r])
            continue;
        rc = fill_sample(x + s->n * w->features, &s->y[s->n], w, r);
        if (rc)
            return rc;
        s->n++;
    }
    return 0;
}

static char *join(const char *a, const char *b)
{
    size_t n = strlen(a) + strlen(b) + 2;
    char *text = malloc(n);

    if (text)
        snprintf(text, n, "%s=%s", a, b);
    return text;
}

/* Names of classes and features. */
static int fill_names(struct pare_dataset *d, const struct work *w)
{
    d->class_name = calloc(d->n_classes, sizeof *d->class_name);
    d->feature_name = calloc(d->features, sizeof *d->feature_name);
    if (!d->class_name || !d->feature_name)
        return no_memory();
    for (size_t c = 0; c < w->t->columns; c++) {
        const struct column *col = &w->column[c];
        char **name =
            col->use == LABEL ? d->class_name : d->feature_name + col->first;

        if (col->use == NUMBER && !(*name = strdup(w->t->name[c])))
            return no_memory();
        for (size_t i = 0; col->use != UNUSED && i < col->n; i++) {
            const char *text = col->value[i].text;
            char *copy =
                col->use == LABEL ? strdup(text) : join(w->t->name[c], text);

            if (!copy)
                return no_memory();
            name[col->value[i].code] = copy;
        }
    }
    return 0;
}

/* Scales as normalisation, and which features are plain numbers. */
static int fill_norm(struct pare_dataset *d, uint8_t **plain,
                     const struct work *w, bool standardize)
{
    bool scaled = standardize;

    d->norm.scale = 1;
    *plain = calloc(d->features, 1);
    d->norm.mean = malloc(d->features * sizeof *d->norm.mean);
    d->norm.std = malloc(d->features * sizeof *d->norm.std);
    if (!*plain || !d->norm.mean || !d->norm.std)
        return no_memory();
    for (size_t j = 0; j < d->features; j++) {
        d->norm.mean[j] = 0;
        d->norm.std[j] = 1;
    }
    for (size_t c = 0; c < w->t->columns; c++) {
        const struct column *col = &w->column[c];

        if (col->use == NUMBER && col->scale > 0) {
            d->norm.std[col->first] = (float)col->scale;
            scaled = true;
        } else if (col->use == NUMBER) {
            (*plain)[col->first] = 1;
        }
    }
    if (scaled) {
        d->norm.n = d->features;
    } else {
        pare_norm_release(&d->norm);
        d->norm.scale = 1;
    }
    return 0;
}

static void release(struct work *w)
{
    for (size_t c = 0; w->column && c < w->t->columns; c++) {
        free(w->column[c].value);
        free(w->column[c].given);
    }
    free(w->column);
    free(w->keep);
}

int pare_csv_dataset(struct pare_dataset *d, uint8_t **plain, size_t *dropped,
                     const struct pare_csv *t,
                     const struct pare_csv_recipe *recipe, const char *name)
{
    struct work w = {.t = t, .name = name};
    struct pare_dataset out = {.type = PARE_X_F32};
    uint8_t *numbers = NULL;
    int rc;

    w.column = calloc(t->columns, sizeof *w.column);
    w.keep = calloc(t->rows + 1, 1);
    rc = w.column && w.keep ? plan(&w, recipe) : no_memory();
    if (rc == 0)
        rc = choose_rows(&w, recipe->drop_na);
    if (rc == 0)
        rc = place_features(&w);
    if (rc)
        goto out;
    out.features = out.shape.dim[0] = w.features;
    out.shape.rank = 1;
    out.n_classes = w.column[w.label].n;
    if ((rc = fill_samples(&out, &w)) != 0 ||
        (rc = fill_names(&out, &w)) != 0 ||
        (rc = fill_norm(&out, &numbers, &w, recipe->standardize)) != 0)
        goto out;
    *d = out;
    *plain = numbers;
    *dropped = t->rows - w.n;
    numbers = NULL;
    memset(&out, 0, sizeof out);
out:
    release(&w);
    pare_dataset_release(&out);
    free(numbers);
    return rc;
}
