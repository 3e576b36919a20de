#include "arch_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

bool pare_arch_has(const struct pare_arch *a, const char *name)
{
    for (size_t i = 0; i < a->n_layers; i++)
        if (strcmp(a->layer[i].name, name) == 0)
            return true;
    return false;
}

/* Layers with one prefix: how many, and the last number that was given. */
struct prefix {
    const char *text;
    size_t n, last;
};

static struct prefix *find_prefix(struct prefix *table, const char *text)
{
    while (table->text && strcmp(table->text, text) != 0)
        table++;
    table->text = text;
    return table;
}

void pare_arch_name_layers(struct pare_arch *a)
{
    struct prefix table[64] = {{0}}; /* more than there are kinds */

    for (size_t i = 0; i < a->n_layers; i++) {
        struct pare_layer *l = &a->layer[i];
        struct prefix *p = find_prefix(table, l->kind->prefix);
        char name[PARE_NAME_MAX];

        p->n++;
        if (l->name[0])
            continue;
        if (p->last < p->n - 1)
            p->last = p->n - 1;
        do
            snprintf(name, sizeof name, "%s%zu", p->text, ++p->last);
        while (pare_arch_has(a, name));
        strcpy(l->name, name);
    }
}

static size_t before(size_t layer)
{
    return layer ? layer - 1 : PARE_INPUT;
}

static int find_source(size_t *source, const struct pare_arch *a,
                       const struct pare_arch_ref *r)
{
    *source = before(r->layer);
    if (!r->name[0])
        return 0;
    *source = PARE_INPUT;
    if (strcmp(r->name, "in") == 0)
        return 0;
    for (*source = 0; *source < a->n_layers; ++*source)
        if (strcmp(a->layer[*source].name, r->name) == 0)
            break;
    if (*source == a->n_layers)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: no layer is named '%s'",
                         r->column, r->name);
    if (*source == r->layer)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: '%s' takes its own output: "
                         "that would make a cycle",
                         r->column, r->name);
    if (*source > r->layer)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: '%s' takes '%s', which "
                         "comes later: that would make a cycle",
                         r->column, a->layer[r->layer].name, r->name);
    return 0;
}

/* What an arrow brings to an add or concat is one of the layers it names. */
static int check_arrow(const struct pare_arch *a, const struct pare_arch_ref *r,
                       size_t source)
{
    const struct pare_layer *l = &a->layer[r->layer];

    for (int k = 0; k < l->n_inputs; k++)
        if (l->input[k] == source)
            return 0;
    return pare_fail(PARE_EINVAL,
                     "architecture, column %d: %s '%s' has an arrow from "
                     "'%s', which it does not name",
                     l->column, l->kind->name, l->name,
                     source == PARE_INPUT ? "in" : a->layer[source].name);
}

static int check_used(const struct pare_arch *a)
{
    bool *used = calloc(a->n_layers, sizeof *used);
    size_t i;

    if (!used)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (i = 0; i < a->n_layers; i++)
        for (int k = 0; k < a->layer[i].n_inputs; k++)
            if (a->layer[i].input[k] != PARE_INPUT)
                used[a->layer[i].input[k]] = true;
    for (i = 0; i < a->n_layers - 1 && used[i]; i++)
        continue;
    free(used);
    if (i < a->n_layers - 1)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: nothing takes the output "
                         "of %s '%s'",
                         a->layer[i].column, a->layer[i].kind->name,
                         a->layer[i].name);
    return 0;
}

int pare_arch_connect(struct pare_arch *a, const struct pare_arch_refs *refs)
{
    size_t source;
    int err;

    for (size_t i = 0; i < refs->n; i++) {
        const struct pare_arch_ref *r = &refs->ref[i];
        struct pare_layer *l = &a->layer[r->layer];

        err = find_source(&source, a, r);
        if (err)
            return err;
        if (!r->arrow || !pare_layer_joins(l->kind))
            l->input[l->n_inputs++] = source;
    }
    for (size_t i = 0; i < refs->n; i++) {
        const struct pare_arch_ref *r = &refs->ref[i];

        if (!r->arrow)
            continue;
        err = find_source(&source, a, r);
        if (!err)
            err = check_arrow(a, r, source);
        if (err)
            return err;
    }
    for (size_t i = 0; i < a->n_layers; i++)
        if (a->layer[i].n_inputs == 0) {
            a->layer[i].input[0] = before(i);
            a->layer[i].n_inputs = 1;
        }
    return check_used(a);
}
