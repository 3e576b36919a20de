#include "model_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compact.h"
#include "digest.h"
#include "gathered.h"
#include "model_io.h"
#include "status.h"
#include "trial.h"

/* What libhdf5 and the C library take besides. */
#define TRIAL_SLACK ((uint64_t)64 << 20)

const char *pare_encoding_name(enum pare_encoding e)
{
    static const char *const names[] = {"dense", "bitmap", "index", "rows",
                                        "gaps",  "n:m",    "one",   "same",
                                        "rans"};

    return names[e];
}

void pare_model_file_release(struct pare_model_file *info, size_t n_tensors)
{
    (void)n_tensors;
    for (size_t i = 0; i < info->n_unknown; i++)
        free(info->unknown[i]);
    free(info->unknown);
    free(info->stored);
    free(info->autosave_text);
    memset(info, 0, sizeof *info);
}

/* One reading of a source: the trial's, then ours. */
struct reading {
    struct pare_source source;
    const char *name;
    uint64_t whole; /* positions; with more the arrays are not read */
    uint64_t limit; /* of bytes of values; 0: none */
    struct pare_model model;
    struct pare_model_file about, *info; /* info: &about, or NULL */
};

static int read_source(void *arg)
{
    struct reading *r = arg;
    const struct pare_source *s = &r->source;
    struct pare_h5 *h = NULL;
    int err = s->bytes ? pare_h5_open(&h, s->bytes, s->n, r->name)
                       : pare_h5_open_fd(&h, s->fd, r->name);

    if (err)
        return err;
    err =
        pare_model_parse_limit(&r->model, r->info, h, s->n, r->limit, r->whole);
    if (!pare_model_streams(&r->model)) /* else the loader does it */
        pare_h5_close(h);
    return err ? pare_fail_prefix(err, "'%s'", r->name) : 0;
}

/* A child reads first; what it makes is its own. */
static int try_source(struct reading *r)
{
    int err;

    pare_h5_start();
    r->whole = r->source.n > PARE_TRIAL_WHOLE ? 0 : PARE_TRIAL_POSITIONS;
    err = pare_trial(read_source, r, r->name,
                     pare_model_budget(r->source.n) + TRIAL_SLACK);
    r->whole = UINT64_MAX;
    return err;
}

/* Read from where the source of a reading is. */
static int read_model(struct pare_model *m, struct pare_model_file *info,
                      const char *path, struct reading *r, size_t limit)
{
    int err = pare_source_open(&r->source, path, limit);

    r->name = path && strcmp(path, "-") ? path : "standard input";
    r->info = info ? &r->about : NULL;
    if (!err)
        err = try_source(r);
    if (!err)
        err = read_source(r);
    r->about.bytes = r->source.n;
    if (!err && pare_model_streams(&r->model))
        pare_stream_take(&r->model, &r->source);
    if (err) {
        pare_model_file_release(&r->about, r->model.n_tensors);
        pare_model_release(&r->model);
    }
    pare_source_close(&r->source);
    if (err)
        return err;
    *m = r->model;
    if (info)
        *info = r->about;
    return 0;
}

int pare_model_read_limit(struct pare_model *m, struct pare_model_file *info,
                          const char *path, size_t limit)
{
    struct reading r = {.source = {.fd = -1}};

    return read_model(m, info, path, &r, limit);
}

int pare_model_read(struct pare_model *m, struct pare_model_file *info,
                    const char *path)
{
    return pare_model_read_limit(m, info, path, PARE_IMAGE_MAX);
}

int pare_model_open_limit(struct pare_model *m, struct pare_model_file *info,
                          const char *path, uint64_t limit)
{
    struct reading r = {.source = {.fd = -1}, .limit = limit};

    return read_model(m, info, path, &r, PARE_SPOOL_MIN);
}

int pare_model_open(struct pare_model *m, struct pare_model_file *info,
                    const char *path)
{
    uint64_t limit;
    int err = pare_stream_min(&limit);

    return err ? err : pare_model_open_limit(m, info, path, limit);
}

/* Digests and room for the sizes of what is about to be written. */
static int prepare(struct pare_model_file *about, const struct pare_model *m)
{
    int err = pare_digest_both(about->weights, about->state, m);

    if (err)
        return err;
    about->stored = calloc(m->n_tensors + 1, sizeof *about->stored);
    return about->stored ? 0 : pare_fail(PARE_ENOMEM, "no memory");
}

/* Build a file and write it at a path, or hand out its image. */
static int build(const char *path, void **bytes, size_t *n,
                 const struct pare_model *m, struct pare_model_file *about)
{
    struct pare_h5w *w = NULL;
    int err = pare_model_begin(&w, NULL, about);

    if (!err)
        err = pare_model_build(w, m, about);
    if (!err && !bytes)
        err = pare_h5w_put(w, path, &about->bytes);
    if (!err && bytes) {
        err = pare_h5w_finish(bytes, n, w);
        about->bytes = err ? 0 : *n;
    }
    pare_h5w_free(w);
    return err;
}

/* Hand the description out, or free it. */
static int give(struct pare_model_file *info, struct pare_model_file *about,
                int err)
{
    if (info && !err)
        *info = *about;
    else
        pare_model_file_release(about, 0);
    return err;
}

int pare_model_image(void **bytes, size_t *n, const struct pare_model *m,
                     struct pare_model_file *info)
{
    struct pare_model_file about = {0};
    int err = pare_model_streams(m)
                  ? pare_fail(PARE_EINVAL, "the model is larger than memory")
                  : prepare(&about, m);

    if (!err)
        err = build(NULL, bytes, n, m, &about);
    return give(info, &about, err);
}

/* Of what says which positions there are, and what of them rewiring moved. */
static uint64_t position_bytes(const struct pare_tensor *t)
{
    const uint64_t all = pare_tensor_positions(t);
    uint64_t n = 0;

    if (t->mask || (t->pattern && all <= UINT32_MAX))
        n = all / 8;
    else if (t->pattern)
        n = 8 * ((uint64_t)t->dim[0] + 1) + 5 * (uint64_t)t->n;
    return n + 18 * (t->removed.n + t->added.n);
}

/* An upper bound of the bytes of a model's arrays. */
static uint64_t array_bytes(const struct pare_model *m)
{
    uint64_t arrays = 1 + (uint64_t)m->optim.n_slots, n = 0, kept = 0;
    uint64_t whole = m->n_scores, all = 0;

    for (size_t i = 0; i < m->n_checkpoints; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        *(c->mask ? &whole : &arrays) +=
            (uint64_t)(c->value != NULL) + (uint64_t)c->optim.n_slots;
    }
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];

        kept += pare_tensor_kept(tensor);
        n += position_bytes(tensor);
        all += tensor->n;
    }
    return n + (arrays * kept + whole * all) * sizeof(float) +
           pare_model_undos(m) * (all / 8);
}

static int write_model(const char *path, const struct pare_model *m,
                       struct pare_model_file *about, size_t limit)
{
    int err;

    if ((!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO))
        return pare_fail(PARE_EINVAL, "a model is not written to a terminal");
    err = prepare(about, m);
    if (err)
        return err;
    if (pare_model_streams(m))
        return pare_stream_write(path, m, about);
    if (array_bytes(m) > limit)
        return pare_model_spawn(path, m, about);
    return build(path, NULL, NULL, m, about);
}

int pare_model_write_limit(const char *path, const struct pare_model *m,
                           struct pare_model_file *info, size_t limit)
{
    struct pare_model_file about = {0};

    return give(info, &about, write_model(path, m, &about, limit));
}

int pare_model_write(const char *path, const struct pare_model *m,
                     struct pare_model_file *info)
{
    return pare_model_write_limit(path, m, info, PARE_IMAGE_MAX);
}

int pare_model_write_packed(const char *path, const struct pare_model *m,
                            int level, int threads,
                            struct pare_model_file *info)
{
    struct pare_model_file about = {
        .packed = true, .level = level, .threads = threads};

    return give(info, &about, write_model(path, m, &about, PARE_IMAGE_MAX));
}

int pare_model_write_filtered(const char *path, const struct pare_model *m,
                              int threads, struct pare_model_file *info)
{
    struct pare_model_file about = {.filter = true, .threads = threads};

    return give(info, &about, write_model(path, m, &about, PARE_IMAGE_MAX));
}

int pare_autosave_write(const char *path, const struct pare_model *m,
                        const char *key, const char *text)
{
    struct pare_model_file about = {0};
    int err;

    if (strlen(key) != PARE_DIGEST_LEN - 1)
        return pare_fail(PARE_EINVAL, "an autosave key of %zu bytes",
                         strlen(key));
    strcpy(about.autosave_key, key);
    about.autosave_text = strdup(text);
    err = about.autosave_text ? pare_text_check(text, "the autosave text")
                              : pare_fail(PARE_ENOMEM, "no memory");
    if (!err)
        err = write_model(path, m, &about, PARE_IMAGE_MAX);
    return give(NULL, &about, err);
}
