/* pare-finetune: go on training a model, its masks held. */
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "dialect.h"
#include "digest.h"
#include "loss.h"
#include "model_file.h"
#include "parallel.h"
#include "status.h"
#include "tables.h"
#include "training.h"

#define BATCH_MAX 1048576

struct options {
    const char *data, *loss, *optimizer, *schedule, *select, *checkpoint;
    const char *lr_rewind, *augment, *accumulate, *prune, *dialect, *evolve;
    uint64_t epochs, steps, batch, seed;
    bool have_epochs, have_steps, have_batch, have_seed, have_lr;
    bool have_decay, reset_optimizer;
    double lr, weight_decay;
    struct training_watch watch;
};

static struct options opt = {.select = "last"};

static const struct cli_option options[] = {
    {'d', "data", "FILE", CLI_TEXT, &opt.data, 0, 0,
     "data file to train on, see pare-data(5)", NULL},
    {'e', "epochs", "N", CLI_U64, &opt.epochs, 0, 1e9,
     "train for N more epochs; the rest of the schedule otherwise",
     &opt.have_epochs},
    {0, "steps", "N", CLI_U64, &opt.steps, 1, 1e15,
     "train for N more steps instead", &opt.have_steps},
    {'b', "batch", "N", CLI_U64, &opt.batch, 1, BATCH_MAX,
     "samples a step, if other than before", &opt.have_batch},
    {'l', "lr", "RATE", CLI_REAL, &opt.lr, 0, 1e6,
     "new learning rate; constant unless --schedule", &opt.have_lr},
    {0, "lr-rewind", "epoch:K", CLI_TEXT, &opt.lr_rewind, 0, 0,
     "replay the schedule from epoch K", NULL},
    {0, "optimizer", "SPEC", CLI_TEXT, &opt.optimizer, 0, 0,
     "another optimizer, its state begun anew", NULL},
    {0, "reset-optimizer", NULL, CLI_FLAG, &opt.reset_optimizer, 0, 0,
     "begin the optimizer's state anew", NULL},
    {0, "weight-decay", "X", CLI_REAL, &opt.weight_decay, 0, 1e6,
     "another L2 penalty", &opt.have_decay},
    {0, "schedule", "SPEC", CLI_TEXT, &opt.schedule, 0, 0,
     "a new learning-rate schedule, from its beginning", NULL},
    {0, "loss", "NAME", CLI_TEXT, &opt.loss, 0, 0,
     "another loss: cross-entropy, nll or mse", NULL},
    {'S', "seed", "N", CLI_U64, &opt.seed, 0, 18446744073709549568.0,
     "new seed of order, dropout and augmentation", &opt.have_seed},
    TRAINING_DIALECT_OPTION(opt.dialect),
    TRAINING_AUGMENT_OPTION(opt.augment),
    TRAINING_ACCUMULATE_OPTION(opt.accumulate),
    {0, "select", "RULE", CLI_TEXT, &opt.select, 0, 0,
     "result: last, best-val-loss or best-val-acc", NULL},
    {0, "checkpoint", "LIST", CLI_TEXT, &opt.checkpoint, 0, 0,
     "keep epoch:N, step:N or every:N, with commas", NULL},
    COURSE_OPTION(opt.prune),
    EVOLUTION_OPTION(opt.evolve),
    TRAINING_WATCH_OPTIONS(opt.watch),
    {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "pare-finetune",
    .synopsis = "[MODEL]",
    .summary = "Go on training a model, its masks held.",
    .option = options,
    .min_operands = 0,
    .max_operands = 1,
    .trouble = 1,
};

static void check_options(void)
{
    struct pare_optimizer_spec o;
    struct pare_schedule_spec s;
    struct pare_augment a;
    struct pare_train_options t = {0};
    uint64_t epoch;

    if (!opt.data)
        cli_usage(&tool, "-d FILE is needed");
    if (opt.have_epochs && opt.have_steps)
        cli_usage(&tool, "-e and --steps exclude each other");
    if ((opt.optimizer && pare_optimizer_parse(&o, opt.optimizer)) ||
        (opt.schedule && pare_schedule_parse(&s, opt.schedule)) ||
        (opt.augment && pare_augment_parse(&a, opt.augment)) ||
        (opt.checkpoint && pare_checkpoint_spec_check(opt.checkpoint)))
        cli_usage(&tool, "%s", pare_error());
    if (opt.loss && !pare_loss_find(opt.loss))
        cli_usage(&tool, "--loss is cross-entropy, nll, mse or reconstruction, "
                         "not '%s'", opt.loss);
    if (opt.dialect)
        training_dialect(&tool, opt.dialect);
    if (opt.lr_rewind && (strncmp(opt.lr_rewind, "epoch:", 6) != 0 ||
                          cli_u64(&epoch, opt.lr_rewind + 6, 0, 1000000000)))
        cli_usage(&tool, "--lr-rewind takes epoch:K, not '%s'",
                  opt.lr_rewind);
    if (opt.lr_rewind && (opt.have_lr || opt.schedule))
        cli_usage(&tool, "--lr-rewind replays the schedule of the file: "
                         "-l and --schedule do not go with it");
    training_accumulate(&tool, &t, opt.accumulate);
    training_check(&tool, &opt.watch);
}

/* That of the file, unless another is asked for. */
static int resolve_dialect(struct pare_train_options *t,
                           const struct pare_training *was)
{
    const struct pare_dialect *row = pare_dialect_find(was->dialect);

    if (opt.dialect)
        t->dialect = training_dialect(&tool, opt.dialect);
    else if (row)
        t->dialect = row->name;
    else if (was->dialect[0])
        return pare_fail(PARE_EFORMAT, "unknown dialect '%s'", was->dialect);
    return 0;
}

/* Defaults come from the file, the command line overrides them. */
static int resolve(struct pare_train_options *t, const struct pare_model *m)
{
    const struct pare_training *was = &m->training;
    const char *schedule = opt.schedule ? opt.schedule
                           : opt.have_lr ? "constant"
                                         : was->schedule;
    const char *loss = opt.loss ? opt.loss : was->loss;
    int err;

    if (!was->batch)
        return pare_fail(PARE_EMISMATCH, "the model was never trained: use "
                                         "pare-train");
    if (was->batch > BATCH_MAX)
        return pare_fail(PARE_EFORMAT, "the file says a batch of %llu samples",
                         (unsigned long long)was->batch);
    if (!opt.optimizer && !m->optim.spec[0])
        return pare_fail(PARE_EMISMATCH, "the file names no optimizer: give "
                                         "one with --optimizer");
    err = pare_optimizer_parse(&t->optimizer,
                               opt.optimizer ? opt.optimizer
                                             : m->optim.spec);
    if (!err)
        err = pare_schedule_parse(&t->schedule, schedule);
    t->loss = pare_loss_find(loss);
    if (!err && !t->loss)
        err = pare_fail(PARE_EFORMAT, "unknown loss '%s'", loss);
    if (!err)
        err = pare_augment_parse(&t->augment, opt.augment       ? opt.augment
                                              : was->augment[0] ? was->augment
                                                                : "none");
    if (!err)
        err = resolve_dialect(t, was);
    t->batch = opt.have_batch ? opt.batch : was->batch;
    t->seed = opt.have_seed ? opt.seed : was->seed;
    t->lr = opt.have_lr ? opt.lr : was->lr;
    t->weight_decay = opt.have_decay ? opt.weight_decay : was->weight_decay;
    t->checkpoint = opt.checkpoint;
    training_accumulate(&tool, t, opt.accumulate);
    t->select = training_select(&tool, opt.select);
    t->val = PARE_VAL;
    t->first_epoch = was->epoch;
    t->threads = opt.watch.threads ? opt.watch.threads : pare_processors();
    return err;
}

/* A schedule that has run out at next to nothing trains no more. */
static void warn_of_rest(const struct pare_train_options *t,
                         const struct pare_training *pos, uint64_t per_epoch)
{
    double lr = pare_schedule_lr(&t->schedule, t->lr, pos->sched_step,
                                 t->sched_total, per_epoch);

    if (pos->sched_step >= t->sched_total && lr < t->lr / 1000)
        cli_warn(&tool, "warning: the schedule is at its end and the learning "
                        "rate stays %g; see -l, --schedule and --lr-rewind",
                 lr);
}

/* Where the schedule stands and how far to train. */
static int set_course(struct pare_train_options *t, struct pare_model *m,
                      const struct pare_dataset *d)
{
    struct pare_training *pos = &m->training;
    uint64_t per_epoch = pare_steps_per_epoch(d, t->batch), run, end;
    uint64_t epoch = 0, begun = pos->epoch_step;
    bool anew = opt.schedule || opt.have_lr;

    if (pare_train_cuts_epoch(pos, t->batch, t->seed, per_epoch)) {
        begun = 0;
        t->first_epoch++;
    }
    if (d->split[PARE_TRAIN].n == 0)
        return pare_fail(PARE_EMISMATCH, "the data have no train split");
    if (opt.lr_rewind) {
        cli_u64(&epoch, opt.lr_rewind + 6, 0, 1000000000);
        if (epoch * per_epoch >= pos->sched_total)
            return pare_fail(PARE_EINVAL,
                             "--lr-rewind %s: the schedule ends at epoch "
                             "%llu", opt.lr_rewind,
                             (unsigned long long)(pos->sched_total /
                                                  per_epoch));
        pos->sched_step = epoch * per_epoch;
    }
    if (anew)
        pos->sched_step = 0;
    if (!opt.have_epochs && !opt.have_steps) {
        if (anew || pos->sched_step >= pos->sched_total)
            return pare_fail(PARE_EINVAL, "the schedule is at its end: say "
                                          "how long with -e N or --steps N");
        run = pos->sched_total - pos->sched_step;
        t->end_step = pos->step + run;
    } else if (opt.have_steps) {
        run = opt.steps;
        t->end_step = pos->step + run;
    } else {
        run = opt.epochs ? opt.epochs * per_epoch - begun : 0;
        t->end_epoch = t->first_epoch + opt.epochs;
    }
    end = pos->sched_step + run;
    t->sched_total = pos->sched_total;
    if (anew)
        t->sched_total = pare_schedule_total(&t->schedule, run, per_epoch);
    else if (pare_schedule_open_ended(&t->schedule) && end > t->sched_total)
        t->sched_total = end;
    if (run > 0)
        warn_of_rest(t, pos, per_epoch);
    return 0;
}

static struct provenance *describe(const struct pare_train_options *t,
                                   const struct pare_model *m,
                                   const struct pare_dataset *d,
                                   const struct stages *s, const char *state)
{
    struct provenance *p = provenance_new("finetune");
    uint64_t steps = opt.steps;

    if (!opt.have_epochs && !opt.have_steps)
        steps = t->end_step - m->training.step;
    provenance_input(p, "-d", "data", d->digest);
    provenance_input(p, "", "model", state);
    if (opt.have_lr)
        provenance_real(p, "-l", opt.lr);
    if (opt.lr_rewind)
        provenance_option(p, "--lr-rewind", opt.lr_rewind);
    if (opt.optimizer)
        provenance_option(p, "--optimizer", t->optimizer.canon);
    if (opt.reset_optimizer)
        provenance_option(p, "--reset-optimizer", NULL);
    if (opt.have_decay)
        provenance_real(p, "--weight-decay", opt.weight_decay);
    if (opt.schedule)
        provenance_option(p, "--schedule", t->schedule.canon);
    if (opt.loss)
        provenance_option(p, "--loss", t->loss->name);
    if (opt.dialect)
        provenance_option(p, "--dialect", opt.dialect);
    if (opt.augment)
        training_provenance_augment(p, t);
    training_provenance(p, t, opt.epochs, steps);
    stages_provenance(s, p);
    return p;
}

/* A network that another program trained says nothing of how: it goes on with
 * the defaults of pare-train. */
static int adopt(struct pare_model *m, const char *state)
{
    struct pare_training *was = &m->training;
    struct pare_optimizer_spec optimizer;
    int err;

    if (was->batch || m->init.spec[0])
        return 0;
    err = pare_optimizer_parse(&optimizer, TRAINING_OPTIMIZER);
    if (err)
        return err;
    was->batch = TRAINING_BATCH;
    was->lr = optimizer.row->default_lr;
    was->seed = pare_digest_seed(state, "finetune");
    strcpy(was->loss, TRAINING_LOSS);
    strcpy(was->schedule, "constant");
    strcpy(was->select, "last");
    strcpy(m->optim.spec, optimizer.canon);
    if (!opt.optimizer)
        return 0;
    err = pare_optimizer_parse(&optimizer, opt.optimizer);
    was->lr = err ? 0 : optimizer.row->default_lr;
    return err;
}

static int begin(struct pare_model *m, struct pare_train_options *t,
                 struct stages *s, const struct pare_dataset *d,
                 const char *state)
{
    int err = pare_model_fits(m, d);

    if (!err)
        err = adopt(m, state);
    if (!err)
        err = resolve(t, m);
    if (!err && opt.reset_optimizer)
        pare_optstate_release(&m->optim, m->n_tensors);
    if (!err)
        err = set_course(t, m, d);
    if (!err)
        err = stages_lay(s, t, m, d, opt.schedule || opt.have_lr);
    return err;
}

static int run(struct stages *s, const char *path)
{
    struct pare_train_options t = {0};
    struct pare_dataset d = {0};
    struct pare_model m = {0};
    struct provenance *p;
    char state[PARE_DIGEST_LEN] = "";
    int status, err = pare_data_read(&d, opt.data);

    if (!err)
        err = pare_model_read(&m, NULL, path);
    if (!err)
        err = pare_digest_state(state, &m);
    if (!err)
        err = begin(&m, &t, s, &d, state);
    if (!err) {
        training_warn_loss(&tool, &m, t.loss->name);
        training_warn_levels(&tool, &m);
        p = describe(&t, &m, &d, s, state);
        stages_begin(s, &t, &m, &d, opt.schedule || opt.have_lr);
        status = training_run(&tool, &m, &d, &t, &opt.watch,
                              s, p);
    } else {
        status = cli_fail(&tool);
    }
    stages_release(s);
    pare_model_release(&m);
    pare_dataset_release(&d);
    return status;
}

static bool list_tables(void)
{
    const struct tables_given given[] = {{"accumulate", opt.accumulate},
                                         {"dialect", opt.dialect},
                                         {"evolve", opt.evolve},
                                         {"loss", opt.loss},
                                         {"optimizer", opt.optimizer},
                                         {"prune", opt.prune},
                                         {"schedule", opt.schedule}};

    return tables_list(given, sizeof given / sizeof *given);
}

int main(int argc, char **argv)
{
    struct stages s = {0};
    int first = cli_parse(&tool, argc, argv);

    cli_kernel(&tool);
    if (list_tables())
        return cli_exit(&tool, 0);
    check_options();
    stages_parse(&s, &tool,
                 &(struct stages_given){
                     .prune = opt.prune,
                     .evolve = opt.evolve,
                     .select = opt.select,
                     .run = {.epochs = opt.epochs, .steps = opt.steps},
                     .fresh = false});
    return cli_exit(&tool, run(&s, first < argc ? argv[first] : NULL));
}
