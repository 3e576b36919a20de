#include "aside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "read_at.h"
#include "status.h"

#define BLOCK ((size_t)1 << 16)

struct pare_aside {
    FILE *f;
    size_t n;
    bool masked;
};

static int fail(const char *what)
{
    return pare_fail(PARE_EIO, "cannot %s a temporary file: %s", what,
                     strerror(errno));
}

struct pare_aside *pare_aside_new(void)
{
    struct pare_aside *a = calloc(1, sizeof *a);

    if (!a) {
        pare_fail(PARE_ENOMEM, "no memory");
        return NULL;
    }
    a->f = tmpfile();
    if (!a->f) {
        fail("make");
        free(a);
        return NULL;
    }
    return a;
}

void pare_aside_free(struct pare_aside *a)
{
    if (!a)
        return;
    fclose(a->f);
    free(a);
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Bytes to an empty stretch of the file; zeros are there already. */
static int put(const struct pare_aside *a, const void *bytes, size_t n,
               off_t at)
{
    const char *p = bytes;

    while (n > 0) {
        size_t size = n < BLOCK ? n : BLOCK;
        ssize_t done = (ssize_t)size;

        if (!is_zero(p, size))
            done = pwrite(fileno(a->f), p, size, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail("write");
        p += done;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

int pare_aside_put(struct pare_aside *a, const struct pare_tensor *t)
{
    const off_t values = (off_t)(t->n * sizeof(float));
    int fd = fileno(a->f), err;

    a->n = t->n;
    a->masked = t->mask != NULL;
    if (ftruncate(fd, 0) != 0 || ftruncate(fd, values + (off_t)t->n) != 0)
        return fail("size");
    err = put(a, t->value, (size_t)values, 0);
    return err || !t->mask ? err : put(a, t->mask, t->n, values);
}

static int get(void *out, const struct pare_aside *a, size_t n, uint64_t at)
{
    return pare_read_at(fileno(a->f), out, n, at) ? 0 : fail("read");
}

int pare_aside_get(float *value, uint8_t *mask, const struct pare_aside *a,
                   size_t first, size_t n)
{
    int err = get(value, a, n * sizeof *value, first * sizeof *value);

    if (!a->masked)
        memset(mask, 1, n);
    else if (!err)
        err = get(mask, a, n, a->n * sizeof *value + first);
    return err;
}
