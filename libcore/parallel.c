#define _GNU_SOURCE /* sched_getaffinity */
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * A pool of our own rather than OpenMP's teams, for machines that others
 * use too: OpenMP gives each thread its fixed share and then spins at a
 * barrier, so that one thread without a core stops all (measured: a tenth of
 * the speed of one thread). Here a thread that runs takes over the tasks of
 * one that does not, and nobody spins for longer than a wake-up costs.
 */

#define PARTIES_MAX 256   /* threads of one region, the caller among them */
#define SPIN        60000 /* ns before sleeping: a wake-up costs about 55 us */
#define LOOKS       64    /* between two looks at the clock, some 1 to 3 us */

/* Tasks that a thread begins with: next in the low half, end in the high. */
struct share {
    _Alignas(64) _Atomic uint64_t range;
};

static struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    _Atomic bool busy;       /* a region runs */
    _Atomic unsigned region; /* its number */
    _Atomic int sleeping;    /* workers that must be woken */
    _Atomic bool waiting;    /* the caller must be woken */
    _Atomic size_t left;     /* tasks not finished */
    _Atomic size_t parties;
    bool quit;
    bool settled; /* the lock is held for a fork */
    size_t n_workers;
    pthread_t worker[PARTIES_MAX];
    struct share share[PARTIES_MAX];
    /* Written while no task is left, read by who has claimed one. */
    void (*task)(void *arg, size_t i);
    void *arg;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Spinning, since when and how often. */
struct patience {
    uint64_t since;
    unsigned looks;
};

/* Wait a little; false if that was long enough. */
static bool spin(struct patience *p)
{
    struct timespec t;
    uint64_t now;

    relax();
    if (p->looks++ % LOOKS != 0)
        return true;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    if (p->looks == 1)
        p->since = now;
    return now - p->since < SPIN;
}

/*
 * Take a task out of a share. Claiming keeps the region from ending, so
 * pool.task and pool.arg are those of the task claimed, even for a thread
 * that was asleep since an earlier region.
 */
static bool claim(struct share *s, size_t *i)
{
    uint64_t r = atomic_load_explicit(&s->range, memory_order_acquire);

    do {
        *i = (uint32_t)r;
        if (*i >= r >> 32)
            return false;
    } while (!atomic_compare_exchange_weak(&s->range, &r, r + 1));
    return true;
}

static void finish_one(void)
{
    if (atomic_fetch_sub(&pool.left, 1) != 1)
        return;
    if (!atomic_load(&pool.waiting))
        return;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_signal(&pool.done);
    pthread_mutex_unlock(&pool.lock);
}

/* The own share first, for the sake of caches, then those of the others. */
static void work(size_t self)
{
    size_t parties = atomic_load(&pool.parties), i;

    for (size_t k = 0; k < parties; k++) {
        struct share *s = &pool.share[(self + k) % parties];

        while (claim(s, &i)) {
            pool.task(pool.arg, i);
            finish_one();
        }
    }
}

/* Wait for another region than the one seen; false at the end. */
static bool next_region(unsigned *seen)
{
    struct patience patience = {0};
    bool go;

    do
        if (atomic_load(&pool.region) != *seen) {
            *seen = atomic_load(&pool.region);
            return true;
        }
    while (spin(&patience));
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleeping, 1);
    while (!pool.quit && atomic_load(&pool.region) == *seen)
        pthread_cond_wait(&pool.work, &pool.lock);
    atomic_fetch_sub(&pool.sleeping, 1);
    go = !pool.quit;
    *seen = atomic_load(&pool.region);
    pthread_mutex_unlock(&pool.lock);
    return go;
}

static void *worker(void *arg)
{
    size_t self = (size_t)((struct share *)arg - pool.share);
    unsigned seen = 0;

    do
        work(self);
    while (next_region(&seen));
    return NULL;
}

/*
 * Before a fork: let all workers go to sleep. One that is still beginning, or
 * ending a region, may hold a lock of the C library or of a sanitizer, which
 * nobody would release in the child.
 */
static void settle(void)
{
    pool.settled = !atomic_load(&pool.busy);
    if (!pool.settled)
        return;
    while ((size_t)atomic_load(&pool.sleeping) < pool.n_workers)
        sched_yield();
    pthread_mutex_lock(&pool.lock);
}

static void go_on(void)
{
    if (pool.settled)
        pthread_mutex_unlock(&pool.lock);
}

/* A forked child has none of the threads. */
static void forget(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.done, NULL);
    atomic_store(&pool.busy, false);
    atomic_store(&pool.sleeping, 0);
    pool.n_workers = 0;
}

__attribute__((destructor)) static void dismiss(void)
{
    if (atomic_load(&pool.busy))
        return; /* the process ends inside a region */
    pthread_mutex_lock(&pool.lock);
    pool.quit = true;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (size_t i = 0; i < pool.n_workers; i++)
        pthread_join(pool.worker[i], NULL);
    pool.n_workers = 0;
}

/* Have `n` workers, or as many as can be had; they take no signals. */
static size_t hire(size_t n)
{
    static bool registered;
    sigset_t all, old;

    if (pool.n_workers >= n)
        return n;
    if (!registered)
        registered = pthread_atfork(settle, go_on, forget) == 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool.n_workers < n &&
           pthread_create(&pool.worker[pool.n_workers], NULL, worker,
                          &pool.share[pool.n_workers + 1]) == 0)
        pool.n_workers++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pool.n_workers;
}

/* Hand out the shares and wake who sleeps. */
static void open_region(size_t parties, size_t n)
{
    atomic_store(&pool.left, n);
    atomic_store(&pool.parties, parties);
    for (size_t p = 0; p < parties; p++)
        atomic_store(&pool.share[p].range, (uint64_t)(n * (p + 1) / parties)
                                                   << 32 |
                                               (uint64_t)(n * p / parties));
    atomic_fetch_add(&pool.region, 1);
    if (atomic_load(&pool.sleeping) == 0)
        return;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

/* Wait for the tasks that others have begun. */
static void close_region(void)
{
    struct patience patience = {0};

    do
        if (atomic_load(&pool.left) == 0)
            return;
    while (spin(&patience));
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, true);
    while (atomic_load(&pool.left) > 0)
        pthread_cond_wait(&pool.done, &pool.lock);
    atomic_store(&pool.waiting, false);
    pthread_mutex_unlock(&pool.lock);
}

static void serial(size_t n, void (*task)(void *arg, size_t i), void *arg)
{
    for (size_t i = 0; i < n; i++)
        task(arg, i);
}

void pare_parallel(int threads, size_t n, void (*task)(void *arg, size_t i),
                   void *arg)
{
    size_t parties = threads < 1 ? 1 : (size_t)threads;

    parties = parties < n ? parties : n;
    parties = parties < PARTIES_MAX ? parties : PARTIES_MAX;
    /* A second caller, or a task's own region, does without the pool. */
    if (parties <= 1 || n > UINT32_MAX || atomic_exchange(&pool.busy, true)) {
        serial(n, task, arg);
        return;
    }
    parties = hire(parties - 1) + 1;
    pool.task = task;
    pool.arg = arg;
    open_region(parties, n);
    work(0);
    close_region();
    atomic_store(&pool.busy, false);
}

int pare_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return 1;
}
