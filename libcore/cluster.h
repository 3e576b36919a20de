#ifndef PARE_CLUSTER_H
#define PARE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Levels for numbers: clustering in one dimension, and what a code costs.
 * In one dimension each level owns an interval of values, so with the values
 * in order and their running sums a round costs O(levels log values).
 */

#define PARE_SUM_STEP 64

/** Numbers in ascending order with sums over the first i of them. */
struct pare_sorted {
    size_t n;        /* those that are not 0, or bins of them */
    float *x;        /* [n] ascending; of a bin its mean */
    double *sum;     /* of bins [n + 1]; else of each PARE_SUM_STEP-th */
    double *square;  /* [n + 1] of bins; NULL else */
    uint64_t *count; /* [n + 1] of bins; NULL: i */
    uint64_t values; /* that are not 0 */
    uint64_t zeros;  /* that are 0, of either sign */
    double power;    /* mean square of those that are not 0; 0 of none */
    double peak;     /* largest absolute value; 0 of none */
    size_t distinct; /* different numbers that are not 0; of bins, n */
};

/**
 * Sort the numbers of an array.
 *
 * @param s      out; release with pare_sorted_release
 * @param value  [n] float32, finite
 * @param mask   [n] 0: left out; NULL: all are in
 * @return 0; PARE_ENOMEM: 8 bytes a number are needed, 4 afterwards
 */
int pare_sorted_init(struct pare_sorted *s, const float *value,
                     const uint8_t *mask, size_t n);

/** The same in at most `bins` bins of equal width from -peak to peak, peak
 *  the largest absolute value: in room that does not grow with n. */
int pare_sorted_bin(struct pare_sorted *s, const float *value,
                    const uint8_t *mask, size_t n, size_t bins);

/** Free what it owns and zero it; zeroed is fine. */
void pare_sorted_release(struct pare_sorted *s);

/** Numbers among the first i. */
uint64_t pare_sorted_count(const struct pare_sorted *s, size_t i);

/** Sum of the first i: in their order, from a stored one on. */
double pare_sorted_sum(const struct pare_sorted *s, size_t i);

/** First of s->x that is above v. */
size_t pare_sorted_above(const struct pare_sorted *s, double v);

/**
 * Levels and the intervals that they own: level i has the values above
 * upto[i - 1] and up to upto[i]. Zeros are apart: they stay 0, which is then
 * a level (see `zero`).
 */
struct pare_levels {
    size_t n, room;
    double *at;      /* [n] ascending, no two equal */
    double *upto;    /* [n] upper end of the interval; the last infinite */
    double *bits;    /* [n] what a code costs, 0 at first */
    uint64_t *count; /* [n] values that it has; zeros count for level 0 */
    size_t *first;   /* [n + 1] place in the order at which it begins */
    size_t zero;     /* index of a level that is 0 and is not moved, because
                        there are zeros; SIZE_MAX: none */
};

/** Room for so many levels; n is 0. 0; PARE_ENOMEM. */
int pare_levels_init(struct pare_levels *l, size_t room);

void pare_levels_release(struct pare_levels *l);

/**
 * A way to place the first levels: 1 to k, ascending, no two equal.
 *
 * @param at  [k] out
 * @param k   1 <= k <= s->distinct
 * @return 0; PARE_ENOMEM
 */
struct pare_start {
    const char *name, *help, *source;
    int (*place)(double *at, size_t *n, size_t k, const struct pare_sorted *s,
                 uint64_t seed);
};

/** Row i of the table of ways, NULL behind the last. */
const struct pare_start *pare_start(size_t i);

/** The way of that name, or NULL. */
const struct pare_start *pare_start_find(const char *name);

/** Levels above which the way "optimal" begins as "density" does. */
#define PARE_OPTIMAL_MAX 4096

/**
 * Move levels and intervals until nothing changes: each value belongs to the
 * level of least squared distance + lambda * s->power * bits, bits the length
 * of its code, -log2 of the level's share; ties go to the lower level. Each
 * level moves to the mean of its values. With lambda > 0 a level that loses
 * its values is dropped at once; with lambda 0 it may find others, and is
 * dropped at the end.
 *
 * @param l       in/out; at and zero are read
 * @param lambda  >= 0, without dimension
 * @param moving  false: levels stay where they are, intervals alone change
 * @return rounds that it took: at most 20,000, and times the levels 2^26
 *
 * Source: Lloyd 1982 (written in 1957); Chou, Lookabaugh and Gray 1989 for
 * lambda > 0.
 */
size_t pare_levels_settle(struct pare_levels *l, const struct pare_sorted *s,
                          double lambda, bool moving);

/**
 * Find at most k levels for the numbers: those there are where they are not
 * more than k, else by a start and pare_levels_settle, with lambda 0 first.
 * Where there are zeros 0 is one of the levels.
 *
 * @param l     out, zeroed
 * @param k     >= 1; >= 2 where there are zeros and others
 * @param seed  of the start "random"
 * @return 0; PARE_EINVAL (k too small); PARE_ENOMEM. No numbers: no levels
 */
int pare_cluster(struct pare_levels *l, const struct pare_sorted *s, size_t k,
                 const struct pare_start *start, double lambda, uint64_t seed);

/** Sum of the squared distances of the numbers from their levels. */
double pare_levels_distortion(const struct pare_levels *l,
                              const struct pare_sorted *s);

/** Level that a value which is not 0 belongs to; n >= 1. */
size_t pare_levels_of(const struct pare_levels *l, float value);

#endif
