#ifndef PARE_UNITS_PARTS_H
#define PARE_UNITS_PARTS_H

#include "units.h"

/* What the files that units.c is cut into share. */

/** Set u->constant and u->value; 0 or PARE_ENOMEM. */
int pare_units_find_constants(struct pare_units *u);

/** Set u->needed and, with fold, u->stand_in; 0 or PARE_ENOMEM. */
int pare_units_find_needed(struct pare_units *u, bool fold);

#endif
