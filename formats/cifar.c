#include "cifar.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomic.h"
#include "status.h"

#define IMAGE     3072
#define FILES_MAX 1000  /* in a directory */
#define NAMES_MAX 65536 /* bytes of a file of class names */

/* What one kind's files are like. */
struct kind {
    const char *train, *test; /* how names begin */
    bool numbered;            /* train, a number, .bin */
    size_t labels, label;     /* of a record, and which of them is meant */
    size_t classes;
    const char *names;
};

static const struct kind kinds[] = {
    [PARE_CIFAR_10] = {"data_batch_", "test_batch", true, 1, 0, 10,
                       "batches.meta.txt"},
    [PARE_CIFAR_100_FINE] = {"train.", "test.", false, 2, 1, 100,
                             "fine_label_names.txt"},
    [PARE_CIFAR_100_COARSE] = {"train.", "test.", false, 2, 0, 20,
                               "coarse_label_names.txt"},
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Take the records of a file over to the end of a split. */
static int add_records(struct pare_split *s, const struct kind *k,
                       const unsigned char *bytes, size_t n, const char *path)
{
    size_t record = k->labels + IMAGE, more = n / record;
    unsigned char *x = realloc(s->x, (s->n + more) * IMAGE);
    int32_t *y;

    if (!x)
        return no_memory();
    s->x = x;
    y = realloc(s->y, (s->n + more) * sizeof *y);
    if (!y)
        return no_memory();
    s->y = y;
    for (size_t i = 0; i < more; i++) {
        const unsigned char *at = bytes + i * record;

        if (at[k->label] >= k->classes)
            return pare_fail(PARE_EFORMAT,
                             "'%s': label %d of record %zu is not within 0 "
                             "to %zu",
                             path, at[k->label], i, k->classes - 1);
        memcpy(x + (s->n + i) * IMAGE, at + k->labels, IMAGE);
        y[s->n + i] = at[k->label];
    }
    s->n += more;
    return 0;
}

static int read_batch(struct pare_dataset *d, const struct kind *k,
                      const char *path)
{
    size_t record = k->labels + IMAGE, have, n = 0;
    bool test = begins(base_name(path), k->test);
    void *bytes = NULL;
    int rc;

    have = (d->split[PARE_TRAIN].n + d->split[PARE_TEST].n) * record;
    if (have >= PARE_CIFAR_LIMIT)
        return pare_fail(PARE_ELIMIT, "more than %zu bytes of samples",
                         (size_t)PARE_CIFAR_LIMIT);
    if ((rc = pare_read_file(&bytes, &n, path, PARE_CIFAR_LIMIT - have)) != 0)
        return rc;
    if (n == 0)
        rc = pare_fail(PARE_EFORMAT, "'%s' is empty", path);
    else if (n % record != 0)
        rc = pare_fail(PARE_EFORMAT,
                       "'%s': %zu bytes are not a number of records of %zu",
                       path, n, record);
    else
        rc = add_records(&d->split[test ? PARE_TEST : PARE_TRAIN], k, bytes, n,
                         path);
    free(bytes);
    return rc;
}

/* Split a text into lines that are not blank. */
static int take_names(struct pare_dataset *d, char *text, const char *path)
{
    size_t n = 0;
    char *rest = NULL;

    d->class_name = calloc(d->n_classes, sizeof *d->class_name);
    if (!d->class_name)
        return no_memory();
    for (char *line = strtok_r(text, "\r\n", &rest); line;
         line = strtok_r(NULL, "\r\n", &rest)) {
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (n < d->n_classes && !(d->class_name[n] = strdup(line)))
            return no_memory();
        n++;
    }
    if (n != d->n_classes)
        return pare_fail(PARE_EFORMAT, "'%s' has %zu names, expected %zu", path,
                         n, d->n_classes);
    return 0;
}

/* Class names of the directory of a file, if they are there. */
static int read_names(struct pare_dataset *d, const struct kind *k,
                      const char *beside)
{
    char path[PATH_MAX], *text;
    void *bytes = NULL;
    struct stat st;
    size_t n = 0;
    int dir = (int)(base_name(beside) - beside), rc;

    if (snprintf(path, sizeof path, "%.*s%s", dir, beside, k->names) >=
        (int)sizeof path)
        return pare_fail(PARE_ELIMIT, "'%s' is too long a name", beside);
    if (stat(path, &st) != 0)
        return 0;
    if ((rc = pare_read_file(&bytes, &n, path, NAMES_MAX)) != 0)
        return rc;
    text = n ? realloc(bytes, n + 1) : NULL;
    if (text)
        text[n] = '\0';
    if (!text)
        rc = n ? no_memory() : pare_fail(PARE_EFORMAT, "'%s' is empty", path);
    else if (memchr(text, '\0', n))
        rc = pare_fail(PARE_EFORMAT, "'%s' is not a text", path);
    else
        rc = take_names(d, text, path);
    free(text ? text : bytes);
    return rc;
}

/* The number of a training file of that name, or -1. */
static long batch_number(const struct kind *k, const char *name)
{
    const char *digits = name + strlen(k->train);
    size_t n;

    if (!begins(name, k->train))
        return -1;
    if (!k->numbered)
        return strcmp(digits, "bin") == 0 ? 0 : -1;
    n = strspn(digits, "0123456789");
    if (n == 0 || n > 9 || strcmp(digits + n, ".bin") != 0)
        return -1;
    return strtol(digits, NULL, 10);
}

/* A file that stands for a directory, by its place in the order. */
struct member {
    long number;
    char *path;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *l = a, *r = b;

    return l->number != r->number
               ? (l->number > r->number) - (l->number < r->number)
               : strcmp(l->path, r->path);
}

/* The training files by number, then those of the test. */
static int list(struct member *m, size_t *n, const struct kind *k,
                const char *dir)
{
    DIR *stream = opendir(dir);
    const struct dirent *e;
    int rc = 0;

    if (!stream)
        return pare_fail(PARE_EIO, "cannot open '%s': %s", dir,
                         strerror(errno));
    while (rc == 0 && (e = readdir(stream)) != NULL) {
        long number = batch_number(k, e->d_name);
        size_t size = strlen(dir) + strlen(e->d_name) + 2;

        if (begins(e->d_name, k->test) &&
            strcmp(strrchr(e->d_name, '.') ? strrchr(e->d_name, '.') : "",
                   ".bin") == 0)
            number = LONG_MAX;
        if (number < 0)
            continue;
        if (*n == FILES_MAX)
            rc = pare_fail(PARE_ELIMIT, "'%s' has more than %d batches", dir,
                           FILES_MAX);
        else if (!(m[*n].path = malloc(size)))
            rc = no_memory();
        else
            snprintf(m[*n].path, size, "%s/%s", dir, e->d_name);
        if (rc == 0)
            m[(*n)++].number = number;
    }
    closedir(stream);
    qsort(m, *n, sizeof *m, compare_members);
    return rc;
}

static int read_directory(struct pare_dataset *d, const struct kind *k,
                          const char *dir)
{
    struct member *m = calloc(FILES_MAX, sizeof *m);
    size_t n = 0;
    int rc = m ? list(m, &n, k, dir) : no_memory();

    if (rc == 0 && n == 0)
        rc = pare_fail(PARE_EFORMAT, "'%s' has no %s%s", dir, k->train,
                       k->numbered ? "1.bin" : "bin");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_batch(d, k, m[i].path);
    if (rc == 0)
        rc = read_names(d, k, m[0].path);
    for (size_t i = 0; i < n; i++)
        free(m[i].path);
    free(m);
    return rc;
}

static int read_files(struct pare_dataset *d, const struct kind *k,
                      char *const *path, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_batch(d, k, path[i]);
    return rc ? rc : read_names(d, k, path[0]);
}

int pare_cifar_read(struct pare_dataset *d, enum pare_cifar kind,
                    char *const *path, size_t n)
{
    const struct kind *k = &kinds[kind];
    struct pare_dataset new = {.type = PARE_X_U8, .features = IMAGE};
    struct stat st;
    int rc;

    new.shape = (struct pare_shape){3, {3, 32, 32}};
    new.n_classes = k->classes;
    new.norm.scale = 1;
    if (n == 1 && stat(path[0], &st) == 0 && S_ISDIR(st.st_mode))
        rc = read_directory(&new, k, path[0]);
    else
        rc = read_files(&new, k, path, n);
    if (rc == 0 && new.split[PARE_TRAIN].n == 0)
        rc = pare_fail(PARE_EFORMAT, "there is no training file, only '%s'",
                       base_name(path[0]));
    if (rc)
        pare_dataset_release(&new);
    else
        *d = new;
    return rc;
}
