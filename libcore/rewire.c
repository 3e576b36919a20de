#include "rewire_parts.h"

#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "evaluate.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Is anything of it pruned, or was it to be grown back? */
static bool sparse(const struct pare_tensor *t)
{
    return t->target || pare_tensor_kept(t) < pare_tensor_positions(t);
}

int rewire_scope(struct pare_scope *s, const struct pare_model *m,
                 const char *const *only, size_t n_only,
                 const char *const *skip, size_t n_skip)
{
    const struct pare_prune_options o = {
        .only = only, .n_only = n_only, .skip = skip, .n_skip = n_skip};
    int rc = pare_scope_choose(s, m, &o, false);
    size_t n = 0;

    for (size_t i = 0; !rc && i < s->n; i++)
        if (n_only || sparse(&m->tensor[s->layer[i].weight]))
            s->layer[n++] = s->layer[i];
    if (rc)
        return rc;
    s->n = n;
    if (n)
        return 0;
    free(s->layer);
    s->layer = NULL;
    return pare_fail(PARE_EINVAL,
                     "no layer is sparse: begin with pare init --density or "
                     "pare prune, or name dense layers with --only");
}

int rewire_list(uint64_t **at, uint64_t *n, const struct pare_tensor *t)
{
    uint64_t kept = pare_tensor_kept(t);
    uint64_t *list = malloc((size_t)(kept + 1) * sizeof *list);

    if (!list)
        return no_memory();
    if (t->pattern)
        pare_pattern_flat(list, t->pattern);
    for (size_t i = 0, k = 0; !t->pattern && i < t->n; i++)
        if (!t->mask || t->mask[i])
            list[k++] = i;
    *at = list;
    *n = kept;
    return 0;
}

void rewire_gather(float *out, const struct pare_tensor *t, const float *array,
                   const uint64_t *at, uint64_t n)
{
    if (t->pattern) {
        memcpy(out, array, (size_t)n * sizeof *out);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        out[i] = array[at[i]];
}

/* Bits that order as the numbers do. */
static uint32_t key_of(float x)
{
    uint32_t bits;

    x += 0.0f; /* -0 */
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float of_key(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Three counts of the bits, from the highest, of those that agree so far. */
float rewire_kth(const float *v, uint64_t n, uint64_t k)
{
    static const int shift[3] = {21, 10, 0}, width[3] = {11, 11, 10};
    uint64_t count[2048];
    uint32_t key = 0, seen = 0;

    for (int pass = 0; pass < 3; pass++) {
        uint32_t mask = ((uint32_t)1 << width[pass]) - 1, bin = 0;

        memset(count, 0, sizeof count);
        for (uint64_t i = 0; i < n; i++) {
            uint32_t x = key_of(v[i]);

            if ((x & seen) == key)
                count[x >> shift[pass] & mask]++;
        }
        while (k > count[bin])
            k -= count[bin++];
        key |= bin << shift[pass];
        seen |= mask << shift[pass];
    }
    return of_key(key);
}

int rewire_report_begin(struct pare_rewire_report *r, size_t n)
{
    memset(r, 0, sizeof *r);
    r->row = calloc(n + 1, sizeof *r->row);
    return r->row ? 0 : no_memory();
}

void rewire_report_add(struct pare_rewire_report *r,
                       const struct pare_rewire_row *row)
{
    r->row[r->n_rows++] = *row;
    r->before += row->before;
    r->removed += row->removed;
    r->grown += row->grown;
    r->after += row->after;
}

void pare_rewire_report_release(struct pare_rewire_report *r)
{
    free(r->row);
    memset(r, 0, sizeof *r);
}

int pare_remeasure(struct pare_model *m, const struct pare_dataset *d,
                   int threads)
{
    struct pare_evaluation e = {0};
    int rc;

    if (m->n_history == 0)
        return pare_fail(PARE_EINVAL,
                         "the model has no history to put a measurement in: "
                         "train it first");
    rc = pare_evaluate(&e, m, d, PARE_VAL, threads);
    if (!rc) {
        m->history[m->n_history - 1].val_loss = e.loss;
        m->history[m->n_history - 1].val_acc = (double)e.correct / (double)e.n;
    }
    pare_evaluation_release(&e);
    return rc;
}
