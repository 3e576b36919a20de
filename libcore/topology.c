#include "topology.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static void count_pattern(struct pare_connections *c,
                          const struct pare_pattern *p)
{
    for (size_t r = 0; r < p->rows; r++) {
        c->out[r] = p->row[r + 1] - p->row[r];
        for (uint64_t e = p->row[r]; e < p->row[r + 1]; e++)
            c->in[p->col[e]]++;
    }
}

static void count_mask(struct pare_connections *c, const uint8_t *mask)
{
    for (size_t r = 0; r < c->n_out; r++, mask += c->n_in)
        for (size_t k = 0; k < c->n_in; k++) {
            c->out[r] += mask[k];
            c->in[k] += mask[k];
        }
}

static void count_all(struct pare_connections *c)
{
    for (size_t r = 0; r < c->n_out; r++)
        c->out[r] = c->n_in;
    for (size_t k = 0; k < c->n_in; k++)
        c->in[k] = c->n_out;
}

int pare_connections_count(struct pare_connections *c,
                           const struct pare_tensor *t)
{
    struct pare_connections made = {0};

    if (t->rank != 2)
        return pare_fail(PARE_EINVAL,
                         "'%s' is not the weight of a linear layer", t->name);
    made.n_out = t->dim[0];
    made.n_in = t->dim[1];
    made.in = calloc(made.n_in + 1, sizeof *made.in);
    made.out = calloc(made.n_out + 1, sizeof *made.out);
    if (!made.in || !made.out) {
        pare_connections_release(&made);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    if (t->pattern)
        count_pattern(&made, t->pattern);
    else if (t->mask)
        count_mask(&made, t->mask);
    else
        count_all(&made);
    *c = made;
    return 0;
}

void pare_connections_release(struct pare_connections *c)
{
    free(c->in);
    free(c->out);
    memset(c, 0, sizeof *c);
}

void pare_connections_map(uint64_t *map, const uint64_t *count,
                          const size_t chw[3])
{
    size_t pixels = chw[1] * chw[2];

    memset(map, 0, pixels * sizeof *map);
    for (size_t c = 0; c < chw[0]; c++)
        for (size_t i = 0; i < pixels; i++)
            map[i] += count[c * pixels + i];
}

/* Sum of rows x columns of an image from a place on. */
static uint64_t block_sum(const uint64_t *map, size_t width, size_t row,
                          size_t column, size_t rows, size_t columns)
{
    uint64_t sum = 0;

    for (size_t r = row; r < row + rows; r++)
        for (size_t c = column; c < column + columns; c++)
            sum += map[r * width + c];
    return sum;
}

static double square_mean(const uint64_t *map, size_t height, size_t width,
                          size_t side)
{
    uint64_t sum = block_sum(map, width, (height - side) / 2,
                             (width - side) / 2, side, side);

    return (double)sum / ((double)side * (double)side);
}

/* Pixels within `ring` of an edge; NaN where that is all of them. */
static double ring_mean(const uint64_t *map, size_t height, size_t width,
                        size_t ring)
{
    uint64_t all = block_sum(map, width, 0, 0, height, width), inner;
    size_t rows, columns;

    if (height <= 2 * ring || width <= 2 * ring)
        return (double)NAN;
    rows = height - 2 * ring;
    columns = width - 2 * ring;
    inner = block_sum(map, width, ring, ring, rows, columns);
    return (double)(all - inner) / (double)(height * width - rows * columns);
}

/* 3/7 of the side, to the nearest of its parity, and at least that. */
static size_t middle_side(size_t least)
{
    size_t parity = least % 2;
    size_t side = (3 * least + 7 * (1 - parity)) / 14 * 2 + parity;

    return side ? side : 2;
}

int pare_trend(struct pare_trend *t, const uint64_t *map, size_t height,
               size_t width)
{
    size_t least = height < width ? height : width;
    struct pare_trend made = {.n = (least + 1) / 2};

    if (least == 0)
        return pare_fail(PARE_EINVAL, "an image without pixels");
    made.side = calloc(made.n, sizeof *made.side);
    made.mean = calloc(made.n, sizeof *made.mean);
    if (!made.side || !made.mean) {
        pare_trend_release(&made);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    made.all = (double)block_sum(map, width, 0, 0, height, width) /
               ((double)height * (double)width);
    for (size_t i = 0; i < made.n; i++) {
        made.side[i] = 2 * i + 2 - least % 2;
        made.mean[i] = square_mean(map, height, width, made.side[i]);
        if (made.half == 0 && 2 * made.side[i] >= least) {
            made.half = made.side[i];
            made.half_ratio = made.mean[i] / made.all;
        }
    }
    made.middle = middle_side(least);
    made.ring = least < 11 ? 1 : (2 * least + 7) / 14;
    made.centre_ratio = square_mean(map, height, width, made.middle) /
                        ring_mean(map, height, width, made.ring);
    *t = made;
    return 0;
}

void pare_trend_release(struct pare_trend *t)
{
    free(t->side);
    free(t->mean);
    memset(t, 0, sizeof *t);
}
