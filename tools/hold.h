#ifndef PARE_HOLD_H
#define PARE_HOLD_H

#include "model.h"

/**
 * Before a model is written whose values were set to something else: forget
 * levels and 16 bits that they do not keep, and warn of it.
 *
 * @param tool  name for the warning; NULL: say nothing
 */
void hold_levels(const char *tool, struct pare_model *m);

#endif
