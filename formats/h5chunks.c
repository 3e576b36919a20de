/* Chunks of datasets: fetched, taken out of their filters, put in place. */
#include "h5chunks.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "h5lib.h"
#include "parallel.h"
#include "rans.h"
#include "status.h"

#define LOT_MAX 4 /* chunks decoded at the same time */

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

static int fail_chunk(const struct h5dataset *d, int err)
{
    if (err == PARE_ENOMEM)
        return pare_fail(PARE_ENOMEM, "no memory");
    return pare_h5lib_fail(PARE_EFORMAT, "'%s' has a damaged chunk", d->path);
}

/* How many bytes are stored of the chunk at `at`? */
static int chunk_size(size_t *stored, struct h5dataset *d, const hsize_t *at)
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
                       struct h5dataset *d, const hsize_t *at)
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
static int read_chunk(char *out, struct h5dataset *d, const hsize_t *at)
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
static void scatter(char *out, const char *chunk, const struct h5dataset *d,
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
static int read_lot(char *out, struct lot *lot, struct h5dataset *d, size_t row,
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
static int read_lots(char *out, struct h5dataset *d, size_t first, size_t last,
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
static size_t find_most(const struct h5dataset *d, int threads, size_t first,
                        size_t last)
{
    const size_t rows = d->chunk[0], chunks = last / rows - first / rows + 1;
    size_t most = threads > 0 ? (size_t)threads : 1;

    for (int a = 1; a < d->rank; a++)
        if (d->chunk[a] != d->dim[a])
            return 1;
    most = most < LOT_MAX ? most : LOT_MAX;
    return d->rans ? most < chunks ? most : chunks : 1;
}

/* Read rows chunk by chunk, or without out look for the chunks only. */
static int read_chunks(char *out, struct h5dataset *d, size_t first,
                       size_t last)
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

int h5chunks_read(char *out, struct h5dataset *d, size_t first, size_t last,
                  int threads)
{
    size_t most = out ? find_most(d, threads, first, last) : 1;

    return most > 1 ? read_lots(out, d, first, last, most)
                    : read_chunks(out, d, first, last);
}
