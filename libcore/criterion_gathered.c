/* Criteria whose scores training has gathered. */
#include "accumulate.h"
#include "criterion_parts.h"

int criterion_movement(float *const *score, struct pare_model *m,
                       const struct pare_criterion_input *in)
{
    (void)in;
    return pare_accumulation_scores(score, m, "movement");
}

int criterion_hebbian(float *const *score, struct pare_model *m,
                      const struct pare_criterion_input *in)
{
    (void)in;
    return pare_accumulation_scores(score, m, "hebbian");
}
