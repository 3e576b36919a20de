#ifndef PARE_BENCH_SAMPLES_H
#define PARE_BENCH_SAMPLES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "data_file.h"
#include "rng.h"
#include "status.h"

/* What the workers that run networks share: samples and operations. */

/* Samples like those of a data file, drawn. */
static inline int samples_draw(struct pare_dataset *d,
                               const struct pare_arch *arch,
                               const char *samples)
{
    size_t n = strtoull(samples, NULL, 10);
    struct pare_split *s = &d->split[PARE_TRAIN];
    float *x;

    d->shape = arch->input;
    d->features = pare_shape_size(&arch->input);
    d->type = PARE_X_F32;
    d->n_classes = pare_shape_size(pare_arch_output(arch));
    d->norm.scale = 1;
    x = malloc((n * d->features + 1) * sizeof *x);
    s->y = malloc((n + 1) * sizeof *s->y);
    if (!x || !s->y)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_rng_normal(x, n * d->features, 1, 1, PARE_STREAM_SPLIT, 0);
    for (size_t i = 0; i < n; i++)
        s->y[i] = (int32_t)(i * 7 % d->n_classes);
    s->x = x;
    s->n = n;
    return 0;
}

/** Read a data file, or draw samples where it is "random:SAMPLES". */
static inline int samples_read(struct pare_dataset *d,
                               const struct pare_arch *arch, const char *name)
{
    if (strncmp(name, "random:", 7) == 0)
        return samples_draw(d, arch, name + 7);
    return pare_data_read(d, name);
}

/**
 * Operations of a step of `batch` samples: a multiply-add counts 2. Backward
 * costs twice forward, and once where nothing before the layer is trained:
 * then nobody asks for the gradient of its input.
 */
static inline double samples_flops(const struct pare_arch *arch, double batch,
                                   bool train)
{
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    bool *trained = calloc(arch->n_layers + 1, sizeof *trained);
    double sum = 0;

    for (size_t i = 0; trained && i < arch->n_layers; i++) {
        const struct pare_layer *l = &arch->layer[i];
        bool before = false;

        for (int k = 0; k < l->n_inputs; k++)
            before |= l->input[k] != PARE_INPUT && trained[l->input[k]];
        trained[i] = before || l->kind->tensors(l, spec) > 0;
        sum += 2 * l->kind->macs(l) * (train ? 2 + before : 1);
    }
    free(trained);
    return sum * batch;
}

#endif
