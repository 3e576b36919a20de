#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atomic.h"
#include "status.h"

static char dir[] = "atomic-XXXXXX";

/* Each test runs in an empty directory of its own. */
static int enter(void **state)
{
    (void)state;
    strcpy(dir, "atomic-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    static const char *const names[] = {"f",    "f.pare-tmp",  "g",
                                        "link", "g.pare-tmp",  "fifo",
                                        "d/f",  "d/f.pare-tmp"};

    (void)state;
    chmod("d", 0700);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    rmdir("d");
    return chdir("..") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static void assert_holds(const char *path, const char *want)
{
    void *bytes = NULL;
    size_t n = 0;

    assert_int_equal(pare_read_file(&bytes, &n, path, 1000), 0);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(bytes, want, n);
    free(bytes);
}

static void assert_absent(const char *path)
{
    assert_int_equal(access(path, F_OK), -1);
}

static void a_file_is_written_and_replaced(void **state)
{
    (void)state;
    assert_int_equal(pare_atomic_write("f", "one", 3), 0);
    assert_holds("f", "one");
    assert_int_equal(pare_atomic_write("f", "", 0), 0);
    assert_holds("f", "");
    assert_absent("f.pare-tmp");
}

static void the_mode_of_the_old_file_is_kept(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(pare_atomic_write("f", "one", 3), 0);
    assert_int_equal(chmod("f", 0640), 0);
    assert_int_equal(pare_atomic_write("f", "two", 3), 0);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void what_a_killed_run_left_is_replaced(void **state)
{
    FILE *f = fopen("f.pare-tmp", "w");

    (void)state;
    assert_non_null(f);
    fputs("half", f);
    fclose(f);
    assert_int_equal(pare_atomic_write("f", "whole", 5), 0);
    assert_holds("f", "whole");
    assert_absent("f.pare-tmp");
}

static void a_link_is_followed_and_stays_a_link(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(symlink("g", "link"), 0);
    assert_int_equal(pare_atomic_write("link", "one", 3), 0);
    assert_holds("g", "one");
    assert_int_equal(pare_atomic_write("link", "two", 3), 0);
    assert_holds("g", "two");
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_absent("g.pare-tmp");
}

static void a_loop_of_links_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(symlink("link", "link"), 0);
    assert_int_equal(pare_atomic_write("link", "x", 1), PARE_EIO);
}

static void pieces_become_one_file(void **state)
{
    const struct pare_piece piece[] = {{.bytes = "one", .n = 3},
                                       {.bytes = "", .n = 0},
                                       {.bytes = " two", .n = 4}};

    (void)state;
    assert_int_equal(pare_atomic_write_pieces("f", piece, 3), 0);
    assert_holds("f", "one two");
    assert_absent("f.pare-tmp");
    assert_int_equal(pare_atomic_write_pieces("f", NULL, 0), 0);
    assert_holds("f", "");
}

static void zeros_become_holes_but_for_the_bytes(void **state)
{
    const size_t n = (size_t)4 << 20;
    char *bytes = calloc(1, n), *got = NULL;
    struct pare_atomic a;
    struct stat st;
    size_t size = 0;

    (void)state;
    assert_non_null(bytes);
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    assert_int_equal(pare_atomic_put_holes(&a, "abc", 3), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pare_atomic_put_holes(&a, bytes, n), 0);
        assert_int_equal(pare_atomic_put_holes(&a, i ? "" : "xy", 2 - i), 0);
    }
    assert_int_equal(pare_atomic_put_holes(&a, bytes, n), 0);
    assert_int_equal(pare_atomic_commit(&a), 0);
    assert_int_equal(stat("f", &st), 0);
    assert_true((size_t)st.st_blocks * 512 < n);
    assert_int_equal(pare_read_file((void **)&got, &size, "f", 4 * n), 0);
    assert_int_equal(size, 3 + n + 2 + n + 1 + n);
    assert_memory_equal(got, "abc", 3);
    assert_memory_equal(got + 3, bytes, n);
    assert_memory_equal(got + 3 + n, "xy", 2);
    assert_memory_equal(got + 3 + n + 2, bytes, n);
    assert_memory_equal(got + size - n, bytes, n);
    free(got);
    free(bytes);
}

static void a_full_device_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(pare_atomic_write("/dev/full", "x", 1), PARE_EIO);
    assert_non_null(strstr(pare_error(), "/dev/full"));
    assert_non_null(strstr(pare_error(), strerror(ENOSPC)));
}

static void a_fifo_is_written_in_place(void **state)
{
    char got[4] = "";
    pid_t pid;
    int status, fd;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(pare_atomic_write("fifo", "abc", 3) ? 1 : 0);
    fd = open("fifo", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, 3), 3);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(got, "abc");
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    struct pare_atomic a;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    int null = open("/dev/full", O_WRONLY);

    (void)state;
    assert_true(null >= 0);
    assert_int_equal(pare_atomic_write("f", "old", 3), 0);
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    assert_int_equal(access("f.pare-tmp", F_OK), 0);
    /* The disk fills up under the temporary. */
    assert_true(dup2(null, a.fd) >= 0);
    assert_int_equal(pare_atomic_put(&a, "new", 3), PARE_EIO);
    pare_atomic_cancel(&a);
    assert_holds("f", "old");
    assert_absent("f.pare-tmp");
    close(null);
    signal(SIGXFSZ, old);
}

static void a_failed_rename_leaves_no_temporary(void **state)
{
    struct pare_atomic a;

    (void)state;
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    assert_int_equal(pare_atomic_put(&a, "new", 3), 0);
    assert_int_equal(mkdir("f", 0700), 0);
    assert_int_equal(pare_atomic_commit(&a), PARE_EIO);
    assert_absent("f.pare-tmp");
    assert_int_equal(rmdir("f"), 0);
}

static void a_temporary_replaced_by_another_is_not_renamed(void **state)
{
    struct pare_atomic a;
    FILE *f;

    (void)state;
    assert_int_equal(pare_atomic_write("f", "old", 3), 0);
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    assert_int_equal(unlink("f.pare-tmp"), 0);
    f = fopen("f.pare-tmp", "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(pare_atomic_commit(&a), PARE_EIO);
    assert_holds("f", "old");
}

static void two_writers_do_not_mix(void **state)
{
    struct pare_atomic a;
    pid_t pid;
    int status;

    (void)state;
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(pare_atomic_write("f", "x", 1) == PARE_EIO ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(pare_atomic_put(&a, "mine", 4), 0);
    assert_int_equal(pare_atomic_commit(&a), 0);
    assert_holds("f", "mine");
}

static void abandoning_removes_the_temporary(void **state)
{
    struct pare_atomic a;

    (void)state;
    pare_atomic_abandon();
    assert_int_equal(pare_atomic_write("f", "old", 3), 0);
    assert_int_equal(pare_atomic_begin(&a, "f"), 0);
    assert_int_equal(access("f.pare-tmp", F_OK), 0);
    pare_atomic_abandon();
    assert_absent("f.pare-tmp");
    pare_atomic_cancel(&a);
    assert_holds("f", "old");
}

static void a_missing_directory_is_named(void **state)
{
    (void)state;
    assert_int_equal(pare_atomic_write("no/f", "x", 1), PARE_EIO);
    assert_non_null(strstr(pare_error(), "no/f"));
    assert_int_equal(pare_atomic_write(".", "x", 1), PARE_EIO);
}

static void reading_holds_to_its_limit(void **state)
{
    void *bytes = NULL;
    size_t n = 0;

    (void)state;
    assert_int_equal(pare_atomic_write("f", "12345", 5), 0);
    assert_int_equal(pare_read_file(&bytes, &n, "f", 4), PARE_ELIMIT);
    assert_int_equal(pare_read_file(&bytes, &n, "/dev/zero", 4), PARE_ELIMIT);
    assert_int_equal(pare_read_file(&bytes, &n, ".", 4), PARE_EIO);
    assert_int_equal(pare_read_file(&bytes, &n, "none", 4), PARE_EIO);
    assert_null(bytes);
    assert_int_equal(pare_read_file(&bytes, &n, "f", 5), 0);
    assert_int_equal(n, 5);
    free(bytes);
}

#define in_dir(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_dir(a_file_is_written_and_replaced),
        in_dir(the_mode_of_the_old_file_is_kept),
        in_dir(what_a_killed_run_left_is_replaced),
        in_dir(a_link_is_followed_and_stays_a_link),
        in_dir(a_loop_of_links_is_an_error),
        in_dir(pieces_become_one_file),
        in_dir(zeros_become_holes_but_for_the_bytes),
        in_dir(a_full_device_is_an_error),
        in_dir(a_fifo_is_written_in_place),
        in_dir(a_failed_write_leaves_the_old_file),
        in_dir(a_failed_rename_leaves_no_temporary),
        in_dir(a_temporary_replaced_by_another_is_not_renamed),
        in_dir(two_writers_do_not_mix),
        in_dir(abandoning_removes_the_temporary),
        in_dir(a_missing_directory_is_named),
        in_dir(reading_holds_to_its_limit),
    };

    return run_group(tests);
}
