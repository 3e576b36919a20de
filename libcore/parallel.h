#ifndef PARE_PARALLEL_H
#define PARE_PARALLEL_H

#include <stddef.h>

/**
 * Run tasks 0..n-1, each once, on up to `threads` threads; returns when
 * all are done. The cut into tasks is the caller's and must not depend on
 * `threads`.
 */
void pare_parallel(int threads, size_t n, void (*task)(void *arg, size_t i),
                   void *arg);

/** Processors this process may use: the default of -j. */
int pare_processors(void);

#endif
