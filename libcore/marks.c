#include "marks.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

void pare_marks_release(struct pare_marks *k)
{
    free(k->at);
    for (int s = 0; s < PARE_SLOTS_MAX; s++)
        free(k->slot[s]);
    memset(k, 0, sizeof *k);
}

static void *copied(const void *from, size_t size, bool *ok)
{
    void *to = malloc(size ? size : 1);

    if (to && size)
        memcpy(to, from, size);
    *ok = *ok && to;
    return to;
}

int pare_marks_set(struct pare_marks *k, const uint64_t *at, uint64_t n,
                   float *const slot[PARE_SLOTS_MAX])
{
    struct pare_marks fresh = {.n = n};
    bool ok = true;

    if (n) {
        fresh.at = copied(at, (size_t)n * sizeof *at, &ok);
        for (int s = 0; slot && s < PARE_SLOTS_MAX; s++)
            if (slot[s])
                fresh.slot[s] = copied(slot[s], (size_t)n * sizeof **slot, &ok);
    }
    if (!ok) {
        pare_marks_release(&fresh);
        return no_memory();
    }
    pare_marks_release(k);
    *k = fresh;
    return 0;
}

bool pare_marks_have(const struct pare_marks *k, uint64_t at)
{
    uint64_t lo = 0, hi = k->n;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;

        if (k->at[mid] < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->n && k->at[lo] == at;
}

int pare_marks_copy(struct pare_marks *to, const struct pare_marks *from)
{
    return pare_marks_set(to, from->at, from->n, from->slot);
}
