#include "initializer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "compact.h"
#include "digest.h"
#include "number.h"
#include "rng.h"
#include "sparse_init.h"
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
    {"synapses",
     "sparse layers and their biases normal of variance 2/in, others as "
     "pytorch",
     HE, .normal = true, .bias = true, .sparse = true, .num = 2, .in = 1},
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

/* An initialiser with its settings, and what it is to draw. */
struct drawing {
    const struct pare_initializer *row;
    double sd;
    bool srelu;      /* an srelu starts at random */
    bool masks;      /* masks say where the first connections are */
    bool sparse_fan; /* units count the inputs that they have */
    uint64_t seed;
};

static int parse_item(struct drawing *d, unsigned *seen,
                      const struct pare_spec_item *item)
{
    bool srelu = strcmp(item->key, "srelu") == 0;
    const char *name = d->row->name;

    if (!srelu && strcmp(item->key, "sd") != 0)
        return pare_fail(PARE_EINVAL, "%s has no option '%s': there %s", name,
                         item->key,
                         d->row->has_sd ? "are sd and srelu" : "is srelu");
    if (!srelu && !d->row->has_sd)
        return pare_fail(PARE_EINVAL, "%s has no option 'sd': there is srelu",
                         name);
    if (*seen & 1u << srelu)
        return pare_fail(PARE_EINVAL, "%s: %s is set twice", name, item->key);
    *seen |= 1u << srelu;
    if (!srelu)
        return pare_spec_number(&d->sd, name, item, 0, HUGE_VAL);
    d->srelu = strcmp(item->value, "random") == 0;
    if (!d->srelu && strcmp(item->value, "leaky") != 0)
        return pare_fail(PARE_EINVAL,
                         "%s: srelu is '%s', must be leaky or random", name,
                         item->value);
    return 0;
}

static int parse(struct drawing *d, const char *spec)
{
    struct pare_spec_item item = {0};
    int got = pare_spec_next(&item, &spec), err = 0;
    unsigned seen = 0;

    if (got <= 0)
        return pare_fail_prefix(PARE_EINVAL, "initializer");
    if (item.has_value)
        return pare_fail(PARE_EINVAL,
                         "initializer '%s=%s': the name comes first", item.key,
                         item.value);
    *d = (struct drawing){.row = find(item.key), .sd = DEFAULT_SD};
    if (!d->row)
        return PARE_EINVAL;
    while (!err && (got = pare_spec_next(&item, &spec)) > 0)
        err = parse_item(d, &seen, &item);
    if (got < 0)
        return pare_fail_prefix(got, "%s", d->row->name);
    return err;
}

int pare_initializer_parse(char canon[PARE_SPEC_MAX], const char *spec)
{
    char number[PARE_NUMBER_MAX];
    struct drawing d;
    int err = parse(&d, spec);

    if (err)
        return err;
    canon[0] = '\0';
    err = pare_spec_append(canon, "%s", d.row->name);
    if (!err && d.row->has_sd)
        err =
            pare_spec_append(canon, ",sd=%s", pare_number_print(number, d.sd));
    if (!err && d.srelu)
        err = pare_spec_append(canon, ",srelu=random");
    return err;
}

/* Tensors that are not drawn as weights start the same everywhere, or
 * uniform in [0, random) when an srelu does. */
static void start(float *value, size_t n, size_t t, const char *suffix,
                  const struct drawing *d)
{
    static const struct {
        const char *suffix;
        float value;
        double random;
    } at[] = {
        {"scale", 1, 0}, {"var", 1, 0},               /* batch norm */
        {"al", 0.2f, 1}, {"tr", 1, 5},  {"ar", 1, 0}, /* srelu */
    };
    float same = 0;

    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        if (strcmp(at[i].suffix, suffix) != 0)
            continue;
        if (d->srelu && at[i].random > 0) {
            pare_rng_uniform(value, n, 0, at[i].random, d->seed,
                             PARE_STREAM_INIT, (uint32_t)t);
            return;
        }
        same = at[i].value;
    }
    for (size_t i = 0; i < n; i++)
        value[i] = same;
}

/* Where the numbers of a tensor lie, of which stream, by which row. */
struct source {
    const struct pare_initializer *row;
    double sd;
    uint64_t seed;
    uint32_t sub;
};

/* Standard deviation, or half the width of a uniform distribution. */
static double spread(const struct source *s, double fan_in, double fan_out)
{
    double fan = s->row->in * fan_in + s->row->out * fan_out;

    if (s->row->has_sd)
        return s->sd;
    return sqrt((s->row->normal ? 1 : 3) * s->row->num / fan);
}

static void draw_all(float *value, size_t n, const struct source *s, double by)
{
    if (s->row->normal)
        pare_rng_normal(value, n, by, s->seed, PARE_STREAM_INIT, s->sub);
    else
        pare_rng_uniform(value, n, -by, by, s->seed, PARE_STREAM_INIT, s->sub);
}

static float draw_at(uint64_t i, const struct source *s, double by)
{
    if (s->row->normal)
        return pare_rng_normal_at(i, by, s->seed, PARE_STREAM_INIT, s->sub);
    return pare_rng_uniform_at(i, -by, by, s->seed, PARE_STREAM_INIT, s->sub);
}

/* Numbers where a weight has connections, 0 elsewhere. */
static void draw_connections(float *value, const struct pare_tensor *t,
                             const struct pare_tensor_spec *shape,
                             const struct source *s, bool sparse_fan)
{
    uint64_t all = pare_tensor_positions(t), cols = all / t->dim[0];
    double density = (double)pare_tensor_kept(t) / (double)all;
    double by = spread(s, (double)shape->fan_in, (double)shape->fan_out);
    const struct pare_pattern *p = t->pattern;

    for (uint64_t r = 0; r < t->dim[0]; r++) {
        const uint8_t *mask = p ? NULL : t->mask + r * cols;
        uint64_t n =
            p ? p->row[r + 1] - p->row[r] : pare_bits_count(mask, (size_t)cols);

        if (sparse_fan && n)
            by = spread(s, (double)shape->fan_in * (double)n / (double)cols,
                        (double)shape->fan_out * density);
        for (uint64_t k = 0; p && k < n; k++)
            value[p->row[r] + k] =
                draw_at(r * cols + p->col[p->row[r] + k], s, by);
        for (uint64_t c = 0; mask && c < cols; c++)
            value[r * cols + c] = mask[c] ? draw_at(r * cols + c, s, by) : 0;
    }
}

static void draw_tensor(float *value, const struct pare_model *m, size_t t,
                        const struct pare_tensor_spec *shape, bool sparse,
                        const struct drawing *d)
{
    const struct pare_tensor *tensor = &m->tensor[t];
    struct source s = {d->row, d->sd, d->seed, (uint32_t)t};

    if (d->row->sparse && !sparse)
        s.row = &table[0];
    if (shape->role == PARE_ROLE_WEIGHT &&
        (tensor->pattern || (d->masks && tensor->mask)))
        draw_connections(value, tensor, shape, &s, d->sparse_fan);
    else if (shape->role == PARE_ROLE_WEIGHT ||
             (shape->role == PARE_ROLE_BIAS && s.row->bias))
        draw_all(value, tensor->n, &s,
                 spread(&s, (double)shape->fan_in, (double)shape->fan_out));
    else
        start(value, tensor->n, t, shape->suffix, d);
}

static void draw_tensors(float *const *value, const struct pare_model *m,
                         const struct drawing *d)
{
    struct pare_tensor_spec shape[PARE_LAYER_TENSORS];
    size_t t = 0;

    for (size_t i = 0; i < m->arch.n_layers; i++) {
        const struct pare_layer *l = &m->arch.layer[i];
        int n = l->kind->tensors(l, shape);
        bool sparse =
            n && (m->tensor[t].pattern || (d->masks && m->tensor[t].mask));

        for (int k = 0; k < n; k++, t++)
            if (value[t])
                draw_tensor(value[t], m, t, &shape[k], sparse, d);
    }
}

/* One that draws models without sparse layers. */
static int parse_dense(struct drawing *d, const char *spec)
{
    int err = parse(d, spec);

    if (!err && d->row->sparse)
        err = pare_fail(PARE_EINVAL,
                        "initializer %s is for models that begin sparse",
                        d->row->name);
    return err;
}

int pare_initializer_draw(float *const *value, const struct pare_model *m,
                          const char *spec, uint64_t seed)
{
    struct drawing d;
    int err = parse_dense(&d, spec);

    if (err)
        return err;
    d.seed = seed;
    draw_tensors(value, m, &d);
    return 0;
}

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* The model's own arrays; the caller frees the list of them. */
static float **own_values(const struct pare_model *m)
{
    float **value = malloc((m->n_tensors + 1) * sizeof *value);

    for (size_t t = 0; value && t < m->n_tensors; t++)
        value[t] = m->tensor[t].value;
    if (!value)
        no_memory();
    return value;
}

/* Draw the values of a model where it has connections, and say so in it. */
static int draw_born(struct pare_model *m, const char *spec,
                     const struct pare_sparse_spec *sparse, uint64_t seed)
{
    struct pare_init init = {.seed = seed};
    struct drawing d = {0};
    float **value = own_values(m);
    int err = value ? parse(&d, spec) : PARE_ENOMEM;

    if (!err && sparse->sparse_fan && d.row->has_sd)
        err = pare_fail(PARE_EINVAL,
                        "fan=sparse says nothing to initializer %s, whose "
                        "spread is given",
                        d.row->name);
    if (!err)
        err = pare_initializer_parse(init.spec, spec);
    if (!err && !pare_model_add_checkpoint(m, "init"))
        err = PARE_ENOMEM;
    if (!err) {
        d.seed = seed;
        d.masks = true;
        d.sparse_fan = sparse->sparse_fan;
        memcpy(init.sparse, sparse->canon, sizeof init.sparse);
        draw_tensors(value, m, &d);
        err = pare_digest_weights(init.digest, m);
    }
    if (!err)
        m->init = init;
    free(value);
    return err;
}

int pare_model_draw_sparse(struct pare_model *m, const char *spec,
                           const char *sparse, uint64_t seed)
{
    struct pare_sparse_spec s;
    int err = pare_sparse_parse(&s, sparse);

    if (!err)
        err = pare_sparse_connect(m, &s, seed);
    if (!err)
        err = pare_model_allocate(m);
    return err ? err : draw_born(m, spec, &s, seed);
}

static bool any_compact(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].pattern)
            return true;
    return false;
}

/*
 * The model as it was when its weights were drawn, made again; to be released
 * in any case.
 */
static int bear(struct pare_model *b, const struct pare_model *m,
                const struct pare_init *init)
{
    struct pare_arch arch = {0};
    int err = pare_arch_parse(&arch, m->arch.text);

    if (!err)
        err = pare_model_lay(b, &arch);
    if (!err && init->sparse[0])
        return pare_model_draw_sparse(b, init->spec, init->sparse, init->seed);
    if (!err)
        err = pare_model_allocate(b);
    return err ? err : pare_model_draw(b, init->spec, init->seed);
}

/* A tensor's values of then where it has connections now, else 0. */
static void project(float *value, const struct pare_tensor *now,
                    const struct pare_tensor *then)
{
    const struct pare_pattern *p = now->pattern, *q = then->pattern;

    if (!p && !q) {
        memcpy(value, then->value, now->n * sizeof *value);
        return;
    }
    memset(value, 0, now->n * sizeof *value);
    for (size_t r = 0; p && r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            uint64_t at = q ? pare_pattern_find(q, r, p->col[k])
                            : r * p->cols + p->col[k];

            if (at != UINT64_MAX)
                value[k] = then->value[at];
        }
    for (size_t r = 0; !p && r < q->rows; r++)
        for (uint64_t k = q->row[r]; k < q->row[r + 1]; k++)
            value[r * q->cols + q->col[k]] = then->value[k];
}

/* Born again under the masks or patterns of now. */
static int draw_through(float *const *value, char digest[PARE_DIGEST_LEN],
                        const struct pare_model *m,
                        const struct pare_init *init)
{
    struct pare_model b = {0};
    int err = bear(&b, m, init);

    for (size_t t = 0; !err && t < m->n_tensors; t++)
        project(value[t], &m->tensor[t], &b.tensor[t]);
    if (!err)
        memcpy(digest, b.init.digest, PARE_DIGEST_LEN);
    pare_model_release(&b);
    return err;
}

/* New weights for the connections that a model born sparse has now. */
static int draw_anew(struct pare_model *m, const char *spec, uint64_t seed)
{
    struct pare_sparse_spec sparse;
    int err = pare_sparse_parse(&sparse, m->init.sparse);

    if (!err)
        err = draw_born(m, spec, &sparse, seed);
    return err ? err : pare_model_save_checkpoint(m, "init", false);
}

int pare_model_draw(struct pare_model *m, const char *spec, uint64_t seed)
{
    struct pare_init init = {.seed = seed};
    struct drawing d;
    float **value;
    int err;

    if (m->init.sparse[0])
        return draw_anew(m, spec, seed);
    value = own_values(m);
    if (!value)
        return PARE_ENOMEM;
    err = parse_dense(&d, spec);
    if (!err)
        err = pare_initializer_parse(init.spec, spec);
    if (!err && !pare_model_add_checkpoint(m, "init"))
        err = PARE_ENOMEM;
    if (!err && any_compact(m)) {
        err = draw_through(value, init.digest, m, &init);
    } else if (!err) {
        err = pare_initializer_draw(value, m, init.spec, seed);
        if (!err)
            err = pare_digest_weights(init.digest, m);
    }
    if (!err)
        m->init = init;
    pare_model_apply_masks(m);
    free(value);
    return err;
}

/* Draw init again, and its digest. */
static int draw_first(float *const *value, char digest[PARE_DIGEST_LEN],
                      const struct pare_model *m)
{
    int err;

    if (m->init.sparse[0] || any_compact(m))
        return draw_through(value, digest, m, &m->init);
    err = pare_initializer_draw(value, m, m->init.spec, m->init.seed);
    return err ? err : pare_digest_weights_of(digest, m, value);
}

/* One tensor of init, for a model of nothing else. */
static int load_first(void *arg, const struct pare_model *m, size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    float **value = arg;
    int err;

    t->value = malloc((t->n + 1) * sizeof *t->value);
    if (!t->value)
        return no_memory();
    value[tensor] = t->value;
    err = pare_initializer_draw(value, m, m->init.spec, m->init.seed);
    value[tensor] = NULL;
    return err;
}

/* The digest of init in the memory of one tensor. */
static int digest_first(char digest[PARE_DIGEST_LEN],
                        const struct pare_model *m)
{
    struct pare_model first = *m;
    float **value = calloc(m->n_tensors + 1, sizeof *value);
    struct pare_loader loader = {.load = load_first, .arg = value};
    int err = PARE_ENOMEM;

    first.tensor = calloc(m->n_tensors + 1, sizeof *first.tensor);
    if (first.tensor)
        memcpy(first.tensor, m->tensor, m->n_tensors * sizeof *first.tensor);
    for (size_t t = 0; first.tensor && t < m->n_tensors; t++)
        first.tensor[t].quant = (struct pare_quant){0};
    if (first.tensor && value)
        err = pare_model_set_loader(&first, &loader);
    else
        no_memory();
    if (!err) {
        err = pare_digest_weights(digest, &first);
        pare_loader_release(&first.loader);
    }
    free(first.tensor);
    free(value);
    return err;
}

/* Without `value` only to see that it can be done. */
static int draw_again(float *const *value, const struct pare_model *m)
{
    char digest[PARE_DIGEST_LEN];
    int err;

    if (!m->init.spec[0])
        return pare_fail(PARE_EFORMAT,
                         "checkpoint 'init' has neither values nor a seed");
    err = value ? draw_first(value, digest, m) : digest_first(digest, m);
    if (err)
        return err == PARE_ENOMEM
                   ? err
                   : pare_fail_prefix(PARE_EFORMAT, "checkpoint 'init'");
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

int pare_model_check_init(const struct pare_model *m)
{
    return draw_again(NULL, m);
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
