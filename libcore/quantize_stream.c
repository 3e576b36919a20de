/* Quantising models that come tensor by tensor. */
#include <stdlib.h>
#include <string.h>

#include "quantize_parts.h"
#include "status.h"

/* A loader around another one. */
struct quantized {
    struct pare_loader base;
    struct pare_quantize_options o;  /* without its lists of layers */
    struct pare_quantize_step *step; /* [n_tensors] */
    bool loose;
    size_t n_tensors;
    struct known {
        bool there;
        enum pare_dtype dtype;
        struct pare_quant quant;
    } * known; /* [n_tensors] what a tensor became */
};

static void free_quantized(void *arg)
{
    struct quantized *q = arg;

    for (size_t t = 0; q->known && t < q->n_tensors; t++)
        pare_quant_release(&q->known[t].quant);
    free(q->known);
    free(q->step);
    pare_loader_release(&q->base);
    free(q);
}

/* Remember what values became, so that masks need no values. */
static int remember(struct known *k, const struct pare_tensor *t)
{
    if (k->there)
        return 0;
    k->there = pare_quant_copy(&k->quant, &t->quant) == 0;
    k->dtype = t->dtype;
    return k->there ? 0 : PARE_ENOMEM;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    struct quantized *q = arg;
    struct pare_tensor *t = &m->tensor[tensor];
    struct pare_model own = *m; /* the tensors are m's */
    struct pare_quantize_row row;
    uint64_t pruned = 0;
    int rc = q->base.load(q->base.arg, m, tensor);

    if (!rc && q->step[tensor].on)
        rc = pare_quantize_step(&row, &pruned, &own, tensor, &q->o,
                                &q->step[tensor]);
    if (!rc)
        rc = remember(&q->known[tensor], t);
    if (!rc && q->loose && t->mask && !memchr(t->mask, 0, t->n)) {
        free(t->mask);
        t->mask = NULL;
    }
    return rc;
}

/* Levels are found from the values, and so are zeros that are pruned. */
static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    struct quantized *q = arg;
    struct pare_tensor *t = &m->tensor[tensor];
    int rc;

    if (!q->known[tensor].there || q->loose || !q->base.mask)
        return load(arg, m, tensor);
    rc = q->base.mask(q->base.arg, m, tensor);
    if (!rc)
        rc = pare_quant_copy(&t->quant, &q->known[tensor].quant);
    t->dtype = q->known[tensor].dtype;
    return rc;
}

int pare_quantize_around(struct pare_model *m,
                         const struct pare_quantize_options *o,
                         struct pare_quantize_step *step, bool loose)
{
    struct quantized *q = calloc(1, sizeof *q);
    struct pare_loader loader = {
        .load = load, .mask = load_mask, .free = free_quantized, .arg = q};
    struct pare_loader base;
    int rc;

    if (q)
        q->known = calloc(m->n_tensors + 1, sizeof *q->known);
    if (!q || !q->known) {
        free(q);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    base = pare_model_take_loader(m);
    rc = pare_model_set_loader(m, &loader);
    if (rc) {
        m->loader = base;
        free(q->known);
        free(q);
        return rc;
    }
    q->base = base;
    q->n_tensors = m->n_tensors;
    q->o = *o;
    q->step = step;
    q->loose = loose;
    q->o.n_layer = q->o.n_skip = q->o.n_only = 0;
    q->o.layer = NULL;
    q->o.skip = q->o.only = NULL;
    return 0;
}

void pare_quantize_undo(struct pare_model *m)
{
    struct pare_loader loader;
    struct quantized *q;

    if (m->loader.load != load)
        return;
    for (size_t t = 0; t < m->n_tensors; t++)
        pare_tensor_drop(m, t);
    loader = pare_model_take_loader(m);
    q = loader.arg;
    m->loader = q->base;
    memset(&q->base, 0, sizeof q->base);
    pare_loader_release(&loader);
}
