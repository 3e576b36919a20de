#ifndef PARE_OUTPUTS_H
#define PARE_OUTPUTS_H

#include "dataset.h"
#include "model.h"

/** Which samples two models are compared on. */
struct pare_outputs_samples {
    const struct pare_dataset *data; /* NULL: random inputs */
    enum pare_split_id split;
    size_t n;      /* samples; as many as the split has where it has less */
    uint64_t seed; /* of random inputs, or of the choice of samples */
    int threads;
};

/** How far apart the outputs of two models are. */
struct pare_outputs_difference {
    size_t n;          /* samples */
    double difference; /* largest absolute one; inf where one is NaN or
                          infinite and the other is not the same */
    double largest;    /* largest absolute output of the first model */
};

/**
 * Run two models on the same samples, in evaluation, and compare all of
 * their outputs. Random inputs are independent normal numbers of mean 0 and
 * deviation 1 behind the normalisation; of data, random samples of a split
 * are taken and normalised as each model says.
 *
 * @param a,b  models of the same input and output shapes; not changed
 * @return 0; PARE_EMISMATCH for data that do not fit or other shapes;
 *         PARE_EINVAL for an empty split or n = 0; PARE_ENOMEM; PARE_EIO
 *         where samples that stay in a file could not be read
 */
int pare_outputs_compare(struct pare_outputs_difference *d,
                         struct pare_model *a, struct pare_model *b,
                         const struct pare_outputs_samples *s);

#endif
