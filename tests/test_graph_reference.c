#include "unit.h"

#include "net_case.h"
#include "ref/graph_ref.h"

enum { N_REF = sizeof graph_ref / sizeof *graph_ref };

/* The first value of element i of tensor t; graph_ref.py has the same. */
static double first_value(const char *suffix, size_t i, size_t t)
{
    double v = sin(0.37 * (double)i + 0.11 * (double)t) / 2;

    if (strcmp(suffix, "scale") == 0 || strcmp(suffix, "ar") == 0)
        return 1 + v;
    if (strcmp(suffix, "tl") == 0)
        return v - 0.6;
    if (strcmp(suffix, "al") == 0)
        return 0.3 + v / 2;
    if (strcmp(suffix, "tr") == 0)
        return v + 0.6;
    return v;
}

static void make_model(struct pare_model *m, const char *text)
{
    struct pare_arch arch;

    memset(m, 0, sizeof *m);
    if (pare_arch_parse(&arch, text) || pare_model_init(m, &arch))
        fail_msg("%s: %s", text, pare_error());
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];
        const char *suffix = strrchr(x->name, '.') + 1;

        for (size_t i = 0; x->role != PARE_ROLE_BUFFER && i < x->n; i++)
            x->value[i] = (float)first_value(suffix, i, t);
    }
}

/* The layers that layer `last` depends on, and itself. */
static void mark_sources(bool *needed, const struct pare_arch *a, size_t last)
{
    needed[last] = true;
    for (size_t i = last + 1; i-- > 0;)
        for (int k = 0; needed[i] && k < a->layer[i].n_inputs; k++)
            if (a->layer[i].input[k] != PARE_INPUT)
                needed[a->layer[i].input[k]] = true;
}

/* The network that ends in layer `last`, without what that does not need. */
static void cut_text(char *out, size_t room, const struct pare_arch *a,
                     size_t last)
{
    bool needed[REF_LAYERS] = {false};
    const char *p = a->text + strcspn(a->text, " ");
    int used = snprintf(out, room, "%.*s", (int)(p - a->text), a->text);

    mark_sources(needed, a, last);
    for (size_t i = 0; i <= last; i++) {
        const struct pare_layer *l = &a->layer[i];
        char head[PARE_NAME_MAX + 3];
        size_t n;

        snprintf(head, sizeof head, " %s=", l->name);
        p = strstr(p, head);
        assert_non_null(p);
        n = 1 + strcspn(p + 1, " ");
        if (needed[i] && !pare_layer_joins(l->kind))
            used += snprintf(
                out + used, room - (size_t)used, " %s ->",
                l->input[0] == PARE_INPUT ? "in" : a->layer[l->input[0]].name);
        if (needed[i])
            used +=
                snprintf(out + used, room - (size_t)used, "%.*s", (int)n, p);
        p += n;
    }
}

/* The same weights for the tensors that the smaller network has. */
static void copy_values(struct pare_model *to, const struct pare_model *from)
{
    for (size_t t = 0; t < to->n_tensors; t++) {
        const struct pare_tensor *x =
            pare_model_tensor(from, to->tensor[t].name);

        assert_non_null(x);
        assert_int_equal(x->n, to->tensor[t].n);
        memcpy(to->tensor[t].value, x->value, x->n * sizeof *x->value);
    }
}

/* Float rounding moves the last digits. */
static void near(double a, double b, double size, const char *what,
                 const struct graph_ref *r, const char *at)
{
    if (!(fabs(a - b) <= 2e-5 * (1 + size)))
        fail_msg("%s %s of graph %d is %.9g, PyTorch has %.9g", what, at,
                 (int)(r - graph_ref), a, b);
}

/* A sum is as good as the terms are large: sqrt(square) bounds them. */
static void near_sums(double sum, double square, double want_sum,
                      double want_square, const char *what,
                      const struct graph_ref *r, const char *at)
{
    near(sum, want_sum, sqrt(want_square), what, r, at);
    near(square, want_square, want_square, what, r, at);
}

/* A layer's output as the output of a network that ends in it. */
static void check_layer(const struct graph_ref *r, const struct pare_model *m,
                        size_t k)
{
    size_t width = pare_net_width((size_t)r->samples);
    int inputs = (int)pare_shape_size(&m->arch.input);
    double sum = 0, square = 0;
    struct pare_model cut;
    struct pare_net *net;
    char text[2048];

    cut_text(text, sizeof text, &m->arch, k);
    make_model(&cut, text);
    copy_values(&cut, m);
    net = case_net(&cut, r->samples, inputs, false, 1);
    pare_net_forward(net, (size_t)r->samples, false, 0, 0);
    for (size_t s = 0; s < (size_t)r->samples; s++)
        for (size_t c = 0; c < pare_shape_size(&m->arch.layer[k].out); c++) {
            double v = case_output(net, width, s, c);

            sum += v;
            square += v * v;
        }
    near_sums(sum, square, r->sum[k], r->square[k], "layer", r,
              m->arch.layer[k].name);
    pare_net_free(net);
    pare_model_release(&cut);
}

static void every_layer_gives_what_pytorch_gives(void **state)
{
    struct pare_model m;

    (void)state;
    for (const struct graph_ref *r = graph_ref; r < graph_ref + N_REF; r++) {
        make_model(&m, r->arch);
        for (size_t k = 0; k < m.arch.n_layers; k++)
            check_layer(r, &m, k);
        pare_model_release(&m);
    }
}

/* Train from the first weights; the caller releases m. */
static void train(struct pare_model *m, const struct graph_ref *r, int threads,
                  double loss[REF_STEPS + 1])
{
    struct pare_update u = {.lr = 0.005f, .weight_decay = 0.01f};
    struct pare_optstate s = {.step = 0};
    struct pare_optimizer_spec o;
    struct pare_net *net;
    int classes, inputs;

    make_model(m, r->arch);
    classes = (int)pare_arch_output(&m->arch)->dim[0];
    inputs = (int)pare_shape_size(&m->arch.input);
    net = case_net(m, r->samples, inputs, true, threads);
    assert_int_equal(pare_optimizer_parse(&o, "sgd,momentum=.9"), 0);
    assert_int_equal(pare_optstate_alloc(&s, m, o.n_slots), 0);
    for (int t = 0; t < REF_STEPS; t++) {
        case_gather(net, r->samples, inputs);
        pare_net_forward(net, (size_t)r->samples, true, 1, (uint64_t)t);
        loss[t] = case_loss(net, "cross-entropy", r->samples, classes, true);
        o.row->prepare(&u, o.opt, (uint64_t)t + 1);
        pare_net_backward_update(net, o.row, &u, &s);
    }
    pare_net_refresh(net);
    case_gather(net, r->samples, inputs);
    pare_net_forward(net, (size_t)r->samples, false, 1, 0);
    loss[REF_STEPS] =
        case_loss(net, "cross-entropy", r->samples, classes, false);
    pare_optstate_release(&s, m->n_tensors);
    pare_net_free(net);
}

static void compare_tensors(const struct pare_model *m,
                            const struct graph_ref *r)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        double sum = 0, square = 0;

        for (size_t i = 0; i < m->tensor[t].n; i++) {
            double v = (double)m->tensor[t].value[i];

            sum += v;
            square += v * v;
        }
        near_sums(sum, square, r->tensor_sum[t], r->tensor_square[t], "tensor",
                  r, m->tensor[t].name);
    }
}

static void ten_steps_of_training_are_those_of_pytorch(void **state)
{
    double loss[REF_STEPS + 1];
    struct pare_model m;

    (void)state;
    for (const struct graph_ref *r = graph_ref; r < graph_ref + N_REF; r++) {
        train(&m, r, 1, loss);
        for (int t = 0; t < REF_STEPS; t++)
            near(loss[t], r->loss[t], 1, "loss", r, "in training");
        near(loss[REF_STEPS], r->last, 1, "loss", r, "at the end");
        compare_tensors(&m, r);
        pare_model_release(&m);
    }
}

static void two_threads_give_the_bits_of_one(void **state)
{
    double one[REF_STEPS + 1], two[REF_STEPS + 1];
    struct pare_model a, b;

    (void)state;
    for (const struct graph_ref *r = graph_ref; r < graph_ref + N_REF; r++) {
        train(&a, r, 1, one);
        train(&b, r, 2, two);
        assert_memory_equal(one, two, sizeof one);
        for (size_t t = 0; t < a.n_tensors; t++)
            assert_memory_equal(a.tensor[t].value, b.tensor[t].value,
                                a.tensor[t].n * sizeof(float));
        pare_model_release(&a);
        pare_model_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_gives_what_pytorch_gives),
        cmocka_unit_test(ten_steps_of_training_are_those_of_pytorch),
        cmocka_unit_test(two_threads_give_the_bits_of_one),
    };

    return run_group(tests);
}
