#include "criterion_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "evaluate.h"
#include "rng.h"
#include "status.h"

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
    int rc = criterion_samples(&index, &n, CRITERION_CALIBRATE, in);

    if (rc)
        return rc;
    rc = pare_gradient(score, m, in->data, index, n, in->threads);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        if (score[t])
            saliences(score[t], m->tensor[t].value, m->tensor[t].n);
    free(index);
    return rc;
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
    {.name = "taylor",
     .help = "mean of |weight x gradient| over samples; of units, mean of "
             "|sum of output x gradient|",
     .source = "Molchanov et al. 2017, arXiv:1611.06440",
     .needs_data = true,
     .option = {{.name = "normalize", .lo = 0, .hi = 1, .flag = true}},
     .blas = true,
     .score = score_taylor,
     .units = units_taylor},
    {.name = "snip",
     .help = "|weight x gradient of the mean loss|, as a part of its sum",
     .source = "Lee et al. 2019, arXiv:1810.02340",
     .needs_data = true,
     .blas = true,
     .score = score_snip},
    {.name = "grasp",
     .help = "weight x (Hessian x gradient): what keeps the gradient's norm",
     .source = "Wang et al. 2020, arXiv:2002.07376",
     .needs_data = true,
     .is_signed = true,
     .option = {{.name = "temperature", .def = 200, .lo = 1e-3, .hi = 1e6}},
     .blas = true,
     .score = score_grasp},
    {.name = "synflow",
     .help = "sum over paths through the weight of their weights' product",
     .source = "Tanaka et al. 2020, arXiv:2006.05467",
     .rounds = 100,
     .option = {{.name = "bias", .def = 1, .lo = 0, .hi = 1, .flag = true}},
     .blas = true,
     .score = score_synflow},
    {.name = "wanda",
     .help = "|weight| x norm of its input over samples",
     .source = "Sun et al. 2024, arXiv:2306.11695",
     .needs_data = true,
     .blas = true,
     .option = {{.name = "rows", .lo = 0, .hi = 1, .flag = true}},
     .score = score_wanda},
    {.name = "activation",
     .help = "of units, the part of outputs that are positive, or their mean; "
             "of weights, |weight| x mean input (LayerMagAct)",
     .source = "Hu et al. 2016, arXiv:1607.03250; Blalock et al. 2020, "
               "arXiv:2003.03033",
     .needs_data = true,
     .option = {{.name = "mean", .lo = 0, .hi = 1, .flag = true}},
     .blas = true,
     .score = score_activation,
     .units = units_activation},
    {.name = "fisher",
     .help = "weight^2 x mean squared gradient / 2: the diagonal of the "
             "empirical Fisher information",
     .source = "LeCun et al. 1990; Theis et al. 2018, arXiv:1801.05787",
     .needs_data = true,
     .blas = true,
     .score = score_fisher,
     .units = units_fisher},
    {.name = "lamp",
     .help = "weight^2 over the sum of those of its layer that are no smaller",
     .source = "Lee et al. 2021, arXiv:2010.07611",
     .score = score_lamp},
    {.name = "bn-scale",
     .help = "of units, the scale of the batch norm that follows",
     .source = "Liu et al. 2017, arXiv:1708.06519",
     .units = units_bn_scale},
    {.name = "geometric-median",
     .help = "of units, the sum of distances to the layer's other units",
     .source = "He et al. 2019, arXiv:1811.00250",
     .units = units_geometric_median},
    {.name = "file",
     .help = "scores from a file, as file:scores.h5",
     .source = "",
     .is_signed = true,
     .score = score_file},
    {.name = "obs",
     .help = "loss by a layer's Hessian; what stays makes up for what goes",
     .source = "Frantar & Alistarh 2023, arXiv:2301.00774",
     .needs_data = true,
     .option = {{"damp", 0.01, 0, 1000, false, false},
                {"block", 128, 1, 65536, false, true}},
     .blas = true,
     .score = score_obs,
     .revise = revise_obs},
    {.name = "movement",
     .help = "movement away from 0 in training, see --accumulate",
     .source = "Sanh et al. 2020, arXiv:2005.07683",
     .is_signed = true,
     .gathered = true,
     .score = criterion_movement},
    {.name = "hebbian",
     .help = "coactivations in training, see --accumulate",
     .source = "Numenta, nupic.research dynamic_sparse, 2019",
     .gathered = true,
     .score = criterion_hebbian},
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
