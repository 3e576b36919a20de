#include "allocation.h"

#include <string.h>

static size_t one_pool(size_t i)
{
    (void)i;
    return 0;
}

static size_t own_pool(size_t i)
{
    return i;
}

static const struct pare_allocation_kind table[] = {
    [PARE_ALLOCATE_GLOBAL] = {"global", "compare the scores of all layers",
                              "Han et al. 2015, arXiv:1506.02626", one_pool},
    [PARE_ALLOCATE_LAYER] = {"layer", "the same amount in every layer",
                             "Frankle and Carbin 2019, arXiv:1803.03635",
                             own_pool},
};

const struct pare_allocation_kind *pare_allocation(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

int pare_allocation_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return (int)i;
    return -1;
}
