#include "trial.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* A filter is a program: load a word, compare, jump; jumps count forward. */
#define LOAD(field)                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                         \
             (unsigned)offsetof(struct seccomp_data, field))
#define ANSWER(x) BPF_STMT(BPF_RET | BPF_K, (x))
#define ALLOW     SECCOMP_RET_ALLOW
#define DENY      (SECCOMP_RET_ERRNO | EPERM)
#define IF(value, then)                                                        \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, 1), ANSWER(then)
#define IF_BITS(bits, then)                                                    \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, 1), ANSWER(then)
#define UNLESS(value, then)                                                    \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0), ANSWER(then)

/* What is not allowed fails with EPERM; it does not kill, because another
 * C library may do the same work by other calls and get on without. */
static struct sock_filter program[] = {
    LOAD(arch),
    UNLESS(ARCH, DENY),
    LOAD(nr),
    IF(SYS_read, ALLOW),
    IF(SYS_pread64, ALLOW),
    IF(SYS_write, ALLOW),
    IF(SYS_close, ALLOW),
    IF(SYS_lseek, ALLOW),
    IF(SYS_fstat, ALLOW),
#ifdef SYS_newfstatat
    IF(SYS_newfstatat, ALLOW),
#endif
    IF(SYS_mmap, ALLOW),
    IF(SYS_munmap, ALLOW),
    IF(SYS_mremap, ALLOW),
    IF(SYS_mprotect, ALLOW),
    IF(SYS_madvise, ALLOW),
    IF(SYS_brk, ALLOW),
    IF(SYS_futex, ALLOW),
    IF(SYS_getpid, ALLOW),
    IF(SYS_gettid, ALLOW),
    IF(SYS_getrandom, ALLOW),
    IF(SYS_clock_gettime, ALLOW),
    IF(SYS_gettimeofday, ALLOW),
    IF(SYS_sched_yield, ALLOW),
    IF(SYS_rt_sigaction, ALLOW),
    IF(SYS_rt_sigprocmask, ALLOW),
    IF(SYS_rt_sigreturn, ALLOW),
    IF(SYS_restart_syscall, ALLOW),
    IF(SYS_exit, ALLOW),
    IF(SYS_exit_group, ALLOW),
    UNLESS(SYS_openat, DENY),
    LOAD(args[2]), /* the low half of its flags, on little-endian machines */
    IF_BITS(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, DENY),
    ANSWER(ALLOW),
};

void pare_trial_forbid(void)
{
    const struct sock_fprog all = {sizeof program / sizeof *program, program};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all, 0, 0);
}

#else

void pare_trial_forbid(void)
{
}

#endif
