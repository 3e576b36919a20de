#include "unit.h"

#include "net_case.h"

enum { MAX_SAMPLES = 70, MAX_FEATURES = 40 };

/* Networks that between them hold every layer and every loss. */
static const struct gradient_case {
    int samples, inputs;
    const char *loss;
    const char *layer[8];
} cases[] = {
    {70, 9, "cross-entropy", {"linear(40)", "relu", "linear(5)"}},
    {7, 6, "mse", {"linear(8)", "sigmoid", "linear(3)", "tanh"}},
    {16,
     6,
     "cross-entropy",
     {"linear(8,bias=no)", "batchnorm", "leaky-relu(0.2)", "linear(4)"}},
    {33,
     5,
     "nll",
     {"linear(7)", "tanh", "batchnorm(eps=0.01)", "linear(4)", "log-softmax"}},
    {5, 5, "cross-entropy", {"linear(6)", "softmax", "linear(6)", "softmax"}},
    {4, 3, "cross-entropy", {"batchnorm", "linear(4)", "log-softmax", "tanh"}},
    {1, 4, "mse", {"dropout(0)", "linear(3)", "relu"}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* The same network in double, one array [sample][feature] at a time. */
struct twin {
    const struct pare_model *m;
    double *value[16]; /* of each tensor */
    int samples;
    double x[MAX_SAMPLES][MAX_FEATURES];
};

static size_t twin_linear(struct twin *w, const struct pare_layer *l,
                          size_t tensor, size_t features)
{
    bool bias = pare_layer_opt(l, "bias") > 0;
    size_t units = l->out.dim[0];

    for (int s = 0; s < w->samples; s++) {
        double y[MAX_FEATURES];

        for (size_t u = 0; u < units; u++) {
            y[u] = bias ? w->value[tensor + 1][u] : 0;
            for (size_t f = 0; f < features; f++)
                y[u] += w->value[tensor][u * features + f] * w->x[s][f];
        }
        memcpy(w->x[s], y, units * sizeof *y);
    }
    return bias ? 2 : 1;
}

static void twin_batchnorm(struct twin *w, const struct pare_layer *l,
                           size_t tensor, size_t features)
{
    for (size_t f = 0; f < features; f++) {
        double mean = 0, var = 0;

        for (int s = 0; s < w->samples; s++)
            mean += w->x[s][f] / w->samples;
        for (int s = 0; s < w->samples; s++)
            var += pow(w->x[s][f] - mean, 2) / w->samples;
        for (int s = 0; s < w->samples; s++)
            w->x[s][f] = (w->x[s][f] - mean) /
                             sqrt(var + pare_layer_opt(l, "eps")) *
                             w->value[tensor][f] +
                         w->value[tensor + 1][f];
    }
}

static void twin_log_softmax(double *x, size_t features)
{
    double max = x[0], sum = 0;

    for (size_t f = 1; f < features; f++)
        max = fmax(max, x[f]);
    for (size_t f = 0; f < features; f++)
        sum += exp(x[f] - max);
    for (size_t f = 0; f < features; f++)
        x[f] -= max + log(sum);
}

static void twin_elementwise(double *x, size_t features,
                             const struct pare_layer *l)
{
    if (l->kind->op == PARE_OP_SOFTMAX || l->kind->op == PARE_OP_LOG_SOFTMAX)
        twin_log_softmax(x, features);
    for (size_t f = 0; f < features; f++)
        switch (l->kind->op) {
        case PARE_OP_RELU:
            x[f] = fmax(x[f], 0);
            break;
        case PARE_OP_LEAKY_RELU:
            x[f] *= x[f] > 0 ? 1 : pare_layer_opt(l, "slope");
            break;
        case PARE_OP_TANH:
            x[f] = tanh(x[f]);
            break;
        case PARE_OP_SIGMOID:
            x[f] = 1 / (1 + exp(-x[f]));
            break;
        case PARE_OP_SOFTMAX:
            x[f] = exp(x[f]);
            break;
        default:
            break;
        }
}

static double twin_loss_of(const double *z, int classes, int label,
                           const char *name)
{
    double y[MAX_FEATURES], sum = 0;

    memcpy(y, z, (size_t)classes * sizeof *y);
    if (strcmp(name, "cross-entropy") == 0)
        twin_log_softmax(y, (size_t)classes);
    if (strcmp(name, "mse") != 0)
        return -y[label];
    for (int c = 0; c < classes; c++)
        sum += pow(y[c] - (c == label), 2) / classes;
    return sum;
}

/* Mean loss in training mode. */
static double twin_loss(struct twin *w, const struct gradient_case *g)
{
    const struct pare_arch *arch = &w->m->arch;
    size_t tensor = 0;
    double sum = 0;

    w->samples = g->samples;
    for (int s = 0; s < g->samples; s++)
        for (int f = 0; f < g->inputs; f++)
            w->x[s][f] = (double)case_input(s, f);
    for (size_t i = 0; i < arch->n_layers; i++) {
        const struct pare_layer *l = &arch->layer[i];
        size_t features = pare_shape_size(&l->in[0]);

        if (l->kind->op == PARE_OP_LINEAR) {
            tensor += twin_linear(w, l, tensor, features);
        } else if (l->kind->op == PARE_OP_BATCHNORM) {
            twin_batchnorm(w, l, tensor, features);
            tensor += 4;
        } else {
            for (int s = 0; s < g->samples; s++)
                twin_elementwise(w->x[s], features, l);
        }
    }
    for (int s = 0; s < g->samples; s++) {
        int classes = (int)pare_arch_output(arch)->dim[0];

        sum += twin_loss_of(w->x[s], classes, case_label(s, classes), g->loss);
    }
    return sum / g->samples;
}

static float **new_values(const struct pare_model *m)
{
    float **v = calloc(m->n_tensors, sizeof *v);

    for (size_t t = 0; t < m->n_tensors; t++)
        v[t] = calloc(m->tensor[t].n, sizeof **v);
    return v;
}

static void free_values(float **v, const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        free(v[t]);
    free(v);
}

/* Gradients of a fresh model of the case, as pare_net_backward gives them. */
static float **gradients(struct pare_model *m, const struct gradient_case *g)
{
    struct pare_net *net = case_net(m, g->samples, g->inputs, true, 1);
    float **grad = new_values(m);

    pare_net_forward(net, (size_t)g->samples, true, 1, 0);
    case_loss(net, g->loss, g->samples, (int)pare_arch_output(&m->arch)->dim[0],
              true);
    pare_net_backward(net, grad);
    pare_net_free(net);
    return grad;
}

static void check_tensor(struct twin *w, const struct gradient_case *g,
                         size_t t, const float *grad)
{
    const double h = 1e-6;

    for (size_t i = 0; i < w->m->tensor[t].n; i++) {
        double keep = w->value[t][i], up, down, want;

        w->value[t][i] = keep + h;
        up = twin_loss(w, g);
        w->value[t][i] = keep - h;
        down = twin_loss(w, g);
        w->value[t][i] = keep;
        want = (up - down) / (2 * h);
        if (!(fabs((double)grad[i] - want) <= 2e-6))
            fail_msg("%s: gradient of %s[%d] is %.9g, should be %.9g",
                     w->m->arch.text, w->m->tensor[t].name, (int)i,
                     (double)grad[i], want);
    }
}

static void gradients_are_central_differences_in_double(void **state)
{
    static struct twin w;
    struct pare_model m;

    (void)state;
    for (int c = 0; c < N_CASES; c++) {
        float **grad;

        case_model(&m, cases[c].inputs, cases[c].layer, 8);
        w.m = &m;
        assert_true(m.n_tensors <= 16);
        for (size_t t = 0; t < m.n_tensors; t++) {
            w.value[t] = calloc(m.tensor[t].n, sizeof(double));
            for (size_t i = 0; i < m.tensor[t].n; i++)
                w.value[t][i] = (double)m.tensor[t].value[i];
        }
        grad = gradients(&m, &cases[c]);
        for (size_t t = 0; t < m.n_tensors; t++)
            if (m.tensor[t].role != PARE_ROLE_BUFFER)
                check_tensor(&w, &cases[c], t, grad[t]);
        for (size_t t = 0; t < m.n_tensors; t++)
            free(w.value[t]);
        free_values(grad, &m);
        pare_model_release(&m);
    }
}

/* Prune every third weight. */
static void mask_weights(struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        if (m->tensor[t].role != PARE_ROLE_WEIGHT)
            continue;
        assert_int_equal(pare_tensor_need_mask(&m->tensor[t]), 0);
        for (size_t i = 0; i < m->tensor[t].n; i += 3)
            m->tensor[t].mask[i] = 0;
    }
    pare_model_apply_masks(m);
}

/* One step of Adam from the stored gradients, tensor by tensor. */
static void step_apart(struct pare_model *m, const struct gradient_case *g,
                       const struct pare_optimizer *row,
                       const struct pare_update *u, struct pare_optstate *s)
{
    float **grad = gradients(m, g);

    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].role != PARE_ROLE_BUFFER)
            row->update(m->tensor[t].value, grad[t], s->slot[0][t],
                        s->slot[1][t], m->tensor[t].mask, m->tensor[t].n, u);
    free_values(grad, m);
}

static void step_fused(struct pare_model *m, const struct gradient_case *g,
                       const struct pare_optimizer *row,
                       const struct pare_update *u, struct pare_optstate *s)
{
    struct pare_net *net = case_net(m, g->samples, g->inputs, true, 2);

    pare_net_forward(net, (size_t)g->samples, true, 1, 0);
    case_loss(net, g->loss, g->samples, (int)pare_arch_output(&m->arch)->dim[0],
              true);
    pare_net_backward_update(net, row, u, s);
    pare_net_free(net);
}

static void fused_updates_are_those_of_the_stored_gradients(void **state)
{
    struct pare_update u = {.lr = 0.01f, .weight_decay = 0.1f};
    struct pare_optimizer_spec o;

    (void)state;
    assert_int_equal(pare_optimizer_parse(&o, "adam"), 0);
    for (int c = 0; c < 2 * N_CASES; c++) {
        const struct gradient_case *g = &cases[c / 2];
        struct pare_optstate s = {.step = 0}, r = {.step = 0};
        struct pare_model a, b;

        case_model(&a, g->inputs, g->layer, 8);
        case_model(&b, g->inputs, g->layer, 8);
        if (c % 2) {
            mask_weights(&a);
            mask_weights(&b);
        }
        assert_int_equal(pare_optstate_alloc(&s, &a, 2), 0);
        assert_int_equal(pare_optstate_alloc(&r, &b, 2), 0);
        for (uint64_t t = 1; t <= 3; t++) {
            o.row->prepare(&u, o.opt, t);
            step_fused(&a, g, o.row, &u, &s);
            step_apart(&b, g, o.row, &u, &r);
        }
        for (size_t t = 0; t < a.n_tensors; t++) {
            size_t size = a.tensor[t].n * sizeof(float);

            assert_memory_equal(a.tensor[t].value, b.tensor[t].value, size);
            for (int k = 0; k < 2 && s.slot[k][t]; k++)
                assert_memory_equal(s.slot[k][t], r.slot[k][t], size);
        }
        pare_optstate_release(&s, a.n_tensors);
        pare_optstate_release(&r, b.n_tensors);
        pare_model_release(&a);
        pare_model_release(&b);
    }
}

static void pruned_weights_and_their_state_stay_plus_zero(void **state)
{
    static const char *const spec[] = {"sgd,momentum=.9,nesterov", "adam",
                                       "adadelta"};
    const struct gradient_case *g = &cases[0];
    struct pare_update u = {.lr = 0.01f, .weight_decay = 0.1f};
    const float zero = 0;

    (void)state;
    for (int k = 0; k < 3; k++) {
        struct pare_optstate s = {.step = 0};
        struct pare_optimizer_spec o;
        struct pare_model m;

        case_model(&m, g->inputs, g->layer, 8);
        mask_weights(&m);
        assert_int_equal(pare_optimizer_parse(&o, spec[k]), 0);
        assert_int_equal(pare_optstate_alloc(&s, &m, o.n_slots), 0);
        o.row->prepare(&u, o.opt, 1);
        step_fused(&m, g, o.row, &u, &s);
        for (size_t i = 0; i < m.tensor[0].n; i++) {
            if (m.tensor[0].mask[i]) {
                assert_true(s.slot[0][0][i] != 0);
                continue;
            }
            assert_memory_equal(&m.tensor[0].value[i], &zero, sizeof zero);
            for (int j = 0; j < o.n_slots; j++)
                assert_memory_equal(&s.slot[j][0][i], &zero, sizeof zero);
        }
        pare_optstate_release(&s, m.n_tensors);
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_central_differences_in_double),
        cmocka_unit_test(fused_updates_are_those_of_the_stored_gradients),
        cmocka_unit_test(pruned_weights_and_their_state_stay_plus_zero),
    };

    return run_group(tests);
}
