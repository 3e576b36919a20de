/* madvise is not of POSIX, whose own name for it does nothing. */
#ifdef __linux__
#undef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "foreign_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"
#include "zip.h"

/* An element, most significant byte last or first. */
static uint64_t word(const unsigned char *p, size_t size, bool big)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)p[big ? size - 1 - i : i] << (8 * i);
    return v;
}

size_t pare_foreign_size(enum pare_foreign_type type)
{
    switch (type) {
    case PARE_FOREIGN_F64:
    case PARE_FOREIGN_I64:
    case PARE_FOREIGN_U64:
        return 8;
    case PARE_FOREIGN_F32:
    case PARE_FOREIGN_I32:
    case PARE_FOREIGN_U32:
        return 4;
    case PARE_FOREIGN_F16:
    case PARE_FOREIGN_BF16:
    case PARE_FOREIGN_I16:
    case PARE_FOREIGN_U16:
        return 2;
    default:
        return 1;
    }
}

uint64_t pare_foreign_count(const struct pare_foreign_tensor *t)
{
    uint64_t n = 1;

    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] == 0)
            return 0;
    for (int i = 0; i < t->rank; i++) {
        if (n > UINT64_MAX / t->dim[i])
            return UINT64_MAX;
        n *= t->dim[i];
    }
    return n;
}

static void release_tensor(struct pare_foreign_tensor *t)
{
    if (t->mask) { /* which has none of its own */
        free(t->mask->name);
        free(t->mask->owned);
        free(t->mask);
    }
    free(t->name);
    free(t->owned);
}

void pare_foreign_release(struct pare_foreign *f)
{
    for (size_t i = 0; i < f->n; i++)
        release_tensor(&f->tensor[i]);
    free(f->tensor);
    for (size_t i = 0; i < f->n_blocks; i++)
        free(f->block[i]);
    free(f->block);
    free(f->arch);
    pare_norm_release(&f->norm);
    for (size_t i = 0; f->class_name && i < f->n_classes; i++)
        free(f->class_name[i]);
    free(f->class_name);
    for (size_t i = 0; i < f->n_notes; i++)
        free(f->note[i]);
    free(f->note);
    for (size_t i = 0; i < f->n_matches; i++)
        free(f->match[i]);
    free(f->match);
    for (size_t i = 0; i < f->n_maps; i++)
        munmap(f->map[i].bytes, f->map[i].size);
    free(f->map);
    pare_zip_free(f->zip);
    memset(f, 0, sizeof *f);
}

/* A list of n items has room for one more; its powers of two are full. */
static int grow(void *list, size_t n, size_t size)
{
    void *old, *new;

    if (n & (n - 1))
        return 0;
    memcpy(&old, list, sizeof old);
    new = realloc(old, (n ? 2 * n : 1) * size);
    if (!new)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(list, &new, sizeof new);
    return 0;
}

struct pare_foreign_tensor *pare_foreign_add(struct pare_foreign *f,
                                             const char *name)
{
    struct pare_foreign_tensor *t;

    if (grow(&f->tensor, f->n, sizeof *f->tensor))
        return NULL;
    t = &f->tensor[f->n];
    memset(t, 0, sizeof *t);
    t->name = strdup(name);
    if (!t->name) {
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    f->n++;
    return t;
}

int pare_foreign_keep(struct pare_foreign *f, void *bytes)
{
    if (grow(&f->block, f->n_blocks, sizeof *f->block)) {
        free(bytes);
        return PARE_ENOMEM;
    }
    f->block[f->n_blocks++] = bytes;
    return 0;
}

static int cannot_read(const char *path, const char *why)
{
    return pare_fail(PARE_EIO, "cannot read '%s': %s", path, why);
}

int pare_foreign_open(struct pare_foreign *f, const unsigned char **bytes,
                      size_t *n, const char *path)
{
    int fd = -1, err = grow(&f->map, f->n_maps, sizeof *f->map);
    struct stat st;
    void *p;

    if (err)
        return err;
    /* Not waiting for one who writes, if it is a pipe that an index names. */
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        err = cannot_read(path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        err = cannot_read(path, strerror(EISDIR));
    else if (!S_ISREG(st.st_mode))
        err = cannot_read(path, "not a regular file");
    else if (st.st_size == 0)
        err = pare_fail(PARE_EFORMAT, "'%s' is empty", path);
    if (!err) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            err = cannot_read(path, strerror(errno));
    }
    if (!err) {
        f->map[f->n_maps].bytes = p;
        f->map[f->n_maps++].size = (size_t)st.st_size;
        *bytes = p;
        *n = (size_t)st.st_size;
    }
    if (fd >= 0)
        close(fd);
    return err;
}

void pare_foreign_unneeded(const void *bytes, size_t n)
{
#ifdef MADV_DONTNEED
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t skip = (uintptr_t)bytes % page;

    (void)madvise((char *)(uintptr_t)bytes - skip, skip + n, MADV_DONTNEED);
#else
    (void)bytes;
    (void)n;
#endif
}

void pare_foreign_done(const struct pare_foreign *f, const void *bytes,
                       size_t n)
{
    const uintptr_t from = (uintptr_t)bytes;

    for (size_t i = 0; i < f->n_maps; i++) {
        const uintptr_t map = (uintptr_t)f->map[i].bytes;

        if (from >= map && from - map <= f->map[i].size &&
            n <= f->map[i].size - (from - map)) {
            pare_foreign_unneeded(bytes, n);
            return;
        }
    }
}

void pare_foreign_looked(const void *f, const void *bytes, size_t n)
{
    pare_foreign_done(f, bytes, n);
}

int pare_foreign_move_maps(struct pare_foreign *f, struct pare_foreign *part)
{
    while (part->n_maps) {
        int err = grow(&f->map, f->n_maps, sizeof *f->map);

        if (err)
            return err;
        f->map[f->n_maps++] = part->map[--part->n_maps];
    }
    return 0;
}

/* One more line in a list of them. */
__attribute__((format(printf, 3, 0))) static int
add_line(char ***line, size_t *n, const char *format, va_list ap)
{
    char text[512];
    int err = grow(line, *n, sizeof **line);

    if (err)
        return err;
    vsnprintf(text, sizeof text, format, ap);
    (*line)[*n] = strdup(text);
    if (!(*line)[*n])
        return pare_fail(PARE_ENOMEM, "out of memory");
    ++*n;
    return 0;
}

int pare_foreign_note(struct pare_foreign *f, const char *format, ...)
{
    va_list ap;
    int err;

    va_start(ap, format);
    err = add_line(&f->note, &f->n_notes, format, ap);
    va_end(ap);
    return err;
}

int pare_foreign_match(struct pare_foreign *f, const char *format, ...)
{
    va_list ap;
    int err;

    va_start(ap, format);
    err = add_line(&f->match, &f->n_matches, format, ap);
    va_end(ap);
    return err;
}

static float from_signed(int64_t v, bool *exact)
{
    float x = (float)v;

    *exact = *exact && x < 0x1p63f && (int64_t)x == v;
    return x;
}

static float from_unsigned(uint64_t v, bool *exact)
{
    float x = (float)v;

    *exact = *exact && x < 0x1p64f && (uint64_t)x == v;
    return x;
}

static float from_double(uint64_t bits, bool *exact)
{
    double v;
    float x;

    memcpy(&v, &bits, sizeof v);
    x = (float)v;
    *exact = *exact && (double)x == v;
    return x;
}

static float element(const unsigned char *p, enum pare_foreign_type type,
                     bool big, bool *exact)
{
    uint64_t v = word(p, pare_foreign_size(type), big);
    uint32_t half = (uint32_t)v;
    float x;

    switch (type) {
    case PARE_FOREIGN_F16:
        return pare_from_f16((uint16_t)v);
    case PARE_FOREIGN_BF16:
        return pare_from_bf16((uint16_t)v);
    case PARE_FOREIGN_F32:
        memcpy(&x, &half, sizeof x);
        return x;
    case PARE_FOREIGN_F64:
        return from_double(v, exact);
    case PARE_FOREIGN_I8:
        return (float)(int8_t)v;
    case PARE_FOREIGN_I16:
        return (float)(int16_t)v;
    case PARE_FOREIGN_I32:
        return from_signed((int32_t)v, exact);
    case PARE_FOREIGN_I64:
        return from_signed((int64_t)v, exact);
    case PARE_FOREIGN_BOOL:
        return v ? 1 : 0;
    default:
        return from_unsigned(v, exact);
    }
}

/* Step to the next position in C order; where its element lies if the first
 * index varies fastest. */
static uint64_t next(uint64_t at[PARE_FOREIGN_RANK],
                     const struct pare_foreign_tensor *t)
{
    uint64_t where = 0;

    for (int i = t->rank; i-- > 0;) {
        if (++at[i] < t->dim[i])
            break;
        at[i] = 0;
    }
    for (int i = t->rank; i-- > 0;)
        where = where * t->dim[i] + at[i];
    return where;
}

/* The value of a tensor whose bytes are in memory, one after the other. */
struct walk {
    const struct pare_foreign_tensor *t;
    size_t size;
    uint64_t i, where, at[PARE_FOREIGN_RANK];
};

static float step(struct walk *w, bool *exact)
{
    const unsigned char *p = w->t->bytes;
    float v = element(p + w->where * w->size, w->t->type, w->t->big, exact);

    w->i++;
    w->where = w->t->fortran ? next(w->at, w->t) : w->i;
    return v;
}

static struct walk walk(const struct pare_foreign_tensor *t)
{
    return (struct walk){.t = t, .size = pare_foreign_size(t->type)};
}

static void convert(float *out, const struct pare_foreign_tensor *t, uint64_t n,
                    bool *exact)
{
    struct walk w = walk(t);

    for (uint64_t i = 0; i < n; i++)
        out[i] = step(&w, exact);
}

static void apply_mask(float *out, const struct pare_foreign_tensor *mask,
                       uint64_t n)
{
    struct walk w = walk(mask);
    bool exact = true;

    for (uint64_t i = 0; i < n; i++)
        if (step(&w, &exact) == 0)
            out[i] = 0;
}

/* Whatever its mask says, and whether they are finite. */
static int to_floats(float *out, const struct pare_foreign_tensor *t,
                     bool *exact)
{
    uint64_t n = pare_foreign_count(t);
    bool same = true;

    if (n > SIZE_MAX / sizeof *out)
        return pare_fail(PARE_ELIMIT, "'%s' is too large", t->name);
    if (t->big || t->fortran || t->type > PARE_FOREIGN_F32)
        convert(out, t, n, &same);
    else
        pare_dtype_get(out, t->bytes, (size_t)n,
                       t->type == PARE_FOREIGN_F16    ? PARE_F16
                       : t->type == PARE_FOREIGN_BF16 ? PARE_BF16
                                                      : PARE_F32);
    if (exact)
        *exact = same;
    return 0;
}

static bool is_exact(const struct pare_foreign_tensor *t)
{
    uint64_t n = pare_foreign_count(t);
    struct walk w = walk(t), mask = walk(t->mask ? t->mask : t);
    bool exact = true, ignored = true;

    if (w.size < 4 || t->type == PARE_FOREIGN_F32)
        return true;
    for (uint64_t i = 0; exact && i < n; i++) {
        step(&w, &exact);
        if (t->mask && step(&mask, &ignored) == 0)
            exact = true;
    }
    return exact;
}

/* A tensor whose bytes are in memory, with its mask. */
struct opened {
    struct pare_foreign_tensor t, mask;
    void *bytes[2]; /* to free */
};

static int unpack(struct pare_foreign_tensor *at, void **bytes,
                  const struct pare_foreign_tensor *t)
{
    uint64_t count = pare_foreign_count(t);
    size_t n = 0, size = pare_foreign_size(t->type);
    int err;

    *at = *t;
    if (!t->zip)
        return 0;
    err = pare_zip_read(bytes, &n, t->zip, t->member, UINT64_MAX, t->name);
    if (!err && (n < t->offset || count > (n - t->offset) / size))
        err =
            pare_fail(PARE_EFORMAT, "'%s' changed while it was read", t->name);
    at->zip = NULL;
    at->bytes = err ? NULL : (const char *)*bytes + t->offset;
    return err;
}

static int open_tensor(struct opened *o, const struct pare_foreign_tensor *t)
{
    int err;

    o->bytes[0] = o->bytes[1] = NULL;
    err = unpack(&o->t, &o->bytes[0], t);
    if (!err && t->mask) {
        err = unpack(&o->mask, &o->bytes[1], t->mask);
        o->t.mask = &o->mask;
    }
    return err;
}

static void close_tensor(struct opened *o)
{
    free(o->bytes[0]);
    free(o->bytes[1]);
}

int pare_foreign_unmasked(float *out, const struct pare_foreign_tensor *t,
                          bool *exact)
{
    struct pare_foreign_tensor at;
    void *bytes = NULL;
    int err = unpack(&at, &bytes, t);

    if (!err)
        err = to_floats(out, &at, exact);
    free(bytes);
    return err;
}

int pare_foreign_hide(float *out, const struct pare_foreign_tensor *mask)
{
    struct pare_foreign_tensor at;
    void *bytes = NULL;
    int err = unpack(&at, &bytes, mask);

    if (!err)
        apply_mask(out, &at, pare_foreign_count(&at));
    free(bytes);
    return err;
}

int pare_foreign_finite(const float *v, const struct pare_foreign_tensor *t)
{
    size_t n = (size_t)pare_foreign_count(t), bad = pare_first_nonfinite(v, n);

    if (bad == n)
        return 0;
    return pare_fail(PARE_EFORMAT, "'%s': value %zu is not finite as float32",
                     t->name, bad);
}

/* One after the other is unpacked, as each may be as large as out. */
int pare_foreign_floats(float *out, const struct pare_foreign_tensor *t,
                        bool *exact)
{
    int err = pare_foreign_unmasked(out, t, exact);

    if (!err && t->mask)
        err = pare_foreign_hide(out, t->mask);
    return err ? err : pare_foreign_finite(out, t);
}

bool pare_foreign_exact(const struct pare_foreign_tensor *t)
{
    struct opened o;
    bool exact = open_tensor(&o, t) != 0 || is_exact(&o.t);

    close_tensor(&o);
    return exact;
}

bool pare_foreign_is_mask(const struct pare_foreign_tensor *t)
{
    struct opened o;
    uint64_t n = pare_foreign_count(t);
    bool good = open_tensor(&o, t) == 0 && n > 0, exact = true;
    struct walk w = walk(&o.t);

    for (uint64_t i = 0; good && i < n; i++) {
        float v = step(&w, &exact);

        good = exact && (v == 0 || v == 1);
    }
    close_tensor(&o);
    return good;
}
