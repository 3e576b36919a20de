#include "outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "rng.h"
#include "status.h"
#include "train.h"

#define BATCH 64

/* Floats between layers that one batch may have; less of large images. */
#define BATCH_FLOATS ((size_t)1 << 25)

/* Two networks at work. */
struct pair {
    struct pare_net *net[2];
    size_t batch;
    size_t outputs;
    struct pare_outputs_difference d;
};

static size_t batch_of(const struct pare_arch *arch)
{
    size_t floats = pare_shape_size(&arch->input), batch = BATCH;

    for (size_t i = 0; i < arch->n_layers; i++)
        if (pare_shape_size(&arch->layer[i].out) > floats)
            floats = pare_shape_size(&arch->layer[i].out);
    while (batch > 4 && batch * floats > BATCH_FLOATS)
        batch /= 2;
    return batch;
}

/* Random inputs as a data set of one batch. */
static int make_inputs(struct pare_dataset *d, const struct pare_model *m,
                       size_t batch)
{
    struct pare_split *split = &d->split[PARE_TRAIN];

    d->shape = m->arch.input;
    d->features = pare_shape_size(&d->shape);
    d->type = PARE_X_F32;
    split->n = batch;
    split->x = calloc(d->features, batch * sizeof(float));
    return split->x ? 0 : pare_fail(PARE_ENOMEM, "out of memory");
}

static void compare_value(struct pare_outputs_difference *d, double x, double y)
{
    double diff = fabs(x - y);

    if (fabs(x) > d->largest)
        d->largest = fabs(x);
    if (x == y || (isnan(x) && isnan(y)))
        return;
    if (!(diff <= d->difference))
        d->difference = isnan(diff) ? (double)INFINITY : diff;
}

static void compare_batch(struct pair *p, const struct pare_gather *from,
                          const uint32_t *index, size_t n)
{
    size_t w = pare_net_lanes(p->net[0]), v = pare_net_lanes(p->net[1]);

    for (int k = 0; k < 2; k++) {
        pare_net_gather(p->net[k], from, index, 0, n);
        pare_net_forward(p->net[k], n, false, 0, 0);
    }
    for (size_t i = 0; i < n; i++) {
        const float *x = pare_net_output(p->net[0], i / w);
        const float *y = pare_net_output(p->net[1], i / v);

        for (size_t c = 0; c < p->outputs; c++)
            compare_value(&p->d, (double)x[c * w + i % w],
                          (double)y[c * v + i % v]);
    }
    p->d.n += n;
}

static int compare_random(struct pair *p, const struct pare_model *m,
                          const struct pare_outputs_samples *s)
{
    struct pare_norm plain = {.scale = 1};
    struct pare_dataset d = {0};
    struct pare_gather from = {
        .data = &d, .norm = &plain, .split = &d.split[PARE_TRAIN]};
    int rc = make_inputs(&d, m, p->batch);

    for (size_t first = 0; !rc && first < s->n; first += p->batch) {
        size_t n = s->n - first < p->batch ? s->n - first : p->batch;

        pare_rng_normal(d.split[PARE_TRAIN].x, n * d.features, 1, s->seed,
                        PARE_STREAM_CALIBRATE, (uint32_t)(first / p->batch));
        compare_batch(p, &from, NULL, n);
    }
    free(d.split[PARE_TRAIN].x);
    return rc;
}

static int compare_data(struct pair *p, const struct pare_model *m,
                        const struct pare_outputs_samples *s)
{
    const struct pare_split *split = &s->data->split[s->split];
    struct pare_gather from = {.data = s->data, .split = split};
    size_t all = s->n < split->n ? s->n : split->n;
    uint32_t *index = NULL;
    int rc = pare_model_fits(m, s->data);

    if (!rc && split->n == 0)
        rc = pare_fail(PARE_EINVAL, "the data have no %s split",
                       pare_split_name(s->split));
    if (!rc && !(index = malloc(split->n * sizeof *index)))
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    if (!rc)
        pare_rng_permutation(index, split->n, s->seed, PARE_STREAM_CALIBRATE,
                             0);
    for (size_t first = 0; !rc && first < all; first += p->batch)
        compare_batch(p, &from, index + first,
                      all - first < p->batch ? all - first : p->batch);
    if (!rc)
        rc = pare_split_fault(split);
    free(index);
    return rc;
}

static bool same_shape(const struct pare_shape *a, const struct pare_shape *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

int pare_outputs_compare(struct pare_outputs_difference *d,
                         struct pare_model *a, struct pare_model *b,
                         const struct pare_outputs_samples *s)
{
    const struct pare_shape *out = pare_arch_output(&a->arch);
    struct pair p = {.outputs = pare_shape_size(out)};
    int rc = 0;

    if (!same_shape(&a->arch.input, &b->arch.input) ||
        !same_shape(out, pare_arch_output(&b->arch)))
        return pare_fail(PARE_EMISMATCH,
                         "the models differ in the shape of input or output");
    if (s->n == 0)
        return pare_fail(PARE_EINVAL, "a comparison needs a sample");
    p.batch = batch_of(&a->arch);
    rc = pare_net_new(&p.net[0], a, p.batch, false, s->threads);
    if (!rc)
        rc = pare_net_new(&p.net[1], b, p.batch, false, s->threads);
    if (!rc)
        rc = s->data ? compare_data(&p, a, s) : compare_random(&p, a, s);
    pare_net_free(p.net[0]);
    pare_net_free(p.net[1]);
    if (!rc)
        *d = p.d;
    return rc;
}
