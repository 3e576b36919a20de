/* MAP_ANONYMOUS is not in POSIX.1-2008. */
#undef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#include "address_space.h"

#include <sys/mman.h>

void *pare_space_reserve(size_t n)
{
#ifdef MAP_ANONYMOUS
    void *space = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return space == MAP_FAILED ? NULL : space;
#else
    (void)n;
    return NULL;
#endif
}

void pare_space_release(void *space, size_t n)
{
    if (space)
        munmap(space, n);
}
