#include "unit.h"

#include <unistd.h>

#include "h5read.h"
#include "h5write.h"
#include "status.h"

/* hdf5.h is here to make files that our own writer never would. */
#include <hdf5.h>
#include <zlib.h>

struct image {
    void *bytes;
    size_t n;
};

static struct pare_h5 *open_image(const struct image *im)
{
    struct pare_h5 *h = NULL;

    if (pare_h5_open(&h, im->bytes, im->n, "image") != 0)
        fail_msg("%s", pare_error());
    return h;
}

static void finish(struct image *im, struct pare_h5w *w)
{
    assert_int_equal(pare_h5w_finish(&im->bytes, &im->n, w), 0);
    pare_h5w_free(w);
}

static void write_sample(struct image *im)
{
    static const float x[6] = {1, -0.0f, 2.5f, 3, 4, 5};
    static const uint32_t u[3] = {7, 0, 4000000000u};
    static const int32_t s[2] = {-5, 6};
    static const double f = 0.1;
    static const int8_t b[3] = {-127, 0, 127};
    static const uint16_t h[6] = {0x3c00, 0x8000, 1, 0x7bff, 0xc000, 65535};
    struct pare_h5w *w;
    size_t dim[2] = {2, 3}, three = 3, two = 2;

    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_group(w, "/g"), 0);
    assert_int_equal(pare_h5w_data(w, "/g/x", PARE_H5_F32, 2, dim, x, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/u", PARE_H5_U32, 1, &three, u, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/s", PARE_H5_I32, 1, &two, s, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/f", PARE_H5_F64, 0, NULL, &f, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/g/b", PARE_H5_I8, 1, &three, b, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/g/h", PARE_H5_F16, 2, dim, h, 0), 0);
    assert_int_equal(pare_h5w_data(w, "/g/w", PARE_H5_U16, 2, dim, h, 0), 0);
    assert_int_equal(pare_h5w_text(w, "/text", "hello"), 0);
    assert_int_equal(pare_h5w_text(w, "/empty", ""), 0);
    assert_int_equal(pare_h5w_attr_text(w, "/", "format", "pare-test"), 0);
    assert_int_equal(pare_h5w_attr_text(w, "/g/x", "none", ""), 0);
    assert_int_equal(pare_h5w_attr_i64(w, "/g", "big", INT64_MIN), 0);
    finish(im, w);
}

static void what_is_written_is_read(void **state)
{
    struct image im;
    struct pare_h5 *h;
    struct pare_h5_info info;
    float x[6];
    uint32_t u[3];
    int32_t s[2];
    double f;
    int64_t big;
    char *text;

    (void)state;
    write_sample(&im);
    h = open_image(&im);
    assert_int_equal(pare_h5_info(&info, h, "/g/x"), 0);
    assert_int_equal(info.type, PARE_H5_F32);
    assert_int_equal(info.rank, 2);
    assert_int_equal(info.dim[1], 3);
    assert_int_equal(info.count, 6);
    assert_int_equal(info.stored, 24);
    assert_int_equal(pare_h5_read(x, h, "/g/x", PARE_H5_F32, 6), 0);
    assert_true(x[1] == 0 && signbit(x[1]));
    assert_true(x[2] == 2.5f && x[5] == 5);
    assert_int_equal(pare_h5_read_rows(x, h, "/g/x", PARE_H5_F32, 1, 1), 0);
    assert_true(x[0] == 3 && x[2] == 5);
    assert_int_equal(pare_h5_read(u, h, "/u", PARE_H5_U32, 3), 0);
    assert_true(u[2] == 4000000000u);
    assert_int_equal(pare_h5_read(s, h, "/s", PARE_H5_I32, 2), 0);
    assert_int_equal(s[0], -5);
    assert_int_equal(pare_h5_read(&f, h, "/f", PARE_H5_F64, 1), 0);
    assert_true(f == 0.1);
    assert_int_equal(pare_h5_read_text(&text, h, "/text", 5), 0);
    assert_string_equal(text, "hello");
    free(text);
    assert_int_equal(pare_h5_read_text(&text, h, "/empty", 5), 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(pare_h5_attr_text(&text, h, "/", "format", 64), 0);
    assert_string_equal(text, "pare-test");
    free(text);
    assert_int_equal(pare_h5_attr_text(&text, h, "/g/x", "none", 64), 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(pare_h5_attr_i64(&big, h, "/g", "big"), 0);
    assert_true(big == INT64_MIN);
    pare_h5_close(h);
    free(im.bytes);
}

static void narrow_types_are_written_and_read(void **state)
{
    struct image im;
    struct pare_h5 *h;
    struct pare_h5_info info;
    int8_t b[3];
    uint16_t x[6];

    (void)state;
    write_sample(&im);
    h = open_image(&im);
    assert_int_equal(pare_h5_info(&info, h, "/g/h"), 0);
    assert_int_equal(info.type, PARE_H5_F16);
    assert_int_equal(info.stored, 12);
    assert_int_equal(pare_h5_read(b, h, "/g/b", PARE_H5_I8, 3), 0);
    assert_int_equal(b[0], -127);
    assert_int_equal(pare_h5_read(x, h, "/g/h", PARE_H5_F16, 6), 0);
    assert_int_equal(x[0], 0x3c00);
    assert_int_equal(x[1], 0x8000);
    assert_int_equal(x[5], 65535); /* a NaN keeps its bits */
    assert_int_equal(pare_h5_read(x, h, "/g/w", PARE_H5_U16, 6), 0);
    assert_int_equal(x[4], 0xc000);
    assert_int_equal(pare_h5_read(x, h, "/g/h", PARE_H5_U16, 6), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "float16, expected uint16"));
    assert_int_equal(pare_h5_read(b, h, "/g/b", PARE_H5_U8, 3), PARE_EFORMAT);
    pare_h5_close(h);
    free(im.bytes);
}

static void what_is_not_there_is_an_error(void **state)
{
    struct image im;
    struct pare_h5 *h;
    float x[7];
    char *text = NULL;
    int64_t v;

    (void)state;
    write_sample(&im);
    h = open_image(&im);
    assert_int_equal(pare_h5_exists(h, "/"), 1);
    assert_int_equal(pare_h5_exists(h, "/g/x"), 1);
    assert_int_equal(pare_h5_exists(h, "/none"), 0);
    assert_int_equal(pare_h5_exists(h, "/none/x"), 0);
    assert_int_equal(pare_h5_read(x, h, "/none", PARE_H5_F32, 6), PARE_EFORMAT);
    assert_int_equal(pare_h5_read(x, h, "/g/x", PARE_H5_F32, 7), PARE_EFORMAT);
    assert_int_equal(pare_h5_read(x, h, "/g/x", PARE_H5_I32, 6), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "float32"));
    assert_int_equal(pare_h5_read(x, h, "/g", PARE_H5_F32, 6), PARE_EFORMAT);
    assert_int_equal(pare_h5_read_rows(x, h, "/g/x", PARE_H5_F32, 1, 2),
                     PARE_EINVAL);
    assert_int_equal(pare_h5_read_text(&text, h, "/text", 4), PARE_ELIMIT);
    assert_int_equal(pare_h5_attr_text(&text, h, "/", "none", 64),
                     PARE_EFORMAT);
    assert_int_equal(pare_h5_attr_text(&text, h, "/", "format", 3),
                     PARE_ELIMIT);
    assert_int_equal(pare_h5_attr_text(&text, h, "/g", "big", 64),
                     PARE_EFORMAT);
    assert_int_equal(pare_h5_attr_i64(&v, h, "/", "format"), PARE_EFORMAT);
    assert_null(text);
    pare_h5_close(h);
    free(im.bytes);
}

static void names_are_listed_in_order(void **state)
{
    static const char *const want[] = {"empty", "f", "g", "s", "text", "u"};
    struct image im;
    struct pare_h5 *h;
    char **name;
    size_t n;

    (void)state;
    write_sample(&im);
    h = open_image(&im);
    assert_int_equal(pare_h5_list(&name, &n, h, "/", 5), PARE_ELIMIT);
    assert_int_equal(pare_h5_list(&name, &n, h, "/u", 5), PARE_EFORMAT);
    assert_int_equal(pare_h5_list(&name, &n, h, "/", 6), 0);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(name[i], want[i]);
        free(name[i]);
    }
    free(name);
    pare_h5_close(h);
    free(im.bytes);
}

static void deflate_is_used_only_where_it_pays(void **state)
{
    enum { ROWS = 3000, COLS = 700 };
    static float zeros[ROWS][COLS], noise[ROWS][COLS], got[ROWS][COLS];
    struct image im;
    struct pare_h5w *w;
    struct pare_h5 *h;
    struct pare_h5_info info;
    size_t dim[2] = {ROWS, COLS};
    uint32_t s = 1;

    (void)state;
    for (size_t i = 0; i < ROWS * COLS; i++) {
        s = s * 1664525u + 1013904223u;
        (&noise[0][0])[i] = (float)s;
    }
    zeros[1234][5] = 7;
    zeros[ROWS - 1][COLS - 1] = 8;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_data(w, "/z", PARE_H5_F32, 2, dim, zeros, 1), 0);
    assert_int_equal(pare_h5w_data(w, "/n", PARE_H5_F32, 2, dim, noise, 1), 0);
    finish(&im, w);
    h = open_image(&im);
    assert_int_equal(pare_h5_info(&info, h, "/z"), 0);
    assert_in_range(info.stored, 1, 100000);
    assert_int_equal(pare_h5_read(got, h, "/z", PARE_H5_F32, ROWS * COLS), 0);
    assert_memory_equal(got, zeros, sizeof zeros);
    assert_int_equal(
        pare_h5_read_rows(got, h, "/z", PARE_H5_F32, 1234, ROWS - 1234), 0);
    assert_memory_equal(got, zeros[1234], sizeof *zeros * (ROWS - 1234));
    assert_int_equal(pare_h5_read(got, h, "/n", PARE_H5_F32, ROWS * COLS), 0);
    assert_memory_equal(got, noise, sizeof noise);
    pare_h5_close(h);
    free(im.bytes);
}

static void the_same_calls_give_the_same_bytes(void **state)
{
    struct image a, b;

    (void)state;
    write_sample(&a);
    write_sample(&b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.bytes, b.bytes, a.n);
    free(a.bytes);
    free(b.bytes);
}

/* A file in memory, made with libhdf5 itself; closed into an image. */
static hid_t begin(void)
{
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), f;

    H5Pset_fapl_core(fapl, 1 << 16, 0);
    f = H5Fcreate("hostile", H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    H5Pclose(fapl);
    assert_true(f >= 0);
    return f;
}

static struct pare_h5 *end(struct image *im, hid_t f)
{
    H5Fflush(f, H5F_SCOPE_GLOBAL);
    im->n = (size_t)H5Fget_file_image(f, NULL, 0);
    im->bytes = malloc(im->n);
    assert_non_null(im->bytes);
    assert_true(H5Fget_file_image(f, im->bytes, im->n) > 0);
    H5Fclose(f);
    return open_image(im);
}

static void put(hid_t f, hid_t type, int rank, const hsize_t *dim, hid_t p)
{
    hid_t s = H5Screate_simple(rank, dim, NULL);
    hid_t d = H5Dcreate2(f, "/x", type, s, H5P_DEFAULT, p, H5P_DEFAULT);

    assert_true(d >= 0);
    H5Dclose(d);
    H5Sclose(s);
}

/* "/x" of the file must be refused with this code and these words. */
static void assert_refused(hid_t f, int code, const char *words)
{
    struct image im;
    struct pare_h5 *h = end(&im, f);
    struct pare_h5_info info;

    assert_int_equal(pare_h5_info(&info, h, "/x"), code);
    if (!strstr(pare_error(), words))
        fail_msg("%s", pare_error());
    pare_h5_close(h);
    free(im.bytes);
}

/* By number, libhdf5 would look for each of them from the beginning. */
static void ten_thousand_names_are_listed(void **state)
{
    struct image im;
    hid_t f = begin();
    struct pare_h5 *h;
    char **name, path[16];
    size_t n;

    (void)state;
    H5Gclose(H5Gcreate2(f, "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "/l%05d", 9999 - i);
        H5Lcreate_hard(f, "/g", f, path, H5P_DEFAULT, H5P_DEFAULT);
    }
    h = end(&im, f);
    assert_int_equal(pare_h5_list(&name, &n, h, "/", 65536), 0);
    assert_int_equal(n, 10001);
    assert_string_equal(name[0], "g");
    assert_string_equal(name[10000], "l09999");
    for (size_t i = 0; i < n; i++)
        free(name[i]);
    free(name);
    pare_h5_close(h);
    free(im.bytes);
}

static void links_are_not_followed(void **state)
{
    hid_t f = begin();

    (void)state;
    H5Lcreate_soft("/y", f, "/x", H5P_DEFAULT, H5P_DEFAULT);
    assert_refused(f, PARE_EFORMAT, "a soft link");
    f = begin();
    H5Lcreate_external("other.h5", "/y", f, "/x", H5P_DEFAULT, H5P_DEFAULT);
    assert_refused(f, PARE_EFORMAT, "an external link");
}

static void values_outside_the_file_are_not_read(void **state)
{
    const hsize_t dim = 4;
    hid_t f = begin(), p = H5Pcreate(H5P_DATASET_CREATE), s;

    (void)state;
    H5Pset_external(p, "/etc/passwd", 0, 16);
    put(f, H5T_NATIVE_UINT32, 1, &dim, p);
    H5Pclose(p);
    assert_refused(f, PARE_EFORMAT, "another file");
    f = begin();
    p = H5Pcreate(H5P_DATASET_CREATE);
    s = H5Screate_simple(1, &dim, NULL);
    H5Pset_virtual(p, s, "/etc/passwd", "/y", s);
    put(f, H5T_NATIVE_UINT32, 1, &dim, p);
    H5Sclose(s);
    H5Pclose(p);
    assert_refused(f, PARE_EFORMAT, "neither contiguous nor chunked");
}

static void odd_types_are_refused(void **state)
{
    const hsize_t dim = 4;
    hid_t f = begin(), t = H5Tvlen_create(H5T_NATIVE_INT);
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);

    (void)state;
    H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY);
    put(f, t, 1, &dim, p);
    H5Tclose(t);
    assert_refused(f, PARE_EFORMAT, "type");
    f = begin();
    put(f, H5T_IEEE_F32BE, 1, &dim, p);
    assert_refused(f, PARE_EFORMAT, "type");
    f = begin();
    put(f, H5T_STD_REF_OBJ, 1, &dim, p);
    assert_refused(f, PARE_EFORMAT, "type");
    H5Pclose(p);
}

static void bombs_are_refused_before_memory_is_taken(void **state)
{
    const hsize_t huge[2] = {(hsize_t)1 << 31, (hsize_t)1 << 31};
    const hsize_t big[2] = {30000, 30000}, chunk[2] = {1000, 1000};
    const hsize_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    hid_t f = begin(), p = H5Pcreate(H5P_DATASET_CREATE);

    (void)state;
    /* 2^62 values of 4 bytes; nothing is stored. */
    H5Pset_chunk(p, 2, chunk);
    put(f, H5T_NATIVE_FLOAT, 2, huge, p);
    assert_refused(f, PARE_ELIMIT, "more bytes than fit");
    f = begin();
    put(f, H5T_NATIVE_FLOAT, 2, big, H5P_DEFAULT);
    assert_refused(f, PARE_EFORMAT, "declares");
    f = begin();
    put(f, H5T_NATIVE_FLOAT, 9, many, H5P_DEFAULT);
    assert_refused(f, PARE_ELIMIT, "rank 9");
    f = begin();
    H5Pset_deflate(p, 9);
    put(f, H5T_NATIVE_FLOAT, 2, big, p);
    assert_refused(f, PARE_EFORMAT, "stores none");
    f = begin();
    H5Pset_deflate(p, 9);
    put(f, H5T_NATIVE_FLOAT, 2, big, p);
    assert_refused(f, PARE_EFORMAT, "filters");
    H5Pclose(p);
}

/* A chunk whose stream holds more than the chunk. */
static void a_stream_cannot_grow_past_its_chunk(void **state)
{
    const hsize_t dim = 100, at = 0;
    unsigned char zeros[200] = {0}, packed[400], out[100];
    hid_t f = begin(), p = H5Pcreate(H5P_DATASET_CREATE), d;
    uLongf n = sizeof packed;
    struct image im;
    struct pare_h5 *h;

    (void)state;
    H5Pset_chunk(p, 1, &dim);
    H5Pset_deflate(p, 6);
    put(f, H5T_NATIVE_UINT8, 1, &dim, p);
    H5Pclose(p);
    assert_int_equal(compress(packed, &n, zeros, sizeof zeros), Z_OK);
    d = H5Dopen2(f, "/x", H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(d, H5P_DEFAULT, 0, &at, n, packed) >= 0);
    H5Dclose(d);
    h = end(&im, f);
    assert_int_equal(pare_h5_read(out, h, "/x", PARE_H5_U8, 100), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "damaged chunk"));
    pare_h5_close(h);
    free(im.bytes);
}

/* Chunks that cut both axes, as h5py would choose them. */
static void chunks_of_any_shape_are_read(void **state)
{
    const hsize_t dim[3] = {7, 10, 5}, chunk[3] = {3, 4, 2};
    static float x[7 * 10 * 5], got[7 * 10 * 5];
    hid_t f = begin(), p = H5Pcreate(H5P_DATASET_CREATE), d;
    struct image im;
    struct pare_h5 *h;

    (void)state;
    for (int i = 0; i < 350; i++)
        x[i] = (float)i;
    H5Pset_chunk(p, 3, chunk);
    H5Pset_deflate(p, 6);
    put(f, H5T_NATIVE_FLOAT, 3, dim, p);
    H5Pclose(p);
    d = H5Dopen2(f, "/x", H5P_DEFAULT);
    H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    H5Dclose(d);
    h = end(&im, f);
    assert_int_equal(pare_h5_read(got, h, "/x", PARE_H5_F32, 350), 0);
    assert_memory_equal(got, x, sizeof x);
    assert_int_equal(pare_h5_read_rows(got, h, "/x", PARE_H5_F32, 2, 3), 0);
    assert_memory_equal(got, x + 100, 150 * sizeof *x);
    pare_h5_close(h);
    free(im.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(narrow_types_are_written_and_read),
        cmocka_unit_test(what_is_not_there_is_an_error),
        cmocka_unit_test(names_are_listed_in_order),
        cmocka_unit_test(ten_thousand_names_are_listed),
        cmocka_unit_test(deflate_is_used_only_where_it_pays),
        cmocka_unit_test(the_same_calls_give_the_same_bytes),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(values_outside_the_file_are_not_read),
        cmocka_unit_test(odd_types_are_refused),
        cmocka_unit_test(bombs_are_refused_before_memory_is_taken),
        cmocka_unit_test(a_stream_cannot_grow_past_its_chunk),
        cmocka_unit_test(chunks_of_any_shape_are_read),
    };

    return run_group(tests);
}
