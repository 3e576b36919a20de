#include "room.h"

#include <stdint.h>
#include <unistd.h>

size_t pare_room(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    if (pages <= 0 || page <= 0 || (size_t)pages > SIZE_MAX / 2 / (size_t)page)
        return SIZE_MAX / 2;
    return (size_t)pages * (size_t)page;
}
