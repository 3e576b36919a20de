#include "atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

#define LINKS_MAX  40 /* symbolic links followed, as in Linux */
#define WRITE_MAX  ((size_t)1 << 30)
#define MADE_BLOCK ((size_t)1 << 20) /* bytes made at a time */
#define READ_CHUNK ((size_t)1 << 16)
#define HOLE_MIN   ((size_t)4096)

/* The temporary being written, for pare_atomic_abandon(). */
static char *volatile current;

/* What is spooled and its folder, while that is so. */
static char spooled[4096], spool[4096];
static volatile sig_atomic_t spooling;

void pare_atomic_abandon(void)
{
    const char *temp = current;
    int saved = errno;

    if (temp)
        unlink(temp);
    if (spooling) {
        unlink(spooled);
        rmdir(spool);
    }
    errno = saved;
}

void pare_atomic_spooled(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    spooling = 0;
    if (!slash || strlen(path) >= sizeof spooled)
        return;
    strcpy(spooled, path);
    memcpy(spool, path, (size_t)(slash - path));
    spool[slash - path] = '\0';
    spooling = 1;
}

static bool is_stdio(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

static int fail_errno(const char *what, const char *name)
{
    return pare_fail(PARE_EIO, "cannot %s '%s': %s", what, name,
                     strerror(errno));
}

/* Length of the directory part of a path, its slash included. */
static size_t dir_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* a[0..n) and b as one string, malloc'd. */
static char *concat(const char *a, size_t n, const char *b)
{
    size_t m = strlen(b);
    char *s = malloc(n + m + 1);

    if (!s)
        return NULL;
    memcpy(s, a, n);
    memcpy(s + n, b, m + 1);
    return s;
}

/* What a symbolic link says, malloc'd; errno is set on failure. */
static char *read_link(const char *path)
{
    size_t size = 256;

    for (;;) {
        char *buf = malloc(size);
        ssize_t n;

        if (!buf)
            return NULL;
        n = readlink(path, buf, size);
        if (n >= 0 && (size_t)n < size) {
            buf[n] = '\0';
            return buf;
        }
        free(buf);
        if (n < 0)
            return NULL;
        size *= 2;
    }
}

/* The path a chain of symbolic links ends in, whether it exists or not. */
static int follow_links(char **target, const char *path)
{
    char *p = concat(path, strlen(path), "");

    for (int i = 0; p && i < LINKS_MAX; i++) {
        struct stat st;
        char *link, *next;

        if (lstat(p, &st) != 0 || !S_ISLNK(st.st_mode)) {
            *target = p;
            return 0;
        }
        link = read_link(p);
        if (!link) {
            free(p);
            return fail_errno("follow", path);
        }
        next = concat(p, link[0] == '/' ? 0 : dir_length(p), link);
        free(link);
        free(p);
        p = next;
    }
    if (!p)
        return pare_fail(PARE_ENOMEM, "no memory");
    free(p);
    errno = ELOOP;
    return fail_errno("follow", path);
}

/* Take the lock that tells a living writer from a dead one's remains. */
static bool lock_taken_by_other(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_SETLK, &lock) != 0 &&
           (errno == EAGAIN || errno == EACCES);
}

/* Remove a temporary that nobody writes any more. */
static int remove_stale(const char *temp)
{
    int fd = open(temp, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0) {
        bool busy = lock_taken_by_other(fd);

        close(fd);
        if (busy)
            return pare_fail(PARE_EIO, "another process is writing '%s'", temp);
    }
    if (unlink(temp) != 0 && errno != ENOENT)
        return fail_errno("remove", temp);
    return 0;
}

/* Open the temporary; no signal may come between that and its being known. */
static int open_known(const struct pare_atomic *a)
{
    sigset_t all, old;
    int fd, reason;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    fd = open(a->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0666);
    reason = errno;
    if (fd >= 0)
        current = a->temp;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = reason;
    return fd;
}

static int open_temp(struct pare_atomic *a)
{
    for (int i = 0; i < 3; i++) {
        int err;

        a->fd = open_known(a);
        if (a->fd >= 0) {
            lock_taken_by_other(a->fd);
            return 0;
        }
        if (errno == EINTR)
            continue;
        if (errno != EEXIST)
            return fail_errno("create", a->temp);
        err = remove_stale(a->temp);
        if (err)
            return err;
    }
    return fail_errno("create", a->temp);
}

static int begin_inplace(struct pare_atomic *a, const char *path)
{
    a->inplace = true;
    do
        a->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    while (a->fd < 0 && errno == EINTR);
    return a->fd < 0 ? fail_errno("open", path) : 0;
}

static int begin_temp(struct pare_atomic *a, const struct stat *old)
{
    int err = open_temp(a);

    if (!err && old && fchmod(a->fd, old->st_mode & 07777) != 0)
        err = fail_errno("set the mode of", a->temp);
    return err;
}

int pare_atomic_begin(struct pare_atomic *a, const char *path)
{
    struct stat st;
    bool exists;
    int err;

    *a = (struct pare_atomic){.fd = -1};
    if (is_stdio(path)) {
        a->inplace = true;
        a->fd = STDOUT_FILENO;
        a->name = concat("standard output", 15, "");
        return a->name ? 0 : pare_fail(PARE_ENOMEM, "no memory");
    }
    a->name = concat(path, strlen(path), "");
    if (!a->name)
        return pare_fail(PARE_ENOMEM, "no memory");
    exists = stat(path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode)) {
        err = begin_inplace(a, path);
    } else if (exists && access(path, W_OK) != 0) {
        err = fail_errno("write", path);
    } else {
        err = follow_links(&a->target, path);
        if (!err) {
            a->temp = concat(a->target, strlen(a->target), ".pare-tmp");
            err = a->temp ? begin_temp(a, exists ? &st : NULL)
                          : pare_fail(PARE_ENOMEM, "no memory");
        }
    }
    if (err)
        pare_atomic_cancel(a);
    return err;
}

int pare_atomic_put(struct pare_atomic *a, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(a->fd, p, n < WRITE_MAX ? n : WRITE_MAX);

        if (done < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno("write", a->name);
        }
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int pare_atomic_put_holes(struct pare_atomic *a, const void *bytes, size_t n)
{
    const char *p = bytes;

    /* Less than a block of the file system would not become a hole. */
    if (a->inplace || n < HOLE_MIN || p[0] || memcmp(p, p + 1, n - 1) != 0)
        return pare_atomic_put(a, bytes, n);
    return lseek(a->fd, (off_t)n, SEEK_CUR) < 0 ? fail_errno("write", a->name)
                                                : 0;
}

/* The file may end in a hole. */
static int set_size(const struct pare_atomic *a)
{
    struct stat st;
    off_t end = lseek(a->fd, 0, SEEK_CUR);

    if (end < 0 || fstat(a->fd, &st) != 0 ||
        (end > st.st_size && ftruncate(a->fd, end) != 0))
        return fail_errno("write", a->name);
    return 0;
}

/* Is the file at the temporary's path still the one that we wrote? */
static bool still_ours(const struct pare_atomic *a)
{
    struct stat ours, there;

    return fstat(a->fd, &ours) == 0 && lstat(a->temp, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* The rename has happened: a failure here leaves the whole new file. */
static int sync_directory(const struct pare_atomic *a)
{
    size_t n = dir_length(a->target);
    char *dir = concat(n ? a->target : ".", n ? n : 1, "");
    int err = 0, fd;

    if (!dir)
        return pare_fail(PARE_ENOMEM, "no memory");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A directory may be writable but not readable; that is no fault. */
    if (fd >= 0) {
        if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
            err = fail_errno("sync the directory of", a->name);
        close(fd);
    }
    free(dir);
    return err;
}

static int sync_fd(int fd)
{
    int r;

    do
        r = fsync(fd);
    while (r != 0 && errno == EINTR);
    return r;
}

static int commit_temp(struct pare_atomic *a)
{
    int fd, err = set_size(a);

    if (err)
        return err;
    if (sync_fd(a->fd) != 0)
        return fail_errno("write", a->name);
    if (!still_ours(a))
        return pare_fail(PARE_EIO, "'%s' was replaced while it was written",
                         a->temp);
    fd = a->fd;
    a->fd = -1;
    if (close(fd) != 0 && errno != EINTR)
        return fail_errno("write", a->name);
    if (rename(a->temp, a->target) != 0)
        return fail_errno("replace", a->name);
    current = NULL;
    free(a->temp);
    a->temp = NULL;
    return sync_directory(a);
}

int pare_atomic_commit(struct pare_atomic *a)
{
    int err = 0;

    if (!a->inplace) {
        err = commit_temp(a);
    } else if (a->fd != STDOUT_FILENO) {
        int fd = a->fd;

        a->fd = -1;
        if (close(fd) != 0 && errno != EINTR)
            err = fail_errno("write", a->name);
    }
    pare_atomic_cancel(a);
    return err;
}

void pare_atomic_cancel(struct pare_atomic *a)
{
    /* Only a temporary that this process opened is removed. */
    if (a->temp && current == a->temp) {
        unlink(a->temp);
        current = NULL;
    }
    if (a->fd >= 0 && a->fd != STDOUT_FILENO)
        close(a->fd);
    free(a->name);
    free(a->target);
    free(a->temp);
    *a = (struct pare_atomic){.fd = -1};
}

int pare_atomic_write(const char *path, const void *bytes, size_t n)
{
    return pare_atomic_write_pieces(
        path, &(struct pare_piece){.bytes = bytes, .n = n}, 1);
}

/* A piece whose bytes are made, a block at a time. */
static int put_made(struct pare_atomic *a, const struct pare_piece *piece)
{
    size_t room = piece->n < MADE_BLOCK ? piece->n : MADE_BLOCK;
    char *block = malloc(room + 1);
    int err = block ? 0 : pare_fail(PARE_ENOMEM, "no memory");

    for (size_t at = 0; !err && at < piece->n; at += room) {
        size_t n = piece->n - at < room ? piece->n - at : room;

        piece->make(piece->arg, block, at, n);
        err = pare_atomic_put(a, block, n);
    }
    free(block);
    return err;
}

int pare_atomic_write_pieces(const char *path, const struct pare_piece *piece,
                             size_t n)
{
    struct pare_atomic a;
    int err = pare_atomic_begin(&a, path);

    if (err)
        return err;
    for (size_t i = 0; !err && i < n; i++)
        err = piece[i].make ? put_made(&a, &piece[i])
                            : pare_atomic_put(&a, piece[i].bytes, piece[i].n);
    if (!err)
        return pare_atomic_commit(&a);
    pare_atomic_cancel(&a);
    return err;
}

/* Room for a regular file's whole size and a byte, so that it fits. */
static int first_size(size_t *size, int fd, const char *name, size_t limit)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail_errno("read", name);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return fail_errno("read", name);
    }
    *size = READ_CHUNK;
    if (S_ISREG(st.st_mode)) {
        if ((uintmax_t)st.st_size > limit)
            return pare_fail(PARE_ELIMIT,
                             "'%s' is larger than the limit of %zu bytes", name,
                             limit);
        *size = (size_t)st.st_size + 1;
    }
    return 0;
}

static int read_all(void **bytes, size_t *n, int fd, const char *name,
                    size_t limit)
{
    size_t size, have = 0;
    char *buf = NULL;
    int err = first_size(&size, fd, name, limit);

    if (err)
        return err;
    while (!err) {
        ssize_t got;

        if (!buf || have == size) {
            size_t more = buf ? 2 * size : size;
            char *grown = realloc(buf, more);

            if (!grown) {
                err = pare_fail(PARE_ENOMEM, "no memory to read '%s'", name);
                break;
            }
            buf = grown;
            size = more;
        }
        got = read(fd, buf + have, size - have);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            err = fail_errno("read", name);
        else if (got > 0)
            have += (size_t)got;
        if (!err && have > limit)
            err = pare_fail(PARE_ELIMIT,
                            "'%s' is larger than the limit of %zu bytes", name,
                            limit);
    }
    if (err) {
        free(buf);
        return err;
    }
    *bytes = buf;
    *n = have;
    return 0;
}

int pare_read_file(void **bytes, size_t *n, const char *path, size_t limit)
{
    int fd, err;

    if (is_stdio(path))
        return read_all(bytes, n, STDIN_FILENO, "standard input", limit);
    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail_errno("open", path);
    err = read_all(bytes, n, fd, path, limit);
    close(fd);
    return err;
}
