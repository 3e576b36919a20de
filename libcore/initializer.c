#include "initializer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "number.h"
#include "rng.h"
#include "spec.h"
#include "status.h"

#define GLOROT "Glorot and Bengio 2010, AISTATS 9"
#define HE     "He et al. 2015, arXiv:1502.01852"

static const struct pare_initializer table[] = {
    /* Uniform in +-1/sqrt(fan_in): variance 1 / (3 fan_in). */
    {"pytorch", "uniform in +-1/sqrt(in), biases too, as PyTorch",
     "LeCun et al. 1998, Efficient BackProp", .bias = true, .num = 1. / 3,
     .in = 1},
    {"glorot-uniform", "uniform in +-sqrt(6/(in + out))", GLOROT, .num = 2,
     .in = 1, .out = 1},
    {"glorot-normal", "normal of variance 2/(in + out)", GLOROT, .normal = true,
     .num = 2, .in = 1, .out = 1},
    {"he-uniform", "uniform in +-sqrt(6/in)", HE, .num = 2, .in = 1},
    {"he-normal", "normal of variance 2/in", HE, .normal = true, .num = 2,
     .in = 1},
    {"normal", "normal of standard deviation sd", "", .normal = true,
     .has_sd = true},
};

#define DEFAULT_SD 0.01

const struct pare_initializer *pare_initializer(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

static const struct pare_initializer *find(const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name);
    }
    pare_fail(PARE_EINVAL, "unknown initializer '%s': there are %s", name,
              known);
    return NULL;
}

static int parse(const struct pare_initializer **row, double *sd,
                 const char *spec)
{
    struct pare_spec_item item = {0};
    int got = pare_spec_next(&item, &spec), err = 0, n = 0;

    if (got <= 0)
        return pare_fail_prefix(PARE_EINVAL, "initializer");
    if (item.has_value)
        return pare_fail(PARE_EINVAL,
                         "initializer '%s=%s': the name comes first", item.key,
                         item.value);
    *row = find(item.key);
    if (!*row)
        return PARE_EINVAL;
    *sd = DEFAULT_SD;
    for (; !err && (got = pare_spec_next(&item, &spec)) > 0; n++) {
        if (!(*row)->has_sd)
            return pare_fail(PARE_EINVAL, "%s has no options", (*row)->name);
        if (strcmp(item.key, "sd") != 0)
            return pare_fail(PARE_EINVAL, "%s has no option '%s': there is sd",
                             (*row)->name, item.key);
        if (n > 0)
            return pare_fail(PARE_EINVAL, "%s: sd is set twice", (*row)->name);
        err = pare_spec_number(sd, (*row)->name, &item, 0, HUGE_VAL);
    }
    if (got < 0)
        return pare_fail_prefix(got, "%s", (*row)->name);
    return err;
}

int pare_initializer_parse(char canon[PARE_SPEC_MAX], const char *spec)
{
    const struct pare_initializer *row;
    char number[PARE_NUMBER_MAX];
    double sd;
    int err = parse(&row, &sd, spec);

    if (err)
        return err;
    canon[0] = '\0';
    err = pare_spec_append(canon, "%s", row->name);
    if (!err && row->has_sd)
        err = pare_spec_append(canon, ",sd=%s", pare_number_print(number, sd));
    return err;
}

/* What a tensor that is not drawn starts as. */
static float constant(const struct pare_tensor_spec *shape)
{
    static const struct {
        const char *suffix;
        float value;
    } start[] = {
        {"scale", 1}, {"var", 1},            /* batch norm */
        {"al", 0.2f}, {"tr", 1},  {"ar", 1}, /* srelu */
    };

    for (size_t i = 0; i < sizeof start / sizeof *start; i++)
        if (strcmp(start[i].suffix, shape->suffix) == 0)
            return start[i].value;
    return 0;
}

static void draw_tensor(float *value, size_t n, size_t t,
                        const struct pare_tensor_spec *shape,
                        const struct pare_initializer *row, double sd,
                        uint64_t seed)
{
    double fan =
        row->in * (double)shape->fan_in + row->out * (double)shape->fan_out;

    if (shape->role != PARE_ROLE_WEIGHT &&
        !(shape->role == PARE_ROLE_BIAS && row->bias)) {
        for (size_t i = 0; i < n; i++)
            value[i] = constant(shape);
    } else if (row->normal) {
        pare_rng_normal(value, n, row->has_sd ? sd : sqrt(row->num / fan), seed,
                        PARE_STREAM_INIT, (uint32_t)t);
    } else {
        double width = sqrt(3 * row->num / fan);

        pare_rng_uniform(value, n, -width, width, seed, PARE_STREAM_INIT,
                         (uint32_t)t);
    }
}

int pare_initializer_draw(float *const *value, const struct pare_model *m,
                          const char *spec, uint64_t seed)
{
    struct pare_tensor_spec shape[PARE_LAYER_TENSORS];
    const struct pare_initializer *row;
    double sd;
    size_t t = 0;
    int err = parse(&row, &sd, spec);

    if (err)
        return err;
    for (size_t i = 0; i < m->arch.n_layers; i++) {
        const struct pare_layer *l = &m->arch.layer[i];
        int n = l->kind->tensors(l, shape);

        for (int k = 0; k < n; k++, t++)
            draw_tensor(value[t], m->tensor[t].n, t, &shape[k], row, sd, seed);
    }
    return 0;
}

int pare_model_draw(struct pare_model *m, const char *spec, uint64_t seed)
{
    struct pare_init init = {.seed = seed};
    float **value = malloc((m->n_tensors + 1) * sizeof *value);
    int err;

    if (!value)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; t < m->n_tensors; t++)
        value[t] = m->tensor[t].value;
    err = pare_initializer_parse(init.spec, spec);
    if (!err && !pare_model_add_checkpoint(m, "init"))
        err = PARE_ENOMEM;
    if (!err)
        err = pare_initializer_draw(value, m, init.spec, seed);
    if (!err)
        err = pare_digest_weights(init.digest, m);
    if (!err)
        m->init = init;
    pare_model_apply_masks(m);
    free(value);
    return err;
}

static int draw_again(float *const *value, const struct pare_model *m)
{
    char digest[PARE_DIGEST_LEN];
    int err;

    if (!m->init.spec[0])
        return pare_fail(PARE_EFORMAT,
                         "checkpoint 'init' has neither values nor a seed");
    if (pare_initializer_draw(value, m, m->init.spec, m->init.seed))
        return pare_fail_prefix(PARE_EFORMAT, "checkpoint 'init'");
    err = pare_digest_weights_of(digest, m, value);
    if (err)
        return err;
    if (strcmp(digest, m->init.digest) != 0)
        return pare_fail(PARE_EFORMAT,
                         "checkpoint 'init' drawn again has digest %s, the "
                         "model says %s",
                         digest, m->init.digest);
    return 0;
}

int pare_model_init_values(float *const *value, const struct pare_model *m)
{
    const struct pare_checkpoint *c = pare_model_checkpoint(m, "init");

    if (!c)
        return pare_fail(PARE_EFORMAT, "the model has no checkpoint 'init'");
    if (!c->value)
        return draw_again(value, m);
    for (size_t t = 0; t < m->n_tensors; t++)
        memcpy(value[t], c->value[t], m->tensor[t].n * sizeof *value[t]);
    return 0;
}

int pare_model_draw_init(float ***value, const struct pare_model *m)
{
    float **v = calloc(m->n_tensors + 1, sizeof *v);
    int rc = v ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        v[t] = malloc(m->tensor[t].n * sizeof **v);
        if (!v[t])
            rc = pare_fail(PARE_ENOMEM, "out of memory");
    }
    if (!rc)
        rc = pare_model_init_values(v, m);
    for (size_t t = 0; rc && v && t < m->n_tensors; t++)
        free(v[t]);
    if (rc)
        free(v);
    else
        *value = v;
    return rc;
}
