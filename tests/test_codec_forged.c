#include "codec.h"
#include "status.h"
#include "unit.h"

#include "codec_fixture.h"

/* A coded tensor whose directory or data is forged. */
struct forged {
    struct pare_tensor t;
    struct pare_coded c;
    uint64_t word[64];
    uint8_t *bytes;
    size_t words, n;
};

static void forge(struct forged *f, double sparsity, size_t k)
{
    memset(f, 0, sizeof *f);
    f->t = gaussian(64, 100, sparsity);
    if (k)
        levels(&f->t, PARE_QUANT_UNIFORM, k);
    assert_int_equal(pare_encode(&f->c, &f->t, (struct pare_effort){6, 1}), 0);
    f->words = pare_coded_words(&f->c);
    assert_true(f->words <= 64);
    pare_coded_put(f->word, &f->c);
    f->bytes = bytes_of(&f->c, &f->n);
}

static void forget(struct forged *f)
{
    pare_coded_release(&f->c);
    free(f->bytes);
    empty(&f->t);
}

/* The status of reading it. */
static int read_forged(const struct forged *f)
{
    struct pare_coded c = {0};
    struct pare_tensor t = shape(64, 100);
    int err = pare_coded_get(&c, f->word, f->words, 6400, NULL);

    if (!err)
        err = pare_coded_place(&c, f->bytes, f->n);
    if (!err)
        err = pare_decode(&t, &c, false, 1);
    if (!err)
        empty(&t);
    pare_coded_release(&c);
    return err;
}

static void forged_directories_are_refused(void **state)
{
    static const double sparsity[] = {0, .5, .9, .99};

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct forged f;

        forge(&f, sparsity[k], 0);
        assert_int_equal(read_forged(&f), 0);
        for (size_t w = 0; w < f.words; w++)
            for (unsigned bit = 0; bit < 64; bit++) {
                /* "Masked" may be said or not of any tensor, and a mask may
                   be that of another orientation. */
                if (w == 0 &&
                    (bit == 2 || bit == 3 || bit == 6 || bit == 8 || bit == 9))
                    continue;
                f.word[w] ^= (uint64_t)1 << bit;
                assert_int_equal(read_forged(&f), PARE_EFORMAT);
                f.word[w] ^= (uint64_t)1 << bit;
            }
        for (size_t n = 0; n < f.words; n++) {
            size_t words = f.words;

            f.words = n;
            assert_int_equal(read_forged(&f), PARE_EFORMAT);
            f.words = words;
        }
        f.n--;
        assert_int_equal(read_forged(&f), PARE_EFORMAT);
        forget(&f);
    }
}

static void damaged_data_are_refused_or_harmless(void **state)
{
    static const struct {
        double sparsity;
        size_t levels;
    } row[] = {{0, 0}, {.5, 0}, {.9, 0}, {.99, 0}, {.9, 5}, {.5, 300}};

    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct forged f;
        size_t step;

        forge(&f, row[k].sparsity, row[k].levels);
        step = f.n / 400 + 1;
        for (size_t i = 0; i < f.n; i += step)
            for (unsigned bit = 0; bit < 8; bit += 3) {
                int err;

                f.bytes[i] ^= (uint8_t)(1 << bit);
                err = read_forged(&f);
                assert_true(err == 0 || err == PARE_EFORMAT);
                f.bytes[i] ^= (uint8_t)(1 << bit);
            }
        forget(&f);
    }
}

static void a_mask_of_another_count_is_refused(void **state)
{
    struct forged f;

    (void)state;
    forge(&f, .5, 0);
    assert_int_equal(f.c.mask_form, PARE_MASK_BITMAP);
    f.bytes[0] ^= 1;
    assert_int_equal(read_forged(&f), PARE_EFORMAT);
    forget(&f);
}

static void gaps_past_the_end_are_refused(void **state)
{
    static const struct {
        uint8_t gap[3];
        size_t n;
        int status;
    } row[] = {{{255, 255, 235}, 746, 0},
               {{255, 255, 236}, 746, PARE_EFORMAT},
               {{255, 255, 236}, 1000, 0},
               {{255, 255, 255}, 1000, PARE_EFORMAT}};
    const uint64_t word[] = {
        PARE_MASK_GAPS | 1 << 2 | 1 << 16, 1, 3, 0, 0, 3, 1, 1, 1, 1};

    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct pare_tensor t = shape(1, row[k].n);
        struct pare_coded c = {0};
        uint8_t bytes[7] = {0};

        memcpy(bytes, row[k].gap, 3);
        assert_int_equal(pare_coded_get(&c, word, 10, row[k].n, NULL), 0);
        assert_int_equal(pare_coded_place(&c, bytes, 7), 0);
        assert_int_equal(pare_decode(&t, &c, false, 1), row[k].status);
        pare_coded_release(&c);
        empty(&t);
    }
}

/* What is read keeps the promise of its levels, whatever the file says. */
static void levels_that_values_do_not_keep_are_refused(void **state)
{
    static const struct {
        double sparsity;
        uint64_t flip; /* in the flags */
    } row[] = {
        {0, PARE_BF16 << 8},  /* levels of 32 bits as those of 16 */
        {0, PARE_F16 << 8},   /* the same */
        {.5, 1 << 2},         /* what was pruned is 0, which is no level */
        {.5, PARE_BF16 << 8}, /* all of it */
    };
    const uint64_t planes[] = {
        PARE_QUANT_CODEBOOK << 12, 4, 0, 1, 0, 4, 4, 4, 4, 4};
    const uint64_t narrow[] = {(uint64_t)PARE_QUANT_INT8 << 12 |
                                   PARE_VALUE_CODES << 4 | 1 << 24 |
                                   PARE_BF16 << 8,
                               4,
                               0,
                               1,
                               0,
                               4,
                               4};
    struct pare_coded c = {0};

    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct forged f;

        forge(&f, row[k].sparsity, 16);
        assert_int_equal(read_forged(&f), 0);
        f.word[0] ^= row[k].flip;
        assert_int_equal(read_forged(&f), PARE_EFORMAT);
        forget(&f);
    }
    assert_int_equal(pare_coded_get(&c, planes, 10, 4, NULL), PARE_EFORMAT);
    assert_int_equal(pare_coded_get(&c, narrow, 7, 4, NULL), PARE_EFORMAT);
}

static void a_bomb_is_refused_by_its_directory(void **state)
{
    struct pare_coded c = {0};
    uint64_t word[] = {0, 1 << 19, 0, 0, 0, 1, 1, 1, 1};

    (void)state;
    assert_int_equal(pare_coded_get(&c, word, 9, 1 << 19, NULL), PARE_EFORMAT);
    word[5] = word[6] = word[7] = word[8] = 1 << 19;
    assert_int_equal(pare_coded_get(&c, word, 9, 1 << 19, NULL), 0);
    pare_coded_release(&c);
    word[1] = (uint64_t)1 << 60;
    assert_int_equal(pare_coded_get(&c, word, 9, (uint64_t)1 << 60, NULL),
                     PARE_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_directories_are_refused),
        cmocka_unit_test(damaged_data_are_refused_or_harmless),
        cmocka_unit_test(a_mask_of_another_count_is_refused),
        cmocka_unit_test(gaps_past_the_end_are_refused),
        cmocka_unit_test(levels_that_values_do_not_keep_are_refused),
        cmocka_unit_test(a_bomb_is_refused_by_its_directory),
    };

    return run_group(tests);
}
