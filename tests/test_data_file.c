#include "unit.h"

#include <hdf5.h>
#include <unistd.h>

#include "atomic.h"
#include "data_file.h"
#include "h5write.h"
#include "rng.h"
#include "status.h"

static const char file[] = "test_data_file.h5";

/* Two splits of 1x2x2 images, or of four float32 features with names. */
static struct pare_dataset make(enum pare_xtype type)
{
    struct pare_dataset d = {.type = type, .features = 4, .n_classes = 3};
    const char *const class[] = {"zero", "one", "two, or \"more\""};

    d.shape = type == PARE_X_U8 ? (struct pare_shape){3, {1, 2, 2}}
                                : (struct pare_shape){1, {4}};
    d.norm.scale = type == PARE_X_U8 ? 1.0f / 255 : 1;
    d.class_name = calloc(3, sizeof(char *));
    assert_non_null(d.class_name);
    for (int i = 0; i < 3; i++)
        d.class_name[i] = strdup(class[i]);
    for (int s = 0; s < PARE_SPLITS; s += 2) {
        size_t n = s ? 3 : 5;
        int32_t *y = calloc(n, sizeof *y);
        uint8_t *b = calloc(n, 4);
        float *f = calloc(n, 4 * sizeof *f);

        assert_true(y && b && f);
        for (size_t i = 0; i < 4 * n; i++) {
            y[i / 4] = (int32_t)(i / 4 % 3);
            b[i] = (uint8_t)(40 * s + i);
            f[i] = 0.5f * (float)i - (float)s;
        }
        d.split[s] = (struct pare_split){
            .n = n, .x = type == PARE_X_U8 ? (void *)b : f, .y = y};
        free(type == PARE_X_U8 ? (void *)f : b);
    }
    if (type == PARE_X_F32) {
        d.feature_name = calloc(4, sizeof(char *));
        d.norm.n = 4;
        d.norm.mean = calloc(4, sizeof(float));
        d.norm.std = malloc(4 * sizeof(float));
        assert_true(d.feature_name && d.norm.mean && d.norm.std);
        for (int i = 0; i < 4; i++) {
            d.feature_name[i] = strdup("a feature");
            d.norm.std[i] = (float)i + 0.5f;
        }
        d.origin = strdup("pare data csv --label y");
    }
    return d;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    for (int type = PARE_X_U8; type <= PARE_X_F32; type++) {
        struct pare_dataset a = make((enum pare_xtype)type), b = {0};
        size_t size = type == PARE_X_U8 ? 4 : 4 * sizeof(float);
        char digest[33];

        assert_int_equal(pare_data_write(file, &a), 0);
        if (pare_data_read(&b, file))
            fail_msg("%s", pare_error());
        assert_string_equal(a.digest, b.digest);
        assert_int_equal(pare_data_peek_digest(digest, file), 0);
        assert_string_equal(a.digest, digest);
        assert_int_equal(b.type, type);
        assert_int_equal(b.shape.rank, a.shape.rank);
        assert_memory_equal(b.shape.dim, a.shape.dim, sizeof a.shape.dim);
        assert_int_equal(b.split[PARE_VAL].n, 0);
        for (int s = 0; s < PARE_SPLITS; s += 2) {
            assert_int_equal(b.split[s].n, a.split[s].n);
            assert_memory_equal(b.split[s].x, a.split[s].x,
                                a.split[s].n * size);
            assert_memory_equal(b.split[s].y, a.split[s].y,
                                a.split[s].n * sizeof(int32_t));
        }
        assert_string_equal(b.class_name[2], "two, or \"more\"");
        assert_int_equal(b.norm.n, a.norm.n);
        assert_true(b.norm.scale == a.norm.scale);
        if (type == PARE_X_F32) {
            assert_memory_equal(b.norm.std, a.norm.std, 4 * sizeof(float));
            assert_string_equal(b.feature_name[3], "a feature");
            assert_string_equal(b.origin, a.origin);
        } else {
            assert_null(b.feature_name);
            assert_null(b.origin);
        }
        pare_dataset_release(&a);
        pare_dataset_release(&b);
    }
    unlink(file);
}

static void the_same_data_give_the_same_bytes(void **state)
{
    struct pare_dataset d = make(PARE_X_F32);
    void *a = NULL, *b = NULL;
    size_t n = 0, m = 1;

    (void)state;
    assert_int_equal(pare_data_write(file, &d), 0);
    assert_int_equal(pare_read_file(&a, &n, file, 1 << 20), 0);
    assert_int_equal(pare_data_write(file, &d), 0);
    assert_int_equal(pare_read_file(&b, &m, file, 1 << 20), 0);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    pare_dataset_release(&d);
    unlink(file);
}

static void the_digest_sees_every_part_but_the_origin(void **state)
{
    struct pare_dataset d = make(PARE_X_F32);
    char digest[6][33];

    (void)state;
    assert_int_equal(pare_data_digest(digest[0], &d), 0);
    d.origin[0] = 'P';
    assert_int_equal(pare_data_digest(digest[1], &d), 0);
    assert_string_equal(digest[0], digest[1]);
    ((float *)d.split[PARE_TEST].x)[11] += 1;
    assert_int_equal(pare_data_digest(digest[1], &d), 0);
    d.split[PARE_TEST].y[2] = 0;
    assert_int_equal(pare_data_digest(digest[2], &d), 0);
    d.norm.std[3] += 1;
    assert_int_equal(pare_data_digest(digest[3], &d), 0);
    d.class_name[0][0] = 'Z';
    assert_int_equal(pare_data_digest(digest[4], &d), 0);
    d.n_classes--;
    assert_int_equal(pare_data_digest(digest[5], &d), 0);
    d.n_classes++;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(digest[i], digest[j]);
    pare_dataset_release(&d);
}

/* A file that is wrong in one way; the rest is as it should be. */
struct forged {
    const char *format;
    int64_t version, classes;
    const char *names, *digest;
    int rank;
    size_t dim[5];
    enum pare_h5_type x_type, y_type;
    size_t y_count;
    int32_t label;
    float value, scale, std;
    size_t norms;
    const char *part; /* of the message */
};

static const struct forged right = {
    .format = "pare-data",
    .version = 1,
    .classes = 2,
    .rank = 2,
    .digest = "0123456789abcdef0123456789abcdef",
    .dim = {2, 3},
    .x_type = PARE_H5_F32,
    .y_type = PARE_H5_I32,
    .y_count = 2,
    .scale = 1,
    .std = 1,
};

static void write_forged(const struct forged *f)
{
    struct pare_h5w *w = NULL;
    float x[64] = {f->value}, mean[8] = {0}, std[8];
    int32_t y[8] = {f->label};
    void *image;
    size_t n;

    for (int i = 0; i < 8; i++)
        std[i] = f->std;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    if (f->format)
        pare_h5w_attr_text(w, "/", "format", f->format);
    pare_h5w_attr_i64(w, "/", "format_version", f->version);
    pare_h5w_attr_i64(w, "/", "n_classes", f->classes);
    pare_h5w_attr_text(w, "/", "digest", f->digest);
    pare_h5w_group(w, "/norm");
    pare_h5w_data(w, "/norm/scale", PARE_H5_F32, 0, NULL, &f->scale, false);
    if (f->norms) {
        pare_h5w_data(w, "/norm/mean", PARE_H5_F32, 1, &f->norms, mean, false);
        pare_h5w_data(w, "/norm/std", PARE_H5_F32, 1, &f->norms, std, false);
    }
    if (f->names)
        pare_h5w_text(w, "/classes", f->names);
    if (f->rank) {
        pare_h5w_group(w, "/train");
        pare_h5w_data(w, "/train/x", f->x_type, f->rank, f->dim, x, false);
        pare_h5w_data(w, "/train/y", f->y_type, 1, &f->y_count, y, false);
    }
    assert_int_equal(pare_h5w_finish(&image, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_atomic_write(file, image, n), 0);
    free(image);
}

static void forged_files_are_refused(void **state)
{
    struct forged f[20];
    int n = 0;

    (void)state;
    for (int i = 0; i < 20; i++)
        f[i] = right;
#define WRONG(member, wrong, message)                                          \
    do {                                                                       \
        f[n].member = wrong;                                                   \
        f[n++].part = message;                                                 \
    } while (0)
    WRONG(rank, 2, "its digest is 0123456789"); /* all else is right */
    WRONG(format, "pare-model", "not a pare data file");
    WRONG(format, NULL, "not a pare data file");
    WRONG(version, 2, "version 2; this pare reads up to 1");
    WRONG(version, 0, "no version 0");
    WRONG(classes, 0, "'n_classes' is 0");
    WRONG(classes, INT64_MAX, "'n_classes' is");
    WRONG(names, "a\nb\nc\n", "has 3 names, expected 2");
    WRONG(names, "a\nb", "has 1 names, expected 2");
    WRONG(digest, "xyz", "not a digest");
    WRONG(rank, 1, "has rank 1");
    WRONG(rank, 0, "none of train, val and test");
    WRONG(x_type, PARE_H5_F64, "neither uint8 nor float32");
    WRONG(y_type, PARE_H5_U32, "'/train/y'");
    WRONG(y_count, 3, "'/train/y'");
    WRONG(label, -1, "label -1 of sample 0");
    WRONG(label, 2, "label 2 of sample 0, there are 2 classes");
    WRONG(value, (float)NAN, "not finite");
    WRONG(scale, 0, "not above 0");
    WRONG(norms, 2, "2 values: neither one");
    assert_int_equal(n, 20);
    for (int i = 0; i < n; i++) {
        struct pare_dataset d = {0};

        write_forged(&f[i]);
        if (pare_data_read(&d, file) == 0)
            fail_msg("accepted, though it should say '%s'", f[i].part);
        if (!strstr(pare_error(), f[i].part) || !strstr(pare_error(), file))
            fail_msg("'%s' does not say '%s'", pare_error(), f[i].part);
        assert_null(d.split[PARE_TRAIN].x);
    }
    f[0] = right;
    f[0].norms = 3;
    f[0].std = 0;
    write_forged(&f[0]);
    assert_int_equal(pare_data_read(&(struct pare_dataset){0}, file),
                     PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "deviation 0"));
    unlink(file);
}

static void refused(const char *part)
{
    struct pare_dataset d = {0};

    if (pare_data_read(&d, file) == 0)
        fail_msg("accepted, though it should say '%s'", part);
    if (!strstr(pare_error(), part))
        fail_msg("'%s' does not say '%s'", pare_error(), part);
}

static void links_are_not_followed(void **state)
{
    hid_t h;

    (void)state;
    write_forged(&right);
    h = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(h >= 0);
    assert_true(H5Ldelete(h, "/train/x", H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_soft("/train/y", h, "/train/x", H5P_DEFAULT,
                               H5P_DEFAULT) >= 0);
    H5Fclose(h);
    refused("'/train/x' is a soft link");
    h = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(h, "/train", H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_external("/etc/passwd", "/", h, "/train", H5P_DEFAULT,
                                   H5P_DEFAULT) >= 0);
    H5Fclose(h);
    refused("'/train' is an external link");
    unlink(file);
}

static void a_data_set_larger_than_its_file_is_refused(void **state)
{
    const hsize_t dim[2] = {1u << 30, 3};
    hid_t h, space, x;

    (void)state;
    write_forged(&right);
    h = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(h, "/train/x", H5P_DEFAULT) >= 0);
    space = H5Screate_simple(2, dim, NULL);
    x = H5Dcreate2(h, "/train/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT,
                   H5P_DEFAULT, H5P_DEFAULT);
    assert_true(x >= 0);
    H5Dclose(x);
    H5Sclose(space);
    H5Fclose(h);
    refused("declares");
    unlink(file);
}

/* What libhdf5 leaks when it gives a file up is not ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

#ifdef __SANITIZE_ADDRESS__
enum { TIMES = 200 }; /* a child each, and these are slow to make */
#else
enum { TIMES = 1000 };
#endif

/*
 * Many damaged files: each is refused, or read without harm. That
 * nothing else is touched, ASan and UBSan say.
 */
static void damaged_files_do_no_harm(void **state)
{
    struct pare_dataset good = make(PARE_X_F32);
    unsigned char *bytes = NULL, *copy;
    void *image = NULL;
    size_t n = 0, refused = 0;

    (void)state;
    assert_int_equal(pare_data_write(file, &good), 0);
    assert_int_equal(pare_read_file(&image, &n, file, 1 << 20), 0);
    bytes = image;
    copy = malloc(n);
    assert_non_null(copy);
    for (uint64_t i = 0; i < TIMES; i++) {
        struct pare_dataset d = {0};
        uint32_t r[4];
        size_t size = n;
        FILE *f;

        pare_rng_block(r, 7, PARE_STREAM_SPLIT, 0, i);
        memcpy(copy, bytes, n);
        copy[r[0] % n] ^= (unsigned char)(1u << (r[1] & 7));
        if (i % 4 == 1)
            copy[r[2] % n] = (unsigned char)r[3];
        if (i % 16 == 2)
            size = r[2] % n;
        f = fopen(file, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(copy, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
        if (pare_data_read(&d, file) == 0)
            assert_string_equal(d.digest, good.digest);
        else
            refused++;
        pare_dataset_release(&d);
    }
    assert_true(refused > TIMES / 8);
    free(copy);
    free(bytes);
    pare_dataset_release(&good);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_same_data_give_the_same_bytes),
        cmocka_unit_test(the_digest_sees_every_part_but_the_origin),
        cmocka_unit_test(forged_files_are_refused),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(a_data_set_larger_than_its_file_is_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };

    return run_group(tests);
}
