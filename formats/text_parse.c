#include "text_twin.h"

#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "gathered.h"
#include "status.h"
#include "text_compact.h"
#include "text_gathered.h"
#include "text_levels.h"
#include "text_rewiring.h"

#define CLASSES_MAX ((uint64_t)1 << 20)
#define USER_MAX    ((uint64_t)1 << 26)

/** Where the reading stands. */
struct twin {
    struct pare_text r;
    bool ended;
    struct pare_model m;
    bool *seen; /* [n_tensors] */
    size_t n_classes_named, n_mean, n_std;
    struct pare_checkpoint *checkpoint; /* the open one, or NULL */
};

#define bad(t, ...) pare_text_fail(&(t)->r, PARE_EFORMAT, __VA_ARGS__)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/** The tensor a line names. */
static int find_tensor(struct twin *t, size_t *index, char **rest)
{
    return pare_text_tensor(&t->r, &t->m, index, rest);
}

/* ---- one function a keyword ------------------------------------------ */

static int read_arch(struct twin *t, char *rest)
{
    struct pare_arch arch = {0};
    int err = pare_text_unescape(&t->r, rest);

    if (t->m.arch.text)
        return bad(t, "a second architecture");
    if (!err)
        err = pare_arch_parse(&arch, rest);
    if (!err)
        err = pare_model_lay(&t->m, &arch);
    if (err)
        return pare_fail_prefix(err, "%s:%zu", t->r.name, t->r.number);
    err = pare_text_lay(&t->r, &t->m);
    if (err)
        return err;
    err = pare_model_allocate(&t->m);
    if (err)
        return pare_fail_prefix(err, "%s:%zu", t->r.name, t->r.number);
    t->seen = calloc(t->m.n_tensors + 1, sizeof *t->seen);
    return t->seen ? 0 : no_memory();
}

static int read_scale(struct twin *t, char *rest)
{
    return pare_text_real32(&t->r, &t->m.norm.scale, rest);
}

static int read_norm(struct twin *t, float **v, size_t *count, char *rest)
{
    const struct pare_shape *in = &t->m.arch.input;
    uint64_t n;
    int err = pare_text_whole(&t->r, &n, rest, pare_shape_size(in));

    if (err)
        return err;
    if (*v)
        return bad(t, "a second time");
    if (n != 1 && n != in->dim[0] && n != pare_shape_size(in))
        return bad(t, "%zu values do not fit the input", (size_t)n);
    *v = calloc((size_t)n, sizeof **v);
    if (!*v)
        return no_memory();
    *count = (size_t)n;
    return pare_text_dense(&t->r, *v, (size_t)n);
}

static int read_mean(struct twin *t, char *rest)
{
    return read_norm(t, &t->m.norm.mean, &t->n_mean, rest);
}

static int read_std(struct twin *t, char *rest)
{
    int err = read_norm(t, &t->m.norm.std, &t->n_std, rest);

    for (size_t i = 0; !err && i < t->n_std; i++)
        if (!(t->m.norm.std[i] > 0))
            err = bad(t, "a standard deviation that is not positive");
    return err;
}

static int read_classes(struct twin *t, char *rest)
{
    uint64_t n;
    int err = pare_text_whole(&t->r, &n, rest, CLASSES_MAX);

    if (err)
        return err;
    if (t->m.class_name)
        return bad(t, "'classes' after the names");
    t->m.n_classes = (size_t)n;
    return 0;
}

static int read_class(struct twin *t, char *rest)
{
    struct pare_model *m = &t->m;
    int err = pare_text_unescape(&t->r, rest);
    char *copy;

    if (err)
        return err;
    if (t->n_classes_named == m->n_classes)
        return bad(t, "more names than classes");
    if (!m->class_name)
        m->class_name = calloc(m->n_classes, sizeof *m->class_name);
    copy = malloc(strlen(rest) + 1);
    if (!m->class_name || !copy) {
        free(copy);
        return no_memory();
    }
    strcpy(copy, rest);
    m->class_name[t->n_classes_named++] = copy;
    return 0;
}

static int read_init(struct twin *t, char *rest)
{
    if (strlen(rest) != PARE_DIGEST_LEN - 1 ||
        strspn(rest, "0123456789abcdef") != PARE_DIGEST_LEN - 1)
        return bad(t, "'%s' is not a digest", rest);
    memcpy(t->m.init.digest, rest, PARE_DIGEST_LEN);
    return 0;
}

static int read_init_seed(struct twin *t, char *rest)
{
    return pare_text_whole(&t->r, &t->m.init.seed, rest, UINT64_MAX);
}

static int read_init_spec(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.init.spec, sizeof t->m.init.spec, rest);
}

/** A named number of a line. */
struct setting {
    const char *key;
    uint64_t *value;
};

/** "epoch=3"; the table ends with a NULL key. */
static int read_setting(struct twin *t, const struct setting *table, char *w)
{
    char *equals = strchr(w, '=');

    if (equals)
        *equals++ = '\0';
    for (; table->key; table++)
        if (strcmp(table->key, w) == 0)
            return pare_text_whole(&t->r, table->value, equals, UINT64_MAX);
    return bad(t, "no setting '%s'", w);
}

static int read_training(struct twin *t, char *rest)
{
    struct pare_training *g = &t->m.training;
    const struct setting table[] = {{"epoch", &g->epoch},
                                    {"epoch_step", &g->epoch_step},
                                    {"step", &g->step},
                                    {"sched_step", &g->sched_step},
                                    {"sched_total", &g->sched_total},
                                    {"seed", &g->seed},
                                    {"batch", &g->batch},
                                    {"steps_per_epoch", &g->steps_per_epoch},
                                    {"sum_correct", &g->sum_correct},
                                    {"sum_samples", &g->sum_samples},
                                    {NULL, NULL}};
    char *w;
    int err = 0;

    while (!err && (w = pare_text_word(&rest)))
        err = read_setting(t, table, w);
    return err;
}

static int read_sum_loss(struct twin *t, char *rest)
{
    return pare_text_real64(&t->r, &t->m.training.sum_loss, rest);
}

static int read_lr(struct twin *t, char *rest)
{
    return pare_text_real64(&t->r, &t->m.training.lr, rest);
}

static int read_weight_decay(struct twin *t, char *rest)
{
    return pare_text_real64(&t->r, &t->m.training.weight_decay, rest);
}

static int read_loss(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.training.loss, sizeof t->m.training.loss,
                           rest);
}

static int read_schedule(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.training.schedule,
                           sizeof t->m.training.schedule, rest);
}

static int read_select(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.training.select,
                           sizeof t->m.training.select, rest);
}

static int read_augment(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.training.augment,
                           sizeof t->m.training.augment, rest);
}

static int read_init_sparse(struct twin *t, char *rest)
{
    return pare_text_fixed(&t->r, t->m.init.sparse, sizeof t->m.init.sparse,
                           rest);
}

static int read_dialect(struct twin *t, char *rest)
{
    const struct pare_dialect *d;
    int err = pare_text_fixed(&t->r, t->m.training.dialect,
                              sizeof t->m.training.dialect, rest);

    d = err ? NULL : pare_dialect_find(t->m.training.dialect);
    return d && d->dense_state ? pare_text_expand(&t->r, &t->m) : err;
}

static int read_tensor(struct twin *t, char *rest)
{
    struct pare_tensor *tensor;
    size_t index = 0;
    int err = find_tensor(t, &index, &rest);
    const char *kind;

    if (err)
        return err;
    tensor = &t->m.tensor[index];
    if (t->seen[index])
        return bad(t, "tensor '%s' a second time", tensor->name);
    t->seen[index] = true;
    for (int k = 0; k < tensor->rank; k++) {
        uint64_t d;

        err = pare_text_whole(&t->r, &d, pare_text_word(&rest), UINT64_MAX);
        if (err)
            return err;
        if (d != tensor->dim[k])
            return bad(t, "tensor '%s' has %zu there by the architecture",
                       tensor->name, tensor->dim[k]);
    }
    kind = rest + strspn(rest, " ");
    return strcmp(kind, "sparse") == 0
               ? pare_text_pruned(&t->r, &t->m, index)
               : pare_text_whole_tensor(&t->r, &t->m, index, rest);
}

/** The optimiser that the line belongs to. */
static struct pare_optstate *optimizer(struct twin *t)
{
    return t->checkpoint ? &t->checkpoint->optim : &t->m.optim;
}

static int read_optimizer(struct twin *t, char *rest)
{
    struct pare_optstate *s = optimizer(t);
    uint64_t n = 0;
    int err =
        pare_text_whole(&t->r, &s->step, pare_text_word(&rest), UINT64_MAX);

    if (!err)
        err = pare_text_whole(&t->r, &n, pare_text_word(&rest), PARE_SLOTS_MAX);
    if (!err && s->n_slots)
        err = bad(t, "a second optimizer");
    if (!err)
        err = pare_text_fixed(&t->r, s->spec, sizeof s->spec, rest);
    if (!err && n)
        err = pare_optstate_alloc(s, &t->m, (int)n);
    return err;
}

static int read_slot(struct twin *t, char *rest)
{
    struct pare_optstate *s = optimizer(t);
    uint64_t k;
    size_t i = 0;
    int err = pare_text_whole(&t->r, &k, pare_text_word(&rest), PARE_SLOTS_MAX);

    if (!err)
        err = find_tensor(t, &i, &rest);
    if (err)
        return err;
    if (k >= (uint64_t)s->n_slots || !s->slot[k][i])
        return bad(t, "the optimizer keeps no such slot");
    return pare_text_beside(&t->r, s->slot[k][i], &t->m.tensor[i], rest);
}

/** May a checkpoint of that kind have this name now? */
static int check_name(struct twin *t, const char *name, bool whole)
{
    char next[PARE_NAME_MAX];

    if (t->checkpoint || pare_model_checkpoint(&t->m, name))
        return bad(t, "checkpoint '%s' a second time or inside another", name);
    pare_undo_name(next, pare_model_undos(&t->m) + 1);
    if (whole && strcmp(name, next) != 0)
        return bad(t, "'%s' is not the next undo point, '%s'", name, next);
    if (!whole && pare_undo_named(name))
        return bad(t, "the undo point '%s' is not whole", name);
    return 0;
}

/** "checkpoint epoch=1 ... stored NAME". */
static int read_checkpoint(struct twin *t, char *rest)
{
    struct pare_checkpoint head = {0}, *c;
    const struct setting table[] = {{"epoch", &head.epoch},
                                    {"epoch_step", &head.epoch_step},
                                    {"step", &head.step},
                                    {"sched_step", &head.sched_step},
                                    {NULL, NULL}};
    char *w;
    int err = 0;

    while (!err && (w = pare_text_word(&rest)) && strcmp(w, "stored") &&
           strcmp(w, "regenerated") && strcmp(w, "whole"))
        err = read_setting(t, table, w);
    if (!err && !w)
        err = bad(t, "expected 'stored', 'whole' or 'regenerated'");
    if (!err)
        err = pare_text_fixed(&t->r, head.name, sizeof head.name, rest);
    if (!err)
        err = check_name(t, head.name, w[0] == 'w');
    if (!err && w[0] == 'w')
        err = pare_text_expand(&t->r, &t->m);
    if (err)
        return err;
    c = pare_model_add_checkpoint(&t->m, head.name);
    if (!c)
        return PARE_ENOMEM;
    *c = head;
    t->checkpoint = c;
    if (w[0] == 'r')
        return 0;
    c->value = calloc(t->m.n_tensors + 1, sizeof *c->value);
    if (w[0] == 'w')
        c->mask = calloc(t->m.n_tensors + 1, sizeof *c->mask);
    return c->value && (c->mask || w[0] != 'w') ? 0 : no_memory();
}

static int read_value(struct twin *t, char *rest)
{
    struct pare_checkpoint *c = t->checkpoint;
    size_t i = 0;
    int err = find_tensor(t, &i, &rest);

    if (err)
        return err;
    if (!c || !c->value)
        return bad(t, "a value outside of a stored checkpoint");
    if (c->value[i])
        return bad(t, "the value a second time");
    c->value[i] = calloc(t->m.tensor[i].n, sizeof(float));
    if (!c->value[i])
        return no_memory();
    if (!c->mask || strcmp(rest + strspn(rest, " "), "sparse") != 0)
        return pare_text_beside(&t->r, c->value[i], &t->m.tensor[i], rest);
    c->mask[i] = malloc(t->m.tensor[i].n);
    return c->mask[i] ? pare_text_sparse(&t->r, c->value[i], c->mask[i],
                                         t->m.tensor[i].n)
                      : no_memory();
}

static int read_end_checkpoint(struct twin *t, char *rest)
{
    const struct pare_checkpoint *c = t->checkpoint;

    if (!c)
        return bad(t, "no checkpoint is open");
    for (size_t i = 0; c->value && i < t->m.n_tensors; i++)
        if (!c->value[i])
            return bad(t, "checkpoint '%s' lacks '%s'", c->name,
                       t->m.tensor[i].name);
    t->checkpoint = NULL;
    return pare_text_end(&t->r, rest);
}

static int read_history(struct twin *t, char *rest)
{
    struct pare_history_row r = {0};
    double *const d[] = {&r.lr,       &r.train_loss, &r.train_acc,
                         &r.val_loss, &r.val_acc,    &r.sparsity};
    int err =
        pare_text_whole(&t->r, &r.epoch, pare_text_word(&rest), UINT64_MAX);

    if (!err)
        err =
            pare_text_whole(&t->r, &r.step, pare_text_word(&rest), UINT64_MAX);
    for (size_t i = 0; !err && i < sizeof d / sizeof *d; i++)
        err = pare_text_real64(&t->r, d[i], pare_text_word(&rest));
    if (!err)
        err = pare_text_end(&t->r, rest);
    return err ? err : pare_model_add_history(&t->m, &r);
}

static int read_step(struct twin *t, char *rest)
{
    int err = pare_text_unescape(&t->r, rest);

    return err ? err : pare_model_add_step(&t->m, rest);
}

static int read_user(struct twin *t, char *rest)
{
    uint64_t n, i = 0;
    unsigned char *user;
    int got = pare_text_whole(&t->r, &n, rest, USER_MAX);

    if (got)
        return got;
    if (t->m.user || !n)
        return bad(t, "'user' a second time or empty");
    user = malloc((size_t)n);
    if (!user)
        return no_memory();
    t->m.user = user;
    t->m.user_size = (size_t)n;
    while ((got = pare_text_values(&t->r)) == 1) {
        for (const char *c = t->r.line + strspn(t->r.line, " "); *c; c += 2) {
            if (pare_text_hex(c[0]) < 0 || pare_text_hex(c[1]) < 0 || i == n)
                return bad(t, "not the %zu bytes expected", (size_t)n);
            user[i++] =
                (unsigned char)(pare_text_hex(c[0]) * 16 + pare_text_hex(c[1]));
        }
    }
    if (got == 0 && i != n)
        return bad(t, "not the %zu bytes expected", (size_t)n);
    return got;
}

/** Nothing may be missing. */
static int read_end(struct twin *t, char *rest)
{
    if (t->checkpoint)
        return bad(t, "checkpoint '%s' does not end", t->checkpoint->name);
    for (size_t i = 0; i < t->m.n_tensors; i++)
        if (!t->seen[i])
            return bad(t, "tensor '%s' is missing", t->m.tensor[i].name);
    if (t->n_mean != t->n_std)
        return bad(t, "%zu means, but %zu standard deviations", t->n_mean,
                   t->n_std);
    t->m.norm.n = t->n_mean;
    if (t->m.class_name && t->n_classes_named != t->m.n_classes)
        return bad(t, "%zu classes, but %zu names", t->m.n_classes,
                   t->n_classes_named);
    t->ended = true;
    return pare_text_end(&t->r, rest);
}

static const struct {
    const char *name;
    int (*read)(struct twin *t, char *rest);
} keyword[] = {
    {"arch", read_arch},
    {"scale", read_scale},
    {"mean", read_mean},
    {"std", read_std},
    {"classes", read_classes},
    {"class", read_class},
    {"init", read_init},
    {"init-seed", read_init_seed},
    {"init-spec", read_init_spec},
    {"init-sparse", read_init_sparse},
    {"training", read_training},
    {"sum-loss", read_sum_loss},
    {"lr", read_lr},
    {"weight-decay", read_weight_decay},
    {"loss", read_loss},
    {"schedule", read_schedule},
    {"select", read_select},
    {"augment", read_augment},
    {"dialect", read_dialect},
    {"tensor", read_tensor},
    {"optimizer", read_optimizer},
    {"slot", read_slot},
    {"checkpoint", read_checkpoint},
    {"value", read_value},
    {"end-checkpoint", read_end_checkpoint},
    {"history", read_history},
    {"step", read_step},
    {"user", read_user},
    {"end", read_end},
};

/** Keywords of what only some models carry. */
static const struct {
    const char *name;
    int (*read)(struct pare_text *r, struct pare_model *m, char *rest);
} carried[] = {
    {"scores", pare_text_scores},     {"score", pare_text_score},
    {"curve", pare_text_curve},       {"target", pare_text_target},
    {"removed", pare_text_removed},   {"removed-slot", pare_text_removed_slot},
    {"added", pare_text_added},       {"added-slot", pare_text_added_slot},
    {"rewiring", pare_text_rewiring}, {"dtype", pare_text_dtype},
    {"quant", pare_text_quant},
};

/** One line that begins with a keyword. */
static int read_keyword(struct twin *t)
{
    char *rest = t->r.line;
    size_t n = strcspn(rest, " ");

    rest += n;
    if (*rest)
        *rest++ = '\0';
    if (t->ended)
        return bad(t, "'%s' after 'end'", t->r.line);
    for (size_t i = 0; i < sizeof keyword / sizeof *keyword; i++) {
        if (strcmp(keyword[i].name, t->r.line))
            continue;
        if (!t->m.arch.text && keyword[i].read != read_arch)
            return bad(t, "'%s' before 'arch'", t->r.line);
        return keyword[i].read(t, rest);
    }
    for (size_t i = 0; i < sizeof carried / sizeof *carried; i++)
        if (strcmp(carried[i].name, t->r.line) == 0)
            return t->m.arch.text ? carried[i].read(&t->r, &t->m, rest)
                                  : bad(t, "'%s' before 'arch'", t->r.line);
    return bad(t, "no keyword '%s'", t->r.line);
}

/** "pare-text 1". */
static int read_version(struct twin *t)
{
    uint64_t version;
    int got = pare_text_next(&t->r);

    if (got < 0)
        return got;
    if (got == 0 || strncmp(t->r.line, "pare-text ", 10))
        return bad(t, "not the text of a model: no 'pare-text 1'");
    got = pare_text_whole(&t->r, &version, t->r.line + 10, UINT64_MAX);
    if (!got && version > PARE_TEXT_VERSION)
        got = bad(t, "text of version %s, this is version %d", t->r.line + 10,
                  PARE_TEXT_VERSION);
    return got;
}

int pare_text_parse(struct pare_model *m, FILE *in, const char *name)
{
    struct twin t = {.r = {.in = in, .name = name}};
    int got = read_version(&t);

    while (got >= 0 && (got = pare_text_next(&t.r)) == 1) {
        if (t.r.line[0] == '#' || !t.r.line[0])
            continue;
        got = read_keyword(&t);
    }
    if (got == 0 && !t.ended)
        got = bad(&t, "the text is cut off: no 'end'");
    free(t.r.line);
    free(t.seen);
    if (got < 0) {
        pare_model_release(&t.m);
        return got;
    }
    *m = t.m;
    return 0;
}
