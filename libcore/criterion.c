#include "criterion.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "rng.h"

PARE_CLONES
static void magnitudes(float *score, const float *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        score[i] = fabsf(value[i]);
}

static int score_magnitude(float *const *score, struct pare_model *m,
                           const struct pare_criterion_input *in)
{
    (void)in;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (score[t])
            magnitudes(score[t], m->tensor[t].value, m->tensor[t].n);
    return 0;
}

/*
 * Floats whose bits are uniform below those of infinity: all ranks are
 * equally likely, and far fewer are equal than among numbers in [0, 1).
 */
static void draws(float *score, size_t n, uint64_t seed, uint32_t sub)
{
    uint32_t word[4];

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        if (i % 4 == 0)
            pare_rng_block(word, seed, PARE_STREAM_PRUNE, sub, i / 4);
        bits = (uint32_t)((uint64_t)word[i % 4] * 0x7f800000u >> 32);
        memcpy(&score[i], &bits, sizeof bits);
    }
}

static int score_random(float *const *score, struct pare_model *m,
                        const struct pare_criterion_input *in)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (score[t])
            draws(score[t], m->tensor[t].n, in->seed, (uint32_t)t);
    return 0;
}

static const struct pare_criterion table[] = {
    {"magnitude", "absolute value of the weight",
     "Han et al. 2015, arXiv:1506.02626", false, false, score_magnitude},
    {"random", "uniformly random, from the seed", "", false, true,
     score_random},
};

const struct pare_criterion *pare_criterion(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

const struct pare_criterion *pare_criterion_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
