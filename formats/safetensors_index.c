#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "status.h"

/* Models in several safetensors files, with an index of their tensors. */

/* A tensor and the file that has it, in turn with the next. */
struct entry {
    char *tensor, *file;
};

struct index {
    struct pare_json_scan s;
    struct entry *entry;
    size_t n, room;
};

static int add_entry(struct index *x)
{
    struct entry e = {0};
    int err = 0;

    if (x->n == PARE_WEIGHTS_MAX)
        return pare_fail(PARE_ELIMIT, "'%s' has more than %d tensors",
                         x->s.name, PARE_WEIGHTS_MAX);
    if (x->n == x->room) {
        size_t room = x->room ? 2 * x->room : 64;
        struct entry *more = realloc(x->entry, room * sizeof *more);

        if (!more)
            return pare_fail(PARE_ENOMEM, "out of memory");
        x->entry = more;
        x->room = room;
    }
    err = pare_json_scan_text(&e.tensor, &x->s);
    if (!err)
        err = pare_json_scan_char(&x->s, ':');
    if (!err)
        err = pare_json_scan_text(&e.file, &x->s);
    if (err) {
        free(e.tensor);
        return err;
    }
    x->entry[x->n++] = e;
    return 0;
}

static int take_map(struct index *x)
{
    int err = pare_json_scan_char(&x->s, '{');

    if (err || pare_json_scan_is(&x->s, '}'))
        return err;
    do
        err = add_entry(x);
    while (!err && pare_json_scan_is(&x->s, ','));
    return err ? err : pare_json_scan_char(&x->s, '}');
}

/* {"metadata": ..., "weight_map": {"tensor": "file", ...}} */
static int parse_index(struct index *x)
{
    bool seen = false;
    int err = pare_json_scan_char(&x->s, '{');

    while (!err) {
        char *key = NULL;
        bool map;

        if ((err = pare_json_scan_text(&key, &x->s)) != 0)
            return err;
        map = strcmp(key, "weight_map") == 0;
        free(key);
        err = pare_json_scan_char(&x->s, ':');
        if (!err && map && seen)
            err = pare_fail(PARE_EFORMAT, "'%s' has two maps of weights",
                            x->s.name);
        if (!err)
            err = map ? take_map(x) : pare_json_scan_skip(&x->s);
        seen = seen || map;
        if (!err && !pare_json_scan_is(&x->s, ','))
            break;
    }
    if (!err)
        err = pare_json_scan_char(&x->s, '}');
    if (!err && (!seen || !pare_json_scan_done(&x->s)))
        err = pare_fail(PARE_EFORMAT,
                        seen ? "'%s': there is more behind its JSON"
                             : "'%s' has no map of weights",
                        x->s.name);
    return err;
}

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->tensor,
                  ((const struct entry *)b)->tensor);
}

static int by_file(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->file,
                  (*(struct entry *const *)b)->file);
}

/* Names of files are names in this folder, tensors are there once. */
static int check_index(struct index *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const char *file = x->entry[i].file;

        if (!*file || strchr(file, '/') || strchr(file, '\\') ||
            strcmp(file, ".") == 0 || strcmp(file, "..") == 0 ||
            strlen(file) > 255)
            return pare_fail(PARE_EFORMAT,
                             "'%s': '%.100s' is not the name of a file beside "
                             "it",
                             x->s.name, file);
    }
    if (x->n)
        qsort(x->entry, x->n, sizeof *x->entry, by_tensor);
    for (size_t i = 1; i < x->n; i++)
        if (by_tensor(&x->entry[i - 1], &x->entry[i]) == 0)
            return pare_fail(PARE_EFORMAT, "'%s' has '%.200s' twice", x->s.name,
                             x->entry[i].tensor);
    return 0;
}

/* All tensors of a part become the whole's, if the index has them there. */
static int take_part(struct pare_foreign *f, struct pare_foreign *part,
                     struct index *x, const char *file)
{
    for (size_t i = 0; i < part->n; i++) {
        struct entry want = {.tensor = part->tensor[i].name};
        struct entry *e =
            x->n ? bsearch(&want, x->entry, x->n, sizeof *x->entry, by_tensor)
                 : NULL;
        struct pare_foreign_tensor *t;
        char *name;

        if (!e || strcmp(e->file, file) != 0)
            return pare_fail(PARE_EFORMAT,
                             "'%s': '%.100s' is in '%.100s', where the index "
                             "does not have it",
                             x->s.name, part->tensor[i].name, file);
        t = pare_foreign_add(f, part->tensor[i].name);
        if (!t)
            return PARE_ENOMEM;
        name = t->name;
        *t = part->tensor[i];
        t->name = name;
        part->tensor[i].owned = NULL;
    }
    return pare_foreign_move_maps(f, part);
}

static int read_part(struct pare_foreign *f, struct index *x, const char *file)
{
    const char *slash = strrchr(x->s.name, '/');
    size_t folder = slash ? (size_t)(slash - x->s.name) + 1 : 0;
    char *path = malloc(folder + strlen(file) + 1);
    struct pare_foreign part = {0};
    int err;

    if (!path)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(path, x->s.name, folder);
    strcpy(path + folder, file);
    err = pare_safetensors_read(&part, path);
    if (!err)
        err = take_part(f, &part, x, file);
    pare_foreign_release(&part);
    free(path);
    return err;
}

/* Each file once, in order of their names. */
static int read_parts(struct pare_foreign *f, struct index *x)
{
    struct entry **p = malloc((x->n + 1) * sizeof *p);
    size_t parts = 0;
    int err = p ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t i = 0; !err && i < x->n; i++)
        p[i] = &x->entry[i];
    if (!err)
        qsort(p, x->n, sizeof *p, by_file);
    for (size_t i = 0; !err && i < x->n; i++) {
        if (i && by_file(&p[i - 1], &p[i]) == 0)
            continue;
        err = ++parts > PARE_SAFETENSORS_SHARDS
                  ? pare_fail(PARE_ELIMIT, "'%s' names more than %d files",
                              x->s.name, PARE_SAFETENSORS_SHARDS)
                  : read_part(f, x, p[i]->file);
    }
    free(p);
    if (!err && f->n != x->n)
        err =
            pare_fail(PARE_EFORMAT, "'%s' has %zu tensors, the files have %zu",
                      x->s.name, x->n, f->n);
    return err;
}

int pare_safetensors_index(struct pare_foreign *f, const char *path)
{
    struct pare_foreign text = {0}, new = {0};
    const unsigned char *bytes;
    struct index x = {.s.name = path};
    size_t n;
    int err = pare_foreign_open(&text, &bytes, &n, path);

    if (!err && n > PARE_SAFETENSORS_HEADER)
        err = pare_fail(PARE_ELIMIT, "'%s' has more than %d bytes", path,
                        PARE_SAFETENSORS_HEADER);
    if (!err) {
        x.s.at = (const char *)bytes;
        x.s.end = x.s.at + n;
        err = parse_index(&x);
    }
    if (!err)
        err = check_index(&x);
    if (!err)
        err = read_parts(&new, &x);
    if (!err)
        pare_foreign_sort(&new);
    for (size_t i = 0; i < x.n; i++) {
        free(x.entry[i].tensor);
        free(x.entry[i].file);
    }
    free(x.entry);
    pare_foreign_release(&text);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

bool pare_safetensors_index_looks(const unsigned char *head, size_t n)
{
    size_t i = 0;

    while (i < n && strchr(" \t\r\n", head[i]) && head[i])
        i++;
    return i < n && head[i] == '{';
}
