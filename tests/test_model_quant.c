#include "compact_fixture.h"
#include "levels_fixture.h"

#include <hdf5.h>
#include <unistd.h>

#include "atomic.h"
#include "model_copy.h"
#include "model_file.h"
#include "model_io.h"

#define FILE_NAME "test_model_quant.h5"
#define OUT_NAME  "test_model_quant-out.h5"

static const char small[] = "in(7) fc1=linear(40) relu fc2=linear(9) relu "
                            "fc3=linear(3)";

static void write_file(const struct pare_model *m)
{
    if (pare_model_write(FILE_NAME, m, NULL) != 0)
        fail_msg("%s", pare_error());
}

static int64_t version_of(void)
{
    int64_t v = 0;
    hid_t f = H5Fopen(FILE_NAME, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t a = H5Aopen(f, "format_version", H5P_DEFAULT);

    assert_true(H5Aread(a, H5T_NATIVE_INT64, &v) >= 0);
    H5Aclose(a);
    H5Fclose(f);
    return v;
}

/* The same, tensor by tensor. */
static void stream_round_trip(void **bytes, size_t *n)
{
    struct pare_model_file info = {0};
    struct pare_model m = {0};

    assert_int_equal(pare_model_open_limit(&m, &info, FILE_NAME, 1), 0);
    assert_true(pare_model_streams(&m));
    assert_int_equal(pare_model_write(OUT_NAME, &m, NULL), 0);
    assert_int_equal(pare_read_file(bytes, n, OUT_NAME, 1u << 30), 0);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    unlink(OUT_NAME);
}

/* Written, read and written again: the same model and the same bytes. */
static void assert_round_trip(const struct pare_model *m)
{
    struct pare_model_file info = {0};
    struct pare_model back = {0}, copy = {0};
    void *first, *second;
    size_t n_first, n_second;

    write_file(m);
    assert_int_equal(version_of(), 5);
    if (pare_model_read(&back, &info, FILE_NAME) != 0)
        fail_msg("%s", pare_error());
    assert_int_equal(info.n_unknown, 0);
    pare_model_file_release(&info, back.n_tensors);
    assert_same_levels(m, &back);
    assert_int_equal(pare_model_copy(&copy, &back), 0);
    assert_same_levels(m, &copy);
    assert_int_equal(pare_model_image(&first, &n_first, m, NULL), 0);
    assert_int_equal(pare_model_image(&second, &n_second, &copy, NULL), 0);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].n == back.tensor[t].n)
            assert_memory_equal(m->tensor[t].value, back.tensor[t].value,
                                m->tensor[t].n * sizeof(float));
    free(second);
    second = NULL;
    if (pare_tensor_positions(&m->tensor[0]) <= UINT32_MAX && !m->optim.spec[0])
        stream_round_trip(&second, &n_second);
    if (second) {
        assert_int_equal(n_first, n_second);
        assert_memory_equal(first, second, n_first);
    }
    free(first);
    free(second);
    pare_model_release(&back);
    pare_model_release(&copy);
    unlink(FILE_NAME);
}

static void every_kind_comes_back_dense_and_masked(void **state)
{
    struct pare_model m;

    (void)state;
    for (int kind = 0; kind < FIXTURE_KINDS; kind++)
        for (unsigned one_in = 0; one_in < 100; one_in += 3) {
            fixture_plain(&m, small);
            if (one_in)
                fixture_prune(&m, one_in);
            fixture_levels(&m, (enum fixture_kind)kind);
            assert_round_trip(&m);
            pare_model_release(&m);
            one_in = one_in == 3 ? 93 : one_in; /* 0, 3 and 96 */
        }
}

static void every_kind_comes_back_compact(void **state)
{
    struct pare_model m;

    (void)state;
    for (int kind = 0; kind < FIXTURE_KINDS; kind++) {
        fixture_compact(&m, "in(70) fc1=linear(90) relu fc2=linear(3)", 200);
        fixture_levels(&m, (enum fixture_kind)kind);
        assert_round_trip(&m);
        pare_model_release(&m);
    }
}

/* 2^33 positions and no mask: rows and gaps, and codes of what is there. */
static void a_huge_matrix_has_codes_beside_its_rows(void **state)
{
    struct pare_model m;

    (void)state;
    for (int kind = 0; kind < FIXTURE_F32; kind++) {
        fixture_compact(&m, "in(65536) fc1=linear(131072,bias=no)", 300);
        fixture_levels(&m, (enum fixture_kind)kind);
        if (kind != FIXTURE_ROWS) /* has 131,072 scales */
            assert_round_trip(&m);
        pare_model_release(&m);
    }
}

static void the_weights_digest_knows_values_alone(void **state)
{
    char plain[PARE_DIGEST_LEN], coded[PARE_DIGEST_LEN];
    char plain_state[PARE_DIGEST_LEN], coded_state[PARE_DIGEST_LEN];
    struct pare_model m;

    (void)state;
    fixture_plain(&m, small);
    fixture_levels(&m, FIXTURE_BOOK);
    assert_int_equal(pare_digest_both(coded, coded_state, &m), 0);
    m.tensor[0].quant.kind = PARE_QUANT_UNIFORM;
    assert_int_equal(pare_digest_both(plain, plain_state, &m), 0);
    assert_string_equal(plain, coded);
    assert_string_not_equal(plain_state, coded_state);
    for (size_t t = 0; t < m.n_tensors; t++)
        pare_levels_forget(&m.tensor[t]);
    assert_int_equal(pare_digest_both(plain, plain_state, &m), 0);
    assert_string_equal(plain, coded);
    assert_string_not_equal(plain_state, coded_state);
    pare_model_release(&m);
}

static void codes_take_a_quarter_of_the_bytes(void **state)
{
    struct pare_model_file info = {0};
    struct pare_model m;
    void *bytes;
    size_t n;

    (void)state;
    fixture_plain(&m, small);
    fixture_levels(&m, FIXTURE_BOOK);
    assert_int_equal(pare_model_image(&bytes, &n, &m, &info), 0);
    assert_int_equal(info.stored[0].value_bytes,
                     280 + 4 * m.tensor[0].quant.n_book);
    assert_int_equal(info.stored[1].value_bytes,
                     80 + 4 * m.tensor[1].quant.n_book -
                         40 * (m.tensor[1].quant.n_book <= 256));
    assert_int_equal(info.stored[4].value_bytes, 2 * 27);
    pare_model_file_release(&info, m.n_tensors);
    free(bytes);
    pare_model_release(&m);
}

/* What promises something that is not so is not written. */
static void what_is_none_of_its_levels_is_not_written(void **state)
{
    struct pare_model m;

    (void)state;
    for (int kind = 0; kind < FIXTURE_F32; kind++) {
        fixture_plain(&m, small);
        fixture_level(&m.tensor[0], (enum fixture_kind)kind);
        m.tensor[0].value[3] = 0.3F;
        assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
        assert_non_null(strstr(pare_error(), "'fc1.weight' holds 0.3"));
        assert_int_equal(access(FILE_NAME, F_OK), -1);
        pare_model_release(&m);
    }
}

static void put(hid_t f, const char *path, hid_t type, const void *v, size_t at)
{
    hid_t d = H5Dopen2(f, path, H5P_DEFAULT), s = H5Dget_space(d);
    hsize_t here[2] = {at, 0}, one[2] = {1, 1};
    hid_t m = H5Screate_simple(1, one, NULL);

    assert_true(H5Sselect_hyperslab(s, H5S_SELECT_SET, here, NULL, one, NULL) >=
                0);
    assert_true(H5Dwrite(d, type, m, s, H5P_DEFAULT, v) >= 0);
    H5Sclose(m);
    H5Sclose(s);
    H5Dclose(d);
}

static void say(hid_t f, const char *path, const char *attr, const char *text)
{
    hid_t o = H5Oopen(f, path, H5P_DEFAULT), t = H5Tcopy(H5T_C_S1);
    hid_t s = H5Screate(H5S_SCALAR), a;

    if (H5Aexists(o, attr) > 0)
        H5Adelete(o, attr);
    H5Tset_size(t, strlen(text));
    a = H5Acreate2(o, attr, t, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, t, text) >= 0);
    H5Aclose(a);
    H5Sclose(s);
    H5Tclose(t);
    H5Oclose(o);
}

static void make(hid_t f, const char *path, hid_t type, hsize_t n)
{
    static const double zeros[64];
    hid_t s = H5Screate_simple(1, &n, NULL), d;

    H5Ldelete(f, path, H5P_DEFAULT);
    d = H5Dcreate2(f, path, type, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(d >= 0 && n * H5Tget_size(type) <= sizeof zeros);
    assert_true(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >= 0);
    H5Dclose(d);
    H5Sclose(s);
}

/* Faults that one may write into a good file. */
static void forge(hid_t f, int fault)
{
    static const char w[] = "/layers/fc1/weight.codes";
    static const char book[] = "/layers/fc1/weight.book";
    static const char rows[] = "/layers/fc2/weight.codes";
    static const char scale[] = "/layers/fc2/weight.scale";
    const uint8_t far = 200;
    const int8_t low = -128;
    const float zero = 0, nan = NAN, ten = 10;

    switch (fault) {
    case 0:
        put(f, w, H5T_NATIVE_UINT8, &far, 4);
        break;
    case 1:
        put(f, book, H5T_NATIVE_FLOAT, &ten, 0);
        break;
    case 2:
        put(f, book, H5T_NATIVE_FLOAT, &nan, 1);
        break;
    case 3:
        put(f, rows, H5T_NATIVE_INT8, &low, 0);
        break;
    case 4:
        put(f, scale, H5T_NATIVE_FLOAT, &zero, 2);
        break;
    case 5:
        say(f, w, "quant", "int4");
        break;
    case 6:
        say(f, "/layers/fc3/weight", "dtype", "float4");
        break;
    case 7:
        make(f, "/layers/fc1/weight", H5T_IEEE_F32LE, 3);
        break;
    case 8:
        make(f, scale, H5T_IEEE_F32LE, 4);
        break;
    case 9:
        make(f, book, H5T_STD_I32LE, 5);
        break;
    case 10:
        H5Ldelete(f, book, H5P_DEFAULT);
        break;
    case 11:
        make(f, w, H5T_STD_U8LE, 20);
        say(f, w, "quant", "codebook");
        break;
    case 12:
        put(f, w, H5T_NATIVE_UINT8, &(uint8_t){0}, 6);
        break;
    default:
        fail();
    }
}

static void forged_codes_are_refused_for_their_fault(void **state)
{
    static const char *const says[] = {
        "a code of no level",
        "do not ascend",
        "not finite",
        "a code of no level",
        "not above 0",
        "quant=int4",
        "dtype=float4",
        "both values and codes",
        "neither one scale",
        "holds int32, expected float32",
        "book' is missing",
        "has not the shape",
        "do not match their digest",
    };
    struct pare_model m, back = {0};

    (void)state;
    for (int i = 0; i < (int)(sizeof says / sizeof *says); i++) {
        hid_t f;

        fixture_plain(&m, small);
        fixture_level(&m.tensor[0], FIXTURE_BOOK);
        fixture_level(&m.tensor[2], FIXTURE_ROWS);
        fixture_level(&m.tensor[4], FIXTURE_BF16);
        write_file(&m);
        f = H5Fopen(FILE_NAME, H5F_ACC_RDWR, H5P_DEFAULT);
        forge(f, i);
        H5Fclose(f);
        assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), PARE_EFORMAT);
        if (!strstr(pare_error(), says[i]))
            fail_msg("%d: %s", i, pare_error());
        pare_model_release(&m);
    }
    unlink(FILE_NAME);
}

static void set_version(hid_t f, int64_t v)
{
    hid_t a = H5Aopen(f, "format_version", H5P_DEFAULT);

    assert_true(H5Awrite(a, H5T_NATIVE_INT64, &v) >= 0);
    H5Aclose(a);
}

/* Attributes that no value of the file needs. */
static void mislabel(hid_t f, int fault)
{
    hid_t o;

    switch (fault) {
    case 0:
        say(f, "/layers/fc1/weight.codes", "shape", "7 40");
        break;
    case 1:
        say(f, "/layers/fc2/weight.kept", "shape", "9 40 1");
        break;
    case 2:
        set_version(f, 4);
        break;
    case 3:
        o = H5Oopen(f, "/layers/fc1/weight.codes", H5P_DEFAULT);
        assert_true(H5Adelete(o, "shape") >= 0);
        H5Oclose(o);
        break;
    default: /* a later program may have said less */
        set_version(f, 5);
    }
}

static void what_a_file_says_of_itself_must_be_true(void **state)
{
    static const char *const says[] = {
        "weight.codes' says shape=7 40, expected 40 7",
        "weight.kept' says shape=9 40 1, expected 9 40",
        "says format version 4, what it holds is of version 5", NULL, NULL};
    struct pare_model m, back = {0};

    (void)state;
    for (int i = 0; i < (int)(sizeof says / sizeof *says); i++) {
        hid_t f;
        int err;

        fixture_plain(&m, small);
        for (size_t t = 0; t <= 2; t += 2) {
            assert_int_equal(pare_tensor_need_mask(&m.tensor[t]), 0);
            for (size_t k = 0; k < m.tensor[t].n; k += 3)
                m.tensor[t].mask[k] = 0;
        }
        pare_model_apply_masks(&m);
        if (i != 4)
            fixture_level(&m.tensor[0], FIXTURE_BOOK);
        write_file(&m);
        f = H5Fopen(FILE_NAME, H5F_ACC_RDWR, H5P_DEFAULT);
        mislabel(f, i);
        H5Fclose(f);
        err = pare_model_read(&back, NULL, FILE_NAME);
        assert_int_equal(err, says[i] ? PARE_EFORMAT : 0);
        if (says[i] && !strstr(pare_error(), says[i]))
            fail_msg("%d: %s", i, pare_error());
        pare_model_release(&back);
        pare_model_release(&m);
    }
    unlink(FILE_NAME);
}

static void others_see_half_floats(void **state)
{
    struct pare_model m;
    float v[27];
    hid_t f, d, t;

    (void)state;
    fixture_plain(&m, small);
    fixture_level(&m.tensor[4], FIXTURE_F16);
    write_file(&m);
    f = H5Fopen(FILE_NAME, H5F_ACC_RDONLY, H5P_DEFAULT);
    d = H5Dopen2(f, "/layers/fc3/weight", H5P_DEFAULT);
    t = H5Dget_type(d);
    assert_int_equal(H5Tget_class(t), H5T_FLOAT);
    assert_int_equal(H5Tget_size(t), 2);
    assert_true(
        H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    assert_memory_equal(v, m.tensor[4].value, sizeof v);
    H5Tclose(t);
    H5Dclose(d);
    H5Fclose(f);
    unlink(FILE_NAME);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_dense_and_masked),
        cmocka_unit_test(every_kind_comes_back_compact),
        cmocka_unit_test(a_huge_matrix_has_codes_beside_its_rows),
        cmocka_unit_test(the_weights_digest_knows_values_alone),
        cmocka_unit_test(codes_take_a_quarter_of_the_bytes),
        cmocka_unit_test(what_is_none_of_its_levels_is_not_written),
        cmocka_unit_test(forged_codes_are_refused_for_their_fault),
        cmocka_unit_test(what_a_file_says_of_itself_must_be_true),
        cmocka_unit_test(others_see_half_floats),
    };

    return run_group(tests);
}
