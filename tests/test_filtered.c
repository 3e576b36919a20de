#include "model_file.h"
#include "initializer.h"
#include "rng.h"
#include "status.h"
#include "unit.h"

#include <unistd.h>

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
    assert_int_equal(there_and_back(&m), PARE_ENC_BITMAP);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pruned_weight_comes_back),
        cmocka_unit_test(a_kept_zero_stays_kept),
        cmocka_unit_test(zeros_of_a_dense_weight_are_not_pruned),
        cmocka_unit_test(what_is_almost_empty_is_written_plainly),
        cmocka_unit_test(whole_files_reach_their_targets),
        cmocka_unit_test(sparser_files_reach_their_targets),
    };
    int fd = mkstemp(path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = run_group(tests);
    unlink(path);
    return failed;
}
