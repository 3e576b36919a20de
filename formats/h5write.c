#include "h5write.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "address_space.h"
#include "atomic.h"
#include "h5lib.h"
#include "h5pack.h"
#include "h5store.h"
#include "h5wopen.h"
#include "rans.h"
#include "status.h"

/* Of a dataset's parts in the form of HDF5 1.8, about. */
#define HEADER_BYTES     95
#define DEFLATE_BYTES    5
#define FILTER_BYTES     60
#define NODE_CHUNKS      2 /* half of the chunks that a node of an index has */
#define NODE_BYTES(rank) (24 + 32 + 5 * (16 + 8 * (rank)))

#define LINKS_MAX 200 /* of a group that keeps them in its header */
#define MADE_MIN  ((size_t)1 << 20) /* fewer bytes are made at once */

static int enomem(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

enum form { PORTABLE, SMALL, FILTERED };

/* Small indices of chunks. The file says so in an object that libhdf5 makes
 * by the default properties of groups: without this it would hold a time. */
static bool set_chunk_index(hid_t p)
{
    return H5Pset_obj_track_times(H5P_GROUP_CREATE_DEFAULT, 0) >= 0 &&
           H5Pset_istore_k(p, NODE_CHUNKS) >= 0;
}

/* Creation properties of the file: no times, small symbol tables where there
 * are some, small indices of chunks. */
static hid_t file_properties(enum form form)
{
    hid_t p = H5Pcreate(H5P_FILE_CREATE);

    if (p < 0)
        return p;
    if (H5Pset_obj_track_times(p, 0) < 0 ||
        (form == PORTABLE && H5Pset_sym_k(p, 4, 4) < 0) ||
        (form == FILTERED && !set_chunk_index(p)) ||
        H5Pset_local_heap_size_hint(p, 64) < 0) {
        H5Pclose(p);
        return H5I_INVALID_HID;
    }
    return p;
}

static hid_t access_properties(enum form form)
{
    H5F_libver_t oldest =
        form == PORTABLE ? H5F_LIBVER_EARLIEST : H5F_LIBVER_V18;
    hid_t p = H5Pcreate(H5P_FILE_ACCESS);

    if (p < 0)
        return p;
    if (H5Pset_libver_bounds(p, oldest, H5F_LIBVER_V18) < 0 ||
        H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_meta_block_size(p, 0) < 0 ||
        H5Pset_small_data_block_size(p, 0) < 0) {
        H5Pclose(p);
        return H5I_INVALID_HID;
    }
    return p;
}

static int begin(struct pare_h5w **w, const char *path, enum form form)
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
    fcpl = file_properties(form);
    fapl = access_properties(form);
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

int pare_h5w_new(struct pare_h5w **w, const char *path)
{
    return begin(w, path, PORTABLE);
}

int pare_h5w_new_small(struct pare_h5w **w, const char *path)
{
    return begin(w, path, SMALL);
}

int pare_h5w_new_filtered(struct pare_h5w **w, const char *path)
{
    return begin(w, path, FILTERED);
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
    for (size_t i = 0; i < w->n_space; i++)
        pare_space_release(w->space[i].at, w->space[i].n);
    free(w->space);
    free(w);
}

static int fail_write(const char *path)
{
    return pare_h5lib_fail(PARE_EIO, "cannot write '%s'", path);
}

int pare_h5w_group(struct pare_h5w *w, const char *path)
{
    return pare_h5w_group_for(w, path, 0, 0);
}

int pare_h5w_group_for(struct pare_h5w *w, const char *path, size_t n,
                       size_t length)
{
    hid_t p = H5Pcreate(H5P_GROUP_CREATE), g = H5I_INVALID_HID;
    bool ok = p >= 0 && H5Pset_obj_track_times(p, 0) >= 0 &&
              H5Pset_local_heap_size_hint(p, 64) >= 0;

    if (ok && n && n <= LINKS_MAX && length && length < 256)
        ok = H5Pset_link_phase_change(p, LINKS_MAX, 0) >= 0 &&
             H5Pset_est_link_info(p, (unsigned)n, (unsigned)length) >= 0;
    if (ok)
        g = H5Gcreate2(w->file, path, H5P_DEFAULT, p, H5P_DEFAULT);
    if (p >= 0)
        H5Pclose(p);
    if (g < 0 || H5Gclose(g) < 0)
        return fail_write(path);
    return 0;
}

/* In the place of the filter while files are written: chunks are coded
   before libhdf5 sees them. */
static size_t no_filter(unsigned flags, size_t n_values, const unsigned *value,
                        size_t bytes, size_t *room, void **buffer)
{
    (void)flags, (void)n_values, (void)value, (void)bytes, (void)room;
    (void)buffer;
    return 0;
}

static bool set_filter(hid_t p, const struct h5block *b)
{
    const H5Z_class2_t class = {H5Z_CLASS_T_VERS,
                                (H5Z_filter_t)PARE_RANS_FILTER,
                                1,
                                1,
                                PARE_RANS_NAME,
                                NULL,
                                NULL,
                                (H5Z_func_t)no_filter};
    size_t cols = b->rank > 1 ? b->row / b->width : 0;
    const unsigned value[] = {1, b->width,
                              cols > UINT32_MAX ? 0 : (unsigned)cols};

    return H5Zregister(&class) >= 0 &&
           H5Pset_filter(p, (H5Z_filter_t)PARE_RANS_FILTER, 0, 3, value) >= 0;
}

/* Properties of every dataset of the house. */
static hid_t dataset_properties(const struct h5block *b, bool attribute)
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
             (b->width ? set_filter(p, b)
                       : H5Pset_deflate(p, DEFLATE_LEVEL) >= 0);
    } else {
        ok = ok && H5Pset_layout(p, H5D_CONTIGUOUS) >= 0 &&
             H5Pset_alloc_time(p, attribute ? H5D_ALLOC_TIME_LATE
                                            : H5D_ALLOC_TIME_EARLY) >= 0;
    }
    if (ok)
        return p;
    if (p >= 0)
        H5Pclose(p);
    return H5I_INVALID_HID;
}

static bool write_values(hid_t d, hid_t memory, const struct h5block *b)
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

void pare_h5w_next_ints(struct pare_h5w *w, const char *attr,
                        enum pare_h5_type type, size_t n, const void *values)
{
    w->next.name = attr;
    w->next.type = type;
    w->next.n = n;
    w->next.values = values;
}

/* The attribute that waits for this dataset. */
static bool write_next(struct pare_h5w *w, const char *path)
{
    const char *name = w->next.name;

    w->next.name = NULL;
    return !name || pare_h5w_attr_ints(w, path, name, w->next.type, w->next.n,
                                       w->next.values) == 0;
}

static int write_dataset(struct pare_h5w *w, const char *path, hid_t type,
                         hid_t memory, const struct h5block *b)
{
    hid_t p = dataset_properties(b, w->next.name), d = H5I_INVALID_HID;
    hid_t s = b->rank ? H5Screate_simple(b->rank, b->dim, NULL)
                      : H5Screate(H5S_SCALAR);
    bool ok = false;

    if (p >= 0 && s >= 0)
        d = H5Dcreate2(w->file, path, type, s, H5P_DEFAULT, p, H5P_DEFAULT);
    if (d >= 0)
        ok = write_next(w, path) && write_values(d, memory, b);
    if (d >= 0 && H5Dclose(d) < 0)
        ok = false;
    if (p >= 0)
        H5Pclose(p);
    if (s >= 0)
        H5Sclose(s);
    return ok ? 0 : fail_write(path);
}

/* Bytes that a dataset takes in a file of pare_h5w_new_filtered: its values,
 * its header, its link, and the index of its chunks. */
static uint64_t weight_of(const char *path, const struct h5block *b)
{
    const uint64_t rank = (uint64_t)b->rank;
    uint64_t n = HEADER_BYTES + 16 * rank + strlen(strrchr(path, '/'));

    if (!b->chunk_rows)
        return n + b->bytes;
    for (size_t i = 0; i < b->n_chunks; i++)
        n += b->packed_size[i];
    n += 4 * rank + (b->width ? FILTER_BYTES : DEFLATE_BYTES);
    return n + (b->n_chunks <= 2 * NODE_CHUNKS ? 1 : (b->n_chunks + 1) / 2) *
                   NODE_BYTES(rank);
}

/* The one place where a dataset is made. */
static int make_dataset(struct pare_h5w *w, const char *path, hid_t type,
                        hid_t memory, const struct h5block *b)
{
    if (w->weigh) {
        w->weight += weight_of(path, b);
        return 0;
    }
    return write_dataset(w, path, type, memory, b);
}

static int make_block(struct h5block *b, int rank, const size_t *dim,
                      size_t element, const void *values)
{
    size_t count;

    *b = (struct h5block){.rank = rank, .values = values, .row = element};
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

/* A dataset of one of our types. */
static int make_typed(struct pare_h5w *w, const char *path,
                      enum pare_h5_type type, const struct h5block *b)
{
    hid_t file = pare_h5lib_file_type(type);
    hid_t memory = pare_h5lib_memory_type(type);
    int err = make_dataset(w, path, file, memory, b);

    if (file >= 0)
        H5Tclose(file);
    if (memory >= 0)
        H5Tclose(memory);
    return err;
}

static int write_data(struct pare_h5w *w, const char *path,
                      enum pare_h5_type type, int rank, const size_t *dim,
                      const void *values, bool deflate, int strategy)
{
    struct h5block b;
    int err = make_block(&b, rank, dim, pare_h5lib_size(type), values);

    b.strategy = strategy;
    if (!err && deflate && (type == PARE_H5_U8 || is_little_endian()))
        err = h5block_pack(&b);
    if (!err)
        err = make_typed(w, path, type, &b);
    h5block_release(&b);
    return err;
}

int pare_h5w_filter(bool *done, struct pare_h5w *w, const char *path,
                    enum pare_h5_type type, int rank, const size_t *dim,
                    const struct pare_h5w_made *made, uint64_t most,
                    int threads)
{
    struct h5block b;
    int err = make_block(&b, rank, dim, pare_h5lib_size(type), NULL);

    *done = false;
    b.width = (unsigned)pare_h5lib_size(type);
    b.make = made->make;
    b.arg = made->arg;
    b.scale = made->scale;
    if (!err && is_little_endian())
        err = h5block_filter(&b, threads);
    if (!err && b.chunk_rows && weight_of(path, &b) < most) {
        err = make_typed(w, path, type, &b);
        *done = !err;
    }
    h5block_release(&b);
    return err;
}

void pare_h5w_weigh(struct pare_h5w *w)
{
    w->weigh = true;
    w->weight = 0;
}

uint64_t pare_h5w_weighed(struct pare_h5w *w)
{
    w->weigh = false;
    return w->weight;
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

int pare_h5w_give_array(struct pare_h5w *w, const char *path,
                        enum pare_h5_type type, int rank, const size_t *dim,
                        void *values)
{
    int err;

    if (!w->store || w->spill || w->weigh || !reserve_given(w)) {
        err = w->store && !w->spill && !w->weigh
                  ? enomem()
                  : pare_h5w_data(w, path, type, rank, dim, values, false);
        free(values);
        return err;
    }
    w->given[w->n_given++] = values;
    return pare_h5w_lend(w, path, type, rank, dim, values);
}

int pare_h5w_give(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, void *values)
{
    return pare_h5w_give_array(w, path, type, 1, &n, values);
}

/* Address space without memory, unmapped with the writer; NULL on failure. */
static void *reserve_space(struct pare_h5w *w, size_t n)
{
    size_t room = w->space_room ? 2 * w->space_room : 16;
    void *at;

    if (w->n_space == w->space_room) {
        struct space *p = realloc(w->space, room * sizeof *p);

        if (!p)
            return NULL;
        w->space = p;
        w->space_room = room;
    }
    at = pare_space_reserve(n);
    if (at)
        w->space[w->n_space++] = (struct space){at, n};
    return at;
}

/* A dataset that HDF5 writes to a file, part by part. */
static int write_parts(hid_t d, enum pare_h5_type type, size_t n,
                       void (*make)(void *arg, void *out, size_t at, size_t n),
                       void *arg)
{
    size_t size = pare_h5lib_size(type), most = CHUNK_BYTES / size;
    void *part = malloc(CHUNK_BYTES);
    hid_t file = H5Dget_space(d), element = pare_h5lib_memory_type(type);
    bool ok = part && file >= 0 && element >= 0;

    for (size_t first = 0; ok && first < n; first += most) {
        hsize_t start = first, count = n - first < most ? n - first : most;
        hid_t memory = H5Screate_simple(1, &count, NULL);

        make(arg, part, first * size, (size_t)count * size);
        ok = memory >= 0 &&
             H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, NULL, &count,
                                 NULL) >= 0 &&
             H5Dwrite(d, element, memory, file, H5P_DEFAULT, part) >= 0;
        if (memory >= 0)
            H5Sclose(memory);
    }
    if (file >= 0)
        H5Sclose(file);
    if (element >= 0)
        H5Tclose(element);
    free(part);
    return ok ? 0 : -1;
}

/* Without a store: an empty dataset, then its parts. */
static int make_in_file(struct pare_h5w *w, const char *path,
                        enum pare_h5_type type, size_t n,
                        void (*make)(void *arg, void *out, size_t at, size_t n),
                        void *arg)
{
    struct h5block b;
    hid_t d;
    int err = make_block(&b, 1, &n, pare_h5lib_size(type), NULL);

    b.bytes = 0; /* nothing is written yet */
    if (!err)
        err = make_typed(w, path, type, &b);
    if (err)
        return err;
    d = H5Dopen2(w->file, path, H5P_DEFAULT);
    if (d < 0)
        return fail_write(path);
    err = write_parts(d, type, n, make, arg);
    return H5Dclose(d) < 0 || err ? fail_write(path) : 0;
}

int pare_h5w_make(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n,
                  void (*make)(void *arg, void *out, size_t at, size_t n),
                  void *arg)
{
    size_t bytes = n * pare_h5lib_size(type);
    void *values = NULL;
    int err;

    if (w->weigh) {
        free(arg);
        return pare_h5w_data(w, path, type, 1, &n, NULL, false);
    }
    if (!reserve_given(w)) {
        free(arg);
        return enomem();
    }
    w->given[w->n_given++] = arg;
    if (!w->store)
        return make_in_file(w, path, type, n, make, arg);
    if (bytes >= MADE_MIN && is_little_endian())
        values = reserve_space(w, bytes);
    if (values) {
        pare_h5store_lend_made(w->store, values, bytes, make, arg);
        err = pare_h5w_data(w, path, type, 1, &n, values, false);
        pare_h5store_lend(w->store, NULL, 0);
        return err;
    }
    values = malloc(bytes + 1);
    if (!values)
        return enomem();
    make(arg, values, 0, bytes);
    return pare_h5w_give(w, path, type, n, values);
}

int pare_h5w_codes(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                   int rank, const size_t *dim, const void *values)
{
    return write_data(w, path, type, rank, dim, values, true, Z_RLE);
}

int pare_h5w_mask(struct pare_h5w *w, const char *path, enum pare_h5_type type,
                  size_t n, const void *values)
{
    return pare_h5w_codes(w, path, type, 1, &n, values);
}

int pare_h5w_text(struct pare_h5w *w, const char *path, const char *text)
{
    size_t n = strlen(text);

    return pare_h5w_data(w, path, PARE_H5_U8, 1, &n, text, true);
}

int pare_h5w_item(struct pare_h5w *w, const char *path,
                  const struct pare_h5_item *item, const void *values)
{
    struct h5block b;
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

int pare_h5w_stored(uint64_t *bytes, struct pare_h5w *w, const char *path)
{
    hid_t d;

    *bytes = 0;
    if (w->weigh)
        return 0;
    d = H5Dopen2(w->file, path, H5P_DEFAULT);
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
        if (piece[i].make)
            piece[i].make(piece[i].arg, to, 0, piece[i].n);
        else
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

void pare_h5w_spill(struct pare_h5w *w, int fd)
{
    w->spill = true;
    pare_h5store_spill(w->store, fd);
}

bool pare_h5w_failed(const struct pare_h5w *w)
{
    return w->spill && pare_h5store_failed(w->store) != 0;
}

int pare_h5w_settle(struct pare_h5w *w, uint64_t *bytes)
{
    int err = finish(w);

    return err ? err : pare_h5store_settle(w->store, bytes);
}
