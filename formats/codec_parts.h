#ifndef PARE_CODEC_PARTS_H
#define PARE_CODEC_PARTS_H

/* What the files of the codec share. */
#include "codec.h"
#include "status.h"

#define PARE_CODEC_BLOCK  4096 /* positions gathered or spread at a time */
#define PARE_CODEC_SLACK  16   /* words that lanes read or write too far */
#define PARE_CODEC_PAST   ((uint64_t)1 << 22) /* values that no cache holds */
#define PARE_CODEC_GROUP  32   /* positions of an n:m group, at most */
#define PARE_CODEC_GROUPS 65536

static inline int pare_codec_no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static inline uint64_t pare_div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b > 0);
}

/** Planes and raw bytes of each plane of a part, from the head's fields. */
void pare_coded_shape(const struct pare_coded *c, enum pare_part part,
                      unsigned *planes, uint64_t *raw);

/** Pieces that all parts are cut into. */
uint64_t pare_coded_count(const struct pare_coded *c);

/** Lay out the pieces that the head promises, with neither data nor stored
 *  sizes. 0; PARE_ELIMIT; PARE_ENOMEM. */
int pare_coded_lay(struct pare_coded *c);

/** Levels that codes count: of the book, or the 256 of int8. */
size_t pare_coded_radix(const struct pare_coded *c);

/** Base of the digits of ranks of n of m, the number of them. 0: too many. */
size_t pare_choose(unsigned n, unsigned m);

/** Digits of a base that one byte holds: 1 to 8; 1 above 256. */
unsigned pare_digits_of_byte(size_t radix);

/**
 * All patterns of m bits with n set, ascending: the one of rank r is [r].
 *
 * @param list  [pare_choose(n, m)] out
 */
void pare_choices(uint32_t *list, unsigned n, unsigned m);

/* Which positions are there. */
struct pare_where {
    uint64_t n, nnz;
    size_t rows;            /* first dimension, 1 for rank 0 */
    const uint64_t *bits;   /* [n] in C order, or NULL: by pattern */
    const uint64_t *turned; /* [n] transposed, or NULL */
    const struct pare_pattern *pattern;
};

/** A way to write a mask, and the bytes that it would take. */
struct pare_mask_plan {
    enum pare_mask_form form;
    bool transposed;
    uint8_t planes, choose_n, choose_m, per;
    uint64_t n_mask, cost;
};

#define PARE_MASK_PLANS 8

/** The ways that suit, best first. 0; PARE_ENOMEM. */
int pare_mask_plans(struct pare_mask_plan *plan, size_t *n,
                    const struct pare_where *w);

/** The raw bytes: malloc'd [planes * n_mask]. 0; PARE_ENOMEM. */
int pare_mask_raw(uint8_t **raw, const struct pare_mask_plan *plan,
                  const struct pare_where *w);

/**
 * Bits of positions from raw bytes, in C order.
 *
 * @param bits  [n / 64 + 1] out, zeroed
 * @return 0; PARE_EFORMAT; PARE_ENOMEM
 */
int pare_mask_bits(uint64_t *bits, const struct pare_coded *c,
                   const uint8_t *raw, size_t rows);

/** A pattern from raw bytes of gaps. 0; PARE_EFORMAT; PARE_ELIMIT;
 *  PARE_ENOMEM. */
int pare_mask_pattern(struct pare_pattern **p, const struct pare_coded *c,
                      const uint8_t *raw, size_t rows, size_t cols);

#endif
