#include "extra_fixture.h"

#include "bits.h"
#include "levels_fixture.h"
#include "model_file.h"
#include "ref/digest_ref.h"

/* What the models have. */
enum which {
    RICH,   /* a block that is full, one that is short, masks, state,
               checkpoints */
    EXTRA,  /* scores, curves and undo points as well */
    LEVELS, /* all kinds of levels and types, the mask over a codebook */
    SCALES, /* the mask over a scale for each row */
    MODELS
};

static void make_model(struct pare_model *m, enum which which)
{
    static const char net[] = "in(73) linear(10) batchnorm relu linear(2)";

    if (which == EXTRA)
        fixture_extra(m, net);
    else
        fixture_rich(m, net, 3);
    if (which == LEVELS || which == SCALES)
        fixture_levels(m, which == LEVELS ? FIXTURE_BOOK : FIXTURE_ROWS);
}

static void assert_digests(enum which which, const char *weights,
                           const char *state)
{
    char hex[PARE_DIGEST_LEN], whole[PARE_DIGEST_LEN];
    struct pare_model m;

    make_model(&m, which);
    assert_int_equal(pare_digest_both(hex, whole, &m), 0);
    assert_string_equal(hex, weights);
    assert_string_equal(whole, state);
    pare_model_release(&m);
}

static void digests_are_those_of_the_manual(void **state)
{
    (void)state;
    assert_digests(RICH, ref_weights, ref_state);
    assert_digests(EXTRA, extra_weights, extra_state);
    assert_digests(LEVELS, levels_weights, levels_state);
    assert_digests(SCALES, scales_weights, scales_state);
}

static void bits_are_packed_and_counted_as_one_by_one(void **state)
{
    enum { N = 5000 };
    static uint8_t b[N];
    uint32_t s = 3;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        fixture_value(&s);
        b[i] = i < 2500 ? 1 : s >> 31;
    }
    for (size_t n = 0; n <= N; n += n < 130 ? 1 : 487) {
        size_t sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += b[N - n + i];
        assert_int_equal(pare_bits_count(b + N - n, n), sum);
    }
    for (size_t n = 0; n <= 64; n++) {
        uint64_t bits = pare_bits_pack(b + 2480, n);

        for (size_t j = 0; j < 64; j++)
            assert_int_equal(bits >> j & 1, j < n ? b[2480 + j] : 0);
    }
}

static void the_first_value_that_is_not_finite_is_found(void **state)
{
    enum { N = 9001 };
    static float v[N];
    const float bad[] = {INFINITY, -INFINITY, NAN};

    (void)state;
    assert_int_equal(pare_first_nonfinite(v, N), N);
    for (size_t i = 0; i < N; i += 500) {
        v[i] = bad[i / 500 % 3];
        v[N - 1] = NAN;
        assert_int_equal(pare_first_nonfinite(v, N), i);
        assert_int_equal(pare_first_nonfinite(v, i), i);
        v[i] = 3e38f;
        v[N - 1] = 1e-42f;
    }
}

/* For digest_ref.py. */
static int write_model(const char *path, enum which which)
{
    struct pare_model m;
    int err;

    make_model(&m, which);
    err = pare_model_write(path, &m, NULL);
    pare_model_release(&m);
    return err != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_manual),
        cmocka_unit_test(bits_are_packed_and_counted_as_one_by_one),
        cmocka_unit_test(the_first_value_that_is_not_finite_is_found),
    };

    for (int i = 0; argc == 1 + MODELS && i < MODELS; i++)
        if (write_model(argv[1 + i], (enum which)i))
            return 1;
    return argc > 1 ? 0 : run_group(tests);
}
