/* SEEK_DATA is not of POSIX.1-2008. */
#ifdef __linux__
#undef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "read_at.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HOLE_MIN ((size_t)1 << 20) /* fewer bytes are just read */

static bool read_all(int fd, char *out, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pread(fd, out, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : 0;
            return false;
        }
        out += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

#if defined(SEEK_DATA) && defined(SEEK_HOLE)

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* How many of n bytes are a hole, and how many behind it are data. */
static void find_hole(size_t *hole, size_t *data, int fd, size_t n, uint64_t at)
{
    off_t first = lseek(fd, (off_t)at, SEEK_DATA), end;

    *hole = 0;
    *data = n;
    if (first < 0 && errno != ENXIO)
        return;
    *hole = first < 0 ? n : least((uint64_t)first - at, n);
    *data = n - *hole;
    if (*data == 0)
        return;
    end = lseek(fd, first, SEEK_HOLE);
    if (end > first)
        *data = least((uint64_t)(end - first), *data);
}

bool pare_read_at(int fd, void *out, size_t n, uint64_t at)
{
    char *to = out, last;
    size_t hole, data;

    /* All of it is in the file, or a hole may not be one. */
    if (n >= HOLE_MIN && !read_all(fd, &last, 1, at + n - 1))
        return false;
    while (n >= HOLE_MIN) {
        find_hole(&hole, &data, fd, n, at);
        memset(to, 0, hole);
        if (!read_all(fd, to + hole, data, at + hole))
            return false;
        to += hole + data;
        at += hole + data;
        n -= hole + data;
    }
    return read_all(fd, to, n, at);
}

#else

bool pare_read_at(int fd, void *out, size_t n, uint64_t at)
{
    return read_all(fd, out, n, at);
}

#endif
