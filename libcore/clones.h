#ifndef PARE_CLONES_H
#define PARE_CLONES_H

/*
 * PARE_CLONES before a function: compile it also for AVX2 and AVX-512 and
 * choose at load time. Only for loops whose bits do not depend on the vector
 * width: elementwise, or with sums in a stated order. Sanitizers cannot run
 * before the resolvers do, so they get the plain function.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&         \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&         \
    defined(__gnu_linux__)
#define PARE_CLONES                                                            \
    __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define PARE_CLONES
#endif

#endif
