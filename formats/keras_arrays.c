#include <stdlib.h>
#include <string.h>

#include "keras_parts.h"
#include "status.h"

int keras_get(struct keras_builder *b, float **out, const struct keras_layer *l,
              const char *role, int index, int rank, const uint64_t *dim)
{
    return b->w->get(b->w->arg, out, l->name, role, index, rank, dim);
}

float *keras_permute(float *from, int rank, const uint64_t *dim,
                     const int *order)
{
    size_t n = 1, step[4] = {0}, size[4], at[4] = {0};
    float *to;

    for (int i = rank; i-- > 0;) {
        step[i] = n;
        n *= (size_t)dim[i];
    }
    to = malloc(n * sizeof *to);
    for (int i = 0; i < rank; i++)
        size[i] = (size_t)dim[order[i]];
    for (size_t k = 0; to && k < n; k++) {
        size_t source = 0;

        for (int i = 0; i < rank; i++)
            source += at[i] * step[order[i]];
        to[k] = from[source];
        for (int i = rank - 1; i >= 0 && ++at[i] == size[i]; i--)
            at[i] = 0;
    }
    free(from);
    if (!to)
        pare_fail(PARE_ENOMEM, "out of memory");
    return to;
}

int keras_add_bias(struct keras_builder *b, const struct keras_layer *l,
                   const char *name, size_t units)
{
    const uint64_t dim[] = {units};
    float *v = NULL;
    int err = keras_get(b, &v, l, "bias", 1, 1, dim);

    return err ? err : keras_add(b, name, "bias", v, 1, dim);
}

bool keras_is_null(const struct keras_layer *l, const char *key)
{
    const json_t *v = json_object_get(l->config, key);

    return !v || json_is_null(v);
}
