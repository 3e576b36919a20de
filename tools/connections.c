/* Connections of a layer, for pare-stats(1) and pare-plot(1). */
#include "connections.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "status.h"

#define PIXELS_MAX ((uint64_t)1 << 28)

int connections_shape(size_t chw[3], const char *text)
{
    uint64_t number[3], product = 1;
    const char *p = text;
    size_t n = 0, skip;

    for (;; p++) {
        char part[16];
        size_t len = strcspn(p, "x");

        if (n == 3 || len >= sizeof part)
            break;
        snprintf(part, sizeof part, "%.*s", (int)len, p);
        if (cli_u64(&number[n], part, 1, PIXELS_MAX))
            break;
        product *= number[n++];
        p += len;
        if (!*p || product > PIXELS_MAX)
            break;
    }
    if (*p || n < 2 || product > PIXELS_MAX)
        return pare_fail(PARE_EINVAL,
                         "a shape is HEIGHTxWIDTH or CHANNELSxHEIGHTxWIDTH, "
                         "as in 28x28, not '%s'",
                         text);
    skip = 3 - n;
    chw[0] = 1;
    for (size_t i = 0; i < n; i++)
        chw[skip + i] = (size_t)number[i];
    return 0;
}

static bool is_linear(const struct pare_tensor *t)
{
    return t->role == PARE_ROLE_WEIGHT && t->rank == 2;
}

/* The names of the linear layers, as many as a message holds. */
static void list_layers(char *buf, size_t size, const struct pare_model *m)
{
    size_t used = 0;

    buf[0] = '\0';
    for (size_t t = 0; t < m->n_tensors && used + 80 < size; t++)
        if (is_linear(&m->tensor[t]))
            used += (size_t)snprintf(buf + used, size - used, "%s%s",
                                     used ? ", " : "",
                                     m->arch.layer[m->tensor[t].layer].name);
}

static int find_layer(struct connections *c, const struct pare_model *m,
                      const char *name)
{
    char names[500];

    for (size_t t = 0; t < m->n_tensors; t++) {
        const char *layer = m->arch.layer[m->tensor[t].layer].name;

        if (!is_linear(&m->tensor[t]) || (name && strcmp(name, layer) != 0))
            continue;
        c->tensor = t;
        c->layer = m->tensor[t].layer;
        return 0;
    }
    list_layers(names, sizeof names, m);
    if (!name || !*names)
        return pare_fail(PARE_EINVAL, "the model has no linear layer");
    return pare_fail(PARE_EINVAL, "no linear layer is named '%s'; there is %s",
                     name, names);
}

/* The image that the inputs of a layer are, where nobody said it. */
static int guess_shape(struct connections *c, const struct pare_model *m)
{
    const struct pare_shape *in = &m->arch.input;
    size_t n = c->count.n_in, side = (size_t)lround(sqrt((double)n));

    if (in->rank == 3 && pare_shape_size(in) == n) {
        pare_shape_image(c->chw, in);
        return 0;
    }
    if (side * side != n)
        return pare_fail(PARE_EINVAL,
                         "the %zu inputs of '%s' are no square: give their "
                         "--shape",
                         n, m->arch.layer[c->layer].name);
    c->chw[0] = 1;
    c->chw[1] = c->chw[2] = side;
    return 0;
}

static int make_map(struct connections *c, const struct pare_model *m,
                    const struct connections_want *want)
{
    int rc = want->shape ? connections_shape(c->chw, want->shape)
                         : guess_shape(c, m);
    size_t n = c->chw[0] * c->chw[1] * c->chw[2];

    if (rc)
        return rc;
    if (n != c->count.n_in)
        return pare_fail(PARE_EINVAL,
                         "the shape %s has %zu pixels, but '%s' has %zu "
                         "inputs",
                         want->shape, n, m->arch.layer[c->layer].name,
                         c->count.n_in);
    c->map = calloc(c->chw[1] * c->chw[2], sizeof *c->map);
    if (!c->map)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_connections_map(c->map, c->count.in, c->chw);
    return 0;
}

int connections_read(struct connections *c, const struct pare_model *m,
                     const struct connections_want *want)
{
    int rc = find_layer(c, m, want->layer);

    if (!rc)
        rc = pare_connections_count(&c->count, &m->tensor[c->tensor]);
    if (!rc && (want->map || want->shape))
        rc = make_map(c, m, want);
    return rc;
}

void connections_release(struct connections *c)
{
    pare_connections_release(&c->count);
    free(c->map);
    memset(c, 0, sizeof *c);
}
