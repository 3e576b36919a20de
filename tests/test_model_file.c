#include "unit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atomic.h"
#include "model_fixture.h"
#include "model_file.h"
#include "model_io.h"

#define FILE_NAME "test_model_file.h5"

static const char small[] = "in(6) linear(4) batchnorm relu linear(2)";

static void write_file(const struct pare_model *m)
{
    if (pare_model_write(FILE_NAME, m, NULL) != 0)
        fail_msg("%s", pare_error());
}

static void assert_round_trip(const struct pare_model *m)
{
    struct pare_model back = {0};
    struct pare_model_file wrote = {0}, read = {0};

    if (pare_model_write(FILE_NAME, m, &wrote) != 0 ||
        pare_model_read(&back, &read, FILE_NAME) != 0)
        fail_msg("%s", pare_error());
    assert_same_model(m, &back);
    assert_string_equal(wrote.weights, read.weights);
    assert_string_equal(wrote.state, read.state);
    assert_int_equal(wrote.bytes, read.bytes);
    assert_memory_equal(wrote.stored, read.stored,
                        m->n_tensors * sizeof *read.stored);
    assert_int_equal(read.n_unknown, 0);
    pare_model_file_release(&wrote, m->n_tensors);
    pare_model_file_release(&read, m->n_tensors);
    pare_model_release(&back);
}

static void a_dense_model_comes_back(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_plain(&m, small);
    assert_round_trip(&m);
    pare_model_release(&m);
}

static void everything_in_a_model_comes_back(void **state)
{
    static const unsigned one_in[] = {0, 1, 3, 100, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof one_in / sizeof *one_in; i++) {
        struct pare_model m;

        fixture_rich(&m, "in(60) linear(30) batchnorm relu linear(2)",
                     one_in[i]);
        assert_round_trip(&m);
        pare_model_release(&m);
    }
}

/* Readers of version 1 know no such line, and must be told. */
static void augmentation_is_version_2_and_all_else_1(void **state)
{
    struct pare_model m;
    struct pare_h5 *h;
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    int64_t version;

    (void)state;
    fixture_rich(&m, small, 3);
    for (int on = 0; on < 2; on++) {
        int fd;

        strcpy(m.training.augment, on ? "crop=4" : "");
        assert_round_trip(&m);
        fd = open(FILE_NAME, O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(pare_h5_open_fd(&h, fd, FILE_NAME), 0);
        assert_int_equal(pare_h5_attr_i64(&version, h, "/", "format_version"),
                         0);
        assert_int_equal(version, on ? 2 : 1);
        pare_h5_close(h);
        close(fd);
        assert_int_equal(pare_digest_state(on ? after : before, &m), 0);
    }
    assert_string_not_equal(before, after);
    pare_model_release(&m);
}

static void a_mask_takes_the_smaller_encoding(void **state)
{
    static const struct {
        unsigned one_in;
        enum pare_encoding want;
    } row[] = {{0, PARE_ENC_DENSE},
               {1, PARE_ENC_BITMAP},
               {10, PARE_ENC_BITMAP},
               {100, PARE_ENC_INDEX}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct pare_model m;
        struct pare_model_file info = {0};
        size_t kept;

        fixture_plain(&m, "100-50-10");
        if (row[i].one_in)
            fixture_prune(&m, row[i].one_in);
        kept = pare_tensor_kept(&m.tensor[0]);
        assert_int_equal(pare_model_write(FILE_NAME, &m, &info), 0);
        assert_int_equal(info.stored[0].encoding, row[i].want);
        assert_int_equal(info.stored[0].value_bytes, 4 * kept);
        assert_int_equal(info.stored[0].mask_bytes,
                         row[i].want == PARE_ENC_DENSE    ? 0
                         : row[i].want == PARE_ENC_BITMAP ? 5000 / 8
                                                          : 4 * kept);
        pare_model_file_release(&info, m.n_tensors);
        pare_model_release(&m);
    }
}

static void a_pruned_file_is_less_than_a_quarter(void **state)
{
    struct pare_model m;
    struct pare_model_file dense = {0}, sparse = {0};

    (void)state;
    fixture_plain(&m, "784-300-100-10");
    fixture_optim(&m, &m.optim, "sgd,momentum=0.9", 1);
    assert_int_equal(pare_model_write(FILE_NAME, &m, &dense), 0);
    fixture_prune(&m, 10);
    assert_int_equal(pare_model_write(FILE_NAME, &m, &sparse), 0);
    assert_true(4 * sparse.bytes < dense.bytes);
    pare_model_file_release(&dense, m.n_tensors);
    pare_model_file_release(&sparse, m.n_tensors);
    pare_model_release(&m);
}

static void layers_cost_little_beside_their_values(void **state)
{
    struct pare_model m;
    struct pare_model_file one = {0}, many = {0};
    uint64_t values;

    (void)state;
    fixture_plain(&m, "10-10-10");
    fixture_optim(&m, &m.optim, "adam", 2);
    assert_int_equal(pare_model_write(FILE_NAME, &m, &one), 0);
    pare_model_release(&m);
    fixture_plain(&m, "10-10-10-10-10-10-10-10-10-10-10-10");
    fixture_optim(&m, &m.optim, "adam", 2);
    assert_int_equal(pare_model_write(FILE_NAME, &m, &many), 0);
    pare_model_release(&m);
    /* 9 layers more, with weight, bias and two slots each. */
    values = 9 * 3 * 110 * sizeof(float);
    assert_true(many.bytes - one.bytes < values + 9 * 4500);
    pare_model_file_release(&one, 0);
    pare_model_file_release(&many, 0);
}

static void the_same_model_gives_the_same_bytes(void **state)
{
    struct pare_model m, back = {0};
    void *a, *b, *c;
    size_t na, nb, nc;

    (void)state;
    fixture_rich(&m, small, 3);
    assert_int_equal(pare_model_image(&a, &na, &m, NULL), 0);
    write_file(&m);
    assert_int_equal(pare_read_file(&b, &nb, FILE_NAME, 1 << 20), 0);
    assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), 0);
    assert_int_equal(pare_model_image(&c, &nc, &back, NULL), 0);
    assert_int_equal(na, nb);
    assert_int_equal(na, nc);
    assert_memory_equal(a, b, na);
    assert_memory_equal(a, c, na);
    free(a);
    free(b);
    free(c);
    pare_model_release(&m);
    pare_model_release(&back);
}

static void a_child_writes_what_does_not_fit_memory(void **state)
{
    struct pare_model m, back = {0};
    struct pare_model_file info = {0}, seen = {0};

    (void)state;
    fixture_rich(&m, small, 3);
    assert_int_equal(pare_model_write_limit(FILE_NAME, &m, &info, 100), 0);
    assert_int_equal(pare_model_read_limit(&back, &seen, FILE_NAME, 100), 0);
    assert_same_model(&m, &back);
    assert_int_equal(info.bytes, seen.bytes);
    assert_memory_equal(info.stored, seen.stored,
                        m.n_tensors * sizeof *info.stored);
    assert_int_equal(access(FILE_NAME ".pare-tmp", F_OK), -1);
    pare_model_file_release(&info, 0);
    pare_model_file_release(&seen, 0);
    pare_model_release(&back);
    /* What the child cannot build leaves the old file. */
    m.tensor[0].value[0] = NAN;
    assert_int_equal(pare_model_write_limit(FILE_NAME, &m, NULL, 100),
                     PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "not a number"));
    assert_int_equal(access(FILE_NAME ".pare-tmp", F_OK), -1);
    assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), 0);
    pare_model_release(&back);
    pare_model_release(&m);
}

/* Write into a pipe and read from it, with a limit for both ends. */
static void pipe_model(size_t limit)
{
    struct pare_model m, back = {0};
    int fd[2], status;
    pid_t pid;

    fixture_rich(&m, "in(60) linear(300) relu linear(2)", 3);
    assert_int_equal(pipe(fd), 0);
    fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        _exit(pare_model_write_limit("-", &m, NULL, limit) ? 1 : 0);
    }
    close(fd[1]);
    assert_true(dup2(fd[0], 0) == 0);
    close(fd[0]);
    if (pare_model_read_limit(&back, NULL, NULL, limit) != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_same_model(&m, &back);
    pare_model_release(&m);
    pare_model_release(&back);
}

static void a_model_travels_a_pipe(void **state)
{
    (void)state;
    pipe_model(PARE_IMAGE_MAX);
    pipe_model(10000);
}

static void an_autosave_keeps_key_and_text(void **state)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    struct pare_model m, back = {0};
    struct pare_model_file info = {0};

    (void)state;
    fixture_plain(&m, small);
    assert_int_equal(pare_autosave_write(FILE_NAME, &m, "short", "x"),
                     PARE_EINVAL);
    assert_int_equal(pare_autosave_write(FILE_NAME, &m, key, "a=1\nb=2\n"), 0);
    assert_int_equal(pare_model_read(&back, &info, FILE_NAME), 0);
    assert_string_equal(info.autosave_key, key);
    assert_string_equal(info.autosave_text, "a=1\nb=2\n");
    assert_int_equal(info.n_unknown, 0);
    pare_model_file_release(&info, 0);
    pare_model_release(&back);
    assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), 0);
    pare_model_release(&back);
    pare_model_release(&m);
}

static void what_a_model_must_not_hold_is_not_written(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_plain(&m, small);
    unlink(FILE_NAME);
    m.tensor[0].value[3] = INFINITY;
    assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), m.tensor[0].name));
    m.tensor[0].value[3] = 1;
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    m.tensor[0].mask[3] = 0;
    assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
    m.tensor[0].value[3] = 0;
    strcpy(m.training.loss, "two\nlines");
    assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
    assert_int_equal(access(FILE_NAME, F_OK), -1);
    pare_model_release(&m);
}

/* The child that writes a large model dies: SIGXFSZ kills it. */
static void a_killed_writer_leaves_the_old_file(void **state)
{
    struct pare_model m, back = {0};
    int status;
    pid_t pid;

    (void)state;
    fixture_plain(&m, small);
    write_file(&m);
    fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit size = {8000, 8000}, core = {0, 0};
        struct pare_model large;

        fixture_plain(&large, "in(60) linear(300) relu linear(2)");
        setrlimit(RLIMIT_FSIZE, &size);
        setrlimit(RLIMIT_CORE, &core);
        status = pare_model_write_limit(FILE_NAME, &large, NULL, 100);
        _exit(status == PARE_EIO && strstr(pare_error(), "signal") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(access(FILE_NAME ".pare-tmp", F_OK), -1);
    assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), 0);
    assert_same_model(&m, &back);
    pare_model_release(&m);
    pare_model_release(&back);
}

static void a_full_disk_is_an_error(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_plain(&m, small);
    assert_int_equal(pare_model_write("/dev/full", &m, NULL), PARE_EIO);
    assert_int_equal(pare_model_write_limit("/dev/full", &m, NULL, 10),
                     PARE_EIO);
    pare_model_release(&m);
}

static int read_bytes(struct pare_model *m, const void *bytes, size_t n)
{
    memset(m, 0, sizeof *m);
    assert_int_equal(pare_atomic_write(FILE_NAME, bytes, n), 0);
    return pare_model_read(m, NULL, FILE_NAME);
}

static void a_truncated_file_is_refused(void **state)
{
    struct pare_model m, back;
    char *bytes;
    void *image;
    size_t n;

    (void)state;
    fixture_rich(&m, small, 3);
    assert_int_equal(pare_model_image(&image, &n, &m, NULL), 0);
    bytes = image;
    for (size_t cut = 0; cut < n; cut += 1 + cut / 8)
        assert_int_equal(read_bytes(&back, bytes, cut), PARE_EFORMAT);
    assert_int_equal(read_bytes(&back, bytes, n - 1), PARE_EFORMAT);
    assert_int_equal(read_bytes(&back, bytes, n), 0);
    pare_model_release(&back);
    free(image);
    pare_model_release(&m);
}

static void files_that_are_no_models_are_named_so(void **state)
{
    static const char junk[] = "this is not a model file at all";
    struct pare_model m;
    struct pare_h5w *w;
    void *bytes;
    size_t n;

    (void)state;
    assert_int_equal(read_bytes(&m, junk, sizeof junk), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "not an HDF5 file"));
    assert_int_equal(read_bytes(&m, "", 0), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "empty"));
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(read_bytes(&m, bytes, n), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "not a pare model"));
    free(bytes);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_attr_text(w, "/", "format", "pare-data"), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(read_bytes(&m, bytes, n), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), ": a pare data file, not a model"));
    free(bytes);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_h5w_attr_text(w, "/", "format", "pare-model"), 0);
    assert_int_equal(pare_h5w_attr_i64(w, "/", "format_version", 6), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(read_bytes(&m, bytes, n), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "format version 6, this is pare "));
    assert_non_null(strstr(pare_error(), "which reads up to 5"));
    free(bytes);
    assert_int_equal(pare_model_read(&m, NULL, "none.h5"), PARE_EIO);
    assert_int_equal(pare_model_read(&m, NULL, "/"), PARE_EIO);
}

static const struct pare_h5_item user_item[] = {
    {'s', 0, 0, 9, 0, 1},
    {'f', 0, 0, 8, 1, 3},
    {'u', 0, 0, 1, 1, 0},
    {'i', 0, 0, 2, 0, 1},
};

/* A model as a stranger extends it: /user, and things nobody knows. */
static void write_with_user(const struct pare_model *m)
{
    static const double list[3] = {0.1, -0.0, 1e300};
    static const int16_t number = -300;
    static const float rows[4] = {1, 2, 3, 4};
    struct pare_model_file about = {0};
    struct pare_h5w *w;
    size_t dim[2] = {2, 2}, n;
    void *bytes;

    assert_int_equal(pare_digest_weights(about.weights, m), 0);
    assert_int_equal(pare_digest_state(about.state, m), 0);
    about.stored = calloc(m->n_tensors, sizeof *about.stored);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_model_build(w, m, &about), 0);
    assert_int_equal(pare_h5w_group(w, "/user"), 0);
    assert_int_equal(pare_h5w_item(w, "/user/note", &user_item[0], "for robot"),
                     0);
    assert_int_equal(pare_h5w_item(w, "/user/list", &user_item[1], list), 0);
    assert_int_equal(pare_h5w_item(w, "/user/none", &user_item[2], ""), 0);
    assert_int_equal(pare_h5w_item(w, "/user/int", &user_item[3], &number), 0);
    assert_int_equal(
        pare_h5w_data(w, "/user/rows", PARE_H5_F32, 2, dim, rows, false), 0);
    assert_int_equal(pare_h5w_text(w, "/extra", "x"), 0);
    assert_int_equal(pare_h5w_text(w, "/layers/fc1/extra", "x"), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_atomic_write(FILE_NAME, bytes, n), 0);
    free(bytes);
    free(about.stored);
}

static void what_users_add_survives_and_the_rest_is_told(void **state)
{
    struct pare_model m, back = {0};
    struct pare_model_file info = {0};
    struct pare_h5_item item;
    struct pare_h5 *h;
    double list[3];
    char note[9];
    int16_t number;

    (void)state;
    fixture_plain(&m, "4-3");
    write_with_user(&m);
    assert_int_equal(pare_model_read(&back, &info, FILE_NAME), 0);
    assert_int_equal(info.n_unknown, 3);
    assert_string_equal(info.unknown[0], "/user/rows");
    assert_string_equal(info.unknown[1], "/extra");
    assert_string_equal(info.unknown[2], "/layers/fc1/extra");
    pare_model_file_release(&info, 0);
    /* The first member of a record is a byte, the next begins at 4. */
    assert_memory_equal((const char *)back.user + 1, "\0\0\0", 3);
    assert_round_trip(&back);
    assert_int_equal(pare_h5_open(&h, NULL, 0, FILE_NAME), 0);
    assert_int_equal(pare_h5_item_info(&item, h, "/user/note"), 0);
    assert_true(item.kind == 's' && item.strpad == 0 && item.cset == 0);
    assert_true(item.size == 9 && item.rank == 0 && item.count == 1);
    assert_int_equal(pare_h5_item_read(note, h, "/user/note", &item), 0);
    assert_memory_equal(note, "for robot", 9);
    assert_int_equal(pare_h5_item_read(list, h, "/user/list", &user_item[1]),
                     0);
    assert_true(list[0] == 0.1 && signbit(list[1]) && list[2] == 1e300);
    assert_int_equal(pare_h5_item_read(&number, h, "/user/int", &user_item[3]),
                     0);
    assert_int_equal(number, -300);
    assert_int_equal(pare_h5_item_info(&item, h, "/user/none"), 0);
    assert_int_equal(item.count, 0);
    pare_h5_close(h);
    pare_model_release(&m);
    pare_model_release(&back);
}

/* Build a model with one object replaced by another. */
static int read_with(const struct pare_model *m, const char *weights,
                     const char *state)
{
    struct pare_model_file about = {0};
    struct pare_model back = {0};
    struct pare_h5w *w;
    size_t n;
    void *bytes;
    int err;

    strcpy(about.weights, weights);
    strcpy(about.state, state);
    about.stored = calloc(m->n_tensors, sizeof *about.stored);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_model_build(w, m, &about), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    err = read_bytes(&back, bytes, n);
    pare_model_release(&back);
    free(bytes);
    free(about.stored);
    return err;
}

static void both_digests_are_checked(void **state)
{
    static const char wrong[] = "0123456789abcdef0123456789abcdef";
    char weights[PARE_DIGEST_LEN], whole[PARE_DIGEST_LEN];
    struct pare_model m;

    (void)state;
    fixture_rich(&m, small, 2);
    assert_int_equal(pare_digest_weights(weights, &m), 0);
    assert_int_equal(pare_digest_state(whole, &m), 0);
    assert_int_equal(read_with(&m, weights, whole), 0);
    assert_int_equal(read_with(&m, wrong, whole), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "weights do not match"));
    assert_int_equal(read_with(&m, weights, wrong), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "state does not match"));
    pare_model_release(&m);
}

/* A model of "2-2" written by hand, with a choice of one fault. */
static int read_forged(const char *fault)
{
    static const float w4[4] = {1, 2, 3, 4}, nan4[4] = {1, 2, NAN, 4};
    static const uint8_t bits = 0x05, past = 0x15;
    static const uint32_t down[2] = {2, 0}, far[2] = {0, 4};
    struct pare_model m, back = {0};
    struct pare_h5w *w;
    char *text, digest[PARE_DIGEST_LEN];
    const char *name = "/layers/fc1/weight";
    size_t d22[2] = {2, 2}, d4[1] = {4}, one = 1, two = 2, three = 3, n;
    void *bytes;
    float scale = 1;
    int err;
    bool masked = strstr(fault, "mask") || strstr(fault, "index");

    fixture_plain(&m, "in(2) fc1=linear(2,bias=no)");
    assert_int_equal(pare_digest_weights(digest, &m), 0);
    assert_int_equal(pare_training_text(&text, &m), 0);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    pare_h5w_attr_text(w, "/", "format", "pare-model");
    pare_h5w_attr_i64(w, "/", "format_version", 1);
    pare_h5w_attr_text(w, "/", "layout",
                       strcmp(fault, "layout") ? "plain" : "packed");
    pare_h5w_attr_text(w, "/", "weights", digest);
    pare_h5w_attr_text(w, "/", "state", digest);
    pare_h5w_text(w, "/arch",
                  strcmp(fault, "arch") ? m.arch.text : "in(2) nonsense(3)");
    pare_h5w_text(w, "/training", strcmp(fault, "training") ? text : "x=1\n");
    pare_h5w_group(w, "/input");
    pare_h5w_attr_i64(w, "/input", "classes", 0);
    pare_h5w_data(w, "/input/scale", PARE_H5_F32, 0, NULL, &scale, false);
    pare_h5w_group(w, "/layers");
    pare_h5w_group(w, "/layers/fc1");
    if (!masked) {
        bool rank = strcmp(fault, "rank") == 0;
        bool type = strcmp(fault, "type") == 0;

        pare_h5w_data(w, name, type ? PARE_H5_I32 : PARE_H5_F32, rank ? 1 : 2,
                      rank ? d4 : d22, strcmp(fault, "nan") ? w4 : nan4, false);
        pare_h5w_attr_text(w, name, "out_axis", "0");
        pare_h5w_attr_text(w, name, "in_axis",
                           strcmp(fault, "axis") ? "1" : "0");
    }
    if (strstr(fault, "mask"))
        pare_h5w_data(w, "/layers/fc1/weight.mask", PARE_H5_U8, 1, &one,
                      strcmp(fault, "mask past") ? &bits : &past, false);
    if (strstr(fault, "index"))
        pare_h5w_data(w, "/layers/fc1/weight.index", PARE_H5_U32, 1, &two,
                      strcmp(fault, "index order") ? far : down, false);
    if (masked)
        pare_h5w_data(w, "/layers/fc1/weight.kept", PARE_H5_F32, 1,
                      strcmp(fault, "mask count") ? &two : &three, w4, false);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    err = read_bytes(&back, bytes, n);
    free(bytes);
    free(text);
    pare_model_release(&m);
    pare_model_release(&back);
    return err;
}

static void forged_models_are_refused_for_their_fault(void **state)
{
    static const struct {
        const char *fault, *says;
    } row[] = {
        {"none", "weights do not match"}, /* all else is in order */
        {"layout", "layout 'packed' in a file of version"},
        {"arch", "'/arch'"},
        {"training", "lacks 'init'"},
        {"nan", "/layers/fc1/weight' holds a value that is not a number"},
        {"rank", "has not the shape"},
        {"type", "holds int32, expected float32"},
        {"axis", "in_axis=0"},
        {"mask past", "bits past its end"},
        {"mask count", "3 values for 2 kept positions"},
        {"index order", "not ascending"},
        {"index far", "out of range"},
        {"mask index", "has two masks"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(read_forged(row[i].fault), PARE_EFORMAT);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].fault, pare_error());
    }
}

static int clean(void **state)
{
    (void)state;
    unlink(FILE_NAME);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dense_model_comes_back),
        cmocka_unit_test(everything_in_a_model_comes_back),
        cmocka_unit_test(augmentation_is_version_2_and_all_else_1),
        cmocka_unit_test(a_mask_takes_the_smaller_encoding),
        cmocka_unit_test(a_pruned_file_is_less_than_a_quarter),
        cmocka_unit_test(layers_cost_little_beside_their_values),
        cmocka_unit_test(the_same_model_gives_the_same_bytes),
        cmocka_unit_test(a_child_writes_what_does_not_fit_memory),
        cmocka_unit_test(a_model_travels_a_pipe),
        cmocka_unit_test(an_autosave_keeps_key_and_text),
        cmocka_unit_test(what_a_model_must_not_hold_is_not_written),
        cmocka_unit_test(a_killed_writer_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(files_that_are_no_models_are_named_so),
        cmocka_unit_test(what_users_add_survives_and_the_rest_is_told),
        cmocka_unit_test(both_digests_are_checked),
        cmocka_unit_test(forged_models_are_refused_for_their_fault),
    };

    return cmocka_run_group_tests(tests, NULL, clean) != 0 ? 1 : 0;
}
