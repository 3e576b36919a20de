#ifndef PARE_TESTS_TRAIN_CASE_H
#define PARE_TESTS_TRAIN_CASE_H

/* The run of tests/ref/train_ref.py; include "unit.h" first. */
#include "net_case.h"
#include "ref/train_ref.h"
#include "train.h"

enum { STEPS = 5 * REF_EPOCHS, LAYERS = 6 };

/* The reference run: data, options and the model before it. */
struct setup {
    struct pare_dataset d;
    struct pare_train_options o;
    struct pare_model m;
    float x[(REF_TRAIN + REF_VAL) * REF_INPUTS];
    int32_t y[REF_TRAIN + REF_VAL];
};

static inline void set_up(struct setup *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < REF_TRAIN + REF_VAL; i++) {
        for (int f = 0; f < REF_INPUTS; f++)
            s->x[i * REF_INPUTS + f] = case_input(i, f);
        s->y[i] = case_label(i, 3);
    }
    s->d.shape = (struct pare_shape){1, {REF_INPUTS}};
    s->d.features = REF_INPUTS;
    s->d.type = PARE_X_F32;
    s->d.n_classes = 3;
    s->d.norm.scale = 1;
    s->d.split[PARE_TRAIN] =
        (struct pare_split){.n = REF_TRAIN, .x = s->x, .y = s->y};
    s->d.split[PARE_VAL] =
        (struct pare_split){.n = REF_VAL,
                            .x = s->x + REF_TRAIN * REF_INPUTS,
                            .y = s->y + REF_TRAIN};
    s->o = (struct pare_train_options){
        .batch = REF_BATCH,
        .end_epoch = REF_EPOCHS,
        .seed = REF_SEED,
        .lr = 0.05,
        .weight_decay = 0.01,
        .loss = pare_loss_find("cross-entropy"),
        .val = PARE_VAL,
        .threads = 1,
    };
    assert_int_equal(
        pare_optimizer_parse(&s->o.optimizer, "sgd,momentum=.9,nesterov"), 0);
    assert_int_equal(pare_schedule_parse(&s->o.schedule, "cosine,warmup=1"), 0);
    s->o.sched_total = pare_schedule_total(&s->o.schedule, STEPS, 5);
    case_model(&s->m, REF_INPUTS, train_ref_layer, LAYERS);
}

static inline void train(struct setup *s, const struct pare_train_hooks *hooks,
                         int want)
{
    int err = pare_train(&s->m, &s->d, &s->o, hooks);

    if (err != want)
        fail_msg("pare_train gave %d, expected %d: %s", err, want,
                 pare_error());
}

#endif
