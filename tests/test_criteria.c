#include "unit.h"

#include "criterion.h"
#include "ref/criteria_ref.h"
#include "small_model.h"
#include "status.h"

enum { N_REF = sizeof criteria_ref / sizeof *criteria_ref };

/* A network with samples, as criteria_ref.py makes them. */
struct trial {
    struct pare_model m;
    struct pare_dataset d;
    struct pare_criterion_spec spec;
    struct pare_criterion_input in;
    float **score; /* [n_tensors] */
};

static float *samples(const struct pare_model *m, size_t n)
{
    size_t features = pare_shape_size(&m->arch.input);
    float *x = malloc(n * features * sizeof *x);

    for (size_t s = 0; s < n; s++)
        for (size_t f = 0; f < features; f++) {
            double a = (double)s, b = (double)f;

            x[s * features + f] =
                (float)sin(0.7 * a + 1.3 * b + 0.05 * a * b + 0.2);
        }
    return x;
}

static void set_values(struct pare_tensor *x, size_t t)
{
    const char *suffix = strrchr(x->name, '.') + 1;

    for (size_t i = 0; i < x->n; i++) {
        double v = sin(0.37 * (double)i + 0.11 * (double)t) / 2;

        if (x->role == PARE_ROLE_SCALE || strcmp(suffix, "var") == 0)
            v = 1 + v;
        else if (strcmp(suffix, "mean") == 0)
            v = v / 2;
        x->value[i] = (float)v;
    }
}

static void trial_init(struct trial *r, const char *arch, size_t n)
{
    struct pare_split *split = &r->d.split[PARE_TRAIN];
    size_t classes;

    memset(r, 0, sizeof *r);
    r->m = small_model(arch, 1);
    for (size_t t = 0; t < r->m.n_tensors; t++)
        set_values(&r->m.tensor[t], t);
    classes = pare_shape_size(pare_arch_output(&r->m.arch));
    r->d = (struct pare_dataset){.shape = r->m.arch.input,
                                 .features = pare_shape_size(&r->m.arch.input),
                                 .type = PARE_X_F32,
                                 .n_classes = classes};
    *split = (struct pare_split){.n = n, .x = samples(&r->m, n)};
    split->y = malloc(n * sizeof *split->y);
    for (size_t s = 0; s < n; s++)
        split->y[s] = (int32_t)((5 * s + s / 4) % classes);
    r->in = (struct pare_criterion_input){.data = &r->d, .threads = 1};
    r->score = calloc(r->m.n_tensors, sizeof *r->score);
}

static void trial_release(struct trial *r)
{
    for (size_t t = 0; t < r->m.n_tensors; t++)
        free(r->score[t]);
    free(r->score);
    free(r->d.split[PARE_TRAIN].x);
    free(r->d.split[PARE_TRAIN].y);
    pare_model_release(&r->m);
}

/* Mask every third weight. */
static void thin(struct pare_model *m)
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

/* Ask for scores of weights, or units, and maybe biases. */
static int ask(struct trial *r, const char *spec, bool units, bool bias)
{
    if (pare_criterion_parse(&r->spec, spec))
        fail_msg("%s", pare_error());
    r->in.opt = r->spec.opt;
    for (size_t t = 0; t < r->m.n_tensors; t++) {
        enum pare_role role = r->m.tensor[t].role;

        free(r->score[t]);
        r->score[t] = NULL;
        if (role == PARE_ROLE_WEIGHT || (bias && role == PARE_ROLE_BIAS))
            r->score[t] = malloc(r->m.tensor[t].n * sizeof(float));
        for (size_t i = 0; r->score[t] && i < r->m.tensor[t].n; i++)
            r->score[t][i] = NAN;
    }
    return (units ? r->spec.row->units : r->spec.row->score)(r->score, &r->m,
                                                             &r->in);
}

static void get(struct trial *r, const char *spec, bool units, bool bias)
{
    if (ask(r, spec, units, bias))
        fail_msg("%s: %s", spec, pare_error());
}

static size_t scores(const struct trial *r, size_t t, bool units)
{
    return units ? r->m.tensor[t].dim[0] : r->m.tensor[t].n;
}

static void compare(const struct trial *r, const struct criteria_ref *ref,
                    size_t t)
{
    static const char *const what[] = {"sum", "square", "product"};
    size_t n = scores(r, t, ref->units);
    double is[3] = {0}, size = 0;

    for (size_t i = 0; i < n; i++) {
        double x = (double)r->score[t][i];

        is[0] += x;
        is[1] += x * x;
        is[2] += x * cos(0.37 * (double)i);
        size += fabs(x);
    }
    for (int k = 0; k < 3; k++) {
        double most = k == 1 ? ref->tensor[t][1] : size;

        if (!(fabs(is[k] - ref->tensor[t][k]) <=
              (strcmp(ref->spec, "gradient") == 0 ? 3e-5 : 3e-7) * most))
            fail_msg("net %d, %s, %s: %s is %.9g, should be %.9g", ref->net,
                     ref->spec, r->m.tensor[t].name, what[k], is[k],
                     ref->tensor[t][k]);
    }
}

static void scores_are_those_of_pytorch(void **state)
{
    (void)state;
    for (const struct criteria_ref *ref = criteria_ref;
         ref < criteria_ref + N_REF; ref++) {
        struct trial r;

        trial_init(&r, ref_case[ref->net].arch,
                   (size_t)ref_case[ref->net].samples);
        if (ref->thin)
            thin(&r.m);
        get(&r, ref->spec, ref->units, ref->bias);
        for (size_t t = 0; t < r.m.n_tensors; t++)
            if (r.score[t] && (!ref->units || r.m.tensor[t].rank > 1))
                compare(&r, ref, t);
        trial_release(&r);
    }
}

static bool references(const char *name, bool units)
{
    for (size_t i = 0; i < N_REF; i++)
        if (strncmp(criteria_ref[i].spec, name, strlen(name)) == 0 &&
            criteria_ref[i].units == units)
            return true;
    return false;
}

/* What is not computed by a function of its own, or by hand below. */
static void every_row_that_scores_has_a_reference(void **state)
{
    const struct pare_criterion *c;

    (void)state;
    for (size_t i = 0; (c = pare_criterion(i)) != NULL; i++) {
        if (c->revise || c->gathered || strcmp(c->name, "file") == 0 ||
            strcmp(c->name, "bn-scale") == 0)
            continue;
        if ((c->score && !references(c->name, false)) ||
            (c->units && !references(c->name, true)))
            fail_msg("no reference for %s", c->name);
    }
}

static void three_threads_give_the_bits_of_one(void **state)
{
    (void)state;
    for (const struct criteria_ref *ref = criteria_ref;
         ref < criteria_ref + N_REF; ref++) {
        struct trial a, b;

        trial_init(&a, ref_case[ref->net].arch,
                   (size_t)ref_case[ref->net].samples);
        trial_init(&b, ref_case[ref->net].arch,
                   (size_t)ref_case[ref->net].samples);
        b.in.threads = 3;
        get(&a, ref->spec, ref->units, ref->bias);
        get(&b, ref->spec, ref->units, ref->bias);
        for (size_t t = 0; t < a.m.n_tensors; t++)
            if (a.score[t] && (!ref->units || a.m.tensor[t].rank > 1))
                assert_memory_equal(a.score[t], b.score[t],
                                    scores(&a, t, ref->units) * sizeof(float));
        trial_release(&a);
        trial_release(&b);
    }
}

static void set(struct pare_model *m, size_t t, const float *value)
{
    memcpy(m->tensor[t].value, value, m->tensor[t].n * sizeof *value);
}

static void close_to(const float *is, const double *should, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_close(is[i], should[i], 1e-6 * (1 + fabs(should[i])));
}

/* Two samples, y = W x, mean squared error: g_n = (y - t) x. */
static void taylor_and_fisher_by_hand(void **state)
{
    const float w[] = {1, -2, 3, 0.5f}, x[] = {1, 2, -1, 1};
    /* Outputs -3, 4 and -3, -2.5; targets 1, 0 and 0, 1; so the gradients at
       the outputs are -4, 4 and -3, -3.5. */
    const double taylor[] = {3.5, 11, 11.25, 2.875};
    const double plain[] = {0.5, 11, 11.25, 1.125};
    const double fisher[] = {6.25, 73, 63.5625, 4.765625};
    const double units[] = {10.5, 12.375}, squares[] = {56.25, 83.140625};
    struct trial r;

    (void)state;
    trial_init(&r, "in(2) linear(2,bias=no)", 2);
    strcpy(r.m.training.loss, "mse");
    set(&r.m, 0, w);
    memcpy(r.d.split[PARE_TRAIN].x, x, sizeof x);
    r.d.split[PARE_TRAIN].y[0] = 0;
    r.d.split[PARE_TRAIN].y[1] = 1;
    get(&r, "taylor", false, false);
    close_to(r.score[0], taylor, 4);
    get(&r, "taylor", true, false);
    close_to(r.score[0], units, 2);
    get(&r, "gradient", false, false);
    close_to(r.score[0], plain, 4);
    get(&r, "fisher", false, false);
    close_to(r.score[0], fisher, 4);
    get(&r, "fisher", true, false);
    close_to(r.score[0], squares, 2);
    trial_release(&r);
}

static void lamp_by_hand_with_ties_and_masks(void **state)
{
    const float w[] = {2, -1, 0, 1, 3, 2};
    /* Ascending: 0, -1, 1, 2 (place 0), 2 (place 5), 3. */
    const double all[] = {4. / 17, 1. / 19, 0, 1. / 18, 1, 4. / 13};
    const double kept[] = {0.5, 1. / 9, 0, 0, 0, 1};
    struct trial r;

    (void)state;
    trial_init(&r, "in(3) linear(2,bias=no)", 1);
    set(&r.m, 0, w);
    get(&r, "lamp", false, false);
    close_to(r.score[0], all, 6);
    assert_int_equal(pare_tensor_need_mask(&r.m.tensor[0]), 0);
    r.m.tensor[0].mask[3] = r.m.tensor[0].mask[4] = 0;
    r.m.tensor[0].mask[2] = 0;
    pare_model_apply_masks(&r.m);
    get(&r, "lamp", false, false);
    close_to(r.score[0], kept, 6);
    trial_release(&r);
}

static void lamp_of_many_weights_is_the_definition(void **state)
{
    struct pare_model m = small_model("in(40) linear(30,bias=no)", 3);
    const float *w = m.tensor[0].value;
    float *score[] = {malloc(1200 * sizeof(float))};

    (void)state;
    for (size_t i = 0; i < 1200; i += 3)
        m.tensor[0].value[i] = roundf(m.tensor[0].value[i] * 4) / 4;
    assert_int_equal(pare_criterion_find("lamp")->score(score, &m, NULL), 0);
    for (size_t i = 0; i < 1200; i++) {
        double own = (double)w[i] * (double)w[i], sum = 0;

        for (size_t j = 0; j < 1200; j++) {
            double other = (double)w[j] * (double)w[j];

            sum += other > own || (other >= own && j >= i) ? other : 0;
        }
        assert_close(score[0][i], sum > 0 ? own / sum : 0, 1e-6);
    }
    free(score[0]);
    pare_model_release(&m);
}

static void activations_by_hand(void **state)
{
    const float w[] = {1, -1, 1, 1}, b[] = {0, 0.5f}, x[] = {1, 2, 3, -4};
    /* Hidden: -1, 3.5 and 7, -0.5; the mean input is 2, -1. */
    struct trial r;

    (void)state;
    trial_init(&r, "in(2) linear(2) relu linear(2)", 2);
    memcpy(r.d.split[PARE_TRAIN].x, x, sizeof x);
    set(&r.m, 0, w);
    set(&r.m, 1, b);
    get(&r, "activation", true, false);
    close_to(r.score[0], (const double[]){0.5, 0.5}, 2);
    get(&r, "activation,mean", true, false);
    close_to(r.score[0], (const double[]){3.5, 1.75}, 2);
    get(&r, "activation", false, true);
    close_to(r.score[0], (const double[]){2, 1, 2, 1}, 4);
    close_to(r.score[1], (const double[]){0, 0.75}, 2);
    get(&r, "wanda", false, true);
    close_to(r.score[0],
             (const double[]){sqrt(10), sqrt(20), sqrt(10), sqrt(20)}, 4);
    close_to(r.score[1], (const double[]){0, 0.5 * sqrt(2)}, 2);
    trial_release(&r);
}

static void places_in_rows_are_of_what_is_left(void **state)
{
    const float w[] = {1, 2, 3, 4, 4, 3, 2, 1}, x[] = {2, 1, 1, 1};
    struct trial r;

    (void)state;
    trial_init(&r, "in(4) linear(2,bias=no)", 1);
    memcpy(r.d.split[PARE_TRAIN].x, x, sizeof x);
    set(&r.m, 0, w);
    /* |w| x: 2 2 3 4 and 8 3 2 1. */
    get(&r, "wanda,rows", false, false);
    close_to(r.score[0], (const double[]){.25, .5, .75, 1, 1, .75, .5, .25}, 8);
    assert_int_equal(pare_tensor_need_mask(&r.m.tensor[0]), 0);
    r.m.tensor[0].mask[0] = r.m.tensor[0].mask[3] = 0;
    pare_model_apply_masks(&r.m);
    get(&r, "wanda,rows", false, false);
    close_to(r.score[0], (const double[]){0, .5, 1, 0, 1, .75, .5, .25}, 8);
    trial_release(&r);
}

static void bn_scale_is_that_of_the_batch_norm_behind(void **state)
{
    const float scale[] = {-2, 0.5f, 1};
    struct trial r;

    (void)state;
    trial_init(&r,
               "in(2,4,4) conv2d(3,3) identity batchnorm2d relu linear(4) "
               "relu linear(2)",
               1);
    set(&r.m, 2, scale);
    assert_int_equal(ask(&r, "bn-scale", true, false), PARE_EINVAL);
    assert_string_equal(pare_error(),
                        "bn-scale: no batch norm follows 'fc1' alone");
    free(r.score[6]);
    free(r.score[8]);
    r.score[6] = r.score[8] = NULL;
    assert_int_equal(r.spec.row->units(r.score, &r.m, &r.in), 0);
    close_to(r.score[0], (const double[]){2, 0.5, 1}, 3);
    trial_release(&r);

    trial_init(&r,
               "in(3,4,4) c=conv2d(3,3,pad=1) b=batchnorm2d add(b,c) "
               "linear(2)",
               1);
    assert_int_equal(ask(&r, "bn-scale", true, false), PARE_EINVAL);
    assert_string_equal(pare_error(),
                        "bn-scale: no batch norm follows 'c' alone");
    trial_release(&r);
}

static void geometric_median_leaves_out_what_is_gone(void **state)
{
    const float w[] = {0, 0, 3, 4, 0, 8};
    struct trial r;

    (void)state;
    trial_init(&r, "in(2) linear(3,bias=no)", 1);
    set(&r.m, 0, w);
    get(&r, "geometric-median", true, false);
    close_to(r.score[0], (const double[]){13, 10, 13}, 3);
    assert_int_equal(pare_tensor_need_mask(&r.m.tensor[0]), 0);
    r.m.tensor[0].mask[4] = r.m.tensor[0].mask[5] = 0;
    pare_model_apply_masks(&r.m);
    get(&r, "geometric-median", true, false);
    close_to(r.score[0], (const double[]){5, 5, 0}, 3);
    trial_release(&r);
}

static void given_scores_are_taken_as_they_are(void **state)
{
    float one[] = {4, -1, 0, 2}, two[] = {1, 2, 3, 4, 5, 6};
    const float *given[] = {one, two};
    struct trial r;

    (void)state;
    trial_init(&r, "in(2) linear(2,bias=no) linear(3,bias=no)", 1);
    assert_int_equal(ask(&r, "file", false, false), PARE_EINVAL);
    assert_string_equal(pare_error(), "no scores are given for 'fc1.weight'");
    r.in.given = given;
    get(&r, "file", false, false);
    assert_memory_equal(r.score[0], one, sizeof one);
    assert_memory_equal(r.score[1], two, sizeof two);
    two[4] = NAN;
    assert_int_equal(ask(&r, "file", false, false), PARE_EINVAL);
    assert_string_equal(
        pare_error(), "the score given for 'fc2.weight' is not a number at 4");
    given[1] = NULL;
    assert_int_equal(ask(&r, "file", false, false), PARE_EINVAL);
    assert_string_equal(pare_error(), "no scores are given for 'fc2.weight'");
    trial_release(&r);
}

static double layer_sum(const struct trial *r, size_t t)
{
    double sum = 0;

    for (size_t i = 0; i < r->m.tensor[t].n; i++)
        sum += (double)r->score[t][i];
    return sum;
}

/* Tanaka et al., theorem 1: what flows in flows on. */
static void synflow_is_conserved_from_layer_to_layer(void **state)
{
    static const char *const arch[] = {
        "in(5) linear(7,bias=no) relu linear(6,bias=no) leaky-relu "
        "linear(4,bias=no) relu linear(3,bias=no) log-softmax",
        "in(2,7,6) conv2d(6,3,pad=1,bias=no) relu maxpool(2) "
        "conv2d(4,3,pad=1,groups=2,bias=no) tanh globalavgpool "
        "linear(9,bias=no) silu linear(3,bias=no)"};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct trial r;
        double first;

        trial_init(&r, arch[k], 1);
        get(&r, "synflow", false, false);
        first = layer_sum(&r, 0);
        assert_true(first > 0);
        for (size_t t = 1; t < r.m.n_tensors; t++)
            assert_close(layer_sum(&r, t), first, 1e-5 * first);
        trial_release(&r);
    }
}

/* Keep the k highest of all scores. */
static void keep(struct trial *r, size_t k)
{
    for (; k > 0; k--) {
        size_t bt = 0, bi = SIZE_MAX;

        for (size_t t = 0; t < r->m.n_tensors; t++)
            for (size_t i = 0; i < r->m.tensor[t].n; i++)
                if (r->score[t][i] >= 0 &&
                    (bi == SIZE_MAX || r->score[t][i] > r->score[bt][bi])) {
                    bt = t;
                    bi = i;
                }
        r->score[bt][bi] = -1;
    }
    for (size_t t = 0; t < r->m.n_tensors; t++)
        for (size_t i = 0; i < r->m.tensor[t].n; i++)
            r->m.tensor[t].mask[i] = r->score[t][i] < 0;
    pare_model_apply_masks(&r->m);
}

static void a_hundred_rounds_of_synflow_keep_a_path(void **state)
{
    const char *arch = "in(20) linear(40,bias=no) relu linear(40,bias=no) relu "
                       "linear(30,bias=no) relu linear(10,bias=no)";
    size_t all = 800 + 1600 + 1200 + 300;

    (void)state;
    for (int rounds = 100; rounds > 0; rounds -= 99) {
        struct trial r;
        double flow;

        trial_init(&r, arch, 1);
        for (size_t t = 0; t < r.m.n_tensors; t++) {
            pare_rng_normal(r.m.tensor[t].value, r.m.tensor[t].n,
                            t == 0 ? 0.01 : 1, 5, PARE_STREAM_INIT,
                            (uint32_t)t);
            assert_int_equal(pare_tensor_need_mask(&r.m.tensor[t]), 0);
        }
        for (int k = 1; k <= rounds; k++) {
            get(&r, "synflow", false, false);
            assert_int_equal(r.spec.rounds, 100);
            keep(&r, (size_t)((double)all * pow(1e-3, (double)k / rounds)) + 1);
        }
        get(&r, "synflow", false, false);
        flow = layer_sum(&r, 0);
        if (rounds == 100)
            assert_true(flow > 0);
        else
            assert_true(flow <= 0);
        trial_release(&r);
    }
}

/* Scores that float32 cannot hold are scaled together. */
static void synflow_of_deep_networks_keeps_its_order(void **state)
{
    char text[2048] = "in(8)";
    struct trial r;

    (void)state;
    for (int i = 0; i < 40; i++)
        strcat(text, " linear(8,bias=no) relu");
    for (int big = 0; big < 2; big++) {
        trial_init(&r, text, 1);
        for (size_t t = 0; t < r.m.n_tensors; t++)
            for (size_t i = 0; i < r.m.tensor[t].n; i++)
                r.m.tensor[t].value[i] *= big ? 1e4f : 1e-6f;
        get(&r, "synflow", false, false);
        for (size_t t = 0; t < r.m.n_tensors; t++) {
            assert_close(layer_sum(&r, t) / layer_sum(&r, 0), 1, 1e-4);
            for (size_t i = 0; i < 64; i++)
                assert_true(isfinite(r.score[t][i]) &&
                            (r.score[t][i] > 0) ==
                                (r.m.tensor[t].value[i] != 0));
        }
        trial_release(&r);
    }
}

static void masked_weights_stand_aside(void **state)
{
    static const char *const spec[] = {"taylor", "snip",  "fisher",
                                       "grasp",  "wanda", "synflow"};
    struct trial r;

    (void)state;
    trial_init(&r, ref_case[1].arch, 6);
    assert_int_equal(pare_tensor_need_mask(&r.m.tensor[0]), 0);
    for (size_t i = 0; i < r.m.tensor[0].n; i += 2)
        r.m.tensor[0].mask[i] = 0;
    pare_model_apply_masks(&r.m);
    for (size_t k = 0; k < sizeof spec / sizeof *spec; k++) {
        get(&r, spec[k], false, false);
        for (size_t i = 0; i < r.m.tensor[0].n; i++)
            assert_int_equal(r.score[0][i] != 0, i % 2);
    }
    trial_release(&r);
}

static void faults_are_told(void **state)
{
    struct trial r;

    (void)state;
    trial_init(&r, ref_case[0].arch, 7);
    r.in.calibrate = 8;
    assert_int_equal(ask(&r, "taylor", false, false), PARE_EINVAL);
    assert_string_equal(pare_error(), "cannot calibrate on 8 samples: the "
                                      "training split has 7");
    r.in.calibrate = 0;
    r.m.tensor[2].value[0] = INFINITY;
    assert_int_equal(ask(&r, "snip", false, false), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "infinite or not a number"));
    assert_int_equal(ask(&r, "wanda,rows", false, false), PARE_EINVAL);
    assert_int_equal(ask(&r, "lamp", false, false), PARE_EINVAL);
    assert_non_null(
        strstr(pare_error(), "a weight of fc2.weight is not finite"));
    assert_int_equal(ask(&r, "activation", true, false), PARE_EINVAL);
    r.d.features = 5;
    r.d.shape.dim[0] = 5;
    assert_int_equal(ask(&r, "wanda", false, false), PARE_EMISMATCH);
    trial_release(&r);
}

static void calibration_takes_the_samples_of_the_seed(void **state)
{
    double sum[3];
    struct trial r;

    (void)state;
    trial_init(&r, ref_case[0].arch, 7);
    for (int k = 0; k < 3; k++) {
        r.in.calibrate = k < 2 ? 3 : 4;
        r.in.seed = k == 0;
        get(&r, "fisher", false, false);
        sum[k] = layer_sum(&r, 0);
    }
    assert_true(sum[0] != sum[1] && sum[1] != sum[2]);
    trial_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_pytorch),
        cmocka_unit_test(every_row_that_scores_has_a_reference),
        cmocka_unit_test(three_threads_give_the_bits_of_one),
        cmocka_unit_test(taylor_and_fisher_by_hand),
        cmocka_unit_test(lamp_by_hand_with_ties_and_masks),
        cmocka_unit_test(lamp_of_many_weights_is_the_definition),
        cmocka_unit_test(activations_by_hand),
        cmocka_unit_test(places_in_rows_are_of_what_is_left),
        cmocka_unit_test(bn_scale_is_that_of_the_batch_norm_behind),
        cmocka_unit_test(geometric_median_leaves_out_what_is_gone),
        cmocka_unit_test(given_scores_are_taken_as_they_are),
        cmocka_unit_test(synflow_is_conserved_from_layer_to_layer),
        cmocka_unit_test(a_hundred_rounds_of_synflow_keep_a_path),
        cmocka_unit_test(synflow_of_deep_networks_keeps_its_order),
        cmocka_unit_test(masked_weights_stand_aside),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(calibration_takes_the_samples_of_the_seed),
    };

    return run_group(tests);
}
