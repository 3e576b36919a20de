#include "h5read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "h5open.h"
#include "parallel.h"
#include "rans.h"
#include "status.h"

#define EXPANSION 1100      /* most declared bytes per stored byte */
#define SLACK     (1 << 20) /* that a small file may declare anyway */
#define CHUNK_MAX ((size_t)1 << 26)
#define DIM_MAX   ((hsize_t)1 << 31)
#define LOT_MAX   4 /* chunks decoded at the same time */

/* An open dataset whose shape and storage have been checked. */
struct dataset {
    hid_t id, type;
    const char *path;
    size_t element;
    int rank;
    size_t dim[PARE_H5_RANK_MAX];
    size_t count, bytes, stored;
    bool chunked, deflated, rans;
    size_t chunk[PARE_H5_RANK_MAX], chunk_bytes;
};

static void dataset_close(struct dataset *d)
{
    if (d->type >= 0)
        H5Tclose(d->type);
    if (d->id >= 0)
        H5Dclose(d->id);
}

static int check_space(struct dataset *d)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t s = H5Dget_space(d->id);
    H5S_class_t class = s < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(s);
    int rank = -1;

    if (class == H5S_SIMPLE || class == H5S_SCALAR)
        rank = H5Sget_simple_extent_dims(s, dim, NULL);
    if (s >= 0)
        H5Sclose(s);
    if (rank < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' is no array", d->path);
    if (rank > PARE_H5_RANK_MAX)
        return pare_fail(PARE_ELIMIT, "'%s' has rank %d, the most is %d",
                         d->path, rank, PARE_H5_RANK_MAX);
    d->rank = rank;
    for (int i = 0; i < rank; i++) {
        if (dim[i] > DIM_MAX)
            return pare_fail(PARE_ELIMIT, "'%s' has a dimension of %llu",
                             d->path, (unsigned long long)dim[i]);
        d->dim[i] = (size_t)dim[i];
    }
    d->element = H5Tget_size(d->type);
    if (d->element == 0 ||
        !pare_h5lib_bytes(&d->bytes, &d->count, rank, d->dim, d->element))
        return pare_fail(PARE_ELIMIT, "'%s' declares more bytes than fit",
                         d->path);
    return 0;
}

/* Is it of a type that values and gaps of tensors have in a file? */
static bool is_value(const struct dataset *d)
{
    return pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_F32)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_F16)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_U16)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_U32));
}

/* No filter but one deflate, or that of rans.h on values. */
static int check_filters(struct dataset *d, hid_t p)
{
    int n = H5Pget_nfilters(p);
    size_t n_values = 0;
    unsigned flags, config;
    H5Z_filter_t filter;

    if (n < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' cannot be read", d->path);
    if (n == 0)
        return 0;
    filter = H5Pget_filter2(p, 0, &flags, &n_values, NULL, 0, NULL, &config);
    d->rans = n == 1 && filter == PARE_RANS_FILTER && is_value(d);
    if (d->rans)
        return 0;
    if (n > 1 || filter != H5Z_FILTER_DEFLATE)
        return pare_h5lib_fail(
            PARE_EFORMAT, "'%s' has filters other than one deflate", d->path);
    d->deflated = true;
    return 0;
}

static int check_chunks(struct dataset *d, hid_t p)
{
    hsize_t chunk[PARE_H5_RANK_MAX];
    size_t count;

    if (d->rank == 0 || H5Pget_chunk(p, d->rank, chunk) != d->rank)
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' has odd chunks", d->path);
    for (int i = 0; i < d->rank; i++) {
        if (chunk[i] == 0 || chunk[i] > CHUNK_MAX || chunk[i] > 2 * d->dim[i])
            return pare_fail(PARE_ELIMIT, "'%s' has chunks that do not fit",
                             d->path);
        d->chunk[i] = (size_t)chunk[i];
    }
    if (!pare_h5lib_bytes(&d->chunk_bytes, &count, d->rank, d->chunk,
                          d->element) ||
        d->chunk_bytes > CHUNK_MAX)
        return pare_fail(PARE_ELIMIT, "'%s' has chunks above %zu bytes",
                         d->path, CHUNK_MAX);
    d->chunked = true;
    return 0;
}

static int check_layout(struct dataset *d)
{
    hid_t p = H5Dget_create_plist(d->id);
    int err;

    if (p < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' cannot be read", d->path);
    if (H5Pget_external_count(p) != 0) {
        err = pare_fail(PARE_EFORMAT,
                        "'%s' keeps its values in another "
                        "file, which is not opened",
                        d->path);
        goto out;
    }
    err = check_filters(d, p);
    if (err)
        goto out;
    switch (H5Pget_layout(p)) {
    case H5D_CONTIGUOUS:
        break;
    case H5D_CHUNKED:
        err = d->count ? check_chunks(d, p) : 0;
        break;
    default:
        err = pare_h5lib_fail(PARE_EFORMAT,
                              "'%s' is neither contiguous "
                              "nor chunked",
                              d->path);
    }
out:
    H5Pclose(p);
    return err;
}

/* The index of chunks takes more than 8 bytes for each of them. */
static int count_chunks(struct dataset *d, const struct pare_h5 *h)
{
    uint64_t n = 1;

    for (int i = 0; i < d->rank; i++) {
        uint64_t along = (d->dim[i] + d->chunk[i] - 1) / d->chunk[i];

        if (along > h->size / 8 / n)
            return pare_fail(PARE_ELIMIT, "'%s' has too many chunks", d->path);
        n *= along;
    }
    return 0;
}

static int check_extent(struct dataset *d, const struct pare_h5 *h)
{
    haddr_t at = H5Dget_offset(d->id);

    if (at == HADDR_UNDEF || d->bytes != d->stored || at > h->size ||
        d->stored > h->size - at)
        return pare_h5lib_fail(PARE_EFORMAT,
                               "'%s' lies beyond the end of the file", d->path);
    return 0;
}

/* Are there as many bytes in the file as the shape promises? */
static int check_stored(struct dataset *d, const struct pare_h5 *h)
{
    hsize_t stored = d->count ? H5Dget_storage_size(d->id) : 0;

    if (d->count == 0)
        return 0;
    if (stored == 0 || stored > h->size)
        return pare_h5lib_fail(
            PARE_EFORMAT, "'%s' declares %zu bytes but stores %s", d->path,
            d->bytes, stored ? "more than the file" : "none");
    d->stored = (size_t)stored;
    if (d->deflated || d->rans ? d->bytes / EXPANSION > stored
                               : d->bytes > stored)
        return pare_fail(PARE_ELIMIT, "'%s' declares %zu bytes but stores %zu",
                         d->path, d->bytes, d->stored);
    return d->chunked ? count_chunks(d, h) : check_extent(d, h);
}

static int dataset_open(struct dataset *d, struct pare_h5 *h, const char *path)
{
    int err = pare_h5lib_object(h, path, H5O_TYPE_DATASET);

    *d = (struct dataset){
        .id = H5I_INVALID_HID, .type = H5I_INVALID_HID, .path = path};
    if (err)
        return err;
    d->id = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (d->id >= 0)
        d->type = H5Dget_type(d->id);
    if (d->type < 0)
        err = pare_h5lib_fail(PARE_EFORMAT, "cannot open '%s'", path);
    if (!err)
        err = check_space(d);
    if (!err)
        err = check_layout(d);
    if (!err)
        err = check_stored(d, h);
    if (err)
        dataset_close(d);
    return err;
}

int pare_h5_info(struct pare_h5_info *info, struct pare_h5 *h, const char *path)
{
    struct pare_h5_info found = {0};
    struct dataset d;
    int err = dataset_open(&d, h, path);

    if (err)
        return err;
    err = pare_h5lib_find_type(&found.type, d.type, path);
    if (!err) {
        found.rank = d.rank;
        memcpy(found.dim, d.dim, sizeof found.dim);
        found.count = d.count;
        found.stored = d.stored;
        found.filtered = d.rans;
        *info = found;
    }
    dataset_close(&d);
    return err;
}

/* 0; PARE_EFORMAT; PARE_ENOMEM: no message, as fail_chunk has it. */
static int inflate_chunk(char *out, size_t n_out, const char *in, size_t n_in)
{
    uLongf n = n_out;
    int end = uncompress((Bytef *)out, &n, (const Bytef *)in, n_in);

    if (end == Z_MEM_ERROR)
        return PARE_ENOMEM;
    return end == Z_OK && n == n_out ? 0 : PARE_EFORMAT;
}

/* The same. */
static int unfilter_chunk(char *out, size_t n_out, const char *in, size_t n_in)
{
    int end =
        pare_rans_decode((uint8_t *)out, n_out, (const uint8_t *)in, n_in);

    if (end == PARE_RANS_MEMORY)
        return PARE_ENOMEM;
    return end == PARE_RANS_OK ? 0 : PARE_EFORMAT;
}

static int fail_chunk(const struct dataset *d, int err)
{
    if (err == PARE_ENOMEM)
        return pare_fail(PARE_ENOMEM, "no memory");
    return pare_h5lib_fail(PARE_EFORMAT, "'%s' has a damaged chunk", d->path);
}

/* How many bytes are stored of the chunk at `at`? */
static int chunk_size(size_t *stored, struct dataset *d, const hsize_t *at)
{
    hsize_t size = 0;

    if (H5Dget_chunk_storage_size(d->id, at, &size) < 0 || size == 0 ||
        size > d->stored || size > 2 * d->chunk_bytes + 64)
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' lacks a chunk", d->path);
    *stored = (size_t)size;
    return 0;
}

/* The stored bytes of the chunk at `at`, malloc'd; whether filters were
 * skipped. */
static int fetch_chunk(char **raw, size_t *size, bool *skipped,
                       struct dataset *d, const hsize_t *at)
{
    uint32_t mask = 0;
    int err = chunk_size(size, d, at);
    char *p;

    if (err)
        return err;
    p = malloc(*size);
    if (!p)
        return pare_fail(PARE_ENOMEM, "no memory");
    if (H5Dread_chunk(d->id, H5P_DEFAULT, at, &mask, p) < 0) {
        free(p);
        return fail_chunk(d, PARE_EFORMAT);
    }
    *skipped = mask & 1;
    *raw = p;
    return 0;
}

/* Read the chunk at `at` into out [chunk_bytes]; we inflate it ourselves,
 * because libhdf5 lets a stream grow to any size. */
static int read_chunk(char *out, struct dataset *d, const hsize_t *at)
{
    size_t size = 0;
    bool skipped = false;
    char *raw = NULL;
    int err = fetch_chunk(&raw, &size, &skipped, d, at);

    if (err)
        return err;
    if (d->rans)
        err = skipped ? PARE_EFORMAT
                      : unfilter_chunk(out, d->chunk_bytes, raw, size);
    else if (d->deflated && !skipped)
        err = inflate_chunk(out, d->chunk_bytes, raw, size);
    else if (size == d->chunk_bytes)
        memcpy(out, raw, d->chunk_bytes);
    else
        err = PARE_EFORMAT;
    free(raw);
    return err ? fail_chunk(d, err) : 0;
}

/* Copy what a chunk at `at` and the rows [first, last) share, axis by
 * axis; offsets are in elements. */
static void scatter(char *out, const char *chunk, const struct dataset *d,
                    const hsize_t *at, size_t first, size_t last)
{
    size_t lo[PARE_H5_RANK_MAX], hi[PARE_H5_RANK_MAX], i[PARE_H5_RANK_MAX];
    int rank = d->rank, axis;
    size_t run;

    for (int a = 0; a < rank; a++) {
        size_t end = (size_t)at[a] + d->chunk[a];
        size_t top = a == 0 ? last : d->dim[a];

        lo[a] = a == 0 && at[0] < first ? first : (size_t)at[a];
        hi[a] = end < top ? end : top;
        i[a] = lo[a];
    }
    run = (hi[rank - 1] - lo[rank - 1]) * d->element;
    do {
        size_t from = 0, to = 0;

        for (int a = 0; a < rank; a++) {
            from = from * d->chunk[a] + (i[a] - (size_t)at[a]);
            to = to * d->dim[a] + i[a] - (a == 0 ? first : 0);
        }
        memcpy(out + to * d->element, chunk + from * d->element, run);
        for (axis = rank - 2; axis >= 0 && ++i[axis] == hi[axis]; axis--)
            i[axis] = lo[axis];
    } while (axis >= 0);
}

/* Some chunks of rows that are decoded at the same time. */
struct lot {
    size_t bytes, n;
    struct {
        char *raw, *values;
        size_t size;
        int err;
    } chunk[LOT_MAX];
};

static void unfilter_one(void *arg, size_t i)
{
    struct lot *lot = arg;

    lot->chunk[i].err = unfilter_chunk(lot->chunk[i].values, lot->bytes,
                                       lot->chunk[i].raw, lot->chunk[i].size);
}

/* Read lot->n chunks of our filter from row `row` on. */
static int read_lot(char *out, struct lot *lot, struct dataset *d, size_t row,
                    size_t first, size_t last)
{
    hsize_t at[PARE_H5_RANK_MAX] = {0};
    size_t n = 0;
    bool skipped = false;
    int err = 0;

    for (; n < lot->n && !err && !skipped; n += !err) {
        at[0] = row + n * d->chunk[0];
        err = fetch_chunk(&lot->chunk[n].raw, &lot->chunk[n].size, &skipped, d,
                          at);
    }
    if (!err && skipped)
        err = fail_chunk(d, PARE_EFORMAT);
    if (!err)
        pare_parallel((int)n, n, unfilter_one, lot);
    for (size_t i = 0; i < n; i++) {
        free(lot->chunk[i].raw);
        at[0] = row + i * d->chunk[0];
        if (!err && lot->chunk[i].err)
            err = fail_chunk(d, lot->chunk[i].err);
        if (!err)
            scatter(out, lot->chunk[i].values, d, at, first, last);
    }
    return err;
}

/* Rows of a dataset whose chunks are whole rows, some at a time. */
static int read_lots(char *out, struct dataset *d, size_t first, size_t last,
                     size_t most)
{
    struct lot lot = {.bytes = d->chunk_bytes};
    const size_t rows = d->chunk[0];
    int err = 0;

    for (size_t i = 0; i < most; i++) {
        lot.chunk[i].values = malloc(d->chunk_bytes);
        if (!lot.chunk[i].values)
            err = pare_fail(PARE_ENOMEM, "no memory");
    }
    for (size_t row = first - first % rows; row < last && !err;
         row += lot.n * rows) {
        lot.n = (last - row + rows - 1) / rows;
        lot.n = lot.n < most ? lot.n : most;
        err = read_lot(out, &lot, d, row, first, last);
    }
    for (size_t i = 0; i < most; i++)
        free(lot.chunk[i].values);
    return err;
}

/* How many chunks may be decoded at the same time? */
static size_t find_most(const struct dataset *d, const struct pare_h5 *h,
                        size_t first, size_t last)
{
    const size_t rows = d->chunk[0], chunks = last / rows - first / rows + 1;
    size_t most = h->threads > 0 ? (size_t)h->threads : 1;

    for (int a = 1; a < d->rank; a++)
        if (d->chunk[a] != d->dim[a])
            return 1;
    most = most < LOT_MAX ? most : LOT_MAX;
    return d->rans ? most < chunks ? most : chunks : 1;
}

/* Read rows chunk by chunk, or without out look for the chunks only. */
static int read_chunks(char *out, struct dataset *d, size_t first, size_t last)
{
    hsize_t at[PARE_H5_RANK_MAX] = {0};
    char *chunk = out ? malloc(d->chunk_bytes) : NULL;
    size_t size;
    int err = 0, axis;

    if (out && !chunk)
        return pare_fail(PARE_ENOMEM, "no memory");
    at[0] = first - first % d->chunk[0];
    do {
        err = out ? read_chunk(chunk, d, at) : chunk_size(&size, d, at);
        if (out && !err)
            scatter(out, chunk, d, at, first, last);
        for (axis = d->rank - 1; axis >= 0; axis--) {
            at[axis] += d->chunk[axis];
            if (at[axis] < (axis == 0 ? last : d->dim[axis]))
                break;
            at[axis] = axis == 0 ? at[0] : 0;
        }
    } while (!err && axis >= 0);
    free(chunk);
    return err;
}

/* One piece of the file: libhdf5 is not needed. */
static int read_contiguous(char *out, const struct dataset *d,
                           const struct pare_h5 *h, size_t at, size_t bytes)
{
    haddr_t base = H5Dget_offset(d->id);

    if (base != HADDR_UNDEF && base <= h->size && at <= h->size - base &&
        pare_h5image_read(&h->bytes, base + at, bytes, out) == 0)
        return 0;
    return pare_h5lib_fail(PARE_EFORMAT, "cannot read '%s'", d->path);
}

/* A file cannot hold the same dataset under many names to make us read
 * without end: all that is read is bounded by the file's size. */
static int account(struct pare_h5 *h, const struct dataset *d, size_t bytes)
{
    if (bytes > EXPANSION * h->size + SLACK - h->declared)
        return pare_fail(PARE_ELIMIT,
                         "'%s' makes the file declare more than %d times "
                         "its size",
                         d->path, EXPANSION);
    h->declared += bytes;
    return 0;
}

/* Rows of a dataset, converted from the file's byte order; without out
 * they are only looked for. */
static int read_rows(char *out, struct pare_h5 *h, struct dataset *d,
                     hid_t memory, size_t first, size_t rows)
{
    size_t row = d->rank && d->dim[0] ? d->count / d->dim[0] : d->count;
    size_t bytes = row * rows * d->element;
    int err = account(h, d, bytes);

    if (err || bytes == 0)
        return err;
    if (d->chunked && out && find_most(d, h, first, first + rows) > 1)
        err = read_lots(out, d, first, first + rows,
                        find_most(d, h, first, first + rows));
    else if (d->chunked)
        err = read_chunks(out, d, first, first + rows);
    else if (out)
        err = read_contiguous(out, d, h, first * row * d->element, bytes);
    if (!err && out &&
        H5Tconvert(d->type, memory, row * rows, out, NULL, H5P_DEFAULT) < 0)
        err = pare_h5lib_fail(PARE_EFORMAT, "cannot read '%s'", d->path);
    return err;
}

/* The same, of one of our types. */
static int read_typed(char *out, struct pare_h5 *h, struct dataset *d,
                      enum pare_h5_type type, size_t first, size_t rows)
{
    hid_t memory = pare_h5lib_memory_type(type);
    int err = read_rows(out, h, d, memory, first, rows);

    if (memory >= 0)
        H5Tclose(memory);
    return err;
}

/* Open a dataset that must be of this type. */
static int open_typed(struct dataset *d, struct pare_h5 *h, const char *path,
                      enum pare_h5_type type)
{
    enum pare_h5_type found = type;
    int err = dataset_open(d, h, path);

    if (err)
        return err;
    err = pare_h5lib_find_type(&found, d->type, path);
    if (!err && found != type)
        err =
            pare_fail(PARE_EFORMAT, "'%s' holds %s, expected %s", path,
                      pare_h5lib_type_name(found), pare_h5lib_type_name(type));
    if (err)
        dataset_close(d);
    return err;
}

int pare_h5_read(void *out, struct pare_h5 *h, const char *path,
                 enum pare_h5_type type, size_t count)
{
    struct dataset d;
    int err = open_typed(&d, h, path, type);

    if (err)
        return err;
    if (d.count != count)
        err = pare_fail(PARE_EFORMAT, "'%s' holds %zu values, expected %zu",
                        path, d.count, count);
    else
        err = read_typed(out, h, &d, type, 0, d.rank ? d.dim[0] : 1);
    dataset_close(&d);
    return err;
}

int pare_h5_probe(struct pare_h5 *h, const char *path, enum pare_h5_type type,
                  size_t count)
{
    return pare_h5_read(NULL, h, path, type, count);
}

int pare_h5_extent(int *fd, uint64_t *at, struct pare_h5 *h, const char *path,
                   enum pare_h5_type type, size_t count)
{
    struct dataset d;
    int err = open_typed(&d, h, path, type), there = 0;

    if (err)
        return err;
    if (d.count != count)
        err = pare_fail(PARE_EFORMAT, "'%s' holds %zu values, expected %zu",
                        path, d.count, count);
    else if (count > 0 && !d.chunked && !h->bytes.image &&
             pare_h5lib_is(d.type, pare_h5lib_memory_type(type))) {
        *at = H5Dget_offset(d.id); /* checked when it was opened */
        *fd = fcntl(h->bytes.fd, F_DUPFD_CLOEXEC, 0);
        there = *fd >= 0;
        if (!there)
            err = pare_fail(PARE_EIO, "cannot open it again: %s",
                            strerror(errno));
    }
    dataset_close(&d);
    return err ? err : there;
}

int pare_h5_read_rows(void *out, struct pare_h5 *h, const char *path,
                      enum pare_h5_type type, size_t first, size_t rows)
{
    struct dataset d;
    int err = open_typed(&d, h, path, type);

    if (err)
        return err;
    if (d.rank == 0 || first > d.dim[0] || rows > d.dim[0] - first)
        err = pare_fail(PARE_EINVAL, "'%s' has no rows %zu to %zu", path, first,
                        first + rows);
    else
        err = read_typed(out, h, &d, type, first, rows);
    dataset_close(&d);
    return err;
}

int pare_h5_read_text(char **text, struct pare_h5 *h, const char *path,
                      size_t limit)
{
    struct dataset d;
    char *s = NULL;
    int err = open_typed(&d, h, path, PARE_H5_U8);

    if (err)
        return err;
    if (d.rank != 1)
        err = pare_fail(PARE_EFORMAT, "'%s' has rank %d, expected 1", path,
                        d.rank);
    else if (d.count > limit)
        err = pare_fail(PARE_ELIMIT, "'%s' is longer than %zu bytes", path,
                        limit);
    else if (!(s = malloc(d.count + 1)))
        err = pare_fail(PARE_ENOMEM, "no memory");
    if (!err)
        err = read_rows(s, h, &d, H5T_NATIVE_UINT8, 0, d.count);
    if (!err && memchr(s, '\0', d.count))
        err = pare_fail(PARE_EFORMAT, "'%s' is not a text", path);
    if (!err) {
        s[d.count] = '\0';
        *text = s;
        s = NULL;
    }
    free(s);
    dataset_close(&d);
    return err;
}

/* What kind of item a type makes; false for none. */
static bool item_kind(struct pare_h5_item *item, hid_t type)
{
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        item->kind = H5Tget_sign(type) == H5T_SGN_2 ? 'i' : 'u';
        return true;
    case H5T_FLOAT:
        item->kind = 'f';
        return true;
    case H5T_STRING:
        item->kind = 's';
        item->strpad = (int)H5Tget_strpad(type);
        item->cset = (int)H5Tget_cset(type);
        return H5Tis_variable_str(type) == 0 && item->strpad >= 0 &&
               item->strpad <= H5T_STR_SPACEPAD && item->cset >= 0 &&
               item->cset <= H5T_CSET_UTF8;
    default:
        return false;
    }
}

static int open_item(struct dataset *d, struct pare_h5_item *item,
                     struct pare_h5 *h, const char *path)
{
    int err = dataset_open(d, h, path);

    if (err)
        return err;
    *item = (struct pare_h5_item){
        .size = d->element, .rank = d->rank, .count = d->count};
    if (d->rank > 1 || !item_kind(item, d->type)) {
        dataset_close(d);
        return pare_h5lib_fail(PARE_EFORMAT,
                               "'%s' is neither a scalar nor "
                               "a list of numbers or fixed strings",
                               path);
    }
    return 0;
}

int pare_h5_item_info(struct pare_h5_item *item, struct pare_h5 *h,
                      const char *path)
{
    struct pare_h5_item found;
    struct dataset d;
    hid_t file, memory;
    int err = open_item(&d, &found, h, path);

    if (err)
        return err;
    dataset_close(&d);
    err = pare_h5lib_item_types(&file, &memory, &found);
    if (err)
        return err;
    H5Tclose(file);
    H5Tclose(memory);
    *item = found;
    return 0;
}

int pare_h5_item_read(void *out, struct pare_h5 *h, const char *path,
                      const struct pare_h5_item *item)
{
    struct pare_h5_item found;
    struct dataset d;
    hid_t file, memory;
    int err = open_item(&d, &found, h, path);

    if (err)
        return err;
    err = pare_h5lib_item_types(&file, &memory, &found);
    if (!err) {
        if (found.kind != item->kind || found.size != item->size ||
            found.count != item->count)
            err = pare_fail(PARE_EFORMAT, "'%s' is not what it was", path);
        else
            err = read_rows(out, h, &d, memory, 0, d.rank ? d.dim[0] : 1);
        H5Tclose(file);
        H5Tclose(memory);
    }
    dataset_close(&d);
    return err;
}
