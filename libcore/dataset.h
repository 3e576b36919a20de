#ifndef PARE_DATASET_H
#define PARE_DATASET_H

#include <stdint.h>

#include "layer.h"
#include "norm.h"

enum pare_split_id { PARE_TRAIN, PARE_VAL, PARE_TEST, PARE_SPLITS };

enum pare_xtype { PARE_X_U8, PARE_X_F32 };

/**
 * Samples that stay in a file and are read as they are needed; formats/
 * makes one. Several threads may call it at a time.
 */
struct pare_feed {
    /** Copy samples [first, first + n) to out, as stored. What cannot be
     *  read becomes 0, and fault tells of it; out NULL: there was no memory
     *  for them, which fault shall tell. */
    void (*read)(struct pare_feed *f, void *out, size_t first, size_t n);
    /** These samples are read soon; returns at once. */
    void (*want)(struct pare_feed *f, const uint32_t *index, size_t n);
    /** 0, or the status of what went wrong first, with its message. */
    int (*fault)(struct pare_feed *f);
    void (*free)(struct pare_feed *f);
};

/** One split: n samples and their labels. */
struct pare_split {
    size_t n;
    void *x;    /* [n][features] uint8 or float32, as stored; or NULL, and */
    int32_t *y; /* [n] class labels, 0 <= y < n_classes */
    struct pare_feed *feed; /* where the samples are; else NULL */
};

/** A data file (formats/data_file.h reads it). */
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

/** Say which samples are gathered soon; nothing where they are in memory. */
void pare_split_want(const struct pare_split *s, const uint32_t *index,
                     size_t n);

/** 0, or why what was gathered since the start is not to be trusted. */
int pare_split_fault(const struct pare_split *s);

struct pare_augment;

/** Where samples come from and what is done to them on the way. */
struct pare_gather {
    const struct pare_dataset *data;
    const struct pare_norm *norm;
    const struct pare_split *split;
    size_t planes; /* > 1: give [planes][..] as stored as [..][planes] */
    /* NULL: none. The shape fits it, and planes are 1 or the channels. */
    const struct pare_augment *augment;
    uint64_t seed; /* of the augmentation */
    uint32_t epoch;
};

/**
 * Normalise chosen samples into tiles of feature-major float32, images
 * changed first if that is asked for: the same bits as if the changed image
 * had been stored, in float32.
 *
 * Tile t holds samples index[t*width .. ) as [features][width]; columns past
 * the last sample are 0. Of a split that stays in a file, what cannot be
 * read is gathered as if it were 0; pare_split_fault tells.
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
