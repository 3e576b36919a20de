#include "optimizer.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "number.h"
#include "spec.h"
#include "status.h"

#define INLINE static inline __attribute__((always_inline))

/* A pruned position becomes +0; a product would keep NaN and -0. */
#define KEEP(i, x) (masked && !mask[i] ? 0.0f : (x))

/*
 * The state of a weight whose gradient has become 0 decays for ever, and
 * below 2^-126 every step would cost thirty times as much.
 */
#define STATE(i, x) KEEP(i, fabsf(x) < 0x1p-126f ? 0.0f : (x))

/* base^n by squaring: the same bits with every C library. */
static double power(double base, uint64_t n)
{
    double p = 1;

    for (; n; n >>= 1) {
        if (n & 1)
            p *= base;
        base *= base;
    }
    return p;
}

PARE_CLONES
void pare_update_decay(float *w, size_t n, const struct pare_update *u)
{
    const float decay = u->plain_decay;

    for (size_t i = 0; decay != 0 && i < n; i++)
        w[i] -= decay * w[i];
}

enum { SGD_MOMENTUM, SGD_NESTEROV };

static void sgd_prepare(struct pare_update *u, const double *opt, uint64_t step)
{
    (void)step;
    u->h[0] = (float)opt[SGD_MOMENTUM];
    u->nesterov = opt[SGD_NESTEROV] != 0;
}

INLINE void sgd_plain(float *restrict w, const float *restrict g,
                      const uint8_t *restrict mask, size_t n,
                      const struct pare_update *u, const bool masked)
{
    const float lr = u->lr, decay = u->weight_decay;

    for (size_t i = 0; i < n; i++) {
        float d = g[i] + decay * w[i];

        w[i] = KEEP(i, w[i] - lr * d);
    }
}

INLINE void sgd_momentum(float *restrict w, const float *restrict g,
                         float *restrict v, const uint8_t *restrict mask,
                         size_t n, const struct pare_update *u,
                         const bool masked, const bool nesterov)
{
    const float lr = u->lr, decay = u->weight_decay, momentum = u->h[0];

    for (size_t i = 0; i < n; i++) {
        float d = g[i] + decay * w[i];
        float b = momentum * v[i] + d;

        v[i] = STATE(i, b);
        w[i] = KEEP(i, w[i] - lr * (nesterov ? d + momentum * b : b));
    }
}

PARE_CLONES
static void sgd_update(float *restrict w, const float *restrict g,
                       float *restrict s0, float *restrict s1,
                       const uint8_t *restrict mask, size_t n,
                       const struct pare_update *u)
{
    (void)s1;
    if (!s0 && !mask)
        sgd_plain(w, g, mask, n, u, false);
    else if (!s0)
        sgd_plain(w, g, mask, n, u, true);
    else if (!u->nesterov && !mask)
        sgd_momentum(w, g, s0, mask, n, u, false, false);
    else if (!u->nesterov)
        sgd_momentum(w, g, s0, mask, n, u, true, false);
    else if (!mask)
        sgd_momentum(w, g, s0, mask, n, u, false, true);
    else
        sgd_momentum(w, g, s0, mask, n, u, true, true);
}

enum { ADAM_BETA1, ADAM_BETA2, ADAM_EPS };

static void adam_prepare(struct pare_update *u, const double *opt,
                         uint64_t step)
{
    double beta1 = opt[ADAM_BETA1], beta2 = opt[ADAM_BETA2];

    u->h[0] = (float)(1 - beta1);
    u->h[1] = (float)beta2;
    u->h[2] = (float)(1 - beta2);
    u->h[3] = (float)(1 / (1 - power(beta1, step)));
    u->h[4] = (float)(1 / sqrt(1 - power(beta2, step)));
    u->h[5] = (float)opt[ADAM_EPS];
}

INLINE void adam_loop(float *restrict w, const float *restrict g,
                      float *restrict m, float *restrict v,
                      const uint8_t *restrict mask, size_t n,
                      const struct pare_update *u, const bool masked)
{
    const float decay = u->weight_decay, new1 = u->h[0], beta2 = u->h[1],
                new2 = u->h[2], unbias = u->h[4], eps = u->h[5];
    const float size = u->lr * u->h[3];

    for (size_t i = 0; i < n; i++) {
        float d = g[i] + decay * w[i];
        float a = m[i] + new1 * (d - m[i]);
        float b = beta2 * v[i] + new2 * d * d;

        m[i] = STATE(i, a);
        v[i] = STATE(i, b);
        w[i] = KEEP(i, w[i] - size * a / (sqrtf(b) * unbias + eps));
    }
}

PARE_CLONES
static void adam_update(float *restrict w, const float *restrict g,
                        float *restrict s0, float *restrict s1,
                        const uint8_t *restrict mask, size_t n,
                        const struct pare_update *u)
{
    if (mask)
        adam_loop(w, g, s0, s1, mask, n, u, true);
    else
        adam_loop(w, g, s0, s1, mask, n, u, false);
}

enum { ADADELTA_RHO, ADADELTA_EPS };

static void adadelta_prepare(struct pare_update *u, const double *opt,
                             uint64_t step)
{
    (void)step;
    u->h[0] = (float)opt[ADADELTA_RHO];
    u->h[1] = (float)(1 - opt[ADADELTA_RHO]);
    u->h[2] = (float)opt[ADADELTA_EPS];
}

INLINE void adadelta_loop(float *restrict w, const float *restrict g,
                          float *restrict sq, float *restrict acc,
                          const uint8_t *restrict mask, size_t n,
                          const struct pare_update *u, const bool masked)
{
    const float lr = u->lr, decay = u->weight_decay, rho = u->h[0],
                rest = u->h[1], eps = u->h[2];

    for (size_t i = 0; i < n; i++) {
        float d = g[i] + decay * w[i];
        float a = rho * sq[i] + rest * d * d;
        float delta = sqrtf(acc[i] + eps) / sqrtf(a + eps) * d;
        float b = rho * acc[i] + rest * delta * delta;

        sq[i] = STATE(i, a);
        acc[i] = STATE(i, b);
        w[i] = KEEP(i, w[i] - lr * delta);
    }
}

PARE_CLONES
static void adadelta_update(float *restrict w, const float *restrict g,
                            float *restrict s0, float *restrict s1,
                            const uint8_t *restrict mask, size_t n,
                            const struct pare_update *u)
{
    if (mask)
        adadelta_loop(w, g, s0, s1, mask, n, u, true);
    else
        adadelta_loop(w, g, s0, s1, mask, n, u, false);
}

static const struct pare_optimizer table[] = {
    {.name = "sgd",
     .help = "stochastic gradient descent, with momentum if asked",
     .source = "Sutskever, Martens, Dahl and Hinton 2013, ICML 28(3)",
     .n_slots = 0,
     .slot_name = {"momentum"},
     .default_lr = 0.01,
     .option = {[SGD_MOMENTUM] = {"momentum", 0, 0, PARE_BELOW_ONE, false},
                [SGD_NESTEROV] = {"nesterov", 0, 0, 1, true}},
     .prepare = sgd_prepare,
     .update = sgd_update},
    {.name = "adam",
     .help = "running moments of the gradient, bias-corrected",
     .source = "Kingma and Ba 2015, arXiv:1412.6980",
     .n_slots = 2,
     .slot_name = {"exp_avg", "exp_avg_sq"},
     .default_lr = 0.001,
     .option = {[ADAM_BETA1] = {"beta1", 0.9, 0, PARE_BELOW_ONE, false},
                [ADAM_BETA2] = {"beta2", 0.999, 0, PARE_BELOW_ONE, false},
                [ADAM_EPS] = {"eps", 1e-8, 0, 1, false}},
     .prepare = adam_prepare,
     .update = adam_update},
    {.name = "adadelta",
     .help = "steps scaled by running means of gradients and steps",
     .source = "Zeiler 2012, arXiv:1212.5701",
     .n_slots = 2,
     .slot_name = {"square_avg", "acc_delta"},
     .default_lr = 1.0,
     .option = {[ADADELTA_RHO] = {"rho", 0.9, 0, 1, false},
                [ADADELTA_EPS] = {"eps", 1e-6, 0, 1, false}},
     .prepare = adadelta_prepare,
     .update = adadelta_update},
};

const struct pare_optimizer *pare_optimizer(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

static const struct pare_optimizer *find(const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name);
    }
    pare_fail(PARE_EINVAL, "unknown optimizer '%s': there are %s", name, known);
    return NULL;
}

/* Set one option; *seen holds a bit for each that was set. */
static int set_option(struct pare_optimizer_spec *o,
                      const struct pare_spec_item *item, unsigned *seen)
{
    const struct pare_optimizer *row = o->row;
    char known[PARE_SPEC_MAX] = "";

    for (int i = 0; i < PARE_OPTIMIZER_OPTS && row->option[i].name; i++) {
        const struct pare_optimizer_option *opt = &row->option[i];

        pare_spec_append(known, "%s%s", i ? ", " : "", opt->name);
        if (strcmp(opt->name, item->key) != 0)
            continue;
        if (*seen & 1u << i)
            return pare_fail(PARE_EINVAL, "%s: %s is set twice", row->name,
                             opt->name);
        *seen |= 1u << i;
        if (opt->flag)
            return pare_spec_flag(&o->opt[i], row->name, item);
        return pare_spec_number(&o->opt[i], row->name, item, opt->lo, opt->hi);
    }
    return pare_fail(PARE_EINVAL, "%s has no option '%s': there are %s",
                     row->name, item->key, known);
}

static void write_canon(struct pare_optimizer_spec *o)
{
    char number[PARE_NUMBER_MAX];

    pare_spec_append(o->canon, "%s", o->row->name);
    for (int i = 0; i < PARE_OPTIMIZER_OPTS && o->row->option[i].name; i++) {
        const struct pare_optimizer_option *opt = &o->row->option[i];

        pare_spec_append(o->canon, ",%s=%s", opt->name,
                         opt->flag ? o->opt[i] != 0 ? "yes" : "no"
                                   : pare_number_print(number, o->opt[i]));
    }
}

int pare_optimizer_parse(struct pare_optimizer_spec *o, const char *spec)
{
    struct pare_optimizer_spec s = {0};
    struct pare_spec_item item = {0};
    unsigned seen = 0;
    int got = pare_spec_next(&item, &spec);

    if (got <= 0)
        return pare_fail_prefix(PARE_EINVAL, "optimizer");
    if (item.has_value)
        return pare_fail(PARE_EINVAL, "optimizer '%s=%s': the name comes first",
                         item.key, item.value);
    s.row = find(item.key);
    if (!s.row)
        return PARE_EINVAL;
    for (int i = 0; i < PARE_OPTIMIZER_OPTS && s.row->option[i].name; i++)
        s.opt[i] = s.row->option[i].def;
    while ((got = pare_spec_next(&item, &spec)) > 0) {
        int err = set_option(&s, &item, &seen);

        if (err)
            return err;
    }
    if (got < 0)
        return pare_fail_prefix(got, "%s", s.row->name);
    s.n_slots = s.row->n_slots;
    if (s.row == &table[0]) {
        if (s.opt[SGD_NESTEROV] != 0 && s.opt[SGD_MOMENTUM] == 0)
            return pare_fail(PARE_EINVAL, "sgd: nesterov needs a momentum");
        s.n_slots = s.opt[SGD_MOMENTUM] != 0;
    }
    write_canon(&s);
    *o = s;
    return 0;
}
