#include "hold.h"

#include <stdio.h>

#include "levels.h"

void hold_levels(const char *tool, struct pare_model *m)
{
    size_t n = pare_model_hold_levels(m);

    if (n && tool)
        fprintf(stderr,
                "%s: warning: the values of %zu tensor%s are no longer "
                "quantised or of 16 bits\n",
                tool, n, n == 1 ? "" : "s");
}
