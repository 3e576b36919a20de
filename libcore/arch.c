#include "arch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_parts.h"
#include "status.h"

/* Weights of one model: what a file may ask a reader to allocate. */
#define WEIGHTS_MAX ((size_t)1 << 32)

bool pare_arch_has(const struct pare_arch *a, const char *name)
{
    for (size_t i = 0; i < a->n_layers; i++)
        if (strcmp(a->layer[i].name, name) == 0)
            return true;
    return false;
}

/* Names for the layers that have none: fc1, fc2, relu1, ... */
static void name_layers(struct pare_arch *a)
{
    char name[PARE_NAME_MAX];

    for (size_t i = 0; i < a->n_layers; i++) {
        struct pare_layer *l = &a->layer[i];
        size_t number = 1;

        if (l->name[0])
            continue;
        for (size_t j = 0; j < i; j++)
            number += a->layer[j].kind == l->kind;
        do
            snprintf(name, sizeof name, "%s%zu", l->kind->prefix, number++);
        while (pare_arch_has(a, name));
        strcpy(l->name, name);
    }
}

static int infer_shapes(struct pare_arch *a)
{
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    struct pare_shape shape = a->input;
    size_t total = 0;

    for (size_t i = 0; i < a->n_layers; i++) {
        struct pare_layer *l = &a->layer[i];
        int err, n;

        l->n_inputs = 1;
        l->input[0] = i ? i - 1 : PARE_INPUT;
        l->in[0] = shape;
        err = l->kind->infer(l, &l->out);
        if (err)
            return err;
        shape = l->out;
        n = l->kind->tensors(l, spec);
        for (int t = 0; t < n; t++) {
            size_t size = 1;

            for (int d = 0; d < spec[t].rank; d++)
                size *= spec[t].dim[d]; /* at most 2^48 */
            total += size;
            if (total > WEIGHTS_MAX)
                return pare_fail(PARE_ELIMIT,
                                 "architecture: layer %s makes more than "
                                 "2^32 weights",
                                 l->name);
        }
    }
    return 0;
}

/* Digits and hyphens only: the shorthand. */
static bool is_shorthand(const char *text)
{
    return isdigit((unsigned char)text[0]) &&
           text[strspn(text, "0123456789-")] == '\0';
}

/* Is the size of n digits in a shorthand one of a layer? */
static int check_size(const char *digits, size_t n, int col)
{
    if (n == 0)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: expected a size", col);
    if (n > 18 || strtoull(digits, NULL, 10) < 1 ||
        strtoull(digits, NULL, 10) > PARE_ARCH_SIZE_MAX)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: sizes are from 1 to %zu",
                         col, PARE_ARCH_SIZE_MAX);
    return 0;
}

/* "784-300-10" -> "in(784) linear(300) relu linear(10)"; malloc'd. */
static int expand_shorthand(char **out, const char *text)
{
    size_t len = 0;
    char *s = NULL;
    const char *p = text;

    for (int i = 0;; i++) {
        size_t n = strspn(p, "0123456789");
        char item[64];
        int err = check_size(p, n, (int)(p - text) + 1);

        if (err) {
            free(s);
            return err;
        }
        snprintf(item, sizeof item,
                 i == 0   ? "in(%.*s)"
                 : i == 1 ? " linear(%.*s)"
                          : " relu linear(%.*s)",
                 (int)n, p);
        if (!pare_arch_append(&s, &len, item)) {
            free(s);
            return pare_fail(PARE_ENOMEM, "out of memory");
        }
        p += n;
        if (!*p)
            break;
        p++;
    }
    *out = s;
    return 0;
}

int pare_arch_parse(struct pare_arch *arch, const char *text)
{
    struct pare_arch a = {0};
    char *expanded = NULL;
    int err = 0;

    if (strlen(text) > PARE_ARCH_TEXT_MAX)
        return pare_fail(PARE_ELIMIT, "architecture: longer than %d bytes",
                         PARE_ARCH_TEXT_MAX);
    for (size_t i = 0; pare_arch_name(i); i++)
        if (strcmp(text, pare_arch_name(i)->name) == 0) {
            text = pare_arch_name(i)->text;
            break;
        }
    if (is_shorthand(text)) {
        err = expand_shorthand(&expanded, text);
        text = expanded;
    }
    if (!err)
        err = pare_arch_parse_general(&a, text);
    if (!err) {
        name_layers(&a);
        err = infer_shapes(&a);
    }
    if (!err)
        err = pare_arch_print(&a);
    free(expanded);
    if (err)
        pare_arch_release(&a);
    else
        *arch = a;
    return err;
}

void pare_arch_release(struct pare_arch *arch)
{
    if (!arch)
        return;
    free(arch->layer);
    free(arch->text);
    memset(arch, 0, sizeof *arch);
}

const struct pare_shape *pare_arch_output(const struct pare_arch *arch)
{
    return arch->n_layers ? &arch->layer[arch->n_layers - 1].out : &arch->input;
}