#include "grain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define SIDE_MAX 1048576 /* of a block, or a group */
#define FEW      8       /* that are cleared without sorting a group */

const char *pare_norm_name(size_t norm)
{
    static const char *const name[] = {[PARE_NORM_L2] = "l2",
                                       [PARE_NORM_L1] = "l1",
                                       [PARE_NORM_RMS] = "rms",
                                       [PARE_NORM_MEAN] = "mean"};

    return norm < sizeof name / sizeof *name ? name[norm] : NULL;
}

static int map_units(struct pare_grain_map *map, const struct pare_grain *g,
                     const struct pare_layer *l, const struct pare_tensor *t,
                     bool partial)
{
    (void)g;
    (void)l;
    (void)partial;
    map->rows = map->n = t->dim[0];
    map->cols = map->width = t->n / t->dim[0];
    map->per_row = map->tall = 1;
    return 0;
}

static int map_blocks(struct pare_grain_map *map, const struct pare_grain *g,
                      const struct pare_layer *l, const struct pare_tensor *t,
                      bool partial)
{
    (void)l;
    map->rows = t->dim[0];
    map->cols = t->n / t->dim[0];
    map->width = g->b;
    map->tall = g->a;
    map->per_row = (map->cols + g->b - 1) / g->b;
    map->n = (map->rows + g->a - 1) / g->a * map->per_row;
    if (!partial && (map->rows % g->a || map->cols % g->b))
        return pare_fail(PARE_EINVAL,
                         "blocks of %zu x %zu do not divide %s, %zu x %zu: "
                         "--partial allows smaller ones at its edges",
                         g->a, g->b, t->name, map->rows, map->cols);
    return 0;
}

/* Input channels; of a grouped convolution each group has its own. */
static int map_channels(struct pare_grain_map *map, const struct pare_grain *g,
                        const struct pare_layer *l, const struct pare_tensor *t,
                        bool partial)
{
    struct pare_window w = {.groups = 1};
    size_t inputs = t->dim[1];

    (void)g;
    (void)partial;
    if (t->rank < 2)
        return pare_fail(PARE_EINVAL, "biases have no channels, as %s",
                         t->name);
    if (l->kind->op == PARE_OP_CONV)
        pare_layer_window(&w, l);
    map->rows = t->dim[0];
    map->cols = t->n / t->dim[0];
    map->width = map->cols / inputs;
    map->tall = map->rows / w.groups;
    map->per_row = inputs;
    map->n = inputs * w.groups;
    return 0;
}

static const struct pare_grain_kind table[] = {
    {.name = "weight",
     .help = "single weights",
     .source = "Han et al. 2015, arXiv:1506.02626",
     .single = true},
    {.name = "n:m",
     .help = "all but n of each m inputs, as 2:4",
     .source = "Mishra et al. 2021, arXiv:2104.08378",
     .single = true,
     .group = true},
    {.name = "block",
     .help = "blocks of r outputs by c inputs, as block:4x1",
     .source = "Gray et al. 2017, GPU kernels for block-sparse weights",
     .map = map_blocks},
    {.name = "unit",
     .help = "all weights of a neuron or filter, by their norm",
     .source = "Li et al. 2017, arXiv:1608.08710",
     .attach_bias = true,
     .graph = true,
     .spare_output = true,
     .map = map_units},
    {.name = "channel",
     .help = "all weights that read an input or input channel",
     .source = "He et al. 2017, arXiv:1707.06168",
     .graph = true,
     .map = map_channels},
};

#define ROWS (sizeof table / sizeof *table)

const struct pare_grain_kind *pare_grain_kind(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

/* "AcB", c between two whole numbers from 1; 0 or -1. */
static int two_numbers(size_t *a, size_t *b, const char *text, char between)
{
    unsigned long x, y;
    char c, end;

    if (text[0] < '1' || text[0] > '9' ||
        sscanf(text, "%7lu%c%7lu%c", &x, &c, &y, &end) != 3 || c != between ||
        x > SIDE_MAX || y < 1 || y > SIDE_MAX)
        return -1;
    if (strchr(text, between)[1] < '1' || strchr(text, between)[1] > '9')
        return -1;
    *a = x;
    *b = y;
    return 0;
}

static const struct pare_grain_kind *find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

int pare_grain_parse(struct pare_grain *out, const char *text)
{
    struct pare_grain g = {0};

    if (strncmp(text, "block:", 6) == 0) {
        if (two_numbers(&g.a, &g.b, text + 6, 'x'))
            return pare_fail(PARE_EINVAL,
                             "grain '%s': a block is block:RxC, R outputs by "
                             "C inputs",
                             text);
        g.kind = find("block");
        snprintf(g.canon, sizeof g.canon, "block:%zux%zu", g.a, g.b);
    } else if (strchr(text, ':')) {
        if (two_numbers(&g.a, &g.b, text, ':') || g.a >= g.b)
            return pare_fail(PARE_EINVAL,
                             "grain '%s': N:M keeps N of each M inputs, N "
                             "from 1 and below M",
                             text);
        g.kind = find("n:m");
        snprintf(g.canon, sizeof g.canon, "%zu:%zu", g.a, g.b);
    } else {
        if (strcmp(text, "filter") == 0 || strcmp(text, "neuron") == 0)
            text = "unit";
        g.kind = find(text);
        if (!g.kind || strcmp(text, "block") == 0)
            return pare_fail(PARE_EINVAL,
                             "unknown grain '%s': there are weight, N:M, "
                             "block:RxC, unit, channel",
                             text);
        snprintf(g.canon, sizeof g.canon, "%s", g.kind->name);
    }
    *out = g;
    return 0;
}

/* A place of a group. */
struct place {
    float score;
    size_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Clear the `go` lowest of n places, one after the other. */
static void clear_few(uint8_t *mask, const float *score, size_t n, size_t step,
                      size_t go, bool largest)
{
    for (; go > 0; go--) {
        size_t worst = n;

        for (size_t i = 0; i < n; i++) {
            float s = score[i * step];

            if (mask[i * step] &&
                (worst == n ||
                 (largest ? s > score[worst * step] : s < score[worst * step])))
                worst = i;
        }
        mask[worst * step] = 0;
    }
}

/* The same by sorting them; room: [n]. */
static void clear_many(uint8_t *mask, const float *score, size_t n, size_t step,
                       size_t go, bool largest, struct place *room)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        float s = score[i * step];

        if (mask[i * step])
            room[kept++] = (struct place){largest ? -s : s, i};
    }
    qsort(room, kept, sizeof *room, by_score);
    for (size_t i = 0; i < go; i++)
        mask[room[i].index * step] = 0;
}

/*
 * Of `n` places, `step` apart, clear all but the `keep` with the highest
 * scores (the lowest, if largest go first). 0 or -1 for a NaN.
 */
static int thin_out(uint8_t *mask, const float *score, size_t n, size_t step,
                    size_t keep, bool largest, struct place *room)
{
    size_t kept = 0, go;

    for (size_t i = 0; i < n; i++) {
        kept += mask[i * step];
        if (mask[i * step] && isnan(score[i * step]))
            return -1;
    }
    go = kept > keep ? kept - keep : 0;
    if (go > FEW)
        clear_many(mask, score, n, step, go, largest, room);
    else
        clear_few(mask, score, n, step, go, largest);
    return 0;
}

int pare_grain_group(uint8_t *mask, const float *score, size_t rows,
                     const struct pare_grain *g, const struct pare_tensor *t,
                     bool partial, bool largest)
{
    size_t inputs = t->dim[1], taps = t->n / (t->dim[0] * inputs);
    size_t most = inputs < g->b ? inputs : g->b;
    struct place *room;
    int rc = 0;

    if (!partial && inputs % g->b)
        return pare_fail(PARE_EINVAL,
                         "%s does not divide the %zu inputs of %s: --partial "
                         "allows a shorter group at the end",
                         g->canon, inputs, t->name);
    room = malloc(most * sizeof *room);
    if (!room)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t row = 0; !rc && row < rows; row++)
        for (size_t first = 0; !rc && first < inputs; first += g->b)
            for (size_t tap = 0; !rc && tap < taps; tap++) {
                size_t at = (row * inputs + first) * taps + tap;
                size_t n = inputs - first < g->b ? inputs - first : g->b;

                rc = thin_out(mask + at, score + at, n, taps, g->a, largest,
                              room);
            }
    free(room);
    return rc ? pare_fail(PARE_EINVAL, "a score is not a number") : 0;
}
