/* Finding the sparsity that a budget allows. */
#include "prune-search.h"

#include <stdlib.h>

#include "model_copy.h"
#include "model_file.h"
#include "status.h"

/* What one trial came to. */
struct trial {
    uint64_t removed; /* weights pruned in all */
    double measure;   /* bytes, or accuracy */
};

/* A search under way. */
struct search {
    struct pare_prune_options o;
    struct goal *goal;
    const struct pare_model *m;
    const struct cli_tool *tool;
    prune_finish *finish;
    void *arg;
    uint64_t total; /* weights in scope */
};

/* The bytes of the file that it would be, or its accuracy. */
static int measure(double *v, struct search *s, struct pare_model *m,
                   const struct pare_prune_report *r)
{
    void *image = NULL;
    size_t n = 0;
    int rc;

    if (!s->goal->bytes)
        return goal_accuracy(v, m, s->goal);
    rc = s->finish(s->arg, m, r);
    if (!rc)
        rc = pare_model_image(&image, &n, m, NULL);
    free(image);
    *v = (double)n;
    return rc;
}

static void tell(const struct search *s, const struct trial *t)
{
    char bytes[32];
    double sparsity = (double)t->removed / (double)s->total;

    if (!s->goal->verbose)
        return;
    if (s->goal->bytes)
        cli_warn(s->tool, "sparsity %.6f: %s bytes", sparsity,
                 cli_count(bytes, (uint64_t)t->measure));
    else
        cli_warn(s->tool, "sparsity %.4f: accuracy %.4f, %.2f points less",
                 sparsity, t->measure, 100 * (s->goal->base - t->measure));
}

/* Prune a copy so that t->removed weights are gone, and measure it. */
static int try(struct trial *t, struct search *s)
{
    struct pare_prune_report r = {0};
    struct pare_model copy = {0};
    int rc = pare_model_copy(&copy, s->m);

    s->o.amount = s->total ? (double)t->removed / (double)s->total : 0;
    if (!rc)
        rc = pare_prune(&r, &copy, &s->o);
    if (!rc) {
        t->removed = r.total - r.kept_after;
        s->total = r.total;
        rc = measure(&t->measure, s, &copy, &r);
    }
    pare_prune_report_release(&r);
    pare_model_release(&copy);
    return rc;
}

static int no_way(const struct search *s, const struct trial *t)
{
    char asked[32], nearest[32];

    if (!s->goal->bytes)
        return pare_fail(PARE_EINVAL,
                         "a drop of %g points cannot be kept to: the least "
                         "that may be pruned costs %.2f points",
                         s->goal->drop, 100 * (s->goal->base - t->measure));
    return pare_fail(
        PARE_EINVAL, "%s bytes cannot be reached: the nearest is %s, with %s",
        cli_count(asked, s->goal->bytes),
        cli_count(nearest, (uint64_t)t->measure),
        t->removed == s->total ? "all weights of the layers in question pruned"
                               : "as many weights pruned as the bounds allow");
}

/* Halve the range between two trials, one of which reaches the goal. */
static int bisect(struct trial *best, struct search *s, struct trial lo,
                  struct trial hi)
{
    uint64_t step = s->total / (s->goal->bytes ? 1048576 : 10000) + 1;
    bool upper = s->goal->bytes > 0; /* the goal is reached above */
    int rc = 0;

    *best = upper ? hi : lo;
    while (!rc && hi.removed > lo.removed + step) {
        uint64_t middle = lo.removed + (hi.removed - lo.removed) / 2;
        struct trial t = {.removed = middle};
        bool good;

        rc = try(&t, s);
        if (rc)
            break;
        tell(s, &t);
        good = goal_reached(s->goal, t.measure);
        /* Grains of many weights: what was asked for is the place. */
        t.removed = middle;
        if (good)
            *best = t;
        if (good == upper)
            hi = t;
        else
            lo = t;
    }
    return rc;
}

int prune_search(struct pare_prune_options *o, struct goal *goal,
                 const struct pare_model *m, const struct cli_tool *tool,
                 prune_finish *finish, void *arg)
{
    struct search s = {.o = *o,
                       .goal = goal,
                       .m = m,
                       .tool = tool,
                       .finish = finish,
                       .arg = arg};
    struct trial none = {0}, all, best;
    int rc = 0;

    s.o.kind = PARE_AMOUNT_SPARSITY;
    s.o.no_collapse = false;   /* asked of the result alone */
    s.o.near = o->near = true; /* a budget goes as far as bounds let it */
    if (!goal->bytes)
        rc = goal_begin(goal, m);
    if (!rc)
        rc = try(&none, &s);
    if (rc)
        return rc;
    tell(&s, &none);
    if (!goal->bytes && !goal_reached(goal, none.measure))
        return no_way(&s, &none);
    best = none;
    if (!goal->bytes || !goal_reached(goal, none.measure)) {
        all.removed = s.total;
        rc = try(&all, &s);
        if (rc)
            return rc;
        tell(&s, &all);
        if (goal->bytes && !goal_reached(goal, all.measure))
            return no_way(&s, &all);
        if (!goal->bytes && goal_reached(goal, all.measure))
            best = all;
        else
            rc = bisect(&best, &s, none, all);
    }
    o->kind = PARE_AMOUNT_SPARSITY;
    o->amount = s.total ? (double)best.removed / (double)s.total : 0;
    goal->found = best.measure;
    return rc;
}
