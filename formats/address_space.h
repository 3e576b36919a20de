#ifndef PARE_ADDRESS_SPACE_H
#define PARE_ADDRESS_SPACE_H

#include <stddef.h>

/** n > 0 addresses behind which there is no memory: to touch them is a
 *  fault. NULL where that cannot be had. */
void *pare_space_reserve(size_t n);

/** Give them back; NULL is fine. */
void pare_space_release(void *space, size_t n);

#endif
