#include "dataset.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "transpose.h"

void pare_dataset_release(struct pare_dataset *d)
{
    for (int s = 0; s < PARE_SPLITS; s++) {
        free(d->split[s].x);
        free(d->split[s].y);
        if (d->split[s].feed)
            d->split[s].feed->free(d->split[s].feed);
    }
    for (size_t i = 0; d->class_name && i < d->n_classes; i++)
        free(d->class_name[i]);
    free(d->class_name);
    for (size_t i = 0; d->feature_name && i < d->features; i++)
        free(d->feature_name[i]);
    free(d->feature_name);
    pare_norm_release(&d->norm);
    free(d->origin);
    memset(d, 0, sizeof *d);
}

static const char *const split_names[PARE_SPLITS] = {"train", "val", "test"};

const char *pare_split_name(enum pare_split_id id)
{
    return split_names[id];
}

int pare_split_find(const char *name)
{
    for (int i = 0; i < PARE_SPLITS; i++)
        if (strcmp(name, split_names[i]) == 0)
            return i;
    return -1;
}

void pare_split_want(const struct pare_split *s, const uint32_t *index,
                     size_t n)
{
    if (s->feed)
        s->feed->want(s->feed, index, n);
}

int pare_split_fault(const struct pare_split *s)
{
    return s->feed ? s->feed->fault(s->feed) : 0;
}

/* One mean and deviation: arithmetic that vectorises. */
PARE_CLONES
static void row_from_bytes(float *restrict out, const uint8_t *restrict in,
                           size_t features, const struct pare_norm *norm,
                           size_t plane)
{
    const float scale = norm->scale;

    if (norm->n == 0) {
        for (size_t f = 0; f < features; f++)
            out[f] = (float)in[f] * scale;
        return;
    }
    for (size_t f0 = 0, j = 0; f0 < features; f0 += plane, j++) {
        const float mean = norm->mean[j], sd = norm->std[j];
        size_t end = features - f0 < plane ? features : f0 + plane;

        for (size_t f = f0; f < end; f++)
            out[f] = ((float)in[f] * scale - mean) / sd;
    }
}

PARE_CLONES
static void row_from_floats(float *restrict out, const float *restrict in,
                            size_t features, const struct pare_norm *norm,
                            size_t plane)
{
    const float scale = norm->scale;

    if (norm->n == 0) {
        for (size_t f = 0; f < features; f++)
            out[f] = in[f] * scale;
        return;
    }
    if (plane == 1) {
        for (size_t f = 0; f < features; f++)
            out[f] = (in[f] * scale - norm->mean[f]) / norm->std[f];
        return;
    }
    for (size_t f0 = 0, j = 0; f0 < features; f0 += plane, j++) {
        const float mean = norm->mean[j], sd = norm->std[j];
        size_t end = features - f0 < plane ? features : f0 + plane;

        for (size_t f = f0; f < end; f++)
            out[f] = (in[f] * scale - mean) / sd;
    }
}

/* Spread rows [n][features] into a tile [features][width], 0 past n. */
static void rows_to_tile(float *tile, const float *rows, size_t features,
                         size_t width, size_t n)
{
    pare_transpose(tile, width, rows, features, n, features);
    for (size_t f = 0; n < width && f < features; f++)
        memset(tile + f * width + n, 0, (width - n) * sizeof *tile);
}

/* [planes][size] -> [size][planes], by way of scratch of that size. */
static void interleave(float *row, float *scratch, size_t planes, size_t size)
{
    memcpy(scratch, row, planes * size * sizeof *row);
    pare_transpose(row, planes, scratch, size, planes, size);
}

/* Bytes of a sample as stored. */
static size_t sample_size(const struct pare_dataset *d)
{
    return d->features * (d->type == PARE_X_U8 ? 1 : sizeof(float));
}

/* A sample as stored; one that stays in a file is read into raw. */
static const void *stored(const struct pare_gather *g, void *raw, size_t sample)
{
    struct pare_feed *feed = g->split->feed;

    if (!feed)
        return (const char *)g->split->x + sample * sample_size(g->data);
    feed->read(feed, raw, sample, 1);
    return raw;
}

static void gather_row(float *out, void *raw, const struct pare_gather *g,
                       size_t sample)
{
    size_t features = g->data->features;
    size_t plane = g->norm->n > 1 ? features / g->norm->n : features;
    const void *in = stored(g, raw, sample);

    if (!in)
        memset(out, 0, features * sizeof *out);
    else if (g->data->type == PARE_X_U8)
        row_from_bytes(out, in, features, g->norm, plane);
    else
        row_from_floats(out, in, features, g->norm, plane);
}

void pare_dataset_gather(float *tile, float *rows, size_t width,
                         const struct pare_gather *g, const uint32_t *index,
                         size_t first, size_t n)
{
    size_t features = g->data->features;
    float *scratch = NULL;
    void *raw = g->split->feed ? malloc(sample_size(g->data)) : NULL;

    if (g->planes > 1)
        scratch = malloc(features * sizeof *scratch);
    for (size_t s = 0; s < n; s++) {
        gather_row(rows + s * features, raw, g, index ? index[s] : first + s);
        if (scratch)
            interleave(rows + s * features, scratch, g->planes,
                       features / g->planes);
    }
    free(scratch);
    free(raw);
    for (size_t s = 0; tile && s < n; s += width)
        rows_to_tile(tile + s * features, rows + s * features, features, width,
                     n - s < width ? n - s : width);
}
