#include "model_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "dialect.h"
#include "digest.h"
#include "gathered.h"
#include "hugepage.h"
#include "packed.h"
#include "parallel.h"
#include "status.h"

#define PATH_BYTES 512
#define MOST_NAMES 65536

static const char *suffix(const struct pare_tensor *t)
{
    return strrchr(t->name, '.') + 1;
}

/* In the packed layout texts are known by the last part of their path. */
static const char *text_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static int text_exists(struct pare_reader *r, const char *path)
{
    return r->texts ? pare_texts_get(NULL, r, text_name(path), 0)
                    : pare_h5_exists(r->h, path);
}

static int get_text(char **text, struct pare_reader *r, const char *path,
                    size_t limit)
{
    int there;

    if (!r->texts)
        return pare_h5_read_text(text, r->h, path, limit);
    there = pare_texts_get(text, r, text_name(path), limit);
    if (there == 0)
        return pare_fail(PARE_EFORMAT, "'/texts' lacks '%s'", text_name(path));
    return there < 0 ? there : 0;
}

static int read_text(char **text, struct pare_reader *r, const char *path,
                     size_t limit)
{
    char *s;
    int err = get_text(&s, r, path, limit);

    if (err)
        return err;
    err = pare_text_check(s, path);
    if (err)
        free(s);
    else
        *text = s;
    return err;
}

/* Plain, or packed: then its texts are read at once. */
static int read_layout(struct pare_reader *r, int64_t version)
{
    char *layout;
    bool packed;
    int err = pare_h5_attr_text(&layout, r->h, "/", "layout", 64);

    if (err)
        return err;
    packed = version >= 5 && strcmp(layout, "packed") == 0;
    if (!packed && strcmp(layout, "plain") != 0)
        err = pare_fail(PARE_EFORMAT, "layout '%s' in a file of version %lld",
                        layout, (long long)version);
    free(layout);
    if (err || !packed)
        return err;
    if (r->info)
        r->info->packed = true;
    r->packed = true;
    r->texts = calloc(1, sizeof *r->texts);
    return r->texts ? pare_texts_read(r) : pare_fail(PARE_ENOMEM, "no memory");
}

/* Is it a model, and of a version that we read? */
static int check_format(struct pare_reader *r)
{
    char *format = NULL;
    int64_t version = 0;
    int err = 0;

    if (pare_h5_attr_text(&format, r->h, "/", "format", 64) != 0)
        return pare_fail(PARE_EFORMAT, "an HDF5 file, but not a pare model");
    if (strcmp(format, "pare-data") == 0)
        err = pare_fail(PARE_EFORMAT, "a pare data file, not a model");
    else if (strcmp(format, "pare-model") != 0)
        err = pare_fail(PARE_EFORMAT, "an HDF5 file, but not a pare model");
    free(format);
    if (!err)
        err = pare_h5_attr_i64(&version, r->h, "/", "format_version");
    if (!err && version > PARE_MODEL_VERSION)
        err = pare_fail(PARE_EFORMAT,
                        "format version %lld, this is pare %s which reads "
                        "up to %d",
                        (long long)version, PARE_VERSION, PARE_MODEL_VERSION);
    if (!err && version < 1)
        err =
            pare_fail(PARE_EFORMAT, "format version %lld", (long long)version);
    r->version = version;
    return err ? err : read_layout(r, version);
}

/* An older program would read less than there is in a file of its version. */
static int check_version(const struct pare_reader *r)
{
    int least = r->walk ? 1 : pare_model_version(r->m, r->packed);

    return r->version >= least
               ? 0
               : pare_fail(PARE_EFORMAT,
                           "the file says format version %lld, what it holds "
                           "is of version %d",
                           (long long)r->version, least);
}

/* Parse the architecture and lay its tensors, which have no values yet. */
static int read_arch(struct pare_reader *r)
{
    struct pare_arch arch = {0};
    char *text = NULL;
    int err = read_text(&text, r, "/arch", PARE_WEIGHTS_TEXT_MAX);

    if (err)
        return err;
    err = pare_arch_parse(&arch, text);
    if (err) {
        err = pare_fail_prefix(PARE_EFORMAT, "'/arch'");
    } else if (strcmp(arch.text, text) != 0) {
        err = pare_fail(PARE_EFORMAT, "'/arch' is not in canonical form");
    }
    free(text);
    if (!err)
        err = pare_model_lay(r->m, &arch);
    pare_arch_release(&arch);
    return err;
}

static int read_norm(struct pare_reader *r)
{
    struct pare_norm *norm = &r->m->norm;
    struct pare_h5_info info;
    size_t features = pare_shape_size(&r->m->arch.input);
    int err = pare_h5_read(&norm->scale, r->h, "/input/scale", PARE_H5_F32, 1);
    int there = err ? err : pare_h5_exists(r->h, "/input/mean");

    if (there <= 0)
        return there;
    err = pare_h5_info(&info, r->h, "/input/mean");
    if (err)
        return err;
    if (info.rank != 1 || info.count == 0 || info.count > features)
        return pare_fail(PARE_EFORMAT, "'/input/mean' does not fit");
    norm->mean = malloc(info.count * sizeof(float));
    norm->std = malloc(info.count * sizeof(float));
    if (!norm->mean || !norm->std)
        return pare_fail(PARE_ENOMEM, "no memory");
    norm->n = info.count;
    err = pare_h5_read(norm->mean, r->h, "/input/mean", PARE_H5_F32, norm->n);
    if (!err)
        err = pare_h5_read(norm->std, r->h, "/input/std", PARE_H5_F32, norm->n);
    return err;
}

static int check_norm(const struct pare_model *m)
{
    const struct pare_norm *norm = &m->norm;

    if (!isfinite(norm->scale))
        return pare_fail(PARE_EFORMAT, "'/input/scale' is not finite");
    if (norm->n > pare_shape_size(&m->arch.input))
        return pare_fail(PARE_EFORMAT, "'/input/mean' does not fit");
    for (size_t i = 0; i < norm->n; i++)
        if (!isfinite(norm->mean[i]) || !isfinite(norm->std[i]) ||
            norm->std[i] <= 0)
            return pare_fail(PARE_EFORMAT,
                             "'/input' has no usable normalisation");
    return 0;
}

static int read_classes(int64_t *classes, struct pare_reader *r)
{
    int err = read_norm(r);

    return err ? err : pare_h5_attr_i64(classes, r->h, "/input", "classes");
}

static int read_input(struct pare_reader *r)
{
    struct pare_model *m = r->m;
    char *text = NULL;
    int64_t classes = 0;
    size_t lines = 0;
    int there, err = r->texts ? pare_texts_input(&classes, r)
                              : read_classes(&classes, r);

    if (!err)
        err = check_norm(m);
    if (!err && (classes < 0 || (uint64_t)classes > PARE_CLASSES_MAX))
        err = pare_fail(PARE_ELIMIT, "'/input' has %lld classes",
                        (long long)classes);
    if (err)
        return err;
    there = text_exists(r, "/input/class_names");
    if (there < 0)
        return there;
    if (there) {
        err = read_text(&text, r, "/input/class_names", PARE_TEXT_MAX);
        if (!err)
            err = pare_lines_parse(&m->class_name, &lines, text,
                                   PARE_CLASSES_MAX);
        free(text);
        if (err)
            return err;
        m->n_classes = lines; /* for its release */
        if (lines != (size_t)classes)
            return pare_fail(PARE_EFORMAT,
                             "'/input' has %zu class names for %lld classes",
                             lines, (long long)classes);
    }
    m->n_classes = (size_t)classes;
    return 0;
}

static int read_texts(struct pare_reader *r)
{
    struct pare_model *m = r->m;
    char *text = NULL;
    int there, err = read_text(&text, r, "/training", PARE_TEXT_MAX);

    if (!err)
        err = pare_training_parse(m, text, r->packed);
    free(text);
    text = NULL;
    there = err ? err : text_exists(r, "/history");
    if (there > 0) {
        err = read_text(&text, r, "/history", PARE_TEXT_MAX);
        if (!err)
            err = pare_history_parse(m, text);
        free(text);
        text = NULL;
    }
    if (err || there < 0)
        return err ? err : there;
    there = text_exists(r, "/provenance");
    if (there > 0) {
        err = read_text(&text, r, "/provenance", PARE_TEXT_MAX);
        if (!err)
            err = pare_lines_parse(&m->step, &m->n_steps, text, MOST_NAMES);
        free(text);
    }
    return there < 0 ? there : err;
}

static void tensor_path(char path[PATH_BYTES], const struct pare_reader *r,
                        const struct pare_tensor *t)
{
    snprintf(path, PATH_BYTES, "/layers/%s/%s", r->m->arch.layer[t->layer].name,
             suffix(t));
}

int pare_lies_compact(struct pare_reader *r, const struct pare_tensor *t)
{
    const struct pare_dialect *d = pare_dialect_find(r->m->training.dialect);
    const uint64_t n = pare_tensor_positions(t);
    char path[PATH_BYTES];
    int there;

    if (r->stream || !pare_tensor_can_compact(t) || n <= PARE_DENSE_POSITIONS)
        return 0;
    if (n > UINT32_MAX)
        return 1;
    if (pare_model_undos(r->m) || (d && d->dense_state))
        return 0;
    snprintf(path, sizeof path, "/scores/hebbian/%s", t->name);
    there = pare_h5_exists(r->h, path);
    return there < 0 ? there : !there;
}

/* Which positions of a tensor there are: then its values may be allocated, if
 * the file has enough of them. */
static int read_form(struct pare_reader *r, struct pare_tensor *t,
                     struct pare_stored *stored)
{
    char path[PATH_BYTES];
    int compact = pare_lies_compact(r, t), err;

    if (compact < 0)
        return compact;
    tensor_path(path, r, t);
    err = compact ? pare_read_pattern(r, path, t, stored) : 0;
    if (!err && !t->pattern && t->n > (uint64_t)1 << 32)
        err = pare_fail(PARE_ELIMIT,
                        "'%s' has more than 2^32 positions and no rows and "
                        "gaps: it can only be sparse",
                        path);
    if (!err)
        err = pare_reader_charge(r, t->n, sizeof(float));
    if (!err && !compact)
        err = pare_read_mask(r, path, t, stored);
    return err ? err : pare_read_levels(r, path, t, stored);
}

static int read_forms(struct pare_reader *r, struct pare_stored *stored)
{
    struct pare_model *m = r->m;
    int err = 0;

    for (size_t t = 0; t < m->n_tensors && !err; t++)
        err = read_form(r, &m->tensor[t], &stored[t]);
    return err ? err : pare_model_allocate(m);
}

static int read_tensor(struct pare_reader *r, struct pare_tensor *t,
                       struct pare_stored *stored)
{
    char path[PATH_BYTES], name[PATH_BYTES + 8];
    int err;

    tensor_path(path, r, t);
    err = pare_read_values(r, path, t, stored);
    if (!err && !r->walk)
        err = pare_read_finite(t->value, path, t->n);
    if (!err && pare_find_values(name, sizeof name, r, path, t) < 0)
        err = PARE_EFORMAT;
    return err ? err : pare_read_labels(r, name, t);
}

int pare_read_tensor(struct pare_reader *r, struct pare_tensor *t,
                     struct pare_stored *stored, bool mask_only)
{
    int err;

    if (r->packed) {
        err = pare_packed_read_tensor(r, (size_t)(t - r->m->tensor), stored);
        if (mask_only && !err) {
            free(t->value);
            t->value = NULL;
        }
        return err;
    }
    err = read_form(r, t, stored);
    if (err || mask_only)
        return err;
    if (!r->walk) {
        t->value = pare_hugepage(malloc((t->n + 1) * sizeof *t->value),
                                 t->n * sizeof *t->value);
        if (!t->value)
            return pare_fail(PARE_ENOMEM, "no memory for '%s'", t->name);
    }
    return read_tensor(r, t, stored);
}

static int read_tensors(struct pare_reader *r)
{
    struct pare_model *m = r->m;
    struct pare_stored *stored;
    int err = pare_stream_choose(r);

    if (err || r->stream)
        return err ? err : pare_stream_tensors(r);
    stored = calloc(m->n_tensors + 1, sizeof *stored);

    if (!stored)
        return pare_fail(PARE_ENOMEM, "no memory");
    err = r->packed ? 0 : read_forms(r, stored);
    for (size_t t = 0; t < m->n_tensors && !err; t++)
        err = r->packed ? pare_packed_read_tensor(r, t, &stored[t])
                        : read_tensor(r, &m->tensor[t], &stored[t]);
    if (r->info)
        r->info->stored = stored;
    else
        free(stored);
    return err;
}

/* State of an optimiser, under the masks of a checkpoint or the model's. */
static int read_optim(struct pare_reader *r, const char *dir,
                      struct pare_optstate *s, uint8_t *const *mask)
{
    struct pare_model *m = r->m;
    char path[PATH_BYTES];
    int err = 0, n_slots = s->n_slots;

    s->n_slots = 0;
    for (size_t t = 0; t < m->n_tensors && !err; t++)
        err = pare_reader_charge(r, m->tensor[t].n * (uint64_t)n_slots,
                                 sizeof(float));
    if (!err)
        err = pare_optstate_alloc(s, m, n_slots);
    for (int k = 0; k < n_slots && !err; k++)
        for (size_t t = 0; t < m->n_tensors && !err; t++) {
            struct pare_tensor as = pare_tensor_as(m, t, mask);

            if (!s->slot[k][t])
                continue;
            snprintf(path, sizeof path, "%s/slot%d/%s", dir, k, as.name);
            err = pare_read_array(r, s->slot[k][t], path, &as);
        }
    return err;
}

/* A tensor of an undo point: its mask of then, and what that keeps. */
static int read_whole(struct pare_reader *r, struct pare_checkpoint *c,
                      size_t t, const char *path)
{
    struct pare_tensor as = r->m->tensor[t];
    struct pare_stored stored;
    char kept[PATH_BYTES + 8];
    int err;

    if (as.pattern)
        return pare_fail(PARE_ELIMIT,
                         "'%s': a layer of more than 2^32 positions has no "
                         "undo points",
                         path);
    if (r->packed)
        return pare_packed_read_whole(r, c->value[t], &c->mask[t], path, &as);
    as.mask = NULL;
    err = pare_read_mask(r, path, &as, &stored);
    c->mask[t] = as.mask;
    snprintf(kept, sizeof kept, "%s.kept", path);
    if (err)
        return err;
    return as.mask ? pare_read_kept(r, c->value[t], kept, &as)
                   : pare_read_dense(r, c->value[t], path, &as);
}

static int read_checkpoint(struct pare_reader *r, struct pare_checkpoint *c)
{
    struct pare_model *m = r->m;
    char path[PATH_BYTES];
    int err = 0;

    for (size_t t = 0; c->value && t < m->n_tensors && !err; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];

        err = pare_reader_charge(r, tensor->n, sizeof(float));
        if (err)
            break;
        c->value[t] = calloc(tensor->n, sizeof(float));
        if (!c->value[t])
            return pare_fail(PARE_ENOMEM, "no memory");
        snprintf(path, sizeof path, "/checkpoints/%s/%s", c->name,
                 tensor->name);
        err = c->mask ? read_whole(r, c, t, path)
                      : pare_read_array(r, c->value[t], path, tensor);
        if (!err && !r->walk)
            err = pare_read_finite(c->value[t], path, tensor->n);
    }
    snprintf(path, sizeof path, "/checkpoints/%s/optimizer", c->name);
    return err ? err : read_optim(r, path, &c->optim, c->mask);
}

static int read_autosave(struct pare_reader *r)
{
    char *key = NULL;
    int there = pare_h5_exists(r->h, "/autosave"), err;

    if (there <= 0 || !r->info)
        return there < 0 ? there : 0;
    err = pare_h5_attr_text(&key, r->h, "/", "autosave", PARE_DIGEST_LEN - 1);
    if (err)
        return err;
    strcpy(r->info->autosave_key, key);
    free(key);
    return read_text(&r->info->autosave_text, r, "/autosave", PARE_TEXT_MAX);
}

static int read_digest(char hex[PARE_DIGEST_LEN], struct pare_reader *r,
                       const char *name)
{
    char *text;
    int err = pare_h5_attr_text(&text, r->h, "/", name, PARE_DIGEST_LEN - 1);

    if (err)
        return err;
    strcpy(hex, text);
    free(text);
    return 0;
}

static int check_digests(struct pare_reader *r)
{
    char weights[PARE_DIGEST_LEN], state[PARE_DIGEST_LEN];
    char stored_weights[PARE_DIGEST_LEN], stored_state[PARE_DIGEST_LEN];
    int err = read_digest(stored_weights, r, "weights");

    if (!err)
        err = read_digest(stored_state, r, "state");
    if (err || r->walk)
        return err;
    if (!err)
        err = pare_digest_both(weights, state, r->m);
    if (!err && strcmp(stored_weights, weights) != 0)
        err = pare_fail(PARE_EFORMAT,
                        "damaged: the weights do not match their digest");
    if (!err && strcmp(stored_state, state) != 0)
        err = pare_fail(PARE_EFORMAT,
                        "damaged: the state does not match its digest");
    if (!err && r->info) {
        strcpy(r->info->weights, stored_weights);
        strcpy(r->info->state, stored_state);
    }
    return err || !r->stream ? err : pare_stream_stored(r);
}

uint64_t pare_model_budget(uint64_t size)
{
    return size < UINT64_MAX / PARE_EXPANSION - PARE_ALLOWANCE
               ? size * PARE_EXPANSION + PARE_ALLOWANCE
               : UINT64_MAX;
}

/* Have the tensors more positions than are to be read? */
static bool is_long(const struct pare_reader *r)
{
    uint64_t left = r->whole;

    for (size_t t = 0; t < r->m->n_tensors; t++) {
        const uint64_t n = pare_tensor_positions(&r->m->tensor[t]);

        if (n > left)
            return true;
        left -= n;
    }
    return false;
}

static int read_model(struct pare_reader *r)
{
    struct pare_model *m = r->m;
    int err = check_format(r);

    if (!err)
        err = read_arch(r);
    r->walk |= !err && is_long(r);
    if (!err)
        err = read_texts(r);
    if (!err)
        err = read_input(r);
    if (!err)
        err = read_tensors(r);
    if (!err)
        err = read_optim(r, "/optimizer", &m->optim, NULL);
    for (size_t i = 0; !err && i < m->n_checkpoints; i++)
        err = read_checkpoint(r, &m->checkpoint[i]);
    if (!err)
        err = pare_scores_read(r);
    if (!err)
        err = pare_curves_read(r);
    if (!err)
        err = pare_rewiring_read(r);
    if (!err)
        err = read_autosave(r);
    if (!err)
        err = check_digests(r);
    if (!err)
        err = check_version(r);
    if (!err)
        err = pare_user_read(m, r->info, r->h);
    if (!err && r->info)
        err = pare_unknown_find(r->info, m, r->h);
    return err;
}

/* All of a file; the texts of the packed layout end with the reading. */
static int read_whole_file(struct pare_reader *r)
{
    int err = read_model(r);

    if (r->texts)
        pare_texts_release(r->texts);
    free(r->texts);
    return err;
}

int pare_model_parse_limit(struct pare_model *m, struct pare_model_file *info,
                           struct pare_h5 *h, uint64_t size, uint64_t limit,
                           uint64_t whole)
{
    struct pare_reader r = {
        .h = h,
        .m = m,
        .info = info,
        .budget = pare_model_budget(size),
        .whole = whole,
        .walk = !whole,
        .limit = limit,
        /* A trial reads on one thread. */
        .threads = !whole || size <= PARE_TRIAL_WHOLE ? 1 : pare_processors()};

    pare_h5_threads(h, r.threads);
    return read_whole_file(&r);
}

int pare_model_parse(struct pare_model *m, struct pare_model_file *info,
                     struct pare_h5 *h, uint64_t size)
{
    return pare_model_parse_limit(m, info, h, size, 0, UINT64_MAX);
}

int pare_model_walk(struct pare_model *m, struct pare_model_file *info,
                    struct pare_h5 *h, uint64_t size)
{
    return pare_model_parse_limit(m, info, h, size, 0, 0);
}
