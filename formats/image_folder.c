#include "image_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data_file.h"
#include "status.h"

/* Names of a directory, sorted. */
struct names {
    size_t n, room;
    char **name;
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static void names_release(struct names *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->name[i]);
    free(a->name);
    memset(a, 0, sizeof *a);
}

/* The array with room for one more of its n things, or NULL. */
static void *more(void *array, size_t n, size_t *room, size_t size)
{
    size_t want = *room ? 2 * *room : 16;
    void *p;

    if (n < *room)
        return array;
    if (want > SIZE_MAX / size || !(p = realloc(array, want * size))) {
        no_memory();
        return NULL;
    }
    *room = want;
    return p;
}

static bool hidden(const char *name)
{
    return name[0] == '.' || strcmp(name, "Thumbs.db") == 0 ||
           strcmp(name, "desktop.ini") == 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(struct names *a, DIR *dir, const char *path)
{
    for (;;) {
        struct dirent *e;
        char **p;

        errno = 0;
        if (!(e = readdir(dir)))
            return errno ? pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                                     strerror(errno))
                         : 0;
        if (hidden(e->d_name))
            continue;
        if (!(p = more(a->name, a->n, &a->room, sizeof *p)))
            return PARE_ENOMEM;
        a->name = p;
        if (!(a->name[a->n] = strdup(e->d_name)))
            return no_memory();
        a->n++;
    }
}

static int list(struct names *a, const char *path)
{
    DIR *dir = opendir(path);
    int rc;

    if (!dir)
        return pare_fail(PARE_EIO, "cannot open folder '%s': %s", path,
                         strerror(errno));
    rc = read_names(a, dir, path);
    closedir(dir);
    if (rc == 0 && a->n)
        qsort(a->name, a->n, sizeof *a->name, by_bytes);
    return rc;
}

/* "directory/name", or NULL. */
static char *join(const char *directory, const char *name)
{
    size_t n = strlen(directory), k = strlen(name) + 1;
    char *path = malloc(n + 1 + k);

    if (!path)
        return NULL;
    memcpy(path, directory, n);
    if (n == 0 || path[n - 1] != '/')
        path[n++] = '/';
    memcpy(path + n, name, k);
    return path;
}

/* What is being listed. */
struct lister {
    struct pare_folders *f;
    size_t folder_room, file_room, other_room;
};

static int add_other(struct lister *l, char *path)
{
    struct pare_folders *f = l->f;
    char **p = more(f->other, f->n_others, &l->other_room, sizeof *p);

    if (!p) {
        free(path);
        return PARE_ENOMEM;
    }
    f->other = p;
    p[f->n_others++] = path;
    return 0;
}

static int add_folder(struct lister *l, char *path, enum pare_split_id split)
{
    struct pare_folders *f = l->f;
    char *name = strrchr(path, '/') + 1;
    struct pare_folder_class *p;
    int rc = 0;

    for (const char *c = name; rc == 0 && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            rc = pare_fail(PARE_EFORMAT,
                           "'%s': the name of a class is not one line of text",
                           path);
    p = rc ? NULL : more(f->folder, f->n_folders, &l->folder_room, sizeof *p);
    if (!p) {
        free(path);
        return rc ? rc : PARE_ENOMEM;
    }
    f->folder = p;
    p[f->n_folders++] = (struct pare_folder_class){path, name, split, 0};
    return 0;
}

/* The class folders in a directory; files beside them are put aside. */
static int add_classes(struct lister *l, const char *path,
                       const struct names *a, enum pare_split_id split)
{
    size_t before = l->f->n_folders;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < a->n; i++) {
        char *sub = join(path, a->name[i]);
        struct stat st;

        if (!sub)
            return no_memory();
        if (stat(sub, &st) == 0 && S_ISDIR(st.st_mode))
            rc = add_folder(l, sub, split);
        else
            rc = add_other(l, sub);
    }
    if (rc == 0 && l->f->n_folders == before)
        return pare_fail(
            PARE_EFORMAT, "there is no class folder in '%s'%s", path,
            a->n ? ": its files must be in folders, one a class" : "");
    return rc;
}

static int add_splits(struct lister *l, const char *path, const struct names *a)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < a->n; i++) {
        int split = pare_split_find(a->name[i]);
        char *sub = join(path, a->name[i]);
        struct names inner = {0};
        struct stat st;

        if (!sub)
            return no_memory();
        if (stat(sub, &st) != 0 || !S_ISDIR(st.st_mode)) {
            rc = add_other(l, sub);
            continue;
        }
        if (split < 0)
            rc = pare_fail(PARE_EFORMAT,
                           "'%s': a folder beside those of the splits, which "
                           "are called train, val and test",
                           sub);
        else if ((rc = list(&inner, sub)) == 0)
            rc = add_classes(l, sub, &inner, (enum pare_split_id)split);
        names_release(&inner);
        free(sub);
    }
    return rc;
}

/* Is one of the names a folder of a split, or looks like one? */
static int find_splits(bool *found, const char *path, const struct names *a)
{
    static const char *const wrong[] = {"training", "valid", "validation",
                                        "testing"};

    *found = false;
    for (size_t i = 0; i < a->n; i++) {
        *found = *found || pare_split_find(a->name[i]) >= 0;
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
            if (strcmp(a->name[i], wrong[k]) == 0)
                return pare_fail(PARE_EFORMAT,
                                 "'%s' holds '%s': the folders of splits are "
                                 "called train, val and test",
                                 path, wrong[k]);
    }
    return 0;
}

static int add_directory(struct lister *l, const char *path)
{
    struct names a = {0};
    bool splits;
    int rc = list(&a, path);

    if (rc == 0)
        rc = find_splits(&splits, path, &a);
    if (rc == 0)
        rc = splits ? add_splits(l, path, &a)
                    : add_classes(l, path, &a, PARE_TRAIN);
    names_release(&a);
    return rc;
}

static int add_files(struct lister *l, size_t folder)
{
    struct pare_folders *f = l->f;
    struct names a = {0};
    int rc = list(&a, f->folder[folder].path);

    for (size_t i = 0; rc == 0 && i < a.n; i++) {
        struct pare_folder_file *p =
            more(f->file, f->n_files, &l->file_room, sizeof *p);

        if (!p) {
            rc = PARE_ENOMEM;
            break;
        }
        f->file = p;
        p[f->n_files++] = (struct pare_folder_file){folder, a.name[i], NULL};
        a.name[i] = NULL;
    }
    names_release(&a);
    return rc;
}

/* Folders given twice stay in the order they were given. */
static int by_split_and_class(const void *a, const void *b)
{
    const struct pare_folder_class *p = a, *q = b;
    int order;

    if (p->split != q->split)
        return p->split < q->split ? -1 : 1;
    if ((order = strcmp(p->name, q->name)) != 0)
        return order;
    return p->label < q->label ? -1 : p->label > q->label;
}

/* The names that there are, each once. */
static int name_classes(struct pare_folders *f)
{
    size_t n = 0;

    f->class_name = malloc(f->n_folders * sizeof *f->class_name);
    if (!f->class_name)
        return no_memory();
    for (size_t i = 0; i < f->n_folders; i++)
        f->class_name[i] = f->folder[i].name;
    qsort(f->class_name, f->n_folders, sizeof *f->class_name, by_bytes);
    for (size_t i = 0; i < f->n_folders; i++)
        if (n == 0 || strcmp(f->class_name[n - 1], f->class_name[i]) != 0)
            f->class_name[n++] = f->class_name[i];
    f->n_classes = n;
    if (n > PARE_DATA_CLASSES)
        return pare_fail(PARE_ELIMIT, "%zu class folders", n);
    for (size_t i = 0; i < f->n_folders; i++) {
        const char **at =
            bsearch(&f->folder[i].name, f->class_name, n, sizeof *at, by_bytes);

        f->folder[i].label = (int32_t)(at - f->class_name);
    }
    return 0;
}

int pare_folders_list(struct pare_folders *f, char *const *dir, size_t n)
{
    struct lister l = {f, 0, 0, 0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_directory(&l, dir[i]);
    if (rc == 0) {
        for (size_t i = 0; i < f->n_folders; i++)
            f->folder[i].label = (int32_t)i; /* the order given, for now */
        qsort(f->folder, f->n_folders, sizeof *f->folder, by_split_and_class);
        rc = name_classes(f);
    }
    for (size_t i = 0; rc == 0 && i < f->n_folders; i++)
        rc = add_files(&l, i);
    if (rc)
        pare_folders_release(f);
    return rc;
}

void pare_folders_release(struct pare_folders *f)
{
    for (size_t i = 0; i < f->n_folders; i++)
        free(f->folder[i].path);
    for (size_t i = 0; i < f->n_files; i++) {
        free(f->file[i].name);
        free(f->file[i].fault);
    }
    for (size_t i = 0; i < f->n_others; i++)
        free(f->other[i]);
    free(f->folder);
    free(f->file);
    free(f->other);
    free(f->class_name);
    memset(f, 0, sizeof *f);
}
