#ifndef PARE_DATASET_H
#define PARE_DATASET_H

#include <stdint.h>

#include "layer.h"
#include "norm.h"

enum pare_split_id { PARE_TRAIN, PARE_VAL, PARE_TEST, PARE_SPLITS };

enum pare_xtype { PARE_X_U8, PARE_X_F32 };

/** One split: n samples and their labels. */
struct pare_split {
    size_t n;
    void *x;    /* [n][features] uint8 or float32, as stored; may be mapped */
    int32_t *y; /* [n] class labels, 0 <= y < n_classes */
};

/** A data file in memory (formats/data_file.h reads it). */
struct pare_dataset {
    struct pare_shape shape; /* of one sample; {features} or {c, h, w} */
    size_t features;         /* pare_shape_size(&shape) */
    enum pare_xtype type;
    size_t n_classes;
    char **class_name;   /* [n_classes], or NULL */
    char **feature_name; /* [features], or NULL */
    struct pare_norm norm;
    struct pare_split split[PARE_SPLITS]; /* n = 0: absent */
    char *origin;    /* options it was made with, one line, or NULL */
    char digest[33]; /* of the content (not origin), hexadecimal */
};

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_dataset_release(struct pare_dataset *d);

/** "train", "val", "test". */
const char *pare_split_name(enum pare_split_id id);

/** The split of that name, or -1. */
int pare_split_find(const char *name);

struct pare_augment;

/** Where samples come from and what is done to them on the way. */
struct pare_gather {
    const struct pare_dataset *data;
    const struct pare_norm *norm;
    const struct pare_split *split;
    size_t planes; /* > 1: give [planes][..] as stored as [..][planes] */
    const struct pare_augment *augment; /* NULL: none */
    uint64_t seed;                      /* of the augmentation */
    uint32_t epoch;
};

/**
 * Normalise chosen samples into tiles of feature-major float32.
 *
 * Tile t holds samples index[t*width .. ) as [features][width]; columns past
 * the last sample are 0.
 *
 * @param tile   [n_tiles][features][width] float32, out, 64-byte aligned;
 *               NULL: only rows
 * @param rows   [n][features] the same values sample-major, out
 * @param width  tile width, 4..64
 * @param index  [n] sample numbers, or NULL for first, first+1, ...
 * @param first  used when index is NULL
 * @param n      samples
 */
void pare_dataset_gather(float *tile, float *rows, size_t width,
                         const struct pare_gather *g, const uint32_t *index,
                         size_t first, size_t n);

#endif
