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
};

static void free_quantized(void *arg)
{
    struct quantized *q = arg;

    free(q->step);
    pare_loader_release(&q->base);
    free(q);
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
    if (!rc && q->loose && t->mask && !memchr(t->mask, 0, t->n)) {
        free(t->mask);
        t->mask = NULL;
    }
    return rc;
}

/* Levels are found from the values. */
static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    struct quantized *q = arg;

    if (q->step[tensor].on || q->loose || !q->base.mask)
        return load(arg, m, tensor);
    return q->base.mask(q->base.arg, m, tensor);
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

    if (!q)
        return pare_fail(PARE_ENOMEM, "out of memory");
    base = pare_model_take_loader(m);
    rc = pare_model_set_loader(m, &loader);
    if (rc) {
        m->loader = base;
        free(q);
        return rc;
    }
    q->base = base;
    q->o = *o;
    q->step = step;
    q->loose = loose;
    q->o.n_layer = q->o.n_skip = q->o.n_only = 0;
    q->o.layer = NULL;
    q->o.skip = q->o.only = NULL;
    return 0;
}
