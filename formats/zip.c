#include "zip.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "atomic.h"
#include "status.h"

#define RATIO    1040 /* more than deflate can reach */
#define NAME_MAX 255
#define STEP     ((size_t)16 << 20) /* packed bytes looked at together */
#define HERE     0xFFFFFFFFu        /* the number is in the ZIP64 part */

/* One file of the archive, as the directory tells. */
struct member {
    char *name;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, size, at;
};

struct pare_zip {
    const unsigned char *bytes;
    void *owned;                  /* bytes, or NULL: they are not ours */
    size_t n, directory;          /* where the latter begins */
    struct member *member;        /* [n_members] in order of the directory */
    const struct member **sorted; /* by name */
    size_t n_members;
    void (*done)(const void *bytes, size_t n); /* or NULL */
};

static unsigned u16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t u32(const unsigned char *p)
{
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static int damaged(const char *path, const char *what)
{
    return pare_fail(PARE_EFORMAT, "'%s': damaged ZIP archive (%s)", path,
                     what);
}

/* The end record: the last one whose comment ends with the file. */
static const unsigned char *find_end(const unsigned char *b, size_t n)
{
    for (size_t comment = 0; comment <= 0xFFFF && n >= 22 + comment;
         comment++) {
        const unsigned char *p = b + n - 22 - comment;

        if (u32(p) == 0x06054b50 && u16(p + 20) == comment)
            return p;
    }
    return NULL;
}

/* Where the directory is. */
struct place {
    uint64_t at, size, entries;
};

/* The ZIP64 twin of an end record, if its locator stands before it. */
static int place64(struct place *d, size_t *end, const unsigned char *b,
                   const char *path)
{
    const unsigned char *p;
    uint64_t at;

    if (*end < 20 || u32(b + *end - 20) != 0x07064b50)
        return 0;
    at = u64(b + *end - 12);
    if (*end < 76 || at > *end - 76)
        return damaged(path, "end record");
    p = b + at;
    if (u32(p) != 0x06064b50 || u64(p + 4) != *end - 32 - at ||
        u32(p + 16) != 0 || u32(p + 20) != 0 || u64(p + 24) != u64(p + 32))
        return damaged(path, "end record");
    *d = (struct place){u64(p + 48), u64(p + 40), u64(p + 32)};
    *end = (size_t)at;
    return 0;
}

static int find_directory(struct place *d, const unsigned char *b, size_t n,
                          const char *path)
{
    const unsigned char *p = find_end(b, n);
    size_t end;
    int rc;

    if (!p)
        return pare_fail(PARE_EFORMAT,
                         n >= 4 && u32(b) == 0x04034b50
                             ? "'%s' is cut off: no directory at its end"
                             : "'%s' is not a ZIP archive",
                         path);
    if (u16(p + 4) != 0 || u16(p + 6) != 0 || u16(p + 8) != u16(p + 10))
        return damaged(path, "it has several parts");
    end = (size_t)(p - b);
    *d = (struct place){u32(p + 16), u32(p + 12), u16(p + 10)};
    if ((rc = place64(d, &end, b, path)) != 0)
        return rc;
    if (d->size > end || d->at != end - d->size)
        return damaged(path, "its directory is not where it should be");
    if (d->entries > PARE_ZIP_MEMBERS)
        return pare_fail(PARE_ELIMIT, "'%s' has more than %d members", path,
                         PARE_ZIP_MEMBERS);
    return 0;
}

/* Numbers of 32 bits that say that they are in the ZIP64 part. */
static int widen(struct member *m, const unsigned char *p, size_t n,
                 const char *path)
{
    uint64_t *const wide[] = {&m->size, &m->packed, &m->at};
    size_t left = 0;

    while (n >= 4 && n - 4 >= u16(p + 2) && u16(p) != 1) {
        size_t skip = 4 + u16(p + 2);

        p += skip;
        n -= skip;
    }
    if (n >= 4 && n - 4 >= u16(p + 2) && u16(p) == 1) {
        left = u16(p + 2);
        p += 4;
    }
    for (int i = 0; i < 3; i++) {
        if (*wide[i] != HERE)
            continue;
        if (left < 8)
            return damaged(path, "a size of more than 32 bits is missing");
        *wide[i] = u64(p);
        p += 8;
        left -= 8;
    }
    return 0;
}

static int take_name(struct pare_zip *z, struct member *m,
                     const unsigned char *p, size_t n, const char *path)
{
    if (n == 0 || n > NAME_MAX)
        return pare_fail(PARE_ELIMIT, "'%s': a name of %zu bytes", path, n);
    if (memchr(p, '\0', n))
        return damaged(path, "a name with a null byte");
    if (!(m->name = calloc(1, n + 1)))
        return pare_fail(PARE_ENOMEM, "out of memory");
    z->n_members++;
    memcpy(m->name, p, n);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct member *const *)a)->name,
                  (*(const struct member *const *)b)->name);
}

/* Sort the members by name, each of which there is once. */
static int sort_members(struct pare_zip *z, const char *path)
{
    z->sorted = malloc((z->n_members + 1) * sizeof *z->sorted);
    if (!z->sorted)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < z->n_members; i++)
        z->sorted[i] = &z->member[i];
    qsort(z->sorted, z->n_members, sizeof *z->sorted, by_name);
    for (size_t i = 1; i < z->n_members; i++)
        if (by_name(&z->sorted[i - 1], &z->sorted[i]) == 0)
            return pare_fail(PARE_EFORMAT, "'%s' has two files '%s'", path,
                             z->sorted[i]->name);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct member *x = *(const struct member *const *)a;
    const struct member *y = *(const struct member *const *)b;

    return (x->at > y->at) - (x->at < y->at);
}

/* Bytes of an archive are those of one member: what all of them unpack to is
 * in proportion to the file. */
static int check_places(const struct pare_zip *z, const char *path)
{
    const struct member **p = malloc((z->n_members + 1) * sizeof *p);
    int rc = p ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t i = 0; p && i < z->n_members; i++)
        p[i] = &z->member[i];
    if (p)
        qsort(p, z->n_members, sizeof *p, by_place);
    for (size_t i = 1; !rc && i < z->n_members; i++) {
        uint64_t room = p[i]->at - p[i - 1]->at;

        if (room < 30 || room - 30 < p[i - 1]->packed)
            rc = damaged(path, "two members overlap");
    }
    free(p);
    return rc;
}

static int read_directory(struct pare_zip *z, const struct place *d,
                          const char *path)
{
    const unsigned char *p = z->bytes + d->at;
    uint64_t left = d->size;

    z->member = calloc((size_t)d->entries + 1, sizeof *z->member);
    if (!z->member)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (uint64_t i = 0; i < d->entries; i++) {
        struct member *m = &z->member[z->n_members];
        uint64_t size;
        int rc;

        if (left < 46 || u32(p) != 0x02014b50)
            return damaged(path, "its directory");
        size = 46 + (uint64_t)u16(p + 28) + u16(p + 30) + u16(p + 32);
        if (left < size)
            return damaged(path, "its directory is cut off");
        *m = (struct member){.flags = u16(p + 8),
                             .method = u16(p + 10),
                             .crc = u32(p + 16),
                             .packed = u32(p + 20),
                             .size = u32(p + 24),
                             .at = u32(p + 42)};
        if ((rc = take_name(z, m, p + 46, u16(p + 28), path)) != 0 ||
            (rc = widen(m, p + 46 + u16(p + 28), u16(p + 30), path)) != 0)
            return rc;
        p += size;
        left -= size;
    }
    if (left)
        return damaged(path, "its directory is too long");
    return check_places(z, path);
}

int pare_zip_view(struct pare_zip **out, const void *bytes, size_t n,
                  const char *path)
{
    struct pare_zip *z = calloc(1, sizeof *z);
    struct place d = {0};
    int rc;

    if (!z)
        return pare_fail(PARE_ENOMEM, "out of memory");
    z->bytes = bytes;
    z->n = n;
    rc = find_directory(&d, bytes, n, path);
    if (rc == 0) {
        z->directory = (size_t)d.at;
        rc = read_directory(z, &d, path);
        if (rc == 0)
            rc = sort_members(z, path);
    }
    if (rc)
        pare_zip_free(z);
    else
        *out = z;
    return rc;
}

int pare_zip_parse(struct pare_zip **z, void *bytes, size_t n, const char *path)
{
    int rc = pare_zip_view(z, bytes, n, path);

    if (rc)
        free(bytes);
    else
        (*z)->owned = bytes;
    return rc;
}

int pare_zip_open(struct pare_zip **z, const char *path, size_t most)
{
    void *bytes = NULL;
    size_t n = 0;
    int rc = pare_read_file(&bytes, &n, path, most);

    return rc ? rc : pare_zip_parse(z, bytes, n, path);
}

void pare_zip_on_unpacked(struct pare_zip *z,
                          void (*done)(const void *bytes, size_t n))
{
    z->done = done;
}

bool pare_zip_begins(const unsigned char *head, size_t n, const char *glob)
{
    char name[NAME_MAX + 1];
    size_t size;

    if (n < 30 || u32(head) != 0x04034b50)
        return false;
    size = u16(head + 26);
    if (size > NAME_MAX || size > n - 30)
        return false;
    memcpy(name, head + 30, size);
    name[size] = '\0';
    return fnmatch(glob, name, 0) == 0;
}

void pare_zip_free(struct pare_zip *z)
{
    if (!z)
        return;
    for (size_t i = 0; i < z->n_members; i++)
        free(z->member[i].name);
    free(z->member);
    free(z->sorted);
    free(z->owned);
    free(z);
}

const char *pare_zip_name(const struct pare_zip *z, size_t index)
{
    return index < z->n_members ? z->member[index].name : NULL;
}

static const struct member *find(const struct pare_zip *z, const char *name)
{
    size_t lo = 0, hi = z->n_members;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(z->sorted[mid]->name, name);

        if (order == 0)
            return z->sorted[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool pare_zip_has(const struct pare_zip *z, const char *name)
{
    return find(z, name) != NULL;
}

/* The packed bytes of a member, if they lie before the directory. */
static int locate(const unsigned char **p, const struct pare_zip *z,
                  const struct member *m, const char *label)
{
    const unsigned char *head;
    uint64_t room, skip;

    if (z->directory < 30 || m->at > z->directory - 30)
        return damaged(label, "it lies beyond the end");
    head = z->bytes + m->at;
    room = z->directory - m->at;
    skip = 30 + (uint64_t)u16(head + 26) + u16(head + 28);
    if (u32(head) != 0x04034b50 || u16(head + 8) != m->method)
        return damaged(label, "its head is not as the directory says");
    if (skip > room || m->packed > room - skip)
        return damaged(label, "it lies beyond the end");
    *p = head + skip;
    return 0;
}

/* Inflate all of it, to the size declared and not a byte more; or, of less
 * room than that, what fills it. */
static int unpack(unsigned char *out, uint64_t room, const struct pare_zip *z,
                  const struct member *m, const unsigned char *in,
                  const char *label)
{
    uint64_t left = m->packed;
    const bool part = room < m->size;
    z_stream s = {0};
    int rc = Z_OK;

    if (inflateInit2(&s, -15) != Z_OK)
        return pare_fail(PARE_ENOMEM, "out of memory");
    while (rc == Z_OK && !(part && room == 0)) {
        size_t some = left < STEP ? (size_t)left : STEP;
        size_t most = room < 1u << 30 ? (size_t)room : 1u << 30;

        s.next_in = in;
        s.avail_in = (uInt)some;
        s.next_out = out;
        s.avail_out = (uInt)most;
        rc = inflate(&s, Z_NO_FLUSH);
        if (z->done)
            z->done(in, some - s.avail_in);
        in += some - s.avail_in;
        left -= some - s.avail_in;
        out += most - s.avail_out;
        room -= most - s.avail_out;
    }
    inflateEnd(&s);
    if (rc == Z_MEM_ERROR)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (part ? room != 0 : rc != Z_STREAM_END || left || room)
        return damaged(label, "its packed bytes");
    return 0;
}

static int check_member(const struct member *m, const char *label,
                        uint64_t most)
{
    if (m->flags & 0x2041)
        return pare_fail(PARE_EFORMAT, "'%s' is encrypted", label);
    if (m->method != 0 && m->method != 8)
        return pare_fail(PARE_EFORMAT,
                         "'%s' is packed by method %u, not by deflate", label,
                         m->method);
    if (m->size > most)
        return pare_fail(PARE_ELIMIT, "'%s' declares more than %llu bytes",
                         label, (unsigned long long)most);
    if (m->method == 0 ? m->size != m->packed : m->size / RATIO > m->packed)
        return pare_fail(PARE_EFORMAT,
                         "'%s' declares %llu bytes, which its %llu cannot "
                         "hold",
                         label, (unsigned long long)m->size,
                         (unsigned long long)m->packed);
    return 0;
}

/* A member that may be read, and its packed bytes. */
static int open_member(const struct member **m, const unsigned char **in,
                       const struct pare_zip *z, const char *name,
                       uint64_t most, const char *label)
{
    int rc;

    *m = find(z, name);
    if (!*m)
        return pare_fail(PARE_EFORMAT, "'%s' is not there", label);
    rc = check_member(*m, label, most);
    return rc ? rc : locate(in, z, *m, label);
}

int pare_zip_stored(const void **bytes, size_t *n, const struct pare_zip *z,
                    const char *name, uint64_t most, const char *label,
                    void (*done)(const void *arg, const void *bytes, size_t n),
                    const void *arg)
{
    const struct member *m;
    const unsigned char *in = NULL;
    unsigned long sum = 0;
    int rc = open_member(&m, &in, z, name, most, label);

    if (rc || m->method != 0)
        return rc;
    for (size_t at = 0, some; at < m->size; at += some) {
        some = m->size - at < STEP ? (size_t)m->size - at : STEP;
        sum = crc32_z(sum, in + at, some);
        if (done)
            done(arg, in + at, some);
    }
    if (sum != m->crc)
        return damaged(label, "its checksum");
    *bytes = in;
    *n = (size_t)m->size;
    return 1;
}

int pare_zip_head(void *out, size_t *n, uint64_t *size,
                  const struct pare_zip *z, const char *name, uint64_t most,
                  const char *label)
{
    const struct member *m;
    const unsigned char *in = NULL;
    int rc = open_member(&m, &in, z, name, most, label);

    if (rc)
        return rc;
    *size = m->size;
    *n = *n < m->size ? *n : (size_t)m->size;
    if (m->method != 0)
        return unpack(out, *n, z, m, in, label);
    memcpy(out, in, *n);
    return 0;
}

int pare_zip_read(void **bytes, size_t *n, const struct pare_zip *z,
                  const char *name, uint64_t most, const char *label)
{
    const struct member *m;
    const unsigned char *in = NULL;
    unsigned char *out;
    int rc = open_member(&m, &in, z, name, most, label);

    if (rc)
        return rc;
    out = malloc((size_t)m->size + 1);
    if (!out)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (m->method == 0)
        memcpy(out, in, (size_t)m->size);
    else
        rc = unpack(out, m->size, z, m, in, label);
    if (rc == 0 && crc32_z(0, out, (size_t)m->size) != m->crc)
        rc = damaged(label, "its checksum");
    if (rc) {
        free(out);
        return rc;
    }
    out[m->size] = '\0';
    *bytes = out;
    *n = (size_t)m->size;
    return 0;
}
