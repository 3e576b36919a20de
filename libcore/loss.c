#include "loss.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "vecmath.h"

static void clear_tail(float *grad, size_t classes, size_t width, size_t n)
{
    for (size_t c = 0; n < width && c < classes; c++)
        memset(grad + c * width + n, 0, (width - n) * sizeof *grad);
}

/*
 * Column maxima, and sums over the classes of exp(z - max); with grad the
 * exponentials are kept in it.
 */
PARE_CLONES
static void exp_sums(float *restrict max, double *restrict sum,
                     float *restrict grad, const float *restrict z,
                     size_t classes, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        max[j] = z[j];
        sum[j] = 0;
    }
    for (size_t c = 1; c < classes; c++)
        for (size_t j = 0; j < width; j++) {
            float v = z[c * width + j];

            max[j] = v > max[j] ? v : max[j];
        }
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < width; j++) {
            float e = pare_expf(z[c * width + j] - max[j]);

            sum[j] += (double)e;
            if (grad)
                grad[c * width + j] = e;
        }
}

PARE_CLONES
static void scale_columns(float *restrict grad, const float *restrict factor,
                          size_t classes, size_t width)
{
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < width; j++)
            grad[c * width + j] *= factor[j];
}

/* loss = log(sum_c exp(z_c - max)) - (z_y - max). */
static void cross_entropy(double *loss, float *grad, const float *z,
                          const int32_t *y, size_t classes, size_t width,
                          size_t n, float scale)
{
    float max[PARE_TILE_MAX], factor[PARE_TILE_MAX];
    double sum[PARE_TILE_MAX];

    exp_sums(max, sum, grad, z, classes, width);
    for (size_t j = 0; j < n; j++)
        loss[j] = log(sum[j]) -
                  ((double)z[(size_t)y[j] * width + j] - (double)max[j]);
    if (!grad)
        return;
    for (size_t j = 0; j < width; j++)
        factor[j] = (float)((double)scale / sum[j]);
    scale_columns(grad, factor, classes, width);
    for (size_t j = 0; j < n; j++)
        grad[(size_t)y[j] * width + j] -= scale;
    clear_tail(grad, classes, width, n);
}

static void nll(double *loss, float *grad, const float *z, const int32_t *y,
                size_t classes, size_t width, size_t n, float scale)
{
    for (size_t j = 0; j < n; j++)
        loss[j] = -(double)z[(size_t)y[j] * width + j];
    if (!grad)
        return;
    memset(grad, 0, classes * width * sizeof *grad);
    for (size_t j = 0; j < n; j++)
        grad[(size_t)y[j] * width + j] = -scale;
}

PARE_CLONES
static void square_errors(double *restrict sum, float *restrict grad,
                          const float *restrict z, const float *restrict label,
                          size_t classes, size_t width, float factor)
{
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < width; j++) {
            float target = label[j] == (float)c ? 1.0f : 0.0f;
            float d = z[c * width + j] - target;

            sum[j] += (double)d * (double)d;
            if (grad)
                grad[c * width + j] = factor * d;
        }
}

static void mse(double *loss, float *grad, const float *z, const int32_t *y,
                size_t classes, size_t width, size_t n, float scale)
{
    float label[PARE_TILE_MAX];
    double sum[PARE_TILE_MAX] = {0};
    double factor = 2 * (double)scale / (double)classes;

    /* Labels below 2^24 are exact as float. */
    for (size_t j = 0; j < width; j++)
        label[j] = j < n ? (float)y[j] : -1.0f;
    square_errors(sum, grad, z, label, classes, width, (float)factor);
    for (size_t j = 0; j < n; j++)
        loss[j] = sum[j] / (double)classes;
    if (grad)
        clear_tail(grad, classes, width, n);
}

static const struct pare_loss table[] = {
    {.name = "cross-entropy",
     .help = "log-softmax and negative log-likelihood on any output",
     .source = "Bishop 2006, Pattern Recognition and Machine Learning, 4.3.4",
     .tile = cross_entropy},
    {.name = "nll",
     .help = "negative log-likelihood of outputs that are log-probabilities",
     .source = "Bishop 2006, Pattern Recognition and Machine Learning, 4.3.4",
     .tile = nll},
    {.name = "mse",
     .help = "mean squared difference from the one-hot label",
     .source = "Bishop 2006, Pattern Recognition and Machine Learning, 4.1.3",
     .tile = mse},
    {.name = "reconstruction",
     .help = "mean squared difference of a Boltzmann machine's inputs from "
             "what it makes of them",
     .source = "Hinton 2002, Neural Computation 14(8)",
     .tile = NULL},
};

const struct pare_loss *pare_loss(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

const struct pare_loss *pare_loss_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
