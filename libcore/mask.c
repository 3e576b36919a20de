#include "mask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "initializer.h"
#include "rewiring.h"
#include "rng.h"
#include "scope.h"
#include "select.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- the table ------------------------------------------------------- */

static bool join_and(bool so_far, bool other)
{
    return so_far && other;
}

static bool join_or(bool so_far, bool other)
{
    return so_far || other;
}

static bool join_xor(bool so_far, bool other)
{
    return so_far != other;
}

static bool join_other(bool so_far, bool other)
{
    (void)so_far;
    return other;
}

static const struct pare_mask_op table[] = {
    {"and", "keep what all models keep", "-", 2, -1, false, join_and, false,
     false, PARE_FILL_ZERO},
    {"or", "keep what any of the models keeps", "-", 2, -1, false, join_or,
     false, false, PARE_FILL_ZERO},
    {"xor", "keep what an odd number of the models keeps", "-", 2, -1, false,
     join_xor, false, false, PARE_FILL_ZERO},
    {"not", "keep what was pruned, prune what was kept", "-", 1, 1, false, NULL,
     true, false, PARE_FILL_INIT},
    {"shuffle", "keep as many of each layer, at random places",
     "Frankle et al. 2021, arXiv:2009.08576", 1, 1, false, NULL, false, true,
     PARE_FILL_INIT},
    {"transplant", "keep of the second model what the first keeps",
     "Morcos et al. 2019, arXiv:1906.02773", 2, 2, true, join_other, false,
     false, PARE_FILL_ZERO},
    {"random", "keep a share of each layer, at random places",
     "Frankle et al. 2021, arXiv:2009.08576", 1, 1, false, NULL, false, true,
     PARE_FILL_INIT},
};

#define ROWS (sizeof table / sizeof *table)

const struct pare_mask_op *pare_mask_op(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

const struct pare_mask_op *pare_mask_op_find(const char *name)
{
    char names[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i ? ", " : "", table[i].name);
    }
    pare_fail(PARE_EINVAL, "no operation '%s'; there are: %s", name, names);
    return NULL;
}

/* ---- shapes ---------------------------------------------------------- */

static const char *shape_text(char *buf, size_t size,
                              const struct pare_tensor *t)
{
    size_t used = 0;

    buf[0] = '\0';
    for (int a = 0; a < t->rank && used < size; a++)
        used += (size_t)snprintf(buf + used, size - used, "%s%zu", a ? "x" : "",
                                 t->dim[a]);
    return buf;
}

int pare_mask_fits(const struct pare_model *m, const struct pare_model *other)
{
    char here[128], there[128];

    for (size_t t = 0; t < m->n_tensors || t < other->n_tensors; t++) {
        const struct pare_tensor *a = m->tensor + t, *b = other->tensor + t;

        if (t >= m->n_tensors || t >= other->n_tensors)
            return pare_fail(PARE_EMISMATCH, "only one of the models has '%s'",
                             t < m->n_tensors ? a->name : b->name);
        if (strcmp(a->name, b->name) != 0)
            return pare_fail(PARE_EMISMATCH,
                             "'%s' of one model is '%s' in the other", a->name,
                             b->name);
        if (a->rank != b->rank ||
            memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) != 0)
            return pare_fail(PARE_EMISMATCH,
                             "'%s' is %s in one model, %s in the other",
                             a->name, shape_text(here, sizeof here, a),
                             shape_text(there, sizeof there, b));
    }
    return 0;
}

bool pare_mask_pruned(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (pare_tensor_kept(&m->tensor[t]) < m->tensor[t].n)
            return true;
    return false;
}

/* ---- the job --------------------------------------------------------- */

/* All tensors, or by globs those of layers with weights. */
static int choose_scope(struct pare_mask_job *job, const char *const *only,
                        size_t n_only, const char *const *skip, size_t n_skip)
{
    const struct pare_prune_options o = {
        .only = only, .n_only = n_only, .skip = skip, .n_skip = n_skip};
    struct pare_scope scope;
    size_t n = job->m->n_tensors;
    int rc;

    if (!n_only && !n_skip) {
        for (size_t t = 0; t < n; t++)
            job->scope[t] = true;
        return 0;
    }
    rc = pare_scope_choose(&scope, job->m, &o, false);
    for (size_t i = 0; !rc && i < scope.n; i++)
        for (size_t t = 0; t < n; t++)
            if (job->m->tensor[t].layer == scope.layer[i].layer)
                job->scope[t] = true;
    if (!rc)
        free(scope.layer);
    return rc;
}

/* A mask to write in: a copy of the model's, or ones. */
static int need_mask(struct pare_mask_job *job, size_t t)
{
    const struct pare_tensor *tensor = &job->m->tensor[t];

    if (job->mask[t])
        return 0;
    job->mask[t] = malloc(tensor->n);
    if (!job->mask[t])
        return no_memory();
    if (tensor->mask)
        memcpy(job->mask[t], tensor->mask, tensor->n);
    else
        memset(job->mask[t], 1, tensor->n);
    return 0;
}

int pare_mask_begin(struct pare_mask_job *job, const struct pare_model *m,
                    const char *const *only, size_t n_only,
                    const char *const *skip, size_t n_skip, bool others)
{
    size_t n = m->n_tensors + 1;
    int rc = 0;

    job->m = m;
    job->scope = calloc(n, sizeof *job->scope);
    job->touched = calloc(n, sizeof *job->touched);
    job->mask = calloc(n, sizeof *job->mask);
    job->other = others ? calloc(n, sizeof *job->other) : NULL;
    job->seen = others ? calloc(n, sizeof *job->seen) : NULL;
    if (!job->scope || !job->touched || !job->mask ||
        (others && (!job->other || !job->seen)))
        rc = no_memory();
    if (!rc)
        rc = choose_scope(job, only, n_only, skip, n_skip);
    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        if (!job->scope[t])
            continue;
        job->touched[t] = pare_tensor_kept(&m->tensor[t]) < m->tensor[t].n;
        rc = need_mask(job, t);
    }
    return rc;
}

static void free_arrays(uint8_t **array, size_t n)
{
    for (size_t t = 0; array && t < n; t++)
        free(array[t]);
    free(array);
}

void pare_mask_release(struct pare_mask_job *job)
{
    size_t n = job->m ? job->m->n_tensors : 0;

    free_arrays(job->mask, n);
    free_arrays(job->seen, n);
    for (size_t t = 0; job->other && t < n; t++)
        free(job->other[t]);
    free(job->other);
    free(job->scope);
    free(job->touched);
    memset(job, 0, sizeof *job);
}

/* Remember values for positions that the model prunes. */
static int remember(struct pare_mask_job *job, size_t t,
                    const struct pare_tensor *from)
{
    const uint8_t *own = job->m->tensor[t].mask;

    if (!own || !job->other)
        return 0;
    if (!job->other[t])
        job->other[t] = calloc(from->n, sizeof(float));
    if (!job->seen[t])
        job->seen[t] = calloc(from->n, 1);
    if (!job->other[t] || !job->seen[t])
        return no_memory();
    for (size_t i = 0; i < from->n; i++) {
        if (own[i] || job->seen[t][i] || (from->mask && !from->mask[i]))
            continue;
        job->other[t][i] = from->value[i];
        job->seen[t][i] = 1;
    }
    return 0;
}

int pare_mask_join(struct pare_mask_job *job, const struct pare_model *other,
                   const struct pare_mask_op *op)
{
    int rc = pare_mask_fits(job->m, other);

    for (size_t t = 0; !rc && t < other->n_tensors; t++) {
        const struct pare_tensor *b = &other->tensor[t];

        if (!job->scope[t])
            continue;
        job->touched[t] |= pare_tensor_kept(b) < b->n;
        rc = remember(job, t, b);
        for (size_t i = 0; !rc && i < b->n; i++)
            job->mask[t][i] =
                op->join(job->mask[t][i], b->mask ? b->mask[i] : 1);
    }
    return rc;
}

bool pare_mask_any(const struct pare_mask_job *job)
{
    for (size_t t = 0; t < job->m->n_tensors; t++)
        if (job->touched[t])
            return true;
    return false;
}

/* Weights always; biases and the like only when some of them is pruned, for
 * nobody asks for a network without biases by leaving them alone. */
static bool changes(const struct pare_mask_job *job, size_t t)
{
    return job->scope[t] &&
           (job->touched[t] || pare_tensor_prunable(&job->m->tensor[t]));
}

int pare_mask_invert(struct pare_mask_job *job)
{
    for (size_t t = 0; t < job->m->n_tensors; t++)
        for (size_t i = 0; changes(job, t) && i < job->m->tensor[t].n; i++)
            job->mask[t][i] = !job->mask[t][i];
    return 0;
}

/* k of n positions: each is taken if a number below those left, itself among
 * them, falls below those still to take. */
static void draw(uint8_t *mask, uint64_t n, uint64_t k, uint64_t seed,
                 uint32_t sub)
{
    uint32_t word[4] = {0};

    for (uint64_t i = 0; i < n; i++) {
        uint64_t r;

        if (i % 2 == 0)
            pare_rng_block(word, seed, PARE_STREAM_MASK, sub, i / 2);
        r = (uint64_t)word[2 * (i % 2)] << 32 | word[2 * (i % 2) + 1];
        mask[i] = pare_rng_scale(r, n - i) < k;
        k -= mask[i];
    }
}

int pare_mask_draw(struct pare_mask_job *job, uint64_t seed, double sparsity)
{
    for (size_t t = 0; t < job->m->n_tensors; t++) {
        const struct pare_tensor *tensor = &job->m->tensor[t];
        uint64_t k = pare_tensor_kept(tensor);

        if (!changes(job, t))
            continue;
        if (!isnan(sparsity) && pare_tensor_prunable(tensor))
            k = tensor->n - pare_round_count(sparsity * (double)tensor->n);
        draw(job->mask[t], tensor->n, k, seed, (uint32_t)t);
    }
    return 0;
}

/* ---- giving it ------------------------------------------------------- */

static void count_changes(struct pare_mask_report *r,
                          const struct pare_mask_job *job)
{
    r->died = r->revived = 0;
    for (size_t t = 0; t < job->m->n_tensors; t++) {
        const uint8_t *old = job->m->tensor[t].mask;

        for (size_t i = 0; changes(job, t) && i < job->m->tensor[t].n; i++) {
            bool kept = !old || old[i];

            r->died += kept && !job->mask[t][i];
            r->revived += !kept && job->mask[t][i];
        }
    }
}

static void free_values(float **value, size_t n)
{
    for (size_t t = 0; value && t < n; t++)
        free(value[t]);
    free(value);
}

/* The model's first weights, all of them. */
static int draw_init(float ***value, const struct pare_model *m)
{
    const struct pare_checkpoint *c = pare_model_checkpoint(m, "init");

    if (!c || c->value)
        return pare_fail(PARE_EINVAL,
                         "the model cannot draw its first weights again, "
                         "which %s: use --fill or --values",
                         c ? "are stored without what was pruned"
                           : "it does not know");
    return pare_model_draw_init(value, m);
}

/* Values of what comes back in one array. */
static void fill_array(float *to, const float *from, const uint8_t *old,
                       const uint8_t *mask, size_t n)
{
    for (size_t i = 0; from && i < n; i++)
        if (!old[i] && mask[i])
            to[i] = from[i];
}

/* Checkpoints get what those of the same name in another model hold. */
static void fill_checkpoints(struct pare_model *m, size_t t,
                             const uint8_t *mask, const struct pare_model *from)
{
    const struct pare_tensor *tensor = &m->tensor[t];

    for (size_t k = 0; k < m->n_checkpoints; k++) {
        struct pare_checkpoint *c = &m->checkpoint[k];
        const struct pare_checkpoint *other =
            pare_model_checkpoint(from, c->name);

        if (c->value && !c->mask && other && other->value && !other->mask)
            fill_array(c->value[t], other->value[t], tensor->mask, mask,
                       tensor->n);
    }
}

/* One tensor's new mask, and the values of what comes back. */
static void set_mask(struct pare_model *m, struct pare_mask_job *job, size_t t,
                     const float *value, const struct pare_model *from)
{
    struct pare_tensor *tensor = &m->tensor[t];
    uint8_t *old = tensor->mask, *mask = job->mask[t];
    uint64_t before = pare_tensor_kept(tensor);

    if (!old && !memchr(mask, 0, tensor->n))
        return;
    if (old)
        fill_array(tensor->value, value, old, mask, tensor->n);
    if (old && from)
        fill_checkpoints(m, t, mask, from);
    tensor->mask = mask;
    job->mask[t] = NULL;
    free(old);
    if (pare_tensor_kept(tensor) != before)
        pare_model_retarget(m, t);
}

int pare_mask_finish(struct pare_mask_report *r, struct pare_model *m,
                     struct pare_mask_job *job, enum pare_mask_fill fill,
                     const struct pare_model *from)
{
    float **drawn = NULL;
    int rc = fill == PARE_FILL_MODEL ? pare_mask_fits(m, from) : 0;

    count_changes(r, job);
    if (!rc && fill == PARE_FILL_INIT && r->revived)
        rc = draw_init(&drawn, m);
    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        const float *value = NULL;

        if (!changes(job, t))
            continue;
        if (fill == PARE_FILL_MODEL)
            value = from->tensor[t].value;
        else if (fill == PARE_FILL_OTHERS && job->other)
            value = job->other[t];
        else if (drawn)
            value = drawn[t];
        set_mask(m, job, t, value, fill == PARE_FILL_MODEL ? from : NULL);
    }
    if (!rc && r->revived)
        pare_model_drop_scores(m);
    if (!rc) {
        pare_model_drop_full_masks(m);
        pare_model_apply_masks(m);
    }
    free_values(drawn, m->n_tensors);
    return rc;
}
