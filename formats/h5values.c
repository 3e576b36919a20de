#include "h5read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "h5chunks.h"
#include "h5open.h"
#include "rans.h"
#include "status.h"

#define EXPANSION 1100      /* most declared bytes per stored byte */
#define SLACK     (1 << 20) /* that a small file may declare anyway */
#define CHUNK_MAX ((size_t)1 << 26)
#define DIM_MAX   ((hsize_t)1 << 31)

static void dataset_close(struct h5dataset *d)
{
    if (d->type >= 0)
        H5Tclose(d->type);
    if (d->id >= 0)
        H5Dclose(d->id);
}

static int check_space(struct h5dataset *d)
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
static bool is_value(const struct h5dataset *d)
{
    return pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_F32)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_F16)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_U16)) ||
           pare_h5lib_is(d->type, pare_h5lib_file_type(PARE_H5_U32));
}

/* No filter but one deflate, or that of rans.h on values. */
static int check_filters(struct h5dataset *d, hid_t p)
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

static int check_chunks(struct h5dataset *d, hid_t p)
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

static int check_layout(struct h5dataset *d)
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
static int count_chunks(struct h5dataset *d, const struct pare_h5 *h)
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

static int check_extent(struct h5dataset *d, const struct pare_h5 *h)
{
    haddr_t at = H5Dget_offset(d->id);

    if (at == HADDR_UNDEF || d->bytes != d->stored || at > h->size ||
        d->stored > h->size - at)
        return pare_h5lib_fail(PARE_EFORMAT,
                               "'%s' lies beyond the end of the file", d->path);
    return 0;
}

/* Are there as many bytes in the file as the shape promises? */
static int check_stored(struct h5dataset *d, const struct pare_h5 *h)
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

static int dataset_open(struct h5dataset *d, struct pare_h5 *h,
                        const char *path)
{
    int err = pare_h5lib_object(h, path, H5O_TYPE_DATASET);

    *d = (struct h5dataset){
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
    struct h5dataset d;
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

/* One piece of the file: libhdf5 is not needed. */
static int read_contiguous(char *out, const struct h5dataset *d,
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
static int account(struct pare_h5 *h, const struct h5dataset *d, size_t bytes)
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
static int read_rows(char *out, struct pare_h5 *h, struct h5dataset *d,
                     hid_t memory, size_t first, size_t rows)
{
    size_t row = d->rank && d->dim[0] ? d->count / d->dim[0] : d->count;
    size_t bytes = row * rows * d->element;
    int err = account(h, d, bytes);

    if (err || bytes == 0)
        return err;
    if (d->chunked)
        err = h5chunks_read(out, d, first, first + rows, h->threads);
    else if (out)
        err = read_contiguous(out, d, h, first * row * d->element, bytes);
    if (!err && out &&
        H5Tconvert(d->type, memory, row * rows, out, NULL, H5P_DEFAULT) < 0)
        err = pare_h5lib_fail(PARE_EFORMAT, "cannot read '%s'", d->path);
    return err;
}

/* The same, of one of our types. */
static int read_typed(char *out, struct pare_h5 *h, struct h5dataset *d,
                      enum pare_h5_type type, size_t first, size_t rows)
{
    hid_t memory = pare_h5lib_memory_type(type);
    int err = read_rows(out, h, d, memory, first, rows);

    if (memory >= 0)
        H5Tclose(memory);
    return err;
}

/* Open a dataset that must be of this type. */
static int open_typed(struct h5dataset *d, struct pare_h5 *h, const char *path,
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
    struct h5dataset d;
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
    struct h5dataset d;
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
    struct h5dataset d;
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
    struct h5dataset d;
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

static int open_item(struct h5dataset *d, struct pare_h5_item *item,
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
    struct h5dataset d;
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
    struct h5dataset d;
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
