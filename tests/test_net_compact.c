#include "compact.h"
#include "evaluate.h"
#include "kernel.h"
#include "net.h"
#include "rng.h"
#include "train.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 400
#define SAMPLES  150

static float inputs[SAMPLES * FEATURES];
static int32_t labels[SAMPLES];

static void make_data(struct pare_dataset *d)
{
    memset(d, 0, sizeof *d);
    d->shape = (struct pare_shape){1, {FEATURES}};
    d->features = FEATURES;
    d->type = PARE_X_F32;
    d->n_classes = 9;
    pare_rng_normal(inputs, SAMPLES * FEATURES, 1, 3, PARE_STREAM_INIT, 99);
    for (size_t i = 0; i < SAMPLES; i++)
        labels[i] = (int32_t)(inputs[i * FEATURES] > 0) * 4 +
                    (int32_t)(inputs[i * FEATURES + 1] > 0) * 2;
    d->split[PARE_TRAIN].n = SAMPLES;
    d->split[PARE_TRAIN].x = inputs;
    d->split[PARE_TRAIN].y = labels;
}

/* The first layer has enough entries to be cut by rows. */
static void make_model(struct pare_model *m, const char *text)
{
    struct pare_arch arch;

    memset(m, 0, sizeof *m);
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_init(m, &arch), 0);
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];

        for (size_t i = 0; x->role == PARE_ROLE_SCALE && i < x->n; i++)
            x->value[i] = 1;
        if (x->role != PARE_ROLE_WEIGHT)
            continue;
        pare_rng_normal(x->value, x->n, 0.1, 5, PARE_STREAM_INIT, (uint32_t)t);
        assert_int_equal(pare_tensor_need_mask(x), 0);
        for (size_t i = 0; i < x->n; i++)
            x->mask[i] = x->value[i] > 0.06f || (i % 97) == 3;
    }
    pare_model_apply_masks(m);
}

static const char net_text[] = "in(400) linear(600) tanh linear(70,bias=no) "
                               "batchnorm tanh dropout(0.3) linear(9)";

static void outputs_are_those_of_the_masked_network_bit_for_bit(void **state)
{
    struct pare_model m[2];
    struct pare_net *net[2];
    struct pare_dataset d;
    struct pare_gather from;

    (void)state;
    make_data(&d);
    for (int k = 0; k < 2; k++)
        make_model(&m[k], net_text);
    for (size_t t = 0; t < m[1].n_tensors; t++)
        assert_int_equal(pare_tensor_compact(&m[1], t), 0);
    assert_non_null(m[1].tensor[0].pattern);
    from = (struct pare_gather){.data = &d, .split = &d.split[PARE_TRAIN]};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(pare_net_new(&net[k], &m[k], SAMPLES, false, 2), 0);
        pare_net_gather(net[k], &from, NULL, 0, SAMPLES);
        pare_net_forward(net[k], SAMPLES, false, 0, 0);
    }
    assert_int_equal(pare_net_lanes(net[1]), 64);
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t c = 0; c < 9; c++) {
            size_t w = pare_net_lanes(net[0]), v = pare_net_lanes(net[1]);
            float a = pare_net_output(net[0], i / w)[c * w + i % w];
            float b = pare_net_output(net[1], i / v)[c * v + i % v];

            if (strcmp(pare_kernel()->family, "fma") == 0)
                assert_true(a == b);
            else
                assert_true(fabsf(a - b) <= 1e-5f * (1 + fabsf(a)));
        }
    for (int k = 0; k < 2; k++) {
        pare_net_free(net[k]);
        pare_model_release(&m[k]);
    }
}

/* Gradients of a batch, the dense ones where the mask keeps. */
static void check_gradients(size_t batch, int threads)
{
    struct pare_model m[2];
    struct pare_net *net;
    struct pare_dataset d;
    struct pare_gather from;
    const struct pare_loss *f = pare_loss_find("cross-entropy");
    double loss[SAMPLES];
    float *g[2][16] = {{NULL}};

    make_data(&d);
    from = (struct pare_gather){.data = &d, .split = &d.split[PARE_TRAIN]};
    for (int k = 0; k < 2; k++) {
        make_model(&m[k], net_text);
        for (size_t t = 0; k && t < m[k].n_tensors; t++)
            assert_int_equal(pare_tensor_compact(&m[k], t), 0);
        assert_int_equal(pare_net_new(&net, &m[k], batch, true, threads), 0);
        pare_net_gather(net, &from, NULL, 0, batch);
        pare_net_forward(net, batch, true, 1, 1);
        pare_net_loss(net, f, loss, labels, 1.0f / (float)batch);
        for (size_t t = 0; t < m[k].n_tensors; t++)
            g[k][t] = calloc(m[k].tensor[t].n + 1, sizeof(float));
        pare_net_backward(net, g[k]);
        pare_net_free(net);
    }
    for (size_t t = 0; t < m[0].n_tensors; t++) {
        const struct pare_tensor *x = &m[0].tensor[t];
        double most = 0;

        if (x->role == PARE_ROLE_BUFFER)
            continue;
        for (size_t i = 0; i < x->n; i++)
            if (fabs((double)g[0][t][i]) > most)
                most = fabs((double)g[0][t][i]);
        assert_true(most > 0);
        for (size_t i = 0, at = 0; i < x->n; i++)
            if (!x->mask || x->mask[i]) {
                double a = (double)g[0][t][i], b = (double)g[1][t][at++];

                if (!(fabs(a - b) <= 2e-5 * most))
                    fail_msg("%s[%zu]: %g and %g, batch %zu", x->name, i, a, b,
                             batch);
            }
    }
    for (int k = 0; k < 2; k++) {
        for (size_t t = 0; t < m[k].n_tensors; t++)
            free(g[k][t]);
        pare_model_release(&m[k]);
    }
}

static void gradients_are_those_of_the_masked_network(void **state)
{
    (void)state;
    /* dropout draws by tiles, so that it is left to equal widths */
    for (size_t batch = 4; batch <= 63; batch += 7)
        check_gradients(batch, 1 + (int)(batch % 3));
}

static void train_once(struct pare_model *m, uint64_t batch, int threads)
{
    struct pare_train_options o = {
        .batch = batch, .end_epoch = 3, .seed = 4, .lr = .05};
    struct pare_dataset d;

    make_data(&d);
    o.loss = pare_loss_find("cross-entropy");
    o.threads = threads;
    o.val = PARE_VAL;
    assert_int_equal(pare_optimizer_parse(&o.optimizer, "sgd,momentum=.9"), 0);
    assert_int_equal(pare_schedule_parse(&o.schedule, "constant"), 0);
    make_model(m, net_text);
    assert_int_equal(pare_train(m, &d, &o, NULL), 0);
}

static void training_gives_the_same_bits_at_any_thread_count(void **state)
{
    static const uint64_t batch[] = {5, 40, 128, 150};

    (void)state;
    for (size_t k = 0; k < sizeof batch / sizeof *batch; k++) {
        struct pare_model m[2];

        train_once(&m[0], batch[k], 1);
        train_once(&m[1], batch[k], 3);
        for (size_t t = 0; t < m[0].n_tensors; t++) {
            const struct pare_tensor *x = &m[0].tensor[t];

            assert_null(x->pattern);
            assert_memory_equal(x->value, m[1].tensor[t].value,
                                x->n * sizeof(float));
            for (size_t i = 0; x->mask && i < x->n; i++)
                if (!x->mask[i])
                    assert_true(x->value[i] == 0 &&
                                m[0].optim.slot[0][t][i] == 0);
        }
        assert_true(m[0].history[2].train_loss < m[0].history[0].train_loss);
        for (int i = 0; i < 2; i++)
            pare_model_release(&m[i]);
    }
}

static void dense_state_goes_on_under_the_mask(void **state)
{
    struct pare_model m;
    struct pare_train_options o = {
        .batch = 50, .end_epoch = 2, .seed = 4, .lr = .05, .threads = 1};
    struct pare_dataset d;
    size_t moving = 0;

    (void)state;
    make_data(&d);
    o.loss = pare_loss_find("cross-entropy");
    o.val = PARE_VAL;
    assert_int_equal(pare_optimizer_parse(&o.optimizer, "sgd,momentum=.9"), 0);
    assert_int_equal(pare_schedule_parse(&o.schedule, "constant"), 0);
    make_model(&m, "400-20-9");
    o.dialect = "numenta";
    assert_int_equal(pare_train(&m, &d, &o, NULL), 0);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        if (!m.tensor[0].mask[i]) {
            assert_true(m.tensor[0].value[i] == 0);
            moving += m.optim.slot[0][0][i] != 0;
        }
    assert_true(moving > 1000);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_the_masked_network_bit_for_bit),
        cmocka_unit_test(gradients_are_those_of_the_masked_network),
        cmocka_unit_test(training_gives_the_same_bits_at_any_thread_count),
        cmocka_unit_test(dense_state_goes_on_under_the_mask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
