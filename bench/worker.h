#ifndef PARE_BENCH_WORKER_H
#define PARE_BENCH_WORKER_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/*
 * The worker's side of interleave's protocol: after "ready UNITS FLOPS" each
 * line of standard input is a number of steps, answered with
 * "SECONDS CPU_SECONDS INVOLUNTARY_SWITCHES" once they are done.
 */
struct worker {
    double begun, cpu;
    long switched;
};

static inline double worker_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline double worker_usage(long *switched)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    *switched = u.ru_nivcsw;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/** The next number of steps, 0 at the end of input. */
static inline unsigned long long worker_next(struct worker *w)
{
    char line[64];

    if (!fgets(line, sizeof line, stdin))
        return 0;
    w->cpu = worker_usage(&w->switched);
    w->begun = worker_now();
    return strtoull(line, NULL, 10);
}

static inline void worker_answer(const struct worker *w)
{
    double wall = worker_now() - w->begun;
    long switched;
    double cpu = worker_usage(&switched);

    printf("%.9f %.6f %ld\n", wall, cpu - w->cpu, switched - w->switched);
    fflush(stdout);
}

#endif
