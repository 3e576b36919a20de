#include "unit.h"

#include "graph_twin.h"
#include "net.h"
#include "rng.h"
#include "status.h"

/*
 * Random graphs against plain loops in double: what memory the plan of a
 * network shares, what it does in place and which gradients it adds must
 * not be seen.
 */

enum { GRAPHS = 1000, VALUES = 80, WIDEST = 12 };

static struct {
    uint64_t seed, at;
} dice;

/* 0..n-1 */
static size_t roll(size_t n)
{
    uint32_t word[4];

    pare_rng_block(word, dice.seed, PARE_STREAM_INIT, 0, dice.at++);
    return word[0] % n;
}

static void roll_floats(float *x, size_t n, double lo, double hi)
{
    pare_rng_uniform(x, n, lo, hi, dice.seed, PARE_STREAM_PRUNE,
                     (uint32_t)dice.at++);
}

/* A value that layers can take: the input and what came of it. */
struct value {
    char name[8];
    int rank;
    size_t dim[3]; /* channels, height, width; 1 where the rank is less */
    bool used;
};

struct draft {
    char text[8192];
    size_t n;
    struct value value[VALUES];
};

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
static struct value *next(struct draft *d, struct value *from)
{
    struct value *v = &d->value[d->n++];

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
static struct value *next_join(struct draft *d, const struct value *like)
{
    struct value *v = &d->value[d->n++];

    *v = *like;
    snprintf(v->name, sizeof v->name, "v%zu", d->n);
    v->used = false;
    put(d, " %s=", v->name);
    return v;
}

static void add_plain(struct draft *d, struct value *from)
{
    static const char *const kind[] = {
        "relu", "relu", "leaky-relu(0.3)", "tanh",       "sigmoid",
        "silu", "gelu", "srelu",           "dropout(0)", "identity"};

    next(d, from);
    put(d, "%s", kind[roll(sizeof kind / sizeof *kind)]);
}

static void add_norm(struct draft *d, struct value *from)
{
    next(d, from);
    put(d, "batchnorm%s(eps=0.2)", from->rank == 3 ? "2d" : "");
}

static void add_features(struct draft *d, struct value *from)
{
    static const size_t units[] = {1, 3, 5, 7, 7, 12};
    struct value *v = next(d, from);
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
static void add_window(struct draft *d, struct value *from)
{
    size_t kernel = 1 + roll(3), stride = 1 + roll(2), pad = roll(2);
    size_t dilation = 1 + (roll(4) == 0), out[3] = {1, 1, 1}, kind = roll(4);
    size_t groups = from->dim[0] % 2 == 0 ? 1 + roll(2) : 1;
    struct value *v;

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

static void add_pad(struct draft *d, struct value *from)
{
    struct value *v = next(d, from);
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
static void add_join(struct draft *d, struct value *first, size_t n)
{
    struct value *take[PARE_LAYER_INPUTS], *fit[VALUES], *v;
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
    struct value *from = &d->value[which < 6   ? d->n - 1
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
            struct value *v = next(d, from);

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
    struct value *head[VALUES];
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
        struct value *v = next_join(d, head[first - 1]);

        put(d, "add(%s,%s)", head[first - 1]->name, head[first]->name);
        head[first] = v;
    }
    next_join(d, head[first]);
    put(d, roll(2) ? "add(" : "concat(");
    for (size_t i = first - 1; i < n; i++)
        put(d, "%s%s", i > first - 1 ? "," : "", head[i]->name);
    put(d, ")");
}

static void draft_graph(struct draft *d)
{
    struct value *in = d->value;
    size_t layers = 1 + roll(roll(6) ? 11 : 24), f = 3 + roll(7);

    memset(d, 0, sizeof *d);
    d->n = 1;
    *in = (struct value){.name = "in", .rank = 1 + (int)roll(5), .used = true};
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

/* A draft as a model, with samples and its twin. */
struct trial {
    struct draft draft;
    struct pare_model m;
    struct twin twin;
    size_t batch, n, features, classes;
    float *x, *nan;         /* [batch][features] */
    float **grad, **buffer; /* [n_tensors][n]; first running statistics */
};

static float **copies(const struct pare_model *m)
{
    float **v = calloc(m->n_tensors + 1, sizeof *v);

    for (size_t t = 0; t < m->n_tensors; t++) {
        v[t] = malloc(m->tensor[t].n * sizeof **v);
        memcpy(v[t], m->tensor[t].value, m->tensor[t].n * sizeof **v);
    }
    return v;
}

static void roll_tensor(struct pare_tensor *x)
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

/* Samples none of which comes too near to a kink, if that can be. */
static void roll_samples(struct trial *r, bool training)
{
    double *to = r->twin.value[r->m.arch.n_layers];

    for (int i = 0; i < 6; i++) {
        roll_floats(r->x, r->batch * r->features, -1.5, 1.5);
        for (size_t k = 0; k < r->n * r->features; k++)
            to[k] = (double)r->x[k];
        twin_forward(&r->twin, training);
        if (r->twin.kink > 3e-6)
            break;
    }
}

static void trial_init(struct trial *r, uint64_t seed)
{
    static const size_t batch[] = {1, 3, 8, 9, 16, 17, 40, 70, 260};
    struct pare_arch arch;
    size_t all;

    memset(r, 0, sizeof *r);
    dice.seed = seed;
    dice.at = 0;
    draft_graph(&r->draft);
    if (pare_arch_parse(&arch, r->draft.text) || pare_model_init(&r->m, &arch))
        fail_msg("graph %d, %s: %s", (int)seed, r->draft.text, pare_error());
    for (size_t t = 0; t < r->m.n_tensors; t++)
        roll_tensor(&r->m.tensor[t]);
    r->batch = batch[roll(roll(9) ? 8 : 9)];
    r->n = roll(2) ? r->batch : 1 + roll(r->batch);
    r->features = pare_shape_size(&r->m.arch.input);
    r->classes = pare_shape_size(pare_arch_output(&r->m.arch));
    all = r->batch * r->features;
    r->x = malloc(all * sizeof *r->x);
    r->nan = malloc(all * sizeof *r->nan);
    for (size_t i = 0; i < all; i++)
        r->nan[i] = NAN;
    r->grad = copies(&r->m);
    r->buffer = copies(&r->m);
    twin_init(&r->twin, &r->m, r->n);
}

static void trial_release(struct trial *r)
{
    twin_release(&r->twin);
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        free(r->grad[t]);
        free(r->buffer[t]);
    }
    free(r->grad);
    free(r->buffer);
    free(r->x);
    free(r->nan);
    pare_model_release(&r->m);
}

/* Forward, and backward where the net can; then statistics as before. */
static void pass(struct trial *r, struct pare_net *net, float *x, size_t n,
                 bool training, bool backward)
{
    struct pare_dataset d = {.features = r->features, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    double loss[260];
    int32_t y[260];

    d.split[PARE_TRAIN] = (struct pare_split){.n = n, .x = x};
    for (size_t s = 0; s < n; s++)
        y[s] = (int32_t)(s % r->classes);
    pare_net_gather(net, &from, NULL, 0, n);
    pare_net_forward(net, n, training, 1, 0);
    pare_net_loss(net, pare_loss_find("mse"), loss, y,
                  backward ? 1.0f / (float)n : 0);
    if (backward)
        pare_net_backward(net, r->grad);
    for (size_t t = 0; t < r->m.n_tensors; t++)
        if (r->m.tensor[t].role == PARE_ROLE_BUFFER)
            memcpy(r->m.tensor[t].value, r->buffer[t],
                   r->m.tensor[t].n * sizeof **r->buffer);
}

static void tell(const struct trial *r, const char *mode, const char *what,
                 size_t at, double is, double should)
{
    fail_msg("graph %d, %s, batch %d, %d samples, %s: %s[%d] is %.9g, should "
             "be %.9g",
             (int)dice.seed, r->draft.text, (int)r->batch, (int)r->n, mode,
             what, (int)at, is, should);
}

static void compare_outputs(const struct trial *r, const struct pare_net *net,
                            const char *mode)
{
    const double *want = r->twin.value[r->m.arch.n_layers - 1];
    size_t width = pare_net_width(r->batch);
    double most = 0;

    for (size_t i = 0; i < r->n * r->classes; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t s = 0; s < r->n; s++)
        for (size_t c = 0; c < r->classes; c++) {
            double is =
                (double)pare_net_output(net, s / width)[c * width + s % width];

            if (!(fabs(is - want[s * r->classes + c]) <= 1e-5 * (1 + most)))
                tell(r, mode, "output", s * r->classes + c, is,
                     want[s * r->classes + c]);
        }
}

static double most_of(const double *x, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

static void compare_gradients(struct trial *r, const char *mode)
{
    struct twin *t = &r->twin;
    size_t last = r->m.arch.n_layers - 1;
    double most = 0;

    for (size_t i = 0; i < r->n * r->classes; i++) {
        double hot = i % r->classes == i / r->classes % r->classes;

        t->grad[last][i] =
            2 * (t->value[last][i] - hot) / (double)(r->classes * r->n);
    }
    twin_backward(t);
    for (size_t k = 0; k < r->m.n_tensors; k++)
        most = fmax(most, most_of(t->weight[k], r->m.tensor[k].n));
    for (size_t k = 0; k < r->m.n_tensors; k++) {
        const struct pare_tensor *x = &r->m.tensor[k];
        double own = most_of(t->weight[k], x->n);

        for (size_t i = 0; x->role != PARE_ROLE_BUFFER && i < x->n; i++)
            if (!(fabs((double)r->grad[k][i] - t->weight[k][i]) <=
                  3e-5 * own + 3e-6 * most + 1e-6))
                tell(r, mode, x->name, i, (double)r->grad[k][i],
                     t->weight[k][i]);
    }
}

/* NaN first, so that whatever is read from an earlier pass shows. */
static void check_pass(struct trial *r, struct pare_net *net, bool training,
                       bool backward, const char *mode)
{
    pass(r, net, r->nan, r->batch, training, backward);
    roll_samples(r, training);
    pass(r, net, r->x, r->n, training, backward);
    compare_outputs(r, net, mode);
    if (backward && r->twin.kink > 3e-6)
        compare_gradients(r, mode);
}

static void random_graphs_compute_what_plain_loops_do(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct pare_net *net;
        struct trial r;

        trial_init(&r, seed);
        assert_int_equal(pare_net_new(&net, &r.m, r.batch, true, 2), 0);
        check_pass(&r, net, true, true, "training");
        check_pass(&r, net, false, true, "evaluation in training");
        pare_net_free(net);
        assert_int_equal(pare_net_new(&net, &r.m, r.batch, false, 2), 0);
        check_pass(&r, net, false, false, "evaluation");
        pare_net_free(net);
        trial_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_compute_what_plain_loops_do),
    };

    return run_group(tests);
}
