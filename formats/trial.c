#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "status.h"

#define SECONDS 5
#define WALL    300 /* seconds on the clock, should it wait for ever */

/* Sanitizers take terabytes of addresses. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What the child says. */
struct verdict {
    int status;
    char message[1024];
};

/* Lower a limit of this process. */
static void limit(int what, uint64_t most)
{
    struct rlimit r;

    if (getrlimit(what, &r) != 0)
        return;
    if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > most) {
        r.rlim_cur = (rlim_t)most;
        setrlimit(what, &r);
    }
}

/* Bytes of address space of this process; 0 where nobody tells. */
static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    long page = sysconf(_SC_PAGESIZE);
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f)
        return 0;
    if (fscanf(f, "%llu", &pages) != 1 || page < 0)
        pages = 0;
    fclose(f);
    return pages * (uint64_t)page;
}

/* No core, no endless loop, no flood of memory, no words of a dying
 * library. */
static void confine(uint64_t memory)
{
    uint64_t have = SANITIZED ? 0 : address_space();
    int null = open("/dev/null", O_RDWR);

    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, SECONDS);
    if (have && memory < INT64_MAX - have)
        limit(RLIMIT_AS, have + memory);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    signal(SIGBUS, SIG_DFL); /* not to remove what the parent writes */
    signal(SIGXCPU, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(WALL);
    if (!SANITIZED)
        pare_trial_forbid();
}

static void child(int (*work)(void *arg), void *arg, uint64_t memory, int to)
{
    struct verdict v = {0};
    const char *at = (const char *)&v;
    size_t left = sizeof v;

    confine(memory);
    v.status = work(arg);
    if (v.status)
        snprintf(v.message, sizeof v.message, "%s", pare_error());
    while (left > 0) {
        ssize_t done = write(to, at, left);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        at += done;
        left -= (size_t)done;
    }
    _exit(0);
}

/* Whatever the child says is read as text from a stranger. */
static bool hear(struct verdict *v, int from)
{
    char *at = (char *)v;
    size_t left = sizeof *v;

    while (left > 0) {
        ssize_t got = read(from, at, left);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        left -= (size_t)got;
    }
    v->message[sizeof v->message - 1] = '\0';
    for (char *c = v->message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return true;
}

static int judge(const struct verdict *v, bool heard, int status,
                 const char *name)
{
    bool died = WIFSIGNALED(status);
    int sig = died ? WTERMSIG(status) : 0;

    if (sig == SIGXCPU || sig == SIGALRM || sig == SIGKILL)
        return pare_fail(PARE_EFORMAT,
                         "'%s' is damaged: reading it would not end", name);
    if (died || !heard || v->status > 0)
        return pare_fail(PARE_EFORMAT,
                         "'%s' is damaged: reading it would crash", name);
    if (v->status == PARE_ENOMEM)
        return pare_fail(PARE_ELIMIT,
                         "'%s' is damaged: it asks for more memory than its "
                         "size allows",
                         name);
    return v->status ? pare_fail(v->status, "%s", v->message) : 0;
}

int pare_trial(int (*work)(void *arg), void *arg, const char *name,
               uint64_t memory)
{
    struct verdict v = {0};
    pid_t pid, got;
    int end[2], status = 0;
    bool heard;

    if (pipe(end) != 0)
        return 0;
    pid = fork();
    if (pid == 0)
        child(work, arg, memory, end[1]);
    close(end[1]);
    heard = pid > 0 && hear(&v, end[0]);
    close(end[0]);
    if (pid < 0)
        return 0;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    /* Where the parent ignores SIGCHLD, nobody knows how it ended. */
    return judge(&v, heard, got == pid ? status : 0, name);
}
