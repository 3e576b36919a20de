#include "npz.h"

#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "status.h"
#include "zip.h"

struct pare_npz {
    struct pare_zip *zip;
    size_t n;
    char **name; /* [n] of the arrays, in order: without .npy */
};

/* The name of an array in a member's, malloc'd. */
static char *array_name(const char *member)
{
    size_t n = strlen(member);
    char *name = malloc(n + 1);

    if (!name)
        return NULL;
    memcpy(name, member, n + 1);
    if (n > 4 && strcmp(name + n - 4, ".npy") == 0)
        name[n - 4] = '\0';
    return name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a" and "a.npy" would both be the array a. */
static int check_twice(const struct pare_npz *z, const char *path)
{
    char **sorted = malloc((z->n + 1) * sizeof *sorted);
    int rc = 0;

    if (!sorted)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(sorted, z->name, z->n * sizeof *sorted);
    qsort(sorted, z->n, sizeof *sorted, by_name);
    for (size_t i = 1; !rc && i < z->n; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            rc = pare_fail(PARE_EFORMAT, "'%s' has two arrays '%s'", path,
                           sorted[i]);
    free(sorted);
    return rc;
}

static int take_names(struct pare_npz *z, const char *path)
{
    size_t n = 0;

    while (pare_zip_name(z->zip, n))
        n++;
    if (n > PARE_NPZ_MEMBERS)
        return pare_fail(PARE_ELIMIT, "'%s' has more than %d members", path,
                         PARE_NPZ_MEMBERS);
    z->name = calloc(n + 1, sizeof *z->name);
    if (!z->name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (; z->n < n; z->n++) {
        z->name[z->n] = array_name(pare_zip_name(z->zip, z->n));
        if (!z->name[z->n])
            return pare_fail(PARE_ENOMEM, "out of memory");
    }
    return check_twice(z, path);
}

/* The arrays of an archive, which is taken over. */
static int make(struct pare_npz **out, struct pare_zip *zip, const char *path)
{
    struct pare_npz *z = calloc(1, sizeof *z);
    int rc;

    if (!z) {
        pare_zip_free(zip);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    z->zip = zip;
    rc = take_names(z, path);
    if (rc)
        pare_npz_free(z);
    else
        *out = z;
    return rc;
}

int pare_npz_parse(struct pare_npz **z, void *bytes, size_t n, const char *path)
{
    struct pare_zip *zip = NULL;
    int rc = pare_zip_parse(&zip, bytes, n, path);

    return rc ? rc : make(z, zip, path);
}

int pare_npz_view(struct pare_npz **z, const void *bytes, size_t n,
                  const char *path)
{
    struct pare_zip *zip = NULL;
    int rc = pare_zip_view(&zip, bytes, n, path);

    return rc ? rc : make(z, zip, path);
}

struct pare_zip *pare_npz_take(struct pare_npz *z)
{
    struct pare_zip *zip = z->zip;

    z->zip = NULL;
    return zip;
}

int pare_npz_open(struct pare_npz **z, const char *path)
{
    void *bytes = NULL;
    size_t n = 0;
    int rc = pare_read_file(&bytes, &n, path, PARE_NPY_LIMIT);

    return rc ? rc : pare_npz_parse(z, bytes, n, path);
}

void pare_npz_free(struct pare_npz *z)
{
    if (!z)
        return;
    for (size_t i = 0; i < z->n; i++)
        free(z->name[i]);
    free(z->name);
    pare_zip_free(z->zip);
    free(z);
}

bool pare_npz_has(const struct pare_npz *z, const char *name)
{
    for (size_t i = 0; i < z->n; i++)
        if (strcmp(z->name[i], name) == 0)
            return true;
    return false;
}

const char *pare_npz_name(const struct pare_npz *z, size_t index)
{
    return index < z->n ? z->name[index] : NULL;
}

void pare_npz_names(char *buf, size_t n, const struct pare_npz *z)
{
    size_t at = 0;

    for (size_t i = 0; i < z->n; i++) {
        const char *name = z->name[i];
        size_t size = strlen(name);

        if (n - at < size + 8) {
            memcpy(buf + at, ", ...", 6);
            return;
        }
        if (i > 0) {
            memcpy(buf + at, ", ", 2);
            at += 2;
        }
        memcpy(buf + at, name, size);
        at += size;
    }
    buf[at] = '\0';
}

int pare_npz_read(struct pare_npy *a, const struct pare_npz *z,
                  const char *name, const char *label)
{
    char *member = malloc(strlen(name) + sizeof ".npy");
    void *bytes = NULL;
    size_t n = 0;
    int rc;

    if (!member)
        return pare_fail(PARE_ENOMEM, "out of memory");
    strcpy(member, name);
    strcat(member, ".npy");
    rc = pare_zip_read(&bytes, &n, z->zip,
                       pare_zip_has(z->zip, member) ? member : name,
                       PARE_NPY_LIMIT, label);
    free(member);
    return rc ? rc : pare_npy_parse(a, bytes, n, label);
}
