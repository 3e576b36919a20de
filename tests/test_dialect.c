#include "unit.h"

#include "dialect.h"
#include "evaluate.h"
#include "net_case.h"
#include "observe.h"
#include "ref/numenta_ref.h"
#include "ref/set_ref.h"
#include "train.h"

enum { SAMPLES = 17 };

/* A run over the samples of net_case.h, and the model before it. */
struct setup {
    struct pare_dataset d;
    struct pare_train_options o;
    struct pare_model m;
    float x[SAMPLES * SET_IN];
    int32_t y[SAMPLES];
};

static void set_up(struct setup *s, const char *const *layer, int n,
                   size_t train, size_t batch)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < SAMPLES; i++) {
        for (int f = 0; f < SET_IN; f++)
            s->x[i * SET_IN + f] = case_input(i, f);
        s->y[i] = case_label(i, SET_OUT);
    }
    s->d = (struct pare_dataset){.shape = {1, {SET_IN}},
                                 .features = SET_IN,
                                 .type = PARE_X_F32,
                                 .n_classes = SET_OUT,
                                 .norm.scale = 1};
    s->d.split[PARE_TRAIN] =
        (struct pare_split){.n = train, .x = s->x, .y = s->y};
    s->o = (struct pare_train_options){
        .batch = batch, .seed = SET_SEED, .val = PARE_VAL, .threads = 1};
    assert_int_equal(pare_optimizer_parse(&s->o.optimizer, "sgd,momentum=.9"),
                     0);
    assert_int_equal(pare_schedule_parse(&s->o.schedule, "constant"), 0);
    case_model(&s->m, SET_IN, layer, n);
    s->m.norm.scale = 1;
}

static void set_mask(struct pare_model *m, size_t tensor, size_t shift,
                     size_t below)
{
    struct pare_tensor *t = &m->tensor[tensor];

    assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t i = 0; i < t->n; i++)
        t->mask[i] = (i * 7 + shift) % 5 < below;
}

/* The net of set_ref.py. */
static void set_up_set(struct setup *s, const char *dialect)
{
    static const char *const layer[] = {"linear(8)", "relu",   "dropout(0.2)",
                                        "linear(7)", "relu",   "dropout(0.2)",
                                        "linear(5)", "sigmoid"};

    set_up(s, layer, 8, SET_TRAIN, SET_BATCH);
    s->d.split[PARE_VAL] = (struct pare_split){
        .n = SET_VAL, .x = s->x + SET_TRAIN * SET_IN, .y = s->y + SET_TRAIN};
    s->o.loss = pare_loss_find("mse");
    s->o.lr = 0.05;
    s->o.weight_decay = 2e-4;
    s->o.end_epoch = 1;
    s->o.dialect = dialect;
    for (size_t l = 0; l < 3; l++)
        set_mask(&s->m, 2 * l, l, 3);
    pare_model_apply_masks(&s->m);
}

static void train(struct setup *s)
{
    if (pare_train(&s->m, &s->d, &s->o, NULL))
        fail_msg("%s", pare_error());
}

static void set_is_the_published_arithmetic(void **state)
{
    struct setup s;
    double loss = 0;
    size_t k = 0;

    (void)state;
    set_up_set(&s, "set");
    train(&s);
    for (size_t i = 0; i < sizeof set_ref_loss / sizeof *set_ref_loss; i++)
        loss += set_ref_loss[i] / 3;
    assert_close(s.m.history[0].train_loss, loss, 1e-6);
    assert_close(s.m.history[0].val_loss, set_ref_val, 1e-6);
    for (size_t t = 0; t < s.m.n_tensors; t++)
        for (size_t i = 0; i < s.m.tensor[t].n; i++, k++) {
            assert_close(s.m.tensor[t].value[i], set_ref_value[k], 1e-6);
            assert_close(s.m.optim.slot[0][t][i], set_ref_state[k], 2e-6);
        }
    assert_int_equal(k, sizeof set_ref_value / sizeof *set_ref_value);
    assert_string_equal(s.m.training.dialect, "set");
    pare_model_release(&s.m);
}

/* The masks of numenta_ref.py, and weights alone under them. */
static void turn_masks(struct pare_model *m, size_t turn)
{
    static const size_t weight[] = {0, 6};

    for (size_t k = 0; k < 2; k++) {
        struct pare_tensor *t = &m->tensor[weight[k]];

        set_mask(m, weight[k], k ? 3 * turn : turn, 2);
        for (size_t i = 0; i < t->n; i++)
            t->value[i] = t->mask[i] ? t->value[i] : 0;
    }
}

static void set_up_numenta(struct setup *s)
{
    static const char *const layer[] = {"linear(8)", "batchnorm", "relu",
                                        "linear(5)"};

    set_up(s, layer, 4, NUMENTA_SAMPLES, NUMENTA_SAMPLES);
    s->o.loss = pare_loss_find("cross-entropy");
    s->o.lr = 0.1;
    s->o.weight_decay = 1e-4;
    s->o.dialect = "numenta";
    turn_masks(&s->m, 0);
}

static void numenta_keeps_momentum_under_the_masks(void **state)
{
    static const size_t trained[] = {0, 1, 2, 3, 6, 7};
    struct setup s;
    size_t k = 0;

    (void)state;
    set_up_numenta(&s);
    s.o.end_step = NUMENTA_STEPS / 2;
    train(&s);
    turn_masks(&s.m, 1);
    s.o.end_step = NUMENTA_STEPS;
    train(&s);
    for (size_t j = 0; j < sizeof trained / sizeof *trained; j++) {
        const struct pare_tensor *t = &s.m.tensor[trained[j]];

        for (size_t i = 0; i < t->n; i++, k++) {
            assert_close(t->value[i], numenta_ref_value[k], 2e-5);
            assert_close(s.m.optim.slot[0][trained[j]][i], numenta_ref_state[k],
                         2e-5);
            if (t->mask && !t->mask[i])
                assert_true(t->value[i] == 0);
        }
    }
    assert_int_equal(k, sizeof numenta_ref_value / sizeof(double));
    for (size_t i = 0; i < s.m.n_history; i++)
        assert_close(s.m.history[i].train_loss, numenta_ref_loss[i], 1e-5);
    assert_int_equal(s.m.n_history, NUMENTA_STEPS);
    pare_model_release(&s.m);
}

static size_t state_under_masks(const struct pare_model *m)
{
    const struct pare_tensor *t = &m->tensor[0];
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += !t->mask[i] && m->optim.slot[0][0][i] != 0;
    return n;
}

static void leaving_it_clears_the_state_under_the_masks(void **state)
{
    static const char *const to[] = {"numenta", "", "set"};
    struct setup s;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        set_up_numenta(&s);
        s.o.end_step = 2;
        train(&s);
        assert_true(state_under_masks(&s.m) > 20);
        s.o.dialect = to[i];
        s.o.end_step = i == 1 ? 2 : 3; /* also before a step is done */
        train(&s);
        assert_int_equal(state_under_masks(&s.m) > 0, i == 0);
        assert_string_equal(s.m.training.dialect, to[i]);
        pare_model_release(&s.m);
    }
}

/* Values of all tensors after the run of set_ref.py in a dialect. */
static float *run_in(const char *dialect, int threads, size_t *n)
{
    struct setup s;
    float *all;

    set_up_set(&s, dialect);
    s.o.threads = threads;
    train(&s);
    *n = 0;
    for (size_t t = 0; t < s.m.n_tensors; t++)
        *n += s.m.tensor[t].n;
    all = malloc(*n * sizeof *all);
    assert_non_null(all);
    *n = 0;
    for (size_t t = 0; t < s.m.n_tensors; t++)
        for (size_t i = 0; i < s.m.tensor[t].n; i++)
            all[(*n)++] = s.m.tensor[t].value[i];
    pare_model_release(&s.m);
    return all;
}

static void standard_practice_is_another_arithmetic(void **state)
{
    size_t n, same = 0;
    float *set = run_in("set", 1, &n), *plain = run_in("", 1, &n);
    float *other = run_in("synapses", 1, &n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        same += set[i] == plain[i];
    assert_true(same < n / 2);
    /* That dialect is in the rewiring alone. */
    assert_memory_equal(plain, other, n * sizeof *plain);
    free(set);
    free(plain);
    free(other);
}

static void threads_do_not_matter(void **state)
{
    size_t n;
    float *one = run_in("set", 1, &n), *three = run_in("set", 3, &n);

    (void)state;
    assert_memory_equal(one, three, n * sizeof *one);
    free(one);
    free(three);
}

/* Gradient in evaluation, against central differences of its loss. */
static void criteria_see_the_gradient_of_evaluation(void **state)
{
    static const size_t place[][2] = {{0, 0}, {0, 11}, {1, 5}, {2, 5},
                                      {3, 2}, {4, 7},  {5, 1}};
    uint32_t index[SET_TRAIN];
    struct setup s;
    float *grad[6];

    (void)state;
    set_up_set(&s, "set");
    snprintf(s.m.training.dialect, sizeof s.m.training.dialect, "set");
    snprintf(s.m.training.loss, sizeof s.m.training.loss, "mse");
    for (uint32_t i = 0; i < SET_TRAIN; i++)
        index[i] = i;
    for (size_t t = 0; t < 6; t++)
        assert_non_null(grad[t] = malloc(s.m.tensor[t].n * sizeof(float)));
    assert_int_equal(pare_gradient(grad, &s.m, &s.d, index, SET_TRAIN, 1), 0);
    for (size_t k = 0; k < sizeof place / sizeof *place; k++) {
        struct pare_evaluation e;
        float *w = &s.m.tensor[place[k][0]].value[place[k][1]], was = *w;
        double loss[2];

        for (int up = 0; up < 2; up++) {
            *w = was + (up ? 0.002f : -0.002f);
            assert_int_equal(pare_evaluate(&e, &s.m, &s.d, PARE_TRAIN, 1), 0);
            loss[up] = e.loss;
            pare_evaluation_release(&e);
        }
        *w = was;
        assert_close(grad[place[k][0]][place[k][1]],
                     (loss[1] - loss[0]) / 0.004, 1e-5);
    }
    for (size_t t = 0; t < 6; t++)
        free(grad[t]);
    pare_model_release(&s.m);
}

/* A sum of squares of gradients by the tile and by rows: see net_memory.c. */
static void wide_layers_are_scaled_too(void **state)
{
    static const char *const layer[] = {"linear(700)", "relu", "dropout(0.2)",
                                        "linear(700)", "linear(5)"};
    static const char *const plain[] = {"linear(700)", "relu", "linear(700)",
                                        "linear(5)"};
    struct pare_model m, p;
    struct pare_net *net;
    double with[SAMPLES];

    (void)state;
    case_model(&m, SET_IN, layer, 5);
    case_model(&p, SET_IN, plain, 4);
    snprintf(m.training.dialect, sizeof m.training.dialect, "set");
    m.norm.scale = p.norm.scale = 1;
    net = case_net(&m, SAMPLES, SET_IN, false, 2);
    pare_net_forward(net, SAMPLES, false, 0, 0);
    for (size_t s = 0; s < SAMPLES; s++)
        with[s] = case_output(net, pare_net_width(SAMPLES), s, 1);
    pare_net_free(net);
    for (size_t t = 2; t < 4; t++) /* weight and bias of the second */
        for (size_t i = 0; i < p.tensor[t].n; i++)
            p.tensor[t].value[i] *= 0.8f;
    net = case_net(&p, SAMPLES, SET_IN, false, 1);
    pare_net_forward(net, SAMPLES, false, 0, 0);
    for (size_t s = 0; s < SAMPLES; s++) {
        double v = case_output(net, pare_net_width(SAMPLES), s, 1);

        assert_close(with[s], v, 1e-4 * (1 + fabs(v)));
    }
    pare_net_free(net);
    pare_model_release(&m);
    pare_model_release(&p);
}

static void layers_without_a_rule_are_refused(void **state)
{
    static const char *const net[][3] = {
        {"linear(4)", "dropout(0.2)", "relu"},
        {"linear(4)", "dropout(0.2)", "softmax"}};
    struct pare_observer *o = NULL;
    struct setup s;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        set_up(&s, net[i], 3, SET_TRAIN, SET_BATCH);
        s.d.n_classes = 4;
        s.o.loss = pare_loss_find("mse");
        s.o.dialect = "set";
        assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
        assert_non_null(strstr(pare_error(), "dropout is followed by linear"));
        pare_model_release(&s.m);
    }
    set_up_set(&s, "set");
    snprintf(s.m.training.dialect, sizeof s.m.training.dialect, "set");
    assert_int_equal(pare_observer_new(&o, &s.m, PARE_OBSERVE_VALUES, 1),
                     PARE_EMISMATCH);
    assert_non_null(strstr(pare_error(), "layer drop1"));
    pare_model_release(&s.m);
    set_up_set(&s, "sett");
    assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EINVAL);
    pare_model_release(&s.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_is_the_published_arithmetic),
        cmocka_unit_test(numenta_keeps_momentum_under_the_masks),
        cmocka_unit_test(leaving_it_clears_the_state_under_the_masks),
        cmocka_unit_test(standard_practice_is_another_arithmetic),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(criteria_see_the_gradient_of_evaluation),
        cmocka_unit_test(wide_layers_are_scaled_too),
        cmocka_unit_test(layers_without_a_rule_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
