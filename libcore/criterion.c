#include "criterion_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "evaluate.h"
#include "rng.h"
#include "status.h"

#define CALIBRATE 1000 /* samples, where not told */

PARE_CLONES
static void magnitudes(float *score, const float *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        score[i] = fabsf(value[i]);
}

static void block_magnitude(float *score, const struct pare_model *m,
                            size_t tensor, size_t first, size_t n,
                            const struct pare_criterion_input *in)
{
    (void)in;
    magnitudes(score, m->tensor[tensor].value + first, n);
}

/*
 * Floats whose bits are uniform below those of infinity: all ranks are
 * equally likely, and far fewer are equal than among numbers in [0, 1).
 */
static void block_random(float *score, const struct pare_model *m,
                         size_t tensor, size_t first, size_t n,
                         const struct pare_criterion_input *in)
{
    uint32_t word[4];

    (void)m;
    for (size_t i = first; i < first + n; i++) {
        uint32_t bits;

        if (i % 4 == 0 || i == first)
            pare_rng_block(word, in->seed, PARE_STREAM_PRUNE, (uint32_t)tensor,
                           i / 4);
        bits = (uint32_t)((uint64_t)word[i % 4] * 0x7f800000u >> 32);
        memcpy(&score[i - first], &bits, sizeof bits);
    }
}

int criterion_samples(uint32_t **index, size_t *n, size_t usual,
                      const struct pare_criterion_input *in)
{
    const struct pare_split *train = &in->data->split[PARE_TRAIN];
    size_t want = in->calibrate ? in->calibrate : usual;

    if (train->n == 0)
        return pare_fail(PARE_EINVAL, "the data have no training split");
    if (in->calibrate > train->n)
        return pare_fail(PARE_EINVAL,
                         "cannot calibrate on %zu samples: the training "
                         "split has %zu",
                         in->calibrate, train->n);
    *index = malloc(train->n * sizeof **index);
    if (!*index)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_rng_permutation(*index, train->n, in->seed, PARE_STREAM_CALIBRATE, 0);
    *n = want < train->n ? want : train->n;
    return 0;
}

PARE_CLONES
static void saliences(float *score, const float *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        score[i] = fabsf(score[i] * value[i]);
}

static int score_gradient(float *const *score, struct pare_model *m,
                          const struct pare_criterion_input *in)
{
    uint32_t *index = NULL;
    size_t n = 0;
    int rc = criterion_samples(&index, &n, CALIBRATE, in);

    if (rc)
        return rc;
    rc = pare_gradient(score, m, in->data, index, n, in->threads);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        if (score[t])
            saliences(score[t], m->tensor[t].value, m->tensor[t].n);
    free(index);
    return rc;
}

/* Scores that somebody else made. */
static int score_given(float *const *score, struct pare_model *m,
                       const struct pare_criterion_input *in)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        if (!score[t])
            continue;
        if (!in->given || !in->given[t])
            return pare_fail(PARE_EINVAL, "no scores were given for %s",
                             m->tensor[t].name);
        memcpy(score[t], in->given[t], m->tensor[t].n * sizeof(float));
    }
    return 0;
}

static const struct pare_criterion table[] = {
    {.name = "magnitude",
     .help = "absolute value of the weight",
     .source = "Han et al. 2015, arXiv:1506.02626",
     .block = block_magnitude},
    {.name = "random",
     .help = "uniformly random, from the seed",
     .source = "",
     .random = true,
     .block = block_random},
    {.name = "gradient",
     .help = "|weight x gradient| on calibration samples",
     .source = "Molchanov et al. 2017, arXiv:1611.06440",
     .needs_data = true,
     .score = score_gradient},
    {.name = "file",
     .help = "scores from a file, as file:scores.h5",
     .source = "",
     .is_signed = true,
     .score = score_given},
};

#define ROWS (sizeof table / sizeof *table)

const struct pare_criterion *pare_criterion(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

const struct pare_criterion *pare_criterion_find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
