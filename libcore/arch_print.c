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

static bool print_layer(char **s, size_t *len, const struct pare_layer *l)
{
    const struct pare_layer_option *o = l->kind->option;
    char buf[PARE_NUMBER_MAX];
    const char *open = "(";
    bool ok = pare_arch_append(s, len, " ") &&
              pare_arch_append(s, len, l->name) &&
              pare_arch_append(s, len, "=") &&
              pare_arch_append(s, len, l->kind->name);

    for (int i = 0; ok && i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (!o[i].required && l->opt[i] == o[i].def)
            continue;
        ok = pare_arch_append(s, len, open);
        if (ok && !o[i].required)
            ok = pare_arch_append(s, len, o[i].name) &&
                 pare_arch_append(s, len, "=");
        if (o[i].type == PARE_LAYER_BOOL)
            ok = ok && pare_arch_append(s, len, l->opt[i] > 0 ? "yes" : "no");
        else
            ok = ok &&
                 pare_arch_append(s, len, pare_number_print(buf, l->opt[i]));
        open = ",";
    }
    return ok && (*open == '(' || pare_arch_append(s, len, ")"));
}

int pare_arch_print(struct pare_arch *a)
{
    char buf[64];
    size_t len = 0;
    bool ok;

    snprintf(buf, sizeof buf, "in(%zu)", a->input.dim[0]);
    ok = pare_arch_append(&a->text, &len, buf);
    for (size_t i = 0; ok && i < a->n_layers; i++)
        ok = print_layer(&a->text, &len, &a->layer[i]);
    return ok ? 0 : pare_fail(PARE_ENOMEM, "out of memory");
}
