#include "extra_fixture.h"

#include <unistd.h>

#include "atomic.h"
#include "compact_fixture.h"
#include "model_file.h"
#include "model_io.h"

#define PACKED "test_packed.h5"
#define PLAIN  "test_packed-plain.h5"
#define OTHER  "test_packed-other.h5"

static void *contents(size_t *n, const char *path)
{
    void *bytes = NULL;

    if (pare_read_file(&bytes, n, path, 1u << 30) != 0)
        fail_msg("%s", pare_error());
    return bytes;
}

static void assert_same_file(const char *a, const char *b)
{
    size_t na, nb;
    void *x = contents(&na, a), *y = contents(&nb, b);

    assert_int_equal(na, nb);
    assert_memory_equal(x, y, na);
    free(x);
    free(y);
}

/* ---- there and back --------------------------------------------------- */

/* Packed and read again, a model makes the plain file that it made before. */
static void assert_survives(const struct pare_model *m, int level)
{
    struct pare_model back = {0};
    struct pare_model_file wrote = {0}, read = {0};

    assert_int_equal(pare_model_write(PLAIN, m, NULL), 0);
    if (pare_model_write_packed(PACKED, m, level, 1, &wrote) != 0 ||
        pare_model_read(&back, &read, PACKED) != 0)
        fail_msg("%s", pare_error());
    assert_true(read.packed && wrote.packed);
    assert_int_equal(read.n_unknown, 0);
    assert_string_equal(wrote.state, read.state);
    assert_int_equal(wrote.bytes, read.bytes);
    assert_memory_equal(wrote.stored, read.stored,
                        m->n_tensors * sizeof *read.stored);
    assert_int_equal(pare_model_write(OTHER, &back, NULL), 0);
    assert_same_file(PLAIN, OTHER);
    assert_int_equal(pare_model_write_packed(OTHER, m, level, 3, NULL), 0);
    assert_same_file(PACKED, OTHER);
    pare_model_file_release(&wrote, 0);
    pare_model_file_release(&read, 0);
    pare_model_release(&back);
}

static void every_kind_of_model_comes_back(void **state)
{
    static const char *const nets[] = {
        "in(60) linear(30) batchnorm relu linear(2)",
        "in(1,28,28) conv2d(4,5) batchnorm2d relu maxpool(2) linear(10)",
        "weights a.weight(30x78) a.bias(30) b.weight(10x30) c.weight(3x4x5)"};
    static const unsigned one_in[] = {0, 1, 3, 40, 100000};
    struct pare_model m;

    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < 5; i++) {
            if (k < 2)
                fixture_rich(&m, nets[k], one_in[i]);
            else
                fixture_plain(&m, nets[k]);
            if (k == 2 && one_in[i])
                fixture_prune(&m, one_in[i]);
            assert_survives(&m, i == 0 ? 9 : i == 1 ? 1 : 6);
            pare_model_release(&m);
        }
    fixture_extra(&m, nets[0]);
    assert_survives(&m, 6);
    pare_model_release(&m);
    fixture_rich(&m, nets[0], 4);
    fixture_rewiring(&m);
    assert_survives(&m, 6);
    pare_model_release(&m);
}

/* A dialect may have optimiser state under the masks. */
static void dense_state_comes_back(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_rich(&m, "in(60) linear(30) relu linear(2)", 4);
    strcpy(m.training.dialect, "numenta");
    for (size_t i = 0; i < m.tensor[0].n; i++)
        m.optim.slot[0][0][i] = (float)i + 0.5f;
    assert_survives(&m, 6);
    pare_model_release(&m);
}

static void a_compact_layer_comes_back(void **state)
{
    static const char *const nets[] = {"in(20000) linear(20000) linear(3)",
                                       "in(300000) linear(100000) linear(3)"};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct pare_model m, walk = {0};
        struct pare_h5 *h = NULL;
        size_t n;
        void *bytes;

        fixture_compact(&m, nets[k], 5000);
        fixture_rewiring(&m);
        assert_survives(&m, 6);
        bytes = contents(&n, PACKED);
        assert_int_equal(pare_h5_open(&h, bytes, n, "image"), 0);
        if (pare_model_walk(&walk, NULL, h, n) != 0)
            fail_msg("%s", pare_error());
        pare_h5_close(h);
        free(bytes);
        pare_model_release(&walk);
        pare_model_release(&m);
    }
}

static void what_a_user_added_comes_back(void **state)
{
    struct pare_h5_item item = {.kind = 'f', .size = 8, .rank = 1, .count = 2};
    const double v[2] = {1.5, -0.0};
    struct pare_model m, back = {0};
    struct pare_model_file about = {0};
    struct pare_h5w *w;
    void *bytes;
    size_t n;

    (void)state;
    fixture_rich(&m, "in(4) linear(3)", 0);
    assert_int_equal(pare_digest_both(about.weights, about.state, &m), 0);
    about.stored = calloc(m.n_tensors, sizeof *about.stored);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_model_build(w, &m, &about), 0);
    assert_int_equal(pare_h5w_group(w, "/user"), 0);
    assert_int_equal(pare_h5w_item(w, "/user/note", &item, v), 0);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_atomic_write(PLAIN, bytes, n), 0);
    assert_int_equal(pare_model_read(&back, NULL, PLAIN), 0);
    assert_true(back.user_size > 0);
    assert_survives(&back, 6);
    free(bytes);
    free(about.stored);
    pare_model_release(&m);
    pare_model_release(&back);
}

static void set_levels(struct pare_quant *q, enum pare_quant_kind kind)
{
    q->kind = kind;
    q->n_book = 3;
    q->book = malloc(3 * sizeof *q->book);
    assert_non_null(q->book);
    q->book[0] = -0.5f;
    q->book[1] = 0.125f;
    q->book[2] = 2;
}

static void types_and_levels_come_back(void **state)
{
    struct pare_model m, back = {0};

    (void)state;
    fixture_plain(&m, "weights a.weight(30x40) b.weight(30x40) "
                      "c.weight(30x40) d.weight(30x40) e.weight(30x40)");
    fixture_prune(&m, 3);
    pare_dtype_round(m.tensor[0].value, m.tensor[0].n, PARE_F16);
    m.tensor[0].dtype = PARE_F16;
    pare_dtype_round(m.tensor[1].value, m.tensor[1].n, PARE_BF16);
    m.tensor[1].dtype = PARE_BF16;
    set_levels(&m.tensor[2].quant, PARE_QUANT_CODEBOOK);
    set_levels(&m.tensor[3].quant, PARE_QUANT_UNIFORM);
    m.tensor[4].quant.kind = PARE_QUANT_INT8;
    m.tensor[4].quant.n_scale = 1;
    m.tensor[4].quant.scale = malloc(sizeof(float));
    m.tensor[4].quant.scale[0] = 0.01f;
    for (size_t t = 2; t < 5; t++)
        for (size_t i = 0; i < m.tensor[t].n; i++)
            if (m.tensor[t].mask[i])
                m.tensor[t].value[i] =
                    t < 4 ? m.tensor[t].quant.book[i % 3]
                          : (float)((int)(i % 255) - 127) * 0.01f;
    assert_survives(&m, 6);
    assert_int_equal(pare_model_read(&back, NULL, PACKED), 0);
    for (size_t t = 0; t < 5; t++) {
        const struct pare_quant *p = &m.tensor[t].quant;
        const struct pare_quant *q = &back.tensor[t].quant;

        assert_int_equal(m.tensor[t].dtype, back.tensor[t].dtype);
        assert_int_equal(p->kind, q->kind);
        assert_int_equal(p->n_book, q->n_book);
        assert_same_values(p->book, q->book, p->n_book);
        assert_int_equal(p->n_scale, q->n_scale);
        assert_same_values(p->scale, q->scale, p->n_scale);
    }
    pare_model_release(&m);
    pare_model_release(&back);
}

static void equal_tensors_are_stored_once(void **state)
{
    struct pare_model m;
    struct pare_model_file info = {0}, once = {0};

    (void)state;
    fixture_plain(&m, "weights a.weight(80x90) b.weight(80x90) "
                      "c.weight(90x80) d.weight(80x90)");
    fixture_prune(&m, 2);
    for (size_t t = 1; t < 4; t += 2) {
        memcpy(m.tensor[t].value, m.tensor[0].value,
               m.tensor[0].n * sizeof(float));
        memcpy(m.tensor[t].mask, m.tensor[0].mask, m.tensor[0].n);
    }
    assert_survives(&m, 6);
    assert_int_equal(pare_model_write_packed(PACKED, &m, 6, 1, &once), 0);
    assert_int_equal(once.stored[1].encoding, PARE_ENC_SAME);
    assert_int_equal(once.stored[3].encoding, PARE_ENC_SAME);
    assert_true(once.stored[2].encoding != PARE_ENC_SAME);
    m.tensor[3].value[m.tensor[3].n - 1] = 1; /* one bit is enough */
    m.tensor[3].mask[m.tensor[3].n - 1] = 1;
    assert_survives(&m, 6);
    assert_int_equal(pare_model_write_packed(PACKED, &m, 6, 1, &info), 0);
    assert_true(info.stored[3].encoding != PARE_ENC_SAME);
    assert_true(info.bytes > once.bytes + 3600 * 3);
    pare_model_file_release(&info, 0);
    pare_model_file_release(&once, 0);
    pare_model_release(&m);
}

static void constant_tensors_cost_next_to_nothing(void **state)
{
    struct pare_model m;
    struct pare_model_file info = {0};

    (void)state;
    fixture_plain(&m, "weights a.weight(900x90) b.weight(90x900)");
    for (size_t i = 0; i < m.tensor[0].n; i++) {
        m.tensor[0].value[i] = 0.75f;
        m.tensor[1].value[i] = 0;
    }
    assert_survives(&m, 6);
    assert_int_equal(pare_model_write_packed(PACKED, &m, 6, 1, &info), 0);
    assert_int_equal(info.stored[0].encoding, PARE_ENC_ONE);
    assert_in_range(info.stored[0].value_bytes, 1, 32);
    assert_in_range(info.stored[1].value_bytes + info.stored[1].mask_bytes, 0,
                    32);
    assert_in_range(info.bytes, 1, 1500);
    pare_model_file_release(&info, 0);
    pare_model_release(&m);
}

/* 360 MB of zeros: readers give no file so much that is a kilobyte. */
static void what_packs_too_well_can_be_read(void **state)
{
    struct pare_model m = {0}, back = {0};
    struct pare_arch arch = {0};
    struct pare_model_file info = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "weights a.weight(9000x10000)"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_model_write_packed(PACKED, &m, 6, 1, NULL), 0);
    if (pare_model_read(&back, &info, PACKED) != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(info.n_unknown, 0);
    assert_in_range(info.bytes, 80000, 90000);
    pare_model_file_release(&info, 0);
    pare_model_release(&m);
    pare_model_release(&back);
}

/* Tensor by tensor the same bytes are written, and the same values read. */
static void streams_are_packed_alike(void **state)
{
    struct pare_model m, s = {0};

    (void)state;
    fixture_plain(&m, "weights a.weight(300x784) a.bias(300) b.weight(10x300)");
    fixture_prune(&m, 5);
    assert_int_equal(pare_model_write(PLAIN, &m, NULL), 0);
    assert_int_equal(pare_model_open_limit(&s, NULL, PLAIN, 1), 0);
    assert_true(pare_model_streams(&s));
    if (pare_model_write_packed(PACKED, &s, 6, 2, NULL) != 0)
        fail_msg("%s", pare_error());
    pare_model_release(&s);
    assert_int_equal(pare_model_write_packed(OTHER, &m, 6, 1, NULL), 0);
    assert_same_file(PACKED, OTHER);
    if (pare_model_open_limit(&s, NULL, PACKED, 1) != 0)
        fail_msg("%s", pare_error());
    assert_true(pare_model_streams(&s));
    assert_int_equal(pare_model_write(OTHER, &s, NULL), 0);
    assert_same_file(PLAIN, OTHER);
    pare_model_release(&s);
    pare_model_release(&m);
}

/* A directory of more than 64 kB lies outside of the header. */
static void the_attribute_may_be_large(void **state)
{
    struct pare_model m, back = {0};
    char arch[70000] = "weights", *end = arch + strlen(arch);

    (void)state;
    for (int i = 0; i < 2000; i++)
        end += sprintf(end, " a.t%d(4)", i);
    fixture_plain(&m, arch);
    assert_int_equal(m.n_tensors, 2000);
    for (size_t t = 0; t < m.n_tensors; t++)
        m.tensor[t].value[0] = (float)t;
    if (pare_model_write_packed(PACKED, &m, 6, 1, NULL) != 0 ||
        pare_model_read(&back, NULL, PACKED) != 0)
        fail_msg("%s", pare_error());
    assert_same_model(&m, &back);
    pare_model_release(&m);
    pare_model_release(&back);
}

static void metadata_stay_within_their_budget(void **state)
{
    static const size_t layers[] = {3, 40, 500};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct pare_model m;
        struct pare_model_file info = {0};
        char arch[20000] = "in(8)", *end = arch + strlen(arch);
        uint64_t coded = 0;

        for (size_t i = 0; i < layers[k]; i++)
            end += sprintf(end, " linear(8)");
        fixture_plain(&m, arch);
        fixture_prune(&m, 3);
        assert_int_equal(pare_model_write_packed(PACKED, &m, 9, 1, &info), 0);
        for (size_t t = 0; t < m.n_tensors; t++)
            coded += info.stored[t].mask_bytes + info.stored[t].value_bytes;
        if (info.bytes > coded + 350 * layers[k] + 1000)
            fail_msg("%zu layers: %llu bytes of %llu", layers[k],
                     (unsigned long long)info.bytes, (unsigned long long)coded);
        if (k == 0)
            assert_in_range(info.bytes - coded, 1, 1500);
        pare_model_file_release(&info, 0);
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_model_comes_back),
        cmocka_unit_test(dense_state_comes_back),
        cmocka_unit_test(a_compact_layer_comes_back),
        cmocka_unit_test(what_a_user_added_comes_back),
        cmocka_unit_test(types_and_levels_come_back),
        cmocka_unit_test(equal_tensors_are_stored_once),
        cmocka_unit_test(constant_tensors_cost_next_to_nothing),
        cmocka_unit_test(what_packs_too_well_can_be_read),
        cmocka_unit_test(streams_are_packed_alike),
        cmocka_unit_test(the_attribute_may_be_large),
        cmocka_unit_test(metadata_stay_within_their_budget),
    };
    int failed = run_group(tests);

    unlink(PACKED);
    unlink(PLAIN);
    unlink(OTHER);
    return failed;
}
