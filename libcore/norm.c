#include "norm.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

int pare_norm_copy(struct pare_norm *to, const struct pare_norm *from)
{
    struct pare_norm copy = {from->scale, from->n, NULL, NULL};

    if (from->n) {
        copy.mean = malloc(from->n * sizeof(float));
        copy.std = malloc(from->n * sizeof(float));
        if (!copy.mean || !copy.std) {
            pare_norm_release(&copy);
            return pare_fail(PARE_ENOMEM, "out of memory");
        }
        memcpy(copy.mean, from->mean, from->n * sizeof(float));
        memcpy(copy.std, from->std, from->n * sizeof(float));
    }
    *to = copy;
    return 0;
}

void pare_norm_release(struct pare_norm *n)
{
    free(n->mean);
    free(n->std);
    memset(n, 0, sizeof *n);
}
