#include "dataset.h"

#include <stdlib.h>
#include <string.h>

void pare_dataset_release(struct pare_dataset *d)
{
    for (int s = 0; s < PARE_SPLITS; s++) {
        free(d->split[s].x);
        free(d->split[s].y);
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

static float normalised(float stored, const struct pare_norm *n, size_t j)
{
    float x = stored * n->scale;

    return n->n ? (x - n->mean[j]) / n->std[j] : x;
}

/* Bytes have 256 values: a table a channel, or one for all. */
static void row_from_bytes(float *out, const uint8_t *in, size_t features,
                           const struct pare_norm *norm, const float *table,
                           size_t plane)
{
    if (norm->n <= 1) {
        for (size_t f = 0; f < features; f++)
            out[f] = table[in[f]];
        return;
    }
    for (size_t f = 0; f < features; f++)
        out[f] = normalised((float)in[f], norm, f / plane);
}

static void row_from_floats(float *out, const float *in, size_t features,
                            const struct pare_norm *norm, size_t plane)
{
    if (norm->n == 0) {
        for (size_t f = 0; f < features; f++)
            out[f] = in[f] * norm->scale;
        return;
    }
    for (size_t f = 0; f < features; f++)
        out[f] = normalised(in[f], norm, norm->n == 1 ? 0 : f / plane);
}

/* Spread rows [n][features] into a tile [features][width], 0 past n. */
static void transpose_tile(float *tile, const float *rows, size_t features,
                           size_t width, size_t n)
{
    enum { BLOCK = 16 };

    for (size_t f0 = 0; f0 < features; f0 += BLOCK) {
        size_t f1 = f0 + BLOCK < features ? f0 + BLOCK : features;

        for (size_t f = f0; f < f1; f++) {
            float *to = tile + f * width;

            for (size_t s = 0; s < n; s++)
                to[s] = rows[s * features + f];
            for (size_t s = n; s < width; s++)
                to[s] = 0;
        }
    }
}

void pare_dataset_gather(float *tile, float *rows, size_t width,
                         const struct pare_dataset *d,
                         const struct pare_norm *norm,
                         const struct pare_split *split,
                         const uint32_t *index, size_t first, size_t n)
{
    size_t features = d->features;
    size_t plane = norm->n > 1 ? features / norm->n : features;
    float table[256];

    for (int v = 0; d->type == PARE_X_U8 && v < 256; v++)
        table[v] = normalised((float)v, norm, 0);
    for (size_t s = 0; s < n; s++) {
        size_t sample = index ? index[s] : first + s;
        float *out = rows + s * features;

        if (d->type == PARE_X_U8)
            row_from_bytes(out,
                           (const uint8_t *)split->x + sample * features,
                           features, norm, table, plane);
        else
            row_from_floats(out,
                            (const float *)split->x + sample * features,
                            features, norm, plane);
    }
    for (size_t s = 0; s < n; s += width)
        transpose_tile(tile + s * features, rows + s * features, features,
                       width, n - s < width ? n - s : width);
}
