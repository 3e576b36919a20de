#ifndef PARE_REWIRE_PARTS_H
#define PARE_REWIRE_PARTS_H

#include "rewire.h"
#include "scope.h"

/*
 * Inside of pare_drop and pare_grow: lists of connections, the same for
 * tensors with masks and compact ones, and a report of what was done.
 */

/**
 * The layers in scope: those that the globs choose, and of these, without
 * `only`, the sparse ones.
 *
 * @param s  out; the caller frees s->layer
 * @return 0; PARE_EINVAL (globs, no sparse layer); PARE_ENOMEM
 */
int rewire_scope(struct pare_scope *s, const struct pare_model *m,
                 const char *const *only, size_t n_only,
                 const char *const *skip, size_t n_skip);

/** Flat positions of a tensor's connections, ascending: malloc'd. */
int rewire_list(uint64_t **at, uint64_t *n, const struct pare_tensor *t);

/**
 * What an array of the tensor's holds at its connections.
 *
 * @param out    [n] out
 * @param array  [t->n]: of a compact tensor these very numbers
 * @param at     [n] of rewire_list
 */
void rewire_gather(float *out, const struct pare_tensor *t, const float *array,
                   const uint64_t *at, uint64_t n);

/**
 * The k-th lowest of n numbers, -0 taken for 0.
 *
 * @param v  [n] no NaN
 * @param k  1..n
 */
float rewire_kth(const float *v, uint64_t n, uint64_t k);

/** Rows for so many layers at most. 0, PARE_ENOMEM. */
int rewire_report_begin(struct pare_rewire_report *r, size_t n);

/** Append a row and add it to the totals. */
void rewire_report_add(struct pare_rewire_report *r,
                       const struct pare_rewire_row *row);

/** Positions to grow at in one layer. */
struct rewire_room {
    uint64_t positions;
    uint64_t n_blocked, *blocked; /* [n] ascending: those that are not free */
    uint64_t want;
    uint64_t n_new, *fresh; /* [n] ascending: those chosen, malloc'd */
};

/** Choose `want` free positions at random, or each with its probability. */
int rewire_pick_random(struct rewire_room *l, bool bernoulli, uint64_t seed,
                       uint32_t sub);

/** Choose by scores: score [positions], o says which. */
int rewire_pick_scored(struct rewire_room *l, const float *score,
                       const struct pare_grow_options *o);

/**
 * Share `total` among n layers by weight, none above its room.
 *
 * @param want    [n] out
 * @param weight  [n] finite, >= 0; all 0 count as equal
 * @param room    [n] the sum is at least total
 */
int rewire_share(uint64_t *want, const double *weight, const uint64_t *room,
                 size_t n, uint64_t total);

#endif
