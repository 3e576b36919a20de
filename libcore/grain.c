#include "grain.h"

#include <math.h>
#include <string.h>

#include "clones.h"

static size_t count_weights(const struct pare_tensor *t)
{
    return t->n;
}

static void gather_weights(struct pare_grains *g, const struct pare_tensor *t,
                           const struct pare_tensor *bias, const float *score,
                           enum pare_unit_norm norm, bool draw)
{
    (void)bias;
    (void)score;
    (void)norm;
    (void)draw;
    if (t->mask)
        memcpy(g->candidate, t->mask, t->n);
    else
        memset(g->candidate, 1, t->n);
}

PARE_CLONES
static void remove_weights(struct pare_tensor *t, struct pare_tensor *bias,
                           const uint8_t *mark)
{
    uint8_t *mask = t->mask;

    (void)bias;
    for (size_t i = 0; i < t->n; i++)
        mask[i] = mask[i] & (mark[i] ^ 1);
}

static size_t count_units(const struct pare_tensor *t)
{
    return t->dim[0];
}

static float unit_norm(const float *score, size_t n, enum pare_unit_norm norm)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double s = (double)score[i];

        sum += norm == PARE_NORM_L2 ? s * s : s;
    }
    return (float)(norm == PARE_NORM_L2 ? sqrt(sum) : sum);
}

static void gather_units(struct pare_grains *g, const struct pare_tensor *t,
                         const struct pare_tensor *bias, const float *score,
                         enum pare_unit_norm norm, bool draw)
{
    size_t n = t->n / t->dim[0];

    for (size_t u = 0; u < t->dim[0]; u++) {
        size_t kept = t->mask ? 0 : n;

        for (size_t i = 0; t->mask && i < n; i++)
            kept += t->mask[u * n + i];
        if (bias)
            kept += bias->mask ? bias->mask[u] : 1;
        g->size[u] = kept;
        g->candidate[u] = kept > 0;
        g->score[u] = draw ? score[u * n] : unit_norm(score + u * n, n, norm);
    }
}

static void remove_units(struct pare_tensor *t, struct pare_tensor *bias,
                         const uint8_t *mark)
{
    size_t n = t->n / t->dim[0];

    for (size_t u = 0; u < t->dim[0]; u++) {
        if (!mark[u])
            continue;
        memset(t->mask + u * n, 0, n);
        if (bias)
            bias->mask[u] = 0;
    }
}

static const struct pare_grain_kind table[] = {
    [PARE_GRAIN_WEIGHT] = {"weight", "single weights",
                           "Han et al. 2015, arXiv:1506.02626", true, false,
                           false, count_weights, gather_weights,
                           remove_weights},
    [PARE_GRAIN_UNIT] = {"unit",
                         "all weights of a neuron or filter, by their norm",
                         "Li et al. 2017, arXiv:1608.08710", false, true, true,
                         count_units, gather_units, remove_units},
};

const struct pare_grain_kind *pare_grain(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

int pare_grain_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return (int)i;
    return -1;
}
