/* Finding the levels that a budget allows. */
#include "quantize-search.h"

#include <stdlib.h>

#include "codec.h"
#include "model_copy.h"
#include "status.h"

/* A search under way. */
struct search {
    struct pare_quantize_options o;
    struct goal *goal;
    struct pare_model *m;
    const struct cli_tool *tool;
    const char *unit; /* "levels", "bits" */
};

/* What the tensors come to when they are coded, and the file around them. */
static int packed(double *v, const struct pare_model *m, int threads)
{
    const struct pare_effort effort = {PARE_CODEC_LEVEL, threads};
    double sum = QUANTIZE_FILE_BYTES;

    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_coded c = {0};
        int rc = pare_tensor_load(m, t);

        if (!rc)
            rc = pare_encode(&c, &m->tensor[t], effort);
        pare_tensor_drop(m, t);
        if (rc)
            return rc;
        sum += (double)pare_coded_bytes(&c);
        pare_coded_release(&c);
        if (t == 0 || m->tensor[t].layer != m->tensor[t - 1].layer)
            sum += QUANTIZE_LAYER_BYTES;
    }
    *v = sum;
    return 0;
}

static void tell(const struct search *s, int amount, double v)
{
    char bytes[32];

    if (!s->goal->verbose)
        return;
    if (s->goal->bytes)
        cli_warn(s->tool, "%d %s: %s bytes packed", amount, s->unit,
                 cli_count(bytes, (uint64_t)v));
    else
        cli_warn(s->tool, "%d %s: accuracy %.4f, %.2f points less", amount,
                 s->unit, v, 100 * (s->goal->base - v));
}

/* Quantise a copy to so many levels or bits, and measure it. What comes
 * tensor by tensor is not copied, but quantised as it comes. */
static int try(double *v, struct search *s, int amount)
{
    struct pare_quantize_report r = {0};
    struct pare_model copy = {0}, *m = &copy;
    int rc = 0;

    if (pare_model_streams(s->m))
        m = s->m;
    else
        rc = pare_model_copy(&copy, s->m);
    s->o.amount = amount;
    if (!rc)
        rc = pare_quantize(&r, m, &s->o);
    if (!rc)
        rc = s->goal->bytes ? packed(v, m, s->goal->threads)
                            : goal_accuracy(v, m, s->goal);
    pare_quantize_undo(m);
    if (!rc)
        tell(s, amount, *v);
    pare_quantize_report_release(&r);
    pare_model_release(&copy);
    return rc;
}

static int no_way(const struct search *s, int amount, double v)
{
    char asked[32], nearest[32];

    if (!s->goal->bytes)
        return pare_fail(PARE_EINVAL,
                         "a drop of %g points cannot be kept to: %d %s cost "
                         "%.2f points",
                         s->goal->drop, amount, s->unit,
                         100 * (s->goal->base - v));
    return pare_fail(PARE_EINVAL,
                     "%s bytes cannot be reached: with %d %s the "
                     "packed file takes %s",
                     cli_count(asked, s->goal->bytes), amount, s->unit,
                     cli_count(nearest, (uint64_t)v));
}

int quantize_search(struct pare_quantize_options *o, struct goal *goal,
                    struct pare_model *m, const struct cli_tool *tool)
{
    bool codebook = o->way->codebook;
    struct search s = {.o = *o,
                       .goal = goal,
                       .m = m,
                       .tool = tool,
                       .unit = codebook ? "levels" : "bits"};
    int few = 2, many = codebook ? QUANTIZE_LEVELS_MAX : PARE_BITS_MAX;
    /* What reaches the goal if any does, and what goes as far as it can. */
    int sure = goal->bytes ? few : many, far = goal->bytes ? many : few;
    double v = 0;
    int rc = 0;

    s.o.kind = codebook ? PARE_LEVELS_COUNT : PARE_LEVELS_BITS;
    if (!goal->bytes)
        rc = pare_arch_need_graph(&m->arch);
    if (!rc && !goal->bytes)
        rc = goal_begin(goal, m);
    if (!rc)
        rc = try(&v, &s, sure);
    if (rc)
        return rc;
    if (!goal_reached(goal, v))
        return no_way(&s, sure, v);
    goal->found = v;
    rc = try(&v, &s, far);
    if (!rc && goal_reached(goal, v)) {
        sure = far;
        goal->found = v;
    }
    while (!rc && abs(far - sure) > 1) {
        int mid = sure + (far - sure) / 2;

        rc = try(&v, &s, mid);
        if (!rc && goal_reached(goal, v)) {
            sure = mid;
            goal->found = v;
        } else {
            far = mid;
        }
    }
    o->kind = s.o.kind;
    o->amount = sure;
    return rc;
}
