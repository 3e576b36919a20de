#include "codec.h"
#include "codec_parts.h"
#include "pattern.h"
#include "status.h"
#include "unit.h"

#include "codec_fixture.h"

static void int8(struct pare_tensor *t, size_t n_scale)
{
    struct pare_quant *q = &t->quant;

    q->kind = PARE_QUANT_INT8;
    q->n_scale = n_scale;
    q->scale = malloc(n_scale * sizeof *q->scale);
    assert_non_null(q->scale);
    for (size_t i = 0; i < n_scale; i++)
        q->scale[i] = (float)(0.0007 * (double)(i + 1));
    for (size_t i = 0; i < t->n; i++) {
        float s = q->scale[n_scale > 1 ? i / t->dim[1] : 0];
        float c = rintf(t->value[i] / s);

        c = c < -127 ? -127 : c > 127 ? 127 : c;
        if (!t->mask || t->mask[i])
            t->value[i] = (c + 0.0f) * s;
    }
}

static void as_bits(float *value, uint32_t bits)
{
    memcpy(value, &bits, sizeof bits);
}

static void assert_same(const struct pare_tensor *a,
                        const struct pare_tensor *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->quant.kind, b->quant.kind);
    assert_int_equal(a->quant.n_book, b->quant.n_book);
    assert_int_equal(a->quant.n_scale, b->quant.n_scale);
    assert_true(!a->mask == !b->mask);
    assert_true(!a->pattern == !b->pattern);
    assert_memory_equal(a->value, b->value, a->n * sizeof *a->value);
    if (a->mask)
        assert_memory_equal(a->mask, b->mask, a->n);
    if (a->pattern)
        assert_true(pare_pattern_same(a->pattern, b->pattern));
    if (a->quant.n_book)
        assert_memory_equal(a->quant.book, b->quant.book,
                            a->quant.n_book * sizeof *a->quant.book);
    if (a->quant.n_scale)
        assert_memory_equal(a->quant.scale, b->quant.scale,
                            a->quant.n_scale * sizeof *a->quant.scale);
}

/* Code, take directory and bytes apart, decode; returns the bytes. */
static size_t round_trip(const struct pare_tensor *t, int level, int threads)
{
    struct pare_coded c = {0}, d = {0};
    struct pare_tensor back = shape(t->dim[0], t->dim[1]);
    uint64_t *word;
    uint8_t *bytes;
    size_t n, words;

    assert_int_equal(pare_encode(&c, t, (struct pare_effort){level, threads}),
                     0);
    words = pare_coded_words(&c);
    word = malloc(words * sizeof *word);
    assert_non_null(word);
    pare_coded_put(word, &c);
    bytes = bytes_of(&c, &n);
    assert_int_equal(
        pare_coded_get(&d, word, words, (uint64_t)t->dim[0] * t->dim[1], NULL),
        0);
    assert_int_equal(pare_coded_place(&d, bytes, n), 0);
    back.rank = t->rank;
    memcpy(back.dim, t->dim, sizeof back.dim);
    if (pare_decode(&back, &d, t->pattern != NULL, threads))
        fail_msg("%s", pare_error());
    assert_same(t, &back);
    assert_true(pare_coded_room(&d, t->pattern != NULL) >=
                back.n * sizeof(float));
    empty(&back);
    pare_coded_release(&c);
    pare_coded_release(&d);
    free(bytes);
    n += words * 4;
    free(word);
    return n;
}

static void every_size_and_density_comes_back(void **state)
{
    static const size_t size[][2] = {{1, 1},    {1, 7},    {2, 4},    {3, 3},
                                     {1, 64},   {5, 13},   {64, 64},  {63, 65},
                                     {1, 4095}, {17, 241}, {130, 513}};
    static const double sparsity[] = {0, 1e-9, .03, .5, .9, .97, .999, 1.1};

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
        for (size_t k = 0; k < sizeof sparsity / sizeof sparsity[0]; k++)
            for (int level = 1; level <= 9; level += 4) {
                struct pare_tensor t =
                    gaussian(size[i][0], size[i][1], sparsity[k]);

                round_trip(&t, level, 1);
                empty(&t);
            }
}

static void a_tensor_without_positions_comes_back(void **state)
{
    struct pare_tensor t = gaussian(0, 5, 0);

    (void)state;
    assert_int_equal(round_trip(&t, 6, 1), PARE_CODEC_WORDS * 4);
    empty(&t);
}

static void odd_values_keep_their_bits(void **state)
{
    static const uint32_t odd[] = {0x80000000, 0x7fc00001, 0xffffffff,
                                   0x7f800001, 0x00000001, 0x807fffff,
                                   0x7f800000, 0xff800000, 0};

    (void)state;
    for (int masked = 0; masked < 2; masked++) {
        struct pare_tensor t = gaussian(9, 100, masked ? .5 : 0);

        for (size_t i = 0; i < t.n; i++)
            if (!t.mask || t.mask[i])
                as_bits(&t.value[i], odd[i % 9]);
        round_trip(&t, 6, 1);
        empty(&t);
    }
}

static void zeros_are_left_out_and_come_back_unmasked(void **state)
{
    struct pare_tensor t = gaussian(100, 300, .9), u = t;
    size_t with, without;

    (void)state;
    with = round_trip(&t, 6, 1);
    u.mask = NULL;
    without = round_trip(&u, 6, 1);
    assert_int_equal(with, without);
    for (size_t i = 0; i < t.n; i++)
        if (!t.mask[i])
            as_bits(&t.value[i], 0x80000000);
    assert_true(round_trip(&u, 6, 1) > with);
    empty(&t);
}

static void kept_zeros_stay_kept(void **state)
{
    struct pare_tensor t = gaussian(30, 40, .5);

    (void)state;
    for (size_t i = 0; i < t.n; i += 3)
        t.value[i] = 0;
    round_trip(&t, 6, 1);
    empty(&t);
}

static void what_is_not_zero_under_the_mask_is_refused(void **state)
{
    static const double sparsity[] = {.5, 1.1};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct pare_tensor t = gaussian(30, 40, sparsity[k]);
        struct pare_coded c = {0};
        size_t i = 0;

        while (t.mask[i])
            i++;
        as_bits(&t.value[i], 0x80000000);
        assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}),
                         PARE_EINVAL);
        assert_null(c.piece);
        empty(&t);
    }
}

static void types_of_16_bits_take_two_planes(void **state)
{
    (void)state;
    for (int type = PARE_F16; type <= PARE_BF16; type++)
        for (int k = 0; k < 3; k++) {
            struct pare_tensor t = gaussian(300, 100, k * .45);
            struct pare_coded c = {0};

            t.dtype = (enum pare_dtype)type;
            pare_dtype_round(t.value, t.n, t.dtype);
            assert_true(round_trip(&t, 6, 1) < 2 * t.n);
            t.value[7] = 0.1f;
            if (t.mask)
                t.mask[7] = 1;
            assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}),
                             PARE_EINVAL);
            empty(&t);
        }
}

static void quantised_tensors_come_back_as_codes(void **state)
{
    static const size_t k[] = {1, 2, 3, 4, 5, 16, 17, 255, 256, 257, 3000};

    (void)state;
    for (size_t i = 0; i < sizeof k / sizeof k[0]; i++)
        for (int s = 0; s < 3; s++)
            for (int level = 1; level <= 9; level += 4) {
                struct pare_tensor t = gaussian(33, 101, s * .45);

                levels(&t, PARE_QUANT_CODEBOOK, k[i]);
                round_trip(&t, level, 1);
                empty(&t);
            }
}

/* Levels that a tensor does not say it has save bytes, and are not said
 * afterwards either. */
static void levels_that_are_not_said_are_found(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++)
        for (size_t k = 2; k <= 512; k *= 16) {
            struct pare_tensor t = gaussian(200, 300, s * .45);
            uint64_t said, found;

            levels(&t, PARE_QUANT_CODEBOOK, k);
            said = round_trip(&t, 6, 1);
            pare_quant_release(&t.quant);
            found = round_trip(&t, 6, 1);
            if (k <= 256)
                assert_true(found <= said);
            else
                assert_true(found > said);
            t.value[17] = -0.0f; /* is no level */
            if (t.mask)
                t.mask[17] = 1;
            assert_true(round_trip(&t, 6, 1) > found);
            empty(&t);
        }
}

static void int8_has_a_scale_for_all_or_for_each_row(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++)
        for (int rows = 0; rows < 2; rows++)
            for (int compact = 0; compact < 2; compact++) {
                struct pare_tensor t = gaussian(37, 111, s * .45);

                int8(&t, rows ? 37 : 1);
                if (compact && t.mask) {
                    size_t k = 0;

                    assert_int_equal(
                        pare_pattern_of_mask(&t.pattern, t.mask, 37, 111), 0);
                    for (size_t i = 0; i < t.n; i++)
                        if (t.mask[i])
                            t.value[k++] = t.value[i];
                    free(t.mask);
                    t.mask = NULL;
                    t.n = k;
                }
                round_trip(&t, 6, 1);
                empty(&t);
            }
}

static void a_value_of_no_level_is_refused(void **state)
{
    struct pare_coded c = {0};
    struct pare_tensor t = gaussian(30, 40, .5);

    (void)state;
    levels(&t, PARE_QUANT_UNIFORM, 16);
    t.mask[3] = 1;
    t.value[3] = 0.0123f;
    assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}),
                     PARE_EINVAL);
    empty(&t);
}

static void n_of_m_masks_are_choices(void **state)
{
    static const struct {
        unsigned n, m;
        double bits; /* of a position */
    } row[] = {{2, 4, .6462},  {1, 4, .5}, {2, 8, .601}, {4, 8, .7662},
               {8, 16, .8532}, {1, 2, .5}, {2, 3, .5284}};

    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        struct pare_tensor t = gaussian(240, 960, 0);
        struct pare_coded c = {0};
        unsigned m = row[k].m;

        t.mask = calloc(t.n, 1);
        assert_non_null(t.mask);
        for (size_t g = 0; g < t.n; g += m)
            for (unsigned left = row[k].n, i = 0; i < m; i++) {
                uint32_t word[4];

                pare_rng_block(word, 3, PARE_STREAM_MASK, 0, g + i);
                t.mask[g + i] = word[0] % (m - i) < left;
                left -= t.mask[g + i];
            }
        for (size_t i = 0; i < t.n; i++)
            if (!t.mask[i])
                t.value[i] = 0;
        round_trip(&t, 6, 1);
        assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}), 0);
        assert_int_equal(c.mask_form, PARE_MASK_CHOICE);
        assert_int_equal(c.choose_m, m);
        assert_true(8.0 * (double)pare_coded_part(&c, PARE_PART_MASK) <
                    1.013 * row[k].bits * (double)t.n + 8 * 120);
        pare_coded_release(&c);
        empty(&t);
    }
}

/* Few inputs are used: columns of the mask are alike. */
static void a_mask_may_be_coded_transposed(void **state)
{
    struct pare_tensor t = gaussian(300, 784, .9);
    struct pare_coded c = {0};

    (void)state;
    for (size_t i = 0; i < t.n; i++) {
        t.mask[i] = t.mask[i] && i % 784 % 28 < 9;
        if (!t.mask[i])
            t.value[i] = 0;
    }
    round_trip(&t, 6, 1);
    assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}), 0);
    assert_true(c.transposed);
    pare_coded_release(&c);
    empty(&t);
}

static void constant_tensors_take_few_bytes(void **state)
{
    struct pare_tensor t = gaussian(1000, 1000, 0);

    (void)state;
    for (size_t i = 0; i < t.n; i++)
        t.value[i] = 1;
    assert_int_equal(round_trip(&t, 6, 2), 4 + (PARE_CODEC_WORDS + 1) * 4);
    memset(t.value, 0, t.n * sizeof *t.value);
    assert_int_equal(round_trip(&t, 6, 2), PARE_CODEC_WORDS * 4);
    empty(&t);
}

static void compact_tensors_come_back_compact(void **state)
{
    static const size_t size[][2] = {{300, 200}, {70000, 70000}};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct pare_tensor t = shape(size[k][0], size[k][1]);
        uint64_t *at = malloc(5000 * sizeof *at), last = 0;

        assert_non_null(at);
        t.n = 5000;
        t.value = malloc(t.n * sizeof *t.value);
        assert_non_null(t.value);
        pare_rng_normal(t.value, t.n, 1, 1, PARE_STREAM_INIT, 0);
        for (size_t i = 0; i < t.n; i++) {
            uint32_t word[4];

            pare_rng_block(word, 3, PARE_STREAM_MASK, 0, i);
            last += 1 + word[0] % (k ? 900000 : 11);
            at[i] = last;
        }
        assert_int_equal(
            pare_pattern_of_flat(&t.pattern, at, t.n, size[k][0], size[k][1]),
            0);
        assert_true(round_trip(&t, 6, 1) < 7 * t.n);
        free(at);
        empty(&t);
    }
}

static void tensors_of_other_ranks_come_back(void **state)
{
    struct pare_tensor t = gaussian(24, 45, .8);

    (void)state;
    for (int rank = 1; rank <= 4; rank++) {
        static const size_t dim[5][4] = {
            {0}, {1080}, {24, 45}, {4, 6, 45}, {24, 5, 3, 3}};
        struct pare_coded c = {0};
        struct pare_tensor back = {.rank = rank};

        t.rank = rank;
        memcpy(t.dim, dim[rank], sizeof dim[rank]);
        memcpy(back.dim, t.dim, sizeof t.dim);
        assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}), 0);
        assert_int_equal(pare_decode(&back, &c, false, 1), 0);
        assert_same(&t, &back);
        pare_coded_release(&c);
        empty(&back);
    }
    empty(&t);
}

static void slots_are_coded_under_the_mask(void **state)
{
    struct pare_tensor t = gaussian(100, 300, .7);
    float *slot = calloc(t.n, sizeof *slot), *back = malloc(t.n * sizeof *back);

    (void)state;
    assert_true(slot && back);
    for (int zeros = 0; zeros < 2; zeros++) {
        struct pare_coded c = {0};

        for (size_t i = 0; i < t.n; i++)
            slot[i] = zeros && i % 3 ? 0 : t.value[i] * t.value[i];
        assert_int_equal(
            pare_encode_under(&c, slot, &t, (struct pare_effort){6, 1}), 0);
        assert_int_equal(pare_coded_part(&c, PARE_PART_MASK) > 0, zeros);
        memset(back, 255, t.n * sizeof *back);
        assert_int_equal(pare_decode_under(back, &c, &t, 1), 0);
        assert_memory_equal(slot, back, t.n * sizeof *slot);
        pare_coded_release(&c);
        slot[0] = t.mask[0] ? slot[0] : 1;
        if (!t.mask[0])
            assert_int_equal(
                pare_encode_under(&c, slot, &t, (struct pare_effort){6, 1}),
                PARE_EINVAL);
    }
    free(slot);
    free(back);
    empty(&t);
}

static void bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        struct pare_tensor t = gaussian(1100, 1000, k * .3);
        struct pare_coded c = {0}, d = {0};
        uint8_t *a, *b;
        size_t n, m;

        if (k == 3)
            levels(&t, PARE_QUANT_UNIFORM, 16);
        assert_int_equal(pare_encode(&c, &t, (struct pare_effort){6, 1}), 0);
        assert_int_equal(pare_encode(&d, &t, (struct pare_effort){6, 3}), 0);
        a = bytes_of(&c, &n);
        b = bytes_of(&d, &m);
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n);
        free(a);
        free(b);
        pare_coded_release(&c);
        pare_coded_release(&d);
        round_trip(&t, 6, 3);
        empty(&t);
    }
}

/* Streams are decoded two at a time where there are enough: an odd number of
   them, of one plane or more. */
static void many_pieces_come_back_at_any_number_of_threads(void **state)
{
    static const struct {
        double sparsity;
        enum pare_dtype dtype;
        int levels;
    } kind[] = {{0, PARE_F32, 0},
                {.02, PARE_F16, 0},
                {.1, PARE_BF16, 0},
                {.02, PARE_F32, 100}};

    (void)state;
    for (size_t k = 0; k < sizeof kind / sizeof kind[0]; k++) {
        struct pare_tensor t = gaussian(2500, 1000, kind[k].sparsity);

        if (kind[k].levels)
            levels(&t, PARE_QUANT_UNIFORM, (size_t)kind[k].levels);
        t.dtype = kind[k].dtype;
        pare_dtype_round(t.value, t.n, t.dtype);
        for (int threads = 1; threads <= 3; threads++)
            round_trip(&t, 3, threads);
        empty(&t);
    }
}

/* H(s) + (1 - s) H(value) of what is there, in bytes. */
static double limit(const struct pare_tensor *t, double value_bits)
{
    double kept = 0, p;

    for (size_t i = 0; i < t->n; i++)
        kept += t->mask[i];
    p = kept / (double)t->n;
    return ((double)t->n * -(p * log2(p) + (1 - p) * log2(1 - p)) +
            kept * value_bits) /
           8;
}

static void a_hundred_thousand_weights_stay_near_the_limit(void **state)
{
    static const double sparsity[] = {.5, .9, .95, .99};

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct pare_tensor t = gaussian(250, 400, sparsity[k]);

        /* 2.55 bits of a normal number's exponent, 24 that have no order. */
        assert_true((double)round_trip(&t, 6, 1) <=
                    1.02 * limit(&t, 26.55) + 300);
        empty(&t);
    }
}

static void gaussian_sizes_reach_their_targets(void **state)
{
    static const struct {
        double sparsity, bits;
    } row[] = {{0, 26.733}, {.5, 14.38}, {.9, 3.16}, {.95, 1.635}, {.99, .353}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct pare_tensor t = gaussian(2048, 2048, row[i].sparsity);
        size_t n = round_trip(&t, 6, 2);

        assert_true(8.0 * (double)n / (double)t.n <= row[i].bits);
        if (row[i].sparsity == .9) {
            levels(&t, PARE_QUANT_UNIFORM, 16);
            n = round_trip(&t, 6, 2);
            assert_true(8.0 * (double)n / (double)t.n <= .80);
        }
        empty(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_and_density_comes_back),
        cmocka_unit_test(a_tensor_without_positions_comes_back),
        cmocka_unit_test(odd_values_keep_their_bits),
        cmocka_unit_test(zeros_are_left_out_and_come_back_unmasked),
        cmocka_unit_test(kept_zeros_stay_kept),
        cmocka_unit_test(what_is_not_zero_under_the_mask_is_refused),
        cmocka_unit_test(types_of_16_bits_take_two_planes),
        cmocka_unit_test(quantised_tensors_come_back_as_codes),
        cmocka_unit_test(levels_that_are_not_said_are_found),
        cmocka_unit_test(int8_has_a_scale_for_all_or_for_each_row),
        cmocka_unit_test(a_value_of_no_level_is_refused),
        cmocka_unit_test(n_of_m_masks_are_choices),
        cmocka_unit_test(a_mask_may_be_coded_transposed),
        cmocka_unit_test(constant_tensors_take_few_bytes),
        cmocka_unit_test(compact_tensors_come_back_compact),
        cmocka_unit_test(tensors_of_other_ranks_come_back),
        cmocka_unit_test(slots_are_coded_under_the_mask),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
        cmocka_unit_test(many_pieces_come_back_at_any_number_of_threads),
        cmocka_unit_test(a_hundred_thousand_weights_stay_near_the_limit),
        cmocka_unit_test(gaussian_sizes_reach_their_targets),
    };

    return run_group(tests);
}
