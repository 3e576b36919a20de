#include "model_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atomic.h"
#include "status.h"

/* What the child has to say lies in memory that both see. */
struct report {
    int err;
    char message[1024];
    struct pare_stored stored[]; /* [n_tensors] */
};

/* The child: build the file with HDF5 itself and leave. */
static void child(const char *path, const struct pare_model *m,
                  const struct pare_model_file *info, struct report *report,
                  pid_t parent)
{
    struct pare_model_file own = *info;
    struct pare_h5w *w = NULL;
    int err = pare_model_begin(&w, path, info);

    own.stored = report->stored;
    if (!err)
        err = pare_model_build(w, m, &own);
    if (!err)
        err = pare_h5w_finish(NULL, NULL, w);
    report->err = err;
    if (err)
        snprintf(report->message, sizeof report->message, "%s", pare_error());
    /* Without its parent the file has no future. */
    if (getppid() != parent)
        unlink(path);
    /* libhdf5 may die in its exit handlers after a full disk. */
    _exit(0);
}

static int wait_for(pid_t pid, const struct report *report)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return pare_fail(PARE_EIO, "cannot wait for a child: %s",
                             strerror(errno));
    if (WIFSIGNALED(status))
        return pare_fail(PARE_EIO,
                         "the process that wrote the file died "
                         "of signal %d",
                         WTERMSIG(status));
    if (report->err)
        return pare_fail(report->err, "%s", report->message);
    return 0;
}

/* Write the file at `path` in a child process. */
static int build_in_child(const char *path, const struct pare_model *m,
                          struct pare_model_file *info)
{
    size_t stored = m->n_tensors * sizeof *info->stored;
    size_t size = sizeof(struct report) + stored;
    struct report *report;
    pid_t parent = getpid(), pid;
    int err;

    /* MAP_ANONYMOUS is not in POSIX.1-2008: share an unlinked file. */
    FILE *f = tmpfile();

    if (!f || ftruncate(fileno(f), (off_t)size) != 0) {
        if (f)
            fclose(f);
        return pare_fail(PARE_EIO, "cannot make a temporary file: %s",
                         strerror(errno));
    }
    report = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
    fclose(f);
    if (report == MAP_FAILED)
        return pare_fail(PARE_ENOMEM, "no memory");
    report->err = PARE_EIO;
    strcpy(report->message, "the file was not written");
    pid = fork();
    if (pid == 0)
        child(path, m, info, report, parent);
    err = pid < 0 ? pare_fail(PARE_EIO, "cannot start a process: %s",
                              strerror(errno))
                  : wait_for(pid, report);
    if (!err)
        memcpy(info->stored, report->stored, stored);
    munmap(report, size);
    return err;
}

/* Into a pipe or a device: by way of an unlinked temporary. */
static int copy_out(struct pare_atomic *a, const struct pare_model *m,
                    struct pare_model_file *info)
{
    const char *dir = getenv("TMPDIR");
    char path[4096], buf[1 << 16];
    ssize_t got = 1;
    int fd, err;

    snprintf(path, sizeof path, "%s/pare-XXXXXX", dir ? dir : "/tmp");
    fd = mkstemp(path);
    if (fd < 0)
        return pare_fail(PARE_EIO, "cannot create '%s': %s", path,
                         strerror(errno));
    err = build_in_child(path, m, info);
    unlink(path);
    while (!err && got != 0) {
        got = read(fd, buf, sizeof buf);
        if (got < 0 && errno != EINTR)
            err = pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                            strerror(errno));
        else if (got > 0) {
            err = pare_atomic_put(a, buf, (size_t)got);
            info->bytes += (uint64_t)got;
        }
    }
    close(fd);
    return err;
}

int pare_model_spawn(const char *path, const struct pare_model *m,
                     struct pare_model_file *info)
{
    struct pare_atomic a;
    struct stat st;
    int err = pare_atomic_begin(&a, path);

    if (err)
        return err;
    info->bytes = 0;
    if (a.inplace) {
        err = copy_out(&a, m, info);
    } else {
        err = build_in_child(a.temp, m, info);
        if (!err && fstat(a.fd, &st) != 0)
            err = pare_fail(PARE_EIO, "cannot look at '%s': %s", a.temp,
                            strerror(errno));
        if (!err)
            info->bytes = (uint64_t)st.st_size;
    }
    if (!err)
        return pare_atomic_commit(&a);
    pare_atomic_cancel(&a);
    return err;
}
