#ifndef PARE_CODEC_ENCODER_H
#define PARE_CODEC_ENCODER_H

/* What the files that code a tensor share. */
#include "codec_parts.h"
#include "lanes.h"
#include "parallel.h"

#include <stdlib.h>

/** A coding under way. */
struct pare_encoder {
    const struct pare_lanes *lanes;
    const float *value; /* [n] at positions, or [nnz] entries */
    const uint8_t *mask;
    const struct pare_pattern *pattern;
    const struct pare_quant *quant;
    struct pare_effort effort;
    uint64_t n, nnz;
    size_t rows;
    bool sparse;     /* bits say which values are there */
    uint64_t *bits;  /* [n / 64 + 1], or NULL */
    uint64_t *rank;  /* [blocks + 1] entries before each block */
    uint64_t *first; /* int8: [rows + 1] first entry of each row */
    uint16_t *code;  /* [nnz], or NULL */
    struct pare_coded *c;
    uint8_t *mask_raw;
    uint8_t *book_raw;
    size_t at_value; /* first piece of values */
    int *status;     /* of each task */
};

/** Run n tasks that leave a status each; the first that is not 0. */
int pare_encoder_run(struct pare_encoder *e, size_t n,
                     void (*task)(void *, size_t));

/** A walk over the entries from..to of a tensor, some at a time. */
struct pare_walk {
    uint64_t block, at, to;
    uint32_t lost; /* or of all that was left out */
    const uint32_t *entry;
    uint32_t word[PARE_CODEC_BLOCK + PARE_CODEC_SLACK];
};

void pare_walk_begin(struct pare_walk *w, const struct pare_encoder *e,
                     uint64_t from, uint64_t to);

/** The next entries: their number, 0 at the end. */
size_t pare_walk_next(struct pare_walk *w, const struct pare_encoder *e);

/** Which positions to code, and how: bits, nnz, form of the mask. */
int pare_choose_positions(struct pare_encoder *e);

/**
 * The levels of a tensor that says nothing of them, if there are 2 to 256,
 * finite and not -0, and 16 times as many values.
 * @param q  zeroed, out: kind NONE when there are none. 0; PARE_ENOMEM
 */
int pare_find_levels(struct pare_quant *q, const struct pare_tensor *t);

/** Codes of all entries. 0; PARE_EINVAL; PARE_ENOMEM. */
int pare_find_codes(struct pare_encoder *e);

/** Bytes of codes without one of them (or with all), and the best number of
 *  them in a byte. */
uint64_t pare_codes_cost(const struct pare_encoder *e, uint8_t *per,
                         uint32_t drop);

/** Bytes of planes as pieces; *sum is increased. */
int pare_squeeze_planes(struct pare_coded_piece *piece, uint64_t *sum,
                        const uint8_t *raw, unsigned planes, uint64_t n,
                        int level);

/** The code of 0; some other number if there is none. */
uint32_t pare_zero_code(const struct pare_encoder *e);

#endif
