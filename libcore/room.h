#ifndef PARE_ROOM_H
#define PARE_ROOM_H

#include <stddef.h>

/**
 * Bytes of the machine's memory, if it tells, else SIZE_MAX / 2: what is
 * more should not be asked for, as systems promise any amount and then end
 * the process.
 */
size_t pare_room(void);

#endif
