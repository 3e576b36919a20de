#ifndef PARE_SELECT_H
#define PARE_SELECT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Mark the k lowest scores among the candidates.
 *
 * Exact: just k are marked; equal scores are ordered by lower index, so the
 * result depends on neither the algorithm nor the number of threads. -0 and
 * +0 are equal. One histogram (radix) pass over the float's bits and a
 * second for the rest; memory beyond the arguments is constant (512 kB).
 *
 * @param mark       [n] out: 1 where chosen, else 0
 * @param score      [n] float32, not NaN
 * @param candidate  [n] 1 where it may be chosen, or NULL for all
 * @param n          any, 0 too
 * @param k          <= number of candidates
 * @return 0; PARE_EINVAL if k is too large or a candidate's score is NaN
 *         (mark untouched); PARE_ENOMEM
 */
int pare_select_lowest(uint8_t *mark, const float *score,
                       const uint8_t *candidate, size_t n, size_t k);

/** round-half-even(x), x >= 0; the count rule of every amount. */
uint64_t pare_round_count(double x);

#endif
