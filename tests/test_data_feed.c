#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "data_file.h"
#include "status.h"

enum { N = 40, FEATURES = 5, WIDTH = 16 };

static const char file[] = "test_data_feed.h5";

/* A train split of N samples, written to the file. */
static void make(enum pare_xtype type, bool finite)
{
    struct pare_dataset d = {.type = type, .features = FEATURES};
    uint8_t *b = malloc(N * FEATURES);
    float *f = malloc(N * FEATURES * sizeof *f);
    int32_t *y = calloc(N, sizeof *y);

    assert_true(b && f && y);
    for (int i = 0; i < N * FEATURES; i++) {
        b[i] = (uint8_t)(7 * i);
        f[i] = 0.25f * (float)i - 3;
    }
    if (!finite)
        f[N * FEATURES - 1] = NAN;
    d.shape = (struct pare_shape){1, {FEATURES}};
    d.n_classes = 1;
    d.norm.scale = 0.5f;
    d.split[PARE_TRAIN].n = N;
    d.split[PARE_TRAIN].x = type == PARE_X_U8 ? (void *)b : f;
    d.split[PARE_TRAIN].y = y;
    assert_int_equal(pare_data_write(file, &d), 0);
    free(type == PARE_X_U8 ? (void *)f : b);
    pare_dataset_release(&d);
}

/* Read the file with that much room for samples. */
static int read_with(struct pare_dataset *d, const char *room)
{
    int rc;

    setenv("PARE_DATA_MEMORY", room, 1);
    rc = pare_data_read(d, file);
    unsetenv("PARE_DATA_MEMORY");
    return rc;
}

static void gather(float *tile, const struct pare_dataset *d)
{
    static const uint32_t index[] = {39, 0, 17, 3, 3, 20};
    const struct pare_gather g = {
        .data = d, .norm = &d->norm, .split = &d->split[PARE_TRAIN]};
    float rows[6 * FEATURES];

    pare_split_want(g.split, index, 6);
    pare_dataset_gather(tile, rows, WIDTH, &g, index, 0, 6);
}

static void samples_of_a_file_are_those_of_memory(void **state)
{
    (void)state;
    for (int type = PARE_X_U8; type <= PARE_X_F32; type++) {
        struct pare_dataset a = {0}, b = {0};
        float in_memory[FEATURES * WIDTH], in_file[FEATURES * WIDTH];

        make((enum pare_xtype)type, true);
        assert_int_equal(read_with(&a, "1000"), 0);
        assert_int_equal(read_with(&b, "100"), 0);
        assert_string_equal(a.digest, b.digest);
        if (type == PARE_X_U8) {
            assert_non_null(a.split[PARE_TRAIN].x);
            assert_null(a.split[PARE_TRAIN].feed);
        }
        assert_null(b.split[PARE_TRAIN].x);
        assert_non_null(b.split[PARE_TRAIN].feed);
        gather(in_memory, &a);
        gather(in_file, &b);
        assert_memory_equal(in_memory, in_file, sizeof in_file);
        assert_int_equal(pare_split_fault(&a.split[PARE_TRAIN]), 0);
        assert_int_equal(pare_split_fault(&b.split[PARE_TRAIN]), 0);
        pare_dataset_release(&a);
        pare_dataset_release(&b);
    }
    unlink(file);
}

static void a_file_that_becomes_shorter_is_a_fault(void **state)
{
    struct pare_dataset d = {0};
    float tile[FEATURES * WIDTH];
    struct stat st;

    (void)state;
    make(PARE_X_U8, true);
    assert_int_equal(read_with(&d, "0"), 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(truncate(file, 100), 0);
    gather(tile, &d);
    assert_int_equal(pare_split_fault(&d.split[PARE_TRAIN]), PARE_EIO);
    assert_non_null(strstr(pare_error(), "became shorter"));
    assert_close(tile[0], 0, 0);
    assert_int_equal(truncate(file, st.st_size), 0);
    assert_int_equal(pare_split_fault(&d.split[PARE_TRAIN]), PARE_EIO);
    pare_dataset_release(&d);
    unlink(file);
}

static void a_file_that_changes_is_a_fault(void **state)
{
    const struct timespec when[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct pare_dataset d = {0};

    (void)state;
    make(PARE_X_U8, true);
    assert_int_equal(read_with(&d, "0"), 0);
    assert_int_equal(utimensat(AT_FDCWD, file, when, 0), 0);
    assert_int_equal(pare_split_fault(&d.split[PARE_TRAIN]), PARE_EIO);
    assert_non_null(strstr(pare_error(), "was changed"));
    pare_dataset_release(&d);
    unlink(file);
}

static void a_file_that_is_replaced_is_none(void **state)
{
    struct pare_dataset d = {0};
    float before[FEATURES * WIDTH], after[FEATURES * WIDTH];

    (void)state;
    make(PARE_X_U8, true);
    assert_int_equal(read_with(&d, "0"), 0);
    gather(before, &d);
    make(PARE_X_F32, true);
    gather(after, &d);
    assert_int_equal(pare_split_fault(&d.split[PARE_TRAIN]), 0);
    assert_memory_equal(before, after, sizeof before);
    pare_dataset_release(&d);
    unlink(file);
}

/* What is wrong with samples is found without reading them into memory. */
static void samples_of_a_file_are_checked(void **state)
{
    struct pare_dataset d = {0};
    unsigned char *bytes;
    void *image = NULL;
    size_t n = 0, at = 0;

    (void)state;
    make(PARE_X_F32, false);
    assert_int_equal(read_with(&d, "0"), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "'/train/x' has values that are not"));
    make(PARE_X_U8, true);
    assert_int_equal(pare_read_file(&image, &n, file, 1 << 20), 0);
    bytes = image;
    while (at + 4 < n && memcmp(bytes + at, "\7\16\25\34", 4) != 0)
        at++;
    bytes[at] ^= 1;
    assert_int_equal(pare_atomic_write(file, image, n), 0);
    assert_int_equal(read_with(&d, "0"), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "damaged: its digest"));
    assert_null(d.split[PARE_TRAIN].feed);
    free(image);
    unlink(file);
}

static void the_room_is_a_number_of_bytes(void **state)
{
    static const char *const wrong[] = {"", "1G", "-1", " 1",
                                        "99999999999999999999"};
    size_t room;

    (void)state;
    assert_int_equal(pare_data_room(&room), 0);
    assert_true(room > 0 && room <= (size_t)1 << 30);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("PARE_DATA_MEMORY", wrong[i], 1);
        assert_int_equal(pare_data_room(&room), PARE_EINVAL);
    }
    setenv("PARE_DATA_MEMORY", "12", 1);
    assert_int_equal(pare_data_room(&room), 0);
    assert_int_equal(room, 12);
    unsetenv("PARE_DATA_MEMORY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_a_file_are_those_of_memory),
        cmocka_unit_test(a_file_that_becomes_shorter_is_a_fault),
        cmocka_unit_test(a_file_that_changes_is_a_fault),
        cmocka_unit_test(a_file_that_is_replaced_is_none),
        cmocka_unit_test(samples_of_a_file_are_checked),
        cmocka_unit_test(the_room_is_a_number_of_bytes),
    };

    return run_group(tests);
}
