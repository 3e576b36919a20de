#include "unit.h"

#include "net_case.h"
#include "train.h"

enum { INPUTS = 50, SAMPLES = 300, CELLS = INPUTS * SAMPLES };

/* Outputs of in(50) dropout(p) in training at a step, for inputs of 1. */
static void drop(float *out, double p, uint64_t seed, uint64_t step,
                 int threads)
{
    struct pare_dataset d = {.features = INPUTS, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    static float x[CELLS];
    struct pare_net *net;
    struct pare_model m;
    char layer[32];
    const char *layers[] = {layer, "linear(50,bias=no)"};

    snprintf(layer, sizeof layer, "dropout(%g)", p);
    case_model(&m, INPUTS, layers, 2);
    m.norm.scale = 1;
    for (size_t i = 0; i < m.tensor[0].n; i++)
        m.tensor[0].value[i] = i / INPUTS == i % INPUTS; /* copies */
    for (size_t i = 0; i < CELLS; i++)
        x[i] = 1;
    d.split[PARE_TRAIN] = (struct pare_split){.n = SAMPLES, .x = x};
    assert_int_equal(pare_net_new(&net, &m, SAMPLES, true, threads), 0);
    pare_net_gather(net, &from, NULL, 0, SAMPLES);
    pare_net_forward(net, SAMPLES, true, seed, step);
    for (size_t s = 0; s < SAMPLES; s++)
        for (size_t f = 0; f < INPUTS; f++)
            out[s * INPUTS + f] =
                (float)case_output(net, pare_net_width(SAMPLES), s, f);
    pare_net_free(net);
    pare_model_release(&m);
}

static void a_share_of_1_minus_p_is_kept_and_scaled(void **state)
{
    static const double share[] = {0, 0.1, 0.5, 0.9};
    static float out[CELLS];

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        double p = share[k];
        size_t kept = 0;

        drop(out, p, 1, 0, 1);
        for (size_t i = 0; i < CELLS; i++) {
            kept += out[i] != 0;
            if (out[i] != 0)
                assert_close(out[i], 1 / (1 - p), 1e-5 / (1 - p));
        }
        /* Five standard deviations of a binomial. */
        assert_close(kept, CELLS * (1 - p),
                     5 * sqrt(CELLS * p * (1 - p)) + 1e-9);
    }
}

static size_t differing(const float *a, const float *b)
{
    size_t n = 0;

    for (size_t i = 0; i < CELLS; i++)
        n += a[i] != b[i];
    return n;
}

static void seed_and_step_say_what_is_dropped(void **state)
{
    static float a[CELLS], b[CELLS];

    (void)state;
    drop(a, 0.5, 1, 7, 1);
    for (int threads = 1; threads <= 4; threads++) {
        drop(b, 0.5, 1, 7, threads);
        assert_memory_equal(a, b, sizeof a);
    }
    /* Unrelated draws agree in half of the places. */
    drop(b, 0.5, 1, 8, 1);
    assert_close(differing(a, b), CELLS / 2, 5 * sqrt(CELLS / 4));
    drop(b, 0.5, 2, 7, 1);
    assert_close(differing(a, b), CELLS / 2, 5 * sqrt(CELLS / 4));
}

/* A net with dropout, large enough for threads, trained in parts. */
static void train(struct pare_model *m, const char *gate, const uint64_t *stops,
                  int threads)
{
    const char *const layers[] = {"dropout(0.2)", "linear(90)", gate, "dropout",
                                  "linear(3)"};
    static float x[CELLS];
    static int32_t y[SAMPLES];
    struct pare_dataset d = {
        .features = INPUTS, .type = PARE_X_F32, .n_classes = 3};
    struct pare_train_options o = {.batch = 70,
                                   .seed = 4,
                                   .lr = 0.01,
                                   .loss = pare_loss_find("cross-entropy"),
                                   .sched_total = 12,
                                   .val = PARE_VAL,
                                   .threads = threads};

    for (int s = 0; s < SAMPLES; s++) {
        for (int f = 0; f < INPUTS; f++)
            x[s * INPUTS + f] = case_input(s, f);
        y[s] = case_label(s, 3);
    }
    d.shape = (struct pare_shape){1, {INPUTS}};
    d.split[PARE_TRAIN] = (struct pare_split){.n = SAMPLES, .x = x, .y = y};
    assert_int_equal(pare_optimizer_parse(&o.optimizer, "adam"), 0);
    assert_int_equal(pare_schedule_parse(&o.schedule, "constant"), 0);
    case_model(m, INPUTS, layers, 5);
    m->norm.scale = 1;
    for (; *stops; stops++) {
        o.end_step = *stops;
        assert_int_equal(pare_train(m, &d, &o, NULL), 0);
        assert_int_equal(m->training.step, *stops);
    }
}

static void parts_and_threads_do_not_change_what_is_learnt(void **state)
{
    static const uint64_t whole[] = {12, 0}, parts[] = {1, 4, 7, 12, 0};
    struct pare_model a, b;

    (void)state;
    train(&a, "relu", whole, 1);
    for (int threads = 1; threads <= 4; threads++) {
        train(&b, "relu", parts, threads);
        for (size_t t = 0; t < a.n_tensors; t++)
            assert_memory_equal(a.tensor[t].value, b.tensor[t].value,
                                a.tensor[t].n * sizeof(float));
        pare_model_release(&b);
    }
    pare_model_release(&a);
}

/* Dropout writes over what relu gives, but not over another gate's. */
static void relu_goes_back_by_what_dropout_leaves(void **state)
{
    static const uint64_t steps[] = {12, 0};
    struct pare_model a, b;

    (void)state;
    train(&a, "relu", steps, 1);
    train(&b, "leaky-relu(0)", steps, 1);
    for (size_t t = 0; t < a.n_tensors; t++)
        for (size_t i = 0; i < a.tensor[t].n; i++)
            assert_true(a.tensor[t].value[i] == b.tensor[t].value[i]);
    pare_model_release(&a);
    pare_model_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_1_minus_p_is_kept_and_scaled),
        cmocka_unit_test(seed_and_step_say_what_is_dropped),
        cmocka_unit_test(parts_and_threads_do_not_change_what_is_learnt),
        cmocka_unit_test(relu_goes_back_by_what_dropout_leaves),
    };

    return run_group(tests);
}
