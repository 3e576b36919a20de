/*
 * once [-m MIB] LABEL COMMAND...: run a command once; print its time and its
 * peak memory, and whether that is under a bound.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

int main(int argc, char **argv)
{
    double bound = 0, begun = now(), peak;
    struct rusage u;
    int o, status;
    pid_t child;

    while ((o = getopt(argc, argv, "+m:")) != -1) {
        if (o != 'm')
            return 2;
        bound = atof(optarg);
    }
    if (argc - optind < 2) {
        fprintf(stderr, "usage: once [-m MIB] LABEL COMMAND...\n");
        return 2;
    }
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execvp(argv[optind + 1], argv + optind + 1);
        fprintf(stderr, "once: %s: %s\n", argv[optind + 1], strerror(errno));
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 2;
    getrusage(RUSAGE_CHILDREN, &u);
    peak = (double)u.ru_maxrss / 1024;
    printf("  %-24s %7.1f s, %6.1f s of processors, peak %5.0f MiB",
           argv[optind], now() - begun,
           seconds(&u.ru_utime) + seconds(&u.ru_stime), peak);
    if (bound > 0)
        printf("  under %.0f: %s", bound, peak < bound ? "met" : "MISSED");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        printf("  (failed)");
    putchar('\n');
    return !WIFEXITED(status)           ? 1
           : WEXITSTATUS(status)        ? WEXITSTATUS(status)
           : bound > 0 && peak >= bound ? 3
                                        : 0;
}
