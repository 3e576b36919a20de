#include "unit.h"

#include "evaluate.h"
#include "net_case.h"
#include "rng.h"
#include "train.h"

/* A network that only copies its inputs: linear(n) of the unit matrix. */
static void copying_model(struct pare_model *m, size_t n)
{
    struct pare_arch arch;
    char text[64];

    snprintf(text, sizeof text, "in(%zu) linear(%zu,bias=no)", n, n);
    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_init(m, &arch), 0);
    for (size_t i = 0; i < n; i++)
        m->tensor[0].value[i * n + i] = 1;
    m->norm.scale = 1;
}

static struct pare_dataset dataset(float *x, int32_t *y, size_t n,
                                   size_t features, size_t classes)
{
    struct pare_dataset d = {
        .features = features, .type = PARE_X_F32, .n_classes = classes};

    d.shape = (struct pare_shape){1, {features}};
    d.norm.scale = 1;
    d.split[PARE_TEST] = (struct pare_split){.n = n, .x = x, .y = y};
    d.split[PARE_TRAIN] = d.split[PARE_TEST];
    return d;
}

static void counts_are_those_of_the_outputs(void **state)
{
    /* Seven outputs; the rank of the true class is in the comment. */
    float x[][7] = {
        {9, 1, 2, 3, 4, 5, 6}, /* 0: 0 */
        {9, 1, 2, 3, 4, 5, 6}, /* 6: 1 */
        {9, 1, 2, 3, 4, 5, 6}, /* 3: 4, the last of five */
        {9, 1, 2, 3, 4, 5, 6}, /* 2: 5 */
        {1, 7, 7, 0, 0, 0, 0}, /* 1: 0, a tie goes to the lower class */
        {1, 7, 7, 0, 0, 0, 0}, /* 2: 1 */
        {0, 0, 0, 0, 0, 0, 0}, /* 4: 4 */
        {0, 0, 0, 0, 0, 0, 0}, /* 5: 5 */
    };
    int32_t y[] = {0, 6, 3, 2, 1, 2, 4, 5};
    static const int guess[] = {0, 0, 0, 0, 1, 1, 0, 0};
    struct pare_dataset d = dataset(&x[0][0], y, 8, 7, 7);
    struct pare_evaluation e = {0};
    struct pare_model m;
    double loss = 0;

    (void)state;
    copying_model(&m, 7);
    assert_int_equal(pare_evaluate(&e, &m, &d, PARE_TEST, 1), 0);
    assert_int_equal(e.n, 8);
    assert_int_equal(e.correct, 2);
    assert_int_equal(e.top5, 6);
    assert_int_equal(e.n_classes, 7);
    for (int s = 0; s < 8; s++) {
        double sum = 0;

        for (int c = 0; c < 7; c++)
            sum += exp((double)x[s][c]);
        loss += (log(sum) - (double)x[s][y[s]]) / 8;
        assert_true(e.confusion[y[s] * 7 + guess[s]] >= 1);
        e.confusion[y[s] * 7 + guess[s]]--;
    }
    for (int i = 0; i < 49; i++)
        assert_int_equal(e.confusion[i], 0);
    assert_close(e.loss, loss, 1e-6);
    pare_evaluation_release(&e);
    pare_model_release(&m);
}

/* Outputs that are no numbers, or too large for one. */
static void an_answer_that_is_not_a_number_is_wrong(void **state)
{
    float x[][3] = {{NAN, 0, 0}, {0, 0, NAN}, {5, NAN, 1}, {0, 9, 0}};
    int32_t y[] = {0, 2, 0, 1};
    struct pare_dataset d = dataset(&x[0][0], y, 4, 3, 3);
    struct pare_evaluation e = {0};
    uint64_t hits = 0, all = 0;
    struct pare_model m;

    (void)state;
    copying_model(&m, 3);
    assert_int_equal(pare_evaluate(&e, &m, &d, PARE_TEST, 1), 0);
    assert_int_equal(e.correct, 1);
    assert_false(isfinite(e.loss));
    for (size_t i = 0; i < 9; i++) {
        hits += i % 4 == 0 ? e.confusion[i] : 0;
        all += e.confusion[i];
    }
    assert_int_equal(all, 4);
    assert_int_equal(hits, e.correct);
    pare_evaluation_release(&e);
    pare_model_release(&m);
}

static void what_cannot_be_measured_is_refused(void **state)
{
    float x[3] = {0};
    int32_t y[] = {0};
    struct pare_dataset d = dataset(x, y, 1, 3, 3);
    struct pare_evaluation e = {.n = 77};
    struct pare_model m;

    (void)state;
    copying_model(&m, 3);
    assert_int_equal(pare_evaluate(&e, &m, &d, PARE_VAL, 1), PARE_EINVAL);
    d.n_classes = 4;
    assert_int_equal(pare_evaluate(&e, &m, &d, PARE_TEST, 1), PARE_EMISMATCH);
    d.n_classes = 3;
    d.features = 2;
    assert_int_equal(pare_evaluate(&e, &m, &d, PARE_TEST, 1), PARE_EMISMATCH);
    assert_int_equal(e.n, 77);
    pare_model_release(&m);
}

enum { INPUTS = 6, CLASSES = 4, SAMPLES = 700 };

/* A case large enough to be several blocks, and worth threads. */
struct many {
    struct pare_model m;
    struct pare_dataset d;
    float x[SAMPLES * INPUTS];
    int32_t y[SAMPLES];
};

static void set_up(struct many *s)
{
    static const char *const layers[] = {
        "linear(40)", "batchnorm", "tanh",     "dropout(0.4)",
        "linear(50)", "sigmoid",   "linear(4)"};

    for (int i = 0; i < SAMPLES; i++) {
        for (int f = 0; f < INPUTS; f++)
            s->x[i * INPUTS + f] = case_input(i, f);
        s->y[i] = case_label(i, CLASSES);
    }
    s->d = dataset(s->x, s->y, SAMPLES, INPUTS, CLASSES);
    case_model(&s->m, INPUTS, layers, 7);
}

static void threads_do_not_change_an_evaluation(void **state)
{
    static struct many s;
    struct pare_evaluation one = {0}, more = {0};

    (void)state;
    set_up(&s);
    assert_int_equal(pare_evaluate(&one, &s.m, &s.d, PARE_TEST, 1), 0);
    for (int threads = 2; threads <= 4; threads++) {
        assert_int_equal(pare_evaluate(&more, &s.m, &s.d, PARE_TEST, threads),
                         0);
        assert_memory_equal(&one.loss, &more.loss, sizeof one.loss);
        assert_memory_equal(one.confusion, more.confusion,
                            CLASSES * CLASSES * sizeof *one.confusion);
        pare_evaluation_release(&more);
    }
    pare_evaluation_release(&one);
    pare_model_release(&s.m);
}

/* Gradient of the mean loss over samples, against central differences. */
static void the_gradient_is_the_slope_of_the_loss(void **state)
{
    static struct many s;
    static float grad[4][50 * 40], twice[4][50 * 40];
    float *g[16] = {NULL}, *h[16] = {NULL};
    uint32_t index[SAMPLES];
    struct pare_evaluation e = {0};

    (void)state;
    set_up(&s);
    assert_true(s.m.n_tensors <= 16);
    for (uint32_t i = 0; i < SAMPLES; i++)
        index[i] = (SAMPLES - 1 - i) * 3 % SAMPLES; /* a permutation */
    for (size_t t = 0, k = 0; t < s.m.n_tensors && k < 3; t++)
        if (s.m.tensor[t].role == PARE_ROLE_WEIGHT) {
            g[t] = grad[k];
            h[t] = twice[k++];
        }
    assert_int_equal(pare_gradient(g, &s.m, &s.d, index, SAMPLES, 1), 0);
    assert_int_equal(pare_gradient(h, &s.m, &s.d, index, SAMPLES, 3), 0);
    for (size_t t = 0; t < s.m.n_tensors; t++) {
        struct pare_tensor *x = &s.m.tensor[t];

        if (!g[t])
            continue;
        assert_memory_equal(g[t], h[t], x->n * sizeof(float));
        for (size_t i = 0; i < x->n; i += x->n / 7) {
            const float was = x->value[i];
            double slope;

            x->value[i] = was + 0.01f;
            assert_int_equal(pare_evaluate(&e, &s.m, &s.d, PARE_TRAIN, 1), 0);
            slope = e.loss;
            pare_evaluation_release(&e);
            x->value[i] = was - 0.01f;
            assert_int_equal(pare_evaluate(&e, &s.m, &s.d, PARE_TRAIN, 1), 0);
            slope = (slope - e.loss) / 0.02;
            pare_evaluation_release(&e);
            x->value[i] = was;
            assert_close(g[t][i], slope, 2e-4);
        }
    }
    assert_int_equal(pare_gradient(g, &s.m, &s.d, index, 0, 1), PARE_EINVAL);
    index[5] = SAMPLES;
    assert_int_equal(pare_gradient(g, &s.m, &s.d, index, 9, 1), PARE_EINVAL);
    pare_model_release(&s.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_outputs),
        cmocka_unit_test(an_answer_that_is_not_a_number_is_wrong),
        cmocka_unit_test(what_cannot_be_measured_is_refused),
        cmocka_unit_test(threads_do_not_change_an_evaluation),
        cmocka_unit_test(the_gradient_is_the_slope_of_the_loss),
    };

    return run_group(tests);
}
