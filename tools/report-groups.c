/* Runs that differ in the seed alone, together: for pare-report(1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "status.h"

#define TEXT 65600 /* an architecture and more */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static int add_text(char ***list, size_t *n, const char *text)
{
    char **grown = realloc(*list, (*n + 1) * sizeof *grown);

    if (!grown)
        return no_memory();
    *list = grown;
    grown[*n] = strdup(text);
    if (!grown[*n])
        return no_memory();
    ++*n;
    return 0;
}

static bool has_text(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

void report_free_values(char **value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(value[i]);
    free(value);
}

static const char *value_of(const struct run *r, const char *key, char *buf,
                            size_t size)
{
    const char *text = run_get(r, key, buf, size);

    return text ? text : "";
}

/* ---- keys -------------------------------------------------------------- */

/* A seed: runs that differ in it are the same again. */
static bool is_seed(const char *key)
{
    size_t n = strlen(key);

    return n > 3 && strcmp(key + n - 3, " -S") == 0;
}

static bool differs(const struct runs *r, const char *key)
{
    char a[TEXT], b[TEXT];
    const char *first = value_of(&r->run[0], key, a, sizeof a);

    for (size_t i = 1; i < r->n; i++)
        if (strcmp(first, value_of(&r->run[i], key, b, sizeof b)) != 0)
            return true;
    return false;
}

static int find_keys(struct report_groups *g, const struct runs *r)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < r->n; i++)
        for (size_t k = 0; !rc && k < r->run[i].n; k++) {
            const struct run_field *f = &r->run[i].field[k];

            if (f->option && !is_seed(f->key) &&
                !has_text(g->key, g->n_keys, f->key) && differs(r, f->key))
                rc = add_text(&g->key, &g->n_keys, f->key);
        }
    return rc;
}

static int split_keys(struct report_groups *g, const char *by)
{
    char *copy = strdup(by), *save = NULL;
    int rc = copy ? 0 : no_memory();

    if (!rc)
        for (char *p = strtok_r(copy, ",", &save); !rc && p;
             p = strtok_r(NULL, ",", &save))
            rc = add_text(&g->key, &g->n_keys, p);
    free(copy);
    return rc;
}

/* ---- groups ------------------------------------------------------------ */

static bool is_of(const struct report_groups *g, const struct report_group *q,
                  const struct run *r)
{
    char buf[TEXT];

    for (size_t k = 0; k < g->n_keys; k++)
        if (strcmp(q->value[k], value_of(r, g->key[k], buf, sizeof buf)) != 0)
            return false;
    return true;
}

static int new_group(struct report_groups *g, const struct run *r)
{
    struct report_group *grown = realloc(g->group, (g->n + 1) * sizeof *grown);
    char buf[TEXT];

    if (!grown)
        return no_memory();
    g->group = grown;
    grown += g->n++;
    memset(grown, 0, sizeof *grown);
    grown->value = calloc(g->n_keys + 1, sizeof *grown->value);
    for (size_t k = 0; grown->value && k < g->n_keys; k++) {
        grown->value[k] = strdup(value_of(r, g->key[k], buf, sizeof buf));
        if (!grown->value[k])
            return no_memory();
    }
    return grown->value ? 0 : no_memory();
}

static int add_run(struct report_groups *g, const struct runs *r, size_t run)
{
    size_t i = 0, *grown;
    int rc = 0;

    while (i < g->n && !is_of(g, &g->group[i], &r->run[run]))
        i++;
    if (i == g->n)
        rc = new_group(g, &r->run[run]);
    if (rc)
        return rc;
    grown = realloc(g->group[i].run, (g->group[i].n + 1) * sizeof *grown);
    if (!grown)
        return no_memory();
    g->group[i].run = grown;
    grown[g->group[i].n++] = run;
    return 0;
}

static int compare(const struct report_groups *g, const struct report_group *a,
                   const struct report_group *b)
{
    int order = 0;

    for (size_t k = 0; !order && k < g->n_keys; k++)
        order = run_order(a->value[k], b->value[k]);
    return order;
}

/* There are few: by insertion, which needs no global for qsort. */
static void sort(struct report_groups *g)
{
    for (size_t i = 1; i < g->n; i++) {
        struct report_group q = g->group[i];
        size_t k = i;

        for (; k > 0 && compare(g, &g->group[k - 1], &q) > 0; k--)
            g->group[k] = g->group[k - 1];
        g->group[k] = q;
    }
}

int report_group_runs(struct report_groups *g, const struct runs *r,
                      const char *by)
{
    int rc = by ? split_keys(g, by) : find_keys(g, r);

    for (size_t i = 0; !rc && i < r->n; i++)
        rc = add_run(g, r, i);
    if (!rc)
        sort(g);
    return rc;
}

void report_groups_release(struct report_groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->group[i].value)
            for (size_t k = 0; k < g->n_keys; k++)
                free(g->group[i].value[k]);
        free(g->group[i].value);
        free(g->group[i].run);
    }
    free(g->group);
    report_free_values(g->key, g->n_keys);
    memset(g, 0, sizeof *g);
}

/* ---- numbers ----------------------------------------------------------- */

int report_sample(struct pare_sample *s, const struct runs *r,
                  const size_t *run, size_t n, const char *metric)
{
    double *v = calloc(n + 1, sizeof *v);

    if (!v)
        return no_memory();
    for (size_t i = 0; i < n; i++)
        v[i] = run_number(&r->run[run[i]], metric);
    *s = pare_sample_of(v, n);
    free(v);
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return run_order(*(char *const *)a, *(char *const *)b);
}

int report_values(char ***value, size_t *n, const struct runs *r,
                  const char *key)
{
    char **list = NULL, buf[TEXT];
    size_t used = 0;
    int rc = 0;

    for (size_t i = 0; !rc && i < r->n; i++) {
        const char *text = value_of(&r->run[i], key, buf, sizeof buf);

        if (!has_text(list, used, text))
            rc = add_text(&list, &used, text);
    }
    if (rc) {
        report_free_values(list, used);
        return rc;
    }
    qsort(list, used, sizeof *list, compare_texts);
    *value = list;
    *n = used;
    return 0;
}
