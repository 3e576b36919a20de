/* Quantising a model, tensor by tensor. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "gathered.h"
#include "quantize_parts.h"
#include "scope.h"
#include "status.h"
#include "zeros.h"

/* Layers by globs, as a pruning chooses them. */
static int choose(struct pare_scope *s, const struct pare_model *m,
                  const struct pare_quantize_options *o)
{
    struct pare_prune_options p;

    pare_prune_defaults(&p);
    p.amount = 1; /* there is a general one */
    p.n_layer = o->n_layer;
    p.layer = o->layer;
    p.n_skip = o->n_skip;
    p.skip = o->skip;
    p.n_only = o->n_only;
    p.only = o->only;
    p.bias = o->bias;
    return pare_scope_choose(s, m, &p, false);
}

/* As before the first step: the settings stay, the state is gone. */
static void empty_optimizer(struct pare_model *m)
{
    char spec[PARE_SPEC_MAX];

    memcpy(spec, m->optim.spec, sizeof spec);
    pare_optstate_release(&m->optim, m->n_tensors);
    memcpy(m->optim.spec, spec, sizeof spec);
}

/* The level 0 of a book is no kept value's any more. */
static void forget_zero(struct pare_quant *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_book; i++)
        if (q->book[i] != 0)
            q->book[n++] = q->book[i];
    q->n_book = n;
    if (n == 0 && q->kind != PARE_QUANT_INT8)
        pare_quant_release(q);
}

/* Prune the kept values of a tensor that are 0: it gets no mask for none. */
static int prune_zeros(uint64_t *pruned, struct pare_model *m, size_t tensor)
{
    struct pare_tensor *t = &m->tensor[tensor];
    bool some = pare_tensor_has_zeros(t);
    int rc = some && t->pattern ? pare_tensor_expand(m, tensor) : 0;

    if (!rc && some)
        rc = pare_tensor_prune_zeros(pruned, t);
    if (!rc && some && t->target) /* growth is not to bring them back */
        t->target = pare_tensor_kept(t);
    if (!rc)
        forget_zero(&t->quant);
    return rc;
}

int pare_quantize_step(struct pare_quantize_row *r, uint64_t *pruned,
                       struct pare_model *m, size_t tensor,
                       const struct pare_quantize_options *o,
                       const struct pare_quantize_step *step)
{
    int rc = pare_quantize_tensor(r, &m->tensor[tensor], o, step->kind,
                                  step->amount);

    if (!rc && o->prune_zeros)
        rc = prune_zeros(pruned, m, tensor);
    r->tensor = tensor;
    return rc;
}

static int one(struct pare_quantize_report *r, struct pare_model *m,
               const struct pare_quantize_options *o, size_t tensor,
               double amount, struct pare_quantize_step *step)
{
    bool own = !isnan(amount);
    int rc = pare_tensor_load(m, tensor);

    *step =
        (struct pare_quantize_step){true, o->kind, own ? amount : o->amount};
    if (own && step->kind == PARE_LEVELS_ERROR)
        step->kind = o->way->codebook ? PARE_LEVELS_COUNT : PARE_LEVELS_BITS;
    if (!rc)
        rc = pare_quantize_step(&r->row[r->n_rows], &r->pruned, m, tensor, o,
                                step);
    if (!rc)
        r->n_rows++;
    pare_tensor_drop(m, tensor);
    return rc;
}

/* All that are chosen; in a model that comes tensor by tensor the results
 * are lost when they are dropped, and made again. */
static int run(struct pare_quantize_report *r, struct pare_model *m,
               const struct pare_quantize_options *o,
               const struct pare_scope *s)
{
    struct pare_quantize_step *step = calloc(m->n_tensors + 1, sizeof *step);
    int rc = 0;

    r->row = calloc(2 * s->n + 1, sizeof *r->row);
    if (!r->row || !step)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < s->n; i++) {
        const struct pare_scope_layer *l = &s->layer[i];

        rc = one(r, m, o, l->weight, l->amount, &step[l->weight]);
        if (!rc && l->bias != PARE_SCOPE_NONE)
            rc = one(r, m, o, l->bias, l->amount, &step[l->bias]);
    }
    if (!rc && pare_model_streams(m)) {
        rc = pare_quantize_around(m, o, step, r->pruned > 0);
        if (!rc)
            step = NULL;
    }
    free(step);
    return rc;
}

int pare_quantize(struct pare_quantize_report *r, struct pare_model *m,
                  const struct pare_quantize_options *o)
{
    struct pare_quantize_report found = {0};
    struct pare_scope s = {0};
    int rc = choose(&s, m, o);

    if (rc)
        return rc;
    rc = run(&found, m, o, &s);
    free(s.layer);
    if (rc) {
        pare_quantize_report_release(&found);
        return rc;
    }
    empty_optimizer(m);
    pare_model_drop_scores(m);
    if (found.pruned) {
        pare_model_apply_masks(m);
        pare_model_drop_full_masks(m);
    }
    *r = found;
    return 0;
}

void pare_quantize_report_release(struct pare_quantize_report *r)
{
    free(r->row);
    memset(r, 0, sizeof *r);
}
