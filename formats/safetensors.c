#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "status.h"

/* Types as the header names them, and what they are read as. */
struct type {
    const char *name;
    size_t size;
    enum pare_foreign_type type;
    /* Floats of 8 bits: the 16 bits of type that are the same. */
    uint16_t (*widen)(unsigned char bits);
};

/* What a range of the values is, until it is a tensor. */
struct range {
    size_t tensor;
    uint64_t begin, end;
    const struct type *type;
};

struct reader {
    struct pare_json_scan s;
    struct pare_foreign *f;
    struct range *range;
    size_t room;
};

/* 1 sign, 5 exponent, 2 fraction: the upper byte of a float16. */
static uint16_t from_e5m2(unsigned char bits)
{
    return (uint16_t)(bits << 8);
}

/* 1 sign, 4 exponent with bias 7, 3 fraction; no infinity. */
static uint16_t from_e4m3(unsigned char bits)
{
    float v = (float)(bits & 7) / 8;
    int exponent = bits >> 3 & 15;

    if ((bits & 0x7f) == 0x7f)
        return 0x7e00;
    v = exponent ? (1 + v) * (float)(1 << exponent) / 128 : v / 64;
    return pare_to_f16(bits & 0x80 ? -v : v);
}

/* 8 bits of exponent: powers of two, the lowest below the normal numbers. */
static uint16_t from_e8m0(unsigned char bits)
{
    return bits == 0xff ? 0x7fc0 : bits ? (uint16_t)(bits << 7) : 0x40;
}

static const struct type types[] = {
    {"F64", 8, PARE_FOREIGN_F64, NULL},
    {"F32", 4, PARE_FOREIGN_F32, NULL},
    {"F16", 2, PARE_FOREIGN_F16, NULL},
    {"BF16", 2, PARE_FOREIGN_BF16, NULL},
    {"I64", 8, PARE_FOREIGN_I64, NULL},
    {"I32", 4, PARE_FOREIGN_I32, NULL},
    {"I16", 2, PARE_FOREIGN_I16, NULL},
    {"I8", 1, PARE_FOREIGN_I8, NULL},
    {"U64", 8, PARE_FOREIGN_U64, NULL},
    {"U32", 4, PARE_FOREIGN_U32, NULL},
    {"U16", 2, PARE_FOREIGN_U16, NULL},
    {"U8", 1, PARE_FOREIGN_U8, NULL},
    {"BOOL", 1, PARE_FOREIGN_BOOL, NULL},
    {"F8_E5M2", 1, PARE_FOREIGN_F16, from_e5m2},
    {"F8_E4M3", 1, PARE_FOREIGN_F16, from_e4m3},
    {"F8_E8M0", 1, PARE_FOREIGN_BF16, from_e8m0},
};

static int bad(const struct reader *r, const char *tensor, const char *what)
{
    return pare_fail(PARE_EFORMAT, "'%s': tensor '%.200s' %s", r->s.name,
                     tensor, what);
}

static int take_type(const struct type **type, struct reader *r,
                     const char *tensor)
{
    char *name = NULL;
    int err = pare_json_scan_text(&name, &r->s);

    if (err)
        return err;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            *type = &types[i];
    if (!*type)
        err = pare_fail(PARE_EFORMAT,
                        "'%s': tensor '%.200s' is of type %.40s, which is not "
                        "read",
                        r->s.name, tensor, name);
    free(name);
    return err;
}

/* [2, 3] */
static int take_numbers(uint64_t *value, int *n, int most, struct reader *r,
                        const char *tensor)
{
    int err = pare_json_scan_char(&r->s, '[');

    *n = 0;
    if (err || pare_json_scan_is(&r->s, ']'))
        return err;
    do {
        if (*n == most)
            return pare_fail(PARE_EFORMAT,
                             "'%s': tensor '%.200s' has a list of more than "
                             "%d numbers",
                             r->s.name, tensor, most);
        err = pare_json_scan_u64(&value[(*n)++], &r->s);
    } while (!err && pare_json_scan_is(&r->s, ','));
    return err ? err : pare_json_scan_char(&r->s, ']');
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} */
static int take_fields(struct range *range, struct pare_foreign_tensor *t,
                       struct reader *r)
{
    unsigned seen = 0;
    uint64_t offset[2] = {0};
    int n = 2, err = pare_json_scan_char(&r->s, '{');

    while (!err) {
        static const char *const field[] = {"dtype", "shape", "data_offsets"};
        char *key = NULL;
        unsigned k = 0;

        if ((err = pare_json_scan_text(&key, &r->s)) != 0)
            break;
        while (k < 3 && strcmp(key, field[k]) != 0)
            k++;
        free(key);
        if (k == 3 || seen & 1u << k)
            return bad(r, t->name,
                       k == 3 ? "has a field that is not known"
                              : "has a field twice");
        seen |= 1u << k;
        err = pare_json_scan_char(&r->s, ':');
        if (!err && k == 0)
            err = take_type(&range->type, r, t->name);
        else if (!err && k == 1)
            err = take_numbers(t->dim, &t->rank, PARE_FOREIGN_RANK, r, t->name);
        else if (!err)
            err = take_numbers(offset, &n, 2, r, t->name);
        if (!err && !pare_json_scan_is(&r->s, ','))
            break;
    }
    if (!err)
        err = pare_json_scan_char(&r->s, '}');
    if (!err && (seen != 7 || n != 2))
        err = bad(r, t->name, "lacks one of dtype, shape and data_offsets");
    range->begin = offset[0];
    range->end = offset[1];
    return err;
}

/* The range is as long as the shape says? */
static int check_range(const struct reader *r, const struct range *range)
{
    const struct pare_foreign_tensor *t = &r->f->tensor[range->tensor];
    uint64_t n = pare_foreign_count(t);

    if (n > UINT64_MAX / range->type->size)
        return pare_fail(PARE_ELIMIT, "'%s': tensor '%.200s' is too large",
                         r->s.name, t->name);
    if (range->begin > range->end ||
        range->end - range->begin != n * range->type->size)
        return bad(r, t->name,
                   "has a range that is not as long as its shape "
                   "says");
    return 0;
}

static int take_tensor(struct reader *r, const char *name)
{
    struct pare_foreign_tensor *t;
    struct range range = {.tensor = r->f->n};
    int err;

    if (r->f->n == PARE_WEIGHTS_MAX)
        return pare_fail(PARE_ELIMIT, "'%s' has more than %d tensors",
                         r->s.name, PARE_WEIGHTS_MAX);
    if (r->f->n == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct range *more = realloc(r->range, room * sizeof *more);

        if (!more)
            return pare_fail(PARE_ENOMEM, "out of memory");
        r->range = more;
        r->room = room;
    }
    t = pare_foreign_add(r->f, name);
    if (!t)
        return PARE_ENOMEM;
    err = take_fields(&range, t, r);
    if (err)
        return err;
    t->type = range.type->type;
    r->range[range.tensor] = range;
    return check_range(r, &range);
}

/* {"name": {...}, ..., "__metadata__": {...}} and space. */
static int parse_header(struct reader *r)
{
    bool metadata = false;
    int err = pare_json_scan_char(&r->s, '{');

    if (err || pare_json_scan_is(&r->s, '}'))
        goto end;
    do {
        char *key = NULL;

        err = pare_json_scan_text(&key, &r->s);
        if (!err)
            err = pare_json_scan_char(&r->s, ':');
        if (!err && strcmp(key, "__metadata__") == 0) {
            err = metadata ? bad(r, key, "is there twice")
                           : pare_safetensors_own(r->f, &r->s);
            metadata = true;
        } else if (!err) {
            err = take_tensor(r, key);
        }
        free(key);
    } while (!err && pare_json_scan_is(&r->s, ','));
    if (!err)
        err = pare_json_scan_char(&r->s, '}');
end:
    if (!err && !pare_json_scan_done(&r->s))
        err = pare_fail(PARE_EFORMAT, "'%s': there is more behind its JSON",
                        r->s.name);
    return err;
}

static int by_place(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte of the values belongs to one tensor. */
static int check_tiles(struct reader *r, uint64_t size)
{
    uint64_t at = 0;

    if (r->f->n)
        qsort(r->range, r->f->n, sizeof *r->range, by_place);
    for (size_t i = 0; i < r->f->n; i++) {
        const char *name = r->f->tensor[r->range[i].tensor].name;

        if (r->range[i].begin != at)
            return bad(r, name,
                       r->range[i].begin < at ? "overlaps another"
                                              : "has a hole before it");
        at = r->range[i].end;
        if (at > size)
            return bad(r, name, "lies beyond the end of the file");
    }
    if (at != size)
        return pare_fail(PARE_EFORMAT,
                         "'%s': %" PRIu64 " bytes at its end belong to no "
                         "tensor",
                         r->s.name, size - at);
    return 0;
}

/* Where the values are, or a copy of them as 16 bits. */
static int place(struct pare_foreign_tensor *t, const struct range *range,
                 const unsigned char *values)
{
    size_t n = (size_t)(range->end - range->begin);
    const unsigned char *from = values + range->begin;
    unsigned char *wide;

    t->bytes = from;
    if (!range->type->widen)
        return 0;
    if (n > SIZE_MAX / 2 - 1 || !(wide = malloc(2 * n + 1)))
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        uint16_t bits = range->type->widen(from[i]);

        wide[2 * i] = (unsigned char)bits;
        wide[2 * i + 1] = (unsigned char)(bits >> 8);
    }
    t->bytes = t->owned = wide;
    return 0;
}

/* No name is there twice, now that they are in order. */
static int check_names(const struct reader *r)
{
    for (size_t i = 1; i < r->f->n; i++)
        if (strcmp(r->f->tensor[i - 1].name, r->f->tensor[i].name) == 0)
            return bad(r, r->f->tensor[i].name, "is there twice");
    return 0;
}

static int read_file(struct reader *r, const char *path)
{
    const unsigned char *bytes;
    uint64_t header = 0;
    size_t n;
    int err = pare_foreign_open(r->f, &bytes, &n, path);

    if (err)
        return err;
    for (int i = 0; n >= 8 && i < 8; i++)
        header |= (uint64_t)bytes[i] << (8 * i);
    if (n < 8 || (n > 8 && bytes[8] != '{') || header < 2)
        return pare_fail(PARE_EFORMAT, "'%s' is not a safetensors file", path);
    if (header > PARE_SAFETENSORS_HEADER)
        return pare_fail(PARE_ELIMIT, "'%s': its header has more than %d bytes",
                         path, PARE_SAFETENSORS_HEADER);
    if (header > n - 8)
        return pare_fail(PARE_EFORMAT, "'%s' is cut off in its header", path);
    r->s = (struct pare_json_scan){(const char *)bytes + 8,
                                   (const char *)bytes + 8 + header, path};
    err = parse_header(r);
    if (!err)
        err = check_tiles(r, n - 8 - header);
    for (size_t i = 0; !err && i < r->f->n; i++)
        err = place(&r->f->tensor[r->range[i].tensor], &r->range[i],
                    bytes + 8 + header);
    if (err)
        return err;
    pare_foreign_sort(r->f);
    return check_names(r);
}

int pare_safetensors_read(struct pare_foreign *f, const char *path)
{
    struct pare_foreign new = {0};
    struct reader r = {.f = &new};
    int err = read_file(&r, path);

    free(r.range);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

bool pare_safetensors_looks(const unsigned char *head, size_t n)
{
    return n > 9 && head[8] == '{' && head[5] == 0 && head[6] == 0 &&
           head[7] == 0;
}
