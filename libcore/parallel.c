#define _GNU_SOURCE /* sched_getaffinity */
#include "parallel.h"

#include <omp.h>
#include <sched.h>

void pare_parallel(int threads, size_t n, void (*task)(void *arg, size_t i),
                   void *arg)
{
    if (threads <= 1 || n <= 1) {
        for (size_t i = 0; i < n; i++)
            task(arg, i);
        return;
    }
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (size_t i = 0; i < n; i++)
        task(arg, i);
}

int pare_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return 1;
}
