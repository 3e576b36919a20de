#include "unit.h"

#include "kernel.h"
#include "rng.h"

/* Known-answer vectors published with Random123 (kat_vectors, philox4x32 10).
 */
static void philox_gives_the_published_vectors(void **state)
{
    static const uint32_t in[3][6] = {
        {0, 0, 0, 0, 0, 0},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
         0xffffffff},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
         0x299f31d0},
    };
    static const uint32_t want[3][4] = {
        {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    uint32_t out[4];

    (void)state;
    for (int i = 0; i < 3; i++) {
        pare_philox(out, in[i], in[i] + 4);
        assert_memory_equal(out, want[i], sizeof out);
    }
}

static void a_permutation_holds_every_index_once(void **state)
{
    enum { N = 1001 };
    uint32_t perm[N], again[N];
    unsigned char seen[N] = {0};
    size_t fixed = 0;

    (void)state;
    pare_rng_permutation(perm, N, 7, PARE_STREAM_SHUFFLE, 3);
    pare_rng_permutation(again, N, 7, PARE_STREAM_SHUFFLE, 3);
    assert_memory_equal(perm, again, sizeof perm);
    for (size_t i = 0; i < N; i++) {
        assert_true(perm[i] < N);
        assert_false(seen[perm[i]]);
        seen[perm[i]] = 1;
        fixed += perm[i] == i;
    }
    assert_true(fixed < 10);
}

static void all_permutations_of_three_are_equally_likely(void **state)
{
    int count[27] = {0};
    uint32_t p[3];

    (void)state;
    for (uint32_t i = 0; i < 6000; i++) {
        pare_rng_permutation(p, 3, 1, PARE_STREAM_SPLIT, i);
        count[p[0] * 9 + p[1] * 3 + p[2]]++;
    }
    for (int i = 0; i < 27; i++)
        if (count[i])
            assert_in_range(count[i], 880, 1120);
}

static void moments_of_uniform_and_normal_are_right(void **state)
{
    enum { N = 100000 };
    static float u[N], g[N];
    double su = 0, sg = 0, sgg = 0;

    (void)state;
    pare_rng_uniform(u, N, -2, 4, 11, PARE_STREAM_INIT, 0);
    pare_rng_normal(g, N, 3, 11, PARE_STREAM_INIT, 1);
    for (size_t i = 0; i < N; i++) {
        assert_true(u[i] >= -2 && u[i] <= 4);
        su += (double)u[i];
        sg += (double)g[i];
        sgg += (double)g[i] * (double)g[i];
    }
    assert_close(su / N, 1, 0.03);
    assert_close(sg / N, 0, 0.05);
    assert_close(sqrt(sgg / N), 3, 0.05);
}

static void a_number_alone_is_that_of_the_sequence(void **state)
{
    enum { N = 1001 };
    float u[N], g[N];

    (void)state;
    pare_rng_uniform(u, N, -2, 4, 11, PARE_STREAM_INIT, 3);
    pare_rng_normal(g, N, 3, 11, PARE_STREAM_INIT, 3);
    for (size_t i = N; i-- > 0;) {
        float a = pare_rng_uniform_at(i, -2, 4, 11, PARE_STREAM_INIT, 3);
        float b = pare_rng_normal_at(i, 3, 11, PARE_STREAM_INIT, 3);

        assert_memory_equal(&a, &u[i], sizeof a);
        assert_memory_equal(&b, &g[i], sizeof b);
    }
}

static void numbers_below_a_range_are_the_high_half_of_a_product(void **state)
{
    static const uint64_t range[] = {1, 7, 1u << 20, 0x123456789abcdef0u,
                                     UINT64_MAX};

    (void)state;
    assert_int_equal(pare_rng_below(0, 5, 1, PARE_STREAM_SPARSE, 0), 0);
    for (size_t k = 0; k < sizeof range / sizeof *range; k++)
        for (uint64_t i = 0; i < 100; i++) {
            uint64_t x = pare_rng_u64(i, 9, PARE_STREAM_SPARSE, 2);
            uint64_t got =
                pare_rng_below(range[k], i, 9, PARE_STREAM_SPARSE, 2);
            uint64_t high = 0; /* of x range, by adding and halving */

            for (int bit = 0; bit < 64; bit++) {
                uint64_t add = range[k] >> bit & 1 ? x : 0, sum = high + add;

                high = sum >> 1 | (uint64_t)(sum < add) << 63;
            }
            assert_true(got == high && got < range[k]);
        }
}

static void check_blocks(void)
{
    static const uint64_t first[] = {0, 5, 0xfffffff8u, UINT64_MAX - 70};

    for (size_t k = 0; k < 4; k++) {
        uint32_t many[4 * 67], one[4];

        pare_rng_blocks(many, 67, 0x123456789abcdefu, PARE_STREAM_DROPOUT, 3,
                        first[k]);
        for (size_t i = 0; i < 67; i++) {
            pare_rng_block(one, 0x123456789abcdefu, PARE_STREAM_DROPOUT, 3,
                           first[k] + i);
            assert_memory_equal(many + 4 * i, one, sizeof one);
        }
    }
}

static void blocks_together_are_those_alone(void **state)
{
    const char *used = pare_kernel()->name;

    (void)state;
    for (size_t r = 0; pare_kernel_row(r); r++)
        if (pare_kernel_row(r)->available()) {
            assert_int_equal(pare_kernel_use(pare_kernel_row(r)->name), 0);
            check_blocks();
        }
    assert_int_equal(pare_kernel_use(used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_together_are_those_alone),
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(a_permutation_holds_every_index_once),
        cmocka_unit_test(all_permutations_of_three_are_equally_likely),
        cmocka_unit_test(moments_of_uniform_and_normal_are_right),
        cmocka_unit_test(a_number_alone_is_that_of_the_sequence),
        cmocka_unit_test(numbers_below_a_range_are_the_high_half_of_a_product),
    };

    return run_group(tests);
}
