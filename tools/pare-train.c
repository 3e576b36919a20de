/* pare-train: train a network from an architecture or a model. */
#include <math.h>
#include <string.h>

#include "begin.h"
#include "data_file.h"
#include "digest.h"
#include "initializer.h"
#include "kernel.h"
#include "loss.h"
#include "model_file.h"
#include "parallel.h"
#include "rbm.h"
#include "rewiring.h"
#include "status.h"
#include "tables.h"
#include "training.h"

struct options {
    const char *arch, *data, *init, *loss, *optimizer, *schedule, *select;
    const char *augment, *accumulate, *checkpoint, *prune, *dialect, *evolve;
    uint64_t epochs, steps, batch, seed;
    bool have_epochs, have_steps, have_seed, have_lr, have_init, store_init;
    bool have_loss;
    double lr, weight_decay;
    struct begin_sparse sparse;
    struct training_watch watch;
};

static struct options opt = {
    .init = "pytorch",
    .loss = TRAINING_LOSS,
    .optimizer = TRAINING_OPTIMIZER,
    .schedule = "constant",
    .select = "last",
    .augment = "none",
    .dialect = "standard",
    .batch = TRAINING_BATCH,
};

static const struct cli_option options[] = {
    {'a', "arch", "ARCH", CLI_TEXT, &opt.arch, 0, 0,
     "begin with this architecture, see pare-arch(5)", NULL},
    {'d', "data", "FILE", CLI_TEXT, &opt.data, 0, 0,
     "data file to train on, see pare-data(5)", NULL},
    {'e', "epochs", "N", CLI_U64, &opt.epochs, 0, 1e9,
     "train for N epochs", &opt.have_epochs},
    {0, "steps", "N", CLI_U64, &opt.steps, 1, 1e15,
     "train for N steps instead", &opt.have_steps},
    {'b', "batch", "N", CLI_U64, &opt.batch, 1, 1048576,
     "samples a step", NULL},
    {'l', "lr", "RATE", CLI_REAL, &opt.lr, 0, 1e6,
     "learning rate; the optimizer's own otherwise", &opt.have_lr},
    {0, "optimizer", "SPEC", CLI_TEXT, &opt.optimizer, 0, 0,
     "sgd, adam or adadelta with settings", NULL},
    {0, "weight-decay", "X", CLI_REAL, &opt.weight_decay, 0, 1e6,
     "L2 penalty added to the gradient", NULL},
    {0, "schedule", "SPEC", CLI_TEXT, &opt.schedule, 0, 0,
     "learning-rate schedule", NULL},
    {0, "loss", "NAME", CLI_TEXT, &opt.loss, 0, 0,
     "cross-entropy, nll, mse or reconstruction", &opt.have_loss},
    {0, "init", "SPEC", CLI_TEXT, &opt.init, 0, 0,
     "initialiser of the weights, with -a", &opt.have_init},
    BEGIN_OPTIONS(opt.sparse),
    {'S', "seed", "N", CLI_U64, &opt.seed, 0, 18446744073709549568.0,
     "seed of weights, order, dropout, augmentation", &opt.have_seed},
    TRAINING_DIALECT_OPTION(opt.dialect),
    TRAINING_AUGMENT_OPTION(opt.augment),
    TRAINING_ACCUMULATE_OPTION(opt.accumulate),
    {0, "select", "RULE", CLI_TEXT, &opt.select, 0, 0,
     "result: last, best-val-loss or best-val-acc", NULL},
    {0, "checkpoint", "LIST", CLI_TEXT, &opt.checkpoint, 0, 0,
     "keep epoch:N, step:N or every:N, with commas", NULL},
    {0, "store-init", NULL, CLI_FLAG, &opt.store_init, 0, 0,
     "keep the initial weights whole, not their seed", NULL},
    COURSE_OPTION(opt.prune),
    EVOLUTION_OPTION(opt.evolve),
    TRAINING_WATCH_OPTIONS(opt.watch),
    {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "pare-train",
    .synopsis = "[MODEL]",
    .summary = "Train a network.",
    .option = options,
    .min_operands = 0,
    .max_operands = 1,
    .trouble = 1,
};

/* Settings that texts name; usage errors end here. */
static void parse_specs(struct pare_train_options *t)
{
    struct pare_arch arch = {0};
    char canon[PARE_SPEC_MAX];

    if (!opt.data)
        cli_usage(&tool, "-d FILE is needed");
    if (opt.arch && pare_arch_parse(&arch, opt.arch))
        cli_usage(&tool, "%s", pare_error());
    pare_arch_release(&arch);
    if (opt.have_epochs == opt.have_steps)
        cli_usage(&tool, "say how long: one of -e N and --steps N");
    if (pare_optimizer_parse(&t->optimizer, opt.optimizer) ||
        pare_schedule_parse(&t->schedule, opt.schedule) ||
        pare_initializer_parse(canon, opt.init) ||
        pare_augment_parse(&t->augment, opt.augment) ||
        (opt.checkpoint && pare_checkpoint_spec_check(opt.checkpoint)))
        cli_usage(&tool, "%s", pare_error());
    t->loss = pare_loss_find(opt.loss);
    if (!t->loss)
        cli_usage(&tool, "--loss is cross-entropy, nll, mse or reconstruction, "
                         "not '%s'", opt.loss);
    t->select = training_select(&tool, opt.select);
    t->dialect = training_dialect(&tool, opt.dialect);
    training_accumulate(&tool, t, opt.accumulate);
    training_check(&tool, &opt.watch);
    t->batch = opt.batch;
    t->lr = opt.have_lr ? opt.lr : t->optimizer.row->default_lr;
    t->weight_decay = opt.weight_decay;
    t->checkpoint = opt.checkpoint;
    t->val = PARE_VAL;
    t->threads = opt.watch.threads ? opt.watch.threads : pare_processors();
}

/* A model that was never trained takes the data's input description; one whose
 * weights come from elsewhere has its own. */
static int describe_input(struct pare_model *m, const struct pare_dataset *d)
{
    struct pare_norm norm = {0};
    int err = 0;

    if (m->training.batch || (!m->init.spec[0] && m->norm.scale != 0))
        return 0;
    if (pare_arch_is_rbm(&m->arch))
        norm.scale = d->norm.scale; /* from 0 to 1, as they are */
    else
        err = pare_norm_copy(&norm, &d->norm);
    if (err)
        return err;
    pare_norm_release(&m->norm);
    m->norm = norm;
    if (pare_arch_is_rbm(&m->arch))
        return 0;
    return pare_model_copy_classes(m, d->n_classes, d->class_name);
}

/* A model that was given: its weights and masks, nothing of earlier runs. */
static int begin_from_model(struct pare_model *m, struct pare_train_options *t,
                            const char *path, char state[PARE_DIGEST_LEN])
{
    uint64_t batch;
    int err = pare_model_read(m, NULL, path);

    if (err)
        return err;
    err = pare_digest_state(state, m);
    t->seed = opt.have_seed ? opt.seed : pare_digest_seed(state, "train");
    batch = m->training.batch; /* says that it has been trained */
    memset(&m->training, 0, sizeof m->training);
    m->training.batch = batch;
    pare_optstate_release(&m->optim, m->n_tensors);
    m->n_history = 0;
    pare_model_drop_rewiring(m);
    for (size_t i = m->n_checkpoints; i-- > 0;)
        if (strcmp(m->checkpoint[i].name, "init") != 0)
            pare_model_drop_checkpoint(m, m->checkpoint[i].name);
    return err;
}

static struct provenance *describe(const struct pare_model *m,
                                   const struct pare_train_options *t,
                                   const struct pare_dataset *d,
                                   const struct stages *s, const char *state)
{
    struct provenance *p = provenance_new("train");

    if (opt.arch) {
        provenance_option(p, "-a", m->arch.text);
        provenance_option(p, "--init", m->init.spec);
        if (m->init.sparse[0])
            provenance_option(p, "--sparse", m->init.sparse);
    }
    provenance_input(p, "-d", "data", d->digest);
    if (!opt.arch)
        provenance_input(p, "", "model", state);
    provenance_real(p, "-l", t->lr);
    provenance_option(p, "--optimizer", t->optimizer.canon);
    provenance_real(p, "--weight-decay", t->weight_decay);
    provenance_option(p, "--schedule", t->schedule.canon);
    provenance_option(p, "--loss", t->loss->name);
    if (t->dialect[0])
        provenance_option(p, "--dialect", t->dialect);
    if (t->augment.canon[0])
        training_provenance_augment(p, t);
    training_provenance(p, t, opt.epochs, opt.steps);
    if (opt.store_init)
        provenance_option(p, "--store-init", NULL);
    stages_provenance(s, p);
    return p;
}

/* The whole run, before it is cut. */
static void set_length(struct pare_train_options *t,
                       const struct pare_dataset *d)
{
    uint64_t per_epoch = pare_steps_per_epoch(d, t->batch);

    t->end_epoch = opt.epochs;
    t->end_step = opt.steps;
    t->sched_total = pare_schedule_total(
        &t->schedule, opt.steps ? opt.steps : opt.epochs * per_epoch,
        per_epoch ? per_epoch : 1);
}

static int begin(struct pare_model *m, struct pare_train_options *t,
                 struct stages *s, const struct pare_dataset *d,
                 const char *path, char state[PARE_DIGEST_LEN])
{
    int err;

    t->seed = opt.seed;
    err = opt.arch ? begin_model(&tool, m, opt.arch, opt.init, &opt.sparse,
                                 opt.have_seed, &t->seed, "train")
                   : begin_from_model(m, t, path, state);
    if (!err && !opt.have_loss && pare_arch_is_rbm(&m->arch))
        t->loss = pare_loss_find("reconstruction");
    if (!err)
        err = pare_rbm_check_loss(&m->arch, t->loss);
    if (!err)
        err = pare_model_fits(m, d);
    if (!err)
        err = describe_input(m, d);
    if (!err && (opt.store_init || !pare_model_checkpoint(m, "init")))
        err = pare_model_save_checkpoint(m, "init", false);
    if (err)
        return err;
    set_length(t, d);
    return stages_lay(s, t, m, d, true);
}

static int run(struct pare_train_options *t, struct stages *s,
               const char *path)
{
    struct pare_dataset d = {0};
    struct pare_model m = {0};
    struct provenance *p;
    char state[PARE_DIGEST_LEN] = "";
    int status, err = pare_data_read(&d, opt.data);

    if (!err)
        err = begin(&m, t, s, &d, path, state);
    if (!err) {
        training_warn_loss(&tool, &m, t->loss->name);
        training_warn_levels(&tool, &m);
        p = describe(&m, t, &d, s, state);
        stages_begin(s, t, &m, &d, true);
        status = training_run(&tool, &m, &d, t, &opt.watch,
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
                                         {"init", opt.init},
                                         {"loss", opt.loss},
                                         {"optimizer", opt.optimizer},
                                         {"prune", opt.prune},
                                         {"schedule", opt.schedule},
                                         {"sparse", opt.sparse.way}};

    return tables_list(given, sizeof given / sizeof *given);
}

int main(int argc, char **argv)
{
    struct pare_train_options t = {0};
    struct stages s = {0};
    int first = cli_parse(&tool, argc, argv);

    cli_kernel(&tool);
    if (list_tables())
        return cli_exit(&tool, 0);
    parse_specs(&t);
    if (opt.arch && first < argc)
        cli_usage(&tool, "-a ARCH and a MODEL exclude each other");
    if (opt.have_init && !opt.arch)
        cli_usage(&tool, "--init goes with -a");
    if (begin_given(&opt.sparse) && !opt.arch)
        cli_usage(&tool, "--density, --epsilon, --sparse and --sparse-layers "
                         "go with -a");
    begin_check(&tool, &opt.sparse);
    stages_parse(&s, &tool,
                 &(struct stages_given){
                     .prune = opt.prune,
                     .evolve = opt.evolve,
                     .select = opt.select,
                     .run = {.epochs = opt.epochs, .steps = opt.steps},
                     .fresh = true});
    return cli_exit(&tool, run(&t, &s, first < argc ? argv[first] : NULL));
}
