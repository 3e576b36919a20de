#include "h5store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

#include "status.h"

#define DRIVER_VALUE 513 /* beside that of h5image.c */
#define ADDRESS_MAX  ((haddr_t)INT64_MAX)
#define PAGE         ((size_t)1 << 16)
#define LENT_MIN     PAGE          /* less than that is copied */
#define SPILL_MIN    ((size_t)512) /* less than that is not spilled */

/* An array that lies where its owner keeps it, or was spilled. */
struct lent {
    uint64_t at;
    size_t n;
    const char *bytes; /* NULL: in the file */
    void (*make)(void *arg, void *out, size_t at, size_t n); /* or NULL */
    void *arg;
};

struct pare_h5store {
    hid_t driver;
    uint64_t end; /* of what HDF5 may address */
    size_t n_pages;
    char **page; /* [n_pages] PAGE bytes, or NULL */
    size_t n_lent, lent_room;
    struct lent *lent;  /* by address */
    const char *values; /* what is lent at the moment, or NULL */
    size_t n_values;
    void (*make)(void *arg, void *out, size_t at, size_t n); /* of them */
    void *arg;
    int fd;     /* that is spilled to, or -1 */
    int failed; /* errno of the first write that failed */
};

/* HDF5's part comes first. */
struct store_file {
    H5FD_t base;
    struct pare_h5store *store;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The first lent array that ends behind an address, or n_lent. */
static size_t find_lent(const struct pare_h5store *s, uint64_t at)
{
    size_t low = 0, high = s->n_lent;

    while (low < high) {
        size_t i = low + (high - low) / 2;

        if (s->lent[i].at + s->lent[i].n > at)
            high = i;
        else
            low = i + 1;
    }
    return low;
}

static bool add_lent(struct pare_h5store *s, size_t i, uint64_t at, size_t n,
                     const void *bytes)
{
    if (s->n_lent == s->lent_room) {
        size_t room = s->lent_room ? 2 * s->lent_room : 16;
        struct lent *p = realloc(s->lent, room * sizeof *p);

        if (!p)
            return false;
        s->lent = p;
        s->lent_room = room;
    }
    memmove(s->lent + i + 1, s->lent + i, (s->n_lent - i) * sizeof *s->lent);
    s->lent[i] = (struct lent){at, n, bytes, s->make, s->arg};
    s->n_lent++;
    return true;
}

/* The page of an address, made of zeros when it is new; NULL without memory. */
static char *find_page(struct pare_h5store *s, uint64_t at)
{
    uint64_t i = at / PAGE;

    if (i >= s->n_pages) {
        size_t n = s->n_pages ? s->n_pages : 4;
        char **p;

        while (n <= i)
            n *= 2;
        p = realloc(s->page, n * sizeof *p);
        if (!p)
            return NULL;
        memset(p + s->n_pages, 0, (n - s->n_pages) * sizeof *p);
        s->page = p;
        s->n_pages = n;
    }
    if (!s->page[i])
        s->page[i] = calloc(1, PAGE);
    return s->page[i];
}

/* One that find_lent found, or NULL. */
static const struct lent *lent_at(const struct pare_h5store *s, size_t i)
{
    return i < s->n_lent ? s->lent + i : NULL;
}

/* The bytes at an address and how many of n lie there together; NULL
 * without memory. */
static const char *find(struct pare_h5store *s, uint64_t at, size_t n,
                        size_t *run)
{
    size_t i = find_lent(s, at), offset = (size_t)(at % PAGE);
    const struct lent *l = lent_at(s, i);
    const char *page;

    if (l && l->at <= at) {
        *run = least(n, l->n - (size_t)(at - l->at));
        return l->bytes + (at - l->at);
    }
    *run = least(n, PAGE - offset);
    if (l && l->at - at < *run)
        *run = (size_t)(l->at - at);
    page = find_page(s, at);
    return page ? page + offset : NULL;
}

static bool is_lent(const struct pare_h5store *s, H5FD_mem_t type,
                    const char *in, size_t n)
{
    return type == H5FD_MEM_DRAW && n >= LENT_MIN && s->values &&
           n <= s->n_values && in >= s->values &&
           (size_t)(in - s->values) <= s->n_values - n;
}

/* How many of n bytes at an address lie together in the file: 0 if that is
 * not where they are. */
static size_t spilled_run(const struct pare_h5store *s, uint64_t at, size_t n)
{
    size_t i = find_lent(s, at);
    const struct lent *l = lent_at(s, i);

    if (!l || l->at > at || l->bytes)
        return 0;
    return least(n, l->n - (size_t)(at - l->at));
}

static bool get(const struct pare_h5store *s, uint64_t at, char *to, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(s->fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0) { /* the file is shorter yet: a hole */
            memset(to, 0, n);
            return true;
        }
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Write all; after a failure nothing more. */
static void put_all(struct pare_h5store *s, uint64_t at, const char *p,
                    size_t n)
{
    while (n > 0 && !s->failed) {
        ssize_t done = pwrite(s->fd, p, n, (off_t)at);

        if (done < 0 && errno != EINTR)
            s->failed = errno;
        if (done < 0)
            continue;
        p += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
}

/* Bytes to the file, made if they have to be; zeros stay a hole, but for
 * those that go over something. */
static void put(struct pare_h5store *s, uint64_t at, const char *in, size_t n,
                bool over)
{
    const bool made =
        s->make && in >= s->values && in < s->values + s->n_values;
    size_t first = made ? (size_t)(in - s->values) : 0, run;
    char *block = made ? malloc(PAGE) : NULL;

    if (made && !block)
        s->failed = ENOMEM;
    for (; n > 0 && !s->failed; n -= run, at += run, first += run) {
        const char *from = made ? block : in + first;

        run = least(n, made ? PAGE : PAGE - (size_t)(at % PAGE));
        if (made)
            s->make(s->arg, block, first, run);
        if (over || !is_zero(from, run))
            put_all(s, at, from, run);
    }
    free(block);
}

static H5FD_t *store_open(const char *name, unsigned flags, hid_t fapl,
                          haddr_t maxaddr)
{
    struct pare_h5store *const *store = H5Pget_driver_info(fapl);
    struct store_file *f;

    (void)name;
    (void)flags;
    (void)maxaddr;
    f = store ? calloc(1, sizeof *f) : NULL;
    if (!f)
        return NULL;
    f->store = *store;
    return &f->base;
}

static herr_t store_close(H5FD_t *file)
{
    free(file);
    return 0;
}

/* The features of HDF5's own driver for memory that decide where in the file
 * things go. */
static herr_t store_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t store_get_end(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct store_file *)file)->store->end;
}

static herr_t store_set_end(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct store_file *)file)->store->end = end;
    return 0;
}

static bool is_within(const struct pare_h5store *s, uint64_t at, size_t n)
{
    return at <= s->end && n <= s->end - at;
}

static herr_t store_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at,
                         size_t n, void *out)
{
    struct pare_h5store *s = ((struct store_file *)file)->store;
    char *to = out;
    size_t run;

    (void)type;
    (void)dxpl;
    if (!is_within(s, at, n))
        return -1;
    for (size_t i = 0; i < s->n_lent; i++) /* nothing to read there */
        if (s->lent[i].bytes && s->lent[i].make && s->lent[i].at < at + n &&
            at < s->lent[i].at + s->lent[i].n)
            return -1;
    for (; n > 0; n -= run, at += run, to += run) {
        const char *from;

        run = spilled_run(s, at, n);
        if (run > 0) {
            if (!get(s, at, to, run))
                return -1;
            continue;
        }
        from = find(s, at, n, &run);
        if (!from)
            return -1;
        memcpy(to, from, run);
    }
    return 0;
}

/* Copy into pages. */
static bool put_pages(struct pare_h5store *s, uint64_t at, const char *from,
                      size_t n)
{
    size_t run;

    for (; n > 0; n -= run, at += run, from += run) {
        char *page = find_page(s, at);

        if (!page)
            return false;
        run = least(n, PAGE - (size_t)(at % PAGE));
        memcpy(page + at % PAGE, from, run);
    }
    return true;
}

/* A write while arrays are spilled: over what was spilled, into the file,
 * too; of metadata and small arrays, into pages. */
static bool spill(struct pare_h5store *s, H5FD_mem_t type, uint64_t at,
                  const char *in, size_t n)
{
    bool ok = true;
    size_t run;

    for (; ok && n > 0; n -= run, at += run, in += run) {
        size_t i = find_lent(s, at);

        run = spilled_run(s, at, n);
        if (run > 0) {
            put(s, at, in, run, true);
            continue;
        }
        run = i < s->n_lent && s->lent[i].at - at < n
                  ? (size_t)(s->lent[i].at - at)
                  : n;
        if (type == H5FD_MEM_DRAW && run >= SPILL_MIN) {
            put(s, at, in, run, false);
            ok = add_lent(s, i, at, run, NULL);
        } else {
            ok = put_pages(s, at, in, run);
        }
    }
    return ok;
}

/* Nothing is written over a lent array: it is another's. */
static herr_t store_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at,
                          size_t n, const void *in)
{
    struct pare_h5store *s = ((struct store_file *)file)->store;
    size_t i = find_lent(s, at);

    (void)dxpl;
    if (s->fd >= 0)
        return is_within(s, at, n) && spill(s, type, at, in, n) ? 0 : -1;
    if (!is_within(s, at, n) || (i < s->n_lent && s->lent[i].at < at + n))
        return -1;
    if (is_lent(s, type, in, n))
        return add_lent(s, i, at, n, in) ? 0 : -1;
    return put_pages(s, at, in, n) ? 0 : -1;
}

static const H5FD_class_t store_class = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = DRIVER_VALUE,
#endif
    .name = "pare-store",
    .maxaddr = ADDRESS_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct pare_h5store *),
    .open = store_open,
    .close = store_close,
    .query = store_query,
    .get_eoa = store_get_end,
    .set_eoa = store_set_end,
    .get_eof = store_get_end,
    .read = store_read,
    .write = store_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

struct pare_h5store *pare_h5store_new(void)
{
    struct pare_h5store *s = calloc(1, sizeof *s);

    if (s) {
        s->driver = H5I_INVALID_HID;
        s->fd = -1;
    }
    return s;
}

void pare_h5store_free(struct pare_h5store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_pages; i++)
        free(s->page[i]);
    free(s->page);
    free(s->lent);
    free(s);
}

/* The driver stays registered until the file is closed, as h5image.c says. */
hid_t pare_h5store_create(struct pare_h5store *s, hid_t fcpl, hid_t fapl)
{
    s->driver = H5FDregister(&store_class);
    if (s->driver < 0 || H5Pset_driver(fapl, s->driver, &s) < 0)
        return H5I_INVALID_HID;
    return H5Fcreate("/proc/self/nonexistent/image", H5F_ACC_TRUNC, fcpl, fapl);
}

int pare_h5store_close(struct pare_h5store *s, hid_t file)
{
    int err = file >= 0 && H5Fclose(file) < 0 ? -1 : 0;

    if (s->driver >= 0)
        H5FDunregister(s->driver);
    s->driver = H5I_INVALID_HID;
    return err;
}

void pare_h5store_lend(struct pare_h5store *s, const void *values, size_t n)
{
    pare_h5store_lend_made(s, values, n, NULL, NULL);
}

void pare_h5store_lend_made(
    struct pare_h5store *s, const void *values, size_t n,
    void (*make)(void *arg, void *out, size_t at, size_t n), void *arg)
{
    s->values = values;
    s->n_values = n;
    s->make = make;
    s->arg = arg;
}

int pare_h5store_pieces(struct pare_piece **piece, size_t *n, size_t *size,
                        struct pare_h5store *s)
{
    /* Every piece ends with a page, or where a lent array begins or ends. */
    size_t most = (size_t)(s->end / PAGE) + 2 * s->n_lent + 2, k = 0, run;
    struct pare_piece *p = malloc(most * sizeof *p);

    for (uint64_t at = 0; p && at < s->end; at += run, k++) {
        size_t i = find_lent(s, at);
        const struct lent *l = lent_at(s, i);

        p[k] = (struct pare_piece){
            .bytes = find(s, at, (size_t)(s->end - at), &run)};
        p[k].n = run;
        if (l && l->at <= at) { /* always the whole of it */
            p[k].make = l->make;
            p[k].arg = l->arg;
        }
        if (!p[k].bytes) {
            free(p);
            p = NULL;
        }
    }
    if (!p)
        return pare_fail(PARE_ENOMEM, "no memory");
    *piece = p;
    *n = k;
    *size = (size_t)s->end;
    return 0;
}

void pare_h5store_spill(struct pare_h5store *s, int fd)
{
    s->fd = fd;
}

int pare_h5store_failed(const struct pare_h5store *s)
{
    return s->failed;
}

int pare_h5store_settle(struct pare_h5store *s, uint64_t *size)
{
    for (uint64_t at = 0, run; at < s->end; at += run) {
        size_t i = find_lent(s, at);

        run = spilled_run(s, at, s->end - at);
        if (run > 0)
            continue;
        run = least(s->end - at, PAGE - (size_t)(at % PAGE));
        if (i < s->n_lent && s->lent[i].at - at < run)
            run = s->lent[i].at - at;
        if (at / PAGE < s->n_pages && s->page[at / PAGE])
            put_all(s, at, s->page[at / PAGE] + at % PAGE, run);
    }
    if (!s->failed && ftruncate(s->fd, (off_t)s->end) != 0)
        s->failed = errno;
    if (s->failed)
        return pare_fail(PARE_EIO, "%s", strerror(s->failed));
    *size = s->end;
    return 0;
}
