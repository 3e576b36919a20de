#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "status.h"

#define SECONDS 20

/* No core, no endless loop, no words of a dying library. */
static void confine(void)
{
    const struct rlimit core = {0, 0};
    struct rlimit cpu;
    int null = open("/dev/null", O_RDWR);

    setrlimit(RLIMIT_CORE, &core);
    if (getrlimit(RLIMIT_CPU, &cpu) == 0 &&
        (cpu.rlim_cur == RLIM_INFINITY || cpu.rlim_cur > SECONDS)) {
        cpu.rlim_cur = SECONDS;
        setrlimit(RLIMIT_CPU, &cpu);
    }
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
}

int pare_trial(int (*work)(void *arg), void *arg, const char *name)
{
    pid_t child = fork(), got;
    int status = 0;

    if (child < 0)
        return 0;
    if (child == 0) {
        confine();
        work(arg);
        _exit(0);
    }
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got == child && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return pare_fail(PARE_EFORMAT,
                         "'%s' is damaged: reading it would crash", name);
    return 0;
}
