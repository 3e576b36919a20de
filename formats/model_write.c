#include "model_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "gathered.h"
#include "levels.h"
#include "optimizer.h"
#include "packed.h"
#include "rewiring.h"
#include "status.h"

#define PATH_BYTES 512

static const char *suffix(const struct pare_tensor *t)
{
    return strrchr(t->name, '.') + 1;
}

static int write_tensor(struct pare_build *b, const struct pare_tensor *t,
                        struct pare_stored *stored)
{
    const char *layer = b->m->arch.layer[t->layer].name;
    char path[PATH_BYTES], name[PATH_BYTES + 8];
    bool done = false;
    int err = pare_write_finite(t->value, t);

    *stored = (struct pare_stored){PARE_ENC_DENSE, 0, 0};
    if (err)
        return err;
    if (t->mask && !pare_zero_under_mask(t->value, t))
        return pare_fail(PARE_EINVAL,
                         "'%s' has pruned weights that are "
                         "not 0",
                         t->name);
    snprintf(path, sizeof path, "/layers/%s/%s", layer, suffix(t));
    pare_values_path(name, sizeof name, path, t);
    err = pare_write_filtered(&done, b, path, t, stored);
    if (err || done)
        return err ? err : pare_write_labels(b, path, t);
    if (t->mask || t->pattern)
        err = pare_write_mask(b, path, t, stored);
    if (!err)
        err = pare_write_values(b, path, t, stored);
    return err ? err : pare_write_labels(b, name, t);
}

static int write_layers(struct pare_build *b, struct pare_stored *stored)
{
    const struct pare_model *m = b->m;
    char path[PATH_BYTES];
    int err = pare_h5w_group(b->w, "/layers");

    for (size_t t = 0; t < m->n_tensors && !err; t++) {
        if (t == 0 || m->tensor[t].layer != m->tensor[t - 1].layer) {
            snprintf(path, sizeof path, "/layers/%s",
                     m->arch.layer[m->tensor[t].layer].name);
            err = pare_h5w_group(b->w, path);
        }
        if (!err)
            err = pare_tensor_load(m, t);
        if (!err)
            err = write_tensor(b, &m->tensor[t], &stored[t]);
        pare_tensor_drop(m, t);
        if (!err && pare_h5w_failed(b->w))
            break; /* pare_h5w_settle says why */
    }
    return err;
}

/* A slot says what it is, if the optimiser is one that we know. */
static int name_slot(struct pare_build *b, const char *path, const char *spec,
                     int k)
{
    struct pare_optimizer_spec o;

    if (pare_optimizer_parse(&o, spec) != 0 || !o.row->slot_name[k])
        return 0;
    return pare_h5w_attr_text(b->w, path, "name", o.row->slot_name[k]);
}

/* Every slot of an optimiser below `dir`, which is made; under the masks of
 * a checkpoint or the model's. */
static int write_optim(struct pare_build *b, const char *dir,
                       const struct pare_optstate *s, uint8_t *const *mask)
{
    const struct pare_model *m = b->m;
    char path[PATH_BYTES];
    int err = s->n_slots ? pare_h5w_group(b->w, dir) : 0;

    for (int k = 0; k < s->n_slots && !err; k++) {
        snprintf(path, sizeof path, "%s/slot%d", dir, k);
        err = pare_h5w_group(b->w, path);
        if (!err)
            err = name_slot(b, path, s->spec, k);
        for (size_t t = 0; t < m->n_tensors && !err; t++) {
            struct pare_tensor as = pare_tensor_as(m, t, mask);

            if (!s->slot[k][t])
                continue;
            snprintf(path, sizeof path, "%s/slot%d/%s", dir, k, as.name);
            err = pare_write_array(b, path, s->slot[k][t], &as);
        }
    }
    return err;
}

/* A tensor of an undo point: the mask of then, and what that keeps. */
static int write_whole(struct pare_build *b, const struct pare_checkpoint *c,
                       size_t t, const char *path)
{
    struct pare_tensor as = pare_tensor_as(b->m, t, c->mask);
    struct pare_stored stored;
    int err;

    if (as.pattern) /* pare_model_keep_undo makes masks of them */
        return pare_fail(PARE_EINVAL, "undo points need masks, '%s' is compact",
                         as.name);
    if (!as.mask && !b->level)
        return pare_write_dense(b, path, c->value[t], &as);
    if (as.mask && !pare_zero_under_mask(c->value[t], &as))
        return pare_fail(PARE_EINVAL,
                         "checkpoint %s: '%s' has pruned weights that are "
                         "not 0",
                         c->name, as.name);
    if (b->level)
        return pare_packed_write_whole(b, path, c->value[t], &as);
    err = pare_write_mask(b, path, &as, &stored);
    return err ? err : pare_write_kept(b, path, c->value[t], &as);
}

static int write_checkpoint(struct pare_build *b,
                            const struct pare_checkpoint *c)
{
    const struct pare_model *m = b->m;
    char path[PATH_BYTES];
    int err;

    snprintf(path, sizeof path, "/checkpoints/%s", c->name);
    err = pare_h5w_group(b->w, path);
    for (size_t t = 0; c->value && t < m->n_tensors && !err; t++) {
        err = pare_write_finite(c->value[t], &m->tensor[t]);
        if (err)
            return pare_fail_prefix(err, "checkpoint %s", c->name);
        snprintf(path, sizeof path, "/checkpoints/%s/%s", c->name,
                 m->tensor[t].name);
        err = c->mask ? write_whole(b, c, t, path)
                      : pare_write_array(b, path, c->value[t], &m->tensor[t]);
    }
    snprintf(path, sizeof path, "/checkpoints/%s/optimizer", c->name);
    return err ? err : write_optim(b, path, &c->optim, c->mask);
}

/* A checkpoint that is drawn from its seed is only lines of /training. */
static int write_checkpoints(struct pare_build *b)
{
    const struct pare_model *m = b->m;
    bool group = false;
    int err = 0;

    for (size_t i = 0; i < m->n_checkpoints && !err; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        if (!c->value && !c->optim.n_slots)
            continue;
        if (!group)
            err = pare_h5w_group(b->w, "/checkpoints");
        group = true;
        if (!err)
            err = write_checkpoint(b, c);
    }
    return err;
}

static int write_input(struct pare_build *b)
{
    const struct pare_model *m = b->m;
    char *text = NULL;
    int err = pare_h5w_group(b->w, "/input");

    if (!err)
        err =
            pare_h5w_attr_i64(b->w, "/input", "classes", (int64_t)m->n_classes);
    if (!err)
        err = pare_h5w_data(b->w, "/input/scale", PARE_H5_F32, 0, NULL,
                            &m->norm.scale, false);
    if (!err && m->norm.n)
        err = pare_h5w_data(b->w, "/input/mean", PARE_H5_F32, 1, &m->norm.n,
                            m->norm.mean, false);
    if (!err && m->norm.n)
        err = pare_h5w_data(b->w, "/input/std", PARE_H5_F32, 1, &m->norm.n,
                            m->norm.std, false);
    if (!err && m->class_name) {
        err = pare_lines_text(&text, m->class_name, m->n_classes);
        if (!err)
            err = pare_h5w_text(b->w, "/input/class_names", text);
        free(text);
    }
    return err;
}

static int write_texts(struct pare_build *b)
{
    const struct pare_model *m = b->m;
    char *text = NULL;
    int err = pare_h5w_text(b->w, "/arch", m->arch.text);

    if (!err)
        err = pare_training_text(&text, m);
    if (!err)
        err = pare_h5w_text(b->w, "/training", text);
    free(text);
    text = NULL;
    if (!err && m->n_history) {
        err = pare_history_text(&text, m);
        if (!err)
            err = pare_h5w_text(b->w, "/history", text);
        free(text);
        text = NULL;
    }
    if (!err && m->n_steps) {
        err = pare_lines_text(&text, m->step, m->n_steps);
        if (!err)
            err = pare_h5w_text(b->w, "/provenance", text);
        free(text);
    }
    return err;
}

/* 2 brought augmentation, 3 scores,
 * curves and undo points, 4 row pointers and what sparse training carries, 5
 * lists of tensors without a graph, 16-bit and quantised tensors, the packed
 * layout and the filter. */
int pare_model_version(const struct pare_model *m, bool packed)
{
    if (packed || pare_arch_is_weights(&m->arch) || pare_model_encoded(m))
        return 5;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].pattern &&
            pare_tensor_positions(&m->tensor[t]) > UINT32_MAX)
            return 4;
    if (m->training.dialect[0] || m->init.sparse[0] || pare_model_rewired(m))
        return 4;
    if (m->n_scores || m->n_curves || pare_model_undos(m))
        return 3;
    return m->training.augment[0] ? 2 : 1;
}

static int write_root(struct pare_build *b, const struct pare_model_file *info)
{
    const struct {
        const char *name, *value;
    } attr[] = {
        {"format", "pare-model"},
        {"creator", info->packed ? NULL : "pare " PARE_VERSION},
        {"layout", info->packed ? "packed" : "plain"},
        {"weights", info->weights},
        {"state", info->state},
    };
    int err = pare_h5w_attr_i64(b->w, "/", "format_version",
                                pare_model_version(
                                    b->m, info->packed || info->filter));

    for (size_t i = 0; i < sizeof attr / sizeof *attr && !err; i++)
        if (attr[i].value)
            err = pare_h5w_attr_text(b->w, "/", attr[i].name, attr[i].value);
    if (!err && info->autosave_key[0]) {
        err = pare_h5w_attr_text(b->w, "/", "autosave", info->autosave_key);
        if (!err)
            err = pare_h5w_text(b->w, "/autosave",
                                info->autosave_text ? info->autosave_text : "");
    }
    return err;
}

int pare_model_begin(struct pare_h5w **w, const char *path,
                     const struct pare_model_file *info)
{
    if (info->filter)
        return pare_h5w_new_filtered(w, path);
    return info->packed ? pare_h5w_new_small(w, path) : pare_h5w_new(w, path);
}

int pare_model_build(struct pare_h5w *w, const struct pare_model *m,
                     struct pare_model_file *info)
{
    struct pare_build b = {.w = w,
                           .m = m,
                           .level = info->level,
                           .threads = info->threads,
                           .filter = info->filter};
    int err = write_root(&b, info);

    if (!err)
        err = b.level ? pare_texts_write(&b) : write_texts(&b);
    if (!err && !b.level)
        err = write_input(&b);
    if (!err)
        err = b.level ? pare_packed_write_layers(&b, info->stored)
                      : write_layers(&b, info->stored);
    if (!err)
        err = write_optim(&b, "/optimizer", &m->optim, NULL);
    if (!err)
        err = write_checkpoints(&b);
    if (!err)
        err = pare_scores_write(&b);
    if (!err)
        err = pare_curves_write(&b);
    if (!err)
        err = pare_rewiring_write(&b);
    if (!err)
        err = pare_user_write(w, m);
    return err;
}
