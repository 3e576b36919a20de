#include "unit.h"

#include "criterion.h"
#include "linalg.h"
#include "number.h"
#include "obs.h"
#include "ref/obs_ref.h"
#include "small_model.h"
#include "status.h"

/* The numbers of obs_ref.py, exact in float32. */
static double hash(size_t i)
{
    return (double)((uint32_t)(i + 1) * 2654435761u >> 8) * 0x1p-24 - 0.5;
}

/* A matrix to prune, and the inputs it meets. */
struct matrix {
    struct pare_obs o;
    double w[256], h[256], x[2048];
    uint8_t mask[256], before[256];
    size_t samples;
};

static void make_matrix(struct matrix *m, size_t rows, size_t cols,
                        size_t samples, size_t dead)
{
    memset(m, 0, sizeof *m);
    m->samples = samples;
    m->o = (struct pare_obs){.rows = rows,
                             .cols = cols,
                             .w = m->w,
                             .mask = m->mask,
                             .factor = m->h,
                             .block = 128,
                             .threads = 1};
    for (size_t i = 0; i < rows * cols; i++) {
        m->w[i] = hash(i);
        m->mask[i] = i % 2;
    }
    for (size_t s = 0; s < samples; s++)
        for (size_t j = 0; j < cols; j++) {
            m->x[s * cols + j] = hash(500 + s * cols + j);
            if (j > 0)
                m->x[s * cols + j] += 0.7 * m->x[s * cols + j - 1];
        }
    for (size_t s = 0; dead < cols && s < samples; s++)
        m->x[s * cols + dead] = 0;
}

static void factor(struct matrix *m, double damp)
{
    size_t n = m->o.cols;
    double used;

    memset(m->h, 0, sizeof m->h);
    pare_linalg_gram(m->h, m->x, m->samples, n, 1);
    for (size_t i = 0; i < n * n; i++)
        m->h[i] *= 2 / (double)m->samples;
    for (size_t c = 0; c < n; c++) {
        if (m->h[c * n + c] != 0)
            continue;
        m->h[c * n + c] = 1;
        for (size_t r = 0; r < m->o.rows; r++)
            m->w[r * n + c] = 0;
    }
    assert_int_equal(pare_linalg_inverse_factor(m->h, n, damp, &used, 1), 0);
    assert_true(used == damp);
}

static void is_reference(struct matrix *m, const char *mask, const double *w,
                         const double *score)
{
    size_t n = m->o.rows * m->o.cols;
    float got[256];

    factor(m, 0.01);
    pare_obs_scores(got, &m->o);
    for (size_t i = 0; i < n; i++)
        assert_close(got[i], score[i], 1e-6 * score[i] + 1e-12);
    assert_int_equal(pare_obs_prune(&m->o), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(m->mask[i], mask[i] - '0');
        assert_close(m->w[i], w[i], 1e-9);
        if (!m->mask[i])
            assert_true(m->w[i] == 0);
    }
}

static void blocks_of_columns_are_those_of_the_paper(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 6, 10, 40, 99);
    m.o.block = 4;
    is_reference(&m, obs_plain_mask, obs_plain_w, obs_plain_score);
    make_matrix(&m, 6, 10, 40, 99);
    is_reference(&m, obs_whole_mask, obs_whole_w, obs_whole_score);
}

static void groups_of_n_of_m_are_those_of_the_paper(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 5, 14, 40, 99);
    m.o.block = 6;
    m.o.of = 4;
    is_reference(&m, obs_ntom_mask, obs_ntom_w, obs_ntom_score);
}

static void a_fixed_mask_is_kept(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 6, 10, 40, 99);
    m.o.block = 4;
    m.o.fixed = true;
    for (size_t i = 0; i < 60; i++)
        m.mask[i] = hash(77 + i) > 0;
    is_reference(&m, obs_fixed_mask, obs_fixed_w, obs_fixed_score);
}

static void what_was_pruned_before_stays_pruned(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 7, 9, 40, 99);
    m.o.block = 4;
    m.o.before = m.before;
    for (size_t i = 0; i < 63; i++) {
        m.before[i] = hash(99 + i) > -.2;
        assert_int_equal(m.before[i], obs_again_before[i] - '0');
        m.mask[i] = m.mask[i] && m.before[i];
    }
    is_reference(&m, obs_again_mask, obs_again_w, obs_again_score);
    for (size_t i = 0; i < 63; i++)
        assert_true(m.before[i] || !m.mask[i]);
}

static void dead_inputs_have_weights_of_0(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 4, 8, 40, 2);
    m.o.block = 3;
    is_reference(&m, obs_dead_mask, obs_dead_w, obs_dead_score);
}

static void fewer_samples_than_columns_are_damped(void **state)
{
    struct matrix m;

    (void)state;
    make_matrix(&m, 4, 12, 8, 99);
    m.o.block = 5;
    is_reference(&m, obs_damped_mask, obs_damped_w, obs_damped_score);
}

/*
 * H = {{2, 1}, {1, 2}}: its inverse is {{2, -1}, {-1, 2}} / 3. Without the
 * first of the weights {3, 1} the best second one is 1 + 3 / 2.
 */
static void two_weights_by_hand(void **state)
{
    double h[4] = {2, 1, 77, 2}, w[2] = {3, 1}, used;
    uint8_t mask[2] = {0, 1};
    struct pare_obs o = {.rows = 1,
                         .cols = 2,
                         .w = w,
                         .mask = mask,
                         .factor = h,
                         .block = 2,
                         .fixed = true,
                         .threads = 1};
    float score[2];

    (void)state;
    assert_int_equal(pare_linalg_inverse_factor(h, 2, 0, &used, 1), 0);
    assert_close(h[0], sqrt(2.0 / 3), 1e-15);
    assert_close(h[1], -sqrt(1.0 / 6), 1e-15);
    assert_true(h[2] == 0);
    assert_close(h[3], sqrt(1.0 / 2), 1e-15);
    pare_obs_scores(score, &o);
    assert_close(score[0], 13.5, 1e-6); /* 9 / (2/3) */
    assert_close(score[1], 2, 1e-6);    /* 1 / (1/2) */
    assert_int_equal(pare_obs_prune(&o), 0);
    assert_true(w[0] == 0);
    assert_close(w[1], 2.5, 1e-14);
}

/*
 * Where all that goes comes before all that stays, what stays is the least
 * squares fit to the outputs there were.
 */
static void what_stays_is_the_least_squares_fit(void **state)
{
    struct matrix m;
    double was[10], gradient;

    (void)state;
    make_matrix(&m, 1, 10, 40, 99);
    factor(&m, 0);
    memcpy(was, m.w, sizeof was);
    m.o.fixed = true;
    m.o.block = 3;
    for (size_t i = 0; i < 10; i++)
        m.mask[i] = i >= 5;
    assert_int_equal(pare_obs_prune(&m.o), 0);
    for (size_t j = 5; j < 10; j++) {
        gradient = 0;
        for (size_t s = 0; s < 40; s++) {
            double e = 0;

            for (size_t k = 0; k < 10; k++)
                e += (m.w[k] - was[k]) * m.x[s * 10 + k];
            gradient += e * m.x[s * 10 + j];
        }
        assert_close(gradient, 0, 1e-12);
    }
}

/* Squared error of a matrix's outputs. */
static double output_error(const struct matrix *m, const double *w,
                           const double *was)
{
    double sum = 0;

    for (size_t r = 0; r < m->o.rows; r++)
        for (size_t s = 0; s < m->samples; s++) {
            double e = 0;

            for (size_t k = 0; k < m->o.cols; k++)
                e += (w[r * m->o.cols + k] - was[r * m->o.cols + k]) *
                     m->x[s * m->o.cols + k];
            sum += e * e;
        }
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return x < y ? -1 : x > y;
}

static void the_outputs_change_less_than_by_magnitude(void **state)
{
    struct matrix m;
    double was[120], sorted[120], magnitude[120];

    (void)state;
    make_matrix(&m, 10, 12, 60, 99);
    memcpy(was, m.w, sizeof was);
    memcpy(sorted, m.w, sizeof sorted);
    qsort(sorted, 120, sizeof *sorted, by_size);
    for (size_t i = 0; i < 120; i++)
        magnitude[i] = fabs(was[i]) >= fabs(sorted[60]) ? was[i] : 0;
    factor(&m, 0.01);
    assert_int_equal(pare_obs_prune(&m.o), 0);
    assert_true(output_error(&m, m.w, was) <
                0.9 * output_error(&m, magnitude, was));
}

static void singular_matrices_are_damped_until_they_are_not(void **state)
{
    double h[9], used = 9;

    (void)state;
    for (size_t i = 0; i < 9; i++)
        h[i] = 2;
    assert_int_equal(pare_linalg_inverse_factor(h, 3, 0, &used, 1), 0);
    assert_close(used, 1e-6, 1e-18);
    memcpy(h, (double[9]){1, 3, 3, 0, 1, 3, 0, 0, 1}, sizeof h);
    assert_int_equal(pare_linalg_inverse_factor(h, 3, 0.01, &used, 1), 0);
    assert_close(used, 10, 1e-12); /* eigenvalues -2, -2 and 7 */
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            double sum = 0; /* of U (H + 10 I) U^T */

            for (size_t a = i; a < 3; a++)
                for (size_t b = j; b < 3; b++)
                    sum += h[i * 3 + a] * (a == b ? 11 : 3) * h[j * 3 + b];
            assert_close(sum, i == j, 1e-14);
        }
}

/* H of so many rows, positive definite. */
static double *large_matrix(size_t n)
{
    double *h = malloc(n * n * sizeof *h);

    assert_non_null(h);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            h[i * n + j] = i == j ? (double)n / 8 : i < j ? hash(i * n + j) : 0;
    return h;
}

/* Row r of U times (H + damp of its diagonal), times row c of U. */
static double product(const double *u, const double *h, size_t n, size_t r,
                      size_t c, double damp)
{
    double sum = 0;

    for (size_t i = r; i < n; i++) {
        double part = 0;

        for (size_t j = c; j < n; j++) {
            double x = i < j ? h[i * n + j] : h[j * n + i];

            part += u[c * n + j] * (i == j ? x * (1 + damp) : x);
        }
        sum += u[r * n + i] * part;
    }
    return sum;
}

/* U H U^T = 1; sizes below, at and above those of the tiles. */
static void factors_of_any_size_are_inverses(void **state)
{
    static const size_t size[] = {1, 2, 127, 128, 129, 256, 300};
    double used;

    (void)state;
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        size_t n = size[k];
        double *h = large_matrix(n), *one = large_matrix(n);
        double *two = large_matrix(n);

        assert_int_equal(pare_linalg_inverse_factor(one, n, 0.5, &used, 1), 0);
        assert_int_equal(pare_linalg_inverse_factor(two, n, 0.5, &used, 3), 0);
        assert_memory_equal(one, two, n * n * sizeof *one);
        for (size_t r = 0; r < n; r++) {
            assert_true(one[r * n + r] > 0);
            for (size_t c = 0; c < r; c++)
                assert_true(one[r * n + c] == 0);
        }
        for (size_t i = 0; i < 40; i++) {
            size_t r = i * 37 % n, c = i * 53 % n;

            assert_close(product(one, h, n, r, c, 0.5), r == c, 1e-12);
            assert_close(product(one, h, n, r, r, 0.5), 1, 1e-12);
        }
        free(h);
        free(one);
        free(two);
    }
}

static void hopeless_matrices_are_refused(void **state)
{
    static const double bad[][4] = {{0, 0, 0, 0},
                                    {1, 0, 0, (double)NAN},
                                    {(double)INFINITY, 0, 0, 1},
                                    {1, (double)NAN, 0, 1},
                                    {1, 1e9, 0, 1},
                                    {-1, 0, 0, 0.5}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double h[4], used = 9;

        memcpy(h, bad[i], sizeof h);
        assert_int_equal(pare_linalg_inverse_factor(h, 2, 0.01, &used, 1),
                         PARE_EINVAL);
        assert_non_null(strstr(pare_error(), "Hessian"));
        assert_true(used == 9);
    }
}

/* ---- the criterion, on a network ---- */

enum { N = 20, FEATURES = 100, TENSORS = 6 };

struct net {
    struct pare_model m;
    struct pare_dataset d;
    struct pare_criterion_spec c;
    struct pare_criterion_input in;
    struct pare_revision r;
    float x[N * FEATURES], *value[TENSORS], *score[TENSORS];
    uint8_t *mask[TENSORS];
    int32_t y[N];
};

static void make_net(struct net *n, const char *arch, const char *criterion)
{
    memset(n, 0, sizeof *n);
    n->m = small_model(arch, 1);
    for (size_t t = 0; t < n->m.n_tensors; t++)
        for (size_t i = 0; i < n->m.tensor[t].n; i++)
            n->m.tensor[t].value[i] = (float)hash(i + 1000 * t) / 2;
    for (size_t i = 0; i < N * FEATURES; i++)
        n->x[i] = (float)hash(9000 + i);
    n->d.shape = n->m.arch.input;
    n->d.features = FEATURES;
    n->d.type = PARE_X_F32;
    n->d.n_classes = 3;
    n->d.norm.scale = 1;
    n->d.split[PARE_TRAIN] = (struct pare_split){.n = N, .x = n->x, .y = n->y};
    if (pare_criterion_parse(&n->c, criterion))
        fail_msg("%s", pare_error());
    n->in = (struct pare_criterion_input){
        .data = &n->d, .seed = 1, .threads = 1, .opt = n->c.opt};
    n->r.value = n->value;
    n->r.mask = n->mask;
    for (size_t t = 0; t < n->m.n_tensors; t += 2) {
        const struct pare_tensor *x = &n->m.tensor[t];

        n->value[t] = malloc(x->n * sizeof(float));
        n->score[t] = malloc(x->n * sizeof(float));
        n->mask[t] = malloc(x->n);
        assert_true(n->value[t] && n->score[t] && n->mask[t]);
        memcpy(n->value[t], x->value, x->n * sizeof(float));
        for (size_t i = 0; i < x->n; i++)
            n->mask[t][i] = i % 2;
    }
}

static void free_net(struct net *n)
{
    for (size_t t = 0; t < TENSORS; t++) {
        free(n->value[t]);
        free(n->score[t]);
        free(n->mask[t]);
    }
    pare_model_release(&n->m);
}

static void score(struct net *n)
{
    if (n->c.row->score(n->score, &n->m, &n->in))
        fail_msg("%s", pare_error());
}

static void revise(struct net *n)
{
    if (n->c.row->revise(&n->r, &n->m, &n->in))
        fail_msg("%s", pare_error());
}

#define CONV                                                                   \
    "in(4,5,5) conv2d(6,3,stride=2,pad=1,groups=2) relu flatten linear(5) "    \
    "relu linear(3)"

static void scores_of_a_network_are_those_of_numpy(void **state)
{
    const double *want = obs_net_score;
    struct net n;

    (void)state;
    make_net(&n, CONV, "obs");
    score(&n);
    for (size_t t = 0; t < TENSORS; t += 2)
        for (size_t i = 0; i < n.m.tensor[t].n; i++, want++)
            assert_close(n.score[t][i], *want, 1e-5 * *want + 1e-12);
    free_net(&n);
}

static void is_revised(size_t of, const char *mask, const double *w)
{
    struct net n;

    make_net(&n, CONV, "obs,block=16");
    n.r.of = of;
    n.r.keep = of / 2;
    revise(&n);
    for (size_t t = 0; t < TENSORS; t += 2)
        for (size_t i = 0; i < n.m.tensor[t].n; i++, mask++, w++) {
            assert_int_equal(n.mask[t][i], *mask - '0');
            assert_close(n.value[t][i], *w, 1e-6);
            assert_true(n.mask[t][i] || n.value[t][i] == 0);
            /* The model itself is as it was. */
            assert_true(n.m.tensor[t].value[i] ==
                        (float)hash(i + 1000 * t) / 2);
        }
    assert_string_equal(n.r.note, "");
    free_net(&n);
}

static void a_network_is_revised_layer_by_layer(void **state)
{
    (void)state;
    is_revised(0, obs_net_plain_mask, obs_net_plain_w);
}

static void a_network_is_revised_in_groups_of_weights(void **state)
{
    (void)state;
    is_revised(2, obs_net_ntom_mask, obs_net_ntom_w);
}

static void threads_do_not_change_the_bits(void **state)
{
    struct net one, two;

    (void)state;
    make_net(&one, "in(100) linear(400) relu linear(300) relu linear(3)",
             "obs");
    make_net(&two, "in(100) linear(400) relu linear(300) relu linear(3)",
             "obs");
    two.in.threads = 2;
    score(&one);
    score(&two);
    revise(&one);
    revise(&two);
    for (size_t t = 0; t < TENSORS; t += 2) {
        size_t k = one.m.tensor[t].n;

        assert_memory_equal(one.score[t], two.score[t], k * sizeof(float));
        assert_memory_equal(one.value[t], two.value[t], k * sizeof(float));
        assert_memory_equal(one.mask[t], two.mask[t], k);
    }
    free_net(&one);
    free_net(&two);
}

static void a_layer_that_loses_nothing_is_left_alone(void **state)
{
    struct net n;

    (void)state;
    make_net(&n, CONV, "obs");
    memset(n.mask[0], 1, n.m.tensor[0].n);
    free(n.value[4]);
    n.value[4] = NULL; /* not in question */
    revise(&n);
    assert_memory_equal(n.value[0], n.m.tensor[0].value,
                        n.m.tensor[0].n * sizeof(float));
    assert_true(n.value[2][0] != n.m.tensor[2].value[0]);
    free_net(&n);
}

static void damping_that_was_needed_is_told(void **state)
{
    struct net n;

    (void)state;
    make_net(&n, CONV, "obs,damp=0");
    revise(&n); /* 20 samples: 54 inputs of the linear layer */
    assert_string_equal(n.r.note,
                        "fc1 has no inverse Hessian: damped by 1e-06");
    free_net(&n);
}

static void biases_and_bad_weights_are_refused(void **state)
{
    struct net n;
    float bias[6];

    (void)state;
    make_net(&n, CONV, "obs");
    n.score[1] = bias;
    assert_int_equal(n.c.row->score(n.score, &n.m, &n.in), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "conv1.bias"));
    n.score[1] = NULL;
    n.in.calibrate = N + 1;
    assert_int_equal(n.c.row->score(n.score, &n.m, &n.in), PARE_EINVAL);
    n.in.calibrate = 0;
    n.m.tensor[1].value[0] = (float)NAN;
    assert_int_equal(n.c.row->score(n.score, &n.m, &n.in), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "fc1: the Hessian"));
    free_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_columns_are_those_of_the_paper),
        cmocka_unit_test(groups_of_n_of_m_are_those_of_the_paper),
        cmocka_unit_test(a_fixed_mask_is_kept),
        cmocka_unit_test(what_was_pruned_before_stays_pruned),
        cmocka_unit_test(dead_inputs_have_weights_of_0),
        cmocka_unit_test(fewer_samples_than_columns_are_damped),
        cmocka_unit_test(two_weights_by_hand),
        cmocka_unit_test(what_stays_is_the_least_squares_fit),
        cmocka_unit_test(the_outputs_change_less_than_by_magnitude),
        cmocka_unit_test(singular_matrices_are_damped_until_they_are_not),
        cmocka_unit_test(factors_of_any_size_are_inverses),
        cmocka_unit_test(hopeless_matrices_are_refused),
        cmocka_unit_test(scores_of_a_network_are_those_of_numpy),
        cmocka_unit_test(a_network_is_revised_layer_by_layer),
        cmocka_unit_test(a_network_is_revised_in_groups_of_weights),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(a_layer_that_loses_nothing_is_left_alone),
        cmocka_unit_test(damping_that_was_needed_is_told),
        cmocka_unit_test(biases_and_bad_weights_are_refused),
    };

    return run_group(tests);
}
