#include "activation.h"

#include "clones.h"
#include "vecmath.h"

/* Widest tile, see pare_net_width. */
#define WIDTH_MAX 64

PARE_CLONES
static void relu_forward(float *x, size_t features, size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        x[i] = x[i] > 0.0f ? x[i] : (x[i] != x[i] ? x[i] : 0.0f);
}

PARE_CLONES
static void relu_backward(float *g, const float *y, size_t features,
                          size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        g[i] = y[i] > 0.0f ? g[i] : 0.0f;
}

PARE_CLONES
static void leaky_forward(float *x, size_t features, size_t width, float a)
{
    for (size_t i = 0; i < features * width; i++)
        x[i] = x[i] > 0.0f ? x[i] : a * x[i];
}

PARE_CLONES
static void leaky_backward(float *g, const float *y, size_t features,
                           size_t width, float a)
{
    for (size_t i = 0; i < features * width; i++)
        g[i] = y[i] > 0.0f ? g[i] : a * g[i];
}

PARE_CLONES
static void tanh_forward(float *x, size_t features, size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        x[i] = pare_tanhf(x[i]);
}

PARE_CLONES
static void tanh_backward(float *g, const float *y, size_t features,
                          size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        g[i] = g[i] * (1.0f - y[i] * y[i]);
}

PARE_CLONES
static void sigmoid_forward(float *x, size_t features, size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        x[i] = pare_sigmoidf(x[i]);
}

PARE_CLONES
static void sigmoid_backward(float *g, const float *y, size_t features,
                             size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        g[i] = g[i] * (y[i] * (1.0f - y[i]));
}

/* x sigmoid(x) */
PARE_CLONES
static void silu_forward(float *x, size_t features, size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        x[i] = x[i] / (1.0f + pare_expf(-x[i]));
}

/* g <- g s (1 + x (1 - s)), s = sigmoid(x) */
PARE_CLONES
static void silu_backward(float *g, const float *x, size_t features,
                          size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++) {
        float s = pare_sigmoidf(x[i]);

        g[i] = g[i] * (s * (1.0f + x[i] * (1.0f - s)));
    }
}

/* The normal distribution function; absolute error within 2^-23. */
static inline float normal_below(float x)
{
    return 0.5f * (1.0f + pare_erff(x * 0.70710678f));
}

/* x P(x) */
PARE_CLONES
static void gelu_forward(float *x, size_t features, size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++)
        x[i] = x[i] * normal_below(x[i]);
}

/* g <- g (P(x) + x p(x)), p the normal density */
PARE_CLONES
static void gelu_backward(float *g, const float *x, size_t features,
                          size_t width, float a)
{
    (void)a;
    for (size_t i = 0; i < features * width; i++) {
        float density = 0.39894228f * pare_expf(-0.5f * (x[i] * x[i]));

        g[i] = g[i] * (normal_below(x[i]) + x[i] * density);
    }
}

/* Largest of each column. */
static inline void column_max(float *max, const float *x, size_t features,
                              size_t width)
{
    for (size_t j = 0; j < width; j++)
        max[j] = x[j];
    for (size_t f = 1; f < features; f++)
        for (size_t j = 0; j < width; j++)
            max[j] = x[f * width + j] > max[j] ? x[f * width + j] : max[j];
}

PARE_CLONES
static void softmax_forward(float *x, size_t features, size_t width, float a)
{
    float max[WIDTH_MAX], sum[WIDTH_MAX] = {0};

    (void)a;
    column_max(max, x, features, width);
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++) {
            float e = pare_expf(x[f * width + j] - max[j]);

            x[f * width + j] = e;
            sum[j] += e;
        }
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            x[f * width + j] /= sum[j];
}

/* g_i <- y_i (g_i - sum_j g_j y_j) */
PARE_CLONES
static void softmax_backward(float *g, const float *y, size_t features,
                             size_t width, float a)
{
    float dot[WIDTH_MAX] = {0};

    (void)a;
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            dot[j] += g[f * width + j] * y[f * width + j];
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            g[f * width + j] = y[f * width + j] * (g[f * width + j] - dot[j]);
}

PARE_CLONES
static void log_softmax_forward(float *x, size_t features, size_t width,
                                float a)
{
    float max[WIDTH_MAX], sum[WIDTH_MAX] = {0};

    (void)a;
    column_max(max, x, features, width);
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            sum[j] += pare_expf(x[f * width + j] - max[j]);
    for (size_t j = 0; j < width; j++)
        max[j] += (float)__builtin_log((double)sum[j]);
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            x[f * width + j] -= max[j];
}

/* g_i <- g_i - exp(y_i) sum_j g_j */
PARE_CLONES
static void log_softmax_backward(float *g, const float *y, size_t features,
                                 size_t width, float a)
{
    float sum[WIDTH_MAX] = {0};

    (void)a;
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            sum[j] += g[f * width + j];
    for (size_t f = 0; f < features; f++)
        for (size_t j = 0; j < width; j++)
            g[f * width + j] -= pare_expf(y[f * width + j]) * sum[j];
}

static const struct pare_activation rows[] = {
    {PARE_OP_RELU, false, relu_forward, relu_backward},
    {PARE_OP_LEAKY_RELU, false, leaky_forward, leaky_backward},
    {PARE_OP_TANH, false, tanh_forward, tanh_backward},
    {PARE_OP_SIGMOID, false, sigmoid_forward, sigmoid_backward},
    {PARE_OP_SILU, true, silu_forward, silu_backward},
    {PARE_OP_GELU, true, gelu_forward, gelu_backward},
    {PARE_OP_SOFTMAX, false, softmax_forward, softmax_backward},
    {PARE_OP_LOG_SOFTMAX, false, log_softmax_forward, log_softmax_backward},
};

const struct pare_activation *pare_activation(enum pare_layer_op op)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == op)
            return &rows[i];
    return NULL;
}
