#include "zeros.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

bool pare_tensor_has_zeros(const struct pare_tensor *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->value[i] == 0 && (!t->mask || t->mask[i]))
            return true;
    return false;
}

int pare_tensor_prune_zeros(uint64_t *pruned, struct pare_tensor *t)
{
    if (!pare_tensor_has_zeros(t))
        return 0;
    if (pare_tensor_need_mask(t))
        return PARE_ENOMEM;
    for (size_t i = 0; i < t->n; i++)
        if (t->value[i] == 0) {
            *pruned += t->mask[i] != 0;
            t->mask[i] = 0;
            t->value[i] = 0; /* it may be -0 */
        }
    return 0;
}

/* ---- tensor by tensor -------------------------------------------------- */

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    const struct pare_loader *base = arg;
    struct pare_tensor *t = &m->tensor[tensor];
    int rc = base->load(base->arg, m, tensor);
    uint64_t pruned = 0;

    return rc || !pare_tensor_prunable(t) ? rc
                                          : pare_tensor_prune_zeros(&pruned, t);
}

static void free_base(void *arg)
{
    pare_loader_release(arg);
    free(arg);
}

/* Values tell what is pruned: there is no mask without them. */
static int put_around(struct pare_model *m)
{
    struct pare_loader *base = malloc(sizeof *base);
    struct pare_loader loader = {.load = load, .free = free_base, .arg = base};
    int rc;

    if (!base)
        return pare_fail(PARE_ENOMEM, "out of memory");
    *base = pare_model_take_loader(m);
    rc = pare_model_set_loader(m, &loader);
    if (rc) {
        m->loader = *base;
        free(base);
        return rc;
    }
    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        if (!pare_tensor_prunable(&m->tensor[t]))
            continue;
        rc = pare_tensor_load(m, t);
        pare_tensor_drop(m, t);
    }
    return rc;
}

int pare_prune_zeros(struct pare_model *m)
{
    uint64_t pruned = 0;
    int rc = 0;

    if (pare_model_streams(m))
        return put_around(m);
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]) && m->tensor[t].value)
            rc = pare_tensor_prune_zeros(&pruned, &m->tensor[t]);
    pare_model_apply_masks(m);
    return rc;
}
