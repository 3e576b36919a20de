#include "arch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_parts.h"
#include "status.h"

/* Positions of one model's weights, there or not: they are counted in 64
 * bits. How many may be there is a matter of pare_model_allocate. */
#define WEIGHTS_MAX 0x1p62

/* Values of one sample behind a layer, and weights of all so far. */
static int check_sizes(const struct pare_layer *l, double *weights)
{
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    double values = 1;
    int n;

    for (int d = 0; d < l->out.rank; d++)
        values *= (double)l->out.dim[d];
    if (values > (double)PARE_ARCH_VALUES_MAX)
        return pare_fail(PARE_ELIMIT,
                         "architecture: layer %s makes more than 2^28 values "
                         "of one sample",
                         l->name);
    n = l->kind->tensors(l, spec);
    for (int t = 0; t < n; t++) {
        double size = 1;

        for (int d = 0; d < spec[t].rank; d++)
            size *= (double)spec[t].dim[d];
        *weights += size;
        if (*weights > WEIGHTS_MAX)
            return pare_fail(PARE_ELIMIT,
                             "architecture: layer %s makes more than 2^62 "
                             "weights",
                             l->name);
    }
    return 0;
}

static int infer_shapes(struct pare_arch *a)
{
    double weights = 0;

    for (size_t i = 0; i < a->n_layers; i++) {
        struct pare_layer *l = &a->layer[i];
        int err;

        for (int k = 0; k < l->n_inputs; k++)
            l->in[k] = l->input[k] == PARE_INPUT ? a->input
                                                 : a->layer[l->input[k]].out;
        err = l->kind->infer(l, &l->out);
        if (err)
            return pare_fail_prefix(err, "architecture, column %d", l->column);
        err = check_sizes(l, &weights);
        if (err)
            return err;
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

/* "rbm(784,500)" -> "in(784) rbm(500)"; malloc'd. NULL: no such text. */
static char *expand_machine(const char *text)
{
    size_t n = strlen(text);
    int at = 0, comma = 0;
    char *s;

    sscanf(text, "rbm(%*[0-9]%n,%*[0-9])%n", &comma, &at);
    if (at == 0 || text[at] != '\0')
        return NULL;
    s = malloc(n + sizeof "in() ");
    if (s)
        snprintf(s, n + sizeof "in() ", "in(%.*s) rbm(%s", comma - 4, text + 4,
                 text + comma + 1);
    return s;
}

/* A Boltzmann machine is no part of a network. */
static int check_machine(const struct pare_arch *a)
{
    for (size_t i = 0; a->n_layers > 1 && i < a->n_layers; i++)
        if (a->layer[i].kind->op == PARE_OP_RBM)
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: an rbm is alone, there "
                             "is no other layer",
                             a->layer[i].column);
    return 0;
}

static int parse(struct pare_arch *arch, const char *text)
{
    struct pare_arch a = {0};
    struct pare_arch_refs refs = {0};
    char *expanded = NULL;
    int err = 0;

    if (strncmp(text, "weights ", 8) == 0)
        return pare_arch_parse_weights(arch, text);
    if (strlen(text) > PARE_ARCH_TEXT_MAX)
        return pare_fail(PARE_ELIMIT, "architecture: longer than %d bytes",
                         PARE_ARCH_TEXT_MAX);
    if (is_shorthand(text)) {
        err = expand_shorthand(&expanded, text);
        text = expanded;
    } else if (strncmp(text, "rbm(", 4) == 0) {
        expanded = expand_machine(text);
        text = expanded ? expanded : text;
    }
    if (!err)
        err = pare_arch_parse_general(&a, &refs, text);
    if (!err) {
        pare_arch_name_layers(&a);
        err = pare_arch_connect(&a, &refs);
    }
    if (!err)
        err = infer_shapes(&a);
    if (!err)
        err = check_machine(&a);
    if (!err)
        err = pare_arch_print(&a);
    if (!err && strlen(a.text) > PARE_ARCH_TEXT_MAX)
        err = pare_fail(PARE_ELIMIT,
                        "architecture: longer than %d bytes with the names "
                        "of all layers",
                        PARE_ARCH_TEXT_MAX);
    free(refs.ref);
    free(expanded);
    if (err)
        pare_arch_release(&a);
    else
        *arch = a;
    return err;
}

int pare_arch_parse(struct pare_arch *arch, const char *text)
{
    char *published;
    size_t row = 0;
    int err;

    while (pare_arch_name(row) && strcmp(text, pare_arch_name(row)->name) != 0)
        row++;
    if (!pare_arch_name(row))
        return parse(arch, text);
    err = pare_arch_name_text(&published, row);
    if (err)
        return err;
    err = parse(arch, published);
    free(published);
    return err;
}

void pare_arch_release(struct pare_arch *arch)
{
    if (!arch)
        return;
    free(arch->layer);
    free(arch->own);
    free(arch->text);
    memset(arch, 0, sizeof *arch);
}

const struct pare_shape *pare_arch_output(const struct pare_arch *arch)
{
    return arch->n_layers ? &arch->layer[arch->n_layers - 1].out : &arch->input;
}