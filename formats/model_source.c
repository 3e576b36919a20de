#include "model_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "status.h"

#define STEP ((size_t)1 << 20)

static int fail_read(const char *name)
{
    return pare_fail(PARE_EIO, "cannot read '%s': %s", name, strerror(errno));
}

/* Read until the buffer is full or the stream ends. */
static int fill(char *buf, size_t *n, size_t room, int fd, const char *name)
{
    *n = 0;
    while (*n < room) {
        ssize_t got = read(fd, buf + *n, room - *n);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return fail_read(name);
        *n += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* Copy what was read and the rest of a stream to an unlinked temporary:
 * nobody else can shorten it. */
static int spool(struct pare_source *s, const char *head, size_t n, int fd,
                 const char *name)
{
    struct pare_atomic to = {.fd = -1, .name = NULL};
    char *buf = malloc(STEP);
    FILE *f = tmpfile();
    size_t got, size = n;
    int err = 0;

    if (!f) {
        err = pare_fail(PARE_EIO, "cannot make a temporary file: %s",
                        strerror(errno));
        goto out;
    }
    if (!buf) {
        err = pare_fail(PARE_ENOMEM, "no memory");
        goto out;
    }
    to.fd = fileno(f);
    to.name = strdup("temporary file");
    err = to.name ? pare_atomic_put(&to, head, n)
                  : pare_fail(PARE_ENOMEM, "no memory");
    while (!err) {
        err = fill(buf, &got, STEP, fd, name);
        if (err || got == 0)
            break;
        err = pare_atomic_put(&to, buf, got);
        size += got;
    }
    if (!err) {
        int own = fcntl(to.fd, F_DUPFD_CLOEXEC, 0);

        if (own < 0)
            err = pare_fail(PARE_EIO, "cannot keep a temporary file: %s",
                            strerror(errno));
        else
            *s = (struct pare_source){.n = size, .fd = own};
    }
out:
    free(to.name);
    free(buf);
    if (f)
        fclose(f);
    return err;
}

/* A pipe or a terminal: its size is known when it has been read. */
static int read_stream(struct pare_source *s, int fd, const char *name,
                       size_t limit)
{
    size_t room = STEP < limit ? STEP : limit, n = 0, got = 0;
    char *buf = NULL;
    int err = 0;

    while (!err) {
        char *grown = realloc(buf, room + 1);

        if (!grown) {
            err = pare_fail(PARE_ENOMEM, "no memory");
            break;
        }
        buf = grown;
        err = fill(buf + n, &got, room + 1 - n, fd, name);
        n += got;
        if (err || n <= room || room == limit)
            break;
        room = room < limit / 2 ? 2 * room : limit;
    }
    if (!err && n > limit) {
        err = spool(s, buf, n, fd, name);
    } else if (!err) {
        *s = (struct pare_source){buf, n, -1};
        buf = NULL;
    }
    free(buf);
    return err;
}

/* A regular file: a small one is read, a large one only opened. */
static int open_regular(struct pare_source *s, const char *path, size_t limit)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return pare_fail(PARE_EIO, "cannot open '%s': %s", path,
                         strerror(errno));
    }
    if ((uintmax_t)st.st_size > limit || st.st_size > PARE_TRIAL_WHOLE) {
        *s = (struct pare_source){.n = (size_t)st.st_size, .fd = fd};
        return 0;
    }
    close(fd);
    *s = (struct pare_source){.fd = -1};
    return pare_read_file(&s->bytes, &s->n, path, SIZE_MAX / 2);
}

int pare_source_open(struct pare_source *s, const char *path, size_t limit)
{
    struct stat st;
    int fd, err;

    if (!path || strcmp(path, "-") == 0)
        return isatty(STDIN_FILENO)
                   ? pare_fail(PARE_EIO, "no model: standard input is a "
                                         "terminal, so name a file")
                   : read_stream(s, STDIN_FILENO, "standard input", limit);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return open_regular(s, path, limit);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pare_fail(PARE_EIO, "cannot open '%s': %s", path,
                         strerror(errno));
    err = read_stream(s, fd, path, limit);
    close(fd);
    return err;
}

void pare_source_close(struct pare_source *s)
{
    free(s->bytes);
    if (s->fd >= 0)
        close(s->fd);
    *s = (struct pare_source){.fd = -1};
}
