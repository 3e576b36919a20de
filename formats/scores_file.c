#include "scores_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "h5read.h"
#include "model_io.h"
#include "status.h"
#include "trial.h"

#define FILE_MOST ((size_t)1 << 40)

/* A file of scores that is being read. */
struct scores {
    struct pare_source source;
    const char *path;
    const struct pare_model *m;
    float **score; /* NULL: a trial, which keeps nothing */
};

/* Is the dataset of the tensor's shape? */
static int check_shape(const struct pare_h5_info *info,
                       const struct pare_tensor *t)
{
    bool same = info->rank == t->rank;

    for (int i = 0; same && i < t->rank; i++)
        same = info->dim[i] == t->dim[i];
    if (!same)
        return pare_fail(PARE_EFORMAT,
                         "the scores '%s' are of another shape than the "
                         "tensor",
                         t->name);
    if (info->type != PARE_H5_F32 && info->type != PARE_H5_F64)
        return pare_fail(PARE_EFORMAT,
                         "the scores '%s' are neither float32 nor float64",
                         t->name);
    return 0;
}

static int check_numbers(const float *v, const struct pare_tensor *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (isnan(v[i]))
            return pare_fail(PARE_EFORMAT, "a score of '%s' is not a number",
                             t->name);
    return 0;
}

static int read_tensor(float *out, struct pare_h5 *h, const char *name,
                       const struct pare_h5_info *info)
{
    double *wide;
    int rc;

    if (info->type == PARE_H5_F32)
        return pare_h5_read(out, h, name, PARE_H5_F32, info->count);
    wide = malloc(info->count * sizeof *wide);
    if (!wide)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = pare_h5_read(wide, h, name, PARE_H5_F64, info->count);
    for (size_t i = 0; !rc && i < info->count; i++)
        out[i] = (float)wide[i];
    free(wide);
    return rc;
}

static int take_tensor(struct scores *s, struct pare_h5 *h, size_t index,
                       size_t *found)
{
    const struct pare_tensor *t = &s->m->tensor[index];
    struct pare_h5_info info;
    char name[PARE_NAME_MAX + 1];
    int rc;

    snprintf(name, sizeof name, "/%s", t->name);
    rc = pare_h5_exists(h, name);
    if (rc <= 0)
        return rc;
    rc = pare_h5_info(&info, h, name);
    if (!rc)
        rc = check_shape(&info, t);
    if (rc)
        return rc;
    (*found)++;
    if (!s->score)
        return pare_h5_probe(h, name, info.type, info.count);
    s->score[index] = malloc(t->n * sizeof(float));
    if (!s->score[index])
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = read_tensor(s->score[index], h, name, &info);
    return rc ? rc : check_numbers(s->score[index], t);
}

static int take_all(void *arg)
{
    struct scores *s = arg;
    struct pare_h5 *h = NULL;
    size_t found = 0;
    int rc = pare_h5_open(&h, s->source.bytes, s->source.n, s->path);

    if (rc)
        return rc;
    for (size_t t = 0; !rc && t < s->m->n_tensors; t++)
        rc = take_tensor(s, h, t, &found);
    if (!rc && found == 0)
        rc = pare_fail(PARE_EFORMAT,
                       "it has scores of no tensor of the model, such as "
                       "'/%s'",
                       s->m->n_tensors ? s->m->tensor[0].name : "fc1.weight");
    pare_h5_close(h);
    return rc ? pare_fail_prefix(rc, "'%s'", s->path) : 0;
}

static int digest_scores(char hex[PARE_DIGEST_LEN], const struct scores *s)
{
    struct pare_digest *d = pare_digest_new();

    if (!d)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; t < s->m->n_tensors; t++) {
        if (!s->score[t])
            continue;
        pare_digest_text(d, s->m->tensor[t].name);
        pare_digest_values(d, s->score[t], s->m->tensor[t].n);
    }
    pare_digest_finish(d, hex);
    return 0;
}

int pare_score_file_read(float **score, char digest[PARE_DIGEST_LEN],
                         const struct pare_model *m, const char *path)
{
    struct scores s = {.path = path, .m = m};
    int rc = pare_source_open(&s.source, path, FILE_MOST);

    if (rc)
        return rc;
    pare_h5_start();
    rc = pare_trial(take_all, &s, path, s.source.n + ((uint64_t)256 << 20));
    s.score = score;
    if (!rc)
        rc = take_all(&s);
    if (!rc)
        rc = digest_scores(digest, &s);
    pare_source_close(&s.source);
    return rc;
}
