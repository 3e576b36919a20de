/* Deflated chunks, made before HDF5 sees them. */
#include "h5pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "parallel.h"
#include "rans.h"
#include "status.h"

#define DEFLATE_MIN ((size_t)1 << 16) /* below this it is not worth it */
#define CHUNK_MAX   ((size_t)1 << 26)

void h5block_release(struct h5block *b)
{
    for (size_t i = 0; b->packed && i < b->n_chunks; i++)
        free(b->packed[i]);
    free(b->packed);
    free(b->packed_size);
}

/* One zlib stream of n bytes into out, which has room; 0 on failure. */
static size_t deflate_bytes(char *out, size_t room, char *in, size_t n,
                            int strategy)
{
    z_stream z = {.next_in = (Bytef *)in,
                  .avail_in = (uInt)n,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)room};
    int status;

    if (deflateInit2(&z, DEFLATE_LEVEL, Z_DEFLATED, 15, 8, strategy) != Z_OK)
        return 0;
    status = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return status == Z_STREAM_END ? z.total_out : 0;
}

/* Deflate chunk i; the last one is filled up with zeros. */
static int pack_chunk(struct h5block *b, size_t i)
{
    size_t size = (size_t)b->chunk_rows * b->row, at = i * size;
    size_t have = b->bytes - at < size ? b->bytes - at : size;
    size_t room = compressBound(size);
    char *raw = calloc(1, size), *out = malloc(room);
    int err = 0;

    if (!raw || !out) {
        err = pare_fail(PARE_ENOMEM, "no memory");
        goto out;
    }
    memcpy(raw, b->values + at, have);
    b->packed_size[i] = deflate_bytes(out, room, raw, size, b->strategy);
    if (b->packed_size[i] == 0) {
        err = pare_fail(PARE_ENOMEM, "no memory");
        goto out;
    }
    b->packed[i] = out;
    out = NULL;
out:
    free(raw);
    free(out);
    return err;
}

/* Fill packed[] and set chunk_rows, unless it does not make it smaller. */
int h5block_pack(struct h5block *b)
{
    size_t rows, total = 0;
    int err = 0;

    if (b->bytes <= DEFLATE_MIN || b->rank == 0 || b->row > CHUNK_MAX)
        return 0;
    rows = b->row < CHUNK_BYTES ? CHUNK_BYTES / b->row : 1;
    if (rows > b->dim[0])
        rows = (size_t)b->dim[0];
    b->chunk_rows = rows;
    b->n_chunks = ((size_t)b->dim[0] + rows - 1) / rows;
    b->packed = calloc(b->n_chunks, sizeof *b->packed);
    b->packed_size = calloc(b->n_chunks, sizeof *b->packed_size);
    if (!b->packed || !b->packed_size)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; !err && i < b->n_chunks; i++) {
        err = pack_chunk(b, i);
        total += b->packed_size[i];
    }
    /* The chunk index takes about 3 kB. */
    if (!err && total + 4096 > b->bytes)
        b->chunk_rows = 0;
    return err;
}

#define FILTER_CHUNK ((size_t)1 << 24)
/* Most bytes of an array for a stored one: readers take twice as many. */
#define FILTER_RATIO 500
#define BOMB         SIZE_MAX /* in place of the size of what no reader takes */

/* Code chunk i; 0 bytes without memory. */
static void filter_chunk(void *arg, size_t i)
{
    struct h5block *b = arg;
    size_t size = (size_t)b->chunk_rows * b->row, at = i * size;
    size_t have = b->bytes - at < size ? b->bytes - at : size;
    size_t cols = b->rank > 1 ? b->row / b->width : 0;
    uint8_t *raw = calloc(1, size), *out = NULL;
    int status = PARE_RANS_MEMORY;
    float *scale = b->scale ? calloc((size_t)b->chunk_rows, sizeof *scale)
                            : NULL; /* of rows past the end 0 */

    if (raw && (scale || !b->scale)) {
        b->make(b->arg, raw, at, have);
        if (scale)
            memcpy(scale, b->scale + at / b->row,
                   have / b->row * sizeof *scale);
        status = pare_rans_encode_scaled(
            &out, &b->packed_size[i], raw, size, b->width,
            cols > UINT32_MAX ? 0 : (uint32_t)cols, scale);
    }
    if (status != PARE_RANS_OK)
        b->packed_size[i] = status == PARE_RANS_BAD ? BOMB : 0;
    free(scale);
    free(raw);
    b->packed[i] = (char *)out;
}

int h5block_filter(struct h5block *b, int threads)
{
    size_t rows = (size_t)b->dim[0], total = 0;
    bool bomb = false;

    if (b->bytes == 0 || b->rank == 0 || b->row > CHUNK_MAX)
        return 0;
    b->n_chunks = (b->bytes + FILTER_CHUNK - 1) / FILTER_CHUNK;
    if (b->n_chunks > rows)
        b->n_chunks = rows;
    b->chunk_rows = (rows + b->n_chunks - 1) / b->n_chunks;
    b->n_chunks = (size_t)((rows + b->chunk_rows - 1) / b->chunk_rows);
    b->packed = calloc(b->n_chunks, sizeof *b->packed);
    b->packed_size = calloc(b->n_chunks, sizeof *b->packed_size);
    if (!b->packed || !b->packed_size)
        return pare_fail(PARE_ENOMEM, "no memory");
    pare_parallel(threads, b->n_chunks, filter_chunk, b);
    for (size_t i = 0; i < b->n_chunks; i++) {
        if (!b->packed_size[i])
            return pare_fail(PARE_ENOMEM, "no memory");
        bomb |= b->packed_size[i] == BOMB;
        total += b->packed_size[i];
    }
    if (bomb || b->bytes / FILTER_RATIO > total)
        b->chunk_rows = 0;
    return 0;
}
