#include "unit.h"

#include "graph_draft.h"
#include "graph_twin.h"
#include "observe.h"
#include "status.h"

/*
 * Random graphs against plain loops in double, and what those do not have
 * against differences and sums of single samples.
 */

enum { GRAPHS = 250, SAMPLES = 5 };

struct trial {
    struct draft draft;
    struct pare_model m;
    struct pare_dataset d;
    struct pare_observer *o;
    uint32_t index[SAMPLES];
    int32_t y[SAMPLES];
    size_t n;
    double kink;
};

static void trial_of(struct trial *r, uint64_t seed, const char *loss,
                     int threads)
{
    struct pare_split *split = &r->d.split[PARE_TRAIN];
    struct pare_arch arch;

    if (pare_arch_parse(&arch, r->draft.text) || pare_model_init(&r->m, &arch))
        fail_msg("graph %d, %s: %s", (int)seed, r->draft.text, pare_error());
    for (size_t t = 0; t < r->m.n_tensors; t++)
        draft_values(&r->m.tensor[t]);
    strcpy(r->m.training.loss, loss);
    r->n = 1 + roll(SAMPLES);
    r->d.features = pare_shape_size(&r->m.arch.input);
    r->d.shape = r->m.arch.input;
    r->d.type = PARE_X_F32;
    *split = (struct pare_split){.n = r->n, .y = r->y};
    split->x = malloc(r->n * r->d.features * sizeof(float));
    roll_floats(split->x, r->n * r->d.features, -1.5, 1.5);
    for (size_t s = 0; s < r->n; s++) {
        r->index[s] = (uint32_t)(r->n - 1 - s);
        r->y[s] = (int32_t)(s % pare_shape_size(pare_arch_output(&r->m.arch)));
    }
    assert_int_equal(
        pare_observer_new(&r->o, &r->m, PARE_OBSERVE_SECOND, threads), 0);
    assert_true(pare_observer_block(r->o) >= r->n);
}

static void trial_init(struct trial *r, uint64_t seed, const char *loss)
{
    memset(r, 0, sizeof *r);
    draft_graph(&r->draft, seed);
    trial_of(r, seed, loss, 1);
}

static void trial_release(struct trial *r)
{
    pare_observer_free(r->o);
    free(r->d.split[PARE_TRAIN].x);
    pare_model_release(&r->m);
}

static double **zeros(const struct trial *r)
{
    double **v = calloc(r->m.n_tensors + 1, sizeof *v);

    for (size_t t = 0; t < r->m.n_tensors; t++)
        if (r->m.tensor[t].role == PARE_ROLE_WEIGHT ||
            r->m.tensor[t].role == PARE_ROLE_BIAS)
            v[t] = calloc(r->m.tensor[t].n, sizeof **v);
    return v;
}

static void drop(const struct trial *r, double **v)
{
    for (size_t t = 0; t < r->m.n_tensors; t++)
        free(v[t]);
    free(v);
}

static void same(const struct trial *r, const char *what, const double *is,
                 const double *should, size_t n, double tolerance)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(should[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(is[i] - should[i]) <= tolerance * (1 + most)))
            fail_msg("graph %d, %s, %d samples: %s[%d] is %.17g, should be "
                     "%.17g",
                     (int)r->draft.seed, r->draft.text, (int)r->n, what, (int)i,
                     is[i], should[i]);
}

static void same_all(const struct trial *r, const char *what, double **is,
                     double **should, double tolerance)
{
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        char text[PARE_NAME_MAX + 32];

        snprintf(text, sizeof text, "%s of %s", what, r->m.tensor[t].name);
        if (is[t])
            same(r, text, is[t], should[t], r->m.tensor[t].n, tolerance);
    }
}

/* Forward and backward over n samples from the first-th on. */
static void run(struct trial *r, size_t first, size_t n)
{
    if (pare_observer_run(r->o, &r->d, r->index + first, n) ||
        pare_observer_backward(r->o))
        fail_msg("%s", pare_error());
}

/* The gradients of the sum of the losses, by the twin. */
static void run_twin(struct trial *r, struct twin *t)
{
    const float *x = r->d.split[PARE_TRAIN].x;
    size_t last = r->m.arch.n_layers - 1, f = r->d.features;
    size_t c = pare_shape_size(&r->m.arch.layer[last].out);

    for (size_t s = 0; s < r->n; s++)
        for (size_t i = 0; i < f; i++)
            t->value[last + 1][s * f + i] = (double)x[r->index[s] * f + i];
    twin_forward(t, false);
    for (size_t i = 0; i < r->n * c; i++)
        t->grad[last][i] =
            2 *
            (t->value[last][i] - ((int32_t)(i % c) == r->y[r->index[i / c]])) /
            (double)c;
    twin_backward(t);
    r->kink = t->kink;
}

static void check_first(struct trial *r)
{
    double **sum = zeros(r);
    struct twin t;

    twin_init(&t, &r->m, r->n);
    run_twin(r, &t);
    run(r, 0, r->n);
    for (size_t i = 0; i < r->m.arch.n_layers; i++) {
        const struct pare_layer *l = &r->m.arch.layer[i];

        same(r, l->name, pare_observer_output(r->o, i), t.value[i],
             r->n * pare_shape_size(&l->out), 1e-12);
        same(r, l->name, pare_observer_input(r->o, i),
             t.value[l->input[0] == PARE_INPUT ? r->m.arch.n_layers
                                               : l->input[0]],
             r->n * pare_shape_size(&l->in[0]), 1e-12);
    }
    pare_observer_gradient(r->o, sum, PARE_SUM_PLAIN);
    same_all(r, "gradient", sum, t.weight, 1e-11);
    twin_release(&t);
    drop(r, sum);
}

static void values_and_gradients_are_those_of_plain_loops(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct trial r;

        trial_init(&r, seed, "mse");
        check_first(&r);
        trial_release(&r);
    }
}

/* Sums over units by the gradients of one sample. */
static void add_units(struct trial *r, double **units, double **square,
                      double **one)
{
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        const struct pare_tensor *x = &r->m.tensor[t];
        size_t row = x->n / x->dim[0];
        bool bias = t + 1 < r->m.n_tensors && x[1].layer == x->layer;

        if (x->role != PARE_ROLE_WEIGHT)
            continue;
        for (size_t u = 0; u < x->dim[0]; u++) {
            double d = bias ? (double)x[1].value[u] * one[t + 1][u] : 0;

            for (size_t i = u * row; i < (u + 1) * row; i++)
                d += (double)x->value[i] * one[t][i];
            units[t][u] += fabs(d);
            square[t][u] += d * d;
        }
    }
}

static void check_sums(struct trial *r)
{
    double **sum[4], **want[4], **one;

    for (int k = 0; k < 4; k++) {
        sum[k] = zeros(r);
        want[k] = zeros(r);
    }
    run(r, 0, r->n);
    pare_observer_gradient(r->o, sum[0], PARE_SUM_ABSOLUTE);
    pare_observer_gradient(r->o, sum[1], PARE_SUM_SQUARE);
    pare_observer_units(r->o, sum[2], PARE_SUM_ABSOLUTE);
    pare_observer_units(r->o, sum[3], PARE_SUM_SQUARE);
    for (size_t s = 0; s < r->n; s++) {
        one = zeros(r);
        run(r, s, 1);
        pare_observer_gradient(r->o, one, PARE_SUM_PLAIN);
        for (size_t t = 0; t < r->m.n_tensors; t++)
            for (size_t i = 0; one[t] && i < r->m.tensor[t].n; i++) {
                want[0][t][i] += fabs(one[t][i]);
                want[1][t][i] += one[t][i] * one[t][i];
            }
        add_units(r, want[2], want[3], one);
        drop(r, one);
    }
    for (size_t t = 0; t < r->m.n_tensors; t++)
        if (r->m.tensor[t].role == PARE_ROLE_BIAS)
            for (int k = 2; k < 4; k++)
                memset(sum[k][t], 0, r->m.tensor[t].n * sizeof(double));
    same_all(r, "absolute", sum[0], want[0], 1e-11);
    same_all(r, "square", sum[1], want[1], 1e-11);
    same_all(r, "units", sum[2], want[2], 1e-11);
    same_all(r, "squares of units", sum[3], want[3], 1e-11);
    for (int k = 0; k < 4; k++) {
        drop(r, sum[k]);
        drop(r, want[k]);
    }
}

static void sums_are_those_over_single_samples(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct trial r;

        trial_init(&r, seed, seed % 2 ? "cross-entropy" : "mse");
        check_sums(&r);
        trial_release(&r);
    }
}

/* Gradient with all values moved by `step` along a direction. */
static double **moved(struct trial *r, double *const *along, double step)
{
    double **g = zeros(r);

    for (size_t t = 0; t < r->m.n_tensors; t++)
        for (size_t i = 0; along[t] && i < r->m.tensor[t].n; i++)
            pare_observer_values(r->o, t)[i] =
                (double)r->m.tensor[t].value[i] + step * along[t][i];
    run(r, 0, r->n);
    pare_observer_gradient(r->o, g, PARE_SUM_PLAIN);
    return g;
}

static void check_second(struct trial *r)
{
    double **along = zeros(r), **sum = zeros(r), **up, **down, step = 1e-6;
    const double *give[256];
    struct twin twin;

    twin_init(&twin, &r->m, r->n);
    run_twin(r, &twin);
    twin_release(&twin);
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        give[t] = along[t];
        for (size_t i = 0; along[t] && i < r->m.tensor[t].n; i++)
            along[t][i] = (double)roll(1000) / 1000 - 0.5;
    }
    if (r->m.n_tensors > 1)
        give[roll(r->m.n_tensors)] = NULL;
    for (size_t t = 0; t < r->m.n_tensors; t++)
        if (along[t] && !give[t])
            memset(along[t], 0, r->m.tensor[t].n * sizeof(double));
    pare_observer_temperature(r->o, 1.7);
    pare_observer_direction(r->o, give);
    run(r, 0, r->n);
    pare_observer_gradient(r->o, sum, PARE_SUM_ALONG);
    pare_observer_direction(r->o, NULL);
    up = moved(r, along, step);
    down = moved(r, along, -step);
    for (size_t t = 0; t < r->m.n_tensors; t++)
        for (size_t i = 0; up[t] && i < r->m.tensor[t].n; i++)
            up[t][i] = (up[t][i] - down[t][i]) / (2 * step);
    if (r->kink > 1e-3)
        same_all(r, "change of the gradient", sum, up, 1e-6);
    drop(r, up);
    drop(r, down);
    drop(r, sum);
    drop(r, along);
}

static void the_second_pass_is_the_difference_of_gradients(void **state)
{
    static const char *const loss[] = {"cross-entropy", "nll", "mse"};
    int checked = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 2 * GRAPHS; seed++) {
        struct trial r;

        trial_init(&r, seed, loss[seed % 3]);
        assert_true(r.m.n_tensors <= 256);
        check_second(&r);
        checked += r.kink > 1e-3;
        trial_release(&r);
    }
    assert_true(checked > GRAPHS / 2);
}

/* The output of a layer is W col + b, line by line. */
static void check_columns(struct trial *r, size_t layer)
{
    const struct pare_layer *l = &r->m.arch.layer[layer];
    size_t units = l->out.dim[0], out = pare_shape_size(&l->out);
    size_t in = pare_shape_size(&l->in[0]), tensor = 0;
    double *y = calloc(r->n * out, sizeof *y), *col;
    struct pare_columns c;

    while (r->m.tensor[tensor].layer != layer)
        tensor++;
    pare_columns(&c, l);
    col = calloc(c.rows * c.positions, sizeof *col);
    for (size_t s = 0; s < r->n; s++)
        for (size_t u = 0; u < units; u++)
            for (size_t line = 0; line < c.lines; line++) {
                pare_unfold(col, l, pare_observer_input(r->o, layer) + s * in,
                            u / (units / c.groups), line, 1);
                for (size_t p = 0; p < c.positions; p++) {
                    double z = pare_layer_opt(l, "bias") > 0
                                   ? (double)r->m.tensor[tensor + 1].value[u]
                                   : 0;

                    for (size_t i = 0; i < c.rows; i++)
                        z += (double)r->m.tensor[tensor].value[u * c.rows + i] *
                             col[i * c.positions + p];
                    y[s * out + (u * c.lines + line) * c.positions + p] = z;
                }
            }
    same(r, l->name, pare_observer_output(r->o, layer), y, r->n * out, 1e-12);
    free(col);
    free(y);
}

static void columns_times_weights_are_the_output(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct trial r;

        trial_init(&r, seed, "mse");
        run(&r, 0, r.n);
        for (size_t i = 0; i < r.m.arch.n_layers; i++)
            if (r.m.arch.layer[i].kind->op == PARE_OP_LINEAR ||
                r.m.arch.layer[i].kind->op == PARE_OP_CONV)
                check_columns(&r, i);
        trial_release(&r);
    }
}

/* Layers that are cut into several blocks of each kind. */
static const char *const large[] = {
    "in(2,40,48) conv2d(70,5,pad=2) conv2d(4,3,2,bias=no) relu linear(3)",
    "in(140,7,6) conv2d(132,3,pad=1,groups=2) maxpool(2) linear(67) linear(4)",
    "in(3,6,5) conv2d(140,3) silu conv2d(70,2,groups=2) linear(3)",
    "in(2100) linear(70) tanh linear(3)",
};

static void large_of(struct trial *r, size_t i, int threads)
{
    memset(r, 0, sizeof *r);
    draft_graph(&r->draft, i);
    strcpy(r->draft.text, large[i]);
    trial_of(r, i, "mse", threads);
}

static void large_layers_are_cut_and_put_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct trial r;

        large_of(&r, i, 2);
        check_first(&r);
        check_sums(&r);
        check_second(&r);
        trial_release(&r);
    }
}

/* Values, and every kind of sum, after one another. */
static void all_sums(struct trial *r, double **sum)
{
    double **along = zeros(r);
    const double *give[8];

    assert_true(r->m.n_tensors <= 8);
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        give[t] = along[t];
        for (size_t i = 0; along[t] && i < r->m.tensor[t].n; i++)
            along[t][i] = (double)i / 1000;
    }
    pare_observer_direction(r->o, give);
    run(r, 0, r->n);
    for (int what = PARE_SUM_PLAIN; what <= PARE_SUM_ALONG; what++)
        pare_observer_gradient(r->o, sum, (enum pare_gradient_sum)what);
    pare_observer_units(r->o, sum, PARE_SUM_ABSOLUTE);
    drop(r, along);
}

static void three_threads_give_the_bits_of_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct trial a, b;
        double **x, **y;

        large_of(&a, i, 1);
        large_of(&b, i, 3);
        x = zeros(&a);
        y = zeros(&b);
        all_sums(&a, x);
        all_sums(&b, y);
        for (size_t t = 0; t < a.m.n_tensors; t++)
            assert_memory_equal(x[t], y[t], a.m.tensor[t].n * sizeof(double));
        drop(&a, x);
        drop(&b, y);
        trial_release(&a);
        trial_release(&b);
    }
}

static double *copy_of(const double *v, size_t n)
{
    double *copy = malloc(n * sizeof *copy);

    assert_non_null(copy);
    memcpy(copy, v, n * sizeof *copy);
    return copy;
}

static void a_pass_can_end_before_a_layer(void **state)
{
    struct trial r;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        size_t k, in, out;
        double *input, *output;

        trial_init(&r, seed, "mse");
        k = roll((uint32_t)r.m.arch.n_layers);
        in = pare_shape_size(&r.m.arch.layer[k].in[0]) * sizeof *input;
        out = pare_shape_size(&r.m.arch.layer[k].out) * sizeof *output;
        assert_int_equal(pare_observer_run(r.o, &r.d, r.index, 1), 0);
        input = copy_of(pare_observer_input(r.o, k), in / sizeof *input);
        assert_int_equal(pare_observer_run(r.o, &r.d, r.index + r.n - 1, 1), 0);
        output = copy_of(pare_observer_output(r.o, k), out / sizeof *output);
        pare_observer_until(r.o, k);
        assert_int_equal(pare_observer_run(r.o, &r.d, r.index, 1), 0);
        assert_memory_equal(pare_observer_input(r.o, k), input, in);
        assert_memory_equal(pare_observer_output(r.o, k), output, out);
        free(input);
        free(output);
        trial_release(&r);
    }
}

static void a_sample_that_is_not_there_is_an_error(void **state)
{
    uint32_t index = 99;
    struct trial r;

    (void)state;
    trial_init(&r, 1, "mse");
    assert_int_equal(pare_observer_run(r.o, &r.d, &index, 1), PARE_EINVAL);
    strcpy(r.m.training.loss, "hinge");
    assert_int_equal(pare_observer_run(r.o, &r.d, r.index, 1), 0);
    assert_int_equal(pare_observer_backward(r.o), PARE_EFORMAT);
    trial_release(&r);
}

static void more_memory_than_there_is_is_not_asked_for(void **state)
{
    char text[8192] = "in(1,16000,16000)";
    struct pare_observer *o = NULL;
    struct pare_model m = {0};
    struct pare_arch arch;

    (void)state;
    for (int i = 0; i < 1500; i++)
        strcat(text, " relu");
    strcat(text, " globalavgpool linear(2)");
    assert_int_equal(pare_arch_parse(&arch, text), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_observer_new(&o, &m, PARE_OBSERVE_SECOND, 1),
                     PARE_ENOMEM);
    assert_null(o);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_gradients_are_those_of_plain_loops),
        cmocka_unit_test(sums_are_those_over_single_samples),
        cmocka_unit_test(the_second_pass_is_the_difference_of_gradients),
        cmocka_unit_test(columns_times_weights_are_the_output),
        cmocka_unit_test(large_layers_are_cut_and_put_together),
        cmocka_unit_test(three_threads_give_the_bits_of_one),
        cmocka_unit_test(a_pass_can_end_before_a_layer),
        cmocka_unit_test(a_sample_that_is_not_there_is_an_error),
        cmocka_unit_test(more_memory_than_there_is_is_not_asked_for),
    };

    return run_group(tests);
}
