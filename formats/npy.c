#include "npy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "status.h"

#define HEADER_MAX 65536 /* bytes; NumPy itself reads 10,000 */
#define WORD_MAX   64    /* of a string in a header */

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The text of a header, as far as it is not read. */
struct text {
    const char *at, *end;
    const char *name;
};

static int damaged(const struct text *t, const char *expected)
{
    return pare_fail(PARE_EFORMAT, "'%s': its NPY header lacks %s", t->name,
                     expected);
}

static void skip_space(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' ||
                              *t->at == '\n' || *t->at == '\r'))
        t->at++;
}

/* Take a character, if it is the next one after space. */
static bool take(struct text *t, char c)
{
    skip_space(t);
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool take_word(struct text *t, const char *word)
{
    size_t n = strlen(word);

    skip_space(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

/* A string in quotes, without escapes. */
static int take_string(char word[WORD_MAX], struct text *t)
{
    size_t n = 0;
    char quote;

    skip_space(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return damaged(t, "a string");
    quote = *t->at++;
    for (; t->at < t->end && *t->at != quote; t->at++) {
        if (*t->at == '\\' || n + 1 == WORD_MAX)
            return damaged(t, "a plain string");
        word[n++] = *t->at;
    }
    word[n] = '\0';
    return take(t, quote) ? 0 : damaged(t, "the end of a string");
}

static int odd_type(const struct text *t, const char *type)
{
    const char *what = strchr(type, 'O')   ? "Python objects"
                       : strchr(type, 'V') ? "structures"
                       : strchr(type, 'c') ? "complex numbers"
                                           : "values";

    return pare_fail(PARE_EUNREAD,
                     "'%s' holds %s of type '%s', which are not read", t->name,
                     what, type);
}

/* "<f4": byte order, kind, bytes. */
static int take_type(struct pare_npy *a, struct text *t)
{
    char type[WORD_MAX];
    int rc;

    skip_space(t);
    if (t->at < t->end && *t->at == '[')
        return pare_fail(PARE_EUNREAD,
                         "'%s' holds structures of named fields, which are "
                         "not read",
                         t->name);
    if ((rc = take_string(type, t)) != 0)
        return rc;
    if (strlen(type) != 3 || !strchr("<>|", type[0]) ||
        !strchr("biuf", type[1]) || !strchr("1248", type[2]))
        return odd_type(t, type);
    a->big = type[0] == '>';
    a->kind = type[1];
    a->size = (size_t)(type[2] - '0');
    if ((a->kind == 'b' && a->size != 1) || (a->kind == 'f' && a->size == 1) ||
        (type[0] == '|' && a->size != 1))
        return odd_type(t, type);
    return 0;
}

static int take_number(size_t *v, struct text *t)
{
    const char *first;

    skip_space(t);
    first = t->at;
    *v = 0;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        if (*v > PARE_NPY_LIMIT)
            return pare_fail(PARE_ELIMIT, "'%s': a dimension is too large",
                             t->name);
        *v = *v * 10 + (size_t)(*t->at++ - '0');
    }
    if (t->at == first)
        return damaged(t, "a whole number in its shape");
    if (t->at < t->end && *t->at == 'L') /* Python 2 */
        t->at++;
    return 0;
}

/* "(3, 4)", "(3,)", "()". */
static int take_shape(struct pare_npy *a, struct text *t)
{
    int rc;

    if (!take(t, '('))
        return damaged(t, "a tuple as its shape");
    while (!take(t, ')')) {
        if (a->rank == PARE_NPY_RANK)
            return pare_fail(PARE_EFORMAT, "'%s' has more than %d dimensions",
                             t->name, PARE_NPY_RANK);
        if ((rc = take_number(&a->dim[a->rank], t)) != 0)
            return rc;
        a->rank++;
        if (!take(t, ',')) {
            if (a->rank == 1 || !take(t, ')'))
                return damaged(t, "a tuple as its shape");
            break;
        }
    }
    return 0;
}

static int take_order(struct pare_npy *a, struct text *t)
{
    a->fortran = take_word(t, "True");
    if (!a->fortran && !take_word(t, "False"))
        return damaged(t, "True or False");
    return 0;
}

/* One entry; its bit in *seen. */
static int take_entry(struct pare_npy *a, unsigned *seen, struct text *t)
{
    static const char *const key[] = {"descr", "fortran_order", "shape"};
    static int (*const value[])(struct pare_npy *, struct text *) = {
        take_type, take_order, take_shape};
    char word[WORD_MAX];
    unsigned k = 0;
    int rc = take_string(word, t);

    if (rc)
        return rc;
    while (k < 3 && strcmp(word, key[k]) != 0)
        k++;
    if (k == 3 || *seen & 1u << k)
        return pare_fail(PARE_EFORMAT, "'%s': its NPY header has %s '%s'",
                         t->name, k == 3 ? "an entry" : "twice", word);
    *seen |= 1u << k;
    return take(t, ':') ? value[k](a, t) : damaged(t, "a colon");
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and space. */
static int parse_header(struct pare_npy *a, struct text *t)
{
    unsigned seen = 0;
    int rc;

    if (!take(t, '{'))
        return damaged(t, "its dictionary");
    while (!take(t, '}')) {
        if ((rc = take_entry(a, &seen, t)) != 0)
            return rc;
        if (take(t, ','))
            continue;
        if (!take(t, '}'))
            return damaged(t, "the end of its dictionary");
        break;
    }
    skip_space(t);
    if (t->at != t->end)
        return damaged(t, "an end after its dictionary");
    return seen == 7 ? 0 : damaged(t, "one of descr, fortran_order and shape");
}

static int check_length(struct pare_npy *a, uint64_t have, uint64_t most,
                        const char *name)
{
    a->count = 1;
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] == 0)
            return pare_fail(PARE_EUNREAD, "'%s': dimension %d is 0", name,
                             i + 1);
        if (a->count > most / a->size / a->dim[i])
            return pare_fail(PARE_ELIMIT,
                             "'%s': dimensions ask for more than %" PRIu64
                             " bytes",
                             name, most);
        a->count *= a->dim[i];
    }
    if (have != a->count * a->size)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has %" PRIu64
                         " bytes of values, its header declares %zu",
                         name, have, a->count * a->size);
    return 0;
}

int pare_npy_header(struct pare_npy *a, const void *start, size_t n,
                    uint64_t total, uint64_t most, const char *name)
{
    const unsigned char *bytes = start;
    size_t head = 10, size;
    struct text t = {.name = name};
    int rc;

    if (n < 10 || memcmp(bytes, magic, sizeof magic) != 0)
        return pare_fail(PARE_EFORMAT, "'%s' is not an NPY file", name);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return pare_fail(PARE_EFORMAT, "'%s': there is no NPY version %d.%d",
                         name, bytes[6], bytes[7]);
    size = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        head = 12;
        if (n >= head)
            size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (size > HEADER_MAX)
        return pare_fail(PARE_ELIMIT, "'%s': an NPY header of %zu bytes", name,
                         size);
    if (n < head || n - head < size)
        return pare_fail(PARE_EFORMAT, "'%s': ends in its header", name);
    t.at = (const char *)bytes + head;
    t.end = t.at + size;
    if ((rc = parse_header(a, &t)) != 0)
        return rc;
    a->head = head + size;
    return check_length(a, total - a->head, most, name);
}

int pare_npy_parse(struct pare_npy *a, void *bytes, size_t n, const char *name)
{
    struct pare_npy t = {.bytes = bytes};
    int rc = pare_npy_header(&t, bytes, n, n, PARE_NPY_LIMIT, name);

    if (rc) {
        free(bytes);
        return rc;
    }
    t.value = (unsigned char *)bytes + t.head;
    *a = t;
    return 0;
}

int pare_npy_read(struct pare_npy *a, const char *path)
{
    void *bytes = NULL;
    size_t n = 0;
    int rc = pare_read_file(&bytes, &n, path, PARE_NPY_LIMIT);

    return rc ? rc : pare_npy_parse(a, bytes, n, path);
}

void pare_npy_release(struct pare_npy *a)
{
    free(a->bytes);
    memset(a, 0, sizeof *a);
}
