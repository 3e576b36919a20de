/* madvise is not of POSIX. */
#ifdef __linux__
#undef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "hugepage.h"

#include <stdint.h>
#include <sys/mman.h>

#define LEAST ((size_t)2 << 20)
#define PAGE  ((uintptr_t)4096)

void *pare_hugepage(void *array, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (array && bytes >= LEAST) {
        uintptr_t first = ((uintptr_t)array + PAGE - 1) / PAGE * PAGE;
        uintptr_t last = ((uintptr_t)array + bytes) / PAGE * PAGE;
        char *at = (char *)array + (first - (uintptr_t)array);

        /* Without it the array is only slower to fill. */
        (void)madvise(at, last - first, MADV_HUGEPAGE);
    }
#else
    (void)bytes;
#endif
    return array;
}
