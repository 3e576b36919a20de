#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "read_at.h"

#define FILE_NAME "read_at-test"
#define SIZE      ((size_t)9 << 20)

/* A file with stretches of data between holes, and what is in it. */
static int make_file(unsigned char *want)
{
    int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    unlink(FILE_NAME);
    assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
    memset(want, 0, SIZE);
    for (size_t at = 12345; at + 70000 < SIZE; at += 1234567) {
        for (size_t i = 0; i < 70000; i++)
            want[at + i] = (unsigned char)(i * 7 + at);
        assert_int_equal(pwrite(fd, want + at, 70000, (off_t)at), 70000);
    }
    return fd;
}

static void holes_are_zeros(void **state)
{
    static const size_t at[] = {0, 1, 12345, 500000, 4 << 20, SIZE - 1};
    static const size_t n[] = {0, 1, 4096, 1 << 20, (1 << 20) + 1, 5 << 20};
    unsigned char *want = malloc(SIZE), *out = malloc(SIZE);
    int fd;

    (void)state;
    assert_non_null(want);
    assert_non_null(out);
    fd = make_file(want);
    for (size_t i = 0; i < 36; i++) {
        size_t first = at[i / 6], size = n[i % 6];

        if (size > SIZE - first)
            size = SIZE - first;
        memset(out, 0xee, SIZE);
        assert_true(pare_read_at(fd, out, size, first));
        assert_memory_equal(out, want + first, size);
        assert_true(size == SIZE || out[size] == 0xee);
    }
    assert_true(pare_read_at(fd, out, SIZE, 0));
    assert_memory_equal(out, want, SIZE);
    close(fd);
    free(want);
    free(out);
}

static void past_the_end_there_is_nothing(void **state)
{
    unsigned char *out = malloc(SIZE);
    int fd = make_file(out);

    (void)state;
    errno = EIO;
    assert_false(pare_read_at(fd, out, 2 << 20, SIZE - (1 << 20)));
    assert_int_equal(errno, 0);
    assert_false(pare_read_at(fd, out, 1, SIZE));
    assert_int_equal(errno, 0);
    close(fd);
    assert_false(pare_read_at(-1, out, 1, 0));
    assert_int_equal(errno, EBADF);
    free(out);
}

static void a_pipe_is_an_error(void **state)
{
    char out[16];
    int end[2];

    (void)state;
    assert_int_equal(pipe(end), 0);
    assert_false(pare_read_at(end[0], out, sizeof out, 0));
    assert_int_equal(errno, ESPIPE);
    close(end[0]);
    close(end[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_zeros),
        cmocka_unit_test(past_the_end_there_is_nothing),
        cmocka_unit_test(a_pipe_is_an_error),
    };

    return run_group(tests);
}
