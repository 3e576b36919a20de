#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "status.h"
#include "trial.h"

#define MEMORY ((uint64_t)64 << 20)

/* Under a sanitizer memory and calls are not limited. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static int succeeds(void *arg)
{
    int *to = arg;

    *to = 1;
    return 0;
}

static int complains(void *arg)
{
    (void)arg;
    return pare_fail(PARE_EIO, "bad \x1b[2J name");
}

static int crashes(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    return *(volatile char *)arg;
}

static int leaves(void *arg)
{
    (void)arg;
    _exit(0);
}

static int lacks_memory(void *arg)
{
    (void)arg;
    return pare_fail(PARE_ENOMEM, "no memory");
}

static int loops(void *arg)
{
    volatile int *always = arg;

    while (*always)
        ;
    return 0;
}

static void what_the_child_finds_is_the_answer(void **state)
{
    int touched = 0;

    (void)state;
    assert_int_equal(pare_trial(succeeds, &touched, "f", MEMORY), 0);
    assert_int_equal(touched, 0);
    assert_int_equal(pare_trial(complains, NULL, "f", MEMORY), PARE_EIO);
    assert_string_equal(pare_error(), "bad ?[2J name");
    assert_int_equal(pare_trial(lacks_memory, NULL, "f", MEMORY), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "'f' is damaged"));
}

static void a_child_that_dies_makes_an_error(void **state)
{
    void *nowhere = (void *)(uintptr_t)64;

    (void)state;
    assert_int_equal(pare_trial(crashes, nowhere, "f", MEMORY), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "would crash"));
    assert_int_equal(pare_trial(leaves, NULL, "f", MEMORY), PARE_EFORMAT);
}

static void an_endless_child_is_stopped(void **state)
{
    int always = 1;

    (void)state;
    assert_int_equal(pare_trial(loops, &always, "f", MEMORY), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "would not end"));
}

#ifndef SANITIZED
static int takes_memory(void *arg)
{
    char *p = malloc((size_t)MEMORY * 2);

    (void)arg;
    if (!p)
        return pare_fail(PARE_ENOMEM, "no memory");
    memset(p, 1, (size_t)MEMORY * 2);
    free(p);
    return 0;
}

static void memory_ends_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(pare_trial(takes_memory, NULL, "f", MEMORY), PARE_ELIMIT);
    assert_int_equal(pare_trial(takes_memory, NULL, "f", 4 * MEMORY), 0);
}
#endif

#if !defined(SANITIZED) && defined(__linux__) && defined(__x86_64__)
static int writes(void *arg)
{
    int fd = open(arg, O_WRONLY | O_CREAT, 0666);

    if (fd < 0)
        return pare_fail(PARE_EIO, "%s", strerror(errno));
    close(fd);
    return 0;
}

static int reads(void *arg)
{
    int fd = open(arg, O_RDONLY);

    if (fd < 0)
        return pare_fail(PARE_EIO, "%s", strerror(errno));
    close(fd);
    return 0;
}

/* Where the kernel has no seccomp this cannot hold; all of ours have it. */
static void the_child_reads_but_does_not_write(void **state)
{
    char name[] = "test_trial.tmp", self[] = "/dev/null";

    (void)state;
    if (access("/proc/sys/kernel/seccomp", F_OK) != 0)
        skip();
    assert_int_equal(pare_trial(writes, name, "f", MEMORY), PARE_EIO);
    assert_int_equal(access(name, F_OK), -1);
    assert_int_equal(pare_trial(reads, self, "f", MEMORY), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_child_finds_is_the_answer),
        cmocka_unit_test(a_child_that_dies_makes_an_error),
        cmocka_unit_test(an_endless_child_is_stopped),
#ifndef SANITIZED
        cmocka_unit_test(memory_ends_at_the_limit),
#endif
#if !defined(SANITIZED) && defined(__linux__) && defined(__x86_64__)
        cmocka_unit_test(the_child_reads_but_does_not_write),
#endif
    };

    return run_group(tests);
}
