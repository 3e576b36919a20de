#include "scores_file.h"

#include <float.h>
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
#define TOP       100 /* exponent of the largest score, where they are scaled */

/* A file of scores that is being read. */
struct scores {
    struct pare_source source;
    const char *path;
    const struct pare_model *m;
    float **score; /* NULL: a trial, which keeps nothing */
    double **wide; /* [n_tensors] of those in float64, else NULL */
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

/* Of the numbers that are read, as they are in the file. */
static double number(const struct scores *s, size_t t, size_t i)
{
    return s->wide[t] ? s->wide[t][i] : (double)s->score[t][i];
}

static int check_numbers(const struct scores *s, size_t t)
{
    for (size_t i = 0; i < s->m->tensor[t].n; i++)
        if (isnan(number(s, t, i)))
            return pare_fail(PARE_EFORMAT, "a score of '%s' is not a number",
                             s->m->tensor[t].name);
    return 0;
}

static int read_tensor(struct scores *s, struct pare_h5 *h, const char *name,
                       const struct pare_h5_info *info, size_t t)
{
    s->score[t] = malloc(info->count * sizeof(float));
    if (info->type == PARE_H5_F64)
        s->wide[t] = malloc(info->count * sizeof(double));
    if (!s->score[t] || (info->type == PARE_H5_F64 && !s->wide[t]))
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (info->type == PARE_H5_F32)
        return pare_h5_read(s->score[t], h, name, PARE_H5_F32, info->count);
    return pare_h5_read(s->wide[t], h, name, PARE_H5_F64, info->count);
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
    rc = read_tensor(s, h, name, &info, index);
    return rc ? rc : check_numbers(s, index);
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

/* The power of two by which scores that do not fit are multiplied. */
static int exponent(const struct scores *s)
{
    double most = 0, least = DBL_MAX;
    bool any = false;
    int top;

    for (size_t t = 0; t < s->m->n_tensors; t++) {
        any |= s->wide[t] != NULL;
        for (size_t i = 0; s->score[t] && i < s->m->tensor[t].n; i++) {
            double x = fabs(number(s, t, i));

            if (isinf(x))
                continue;
            most = fmax(most, x);
            least = x > 0 ? fmin(least, x) : least;
        }
    }
    frexp(most, &top);
    return any && most > 0 && (top > TOP || least < (double)FLT_MIN) ? TOP - top
                                                                     : 0;
}

/* All scores in float32; what is not 0 does not become it. */
static void narrow(struct scores *s)
{
    int shift = exponent(s);

    for (size_t t = 0; t < s->m->n_tensors; t++)
        for (size_t i = 0;
             s->score[t] && (shift || s->wide[t]) && i < s->m->tensor[t].n;
             i++) {
            double x = number(s, t, i);
            float y = (float)ldexp(x, shift);

            if (x != 0 && y == 0)
                y = copysignf(FLT_TRUE_MIN, (float)x);
            s->score[t][i] = y;
        }
}

static void drop_wide(struct scores *s)
{
    for (size_t t = 0; s->wide && t < s->m->n_tensors; t++)
        free(s->wide[t]);
    free(s->wide);
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
    s.wide = calloc(m->n_tensors + 1, sizeof *s.wide);
    if (!rc && !s.wide)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    if (!rc)
        rc = take_all(&s);
    if (!rc) {
        narrow(&s);
        rc = digest_scores(digest, &s);
    }
    drop_wide(&s);
    pare_source_close(&s.source);
    return rc;
}
