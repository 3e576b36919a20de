#include "unit.h"

#include "compact.h"
#include "digest.h"
#include "initializer.h"
#include "rng.h"
#include "status.h"

enum { IN = 300, OUT = 200 };

static void build(struct pare_model *m)
{
    struct pare_arch arch;

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, "in(300) a=linear(200) batchnorm "
                                            "relu b=linear(7,bias=no)"),
                     0);
    assert_int_equal(pare_model_init(m, &arch), 0);
}

static float **new_values(const struct pare_model *m)
{
    float **v = calloc(m->n_tensors, sizeof *v);

    for (size_t t = 0; t < m->n_tensors; t++)
        v[t] = calloc(m->tensor[t].n, sizeof **v);
    return v;
}

static void free_values(float **v, const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        free(v[t]);
    free(v);
}

/* Mean, standard deviation and largest magnitude of a tensor. */
static void moments(const struct pare_tensor *t, double *mean, double *sd,
                    double *max)
{
    double s = 0, ss = 0;

    *max = 0;
    for (size_t i = 0; i < t->n; i++) {
        double v = (double)t->value[i];

        s += v;
        ss += v * v;
        *max = fabs(v) > *max ? fabs(v) : *max;
    }
    *mean = s / (double)t->n;
    *sd = sqrt(ss / (double)t->n);
}

static void each_initializer_has_its_variance_and_bound(void **state)
{
    const struct {
        const char *spec;
        double sd, bound; /* 0: normal, without a bound */
    } want[] = {
        {"pytorch", sqrt(1 / 3. / IN), sqrt(1. / IN)},
        {"glorot-uniform", sqrt(2. / (IN + OUT)), sqrt(6. / (IN + OUT))},
        {"glorot-normal", sqrt(2. / (IN + OUT)), 0},
        {"he-uniform", sqrt(2. / IN), sqrt(6. / IN)},
        {"he-normal", sqrt(2. / IN), 0},
        {"normal", 0.01, 0},
        {"normal,sd=.3", 0.3, 0},
    };
    double mean, sd, max;
    struct pare_model m;

    (void)state;
    build(&m);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(pare_model_draw(&m, want[i].spec, 5), 0);
        moments(&m.tensor[0], &mean, &sd, &max);
        assert_close(mean, 0, 4 * want[i].sd / sqrt(IN * OUT));
        assert_close(sd, want[i].sd, 0.02 * want[i].sd);
        if (want[i].bound > 0)
            assert_in_range((int)(1e4 * max / want[i].bound), 9990, 10000);
        else
            assert_true(max > 3.5 * want[i].sd && max < 6 * want[i].sd);
        moments(pare_model_tensor(&m, "a.bias"), &mean, &sd, &max);
        if (i == 0)
            assert_in_range((int)(1e4 * max / want[i].bound), 9000, 10000);
        else
            assert_true(max == 0);
    }
    pare_model_release(&m);
}

static void batch_norm_starts_as_the_identity(void **state)
{
    static const struct {
        const char *suffix;
        float want;
    } part[] = {{"scale", 1}, {"shift", 0}, {"mean", 0}, {"var", 1}};
    struct pare_model m;
    char name[2 * PARE_NAME_MAX];

    (void)state;
    build(&m);
    for (size_t t = 0; t < m.n_tensors; t++)
        memset(m.tensor[t].value, 0x7f, m.tensor[t].n * sizeof(float));
    assert_int_equal(pare_model_draw(&m, "he-normal", 1), 0);
    for (int p = 0; p < 4; p++) {
        struct pare_tensor *t;

        snprintf(name, sizeof name, "%s.%s", m.arch.layer[1].name,
                 part[p].suffix);
        t = pare_model_tensor(&m, name);
        assert_non_null(t);
        for (size_t i = 0; i < t->n; i++)
            assert_true(t->value[i] == part[p].want);
    }
    pare_model_release(&m);
}

/* PyTorch: inputs of a filter are those of its group, times the taps. */
static void filters_have_the_fans_of_pytorch(void **state)
{
    struct pare_model m = {0};
    struct pare_arch arch;
    double mean, sd, max;

    (void)state;
    assert_int_equal(
        pare_arch_parse(&arch, "in(64,9,9) conv2d(96,3x5,groups=4)"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_model_draw(&m, "pytorch", 3), 0);
    moments(&m.tensor[0], &mean, &sd, &max);
    assert_close(max, 1 / sqrt(16 * 15), 1e-5);
    moments(&m.tensor[1], &mean, &sd, &max);
    assert_close(max, 1 / sqrt(16 * 15), 5e-3);
    assert_int_equal(pare_model_draw(&m, "glorot-normal", 3), 0);
    moments(&m.tensor[0], &mean, &sd, &max);
    assert_close(sd, sqrt(2.0 / (16 * 15 + 24 * 15)), 1e-3);
    pare_model_release(&m);
}

static void an_srelu_starts_as_a_leaky_relu(void **state)
{
    static const float want[4] = {0, 0.2f, 1, 1};
    struct pare_model m = {0};
    struct pare_arch arch;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "in(3,2,2) srelu linear(2)"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_model_draw(&m, "he-normal", 3), 0);
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < 3; i++)
            assert_true(m.tensor[t].value[i] == want[t]);
    assert_false(pare_tensor_prunable(&m.tensor[1]));
    pare_model_release(&m);
}

/* As Mocanu et al. begin: al in [0, 1), tr in [0, 5). */
static void an_srelu_can_start_at_random(void **state)
{
    const double range[4] = {0, 1, 5, 0};
    struct pare_model m = {0};
    struct pare_arch arch;
    double mean, sd, max;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "in(4000) srelu linear(2)"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_model_draw(&m, "glorot-uniform,srelu=random", 3), 0);
    for (int t = 0; t < 4; t++) {
        moments(&m.tensor[t], &mean, &sd, &max);
        assert_close(mean, t == 3 ? 1 : range[t] / 2, 0.02 * range[t]);
        assert_close(max, t == 3 ? 1 : range[t], 0.01 * range[t]);
        for (size_t i = 0; i < m.tensor[t].n; i++)
            assert_true(m.tensor[t].value[i] >= 0);
    }
    pare_model_release(&m);
}

static void tensors_draw_from_streams_of_their_own(void **state)
{
    const double bound = sqrt(1. / OUT);
    static float want[7 * OUT];
    struct pare_model m;

    (void)state;
    build(&m);
    assert_int_equal(pare_model_draw(&m, "pytorch", 77), 0);
    assert_string_equal(m.tensor[6].name, "b.weight");
    pare_rng_uniform(want, 7 * OUT, -bound, bound, 77, PARE_STREAM_INIT, 6);
    assert_memory_equal(m.tensor[6].value, want, sizeof want);
    pare_model_release(&m);
}

static void init_is_regenerated_bit_for_bit(void **state)
{
    struct pare_model m;
    float **v, *first;

    (void)state;
    build(&m);
    v = new_values(&m);
    assert_int_equal(pare_model_draw(&m, "normal,sd=.10", 9), 0);
    assert_string_equal(m.init.spec, "normal,sd=0.1");
    assert_int_equal(m.init.seed, 9);
    assert_non_null(pare_model_checkpoint(&m, "init"));
    assert_null(pare_model_checkpoint(&m, "init")->value);
    first = malloc(m.tensor[0].n * sizeof *first);
    memcpy(first, m.tensor[0].value, m.tensor[0].n * sizeof *first);
    for (size_t t = 0; t < m.n_tensors; t++)
        memset(m.tensor[t].value, 0, m.tensor[t].n * sizeof(float));
    assert_int_equal(pare_model_init_values(v, &m), 0);
    assert_memory_equal(v[0], first, m.tensor[0].n * sizeof *first);

    m.init.digest[3] = m.init.digest[3] == '0' ? '1' : '0';
    assert_int_equal(pare_model_init_values(v, &m), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), m.init.digest));
    free(first);
    free_values(v, &m);
    pare_model_release(&m);
}

static void a_whole_init_is_copied(void **state)
{
    struct pare_model m;
    float **v;

    (void)state;
    build(&m);
    v = new_values(&m);
    assert_int_equal(pare_model_init_values(v, &m), PARE_EFORMAT);
    m.tensor[0].value[5] = 42;
    assert_int_equal(pare_model_save_checkpoint(&m, "init", false), 0);
    m.tensor[0].value[5] = 0;
    assert_int_equal(pare_model_init_values(v, &m), 0);
    assert_true(v[0][5] == 42.0f);
    free_values(v, &m);
    pare_model_release(&m);
}

static void a_draw_keeps_masks_and_remembers_the_whole(void **state)
{
    struct pare_model m;
    float **v;

    (void)state;
    build(&m);
    v = new_values(&m);
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    m.tensor[0].mask[3] = 0;
    assert_int_equal(pare_model_draw(&m, "he-uniform", 2), 0);
    assert_true(m.tensor[0].value[3] == 0);
    assert_true(m.tensor[0].value[4] != 0);
    assert_int_equal(pare_model_init_values(v, &m), 0);
    assert_true(v[0][3] != 0);
    assert_true(v[0][4] == m.tensor[0].value[4]);
    free_values(v, &m);
    pare_model_release(&m);
}

static void bear(struct pare_model *m, const char *text, const char *init,
                 const char *sparse, uint64_t seed)
{
    struct pare_arch arch;

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_lay(m, &arch), 0);
    if (pare_model_draw_sparse(m, init, sparse, seed))
        fail_msg("%s", pare_error());
}

#define SMALL "in(40) a=linear(30) relu b=linear(20) relu c=linear(7)"

static void a_sparse_model_has_the_numbers_of_the_dense_one(void **state)
{
    static const char *const init[] = {"pytorch", "he-normal", "normal,sd=.1"};
    struct pare_model dense = {0}, m;
    struct pare_arch arch;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pare_arch_parse(&arch, SMALL), 0);
        assert_int_equal(pare_model_init(&dense, &arch), 0);
        assert_int_equal(pare_model_draw(&dense, init[i], 9), 0);
        bear(&m, SMALL, init[i], "er,density=.2,layers=[ab]", 9);
        assert_string_equal(m.init.sparse, "er,density=0.2,layers=[ab]");
        for (size_t t = 0; t < m.n_tensors; t++) {
            const struct pare_tensor *x = &m.tensor[t];

            assert_int_equal(x->mask != NULL, t == 0 || t == 2);
            for (size_t k = 0; k < x->n; k++)
                assert_true(
                    x->value[k] ==
                    (x->mask && !x->mask[k] ? 0 : dense.tensor[t].value[k]));
        }
        assert_int_equal(pare_tensor_kept(&m.tensor[0]) +
                             pare_tensor_kept(&m.tensor[2]),
                         (30 * 40 + 20 * 30) / 5);
        assert_int_equal(m.tensor[0].target, pare_tensor_kept(&m.tensor[0]));
        pare_model_release(&m);
        pare_model_release(&dense);
    }
}

/* With fan=sparse a unit of k inputs counts k: pytorch has no other fan. */
static void a_sparse_fan_is_that_of_the_unit(void **state)
{
    struct pare_model dense, m;

    (void)state;
    bear(&dense, SMALL, "pytorch", "bernoulli,density=.3", 5);
    bear(&m, SMALL, "pytorch", "bernoulli,density=.3,fan=sparse", 5);
    for (size_t t = 0; t < m.n_tensors; t += 2) {
        const struct pare_tensor *x = &m.tensor[t];
        const size_t cols = x->dim[1];

        for (size_t r = 0; r < x->dim[0]; r++) {
            size_t kept = 0;

            for (size_t c = 0; c < cols; c++)
                kept += x->mask[r * cols + c];
            for (size_t c = 0; c < cols; c++) {
                double was = (double)dense.tensor[t].value[r * cols + c];

                assert_close(x->value[r * cols + c],
                             kept ? was * sqrt((double)cols / (double)kept) : 0,
                             1e-6);
            }
        }
        assert_memory_equal(m.tensor[t + 1].value, dense.tensor[t + 1].value,
                            m.tensor[t + 1].n * sizeof(float));
    }
    assert_int_equal(pare_model_draw(&m, "normal", 5), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "whose spread is given"));
    pare_model_release(&m);
    pare_model_release(&dense);
}

static void synapses_draws_sparse_layers_and_their_biases(void **state)
{
    static const char arch[] = "784-512-128-10";
    double mean, sd, max;
    struct pare_model m, torch;

    (void)state;
    bear(&m, arch, "synapses", "er,epsilon=11,layers=fc[12]", 5);
    bear(&torch, arch, "pytorch", "er,epsilon=11,layers=fc[12]", 5);
    moments(&m.tensor[0], &mean, &sd, &max);
    sd *= sqrt((double)m.tensor[0].n / 14256); /* zeros are in it */
    assert_close(sd, sqrt(2. / 784), 0.02 * sqrt(2. / 784));
    moments(&m.tensor[1], &mean, &sd, &max);
    assert_close(sd, sqrt(2. / 784), 0.1 * sqrt(2. / 784));
    moments(&m.tensor[3], &mean, &sd, &max);
    assert_close(sd, sqrt(2. / 512), 0.2 * sqrt(2. / 512));
    for (size_t t = 4; t < 6; t++)
        assert_memory_equal(m.tensor[t].value, torch.tensor[t].value,
                            m.tensor[t].n * sizeof(float));
    pare_model_release(&torch);
    pare_model_release(&m);
}

/* Mirror the mask of a tensor, as rewiring could. */
static void mirror(struct pare_model *m, size_t t)
{
    struct pare_tensor *x = &m->tensor[t];

    for (size_t i = 0, k = x->n - 1; i < k; i++, k--) {
        uint8_t bit = x->mask[i];

        x->mask[i] = x->mask[k];
        x->mask[k] = bit;
    }
    pare_model_apply_masks(m);
}

/* First values where the connections of now were there at first, else 0. */
static void a_rewired_model_finds_its_first_weights(void **state)
{
    struct pare_model first, m;
    float **v, **c;
    size_t at_birth = 0, later = 0;

    (void)state;
    bear(&first, SMALL, "he-normal", "erk,density=.3,fan=sparse", 8);
    bear(&m, SMALL, "he-normal", "erk,density=.3,fan=sparse", 8);
    mirror(&m, 0);
    mirror(&m, 2);
    assert_int_equal(pare_model_draw_init(&v, &m), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        assert_memory_equal(v[t], first.tensor[t].value,
                            m.tensor[t].n * sizeof(float));
    for (size_t t = 0; t < m.n_tensors; t++)
        assert_int_equal(pare_tensor_compact(&m, t), 0);
    assert_non_null(m.tensor[0].pattern);
    assert_int_equal(pare_model_draw_init(&c, &m), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        for (size_t k = 0; k < m.tensor[t].n; k++) {
            const struct pare_pattern *p = m.tensor[t].pattern;
            size_t r = 0, at = k;

            while (p && k >= p->row[r + 1])
                r++;
            if (p)
                at = r * p->cols + p->col[k];
            assert_true(c[t][k] == v[t][at]);
            at_birth += p && c[t][k] != 0;
            later += p && c[t][k] == 0;
        }
    assert_true(at_birth > 20 && later > 20);
    m.init.digest[5] ^= 1;
    assert_int_equal(pare_model_init_values(c, &m), PARE_EFORMAT);
    m.init.digest[5] ^= 1;
    strcpy(m.init.sparse, "erk,density=nan");
    assert_int_equal(pare_model_init_values(c, &m), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "checkpoint 'init'"));
    free_values(c, &m);
    free_values(v, &m);
    pare_model_release(&m);
    pare_model_release(&first);
}

static void new_weights_of_a_rewired_model_are_its_first(void **state)
{
    struct pare_model m;
    float **v;

    (void)state;
    bear(&m, SMALL, "he-normal", "er,density=.3", 8);
    mirror(&m, 0);
    assert_int_equal(pare_model_draw(&m, "he-normal", 21), 0);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        assert_int_equal(m.tensor[0].value[i] != 0, m.tensor[0].mask[i]);
    assert_int_equal(pare_model_draw_init(&v, &m), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        assert_memory_equal(v[t], m.tensor[t].value,
                            m.tensor[t].n * sizeof(float));
    free_values(v, &m);
    pare_model_release(&m);
}

/* Dense when drawn, compact now. */
static void a_compact_model_finds_its_dense_first_weights(void **state)
{
    struct pare_model m = {0};
    struct pare_arch arch;
    float **v, **c;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, SMALL), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_model_draw(&m, "pytorch", 4), 0);
    assert_int_equal(pare_tensor_need_mask(&m.tensor[0]), 0);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        m.tensor[0].mask[i] = i % 3 == 0;
    pare_model_apply_masks(&m);
    assert_int_equal(pare_model_draw_init(&v, &m), 0);
    assert_int_equal(pare_tensor_compact(&m, 0), 0);
    assert_int_equal(m.tensor[0].n, 400);
    assert_int_equal(pare_model_draw_init(&c, &m), 0);
    for (size_t i = 0; i < 400; i++)
        assert_true(c[0][i] == v[0][3 * i]);
    assert_int_equal(pare_model_draw(&m, "pytorch", 4), 0);
    assert_memory_equal(m.tensor[0].value, c[0], 400 * sizeof **c);
    free_values(c, &m);
    free_values(v, &m);
    pare_model_release(&m);
}

static void a_layer_above_2_to_32_is_born_and_born_again(void **state)
{
    struct pare_model m;
    float **v;

    (void)state;
    bear(&m, "in(100000) a=linear(90000) relu b=linear(2)", "normal,sd=.1",
         "er,epsilon=.2,layers=a", 8);
    assert_int_equal(m.tensor[0].n, 38000);
    assert_int_equal(pare_model_draw_init(&v, &m), 0);
    for (size_t t = 0; t < m.n_tensors; t++)
        assert_memory_equal(v[t], m.tensor[t].value,
                            m.tensor[t].n * sizeof(float));
    for (size_t k = 0; k < m.tensor[0].n; k++)
        assert_true(v[0][k] != 0);
    free_values(v, &m);
    pare_model_release(&m);
}

static void wrong_texts_are_refused_and_change_nothing(void **state)
{
    static const char *const bad[][2] = {
        {"", "empty"},
        {"xavier", "there are pytorch, glorot-uniform, glorot-normal, "
                   "he-uniform, he-normal, normal, synapses"},
        {"pytorch,sd=1", "has no option 'sd': there is srelu"},
        {"pytorch,gain=1", "has no option 'gain': there is srelu"},
        {"normal,std=1", "there are sd and srelu"},
        {"normal,srelu", "must be leaky or random"},
        {"synapses", "for models that begin sparse"},
        {"normal,sd", "needs a value"},
        {"normal,sd=-1", "at least 0"},
        {"normal,sd=1,sd=1", "set twice"},
        {"normal=1", "the name comes first"},
    };
    char canon[PARE_SPEC_MAX] = "kept";
    struct pare_model m;

    (void)state;
    build(&m);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(bad[i][0], "synapses") != 0)
            assert_int_equal(pare_initializer_parse(canon, bad[i][0]),
                             PARE_EINVAL);
        else
            assert_int_equal(pare_model_draw(&m, bad[i][0], 1), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i][1]))
            fail_msg("%s: '%s' lacks '%s'", bad[i][0], pare_error(), bad[i][1]);
        assert_string_equal(canon, "kept");
        assert_int_equal(pare_model_draw(&m, bad[i][0], 1), PARE_EINVAL);
    }
    assert_null(pare_model_checkpoint(&m, "init"));
    assert_string_equal(m.init.spec, "");
    assert_int_equal(pare_initializer_parse(canon, "normal"), 0);
    assert_string_equal(canon, "normal,sd=0.01");
    assert_int_equal(pare_initializer_parse(canon, "he-normal,srelu=leaky"), 0);
    assert_string_equal(canon, "he-normal");
    assert_int_equal(pare_initializer_parse(canon, "normal,srelu=random"), 0);
    assert_string_equal(canon, "normal,sd=0.01,srelu=random");
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_initializer_has_its_variance_and_bound),
        cmocka_unit_test(batch_norm_starts_as_the_identity),
        cmocka_unit_test(filters_have_the_fans_of_pytorch),
        cmocka_unit_test(an_srelu_starts_as_a_leaky_relu),
        cmocka_unit_test(an_srelu_can_start_at_random),
        cmocka_unit_test(tensors_draw_from_streams_of_their_own),
        cmocka_unit_test(init_is_regenerated_bit_for_bit),
        cmocka_unit_test(a_whole_init_is_copied),
        cmocka_unit_test(a_draw_keeps_masks_and_remembers_the_whole),
        cmocka_unit_test(a_sparse_model_has_the_numbers_of_the_dense_one),
        cmocka_unit_test(a_sparse_fan_is_that_of_the_unit),
        cmocka_unit_test(synapses_draws_sparse_layers_and_their_biases),
        cmocka_unit_test(a_rewired_model_finds_its_first_weights),
        cmocka_unit_test(new_weights_of_a_rewired_model_are_its_first),
        cmocka_unit_test(a_compact_model_finds_its_dense_first_weights),
        cmocka_unit_test(a_layer_above_2_to_32_is_born_and_born_again),
        cmocka_unit_test(wrong_texts_are_refused_and_change_nothing),
    };

    return run_group(tests);
}
