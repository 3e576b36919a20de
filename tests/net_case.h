#ifndef PARE_TESTS_NET_CASE_H
#define PARE_TESTS_NET_CASE_H

/*
 * Small networks whose weights, inputs and labels follow from formulas that
 * tests/ref/net_ref.py shares, for test_net_reference.c and
 * test_net_gradient.c.
 */
#include "net.h"
#include "status.h"

/* "in(5) linear(7) relu": the first n layers (NULL ends them). */
static inline void case_model(struct pare_model *m, int inputs,
                              const char *const *layer, int n)
{
    struct pare_arch arch;
    char text[512];
    int used = snprintf(text, sizeof text, "in(%d)", inputs);

    for (int i = 0; i < n && layer[i]; i++)
        used +=
            snprintf(text + used, sizeof text - (size_t)used, " %s", layer[i]);
    memset(m, 0, sizeof *m);
    if (pare_arch_parse(&arch, text) || pare_model_init(m, &arch))
        fail_msg("%s: %s", text, pare_error());
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];

        for (size_t i = 0; x->role != PARE_ROLE_BUFFER && i < x->n; i++) {
            double v = sin(0.37 * (double)i + 0.11 * (double)t) / 2;

            x->value[i] = (float)(x->role == PARE_ROLE_SCALE ? 1 + v : v);
        }
    }
}

static inline float case_input(int sample, int feature)
{
    double s = sample, f = feature;

    return (float)sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2);
}

static inline int32_t case_label(int sample, int classes)
{
    return (5 * sample + sample / 4) % classes;
}

/* The case's samples into the input of a network. */
static inline void case_gather(struct pare_net *net, int samples, int inputs)
{
    size_t n = (size_t)samples, features = (size_t)inputs;
    struct pare_dataset d = {.features = features, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    float *x = malloc(n * features * sizeof *x);

    assert_non_null(x);
    for (size_t s = 0; s < n; s++)
        for (size_t f = 0; f < features; f++)
            x[s * features + f] = case_input((int)s, (int)f);
    d.split[PARE_TRAIN] = (struct pare_split){.n = n, .x = x};
    pare_net_gather(net, &from, NULL, 0, n);
    free(x);
}

/* A network over m with the case's samples in its input. */
static inline struct pare_net *case_net(struct pare_model *m, int samples,
                                        int inputs, bool train, int threads)
{
    struct pare_net *net;

    if (pare_net_new(&net, m, (size_t)samples, train, threads))
        fail_msg("%s: %s", m->arch.text, pare_error());
    case_gather(net, samples, inputs);
    return net;
}

/* Output c of sample s of the last forward. */
static inline double case_output(const struct pare_net *net, size_t width,
                                 size_t s, size_t c)
{
    return (double)pare_net_output(net, s / width)[c * width + s % width];
}

/* Mean of the losses of the last forward. */
static inline double case_loss(struct pare_net *net, const char *name,
                               int samples, int classes, bool gradient)
{
    double loss[128], sum = 0;
    int32_t y[128];

    assert_true(samples <= 128);
    for (int s = 0; s < samples; s++)
        y[s] = case_label(s, classes);
    pare_net_loss(net, pare_loss_find(name), loss, y,
                  gradient ? 1.0f / (float)samples : 0.0f);
    for (int s = 0; s < samples; s++)
        sum += loss[s];
    return sum / samples;
}

#endif
