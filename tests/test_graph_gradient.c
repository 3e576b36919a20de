#include "unit.h"

#include "graph_twin.h"
#include "loss.h"
#include "net.h"
#include "status.h"

/*
 * Central differences of the loss in double, for every kind of layer that
 * takes images, with every option; test_net_gradient.c has the layers of
 * features. Batches of 5 and 18 are one sample a tile, and 32.
 */
static const char *const cases[] = {
    "in(2,5,6) conv2d(3,3) silu flatten linear(3)",
    "in(2,7,6) conv2d(4,3x2,stride=2x1,pad=1x2,dilation=1x2,bias=no) gelu "
    "linear(3)",
    "in(4,5,5) conv2d(6,3,pad=1,groups=2) tanh conv2d(6,3,groups=6) linear(3)",
    "in(3,11) conv1d(4,3,stride=2,pad=1) batchnorm sigmoid "
    "conv1d(3,2,dilation=2) linear(3)",
    "in(2,6,6) conv2d(3,3,pad=1) batchnorm2d(eps=0.01) silu maxpool(2) "
    "linear(3)",
    "in(1,7,7) conv2d(3,2) maxpool(3,stride=2,pad=1) gelu linear(3)",
    "in(2,6,6) conv2d(3,3) avgpool(3,stride=1,pad=1) tanh "
    "avgpool(2,pad=1,count-pad=no) linear(3)",
    "in(2,5,5) conv2d(4,3,pad=1) tanh globalavgpool linear(3)",
    "in(2,4,4) conv2d(3,3,pad=1) srelu linear(6) srelu linear(3)",
    "in(2,4,4) conv2d(2,3,pad=1) pad(1,0,2,1,front=1,back=2,value=0.5) "
    "conv2d(3,2) silu linear(3)",
    "in(2,5,5) a=conv2d(3,3,pad=1) batchnorm2d silu conv2d(3,3,pad=1) b=tanh "
    "add(a,b) c=gelu a -> d=conv2d(2,1) concat(c,d,a) identity linear(3)",
    "in(6) a=linear(4) tanh b=linear(4) add(a,b) c=silu concat(a,c) linear(3)",
    "in(1,4,4) leaky-relu(0.3) conv2d(3,3) dropout(0) tanh linear(3) "
    "log-softmax",
};

enum { CLASSES = 3, MOST = 18 };

struct trial {
    struct pare_model m;
    struct twin t;
    size_t n, features;
    float *x;
    int32_t y[MOST];
};

static void trial_init(struct trial *r, const char *text, size_t n)
{
    struct pare_arch arch;

    memset(r, 0, sizeof *r);
    if (pare_arch_parse(&arch, text) || pare_model_init(&r->m, &arch))
        fail_msg("%s: %s", text, pare_error());
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        struct pare_tensor *x = &r->m.tensor[t];

        for (size_t i = 0; x->role != PARE_ROLE_BUFFER && i < x->n; i++) {
            double v = sin(0.71 * (double)i + 1.3 * (double)t + 0.4) / 2;

            x->value[i] = (float)(x->role == PARE_ROLE_SCALE ? 1 + v / 2 : v);
        }
    }
    r->n = n;
    r->features = pare_shape_size(&r->m.arch.input);
    r->x = calloc(n * r->features, sizeof *r->x);
    for (size_t i = 0; i < n * r->features; i++)
        r->x[i] = (float)sin(0.37 * (double)i + 0.003 * (double)(i * i));
    for (size_t s = 0; s < n; s++)
        r->y[s] = (int32_t)(s * s % CLASSES);
    twin_init(&r->t, &r->m, n);
    for (size_t i = 0; i < n * r->features; i++)
        r->t.value[r->m.arch.n_layers][i] = (double)r->x[i];
}

static void trial_release(struct trial *r)
{
    twin_release(&r->t);
    pare_model_release(&r->m);
    free(r->x);
}

/* Mean cross-entropy of the twin's outputs, in training mode. */
static double twin_loss(struct trial *r)
{
    const double *z = r->t.value[r->m.arch.n_layers - 1];
    double sum = 0;

    twin_forward(&r->t, true);
    for (size_t s = 0; s < r->n; s++, z += CLASSES)
        sum += log(exp(z[0]) + exp(z[1]) + exp(z[2])) - z[r->y[s]];
    return sum / (double)r->n;
}

/* What the network says; grad[t] are malloc'd. */
static void net_gradients(struct trial *r, float **grad)
{
    struct pare_dataset d = {.features = r->features, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    struct pare_norm none = {.scale = 1};
    struct pare_net *net;
    double loss[MOST];

    from.norm = &none;
    d.split[PARE_TRAIN] = (struct pare_split){.n = r->n, .x = r->x};
    for (size_t t = 0; t < r->m.n_tensors; t++)
        grad[t] = calloc(r->m.tensor[t].n, sizeof **grad);
    assert_int_equal(pare_net_new(&net, &r->m, r->n, true, 2), 0);
    pare_net_gather(net, &from, NULL, 0, r->n);
    pare_net_forward(net, r->n, true, 1, 0);
    pare_net_loss(net, pare_loss_find("cross-entropy"), loss, r->y,
                  1.0f / (float)r->n);
    pare_net_backward(net, grad);
    pare_net_free(net);
}

static void check_weight(struct trial *r, size_t t, size_t i, double got)
{
    float *w = &r->m.tensor[t].value[i], keep = *w;
    float more = keep + 0x1p-16f, less = keep - 0x1p-16f;
    double up, down, want;

    *w = more;
    up = twin_loss(r);
    *w = less;
    down = twin_loss(r);
    *w = keep;
    want = (up - down) / ((double)more - (double)less);
    if (!(fabs(got - want) <= 2e-6))
        fail_msg("%s: gradient of %s[%zu] is %.9g, should be %.9g",
                 r->m.arch.text, r->m.tensor[t].name, i, got, want);
}

static void every_gradient_is_a_central_difference(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2 * sizeof cases / sizeof *cases; c++) {
        float *grad[64];
        struct trial r;

        trial_init(&r, cases[c / 2], c % 2 ? 18 : 5);
        assert_true(r.m.n_tensors <= 64);
        net_gradients(&r, grad);
        for (size_t t = 0; t < r.m.n_tensors; t++) {
            size_t n = r.m.tensor[t].n, step = 1 + n / 40;

            for (size_t i = 0; i < n; i += step)
                if (r.m.tensor[t].role != PARE_ROLE_BUFFER)
                    check_weight(&r, t, i, (double)grad[t][i]);
            free(grad[t]);
        }
        trial_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_is_a_central_difference),
    };

    return run_group(tests);
}
