#ifndef PARE_CODEC_DECODER_H
#define PARE_CODEC_DECODER_H

/* What the files that decode a tensor share. */
#include "codec_parts.h"
#include "lanes.h"
#include "unsqueeze.h"

/** A decoding under way. */
struct pare_decoder {
    const struct pare_lanes *lanes;
    const struct pare_coded *c;
    int threads;
    size_t rows;
    bool direct;    /* entries follow each other in value */
    uint64_t *bits; /* [n / 64 + 1], or NULL */
    uint64_t *rank; /* [blocks + 1] entries before each block */
    uint8_t *raw;   /* of mask or book */
    const struct pare_coded_piece *piece; /* the first of a part */
    size_t cuts;                          /* pieces of one plane of it */
    size_t at_once;                       /* of them in a task, 1 or 2 */
    struct pare_tensor *t;
    struct pare_pattern *pattern;
    uint8_t *mask;
    float *value;
    int *status; /* of each task */
};

/** Fail with PARE_EFORMAT. */
int pare_coded_bad(const char *what);

/** Run n tasks that leave a status each: 0, or the first that is not. */
int pare_decoder_run(struct pare_decoder *d, size_t n,
                     void (*task)(void *, size_t));

/**
 * Go to a part: `piece`, `cuts`, `at_once`. Two streams are decoded at a time
 * where that leaves a task for every thread.
 *
 * @return pieces
 */
size_t pare_decoder_part(struct pare_decoder *d, enum pare_part part);

/** Values at their positions from the pieces. 0; PARE_EFORMAT; PARE_ELIMIT;
 *  PARE_ENOMEM. */
int pare_decode_values(struct pare_decoder *d);

#endif
