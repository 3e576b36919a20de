#include "unit.h"

#include "graph_draft.h"
#include "graph_twin.h"
#include "net.h"
#include "status.h"

/*
 * Random graphs against plain loops in double: what memory the plan of a
 * network shares, what it does in place and which gradients it adds must
 * not be seen.
 */

enum { GRAPHS = 1000 };

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
    draft_graph(&r->draft, seed);
    if (pare_arch_parse(&arch, r->draft.text) || pare_model_init(&r->m, &arch))
        fail_msg("graph %d, %s: %s", (int)seed, r->draft.text, pare_error());
    for (size_t t = 0; t < r->m.n_tensors; t++)
        draft_values(&r->m.tensor[t]);
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
             (int)r->draft.seed, r->draft.text, (int)r->batch, (int)r->n, mode,
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
