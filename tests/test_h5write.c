#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "h5strings.h"
#include "h5write.h"
#include "status.h"

#define FILE_NAME "h5write-test.h5"
#define ARRAYS    24

struct image {
    void *bytes;
    size_t n;
};

enum way { COPIED, LENT, GIVEN, MADE };

/* Sizes around those at which arrays are kept apart, and beyond a page. */
static const size_t size[] = {0, 1, 16383, 16384, 16385, 20000, 65536, 400001};

static float *make_values(size_t n, unsigned seed)
{
    float *v = malloc((n + 1) * sizeof *v);

    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)((i * 2654435761u + seed) % 1000) / 7;
    return v;
}

/* Values that are made when they are asked for, in order. */
static void make_part(void *arg, void *out, size_t at, size_t n)
{
    const char *values = arg;

    memcpy(out, values + at, n);
}

static void write_array(struct pare_h5w *w, enum way way, const char *path,
                        size_t n, float *v)
{
    int err = way == COPIED ? pare_h5w_data(w, path, PARE_H5_F32, 1, &n, v, 0)
              : way == LENT ? pare_h5w_lend(w, path, PARE_H5_F32, 1, &n, v)
              : way == GIVEN
                  ? pare_h5w_give(w, path, PARE_H5_F32, n, v)
                  : pare_h5w_make(w, path, PARE_H5_F32, n, make_part, v);

    assert_int_equal(err, 0);
}

/* Arrays of all sizes, with attributes and deflated texts between them. */
static void write_all(struct pare_h5w *w, enum way way, float **v)
{
    char path[32], *text = malloc(200001);

    assert_non_null(text);
    memset(text, 'x', 200000);
    text[200000] = '\0';
    for (size_t i = 0; i < ARRAYS; i++) {
        size_t n = size[i % (sizeof size / sizeof *size)];

        snprintf(path, sizeof path, "/a%zu", i);
        v[i] = make_values(n, (unsigned)i);
        write_array(w, way, path, n, v[i]);
        assert_int_equal(pare_h5w_attr_text(w, path, "name", path), 0);
        snprintf(path, sizeof path, "/t%zu", i);
        assert_int_equal(pare_h5w_text(w, path, i % 3 ? path : text), 0);
    }
    free(text);
}

static void free_all(enum way way, float **v)
{
    for (size_t i = 0; way < GIVEN && i < ARRAYS; i++)
        free(v[i]);
}

static void make_image(struct image *im, enum way way)
{
    struct pare_h5w *w = NULL;
    float *v[ARRAYS];

    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    write_all(w, way, v);
    assert_int_equal(pare_h5w_finish(&im->bytes, &im->n, w), 0);
    pare_h5w_free(w);
    free_all(way, v);
}

/* Is the file this image? Both go. */
static void assert_file_is(struct image *im)
{
    void *bytes = NULL;
    size_t n = 0;

    assert_int_equal(pare_read_file(&bytes, &n, FILE_NAME, 1u << 30), 0);
    assert_int_equal(n, im->n);
    assert_memory_equal(bytes, im->bytes, n);
    free(bytes);
    free(im->bytes);
    unlink(FILE_NAME);
}

static void arrays_lent_and_copied_give_the_same_bytes(void **state)
{
    struct image a, b;

    (void)state;
    make_image(&a, COPIED);
    for (enum way way = LENT; way <= MADE; way++) {
        make_image(&b, way);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.bytes, b.bytes, a.n);
        free(b.bytes);
    }
    free(a.bytes);
}

static void a_file_put_out_in_pieces_is_the_image(void **state)
{
    struct pare_h5w *w = NULL;
    float *v[ARRAYS];

    (void)state;
    for (enum way way = LENT; way <= MADE; way++) {
        struct image im;
        uint64_t bytes = 0;

        make_image(&im, COPIED);
        assert_int_equal(pare_h5w_new(&w, NULL), 0);
        write_all(w, way, v);
        assert_int_equal(pare_h5w_put(w, FILE_NAME, &bytes), 0);
        pare_h5w_free(w);
        free_all(way, v);
        assert_int_equal(bytes, im.n);
        assert_file_is(&im);
    }
}

static void hdf5_itself_writes_the_same_file(void **state)
{
    for (int way = COPIED; way <= MADE; way++) {
        struct pare_h5w *w = NULL;
        struct image im;
        float *v[ARRAYS];

        (void)state;
        make_image(&im, LENT);
        assert_int_equal(pare_h5w_new(&w, FILE_NAME), 0);
        write_all(w, (enum way)way, v);
        assert_int_equal(pare_h5w_finish(NULL, NULL, w), 0);
        pare_h5w_free(w);
        free_all((enum way)way, v);
        assert_file_is(&im);
    }
}

/* A writer that spills to FILE_NAME, which is open at *fd. */
static struct pare_h5w *begin_spill(int *fd)
{
    struct pare_h5w *w = NULL;

    *fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(*fd >= 0);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    pare_h5w_spill(w, *fd);
    return w;
}

static void a_file_that_arrays_are_spilled_to_is_the_image(void **state)
{
    (void)state;
    for (enum way way = COPIED; way <= MADE; way++) {
        float *v[ARRAYS];
        struct image im;
        uint64_t bytes = 0;
        int fd;
        struct pare_h5w *w = begin_spill(&fd);

        make_image(&im, COPIED);
        write_all(w, way, v);
        free_all(way, v); /* they are needed no longer */
        assert_int_equal(pare_h5w_settle(w, &bytes), 0);
        assert_false(pare_h5w_failed(w));
        pare_h5w_free(w);
        close(fd);
        assert_int_equal(bytes, im.n);
        assert_file_is(&im);
    }
}

static void zeros_that_are_spilled_leave_holes(void **state)
{
    const size_t n = 4 << 20;
    float *v = calloc(n, sizeof *v);
    struct pare_h5w *w = NULL;
    struct image im;
    uint64_t bytes = 0;
    struct stat st;
    int fd;

    (void)state;
    assert_non_null(v);
    v[n / 2] = 1;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    write_array(w, COPIED, "/a", n, v);
    assert_int_equal(pare_h5w_finish(&im.bytes, &im.n, w), 0);
    pare_h5w_free(w);
    w = begin_spill(&fd);
    write_array(w, LENT, "/a", n, v);
    free(v);
    assert_int_equal(pare_h5w_settle(w, &bytes), 0);
    pare_h5w_free(w);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true((uint64_t)st.st_blocks * 512 < bytes / 8);
    close(fd);
    assert_file_is(&im);
}

static void what_cannot_be_spilled_is_an_error_at_the_end(void **state)
{
    struct pare_h5w *w = NULL;
    uint64_t bytes = 7;
    float *v[ARRAYS];
    int fd = open("/dev/full", O_RDWR);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    pare_h5w_spill(w, fd);
    write_all(w, GIVEN, v);
    assert_true(pare_h5w_failed(w));
    assert_int_equal(pare_h5w_settle(w, &bytes), PARE_EIO);
    assert_int_equal(bytes, 7);
    pare_h5w_free(w);
    close(fd);
}

/* The promise is broken on purpose, to see that there is no copy. */
static void a_lent_array_is_read_when_the_file_is_written(void **state)
{
    const enum way ways[] = {COPIED, LENT};
    struct pare_h5w *w = NULL;
    struct image im[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        float *v = make_values(65536, 1);

        assert_int_equal(pare_h5w_new(&w, NULL), 0);
        write_array(w, ways[i], "/a", 65536, v);
        v[40000] = 12345.0f;
        assert_int_equal(pare_h5w_finish(&im[i].bytes, &im[i].n, w), 0);
        pare_h5w_free(w);
        free(v);
    }
    assert_int_equal(im[0].n, im[1].n);
    assert_memory_not_equal(im[0].bytes, im[1].bytes, im[0].n);
    free(im[0].bytes);
    free(im[1].bytes);
}

static void a_writer_freed_early_frees_what_it_was_given(void **state)
{
    struct pare_h5w *w = NULL;
    float *v[ARRAYS];

    (void)state;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    write_all(w, GIVEN, v);
    assert_int_equal(
        pare_h5w_give(w, "/none/a", PARE_H5_F32, 20000, make_values(20000, 1)),
        PARE_EIO);
    pare_h5w_free(w);
}

static void a_full_device_is_an_error(void **state)
{
    struct pare_h5w *w = NULL;
    float *v[ARRAYS];
    uint64_t bytes = 7;

    (void)state;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    write_all(w, LENT, v);
    assert_int_equal(pare_h5w_put(w, "/dev/full", &bytes), PARE_EIO);
    assert_int_equal(bytes, 7);
    pare_h5w_free(w);
    free_all(LENT, v);
}

static void lists_in_attributes_come_back(void **state)
{
    const char *const list[] = {"kernel:0", "", "b"};
    const uint32_t ints[] = {7, 0, 4294967295u};
    struct image im = {0};
    struct pare_h5w *w;
    struct pare_h5 *h;
    char **text, *long_text = malloc(100001);
    uint64_t *v;
    size_t n;

    (void)state;
    assert_non_null(long_text);
    memset(long_text, 'x', 100000);
    long_text[100000] = '\0';
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_attr_texts(w, "/", "list", 3, list), 0);
    assert_int_equal(pare_h5w_attr_texts(w, "/", "none", 0, list), 0);
    assert_int_equal(pare_h5w_attr_long(w, "/", "long", long_text), 0);
    assert_int_equal(pare_h5w_attr_ints(w, "/", "ints", PARE_H5_U32, 3, ints),
                     0);
    assert_int_equal(pare_h5w_finish(&im.bytes, &im.n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_h5_open(&h, im.bytes, im.n, "f"), 0);
    assert_int_equal(pare_h5_has_attr(h, "/", "list"), 1);
    assert_int_equal(pare_h5_has_attr(h, "/", "other"), 0);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "list", 99), 0);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(text[i], list[i]);
    pare_h5_free_strings(text, n);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "list", 9),
                     PARE_ELIMIT);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "none", 9), 0);
    assert_int_equal(n, 0);
    pare_h5_free_strings(text, n);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "long", 99),
                     PARE_ELIMIT);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "long", 1 << 20),
                     0);
    assert_string_equal(text[0], long_text);
    pare_h5_free_strings(text, n);
    assert_int_equal(pare_h5_attr_strings(&text, &n, h, "/", "ints", 99),
                     PARE_EFORMAT);
    assert_int_equal(pare_h5_attr_ints(&v, &n, h, "/", "ints", 3), 0);
    assert_int_equal(n, 3);
    assert_int_equal(v[2], 4294967295u);
    free(v);
    assert_int_equal(pare_h5_attr_ints(&v, &n, h, "/", "ints", 2), PARE_ELIMIT);
    assert_int_equal(pare_h5_attr_ints(&v, &n, h, "/", "list", 9),
                     PARE_EFORMAT);
    pare_h5_close(h);
    free(im.bytes);
    free(long_text);
}

/* The same contents in either form of metadata. */
static size_t write_form(struct image *im, bool small)
{
    const uint32_t v[3] = {7, 0, 4294967295u};
    uint8_t *bytes = calloc(1, 20000);
    struct pare_h5w *w = NULL;
    size_t n = 20000;

    assert_non_null(bytes);
    assert_int_equal(
        small ? pare_h5w_new_small(&w, NULL) : pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_attr_i64(w, "/", "one", 1), 0);
    assert_int_equal(pare_h5w_group_for(w, "/g", 40, 3), 0);
    for (int i = 0; i < 40; i++) {
        char path[32];

        snprintf(path, sizeof path, "/g/a%d", i);
        if (i % 2)
            pare_h5w_next_ints(w, "list", PARE_H5_U32, 3, v);
        assert_int_equal(pare_h5w_data(w, path, PARE_H5_U8, 1, &n, bytes, 0),
                         0);
    }
    assert_int_equal(pare_h5w_finish(&im->bytes, &im->n, w), 0);
    pare_h5w_free(w);
    free(bytes);
    return im->n - 40 * n;
}

static void small_metadata_hold_the_same(void **state)
{
    struct image a, b;
    size_t large = write_form(&a, false), small = write_form(&b, true);

    (void)state;
    if (small > 40 * 140 + 20 * 80 + 200 || 3 * small > 2 * large)
        fail_msg("%zu bytes of metadata, %zu else", small, large);
    for (int k = 0; k < 2; k++) {
        struct pare_h5 *h = NULL;
        uint64_t *v = NULL;
        char **name = NULL;
        size_t n;
        int64_t one = 0;

        assert_int_equal(
            pare_h5_open(&h, k ? b.bytes : a.bytes, k ? b.n : a.n, "image"), 0);
        assert_int_equal(pare_h5_attr_i64(&one, h, "/", "one"), 0);
        assert_int_equal(one, 1);
        assert_int_equal(pare_h5_list(&name, &n, h, "/g", 100), 0);
        assert_int_equal(n, 40);
        assert_int_equal(pare_h5_attr_ints(&v, &n, h, "/g/a39", "list", 3), 0);
        assert_int_equal(n, 3);
        assert_int_equal(v[2], 4294967295u);
        free(v);
        assert_int_equal(pare_h5_attr_ints(&v, &n, h, "/g/a38", "list", 3),
                         PARE_EFORMAT);
        assert_int_equal(pare_h5_probe(h, "/g/a38", PARE_H5_U8, 20000), 0);
        pare_h5_free_strings(name, 40);
        pare_h5_close(h);
    }
    free(a.bytes);
    free(b.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_lent_and_copied_give_the_same_bytes),
        cmocka_unit_test(a_file_put_out_in_pieces_is_the_image),
        cmocka_unit_test(hdf5_itself_writes_the_same_file),
        cmocka_unit_test(a_file_that_arrays_are_spilled_to_is_the_image),
        cmocka_unit_test(zeros_that_are_spilled_leave_holes),
        cmocka_unit_test(what_cannot_be_spilled_is_an_error_at_the_end),
        cmocka_unit_test(a_lent_array_is_read_when_the_file_is_written),
        cmocka_unit_test(a_writer_freed_early_frees_what_it_was_given),
        cmocka_unit_test(a_full_device_is_an_error),
        cmocka_unit_test(lists_in_attributes_come_back),
        cmocka_unit_test(small_metadata_hold_the_same),
    };

    return run_group(tests);
}
