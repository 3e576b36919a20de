#include "compact_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gaps.h"
#include "model_io.h"
#include "stats.h"
#include "text_twin.h"

#define FILE_NAME "test_compact_file.h5"

static const char large[] = "in(20000) linear(20000) relu linear(3)";
static const char huge[] = "in(1000000) linear(300000) relu linear(3)";

static int read_bytes(struct pare_model *m, struct pare_model_file *info,
                      const void *bytes, size_t n, bool walk)
{
    struct pare_h5 *h = NULL;
    int err = pare_h5_open(&h, bytes, n, "image");

    if (!err)
        err = walk ? pare_model_walk(m, info, h, n)
                   : pare_model_parse(m, info, h, n);
    pare_h5_close(h);
    return err;
}

/* ---- gaps ------------------------------------------------------------- */

static void a_gap_has_one_encoding(void **state)
{
    static const uint64_t v[] = {
        0,         1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63,
        UINT64_MAX};
    static const uint8_t overlong[] = {0x80, 0x00};
    static const uint8_t eleven[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0x01};
    static const uint8_t above[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0x02};
    uint8_t b[PARE_GAP_MAX];
    const uint8_t *at;
    uint64_t back = 0;

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        size_t n = pare_gap_put(b, v[i]);

        assert_int_equal(n, pare_gap_size(v[i]));
        at = b;
        assert_int_equal(pare_gap_get(&back, &at, b + n), 0);
        assert_true(back == v[i] && at == b + n);
        at = b;
        assert_int_equal(pare_gap_get(&back, &at, b + n - 1), PARE_EFORMAT);
    }
    at = overlong;
    assert_int_equal(pare_gap_get(&back, &at, at + 2), PARE_EFORMAT);
    at = eleven;
    assert_int_equal(pare_gap_get(&back, &at, at + 11), PARE_EFORMAT);
    at = above;
    assert_int_equal(pare_gap_get(&back, &at, at + 10), PARE_EFORMAT);
}

/* ---- the same bytes --------------------------------------------------- */

static void *contents(size_t *n, const char *path)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(1 << 22);

    assert_non_null(f);
    assert_non_null(bytes);
    *n = fread(bytes, 1, 1 << 22, f);
    fclose(f);
    return bytes;
}

static void a_compact_tensor_makes_the_file_of_its_mask(void **state)
{
    static const unsigned one_in[] = {1, 3, 20, 40, 1000, 1u << 16};

    (void)state;
    for (size_t i = 0; i < sizeof one_in / sizeof *one_in; i++) {
        char weights[PARE_DIGEST_LEN], whole[PARE_DIGEST_LEN];
        char weights2[PARE_DIGEST_LEN], whole2[PARE_DIGEST_LEN];
        void *a = NULL, *b = NULL, *c;
        struct pare_model m;
        size_t n, k;

        fixture_rich(&m, "in(301) linear(200) relu linear(10)", one_in[i]);
        assert_non_null(pare_model_begin_scores(&m, "movement"));
        fixture_rewiring(&m);
        assert_int_equal(pare_digest_both(weights, whole, &m), 0);
        assert_int_equal(pare_model_image(&a, &n, &m, NULL), 0);
        for (size_t t = 0; t < m.n_tensors; t++)
            assert_int_equal(pare_tensor_compact(&m, t), 0);
        assert_non_null(m.tensor[0].pattern);
        assert_int_equal(pare_digest_both(weights2, whole2, &m), 0);
        assert_string_equal(weights, weights2);
        assert_string_equal(whole, whole2);
        assert_int_equal(pare_model_image(&b, &k, &m, NULL), 0);
        assert_int_equal(n, k);
        assert_memory_equal(a, b, n);
        assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), 0);
        c = contents(&k, FILE_NAME);
        assert_int_equal(n, k);
        assert_memory_equal(a, c, n);
        free(a);
        free(b);
        free(c);
        pare_model_release(&m);
    }
}

static void a_full_pattern_is_dropped_as_a_full_mask_is(void **state)
{
    struct pare_model m;

    (void)state;
    fixture_rich(&m, "in(30) linear(20)", 1);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_non_null(m.tensor[0].pattern);
    pare_model_drop_full_masks(&m);
    assert_null(m.tensor[0].pattern);
    assert_null(m.tensor[0].mask);
    assert_int_equal(m.tensor[0].n, 600);
    pare_model_release(&m);
}

/* ---- there and back --------------------------------------------------- */

/* Write a model, read it, and write it again; in all ways there are. */
static void round_trip(const char *text, uint64_t n, enum pare_encoding want)
{
    struct pare_model m, back = {0}, walk = {0}, copy = {0};
    struct pare_model_file info = {0};
    void *a = NULL, *b = NULL;
    size_t size, k;

    fixture_compact(&m, text, n);
    fixture_rewiring(&m);
    assert_int_equal(pare_model_image(&a, &size, &m, NULL), 0);
    if (read_bytes(&back, &info, a, size, false) != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(info.stored[0].encoding, want);
    assert_true(info.stored[0].mask_bytes > 0);
    assert_int_equal(info.n_unknown, 0);
    assert_non_null(back.tensor[0].pattern);
    for (size_t t = 1; t < m.n_tensors; t++) /* small: they have masks */
        assert_int_equal(pare_tensor_expand(&m, t), 0);
    assert_same_compact(&m, &back);
    assert_int_equal(pare_model_image(&b, &k, &back, NULL), 0);
    assert_int_equal(size, k);
    assert_memory_equal(a, b, k);
    pare_model_file_release(&info, m.n_tensors);
    assert_int_equal(read_bytes(&walk, NULL, a, size, true), 0);
    assert_int_equal(pare_model_write_limit(FILE_NAME, &m, NULL, 1), 0);
    assert_int_equal(pare_model_read(&copy, NULL, FILE_NAME), 0);
    assert_same_compact(&m, &copy);
    free(a);
    free(b);
    pare_model_release(&m);
    pare_model_release(&back);
    pare_model_release(&walk);
    pare_model_release(&copy);
}

static void a_large_layer_comes_back_compact(void **state)
{
    (void)state;
    round_trip(large, 5000, PARE_ENC_INDEX);
}

static void a_layer_of_more_than_2_32_positions_comes_back(void **state)
{
    (void)state;
    round_trip(huge, 400000, PARE_ENC_ROWS);
    round_trip("in(65537) linear(65536,bias=no)", 1, PARE_ENC_ROWS);
}

static int findings;
static char finding[1024];

static void note(void *arg, const char *line)
{
    (void)arg;
    findings++;
    snprintf(finding, sizeof finding, "%s", line);
}

static void a_huge_layer_is_checked_and_counted(void **state)
{
    struct pare_stats_row *row;
    struct pare_model m;
    uint64_t kept = 0, total = 0;
    size_t n;

    (void)state;
    fixture_compact(&m, huge, 1000);
    fixture_rewiring(&m);
    findings = 0;
    assert_int_equal(pare_model_check(&m, note, NULL), 0);
    assert_int_equal(findings, 0);
    m.tensor[0].value[17] = NAN;
    assert_int_equal(pare_model_check(&m, note, NULL), 1);
    m.tensor[0].value[17] = 1;
    m.training.epoch = 4; /* the record is of epoch 5 */
    assert_int_equal(pare_model_check(&m, note, NULL), 1);
    pare_model_count(&m, &kept, &total);
    assert_true(total == 300000 * 1000003ull);
    assert_int_equal(pare_stats(&row, &n, &m), 0);
    assert_true(row[0].params == 300000 * 1000001ull);
    assert_true(row[0].prunable == 300000 * 1000000ull);
    assert_int_equal(row[0].prunable_kept, m.tensor[0].n);
    assert_true(row[0].dead_inputs >= 999000 && row[0].dead_inputs < 1000000);
    assert_true(row[0].dead_outputs >= 299000 && row[0].dead_outputs < 300000);
    free(row);
    assert_int_equal(pare_model_keep_undo(&m), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "fc1"));
    pare_model_release(&m);
}

/* ---- versions and digests --------------------------------------------- */

static int64_t version_of(const struct pare_model *m)
{
    struct pare_h5 *h = NULL;
    int64_t version = 0;
    void *a = NULL;
    size_t n;

    assert_int_equal(pare_model_image(&a, &n, m, NULL), 0);
    assert_int_equal(pare_h5_open(&h, a, n, "image"), 0);
    assert_int_equal(pare_h5_attr_i64(&version, h, "/", "format_version"), 0);
    pare_h5_close(h);
    free(a);
    return version;
}

static void any_new_state_is_version_4_and_in_the_digest(void **state)
{
    char was[PARE_DIGEST_LEN], is[PARE_DIGEST_LEN];
    struct pare_model m;

    (void)state;
    for (int i = 0; i < 7; i++) {
        const uint64_t at = 7;
        float v = 1, *slot[PARE_SLOTS_MAX] = {&v};
        struct pare_rewiring r = {.epoch = 1, .tensor = 0, .times = 1};

        fixture_rich(&m, "in(30) linear(20)", 40);
        assert_int_equal(version_of(&m), 1);
        assert_int_equal(pare_digest_state(was, &m), 0);
        if (i == 0)
            strcpy(m.training.dialect, "set");
        if (i == 1)
            strcpy(m.init.sparse, "exact,density=0.1");
        if (i == 2)
            m.tensor[0].target = 9;
        if (i == 3)
            pare_marks_set(&m.tensor[0].removed, &at, 1, NULL);
        if (i == 4)
            pare_marks_set(&m.tensor[0].added, &at, 1, NULL);
        if (i == 5)
            pare_model_add_rewiring(&m, &r);
        if (i == 6)
            pare_marks_set(&m.tensor[0].removed, &at, 1, slot);
        assert_int_equal(version_of(&m), 4);
        assert_int_equal(pare_digest_state(is, &m), 0);
        assert_string_not_equal(was, is);
        pare_model_release(&m);
    }
}

static void a_dialect_may_have_state_under_the_mask(void **state)
{
    struct pare_model m, back = {0};
    void *a = NULL;
    size_t n, i = 0;

    (void)state;
    fixture_rich(&m, "in(30) linear(20)", 3);
    pare_model_drop_checkpoint(&m, "init");
    while (m.tensor[0].mask[i])
        i++;
    findings = 0;
    assert_int_equal(pare_model_check(&m, note, NULL), 0);
    assert_int_equal(findings, 0);
    m.optim.slot[0][0][i] = 0.5f;
    assert_int_equal(pare_model_check(&m, note, NULL), 1);
    strcpy(m.training.dialect, "numenta");
    findings = 0;
    assert_int_equal(pare_model_check(&m, note, NULL), 0);
    assert_int_equal(findings, 1); /* it is told */
    assert_non_null(strstr(finding, "dialect numenta"));
    assert_int_equal(pare_model_image(&a, &n, &m, NULL), 0);
    assert_int_equal(read_bytes(&back, NULL, a, n, false), 0);
    assert_same_model(&m, &back);
    assert_true(back.optim.slot[0][0][i] == 0.5f);
    m.tensor[0].value[i] = 1; /* weights are 0 all the same */
    assert_int_equal(pare_model_check(&m, note, NULL), 1);
    strcpy(m.training.dialect, "klingon");
    m.tensor[0].value[i] = 0;
    assert_int_equal(pare_model_check(&m, note, NULL), 2);
    free(a);
    pare_model_release(&m);
    pare_model_release(&back);
}

/* ---- the text twin ---------------------------------------------------- */

static char *text_of(const struct pare_model *m)
{
    char *text = NULL, *copy;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    assert_int_equal(pare_text_print(f, m), 0);
    fclose(f);
    copy = strdup(text);
    free(text);
    return copy;
}

static int from_text(struct pare_model *m, char *text)
{
    FILE *f = fmemopen(text, strlen(text), "r");
    int err = pare_text_parse(m, f, "text");

    fclose(f);
    return err;
}

static void the_text_twin_says_all_of_it(void **state)
{
    static const char *const net[] = {"in(30) linear(20) relu linear(9)", large,
                                      huge};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct pare_model m, back = {0};
        void *a = NULL, *b = NULL;
        size_t n, k;
        char *text;

        fixture_compact(&m, net[i], 100);
        fixture_rewiring(&m);
        text = text_of(&m);
        if (from_text(&back, text) != 0)
            fail_msg("%s", pare_error());
        assert_true((back.tensor[0].pattern != NULL) == (i > 0));
        assert_int_equal(pare_model_image(&a, &n, &m, NULL), 0);
        assert_int_equal(pare_model_image(&b, &k, &back, NULL), 0);
        assert_int_equal(n, k);
        assert_memory_equal(a, b, n);
        free(a);
        free(b);
        free(text);
        pare_model_release(&m);
        pare_model_release(&back);
    }
}

static void bad_lines_of_the_twin_are_named(void **state)
{
    static const struct {
        const char *line, *says;
    } row[] = {
        {"target fc1.weight 0", "a target of 0"},
        {"target fc1.bias 3", "not a weight"},
        {"target fc1.weight 601", "601"},
        {"removed fc1.weight 2\n  5 5", "does not ascend"},
        {"removed fc1.weight 2\n  5", "1 indices, not the 2"},
        {"removed fc1.weight 1\n  600", "600"},
        {"added-slot 0 fc1.weight\n  1", "no line 'added'"},
        {"added fc1.weight 1\n  5\nadded-slot 2 fc1.weight\n  1", "2"},
        {"rewiring 1 fc1.weight 1 10 11 0 0 0", "more connections removed"},
        {"rewiring 2 fc1.weight 1 1 1 1 1 1\nrewiring 2 fc1.weight 1 1 1 1 1 1",
         "not in order"},
        {"rewiring 2 fc1.weight 1 1 1 1 1", "text:"},
    };
    struct pare_model m, back = {0};
    char *text, *end, *all;

    (void)state;
    fixture_rich(&m, "in(30) linear(20)", 3);
    text = text_of(&m);
    end = strstr(text, "\nend\n");
    assert_non_null(end);
    all = malloc(strlen(text) + 200);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sprintf(all, "%.*s\n%s\nend\n", (int)(end - text), text, row[i].line);
        assert_int_equal(from_text(&back, all), PARE_EFORMAT);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].line, pare_error());
    }
    free(all);
    free(text);
    pare_model_release(&m);
}

/* ---- forged files ----------------------------------------------------- */

/* All but the weights of fc1, the only layer. */
static void write_head(struct pare_h5w *w, const struct pare_model *m,
                       const char *weights, const char *whole)
{
    float scale = 1;
    char *text;

    assert_int_equal(pare_training_text(&text, m), 0);
    pare_h5w_attr_text(w, "/", "format", "pare-model");
    pare_h5w_attr_i64(w, "/", "format_version", 4);
    pare_h5w_attr_text(w, "/", "layout", "plain");
    pare_h5w_attr_text(w, "/", "weights", weights);
    pare_h5w_attr_text(w, "/", "state", whole);
    pare_h5w_text(w, "/arch", m->arch.text);
    pare_h5w_text(w, "/training", text);
    pare_h5w_group(w, "/input");
    pare_h5w_attr_i64(w, "/input", "classes", 0);
    pare_h5w_data(w, "/input/scale", PARE_H5_F32, 0, NULL, &scale, false);
    pare_h5w_group(w, "/layers");
    pare_h5w_group(w, "/layers/fc1");
    free(text);
}

static void write_axes(struct pare_h5w *w)
{
    pare_h5w_attr_text(w, "/layers/fc1/weight.kept", "out_axis", "0");
    pare_h5w_attr_text(w, "/layers/fc1/weight.kept", "in_axis", "1");
}

/* Few bits of many, which pare itself would write as positions. */
static void a_bitmap_is_read_into_a_pattern(void **state)
{
    static const uint64_t flat[] = {0, 7, 8, 16399, 16400, 268959999};
    const size_t kept = 6, size = 268960000 / 8;
    char weights[PARE_DIGEST_LEN], whole[PARE_DIGEST_LEN];
    uint8_t *bits = calloc(1, size);
    struct pare_arch arch = {0};
    struct pare_model m = {0};
    struct pare_pattern *p = NULL;

    (void)state;
    assert_non_null(bits);
    assert_int_equal(pare_arch_parse(&arch, "in(16400) linear(16400,bias=no)"),
                     0);
    assert_int_equal(pare_model_lay(&m, &arch), 0);
    assert_int_equal(pare_pattern_of_flat(&p, flat, kept, 16400, 16400), 0);
    m.tensor[0].pattern = p;
    assert_int_equal(pare_model_allocate(&m), 0);
    for (size_t i = 0; i < kept; i++) {
        bits[flat[i] / 8] |= (uint8_t)(1u << flat[i] % 8);
        m.tensor[0].value[i] = (float)i;
    }
    assert_int_equal(pare_digest_both(weights, whole, &m), 0);
    for (int fault = 0; fault < 2; fault++) {
        struct pare_model back = {0};
        struct pare_h5w *w;
        void *bytes;
        size_t n;
        int err;

        bits[1000] = (uint8_t)fault;
        assert_int_equal(pare_h5w_new(&w, NULL), 0);
        write_head(w, &m, weights, whole);
        pare_h5w_mask(w, "/layers/fc1/weight.mask", PARE_H5_U8, size, bits);
        pare_h5w_data(w, "/layers/fc1/weight.kept", PARE_H5_F32, 1, &kept,
                      m.tensor[0].value, false);
        write_axes(w);
        assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
        pare_h5w_free(w);
        err = read_bytes(&back, NULL, bytes, n, false);
        if (fault) {
            assert_int_equal(err, PARE_EFORMAT);
            assert_non_null(strstr(pare_error(), "7 positions for 6 kept"));
        } else {
            assert_int_equal(err, 0);
            assert_true(pare_pattern_same(back.tensor[0].pattern, p));
        }
        pare_model_release(&back);
        free(bytes);
    }
    free(bits);
    pare_model_release(&m);
}

#define OUT 65536
#define IN  65537

#define IS(name) (strcmp(fault, name) == 0)

/* The gaps of that model; how many bytes they are. */
static size_t forge_gaps(uint8_t gaps[16], const char *fault)
{
    static const uint8_t good[6] = {0, 4, 0x80, 0x80, 0x04, 0};

    memcpy(gaps, good, sizeof good);
    if (IS("far"))
        gaps[2] = 0x81;
    if (IS("eleven")) {
        memset(gaps + 2, 0xff, 10);
        gaps[12] = 1;
        return 13;
    }
    if (IS("overflow")) { /* 2^64 - 1: the next column would be 0 */
        memset(gaps + 1, 0xff, 9);
        gaps[10] = 1;
        gaps[11] = 0;
        return 12;
    }
    return IS("left over") ? 6 : IS("cut off") ? 4 : 5;
}

/* A model of IN inputs and OUT outputs with entries (0,0), (0,5), (2,IN-1),
 * written by hand with a choice of one fault. */
static int read_forged(const char *fault)
{
    static const char zeros[] = "00000000000000000000000000000000";
    static uint64_t rows[OUT + 1];
    static const float value[4] = {1, 2, 3, 4};
    uint8_t gaps[16];
    struct pare_arch arch = {0};
    struct pare_model m = {0}, back = {0};
    struct pare_h5w *w;
    struct pare_model_file info = {0};
    size_t n_rows = OUT + 1, n_gaps, kept = 3, n;
    void *bytes;
    int err;

    rows[0] = IS("begin");
    rows[1] = rows[2] = 2;
    for (size_t i = 3; i <= OUT; i++)
        rows[i] = 3;
    rows[2] = IS("fall") ? 1 : 2;
    rows[OUT] = IS("sum") ? 4 : 3;
    n_rows -= IS("short");
    kept += IS("kept");
    n_gaps = forge_gaps(gaps, fault);
    assert_int_equal(pare_arch_parse(&arch, "in(65537) linear(65536,bias=no)"),
                     0);
    assert_int_equal(pare_model_lay(&m, &arch), 0);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    write_head(w, &m, zeros, zeros);
    if (!IS("dense") && !IS("index"))
        pare_h5w_data(w, "/layers/fc1/weight.rows", PARE_H5_U64, 1, &n_rows,
                      rows, true);
    if (!IS("dense") && !IS("index") && !IS("no gaps"))
        pare_h5w_data(w, "/layers/fc1/weight.gaps", PARE_H5_U8, 1, &n_gaps,
                      gaps, false);
    if (IS("index") || IS("two"))
        pare_h5w_data(w, "/layers/fc1/weight.index", PARE_H5_U32, 1, &kept,
                      value, false);
    pare_h5w_data(
        w, IS("dense") ? "/layers/fc1/weight" : "/layers/fc1/weight.kept",
        PARE_H5_F32, 1, &kept, value, false);
    write_axes(w);
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    err = read_bytes(&back, &info, bytes, n, false);
    pare_model_file_release(&info, 1);
    free(bytes);
    pare_model_release(&m);
    pare_model_release(&back);
    return err;
}

static void forged_positions_are_refused_for_their_fault(void **state)
{
    static const struct {
        const char *fault, *says;
        int code;
    } row[] = {
        {"none", "weights do not match", PARE_EFORMAT}, /* in order else */
        {"begin", "does not begin with 0", PARE_EFORMAT},
        {"fall", "falls at row 1", PARE_EFORMAT},
        {"sum", "4 positions for 3 kept values", PARE_EFORMAT},
        {"short", "holds 65536 values, expected 65537", PARE_EFORMAT},
        {"kept", "3 positions for 4 kept values", PARE_EFORMAT},
        {"left over", "1 bytes too many", PARE_EFORMAT},
        {"cut off", "a gap is cut off", PARE_EFORMAT},
        {"far", "row 2: a column lies outside", PARE_EFORMAT},
        {"eleven", "longer than it may be", PARE_EFORMAT},
        {"overflow", "row 0: a column lies outside", PARE_EFORMAT},
        {"no gaps", "weight.gaps' is missing", PARE_EFORMAT},
        {"index", "not that of its size", PARE_EFORMAT},
        {"two", "has two masks", PARE_EFORMAT},
        {"dense", "'/layers/fc1/weight' has more than 2^32", PARE_ELIMIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int err = read_forged(row[i].fault);

        if (err != row[i].code || !strstr(pare_error(), row[i].says))
            fail_msg("%s: %d, %s", row[i].fault, err, pare_error());
    }
}

/* Rewire a model with one fault that its writer does not look for. */
static int read_rewired(const char *fault)
{
    struct pare_model m, back = {0};
    struct pare_tensor *t;
    void *a = NULL;
    size_t n;
    int err;

    fixture_compact(&m, "in(30) linear(20) relu linear(9)", 50);
    fixture_rewiring(&m);
    t = &m.tensor[0];
    if (IS("target"))
        t->target = 601;
    if (IS("order"))
        m.rewiring[1].epoch = 2;
    if (IS("counts"))
        m.rewiring[1].removed = UINT64_MAX;
    if (IS("survived"))
        m.rewiring[1].survived = 10;
    if (IS("tensor"))
        m.rewiring[1].tensor = 1;
    if (IS("outside"))
        t->removed.at[2] = 600;
    if (IS("ascend")) /* its gap wraps round */
        t->removed.at[1] = 0;
    if (IS("bias"))
        assert_int_equal(pare_marks_copy(&m.tensor[1].added, &t->removed), 0);
    assert_int_equal(pare_model_image(&a, &n, &m, NULL), 0);
    err = read_bytes(&back, NULL, a, n, false);
    free(a);
    pare_model_release(&m);
    pare_model_release(&back);
    return err;
}

static void forged_rewiring_is_refused_for_its_fault(void **state)
{
    static const struct {
        const char *fault, *says;
    } row[] = {
        {"target", "'/rewiring/targets', row 1: fc1.weight grows back to 601"},
        {"order", "'/rewiring/record', row 2: rows of rewiring are not"},
        {"counts", "'/rewiring/record', row 2: more connections"},
        {"survived", "'/rewiring/record', row 2: more connections"},
        {"tensor", "no weight is called 'fc1.bias'"},
        {"outside", "'/rewiring/removed/fc1.weight': a position lies outside"},
        {"ascend", "'/rewiring/removed/fc1.weight': a position lies outside"},
        {"bias", "'/rewiring/added/fc1.bias'"},
    };

    (void)state;
    assert_int_equal(read_rewired("none"), 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int err = read_rewired(row[i].fault);

        if (err != PARE_EFORMAT || !strstr(pare_error(), row[i].says))
            fail_msg("%s: %d, %s", row[i].fault, err, pare_error());
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
        cmocka_unit_test(a_gap_has_one_encoding),
        cmocka_unit_test(a_compact_tensor_makes_the_file_of_its_mask),
        cmocka_unit_test(a_full_pattern_is_dropped_as_a_full_mask_is),
        cmocka_unit_test(a_large_layer_comes_back_compact),
        cmocka_unit_test(a_layer_of_more_than_2_32_positions_comes_back),
        cmocka_unit_test(a_huge_layer_is_checked_and_counted),
        cmocka_unit_test(any_new_state_is_version_4_and_in_the_digest),
        cmocka_unit_test(a_dialect_may_have_state_under_the_mask),
        cmocka_unit_test(the_text_twin_says_all_of_it),
        cmocka_unit_test(bad_lines_of_the_twin_are_named),
        cmocka_unit_test(a_bitmap_is_read_into_a_pattern),
        cmocka_unit_test(forged_positions_are_refused_for_their_fault),
        cmocka_unit_test(forged_rewiring_is_refused_for_its_fault),
    };

    return cmocka_run_group_tests(tests, NULL, clean) != 0;
}
