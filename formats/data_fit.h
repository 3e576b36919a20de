#ifndef PARE_DATA_FIT_H
#define PARE_DATA_FIT_H

#include "dataset.h"

/**
 * Does a split fit the samples that a data set has already?
 *
 * @param d      shape.rank 0: it has none, and anything fits
 * @param shape  of one sample of the split
 * @param type   of its values
 * @param name   of its file, for messages
 * @return 0; PARE_EMISMATCH with both shapes in the message
 */
int pare_data_fit(const struct pare_dataset *d, const struct pare_shape *shape,
                  enum pare_xtype type, const char *name);

#endif
