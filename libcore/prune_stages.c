#include "prune_stages.h"

#include <math.h>
#include <stdlib.h>

#include "status.h"

#define STEP_MAX 1000000000000000 /* times the rounds it fits 64 bits */

uint64_t pare_prune_part(uint64_t n, uint64_t of, uint64_t whole_run)
{
    uint64_t low = whole_run / of * n, rest = whole_run % of * n;
    uint64_t q = rest / of, r = rest % of;

    return low + q + (2 * r > of || (2 * r == of && (low + q) % 2 == 1));
}

static void place(struct pare_prune_stage *to, const struct pare_prune_time *t,
                  const struct pare_prune_run *run)
{
    bool steps = run->steps > 0;

    to->prune = true;
    to->sparsity = (double)NAN;
    to->in_steps =
        t->unit == PARE_TIME_PART ? steps : t->unit == PARE_TIME_STEP;
    to->until =
        t->unit == PARE_TIME_PART
            ? pare_prune_part(t->n, t->of, steps ? run->steps : run->epochs)
            : t->n;
}

/* The sparsity of agp and exp at a part x of the way. */
static double ramp(const struct pare_prune_schedule_spec *s, double x)
{
    double left = 1 - x;

    if (x >= 1)
        return s->to;
    if (x <= 0 || s->from >= s->to)
        return s->from;
    if (s->kind == PARE_PRUNE_AGP)
        return s->to + (s->from - s->to) * (left * left * left);
    return 1 - (1 - s->from) * pow((1 - s->to) / (1 - s->from), x);
}

/* Number of prunings. */
static uint64_t count_prunings(const struct pare_prune_schedule_spec *s)
{
    uint64_t span = s->end.n - s->start.n;

    if (s->kind == PARE_PRUNE_AT)
        return s->n_at;
    if (s->kind == PARE_PRUNE_ITERATIVE)
        return s->rounds;
    return span / s->every.n + (span % s->every.n != 0) + 1;
}

static void lay_out(struct pare_prune_stage *stage,
                    const struct pare_prune_schedule_spec *s, size_t prunings,
                    const struct pare_prune_run *run)
{
    struct pare_prune_time t = s->end;
    double span = (double)(s->end.n - s->start.n);

    for (size_t i = 0; i < prunings; i++) {
        if (s->kind == PARE_PRUNE_AT) {
            place(&stage[i], &s->at[i], run);
        } else if (s->kind == PARE_PRUNE_ITERATIVE) {
            t = run->steps
                    ? (struct pare_prune_time){PARE_TIME_STEP, run->steps, 0}
                    : (struct pare_prune_time){PARE_TIME_EPOCH, run->epochs, 0};
            if (!s->rewind[0])
                t.n *= i + 1;
            place(&stage[i], &t, run);
        } else {
            t.n = i + 1 < prunings ? s->start.n + i * s->every.n : s->end.n;
            place(&stage[i], &t, run);
            stage[i].sparsity =
                ramp(s, span > 0 ? (double)(t.n - s->start.n) / span : 1);
        }
    }
}

/* Steps from the beginning of the run. */
static uint64_t in_steps(const struct pare_prune_stage *at,
                         const struct pare_prune_run *run)
{
    if (at->in_steps)
        return at->until;
    return at->until ? at->until * run->per_epoch - run->begun : 0;
}

/* a - b where the two can be compared. */
static bool compare(int *order, const struct pare_prune_stage *a,
                    const struct pare_prune_stage *b,
                    const struct pare_prune_run *run)
{
    uint64_t x = a->until, y = b->until;

    if (a->in_steps != b->in_steps) {
        if (!run->per_epoch)
            return false;
        x = in_steps(a, run);
        y = in_steps(b, run);
    }
    *order = x < y ? -1 : x > y;
    return true;
}

static int check_order(const struct pare_prune_stage *stage, size_t prunings,
                       const struct pare_prune_stage *end,
                       const struct pare_prune_run *run)
{
    int order;

    for (size_t i = 0; i < prunings; i++) {
        const char *unit = stage[i].in_steps ? "step" : "epoch";

        if (compare(&order, &stage[i], end, run) && order > 0)
            return pare_fail(PARE_EINVAL,
                             "pruning at %s %llu is beyond the run, which "
                             "ends at %s %llu",
                             unit, (unsigned long long)stage[i].until,
                             end->in_steps ? "step" : "epoch",
                             (unsigned long long)end->until);
        if (i > 0 && compare(&order, &stage[i - 1], &stage[i], run) &&
            order >= 0)
            return pare_fail(PARE_EINVAL,
                             "pruning %zu, at %s %llu, is not after the one "
                             "before",
                             i + 1, unit, (unsigned long long)stage[i].until);
    }
    return 0;
}

int pare_prune_stages(struct pare_prune_stage **out, size_t *n,
                      const struct pare_prune_schedule_spec *s,
                      const struct pare_prune_run *run)
{
    uint64_t prunings = count_prunings(s);
    struct pare_prune_stage *stage,
        end = {.in_steps = run->steps > 0, .sparsity = (double)NAN};
    int order = -1, err = 0;

    if (prunings > PARE_PRUNINGS_MAX)
        return pare_fail(PARE_EINVAL, "%llu prunings are too many: at most %d",
                         (unsigned long long)prunings, PARE_PRUNINGS_MAX);
    end.until = run->steps ? run->steps : run->epochs;
    if (s->kind == PARE_PRUNE_ITERATIVE && end.until > STEP_MAX)
        return pare_fail(PARE_EINVAL, "the run is too long for rounds");
    stage = calloc(prunings + 1, sizeof *stage);
    if (!stage)
        return pare_fail(PARE_ENOMEM, "out of memory");
    lay_out(stage, s, prunings, run);
    if (s->kind == PARE_PRUNE_ITERATIVE && !s->rewind[0])
        end.until *= prunings + 1;
    if (s->kind != PARE_PRUNE_ITERATIVE)
        err = check_order(stage, prunings, &end, run);
    if (err) {
        free(stage);
        return err;
    }
    /* Nothing is trained after a pruning at the end. */
    if (s->kind == PARE_PRUNE_ITERATIVE ||
        !compare(&order, &stage[prunings - 1], &end, run) || order < 0)
        stage[prunings++] = end;
    *out = stage;
    *n = prunings;
    return 0;
}

uint64_t pare_prune_steps(const struct pare_prune_schedule_spec *s,
                          const struct pare_prune_run *run)
{
    struct pare_prune_stage end = {.in_steps = run->steps > 0};

    end.until = run->steps ? run->steps : run->epochs;
    if (s->kind == PARE_PRUNE_ITERATIVE && !s->rewind[0])
        end.until *= s->rounds + 1;
    return in_steps(&end, run);
}
