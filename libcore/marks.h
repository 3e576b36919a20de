#ifndef PARE_MARKS_H
#define PARE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#define PARE_SLOTS_MAX 2 /* state arrays an optimiser keeps per weight */

/** Positions of a tensor, ascending, with numbers that may go with them. */
struct pare_marks {
    uint64_t n;
    uint64_t *at;                /* [n] flat */
    float *slot[PARE_SLOTS_MAX]; /* [n] optimiser state there, or NULL */
};

/** Free the positions and zero the struct; zeroed is fine. */
void pare_marks_release(struct pare_marks *k);

/**
 * Make *k hold n positions, copied.
 *
 * @param k     in/out: what it held is freed
 * @param at    [n] flat positions that ascend
 * @param slot  [n] each, numbers of optimiser slots that go with them, or
 *              NULL: none
 * @return 0; PARE_ENOMEM (*k untouched)
 */
int pare_marks_set(struct pare_marks *k, const uint64_t *at, uint64_t n,
                   float *const slot[PARE_SLOTS_MAX]);

/** Is a flat position among them? By halving. */
bool pare_marks_have(const struct pare_marks *k, uint64_t at);

/** Replace *to by a copy. 0, PARE_ENOMEM (*to untouched). */
int pare_marks_copy(struct pare_marks *to, const struct pare_marks *from);

#endif
