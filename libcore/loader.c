#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "model.h"
#include "status.h"

bool pare_model_streams(const struct pare_model *m)
{
    return m->loader.load != NULL;
}

int pare_model_set_loader(struct pare_model *m,
                          const struct pare_loader *loader)
{
    struct pare_known *known = pare_known_new();

    if (!known)
        return PARE_ENOMEM;
    m->loader = *loader;
    m->loader.known = known;
    for (size_t t = 0; t < m->n_tensors; t++) {
        if (!m->tensor[t].away) /* else the loader is around another */
            m->tensor[t].kept = m->tensor[t].n;
        m->tensor[t].away = true;
    }
    return 0;
}

struct pare_loader pare_model_take_loader(struct pare_model *m)
{
    struct pare_loader loader = m->loader;

    memset(&m->loader, 0, sizeof m->loader);
    return loader;
}

void pare_loader_release(struct pare_loader *loader)
{
    if (loader->free)
        loader->free(loader->arg);
    pare_known_free(loader->known);
    memset(loader, 0, sizeof *loader);
}

static void drop(struct pare_tensor *t)
{
    free(t->value);
    free(t->mask);
    t->value = NULL;
    t->mask = NULL;
    t->away = true;
}

static int load(const struct pare_model *m, size_t tensor,
                int (*how)(void *arg, const struct pare_model *m,
                           size_t tensor))
{
    struct pare_tensor *t = &m->tensor[tensor];
    int err;

    if (!t->away)
        return 0;
    t->away = false;
    pare_quant_release(&t->quant); /* loaded again */
    err = how(m->loader.arg, m, tensor);
    if (err)
        drop(t);
    else
        t->kept = pare_tensor_kept(t);
    return err;
}

int pare_tensor_load(const struct pare_model *m, size_t tensor)
{
    return load(m, tensor, m->loader.load);
}

int pare_tensor_load_mask(const struct pare_model *m, size_t tensor)
{
    return load(m, tensor, m->loader.mask ? m->loader.mask : m->loader.load);
}

void pare_tensor_drop(const struct pare_model *m, size_t tensor)
{
    if (pare_model_streams(m) && !m->tensor[tensor].away)
        drop(&m->tensor[tensor]);
}
