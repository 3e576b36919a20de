#ifndef PARE_SAMPLE_H
#define PARE_SAMPLE_H

#include <stddef.h>

/** What is told of several numbers. */
struct pare_sample {
    size_t n;
    double mean, sd; /* sd over n - 1; NaN for n < 2 */
    double min, max;
};

/**
 * Mean, sample standard deviation, least and largest of the numbers that are
 * not NaN, in two passes and in the order given. Of none, all are NaN; of
 * equal ones the mean is that number and the deviation 0.
 *
 * @param value  [n]
 */
struct pare_sample pare_sample_of(const double *value, size_t n);

#endif
