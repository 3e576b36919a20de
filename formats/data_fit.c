#include "data_fit.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

static void shape_text(char *buf, size_t n, const struct pare_shape *s)
{
    if (s->rank == 1)
        snprintf(buf, n, "%zu", s->dim[0]);
    else
        snprintf(buf, n, "%zux%zux%zu", s->dim[0], s->dim[1], s->dim[2]);
}

int pare_data_fit(const struct pare_dataset *d, const struct pare_shape *shape,
                  enum pare_xtype type, const char *name)
{
    char have[80], want[80];

    if (d->shape.rank == 0)
        return 0;
    if (shape->rank != d->shape.rank ||
        memcmp(shape->dim, d->shape.dim, sizeof shape->dim) != 0) {
        shape_text(have, sizeof have, shape);
        shape_text(want, sizeof want, &d->shape);
        return pare_fail(PARE_EMISMATCH,
                         "'%s' has samples of %s, the first file of %s", name,
                         have, want);
    }
    if (type != d->type)
        return pare_fail(PARE_EMISMATCH,
                         "'%s' and the first file differ in type", name);
    return 0;
}
