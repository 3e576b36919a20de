#ifndef PARE_SCHEDULE_H
#define PARE_SCHEDULE_H

#include "model.h"

/** A learning-rate schedule: a row of the table in schedule.c. */
struct pare_schedule {
    const char *name; /* constant, step, milestones, cosine, one-cycle */
    const char *help;
    const char *source;
};

/** A parsed "--schedule" value, e.g. "step,at=30:60,gamma=.1,warmup=5". */
struct pare_schedule_spec {
    int kind;       /* index into the table */
    double warmup;  /* epochs of linear warm-up from lr/steps to lr */
    double gamma, every;
    double min;     /* cosine: the last learning rate */
    double max, pct, div, final_div; /* one-cycle */
    double epochs;  /* length of the whole schedule; 0: as long as the run */
    int n_at;
    double at[64];  /* milestones, epochs */
    char canon[PARE_SPEC_MAX];
};

const struct pare_schedule *pare_schedule(size_t index);

/** Parse; 0 or PARE_EINVAL with a message. "at" takes a:b:c or repeats. */
int pare_schedule_parse(struct pare_schedule_spec *s, const char *spec);

/**
 * Learning rate of one optimiser step.
 *
 * @param base   learning rate of -l
 * @param step   position, from 0
 * @param total  length in steps, >= 1 (past it the last value stays)
 * @param per_epoch  steps an epoch, >= 1
 */
double pare_schedule_lr(const struct pare_schedule_spec *s, double base,
                        uint64_t step, uint64_t total, uint64_t per_epoch);

#endif
