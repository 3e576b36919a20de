#ifndef PARE_SELECT_H
#define PARE_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Places in flat order that are ranked together with others. */
struct pare_rank_part {
    size_t n;
    const float *score;       /* [n] float32, or NULL: block gives them */
    const uint8_t *candidate; /* [n] 1: may be chosen; NULL: all may */
};

/**
 * What is ranked: all parts as if they lay behind each other. Lower scores
 * come first; equal ones, -0 and +0 among them, by lower place.
 */
struct pare_ranking {
    size_t n_parts;
    const struct pare_rank_part *part;
    bool largest; /* higher scores come first; ties still by lower place */
    /** Scores of n places of a part from `first`; called on any thread. */
    void (*block)(float *score, void *arg, size_t part, size_t first, size_t n);
    /** For parts that are not always in memory: have one there, candidates
     *  (which it may set) too, and be done with it. Then parts are looked at
     *  one by one, in order, in every pass. Or NULL. */
    int (*begin)(void *arg, size_t part);
    void (*close)(void *arg, size_t part);
    void *arg;
    int threads;
};

/** Where a ranking is cut: the key of the last place taken, and which of
    those that are equal to it. Release with pare_cut_release. */
struct pare_cut {
    uint32_t key;
    size_t n_chunks; /* that the parts are cut into; 0: nothing is taken */
    size_t *first;   /* [n_parts + 1] chunk at which a part begins */
    uint64_t *ties;  /* [n_chunks] equal ones that are still to take */
};

/**
 * Find the k first of a ranking.
 *
 * Exact, and the same whatever the number of threads: two passes over the
 * scores and at most 36 MiB of memory. A histogram of the upper half of their
 * bits tells the bucket of the last place taken; then the lower halves of the
 * scores in it are kept. Where there are more than 2^24 of these, a
 * histogram of the lower halves and a count, three passes, take their place.
 *
 * @param cut    out
 * @param taken  [n_parts] how many of each part are among the k, out
 * @return 0; PARE_EINVAL if k is above the number of candidates, a
 *         candidate's score is NaN, or scores that are made again are so
 *         different that no place is the k-th; PARE_ENOMEM; what open returns
 */
int pare_rank_cut(struct pare_cut *cut, uint64_t *taken,
                  const struct pare_ranking *r, uint64_t k);

/**
 * Clear the places that were taken; those that are no candidates may be
 * cleared too. A cut can be used once.
 *
 * @param mask  [n_parts] arrays of part[i].n bytes, in/out; may be the
 *              candidates themselves; NULL where nothing is taken. open may
 *              set them
 * @return 0, or what open returns
 */
int pare_rank_clear(uint8_t *const *mask, const struct pare_ranking *r,
                     struct pare_cut *cut);

/** Free what a cut owns and zero it; zeroed is fine. */
void pare_cut_release(struct pare_cut *cut);

/** round-half-even(x), x >= 0; the count rule of every amount. */
uint64_t pare_round_count(double x);

#endif
