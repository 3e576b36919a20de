#include "graph_draft.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rng.h"

enum { WIDEST = 12 };

static struct {
    uint64_t seed, at;
} dice;

/* 0..n-1 */
size_t roll(size_t n)
{
    uint32_t word[4];

    pare_rng_block(word, dice.seed, PARE_STREAM_INIT, 0, dice.at++);
    return word[0] % n;
}

void roll_floats(float *x, size_t n, double lo, double hi)
{
    pare_rng_uniform(x, n, lo, hi, dice.seed, PARE_STREAM_PRUNE,
                     (uint32_t)dice.at++);
}

__attribute__((format(printf, 2, 3))) static void put(struct draft *d,
                                                      const char *format, ...)
{
    size_t used = strlen(d->text);
    va_list ap;

    va_start(ap, format);
    vsnprintf(d->text + used, sizeof d->text - used, format, ap);
    va_end(ap);
}

/* The next value, of the shape of `from`, as `from -> name=`. */
static struct draft_value *next(struct draft *d, struct draft_value *from)
{
    struct draft_value *v = &d->value[d->n++];

    *v = *from;
    snprintf(v->name, sizeof v->name, "v%zu", d->n);
    v->used = false;
    if (strcmp(from->name, "in") != 0 || d->n > 2 || roll(2))
        put(d, " %s ->", from->name);
    put(d, " %s=", v->name);
    from->used = true;
    return v;
}

/* The same without a source: what follows names its inputs. */
static struct draft_value *next_join(struct draft *d,
                                     const struct draft_value *like)
{
    struct draft_value *v = &d->value[d->n++];

    *v = *like;
    snprintf(v->name, sizeof v->name, "v%zu", d->n);
    v->used = false;
    put(d, " %s=", v->name);
    return v;
}

static void add_plain(struct draft *d, struct draft_value *from)
{
    static const char *const kind[] = {
        "relu", "relu", "leaky-relu(0.3)", "tanh",       "sigmoid",
        "silu", "gelu", "srelu",           "dropout(0)", "identity"};

    next(d, from);
    put(d, "%s", kind[roll(sizeof kind / sizeof *kind)]);
}

static void add_norm(struct draft *d, struct draft_value *from)
{
    next(d, from);
    put(d, "batchnorm%s(eps=0.2)", from->rank == 3 ? "2d" : "");
}

static void add_features(struct draft *d, struct draft_value *from)
{
    static const size_t units[] = {1, 3, 5, 7, 7, 12};
    struct draft_value *v = next(d, from);
    size_t kind = roll(8), n = from->dim[0] * from->dim[1] * from->dim[2];

    v->rank = 1;
    v->dim[1] = v->dim[2] = 1;
    v->dim[0] = n;
    if (kind == 0 || (kind < 3 && from->rank > 1)) {
        put(d, "flatten");
    } else if (kind == 1) {
        put(d, roll(2) ? "log-softmax" : "softmax");
    } else {
        v->dim[0] = roll(12) ? units[roll(6)] : 260;
        put(d, "linear(%zu%s)", v->dim[0], roll(3) ? "" : ",bias=no");
    }
}

static size_t slid(size_t have, size_t kernel, size_t stride, size_t pad,
                   size_t dilation)
{
    size_t need = (kernel - 1) * dilation + 1;

    return have + 2 * pad < need ? 0 : (have + 2 * pad - need) / stride + 1;
}

/* A convolution or a pool, where it fits. */
static void add_window(struct draft *d, struct draft_value *from)
{
    size_t kernel = 1 + roll(3), stride = 1 + roll(2), pad = roll(2);
    size_t dilation = 1 + (roll(4) == 0), out[3] = {1, 1, 1}, kind = roll(4);
    size_t groups = from->dim[0] % 2 == 0 ? 1 + roll(2) : 1;
    struct draft_value *v;

    if (kind > 1 && kernel == 1)
        pad = 0;
    for (int i = 4 - from->rank; i < 3; i++)
        out[i] =
            slid(from->dim[i], kernel, stride, pad, kind > 1 ? 1 : dilation);
    if (out[1] == 0 || out[2] == 0)
        return;
    v = next(d, from);
    v->dim[1] = out[1];
    v->dim[2] = out[2];
    if (kind > 1) {
        put(d, "%s(%zu,%zu,%zu%s)", kind == 2 ? "maxpool" : "avgpool", kernel,
            stride, pad, kind == 3 && roll(2) ? ",count-pad=no" : "");
        return;
    }
    v->dim[0] = groups * (1 + roll(4));
    put(d, "conv%zud(%zu,%zu,%zu,%zu,dilation=%zu,groups=%zu%s)",
        (size_t)from->rank - 1, v->dim[0], kernel, stride, pad, dilation,
        groups, roll(3) ? "" : ",bias=no");
}

static void add_pad(struct draft *d, struct draft_value *from)
{
    struct draft_value *v = next(d, from);
    size_t m[6] = {0};

    for (size_t i = from->rank > 2 ? 0 : from->rank > 1 ? 2 : 4; i < 6; i++)
        m[i] = roll(2);
    v->dim[1] += m[0] + m[1];
    v->dim[2] += m[2] + m[3];
    v->dim[0] += m[4] + m[5];
    put(d, "pad(%zu,%zu,%zu,%zu,%zu,%zu,%s)", m[0], m[1], m[2], m[3], m[4],
        m[5], roll(2) ? "0" : "-0.5");
}

/* Join values that fit the one given, some of them more than once. */
static void add_join(struct draft *d, struct draft_value *first, size_t n)
{
    struct draft_value *take[PARE_LAYER_INPUTS], *fit[DRAFT_VALUES], *v;
    size_t fits = 0, channels = 0;
    bool cat = roll(2);

    for (size_t i = 0; i < d->n; i++) {
        v = &d->value[i];
        if (v->rank == first->rank && (cat || v->dim[0] == first->dim[0]) &&
            v->dim[1] == first->dim[1] && v->dim[2] == first->dim[2])
            fit[fits++] = v;
    }
    for (size_t k = 0; k < n; k++)
        take[k] = fit[roll(fits)];
    take[roll(n)] = first;
    for (size_t k = 0; k < n; k++)
        channels += take[k]->dim[0];
    if (cat && channels > WIDEST)
        return;
    v = next_join(d, first);
    v->dim[0] = cat ? channels : first->dim[0];
    put(d, cat ? "concat(" : "add(");
    for (size_t k = 0; k < n; k++) {
        put(d, "%s%s", k ? "," : "", take[k]->name);
        take[k]->used = true;
    }
    put(d, ")");
}

static void add_some_layer(struct draft *d)
{
    size_t which = roll(10);
    struct draft_value *from = &d->value[which < 6   ? d->n - 1
                                         : which < 9 ? roll(d->n)
                                                     : 0];

    switch (roll(from->rank == 1 ? 9 : 14)) {
    case 0:
    case 1:
    case 2:
        add_plain(d, from);
        return;
    case 3:
        add_norm(d, from);
        return;
    case 4:
    case 5:
        add_join(d, from, 2 + roll(3));
        return;
    case 6:
        add_features(d, from);
        return;
    case 7:
        if (from->rank == 1)
            add_features(d, from);
        else
            add_window(d, from);
        return;
    case 8:
        if (from->dim[0] <= WIDEST && from->dim[1] < 7 && from->dim[2] < 7)
            add_pad(d, from);
        return;
    case 9:
        if (roll(3) == 0) {
            struct draft_value *v = next(d, from);

            v->dim[1] = v->dim[2] = 1;
            put(d, "globalavgpool");
            return;
        }
        /* fall through */
    default:
        add_window(d, from);
    }
}

/* Heads on all outputs that nothing takes, and one layer that joins them. */
static void finish(struct draft *d)
{
    struct draft_value *head[DRAFT_VALUES];
    size_t n = 0, all = d->n, first;

    for (size_t i = 1; i < all; i++)
        if (!d->value[i].used)
            head[n++] = &d->value[i];
    if (n == 1)
        return;
    for (size_t i = 0; i < n; i++) {
        head[i] = next(d, head[i]);
        put(d, "linear(4)");
    }
    for (first = 1; n - first >= PARE_LAYER_INPUTS; first++) {
        struct draft_value *v = next_join(d, head[first - 1]);

        put(d, "add(%s,%s)", head[first - 1]->name, head[first]->name);
        head[first] = v;
    }
    next_join(d, head[first]);
    put(d, roll(2) ? "add(" : "concat(");
    for (size_t i = first - 1; i < n; i++)
        put(d, "%s%s", i > first - 1 ? "," : "", head[i]->name);
    put(d, ")");
}

void draft_graph(struct draft *d, uint64_t seed)
{
    struct draft_value *in = d->value;
    size_t layers, f;

    dice.seed = seed;
    dice.at = 0;
    layers = 1 + roll(roll(6) ? 11 : 24);
    f = 3 + roll(7);
    memset(d, 0, sizeof *d);
    d->seed = seed;
    d->n = 1;
    *in = (struct draft_value){
        .name = "in", .rank = 1 + (int)roll(5), .used = true};
    in->rank = in->rank > 3 ? 3 : in->rank;
    in->dim[0] = in->rank == 1 ? f : 1 + roll(4);
    in->dim[1] = in->rank == 3 ? 1 + roll(6) : 1;
    in->dim[2] = in->rank > 1 ? 1 + roll(6) : 1;
    put(d, "in(%zu", in->dim[0]);
    if (in->rank == 3)
        put(d, ",%zu", in->dim[1]);
    if (in->rank > 1)
        put(d, ",%zu", in->dim[2]);
    put(d, ")");
    while (d->n <= layers)
        add_some_layer(d);
    finish(d);
}

void draft_values(struct pare_tensor *x)
{
    const char *suffix = strrchr(x->name, '.') + 1;
    double bound = sqrt(4.0 * (double)x->dim[0] / (double)x->n);

    if (x->role == PARE_ROLE_WEIGHT)
        roll_floats(x->value, x->n, -bound, bound);
    else if (x->role == PARE_ROLE_SCALE || strcmp(suffix, "var") == 0)
        roll_floats(x->value, x->n, 0.5, 1.5);
    else if (strcmp(suffix, "tl") == 0)
        roll_floats(x->value, x->n, -0.7, -0.1);
    else if (strcmp(suffix, "tr") == 0)
        roll_floats(x->value, x->n, 0.1, 0.7);
    else
        roll_floats(x->value, x->n, -0.5, 0.5);
}
