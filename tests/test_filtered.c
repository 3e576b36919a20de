#include "compact_fixture.h"
#include "levels_fixture.h"

#include <hdf5.h>
#include <unistd.h>

#include "atomic.h"
#include "model_file.h"
#include "model_io.h"
#include "quantize.h"
#include "rng.h"

static char path[] = "/tmp/pare-filtered.XXXXXX";

static void make(struct pare_model *m, const char *text)
{
    struct pare_arch arch = {0};

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_init(m, &arch), 0);
    pare_rng_normal(m->tensor[0].value, m->tensor[0].n, 0.02, 1,
                    PARE_STREAM_INIT, 0);
}

/* Prune where the words are below the sparsity. */
static void prune(struct pare_tensor *t, const uint32_t *word, double sparsity)
{
    assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t i = 0; i < t->n; i++)
        if ((double)word[i] < sparsity * 4294967296.0) {
            t->mask[i] = 0;
            t->value[i] = 0;
        }
}

static uint32_t *words(size_t n)
{
    uint32_t *word = malloc((n + 4) * sizeof *word);

    assert_non_null(word);
    pare_rng_blocks(word, (n + 3) / 4, 2, PARE_STREAM_MASK, 0, 0);
    return word;
}

/* Write it, read it, and compare; returns how it lies in the file. */
static enum pare_encoding there_and_back(const struct pare_model *m)
{
    struct pare_model back = {0};
    struct pare_model_file about = {0};
    const struct pare_tensor *t = &m->tensor[0];
    enum pare_encoding e;

    assert_int_equal(pare_model_write_filtered(path, m, 2, NULL), 0);
    assert_int_equal(pare_model_read(&back, &about, path), 0);
    assert_memory_equal(back.tensor[0].value, t->value,
                        t->n * sizeof *t->value);
    assert_true(!back.tensor[0].mask == !t->mask);
    if (t->mask)
        assert_memory_equal(back.tensor[0].mask, t->mask, t->n);
    e = about.stored[0].encoding;
    pare_model_file_release(&about, back.n_tensors);
    pare_model_release(&back);
    return e;
}

static void a_pruned_weight_comes_back(void **state)
{
    struct pare_model m;
    uint32_t *word = words(6400);

    (void)state;
    make(&m, "64-100");
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    prune(&m.tensor[0], word, .8);
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    pare_model_release(&m);
    free(word);
}

static void a_kept_zero_stays_kept(void **state)
{
    struct pare_model m;
    uint32_t *word = words(6400);
    size_t i = 0;

    (void)state;
    make(&m, "64-100");
    prune(&m.tensor[0], word, .8);
    while (!m.tensor[0].mask[i])
        i++;
    m.tensor[0].value[i] = -0.0f;
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    m.tensor[0].value[i] = 0.0f;
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    for (i = 0; i < m.tensor[0].n; i += 3)
        if (m.tensor[0].mask[i])
            m.tensor[0].value[i] = 0.0f;
    m.tensor[0].mask[0] = m.tensor[0].mask[6399] = 1;
    m.tensor[0].value[0] = m.tensor[0].value[6399] = 0;
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    pare_model_release(&m);
    free(word);
}

/* Without a mask zeros are values. */
static void zeros_of_a_dense_weight_are_not_pruned(void **state)
{
    struct pare_model m;

    (void)state;
    make(&m, "64-100");
    for (size_t i = 0; i < m.tensor[0].n; i += 2)
        m.tensor[0].value[i] = 0;
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    pare_model_release(&m);
}

/* Readers would refuse what is more than a thousand times as long. */
static void what_is_almost_empty_is_written_plainly(void **state)
{
    struct pare_model m;
    size_t n;

    (void)state;
    make(&m, "1000-1000");
    n = m.tensor[0].n;
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    for (size_t i = 0; i < n; i++)
        if (i) {
            m.tensor[0].mask[i] = 0;
            m.tensor[0].value[i] = 0;
        }
    assert_int_not_equal(there_and_back(&m), PARE_ENC_RANS);
    pare_model_release(&m);
}

/* A row of it makes a chunk that is over the limit of a block, too. */
static void one_long_row_of_one_number_is_written_plainly(void **state)
{
    struct pare_model m;

    (void)state;
    make(&m, "weights a.weight(1x14000000)");
    for (size_t i = 0; i < m.tensor[0].n; i++)
        m.tensor[0].value[i] = 1;
    assert_int_not_equal(there_and_back(&m), PARE_ENC_RANS);
    pare_model_release(&m);
}

static void whole_files_reach_their_targets(void **state)
{
    static const struct {
        double sparsity, bits;
        int levels;
    } row[] = {
        {0, 32 / 1.203, 0}, {.5, 14.31, 0}, {.9, 3.14, 0}, {.9, .785, 1}};
    struct pare_model m;
    struct pare_tensor *t;
    uint32_t *word = words((size_t)4096 * 4096);

    (void)state;
    make(&m, "in(4096) linear(4096,bias=no)");
    t = &m.tensor[0];
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct pare_model_file about = {0};

        if (row[k].sparsity > 0)
            prune(t, word, row[k].sparsity);
        for (size_t i = 0; row[k].levels && i < t->n; i++)
            if (t->mask[i])
                t->value[i] =
                    (float)(.01 * (floor((double)t->value[i] / .01) + .5));
        assert_int_equal(pare_model_write_filtered(path, &m, 2, &about), 0);
        assert_true(8.0 * (double)about.bytes <= row[k].bits * (double)t->n);
        pare_model_file_release(&about, m.n_tensors);
    }
    pare_model_release(&m);
    free(word);
}

static void sparser_files_reach_their_targets(void **state)
{
    static const struct {
        double sparsity, bits;
    } row[] = {{.95, 1.63}, {.99, .351}};
    struct pare_model m;
    uint32_t *word = words((size_t)4096 * 4096);

    (void)state;
    make(&m, "in(4096) linear(4096,bias=no)");
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct pare_model_file about = {0};

        prune(&m.tensor[0], word, row[k].sparsity);
        assert_int_equal(pare_model_write_filtered(path, &m, 2, &about), 0);
        assert_true(8.0 * (double)about.bytes <=
                    row[k].bits * (double)m.tensor[0].n);
        pare_model_file_release(&about, m.n_tensors);
    }
    pare_model_release(&m);
    free(word);
}

/* ---- levels and 16 bits ------------------------------------------------ */

static void need_same_plain(const struct pare_model *a,
                            const struct pare_model *b)
{
    void *x = NULL, *y = NULL;
    size_t n = 0, m = 0;

    assert_int_equal(pare_model_image(&x, &n, a, NULL), 0);
    assert_int_equal(pare_model_image(&y, &m, b, NULL), 0);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

/* Tensor by tensor it becomes the same plain file. */
static void need_same_stream(const struct pare_model *m)
{
    struct pare_model_file about = {0}, same = {0}, out = {0};
    struct pare_model back = {0}, s = {0};
    char plain[sizeof path + 2];

    snprintf(plain, sizeof plain, "%s.p", path);
    assert_int_equal(pare_model_open_limit(&s, &about, path, 1), 0);
    assert_true(pare_model_streams(&s));
    assert_int_equal(pare_model_write_filtered(plain, &s, 2, &out), 0);
    assert_int_equal(out.bytes, about.bytes);
    assert_memory_equal(out.stored, about.stored,
                        m->n_tensors * sizeof *out.stored);
    pare_model_file_release(&out, m->n_tensors);
    assert_int_equal(pare_model_write(plain, &s, NULL), 0);
    assert_int_equal(pare_model_read(&back, &same, plain), 0);
    need_same_plain(m, &back);
    unlink(plain);
    pare_model_file_release(&about, s.n_tensors);
    pare_model_file_release(&same, s.n_tensors);
    pare_model_release(&back);
    pare_model_release(&s);
}

/* The same model to the bit in a file that is no longer; how many tensors
   the filter has. */
static size_t round_trip(const struct pare_model *m, bool stream)
{
    struct pare_model_file about = {0}, out = {0};
    struct pare_model back = {0};
    size_t n = 0, plain = 0;
    void *bytes = NULL;

    if (pare_model_write_filtered(path, m, 2, &out) != 0 ||
        pare_model_read(&back, &about, path) != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(about.n_unknown, 0);
    assert_int_equal(about.bytes, out.bytes);
    assert_memory_equal(out.stored, about.stored,
                        m->n_tensors * sizeof *out.stored);
    for (size_t t = 0; t < m->n_tensors; t++)
        n += out.stored[t].encoding == PARE_ENC_RANS;
    assert_same_levels(m, &back);
    need_same_plain(m, &back);
    assert_int_equal(pare_model_image(&bytes, &plain, m, NULL), 0);
    assert_true(out.bytes <= plain);
    free(bytes);
    if (stream)
        need_same_stream(m);
    pare_model_file_release(&about, back.n_tensors);
    pare_model_file_release(&out, back.n_tensors);
    pare_model_release(&back);
    return n;
}

static void every_kind_comes_back_dense_and_masked(void **state)
{
    static const char *const text[] = {
        "in(7) fc1=linear(40) relu fc2=linear(9) relu fc3=linear(3)",
        "in(3,20,20) c1=conv2d(40,5) relu c2=conv2d(30,3) relu "
        "fc=linear(20,bias=no)",
    };
    static const unsigned one_in[] = {0, 3, 40};
    size_t filtered[2] = {0};

    (void)state;
    for (size_t a = 0; a < 2; a++)
        for (int kind = 0; kind < FIXTURE_KINDS; kind++)
            for (size_t k = 0; k < 3; k++) {
                struct pare_model m;

                fixture_plain(&m, text[a]);
                if (one_in[k])
                    fixture_prune(&m, one_in[k]);
                fixture_levels(&m, (enum fixture_kind)kind);
                filtered[a] += round_trip(&m, true);
                pare_model_release(&m);
            }
    assert_int_equal(filtered[0], 0); /* the plain layout is smaller */
    assert_true(filtered[1] > 35);
}

static void every_kind_comes_back_compact(void **state)
{
    (void)state;
    for (int kind = 0; kind < FIXTURE_KINDS; kind++) {
        struct pare_model m;

        fixture_compact(&m, "in(170) fc1=linear(190) relu fc2=linear(3)", 9000);
        fixture_levels(&m, (enum fixture_kind)kind);
        assert_true(round_trip(&m, false) > 0 || kind == FIXTURE_ROWS ||
                    kind == FIXTURE_UNIFORM);
        pare_model_release(&m);
    }
}

/* Object headers of version 2 have a flag for times. */
static void no_object_of_the_file_carries_a_time(void **state)
{
    struct pare_model m;
    uint8_t *p;
    void *bytes = NULL;
    size_t n = 0, headers = 0;

    (void)state;
    make(&m, "64-100");
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    assert_int_equal(pare_read_file(&bytes, &n, path, 1u << 30), 0);
    p = bytes;
    for (size_t i = 0; i + 6 < n; i++)
        if (memcmp(p + i, "OHDR\2", 5) == 0) {
            assert_false(p[i + 5] & 0x20);
            headers++;
        }
    assert_true(headers > 5);
    free(bytes);
    pare_model_release(&m);
}

/* From a few values on the filter pays; the file is never longer. */
static void sizes_of_all_lengths_are_those_of_the_smaller(void **state)
{
    size_t filtered = 0;

    (void)state;
    for (size_t n = 1; n < 4000; n += n / 5 + 1) {
        char text[64];
        struct pare_model m;

        snprintf(text, sizeof text, "weights a.weight(%zu) b.weight(1x%zu)", n,
                 n);
        fixture_plain(&m, text);
        fixture_level(&m.tensor[0], FIXTURE_BOOK);
        filtered += round_trip(&m, false);
        pare_model_release(&m);
    }
    assert_in_range(filtered, 8, 40);
}

/* A file of some chunks, read by more threads than one; a byte of its middle
   is then changed. */
static void need_whole_or_refused(const struct pare_model *m)
{
    struct pare_model back = {0};
    FILE *f = fopen(path, "r+");
    long size;
    int c;

    assert_int_equal(pare_model_read(&back, NULL, path), 0);
    assert_memory_equal(back.tensor[0].value, m->tensor[0].value,
                        m->tensor[0].n * sizeof(float));
    assert_memory_equal(back.tensor[0].mask, m->tensor[0].mask, m->tensor[0].n);
    pare_model_release(&back);
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    fseek(f, size / 2, SEEK_SET);
    c = getc(f);
    fseek(f, size / 2, SEEK_SET);
    putc(c ^ 8, f);
    fclose(f);
    assert_int_equal(pare_model_read(&back, NULL, path), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "a damaged chunk"));
}

static void a_codebook_of_the_tool_reaches_its_target(void **state)
{
    uint32_t *word = words((size_t)4096 * 4096);
    struct pare_model_file about = {0};
    struct pare_quantize_options o;
    struct pare_quantize_report report;
    struct pare_model m;

    (void)state;
    make(&m, "in(4096) linear(4096,bias=no)");
    prune(&m.tensor[0], word, .9);
    pare_quantize_defaults(&o); /* a codebook of 16 levels */
    o.lambda = .03;
    assert_int_equal(pare_quantize(&report, &m, &o), 0);
    assert_int_equal(report.row[0].levels, 16);
    assert_int_equal(m.tensor[0].quant.kind, PARE_QUANT_CODEBOOK);
    pare_quantize_report_release(&report);
    assert_int_equal(pare_model_write_filtered(path, &m, 2, &about), 0);
    assert_int_equal(about.stored[0].encoding, PARE_ENC_RANS);
    if (8.0 * (double)about.bytes > .785 * (double)m.tensor[0].n)
        fail_msg("%g", 8.0 * (double)about.bytes / (double)m.tensor[0].n);
    need_whole_or_refused(&m);
    pare_model_file_release(&about, m.n_tensors);
    pare_model_release(&m);
    free(word);
}

/* A trial of such a model leaves its values to the reading that follows. */
static void values_of_more_positions_than_are_wanted_are_not_read(void **state)
{
    struct pare_model m;
    uint32_t *word = words(6400);
    void *bytes = NULL;
    uint8_t *block;
    size_t n = 0;

    (void)state;
    make(&m, "64-100");
    prune(&m.tensor[0], word, .8);
    assert_int_equal(there_and_back(&m), PARE_ENC_RANS);
    assert_int_equal(pare_read_file(&bytes, &n, path, 1u << 30), 0);
    for (block = bytes; memcmp(block, "PRNS", 4) != 0;)
        block++;
    block[100] ^= 8;
    for (uint64_t whole = 6498; whole <= 6502; whole++) {
        struct pare_model back = {0};
        struct pare_h5 *h = NULL;

        assert_int_equal(pare_h5_open(&h, bytes, n, "image"), 0);
        assert_int_equal(pare_model_parse_limit(&back, NULL, h, n, 0, whole),
                         whole < 6500 ? 0 : PARE_EFORMAT);
        pare_h5_close(h);
        pare_model_release(&back);
    }
    free(bytes);
    pare_model_release(&m);
    free(word);
}

/* ---- forged files ------------------------------------------------------ */

#define WEIGHT "/layers/fc1/weight"

/* Put a dataset in the place of what is there. */
static void put(hid_t f, const char *name, hid_t type, hsize_t n,
                const void *values)
{
    hid_t s = H5Screate_simple(1, &n, NULL), d;

    if (H5Lexists(f, name, H5P_DEFAULT) > 0)
        H5Ldelete(f, name, H5P_DEFAULT);
    d = H5Dcreate2(f, name, type, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(d >= 0 &&
                H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(d);
    H5Sclose(s);
}

/* Set an attribute, or take it away. */
static void say(hid_t f, const char *path_of, const char *attr,
                const char *text)
{
    hid_t o = H5Oopen(f, path_of, H5P_DEFAULT), s = H5Screate(H5S_SCALAR);
    hid_t t = H5Tcopy(H5T_C_S1), a;

    if (H5Aexists(o, attr) > 0)
        H5Adelete(o, attr);
    if (text) {
        H5Tset_size(t, strlen(text));
        a = H5Acreate2(o, attr, t, s, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(a >= 0 && H5Awrite(a, t, text) >= 0);
        H5Aclose(a);
    }
    H5Sclose(s);
    H5Tclose(t);
    H5Oclose(o);
}

/* Levels as they are but for the last, or of another type. */
static void move_level(hid_t f, bool half)
{
    static float level[PARE_BOOK_MAX];
    static uint16_t upper[PARE_BOOK_MAX];
    hid_t d = H5Dopen2(f, WEIGHT ".book", H5P_DEFAULT), s = H5Dget_space(d);
    hsize_t n = (hsize_t)H5Sget_simple_extent_npoints(s);

    H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, level);
    H5Sclose(s);
    H5Dclose(d);
    pare_dtype_put(upper, level, (size_t)n, PARE_BF16);
    level[n - 1] *= 2;
    put(f, WEIGHT ".book", half ? H5T_STD_U16LE : H5T_NATIVE_FLOAT, n,
        half ? (void *)upper : level);
    if (half)
        say(f, WEIGHT ".book", "dtype", "bfloat16");
}

static void forge(hid_t f, int fault)
{
    static const uint32_t far[] = {1, 1u << 31, 0}, many[] = {0, 0, 0, 0, 0};
    static const float fraction[] = {1.5f};
    static const uint8_t bits[640];

    switch (fault) {
    case 0:
        move_level(f, false);
        break;
    case 1:
        move_level(f, true);
        break;
    case 2:
        H5Ldelete(f, WEIGHT ".book", H5P_DEFAULT);
        break;
    case 3:
        say(f, WEIGHT, "quant", "int4");
        break;
    case 4:
        say(f, WEIGHT, "quant", "int8");
        break;
    case 5:
        put(f, WEIGHT ".zeros", H5T_NATIVE_UINT32, 3, far);
        break;
    case 6:
        put(f, WEIGHT ".zeros", H5T_NATIVE_FLOAT, 1, fraction);
        break;
    case 7:
        put(f, WEIGHT ".zeros", H5T_NATIVE_UINT32, 5, many);
        break;
    case 8:
        put(f, WEIGHT ".codes", H5T_NATIVE_UINT8, 640, bits);
        break;
    case 9:
        put(f, WEIGHT ".mask", H5T_NATIVE_UINT8, 640, bits);
        break;
    case 10:
        say(f, WEIGHT, "pruned", NULL);
        break;
    case 11:
        say(f, WEIGHT, "quant", NULL);
        break;
    default:
        fail();
    }
}

static void forged_levels_and_zeros_are_refused_for_their_fault(void **state)
{
    static const char *const says[] = {
        "weight': 'fc1.weight' holds",
        "holds float32, its levels are bfloat16",
        "book' is missing",
        "quant=int4",
        "scale' is missing",
        "passes over more zeros than there are",
        "holds float32, expected uint32",
        "no level of its", /* kept zeros, which are none */
        "lies there whole and in parts",
        "",                /* of a mask of nothing there are no values */
        "no level of its", /* zeros are values now */
        "state does not match its digest",
    };
    struct pare_model m, back = {0};
    uint32_t *word = words(6400);

    (void)state;
    make(&m, "in(64) fc1=linear(100)");
    prune(&m.tensor[0], word, .8);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        if (m.tensor[0].mask[i])
            m.tensor[0].value[i] = (float)(1 + i % 5) / 16;
    assert_int_equal(pare_levels_rebuild(&m.tensor[0]), 0);
    for (int i = 0; i < (int)(sizeof says / sizeof *says); i++) {
        hid_t f;
        int err;

        assert_true(round_trip(&m, true) > 0);
        f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        forge(f, i);
        H5Fclose(f);
        err = pare_model_read(&back, NULL, path);
        if (err != PARE_EFORMAT || !strstr(pare_error(), says[i]))
            fail_msg("%d: %d, %s", i, err, err ? pare_error() : "");
        assert_null(strchr(pare_error(), '\n'));
    }
    pare_model_release(&m);
    free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pruned_weight_comes_back),
        cmocka_unit_test(a_kept_zero_stays_kept),
        cmocka_unit_test(zeros_of_a_dense_weight_are_not_pruned),
        cmocka_unit_test(what_is_almost_empty_is_written_plainly),
        cmocka_unit_test(one_long_row_of_one_number_is_written_plainly),
        cmocka_unit_test(whole_files_reach_their_targets),
        cmocka_unit_test(sparser_files_reach_their_targets),
        cmocka_unit_test(every_kind_comes_back_dense_and_masked),
        cmocka_unit_test(every_kind_comes_back_compact),
        cmocka_unit_test(no_object_of_the_file_carries_a_time),
        cmocka_unit_test(sizes_of_all_lengths_are_those_of_the_smaller),
        cmocka_unit_test(a_codebook_of_the_tool_reaches_its_target),
        cmocka_unit_test(
            values_of_more_positions_than_are_wanted_are_not_read),
        cmocka_unit_test(forged_levels_and_zeros_are_refused_for_their_fault),
    };
    int fd = mkstemp(path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = run_group(tests);
    unlink(path);
    return failed;
}
