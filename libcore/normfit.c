#include "normfit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_samples(void)
{
    return pare_fail(PARE_EINVAL,
                     "no training samples to take mean and deviation of");
}

/* Store mean and sqrt(var) as float32; 1 if the values are constant. */
static int store(struct pare_norm *norm, size_t j, double mean, double var)
{
    float std = (float)sqrt(var);
    int constant = !(std > 0);

    norm->mean[j] = (float)mean;
    norm->std[j] = constant ? 1.0f : std;
    return constant;
}

/* Moments of bytes from how often each of the 256 values occurs. */
static int fit_bytes(struct pare_norm *norm, size_t channel, size_t plane,
                     const struct pare_dataset *d)
{
    const struct pare_split *s = &d->split[PARE_TRAIN];
    uint64_t seen[256] = {0}, sum = 0;
    double n = (double)s->n * (double)plane, var = 0, mean;
    double scale = (double)norm->scale;

    for (size_t i = 0; i < s->n; i++) {
        const uint8_t *v =
            (const uint8_t *)s->x + i * d->features + channel * plane;

        for (size_t k = 0; k < plane; k++)
            seen[v[k]]++;
    }
    for (unsigned v = 0; v < 256; v++)
        sum += v * seen[v];
    mean = (double)sum / n;
    for (unsigned v = 0; v < 256; v++)
        var += (double)seen[v] * (v - mean) * (v - mean);
    return store(norm, channel, mean * scale, var / n * scale * scale);
}

/* Moments of float32 values at channel, channel + 1, ... of each sample. */
static int fit_floats(struct pare_norm *norm, size_t channel, size_t plane,
                      const struct pare_dataset *d)
{
    const struct pare_split *s = &d->split[PARE_TRAIN];
    const float *x = (const float *)s->x + channel * plane;
    double n = (double)s->n * (double)plane, sum = 0, var = 0, mean;
    double scale = (double)norm->scale;
    bool constant = true;

    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < plane; k++) {
            sum += (double)x[i * d->features + k];
            constant = constant && !(x[i * d->features + k] != x[0]);
        }
    mean = sum / n;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < plane; k++) {
            double away = (double)x[i * d->features + k] - mean;

            var += away * away;
        }
    if (constant) /* whatever was rounded away */
        var = 0;
    return store(norm, channel, mean * scale, var / n * scale * scale);
}

int pare_normfit_channels(struct pare_dataset *d)
{
    size_t channels = d->shape.rank == 3 ? d->shape.dim[0] : 1;
    size_t plane = d->features / channels;
    struct pare_norm fit = {d->norm.scale, channels, NULL, NULL};
    int constant = 0;

    if (d->split[PARE_TRAIN].n == 0)
        return no_samples();
    fit.mean = malloc(channels * sizeof *fit.mean);
    fit.std = malloc(channels * sizeof *fit.std);
    if (!fit.mean || !fit.std) {
        pare_norm_release(&fit);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    for (size_t c = 0; c < channels; c++)
        constant += d->type == PARE_X_U8 ? fit_bytes(&fit, c, plane, d)
                                         : fit_floats(&fit, c, plane, d);
    pare_norm_release(&d->norm);
    d->norm = fit;
    return constant;
}

int pare_normfit_features(struct pare_dataset *d, const uint8_t *choose)
{
    int constant = 0;

    if (d->split[PARE_TRAIN].n == 0)
        return no_samples();
    for (size_t j = 0; j < d->features; j++)
        if (choose[j])
            constant += fit_floats(&d->norm, j, 1, d);
    return constant;
}
