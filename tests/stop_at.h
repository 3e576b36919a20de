#ifndef PARE_TESTS_STOP_AT_H
#define PARE_TESTS_STOP_AT_H

#include "train.h"

/* The on_step of a run that stops when *arg steps (uint64_t) are done. */
static inline int stop_at(void *arg, const struct pare_model *m, double lr,
                          double loss)
{
    (void)lr;
    (void)loss;
    return m->training.step == *(const uint64_t *)arg;
}

#endif
