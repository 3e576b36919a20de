#include "data_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_file.h"
#include "status.h"

#define ROOM_MOST ((size_t)1 << 30)

/* Faults beside those of errno, which are above 0. */
enum { TOO_SHORT = -1, CHANGED = -2 };

struct file_feed {
    struct pare_feed feed; /* first: the one is the other */
    int fd;
    uint64_t at;
    size_t size;
    struct stat begun; /* the file as it was */
    atomic_int wrong;  /* 0, errno, or of the above; the first stays */
    char *name;
};

static void blame(struct file_feed *f, int what)
{
    int none = 0;

    atomic_compare_exchange_strong(&f->wrong, &none, what);
}

/* Read n bytes at an offset, or say what is wrong. */
static int read_at(const struct file_feed *f, char *to, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pread(f->fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : TOO_SHORT;
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static void feed_read(struct pare_feed *feed, void *out, size_t first, size_t n)
{
    struct file_feed *f = (struct file_feed *)feed;
    int wrong = ENOMEM;

    if (out)
        wrong = read_at(f, out, n * f->size, f->at + first * f->size);
    if (!wrong)
        return;
    blame(f, wrong);
    if (out)
        memset(out, 0, n * f->size);
}

static void feed_want(struct pare_feed *feed, const uint32_t *index, size_t n)
{
    const struct file_feed *f = (const struct file_feed *)feed;

    for (size_t i = 0; i < n; i++)
        posix_fadvise(f->fd, (off_t)(f->at + index[i] * (uint64_t)f->size),
                      (off_t)f->size, POSIX_FADV_WILLNEED);
}

static void look_for_change(struct file_feed *f)
{
    struct stat now;

    if (fstat(f->fd, &now) != 0)
        blame(f, errno);
    else if (now.st_size != f->begun.st_size ||
             now.st_mtim.tv_sec != f->begun.st_mtim.tv_sec ||
             now.st_mtim.tv_nsec != f->begun.st_mtim.tv_nsec)
        blame(f, CHANGED);
}

static int feed_fault(struct pare_feed *feed)
{
    struct file_feed *f = (struct file_feed *)feed;
    int wrong;

    look_for_change(f);
    wrong = atomic_load(&f->wrong);
    if (wrong == 0)
        return 0;
    if (wrong == ENOMEM)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (wrong > 0)
        return pare_fail(PARE_EIO, "cannot read '%s': %s", f->name,
                         strerror(wrong));
    return pare_fail(PARE_EIO, "'%s' %s while it was in use", f->name,
                     wrong == TOO_SHORT ? "became shorter" : "was changed");
}

static void feed_free(struct pare_feed *feed)
{
    struct file_feed *f = (struct file_feed *)feed;

    close(f->fd);
    free(f->name);
    free(f);
}

int pare_data_feed(struct pare_feed **out, int fd, uint64_t at, size_t size,
                   const char *name)
{
    struct file_feed *f = calloc(1, sizeof *f);
    int rc = 0;

    if (!f || !(f->name = strdup(name)))
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    else if (fstat(fd, &f->begun) != 0)
        rc = pare_fail(PARE_EIO, "cannot look at it: %s", strerror(errno));
    if (rc) {
        if (f)
            free(f->name);
        free(f);
        close(fd);
        return rc;
    }
    f->feed = (struct pare_feed){feed_read, feed_want, feed_fault, feed_free};
    f->fd = fd;
    f->at = at;
    f->size = size;
    *out = &f->feed;
    return 0;
}

/* A quarter of the machine's memory, if it tells. */
static size_t machine_room(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    if (pages <= 0 || page <= 0 ||
        (size_t)pages / 4 >= ROOM_MOST / (size_t)page)
        return ROOM_MOST;
    return (size_t)pages / 4 * (size_t)page;
}

int pare_data_room(size_t *room)
{
    const char *text = getenv("PARE_DATA_MEMORY");
    unsigned long long v;

    if (!text) {
        *room = machine_room();
        return 0;
    }
    errno = 0;
    v = strtoull(text, NULL, 10);
    if (!*text || text[strspn(text, "0123456789")] || errno || v > SIZE_MAX)
        return pare_fail(PARE_EINVAL,
                         "PARE_DATA_MEMORY is '%s', not a number of bytes",
                         text);
    *room = (size_t)v;
    return 0;
}
