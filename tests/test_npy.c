#include "unit.h"

#include "npy.h"
#include "rng.h"
#include "status.h"

/* A file of that version with that header and values, malloc'd. */
static unsigned char *make(size_t *n, int version, const char *header,
                           const void *value, size_t size)
{
    size_t text = strlen(header), head = version == 1 ? 10 : 12;
    unsigned char *b = malloc(12 + text + size);

    assert_non_null(b);
    memcpy(b, "\x93NUMPY", 6);
    b[6] = (unsigned char)version;
    b[7] = 0;
    memset(b + 8, 0, 4);
    b[8] = (unsigned char)(text & 255);
    b[9] = (unsigned char)(text >> 8);
    memcpy(b + head, header, text);
    memcpy(b + head + text, value, size);
    *n = head + text + size;
    return b;
}

static void parse(struct pare_npy *a, const char *header, const void *value,
                  size_t size)
{
    size_t n;
    unsigned char *b = make(&n, 1, header, value, size);

    if (pare_npy_parse(a, b, n, "f") != 0)
        fail_msg("%s: %s", header, pare_error());
}

static void refused(int version, const char *header, size_t size,
                    const char *part)
{
    static const unsigned char zeros[64];
    struct pare_npy a = {0};
    size_t n;
    unsigned char *b = make(&n, version, header, zeros, size);

    if (pare_npy_parse(&a, b, n, "f") == 0)
        fail_msg("accepted, though it should say '%s'", part);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
    assert_null(a.bytes);
}

static void headers_are_read_as_python_writes_them(void **state)
{
    static const char *const header[] = {
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }   \n",
        "{'shape':(2,3),'fortran_order':False,'descr':\"<i2\"}",
        " { 'fortran_order' : False , 'descr':'<i2' , 'shape' : (2 , 3,) , } ",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2L, 3L)}"};
    static const unsigned char value[12] = {1, 0, 2};

    (void)state;
    for (size_t i = 0; i < sizeof header / sizeof *header; i++)
        for (int version = 1; version <= 3; version++) {
            struct pare_npy a = {0};
            size_t n;
            unsigned char *b = make(&n, version, header[i], value, 12);

            if (pare_npy_parse(&a, b, n, "f") != 0)
                fail_msg("%s", pare_error());
            assert_int_equal(a.kind, 'i');
            assert_int_equal(a.size, 2);
            assert_int_equal(a.rank, 2);
            assert_int_equal(a.dim[1], 3);
            assert_int_equal(a.count, 6);
            assert_false(a.big || a.fortran);
            assert_memory_equal(a.value, value, 12);
            pare_npy_release(&a);
        }
}

#define HEAD(type, shape)                                                      \
    "{'descr': " type ", 'fortran_order': False, 'shape': " shape "}"

static void other_headers_are_refused(void **state)
{
    (void)state;
    refused(1, "", 0, "lacks its dictionary");
    refused(1, "{}", 0, "lacks one of descr");
    refused(1, "{'descr': '<i2'}", 0, "lacks one of descr");
    refused(1, HEAD("'<i2'", "(3,)") "x", 6, "an end after");
    refused(1, "{'descr': '<i2' 'shape': (3,)}", 6, "the end of its");
    refused(1, "{'descr' '<i2'}", 6, "a colon");
    refused(1, "{'descr': '<i2', 'descr': '<i2'}", 6, "twice 'descr'");
    refused(1, "{'evil': open('/etc/passwd')}", 6, "an entry 'evil'");
    refused(1, "{'descr", 0, "the end of a string");
    refused(1, "{'de\\x73cr': '<i2'}", 0, "a plain string");
    refused(1, HEAD("'<i2'", "3"), 6, "a tuple");
    refused(1, HEAD("'<i2'", "(3)"), 6, "a tuple");
    refused(1, HEAD("'<i2'", "(-3,)"), 6, "a whole number");
    refused(1, HEAD("'<i2'", "(3,"), 6, "a whole number");
    refused(1, HEAD("'<i2'", "(1,1,1,1,1,1,1,1,1)"), 2, "more than 8");
    refused(1, HEAD("'<i2'", "(3,0)"), 0, "dimension 2 is 0");
    refused(1, HEAD("'<i2'", "(99999999999999999999999,)"), 6, "too large");
    refused(1, HEAD("'<i2'", "(65536,65536)"), 6, "more than 4294967296");
    refused(1, HEAD("'<i2'", "(4294967295,4294967295,4294967295)"), 6,
            "more than 4294967296");
    refused(1, HEAD("'<i2'", "(3,)"), 5,
            "5 bytes of values, its header "
            "declares 6");
    refused(1, HEAD("'<i2'", "(3,)"), 7, "7 bytes of values");
    refused(1, "{'descr': '<i2', 'fortran_order': 0, 'shape': (3,)}", 6,
            "True or False");
    refused(4, HEAD("'<i2'", "(3,)"), 6, "no NPY version 4.0");
    refused(0, HEAD("'<i2'", "(3,)"), 6, "no NPY version 0.0");
}

static void types_that_are_no_numbers_are_refused_by_name(void **state)
{
    (void)state;
    refused(1, HEAD("'|O'", "(3,)"), 6, "Python objects of type '|O'");
    refused(1, HEAD("'|V8'", "(3,)"), 6, "structures of type '|V8'");
    refused(1, HEAD("[('a', '<i4')]", "(3,)"), 6, "structures of named");
    refused(1, HEAD("'<c8'", "(3,)"), 6, "complex numbers of type '<c8'");
    refused(1, HEAD("'<U1'", "(3,)"), 6, "values of type '<U1'");
    refused(1, HEAD("'<f16'", "(3,)"), 6, "values of type '<f16'");
    refused(1, HEAD("'|f1'", "(3,)"), 6, "'|f1'");
    refused(1, HEAD("'|i4'", "(3,)"), 6, "'|i4'");
    refused(1, HEAD("'|b2'", "(3,)"), 6, "'|b2'");
    refused(1, HEAD("''", "(3,)"), 6, "''");
}

static void what_is_not_npy_is_refused(void **state)
{
    static const char *const text[] = {"", "\x93NUM", "{'descr': '<i2'}",
                                       "\x93NUMPY\1\0\xff\xff{"};
    static const size_t n[] = {0, 4, 16, 11};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct pare_npy a = {0};
        void *b = malloc(n[i] ? n[i] : 1);

        assert_non_null(b);
        memcpy(b, text[i], n[i]);
        assert_int_equal(pare_npy_parse(&a, b, n[i], "f"), PARE_EFORMAT);
    }
    assert_non_null(strstr(pare_error(), "ends in its header"));
}

/* Samples {1, 2}, {3, 4} of a type; what becomes of them. */
static void takes(const char *header, const void *value, size_t size)
{
    struct pare_npy x = {0}, y = {0};
    struct pare_dataset d = {0};
    const float *f;

    parse(&x, header, value, size);
    parse(&y, HEAD("'|u1'", "(2,)"), "\0\1", 2);
    if (pare_npy_split(&d, PARE_TRAIN, &x, &y, false, "x", "y") != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(d.type, PARE_X_F32);
    f = d.split[PARE_TRAIN].x;
    for (int i = 0; i < 4; i++)
        assert_close(f[i], i - 1, 0);
    pare_npy_release(&x);
    pare_npy_release(&y);
    pare_dataset_release(&d);
}

static void every_type_becomes_float32(void **state)
{
    static const int8_t i8[] = {-1, 0, 1, 2};
    static const int16_t i16[] = {-1, 0, 1, 2};
    static const int32_t i32[] = {-1, 0, 1, 2};
    static const int64_t i64[] = {-1, 0, 1, 2};
    static const float f32[] = {-1, 0, 1, 2};
    static const double f64[] = {-1, 0, 1, 2};
    static const unsigned char f16[] = {0, 0xBC, 0, 0, 0, 0x3C, 0, 0x40};
    static const unsigned char big[] = {0xFF, 0xFF, 0, 0, 0, 1, 0, 2};
    static const unsigned char big64[] = {
        0xBF, 0xF0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0,
        0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0};
    const uint16_t one = 1;

    (void)state;
    takes(HEAD("'|i1'", "(2, 2)"), i8, sizeof i8);
    takes(HEAD("'<f2'", "(2, 2)"), f16, sizeof f16);
    takes(HEAD("'>i2'", "(2, 2)"), big, sizeof big);
    takes(HEAD("'>f8'", "(2, 2)"), big64, sizeof big64);
    if (*(const unsigned char *)&one == 0)
        return; /* the others are written here in the order of x86 */
    takes(HEAD("'<i2'", "(2, 2)"), i16, sizeof i16);
    takes(HEAD("'<i4'", "(2, 2)"), i32, sizeof i32);
    takes(HEAD("'<i8'", "(2, 2)"), i64, sizeof i64);
    takes(HEAD("'<f4'", "(2, 2)"), f32, sizeof f32);
    takes(HEAD("'<f8'", "(2, 2)"), f64, sizeof f64);
}

/* Two samples of bytes in another order; what they are in ours. */
static void turns(const char *order, const char *shape, bool last,
                  const char *value, const char *want, const size_t dim[3])
{
    char header[200];
    struct pare_npy x = {0}, y = {0};
    struct pare_dataset d = {0};
    size_t n = strlen(value);

    snprintf(header, sizeof header,
             "{'descr': '|u1', 'fortran_order': %s, 'shape': %s}", order,
             shape);
    parse(&x, header, value, n);
    parse(&y, HEAD("'|u1'", "(2,)"), "\0\1", 2);
    if (pare_npy_split(&d, PARE_TRAIN, &x, &y, last, "x", "y") != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(d.type, PARE_X_U8);
    assert_memory_equal(d.split[PARE_TRAIN].x, want, n);
    for (int i = 0; i < d.shape.rank; i++)
        assert_int_equal(d.shape.dim[i], dim[i]);
    pare_npy_release(&x);
    pare_npy_release(&y);
    pare_dataset_release(&d);
}

static void axes_are_brought_into_our_order(void **state)
{
    (void)state;
    turns("False", "(2, 3)", false, "abcdef", "abcdef", (size_t[3]){3});
    turns("True", "(2, 3)", false, "adbecf", "abcdef", (size_t[3]){3});
    turns("False", "(2, 1, 3)", true, "abcdef", "abcdef", (size_t[]){1, 1, 3});
    turns("False", "(2, 2, 1, 2)", false, "abcdefgh", "abcdefgh",
          (size_t[]){2, 1, 2});
    turns("False", "(2, 1, 2, 2)", true, "acbdegfh", "abcdefgh",
          (size_t[]){2, 1, 2});
    turns("True", "(2, 1, 2, 2)", true, "aebfcgdh", "abcdefgh",
          (size_t[]){2, 1, 2});
}

/* Labels for two samples: the classes, or what is said of them. */
static int labels(int32_t y[2], size_t *classes, const char *header,
                  const void *value, size_t size)
{
    struct pare_npy x = {0}, a = {0};
    struct pare_dataset d = {0};
    int rc;

    parse(&x, HEAD("'|u1'", "(2, 1)"), "\1\2", 2);
    parse(&a, header, value, size);
    rc = pare_npy_split(&d, PARE_TRAIN, &x, &a, false, "x", "y");
    if (rc == 0) {
        memcpy(y, d.split[PARE_TRAIN].y, 2 * sizeof *y);
        *classes = d.n_classes;
    }
    pare_npy_release(&x);
    pare_npy_release(&a);
    pare_dataset_release(&d);
    return rc;
}

static void labels_are_whole_numbers_or_columns(void **state)
{
    static const unsigned char two[] = {0x40, 0, 0, 0, 0, 0, 0, 0,
                                        0,    0, 0, 0, 0, 0, 0, 0};
    static const unsigned char half[] = {0x3F, 0xE0, 0, 0, 0, 0, 0, 0,
                                         0,    0,    0, 0, 0, 0, 0, 0};
    int32_t y[2];
    size_t n = 0;

    (void)state;
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "(2, 1)"), "\5\2", 2), 0);
    assert_int_equal(y[0], 5);
    assert_int_equal(n, 6);
    assert_int_equal(labels(y, &n, HEAD("'>f8'", "(2,)"), two, 16), 0);
    assert_int_equal(y[0], 2);
    assert_int_equal(labels(y, &n, HEAD("'|b1'", "(2, 3)"), "\0\1\0\1\0\0", 6),
                     0);
    assert_int_equal(y[0], 1);
    assert_int_equal(y[1], 0);
    assert_int_equal(n, 3);
    assert_int_equal(labels(y, &n, HEAD("'>f8'", "(2,)"), half, 16),
                     PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "label 0.5 of sample 0"));
    assert_int_equal(labels(y, &n, HEAD("'|i1'", "(2,)"), "\1\377", 2),
                     PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "label -1 of sample 1"));
    assert_int_equal(
        labels(y, &n, HEAD("'>u4'", "(2,)"), "\1\0\0\0\0\0\0\0", 8),
        PARE_ELIMIT);
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "(2, 2)"), "\0\1\1\1", 4),
                     PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "row 1 is not 1 in one column"));
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "(2, 2)"), "\0\0\1\0", 4),
                     PARE_EFORMAT);
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "(2, 1, 1)"), "\0\1", 2),
                     PARE_EFORMAT);
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "()"), "\0", 1),
                     PARE_EMISMATCH);
    assert_int_equal(labels(y, &n, HEAD("'|u1'", "(1,)"), "\0", 1),
                     PARE_EMISMATCH);
    assert_non_null(strstr(pare_error(), "2 samples"));
}

static void a_value_that_is_not_finite_is_told_with_its_place(void **state)
{
    static const unsigned char v[] = {0x3F, 0x80, 0, 0, 0,    0,    0, 0,
                                      0,    0,    0, 0, 0x7F, 0x80, 0, 0};
    struct pare_npy x = {0}, y = {0};
    struct pare_dataset d = {0};

    (void)state;
    parse(&x, HEAD("'>f4'", "(2, 2)"), v, sizeof v);
    parse(&y, HEAD("'|u1'", "(2,)"), "\0\1", 2);
    assert_int_equal(pare_npy_split(&d, PARE_TRAIN, &x, &y, false, "x", "y"),
                     PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "value 1 of sample 1"));
    assert_int_equal(d.shape.rank, 0);
    pare_npy_release(&x);
    pare_npy_release(&y);
}

/* Flipped bits and cuts; ASan sees what is overrun. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        struct pare_npy a = {0};
        uint32_t r[4];
        size_t n;
        unsigned char *b =
            make(&n, 1 + (int)(i % 3), HEAD("'|u1'", "(2, 3)"), "abcdef", 6);
        unsigned char *exact;

        pare_rng_block(r, 5, PARE_STREAM_SPLIT, 0, i);
        b[r[0] % n] ^= (unsigned char)(1u << (r[1] & 7));
        if (i % 4 == 0)
            b[r[2] % n] = (unsigned char)r[3];
        if (i % 7 == 0)
            n = r[2] % n;
        exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, b, n);
        free(b);
        if (pare_npy_parse(&a, exact, n, "f") == 0)
            assert_true(a.count * a.size <= 64);
        else
            assert_null(a.bytes);
        pare_npy_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_as_python_writes_them),
        cmocka_unit_test(other_headers_are_refused),
        cmocka_unit_test(types_that_are_no_numbers_are_refused_by_name),
        cmocka_unit_test(what_is_not_npy_is_refused),
        cmocka_unit_test(every_type_becomes_float32),
        cmocka_unit_test(axes_are_brought_into_our_order),
        cmocka_unit_test(labels_are_whole_numbers_or_columns),
        cmocka_unit_test(a_value_that_is_not_finite_is_told_with_its_place),
        cmocka_unit_test(damaged_files_do_no_harm),
    };

    return run_group(tests);
}
