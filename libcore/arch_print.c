#include "arch_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "status.h"

bool pare_arch_append(char **s, size_t *len, const char *text)
{
    size_t n = strlen(text);
    char *grown = realloc(*s, *len + n + 1);

    if (!grown)
        return false;
    memcpy(grown + *len, text, n + 1);
    *s = grown;
    *len += n;
    return true;
}

static const char *name_of(const struct pare_arch *a, size_t layer)
{
    return layer == PARE_INPUT ? "in" : a->layer[layer].name;
}

static void print_value(char buf[PARE_NUMBER_MAX],
                        const struct pare_layer_option *o, double v)
{
    size_t hw[2];

    if (o->type == PARE_LAYER_BOOL) {
        strcpy(buf, v > 0 ? "yes" : "no");
    } else if (o->type == PARE_LAYER_PAIR) {
        pare_layer_pair(hw, v);
        if (hw[0] == hw[1])
            snprintf(buf, PARE_NUMBER_MAX, "%zu", hw[0]);
        else
            snprintf(buf, PARE_NUMBER_MAX, "%zux%zu", hw[0], hw[1]);
    } else {
        pare_number_print(buf, v);
    }
}

/* The options of the layer, or what it joins, between parentheses. */
static bool print_arguments(char **s, size_t *len, const struct pare_arch *a,
                            const struct pare_layer *l)
{
    const struct pare_layer_option *o = l->kind->option;
    char buf[PARE_NUMBER_MAX];
    const char *open = "(";
    bool ok = true;

    for (int i = 0; ok && i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (!o[i].required && l->opt[i] == o[i].def)
            continue;
        print_value(buf, &o[i], l->opt[i]);
        ok = pare_arch_append(s, len, open) &&
             (o[i].required || (pare_arch_append(s, len, o[i].name) &&
                                pare_arch_append(s, len, "="))) &&
             pare_arch_append(s, len, buf);
        open = ",";
    }
    if (pare_layer_joins(l->kind))
        for (int k = 0; ok && k < l->n_inputs; k++) {
            ok = pare_arch_append(s, len, open) &&
                 pare_arch_append(s, len, name_of(a, l->input[k]));
            open = ",";
        }
    return ok && (*open == '(' || pare_arch_append(s, len, ")"));
}

static bool print_layer(char **s, size_t *len, const struct pare_arch *a,
                        size_t i)
{
    const struct pare_layer *l = &a->layer[i];
    bool ok = pare_arch_append(s, len, " ");

    if (!pare_layer_joins(l->kind) && l->input[0] != (i ? i - 1 : PARE_INPUT))
        ok = ok && pare_arch_append(s, len, name_of(a, l->input[0])) &&
             pare_arch_append(s, len, " -> ");
    return ok && pare_arch_append(s, len, l->name) &&
           pare_arch_append(s, len, "=") &&
           pare_arch_append(s, len, l->kind->name) &&
           print_arguments(s, len, a, l);
}

int pare_arch_print(struct pare_arch *a)
{
    char buf[PARE_SHAPE_TEXT + 8];
    size_t len = 0;
    int n = snprintf(buf, sizeof buf, "in(");
    bool ok;

    for (int d = 0; d < a->input.rank; d++)
        n += snprintf(buf + n, sizeof buf - (size_t)n, "%s%zu", d ? "," : "",
                      a->input.dim[d]);
    snprintf(buf + n, sizeof buf - (size_t)n, ")");
    ok = pare_arch_append(&a->text, &len, buf);
    for (size_t i = 0; ok && i < a->n_layers; i++)
        ok = print_layer(&a->text, &len, a, i);
    return ok ? 0 : pare_fail(PARE_ENOMEM, "out of memory");
}
