#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "model_file.h"
#include "model_fixture.h"
#include "model_io.h"
#include "quantize.h"

#define IN  "test_model_stream-in.h5"
#define OUT "test_model_stream-out.h5"

static const char *const archs[] = {
    "in(60) linear(30) batchnorm relu linear(2)",
    "in(1,28,28) conv2d(4,5) relu maxpool(2) linear(10)",
    "weights a.weight(300x784) a.bias(300) b.weight(10x300) c.weight(3x4x5)",
};

static void make_model(struct pare_model *m, size_t arch, unsigned one_in)
{
    fixture_plain(m, archs[arch]);
    if (one_in)
        fixture_prune(m, one_in);
    assert_int_equal(pare_model_add_step(m, "{\"step\": 1}"), 0);
}

static void assert_same_file(const char *a, const char *b)
{
    void *x = NULL, *y = NULL;
    size_t nx = 0, ny = 0;

    assert_int_equal(pare_read_file(&x, &nx, a, 1u << 30), 0);
    assert_int_equal(pare_read_file(&y, &ny, b, 1u << 30), 0);
    assert_int_equal(nx, ny);
    assert_memory_equal(x, y, nx);
    free(x);
    free(y);
}

static void open_stream(struct pare_model *m, struct pare_model_file *info)
{
    memset(m, 0, sizeof *m);
    memset(info, 0, sizeof *info);
    if (pare_model_open_limit(m, info, IN, 1) != 0)
        fail_msg("%s", pare_error());
    assert_true(pare_model_streams(m));
}

static void its_tensors_are_those_of_the_file(void **state)
{
    static const unsigned one_in[] = {0, 1, 3, 100};

    (void)state;
    for (size_t k = 0; k < 12; k++) {
        struct pare_model m, s;
        struct pare_model_file info, whole = {0};

        make_model(&m, k / 4, one_in[k % 4]);
        assert_int_equal(pare_model_write(IN, &m, &whole), 0);
        open_stream(&s, &info);
        assert_string_equal(whole.weights, info.weights);
        assert_string_equal(whole.state, info.state);
        assert_int_equal(whole.bytes, info.bytes);
        assert_memory_equal(whole.stored, info.stored,
                            m.n_tensors * sizeof *info.stored);
        for (size_t t = 0; t < m.n_tensors; t++) {
            const struct pare_tensor *a = &m.tensor[t], *b = &s.tensor[t];

            assert_true(b->away && !b->value && !b->mask);
            assert_int_equal(pare_tensor_kept(a), pare_tensor_kept(b));
            assert_int_equal(pare_tensor_load_mask(&s, t), 0);
            assert_true(!b->value && !a->mask == !b->mask);
            pare_tensor_drop(&s, t);
            assert_int_equal(pare_tensor_load(&s, t), 0);
            assert_memory_equal(a->value, b->value, a->n * sizeof(float));
            if (a->mask)
                assert_memory_equal(a->mask, b->mask, a->n);
            pare_tensor_drop(&s, t);
            assert_true(b->away && !b->value && !b->mask);
        }
        pare_model_file_release(&whole, m.n_tensors);
        pare_model_file_release(&info, s.n_tensors);
        pare_model_release(&m);
        pare_model_release(&s);
    }
    unlink(IN);
}

static void it_is_written_to_the_same_bytes(void **state)
{
    static const unsigned one_in[] = {0, 3, 100};

    (void)state;
    for (size_t k = 0; k < 9; k++) {
        struct pare_model m, s;
        struct pare_model_file info, wrote = {0};

        make_model(&m, k / 3, one_in[k % 3]);
        assert_int_equal(pare_model_write(IN, &m, NULL), 0);
        open_stream(&s, &info);
        assert_int_equal(pare_model_write(OUT, &s, &wrote), 0);
        assert_same_file(IN, OUT);
        assert_int_equal(wrote.bytes, info.bytes);
        assert_memory_equal(wrote.stored, info.stored,
                            m.n_tensors * sizeof *info.stored);
        /* Over itself: the old file stays open until it is replaced. */
        assert_int_equal(pare_model_write(IN, &s, NULL), 0);
        assert_same_file(IN, OUT);
        pare_model_file_release(&wrote, m.n_tensors);
        pare_model_file_release(&info, s.n_tensors);
        pare_model_release(&m);
        pare_model_release(&s);
    }
    unlink(IN);
    unlink(OUT);
}

static void a_model_with_state_is_read_whole(void **state)
{
    struct pare_model m, back = {0};

    (void)state;
    fixture_rich(&m, archs[0], 3);
    assert_int_equal(pare_model_write(IN, &m, NULL), 0);
    assert_int_equal(pare_model_open_limit(&back, NULL, IN, 1), 0);
    assert_false(pare_model_streams(&back));
    assert_same_model(&m, &back);
    pare_model_release(&m);
    pare_model_release(&back);
    unlink(IN);
}

static void the_limit_is_of_bytes_of_values(void **state)
{
    struct pare_model m, back = {0};
    uint64_t bytes = 0;

    (void)state;
    make_model(&m, 2, 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        bytes += m.tensor[t].n * sizeof(float);
    assert_int_equal(pare_model_write(IN, &m, NULL), 0);
    for (int less = 0; less < 2; less++) {
        assert_int_equal(
            pare_model_open_limit(&back, NULL, IN, bytes - (unsigned)less), 0);
        assert_int_equal(pare_model_streams(&back), less);
        pare_model_release(&back);
    }
    pare_model_release(&m);
    unlink(IN);
}

/* Flip a bit near the end of the file, where the last arrays lie. */
static void a_damaged_tensor_is_found_on_opening(void **state)
{
    struct pare_model m, back = {0};
    struct stat st;
    uint8_t byte = 0;
    FILE *f;

    (void)state;
    make_model(&m, 2, 0);
    assert_int_equal(pare_model_write(IN, &m, NULL), 0);
    assert_int_equal(stat(IN, &st), 0);
    f = fopen(IN, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)st.st_size / 2, SEEK_SET), 0);
    assert_int_equal(fread(&byte, 1, 1, f), 1);
    byte ^= 1;
    assert_int_equal(fseek(f, (long)st.st_size / 2, SEEK_SET), 0);
    assert_int_equal(fwrite(&byte, 1, 1, f), 1);
    fclose(f);
    assert_int_equal(pare_model_open_limit(&back, NULL, IN, 1), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "damaged"));
    assert_null(back.tensor);
    pare_model_release(&m);
    unlink(IN);
}

static int load_none(void *arg, const struct pare_model *m, size_t tensor)
{
    (void)arg;
    return pare_fail(PARE_EIO, "no more of '%s'", m->tensor[tensor].name);
}

static void a_failed_write_leaves_what_was_there(void **state)
{
    struct pare_model m, s;
    struct pare_model_file info;

    (void)state;
    make_model(&m, 2, 3);
    assert_int_equal(pare_model_write(IN, &m, NULL), 0);
    assert_int_equal(pare_model_write(OUT, &m, NULL), 0);
    open_stream(&s, &info);
    assert_int_equal(pare_model_write("/dev/full", &s, NULL), PARE_EIO);
    s.loader.load = load_none; /* its digest is known: it fails later */
    assert_int_equal(pare_model_write(OUT, &s, NULL), PARE_EIO);
    assert_string_equal(pare_error(), "no more of 'a.weight'");
    assert_true(s.tensor[0].away);
    assert_same_file(IN, OUT);
    assert_int_equal(access(OUT ".pare-tmp", F_OK), -1);
    pare_model_file_release(&info, s.n_tensors);
    pare_model_release(&s);
    pare_model_release(&m);
    unlink(IN);
    unlink(OUT);
}

static void assert_same_tensor(const struct pare_tensor *a,
                               const struct pare_tensor *b)
{
    assert_memory_equal(a->value, b->value, a->n * sizeof(float));
    assert_int_equal(!a->mask, !b->mask);
    if (a->mask)
        assert_memory_equal(a->mask, b->mask, a->n);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->quant.kind, b->quant.kind);
    assert_int_equal(a->quant.n_book, b->quant.n_book);
    assert_int_equal(a->quant.n_scale, b->quant.n_scale);
    if (a->quant.n_book)
        assert_memory_equal(a->quant.book, b->quant.book,
                            a->quant.n_book * sizeof(float));
    if (a->quant.n_scale)
        assert_memory_equal(a->quant.scale, b->quant.scale,
                            a->quant.n_scale * sizeof(float));
}

/* Twice over, as the digest and the writer load. */
static void it_is_quantised_as_in_memory(void **state)
{
    static const struct {
        const char *way;
        double amount;
        bool prune_zeros;
    } row[] = {{"fp16", 0, false},
               {"uniform", 3, true},
               {"uniform", 5, false},
               {"int8", 0, true},
               {"codebook", 8, false}};

    (void)state;
    for (size_t k = 0; k < 3 * sizeof row / sizeof *row; k++) {
        struct pare_quantize_options o;
        struct pare_quantize_report a = {0}, b = {0};
        struct pare_model_file info;
        struct pare_model m, s;

        make_model(&m, 2, k % 3 == 1 ? 3 : k % 3 == 2 ? 100 : 0);
        assert_int_equal(pare_model_write(IN, &m, NULL), 0);
        open_stream(&s, &info);
        pare_quantize_defaults(&o);
        o.way = pare_quantize_way_find(row[k / 3].way);
        o.amount = row[k / 3].amount;
        o.prune_zeros = row[k / 3].prune_zeros;
        o.kind = o.way->codebook ? PARE_LEVELS_COUNT
                 : o.way->steps  ? PARE_LEVELS_BITS
                                 : PARE_LEVELS_FIXED;
        if (pare_quantize(&a, &m, &o) != 0 || pare_quantize(&b, &s, &o) != 0)
            fail_msg("%s", pare_error());
        assert_int_equal(a.n_rows, b.n_rows);
        assert_int_equal(a.pruned, b.pruned);
        assert_true(a.pruned > 0 || !o.prune_zeros || o.way->steps == false);
        for (size_t t = 0; t < 2 * m.n_tensors; t++) {
            const size_t i = t % m.n_tensors;

            assert_int_equal(t % 3 ? pare_tensor_load(&s, i)
                                   : pare_tensor_load_mask(&s, i),
                             0);
            if (t % 3 || s.tensor[i].value)
                assert_same_tensor(&m.tensor[i], &s.tensor[i]);
            pare_tensor_drop(&s, i);
        }
        pare_quantize_report_release(&a);
        pare_quantize_report_release(&b);
        pare_model_file_release(&info, s.n_tensors);
        pare_model_release(&s);
        pare_model_release(&m);
    }
    unlink(IN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_tensors_are_those_of_the_file),
        cmocka_unit_test(it_is_written_to_the_same_bytes),
        cmocka_unit_test(a_model_with_state_is_read_whole),
        cmocka_unit_test(the_limit_is_of_bytes_of_values),
        cmocka_unit_test(a_damaged_tensor_is_found_on_opening),
        cmocka_unit_test(it_is_quantised_as_in_memory),
        cmocka_unit_test(a_failed_write_leaves_what_was_there),
    };

    return run_group(tests);
}
