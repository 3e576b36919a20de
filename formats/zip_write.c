#include "zip_write.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "atomic.h"
#include "status.h"

#define MEMBERS_MAX 65535
#define HERE        0xFFFFFFFFu /* the number is in the ZIP64 part */
#define EPOCH       0x0021      /* 1 January 1980, before which none can be */
#define UNIX        (3 << 8)    /* so that the mode below counts */
#define MODE        0100644

struct member {
    char *name;
    uint64_t at, packed, size;
    uint32_t crc;
    unsigned method;
};

struct pare_zip_out {
    struct pare_atomic file;
    uint64_t at; /* bytes written */
    size_t n, room;
    struct member *member;
};

/* Numbers of a record, least significant byte first. */
struct record {
    unsigned char bytes[128];
    size_t n;
};

static void add(struct record *r, int size, uint64_t v)
{
    for (int i = 0; i < size; i++)
        r->bytes[r->n++] = (unsigned char)(v >> (8 * i));
}

static int put(struct pare_zip_out *z, const void *bytes, size_t n)
{
    z->at += n;
    return pare_atomic_put(&z->file, bytes, n);
}

/* A member on its way into memory: crc, length and, while that is less than
 * `most`, deflated bytes. */
struct squeeze {
    z_stream zlib;
    uint32_t crc;
    uint64_t size, most;
    unsigned char *bytes;
    size_t n, room;
    bool fits;
};

static int more_room(struct squeeze *s)
{
    size_t room = s->room ? 2 * s->room : 65536;
    unsigned char *bytes;

    if (room > s->most)
        room = (size_t)s->most;
    if (room <= s->n) {
        s->fits = false;
        return 0;
    }
    bytes = realloc(s->bytes, room);
    if (!bytes)
        return pare_fail(PARE_ENOMEM, "out of memory");
    s->bytes = bytes;
    s->room = room;
    return 0;
}

/* Deflate what the stream was given. */
static int pump(struct squeeze *s, int flush)
{
    int rc, err = 0;

    do {
        size_t room;

        if (s->n == s->room)
            err = more_room(s);
        if (err || !s->fits)
            return err;
        room = s->room - s->n;
        if (room > 1u << 30)
            room = 1u << 30;
        s->zlib.next_out = s->bytes + s->n;
        s->zlib.avail_out = (uInt)room;
        rc = deflate(&s->zlib, flush);
        s->n += room - s->zlib.avail_out;
    } while (s->zlib.avail_in || (flush == Z_FINISH && rc != Z_STREAM_END));
    return 0;
}

static int squeeze(void *to, const void *bytes, size_t n)
{
    struct squeeze *s = to;
    const unsigned char *p = bytes;
    int err = 0;

    while (n && !err) {
        size_t part = n > 1u << 30 ? 1u << 30 : n;

        s->crc = (uint32_t)crc32(s->crc, p, (uInt)part);
        s->size += part;
        s->zlib.next_in = p;
        s->zlib.avail_in = (uInt)part;
        if (s->fits)
            err = pump(s, Z_NO_FLUSH);
        p += part;
        n -= part;
    }
    return err;
}

static int squeeze_all(struct squeeze *s, uint64_t size, pare_zip_make *make,
                       void *arg)
{
    int err;

    s->most = size ? size - 1 : 0;
    s->fits = true;
    if (deflateInit2(&s->zlib, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return pare_fail(PARE_ENOMEM, "out of memory");
    err = make(arg, squeeze, s);
    s->zlib.avail_in = 0;
    if (!err && s->fits)
        err = pump(s, Z_FINISH);
    deflateEnd(&s->zlib);
    if (!err && s->size != size)
        err = pare_fail(PARE_EINVAL, "a member is not as long as it said");
    return err;
}

int pare_zip_out_new(struct pare_zip_out **z, const char *path)
{
    struct pare_zip_out *made = calloc(1, sizeof *made);
    int err;

    if (!made)
        return pare_fail(PARE_ENOMEM, "out of memory");
    err = pare_atomic_begin(&made->file, path);
    if (err)
        free(made);
    else
        *z = made;
    return err;
}

/* What the local header and the directory have in common. */
static void add_common(struct record *r, const struct member *m, bool wide)
{
    add(r, 2, wide ? 45 : 20); /* version needed */
    add(r, 2, 0);
    add(r, 2, m->method);
    add(r, 2, 0);
    add(r, 2, EPOCH);
    add(r, 4, m->crc);
    add(r, 4, wide ? HERE : m->packed);
    add(r, 4, wide ? HERE : m->size);
    add(r, 2, strlen(m->name));
}

static bool is_wide(const struct member *m)
{
    return m->size >= HERE || m->packed >= HERE;
}

static int put_local(struct pare_zip_out *z, const struct member *m)
{
    struct record r = {.n = 0}, extra = {.n = 0};
    bool wide = is_wide(m);
    int err;

    add(&r, 4, 0x04034b50);
    add_common(&r, m, wide);
    add(&r, 2, wide ? 20 : 0);
    if (wide) {
        add(&extra, 2, 1);
        add(&extra, 2, 16);
        add(&extra, 8, m->size);
        add(&extra, 8, m->packed);
    }
    err = put(z, r.bytes, r.n);
    if (!err)
        err = put(z, m->name, strlen(m->name));
    return err ? err : put(z, extra.bytes, extra.n);
}

static int put_entry(struct pare_zip_out *z, const struct member *m)
{
    struct record r = {.n = 0}, extra = {.n = 0};
    bool wide = is_wide(m), far = m->at >= HERE;
    int err;

    if (wide || far) {
        add(&extra, 2, 1);
        add(&extra, 2, (wide ? 16u : 0u) + (far ? 8u : 0u));
        if (wide) {
            add(&extra, 8, m->size);
            add(&extra, 8, m->packed);
        }
        if (far)
            add(&extra, 8, m->at);
    }
    add(&r, 4, 0x02014b50);
    add(&r, 2, UNIX | 45);
    add_common(&r, m, wide);
    add(&r, 2, extra.n);
    add(&r, 2, 0); /* comment, disk, internal attributes */
    add(&r, 2, 0);
    add(&r, 2, 0);
    add(&r, 4, (uint64_t)MODE << 16);
    add(&r, 4, far ? HERE : m->at);
    err = put(z, r.bytes, r.n);
    if (!err)
        err = put(z, m->name, strlen(m->name));
    return err ? err : put(z, extra.bytes, extra.n);
}

static int put_file(void *to, const void *bytes, size_t n)
{
    return put(to, bytes, n);
}

/* Room for one more; it is counted when it is written. */
static int new_member(struct member **m, struct pare_zip_out *z,
                      const char *name)
{
    struct member *made;

    if (z->n == MEMBERS_MAX)
        return pare_fail(PARE_ELIMIT, "more than %d members", MEMBERS_MAX);
    if (z->n == z->room) {
        size_t room = z->room ? 2 * z->room : 16;

        made = realloc(z->member, room * sizeof *made);
        if (!made)
            return pare_fail(PARE_ENOMEM, "out of memory");
        z->member = made;
        z->room = room;
    }
    made = &z->member[z->n];
    memset(made, 0, sizeof *made);
    made->name = strdup(name);
    if (!made->name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    z->n++;
    *m = made;
    return 0;
}

int pare_zip_out_add(struct pare_zip_out *z, const char *name, uint64_t size,
                     pare_zip_make *make, void *arg)
{
    struct squeeze s = {.n = 0};
    struct member *m = NULL;
    int err = new_member(&m, z, name);

    if (!err)
        err = squeeze_all(&s, size, make, arg);
    if (err)
        goto out;
    m->at = z->at;
    m->size = size;
    m->crc = s.crc;
    m->method = s.fits ? 8 : 0;
    m->packed = s.fits ? s.n : size;
    err = put_local(z, m);
    if (!err)
        err = s.fits ? put(z, s.bytes, s.n) : make(arg, put_file, z);
out:
    free(s.bytes);
    return err;
}

static int put_end(struct pare_zip_out *z, uint64_t begin)
{
    uint64_t end = z->at, size = end - begin;
    struct record r = {.n = 0};

    if (begin >= HERE || size >= HERE || z->n >= 0xFFFF) {
        add(&r, 4, 0x06064b50);
        add(&r, 8, 44);
        add(&r, 2, UNIX | 45);
        add(&r, 2, 45);
        add(&r, 8, 0); /* disks */
        add(&r, 8, z->n);
        add(&r, 8, z->n);
        add(&r, 8, size);
        add(&r, 8, begin);
        add(&r, 4, 0x07064b50);
        add(&r, 4, 0);
        add(&r, 8, end);
        add(&r, 4, 1);
    }
    add(&r, 4, 0x06054b50);
    add(&r, 4, 0);
    add(&r, 2, z->n);
    add(&r, 2, z->n);
    add(&r, 4, size >= HERE ? HERE : size);
    add(&r, 4, begin >= HERE ? HERE : begin);
    add(&r, 2, 0);
    return put(z, r.bytes, r.n);
}

int pare_zip_out_finish(struct pare_zip_out *z)
{
    uint64_t begin = z->at;
    int err = 0;

    for (size_t i = 0; i < z->n && !err; i++)
        err = put_entry(z, &z->member[i]);
    if (!err)
        err = put_end(z, begin);
    return err ? err : pare_atomic_commit(&z->file);
}

void pare_zip_out_free(struct pare_zip_out *z)
{
    if (!z)
        return;
    pare_atomic_cancel(&z->file);
    for (size_t i = 0; i < z->n; i++)
        free(z->member[i].name);
    free(z->member);
    free(z);
}
