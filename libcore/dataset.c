#include "dataset.h"

#include <stdlib.h>
#include <string.h>

#include "augment.h"
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

/* Normalise x[n] in place; it begins at feature f0 of its sample. */
PARE_CLONES
static void normalise(float *x, size_t n, size_t f0,
                      const struct pare_norm *norm, size_t plane)
{
    const float scale = norm->scale;

    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * scale;
    if (norm->n == 0)
        return;
    if (plane == 1) {
        for (size_t i = 0; i < n; i++)
            x[i] = (x[i] - norm->mean[f0 + i]) / norm->std[f0 + i];
        return;
    }
    for (size_t i = 0, end; i < n; i = end) {
        size_t j = (f0 + i) / plane, left = (j + 1) * plane - (f0 + i);
        const float mean = norm->mean[j], sd = norm->std[j];

        end = left < n - i ? i + left : n;
        for (size_t k = i; k < end; k++)
            x[k] = (x[k] - mean) / sd;
    }
}

/* A sample as it lies in the data file, and its pose if it has one. */
struct sample {
    const struct pare_gather *g;
    const void *x;
    size_t plane; /* features that share a mean */
    struct pare_picture picture;
    struct pare_pose pose;
};

static void stored_floats(float *out, const struct sample *s, size_t first,
                          size_t n)
{
    const uint8_t *bytes = s->x;

    if (s->g->data->type == PARE_X_F32)
        memcpy(out, (const float *)s->x + first, n * sizeof *out);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (float)bytes[first + i];
}

#define GROUP 4 /* channels taken at once */

/* Pixels first .. of some channels of `size` pixels, normalised. */
static void gather_block(float *const *out, const struct sample *s, size_t size,
                         size_t channel, size_t channels, size_t first,
                         size_t n)
{
    if (s->g->augment)
        pare_picture_pose(out, &s->picture, &s->pose, channel, channels, first,
                          n);
    for (size_t c = 0; c < channels; c++) {
        size_t f0 = (channel + c) * size + first;

        if (!s->g->augment)
            stored_floats(out[c], s, f0, n);
        normalise(out[c], n, f0, s->g->norm, s->plane);
    }
}

/* Three channels are worth a loop that vectorises. */
PARE_CLONES
static void interleave(float *restrict to, size_t planes,
                       const float *restrict block, size_t channels, size_t n)
{
    const float *a = block, *b = block + PARE_POSE_PIXELS;
    const float *c = block + 2 * PARE_POSE_PIXELS;

    if (planes != 3) {
        pare_transpose(to, planes, block, PARE_POSE_PIXELS, channels, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[3 * i] = a[i];
        to[3 * i + 1] = b[i];
        to[3 * i + 2] = c[i];
    }
}

/* Block by block: a few channels of some pixels at a time. */
static void gather_blocks(float *row, const struct sample *s, size_t channels)
{
    size_t size = s->g->data->features / channels;
    float block[GROUP * PARE_POSE_PIXELS], *out[GROUP];

    for (size_t c = 0; c < channels; c += GROUP) {
        size_t some = channels - c < GROUP ? channels - c : GROUP;

        for (size_t p = 0, n; p < size; p += n) {
            n = size - p < PARE_POSE_PIXELS ? size - p : PARE_POSE_PIXELS;
            for (size_t i = 0; i < some; i++)
                out[i] = s->g->planes > 1 ? block + i * PARE_POSE_PIXELS
                                          : row + (c + i) * size + p;
            gather_block(out, s, size, c, some, p, n);
            if (s->g->planes > 1)
                interleave(row + p * channels + c, channels, block, some, n);
        }
    }
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
    size_t plane = g->norm->n ? features / g->norm->n : features;
    bool bytes = g->data->type == PARE_X_U8;
    const void *x = stored(g, raw, sample);
    struct sample s = {.g = g, .x = x, .plane = plane};

    if (!x) {
        memset(out, 0, features * sizeof *out);
    } else if (g->augment) {
        s.picture = (struct pare_picture){
            bytes ? x : NULL, x, g->data->shape.dim[1], g->data->shape.dim[2]};
        pare_augment_draw(&s.pose, g->augment, g->seed, g->epoch, sample);
        gather_blocks(out, &s, g->data->shape.dim[0]);
    } else if (g->planes > 1) {
        gather_blocks(out, &s, g->planes);
    } else if (bytes) {
        row_from_bytes(out, x, features, g->norm, plane);
    } else {
        row_from_floats(out, x, features, g->norm, plane);
    }
}

void pare_dataset_gather(float *tile, float *rows, size_t width,
                         const struct pare_gather *g, const uint32_t *index,
                         size_t first, size_t n)
{
    size_t features = g->data->features;
    void *raw = g->split->feed ? malloc(sample_size(g->data)) : NULL;

    for (size_t s = 0; s < n; s++)
        gather_row(rows + s * features, raw, g, index ? index[s] : first + s);
    free(raw);
    for (size_t s = 0; tile && s < n; s += width)
        rows_to_tile(tile + s * features, rows + s * features, features, width,
                     n - s < width ? n - s : width);
}
