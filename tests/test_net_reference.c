#include "unit.h"

#include "net_case.h"
#include "ref/net_ref.h"

enum { N_REF = sizeof net_ref / sizeof *net_ref };

static int depth(const struct net_ref *r)
{
    int n = 0;

    while (n < REF_LAYERS && r->layer[n])
        n++;
    return n;
}

/* Float rounding and Adam's division by small numbers move the last digits. */
static void near(double a, double b, double size, const char *what,
                 const struct net_ref *r, size_t at)
{
    if (!(fabs(a - b) <= 2e-5 * (1 + size)))
        fail_msg("%s of net %d at %d is %.9g, PyTorch has %.9g", what,
                 (int)(r - net_ref), (int)at, a, b);
}

/* A sum is as good as the terms are large: sqrt(square) bounds them. */
static void near_sums(double sum, double square, double want_sum,
                      double want_square, const char *what,
                      const struct net_ref *r, size_t at)
{
    near(sum, want_sum, sqrt(want_square), what, r, at);
    near(square, want_square, want_square, what, r, at);
}

static void every_layer_gives_what_pytorch_gives(void **state)
{
    (void)state;
    for (const struct net_ref *r = net_ref; r < net_ref + N_REF; r++)
        for (int k = 1; k <= depth(r); k++) {
            size_t width = pare_net_width((size_t)r->samples);
            double sum = 0, square = 0;
            struct pare_model m;
            struct pare_net *net;

            case_model(&m, r->inputs, r->layer, k);
            net = case_net(&m, r->samples, r->inputs, false, 1);
            pare_net_forward(net, (size_t)r->samples, false, 0, 0);
            for (size_t s = 0; s < (size_t)r->samples; s++)
                for (size_t c = 0; c < pare_arch_output(&m.arch)->dim[0]; c++) {
                    double v = case_output(net, width, s, c);

                    sum += v;
                    square += v * v;
                }
            near_sums(sum, square, r->sum[k - 1], r->square[k - 1], "layer", r,
                      (size_t)k);
            pare_net_free(net);
            pare_model_release(&m);
        }
}

static void compare_tensors(const struct pare_model *m, const struct net_ref *r,
                            const struct net_run_ref *run)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        double sum = 0, square = 0;

        for (size_t i = 0; i < m->tensor[t].n; i++) {
            double v = (double)m->tensor[t].value[i];

            sum += v;
            square += v * v;
        }
        near_sums(sum, square, run->sum[t], run->square[t], "tensor", r, t);
    }
}

/* Train from the case's weights; the caller releases m. */
static void train(struct pare_model *m, const struct net_ref *r, int which,
                  int threads, double loss[REF_STEPS + 1])
{
    static const char *const spec[] = {"sgd,momentum=.9", "adam"};
    struct pare_update u = {.lr = which ? 0.01f : 0.1f,
                            .weight_decay = which ? 0 : 0.01f};
    struct pare_optstate s = {.step = 0};
    struct pare_optimizer_spec o;
    struct pare_net *net;
    int classes;

    case_model(m, r->inputs, r->layer, REF_LAYERS);
    classes = (int)pare_arch_output(&m->arch)->dim[0];
    net = case_net(m, r->samples, r->inputs, true, threads);
    assert_int_equal(pare_optimizer_parse(&o, spec[which]), 0);
    assert_int_equal(pare_optstate_alloc(&s, m, o.n_slots), 0);
    for (int t = 0; t < REF_STEPS; t++) {
        case_gather(net, r->samples, r->inputs);
        pare_net_forward(net, (size_t)r->samples, true, 1, (uint64_t)t);
        loss[t] = case_loss(net, r->loss, r->samples, classes, true);
        o.row->prepare(&u, o.opt, (uint64_t)t + 1);
        pare_net_backward_update(net, o.row, &u, &s);
    }
    case_gather(net, r->samples, r->inputs);
    pare_net_forward(net, (size_t)r->samples, false, 1, 0);
    loss[REF_STEPS] = case_loss(net, r->loss, r->samples, classes, false);
    pare_optstate_release(&s, m->n_tensors);
    pare_net_free(net);
}

static void ten_steps_of_training_are_those_of_pytorch(void **state)
{
    double loss[REF_STEPS + 1];
    struct pare_model m;

    (void)state;
    for (const struct net_ref *r = net_ref; r < net_ref + N_REF; r++)
        for (int which = 0; which < 2; which++) {
            const struct net_run_ref *run = &r->run[which];

            train(&m, r, which, 1, loss);
            for (int t = 0; t < REF_STEPS; t++)
                near(loss[t], run->loss[t], 1, "loss", r, (size_t)t);
            near(loss[REF_STEPS], run->last, 1, "last loss", r, (size_t)which);
            compare_tensors(&m, r, run);
            pare_model_release(&m);
        }
}

static void two_threads_give_the_bits_of_one(void **state)
{
    double one[REF_STEPS + 1], two[REF_STEPS + 1];
    struct pare_model a, b;

    (void)state;
    for (const struct net_ref *r = net_ref; r < net_ref + N_REF; r++) {
        train(&a, r, 1, 1, one);
        train(&b, r, 1, 2, two);
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
