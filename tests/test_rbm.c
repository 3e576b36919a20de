#include "unit.h"

#include "compact.h"
#include "evaluate.h"
#include "net_case.h"
#include "observe.h"
#include "rbm.h"
#include "ref/rbm_ref.h"
#include "stop_at.h"
#include "train.h"

enum { SAMPLES = RBM_TRAIN + RBM_VAL };

/* The run of rbm_ref.py, and the machine before it. */
struct setup {
    struct pare_dataset d;
    struct pare_train_options o;
    struct pare_model m;
    float *x;
    int32_t *y;
};

static void set_up_data(struct setup *s, size_t features, size_t train,
                        size_t val)
{
    s->x = malloc((train + val) * features * sizeof *s->x);
    s->y = calloc(train + val, sizeof *s->y);
    assert_true(s->x && s->y);
    for (size_t i = 0; i < train + val; i++)
        for (size_t f = 0; f < features; f++) {
            float v = case_input((int)i, (int)f);

            s->x[i * features + f] = v * v;
        }
    s->d = (struct pare_dataset){.shape = {1, {features}},
                                 .features = features,
                                 .type = PARE_X_F32,
                                 .n_classes = 10, /* more than units */
                                 .norm.scale = 1};
    s->d.split[PARE_TRAIN] =
        (struct pare_split){.n = train, .x = s->x, .y = s->y};
    s->d.split[PARE_VAL] = (struct pare_split){
        .n = val, .x = s->x + train * features, .y = s->y + train};
}

static void set_up(struct setup *s)
{
    static const char *const layer[] = {"rbm(7)"};
    struct pare_tensor *w;

    memset(s, 0, sizeof *s);
    set_up_data(s, RBM_V, RBM_TRAIN, RBM_VAL);
    s->o = (struct pare_train_options){
        .batch = RBM_BATCH,
        .end_epoch = 1,
        .seed = RBM_SEED,
        .lr = 0.1,
        .weight_decay = 0.002,
        .loss = pare_loss_find("reconstruction"),
        .dialect = "set",
        .val = PARE_VAL,
        .threads = 1,
    };
    assert_int_equal(pare_optimizer_parse(&s->o.optimizer, "sgd"), 0);
    assert_int_equal(pare_schedule_parse(&s->o.schedule, "constant"), 0);
    case_model(&s->m, RBM_V, layer, 1);
    s->m.norm.scale = 1;
    w = &s->m.tensor[0];
    assert_int_equal(pare_tensor_need_mask(w), 0);
    for (size_t i = 0; i < w->n; i++)
        w->mask[i] = i * 7 % 5 < 3;
    pare_model_apply_masks(&s->m);
}

static void release(struct setup *s)
{
    pare_model_release(&s->m);
    free(s->x);
    free(s->y);
}

static void train(struct setup *s)
{
    if (pare_train(&s->m, &s->d, &s->o, NULL))
        fail_msg("%s", pare_error());
}

static void check_reference(struct setup *s)
{
    size_t k = 0;

    if (s->m.tensor[0].pattern)
        assert_int_equal(pare_model_expand(&s->m), 0);
    assert_close(s->m.history[0].train_loss, rbm_ref_loss, 1e-6);
    assert_close(s->m.history[0].val_loss, rbm_ref_val, 1e-6);
    assert_true(isnan(s->m.history[0].train_acc));
    assert_true(isnan(s->m.history[0].val_acc));
    for (size_t t = 0; t < s->m.n_tensors; t++)
        for (size_t i = 0; i < s->m.tensor[t].n; i++, k++)
            assert_close(s->m.tensor[t].value[i], rbm_ref_value[k], 1e-6);
    assert_int_equal(k, sizeof rbm_ref_value / sizeof *rbm_ref_value);
}

static void an_epoch_is_that_of_the_published_arithmetic(void **state)
{
    struct setup s;

    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        set_up(&s);
        if (compact)
            assert_int_equal(pare_tensor_compact(&s.m, 0), 0);
        assert_int_equal(s.m.tensor[0].pattern != NULL, compact);
        train(&s);
        check_reference(&s);
        release(&s);
    }
}

/* 90 x 130 and batches of 70: several tiles, blocks of units and tasks. */
static void set_up_large(struct setup *s, bool compact)
{
    static const char *const layer[] = {"rbm(90)"};
    struct pare_tensor *w;

    memset(s, 0, sizeof *s);
    set_up_data(s, 130, 300, 90);
    s->o = (struct pare_train_options){
        .batch = 70,
        .end_epoch = 3,
        .seed = 5,
        .lr = 0.05,
        .weight_decay = 1e-3,
        .loss = pare_loss_find("reconstruction"),
        .val = PARE_VAL,
        .threads = 1,
    };
    assert_int_equal(pare_optimizer_parse(&s->o.optimizer, "sgd,momentum=.5"),
                     0);
    assert_int_equal(pare_schedule_parse(&s->o.schedule, "constant"), 0);
    case_model(&s->m, 130, layer, 1);
    s->m.norm.scale = 1;
    w = &s->m.tensor[0];
    assert_int_equal(pare_tensor_need_mask(w), 0);
    for (size_t i = 0; i < w->n; i++) {
        w->mask[i] = i * 7 % 10 < 3;
        w->value[i] /= 10;
    }
    pare_model_apply_masks(&s->m);
    if (compact)
        assert_int_equal(pare_tensor_compact(&s->m, 0), 0);
}

static void same_state(const struct setup *a, const struct setup *b)
{
    assert_memory_equal(a->m.history, b->m.history,
                        a->m.n_history * sizeof *a->m.history);
    for (size_t t = 0; t < a->m.n_tensors; t++) {
        size_t size = a->m.tensor[t].n * sizeof(float);

        assert_int_equal(a->m.tensor[t].n, b->m.tensor[t].n);
        assert_memory_equal(a->m.tensor[t].value, b->m.tensor[t].value, size);
        assert_memory_equal(a->m.optim.slot[0][t], b->m.optim.slot[0][t], size);
    }
}

static void threads_do_not_matter(void **state)
{
    struct setup one, more;

    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        set_up_large(&one, compact);
        train(&one);
        for (int threads = 2; threads <= 3; threads++) {
            set_up_large(&more, compact);
            more.o.threads = threads;
            train(&more);
            same_state(&one, &more);
            release(&more);
        }
        release(&one);
    }
}

static void compact_and_masked_agree(void **state)
{
    struct setup dense, compact;

    (void)state;
    set_up_large(&dense, false);
    set_up_large(&compact, true);
    train(&dense);
    train(&compact);
    assert_int_equal(pare_model_expand(&compact.m), 0);
    for (size_t t = 0; t < dense.m.n_tensors; t++)
        for (size_t i = 0; i < dense.m.tensor[t].n; i++)
            assert_close(compact.m.tensor[t].value[i],
                         dense.m.tensor[t].value[i], 1e-5);
    release(&dense);
    release(&compact);
}

static void stopped_and_resumed_is_uninterrupted(void **state)
{
    struct setup whole, parts;
    uint64_t stop;
    const struct pare_train_hooks hooks = {.arg = &stop, .on_step = stop_at};

    (void)state;
    set_up_large(&whole, false);
    train(&whole);
    for (stop = 1; stop < 15; stop += 3) {
        set_up_large(&parts, false);
        assert_int_equal(pare_train(&parts.m, &parts.d, &parts.o, &hooks),
                         PARE_ESTOPPED);
        assert_int_equal(parts.m.training.step, stop);
        train(&parts);
        same_state(&whole, &parts);
        release(&parts);
    }
    release(&whole);
}

static void masked_weights_and_their_state_stay_0(void **state)
{
    static const char *const dialect[] = {"", "set", "numenta"};
    struct setup s;

    (void)state;
    for (int k = 0; k < 3; k++) {
        const struct pare_tensor *w;
        size_t state_there = 0;

        set_up_large(&s, false);
        w = &s.m.tensor[0];
        s.o.dialect = dialect[k];
        train(&s);
        for (size_t i = 0; i < w->n; i++) {
            assert_true(w->mask[i] || w->value[i] == 0);
            state_there += !w->mask[i] && s.m.optim.slot[0][0][i] != 0;
        }
        assert_int_equal(state_there > 0, k == 2);
        release(&s);
    }
}

static void training_lowers_the_error(void **state)
{
    struct pare_evaluation e;
    struct setup s;
    double before;

    (void)state;
    set_up_large(&s, true);
    for (size_t i = 0; i < 390; i++) /* one of ten bars */
        for (size_t f = 0; f < 130; f++)
            s.x[i * 130 + f] = f / 13 == i % 10;
    s.o.end_epoch = 20;
    s.o.lr = 0.2;
    assert_int_equal(pare_evaluate(&e, &s.m, &s.d, PARE_VAL, 1), 0);
    before = e.loss;
    assert_int_equal(e.n_classes, 0);
    pare_evaluation_release(&e);
    train(&s);
    assert_true(s.m.history[19].train_loss < 0.5 * before);
    assert_int_equal(pare_evaluate(&e, &s.m, &s.d, PARE_VAL, 2), 0);
    assert_true(e.loss < 0.5 * before);
    assert_true(e.loss == s.m.history[19].val_loss);
    pare_evaluation_release(&e);
    release(&s);
}

static void odd_inputs_are_refused(void **state)
{
    static const float odd[] = {1.5f, -0.25f, NAN};
    struct setup s;

    (void)state;
    for (int k = 0; k < 3; k++) {
        set_up(&s);
        s.x[3] = odd[k];
        assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
        assert_non_null(strstr(pare_error(), "are from 0 to 1"));
        release(&s);
    }
}

static void what_is_no_machine_is_told_apart(void **state)
{
    static const char *const plain[] = {"linear(7)"};
    struct pare_observer *o = NULL;
    struct pare_net *net = NULL;
    struct setup s;

    (void)state;
    set_up(&s);
    assert_int_equal(pare_net_new(&net, &s.m, 4, false, 1), PARE_EMISMATCH);
    assert_int_equal(pare_observer_new(&o, &s.m, PARE_OBSERVE_VALUES, 1),
                     PARE_EMISMATCH);
    s.o.loss = pare_loss_find("mse");
    assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
    s.o.loss = pare_loss_find("reconstruction");
    s.o.select = PARE_SELECT_ACC;
    assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
    s.o.select = PARE_SELECT_LAST;
    s.o.accumulate = 1;
    assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
    s.o.accumulate = 0;
    pare_model_release(&s.m);
    case_model(&s.m, RBM_V, plain, 1);
    s.d.n_classes = 7;
    assert_int_equal(pare_train(&s.m, &s.d, &s.o, NULL), PARE_EMISMATCH);
    release(&s);
}

static void the_architecture_has_a_short_form(void **state)
{
    static const char *const odd[] = {"in(784) rbm(500) relu",
                                      "in(784) linear(9) rbm(500)",
                                      "rbm(784)",
                                      "rbm(784,500) relu",
                                      "in(1,28,28) rbm(9)",
                                      "rbm(0,5)",
                                      "rbm(5,0)"};
    struct pare_arch a;

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "rbm(784,500)"), 0);
    assert_string_equal(a.text, "in(784) rbm1=rbm(500)");
    assert_true(pare_arch_is_rbm(&a));
    pare_arch_release(&a);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (pare_arch_parse(&a, odd[i]) != PARE_EINVAL)
            fail_msg("%s: %s", odd[i], pare_error());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_is_that_of_the_published_arithmetic),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(compact_and_masked_agree),
        cmocka_unit_test(stopped_and_resumed_is_uninterrupted),
        cmocka_unit_test(masked_weights_and_their_state_stay_0),
        cmocka_unit_test(training_lowers_the_error),
        cmocka_unit_test(odd_inputs_are_refused),
        cmocka_unit_test(what_is_no_machine_is_told_apart),
        cmocka_unit_test(the_architecture_has_a_short_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
