#include "h5write.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "atomic.h"
#include "h5lib.h"
#include "h5store.h"
#include "status.h"

#define DEFLATE_MIN   ((size_t)1 << 16) /* below this it is not worth it */
#define DEFLATE_LEVEL 6
#define CHUNK_BYTES   ((size_t)1 << 20)
#define CHUNK_MAX     ((size_t)1 << 26)
#define ATTR_MAX      4096

struct pare_h5w {
    hid_t file;
    struct pare_h5store *store; /* NULL: HDF5 writes a file */
    size_t n_given, given_room;
    void **given; /* [n_given] values that are freed with it */
};

static int enomem(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

/* Creation properties of the file: no times, small symbol tables. */
static hid_t file_properties(void)
{
    hid_t p = H5Pcreate(H5P_FILE_CREATE);

    if (p < 0)
        return p;
    if (H5Pset_obj_track_times(p, 0) < 0 || H5Pset_sym_k(p, 4, 4) < 0 ||
        H5Pset_local_heap_size_hint(p, 64) < 0) {
        H5Pclose(p);
        return H5I_INVALID_HID;
    }
    return p;
}

static hid_t access_properties(void)
{
    hid_t p = H5Pcreate(H5P_FILE_ACCESS);

    if (p < 0)
        return p;
    if (H5Pset_libver_bounds(p, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) < 0 ||
        H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_meta_block_size(p, 0) < 0 ||
        H5Pset_small_data_block_size(p, 0) < 0) {
        H5Pclose(p);
        return H5I_INVALID_HID;
    }
    return p;
}

int pare_h5w_new(struct pare_h5w **w, const char *path)
{
    hid_t fcpl, fapl;
    struct pare_h5w *new = calloc(1, sizeof *new);

    if (!new)
        return enomem();
    new->file = H5I_INVALID_HID;
    if (!path && !(new->store = pare_h5store_new())) {
        pare_h5w_free(new);
        return enomem();
    }
    pare_h5lib_init();
    fcpl = file_properties();
    fapl = access_properties();
    if (fcpl >= 0 && fapl >= 0)
        new->file = path ? H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl)
                         : pare_h5store_create(new->store, fcpl, fapl);
    if (fcpl >= 0)
        H5Pclose(fcpl);
    if (fapl >= 0)
        H5Pclose(fapl);
    if (new->file < 0) {
        pare_h5w_free(new);
        return pare_h5lib_fail(path ? PARE_EIO : PARE_ENOMEM,
                               "cannot begin a file");
    }
    *w = new;
    return 0;
}

static int close_file(struct pare_h5w *w)
{
    hid_t file = w->file;

    w->file = H5I_INVALID_HID;
    if (w->store)
        return pare_h5store_close(w->store, file);
    return file >= 0 && H5Fclose(file) < 0 ? -1 : 0;
}

void pare_h5w_free(struct pare_h5w *w)
{
    if (!w)
        return;
    close_file(w);
    pare_h5store_free(w->store);
    for (size_t i = 0; i < w->n_given; i++)
        free(w->given[i]);
    free(w->given);
    free(w);
}

static int fail_write(const char *path)
{
    return pare_h5lib_fail(PARE_EIO, "cannot write '%s'", path);
}

int pare_h5w_group(struct pare_h5w *w, const char *path)
{
    hid_t p = H5Pcreate(H5P_GROUP_CREATE), g = H5I_INVALID_HID;

    if (p >= 0 && H5Pset_obj_track_times(p, 0) >= 0 &&
        H5Pset_local_heap_size_hint(p, 64) >= 0)
        g = H5Gcreate2(w->file, path, H5P_DEFAULT, p, H5P_DEFAULT);
    if (p >= 0)
        H5Pclose(p);
    if (g < 0 || H5Gclose(g) < 0)
        return fail_write(path);
    return 0;
}

/* A dataset about to be written: its bytes as the file will hold them. */
struct block {
    int rank;
    hsize_t dim[PARE_H5_RANK_MAX];
    size_t bytes, row; /* of all, and of one step of the first axis */
    const char *values;
    hsize_t chunk_rows; /* 0: contiguous */
    int strategy;       /* of zlib */
    char **packed;      /* [n_chunks] deflated */
    size_t *packed_size;
    size_t n_chunks;
};

static void block_release(struct block *b)
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
static int pack_chunk(struct block *b, size_t i)
{
    size_t size = (size_t)b->chunk_rows * b->row, at = i * size;
    size_t have = b->bytes - at < size ? b->bytes - at : size;
    size_t room = compressBound(size);
    char *raw = calloc(1, size), *out = malloc(room);
    int err = 0;

    if (!raw || !out) {
        err = enomem();
        goto out;
    }
    memcpy(raw, b->values + at, have);
    b->packed_size[i] = deflate_bytes(out, room, raw, size, b->strategy);
    if (b->packed_size[i] == 0) {
        err = enomem();
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
static int pack(struct block *b)
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
        return enomem();
    for (size_t i = 0; !err && i < b->n_chunks; i++) {
        err = pack_chunk(b, i);
        total += b->packed_size[i];
    }
    /* The chunk index takes about 3 kB. */
    if (!err && total + 4096 > b->bytes)
        b->chunk_rows = 0;
    return err;
}

/* Properties of every dataset of the house. */
static hid_t dataset_properties(const struct block *b)
{
    hsize_t chunk[PARE_H5_RANK_MAX];
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = p >= 0 && H5Pset_obj_track_times(p, 0) >= 0 &&
              H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) >= 0;

#if H5_VERSION_GE(1, 10, 5)
    ok = ok && H5Pset_dset_no_attrs_hint(p, 1) >= 0;
#endif
    if (b->chunk_rows) {
        memcpy(chunk, b->dim, sizeof chunk);
        chunk[0] = b->chunk_rows;
        ok = ok && H5Pset_chunk(p, b->rank, chunk) >= 0 &&
             H5Pset_deflate(p, DEFLATE_LEVEL) >= 0;
    } else {
        ok = ok && H5Pset_layout(p, H5D_CONTIGUOUS) >= 0 &&
             H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY) >= 0;
    }
    if (ok)
        return p;
    if (p >= 0)
        H5Pclose(p);
    return H5I_INVALID_HID;
}

static bool write_values(hid_t d, hid_t memory, const struct block *b)
{
    if (b->bytes == 0)
        return true;
    if (!b->chunk_rows)
        return H5Dwrite(d, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, b->values) >=
               0;
    for (size_t i = 0; i < b->n_chunks; i++) {
        hsize_t at[PARE_H5_RANK_MAX] = {i * b->chunk_rows};

        if (H5Dwrite_chunk(d, H5P_DEFAULT, 0, at, b->packed_size[i],
                           b->packed[i]) < 0)
            return false;
    }
    return true;
}

/* The one place where a dataset is made. */
static int make_dataset(struct pare_h5w *w, const char *path, hid_t type,
                        hid_t memory, const struct block *b)
{
    hid_t p = dataset_properties(b), d = H5I_INVALID_HID;
    hid_t s = b->rank ? H5Screate_simple(b->rank, b->dim, NULL)
                      : H5Screate(H5S_SCALAR);
    bool ok = false;

    if (p >= 0 && s >= 0)
        d = H5Dcreate2(w->file, path, type, s, H5P_DEFAULT, p, H5P_DEFAULT);
    if (d >= 0)
        ok = write_values(d, memory, b);
    if (d >= 0 && H5Dclose(d) < 0)
        ok = false;
    if (p >= 0)
        H5Pclose(p);
    if (s >= 0)
        H5Sclose(s);
    return ok ? 0 : fail_write(path);
}

static int make_block(struct block *b, int rank, const size_t *dim,
                      size_t element, const void *values)
{
    size_t count;

    *b = (struct block){.rank = rank, .values = values, .row = element};
    if (rank < 0 || rank > PARE_H5_RANK_MAX ||
        !pare_h5lib_bytes(&b->bytes, &count, rank, dim, element))
        return pare_fail(PARE_ELIMIT, "an array is too large");
    for (int i = 0; i < rank; i++) {
        b->dim[i] = dim[i];
        b->row *= i ? dim[i] : 1;
    }
    return 0;
}

/* Deflated chunks go into the file as they are: it must be our order. */
static bool is_little_endian(void)
{
    const uint16_t one = 1;

    return *(const unsigned char *)&one == 1;
}

static int write_data(struct pare_h5w *w, const char *path,
                      enum pare_h5_type type, int rank, const size_t *dim,
                      const void *values, bool deflate, int strategy)
{
    struct block b;
    int err = make_block(&b, rank, dim, pare_h5lib_size(type), values);

    b.strategy = strategy;
    if (!err && deflate && (type == PARE_H5_U8 || is_little_endian()))
        err = pack(&b);
    if (!err)
        err = make_dataset(w, path, pare_h5lib_file_type(type),
                           pare_h5lib_memory_type(type), &b);
    block_release(&b);
    return err;
}

int pare_h5w_data(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  int rank, const size_t *dim, const void *values, bool deflate)
{
    return write_data(w, path, type, rank, dim, values, deflate,
                      Z_DEFAULT_STRATEGY);
}

int pare_h5w_lend(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  int rank, const size_t *dim, const void *values)
{
    size_t bytes, count;
    int err;

    if (w->store && rank >= 0 && rank <= PARE_H5_RANK_MAX &&
        pare_h5lib_bytes(&bytes, &count, rank, dim, pare_h5lib_size(type)))
        pare_h5store_lend(w->store, values, bytes);
    err = pare_h5w_data(w, path, type, rank, dim, values, false);
    if (w->store)
        pare_h5store_lend(w->store, NULL, 0);
    return err;
}

/* Room for one more of the values to be freed. */
static bool reserve_given(struct pare_h5w *w)
{
    size_t room = w->given_room ? 2 * w->given_room : 16;
    void **p;

    if (w->n_given < w->given_room)
        return true;
    p = realloc(w->given, room * sizeof *p);
    if (!p)
        return false;
    w->given = p;
    w->given_room = room;
    return true;
}

int pare_h5w_give(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, void *values)
{
    int err;

    if (!w->store || !reserve_given(w)) {
        err = w->store ? enomem()
                       : pare_h5w_data(w, path, type, 1, &n, values, false);
        free(values);
        return err;
    }
    w->given[w->n_given++] = values;
    return pare_h5w_lend(w, path, type, 1, &n, values);
}

int pare_h5w_mask(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, const void *values)
{
    return write_data(w, path, type, 1, &n, values, true, Z_RLE);
}

int pare_h5w_text(struct pare_h5w *w, const char *path, const char *text)
{
    size_t n = strlen(text);

    return pare_h5w_data(w, path, PARE_H5_U8, 1, &n, text, true);
}

int pare_h5w_item(struct pare_h5w *w, const char *path,
                  const struct pare_h5_item *item, const void *values)
{
    struct block b;
    hid_t file, memory;
    int err = pare_h5lib_item_types(&file, &memory, item);

    if (err)
        return err;
    err = make_block(&b, item->rank, &item->count, item->size, values);
    if (!err)
        err = make_dataset(w, path, file, memory, &b);
    H5Tclose(file);
    H5Tclose(memory);
    return err;
}

/* The one place where an attribute is made. */
static int make_attribute(struct pare_h5w *w, const char *path,
                          const char *name, hid_t type, hid_t memory,
                          const void *value)
{
    hid_t s = H5Screate(H5S_SCALAR), a = H5I_INVALID_HID;
    bool ok = false;

    if (s >= 0)
        a = H5Acreate_by_name(w->file, path, name, type, s, H5P_DEFAULT,
                              H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0)
        ok = H5Awrite(a, memory, value) >= 0;
    if (a >= 0 && H5Aclose(a) < 0)
        ok = false;
    if (s >= 0)
        H5Sclose(s);
    return ok ? 0
              : pare_h5lib_fail(PARE_EIO,
                                "cannot write attribute '%s' of "
                                "'%s'",
                                name, path);
}

int pare_h5w_attr_text(struct pare_h5w *w, const char *path, const char *attr,
                       const char *text)
{
    struct pare_h5_item item = {.kind = 's', .strpad = H5T_STR_NULLPAD};
    hid_t file, memory;
    int err;

    item.size = strlen(text);
    if (item.size > ATTR_MAX)
        return pare_fail(PARE_ELIMIT, "attribute '%s' is too long", attr);
    for (size_t i = 0; i < item.size; i++)
        if ((unsigned char)text[i] >= 0x80)
            item.cset = H5T_CSET_UTF8;
    if (item.size == 0)
        item.size = 1;
    err = pare_h5lib_item_types(&file, &memory, &item);
    if (err)
        return err;
    err = make_attribute(w, path, attr, file, memory, text);
    H5Tclose(file);
    H5Tclose(memory);
    return err;
}

int pare_h5w_attr_i64(struct pare_h5w *w, const char *path, const char *attr,
                      int64_t v)
{
    return make_attribute(w, path, attr, H5T_STD_I64LE, H5T_NATIVE_INT64, &v);
}

int pare_h5w_stored(uint64_t *bytes, struct pare_h5w *w, const char *path)
{
    hid_t d = H5Dopen2(w->file, path, H5P_DEFAULT);

    if (d < 0)
        return fail_write(path);
    *bytes = H5Dget_storage_size(d);
    H5Dclose(d);
    return 0;
}

/* Flush and close: the store then holds all of the file. */
static int finish(struct pare_h5w *w)
{
    bool flushed = H5Fflush(w->file, H5F_SCOPE_GLOBAL) >= 0;

    if (close_file(w) != 0 || !flushed)
        return pare_h5lib_fail(PARE_EIO, "cannot finish the file");
    return 0;
}

/* All pieces in one. */
static int join(void **bytes, size_t size, const struct pare_piece *piece,
                size_t n)
{
    char *image = malloc(size), *to = image;

    if (!image)
        return enomem();
    for (size_t i = 0; i < n; to += piece[i++].n)
        memcpy(to, piece[i].bytes, piece[i].n);
    *bytes = image;
    return 0;
}

int pare_h5w_finish(void **bytes, size_t *n, struct pare_h5w *w)
{
    struct pare_piece *piece = NULL;
    size_t n_pieces, size;
    int err = finish(w);

    if (err || !w->store)
        return err;
    err = pare_h5store_pieces(&piece, &n_pieces, &size, w->store);
    if (!err)
        err = join(bytes, size, piece, n_pieces);
    if (!err)
        *n = size;
    free(piece);
    return err;
}

int pare_h5w_put(struct pare_h5w *w, const char *path, uint64_t *bytes)
{
    struct pare_piece *piece = NULL;
    size_t n, size;
    int err = finish(w);

    if (!err)
        err = pare_h5store_pieces(&piece, &n, &size, w->store);
    if (!err)
        err = pare_atomic_write_pieces(path, piece, n);
    if (!err)
        *bytes = size;
    free(piece);
    return err;
}
