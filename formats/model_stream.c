/* Models larger than memory: one tensor at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "compact.h"
#include "model_arrays.h"
#include "parallel.h"
#include "status.h"

#define COPY_BYTES ((size_t)1 << 20)

/* A model's file, from which its tensors are loaded. */
struct stream {
    struct pare_source source;
    struct pare_h5 *h;
    struct pare_stored *stored; /* [n_tensors] */
    bool packed;
};

int pare_stream_min(uint64_t *bytes)
{
    const char *text = getenv("PARE_MODEL_MEMORY");
    unsigned long long v;

    if (!text) {
        *bytes = PARE_STREAM_MIN;
        return 0;
    }
    errno = 0;
    v = strtoull(text, NULL, 10);
    if (!*text || text[strspn(text, "0123456789")] || errno || v == 0)
        return pare_fail(PARE_EINVAL,
                         "PARE_MODEL_MEMORY is '%s', not a number of bytes",
                         text);
    *bytes = v;
    return 0;
}

/* ---- reading ---------------------------------------------------------- */

static int load_part(struct stream *s, const struct pare_model *m,
                     size_t tensor, bool mask_only)
{
    struct pare_model own = *m; /* the tensors are m's */
    struct pare_stored stored = {0};
    struct pare_reader r = {.h = s->h,
                            .m = &own,
                            .budget = UINT64_MAX,
                            .stream = true,
                            .packed = s->packed,
                            .threads = pare_processors()};
    int err;

    pare_h5_again(s->h);
    err = pare_read_tensor(&r, &own.tensor[tensor], &stored, mask_only);
    if (!err && !mask_only)
        s->stored[tensor] = stored;
    return err;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    return load_part(arg, m, tensor, false);
}

static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    return load_part(arg, m, tensor, true);
}

static void free_stream(void *arg)
{
    struct stream *s = arg;

    pare_h5_close(s->h);
    pare_source_close(&s->source);
    free(s->stored);
    free(s);
}

/* Make the reader's model come tensor by tensor. */
static int begin(struct pare_reader *r)
{
    struct pare_loader loader = {
        .load = load, .mask = load_mask, .free = free_stream};
    struct stream *s = calloc(1, sizeof *s);
    int err;

    if (s)
        s->stored = calloc(r->m->n_tensors + 1, sizeof *s->stored);
    if (!s || !s->stored) {
        free(s);
        return pare_fail(PARE_ENOMEM, "no memory");
    }
    s->source.fd = -1;
    s->h = r->h;
    s->packed = r->packed;
    loader.arg = s;
    err = pare_model_set_loader(r->m, &loader);
    if (err) {
        free(s->stored);
        free(s);
    }
    return err;
}

/* Is there an object that holds arrays besides the tensors? */
static int has_arrays(struct pare_reader *r)
{
    static const char *const path[] = {"/scores", "/rewiring", "/autosave"};
    const struct pare_model *m = r->m;
    int there = m->optim.n_slots > 0 || m->init.sparse[0] != '\0';

    for (size_t i = 0; i < m->n_checkpoints; i++)
        there |= m->checkpoint[i].value || m->checkpoint[i].optim.n_slots;
    for (size_t i = 0; !there && i < sizeof path / sizeof *path; i++)
        there = pare_h5_exists(r->h, path[i]);
    return there;
}

int pare_stream_choose(struct pare_reader *r)
{
    uint64_t values = 0;
    int there;

    for (size_t t = 0; t < r->m->n_tensors; t++) {
        if (pare_tensor_positions(&r->m->tensor[t]) > UINT32_MAX)
            return 0;
        values += r->m->tensor[t].n;
    }
    if (!r->limit || values <= r->limit / sizeof(float))
        return 0;
    there = has_arrays(r);
    r->stream = there == 0;
    return there < 0 ? there : 0;
}

int pare_stream_tensors(struct pare_reader *r)
{
    struct pare_stored stored;
    int err = 0;

    if (!r->walk)
        return begin(r);
    for (size_t t = 0; t < r->m->n_tensors && !err; t++) {
        err = pare_read_tensor(r, &r->m->tensor[t], &stored, false);
        free(r->m->tensor[t].mask);
        r->m->tensor[t].mask = NULL;
    }
    return err;
}

int pare_stream_stored(struct pare_reader *r)
{
    const struct stream *s = r->m->loader.arg;
    const size_t bytes = r->m->n_tensors * sizeof *s->stored;

    if (!r->info)
        return 0;
    r->info->stored = malloc(bytes + 1);
    if (!r->info->stored)
        return pare_fail(PARE_ENOMEM, "no memory");
    memcpy(r->info->stored, s->stored, bytes);
    return 0;
}

void pare_stream_take(struct pare_model *m, struct pare_source *source)
{
    struct stream *s = m->loader.arg;

    s->source = *source;
    *source = (struct pare_source){.fd = -1};
}

/* ---- writing ---------------------------------------------------------- */

/* Build a file behind a descriptor; name: of what is to become of it. */
static int build(int fd, const char *name, const struct pare_model *m,
                 struct pare_model_file *info)
{
    struct pare_h5w *w = NULL;
    int err = pare_model_begin(&w, NULL, info);

    if (err)
        return err;
    pare_h5w_spill(w, fd);
    err = pare_model_build(w, m, info);
    if (!err) {
        err = pare_h5w_settle(w, &info->bytes);
        if (err)
            pare_fail_prefix(err, "cannot write '%s'", name);
    }
    pare_h5w_free(w);
    return err;
}

static int copy_out(struct pare_atomic *a, int fd)
{
    char *buf = malloc(COPY_BYTES);
    ssize_t got = 1;
    int err = buf ? 0 : pare_fail(PARE_ENOMEM, "no memory");

    for (off_t at = 0; !err && got != 0; at += got > 0 ? got : 0) {
        got = pread(fd, buf, COPY_BYTES, at);
        if (got < 0 && errno != EINTR)
            err = pare_fail(PARE_EIO, "cannot read a temporary file: %s",
                            strerror(errno));
        else if (got > 0)
            err = pare_atomic_put(a, buf, (size_t)got);
    }
    free(buf);
    return err;
}

/* Into a pipe or a device: by way of an unlinked temporary. */
static int build_and_copy(struct pare_atomic *a, const struct pare_model *m,
                          struct pare_model_file *info)
{
    FILE *f = tmpfile();
    int err;

    if (!f)
        return pare_fail(PARE_EIO, "cannot make a temporary file: %s",
                         strerror(errno));
    err = build(fileno(f), "temporary file", m, info);
    if (!err)
        err = copy_out(a, fileno(f));
    fclose(f);
    return err;
}

int pare_stream_write(const char *path, const struct pare_model *m,
                      struct pare_model_file *info)
{
    struct pare_atomic a;
    int err = pare_atomic_begin(&a, path);

    if (err)
        return err;
    err =
        a.inplace ? build_and_copy(&a, m, info) : build(a.fd, a.name, m, info);
    if (!err)
        return pare_atomic_commit(&a);
    pare_atomic_cancel(&a);
    return err;
}
