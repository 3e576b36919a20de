#ifndef PARE_SCORES_FILE_H
#define PARE_SCORES_FILE_H

#include "model.h"

/**
 * Read scores that somebody else made: an HDF5 file with a float32 or
 * float64 dataset for each tensor that has some, named like the tensor
 * ("/fc1.weight") and of its shape. Tensors without one are not scored;
 * what else the file holds is not looked at. Where there are float64 scores
 * that float32 does not hold, all finite scores are multiplied by one power
 * of two, and none becomes 0 that was not.
 *
 * @param score   [m->n_tensors] zeroed; malloc'd arrays of tensor[t].n, out,
 *                also on failure: the caller frees them
 * @param digest  of names, shapes and values, out
 * @param path    "-" is not taken for standard input
 * @return 0; PARE_EIO; PARE_EFORMAT (no HDF5 file, another type or shape,
 *         NaN, no tensor of the model in it); PARE_ENOMEM
 */
int pare_score_file_read(float **score, char digest[PARE_DIGEST_LEN],
                     const struct pare_model *m, const char *path);

#endif
