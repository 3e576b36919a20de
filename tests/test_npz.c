#include "unit.h"

#include <zlib.h>

#include "model_io.h"
#include "npz.h"
#include "npz_read.h"
#include "rng.h"
#include "status.h"
#include "zip.h"
#include "zip_write.h"

#include <unistd.h>

enum { ROOM = 4096 };

/* An archive that grows, and where its directory is gathered. */
struct zip {
    unsigned char b[ROOM], directory[ROOM];
    size_t n, size, entries;
    bool wide; /* ZIP64 */
};

static void put(unsigned char *b, size_t *n, uint64_t v, int size)
{
    for (int i = 0; i < size; i++)
        b[(*n)++] = (unsigned char)(v >> (8 * i));
}

static size_t deflated(unsigned char *out, const void *in, size_t n)
{
    z_stream z = {0};
    unsigned char copy[512];

    memcpy(copy, in, n);
    assert_int_equal(
        deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = copy;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = 1024;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void add(struct zip *z, const char *name, const void *value, size_t n,
                unsigned method)
{
    unsigned char packed[1024], *d = z->directory;
    size_t size = n, at = z->n;
    uint32_t crc = (uint32_t)crc32(0, value, (uInt)n);

    if (method == 8)
        size = deflated(packed, value, n);
    else
        memcpy(packed, value, n);
    put(z->b, &z->n, 0x04034b50, 4);
    put(z->b, &z->n, 20, 2);
    put(z->b, &z->n, 0, 2);
    put(z->b, &z->n, method, 2);
    put(z->b, &z->n, 0, 4);
    put(z->b, &z->n, crc, 4);
    put(z->b, &z->n, size, 4);
    put(z->b, &z->n, n, 4);
    put(z->b, &z->n, strlen(name), 2);
    put(z->b, &z->n, 0, 2);
    memcpy(z->b + z->n, name, strlen(name));
    z->n += strlen(name);
    memcpy(z->b + z->n, packed, size);
    z->n += size;
    put(d, &z->size, 0x02014b50, 4);
    put(d, &z->size, 20, 2);
    put(d, &z->size, 20, 2);
    put(d, &z->size, 0, 2);
    put(d, &z->size, method, 2);
    put(d, &z->size, 0, 4);
    put(d, &z->size, crc, 4);
    put(d, &z->size, z->wide ? 0xFFFFFFFF : size, 4);
    put(d, &z->size, z->wide ? 0xFFFFFFFF : n, 4);
    put(d, &z->size, strlen(name), 2);
    put(d, &z->size, z->wide ? 28 + 5 : 0, 2);
    put(d, &z->size, 0, 2);
    put(d, &z->size, 0, 2);
    put(d, &z->size, 0, 2);
    put(d, &z->size, 0, 4);
    put(d, &z->size, z->wide ? 0xFFFFFFFF : at, 4);
    memcpy(d + z->size, name, strlen(name));
    z->size += strlen(name);
    z->entries++;
    if (!z->wide)
        return;
    put(d, &z->size, 7, 2); /* another part comes first */
    put(d, &z->size, 1, 2);
    put(d, &z->size, 0, 1);
    put(d, &z->size, 1, 2);
    put(d, &z->size, 24, 2);
    put(d, &z->size, n, 8);
    put(d, &z->size, size, 8);
    put(d, &z->size, at, 8);
}

static void finish(struct zip *z)
{
    size_t at = z->n, end;

    memcpy(z->b + z->n, z->directory, z->size);
    end = z->n += z->size;
    if (z->wide) {
        put(z->b, &z->n, 0x06064b50, 4);
        put(z->b, &z->n, 44, 8);
        put(z->b, &z->n, 45, 2);
        put(z->b, &z->n, 45, 2);
        put(z->b, &z->n, 0, 8);
        put(z->b, &z->n, z->entries, 8);
        put(z->b, &z->n, z->entries, 8);
        put(z->b, &z->n, z->size, 8);
        put(z->b, &z->n, at, 8);
        put(z->b, &z->n, 0x07064b50, 4);
        put(z->b, &z->n, 0, 4);
        put(z->b, &z->n, end, 8);
        put(z->b, &z->n, 1, 4);
    }
    put(z->b, &z->n, 0x06054b50, 4);
    put(z->b, &z->n, 0, 4);
    put(z->b, &z->n, z->wide ? 0xFFFF : z->entries, 2);
    put(z->b, &z->n, z->wide ? 0xFFFF : z->entries, 2);
    put(z->b, &z->n, z->wide ? 0xFFFFFFFF : z->size, 4);
    put(z->b, &z->n, z->wide ? 0xFFFFFFFF : at, 4);
    put(z->b, &z->n, 0, 2);
}

/* An NPY file of the bytes 1, 2, 3; returns its size. */
static size_t array(unsigned char b[128])
{
    static const char head[] =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}";

    memcpy(b, "\x93NUMPY\1\0", 8);
    b[8] = sizeof head - 1;
    b[9] = 0;
    memcpy(b + 10, head, sizeof head - 1);
    memcpy(b + 10 + sizeof head - 1, "\1\2\3", 3);
    return 10 + sizeof head - 1 + 3;
}

/* Two arrays, a stored and b deflated. */
static void make(struct zip *z, bool wide)
{
    unsigned char npy[128];
    size_t n = array(npy);

    memset(z, 0, sizeof *z);
    z->wide = wide;
    add(z, "a.npy", npy, n, 0);
    add(z, "b.npy", npy, n, 8);
    finish(z);
}

static int parse(struct pare_npz **p, const void *bytes, size_t n)
{
    void *copy = malloc(n ? n : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    return pare_npz_parse(p, copy, n, "f");
}

static void stored_and_deflated_arrays_are_read(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct pare_npz *p = NULL;
        struct zip z;
        char names[32];

        make(&z, wide);
        if (parse(&p, z.b, z.n) != 0)
            fail_msg("%s", pare_error());
        pare_npz_names(names, sizeof names, p);
        assert_string_equal(names, "a, b");
        assert_true(pare_npz_has(p, "a") && !pare_npz_has(p, "a.npy"));
        for (const char *name = "ab"; *name; name++) {
            const char one[2] = {*name};
            struct pare_npy a = {0};

            if (pare_npz_read(&a, p, one, one) != 0)
                fail_msg("%s", pare_error());
            assert_int_equal(a.count, 3);
            assert_memory_equal(a.value, "\1\2\3", 3);
            pare_npy_release(&a);
        }
        pare_npz_free(p);
    }
}

/* Is the archive, or array b of it, refused so? */
static void refused(const struct zip *z, const char *part)
{
    struct pare_npz *p = NULL;
    struct pare_npy a = {0};

    if (parse(&p, z->b, z->n) == 0 && pare_npz_read(&a, p, "b", "b") == 0)
        fail_msg("accepted, though it should say '%s'", part);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
    assert_null(a.bytes);
    pare_npz_free(p);
}

static void put32(struct zip *z, size_t at, uint32_t v)
{
    put(z->b, &at, v, 4);
}

static void odd_archives_are_refused(void **state)
{
    unsigned char npy[128];
    size_t n = array(npy), b; /* b's entry in the directory */
    struct zip z;

    (void)state;
    memset(&z, 0, sizeof z);
    refused(&z, "not a ZIP archive");
    make(&z, false);
    z.n -= 30;
    refused(&z, "cut off");
    make(&z, false);
    b = z.n - 22 - 51;
    z.b[b + 8] = 1;
    refused(&z, "encrypted");
    make(&z, false);
    z.b[b + 10] = 12;
    refused(&z, "packed by method 12");
    make(&z, false);
    put32(&z, b + 16, 0);
    refused(&z, "checksum");
    make(&z, false);
    put32(&z, b + 24, (uint32_t)n + 1);
    refused(&z, "packed bytes");
    put32(&z, b + 24, (uint32_t)n - 1);
    refused(&z, "packed bytes");
    put32(&z, b + 24, 0x7FFFFFFF);
    refused(&z, "cannot hold");
    make(&z, false);
    put32(&z, b + 20, 4000);
    refused(&z, "beyond the end");
    make(&z, false);
    z.b[b + 42]++;
    refused(&z, "its head is not");
    put32(&z, b + 42, 0xFFFFFFF0);
    refused(&z, "beyond the end");
    put32(&z, b + 42, 0xFFFFFFFF);
    refused(&z, "more than 32 bits is missing");
    make(&z, false);
    put32(&z, z.n - 10, 102 + 1);
    refused(&z, "not where it should be");
    make(&z, false);
    z.b[z.n - 18] = 1;
    refused(&z, "several parts");
    make(&z, false);
    z.b[z.n - 14] = z.b[z.n - 12] = 3;
    refused(&z, "its directory");
    z.b[z.n - 14] = z.b[z.n - 12] = 1;
    refused(&z, "too long");
    z.b[z.n - 13] = z.b[z.n - 11] = 0x40;
    refused(&z, "its directory");
    memset(&z, 0, sizeof z);
    add(&z, "b.npy", npy, n, 0);
    add(&z, "b.npy", npy, n, 0);
    finish(&z);
    refused(&z, "two files 'b.npy'");
    memset(&z, 0, sizeof z);
    add(&z, "b.npy", npy, n, 0);
    add(&z, "b", npy, n, 0);
    finish(&z);
    refused(&z, "two arrays 'b'");
    memset(&z, 0, sizeof z);
    add(&z, "b.npy", "no array", 8, 0);
    finish(&z);
    refused(&z, "'b' is not an NPY file");
}

static void a_bomb_is_refused_by_what_it_declares(void **state)
{
    struct zip z;
    unsigned char npy[128];
    size_t n = array(npy), at;

    (void)state;
    memset(&z, 0, sizeof z);
    z.wide = true;
    add(&z, "b.npy", npy, n, 8);
    finish(&z);
    at = z.n - 22 - 20 - 56 - 24;
    put(z.b, &at, (uint64_t)1 << 40, 8);
    refused(&z, "declares more than 4294967296 bytes");
}

static void members_that_share_bytes_are_refused(void **state)
{
    unsigned char npy[128];
    size_t n = array(npy), at, second;
    struct zip z;

    (void)state;
    for (unsigned back = 0; back < 2; back++) {
        memset(&z, 0, sizeof z);
        add(&z, "a.npy", npy, n, 0);
        second = z.n;
        add(&z, "b.npy", npy, n, 0);
        /* Where b begins: at a, or before a's values end. */
        at = z.size / 2 + 42;
        put(z.directory, &at, back ? second - 6 : 0, 4);
        finish(&z);
        refused(&z, "two members overlap");
    }
}

static void names_are_cut_to_fit(void **state)
{
    struct pare_npz *p = NULL;
    char names[20];
    struct zip z;

    (void)state;
    memset(&z, 0, sizeof z);
    for (char c = 'a'; c < 'p'; c++)
        add(&z, (const char[]){c, c, '\0'}, "x", 1, 0);
    finish(&z);
    assert_int_equal(parse(&p, z.b, z.n), 0);
    pare_npz_names(names, sizeof names, p);
    assert_string_equal(names, "aa, bb, cc, dd, ...");
    pare_npz_free(p);
}

/* Flipped bits and cuts; ASan sees what is overrun. */
static void damaged_archives_do_no_harm(void **state)
{
    static struct zip z[2];

    (void)state;
    make(&z[0], false);
    make(&z[1], true);
    for (uint64_t i = 0; i < 20000; i++) {
        unsigned char b[ROOM];
        struct pare_npz *p = NULL;
        size_t n = z[i & 1].n;
        uint32_t r[4];

        memcpy(b, z[i & 1].b, n);
        pare_rng_block(r, 6, PARE_STREAM_SPLIT, 0, i);
        b[r[0] % n] ^= (unsigned char)(1u << (r[1] & 7));
        if (i % 3 == 0)
            b[r[2] % n] = r[3] & 1 ? 0xFF : (unsigned char)(r[3] >> 8);
        if (i % 11 == 0)
            n = r[2] % n;
        if (parse(&p, b, n) != 0)
            continue;
        for (const char *name = "ab"; *name; name++) {
            const char one[2] = {*name};
            struct pare_npy a = {0};

            if (pare_npz_read(&a, p, one, one) == 0)
                assert_int_equal(a.count, 3);
            pare_npy_release(&a);
        }
        pare_npz_free(p);
    }
}

/* A member that is written: n bytes, in two parts. */
struct content {
    unsigned char bytes[200000];
    size_t n;
    int calls;
};

static int give(void *arg, int (*to_put)(void *to, const void *bytes, size_t n),
                void *to)
{
    struct content *c = arg;
    size_t half = c->n / 3;
    int err = to_put(to, c->bytes, half);

    c->calls++;
    return err ? err : to_put(to, c->bytes + half, c->n - half);
}

static void check_member(const struct pare_zip *z, const char *name,
                         const struct content *c)
{
    void *bytes;
    size_t n;

    assert_int_equal(pare_zip_read(&bytes, &n, z, name, 1 << 20, name), 0);
    assert_int_equal(n, c->n);
    assert_memory_equal(bytes, c->bytes, n);
    free(bytes);
}

static void archives_that_are_written_are_read(void **state)
{
    static struct content zeros, noise, empty;
    char path[] = "/tmp/pare-zip.XXXXXX";
    struct pare_zip_out *out;
    struct pare_zip *z;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    zeros.n = noise.n = sizeof zeros.bytes;
    pare_rng_blocks((uint32_t *)(void *)noise.bytes, noise.n / 16, 1, 0, 0, 0);
    assert_int_equal(pare_zip_out_new(&out, path), 0);
    assert_int_equal(pare_zip_out_add(out, "zeros", zeros.n, give, &zeros), 0);
    assert_int_equal(pare_zip_out_add(out, "noise", noise.n, give, &noise), 0);
    assert_int_equal(pare_zip_out_add(out, "empty", 0, give, &empty), 0);
    assert_int_equal(zeros.calls, 1); /* deflated in memory */
    assert_int_equal(noise.calls, 2); /* stored */
    assert_int_equal(pare_zip_out_finish(out), 0);
    pare_zip_out_free(out);
    assert_int_equal(pare_zip_open(&z, path, 1 << 20), 0);
    assert_string_equal(pare_zip_name(z, 1), "noise");
    check_member(z, "zeros", &zeros);
    check_member(z, "noise", &noise);
    check_member(z, "empty", &empty);
    pare_zip_free(z);
    assert_int_equal(pare_zip_out_new(&out, path), 0);
    assert_int_equal(pare_zip_out_add(out, "short", 5, give, &zeros),
                     PARE_EINVAL);
    pare_zip_out_free(out);
    unlink(path);
}

static void members_are_looked_at_in_place(void **state)
{
    unsigned char npy[128], head[10];
    const size_t n = array(npy);
    const void *bytes = NULL;
    struct pare_zip *zip = NULL;
    struct zip z;
    size_t got = 0;
    uint64_t size = 0;

    (void)state;
    make(&z, false);
    assert_int_equal(pare_zip_view(&zip, z.b, z.n, "f"), 0);
    assert_int_equal(
        pare_zip_stored(&bytes, &got, zip, "a.npy", n, "a", NULL, NULL), 1);
    assert_int_equal(got, n);
    assert_ptr_equal(bytes, z.b + 30 + strlen("a.npy"));
    assert_int_equal(
        pare_zip_stored(&bytes, &got, zip, "b.npy", n, "b", NULL, NULL), 0);
    assert_int_equal(
        pare_zip_stored(&bytes, &got, zip, "a.npy", n - 1, "a", NULL, NULL),
        PARE_ELIMIT);
    for (const char *name = "a.npy"; name; name = *name == 'a' ? "b.npy" : NULL)
        for (size_t room = 0; room <= sizeof head; room++) {
            got = room;
            assert_int_equal(
                pare_zip_head(head, &got, &size, zip, name, n, name), 0);
            assert_int_equal(got, room);
            assert_int_equal(size, n);
            assert_memory_equal(head, npy, room);
        }
    z.b[30 + 5 + n - 1] ^= 1; /* the last value of a */
    assert_int_equal(
        pare_zip_stored(&bytes, &got, zip, "a.npy", n, "a", NULL, NULL),
        PARE_EFORMAT);
    pare_zip_free(zip);
}

static void write_archive(const char *path, const struct zip *z)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(z->b, 1, z->n, f), z->n);
    assert_int_equal(fclose(f), 0);
}

/* One that is packed is unpacked when it is asked for, each time. */
static void imported_arrays_take_no_memory_of_their_own(void **state)
{
    static const struct pare_foreign_options none;
    static const char path[] = "test_npz-foreign.npz";
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    struct zip z;
    float v[3];

    (void)state;
    make(&z, false);
    write_archive(path, &z);
    assert_int_equal(pare_npz_foreign(&f, path), 0);
    assert_int_equal(f.n, 2);
    assert_true(f.tensor[0].bytes && !f.tensor[0].owned && !f.tensor[0].zip);
    assert_true(!f.tensor[1].bytes && !f.tensor[1].owned && f.tensor[1].zip);
    for (size_t t = 0; t < 2; t++) {
        assert_int_equal(pare_foreign_floats(v, &f.tensor[t], NULL), 0);
        assert_true(v[0] == 1 && v[1] == 2 && v[2] == 3);
    }
    assert_int_equal(f.budget, pare_model_budget(z.n));
    assert_int_equal(pare_foreign_model(&m, &f, &none), 0);
    pare_model_release(&m);
    f.budget = 5 * sizeof *v; /* there are six values */
    assert_int_equal(pare_foreign_model(&m, &f, &none), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "'b': the file asks for more"));
    pare_foreign_release(&f);

    put32(&z, z.n - 22 - 51 + 16, 0); /* the sum of b */
    write_archive(path, &z);
    assert_int_equal(pare_npz_foreign(&f, path), 0);
    assert_int_equal(pare_foreign_floats(v, &f.tensor[1], NULL), PARE_EFORMAT);
    assert_int_equal(pare_foreign_model(&m, &f, &none), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "checksum"));
    pare_foreign_release(&f);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_and_deflated_arrays_are_read),
        cmocka_unit_test(odd_archives_are_refused),
        cmocka_unit_test(members_are_looked_at_in_place),
        cmocka_unit_test(imported_arrays_take_no_memory_of_their_own),
        cmocka_unit_test(a_bomb_is_refused_by_what_it_declares),
        cmocka_unit_test(members_that_share_bytes_are_refused),
        cmocka_unit_test(names_are_cut_to_fit),
        cmocka_unit_test(damaged_archives_do_no_harm),
        cmocka_unit_test(archives_that_are_written_are_read),
    };

    return run_group(tests);
}
