#include "unit.h"

#include "rng.h"
#include "select.h"
#include "status.h"

static void the_lowest_are_marked(void **state)
{
    const float score[6] = {3, -1, 2, 0.5f, 7, -4};
    const uint8_t want[6] = {0, 1, 0, 1, 0, 1};
    uint8_t mark[6];

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, NULL, 6, 3), 0);
    assert_memory_equal(mark, want, 6);
}

static void ties_are_broken_by_lower_index(void **state)
{
    const float score[6] = {1, 2, 1, 1, 0, 1};
    const uint8_t want[6] = {1, 0, 1, 0, 1, 0};
    uint8_t mark[6];

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, NULL, 6, 3), 0);
    assert_memory_equal(mark, want, 6);
}

static void minus_zero_equals_zero(void **state)
{
    const float score[4] = {0.0f, -0.0f, 0.0f, -0.0f};
    const uint8_t want[4] = {1, 1, 0, 0};
    uint8_t mark[4];

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, NULL, 4, 2), 0);
    assert_memory_equal(mark, want, 4);
}

static void only_candidates_are_marked(void **state)
{
    const float score[5] = {0, 1, 2, 3, 4};
    const uint8_t candidate[5] = {0, 1, 0, 1, 1};
    const uint8_t want[5] = {0, 1, 0, 1, 0};
    uint8_t mark[5];

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, candidate, 5, 2), 0);
    assert_memory_equal(mark, want, 5);
}

static void infinities_have_their_place(void **state)
{
    const float score[4] = {INFINITY, -INFINITY, 3e38f, -3e38f};
    const uint8_t want[4] = {0, 1, 1, 1};
    uint8_t mark[4];

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, NULL, 4, 3), 0);
    assert_memory_equal(mark, want, 4);
}

static void too_many_or_nan_leave_the_marks_untouched(void **state)
{
    const float score[3] = {1, NAN, 2};
    const uint8_t candidate[3] = {1, 0, 1};
    uint8_t mark[3] = {9, 9, 9};

    (void)state;
    assert_int_equal(pare_select_lowest(mark, score, NULL, 3, 1), PARE_EINVAL);
    assert_int_equal(pare_select_lowest(mark, score, candidate, 3, 3),
                     PARE_EINVAL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mark[i], 9);
    assert_int_equal(pare_select_lowest(mark, score, candidate, 3, 2), 0);
    assert_int_equal(mark[0] + mark[1] * 10 + mark[2] * 100, 101);
}

static void nothing_of_nothing_is_fine(void **state)
{
    const float score[2] = {1, 2};
    uint8_t mark[2] = {9, 9};

    (void)state;
    assert_int_equal(pare_select_lowest(NULL, NULL, NULL, 0, 0), 0);
    assert_int_equal(pare_select_lowest(mark, score, NULL, 2, 0), 0);
    assert_int_equal(mark[0] + mark[1], 0);
}

/* Rank by definition: how many are lower, or equal and before. */
static size_t rank_of(const float *s, const uint8_t *c, size_t n, size_t i)
{
    size_t rank = 0;

    for (size_t j = 0; j < n; j++)
        rank += c[j] && (s[j] < s[i] || (s[j] == s[i] && j < i));
    return rank;
}

static void it_agrees_with_ranking_by_definition(void **state)
{
    enum { N = 700 };
    static float score[N];
    static uint8_t candidate[N], mark[N];

    (void)state;
    for (uint32_t round = 0; round < 12; round++) {
        size_t n_candidates = 0, k;

        pare_rng_normal(score, N, 1, 5, PARE_STREAM_SPLIT, round);
        for (size_t i = 0; i < N; i++) {
            /* Coarse values every other round, so that ties abound. */
            if (round % 2)
                score[i] = nearbyintf(score[i] * 4) / 4;
            candidate[i] = (i * 7 + round) % 5 != 0;
            n_candidates += candidate[i];
        }
        k = n_candidates * round / 11;
        assert_int_equal(pare_select_lowest(mark, score, candidate, N, k), 0);
        for (size_t i = 0; i < N; i++) {
            int want = candidate[i] && rank_of(score, candidate, N, i) < k;

            assert_int_equal(mark[i], want);
        }
    }
}

static void halves_round_to_even(void **state)
{
    (void)state;
    assert_int_equal(pare_round_count(0.5), 0);
    assert_int_equal(pare_round_count(1.5), 2);
    assert_int_equal(pare_round_count(2.5), 2);
    assert_int_equal(pare_round_count(2.500001), 3);
    assert_int_equal(pare_round_count(0.17 * 180), 31);
    assert_int_equal(pare_round_count(0.17 * 149), 25);
    assert_int_equal(pare_round_count(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_are_marked),
        cmocka_unit_test(ties_are_broken_by_lower_index),
        cmocka_unit_test(minus_zero_equals_zero),
        cmocka_unit_test(only_candidates_are_marked),
        cmocka_unit_test(infinities_have_their_place),
        cmocka_unit_test(too_many_or_nan_leave_the_marks_untouched),
        cmocka_unit_test(nothing_of_nothing_is_fine),
        cmocka_unit_test(it_agrees_with_ranking_by_definition),
        cmocka_unit_test(halves_round_to_even),
    };

    return run_group(tests);
}
