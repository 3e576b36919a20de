#include "model_io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "hugepage.h"
#include "optimizer.h"
#include "status.h"

#define PATH_BYTES 512
#define PIECE      4096 /* values looked at together */

/* What a build carries through its functions. */
struct build {
    struct pare_h5w *w;
    const struct pare_model *m;
};

static const char *suffix(const struct pare_tensor *t)
{
    return strrchr(t->name, '.') + 1;
}

/* Is all of a piece 0 where the mask is? In vector code. */
PARE_CLONES
static uint32_t some_under_mask(const float *v, const uint8_t *mask, size_t n)
{
    uint32_t some = 0;

    for (size_t i = 0; i < n; i++)
        some |= (v[i] != 0.0f) & (mask[i] == 0);
    return some;
}

static bool zero_under_mask(const float *v, const struct pare_tensor *t)
{
    for (size_t i = 0; i < t->n; i += PIECE)
        if (some_under_mask(v + i, t->mask + i,
                            t->n - i < PIECE ? t->n - i : PIECE))
            return false;
    return true;
}

static int check_finite(const float *v, const struct pare_tensor *t)
{
    size_t i = pare_first_nonfinite(v, t->n);

    if (i == t->n)
        return 0;
    return pare_fail(PARE_EINVAL, "'%s' holds a value that is %s", t->name,
                     isnan(v[i]) ? "not a number" : "infinite");
}

/* Copy the values that the mask keeps. */
static void pick(float *kept, const float *v, const struct pare_tensor *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i += 64) {
        size_t size = t->n - i < 64 ? t->n - i : 64;
        uint64_t bits = pare_bits_pack(t->mask + i, size);

        if (bits == UINT64_MAX) {
            memcpy(kept + n, v + i, 64 * sizeof *kept);
            n += 64;
            continue;
        }
        for (; bits; bits &= bits - 1)
            kept[n++] = v[i + pare_bits_lowest(bits)];
    }
}

/* What a mask keeps of an array, at PATH.kept. */
static int write_kept(struct build *b, const char *path, const float *v,
                      const struct pare_tensor *t)
{
    char name[PATH_BYTES + 8];
    size_t n = pare_tensor_kept(t), size = n * sizeof(float);
    float *kept = pare_hugepage(malloc(size + sizeof(float)), size);

    if (!kept)
        return pare_fail(PARE_ENOMEM, "no memory");
    pick(kept, v, t);
    snprintf(name, sizeof name, "%s.kept", path);
    return pare_h5w_give(b->w, name, PARE_H5_F32, n, kept);
}

static int write_dense(struct build *b, const char *path, const float *v,
                       const struct pare_tensor *t)
{
    return pare_h5w_lend(b->w, path, PARE_H5_F32, t->rank, t->dim, v);
}

/* Write an array of a tensor's shape; what is not 0 under the mask stays
 * dense. */
static int write_array(struct build *b, const char *path, const float *v,
                       const struct pare_tensor *t)
{
    return t->mask && zero_under_mask(v, t) ? write_kept(b, path, v, t)
                                            : write_dense(b, path, v, t);
}

static int write_bitmap(struct build *b, const char *path,
                        const struct pare_tensor *t)
{
    size_t n = (t->n + 7) / 8;
    uint8_t *bits = calloc(1, n + 1);
    int err;

    if (!bits)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; i < n; i++)
        bits[i] = (uint8_t)pare_bits_pack(t->mask + 8 * i,
                                          t->n - 8 * i < 8 ? t->n - 8 * i : 8);
    err = pare_h5w_mask(b->w, path, PARE_H5_U8, n, bits);
    free(bits);
    return err;
}

static int write_index(struct build *b, const char *path,
                       const struct pare_tensor *t, size_t kept)
{
    uint32_t *index = malloc((kept + 1) * sizeof *index);
    size_t n = 0;
    int err;

    if (!index)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; i < t->n; i++)
        if (t->mask[i])
            index[n++] = (uint32_t)i;
    err = pare_h5w_mask(b->w, path, PARE_H5_U32, n, index);
    free(index);
    return err;
}

/* The mask at PATH.mask or PATH.index, whichever takes fewer bytes. */
static int write_mask(struct build *b, const char *path,
                      const struct pare_tensor *t, struct pare_stored *stored)
{
    size_t kept = pare_tensor_kept(t);
    bool index = kept < t->n / 32 && t->n <= UINT32_MAX;
    char name[PATH_BYTES + 8];
    int err;

    snprintf(name, sizeof name, "%s.%s", path, index ? "index" : "mask");
    stored->encoding = index ? PARE_ENC_INDEX : PARE_ENC_BITMAP;
    err = index ? write_index(b, name, t, kept) : write_bitmap(b, name, t);
    if (!err)
        err = pare_h5w_stored(&stored->mask_bytes, b->w, name);
    return err;
}

/* Attributes that tell a stranger what a dataset is. */
static int write_labels(struct build *b, const char *path,
                        const struct pare_tensor *t)
{
    char shape[PARE_RANK_MAX * 24] = "";
    size_t n = 0;
    int err = 0;

    for (int i = 0; i < t->rank; i++)
        n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%zu",
                              i ? " " : "", t->dim[i]);
    if (t->mask)
        err = pare_h5w_attr_text(b->w, path, "shape", shape);
    if (t->role != PARE_ROLE_WEIGHT)
        return err;
    if (!err)
        err = pare_h5w_attr_text(b->w, path, "out_axis", "0");
    if (!err)
        err = pare_h5w_attr_text(b->w, path, "in_axis", "1");
    return err;
}

static int write_tensor(struct build *b, const struct pare_tensor *t,
                        struct pare_stored *stored)
{
    const char *layer = b->m->arch.layer[t->layer].name;
    char path[PATH_BYTES], kept[PATH_BYTES + 8];
    int err = check_finite(t->value, t);

    *stored = (struct pare_stored){PARE_ENC_DENSE, 0, 0};
    if (err)
        return err;
    if (t->mask && !zero_under_mask(t->value, t))
        return pare_fail(PARE_EINVAL,
                         "'%s' has pruned weights that are "
                         "not 0",
                         t->name);
    snprintf(path, sizeof path, "/layers/%s/%s", layer, suffix(t));
    snprintf(kept, sizeof kept, "%s%s", path, t->mask ? ".kept" : "");
    if (t->mask)
        err = write_mask(b, path, t, stored);
    if (!err)
        err = t->mask ? write_kept(b, path, t->value, t)
                      : write_dense(b, path, t->value, t);
    if (!err)
        err = write_labels(b, kept, t);
    if (!err)
        err = pare_h5w_stored(&stored->value_bytes, b->w, kept);
    return err;
}

static int write_layers(struct build *b, struct pare_stored *stored)
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
            err = write_tensor(b, &m->tensor[t], &stored[t]);
    }
    return err;
}

/* A slot says what it is, if the optimiser is one that we know. */
static int name_slot(struct build *b, const char *path, const char *spec, int k)
{
    struct pare_optimizer_spec o;

    if (pare_optimizer_parse(&o, spec) != 0 || !o.row->slot_name[k])
        return 0;
    return pare_h5w_attr_text(b->w, path, "name", o.row->slot_name[k]);
}

/* Every slot of an optimiser below `dir`, which is made. */
static int write_optim(struct build *b, const char *dir,
                       const struct pare_optstate *s)
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
            if (!s->slot[k][t])
                continue;
            snprintf(path, sizeof path, "%s/slot%d/%s", dir, k,
                     m->tensor[t].name);
            err = write_array(b, path, s->slot[k][t], &m->tensor[t]);
        }
    }
    return err;
}

static int write_checkpoint(struct build *b, const struct pare_checkpoint *c)
{
    const struct pare_model *m = b->m;
    char path[PATH_BYTES];
    int err;

    snprintf(path, sizeof path, "/checkpoints/%s", c->name);
    err = pare_h5w_group(b->w, path);
    for (size_t t = 0; c->value && t < m->n_tensors && !err; t++) {
        err = check_finite(c->value[t], &m->tensor[t]);
        if (err)
            return pare_fail_prefix(err, "checkpoint %s", c->name);
        snprintf(path, sizeof path, "/checkpoints/%s/%s", c->name,
                 m->tensor[t].name);
        err = write_array(b, path, c->value[t], &m->tensor[t]);
    }
    snprintf(path, sizeof path, "/checkpoints/%s/optimizer", c->name);
    return err ? err : write_optim(b, path, &c->optim);
}

/* A checkpoint that is drawn from its seed is only lines of /training. */
static int write_checkpoints(struct build *b)
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

static int write_input(struct build *b)
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

static int write_texts(struct build *b)
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

/* The oldest version that can say it: 2 brought augmentation. */
static int format_version(const struct pare_model *m)
{
    return m->training.augment[0] ? 2 : 1;
}

static int write_root(struct build *b, const struct pare_model_file *info)
{
    const struct {
        const char *name, *value;
    } attr[] = {
        {"format", "pare-model"}, {"creator", "pare " PARE_VERSION},
        {"layout", "plain"},      {"weights", info->weights},
        {"state", info->state},
    };
    int err =
        pare_h5w_attr_i64(b->w, "/", "format_version", format_version(b->m));

    for (size_t i = 0; i < sizeof attr / sizeof *attr && !err; i++)
        err = pare_h5w_attr_text(b->w, "/", attr[i].name, attr[i].value);
    if (!err && info->autosave_key[0]) {
        err = pare_h5w_attr_text(b->w, "/", "autosave", info->autosave_key);
        if (!err)
            err = pare_h5w_text(b->w, "/autosave",
                                info->autosave_text ? info->autosave_text : "");
    }
    return err;
}

int pare_model_build(struct pare_h5w *w, const struct pare_model *m,
                     struct pare_model_file *info)
{
    struct build b = {.w = w, .m = m};
    int err = write_root(&b, info);

    if (!err)
        err = write_texts(&b);
    if (!err)
        err = write_input(&b);
    if (!err)
        err = write_layers(&b, info->stored);
    if (!err)
        err = write_optim(&b, "/optimizer", &m->optim);
    if (!err)
        err = write_checkpoints(&b);
    if (!err)
        err = pare_user_write(w, m);
    return err;
}
