#include "unit.h"

#include "rng.h"
#include "select.h"
#include "status.h"

/* Marks of the k lowest, by way of a ranking of one part or of two. */
static int select_lowest(uint8_t *mark, const float *score,
                         const uint8_t *candidate, size_t n, size_t k)
{
    size_t half = n / 3;
    struct pare_rank_part part[2] = {
        {half, score, candidate},
        {n - half, score ? score + half : NULL,
         candidate ? candidate + half : NULL},
    };
    struct pare_ranking r = {.n_parts = 2, .part = part, .threads = 2};
    uint8_t *mask[2] = {mark, mark ? mark + half : NULL};
    struct pare_cut cut = {0};
    uint64_t taken[2];
    int rc = pare_rank_cut(&cut, taken, &r, k);

    if (rc)
        return rc;
    assert_int_equal(taken[0] + taken[1], k);
    for (size_t i = 0; i < n; i++)
        mark[i] = !candidate || candidate[i];
    pare_rank_clear(mask, &r, &cut);
    pare_cut_release(&cut);
    for (size_t i = 0; i < n; i++)
        mark[i] = (!candidate || candidate[i]) && !mark[i];
    return 0;
}

static void the_lowest_are_marked(void **state)
{
    const float score[6] = {3, -1, 2, 0.5f, 7, -4};
    const uint8_t want[6] = {0, 1, 0, 1, 0, 1};
    uint8_t mark[6];

    (void)state;
    assert_int_equal(select_lowest(mark, score, NULL, 6, 3), 0);
    assert_memory_equal(mark, want, 6);
}

static void ties_are_broken_by_lower_index(void **state)
{
    const float score[6] = {1, 2, 1, 1, 0, 1};
    const uint8_t want[6] = {1, 0, 1, 0, 1, 0};
    uint8_t mark[6];

    (void)state;
    assert_int_equal(select_lowest(mark, score, NULL, 6, 3), 0);
    assert_memory_equal(mark, want, 6);
}

static void minus_zero_equals_zero(void **state)
{
    const float score[4] = {0.0f, -0.0f, 0.0f, -0.0f};
    const uint8_t want[4] = {1, 1, 0, 0};
    uint8_t mark[4];

    (void)state;
    assert_int_equal(select_lowest(mark, score, NULL, 4, 2), 0);
    assert_memory_equal(mark, want, 4);
}

static void only_candidates_are_marked(void **state)
{
    const float score[5] = {0, 1, 2, 3, 4};
    const uint8_t candidate[5] = {0, 1, 0, 1, 1};
    const uint8_t want[5] = {0, 1, 0, 1, 0};
    uint8_t mark[5];

    (void)state;
    assert_int_equal(select_lowest(mark, score, candidate, 5, 2), 0);
    assert_memory_equal(mark, want, 5);
}

static void infinities_have_their_place(void **state)
{
    const float score[4] = {INFINITY, -INFINITY, 3e38f, -3e38f};
    const uint8_t want[4] = {0, 1, 1, 1};
    uint8_t mark[4];

    (void)state;
    assert_int_equal(select_lowest(mark, score, NULL, 4, 3), 0);
    assert_memory_equal(mark, want, 4);
}

static void too_many_or_nan_leave_the_marks_untouched(void **state)
{
    const float score[3] = {1, NAN, 2};
    const uint8_t candidate[3] = {1, 0, 1};
    uint8_t mark[3] = {9, 9, 9};

    (void)state;
    assert_int_equal(select_lowest(mark, score, NULL, 3, 1), PARE_EINVAL);
    assert_int_equal(select_lowest(mark, score, candidate, 3, 3),
                     PARE_EINVAL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mark[i], 9);
    assert_int_equal(select_lowest(mark, score, candidate, 3, 2), 0);
    assert_int_equal(mark[0] + mark[1] * 10 + mark[2] * 100, 101);
}

static void nothing_of_nothing_is_fine(void **state)
{
    const float score[2] = {1, 2};
    uint8_t mark[2] = {9, 9};

    (void)state;
    assert_int_equal(select_lowest(NULL, NULL, NULL, 0, 0), 0);
    assert_int_equal(select_lowest(mark, score, NULL, 2, 0), 0);
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
            /* Coarse values every other round, so that ties abound, and
               some that differ in their lower bits only. */
            if (round % 2)
                score[i] = nearbyintf(score[i] * 4) / 4;
            else if (round % 3)
                score[i] = 1.001f + score[i] * 1e-4f;
            candidate[i] = (i * 7 + round) % 5 != 0;
            n_candidates += candidate[i];
        }
        k = n_candidates * round / 11;
        assert_int_equal(select_lowest(mark, score, candidate, N, k), 0);
        for (size_t i = 0; i < N; i++) {
            int want = candidate[i] && rank_of(score, candidate, N, i) < k;

            assert_int_equal(mark[i], want);
        }
    }
}

/* Scores that are made as they are asked for: a few values, so all tie. */
static void make_scores(float *score, void *arg, size_t part, size_t first,
                        size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        score[i] = (float)((first + i) * 7 % 5) - (float)part;
}

static void chunks_and_threads_change_nothing(void **state)
{
    enum { N = 200000, M = 70000 };
    struct pare_rank_part part[2] = {{.n = N}, {.n = M}};
    struct pare_ranking r = {.n_parts = 2, .part = part, .block = make_scores};
    uint8_t *mask = malloc(N + M), *first = malloc(N + M);
    uint8_t *masks[2] = {mask, mask + N};

    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct pare_cut cut = {0};
        uint64_t taken[2];

        r.threads = threads;
        memset(mask, 1, N + M);
        assert_int_equal(pare_rank_cut(&cut, taken, &r, 100000), 0);
        pare_rank_clear(masks, &r, &cut);
        pare_cut_release(&cut);
        /* -1: 14,000 of the second part; 0: 40,000 of the first and 14,000
           of the second; 1: the first 32,000 of 40,000 of the first. */
        assert_int_equal(taken[0], 72000);
        assert_int_equal(taken[1], 28000);
        for (size_t i = 0, ties = 0; i < N; i++) {
            size_t score = i * 7 % 5;

            ties += score == 1;
            assert_int_equal(mask[i], score > 1 || (score && ties > 32000));
        }
        if (threads == 1)
            memcpy(first, mask, N + M);
        assert_memory_equal(mask, first, N + M);
    }
    free(mask);
    free(first);
}

/* One of two scores that differ in the last bit. */
static void make_close(float *score, void *arg, size_t part, size_t first,
                       size_t n)
{
    (void)arg;
    (void)part;
    for (size_t i = 0; i < n; i++)
        score[i] = (first + i) % 3 ? 1 : nextafterf(1, 2);
}

/* So many in one bucket that their lower halves are not kept but counted,
   and fewer of them, which are kept. */
static void many_close_scores_are_told_apart(void **state)
{
    static const size_t size[] = {300000, ((size_t)1 << 24) + 70000};
    uint8_t *mask = malloc(size[1]);

    (void)state;
    assert_non_null(mask);
    for (int s = 0; s < 2; s++)
        for (int all = 0; all < 2; all++) {
            size_t n = size[s], low = n - (n + 2) / 3, seen = 0;
            struct pare_rank_part part = {.n = n};
            struct pare_ranking r = {
                .n_parts = 1, .part = &part, .block = make_close, .threads = 2};
            struct pare_cut cut = {0};
            uint64_t k = all ? low + 5 : n / 2, taken;
            size_t wrong = 0;

            memset(mask, 1, n);
            assert_int_equal(pare_rank_cut(&cut, &taken, &r, k), 0);
            assert_int_equal(pare_rank_clear(&mask, &r, &cut), 0);
            pare_cut_release(&cut);
            assert_int_equal(taken, k);
            for (size_t i = 0; i < n; i++) {
                seen += i % 3 != 0;
                wrong +=
                    mask[i] != (i % 3 ? seen > k : !all || i >= (size_t)3 * 5);
            }
            assert_int_equal(wrong, 0);
        }
    free(mask);
}

static void the_largest_go_first_and_ties_still_by_lower_index(void **state)
{
    const float score[5] = {2, 3, 1, 3, -0.0f};
    struct pare_rank_part part = {.n = 5, .score = score};
    struct pare_ranking r = {
        .n_parts = 1, .part = &part, .largest = true, .threads = 1};
    uint8_t mask[5] = {1, 1, 1, 1, 1}, *masks[1] = {mask};
    struct pare_cut cut = {0};
    uint64_t taken;

    (void)state;
    assert_int_equal(pare_rank_cut(&cut, &taken, &r, 1), 0);
    pare_rank_clear(masks, &r, &cut);
    pare_cut_release(&cut);
    assert_memory_equal(mask, "\1\0\1\1\1", 5);
}

/* Scores of a file that is changed after they were first made. */
static void make_others(float *out, void *arg, size_t part, size_t first,
                        size_t n)
{
    size_t *made = arg;

    (void)part;
    for (size_t i = 0; i < n; i++)
        out[i] = *made ? -1.0f : (float)(first + i) / 64;
    *made += n;
}

static void scores_that_change_are_an_error(void **state)
{
    size_t made = 0;
    struct pare_rank_part part = {.n = 1000};
    struct pare_ranking r = {
        .n_parts = 1, .part = &part, .block = make_others, .arg = &made};
    struct pare_cut cut = {0};
    uint64_t taken;

    (void)state;
    r.threads = 1;
    assert_int_equal(pare_rank_cut(&cut, &taken, &r, 500), PARE_EINVAL);
    pare_cut_release(&cut);
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
        cmocka_unit_test(chunks_and_threads_change_nothing),
        cmocka_unit_test(many_close_scores_are_told_apart),
        cmocka_unit_test(the_largest_go_first_and_ties_still_by_lower_index),
        cmocka_unit_test(scores_that_change_are_an_error),
        cmocka_unit_test(halves_round_to_even),
    };

    return run_group(tests);
}
