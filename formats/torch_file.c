#include "torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_io.h"
#include "pickle.h"
#include "status.h"
#include "zip.h"

#define DEPTH      16         /* dictionaries within each other */
#define VISITS     (4u << 20) /* of values, some several times */
#define FILE_MOST  ((size_t)1 << 36)
#define AGAIN      64 /* times that a byte may be shown, as of tied weights */
#define NAME_BYTES 1024

/* The elements that tensors show. */
struct storage {
    const char *key;
    size_t key_n;
    enum pare_foreign_type type;
    uint64_t n;                 /* elements */
    const unsigned char *bytes; /* NULL: not read yet */
};

struct torch {
    struct pare_foreign *f;
    struct pare_pickle p;
    const char *path;
    struct pare_zip *zip;
    char *root; /* of the archive: "archive/" */
    bool big;
    size_t n_storages;
    struct storage *storage; /* by key */
    char name[NAME_BYTES];   /* of the value that is looked at */
    size_t visits;
    uint64_t bytes, shown; /* of the file and what was packed; of tensors */
    uint64_t budget;       /* of storages that are packed */
};

static int odd(const struct torch *t, const char *what)
{
    return pare_fail(PARE_EFORMAT, "'%s': tensor '%.200s' %s", t->path, t->name,
                     what);
}

static const struct pare_pickle_value *part(const struct torch *t,
                                            uint32_t value, uint32_t k)
{
    return &t->p.value[pare_pickle_item(&t->p, value, k)];
}

static enum pare_foreign_type type_of(const char *global)
{
    static const struct {
        const char *name;
        enum pare_foreign_type type;
    } row[] = {
        {"torch FloatStorage", PARE_FOREIGN_F32},
        {"torch DoubleStorage", PARE_FOREIGN_F64},
        {"torch HalfStorage", PARE_FOREIGN_F16},
        {"torch BFloat16Storage", PARE_FOREIGN_BF16},
        {"torch LongStorage", PARE_FOREIGN_I64},
        {"torch IntStorage", PARE_FOREIGN_I32},
        {"torch ShortStorage", PARE_FOREIGN_I16},
        {"torch CharStorage", PARE_FOREIGN_I8},
        {"torch ByteStorage", PARE_FOREIGN_U8},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].name, global) == 0)
            return row[i].type;
    return PARE_FOREIGN_BOOL;
}

/* ---- storages ---------------------------------------------------------- */

static int compare(const struct storage *a, const struct storage *b)
{
    size_t n = a->key_n < b->key_n ? a->key_n : b->key_n;
    int order = memcmp(a->key, b->key, n);

    return order ? order : a->key_n < b->key_n ? -1 : a->key_n > b->key_n;
}

static int by_key(const void *a, const void *b)
{
    return compare(a, b);
}

static struct storage *find_storage(const struct torch *t, const char *key,
                                    size_t n)
{
    struct storage want = {.key = key, .key_n = n};

    return t->n_storages
               ? bsearch(&want, t->storage, t->n_storages, sizeof want, by_key)
               : NULL;
}

/* Every storage that the pickle names, once. */
static int list_storages(struct torch *t)
{
    size_t n = 0, k = 0;

    for (size_t i = 0; i < t->p.n_values; i++)
        n += t->p.value[i].kind == PARE_PICKLE_STORAGE;
    t->storage = calloc(n + 1, sizeof *t->storage);
    if (!t->storage)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < t->p.n_values; i++) {
        struct storage *s = &t->storage[k];

        if (t->p.value[i].kind != PARE_PICKLE_STORAGE)
            continue;
        if (part(t, i, 2)->number < 0)
            return pare_fail(PARE_EFORMAT,
                             "'%s': a storage of less than 0 "
                             "elements",
                             t->path);
        s->type =
            type_of(pare_pickle_global(&t->p, pare_pickle_item(&t->p, i, 0)));
        s->key = part(t, i, 1)->text.at;
        s->key_n = part(t, i, 1)->text.n;
        s->n = (uint64_t)part(t, i, 2)->number;
        k++;
    }
    if (k)
        qsort(t->storage, k, sizeof *t->storage, by_key);
    for (size_t i = 0; i < k; i++) {
        struct storage *last = &t->storage[t->n_storages - (i > 0)];

        if (i == 0 || compare(last, &t->storage[i]) != 0)
            t->storage[t->n_storages++] = t->storage[i];
        else if (last->type != t->storage[i].type || last->n != t->storage[i].n)
            return pare_fail(PARE_EFORMAT,
                             "'%s': a storage is of two types or sizes",
                             t->path);
    }
    return 0;
}

/* Of an archive: the member ROOTdata/KEY. */
static int load_member(struct torch *t, struct storage *s)
{
    size_t n = strlen(t->root), got = 0;
    char *name = malloc(n + s->key_n + sizeof "data/");
    const void *there = NULL;
    void *bytes = NULL;
    int err;

    if (!name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(name, t->root, n);
    memcpy(name + n, "data/", 5);
    memcpy(name + n + 5, s->key, s->key_n);
    name[n + 5 + s->key_n] = '\0';
    err = pare_zip_stored(&there, &got, t->zip, name, FILE_MOST, name,
                          pare_foreign_looked, t->f);
    if (err == 0) { /* packed, which torch.save does not do */
        err = pare_zip_read(&bytes, &got, t->zip, name, t->budget, name);
        t->budget -= err ? 0 : got;
        there = bytes;
    }
    err = err < 0 ? err : 0;
    if (!err && got / pare_foreign_size(s->type) != s->n)
        err = pare_fail(PARE_EFORMAT,
                        "'%s': '%.200s' is not as long as its tensors say",
                        t->path, name);
    free(name);
    if (err)
        free(bytes);
    else if (bytes)
        err = pare_foreign_keep(t->f, bytes);
    if (err)
        return err;
    s->bytes = there;
    t->bytes += bytes ? got : 0;
    return 0;
}

/* ---- tensors ----------------------------------------------------------- */

/* Sizes and strides, checked against the storage. */
static int take_shape(struct pare_foreign_tensor *x, uint64_t *stride,
                      uint64_t *offset, const struct torch *t, uint32_t value,
                      const struct storage *s)
{
    uint32_t sizes = pare_pickle_item(&t->p, value, 2);
    uint32_t strides = pare_pickle_item(&t->p, value, 3);
    uint64_t last, n;

    if (t->p.value[sizes].part.n > PARE_FOREIGN_RANK ||
        t->p.value[sizes].part.n != t->p.value[strides].part.n)
        return odd(t, "has more than 8 dimensions, or strides of others");
    x->rank = (int)t->p.value[sizes].part.n;
    for (int i = 0; i < x->rank; i++) {
        const struct pare_pickle_value *size = part(t, sizes, (uint32_t)i);
        const struct pare_pickle_value *step = part(t, strides, (uint32_t)i);

        if (size->kind != PARE_PICKLE_INT || size->number < 0 ||
            step->kind != PARE_PICKLE_INT || step->number < 0)
            return odd(t, "has a size or a stride that is none");
        x->dim[i] = (uint64_t)size->number;
        stride[i] = (uint64_t)step->number;
    }
    if (part(t, value, 1)->number < 0)
        return odd(t, "begins before its storage");
    *offset = last = (uint64_t)part(t, value, 1)->number;
    n = pare_foreign_count(x);
    if (n == 0)
        return 0;
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[i] > 1 && stride[i] > s->n / (x->dim[i] - 1))
            return odd(t, "lies beyond its storage");
        last += (x->dim[i] - 1) * stride[i];
        if (last >= s->n)
            return odd(t, "lies beyond its storage");
    }
    if (last >= s->n)
        return odd(t, "lies beyond its storage");
    return n > s->n ? odd(t, "shows elements of its storage twice") : 0;
}

static bool in_order(const struct pare_foreign_tensor *x,
                     const uint64_t *stride)
{
    uint64_t want = 1;

    for (int i = x->rank; i-- > 0;) {
        if (x->dim[i] > 1 && stride[i] != want)
            return false;
        want *= x->dim[i];
    }
    return true;
}

/* A copy in C order. */
static int copy_strided(struct pare_foreign_tensor *x, const uint64_t *stride,
                        const unsigned char *from)
{
    size_t size = pare_foreign_size(x->type), n;
    uint64_t at[PARE_FOREIGN_RANK] = {0}, where = 0;
    unsigned char *to;

    n = (size_t)pare_foreign_count(x);
    to = malloc(n * size + 1);
    if (!to)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t k = 0; k < n; k++) {
        memcpy(to + k * size, from + where * size, size);
        for (int i = x->rank; i-- > 0;) {
            where += stride[i];
            if (++at[i] < x->dim[i])
                break;
            where -= x->dim[i] * stride[i];
            at[i] = 0;
        }
    }
    x->bytes = x->owned = to;
    return 0;
}

static int place(struct torch *t, struct pare_foreign_tensor *x,
                 const struct storage *s, const uint64_t *stride,
                 uint64_t offset)
{
    size_t size = pare_foreign_size(x->type);
    uint64_t n = pare_foreign_count(x);

    if (n == 0)
        return 0;
    t->shown += n * size;
    if (t->shown > AGAIN * t->bytes)
        return pare_fail(PARE_ELIMIT,
                         "'%s': its tensors show the same elements again and "
                         "again",
                         t->path);
    x->bytes = s->bytes + offset * size;
    return in_order(x, stride) ? 0 : copy_strided(x, stride, x->bytes);
}

static int add_tensor(struct torch *t, uint32_t value)
{
    uint32_t storage = pare_pickle_item(&t->p, value, 0);
    const struct pare_pickle_value *key = part(t, storage, 1);
    struct storage *s = find_storage(t, key->text.at, key->text.n);
    uint64_t stride[PARE_FOREIGN_RANK] = {0}, offset = 0;
    struct pare_foreign_tensor *x;
    int err = 0;

    if (!s)
        return odd(t, "has no storage");
    if (t->f->n == PARE_WEIGHTS_MAX)
        return pare_fail(PARE_ELIMIT, "'%s' has more than %d tensors", t->path,
                         PARE_WEIGHTS_MAX);
    if (!s->bytes && t->zip && s->n)
        err = load_member(t, s);
    x = err ? NULL : pare_foreign_add(t->f, t->name);
    if (!x)
        return err ? err : (int)PARE_ENOMEM;
    x->type = s->type;
    x->big = t->big;
    err = take_shape(x, stride, &offset, t, value, s);
    if (!err && pare_foreign_count(x) && !s->bytes)
        err = odd(t, "has a storage that the file has not");
    return err ? err : place(t, x, s, stride, offset);
}

/* ---- dictionaries ------------------------------------------------------ */

/* Put a key behind the name, with a dot; its length before. */
static int enter(struct torch *t, size_t *before, const char *key, size_t n)
{
    *before = strlen(t->name);
    if (*before + n + 2 > NAME_BYTES)
        return pare_fail(PARE_ELIMIT, "'%s': a name of more than %d bytes",
                         t->path, NAME_BYTES - 2);
    if (memchr(key, '\0', n))
        return pare_fail(PARE_EFORMAT, "'%s': a name with a null byte",
                         t->path);
    snprintf(t->name + *before, NAME_BYTES - *before, "%s%.*s",
             *before ? "." : "", (int)n, key);
    return 0;
}

static int walk(struct torch *t, uint32_t value, int depth);

/* The item of a container that has this key: a text or a number. */
static int walk_item(struct torch *t, const struct pare_pickle_value *key,
                     int64_t index, uint32_t value, int depth)
{
    char number[32];
    size_t before = 0;
    int err;

    if (key && key->kind != PARE_PICKLE_TEXT && key->kind != PARE_PICKLE_INT)
        return 0;
    snprintf(number, sizeof number, "%lld",
             (long long)(key ? key->number : index));
    if (key && key->kind == PARE_PICKLE_TEXT)
        err = enter(t, &before, key->text.at, key->text.n);
    else
        err = enter(t, &before, number, strlen(number));
    if (!err)
        err = walk(t, value, depth + 1);
    t->name[before] = '\0';
    return err;
}

static int walk(struct torch *t, uint32_t value, int depth)
{
    enum pare_pickle_kind kind = t->p.value[value].kind;
    uint32_t key = 0;
    int64_t index = 0;
    int err = 0;

    if (kind == PARE_PICKLE_TENSOR) {
        if (!t->name[0])
            strcpy(t->name, "tensor");
        return add_tensor(t, value);
    }
    if (kind != PARE_PICKLE_DICT && kind != PARE_PICKLE_LIST &&
        kind != PARE_PICKLE_TUPLE)
        return 0;
    if (depth == DEPTH)
        return pare_fail(PARE_EFORMAT,
                         "'%s': its dictionaries are nested "
                         "more than %d deep",
                         t->path, DEPTH);
    for (uint32_t c = t->p.value[value].part.first; !err && c;
         c = t->p.cell[c].next, index++) {
        uint32_t item = t->p.cell[c].value;

        if (++t->visits > VISITS)
            return pare_fail(PARE_ELIMIT, "'%s': too many values", t->path);
        if (kind == PARE_PICKLE_DICT && index % 2 == 0)
            key = item;
        else
            err =
                walk_item(t, kind == PARE_PICKLE_DICT ? &t->p.value[key] : NULL,
                          index, item, depth);
    }
    return err;
}

static int take_tensors(struct torch *t)
{
    int err = walk(t, t->p.root, 0);

    if (!err && t->f->n == 0)
        err = pare_fail(PARE_EFORMAT, "'%s' has no tensors", t->path);
    return err;
}

/* ---- archives ---------------------------------------------------------- */

/* What stands before "data.pkl" in the names of the members. */
static int find_root(struct torch *t)
{
    const char *name;

    for (size_t i = 0; (name = pare_zip_name(t->zip, i)); i++) {
        size_t n = strlen(name);

        if (n < 8 || strcmp(name + n - 8, "data.pkl") != 0 ||
            (n > 8 && name[n - 9] != '/'))
            continue;
        t->root = strndup(name, n - 8);
        return t->root ? 0 : pare_fail(PARE_ENOMEM, "out of memory");
    }
    return pare_fail(PARE_EFORMAT, "'%s' has no data.pkl", t->path);
}

/* A small member beside data.pkl, malloc'd. */
static int load_text(char **text, size_t *n, const struct torch *t,
                     const char *member, uint64_t most)
{
    char *name = malloc(strlen(t->root) + strlen(member) + 1);
    void *bytes = NULL;
    int err = 0;

    if (!name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    strcpy(name, t->root);
    strcat(name, member);
    if (pare_zip_has(t->zip, name))
        err = pare_zip_read(&bytes, n, t->zip, name, most, name);
    free(name);
    *text = bytes;
    return err;
}

static int read_archive(struct torch *t, const unsigned char *bytes,
                        size_t size)
{
    char *pickle = NULL, *order = NULL;
    size_t n = 0, k = 0;
    int err = pare_zip_view(&t->zip, bytes, size, t->path);

    if (!err)
        err = find_root(t);
    if (!err)
        err = load_text(&order, &k, t, "byteorder", 64);
    t->big = order && k == 3 && memcmp(order, "big", 3) == 0;
    if (!err)
        err = load_text(&pickle, &n, t, "data.pkl", PARE_PICKLE_MAX);
    if (!err)
        err =
            pare_pickle_parse(&t->p, (const unsigned char *)pickle, n, t->path);
    if (!err)
        err = list_storages(t);
    if (!err)
        err = take_tensors(t);
    free(order);
    free(pickle);
    return err;
}

/* ---- before version 1.6 ------------------------------------------------ */

/* The number by which such a file begins, as a pickle of its own. */
static const unsigned char magic[15] = {0x80, 2,    0x8a, 10,   0x6c,
                                        0xfc, 0x9c, 0x46, 0xf9, 0x20,
                                        0x6a, 0xa8, 0x50, 0x19, '.'};

/* Step over a pickle that says nothing needed; 0 or a status. */
static int skip_pickle(const unsigned char **at, const unsigned char *end,
                       const char *path)
{
    struct pare_pickle p = {0};
    int err = pare_pickle_parse(&p, *at, (size_t)(end - *at), path);

    if (!err)
        *at += p.used;
    pare_pickle_release(&p);
    return err;
}

/* How many elements, and these, of each storage in the order of the keys. */
static int place_storages(struct torch *t, const struct pare_pickle *keys,
                          const unsigned char *at, const unsigned char *end)
{
    const struct pare_pickle_value *list = &keys->value[keys->root];

    if (list->kind != PARE_PICKLE_LIST)
        return pare_fail(PARE_EFORMAT, "'%s' has no list of storages", t->path);
    for (uint32_t c = list->part.first; c; c = keys->cell[c].next) {
        const struct pare_pickle_value *key = &keys->value[keys->cell[c].value];
        struct storage *s = key->kind == PARE_PICKLE_TEXT
                                ? find_storage(t, key->text.at, key->text.n)
                                : NULL;
        uint64_t n = 0;
        size_t size;

        if (!s || s->bytes || end - at < 8)
            return pare_fail(PARE_EFORMAT,
                             "'%s': a storage that no tensor has, or that is "
                             "cut off",
                             t->path);
        for (int i = 0; i < 8; i++)
            n |= (uint64_t)at[i] << (8 * i);
        at += 8;
        size = pare_foreign_size(s->type);
        if (n != s->n || n > (uint64_t)(end - at) / size)
            return pare_fail(PARE_EFORMAT,
                             "'%s': a storage is cut off, or not as long as "
                             "its tensors say",
                             t->path);
        s->bytes = at;
        at += n * size;
    }
    return 0;
}

static int read_legacy(struct torch *t, const unsigned char *bytes, size_t n)
{
    const unsigned char *at = bytes + sizeof magic, *end = bytes + n;
    struct pare_pickle keys = {0};
    int err = skip_pickle(&at, end, t->path); /* version of the protocol */

    if (!err)
        err = skip_pickle(&at, end, t->path); /* sizes of types */
    if (!err)
        err = pare_pickle_parse(&t->p, at, (size_t)(end - at), t->path);
    if (!err) {
        at += t->p.used;
        err = pare_pickle_parse(&keys, at, (size_t)(end - at), t->path);
    }
    if (!err)
        err = list_storages(t);
    if (!err)
        err = place_storages(t, &keys, at + keys.used, end);
    if (!err)
        err = take_tensors(t);
    pare_pickle_release(&keys);
    return err;
}

static int read_any(struct torch *t)
{
    const unsigned char *bytes;
    size_t n;
    int err = pare_foreign_open(t->f, &bytes, &n, t->path);

    if (err)
        return err;
    t->bytes = n;
    if (n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0)
        return read_legacy(t, bytes, n);
    if (n < 4 || memcmp(bytes, "PK\3\4", 4) != 0)
        return pare_fail(PARE_EFORMAT, "'%s' is no file of torch.save",
                         t->path);
    t->budget = pare_model_budget(n);
    return read_archive(t, bytes, n);
}

int pare_torch_read(struct pare_foreign *f, const char *path)
{
    struct pare_foreign new = {0};
    struct torch t = {.f = &new, .path = path};
    int err = read_any(&t);

    free(t.storage);
    free(t.root);
    pare_pickle_release(&t.p);
    pare_zip_free(t.zip);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

bool pare_torch_looks(const unsigned char *head, size_t n)
{
    static const char *const first[] = {"*/data.pkl",        "data.pkl",
                                        "*/version",         "*/byteorder",
                                        "*/.format_version", "*/data/0"};

    if (n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0)
        return true;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (pare_zip_begins(head, n, first[i]))
            return true;
    return false;
}
