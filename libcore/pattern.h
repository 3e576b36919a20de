#ifndef PARE_PATTERN_H
#define PARE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Which positions of a matrix are there: a list of columns for each row. Room
 * grows with the number of positions and of rows, never with rows x columns.
 *
 * Invariants: row[0] = 0, row does not fall, the columns of a row ascend and
 * are below cols; rows and cols are 1 to 2^32 - 1. So entries come in order
 * of the flat position, r * cols + c.
 */
struct pare_pattern {
    size_t rows, cols;
    uint64_t *row; /* [rows + 1] number of the row's first entry */
    uint32_t *col; /* [row[rows]] */
};

/**
 * An empty pattern with room for n entries.
 *
 * @param p  out: free with pare_pattern_free
 * @return 0; PARE_ELIMIT (rows or cols 0 or above 2^32 - 1); PARE_ENOMEM
 */
int pare_pattern_new(struct pare_pattern **p, size_t rows, size_t cols,
                     uint64_t n);

/** NULL is fine. */
void pare_pattern_free(struct pare_pattern *p);

/** Number of entries. */
uint64_t pare_pattern_count(const struct pare_pattern *p);

/** @return 0; PARE_ENOMEM (*to untouched) */
int pare_pattern_copy(struct pare_pattern **to,
                      const struct pare_pattern *from);

/** The positions where a mask is not 0. mask [rows * cols]; NULL: all. */
int pare_pattern_of_mask(struct pare_pattern **p, const uint8_t *mask,
                         size_t rows, size_t cols);

/** The same back: mask [rows * cols] out, 1 where there is an entry. */
void pare_pattern_to_mask(uint8_t *mask, const struct pare_pattern *p);

/**
 * From n flat positions that ascend.
 *
 * @return 0; PARE_EFORMAT (one does not ascend or lies outside); PARE_ELIMIT;
 *         PARE_ENOMEM
 */
int pare_pattern_of_flat(struct pare_pattern **p, const uint64_t *flat,
                         uint64_t n, size_t rows, size_t cols);

/** Flat positions of all entries: flat [count] out, ascending. */
void pare_pattern_flat(uint64_t *flat, const struct pare_pattern *p);

/** The entry at a place, or UINT64_MAX where there is none. By halving. */
uint64_t pare_pattern_find(const struct pare_pattern *p, size_t row,
                           uint32_t col);

/** The same positions? */
bool pare_pattern_same(const struct pare_pattern *a,
                       const struct pare_pattern *b);

/** Do the invariants hold? 0, or PARE_EFORMAT saying which does not. */
int pare_pattern_check(const struct pare_pattern *p);

#endif
