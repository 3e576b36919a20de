#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parallel.h"

enum { TASKS = 1000 };

static atomic_int done[TASKS];

static void clear(void)
{
    for (int i = 0; i < TASKS; i++)
        atomic_store(&done[i], 0);
}

static void count(void *arg, size_t i)
{
    atomic_fetch_add((atomic_int *)arg + i, 1);
}

static void run_and_check(int threads, size_t n)
{
    clear();
    pare_parallel(threads, n, count, done);
    for (size_t i = 0; i < TASKS; i++)
        assert_int_equal(atomic_load(&done[i]), i < n);
}

static void every_task_is_done_once_before_it_returns(void **state)
{
    static const int threads[] = {0, 1, 2, 3, 5, 300};
    static const size_t n[] = {0, 1, 2, 3, 7, TASKS};

    (void)state;
    for (int round = 0; round < 200; round++)
        for (int t = 0; t < 6; t++)
            run_and_check(threads[t], n[round % 6]);
}

static void after_a_pause_threads_wake_up(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        const struct timespec t = {0, 1000000};

        nanosleep(&t, NULL);
        run_and_check(2, 50);
    }
}

static void inner(void *arg, size_t i)
{
    (void)arg;
    pare_parallel(2, 10, count, done + 10 * i);
}

static void a_task_may_have_tasks(void **state)
{
    (void)state;
    clear();
    pare_parallel(2, TASKS / 10, inner, NULL);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(atomic_load(&done[i]), 1);
}

static void *caller(void *arg)
{
    for (int i = 0; i < 500; i++)
        pare_parallel(2, 20, count, arg);
    return NULL;
}

static void callers_do_not_disturb_each_other(void **state)
{
    pthread_t thread[3];

    (void)state;
    clear();
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, caller, done + 20 * i), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 60; i++)
        assert_int_equal(atomic_load(&done[i]), 500);
}

static void a_forked_child_can_go_on(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    /* More threads each time, so that some have only just begun. */
    for (int threads = 2; threads < 34; threads++) {
        run_and_check(threads, 1);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            int sum = 0;

            alarm(20);
            clear();
            free(malloc(1000));
            pare_parallel(2, TASKS, count, done);
            for (int i = 0; i < TASKS; i++)
                sum += atomic_load(&done[i]);
            _exit(sum != TASKS);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        run_and_check(threads, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_is_done_once_before_it_returns),
        cmocka_unit_test(after_a_pause_threads_wake_up),
        cmocka_unit_test(a_task_may_have_tasks),
        cmocka_unit_test(callers_do_not_disturb_each_other),
        cmocka_unit_test(a_forked_child_can_go_on),
    };

    return run_group(tests);
}
