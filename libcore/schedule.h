#ifndef PARE_SCHEDULE_H
#define PARE_SCHEDULE_H

#include "model.h"

#define PARE_SCHEDULE_AT   64 /* milestones, at most */
#define PARE_SCHEDULE_OPTS 6

/** A learning-rate schedule: a row of the table in schedule.c. */
struct pare_schedule {
    const char *name; /* constant, step, milestones, cosine, one-cycle */
    const char *help;
    const char *source;
    const char *option[PARE_SCHEDULE_OPTS]; /* it takes these; NULL ends */
};

/** A parsed "--schedule" value, e.g. "step,at=30:60,gamma=.1,warmup=5". */
struct pare_schedule_spec {
    int kind;         /* index into the table */
    double warmup;    /* epochs of linear warm-up, 0: none */
    double gamma;     /* step, milestones: factor at each step */
    double every;     /* step: epochs between two */
    double min;       /* cosine: the last learning rate */
    double pct;       /* one-cycle: part of the steps that rise */
    double div;       /* one-cycle: base lr / first lr */
    double final_div; /* one-cycle: first lr / last lr */
    double epochs;    /* length of the schedule; 0: as long as the run */
    int n_at;
    double at[PARE_SCHEDULE_AT]; /* milestones: epochs, increasing */
    char canon[PARE_SPEC_MAX];
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_schedule *pare_schedule(size_t index);

/**
 * Parse a schedule. "at" takes a:b:c or is repeated; "step" with "at" is
 * another way to write "milestones". The canonical text names every option
 * and parses to itself.
 *
 * @param s  out; written only on success
 * @return 0; PARE_EINVAL with a message that names the schedules or the
 *         options there are
 */
int pare_schedule_parse(struct pare_schedule_spec *s, const char *spec);

/** Does the learning rate not depend on the schedule's length? */
bool pare_schedule_open_ended(const struct pare_schedule_spec *s);

/**
 * Give a schedule whose length is that of the run this length, in its
 * canonical text too. One that has a length of its own, or does not depend
 * on it, stays as it is.
 *
 * @param epochs  >= 0; with 0 it stays as it is
 * @return 0; PARE_EINVAL for a text that becomes too long
 */
int pare_schedule_set_length(struct pare_schedule_spec *s, double epochs);

/**
 * Length of a schedule in steps: its own "epochs" if set, else the run's.
 *
 * @param run        steps of the run that starts it
 * @param per_epoch  steps an epoch, >= 1
 * @return >= 1
 */
uint64_t pare_schedule_total(const struct pare_schedule_spec *s, uint64_t run,
                             uint64_t per_epoch);

/**
 * Learning rate of one optimiser step, t = step from 0, T = total:
 *
 *     constant    base
 *     step        base gamma^floor(t / E)           E = every epochs
 *     milestones  base gamma^(number of at <= t)
 *     cosine      min + (base - min) (1 + cos(pi t / T)) / 2
 *     one-cycle   up from base / div to base over the first pct T - 1
 *                 steps, then down to base / (div final_div), each along
 *                 half a cosine
 *
 * times min(1, (t + 1) / W) with a warm-up of W steps. Epochs become steps
 * by rounding to the nearest, E at least 1. From t = T on cosine and
 * one-cycle keep their last value.
 *
 * @param base   learning rate of -l
 * @param step   position, from 0
 * @param total  length in steps, >= 1
 * @param per_epoch  steps an epoch, >= 1
 *
 * Source: StepLR, MultiStepLR, CosineAnnealingLR, OneCycleLR of PyTorch.
 * Departure: cosine moves at each step, not at each epoch; one-cycle leaves
 * the momentum alone.
 */
double pare_schedule_lr(const struct pare_schedule_spec *s, double base,
                        uint64_t step, uint64_t total, uint64_t per_epoch);

#endif
