#ifndef PARE_SPLIT_H
#define PARE_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "dataset.h"

/** How many samples train, val and test get: counts, or parts of all. */
struct pare_split_plan {
    bool fractions;
    double part[PARE_SPLITS]; /* counts >= 0, or fractions that sum to <= 1 */
};

/**
 * Read "200,100,33" or ".6,.3,.1": one to three numbers, for train, val and
 * test; those left out are 0. Numbers with a point are fractions, whole
 * numbers are counts; only 0 mixes with both.
 *
 * @return 0; PARE_EINVAL with a message that quotes the text
 */
int pare_split_parse(struct pare_split_plan *plan, const char *text);

/**
 * Sizes of the splits of n samples.
 *
 * Fractions f: the sum is round(sum(f) * n), all n when they sum to 1; each
 * split gets floor(f * n), and what is left goes one each to the largest
 * remainders, the earlier split first among equal ones.
 *
 * @param count  [PARE_SPLITS] out
 * @return 0; PARE_EINVAL when counts ask for more than n samples or a
 *         fraction > 0 of them is empty
 */
int pare_split_sizes(size_t count[PARE_SPLITS],
                     const struct pare_split_plan *plan, size_t n);

/**
 * Deal the samples of the train split, the only one there is, to the three
 * splits: those of a random permutation (PARE_STREAM_SPLIT, sub 0), or as
 * they stand, the first count[0] to train and so on. Samples beyond the sum
 * are dropped. Within a split samples keep their order.
 *
 * @param d        in/out; unchanged on failure
 * @param count    [PARE_SPLITS], sum <= samples
 * @param shuffle  false: as they stand
 * @return 0; PARE_EINVAL; PARE_ENOMEM
 */
int pare_split_deal(struct pare_dataset *d, const size_t count[PARE_SPLITS],
                    uint64_t seed, bool shuffle);

/**
 * Move n random samples (PARE_STREAM_SPLIT, sub 1) of train to the absent
 * val. Both keep the order of the samples.
 *
 * @return 0; PARE_EINVAL when there is a val already or train would be
 *         left empty; PARE_ENOMEM
 */
int pare_split_take_val(struct pare_dataset *d, size_t n, uint64_t seed);

#endif
